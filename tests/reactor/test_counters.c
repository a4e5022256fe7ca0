/* Counters: of the reactor, and of ports. */
#include "../support/stream_test.h"

static TorcReactorCounters counters_now(void)
{
    TorcReactorCounters counters = {.size = sizeof(counters)};
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &counters), 0);
    ck_assert_uint_eq(counters.size, sizeof(counters));
    return counters;
}

static TorcPortCounters port_counters(void)
{
    TorcPortCounters counters = {.size = sizeof(counters)};
    ck_assert_int_eq(TorcPort_getCounters(port, &counters), 0);
    return counters;
}

/* ---- what is counted ----------------------------------------------------------------------- */

START_TEST(bytes_are_counted_both_ways_for_the_port_and_for_the_reactor)
{
    begin_connected(_i);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_int_eq(write_pattern(100000), 0);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(port_counters().bytesReceived, 5);
    ck_assert_uint_eq(port_counters().bytesSent, 100000);
    ck_assert_uint_eq(counters_now().bytesReceived, 5);
    ck_assert_uint_eq(counters_now().bytesSent, 100000);
    end();
}
END_TEST

START_TEST(a_full_receive_buffer_is_counted_too)
{
    begin_connected_with(EDGE, TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 1 << 20));
    uint8_t *bytes = new_pattern(300000);
    TorcSimPeer_sendBytes(peer, bytes, 300000);
    free(bytes);
    settle();
    ck_assert_uint_eq(counters_now().bytesReceived, 300000);
    end();
}
END_TEST

START_TEST(what_a_port_counted_that_is_gone_stays_counted)
{
    begin_connected(EDGE);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made data:5 lost:DONE");
    ck_assert_uint_eq(counters_now().bytesReceived, 5);
    ck_assert_uint_eq(counters_now().connectionsAccepted, 1);
    end();
}
END_TEST

START_TEST(connections_are_counted_by_the_kind_of_their_end)
{
    begin_connected(EDGE);
    TorcSimPeer *second = connect_peer();
    ck_assert_uint_eq(port_counters().connectionsAccepted, 2);
    ck_assert_uint_eq(port_counters().connectionsOpen, 2);
    ck_assert_uint_eq(counters_now().connectionsMade, 2);
    ck_assert_uint_eq(counters_now().connectionsOpen, 2);
    TorcSimPeer_close(peer);
    TorcSimPeer_reset(second);
    settle();
    TorcReactorCounters counters = counters_now();
    ck_assert_uint_eq(counters.connectionsOpen, 0);
    ck_assert_uint_eq(counters.connectionsMade, 2);
    ck_assert_uint_eq(counters.connectionsClosed[TORC_CONNECTION_DONE], 1);
    ck_assert_uint_eq(counters.connectionsClosed[TORC_CONNECTION_LOST], 1);
    ck_assert_uint_eq(counters.connectionsClosed[TORC_CONNECTION_ABORTED], 0);
    ck_assert_uint_eq(port_counters().connectionsClosed[TORC_CONNECTION_DONE], 1);
    ck_assert_uint_eq(port_counters().connectionsClosed[TORC_CONNECTION_LOST], 1);
    ck_assert_uint_eq(port_counters().connectionsOpen, 0);
    end();
}
END_TEST

START_TEST(who_is_refused_at_the_limit_is_counted)
{
    begin(EDGE);
    serve(&rec, PORT);
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 1), 0);
    ck_assert_int_eq(TorcPort_setRefuseExcess(port, true), 0);
    connect_peer();
    connect_peer();
    ck_assert_uint_eq(port_counters().connectionsAccepted, 1);
    ck_assert_uint_eq(port_counters().connectionsRefused, 1);
    ck_assert_uint_eq(counters_now().connectionsAccepted, 1);
    ck_assert_uint_eq(counters_now().connectionsRefused, 1);
    end();
}
END_TEST

START_TEST(who_is_refused_by_the_factory_is_counted)
{
    begin(EDGE);
    rec.refuse = true;
    serve(&rec, PORT);
    connect_peer();
    ck_assert_uint_eq(port_counters().connectionsAccepted, 1);
    ck_assert_uint_eq(port_counters().connectionsRefused, 1);
    ck_assert_uint_eq(counters_now().connectionsMade, 0);
    end();
}
END_TEST

START_TEST(errors_of_accept_are_counted)
{
    begin(EDGE);
    serve(&rec, PORT);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, EMFILE, 1);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, PORT));
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(port_counters().acceptErrors, 1);
    ck_assert_uint_eq(port_counters().connectionsRefused, 1); /* by the spare descriptor */
    ck_assert_uint_eq(counters_now().acceptErrors, 1);
    ck_assert_uint_eq(counters_now().connectionsRefused, 1);
    end();
}
END_TEST

START_TEST(attempts_to_connect_are_counted)
{
    Recording client = {.build_code = 0};
    begin(EDGE);
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "127.0.0.1", PORT, factory, NULL, NULL), 0);
    TorcSim_advance(sim, 1);
    serve(&rec, PORT);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "127.0.0.1", PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(counters_now().attempts, 2);
    ck_assert_uint_eq(counters_now().attemptsFailed, 1);
    ck_assert_uint_eq(counters_now().connectionsMade, 2); /* both ends */
    end();
    Recording_done(&client);
}
END_TEST

static void write_on(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "x", 1), -EPIPE);
}

START_TEST(writes_after_the_end_are_counted)
{
    begin_connected(EDGE);
    rec.on[RECORD_LOST] = write_on;
    TorcBytes piece = {"x", 1};
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(write_text("x"), -EPIPE);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, &piece, 1), -EPIPE);
    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, "x", 1, NULL, NULL), -EPIPE);
    settle();
    ck_assert_uint_eq(counters_now().writesAfterClose, 4);
    end();
}
END_TEST

START_TEST(turns_are_counted)
{
    begin(EDGE);
    uint64_t before = counters_now().turns;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_uint_eq(counters_now().turns, before + 10);
    end();
}
END_TEST

/* ---- sizes --------------------------------------------------------------------------------- */

START_TEST(a_program_with_a_shorter_struct_gets_what_it_knows)
{
    begin_connected(EDGE);
    TorcReactorCounters counters;
    memset(&counters, 0xaa, sizeof(counters));
    counters.size = offsetof(TorcReactorCounters, slowCallbacks);
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &counters), 0);
    ck_assert_uint_gt(counters.turns, 0);
    ck_assert_uint_lt(counters.turns, 1000);
    ck_assert_uint_eq(counters.slowCallbacks, UINT64_C(0xaaaaaaaaaaaaaaaa));
    ck_assert_uint_eq(counters.size, offsetof(TorcReactorCounters, slowCallbacks));
    end();
}
END_TEST

START_TEST(a_program_with_a_longer_struct_gets_zeros_for_the_rest)
{
    struct {
        TorcPortCounters known;
        uint64_t new;
    } counters;
    begin_connected(EDGE);
    memset(&counters, 0xaa, sizeof(counters));
    counters.known.size = sizeof(counters);
    ck_assert_int_eq(TorcPort_getCounters(port, &counters.known), 0);
    ck_assert_uint_eq(counters.known.connectionsAccepted, 1);
    ck_assert_uint_eq(counters.new, 0);
    end();
}
END_TEST

START_TEST(a_size_that_is_none_is_refused)
{
    TorcReactorCounters counters = {.size = sizeof(size_t) - 1};
    begin_connected(EDGE);
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &counters), -EINVAL);
    ck_assert_int_eq(TorcReactor_getCounters(reactor, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_getCounters(NULL, &counters), -EINVAL);
    ck_assert_int_eq(TorcPort_getCounters(port, NULL), -EINVAL);
    ck_assert_int_eq(TorcPort_getCounters(NULL, &(TorcPortCounters){0}), -EINVAL);
    ck_assert_int_eq(TorcPort_getCounters(port, &(TorcPortCounters){0}), -EINVAL);
    end();
}
END_TEST

RUN_LOOP_TESTS("counters",
               {bytes_are_counted_both_ways_for_the_port_and_for_the_reactor, WHOLE_MODES},
               {a_full_receive_buffer_is_counted_too, 1},
               {what_a_port_counted_that_is_gone_stays_counted, 1},
               {connections_are_counted_by_the_kind_of_their_end, 1},
               {who_is_refused_at_the_limit_is_counted, 1},
               {who_is_refused_by_the_factory_is_counted, 1}, {errors_of_accept_are_counted, 1},
               {attempts_to_connect_are_counted, 1}, {writes_after_the_end_are_counted, 1},
               {turns_are_counted, 1}, {a_program_with_a_shorter_struct_gets_what_it_knows, 1},
               {a_program_with_a_longer_struct_gets_zeros_for_the_rest, 1},
               {a_size_that_is_none_is_refused, 1})
