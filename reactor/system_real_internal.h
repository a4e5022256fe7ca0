/* What the files of the real system (libevent and POSIX) share. Nothing else includes this. */
#ifndef TORC_REACTOR_SYSTEM_REAL_INTERNAL_H
#define TORC_REACTOR_SYSTEM_REAL_INTERNAL_H

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include "system_internal.h"

struct event;
struct event_base;

/* The job pool (system_real_jobs.c). Everything in it is guarded by the lock. */
typedef struct TorcRealThread TorcRealThread;
typedef struct TorcRealPool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job waits, or threads are to leave */
    TorcJob *first;
    TorcJob **end;           /* where the next job is linked in */
    TorcRealThread *records; /* of all threads that have not been joined */
    size_t waiting;          /* jobs */
    size_t running;
    size_t lost;      /* that ran on threads which a fork left behind */
    unsigned threads; /* those that are not running a job will look for one */
    unsigned most;
    bool ending;
    bool wake_when_done;
} TorcRealPool;

typedef struct TorcRealResolver TorcRealResolver;

typedef struct TorcRealSystem TorcRealSystem;
struct TorcRealSystem {
    TorcSystem base; /* first: a TorcSystem * is cast to this */
    struct event_base *events;
    int64_t armed; /* what the timer is set to; INT64_MAX: it has run out or was never set */
    int wake_fd;   /* written to by wake; an eventfd, or the write end of a pipe */
    int wake_read; /* the same eventfd, or the read end */
    int timer_fd;  /* -1: there is none, libevent's timer is used */
    bool drain_wake;
    unsigned timer_sets; /* how often the timer was set: a budget held by a test */
    TorcWatch wake_watch;
    TorcWatch timer_watch;
    TorcRealPool pool;
    TorcRealResolver *resolver;      /* NULL before the first look-up */
    struct TorcRealSignal *signals;  /* that are caught for it */
    TorcRealSystem *previous_system; /* of the process */
    TorcRealSystem *next_system;
    bool own_base; /* of a forked one: the base is no longer the parent's */
};

static inline TorcRealSystem *torc__real(TorcSystem *system)
{
    return (TorcRealSystem *)system;
}

/* As torc__system_new_real; `portable` does without eventfd and timerfd, as on systems that lack
 * them, so that tests reach that code too. */
int torc__real_new(const char *backend, unsigned pool_size, bool portable, TorcSystem **ret_system);

/* What blocks, is hard to make fail, or depends on the platform; tests put their own in its place. */
typedef struct TorcRealCalls {
    int (*getaddrinfo)(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list);
    int (*createThread)(pthread_t *ret_thread, const pthread_attr_t *attributes,
                        void *(*start)(void *), void *arg);
    const char *backend; /* which is the best there is; NULL: libevent's first */
} TorcRealCalls;
extern TorcRealCalls torc__real_calls;

/* ---- system_real_base.c: libevent's base --------------------------------------------------- */

/* backend as in torc__system_new_real; `exact_timers`: libevent's timers will be in use. */
int torc__real_newBase(const char *backend, bool exact_timers, struct event_base **ret_base);

/* Makes a child's copy of a base its own, with all its events: the parent's notices nothing. */
int torc__real_renewBase(struct event_base *base);

/* event_add, of which libevent logs nothing: the answer says it all. 0 or -errno. */
int torc__real_addEvent(struct event *event);

/* ---- system_real_sockets.c ----------------------------------------------------------------- */

/* Moves a new descriptor above 2, where no one takes it for a standard stream. Negative ones, that
 * is errors with errno set, become -errno. */
int torc__real_moveUp(int fd);

int torc__real_socket(TorcSystem *system, int family, int type);
int torc__real_bind(TorcSystem *system, int fd, const struct sockaddr *address, socklen_t length);
int torc__real_listen(TorcSystem *system, int fd, int backlog);
int torc__real_accept(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length);
int torc__real_connect(TorcSystem *system, int fd, const struct sockaddr *address,
                       socklen_t length);
ssize_t torc__real_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags);
ssize_t torc__real_send(TorcSystem *system, int fd, const void *data, size_t length);
ssize_t torc__real_sendv(TorcSystem *system, int fd, const struct iovec *pieces, size_t count);
ssize_t torc__real_recvfrom(TorcSystem *system, int fd, void *buffer, size_t size, int flags,
                            struct sockaddr *ret_from, socklen_t *length);
ssize_t torc__real_sendto(TorcSystem *system, int fd, const void *data, size_t size,
                          const struct sockaddr *address, socklen_t length);
ssize_t torc__real_sendDescriptor(TorcSystem *system, int fd, const void *data, size_t length,
                                  int passed);
ssize_t torc__real_recvDescriptors(TorcSystem *system, int fd, void *buffer, size_t size,
                                   int *ret_descriptors, size_t *count, bool *ret_cut);
int torc__real_shutdown(TorcSystem *system, int fd, int how);
int torc__real_close(TorcSystem *system, int fd);
int torc__real_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name,
                           socklen_t *length);
int torc__real_getpeername(TorcSystem *system, int fd, struct sockaddr *ret_name,
                           socklen_t *length);
int torc__real_getsockopt(TorcSystem *system, int fd, int level, int name, void *ret_value,
                          socklen_t *length);
int torc__real_setsockopt(TorcSystem *system, int fd, int level, int name, const void *value,
                          socklen_t length);
int torc__real_pipe(TorcSystem *system, int ret_ends[2]);
ssize_t torc__real_read(TorcSystem *system, int fd, void *buffer, size_t size);
ssize_t torc__real_write(TorcSystem *system, int fd, const void *data, size_t length);
int torc__real_openSpare(TorcSystem *system);

/* ---- system_real_files.c ------------------------------------------------------------------- */

int torc__real_duplicate(TorcSystem *system, int fd);
int torc__real_setBlocking(TorcSystem *system, int fd, bool blocking);
int torc__real_open(TorcSystem *system, const char *path, int flags, mode_t mode);
int torc__real_unlink(TorcSystem *system, const char *path);
int torc__real_chmod(TorcSystem *system, const char *path, mode_t mode);
int torc__real_stat(TorcSystem *system, const char *path, TorcFileStatus *ret_status);
int torc__real_statDescriptor(TorcSystem *system, int fd, TorcFileStatus *ret_status);
int torc__real_lock(TorcSystem *system, int fd);
ssize_t torc__real_pread(TorcSystem *system, int fd, void *buffer, size_t size, uint64_t offset);
ssize_t torc__real_sendfile(TorcSystem *system, int out, int in, uint64_t offset, size_t length);

/* ---- system_real_wake.c: waking and the timer ---------------------------------------------- */

int torc__real_openWake(TorcRealSystem *system, bool portable);
void torc__real_closeWake(TorcRealSystem *system);
void torc__real_wake(TorcSystem *system);
/* The write that wakes, for signal handlers, which cannot reach a system. Keeps errno. */
void torc__real_wakeDescriptor(int fd);

/* The timer's descriptor must exist before the base, its event after. */
int torc__real_openTimer(TorcRealSystem *system, bool portable);
int torc__real_startTimer(TorcRealSystem *system);
void torc__real_closeTimer(TorcRealSystem *system);
/* Sets the timer to an absolute time that is still to come. */
int torc__real_setTimer(TorcRealSystem *system, int64_t deadline);

/* ---- system_real.c ------------------------------------------------------------------------- */

int64_t torc__real_now(TorcSystem *system);
int64_t torc__real_wallTime(TorcSystem *system);
void torc__real_random(TorcSystem *system, void *buffer, size_t length);
void torc__real_free(TorcSystem *base);
int torc__real_watch(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                     TorcWatchFunction *function, void *arg);
void torc__real_unwatch(TorcSystem *system, TorcWatch *watch);

/* ---- system_real_jobs.c -------------------------------------------------------------------- */

int torc__real_startPool(TorcRealPool *pool, unsigned most);
void torc__real_freePool(TorcRealPool *pool); /* after endJobs */
int torc__real_submit(TorcSystem *system, TorcJob *job);
void torc__real_setPoolSize(TorcSystem *system, unsigned most);
void torc__real_poolState(TorcSystem *system, TorcPoolState *ret_state);
size_t torc__real_jobs(TorcSystem *system, bool wake_when_done);
void torc__real_endJobs(TorcSystem *system);
/* In a child, with the lock held, which is released; allocates and frees nothing. There are no
 * threads: jobs that ran are lost, those that waited still do. */
void torc__real_forgetThreads(TorcRealPool *pool);
/* Then: drops the jobs that wait, and what is left of the threads. */
void torc__real_dropJobs(TorcSystem *system);

/* Starts a thread that application signals do not reach; it ought to call torc__real_nameThread
 * first. 0 or -errno. */
int torc__real_startThread(pthread_t *ret_thread, bool detached, void *(*start)(void *), void *arg);
void torc__real_nameThread(const char *name);

/* ---- system_real_lookup.c ------------------------------------------------------------------ */

int torc__real_lookup(TorcSystem *base, const char *host, uint16_t port,
                      TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup);
void torc__real_cancelLookup(TorcSystem *system, TorcLookup *lookup);
int torc__real_servicePort(TorcSystem *system, const char *service, int type);
/* Calls the functions of the look-ups that have ended. */
void torc__real_deliverLookups(TorcRealSystem *system);
/* Forgets every look-up; threads that still resolve are left to themselves. */
void torc__real_endLookups(TorcRealSystem *system);
/* Around a fork; `system` has a resolver. The last one is for the child, and unlocks too: there are no
 * threads, and nothing comes of what they resolved. */
void torc__real_lockLookups(TorcRealSystem *system);
void torc__real_unlockLookups(TorcRealSystem *system);
void torc__real_forgetLookups(TorcRealSystem *system);

/* ---- system_real_signals.c ----------------------------------------------------------------- */

/* From now on writing where nobody reads is EPIPE only. */
void torc__real_ignoreSigpipe(void);
int torc__real_catchSignal(TorcSystem *base, int signo, bool only_default,
                           TorcSignalFunction *function, void *arg);
void torc__real_releaseSignal(TorcSystem *base, int signo, bool send_again);
/* Gives back all that it has. */
void torc__real_releaseSignals(TorcRealSystem *system);
void torc__real_deliverSignals(TorcRealSystem *system);
/* In a child: handlers keep what arrives to themselves, and then wake the system again. */
void torc__real_detachSignals(TorcRealSystem *system);
void torc__real_attachSignals(TorcRealSystem *system);

/* ---- system_real_fork.c -------------------------------------------------------------------- */

/* The system takes part in forks of the process from now on, until it leaves. 0 or -errno. */
int torc__real_joinForks(TorcRealSystem *system);
void torc__real_leaveForks(TorcRealSystem *system);
/* As TorcSystemOps.afterFork. */
int torc__real_afterFork(TorcSystem *base);

extern const TorcSystemOps torc__real_ops;

#endif
