/* What startFactory and stopFactory may do: begin again, end again, and stop what is just starting. */
#include <check.h>

#include <torc/torc.h>

static TorcSim *sim;
static TorcReactor *reactor;
static TorcConnector *connector;
static TorcPort *port;
static TorcService *service;
static int stops;

static void set_up(void)
{
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    stops = 0;
}

static void tear_down(void)
{
    ck_assert_clean(sim);
    TorcSim_free(sim);
}

static void connect_again(TorcFactory *self)
{
    (void)self;
    if (stops++ == 0)
        ck_assert_int_eq(TorcConnector_connect(connector), 0);
}

static const TorcClientFactoryClass reconnecting_class = {
    TORC_CLIENT_FACTORY_CLASS("reconnecting", TorcClientFactory),
    .factory.protocol = &torc_protocol_class,
    .factory.stopFactory = connect_again,
};

START_TEST(a_factory_may_connect_again_when_it_is_stopped) /* CONN-6 */
{
    TorcClientFactory *factory = TorcClientFactory_new(&reconnecting_class);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "127.0.0.1", 1, factory, NULL, &connector), 0);
    TorcConnector_ref(connector);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(stops, 2);
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_DISCONNECTED);
    TorcConnector_unref(connector);
    TorcFactory_unref(&factory->base);
}
END_TEST

static void drain_again(TorcFactory *self)
{
    (void)self;
    stops++;
    ck_assert_int_eq(TorcPort_drain(port, 1, NULL), 0);
}

static const TorcFactoryClass draining_class = {
    TORC_FACTORY_CLASS("draining", TorcFactory),
    .protocol = &torc_protocol_class,
    .stopFactory = drain_again,
};

START_TEST(a_factory_may_drain_its_port_when_that_stops)
{
    TorcFactory *factory = TorcFactory_new(&draining_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 79, factory, NULL, &port), 0);
    TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_drain(port, 1, NULL), 0);
    ck_assert(!TorcPort_draining(port));
    TorcSim_advance(sim, 2);
    ck_assert_int_eq(stops, 1);
    TorcPort_unref(port);
    TorcFactory_unref(factory);
}
END_TEST

static void stop_service(TorcFactory *self)
{
    (void)self;
    ck_assert_int_eq(TorcService_stop(service, NULL), 0);
}

static const TorcFactoryClass unwilling_class = {
    TORC_FACTORY_CLASS("unwilling", TorcFactory),
    .protocol = &torc_protocol_class,
    .startFactory = stop_service,
};

START_TEST(a_factory_may_stop_the_service_that_is_starting) /* SVC-6 */
{
    TorcFactory *factory = TorcFactory_new(&unwilling_class);
    TorcServerEndpoint *endpoint = TorcTCPServerEndpoint_new(reactor, 79, NULL);
    TorcServerService *server = TorcServerService_new(endpoint, factory);
    service = TorcServerService_service(server);
    ck_assert_int_eq(TorcService_start(service), 0);
    ck_assert(!service->running);
    ck_assert_ptr_null(TorcServerService_port(server));
    TorcSim_advance(sim, 1);
    ck_assert_ptr_null(TorcSim_connect(sim, 79));
    TorcService_unref(service);
    TorcServerEndpoint_unref(endpoint);
    TorcFactory_unref(factory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("factory slots");
    TCase *tcase = tcase_create("factory slots");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_factory_may_connect_again_when_it_is_stopped);
    tcase_add_test(tcase, a_factory_may_drain_its_port_when_that_stops);
    tcase_add_test(tcase, a_factory_may_stop_the_service_that_is_starting);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
