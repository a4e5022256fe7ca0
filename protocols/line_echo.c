/* Line echo: a LineReceiver that sends each line back. Stateless; runs on the reactor's thread. */
#include "line_echo.h"

static void line_echo_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    /* A failed write ends the connection by itself; there is nobody else to tell. */
    (void)TorcLineReceiver_sendLine(self, line, length);
}

/* The peer reads slower than it writes: taking more would only move its bytes into our memory. */
static void line_echo_pauseProducing(TorcProtocol *self)
{
    TorcLineReceiver_pauseProducing((TorcLineReceiver *)self);
}

static void line_echo_resumeProducing(TorcProtocol *self)
{
    TorcLineReceiver_resumeProducing((TorcLineReceiver *)self);
}

const TorcLineReceiverClass torc_line_echo_class = {
    TORC_LINE_RECEIVER_CLASS("line-echo", TorcLineReceiver),
    .protocol.pauseProducing = line_echo_pauseProducing,
    .protocol.resumeProducing = line_echo_resumeProducing,
    .delimiter = "\n",
    .lineReceived = line_echo_lineReceived,
};
