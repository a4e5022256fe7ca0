/* The timer service: a looping call that starts and stops, on the virtual clock. */
#include <math.h>

#include "service_fixture.h"

static TorcSim *sim;
static TorcReactor *reactor;
static TorcService *timer;
static int calls;
static TorcDeferred *work; /* what the function waits for */
static int work_cancelled;

static void begin(void)
{
    set_up();
    sim = TorcSim_new(1);
    ck_assert_ptr_nonnull(sim);
    reactor = TorcSim_reactor(sim);
    calls = work_cancelled = 0;
    work = NULL;
    timer = NULL;
}

static void end(void)
{
    TorcService_unref(timer);
    TorcSim_free(sim);
    tear_down();
}

static void new_timer(double interval, TorcDeferredFunction *function)
{
    timer = TorcTimerService_new(reactor, interval, function, NULL);
    ck_assert_ptr_nonnull(timer);
}

static void start_timer(void)
{
    ck_assert_int_eq(TorcService_start(timer), 0);
    ck_assert(timer->running);
}

static void advance(double seconds)
{
    ck_assert_int_eq(TorcSim_advance(sim, seconds), 0);
}

/* ---- functions ----------------------------------------------------------------------------- */

static void count_call(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    calls++;
}

static void cancel_work(TorcDeferred *deferred, void *arg)
{
    (void)arg;
    ck_assert_ptr_eq(deferred, work);
    work = NULL;
    work_cancelled++;
}

static void wait_for_work(TorcResult *result, void *arg)
{
    (void)arg;
    calls++;
    ck_assert_ptr_null(work); /* calls do not overlap */
    work = TorcDeferred_new(cancel_work, NULL);
    TorcResult_wait(result, work);
}

static void work_done(void)
{
    TorcDeferred *done = work;
    work = NULL;
    ck_assert_int_eq(TorcDeferred_callback(done, NULL, NULL), 0);
}

static void fail_the_second(TorcResult *result, void *arg)
{
    (void)arg;
    if (++calls == 2)
        TorcResult_fail(result, TORC_OPERATION_FAILED, -EIO, "no more");
}

/* ---- as it should be ----------------------------------------------------------------------- */

START_TEST(it_calls_from_the_start_to_the_stop) /* SVC-7 */
{
    new_timer(2, count_call);
    advance(10);
    ck_assert_int_eq(calls, 0);
    start_timer();
    ck_assert_int_eq(calls, 0);
    advance(0);
    ck_assert_int_eq(calls, 1);
    advance(5);
    ck_assert_int_eq(calls, 3);
    ck_over(stop(timer));
    advance(10);
    ck_assert_int_eq(calls, 3);
}
END_TEST

START_TEST(it_can_be_started_again)
{
    new_timer(2, count_call);
    for (int i = 0; i < 3; i++) {
        start_timer();
        start_timer();
        advance(3);
        ck_assert_int_eq(calls, 2 * (i + 1));
        ck_over(stop(timer));
    }
}
END_TEST

START_TEST(stopping_waits_for_what_the_function_waits_for) /* SVC-7 */
{
    new_timer(1, wait_for_work);
    start_timer();
    advance(0);
    TorcDeferred *done = stop(timer);
    advance(10);
    ck_not_over(done);
    work_done();
    ck_over(done);
    advance(10);
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(a_failing_call_is_logged_and_ends_the_loop_and_the_stop_still_works) /* SVC-7 */
{
    new_timer(1, fail_the_second);
    start_timer();
    advance(10);
    ck_assert_int_eq(calls, 2);
    ck_logged("timer-service.failed service=\"timer\" code=-5 reason=\"no more\"");
    ck_assert_ptr_null(strstr(logged, "unhandled"));
    ck_assert(timer->running);
    ck_over(stop(timer));
    start_timer();
    advance(1);
    ck_assert_int_eq(calls, 4);
}
END_TEST

/* ---- started and stopped while a call is not over ------------------------------------------ */

START_TEST(started_again_while_it_ends_it_calls_when_that_is_over)
{
    new_timer(1, wait_for_work);
    start_timer();
    advance(0);
    TorcDeferred *done = stop(timer);
    start_timer();
    advance(5);
    ck_assert_int_eq(calls, 1);
    work_done();
    ck_over(done);
    advance(0);
    ck_assert_int_eq(calls, 2);
    ck_assert_ptr_nonnull(work);
    TorcDeferred_release(stop(timer));
}
END_TEST

START_TEST(stopped_again_while_it_ends_it_does_not_call_any_more)
{
    new_timer(1, wait_for_work);
    start_timer();
    advance(0);
    TorcDeferred *first = stop(timer);
    start_timer();
    TorcDeferred *second = stop(timer);
    ck_not_over(second);
    work_done();
    ck_over(first);
    ck_over(second);
    advance(5);
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(a_failure_while_it_ends_is_logged_and_the_stop_succeeds)
{
    new_timer(1, wait_for_work);
    start_timer();
    advance(0);
    TorcDeferred *done = stop(timer);
    TorcDeferred *failing = work;
    work = NULL;
    TorcDeferred_errbackNew(failing, TORC_OPERATION_FAILED, -EIO, "too late");
    ck_over(done);
    ck_logged("timer-service.failed");
    ck_logged("too late");
}
END_TEST

START_TEST(who_gives_up_waiting_calls_off_what_the_function_waits_for)
{
    new_timer(1, wait_for_work);
    start_timer();
    advance(0);
    TorcDeferred_release(stop(timer));
    ck_assert_int_eq(work_cancelled, 1);
    ck_assert_str_eq(logged, "");
    start_timer();
    advance(0);
    ck_assert_int_eq(calls, 2);
    TorcDeferred_release(stop(timer));
}
END_TEST

/* ---- from inside the function -------------------------------------------------------------- */

static TorcDeferred *stopped;

static void stop_inside(TorcResult *result, void *arg)
{
    count_call(result, arg);
    stopped = stop(timer);
    ck_not_over(stopped);
}

START_TEST(stopped_inside_its_function_it_ends_when_that_returns)
{
    new_timer(1, stop_inside);
    start_timer();
    advance(5);
    ck_assert_int_eq(calls, 1);
    ck_over(stopped);
}
END_TEST

static void stop_inside_and_give_up(TorcResult *result, void *arg)
{
    count_call(result, arg);
    TorcDeferred_release(stop(timer));
    if (calls == 1)
        start_timer();
    ck_over(stop(timer));
    if (calls == 1)
        start_timer();
}

START_TEST(stopped_inside_its_function_by_who_does_not_wait_it_may_start_again)
{
    new_timer(1, stop_inside_and_give_up);
    start_timer();
    advance(5);
    ck_assert_int_eq(calls, 2);
    ck_assert(!timer->running);
}
END_TEST

static void drop_inside(TorcResult *result, void *arg)
{
    count_call(result, arg);
    timer = TorcService_unref(timer);
}

START_TEST(its_last_reference_may_go_inside_its_function)
{
    new_timer(1, drop_inside);
    start_timer();
    advance(5);
    ck_assert_int_eq(calls, 1);
}
END_TEST

static void give_up_and_drop(TorcResult *result, void *arg)
{
    count_call(result, arg);
    TorcDeferred_release(stop(timer));
    timer = TorcService_unref(timer);
}

START_TEST(given_up_and_dropped_inside_its_function_it_stays_until_that_returns)
{
    new_timer(1, give_up_and_drop);
    start_timer();
    advance(5);
    ck_assert_int_eq(calls, 1);
}
END_TEST

/* ---- ends ---------------------------------------------------------------------------------- */

START_TEST(the_last_reference_stops_it_and_it_stays_until_its_call_is_over)
{
    new_timer(1, wait_for_work);
    start_timer();
    advance(0);
    timer = TorcService_unref(timer);
    work_done();
    advance(5);
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(a_reactor_freed_before_is_no_failure)
{
    new_timer(1, count_call);
    start_timer();
    TorcSim_free(sim);
    ck_assert_str_eq(logged, "");
    ck_over(stop(timer));
    sim = TorcSim_new(1);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    static const double bad[] = {-1, -INFINITY, NAN};
    for (size_t i = 0; i < 3; i++) {
        errno = 0;
        ck_assert_ptr_null(TorcTimerService_new(reactor, bad[i], count_call, NULL));
        ck_assert_int_eq(errno, EINVAL);
    }
    ck_assert_ptr_null(TorcTimerService_new(NULL, 1, count_call, NULL));
    ck_assert_ptr_null(TorcTimerService_new(reactor, 1, NULL, NULL));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

/* Started twice and stopped while its function waits, allocation k fails. True: none did. */
static bool live_with_failure(long k)
{
    failing_memory.fail_at = failing_memory.allocations + k;
    timer = TorcTimerService_new(reactor, 1, wait_for_work, NULL);
    if (!timer) {
        ck_assert_int_eq(errno, ENOMEM);
        return false;
    }
    int r = TorcService_start(timer);
    ck_assert(r == 0 || r == -ENOMEM);
    ck_assert(timer->running == (r == 0));
    advance(0);
    r = TorcService_stop(timer, NULL);
    ck_assert_int_eq(r, 0);
    r = TorcService_start(timer);
    ck_assert(r == 0 || r == -ENOMEM);
    if (work)
        work_done();
    advance(0);
    bool failed = failing_memory.allocations > failing_memory.fail_at;
    FailingMemory_recover();
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcService_stop(timer, &done), 0);
    TorcDeferred_release(done);
    timer = TorcService_unref(timer);
    ck_assert_ptr_null(work);
    return !failed;
}

START_TEST(out_of_memory_it_stops_without_waiting)
{
    TorcDeferred *done = NULL;
    new_timer(1, wait_for_work);
    start_timer();
    advance(0);
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_int_eq(TorcService_stop(timer, &done), 0);
    ck_assert_int_eq(work_cancelled, 1);
    ck_over(done);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    long k = 0;
    while (!live_with_failure(k)) {
        FailingMemory_recover();
        work = NULL;
        ck_assert_int_lt(++k, 100);
    }
    ck_assert_int_gt(k, 5);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_calls_from_the_start_to_the_stop,
        it_can_be_started_again,
        stopping_waits_for_what_the_function_waits_for,
        a_failing_call_is_logged_and_ends_the_loop_and_the_stop_still_works,
        started_again_while_it_ends_it_calls_when_that_is_over,
        stopped_again_while_it_ends_it_does_not_call_any_more,
        a_failure_while_it_ends_is_logged_and_the_stop_succeeds,
        who_gives_up_waiting_calls_off_what_the_function_waits_for,
        stopped_inside_its_function_it_ends_when_that_returns,
        stopped_inside_its_function_by_who_does_not_wait_it_may_start_again,
        its_last_reference_may_go_inside_its_function,
        given_up_and_dropped_inside_its_function_it_stays_until_that_returns,
        the_last_reference_stops_it_and_it_stays_until_its_call_is_over,
        a_reactor_freed_before_is_no_failure,
        bad_arguments_are_refused,
        out_of_memory_it_stops_without_waiting,
        each_allocation_may_fail,
        NULL};
    return run_services_with("timer service", tests, begin, end);
}
