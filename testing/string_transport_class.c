/* The string transport as its protocol sees it: the table behind TorcTransport.
 *
 * One thread. Every function here is called from the code under test and only notes what it wants;
 * string_transport.c acts on it in the next turn. The rules are those of transports/stream*.c,
 * which is the reference: a test that passes here must not be wrong there.
 *
 * A TorcConnectionId must stay harmless when its connection and even its string transport are gone,
 * so its slot is not their address but that of an object which never goes away, and its generation
 * is looked for among the string transports of the thread. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "string_transport_internal.h"

/* ---- connection ids ------------------------------------------------------------------------ */

static const TorcTransport id_slot = {&torc__stringTransport_class, NULL};

static _Atomic uint64_t next_generation = 1; /* ids must not be mistaken on another thread either */
static _Thread_local TorcStringTransport *live;

void torc__stringTransport_add(TorcStringTransport *wire)
{
    wire->generation = atomic_fetch_add(&next_generation, 1);
    wire->next = live;
    live = wire;
}

void torc__stringTransport_remove(TorcStringTransport *wire)
{
    TorcStringTransport **link = &live;
    while (*link != wire) {
        if (!*link)
            torc__sim_fatal("a string transport belongs to the thread that made it");
        link = &(*link)->next;
    }
    *link = wire->next;
}

static bool string_connected(const TorcTransport *self)
{
    const TorcStringTransport *wire = (const TorcStringTransport *)self;

    return wire->made && !wire->telling;
}

static TorcProtocol *string_findProtocol(const TorcTransport *slot, uint64_t generation)
{
    (void)slot;
    for (const TorcStringTransport *wire = live; wire; wire = wire->next)
        if (wire->generation == generation)
            return string_connected(&wire->base) ? wire->base.protocol : NULL;
    return NULL;
}

static TorcConnectionId string_getConnectionId(const TorcTransport *self)
{
    const TorcStringTransport *wire = (const TorcStringTransport *)self;

    return (TorcConnectionId){wire->reactor, (uintptr_t)&id_slot, wire->generation};
}

/* ---- ending -------------------------------------------------------------------------------- */

/* What the peer does not have it will never get. */
static void drop_output(TorcStringTransport *wire)
{
    size_t keep = wire->taken;

    wire->written.end = wire->written.begin + keep;
    while (wire->write_count > 0 && wire->write_ends[wire->write_count - 1] > keep) {
        size_t start = wire->write_count > 1 ? wire->write_ends[wire->write_count - 2] : 0;
        if (start < keep)
            wire->write_ends[wire->write_count - 1] = keep;
        else
            wire->write_count--;
    }
    if (wire->shown_bytes > keep)
        wire->shown_bytes = keep;
    if (wire->shown_writes > wire->write_count)
        wire->shown_writes = wire->write_count;
}

void torc__stringTransport_end(TorcStringTransport *wire, TorcReason *reason)
{
    if (wire->lost) {
        TorcReason_unref(reason);
        return;
    }
    drop_output(wire);
    wire->reason = reason;
    wire->lost = true;
}

static void string_loseConnection(TorcTransport *self)
{
    ((TorcStringTransport *)self)->disconnecting = true;
}

static int string_loseWriteConnection(TorcTransport *self)
{
    TorcStringTransport *wire = (TorcStringTransport *)self;

    if (wire->disconnecting || wire->lost)
        return -EPIPE;
    wire->write_closing = true;
    return 0;
}

static void string_abortConnection(TorcTransport *self)
{
    TorcStringTransport *wire = (TorcStringTransport *)self;

    if (wire->lost)
        return;
    wire->aborted = true;
    torc__stringTransport_end(wire, TorcReason_static(TORC_CONNECTION_ABORTED));
}

static void string_failConnection(TorcTransport *self, const TorcReason *reason)
{
    torc__stringTransport_end((TorcStringTransport *)self, TorcReason_ref(reason));
}

static bool string_disconnecting(const TorcTransport *self)
{
    const TorcStringTransport *wire = (const TorcStringTransport *)self;

    return wire->disconnecting || wire->lost;
}

/* ---- writing ------------------------------------------------------------------------------- */

static size_t string_bufferedBytes(const TorcTransport *self)
{
    return torc__stringTransport_waiting((const TorcStringTransport *)self);
}

static int overflow(TorcStringTransport *wire, size_t length)
{
    wire->aborted = true;
    torc__stringTransport_end(wire,
                              torc__transport_overflow(&wire->base, wire->buffer_limit, length));
    return -ENOBUFS;
}

/* Whether a write of this length may be kept: 0, -EPIPE or -ENOBUFS. */
static int admit(TorcStringTransport *wire, size_t length)
{
    size_t limit = wire->buffer_limit;

    bool closing = wire->disconnecting || wire->write_closing;
    if (wire->lost || (closing && !torc__stringTransport_heldOpen(wire))) {
        wire->refused++;
        return -EPIPE;
    }
    if (limit > 0 && (length > limit || torc__stringTransport_waiting(wire) > limit - length))
        return overflow(wire, length);
    return 0;
}

static void end_write(TorcStringTransport *wire)
{
    size_t end = torc__simBytes_length(&wire->written);
    size_t before = wire->write_count > 0 ? wire->write_ends[wire->write_count - 1] : 0;
    if (end == before)
        return;
    if (wire->write_count == wire->write_capacity) {
        wire->write_capacity = wire->write_capacity ? wire->write_capacity * 2 : 16;
        wire->write_ends =
            torc__sim_realloc(wire->write_ends, wire->write_capacity * sizeof(*wire->write_ends));
    }
    wire->write_ends[wire->write_count++] = end;
}

static int string_writeSequence(TorcTransport *self, const TorcBytes *pieces, size_t count)
{
    TorcStringTransport *wire = (TorcStringTransport *)self;
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += pieces[i].length;
    int r = admit(wire, length);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        torc__simBytes_append(&wire->written, pieces[i].data, pieces[i].length);
    end_write(wire);
    return 0;
}

static int string_write(TorcTransport *self, const void *data, size_t length)
{
    return string_writeSequence(self, &(TorcBytes){data, length}, 1);
}

/* Released at once, which shows who goes on using the bytes. */
static int string_writeOwned(TorcTransport *self, const void *data, size_t length,
                             TorcFunction *release, void *arg)
{
    int r = string_write(self, data, length);

    if (release)
        release(arg);
    return r;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void string_pauseProducing(TorcTransport *self)
{
    ((TorcStringTransport *)self)->paused = true;
}

static void string_resumeProducing(TorcTransport *self)
{
    ((TorcStringTransport *)self)->paused = false;
}

/* ---- producers ----------------------------------------------------------------------------- */

static int string_registerProducer(TorcTransport *self, const TorcProducing *producing)
{
    TorcStringTransport *wire = (TorcStringTransport *)self;

    if (torc__stringTransport_produced(wire))
        return -EBUSY;
    if (wire->disconnecting || wire->lost || wire->write_closing)
        return -EPIPE;
    wire->producing = *producing;
    wire->pull_due = !producing->streaming;
    wire->producer_paused = false;
    return 0;
}

static bool string_unregisterProducer(TorcTransport *self, TorcProducing *ret_left)
{
    TorcStringTransport *wire = (TorcStringTransport *)self;

    if (!torc__stringTransport_produced(wire))
        return false;
    *ret_left = wire->producing;
    wire->producing = (TorcProducing){0};
    return true;
}

static void string_getFlow(TorcTransport *self, TorcFlow *ret_flow)
{
    const TorcStringTransport *wire = (const TorcStringTransport *)self;

    *ret_flow = (TorcFlow){.produced = torc__stringTransport_produced(wire),
                           .joined = torc__stringTransport_receiver(wire) != NULL,
                           .read_ended = wire->read_eof,
                           .high_mark = wire->high_mark,
                           .buffer_limit = wire->buffer_limit};
}

/* ---- what it is ---------------------------------------------------------------------------- */

static void string_getHost(TorcTransport *self, TorcAddress *ret_address)
{
    *ret_address = ((TorcStringTransport *)self)->host;
}

static void string_getPeer(TorcTransport *self, TorcAddress *ret_address)
{
    *ret_address = ((TorcStringTransport *)self)->peer;
}

static TorcReactor *string_getReactor(const TorcTransport *self)
{
    return ((const TorcStringTransport *)self)->reactor;
}

static int string_getHandle(const TorcTransport *self)
{
    (void)self;
    return -1;
}

static int string_set(TorcTransport *self, TorcTransportSetting setting, int64_t value)
{
    TorcStringTransport *wire = (TorcStringTransport *)self;

    switch (setting) {
    case TORC__HIGH_MARK: wire->high_mark = (size_t)value; break;
    case TORC__LOW_MARK: wire->low_mark = (size_t)value; break;
    case TORC__BUFFER_LIMIT: wire->buffer_limit = (size_t)value; break;
    case TORC__CLOSE_TIMEOUT:
    case TORC__IDLE_TIMEOUT: break; /* no time passes here */
    }
    return 0;
}

static int string_getOption(TorcTransport *self, int level, int name, int *ret_value)
{
    (void)self;
    (void)level;
    (void)name;
    (void)ret_value;
    return -EOPNOTSUPP;
}

static int string_setOption(TorcTransport *self, int level, int name, int value)
{
    (void)self;
    (void)level;
    (void)name;
    (void)value;
    return -EOPNOTSUPP;
}

static TorcBoundCalls *string_boundCalls(TorcTransport *self)
{
    TorcStringTransport *wire = (TorcStringTransport *)self;

    if (!wire->reactor)
        torc__sim_fatal("a protocol on a string transport has bound a call to itself: give its "
                        "reactor to TorcStringTransport_setReactor");
    return wire->telling ? NULL : &wire->bound;
}

const TorcTransportClass torc__stringTransport_class = {
    .name = "string",
    .write = string_write,
    .writeSequence = string_writeSequence,
    .writeOwned = string_writeOwned,
    .bufferedBytes = string_bufferedBytes,
    .loseConnection = string_loseConnection,
    .loseWriteConnection = string_loseWriteConnection,
    .abortConnection = string_abortConnection,
    .failConnection = string_failConnection,
    .pauseProducing = string_pauseProducing,
    .resumeProducing = string_resumeProducing,
    .disconnecting = string_disconnecting,
    .connected = string_connected,
    .getHost = string_getHost,
    .getPeer = string_getPeer,
    .getReactor = string_getReactor,
    .getConnectionId = string_getConnectionId,
    .findProtocol = string_findProtocol,
    .getHandle = string_getHandle,
    .set = string_set,
    .getOption = string_getOption,
    .setOption = string_setOption,
    .registerProducer = string_registerProducer,
    .unregisterProducer = string_unregisterProducer,
    .getFlow = string_getFlow,
    .boundCalls = string_boundCalls,
};
