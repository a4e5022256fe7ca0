/* Loopback: brings what one string transport has written to another, turn by turn.
 *
 * One thread. The loopback owns both string transports and, through them, the protocols. Bytes stay
 * where they were written; `moved` tells how many of them have been brought over. A side is called
 * only by the functions of its string transport, so no slot ever runs inside another. */
#include "loopback.h"

#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "string_transport_internal.h"

enum { TURNS_DEFAULT = 10000, BYTES_DEFAULT = 64 * 1024 * 1024 };

typedef struct LoopbackSide {
    TorcStringTransport *wire;
    size_t moved;  /* bytes of what it wrote that were brought over */
    size_t due;    /* where this turn stops bringing over */
    size_t write;  /* the write that the next byte belongs to, or one before it */
    bool end_told; /* the other side has got its FIN */
} LoopbackSide;

struct TorcLoopback {
    LoopbackSide server;
    LoopbackSide client;
    TorcLoopbackPolicy policy;
    unsigned turns;
    size_t bytes; /* most that a side may have written */
    TorcSim *sim; /* NULL: none */
};

static void require_loop(const TorcLoopback *loop)
{
    torc__sim_require(loop, "there is no loopback (NULL)");
}

/* ---- life ---------------------------------------------------------------------------------- */

void TorcLoopbackOptions_init(TorcLoopbackOptions *options)
{
    if (options)
        *options = (TorcLoopbackOptions){.size = sizeof(*options)};
}

static int read_options(const TorcLoopbackOptions *given, TorcLoopbackOptions *ret_options)
{
    int r = torc__options_read(ret_options, sizeof(*ret_options), given);

    return r == 0 && ret_options->policy > TORC_LOOPBACK_BYTEWISE ? -EINVAL : r;
}

static TorcStringTransport *new_wire(TorcReactor *reactor, uint16_t host_port, uint16_t peer_port)
{
    TorcStringTransport *wire = TorcStringTransport_new();
    TorcAddress address;

    (void)TorcAddress_parse("127.0.0.1", host_port, &address); /* literals: it cannot fail */
    TorcStringTransport_setHost(wire, &address);
    address.port = peer_port;
    TorcStringTransport_setPeer(wire, &address);
    TorcStringTransport_setReactor(wire, reactor);
    return wire;
}

static int connect_both(TorcLoopback *loop, TorcFactory *server, TorcFactory *client)
{
    int r = TorcStringTransport_connect(loop->server.wire, server);

    return r < 0 ? r : TorcStringTransport_connect(loop->client.wire, client);
}

static int open_loop(TorcFactory *server, TorcFactory *client, const TorcLoopbackOptions *given,
                     TorcLoopback **ret_loop)
{
    TorcLoopbackOptions options;
    int r = read_options(given, &options);
    if (r < 0)
        return r;
    TorcReactor *reactor = options.sim ? TorcSim_reactor(options.sim) : NULL;
    TorcLoopback *loop = torc__sim_alloc(sizeof(*loop));
    loop->policy = options.policy;
    loop->turns = options.turns > 0 ? options.turns : TURNS_DEFAULT;
    loop->bytes = options.bytes > 0 ? options.bytes : BYTES_DEFAULT;
    loop->sim = options.sim;
    loop->server.wire = new_wire(reactor, 1, 2);
    loop->client.wire = new_wire(reactor, 2, 1);
    r = connect_both(loop, server, client);
    if (r < 0)
        TorcLoopback_free(loop);
    else
        *ret_loop = loop;
    return r;
}

TorcLoopback *TorcLoopback_new(TorcFactory *server, TorcFactory *client,
                               const TorcLoopbackOptions *options)
{
    TorcLoopback *loop = NULL;
    int r = open_loop(server, client, options, &loop);
    if (r < 0)
        errno = -r;
    return loop;
}

void TorcLoopback_free(TorcLoopback *loop)
{
    if (!loop)
        return;
    TorcStringTransport_free(loop->server.wire);
    TorcStringTransport_free(loop->client.wire);
    torc__sim_release(loop);
}

/* ---- pumping ------------------------------------------------------------------------------- */

static bool is_over(const LoopbackSide *side)
{
    return !side->wire->base.protocol;
}

/* Bytes are brought to those who read; to those who have closed, they are dropped. */
static bool takes_input(const LoopbackSide *side)
{
    return side->wire->disconnecting || side->wire->lost || !side->wire->paused;
}

/* Where the piece that begins at `moved`, which is before `due`, ends. */
static size_t piece_end(LoopbackSide *from, TorcLoopbackPolicy policy)
{
    const size_t *ends = from->wire->write_ends;

    if (policy == TORC_LOOPBACK_BYTEWISE)
        return from->moved + 1;
    if (policy == TORC_LOOPBACK_COALESCING)
        return from->due;
    while (ends[from->write] <= from->moved)
        from->write++;
    return ends[from->write] < from->due ? ends[from->write] : from->due;
}

/* From a copy: whoever gets the bytes may know the other side, and make it write. */
static void move_piece(LoopbackSide *from, LoopbackSide *to, TorcLoopbackPolicy policy)
{
    size_t end = piece_end(from, policy);
    size_t length = end - from->moved;
    void *copy = torc__sim_alloc(length);

    memcpy(copy, from->wire->written.data + from->moved, length);
    from->moved = end;
    TorcStringTransport_deliverBytes(to->wire, copy, length);
    torc__sim_release(copy);
}

/* RST after an abort: seen also by a side that has paused and left bytes unread. */
static bool move_reset(const LoopbackSide *from, LoopbackSide *to)
{
    if (!from->wire->aborted || is_over(to))
        return false;
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_LOST, -ECONNRESET, NULL);
    TorcStringTransport_lose(to->wire, reason);
    TorcReason_unref(reason);
    return true;
}

/* FIN, behind all bytes. */
static bool move_end(LoopbackSide *from, LoopbackSide *to)
{
    const TorcStringTransport *wire = from->wire;

    if (from->end_told || from->moved < wire->taken || !(wire->write_shut || wire->lost))
        return false;
    from->end_told = true;
    TorcStringTransport_deliverEnd(to->wire);
    return true;
}

static bool has_too_much(const TorcLoopback *loop, const LoopbackSide *side)
{
    return torc__simBytes_length(&side->wire->written) > loop->bytes;
}

/* Asked before each piece: in a single turn every byte may be answered by many. */
static bool overflows(const TorcLoopback *loop)
{
    return has_too_much(loop, &loop->server) || has_too_much(loop, &loop->client);
}

static bool pump(TorcLoopback *loop, LoopbackSide *from, LoopbackSide *to)
{
    size_t before = from->moved;

    while (from->moved < from->due && takes_input(to) && !overflows(loop))
        move_piece(from, to, loop->policy);
    bool ended = move_reset(from, to) || move_end(from, to);
    return ended || from->moved != before;
}

static bool turn(TorcLoopback *loop)
{
    if (loop->sim)
        TorcSim_advance(loop->sim, 0);
    bool moved = TorcStringTransport_turn(loop->server.wire);
    moved |= TorcStringTransport_turn(loop->client.wire);
    loop->server.due = loop->server.wire->taken;
    loop->client.due = loop->client.wire->taken;
    moved |= pump(loop, &loop->server, &loop->client);
    moved |= pump(loop, &loop->client, &loop->server);
    return moved;
}

TorcLoopbackEnd TorcLoopback_run(TorcLoopback *loop)
{
    require_loop(loop);
    for (unsigned i = 0; i < loop->turns; i++) {
        bool moved = turn(loop);
        if (is_over(&loop->server) && is_over(&loop->client))
            return TORC_LOOPBACK_CLOSED;
        if (overflows(loop))
            return TORC_LOOPBACK_OVERFLOW;
        if (!moved)
            return TORC_LOOPBACK_IDLE;
    }
    return TORC_LOOPBACK_LIMIT;
}

/* ---- looking at it ------------------------------------------------------------------------- */

const char *TorcLoopbackEnd_name(TorcLoopbackEnd end)
{
    static const char *const names[] = {"unknown", "closed", "idle", "limit", "overflow"};
    size_t i = (size_t)end;

    return i < sizeof(names) / sizeof(names[0]) ? names[i] : names[0];
}

TorcStringTransport *TorcLoopback_server(TorcLoopback *loop)
{
    require_loop(loop);
    return loop->server.wire;
}

TorcStringTransport *TorcLoopback_client(TorcLoopback *loop)
{
    require_loop(loop);
    return loop->client.wire;
}
