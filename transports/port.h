/* Port: a listening socket and the factory it feeds. (Twisted: IListeningPort.)
 *
 * The reactor owns the port while it listens; the pointer is good until the end of the turn in
 * which stopListening was called. To keep it longer (for startListening) hold a reference. */
#ifndef TORC_TRANSPORTS_PORT_H
#define TORC_TRANSPORTS_PORT_H

#include "../reactor/api.h"
#include "address.h"

TORC_BEGIN_DECLS

typedef struct TorcPort TorcPort;

/* The address it listens on, with the real port number; after stopListening the last one. */
TORC_API void TorcPort_getHost(const TorcPort *port, TorcAddress *ret_address);

/* Closes the socket: the address is free at once, connections stay. The factory's doStop follows
 * inside this call. 0, also when it was not listening. */
TORC_API int TorcPort_stopListening(TorcPort *port);

/* Listens again after stopListening, on the same address (the same number, even if 0 was asked
 * for). 0; -EALREADY when listening; or as listenTCP. */
TORC_API int TorcPort_startListening(TorcPort *port);

TORC_API bool TorcPort_listening(const TorcPort *port);

/* ref returns its argument; unref takes NULL and returns NULL. */
TORC_API TorcPort *TorcPort_ref(TorcPort *port);
TORC_API TorcPort *TorcPort_unref(TorcPort *port);

TORC_END_DECLS

#endif
