/* Several machines: the links between them, what is on its way there, and the hosts of the test,
 * each with its reactor, in one time. Not installed. sim_network.h says what the network does. */
#ifndef TORC_TESTING_SIM_NETWORK_INTERNAL_H
#define TORC_TESTING_SIM_NETWORK_INTERNAL_H

#include "sim_network.h"
#include "sim_socket_internal.h"

typedef struct SimView SimView;

/* ---- links (sim_links.c) ------------------------------------------------------------------- */

/* One direction between two hosts. None set: everything arrives at the moment it is sent. */
struct SimLink {
    SimLink *next;
    SimHost *to;
    int64_t latency;    /* nanoseconds */
    int64_t jitter;     /* and up to so many more */
    uint64_t bandwidth; /* bytes per second, 0: no limit */
    int64_t free_at;    /* when the last byte of what was sent so far has left */
    bool cut;           /* by a partition */
};

/* NULL: it was never set. */
SimLink *torc__simLink_find(const SimHost *from, const SimHost *to);
/* Made if there is none; stays good as long as the host. */
SimLink *torc__simLink_get(SimHost *from, SimHost *to);
void torc__simLinks_free(SimHost *host);

/* When what is sent now arrives; takes its share of the bandwidth. */
int64_t torc__simLink_arrival(const SimHost *from, const SimHost *to, size_t length);

/* False: what would arrive there now does not, because of a partition or because the machine is
 * down. */
bool torc__simLink_passes(const SimHost *from, const SimHost *to);

/* Both directions; what a partition held is sent again when it ends. */
void torc__simLinks_cut(SimHost *a, SimHost *b, bool cut);

/* The machine is gone, without a word to anybody; and it is there again, empty, and answers with
 * RST what was sent meanwhile. */
void torc__simLinks_crash(SimHost *host);
void torc__simLinks_restart(SimHost *host);

/* ---- what is on its way (sim_transit.c) ---------------------------------------------------- */

typedef enum SimSegmentKind { SIM_DATA, SIM_FIN, SIM_RST, SIM_ACK } SimSegmentKind;

/* True when what the socket sends takes its time to arrive, or cannot arrive. */
bool torc__simTransit_needed(const SimSocket *socket);
static inline bool torc__simSocket_isFar(const SimSocket *socket)
{
    return socket->kernel->linked && torc__simTransit_needed(socket);
}

/* Puts something without bytes on its way to a socket, behind all that is under way already. */
void torc__simTransit_put(SimSocket *to, SimSegmentKind kind);

/* The same for bytes of a socket that is far from its other end; `length` is at most its room. */
void torc__simTransit_send(SimSocket *from, const void *data, size_t length);
size_t torc__simTransit_room(const SimSocket *from);

/* Bytes that have not arrived. */
size_t torc__simTransit_length(const SimSocket *socket);

/* There is room in the socket's input again: what waited for it arrives. */
void torc__simTransit_resume(SimSocket *socket);

/* The socket is being closed: bytes still on their way to it will be answered by RST. */
void torc__simTransit_refuse(SimSocket *socket);

/* Sends all that is on its way once more: it leaves now. */
void torc__simTransit_repeat(SimSocket *socket);

/* Nothing of it arrives. */
void torc__simTransit_drop(SimSocket *socket);

/* ---- hosts and their reactors (sim_hosts.c) ------------------------------------------------ */

struct TorcSimHost {
    TorcSimHost *next;
    TorcSim *sim;
    SimHost *machine;
    SimView *view;                   /* NULL: no reactor yet, or crashed */
    TorcReactor *reactor;            /* likewise */
    uint64_t counts[TORC_SIM_CALLS]; /* of calls, by views that crashes have ended */
    char name[];
};

/* Makes the first host; its view and reactor exist. */
void torc__simHosts_addHome(TorcSim *sim);

/* Frees the reactors, and then all views, of the hosts but home. */
void torc__simHosts_freeReactors(TorcSim *sim);
void torc__simHosts_free(TorcSim *sim);

/* Turns each reactor that has something to do, but that of `waiting`, once. True when there was one.
 * Does nothing inside such a turn. */
bool torc__simHosts_turnOthers(TorcSim *sim, const SimView *waiting);

/* The earliest delayed call of the reactors that are not in a turn. */
int64_t torc__simHosts_next(const TorcSim *sim);

/* Nobody has anything to do before this time: moves the clock to it, so that every reactor with a
 * delayed call at this moment is waiting when it comes. */
void torc__simHosts_pass(TorcSim *sim, int64_t time);

/* No reactor has anything to do at this moment. */
bool torc__simHosts_settled(const TorcSim *sim);

/* The turns of the host's run are used up, or nothing can ever happen any more: tells so, with what
 * is still there. The shutdown may take as many turns as it needs. They return the error to end the
 * run with. */
int torc__simHost_giveUp(TorcSimHost *host);
int torc__simHost_starve(TorcSimHost *host);

/* One turn that waits until `time` at most; a time past: not at all. */
void torc__simHost_turn(TorcSimHost *host, int64_t time);

#endif
