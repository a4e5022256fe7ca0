/* Writing: gathering a turn's writes, sending them in one call, and back-pressure.
 *
 * Reactor's thread. write() queues and puts the stream on the list of the end of the turn; flush
 * sends. Write interest is registered at the first refusal of the kernel. Invariant: a stream with
 * output is listed or blocked, so its output leaves. */
#include "stream_internal.h"

/* From this size on a block is offered to the kernel at once instead of being copied first. */
enum { DIRECT_SIZE = 32 * 1024 };

static const int64_t retry_delay = TORC__SECOND / 100;

/* ---- refusals ------------------------------------------------------------------------------ */

/* Output waits: for the socket to become writable, or for the retry call if there is one. */
static TORC__COLD void block(TorcStream *stream)
{
    stream->flags |= TORC__BLOCKED;
    torc__stream_watch(stream);
    if (stream->flags & TORC__DISCONNECTING)
        torc__stream_closeTimer(stream);
}

static void retry(void *arg)
{
    TorcStream *stream = arg;

    stream->flags &= ~TORC__BLOCKED;
    torc__stream_list(stream);
}

/* ENOBUFS: the socket may count as writable, so waiting for that would spin. */
static void block_for_a_while(TorcStream *stream)
{
    TorcReactor *reactor = stream->owner->streams->reactor;
    TorcStreamExtras *extras = torc__stream_extras(stream);
    int r = extras ? 0 : -ENOMEM;
    if (extras && !TorcDelayedCall_active(extras->retry_call))
        r = torc__callLater(reactor, retry_delay, retry, stream, NULL, NULL, &extras->retry_call);
    if (r < 0)
        torc__stream_loseCode(stream, r);
    else
        block(stream);
}

/* The peer is gone, but it may have said something before it went: that is read first. */
static void break_off(TorcStream *stream, int code)
{
    TorcStreamExtras *extras = torc__stream_reads(stream) ? torc__stream_extras(stream) : NULL;
    if (!extras) {
        torc__stream_loseCode(stream, code);
        return;
    }
    extras->broken_code = code;
    torc__writeQueue_drop(&stream->owner->streams->pool, &stream->output);
    stream->flags |= TORC__WRITE_BROKEN | TORC__PEER_CLOSED | TORC__MORE_INPUT;
    torc__stream_list(stream);
}

/* True: try again at once. */
static TORC__COLD bool refused(TorcStream *stream, int code)
{
    if (code == -EINTR)
        return true;
    if (code == -EAGAIN)
        block(stream);
    else if (code == -ENOBUFS || code == -ENOMEM)
        block_for_a_while(stream);
    else
        break_off(stream, code);
    return false;
}

/* ---- sending ------------------------------------------------------------------------------- */

static TORC__COLD ssize_t send_pieces(TorcStream *stream, size_t *ret_offered)
{
    TorcSystem *system = torc__stream_system(stream);
    struct iovec pieces[TORC__GATHER];
    size_t count = torc__writeQueue_gather(stream->output, pieces, ret_offered);

    return system->ops->sendv(system, stream->fd, pieces, count);
}

static ssize_t send_front(TorcStream *stream, size_t *ret_offered)
{
    TorcSystem *system = torc__stream_system(stream);
    const TorcWriteQueue *output = stream->output;

    if (output->next)
        return send_pieces(stream, ret_offered);
    *ret_offered = output->length;
    return system->ops->send(system, stream->fd, output->data, output->length);
}

static void sent(TorcStream *stream, size_t length)
{
    stream->flags &= ~TORC__UNCONFIRMED; /* a reset would have shown */
    torc__writeQueue_consume(&stream->owner->streams->pool, &stream->output, length);
    if ((stream->flags & TORC__DISCONNECTING) && stream->extras)
        (void)TorcDelayedCall_cancel(stream->extras->close_call); /* progress: it begins anew */
}

/* Sends until all is sent or the kernel takes no more; a short send means that it is full. */
static void send_output(TorcStream *stream)
{
    while (stream->output) {
        size_t offered;
        ssize_t n = send_front(stream, &offered);
        if (n < 0) {
            if (refused(stream, (int)n))
                continue;
            return;
        }
        sent(stream, (size_t)n);
        if ((size_t)n < offered) {
            block(stream);
            return;
        }
    }
    if (stream->flags & TORC__WATCH_WRITE)
        torc__stream_watch(stream); /* without edges, writability would be reported for ever */
}

static inline void flush(TorcStream *stream)
{
    if (stream->flags & (TORC__LOST | TORC__BLOCKED))
        return;
    if (stream->output)
        send_output(stream);
    if (!stream->output && (stream->flags & (TORC__DISCONNECTING | TORC__WRITE_CLOSING)))
        torc__stream_drained(stream);
}

void torc__streams_flush(TorcStreams *streams)
{
    for (TorcStream *stream = streams->turn_first; stream; stream = stream->next)
        flush(stream);
}

/* ---- writing ------------------------------------------------------------------------------- */

static bool closed_for_writing(const TorcStream *stream)
{
    return stream->flags &
           (TORC__DISCONNECTING | TORC__LOST | TORC__WRITE_CLOSING | TORC__WRITE_BROKEN);
}

/* Part of the output cannot be kept, so the rest would be a lie: the connection ends. */
static TORC__COLD int give_up(TorcStream *stream, TorcReason *reason, int code)
{
    stream->flags |= TORC__RESET;
    torc__stream_lose(stream, reason);
    return code;
}

static size_t limit_of(const TorcStream *stream)
{
    return stream->extras ? stream->extras->buffer_limit : stream->owner->factory->bufferLimit;
}

static bool beyond_limit(const TorcStream *stream, size_t length)
{
    size_t limit = limit_of(stream);
    size_t waiting = torc__writeQueue_bytes(stream->output);

    return limit > 0 && (length > limit || waiting > limit - length);
}

static TORC__COLD int overflow(TorcStream *stream)
{
    TorcReason *reason = TorcReason_new(
        TORC_CONNECTION_OVERFLOW, -ENOBUFS,
        "the peer reads too slowly: its buffer limit of %zu bytes was passed", limit_of(stream));
    return give_up(stream, reason, -ENOBUFS);
}

/* Offers a large block at the front of the queue to the kernel at once. Returns how much it took;
 * the rest is queued, and what went wrong will show again when that is sent. */
static size_t send_directly(TorcStream *stream, const void *data, size_t length)
{
    TorcSystem *system = torc__stream_system(stream);

    if (stream->output || (stream->flags & TORC__BLOCKED))
        return 0;
    ssize_t n = system->ops->send(system, stream->fd, data, length);
    if (n <= 0)
        return 0;
    stream->flags &= ~TORC__UNCONFIRMED;
    if ((size_t)n < length)
        block(stream);
    return (size_t)n;
}

static inline int queue_copy(TorcStream *stream, const void *data, size_t length)
{
    int r = torc__writeQueue_add(&stream->owner->streams->pool, &stream->output, data, length);
    if (r < 0)
        return give_up(stream, TorcReason_new(TORC_CONNECTION_ABORTED, r, NULL), r);
    torc__stream_list(stream);
    return 0;
}

static TORC__COLD int write_large(TorcStream *stream, const uint8_t *data, size_t length)
{
    size_t taken = send_directly(stream, data, length);

    if (stream->flags & TORC__LOST)
        return -EPIPE;
    return taken == length ? 0 : queue_copy(stream, data + taken, length - taken);
}

int torc__stream_write(TorcTransport *self, const void *data, size_t length)
{
    TorcStream *stream = (TorcStream *)self;

    if (closed_for_writing(stream))
        return -EPIPE;
    if (length == 0)
        return 0;
    if (beyond_limit(stream, length))
        return overflow(stream);
    return length < DIRECT_SIZE ? queue_copy(stream, data, length)
                                : write_large(stream, data, length);
}

int torc__stream_writeSequence(TorcTransport *self, const TorcBytes *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int r = torc__stream_write(self, pieces[i].data, pieces[i].length);
        if (r < 0)
            return r;
    }
    return 0;
}

static int queue_owned(TorcStream *stream, const void *data, size_t length, TorcFunction *release,
                       void *arg)
{
    int r = torc__writeQueue_addOwned(&stream->output, data, length, release, arg);
    if (r < 0)
        return give_up(stream, TorcReason_new(TORC_CONNECTION_ABORTED, r, NULL), r);
    torc__stream_list(stream);
    return 0;
}

int torc__stream_writeOwned(TorcTransport *self, const void *data, size_t length,
                            TorcFunction *release, void *arg)
{
    TorcStream *stream = (TorcStream *)self;
    int r = closed_for_writing(stream) ? -EPIPE : 0;

    if (r == 0 && beyond_limit(stream, length))
        r = overflow(stream);
    if (r == 0 && length > 0)
        return queue_owned(stream, data, length, release, arg);
    if (release)
        release(arg);
    return r;
}

/* ---- marks --------------------------------------------------------------------------------- */

size_t torc__stream_bufferedBytes(const TorcTransport *self)
{
    const TorcStream *stream = (const TorcStream *)self;

    return stream->flags & TORC__LOST ? 0 : torc__writeQueue_bytes(stream->output);
}

bool torc__stream_marksDue(const TorcStream *stream)
{
    if (stream->flags & (TORC__LOST | TORC__DISCONNECTING))
        return false;
    size_t bytes = torc__writeQueue_bytes(stream->output);
    if (stream->flags & TORC__ABOVE_MARK)
        return bytes <= (stream->extras ? stream->extras->low_mark : 0);
    return bytes > (stream->extras ? stream->extras->high_mark : TORC__HIGH_MARK_DEFAULT);
}

void torc__stream_tellMarks(TorcStream *stream)
{
    TorcProtocol *protocol = stream->base.protocol;
    const TorcProtocolClass *cls = protocol->cls;

    stream->flags ^= TORC__ABOVE_MARK;
    void (*slot)(TorcProtocol *) =
        stream->flags & TORC__ABOVE_MARK ? cls->pauseProducing : cls->resumeProducing;
    if (slot)
        slot(protocol);
}
