/* Connecting: the attempt and its outcomes, names and addresses, stopping, and connecting again. */
#include <math.h>

#include "../support/stream_test.h"

#define FAR "192.0.2.1"

static TorcConnector *connector;

static int connect_with(const char *host, int number, const TorcConnectOptions *options)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    int r = TorcReactor_connectTCP(reactor, host, number, factory, options, &connector);
    TorcFactory_unref(&factory->base);
    return r;
}

static void connect_to(const char *host)
{
    ck_assert_int_eq(connect_with(host, PORT, NULL), 0);
}

/* A peer listens at FAR, and the code under test has connected to it. */
static void begin_client(int mode)
{
    begin(mode);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    peer = TorcSim_accept(sim, PORT);
    ck_assert_ptr_nonnull(peer);
}

/* ---- success ------------------------------------------------------------------------------- */

START_TEST(a_connection_is_made_used_and_lost) /* CONN-4, CONN-7 */
{
    begin_client(_i);
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_CONNECTED);
    TorcSimPeer_send(peer, "hello");
    ck_assert_int_eq(write_text("hi"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "hi");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made data:5 lost:DONE client-lost:DONE");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    end();
}
END_TEST

START_TEST(nothing_is_called_before_connectTCP_has_returned) /* CONN-1, CONN-2 */
{
    begin(_i);
    connect_to("127.0.0.1");
    ck_assert_str_eq(rec.log, "");
    ck_assert_str_eq(rec.factory_log, "start");
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_CONNECTING);
    settle();
    ck_assert_str_eq(rec.log, "started failed:REFUSED");
    end();
}
END_TEST

START_TEST(bytes_that_wait_when_the_connection_is_made_are_delivered)
{
    begin(_i);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    /* The attempt is on its way; the peer accepts, speaks and closes before we look. */
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    peer = TorcSim_accept(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made data:5 lost:DONE client-lost:DONE");
    end();
}
END_TEST

static const TorcReason *reason_of_protocol;

static void keep_reason(Recording *recording)
{
    reason_of_protocol = recording->reason;
}

static void compare_reason(Recording *recording)
{
    ck_assert_ptr_eq(recording->reason, reason_of_protocol);
    ck_assert_int_eq(TorcConnector_state(recording->connector), TORC_CONNECTOR_DISCONNECTED);
}

START_TEST(protocol_and_factory_get_the_same_reason) /* CONN-7 */
{
    begin_client(_i);
    rec.on[RECORD_LOST] = keep_reason;
    rec.on[RECORD_CLIENT_LOST] = compare_reason;
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:LOST client-lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(the_peer_is_the_address_that_answered) /* CONN-4 */
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    static const char *const names[] = {FAR, "2001:db8::1"};
    static const char *const texts[] = {FAR ":8881", "[2001:db8::1]:8881"};
    begin(EDGE);
    ck_assert_int_eq(TorcSim_listen(sim, names[_i], PORT), 0);
    connect_to(names[_i]);
    settle();
    ck_assert_str_eq(TorcAddress_format(&rec.peer, text, sizeof(text)), texts[_i]);
    TorcTransport_getPeer(rec.transport, &address);
    ck_assert(TorcAddress_equal(&address, &rec.peer));
    end();
}
END_TEST

START_TEST(the_destination_is_told_as_it_was_given) /* CONN-14 */
{
    uint16_t number = 0;
    begin(EDGE);
    connect_to("nowhere.example");
    ck_assert_str_eq(TorcConnector_getDestination(connector, &number), "nowhere.example");
    ck_assert_uint_eq(number, PORT);
    ck_assert_str_eq(TorcConnector_getDestination(connector, NULL), "nowhere.example");
    end();
}
END_TEST

/* ---- failure ------------------------------------------------------------------------------- */

static void expect_no_descriptor(Recording *recording)
{
    (void)recording;
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}

START_TEST(a_refused_attempt_fails_with_a_text_that_names_the_address) /* CONN-6, CONN-15 */
{
    begin(_i);
    rec.on[RECORD_FAILED] = expect_no_descriptor;
    connect_to("127.0.0.1");
    settle();
    ck_assert_str_eq(rec.log, "started failed:REFUSED");
    ck_assert_int_eq(rec.code, -ECONNREFUSED);
    ck_assert_ptr_nonnull(strstr(rec.text, "127.0.0.1:8881"));
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(calls_that_fail_at_once_fail_the_attempt_later) /* CONN-1, CONN-10 */
{
    static const TorcSimCall calls[] = {TORC_SIM_SOCKET, TORC_SIM_BIND, TORC_SIM_CONNECT};
    static const int errors[] = {EMFILE, EADDRINUSE, ENETUNREACH};
    for (size_t i = 0; i < 3; i++) {
        rec = (Recording){0};
        begin(EDGE);
        TorcSim_failCall(sim, calls[i], 1, errors[i], 1);
        ck_assert_int_eq(
            connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.bindAddress = "127.0.0.1")), 0);
        settle();
        ck_assert_str_eq(rec.log, "started failed:FAILED");
        ck_assert_int_eq(rec.code, -errors[i]);
        ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
        end();
    }
}
END_TEST

START_TEST(an_attempt_without_answer_ends_after_exactly_thirty_seconds) /* CONN-3 */
{
    begin(_i);
    TorcSim_blackHole(sim, FAR);
    connect_to(FAR);
    settle();
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    ck_assert_int_eq(rec.code, -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(rec.text, FAR));
    ck_assert_ptr_nonnull(strstr(rec.text, "30 s"));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(the_timeout_can_be_set)
{
    begin(_i);
    TorcSim_blackHole(sim, FAR);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.timeout = 0.5)), 0);
    TorcSim_advance(sim, 0.499);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    end();
}
END_TEST

START_TEST(without_a_timeout_the_systems_own_ends_it)
{
    begin(_i);
    TorcSim_blackHole(sim, FAR);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.timeout = -1)), 0);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    ck_assert_int_eq(rec.code, -ETIMEDOUT);
    end();
}
END_TEST

START_TEST(the_timeout_covers_the_lookup_too) /* CONN-3 */
{
    static const char *const addresses[] = {FAR};
    begin(EDGE);
    TorcSim_setHost(sim, "slow.example", addresses, 1);
    TorcSim_setLookupDelay(sim, _i == 0 ? 20 : 100);
    TorcSim_blackHole(sim, FAR);
    connect_to("slow.example");
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    TorcSim_advance(sim, 200);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_timeout_does_not_outlive_the_attempt)
{
    begin_client(_i);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "started made");
    end();
}
END_TEST

/* ---- names --------------------------------------------------------------------------------- */

START_TEST(an_unknown_name_fails_with_a_text_that_names_it) /* CONN-12 */
{
    begin(_i);
    connect_to("no\nsuch.example");
    settle();
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:DNS_LOOKUP");
    ck_assert_int_eq(rec.code, -TORC_ELOOKUP);
    ck_assert_ptr_eq(strstr(rec.text, "cannot resolve \"no\\x0asuch.example\": "), rec.text);
    end();
}
END_TEST

START_TEST(the_addresses_of_a_name_are_tried_in_order)
{
    static const char *const addresses[] = {"192.0.2.2", "2001:db8::2", FAR, "192.0.2.4"};
    begin(_i);
    TorcSim_setHost(sim, "many.example", addresses, 4);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.4", PORT), 0);
    connect_to("many.example");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_uint_eq(rec.peer.ip[3], 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_CONNECT), 3);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
    end();
}
END_TEST

START_TEST(when_no_address_answers_the_reason_is_that_of_the_last)
{
    static const char *const addresses[] = {"192.0.2.2", "192.0.2.3"};
    begin(_i);
    TorcSim_setHost(sim, "many.example", addresses, 2);
    connect_to("many.example");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started failed:REFUSED");
    ck_assert_ptr_nonnull(strstr(rec.text, "192.0.2.3:8881, the last of 2 addresses"));
    end();
}
END_TEST

/* ---- stopping ------------------------------------------------------------------------------ */

static void stop_connecting(Recording *recording)
{
    ck_assert_int_eq(TorcConnector_stopConnecting(recording->connector), 0);
    ck_assert_int_eq(TorcConnector_stopConnecting(recording->connector), -TORC_ENOTCONNECTING);
}

static void expect_cancelled(const char *log)
{
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, log);
    ck_assert_int_eq(rec.code, 0);
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}

START_TEST(an_attempt_can_be_stopped_before_it_starts) /* CONN-8 */
{
    begin(_i);
    connect_to(FAR);
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_str_eq(rec.log, "");
    expect_cancelled("failed:CANCELLED");
}
END_TEST

START_TEST(an_attempt_can_be_stopped_inside_startedConnecting) /* CONN-8 */
{
    begin(_i);
    rec.on[RECORD_STARTED] = stop_connecting;
    connect_to(FAR);
    expect_cancelled("started failed:CANCELLED");
}
END_TEST

START_TEST(an_attempt_can_be_stopped_during_the_lookup) /* CONN-8 */
{
    begin(_i);
    TorcSim_setLookupDelay(sim, 5);
    connect_to("localhost");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started");
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_str_eq(rec.log, "started");
    expect_cancelled("started failed:CANCELLED");
}
END_TEST

START_TEST(an_attempt_can_be_stopped_while_it_connects) /* CONN-8, CONN-9 */
{
    begin(_i / 2);
    TorcSim_blackHole(sim, FAR);
    connect_to(FAR);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
    if (_i % 2)
        TorcConnector_disconnect(connector);
    else
        ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_str_eq(rec.log, "started");
    expect_cancelled("started failed:CANCELLED");
}
END_TEST

START_TEST(stopping_is_refused_when_there_is_no_attempt) /* CONN-8 */
{
    begin_client(_i);
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), -TORC_ENOTCONNECTING);
    TorcConnector_ref(connector);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), -TORC_ENOTCONNECTING);
    TorcConnector_disconnect(connector); /* nothing */
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    TorcConnector_unref(connector);
    end();
}
END_TEST

static void disconnect(Recording *recording)
{
    (void)recording;
    TorcConnector_disconnect(connector);
}

START_TEST(disconnect_closes_a_connection_in_order) /* CONN-9 */
{
    begin_client(_i);
    ck_assert_int_eq(write_text("bye"), 0);
    TorcConnector_disconnect(connector);
    ck_assert_str_eq(rec.log, "started made");
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    end();
}
END_TEST

START_TEST(disconnect_works_inside_buildProtocol_and_connectionMade)
{
    begin(_i / 2);
    rec.on[_i % 2 ? RECORD_BUILD : RECORD_MADE] = disconnect;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    end();
}
END_TEST

START_TEST(disconnect_inside_connectionLost_does_nothing)
{
    begin_client(_i);
    rec.on[RECORD_LOST] = rec.on[RECORD_CLIENT_LOST] = disconnect;
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    end();
}
END_TEST

/* ---- again --------------------------------------------------------------------------------- */

static void connect_again(Recording *recording)
{
    ck_assert_int_eq(TorcConnector_connect(recording->connector), 0);
    ck_assert_int_eq(TorcConnector_connect(recording->connector), -EISCONN);
}

START_TEST(connect_is_refused_unless_disconnected) /* CONN-9 */
{
    begin(_i);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    ck_assert_int_eq(TorcConnector_connect(connector), -EISCONN);
    settle();
    ck_assert_int_eq(TorcConnector_connect(connector), -EISCONN);
    ck_assert_str_eq(rec.log, "started made");
    end();
}
END_TEST

START_TEST(connecting_again_after_a_loss_does_not_stop_the_factory) /* CONN-7 */
{
    begin_client(_i);
    rec.on[RECORD_CLIENT_LOST] = connect_again;
    for (int i = 0; i < 3; i++) {
        Recording_clear(&rec);
        TorcSimPeer_shutdown(peer);
        settle();
        ck_assert_str_eq(rec.log, "lost:DONE client-lost:DONE started made");
        peer = TorcSim_accept(sim, PORT);
        ck_assert_ptr_nonnull(peer);
    }
    ck_assert_str_eq(rec.factory_log, "");
    rec.on[RECORD_CLIENT_LOST] = NULL;
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.factory_log, "stop");
    end();
}
END_TEST

static void crash(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_crash(reactor), 0);
}

static void note_timer(void *arg)
{
    Recording_note(arg, "timer");
}

START_TEST(connecting_again_after_a_loss_does_not_wait_for_other_news)
{
    begin_client(_i);
    rec.on[RECORD_CLIENT_LOST] = connect_again;
    ck_assert_int_eq(TorcReactor_callLater(reactor, 50, note_timer, &rec, NULL), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 60, crash, NULL, NULL), 0);
    TorcSimPeer_shutdown(peer);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE started made timer");
    rec.on[RECORD_CLIENT_LOST] = NULL;
    end();
}
END_TEST

static void connect_elsewhere(Recording *recording)
{
    (void)recording;
    connect_to("127.0.0.1");
}

START_TEST(an_attempt_begun_in_connectionLost_does_not_wait_for_other_news)
{
    begin_connected(_i);
    rec.on[RECORD_LOST] = connect_elsewhere;
    ck_assert_int_eq(TorcPort_stopListening(port), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 50, note_timer, &rec, NULL), 0);
    stop_after(60);
    TorcSimPeer_shutdown(peer);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "made lost:DONE started failed:REFUSED timer");
    end();
}
END_TEST

START_TEST(connecting_again_after_a_failure_does_not_stop_the_factory) /* CONN-6 */
{
    begin(_i);
    rec.on[RECORD_FAILED] = connect_again;
    rec.log_factory = true;
    connect_to(FAR);
    for (int i = 0; i < 20; i++) /* it would go on for ever */
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_ptr_eq(strstr(rec.log, "start started failed:REFUSED started failed:REFUSED"),
                     rec.log);
    ck_assert_ptr_null(strstr(rec.log, "stop"));
    rec.on[RECORD_FAILED] = NULL;
    Recording_clear(&rec);
    settle();
    ck_assert_ptr_nonnull(strstr(rec.log, "failed:REFUSED stop"));
    end();
}
END_TEST

static void connect_and_stop(Recording *recording)
{
    recording->on[RECORD_FAILED] = NULL;
    ck_assert_int_eq(TorcConnector_connect(recording->connector), 0);
    ck_assert_int_eq(TorcConnector_stopConnecting(recording->connector), 0);
}

START_TEST(connecting_again_may_be_stopped_at_once)
{
    begin(_i);
    rec.on[RECORD_FAILED] = connect_and_stop;
    connect_to("127.0.0.1");
    settle();
    ck_assert_str_eq(rec.log, "started failed:REFUSED failed:CANCELLED");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(a_held_connector_connects_again_later)
{
    begin_client(_i);
    TorcConnector_ref(connector);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_DISCONNECTED);
    ck_assert_str_eq(rec.factory_log, "start stop");
    Recording_clear(&rec);
    ck_assert_int_eq(TorcConnector_connect(connector), 0);
    TorcConnector_unref(connector); /* the reactor has its own reference now */
    settle();
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_str_eq(rec.factory_log, "start");
    end();
}
END_TEST

START_TEST(a_held_connector_outlives_the_reactor)
{
    begin_client(EDGE);
    TorcConnector_ref(connector);
    TorcSim_free(sim);
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_DISCONNECTED);
    ck_assert_str_eq(TorcConnector_getDestination(connector, NULL), FAR);
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 0);
    ck_assert_ptr_null(TorcConnector_unref(connector));
    Recording_done(&rec);
}
END_TEST

START_TEST(two_connectors_of_one_factory_start_it_once) /* FAC-2 */
{
    begin(_i);
    TorcClientFactory *factory = Recording_factory(&rec);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(TorcReactor_connectTCP(reactor, FAR, PORT + i, factory, NULL, NULL), 0);
    ck_assert_uint_eq(factory->base.numPorts, 2);
    TorcFactory_unref(&factory->base);
    settle();
    ck_assert_str_eq(rec.log, "started started failed:REFUSED failed:REFUSED");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

/* ---- protocols ----------------------------------------------------------------------------- */

START_TEST(a_factory_that_wants_no_protocol_gets_the_loss) /* CONN-5 */
{
    begin(_i);
    rec.refuse = true;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started client-lost:NO_PROTOCOL");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert(TorcSimPeer_gotEnd(TorcSim_accept(sim, PORT)));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(an_error_of_buildProtocol_fails_the_attempt) /* CONN-5 */
{
    begin(_i);
    rec.build_code = -EBADMSG;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started failed:NO_PROTOCOL");
    ck_assert_int_eq(rec.code, -EBADMSG);
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

static void fail_now(Recording *recording)
{
    TorcTransport_failConnection(recording->transport, NULL);
}

START_TEST(a_connectionMade_that_fails_ends_the_connection_with_its_reason) /* CONN-5 */
{
    begin(_i);
    rec.on[RECORD_MADE] = fail_now;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:APPLICATION client-lost:APPLICATION");
    end();
}
END_TEST

/* ---- shutdown ------------------------------------------------------------------------------ */

static void connect_in_vain(Recording *recording)
{
    ck_assert_int_eq(TorcConnector_connect(recording->connector), -TORC_ENOTRUNNING);
}

START_TEST(the_shutdown_fails_attempts) /* CONN-13 */
{
    begin(_i / 3);
    rec.on[RECORD_FAILED] = connect_in_vain;
    TorcSim_blackHole(sim, FAR);
    TorcSim_setLookupDelay(sim, 100);
    connect_to(_i % 3 == 0 ? "slow.example" : FAR);
    stop_after(_i % 3 == 2 ? 0 : 1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), _i % 3 == 2 ? 0 : 1);
    ck_assert_str_eq(rec.log, "started failed:SHUTDOWN");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(the_shutdown_closes_connections_and_they_cannot_come_back)
{
    begin_client(_i);
    rec.on[RECORD_CLIENT_LOST] = connect_in_vain;
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

/* ---- options and arguments ----------------------------------------------------------------- */

START_TEST(bindAddress_is_where_it_connects_from)
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    begin(EDGE);
    serve(&rec, PORT);
    Recording client = {0};
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(
        TorcReactor_connectTCP(reactor, "127.0.0.1", PORT, factory,
                               TORC_CONNECT_OPTIONS(.bindAddress = "127.0.0.2", .bindPort = 4711),
                               NULL),
        0);
    TorcFactory_unref(&factory->base);
    settle();
    ck_assert_str_eq(TorcAddress_format(&rec.peer, text, sizeof(text)), "127.0.0.2:4711");
    TorcTransport_getHost(client.transport, &address);
    ck_assert_str_eq(TorcAddress_format(&address, text, sizeof(text)), "127.0.0.2:4711");
    end();
    Recording_done(&client);
}
END_TEST

START_TEST(nagle_is_off_unless_asked_for)
{
    begin(EDGE);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.nagle = _i == 1)), 0);
    settle();
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(rec.transport), _i == 0);
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    char host[255];
    memset(host, 'a', sizeof(host));
    host[254] = '\0';
    begin(EDGE);
    TorcClientFactory *factory = Recording_factory(&rec);
    connector = NULL;
    ck_assert_int_eq(TorcReactor_connectTCP(NULL, FAR, PORT, factory, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, FAR, PORT, NULL, NULL, NULL), -EINVAL);
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(connect_with(NULL, PORT, NULL), -EINVAL);
    ck_assert_int_eq(connect_with("", PORT, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(host, PORT, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, 0, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, 65536, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, PORT, &(TorcConnectOptions){0}), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.timeout = (double)NAN)),
                     -EINVAL);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.bindAddress = "localhost")),
                     -TORC_ENOTADDRESS);
    ck_assert_ptr_null(connector);
    settle();
    ck_assert_str_eq(rec.log, "");
    ck_assert_str_eq(rec.factory_log, "");
    end();
}
END_TEST

START_TEST(the_longest_name_is_looked_up)
{
    char host[254];
    memset(host, 'a', sizeof(host));
    host[253] = '\0';
    begin(EDGE);
    connect_to(host);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started failed:DNS_LOOKUP");
    end();
}
END_TEST

START_TEST(null_is_answered_not_followed)
{
    ck_assert_int_eq(TorcConnector_connect(NULL), -EINVAL);
    ck_assert_int_eq(TorcConnector_stopConnecting(NULL), -EINVAL);
    ck_assert_int_eq(TorcConnector_state(NULL), TORC_CONNECTOR_DISCONNECTED);
    ck_assert_ptr_null(TorcConnector_getDestination(NULL, NULL));
    TorcConnector_disconnect(NULL);
    ck_assert_ptr_null(TorcConnector_ref(NULL));
    ck_assert_ptr_null(TorcConnector_unref(NULL));
    TorcConnectOptions_init(NULL);
    TorcConnectOptions options;
    memset(&options, 0xff, sizeof(options));
    TorcConnectOptions_init(&options);
    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_double_eq(options.timeout, 0);
}
END_TEST

RUN_STREAM_TESTS(
    "TCP connectors", {a_connection_is_made_used_and_lost, MODES},
    {nothing_is_called_before_connectTCP_has_returned, MODES},
    {bytes_that_wait_when_the_connection_is_made_are_delivered, MODES},
    {protocol_and_factory_get_the_same_reason, MODES}, {the_peer_is_the_address_that_answered, 2},
    {the_destination_is_told_as_it_was_given, 1},
    {a_refused_attempt_fails_with_a_text_that_names_the_address, MODES},
    {calls_that_fail_at_once_fail_the_attempt_later, 1},
    {an_attempt_without_answer_ends_after_exactly_thirty_seconds, WHOLE_MODES},
    {the_timeout_can_be_set, WHOLE_MODES},
    {without_a_timeout_the_systems_own_ends_it, WHOLE_MODES},
    {the_timeout_covers_the_lookup_too, 2}, {a_timeout_does_not_outlive_the_attempt, WHOLE_MODES},
    {an_unknown_name_fails_with_a_text_that_names_it, WHOLE_MODES},
    {the_addresses_of_a_name_are_tried_in_order, WHOLE_MODES},
    {when_no_address_answers_the_reason_is_that_of_the_last, WHOLE_MODES},
    {an_attempt_can_be_stopped_before_it_starts, WHOLE_MODES},
    {an_attempt_can_be_stopped_inside_startedConnecting, WHOLE_MODES},
    {an_attempt_can_be_stopped_during_the_lookup, WHOLE_MODES},
    {an_attempt_can_be_stopped_while_it_connects, 2 * WHOLE_MODES},
    {stopping_is_refused_when_there_is_no_attempt, WHOLE_MODES},
    {disconnect_closes_a_connection_in_order, MODES},
    {disconnect_works_inside_buildProtocol_and_connectionMade, 2 * MODES},
    {disconnect_inside_connectionLost_does_nothing, WHOLE_MODES},
    {connect_is_refused_unless_disconnected, WHOLE_MODES},
    {connecting_again_after_a_loss_does_not_stop_the_factory, MODES},
    {connecting_again_after_a_loss_does_not_wait_for_other_news, MODES},
    {an_attempt_begun_in_connectionLost_does_not_wait_for_other_news, MODES},
    {connecting_again_after_a_failure_does_not_stop_the_factory, WHOLE_MODES},
    {connecting_again_may_be_stopped_at_once, WHOLE_MODES},
    {a_held_connector_connects_again_later, WHOLE_MODES},
    {a_held_connector_outlives_the_reactor, 1},
    {two_connectors_of_one_factory_start_it_once, WHOLE_MODES},
    {a_factory_that_wants_no_protocol_gets_the_loss, WHOLE_MODES},
    {an_error_of_buildProtocol_fails_the_attempt, WHOLE_MODES},
    {a_connectionMade_that_fails_ends_the_connection_with_its_reason, WHOLE_MODES},
    {the_shutdown_fails_attempts, 3 * WHOLE_MODES},
    {the_shutdown_closes_connections_and_they_cannot_come_back, MODES},
    {bindAddress_is_where_it_connects_from, 1}, {nagle_is_off_unless_asked_for, 2},
    {bad_arguments_are_refused, 1}, {the_longest_name_is_looked_up, 1},
    {null_is_answered_not_followed, 1})
