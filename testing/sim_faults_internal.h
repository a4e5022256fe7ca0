/* What the calls of the simulation ask of its faults. Not installed. */
#ifndef TORC_TESTING_SIM_FAULTS_INTERNAL_H
#define TORC_TESTING_SIM_FAULTS_INTERNAL_H

#include "sim_faults.h"
#include "sim_view_internal.h"

typedef struct SimRule SimRule;

/* A socket that acts as if nothing had arrived, or found room, for a time. Owned by its
 * descriptor. */
struct SimHold {
    SimEvent over;
    SimDescriptor *descriptor;
    unsigned direction; /* TORC_READABLE or TORC_WRITABLE */
    SimHold *next;
    SimHold **link; /* what points at it */
};

enum { SIM_BY_RULE = 1, SIM_BY_CHANCE = 2 };

/* All faults of a world. */
typedef struct SimFaults {
    SimRule *rules; /* oldest first */
    unsigned last_number;
    unsigned fail_rules[TORC_SIM_CALLS]; /* of TorcSim_failCall: 0 or a rule's number */
    unsigned chances[TORC_SIM_FAULT_KINDS];
    int64_t longest_delay;
    unsigned armed[TORC_SIM_CALLS]; /* SIM_BY_RULE, SIM_BY_CHANCE: what there is for this call */
    uint64_t counts[TORC_SIM_FAULT_KINDS];
    SimHold *holds;
} SimFaults;

/* What is to happen to a call; kind TORC_SIM_ANY_FAULT: nothing. */
typedef struct SimVerdict {
    TorcSimFaultKind kind;
    int error;
    size_t limit;  /* most bytes to move; 0: see part */
    uint64_t part; /* TORC_SIM_SHORT_IO without a limit: random bits that choose how many */
    int64_t delay; /* nanoseconds */
} SimVerdict;

SimFaults *torc__simFaults_new(void);
/* All descriptors must have been closed. */
void torc__simFaults_free(SimFaults *faults);

/* For a call that is being made on a socket with this local port, 0: there is no socket. Draws
 * chances and counts occurrences; what it returns is counted by who brings it about. Never
 * TORC_SIM_INTERRUPT for calls that are repeated below the code under test. */
SimVerdict torc__simFaults_judge(const SimView *view, TorcSimCall call, uint16_t port);

/* One of them has struck. */
void torc__simFaults_count(SimFaults *faults, TorcSimFaultKind kind);

/* Begins a hold on the descriptor. */
void torc__simHold_start(SimDescriptor *descriptor, unsigned direction, int64_t delay);

/* The descriptor is closed. */
void torc__simHold_drop(SimDescriptor *descriptor);

#endif
