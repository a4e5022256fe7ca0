/* One run of the torture: a case in a world, and the call that fails in it. In a child process of the
 * program's (torture.c). */
#ifndef TORC_TESTS_RUN_H
#define TORC_TESTS_RUN_H

#include "faulty_system.h"
#include "torture.h"

enum { MESSAGE_SIZE = 2200 };

typedef struct Plan {
    const TortureCase *test;
    int world;
    FaultClass cls;
    long number; /* 0: nothing fails, calls are counted */
    FaultMode mode;
    const ErrnoRow *row; /* of the call; NULL: a resource is missing */
    bool calls;          /* errors of calls are tried */
    long live;           /* blocks that stay for good */
} Plan;

/* What a run has to say; in memory shared with the parent. */
typedef struct Report {
    long counts[FAULT_CLASSES];
    long live;
    bool struck;
    char message[MESSAGE_SIZE];
} Report;

/* Seconds that a run may take. */
unsigned run_timeLimit(void);

/* Never returns: the process ends, with status 0 if everything was as it should be, and with what it
 * has to say in the report. */
_Noreturn void run_play(const Plan *plan, Report *report);

#endif
