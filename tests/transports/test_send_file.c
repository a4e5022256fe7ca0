/* Sending files, on the simulation: by the kernel, and by hand where it cannot, both ways in each mode
 * of readiness. */
#include "../support/sizes.h"
#include "send_file_fixture.h"

enum { WAYS = 2 * MODES, WHOLE_WAYS = 2 * WHOLE_MODES };

/* ---- whole files and parts ----------------------------------------------------------------- */

START_TEST(a_file_arrives_whole) /* LINE-20 */
{
    const size_t size = less_if_checked(300000, 3);
    begin_small(_i);
    int fd = open_pattern("/big", size);
    send_whole(fd);
    close_file(fd); /* it has a descriptor of its own */
    ck_assert_uint_eq(sent.times, 0);
    settle();
    assert_peer_has_pattern(peer, size);
    assert_sent(size);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(a_part_is_sent_and_the_place_of_the_descriptor_stays)
{
    char byte;
    begin_small(_i);
    int fd = open_pattern("/big", 100000);
    ck_assert_int_eq(send_part(fd, 251 * 100, 40000), 0);
    TorcDeferred_detach(done);
    settle();
    assert_peer_has_pattern(peer, 40000);
    assert_sent(40000);
    ck_assert_int_eq(ops.read(reactor->system, fd, &byte, 1), 1);
    ck_assert_int_eq((uint8_t)byte, pattern_at(0));
    close_file(fd);
    end();
}
END_TEST

START_TEST(a_file_that_is_shorter_than_asked_for_ends_there)
{
    begin_small(_i);
    int fd = open_pattern("/short", 100);
    ck_assert_int_eq(send_part(fd, 40, 1000), 0);
    TorcDeferred_detach(done);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 60);
    assert_sent(60);
    close_file(fd);
    end();
}
END_TEST

START_TEST(nothing_is_sent_of_nothing)
{
    begin_small(_i);
    int fd = open_pattern("/empty", 0);
    send_whole(fd);
    settle();
    assert_sent(0);
    ck_assert_int_eq(send_part(fd, 0, 0), 0);
    TorcDeferred_detach(done);
    settle();
    ck_assert_uint_eq(sent.times, 2);
    ck_assert_uint_eq(sent.bytes, 0);
    close_file(fd);
    end();
}
END_TEST

START_TEST(a_file_that_shrinks_on_the_way_ends_there)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/log", 500000);
    send_whole(fd);
    settle();
    TorcSim_writeFile(sim, "/log", "short", 5);
    TorcSimPeer_startReading(peer);
    settle();
    assert_sent(TorcSimPeer_receivedLength(peer));
    ck_assert_uint_le(sent.bytes, 64 * 1024);
    close_file(fd);
    end();
}
END_TEST

static int next_fd;

static void send_the_next(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_clear(result);
    send_whole(next_fd);
}

START_TEST(the_next_file_may_be_sent_as_soon_as_one_is_through)
{
    begin_small(_i);
    int fd = open_pattern("/first", 251 * 20);
    next_fd = open_pattern("/second", 3000);
    ck_assert_int_eq(TorcTransport_sendFile(rec.transport, fd, 0, UINT64_MAX, &done), 0);
    ck_assert_int_eq(TorcDeferred_addBoth(done, send_the_next, NULL), 0);
    TorcDeferred_detach(done);
    settle();
    assert_peer_has_pattern(peer, 251 * 20 + 3000);
    assert_sent(3000);
    close_file(fd);
    close_file(next_fd);
    end();
}
END_TEST

/* ---- order --------------------------------------------------------------------------------- */

START_TEST(what_was_written_before_comes_before)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(251 * 20), 0);
    int fd = open_pattern("/big", 3000);
    send_whole(fd);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    assert_peer_has_pattern(peer, 251 * 20 + 3000);
    close_file(fd);
    end();
}
END_TEST

START_TEST(what_is_written_meanwhile_comes_in_between_and_nothing_is_torn) /* BUG-7 */
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 200000);
    send_whole(fd);
    settle();
    ck_assert_int_eq(write_text("[between]"), 0);
    TorcSimPeer_startReading(peer);
    settle();
    const char *all = TorcSimPeer_received(peer);
    size_t length = TorcSimPeer_receivedLength(peer);
    ck_assert_uint_eq(length, 200000 + 9);
    const char *place = memmem(all, length, "[between]", 9);
    ck_assert_ptr_nonnull(place);
    size_t before = (size_t)(place - all);
    ck_assert_uint_gt(before, 0);
    assert_pattern(all, before);
    for (size_t i = before; i < 200000; i++)
        ck_assert_uint_eq((uint8_t)all[i + 9], pattern_at(i));
    close_file(fd);
    end();
}
END_TEST

/* ---- bounds -------------------------------------------------------------------------------- */

START_TEST(one_piece_waits_at_most)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 1000000);
    send_whole(fd);
    settle();
    ck_assert_uint_le(TorcTransport_bufferedBytes(rec.transport), _i % 2 ? 64 * 1024 : 0);
    ck_assert_uint_eq(sent.times, 0);
    close_file(fd);
    end();
    assert_failed(TORC_CONNECTION_SHUTDOWN, 0);
}
END_TEST

START_TEST(a_buffer_limit_makes_the_pieces_smaller)
{
    begin_small(_i);
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 700), 0);
    int fd = open_pattern("/big", 50000);
    send_whole(fd);
    settle();
    assert_peer_has_pattern(peer, 50000);
    ck_assert_str_eq(rec.log, "made");
    close_file(fd);
    end();
}
END_TEST

START_TEST(the_protocol_hears_nothing_of_marks)
{
    begin_small(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 10, 0), 0);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 50000);
    send_whole(fd);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    assert_sent(50000);
    ck_assert_str_eq(rec.log, "made");
    close_file(fd);
    end();
}
END_TEST

/* Nothing may turn while nobody reads: not on a level that shows the socket as writable either. */
START_TEST(waiting_for_the_peer_takes_no_turns)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 50000);
    send_whole(fd);
    settle();
    uint64_t waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    uint64_t sends = TorcSim_countCalls(sim, TORC_SIM_SEND);
    TorcSim_advance(sim, 100);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 5);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_SEND), sends);
    TorcSimPeer_startReading(peer);
    settle();
    assert_sent(50000);
    waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    TorcSim_advance(sim, 100);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 5);
    close_file(fd);
    end();
}
END_TEST

/* ---- ending -------------------------------------------------------------------------------- */

START_TEST(loseConnection_comes_behind_the_file)
{
    begin_small(_i);
    int fd = open_pattern("/big", 100000);
    send_whole(fd);
    TorcTransport_loseConnection(rec.transport);
    settle();
    assert_peer_has_pattern(peer, 100000);
    assert_sent(100000);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(TorcSimPeer_gotEnd(peer));
    close_file(fd);
    end();
}
END_TEST

START_TEST(a_peer_that_takes_nothing_is_cut_off)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 100000);
    send_whole(fd);
    TorcTransport_loseConnection(rec.transport);
    settle();
    TorcSim_advance(sim, 31);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    assert_failed(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT);
    close_file(fd);
    end();
}
END_TEST

START_TEST(abortConnection_stops_it_in_the_middle)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 100000);
    send_whole(fd);
    settle();
    TorcTransport_abortConnection(rec.transport);
    ck_assert_uint_eq(sent.times, 0);
    settle();
    assert_failed(TORC_CONNECTION_ABORTED, 0);
    ck_assert(TorcSimPeer_gotReset(peer));
    close_file(fd);
    end();
}
END_TEST

START_TEST(failConnection_in_the_middle_resets_so_that_nobody_takes_it_for_whole)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 100000);
    send_whole(fd);
    settle();
    TorcTransport_failConnection(rec.transport, NULL);
    settle();
    assert_failed(TORC_CONNECTION_APPLICATION, 0);
    ck_assert(TorcSimPeer_gotReset(peer));
    close_file(fd);
    end();
}
END_TEST

START_TEST(a_reset_fails_it_with_the_reason_of_the_connection) /* LINE-20 */
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 100000);
    send_whole(fd);
    settle();
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    assert_failed(TORC_CONNECTION_LOST, rec.code);
    close_file(fd);
    end();
}
END_TEST

/* Without a piece that waits cancelling leaves nothing to wait for. */
START_TEST(cancelling_stops_after_the_present_piece)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 500000);
    ck_assert_int_eq(send_part(fd, 0, UINT64_MAX), 0);
    settle();
    TorcDeferred_cancel(done);
    assert_failed(TORC_OPERATION_CANCELLED, 0);
    done = TorcDeferred_release(done);
    ck_assert_int_eq(write_text("[end]"), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    size_t length = TorcSimPeer_receivedLength(peer);
    ck_assert_uint_le(length, 64 * 1024 + 5);
    ck_assert_int_eq(memcmp(TorcSimPeer_received(peer) + length - 5, "[end]", 5), 0);
    assert_pattern(TorcSimPeer_received(peer), length - 5);
    close_file(fd);
    end();
}
END_TEST

START_TEST(cancelling_while_blocked_leaves_no_turns)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 500000);
    ck_assert_int_eq(send_part(fd, 0, UINT64_MAX), 0);
    settle();
    done = TorcDeferred_release(done);
    TorcSimPeer_startReading(peer);
    settle();
    uint64_t waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    TorcSim_advance(sim, 100);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 5);
    ck_assert_int_eq(write_text("x"), 0);
    settle();
    close_file(fd);
    end();
}
END_TEST

START_TEST(unregisterProducer_stops_it_too)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 500000);
    send_whole(fd);
    settle();
    TorcTransport_unregisterProducer(rec.transport);
    assert_failed(TORC_OPERATION_CANCELLED, 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    close_file(fd);
    end();
}
END_TEST

/* ---- what goes wrong ----------------------------------------------------------------------- */

START_TEST(a_file_that_cannot_be_read_fails_it_and_the_connection_stays)
{
    begin_small(_i);
    TorcSimPeer_stopReading(peer);
    int fd = open_pattern("/big", 500000);
    send_whole(fd);
    settle();
    TorcSim_failCall(sim, TORC_SIM_READ_FILE, 1, EIO, 0);
    TorcSimPeer_startReading(peer);
    settle();
    assert_failed(TORC_OPERATION_FAILED, -EIO);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_failCall(sim, TORC_SIM_READ_FILE, 1, 0, 0);
    send_whole(fd); /* as good as before */
    settle();
    ck_assert_uint_eq(sent.bytes, 500000);
    close_file(fd);
    end();
}
END_TEST

static ssize_t cannot_join_the_two(TorcSystem *system, int out, int in, uint64_t offset,
                                   size_t length)
{
    (void)system;
    (void)out;
    (void)in;
    (void)offset;
    (void)length;
    return -EINVAL;
}

START_TEST(what_the_kernel_cannot_do_is_done_by_hand)
{
    const size_t size = less_if_checked(300000, 3);
    begin_small(2 * _i);
    ops.sendfile = cannot_join_the_two;
    int fd = open_pattern("/big", size);
    send_whole(fd);
    settle();
    assert_peer_has_pattern(peer, size);
    assert_sent(size);
    close_file(fd);
    end();
}
END_TEST

START_TEST(faults_change_nothing_but_the_time)
{
    begin_small(_i);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 2000, .again = 1000, .interrupt = 1000,
                                           .delay = 500, .noBuffers = 300));
    int fd = open_pattern("/big", 200000);
    send_whole(fd);
    TorcTransport_setCloseTimeout(rec.transport, -1);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 1000);
    TorcSim_stopFaults(sim);
    TorcSim_advance(sim, 1000);
    assert_peer_has_pattern(peer, 200000);
    assert_sent(200000);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    close_file(fd);
    end();
}
END_TEST

START_TEST(what_cannot_be_sent_is_refused)
{
    int ends[2];
    begin_small(_i);
    int fd = open_pattern("/big", 10);
    ck_assert_int_eq(TorcTransport_sendFile(NULL, fd, 0, 1, NULL), -EINVAL);
    ck_assert_int_eq(send_part(-1, 0, 1), -EBADF);
    ck_assert_int_eq(send_part(12345, 0, 1), -EBADF);
    ck_assert_int_eq(send_part(fd, (uint64_t)INT64_MAX + 1, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(send_part(fd, 1, INT64_MAX), -EINVAL);
    int written = ops.open(reactor->system, "/big", O_WRONLY, 0);
    ck_assert_int_eq(send_part(written, 0, 1), -EBADF);
    close_file(written);
    ck_assert_int_eq(ops.pipe(reactor->system, ends), 0);
    ck_assert_int_eq(send_part(ends[0], 0, 1), -ESPIPE);
    close_file(ends[0]);
    close_file(ends[1]);
    TorcSim_failCall(sim, TORC_SIM_DUPLICATE, 1, EMFILE, 1);
    ck_assert_int_eq(send_part(fd, 0, 1), -EMFILE);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &torc_transport_producer,
                                                    rec.transport, true),
                     0);
    ck_assert_int_eq(send_part(fd, 0, 1), -EBUSY);
    TorcTransport_unregisterProducer(rec.transport);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(send_part(fd, 0, 1), -EPIPE);
    ck_assert_ptr_null(done);
    TorcStringTransport *wire = TorcStringTransport_forProtocol(&torc_protocol_class);
    ck_assert_int_eq(TorcTransport_sendFile(TorcStringTransport_transport(wire), fd, 0, 1, NULL),
                     -EOPNOTSUPP);
    TorcStringTransport_free(wire);
    close_file(fd);
    size_t open = TorcSim_openDescriptors(sim);
    TorcSim_advance(sim, 10);                                  /* it lingers */
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open - 1); /* the connection's */
    end();
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

static bool converse(int way, long k)
{
    FailingMemory_start(-1);
    begin_small(way);
    int fd = open_pattern("/big", 100000);
    failing_memory.allocations = 0;
    failing_memory.fail_at = k;
    int r = TorcTransport_sendFile(rec.transport, fd, 0, UINT64_MAX, &done);
    ck_assert(r == 0 || r == -ENOMEM);
    if (r == 0)
        (void)TorcDeferred_addBoth(done, note_sent, NULL);
    if (r == 0)
        TorcDeferred_detach(done);
    settle();
    if (r == 0)
        ck_assert_uint_eq(sent.times, 1);
    if (sent.bytes == 100000)
        ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 100000);
    bool failed = FailingMemory_allocations() > k;
    FailingMemory_recover();
    close_file(fd);
    end();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    return failed;
}

START_TEST(it_survives_every_failed_allocation)
{
    begin_connected(EDGE); /* also resolves class tables, which stay */
    end();
    long k = 0;
    while (converse(_i, k))
        k++;
    ck_assert_int_ge(k, 4);
}
END_TEST

RUN_LOOP_TESTS(
    "sending files", {a_file_arrives_whole, WAYS},
    {a_part_is_sent_and_the_place_of_the_descriptor_stays, WAYS},
    {a_file_that_is_shorter_than_asked_for_ends_there, WAYS}, {nothing_is_sent_of_nothing, WAYS},
    {a_file_that_shrinks_on_the_way_ends_there, WHOLE_WAYS},
    {the_next_file_may_be_sent_as_soon_as_one_is_through, WAYS},
    {what_was_written_before_comes_before, WAYS},
    {what_is_written_meanwhile_comes_in_between_and_nothing_is_torn, WHOLE_WAYS},
    {one_piece_waits_at_most, WHOLE_WAYS}, {a_buffer_limit_makes_the_pieces_smaller, WAYS},
    {the_protocol_hears_nothing_of_marks, WAYS}, {waiting_for_the_peer_takes_no_turns, WHOLE_WAYS},
    {loseConnection_comes_behind_the_file, WAYS},
    {a_peer_that_takes_nothing_is_cut_off, WHOLE_WAYS},
    {abortConnection_stops_it_in_the_middle, WAYS},
    {failConnection_in_the_middle_resets_so_that_nobody_takes_it_for_whole, WAYS},
    {a_reset_fails_it_with_the_reason_of_the_connection, WAYS},
    {cancelling_stops_after_the_present_piece, WHOLE_WAYS},
    {cancelling_while_blocked_leaves_no_turns, WAYS}, {unregisterProducer_stops_it_too, WAYS},
    {a_file_that_cannot_be_read_fails_it_and_the_connection_stays, WHOLE_WAYS},
    {what_the_kernel_cannot_do_is_done_by_hand, MODES}, {faults_change_nothing_but_the_time, WAYS},
    {what_cannot_be_sent_is_refused, WAYS}, {it_survives_every_failed_allocation, WHOLE_WAYS})
