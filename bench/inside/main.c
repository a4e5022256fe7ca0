/* Timers, calls from other threads and connections, inside one process: Torc, libevent's event core
 * and libuv, in turns.
 *
 *     inside_bench ROUNDS PERCENT
 *
 * Prints nanoseconds of processor time for each operation, of all threads where there are several.
 * What a contender is asked to do must happen as often as it was asked, or the run fails. */
#include "inside.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "../samples.h"

enum {
    USUAL_TIMERS = 1000000,
    USUAL_RESETS = 1000000,
    USUAL_CALLS = 200000,
    USUAL_CONNECTIONS = 2000,
    IDLE_CONNECTIONS = 10000,
    IDLE_TIMEOUT = 60 * 1000000,
    SOON = 20000,       /* microseconds in which timers fire */
    LATER = 2000000000, /* likewise, in more than half an hour */
    MAX_THREADS = 4,
    CONNECTING_AT_ONCE = 16,
};

static const Contender *contender;
static uint64_t count;    /* of operations in this measurement */
static uint64_t happened; /* of them */
static uint64_t asked;    /* connections */
static unsigned threads;
static uint32_t *order; /* of count timers, shuffled */
static bool connecting;

/* ---- helpers --------------------------------------------------------------------------------- */

static double process_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint32_t random_below(uint32_t limit)
{
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * limit >> 32);
}

static void shuffle(void)
{
    order = malloc(count * sizeof(*order));
    if (!order)
        fail("inside: out of memory");
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = (uint32_t)count - 1; i > 0; i--) {
        uint32_t other = random_below(i + 1);
        uint32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

static void connect_another(void)
{
    if (asked < count) {
        asked++;
        contender->connect();
    }
}

void inside_happened(void)
{
    happened++;
    if (connecting)
        connect_another();
    if (happened == count)
        contender->stop();
}

static void tell(const char *what, double seconds)
{
    print_sample(what, contender->name, "ns", seconds * 1e9 / (double)count);
}

static void begin(const Contender *who, uint64_t operations)
{
    contender = who;
    count = operations;
    happened = 0;
    asked = 0;
    connecting = false;
}

static void must_have_happened(const char *what, uint64_t times)
{
    if (happened != times)
        fail("inside: %s: %s: not as often as it was asked for", contender->name, what);
}

/* ---- timers ---------------------------------------------------------------------------------- */

static void insert_and_cancel(void)
{
    double start = process_seconds();
    for (uint32_t i = 0; i < count; i++)
        contender->timer_start(i, 1000000 + random_below(LATER));
    double inserted = process_seconds();
    for (uint32_t i = 0; i < count; i++)
        contender->timer_cancel(order[i]);
    double cancelled = process_seconds();
    tell("timers, a million: insert", inserted - start);
    tell("timers, a million: cancel", cancelled - inserted);
    contender->stop();
}

static double fire_began;

static void insert_soon(void)
{
    for (uint32_t i = 0; i < count; i++)
        contender->timer_start(i, random_below(SOON));
    fire_began = process_seconds();
}

static void measure_timers(const Contender *who, uint64_t timers)
{
    begin(who, timers);
    shuffle();
    who->open((uint32_t)timers);
    who->run(insert_and_cancel);
    must_have_happened("cancelled timers", 0);
    who->close();
    free(order);

    who->open((uint32_t)timers);
    who->run(insert_soon);
    tell("timers, a million: fire", process_seconds() - fire_began);
    must_have_happened("timers", count);
    who->close();
}

/* A message on one of many connections, each with an idle timeout that begins anew. */
static void reset_idle(void)
{
    for (uint32_t i = 0; i < IDLE_CONNECTIONS; i++)
        contender->idle_start(i, IDLE_TIMEOUT);
    double start = process_seconds();
    for (uint64_t i = 0; i < count; i++)
        contender->idle_reset(random_below(IDLE_CONNECTIONS), IDLE_TIMEOUT);
    tell("idle timeout of 10,000 connections: reset", process_seconds() - start);
    contender->stop();
}

static void measure_idle(const Contender *who, uint64_t resets)
{
    begin(who, resets);
    who->open(IDLE_CONNECTIONS);
    who->run(reset_idle);
    who->close();
}

/* ---- calls from other threads ---------------------------------------------------------------- */

static pthread_t posters[MAX_THREADS];

static void *post_all(void *arg)
{
    (void)arg;
    for (uint64_t i = 0; i < count / threads; i++)
        contender->post();
    return NULL;
}

static void start_posters(void)
{
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&posters[i], NULL, post_all, NULL) != 0)
            fail("inside: cannot start a thread");
}

static void measure_threads(const Contender *who, uint64_t calls, unsigned from)
{
    char what[64];
    threads = from;
    begin(who, calls < from ? from : calls / from * from);
    who->open(0);
    double start = process_seconds();
    who->run(start_posters);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(posters[i], NULL);
    double seconds = process_seconds() - start;
    must_have_happened("calls from threads", count);
    snprintf(what, sizeof(what), "call from %u other thread%s", from, from > 1 ? "s" : "");
    tell(what, seconds);
    who->close();
}

/* ---- connections ----------------------------------------------------------------------------- */

static void start_connecting(void)
{
    contender->listen();
    for (int i = 0; i < CONNECTING_AT_ONCE; i++)
        connect_another();
}

static void measure_connections(const Contender *who, uint64_t connections)
{
    begin(who, connections);
    connecting = true;
    who->open(0);
    double start = process_seconds();
    who->run(start_connecting);
    double seconds = process_seconds() - start;
    must_have_happened("connections", count);
    tell("connect, accept and close, both sides", seconds);
    who->close();
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void measure(const Contender *who, uint64_t percent)
{
    measure_timers(who, part_of(USUAL_TIMERS, percent));
    measure_idle(who, part_of(USUAL_RESETS, percent));
    measure_threads(who, part_of(USUAL_CALLS, percent), 1);
    measure_threads(who, part_of(USUAL_CALLS, percent), MAX_THREADS);
    measure_connections(who, part_of(USUAL_CONNECTIONS, percent));
}

static const Contender *const contenders[] = {
    &inside_torc,
    &inside_libevent,
#ifdef INSIDE_LIBUV
    &inside_libuv,
#endif
};

enum { CONTENDERS = sizeof(contenders) / sizeof(contenders[0]) };

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("usage: inside_bench ROUNDS PERCENT");
    uint64_t rounds = read_count(argv[1]);
    uint64_t percent = read_count(argv[2]);
    for (uint64_t round = 0; round < rounds; round++)
        for (unsigned i = 0; i < CONTENDERS; i++)
            measure(contenders[round % 2 == 0 ? i : CONTENDERS - 1 - i], percent);
#ifndef INSIDE_LIBUV
    printf("timers, a million: insert\tlibuv\tns\t-\tlibuv is not installed\n");
#endif
    return EXIT_SUCCESS;
}
