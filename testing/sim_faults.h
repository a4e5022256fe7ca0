/* Faults: system calls that go wrong, by rule or by chance.
 *
 * A rule is for one place:
 *
 *     TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .port = 8881, .nth = 3,
 *                                          .times = 1, .error = ECONNRESET));
 *
 * Chances are for all places, drawn from the seed:
 *
 *     TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 2000, .again = 500, .interrupt = 200,
 *                                            .reset = 10));
 *     … let clients and servers talk …
 *     TorcSim_stopFaults(sim);      whatever was under way must now come to its end
 *
 * Faults strike the code under test only, never a peer. They are what Linux could have done: a call
 * that fails changes nothing, and who is told EAGAIN gets a new edge when it is worth trying again.
 * EINTR reaches the code under test from recv, send and connect alone, as it does on a real system;
 * other calls are repeated below it, so there it is counted and nothing else. A connect that is
 * interrupted goes on in the background (POSIX). */
#ifndef TORC_TESTING_SIM_FAULTS_H
#define TORC_TESTING_SIM_FAULTS_H

#include "sim_network.h"

TORC_BEGIN_DECLS

/* ---- by rule ------------------------------------------------------------------------------- */

/* One of error, limit, delay and reset; more than one, or none, is a misuse. */
typedef struct TorcSimFault {
    size_t size; /* sizeof(TorcSimFault), set by TORC_SIM_FAULT */
    TorcSimCall call;
    /* Only calls made on this host; NULL: on all. */
    const TorcSimHost *host;
    /* Only calls on sockets with this local port; 0: all. */
    int port;
    /* It strikes at the nth such call from now (0 and 1: the next), and at as many in a row as
     * `times` says; 0: until it is removed. */
    unsigned nth;
    unsigned times;

    /* The call fails with this errno value. For a look-up TORC_ELOOKUP means that the name turns
     * out to be unknown, any other value that the look-up cannot begin. A close that fails has
     * closed the descriptor all the same. */
    int error;
    /* recv, send, and read and write of files: at most so many bytes are moved. A call that would
     * have moved no more counts among `times` all the same. */
    size_t limit;
    /* Seconds of virtual time. accept, recv and send: the socket is as if nothing had arrived (or
     * found room) for so long, then there is a new edge and the call succeeds. connect (but not to
     * a UNIX address), look-ups and jobs: they take so much longer. */
    double delay;
    /* recv and send: the connection is reset before the call, as if an RST had arrived at both
     * ends (UNIX: as if both had been closed with input unread). The peer sees a reset too. */
    bool reset;
    void *reserved[4];
} TorcSimFault;

#define TORC_SIM_FAULT(...) (&(TorcSimFault){.size = sizeof(TorcSimFault), __VA_ARGS__})

/* Adds a rule; the options are copied. Each rule counts every call that it is for; of several that
 * are due at one call the oldest strikes, the others wait for the next call. Returns a number by
 * which to remove it, never 0. */
TORC_API unsigned TorcSim_addFault(TorcSim *sim, const TorcSimFault *fault);

/* False: there is no such rule any more, it has struck as often as it should. */
TORC_API bool TorcSim_removeFault(TorcSim *sim, unsigned number);

/* ---- by chance ----------------------------------------------------------------------------- */

/* How likely each is, in parts per 10,000 of the calls it can happen to. A call meets at most one,
 * so the chances for one kind of call must not add up to more than 10,000. */
typedef struct TorcSimFaults {
    size_t size;        /* sizeof(TorcSimFaults), set by TORC_SIM_FAULTS */
    unsigned shortIO;   /* recv, send: moves only a part of what it could */
    unsigned again;     /* accept, recv, send: EAGAIN for once */
    unsigned interrupt; /* connect, recv, send: EINTR */
    unsigned delay;     /* as .delay of a rule: up to longestDelay */
    unsigned reset;     /* recv, send: RST at both ends */
    /* socket, accept, open, duplicate, openSpare, and taking a descriptor: EMFILE or ENFILE */
    unsigned noDescriptors;
    unsigned noBuffers;   /* socket, accept, send: ENOBUFS or ENOMEM */
    unsigned noMemory;    /* watch, rewatch: ENOMEM */
    unsigned unreachable; /* connect: ENETUNREACH, EHOSTUNREACH or EADDRNOTAVAIL */
    unsigned noName;      /* look-ups: the name is unknown */
    unsigned noThread;    /* jobs: EAGAIN */
    double longestDelay;  /* seconds; 0: 0.1 */
    void *reserved[4];
} TorcSimFaults;

#define TORC_SIM_FAULTS(...) (&(TorcSimFaults){.size = sizeof(TorcSimFaults), __VA_ARGS__})

/* From now on; what was set before is forgotten, rules stay. NULL: nothing by chance. */
TORC_API void TorcSim_setFaults(TorcSim *sim, const TorcSimFaults *faults);

/* ---- both ---------------------------------------------------------------------------------- */

/* Removes all rules and chances and ends all delays of sockets: from now on the kernel works as it
 * should, and everything that waits for nothing else must come to its end. */
TORC_API void TorcSim_stopFaults(TorcSim *sim);

typedef enum TorcSimFaultKind {
    TORC_SIM_ANY_FAULT,
    TORC_SIM_SHORT_IO,
    TORC_SIM_AGAIN,     /* EAGAIN */
    TORC_SIM_INTERRUPT, /* EINTR */
    TORC_SIM_DELAY,
    TORC_SIM_RESET,          /* of the connection, for both ends: a rule's .reset */
    TORC_SIM_NO_DESCRIPTORS, /* EMFILE, ENFILE */
    TORC_SIM_NO_BUFFERS,     /* ENOBUFS, and ENOMEM by chance */
    TORC_SIM_NO_MEMORY,      /* ENOMEM by rule */
    TORC_SIM_UNREACHABLE,    /* ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL */
    TORC_SIM_NO_NAME,        /* TORC_ELOOKUP */
    TORC_SIM_NO_THREAD,      /* by chance only */
    TORC_SIM_OTHER_ERROR,    /* by rule only: any other .error */
    TORC_SIM_FAULT_KINDS     /* how many kinds there are */
} TorcSimFaultKind;

/* How many have struck so far, by rule and by chance. A rule's .error counts as the kind it is named
 * at above; ECONNRESET as OTHER_ERROR, for the call fails but no connection is reset. What changed
 * nothing has not struck: a recv is not short when there was no more to read, and what is not
 * connected is not reset. A test that injects faults should see that this is not 0. */
TORC_API uint64_t TorcSim_countFaults(TorcSim *sim, TorcSimFaultKind kind);

TORC_END_DECLS

#endif
