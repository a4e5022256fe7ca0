/* Cooperator, in virtual time: steps, slices, and the end of it. TASK-6. */
#include <limits.h>

#include "cooperator_fixture.h"

/* ---- steps and slices ---------------------------------------------------------------------- */

START_TEST(tasks_take_turns_one_step_at_a_time) /* TASK-6 */
{
    b.steps = 5;
    cooperate_noting(&a);
    cooperate_noting(&b);
    ck_assert_str_eq(notes, "");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(notes, "abab"
                            "adone:NULL bbbdone:NULL ");
    ck_assert_uint_eq(timers(), 0);
}
END_TEST

static int b_at_turn[4];

static void watch_turns(void *arg)
{
    int turn = (int)(intptr_t)arg;
    b_at_turn[turn] = a.made;
    if (turn < 3)
        call_later(0, watch_turns, (void *)(intptr_t)(turn + 1));
}

START_TEST(a_slice_ends_after_ten_milliseconds) /* TASK-6 */
{
    a.steps = 1000;
    step_time = 3 * 1000 * 1000;
    cooperate(&a);
    call_later(0, watch_turns, NULL);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(b_at_turn[0], 4); /* 3, 6, 9, 12 ms */
    ck_assert_int_eq(b_at_turn[1], 8);
    ck_assert_int_eq(b_at_turn[3], 16);
}
END_TEST

START_TEST(endless_work_lets_virtual_time_go_on)
{
    a.steps = INT_MAX;
    b.steps = INT_MAX;
    cooperate(&a);
    cooperate(&b);
    TorcSim_advance(sim, 1.005);
    ck_assert_int_eq(a.made, 101 * 50);
    ck_assert_int_eq(b.made, 101 * 50);
}
END_TEST

static void leave_value(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_set(result, value(1), free_value);
}

START_TEST(values_that_steps_leave_are_freed)
{
    a.action = leave_value;
    cooperate(&a);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(freed_values(), 3);
    ck_assert_ptr_null(TorcDeferred_result(a.done)->value);
}
END_TEST

START_TEST(without_outputs_a_task_goes_on_by_itself)
{
    ck_assert_int_eq(TorcCooperator_cooperate(cooperator, step, &a, NULL, NULL), 0);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(a.made, 3);
}
END_TEST

static void add_b(TorcResult *result, void *arg)
{
    (void)result;
    if (((Work *)arg)->made == 1)
        cooperate_noting(&b);
}

START_TEST(a_step_may_add_a_task)
{
    a.action = add_b;
    cooperate(&a);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(notes, "ababab"
                            "done:NULL ");
}
END_TEST

/* ---- waiting ------------------------------------------------------------------------------- */

START_TEST(a_deferred_pauses_its_task_only) /* TASK-6 */
{
    TorcDeferred *slow = a.left = TorcDeferred_new(NULL, NULL);
    cooperate_noting(&a);
    cooperate_noting(&b);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "abbbdone:NULL ");
    ck_assert_uint_eq(timers(), 0);
    TorcDeferred_callback(slow, NULL, NULL);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(notes, "abbbdone:NULL aadone:NULL ");
}
END_TEST

START_TEST(deferreds_that_have_fired_hold_nothing_up)
{
    a.left = TorcDeferred_succeed(value(1), free_value);
    cooperate_noting(&a);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(notes, "aaadone:NULL ");
}
END_TEST

START_TEST(what_the_last_step_leaves_is_waited_for)
{
    TorcDeferred *slow = a.left = TorcDeferred_new(NULL, NULL);
    a.steps = 1;
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "a");
    TorcDeferred_callback(slow, value(1), free_value);
    ck_assert_str_eq(notes, "adone:NULL ");
    ck_assert_int_eq(a.made, 1);
}
END_TEST

START_TEST(a_failed_deferred_fails_its_task) /* TASK-6 */
{
    TorcDeferred *slow = a.left = TorcDeferred_new(NULL, NULL);
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    TorcDeferred_errback(slow, failed());
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "adone:OPERATION_FAILED ");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

static void fail_at_2(TorcResult *result, void *arg)
{
    if (((Work *)arg)->made == 2)
        TorcResult_fail(result, TORC_OPERATION_FAILED, -EIO, NULL);
}

START_TEST(a_failure_ends_the_task) /* TASK-6 */
{
    a.action = fail_at_2;
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "aadone:OPERATION_FAILED ");
}
END_TEST

/* ---- the end ------------------------------------------------------------------------------- */

START_TEST(cancelling_done_stops_the_task) /* TASK-6 */
{
    cooperate_noting(&a);
    TorcDeferred_cancel(a.done);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED ");
}
END_TEST

static void cancel_inside(TorcResult *result, void *arg)
{
    (void)result;
    TorcDeferred_cancel(((Work *)arg)->done);
}

START_TEST(done_may_be_cancelled_from_inside_a_step)
{
    a.action = cancel_inside;
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "adone:OPERATION_CANCELLED ");
}
END_TEST

START_TEST(freeing_the_cooperator_ends_all_tasks) /* TASK-6 */
{
    cooperate_noting(&a);
    cooperate_noting(&b);
    TorcCooperator_free(cooperator);
    cooperator = NULL;
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED done:OPERATION_CANCELLED ");
    ck_assert_uint_eq(timers(), 0);
}
END_TEST

static int added_while_freed;

static void free_inside(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    TorcCooperator *freed = cooperator;
    cooperator = NULL;
    TorcCooperator_free(freed);
    added_while_freed = TorcCooperator_cooperate(freed, step, &b, NULL, NULL);
    TorcCooperator_free(freed);
}

START_TEST(a_step_may_free_the_cooperator)
{
    a.action = free_inside;
    cooperate_noting(&a);
    cooperate_noting(&b);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "adone:OPERATION_CANCELLED done:OPERATION_CANCELLED ");
    ck_assert_int_eq(added_while_freed, -ECANCELED);
}
END_TEST

static void free_in_destroy(void *arg)
{
    (void)arg;
    free_inside(NULL, NULL);
}

START_TEST(a_destroy_function_may_free_the_cooperator)
{
    TorcDeferred *slow = a.left = TorcDeferred_new(NULL, NULL);
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    TorcDeferred_callback(slow, &a, free_in_destroy);
    ck_assert_str_eq(notes, "adone:OPERATION_CANCELLED ");
}
END_TEST

static void free_done(TorcResult *result, void *arg)
{
    (void)result;
    TorcCooperator_free(*(TorcCooperator **)arg);
    cooperator = NULL;
}

START_TEST(a_task_that_ends_may_free_the_cooperator)
{
    cooperate(&a);
    cooperate_noting(&b);
    TorcDeferred_addBoth(a.done, free_done, &cooperator);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "ababadone:OPERATION_CANCELLED ");
}
END_TEST

START_TEST(when_the_reactor_goes_first_tasks_end_with_the_cooperator)
{
    cooperate_noting(&a);
    end_reactor();
    ck_assert_str_eq(notes, "");
    TorcCooperator_free(cooperator);
    cooperator = NULL;
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED ");
}
END_TEST

/* ---- bad arguments, no memory -------------------------------------------------------------- */

START_TEST(bad_arguments_are_refused)
{
    ck_assert_int_eq(TorcCooperator_cooperate(NULL, step, &a, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcCooperator_cooperate(cooperator, NULL, &a, NULL, NULL), -EINVAL);
    TorcCooperator_free(NULL);
    errno = 0;
    ck_assert_ptr_null(TorcCooperator_new(NULL));
    ck_assert_int_eq(errno, EINVAL);
    cooperate_noting(&a);
    ck_assert_int_eq(TorcCooperativeTask_resume(a.task), -EINVAL);
}
END_TEST

START_TEST(without_memory_nothing_is_added)
{
    int r = -ENOMEM;
    for (long k = 0; r == -ENOMEM; k++) {
        fail_from(k);
        r = TorcCooperator_cooperate(cooperator, step, &a, NULL, NULL);
        FailingMemory_recover();
        ck_assert_uint_eq(timers(), r == 0);
    }
    ck_assert_int_eq(r, 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "aaa");
}
END_TEST

static void use_up_memory(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    while (timers() < 63)
        call_later(1000, stop_reactor, NULL);
    fail_from(0);
}

START_TEST(without_memory_for_the_next_slice_tasks_fail)
{
    a.steps = b.steps = 1000;
    a.action = use_up_memory;
    cooperate_noting(&a);
    cooperate_noting(&b);
    TorcSim_advance(sim, 1);
    FailingMemory_recover();
    ck_assert_str_eq(notes, "done:OPERATION_FAILED done:OPERATION_FAILED ");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("cooperator");
    tcase_add_test(tcase, tasks_take_turns_one_step_at_a_time);
    tcase_add_test(tcase, a_slice_ends_after_ten_milliseconds);
    tcase_add_test(tcase, endless_work_lets_virtual_time_go_on);
    tcase_add_test(tcase, values_that_steps_leave_are_freed);
    tcase_add_test(tcase, without_outputs_a_task_goes_on_by_itself);
    tcase_add_test(tcase, a_step_may_add_a_task);
    tcase_add_test(tcase, a_deferred_pauses_its_task_only);
    tcase_add_test(tcase, deferreds_that_have_fired_hold_nothing_up);
    tcase_add_test(tcase, what_the_last_step_leaves_is_waited_for);
    tcase_add_test(tcase, a_failed_deferred_fails_its_task);
    tcase_add_test(tcase, a_failure_ends_the_task);
    tcase_add_test(tcase, cancelling_done_stops_the_task);
    tcase_add_test(tcase, done_may_be_cancelled_from_inside_a_step);
    tcase_add_test(tcase, freeing_the_cooperator_ends_all_tasks);
    tcase_add_test(tcase, a_step_may_free_the_cooperator);
    tcase_add_test(tcase, a_destroy_function_may_free_the_cooperator);
    tcase_add_test(tcase, a_task_that_ends_may_free_the_cooperator);
    tcase_add_test(tcase, when_the_reactor_goes_first_tasks_end_with_the_cooperator);
    tcase_add_test(tcase, bad_arguments_are_refused);
    tcase_add_test(tcase, without_memory_nothing_is_added);
    tcase_add_test(tcase, without_memory_for_the_next_slice_tasks_fail);
    return run_deferreds_with("cooperator", tcase, begin_cooperator, end_cooperator);
}
