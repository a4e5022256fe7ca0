/* Producers: who writes no faster than the other side reads. (Twisted: IPushProducer,
 * IPullProducer, IConsumer.)
 *
 * A transport is a consumer: whoever has much to write registers as its producer and is told when
 * to write and when to wait, so that memory stays bounded whatever the peer does. There are two
 * kinds:
 *
 * A push producer goes on by itself. pauseProducing comes when more bytes wait than the high mark
 * allows, resumeProducing when they have fallen to the low mark (TorcTransport_setWriteMarks).
 *
 * A pull producer writes only when asked: resumeProducing comes at the end of the turn in which it
 * was registered, and again each time everything that was written has left. A call that writes
 * nothing, and does not unregister either, ends the asking until somebody has written again.
 *
 *     static void dump_resume(void *producer)
 *     {
 *         Dump *dump = producer;
 *         if (dump_next(dump))
 *             TorcTransport_write(dump->transport, dump->block, dump->length);
 *         else
 *             TorcTransport_unregisterProducer(dump->transport);
 *     }
 *
 *     static const TorcProducerClass dump_producer = {
 *         .size = sizeof(TorcProducerClass),
 *         .resumeProducing = dump_resume,
 *         .stopProducing = dump_stop,
 *     };
 *
 *     TorcTransport_registerProducer(transport, &dump_producer, dump, false);
 *
 * While one is registered loseConnection and loseWriteConnection wait for it, and what is written
 * meanwhile is sent: the connection (or its write side) closes when the producer has unregistered
 * and its output has left. So it is when the peer's FIN closes the connection. The close timeout
 * counts only while bytes wait. A connection that ends otherwise while one is registered is reset:
 * the peer must not take what it has for everything.
 *
 * A transport is a producer too (pauseProducing, resumeProducing, loseConnection), so one can be
 * registered with another: torc_transport_producer; both ways at once is what torc_joinTransports
 * does.
 *
 * Thread: the reactor's. Nothing here is called before the call that caused it has returned. */
#ifndef TORC_TRANSPORTS_PRODUCER_H
#define TORC_TRANSPORTS_PRODUCER_H

#include "../reactor/api.h"
#include "../reactor/deferred.h"
#include "transport.h"

TORC_BEGIN_DECLS

/* From inside each, everything of the transport may be called, and of a producer. */
typedef struct TorcProducerClass {
    size_t size; /* sizeof(TorcProducerClass) */

    /* Push: write no more. Once, until resumeProducing. May be NULL for a pull producer. */
    void (*pauseProducing)(void *producer);

    /* Push: write again. Pull: write the next piece now. */
    void (*resumeProducing)(void *producer);

    /* The connection is gone: there is nobody to write to, and nothing else is called. Comes once,
     * before the protocol's connectionLost, unless it has unregistered. NULL: nothing to do. */
    void (*stopProducing)(void *producer);

    void (*reserved[4])(void);
} TorcProducerClass;

/* Registers the transport's producer; `streaming`: push. Class and producer must stay until it has
 * unregistered or stopProducing has returned. The protocol's own pauseProducing and resumeProducing
 * slots are not called while there is one. A push producer registered while the output is above the
 * high mark is paused at the end of the turn. 0; -EBUSY (there is one); -EPIPE (the connection or
 * its write side is closing or gone; stopProducing is not called); -EINVAL (NULL, a wrong size, a
 * needed slot is missing); -ENOMEM; -EOPNOTSUPP. */
TORC_API int TorcTransport_registerProducer(TorcTransport *transport, const TorcProducerClass *cls,
                                            void *producer, bool streaming);

/* The producer has no more to write: nothing of it is called any more. A loseConnection that waited
 * goes on. Does nothing when there is none. */
TORC_API void TorcTransport_unregisterProducer(TorcTransport *transport);

/* A transport as a producer for another: `producer` is the TorcTransport. stopProducing is its
 * loseConnection. Whoever registers it sees to it that it is unregistered when its own connection
 * ends. */
TORC_API extern const TorcProducerClass torc_transport_producer;

/* ---- two transports joined ----------------------------------------------------------------- */

/* Joins two connections of one reactor, as a proxy does: what the one receives the other writes,
 * with back-pressure both ways, FIN for FIN (half-close is passed on), and the end of the one, when
 * its bytes have been passed on, is the end of the other, in order (loseConnection). Reading is
 * resumed where it was paused. Both protocols hear no more of dataReceived, and nothing of the
 * marks; readConnectionLost and connectionLost come as ever, after the joint has done its part, but
 * a class without readConnectionLost does not close at the peer's FIN. Input that a protocol has
 * kept must be written by itself before. ret_done, which may be NULL, fires with NULL when both
 * connections are gone; cancelling it changes nothing. To end both, end either.
 * 0; -EINVAL (NULL, the same twice, two reactors); -ENOTCONN (one is closing, gone, or closed for
 * writing); -EBUSY (a producer is registered, or it is joined already); -ENOMEM; -EOPNOTSUPP. */
TORC_API int torc_joinTransports(TorcTransport *a, TorcTransport *b, TorcDeferred **ret_done);

/* ---- files --------------------------------------------------------------------------------- */

/* Sends `length` bytes of a file from `offset` on, or up to its end (length UINT64_MAX): a pull
 * producer that holds one piece at a time, or none where the transport can have the kernel do it
 * (sendfile). What the kernel does is not part of bufferedBytes. The file is read on the reactor's
 * thread, at most 512 KiB in a turn. The descriptor is duplicated; its file position does not
 * matter and stays. What is written meanwhile comes before the next piece. ret_done, which may be
 * NULL, fires with a uint64_t * (the number of bytes sent; the deferred's) when the last of it has
 * left, or fails: the connection is gone (its reason), or the file cannot be read
 * (TORC_OPERATION_FAILED; the connection stays, but the peer lacks bytes: end it). Cancelling it,
 * or unregisterProducer, stops after the present piece. A file that shrinks ends there.
 * 0; -EINVAL (NULL; a place beyond INT64_MAX); -EBADF (not open for reading); -EISDIR; -ESPIPE (a
 * pipe, a socket, a terminal); -EBUSY (there is a producer); -EPIPE; -EMFILE; -ENOMEM; -EOPNOTSUPP.
 * */
TORC_API int TorcTransport_sendFile(TorcTransport *transport, int fd, uint64_t offset,
                                    uint64_t length, TorcDeferred **ret_done);

TORC_END_DECLS

#endif
