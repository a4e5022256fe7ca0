/* The swarm: echo, line and finger servers on one simulated reactor, and a hundred clients that talk
 * to them and misbehave, while system calls fail by chance.
 *
 * A run is a scenario for torc_sim_runSeedsWith: all that happens in it comes from its seed. Each
 * client sends content of its own in pieces, stops reading and starts again, and in the end
 * half-closes, closes, resets, or falls silent for ever. What is checked:
 *
 *   - the bytes that come back are a beginning of what must come back, and all of it when the
 *     connection ended in order;
 *   - each connection sees connectionMade, dataReceived any number of times, connectionLost once;
 *   - no output buffer grows beyond the limit, and no client is cut off for it: the servers slow a
 *     client down before that;
 *   - once the faults have stopped every client that wants an end gets one within a minute, and the
 *     rest when the reactor stops;
 *   - then nothing is left (TorcSim_checkClean). */
#ifndef TORC_TESTS_SWARM_H
#define TORC_TESTS_SWARM_H

#include <torc/torc.h>

enum { SWARM_CLIENTS = 100 };

/* How a test plants a bug into a run. NULL and 0: as it is. */
typedef struct SwarmBug {
    const TorcProtocolClass *echo;              /* served as echo */
    TorcFactory *(*wrap)(TorcFactory *factory); /* between the transports and the echo protocol;
                                                   takes over the reference */
    void (*begin)(TorcSim *sim);                /* before anything else */
} SwarmBug;

/* What runs have done so far, to show that they did it. */
typedef struct SwarmCounts {
    uint64_t runs;
    uint64_t connections;
    uint64_t complete; /* ended in order, with every byte back */
    uint64_t broken;   /* ended otherwise */
    uint64_t bytes;    /* that came back */
    uint64_t paused;   /* how often a server was told to pause */
    uint64_t faults;
} SwarmCounts;

typedef struct SwarmPlan {
    const SwarmBug *bug;
    SwarmCounts counts;
} SwarmPlan;

/* Small socket buffers, so that bytes wait everywhere. */
#define SWARM_SIM_OPTIONS(...) TORC_SIM_OPTIONS(.bufferSize = 4096, __VA_ARGS__)

/* One run; plan is a SwarmPlan. */
bool swarm_run(TorcSim *sim, void *plan);

/* A run with a simulation of its own and no trace, which is twice as fast. */
bool swarm_runUntraced(uint64_t seed, SwarmPlan *plan);

#endif
