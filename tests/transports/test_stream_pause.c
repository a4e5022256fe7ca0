/* Pausing: nothing is delivered, nothing is lost, and the end of the connection is noticed. */
#include "../support/stream_test.h"

static void resume_reading(void)
{
    TorcTransport_resumeProducing(rec.transport);
    settle();
}

/* ---- pausing ------------------------------------------------------------------------------- */

START_TEST(pausing_in_dataReceived_holds_what_follows) /* PROD-11 */
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = pause_reading;
    TorcSimPeer_send(peer, "first");
    settle();
    unsigned calls = rec.counts[RECORD_DATA];
    TorcSimPeer_send(peer, "second");
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 1);

    rec.on[RECORD_DATA] = NULL;
    resume_reading();
    ck_assert_str_eq(Recording_received(&rec), "firstsecond");
    end();
}
END_TEST

START_TEST(pausing_in_connectionMade_is_honoured) /* PROD-12 */
{
    begin(_i);
    rec.on[RECORD_MADE] = pause_reading;
    serve(&rec, PORT);
    peer = TorcSim_connect(sim, PORT);
    TorcSimPeer_send(peer, "hello");
    settle();
    TorcSimPeer_send(peer, " world");
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made");
    resume_reading();
    ck_assert_str_eq(rec.log, "made data:11");
    end();
}
END_TEST

START_TEST(pausing_slows_the_peer_down_and_loses_nothing)
{
    enum { SIZE = 300000 };
    uint8_t *bytes = new_pattern(SIZE);
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_sendBytes(peer, bytes, SIZE);
    settle();
    ck_assert_uint_eq(rec.received_length, 0);
    resume_reading();
    ck_assert_uint_eq(rec.received_length, SIZE);
    assert_pattern(rec.received, SIZE);
    free(bytes);
    end();
}
END_TEST

static void resume_later(void *recording)
{
    TorcTransport_resumeProducing(((Recording *)recording)->transport);
}

static void pause_for_a_second(Recording *recording)
{
    pause_reading(recording);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1, resume_later, recording, NULL), 0);
}

START_TEST(pausing_after_each_delivery_goes_on_with_each_resume)
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = pause_for_a_second;
    TorcSimPeer_send(peer, "abc");
    TorcSim_advance(sim, 10);
    TorcSimPeer_send(peer, "def");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(Recording_received(&rec), "abcdef");
    ck_assert_str_eq(rec.log, "made data:6 lost:DONE");
    end();
}
END_TEST

static void pause_and_resume(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
    TorcTransport_resumeProducing(recording->transport);
}

START_TEST(pausing_and_resuming_in_one_call_changes_nothing)
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = pause_and_resume;
    TorcSimPeer_send(peer, "abc");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made data:3 lost:DONE");
    end();
}
END_TEST

START_TEST(writing_goes_on_while_reading_is_paused)
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    ck_assert_int_eq(write_pattern(200000), 0);
    settle();
    assert_peer_has_pattern(peer, 200000);
    end();
}
END_TEST

START_TEST(a_paused_connection_does_not_turn_the_loop)
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "hello");
    settle();
    uint64_t waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    TorcSim_advance(sim, 1000);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 4);
    end();
}
END_TEST

START_TEST(a_reset_reaches_a_paused_connection_at_once) /* PROD-13, LOOP-7 */
{
    begin_connected(EDGE);
    TorcTransport_pauseProducing(rec.transport);
    if (_i == 1)
        TorcSimPeer_send(peer, "unread");
    settle();
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(a_reset_together_with_data_reaches_a_paused_connection_at_once)
{
    begin_connected(EDGE);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "unread");
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    end();
}
END_TEST

START_TEST(a_reset_with_the_data_in_which_it_paused_is_noticed_at_once)
{
    begin_connected(_i == 0 ? EDGE : EDGE_BYTEWISE);
    rec.on[RECORD_DATA] = pause_reading;
    TorcSimPeer_send(peer, "unread");
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(a_fin_reaches_a_paused_connection_that_has_nothing_unread) /* PROD-13, LOOP-7 */
{
    begin_connected(EDGE);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

START_TEST(a_fin_waits_until_a_paused_connection_has_read_the_rest)
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "unread");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made");
    resume_reading();
    ck_assert_str_eq(rec.log, "made data:6 lost:DONE");
    end();
}
END_TEST

START_TEST(without_edges_a_paused_connection_notices_the_end_at_resume)
{
    begin_connected(LEVEL);
    TorcTransport_pauseProducing(rec.transport);
    if (_i == 0)
        TorcSimPeer_shutdown(peer);
    else
        TorcSimPeer_reset(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made");
    resume_reading();
    ck_assert_str_eq(rec.log, _i == 0 ? "made lost:DONE" : "made lost:LOST");
    end();
}
END_TEST

START_TEST(resuming_what_is_not_paused_closing_or_gone_does_nothing) /* PROD-10, CLOSE-15 */
{
    begin_connected(_i);
    TorcTransport_resumeProducing(rec.transport);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "unread");
    settle();
    TorcTransport_abortConnection(rec.transport);
    TorcTransport_resumeProducing(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
    TorcTransport_pauseProducing(NULL);
    TorcTransport_resumeProducing(NULL);
    end();
}
END_TEST

static void pause_forever(void *arg)
{
    pause_reading(arg);
}

START_TEST(a_send_that_fails_while_paused_ends_the_connection)
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "unread");
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EPIPE, 0);
    ck_assert_int_eq(write_text("x"), 0);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    end();
}
END_TEST

START_TEST(pausing_after_a_failed_send_ends_the_connection)
{
    begin_connected(_i);
    TorcSimPeer_send(peer, "abc");
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EPIPE, 0);
    ck_assert_int_eq(write_text("x"), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, pause_forever, &rec, NULL), 0);
    rec.on[RECORD_DATA] = pause_reading;
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.code, -EPIPE);
    end();
}
END_TEST

RUN_LOOP_TESTS("pausing", {pausing_in_dataReceived_holds_what_follows, MODES},
               {pausing_in_connectionMade_is_honoured, MODES},
               {pausing_slows_the_peer_down_and_loses_nothing, WHOLE_MODES},
               {pausing_after_each_delivery_goes_on_with_each_resume, MODES},
               {pausing_and_resuming_in_one_call_changes_nothing, MODES},
               {writing_goes_on_while_reading_is_paused, WHOLE_MODES},
               {a_paused_connection_does_not_turn_the_loop, MODES},
               {a_reset_reaches_a_paused_connection_at_once, 2},
               {a_reset_together_with_data_reaches_a_paused_connection_at_once, 1},
               {a_reset_with_the_data_in_which_it_paused_is_noticed_at_once, 2},
               {a_fin_reaches_a_paused_connection_that_has_nothing_unread, 1},
               {a_fin_waits_until_a_paused_connection_has_read_the_rest, MODES},
               {without_edges_a_paused_connection_notices_the_end_at_resume, 2},
               {resuming_what_is_not_paused_closing_or_gone_does_nothing, MODES},
               {a_send_that_fails_while_paused_ends_the_connection, MODES},
               {pausing_after_a_failed_send_ends_the_connection, MODES})
