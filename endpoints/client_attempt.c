/* Attempts of client endpoints: a client factory that lets the user's factory build the protocol,
 * and tells the outcome by a deferred.
 *
 * Reactor's thread. Whatever connects holds references to the attempt; the attempt holds one to the
 * user's factory. Invariant: `connected` is fired exactly once, and NULL from then on; while it is
 * not NULL the connector, if there is one, has not told the outcome, so it is there. */
#include "client_attempt_internal.h"

#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "../transports/transport.h"

static TorcDeferred *take_deferred(TorcAttempt *attempt)
{
    TorcDeferred *connected = attempt->connected;
    attempt->connected = NULL;
    return connected;
}

static void fail(TorcAttempt *attempt, const TorcReason *reason)
{
    TorcDeferred *connected = take_deferred(attempt);
    if (connected)
        (void)TorcDeferred_errback(connected, reason);
}

/* What is built or made after this is given up in buildProtocol and in torc__attempt_made. */
static void give_up(TorcDeferred *connected, void *arg)
{
    TorcAttempt *attempt = arg;
    attempt->connected = NULL;
    (void)TorcConnector_stopConnecting(attempt->connector); /* it may have failed, or connected */
    (void)TorcDeferred_errback(connected, TorcReason_static(TORC_CONNECTION_CANCELLED));
}

/* ---- as a factory -------------------------------------------------------------------------- */

static void attempt_startFactory(TorcFactory *self)
{
    TorcFactory_doStart(((TorcAttempt *)self)->inner);
}

/* A connector has told the outcome before this; without one this is where it is known that nothing
 * came of the attempt. */
static void attempt_stopFactory(TorcFactory *self)
{
    TorcAttempt *attempt = (TorcAttempt *)self;
    fail(attempt,
         attempt->failure ? attempt->failure : TorcReason_static(TORC_CONNECTION_SHUTDOWN));
    TorcFactory_doStop(attempt->inner);
}

/* The user's factory may cancel from inside. */
static int build(TorcAttempt *attempt, const TorcAddress *peer, TorcProtocol **ret_protocol)
{
    TorcProtocol *protocol = NULL;
    int r = TorcFactory_buildProtocol(attempt->inner, peer, &protocol);
    if (r < 0)
        return r;
    if (!attempt->connected) {
        TorcProtocol_free(protocol);
        protocol = NULL;
    }
    *ret_protocol = protocol;
    return 0;
}

static int attempt_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                 TorcProtocol **ret_protocol)
{
    TorcAttempt *attempt = (TorcAttempt *)self;
    TorcProtocol *protocol = NULL;
    int r = attempt->connected ? build(attempt, peer, &protocol) : 0;

    TorcFactory_copyLimits(self, attempt->inner);
    if (!attempt->connector) {
        /* With a protocol there is still memory for the connection to be had. */
        TorcReasonKind kind = protocol ? TORC_CONNECTION_FAILED : TORC_CONNECTION_NO_PROTOCOL;
        attempt->failure = r < 0 ? TorcReason_new(kind, r, NULL) : TorcReason_static(kind);
    }
    if (r == 0)
        *ret_protocol = protocol;
    return r;
}

static void attempt_connectionMade(TorcClientFactory *self, TorcConnector *connector,
                                   TorcProtocol *protocol)
{
    (void)connector;
    torc__attempt_made(&self->base, protocol);
}

/* Of a connection that was there this comes too late to matter; else the factory has refused it. */
static void attempt_ended(TorcClientFactory *self, TorcConnector *connector,
                          const TorcReason *reason)
{
    (void)connector;
    fail((TorcAttempt *)self, reason);
}

static void attempt_destroy(TorcFactory *self)
{
    TorcAttempt *attempt = (TorcAttempt *)self;
    TorcReason_unref(attempt->failure);
    TorcFactory_unref(attempt->inner);
}

static const TorcClientFactoryClass attempt_class = {
    TORC_CLIENT_FACTORY_CLASS("endpoint", TorcAttempt),
    .factory.startFactory = attempt_startFactory,
    .factory.stopFactory = attempt_stopFactory,
    .factory.buildProtocol = attempt_buildProtocol,
    .factory.destroy = attempt_destroy,
    .clientConnectionMade = attempt_connectionMade,
    .clientConnectionFailed = attempt_ended,
    .clientConnectionLost = attempt_ended,
};

/* ---- its life ------------------------------------------------------------------------------ */

TorcAttempt *torc__attempt_new(TorcFactory *factory)
{
    TorcAttempt *attempt = (TorcAttempt *)TorcClientFactory_new(&attempt_class);
    TorcDeferred *connected = attempt ? TorcDeferred_new(give_up, attempt) : NULL;
    if (!attempt)
        return NULL;
    attempt->inner = TorcFactory_ref(factory);
    attempt->connected = connected;
    if (connected)
        return attempt;
    TorcFactory_unref(&attempt->base.base);
    return NULL;
}

int torc__attempt_begun(TorcAttempt *attempt, int code, TorcDeferred **ret_connected)
{
    if (code < 0)
        TorcDeferred_release(attempt->connected); /* nobody has seen it */
    else
        *ret_connected = attempt->connected;
    TorcFactory_unref(&attempt->base.base);
    return code;
}

void torc__attempt_made(TorcFactory *factory, TorcProtocol *protocol)
{
    TorcAttempt *attempt = (TorcAttempt *)factory;
    TorcDeferred *connected = take_deferred(attempt);

    if (connected)
        (void)TorcDeferred_callback(connected, protocol, NULL);
    else
        TorcTransport_loseConnection(protocol->transport);
}
