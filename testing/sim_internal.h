/* What the parts of the simulation share. Not installed.
 *
 * Three layers, each of which knows only those above it in this file:
 *   SimKernel  the world: the clock, events in order of (time, sequence), hosts with their ports,
 *              names, and stream sockets. It knows nothing of reactors.
 *   SimView    what one reactor sees of it: a TorcSystem with descriptors, watches, jobs, look-ups,
 *              signals, and calls that fail on demand.
 *   TorcSim    the public face: one kernel, one view, one reactor, and the peers of the test.
 *
 * A run depends on the seed and on what the test does, on nothing else: decisions are made with
 * integers, and nothing is ever ordered by the address of an object.
 *
 * Thread: one, but for the view's wake. */
#ifndef TORC_TESTING_SIM_INTERNAL_H
#define TORC_TESTING_SIM_INTERNAL_H

#include <stdatomic.h>
#include <sys/socket.h>

#include "../reactor/reactor_internal.h"
#include "../reactor/system_internal.h"
#include "../transports/address.h"
#include "sim.h"

/* ---- memory (sim_memory.c) ----------------------------------------------------------------- */

/* Says on stderr what the test did wrong, or that memory ran out, and aborts. */
_Noreturn void torc__sim_fatal(const char *message);

/* Zeroed memory; never NULL. Straight from the C library: tests that make allocation k of the code
 * under test fail, or count its allocations, must not meet the kit's own. */
void *torc__sim_alloc(size_t size);
void *torc__sim_realloc(void *old, size_t size);
void torc__sim_release(void *memory);

/* A queue of bytes; {0} is empty. */
typedef struct SimBytes {
    unsigned char *data;
    size_t begin;
    size_t end;
    size_t capacity;
} SimBytes;

static inline size_t torc__simBytes_length(const SimBytes *bytes)
{
    return bytes->end - bytes->begin;
}

void torc__simBytes_append(SimBytes *bytes, const void *data, size_t length);
void torc__simBytes_drop(SimBytes *bytes, size_t length);
void torc__simBytes_done(SimBytes *bytes);

/* ---- events and the clock (sim_kernel.c) --------------------------------------------------- */

typedef struct SimKernel SimKernel;
typedef struct SimHost SimHost;
typedef struct SimSocket SimSocket;

/* Something that will happen, embedded in what it happens to; {0} is not scheduled. */
typedef struct SimEvent SimEvent;
struct SimEvent {
    int64_t time;
    uint64_t sequence;             /* of scheduling: decides between equal times */
    size_t position;               /* in the heap, from 1; 0: not scheduled */
    void (*fire)(SimEvent *event); /* no longer scheduled when called; may free the event */
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

/* A machine with a port space of its own. */
struct SimHost {
    SimKernel *kernel;
    SimSocket *listeners;  /* in the order of listen */
    SimSocket *ports[256]; /* all sockets that have a local port, by its low bits */
    unsigned ephemerals;   /* ephemeral ports tried so far: the next one follows */
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
    size_t buffer_size;
    SimHost home;   /* where the code under test runs, and whoever uses a loopback address */
    SimHost abroad; /* everyone else */
    SimName *names;
    SimHole *holes;
};

SimKernel *torc__simKernel_new(uint64_t seed, size_t buffer_size);

/* All sockets must have been closed and all events cancelled. */
void torc__simKernel_free(SimKernel *kernel);

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

void torc__simKernel_setHost(SimKernel *kernel, const char *name, const char *const *addresses,
                             size_t count);

/* Copies what the name, or literal, resolves to; the count is 0 when it is unknown. The result is
 * freed by torc__sim_release. */
TorcAddress *torc__simKernel_resolve(SimKernel *kernel, const char *name, uint16_t port,
                                     size_t *ret_count);

void torc__simKernel_blackHole(SimKernel *kernel, const SimAddress *address);
bool torc__simKernel_isBlackHole(const SimKernel *kernel, const SimAddress *address);
void torc__simKernel_forgetNames(SimKernel *kernel);

/* ---- addresses and ports (sim_ports.c) ----------------------------------------------------- */

/* A literal with its port. 0, -TORC_ENOTADDRESS or -EINVAL. */
int torc__simAddress_parse(const char *host, uint16_t port, SimAddress *ret_address);

/* For a socket of the given family. 0, -EINVAL (too short) or -EAFNOSUPPORT. */
int torc__simAddress_fromSockaddr(const struct sockaddr *name, socklen_t length, int family,
                                  SimAddress *ret_address);

/* As getsockname does: cut to *length, which then tells the whole length. */
void torc__simAddress_toSockaddr(const SimAddress *address, int family, struct sockaddr *ret_name,
                                 socklen_t *length);

bool torc__simAddress_isIPv4(const SimAddress *address);
bool torc__simAddress_isWildcard(const SimAddress *address);
bool torc__simAddress_isLoopback(const SimAddress *address);
bool torc__simAddress_sameIp(const SimAddress *a, const SimAddress *b);
/* "0.0.0.0" or "::", port 0. */
SimAddress torc__simAddress_wildcard(int family);

/* Gives the socket its local address; port 0: the next ephemeral one. 0 or -EADDRINUSE. */
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

/* The listening socket that a connection attempt of `client` to client->remote reaches, or NULL. */
SimSocket *torc__simPorts_route(const SimSocket *client);

/* ---- stream sockets (sim_socket.c) --------------------------------------------------------- */

typedef enum SimState {
    SIM_FRESH,
    SIM_LISTENING,
    SIM_CONNECTING,
    SIM_CONNECTED,
    SIM_ENDED /* both sides have sent FIN, or RST, or the attempt failed */
} SimState;

/* Bits of SimSocket.shut: recv finds the end, send is refused. */
enum { SIM_SHUT_READ = 1, SIM_SHUT_WRITE = 2, SIM_SHUT_BOTH = 3 };

/* What a socket tells its owner: these of TORC_READABLE and TORC_WRITABLE, or all of it. */
enum { SIM_ANYTHING = TORC_READABLE | TORC_WRITABLE | TORC_CLOSED };

enum { SIM_OPTION_COUNT = 24 };

struct SimSocket {
    SimKernel *kernel;
    SimHost *host;
    int family; /* AF_INET or AF_INET6 */
    SimState state;
    SimAddress local;
    SimAddress remote;
    SimSocket *other;  /* the other end while connected; NULL: it was closed */
    SimBytes input;    /* received and not read; at most kernel->buffer_size */
    unsigned shut;     /* SIM_SHUT_… */
    int error;         /* what SO_ERROR returns */
    bool bound;        /* has a local port */
    bool fin_sent;     /* and all that was sent is before it */
    bool eof;          /* FIN was received */
    bool was_reset;    /* RST was received */
    bool wants_space;  /* a send was cut short: tell the owner when there is room again */
    bool established;  /* was connected once */
    bool connect_told; /* connect has returned 0 for it */
    bool linger;
    int linger_seconds;
    unsigned attempts; /* SYNs sent without an answer */
    SimEvent attempt;  /* the next SYN, or giving up */

    /* While listening: connections not yet accepted, oldest first. */
    SimSocket *queue_first;
    SimSocket *queue_last;
    SimSocket *queue_next;
    uint64_t number; /* counts sockets: which connection was first? */
    unsigned queued;
    unsigned backlog;

    SimSocket *port_next;
    SimSocket *port_previous;
    SimSocket *listener_next;

    /* Who is told of news, from inside whatever caused it; NULL: nobody yet. */
    void (*notify)(SimSocket *socket, unsigned events);
    void *owner;

    int options[SIM_OPTION_COUNT];
};

/* A socket that nobody owns yet. */
SimSocket *torc__simSocket_new(SimHost *host, int family);

/* As their POSIX namesakes for non-blocking sockets: 0 or a positive result, or -errno. */
int torc__simSocket_listen(SimSocket *socket, int backlog);
int torc__simSocket_accept(SimSocket *listener, SimSocket **ret_socket);
int torc__simSocket_connect(SimSocket *socket, const SimAddress *address);
ssize_t torc__simSocket_recv(SimSocket *socket, void *buffer, size_t size, int flags);
ssize_t torc__simSocket_send(SimSocket *socket, const void *data, size_t length);
int torc__simSocket_shutdown(SimSocket *socket, int how);

/* FIN, or RST where there is reason for one; frees the socket. */
void torc__simSocket_close(SimSocket *socket);

/* RST, and frees the socket. */
void torc__simSocket_abort(SimSocket *socket);

/* One attempt, answered at once: 0, -ECONNREFUSED, or -EAGAIN when there is no answer. The socket
 * is bound and has its remote address. */
int torc__simSocket_establish(SimSocket *socket);

/* Bytes that send would take now. */
size_t torc__simSocket_room(const SimSocket *socket);

/* The state as TORC_READABLE, _WRITABLE, _CLOSED. Not const: who has seen that there is no room
 * is told when there is. */
unsigned torc__simSocket_readiness(SimSocket *socket);

/* The pending error, positive, which is forgotten; 0 when there is none. */
int torc__simSocket_takeError(SimSocket *socket);

/* ---- socket options (sim_options.c) -------------------------------------------------------- */

void torc__simOptions_init(SimSocket *socket);
/* The value of an option that is an int; the option must be a known one. */
int torc__simOptions_value(const SimSocket *socket, int level, int name);
int torc__simOptions_get(SimSocket *socket, int level, int name, void *ret_value,
                         socklen_t *length);
int torc__simOptions_set(SimSocket *socket, int level, int name, const void *value,
                         socklen_t length);

/* ---- a reactor's view: descriptors and calls (sim_calls.c) --------------------------------- */

typedef struct SimView SimView;
typedef struct SimWatch SimWatch;

typedef struct SimDescriptor {
    SimView *view;
    SimSocket *socket; /* NULL: a spare */
    SimWatch *watch;   /* NULL: not watched */
    int fd;
    bool triggered; /* something happened since the watch was last called */
} SimDescriptor;

typedef struct SimRule {
    unsigned skip; /* calls that still succeed */
    unsigned times;
    bool forever;
    int error; /* 0: no rule */
} SimRule;

typedef struct SimPoolJob SimPoolJob;

/* What callInThread and its kin use: `most` workers, each of which takes `delay` for a job. */
typedef struct SimPool {
    SimPoolJob *running; /* oldest first */
    TorcJob *waiting_first;
    TorcJob *waiting_last;
    size_t waiting;
    unsigned busy;
    unsigned most;
    int64_t delay;
    bool wake_when_done;
} SimPool;

typedef struct SimReady {
    int fd;
    uint64_t serial;
    short ready;
} SimReady;

/* Signals that wait for delivery; more are lost, as the kernel loses those that pend already. */
enum { SIM_SIGNALS = 16 };

struct SimView {
    TorcSystem system; /* first: the two are converted into each other */
    SimKernel *kernel;
    SimHost *host;
    int64_t horizon;   /* wait does not pass this time */
    size_t chunk_size; /* 0: no limit */

    SimDescriptor **descriptors; /* by number */
    int descriptor_limit;        /* entries there */
    int lowest_free;             /* no number below it is free */
    size_t open;

    SimDescriptor **triggered; /* in no particular order */
    size_t triggered_count;
    size_t triggered_capacity;
    size_t level_count; /* watches without TORC_EDGE */
    SimReady *batch;
    size_t batch_capacity;
    uint64_t watch_serial;

    _Atomic bool woken;
    bool happened;      /* a look-up or a signal was delivered in this wait */
    uint64_t fruitless; /* waits since time or bytes moved */
    int64_t seen_time;
    uint64_t seen_activity;

    TorcSignalFunction *signal_function;
    void *signal_arg;
    int signals[SIM_SIGNALS];
    unsigned signal_count;

    SimPool pool;
    TorcLookup *lookups;
    int64_t lookup_delay;

    SimRule rules[TORC_SIM_CALLS];
    uint64_t counts[TORC_SIM_CALLS];
};

SimView *torc__simView_new(SimKernel *kernel, SimHost *host, bool edge, size_t chunk_size);

/* Counts a call: 0, or the negative error it is to fail with. */
int torc__simView_call(SimView *view, TorcSimCall call);

/* The open descriptor, or NULL. */
SimDescriptor *torc__simView_find(SimView *view, int fd);

/* ---- watches and waiting (sim_watch.c) ----------------------------------------------------- */

int torc__simWatch_start(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                         TorcWatchFunction *function, void *arg);
int torc__simWatch_change(TorcSystem *system, TorcWatch *watch, unsigned interest);
void torc__simWatch_stop(TorcSystem *system, TorcWatch *watch);
int torc__simView_wait(TorcSystem *system, int64_t deadline);

/* Something happened to the descriptor: an edge. */
void torc__simWatch_trigger(SimDescriptor *descriptor, unsigned events);

/* True when the next wait finds something to deliver without time passing. */
bool torc__simView_pending(SimView *view);

/* ---- jobs and look-ups (sim_jobs.c) -------------------------------------------------------- */

int torc__simJobs_submit(TorcSystem *system, TorcJob *job);
void torc__simJobs_setPoolSize(TorcSystem *system, unsigned most);
size_t torc__simJobs_count(TorcSystem *system, bool wake_when_done);
void torc__simJobs_end(TorcSystem *system);
int torc__simLookup_start(TorcSystem *system, const char *host, uint16_t port,
                          TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup);
void torc__simLookup_cancel(TorcSystem *system, TorcLookup *lookup);

/* ---- the public face (sim.c, sim_peer.c) --------------------------------------------------- */

typedef struct SimPeerPort SimPeerPort;

struct TorcSim {
    SimKernel *kernel;
    SimView *view;
    TorcReactor *reactor;
    TorcSimPeer *peers;      /* newest first */
    SimPeerPort *peer_ports; /* oldest first */
};

/* For tests of the table itself. */
TorcSystem *torc__sim_system(TorcSim *sim);

void torc__simPeers_free(TorcSim *sim);

#endif
