/* The swarm for a bounded number of seeds; ./dev swarm goes on for as long as you like. */
#include <check.h>
#include <stdlib.h>

#include "swarm.h"
#include "test_suite.h"

enum { SEEDS = 60 };

static SwarmPlan plan;

START_TEST(servers_withstand_a_swarm_of_clients_and_faults)
{
    plan = (SwarmPlan){.bug = NULL};
    ck_assert(torc_sim_runSeedsWith(SWARM_SIM_OPTIONS(), 1, SEEDS, swarm_run, &plan));
}
END_TEST

/* A swarm in which nothing happens finds nothing. */
START_TEST(everything_that_is_to_be_tested_happens)
{
    plan = (SwarmPlan){.bug = NULL};
    ck_assert(torc_sim_runSeedsWith(SWARM_SIM_OPTIONS(), 1, 10, swarm_run, &plan));
    uint64_t runs = plan.counts.runs; /* one, with TORC_SIM_SEED */
    ck_assert_uint_ge(plan.counts.connections, 90 * runs);
    ck_assert_uint_ge(plan.counts.complete, 40 * runs);
    ck_assert_uint_ge(plan.counts.broken, 20 * runs);
    ck_assert_uint_ge(plan.counts.bytes, 50000 * runs);
    ck_assert_uint_ge(plan.counts.paused, runs / 2);
    ck_assert_uint_ge(plan.counts.faults, 50 * runs);
}
END_TEST

START_TEST(the_same_seed_is_the_same_run)
{
    uint64_t hashes[2];
    for (int i = 0; i < 2; i++) {
        TorcSim *sim = TorcSim_newWith(SWARM_SIM_OPTIONS(.seed = 7));
        plan = (SwarmPlan){.bug = NULL};
        ck_assert(swarm_run(sim, &plan));
        hashes[i] = TorcSim_traceHash(sim);
        TorcSim_free(sim);
    }
    ck_assert_uint_eq(hashes[0], hashes[1]);
}
END_TEST

RUN_TESTS("swarm", NULL, NULL, servers_withstand_a_swarm_of_clients_and_faults,
          everything_that_is_to_be_tested_happens, the_same_seed_is_the_same_run)
