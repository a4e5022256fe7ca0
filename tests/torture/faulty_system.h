/* The seam to the operating system with faults in it: a system's table with calls that fail when
 * faults.h says so, each with an error of the errno table.
 *
 * On the simulated system the fault is handed to the simulation as a rule for this very call, so
 * that what goes with it (a new edge after EAGAIN, a connect that goes on after EINTR) is as on a
 * kernel. On the real system the call is answered here; what has an effect besides its answer
 * (close, an interrupted connect) is made all the same. */
#ifndef TORC_TESTS_FAULTY_SYSTEM_H
#define TORC_TESTS_FAULTY_SYSTEM_H

#include "faults.h"
#include "reactor/system_internal.h"
#include "testing/sim.h"

/* What must come of a call that fails once. */
typedef enum Expectation {
    UNHURT,  /* the conversation goes on as if nothing had happened, if later */
    TOLD,    /* the conversation ends, or does not begin, and somebody is told this error; or it had
                another way, and is complete */
    SURVIVED /* it may end in whatever way */
} Expectation;

typedef struct ErrnoRow {
    FaultClass call;
    int error;        /* 0: no error, but a single byte is moved */
    const char *name; /* of the error */
    Expectation expected;
    bool sim_only;
} ErrnoRow;

/* The errors of each call that a program must expect, and what comes of them. Ends with a row
 * without a name. */
extern const ErrnoRow errno_table[];

/* From now on the system's calls count and fail. sim: of which it is; NULL: it is a real one. One
 * system at a time. */
void faulty_system(TorcSystem *system, TorcSim *sim);

/* Which error calls fail with that faults_arm asks for. */
void faulty_setRow(const ErrnoRow *row);

#endif
