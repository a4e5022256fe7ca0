/* How long a close may take: the close timeout while the peer takes nothing, and lingering while
 * it still sends. */
#include "../support/stream_test.h"

/* Output that the peer does not take. */
static void begin_stuck(int mode, size_t length)
{
    begin_connected_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(length), 0);
    settle();
    Recording_clear(&rec);
}

/* The peer takes what the kernel holds, once. */
static void take_some(void)
{
    TorcSimPeer_startReading(peer);
    TorcSimPeer_stopReading(peer);
}

/* ---- the close timeout --------------------------------------------------------------------- */

START_TEST(a_peer_that_takes_nothing_is_cut_off_after_thirty_seconds) /* CLOSE-3 */
{
    begin_stuck(_i, 5000);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    ck_assert_int_eq(rec.code, -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(rec.text, "4000"));
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(the_close_timeout_counts_also_when_the_buffer_fills_after_the_close)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(5000), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(every_byte_taken_starts_the_close_timeout_anew)
{
    begin_stuck(_i, 5000);
    TorcTransport_loseConnection(rec.transport);
    for (int i = 0; i < 3; i++) {
        TorcSim_advance(sim, 29);
        take_some();
        settle();
    }
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_slow_peer_that_takes_all_gets_an_orderly_end)
{
    begin_stuck(_i, 5000);
    TorcTransport_loseConnection(rec.transport);
    for (int i = 0; i < 5; i++) {
        TorcSim_advance(sim, 20);
        take_some();
        settle();
    }
    assert_peer_has_pattern(peer, 5000);
    ck_assert_str_eq(rec.log, "lost:DONE");
    end();
}
END_TEST

START_TEST(before_loseConnection_there_is_no_timeout)
{
    begin_stuck(_i, 5000);
    TorcSim_advance(sim, 10000);
    ck_assert_str_eq(rec.log, "");
    end();
}
END_TEST

START_TEST(the_close_timeout_can_be_set)
{
    begin_stuck(_i, 5000);
    ck_assert_int_eq(TorcTransport_setCloseTimeout(rec.transport, 2.5), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 2.4);
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(the_close_timeout_can_be_set_while_it_runs)
{
    begin_stuck(_i, 5000);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(TorcTransport_setCloseTimeout(rec.transport, 5), 0);
    TorcSim_advance(sim, 4.9);
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_negative_close_timeout_is_none)
{
    begin_stuck(_i / 2, 5000);
    if (_i % 2)
        TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(TorcTransport_setCloseTimeout(rec.transport, -1), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 100000);
    ck_assert_str_eq(rec.log, "");
    end();
}
END_TEST

START_TEST(a_close_timeout_of_zero_is_at_once)
{
    begin_stuck(_i, 5000);
    ck_assert_int_eq(TorcTransport_setCloseTimeout(rec.transport, 0), 0);
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

/* Of the factory it holds for those who begin later; what one is told itself goes before. */
START_TEST(a_factory_gives_its_connections_a_close_timeout)
{
    static const struct {
        double factory, own;
        bool told;
    } cases[] = {{2, 0, false}, {-1, 2, true}, {100, 2, true}};
    begin_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    for (int i = 0; i < 3; i++) {
        rec = (Recording){0};
        TorcClientFactory *factory = Recording_factory(&rec);
        ck_assert_int_eq(TorcFactory_setCloseTimeout(&factory->base, cases[i].factory), 0);
        ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, &factory->base, NULL, &port), 0);
        TorcFactory_unref(&factory->base);
        peer = connect_peer();
        TorcSimPeer_stopReading(peer);
        if (cases[i].told)
            ck_assert_int_eq(TorcTransport_setCloseTimeout(rec.transport, cases[i].own), 0);
        ck_assert_int_eq(write_pattern(5000), 0);
        TorcTransport_loseConnection(rec.transport);
        TorcSim_advance(sim, 1.9);
        ck_assert_str_eq(rec.log, "made");
        TorcSim_advance(sim, 0.1);
        ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
        ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
        settle();
        Recording_done(&rec);
    }
    rec = (Recording){0};
    end();
}
END_TEST

START_TEST(a_kernel_short_of_memory_does_not_hold_a_close_for_ever)
{
    begin_connected(_i);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, ENOBUFS, 0);
    ck_assert_int_eq(write_text("x"), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 31);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(bad_close_timeouts_are_refused)
{
    begin_connected(EDGE);
    double zero = 0;
    ck_assert_int_eq(TorcTransport_setCloseTimeout(rec.transport, zero / zero), -EINVAL);
    ck_assert_int_eq(TorcTransport_setCloseTimeout(NULL, 1), -EINVAL);
    end();
}
END_TEST

/* ---- lingering ----------------------------------------------------------------------------- */

static void answer_and_lose(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "400 too much\r\n", 14), 0);
    lose(recording);
}

/* The server answers the first bytes and closes; the peer goes on sending. */
static void begin_lingering(int mode)
{
    begin(mode);
    rec.on[RECORD_DATA] = answer_and_lose;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_send(peer, "POST");
    settle();
    ck_assert_str_eq(rec.log,
                     mode >= EDGE_BYTEWISE ? "made data:1 lost:DONE" : "made data:4 lost:DONE");
    ck_assert_uint_eq(rec.counts[RECORD_DESTROY], 1);
}

static void send_a_lot(size_t length)
{
    uint8_t *bytes = new_pattern(length);
    TorcSimPeer_sendBytes(peer, bytes, length);
    free(bytes);
}

START_TEST(a_peer_that_still_sends_gets_the_whole_answer_and_no_reset) /* BUG-10 */
{
    begin_lingering(_i);
    size_t open = TorcSim_openDescriptors(sim);
    send_a_lot(100000);
    settle();
    TorcSimPeer_startReading(peer);
    ck_assert_str_eq(TorcSimPeer_received(peer), "400 too much\r\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert(!TorcSimPeer_gotReset(peer));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open - 1);
    end();
}
END_TEST

START_TEST(lingering_ends_after_two_seconds)
{
    begin_lingering(_i);
    size_t open = TorcSim_openDescriptors(sim);
    TorcSim_advance(sim, 1.9);
    send_a_lot(100);
    settle();
    ck_assert(!TorcSimPeer_gotReset(peer));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open);
    TorcSim_advance(sim, 0.1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open - 1);
    send_a_lot(100);
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(lingering_ends_after_four_mebibytes)
{
    begin_lingering(_i);
    size_t open = TorcSim_openDescriptors(sim);
    send_a_lot((4 << 20) - 1000);
    settle();
    ck_assert(!TorcSimPeer_gotReset(peer));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open);
    send_a_lot(2000);
    settle();
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open - 1);
    end();
}
END_TEST

START_TEST(lingering_ends_when_the_peer_closes_or_resets)
{
    begin_lingering(_i / 2);
    size_t open = TorcSim_openDescriptors(sim);
    if (_i % 2) {
        send_a_lot(10);
        TorcSimPeer_reset(peer);
    } else {
        TorcSimPeer_startReading(peer);
        TorcSimPeer_close(peer);
    }
    settle();
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open - 1);
    end();
}
END_TEST

START_TEST(input_unread_at_the_close_does_not_reset_the_answer)
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    send_a_lot(10000);
    settle();
    ck_assert_int_eq(write_text("bye"), 0);
    TorcTransport_loseConnection(rec.transport);
    settle();
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(several_linger_each_for_its_own_two_seconds)
{
    enum { COUNT = 5 };
    TorcSimPeer *peers[COUNT];
    begin(_i);
    rec.on[RECORD_MADE] = lose;
    serve(&rec, PORT);
    size_t idle = TorcSim_openDescriptors(sim);
    for (int i = 0; i < COUNT; i++) {
        peers[i] = connect_peer();
        TorcSim_advance(sim, 0.25);
    }
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), idle + COUNT);
    /* The third closes early: it goes from the middle of the list. */
    TorcSimPeer_shutdown(peers[2]);
    settle();
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), idle + COUNT - 1);
    TorcSim_advance(sim, 2 - COUNT * 0.25);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), idle + COUNT - 2);
    TorcSim_advance(sim, 0.25);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), idle + COUNT - 3);
    TorcSim_advance(sim, 0.25 * COUNT);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), idle);
    end();
}
END_TEST

START_TEST(a_bounded_number_lingers) /* BUG-10 */
{
    enum { COUNT = 1100, MOST = 1024 };
    begin(_i);
    rec.on[RECORD_MADE] = lose;
    rec.log[0] = '\0';
    serve(&rec, PORT);
    size_t idle = TorcSim_openDescriptors(sim);
    for (int i = 0; i < COUNT; i++) {
        peer = connect_peer();
        rec.log[0] = '\0';
    }
    ck_assert_uint_eq(rec.counts[RECORD_LOST], COUNT);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), idle + MOST);
    TorcSim_advance(sim, 2);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), idle);
    end();
}
END_TEST

START_TEST(a_lingering_socket_does_not_turn_the_loop)
{
    begin_lingering(_i);
    uint64_t waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    TorcSim_advance(sim, 1.5);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 4);
    end();
}
END_TEST

/* ---- lingering and the end of the reactor -------------------------------------------------- */

START_TEST(a_quiet_lingering_socket_does_not_hold_the_shutdown)
{
    begin_lingering(_i);
    stop_after(0.5);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 0.5);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

static void flood(void *arg)
{
    (void)arg;
    send_a_lot(50000);
}

START_TEST(a_connection_closed_by_the_shutdown_with_unread_input_still_lingers)
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    ck_assert_int_eq(write_text("bye"), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.5, flood, NULL, NULL), 0);
    stop_after(0.5);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 2.5);
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

static void answer_the_other_and_stop(Recording *recording)
{
    Recording *other = recording->arg;
    ck_assert_int_eq(TorcTransport_write(other->transport, "!", 1), 0);
    lose(other);
    stop_reactor(NULL);
}

/* The other one's bytes left after its turn to be told: it is told when the rest is aborted. */
START_TEST(the_end_of_the_grace_period_does_not_reset_what_was_just_closed_in_order)
{
    Recording other = {0};
    begin_with(_i, TORC_SIM_OPTIONS(.reactor = TORC_REACTOR_OPTIONS(.gracePeriod = -1)));
    rec.arg = &other;
    rec.on[RECORD_LOST] = answer_the_other_and_stop;
    rec.next = &other;
    serve(&rec, PORT);
    TorcSimPeer *first = connect_peer();
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_close(first);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(other.log, "made lost:DONE");
    ck_assert(!TorcSimPeer_gotReset(peer));
    TorcSimPeer_startReading(peer);
    ck_assert_str_eq(TorcSimPeer_received(peer), "!");
    ck_assert(TorcSimPeer_gotEnd(peer));
    end();
    Recording_done(&other);
}
END_TEST

START_TEST(a_reactor_can_be_freed_while_sockets_linger)
{
    begin_lingering(_i);
    end();
}
END_TEST

RUN_LOOP_TESTS(
    "bounds of closing", {a_peer_that_takes_nothing_is_cut_off_after_thirty_seconds, MODES},
    {the_close_timeout_counts_also_when_the_buffer_fills_after_the_close, MODES},
    {every_byte_taken_starts_the_close_timeout_anew, MODES},
    {a_slow_peer_that_takes_all_gets_an_orderly_end, MODES},
    {before_loseConnection_there_is_no_timeout, MODES}, {the_close_timeout_can_be_set, MODES},
    {the_close_timeout_can_be_set_while_it_runs, MODES},
    {a_negative_close_timeout_is_none, 2 * MODES}, {a_close_timeout_of_zero_is_at_once, MODES},
    {a_factory_gives_its_connections_a_close_timeout, WHOLE_MODES},
    {a_kernel_short_of_memory_does_not_hold_a_close_for_ever, WHOLE_MODES},
    {bad_close_timeouts_are_refused, 1},
    {a_peer_that_still_sends_gets_the_whole_answer_and_no_reset, MODES},
    {lingering_ends_after_two_seconds, MODES}, {lingering_ends_after_four_mebibytes, WHOLE_MODES},
    {lingering_ends_when_the_peer_closes_or_resets, 2 * MODES},
    {input_unread_at_the_close_does_not_reset_the_answer, MODES},
    {several_linger_each_for_its_own_two_seconds, MODES}, {a_bounded_number_lingers, WHOLE_MODES},
    {a_lingering_socket_does_not_turn_the_loop, MODES},
    {a_quiet_lingering_socket_does_not_hold_the_shutdown, MODES},
    {a_connection_closed_by_the_shutdown_with_unread_input_still_lingers, MODES},
    {the_end_of_the_grace_period_does_not_reset_what_was_just_closed_in_order, MODES},
    {a_reactor_can_be_freed_while_sockets_linger, MODES})
