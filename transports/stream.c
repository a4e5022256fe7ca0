/* Streams: their memory, birth, watch, end of turn and death.
 *
 * Reactor's thread. The streams of a reactor live in blocks that are kept until the reactor is
 * freed, so a stale pointer or TorcConnectionId finds a stream of another generation, never foreign
 * memory. Invariant: callbacks of the application run from the loop only (readiness, end of turn),
 * never inside a call of the application, so no code here needs to expect its stream to vanish
 * under its hands: it is freed last in the turn. */
#include "stream_internal.h"

#include <assert.h>
#include <string.h>

#include "ports_internal.h"

enum { BLOCK_STREAMS = 64 };

enum { CLOSE_TIMEOUT_SECONDS = 30 };

typedef struct TorcStreamBlock {
    struct TorcStreamBlock *next;
    TorcStream streams[BLOCK_STREAMS];
} TorcStreamBlock;

/* ---- memory -------------------------------------------------------------------------------- */

/* Of a free stream only these may be read: what it is (an id may ask it for its protocol), and
 * between `next` and `generation` that it is free. The rest is nobody's: AddressSanitizer stops who
 * touches it, and other debug builds fill it so that who does is found out soon. */
enum {
    POISON_FIRST = offsetof(TorcStream, base.protocol),
    POISON_SECOND = offsetof(TorcStream, watch)
};
static_assert(offsetof(TorcStream, next) < offsetof(TorcStream, watch) &&
                  offsetof(TorcStream, generation) < offsetof(TorcStream, watch),
              "they lie between");

static void poison(TorcStream *stream)
{
    uint8_t *bytes = (uint8_t *)stream;
    torc__poison(bytes + POISON_FIRST, offsetof(TorcStream, next) - POISON_FIRST);
    torc__poison(bytes + POISON_SECOND, sizeof(*stream) - POISON_SECOND);
}

static void unpoison(TorcStream *stream)
{
    torc__unpoison(stream, sizeof(*stream));
}

static bool add_block(TorcStreams *streams)
{
    TorcStreamBlock *block = torc__zalloc(sizeof(TorcStreamBlock));
    if (!block)
        return false;
    block->next = streams->blocks;
    streams->blocks = block;
    for (int i = BLOCK_STREAMS; i-- > 0;) {
        block->streams[i].next = streams->free_streams;
        streams->free_streams = &block->streams[i];
        poison(&block->streams[i]);
    }
    return true;
}

static TorcStream *stream_take(TorcStreams *streams)
{
    if (!streams->free_streams && !add_block(streams))
        return NULL;
    TorcStream *stream = streams->free_streams;
    streams->free_streams = stream->next;
    unpoison(stream);
    memset(stream, 0, sizeof(*stream));
    stream->generation = ++streams->sequence;
    torc__ages_note(&streams->ages, stream->generation, torc__now(streams->reactor));
    return stream;
}

static void stream_give_back(TorcStreams *streams, TorcStream *stream)
{
    stream->flags = 0;
    stream->next = streams->free_streams;
    streams->free_streams = stream;
    poison(stream);
}

static int64_t close_timeout_of(const TorcFactory *factory)
{
    if (factory->closeTimeout == 0)
        return CLOSE_TIMEOUT_SECONDS * TORC__SECOND;
    return factory->closeTimeout > 0 ? torc__nanoseconds(factory->closeTimeout) : TORC__NEVER;
}

TorcStreamExtras *torc__stream_extras(TorcStream *stream)
{
    if (stream->extras)
        return stream->extras;
    TorcStreamExtras *extras = torc__zalloc(sizeof(TorcStreamExtras));
    if (!extras)
        return NULL;
    extras->high_mark = TORC__HIGH_MARK_DEFAULT;
    extras->buffer_limit = stream->owner->factory->bufferLimit;
    extras->close_timeout = close_timeout_of(stream->owner->factory);
    stream->extras = extras;
    return extras;
}

/* ---- the end of the turn ------------------------------------------------------------------- */

/* Who pauses now may have read all there was: then the end, reported before, would come no more. */
static void tell_marks(TorcStream *stream)
{
    torc__stream_tellMarks(stream);
    if (stream->flags & TORC__PAUSED)
        torc__stream_readOn(stream);
}

static void tell(TorcStream *stream)
{
    if ((stream->flags & (TORC__WRITE_SHUT_NEWS | TORC__LOST)) == TORC__WRITE_SHUT_NEWS) {
        stream->flags &= ~TORC__WRITE_SHUT_NEWS;
        if (stream->base.protocol->cls->writeConnectionLost)
            TORC__CALL_SLOT(torc__stream_reactor(stream), stream->base.protocol->cls,
                            writeConnectionLost, stream->base.protocol);
    }
    if (torc__stream_marksDue(stream))
        tell_marks(stream);
    if ((stream->flags & (TORC__LOST | TORC__TOLD)) == TORC__LOST)
        torc__stream_tellLost(stream);
}

static bool work_left(const TorcStream *stream)
{
    uint32_t flags = stream->flags;
    if (flags & TORC__TOLD)
        return false;
    if (flags & (TORC__LOST | TORC__WRITE_SHUT_NEWS))
        return true;
    if ((flags & (TORC__MORE_INPUT | TORC__UNCONFIRMED)) && torc__stream_reads(stream))
        return true;
    const uint32_t away = TORC__PAUSED | TORC__READ_EOF | TORC__DISCONNECTING;
    if ((flags & (TORC__UNCONFIRMED | away)) == (TORC__UNCONFIRMED | TORC__PAUSED))
        return true; /* paused by the news of another, after its own look for a reset */
    if (!(flags & TORC__BLOCKED) &&
        (stream->output || (flags & TORC__DESCRIPTORS) || torc__stream_drainDue(stream)))
        return true;
    return torc__stream_marksDue(stream);
}

void torc__stream_release(TorcStream *stream)
{
    TorcStreamOwner *owner = stream->owner;

    assert((stream->flags & (TORC__IN_USE | TORC__TOLD | TORC__LISTED)) ==
           (TORC__IN_USE | TORC__TOLD));
    assert(stream->fd < 0 && !stream->base.protocol && !stream->reason);
    if (stream->extras)
        torc__free(stream->extras->descriptors);
    torc__free(stream->extras);
    stream_give_back(owner->streams, stream);
    torc__streamOwner_unref(owner);
}

/* The protocol goes; the stream too, unless its socket lingers: then lingering ends it. */
static void bury(TorcStream *stream)
{
    TorcProtocol_free(stream->base.protocol);
    stream->base.protocol = NULL;
    if (!(stream->flags & TORC__LINGERING))
        torc__stream_release(stream);
}

/* Takes everything off the list but what needs another turn, and frees what died. Destroy functions
 * run in here; they may list other streams, which is why each is taken off before it is freed. */
static void sweep(TorcStreams *streams)
{
    TorcStream *listed = streams->turn_first;
    streams->turn_first = streams->turn_last = NULL;
    while (listed) {
        TorcStream *stream = listed;
        listed = stream->next;
        stream->flags &= ~TORC__LISTED;
        if (work_left(stream))
            torc__stream_list(stream);
        else if (stream->flags & TORC__TOLD)
            bury(stream);
    }
}

/* Takes those off the list that the rest of the turn does not concern. Only when all have been
 * flushed: a release function may have written to a stream, or lost one, that was flushed before. */
static void unlist_quiet(TorcStreams *streams)
{
    const uint32_t busy = TORC__MORE_INPUT | TORC__UNCONFIRMED | TORC__LOST | TORC__ABOVE_MARK |
                          TORC__DISCONNECTING | TORC__WRITE_CLOSING | TORC__PRODUCED |
                          TORC__DESCRIPTORS;
    TorcStream **link = &streams->turn_first;

    streams->turn_last = NULL;
    for (TorcStream *stream = *link; stream; stream = stream->next) {
        if (stream->output || (stream->flags & busy)) {
            streams->turn_last = *link = stream;
            link = &stream->next;
        } else {
            stream->flags &= ~TORC__LISTED;
        }
    }
    *link = NULL;
}

/* Attempts begin and failed ones are told; connections with more input go on; news is told; what
 * those wrote leaves as well, so nothing written in a turn waits for the next. Before the news too:
 * only what the kernel refuses counts for the marks. */
static TORC__COLD bool finish_turn(TorcStreams *streams)
{
    torc__connectors_endTurn(streams);
    for (TorcStream *stream = streams->turn_first; stream; stream = stream->next)
        torc__stream_readOn(stream);
    torc__streams_flush(streams);
    for (TorcStream *stream = streams->turn_first; stream; stream = stream->next)
        tell(stream);
    torc__ports_letGo(streams);
    torc__streams_flush(streams);
    sweep(streams);
    return streams->turn_first || streams->due_first || streams->stopped_ports;
}

/* What was written leaves, and mostly that is all. */
static bool streams_endTurn(TorcReactorPart *part)
{
    TorcStreams *streams = (TorcStreams *)part;

    torc__streams_flush(streams);
    unlist_quiet(streams);
    return (streams->turn_first || streams->due_first || streams->stopped_ports) &&
           finish_turn(streams);
}

/* ---- shutdown ------------------------------------------------------------------------------ */

typedef void StreamFunction(TorcStream *stream);

static void for_each(TorcStreams *streams, uint32_t unless, StreamFunction *function)
{
    for (TorcStreamBlock *block = streams->blocks; block; block = block->next)
        for (int i = 0; i < BLOCK_STREAMS; i++)
            if ((block->streams[i].flags & (TORC__IN_USE | unless)) == TORC__IN_USE)
                function(&block->streams[i]);
}

void torc__streams_visit(const TorcStreams *streams, TorcStreamVisitor *visit, void *arg)
{
    for (const TorcStreamBlock *block = streams->blocks; block; block = block->next)
        for (int i = 0; i < BLOCK_STREAMS; i++)
            if (block->streams[i].flags & TORC__IN_USE)
                visit(&block->streams[i], arg);
}

static void lose_in_order(TorcStream *stream)
{
    torc__stream_loseConnection(&stream->base);
}

/* One that has just ended in order keeps its end: a reset would destroy what was delivered. */
static void end_with(TorcStream *stream, const TorcReason *reason)
{
    if (stream->flags & TORC__LOST)
        return;
    stream->flags |= TORC__RESET;
    torc__stream_lose(stream, TorcReason_ref(reason));
}

static void end_with_shutdown(TorcStream *stream)
{
    end_with(stream, TorcReason_static(TORC_CONNECTION_SHUTDOWN));
}

void torc__streams_endOwned(TorcStreams *streams, const TorcStreamOwner *owner,
                            const TorcReason *reason)
{
    for (TorcStreamBlock *block = streams->blocks; block; block = block->next)
        for (int i = 0; i < BLOCK_STREAMS; i++) {
            TorcStream *stream = &block->streams[i];
            if ((stream->flags & TORC__IN_USE) && stream->owner == owner)
                end_with(stream, reason);
        }
}

static void streams_disconnect(TorcReactorPart *part)
{
    TorcStreams *streams = (TorcStreams *)part;

    torc__ports_stop(streams);
    torc__connectors_stop(streams);
    for_each(streams, TORC__TOLD, lose_in_order);
    torc__streams_hurryLingering(streams);
}

static size_t streams_alive(TorcReactorPart *part)
{
    TorcStreams *streams = (TorcStreams *)part;

    return streams->connected + streams->linger_count + torc__connectors_alive(streams);
}

static void streams_abort(TorcReactorPart *part)
{
    TorcStreams *streams = (TorcStreams *)part;

    torc__ports_stop(streams);
    torc__connectors_stop(streams);
    for_each(streams, TORC__TOLD, end_with_shutdown);
    while (streams->linger_first)
        torc__stream_lingerEnd(streams->linger_first);
}

static void streams_unref(TorcStreams *streams)
{
    if (--streams->references == 0)
        torc__free(streams);
}

static void streams_free(TorcReactorPart *part)
{
    TorcStreams *streams = (TorcStreams *)part;

    torc__ports_letGo(streams);
    streams->reactor = NULL;
    while (streams->blocks) {
        TorcStreamBlock *block = streams->blocks;
        streams->blocks = block->next;
        torc__unpoison(block, sizeof(*block));
        torc__free(block);
    }
    torc__writePool_done(&streams->pool);
    torc__free(streams->receive_memory);
    streams_unref(streams);
}

TorcStreams *torc__streams(TorcReactor *reactor)
{
    if (reactor->streams)
        return reactor->streams;
    TorcStreams *streams = torc__zalloc(sizeof(TorcStreams));
    if (!streams)
        return NULL;
    if (torc__streams_growReceive(streams) < 0) {
        torc__free(streams);
        return NULL;
    }
    streams->reactor = reactor;
    streams->references = 1;
    streams->part = (TorcReactorPart){.endTurn = streams_endTurn,
                                      .disconnect = streams_disconnect,
                                      .alive = streams_alive,
                                      .abort = streams_abort,
                                      .free = streams_free,
                                      .count = torc__streams_count,
                                      .dump = torc__streams_dump};
    torc__reactor_addPart(reactor, &streams->part);
    reactor->streams = streams;
    return streams;
}

/* ---- owners -------------------------------------------------------------------------------- */

void torc__streamOwner_begin(TorcStreamOwner *owner, TorcStreams *streams, TorcFactory *factory)
{
    owner->streams = streams;
    owner->system = streams->reactor->system;
    owner->factory = TorcFactory_ref(factory);
    owner->references = 1;
    streams->references++;
}

void torc__streamOwner_unref(TorcStreamOwner *owner)
{
    TorcStreams *streams = owner->streams;

    assert(owner->references > 0);
    if (--owner->references > 0)
        return;
    owner->free(owner);
    streams_unref(streams);
}

/* ---- watch --------------------------------------------------------------------------------- */

/* With edges there is one registration for life, which write interest joins at the first refusal;
 * without, interest follows the state. */
static unsigned wanted_interest(const TorcStream *stream, bool edge)
{
    bool writable = torc__stream_waitsForRoom(stream);

    if (torc__stream_parked(stream))
        return 0;
    if (edge) {
        writable |= (stream->flags & TORC__WATCH_WRITE) != 0;
        return TORC_READABLE | TORC_CLOSED | TORC_EDGE | (writable ? TORC_WRITABLE : 0);
    }
    bool readable = torc__stream_reads(stream) || (stream->flags & TORC__LINGERING);
    return (readable ? TORC_READABLE : 0) | (writable ? TORC_WRITABLE : 0);
}

static unsigned present_interest(const TorcStream *stream, bool edge)
{
    unsigned interest = 0;

    if (stream->flags & TORC__WATCH_READ)
        interest |= TORC_READABLE | (edge ? TORC_CLOSED | TORC_EDGE : 0);
    if (stream->flags & TORC__WATCH_WRITE)
        interest |= TORC_WRITABLE;
    return interest;
}

static int change_interest(TorcStream *stream, unsigned present, unsigned wanted)
{
    TorcSystem *system = torc__stream_system(stream);

    if (wanted == 0) {
        system->ops->unwatch(system, &stream->watch);
        return 0;
    }
    if (present == 0)
        return system->ops->watch(system, &stream->watch, stream->fd, wanted, torc__stream_ready,
                                  stream);
    return system->ops->rewatch(system, &stream->watch, wanted);
}

void torc__stream_watch(TorcStream *stream)
{
    bool edge = torc__stream_system(stream)->edge;
    unsigned present = present_interest(stream, edge);
    unsigned wanted = wanted_interest(stream, edge);

    if (wanted == present || (stream->flags & (TORC__LOST | TORC__LINGERING)) == TORC__LOST)
        return;
    int r = change_interest(stream, present, wanted);
    stream->flags &= ~(TORC__WATCH_READ | TORC__WATCH_WRITE);
    if (r < 0) {
        torc__stream_loseCode(stream, r);
        return;
    }
    if (wanted & TORC_READABLE)
        stream->flags |= TORC__WATCH_READ;
    if (wanted & TORC_WRITABLE)
        stream->flags |= TORC__WATCH_WRITE;
}

/* ---- birth --------------------------------------------------------------------------------- */

static void keep_peer(TorcStream *stream, const TorcAddress *peer)
{
    stream->peer_port = peer->port;
    memcpy(stream->peer_ip, peer->ip, sizeof(stream->peer_ip));
    if (peer->family == TORC_ADDRESS_UNIX)
        stream->flags |= TORC__PEER_UNIX;
    else
        stream->peer_family = (uint16_t)peer->family;
    TorcStreamExtras *extras = peer->scopeId ? torc__stream_extras(stream) : NULL;
    if (extras)
        extras->peer_scope = peer->scopeId;
}

static int build_protocol(TorcStreamOwner *owner, const TorcAddress *peer,
                          TorcProtocol **ret_protocol)
{
    TorcReactor *reactor = owner->streams->reactor;
    TorcProtocol *protocol = NULL;
    int r;
    TORC__OBSERVE(reactor, owner->factory->cls->name, "buildProtocol",
                  r = TorcFactory_buildProtocol(owner->factory, peer, &protocol));
    if (r < 0)
        return r;
    if (!protocol)
        return -TORC_EREFUSED;
    *ret_protocol = protocol;
    return 0;
}

static TorcStream *stream_new(TorcStreamOwner *owner, int fd, const TorcAddress *peer)
{
    TorcStream *stream = stream_take(owner->streams);
    if (!stream)
        return NULL;
    stream->base.cls = &torc__stream_class;
    stream->owner = owner;
    owner->references++;
    stream->fd = fd;
    stream->flags = TORC__IN_USE;
    keep_peer(stream, peer);
    return stream;
}

/* From here on the connection exists: a watch that cannot be had loses it like any other error. */
static void stream_begin(TorcStream *stream, TorcProtocol *protocol)
{
    stream->base.protocol = protocol;
    protocol->transport = &stream->base;
    stream->owner->streams->connected++;
    stream->flags |= TORC__MADE;
    stream->owner->made(stream->owner, stream);
    torc__stream_watch(stream);
    if (stream->owner->factory->idleTimeout > 0)
        torc__stream_beginTimed(stream);
    torc__stream_reactor(stream)->counters.connectionsMade++;
    TORC__CALL_SLOT(torc__stream_reactor(stream), protocol->cls, connectionMade, protocol);
    if (stream->owner->connected)
        stream->owner->connected(stream->owner, stream);
}

int torc__stream_open(TorcStreamOwner *owner, int fd, const TorcAddress *peer)
{
    TorcSystem *system = owner->system;
    TorcProtocol *protocol = NULL;
    int r = build_protocol(owner, peer, &protocol);
    TorcStream *stream = r < 0 ? NULL : stream_new(owner, fd, peer);
    if (!stream) {
        TorcProtocol_free(protocol);
        (void)system->ops->close(system, fd);
        return r < 0 ? r : -ENOMEM;
    }
    stream_begin(stream, protocol);
    return 0;
}

/* ---- death --------------------------------------------------------------------------------- */

void torc__stream_lose(TorcStream *stream, TorcReason *reason)
{
    if (stream->flags & TORC__LOST) {
        TorcReason_unref(reason);
        return;
    }
    /* The peer must not take what it has for everything, nor when a producer was not through. */
    if (stream->output || (stream->flags & TORC__HELD_OPEN))
        stream->flags |= TORC__RESET;
    torc__writeQueue_drop(&stream->owner->streams->pool, &stream->output);
    if (stream->flags & TORC__DESCRIPTORS)
        torc__stream_dropDescriptors(stream);
    stream->reason = reason;
    stream->flags |= TORC__LOST;
    torc__stream_list(stream);
}

void torc__stream_loseCode(TorcStream *stream, int code)
{
    if (!(stream->flags & TORC__LOST))
        torc__stream_lose(stream, TorcReason_new(TORC_CONNECTION_LOST, code, NULL));
}
