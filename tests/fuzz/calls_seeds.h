/* Sequences of calls whose bytes are drawn from seeds: the target "calls" (calls.h) without a fuzzer,
 * so with any compiler, and without what a fuzzer spends on looking where an input leads.
 *
 * Seed N is the same sequence today and tomorrow as long as the acts are the same. */
#ifndef TORC_TESTS_CALLS_SEEDS_H
#define TORC_TESTS_CALLS_SEEDS_H

#include "calls.h"

/* tools/calls.sh knows it, too. */
enum { CALLS_MOST_JOBS = 64 };

typedef struct CallsPlan {
    uint64_t first; /* seed */
    uint64_t count; /* of sequences; 0: as many as `seconds` allow */
    double seconds;
    unsigned jobs;    /* processes at a time, 1 to CALLS_MOST_JOBS */
    bool trace;       /* print all that happens */
    const char *save; /* an existing folder for the bytes of the sequence that failed; NULL: none */
} CallsPlan;

/* Plays the seeds from the first on, each once, until one fails, in processes of their own, so that
 * whatever ends one is told with its seed. False: one failed; it was said on stderr which, with the
 * end of its trace and the command that repeats it. The counts are those of what was played. */
bool calls_playSeeds(const CallsPlan *plan, CallsCounts *ret_counts);

#endif
