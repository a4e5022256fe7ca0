/* The swarm for as long as you like.
 *
 *     swarm [--seeds COUNT | SECONDS] [--first SEED] [--ledger FILE]
 *
 * Runs without a trace, and the run that fails once more with it. The ledger gets a line. With
 * TORC_SIM_SEED in the environment only that run is made, with its trace. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../support/ledger.h"
#include "../support/read_number.h"
#include "swarm.h"

typedef struct Options {
    double seconds; /* 0: as many seeds as `seeds` says */
    uint64_t seeds;
    uint64_t first;
    bool repeat; /* the first alone, as TORC_SIM_SEED says */
    const char *ledger;
} Options;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int usage(void)
{
    fputs("usage: swarm [--seeds COUNT | SECONDS] [--first SEED] [--ledger FILE]\n", stderr);
    return 2;
}

static bool read_options(int argc, char **argv, Options *options)
{
    *options = (Options){.seconds = 60, .first = (uint64_t)time(NULL) << 20};
    for (int i = 1; i < argc; i++) {
        uint64_t number;
        bool named = argv[i][0] == '-';
        if (strcmp(argv[i], "--ledger") == 0 && argv[i + 1]) {
            options->ledger = argv[++i];
            continue;
        }
        if (!read_number(named ? argv[i + 1] : argv[i], 0, UINT64_MAX, &number))
            return false;
        if (number == 0 && (!named || strcmp(argv[i], "--seeds") == 0))
            return false; /* no run would find nothing */
        if (!named)
            options->seconds = (double)number;
        else if (strcmp(argv[i], "--seeds") == 0)
            *options =
                (Options){.seeds = number, .first = options->first, .ledger = options->ledger};
        else if (strcmp(argv[i], "--first") == 0)
            options->first = number;
        else
            return false;
        i += named;
    }
    return true;
}

/* The simulation takes the seed itself, but ends the process when it is none. False: it is none. */
static bool read_environment(Options *options)
{
    const char *text = getenv("TORC_SIM_SEED");
    options->repeat = text && *text;
    if (!options->repeat)
        return true;
    int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
    if (read_number(text, base, UINT64_MAX, &options->first))
        return true;
    fprintf(stderr, "swarm: TORC_SIM_SEED is a number below 2^64, decimal or with 0x, not '%s'\n",
            text);
    return false;
}

static bool run_all(const Options *options, SwarmPlan *plan)
{
    double end = now() + options->seconds;
    if (options->repeat)
        return torc_sim_runSeedsWith(SWARM_SIM_OPTIONS(), options->first, 1, swarm_run, plan);
    for (uint64_t i = 0; options->seconds > 0 ? now() < end : i < options->seeds; i++)
        if (!swarm_runUntraced(options->first + i, plan)) {
            fputs("\nThe same run once more, with its trace:\n\n", stderr);
            torc_sim_runSeedsWith(SWARM_SIM_OPTIONS(), options->first + i, 1, swarm_run, plan);
            return false;
        }
    return true;
}

/* The rate counts the processor's time, for the machine may have more to do. */
static void print_counts(const SwarmCounts *counts, double seconds)
{
    double busy = (double)clock() / CLOCKS_PER_SEC;
    printf("swarm: %" PRIu64 " runs of %d clients in %.1f s; %.0f a second of processor time\n",
           counts->runs, SWARM_CLIENTS, seconds, (double)counts->runs / busy);
    printf("swarm: %" PRIu64 " clients ended in order with every byte, %" PRIu64
           " otherwise; %" PRIu64 " connections, %" PRIu64 " bytes, %" PRIu64 " pauses, %" PRIu64
           " faults\n",
           counts->complete, counts->broken, counts->connections, counts->bytes, counts->paused,
           counts->faults);
}

int main(int argc, char **argv)
{
    Options options;
    if (!read_options(argc, argv, &options))
        return usage();
    if (!read_environment(&options))
        return 2;
    static SwarmPlan plan;
    double begin = now();
    Ledger ledger = ledger_begin("swarm", options.first);
    printf("swarm: %sseed %" PRIu64 "\n", options.repeat ? "" : "from ", options.first);
    fflush(stdout);
    bool passed = run_all(&options, &plan);
    print_counts(&plan.counts, now() - begin);
    long runs = (long)plan.counts.runs;
    ledger_end(&ledger, options.ledger, runs - !passed, runs, !passed);
    puts(passed ? "swarm: nothing found" : "swarm: FAILED");
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
