/* The contract of the loop under its connections: memory with a slow reader, the limit of
 * descriptors, idle connections, timers, and calls from other threads. */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#include "reactor/memory_internal.h"
#include "reactor/reactor_internal.h"

#include "contract_world.h"

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the reactor's system calls, counted --------------------------------------------------- */

static TorcSystemOps ops;
static const TorcSystemOps *below;
static unsigned waits;
static unsigned transfers;
static atomic_uint wakes;

static int counted_wait(TorcSystem *system, int64_t deadline)
{
    waits++;
    return below->wait(system, deadline);
}

static ssize_t counted_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    transfers++;
    return below->recv(system, fd, buffer, size, flags);
}

static ssize_t counted_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    transfers++;
    return below->send(system, fd, data, length);
}

static int counted_rewatch(TorcSystem *system, TorcWatch *watch, unsigned interest)
{
    transfers++;
    return below->rewatch(system, watch, interest);
}

static void counted_wake(TorcSystem *system)
{
    atomic_fetch_add(&wakes, 1);
    below->wake(system);
}

static int no_spare(TorcSystem *system)
{
    (void)system;
    return -EMFILE;
}

static void count_calls(void)
{
    below = world.reactor->system->ops;
    ops = *below;
    ops.wait = counted_wait;
    ops.recv = counted_recv;
    ops.send = counted_send;
    ops.rewatch = counted_rewatch;
    ops.wake = counted_wake;
    world.reactor->system->ops = &ops;
    waits = transfers = 0;
    atomic_store(&wakes, 0);
}

/* ---- memory -------------------------------------------------------------------------------- */

static struct {
    size_t live;
    size_t most;
} memory;

static void *keep(void *block)
{
    memory.live += malloc_usable_size(block);
    if (memory.live > memory.most)
        memory.most = memory.live;
    return block;
}

static void *memory_allocate(size_t size)
{
    return keep(malloc(size));
}

static void *memory_reallocate(void *old, size_t size)
{
    size_t before = malloc_usable_size(old);
    void *block = realloc(old, size);
    memory.live -= block ? before : 0;
    return keep(block);
}

static void memory_release(void *block)
{
    memory.live -= malloc_usable_size(block);
    free(block);
}

enum { STREAM = 64 << 20, STREAM_PIECE = 16 * 1024, BUFFER = 64 * 1024, HIGH_MARK = 64 * 1024 };

static struct {
    size_t written;
    size_t length;
    bool paused;
    unsigned pauses;
} source;

static void source_write(void *arg)
{
    static const uint8_t zeros[STREAM_PIECE];
    (void)arg;
    if (source.paused)
        return;
    ck_assert_int_eq(TorcTransport_write(rec.transport, zeros, STREAM_PIECE), 0);
    source.written += STREAM_PIECE;
    if (source.written >= source.length)
        TorcTransport_unregisterProducer(rec.transport);
    else
        ck_assert_int_eq(TorcReactor_callLater(world.reactor, 0, source_write, NULL, NULL), 0);
}

static void source_pause(void *arg)
{
    (void)arg;
    source.paused = true;
    source.pauses++;
}

static void source_resume(void *arg)
{
    source.paused = false;
    source_write(arg);
}

static const TorcProducerClass source_class = {.size = sizeof(TorcProducerClass),
                                               .pauseProducing = source_pause,
                                               .resumeProducing = source_resume};

/* A gigabyte in virtual time: tests/transports/test_producers_memory.c. */
START_TEST(a_fast_producer_and_a_slow_reader_need_the_mark_and_a_buffer) /* PROD-3, BUG-3 */
{
    static const TorcMemory functions = {memory_allocate, memory_reallocate, memory_release};
    size_t taken = 0;
    torc__setMemory(&functions);
    BEGIN_CONNECTED(WHOLE);
    source.written = source.pauses = 0;
    source.paused = false;
    source.length = STREAM;
    TorcTransport *transport = rec.transport;
    ck_assert_int_eq(TorcTransport_registerProducer(transport, &source_class, &source, true), 0);
    memory.most = memory.live;
    size_t before = memory.live;
    source_write(NULL);
    TorcTransport_loseConnection(transport);
    peer_stopReading(peer);
    while (source.written < source.length) {
        until(source.paused || source.written >= source.length);
        peer_takeSome(peer);
        taken += peer_receivedLength(peer);
        peer_clear(peer);
        world_turn();
    }
    peer_startReading(peer);
    until(peer_gotEnd(peer));
    taken += peer_receivedLength(peer);
    ck_assert_uint_eq(taken, STREAM);
    ck_assert_uint_gt(source.pauses, 0);
    ck_assert_msg(memory.most - before <= HIGH_MARK + STREAM_PIECE + BUFFER,
                  "%s: %zu bytes of memory", world.name, memory.most - before);
    END();
    torc__setMemory(NULL);
}
END_TEST

/* ---- the limit of descriptors -------------------------------------------------------------- */

/* Without the spare descriptor there is nothing left but to look away: those who wait go on waiting
 * the whole time. */
START_TEST(at_the_descriptor_limit_it_sleeps_and_then_serves_those_who_wait) /* LISTEN-9, BUG-1 */
{
    enum { CLIENTS = 30, ROOM = 10 };
    const double seconds = 0.5;
    struct rlimit limit;
    BEGIN(REAL | PORT);
    Peer *first = peer_connect();
    count_calls();
    ops.openSpare = no_spare;
    ck_assert_int_eq(TorcPort_stopListening(world.port, NULL), 0);
    settle();
    ck_assert_int_eq(TorcPort_startListening(world.port), 0);
    for (int i = 0; i < CLIENTS; i++)
        (void)peer_open();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {.rlim_cur = world_limitForDescriptors(ROOM), .rlim_max = limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    until(rec.counts[RECORD_MADE] == ROOM + 1);

    double end = TorcReactor_seconds(world.reactor) + seconds;
    double cpu = cpu_seconds();
    while (TorcReactor_seconds(world.reactor) < end)
        ck_assert_int_eq(TorcReactor_iterate(world.reactor, 0.1), 0);
    cpu = cpu_seconds() - cpu;
    ck_assert_msg(cpu < 0.05 * seconds, "%s: %.3f s of CPU", world.name, cpu);
    ck_assert_uint_eq(rec.counts[RECORD_MADE], ROOM + 1);

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    until(rec.counts[RECORD_MADE] == CLIENTS + 1);
    peer_close(first);
    peers_end();
    until(rec.live == 0);
    world.reactor->system->ops = below;
    END();
}
END_TEST

/* ---- idle connections ---------------------------------------------------------------------- */

static void idle_timed_out(void *arg)
{
    TorcProtocol *protocol = arg;
    TorcTransport_abortConnection(protocol->transport);
}

/* The log has no room for that many. */
static void set_idle_timeout(Recording *recording)
{
    TorcCall *call =
        TORC_CALL(idle_timed_out, recording->protocol, .protocol = recording->protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(world.reactor, 30, call, NULL), 0);
    Recording_clear(recording);
}

static void forget(Recording *recording)
{
    Recording_clear(recording);
}

START_TEST(idle_connections_cost_nothing_until_their_timeout) /* TIME-2 */
{
    rec.on[RECORD_MADE] = set_idle_timeout;
    rec.on[RECORD_LOST] = forget;
    BEGIN(LOOP);
    unsigned count = world.traits & REAL ? 500 : 10000;
    for (unsigned i = 0; i < count; i++) {
        (void)peer_open();
        if (i % 50 == 49)
            settle();
    }
    until(rec.counts[RECORD_MADE] == count);
    settle();
    count_calls();
    if (world.sim)
        pass_time(20);
    else
        ck_assert_int_eq(TorcReactor_iterate(world.reactor, 0.2), 0);
    ck_assert_uint_le(waits, 4);
    ck_assert_uint_eq(transfers, 0);
    world.reactor->system->ops = below;
    if (world.sim) {
        pass_time(11);
        ck_assert_uint_eq(rec.counts[RECORD_LOST], count);
    }
    peers_end();
    until(rec.live == 0);
    END();
}
END_TEST

/* ---- timers -------------------------------------------------------------------------------- */

enum { TIMERS = 100000 };

static struct {
    double *due;
    double *sorted; /* the same, earliest first */
    unsigned done;
    unsigned late; /* by more than a millisecond */
} timers;

static void timer_due(void *arg)
{
    double due = timers.due[(uintptr_t)arg];
    double now = TorcReactor_seconds(world.reactor);
    if (now < due ||
        due != timers.sorted[timers.done]) /* libcheck's assertions take longer than a timer */
        ck_abort_msg("%.9f s early, or out of order", due - now);
    timers.late += now > due + 0.001;
    timers.done++;
}

/* How late a call comes is a matter of the machine too; until when the loop is ready to sleep is its
 * own: not a millisecond beyond the earliest call. */
static int checked_wait(TorcSystem *system, int64_t deadline)
{
    if (timers.done < TIMERS && (double)deadline / 1e9 > timers.sorted[timers.done] + 0.001)
        ck_abort_msg("the loop sleeps %.9f s too long",
                     (double)deadline / 1e9 - timers.sorted[timers.done]);
    return below->wait(system, deadline);
}

static int by_time(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void block(void *arg)
{
    (void)arg;
    struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
    nanosleep(&nap, NULL);
}

/* splitmix64, which is in the public domain. */
static double random_fraction(uint64_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / (double)(UINT64_C(1) << 53);
}

START_TEST(a_timer_is_never_early_also_behind_a_callback_that_blocks) /* TIME-2 */
{
    const double span = 0.4;
    BEGIN(LOOP);
    timers.due = malloc(TIMERS * sizeof(double));
    timers.sorted = malloc(TIMERS * sizeof(double));
    timers.done = timers.late = 0;
    for (uintptr_t i = 0; i < TIMERS; i++) {
        TorcDelayedCall call;
        double delay = 0.1 + span * random_fraction(i);
        if (TorcReactor_callLater(world.reactor, delay, timer_due, (void *)i, &call) < 0 ||
            TorcDelayedCall_getTime(call, &timers.due[i]) < 0)
            ck_abort_msg("timer %zu cannot be made", (size_t)i);
    }
    ck_assert_int_eq(TorcReactor_callLater(world.reactor, 0.1 + span / 2, block, NULL, NULL), 0);
    memcpy(timers.sorted, timers.due, TIMERS * sizeof(double));
    qsort(timers.sorted, TIMERS, sizeof(double), by_time);
    count_calls();
    ops.wait = checked_wait;
    while (timers.done < TIMERS && !world.sim)
        ck_assert_int_eq(TorcReactor_iterate(world.reactor, 1), 0);
    until(timers.done == TIMERS);
    ck_assert(!world.sim || timers.late == 0);
    world.reactor->system->ops = below;
    free(timers.due);
    free(timers.sorted);
    END();
}
END_TEST

/* ---- calls from other threads -------------------------------------------------------------- */

enum { THREADS = 4, CALLS = 100000 };

static struct {
    unsigned next[THREADS]; /* the number that the thread's next call must have */
    unsigned done;
    unsigned destroyed;
} posted;

static void posted_call(void *arg)
{
    uintptr_t number = (uintptr_t)arg;
    unsigned thread = (unsigned)(number % THREADS);
    if (number / THREADS != posted.next[thread]++)
        ck_abort_msg("thread %u: out of order", thread);
    if (++posted.done == THREADS * CALLS)
        ck_assert_int_eq(TorcReactor_stop(world.reactor), 0);
}

static void *post(void *arg)
{
    for (uintptr_t i = 0; i < CALLS; i++)
        if (TorcReactor_callFromThread(world.reactor, posted_call,
                                       (void *)(i * THREADS + (uintptr_t)arg)) < 0)
            return NULL;
    return arg;
}

static void destroyed(void *arg)
{
    (void)arg;
    posted.destroyed++;
}

static void *post_too_late(void *arg)
{
    (void)TorcReactor_callFromThreadWith(world.reactor,
                                         TORC_CALL(posted_call, NULL, .destroy = destroyed));
    return arg;
}

START_TEST(calls_from_threads_all_come_in_order_and_with_few_wake_ups) /* THR-1, THR-2, BUG-52 */
{
    pthread_t threads[THREADS + 1];
    BEGIN(LOOP | REAL);
    memset(&posted, 0, sizeof(posted));
    count_calls();
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post, (void *)i), 0);
    ck_assert_int_eq(TorcReactor_run(world.reactor), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(posted.done, THREADS * CALLS);
    ck_assert_uint_lt(atomic_load(&wakes), THREADS * CALLS / 4);

    /* After the end they wait for the next run, or are dropped with the reactor. */
    ck_assert_int_eq(pthread_create(&threads[THREADS], NULL, post_too_late, NULL), 0);
    pthread_join(threads[THREADS], NULL);
    ck_assert_uint_eq(posted.destroyed, 0);
    world.reactor->system->ops = below;
    world_endWithoutTurning();
    ck_assert_uint_eq(posted.done, THREADS * CALLS);
    ck_assert_uint_eq(posted.destroyed, 1);
}
END_TEST

CONTRACT_SUITE("contract: the loop", a_fast_producer_and_a_slow_reader_need_the_mark_and_a_buffer,
               at_the_descriptor_limit_it_sleeps_and_then_serves_those_who_wait,
               idle_connections_cost_nothing_until_their_timeout,
               a_timer_is_never_early_also_behind_a_callback_that_blocks,
               calls_from_threads_all_come_in_order_and_with_few_wake_ups)
