/* LineReceiver: cuts a stream into lines, and can switch to raw bytes and back.
 * (Twisted: twisted.protocols.basic.LineReceiver.)
 *
 *     typedef struct Chatter {
 *         TorcLineReceiver base;
 *         char nick[32];
 *     } Chatter;
 *
 *     static const TorcLineReceiverClass chatter_class = {
 *         TORC_LINE_RECEIVER_CLASS("chat", Chatter),
 *         .protocol.connectionLost = chatter_connectionLost,
 *         .lineReceived = chatter_lineReceived,
 *     };
 *
 * Its cost is linear in the bytes received, however they are cut. An idle connection without a
 * partial line holds no buffer. A subclass that overrides dataReceived
 * calls its parent's from there, or no line ever comes.
 *
 * When the peer has sent its FIN, the lines still buffered are delivered (a last one without
 * delimiter is not) and the connection is closed after the output has left; a subclass that
 * overrides readConnectionLost decides itself. */
#ifndef TORC_PROTOCOLS_LINE_RECEIVER_H
#define TORC_PROTOCOLS_LINE_RECEIVER_H

#include "protocol.h"

TORC_BEGIN_DECLS

enum { TORC_LINE_MAX_LENGTH = 16384 };

/* The receiver's own. */
typedef struct TorcLineState {
    struct TorcLineBuffer *buffer; /* a partial line, or what waits while paused; else NULL */
    uint32_t flags;
    uint32_t delimiterLength; /* of its class; 0: not yet looked up */
} TorcLineState;

typedef struct TorcLineReceiver {
    TorcProtocol base;
    TorcLineState state;
} TorcLineReceiver;

typedef struct TorcLineReceiverClass {
    TorcProtocolClass protocol;

    /* Ends a line; NULL: inherited, at the root "\r\n". delimiterLength 0: strlen(delimiter). */
    const char *delimiter;
    size_t delimiterLength;

    /* Most bytes of a line without its delimiter; 0: inherited, at the root
     * TORC_LINE_MAX_LENGTH. */
    size_t maxLength;

    /* A line without its delimiter; NUL-terminated as well as counted (it may hold NUL bytes);
     * valid during the call. After loseConnection no more lines come. */
    void (*lineReceived)(TorcLineReceiver *self, const char *line, size_t length);

    /* In raw mode: bytes as they come. */
    void (*rawDataReceived)(TorcLineReceiver *self, const void *data, size_t length);

    /* A line was longer than maxLength, or no delimiter came within maxLength plus its length. data
     * is everything buffered from that line's beginning, later lines included, and is dropped when
     * this returns. The root's logs "line.too-long" and closes the connection by loseConnection. */
    void (*lineLengthExceeded)(TorcLineReceiver *self, const void *data, size_t length);

    void (*reserved[8])(void);
} TorcLineReceiverClass;

#define TORC_LINE_RECEIVER_CLASS(name_, InstanceType)                                              \
    TORC_LINE_RECEIVER_SUBCLASS(name_, InstanceType, &torc_line_receiver_class)
#define TORC_LINE_RECEIVER_SUBCLASS(name_, InstanceType, parent_)                                  \
    .protocol.class_size = sizeof(TorcLineReceiverClass),                                          \
    .protocol.instance_size = sizeof(InstanceType), .protocol.name = (name_),                      \
    .protocol.parent = &(parent_)->protocol

TORC_API extern const TorcLineReceiverClass torc_line_receiver_class;

/* As TorcProtocolClass_init. parent NULL: torc_line_receiver_class. */
TORC_API void TorcLineReceiverClass_init(TorcLineReceiverClass *cls, const char *name,
                                         size_t instance_size, const TorcLineReceiverClass *parent);

/* Writes the line and the delimiter. As TorcTransport_write. */
TORC_API int TorcLineReceiver_sendLine(TorcLineReceiver *self, const void *line, size_t length);

/* From the next byte on, rawDataReceived instead of lineReceived; inside lineReceived the rest of
 * what is buffered goes there in one piece. */
TORC_API void TorcLineReceiver_setRawMode(TorcLineReceiver *self);

/* Back to lines, beginning with these bytes (a copy is taken; NULL and 0: none), then what comes
 * after the current raw data. The lines come when the current slot has returned, or in the next
 * turn. 0, -EINVAL or -ENOMEM (the connection is then ended). */
TORC_API int TorcLineReceiver_setLineMode(TorcLineReceiver *self, const void *extra, size_t length);

/* Forgets what is buffered and not yet delivered; *ret_data, unless NULL, points to it until the
 * current slot returns (outside of one: until the next call). Returns its length. */
TORC_API size_t TorcLineReceiver_clearLineBuffer(TorcLineReceiver *self, const void **ret_data);

/* Stops delivery, between two lines of one chunk too, and reading. resumeProducing delivers what is
 * buffered (when the current slot has returned, or in the next turn) and reads on. */
TORC_API void TorcLineReceiver_pauseProducing(TorcLineReceiver *self);
TORC_API void TorcLineReceiver_resumeProducing(TorcLineReceiver *self);

TORC_END_DECLS

#endif
