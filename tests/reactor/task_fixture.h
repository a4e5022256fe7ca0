/* What the tests of tasks share: the fixture of deferreds, around a simulation. */
#ifndef TORC_TESTS_TASK_FIXTURE_H
#define TORC_TESTS_TASK_FIXTURE_H

#include "deferred_fixture.h"

static TorcSim *sim;
static TorcReactor *reactor;

static inline void begin(void)
{
    set_up();
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
}

static inline void end(void)
{
    TorcSim_free(sim);
    sim = NULL;
    tear_down();
}

/* The reactor goes before the test is over. */
static inline void end_reactor(void)
{
    TorcSim_free(sim);
    sim = NULL;
}

static inline size_t timers(void)
{
    return TorcReactor_getDelayedCalls(reactor, NULL, 0);
}

static inline void note_done(TorcDeferred *done)
{
    ck_assert_int_eq(TorcDeferred_addBoth(done, note, named("done")), 0);
}

/* Makes the call on the reactor's thread `delay` seconds from now. */
static inline void call_later(double delay, TorcFunction *function, void *arg)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, delay, function, arg, NULL), 0);
}

/* Allocation number k from now, and those that follow, fail until FailingMemory_recover. Unlike
 * FailingMemory_start this goes on counting what is live. */
static inline void fail_from(long k)
{
    failing_memory.fail_at = FailingMemory_allocations() + k;
    failing_memory.for_ever = true;
}

static inline void stop_reactor(void *arg)
{
    (void)arg;
    (void)TorcReactor_stop(reactor);
}

static inline void raise_signal(void *signo)
{
    TorcSim_raise(sim, (int)(intptr_t)signo);
}

#endif
