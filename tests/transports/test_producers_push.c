/* Push producers: told when to wait and when to go on, and waited for when the connection closes. */
#include "producer_fixture.h"

/* ---- marks --------------------------------------------------------------------------------- */

START_TEST(it_is_paused_once_and_resumed_once) /* PROD-3 */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(write_pattern(40000), 0);
        settle();
    }
    ck_assert_str_eq(rec.log, "made P-pause");
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-pause P-resume");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 200000);
    end();
}
END_TEST

START_TEST(the_marks_are_those_of_the_transport) /* PROD-3 */
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 3000, 2000), 0);
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(1000 + 3000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(write_pattern(1), 0);
    ck_assert_str_eq(rec.log, "made"); /* not inside the call */
    settle();
    ck_assert_str_eq(rec.log, "made P-pause");
    peer_takes_some();
    ck_assert_str_eq(rec.log, "made P-pause");
    peer_takes_some();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 1001);
    ck_assert_str_eq(rec.log, "made P-pause P-resume");
    end();
}
END_TEST

START_TEST(one_registered_above_the_mark_is_paused_at_the_end_of_the_turn)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(100000), 0);
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made P-pause");
    end();
}
END_TEST

START_TEST(the_protocol_hears_of_the_marks_again_when_it_has_left)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made pause");
    ck_assert_int_eq(produce(&producer, true), 0);
    settle();
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made pause P-pause P-resume");
    leave(&producer);
    ck_assert_str_eq(rec.log, "made pause P-pause P-resume");
    settle();
    ck_assert_str_eq(rec.log, "made pause P-pause P-resume resume");
    end();
}
END_TEST

static void write_when_resumed(Producer *self)
{
    if (self->left == 0)
        return;
    self->left--;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(write_pattern(30000), 0);
}

START_TEST(writing_from_inside_resume_may_pass_the_mark_again) /* PROD-4, PROD-5 */
{
    begin_unread(_i);
    producer.left = 3;
    producer.on[P_RESUME] = write_when_resumed;
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(90000), 0);
    settle();
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-pause P-resume P-pause P-resume P-pause P-resume P-pause "
                              "P-resume");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 4 * 90000);
    end();
}
END_TEST

/* ---- closing ------------------------------------------------------------------------------- */

static void begin_closing(int mode, void (*close)(Recording *recording))
{
    begin_unread(mode);
    TorcSimPeer_startReading(peer);
    ck_assert_int_eq(produce(&producer, true), 0);
    close(&rec);
    settle();
    TorcSim_advance(sim, 3600); /* nothing waits, so the close timeout stands still */
}

START_TEST(loseConnection_waits_for_it) /* PROD-8, PROD-9 */
{
    begin_closing(_i, lose);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcTransport_disconnecting(rec.transport));
    ck_assert_int_eq(write_pattern(50000), 0);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 50000);
    leave(&producer);
    ck_assert_int_eq(write_text("too late"), -EPIPE);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(TorcSimPeer_gotEnd(peer));
    assert_peer_has_pattern(peer, 50000);
    end();
}
END_TEST

START_TEST(loseWriteConnection_waits_for_it) /* CLOSE-10 */
{
    begin_closing(_i, lose_write);
    ck_assert_int_eq(write_text("and so on"), 0);
    settle();
    ck_assert(!TorcSimPeer_gotEnd(peer));
    leave(&producer);
    ck_assert_int_eq(write_text("too late"), -EPIPE);
    settle();
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_str_eq(TorcSimPeer_received(peer), "and so on");
    end();
}
END_TEST

START_TEST(a_paused_one_is_resumed_while_the_connection_closes) /* PROD-8 */
{
    begin_unread(_i);
    producer.left = 2;
    producer.on[P_RESUME] = write_when_resumed;
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(90000), 0);
    settle();
    TorcTransport_loseConnection(rec.transport);
    settle();
    peer_takes_all();
    ck_assert_uint_eq(producer.counts[P_RESUME], 3);
    leave(&producer);
    settle();
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 3 * 90000);
    end();
}
END_TEST

START_TEST(a_fin_lets_it_finish) /* CLOSE-7 */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(write_pattern(90000), 0);
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-pause P-resume");
    leave(&producer);
    settle();
    ck_assert_str_eq(rec.log, "made P-pause P-resume lost:DONE");
    assert_peer_has_pattern(peer, 90000);
    end();
}
END_TEST

START_TEST(leaving_a_connection_that_does_not_close_changes_nothing) /* PROD-6 */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    leave(&producer);
    settle();
    TorcSimPeer_startReading(peer);
    ck_assert_int_eq(write_text("still here"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "still here");
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(the_close_timeout_counts_while_bytes_wait)
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(5000), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 29);
    peer_takes_some(); /* it begins anew */
    TorcSim_advance(sim, 29);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made P-stop lost:TIMED_OUT");
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

/* With edges alone: levels are not watched while nobody reads. */
START_TEST(a_reset_shows_while_the_connection_waits_for_it)
{
    begin_closing(EDGE, lose);
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made P-stop lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(the_shutdown_of_the_reactor_waits_for_it_up_to_the_grace_period) /* RUN */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "made P-stop lost:SHUTDOWN");
    ck_assert_double_eq_tol(TorcSim_seconds(sim), 6, 0.1);
    end();
}
END_TEST

RUN_LOOP_TESTS("push producers", {it_is_paused_once_and_resumed_once, MODES},
               {the_marks_are_those_of_the_transport, WHOLE_MODES},
               {one_registered_above_the_mark_is_paused_at_the_end_of_the_turn, WHOLE_MODES},
               {the_protocol_hears_of_the_marks_again_when_it_has_left, MODES},
               {writing_from_inside_resume_may_pass_the_mark_again, MODES},
               {loseConnection_waits_for_it, MODES}, {loseWriteConnection_waits_for_it, MODES},
               {a_paused_one_is_resumed_while_the_connection_closes, MODES},
               {a_fin_lets_it_finish, MODES},
               {leaving_a_connection_that_does_not_close_changes_nothing, MODES},
               {the_close_timeout_counts_while_bytes_wait, MODES},
               {a_reset_shows_while_the_connection_waits_for_it, 1},
               {the_shutdown_of_the_reactor_waits_for_it_up_to_the_grace_period, WHOLE_MODES})
