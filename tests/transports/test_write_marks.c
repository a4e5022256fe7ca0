/* Back-pressure: the marks, and the buffer limit. */
#include "../support/stream_test.h"

static Recording second;

static void count_up(void *counter)
{
    ++*(int *)counter;
}

static int write_owned(const char *text, int *released)
{
    return TorcTransport_writeOwned(rec.transport, text, strlen(text), count_up, released);
}

/* ---- marks --------------------------------------------------------------------------------- */

static void begin_unread(int mode)
{
    begin_connected_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
}

START_TEST(the_high_mark_is_told_once_and_the_low_mark_once) /* PROD-3 */
{
    begin_unread(_i);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(write_pattern(i == 0 ? 70000 : 1000), 0);
        settle();
    }
    ck_assert_str_eq(rec.log, "made pause");
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_str_eq(rec.log, "made pause resume");
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    end();
}
END_TEST

START_TEST(the_default_high_mark_is_64_kibibytes_waiting)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(1000 + 65536), 0);
    settle();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 65536);
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(write_pattern(1), 0);
    settle();
    ck_assert_str_eq(rec.log, "made pause");
    end();
}
END_TEST

START_TEST(what_leaves_within_the_turn_passes_no_mark)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1 << 20));
    ck_assert_int_eq(write_pattern(500000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(marks_can_be_set_and_are_not_inside_the_call) /* PROD-3 */
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 100, 50), 0);
    ck_assert_int_eq(write_pattern(1000 + 101), 0);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made pause");
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_str_eq(rec.log, "made pause resume");
    end();
}
END_TEST

START_TEST(resuming_comes_at_the_low_mark_not_only_at_zero)
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 3000, 2000), 0);
    ck_assert_int_eq(write_pattern(1000 + 3500), 0);
    settle();
    /* Reads what the kernel holds, 1000 bytes at a time. */
    TorcSimPeer_startReading(peer);
    TorcSimPeer_stopReading(peer);
    settle();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 2500);
    ck_assert_str_eq(rec.log, "made pause");
    TorcSimPeer_startReading(peer);
    TorcSimPeer_stopReading(peer);
    settle();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 1500);
    ck_assert_str_eq(rec.log, "made pause resume");
    end();
}
END_TEST

START_TEST(lowering_the_mark_below_what_waits_tells_it)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(5000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 10, 0), 0);
    settle();
    ck_assert_str_eq(rec.log, "made pause");
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 10000, 9000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made pause resume");
    end();
}
END_TEST

static void write_more(Recording *recording)
{
    if (recording->counts[RECORD_RESUME] < 5)
        ck_assert_int_eq(write_pattern(30000), 0);
}

START_TEST(a_producer_may_write_from_inside_resume) /* PROD-5 */
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 1000, 0), 0);
    rec.on[RECORD_RESUME] = write_more;
    ck_assert_int_eq(write_pattern(30000), 0);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 5 * 30000);
    ck_assert_uint_eq(rec.counts[RECORD_PAUSE], 5);
    ck_assert_uint_eq(rec.counts[RECORD_RESUME], 5);
    end();
}
END_TEST

START_TEST(a_closing_connection_is_not_told_of_marks)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(100000), 0);
    TorcTransport_loseConnection(rec.transport);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

START_TEST(bad_marks_are_refused)
{
    begin_connected(EDGE);
    ck_assert_int_eq(TorcTransport_setWriteMarks(NULL, 2, 1), -EINVAL);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 1, 2), -EINVAL);
    ck_assert_int_eq(TorcTransport_setBufferLimit(NULL, 1), -EINVAL);
    end();
}
END_TEST

START_TEST(a_mark_beyond_all_memory_is_never_passed) /* BUG-35 */
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, SIZE_MAX, SIZE_MAX), 0);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, SIZE_MAX, 0), 0);
    ck_assert_int_eq(write_pattern(1000 * 1000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    TorcSimPeer_startReading(peer);
    settle();
    assert_peer_has_pattern(peer, 1000 * 1000);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

/* ---- marks and reading on ------------------------------------------------------------------ */

/* One that slows its peer down gets one read beyond the mark, whatever more there is to read. */
START_TEST(who_passed_the_mark_is_told_before_it_is_given_more)
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 500, 0), 0);
    rec.on[RECORD_DATA] = echo;
    rec.on[RECORD_PAUSE] = pause_reading;
    uint8_t *bytes = new_pattern(20000);
    TorcSimPeer_sendBytes(peer, bytes, 20000);
    settle();
    ck_assert_str_eq(rec.log, "made data:2000 pause"); /* 1000 have left */
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 1000);
    free(bytes);
    end();
}
END_TEST

enum { FILLS_A_READ = 64 * 1024, REST = 1000, ANSWER = 3 * 30000 };

/* What one turn reads in two goes, the second at its end. */
static void send_two_reads(void)
{
    uint8_t *bytes = new_pattern(FILLS_A_READ + REST);
    TorcSimPeer_sendBytes(peer, bytes, FILLS_A_READ + REST);
    free(bytes);
}

static void answer_the_rest(Recording *recording)
{
    if (recording->received_length < FILLS_A_READ + REST)
        return;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(write_pattern(ANSWER / 3), 0);
}

START_TEST(what_leaves_within_the_turn_passes_no_mark_when_it_was_read_on)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1 << 20));
    rec.on[RECORD_DATA] = answer_the_rest;
    send_two_reads();
    settle();
    ck_assert_str_eq(rec.log, "made data:66536");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), ANSWER);
    end();
}
END_TEST

/* All was read, so its end comes at once, although it pauses only after that. Write interest is there
 * from the beginning: joining it would make the system report everything anew. */
START_TEST(who_pauses_at_the_mark_after_the_last_byte_is_told_of_the_end)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = FILLS_A_READ + REST));
    ck_assert_int_eq(write_pattern(200000), 0);
    settle();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    Recording_clear(&rec);
    TorcSimPeer_stopReading(peer);
    rec.on[RECORD_DATA] = answer_the_rest;
    rec.on[RECORD_PAUSE] = pause_reading;
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 500, 0), 0);
    send_two_reads();
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "data:66536 pause");
    TorcSim_advance(sim, 31); /* the close timeout: the peer takes nothing */
    ck_assert_str_eq(rec.log, "data:66536 pause lost:TIMED_OUT");
    end();
}
END_TEST

/* ---- the buffer limit ---------------------------------------------------------------------- */

START_TEST(there_is_no_buffer_limit_by_default) /* WR-12 */
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(20 * 1000 * 1000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made pause");
    end();
}
END_TEST

START_TEST(a_buffer_limit_beyond_all_memory_is_none) /* BUG-35 */
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, SIZE_MAX), 0);
    ck_assert_int_eq(write_pattern(1000 * 1000), 0);
    ck_assert_int_eq(write_pattern(1000 * 1000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made pause");
    end();
}
END_TEST

START_TEST(passing_the_buffer_limit_aborts_with_a_reason_that_says_so) /* WR-12, BUG-3 */
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 5000), 0);
    ck_assert_int_eq(write_pattern(5000), 0);
    settle();
    ck_assert_int_eq(write_pattern(1000), 0); /* as many have left */
    ck_assert_int_eq(write_pattern(1), -ENOBUFS);
    ck_assert_int_eq(write_pattern(1), -EPIPE);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made lost:OVERFLOW");
    ck_assert_ptr_nonnull(strstr(rec.text, "a write of 1 bytes, with 5000 waiting, passed the "
                                           "buffer limit of 5000: "));
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(one_write_beyond_the_buffer_limit_is_not_the_peer_s_fault)
{
    begin_connected(_i);
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 5000), 0);
    ck_assert_int_eq(write_pattern(5001), -ENOBUFS);
    settle();
    ck_assert_str_eq(rec.log, "made lost:OVERFLOW");
    ck_assert_str_eq(rec.text,
                     "a write of 5001 bytes, with 0 waiting, passed the buffer limit of 5000: "
                     "write less at a time, no more between pauseProducing and resumeProducing, "
                     "or raise the limit");
    end();
}
END_TEST

START_TEST(a_factory_gives_its_connections_a_limit_which_they_may_change)
{
    begin_unread(_i);
    TorcFactory_setBufferLimit(rec.protocol->factory, 5000);
    ck_assert_int_eq(write_pattern(5000), 0);
    if (_i % 2)
        ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 10, 0), 0);
    settle();
    ck_assert_int_eq(write_pattern(1000), 0);
    ck_assert_int_eq(write_pattern(1), -ENOBUFS);
    settle();
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_OVERFLOW);

    peer = connect_peer();
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 0), 0);
    ck_assert_int_eq(write_pattern(100000), 0);
    end();
}
END_TEST

START_TEST(owned_bytes_beyond_the_limit_are_released)
{
    int released = 0;
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 3), 0);
    ck_assert_int_eq(write_owned("four", &released), -ENOBUFS);
    ck_assert_int_eq(released, 1);
    settle();
    ck_assert_str_eq(rec.log, "made lost:OVERFLOW");
    end();
}
END_TEST

START_TEST(an_overflow_ends_that_connection_alone)
{
    second = (Recording){0};
    begin(_i);
    rec.next = &second;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer *other = connect_peer();
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 3), 0);
    ck_assert_int_eq(write_text("four"), -ENOBUFS);
    settle();
    ck_assert_int_eq(TorcTransport_write(second.transport, "fine", 4), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(other), "fine");
    ck_assert_str_eq(second.log, "made");
    end();
    Recording_done(&second);
}
END_TEST

RUN_LOOP_TESTS("write marks", {the_high_mark_is_told_once_and_the_low_mark_once, MODES},
               {the_default_high_mark_is_64_kibibytes_waiting, WHOLE_MODES},
               {what_leaves_within_the_turn_passes_no_mark, WHOLE_MODES},
               {marks_can_be_set_and_are_not_inside_the_call, MODES},
               {resuming_comes_at_the_low_mark_not_only_at_zero, MODES},
               {lowering_the_mark_below_what_waits_tells_it, MODES},
               {a_producer_may_write_from_inside_resume, MODES},
               {a_closing_connection_is_not_told_of_marks, MODES}, {bad_marks_are_refused, 1},
               {a_mark_beyond_all_memory_is_never_passed, WHOLE_MODES},
               {a_buffer_limit_beyond_all_memory_is_none, WHOLE_MODES},
               {who_passed_the_mark_is_told_before_it_is_given_more, WHOLE_MODES},
               {what_leaves_within_the_turn_passes_no_mark_when_it_was_read_on, WHOLE_MODES},
               {who_pauses_at_the_mark_after_the_last_byte_is_told_of_the_end, 1},
               {there_is_no_buffer_limit_by_default, WHOLE_MODES},
               {passing_the_buffer_limit_aborts_with_a_reason_that_says_so, MODES},
               {one_write_beyond_the_buffer_limit_is_not_the_peer_s_fault, MODES},
               {a_factory_gives_its_connections_a_limit_which_they_may_change, MODES},
               {owned_bytes_beyond_the_limit_are_released, MODES},
               {an_overflow_ends_that_connection_alone, MODES})
