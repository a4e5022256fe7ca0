/* What becomes of the process's systems when it forks.
 *
 * A child gets copies of descriptors whose other ends are the parent's as well: libevent's kernel
 * set, timer and wake descriptor, sockets. Whatever the child did with them would befall the parent.
 * So in the child every system changes its table for one that refuses, and can only be freed, until
 * afterFork makes it the child's own. What that costs is paid by fork alone.
 *
 * Thread: handlers of fork run on the thread that forks, and in the child it is the only one. The
 * lock guards the list; fork holds it, and those of pools and look-ups, so that the child sees them
 * whole. Invariant: a copy's base is touched only once it is the child's own (own_base), for even
 * taking a watch out would take it out of the parent's. */
#include "system_real_internal.h"

#include <errno.h>
#include <event2/event.h>

#include "errors.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static TorcRealSystem *systems; /* under the lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int handlers_code; /* why there are no handlers; 0: there are */

/* ---- a copy -------------------------------------------------------------------------------- */

static int own_base(TorcRealSystem *system)
{
    if (!system->events)
        return -ENOMEM; /* it was left behind */
    int r = system->own_base ? 0 : torc__real_renewBase(system->events);
    if (r == 0)
        system->own_base = true;
    return r;
}

/* When the base cannot become the child's it is not touched again, nor is the little memory that it
 * takes: it points to watches that are about to go. */
static bool own_or_leave(TorcRealSystem *system)
{
    if (own_base(system) < 0)
        system->events = NULL;
    return system->events != NULL;
}

static void unwatch(TorcSystem *base, TorcWatch *watch)
{
    if (own_or_leave(torc__real(base)))
        torc__real_unwatch(base, watch);
}

static void free_copy(TorcSystem *base)
{
    TorcRealSystem *system = torc__real(base);
    if (!own_or_leave(system))
        system->wake_watch = system->timer_watch = (TorcWatch){0};
    torc__real_dropJobs(base);
    torc__real_free(base);
}

static void stay_asleep(TorcSystem *system)
{
    (void)system;
}

static void keep_pool_size(TorcSystem *system, unsigned most)
{
    torc__real(system)->pool.most = most;
}

static void *no_base(TorcSystem *system)
{
    (void)system;
    return NULL;
}

/* ---- what it refuses ----------------------------------------------------------------------- */

#define REFUSES(name, result, ...)                                                                 \
    static result refuse_##name(TorcSystem *system, __VA_ARGS__)                                   \
    {                                                                                              \
        (void)system;                                                                              \
        return -TORC_EFORKED;                                                                      \
    }

/* Where each parameter would have to be ignored by name. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif

REFUSES(wait, int, int64_t deadline)
REFUSES(watch, int, TorcWatch *watch, int fd, unsigned interest, TorcWatchFunction *f, void *arg)
REFUSES(rewatch, int, TorcWatch *watch, unsigned interest)
REFUSES(socket, int, int family, int type)
REFUSES(name, int, int fd, const struct sockaddr *address, socklen_t length)
REFUSES(listen, int, int fd, int backlog)
REFUSES(accept, int, int fd, struct sockaddr *ret_peer, socklen_t *length)
REFUSES(recv, ssize_t, int fd, void *buffer, size_t size, int flags)
REFUSES(send, ssize_t, int fd, const void *data, size_t length)
REFUSES(sendv, ssize_t, int fd, const struct iovec *pieces, size_t count)
REFUSES(recvfrom, ssize_t, int fd, void *buffer, size_t size, int flags, struct sockaddr *ret_from,
        socklen_t *length)
REFUSES(sendto, ssize_t, int fd, const void *data, size_t size, const struct sockaddr *address,
        socklen_t length)
REFUSES(shutdown, int, int fd, int how)
REFUSES(setsockopt, int, int fd, int level, int name, const void *value, socklen_t length)
REFUSES(pipe, int, int *ret_ends)
REFUSES(read, ssize_t, int fd, void *buffer, size_t size)
REFUSES(duplicate, int, int fd)
REFUSES(setBlocking, int, int fd, bool blocking)
REFUSES(open, int, const char *path, int flags, mode_t mode)
REFUSES(unlink, int, const char *path)
REFUSES(chmod, int, const char *path, mode_t mode)
REFUSES(lock, int, int fd)
REFUSES(pread, ssize_t, int fd, void *buffer, size_t size, uint64_t offset)
REFUSES(sendfile, ssize_t, int out, int in, uint64_t offset, size_t length)
REFUSES(submit, int, TorcJob *job)
REFUSES(lookup, int, const char *host, uint16_t port, TorcLookupFunction *function, void *arg,
        TorcLookup **ret_lookup)
REFUSES(catchSignal, int, int signo, bool only_default, TorcSignalFunction *function, void *arg)

static int refuse_openSpare(TorcSystem *system)
{
    (void)system;
    return -TORC_EFORKED;
}

static const TorcSystemOps copy_ops = {
    .free = free_copy,
    .now = torc__real_now,
    .wallTime = torc__real_wallTime,
    .random = torc__real_random,
    .wait = refuse_wait,
    .wake = stay_asleep,
    .watch = refuse_watch,
    .rewatch = refuse_rewatch,
    .unwatch = unwatch,
    .socket = refuse_socket,
    .bind = refuse_name,
    .listen = refuse_listen,
    .accept = refuse_accept,
    .connect = refuse_name,
    .recv = refuse_recv,
    .send = refuse_send,
    .sendv = refuse_sendv,
    .recvfrom = refuse_recvfrom,
    .sendto = refuse_sendto,
    .shutdown = refuse_shutdown,
    .close = torc__real_close,
    .getsockname = torc__real_getsockname,
    .getpeername = torc__real_getpeername,
    .getsockopt = torc__real_getsockopt,
    .setsockopt = refuse_setsockopt,
    .pipe = refuse_pipe,
    .read = refuse_read,
    .write = refuse_send,
    .duplicate = refuse_duplicate,
    .setBlocking = refuse_setBlocking,
    .open = refuse_open,
    .unlink = refuse_unlink,
    .chmod = refuse_chmod,
    .stat = torc__real_stat,
    .statDescriptor = torc__real_statDescriptor,
    .lock = refuse_lock,
    .pread = refuse_pread,
    .sendfile = refuse_sendfile,
    .openSpare = refuse_openSpare,
    .submit = refuse_submit,
    .setPoolSize = keep_pool_size,
    .jobs = torc__real_jobs,
    .endJobs = torc__real_dropJobs,
    .lookup = refuse_lookup,
    .cancelLookup = torc__real_cancelLookup,
    .catchSignal = refuse_catchSignal,
    .releaseSignal = torc__real_releaseSignal,
    .afterFork = torc__real_afterFork,
    .eventBase = no_base,
};

/* ---- becoming the child's own -------------------------------------------------------------- */

static int reopen(TorcRealSystem *system)
{
    bool portable = system->wake_fd != system->wake_read;
    torc__real_closeWake(system);
    torc__real_closeTimer(system);
    system->wake_fd = system->wake_read = system->timer_fd = -1;
    system->armed = INT64_MAX;
    int r = torc__real_openTimer(system, portable);
    if (r == 0)
        r = torc__real_startTimer(system);
    return r < 0 ? r : torc__real_openWake(system, portable);
}

/* A job that ran would leave somebody waiting for ever. */
int torc__real_afterFork(TorcSystem *base)
{
    TorcRealSystem *system = torc__real(base);
    if (!base->forked)
        return 0;
    if (system->pool.lost > 0)
        return -EBUSY;
    int r = own_base(system);
    if (r == 0)
        r = reopen(system);
    if (r < 0)
        return r;
    torc__real_dropJobs(base);
    torc__real_attachSignals(system);
    base->ops = &torc__real_ops;
    base->forked = false;
    system->own_base = false;
    return 0;
}

/* ---- around fork --------------------------------------------------------------------------- */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    for (TorcRealSystem *system = systems; system; system = system->next_system) {
        pthread_mutex_lock(&system->pool.lock);
        if (system->resolver)
            torc__real_lockLookups(system);
    }
}

static void after_fork_in_parent(void)
{
    for (TorcRealSystem *system = systems; system; system = system->next_system) {
        if (system->resolver)
            torc__real_unlockLookups(system);
        pthread_mutex_unlock(&system->pool.lock);
    }
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
    for (TorcRealSystem *system = systems; system; system = system->next_system) {
        system->base.ops = &copy_ops;
        system->base.forked = true;
        system->own_base = false;
        torc__real_forgetThreads(&system->pool);
        if (system->resolver)
            torc__real_forgetLookups(system);
        torc__real_detachSignals(system);
    }
    pthread_mutex_unlock(&lock);
}

static void install_handlers(void)
{
    handlers_code = -pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

int torc__real_joinForks(TorcRealSystem *system)
{
    (void)pthread_once(&once, install_handlers);
    if (handlers_code < 0)
        return handlers_code;
    pthread_mutex_lock(&lock);
    system->next_system = systems;
    if (systems)
        systems->previous_system = system;
    systems = system;
    pthread_mutex_unlock(&lock);
    return 0;
}

void torc__real_leaveForks(TorcRealSystem *system)
{
    pthread_mutex_lock(&lock);
    if (system->previous_system)
        system->previous_system->next_system = system->next_system;
    else
        systems = system->next_system;
    if (system->next_system)
        system->next_system->previous_system = system->previous_system;
    pthread_mutex_unlock(&lock);
}
