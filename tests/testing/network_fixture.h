/* What the tests of the simulated network share: a world with a "server" and a "client" besides
 * home, and a protocol that notes what happens to it. */
#ifndef TORC_TESTS_NETWORK_FIXTURE_H
#define TORC_TESTS_NETWORK_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/factories/client_factory.h>
#include <torc/factories/factory.h>
#include <torc/protocols/echo.h>
#include <torc/reactor/delayed_call.h>
#include <torc/reactor/reactor.h>
#include <torc/reactor/threads.h>
#include <torc/testing/sim_network.h>
#include <torc/transports/tcp.h>
#include <torc/transports/transport.h>

#include "reactor/reactor_internal.h"
#include "testing/sim_network_internal.h"
#include "test_suite.h"

enum { ECHO_PORT = 7, PROXY_PORT = 8, MEGABYTE = 1000000 };

static TorcSim *sim;
static TorcSimHost *client;
static TorcSimHost *server;

/* What the talkers below have seen since the simulation began. */
static TorcTransport *talker;
static double made_at;
static double answered_at;
static double lost_at;
static size_t answered;
static char answer[64];
static int mades;
static int losses;
static int failures;
static TorcReasonKind reason_kind;

static inline void begin_with(const TorcSimOptions *options)
{
    sim = TorcSim_newWith(options);
    ck_assert_ptr_nonnull(sim);
    server = TorcSim_addHost(sim, "server", NULL);
    client = TorcSim_addHost(sim, "client", NULL);
    talker = NULL;
    made_at = answered_at = lost_at = -1;
    answered = 0;
    memset(answer, 0, sizeof(answer));
    mades = losses = failures = 0;
    reason_kind = (TorcReasonKind)0;
}

static inline void begin(void)
{
    begin_with(TORC_SIM_OPTIONS(.seed = 1));
}

static inline void end(void)
{
    TorcSim_free(sim);
    sim = NULL;
}

static inline void set_links(TorcSimHost *a, TorcSimHost *b, const TorcSimLink *link)
{
    ck_assert_int_eq(TorcSim_setLink(sim, a, b, link), 0);
    ck_assert_int_eq(TorcSim_setLink(sim, b, a, link), 0);
}

static inline void advance(double seconds)
{
    ck_assert_int_eq(TorcSim_advance(sim, seconds), 0);
}

#define ck_assert_time(seconds, expected) ck_assert_double_eq_tol(seconds, expected, 1e-9)

/* ---- talkers: clients that note what happens ----------------------------------------------- */

static inline void talker_connectionMade(TorcProtocol *self)
{
    talker = self->transport;
    made_at = TorcSim_seconds(sim);
    mades++;
}

static inline void talker_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    (void)self;
    size_t room = sizeof(answer) - 1 - strlen(answer);
    strncat(answer, data, length < room ? length : room);
    answered += length;
    answered_at = TorcSim_seconds(sim);
}

static inline void talker_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    losses++;
    lost_at = TorcSim_seconds(sim);
    reason_kind = TorcReason_kind(reason);
    talker = NULL;
}

static const TorcProtocolClass talker_class = {
    TORC_PROTOCOL_CLASS("talker", TorcProtocol),
    .connectionMade = talker_connectionMade,
    .dataReceived = talker_dataReceived,
    .connectionLost = talker_connectionLost,
};

static inline void talkers_failed(TorcClientFactory *self, TorcConnector *connector,
                                  const TorcReason *reason)
{
    (void)self;
    (void)connector;
    failures++;
    lost_at = TorcSim_seconds(sim);
    reason_kind = TorcReason_kind(reason);
}

static const TorcClientFactoryClass talkers_class = {
    TORC_CLIENT_FACTORY_CLASS("talkers", TorcClientFactory),
    .factory.protocol = &talker_class,
    .clientConnectionFailed = talkers_failed,
};

static inline void talk(TorcSimHost *host, const char *to, int port)
{
    TorcClientFactory *factory = TorcClientFactory_new(&talkers_class);
    ck_assert_ptr_nonnull(factory);
    TorcReactor *reactor = TorcSimHost_reactor(host);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, to, port, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
}

static inline void say(const char *text)
{
    ck_assert_ptr_nonnull(talker);
    ck_assert_int_eq(TorcTransport_write(talker, text, strlen(text)), 0);
}

static inline void listen_with(TorcSimHost *host, int port, const TorcProtocolClass *cls)
{
    TorcFactory *factory = TorcFactory_forProtocol(cls);
    TorcReactor *reactor = TorcSimHost_reactor(host);
    ck_assert_ptr_nonnull(reactor);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, port, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
}

/* An echo server on "server" and a talker on "client" that is connected to it. */
static inline void connect_talker(void)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    talk(client, "server", ECHO_PORT);
    advance(10);
    ck_assert_int_eq(mades, 1);
}

/* ---- greeters: servers that say where they are --------------------------------------------- */

static inline void greeter_connectionMade(TorcProtocol *self)
{
    TorcAddress host;
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcTransport_getHost(self->transport, &host);
    TorcTransport_printf(self->transport, "this is %s",
                         TorcAddress_host(&host, text, sizeof(text)));
}

static const TorcProtocolClass greeter_class = {
    TORC_PROTOCOL_CLASS("greeter", TorcProtocol),
    .connectionMade = greeter_connectionMade,
};

/* ---- peers with much to say ---------------------------------------------------------------- */

static inline void send_megabyte(TorcSimPeer *peer)
{
    static char bytes[MEGABYTE];
    TorcSimPeer_sendBytes(peer, bytes, sizeof(bytes));
}

static inline bool megabyte_arrived(void *arg)
{
    return TorcSimPeer_receivedLength(arg) >= MEGABYTE;
}

/* ---- the program --------------------------------------------------------------------------- */

#define RUN_SUITE(name, ...) RUN_TESTS(name, begin, end, __VA_ARGS__)

#endif
