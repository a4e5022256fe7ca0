/* How the tests with a simulation end: the server is stopped as its program would be, and has to be
 * gone without a trace. What a protocol has forgotten (a delayed call, a look-up, a descriptor) is
 * named, and fails the test. */
#ifndef TORC_TESTS_CLEAN_END_H
#define TORC_TESTS_CLEAN_END_H

#include <check.h>

#include <torc/torc.h>

static inline void clean_end_stop(void *reactor)
{
    ck_assert_int_eq(TorcReactor_stop((TorcReactor *)reactor), 0);
}

/* Shuts down, which ends connections and ports, and frees the simulation. NULL: nothing to do. */
static inline void end_clean(TorcSim *sim)
{
    if (!sim)
        return;
    TorcReactor *reactor = TorcSim_reactor(sim);
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, clean_end_stop, reactor), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_clean(sim);
    TorcSim_free(sim);
}

#endif
