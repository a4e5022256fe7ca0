/* Reading: delivery, fairness, the end of the peer's stream, and resets. */
/* Before the support, whose variables would hide names in it. */
#include "transports/stream_internal.h"

#include "../support/stream_test.h"

/* ---- delivery ------------------------------------------------------------------------------ */

START_TEST(what_the_peer_sends_is_delivered_in_order)
{
    begin_connected(_i);
    TorcSimPeer_send(peer, "one ");
    settle();
    TorcSimPeer_send(peer, "two ");
    TorcSimPeer_send(peer, "three");
    settle();
    ck_assert_str_eq(rec.log, "made data:13");
    ck_assert_str_eq(Recording_received(&rec), "one two three");
    end();
}
END_TEST

START_TEST(input_that_came_before_the_connection_was_accepted_is_delivered)
{
    begin(_i);
    serve(&rec, PORT);
    peer = TorcSim_connect(sim, PORT);
    TorcSimPeer_send(peer, "early");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made data:5 lost:DONE");
    end();
}
END_TEST

START_TEST(a_megabyte_arrives_byte_for_byte)
{
    enum { SIZE = 1 << 20 };
    uint8_t *bytes = new_pattern(SIZE);
    begin_connected(_i);
    TorcSimPeer_sendBytes(peer, bytes, SIZE);
    settle();
    ck_assert_uint_eq(rec.received_length, SIZE);
    assert_pattern(rec.received, SIZE);
    free(bytes);
    end();
}
END_TEST

START_TEST(reads_grow_for_bulk)
{
    static uint8_t bytes[1 << 20];
    begin_connected_with(_i, TORC_SIM_OPTIONS(.bufferSize = sizeof(bytes)));
    for (int i = 0; i < 3; i++) {
        TorcSimPeer_sendBytes(peer, bytes, sizeof(bytes));
        settle();
    }
    ck_assert_uint_eq(rec.received_length, 3 * sizeof(bytes));
    /* 64, 128, and then 256 KiB at a time. */
    ck_assert_uint_lt(rec.counts[RECORD_DATA], 16);
    end();
}
END_TEST

/* Elsewhere the kernel copies slower. */
START_TEST(reads_begin_at_a_cache_line_however_large_they_are)
{
    static uint8_t bytes[1 << 20];
    begin_connected_with(EDGE, TORC_SIM_OPTIONS(.bufferSize = sizeof(bytes)));
    const TorcStreams *streams = ((const TorcStream *)rec.transport)->owner->streams;
    ck_assert_uint_eq((uintptr_t)streams->receive % 64, 0);
    TorcSimPeer_sendBytes(peer, bytes, sizeof(bytes));
    settle();
    ck_assert_uint_eq(streams->receive_size, 256 * 1024);
    ck_assert_uint_eq((uintptr_t)streams->receive % 64, 0);
    end();
}
END_TEST

static const char *quiet_said;

static void keep_quiet_word(Recording *recording)
{
    quiet_said = Recording_received(recording);
}

START_TEST(a_flooding_peer_does_not_starve_a_quiet_one) /* RD-1, BUG-17 */
{
    static uint8_t flood[4 << 20];
    Recording quiet = {.on[RECORD_DATA] = keep_quiet_word};
    begin_with(_i, TORC_SIM_OPTIONS(.bufferSize = sizeof(flood)));
    rec.next = &quiet;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer *other = connect_peer();
    TorcSimPeer_sendBytes(peer, flood, sizeof(flood));
    TorcSimPeer_send(other, "excuse me");

    uint64_t before = TorcSim_countCalls(sim, TORC_SIM_RECV);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_str_eq(quiet_said, "excuse me");
    /* At most one recv each when ready, and one more at the end of the turn. */
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_RECV) - before, 4);
    ck_assert_uint_lt(rec.received_length, sizeof(flood));
    settle();
    ck_assert_uint_eq(rec.received_length, sizeof(flood));
    end();
    Recording_done(&quiet);
}
END_TEST

static uint64_t bytes_of_a_turn(void)
{
    TorcReactorCounters before = {.size = sizeof(before)}, after = {.size = sizeof(after)};
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &before), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &after), 0);
    return after.bytesReceived - before.bytesReceived;
}

START_TEST(fifty_flooding_peers_share_a_turn_and_one_has_large_reads_again) /* RD-1, BUG-17 */
{
    enum { PEERS = 50, FLOOD = 1 << 20, TURN_SHARE = 4 << 20, LARGEST = 256 * 1024 };
    static uint8_t flood[FLOOD];
    Recording recordings[PEERS] = {0};
    begin_with(_i, TORC_SIM_OPTIONS(.bufferSize = FLOOD));
    for (int i = 0; i + 1 < PEERS; i++)
        recordings[i].next = &recordings[i + 1];
    serve(&recordings[0], PORT);
    for (int i = 0; i < PEERS; i++) {
        peer = connect_peer();
        TorcSimPeer_sendBytes(peer, flood, FLOOD);
    }
    ck_assert_uint_le(bytes_of_a_turn(), 3 * TURN_SHARE);
    for (int i = 0; i < 6; i++)
        ck_assert_uint_le(bytes_of_a_turn(), 2 * TURN_SHARE);
    for (int i = 0; i < PEERS; i++) /* none comes off badly */
        ck_assert_uint_ge(recordings[i].received_length, FLOOD / 4);
    settle();
    for (int i = 0; i < 8; i++) {
        TorcSimPeer_sendBytes(peer, flood, FLOOD);
        settle();
    }
    int reads = recordings[PEERS - 1].counts[RECORD_DATA];
    TorcSimPeer_sendBytes(peer, flood, FLOOD);
    settle();
    ck_assert_int_le(recordings[PEERS - 1].counts[RECORD_DATA] - reads, FLOOD / LARGEST + 1);
    end();
    for (int i = 0; i < PEERS; i++)
        Recording_done(&recordings[i]);
}
END_TEST

START_TEST(an_echo_takes_one_recv_and_one_send)
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = echo;
    for (int i = 0; i < 3; i++) {
        uint64_t reads = TorcSim_countCalls(sim, TORC_SIM_RECV);
        uint64_t writes = TorcSim_countCalls(sim, TORC_SIM_SEND);
        TorcSimPeer_send(peer, "hello");
        settle();
        ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_RECV) - reads, 1);
        ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_SEND) - writes, 1);
    }
    ck_assert_str_eq(TorcSimPeer_received(peer), "hellohellohello");
    end();
}
END_TEST

START_TEST(readiness_without_input_is_nothing) /* RD-2 */
{
    begin_connected(_i);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EAGAIN, 1);
    TorcSimPeer_send(peer, "x");
    settle();
    ck_assert_str_eq(rec.log, "made data:1");
    end();
}
END_TEST

START_TEST(an_interrupted_recv_is_repeated) /* RD-2 */
{
    begin_connected(_i);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EINTR, 3);
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made data:5 lost:DONE");
    end();
}
END_TEST

START_TEST(any_other_error_of_recv_is_the_end_with_its_code) /* RD-2 */
{
    static const int errors[] = {EIO, ETIMEDOUT, EHOSTUNREACH, ENOMEM, ENOBUFS};
    begin_connected(EDGE);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, errors[_i], 0);
    TorcSimPeer_send(peer, "x");
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -errors[_i]);
    end();
}
END_TEST

/* ---- the end of the peer's stream ---------------------------------------------------------- */

START_TEST(a_fin_ends_the_connection_in_order) /* CLOSE-7 */
{
    begin_connected(_i);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(a_fin_that_comes_with_data_ends_the_connection_after_it) /* CLOSE-1 */
{
    begin_connected(_i);
    TorcSimPeer_send(peer, "last words");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made data:10 lost:DONE");
    end();
}
END_TEST

START_TEST(an_answer_to_what_came_with_the_fin_is_delivered) /* CLOSE-7 */
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = echo;
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    ck_assert_str_eq(rec.log, "made data:5 lost:DONE");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(a_half_closeable_protocol_is_told_of_the_fin_once_and_stays) /* CLOSE-8 */
{
    begin(_i);
    rec.half_closeable = true;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_send(peer, "question");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "made data:8 eof");
    ck_assert_int_eq(write_text("answer"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer");
    ck_assert(!TorcSimPeer_gotEnd(peer));
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made data:8 eof lost:DONE");
    ck_assert(TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

static void answer_and_lose(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "answer", 6), 0);
    lose(recording);
}

START_TEST(losing_the_connection_on_the_fin_sends_what_was_written_there)
{
    begin(_i);
    rec.half_closeable = true;
    rec.on[RECORD_EOF] = answer_and_lose;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made eof lost:DONE");
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer");
    end();
}
END_TEST

START_TEST(a_reset_after_the_fin_reaches_a_half_closed_connection) /* CLOSE-9 */
{
    begin(EDGE);
    rec.half_closeable = true;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_shutdown(peer);
    settle();
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made eof lost:LOST");
    ck_assert_int_eq(rec.code, -EPIPE); /* what Linux says after a FIN */
    end();
}
END_TEST

START_TEST(without_edges_a_reset_after_the_fin_shows_at_the_next_write)
{
    begin(LEVEL);
    rec.half_closeable = true;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_shutdown(peer);
    settle();
    TorcSimPeer_reset(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made eof");
    ck_assert_int_eq(write_text("x"), 0);
    settle();
    ck_assert_str_eq(rec.log, "made eof lost:LOST");
    end();
}
END_TEST

/* ---- resets -------------------------------------------------------------------------------- */

START_TEST(a_reset_is_told_with_its_errno) /* CLOSE-9, LOOP-10 */
{
    begin_connected(_i);
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    ck_assert_ptr_nonnull(strstr(rec.text, "reset"));
    end();
}
END_TEST

START_TEST(a_reset_that_comes_with_data_is_noticed_by_who_never_writes)
{
    begin_connected(_i);
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made data:5 lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

static void try_to_write(Recording *recording)
{
    int r = TorcTransport_write(recording->transport, "x", 1);
    ck_assert(r == 0 || r == -EPIPE);
}

START_TEST(a_reset_that_comes_with_data_is_noticed_by_who_writes)
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = try_to_write;
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made data:5 lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(what_came_before_a_failing_send_is_delivered_first)
{
    begin_connected(_i);
    TorcSimPeer_send(peer, "last words");
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EPIPE, 0);
    ck_assert_int_eq(write_text("x"), 0);
    settle();
    ck_assert_str_eq(rec.log, "made data:10 lost:LOST");
    ck_assert_int_eq(rec.code, -EPIPE);
    end();
}
END_TEST

RUN_LOOP_TESTS("stream reading", {what_the_peer_sends_is_delivered_in_order, MODES},
               {input_that_came_before_the_connection_was_accepted_is_delivered, MODES},
               {a_megabyte_arrives_byte_for_byte, WHOLE_MODES}, {reads_grow_for_bulk, WHOLE_MODES},
               {reads_begin_at_a_cache_line_however_large_they_are, 1},
               {a_flooding_peer_does_not_starve_a_quiet_one, WHOLE_MODES},
               {fifty_flooding_peers_share_a_turn_and_one_has_large_reads_again, WHOLE_MODES},
               {an_echo_takes_one_recv_and_one_send, WHOLE_MODES},
               {readiness_without_input_is_nothing, MODES},
               {an_interrupted_recv_is_repeated, MODES},
               {any_other_error_of_recv_is_the_end_with_its_code, 5},
               {a_fin_ends_the_connection_in_order, MODES},
               {a_fin_that_comes_with_data_ends_the_connection_after_it, MODES},
               {an_answer_to_what_came_with_the_fin_is_delivered, MODES},
               {a_half_closeable_protocol_is_told_of_the_fin_once_and_stays, MODES},
               {losing_the_connection_on_the_fin_sends_what_was_written_there, MODES},
               {a_reset_after_the_fin_reaches_a_half_closed_connection, 1},
               {without_edges_a_reset_after_the_fin_shows_at_the_next_write, 1},
               {a_reset_is_told_with_its_errno, MODES},
               {a_reset_that_comes_with_data_is_noticed_by_who_never_writes, MODES},
               {a_reset_that_comes_with_data_is_noticed_by_who_writes, MODES},
               {what_came_before_a_failing_send_is_delivered_first, MODES})
