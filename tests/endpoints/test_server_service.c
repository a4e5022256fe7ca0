/* The server service: it listens while it runs. */
#include <signal.h>

#include "../support/failing_memory.h"
#include "endpoint_fixture.h"

static TorcServerService *server;
static TorcService *service;

static void set_up_service(void)
{
    server = NULL;
    service = NULL;
    FailingMemory_start(-1);
    set_up();
}

static void drop_service(void)
{
    service = TorcService_unref(service);
    server = NULL;
}

static void tear_down_service(void)
{
    drop_service();
    tear_down();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}

static TorcServerEndpoint *endpoint_of(const char *description)
{
    TorcServerEndpoint *endpoint = NULL;
    ck_assert_int_eq(
        TorcServerEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, NULL), 0);
    return endpoint;
}

/* Drops the endpoint: the service has it. */
static void make_of(TorcServerEndpoint *endpoint)
{
    server = TorcServerService_new(endpoint, factory);
    TorcServerEndpoint_unref(endpoint);
    ck_assert_ptr_nonnull(server);
    service = TorcServerService_service(server);
}

static void make(const char *description)
{
    make_of(endpoint_of(description));
}

static void start(void)
{
    ck_assert_int_eq(TorcService_start(service), 0);
    ck_assert(service->running);
}

static TorcDeferred *stop(void)
{
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcService_stop(service, &done), 0);
    ck_assert_ptr_nonnull(done);
    return done;
}

static void ck_over(TorcDeferred *done)
{
    ck_assert_ptr_nonnull(TorcDeferred_result(done));
    ck_assert_ptr_null(TorcDeferred_result(done)->reason);
    TorcDeferred_release(done);
}

static bool is_free(void)
{
    return TorcSim_connect(sim, 7) == NULL && errno == ECONNREFUSED;
}

static void raise_signal(void *arg)
{
    (void)arg;
    TorcSim_raise(sim, SIGTERM);
}

static void run_for(double seconds)
{
    ck_assert_int_eq(TorcReactor_callLater(TorcSim_reactor(sim), seconds, raise_signal, NULL, NULL),
                     0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
}

/* ---- as it should be ----------------------------------------------------------------------- */

START_TEST(it_listens_while_it_runs)
{
    make("tcp:7");
    ck_assert(is_free());
    ck_assert_ptr_null(TorcServerService_port(server));
    start();
    ck_assert(TorcPort_listening(TorcServerService_port(server)));
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 7));
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made");
    TorcDeferred *done = stop();
    ck_assert(is_free());
    ck_assert_ptr_null(TorcServerService_port(server));
    TorcSim_advance(sim, 0);
    ck_over(done);
}
END_TEST

START_TEST(its_connections_stay) /* SVC-6 */
{
    make("tcp:7");
    start();
    TorcSimPeer *peer = TorcSim_connect(sim, 7);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(TorcService_stop(service, NULL), 0);
    drop_service();
    TorcSim_advance(sim, 100);
    TorcSimPeer_send(peer, "still here");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(Recording_received(&rec), "still here");
    ck_assert_str_eq(rec.log, "start made stop data:10");
}
END_TEST

START_TEST(the_stop_takes_until_the_port_is_gone) /* SVC-6 */
{
    make("tcp:7");
    start();
    TorcDeferred *done = stop();
    ck_assert(!TorcDeferred_called(done));
    TorcSim_advance(sim, 0);
    ck_over(done);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

START_TEST(it_listens_again_when_it_is_started_again)
{
    make("tcp:7");
    for (int i = 0; i < 3; i++) {
        start();
        start();
        ck_assert_ptr_nonnull(TorcSim_connect(sim, 7));
        ck_assert_int_eq(TorcService_stop(service, NULL), 0);
        ck_assert(is_free());
    }
    start(); /* in the turn of the stop */
    ck_assert_ptr_nonnull(TorcServerService_port(server));
    TorcSim_advance(sim, 1);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 7));
}
END_TEST

START_TEST(it_listens_from_its_privileged_start_on) /* SVC-2 */
{
    make("tcp:7");
    ck_assert_int_eq(TorcService_privilegedStart(service), 0);
    ck_assert_ptr_nonnull(TorcServerService_port(server));
    start();
    ck_assert_str_eq(rec.log, "start");
    ck_assert_int_eq(TorcService_stop(service, NULL), 0);
    ck_assert_int_eq(TorcService_privilegedStart(service), 0);
    ck_assert_int_eq(TorcService_stop(service, NULL), 0);
    ck_assert(is_free());
    ck_assert_str_eq(rec.log, "start stop start stop");
}
END_TEST

START_TEST(a_start_fails_where_somebody_listens_already)
{
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 7), 0);
    make("tcp:7:interface=127.0.0.1");
    ck_assert_int_eq(TorcService_start(service), -EADDRINUSE);
    ck_assert_int_eq(service->error, -EADDRINUSE);
    ck_assert(!service->running);
    ck_assert_ptr_null(TorcServerService_port(server));
    ck_over(stop());
}
END_TEST

static int listen_to_one(TorcServerEndpoint *self, TorcFactory *given, TorcPort **ret_port)
{
    (void)self;
    (void)given;
    *ret_port = NULL;
    return 0;
}

START_TEST(one_connection_is_no_port)
{
    static const TorcServerEndpointClass one = {.size = sizeof(one), .listen = listen_to_one};
    TorcServerEndpoint endpoint;
    TorcServerEndpoint_init(&endpoint, &one, TorcSim_reactor(sim));
    make_of(&endpoint);
    start();
    ck_assert_ptr_null(TorcServerService_port(server));
    ck_over(stop());
    drop_service();
}
END_TEST

START_TEST(a_program_may_run_with_it) /* SVC-3 */
{
    make("tcp:7");
    ck_assert_int_eq(TorcService_runWith(service, TorcSim_reactor(sim)), 0);
    run_for(1);
    ck_assert(!service->running);
    ck_assert_str_eq(rec.log, "start stop");
}
END_TEST

START_TEST(stopped_by_the_reactor_it_has_no_port)
{
    make("tcp:7");
    start();
    run_for(1);
    ck_assert(service->running);
    ck_assert_ptr_null(TorcServerService_port(server));
    ck_over(stop());
    start();
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 7));
}
END_TEST

START_TEST(the_reactor_may_be_freed_first)
{
    make("tcp:7");
    start();
    TorcSim_free(sim);
    sim = NULL;
    ck_assert_ptr_null(TorcServerService_port(server));
    ck_over(stop());
}
END_TEST

START_TEST(dropped_while_it_runs_it_stops)
{
    make("tcp:7");
    start();
    drop_service();
    ck_assert(is_free());
    TorcSim_advance(sim, 0);
    ck_clean();
}
END_TEST

/* ---- bad input, and no memory -------------------------------------------------------------- */

START_TEST(arguments_are_checked)
{
    TorcServerEndpoint *endpoint = endpoint_of("tcp:7");
    errno = 0;
    ck_assert_ptr_null(TorcServerService_new(NULL, factory));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcServerService_new(endpoint, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcServerService_service(NULL));
    ck_assert_ptr_null(TorcServerService_port(NULL));
    TorcServerEndpoint_unref(endpoint);
}
END_TEST

/* Allocation k fails while it is made, started and stopped. True when there was none. */
static bool live_without_memory(long k)
{
    tear_down_service();
    set_up_service();
    TorcServerEndpoint *endpoint = endpoint_of("tcp:7");
    failing_memory.fail_at = failing_memory.allocations + k;
    server = TorcServerService_new(endpoint, factory);
    service = TorcServerService_service(server);
    TorcDeferred *done = NULL;
    if (service && TorcService_start(service) == 0) {
        (void)TorcService_stop(service, &done);
        ck_assert(is_free());
    }
    bool failed = failing_memory.allocations > failing_memory.fail_at;
    FailingMemory_recover();
    TorcDeferred_release(done);
    drop_service();
    ck_assert(is_free());
    TorcServerEndpoint_unref(endpoint);
    return !failed;
}

START_TEST(without_memory_nothing_stays_behind)
{
    long k = 0;
    while (!live_without_memory(k))
        k++;
    ck_assert_int_gt(k, 4);
}
END_TEST

/* Resolves the class tables, which are kept: after this the memory of a test is its own. */
static void warm_up(void)
{
    set_up_service();
    make("tcp:7");
    start();
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 7));
    TorcSim_advance(sim, 0);
    drop_service();
    tear_down();
    FailingMemory_stop();
}

int main(void)
{
    const TTest *const tests[] = {
        it_listens_while_it_runs,
        its_connections_stay,
        the_stop_takes_until_the_port_is_gone,
        it_listens_again_when_it_is_started_again,
        it_listens_from_its_privileged_start_on,
        a_start_fails_where_somebody_listens_already,
        one_connection_is_no_port,
        a_program_may_run_with_it,
        stopped_by_the_reactor_it_has_no_port,
        the_reactor_may_be_freed_first,
        dropped_while_it_runs_it_stops,
        arguments_are_checked,
        without_memory_nothing_stays_behind,
    };
    TCase *tcase = tcase_create("server service");
    tcase_add_unchecked_fixture(tcase, warm_up, NULL);
    tcase_add_checked_fixture(tcase, set_up_service, tear_down_service);
    for (int i = 0; i < COUNT(tests); i++)
        tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create("server service");
    suite_add_tcase(suite, tcase);
    RUN_ENDPOINT_TESTS(suite);
}
