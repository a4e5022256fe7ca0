/* Echo (RFC 862): every chunk is written back as it comes. Stateless; runs on the reactor's thread. */
#include "echo.h"

#include "../transports/transport.h"

static void echo_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    /* A failed write ends the connection by itself; there is nobody else to tell. */
    (void)TorcTransport_write(self->transport, data, length);
}

/* The peer reads slower than it writes: taking more would only move its bytes into our memory. */
static void echo_pauseProducing(TorcProtocol *self)
{
    TorcTransport_pauseProducing(self->transport);
}

static void echo_resumeProducing(TorcProtocol *self)
{
    TorcTransport_resumeProducing(self->transport);
}

static void echo_readConnectionLost(TorcProtocol *self)
{
    TorcTransport_loseConnection(self->transport);
}

const TorcProtocolClass torc_echo_class = {
    TORC_PROTOCOL_CLASS("echo", TorcProtocol),     .dataReceived = echo_dataReceived,
    .readConnectionLost = echo_readConnectionLost, .pauseProducing = echo_pauseProducing,
    .resumeProducing = echo_resumeProducing,
};
