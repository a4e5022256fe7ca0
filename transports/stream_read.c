/* Reading: readiness, one recv per turn and connection, the end of the peer's stream, pausing.
 *
 * Reactor's thread. With edges a connection is told of new input once, so whatever could be left in
 * the socket after a read must be remembered in its flags. Three things make a short read not the
 * end of it:
 *
 * - the buffer was filled: TORC__MORE_INPUT, read on at the end of the turn, after the others;
 * - FIN was reported with or before the data: TORC__PEER_CLOSED, read on until recv says 0;
 * - RST came together with the data. libevent reports an error as "readable and writable" and
 *   leaves EV_CLOSED out, so this looks like data alone, and the edge is used up: without care such
 *   a connection would stay for ever. Hence TORC__UNCONFIRMED after each short read. A send in the
 *   same turn confirms it for nothing (it would fail); for those who did not write, one more recv
 *   at the end of the turn does. */
#include <errno.h>
#include <string.h>

#include "stream_internal.h"

/* What the receive buffer begins with, and what it grows to when reads fill it. */
enum { RECEIVE_SIZE = 64 * 1024, RECEIVE_SIZE_MAX = 256 * 1024 };

enum { CACHE_LINE = 64 };

/* Fairness: most bytes that reads which fill their buffer should take in one turn, together, and
 * the least that such a read is given. With 400 peers that never stop sending lines, one beside
 * them waited 0.3 to 0.9 s for an answer when each of their reads took 256 KiB, and 0.02 s so. */
enum { TURN_SHARE = 4 * 1024 * 1024, LEAST_SHARE = 8 * 1024 };

/* ---- the ends of the peer's stream --------------------------------------------------------- */

static const TorcProducing *joint_of(const TorcStream *stream)
{
    return stream->flags & TORC__JOINED ? &stream->extras->producing : NULL;
}

/* A class without readConnectionLost gets what Twisted's users expect but Twisted does not do: what
 * was written is delivered before the connection is closed. */
static void tell_eof(TorcStream *stream)
{
    const TorcProtocolClass *cls = stream->base.protocol->cls;
    const TorcProducing *joint = joint_of(stream);

    if (joint)
        joint->receiver->readConnectionLost(joint->producer);
    if (cls->readConnectionLost)
        TORC__CALL_SLOT(torc__stream_reactor(stream), cls, readConnectionLost,
                        stream->base.protocol);
    else if (!joint)
        torc__stream_loseConnection(&stream->base);
}

static void stream_eof(TorcStream *stream)
{
    stream->flags |= TORC__READ_EOF;
    stream->flags &= ~(TORC__MORE_INPUT | TORC__UNCONFIRMED);
    torc__stream_list(stream);
    if (stream->flags & TORC__WRITE_BROKEN)
        torc__stream_loseCode(stream, stream->extras->broken_code);
    else
        tell_eof(stream);
    torc__stream_watch(stream);
    if (!stream->output)
        torc__stream_drained(stream);
}

static void stream_failed(TorcStream *stream, int code)
{
    if (code == -EINTR) {
        stream->flags |= TORC__MORE_INPUT;
        torc__stream_list(stream);
        return;
    }
    stream->flags &= ~(TORC__MORE_INPUT | TORC__UNCONFIRMED);
    if (code == -EAGAIN && !(stream->flags & TORC__WRITE_BROKEN)) {
        torc__stream_spurious(stream, "readable");
        return;
    }
    if (code == -EAGAIN)
        code = stream->extras->broken_code;
    torc__stream_loseCode(stream, code);
}

static TORC__COLD void nothing_read(TorcStream *stream, int code)
{
    if (code == 0)
        stream_eof(stream);
    else
        stream_failed(stream, code);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* A cache line's beginning, where the kernel's copies are fastest: blocks of the C library begin at
 * an odd place, which costs 256 KiB 2 to 10 % more. Not realloc: the bytes need not survive, and a
 * failure changes nothing. */
int torc__streams_growReceive(TorcStreams *streams)
{
    size_t size = streams->receive_size ? streams->receive_size * 2 : RECEIVE_SIZE;
    uint8_t *memory = torc__malloc(size + CACHE_LINE);
    if (!memory)
        return -ENOMEM;
    torc__free(streams->receive_memory);
    streams->receive_memory = memory;
    streams->receive = memory + (CACHE_LINE - (uintptr_t)memory % CACHE_LINE);
    streams->receive_size = size;
    streams->receive_share = size;
    return 0;
}

static void widen_share(TorcStreams *streams)
{
    if (streams->receive_share < streams->receive_size)
        streams->receive_share *= 2;
    else if (streams->receive_size < RECEIVE_SIZE_MAX)
        (void)torc__streams_growReceive(streams); /* it does as it is */
}

/* A read that took all it was offered tells of bulk: larger reads from now on save system calls,
 * as long as there are not too many of them. One step a turn, so that all get the same. */
static TORC__COLD void count_full(TorcStreams *streams, size_t length)
{
    uint64_t turn = streams->reactor->counters.turns;

    if (streams->full_turn != turn) {
        if (streams->full_bytes <= TURN_SHARE)
            widen_share(streams);
        streams->full_turn = turn;
        streams->full_bytes = 0;
    }
    bool within = streams->full_bytes <= TURN_SHARE;
    streams->full_bytes += length;
    if (within && streams->full_bytes > TURN_SHARE && streams->receive_share > LEAST_SHARE)
        streams->receive_share /= 2;
}

/* What the flags must say after a read; see the beginning of the file. */
static void note_rest(TorcStream *stream, bool full)
{
    const uint32_t before = TORC__MORE_INPUT | TORC__UNCONFIRMED | TORC__SPURIOUS;
    uint32_t flags = stream->flags & ~before;
    bool more = full || (flags & TORC__PEER_CLOSED);

    if (torc__stream_system(stream)->edge || (flags & TORC__WRITE_BROKEN))
        flags |= more ? TORC__MORE_INPUT : TORC__UNCONFIRMED; /* else the level reports it */
    stream->flags = flags;
    torc__stream_list(stream);
}

static void deliver(TorcStream *stream, const void *data, size_t length)
{
    TorcProtocol *protocol = stream->base.protocol;
    const TorcProducing *joint = joint_of(stream);

    if (stream->flags & TORC__TIMED)
        torc__stream_moved(stream);
    if (joint)
        joint->receiver->dataReceived(joint->producer, data, length);
    else
        TORC__CALL_SLOT(torc__stream_reactor(stream), protocol->cls, dataReceived, protocol, data,
                        length);
}

/* What is not the usual case: see read_once. */
static TORC__COLD void deliver_special(TorcStream *stream, size_t length, bool full)
{
    TorcStreams *streams = stream->owner->streams;

    deliver(stream, streams->receive, length);
    if (full)
        count_full(streams, length);
}

/* `alone`: there is no joint and no idle timeout, so that the usual case need not look. */
static inline void read_once(TorcStream *stream, bool alone)
{
    TorcStreams *streams = stream->owner->streams;
    TorcSystem *system = torc__stream_system(stream);

    size_t size = streams->receive_share;
    ssize_t n = system->ops->recv(system, stream->fd, streams->receive, size, 0);
    if (n <= 0) {
        nothing_read(stream, (int)n);
        return;
    }
    bool full = (size_t)n == size;
    stream->owner->bytes_received += (size_t)n;
    streams->bytes_received += (size_t)n;
    note_rest(stream, full);
    TorcProtocol *protocol = stream->base.protocol;
    if (alone && !full)
        TORC__CALL_SLOT(streams->reactor, protocol->cls, dataReceived, protocol, streams->receive,
                        (size_t)n);
    else
        deliver_special(stream, (size_t)n, full);
}

/* A read ends behind the bytes that descriptors came with, so it says nothing of what is left. */
static void read_with_descriptors(TorcStream *stream)
{
    TorcStreams *streams = stream->owner->streams;
    size_t size = streams->receive_share;
    TorcPassed passed;

    ssize_t n = torc__stream_recvPassed(stream, &passed);
    if (n <= 0) {
        nothing_read(stream, (int)n);
        return;
    }
    stream->owner->bytes_received += (size_t)n;
    streams->bytes_received += (size_t)n;
    note_rest(stream, (size_t)n == size || passed.count > 0 || passed.cut);
    torc__stream_deliverPassed(stream, &passed);
    if (!(stream->flags & (TORC__DISCONNECTING | TORC__LOST)))
        deliver(stream, streams->receive, (size_t)n);
    if ((size_t)n == size)
        count_full(streams, size);
}

static TORC__COLD void stream_read(TorcStream *stream)
{
    if (torc__stream_maybePassed(stream))
        read_with_descriptors(stream);
    else
        read_once(stream, false);
}

/* ---- readiness while nobody reads ---------------------------------------------------------- */

/* A reset shows as the socket's error; recv would deliver what came before it first, and answers 0
 * for ever once FIN was seen. */
static void probe_error(TorcStream *stream)
{
    TorcSystem *system = torc__stream_system(stream);
    int error = 0;
    socklen_t length = sizeof(error);
    int r = system->ops->getsockopt(system, stream->fd, SOL_SOCKET, SO_ERROR, &error, &length);

    if (r == 0 && error != 0)
        torc__stream_loseCode(stream, -error);
}

/* Paused: a reset is reported at once, a FIN when nothing is unread before it. */
static void probe_paused(TorcStream *stream)
{
    TorcSystem *system = torc__stream_system(stream);
    char byte;

    stream->flags |= TORC__MORE_INPUT;
    probe_error(stream);
    if ((stream->flags & (TORC__PEER_CLOSED | TORC__LOST)) == TORC__PEER_CLOSED &&
        torc__recv(system, stream->fd, &byte, 1, MSG_PEEK) == 0)
        stream_eof(stream);
}

/* True when nothing is sent, which would find out what there is to find out, before the producer
 * has more. */
static bool waits_for_producer(const TorcStream *stream)
{
    const uint32_t held = TORC__DISCONNECTING | TORC__HELD_OPEN;

    return (stream->flags & (held | TORC__LOST)) == held;
}

/* A joint whose other side is above the mark pauses this one before the turn is over. */
static bool takes_more(const TorcStream *stream)
{
    const TorcProducing *joint = joint_of(stream);

    return !joint || joint->receiver->wantsMore(joint->producer);
}

void torc__stream_readOn(TorcStream *stream)
{
    if (!(stream->flags & (TORC__MORE_INPUT | TORC__UNCONFIRMED)))
        return;
    if (torc__stream_marksDue(stream))
        torc__stream_tellMarks(stream); /* first: who pauses now must not be given more */
    const uint32_t away = TORC__PAUSED | TORC__READ_EOF | TORC__DISCONNECTING | TORC__LOST;
    bool unseen = stream->flags & (TORC__UNCONFIRMED | TORC__PEER_CLOSED);
    if (torc__stream_reads(stream)) {
        if (takes_more(stream))
            stream_read(stream);
    } else if (unseen && (stream->flags & away) == TORC__PAUSED) {
        stream->flags &= ~TORC__UNCONFIRMED;
        probe_paused(stream);
    } else if (unseen && waits_for_producer(stream)) {
        stream->flags &= ~TORC__UNCONFIRMED;
        probe_error(stream);
    }
}

/* Nothing can come behind the end of the input, and no end is told twice. */
static void ready_again(TorcStream *stream)
{
    probe_error(stream);
    if ((stream->flags & (TORC__READ_EOF | TORC__LOST)) == TORC__READ_EOF)
        torc__stream_spurious(stream, "readable");
}

static void input_ready(TorcStream *stream)
{
    if ((stream->flags & TORC__DISCONNECTING) && !waits_for_producer(stream))
        return; /* sending finds out what there is to find out */
    if (stream->flags & (TORC__DISCONNECTING | TORC__READ_EOF))
        ready_again(stream);
    else if (stream->flags & TORC__PAUSED)
        probe_paused(stream);
    else
        stream_read(stream);
}

static TORC__COLD void special_ready(TorcStream *stream, short ready)
{
    if (stream->flags & TORC__LINGERING) {
        torc__stream_lingerOn(stream);
        return;
    }
    if (stream->flags & TORC__LOST)
        return;
    if (ready & TORC_CLOSED)
        stream->flags |= TORC__PEER_CLOSED;
    if ((ready & TORC_WRITABLE) && torc__stream_waitsForRoom(stream)) {
        stream->flags &= ~TORC__BLOCKED; /* the end of the turn sends */
        torc__stream_list(stream);
    } else if ((ready & (TORC_READABLE | TORC_WRITABLE | TORC_CLOSED)) == TORC_WRITABLE) {
        torc__stream_spurious(stream, "writable");
    }
    if (ready & (TORC_READABLE | TORC_CLOSED))
        input_ready(stream);
}

static inline bool reads_for_protocol(const TorcStream *stream)
{
    const uint32_t special = TORC__PAUSED | TORC__READ_EOF | TORC__DISCONNECTING | TORC__LOST |
                             TORC__JOINED | TORC__PEER_UNIX | TORC__TIMED;

    return !(stream->flags & special);
}

void torc__stream_ready(int fd, short ready, void *arg)
{
    TorcStream *stream = arg;

    (void)fd;
    if (!(ready & (TORC_WRITABLE | TORC_CLOSED)) && reads_for_protocol(stream))
        read_once(stream, true);
    else
        special_ready(stream, ready);
}

/* ---- pausing ------------------------------------------------------------------------------- */

void torc__stream_pauseProducing(TorcTransport *self)
{
    TorcStream *stream = (TorcStream *)self;

    stream->flags |= TORC__PAUSED;
    if (stream->flags & TORC__WRITE_BROKEN)
        torc__stream_loseCode(stream, stream->extras->broken_code); /* there is no later */
    torc__stream_watch(stream);
}

void torc__stream_resumeProducing(TorcTransport *self)
{
    TorcStream *stream = (TorcStream *)self;

    if (!(stream->flags & TORC__PAUSED))
        return;
    stream->flags &= ~TORC__PAUSED;
    if (!torc__stream_reads(stream))
        return;
    torc__stream_watch(stream);
    if (stream->flags & (TORC__MORE_INPUT | TORC__UNCONFIRMED))
        torc__stream_list(stream);
}
