/* LoopingCall, in virtual time. TASK-1 to TASK-5. */
#include "task_fixture.h"

#include <math.h>

#include "testing/sim_internal.h"

static TorcLoopingCall *loop;
static TorcDeferred *done;

/* What the function does in its calls, and what it saw. */
static double called_at[16];
static uint64_t counts[16];
static size_t calls;
static double busy;        /* the clock goes on by so much during a call */
static TorcDeferred *left; /* in the result of the next call */
static TorcDeferredFunction *action;

static void tick(TorcResult *result, void *arg)
{
    ck_assert_ptr_eq(arg, &calls);
    ck_assert_ptr_null(result->value);
    ck_assert_ptr_null(result->reason);
    if (calls < 16) {
        called_at[calls] = TorcSim_seconds(sim);
        counts[calls] = TorcLoopingCall_count(loop);
    }
    calls++;
    if (left)
        TorcResult_wait(result, left);
    left = NULL;
    if (action)
        action(result, NULL);
}

static void begin_loop(void)
{
    begin();
    calls = 0;
    left = NULL;
    action = NULL;
    done = NULL;
    loop = TorcLoopingCall_new(reactor, tick, &calls);
    ck_assert_ptr_nonnull(loop);
}

static void end_loop(void)
{
    TorcLoopingCall_free(loop);
    TorcDeferred_release(done);
    end();
}

static void start(double interval, bool now)
{
    ck_assert_int_eq(TorcLoopingCall_start(loop, interval, now, &done), 0);
    note_done(done);
}

static void check_calls(size_t count, const double *times)
{
    ck_assert_uint_eq(calls, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_double_eq(called_at[i], times[i]);
}
#define CHECK_CALLS(...)                                                                           \
    check_calls(sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

/* ---- starting ------------------------------------------------------------------------------ */

START_TEST(the_first_call_comes_at_once_but_not_inside_start) /* TASK-1 */
{
    start(2, true);
    ck_assert(TorcLoopingCall_running(loop));
    ck_assert_uint_eq(calls, 0);
    TorcSim_advance(sim, 5);
    CHECK_CALLS(0, 2, 4);
}
END_TEST

START_TEST(or_after_an_interval) /* TASK-1 */
{
    start(2, false);
    TorcSim_advance(sim, 5);
    CHECK_CALLS(2, 4);
}
END_TEST

START_TEST(starting_twice_is_refused) /* TASK-1 */
{
    start(2, true);
    ck_assert_int_eq(TorcLoopingCall_start(loop, 2, true, NULL), -EALREADY);
    TorcSim_advance(sim, 3);
    CHECK_CALLS(0, 2);
}
END_TEST

START_TEST(bad_arguments_are_refused) /* TASK-1 */
{
    ck_assert_int_eq(TorcLoopingCall_start(loop, -1, true, NULL), -EINVAL);
    ck_assert_int_eq(TorcLoopingCall_start(loop, NAN, true, NULL), -EINVAL);
    ck_assert_int_eq(TorcLoopingCall_start(NULL, 1, true, NULL), -EINVAL);
    ck_assert_int_eq(TorcLoopingCall_stop(NULL), -EINVAL);
    ck_assert_int_eq(TorcLoopingCall_reset(NULL), -EINVAL);
    ck_assert(!TorcLoopingCall_running(NULL));
    ck_assert_uint_eq(TorcLoopingCall_count(NULL), 0);
    errno = 0;
    ck_assert_ptr_null(TorcLoopingCall_new(reactor, NULL, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcLoopingCall_new(NULL, tick, NULL));
    TorcLoopingCall_free(NULL);
    ck_assert(!TorcLoopingCall_running(loop));
}
END_TEST

static void stop_at_100(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    if (calls == 100)
        ck_assert_int_eq(TorcLoopingCall_stop(loop), 0);
}

static size_t turns;

static void count_turns(void *arg)
{
    (void)arg;
    turns++;
    if (TorcLoopingCall_running(loop))
        call_later(0, count_turns, NULL);
}

START_TEST(an_interval_of_zero_makes_one_call_a_turn) /* TASK-1, TASK-4 */
{
    turns = 0;
    action = stop_at_100;
    start(0, true);
    call_later(0, count_turns, NULL);
    TorcSim_advance(sim, 0);
    ck_assert_uint_eq(calls, 100);
    ck_assert_uint_eq(turns, 100);
    for (int i = 0; i < 16; i++)
        ck_assert_uint_eq(counts[i], 1);
    ck_assert_str_eq(notes, "done:NULL ");
}
END_TEST

START_TEST(an_endless_interval_never_comes)
{
    start(HUGE_VAL, false);
    TorcSim_advance(sim, 1e6);
    ck_assert_uint_eq(calls, 0);
    ck_assert_int_eq(TorcLoopingCall_reset(loop), 0);
    TorcSim_advance(sim, 1e6);
    ck_assert_uint_eq(calls, 0);
}
END_TEST

/* ---- no drift, no bursts ------------------------------------------------------------------- */

/* The clock of the simulation, set forward: a call that takes time. */
static void take_time(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    sim->kernel->now += (int64_t)(busy * 1e9);
}

START_TEST(it_does_not_drift_over_ten_thousand_ticks) /* TASK-2 */
{
    busy = 0.03;
    action = take_time;
    start(0.1, true);
    TorcSim_advance(sim, 1000.05);
    ck_assert_uint_eq(calls, 10001);
    double due;
    TorcDelayedCall next;
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, &next, 1), 1);
    ck_assert_int_eq(TorcDelayedCall_getTime(next, &due), 0);
    ck_assert_double_eq(due, 1000.1);
}
END_TEST

START_TEST(missed_ticks_are_counted_and_not_made_up_for) /* TASK-2, TASK-4, BUG-42 */
{
    busy = 2.5;
    action = take_time;
    start(1, true);
    TorcSim_advance(sim, 7);
    CHECK_CALLS(0, 3, 6);
    ck_assert_uint_eq(counts[0], 1);
    ck_assert_uint_eq(counts[1], 3);
    ck_assert_uint_eq(counts[2], 3);
}
END_TEST

START_TEST(calls_that_are_never_late_count_one) /* TASK-4 */
{
    start(1, false);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(calls, 10);
    for (size_t i = 0; i < calls; i++)
        ck_assert_uint_eq(counts[i], 1);
}
END_TEST

START_TEST(it_waits_for_a_deferred_and_does_not_overlap) /* TASK-2 */
{
    TorcDeferred *slow = TorcDeferred_new(NULL, NULL);
    left = slow;
    start(1, true);
    TorcSim_advance(sim, 2.5);
    CHECK_CALLS(0);
    ck_assert_uint_eq(timers(), 0);
    TorcDeferred_callback(slow, value(1), free_value);
    ck_assert_int_eq(freed_values(), 1);
    TorcSim_advance(sim, 2);
    CHECK_CALLS(0, 3, 4);
    ck_assert_uint_eq(counts[1], 3);
}
END_TEST

START_TEST(a_deferred_that_has_fired_does_not_hold_it_up)
{
    left = TorcDeferred_succeed(value(1), free_value);
    start(1, true);
    TorcSim_advance(sim, 1);
    CHECK_CALLS(0, 1);
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

static void leave_value(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_set(result, value(1), free_value);
}

START_TEST(a_value_that_it_leaves_is_freed)
{
    action = leave_value;
    start(1, true);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(freed_values(), 2);
}
END_TEST

/* ---- stopping ------------------------------------------------------------------------------ */

START_TEST(stop_while_it_waits_for_the_timer_fires_done_at_once) /* TASK-3 */
{
    start(1, true);
    TorcSim_advance(sim, 1.5);
    ck_assert_int_eq(TorcLoopingCall_stop(loop), 0);
    ck_assert_str_eq(notes, "done:NULL ");
    ck_assert(!TorcLoopingCall_running(loop));
    ck_assert_uint_eq(timers(), 0);
    TorcSim_advance(sim, 10);
    CHECK_CALLS(0, 1);
    ck_assert_int_eq(TorcLoopingCall_stop(loop), -EALREADY);
    ck_assert_int_eq(TorcLoopingCall_reset(loop), -EALREADY);
}
END_TEST

START_TEST(stop_while_a_deferred_is_waited_for_fires_done_after_it) /* TASK-3 */
{
    TorcDeferred *slow = TorcDeferred_new(NULL, NULL);
    left = slow;
    start(1, true);
    TorcSim_advance(sim, 0.5);
    ck_assert_int_eq(TorcLoopingCall_stop(loop), 0);
    ck_assert_str_eq(notes, "");
    ck_assert(!TorcLoopingCall_running(loop));
    ck_assert_int_eq(TorcLoopingCall_start(loop, 1, true, NULL), -EALREADY);
    TorcDeferred_callback(slow, NULL, NULL);
    ck_assert_str_eq(notes, "done:NULL ");
    ck_assert_uint_eq(timers(), 0);
}
END_TEST

static void stop_inside(TorcResult *result, void *arg)
{
    (void)arg;
    (void)result;
    ck_assert_int_eq(TorcLoopingCall_stop(loop), 0);
    ck_assert_str_eq(notes, "");
    ck_assert_int_eq(TorcLoopingCall_start(loop, 1, true, NULL), -EALREADY);
}

START_TEST(it_may_be_stopped_from_inside_the_function) /* TASK-3 */
{
    action = stop_inside;
    start(1, true);
    TorcSim_advance(sim, 10);
    CHECK_CALLS(0);
    ck_assert_str_eq(notes, "done:NULL ");
}
END_TEST

static void fail_inside(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_fail(result, TORC_OPERATION_FAILED, -EIO, "no");
}

START_TEST(a_failure_ends_it) /* TASK-3 */
{
    action = fail_inside;
    start(1, true);
    TorcDeferred_addErrback(done, handle_step, NULL);
    TorcSim_advance(sim, 10);
    CHECK_CALLS(0);
    ck_assert_str_eq(notes, "done:OPERATION_FAILED ");
    ck_assert(!TorcLoopingCall_running(loop));
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(a_failed_deferred_ends_it) /* TASK-3 */
{
    TorcDeferred *slow = TorcDeferred_new(NULL, NULL);
    left = slow;
    start(1, true);
    TorcDeferred_addErrback(done, handle_step, NULL);
    TorcSim_advance(sim, 5);
    TorcDeferred_errback(slow, failed());
    TorcSim_advance(sim, 5);
    CHECK_CALLS(0);
    ck_assert_str_eq(notes, "done:OPERATION_FAILED ");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(without_done_a_failure_is_logged) /* TASK-3 */
{
    action = fail_inside;
    ck_assert_int_eq(TorcLoopingCall_start(loop, 1, true, NULL), 0);
    TorcSim_advance(sim, 10);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

START_TEST(a_deferred_that_is_somebody_elses_is_a_failure)
{
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(outer, wait_step, inner);
    left = inner;
    start(1, true);
    TorcDeferred_addErrback(done, handle_step, NULL);
    TorcSim_advance(sim, 5);
    ck_assert_str_eq(notes, "done:OPERATION_FAILED ");
    TorcDeferred_callback(inner, NULL, NULL);
    TorcDeferred_release(outer);
}
END_TEST

START_TEST(it_may_be_started_again) /* TASK-3 */
{
    start(1, true);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(TorcLoopingCall_stop(loop), 0);
    TorcDeferred_release(done);
    start(3, false);
    TorcSim_advance(sim, 7);
    CHECK_CALLS(0, 1, 4, 7);
    ck_assert_uint_eq(counts[2], 1);
}
END_TEST

static void start_again(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    ck_assert_int_eq(TorcLoopingCall_start(loop, 5, false, NULL), 0);
}

START_TEST(done_may_start_it_again)
{
    start(1, true);
    TorcDeferred_addBoth(done, start_again, NULL);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(TorcLoopingCall_stop(loop), 0);
    TorcSim_advance(sim, 5);
    CHECK_CALLS(0, 1, 6);
}
END_TEST

/* ---- cancelling ---------------------------------------------------------------------------- */

START_TEST(cancelling_done_stops_it)
{
    start(1, true);
    TorcSim_advance(sim, 1);
    TorcDeferred_cancel(done);
    ck_assert(!TorcLoopingCall_running(loop));
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED ");
    ck_assert_uint_eq(timers(), 0);
    TorcDeferred_addErrback(done, handle_step, NULL);
}
END_TEST

static void cancel_inside(TorcResult *result, void *arg)
{
    (void)arg;
    (void)result;
    TorcDeferred_cancel(done);
}

START_TEST(done_may_be_cancelled_from_inside_the_function)
{
    action = cancel_inside;
    start(1, true);
    TorcSim_advance(sim, 3);
    CHECK_CALLS(0);
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(done, handle_step, NULL);
}
END_TEST

START_TEST(cancelled_while_a_deferred_is_waited_for_it_can_be_started_after_that)
{
    TorcDeferred *slow = TorcDeferred_new(NULL, NULL);
    left = slow;
    start(1, true);
    TorcSim_advance(sim, 0);
    TorcDeferred_release(done);
    done = NULL;
    ck_assert_int_eq(TorcLoopingCall_start(loop, 1, true, NULL), -EALREADY);
    TorcDeferred_callback(slow, NULL, NULL);
    ck_assert_int_eq(TorcLoopingCall_start(loop, 1, true, NULL), 0);
}
END_TEST

/* ---- reset --------------------------------------------------------------------------------- */

START_TEST(reset_begins_the_interval_anew) /* TASK-5 */
{
    start(2, true);
    TorcSim_advance(sim, 1.5);
    ck_assert_int_eq(TorcLoopingCall_reset(loop), 0);
    TorcSim_advance(sim, 4);
    CHECK_CALLS(0, 3.5, 5.5);
    ck_assert_uint_eq(counts[1], 1);
}
END_TEST

START_TEST(reset_while_a_deferred_is_waited_for_counts_from_its_end) /* TASK-5 */
{
    TorcDeferred *slow = TorcDeferred_new(NULL, NULL);
    left = slow;
    start(2, true);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(TorcLoopingCall_reset(loop), 0);
    TorcSim_advance(sim, 0.5);
    TorcDeferred_callback(slow, NULL, NULL);
    TorcSim_advance(sim, 3);
    CHECK_CALLS(0, 3.5);
}
END_TEST

/* ---- freeing ------------------------------------------------------------------------------- */

static void free_loop(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    TorcLoopingCall_free(loop);
    loop = NULL;
}

START_TEST(it_may_be_freed_while_it_runs)
{
    start(1, true);
    TorcSim_advance(sim, 1);
    free_loop(NULL, NULL);
    ck_assert_str_eq(notes, "done:NULL ");
    ck_assert_uint_eq(timers(), 0);
}
END_TEST

START_TEST(it_may_be_freed_from_inside_the_function)
{
    action = free_loop;
    start(1, true);
    TorcSim_advance(sim, 3);
    CHECK_CALLS(0);
    ck_assert_str_eq(notes, "done:NULL ");
}
END_TEST

START_TEST(freed_from_inside_the_function_what_that_leaves_is_released)
{
    action = free_loop;
    left = cancellable();
    start(1, true);
    TorcSim_advance(sim, 3);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "done:NULL ");
}
END_TEST

START_TEST(freeing_releases_what_is_waited_for)
{
    left = cancellable();
    start(1, true);
    TorcSim_advance(sim, 1);
    free_loop(NULL, NULL);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "done:NULL ");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(what_goes_on_after_a_cancel_may_outlive_the_loop)
{
    TorcDeferred *stubborn = TorcDeferred_new(NULL, NULL);
    left = cancellable();
    TorcDeferred_addErrback(left, wait_step, stubborn);
    start(1, true);
    TorcSim_advance(sim, 1);
    free_loop(NULL, NULL);
    ck_assert_str_eq(notes, "done:NULL ");
    end_reactor();
    TorcDeferred_callback(stubborn, value(1), free_value);
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

START_TEST(done_may_free_it)
{
    start(1, true);
    TorcDeferred_addBoth(done, free_loop, NULL);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(TorcLoopingCall_stop(loop), 0);
    ck_assert_ptr_null(loop);
}
END_TEST

START_TEST(when_the_reactor_goes_first_done_is_cancelled)
{
    start(1, true);
    TorcDeferred_addErrback(done, handle_step, NULL);
    TorcSim_advance(sim, 1);
    end_reactor();
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED ");
    ck_assert(!TorcLoopingCall_running(loop));
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

START_TEST(starting_without_memory_changes_nothing)
{
    int r = -ENOMEM;
    for (long k = 0; r == -ENOMEM; k++) {
        fail_from(k);
        r = TorcLoopingCall_start(loop, 1, true, NULL);
        FailingMemory_recover();
        ck_assert_int_eq(TorcLoopingCall_running(loop), r == 0);
        ck_assert(r == 0 || timers() == 0);
    }
    ck_assert_int_eq(r, 0);
    TorcSim_advance(sim, 1);
    CHECK_CALLS(0, 1);
}
END_TEST

static void use_up_memory(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    if (calls != 2)
        return;
    for (int i = 0; i < 63; i++) /* with the one that is being made, a block of them */
        call_later(1000, stop_reactor, NULL);
    fail_from(0);
}

START_TEST(without_memory_for_the_next_call_it_ends_with_a_failure)
{
    action = use_up_memory;
    start(1, true);
    TorcDeferred_addErrback(done, handle_step, NULL);
    TorcSim_advance(sim, 5);
    FailingMemory_recover();
    CHECK_CALLS(0, 1);
    ck_assert_str_eq(notes, "done:OPERATION_FAILED ");
    ck_assert(!TorcLoopingCall_running(loop));
}
END_TEST

static TorcDeferred *awaited;

static void wait_for_awaited(TorcResult *result, void *arg)
{
    (void)arg;
    awaited = TorcDeferred_new(NULL, NULL);
    TorcResult_wait(result, awaited);
}

START_TEST(one_that_waits_when_the_reactor_goes_is_over) /* TASK-3 */
{
    TorcLoopingCall *waiting = TorcLoopingCall_new(reactor, wait_for_awaited, NULL);
    TorcDeferred *over;
    ck_assert_int_eq(TorcLoopingCall_start(waiting, 1, true, &over), 0);
    TorcSim_advance(sim, 0.5);
    end_reactor();
    ck_assert(!TorcLoopingCall_running(waiting));
    ck_assert_int_eq(TorcReason_kind(TorcDeferred_result(over)->reason), TORC_OPERATION_CANCELLED);
    ck_assert_int_eq(TorcDeferred_callback(awaited, NULL, NULL), 0);
    TorcDeferred_addErrback(over, handle_step, NULL);
    TorcDeferred_release(over);
    TorcLoopingCall_free(waiting);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("looping call");
    tcase_add_test(tcase, the_first_call_comes_at_once_but_not_inside_start);
    tcase_add_test(tcase, or_after_an_interval);
    tcase_add_test(tcase, starting_twice_is_refused);
    tcase_add_test(tcase, bad_arguments_are_refused);
    tcase_add_test(tcase, an_interval_of_zero_makes_one_call_a_turn);
    tcase_add_test(tcase, an_endless_interval_never_comes);
    tcase_add_test(tcase, it_does_not_drift_over_ten_thousand_ticks);
    tcase_add_test(tcase, missed_ticks_are_counted_and_not_made_up_for);
    tcase_add_test(tcase, calls_that_are_never_late_count_one);
    tcase_add_test(tcase, it_waits_for_a_deferred_and_does_not_overlap);
    tcase_add_test(tcase, a_deferred_that_has_fired_does_not_hold_it_up);
    tcase_add_test(tcase, a_value_that_it_leaves_is_freed);
    tcase_add_test(tcase, stop_while_it_waits_for_the_timer_fires_done_at_once);
    tcase_add_test(tcase, stop_while_a_deferred_is_waited_for_fires_done_after_it);
    tcase_add_test(tcase, it_may_be_stopped_from_inside_the_function);
    tcase_add_test(tcase, a_failure_ends_it);
    tcase_add_test(tcase, a_failed_deferred_ends_it);
    tcase_add_test(tcase, without_done_a_failure_is_logged);
    tcase_add_test(tcase, a_deferred_that_is_somebody_elses_is_a_failure);
    tcase_add_test(tcase, it_may_be_started_again);
    tcase_add_test(tcase, done_may_start_it_again);
    tcase_add_test(tcase, cancelling_done_stops_it);
    tcase_add_test(tcase, done_may_be_cancelled_from_inside_the_function);
    tcase_add_test(tcase, cancelled_while_a_deferred_is_waited_for_it_can_be_started_after_that);
    tcase_add_test(tcase, reset_begins_the_interval_anew);
    tcase_add_test(tcase, reset_while_a_deferred_is_waited_for_counts_from_its_end);
    tcase_add_test(tcase, it_may_be_freed_while_it_runs);
    tcase_add_test(tcase, it_may_be_freed_from_inside_the_function);
    tcase_add_test(tcase, freed_from_inside_the_function_what_that_leaves_is_released);
    tcase_add_test(tcase, freeing_releases_what_is_waited_for);
    tcase_add_test(tcase, what_goes_on_after_a_cancel_may_outlive_the_loop);
    tcase_add_test(tcase, done_may_free_it);
    tcase_add_test(tcase, when_the_reactor_goes_first_done_is_cancelled);
    tcase_add_test(tcase, starting_without_memory_changes_nothing);
    tcase_add_test(tcase, without_memory_for_the_next_call_it_ends_with_a_failure);
    tcase_add_test(tcase, one_that_waits_when_the_reactor_goes_is_over);
    return run_deferreds_with("looping call", tcase, begin_loop, end_loop);
}
