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

/* The socket took nothing: if it was reported writable, then for nothing. */
static TORC__COLD void wait_again(TorcStream *stream)
{
    block(stream);
    if (stream->flags & TORC__WATCH_WRITE)
        torc__stream_spurious(stream, "writable");
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
        r = torc__ownCallLater(reactor, retry_delay, "retry of a write", retry, stream,
                               &extras->retry_call);
    if (r < 0)
        torc__stream_loseCode(stream, r);
    else
        block(stream);
}

void torc__stream_breakOff(TorcStream *stream, int code)
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

TORC__COLD bool torc__stream_refused(TorcStream *stream, int code)
{
    if (code == -EINTR)
        return true;
    if (code == -EAGAIN)
        wait_again(stream);
    else if (code == -ENOBUFS || code == -ENOMEM)
        block_for_a_while(stream);
    else
        torc__stream_breakOff(stream, code);
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

static inline void count_sent(TorcStream *stream, size_t length)
{
    stream->owner->bytes_sent += length;
    stream->owner->streams->bytes_sent += length;
}

/* The kernel took something. */
static inline void progressed(TorcStream *stream)
{
    stream->flags &= ~(TORC__UNCONFIRMED | TORC__SPURIOUS); /* a reset would have shown */
    if (stream->flags & (TORC__DISCONNECTING | TORC__PULL | TORC__TIMED))
        torc__stream_progress(stream);
}

void torc__stream_sent(TorcStream *stream, size_t length)
{
    count_sent(stream, length);
    torc__writeQueue_consume(&stream->owner->streams->pool, &stream->output, length);
    progressed(stream);
}

/* Sends until all is sent or the kernel takes no more; a short send means that it is full. */
static void send_output(TorcStream *stream)
{
    while (stream->output) {
        size_t offered;
        ssize_t n = send_front(stream, &offered);
        if (n < 0) {
            if (torc__stream_refused(stream, (int)n))
                continue;
            return;
        }
        torc__stream_sent(stream, (size_t)n);
        if ((size_t)n < offered) {
            block(stream);
            return;
        }
    }
    if (stream->flags & TORC__WATCH_WRITE)
        torc__stream_watch(stream); /* without edges, writability would be reported for ever */
}

/* Descriptors go before and with the first bytes. */
static TORC__COLD bool may_send(TorcStream *stream)
{
    return !(stream->flags & (TORC__LOST | TORC__BLOCKED)) && torc__stream_sendDescriptors(stream);
}

static inline void flush(TorcStream *stream)
{
    const uint32_t special = TORC__LOST | TORC__BLOCKED | TORC__DESCRIPTORS;

    if ((stream->flags & special) && !may_send(stream))
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

/* One that is closing takes what comes until its producer has unregistered. */
static TORC__COLD bool refuses(const TorcStream *stream)
{
    return (stream->flags & (TORC__LOST | TORC__WRITE_BROKEN)) ||
           !(stream->flags & TORC__HELD_OPEN);
}

static inline bool closed_for_writing(const TorcStream *stream)
{
    const uint32_t closing =
        TORC__DISCONNECTING | TORC__LOST | TORC__WRITE_CLOSING | TORC__WRITE_BROKEN;

    return (stream->flags & closing) && refuses(stream);
}

bool torc__stream_closedForWriting(const TorcStream *stream)
{
    return closed_for_writing(stream);
}

static TORC__COLD int refuse(TorcStream *stream)
{
    torc__stream_reactor(stream)->counters.writesAfterClose++;
    return -EPIPE;
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

static TORC__COLD int overflow(TorcStream *stream, size_t length)
{
    TorcReason *reason = torc__transport_overflow(&stream->base, limit_of(stream), length);
    return give_up(stream, reason, -ENOBUFS);
}

/* Offers a large block at the front of the queue to the kernel at once. Returns how much it took; the
 * rest is queued, unless the connection is broken: Linux tells a socket's error once. */
static size_t send_directly(TorcStream *stream, const void *data, size_t length)
{
    TorcSystem *system = torc__stream_system(stream);

    if (stream->output || (stream->flags & (TORC__BLOCKED | TORC__DESCRIPTORS)))
        return 0;
    ssize_t n = system->ops->send(system, stream->fd, data, length);
    if (n < 0)
        (void)torc__stream_refused(stream, (int)n);
    if (n <= 0)
        return 0;
    count_sent(stream, (size_t)n);
    progressed(stream);
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
    if (stream->flags & TORC__WRITE_BROKEN)
        return 0; /* as for what is sent at the end of the turn: connectionLost tells why */
    return taken == length ? 0 : queue_copy(stream, data + taken, length - taken);
}

int torc__stream_write(TorcTransport *self, const void *data, size_t length)
{
    TorcStream *stream = (TorcStream *)self;

    if (closed_for_writing(stream))
        return refuse(stream);
    if (length == 0)
        return 0;
    if (beyond_limit(stream, length))
        return overflow(stream, length);
    return length < DIRECT_SIZE ? queue_copy(stream, data, length)
                                : write_large(stream, data, length);
}

/* Out of line: what the usual case below does not do must not cost it registers. */
static __attribute__((noinline)) int write_one_by_one(TorcStream *stream, const TorcBytes *pieces,
                                                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int r = torc__stream_write(&stream->base, pieces[i].data, pieces[i].length);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A line and its delimiter, a header and its body: mostly there is room for both behind what this
 * turn has written already. */
int torc__stream_writeSequence(TorcTransport *self, const TorcBytes *pieces, size_t count)
{
    TorcStream *stream = (TorcStream *)self;
    size_t length = 0;

    if (closed_for_writing(stream))
        return refuse(stream); /* one write, also of no pieces */
    if (!stream->output || !torc__writeQueue_stage(stream->output, pieces, count, &length) ||
        beyond_limit(stream, length))
        return write_one_by_one(stream, pieces, count);
    torc__writeQueue_commit(stream->output, length);
    torc__stream_list(stream);
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
    int r = closed_for_writing(stream) ? refuse(stream) : 0;

    if (r == 0 && beyond_limit(stream, length))
        r = overflow(stream, length);
    if (r == 0 && length > 0)
        return queue_owned(stream, data, length, release, arg);
    if (release)
        release(arg);
    return r;
}

/* ---- files --------------------------------------------------------------------------------- */

/* What can only be the socket's error is dealt with here, or its reason would be lost. */
static ssize_t file_refused(TorcStream *stream, ssize_t code)
{
    if (code == -EPIPE || code == -ECONNRESET || code == -ETIMEDOUT) {
        torc__stream_breakOff(stream, (int)code);
        return -EPIPE;
    }
    if (code == -EAGAIN) {
        stream->flags |= TORC__PULL_DUE;
        wait_again(stream);
    }
    return code;
}

/* A short count says nothing: the file may end there, or the socket be full. */
ssize_t torc__stream_sendFile(TorcTransport *self, int fd, uint64_t offset, size_t length)
{
    TorcStream *stream = (TorcStream *)self;
    TorcSystem *system = torc__stream_system(stream);

    if (closed_for_writing(stream))
        return refuse(stream);
    if (!system->ops->sendfile)
        return -ENOSYS;
    if (stream->output || (stream->flags & (TORC__BLOCKED | TORC__DESCRIPTORS))) {
        stream->flags |= TORC__PULL_DUE; /* what was written goes first */
        return -EAGAIN;
    }
    ssize_t n = system->ops->sendfile(system, stream->fd, fd, offset, length);
    if (n < 0)
        return file_refused(stream, n);
    count_sent(stream, (size_t)n);
    if (n > 0)
        progressed(stream);
    return n;
}

/* ---- marks --------------------------------------------------------------------------------- */

size_t torc__stream_bufferedBytes(const TorcTransport *self)
{
    const TorcStream *stream = (const TorcStream *)self;

    return stream->flags & TORC__LOST ? 0 : torc__writeQueue_bytes(stream->output);
}

bool torc__stream_marksDue(const TorcStream *stream)
{
    if (stream->flags & (TORC__LOST | TORC__DISCONNECTING | TORC__PRODUCED))
        return torc__stream_producerDue(stream);
    size_t bytes = torc__writeQueue_bytes(stream->output);
    if (stream->flags & TORC__ABOVE_MARK)
        return bytes <= (stream->extras ? stream->extras->low_mark : 0);
    return bytes > (stream->extras ? stream->extras->high_mark : TORC__HIGH_MARK_DEFAULT);
}

void torc__stream_tellMarks(TorcStream *stream)
{
    TorcProtocol *protocol = stream->base.protocol;
    const TorcProtocolClass *cls = protocol->cls;

    if (stream->flags & TORC__PRODUCED) {
        torc__stream_tellProducer(stream);
        return;
    }
    stream->flags ^= TORC__ABOVE_MARK;
    if ((stream->flags & TORC__ABOVE_MARK) && cls->pauseProducing)
        TORC__CALL_SLOT(torc__stream_reactor(stream), cls, pauseProducing, protocol);
    else if (!(stream->flags & TORC__ABOVE_MARK) && cls->resumeProducing)
        TORC__CALL_SLOT(torc__stream_reactor(stream), cls, resumeProducing, protocol);
}
