/* What a handle of a cooperative task can do: pause, resume, stop; and when it is stale. TASK-6. */
#include "cooperator_fixture.h"

/* ---- pausing ------------------------------------------------------------------------------- */

START_TEST(pauses_nest) /* TASK-6 */
{
    cooperate_noting(&a);
    ck_assert_int_eq(TorcCooperativeTask_pause(a.task), 0);
    ck_assert_int_eq(TorcCooperativeTask_pause(a.task), 0);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(TorcCooperativeTask_resume(a.task), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "");
    ck_assert_int_eq(TorcCooperativeTask_resume(a.task), 0);
    ck_assert_int_eq(TorcCooperativeTask_resume(a.task), -EINVAL);
    ck_assert_str_eq(notes, "");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "aaadone:NULL ");
}
END_TEST

static void pause_inside(TorcResult *result, void *arg)
{
    Work *work = arg;
    (void)result;
    if (work->made == 1)
        ck_assert_int_eq(TorcCooperativeTask_pause(work->task), 0);
    if (work->made == 2) {
        ck_assert_int_eq(TorcCooperativeTask_pause(work->task), 0);
        ck_assert_int_eq(TorcCooperativeTask_resume(work->task), 0);
    }
}

START_TEST(a_task_may_be_paused_from_inside_its_step) /* TASK-6 */
{
    a.action = pause_inside;
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "a");
    ck_assert_int_eq(TorcCooperativeTask_resume(a.task), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "aaadone:NULL ");
}
END_TEST

START_TEST(a_pause_and_a_deferred_must_both_be_over) /* TASK-6 */
{
    TorcDeferred *slow = a.left = TorcDeferred_new(NULL, NULL);
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(TorcCooperativeTask_pause(a.task), 0);
    ck_assert_int_eq(TorcCooperativeTask_resume(a.task), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "a");
    ck_assert_int_eq(TorcCooperativeTask_pause(a.task), 0);
    TorcDeferred_callback(slow, NULL, NULL);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "a");
    ck_assert_int_eq(TorcCooperativeTask_resume(a.task), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "aaadone:NULL ");
}
END_TEST

/* ---- handles ------------------------------------------------------------------------------- */

static void assert_stale(TorcCooperativeTask task)
{
    ck_assert_int_eq(TorcCooperativeTask_pause(task), -TORC_ESTALE);
    ck_assert_int_eq(TorcCooperativeTask_resume(task), -TORC_ESTALE);
    ck_assert_int_eq(TorcCooperativeTask_stop(task), -TORC_ESTALE);
}

START_TEST(the_handle_of_a_task_that_has_ended_is_stale)
{
    assert_stale((TorcCooperativeTask){0});
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    assert_stale(a.task);
    cooperate_noting(&b); /* which has the other's place */
    ck_assert_int_eq(TorcCooperativeTask_pause(b.task), 0);
    assert_stale(a.task);
    assert_stale((TorcCooperativeTask){cooperator, b.task.id + 1});
    assert_stale((TorcCooperativeTask){cooperator, UINT64_MAX});
    ck_assert_int_eq(TorcCooperativeTask_stop(b.task), 0);
    assert_stale(b.task);
    ck_assert_str_eq(notes, "aaadone:NULL done:OPERATION_CANCELLED ");
}
END_TEST

enum { CROWD = 100 };

START_TEST(a_crowd_has_a_handle_each)
{
    static Work crowd[CROWD];
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (Work){.name = "c", .steps = 1000};
        ck_assert_int_eq(
            TorcCooperator_cooperate(cooperator, step, &crowd[i], &crowd[i].task, NULL), 0);
    }
    for (int i = 0; i < CROWD; i++)
        if (i != 70)
            ck_assert_int_eq(TorcCooperativeTask_pause(crowd[i].task), 0);
    TorcSim_advance(sim, 1);
    for (int i = 0; i < CROWD; i++)
        ck_assert_int_eq(crowd[i].made, i == 70 ? 1000 : 0);
}
END_TEST

/* ---- stopping ------------------------------------------------------------------------------ */

START_TEST(stop_ends_a_task) /* TASK-6 */
{
    cooperate_noting(&a);
    cooperate_noting(&b);
    ck_assert_int_eq(TorcCooperativeTask_stop(a.task), 0);
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED ");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED bbbdone:NULL ");
}
END_TEST

static void stop_inside(TorcResult *result, void *arg)
{
    (void)result;
    ck_assert_int_eq(TorcCooperativeTask_stop(((Work *)arg)->task), 0);
    ck_assert_str_eq(notes, "a");
}

START_TEST(stop_from_inside_a_step_comes_after_it) /* TASK-6 */
{
    a.action = stop_inside;
    a.left = cancellable();
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "adone:OPERATION_CANCELLED ");
    ck_assert_int_eq(cancellations, 1);
}
END_TEST

START_TEST(stop_releases_what_is_waited_for)
{
    a.left = cancellable();
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    TorcCooperativeTask_stop(a.task);
    ck_assert_str_eq(notes, "adone:OPERATION_CANCELLED ");
    ck_assert_int_eq(cancellations, 1);
}
END_TEST

START_TEST(what_goes_on_after_a_cancel_may_outlive_everything)
{
    TorcDeferred *more = TorcDeferred_new(NULL, NULL);
    TorcDeferred *stubborn = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addErrback(more, wait_step, stubborn);
    a.left = cancellable();
    TorcDeferred_addErrback(a.left, wait_step, more);
    cooperate_noting(&a);
    TorcSim_advance(sim, 1);
    TorcCooperativeTask_stop(a.task);
    TorcCooperator_free(cooperator);
    cooperator = NULL;
    ck_assert_str_eq(notes, "adone:OPERATION_CANCELLED ");
    TorcDeferred_errback(more, failed());
    TorcDeferred_callback(stubborn, NULL, NULL);
}
END_TEST

static bool endless(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    return true;
}

static void resume_other(TorcResult *result, void *arg)
{
    TorcResult_clear(result);
    (void)TorcCooperativeTask_resume(*(TorcCooperativeTask *)arg);
}

START_TEST(a_task_that_is_resumed_while_all_are_freed_ends_with_them)
{
    TorcCooperator *all = TorcCooperator_new(reactor);
    TorcCooperativeTask other;
    TorcDeferred *first_done;
    TorcDeferred *other_done;
    ck_assert_int_eq(TorcCooperator_cooperate(all, endless, NULL, &other, &other_done), 0);
    ck_assert_int_eq(TorcCooperator_cooperate(all, endless, NULL, NULL, &first_done), 0);
    TorcDeferred_addBoth(first_done, resume_other, &other);
    TorcDeferred_addErrback(other_done, handle_step, NULL);
    ck_assert_int_eq(TorcCooperativeTask_pause(other), 0);
    TorcSim_advance(sim, 0.001);
    TorcCooperator_free(all);
    ck_assert_uint_eq(timers(), 0);
    TorcSim_advance(sim, 1);
    ck_assert_ptr_nonnull(TorcDeferred_result(other_done));
    TorcDeferred_release(first_done);
    TorcDeferred_release(other_done);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("cooperator handles");
    tcase_add_test(tcase, pauses_nest);
    tcase_add_test(tcase, a_task_may_be_paused_from_inside_its_step);
    tcase_add_test(tcase, a_pause_and_a_deferred_must_both_be_over);
    tcase_add_test(tcase, the_handle_of_a_task_that_has_ended_is_stale);
    tcase_add_test(tcase, a_crowd_has_a_handle_each);
    tcase_add_test(tcase, stop_ends_a_task);
    tcase_add_test(tcase, stop_from_inside_a_step_comes_after_it);
    tcase_add_test(tcase, stop_releases_what_is_waited_for);
    tcase_add_test(tcase, what_goes_on_after_a_cancel_may_outlive_everything);
    tcase_add_test(tcase, a_task_that_is_resumed_while_all_are_freed_ends_with_them);
    return run_deferreds_with("cooperator handles", tcase, begin_cooperator, end_cooperator);
}
