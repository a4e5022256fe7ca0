/* LineReceiver: feeds the line cutter and calls the slots.
 *
 * Runs on the reactor's thread. The instance owns its buffer, which is NULL unless input waits, and
 * which is on deliver()'s stack while a delivery is under way (BUSY).
 *
 * There is one loop, deliver(), and it never recurses: what slots ask for in between (another mode,
 * a pause, other bytes) is noted in the flags and the buffer, and the loop goes on from there. What
 * is asked for outside of a slot starts the loop in the next turn, because no slot may run before
 * the call that caused it has returned. */
#include "line_receiver.h"

#include <assert.h>
#include <errno.h>

#include "../reactor/delayed_call.h"
#include "../transports/transport.h"
#include "class_internal.h"
#include "line_common_internal.h"

/* Embedded by subclasses: part of the ABI. */
static_assert(sizeof(TorcLineReceiver) == sizeof(TorcProtocol) + sizeof(void *) + 8,
              "part of the ABI");
static_assert(sizeof(TorcLineReceiverClass) == sizeof(TorcProtocolClass) + 14 * sizeof(void *),
              "part of the ABI");

enum {
    RAW = 1,       /* bytes go to rawDataReceived */
    PAUSED = 2,    /* nothing is delivered */
    BUSY = 4,      /* deliver() is on the stack */
    SCHEDULED = 8, /* deliver() will be called in the next turn */
    ENDED = 16     /* the peer has sent its FIN: close when all has been delivered */
};

static TorcLineReceiver *receiver(TorcProtocol *protocol)
{
    return (TorcLineReceiver *)protocol;
}

static const TorcLineReceiverClass *class_of(const TorcLineReceiver *self)
{
    return (const TorcLineReceiverClass *)self->base.cls;
}

/* ---- delivery ------------------------------------------------------------------------------ */

static bool may_deliver(const TorcLineReceiver *self)
{
    return !(self->flags & PAUSED) && !TorcTransport_disconnecting(self->base.transport);
}

/* One call of a slot. Positive: there may be more; 0: nothing is complete; or a negative code. */
static int deliver_one(TorcLineReceiver *self, TorcLineBuffer *buffer, const TorcLineRules *rules,
                       char *scratch)
{
    const TorcLineReceiverClass *cls = class_of(self);
    bool raw = self->flags & RAW;
    const char *data = NULL;
    size_t length = 0;

    int r = raw ? torc__lineBuffer_takeAll(buffer, &data, &length)
                : torc__lineBuffer_next(buffer, rules, scratch, &data, &length);
    if (r > 0) {
        if (raw)
            cls->rawDataReceived(self, data, length);
        else if (r == TORC__LINE_READY)
            cls->lineReceived(self, data, length);
        else
            cls->lineLengthExceeded(self, data, length);
    }
    torc__lineBuffer_release(buffer);
    return r;
}

static void end_delivery(TorcLineReceiver *self, TorcLineBuffer *buffer, int r)
{
    r = torc__line_close(&self->base, buffer, r, &self->buffer);
    if (r == 0 && (self->flags & (ENDED | PAUSED)) == ENDED)
        TorcTransport_loseConnection(self->base.transport);
}

static int deliver_all(TorcLineReceiver *self, TorcLineBuffer *buffer)
{
    TorcLineRules rules = torc__line_rules(self->base.cls);
    char scratch[TORC__LINE_SCRATCH];
    int r = torc__line_checkRules(&rules);

    if (r < 0)
        return r;
    do {
        if (!may_deliver(self))
            return 0;
        r = deliver_one(self, buffer, &rules, scratch);
    } while (r > 0);
    return r;
}

static void deliver(TorcLineReceiver *self, const void *chunk, size_t length)
{
    TorcLineBuffer buffer;

    torc__lineBuffer_open(&buffer, self->buffer, chunk, length);
    /* Until end_delivery. */
    // cppcheck-suppress autoVariables
    self->buffer = &buffer;
    self->flags |= BUSY;
    int r = deliver_all(self, &buffer);
    self->flags &= ~(uint32_t)BUSY;
    end_delivery(self, &buffer, r);
}

static void deliver_waiting(void *arg)
{
    TorcLineReceiver *self = arg;

    self->flags &= ~(uint32_t)SCHEDULED;
    deliver(self, NULL, 0);
}

/* After something was changed outside of a slot: delivers in the next turn, if there is anything to
 * deliver. The call is bound, so it dies with the connection. */
static int schedule(TorcLineReceiver *self)
{
    TorcTransport *transport = self->base.transport;

    if ((self->flags & (BUSY | SCHEDULED | PAUSED)) || !(self->buffer || (self->flags & ENDED)))
        return 0;
    if (!TorcTransport_connected(transport) || TorcTransport_disconnecting(transport))
        return 0;
    int r =
        TorcReactor_callLaterWith(TorcTransport_getReactor(transport), 0,
                                  TORC_CALL(deliver_waiting, self, .protocol = &self->base), NULL);
    if (r < 0)
        torc__line_fail(&self->base, r);
    else
        self->flags |= SCHEDULED;
    return r;
}

/* ---- the root class ------------------------------------------------------------------------ */

static void line_dataReceived(TorcProtocol *protocol, const void *data, size_t length)
{
    TorcLineReceiver *self = receiver(protocol);

    if (self->flags & BUSY)
        torc__line_feed(protocol, self->buffer, data, length);
    else
        deliver(self, data, length);
}

static void line_readConnectionLost(TorcProtocol *protocol)
{
    TorcLineReceiver *self = receiver(protocol);

    self->flags |= ENDED;
    deliver(self, NULL, 0);
}

static void line_destroy(TorcProtocol *protocol)
{
    torc__lineBuffer_done(receiver(protocol)->buffer);
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
    TorcTransport_loseConnection(self->base.transport);
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
    return torc__line_send(self ? &self->base : NULL, line, length);
}

void TorcLineReceiver_setRawMode(TorcLineReceiver *self)
{
    if (!self)
        return;
    self->flags |= RAW;
    (void)schedule(self); /* a failure has ended the connection */
}

/* Puts bytes in front of the input, inside or outside of a slot. */
static int unread(TorcLineReceiver *self, const void *data, size_t length)
{
    if (self->flags & BUSY)
        return torc__lineBuffer_unread(self->buffer, data, length);

    TorcLineBuffer buffer;
    torc__lineBuffer_open(&buffer, self->buffer, NULL, 0);
    int r = torc__lineBuffer_unread(&buffer, data, length);
    (void)torc__lineBuffer_close(&buffer, &self->buffer); /* without a chunk it cannot fail */
    return r;
}

int TorcLineReceiver_setLineMode(TorcLineReceiver *self, const void *extra, size_t length)
{
    if (!self || (!extra && length > 0) || !self->base.transport)
        return -EINVAL;
    self->flags &= ~(uint32_t)RAW;
    int r = unread(self, extra, length);
    if (r < 0)
        torc__line_fail(&self->base, r);
    return r < 0 ? r : schedule(self);
}

/* Outside of a slot what was taken is parked, and freed by whatever comes next. */
static int take_all(TorcLineReceiver *self, const char **ret_data, size_t *ret_length)
{
    if (self->flags & BUSY)
        return torc__lineBuffer_takeAll(self->buffer, ret_data, ret_length);

    TorcLineBuffer buffer;
    torc__lineBuffer_open(&buffer, self->buffer, NULL, 0);
    torc__lineBuffer_release(&buffer);
    int r = torc__lineBuffer_takeAll(&buffer, ret_data, ret_length);
    self->buffer = torc__lineBuffer_park(&buffer);
    return r;
}

size_t TorcLineReceiver_clearLineBuffer(TorcLineReceiver *self, const void **ret_data)
{
    const char *data = NULL;
    size_t length = 0;

    int r = self && self->buffer ? take_all(self, &data, &length) : 0;
    if (r < 0) {
        torc__lineBuffer_forget(self->buffer); /* BUSY: nothing is copied outside of a slot */
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
    self->flags |= PAUSED;
    TorcTransport_pauseProducing(self->base.transport);
}

void TorcLineReceiver_resumeProducing(TorcLineReceiver *self)
{
    if (!self)
        return;
    self->flags &= ~(uint32_t)PAUSED;
    TorcTransport_resumeProducing(self->base.transport);
    (void)schedule(self); /* a failure has ended the connection */
}
