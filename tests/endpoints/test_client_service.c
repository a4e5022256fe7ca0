/* The client service: when it tries, and what a connection needs before it is one. */
#include <math.h>

#include "client_service_fixture.h"

/* ---- connecting ---------------------------------------------------------------------------- */

START_TEST(it_connects_in_the_turn_after_its_start) /* SVC-4 */
{
    listen_here();
    make(NULL);
    advance(10);
    ck_nobody_connects();
    start();
    ck_nobody_connects();
    ck_assert_ptr_null(current());
    advance(0);
    TorcSimPeer *peer = accept_one();
    ck_log_is("start made");
    ck_assert_ptr_eq(current(), rec.protocol);
    TorcSimPeer_send(peer, "hello");
    advance(100);
    ck_log_is("start made data:5");
    ck_nobody_connects();
}
END_TEST

START_TEST(starting_what_runs_does_nothing) /* SVC-4 */
{
    connect_service(NULL);
    for (int i = 0; i < 3; i++)
        start();
    advance(100);
    ck_nobody_connects();
    ck_log_is("start made");
}
END_TEST

START_TEST(it_connects_again_when_the_connection_is_lost) /* SVC-4 */
{
    TorcSimPeer *peer = connect_service(NO_JITTER(.initialDelay = 2));
    for (int i = 1; i <= 5; i++) { /* the delay does not grow: there was a connection each time */
        TorcSimPeer_close(peer);
        advance(0);
        ck_assert_ptr_null(current());
        ck_assert_uint_eq(rec.counts[RECORD_LOST], i);
        advance(1.9);
        ck_nobody_connects();
        advance(0.1);
        peer = accept_one();
        ck_assert_ptr_eq(current(), rec.protocol);
    }
    ck_assert_uint_eq(rec.counts[RECORD_START], rec.counts[RECORD_STOP] + 1);
}
END_TEST

START_TEST(whoever_ends_the_connection_it_connects_again) /* SVC-4 */
{
    TorcSimPeer_reset(connect_service(NO_JITTER(.initialDelay = 1)));
    advance(1);
    accept_one();
    TorcTransport_abortConnection(rec.transport);
    advance(1);
    accept_one();
    TorcTransport_loseConnection(rec.transport);
    ck_assert_ptr_null(current());
    advance(1);
    accept_one();
    ck_assert_ptr_nonnull(current());
    ck_log_is("start made lost:LOST stop start made lost:ABORTED stop start made lost:DONE stop "
              "start made");
}
END_TEST

START_TEST(it_waits_for_a_server_that_is_not_there_yet) /* SVC-4 */
{
    make(NO_JITTER(.initialDelay = 1));
    start();
    advance(10);
    ck_log_is("start stop start stop start stop start stop start stop");
    listen_here();
    advance(5); /* at 13.1875 */
    accept_one();
    ck_assert_ptr_nonnull(current());
}
END_TEST

START_TEST(attempts_go_on_through_a_partition) /* SVC-4 */
{
    TorcSimHost *server = TorcSim_addHost(sim, "server", NULL);
    ck_assert_int_eq(TorcSim_listen(sim, "10.0.0.2", 7), 0);
    TorcSim_partition(sim, TorcSim_home(sim), server);
    make_of(client(TorcSim_reactor(sim), "tcp:server:7:timeout=2"), NO_JITTER(.initialDelay = 1));
    start();
    advance(2);
    ck_log_is("start stop");
    advance(1 + 2 + 1.5 + 1.9);
    ck_log_is("start stop start stop start");
    TorcSim_heal(sim, TorcSim_home(sim), server);
    advance(10);
    ck_assert_ptr_nonnull(current());
}
END_TEST

/* The server is a service, too. */
START_TEST(it_survives_a_restart_of_its_server) /* SVC-4 */
{
    TorcSimHost *host = TorcSim_addHost(sim, "server", NULL);
    make_of(client(TorcSim_reactor(sim), "tcp:server:7:timeout=2"), NO_JITTER(.initialDelay = 1));
    start();
    for (int i = 0; i < 3; i++) {
        TorcReactor *reactor = TorcSimHost_reactor(host);
        TorcServerEndpoint *endpoint;
        TorcFactory *echo = TorcFactory_forProtocol(&torc_echo_class);
        ck_assert_int_eq(TorcServerEndpoint_fromString(reactor, "tcp:7", &endpoint, NULL), 0);
        TorcServerService *echoes = TorcServerService_new(endpoint, echo);
        ck_assert_int_eq(TorcService_start(TorcServerService_service(echoes)), 0);
        advance(5);
        ck_assert_ptr_nonnull(current());
        TorcTransport_write(current()->transport, "hello", 5);
        advance(1);
        ck_assert_uint_eq(rec.received_length, 5 * (size_t)(i + 1));
        TorcService_unref(TorcServerService_service(echoes));
        TorcServerEndpoint_unref(endpoint);
        TorcFactory_unref(echo);
        TorcSimHost_crash(host);
        advance(1);
        ck_assert_ptr_nonnull(current()); /* nobody was told */
        TorcSimHost_restart(host);
        TorcTransport_write(current()->transport, "still there?", 12);
        advance(1.5);
        ck_assert_ptr_null(current());
    }
}
END_TEST

START_TEST(the_buffer_limit_of_the_factory_holds)
{
    TorcFactory_setBufferLimit(factory, 100);
    TorcSimPeer *peer = connect_service(NULL);
    TorcSimPeer_stopReading(peer);
    static const char much[1024 * 1024];
    TorcTransport_write(rec.transport, much, sizeof(much));
    advance(0);
    ck_log_is("start made lost:OVERFLOW stop");
}
END_TEST

START_TEST(the_timeouts_of_the_factory_hold)
{
    ck_assert_int_eq(TorcFactory_setIdleTimeout(factory, 60), 0);
    connect_service(NULL);
    advance(60);
    ck_log_is("start made lost:TIMED_OUT stop");
}
END_TEST

/* ---- when it tries again ------------------------------------------------------------------- */

START_TEST(delays_grow_by_the_factor_up_to_the_most) /* SVC-4 */
{
    static const double delays[] = {1, 1.5, 2.25, 3.375, 5.0625, 6, 6, 6};
    make_of(new_dummy(0), NO_JITTER(.maxDelay = 6));
    start();
    advance(0);
    for (int i = 0; i < COUNT(delays); i++) {
        fail_attempt(-ECONNREFUSED);
        advance(delays[i]);
        ck_assert_int_eq(dummy.count, i + 2);
        ck_assert_double_eq_tol(wait_before(i + 1), delays[i], 1e-9);
    }
}
END_TEST

START_TEST(errors_found_at_once_count_as_failures_too) /* SVC-4 */
{
    make_of(new_dummy(-ENOMEM), NO_JITTER(.initialDelay = 2, .factor = 2));
    start();
    advance(2 + 4 + 8);
    ck_assert_int_eq(dummy.count, 4);
    ck_assert_double_eq(wait_before(1), 2);
    ck_assert_double_eq(wait_before(2), 4);
    ck_assert_double_eq(wait_before(3), 8);
}
END_TEST

START_TEST(the_default_is_a_second_then_longer_up_to_a_minute)
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER());
    start();
    advance(600);
    ck_assert_double_eq(wait_before(1), 1);
    ck_assert_double_eq(wait_before(2), 1.5);
    ck_assert_double_eq_tol(wait_before(10), 38.443359375, 1e-9);
    ck_assert_double_eq_tol(wait_before(11), 57.6650390625, 1e-9);
    ck_assert_double_eq_tol(wait_before(12), 60, 1e-9);
    ck_assert_double_eq_tol(wait_before(dummy.count - 1), 60, 1e-9);
}
END_TEST

START_TEST(a_factor_of_one_does_not_grow)
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER(.initialDelay = 3, .factor = 1));
    start();
    advance(30);
    ck_assert_int_eq(dummy.count, 11);
}
END_TEST

START_TEST(very_many_failures_do_no_harm)
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER(.maxDelay = INFINITY, .factor = 1e300));
    start();
    advance(1e6);
    ck_assert_int_eq(dummy.count, 2); /* the third is more than a lifetime away */
    ck_assert(TorcService_stop(service, NULL) == 0);
}
END_TEST

/* The delays of the first attempts, with a seed and the given jitter. */
static void note_delays(uint64_t seed, double jitter, double *ret_delays, int count)
{
    begin_again();
    TorcSim_free(sim);
    sim = TorcSim_new(seed);
    make_of(new_dummy(-EHOSTUNREACH),
            TORC_CLIENT_SERVICE_OPTIONS(.factor = 1, .initialDelay = 10, .jitter = jitter));
    start();
    advance(10.0 * count);
    for (int i = 0; i < count; i++)
        ret_delays[i] = wait_before(i + 1);
}

enum { SAMPLES = 20 };

START_TEST(jitter_takes_a_random_part_away)
{
    double delays[SAMPLES];
    static const double jitters[] = {0, 0.5, 0.1, 1};
    for (int j = 0; j < COUNT(jitters); j++) {
        double jitter = jitters[j] == 0 ? 0.5 : jitters[j], least = 10, most = 0;
        note_delays(3, jitters[j], delays, SAMPLES);
        for (int i = 0; i < SAMPLES; i++) {
            least = fmin(least, delays[i]);
            most = fmax(most, delays[i]);
        }
        ck_assert_double_ge(least, 10 * (1 - jitter));
        ck_assert_double_le(most, 10);
        ck_assert_double_gt(most - least, 5 * jitter); /* not by chance: 20 samples */
    }
}
END_TEST

START_TEST(a_run_replays_with_its_jitter)
{
    double first[SAMPLES], again[SAMPLES], other[SAMPLES];
    note_delays(1, 0.5, first, SAMPLES);
    note_delays(1, 0.5, again, SAMPLES);
    note_delays(2, 0.5, other, SAMPLES);
    ck_assert_mem_eq(first, again, sizeof(first));
    ck_assert_mem_ne(first, other, sizeof(first));
}
END_TEST

START_TEST(a_connection_ends_the_row_of_failures) /* SVC-4 */
{
    make(NO_JITTER(.initialDelay = 1, .factor = 2));
    start();
    advance(1 + 2 + 4);
    listen_here();
    advance(8);
    TorcSimPeer_close(accept_one());
    advance(0.9);
    ck_nobody_connects();
    advance(0.1);
    accept_one();
}
END_TEST

START_TEST(a_start_begins_anew)
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER(.factor = 10));
    start();
    advance(1 + 10 + 50);
    ck_assert_int_eq(dummy.count, 3);
    ck_over(stop());
    start();
    advance(1);
    ck_assert_int_eq(dummy.count, 5);
    ck_assert_double_eq(wait_before(4), 1);
}
END_TEST

/* ---- preparation --------------------------------------------------------------------------- */

START_TEST(nobody_is_told_of_a_connection_before_it_is_prepared) /* SVC-4 */
{
    connect_service(with_preparation(prepare_slowly));
    ask(0);
    ck_assert_int_eq(preparation.count, 1);
    ck_assert_ptr_eq(preparation.protocol, rec.protocol);
    advance(30);
    ck_assert_ptr_null(current());
    ck_assert_uint_eq(outcome.fired, 0);
    finish_preparation(0);
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    ck_assert_ptr_eq(current(), rec.protocol);
    ck_log_is("start made fired");
}
END_TEST

START_TEST(preparation_may_be_done_at_once_and_its_value_is_dropped)
{
    connect_service(with_preparation(prepare_at_once));
    ck_assert_ptr_eq(current(), rec.protocol);
    ck_assert_int_eq(preparation.destroyed, 1);
}
END_TEST

START_TEST(a_failed_preparation_is_a_failed_attempt) /* SVC-4 */
{
    listen_here();
    make(with_preparation(prepare_in_vain));
    ask(3);
    start();
    advance(0);
    TorcSimPeer *peer = accept_one();
    ck_log_is("start made lost:APPLICATION stop");
    ck_assert_int_eq(rec.code, -EACCES);
    ck_assert_ptr_null(current());
    advance(0);
    ck_assert(TorcSimPeer_gotEnd(peer));
    advance(1 + 1.5);
    ck_assert_int_eq(preparation.count, 3);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_int_eq(outcome.code, -EACCES);
    ck_assert_str_eq(outcome.text, "no such user");
    ck_assert_double_eq(outcome.seconds, 2.5);
    advance(2.24);
    ck_assert_int_eq(preparation.count, 3);
    advance(0.01);
    ck_assert_int_eq(preparation.count, 4);
}
END_TEST

START_TEST(a_preparation_that_fails_later_is_a_failed_attempt) /* SVC-4 */
{
    connect_service(with_preparation(prepare_slowly));
    ask(1);
    advance(10);
    finish_preparation(-EACCES);
    ck_assert_str_eq(outcome.text, "no such user");
    advance(0);
    ck_log_is("start made failed lost:APPLICATION stop");
    advance(1);
    accept_one();
    ck_assert_int_eq(preparation.count, 2);
}
END_TEST

START_TEST(a_connection_lost_while_it_is_prepared_is_a_failed_attempt)
{
    TorcSimPeer *peer = connect_service(with_preparation(prepare_slowly));
    ask(2);
    TorcSimPeer_close(peer);
    advance(0);
    ck_assert_int_eq(preparation.cancelled, 1);
    ck_assert_uint_eq(outcome.fired, 0);
    advance(1);
    TorcSimPeer_reset(accept_one());
    advance(0);
    ck_assert_int_eq(preparation.cancelled, 2);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_LOST);
}
END_TEST

static void fail_in_connectionLost(Recording *recording)
{
    (void)recording;
    finish_preparation(-EPROTO);
}

START_TEST(a_preparation_may_fail_from_inside_connectionLost)
{
    TorcSimPeer *peer = connect_service(with_preparation(prepare_slowly));
    ask(1);
    rec.on[RECORD_LOST] = fail_in_connectionLost;
    TorcSimPeer_close(peer);
    advance(0);
    ck_assert_int_eq(outcome.code, -EPROTO);
    ck_assert_int_eq(preparation.cancelled, 0);
    advance(1);
    accept_one();
    rec.on[RECORD_LOST] = NULL;
}
END_TEST

/* ---- bad input, and no memory -------------------------------------------------------------- */

static void ck_refused(const TorcClientServiceOptions *options)
{
    errno = 0;
    ck_assert_ptr_null(TorcClientService_new(&dummy.base, factory, options));
    ck_assert_int_eq(errno, EINVAL);
}

START_TEST(arguments_are_checked)
{
    TorcClientEndpoint *endpoint = new_dummy(0);
    ck_assert_ptr_null(TorcClientService_new(NULL, factory, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcClientService_new(endpoint, NULL, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_refused(&(TorcClientServiceOptions){.size = 1});
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.initialDelay = -1));
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.initialDelay = NAN));
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.maxDelay = -1));
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.maxDelay = NAN));
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.factor = 0.9));
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.factor = NAN));
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.jitter = 1.1));
    ck_refused(TORC_CLIENT_SERVICE_OPTIONS(.jitter = NAN));
    errno = 0;
    ck_assert_ptr_null(TorcClientService_whenConnected(NULL, 0));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcClientService_protocol(NULL));
    ck_assert_ptr_null(TorcClientService_service(NULL));
    TorcClientServiceOptions options = {.jitter = 1};
    TorcClientServiceOptions_init(&options);
    TorcClientServiceOptions_init(NULL);
    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_double_eq(options.jitter, 0);
    make_of(endpoint, &options);
}
END_TEST

START_TEST(what_happens_is_logged)
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER());
    ck_assert_int_eq(TorcService_setName(service, "feed"), 0);
    start();
    advance(1);
    ck_assert_ptr_nonnull(strstr(logged, "client-service.failed service=\"feed\" failures=2 "));
    ck_assert_ptr_nonnull(
        strstr(logged, "client-service.waiting service=\"feed\" milliseconds=1500"));
    drop_service();
    TorcSimPeer_close(connect_service(NULL));
    advance(0);
    ck_assert_ptr_nonnull(strstr(logged, "client-service.lost service=\"client\""));
}
END_TEST

static void finish_preparations(double seconds)
{
    for (double passed = 0; passed < seconds; passed += 0.5) {
        advance(0.5);
        if (preparation.waits)
            finish_preparation(0);
    }
}

/* Connects, is lost and connects again, while there is little memory; ends when there is some. */
static void live_started(void)
{
    connected = TorcClientService_whenConnected(client_service, 3);
    (void)TorcDeferred_addErrback(connected, note_outcome, NULL);
    finish_preparations(10);
    if (current())
        TorcTransport_abortConnection(current()->transport);
    finish_preparations(10);
    FailingMemory_recover();
    finish_preparations(60);
    ck_assert_ptr_nonnull(current());
    ck_assert_msg(!strstr(logged, "gave-up"), "%s", logged);
    let_go();
    TorcDeferred *done = stop();
    advance(0);
    ck_over(done);
}

/* Allocation k fails while it is made and started, or as long as it lives. True when none did. */
static bool live_without_memory(long k, bool for_ever)
{
    begin_again();
    listen_here();
    TorcClientEndpoint *endpoint = client(TorcSim_reactor(sim), "tcp:127.0.0.1:7:timeout=5");
    fail_allocation(k, for_ever);
    client_service = TorcClientService_new(endpoint, factory, with_preparation(prepare_slowly));
    service = TorcClientService_service(client_service);
    long last = failing_memory.fail_at;
    if (service && TorcService_start(service) == 0)
        live_started();
    FailingMemory_recover();
    drop_service();
    TorcClientEndpoint_unref(endpoint);
    return failing_memory.allocations < last;
}

START_TEST(without_memory_it_goes_on_as_soon_as_there_is_some)
{
    long k = 0;
    while (!live_without_memory(k, false))
        k++;
    ck_assert_int_gt(k, 20);
}
END_TEST

START_TEST(without_memory_for_long_it_goes_on_when_there_is_some)
{
    long k = 0;
    while (!live_without_memory(k, true))
        k++;
    ck_assert_int_gt(k, 20);
}
END_TEST

/* Takes every slot for timers there is, so that the next one needs memory. */
static void use_up_timers(void)
{
    for (int i = 0; i < 200; i++)
        (void)TorcReactor_callLater(TorcSim_reactor(sim), 1e6, count_value, NULL, NULL);
}

START_TEST(once_connected_it_needs_no_memory_for_the_next_timer)
{
    TorcSimPeer *peer = connect_service(NO_JITTER());
    fail_allocation(0, true);
    use_up_timers();
    TorcSimPeer_close(peer);
    advance(0);
    FailingMemory_recover();
    advance(1);
    accept_one();
    ck_assert_ptr_nonnull(current());
}
END_TEST

START_TEST(without_memory_even_for_a_timer_it_gives_up_until_it_is_started_again)
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER());
    start();
    ask(0);
    fail_allocation(0, true);
    use_up_timers();
    advance(0);
    FailingMemory_recover();
    ck_assert_ptr_nonnull(strstr(logged, "client-service.gave-up service=\"client\" code=-12"));
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_FAILED);
    ck_assert(service->running);
    let_go();
    outcome = (Outcome){0};
    ask(0);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_FAILED);
    advance(100);
    ck_assert_int_eq(dummy.count, 0);
    ck_over(stop());
    start();
    advance(1);
    ck_assert_int_eq(dummy.count, 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_connects_in_the_turn_after_its_start,
        starting_what_runs_does_nothing,
        it_connects_again_when_the_connection_is_lost,
        whoever_ends_the_connection_it_connects_again,
        it_waits_for_a_server_that_is_not_there_yet,
        attempts_go_on_through_a_partition,
        it_survives_a_restart_of_its_server,
        the_buffer_limit_of_the_factory_holds,
        the_timeouts_of_the_factory_hold,
        delays_grow_by_the_factor_up_to_the_most,
        errors_found_at_once_count_as_failures_too,
        the_default_is_a_second_then_longer_up_to_a_minute,
        a_factor_of_one_does_not_grow,
        very_many_failures_do_no_harm,
        jitter_takes_a_random_part_away,
        a_run_replays_with_its_jitter,
        a_connection_ends_the_row_of_failures,
        a_start_begins_anew,
        nobody_is_told_of_a_connection_before_it_is_prepared,
        preparation_may_be_done_at_once_and_its_value_is_dropped,
        a_failed_preparation_is_a_failed_attempt,
        a_preparation_that_fails_later_is_a_failed_attempt,
        a_connection_lost_while_it_is_prepared_is_a_failed_attempt,
        a_preparation_may_fail_from_inside_connectionLost,
        arguments_are_checked,
        what_happens_is_logged,
        without_memory_it_goes_on_as_soon_as_there_is_some,
        without_memory_for_long_it_goes_on_when_there_is_some,
        once_connected_it_needs_no_memory_for_the_next_timer,
        without_memory_even_for_a_timer_it_gives_up_until_it_is_started_again,
        NULL,
    };
    TCase *tcase = new_service_case("client service", tests);
    Suite *suite = new_service_suite("client service", tcase);
    RUN_ENDPOINT_TESTS(suite);
}
