/* Descriptors passed over UNIX streams, both ways (unix(7), SCM_RIGHTS).
 *
 * Reactor's thread. What is to be sent was duplicated, and is the stream's until it has left or the
 * connection is over. Each leaves by a call of its own: a receiver that expects one at a time would
 * lose those it has no room for. Invariant: TORC__DESCRIPTORS is set exactly while some wait. */
#include <errno.h>
#include <string.h>

#include "stream_internal.h"

/* Who queues more has lost count; the kernel has a limit too, on those under way (ETOOMANYREFS). */
enum { FIRST_ROOM = 4, MOST_WAITING = 1024 };

/* ---- sending ------------------------------------------------------------------------------- */

static int make_room(TorcStreamExtras *extras)
{
    unsigned count = extras->descriptor_count;
    if (count >= MOST_WAITING)
        return -ENOBUFS;
    if (extras->descriptor_first > 0)
        memmove(extras->descriptors, extras->descriptors + extras->descriptor_first,
                count * sizeof(*extras->descriptors));
    extras->descriptor_first = 0;
    if (count < extras->descriptor_room)
        return 0;
    unsigned room = count ? 2 * count : FIRST_ROOM;
    int *larger = torc__realloc(extras->descriptors, room * sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    extras->descriptors = larger;
    extras->descriptor_room = room;
    return 0;
}

int torc__stream_sendFileDescriptor(TorcTransport *self, int fd)
{
    TorcStream *stream = (TorcStream *)self;
    TorcSystem *system = torc__stream_system(stream);

    if (!(stream->flags & TORC__PEER_UNIX) || !system->ops->sendDescriptor)
        return -EOPNOTSUPP;
    if (torc__stream_closedForWriting(stream))
        return -EPIPE;
    TorcStreamExtras *extras = torc__stream_extras(stream);
    int r = extras ? make_room(extras) : -ENOMEM;
    if (r == 0)
        r = system->ops->duplicate(system, fd);
    if (r < 0)
        return r;
    extras->descriptors[extras->descriptor_count++] = r;
    stream->flags |= TORC__DESCRIPTORS;
    torc__stream_list(stream);
    return 0;
}

/* The first of those that wait is gone. */
static void drop_first(TorcStream *stream)
{
    TorcStreamExtras *extras = stream->extras;
    TorcSystem *system = torc__stream_system(stream);

    (void)system->ops->close(system, extras->descriptors[extras->descriptor_first++]);
    if (--extras->descriptor_count > 0)
        return;
    extras->descriptor_first = 0;
    stream->flags &= ~TORC__DESCRIPTORS;
}

void torc__stream_dropDescriptors(TorcStream *stream)
{
    while (stream->flags & TORC__DESCRIPTORS)
        drop_first(stream);
}

static void overrun(TorcStream *stream, size_t bytes)
{
    TorcReason *reason = TorcReason_new(
        TORC_CONNECTION_DESCRIPTOR_OVERRUN, 0,
        "%u file descriptors were to be sent, but only %zu bytes for them to go with",
        stream->extras->descriptor_count, bytes);

    stream->flags |= TORC__RESET;
    torc__stream_lose(stream, reason);
}

/* The last one takes all the bytes along that there are in a row, the others one each. Beyond the
 * kernel's limit on descriptors under way, waiting for the socket to become writable would spin. */
static ssize_t send_first(TorcStream *stream)
{
    const TorcStreamExtras *extras = stream->extras;
    const TorcWriteQueue *output = stream->output;
    TorcSystem *system = torc__stream_system(stream);
    size_t length = extras->descriptor_count == 1 ? output->length : 1;

    ssize_t n = system->ops->sendDescriptor(system, stream->fd, output->data, length,
                                            extras->descriptors[extras->descriptor_first]);
    return n == -ETOOMANYREFS ? -ENOBUFS : n;
}

bool torc__stream_sendDescriptors(TorcStream *stream)
{
    size_t bytes = torc__writeQueue_bytes(stream->output);

    if (stream->flags & TORC__WRITE_BROKEN) {
        torc__stream_dropDescriptors(stream); /* as the output was */
        return true;
    }
    if (stream->extras->descriptor_count > bytes) {
        overrun(stream, bytes);
        return false;
    }
    while (stream->flags & TORC__DESCRIPTORS) {
        ssize_t n = send_first(stream);
        if (n < 0 && !torc__stream_refused(stream, (int)n))
            return false;
        if (n < 0)
            continue;
        drop_first(stream);
        torc__stream_sent(stream, (size_t)n);
    }
    if (!stream->output && (stream->flags & TORC__WATCH_WRITE))
        torc__stream_watch(stream); /* without edges, writability would be reported for ever */
    return !(stream->flags & TORC__LOST); /* it is when the watch cannot be changed */
}

/* ---- receiving ----------------------------------------------------------------------------- */

ssize_t torc__stream_recvPassed(TorcStream *stream, TorcPassed *ret_passed)
{
    TorcStreams *streams = stream->owner->streams;
    TorcSystem *system = torc__stream_system(stream);

    ret_passed->count = stream->base.protocol->cls->fileDescriptorReceived ? TORC__PASSED_MAX : 0;
    ret_passed->cut = false;
    return system->ops->recvDescriptors(system, stream->fd, streams->receive,
                                        streams->receive_share, ret_passed->descriptors,
                                        &ret_passed->count, &ret_passed->cut);
}

static void log_dropped(const TorcStream *stream)
{
    const TorcProtocolClass *cls = stream->base.protocol->cls;
    const char *problem = cls->fileDescriptorReceived ? "no free descriptors"
                                                      : "the class has no fileDescriptorReceived";

    TORC__LOG(stream->owner->streams->reactor, TORC_LOG_WARNING, "unix.descriptors-dropped",
              TORC_LOG_BYTES("protocol", cls->name, strlen(cls->name)),
              TORC_LOG_BYTES("problem", problem, strlen(problem)));
}

/* A call may end the connection; then nothing follows it, and the rest is closed. */
void torc__stream_deliverPassed(TorcStream *stream, const TorcPassed *passed)
{
    TorcProtocol *protocol = stream->base.protocol;
    TorcSystem *system = torc__stream_system(stream);

    if (passed->cut)
        log_dropped(stream);
    for (size_t i = 0; i < passed->count; i++) {
        if (stream->flags & (TORC__DISCONNECTING | TORC__LOST))
            (void)system->ops->close(system, passed->descriptors[i]);
        else
            TORC__CALL_SLOT(torc__stream_reactor(stream), protocol->cls, fileDescriptorReceived,
                            protocol, passed->descriptors[i]);
    }
}
