/* The link of a client service to one attempt and the connection that may come of it. Not
 * installed. */
#ifndef TORC_ENDPOINTS_CLIENT_LINK_INTERNAL_H
#define TORC_ENDPOINTS_CLIENT_LINK_INTERNAL_H

#include "../factories/factory.h"
#include "../reactor/deferred.h"
#include "../transports/transport.h"
#include "client_service.h"

typedef struct TorcClientLink TorcClientLink;

/* What the awaited deferred has fired with; the result is cleared afterwards. */
typedef void TorcClientLinkFunction(TorcClientLink *link, const TorcResult *result);

/* As a factory it is for the endpoint. */
struct TorcClientLink {
    TorcFactory base;
    TorcFactory *inner;
    TorcClientService *service; /* NULL: it has another link, or none */
    void (*over)(TorcClientService *service);
    TorcDeferred *outcome; /* what is awaited; NULL: known, or given up */
    TorcClientLinkFunction *known;
    TorcConnectionId connection; /* set by the service */
};

/* `over` is called when attempt and connection are over, connectionLost included, if the link still
 * is the service's: that is, when the endpoint stops the factory. NULL: out of memory. */
TorcClientLink *torc__clientLink_new(TorcClientService *service, TorcFactory *inner,
                                     void (*over)(TorcClientService *service));

/* Takes the deferred over; `known` is called unless it is given up first. One at a time. */
void torc__clientLink_await(TorcClientLink *link, TorcDeferred *outcome,
                            TorcClientLinkFunction *known);

/* What is awaited is given up. */
void torc__clientLink_releaseOutcome(TorcClientLink *link);

/* The same, and drops the service's reference. NULL does nothing. */
void torc__clientLink_drop(TorcClientLink *link);

#endif
