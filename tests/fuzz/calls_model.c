/* The model: protocols, a factory and scheduled functions that check whether they may be called
 * now.
 *
 * One thread, one world at a time. What a callback may do beyond looking, the input says: leave
 * reads how many acts are made from inside. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <torc/testing/sim_faults.h>

#include "calls.h"
#include "testing/sim_internal.h"

World world;
CallsCounts calls_counts;
TorcSimLineFunction *calls_follower;
char stream[STREAM_SIZE];

bool is_stream(const void *data, size_t length, size_t from)
{
    return from + length <= STREAM_SIZE && memcmp(data, stream + from, length) == 0;
}

/* ---- callbacks ----------------------------------------------------------------------------- */

void enter(void)
{
    FUZZ_CHECK_THAT(world.depth == 0, "a callback inside another");
    world.depth++;
    calls_counts.callbacks++;
}

/* Most callbacks make no acts, so that an input is not used up by the first. */
void leave(void)
{
    unsigned wanted = world.over ? 0 : fuzz_byte(&world.input);
    for (unsigned n = wanted < 0xc0 ? 0 : wanted % 4; n > 0; n--)
        act();
    world.depth--;
}

void enter_talk(Talk *talk)
{
    enter();
    FUZZ_CHECK(talk->made && !talk->lost && talk->base.transport);
}

/* ---- the protocol -------------------------------------------------------------------------- */

/* Peers come from addresses of their own, by which their connections know them. */
static Peer *peer_of(TorcTransport *transport)
{
    TorcAddress address;
    TorcTransport_getPeer(transport, &address);
    if (address.family != TORC_ADDRESS_IPV4 || address.ip[0] != 10)
        return NULL;
    FUZZ_CHECK(address.ip[3] < world.peer_count);
    return &world.peers[address.ip[3]];
}

static void talk_connectionMade(TorcProtocol *self)
{
    Talk *talk = (Talk *)self;
    enter();
    FUZZ_CHECK(!talk->made && !talk->lost && TorcTransport_connected(self->transport));
    talk->made = true;
    talk->peer = peer_of(self->transport);
    talk->place = -1;
    world.made++;
    calls_counts.connections++;
    for (int i = 0; i < CONNECTIONS && talk->place < 0; i++)
        if (!world.talks[i])
            talk->place = i;
    if (talk->place >= 0)
        world.talks[talk->place] = talk;
    leave();
}

static void talk_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Talk *talk = (Talk *)self;
    enter_talk(talk);
    FUZZ_CHECK(length > 0 && !talk->ended && !TorcTransport_disconnecting(self->transport));
    FUZZ_CHECK_THAT(is_stream(data, length, talk->received),
                    "after %zu bytes come %zu that are not the next", talk->received, length);
    talk->received += length;
    calls_counts.bytes += length;
    leave();
}

static void talk_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Talk *talk = (Talk *)self;
    enter_talk(talk);
    FUZZ_CHECK(!TorcTransport_connected(self->transport) && *TorcReason_text(reason));
    FUZZ_CHECK(TorcTransport_write(self->transport, "x", 1) == -EPIPE);
    FUZZ_CHECK(!talk->produces && !talk->sending);
    bool in_order = TorcReason_kind(reason) == TORC_CONNECTION_DONE;
    calls_counts.in_order += in_order;
    if (talk->peer && in_order) {
        talk->peer->expects = true;
        talk->peer->total = talk->written;
    }
    talk->lost = true;
    leave();
    if (talk->place >= 0)
        world.talks[talk->place] = NULL;
    world.made--;
}

static void talk_readConnectionLost(TorcProtocol *self)
{
    Talk *talk = (Talk *)self;
    enter_talk(talk);
    FUZZ_CHECK(!talk->ended);
    talk->ended = true;
    if (below(2) == 0)
        TorcTransport_loseConnection(self->transport);
    leave();
}

static void talk_writeConnectionLost(TorcProtocol *self)
{
    enter_talk((Talk *)self);
    leave();
}

static void talk_pauseProducing(TorcProtocol *self)
{
    Talk *talk = (Talk *)self;
    enter_talk(talk);
    FUZZ_CHECK(!talk->above_mark);
    talk->above_mark = true;
    calls_counts.pauses++;
    leave();
}

static void talk_resumeProducing(TorcProtocol *self)
{
    Talk *talk = (Talk *)self;
    enter_talk(talk);
    FUZZ_CHECK(talk->above_mark);
    talk->above_mark = false;
    leave();
}

/* Its own from now on, and not needed. */
static void talk_fileDescriptorReceived(TorcProtocol *self, int fd)
{
    TorcSystem *system = torc__sim_system(world.sim);
    enter_talk((Talk *)self);
    (void)system->ops->close(system, fd);
    leave();
}

static void talk_destroy(TorcProtocol *self)
{
    Talk *talk = (Talk *)self;
    FUZZ_CHECK(talk->made == talk->lost && !self->transport);
    world.protocols--;
}

static const TorcProtocolClass talk_class = {
    TORC_PROTOCOL_CLASS("talk", Talk),
    .connectionMade = talk_connectionMade,
    .dataReceived = talk_dataReceived,
    .connectionLost = talk_connectionLost,
    .pauseProducing = talk_pauseProducing,
    .resumeProducing = talk_resumeProducing,
    .destroy = talk_destroy,
};

/* One that goes on when its peer has sent FIN, until it closes itself; and takes descriptors. */
static const TorcProtocolClass half_closing_class = {
    TORC_PROTOCOL_SUBCLASS("half-closing", Talk, &talk_class),
    .readConnectionLost = talk_readConnectionLost,
    .writeConnectionLost = talk_writeConnectionLost,
    .fileDescriptorReceived = talk_fileDescriptorReceived,
};

/* ---- the factory --------------------------------------------------------------------------- */

/* Most succeed; some fail, and some refuse. */
static int calls_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                               TorcProtocol **ret_protocol)
{
    TorcProtocol *protocol = NULL;
    unsigned choice = world.over ? 0 : fuzz_byte(&world.input);
    int r = choice == 255 ? -EPROTO : 0;
    (void)peer;
    enter();
    world.builds++;
    if (choice < 250) {
        protocol = TorcProtocol_new(choice % 2 ? &half_closing_class : &talk_class, self);
        r = protocol ? 0 : -ENOMEM;
        world.protocols += protocol != NULL;
    }
    leave();
    *ret_protocol = protocol;
    return r;
}

static void calls_startFactory(TorcFactory *self)
{
    (void)self;
    world.factories++;
}

static void calls_stopFactory(TorcFactory *self)
{
    (void)self;
    FUZZ_CHECK(world.factories > 0);
    world.factories--;
}

static void calls_startedConnecting(TorcClientFactory *self, TorcConnector *connector)
{
    (void)self;
    enter();
    FUZZ_CHECK(TorcConnector_state(connector) == TORC_CONNECTOR_CONNECTING);
    leave();
}

/* Without a reference the pointer is good until the outcome was told and nobody has called
 * connect() again. */
static void forget_client(TorcConnector *connector)
{
    if (TorcConnector_state(connector) != TORC_CONNECTOR_DISCONNECTED)
        return;
    for (int i = 0; i < CONNECTORS; i++)
        if (world.clients[i].connector == connector && !world.clients[i].held)
            world.clients[i].connector = NULL;
}

static void told(TorcConnector *connector)
{
    enter();
    FUZZ_CHECK(TorcConnector_state(connector) == TORC_CONNECTOR_DISCONNECTED);
    FUZZ_CHECK(world.attempts > 0);
    world.attempts--;
    if (!world.over && fuzz_byte(&world.input) > 200 && TorcConnector_connect(connector) == 0)
        world.attempts++;
    leave();
    forget_client(connector);
}

static void calls_clientConnectionFailed(TorcClientFactory *self, TorcConnector *connector,
                                         const TorcReason *reason)
{
    (void)self;
    FUZZ_CHECK(TorcReason_kind(reason) != TORC_CONNECTION_DONE && *TorcReason_text(reason));
    told(connector);
}

static void calls_clientConnectionLost(TorcClientFactory *self, TorcConnector *connector,
                                       const TorcReason *reason)
{
    (void)self;
    FUZZ_CHECK(*TorcReason_text(reason));
    told(connector);
}

const TorcClientFactoryClass calls_factory_class = {
    TORC_CLIENT_FACTORY_CLASS("calls", TorcClientFactory),
    .factory.buildProtocol = calls_buildProtocol,
    .factory.startFactory = calls_startFactory,
    .factory.stopFactory = calls_stopFactory,
    .startedConnecting = calls_startedConnecting,
    .clientConnectionFailed = calls_clientConnectionFailed,
    .clientConnectionLost = calls_clientConnectionLost,
};

/* ---- classes ------------------------------------------------------------------------------- */

static void resolve_class(const TorcProtocolClass *cls, TorcFactory *factory)
{
    TorcProtocol *protocol = TorcProtocol_new(cls, factory);
    FUZZ_CHECK(protocol);
    TorcProtocol_free(protocol);
}

void resolve_classes(void)
{
    TorcClientFactory *factory = TorcClientFactory_new(&calls_factory_class);
    FUZZ_CHECK(factory);
    resolve_class(&talk_class, &factory->base);
    resolve_class(&half_closing_class, &factory->base);
    TorcFactory_unref(&factory->base);
}

/* ---- what is scheduled --------------------------------------------------------------------- */

void *arm(void)
{
    world.armed++;
    return malloc(1);
}

void disarm(void *arg)
{
    free(arg);
    world.armed--;
}

/* Time does not pass in there, and what is refused in callbacks may be allowed. */
void disarm_and_act(void *arg)
{
    disarm(arg);
    world.destroys++;
    if (!world.over && fuzz_byte(&world.input) >= 0xc0)
        act();
    world.destroys--;
}

void called(void *arg)
{
    (void)arg;
    enter();
    leave();
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* Closed in order, as DONE says: unless the network has reset the connection before, which the code
 * under test need not have noticed. */
static bool had_an_orderly_end(const Peer *peer)
{
    bool reset = TorcSimPeer_gotReset(peer->sim) && TorcSim_countFaults(world.sim, TORC_SIM_RESET);
    return peer->expects && !peer->unruly && !reset;
}

void check_peers(void)
{
    for (int i = 0; i < world.peer_count; i++) {
        const Peer *peer = &world.peers[i];
        size_t length = TorcSimPeer_receivedLength(peer->sim);
        calls_counts.bytes += length;
        FUZZ_CHECK_THAT(is_stream(TorcSimPeer_received(peer->sim), length, 0),
                        "peer %d: what was received is not what was sent", i);
        FUZZ_CHECK_THAT(
            !had_an_orderly_end(peer) || (length == peer->total && TorcSimPeer_gotEnd(peer->sim)),
            "peer %d: ended in order, but %zu of %zu bytes came", i, length, peer->total);
    }
}
