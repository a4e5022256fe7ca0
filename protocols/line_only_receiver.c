/* LineOnlyReceiver: the slots of the plain kind of line receiver. How lines come about is the work
 * of line_common.c; nothing can interrupt it here but the end of the connection.
 *
 * Runs on the reactor's thread. */
#include "line_only_receiver.h"

#include <assert.h>

#include "../reactor/reactor_internal.h"
#include "../transports/transport.h"
#include "class_internal.h"
#include "line_common_internal.h"

/* Embedded by subclasses: part of the ABI. */
static_assert(sizeof(TorcLineOnlyReceiver) == sizeof(TorcProtocol) + sizeof(void *) + 8,
              "part of the ABI");
static_assert(sizeof(TorcLineOnlyReceiverClass) == sizeof(TorcProtocolClass) + 13 * sizeof(void *),
              "part of the ABI");

static TorcLineOnlyReceiver *receiver(TorcProtocol *protocol)
{
    return (TorcLineOnlyReceiver *)protocol;
}

static void tell(TorcProtocol *protocol, int event, const char *data, size_t length)
{
    const TorcLineOnlyReceiverClass *cls = (const TorcLineOnlyReceiverClass *)protocol->cls;

    if (event == TORC__LINE_READY)
        cls->lineReceived(receiver(protocol), data, length);
    else
        cls->lineLengthExceeded(receiver(protocol), data, length);
}

static void line_dataReceived(TorcProtocol *protocol, const void *data, size_t length)
{
    static const TorcLineKind kind = {.resume = true, .tell = tell};

    torc__line_received(protocol, &receiver(protocol)->state, &kind, data, length);
}

static void line_readConnectionLost(TorcProtocol *protocol)
{
    TorcTransport_loseConnection(protocol->transport);
}

static void line_destroy(TorcProtocol *protocol)
{
    torc__lineBuffer_done(receiver(protocol)->state.buffer);
}

static void line_lineReceived(TorcLineOnlyReceiver *self, const char *line, size_t length)
{
    (void)self;
    (void)line;
    (void)length;
}

static void line_lineLengthExceeded(TorcLineOnlyReceiver *self, const void *data, size_t length)
{
    (void)data;
    (void)length;
    torc__line_tooLong(&self->base, &self->state);
}

const TorcLineOnlyReceiverClass torc_line_only_receiver_class = {
    .protocol.class_size = sizeof(TorcLineOnlyReceiverClass),
    .protocol.instance_size = sizeof(TorcLineOnlyReceiver),
    .protocol.name = "line-only-receiver",
    .protocol.parent = &torc_protocol_class,
    .protocol.dataReceived = line_dataReceived,
    .protocol.readConnectionLost = line_readConnectionLost,
    .protocol.destroy = line_destroy,
    .delimiter = "\r\n",
    .maxLength = TORC_LINE_MAX_LENGTH,
    .lineReceived = line_lineReceived,
    .lineLengthExceeded = line_lineLengthExceeded,
};

void TorcLineOnlyReceiverClass_init(TorcLineOnlyReceiverClass *cls, const char *name,
                                    size_t instance_size, const TorcLineOnlyReceiverClass *parent)
{
    torc__class_init(cls, &torc_line_only_receiver_class, name, instance_size, parent);
}

int TorcLineOnlyReceiver_sendLine(TorcLineOnlyReceiver *self, const void *line, size_t length)
{
    TORC__REQUIRE(self);
    return torc__line_send(&self->base, &self->state, line, length);
}
