/* The contract of closing, in every world: in order, by half, by the peer, and when nobody takes what
 * is left. Resets, abortConnection and failConnection are test_contract_abort.c's. */
#include "contract_close.h"

/* ---- the life of a connection -------------------------------------------------------------- */

START_TEST(it_is_made_gets_data_and_is_lost_once) /* CLOSE-1 */
{
    BEGIN_CONNECTED(0);
    peer_say(peer, "hello");
    until(rec.received_length == 5);
    peer_shutdown(peer);
    until(rec.counts[RECORD_LOST]);
    settle();
    assert_log("made data:5 lost:DONE");
    END();
}
END_TEST

START_TEST(nothing_of_it_is_left_after_the_loss) /* CLOSE-20, BUG-8 */
{
    BEGIN_CONNECTED(0);
    TorcConnectionId id = TorcTransport_getConnectionId(rec.transport);
    ck_assert_ptr_eq(TorcConnectionId_protocol(id), rec.protocol);
    TorcTransport_loseConnection(rec.transport);
    until(rec.counts[RECORD_DESTROY]);
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
    END();
}
END_TEST

static TorcAddress host;
static TorcAddress remote;

static void remember_addresses(Recording *recording)
{
    TorcTransport_getHost(recording->transport, &host);
    TorcTransport_getPeer(recording->transport, &remote);
}

static void compare_addresses(Recording *recording)
{
    TorcAddress now;
    TorcTransport_getHost(recording->transport, &now);
    ck_assert(TorcAddress_equal(&now, &host));
    TorcTransport_getPeer(recording->transport, &now);
    ck_assert(TorcAddress_equal(&now, &remote));
}

START_TEST(both_addresses_are_there_to_the_end) /* CLOSE-18 */
{
    rec.on[RECORD_MADE] = remember_addresses;
    rec.on[RECORD_LOST] = compare_addresses;
    BEGIN_CONNECTED(0);
    ck_assert(!(world.traits & INTERNET) || (host.port > 0 && remote.port > 0));
    peer_shutdown(peer);
    until(rec.counts[RECORD_LOST]);
    END();
}
END_TEST

static void assert_gone(Recording *recording)
{
    ck_assert(!TorcTransport_connected(recording->transport));
    ck_assert(TorcTransport_disconnecting(recording->transport));
}

START_TEST(it_says_whether_it_is_connected_and_disconnecting) /* CLOSE-21 */
{
    rec.on[RECORD_LOST] = assert_gone;
    BEGIN_CONNECTED(0);
    ck_assert(TorcTransport_connected(rec.transport));
    ck_assert(!TorcTransport_disconnecting(rec.transport));
    TorcTransport_loseConnection(rec.transport);
    ck_assert(TorcTransport_connected(rec.transport));
    ck_assert(TorcTransport_disconnecting(rec.transport));
    until(rec.counts[RECORD_LOST]);
    END();
}
END_TEST

/* The peer gets all of it and the end, the protocol is told this. */
static void assert_delivered(size_t length, const char *log)
{
    until(peer_gotEnd(peer));
    assert_ends(log);
    assert_peer_has_pattern(peer, length);
}

/* ---- loseConnection ------------------------------------------------------------------------ */

/* The peer takes a little and looks away, again and again. */
static void read_slowly(void)
{
    for (int i = 0; i < 20 && !peer_gotEnd(peer); i++) {
        peer_startReading(peer);
        world_turn();
        peer_stopReading(peer);
        world_turn();
    }
    peer_startReading(peer);
}

START_TEST(three_writes_and_a_close_reach_a_slow_reader_whole) /* CLOSE-2, WR-2 */
{
    BEGIN_CONNECTED(0);
    uint8_t *bytes = new_pattern(world.bulk);
    size_t third = world.bulk / 3;
    peer_stopReading(peer);
    TorcTransport_setWriteMarks(rec.transport, world.bulk, 0);
    TorcTransport_write(rec.transport, bytes, third);
    TorcTransport_write(rec.transport, bytes + third, third);
    TorcTransport_write(rec.transport, bytes + 2 * third, world.bulk - 2 * third);
    TorcTransport_loseConnection(rec.transport);
    free(bytes);
    read_slowly();
    assert_delivered(world.bulk, "made lost:DONE");
    END();
}
END_TEST

START_TEST(the_loss_comes_after_the_call_that_asked_for_it) /* CLOSE-2, BUG-6 */
{
    BEGIN_CONNECTED(0);
    TorcTransport_loseConnection(rec.transport);
    assert_log("made");
    assert_ends("made lost:DONE");
    END();
}
END_TEST

START_TEST(what_arrives_after_loseConnection_is_not_delivered) /* CLOSE-2, CLOSE-4 */
{
    rec.on[RECORD_DATA] = lose;
    BEGIN_CONNECTED(0);
    assert_first_data_ends("made data:1 lost:DONE");
    END();
}
END_TEST

START_TEST(lost_in_connectionMade_it_gets_no_data) /* CLOSE-5 */
{
    rec.on[RECORD_MADE] = lose;
    BEGIN(0);
    peer_say(peer_open(), "hello");
    assert_ends("made lost:DONE");
    END();
}
END_TEST

static void close_again(Recording *recording)
{
    lose(recording);
    abort_now(recording);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(recording->transport), -EPIPE);
}

START_TEST(closing_inside_connectionLost_does_nothing) /* CLOSE-6, BUG-8 */
{
    rec.on[RECORD_LOST] = close_again;
    BEGIN_CONNECTED(0);
    TorcTransport_loseConnection(rec.transport);
    until(rec.counts[RECORD_DESTROY]);
    settle();
    assert_log("made lost:DONE");
    END();
}
END_TEST

START_TEST(a_peer_that_takes_nothing_is_cut_off) /* CLOSE-3 */
{
    BEGIN_CONNECTED(0);
    begin_full();
    ck_assert_int_eq(TorcTransport_setCloseTimeout(rec.transport, 0.05), 0);
    TorcTransport_loseConnection(rec.transport);
    assert_ends("made lost:TIMED_OUT");
    END();
}
END_TEST

/* More than a TCP peer's receive buffer takes, so that some is still the sender's at the close: a
 * small reply would survive by luck. */
static size_t reply_length(void)
{
    return world.traits & REAL ? 200 << 10 : world.full;
}

static void answer_and_lose(Recording *recording)
{
    TorcTransport_setWriteMarks(recording->transport, world.bulk, 0);
    if (world.traits & REAL)
        (void)TorcTransport_setSendBufferSize(recording->transport, 1 << 20);
    ck_assert_int_eq(write_pattern(reply_length()), 0);
    lose(recording);
}

/* The kernel would answer the rest of the request by a reset, which destroys the reply. */
START_TEST(the_last_reply_survives_input_that_nobody_reads) /* BUG-10 */
{
    rec.on[RECORD_DATA] = answer_and_lose;
    BEGIN_CONNECTED(SOCKET);
    uint8_t *bytes = new_pattern(world.bulk / 4);
    peer_stopReading(peer);
    peer_send(peer, bytes, world.bulk / 4);
    free(bytes);
    until(rec.counts[RECORD_DATA]);
    settle();
    peer_startReading(peer);
    until(peer_gotEnd(peer) || peer_gotReset(peer));
    assert_peer_has_pattern(peer, reply_length());
    until(rec.counts[RECORD_LOST]);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    END();
}
END_TEST

/* ---- the peer's end ------------------------------------------------------------------------ */

static void write_bulk_after_five(Recording *recording)
{
    if (recording->received_length == 5)
        write_bulk(recording);
}

START_TEST(a_fin_lets_the_answer_leave) /* CLOSE-7, BUG-9 */
{
    rec.on[RECORD_DATA] = write_bulk_after_five;
    BEGIN_CONNECTED(0);
    peer_stopReading(peer);
    peer_say(peer, "hello");
    peer_shutdown(peer);
    until(rec.received_length == 5);
    settle();
    peer_startReading(peer);
    assert_delivered(world.bulk, "made data:5 lost:DONE");
    END();
}
END_TEST

START_TEST(a_fin_that_comes_with_data_is_seen) /* CLOSE-7, BUG-9 */
{
    BEGIN_CONNECTED(0);
    peer_say(peer, "hello");
    peer_shutdown(peer);
    assert_ends("made data:5 lost:DONE");
    END();
}
END_TEST

static void answer(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "answer", 6), 0);
}

START_TEST(a_half_closeable_protocol_goes_on_writing_after_a_fin) /* CLOSE-8, BUG-9 */
{
    rec.half_closeable = true;
    rec.on[RECORD_EOF] = answer;
    BEGIN_CONNECTED(0);
    peer_say(peer, "hello");
    peer_shutdown(peer);
    until(peer_receivedLength(peer) == 6);
    settle();
    ck_assert(!peer_gotEnd(peer));
    TorcTransport_loseConnection(rec.transport);
    until(peer_gotEnd(peer));
    until(rec.counts[RECORD_LOST]);
    assert_peer_has(peer, "answer");
    assert_log("made data:5 eof lost:DONE");
    END();
}
END_TEST

START_TEST(a_fin_shows_while_paused_when_nothing_is_unread) /* LOOP-7, PROD-13 */
{
    rec.on[RECORD_MADE] = pause_reading;
    BEGIN_CONNECTED(NOTICES);
    settle();
    peer_shutdown(peer);
    assert_ends("made lost:DONE");
    END();
}
END_TEST

START_TEST(a_fin_behind_unread_input_waits_for_it) /* LOOP-7, PROD-13 */
{
    rec.on[RECORD_MADE] = pause_reading;
    BEGIN_CONNECTED(0);
    peer_say(peer, "hello");
    peer_shutdown(peer);
    settle();
    assert_log("made");
    TorcTransport_resumeProducing(rec.transport);
    assert_ends("made data:5 lost:DONE");
    END();
}
END_TEST

/* ---- a stream after the peer's FIN --------------------------------------------------------- */

enum { PIECE = 10000, MEGABYTE = 1 << 20 };

static size_t streamed;
static size_t stream_length;

static void stream_on(void *arg)
{
    TorcTransport *transport = arg;
    uint8_t bytes[PIECE];
    size_t length = stream_length - streamed < PIECE ? stream_length - streamed : PIECE;
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern_at(streamed + i);
    streamed += length;
    ck_assert_int_eq(TorcTransport_write(transport, bytes, length), 0);
    if (streamed == stream_length) {
        TorcTransport_unregisterProducer(transport);
        TorcTransport_loseConnection(transport);
    }
}

static const TorcProducerClass stream_class = {.size = sizeof(TorcProducerClass),
                                               .resumeProducing = stream_on};

static void begin_streaming(Recording *recording)
{
    TorcTransport *transport = recording->transport;
    ck_assert_int_eq(TorcTransport_registerProducer(transport, &stream_class, transport, false), 0);
}

/* BUG-9 */
START_TEST(a_server_streams_a_megabyte_to_a_peer_that_has_shut_its_side) /* CLOSE-8, PROD-2 */
{
    rec.half_closeable = true;
    rec.on[RECORD_EOF] = begin_streaming;
    BEGIN_CONNECTED(0);
    streamed = 0;
    stream_length = world.traits & WHOLE ? MEGABYTE : world.bulk;
    peer_shutdown(peer);
    assert_delivered(stream_length, "made eof lost:DONE");
    END();
}
END_TEST

/* ---- loseWriteConnection ------------------------------------------------------------------- */

START_TEST(half_closed_for_writing_it_still_reads_until_the_fin) /* CLOSE-10, CLOSE-12 */
{
    rec.half_closeable = true;
    BEGIN_CONNECTED(0);
    lose_write(&rec);
    until(peer_gotEnd(peer));
    until(rec.counts[RECORD_WRITE_SHUT]);
    ck_assert_int_eq(write_text("more"), -EPIPE); /* WR-8 */
    peer_say(peer, "x");
    until(rec.received_length == 1);
    peer_shutdown(peer);
    until(rec.counts[RECORD_EOF]);
    settle();
    assert_log("made write-shut data:1 eof");
    TorcTransport_loseConnection(rec.transport);
    assert_ends("made write-shut data:1 eof lost:DONE");
    END();
}
END_TEST

START_TEST(what_was_written_leaves_before_the_write_side_closes) /* CLOSE-10 */
{
    BEGIN_CONNECTED(0);
    begin_full();
    lose_write(&rec);
    ck_assert_int_eq(write_text("more"), -EPIPE); /* WR-8 */
    peer_startReading(peer);
    until(peer_gotEnd(peer));
    assert_peer_has_pattern(peer, world.bulk);
    assert_log("made");
    peer_shutdown(peer);
    assert_ends("made lost:DONE");
    END();
}
END_TEST

START_TEST(loseConnection_wins_over_loseWriteConnection) /* CLOSE-11 */
{
    BEGIN_CONNECTED(0);
    begin_full();
    lose_write(&rec);
    TorcTransport_loseConnection(rec.transport);
    peer_startReading(peer);
    assert_delivered(world.bulk, "made lost:DONE");
    END();
}
END_TEST

CONTRACT_SUITE("contract: closing", it_is_made_gets_data_and_is_lost_once,
               nothing_of_it_is_left_after_the_loss, both_addresses_are_there_to_the_end,
               it_says_whether_it_is_connected_and_disconnecting,
               three_writes_and_a_close_reach_a_slow_reader_whole,
               the_loss_comes_after_the_call_that_asked_for_it,
               what_arrives_after_loseConnection_is_not_delivered,
               lost_in_connectionMade_it_gets_no_data, closing_inside_connectionLost_does_nothing,
               a_peer_that_takes_nothing_is_cut_off,
               the_last_reply_survives_input_that_nobody_reads, a_fin_lets_the_answer_leave,
               a_fin_that_comes_with_data_is_seen,
               a_half_closeable_protocol_goes_on_writing_after_a_fin,
               a_fin_shows_while_paused_when_nothing_is_unread,
               a_fin_behind_unread_input_waits_for_it,
               a_server_streams_a_megabyte_to_a_peer_that_has_shut_its_side,
               half_closed_for_writing_it_still_reads_until_the_fin,
               what_was_written_leaves_before_the_write_side_closes,
               loseConnection_wins_over_loseWriteConnection)
