/* The seam: everything the library asks of the outside world goes through one table.
 *
 * There are two systems: the real one (libevent and POSIX, system_real*.c) and the simulated one of
 * the testing kit (testing/sim*.c). The reactor and the transports run on either without a change.
 * Memory has its own table (memory_internal.h).
 *
 * Conventions: functions return 0 or a positive result, or -errno; EINTR does not get through (a call
 * is repeated) except from connect, where it means what POSIX says: under way, and from recv, send,
 * sendv and their kin, whose callers repeat them (it is cheaper there). Descriptors are
 * non-blocking, close-on-exec and above 2. A system belongs to the thread of its reactor, but for
 * wake. */
#ifndef TORC_REACTOR_SYSTEM_INTERNAL_H
#define TORC_REACTOR_SYSTEM_INTERNAL_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../transports/address.h"
#include "api.h"

typedef struct TorcSystem TorcSystem;
typedef struct TorcSystemOps TorcSystemOps;

/* ---- readiness ----------------------------------------------------------------------------- */

/* Interest and readiness. The values are libevent's, so that its event loop can call a watch's
 * function directly (system_real.c asserts it). */
enum {
    TORC_READABLE = 0x02,
    TORC_WRITABLE = 0x04,
    TORC_EDGE = 0x20,  /* report changes once, not the state for as long as it lasts */
    TORC_CLOSED = 0x80 /* the peer has sent FIN; only with TORC_EDGE */
};

/* `ready` holds TORC_READABLE, _WRITABLE, _CLOSED as far as there is interest; other bits mean
 * nothing. An error or a reset shows as readable and writable. */
typedef void TorcWatchFunction(int fd, short ready, void *arg);

/* What is embedded in whatever watches a descriptor; opaque, and as large as struct event. */
#define TORC_WATCH_SIZE 128
typedef struct TorcWatch {
    _Alignas(8) unsigned char opaque[TORC_WATCH_SIZE];
} TorcWatch;

/* ---- jobs and look-ups --------------------------------------------------------------------- */

/* A job for a pool thread, embedded in what it works on. Exactly one of the two functions is
 * called, once, and may free the job: run on a pool thread, or drop on the reactor's thread. */
typedef struct TorcJob TorcJob;
struct TorcJob {
    TorcJob *next; /* the pool's */
    void (*run)(TorcJob *job);
    void (*drop)(TorcJob *job);
};

typedef struct TorcLookup TorcLookup;

typedef struct TorcLookupResult {
    int code;            /* 0, -TORC_ELOOKUP, -ENOMEM */
    const char *problem; /* what the resolver says, when code is not 0 */
    size_t count;        /* at least 1 when code is 0 */
    const TorcAddress *addresses;
} TorcLookupResult;

/* On the reactor's thread, from inside wait; the result is valid during the call. */
typedef void TorcLookupFunction(void *arg, const TorcLookupResult *result);

typedef void TorcSignalFunction(void *arg, int signo);

/* The pool at this moment. */
typedef struct TorcPoolState {
    unsigned most; /* threads */
    unsigned threads;
    size_t running; /* jobs */
    size_t waiting;
} TorcPoolState;

/* ---- files --------------------------------------------------------------------------------- */

typedef struct TorcFileStatus {
    mode_t mode; /* type and permissions */
    uint64_t device;
    uint64_t inode; /* with the device: which file it is */
    int64_t size;   /* bytes, of a regular file */
} TorcFileStatus;

/* ---- the table ----------------------------------------------------------------------------- */

struct TorcSystem {
    const TorcSystemOps *ops;
    const char *backend; /* "epoll", "poll", …, "simulation" */
    bool edge;           /* TORC_EDGE and TORC_CLOSED work */
    bool forked;         /* a child's copy of its parent's: see afterFork */
    bool virtual_time;   /* now is no measure of what callbacks take: `spent` is */
    int64_t spent;       /* nanoseconds that the callback under way is said to have taken */
};

struct TorcSystemOps {
    void (*free)(TorcSystem *system);

    /* Nanoseconds of the monotonic clock, and since 1970. */
    int64_t (*now)(TorcSystem *system);
    int64_t (*wallTime)(TorcSystem *system);

    /* Fills the buffer with random bytes; cannot fail. */
    void (*random)(TorcSystem *system, void *buffer, size_t length);

    /* Waits until a watch is ready, wake was called, a signal was caught or the monotonic clock has
     * reached `deadline` (INT64_MAX: no limit; a time past: only look), and calls the functions of
     * the watches, look-ups and signals that are due. */
    int (*wait)(TorcSystem *system, int64_t deadline);

    /* Makes the present or the next wait return at once. Any thread, and signal handlers. */
    void (*wake)(TorcSystem *system);

    /* Starts a watch on fd: memory must stay in place until unwatch. The function may call all
     * three, also for other watches, whose pending readiness is then forgotten. rewatch changes the
     * interest and, with TORC_EDGE, reports anew what is ready already. unwatch comes before close,
     * and does nothing for a zeroed or stopped watch. */
    int (*watch)(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                 TorcWatchFunction *function, void *arg);
    int (*rewatch)(TorcSystem *system, TorcWatch *watch, unsigned interest);
    void (*unwatch)(TorcSystem *system, TorcWatch *watch);

    /* As their POSIX namesakes. send and sendv never raise SIGPIPE; sendv takes up to 64 pieces. */
    int (*socket)(TorcSystem *system, int family, int type);
    int (*bind)(TorcSystem *system, int fd, const struct sockaddr *address, socklen_t length);
    int (*listen)(TorcSystem *system, int fd, int backlog);
    int (*accept)(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length);
    int (*connect)(TorcSystem *system, int fd, const struct sockaddr *address, socklen_t length);
    ssize_t (*recv)(TorcSystem *system, int fd, void *buffer, size_t size, int flags);
    ssize_t (*send)(TorcSystem *system, int fd, const void *data, size_t length);
    ssize_t (*sendv)(TorcSystem *system, int fd, const struct iovec *pieces, size_t count);
    /* For datagram sockets. What does not fit into the buffer is cut off; with MSG_TRUNC the result
     * tells the whole length. Without an address sendto goes where connect said. */
    ssize_t (*recvfrom)(TorcSystem *system, int fd, void *buffer, size_t size, int flags,
                        struct sockaddr *ret_from, socklen_t *length);
    ssize_t (*sendto)(TorcSystem *system, int fd, const void *data, size_t size,
                      const struct sockaddr *address, socklen_t length);
    /* Of UNIX stream sockets, with descriptors passed along (SCM_RIGHTS, unix(7)). sendDescriptor
     * sends at least one of the bytes, and one descriptor with the first; it stays the caller's.
     * recvDescriptors is recv with what came along: up to *count descriptors, which are the
     * caller's, close-on-exec and above 2; then *count tells how many there are, and ret_cut that
     * others came and were closed. Both may answer -EINTR. NULL in a layer that has none. */
    ssize_t (*sendDescriptor)(TorcSystem *system, int fd, const void *data, size_t length,
                              int passed);
    ssize_t (*recvDescriptors)(TorcSystem *system, int fd, void *buffer, size_t size,
                               int *ret_descriptors, size_t *count, bool *ret_cut);
    int (*shutdown)(TorcSystem *system, int fd, int how);
    int (*close)(TorcSystem *system, int fd);
    int (*getsockname)(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length);
    int (*getpeername)(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length);
    int (*getsockopt)(TorcSystem *system, int fd, int level, int name, void *ret_value,
                      socklen_t *length);
    int (*setsockopt)(TorcSystem *system, int fd, int level, int name, const void *value,
                      socklen_t length);

    /* A pipe: what is written to ret_ends[1] is read from ret_ends[0]. write never raises SIGPIPE. */
    int (*pipe)(TorcSystem *system, int ret_ends[2]);
    ssize_t (*read)(TorcSystem *system, int fd, void *buffer, size_t size);
    ssize_t (*write)(TorcSystem *system, int fd, const void *data, size_t length);

    /* A second descriptor for the same open file, and whether reads and writes of it may block
     * (shared by all its descriptors): returns the former state, 1 or 0. */
    int (*duplicate)(TorcSystem *system, int fd);
    int (*setBlocking)(TorcSystem *system, int fd, bool blocking);

    /* Files, as far as sockets and tables need them: as their POSIX namesakes. open adds O_CLOEXEC and
     * O_NONBLOCK; stat follows no symbolic link; lock is flock, and never waits (-EAGAIN: somebody
     * else has it). */
    int (*open)(TorcSystem *system, const char *path, int flags, mode_t mode);
    int (*unlink)(TorcSystem *system, const char *path);
    int (*chmod)(TorcSystem *system, const char *path, mode_t mode);
    int (*stat)(TorcSystem *system, const char *path, TorcFileStatus *ret_status);
    int (*statDescriptor)(TorcSystem *system, int fd, TorcFileStatus *ret_status);
    int (*lock)(TorcSystem *system, int fd);
    /* From a place in a file, not where its descriptor stands, which stays. sendfile hands the bytes to
     * the stream socket `out` without a copy in this process: how many it took (0: the file ends here);
     * -EAGAIN: the socket has no room. Every other error may be the file's as well as the socket's, or
     * say that the two cannot be joined: read and send tell which. NULL in a layer that has none. */
    ssize_t (*pread)(TorcSystem *system, int fd, void *buffer, size_t size, uint64_t offset);
    ssize_t (*sendfile)(TorcSystem *system, int out, int in, uint64_t offset, size_t length);

    /* A descriptor that is good for nothing but being closed when there are no others left. */
    int (*openSpare)(TorcSystem *system);

    /* Hands a job to the pool, which owns it until run or drop. -EAGAIN (drop is not called) when
     * the pool has no thread and cannot start one. */
    int (*submit)(TorcSystem *system, TorcJob *job);
    void (*setPoolSize)(TorcSystem *system, unsigned most);
    /* Jobs waiting or running. With `wake_when_done` the system wakes the reactor when they become
     * none. */
    size_t (*jobs)(TorcSystem *system, bool wake_when_done);
    /* NULL in a layer that cannot tell. */
    void (*poolState)(TorcSystem *system, TorcPoolState *ret_state);
    /* Drops waiting jobs, waits for running ones, ends the threads. The pool can be used again. */
    void (*endJobs)(TorcSystem *system);

    /* Resolves a host name to stream addresses, each with `port` filled in. The function is called
     * once, unless the look-up is cancelled first; ret_lookup is good until then. */
    int (*lookup)(TorcSystem *system, const char *host, uint16_t port, TorcLookupFunction *function,
                  void *arg, TorcLookup **ret_lookup);
    void (*cancelLookup)(TorcSystem *system, TorcLookup *lookup);

    /* The port of a service for SOCK_STREAM or SOCK_DGRAM, from the host's own list; -TORC_ESERVICE:
     * it is not there; -ENOMEM. Does not ask the network. */
    int (*servicePort)(TorcSystem *system, const char *service, int type);

    /* Catches a signal until it is released: the function is called from inside wait, once for all
     * arrivals since it was last. Again for a signal that it has: another function, which also gets
     * what has arrived. `only_default`: the signal is left alone (and 0 answered) unless its action
     * is the default one. -EBUSY when another system of the process has it, -EINVAL when it cannot
     * be caught (or is a fault of the program, which no loop can wait for). */
    int (*catchSignal)(TorcSystem *system, int signo, bool only_default,
                       TorcSignalFunction *function, void *arg);
    /* The action that was there before is restored; nothing happens for a signal that it has not.
     * An arrival that was not delivered is sent again, to that action, or forgotten. */
    void (*releaseSignal)(TorcSystem *system, int signo, bool send_again);

    /* After fork the child's copies are marked `forked`: until this is called they refuse whatever
     * the parent would notice with -TORC_EFORKED, and can be freed. It makes one the child's own:
     * what is watched stays so, the pool and the look-ups are empty. 0, or a negative code, and then
     * nothing has changed that matters. NULL where nothing is ever forked. */
    int (*afterFork)(TorcSystem *system);

    /* libevent's base, or NULL. */
    void *(*eventBase)(TorcSystem *system);
};

/* recv, repeated when a signal came between. */
static inline ssize_t torc__recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    ssize_t n;
    do
        n = system->ops->recv(system, fd, buffer, size, flags);
    while (n == -EINTR);
    return n;
}

/* The operating system. backend: as in TorcReactorOptions. -EINVAL: no such backend here. */
int torc__system_new_real(const char *backend, unsigned pool_size, TorcSystem **ret_system);

#endif
