/* TorcReactor_finger: the finger client's conversation over connectTCP.
 *
 * Reactor's thread. A request is a client factory, which belongs to its connector; it lets the
 * conversation's factory build the protocol, and fires a deferred with it as an endpoint would.
 * Invariant: `connected` is fired or cancelled once, and NULL from then on; while it is not NULL the
 * connector has not told the outcome, so it is there. */
#include <errno.h>

#include "../factories/client_factory.h"
#include "../reactor/reactor_internal.h"
#include "../transports/tcp.h"
#include "finger_client.h"
#include "finger_internal.h"

typedef struct Request {
    TorcClientFactory base;
    TorcFactory *conversation;
    TorcConnector *connector;
    TorcDeferred *connected;
} Request;

/* ---- as a factory ---------------------------------------------------------------------------- */

static int request_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                 TorcProtocol **ret_protocol)
{
    return TorcFactory_buildProtocol(((Request *)self)->conversation, peer, ret_protocol);
}

static TorcDeferred *take_deferred(Request *request)
{
    TorcDeferred *connected = request->connected;
    request->connected = NULL;
    return connected;
}

/* It is there until a protocol is: nothing of the user's runs between the two. */
static void request_made(TorcClientFactory *self, TorcConnector *connector, TorcProtocol *protocol)
{
    (void)connector;
    (void)TorcDeferred_callback(take_deferred((Request *)self), protocol, NULL);
}

static void request_ended(TorcClientFactory *self, TorcConnector *connector,
                          const TorcReason *reason)
{
    TorcDeferred *connected = take_deferred((Request *)self);
    (void)connector;
    if (connected) /* else it was cancelled, or the protocol has told */
        (void)TorcDeferred_errback(connected, reason);
}

static void request_destroy(TorcFactory *self)
{
    TorcFactory_unref(((Request *)self)->conversation);
}

static const TorcClientFactoryClass request_class = {
    TORC_CLIENT_FACTORY_CLASS("finger-request", Request),
    .factory.buildProtocol = request_buildProtocol,
    .factory.destroy = request_destroy,
    .clientConnectionMade = request_made,
    .clientConnectionFailed = request_ended,
    .clientConnectionLost = request_ended,
};

/* ---- the request ----------------------------------------------------------------------------- */

static void give_up(TorcDeferred *connected, void *arg)
{
    Request *request = arg;
    (void)connected; /* fails with TORC_OPERATION_CANCELLED */
    request->connected = NULL;
    (void)TorcConnector_stopConnecting(request->connector);
}

/* A new deferred has room for the step. */
static int start(Request *request, TorcReactor *reactor, const TorcFingerTarget *place,
                 double seconds, TorcDeferred **ret_reply)
{
    TorcDeferred *connected = TorcDeferred_new(give_up, request);
    if (!connected)
        return -ENOMEM;
    int r = TorcReactor_connectTCP(reactor, place->host, place->port, &request->base,
                                   TORC_CONNECT_OPTIONS(.timeout = seconds), &request->connector);
    if (r < 0) {
        (void)TorcDeferred_callback(connected, NULL, NULL); /* so that it is not given up */
        TorcDeferred_release(connected);
        return r;
    }
    request->connected = connected;
    (void)TorcDeferred_addCallback(connected, torc_finger_awaitReply, NULL);
    *ret_reply = connected;
    return 0;
}

int TorcReactor_finger(TorcReactor *reactor, const char *target,
                       const TorcFingerClientOptions *options, TorcDeferred **ret_reply)
{
    TORC__REQUIRE(reactor && target && ret_reply);
    TorcFingerClientOptions read;
    TorcFingerTarget place = {.port = 0};
    int r = torc__fingerClientOptions_read(options, &read);
    if (r == 0)
        r = torc_finger_parseTarget(target, &place);
    if (r < 0)
        return r;

    TorcFactory *conversation = TorcFingerClientFactory_new(reactor, place.query, &read);
    Request *request = conversation ? (Request *)TorcClientFactory_new(&request_class) : NULL;
    if (!request) {
        r = -errno;
        TorcFactory_unref(conversation);
        return r;
    }
    request->conversation = conversation;
    r = start(request, reactor, &place, read.timeout, ret_reply);
    TorcFactory_unref(&request->base.base);
    return r;
}
