/* What ends a wait of the real system besides sockets: wake, and the timer.
 *
 * Wake is one write to an eventfd (a pipe where there is none), from any thread or signal handler;
 * the reactor's thread then delivers signals and look-ups. The timer is a timerfd with an absolute
 * deadline, registered as edge-triggered: setting it clears an expiry, so it is never read, and
 * never early, and libevent's coarse clock and stale cache of the time play no part. Without
 * timerfd a timer of libevent does the work, less exactly.
 *
 * Invariant: `armed` is the time the timer is set to, or INT64_MAX once its expiry has been seen. An
 * expiry that was not seen yet ends the next wait, so whoever wants to wait for a time not before
 * `armed` need do nothing. */
#include "system_real_internal.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#endif

enum { NANOSECONDS_PER_MICROSECOND = 1000 };
static const int64_t nanoseconds_per_second = 1000000000;

/* ---- what Linux has and others may lack ---------------------------------------------------- */

#ifdef __linux__
static int open_eventfd(void)
{
    return torc__real_moveUp(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

static int open_timerfd(void)
{
    return torc__real_moveUp(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
}

static int set_timerfd(int fd, int64_t deadline)
{
    const struct itimerspec value = {
        .it_value.tv_sec = deadline / nanoseconds_per_second,
        .it_value.tv_nsec = deadline % nanoseconds_per_second,
    };
    return timerfd_settime(fd, TFD_TIMER_ABSTIME, &value, NULL) < 0 ? -errno : 0;
}
#else
static int open_eventfd(void)
{
    return -ENOSYS;
}

static int open_timerfd(void)
{
    return -ENOSYS;
}

static int set_timerfd(int fd, int64_t deadline)
{
    (void)fd;
    (void)deadline;
    return -ENOSYS;
}
#endif

/* One read suffices: if it leaves something, a level-triggered watch reports it again. */
static void drain(int fd)
{
    char buffer[512];
    (void)!read(fd, buffer, sizeof buffer);
}

/* ---- wake ---------------------------------------------------------------------------------- */

void torc__real_wakeDescriptor(int fd)
{
    int saved = errno;
    const uint64_t one = 1;
    /* A full pipe or counter (EAGAIN) is fine: then the reader has something to see already. */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void torc__real_wake(TorcSystem *system)
{
    torc__real_wakeDescriptor(torc__real(system)->wake_fd);
}

static void woken(int fd, short ready, void *arg)
{
    (void)ready;
    TorcRealSystem *system = arg;
    if (system->drain_wake)
        drain(fd);
    torc__real_deliverSignals(system);
    torc__real_deliverLookups(system);
}

static int open_wake_descriptors(bool portable, int ret_ends[2])
{
    int fd = portable ? -ENOSYS : open_eventfd();
    if (fd == -ENOSYS)
        return torc__real_pipe(NULL, ret_ends);
    if (fd < 0)
        return fd;
    ret_ends[0] = ret_ends[1] = fd;
    return 0;
}

int torc__real_openWake(TorcRealSystem *system, bool portable)
{
    int ends[2] = {-1, -1};
    int r = open_wake_descriptors(portable, ends);
    if (r < 0)
        return r;
    system->wake_read = ends[0];
    system->wake_fd = ends[1];
    /* An eventfd reports an edge at each write and has room for 2^64 of them, so with edges it is
     * never read. A pipe fills up. */
    bool edge = system->base.edge && ends[0] == ends[1];
    system->drain_wake = !edge;
    return torc__real_watch(&system->base, &system->wake_watch, ends[0],
                            edge ? TORC_READABLE | TORC_EDGE : TORC_READABLE, woken, system);
}

void torc__real_closeWake(TorcRealSystem *system)
{
    torc__real_unwatch(&system->base, &system->wake_watch);
    if (system->wake_fd >= 0)
        (void)close(system->wake_fd);
    if (system->wake_read != system->wake_fd)
        (void)close(system->wake_read);
}

/* ---- the timer ----------------------------------------------------------------------------- */

static void timer_expired(int fd, short ready, void *arg)
{
    (void)ready;
    TorcRealSystem *system = arg;
    system->armed = INT64_MAX;
    if (fd >= 0 && !system->base.edge)
        drain(fd);
}

int torc__real_openTimer(TorcRealSystem *system, bool portable)
{
    int fd = portable ? -ENOSYS : open_timerfd();
    if (fd < 0 && fd != -ENOSYS)
        return fd;
    system->timer_fd = fd < 0 ? -1 : fd;
    return 0;
}

int torc__real_startTimer(TorcRealSystem *system)
{
    if (system->timer_fd >= 0)
        return torc__real_watch(&system->base, &system->timer_watch, system->timer_fd,
                                system->base.edge ? TORC_READABLE | TORC_EDGE : TORC_READABLE,
                                timer_expired, system);
    struct event *event = (struct event *)&system->timer_watch;
    return event_assign(event, system->events, -1, 0, timer_expired, system) < 0 ? -EINVAL : 0;
}

void torc__real_closeTimer(TorcRealSystem *system)
{
    torc__real_unwatch(&system->base, &system->timer_watch);
    if (system->timer_fd >= 0)
        (void)close(system->timer_fd);
}

/* libevent takes microseconds from now on; rounded up, as a timer must not be early. */
static int set_libevent_timer(TorcRealSystem *system, int64_t deadline)
{
    int64_t delay = deadline - torc__real_now(&system->base);
    int64_t left = delay <= 0 ? 0 : delay % nanoseconds_per_second;
    struct timeval value = {
        .tv_sec = delay <= 0 ? 0 : delay / nanoseconds_per_second,
        .tv_usec = (left + NANOSECONDS_PER_MICROSECOND - 1) / NANOSECONDS_PER_MICROSECOND,
    };
    if (value.tv_usec == 1000000) {
        value.tv_sec++;
        value.tv_usec = 0;
    }
    return event_add((struct event *)&system->timer_watch, &value) < 0 ? -ENOMEM : 0;
}

int torc__real_setTimer(TorcRealSystem *system, int64_t deadline)
{
    assert(deadline > 0 && deadline < system->armed);
    int r = system->timer_fd >= 0 ? set_timerfd(system->timer_fd, deadline)
                                  : set_libevent_timer(system, deadline);
    if (r < 0)
        return r;
    system->armed = deadline;
    system->timer_sets++;
    return 0;
}
