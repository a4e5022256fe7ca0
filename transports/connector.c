/* Connectors of all kinds: states, timeouts, and telling the factory.
 *
 * Reactor's thread. The reactor holds a reference from connect() until the outcome was told and did
 * not lead to another connect(). Invariant: the factory is called from the end of the turn or from
 * readiness only, and for each attempt exactly once with its outcome. */
#include <errno.h>
#include <string.h>

#include "../factories/client_factory.h"
#include "ports_internal.h"

static const TorcClientFactoryClass *client_class(const TorcConnector *connector)
{
    return (const TorcClientFactoryClass *)connector->owner.factory->cls;
}

static TorcClientFactory *client_factory(const TorcConnector *connector)
{
    return (TorcClientFactory *)connector->owner.factory;
}

/* One of the class's own slots, under observation. */
#define CALL_FACTORY(connector, slot, ...)                                                         \
    TORC__OBSERVE(torc__connector_reactor(connector), (connector)->owner.factory->cls->name,       \
                  #slot, client_class(connector)->slot(client_factory(connector), __VA_ARGS__))

/* ---- lists --------------------------------------------------------------------------------- */

static void link_connector(TorcConnector *connector)
{
    TorcStreams *streams = connector->owner.streams;

    connector->linked = true;
    connector->owner.references++;
    connector->previous = NULL;
    connector->next = streams->connectors;
    if (connector->next)
        connector->next->previous = connector;
    streams->connectors = connector;
}

static void unlink_connector(TorcConnector *connector)
{
    if (connector->previous)
        connector->previous->next = connector->next;
    else
        connector->owner.streams->connectors = connector->next;
    if (connector->next)
        connector->next->previous = connector->previous;
    connector->linked = false;
    torc__streamOwner_unref(&connector->owner);
}

static void make_due(TorcConnector *connector)
{
    TorcStreams *streams = connector->owner.streams;

    if (connector->due)
        return;
    connector->due = true;
    connector->next_due = NULL;
    if (streams->due_last)
        streams->due_last->next_due = connector;
    else
        streams->due_first = connector;
    streams->due_last = connector;
    streams->reactor->work_left = true;
}

/* ---- the end of an attempt ----------------------------------------------------------------- */

/* Everything that belongs to the attempt goes, whatever its outcome. */
static void end_attempt(TorcConnector *connector)
{
    (void)TorcDelayedCall_cancel(connector->timeout_call);
    connector->starting = false;
    connector->kind->end(connector);
}

void torc__connector_fail(TorcConnector *connector, TorcReason *reason)
{
    end_attempt(connector);
    if (connector->failure)
        TorcReason_unref(reason);
    else
        connector->failure = reason;
    make_due(connector);
}

TorcReasonKind torc__connector_reasonKind(int code)
{
    switch (code) {
    case -ECONNREFUSED: return TORC_CONNECTION_REFUSED;
    case -ETIMEDOUT: return TORC_CONNECTION_TIMED_OUT;
    default: return TORC_CONNECTION_FAILED;
    }
}

/* The last word on an attempt or a connection was told: unless that led to another connect(), the
 * factory and the reactor let go. The reactor first: stopFactory may connect again. */
static void settle(TorcConnector *connector)
{
    if (connector->state != TORC_CONNECTOR_DISCONNECTED)
        return;
    connector->owner.references++;
    unlink_connector(connector);
    TorcFactory_doStop(connector->owner.factory);
    torc__streamOwner_unref(&connector->owner);
}

static void tell_failure(TorcConnector *connector)
{
    TorcReason *reason = connector->failure;

    connector->failure = NULL;
    connector->state = TORC_CONNECTOR_DISCONNECTED;
    torc__connector_reactor(connector)->counters.attemptsFailed++;
    if (client_class(connector)->clientConnectionFailed)
        CALL_FACTORY(connector, clientConnectionFailed, connector, reason);
    TorcReason_unref(reason);
    settle(connector);
}

static void tell_lost(TorcConnector *connector, const TorcReason *reason)
{
    connector->stream = NULL;
    connector->state = TORC_CONNECTOR_DISCONNECTED;
    if (client_class(connector)->clientConnectionLost)
        CALL_FACTORY(connector, clientConnectionLost, connector, reason);
    settle(connector);
}

void torc__connector_opened(TorcConnector *connector, int fd, const TorcAddress *peer)
{
    end_attempt(connector);
    connector->state = TORC_CONNECTOR_CONNECTED;
    connector->unwanted = false;
    int r = torc__stream_open(&connector->owner, fd, peer);
    if (r == -TORC_EREFUSED) {
        tell_lost(connector, TorcReason_static(TORC_CONNECTION_NO_PROTOCOL));
    } else if (r < 0) {
        connector->state = TORC_CONNECTOR_CONNECTING;
        torc__connector_fail(connector, TorcReason_new(TORC_CONNECTION_NO_PROTOCOL, r, NULL));
    }
}

/* ---- an attempt ---------------------------------------------------------------------------- */

static void timed_out(void *arg)
{
    TorcConnector *connector = arg;
    char text[TORC__DESTINATION_SIZE];

    connector->kind->describe(connector, text, sizeof(text));
    torc__connector_fail(connector, TorcReason_new(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                                                   "cannot connect to %s within %g s", text,
                                                   (double)connector->timeout / TORC__SECOND));
}

static int64_t deadline_of(const TorcConnector *connector)
{
    int64_t now = torc__now(torc__connector_reactor(connector));
    return connector->timeout > TORC__NEVER - now ? TORC__NEVER : now + connector->timeout;
}

/* The factory may stop the attempt from inside startedConnecting. */
static void start_attempt(TorcConnector *connector)
{
    connector->starting = false;
    if (client_class(connector)->startedConnecting)
        CALL_FACTORY(connector, startedConnecting, connector);
    if (connector->failure)
        return;
    int r = 0;
    connector->deadline = deadline_of(connector);
    if (connector->timeout != TORC__NEVER)
        r = torc__ownCallLater(torc__connector_reactor(connector), connector->timeout,
                               "connect timeout", timed_out, connector, &connector->timeout_call);
    if (r < 0)
        torc__connector_fail(connector, TorcReason_new(TORC_CONNECTION_FAILED, r, NULL));
    else
        connector->kind->start(connector);
}

static void do_due(TorcConnector *connector)
{
    connector->due = false;
    if (connector->starting)
        start_attempt(connector);
    else if (connector->failure)
        tell_failure(connector);
}

/* What becomes due meanwhile waits for the next turn, so that a factory that reconnects for ever to
 * a port that refuses does not keep the loop from its other work. */
void torc__connectors_endTurn(TorcStreams *streams)
{
    TorcConnector *connector = streams->due_first;

    streams->due_first = streams->due_last = NULL;
    while (connector) {
        TorcConnector *next = connector->next_due;
        do_due(connector);
        connector = next;
    }
}

void torc__connectors_stop(TorcStreams *streams)
{
    for (TorcConnector *connector = streams->connectors; connector; connector = connector->next)
        if (connector->state == TORC_CONNECTOR_CONNECTING && !connector->failure)
            torc__connector_fail(connector, TorcReason_static(TORC_CONNECTION_SHUTDOWN));
}

const TorcConnector *torc__connector_next(const TorcConnector *connector)
{
    return connector->next;
}

size_t torc__connectors_alive(const TorcStreams *streams)
{
    size_t alive = 0;
    for (TorcConnector *connector = streams->connectors; connector; connector = connector->next)
        alive += connector->state == TORC_CONNECTOR_CONNECTING;
    return alive;
}

/* ---- as an owner --------------------------------------------------------------------------- */

static void connector_made(TorcStreamOwner *owner, TorcStream *stream)
{
    TorcConnector *connector = (TorcConnector *)owner;

    connector->stream = stream;
    if (connector->unwanted)
        torc__stream_loseConnection(&stream->base);
}

static void connector_connected(TorcStreamOwner *owner, TorcStream *stream)
{
    TorcConnector *connector = (TorcConnector *)owner;

    if (client_class(connector)->clientConnectionMade)
        CALL_FACTORY(connector, clientConnectionMade, connector, stream->base.protocol);
}

static void connector_lost(TorcStreamOwner *owner, const TorcReason *reason)
{
    tell_lost((TorcConnector *)owner, reason);
}

static void connector_free(TorcStreamOwner *owner)
{
    TorcConnector *connector = (TorcConnector *)owner;

    assert(connector->state == TORC_CONNECTOR_DISCONNECTED && !connector->linked);
    assert(!connector->due && !connector->failure && !connector->stream);
    TorcFactory_unref(owner->factory);
    torc__free(connector->host);
    torc__free(connector);
}

TorcConnector *torc__connector_new(TorcStreams *streams, size_t size, const TorcConnectorKind *kind,
                                   TorcFactory *factory, const char *host, uint16_t port,
                                   double timeout)
{
    TorcConnector *connector = torc__zalloc(size);
    char *copy = connector ? torc__strdup(host) : NULL;
    if (!copy) {
        torc__free(connector);
        return NULL;
    }
    if (timeout == 0)
        timeout = TORC__CONNECT_TIMEOUT;
    connector->owner = (TorcStreamOwner){.made = connector_made,
                                         .connected = connector_connected,
                                         .lost = connector_lost,
                                         .free = connector_free};
    torc__streamOwner_begin(&connector->owner, streams, factory);
    connector->kind = kind;
    connector->host = copy;
    connector->port = port;
    connector->timeout = timeout < 0 ? TORC__NEVER : torc__nanoseconds(timeout);
    return connector;
}

int torc__connector_begin(TorcConnector *connector, TorcConnector **ret_connector)
{
    int r = TorcConnector_connect(connector);
    torc__streamOwner_unref(&connector->owner);
    if (r == 0 && ret_connector)
        *ret_connector = connector;
    return r;
}

/* ---- the public functions ------------------------------------------------------------------ */

TorcConnectorState TorcConnector_state(const TorcConnector *connector)
{
    return connector ? connector->state : TORC_CONNECTOR_DISCONNECTED;
}

int TorcConnector_connect(TorcConnector *connector)
{
    TORC__REQUIRE(connector);
    if (connector->state != TORC_CONNECTOR_DISCONNECTED)
        return -EISCONN;
    TorcReactor *reactor = torc__connector_reactor(connector);
    if (!reactor || torc__reactor_stopping(reactor))
        return -TORC_ENOTRUNNING;
    connector->state = TORC_CONNECTOR_CONNECTING;
    connector->starting = true;
    reactor->counters.attempts++;
    if (!connector->linked) {
        link_connector(connector);
        TorcFactory_doStart(connector->owner.factory);
    }
    make_due(connector);
    return 0;
}

int TorcConnector_stopConnecting(TorcConnector *connector)
{
    TORC__REQUIRE(connector);
    if (connector->state != TORC_CONNECTOR_CONNECTING || connector->failure)
        return -TORC_ENOTCONNECTING;
    torc__connector_fail(connector, TorcReason_static(TORC_CONNECTION_CANCELLED));
    return 0;
}

void TorcConnector_disconnect(TorcConnector *connector)
{
    if (!connector)
        return;
    if (connector->state == TORC_CONNECTOR_CONNECTING)
        (void)TorcConnector_stopConnecting(connector); /* or it has failed already */
    else if (connector->stream)
        torc__stream_loseConnection(&connector->stream->base);
    else
        connector->unwanted = true;
}

const char *TorcConnector_getDestination(const TorcConnector *connector, uint16_t *ret_port)
{
    if (!connector)
        return NULL;
    if (ret_port)
        *ret_port = connector->port;
    return connector->host;
}

TorcConnector *TorcConnector_ref(TorcConnector *connector)
{
    if (connector)
        connector->owner.references++;
    return connector;
}

TorcConnector *TorcConnector_unref(TorcConnector *connector)
{
    if (connector)
        torc__streamOwner_unref(&connector->owner);
    return NULL;
}
