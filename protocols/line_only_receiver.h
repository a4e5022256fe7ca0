/* LineOnlyReceiver: lines and nothing else; simpler and cheaper than LineReceiver.
 * (Twisted: twisted.protocols.basic.LineOnlyReceiver.)
 *
 * No raw mode and no pausing between lines. Differs from Twisted's in one thing: an over-long line
 * is reported once and then dropped. FIN as with LineReceiver. */
#ifndef TORC_PROTOCOLS_LINE_ONLY_RECEIVER_H
#define TORC_PROTOCOLS_LINE_ONLY_RECEIVER_H

#include "line_receiver.h"
#include "protocol.h"

TORC_BEGIN_DECLS

typedef struct TorcLineOnlyReceiver {
    TorcProtocol base;
    TorcLineState state;
} TorcLineOnlyReceiver;

typedef struct TorcLineOnlyReceiverClass {
    TorcProtocolClass protocol;

    /* As in TorcLineReceiverClass. */
    const char *delimiter;
    size_t delimiterLength;
    size_t maxLength;
    void (*lineReceived)(TorcLineOnlyReceiver *self, const char *line, size_t length);

    /* A line is longer than maxLength; called once for it, as soon as that is known, with what has
     * come of it. The rest of the line, up to its delimiter, is dropped. The root's logs
     * "line.too-long" and closes the connection by loseConnection. */
    void (*lineLengthExceeded)(TorcLineOnlyReceiver *self, const void *data, size_t length);

    void (*reserved[8])(void);
} TorcLineOnlyReceiverClass;

#define TORC_LINE_ONLY_RECEIVER_CLASS(name_, InstanceType)                                         \
    TORC_LINE_ONLY_RECEIVER_SUBCLASS(name_, InstanceType, &torc_line_only_receiver_class)
#define TORC_LINE_ONLY_RECEIVER_SUBCLASS(name_, InstanceType, parent_)                             \
    .protocol.class_size = sizeof(TorcLineOnlyReceiverClass),                                      \
    .protocol.instance_size = sizeof(InstanceType), .protocol.name = (name_),                      \
    .protocol.parent = &(parent_)->protocol

TORC_API extern const TorcLineOnlyReceiverClass torc_line_only_receiver_class;

/* As TorcProtocolClass_init. parent NULL: torc_line_only_receiver_class. */
TORC_API void TorcLineOnlyReceiverClass_init(TorcLineOnlyReceiverClass *cls, const char *name,
                                             size_t instance_size,
                                             const TorcLineOnlyReceiverClass *parent);

/* Writes the line and the delimiter. As TorcTransport_write. */
TORC_API int TorcLineOnlyReceiver_sendLine(TorcLineOnlyReceiver *self, const void *line,
                                           size_t length);

TORC_END_DECLS

#endif
