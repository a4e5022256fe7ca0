/* Racing a host's addresses: Happy Eyeballs (RFC 8305). Not installed. */
#ifndef TORC_ENDPOINTS_CONNECT_RACE_INTERNAL_H
#define TORC_ENDPOINTS_CONNECT_RACE_INTERNAL_H

#include "../transports/tcp.h"
#include "endpoint.h"

/* Whom to connect to, and how; the texts are the owner's. */
typedef struct TorcRaceSettings {
    const char *host;
    uint16_t port;
    TorcAddressFamily family;
    double timeout;             /* seconds for everything; negative: none */
    double attemptDelay;        /* seconds */
    TorcConnectOptions options; /* of each attempt */
} TorcRaceSettings;

/* Begins: as the slot `connect`. `owner` is kept alive as long as the race lasts, and with it the
 * settings, which belong to it. */
int torc__race_begin(TorcClientEndpoint *owner, const TorcRaceSettings *settings,
                     TorcFactory *factory, TorcDeferred **ret_connected);

/* The order in which addresses are tried (RFC 8305 §4, with a First Address Family Count of 1): the
 * families alternate, the first of all being that of the first address; within a family the order
 * stays. Two arrays of `count`. */
void torc__race_order(const TorcAddress *addresses, size_t count, TorcAddress *ret_order);

#endif
