/* The simulated world, without what happens in it: the clock with its events, machines, their
 * addresses and ports, and names. Not installed.
 *
 * One kernel belongs to a simulation. It knows nothing of reactors; sockets, links and views
 * (sim_socket_internal.h, sim_network_internal.h, sim_view_internal.h) stand on it. Events happen in
 * order of (time, sequence of scheduling). */
#ifndef TORC_TESTING_SIM_KERNEL_INTERNAL_H
#define TORC_TESTING_SIM_KERNEL_INTERNAL_H

#include <sys/socket.h>

#include "../transports/address.h"
#include "sim_memory_internal.h"

/* ---- events and the clock (sim_kernel.c) --------------------------------------------------- */

typedef struct TorcSystem TorcSystem;
typedef struct SimKernel SimKernel;
typedef struct SimHost SimHost;
typedef struct SimSocket SimSocket;
typedef struct SimTrace SimTrace;
typedef struct SimFaults SimFaults;
typedef struct SimLink SimLink;
typedef struct SimFile SimFile;
typedef struct SimHandle SimHandle;
typedef struct SimPassed SimPassed;

/* Something that will happen, embedded in what it happens to; {0} is not scheduled. */
typedef struct SimEvent SimEvent;
struct SimEvent {
    int64_t time;
    uint64_t sequence;             /* of scheduling: decides between equal times */
    size_t position;               /* in the heap, from 1; 0: not scheduled */
    void (*fire)(SimEvent *event); /* no longer scheduled when called; may free the event */
    const char *name;              /* its line in the trace; NULL: none */
};

#define SIM_CONTAINER(pointer, type, member)                                                       \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Where a connection ends. IPv4 is kept as IPv6 shows it (::ffff:a.b.c.d, RFC 4291 §2.5.5.2), so a
 * dual-stack socket needs no case of its own. */
typedef struct SimAddress {
    uint8_t ip[16];
    uint32_t scope;
    uint16_t port;
} SimAddress;

/* Whom a process works for, as SO_PEERCRED tells it. */
typedef struct SimCredentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
} SimCredentials;

/* A machine with a port space and a file system of its own. */
struct SimHost {
    SimKernel *kernel;
    SimHost *next;         /* of those that the test has named */
    SimAddress *addresses; /* it answers to these; home and abroad answer to others as well */
    size_t address_count;
    SimLink *links;        /* from here, in the order in which they were first set */
    int number;            /* 1: home, then as they are made */
    bool down;             /* it has crashed */
    SimSocket *listeners;  /* in the order of listen */
    SimSocket *ports[256]; /* all sockets that have a local port, by its low bits */
    unsigned ephemerals;   /* ephemeral ports tried so far: the next one follows */
    SimFile *files;        /* those that have a name, oldest first */
    SimSocket *abstracts;  /* bound to an abstract UNIX name, newest first */
};

typedef struct SimName SimName;
typedef struct SimHole SimHole;

struct SimKernel {
    int64_t now; /* nanoseconds since the simulation began */
    SimEvent **events;
    size_t event_count;
    size_t event_capacity;
    uint64_t next_sequence;
    uint64_t random;   /* the generator's state */
    uint64_t activity; /* bytes moved and connections made or ended: is there any progress? */
    uint64_t sockets_made;
    uint64_t inodes_made;
    size_t buffer_size;
    SimHost home;   /* where the code under test runs, and whoever uses a loopback address */
    SimHost abroad; /* everyone whose address belongs to no host */
    SimHost *hosts; /* the others, oldest first */
    bool linked;    /* some link was set, cut, or broken by a crash: sending has to look */
    bool shuffled;  /* watches are called in an order that the seed decides */
    int64_t wall;   /* nanoseconds since 1970 when the simulation began */
    SimCredentials process; /* the code under test, on every host */
    SimCredentials peers;   /* those that the test makes from now on */
    SimPassed *passed;      /* on their way over UNIX sockets, newest first */
    SimPassed *doomed;      /* that will not arrive */
    bool burying;
    SimName *names;
    SimHole *holes;
    SimTrace *trace;
    SimFaults *faults;
};

SimKernel *torc__simKernel_new(uint64_t seed, size_t buffer_size);

/* All sockets with an owner must have been closed and all other events cancelled. */
void torc__simKernel_free(SimKernel *kernel);

/* A machine that answers to no address yet; the kernel owns it. */
SimHost *torc__simKernel_addHost(SimKernel *kernel);

/* Makes the event happen `delay` nanoseconds from now; it must not be scheduled. */
void torc__simKernel_schedule(SimKernel *kernel, SimEvent *event, int64_t delay);
/* Does nothing when it is not scheduled. */
void torc__simKernel_cancel(SimKernel *kernel, SimEvent *event);

/* The time of the next event, INT64_MAX when there is none. */
int64_t torc__simKernel_next(const SimKernel *kernel);

/* Fires what is due now, but nothing that is scheduled meanwhile. */
void torc__simKernel_runDue(SimKernel *kernel);

/* The next 64 random bits. */
uint64_t torc__simKernel_random(SimKernel *kernel);

/* Nanoseconds to seconds and back, for the public functions; a bad duration is fatal. */
double torc__sim_seconds(int64_t nanoseconds);
int64_t torc__sim_duration(double seconds);
int64_t torc__sim_later(int64_t time, int64_t delay); /* saturates */

/* ---- names (sim_names.c) ------------------------------------------------------------------- */

void torc__simKernel_setAddresses(SimKernel *kernel, const char *name, const char *const *addresses,
                                  size_t count);

/* One more address for the name, a literal that was checked. */
void torc__simKernel_addAddress(SimKernel *kernel, const char *name, const char *literal);
bool torc__simKernel_knows(SimKernel *kernel, const char *name);

/* Copies what the name, or literal, resolves to; the count is 0 when it is unknown. The result is
 * freed by torc__sim_release. */
TorcAddress *torc__simKernel_resolve(SimKernel *kernel, const char *name, uint16_t port,
                                     size_t *ret_count);

/* The first of them. 0 or -TORC_ENOTADDRESS. */
int torc__simKernel_address(SimKernel *kernel, const char *name, uint16_t port,
                            SimAddress *ret_address);

void torc__simKernel_blackHole(SimKernel *kernel, const SimAddress *address);
bool torc__simKernel_isBlackHole(const SimKernel *kernel, const SimAddress *address);
void torc__simKernel_forgetNames(SimKernel *kernel);

/* ---- services (sim_services.c) ------------------------------------------------------------- */

/* An entry of the seam's table. */
int torc__sim_servicePort(TorcSystem *system, const char *service, int type);

/* ---- addresses and ports (sim_ports.c) ----------------------------------------------------- */

/* A literal with its port. 0, -TORC_ENOTADDRESS or -EINVAL. */
int torc__simAddress_parse(const char *host, uint16_t port, SimAddress *ret_address);

/* For a socket of the given family. 0, -EINVAL (too short) or -EAFNOSUPPORT. */
int torc__simAddress_fromSockaddr(const struct sockaddr *name, socklen_t length, int family,
                                  SimAddress *ret_address);

/* As getsockname does: cut to *length, which then tells the whole length. */
void torc__simAddress_toSockaddr(const SimAddress *address, int family, struct sockaddr *ret_name,
                                 socklen_t *length);

/* The host that has the address, NULL when none has; loopback and wildcards are nobody's. */
SimHost *torc__simHost_find(SimKernel *kernel, const SimAddress *address);
void torc__simHost_addAddress(SimHost *host, const SimAddress *address);

/* Where a socket with this local address lives: abroad when the address belongs to no host. */
SimHost *torc__simHost_of(SimKernel *kernel, const SimAddress *address);

/* The host that has the address, as seen from the other. Those that nobody has are home's for who is
 * abroad, and abroad for all others. */
SimHost *torc__simHost_for(SimHost *from, const SimAddress *to);

/* Calls the function for every socket of the host that has a port; it may free the socket. */
void torc__simHost_eachSocket(SimHost *host, void (*function)(SimSocket *socket, void *arg),
                              void *arg);

bool torc__simAddress_isIPv4(const SimAddress *address);
bool torc__simAddress_isWildcard(const SimAddress *address);
bool torc__simAddress_isLoopback(const SimAddress *address);
bool torc__simAddress_sameIp(const SimAddress *a, const SimAddress *b);
/* "0.0.0.0" or "::", port 0. */
SimAddress torc__simAddress_wildcard(int family);
/* Keeps the port. */
void torc__simAddress_setWildcard(SimAddress *address, int family);

/* Gives the socket its local address; port 0: the next ephemeral one. 0, -EADDRINUSE, or
 * -EADDRNOTAVAIL when the address is not the host's. */
int torc__simSocket_bind(SimSocket *socket, const SimAddress *address);

/* Gives a socket of an accepted connection its local address, which it shares with its listener. */
void torc__simPorts_add(SimSocket *socket, const SimAddress *address);
void torc__simPorts_remove(SimSocket *socket);

/* True when the socket may not begin to listen where it is bound. */
bool torc__simPorts_taken(const SimSocket *socket);

void torc__simPorts_addListener(SimSocket *socket);
void torc__simPorts_removeListener(SimSocket *socket);

/* For a socket about to connect to socket->remote, of which the wildcard becomes loopback: gives it
 * the local address and port it lacks. 0, -EADDRNOTAVAIL (no port is left) or -ENETUNREACH. */
int torc__simPorts_chooseLocal(SimSocket *socket);

/* The socket that a datagram of `sender` reaches, or NULL. */
SimSocket *torc__simPorts_routeDatagram(const SimSocket *sender, const SimAddress *from,
                                        const SimAddress *to);

/* The listening socket that a connection attempt of `client` to client->remote reaches, or NULL. */
SimSocket *torc__simPorts_route(const SimSocket *client);

/* The host that such an attempt reaches, whether anybody listens there or not. */
SimHost *torc__simPorts_target(const SimSocket *client);

/* Who listens where this socket is bound, NULL: nobody any more. */
SimSocket *torc__simPorts_listenerOf(const SimSocket *socket);

#endif
