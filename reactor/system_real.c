/* The real system: the operating system behind the seam, by libevent's event core and POSIX.
 *
 * Here are the table, the clock, watches and the wait; system_real_*.c hold the rest. A system
 * belongs to the thread of its reactor, except for wake. It owns libevent's base and the descriptors
 * of wake and timer, and its threads; watches belong to whoever embeds them and are all stopped
 * before free.
 *
 * Invariant: a TorcWatch that is not all zeros is a struct event of this base, always persistent,
 * and libevent calls its function directly. No watch has a timeout: libevent would look at the clock
 * and sort its heap for each readiness. */
#include "system_real_internal.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "memory_internal.h"

/* What TorcReactorOptions promises for 0. */
enum { POOL_SIZE_DEFAULT = 10 };

/* The most that getentropy gives at once. */
enum { ENTROPY_PIECE = 256 };

static_assert(sizeof(struct event) <= sizeof(TorcWatch), "an event fits into a watch");
static_assert(_Alignof(struct event) <= _Alignof(TorcWatch), "and may lie there");
static_assert(TORC_READABLE == EV_READ && TORC_WRITABLE == EV_WRITE && TORC_EDGE == EV_ET &&
                  TORC_CLOSED == EV_CLOSED,
              "interest is passed to libevent as it is");
static_assert(_Generic((event_callback_fn)NULL, TorcWatchFunction * : 1, default : 0),
              "libevent calls a watch's function itself");

TorcRealCalls torc__real_calls = {
    .getaddrinfo = getaddrinfo,
    .createThread = pthread_create,
};

/* ---- clock and randomness ------------------------------------------------------------------ */

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now); /* cannot fail for the two that POSIX has always had */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t torc__real_now(TorcSystem *system)
{
    (void)system;
    return read_clock(CLOCK_MONOTONIC);
}

int64_t torc__real_wallTime(TorcSystem *system)
{
    (void)system;
    return read_clock(CLOCK_REALTIME);
}

/* For kernels and sandboxes without the system call. */
static int read_urandom(unsigned char *bytes, size_t length)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = 0;
    while (length > 0 && r == 0) {
        ssize_t n = read(fd, bytes, length);
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            r = -EIO;
        }
    }
    (void)close(fd);
    return r;
}

/* When nothing else is left: good enough to spread delays, useless as a secret, and logged. (The
 * mixing is splitmix64 of Steele, Lea and Flood, 2014.) */
static void fill_from_clock(unsigned char *bytes, size_t length)
{
    static _Atomic uint64_t calls;
    torc_log(NULL, TORC_LOG_ERROR, "system.no-randomness", NULL, 0);
    uint64_t state = (uint64_t)read_clock(CLOCK_REALTIME) ^ ((uint64_t)getpid() << 32) ^ ++calls;
    for (size_t i = 0; i < length; i++) {
        uint64_t mixed = state += UINT64_C(0x9e3779b97f4a7c15);
        mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
        bytes[i] = (unsigned char)(mixed >> 56);
    }
}

void torc__real_random(TorcSystem *system, void *buffer, size_t length)
{
    (void)system;
    unsigned char *bytes = buffer;
    while (length > 0) {
        size_t piece = length < ENTROPY_PIECE ? length : ENTROPY_PIECE;
        if (getentropy(bytes, piece) < 0 && read_urandom(bytes, piece) < 0)
            fill_from_clock(bytes, piece);
        bytes += piece;
        length -= piece;
    }
}

/* ---- watches ------------------------------------------------------------------------------- */

static struct event *event_of(TorcWatch *watch)
{
    return (struct event *)watch;
}

/* glibc ends the process when FD_SET gets a descriptor beyond the set it knows, however large the
 * one that libevent has allocated is. */
static bool beyond_select(const TorcSystem *system, int fd)
{
    return fd >= FD_SETSIZE && strcmp(system->backend, "select") == 0;
}

static int start(TorcSystem *system, struct event *event, int fd, short events,
                 event_callback_fn function, void *arg)
{
    if (event_assign(event, torc__real(system)->events, fd, events, function, arg) < 0)
        return -EINVAL;
    return torc__real_addEvent(event);
}

int torc__real_watch(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                     TorcWatchFunction *function, void *arg)
{
    assert(system->edge || !(interest & (TORC_EDGE | TORC_CLOSED)));
    if (beyond_select(system, fd))
        return -EMFILE;
    return start(system, event_of(watch), fd, (short)(interest | EV_PERSIST), function, arg);
}

static int rewatch(TorcSystem *system, TorcWatch *watch, unsigned interest)
{
    struct event *event = event_of(watch);
    int fd;
    event_callback_fn function;
    void *arg;
    event_get_assignment(event, NULL, &fd, NULL, &function, &arg);
    /* Taking it out altogether is what makes the kernel report readiness anew. */
    event_del(event);
    return start(system, event, fd, (short)(interest | EV_PERSIST), function, arg);
}

void torc__real_unwatch(TorcSystem *system, TorcWatch *watch)
{
    (void)system;
    if (event_initialized(event_of(watch)))
        event_del(event_of(watch));
}

/* ---- waiting ------------------------------------------------------------------------------- */

static int loop_failed(void)
{
    return errno ? -errno : -EIO;
}

/* One pass of libevent. The clock is read only for a deadline before the one that the timer is set
 * to, and the timer is set only then: a later one is reached through at most one needless return,
 * so putting a timeout off again and again costs nothing. */
static int wait_once(TorcSystem *base, int64_t deadline)
{
    TorcRealSystem *system = torc__real(base);
    int flags = EVLOOP_ONCE;
    if (deadline < system->armed) {
        if (deadline <= 0 || deadline <= torc__real_now(base)) {
            flags |= EVLOOP_NONBLOCK;
        } else {
            int r = torc__real_setTimer(system, deadline);
            if (r < 0)
                return r;
        }
    }
    return event_base_loop(system->events, flags) < 0 ? loop_failed() : 0;
}

static void *event_base_of(TorcSystem *system)
{
    return torc__real(system)->events;
}

/* ---- life ---------------------------------------------------------------------------------- */

/* Takes apart what open_all has put together so far. */
static void close_all(TorcRealSystem *system)
{
    torc__real_closeTimer(system);
    torc__real_closeWake(system);
    if (system->events)
        event_base_free(system->events);
}

void torc__real_free(TorcSystem *base)
{
    TorcRealSystem *system = torc__real(base);
    torc__real_leaveForks(system);
    torc__real_releaseSignals(system);
    torc__real_endJobs(base);
    torc__real_endLookups(system);
    torc__real_freePool(&system->pool);
    close_all(system);
    torc__free(system);
}

const TorcSystemOps torc__real_ops = {
    .free = torc__real_free,
    .now = torc__real_now,
    .wallTime = torc__real_wallTime,
    .random = torc__real_random,
    .wait = wait_once,
    .wake = torc__real_wake,
    .watch = torc__real_watch,
    .rewatch = rewatch,
    .unwatch = torc__real_unwatch,
    .socket = torc__real_socket,
    .bind = torc__real_bind,
    .listen = torc__real_listen,
    .accept = torc__real_accept,
    .connect = torc__real_connect,
    .recv = torc__real_recv,
    .send = torc__real_send,
    .sendv = torc__real_sendv,
    .recvfrom = torc__real_recvfrom,
    .sendto = torc__real_sendto,
    .sendDescriptor = torc__real_sendDescriptor,
    .recvDescriptors = torc__real_recvDescriptors,
    .shutdown = torc__real_shutdown,
    .close = torc__real_close,
    .getsockname = torc__real_getsockname,
    .getpeername = torc__real_getpeername,
    .getsockopt = torc__real_getsockopt,
    .setsockopt = torc__real_setsockopt,
    .pipe = torc__real_pipe,
    .read = torc__real_read,
    .write = torc__real_write,
    .duplicate = torc__real_duplicate,
    .setBlocking = torc__real_setBlocking,
    .open = torc__real_open,
    .unlink = torc__real_unlink,
    .chmod = torc__real_chmod,
    .stat = torc__real_stat,
    .statDescriptor = torc__real_statDescriptor,
    .lock = torc__real_lock,
    .pread = torc__real_pread,
    .sendfile = torc__real_sendfile,
    .openSpare = torc__real_openSpare,
    .submit = torc__real_submit,
    .setPoolSize = torc__real_setPoolSize,
    .jobs = torc__real_jobs,
    .poolState = torc__real_poolState,
    .endJobs = torc__real_endJobs,
    .lookup = torc__real_lookup,
    .cancelLookup = torc__real_cancelLookup,
    .servicePort = torc__real_servicePort,
    .catchSignal = torc__real_catchSignal,
    .releaseSignal = torc__real_releaseSignal,
    .afterFork = torc__real_afterFork,
    .eventBase = event_base_of,
};

static void use_base(TorcRealSystem *system, struct event_base *events)
{
    const int wanted = EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE;
    system->events = events;
    system->base.backend = event_base_get_method(events);
    system->base.edge = (event_base_get_features(events) & wanted) == wanted;
}

static int open_base(TorcRealSystem *system, const char *backend, bool portable)
{
    struct event_base *events;
    int r = torc__real_openTimer(system, portable);
    if (r < 0)
        return r;
    r = torc__real_newBase(backend, system->timer_fd < 0, &events);
    if (r < 0)
        return r;
    use_base(system, events);
    r = torc__real_startTimer(system);
    return r < 0 ? r : torc__real_openWake(system, portable);
}

static int open_all(TorcRealSystem *system, const char *backend, unsigned pool_size, bool portable)
{
    int r = open_base(system, backend, portable);
    if (r == 0)
        r = torc__real_startPool(&system->pool, pool_size ? pool_size : POOL_SIZE_DEFAULT);
    if (r < 0)
        return r;
    r = torc__real_joinForks(system);
    if (r < 0)
        torc__real_freePool(&system->pool);
    return r;
}

int torc__real_new(const char *backend, unsigned pool_size, bool portable, TorcSystem **ret_system)
{
    TorcRealSystem *system = torc__zalloc(sizeof *system);
    if (!system)
        return -ENOMEM;
    system->base.ops = &torc__real_ops;
    system->armed = INT64_MAX;
    system->wake_fd = system->wake_read = system->timer_fd = -1;

    int r = open_all(system, backend, pool_size, portable);
    if (r < 0) {
        close_all(system);
        torc__free(system);
        return r;
    }
    torc__real_ignoreSigpipe();
    *ret_system = &system->base;
    return 0;
}

int torc__system_new_real(const char *backend, unsigned pool_size, TorcSystem **ret_system)
{
    return torc__real_new(backend ? backend : torc__real_calls.backend, pool_size, false,
                          ret_system);
}
