/* What a run of a test (any_test.c) tells its parent, in memory that they share, and how it tells
 * where it was when it ended badly. */
#ifndef TORC_TESTS_ANY_TEST_H
#define TORC_TESTS_ANY_TEST_H

#include <stdbool.h>
#include <stdint.h>

enum { MOST_FRAMES = 24 };

/* The status of a run that was not over in time. */
enum { HANG_STATUS = 98 };

typedef struct Told {
    bool struck;
    bool sanitizer_leak;
    long live;       /* blocks of memory; -1: not counted */
    int descriptors; /* that are open */
    bool null;       /* it ended because a pointer was NULL */
    int frame_count;
    uintptr_t frames[MOST_FRAMES]; /* innermost first, as addresses in the program's file */
} Told;

/* From now on a signal that ends the process, and the end of `limit` seconds, leave in `told` where
 * it was. */
void run_catchSignals(Told *told, long limit);

#endif
