/* Closing: in order, one side at a time, at once; by whom and with which reason. */
#include "../support/stream_test.h"

static Recording second;

/* A second connection on the same port; second.transport. */
static TorcSimPeer *begin_two(int mode)
{
    second = (Recording){0};
    begin(mode);
    rec.next = &second;
    serve(&rec, PORT);
    peer = connect_peer();
    return connect_peer();
}

static void end_two(void)
{
    end();
    Recording_done(&second);
}

static void begin_half_closeable(int mode)
{
    begin(mode);
    rec.half_closeable = true;
    serve(&rec, PORT);
    peer = connect_peer();
}

/* Output that the peer does not take. */
static void begin_stuck(int mode)
{
    begin_connected_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(5000), 0);
    settle();
}

/* ---- loseConnection ------------------------------------------------------------------------ */

START_TEST(loseConnection_closes_in_order_and_not_inside_the_call) /* CLOSE-2 */
{
    begin_connected(_i);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcTransport_disconnecting(rec.transport)); /* CLOSE-21 */
    ck_assert(TorcTransport_connected(rec.transport));
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_int_eq(rec.code, 0);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    ck_assert_uint_eq(rec.counts[RECORD_DESTROY], 1);
    end();
}
END_TEST

START_TEST(what_was_written_is_delivered_first)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    ck_assert_int_eq(write_pattern(20000), 0);
    TorcTransport_loseConnection(rec.transport);
    settle();
    assert_peer_has_pattern(peer, 20000);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

START_TEST(loseConnection_stops_reading_at_once) /* CLOSE-2, CLOSE-4 */
{
    begin_stuck(_i);
    rec.on[RECORD_DATA] = lose;
    TorcSimPeer_send(peer, "first");
    settle();
    TorcSimPeer_send(peer, "second");
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 1);
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 1);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    assert_peer_has_pattern(peer, 5000);
    end();
}
END_TEST

START_TEST(loseConnection_in_connectionMade_delivers_no_data) /* CLOSE-5 */
{
    begin(_i);
    rec.on[RECORD_MADE] = lose;
    serve(&rec, PORT);
    peer = TorcSim_connect(sim, PORT);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

static void end_in_every_way(Recording *recording)
{
    lose(recording);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(recording->transport), -EPIPE);
    abort_now(recording);
    TorcTransport_failConnection(recording->transport, NULL);
}

START_TEST(ending_inside_connectionLost_does_nothing) /* CLOSE-6 */
{
    begin_connected(_i);
    rec.on[RECORD_LOST] = end_in_every_way;
    TorcSimPeer_shutdown(peer);
    settle();
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(loseConnection_twice_is_once) /* CLOSE-2 */
{
    begin_connected(_i);
    TorcTransport_loseConnection(rec.transport);
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    TorcTransport_loseConnection(NULL);
    end();
}
END_TEST

START_TEST(a_paused_connection_closes_all_the_same)
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "unread");
    settle();
    ck_assert_int_eq(write_text("bye"), 0);
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(a_reset_while_output_waits_to_be_closed_is_told)
{
    begin_stuck(_i);
    TorcTransport_loseConnection(rec.transport);
    settle();
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(a_reset_just_before_the_close_is_told)
{
    begin_connected(_i);
    TorcSimPeer_reset(peer);
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    end();
}
END_TEST

/* ---- from one end of turn to another ------------------------------------------------------- */

static void lose_second(Recording *recording)
{
    (void)recording;
    TorcTransport_loseConnection(second.transport);
}

static void lose_write_of_second(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcTransport_loseWriteConnection(second.transport), 0);
}

START_TEST(losing_another_connection_from_any_place_works)
{
    static const RecordedEvent places[] = {RECORD_DATA, RECORD_LOST, RECORD_DESTROY};
    for (size_t i = 0; i < 3; i++) {
        rec = (Recording){0};
        begin_two(_i);
        rec.on[places[i]] = lose_second;
        TorcSimPeer_send(peer, "x");
        TorcSimPeer_shutdown(peer);
        settle();
        ck_assert_str_eq(second.log, "made lost:DONE");
        end_two();
    }
}
END_TEST

/* The second one has something to do in the same end of turn, after the first: the place where
 * destroy functions run is late. */
START_TEST(losing_a_connection_from_a_destroy_function_while_it_is_busy_works)
{
    TorcSimPeer *other = begin_two(_i / 2);
    rec.on[RECORD_DESTROY] = _i % 2 ? lose_write_of_second : lose_second;
    TorcTransport_abortConnection(rec.transport);
    ck_assert_int_eq(TorcTransport_write(second.transport, "x", 1), 0);
    TorcSim_advance(sim, 0.5);
    ck_assert_str_eq(second.log, _i % 2 ? "made" : "made lost:DONE");
    ck_assert_str_eq(TorcSimPeer_received(other), "x");
    ck_assert(TorcSimPeer_gotEnd(other));
    end_two();
}
END_TEST

START_TEST(other_connections_are_not_affected)
{
    TorcSimPeer *other = begin_two(_i);
    TorcTransport_abortConnection(rec.transport);
    TorcSimPeer_send(other, "hello");
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
    ck_assert_str_eq(second.log, "made data:5");
    end_two();
}
END_TEST

/* ---- the peer's FIN ------------------------------------------------------------------------ */

START_TEST(output_that_waits_is_delivered_after_the_peers_fin) /* CLOSE-7 */
{
    begin_stuck(_i);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 5);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcTransport_disconnecting(rec.transport));
    TorcSimPeer_startReading(peer);
    settle();
    assert_peer_has_pattern(peer, 5000);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

START_TEST(a_peer_that_sends_fin_and_never_reads_is_cut_off) /* CLOSE-3 */
{
    begin_stuck(_i);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 31);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

/* ---- one side at a time -------------------------------------------------------------------- */

START_TEST(loseWriteConnection_sends_fin_behind_the_output_and_reading_goes_on) /* CLOSE-10 */
{
    begin_half_closeable(_i);
    ck_assert_int_eq(write_pattern(5000), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(!TorcTransport_disconnecting(rec.transport));
    settle();
    ck_assert_str_eq(rec.log, "made write-shut");
    assert_peer_has_pattern(peer, 5000);
    ck_assert(TorcSimPeer_gotEnd(peer));
    TorcSimPeer_send(peer, "still here");
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "made write-shut data:10");
    end();
}
END_TEST

START_TEST(without_the_slot_loseWriteConnection_is_silent) /* CLOSE-10 */
{
    begin_connected(_i);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    settle();
    ck_assert(TorcSimPeer_gotEnd(peer));
    TorcSimPeer_send(peer, "data");
    settle();
    ck_assert_str_eq(rec.log, "made data:4");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made data:4 lost:DONE");
    end();
}
END_TEST

START_TEST(a_fin_waits_for_output_that_the_peer_does_not_take)
{
    begin(_i);
    rec.half_closeable = true;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(200000), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "made pause");
    TorcSimPeer_startReading(peer);
    settle();
    ck_assert_str_eq(rec.log, "made pause write-shut resume");
    assert_peer_has_pattern(peer, 200000);
    ck_assert(TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

static bool with_output;

static void close_what_was_reset(Recording *recording)
{
    rec.on[RECORD_DATA] = NULL;
    TorcSimPeer_send(peer, "last words");
    TorcSimPeer_reset(peer);
    if (with_output)
        ck_assert_int_eq(TorcTransport_write(recording->transport, "answer", 6), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(recording->transport), 0);
}

START_TEST(a_write_side_that_a_reset_has_taken_is_not_told_as_closed) /* CLOSE-10 */
{
    begin_half_closeable(_i / 2);
    with_output = _i % 2;
    rec.on[RECORD_DATA] = close_what_was_reset;
    TorcSimPeer_send(peer, "go");
    settle();
    ck_assert_str_eq(rec.log, "made data:12 lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(a_write_side_whose_last_bytes_could_not_be_sent_is_not_told_as_closed) /* CLOSE-10 */
{
    begin_half_closeable(_i);
    ck_assert_uint_ne(TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_SEND, .nth = 1,
                                                           .times = 1, .error = EHOSTUNREACH)),
                      0);
    static char input[300000]; /* more than is read in a turn */
    TorcSimPeer_sendBytes(peer, input, sizeof(input));
    ck_assert_int_eq(write_pattern(10), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    settle();
    ck_assert_str_eq(rec.log, "made data:300000 lost:LOST");
    ck_assert_int_eq(rec.code, -EHOSTUNREACH);
    end();
}
END_TEST

START_TEST(losing_the_connection_after_its_write_side_closes_it) /* CLOSE-11 */
{
    begin_half_closeable(_i / 2);
    ck_assert_int_eq(write_pattern(3000), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    if (_i % 2)
        settle();
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, _i % 2 ? "made write-shut lost:DONE" : "made lost:DONE");
    assert_peer_has_pattern(peer, 3000);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(with_both_sides_closed_the_application_ends_it) /* CLOSE-12 */
{
    begin_half_closeable(_i / 2);
    if (_i % 2)
        TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    settle();
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, _i % 2 ? "made eof write-shut" : "made write-shut eof");
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    end();
}
END_TEST

START_TEST(the_half_close_slots_may_end_the_connection) /* CLOSE-13 */
{
    static RecordingHook *const hooks[] = {lose, abort_now};
    static const char *const logs[] = {"made eof lost:DONE", "made eof lost:ABORTED",
                                       "made write-shut lost:DONE", "made write-shut lost:ABORTED"};
    for (int i = 0; i < 4; i++) {
        rec = (Recording){0};
        rec.on[i < 2 ? RECORD_EOF : RECORD_WRITE_SHUT] = hooks[i % 2];
        begin_half_closeable(_i);
        if (i < 2)
            TorcSimPeer_shutdown(peer);
        else
            lose_write(&rec);
        settle();
        ck_assert_str_eq(rec.log, logs[i]);
        end();
    }
}
END_TEST

START_TEST(loseWriteConnection_is_refused_when_closing) /* CLOSE-11 */
{
    begin_connected(_i);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), -EPIPE);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(NULL), -EINVAL);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

/* ---- abortConnection ----------------------------------------------------------------------- */

START_TEST(abortConnection_resets_and_drops_what_waits) /* CLOSE-14 */
{
    begin_connected(_i);
    ck_assert_int_eq(write_text("never seen"), 0);
    TorcTransport_abortConnection(rec.transport);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert(!TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

static void prepare_paused(void)
{
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "unread");
}

static void prepare_full(void)
{
    ck_assert_int_eq(write_pattern(5000), 0);
}

static void prepare_losing(void)
{
    prepare_full();
    TorcTransport_loseConnection(rec.transport);
}

static void prepare_write_losing(void)
{
    prepare_full();
    lose_write(&rec);
}

static void prepare_write_shut(void)
{
    lose_write(&rec);
}

static void prepare_eof(void)
{
    TorcSimPeer_shutdown(peer);
}

static void (*const preparations[])(void) = {prepare_paused,     prepare_full,
                                             prepare_losing,     prepare_write_losing,
                                             prepare_write_shut, prepare_eof};
enum { PREPARATIONS = 6 };

START_TEST(abortConnection_works_in_every_state) /* CLOSE-14 */
{
    rec.half_closeable = true;
    begin_connected_with(_i / PREPARATIONS, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    preparations[_i % PREPARATIONS]();
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    TorcTransport_abortConnection(rec.transport);
    TorcTransport_abortConnection(rec.transport); /* CLOSE-16 */
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_ABORTED);
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(after_abort_no_data_is_delivered) /* CLOSE-15 */
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = abort_now;
    TorcSimPeer_send(peer, "ab");
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_ABORTED);
    TorcTransport_abortConnection(NULL);
    end();
}
END_TEST

START_TEST(abort_in_connectionMade_ends_it) /* CLOSE-14 */
{
    begin(_i);
    rec.on[RECORD_MADE] = abort_now;
    serve(&rec, PORT);
    peer = TorcSim_connect(sim, PORT);
    TorcSimPeer_send(peer, "x");
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
    end();
}
END_TEST

/* ---- failConnection ------------------------------------------------------------------------ */

START_TEST(failConnection_gives_the_applications_reason_to_that_connection_alone)
{
    TorcSimPeer *other = begin_two(_i);
    TorcReason *reason =
        TorcReason_new(TORC_CONNECTION_APPLICATION, -EBADMSG, "no %s in the request", "verb");
    ck_assert_int_eq(write_text("never seen"), 0);
    TorcTransport_failConnection(rec.transport, reason);
    ck_assert(TorcTransport_disconnecting(rec.transport));
    TorcReason_unref(reason);
    settle();
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    ck_assert_str_eq(rec.text, "no verb in the request");
    ck_assert_int_eq(rec.code, -EBADMSG);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    TorcSimPeer_send(other, "x");
    settle();
    ck_assert_str_eq(second.log, "made data:1");
    end_two();
}
END_TEST

START_TEST(failConnection_resets_when_output_is_dropped)
{
    if (_i % 2) {
        begin_stuck(_i / 2); /* some of it has left */
    } else {
        begin_connected(_i / 2);
        ck_assert_int_eq(write_text("never seen"), 0);
    }
    TorcTransport_failConnection(rec.transport, NULL);
    settle();
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert(!TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

START_TEST(failConnection_closes_when_nothing_is_dropped)
{
    begin_connected(_i);
    ck_assert_int_eq(write_text("all"), 0);
    settle();
    TorcTransport_failConnection(rec.transport, NULL);
    settle();
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    ck_assert_str_eq(TorcSimPeer_received(peer), "all");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(after_failConnection_no_data_is_delivered)
{
    begin_connected(_i);
    TorcSimPeer_send(peer, "hello");
    TorcTransport_failConnection(rec.transport, NULL);
    settle();
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    end();
}
END_TEST

/* ---- lost for want of resources ------------------------------------------------------------- */

/* The kernel takes no interest in room for the rest of the output. */
START_TEST(a_connection_that_is_lost_with_output_waiting_is_reset)
{
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOMEM, 1);
    ck_assert_int_eq(write_pattern(5000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ENOMEM);
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert(!TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

/* The kernel takes no interest in the new connection at all. */
START_TEST(a_connection_that_is_lost_with_nothing_waiting_is_closed)
{
    begin(_i);
    serve(&rec, PORT);
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOMEM, 1);
    peer = connect_peer();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ENOMEM);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(failConnection_without_a_reason_uses_the_general_one)
{
    begin_connected(_i);
    TorcTransport_loseConnection(rec.transport);
    TorcTransport_failConnection(rec.transport, NULL);
    TorcTransport_failConnection(NULL, NULL);
    settle();
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    end();
}
END_TEST

RUN_LOOP_TESTS("stream closing", {loseConnection_closes_in_order_and_not_inside_the_call, MODES},
               {what_was_written_is_delivered_first, MODES},
               {loseConnection_stops_reading_at_once, MODES},
               {loseConnection_in_connectionMade_delivers_no_data, MODES},
               {ending_inside_connectionLost_does_nothing, MODES},
               {loseConnection_twice_is_once, MODES},
               {a_paused_connection_closes_all_the_same, MODES},
               {a_reset_while_output_waits_to_be_closed_is_told, MODES},
               {a_reset_just_before_the_close_is_told, MODES},
               {losing_another_connection_from_any_place_works, MODES},
               {losing_a_connection_from_a_destroy_function_while_it_is_busy_works, 2 * MODES},
               {other_connections_are_not_affected, MODES},
               {output_that_waits_is_delivered_after_the_peers_fin, MODES},
               {a_peer_that_sends_fin_and_never_reads_is_cut_off, MODES},
               {loseWriteConnection_sends_fin_behind_the_output_and_reading_goes_on, MODES},
               {without_the_slot_loseWriteConnection_is_silent, MODES},
               {a_write_side_that_a_reset_has_taken_is_not_told_as_closed, 2 * MODES},
               {a_write_side_whose_last_bytes_could_not_be_sent_is_not_told_as_closed, WHOLE_MODES},
               {a_fin_waits_for_output_that_the_peer_does_not_take, MODES},
               {losing_the_connection_after_its_write_side_closes_it, 2 * MODES},
               {with_both_sides_closed_the_application_ends_it, 2 * MODES},
               {the_half_close_slots_may_end_the_connection, MODES},
               {loseWriteConnection_is_refused_when_closing, MODES},
               {abortConnection_resets_and_drops_what_waits, MODES},
               {abortConnection_works_in_every_state, PREPARATIONS *MODES},
               {after_abort_no_data_is_delivered, MODES}, {abort_in_connectionMade_ends_it, MODES},
               {failConnection_gives_the_applications_reason_to_that_connection_alone, MODES},
               {failConnection_resets_when_output_is_dropped, 2 * MODES},
               {failConnection_closes_when_nothing_is_dropped, MODES},
               {after_failConnection_no_data_is_delivered, MODES},
               {a_connection_that_is_lost_with_output_waiting_is_reset, MODES},
               {a_connection_that_is_lost_with_nothing_waiting_is_closed, MODES},
               {failConnection_without_a_reason_uses_the_general_one, MODES})
