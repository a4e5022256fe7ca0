/* LineOnlyReceiver: feeds the line cutter and calls the slots; nothing can interrupt it but the end
 * of the connection.
 *
 * Runs on the reactor's thread. The instance owns its buffer, which is NULL unless a partial line
 * waits, and which is on deliver()'s stack while a delivery is under way (BUSY). */
#include "line_only_receiver.h"

#include <assert.h>

#include "../transports/transport.h"
#include "class_internal.h"
#include "line_common_internal.h"

/* Embedded by subclasses: part of the ABI. */
static_assert(sizeof(TorcLineOnlyReceiver) == sizeof(TorcProtocol) + sizeof(void *) + 8,
              "part of the ABI");
static_assert(sizeof(TorcLineOnlyReceiverClass) == sizeof(TorcProtocolClass) + 13 * sizeof(void *),
              "part of the ABI");

enum {
    BUSY = 1,    /* deliver() is on the stack */
    SKIPPING = 2 /* in the rest of a line that was too long */
};

static TorcLineOnlyReceiver *receiver(TorcProtocol *protocol)
{
    return (TorcLineOnlyReceiver *)protocol;
}

/* ---- delivery ------------------------------------------------------------------------------ */

/* One call of a slot. Positive: there may be more; 0: nothing is complete; or a negative code. */
static int deliver_one(TorcLineOnlyReceiver *self, TorcLineBuffer *buffer,
                       const TorcLineRules *rules, char *scratch)
{
    const TorcLineOnlyReceiverClass *cls = (const TorcLineOnlyReceiverClass *)self->base.cls;
    const char *data = NULL;
    size_t length = 0;

    int r = torc__lineBuffer_next(buffer, rules, scratch, &data, &length);
    if (r == TORC__LINE_READY)
        cls->lineReceived(self, data, length);
    else if (r == TORC__LINE_TOO_LONG)
        cls->lineLengthExceeded(self, data, length);
    torc__lineBuffer_release(buffer);
    return r;
}

static void end_delivery(TorcLineOnlyReceiver *self, TorcLineBuffer *buffer, int r)
{
    self->flags = buffer->skipping ? SKIPPING : 0;
    (void)torc__line_close(&self->base, buffer, r, &self->buffer); /* a failure ended it all */
}

static int deliver_all(TorcLineOnlyReceiver *self, TorcLineBuffer *buffer)
{
    TorcLineRules rules = torc__line_rules(self->base.cls);
    char scratch[TORC__LINE_SCRATCH];
    int r = torc__line_checkRules(&rules);

    if (r < 0)
        return r;
    rules.resume = true;
    do {
        if (TorcTransport_disconnecting(self->base.transport))
            return 0;
        r = deliver_one(self, buffer, &rules, scratch);
    } while (r > 0);
    return r;
}

static void deliver(TorcLineOnlyReceiver *self, const void *chunk, size_t length)
{
    TorcLineBuffer buffer;

    torc__lineBuffer_open(&buffer, self->buffer, chunk, length);
    buffer.skipping = self->flags & SKIPPING;
    /* Until end_delivery. */
    // cppcheck-suppress autoVariables
    self->buffer = &buffer;
    self->flags |= BUSY;
    int r = deliver_all(self, &buffer);
    end_delivery(self, &buffer, r);
}

/* ---- the root class ------------------------------------------------------------------------ */

static void line_dataReceived(TorcProtocol *protocol, const void *data, size_t length)
{
    TorcLineOnlyReceiver *self = receiver(protocol);

    if (self->flags & BUSY)
        torc__line_feed(protocol, self->buffer, data, length);
    else
        deliver(self, data, length);
}

static void line_readConnectionLost(TorcProtocol *protocol)
{
    TorcTransport_loseConnection(protocol->transport);
}

static void line_destroy(TorcProtocol *protocol)
{
    torc__lineBuffer_done(receiver(protocol)->buffer);
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
    TorcTransport_loseConnection(self->base.transport);
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
    return torc__line_send(self ? &self->base : NULL, line, length);
}
