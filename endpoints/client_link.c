/* One attempt of a client service, and the connection that may come of it.
 *
 * Reactor's thread. The link is the factory that is given to the endpoint; it hands all on to the
 * application's. As a factory is stopped when attempt and connection are over, connectionLost
 * included, its stopFactory is how the service learns of the end, whatever kind of endpoint it is.
 * The service has a reference, the endpoint has one while it uses the factory, and so does the step
 * of the deferred that is awaited. Invariant: nothing is called for a service whose link it is not
 * any more. */
#include "client_link_internal.h"

static void link_startFactory(TorcFactory *self)
{
    TorcFactory_doStart(((TorcClientLink *)self)->inner);
}

static void link_stopFactory(TorcFactory *self)
{
    TorcClientLink *link = (TorcClientLink *)self;
    TorcFactory_doStop(link->inner);
    if (link->service)
        link->over(link->service);
}

static int link_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                              TorcProtocol **ret_protocol)
{
    TorcClientLink *link = (TorcClientLink *)self;
    int r = TorcFactory_buildProtocol(link->inner, peer, ret_protocol);
    TorcFactory_copyLimits(self, link->inner);
    return r;
}

static void link_destroy(TorcFactory *self)
{
    TorcFactory_unref(((TorcClientLink *)self)->inner);
}

static const TorcFactoryClass link_class = {
    TORC_FACTORY_CLASS("client-service", TorcClientLink),
    .startFactory = link_startFactory,
    .stopFactory = link_stopFactory,
    .buildProtocol = link_buildProtocol,
    .destroy = link_destroy,
};

TorcClientLink *torc__clientLink_new(TorcClientService *service, TorcFactory *inner,
                                     void (*over)(TorcClientService *service))
{
    TorcClientLink *link = (TorcClientLink *)TorcFactory_new(&link_class);
    if (!link)
        return NULL;
    link->inner = TorcFactory_ref(inner);
    link->service = service;
    link->over = over;
    return link;
}

/* ---- what is awaited ----------------------------------------------------------------------- */

/* Nothing is done when it was given up. */
static void outcome_known(TorcResult *result, void *arg)
{
    TorcClientLink *link = arg;
    TorcDeferred *outcome = link->outcome;

    link->outcome = NULL;
    if (outcome && link->service)
        link->known(link, result);
    TorcResult_clear(result);
    TorcDeferred_release(outcome);
    TorcFactory_unref(&link->base);
}

/* The step is called in any case. */
void torc__clientLink_await(TorcClientLink *link, TorcDeferred *outcome,
                            TorcClientLinkFunction *known)
{
    link->outcome = outcome;
    link->known = known;
    TorcFactory_ref(&link->base);
    (void)TorcDeferred_addBoth(outcome, outcome_known, link);
}

/* Its step sees that nobody wants to know. */
void torc__clientLink_releaseOutcome(TorcClientLink *link)
{
    TorcDeferred *outcome = link->outcome;
    link->outcome = NULL;
    TorcDeferred_release(outcome);
}

void torc__clientLink_drop(TorcClientLink *link)
{
    if (!link)
        return;
    torc__clientLink_releaseOutcome(link);
    TorcFactory_unref(&link->base);
}
