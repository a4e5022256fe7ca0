/* UNIX connectors: one address, and patience with a full queue. The rest is connector.c.
 *
 * Reactor's thread. The kernel answers a connect at once: with a connection, with a refusal, or with
 * EAGAIN while the server's queue is full, of whose room no readiness tells (unix(7)): so the attempt
 * is repeated after a time that doubles. Invariant: the socket and the timer of an attempt are there
 * only while one is under way. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ports_internal.h"
#include "socket_internal.h"
#include "unix.h"
#include "unix_internal.h"

static const int64_t delay_shortest = TORC__SECOND / 1000;
static const int64_t delay_longest = TORC__SECOND / 4;

typedef struct UnixConnector {
    TorcConnector base;
    TorcAddress address;
    /* The attempt. */
    int fd; /* -1 */
    int64_t delay;
    TorcDelayedCall again_call;
} UnixConnector;

static void unix_describe(const TorcConnector *connector, char *text, size_t size)
{
    char path[256];
    torc_escape(connector->host, strlen(connector->host), path, sizeof(path));
    snprintf(text, size, "unix:%s", path);
}

static void refuse(UnixConnector *connector, int code)
{
    char text[TORC__DESTINATION_SIZE];
    unix_describe(&connector->base, text, sizeof(text));
    torc__connector_fail(&connector->base,
                         TorcReason_new(torc__connector_reasonKind(code), code,
                                        "cannot connect to %s: %s", text, torc_strerror(code)));
}

static void opened(UnixConnector *connector)
{
    int fd = connector->fd;

    connector->fd = -1;
    torc__connector_opened(&connector->base, fd, &connector->address);
}

static void try_now(void *arg);

static int try_later(UnixConnector *connector)
{
    connector->delay = connector->delay ? connector->delay * 2 : delay_shortest;
    if (connector->delay > delay_longest)
        connector->delay = delay_longest;
    return torc__ownCallLater(torc__connector_reactor(&connector->base), connector->delay,
                              "connect retry", try_now, connector, &connector->again_call);
}

/* An interrupted attempt may have come to its end: then the next finds a connection. */
static int connect_socket(const UnixConnector *connector)
{
    TorcSystem *system = torc__connector_system(&connector->base);
    int r;

    do
        r = torc__socket_connect(system, connector->fd, &connector->address);
    while (r == -EINTR);
    return r == -EISCONN ? 0 : r;
}

static void try_now(void *arg)
{
    UnixConnector *connector = arg;
    int r = connect_socket(connector);

    if (r == 0) {
        opened(connector);
        return;
    }
    if (r == -EAGAIN)
        r = try_later(connector);
    if (r < 0)
        refuse(connector, r);
}

/* ---- as a kind of connector ---------------------------------------------------------------- */

static void unix_start(TorcConnector *base)
{
    UnixConnector *connector = (UnixConnector *)base;
    int r = torc__socket_new(torc__connector_system(base), &connector->address);

    if (r < 0) {
        refuse(connector, r);
        return;
    }
    connector->fd = r;
    connector->delay = 0;
    try_now(connector);
}

static void unix_end(TorcConnector *base)
{
    UnixConnector *connector = (UnixConnector *)base;
    TorcSystem *system = torc__connector_system(base);

    (void)TorcDelayedCall_cancel(connector->again_call);
    if (connector->fd >= 0)
        (void)system->ops->close(system, connector->fd); /* nothing left to tell */
    connector->fd = -1;
}

static const TorcConnectorKind unix_kind = {
    .start = unix_start,
    .end = unix_end,
    .describe = unix_describe,
};

/* ---- the public functions ------------------------------------------------------------------ */

void TorcConnectUNIXOptions_init(TorcConnectUNIXOptions *options)
{
    if (options)
        *options = (TorcConnectUNIXOptions){.size = sizeof(TorcConnectUNIXOptions)};
}

int TorcReactor_connectUNIX(TorcReactor *reactor, const char *address, TorcClientFactory *factory,
                            const TorcConnectUNIXOptions *options, TorcConnector **ret_connector)
{
    TORC__REQUIRE(reactor && address && factory);
    TorcConnectUNIXOptions read;
    TORC__REQUIRE(torc__options_read(&read, sizeof(read), options) == 0 && !isnan(read.timeout));
    TorcAddress name;
    int r = torc__unix_address(address, &name);
    if (r < 0)
        return r;

    TorcStreams *streams = torc__streams(reactor);
    if (!streams)
        return -ENOMEM;
    UnixConnector *connector = (UnixConnector *)torc__connector_new(
        streams, sizeof(UnixConnector), &unix_kind, &factory->base, address, 0, read.timeout);
    if (!connector)
        return -ENOMEM;
    connector->address = name;
    connector->fd = -1;
    return torc__connector_begin(&connector->base, ret_connector);
}
