/* The client service: how it ends, at every stage and from inside everything. */
#include <signal.h>

#include "client_service_fixture.h"

/* ---- stopping ------------------------------------------------------------------------------ */

START_TEST(stopped_while_it_waits_it_is_over_at_once) /* SVC-5 */
{
    make_of(new_dummy(-EHOSTUNREACH), NULL);
    start();
    advance(0);
    ck_over(stop());
    advance(1000);
    ck_assert_int_eq(dummy.count, 1);
    drop_service();
    ck_clean();
}
END_TEST

START_TEST(stopped_before_its_first_turn_nothing_happens)
{
    listen_here();
    make(NULL);
    start();
    ck_over(stop());
    advance(100);
    ck_nobody_connects();
    ck_log_is("");
}
END_TEST

START_TEST(stopped_while_it_connects_the_attempt_is_given_up) /* SVC-5 */
{
    TorcSim_blackHole(sim, "127.0.0.1");
    make(NULL);
    start();
    advance(1);
    ck_log_is("start");
    TorcDeferred *done = stop();
    advance(0);
    ck_over(done);
    ck_log_is("start stop");
    advance(100);
    ck_log_is("start stop");
    drop_service();
    ck_clean();
}
END_TEST

START_TEST(an_attempt_of_an_endpoint_that_starts_no_factory_is_given_up_at_once)
{
    make_of(new_dummy(0), NULL);
    start();
    advance(1);
    ck_over(stop());
    ck_assert_int_eq(dummy.cancelled, 1);
}
END_TEST

START_TEST(stopped_while_it_is_connected_it_loses_the_connection) /* SVC-5 */
{
    TorcSimPeer *peer = connect_service(NULL);
    TorcTransport_write(rec.transport, "good bye", 8);
    TorcDeferred *done = stop();
    ck_assert(!is_over(done));
    ck_assert_ptr_null(current());
    ck_log_is("start made");
    advance(0);
    ck_over(done);
    ck_log_is("start made lost:DONE stop");
    ck_assert_str_eq(TorcSimPeer_received(peer), "good bye");
    TorcSimPeer_close(peer);
    advance(100);
    ck_nobody_connects();
    drop_service();
    ck_clean();
}
END_TEST

START_TEST(its_end_has_come_when_connectionLost_has_returned) /* SVC-5 */
{
    TorcDeferred *done = stop_slowly();
    advance(28.9);
    ck_assert(!is_over(done));
    advance(0.2);
    ck_over(done);
    ck_log_is("start made pause lost:TIMED_OUT stop");
}
END_TEST

START_TEST(who_cannot_wait_for_its_end_aborts_the_connection)
{
    TorcDeferred *done = stop_slowly();
    TorcDeferred_release(done);
    advance(0);
    ck_log_is("start made pause lost:ABORTED stop");
}
END_TEST

START_TEST(dropped_while_it_closes_it_stays_until_the_end)
{
    TorcDeferred *done = stop_slowly();
    drop_service();
    advance(100);
    ck_over(done);
    ck_log_is("start made pause lost:TIMED_OUT stop");
}
END_TEST

START_TEST(who_is_told_of_the_end_may_drop_it)
{
    TorcDeferred *done = stop_slowly();
    told = 0;
    ck_assert_int_eq(TorcDeferred_addBoth(done, drop_it, NULL), 0);
    advance(100);
    ck_assert_int_eq(told, 1);
    TorcDeferred_release(done);
}
END_TEST

START_TEST(stopped_twice_both_wait_for_the_same_end)
{
    TorcDeferred *first = stop_slowly(), *second = stop();
    ck_assert(!is_over(second));
    advance(100);
    ck_over(first);
    ck_over(second);
}
END_TEST

START_TEST(started_while_it_closes_it_connects_when_that_is_over) /* SVC-5 */
{
    TorcDeferred *done = stop_slowly();
    start();
    advance(10);
    ck_nobody_connects();
    ck_assert_ptr_null(current());
    ask(0);
    advance(20);
    ck_over(done);
    accept_one();
    ck_assert_ptr_eq(current(), rec.protocol);
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    ck_log_is("start made pause lost:TIMED_OUT stop start made fired");
}
END_TEST

START_TEST(started_and_stopped_while_it_closes_it_stays_stopped)
{
    TorcDeferred *first = stop_slowly();
    start();
    advance(1);
    TorcDeferred *second = stop();
    ck_assert(!is_over(second));
    advance(100);
    ck_over(first);
    ck_over(second);
    ck_nobody_connects();
}
END_TEST

START_TEST(cancelled_while_it_closes_it_can_still_be_waited_for)
{
    TorcDeferred_release(stop_slowly());
    TorcDeferred *done = stop();
    advance(0);
    ck_over(done);
    ck_log_is("start made pause lost:ABORTED stop");
}
END_TEST

START_TEST(stopped_while_it_prepares_that_is_cancelled_and_the_connection_lost)
{
    connect_service(with_preparation(prepare_slowly));
    TorcDeferred *done = stop();
    ck_assert_int_eq(preparation.cancelled, 1);
    advance(0);
    ck_over(done);
    ck_log_is("start made lost:DONE stop");
}
END_TEST

START_TEST(stopped_while_a_failed_connection_ends)
{
    connect_service(with_preparation(prepare_slowly));
    finish_preparation(-EACCES);
    TorcDeferred *done = stop();
    ck_assert(!is_over(done));
    advance(0);
    ck_over(done);
    advance(100);
    ck_nobody_connects();
    ck_log_is("start made lost:APPLICATION stop");
}
END_TEST

/* ---- stopping from inside ------------------------------------------------------------------ */

static TorcDeferred *stopping;

static void stop_inside(Recording *recording)
{
    for (int i = 0; i < RECORD_EVENTS; i++)
        recording->on[i] = NULL;
    stopping = stop();
}

static void ck_stops_inside(RecordedEvent event, const char *expected)
{
    listen_here();
    make(NULL);
    stopping = NULL;
    rec.on[event] = stop_inside;
    start();
    advance(0);
    if (event == RECORD_LOST) {
        TorcSimPeer_close(accept_one());
        advance(0);
    }
    ck_assert_ptr_nonnull(stopping);
    ck_over(stopping);
    ck_log_is(expected);
    advance(100);
    ck_log_is(expected);
    drop_service();
}

START_TEST(it_may_be_stopped_from_inside_connectionMade) /* SVC-5 */
{
    ck_stops_inside(RECORD_MADE, "start made lost:DONE stop");
}
END_TEST

START_TEST(it_may_be_stopped_from_inside_buildProtocol)
{
    ck_stops_inside(RECORD_BUILD, "start stop");
}
END_TEST

START_TEST(it_may_be_stopped_from_inside_connectionLost)
{
    ck_stops_inside(RECORD_LOST, "start made lost:DONE stop");
}
END_TEST

START_TEST(it_may_be_stopped_from_inside_startFactory)
{
    ck_stops_inside(RECORD_START, "start stop");
}
END_TEST

START_TEST(it_may_be_stopped_from_inside_stopFactory)
{
    rec.build_code = -EACCES;
    ck_stops_inside(RECORD_STOP, "start stop");
}
END_TEST

static bool keep_result;

static void stop_in_preparation(TorcResult *result, TorcProtocol *protocol, void *arg)
{
    stopping = stop();
    if (keep_result)
        prepare_slowly(result, protocol, arg);
}

START_TEST(it_may_be_stopped_from_inside_the_preparation)
{
    listen_here();
    for (int i = 0; i < 2; i++) {
        keep_result = i > 0;
        make(with_preparation(stop_in_preparation));
        start();
        advance(0);
        ck_over(stopping);
        ck_assert_int_eq(preparation.cancelled, i);
        drop_service();
    }
    ck_log_is("start made lost:DONE stop start made lost:DONE stop");
}
END_TEST

static void restart_in_preparation(TorcResult *result, TorcProtocol *protocol, void *arg)
{
    (void)arg;
    (void)protocol;
    if (preparation.count++ > 0)
        return;
    ck_assert_int_eq(TorcService_stop(service, NULL), 0);
    start();
    TorcResult_fail(result, TORC_OPERATION_FAILED, -EIO, NULL);
}

START_TEST(it_may_be_stopped_and_started_from_inside_the_preparation)
{
    listen_here();
    make(with_preparation(restart_in_preparation));
    start();
    advance(0);
    ck_log_is("start made lost:DONE stop start made");
    ck_assert_ptr_eq(current(), rec.protocol);
}
END_TEST

/* ---- with a reactor ------------------------------------------------------------------------ */

static void raise_signal(void *arg)
{
    (void)arg;
    TorcSim_raise(sim, SIGTERM);
}

static void signal_after(double seconds)
{
    ck_assert_int_eq(TorcReactor_callLater(TorcSim_reactor(sim), seconds, raise_signal, NULL, NULL),
                     0);
}

START_TEST(a_program_may_run_with_it)
{
    listen_here();
    make(NULL);
    ck_assert_int_eq(TorcService_runWith(service, TorcSim_reactor(sim)), 0);
    signal_after(3);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_log_is("start made lost:DONE stop");
    ck_assert(!service->running);
}
END_TEST

START_TEST(a_second_signal_does_not_wait_for_the_connection)
{
    static const char much[1024 * 1024];
    TorcSimPeer *peer = connect_service(NULL);
    ck_assert_int_eq(TorcService_runWith(service, TorcSim_reactor(sim)), 0);
    TorcSimPeer_stopReading(peer);
    TorcTransport_write(rec.transport, much, sizeof(much));
    signal_after(1);
    signal_after(3);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 3);
    ck_log_is("start made pause lost:ABORTED stop");
}
END_TEST

START_TEST(left_running_it_goes_on_when_the_reactor_runs_again)
{
    connect_service(NO_JITTER());
    signal_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert(service->running);
    ck_log_is("start made lost:DONE stop");
    signal_after(1.5);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_log_is("start made lost:DONE stop start made lost:DONE stop");
}
END_TEST

/* What the service is doing when the reactor, or its last reference, goes. */
typedef void Stage(void);

static void be_new(void)
{
    make(NULL);
}

static void be_started(void)
{
    make(NULL);
    start();
}

static void be_waiting(void)
{
    make(NULL);
    start();
    advance(0);
    ck_assert_ptr_nonnull(strstr(logged, "client-service.waiting"));
}

static void be_connecting(void)
{
    TorcSim_blackHole(sim, "127.0.0.1");
    make(NULL);
    start();
    advance(1);
}

static void be_preparing(void)
{
    connect_service(with_preparation(prepare_slowly));
}

static void be_connected(void)
{
    connect_service(NULL);
}

static void be_failing(void)
{
    connect_service(with_preparation(prepare_slowly));
    finish_preparation(-EACCES);
}

static void be_closing(void)
{
    TorcDeferred_detach(stop_slowly());
}

static void be_closing_and_started(void)
{
    TorcDeferred_detach(stop_slowly());
    start();
}

static Stage *const stages[] = {
    be_new,       be_started, be_waiting, be_connecting,          be_preparing,
    be_connected, be_failing, be_closing, be_closing_and_started,
};

START_TEST(it_may_be_dropped_at_every_stage)
{
    stages[_i]();
    ask(0);
    drop_service();
    advance(100);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_nobody_connects();
    ck_clean();
}
END_TEST

START_TEST(its_reactor_may_be_freed_at_every_stage)
{
    stages[_i]();
    ask(0);
    TorcSim_free(sim);
    sim = NULL;
    let_go();
    drop_service();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        stopped_while_it_waits_it_is_over_at_once,
        stopped_before_its_first_turn_nothing_happens,
        stopped_while_it_connects_the_attempt_is_given_up,
        an_attempt_of_an_endpoint_that_starts_no_factory_is_given_up_at_once,
        stopped_while_it_is_connected_it_loses_the_connection,
        its_end_has_come_when_connectionLost_has_returned,
        who_cannot_wait_for_its_end_aborts_the_connection,
        dropped_while_it_closes_it_stays_until_the_end,
        who_is_told_of_the_end_may_drop_it,
        stopped_twice_both_wait_for_the_same_end,
        started_while_it_closes_it_connects_when_that_is_over,
        started_and_stopped_while_it_closes_it_stays_stopped,
        cancelled_while_it_closes_it_can_still_be_waited_for,
        stopped_while_it_prepares_that_is_cancelled_and_the_connection_lost,
        stopped_while_a_failed_connection_ends,
        it_may_be_stopped_from_inside_connectionMade,
        it_may_be_stopped_from_inside_buildProtocol,
        it_may_be_stopped_from_inside_connectionLost,
        it_may_be_stopped_from_inside_startFactory,
        it_may_be_stopped_from_inside_stopFactory,
        it_may_be_stopped_from_inside_the_preparation,
        it_may_be_stopped_and_started_from_inside_the_preparation,
        a_program_may_run_with_it,
        a_second_signal_does_not_wait_for_the_connection,
        left_running_it_goes_on_when_the_reactor_runs_again,
        NULL,
    };
    TCase *tcase = new_service_case("client service, end", tests);
    tcase_add_loop_test(tcase, it_may_be_dropped_at_every_stage, 0, COUNT(stages));
    tcase_add_loop_test(tcase, its_reactor_may_be_freed_at_every_stage, 0, COUNT(stages));
    Suite *suite = new_service_suite("client service, end", tcase);
    RUN_ENDPOINT_TESTS(suite);
}
