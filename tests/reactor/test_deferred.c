/* Deferreds: firing, steps, results and who frees them, failures that nobody handled. */
#include "deferred_fixture.h"

#include "reactor/deferred_internal.h"

/* ---- firing -------------------------------------------------------------------------------- */

START_TEST(it_fires_with_a_value_inside_callback)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, note, named("a")), 0);
    ck_assert(!TorcDeferred_called(deferred));
    ck_assert_ptr_null(TorcDeferred_result(deferred));
    ck_assert_int_eq(TorcDeferred_callback(deferred, value(1), free_value), 0);
    ck_assert_str_eq(notes, "a:1 ");
    ck_assert(TorcDeferred_called(deferred));
    ck_assert_ptr_eq(TorcDeferred_result(deferred)->value, &values[0]);
    ck_assert_int_eq(freed_values(), 0);
    ck_assert_ptr_null(TorcDeferred_release(deferred));
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

START_TEST(firing_twice_is_refused_and_frees_the_second_value) /* DEF-1 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_callback(deferred, value(1), free_value), 0);
    ck_assert_int_eq(TorcDeferred_callback(deferred, value(2), free_value), -TORC_EALREADYCALLED);
    ck_assert_int_eq(values[1].freed, 1);
    ck_assert_int_eq(TorcDeferred_errback(deferred, failed()), -TORC_EALREADYCALLED);
    ck_assert_int_eq(TorcDeferred_errbackNew(deferred, TORC_OPERATION_FAILED, 0, "late"),
                     -TORC_EALREADYCALLED);
    ck_assert_ptr_eq(TorcDeferred_result(deferred)->value, &values[0]);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(a_failure_has_the_reason_it_was_given)
{
    TorcReason *reason = TorcReason_new(TORC_OPERATION_FAILED, -EIO, "the disk is gone");
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_errback(deferred, reason), 0);
    ck_assert_ptr_eq(TorcDeferred_result(deferred)->reason, reason);
    TorcReason_unref(reason);
    ck_assert_str_eq(TorcReason_text(TorcDeferred_result(deferred)->reason), "the disk is gone");
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(a_failure_without_a_reason_is_the_static_one) /* DEF-1 */
{
    TorcDeferred *deferred = TorcDeferred_fail(NULL);
    ck_assert_ptr_eq(TorcDeferred_result(deferred)->reason, failed());
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(a_failure_can_be_made_on_the_spot)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_errbackNew(deferred, TORC_OPERATION_FAILED, EIO, "disk %d", 7),
                     0);
    const TorcReason *reason = TorcDeferred_result(deferred)->reason;
    ck_assert_str_eq(TorcReason_text(reason), "disk 7");
    ck_assert_int_eq(TorcReason_code(reason), -EIO);
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(succeed_and_fail_have_fired_already) /* DEF-13: what maybeDeferred is for */
{
    TorcDeferred *good = TorcDeferred_succeed(value(1), free_value);
    TorcDeferred *bad = TorcDeferred_fail(failed());
    ck_assert(TorcDeferred_called(good) && TorcDeferred_called(bad));
    TorcDeferred_addBoth(good, note, named("good"));
    TorcDeferred_addBoth(bad, note, named("bad"));
    TorcDeferred_addErrback(bad, handle_step, NULL);
    ck_assert_str_eq(notes, "good:1 bad:OPERATION_FAILED ");
    TorcDeferred_release(good);
    TorcDeferred_release(bad);
}
END_TEST

START_TEST(null_is_refused_and_its_value_freed)
{
    ck_assert_int_eq(TorcDeferred_callback(NULL, value(1), free_value), -EINVAL);
    ck_assert_int_eq(TorcDeferred_errback(NULL, failed()), -EINVAL);
    ck_assert_int_eq(TorcDeferred_errbackNew(NULL, TORC_OPERATION_FAILED, 0, "x"), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addCallback(NULL, note, named("a")), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addErrback(NULL, note, named("a")), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addCallbacks(NULL, note, note, named("a")), -EINVAL);
    ck_assert(!TorcDeferred_called(NULL));
    ck_assert_ptr_null(TorcDeferred_result(NULL));
    TorcDeferred_cancel(NULL);
    TorcDeferred_pause(NULL);
    TorcDeferred_unpause(NULL);
    ck_assert_ptr_null(TorcDeferred_detach(NULL));
    ck_assert_ptr_null(TorcDeferred_release(NULL));
    ck_assert_str_eq(notes, "");
}
END_TEST

START_TEST(a_step_needs_a_function)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_addCallback(deferred, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addErrback(deferred, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addCallbacks(deferred, NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, NULL, NULL), -EINVAL);
    TorcDeferred_callback(deferred, NULL, NULL);
    TorcDeferred_release(deferred);
}
END_TEST

/* ---- steps --------------------------------------------------------------------------------- */

START_TEST(steps_run_in_order_and_edit_the_result) /* DEF-2 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(deferred, note, named("a"));
    TorcDeferred_addErrback(deferred, note, named("not"));
    TorcDeferred_addCallback(deferred, set_step, value(2));
    TorcDeferred_addCallback(deferred, note, named("b"));
    TorcDeferred_addCallback(deferred, fail_step, named("x"));
    TorcDeferred_addCallback(deferred, note, named("not"));
    TorcDeferred_addErrback(deferred, note, named("c"));
    TorcDeferred_addErrback(deferred, set_step, value(3));
    TorcDeferred_addErrback(deferred, note, named("not"));
    TorcDeferred_addCallback(deferred, note, named("d"));
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_str_eq(notes, "a:1 b:2 c:OPERATION_FAILED d:3 ");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(a_pair_runs_the_one_of_its_kind) /* DEF-2 */
{
    TorcDeferred *good = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred *bad = TorcDeferred_fail(failed());
    ck_assert_int_eq(TorcDeferred_addCallbacks(good, note, fail_step, named("good")), 0);
    ck_assert_int_eq(TorcDeferred_addCallbacks(bad, fail_step, note, named("bad")), 0);
    ck_assert_str_eq(notes, "good:NULL bad:OPERATION_FAILED ");
    TorcDeferred_addErrback(bad, handle_step, NULL);
    TorcDeferred_release(good);
    TorcDeferred_release(bad);
}
END_TEST

START_TEST(steps_added_after_firing_run_at_once) /* DEF-2 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_callback(deferred, value(1), free_value);
    for (int i = 0; i < 5; i++)
        TorcDeferred_addCallback(deferred, note, named("a"));
    ck_assert_str_eq(notes, "a:1 a:1 a:1 a:1 a:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

static TorcDeferred *subject;

static void add_more(TorcResult *result, void *arg)
{
    note(result, arg);
    for (int i = 0; i < 4; i++) /* more than there is room for */
        ck_assert_int_eq(TorcDeferred_addBoth(subject, note, named("added")), 0);
    note(result, named("end"));
}

START_TEST(steps_added_by_a_step_run_after_those_that_are_there) /* DEF-3 */
{
    subject = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(subject, add_more, named("a"));
    TorcDeferred_addBoth(subject, note, named("b"));
    TorcDeferred_callback(subject, value(1), free_value);
    ck_assert_str_eq(notes, "a:1 end:1 b:1 added:1 added:1 added:1 added:1 ");
    TorcDeferred_release(subject);
}
END_TEST

static int steps_left;

static void add_again(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    if (--steps_left > 0)
        ck_assert_int_eq(TorcDeferred_addBoth(subject, add_again, NULL), 0);
}

/* Each of many steps adds one where there is no room left (a power of two is full): moving the
 * others for each of them would take minutes. */
START_TEST(a_hundred_thousand_steps_that_add_steps_cost_linear_time)
{
    enum { FULL = 1 << 17 };
    subject = TorcDeferred_new(NULL, NULL);
    steps_left = 2 * FULL;
    for (int i = 0; i < FULL; i++)
        ck_assert_int_eq(TorcDeferred_addBoth(subject, add_again, NULL), 0);
    TorcDeferred_callback(subject, NULL, NULL);
    ck_assert_int_le(steps_left, 0);
    TorcDeferred_release(subject);
}
END_TEST

static void destroy_owner(TorcResult *result, void *arg)
{
    TorcDeferred **owner = arg;
    note(result, named("owner"));
    *owner = TorcDeferred_release(*owner);
    torc__free(owner);
}

START_TEST(a_step_may_destroy_the_owner_of_its_deferred)
{
    TorcDeferred **owner = torc__malloc(sizeof(*owner));
    TorcDeferred *deferred = *owner = cancellable();
    TorcDeferred_addBoth(deferred, destroy_owner, owner);
    TorcDeferred_addBoth(deferred, note, named("after"));
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_str_eq(notes, "owner:1 after:1 ");
    ck_assert_int_eq(cancellations, 0);
}
END_TEST

START_TEST(a_step_may_release_its_own_deferred_inside_add)
{
    TorcDeferred **owner = torc__malloc(sizeof(*owner));
    *owner = TorcDeferred_succeed(value(1), free_value);
    TorcDeferred_addBoth(*owner, destroy_owner, owner);
    ck_assert_str_eq(notes, "owner:1 ");
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

/* ---- results ------------------------------------------------------------------------------- */

START_TEST(a_replaced_value_is_freed_at_once)
{
    TorcResult result = {0};
    TorcResult_set(&result, value(1), free_value);
    TorcResult_set(&result, value(2), free_value);
    ck_assert_int_eq(values[0].freed, 1);
    TorcResult_fail(&result, TORC_OPERATION_FAILED, 0, "was %d", ((Value *)result.value)->number);
    ck_assert_int_eq(values[1].freed, 1);
    ck_assert_str_eq(TorcReason_text(result.reason), "was 2");
    ck_assert_ptr_null(result.value);
    TorcResult_clear(&result);
    ck_assert_ptr_null(result.reason);
}
END_TEST

static void never(void *arg)
{
    (void)arg;
    ck_abort_msg("freed by the old function");
}

START_TEST(the_old_value_set_again_has_a_new_destroy)
{
    TorcResult result = {0};
    void *made = value(1);
    TorcResult_set(&result, made, never);
    TorcResult_set(&result, made, free_value);
    ck_assert_int_eq(freed_values(), 0);
    TorcResult_clear(&result);
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

START_TEST(a_taken_value_belongs_to_the_taker)
{
    TorcResult result = {0};
    TorcResult_set(&result, value(1), free_value);
    void *taken = TorcResult_take(&result);
    ck_assert_ptr_eq(taken, &values[0]);
    ck_assert_ptr_null(result.value);
    TorcResult_clear(&result);
    ck_assert_int_eq(freed_values(), 0);
    free_value(taken);
}
END_TEST

START_TEST(taking_leaves_a_failure)
{
    TorcResult result = {0};
    TorcResult_failWith(&result, TorcReason_static(TORC_OPERATION_TIMED_OUT));
    ck_assert_ptr_null(TorcResult_take(&result));
    ck_assert_int_eq(TorcReason_kind(result.reason), TORC_OPERATION_TIMED_OUT);
    TorcResult_clear(&result);
}
END_TEST

START_TEST(a_failure_may_be_made_of_the_one_that_is_there)
{
    TorcResult result = {0};
    TorcResult_fail(&result, TORC_OPERATION_FAILED, -EIO, "one");
    TorcResult_failWith(&result, result.reason);
    ck_assert_str_eq(TorcReason_text(result.reason), "one");
    TorcResult_fail(&result, TORC_OPERATION_FAILED, -EIO, "%s, two",
                    TorcReason_text(result.reason));
    ck_assert_str_eq(TorcReason_text(result.reason), "one, two");
    TorcResult_failWith(&result, NULL);
    ck_assert_ptr_eq(result.reason, failed());
}
END_TEST

START_TEST(a_result_that_is_cleared_releases_what_it_would_wait_for)
{
    TorcResult result = {0};
    TorcResult_wait(&result, cancellable());
    TorcResult_set(&result, value(1), free_value);
    ck_assert_int_eq(cancellations, 1);
    TorcDeferred *other = cancellable();
    TorcResult_wait(&result, other);
    TorcResult_wait(&result, other);
    ck_assert_int_eq(freed_values(), 1);
    ck_assert_int_eq(cancellations, 1);
    TorcResult_wait(&result, NULL);
    ck_assert_int_eq(cancellations, 2);
    ck_assert_int_eq(TorcReason_code(result.reason), -ENOMEM);
    TorcResult_clear(&result);
}
END_TEST

START_TEST(what_is_given_to_no_result_is_freed)
{
    TorcResult_set(NULL, value(1), free_value);
    TorcResult_wait(NULL, cancellable());
    ck_assert_int_eq(cancellations, 1);
    ck_assert_ptr_null(TorcResult_take(NULL));
    TorcResult_fail(NULL, TORC_OPERATION_FAILED, 0, "x");
    TorcResult_failWith(NULL, failed());
    TorcResult_clear(NULL);
}
END_TEST

/* ---- failures that nobody handled ---------------------------------------------------------- */

START_TEST(an_unhandled_failure_is_logged_once) /* DEF-6 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(deferred, note, named("not"));
    TorcDeferred_errbackNew(deferred, TORC_OPERATION_FAILED, -EIO, "the disk is gone");
    ck_assert_int_eq(unhandled, 0);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(unhandled, 1);
    ck_assert_ptr_nonnull(strstr(unhandled_text, "kind=\"OPERATION_FAILED\""));
    ck_assert_ptr_nonnull(strstr(unhandled_text, "reason=\"the disk is gone\""));
    ck_assert_str_eq(notes, "");
}
END_TEST

START_TEST(the_failure_of_a_detached_deferred_is_logged_when_it_fires) /* DEF-6 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_ptr_null(TorcDeferred_detach(deferred));
    TorcDeferred_errback(deferred, failed());
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

START_TEST(a_handled_failure_is_not_logged) /* DEF-6 */
{
    TorcDeferred *deferred = TorcDeferred_fail(failed());
    TorcDeferred_addErrback(deferred, handle_step, NULL);
    TorcDeferred_detach(deferred);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

static void release_and_fail(TorcResult *result, void *arg)
{
    TorcDeferred_release(arg);
    fail_step(result, named("after the release"));
}

START_TEST(a_failure_after_a_release_from_a_step_is_logged) /* DEF-6 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(deferred, release_and_fail, deferred);
    TorcDeferred_callback(deferred, NULL, NULL);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

START_TEST(three_callbacks_cost_one_allocation_besides_the_deferred)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(FailingMemory_allocations(), 1);
    TorcDeferred_addCallback(deferred, note, named("a"));
    TorcDeferred_addCallback(deferred, note, named("b"));
    ck_assert_int_eq(FailingMemory_allocations(), 1);
    TorcDeferred_addCallback(deferred, note, named("c"));
    ck_assert_int_eq(FailingMemory_allocations(), 2);
    TorcDeferred_callback(deferred, value(1), free_value);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(FailingMemory_allocations(), 2);
    ck_assert_str_eq(notes, "a:1 b:1 c:1 ");
}
END_TEST

START_TEST(a_fired_one_with_three_callbacks_costs_nothing_more)
{
    TorcDeferred *deferred = TorcDeferred_succeed(NULL, NULL);
    for (int i = 0; i < 3; i++)
        TorcDeferred_addCallback(deferred, note, named("a"));
    TorcDeferred_release(deferred);
    ck_assert_int_eq(FailingMemory_allocations(), 1);
}
END_TEST

START_TEST(it_is_as_large_as_the_manual_says)
{
    if (sizeof(void *) == 8)
        ck_assert_uint_eq(sizeof(TorcDeferred), 128);
}
END_TEST

START_TEST(without_memory_there_is_no_deferred_and_the_value_is_freed)
{
    FailingMemory_startForEver(0);
    errno = 0;
    ck_assert_ptr_null(TorcDeferred_new(NULL, NULL));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(TorcDeferred_succeed(value(1), free_value));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(TorcDeferred_fail(failed()));
    ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

static void own_arg(TorcResult *result, void *arg)
{
    note(result, named("own"));
    free_value(arg);
}

START_TEST(a_step_without_memory_is_refused_and_the_others_stay)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(deferred, note, named("a"));
    TorcDeferred_addCallback(deferred, note, named("b"));
    FailingMemory_startForEver(0);
    ck_assert_int_eq(TorcDeferred_addCallback(deferred, note, named("c")), -ENOMEM);
    ck_assert_int_eq(TorcDeferred_addErrback(deferred, note, named("c")), -ENOMEM);
    ck_assert_int_eq(TorcDeferred_addCallbacks(deferred, note, note, named("c")), -ENOMEM);
    ck_assert_str_eq(notes, "");
    failing_memory.live = 1;
    FailingMemory_recover();
    ck_assert_int_eq(TorcDeferred_addCallback(deferred, note, named("d")), 0);
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_str_eq(notes, "a:1 b:1 d:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(addBoth_calls_its_step_exactly_once_also_without_memory)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(deferred, note, named("a"));
    TorcDeferred_addCallback(deferred, note, named("b"));
    FailingMemory_startForEver(0);
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, own_arg, value(1)), -ENOMEM);
    ck_assert_int_eq(freed_values(), 1);
    ck_assert_str_eq(notes, "own:OPERATION_FAILED ");
    failing_memory.live = 1;
    FailingMemory_recover();
    notes[0] = '\0';
    TorcDeferred_callback(deferred, value(2), free_value);
    ck_assert_str_eq(notes, "a:2 b:2 ");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(addBoth_to_nothing_calls_its_step_at_once)
{
    ck_assert_int_eq(TorcDeferred_addBoth(NULL, own_arg, value(1)), -EINVAL);
    ck_assert_int_eq(freed_values(), 1);
    ck_assert_int_eq(TorcDeferred_addBoth(NULL, set_step, value(2)), -EINVAL);
    ck_assert_int_eq(TorcDeferred_addBoth(NULL, wait_step, cancellable()), -EINVAL);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("deferred");
    tcase_add_test(tcase, it_fires_with_a_value_inside_callback);
    tcase_add_test(tcase, firing_twice_is_refused_and_frees_the_second_value);
    tcase_add_test(tcase, a_failure_has_the_reason_it_was_given);
    tcase_add_test(tcase, a_failure_without_a_reason_is_the_static_one);
    tcase_add_test(tcase, a_failure_can_be_made_on_the_spot);
    tcase_add_test(tcase, succeed_and_fail_have_fired_already);
    tcase_add_test(tcase, null_is_refused_and_its_value_freed);
    tcase_add_test(tcase, a_step_needs_a_function);
    tcase_add_test(tcase, steps_run_in_order_and_edit_the_result);
    tcase_add_test(tcase, a_pair_runs_the_one_of_its_kind);
    tcase_add_test(tcase, steps_added_after_firing_run_at_once);
    tcase_add_test(tcase, steps_added_by_a_step_run_after_those_that_are_there);
    tcase_add_test(tcase, a_hundred_thousand_steps_that_add_steps_cost_linear_time);
    tcase_add_test(tcase, a_step_may_destroy_the_owner_of_its_deferred);
    tcase_add_test(tcase, a_step_may_release_its_own_deferred_inside_add);
    tcase_add_test(tcase, a_replaced_value_is_freed_at_once);
    tcase_add_test(tcase, the_old_value_set_again_has_a_new_destroy);
    tcase_add_test(tcase, a_taken_value_belongs_to_the_taker);
    tcase_add_test(tcase, taking_leaves_a_failure);
    tcase_add_test(tcase, a_failure_may_be_made_of_the_one_that_is_there);
    tcase_add_test(tcase, a_result_that_is_cleared_releases_what_it_would_wait_for);
    tcase_add_test(tcase, what_is_given_to_no_result_is_freed);
    tcase_add_test(tcase, an_unhandled_failure_is_logged_once);
    tcase_add_test(tcase, the_failure_of_a_detached_deferred_is_logged_when_it_fires);
    tcase_add_test(tcase, a_handled_failure_is_not_logged);
    tcase_add_test(tcase, a_failure_after_a_release_from_a_step_is_logged);
    tcase_add_test(tcase, three_callbacks_cost_one_allocation_besides_the_deferred);
    tcase_add_test(tcase, a_fired_one_with_three_callbacks_costs_nothing_more);
    tcase_add_test(tcase, it_is_as_large_as_the_manual_says);
    tcase_add_test(tcase, without_memory_there_is_no_deferred_and_the_value_is_freed);
    tcase_add_test(tcase, a_step_without_memory_is_refused_and_the_others_stay);
    tcase_add_test(tcase, addBoth_calls_its_step_exactly_once_also_without_memory);
    tcase_add_test(tcase, addBoth_to_nothing_calls_its_step_at_once);
    return run_deferreds("deferreds", tcase);
}
