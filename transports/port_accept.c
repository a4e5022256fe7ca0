/* Accepting: in bounded batches, within a limit, and living without descriptors.
 *
 * Reactor's thread. Running out of descriptors must not spin: the listening socket stays readable, so
 * the port uses its spare descriptor to refuse those who wait (they see a close instead of silence)
 * and then looks away for a while. Invariant: the socket is watched exactly while somebody who comes
 * is to be taken off the kernel's queue; torc__port_watch makes it so after each change, and where it
 * cannot, a delayed call tries again. */
#include <errno.h>
#include <string.h>

#include "address_internal.h"
#include "ports_internal.h"

/* One readiness serves so many connections before others have their turn. */
enum { ACCEPT_BATCH = 64 };

static const int64_t back_off_shortest = TORC__SECOND / 100;
static const int64_t back_off_longest = TORC__SECOND;

/* ---- watching ------------------------------------------------------------------------------ */

static bool is_full(const TorcPort *port)
{
    return port->most > 0 && port->connections >= port->most;
}

static bool wants_more(const TorcPort *port)
{
    return port->listening && !port->paused && (port->refuse_excess || !is_full(port));
}

static void port_ready(int fd, short ready, void *arg);

int torc__port_watch(TorcPort *port)
{
    bool wanted = wants_more(port) && !TorcDelayedCall_active(port->back_off_call);
    if (wanted == port->watched)
        return 0;
    TorcSystem *system = torc__port_system(port);
    int r = 0;
    if (wanted)
        r = system->ops->watch(system, &port->watch, port->fd, TORC_READABLE, port_ready, port);
    else
        system->ops->unwatch(system, &port->watch);
    port->watched = wanted && r == 0;
    return r;
}

static bool back_off(TorcPort *port);

static void log_problem(const TorcPort *port, TorcLogLevel level, const char *event, int code)
{
    const char *text = torc_strerror(code);
    TORC__LOG(torc__port_reactor(port), level, event, torc__port_name(port),
              TORC_LOG_NUMBER("errno", -code), TORC_LOG_BYTES("problem", text, strlen(text)));
}

/* A port that would be deaf for ever is closed instead, so that clients see it and the log says
 * it. */
static void lose_port(TorcPort *port, int code)
{
    log_problem(port, TORC_LOG_ERROR, "port.lost", code);
    torc__port_stop(port);
}

/* It can be neither watched nor tried again later: that is deaf. */
static void watch_or_else(TorcPort *port)
{
    int r = torc__port_watch(port);
    if (r < 0 && !back_off(port))
        lose_port(port, r);
}

static void accept_again(void *arg)
{
    TorcPort *port = arg;

    if (port->spare < 0) /* somebody else had it */
        port->spare = torc__port_system(port)->ops->openSpare(torc__port_system(port));
    watch_or_else(port);
}

/* Accepting goes on after a time that doubles while nothing gets better. False when not even a
 * timer can be had; then the watch stays as it is. One batch may have two reasons for it: the end of
 * a connection that could not bring the watch back, and then an accept that fails. */
static bool back_off(TorcPort *port)
{
    if (TorcDelayedCall_active(port->back_off_call))
        return true;
    port->back_off = port->back_off ? port->back_off * 2 : back_off_shortest;
    if (port->back_off > back_off_longest)
        port->back_off = back_off_longest;
    if (torc__ownCallLater(torc__port_reactor(port), port->back_off, "back-off of accept",
                           accept_again, port, &port->back_off_call) < 0)
        return false;
    (void)torc__port_watch(port); /* no more */
    return true;
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void count_refused(TorcPort *port)
{
    port->counters.connectionsRefused++;
    torc__port_reactor(port)->counters.connectionsRefused++;
}

/* Refuses those who wait by means of the spare descriptor. */
static void shed(TorcPort *port)
{
    TorcSystem *system = torc__port_system(port);

    if (port->spare < 0)
        return;
    (void)system->ops->close(system, port->spare);
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = system->ops->accept(system, port->fd, NULL, NULL);
        if (fd < 0)
            break;
        (void)system->ops->close(system, fd);
        count_refused(port);
    }
    port->spare = system->ops->openSpare(system);
}

/* The descriptor is no listening socket any more, and will not become one: a process that shares it
 * has shut it down (EINVAL), or code of this one has closed a number that was not its own. */
static bool is_final(int code)
{
    return code == -EINVAL || code == -EBADF || code == -ENOTSOCK;
}

/* True: go on with the batch. Linux passes errors of the connection that was waiting through
 * accept; they concern nobody else (accept(2)). */
static bool accept_failed(TorcPort *port, int code)
{
    switch (code) {
    case -EAGAIN: return false;
    case -ECONNABORTED:
    case -EPERM:
    case -EPROTO:
    case -ENOPROTOOPT:
    case -ENETDOWN:
    case -ENETUNREACH:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case -ENONET:
    case -EOPNOTSUPP:
    case -ETIMEDOUT: return true;
    case -EMFILE:
    case -ENFILE: shed(port); break;
    default: break;
    }
    port->counters.acceptErrors++;
    torc__port_reactor(port)->counters.acceptErrors++;
    if (is_final(code)) {
        lose_port(port, code);
        return false;
    }
    log_problem(port, TORC_LOG_WARNING, "port.accept-failed", code);
    (void)back_off(port); /* without a timer it is tried again at once */
    return false;
}

/* ---- connections --------------------------------------------------------------------------- */

/* Not each time while connections come and go at the limit. */
static void log_full(TorcPort *port)
{
    if (port->told_full)
        return;
    port->told_full = true;
    TORC__LOG(torc__port_reactor(port), TORC_LOG_WARNING, "port.full", torc__port_name(port),
              TORC_LOG_NUMBER("connections", port->connections));
}

/* Counted before the protocol is built, for buildProtocol may ask, or begin to drain the port. */
static void count(TorcPort *port)
{
    port->connections++;
    port->counters.connectionsAccepted++;
    torc__port_reactor(port)->counters.connectionsAccepted++;
    if (!is_full(port))
        return;
    log_full(port);
    watch_or_else(port);
}

void torc__port_uncount(TorcPort *port)
{
    bool was_full = is_full(port);

    port->connections--;
    if (port->connections <= port->most / 2)
        port->told_full = false;
    if (was_full)
        watch_or_else(port);
    if (port->draining && port->connections == 0)
        torc__port_drained(port);
}

static void log_failure(TorcPort *port, int code)
{
    const char *text = torc_strerror(code);
    TORC__LOG(torc__port_reactor(port), TORC_LOG_WARNING, "port.connection-failed",
              torc__port_name(port), TORC_LOG_BYTES("problem", text, strlen(text)));
}

static void connection_failed(TorcPort *port, int code)
{
    if (code != -TORC_EREFUSED)
        log_failure(port, code);
    count_refused(port);
    torc__port_uncount(port);
}

static void begin_connection(TorcPort *port, int fd, const TorcAddress *peer)
{
    count(port);
    int r = torc__stream_open(&port->owner, fd, peer);
    if (r < 0)
        connection_failed(port, r);
    else if (port->draining && port->overdue)
        torc__port_endConnections(port); /* since it was being built */
}

static void accepted(TorcPort *port, int fd, const struct sockaddr *name, socklen_t length)
{
    TorcAddress peer;

    port->back_off = 0;
    if (is_full(port)) {
        (void)torc__port_system(port)->ops->close(torc__port_system(port), fd);
        count_refused(port);
        return;
    }
    torc__address_fromSockaddr(name, length, &peer);
    begin_connection(port, fd, &peer);
}

/* One of several processes that accept from the same socket often comes too late, but not always:
 * see stream_park.c. */
static void ready_for_nothing(TorcPort *port)
{
    TorcReactor *reactor = torc__port_reactor(port);

    if (!torc__spurious_count(&port->spurious, &port->spurious_second, torc__now(reactor)))
        return;
    port->spurious = 0;
    if (back_off(port))
        torc__spurious_report(reactor, port->fd, port->owner.factory->cls->name, "readable",
                              port->back_off);
}

/* A callback may stop the port; the reactor's reference then lasts until the end of the turn. */
static void port_ready(int fd, short ready, void *arg)
{
    TorcPort *port = arg;
    TorcSystem *system = torc__port_system(port);
    bool more = true;
    bool spurious = true;

    (void)fd;
    (void)ready;
    for (int i = 0; i < ACCEPT_BATCH && more && wants_more(port); i++) {
        struct sockaddr_storage name;
        socklen_t length = sizeof(name);
        int r = system->ops->accept(system, port->fd, (struct sockaddr *)&name, &length);
        spurious &= r == -EAGAIN;
        if (r >= 0)
            accepted(port, r, (struct sockaddr *)&name, length);
        else
            more = accept_failed(port, r);
    }
    if (spurious)
        ready_for_nothing(port);
    else
        port->spurious = 0;
}

/* ---- the public functions ------------------------------------------------------------------ */

unsigned TorcPort_connections(const TorcPort *port)
{
    return port ? port->connections : 0;
}

int TorcPort_setMaxConnections(TorcPort *port, unsigned most)
{
    TORC__REQUIRE(port);
    port->most = most;
    watch_or_else(port);
    return 0;
}

unsigned TorcPort_maxConnections(const TorcPort *port)
{
    return port ? port->most : 0;
}

int TorcPort_setRefuseExcess(TorcPort *port, bool refuse)
{
    TORC__REQUIRE(port);
    port->refuse_excess = refuse;
    watch_or_else(port);
    return 0;
}

int TorcPort_pauseAccepting(TorcPort *port)
{
    TORC__REQUIRE(port);
    port->paused = true;
    watch_or_else(port);
    return 0;
}

int TorcPort_resumeAccepting(TorcPort *port)
{
    TORC__REQUIRE(port);
    port->paused = false;
    watch_or_else(port);
    return 0;
}

bool TorcPort_accepting(const TorcPort *port)
{
    return port && port->watched && !is_full(port);
}
