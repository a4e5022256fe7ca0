/* Two connections joined: a proxy between two peers. */
#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static Recording right; /* of the second connection; the first is rec, and has `peer` */
static TorcSimPeer *other;
static TorcDeferred *done;
static unsigned fired;

static void note_done(TorcResult *result, void *arg)
{
    (void)arg;
    ck_assert_ptr_null(result->value);
    ck_assert_ptr_null(result->reason);
    ck_assert_ptr_null(rec.transport);
    ck_assert_ptr_null(right.transport);
    fired++;
}

static void begin_two_with(int mode, TorcSimOptions *options)
{
    rec = right = (Recording){0};
    fired = 0;
    rec.next = &right;
    begin_connected_with(mode, options);
    other = connect_peer();
}

static void join(void)
{
    ck_assert_int_eq(torc_joinTransports(rec.transport, right.transport, &done), 0);
    ck_assert_int_eq(TorcDeferred_addBoth(done, note_done, NULL), 0);
    TorcDeferred_detach(done);
}

static void begin_joined(int mode)
{
    begin_two_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    join();
}

static void end_two(void)
{
    end();
    Recording_done(&right);
    ck_assert_uint_eq(fired, 1);
}

static void send_pattern(TorcSimPeer *from, size_t length)
{
    uint8_t *bytes = new_pattern(length);
    TorcSimPeer_sendBytes(from, bytes, length);
    free(bytes);
}

/* ---- passing on ---------------------------------------------------------------------------- */

START_TEST(what_the_one_receives_the_other_writes)
{
    begin_joined(_i);
    send_pattern(peer, 20000);
    TorcSimPeer_send(other, "hello");
    settle();
    assert_peer_has_pattern(other, 20000);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    ck_assert_str_eq(rec.log, "made"); /* its protocol hears of nothing */
    ck_assert_str_eq(right.log, "made");
    end_two();
}
END_TEST

START_TEST(what_waited_while_reading_was_paused_is_passed_on)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "early");
    settle();
    join();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(other), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(other), "early");
    end_two();
}
END_TEST

static void join_in_dataReceived(Recording *recording)
{
    (void)recording;
    rec.on[RECORD_DATA] = NULL;
    join();
}

START_TEST(it_may_begin_inside_dataReceived)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    rec.on[RECORD_DATA] = join_in_dataReceived;
    TorcSimPeer_send(peer, "C");
    settle();
    TorcSimPeer_send(peer, "the rest");
    settle();
    ck_assert_str_eq(TorcSimPeer_received(other), "the rest");
    ck_assert_str_eq(rec.log, "made data:1");
    end_two();
}
END_TEST

/* ---- back-pressure ------------------------------------------------------------------------- */

enum { LOTS = 2 * 1000 * 1000 };

START_TEST(a_slow_reader_slows_the_writer_down_and_gets_all)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 20000));
    join();
    TorcSimPeer_stopReading(other);
    send_pattern(peer, LOTS);
    settle();
    /* The high mark and one read. */
    size_t held = TorcTransport_bufferedBytes(right.transport);
    ck_assert_uint_gt(held, 64 * 1024);
    ck_assert_uint_le(held, 64 * 1024 + 20000);
    while (TorcSimPeer_receivedLength(other) < LOTS) {
        TorcSimPeer_startReading(other);
        TorcSimPeer_stopReading(other);
        settle();
        ck_assert_uint_le(TorcTransport_bufferedBytes(right.transport), 64 * 1024 + 20000);
    }
    assert_peer_has_pattern(other, LOTS);
    end_two();
}
END_TEST

/* Both mean reads of the reactor's whole buffer, of which a turn makes two. */
START_TEST(bulk_adds_one_buffer_to_the_mark_not_two)
{
    const size_t buffer = 64 * 1024;
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 100000));
    join();
    TorcSimPeer_stopReading(other);
    ck_assert_int_eq(TorcTransport_setWriteMarks(right.transport, 1000, 0), 0);
    send_pattern(peer, 90000); /* what the other side of the kernel takes */
    settle();
    send_pattern(peer, 300000);
    settle();
    ck_assert_uint_le(TorcTransport_bufferedBytes(right.transport), 1000 + 2 * buffer);
    TorcSimPeer_startReading(other);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(other), 390000);
    end_two();
}
END_TEST

/* It is given all, for nothing would tell it to go on once more; and no turn is spent on waiting. */
START_TEST(who_resumes_reading_by_hand_gets_what_he_asked_for)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 200000));
    join();
    TorcSimPeer_stopReading(other);
    send_pattern(peer, 900000);
    settle();
    TorcTransport_resumeProducing(rec.transport);
    settle();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(right.transport), 700000);
    TorcSimPeer_startReading(other);
    settle();
    assert_peer_has_pattern(other, 900000);
    end_two();
}
END_TEST

START_TEST(the_other_direction_goes_on_while_one_waits)
{
    begin_joined(_i);
    TorcSimPeer_stopReading(other);
    send_pattern(peer, LOTS);
    settle();
    send_pattern(other, 50000);
    settle();
    assert_peer_has_pattern(peer, 50000);
    end_two();
}
END_TEST

START_TEST(one_above_the_mark_when_joined_slows_the_other_at_once)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(other);
    uint8_t *bytes = new_pattern(100000);
    ck_assert_int_eq(TorcTransport_write(right.transport, bytes, 100000), 0);
    free(bytes);
    settle();
    ck_assert_str_eq(right.log, "made pause");
    join();
    settle();
    send_pattern(peer, 50000);
    settle();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(right.transport), 99000);
    TorcSimPeer_startReading(other);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(other), 150000);
    end_two();
}
END_TEST

/* ---- ending -------------------------------------------------------------------------------- */

START_TEST(a_fin_is_passed_on_and_the_answer_comes_back)
{
    begin_joined(_i);
    rec.half_closeable = right.half_closeable = _i % 2;
    send_pattern(peer, 30000);
    TorcSimPeer_shutdown(peer);
    settle();
    assert_peer_has_pattern(other, 30000);
    ck_assert(TorcSimPeer_gotEnd(other));
    ck_assert(!TorcSimPeer_gotEnd(peer));
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 3600);
    send_pattern(other, 40000);
    settle();
    assert_peer_has_pattern(peer, 40000);
    TorcSimPeer_shutdown(other);
    settle();
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(right.log, "made lost:DONE");
    ck_assert_uint_eq(fired, 1);
    end_two();
}
END_TEST

START_TEST(half_closeable_protocols_are_told_after_the_joint_has_done_its_part)
{
    rec = right = (Recording){0};
    rec.half_closeable = right.half_closeable = true;
    rec.next = &right;
    fired = 0;
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    other = connect_peer();
    join();
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made eof");
    ck_assert_str_eq(right.log, "made write-shut");
    TorcSimPeer_shutdown(other);
    settle();
    ck_assert_str_eq(rec.log, "made eof lost:DONE");
    ck_assert_str_eq(right.log, "made write-shut eof lost:DONE");
    end_two();
}
END_TEST

START_TEST(a_fin_that_came_before_is_passed_on_too)
{
    rec = right = (Recording){0};
    rec.half_closeable = true;
    rec.next = &right;
    fired = 0;
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    other = connect_peer();
    TorcSimPeer_shutdown(peer);
    settle();
    join();
    settle();
    ck_assert(TorcSimPeer_gotEnd(other));
    TorcSimPeer_send(other, "answer");
    TorcSimPeer_shutdown(other);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer");
    ck_assert_uint_eq(fired, 1);
    end_two();
}
END_TEST

START_TEST(a_fin_behind_what_waits_comes_behind_it)
{
    begin_joined(_i);
    TorcSimPeer_stopReading(other);
    send_pattern(peer, 300000);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert(!TorcSimPeer_gotEnd(other));
    TorcSimPeer_startReading(other);
    settle();
    assert_peer_has_pattern(other, 300000);
    ck_assert(TorcSimPeer_gotEnd(other));
    end_two();
}
END_TEST

START_TEST(a_reset_of_the_one_closes_the_other_behind_its_bytes)
{
    begin_joined(_i);
    TorcSimPeer_stopReading(other);
    send_pattern(peer, 5000);
    settle();
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    ck_assert_str_eq(right.log, "made");
    TorcSimPeer_startReading(other);
    settle();
    ck_assert_str_eq(right.log, "made lost:DONE");
    assert_peer_has_pattern(other, 5000);
    ck_assert(TorcSimPeer_gotEnd(other));
    end_two();
}
END_TEST

/* The read that passed the mark of the other side brought the reset along, and no edge will tell. */
START_TEST(a_reset_with_the_last_bytes_shows_though_reading_was_paused_for_them)
{
    begin_joined(EDGE);
    ck_assert_int_eq(TorcTransport_setWriteMarks(right.transport, 10, 0), 0);
    TorcSimPeer_stopReading(other);
    send_pattern(peer, 1000); /* what the kernel takes */
    settle();
    send_pattern(peer, 500);
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    TorcSimPeer_startReading(other);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(other), 1500);
    end_two();
}
END_TEST

static void abort_left(void)
{
    TorcTransport_abortConnection(rec.transport);
}

static void lose_left(void)
{
    TorcTransport_loseConnection(rec.transport);
}

START_TEST(to_end_both_end_either)
{
    static void (*const ends[])(void) = {abort_left, lose_left};
    for (int i = 0; i < 2; i++) {
        begin_joined(_i);
        TorcSimPeer_send(peer, "last");
        settle();
        ends[i]();
        settle();
        ck_assert_str_eq(TorcSimPeer_received(other), "last");
        ck_assert_str_eq(right.log, "made lost:DONE");
        ck_assert_uint_eq(fired, 1);
        end_two();
    }
}
END_TEST

START_TEST(a_closing_side_does_not_wait_for_the_other)
{
    begin_joined(_i);
    TorcSimPeer_stopReading(peer);
    send_pattern(other, 50000);
    settle();
    TorcTransport_loseConnection(rec.transport);
    TorcTransport_loseConnection(right.transport);
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(right.log, "made lost:DONE");
    assert_peer_has_pattern(peer, TorcSimPeer_receivedLength(peer));
    end_two();
}
END_TEST

START_TEST(the_shutdown_of_the_reactor_ends_it_at_once)
{
    begin_joined(_i);
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_lt(TorcSim_seconds(sim), 1.5);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(right.log, "made lost:DONE");
    end_two();
}
END_TEST

START_TEST(a_side_that_overflows_ends_both)
{
    begin_joined(_i);
    ck_assert_int_eq(TorcTransport_setBufferLimit(right.transport, 3000), 0);
    TorcSimPeer_stopReading(other);
    send_pattern(peer, 50000);
    settle();
    ck_assert_str_eq(right.log, "made lost:OVERFLOW");
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end_two();
}
END_TEST

START_TEST(faults_change_nothing_but_the_time)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 4000));
    join();
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 2000, .again = 1000, .interrupt = 1000,
                                           .delay = 500, .noBuffers = 300));
    send_pattern(peer, 150000);
    TorcSimPeer_shutdown(peer);
    send_pattern(other, 100000);
    TorcSimPeer_shutdown(other);
    (void)TorcTransport_setCloseTimeout(rec.transport, -1);
    (void)TorcTransport_setCloseTimeout(right.transport, -1);
    TorcSim_advance(sim, 1000);
    TorcSim_stopFaults(sim);
    TorcSim_advance(sim, 1000);
    assert_peer_has_pattern(other, 150000);
    assert_peer_has_pattern(peer, 100000);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(right.log, "made lost:DONE");
    end_two();
}
END_TEST

/* ---- re-entrancy --------------------------------------------------------------------------- */

static void act_lose_both(Recording *recording)
{
    (void)recording;
    TorcTransport_loseConnection(rec.transport);
    TorcTransport_loseConnection(right.transport);
}

static void act_abort_both(Recording *recording)
{
    (void)recording;
    TorcTransport_abortConnection(right.transport);
    TorcTransport_abortConnection(rec.transport);
}

static void act_write_both(Recording *recording)
{
    (void)recording;
    if (rec.transport)
        (void)TorcTransport_write(rec.transport, "x", 1);
    if (right.transport)
        (void)TorcTransport_write(right.transport, "x", 1);
}

static void act_pause_and_resume(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
    TorcTransport_resumeProducing(recording->transport);
}

static void act_leave(Recording *recording)
{
    TorcTransport_unregisterProducer(recording->transport); /* it is not theirs */
}

/* Joining again, or producing, is refused in any state. */
static void act_join(Recording *recording)
{
    if (rec.transport && right.transport)
        ck_assert_int_lt(torc_joinTransports(rec.transport, right.transport, NULL), 0);
    if (TorcTransport_connected(recording->transport))
        ck_assert_int_eq(TorcTransport_registerProducer(recording->transport,
                                                        &torc_transport_producer, NULL, true),
                         -EBUSY);
}

START_TEST(everything_may_be_called_from_inside_the_slots_that_are_left)
{
    static RecordingHook *const acts[] = {act_lose_both,        act_abort_both, act_write_both,
                                          act_pause_and_resume, act_leave,      act_join};
    static const RecordedEvent events[] = {RECORD_EOF, RECORD_WRITE_SHUT, RECORD_LOST};
    for (size_t event = 0; event < 3; event++)
        for (size_t act = 0; act < sizeof(acts) / sizeof(acts[0]); act++) {
            rec = right = (Recording){0};
            rec.half_closeable = right.half_closeable = true;
            rec.next = &right;
            fired = 0;
            begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
            other = connect_peer();
            join();
            rec.on[events[event]] = right.on[events[event]] = acts[act];
            send_pattern(peer, 3000);
            TorcSimPeer_shutdown(peer);
            settle();
            TorcSimPeer_close(other);
            settle();
            ck_assert_uint_eq(rec.counts[RECORD_LOST] + right.counts[RECORD_LOST], 2);
            end_two();
        }
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------ */

START_TEST(what_cannot_be_joined_is_refused)
{
    TorcDeferred *untouched = NULL;
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    ck_assert_int_eq(torc_joinTransports(NULL, rec.transport, &untouched), -EINVAL);
    ck_assert_int_eq(torc_joinTransports(rec.transport, NULL, &untouched), -EINVAL);
    ck_assert_int_eq(torc_joinTransports(rec.transport, rec.transport, &untouched), -EINVAL);

    TorcStringTransport *wire = TorcStringTransport_forProtocol(&torc_protocol_class);
    TorcTransport *text = TorcStringTransport_transport(wire);
    ck_assert_int_eq(torc_joinTransports(rec.transport, text, &untouched), -EINVAL);
    TorcStringTransport_free(wire);

    ck_assert_int_eq(TorcTransport_registerProducer(right.transport, &torc_transport_producer,
                                                    rec.transport, true),
                     0);
    ck_assert_int_eq(torc_joinTransports(rec.transport, right.transport, &untouched), -EBUSY);
    TorcTransport_unregisterProducer(right.transport);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(right.transport), 0);
    ck_assert_int_eq(torc_joinTransports(rec.transport, right.transport, &untouched), -ENOTCONN);
    TorcTransport_abortConnection(right.transport);
    ck_assert_int_eq(torc_joinTransports(rec.transport, right.transport, &untouched), -ENOTCONN);
    ck_assert_ptr_null(untouched);
    settle();
    ck_assert_str_eq(rec.log, "made"); /* not joined, so it does not end */
    fired = 1;
    end_two();
}
END_TEST

START_TEST(nobody_need_wait_for_it)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    ck_assert_int_eq(torc_joinTransports(rec.transport, right.transport, NULL), 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_str_eq(TorcSimPeer_received(other), "hello");
    fired = 1;
    end_two();
}
END_TEST

START_TEST(calling_off_the_news_changes_nothing)
{
    begin_two_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    ck_assert_int_eq(torc_joinTransports(rec.transport, right.transport, &done), 0);
    TorcDeferred_release(done);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_str_eq(TorcSimPeer_received(other), "hello");
    TorcTransport_abortConnection(rec.transport);
    settle();
    fired = 1;
    end_two();
}
END_TEST

/* One conversation in which allocation `k` of joining and passing on fails. */
static bool converse(int mode, long k)
{
    FailingMemory_start(-1);
    begin_two_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    failing_memory.allocations = 0;
    failing_memory.fail_at = k;
    int r = torc_joinTransports(rec.transport, right.transport, &done);
    ck_assert(r == 0 || r == -ENOMEM);
    if (r == 0)
        (void)TorcDeferred_addBoth(done, note_done, NULL);
    if (r == 0)
        TorcDeferred_detach(done);
    TorcSimPeer_stopReading(other);
    send_pattern(peer, 100000);
    settle();
    if (r < 0)
        ck_assert_str_eq(rec.log, "made data:100000"); /* as if nothing had been asked */
    bool failed = FailingMemory_allocations() > k;
    FailingMemory_recover();
    fired += r < 0;
    end_two();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    return failed;
}

START_TEST(it_survives_every_failed_allocation)
{
    begin_connected(_i); /* also resolves class tables, which stay */
    end();
    long k = 0;
    while (converse(_i, k))
        k++;
    ck_assert_int_ge(k, 4);
}
END_TEST

/* ---- string transports --------------------------------------------------------------------- */

static TorcStringTransport *new_wire(void)
{
    TorcStringTransport *wire = TorcStringTransport_forProtocol(&torc_protocol_class);
    ck_assert_ptr_nonnull(wire);
    return wire;
}

static void count_up(TorcResult *result, void *arg)
{
    (void)result;
    ++*(int *)arg;
}

START_TEST(string_transports_can_be_joined_too)
{
    int ends = 0;
    TorcStringTransport *a = new_wire();
    TorcStringTransport *b = new_wire();
    ck_assert_int_eq(torc_joinTransports(TorcStringTransport_transport(a),
                                         TorcStringTransport_transport(b), &done),
                     0);
    ck_assert_int_eq(TorcDeferred_addBoth(done, count_up, &ends), 0);
    TorcDeferred_detach(done);
    TorcStringTransport_deliver(a, "to b");
    TorcStringTransport_deliver(b, "to a");
    ck_assert_str_eq(TorcStringTransport_value(a), "to a");
    ck_assert_str_eq(TorcStringTransport_value(b), "to b");
    TorcStringTransport_deliverEnd(a);
    ck_assert(TorcStringTransport_halfClosed(b));
    TorcStringTransport_deliverEnd(b);
    TorcStringTransport_turn(a);
    ck_assert_int_eq(ends, 0);
    TorcStringTransport_turn(b);
    ck_assert_int_eq(ends, 1);
    TorcStringTransport_free(a);
    TorcStringTransport_free(b);
}
END_TEST

RUN_LOOP_TESTS("joints", {what_the_one_receives_the_other_writes, MODES},
               {what_waited_while_reading_was_paused_is_passed_on, MODES},
               {it_may_begin_inside_dataReceived, MODES},
               {a_slow_reader_slows_the_writer_down_and_gets_all, WHOLE_MODES},
               {bulk_adds_one_buffer_to_the_mark_not_two, WHOLE_MODES},
               {who_resumes_reading_by_hand_gets_what_he_asked_for, WHOLE_MODES},
               {the_other_direction_goes_on_while_one_waits, WHOLE_MODES},
               {one_above_the_mark_when_joined_slows_the_other_at_once, WHOLE_MODES},
               {a_fin_is_passed_on_and_the_answer_comes_back, MODES},
               {half_closeable_protocols_are_told_after_the_joint_has_done_its_part, MODES},
               {a_fin_that_came_before_is_passed_on_too, MODES},
               {a_fin_behind_what_waits_comes_behind_it, MODES},
               {a_reset_of_the_one_closes_the_other_behind_its_bytes, MODES},
               {a_reset_with_the_last_bytes_shows_though_reading_was_paused_for_them, 1},
               {to_end_both_end_either, MODES}, {a_closing_side_does_not_wait_for_the_other, MODES},
               {the_shutdown_of_the_reactor_ends_it_at_once, WHOLE_MODES},
               {faults_change_nothing_but_the_time, MODES},
               {a_side_that_overflows_ends_both, WHOLE_MODES},
               {everything_may_be_called_from_inside_the_slots_that_are_left, MODES},
               {what_cannot_be_joined_is_refused, WHOLE_MODES},
               {nobody_need_wait_for_it, WHOLE_MODES},
               {calling_off_the_news_changes_nothing, WHOLE_MODES},
               {it_survives_every_failed_allocation, WHOLE_MODES},
               {string_transports_can_be_joined_too, 1})
