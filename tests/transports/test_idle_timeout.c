/* Idle timeouts: connections on which nothing moves are ended, others are not. */
#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static void set_idle(double seconds)
{
    ck_assert_int_eq(TorcTransport_setIdleTimeout(rec.transport, seconds), 0);
}

/* A connection with this idle timeout, of which the log begins empty. */
static void begin_idle(int mode, double seconds)
{
    begin_connected_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    set_idle(seconds);
    Recording_clear(&rec);
}

/* Output that the kernel does not take, all but a buffer of it. */
static void begin_stuck(int mode, double seconds)
{
    begin_idle(mode, seconds);
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(50000), 0);
    settle();
}

static void listen_with_timeout(double seconds)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcFactory_setIdleTimeout(&factory->base, seconds), 0);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, &factory->base, NULL, &port), 0);
    TorcFactory_unref(&factory->base);
}

/* ---- silence ------------------------------------------------------------------------------- */

START_TEST(silence_ends_the_connection_in_order) /* LINE-18, BUG-30 */
{
    begin_idle(_i, 30);
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    ck_assert_str_eq(rec.text, "no byte came or went for 30 s");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(without_one_a_connection_may_be_silent_for_ever)
{
    begin_connected(_i);
    TorcSim_advance(sim, 1e6);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(output_that_the_peer_does_not_take_ends_it_with_a_reset) /* BUG-43 */
{
    begin_stuck(_i, 30);
    TorcSim_advance(sim, 30);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(writing_to_a_peer_that_takes_nothing_is_silence)
{
    begin_stuck(_i, 30);
    for (int i = 0; i < 2; i++) {
        TorcSim_advance(sim, 14);
        ck_assert_int_eq(write_text("more"), 0);
    }
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_paused_connection_is_silent_too)
{
    begin_idle(_i, 30);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "unread");
    TorcSim_advance(sim, 30);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

/* ---- what counts --------------------------------------------------------------------------- */

START_TEST(a_byte_that_comes_begins_it_anew) /* LINE-18 */
{
    begin_idle(_i, 30);
    for (int i = 0; i < 5; i++) {
        TorcSim_advance(sim, 29);
        TorcSimPeer_send(peer, "x");
    }
    TorcSim_advance(sim, 29.9);
    ck_assert_str_eq(rec.log, "data:5");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(rec.log, "data:5 lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_byte_that_goes_begins_it_anew) /* LINE-18 */
{
    begin_idle(_i, 30);
    for (int i = 0; i < 5; i++) {
        TorcSim_advance(sim, 29);
        ck_assert_int_eq(write_text("x"), 0);
    }
    TorcSim_advance(sim, 29.9);
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_slow_reader_of_much_is_not_silent)
{
    begin_stuck(_i, 30);
    while (TorcTransport_bufferedBytes(rec.transport) > 0) {
        TorcSim_advance(sim, 29);
        TorcSimPeer_startReading(peer);
        TorcSimPeer_stopReading(peer);
    }
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 30);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(what_a_producer_sends_counts)
{
    begin_idle(_i, 30);
    uint8_t *bytes = new_pattern(40000);
    for (int i = 0; i < 3; i++) {
        TorcSim_advance(sim, 29);
        ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, bytes, 40000, NULL, NULL), 0);
    }
    TorcSim_advance(sim, 29);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    free(bytes);
    end();
}
END_TEST

/* Each of the two hears of one direction alone by itself. */
START_TEST(what_joined_connections_pass_on_counts_for_both)
{
    static Recording right;
    rec = right = (Recording){0};
    rec.next = &right;
    begin_connected(_i);
    TorcSimPeer *other = connect_peer();
    TorcDeferred *done;
    ck_assert_int_eq(torc_joinTransports(rec.transport, right.transport, &done), 0);
    TorcDeferred_detach(done);
    set_idle(30);
    ck_assert_int_eq(TorcTransport_setIdleTimeout(right.transport, 30), 0);
    for (int i = 0; i < 5; i++) {
        TorcSim_advance(sim, 29);
        TorcSimPeer_send(peer, "x");
    }
    settle();
    ck_assert_str_eq(TorcSimPeer_received(other), "xxxxx");
    ck_assert_uint_eq(rec.counts[RECORD_LOST] + right.counts[RECORD_LOST], 0);
    TorcSim_advance(sim, 30);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_uint_eq(right.counts[RECORD_LOST], 1);
    end();
    Recording_done(&right);
}
END_TEST

START_TEST(a_byte_costs_no_timer)
{
    begin_idle(_i, 30);
    uint64_t before = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    for (int i = 0; i < 100; i++) {
        TorcSim_advance(sim, 29);
        TorcSimPeer_send(peer, "x");
        settle();
    }
    /* A wait or two for each byte, and a wake-up for each 30 seconds. */
    ck_assert_uint_lt(TorcSim_countCalls(sim, TORC_SIM_WAIT) - before, 700);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    end();
}
END_TEST

/* ---- setting it ---------------------------------------------------------------------------- */

START_TEST(a_factory_gives_its_connections_one_from_the_beginning)
{
    begin(_i);
    listen_with_timeout(30);
    peer = connect_peer();
    TorcSim_advance(sim, 29.9);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    end();
}
END_TEST

static void set_hour(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_setIdleTimeout(recording->transport, 3600), 0);
}

START_TEST(connectionMade_may_set_another)
{
    begin(_i);
    rec.on[RECORD_MADE] = set_hour;
    listen_with_timeout(30);
    peer = connect_peer();
    TorcSim_advance(sim, 3599.9);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(setting_it_begins_it_anew_and_zero_takes_it_away)
{
    begin_idle(_i, 30);
    TorcSim_advance(sim, 20);
    set_idle(15);
    TorcSim_advance(sim, 14.9);
    ck_assert_str_eq(rec.log, "");
    set_idle(0);
    TorcSim_advance(sim, 1e6);
    ck_assert_str_eq(rec.log, "");
    set_idle(1);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(the_smallest_one_is_not_none)
{
    begin_idle(_i, 1e-300);
    TorcSim_advance(sim, 1e-6);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_huge_one_never_comes)
{
    begin_idle(_i, 1e300);
    TorcSimPeer_send(peer, "x");
    TorcSim_advance(sim, 1e8);
    ck_assert_str_eq(rec.log, "data:1");
    end();
}
END_TEST

START_TEST(bad_ones_are_refused)
{
    begin_connected(EDGE);
    TorcFactory *factory = rec.protocol->factory;
    ck_assert_int_eq(TorcTransport_setIdleTimeout(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcTransport_setIdleTimeout(rec.transport, -1), -EINVAL);
    ck_assert_int_eq(TorcTransport_setIdleTimeout(rec.transport, (double)NAN), -EINVAL);
    ck_assert_int_eq(TorcFactory_setIdleTimeout(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcFactory_setIdleTimeout(factory, -1), -EINVAL);
    ck_assert_int_eq(TorcFactory_setIdleTimeout(factory, (double)NAN), -EINVAL);
    ck_assert_int_eq(TorcFactory_setCloseTimeout(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcFactory_setCloseTimeout(factory, (double)NAN), -EINVAL);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

/* ---- other ends ---------------------------------------------------------------------------- */

/* Once it closes the close timeout is responsible, 30 s by default. */
START_TEST(a_closing_connection_has_the_close_timeout_alone)
{
    begin_stuck(_i, 5);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 29.9);
    ck_assert_str_eq(rec.log, "");
    set_idle(0.01);
    TorcSim_advance(sim, 0.09);
    ck_assert_str_eq(rec.log, "");
    TorcSim_advance(sim, 0.01);
    ck_assert_str_eq(rec.log, "lost:TIMED_OUT");
    ck_assert_ptr_nonnull(strstr(rec.text, "took none"));
    end();
}
END_TEST

START_TEST(an_ended_connection_leaves_nothing_to_come)
{
    char report[1000];
    begin_idle(_i / 3, 30);
    switch (_i % 3) {
    case 0: TorcTransport_loseConnection(rec.transport); break;
    case 1: TorcTransport_abortConnection(rec.transport); break;
    default: TorcSimPeer_reset(peer); break;
    }
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    TorcSimPeer_close(peer);
    TorcPort_stopListening(port, NULL);
    TorcSim_advance(sim, 100);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
    end();
}
END_TEST

/* ---- without memory ------------------------------------------------------------------------ */

START_TEST(without_memory_it_answers_so_and_the_former_one_holds)
{
    begin_idle(_i, 30);
    bool done = false;
    for (long k = 0; !done; k++) {
        FailingMemory_start(k);
        int r = TorcTransport_setIdleTimeout(rec.transport, 1000);
        done = r == 0;
        if (!done)
            ck_assert_int_eq(r, -ENOMEM);
    }
    FailingMemory_stop();
    end();
}
END_TEST

/* The connection is made all the same, and told that it is lost. */
START_TEST(a_connection_that_cannot_have_its_timeout_is_lost)
{
    long failed = 0;
    for (long k = 0; k < 12; k++) {
        rec = (Recording){0};
        begin(_i);
        listen_with_timeout(30);
        TorcSimPeer *late = TorcSim_connect(sim, PORT);
        FailingMemory_start(k);
        settle();
        FailingMemory_stop();
        failed +=
            rec.counts[RECORD_MADE] == 1 && rec.counts[RECORD_LOST] == 1 && rec.code == -ENOMEM;
        ck_assert_uint_le(rec.counts[RECORD_LOST], rec.counts[RECORD_MADE]);
        TorcSimPeer_close(late);
        settle();
        end();
    }
    ck_assert_int_gt(failed, 0);
}
END_TEST

RUN_LOOP_TESTS("idle timeouts", {silence_ends_the_connection_in_order, MODES},
               {without_one_a_connection_may_be_silent_for_ever, WHOLE_MODES},
               {output_that_the_peer_does_not_take_ends_it_with_a_reset, MODES},
               {writing_to_a_peer_that_takes_nothing_is_silence, MODES},
               {a_paused_connection_is_silent_too, WHOLE_MODES},
               {a_byte_that_comes_begins_it_anew, MODES}, {a_byte_that_goes_begins_it_anew, MODES},
               {a_slow_reader_of_much_is_not_silent, WHOLE_MODES},
               {what_a_producer_sends_counts, WHOLE_MODES},
               {what_joined_connections_pass_on_counts_for_both, MODES},
               {a_byte_costs_no_timer, WHOLE_MODES},
               {a_factory_gives_its_connections_one_from_the_beginning, WHOLE_MODES},
               {connectionMade_may_set_another, WHOLE_MODES},
               {setting_it_begins_it_anew_and_zero_takes_it_away, WHOLE_MODES},
               {the_smallest_one_is_not_none, WHOLE_MODES}, {a_huge_one_never_comes, WHOLE_MODES},
               {bad_ones_are_refused, 1},
               {a_closing_connection_has_the_close_timeout_alone, WHOLE_MODES},
               {an_ended_connection_leaves_nothing_to_come, 3 * WHOLE_MODES},
               {without_memory_it_answers_so_and_the_former_one_holds, WHOLE_MODES},
               {a_connection_that_cannot_have_its_timeout_is_lost, WHOLE_MODES})
