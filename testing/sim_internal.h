/* A simulation, as the files of its public face share it. Not installed.
 *
 * Its parts, each of which knows only those above it here:
 *   SimKernel  the world: the clock, events, hosts with their ports, names (sim_kernel_internal.h),
 *              sockets and pipes (sim_socket_internal.h), links (sim_network_internal.h). It knows
 *              nothing of reactors.
 *   SimView    what one reactor sees of it (sim_view_internal.h).
 *   TorcSim    the public face: one kernel, a view and a reactor for each host, and the peers of
 *              the test.
 *
 * A run depends on the seed and on what the test does, on nothing else: decisions are made with
 * integers, and nothing is ever ordered by the address of an object.
 *
 * Thread: one, but for the view's wake. */
#ifndef TORC_TESTING_SIM_INTERNAL_H
#define TORC_TESTING_SIM_INTERNAL_H

#include "../reactor/reactor.h"
#include "../reactor/system_internal.h"
#include "sim_kernel_internal.h"
#include "sim_network.h"

typedef struct SimPeerPort SimPeerPort;
typedef struct SimView SimView;

struct TorcSim {
    SimKernel *kernel;
    SimView *view;           /* home's */
    TorcReactor *reactor;    /* home's */
    TorcSimHost *hosts;      /* home first, then in the order they were made */
    TorcSimPeer *peers;      /* newest first */
    SimPeerPort *peer_ports; /* oldest first */
    uint64_t seed;
    char *failure;    /* what TorcSim_fail was told first */
    unsigned turning; /* reactors on the stack that were turned by another one's wait */
    bool edge;        /* what later reactors are made with */
    size_t chunk_size;
    uint64_t turns; /* most of one run */
    TorcReactorOptions reactor_options;
};

/* For tests of the table itself. */
TorcSystem *torc__sim_system(TorcSim *sim);

/* With the options of the simulation; NULL and errno. */
TorcReactor *torc__sim_newReactor(const TorcSim *sim, SimView *view);

void torc__simPeers_free(TorcSim *sim);

TorcSim *torc__simPeer_sim(const TorcSimPeer *peer);
/* Takes the first bytes off what was received. */
void torc__simPeer_take(TorcSimPeer *peer, size_t length);

/* TorcSim_checkClean without the turns it takes first. */
size_t torc__sim_report(TorcSim *sim, char *report, size_t size);

/* The seed that the environment asks for (sim_seeds.c); false: none. */
bool torc__sim_environmentSeed(uint64_t *ret_seed);

#endif
