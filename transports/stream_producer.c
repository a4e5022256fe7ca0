/* Streams and their producers: registering, telling the marks, asking for the next piece.
 *
 * Reactor's thread. Who is registered lies in the extras; what is to be told is in the flags, which
 * the end of the turn looks at anyway, so a connection without a producer pays nothing. Invariant:
 * a flag says what the producer has been told before he is told it, so he may do anything in the
 * call. */
#include "stream_internal.h"

enum {
    ABOUT_PRODUCER = TORC__PRODUCED | TORC__PULL | TORC__PULL_DUE | TORC__PRODUCER_PAUSED |
                     TORC__HELD_OPEN | TORC__JOINED
};

static uint32_t flags_of(const TorcProducing *producing)
{
    uint32_t flags = TORC__PRODUCED;

    flags |= producing->receiver ? TORC__JOINED : TORC__HELD_OPEN;
    if (!producing->streaming)
        flags |= TORC__PULL | TORC__PULL_DUE;
    return flags;
}

int torc__stream_registerProducer(TorcTransport *self, const TorcProducing *producing)
{
    TorcStream *stream = (TorcStream *)self;
    const uint32_t closed =
        TORC__DISCONNECTING | TORC__LOST | TORC__WRITE_CLOSING | TORC__WRITE_BROKEN;

    if (stream->flags & TORC__PRODUCED)
        return -EBUSY;
    if (stream->flags & closed)
        return -EPIPE;
    TorcStreamExtras *extras = torc__stream_extras(stream);
    if (!extras)
        return -ENOMEM;
    extras->producing = *producing;
    stream->flags |= flags_of(producing);
    torc__stream_list(stream);
    return 0;
}

/* Of a file nothing waits here but what the kernel refused, and that concerns nobody any more. */
static void unblock_empty(TorcStream *stream)
{
    if (stream->output || (stream->flags & TORC__DESCRIPTORS))
        return;
    stream->flags &= ~TORC__BLOCKED;
    torc__stream_watch(stream); /* without edges, writability would be reported for ever */
}

bool torc__stream_unregisterProducer(TorcTransport *self, TorcProducing *ret_left)
{
    TorcStream *stream = (TorcStream *)self;

    if (!(stream->flags & TORC__PRODUCED))
        return false;
    *ret_left = stream->extras->producing;
    stream->flags &= ~(uint32_t)ABOUT_PRODUCER;
    if (stream->flags & TORC__LOST)
        return true;
    unblock_empty(stream);
    torc__stream_list(stream); /* a close may have waited, or the protocol's marks are due */
    return true;
}

void torc__stream_getFlow(TorcTransport *self, TorcFlow *ret_flow)
{
    const TorcStream *stream = (const TorcStream *)self;
    const TorcStreamExtras *extras = stream->extras;

    *ret_flow = (TorcFlow){
        .produced = stream->flags & TORC__PRODUCED,
        .joined = stream->flags & TORC__JOINED,
        .read_ended = stream->flags & TORC__READ_EOF,
        .high_mark = extras ? extras->high_mark : TORC__HIGH_MARK_DEFAULT,
        .buffer_limit = extras ? extras->buffer_limit : stream->owner->factory->bufferLimit,
    };
}

/* ---- telling ------------------------------------------------------------------------------- */

/* One who is not waited for is not told of marks either when the connection closes. */
static bool is_told(const TorcStream *stream)
{
    uint32_t flags = stream->flags;

    if (!(flags & TORC__PRODUCED) || (flags & TORC__LOST))
        return false;
    return !(flags & TORC__DISCONNECTING) || (flags & TORC__HELD_OPEN);
}

bool torc__stream_producerDue(const TorcStream *stream)
{
    const TorcStreamExtras *extras = stream->extras;

    if (!is_told(stream))
        return false;
    if (stream->flags & TORC__PULL)
        return (stream->flags & (TORC__PULL_DUE | TORC__BLOCKED)) == TORC__PULL_DUE &&
               !stream->output;
    size_t bytes = torc__writeQueue_bytes(stream->output);
    return stream->flags & TORC__PRODUCER_PAUSED ? bytes <= extras->low_mark
                                                 : bytes > extras->high_mark;
}

void torc__stream_tellProducer(TorcStream *stream)
{
    const TorcProducing *producing = &stream->extras->producing;
    const char *name = stream->base.protocol->cls->name;
    TorcReactor *reactor = torc__stream_reactor(stream);

    if (stream->flags & TORC__PULL)
        stream->flags &= ~TORC__PULL_DUE;
    else
        stream->flags ^= TORC__PRODUCER_PAUSED;
    if (stream->flags & TORC__PRODUCER_PAUSED)
        TORC__OBSERVE(reactor, name, "producer's pauseProducing",
                      producing->cls->pauseProducing(producing->producer));
    else
        TORC__OBSERVE(reactor, name, "producer's resumeProducing",
                      producing->cls->resumeProducing(producing->producer));
}

void torc__stream_progress(TorcStream *stream)
{
    if (stream->flags & TORC__TIMED)
        torc__stream_moved(stream);
    if (stream->flags & TORC__PULL)
        stream->flags |= TORC__PULL_DUE;
    if ((stream->flags & TORC__DISCONNECTING) && stream->extras)
        (void)TorcDelayedCall_cancel(stream->extras->close_call); /* it begins anew */
}

TorcProducing torc__stream_endProducing(TorcStream *stream)
{
    TorcProducing left = {0};

    if (torc__stream_unregisterProducer(&stream->base, &left))
        torc__producing_end(&left, stream->reason);
    return left;
}
