/* addTimeout, in virtual time. DEF-9. */
#include "deferred_fixture.h"

#include <math.h>

static TorcSim *sim;
static TorcReactor *reactor;

static void begin(void)
{
    set_up();
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
}

static void end(void)
{
    TorcSim_free(sim);
    tear_down();
}

static size_t timers(void)
{
    return TorcReactor_getDelayedCalls(reactor, NULL, 0);
}

START_TEST(a_result_in_time_takes_the_timer_back) /* DEF-9 */
{
    TorcDeferred *deferred = cancellable();
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, reactor, 10.0), 0);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcSim_advance(sim, 9.9);
    ck_assert_uint_eq(timers(), 1);
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_uint_eq(timers(), 0);
    TorcSim_advance(sim, 10.0);
    ck_assert_str_eq(notes, "a:1 ");
    ck_assert_int_eq(cancellations, 0);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(without_a_result_in_time_it_is_cancelled) /* DEF-9 */
{
    TorcDeferred *deferred = cancellable();
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, reactor, 10.5), 0);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcSim_advance(sim, 10.4);
    ck_assert_str_eq(notes, "");
    TorcSim_advance(sim, 0.2);
    ck_assert_str_eq(notes, "a:OPERATION_TIMED_OUT ");
    ck_assert_int_eq(cancellations, 1);
    ck_assert_uint_eq(timers(), 0);
    const TorcReason *reason = TorcDeferred_result(deferred)->reason;
    ck_assert_int_eq(TorcReason_code(reason), -ETIMEDOUT);
    ck_assert_str_eq(TorcReason_text(reason), "the operation took longer than 10.5 s");
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(a_detached_one_times_out_and_is_gone)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addTimeout(deferred, reactor, 1.0);
    TorcDeferred_addErrback(deferred, note, named("a"));
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_detach(deferred);
    long live = FailingMemory_live();
    TorcSim_advance(sim, 2.0);
    ck_assert_str_eq(notes, "a:OPERATION_TIMED_OUT ");
    ck_assert_int_lt(FailingMemory_live(), live);
}
END_TEST

START_TEST(cancelled_by_hand_stays_cancelled) /* DEF-9 */
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addTimeout(deferred, reactor, 10.0);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_release(deferred);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    ck_assert_uint_eq(timers(), 0);
}
END_TEST

static void fail_in_cancel(TorcDeferred *deferred, void *arg)
{
    (void)arg;
    TorcDeferred_errback(deferred, failed());
}

static void cancel_connecting(TorcDeferred *deferred, void *arg)
{
    (void)arg;
    TorcDeferred_errback(deferred, TorcReason_static(TORC_CONNECTION_CANCELLED));
}

START_TEST(an_attempt_to_connect_fails_as_one_that_timed_out) /* DEF-9 */
{
    TorcDeferred *deferred = TorcDeferred_new(cancel_connecting, NULL);
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, reactor, 2.0), 0);
    TorcSim_advance(sim, 2.1);
    const TorcReason *reason = TorcDeferred_result(deferred)->reason;
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_TIMED_OUT);
    ck_assert_int_eq(TorcReason_code(reason), -ETIMEDOUT);
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(the_cancellers_own_reason_is_kept) /* DEF-9 */
{
    TorcDeferred *deferred = TorcDeferred_new(fail_in_cancel, NULL);
    TorcDeferred_addTimeout(deferred, reactor, 1.0);
    TorcDeferred_addErrback(deferred, note, named("a"));
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcSim_advance(sim, 2.0);
    ck_assert_str_eq(notes, "a:OPERATION_FAILED ");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(the_cancellers_own_value_is_kept) /* DEF-9 */
{
    TorcDeferred *deferred = TorcDeferred_new(fire_in_cancel, value(1));
    TorcDeferred_addTimeout(deferred, reactor, 1.0);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcSim_advance(sim, 2.0);
    ck_assert_str_eq(notes, "a:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(steps_before_it_are_timed_and_steps_after_it_are_not)
{
    TorcDeferred *before = cancellable(), *after = cancellable();
    TorcDeferred *deferred = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(deferred, wait_step, before);
    TorcDeferred_addTimeout(deferred, reactor, 1.0);
    TorcDeferred_addErrback(deferred, note, named("a"));
    TorcDeferred_addErrback(deferred, wait_step, after);
    TorcSim_advance(sim, 2.0);
    ck_assert_str_eq(notes, "a:OPERATION_TIMED_OUT ");
    ck_assert_int_eq(cancellations, 1);
    TorcSim_advance(sim, 1000.0);
    ck_assert_int_eq(cancellations, 1);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(the_tighter_of_two_timeouts_counts)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addTimeout(deferred, reactor, 5.0);
    TorcDeferred_addTimeout(deferred, reactor, 2.0);
    TorcDeferred_addErrback(deferred, note, named("a"));
    TorcSim_advance(sim, 2.5);
    ck_assert_str_eq(notes, "a:OPERATION_TIMED_OUT ");
    ck_assert_uint_eq(timers(), 0);
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(a_timeout_of_a_fired_one_leaves_nothing)
{
    TorcDeferred *deferred = TorcDeferred_succeed(value(1), free_value);
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, reactor, 0), 0);
    ck_assert_uint_eq(timers(), 0);
    ck_assert_ptr_eq(TorcDeferred_result(deferred)->value, &values[0]);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(a_timeout_of_no_seconds_expires_in_the_next_turn)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addTimeout(deferred, reactor, 0);
    TorcDeferred_addErrback(deferred, note, named("a"));
    ck_assert_str_eq(notes, "");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(notes, "a:OPERATION_TIMED_OUT ");
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(one_that_outlives_the_reactor_has_no_timeout_any_more)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addTimeout(deferred, reactor, 1.0);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcSim_free(sim);
    sim = NULL;
    ck_assert_str_eq(notes, "");
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_str_eq(notes, "a:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

static void release_it(TorcResult *result, void *arg)
{
    note(result, named("a"));
    TorcDeferred_release(arg);
    TorcResult_clear(result);
}

START_TEST(a_step_may_release_it_when_it_times_out)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addTimeout(deferred, reactor, 1.0);
    TorcDeferred_addBoth(deferred, release_it, deferred);
    TorcSim_advance(sim, 2.0);
    ck_assert_str_eq(notes, "a:OPERATION_TIMED_OUT ");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    TorcDeferred *deferred = cancellable();
    ck_assert_int_eq(TorcDeferred_addTimeout(NULL, reactor, 1.0), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, NULL, 1.0), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, reactor, -1.0), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, reactor, (double)NAN), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addTimeout(deferred, reactor, (double)INFINITY), 0);
    TorcDeferred_release(deferred);
    ck_assert_uint_eq(timers(), 0);
}
END_TEST

START_TEST(without_memory_there_is_no_timeout_and_nothing_is_left)
{
    TorcSim_free(sim);
    sim = NULL;
    int r = -ENOMEM;
    for (long k = 0; r == -ENOMEM; k++) {
        FailingMemory_start(-1);
        sim = TorcSim_new(1);
        TorcDeferred *deferred = cancellable();
        TorcDeferred_addErrback(deferred, note, named("a"));
        TorcDeferred_addErrback(deferred, handle_step, NULL);
        failing_memory.fail_at = failing_memory.allocations + k;
        r = TorcDeferred_addTimeout(deferred, TorcSim_reactor(sim), 1.0);
        FailingMemory_recover();
        ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), r == 0);
        ck_assert_int_lt(k, 10);
        notes[0] = '\0';
        TorcSim_advance(sim, 2.0);
        ck_assert_str_eq(notes, r == 0 ? "a:OPERATION_CANCELLED " : "");
        TorcDeferred_release(deferred);
        TorcSim_free(sim);
        ck_assert_int_eq(FailingMemory_live(), 0);
    }
    sim = NULL;
    ck_assert_int_eq(r, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("timeout");
    tcase_add_test(tcase, a_result_in_time_takes_the_timer_back);
    tcase_add_test(tcase, without_a_result_in_time_it_is_cancelled);
    tcase_add_test(tcase, a_detached_one_times_out_and_is_gone);
    tcase_add_test(tcase, cancelled_by_hand_stays_cancelled);
    tcase_add_test(tcase, an_attempt_to_connect_fails_as_one_that_timed_out);
    tcase_add_test(tcase, the_cancellers_own_reason_is_kept);
    tcase_add_test(tcase, the_cancellers_own_value_is_kept);
    tcase_add_test(tcase, steps_before_it_are_timed_and_steps_after_it_are_not);
    tcase_add_test(tcase, the_tighter_of_two_timeouts_counts);
    tcase_add_test(tcase, a_timeout_of_a_fired_one_leaves_nothing);
    tcase_add_test(tcase, a_timeout_of_no_seconds_expires_in_the_next_turn);
    tcase_add_test(tcase, one_that_outlives_the_reactor_has_no_timeout_any_more);
    tcase_add_test(tcase, a_step_may_release_it_when_it_times_out);
    tcase_add_test(tcase, bad_arguments_are_refused);
    tcase_add_test(tcase, without_memory_there_is_no_timeout_and_nothing_is_left);
    return run_deferreds_with("timeouts of deferreds", tcase, begin, end);
}
