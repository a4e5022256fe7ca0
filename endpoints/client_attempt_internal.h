/* One attempt of a client endpoint: the factory that stands between whatever connects and the
 * factory of the user. Not installed. */
#ifndef TORC_ENDPOINTS_CLIENT_ATTEMPT_INTERNAL_H
#define TORC_ENDPOINTS_CLIENT_ATTEMPT_INTERNAL_H

#include "../factories/client_factory.h"
#include "../reactor/deferred.h"
#include "../transports/connector.h"

typedef struct TorcAttempt {
    TorcClientFactory base;
    TorcFactory *inner;
    TorcDeferred *connected;  /* to be fired; NULL: it was */
    TorcConnector *connector; /* good until the outcome is told; NULL: there is none */
    TorcReason *failure;      /* without a connector: what to tell if the factory is stopped next */
} TorcAttempt;

/* NULL: out of memory. */
TorcAttempt *torc__attempt_new(TorcFactory *factory);

/* Behind the function that connects, with what that returned: drops the reference of new and hands
 * out the deferred. Returns the code. */
int torc__attempt_begun(TorcAttempt *attempt, int code, TorcDeferred **ret_connected);

/* Where there is no connector to tell the outcome: the protocol's connectionMade has returned. When
 * the attempt, as a factory, is stopped without this, it has failed. `factory` is a TorcAttempt. */
void torc__attempt_made(TorcFactory *factory, TorcProtocol *protocol);

#endif
