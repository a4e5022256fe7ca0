/* Closing: in order, one-sided, at once; telling the protocol; lingering.
 *
 * Reactor's thread. All ways of ending a connection set flags and lead to torc__stream_lose, after
 * which the end of the turn calls tellLost, the one place where connectionLost is called.
 *
 * Lingering: close() on a socket with unread input, or with input that arrives later, makes the
 * kernel send RST, which destroys our last bytes on their way through the peer (RFC 9112 §9.6
 * describes it). So after loseConnection only the write side is shut, and the socket goes on
 * discarding input until the peer has closed too, within bounds. Its stream is then known to
 * nobody but the list of lingering ones. */
#include <netinet/in.h>

#include "ports_internal.h"
#include "stream_internal.h"

static const int64_t linger_time = 2 * TORC__SECOND;
enum { LINGER_BYTES = 4 * 1024 * 1024, LINGER_SOCKETS = 1024 };

/* ---- asking for the end -------------------------------------------------------------------- */

void torc__stream_loseConnection(TorcTransport *self)
{
    TorcStream *stream = (TorcStream *)self;

    if (stream->flags & (TORC__DISCONNECTING | TORC__LOST))
        return;
    stream->flags |= TORC__DISCONNECTING;
    if (stream->flags & TORC__WRITE_BROKEN)
        torc__stream_loseCode(stream, stream->extras->broken_code);
    torc__stream_watch(stream);
    torc__stream_list(stream);
    if (stream->flags & TORC__BLOCKED)
        torc__stream_closeTimer(stream);
}

int torc__stream_loseWriteConnection(TorcTransport *self)
{
    TorcStream *stream = (TorcStream *)self;

    if (stream->flags & (TORC__DISCONNECTING | TORC__LOST | TORC__WRITE_BROKEN))
        return -EPIPE;
    stream->flags |= TORC__WRITE_CLOSING;
    torc__stream_list(stream);
    return 0;
}

void torc__stream_abortConnection(TorcTransport *self)
{
    TorcStream *stream = (TorcStream *)self;

    if (stream->flags & TORC__LOST)
        return;
    stream->flags |= TORC__RESET;
    torc__stream_lose(stream, TorcReason_static(TORC_CONNECTION_ABORTED));
}

void torc__stream_failConnection(TorcTransport *self, const TorcReason *reason)
{
    torc__stream_lose((TorcStream *)self, TorcReason_ref(reason));
}

/* ---- when the output has left -------------------------------------------------------------- */

/* Not connected any more: a reset has come in that was not told yet. As a send that fails, this ends
 * the connection, after what there is to read if it still reads. */
static bool shut(TorcStream *stream)
{
    TorcSystem *system = torc__stream_system(stream);
    int r = system->ops->shutdown(system, stream->fd, SHUT_WR);

    if (r < 0) {
        torc__stream_breakOff(stream, r == -ENOTCONN ? -ECONNRESET : r);
        return false;
    }
    stream->flags |= TORC__WRITE_SHUT;
    return true;
}

static void finish(TorcStream *stream)
{
    if ((stream->flags & (TORC__READ_EOF | TORC__WRITE_SHUT)) || shut(stream))
        torc__stream_lose(stream, TorcReason_static(TORC_CONNECTION_DONE));
}

static void shut_write_side(TorcStream *stream)
{
    if (!shut(stream))
        return;
    stream->flags |= TORC__WRITE_SHUT_NEWS;
    torc__stream_list(stream);
}

bool torc__stream_drainDue(const TorcStream *stream)
{
    uint32_t flags = stream->flags;

    if (flags & (TORC__LOST | TORC__HELD_OPEN | TORC__WRITE_BROKEN))
        return false;
    if (flags & TORC__DISCONNECTING)
        return true;
    return (flags & (TORC__WRITE_CLOSING | TORC__WRITE_SHUT)) == TORC__WRITE_CLOSING;
}

void torc__stream_drained(TorcStream *stream)
{
    if (!torc__stream_drainDue(stream))
        return;
    if (stream->flags & TORC__DISCONNECTING)
        finish(stream);
    else
        shut_write_side(stream);
}

/* ---- the close timeout --------------------------------------------------------------------- */

/* Nothing is in our hands while the kernel sends a file. */
static TorcReason *took_nothing(const TorcStream *stream)
{
    size_t bytes = torc__stream_bufferedBytes(&stream->base);
    if (bytes == 0)
        return TorcReason_new(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                              "the peer took none of the rest of a file in time");
    return TorcReason_new(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                          "the peer took none of the last %zu bytes in time", bytes);
}

static void close_timed_out(void *arg)
{
    TorcStream *stream = arg;

    if (stream->flags & TORC__LOST)
        return;
    stream->flags |= TORC__RESET;
    torc__stream_lose(stream, took_nothing(stream));
}

/* Without memory for the timer the connection is not kept waiting without bound. */
void torc__stream_closeTimer(TorcStream *stream)
{
    TorcReactor *reactor = stream->owner->streams->reactor;
    TorcStreamExtras *extras = torc__stream_extras(stream);
    int r = extras ? 0 : -ENOMEM;

    if (extras && extras->close_timeout != TORC__NEVER &&
        !TorcDelayedCall_active(extras->close_call))
        r = torc__ownCallLater(reactor, extras->close_timeout, "close timeout", close_timed_out,
                               stream, &extras->close_call);
    if (r < 0)
        torc__stream_loseCode(stream, r);
}

void torc__stream_closeTimerAnew(TorcStream *stream)
{
    const uint32_t waiting = TORC__DISCONNECTING | TORC__BLOCKED;

    if ((stream->flags & (waiting | TORC__LOST)) != waiting)
        return;
    (void)TorcDelayedCall_cancel(stream->extras->close_call);
    torc__stream_closeTimer(stream);
}

/* ---- lingering ----------------------------------------------------------------------------- */

static void close_socket(TorcStream *stream)
{
    TorcSystem *system = torc__stream_system(stream);

    if (stream->flags & TORC__RESET) {
        struct linger off = {.l_onoff = 1, .l_linger = 0};
        (void)system->ops->setsockopt(system, stream->fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
    }
    if (stream->extras)
        (void)TorcDelayedCall_cancel(stream->extras->park_call);
    system->ops->unwatch(system, &stream->watch);
    (void)system->ops->close(system, stream->fd); /* nothing left to tell */
    stream->fd = -1;
}

/* Discards all that is there. True while the peer has not closed and the bounds allow to wait for
 * it; ret_bytes: how much there was. */
static bool discard(TorcStream *stream, size_t *ret_bytes)
{
    TorcStreams *streams = stream->owner->streams;
    TorcSystem *system = torc__stream_system(stream);
    size_t before = stream->extras->linger_bytes;
    ssize_t n = 0;

    while (stream->extras->linger_bytes < LINGER_BYTES) {
        n = torc__recv(system, stream->fd, streams->receive, streams->receive_size, 0);
        if (n <= 0)
            break;
        stream->extras->linger_bytes += (size_t)n;
    }
    *ret_bytes = stream->extras->linger_bytes - before;
    return n == -EAGAIN;
}

static void linger_unlink(TorcStream *stream)
{
    TorcStreams *streams = stream->owner->streams;
    TorcStreamExtras *extras = stream->extras;

    if (extras->linger_previous)
        extras->linger_previous->extras->linger_next = extras->linger_next;
    else
        streams->linger_first = extras->linger_next;
    if (extras->linger_next)
        extras->linger_next->extras->linger_previous = extras->linger_previous;
    else
        streams->linger_last = extras->linger_previous;
    streams->linger_count--;
    if (!streams->linger_first)
        (void)TorcDelayedCall_cancel(streams->linger_call); /* stale when it runs just now */
}

static void linger_link(TorcStream *stream)
{
    TorcStreams *streams = stream->owner->streams;

    stream->extras->linger_previous = streams->linger_last;
    stream->extras->linger_next = NULL;
    if (streams->linger_last)
        streams->linger_last->extras->linger_next = stream;
    else
        streams->linger_first = stream;
    streams->linger_last = stream;
    streams->linger_count++;
}

void torc__stream_lingerEnd(TorcStream *stream)
{
    stream->owner->streams->reactor->work_left = true; /* a shutdown may wait for it */
    linger_unlink(stream);
    close_socket(stream);
    torc__stream_release(stream);
}

/* All linger equally long, so the list is in order of its deadlines and one timer serves it. */
static void linger_expired(void *arg)
{
    TorcStreams *streams = arg;
    TorcReactor *reactor = streams->reactor;
    int64_t now = torc__now(reactor);

    while (streams->linger_first && streams->linger_first->extras->linger_deadline <= now)
        torc__stream_lingerEnd(streams->linger_first);
    if (!streams->linger_first)
        return;
    int64_t left = streams->linger_first->extras->linger_deadline - now;
    int r = torc__ownCallLater(reactor, left, "end of lingering", linger_expired, streams,
                               &streams->linger_call);
    while (r < 0 && streams->linger_first) /* no memory: nobody may linger without a bound */
        torc__stream_lingerEnd(streams->linger_first);
}

void torc__stream_lingerOn(TorcStream *stream)
{
    size_t bytes;

    if (!discard(stream, &bytes))
        torc__stream_lingerEnd(stream);
    else if (bytes == 0)
        torc__stream_spurious(stream, "readable");
    else
        stream->flags &= ~TORC__SPURIOUS;
}

/* True when the socket was taken over for lingering. One that cannot get memory or place is closed
 * at once: lingering is a courtesy. While the reactor stops, only input that is already there
 * justifies waiting. */
static bool linger_begin(TorcStream *stream)
{
    TorcStreams *streams = stream->owner->streams;
    TorcReactor *reactor = streams->reactor;
    TorcStreamExtras *extras = torc__stream_extras(stream);
    size_t bytes;

    if (!extras || streams->linger_count >= LINGER_SOCKETS || !discard(stream, &bytes))
        return false;
    if (torc__reactor_stopping(reactor) && (bytes == 0 || reactor->hurry))
        return false;
    if (!TorcDelayedCall_active(streams->linger_call) &&
        torc__ownCallLater(reactor, linger_time, "end of lingering", linger_expired, streams,
                           &streams->linger_call) < 0)
        return false;
    extras->linger_deadline = torc__now(reactor) + linger_time;
    linger_link(stream);
    stream->flags |= TORC__LINGERING;
    torc__stream_watch(stream); /* should it fail, the deadline ends it all the same */
    return true;
}

void torc__streams_hurryLingering(TorcStreams *streams)
{
    TorcStream *stream = streams->linger_first;

    while (stream) {
        TorcStream *next = stream->extras->linger_next;
        size_t bytes;
        if (!discard(stream, &bytes) || bytes == 0)
            torc__stream_lingerEnd(stream);
        stream = next;
    }
}

/* ---- telling ------------------------------------------------------------------------------- */

static void cancel_calls(TorcStream *stream)
{
    TorcStreamExtras *extras = stream->extras;
    if (!extras)
        return;
    (void)TorcDelayedCall_cancel(extras->close_call);
    (void)TorcDelayedCall_cancel(extras->retry_call);
    (void)TorcDelayedCall_cancel(extras->idle_call);
    torc__bound_cancelAll(stream->owner->streams->reactor, &extras->bound);
}

/* Only a connection that was closed in order and whose peer has not closed yet. */
static bool wants_linger(const TorcStream *stream, const TorcReason *reason)
{
    uint32_t flags = stream->flags & (TORC__WRITE_SHUT | TORC__READ_EOF | TORC__RESET);

    return flags == TORC__WRITE_SHUT && TorcReason_kind(reason) == TORC_CONNECTION_DONE;
}

void torc__stream_tellLost(TorcStream *stream)
{
    TorcStreamOwner *owner = stream->owner;
    TorcProtocol *protocol = stream->base.protocol;
    TorcReason *reason = stream->reason;

    assert((stream->flags & (TORC__MADE | TORC__LOST | TORC__TELLING)) ==
           (TORC__MADE | TORC__LOST));
    stream->flags |= TORC__TELLING; /* first: destroy functions cannot bind new calls */
    cancel_calls(stream);
    TorcProducing ended = torc__stream_endProducing(stream);
    TORC__CALL_SLOT(torc__stream_reactor(stream), protocol->cls, connectionLost, protocol, reason);
    protocol->transport = NULL;
    stream->flags |= TORC__TOLD;
    if (ended.receiver)
        ended.receiver->gone(ended.producer);
    owner->streams->connected--;
    torc__count_ended(torc__stream_reactor(stream)->counters.connectionsClosed, reason);
    if (!wants_linger(stream, reason) || !linger_begin(stream))
        close_socket(stream);
    owner->lost(owner, reason);
    stream->reason = NULL;
    TorcReason_unref(reason);
}
