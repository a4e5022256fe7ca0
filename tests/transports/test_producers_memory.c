/* A producer that is faster than its reader takes no more memory than the high mark and one buffer,
 * however much it has to say: counted by the byte, in virtual and in real time. */
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../support/loopback_client.h"
#include "../support/sizes.h"
#include "producer_fixture.h"
#include "reactor/memory_internal.h"
#include "transports/write_queue_internal.h"

/* ---- memory by the byte -------------------------------------------------------------------- */

static struct {
    size_t live;
    size_t most;
} counted;

typedef union CountedHeader {
    size_t size;
    max_align_t aligned;
} CountedHeader;

static void *counted_keep(CountedHeader *header, size_t size)
{
    if (!header)
        return NULL;
    header->size = size;
    counted.live += size;
    if (counted.live > counted.most)
        counted.most = counted.live;
    return header + 1;
}

static void *counted_allocate(size_t size)
{
    return counted_keep(malloc(sizeof(CountedHeader) + size), size);
}

static void *counted_reallocate(void *old, size_t size)
{
    CountedHeader *header = old ? (CountedHeader *)old - 1 : NULL;
    counted.live -= header ? header->size : 0;
    return counted_keep(realloc(header, sizeof(CountedHeader) + size), size);
}

static void counted_release(void *memory)
{
    CountedHeader *header = memory ? (CountedHeader *)memory - 1 : NULL;
    counted.live -= header ? header->size : 0;
    free(header);
}

/* From now on the library's memory is counted, until stop. Nothing may be allocated before. */
static void count_memory(void)
{
    static const TorcMemory functions = {counted_allocate, counted_reallocate, counted_release};
    counted.live = counted.most = 0;
    torc__setMemory(&functions);
}

static void stop_counting_memory(void)
{
    torc__setMemory(NULL);
}

/* ---- a producer as fast as it may ---------------------------------------------------------- */

enum { BLOCK = 64 * 1024 };
static uint8_t block[BLOCK];
static uint64_t blocks_left;
static bool waiting;

static void produce_block(void *arg);

static void produce_later(void)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, produce_block, NULL, NULL), 0);
}

/* As fast as it may, a block in each turn. */
static void produce_block(void *arg)
{
    (void)arg;
    if (waiting || !rec.transport)
        return;
    if (blocks_left-- == 0) {
        leave(&producer);
        TorcTransport_loseConnection(rec.transport);
        return;
    }
    ck_assert_int_eq(TorcTransport_write(rec.transport, block, BLOCK), 0);
    produce_later();
}

static void wait_until_resumed(Producer *self)
{
    waiting = true;
    self->recording->log[0] = '\0'; /* thousands of words */
}

static void go_on(Producer *self)
{
    (void)self;
    waiting = false;
    produce_later();
}

static void start_producing(uint64_t bytes)
{
    blocks_left = bytes / BLOCK;
    waiting = false;
    producer = (Producer){.recording = &rec};
    producer.on[P_PAUSE] = wait_until_resumed;
    producer.on[P_RESUME] = go_on;
    ck_assert_int_eq(produce(&producer, true), 0);
    produce_later();
}

/* The high mark and one buffer, each in a segment with its header, and the chunk that the pool keeps
 * of an earlier remainder. Reached when nothing of a block that is just at the mark has left. */
enum { HIGH_MARK = 64 * 1024 }; /* the default */
enum { BOUND = HIGH_MARK + BLOCK + 2 * sizeof(TorcSegment) + TORC__CHUNK_SIZE };

START_TEST(a_gigabyte_to_a_slow_reader_takes_the_high_mark_and_one_buffer) /* PROD-3 */
{
    const uint64_t gigabyte = less_if_checked(UINT64_C(1) << 30, 16);
    const double seconds = (double)gigabyte / 1e6;
    uint64_t received = 0;

    count_memory();
    begin_connected_with(EDGE, TORC_SIM_OPTIONS(.bufferSize = 64 * 1024));
    TorcSim_setLink(sim, TorcSim_home(sim), NULL, TORC_SIM_LINK(.bandwidth = 1e6));
    TorcSim_setLink(sim, TorcSim_home(sim), TorcSim_home(sim), TORC_SIM_LINK(.bandwidth = 1e6));
    start_producing(gigabyte);
    size_t before = counted.most = counted.live;
    while (rec.transport) {
        TorcSim_advance(sim, 1);
        received += TorcSimPeer_receivedLength(peer);
        TorcSimPeer_clear(peer);
    }
    ck_assert_uint_eq(received, gigabyte);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    ck_assert_double_ge(TorcSim_seconds(sim), seconds * 0.93);
    ck_assert_double_le(TorcSim_seconds(sim), seconds * 1.03);
    ck_assert_msg(counted.most - before <= BOUND, "%zu bytes", counted.most - before);
    end();
    stop_counting_memory();
}
END_TEST

/* ---- in real time -------------------------------------------------------------------------- */

enum { REAL_BYTES = 64 << 20, REAL_RATE = 16 << 20, READS_PER_SECOND = 200 };

/* Reads a share of the rate, 200 times in a second, until the end. */
static void *read_slowly(void *arg)
{
    int fd = *(int *)arg;
    static uint8_t buffer[REAL_RATE / READS_PER_SECOND];
    struct timespec next;
    uint64_t total = 0;
    ssize_t n = 1;

    clock_gettime(CLOCK_MONOTONIC, &next);
    while (n > 0) {
        n = recv(fd, buffer, sizeof(buffer), MSG_WAITALL);
        total += n > 0 ? (uint64_t)n : 0;
        next.tv_nsec += 1000000000 / READS_PER_SECOND;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    close(fd);
    return (void *)(uintptr_t)total;
}

START_TEST(in_real_time_it_takes_no_more_either) /* PROD-3 */
{
    pthread_t reader;
    void *received;

    count_memory();
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(0));
    ck_assert_ptr_nonnull(reactor);
    serve(&rec, 0);
    int fd = dial_port(port);
    while (!rec.transport)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_slowly, &fd), 0);
    start_producing(REAL_BYTES);
    size_t before = counted.most = counted.live;
    while (rec.transport)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    ck_assert_msg(counted.most - before <= BOUND, "%zu bytes", counted.most - before);
    TorcReactor_free(reactor);
    ck_assert_int_eq(pthread_join(reader, &received), 0);
    ck_assert_uint_eq((uintptr_t)received, REAL_BYTES);
    Recording_done(&rec);
    stop_counting_memory();
}
END_TEST

RUN_LOOP_TESTS("producers: memory",
               {a_gigabyte_to_a_slow_reader_takes_the_high_mark_and_one_buffer, 1},
               {in_real_time_it_takes_no_more_either, 1})
