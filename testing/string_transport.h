/* The string transport: one protocol and a transport that keeps what is written. For the smallest
 * unit tests of a protocol. (Twisted: twisted.internet.testing.StringTransport.)
 *
 *     TorcStringTransport *wire = TorcStringTransport_forProtocol(&chatter_class.protocol);
 *     TorcStringTransport_deliver(wire, "NICK ann\r\n");
 *     ck_assert_str_eq(TorcStringTransport_value(wire), "WELCOME ann\r\n");
 *     TorcStringTransport_deliver(wire, "QUIT\r\n");
 *     ck_assert(TorcStringTransport_disconnecting(wire));
 *     TorcStringTransport_turn(wire);                       connectionLost runs here
 *     TorcStringTransport_free(wire);
 *
 * There is no kernel below it, no reactor unless one is given, and no time: for all that there is
 * the simulation (sim.h). What a protocol can ask of it is answered as by a TCP connection.
 *
 * When the protocol is called. The functions that say so below stand for one turn of the loop each:
 * they call the protocol, and only they do. Nothing that the protocol itself calls (loseConnection,
 * write, resumeProducing) calls it back: what follows from it (connectionLost, pauseProducing and
 * resumeProducing at the marks, writeConnectionLost, input that waited) comes in the next of those
 * functions, or by TorcStringTransport_turn, which does nothing else. In between a test can look at
 * a protocol that is about to be lost.
 *
 * Everything belongs to one thread. Memory running out in the kit and misuse (no string transport,
 * delivering to one that was never connected, a call from inside the protocol's slots) end the
 * process with a message. */
#ifndef TORC_TESTING_STRING_TRANSPORT_H
#define TORC_TESTING_STRING_TRANSPORT_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "../reactor/reason.h"
#include "../transports/transport.h"

TORC_BEGIN_DECLS

typedef struct TorcStringTransport TorcStringTransport;

/* One write, as the protocol made it (a writeSequence is one). */
typedef struct TorcStringWrite {
    const void *data;
    size_t length;
} TorcStringWrite;

/* ---- making one ---------------------------------------------------------------------------- */

/* One that is not connected yet; never NULL. */
TORC_API TorcStringTransport *TorcStringTransport_new(void);

/* One that is connected to a new instance of the class. NULL and errno: EINVAL (a class table that
 * does not fit), ENOMEM. Calls the protocol. */
TORC_API TorcStringTransport *TorcStringTransport_forProtocol(const TorcProtocolClass *cls);

/* Frees it with its protocol. One that is still connected is first lost with
 * TORC_CONNECTION_SHUTDOWN, as by TorcReactor_free. Before its reactor, if it was given one. NULL
 * is fine. Calls the protocol. */
TORC_API void TorcStringTransport_free(TorcStringTransport *wire);

/* Before connecting: what TorcTransport_getReactor answers, for protocols that use timers (NULL
 * unless set; borrowed; TorcSim_reactor is the one to give), and the two addresses (unless set
 * 192.168.1.1:54321 here and 192.168.1.2:12345 there). The timers run when the test turns that
 * reactor, for example by TorcSim_advance; what they do to the connection shows at the next turn of
 * the string transport. */
TORC_API void TorcStringTransport_setReactor(TorcStringTransport *wire, TorcReactor *reactor);
TORC_API void TorcStringTransport_setHost(TorcStringTransport *wire, const TorcAddress *host);
TORC_API void TorcStringTransport_setPeer(TorcStringTransport *wire, const TorcAddress *peer);

/* Connects it, once in its life, to a protocol that the factory's buildProtocol makes; its
 * connectionMade runs. startFactory does not: that is the ports' business, or
 * TorcFactory_doStart's.
 * 0; -TORC_EREFUSED (buildProtocol answered NULL); buildProtocol's code; -EINVAL (no factory).
 * Calls the protocol. */
TORC_API int TorcStringTransport_connect(TorcStringTransport *wire, TorcFactory *factory);

/* The same with an instance made by TorcProtocol_new, which it owns from now on. Calls the
 * protocol. */
TORC_API void TorcStringTransport_connectProtocol(TorcStringTransport *wire,
                                                  TorcProtocol *protocol);

/* Its protocol, owned by it from connect to the end of the turn in which connectionLost has
 * returned; NULL before and after. */
TORC_API TorcProtocol *TorcStringTransport_protocol(const TorcStringTransport *wire);

/* What its protocol has in self->transport. Unlike there it can be asked until the string transport
 * is freed. */
TORC_API TorcTransport *TorcStringTransport_transport(TorcStringTransport *wire);

/* ---- what the peer and the loop do --------------------------------------------------------- */

/* What earlier calls of the protocol lead to, once: its output leaves, input that waited is
 * delivered, and its slots are called as at the end of a turn of the loop. True when a slot was
 * called: `while (TorcStringTransport_turn(wire))` goes on until nothing is left. Calls the
 * protocol. */
TORC_API bool TorcStringTransport_turn(TorcStringTransport *wire);

/* A turn; then the bytes arrive, in one dataReceived. While the protocol has paused reading they
 * wait; what comes after loseConnection or the end is dropped. They lie in memory that is freed
 * when dataReceived returns, so that valgrind and sanitizers see who keeps a pointer or reads too
 * far. Calls the protocol. */
TORC_API void TorcStringTransport_deliver(TorcStringTransport *wire, const char *text);
TORC_API void TorcStringTransport_deliverBytes(TorcStringTransport *wire, const void *data,
                                               size_t length);

/* A turn; then the peer's FIN arrives, behind what waits: readConnectionLost, or for a class
 * without it loseConnection, so that connectionLost comes in the next turn. Calls the protocol. */
TORC_API void TorcStringTransport_deliverEnd(TorcStringTransport *wire);

/* A turn; then the connection breaks: delayed calls bound to the protocol are cancelled, and
 * connectionLost comes with the reason (a reference is taken). What waits in either direction is
 * dropped. Nothing happens when it is over already. Calls the protocol. */
TORC_API void TorcStringTransport_lose(TorcStringTransport *wire, const TorcReason *reason);

/* ---- what was written ---------------------------------------------------------------------- */

/* All that was written since the beginning or the last clear, NUL-terminated behind the last byte.
 * Bytes leave at the end of a turn; those that an abortConnection, a failConnection or a loss finds
 * waiting never reach the peer and are not part of it any more. Valid until the protocol writes or
 * the next call for this string transport. */
TORC_API const char *TorcStringTransport_value(TorcStringTransport *wire);
TORC_API size_t TorcStringTransport_length(const TorcStringTransport *wire);

/* The writes that make up the value: how many there are, and the one with this number, from 0
 * ({NULL, 0} beyond the last). Empty writes do not count. Valid as the value. */
TORC_API size_t TorcStringTransport_writeCount(const TorcStringTransport *wire);
TORC_API TorcStringWrite TorcStringTransport_writeAt(const TorcStringTransport *wire,
                                                     size_t number);

/* Writes that were answered with -EPIPE, since the beginning: the protocol wrote after it had
 * closed or lost the connection. */
TORC_API size_t TorcStringTransport_refusedWrites(const TorcStringTransport *wire);

/* Value and writes begin anew. What waits goes on waiting. */
TORC_API void TorcStringTransport_clear(TorcStringTransport *wire);

/* ---- a peer that does not read ------------------------------------------------------------- */

/* From now on the peer takes nothing: what is written waits, counts against the buffer limit, and
 * passes the marks (at the next turn); loseConnection waits as well. The close timeout does not run
 * here: for that there is the simulation. */
TORC_API void TorcStringTransport_holdOutput(TorcStringTransport *wire);

/* The peer takes up to this many bytes of what waits, and how many that were. The marks show at the
 * next turn. */
TORC_API size_t TorcStringTransport_takeOutput(TorcStringTransport *wire, size_t bytes);

/* The peer reads again: everything leaves, at the end of the next turn. */
TORC_API void TorcStringTransport_releaseOutput(TorcStringTransport *wire);

/* ---- its state ----------------------------------------------------------------------------- */

/* From connectionMade until connectionLost is called. */
TORC_API bool TorcStringTransport_connected(const TorcStringTransport *wire);

/* From loseConnection, abortConnection, failConnection or the loss on. */
TORC_API bool TorcStringTransport_disconnecting(const TorcStringTransport *wire);

/* By abortConnection, or by a write beyond the buffer limit: the peer would see RST. */
TORC_API bool TorcStringTransport_aborted(const TorcStringTransport *wire);

/* From loseWriteConnection on. */
TORC_API bool TorcStringTransport_halfClosed(const TorcStringTransport *wire);

/* The protocol has paused reading, as a producer. */
TORC_API bool TorcStringTransport_paused(const TorcStringTransport *wire);

/* There is a producer (transports/producer.h): registered, not yet unregistered, and the connection
 * not lost. What it was registered with, NULL when there is none; whether it is a push producer;
 * and whether it has been told to pause. It is told, or asked for the next piece, at the end of a
 * turn as the protocol is of the marks; a TorcTransport_sendFile needs the reactor's system. */
TORC_API bool TorcStringTransport_producing(const TorcStringTransport *wire);
TORC_API void *TorcStringTransport_producer(const TorcStringTransport *wire);
TORC_API bool TorcStringTransport_streaming(const TorcStringTransport *wire);
TORC_API bool TorcStringTransport_producerPaused(const TorcStringTransport *wire);

/* Why it is over, also before connectionLost has told the protocol: what failConnection was given,
 * TORC_CONNECTION_ABORTED, …; NULL while it is not (loseConnection ends it in the next turn). Valid
 * until it is freed. */
TORC_API const TorcReason *TorcStringTransport_reason(const TorcStringTransport *wire);

TORC_END_DECLS

#endif
