/* LineReceiver: the slots of the kind of line receiver that can change to raw mode, pause, and be
 * given other input. How lines come about is the work of line_common.c.
 *
 * Runs on the reactor's thread. What is asked for inside a slot is noted in the flags and the
 * buffer, and the loop there goes on from it. What is asked for outside of a slot starts that loop in
 * the next turn, because no slot may run before the call that caused it has returned. */
#include "line_receiver.h"

#include <assert.h>
#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "../transports/transport.h"
#include "class_internal.h"
#include "line_common_internal.h"

/* Embedded by subclasses: part of the ABI. */
static_assert(sizeof(TorcLineReceiver) == sizeof(TorcProtocol) + sizeof(void *) + 8,
              "part of the ABI");
static_assert(sizeof(TorcLineReceiverClass) == sizeof(TorcProtocolClass) + 14 * sizeof(void *),
              "part of the ABI");

enum {
    SCHEDULED = TORC__LINE_OWN, /* deliver() will be called in the next turn */
    ENDED = TORC__LINE_OWN << 1 /* the peer has sent its FIN: close when all has been delivered */
};

static TorcLineReceiver *receiver(TorcProtocol *protocol)
{
    return (TorcLineReceiver *)protocol;
}

/* ---- delivery ------------------------------------------------------------------------------ */

static void tell(TorcProtocol *protocol, int event, const char *data, size_t length)
{
    const TorcLineReceiverClass *cls = (const TorcLineReceiverClass *)protocol->cls;

    if (event == TORC__LINE_READY)
        cls->lineReceived(receiver(protocol), data, length);
    else if (event == TORC__LINE_RAW_DATA)
        cls->rawDataReceived(receiver(protocol), data, length);
    else
        cls->lineLengthExceeded(receiver(protocol), data, length);
}

static const TorcLineKind kind = {.tell = tell};

/* Outside of a slot: delivers what waits. */
static void deliver(TorcLineReceiver *self)
{
    int r = torc__line_deliver(&self->base, &self->state, &kind, NULL, 0);

    if (r == 0 && (self->state.flags & (ENDED | TORC__LINE_PAUSED)) == ENDED)
        TorcTransport_loseConnection(self->base.transport);
}

static void deliver_waiting(void *arg)
{
    TorcLineReceiver *self = arg;

    self->state.flags &= ~(uint32_t)SCHEDULED;
    deliver(self);
}

/* After something was changed outside of a slot: delivers in the next turn, if there is anything to
 * deliver. The call is bound, so it dies with the connection. */
static int schedule(TorcLineReceiver *self)
{
    TorcTransport *transport = self->base.transport;
    const uint32_t unready = TORC__LINE_BUSY | TORC__LINE_PAUSED | SCHEDULED;

    if ((self->state.flags & unready) || !(self->state.buffer || (self->state.flags & ENDED)))
        return 0;
    if (!TorcTransport_connected(transport) || TorcTransport_disconnecting(transport))
        return 0;
    int r =
        TorcReactor_callLaterWith(TorcTransport_getReactor(transport), 0,
                                  TORC_CALL(deliver_waiting, self, .protocol = &self->base), NULL);
    if (r < 0)
        torc__line_fail(&self->base, r);
    else
        self->state.flags |= SCHEDULED;
    return r;
}

/* ---- the root class ------------------------------------------------------------------------ */

static void line_dataReceived(TorcProtocol *protocol, const void *data, size_t length)
{
    torc__line_received(protocol, &receiver(protocol)->state, &kind, data, length);
}

static void line_readConnectionLost(TorcProtocol *protocol)
{
    TorcLineReceiver *self = receiver(protocol);

    self->state.flags |= ENDED;
    deliver(self);
}

static void line_destroy(TorcProtocol *protocol)
{
    torc__lineBuffer_done(receiver(protocol)->state.buffer);
}

static void line_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)self;
    (void)line;
    (void)length;
}

static void line_rawDataReceived(TorcLineReceiver *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    (void)length;
}

static void line_lineLengthExceeded(TorcLineReceiver *self, const void *data, size_t length)
{
    (void)data;
    (void)length;
    torc__line_tooLong(&self->base, &self->state);
}

const TorcLineReceiverClass torc_line_receiver_class = {
    .protocol.class_size = sizeof(TorcLineReceiverClass),
    .protocol.instance_size = sizeof(TorcLineReceiver),
    .protocol.name = "line-receiver",
    .protocol.parent = &torc_protocol_class,
    .protocol.dataReceived = line_dataReceived,
    .protocol.readConnectionLost = line_readConnectionLost,
    .protocol.destroy = line_destroy,
    .delimiter = "\r\n",
    .maxLength = TORC_LINE_MAX_LENGTH,
    .lineReceived = line_lineReceived,
    .rawDataReceived = line_rawDataReceived,
    .lineLengthExceeded = line_lineLengthExceeded,
};

/* ---- public functions ---------------------------------------------------------------------- */

void TorcLineReceiverClass_init(TorcLineReceiverClass *cls, const char *name, size_t instance_size,
                                const TorcLineReceiverClass *parent)
{
    torc__class_init(cls, &torc_line_receiver_class, name, instance_size, parent);
}

int TorcLineReceiver_sendLine(TorcLineReceiver *self, const void *line, size_t length)
{
    TORC__REQUIRE(self);
    return torc__line_send(&self->base, &self->state, line, length);
}

void TorcLineReceiver_setRawMode(TorcLineReceiver *self)
{
    if (!self)
        return;
    self->state.flags |= TORC__LINE_RAW;
    (void)schedule(self); /* a failure has ended the connection */
}

/* Puts bytes in front of the input, inside or outside of a slot. */
static int unread(TorcLineReceiver *self, const void *data, size_t length)
{
    if (self->state.flags & TORC__LINE_BUSY)
        return torc__lineBuffer_unread(self->state.buffer, data, length);

    TorcLineBuffer buffer;
    torc__lineBuffer_open(&buffer, self->state.buffer, NULL, 0);
    int r = torc__lineBuffer_unread(&buffer, data, length);
    (void)torc__lineBuffer_close(&buffer, &self->state.buffer); /* without a chunk it cannot fail */
    return r;
}

int TorcLineReceiver_setLineMode(TorcLineReceiver *self, const void *extra, size_t length)
{
    if (!self || (!extra && length > 0) || !self->base.transport)
        return -EINVAL;
    self->state.flags &= ~(uint32_t)TORC__LINE_RAW;
    int r = unread(self, extra, length);
    if (r < 0)
        torc__line_fail(&self->base, r);
    return r < 0 ? r : schedule(self);
}

/* Outside of a slot what was taken is parked, and freed by whatever comes next. */
static int take_all(TorcLineReceiver *self, const char **ret_data, size_t *ret_length)
{
    if (self->state.flags & TORC__LINE_BUSY)
        return torc__lineBuffer_takeAll(self->state.buffer, ret_data, ret_length);

    TorcLineBuffer buffer;
    torc__lineBuffer_open(&buffer, self->state.buffer, NULL, 0);
    torc__lineBuffer_release(&buffer);
    int r = torc__lineBuffer_takeAll(&buffer, ret_data, ret_length);
    self->state.buffer = torc__lineBuffer_park(&buffer);
    return r;
}

size_t TorcLineReceiver_clearLineBuffer(TorcLineReceiver *self, const void **ret_data)
{
    const char *data = NULL;
    size_t length = 0;

    int r = self && self->state.buffer ? take_all(self, &data, &length) : 0;
    if (r < 0) {
        torc__lineBuffer_forget(self->state.buffer); /* inside a slot: else nothing is copied */
        torc__line_fail(&self->base, r);
    }
    if (ret_data)
        *ret_data = data;
    return length;
}

void TorcLineReceiver_pauseProducing(TorcLineReceiver *self)
{
    if (!self)
        return;
    self->state.flags |= TORC__LINE_PAUSED;
    TorcTransport_pauseProducing(self->base.transport);
}

void TorcLineReceiver_resumeProducing(TorcLineReceiver *self)
{
    if (!self)
        return;
    self->state.flags &= ~(uint32_t)TORC__LINE_PAUSED;
    TorcTransport_resumeProducing(self->base.transport);
    (void)schedule(self); /* a failure has ended the connection */
}
