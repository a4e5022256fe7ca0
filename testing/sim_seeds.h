/* Seeds: one test, many runs, and the one that failed again.
 *
 *     static bool conversation(TorcSim *sim, void *arg)
 *     {
 *         chat_server_start(TorcSim_reactor(sim), 8881);
 *         …
 *         if (lost > 1)
 *             return TorcSim_fail(sim, "connectionLost was called %d times", lost);
 *         TORC_SIM_CHECK(sim, lost == 1);
 *         return true;
 *     }
 *
 *     ck_assert(torc_sim_runSeeds(1, 1000, conversation, NULL));
 *
 * A run depends on its seed and on nothing else. The first that fails says its seed, what was wrong
 * and the last lines of its trace on stderr; TORC_SIM_SEED=… in the environment then repeats this
 * one run alone, line for line.
 *
 * TORC_SIM_SEED is a decimal number or, with 0x, a hexadecimal one, of at most 64 bits; anything
 * else is said on stderr and aborts. It overrides the seed of every simulation of the process. */
#ifndef TORC_TESTING_SIM_SEEDS_H
#define TORC_TESTING_SIM_SEEDS_H

#include "sim.h"

TORC_BEGIN_DECLS

/* The seed in use: the one given, or that of the environment. */
TORC_API uint64_t TorcSim_seed(const TorcSim *sim);

/* A test of one simulation, which the caller makes and frees; things that outlive it must be freed
 * by the test itself. False: failed. */
typedef bool TorcSimScenario(TorcSim *sim, void *arg);

/* Runs the scenario for each of the seeds first … first + count - 1, or for TORC_SIM_SEED alone,
 * until one fails. True when none did. */
TORC_API bool torc_sim_runSeeds(uint64_t first, uint64_t count, TorcSimScenario *scenario,
                                void *arg);

/* The same with simulations made with these options, but for the seed. */
TORC_API bool torc_sim_runSeedsWith(const TorcSimOptions *options, uint64_t first, uint64_t count,
                                    TorcSimScenario *scenario, void *arg);

/* Something is wrong: says so on stderr, with the seed, the virtual time and the end of the trace.
 * Of several failures of a simulation the first is told. Returns false. */
TORC_API bool TorcSim_fail(TorcSim *sim, const char *format, ...) TORC_PRINTF(2, 3);

/* What TorcSim_fail was told first; NULL: nothing has failed. */
TORC_API const char *TorcSim_failure(const TorcSim *sim);

/* For functions that return bool: false unless the condition holds. */
#define TORC_SIM_CHECK(sim, condition)                                                             \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return TorcSim_fail((sim), "%s:%d: %s", __FILE__, __LINE__, #condition);               \
    } while (0)

TORC_END_DECLS

#endif
