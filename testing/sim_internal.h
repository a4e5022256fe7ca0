/* What the parts of the simulation share. Not installed.
 *
 * Three layers, each of which knows only those above it in this file:
 *   SimKernel  the world: the clock, events in order of (time, sequence), hosts with their ports,
 *              names, and stream sockets. It knows nothing of reactors.
 *   SimView    what one reactor sees of it: a TorcSystem with descriptors, watches, jobs, look-ups,
 *              signals, and calls that fail on demand.
 *   TorcSim    the public face: one kernel, a view and a reactor for each host, and the peers of
 *              the test.
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
#include "sim_network.h"

/* ---- memory (sim_memory.c) ----------------------------------------------------------------- */

/* Says on stderr what the test did wrong, or that memory ran out, and aborts. */
_Noreturn void torc__sim_fatal(const char *message);

/* Says it on stderr. */
void torc__sim_say(const char *text);

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
typedef struct SimTrace SimTrace;
typedef struct SimFaults SimFaults;
typedef struct SimHold SimHold;
typedef struct SimLink SimLink;
typedef struct SimTransit SimTransit;

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

/* A machine with a port space of its own. */
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
    SimHost abroad; /* everyone whose address belongs to no host */
    SimHost *hosts; /* the others, oldest first */
    bool linked;    /* some link was set, cut, or broken by a crash: sending has to look */
    bool shuffled;  /* watches are called in an order that the seed decides */
    int64_t wall;   /* nanoseconds since 1970 when the simulation began */
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

void torc__simKernel_setHost(SimKernel *kernel, const char *name, const char *const *addresses,
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

/* What differs between the kinds of sockets. The calls are as their POSIX namesakes for
 * non-blocking sockets: 0 or a positive result, or -errno. */
typedef struct SimProtocol {
    int type;   /* SOCK_STREAM, SOCK_DGRAM */
    int number; /* IPPROTO_… */
    int (*listen)(SimSocket *socket, int backlog);
    int (*accept)(SimSocket *socket, SimSocket **ret_socket);
    int (*connect)(SimSocket *socket, const SimAddress *address);
    /* ret_from may be NULL and is left alone where nobody is named; address may be NULL. */
    ssize_t (*recv)(SimSocket *socket, void *buffer, size_t size, int flags, SimAddress *ret_from);
    ssize_t (*send)(SimSocket *socket, const void *data, size_t length, const SimAddress *address);
    int (*shutdown)(SimSocket *socket, int how);
    void (*close)(SimSocket *socket); /* and frees it */
    unsigned (*readiness)(SimSocket *socket);
} SimProtocol;

typedef struct SimDatagram SimDatagram;

/* What the next event of a connection attempt is. */
typedef enum SimAttempt { SIM_SEND_SYN, SIM_SYN_ARRIVES, SIM_ANSWER_ARRIVES } SimAttempt;

struct SimSocket {
    SimKernel *kernel;
    SimHost *host;
    const SimProtocol *protocol;
    int family; /* AF_INET or AF_INET6 */
    SimState state;
    SimAddress local;
    SimAddress remote;
    SimSocket *other;    /* the other end while connected; NULL: it was closed */
    SimHost *far;        /* where the other end is or was; NULL: never connected */
    SimTransit *transit; /* what is on its way here; NULL: nothing ever was */
    SimBytes input;      /* received and not read; at most kernel->buffer_size */
    unsigned shut;       /* SIM_SHUT_… */
    int error;           /* what SO_ERROR returns */
    bool bound;          /* has a local port */
    bool fin_sent;       /* and all that was sent is before it */
    bool eof;            /* FIN was received */
    bool was_reset;      /* RST was received */
    bool wants_space;    /* a send was cut short: tell the owner when there is room again */
    bool established;    /* was connected once */
    bool connect_told;   /* connect has returned 0 for it */
    bool linger;
    int linger_seconds;
    size_t unanswered; /* bytes sent to an end that is gone, and no RST has come for them */
    unsigned attempts; /* SYNs sent without an answer */
    SimAttempt phase;
    int answer;           /* to the SYN: 0 or -errno, on its way back */
    int64_t attempted_at; /* when the last SYN was sent */
    SimEvent attempt;     /* the next SYN, the arrival of one, or of the answer */

    /* While listening: connections not yet accepted, oldest first. */
    SimSocket *queue_first;
    SimSocket *queue_last;
    SimSocket *queue_next;
    uint64_t number; /* counts sockets: which connection was first? */
    unsigned queued;
    unsigned backlog;

    /* Datagrams received and not read, oldest first. */
    SimDatagram *datagram_first;
    SimDatagram *datagram_last;
    size_t datagram_bytes;

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

extern const SimProtocol torc__sim_stream;

/* What the end of all kinds of sockets have in common. */
void torc__simSocket_free(SimSocket *socket);

/* As their POSIX namesakes for non-blocking sockets: 0 or a positive result, or -errno. */
int torc__simSocket_listen(SimSocket *socket, int backlog);
int torc__simSocket_accept(SimSocket *listener, SimSocket **ret_socket);
int torc__simSocket_connect(SimSocket *socket, const SimAddress *address);
ssize_t torc__simSocket_recv(SimSocket *socket, void *buffer, size_t size, int flags);
ssize_t torc__simSocket_send(SimSocket *socket, const void *data, size_t length);
int torc__simSocket_shutdown(SimSocket *socket, int how);

/* Tells the owner, if there is one. The last thing to do with a socket: it may be freed. */
void torc__simSocket_tell(SimSocket *socket, unsigned events);

/* What has arrived from the other end. The owner is told. */
void torc__simSocket_receiveFin(SimSocket *socket);
void torc__simSocket_receiveReset(SimSocket *socket);

/* It has ended, whoever is to blame; nobody is told. What was received stays readable. */
void torc__simSocket_cut(SimSocket *socket);

/* Bytes for an end that was closed, or that has shut both directions, are answered by RST. */
static inline bool torc__simSocket_isDeaf(const SimSocket *other)
{
    return !other || other->shut == SIM_SHUT_BOTH;
}

/* FIN, or RST where there is reason for one; frees the socket. */
void torc__simSocket_close(SimSocket *socket);

/* RST, and frees the socket. */
void torc__simSocket_abort(SimSocket *socket);

/* RST arrives at both ends, as from a machine between them; nothing unless connected. */
void torc__simSocket_break(SimSocket *socket);

/* Puts a connection into the listener's queue. The owner of the listener is told. */
void torc__simSocket_enqueue(SimSocket *listener, SimSocket *socket);

/* Bytes that send would take now. */
size_t torc__simSocket_room(const SimSocket *socket);

/* The state as TORC_READABLE, _WRITABLE, _CLOSED. Not const: who has seen that there is no room
 * is told when there is. */
unsigned torc__simSocket_readiness(SimSocket *socket);

/* The pending error, positive, which is forgotten; 0 when there is none. */
int torc__simSocket_takeError(SimSocket *socket);

/* ---- connecting (sim_connect.c) ------------------------------------------------------------ */

/* One attempt, answered at once however far it is: 0, -ECONNREFUSED, or -EAGAIN when there is no
 * answer. The socket is bound and has its remote address. */
int torc__simSocket_establish(SimSocket *socket);

/* The event of a connection attempt. */
void torc__simSocket_attempt(SimEvent *event);

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

/* ---- datagram sockets (sim_datagram.c) ----------------------------------------------------- */

SimSocket *torc__simDatagram_new(SimHost *host, int family);

/* ---- pipes (sim_pipe.c) -------------------------------------------------------------------- */

typedef struct SimPipe SimPipe;

typedef struct SimPipeEnd SimPipeEnd;
struct SimPipeEnd {
    SimPipe *pipe;
    bool open;
    void (*notify)(SimPipeEnd *end, unsigned events); /* as a socket's */
    void *owner;
};

/* Two ends that nobody owns yet: the first is read from, the second written to. */
SimPipeEnd *torc__simPipe_new(SimKernel *kernel);

ssize_t torc__simPipe_read(SimPipeEnd *end, void *buffer, size_t size);
ssize_t torc__simPipe_write(SimPipeEnd *end, const void *data, size_t length);
void torc__simPipe_close(SimPipeEnd *end);
unsigned torc__simPipe_readiness(SimPipeEnd *end);

/* ---- socket options (sim_options.c) -------------------------------------------------------- */

void torc__simOptions_init(SimSocket *socket);
/* The value of an option that is an int; the option must be a known one. */
int torc__simOptions_value(const SimSocket *socket, int level, int name);
int torc__simOptions_get(SimSocket *socket, int level, int name, void *ret_value,
                         socklen_t *length);
int torc__simOptions_set(SimSocket *socket, int level, int name, const void *value,
                         socklen_t length);

/* ---- a reactor's view: descriptors (sim_descriptor.c) -------------------------------------- */

typedef struct SimView SimView;
typedef struct SimWatch SimWatch;

typedef struct SimDescriptor SimDescriptor;

/* What can be done with every kind of object that a descriptor stands for. */
typedef struct SimKind {
    const char *name;
    void (*attach)(void *object, SimDescriptor *descriptor); /* whom to tell; NULL: nobody */
    void (*close)(void *object);
    unsigned (*readiness)(void *object); /* NULL: it cannot be watched */
    ssize_t (*read)(void *object, void *buffer, size_t size);
    ssize_t (*write)(void *object, const void *data, size_t length);
} SimKind;

extern const SimKind torc__sim_socketKind;
extern const SimKind torc__sim_pipeReader;
extern const SimKind torc__sim_pipeWriter;
extern const SimKind torc__sim_spare;

struct SimDescriptor {
    SimView *view;
    const SimKind *kind;
    void *object;
    SimSocket *socket; /* the object, if it is one; else NULL */
    SimWatch *watch;   /* NULL: not watched */
    int fd;
    bool triggered;  /* something happened since the watch was last called */
    unsigned held;   /* TORC_READABLE, TORC_WRITABLE: a delay is under way (sim_faults.c) */
    unsigned exempt; /* the same: the next call is the one that was delayed, and succeeds */
    SimHold *holds[2];
    SimDescriptor *level_next; /* of those watched without TORC_EDGE */
    SimDescriptor **level_link;
};

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
    int64_t delayed; /* how much longer the next job takes (a fault) */
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
    TorcSim *sim;      /* whose other reactors are turned while this one waits; NULL: none */
    int64_t horizon;   /* wait does not pass this time */
    size_t chunk_size; /* 0: no limit */

    SimDescriptor **descriptors; /* by number less descriptor_base */
    int descriptor_base;
    int descriptor_limit; /* entries there */
    int lowest_free;      /* no entry below it is free */
    size_t open;

    SimDescriptor **triggered; /* in no particular order */
    size_t triggered_count;
    size_t triggered_capacity;
    SimDescriptor *levels; /* watched without TORC_EDGE, in no particular order */
    SimReady *batch;
    size_t batch_capacity;
    SimBytes gathered; /* the pieces of a sendv */
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
    TorcLookup *lookups;  /* under way, newest first */
    TorcLookup *answered; /* the answer is there, oldest first */
    int64_t lookup_delay;

    uint64_t counts[TORC_SIM_CALLS];
};

/* Gives an object a number, and owns it from now on. */
int torc__simDescriptor_open(SimView *view, const SimKind *kind, void *object);
void torc__simDescriptor_close(SimDescriptor *descriptor);

/* The open descriptor, or NULL. */
SimDescriptor *torc__simView_find(SimView *view, int fd);

/* ---- a reactor's view: calls (sim_calls.c) ------------------------------------------------- */

SimView *torc__simView_new(SimKernel *kernel, SimHost *host, bool edge, size_t chunk_size);

/* Counts a call that no socket has part in: 0, or the negative error it is to fail with. What it is
 * delayed by is returned if asked for. */
int torc__simView_call(SimView *view, TorcSimCall call, int64_t *ret_delay);

/* ---- watches and waiting (sim_watch.c) ----------------------------------------------------- */

int torc__simWatch_start(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                         TorcWatchFunction *function, void *arg);
int torc__simWatch_change(TorcSystem *system, TorcWatch *watch, unsigned interest);
void torc__simWatch_stop(TorcSystem *system, TorcWatch *watch);
int torc__simView_wait(TorcSystem *system, int64_t deadline);

/* The descriptor that is watched, -1 when the watch is stopped. */
int torc__simWatch_descriptor(TorcWatch *watch);

/* Something happened to the descriptor: an edge. */
void torc__simWatch_trigger(SimDescriptor *descriptor, unsigned events);

/* True when the next wait finds something to deliver without time passing. */
bool torc__simView_pending(SimView *view);

/* ---- jobs and look-ups (sim_jobs.c) -------------------------------------------------------- */

int torc__simJobs_submit(TorcSystem *system, TorcJob *job);
void torc__simJobs_setPoolSize(TorcSystem *system, unsigned most);
/* Calls those whose look-up has been answered. */
void torc__simLookups_deliver(SimView *view);

size_t torc__simJobs_count(TorcSystem *system, bool wake_when_done);
void torc__simJobs_end(TorcSystem *system);
int torc__simLookup_start(TorcSystem *system, const char *host, uint16_t port,
                          TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup);
void torc__simLookup_cancel(TorcSystem *system, TorcLookup *lookup);
const char *torc__simLookup_host(const TorcLookup *lookup);
const TorcLookup *torc__simLookup_next(const TorcLookup *lookup);

/* ---- the public face (sim.c, sim_peer.c) --------------------------------------------------- */

typedef struct SimPeerPort SimPeerPort;

struct TorcSimHost {
    TorcSimHost *next;
    TorcSim *sim;
    SimHost *machine;
    SimView *view;        /* NULL: no reactor yet, or crashed */
    TorcReactor *reactor; /* likewise */
    char name[];
};

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

/* The seed that the environment asks for (sim_seeds.c); false: none. */
bool torc__sim_environmentSeed(uint64_t *ret_seed);

/* ---- hosts and their reactors (sim_hosts.c) ------------------------------------------------ */

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

/* One turn that waits until `time` at most; a time past: not at all. */
void torc__simHost_turn(TorcSimHost *host, int64_t time);

#endif
