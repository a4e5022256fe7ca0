/* TCP connectors: resolving, and trying one address after the other. The rest is connector.c.
 *
 * Reactor's thread. Invariant: what belongs to the attempt (look-up, addresses, socket, timer of the
 * address) is there only while one is under way. */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "../reactor/resolver.h"
#include "ports_internal.h"
#include "socket_internal.h"
#include "tcp.h"

/* For an address with others behind it, where no timeout was asked for. */
static const int64_t address_patience = 10 * TORC__SECOND;

enum { HOST_NAME_MAX_LENGTH = 253 /* RFC 1035 §2.3.4, without the dots */ };

typedef struct TcpConnector {
    TorcConnector base;
    bool nagle;
    TorcAddress bind_address; /* family NONE: the system chooses */
    /* The attempt. */
    TorcDelayedCall share_call; /* ends the time of the address being tried */
    TorcDeferred *lookup;
    TorcAddress *addresses;
    size_t address_count;
    size_t tried;
    int fd; /* of the address being tried; -1 */
    TorcWatch watch;
} TcpConnector;

static TorcReactor *connector_reactor(const TcpConnector *connector)
{
    return torc__connector_reactor(&connector->base);
}

static TorcSystem *connector_system(const TcpConnector *connector)
{
    return torc__connector_system(&connector->base);
}

/* ---- trying addresses ---------------------------------------------------------------------- */

static void close_attempt(TcpConnector *connector)
{
    TorcSystem *system = connector_system(connector);

    (void)TorcDelayedCall_cancel(connector->share_call);
    if (connector->fd < 0)
        return;
    system->ops->unwatch(system, &connector->watch);
    (void)system->ops->close(system, connector->fd); /* nothing left to tell */
    connector->fd = -1;
}

static TorcReason *attempt_reason(const TcpConnector *connector, int code)
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress_format(&connector->addresses[connector->tried - 1], text, sizeof(text));
    if (connector->address_count == 1)
        return TorcReason_new(torc__connector_reasonKind(code), code, "cannot connect to %s: %s",
                              text, torc_strerror(code));
    return TorcReason_new(torc__connector_reasonKind(code), code,
                          "cannot connect to %s, the last of %zu addresses: %s", text,
                          connector->address_count, torc_strerror(code));
}

static void opened(TcpConnector *connector)
{
    TorcSystem *system = connector_system(connector);
    int fd = connector->fd;
    TorcAddress peer = connector->addresses[connector->tried - 1];

    connector->fd = -1;
    system->ops->unwatch(system, &connector->watch);
    torc__connector_opened(&connector->base, fd, &peer);
}

/* A client port equal to the port it connects to on the same host connects to itself (a
 * simultaneous open, RFC 9293 §3.5). Nobody listens there. With another port, as nearly always, the
 * peer's name need not be asked for. */
static bool connected_to_itself(const TcpConnector *connector)
{
    TorcAddress own;
    TorcAddress peer;

    torc__socket_name(connector_system(connector), connector->fd, &own);
    if (own.port != connector->addresses[connector->tried - 1].port)
        return false;
    torc__socket_peer(connector_system(connector), connector->fd, &peer);
    return own.family != TORC_ADDRESS_NONE && TorcAddress_equal(&own, &peer);
}

static void try_next(TcpConnector *connector, int code);

static void attempt_ready(int fd, short ready, void *arg)
{
    TcpConnector *connector = arg;
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

static int bind_attempt(TcpConnector *connector)
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
static int try_address(TcpConnector *connector, const TorcAddress *address)
{
    TorcSystem *system = connector_system(connector);
    int r = connector->fd = torc__socket_new(system, address);

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
static int limit_address(TcpConnector *connector)
{
    TorcReactor *reactor = connector_reactor(connector);
    size_t behind = connector->address_count - connector->tried;
    int64_t share = address_patience;

    if (behind == 0)
        return 0;
    if (connector->base.deadline != TORC__NEVER)
        share = (connector->base.deadline - torc__now(reactor)) / (int64_t)(behind + 1);
    return torc__ownCallLater(reactor, share > 0 ? share : 0, "time for an address",
                              address_expired, connector, &connector->share_call);
}

/* Goes on to the next address; `code` says what the previous one came to. */
static void try_next(TcpConnector *connector, int code)
{
    while (connector->tried < connector->address_count) {
        close_attempt(connector);
        code = try_address(connector, &connector->addresses[connector->tried++]);
        if (code == 0)
            code = limit_address(connector);
        if (code == 0)
            return;
    }
    torc__connector_fail(&connector->base, attempt_reason(connector, code));
}

/* ---- resolving ----------------------------------------------------------------------------- */

static int take_addresses(TcpConnector *connector, const TorcAddress *addresses, size_t count)
{
    connector->addresses = torc__malloc(count * sizeof(TorcAddress));
    if (!connector->addresses)
        return -ENOMEM;
    memcpy(connector->addresses, addresses, count * sizeof(TorcAddress));
    connector->address_count = count;
    return 0;
}

static void try_addresses(TcpConnector *connector, const TorcAddress *addresses, size_t count)
{
    int r = take_addresses(connector, addresses, count);
    if (r < 0)
        torc__connector_fail(&connector->base, TorcReason_new(TORC_CONNECTION_FAILED, r, NULL));
    else
        try_next(connector, 0);
}

static void refuse_lookup(TcpConnector *connector, int code)
{
    char host[256];
    torc_escape(connector->base.host, strlen(connector->base.host), host, sizeof(host));
    torc__connector_fail(&connector->base,
                         TorcReason_new(TORC_CONNECTION_DNS_LOOKUP, code,
                                        "cannot resolve \"%s\": %s", host, torc_strerror(code)));
}

/* What is no connection's reason, as when memory was short, becomes one. */
static void fail_lookup(TcpConnector *connector, const TorcReason *reason)
{
    TorcReasonKind kind = TorcReason_kind(reason);
    int code = TorcReason_code(reason);
    if (kind == TORC_CONNECTION_DNS_LOOKUP || kind == TORC_CONNECTION_SHUTDOWN)
        torc__connector_fail(&connector->base, TorcReason_ref(reason));
    else
        refuse_lookup(connector, code ? code : -TORC_ELOOKUP);
}

/* The end of the attempt releases the look-up too, but may come before this is called. */
static void resolved(TorcResult *result, void *arg)
{
    TcpConnector *connector = arg;
    TorcDeferred *lookup = connector->lookup;

    if (!lookup)
        return;
    connector->lookup = NULL;
    if (result->reason) {
        fail_lookup(connector, result->reason);
    } else {
        const TorcAddressList *list = result->value;
        try_addresses(connector, list->addresses, list->count);
    }
    TorcDeferred_release(lookup);
}

/* The timeout is that of the whole attempt. */
static void resolve(TcpConnector *connector)
{
    TorcAddress literal;

    if (TorcAddress_parse(connector->base.host, connector->base.port, &literal) == 0) {
        try_addresses(connector, &literal, 1);
        return;
    }
    TorcDeferred *lookup;
    int r = TorcReactor_resolve(connector_reactor(connector), connector->base.host,
                                connector->base.port, TORC_RESOLVE_OPTIONS(.timeout = -1), &lookup);
    if (r < 0) {
        refuse_lookup(connector, r);
        return;
    }
    connector->lookup = lookup;
    (void)TorcDeferred_addBoth(lookup, resolved, connector); /* called in any case */
}

/* ---- as a kind of connector ---------------------------------------------------------------- */

static void tcp_start(TorcConnector *connector)
{
    resolve((TcpConnector *)connector);
}

static void tcp_end(TorcConnector *base)
{
    TcpConnector *connector = (TcpConnector *)base;
    TorcDeferred *lookup = connector->lookup;

    connector->lookup = NULL; /* what comes of it now, `resolved` lets pass */
    TorcDeferred_release(lookup);
    close_attempt(connector);
    torc__free(connector->addresses);
    connector->addresses = NULL;
    connector->address_count = connector->tried = 0;
}

static void tcp_describe(const TorcConnector *connector, char *text, size_t size)
{
    char host[256];
    torc_escape(connector->host, strlen(connector->host), host, sizeof(host));
    snprintf(text, size, "%s port %u", host, connector->port);
}

static const TorcConnectorKind tcp_kind = {
    .start = tcp_start,
    .end = tcp_end,
    .describe = tcp_describe,
};

/* ---- the public functions ------------------------------------------------------------------ */

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
    *ret_options = options;
    return 0;
}

static int bind_address(const TorcConnectOptions *options, TorcAddress *ret_address)
{
    *ret_address = (TorcAddress){0};
    if (!options->bindAddress || !*options->bindAddress)
        return 0;
    return TorcAddress_parse(options->bindAddress, options->bindPort, ret_address);
}

int TorcReactor_connectTCP(TorcReactor *reactor, const char *host, int port,
                           TorcClientFactory *factory, const TorcConnectOptions *options,
                           TorcConnector **ret_connector)
{
    TORC__REQUIRE(reactor && host && *host && strlen(host) <= HOST_NAME_MAX_LENGTH);
    TORC__REQUIRE(factory && port >= 1 && port <= UINT16_MAX);
    TorcConnectOptions read;
    TorcAddress from;
    int r = read_options(options, &read);
    if (r == 0)
        r = bind_address(&read, &from);
    if (r < 0)
        return r;

    TorcStreams *streams = torc__streams(reactor);
    TcpConnector *connector = streams ? (TcpConnector *)torc__connector_new(
                                            streams, sizeof(TcpConnector), &tcp_kind,
                                            &factory->base, host, (uint16_t)port, read.timeout)
                                      : NULL;
    if (!connector)
        return -ENOMEM;
    connector->fd = -1;
    connector->nagle = read.nagle;
    connector->bind_address = from;
    return torc__connector_begin(&connector->base, ret_connector);
}
