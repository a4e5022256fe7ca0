/* Pull producers: asked for the next piece when everything has left. */
#include "../support/failing_memory.h"
#include "producer_fixture.h"

static void begin_pull(int mode, size_t bytes, size_t piece)
{
    begin_unread(mode);
    producer.left = bytes;
    producer.piece = piece;
    producer.on[P_RESUME] = write_piece;
    ck_assert_int_eq(produce(&producer, false), 0);
}

START_TEST(it_is_asked_at_the_end_of_the_turn_not_inside_the_call) /* PROD-2 */
{
    begin_pull(_i, 0, 0);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made P-resume");
    end();
    ck_assert_uint_eq(producer.counts[P_STOP], 0);
}
END_TEST

START_TEST(it_is_asked_each_time_everything_has_left) /* PROD-2 */
{
    begin_pull(_i, 3 * 1500, 1500);
    settle();
    ck_assert_str_eq(rec.log, "made P-resume");
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 500);
    peer_takes_some(); /* the rest of the first piece leaves, and half of the next */
    ck_assert_str_eq(rec.log, "made P-resume P-resume");
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-resume P-resume P-resume P-resume");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 3 * 1500);
    ck_assert(producer.gone);
    end();
}
END_TEST

START_TEST(it_is_never_paused_however_much_it_writes) /* PROD-3 */
{
    begin_pull(_i, 300000, 150000);
    settle();
    peer_takes_all();
    ck_assert_uint_eq(producer.counts[P_PAUSE], 0);
    ck_assert_str_eq(rec.log, "made P-resume P-resume P-resume");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 300000);
    end();
}
END_TEST

/* A block of this size goes to the kernel inside the write. */
START_TEST(what_left_at_once_has_left_too)
{
    producer = (Producer){.recording = &rec, .left = 400000, .piece = 40000};
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1 << 20));
    producer.on[P_RESUME] = write_piece;
    ck_assert_int_eq(produce(&producer, false), 0);
    settle();
    ck_assert_uint_eq(producer.counts[P_RESUME], 11);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 400000);
    end();
}
END_TEST

START_TEST(one_that_writes_nothing_is_left_alone_until_somebody_writes)
{
    begin_unread(_i);
    TorcSimPeer_startReading(peer);
    ck_assert_int_eq(produce(&producer, false), 0);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made P-resume");
    ck_assert_int_eq(write_text("x"), 0);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made P-resume P-resume");
    end();
}
END_TEST

START_TEST(what_others_write_comes_before_the_next_piece)
{
    begin_pull(_i, 3000, 1500);
    settle();
    ck_assert_int_eq(write_text("between"), 0);
    peer_takes_all();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 3007);
    ck_assert_int_eq(memcmp(TorcSimPeer_received(peer) + 1500, "between", 7), 0);
    end();
}
END_TEST

START_TEST(one_registered_while_bytes_wait_is_asked_when_they_have_left)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(5000), 0);
    settle();
    producer.left = 10;
    producer.piece = 10;
    producer.on[P_RESUME] = write_piece;
    ck_assert_int_eq(produce(&producer, false), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-resume P-resume");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 5010);
    end();
}
END_TEST

/* ---- closing ------------------------------------------------------------------------------- */

START_TEST(a_close_waits_until_it_has_left) /* PROD-8 */
{
    begin_pull(_i, 4 * 1500, 1500);
    lose(&rec);
    settle();
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-resume P-resume P-resume P-resume P-resume lost:DONE");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 4 * 1500);
    ck_assert(TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

START_TEST(a_close_waits_for_ever_for_one_that_does_not_leave) /* PROD-8 */
{
    begin_unread(_i);
    TorcSimPeer_startReading(peer);
    ck_assert_int_eq(produce(&producer, false), 0);
    lose(&rec);
    TorcSim_advance(sim, 100000);
    ck_assert_str_eq(rec.log, "made P-resume");
    end();
    ck_assert_uint_eq(producer.counts[P_STOP], 1);
}
END_TEST

static void write_and_lose(Producer *self)
{
    ck_assert_int_eq(write_pattern(1500), 0);
    leave(self);
    lose(self->recording);
    ck_assert_int_eq(write_text("too late"), -EPIPE);
}

START_TEST(it_may_write_leave_and_close_in_one_call) /* PROD-5 */
{
    begin_unread(_i);
    producer.on[P_RESUME] = write_and_lose;
    ck_assert_int_eq(produce(&producer, false), 0);
    settle();
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-resume lost:DONE");
    assert_peer_has_pattern(peer, 1500);
    end();
}
END_TEST

START_TEST(a_peer_that_takes_nothing_is_cut_off_after_the_close_timeout)
{
    begin_pull(_i, 10000, 1500);
    lose(&rec);
    settle();
    TorcSim_advance(sim, 31);
    ck_assert_str_eq(rec.log, "made P-resume P-stop lost:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_reset_stops_it) /* PROD-7 */
{
    begin_pull(_i, 10000, 1500);
    settle();
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made P-resume P-stop lost:LOST");
    end();
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

static void write_if_it_can(Producer *self)
{
    if (self->left-- == 0)
        leave(self);
    else
        (void)write_pattern(self->piece);
}

/* One conversation in which allocation `k` fails; false when there were not so many. */
static bool converse(int mode, long k)
{
    rec = (Recording){0};
    producer = (Producer){.recording = &rec, .left = 3, .piece = 20000};
    producer.on[P_RESUME] = write_if_it_can;
    FailingMemory_start(-1);
    begin_connected_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    failing_memory.allocations = 0;
    failing_memory.fail_at = k;
    int r = produce(&producer, false);
    ck_assert(r == 0 || r == -ENOMEM);
    producer.gone = r < 0;
    settle();
    /* A piece that could not be kept has ended the connection. */
    if (r == 0)
        ck_assert(producer.gone);
    bool failed = FailingMemory_allocations() > k;
    FailingMemory_recover();
    end();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    return failed;
}

START_TEST(it_survives_every_failed_allocation)
{
    /* The first one also resolves class tables, which stay. */
    begin_connected(_i);
    end();
    long k = 0;
    while (converse(_i, k))
        k++;
    ck_assert_int_ge(k, 2);
}
END_TEST

RUN_LOOP_TESTS("pull producers", {it_is_asked_at_the_end_of_the_turn_not_inside_the_call, MODES},
               {it_is_asked_each_time_everything_has_left, WHOLE_MODES},
               {it_is_never_paused_however_much_it_writes, WHOLE_MODES},
               {what_left_at_once_has_left_too, WHOLE_MODES},
               {one_that_writes_nothing_is_left_alone_until_somebody_writes, MODES},
               {what_others_write_comes_before_the_next_piece, MODES},
               {one_registered_while_bytes_wait_is_asked_when_they_have_left, MODES},
               {a_close_waits_until_it_has_left, MODES},
               {a_close_waits_for_ever_for_one_that_does_not_leave, MODES},
               {it_may_write_leave_and_close_in_one_call, MODES},
               {a_peer_that_takes_nothing_is_cut_off_after_the_close_timeout, MODES},
               {a_reset_stops_it, MODES}, {it_survives_every_failed_allocation, WHOLE_MODES})
