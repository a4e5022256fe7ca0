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
#include <string.h>

#include "stream_internal.h"

enum { RECEIVE_SIZE_MAX = 256 * 1024 };

/* ---- the ends of the peer's stream --------------------------------------------------------- */

/* A class without readConnectionLost gets what Twisted's users expect but Twisted does not do: what
 * was written is delivered before the connection is closed. */
static void stream_eof(TorcStream *stream)
{
    const TorcProtocolClass *cls = stream->base.protocol->cls;

    stream->flags |= TORC__READ_EOF;
    stream->flags &= ~(TORC__MORE_INPUT | TORC__UNCONFIRMED);
    torc__stream_list(stream);
    if (stream->flags & TORC__WRITE_BROKEN)
        torc__stream_loseCode(stream, stream->extras->broken_code);
    else if (cls->readConnectionLost)
        cls->readConnectionLost(stream->base.protocol);
    else
        torc__stream_loseConnection(&stream->base);
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
    if (code == -EAGAIN && !(stream->flags & TORC__WRITE_BROKEN))
        return;
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

/* A read that fills the buffer tells of bulk: larger reads from now on save system calls. */
static TORC__COLD void grow_buffer(TorcStreams *streams)
{
    if (streams->receive_size >= RECEIVE_SIZE_MAX)
        return;
    /* Not realloc: the bytes need not survive, and a failure changes nothing. */
    uint8_t *larger = torc__malloc(streams->receive_size * 2);
    if (!larger)
        return;
    torc__free(streams->receive);
    streams->receive = larger;
    streams->receive_size *= 2;
}

/* What the flags must say after a read; see the beginning of the file. */
static void note_rest(TorcStream *stream, bool full)
{
    uint32_t flags = stream->flags & ~(TORC__MORE_INPUT | TORC__UNCONFIRMED);
    bool more = full || (flags & TORC__PEER_CLOSED);

    if (torc__stream_system(stream)->edge || (flags & TORC__WRITE_BROKEN))
        flags |= more ? TORC__MORE_INPUT : TORC__UNCONFIRMED; /* else the level reports it */
    stream->flags = flags;
    torc__stream_list(stream);
}

static inline void stream_read(TorcStream *stream)
{
    TorcStreams *streams = stream->owner->streams;
    TorcSystem *system = streams->reactor->system;
    size_t size = streams->receive_size;

    ssize_t n = system->ops->recv(system, stream->fd, streams->receive, size, 0);
    if (n <= 0) {
        nothing_read(stream, (int)n);
        return;
    }
    note_rest(stream, (size_t)n == size);
    TorcProtocol *protocol = stream->base.protocol;
    protocol->cls->dataReceived(protocol, streams->receive, (size_t)n);
    if ((size_t)n == size)
        grow_buffer(streams);
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

void torc__stream_readOn(TorcStream *stream)
{
    if (!(stream->flags & (TORC__MORE_INPUT | TORC__UNCONFIRMED)))
        return;
    const uint32_t away = TORC__PAUSED | TORC__READ_EOF | TORC__DISCONNECTING | TORC__LOST;
    bool unseen = stream->flags & (TORC__UNCONFIRMED | TORC__PEER_CLOSED);
    if (torc__stream_reads(stream))
        stream_read(stream);
    else if (unseen && (stream->flags & away) == TORC__PAUSED) {
        stream->flags &= ~TORC__UNCONFIRMED;
        probe_paused(stream);
    }
}

static void input_ready(TorcStream *stream)
{
    if (stream->flags & TORC__DISCONNECTING)
        return; /* sending finds out what there is to find out */
    if (stream->flags & TORC__READ_EOF)
        probe_error(stream); /* nothing else can come any more */
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
    }
    if (ready & (TORC_READABLE | TORC_CLOSED))
        input_ready(stream);
}

void torc__stream_ready(int fd, short ready, void *arg)
{
    TorcStream *stream = arg;

    (void)fd;
    if (!(ready & (TORC_WRITABLE | TORC_CLOSED)) && torc__stream_reads(stream))
        stream_read(stream);
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
