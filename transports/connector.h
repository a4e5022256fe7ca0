/* Connector: an outgoing connection, from the attempt to its end. (Twisted: IConnector.)
 *
 * The reactor owns it while it connects or is connected; the pointer is good until
 * clientConnectionFailed or clientConnectionLost has returned without calling connect(). To keep it
 * longer hold a reference. */
#ifndef TORC_TRANSPORTS_CONNECTOR_H
#define TORC_TRANSPORTS_CONNECTOR_H

#include "../reactor/api.h"
#include "address.h"

TORC_BEGIN_DECLS

typedef struct TorcConnector TorcConnector;

typedef enum TorcConnectorState {
    TORC_CONNECTOR_DISCONNECTED,
    TORC_CONNECTOR_CONNECTING,
    TORC_CONNECTOR_CONNECTED
} TorcConnectorState;

TORC_API TorcConnectorState TorcConnector_state(const TorcConnector *connector);

/* Starts another attempt. 0; -EISCONN unless disconnected; -TORC_ENOTRUNNING while the reactor
 * shuts down, and when it was freed. */
TORC_API int TorcConnector_connect(TorcConnector *connector);

/* Gives up the attempt: clientConnectionFailed follows with TORC_CONNECTION_CANCELLED. 0, or
 * -TORC_ENOTCONNECTING in any other state. */
TORC_API int TorcConnector_stopConnecting(TorcConnector *connector);

/* Connecting: stopConnecting; connected: loseConnection; else nothing. */
TORC_API void TorcConnector_disconnect(TorcConnector *connector);

/* The host and port asked for, as given to connectTCP, or the UNIX address and 0. Valid as long as
 * the connector. */
TORC_API const char *TorcConnector_getDestination(const TorcConnector *connector,
                                                  uint16_t *ret_port);

/* ref returns its argument; unref takes NULL and returns NULL. */
TORC_API TorcConnector *TorcConnector_ref(TorcConnector *connector);
TORC_API TorcConnector *TorcConnector_unref(TorcConnector *connector);

TORC_END_DECLS

#endif
