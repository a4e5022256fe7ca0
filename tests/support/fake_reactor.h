/* A reactor without a loop, on a system that has only a clock, a counter of wake-ups and a pool of
 * one job: for unit tests of what a reactor is made of. */
#ifndef TORC_TESTS_FAKE_REACTOR_H
#define TORC_TESTS_FAKE_REACTOR_H

#include <stdatomic.h>

#include "reactor/reactor_internal.h"

typedef struct FakeReactor {
    TorcReactor reactor;
    TorcSystem system;
    int64_t now;
    atomic_int wakes;
    void (*on_wake)(void *arg); /* NULL: nothing */
    void *arg;
    TorcJob *job; /* the last one submitted */
    int submit_result;
    unsigned pool_size;
} FakeReactor;

static inline FakeReactor *fake_of(TorcSystem *system)
{
    return (FakeReactor *)(void *)((char *)system - offsetof(FakeReactor, system));
}

static inline int64_t fake_now(TorcSystem *system)
{
    return fake_of(system)->now;
}

static inline void fake_wake(TorcSystem *system)
{
    FakeReactor *fake = fake_of(system);
    atomic_fetch_add(&fake->wakes, 1);
    if (fake->on_wake)
        fake->on_wake(fake->arg);
}

static inline int fake_submit(TorcSystem *system, TorcJob *job)
{
    FakeReactor *fake = fake_of(system);
    if (fake->submit_result == 0)
        fake->job = job;
    return fake->submit_result;
}

static inline void fake_setPoolSize(TorcSystem *system, unsigned most)
{
    fake_of(system)->pool_size = most;
}

static const TorcSystemOps fake_ops = {
    .now = fake_now,
    .wake = fake_wake,
    .submit = fake_submit,
    .setPoolSize = fake_setPoolSize,
};

/* A thousand seconds after the zero of its clock. */
static inline void FakeReactor_init(FakeReactor *fake)
{
    *fake = (FakeReactor){
        .system = {.ops = &fake_ops, .backend = "fake"},
        .now = 1000 * TORC__SECOND,
    };
    fake->reactor.system = &fake->system;
    fake->reactor.slow = (TorcSlowCallbacks){.limit = (TorcTicks)-1, .threshold = TORC__NEVER};
    torc__reactor_enter(&fake->reactor);
}

static inline void FakeReactor_done(FakeReactor *fake)
{
    torc__timers_done(&fake->reactor.timers);
    torc__triggers_done(&fake->reactor.triggers);
    torc__posted_done(&fake->reactor.posted);
}

/* Time passes, then one round of delayed calls. */
static inline void FakeReactor_advance(FakeReactor *fake, int64_t nanoseconds)
{
    fake->now += nanoseconds;
    torc__timers_runDue(&fake->reactor.timers, fake->now);
}

#endif
