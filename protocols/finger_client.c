/* The finger client's conversation: a query goes out, the answer comes in, on whatever connection
 * the factory is used for (RFC 1288).
 *
 * Reactor's thread. The factory holds the query and the limits; each protocol has a reply, which it
 * owns until connectionLost gives it to the deferred that waits. Invariant: `waiter` is set from
 * awaitReply until it is fired, in connectionLost, or cancelled; so while it is set there is a
 * transport. Time-out and limit only bring the end of the connection about. */
#include "finger_client.h"

#include <math.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "../transports/transport.h"
#include "finger_internal.h"

enum { DEFAULT_SECONDS = 30, DEFAULT_LIMIT = 1 << 20 };

typedef struct Reply {
    TorcFingerReply shown; /* first: what users see */
    TorcFingerText text;
    TorcReason *reason; /* ours as soon as there is one: truer than what the connection will say */
} Reply;

typedef struct ClientFactory {
    TorcFactory base;
    double seconds; /* negative: no limit */
    double deadline;
    size_t limit;
    size_t query_length; /* with its CR LF */
    char query[TORC_FINGER_QUERY_MAX + 2];
} ClientFactory;

typedef struct Client {
    TorcProtocol base;
    Reply *reply;         /* until connectionLost */
    TorcDeferred *waiter; /* what the reply is for; NULL: nobody waits */
    TorcDelayedCall timeout;
} Client;

static const ClientFactory *factory_of(const Client *client)
{
    return (const ClientFactory *)client->base.factory;
}

/* ---- the reply ------------------------------------------------------------------------------- */

static void reply_free(void *arg)
{
    Reply *reply = arg;
    if (!reply)
        return;
    TorcReason_unref(reply->reason);
    torc__fingerText_done(&reply->text);
    torc__free(reply);
}

void TorcFingerReply_free(TorcFingerReply *reply)
{
    reply_free(reply);
}

/* Fills in what users see. A cut is an end in order, however the connection took it. */
static void reply_finish(Reply *reply, const TorcReason *reason)
{
    bool whole = !reply->reason && TorcReason_kind(reason) == TORC_CONNECTION_DONE;
    if (!reply->reason)
        reply->reason = TorcReason_ref(reason);
    reply->shown.text = reply->text.length > 0 ? reply->text.data : "";
    reply->shown.length = reply->text.length;
    reply->shown.reason = whole || reply->shown.truncated ? NULL : reply->reason;
}

/* ---- the connection -------------------------------------------------------------------------- */

/* Takes the reference to the reason. */
static void give_up(Client *client, TorcReason *reason)
{
    TorcReason_unref(client->reply->reason);
    client->reply->reason = reason;
    TorcTransport_abortConnection(client->base.transport);
}

static void client_timedOut(void *arg)
{
    Client *client = arg;
    give_up(client, TorcReason_new(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                                   "no complete answer within %g s", factory_of(client)->seconds));
}

static int start_clock(Client *client)
{
    const ClientFactory *factory = factory_of(client);
    TorcReactor *reactor = TorcTransport_getReactor(client->base.transport);
    if (factory->seconds < 0)
        return 0;
    double left = fmax(factory->deadline - TorcReactor_seconds(reactor), 0);
    return torc__ownCallLater(reactor, torc__nanoseconds(left), "time for a finger answer",
                              client_timedOut, client, &client->timeout);
}

static void client_connectionMade(TorcProtocol *self)
{
    Client *client = (Client *)self;
    const ClientFactory *factory = factory_of(client);
    int r = start_clock(client);
    if (r < 0)
        give_up(client, TorcReason_new(TORC_CONNECTION_APPLICATION, r, NULL));
    /* A failure ends the connection, and its reason says why. */
    (void)TorcTransport_write(self->transport, factory->query, factory->query_length);
}

static void client_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Client *client = (Client *)self;
    Reply *reply = client->reply;
    size_t room = factory_of(client)->limit - reply->text.length;

    torc__fingerText_add(&reply->text, data, length < room ? length : room);
    if (reply->text.failed) {
        give_up(client, TorcReason_new(TORC_CONNECTION_APPLICATION, -ENOMEM, NULL));
    } else if (length > room) {
        reply->shown.truncated = true;
        TorcTransport_loseConnection(self->transport);
    }
}

static void client_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Client *client = (Client *)self;
    Reply *reply = client->reply;
    TorcDeferred *waiter = client->waiter;

    (void)TorcDelayedCall_cancel(client->timeout); /* there may be none, or it was made */
    client->reply = NULL;
    client->waiter = NULL;
    reply_finish(reply, reason);
    if (waiter && (!reply->shown.reason || reply->shown.length > 0)) {
        (void)TorcDeferred_callback(waiter, &reply->shown, reply_free);
        return;
    }
    if (waiter)
        (void)TorcDeferred_errback(waiter, reply->reason);
    reply_free(reply);
}

static void client_destroy(TorcProtocol *self)
{
    reply_free(((Client *)self)->reply); /* there was no connection */
}

static const TorcProtocolClass client_class = {
    TORC_PROTOCOL_CLASS("finger-client", Client),
    .connectionMade = client_connectionMade,
    .dataReceived = client_dataReceived,
    .connectionLost = client_connectionLost,
    .destroy = client_destroy,
};

/* ---- waiting --------------------------------------------------------------------------------- */

static void waiter_cancelled(TorcDeferred *waiter, void *arg)
{
    Client *client = arg;
    (void)waiter; /* fails with TORC_OPERATION_CANCELLED */
    client->waiter = NULL;
    TorcTransport_abortConnection(client->base.transport);
}

static void await(TorcResult *result, Client *client)
{
    client->waiter = TorcDeferred_new(waiter_cancelled, client);
    if (!client->waiter)
        TorcTransport_abortConnection(client->base.transport);
    TorcResult_wait(result, client->waiter);
}

void torc_finger_awaitReply(TorcResult *result, void *arg)
{
    Client *client = result->value;
    (void)arg;
    if (result->reason)
        return;
    if (!client || !TorcProtocol_isInstance(&client->base, &client_class))
        TorcResult_fail(result, TORC_OPERATION_FAILED, -EINVAL, NULL);
    else if (client->waiter || !client->reply)
        TorcResult_fail(result, TORC_OPERATION_FAILED, -EALREADY, NULL);
    else
        await(result, client);
}

/* ---- the factory ----------------------------------------------------------------------------- */

/* The reply is made with the protocol, so that the end of a connection needs no memory. */
static int factory_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                 TorcProtocol **ret_protocol)
{
    (void)peer;
    Client *client = (Client *)TorcProtocol_new(&client_class, self);
    if (!client)
        return -errno;
    client->reply = torc__zalloc(sizeof(*client->reply));
    if (!client->reply) {
        TorcProtocol_free(&client->base);
        return -ENOMEM;
    }
    *ret_protocol = &client->base;
    return 0;
}

static const TorcFactoryClass factory_class = {
    TORC_FACTORY_CLASS("finger-client", ClientFactory),
    .protocol = &client_class,
    .buildProtocol = factory_buildProtocol,
};

void TorcFingerClientOptions_init(TorcFingerClientOptions *options)
{
    if (options)
        *options = (TorcFingerClientOptions){.size = sizeof(TorcFingerClientOptions)};
}

int torc__fingerClientOptions_read(const TorcFingerClientOptions *given,
                                   TorcFingerClientOptions *ret_options)
{
    TorcFingerClientOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.timeout));
    if (options.timeout == 0)
        options.timeout = DEFAULT_SECONDS;
    if (options.limit == 0)
        options.limit = DEFAULT_LIMIT;
    *ret_options = options;
    return 0;
}

/* "[/W ]query" CR LF; checked as a server would, so that no second line is smuggled in. */
static int set_query(ClientFactory *factory, const char *query, bool verbose)
{
    size_t length = strlen(query);
    const char *prefix = !verbose ? "" : length > 0 ? "/W " : "/W";
    size_t prefix_length = strlen(prefix);
    TorcFingerQuery parsed;

    TORC__REQUIRE(length <= TORC_FINGER_QUERY_MAX - prefix_length);
    memcpy(factory->query, prefix, prefix_length);
    memcpy(factory->query + prefix_length, query, length);
    memcpy(factory->query + prefix_length + length, "\r\n", 2);
    factory->query_length = prefix_length + length + 2;
    TORC__REQUIRE(torc_finger_parseQuery(factory->query, factory->query_length, &parsed) == 0);
    return 0;
}

TorcFactory *TorcFingerClientFactory_new(TorcReactor *reactor, const char *query,
                                         const TorcFingerClientOptions *options)
{
    TorcFingerClientOptions read;
    if (!reactor || !query || torc__fingerClientOptions_read(options, &read) < 0) {
        errno = EINVAL;
        return NULL;
    }
    ClientFactory *factory = (ClientFactory *)TorcFactory_new(&factory_class);
    if (!factory)
        return NULL;
    factory->seconds = read.timeout;
    factory->deadline = TorcReactor_seconds(reactor) + read.timeout;
    factory->limit = read.limit;
    if (set_query(factory, query, read.verbose) == 0)
        return &factory->base;
    TorcFactory_unref(&factory->base);
    errno = EINVAL;
    return NULL;
}
