/* What a descriptor can stand for in the simulated kernel: stream, datagram and UNIX sockets, and
 * pipes (files: sim_files_internal.h). Not installed.
 *
 * A socket belongs to whoever opened or accepted it until it is closed, which frees it; those in a
 * listener's queue belong to the listener. It tells its owner of news through `notify`, and knows
 * nothing of descriptors or reactors. */
#ifndef TORC_TESTING_SIM_SOCKET_INTERNAL_H
#define TORC_TESTING_SIM_SOCKET_INTERNAL_H

#include "../reactor/system_internal.h"
#include "sim_kernel_internal.h"

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

/* One more bit of a socket's readiness: EPOLLHUP, which libevent takes for readable and writable,
 * unless TORC_CLOSED tells it more. */
enum { SIM_HANGUP = 0x100 };

enum { SIM_OPTION_COUNT = 24 };

/* What differs between the kinds of sockets. The calls are as their POSIX namesakes for
 * non-blocking sockets: 0 or a positive result, or -errno. */
typedef struct SimProtocol {
    int type;   /* SOCK_STREAM, SOCK_DGRAM */
    int number; /* IPPROTO_… */
    int (*bind)(SimSocket *socket, const struct sockaddr *name, socklen_t length);
    int (*listen)(SimSocket *socket, int backlog);
    int (*accept)(SimSocket *socket, SimSocket **ret_socket);
    int (*connect)(SimSocket *socket, const struct sockaddr *name, socklen_t length);
    int (*getsockname)(const SimSocket *socket, struct sockaddr *ret_name, socklen_t *length);
    int (*getpeername)(const SimSocket *socket, struct sockaddr *ret_name, socklen_t *length);
    /* ret_from may be NULL and is left alone where nobody is named; address may be NULL. */
    ssize_t (*recv)(SimSocket *socket, void *buffer, size_t size, int flags, SimAddress *ret_from);
    ssize_t (*send)(SimSocket *socket, const void *data, size_t length, const SimAddress *address);
    int (*shutdown)(SimSocket *socket, int how);
    void (*close)(SimSocket *socket); /* and frees it */
    unsigned (*readiness)(SimSocket *socket);

    /* Of streams alone. `unread` and `room`: bytes that one recv would give now, and send take. */
    size_t (*unread)(const SimSocket *socket);
    size_t (*room)(const SimSocket *socket);
    void (*abort)(SimSocket *socket); /* RST, and frees it */
    void (*sever)(SimSocket *socket); /* RST arrives at both ends */
} SimProtocol;

typedef struct SimDatagram SimDatagram;
typedef struct SimUnix SimUnix;
typedef struct SimTransit SimTransit;

/* What the next event of a connection attempt is. */
typedef enum SimAttempt { SIM_SEND_SYN, SIM_SYN_ARRIVES, SIM_ANSWER_ARRIVES } SimAttempt;

struct SimSocket {
    SimKernel *kernel;
    SimHost *host;
    const SimProtocol *protocol;
    int family; /* AF_INET, AF_INET6 or AF_UNIX */
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
    bool released;       /* its connection is over, and others may have its port */
    bool chose_port;     /* bind was given one, which a connection's end does not take away */
    bool chose_address;  /* bind was given one that is no wildcard */
    bool fin_sent;       /* and all that was sent is before it */
    bool eof;            /* FIN was received */
    bool was_reset;      /* RST was received */
    bool wants_space;    /* a send was cut short: tell the owner when there is room again */
    int connect_answer;  /* what connect answers from now on, -errno; 0: how the attempt went */
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
    SimSocket *queued_by; /* the listener in whose queue it is; NULL: none */
    uint64_t number;      /* counts sockets: which connection was first? */
    uint64_t inode;
    unsigned queued;
    unsigned backlog;

    /* Datagrams received and not read, oldest first. */
    SimDatagram *datagram_first;
    SimDatagram *datagram_last;
    size_t datagram_bytes;

    SimUnix *un; /* of a UNIX socket; else NULL */

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
int torc__simSocket_connect(SimSocket *socket, const struct sockaddr *name, socklen_t length);
ssize_t torc__simSocket_recv(SimSocket *socket, void *buffer, size_t size, int flags);
ssize_t torc__simSocket_send(SimSocket *socket, const void *data, size_t length);
int torc__simSocket_shutdown(SimSocket *socket, int how);

/* Makes a listener, an attempt or what has ended as new; the owner is not told. */
void torc__simSocket_disconnect(SimSocket *socket);

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

/* What one recv of a stream does with the first `count` bytes of the input: copies them, and unless
 * it only peeks takes them away. False: nothing was taken. */
bool torc__simSocket_takeInput(SimSocket *socket, void *buffer, size_t count, int flags);

/* How many connections a queue may hold, as listen was told (net.core.somaxconn at most). */
unsigned torc__simSocket_backlog(int backlog);

/* Bytes that recv would give and send would take now. */
size_t torc__simSocket_unread(const SimSocket *socket);
size_t torc__simSocket_room(const SimSocket *socket);

/* The state as TORC_READABLE, _WRITABLE, _CLOSED. Not const: who has seen that there is no room
 * is told when there is. */
unsigned torc__simSocket_readiness(SimSocket *socket);

/* The pending error, positive, which is forgotten; 0 when there is none. */
int torc__simSocket_takeError(SimSocket *socket);

/* ---- names of IPv4 and IPv6 sockets (sim_inet.c) ------------------------------------------- */

int torc__simInet_bind(SimSocket *socket, const struct sockaddr *name, socklen_t length);
int torc__simInet_getsockname(const SimSocket *socket, struct sockaddr *ret_name,
                              socklen_t *length);
int torc__simInet_getpeername(const SimSocket *socket, struct sockaddr *ret_name,
                              socklen_t *length);

/* ---- connecting (sim_connect.c) ------------------------------------------------------------ */

/* One attempt, answered at once however far it is: 0, -ECONNREFUSED, or -EAGAIN when there is no
 * answer. The socket is bound and has its remote address. */
int torc__simSocket_establish(SimSocket *socket);

/* The event of a connection attempt. */
void torc__simSocket_attempt(SimEvent *event);

/* ---- datagram sockets (sim_datagram.c) ----------------------------------------------------- */

SimSocket *torc__simDatagram_new(SimHost *host, int family);

/* ---- UNIX stream sockets (sim_unix.c) ------------------------------------------------------ */

/* A socket of a process with these credentials. */
SimSocket *torc__simUnix_new(SimHost *host, const SimCredentials *process);
/* recv and send with a handle that comes along: what ret_passed is set to is the caller's, and it is
 * left alone when nothing came; `passed` stays the caller's, and NULL is none. */
ssize_t torc__simUnix_recv(SimSocket *socket, void *buffer, size_t size, int flags,
                           SimHandle **ret_passed);
ssize_t torc__simUnix_send(SimSocket *socket, const void *data, size_t length, SimHandle *passed);
/* Calls visit with each message in its input that brings a handle. */
typedef void SimPassedVisitor(SimPassed *passed, void *arg);
void torc__simUnix_visitPassed(const SimSocket *socket, SimPassedVisitor *visit, void *arg);
/* What was passed to it never arrives, once it is buried. */
void torc__simUnix_doomPassed(SimSocket *socket);
/* For torc__simSocket_free. */
void torc__simUnix_done(SimSocket *socket);
/* Who is at the other end; {0, -1, -1} when that is not known. */
SimCredentials torc__simUnix_peerCredentials(const SimSocket *socket);
/* True when the socket is bound to this name. */
bool torc__simUnix_hasName(const SimSocket *socket, const struct sockaddr *name, socklen_t length);

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
size_t torc__simPipe_unread(const SimPipeEnd *end);
size_t torc__simPipe_room(const SimPipeEnd *end);
unsigned torc__simPipe_readiness(SimPipeEnd *end);
uint64_t torc__simPipe_inode(const SimPipeEnd *end);

/* ---- socket options (sim_options.c) -------------------------------------------------------- */

void torc__simOptions_init(SimSocket *socket);
/* The value of an option that is an int; the option must be a known one. */
int torc__simOptions_value(const SimSocket *socket, int level, int name);
/* For a socket of IPv6, bound or not. */
void torc__simOptions_setV6Only(SimSocket *socket);
/* "TCP_NODELAY"; NULL: it is not known here. */
const char *torc__simOptions_name(int level, int name);
int torc__simOptions_get(SimSocket *socket, int level, int name, void *ret_value,
                         socklen_t *length);
int torc__simOptions_set(SimSocket *socket, int level, int name, const void *value,
                         socklen_t length);

#endif
