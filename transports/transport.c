/* Transport: the public functions. They check their arguments, once for every kind of transport,
 * and dispatch through its table. Reactor's thread; nothing is owned here. */
#include "transport.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "../reactor/reactor_internal.h"
#include "transport_internal.h"

/* Of debug builds; NULL is fine. */
#define CHECK_THREAD(transport) TORC__ON_THREAD_OF(TorcTransport_getReactor(transport))

/* ---- writing ------------------------------------------------------------------------------- */

int TorcTransport_write(TorcTransport *transport, const void *data, size_t length)
{
    TORC__REQUIRE(transport && (data || length == 0));
    CHECK_THREAD(transport);
    return transport->cls->write(transport, data, length);
}

int TorcTransport_writeSequence(TorcTransport *transport, const TorcBytes *pieces, size_t count)
{
    TORC__REQUIRE(transport && (pieces || count == 0));
    CHECK_THREAD(transport);
    for (size_t i = 0; i < count; i++)
        TORC__REQUIRE(pieces[i].data || pieces[i].length == 0);
    return transport->cls->writeSequence(transport, pieces, count);
}

int TorcTransport_writeOwned(TorcTransport *transport, const void *data, size_t length,
                             TorcFunction *release, void *arg)
{
    CHECK_THREAD(transport);
    if (!transport || (!data && length > 0)) {
        if (release)
            release(arg);
        return -EINVAL;
    }
    return transport->cls->writeOwned(transport, data, length, release, arg);
}

/* For texts that do not fit on the stack. The empty write tells whether there is still somebody to
 * write to; one who is closing must not be cut off for a text that would be dropped anyway. */
static TORC_PRINTF(2, 0) int print_large(TorcTransport *transport, const char *format,
                                         va_list arguments, size_t length)
{
    int r = transport->cls->write(transport, format, 0);
    if (r < 0)
        return r;
    char *text = torc__malloc(length + 1);
    if (!text) {
        TorcTransport_abortConnection(transport); /* not a FIN, which would hide the loss */
        return -ENOMEM;
    }
    (void)vsnprintf(text, length + 1, format, arguments);
    return transport->cls->writeOwned(transport, text, length, torc__free, text);
}

int TorcTransport_vprintf(TorcTransport *transport, const char *format, va_list arguments)
{
    TORC__REQUIRE(transport && format);
    CHECK_THREAD(transport);
    char text[512];
    va_list again;

    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    int r = -EINVAL;
    if (length >= 0 && (size_t)length < sizeof(text))
        r = transport->cls->write(transport, text, (size_t)length);
    else if (length >= 0)
        r = print_large(transport, format, again, (size_t)length);
    va_end(again);
    return r;
}

int TorcTransport_printf(TorcTransport *transport, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int r = TorcTransport_vprintf(transport, format, arguments);
    va_end(arguments);
    return r;
}

size_t TorcTransport_bufferedBytes(const TorcTransport *transport)
{
    return transport ? transport->cls->bufferedBytes(transport) : 0;
}

/* What is beyond it cannot wait in memory. */
static int64_t saturate(size_t bytes)
{
    return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
}

int TorcTransport_setWriteMarks(TorcTransport *transport, size_t high, size_t low)
{
    TORC__REQUIRE(transport && low <= high);
    CHECK_THREAD(transport);
    int r = transport->cls->set(transport, TORC__HIGH_MARK, saturate(high));
    return r < 0 ? r : transport->cls->set(transport, TORC__LOW_MARK, saturate(low));
}

int TorcTransport_setBufferLimit(TorcTransport *transport, size_t bytes)
{
    TORC__REQUIRE(transport);
    CHECK_THREAD(transport);
    return transport->cls->set(transport, TORC__BUFFER_LIMIT, saturate(bytes));
}

/* ---- ending -------------------------------------------------------------------------------- */

void TorcTransport_loseConnection(TorcTransport *transport)
{
    CHECK_THREAD(transport);
    if (transport)
        transport->cls->loseConnection(transport);
}

int TorcTransport_loseWriteConnection(TorcTransport *transport)
{
    TORC__REQUIRE(transport);
    CHECK_THREAD(transport);
    return transport->cls->loseWriteConnection(transport);
}

void TorcTransport_abortConnection(TorcTransport *transport)
{
    CHECK_THREAD(transport);
    if (transport)
        transport->cls->abortConnection(transport);
}

void TorcTransport_failConnection(TorcTransport *transport, const TorcReason *reason)
{
    CHECK_THREAD(transport);
    if (transport)
        transport->cls->failConnection(
            transport, reason ? reason : TorcReason_static(TORC_CONNECTION_APPLICATION));
}

/* It cannot be told from here whether the peer was slow or one callback wrote too much. */
TORC__COLD TorcReason *torc__transport_overflow(const TorcTransport *self, size_t limit,
                                                size_t length)
{
    return TorcReason_new(
        TORC_CONNECTION_OVERFLOW, -ENOBUFS,
        "a write of %zu bytes, with %zu waiting, passed the buffer limit of %zu: "
        "write less at a time, no more between pauseProducing and resumeProducing, "
        "or raise the limit",
        length, self->cls->bufferedBytes(self), limit);
}

int TorcTransport_setCloseTimeout(TorcTransport *transport, double seconds)
{
    TORC__REQUIRE(transport && !isnan(seconds));
    CHECK_THREAD(transport);
    int64_t timeout = seconds < 0 ? TORC__NEVER : torc__nanoseconds(seconds);
    return transport->cls->set(transport, TORC__CLOSE_TIMEOUT, timeout);
}

int TorcTransport_setIdleTimeout(TorcTransport *transport, double seconds)
{
    TORC__REQUIRE(transport && seconds >= 0); /* which is not true of NaN */
    CHECK_THREAD(transport);
    return transport->cls->set(transport, TORC__IDLE_TIMEOUT, torc__nanoseconds(seconds));
}

bool TorcTransport_disconnecting(const TorcTransport *transport)
{
    return transport && transport->cls->disconnecting(transport);
}

bool TorcTransport_connected(const TorcTransport *transport)
{
    return transport && transport->cls->connected(transport);
}

/* ---- reading ------------------------------------------------------------------------------- */

void TorcTransport_pauseProducing(TorcTransport *transport)
{
    CHECK_THREAD(transport);
    if (transport)
        transport->cls->pauseProducing(transport);
}

void TorcTransport_resumeProducing(TorcTransport *transport)
{
    CHECK_THREAD(transport);
    if (transport)
        transport->cls->resumeProducing(transport);
}

/* ---- about the connection ------------------------------------------------------------------ */

void TorcTransport_getHost(TorcTransport *transport, TorcAddress *ret_address)
{
    if (!ret_address)
        return;
    *ret_address = (TorcAddress){0};
    if (transport)
        transport->cls->getHost(transport, ret_address);
}

void TorcTransport_getPeer(TorcTransport *transport, TorcAddress *ret_address)
{
    if (!ret_address)
        return;
    *ret_address = (TorcAddress){0};
    if (transport)
        transport->cls->getPeer(transport, ret_address);
}

TorcReactor *TorcTransport_getReactor(const TorcTransport *transport)
{
    return transport ? transport->cls->getReactor(transport) : NULL;
}

TorcConnectionId TorcTransport_getConnectionId(const TorcTransport *transport)
{
    return transport ? transport->cls->getConnectionId(transport) : (TorcConnectionId){0};
}

TorcProtocol *TorcConnectionId_protocol(TorcConnectionId id)
{
    const TorcTransport *slot = (const TorcTransport *)(uintptr_t)id.slot;

    return slot ? slot->cls->findProtocol(slot, id.generation) : NULL;
}

int TorcTransport_getHandle(const TorcTransport *transport)
{
    int fd = transport ? transport->cls->getHandle(transport) : -1;
    return fd < 0 ? -ENOTCONN : fd;
}

int torc__transport_boundCalls(TorcTransport *transport, TorcBoundCalls **ret_bound)
{
    if (!transport->cls->connected(transport))
        return -ENOTCONN;
    TorcBoundCalls *bound = transport->cls->boundCalls(transport);
    if (!bound)
        return -ENOMEM;
    *ret_bound = bound;
    return 0;
}
