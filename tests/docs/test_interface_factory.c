/* docs/interfaces/factory.md and protocol.md: the order in which slots are called, and what may be
 * called from a factory's. */
#include <stdio.h>

#include "../support/stream_test.h"
#include "interface_table.h"

/* ---- the order of calls -------------------------------------------------------------------- */

static char order[1000];
static const char *named_slot; /* the place is in this one; NULL: in none */

static void note(const char *word)
{
    size_t length = strlen(order);
    snprintf(order + length, sizeof(order) - length, "%s%s", length ? " " : "", word);
    if (named_slot && strcmp(named_slot, word) == 0)
        interface_here();
}

#define SLOT(name, Type)                                                                           \
    static void log_##name(Type *self)                                                             \
    {                                                                                              \
        (void)self;                                                                                \
        note(#name);                                                                               \
    }
SLOT(connectionMade, TorcProtocol)
SLOT(readConnectionLost, TorcProtocol)
SLOT(writeConnectionLost, TorcProtocol)
SLOT(pauseProducing, TorcProtocol)
SLOT(resumeProducing, TorcProtocol)
SLOT(destroy, TorcProtocol)
SLOT(startFactory, TorcFactory)
SLOT(stopFactory, TorcFactory)

static void log_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
    note("connectionLost");
}

static void log_dataReceived(TorcProtocol *self, const void *bytes, size_t length)
{
    (void)self;
    (void)bytes;
    (void)length;
    note("dataReceived");
}

static const TorcProtocolClass log_class = {
    TORC_PROTOCOL_CLASS("log", TorcProtocol),
    .connectionMade = log_connectionMade,
    .dataReceived = log_dataReceived,
    .readConnectionLost = log_readConnectionLost,
    .writeConnectionLost = log_writeConnectionLost,
    .pauseProducing = log_pauseProducing,
    .resumeProducing = log_resumeProducing,
    .connectionLost = log_connectionLost,
    .destroy = log_destroy,
};

static TorcProtocol *logged;

static int log_buildProtocol(TorcFactory *self, const TorcAddress *of, TorcProtocol **ret_protocol)
{
    (void)of;
    note("buildProtocol");
    logged = *ret_protocol = TorcProtocol_new(&log_class, self);
    return logged ? 0 : -ENOMEM;
}

static void log_startedConnecting(TorcClientFactory *self, TorcConnector *of)
{
    (void)self;
    (void)of;
    note("startedConnecting");
}

static void log_clientConnectionMade(TorcClientFactory *self, TorcConnector *of,
                                     TorcProtocol *protocol)
{
    (void)self;
    (void)of;
    (void)protocol;
    note("clientConnectionMade");
}

static void log_clientConnectionFailed(TorcClientFactory *self, TorcConnector *of,
                                       const TorcReason *reason)
{
    (void)self;
    (void)of;
    (void)reason;
    note("clientConnectionFailed");
}

static void log_clientConnectionLost(TorcClientFactory *self, TorcConnector *of,
                                     const TorcReason *reason)
{
    (void)self;
    (void)of;
    (void)reason;
    note("clientConnectionLost");
}

static const TorcClientFactoryClass log_factory_class = {
    TORC_CLIENT_FACTORY_CLASS("log-factory", TorcClientFactory),
    .factory.startFactory = log_startFactory,
    .factory.buildProtocol = log_buildProtocol,
    .factory.stopFactory = log_stopFactory,
    .startedConnecting = log_startedConnecting,
    .clientConnectionMade = log_clientConnectionMade,
    .clientConnectionFailed = log_clientConnectionFailed,
    .clientConnectionLost = log_clientConnectionLost,
};

static TorcFactory *begin_order(void)
{
    order[0] = '\0';
    named_slot = NULL;
    rec = (Recording){0};
    begin_with(EDGE, TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 1000));
    return &TorcClientFactory_new(&log_factory_class)->base;
}

static void converse_with_a_client(void)
{
    static const char much[100000];
    peer = TorcSim_connect(sim, PORT);
    settle();
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_int_eq(TorcTransport_write(logged->transport, much, sizeof(much)), 0);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_int_eq(TorcTransport_loseWriteConnection(logged->transport), 0);
    settle();
    TorcTransport_loseConnection(logged->transport);
    settle();
}

START_TEST(the_life_of_a_protocol_is_on_its_page)
{
    TorcFactory *factory = begin_order();
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
    converse_with_a_client();
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    interface_checkOrder("factory.md", "server", order);
    char *life = strstr(order, "connectionMade");
    *strstr(order, " stopFactory") = '\0';
    interface_checkOrder("protocol.md", "life", life);
    end();
}
END_TEST

static void connect_once(const char *host)
{
    TorcFactory *factory = begin_order();
    serve(&rec, PORT + 1);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, host, PORT + 1, (TorcClientFactory *)factory,
                                            TORC_CONNECT_OPTIONS(.timeout = 1), NULL),
                     0);
    TorcFactory_unref(factory);
}

START_TEST(the_order_of_a_clients_calls_is_on_the_page_of_factories)
{
    connect_once("127.0.0.1");
    settle();
    TorcTransport_loseConnection(logged->transport);
    settle();
    interface_checkOrder("factory.md", "client", order);
    end();
}
END_TEST

START_TEST(the_order_of_a_failed_attempt_is_on_the_page_of_factories)
{
    connect_once("127.0.0.2");
    TorcSim_blackHole(sim, "127.0.0.2");
    TorcSim_advance(sim, 2);
    interface_checkOrder("factory.md", "failed attempt", order);
    end();
}
END_TEST

/* ---- factories ------------------------------------------------------------------------------ */

static TorcFactory *own_factory;

static void begin_factory(const char *in)
{
    own_factory = begin_order();
    named_slot = in;
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, own_factory, NULL, &port), 0);
}

static void end_factory(void)
{
    TorcFactory_unref(own_factory);
    end();
}

static void factory_in_startFactory(void)
{
    begin_factory("startFactory");
    end_factory();
}

static void factory_in_buildProtocol(void)
{
    begin_factory("buildProtocol");
    peer = connect_peer();
    end_factory();
}

static void factory_in_stopFactory(void)
{
    begin_factory("stopFactory");
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    end_factory();
}

static void factory_in_stopFactory_of_the_shutdown(void)
{
    begin_factory("stopFactory");
    stop_after(0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    end_factory();
}

static const char *factory_numPorts(void)
{
    return interface_code((int)own_factory->numPorts);
}

static const char *factory_listenTCP(void)
{
    return interface_code(TorcReactor_listenTCP(reactor, PORT + 2, own_factory, NULL, NULL));
}

static const char *factory_connectTCP(void)
{
    TorcClientFactory *client = (TorcClientFactory *)own_factory;
    return interface_code(TorcReactor_connectTCP(reactor, "127.0.0.1", PORT, client, NULL, NULL));
}

static void nothing(void *arg)
{
    (void)arg;
}

static const char *factory_callLater(void)
{
    return interface_code(TorcReactor_callLater(reactor, 0, nothing, NULL, NULL));
}

static const InterfaceRow factory_rows[] = {
    {"numPorts", factory_numPorts, NULL},
    {"TorcReactor_listenTCP", factory_listenTCP, NULL},
    {"TorcReactor_connectTCP", factory_connectTCP, NULL},
    {"TorcReactor_callLater", factory_callLater, NULL},
};

static const InterfaceColumn factory_columns[] = {
    {"`startFactory`", {factory_in_startFactory}},
    {"`buildProtocol`", {factory_in_buildProtocol}},
    {"`stopFactory`", {factory_in_stopFactory}},
    {"`stopFactory` while the reactor stops", {factory_in_stopFactory_of_the_shutdown}},
};

START_TEST(what_may_be_called_from_a_factorys_slots_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("factory.md", "factory", factory_rows, factory_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: factories", the_life_of_a_protocol_is_on_its_page,
                the_order_of_a_clients_calls_is_on_the_page_of_factories,
                the_order_of_a_failed_attempt_is_on_the_page_of_factories,
                what_may_be_called_from_a_factorys_slots_is_on_its_page)
