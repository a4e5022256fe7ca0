/* The contract of writing, in every world: order, what is refused, who owns the bytes, the marks,
 * the limit, and producers of both kinds. */
#include "contract_world.h"

#define assert_log(expected) ck_assert_str_eq(world_log(), expected)

/* ---- order --------------------------------------------------------------------------------- */

static void count_release(void *arg)
{
    ++*(unsigned *)arg;
}

START_TEST(all_ways_of_writing_keep_the_order_of_the_calls) /* WR-2, BUG-7 */
{
    unsigned released = 0;
    BEGIN_CONNECTED(0);
    TorcTransport *transport = rec.transport;
    TorcBytes pieces[] = {{"b", 1}, {NULL, 0}, {"cc", 2}};
    ck_assert_int_eq(TorcTransport_write(transport, "a", 1), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(transport, pieces, 3), 0);
    ck_assert_int_eq(TorcTransport_writeOwned(transport, "ddd", 3, count_release, &released), 0);
    ck_assert_int_eq(TorcTransport_printf(transport, "%04d", 7), 0);
    ck_assert_int_eq(TorcTransport_write(transport, "e", 1), 0);
    until(peer_receivedLength(peer) == 12);
    assert_peer_has(peer, "abccddd0007e");
    ck_assert_uint_eq(released, 1);
    END();
}
END_TEST

static void greet(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "hello ", 6), 0);
}

START_TEST(what_connectionMade_writes_goes_first) /* WR-6 */
{
    rec.on[RECORD_MADE] = greet;
    BEGIN_CONNECTED(0);
    ck_assert_int_eq(write_text("world"), 0);
    until(peer_receivedLength(peer) == 11);
    assert_peer_has(peer, "hello world");
    END();
}
END_TEST

START_TEST(a_large_block_arrives_whole) /* WR-11 */
{
    BEGIN_CONNECTED(0);
    uint8_t *bytes = new_pattern(world.many);
    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, bytes, world.many, free, bytes), 0);
    TorcTransport_loseConnection(rec.transport);
    until(peer_gotEnd(peer));
    assert_peer_has_pattern(peer, world.many);
    END();
}
END_TEST

/* ---- nothing, and too late ----------------------------------------------------------------- */

START_TEST(an_empty_write_does_nothing) /* WR-5 */
{
    BEGIN_CONNECTED(0);
    TorcBytes empty = {NULL, 0};
    ck_assert_int_eq(TorcTransport_write(rec.transport, NULL, 0), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, &empty, 1), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, NULL, 0), 0);
    ck_assert_int_eq(TorcTransport_write(rec.transport, NULL, 1), -EINVAL); /* WR-3 */
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    settle();
    ck_assert_uint_eq(peer_receivedLength(peer), 0);
    END();
}
END_TEST

START_TEST(a_write_after_loseConnection_is_refused) /* WR-7, BUG-8 */
{
    BEGIN_CONNECTED(0);
    ck_assert_int_eq(write_text("before"), 0);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(write_text("after"), -EPIPE);
    until(peer_gotEnd(peer));
    assert_peer_has(peer, "before");
    END();
}
END_TEST

static void write_too_late(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "x", 1), -EPIPE);
}

START_TEST(a_write_in_connectionLost_is_refused) /* WR-4, BUG-8 */
{
    rec.on[RECORD_LOST] = write_too_late;
    BEGIN_CONNECTED(0);
    peer_shutdown(peer);
    until(rec.counts[RECORD_LOST]);
    until(peer_gotEnd(peer));
    ck_assert_uint_eq(peer_receivedLength(peer), 0);
    END();
}
END_TEST

static Recording other;

static void tell_other(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcTransport_write(other.transport, "the other left", 14), 0);
}

START_TEST(the_loss_of_one_may_be_told_to_another) /* WR-13 */
{
    other = (Recording){0};
    rec.next = &other;
    rec.on[RECORD_LOST] = tell_other;
    BEGIN_CONNECTED(0);
    Peer *second = peer_open();
    until(other.counts[RECORD_MADE]);
    peer_shutdown(peer);
    until(peer_receivedLength(second) == 14);
    peer_shutdown(second);
    until(other.counts[RECORD_DESTROY]);
    END();
    Recording_done(&other);
}
END_TEST

/* ---- owned bytes --------------------------------------------------------------------------- */

START_TEST(owned_bytes_are_released_once_however_it_ends)
{
    unsigned released = 0;
    BEGIN_CONNECTED(0);
    uint8_t *bytes = new_pattern(world.bulk);
    TorcTransport *transport = rec.transport;
    peer_stopReading(peer);
    TorcTransport_writeOwned(transport, bytes, world.bulk, count_release, &released);
    settle();
    ck_assert_uint_eq(released, 0);
    TorcTransport_abortConnection(transport);
    ck_assert_int_eq(TorcTransport_writeOwned(transport, bytes, 5, count_release, &released),
                     -EPIPE);
    until(rec.counts[RECORD_DESTROY]);
    ck_assert_uint_eq(released, 2);
    END();
    free(bytes);
}
END_TEST

/* ---- marks and the limit ------------------------------------------------------------------- */

START_TEST(it_is_told_to_pause_once_and_to_go_on_once) /* PROD-3 */
{
    BEGIN_CONNECTED(0);
    TorcTransport_setWriteMarks(rec.transport, 1000, 10);
    peer_stopReading(peer);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(write_pattern(world.full), 0);
        settle();
    }
    assert_log("made pause");
    ck_assert_uint_gt(TorcTransport_bufferedBytes(rec.transport), 1000);
    peer_startReading(peer);
    until(peer_receivedLength(peer) == 4 * world.full);
    settle();
    assert_log("made pause resume");
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    END();
}
END_TEST

START_TEST(output_beyond_the_limit_ends_the_connection) /* BUG-3 */
{
    BEGIN_CONNECTED(0);
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 5000), 0);
    peer_stopReading(peer);
    int r = 0;
    for (size_t i = 0; r == 0 && i < world.bulk; i += 1000) {
        r = write_pattern(1000);
        settle();
    }
    ck_assert_int_eq(r, -ENOBUFS);
    until(rec.counts[RECORD_LOST]);
    assert_log("made lost:OVERFLOW");
    END();
}
END_TEST

/* ---- producers ----------------------------------------------------------------------------- */

typedef struct Producer {
    size_t left; /* bytes that it still writes */
    size_t piece;
    bool paused;
    unsigned pauses;
    unsigned stops;
} Producer;

static Producer producer;

static void write_piece(void)
{
    size_t done = world.many - producer.left;
    size_t length = producer.left < producer.piece ? producer.left : producer.piece;
    uint8_t *bytes = malloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern_at(done + i);
    producer.left -= length;
    ck_assert_int_eq(TorcTransport_write(rec.transport, bytes, length), 0);
    free(bytes);
    if (producer.left == 0)
        TorcTransport_unregisterProducer(rec.transport);
}

static void producer_pause(void *arg)
{
    (void)arg;
    producer.paused = true;
    producer.pauses++;
}

/* A push producer writes until it is told to pause, which comes at the end of the turn. */
static void produce(void *arg)
{
    (void)arg;
    if (producer.paused || producer.left == 0 || !rec.transport)
        return;
    write_piece();
    ck_assert_int_eq(TorcReactor_callLater(world.reactor, 0, produce, NULL, NULL), 0);
}

static void producer_resume(void *arg)
{
    producer.paused = false;
    produce(arg);
}

static void pull_resume(void *arg)
{
    (void)arg;
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    write_piece();
}

static void producer_stop(void *arg)
{
    (void)arg;
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0); /* CLOSE-17: it comes first */
    producer.stops++;
}

static const TorcProducerClass push_class = {.size = sizeof(TorcProducerClass),
                                             .pauseProducing = producer_pause,
                                             .resumeProducing = producer_resume,
                                             .stopProducing = producer_stop};
static const TorcProducerClass pull_class = {.size = sizeof(TorcProducerClass),
                                             .resumeProducing = pull_resume,
                                             .stopProducing = producer_stop};

static void begin_producing(bool streaming)
{
    producer = (Producer){.left = world.many, .piece = world.traits & WHOLE ? 16384 : 100};
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport,
                                                    streaming ? &push_class : &pull_class,
                                                    &producer, streaming),
                     0);
    if (streaming)
        produce(NULL);
}

START_TEST(a_pull_producer_is_asked_when_nothing_waits_until_it_leaves) /* PROD-2, PROD-8 */
{
    BEGIN_CONNECTED(0);
    begin_producing(false);
    TorcTransport_loseConnection(rec.transport);
    until(rec.counts[RECORD_LOST]);
    until(peer_gotEnd(peer));
    assert_peer_has_pattern(peer, world.many);
    ck_assert_uint_eq(producer.stops, 0);
    assert_log("made lost:DONE");
    END();
}
END_TEST

START_TEST(a_close_waits_for_a_push_producer) /* PROD-3, PROD-9 */
{
    BEGIN_CONNECTED(0);
    TorcTransport_setWriteMarks(rec.transport, 1000, 0);
    begin_producing(true);
    TorcTransport_loseConnection(rec.transport);
    until(rec.counts[RECORD_LOST]);
    until(peer_gotEnd(peer));
    assert_peer_has_pattern(peer, world.many);
    ck_assert_uint_eq(producer.stops, 0);
    assert_log("made lost:DONE");
    END();
}
END_TEST

START_TEST(a_fin_waits_for_a_producer_too) /* CLOSE-7 */
{
    BEGIN_CONNECTED(0);
    begin_producing(false);
    peer_shutdown(peer);
    until(rec.counts[RECORD_LOST]);
    until(peer_gotEnd(peer));
    assert_peer_has_pattern(peer, world.many);
    assert_log("made lost:DONE");
    END();
}
END_TEST

START_TEST(a_producer_is_told_of_the_end_once_and_before_the_protocol) /* PROD-7, CLOSE-17 */
{
    BEGIN_CONNECTED(0);
    begin_producing(false);
    TorcTransport_abortConnection(rec.transport);
    until(rec.counts[RECORD_DESTROY]);
    settle();
    ck_assert_uint_eq(producer.stops, 1);
    assert_log("made lost:ABORTED");
    END();
}
END_TEST

START_TEST(there_is_one_producer_at_a_time) /* PROD-1 */
{
    BEGIN_CONNECTED(0);
    begin_producing(true);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &pull_class, &producer, false),
                     -EBUSY);
    TorcTransport_unregisterProducer(rec.transport);
    TorcTransport_unregisterProducer(rec.transport); /* PROD-6 */
    producer.left = 0;
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &pull_class, &producer, false),
                     -EPIPE);
    until(rec.counts[RECORD_LOST]);
    ck_assert_uint_eq(producer.stops, 0);
    END();
}
END_TEST

CONTRACT_SUITE("contract: writing", all_ways_of_writing_keep_the_order_of_the_calls,
               what_connectionMade_writes_goes_first, a_large_block_arrives_whole,
               an_empty_write_does_nothing, a_write_after_loseConnection_is_refused,
               a_write_in_connectionLost_is_refused, the_loss_of_one_may_be_told_to_another,
               owned_bytes_are_released_once_however_it_ends,
               it_is_told_to_pause_once_and_to_go_on_once,
               output_beyond_the_limit_ends_the_connection,
               a_pull_producer_is_asked_when_nothing_waits_until_it_leaves,
               a_close_waits_for_a_push_producer, a_fin_waits_for_a_producer_too,
               a_producer_is_told_of_the_end_once_and_before_the_protocol,
               there_is_one_producer_at_a_time)
