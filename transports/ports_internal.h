/* What a reactor's streams know of its ports and connectors: how to end them. Not installed. */
#ifndef TORC_TRANSPORTS_PORTS_INTERNAL_H
#define TORC_TRANSPORTS_PORTS_INTERNAL_H

#include "connector.h"
#include "port.h"
#include "stream_internal.h"

/* Closes all listening ports. */
void torc__ports_stop(TorcStreams *streams);

/* The end of the turn: drops the references to ports that were stopped. */
void torc__ports_letGo(TorcStreams *streams);

/* The end of the turn: starts the attempts that were asked for, and tells factories of those that
 * failed. What becomes due meanwhile stays on the list. */
void torc__connectors_endTurn(TorcStreams *streams);

/* Fails all attempts with the reason SHUTDOWN; the factories are told in the endTurn that
 * follows. */
void torc__connectors_stop(TorcStreams *streams);

/* The one behind it on the reactor's list, NULL behind the last. For the testing kit. */
const TorcPort *torc__port_next(const TorcPort *port);
const TorcConnector *torc__connector_next(const TorcConnector *connector);

/* Attempts whose outcome has not been told. */
size_t torc__connectors_alive(const TorcStreams *streams);

#endif
