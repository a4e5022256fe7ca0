/* Random calls of everything public, from inside every slot and from outside, on the simulation.
 *
 * A round is made from one number: the kind of readiness, chunk and buffer sizes, what is called
 * when, which system calls fail, and in some rounds which allocations fail. Nothing is expected of
 * the single call; what is checked holds whatever was called:
 *
 * - connectionMade first, connectionLost once and last, destroy once, no callback inside another;
 * - when the faults are over, each port that listens serves again;
 * - bytes arrive in order, and all of them after an orderly close;
 * - pauseProducing and resumeProducing take turns, those of a producer too, of whom nothing is called
 *   once it has left or was told to stop;
 * - a file arrives whole, or its sender is told;
 * - each attempt of a connector has one outcome;
 * - destroy and release functions run exactly once;
 * - after the end no descriptor is open and nothing is allocated;
 * - no spin: the simulation ends the process when turns bring nothing about.
 *
 * `test_random_calls FIRST COUNT` plays rounds of one's own choice; a failure names its round. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/testing/sim_files.h>
#include <torc/torc.h>

#include "../support/run_tests.h"
#include "../support/sizes.h"
#include "reactor/memory_internal.h"
#include "testing/sim_internal.h"

enum { ROUNDS = 1200, ACTS = 160, CONNECTIONS = 24, PORTS = 4, CONNECTORS = 6, PEERS = 24 };
enum { PORT_NUMBER = 7000, OUTSIDE_PORT = 7777, TEXT_SIZE = 256 * 1024 };

typedef struct Random {
    TorcProtocol base;
    int place;         /* in world.connections; -1: none was left */
    int peer;          /* whom it talks to: a place in world.peers, or -1 */
    unsigned received; /* bytes, so far */
    unsigned written;  /* bytes that write took */
    bool made;
    bool lost;
    bool ended; /* readConnectionLost was called */
    bool above_mark;
    bool sending; /* a file, so nothing else may be written */
    bool produces;
    bool streams;
    bool told_to_pause;
} Random;

typedef struct RandomFactory {
    TorcClientFactory base;
} RandomFactory;

typedef struct Peer {
    TorcSimPeer *sim;
    unsigned sent;
    bool shut;    /* sends no more */
    bool unruly;  /* closed, reset or stopped reading: may miss bytes */
    bool expects; /* its connection was closed in order after `total` bytes */
    unsigned total;
} Peer;

static struct {
    uint64_t round;
    uint64_t random;
    unsigned acts; /* calls that may still be made */
    unsigned most; /* bytes of one write */
    int depth;     /* callbacks on the stack */
    TorcSim *sim;
    TorcReactor *reactor;
    TorcClientFactory *factory;
    Random *connections[CONNECTIONS]; /* made and not lost */
    TorcPort *ports[PORTS];
    TorcConnector *connectors[CONNECTORS];
    Peer peers[PEERS];
    int peer_count;
    uint64_t triggers[4];
    TorcDelayedCall delayed[8];
    long protocols; /* not destroyed */
    long made;      /* connectionMade without connectionLost */
    long attempts;  /* startedConnecting without an outcome */
    long factories;
    long armed;  /* destroy and release functions that have still to run */
    long builds; /* calls of buildProtocol */
    /* Calls that TorcSim_failCall does not know: one in so many fails, 0: none. */
    unsigned fault_rate;
    const TorcSystemOps *sim_ops;
    TorcSystemOps ops;
} world;

static char text[TEXT_SIZE];

static void act(void);

/* Outside check's runner there is nobody who would catch its failure. */
static bool alone;

static void fail_round(const char *condition, int line)
{
    if (!alone)
        ck_abort_msg("round %" PRIu64 ", line %d: %s", world.round, line, condition);
    fprintf(stderr, "round %" PRIu64 ", line %d: %s\n", world.round, line, condition);
    abort();
}

#define CHECK(condition) ((condition) ? (void)0 : fail_round(#condition, __LINE__))

/* ---- memory -------------------------------------------------------------------------------- */

static struct {
    long live;
    long until_failure; /* negative: never */
    bool for_ever;
} memory;

static bool memory_fails(void)
{
    if (memory.until_failure < 0)
        return false;
    if (memory.until_failure > 0) {
        memory.until_failure--;
        return false;
    }
    if (!memory.for_ever)
        memory.until_failure = -1;
    return true;
}

static void *memory_allocate(size_t size)
{
    void *block = memory_fails() ? NULL : malloc(size);
    memory.live += block != NULL;
    return block;
}

static void *memory_reallocate(void *old, size_t size)
{
    void *block = memory_fails() ? NULL : realloc(old, size);
    memory.live += block && !old;
    return block;
}

static void memory_release(void *block)
{
    memory.live -= block != NULL;
    free(block);
}

/* ---- chance -------------------------------------------------------------------------------- */

/* splitmix64, which is in the public domain. */
static unsigned below(unsigned limit)
{
    uint64_t z = (world.random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) >> 16) % limit;
}

static bool one_in(unsigned n)
{
    return below(n) == 0;
}

/* Every place of the text is known by its bytes; all are printable. */
static void fill_text(void)
{
    for (size_t i = 0; i < TEXT_SIZE; i++)
        text[i] = (char)('!' + i % 89);
}

static bool is_text(const void *data, size_t length, size_t from)
{
    return from + length <= TEXT_SIZE && memcmp(data, text + from, length) == 0;
}

static double some_seconds(void)
{
    static const double values[] = {0, 0, 0.0001, 0.001, 0.01, 0.5, 2, 7, 40};
    return values[below(sizeof(values) / sizeof(values[0]))];
}

/* ---- callbacks ----------------------------------------------------------------------------- */

static void enter(void)
{
    CHECK(world.depth == 0);
    world.depth++;
}

static void leave(void)
{
    for (unsigned n = below(4); n-- > 0;)
        act();
    world.depth--;
}

static void enter_protocol(TorcProtocol *self)
{
    Random *random = (Random *)self;
    enter();
    CHECK(random->made && !random->lost && self->transport);
}

/* Peers come from addresses of their own, by which their connections know them. */
static int peer_of(TorcTransport *transport)
{
    TorcAddress address;
    TorcTransport_getPeer(transport, &address);
    if (address.family != TORC_ADDRESS_IPV4 || address.ip[0] != 10)
        return -1;
    CHECK(address.ip[3] < world.peer_count);
    return address.ip[3];
}

static void random_connectionMade(TorcProtocol *self)
{
    Random *random = (Random *)self;
    enter();
    CHECK(!random->made && !random->lost && TorcTransport_connected(self->transport));
    random->made = true;
    random->peer = peer_of(self->transport);
    random->place = -1;
    world.made++;
    for (int i = 0; i < CONNECTIONS && random->place < 0; i++)
        if (!world.connections[i])
            random->place = i;
    if (random->place >= 0)
        world.connections[random->place] = random;
    leave();
}

static void random_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Random *random = (Random *)self;
    enter_protocol(self);
    CHECK(length > 0 && !random->ended && !TorcTransport_disconnecting(self->transport));
    CHECK(is_text(data, length, random->received));
    random->received += (unsigned)length;
    leave();
}

static void random_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Random *random = (Random *)self;
    enter_protocol(self);
    CHECK(!TorcTransport_connected(self->transport));
    CHECK(TorcTransport_write(self->transport, "x", 1) == -EPIPE);
    CHECK(!random->produces && !random->sending);
    if (random->peer >= 0 && TorcReason_kind(reason) == TORC_CONNECTION_DONE) {
        world.peers[random->peer].expects = true;
        world.peers[random->peer].total = random->written;
    }
    random->lost = true;
    leave();
    if (random->place >= 0)
        world.connections[random->place] = NULL;
    world.made--;
}

static void random_readConnectionLost(TorcProtocol *self)
{
    enter_protocol(self);
    CHECK(!((Random *)self)->ended);
    ((Random *)self)->ended = true;
    if (one_in(2))
        TorcTransport_loseConnection(self->transport);
    leave();
}

static void random_writeConnectionLost(TorcProtocol *self)
{
    enter_protocol(self);
    leave();
}

static void random_pauseProducing(TorcProtocol *self)
{
    enter_protocol(self);
    CHECK(!((Random *)self)->above_mark);
    ((Random *)self)->above_mark = true;
    leave();
}

static void random_resumeProducing(TorcProtocol *self)
{
    enter_protocol(self);
    CHECK(((Random *)self)->above_mark);
    ((Random *)self)->above_mark = false;
    leave();
}

static void random_destroy(TorcProtocol *self)
{
    Random *random = (Random *)self;
    CHECK(random->made == random->lost && !self->transport);
    world.protocols--;
}

static const TorcProtocolClass random_class = {
    TORC_PROTOCOL_CLASS("random", Random),
    .connectionMade = random_connectionMade,
    .dataReceived = random_dataReceived,
    .connectionLost = random_connectionLost,
    .pauseProducing = random_pauseProducing,
    .resumeProducing = random_resumeProducing,
    .destroy = random_destroy,
};

static const TorcProtocolClass half_closing_class = {
    TORC_PROTOCOL_SUBCLASS("random-half-closing", Random, &random_class),
    .readConnectionLost = random_readConnectionLost,
    .writeConnectionLost = random_writeConnectionLost,
};

static int random_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                TorcProtocol **ret_protocol)
{
    (void)peer;
    enter();
    world.builds++;
    TorcProtocol *protocol = NULL;
    int r = world.acts > 0 && one_in(12) ? -EPROTO : 0;
    if (r == 0 && !one_in(12)) {
        protocol = TorcProtocol_new(one_in(2) ? &random_class : &half_closing_class, self);
        r = protocol ? 0 : -ENOMEM;
        world.protocols += protocol != NULL;
    }
    leave();
    *ret_protocol = protocol;
    return r;
}

static void random_startFactory(TorcFactory *self)
{
    (void)self;
    world.factories++;
}

static void random_stopFactory(TorcFactory *self)
{
    (void)self;
    world.factories--;
}

/* The pointer is good until the outcome was told without another connect(). */
static void forget_connector(TorcConnector *connector)
{
    if (TorcConnector_state(connector) != TORC_CONNECTOR_DISCONNECTED)
        return;
    for (int i = 0; i < CONNECTORS; i++)
        if (world.connectors[i] == connector)
            world.connectors[i] = NULL;
}

static void random_startedConnecting(TorcClientFactory *self, TorcConnector *connector)
{
    (void)self;
    enter();
    CHECK(TorcConnector_state(connector) == TORC_CONNECTOR_CONNECTING);
    leave();
}

static void connector_told(TorcConnector *connector)
{
    enter();
    CHECK(TorcConnector_state(connector) == TORC_CONNECTOR_DISCONNECTED);
    world.attempts--;
    if (world.acts > 0 && one_in(3) && TorcConnector_connect(connector) == 0)
        world.attempts++;
    leave();
    forget_connector(connector);
}

static void random_clientConnectionFailed(TorcClientFactory *self, TorcConnector *connector,
                                          const TorcReason *reason)
{
    (void)self;
    CHECK(TorcReason_kind(reason) != TORC_CONNECTION_DONE && *TorcReason_text(reason));
    connector_told(connector);
}

static void random_clientConnectionLost(TorcClientFactory *self, TorcConnector *connector,
                                        const TorcReason *reason)
{
    (void)self;
    (void)reason;
    connector_told(connector);
}

static const TorcClientFactoryClass factory_class = {
    TORC_CLIENT_FACTORY_CLASS("random", RandomFactory),
    .factory.buildProtocol = random_buildProtocol,
    .factory.startFactory = random_startFactory,
    .factory.stopFactory = random_stopFactory,
    .startedConnecting = random_startedConnecting,
    .clientConnectionFailed = random_clientConnectionFailed,
    .clientConnectionLost = random_clientConnectionLost,
};

/* ---- what is scheduled --------------------------------------------------------------------- */

static void called(void *arg)
{
    (void)arg;
    enter();
    leave();
}

static void called_in_thread(void *arg)
{
    (void)arg;
}

/* Of bytes; `arg` is a block of its own, so that a second time is found. */
static void disarm(void *arg)
{
    free(arg);
    world.armed--;
}

/* Of a call: other than a release function it may call whatever it likes. */
static void disarm_and_act(void *arg)
{
    disarm(arg);
    if (one_in(4))
        act();
}

static void *arm(void)
{
    world.armed++;
    return malloc(1);
}

static TorcDelayedCall *some_delayed(void)
{
    return &world.delayed[below(sizeof(world.delayed) / sizeof(world.delayed[0]))];
}

/* ---- acts on connections ------------------------------------------------------------------- */

static Random *some_connection(void)
{
    unsigned from = below(CONNECTIONS);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (world.connections[(from + i) % CONNECTIONS])
            return world.connections[(from + i) % CONNECTIONS];
    return NULL;
}

static unsigned some_length(void)
{
    static const unsigned lengths[] = {0, 1, 10, 511, 512, 513, 5000, 20000, 40000, 70000};
    unsigned length = lengths[below(sizeof(lengths) / sizeof(lengths[0]))];
    return length < world.most ? length : world.most;
}

static void act_write(Random *random, TorcTransport *transport)
{
    unsigned length = some_length();
    const char *data = text + random->written;
    int r = 0;

    if (random->sending || random->written + length > TEXT_SIZE)
        return;
    TorcBytes pieces[3] = {{data, length / 3}, {data + length / 3, 0}, {data + length / 3, 0}};
    pieces[2].length = length - length / 3;
    switch (below(4)) {
    case 0: r = TorcTransport_write(transport, data, length); break;
    case 1: r = TorcTransport_writeSequence(transport, pieces, 3); break;
    case 2: r = TorcTransport_writeOwned(transport, data, length, disarm, arm()); break;
    case 3: r = TorcTransport_printf(transport, "%.*s", (int)length, data); break;
    }
    CHECK(r == 0 || r == -EPIPE || r == -ENOMEM || r == -ENOBUFS);
    if (r == 0)
        random->written += length;
}

/* ---- producers and files ------------------------------------------------------------------- */

static void produce_no_more(Random *random)
{
    random->produces = random->told_to_pause = false;
    TorcTransport_unregisterProducer(random->base.transport);
}

static void producer_pause(void *arg)
{
    Random *random = arg;
    enter_protocol(&random->base);
    CHECK(random->produces && random->streams && !random->told_to_pause);
    random->told_to_pause = true;
    leave();
}

static void producer_resume(void *arg)
{
    Random *random = arg;
    enter_protocol(&random->base);
    CHECK(random->produces && random->told_to_pause == random->streams);
    random->told_to_pause = false;
    if (one_in(4) || world.acts == 0)
        produce_no_more(random);
    else
        act_write(random, random->base.transport);
    leave();
}

static void producer_stop(void *arg)
{
    Random *random = arg;
    enter_protocol(&random->base);
    CHECK(random->produces);
    random->produces = false;
    leave();
}

static const TorcProducerClass producer_class = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = producer_pause,
    .resumeProducing = producer_resume,
    .stopProducing = producer_stop,
};

static void act_produce(Random *random, TorcTransport *transport)
{
    if (random->produces) {
        produce_no_more(random);
        return;
    }
    bool streams = one_in(2);
    int r = TorcTransport_registerProducer(transport, &producer_class, random, streams);
    CHECK(r == 0 || r == -EPIPE || r == -ENOMEM || (r == -EBUSY && random->sending));
    if (r < 0)
        return;
    random->produces = true;
    random->streams = streams;
}

/* One of whose bytes some are missing cannot go on. */
static void file_sent(TorcResult *result, void *arg)
{
    Random *random = arg;
    random->sending = false;
    if (result->reason)
        TorcTransport_abortConnection(random->base.transport);
    else
        random->written += (unsigned)*(uint64_t *)result->value;
    TorcResult_clear(result);
}

static void act_send_file(Random *random, TorcTransport *transport)
{
    TorcSystem *system = torc__sim_system(world.sim);
    TorcDeferred *done;
    int fd = system->ops->open(system, "/text", O_RDONLY, 0);
    int r =
        TorcTransport_sendFile(transport, fd, random->written, 2 * (size_t)some_length(), &done);
    if (fd >= 0)
        (void)system->ops->close(system, fd);
    if (r < 0)
        return;
    random->sending = true;
    (void)TorcDeferred_addBoth(done, file_sent, random);
    TorcDeferred_detach(done);
}

static void release_producers(void)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (world.connections[i] && world.connections[i]->produces)
            produce_no_more(world.connections[i]);
}

/* ---- more acts on connections -------------------------------------------------------------- */

static void act_settings(TorcTransport *transport)
{
    switch (below(10)) {
    case 0: (void)TorcTransport_setWriteMarks(transport, below(3) * 1000, 0); break;
    case 1: (void)TorcTransport_setWriteMarks(transport, 500 + below(90000), below(500)); break;
    case 2: (void)TorcTransport_setBufferLimit(transport, below(3) * 60000); break;
    case 3: (void)TorcTransport_setCloseTimeout(transport, some_seconds() - 0.01); break;
    case 4: (void)TorcTransport_setTcpNoDelay(transport, one_in(2)); break;
    case 5: (void)TorcTransport_setTcpKeepAliveTimes(transport, 1, 2, 3); break;
    case 6: (void)TorcTransport_setTcpUserTimeout(transport, some_seconds()); break;
    case 7: (void)TorcTransport_setSendBufferSize(transport, (int)below(100000)); break;
    case 8: (void)TorcTransport_getReceiveBufferSize(transport); break;
    case 9: (void)TorcTransport_setIdleTimeout(transport, one_in(2) ? some_seconds() : 0); break;
    }
}

static void act_look(Random *random, TorcTransport *transport)
{
    TorcAddress address;
    TorcTransport_getHost(transport, &address);
    TorcTransport_getPeer(transport, &address);
    TorcConnectionId id = TorcTransport_getConnectionId(transport);
    TorcProtocol *protocol = TorcConnectionId_protocol(id);
    CHECK(protocol == (TorcTransport_connected(transport) ? &random->base : NULL));
    CHECK(TorcTransport_getHandle(transport) >= 0);
    CHECK(random->sending || TorcTransport_bufferedBytes(transport) <= random->written);
}

static void act_bound_call(Random *random)
{
    TorcCall *call = TORC_CALL(called, arm(), .destroy = disarm_and_act, .protocol = &random->base);
    (void)TorcReactor_callLaterWith(world.reactor, some_seconds(), call, some_delayed());
}

static void act_connection(void)
{
    Random *random = some_connection();
    if (!random)
        return;
    TorcTransport *transport = random->base.transport;

    switch (below(18)) {
    case 16: act_produce(random, transport); break;
    case 17: act_send_file(random, transport); break;
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: act_write(random, transport); break;
    case 5: TorcTransport_loseConnection(transport); break;
    case 6:
        if (one_in(3))
            TorcTransport_abortConnection(transport);
        break;
    case 7:
        if (one_in(3)) {
            TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, -EPROTO, NULL);
            TorcTransport_failConnection(transport, one_in(2) ? reason : NULL);
            TorcReason_unref(reason);
        }
        break;
    case 8: (void)TorcTransport_loseWriteConnection(transport); break;
    case 9: TorcTransport_pauseProducing(transport); break;
    case 10:
    case 11: TorcTransport_resumeProducing(transport); break;
    case 12: act_settings(transport); break;
    case 13: act_look(random, transport); break;
    default: act_bound_call(random); break;
    }
}

/* ---- acts on peers ------------------------------------------------------------------------- */

static void new_peer(void)
{
    char from[32];
    if (world.peer_count == PEERS)
        return;
    snprintf(from, sizeof(from), "10.0.0.%d", world.peer_count);
    TorcSimPeer *made =
        TorcSim_connectFrom(world.sim, from, "127.0.0.1", PORT_NUMBER + (int)below(PORTS));
    if (made)
        world.peers[world.peer_count++] = (Peer){.sim = made};
}

static void accept_peer(void)
{
    if (world.peer_count == PEERS)
        return;
    TorcSimPeer *made = TorcSim_accept(world.sim, OUTSIDE_PORT);
    if (made)
        world.peers[world.peer_count++] = (Peer){.sim = made, .unruly = true};
}

static void peer_send(Peer *peer)
{
    unsigned length = some_length();
    if (peer->shut || peer->sent + length > TEXT_SIZE)
        return;
    TorcSimPeer_sendBytes(peer->sim, text + peer->sent, length);
    peer->sent += length;
}

static void act_peer(void)
{
    Peer *peer = world.peer_count > 0 ? &world.peers[below((unsigned)world.peer_count)] : NULL;
    unsigned what = below(14);

    if (what == 0)
        accept_peer();
    else if (what <= 2 || !peer)
        new_peer();
    else if (what <= 7)
        peer_send(peer);
    else if (what == 8)
        TorcSimPeer_stopReading(peer->sim);
    else if (what <= 10)
        TorcSimPeer_startReading(peer->sim);
    else if (!peer->shut) {
        peer->shut = true;
        peer->unruly |= what != 11;
        if (what == 11)
            TorcSimPeer_shutdown(peer->sim);
        else if (what == 12)
            TorcSimPeer_close(peer->sim);
        else
            TorcSimPeer_reset(peer->sim);
    }
}

/* ---- acts on ports and connectors ---------------------------------------------------------- */

static void act_port_limits(TorcPort *port)
{
    TorcDeferred *done = NULL;
    switch (below(6)) {
    case 0: CHECK(TorcPort_pauseAccepting(port) == 0); break;
    case 1: CHECK(TorcPort_resumeAccepting(port) == 0); break;
    case 2: CHECK(TorcPort_setMaxConnections(port, below(4)) == 0); break;
    case 3: CHECK(TorcPort_setRefuseExcess(port, one_in(2)) == 0); break;
    case 4:
        if (one_in(3))
            (void)TorcPort_drain(port, some_seconds() - 0.01, one_in(2) ? &done : NULL);
        TorcDeferred_detach(done);
        break;
    default: CHECK(!TorcPort_accepting(port) || TorcPort_listening(port)); break;
    }
}

static void act_port(void)
{
    unsigned i = below(PORTS);
    TorcPort **port = &world.ports[i];
    if (!world.factory)
        return;
    if (!*port) {
        if (TorcReactor_listenTCP(world.reactor, PORT_NUMBER + (int)i, &world.factory->base,
                                  TORC_LISTEN_OPTIONS(.backlog = (int)below(3) * 64,
                                                      .interface = one_in(2) ? "0.0.0.0" : NULL),
                                  port) == 0)
            TorcPort_ref(*port);
        return;
    }
    switch (below(10)) {
    case 0:
    case 1: CHECK(TorcPort_stopListening(*port, NULL) == 0); break;
    case 6:
    case 7:
    case 8:
    case 9: act_port_limits(*port); break;
    case 2:
        if (one_in(3))
            *port = TorcPort_unref(*port);
        break;
    default: (void)TorcPort_startListening(*port); break;
    }
}

static void new_connector(TorcConnector **connector)
{
    static const char *const hosts[] = {"127.0.0.1",    "::1",           "192.0.2.9",
                                        "198.51.100.1", "known.example", "unknown.example",
                                        "hole.example"};
    const char *host = hosts[below(sizeof(hosts) / sizeof(hosts[0]))];
    int port = one_in(2) ? OUTSIDE_PORT : PORT_NUMBER + (int)below(PORTS);
    double timeout = one_in(2) ? 0 : some_seconds();
    if (world.factory &&
        TorcReactor_connectTCP(
            world.reactor, host, port, world.factory,
            TORC_CONNECT_OPTIONS(.timeout = timeout, .bindAddress = one_in(5) ? "0.0.0.0" : NULL),
            connector) == 0)
        world.attempts++;
}

static void act_connector(void)
{
    TorcConnector **connector = &world.connectors[below(CONNECTORS)];
    if (!*connector) {
        new_connector(connector);
        return;
    }
    switch (below(4)) {
    case 0: TorcConnector_disconnect(*connector); break;
    case 1: (void)TorcConnector_stopConnecting(*connector); break;
    case 2:
        if (TorcConnector_connect(*connector) == 0)
            world.attempts++;
        break;
    default: (void)TorcConnector_unref(TorcConnector_ref(*connector)); break;
    }
}

/* ---- acts on the reactor ------------------------------------------------------------------- */

static void act_call(void)
{
    TorcReactor *reactor = world.reactor;
    TorcCall *call = TORC_CALL(called, arm(), .destroy = disarm_and_act);

    switch (below(6)) {
    case 0: (void)TorcReactor_callLaterWith(reactor, some_seconds(), call, some_delayed()); break;
    case 1: (void)TorcReactor_callFromThreadWith(reactor, call); break;
    case 2: (void)TorcReactor_callWhenRunningWith(reactor, call); break;
    case 3:
        call->function = called_in_thread;
        (void)TorcReactor_callInThreadWith(reactor, call);
        break;
    default:
        (void)TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_BEFORE + below(3),
                                                    TORC_EVENT_STARTUP + below(2), call,
                                                    &world.triggers[below(4)]);
        break;
    }
}

static void act_delayed(void)
{
    TorcDelayedCall call = *some_delayed();
    double seconds;
    switch (below(5)) {
    case 0: (void)TorcDelayedCall_cancel(call); break;
    case 1: (void)TorcDelayedCall_reset(call, some_seconds()); break;
    case 2: (void)TorcDelayedCall_delay(call, some_seconds() - 1); break;
    case 3: (void)TorcDelayedCall_getTime(call, &seconds); break;
    default: (void)TorcReactor_removeSystemEventTrigger(world.reactor, world.triggers[below(4)]);
    }
}

static void act_reactor(void)
{
    switch (below(8)) {
    case 0: (void)TorcReactor_stop(world.reactor); break;
    case 1: (void)TorcReactor_crash(world.reactor); break;
    case 2: TorcSim_raise(world.sim, one_in(2) ? SIGINT : SIGTERM); break;
    case 3:
        if (world.depth > 0)
            CHECK(TorcReactor_iterate(world.reactor, 0) == -EDEADLK);
        break;
    case 4:
        if (world.depth > 0)
            CHECK(TorcReactor_run(world.reactor) == -EDEADLK);
        break;
    case 5:
        if (world.depth > 0)
            TorcReactor_free(world.reactor);
        break;
    default: (void)TorcReactor_suggestThreadPoolSize(world.reactor, below(5)); break;
    }
}

static void act_fault(void)
{
    static const int errors[] = {EAGAIN,       EINTR,    ECONNRESET,    EPIPE,      ENOBUFS, ENOMEM,
                                 ECONNABORTED, EMFILE,   EADDRINUSE,    ETIMEDOUT,  EIO,     EACCES,
                                 ECONNREFUSED, ENETDOWN, EADDRNOTAVAIL, EINPROGRESS};
    TorcSimCall kind = (TorcSimCall)below(TORC_SIM_WAIT);
    int error = errors[below(sizeof(errors) / sizeof(errors[0]))];

    if (error == EINTR && kind != TORC_SIM_RECV && kind != TORC_SIM_SEND &&
        kind != TORC_SIM_CONNECT)
        error = EIO; /* does not get through the seam */
    if (error == EINPROGRESS && kind != TORC_SIM_CONNECT)
        error = EIO;
    if (error == EAGAIN && (kind == TORC_SIM_SOCKET || kind == TORC_SIM_CONNECT))
        error = EIO;
    TorcSim_failCall(world.sim, kind, 1 + below(4), error, 1 + below(3));
}

static void act(void)
{
    if (world.acts == 0)
        return;
    world.acts--;
    switch (below(20)) {
    case 0: act_port(); break;
    case 1:
    case 2: act_connector(); break;
    case 3:
    case 4: act_call(); break;
    case 5: act_delayed(); break;
    case 6:
        if (one_in(3))
            act_reactor();
        break;
    case 7:
        if (world.round % 3 == 0)
            act_fault();
        break;
    case 8:
    case 9:
    case 10:
    case 11: act_peer(); break;
    default: act_connection(); break;
    }
}

/* ---- more faults --------------------------------------------------------------------------- */

static bool fault(void)
{
    return world.fault_rate > 0 && one_in(world.fault_rate);
}

static int faulty_watch(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                        TorcWatchFunction *function, void *arg)
{
    return fault() ? -ENOMEM : world.sim_ops->watch(system, watch, fd, interest, function, arg);
}

static int faulty_rewatch(TorcSystem *system, TorcWatch *watch, unsigned interest)
{
    return fault() ? -ENOMEM : world.sim_ops->rewatch(system, watch, interest);
}

static int faulty_shutdown(TorcSystem *system, int fd, int how)
{
    return fault() ? -ENOBUFS : world.sim_ops->shutdown(system, fd, how);
}

static int faulty_setsockopt(TorcSystem *system, int fd, int level, int name, const void *value,
                             socklen_t length)
{
    return fault() ? -ENOPROTOOPT
                   : world.sim_ops->setsockopt(system, fd, level, name, value, length);
}

static int faulty_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name,
                              socklen_t *length)
{
    return fault() ? -ENOBUFS : world.sim_ops->getsockname(system, fd, ret_name, length);
}

static int faulty_openSpare(TorcSystem *system)
{
    return fault() ? -EMFILE : world.sim_ops->openSpare(system);
}

static int faulty_submit(TorcSystem *system, TorcJob *job)
{
    return fault() ? -EAGAIN : world.sim_ops->submit(system, job);
}

static int faulty_lookup(TorcSystem *system, const char *host, uint16_t port,
                         TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup)
{
    return fault() ? -ENOMEM : world.sim_ops->lookup(system, host, port, function, arg, ret_lookup);
}

static void begin_faults(void)
{
    TorcSystem *system = torc__sim_system(world.sim);
    world.sim_ops = system->ops;
    world.ops = *system->ops;
    world.ops.watch = faulty_watch;
    world.ops.rewatch = faulty_rewatch;
    world.ops.shutdown = faulty_shutdown;
    world.ops.setsockopt = faulty_setsockopt;
    world.ops.getsockname = faulty_getsockname;
    world.ops.openSpare = faulty_openSpare;
    world.ops.submit = faulty_submit;
    world.ops.lookup = faulty_lookup;
    world.fault_rate = world.round % 3 == 0 ? 3 + below(30) : 0;
    system->ops = &world.ops;
}

/* ---- a round ------------------------------------------------------------------------------- */

static void begin_memory(void)
{
    memory.live = 0;
    memory.until_failure = world.round % 4 == 1 ? (long)below(80) : -1;
    memory.for_ever = one_in(2);
}

static bool begin_world(void)
{
    static const size_t chunks[] = {0, 0, 1, 7, 1000};
    static const size_t buffers[] = {0, 0, 100, 4096};
    static const double graces[] = {0, -1, 0.001, 60};
    static const char *const known[] = {"192.0.2.9", "127.0.0.1"};
    static const char *const hole[] = {"198.51.100.1", "127.0.0.1"};
    size_t chunk = chunks[below(5)];
    size_t buffer = buffers[below(4)];

    world.most = chunk == 1 || buffer == 100 ? 600 : chunk == 7 ? 5000 : 70000;
    world.acts = ACTS;
    world.sim = TorcSim_newWith(
        TORC_SIM_OPTIONS(.seed = world.round, .chunkSize = chunk, .bufferSize = buffer,
                         .levelTriggered = one_in(2),
                         .reactor = TORC_REACTOR_OPTIONS(.gracePeriod = graces[below(4)])));
    if (!world.sim)
        return false;
    world.reactor = TorcSim_reactor(world.sim);
    begin_faults();
    world.factory = TorcClientFactory_new(&factory_class);
    CHECK(TorcSim_listen(world.sim, "192.0.2.9", OUTSIDE_PORT) == 0);
    (void)TorcSim_writeFile(world.sim, "/text", text, TEXT_SIZE);
    TorcSim_blackHole(world.sim, "198.51.100.1");
    TorcSim_setAddresses(world.sim, "known.example", known, 2);
    TorcSim_setAddresses(world.sim, "hole.example", hole, 2);
    for (int i = 0; i < PORTS; i++)
        act_port();
    return true;
}

static void tick(void *arg)
{
    (void)arg;
    enter();
    if (world.acts == 0) {
        release_producers();
        (void)TorcReactor_stop(world.reactor);
    } else
        (void)TorcReactor_callLater(world.reactor, some_seconds() / 8, tick, NULL, NULL);
    leave();
}

static void play(void)
{
    bool by_run = one_in(2);
    while (world.acts > 0) {
        if (by_run) {
            (void)TorcReactor_callLater(world.reactor, 0, tick, NULL, NULL);
            (void)TorcSim_run(world.sim);
            world.acts -= world.acts > 0;
        } else {
            act();
            if (one_in(2))
                TorcSim_advance(world.sim, some_seconds());
        }
    }
}

static void stop(void *arg)
{
    (void)arg;
    (void)TorcReactor_stop(world.reactor);
}

static void check_peers(void)
{
    for (int i = 0; i < world.peer_count; i++) {
        const Peer *peer = &world.peers[i];
        size_t length = TorcSimPeer_receivedLength(peer->sim);
        CHECK(is_text(TorcSimPeer_received(peer->sim), length, 0));
        if (peer->expects && !peer->unruly)
            CHECK(length == peer->total && TorcSimPeer_gotEnd(peer->sim));
    }
}

/* Faults are over, and ports that listen serve again. */
static void check_ports(void)
{
    TorcSim_advance(world.sim, 1.01); /* the longest pause */
    for (int i = 0; i < PORTS; i++) {
        long builds = world.builds;
        if (!TorcPort_listening(world.ports[i]))
            continue;
        CHECK(TorcPort_setMaxConnections(world.ports[i], 0) == 0);
        CHECK(TorcPort_resumeAccepting(world.ports[i]) == 0);
        TorcSim_advance(world.sim, 0); /* those who have waited */
        builds = world.builds;
        TorcSimPeer *peer = TorcSim_connect(world.sim, PORT_NUMBER + i);
        CHECK(peer);
        TorcSim_advance(world.sim, 0);
        CHECK(world.builds == builds + 1);
        TorcSimPeer_close(peer);
    }
}

static void end_faults(void)
{
    memory.until_failure = -1;
    world.acts = 0;
    world.fault_rate = 0;
    release_producers();
    for (int call = 0; call < TORC_SIM_CALLS; call++)
        TorcSim_failCall(world.sim, (TorcSimCall)call, 1, 0, 1);
}

/* Whatever happened, an orderly run and its end are still possible. */
static void end_by_run(void)
{
    CHECK(TorcReactor_callLater(world.reactor, 0.01, stop, NULL, NULL) == 0);
    CHECK(TorcSim_run(world.sim) == 0);
    CHECK(world.made == 0 && world.attempts == 0 && world.factories == 0);
    CHECK(TorcSim_openDescriptors(world.sim) == 0);
    for (int i = 0; i < world.peer_count; i++)
        TorcSimPeer_startReading(world.peers[i].sim);
    TorcSim_advance(world.sim, 1);
    check_peers();
}

static void end_world(void)
{
    end_faults();
    if (world.round % 8 > 1)
        check_ports();
    if (world.round % 8 > 0)
        end_by_run();
    for (int i = 0; i < PORTS; i++)
        TorcPort_unref(world.ports[i]);
    if (world.factory)
        TorcFactory_unref(&world.factory->base);
    TorcSim_free(world.sim);
    CHECK(world.made == 0 && world.attempts == 0 && world.protocols == 0 && world.armed == 0);
    CHECK(memory.live == 0);
}

static void play_round(uint64_t round)
{
    memset(&world, 0, sizeof(world));
    world.round = round;
    world.random = round * UINT64_C(0x2545f4914f6cdd1d) + 1;
    begin_memory();
    if (!begin_world()) {
        CHECK(memory.live == 0);
        return;
    }
    play();
    end_world();
}

/* Resolved class tables live as long as the process: they are none of a round's memory. */
static void begin_rounds(void)
{
    static const TorcMemory functions = {memory_allocate, memory_reallocate, memory_release};
    fill_text();
    memory.until_failure = -1;
    torc__setMemory(&functions);
    TorcClientFactory *factory = TorcClientFactory_new(&factory_class);
    TorcProtocol *protocol = TorcProtocol_new(&half_closing_class, &factory->base);
    ((Random *)protocol)->made = ((Random *)protocol)->lost = true;
    TorcProtocol_free(protocol);
    TorcFactory_unref(&factory->base);
}

START_TEST(whatever_is_called_the_contracts_hold) /* BUG-5, BUG-8 */
{
    begin_rounds();
    uint64_t rounds = less_if_checked(ROUNDS, 4);
    for (uint64_t round = 0; round < rounds; round++)
        play_round(round);
}
END_TEST

/* Rounds of one's own choice. */
static int play_rounds(uint64_t first, uint64_t count)
{
    alone = true;
    begin_rounds();
    for (uint64_t round = first; round < first + count; round++)
        play_round(round);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return play_rounds(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    TCase *tcase = tcase_create("rounds");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, whatever_is_called_the_contracts_hold);
    return run_case("random calls", tcase);
}
