/* Writing: order, gathering, full buffers, ownership, and what is refused. */
#include "../support/sizes.h"
#include "../support/stream_test.h"

static uint64_t sends(void)
{
    return TorcSim_countCalls(sim, TORC_SIM_SEND);
}

static void count_up(void *counter)
{
    ++*(int *)counter;
}

static int write_owned(const char *text, int *released)
{
    return TorcTransport_writeOwned(rec.transport, text, strlen(text), count_up, released);
}

/* ---- order and gathering ------------------------------------------------------------------- */

START_TEST(nothing_is_sent_before_the_end_of_the_turn) /* WR-1 */
{
    begin_connected(_i);
    ck_assert_int_eq(write_text("hello"), 0);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 0);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 5);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    end();
}
END_TEST

START_TEST(a_turn_of_writes_leaves_in_one_send) /* WR-2 */
{
    int released = 0;
    begin_connected(_i);
    uint64_t before = sends();
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(write_text("0123456789"), 0);
    ck_assert_int_eq(write_owned("owned", &released), 0);
    ck_assert_int_eq(write_text("last"), 0);
    settle();
    ck_assert_uint_eq(sends() - before, 1);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 5009);
    end();
}
END_TEST

START_TEST(an_idle_connection_sends_nothing)
{
    begin_connected(_i);
    ck_assert_int_eq(write_text("x"), 0);
    settle();
    uint64_t before = sends();
    TorcSim_advance(sim, 100);
    ck_assert_uint_eq(sends(), before);
    end();
}
END_TEST

START_TEST(all_kinds_of_writes_keep_their_order) /* WR-2 */
{
    int released = 0;
    const TorcBytes pieces[] = {{"d", 1}, {"", 0}, {"ef", 2}, {NULL, 0}, {"g", 1}};
    begin_connected(_i);
    ck_assert_int_eq(write_text("a"), 0);
    ck_assert_int_eq(write_owned("b", &released), 0);
    ck_assert_int_eq(TorcTransport_printf(rec.transport, "%c", 'c'), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 5), 0);
    ck_assert_int_eq(write_owned("h", &released), 0);
    ck_assert_int_eq(write_text("i"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "abcdefghi");
    ck_assert_int_eq(released, 2);
    end();
}
END_TEST

START_TEST(a_large_write_keeps_its_place_between_small_ones) /* WR-2 */
{
    static const size_t whole[] = {100, 99900, 40000, 10000};
    static const size_t bytewise[] = {100, 33000, 33000, 1000}; /* large begins at 32 KiB */
    const size_t *lengths = _i < WHOLE_MODES ? whole : bytewise;
    uint8_t *bytes = new_pattern(150000);
    size_t at = 0;
    begin_connected(_i);
    for (int i = 0; i < 4; at += lengths[i++])
        ck_assert_int_eq(TorcTransport_write(rec.transport, bytes + at, lengths[i]), 0);
    settle();
    assert_peer_has_pattern(peer, at);
    free(bytes);
    end();
}
END_TEST

/* A step that brings the end of a chunk between all pieces, and into them. */
START_TEST(sequences_keep_their_order_wherever_a_chunk_ends) /* WR-2 */
{
    enum { STEP = 1 + 59 + 0 + 301, STEPS = 400 };
    uint8_t *bytes = new_pattern((size_t)STEP * STEPS);
    begin_connected(_i);
    for (size_t at = 0; at < (size_t)STEP * STEPS; at += STEP) {
        const TorcBytes pieces[] = {
            {bytes + at, 1}, {bytes + at + 1, 59}, {NULL, 0}, {bytes + at + 60, 301}};
        ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 4), 0);
        ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), at + STEP);
    }
    settle();
    assert_peer_has_pattern(peer, (size_t)STEP * STEPS);
    free(bytes);
    end();
}
END_TEST

START_TEST(a_sequence_counts_whole_for_the_buffer_limit) /* WR-12 */
{
    const TorcBytes pieces[] = {{"12345", 5}, {"678", 3}};
    begin_connected(_i);
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 10), 0);
    ck_assert_int_eq(write_text("ab"), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 2), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 2), -ENOBUFS);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 2), -EPIPE);
    settle();
    ck_assert_str_eq(rec.log, "made lost:OVERFLOW");
    end();
}
END_TEST

static void greet(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "hello ", 6), 0);
}

START_TEST(what_connectionMade_writes_goes_out_first) /* WR-6 */
{
    begin(_i);
    rec.on[RECORD_MADE] = greet;
    serve(&rec, PORT);
    peer = connect_peer();
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello ");
    ck_assert_int_eq(write_text("world"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello world");
    end();
}
END_TEST

START_TEST(empty_writes_do_nothing) /* WR-5 */
{
    int released = 0;
    begin_connected(_i);
    uint64_t before = sends();
    ck_assert_int_eq(TorcTransport_write(rec.transport, "", 0), 0);
    ck_assert_int_eq(TorcTransport_write(rec.transport, NULL, 0), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, NULL, 0), 0);
    ck_assert_int_eq(TorcTransport_printf(rec.transport, "%s", ""), 0);
    ck_assert_int_eq(write_owned("", &released), 0);
    ck_assert_int_eq(released, 1);
    settle();
    ck_assert_uint_eq(sends(), before);
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused_and_nothing_is_queued) /* WR-3 */
{
    int released = 0;
    const TorcBytes pieces[] = {{"good", 4}, {NULL, 3}};
    begin_connected(EDGE);
    ck_assert_int_eq(TorcTransport_write(NULL, "x", 1), -EINVAL);
    ck_assert_int_eq(TorcTransport_write(rec.transport, NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 2), -EINVAL);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcTransport_writeOwned(NULL, "x", 1, count_up, &released), -EINVAL);
    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, NULL, 1, count_up, &released),
                     -EINVAL);
    ck_assert_int_eq(released, 2);
    ck_assert_int_eq(TorcTransport_writeOwned(NULL, "x", 1, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcTransport_printf(NULL, "x"), -EINVAL);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(NULL), 0);
    end();
}
END_TEST

START_TEST(printf_writes_short_and_long_texts)
{
    static const int widths[] = {0, 1, 510, 511, 512, 513, 5000, 1000000};
    begin_connected(_i);
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        TorcSimPeer_clear(peer);
        ck_assert_int_eq(TorcTransport_printf(rec.transport, "%*d", widths[i], 7), 0);
        settle();
        size_t length = widths[i] > 0 ? (size_t)widths[i] : 1;
        ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), length);
        ck_assert_int_eq(TorcSimPeer_received(peer)[length - 1], '7');
        ck_assert_int_eq(TorcSimPeer_received(peer)[0], length == 1 ? '7' : ' ');
    }
    end();
}
END_TEST

static Recording second;

static void write_to_second(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcTransport_write(second.transport, "news", 4), 0);
}

START_TEST(a_write_to_another_connection_leaves_in_the_same_turn) /* WR-13 */
{
    second = (Recording){0};
    begin(_i);
    rec.next = &second;
    rec.on[_i % 2 ? RECORD_LOST : RECORD_DATA] = write_to_second;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer *other = connect_peer();
    TorcSimPeer_send(peer, "x");
    if (_i % 2)
        TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(other), "news");
    end();
    Recording_done(&second);
}
END_TEST

/* ---- the kernel does not take everything --------------------------------------------------- */

START_TEST(fifty_megabytes_pass_through_small_buffers) /* WR-11 */
{
    const size_t size = less_if_checked(50 * 1000 * 1000, 10);
    uint8_t *bytes = new_pattern(size);
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 4096));
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(TorcTransport_write(rec.transport, bytes, size), 0);
    free(bytes);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    assert_peer_has_pattern(peer, size);
    end();
}
END_TEST

START_TEST(many_writes_pass_through_small_buffers_byte_for_byte) /* BUG-7 */
{
    const size_t size = 300000;
    uint8_t *bytes = new_pattern(size);
    int released = 0;
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    size_t at = 0;
    for (size_t k = 1; at < size; k++) {
        size_t length = k * 37 % 3000 < size - at ? k * 37 % 3000 : size - at;
        int r = k % 2 ? TorcTransport_write(rec.transport, bytes + at, length)
                      : TorcTransport_writeOwned(rec.transport, bytes + at, length, count_up,
                                                 &released);
        ck_assert_int_eq(r, 0);
        at += length;
        if (k % 10 == 0)
            settle();
    }
    settle();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), size - 1000);
    TorcSimPeer_startReading(peer);
    settle();
    assert_peer_has_pattern(peer, size);
    ck_assert_int_gt(released, 0);
    free(bytes);
    end();
}
END_TEST

START_TEST(a_full_buffer_does_not_turn_the_loop)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(5000), 0);
    settle();
    uint64_t waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    TorcSim_advance(sim, 1000);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 4);
    end();
}
END_TEST

START_TEST(a_buffer_that_was_full_once_does_not_turn_the_loop_when_empty)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(5000), 0);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    assert_peer_has_pattern(peer, 5000);
    uint64_t waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    TorcSim_advance(sim, 1000);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 4);
    end();
}
END_TEST

START_TEST(a_refusal_is_retried_when_there_is_room) /* WR-10 */
{
    begin_connected(_i);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EAGAIN, 3);
    ck_assert_int_eq(write_text("hello"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    end();
}
END_TEST

START_TEST(an_interrupted_send_is_repeated) /* WR-10 */
{
    begin_connected(_i);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EINTR, 3);
    ck_assert_int_eq(write_text("hello"), 0);
    settle();
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EINTR, 3);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 100005);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(a_kernel_short_of_memory_is_asked_again_without_spinning) /* WR-10 */
{
    begin_connected(_i);
    uint64_t before = sends();
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, ENOBUFS, 0);
    ck_assert_int_eq(write_text("hello"), 0);
    TorcSim_advance(sim, 10);
    ck_assert_uint_ge(sends() - before, 10);
    ck_assert_uint_le(sends() - before, 1100);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, 0, 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    end();
}
END_TEST

/* Write interest is on from an earlier refusal: without edges it would report for ever. */
START_TEST(a_kernel_short_of_memory_does_not_spin_after_a_full_buffer)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(1500), 0);
    settle();
    uint64_t before = sends();
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, ENOBUFS, 0);
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 1);
    TorcTransport_pauseProducing(rec.transport);
    TorcTransport_resumeProducing(rec.transport);
    TorcSim_advance(sim, 1);
    ck_assert_uint_le(sends() - before, 210);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, 0, 0);
    TorcSim_advance(sim, 1);
    assert_peer_has_pattern(peer, 1500);
    end();
}
END_TEST

START_TEST(any_other_error_of_send_is_the_end_with_its_code) /* WR-10 */
{
    static const int errors[] = {EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, EIO};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        Recording_clear(&rec);
        begin_connected(_i);
        TorcSim_failCall(sim, TORC_SIM_SEND, 1, errors[i], 0);
        ck_assert_int_eq(write_pattern(i % 2 ? 5 : 100000), 0);
        settle();
        ck_assert_str_eq(rec.log, "made lost:LOST");
        ck_assert_int_eq(rec.code, -errors[i]);
        TorcSim_free(sim);
    }
    Recording_done(&rec);
}
END_TEST

/* A block large enough to be offered at once: the call says what a small one says, and
 * connectionLost the error, which the kernel tells only once. */
START_TEST(a_large_write_that_finds_a_reset_is_taken_and_the_reason_has_the_error) /* WR-10 */
{
    begin_connected(_i);
    uint64_t before = sends();
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, ECONNRESET, 1);
    ck_assert_int_eq(write_pattern(100000), 0);
    ck_assert_uint_eq(sends() - before, 1); /* inside the call */
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    ck_assert_int_eq(write_text("more"), -EPIPE);
    settle();
    ck_assert_uint_eq(sends() - before, 1);
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 0);
    end();
}
END_TEST

START_TEST(a_write_to_a_peer_that_has_closed_ends_with_a_code)
{
    begin(_i);
    rec.half_closeable = true;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_close(peer);
    settle();
    ck_assert_str_eq(rec.log, "made eof");
    ck_assert_int_eq(write_text("x"), 0);
    settle();
    ck_assert_int_eq(rec.counts[RECORD_LOST] == 0 ? write_text("y") : -EPIPE,
                     rec.counts[RECORD_LOST] == 0 ? 0 : -EPIPE);
    settle();
    ck_assert_str_eq(rec.log, "made eof lost:LOST");
    ck_assert_int_lt(rec.code, 0);
    end();
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------- */

static void write_and_expect_epipe(Recording *recording)
{
    static const TorcBytes piece = {"x", 1};
    int released = 0;
    TorcTransport *transport = recording->transport;

    ck_assert_int_eq(TorcTransport_write(transport, "x", 1), -EPIPE);
    ck_assert_int_eq(TorcTransport_write(transport, NULL, 0), -EPIPE);
    ck_assert_int_eq(TorcTransport_writeSequence(transport, &piece, 1), -EPIPE);
    ck_assert_int_eq(TorcTransport_writeSequence(transport, NULL, 0), -EPIPE);
    ck_assert_int_eq(TorcTransport_printf(transport, "%d", 1), -EPIPE);
    ck_assert_int_eq(TorcTransport_printf(transport, "%1000d", 1), -EPIPE);
    ck_assert_int_eq(TorcTransport_writeOwned(transport, "x", 1, count_up, &released), -EPIPE);
    ck_assert_int_eq(released, 1);
}

static void (*const endings[])(Recording *recording) = {lose, lose_write, abort_now};
static const char *const ending_logs[] = {"made lost:DONE", "made", "made lost:ABORTED"};

START_TEST(writing_after_the_end_was_asked_for_is_refused) /* WR-7, WR-8, WR-9 */
{
    begin_connected(_i / 3);
    ck_assert_int_eq(write_text("before"), 0);
    endings[_i % 3](&rec);
    write_and_expect_epipe(&rec);
    settle();
    ck_assert_str_eq(rec.log, ending_logs[_i % 3]);
    ck_assert_str_eq(TorcSimPeer_received(peer), _i % 3 == 2 ? "" : "before");
    end();
}
END_TEST

START_TEST(writing_in_connectionLost_is_refused) /* WR-4 */
{
    begin_connected(_i);
    rec.on[RECORD_LOST] = write_and_expect_epipe;
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    end();
}
END_TEST

/* ---- owned bytes --------------------------------------------------------------------------- */

START_TEST(owned_bytes_are_released_when_sent)
{
    int released = 0;
    begin_connected(_i);
    ck_assert_int_eq(write_owned("hello", &released), 0);
    ck_assert_int_eq(released, 0);
    settle();
    ck_assert_int_eq(released, 1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    end();
    ck_assert_int_eq(released, 1);
}
END_TEST

static void end_by_reset(void)
{
    TorcSimPeer_reset(peer);
    settle();
}

static void end_by_abort(void)
{
    TorcTransport_abortConnection(rec.transport);
    settle();
}

static void end_by_failing(void)
{
    TorcTransport_failConnection(rec.transport, NULL);
    settle();
}

static void end_by_timeout(void)
{
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 31);
}

static void end_by_free(void)
{
}

static void (*const violent_endings[])(void) = {end_by_reset, end_by_abort, end_by_failing,
                                                end_by_timeout, end_by_free};

START_TEST(owned_bytes_are_released_once_however_the_connection_ends)
{
    int released[3] = {0};
    begin_connected_with(_i / 5, TORC_SIM_OPTIONS(.bufferSize = 3));
    TorcSimPeer_stopReading(peer);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(write_owned("four", &released[i]), 0);
    settle();
    ck_assert_int_eq(released[0], 0);
    violent_endings[_i % 5]();
    end();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(released[i], 1);
}
END_TEST

static void lose_second(void *arg)
{
    (void)arg;
    TorcTransport_loseConnection(second.transport);
}

static void write_news_to_second(void *arg)
{
    write_to_second(arg);
}

/* The second connection is done with the turn already when the release function runs. */
START_TEST(a_release_function_may_use_another_connection)
{
    second = (Recording){0};
    begin(_i / 2);
    rec.next = &second;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer *other = connect_peer();
    ck_assert_int_eq(TorcTransport_write(second.transport, "old ", 4), 0);
    int r = TorcTransport_writeOwned(rec.transport, "x", 1,
                                     _i % 2 ? lose_second : write_news_to_second, &rec);
    ck_assert_int_eq(r, 0);
    settle();
    ck_assert_str_eq(second.log, _i % 2 ? "made lost:DONE" : "made");
    ck_assert_str_eq(TorcSimPeer_received(other), _i % 2 ? "old " : "old news");
    end();
    Recording_done(&second);
}
END_TEST

RUN_LOOP_TESTS("stream writing", {nothing_is_sent_before_the_end_of_the_turn, MODES},
               {a_turn_of_writes_leaves_in_one_send, WHOLE_MODES},
               {an_idle_connection_sends_nothing, MODES},
               {all_kinds_of_writes_keep_their_order, MODES},
               {a_large_write_keeps_its_place_between_small_ones, MODES},
               {sequences_keep_their_order_wherever_a_chunk_ends, MODES},
               {a_sequence_counts_whole_for_the_buffer_limit, MODES},
               {what_connectionMade_writes_goes_out_first, MODES}, {empty_writes_do_nothing, MODES},
               {bad_arguments_are_refused_and_nothing_is_queued, 1},
               {printf_writes_short_and_long_texts, WHOLE_MODES},
               {a_write_to_another_connection_leaves_in_the_same_turn, MODES},
               {fifty_megabytes_pass_through_small_buffers, WHOLE_MODES},
               {many_writes_pass_through_small_buffers_byte_for_byte, MODES},
               {a_full_buffer_does_not_turn_the_loop, MODES},
               {a_buffer_that_was_full_once_does_not_turn_the_loop_when_empty, MODES},
               {a_refusal_is_retried_when_there_is_room, MODES},
               {an_interrupted_send_is_repeated, WHOLE_MODES},
               {a_kernel_short_of_memory_is_asked_again_without_spinning, WHOLE_MODES},
               {a_kernel_short_of_memory_does_not_spin_after_a_full_buffer, WHOLE_MODES},
               {any_other_error_of_send_is_the_end_with_its_code, WHOLE_MODES},
               {a_large_write_that_finds_a_reset_is_taken_and_the_reason_has_the_error, MODES},
               {a_write_to_a_peer_that_has_closed_ends_with_a_code, WHOLE_MODES},
               {writing_after_the_end_was_asked_for_is_refused, 3 * MODES},
               {writing_in_connectionLost_is_refused, MODES},
               {owned_bytes_are_released_when_sent, MODES},
               {owned_bytes_are_released_once_however_the_connection_ends, 5 * MODES},
               {a_release_function_may_use_another_connection, 2 * MODES})
