/* The contract of reading, in every world: all bytes in order, pausing, one connection beside
 * another, and that the same conversation is told by the same calls everywhere. */
#include "contract_world.h"

#include <fcntl.h>
#include <sys/socket.h>

#define assert_log(expected) ck_assert_str_eq(world_log(), expected)

static void send_pattern(Peer *to, size_t length)
{
    uint8_t *bytes = new_pattern(length);
    peer_send(to, bytes, length);
    free(bytes);
}

static void assert_received_pattern(size_t length)
{
    ck_assert_uint_eq(rec.received_length, length);
    assert_pattern(rec.received, length);
}

START_TEST(all_that_is_sent_is_delivered_in_order) /* RD-2 */
{
    BEGIN_CONNECTED(0);
    send_pattern(peer, world.bulk);
    peer_shutdown(peer);
    until(rec.counts[RECORD_LOST]);
    assert_received_pattern(world.bulk);
    END();
}
END_TEST

/* ---- pausing ------------------------------------------------------------------------------- */

START_TEST(paused_in_connectionMade_it_gets_nothing_until_resumed) /* PROD-12 */
{
    rec.on[RECORD_MADE] = pause_reading;
    BEGIN_CONNECTED(0);
    send_pattern(peer, world.bulk);
    settle();
    assert_log("made");
    TorcTransport_resumeProducing(rec.transport);
    until(rec.received_length == world.bulk);
    assert_received_pattern(world.bulk);
    END();
}
END_TEST

START_TEST(paused_in_dataReceived_it_gets_no_more) /* PROD-11 */
{
    rec.on[RECORD_DATA] = pause_reading;
    BEGIN_CONNECTED(0);
    send_pattern(peer, world.bulk);
    for (unsigned i = 1; rec.received_length < world.bulk; i++) {
        until(rec.counts[RECORD_DATA] == i);
        settle();
        ck_assert_uint_eq(rec.counts[RECORD_DATA], i);
        TorcTransport_resumeProducing(rec.transport);
    }
    assert_received_pattern(world.bulk);
    END();
}
END_TEST

START_TEST(pausing_and_resuming_twice_is_as_once) /* RD-6, PROD-10 */
{
    BEGIN_CONNECTED(0);
    TorcTransport_resumeProducing(rec.transport);
    TorcTransport_pauseProducing(rec.transport);
    TorcTransport_pauseProducing(rec.transport);
    peer_say(peer, "hello");
    settle();
    assert_log("made");
    TorcTransport_resumeProducing(rec.transport);
    TorcTransport_resumeProducing(rec.transport);
    until(rec.received_length == 5);
    assert_log("made data:5");
    END();
}
END_TEST

START_TEST(resuming_a_closing_connection_reads_nothing) /* PROD-10, CLOSE-15 */
{
    rec.on[RECORD_MADE] = pause_reading;
    BEGIN_CONNECTED(0);
    peer_say(peer, "hello");
    settle();
    TorcTransport_loseConnection(rec.transport);
    TorcTransport_resumeProducing(rec.transport);
    until(rec.counts[RECORD_LOST]);
    assert_log("made lost:DONE");
    END();
}
END_TEST

/* ---- others -------------------------------------------------------------------------------- */

static Recording quiet;
static size_t busy_bytes; /* that the busy one had got when the quiet one got its first */

static void note_busy(Recording *recording)
{
    (void)recording;
    busy_bytes = rec.received_length;
}

static void assert_bounded(Recording *recording)
{
    ck_assert_uint_le(recording->chunk, 256 * 1024);
}

START_TEST(a_busy_connection_does_not_starve_a_quiet_one) /* RD-1, BUG-17 */
{
    quiet = (Recording){.on[RECORD_DATA] = note_busy};
    rec.next = &quiet;
    rec.on[RECORD_DATA] = assert_bounded;
    BEGIN_CONNECTED(0);
    Peer *second = peer_open();
    until(quiet.counts[RECORD_MADE]);
    send_pattern(peer, world.many);
    peer_say(second, "x");
    until(quiet.received_length == 1);
    ck_assert_uint_lt(busy_bytes, world.many);
    until(rec.received_length == world.many);
    peer_shutdown(second);
    until(quiet.counts[RECORD_DESTROY]);
    END();
    Recording_done(&quiet);
}
END_TEST

static void try_to_turn(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcReactor_iterate(world.reactor, 0), -EDEADLK);
    ck_assert_int_eq(TorcReactor_run(world.reactor), -EDEADLK);
}

START_TEST(no_turn_begins_inside_a_callback) /* RD-5, BUG-6 */
{
    rec.on[RECORD_MADE] = rec.on[RECORD_DATA] = rec.on[RECORD_LOST] = try_to_turn;
    BEGIN_CONNECTED(0);
    peer_say(peer, "x");
    peer_shutdown(peer);
    until(rec.counts[RECORD_LOST]);
    assert_log("made data:1 lost:DONE");
    END();
}
END_TEST

START_TEST(its_descriptor_does_not_block_and_does_not_outlive_exec) /* OPT-3, OPT-4 */
{
    BEGIN_CONNECTED(REAL);
    int fd = TorcTransport_getHandle(rec.transport);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    END();
}
END_TEST

/* ---- the same everywhere ------------------------------------------------------------------- */

/* Each step waits for the one before, so that the calls cannot come in another order. */
START_TEST(the_same_conversation_is_told_by_the_same_calls) /* CLOSE-1, CLOSE-8, CLOSE-10, PROD-3 */
{
    rec.half_closeable = true;
    BEGIN_CONNECTED(0);
    TorcTransport_setWriteMarks(rec.transport, 1000, 0);
    peer_say(peer, "give me much");
    until(rec.received_length == 12);
    peer_stopReading(peer);
    ck_assert_int_eq(write_pattern(world.bulk), 0);
    until(rec.counts[RECORD_PAUSE]);
    peer_startReading(peer);
    until(rec.counts[RECORD_RESUME]);
    until(peer_receivedLength(peer) == world.bulk);
    peer_say(peer, "thank you");
    until(rec.received_length == 21);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    until(rec.counts[RECORD_WRITE_SHUT]);
    peer_say(peer, "bye");
    peer_shutdown(peer);
    until(rec.counts[RECORD_EOF]);
    TorcTransport_loseConnection(rec.transport);
    until(rec.counts[RECORD_LOST]);
    until(peer_gotEnd(peer));
    assert_log("made data:12 pause resume data:9 write-shut data:3 eof lost:DONE");
    assert_peer_has_pattern(peer, world.bulk);
    ck_assert_str_eq(Recording_received(&rec), "give me muchthank youbye");
    END();
}
END_TEST

CONTRACT_SUITE("contract: reading", all_that_is_sent_is_delivered_in_order,
               paused_in_connectionMade_it_gets_nothing_until_resumed,
               paused_in_dataReceived_it_gets_no_more, pausing_and_resuming_twice_is_as_once,
               resuming_a_closing_connection_reads_nothing,
               a_busy_connection_does_not_starve_a_quiet_one, no_turn_begins_inside_a_callback,
               its_descriptor_does_not_block_and_does_not_outlive_exec,
               the_same_conversation_is_told_by_the_same_calls)
