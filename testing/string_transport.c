/* The string transport as the test sees it: its life, its turns, what was written.
 *
 * One thread. The test owns the string transport, which owns its protocol from connect on. Invariant:
 * slots of the protocol are called from the functions of this file only, never inside one another,
 * and `busy` is set meanwhile; string_transport_class.c is what those slots call. A turn does what
 * the end of a turn of the reactor does with a stream (transports/stream.c), in the same order. */
#include "string_transport.h"

#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "string_transport_internal.h"

enum { HIGH_MARK = 64 * 1024 }; /* as a stream's */

static void require_wire(const TorcStringTransport *wire)
{
    torc__sim_require(wire, "there is no string transport (NULL)");
}

/* For the functions that call the protocol. */
static void require_idle(const TorcStringTransport *wire)
{
    require_wire(wire);
    torc__sim_require(!wire->busy,
                      "a slot of the protocol turns the string transport that has called it");
}

/* ---- calling the protocol ------------------------------------------------------------------ */

typedef void Slot(TorcProtocol *protocol);

static void call(TorcStringTransport *wire, Slot *slot)
{
    if (!slot)
        return;
    wire->busy = true;
    wire->calls++;
    slot(wire->base.protocol);
    wire->busy = false;
}

static void tell_lost(TorcStringTransport *wire)
{
    TorcProtocol *protocol = wire->base.protocol;

    wire->busy = true;
    wire->calls++;
    wire->telling = true; /* first: destroy functions cannot bind new calls */
    if (wire->reactor)
        torc__bound_cancelAll(wire->reactor, &wire->bound);
    TorcProducing ended = {0};
    if (wire->base.cls->unregisterProducer(&wire->base, &ended))
        torc__producing_end(&ended, wire->reason);
    protocol->cls->connectionLost(protocol, wire->reason);
    if (ended.receiver)
        ended.receiver->gone(ended.producer);
    if (wire->last_look)
        wire->last_look(protocol, wire->last_look_arg);
    wire->base.protocol = NULL;
    TorcProtocol_free(protocol);
    wire->busy = false;
}

/* What was written passed a mark, and who was told of the last one does not know it. */
static bool passed_mark(const TorcStringTransport *wire, bool above)
{
    size_t waiting = torc__stringTransport_waiting(wire);

    return above ? waiting <= wire->low_mark : waiting > wire->high_mark;
}

static bool producer_due(const TorcStringTransport *wire)
{
    if (!wire->producing.streaming)
        return wire->pull_due && torc__stringTransport_waiting(wire) == 0;
    return passed_mark(wire, wire->producer_paused);
}

static bool marks_due(const TorcStringTransport *wire)
{
    if (wire->lost || (wire->disconnecting && !torc__stringTransport_heldOpen(wire)))
        return false;
    return torc__stringTransport_produced(wire) ? producer_due(wire)
                                                : passed_mark(wire, wire->above_mark);
}

static void tell_producer(TorcStringTransport *wire)
{
    const TorcProducing *producing = &wire->producing;

    wire->pull_due = false;
    wire->producer_paused = producing->streaming && !wire->producer_paused;
    wire->busy = true;
    wire->calls++;
    if (wire->producer_paused)
        producing->cls->pauseProducing(producing->producer);
    else
        producing->cls->resumeProducing(producing->producer);
    wire->busy = false;
}

static void tell_marks(TorcStringTransport *wire)
{
    const TorcProtocolClass *cls = wire->base.protocol->cls;

    if (torc__stringTransport_produced(wire)) {
        tell_producer(wire);
        return;
    }
    wire->above_mark = !wire->above_mark;
    call(wire, wire->above_mark ? cls->pauseProducing : cls->resumeProducing);
}

static void tell(TorcStringTransport *wire)
{
    if (wire->write_shut_news && !wire->lost) {
        wire->write_shut_news = false;
        call(wire, wire->base.protocol->cls->writeConnectionLost);
    }
    if (marks_due(wire))
        tell_marks(wire);
    if (wire->lost)
        tell_lost(wire);
}

/* ---- input --------------------------------------------------------------------------------- */

static void drop_input(TorcStringTransport *wire)
{
    torc__simBytes_drop(&wire->input, torc__simBytes_length(&wire->input));
}

/* In a block of exactly their size, see the header. */
static void deliver_input(TorcStringTransport *wire)
{
    TorcProtocol *protocol = wire->base.protocol;
    const TorcReceiver *receiver = torc__stringTransport_receiver(wire);
    size_t length = torc__simBytes_length(&wire->input);
    void *data = torc__sim_alloc(length);

    memcpy(data, wire->input.data + wire->input.begin, length);
    drop_input(wire);
    wire->busy = true;
    wire->calls++;
    if (receiver)
        receiver->dataReceived(wire->producing.producer, data, length);
    else
        protocol->cls->dataReceived(protocol, data, length);
    wire->busy = false;
    torc__sim_release(data);
}

static void deliver_end(TorcStringTransport *wire)
{
    const TorcProtocolClass *cls = wire->base.protocol->cls;
    const TorcReceiver *receiver = torc__stringTransport_receiver(wire);

    wire->read_eof = true;
    if (receiver)
        receiver->readConnectionLost(wire->producing.producer);
    if (cls->readConnectionLost)
        call(wire, cls->readConnectionLost);
    else if (!receiver)
        wire->disconnecting = true;
}

/* A FIN with nothing unread before it is reported to those who have paused, too. */
static void read_on(TorcStringTransport *wire)
{
    if (wire->disconnecting || wire->lost)
        drop_input(wire);
    else if (torc__simBytes_length(&wire->input) > 0 && !wire->paused)
        deliver_input(wire);
    if (wire->peer_ended && !wire->read_eof && !wire->disconnecting && !wire->lost &&
        torc__simBytes_length(&wire->input) == 0)
        deliver_end(wire);
}

/* ---- turns --------------------------------------------------------------------------------- */

static size_t take(TorcStringTransport *wire, size_t bytes)
{
    size_t waiting = torc__stringTransport_waiting(wire);
    size_t taken = bytes < waiting ? bytes : waiting;

    wire->taken += taken;
    wire->pull_due |= taken > 0;
    return taken;
}

/* What was written leaves, and what was to follow it happens. */
static void flush(TorcStringTransport *wire)
{
    if (wire->lost)
        return;
    if (!wire->holding)
        (void)take(wire, SIZE_MAX);
    if (torc__stringTransport_waiting(wire) > 0 || torc__stringTransport_heldOpen(wire))
        return;
    if (wire->disconnecting)
        torc__stringTransport_end(wire, TorcReason_static(TORC_CONNECTION_DONE));
    else if (wire->write_closing && !wire->write_shut)
        wire->write_shut = wire->write_shut_news = true;
}

static void turn(TorcStringTransport *wire)
{
    if (!wire->base.protocol)
        return;
    flush(wire);
    read_on(wire);
    flush(wire);
    tell(wire);
}

bool TorcStringTransport_turn(TorcStringTransport *wire)
{
    require_idle(wire);
    uint64_t before = wire->calls;
    turn(wire);
    return wire->calls != before;
}

/* ---- life ---------------------------------------------------------------------------------- */

TorcStringTransport *TorcStringTransport_new(void)
{
    TorcStringTransport *wire = torc__sim_alloc(sizeof(*wire));

    wire->base.cls = &torc__stringTransport_class;
    wire->high_mark = HIGH_MARK;
    (void)TorcAddress_parse("192.168.1.1", 54321, &wire->host); /* literals: it cannot fail */
    (void)TorcAddress_parse("192.168.1.2", 12345, &wire->peer);
    torc__stringTransport_add(wire);
    return wire;
}

TorcStringTransport *TorcStringTransport_forProtocol(const TorcProtocolClass *cls)
{
    TorcFactory *factory = TorcFactory_forProtocol(cls);
    if (!factory)
        return NULL;
    TorcStringTransport *wire = TorcStringTransport_new();
    int r = TorcStringTransport_connect(wire, factory);
    TorcFactory_unref(factory);
    if (r == 0)
        return wire;
    TorcStringTransport_free(wire);
    errno = -r;
    return NULL;
}

void TorcStringTransport_free(TorcStringTransport *wire)
{
    if (!wire)
        return;
    require_idle(wire);
    torc__stringTransport_end(wire, TorcReason_static(TORC_CONNECTION_SHUTDOWN));
    if (wire->base.protocol)
        tell_lost(wire);
    torc__stringTransport_remove(wire);
    TorcReason_unref(wire->reason);
    torc__simBytes_done(&wire->written);
    torc__simBytes_done(&wire->input);
    torc__sim_release(wire->write_ends);
    torc__sim_release(wire);
}

static void require_fresh(const TorcStringTransport *wire)
{
    require_wire(wire);
    torc__sim_require(!wire->made,
                      "a string transport is set up before it is connected, and that only once");
}

void TorcStringTransport_setReactor(TorcStringTransport *wire, TorcReactor *reactor)
{
    require_fresh(wire);
    wire->reactor = reactor;
}

void TorcStringTransport_setHost(TorcStringTransport *wire, const TorcAddress *host)
{
    require_fresh(wire);
    torc__sim_require(host, "TorcStringTransport_setHost: there is no address");
    wire->host = *host;
}

void TorcStringTransport_setPeer(TorcStringTransport *wire, const TorcAddress *peer)
{
    require_fresh(wire);
    torc__sim_require(peer, "TorcStringTransport_setPeer: there is no address");
    wire->peer = *peer;
}

void TorcStringTransport_connectProtocol(TorcStringTransport *wire, TorcProtocol *protocol)
{
    require_fresh(wire);
    torc__sim_require(
        protocol && !protocol->transport,
        "TorcStringTransport_connectProtocol: there is no protocol, or it has a transport");
    wire->made = true;
    wire->buffer_limit = protocol->factory->bufferLimit;
    wire->base.protocol = protocol;
    protocol->transport = &wire->base;
    call(wire, protocol->cls->connectionMade);
}

int TorcStringTransport_connect(TorcStringTransport *wire, TorcFactory *factory)
{
    require_fresh(wire);
    TORC__REQUIRE(factory);
    TorcProtocol *protocol = NULL;
    int r = TorcFactory_buildProtocol(factory, &wire->peer, &protocol);
    if (r < 0)
        return r;
    if (!protocol)
        return -TORC_EREFUSED;
    TorcStringTransport_connectProtocol(wire, protocol);
    return 0;
}

TorcProtocol *TorcStringTransport_protocol(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->base.protocol;
}

TorcTransport *TorcStringTransport_transport(TorcStringTransport *wire)
{
    require_wire(wire);
    return &wire->base;
}

/* ---- what the peer does -------------------------------------------------------------------- */

static void begin_event(TorcStringTransport *wire)
{
    require_idle(wire);
    torc__sim_require(wire->made, "a string transport that was never connected gets no input");
    turn(wire);
}

void TorcStringTransport_deliver(TorcStringTransport *wire, const char *text)
{
    torc__sim_require(text, "TorcStringTransport_deliver: there is no text");
    TorcStringTransport_deliverBytes(wire, text, strlen(text));
}

void TorcStringTransport_deliverBytes(TorcStringTransport *wire, const void *data, size_t length)
{
    torc__sim_require(data || length == 0, "TorcStringTransport_deliverBytes: there are no bytes");
    begin_event(wire);
    torc__sim_require(!wire->peer_ended,
                      "TorcStringTransport_deliver: the peer has sent its FIN already");
    torc__simBytes_append(&wire->input, data, length);
    read_on(wire);
}

void TorcStringTransport_deliverEnd(TorcStringTransport *wire)
{
    begin_event(wire);
    wire->peer_ended = true;
    read_on(wire);
}

void TorcStringTransport_lose(TorcStringTransport *wire, const TorcReason *reason)
{
    torc__sim_require(reason, "TorcStringTransport_lose: there is no reason");
    begin_event(wire);
    if (!wire->base.protocol)
        return;
    torc__stringTransport_end(wire, TorcReason_ref(reason));
    tell_lost(wire);
}

/* ---- what was written ---------------------------------------------------------------------- */

const char *TorcStringTransport_value(TorcStringTransport *wire)
{
    require_wire(wire);
    torc__simBytes_append(&wire->written, "", 1);
    wire->written.end--;
    return (const char *)wire->written.data + wire->shown_bytes;
}

size_t TorcStringTransport_length(const TorcStringTransport *wire)
{
    require_wire(wire);
    return torc__simBytes_length(&wire->written) - wire->shown_bytes;
}

size_t TorcStringTransport_writeCount(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->write_count - wire->shown_writes;
}

TorcStringWrite TorcStringTransport_writeAt(const TorcStringTransport *wire, size_t number)
{
    if (number >= TorcStringTransport_writeCount(wire))
        return (TorcStringWrite){NULL, 0};
    number += wire->shown_writes;
    size_t begin = number > 0 ? wire->write_ends[number - 1] : 0;
    return (TorcStringWrite){wire->written.data + begin, wire->write_ends[number] - begin};
}

size_t TorcStringTransport_refusedWrites(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->refused;
}

void TorcStringTransport_clear(TorcStringTransport *wire)
{
    require_wire(wire);
    wire->shown_bytes = torc__simBytes_length(&wire->written);
    wire->shown_writes = wire->write_count;
}

/* ---- a peer that does not read ------------------------------------------------------------- */

void TorcStringTransport_holdOutput(TorcStringTransport *wire)
{
    require_wire(wire);
    wire->holding = true;
}

size_t TorcStringTransport_takeOutput(TorcStringTransport *wire, size_t bytes)
{
    require_wire(wire);
    return take(wire, bytes);
}

void TorcStringTransport_releaseOutput(TorcStringTransport *wire)
{
    require_wire(wire);
    wire->holding = false;
}

/* ---- its state ----------------------------------------------------------------------------- */

bool TorcStringTransport_connected(const TorcStringTransport *wire)
{
    require_wire(wire);
    return TorcTransport_connected(&wire->base);
}

bool TorcStringTransport_disconnecting(const TorcStringTransport *wire)
{
    require_wire(wire);
    return TorcTransport_disconnecting(&wire->base);
}

bool TorcStringTransport_aborted(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->aborted;
}

bool TorcStringTransport_halfClosed(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->write_closing;
}

bool TorcStringTransport_paused(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->paused;
}

bool TorcStringTransport_producing(const TorcStringTransport *wire)
{
    require_wire(wire);
    return torc__stringTransport_produced(wire);
}

void *TorcStringTransport_producer(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->producing.producer;
}

bool TorcStringTransport_streaming(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->producing.streaming;
}

bool TorcStringTransport_producerPaused(const TorcStringTransport *wire)
{
    require_wire(wire);
    return torc__stringTransport_produced(wire) && wire->producer_paused;
}

const TorcReason *TorcStringTransport_reason(const TorcStringTransport *wire)
{
    require_wire(wire);
    return wire->reason;
}
