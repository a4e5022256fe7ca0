/* The simulated world: its clock, and what will happen when.
 *
 * Events are a binary heap in the order of (time, sequence of scheduling), so equal times are
 * first come, first served, and a run can be repeated. Time moves only in a view's wait. The kernel
 * owns its hosts with their files, and names; sockets and events belong to who made them, who must end them before
 * the kernel is freed. */
#include <assert.h>

#include "../reactor/reactor_internal.h"
#include "sim_faults_internal.h"
#include "sim_files_internal.h"
#include "sim_network_internal.h"
#include "sim_trace_internal.h"

enum { DEFAULT_BUFFER = 64 * 1024 };

/* One user on every host, as most tests need it; peers are another process of his. */
static const SimCredentials first_process = {.pid = 1000, .uid = 1000, .gid = 1000};
static const SimCredentials first_peers = {.pid = 1001, .uid = 1000, .gid = 1000};

/* 2024-01-01 00:00:00 UTC. */
static const int64_t first_wall_time = INT64_C(1704067200) * TORC__SECOND;

/* Where home connects to the outside from: private ranges (RFC 1918, RFC 4193), for the
 * documentation ranges belong to the tests. */
static void init_home(SimHost *home)
{
    static const char *const outward[] = {"10.0.0.1", "fd00::1"};
    for (size_t i = 0; i < sizeof(outward) / sizeof(outward[0]); i++) {
        SimAddress address;
        (void)torc__simAddress_parse(outward[i], 0, &address); /* they are literals */
        torc__simHost_addAddress(home, &address);
    }
}

SimKernel *torc__simKernel_new(uint64_t seed, size_t buffer_size)
{
    static const char *const localhost[] = {"::1", "127.0.0.1"};
    SimKernel *kernel = torc__sim_alloc(sizeof(*kernel));
    kernel->random = seed;
    kernel->trace = torc__simTrace_new(kernel);
    kernel->faults = torc__simFaults_new();
    kernel->buffer_size = buffer_size ? buffer_size : DEFAULT_BUFFER;
    kernel->home.kernel = kernel;
    kernel->home.number = 1;
    kernel->abroad.kernel = kernel;
    kernel->wall = first_wall_time;
    kernel->process = first_process;
    kernel->peers = first_peers;
    init_home(&kernel->home);
    torc__simKernel_setAddresses(kernel, "localhost", localhost, 2);
    return kernel;
}

static void abort_orphan(SimSocket *socket, void *arg)
{
    (void)arg;
    torc__simSocket_abort(socket);
}

/* Connections that have not reached their listener's queue belong to nobody. */
static void free_host(SimHost *host)
{
    torc__simHost_eachSocket(host, abort_orphan, NULL);
    torc__simLinks_free(host);
    torc__simFiles_free(host);
    torc__sim_release(host->addresses);
}

void torc__simKernel_free(SimKernel *kernel)
{
    free_host(&kernel->home);
    free_host(&kernel->abroad);
    while (kernel->hosts) {
        SimHost *host = kernel->hosts;
        kernel->hosts = host->next;
        free_host(host);
        torc__sim_release(host);
    }
    assert(kernel->event_count == 0);
    torc__simKernel_forgetNames(kernel);
    torc__simFaults_free(kernel->faults);
    torc__simTrace_free(kernel->trace);
    torc__sim_release(kernel->events);
    torc__sim_release(kernel);
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): one word
 * of state, any seed is good. */
uint64_t torc__simKernel_random(SimKernel *kernel)
{
    uint64_t z = kernel->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- durations ----------------------------------------------------------------------------- */

double torc__sim_seconds(int64_t nanoseconds)
{
    return (double)nanoseconds / (double)TORC__SECOND;
}

int64_t torc__sim_duration(double seconds)
{
    if (!(seconds >= 0)) /* NaN too */
        torc__sim_fatal("a duration must be 0 or more seconds");
    return torc__nanoseconds(seconds); /* as callLater converts: the same number, the same time */
}

int64_t torc__sim_later(int64_t time, int64_t delay)
{
    return delay > INT64_MAX - time ? INT64_MAX : time + delay;
}

/* ---- the heap ------------------------------------------------------------------------------ */

static bool earlier(const SimEvent *a, const SimEvent *b)
{
    return a->time < b->time || (a->time == b->time && a->sequence < b->sequence);
}

/* Positions count from 1: the children of i are 2i and 2i + 1. */
static void put(SimKernel *kernel, size_t position, SimEvent *event)
{
    kernel->events[position - 1] = event;
    event->position = position;
}

static void sift_up(SimKernel *kernel, size_t position, SimEvent *event)
{
    while (position > 1) {
        SimEvent *parent = kernel->events[position / 2 - 1];
        if (!earlier(event, parent))
            break;
        put(kernel, position, parent);
        position /= 2;
    }
    put(kernel, position, event);
}

static void sift_down(SimKernel *kernel, size_t position, SimEvent *event)
{
    for (;;) {
        size_t child = position * 2;
        if (child > kernel->event_count)
            break;
        if (child < kernel->event_count &&
            earlier(kernel->events[child], kernel->events[child - 1]))
            child++;
        if (!earlier(kernel->events[child - 1], event))
            break;
        put(kernel, position, kernel->events[child - 1]);
        position = child;
    }
    put(kernel, position, event);
}

void torc__simKernel_schedule(SimKernel *kernel, SimEvent *event, int64_t delay)
{
    assert(event->position == 0 && event->fire && delay >= 0);
    if (kernel->event_count == kernel->event_capacity) {
        kernel->event_capacity = kernel->event_capacity ? kernel->event_capacity * 2 : 16;
        kernel->events =
            torc__sim_realloc(kernel->events, kernel->event_capacity * sizeof(*kernel->events));
    }
    event->time = torc__sim_later(kernel->now, delay);
    event->sequence = kernel->next_sequence++;
    sift_up(kernel, ++kernel->event_count, event);
}

void torc__simKernel_cancel(SimKernel *kernel, SimEvent *event)
{
    size_t position = event->position;
    if (position == 0)
        return;
    event->position = 0;
    SimEvent *last = kernel->events[--kernel->event_count];
    if (last == event)
        return;
    if (position > 1 && earlier(last, kernel->events[position / 2 - 1]))
        sift_up(kernel, position, last);
    else
        sift_down(kernel, position, last);
}

int64_t torc__simKernel_next(const SimKernel *kernel)
{
    return kernel->event_count > 0 ? kernel->events[0]->time : INT64_MAX;
}

void torc__simKernel_runDue(SimKernel *kernel)
{
    uint64_t end = kernel->next_sequence;
    while (kernel->event_count > 0) {
        SimEvent *event = kernel->events[0];
        if (event->time > kernel->now || event->sequence >= end)
            return;
        torc__simKernel_cancel(kernel, event);
        if (event->name)
            torc__simTrace_text(kernel->trace, SIM_LINE_EVENT, 0, event->name);
        event->fire(event);
    }
}
