/* Port: a listening socket and the factory it feeds. (Twisted: IListeningPort.)
 *
 * The reactor owns the port while it listens or drains; the pointer is good until the end of the
 * turn in which stopListening was called, or in which its drain has ended. To keep it longer (for
 * startListening) hold a reference.
 *
 * A port that cannot accept for want of descriptors or memory refuses those who wait, as far as it
 * can, logs "port.accept-failed", and looks away for 10 ms to 1 s at a time; it recovers by
 * itself. One whose descriptor is no listening socket any more (accept answers EINVAL, EBADF or
 * ENOTSOCK: a process that shares the socket has shut it down, or other code has closed the
 * number), or that can neither be watched nor tried again later, never recovers: it logs
 * "port.lost", with the error, and stops, as by stopListening. */
#ifndef TORC_TRANSPORTS_PORT_H
#define TORC_TRANSPORTS_PORT_H

#include "../reactor/api.h"
#include "../reactor/deferred.h"
#include "../reactor/observation.h"
#include "address.h"

TORC_BEGIN_DECLS

typedef struct TorcPort TorcPort;

/* The address it listens on, with the real port number; after stopListening the last one. */
TORC_API void TorcPort_getHost(const TorcPort *port, TorcAddress *ret_address);

/* Closes the socket: the address is free at once, connections stay. The factory's doStop follows
 * inside this call. ret_done, which may be NULL, receives a deferred that fires with NULL at the
 * end of the turn, when the reactor lets go of the port; one that was let go of before has fired.
 * Cancelling it changes nothing but its result.
 * 0, also when it was not listening; -EINVAL; -ENOMEM: no deferred could be had, and nothing has
 * changed (not without ret_done). */
TORC_API int TorcPort_stopListening(TorcPort *port, TorcDeferred **ret_done);

/* Listens again after stopListening, on the same address (the same number, even if 0 was asked
 * for). 0; -EALREADY when listening; -EBUSY while it drains; -TORC_ENOTRUNNING when the reactor was
 * freed; or as the function that made the port. */
TORC_API int TorcPort_startListening(TorcPort *port);

TORC_API bool TorcPort_listening(const TorcPort *port);

/* ---- limits -------------------------------------------------------------------------------- */

/* Connections it has now: each counts from before its buildProtocol until its connectionLost has
 * returned, also when the port has stopped listening meanwhile. */
TORC_API unsigned TorcPort_connections(const TorcPort *port);

/* Most connections at a time; 0, the default: no limit. At the limit the port stops accepting, and
 * those who come wait in the kernel's queue (the backlog) until a connection ends, like those who
 * come while accepting is paused; or, with setRefuseExcess, they are accepted and closed at once,
 * and no protocol is built for them. Waiting is right where a wait is short and the client has
 * time, refusing where it should try another server. Reaching the limit is logged as "port.full",
 * and again when the port was half empty in between. Lowering the limit closes nothing. Costs a
 * counter per connection. Both: 0 or -EINVAL (NULL). The options of listenTCP and listenUNIX set
 * them from the beginning. maxConnections tells what was set; 0 for NULL. */
TORC_API int TorcPort_setMaxConnections(TorcPort *port, unsigned most);
TORC_API unsigned TorcPort_maxConnections(const TorcPort *port);
TORC_API int TorcPort_setRefuseExcess(TorcPort *port, bool refuse);

/* Stops accepting, for as long as the server has no use for more clients. The socket stays open and
 * the connections stay: those who come wait in the kernel's queue. When that is full Linux ignores
 * further attempts over TCP, which clients repeat until they give up; over UNIX sockets connect
 * waits or is EAGAIN. resumeAccepting takes in those who have waited. They do not nest; a pause
 * holds over stopListening and startListening. 0 or -EINVAL (NULL). */
TORC_API int TorcPort_pauseAccepting(TorcPort *port);
TORC_API int TorcPort_resumeAccepting(TorcPort *port);

/* True when who comes now becomes a connection: it listens, is not paused, below its limit, and
 * does not look away for want of descriptors. */
TORC_API bool TorcPort_accepting(const TorcPort *port);

/* ---- counters ------------------------------------------------------------------------------ */

/* Counted since the port was made, but for what is "now". */
typedef struct TorcPortCounters {
    size_t size; /* sizeof(TorcPortCounters): set it before the call */

    uint64_t connectionsAccepted; /* taken off the kernel's queue and given to the factory */
    uint64_t connectionsRefused;  /* closed at once: by setRefuseExcess, by buildProtocol, or for
                                     want of descriptors or memory */
    uint64_t acceptErrors;        /* times that accepting failed: it looked away, or stopped */
    uint64_t connectionsOpen;     /* now: as TorcPort_connections */
    uint64_t bytesReceived;       /* by all its connections */
    uint64_t bytesSent;
    /* Those that have ended, by the kind of their reason: connectionsClosed[TORC_CONNECTION_DONE]. */
    uint64_t connectionsClosed[TORC_COUNTED_KINDS];
} TorcPortCounters;

/* Fills in what ret_counters->size has room for; see TorcReactor_getCounters, which counts all
 * ports and clients, also those that are gone. 0 or -EINVAL. */
TORC_API int TorcPort_getCounters(const TorcPort *port, TorcPortCounters *ret_counters);

/* ---- draining ------------------------------------------------------------------------------ */

/* Ends a server without cutting anybody off: stops listening, as stopListening does, and leaves
 * each connection to its protocol and its peer until it ends by itself. None is closed before the
 * deadline, for only the protocol knows when it is between two requests; the factory's stopFactory,
 * which runs inside this call if the port was its last, is the place to tell protocols to finish.
 * Those that are left after `seconds` (0: all, now; negative: there is no deadline) are aborted,
 * with the reason TORC_CONNECTION_SHUTDOWN; "port.drain-timed-out" is logged.
 *
 * ret_done, which may be NULL, receives a deferred that fires with NULL at the end of the turn in
 * which the last connection has gone; TorcPort_connections tells how many are left meanwhile.
 * Cancelling it changes nothing but its result. Calling drain again, or after stopListening, sets
 * the deadline anew. Who still waits in the kernel's queue is refused, as by stopListening. Given
 * to TorcReactor_holdShutdown, the deferred makes a reactor's stop graceful.
 * 0; -EINVAL (NULL, NaN); -ENOMEM: nothing has changed. */
TORC_API int TorcPort_drain(TorcPort *port, double seconds, TorcDeferred **ret_done);

/* True from drain until its deferred fires. */
TORC_API bool TorcPort_draining(const TorcPort *port);

/* ---- references ---------------------------------------------------------------------------- */

/* ref returns its argument; unref takes NULL and returns NULL. */
TORC_API TorcPort *TorcPort_ref(TorcPort *port);
TORC_API TorcPort *TorcPort_unref(TorcPort *port);

TORC_END_DECLS

#endif
