/* Standard input and output: the beginning and the owner of a connection of two descriptors.
 *
 * Reactor's thread. The connection is a stream as any other, on the layer of stdio_system.c, which
 * lies in the stream's owner. The owner is counted: the call that begins the connection holds a
 * reference, and then the stream does; who drops the last one closes what is still open, and stops
 * the factory if connectionLost has not. */
#include "stdio.h"

#include <string.h>

#include "adopt_internal.h"
#include "stdio_internal.h"
#include "stream_internal.h"

typedef struct StandardIO {
    TorcStreamOwner owner;
    TorcStdioSystem system;
    TorcAdoptedFunction *connected; /* NULL: nobody wants to know */
    bool started;                   /* the factory, by us */
} StandardIO;

/* ---- as an owner --------------------------------------------------------------------------- */

static void stop_factory(StandardIO *io)
{
    if (!io->started)
        return;
    io->started = false;
    TorcFactory_doStop(io->owner.factory);
}

/* It closes at once: no reset could destroy what was written, and input that is left is for others,
 * not to be discarded by lingering. */
static void stdio_made(TorcStreamOwner *owner, TorcStream *stream)
{
    (void)owner;
    stream->flags |= TORC__RESET;
}

static void stdio_connected(TorcStreamOwner *owner, TorcStream *stream)
{
    StandardIO *io = (StandardIO *)owner;

    if (io->connected)
        io->connected(owner->factory, stream->base.protocol);
}

static void stdio_lost(TorcStreamOwner *owner, const TorcReason *reason)
{
    (void)reason;
    stop_factory((StandardIO *)owner);
}

static void stdio_free(TorcStreamOwner *owner)
{
    StandardIO *io = (StandardIO *)owner;

    torc__stdioSystem_close(&io->system);
    stop_factory(io);
    TorcFactory_unref(owner->factory);
    torc__free(io);
}

static void stdio_unref(void *arg)
{
    torc__streamOwner_unref(arg);
}

/* ---- the beginning ------------------------------------------------------------------------- */

static void log_failure(TorcReactor *reactor, int code)
{
    const char *text = torc_strerror(code);
    TORC__LOG(reactor, TORC_LOG_WARNING, "stdio.connection-failed",
              TORC_LOG_BYTES("problem", text, strlen(text)));
}

static void begin(void *arg)
{
    StandardIO *io = arg;
    TorcReactor *reactor = io->owner.streams->reactor;
    const TorcAddress nobody = {0};

    if (torc__reactor_stopping(reactor))
        return;
    int r = torc__stream_open(&io->owner, io->system.input.fd, &nobody);
    if (r < 0 && r != -TORC_EREFUSED)
        log_failure(reactor, r);
}

static int open_both(TorcStreams *streams, int input, int output, TorcFactory *factory,
                     StandardIO **ret_io)
{
    StandardIO *io = torc__zalloc(sizeof(StandardIO));
    if (!io)
        return -ENOMEM;
    int r = torc__stdioSystem_open(&io->system, streams->reactor, input, output);
    if (r < 0) {
        torc__free(io);
        return r;
    }
    io->owner = (TorcStreamOwner){
        .made = stdio_made, .connected = stdio_connected, .lost = stdio_lost, .free = stdio_free};
    torc__streamOwner_begin(&io->owner, streams, factory);
    io->owner.system = &io->system.base;
    *ret_io = io;
    return 0;
}

int torc__standardIO(TorcReactor *reactor, int input, int output, TorcFactory *factory,
                     TorcAdoptedFunction *connected)
{
    TORC__REQUIRE(reactor && factory);
    if (torc__reactor_stopping(reactor))
        return -TORC_ENOTRUNNING;
    TorcStreams *streams = torc__streams(reactor);
    if (!streams)
        return -ENOMEM;
    StandardIO *io;
    int r = open_both(streams, input, output, factory, &io);
    if (r < 0)
        return r;
    io->connected = connected;
    /* The call has the reference, also when it cannot be made. */
    r = torc__callLater(reactor, 0, begin, io, stdio_unref, NULL, NULL);
    if (r < 0)
        return r;
    io->started = true;
    TorcFactory_doStart(factory);
    return 0;
}

int TorcReactor_standardIO(TorcReactor *reactor, int input, int output, TorcFactory *factory)
{
    return torc__standardIO(reactor, input, output, factory, NULL);
}
