/* Transport: what a protocol writes to. (Twisted: ITransport, ITCPTransport, IConsumer.)
 *
 * A protocol has its transport in self->transport from connectionMade until connectionLost has
 * returned; the pointer is good that long and no longer. What may outlive the connection (a thread
 * job, a table of users) keeps the TorcConnectionId instead.
 *
 * Nothing here calls the application back before it has returned: connectionLost and the other
 * slots come at the end of the turn. Everything belongs to the reactor's thread. */
#ifndef TORC_TRANSPORTS_TRANSPORT_H
#define TORC_TRANSPORTS_TRANSPORT_H

#include <stdarg.h>

#include "../reactor/api.h"
#include "../reactor/call.h"
#include "../reactor/reason.h"
#include "address.h"

TORC_BEGIN_DECLS

typedef struct TorcTransport TorcTransport;
typedef struct TorcTransportClass TorcTransportClass;

/* One piece of a writeSequence. */
typedef struct TorcBytes {
    const void *data;
    size_t length;
} TorcBytes;

/* Names one connection for ever: after its end the value refers to nothing, also when its memory
 * serves another connection. {0} refers to nothing. Good until the reactor is freed. */
typedef struct TorcConnectionId {
    TorcReactor *reactor;
    uint64_t slot;
    uint64_t generation;
} TorcConnectionId;

/* ---- writing ------------------------------------------------------------------------------- */

/* Queues a copy of the bytes; they leave in the order of the calls, at the latest at the end of the
 * turn and then together with what else was written in it. A large block may leave at once.
 * 0; -EPIPE after loseConnection, abortConnection, loseWriteConnection or the loss of the
 * connection (the bytes are dropped); -EINVAL (data NULL with a length); -ENOMEM or -ENOBUFS
 * (memory, or the buffer limit: the connection is aborted, for part of its output is lost). An
 * empty write does nothing. */
TORC_API int TorcTransport_write(TorcTransport *transport, const void *data, size_t length);

/* As one write of all the pieces in order. */
TORC_API int TorcTransport_writeSequence(TorcTransport *transport, const TorcBytes *pieces,
                                         size_t count);

/* Queues the bytes themselves, without a copy: the transport owns them, whatever this returns, and
 * calls release(arg) exactly once when it is done with them (perhaps before this returns; NULL: for
 * static data). release is a destroy function: it must not call back into the transport. Errors as
 * for write. Worth it from a few kilobytes on. */
TORC_API int TorcTransport_writeOwned(TorcTransport *transport, const void *data, size_t length,
                                      TorcFunction *release, void *arg);

/* Formats as printf does and queues the result. As for write; also -EINVAL for a format that cannot
 * be converted. */
TORC_API int TorcTransport_printf(TorcTransport *transport, const char *format, ...)
    TORC_PRINTF(2, 3);
TORC_API int TorcTransport_vprintf(TorcTransport *transport, const char *format, va_list arguments)
    TORC_PRINTF(2, 0);

/* Bytes queued and not yet taken by the kernel. */
TORC_API size_t TorcTransport_bufferedBytes(const TorcTransport *transport);

/* When more than `high` bytes wait at the end of a turn the protocol's pauseProducing slot is
 * called, once; when they have fallen to `low` or less its resumeProducing slot, once. Default 64
 * KiB and 0. More than can wait, such as SIZE_MAX, means never. 0 or -EINVAL (low > high),
 * -ENOMEM. */
TORC_API int TorcTransport_setWriteMarks(TorcTransport *transport, size_t high, size_t low);

/* Most bytes that may wait; a write beyond it aborts the connection with the reason
 * TORC_CONNECTION_OVERFLOW. 0: no limit, the default; more than can wait, such as SIZE_MAX, is none
 * either. TorcFactory_setBufferLimit sets it from the beginning. 0, -EINVAL (NULL) or -ENOMEM. */
TORC_API int TorcTransport_setBufferLimit(TorcTransport *transport, size_t bytes);

/* ---- ending -------------------------------------------------------------------------------- */

/* Closes in order: reading stops at once, what was written is delivered, then the connection is
 * closed and connectionLost comes with TORC_CONNECTION_DONE. A peer that takes no byte for the
 * close timeout is cut off. Does nothing when the connection is closing or gone. */
TORC_API void TorcTransport_loseConnection(TorcTransport *transport);

/* Closes the write side (TCP: sends FIN) when all that was written has been delivered, then calls
 * the writeConnectionLost slot. Reading goes on. Where that cannot be (the peer has reset the
 * connection) the slot is not called: what the peer said before is read, then connectionLost tells
 * why. 0, -EPIPE when closing, gone, or a send has failed; -EOPNOTSUPP. */
TORC_API int TorcTransport_loseWriteConnection(TorcTransport *transport);

/* Ends the connection now: what waits is dropped, the peer gets a reset (TCP: RST), connectionLost
 * comes with TORC_CONNECTION_ABORTED and no dataReceived before it. Also cuts short a
 * loseConnection. Does nothing when the connection is gone. */
TORC_API void TorcTransport_abortConnection(TorcTransport *transport);

/* Ends the connection because the application cannot go on with it: what waits is dropped, and
 * connectionLost comes with the given reason (a reference is taken; NULL: the general one of the
 * kind TORC_CONNECTION_APPLICATION), with no dataReceived before it. If something was dropped, the
 * peer gets a reset (TCP: RST), so that it does not take what it has for everything; else it gets a
 * close (TCP: FIN). Does nothing when the connection is gone. Only this connection ends. */
TORC_API void TorcTransport_failConnection(TorcTransport *transport, const TorcReason *reason);

/* Seconds in which bytes wait after loseConnection and the peer takes none; then the connection is
 * aborted with TORC_CONNECTION_TIMED_OUT. Every byte taken starts it anew. Default 30 s; negative:
 * never. TorcFactory_setCloseTimeout sets it from the beginning. 0, -EINVAL (NaN) or -ENOMEM. */
TORC_API int TorcTransport_setCloseTimeout(TorcTransport *transport, double seconds);

/* Seconds in which no byte comes from the peer and the kernel takes none for it; then the
 * connection is ended as by failConnection, with TORC_CONNECTION_TIMED_OUT. They begin now, and
 * again with every byte, not with every write: what waits for a peer that reads nothing does not
 * count. They pass also while reading is paused and while an answer is being made, so a server
 * that may think for a minute needs more than that. From loseConnection on the close timeout takes
 * its place. 0, the default: none. A connection with one costs about 320 bytes more, its delayed
 * call included, and no wake-up but one for every so many seconds. (Twisted: TimeoutFactory.)
 * TorcFactory_setIdleTimeout sets it from the beginning. 0, -EINVAL (NaN, negative) or -ENOMEM:
 * nothing has changed. */
TORC_API int TorcTransport_setIdleTimeout(TorcTransport *transport, double seconds);

/* True from loseConnection, abortConnection or failConnection on. */
TORC_API bool TorcTransport_disconnecting(const TorcTransport *transport);

/* True from connectionMade until connectionLost is called. */
TORC_API bool TorcTransport_connected(const TorcTransport *transport);

/* ---- reading ------------------------------------------------------------------------------- */

/* Stops reading: no dataReceived until resumeProducing; the bytes wait in the kernel, and the peer
 * is slowed down. A reset by the peer is reported all the same, and so is its FIN when no input is
 * unread (the poll and select backends notice either only at resume or at the next write). */
TORC_API void TorcTransport_pauseProducing(TorcTransport *transport);

/* Reads again. Does nothing when not paused, closing or gone. */
TORC_API void TorcTransport_resumeProducing(TorcTransport *transport);

/* ---- about the connection ------------------------------------------------------------------ */

/* The local and the remote address, also in connectionLost. The family is TORC_ADDRESS_NONE where
 * there is no address to tell. */
TORC_API void TorcTransport_getHost(TorcTransport *transport, TorcAddress *ret_address);
TORC_API void TorcTransport_getPeer(TorcTransport *transport, TorcAddress *ret_address);

TORC_API TorcReactor *TorcTransport_getReactor(const TorcTransport *transport);

TORC_API TorcConnectionId TorcTransport_getConnectionId(const TorcTransport *transport);

/* The protocol of a connection that is still there, else NULL. Reactor's thread. */
TORC_API TorcProtocol *TorcConnectionId_protocol(TorcConnectionId id);

/* The descriptor, for options that have no function here; -ENOTCONN when there is none. It stays
 * the transport's: do not read, write or close it. */
TORC_API int TorcTransport_getHandle(const TorcTransport *transport);

/* ---- TCP options: 0 or a negative code; -EOPNOTSUPP where the transport has no such thing ---- */

/* TCP_NODELAY; on by default, for writes are gathered already. */
TORC_API int TorcTransport_setTcpNoDelay(TorcTransport *transport, bool enabled);
TORC_API int TorcTransport_getTcpNoDelay(TorcTransport *transport); /* 0 or 1 */

/* SO_KEEPALIVE; off by default. */
TORC_API int TorcTransport_setTcpKeepAlive(TorcTransport *transport, bool enabled);
TORC_API int TorcTransport_getTcpKeepAlive(TorcTransport *transport); /* 0 or 1 */

/* Seconds of silence before the first probe, seconds between probes, and probes without an answer
 * after which the connection is lost; each 1 … 32767 (count 1 … 127); 0 keeps the system's value.
 * Turns keep-alive on. */
TORC_API int TorcTransport_setTcpKeepAliveTimes(TorcTransport *transport, int idle, int interval,
                                                int count);

/* TCP_USER_TIMEOUT (RFC 5482): seconds that sent data may go unacknowledged before the connection
 * is lost; 0: the system's default. -EINVAL: negative, NaN or beyond 2^31 ms. */
TORC_API int TorcTransport_setTcpUserTimeout(TorcTransport *transport, double seconds);

/* SO_SNDBUF and SO_RCVBUF, in bytes; Linux doubles what is set. The getters return bytes. */
TORC_API int TorcTransport_setSendBufferSize(TorcTransport *transport, int bytes);
TORC_API int TorcTransport_setReceiveBufferSize(TorcTransport *transport, int bytes);
TORC_API int TorcTransport_getSendBufferSize(TorcTransport *transport);
TORC_API int TorcTransport_getReceiveBufferSize(TorcTransport *transport);

TORC_END_DECLS

#endif
