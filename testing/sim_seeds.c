/* Seeds, and what a failing run says.
 *
 * A failure belongs to its simulation: the first one is kept there and told at once on stderr with
 * what is needed to repeat the run. The environment is read here and nowhere else in the library. */
#include "sim_seeds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "sim_internal.h"
#include "sim_trace_internal.h"

/* ---- the environment ----------------------------------------------------------------------- */

/* strtoull alone would take signs and spaces, and octal numbers. */
static bool read_seed(const char *text, uint64_t *ret_seed)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    size_t count = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    if (count == 0 || digits[count] != '\0')
        return false;
    errno = 0;
    unsigned long long seed = strtoull(digits, NULL, hex ? 16 : 10);
    if (errno != 0 || seed > UINT64_MAX)
        return false;
    *ret_seed = seed;
    return true;
}

bool torc__sim_environmentSeed(uint64_t *ret_seed)
{
    const char *text = getenv("TORC_SIM_SEED");
    if (!text || !*text)
        return false;
    if (!read_seed(text, ret_seed))
        torc__sim_fatal("TORC_SIM_SEED is not a seed: a number below 2^64, decimal or with 0x");
    return true;
}

uint64_t TorcSim_seed(const TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_seed: there is no simulation");
    return sim->seed;
}

/* ---- failures ------------------------------------------------------------------------------ */

static TORC_PRINTF(1, 2) void say(const char *format, ...) TORC_PRINTF(1, 2);

static TORC_PRINTF(1, 2) void say(const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    torc__sim_say(text);
}

static TORC_PRINTF(1, 0) char *format_text(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        torc__sim_fatal("TorcSim_fail: the format cannot be converted");
    char *text = torc__sim_alloc((size_t)length + 1);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

static void tell_failure(TorcSim *sim)
{
    int64_t now = sim->kernel->now;
    say("torc simulation: seed %" PRIu64 " failed at %" PRId64 ".%09" PRId64 " s: ", sim->seed,
        now / TORC__SECOND, now % TORC__SECOND);
    torc__sim_say(sim->failure);
    torc__sim_say("\n");
    if (sim->kernel->trace->on)
        torc__sim_say("  the end of the trace:\n");
    torc__simTrace_sayEnd(sim->kernel->trace, SIM_TOLD_LINES);
    say("  to repeat it: TORC_SIM_SEED=%" PRIu64 "\n", sim->seed);
}

bool TorcSim_fail(TorcSim *sim, const char *format, ...)
{
    torc__sim_require(sim && format, "TorcSim_fail: there is no simulation or no text");
    if (sim->failure)
        return false;
    va_list arguments;
    va_start(arguments, format);
    sim->failure = format_text(format, arguments);
    va_end(arguments);
    tell_failure(sim);
    return false;
}

const char *TorcSim_failure(const TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_failure: there is no simulation");
    return sim->failure;
}

/* ---- many runs ----------------------------------------------------------------------------- */

static bool run_seed(const TorcSimOptions *given, uint64_t seed, TorcSimScenario *scenario,
                     void *arg)
{
    TorcSimOptions options;
    if (torc__options_read(&options, sizeof(options), given) < 0)
        torc__sim_fatal("torc_sim_runSeeds: the options must be written as TORC_SIM_OPTIONS(...)");
    options.seed = seed;
    TorcSim *sim = TorcSim_newWith(&options);
    torc__sim_require(sim, "torc_sim_runSeeds: the simulation cannot be made with these options");
    bool passed = scenario(sim, arg) && !sim->failure;
    if (!passed)
        (void)TorcSim_fail(sim, "the scenario answered false");
    TorcSim_free(sim);
    return passed;
}

bool torc_sim_runSeedsWith(const TorcSimOptions *options, uint64_t first, uint64_t count,
                           TorcSimScenario *scenario, void *arg)
{
    uint64_t seed;
    torc__sim_require(scenario, "torc_sim_runSeeds: there is no scenario");
    if (torc__sim_environmentSeed(&seed))
        return run_seed(options, seed, scenario, arg);
    for (uint64_t i = 0; i < count; i++)
        if (!run_seed(options, first + i, scenario, arg))
            return false;
    return true;
}

bool torc_sim_runSeeds(uint64_t first, uint64_t count, TorcSimScenario *scenario, void *arg)
{
    return torc_sim_runSeedsWith(NULL, first, count, scenario, arg);
}
