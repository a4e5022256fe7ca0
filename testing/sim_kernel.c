/* The simulated world: its clock, and what will happen when.
 *
 * Events are a binary heap in the order of (time, sequence of scheduling), so equal times are
 * first come, first served, and a run can be repeated. Time moves only in a view's wait. The kernel
 * owns its hosts and names; sockets and events belong to who made them, who must end them before
 * the kernel is freed. */
#include "sim_internal.h"

enum { DEFAULT_BUFFER = 64 * 1024 };

SimKernel *torc__simKernel_new(uint64_t seed, size_t buffer_size)
{
    static const char *const localhost[] = {"::1", "127.0.0.1"};
    SimKernel *kernel = torc__sim_alloc(sizeof(*kernel));
    kernel->random = seed;
    kernel->buffer_size = buffer_size ? buffer_size : DEFAULT_BUFFER;
    kernel->home.kernel = kernel;
    kernel->abroad.kernel = kernel;
    torc__simKernel_setHost(kernel, "localhost", localhost, 2);
    return kernel;
}

void torc__simKernel_free(SimKernel *kernel)
{
    assert(kernel->event_count == 0);
    torc__simKernel_forgetNames(kernel);
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
        event->fire(event);
    }
}
