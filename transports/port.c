/* Ports of all kinds: their life, from the first socket to the last reference.
 *
 * Reactor's thread. The reactor holds a reference while the port listens, until the end of the turn
 * in which it stopped, and while it drains; each of its connections holds another. What comes in
 * through the socket is port_accept.c. */
#include <errno.h>
#include <string.h>

#include "ports_internal.h"

static void close_fd(TorcPort *port, int *fd)
{
    if (*fd >= 0)
        (void)torc__port_system(port)->ops->close(torc__port_system(port), *fd);
    *fd = -1;
}

/* ---- listening ----------------------------------------------------------------------------- */

static void close_port(TorcPort *port)
{
    if (port->kind->close)
        port->kind->close(port);
    close_fd(port, &port->fd);
}

static int open_port(TorcPort *port)
{
    int r = port->kind->open(port);
    if (r < 0)
        return r;
    port->fd = r;
    port->listening = true;
    r = torc__port_watch(port);
    if (r < 0) {
        port->listening = false;
        close_port(port);
    }
    return r;
}

static void link_port(TorcPort *port)
{
    TorcStreams *streams = port->owner.streams;

    port->previous = NULL;
    port->next = streams->ports;
    if (port->next)
        port->next->previous = port;
    streams->ports = port;
}

static void unlink_port(TorcPort *port)
{
    if (port->previous)
        port->previous->next = port->next;
    else
        port->owner.streams->ports = port->next;
    if (port->next)
        port->next->previous = port->previous;
}

int TorcPort_startListening(TorcPort *port)
{
    TORC__REQUIRE(port);
    if (port->listening)
        return -EALREADY;
    if (port->draining)
        return -EBUSY;
    TorcReactor *reactor = torc__port_reactor(port);
    if (!reactor || torc__reactor_stopping(reactor))
        return -TORC_ENOTRUNNING;
    int r = open_port(port);
    if (r < 0)
        return r;
    port->spare = torc__port_system(port)->ops->openSpare(torc__port_system(port)); /* or without */
    port->back_off = 0;
    port->owner.references++;
    link_port(port);
    TorcFactory_doStart(port->owner.factory);
    return 0;
}

int torc__port_begin(TorcPort *port, TorcPort **ret_port)
{
    int r = TorcPort_startListening(port);
    torc__streamOwner_unref(&port->owner);
    if (r == 0 && ret_port)
        *ret_port = port;
    return r;
}

void torc__port_letGoLater(TorcPort *port)
{
    TorcStreams *streams = port->owner.streams;

    if (port->stopped) {
        torc__streamOwner_unref(&port->owner); /* stopped twice in one turn */
        return;
    }
    port->stopped = true;
    port->next_stopped = streams->stopped_ports;
    streams->stopped_ports = port;
    streams->reactor->work_left = true;
}

void torc__port_stop(TorcPort *port)
{
    port->listening = false;
    (void)TorcDelayedCall_cancel(port->back_off_call);
    (void)torc__port_watch(port); /* no more */
    close_port(port);
    close_fd(port, &port->spare);
    unlink_port(port);
    torc__port_letGoLater(port);
    TorcFactory_doStop(port->owner.factory);
}

TorcDeferred *torc__port_wait(TorcPort *port, bool drained)
{
    TorcPortWaiter *waiter = torc__malloc(sizeof(*waiter));
    TorcDeferred *done = waiter ? TorcDeferred_new(NULL, NULL) : NULL;

    if (!done) {
        torc__free(waiter);
        return NULL;
    }
    TorcPortWaiter **link = &port->waiters;
    while (*link)
        link = &(*link)->next;
    *waiter = (TorcPortWaiter){.done = done, .drained = drained};
    *link = waiter;
    return done;
}

int TorcPort_stopListening(TorcPort *port, TorcDeferred **ret_done)
{
    TORC__REQUIRE(port);
    TorcDeferred *done = NULL;

    if (ret_done) {
        bool ended = !port->listening && !port->stopped;
        done = ended ? TorcDeferred_succeed(NULL, NULL) : torc__port_wait(port, false);
        if (!done)
            return -ENOMEM;
    }
    if (port->listening)
        torc__port_stop(port);
    if (ret_done)
        *ret_done = done;
    return 0;
}

void torc__ports_stop(TorcStreams *streams)
{
    while (streams->ports)
        torc__port_stop(streams->ports);
}

/* Takes those out who need not wait any longer, in their order. */
static TorcPortWaiter *take_waiters(TorcPort *port)
{
    TorcPortWaiter *taken = NULL;
    TorcPortWaiter **end = &taken;
    TorcPortWaiter **link = &port->waiters;

    while (*link) {
        TorcPortWaiter *waiter = *link;
        if (waiter->drained && port->draining) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        waiter->next = NULL;
        *end = waiter;
        end = &waiter->next;
    }
    return taken;
}

static void tell_waiters(TorcPort *port)
{
    TorcPortWaiter *waiters = take_waiters(port);

    while (waiters) {
        TorcPortWaiter *waiter = waiters;
        waiters = waiter->next;
        (void)TorcDeferred_callback(waiter->done, NULL, NULL);
        torc__free(waiter);
    }
}

/* The steps of the deferreds may start and stop ports: those are for the next turn. */
void torc__ports_letGo(TorcStreams *streams)
{
    TorcPort *stopped = streams->stopped_ports;

    streams->stopped_ports = NULL;
    while (stopped) {
        TorcPort *port = stopped;
        stopped = port->next_stopped;
        port->stopped = false;
        tell_waiters(port);
        torc__streamOwner_unref(&port->owner);
    }
}

const TorcPort *torc__port_next(const TorcPort *port)
{
    return port->next;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void port_made(TorcStreamOwner *owner, TorcStream *stream)
{
    (void)owner;
    (void)stream;
}

static void port_lost(TorcStreamOwner *owner, const TorcReason *reason)
{
    TorcPort *port = (TorcPort *)owner;

    torc__count_ended(port->counters.connectionsClosed, reason);
    torc__port_uncount(port);
}

static void port_free(TorcStreamOwner *owner)
{
    TorcPort *port = (TorcPort *)owner;

    assert(!port->listening && !port->stopped && !port->watched && !port->draining);
    assert(port->connections == 0 && !port->waiters && port->fd < 0 && port->spare < 0);
    (void)port; /* in release builds */
    TorcFactory_unref(owner->factory);
    torc__free(owner);
}

TorcPort *torc__port_new(TorcStreams *streams, size_t size, const TorcPortKind *kind,
                         TorcFactory *factory, const TorcAddress *address)
{
    TorcPort *port = torc__zalloc(size);
    if (!port)
        return NULL;
    port->owner = (TorcStreamOwner){.made = port_made, .lost = port_lost, .free = port_free};
    torc__streamOwner_begin(&port->owner, streams, factory);
    port->kind = kind;
    port->address = *address;
    port->fd = port->spare = -1;
    return port;
}

TorcLogField torc__port_name(const TorcPort *port)
{
    const char *path = port->address.path;

    if (port->address.family == TORC_ADDRESS_UNIX)
        return (TorcLogField)TORC_LOG_BYTES("path", path, strlen(path));
    return (TorcLogField)TORC_LOG_NUMBER("port", port->address.port);
}

void TorcPort_getHost(const TorcPort *port, TorcAddress *ret_address)
{
    if (ret_address)
        *ret_address = port ? port->address : (TorcAddress){0};
}

bool TorcPort_listening(const TorcPort *port)
{
    return port && port->listening;
}

int TorcPort_getCounters(const TorcPort *port, TorcPortCounters *ret_counters)
{
    TORC__REQUIRE(port && ret_counters);
    TorcPortCounters counters = port->counters;
    counters.connectionsOpen = port->connections;
    counters.bytesReceived = port->owner.bytes_received;
    counters.bytesSent = port->owner.bytes_sent;
    return torc__counters_copy(ret_counters, &counters, sizeof(counters));
}

TorcPort *TorcPort_ref(TorcPort *port)
{
    if (port)
        port->owner.references++;
    return port;
}

TorcPort *TorcPort_unref(TorcPort *port)
{
    if (port)
        torc__streamOwner_unref(&port->owner);
    return NULL;
}
