/* Deferreds: cancelling, releasing, detaching, and whose part is over when. DEF-8. */
#include "deferred_fixture.h"

/* ---- cancelling ---------------------------------------------------------------------------- */

START_TEST(cancel_calls_the_canceller_and_fails_it) /* DEF-8 */
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(cancellations, 1);
    ck_assert(TorcDeferred_called(deferred));
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(cancelling_twice_changes_nothing)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addErrback(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(cancelling_what_has_fired_changes_nothing) /* DEF-8 */
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_callback(deferred, value(1), free_value);
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(cancellations, 0);
    ck_assert_ptr_eq(TorcDeferred_result(deferred)->value, &values[0]);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(cancellations, 0);
}
END_TEST

START_TEST(a_canceller_may_fire_it) /* DEF-8 */
{
    TorcDeferred *deferred = TorcDeferred_new(fire_in_cancel, value(1));
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "a:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

static void fail_in_cancel(TorcDeferred *deferred, void *arg)
{
    (void)arg;
    TorcDeferred_errbackNew(deferred, TORC_OPERATION_FAILED, -EIO, "on the way down");
}

START_TEST(a_canceller_may_fail_it_with_a_reason_of_its_own) /* DEF-8 */
{
    TorcDeferred *deferred = TorcDeferred_new(fail_in_cancel, NULL);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    ck_assert_str_eq(notes, "a:OPERATION_FAILED ");
    TorcDeferred_release(deferred);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

static void cancel_in_cancel(TorcDeferred *deferred, void *arg)
{
    (void)arg;
    cancellations++;
    TorcDeferred_cancel(deferred);
    ck_assert(!TorcDeferred_called(deferred));
}

START_TEST(a_canceller_may_cancel_again)
{
    TorcDeferred *deferred = TorcDeferred_new(cancel_in_cancel, NULL);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

static void release_in_cancel(TorcDeferred *deferred, void *arg)
{
    (void)arg;
    cancellations++;
    TorcDeferred_release(deferred);
}

START_TEST(a_canceller_may_release_it)
{
    TorcDeferred *deferred = TorcDeferred_new(release_in_cancel, NULL);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

static void fire_and_release_in_cancel(TorcDeferred *deferred, void *arg)
{
    fire_in_cancel(deferred, arg);
    TorcDeferred_release(deferred);
}

START_TEST(a_canceller_may_fire_and_release_it)
{
    TorcDeferred *deferred = TorcDeferred_new(fire_and_release_in_cancel, value(1));
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    ck_assert_str_eq(notes, "a:1 ");
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

/* ---- without a canceller ------------------------------------------------------------------- */

START_TEST(without_a_canceller_the_makers_one_firing_is_dropped) /* DEF-8 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_cancel(deferred);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    ck_assert_int_eq(TorcDeferred_callback(deferred, value(1), free_value), 0);
    ck_assert_int_eq(freed_values(), 1);
    ck_assert_int_eq(TorcDeferred_callback(deferred, value(2), free_value), -TORC_EALREADYCALLED);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(the_dropped_firing_frees_what_was_released_before)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_release(deferred);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
    ck_assert_int_eq(FailingMemory_live(), 1);
    ck_assert(TorcDeferred_called(deferred)); /* the maker's pointer is still good */
    ck_assert_int_eq(TorcDeferred_errback(deferred, failed()), 0);
    ck_assert_int_eq(FailingMemory_live(), 0);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(the_maker_may_fire_after_a_cancelled_one_was_detached)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_cancel(deferred);
    TorcDeferred_detach(deferred);
    ck_assert_int_eq(unhandled, 1); /* nobody handled the cancellation */
    ck_assert_int_eq(TorcDeferred_callback(deferred, value(1), free_value), 0);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

static void fire_in_step(TorcResult *result, void *arg)
{
    note(result, named("step"));
    ck_assert_int_eq(TorcDeferred_callback(arg, value(1), free_value), 0);
}

START_TEST(the_dropped_firing_may_come_from_inside_the_steps)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(deferred, fire_in_step, deferred);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_release(deferred);
    ck_assert_str_eq(notes, "step:OPERATION_CANCELLED a:OPERATION_CANCELLED ");
}
END_TEST

/* ---- waiting ------------------------------------------------------------------------------- */

START_TEST(cancelling_what_waits_cancels_what_it_waits_for) /* DEF-8, DEF-13 */
{
    TorcDeferred *inner = cancellable();
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addBoth(inner, note, named("inner"));
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    TorcDeferred_cancel(outer);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "inner:OPERATION_CANCELLED outer:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(outer, handle_step, NULL);
    TorcDeferred_release(outer);
}
END_TEST

START_TEST(releasing_what_waits_cancels_and_frees_all_of_it)
{
    TorcDeferred *inner = cancellable();
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    TorcDeferred_release(outer);
    ck_assert_str_eq(notes, "outer:OPERATION_CANCELLED ");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(after_a_cancel_a_step_may_wait_for_something_else)
{
    TorcDeferred *cleanup = cancellable();
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addErrback(deferred, wait_step, cleanup);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_release(deferred);
    ck_assert_int_eq(cancellations, 1); /* the clean-up goes on */
    ck_assert_str_eq(notes, "");
    TorcDeferred_callback(cleanup, value(1), free_value);
    ck_assert_str_eq(notes, "a:1 ");
}
END_TEST

static TorcDeferred *outermost;

static void cancel_outermost(TorcResult *result, void *arg)
{
    note(result, arg);
    TorcDeferred_cancel(outermost);
    outermost = TorcDeferred_release(outermost);
}

START_TEST(a_step_of_what_it_waits_for_may_release_the_waiting_one)
{
    TorcDeferred *inner = cancellable();
    outermost = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(outermost, wait_step, inner);
    TorcDeferred_addBoth(outermost, note, named("outer"));
    TorcDeferred_addBoth(inner, cancel_outermost, named("inner"));
    TorcDeferred_callback(inner, value(1), free_value);
    ck_assert_str_eq(notes, "inner:1 outer:1 ");
    ck_assert_int_eq(cancellations, 0);
}
END_TEST

/* ---- letting go ---------------------------------------------------------------------------- */

START_TEST(release_cancels_and_its_failure_is_not_logged) /* DEF-6 */
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addCallback(deferred, note, named("not"));
    TorcDeferred_release(deferred);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_int_eq(unhandled, 0);
    ck_assert_str_eq(notes, "");
}
END_TEST

START_TEST(a_value_is_freed_when_it_is_released)
{
    TorcDeferred_release(TorcDeferred_succeed(value(1), free_value));
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

START_TEST(a_detached_one_goes_on_and_is_gone_after_its_steps)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_detach(deferred);
    ck_assert_int_eq(FailingMemory_live(), 1);
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_str_eq(notes, "a:1 ");
    ck_assert_int_eq(cancellations, 0);
    ck_assert_int_eq(FailingMemory_live(), 0);
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

START_TEST(detaching_a_finished_one_frees_it)
{
    TorcDeferred_detach(TorcDeferred_succeed(value(1), free_value));
    ck_assert_int_eq(freed_values(), 1);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

static void detach_own(TorcResult *result, void *arg)
{
    note(result, named("detach"));
    TorcDeferred_detach(arg);
}

START_TEST(a_step_may_detach_its_own_deferred)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(deferred, detach_own, deferred);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_str_eq(notes, "detach:1 a:1 ");
}
END_TEST

/* Fires the deferred it is the value of, as a maker that is told by its destroy function would. */
static void fire_arg(void *arg)
{
    ck_assert_int_eq(TorcDeferred_callback(arg, NULL, NULL), 0);
}

START_TEST(a_destroy_function_may_do_the_dropped_firing)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_cancel(deferred);
    TorcDeferred *holder = TorcDeferred_succeed(deferred, fire_arg);
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
    TorcDeferred_release(holder);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

/* ---- firing another ------------------------------------------------------------------------ */

START_TEST(chainDeferred_fires_another_and_goes_on_with_null)
{
    TorcDeferred *first = TorcDeferred_new(NULL, NULL);
    TorcDeferred *second = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(second, note, named("second"));
    ck_assert_int_eq(TorcDeferred_chainDeferred(first, second), 0);
    TorcDeferred_addBoth(first, note, named("first"));
    TorcDeferred_callback(first, value(1), free_value);
    ck_assert_str_eq(notes, "second:1 first:NULL ");
    TorcDeferred_release(first);
    ck_assert_int_eq(freed_values(), 0);
    TorcDeferred_release(second);
}
END_TEST

START_TEST(cancelling_the_other_drops_what_the_first_gives_it)
{
    TorcDeferred *first = TorcDeferred_new(NULL, NULL);
    TorcDeferred *second = TorcDeferred_new(NULL, NULL);
    TorcDeferred_chainDeferred(first, second);
    TorcDeferred_release(second);
    ck_assert(!TorcDeferred_called(first));
    TorcDeferred_callback(first, value(1), free_value);
    ck_assert_int_eq(freed_values(), 1);
    TorcDeferred_release(first);
}
END_TEST

START_TEST(cancelling_the_first_fails_the_other)
{
    TorcDeferred *first = cancellable();
    TorcDeferred *second = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(second, note, named("second"));
    TorcDeferred_chainDeferred(first, second);
    TorcDeferred_release(first);
    ck_assert_str_eq(notes, "second:OPERATION_CANCELLED ");
    TorcDeferred_release(second);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

START_TEST(chainDeferred_checks_its_arguments_and_fires_in_any_case)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_chainDeferred(deferred, NULL), -EINVAL);
    ck_assert_int_eq(TorcDeferred_chainDeferred(deferred, deferred), -EINVAL);
    ck_assert(!TorcDeferred_called(deferred));
    ck_assert_int_eq(TorcDeferred_chainDeferred(NULL, deferred), -EINVAL);
    ck_assert_int_eq(TorcReason_code(TorcDeferred_result(deferred)->reason), -EINVAL);
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("cancel");
    tcase_add_test(tcase, cancel_calls_the_canceller_and_fails_it);
    tcase_add_test(tcase, cancelling_twice_changes_nothing);
    tcase_add_test(tcase, cancelling_what_has_fired_changes_nothing);
    tcase_add_test(tcase, a_canceller_may_fire_it);
    tcase_add_test(tcase, a_canceller_may_fail_it_with_a_reason_of_its_own);
    tcase_add_test(tcase, a_canceller_may_cancel_again);
    tcase_add_test(tcase, a_canceller_may_release_it);
    tcase_add_test(tcase, a_canceller_may_fire_and_release_it);
    tcase_add_test(tcase, without_a_canceller_the_makers_one_firing_is_dropped);
    tcase_add_test(tcase, the_dropped_firing_frees_what_was_released_before);
    tcase_add_test(tcase, the_maker_may_fire_after_a_cancelled_one_was_detached);
    tcase_add_test(tcase, the_dropped_firing_may_come_from_inside_the_steps);
    tcase_add_test(tcase, cancelling_what_waits_cancels_what_it_waits_for);
    tcase_add_test(tcase, releasing_what_waits_cancels_and_frees_all_of_it);
    tcase_add_test(tcase, after_a_cancel_a_step_may_wait_for_something_else);
    tcase_add_test(tcase, a_step_of_what_it_waits_for_may_release_the_waiting_one);
    tcase_add_test(tcase, release_cancels_and_its_failure_is_not_logged);
    tcase_add_test(tcase, a_value_is_freed_when_it_is_released);
    tcase_add_test(tcase, a_detached_one_goes_on_and_is_gone_after_its_steps);
    tcase_add_test(tcase, detaching_a_finished_one_frees_it);
    tcase_add_test(tcase, a_step_may_detach_its_own_deferred);
    tcase_add_test(tcase, a_destroy_function_may_do_the_dropped_firing);
    tcase_add_test(tcase, chainDeferred_fires_another_and_goes_on_with_null);
    tcase_add_test(tcase, cancelling_the_other_drops_what_the_first_gives_it);
    tcase_add_test(tcase, cancelling_the_first_fails_the_other);
    tcase_add_test(tcase, chainDeferred_checks_its_arguments_and_fires_in_any_case);
    return run_deferreds("cancelling deferreds", tcase);
}
