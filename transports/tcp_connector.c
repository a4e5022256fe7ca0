/* TCP connectors: resolving, trying one address after the other, and telling the factory.
 *
 * Reactor's thread. The reactor holds a reference from connect() until the outcome was told and did
 * not lead to another connect(). Invariant: the factory is called from the end of the turn or from
 * readiness only, and for each attempt exactly once with its outcome. */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "address_internal.h"
#include "ports_internal.h"
#include "tcp.h"
#include "tcp_socket_internal.h"

/* For an address with others behind it, where no timeout was asked for. */
static const int64_t address_patience = 10 * TORC__SECOND;

enum { TIMEOUT_SECONDS = 30, HOST_NAME_MAX_LENGTH = 253 /* RFC 1035 §2.3.4, without the dots */ };

struct TorcConnector {
    TorcStreamOwner owner;
    TorcConnector *previous; /* the list of those that connect or are connected */
    TorcConnector *next;
    TorcConnector *next_due;
    TorcConnectorState state;
    bool linked;
    bool due;      /* on the list for the end of the turn */
    bool starting; /* due to start an attempt */
    bool nagle;
    uint16_t port;
    char *host;
    int64_t timeout; /* TORC__NEVER: none */
    TorcAddress bind_address;
    /* The attempt. */
    int64_t deadline; /* of the whole attempt; TORC__NEVER */
    TorcDelayedCall timeout_call;
    TorcDelayedCall share_call; /* ends the time of the address being tried */
    TorcLookup *lookup;
    TorcAddress *addresses;
    size_t address_count;
    size_t tried;
    int fd; /* of the address being tried; -1 */
    TorcWatch watch;
    TorcReason *failure; /* to be told */
    /* The connection. */
    TorcStream *stream; /* NULL while buildProtocol runs */
    bool unwanted;      /* disconnect was called meanwhile */
};

static TorcReactor *connector_reactor(const TorcConnector *connector)
{
    return connector->owner.streams->reactor;
}

static TorcSystem *connector_system(const TorcConnector *connector)
{
    return connector_reactor(connector)->system;
}

static const TorcClientFactoryClass *client_class(const TorcConnector *connector)
{
    return (const TorcClientFactoryClass *)connector->owner.factory->cls;
}

static TorcClientFactory *client_factory(const TorcConnector *connector)
{
    return (TorcClientFactory *)connector->owner.factory;
}

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

static void close_attempt(TorcConnector *connector)
{
    TorcSystem *system = connector_system(connector);

    (void)TorcDelayedCall_cancel(connector->share_call);
    if (connector->fd < 0)
        return;
    system->ops->unwatch(system, &connector->watch);
    (void)system->ops->close(system, connector->fd); /* nothing left to tell */
    connector->fd = -1;
}

/* Everything that belongs to the attempt goes, whatever its outcome. */
static void end_attempt(TorcConnector *connector)
{
    TorcSystem *system = connector_system(connector);

    (void)TorcDelayedCall_cancel(connector->timeout_call);
    if (connector->lookup)
        system->ops->cancelLookup(system, connector->lookup);
    connector->lookup = NULL;
    close_attempt(connector);
    torc__free(connector->addresses);
    connector->addresses = NULL;
    connector->address_count = connector->tried = 0;
    connector->starting = false;
}

/* The attempt is over; the factory is told at the end of the turn. Takes the reference. */
static void fail(TorcConnector *connector, TorcReason *reason)
{
    end_attempt(connector);
    if (connector->failure)
        TorcReason_unref(reason);
    else
        connector->failure = reason;
    make_due(connector);
}

/* The last word on an attempt or a connection was told: unless that led to another connect(), the
 * factory and the reactor let go. */
static void settle(TorcConnector *connector)
{
    if (connector->state != TORC_CONNECTOR_DISCONNECTED)
        return;
    TorcFactory_doStop(connector->owner.factory);
    unlink_connector(connector);
}

static void tell_failure(TorcConnector *connector)
{
    TorcReason *reason = connector->failure;

    connector->failure = NULL;
    connector->state = TORC_CONNECTOR_DISCONNECTED;
    if (client_class(connector)->clientConnectionFailed)
        client_class(connector)->clientConnectionFailed(client_factory(connector), connector,
                                                        reason);
    TorcReason_unref(reason);
    settle(connector);
}

static void tell_lost(TorcConnector *connector, const TorcReason *reason)
{
    connector->stream = NULL;
    connector->state = TORC_CONNECTOR_DISCONNECTED;
    if (client_class(connector)->clientConnectionLost)
        client_class(connector)->clientConnectionLost(client_factory(connector), connector, reason);
    settle(connector);
}

/* ---- trying addresses ---------------------------------------------------------------------- */

static TorcReasonKind kind_of(int code)
{
    switch (code) {
    case -ECONNREFUSED: return TORC_CONNECTION_REFUSED;
    case -ETIMEDOUT: return TORC_CONNECTION_TIMED_OUT;
    default: return TORC_CONNECTION_FAILED;
    }
}

static TorcReason *attempt_reason(const TorcConnector *connector, int code)
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress_format(&connector->addresses[connector->tried - 1], text, sizeof(text));
    if (connector->address_count == 1)
        return TorcReason_new(kind_of(code), code, "cannot connect to %s: %s", text,
                              torc_strerror(code));
    return TorcReason_new(kind_of(code), code,
                          "cannot connect to %s, the last of %zu addresses: %s", text,
                          connector->address_count, torc_strerror(code));
}

static void opened(TorcConnector *connector)
{
    int fd = connector->fd;
    TorcAddress peer = connector->addresses[connector->tried - 1];

    connector->fd = -1;
    connector_system(connector)->ops->unwatch(connector_system(connector), &connector->watch);
    end_attempt(connector);
    connector->state = TORC_CONNECTOR_CONNECTED;
    connector->unwanted = false;
    int r = torc__stream_open(&connector->owner, fd, &peer);
    if (r == -TORC_EREFUSED) {
        tell_lost(connector, TorcReason_static(TORC_CONNECTION_NO_PROTOCOL));
    } else if (r < 0) {
        connector->state = TORC_CONNECTOR_CONNECTING;
        fail(connector, TorcReason_new(TORC_CONNECTION_NO_PROTOCOL, r, NULL));
    }
}

/* A client port equal to the port it connects to on the same host connects to itself (a
 * simultaneous open, RFC 9293 §3.5). Nobody listens there. */
static bool connected_to_itself(const TorcConnector *connector)
{
    TorcAddress own;
    TorcAddress peer;

    torc__socket_name(connector_system(connector), connector->fd, &own);
    torc__socket_peer(connector_system(connector), connector->fd, &peer);
    return own.family != TORC_ADDRESS_NONE && TorcAddress_equal(&own, &peer);
}

static void try_next(TorcConnector *connector, int code);

static void attempt_ready(int fd, short ready, void *arg)
{
    TorcConnector *connector = arg;
    TorcSystem *system = connector_system(connector);
    int error = 0;
    socklen_t length = sizeof(error);

    (void)ready;
    int r = system->ops->getsockopt(system, fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (r == 0 && error == 0 && connected_to_itself(connector))
        error = ECONNREFUSED;
    if (r == 0 && error == 0)
        opened(connector);
    else
        try_next(connector, r < 0 ? r : -error);
}

static int bind_attempt(TorcConnector *connector)
{
    const TorcAddress *address = &connector->bind_address;

    if (address->family == TORC_ADDRESS_NONE)
        return 0;
    int r =
        torc__socket_set(connector_system(connector), connector->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    return r < 0 ? r : torc__socket_bind(connector_system(connector), connector->fd, address);
}

/* 0: the connection is under way, and readiness tells how it went. An immediate success shows as
 * readiness too. */
static int try_address(TorcConnector *connector, const TorcAddress *address)
{
    TorcSystem *system = connector_system(connector);
    int r = connector->fd = torc__tcp_socket(system, address);

    if (r >= 0)
        r = bind_attempt(connector);
    if (r == 0 && !connector->nagle)
        r = torc__socket_set(system, connector->fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (r == 0)
        r = torc__socket_connect(system, connector->fd, address);
    if (r < 0 && r != -EINPROGRESS && r != -EINTR)
        return r;
    return system->ops->watch(system, &connector->watch, connector->fd, TORC_WRITABLE,
                              attempt_ready, connector);
}

static void address_expired(void *arg)
{
    try_next(arg, -ETIMEDOUT);
}

/* An address that does not answer must leave time for those behind it: each has an equal share of
 * what is left, the last all of it. */
static int limit_address(TorcConnector *connector)
{
    TorcReactor *reactor = connector_reactor(connector);
    size_t behind = connector->address_count - connector->tried;
    int64_t share = address_patience;

    if (behind == 0)
        return 0;
    if (connector->deadline != TORC__NEVER)
        share = (connector->deadline - torc__now(reactor)) / (int64_t)(behind + 1);
    return torc__callLater(reactor, share > 0 ? share : 0, address_expired, connector, NULL, NULL,
                           &connector->share_call);
}

/* Goes on to the next address; `code` says what the previous one came to. */
static void try_next(TorcConnector *connector, int code)
{
    while (connector->tried < connector->address_count) {
        close_attempt(connector);
        code = try_address(connector, &connector->addresses[connector->tried++]);
        if (code == 0)
            code = limit_address(connector);
        if (code == 0)
            return;
    }
    fail(connector, attempt_reason(connector, code));
}

/* ---- resolving ----------------------------------------------------------------------------- */

static int take_addresses(TorcConnector *connector, const TorcAddress *addresses, size_t count)
{
    connector->addresses = torc__malloc(count * sizeof(TorcAddress));
    if (!connector->addresses)
        return -ENOMEM;
    memcpy(connector->addresses, addresses, count * sizeof(TorcAddress));
    connector->address_count = count;
    return 0;
}

static void fail_lookup(TorcConnector *connector, int code, const char *problem)
{
    char host[256];
    torc_escape(connector->host, strlen(connector->host), host, sizeof(host));
    fail(connector, TorcReason_new(TORC_CONNECTION_DNS_LOOKUP, code, "cannot resolve \"%s\": %s",
                                   host, problem ? problem : torc_strerror(code)));
}

static void try_addresses(TorcConnector *connector, const TorcAddress *addresses, size_t count)
{
    int r = take_addresses(connector, addresses, count);
    if (r < 0)
        fail(connector, TorcReason_new(TORC_CONNECTION_FAILED, r, NULL));
    else
        try_next(connector, 0);
}

static void looked_up(void *arg, const TorcLookupResult *result)
{
    TorcConnector *connector = arg;

    connector->lookup = NULL;
    if (result->code < 0)
        fail_lookup(connector, result->code, result->problem);
    else
        try_addresses(connector, result->addresses, result->count);
}

static void resolve(TorcConnector *connector)
{
    TorcSystem *system = connector_system(connector);
    TorcAddress literal;

    if (TorcAddress_parse(connector->host, connector->port, &literal) == 0) {
        try_addresses(connector, &literal, 1);
        return;
    }
    int r = system->ops->lookup(system, connector->host, connector->port, looked_up, connector,
                                &connector->lookup);
    if (r < 0)
        fail_lookup(connector, r, NULL);
}

/* ---- an attempt ---------------------------------------------------------------------------- */

static void timed_out(void *arg)
{
    TorcConnector *connector = arg;
    char host[256];

    torc_escape(connector->host, strlen(connector->host), host, sizeof(host));
    fail(connector, TorcReason_new(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                                   "cannot connect to %s port %u within %g s", host,
                                   connector->port, (double)connector->timeout / TORC__SECOND));
}

static int64_t deadline_of(const TorcConnector *connector)
{
    int64_t now = torc__now(connector_reactor(connector));
    return connector->timeout > TORC__NEVER - now ? TORC__NEVER : now + connector->timeout;
}

/* The factory may stop the attempt from inside startedConnecting. */
static void start_attempt(TorcConnector *connector)
{
    connector->starting = false;
    if (client_class(connector)->startedConnecting)
        client_class(connector)->startedConnecting(client_factory(connector), connector);
    if (connector->failure)
        return;
    int r = 0;
    connector->deadline = deadline_of(connector);
    if (connector->timeout != TORC__NEVER)
        r = torc__callLater(connector_reactor(connector), connector->timeout, timed_out, connector,
                            NULL, NULL, &connector->timeout_call);
    if (r < 0)
        fail(connector, TorcReason_new(TORC_CONNECTION_FAILED, r, NULL));
    else
        resolve(connector);
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
            fail(connector, TorcReason_static(TORC_CONNECTION_SHUTDOWN));
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

static void connector_lost(TorcStreamOwner *owner, const TorcReason *reason)
{
    tell_lost((TorcConnector *)owner, reason);
}

static void connector_free(TorcStreamOwner *owner)
{
    TorcConnector *connector = (TorcConnector *)owner;

    TorcFactory_unref(owner->factory);
    torc__free(connector->host);
    torc__free(connector);
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
    if (torc__reactor_stopping(connector_reactor(connector)))
        return -TORC_ENOTRUNNING;
    connector->state = TORC_CONNECTOR_CONNECTING;
    connector->starting = true;
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
    fail(connector, TorcReason_static(TORC_CONNECTION_CANCELLED));
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

void TorcConnectOptions_init(TorcConnectOptions *options)
{
    if (options)
        *options = (TorcConnectOptions){.size = sizeof(TorcConnectOptions)};
}

static int read_options(const TorcConnectOptions *given, TorcConnectOptions *ret_options)
{
    TorcConnectOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.timeout));
    TORC__REQUIRE(options.bindPort == 0 || (options.bindAddress && *options.bindAddress));
    if (options.timeout == 0)
        options.timeout = TIMEOUT_SECONDS;
    *ret_options = options;
    return 0;
}

/* Fills in a new connector; what it cannot finish is freed by the caller's unref. */
static int connector_init(TorcConnector *connector, TorcStreams *streams, const char *host,
                          TorcFactory *factory, const TorcConnectOptions *options)
{
    connector->owner = (TorcStreamOwner){.streams = streams,
                                         .factory = TorcFactory_ref(factory),
                                         .references = 1,
                                         .made = connector_made,
                                         .lost = connector_lost,
                                         .free = connector_free};
    connector->fd = -1;
    connector->nagle = options->nagle;
    connector->timeout = options->timeout < 0 ? TORC__NEVER : torc__nanoseconds(options->timeout);
    connector->host = torc__strdup(host);
    if (!connector->host)
        return -ENOMEM;
    if (options->bindAddress && *options->bindAddress)
        return TorcAddress_parse(options->bindAddress, options->bindPort, &connector->bind_address);
    return 0;
}

int TorcReactor_connectTCP(TorcReactor *reactor, const char *host, int port,
                           TorcClientFactory *factory, const TorcConnectOptions *options,
                           TorcConnector **ret_connector)
{
    TORC__REQUIRE(reactor && host && *host && strlen(host) <= HOST_NAME_MAX_LENGTH);
    TORC__REQUIRE(factory && port >= 1 && port <= UINT16_MAX);
    TorcConnectOptions read;
    int r = read_options(options, &read);
    if (r < 0)
        return r;

    TorcStreams *streams = torc__streams(reactor);
    TorcConnector *connector = streams ? torc__zalloc(sizeof(TorcConnector)) : NULL;
    if (!connector)
        return -ENOMEM;
    connector->port = (uint16_t)port;
    r = connector_init(connector, streams, host, &factory->base, &read);
    if (r == 0)
        r = TorcConnector_connect(connector);
    torc__streamOwner_unref(&connector->owner); /* the reactor has its own, if it connects */
    if (r == 0 && ret_connector)
        *ret_connector = connector;
    return r;
}
