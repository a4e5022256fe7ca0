/* react, on the real system: it makes its reactor itself. TASK-8. */
#include "task_fixture.h"

#include <signal.h>

static TorcReason *reason;
static TorcReactor *seen;
static bool stop_first;

static void begin_react(void)
{
    set_up();
    reason = (TorcReason *)&values; /* to see it set */
    seen = NULL;
}

static int react(TorcReactFunction *function, void *arg)
{
    return torc_react(function, arg, NULL, &reason);
}

static void leave_arg(TorcReactor *running, TorcResult *result, void *arg)
{
    ck_assert(TorcReactor_running(running));
    TorcResult_wait(result, arg);
}

static void leave_nothing(TorcReactor *running, TorcResult *result, void *arg)
{
    seen = running;
    ck_assert_ptr_null(result->value);
    write_note("main", arg);
}

START_TEST(a_function_that_leaves_nothing_is_all_there_is) /* TASK-8 */
{
    ck_assert_int_eq(react(leave_nothing, named("x")), 0);
    ck_assert_ptr_nonnull(seen);
    ck_assert_ptr_null(reason);
    ck_assert_str_eq(notes, "main:x ");
}
END_TEST

static void leave_later(TorcReactor *running, TorcResult *result, void *arg)
{
    TorcDeferred *later = TorcReactor_deferLater(running, 0.001, note, named("later"));
    TorcDeferred_addCallback(later, set_step, arg);
    TorcResult_wait(result, later);
}

START_TEST(it_runs_until_the_deferred_fires) /* TASK-8 */
{
    ck_assert_int_eq(react(leave_later, value(1)), 0);
    ck_assert_str_eq(notes, "later:NULL ");
    ck_assert_ptr_null(reason);
}
END_TEST

START_TEST(a_failure_is_the_result) /* TASK-8 */
{
    TorcReason *why = TorcReason_new(TORC_OPERATION_FAILED, -EIO, "the disk is gone");
    ck_assert_int_eq(react(leave_arg, TorcDeferred_fail(why)), -EIO);
    ck_assert_str_eq(TorcReason_text(reason), "the disk is gone");
    ck_assert_int_eq(unhandled, 0);
    TorcReason_unref(reason);
    TorcReason_unref(why);
}
END_TEST

START_TEST(a_failure_without_a_code_is_ECANCELED)
{
    ck_assert_int_eq(react(leave_arg, TorcDeferred_fail(failed())), -ECANCELED);
    ck_assert_ptr_eq(reason, failed());
}
END_TEST

START_TEST(a_failure_that_nobody_takes_is_logged) /* TASK-8 */
{
    ck_assert_int_eq(torc_react(leave_arg, TorcDeferred_fail(failed()), NULL, NULL), -ECANCELED);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

static void end_early(void *arg)
{
    int how = (int)(intptr_t)arg;
    if (how == 0)
        ck_assert_int_eq(TorcReactor_stop(seen), 0);
    else if (how == 1)
        ck_assert_int_eq(raise(SIGTERM), 0);
    else
        ck_assert_int_eq(TorcReactor_crash(seen), 0);
}

/* In a turn of its own, or at once. */
static void leave_endless(TorcReactor *running, TorcResult *result, void *arg)
{
    seen = running;
    TorcDeferred *endless = cancellable();
    TorcDeferred_addBoth(endless, note, named("main"));
    TorcResult_wait(result, endless);
    if (stop_first)
        end_early(arg);
    else
        ck_assert_int_eq(TorcReactor_callLater(running, 0.001, end_early, arg, NULL), 0);
}

START_TEST(stop_a_signal_and_crash_cancel_the_deferred) /* TASK-8 */
{
    stop_first = _i % 2;
    ck_assert_int_eq(react(leave_endless, (void *)(intptr_t)(_i / 2)), -ECANCELED);
    ck_assert_str_eq(notes, "main:OPERATION_CANCELLED ");
    ck_assert_int_eq(TorcReason_kind(reason), TORC_OPERATION_CANCELLED);
    ck_assert_int_eq(cancellations, 1);
}
END_TEST

/* What is cancelled takes its time, with the loop still turning. */
static void clean_up(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_wait(result, TorcReactor_deferLater(seen, 0.001, note, named("clean")));
}

static void leave_careful(TorcReactor *running, TorcResult *result, void *arg)
{
    seen = running;
    TorcDeferred *careful = cancellable();
    TorcDeferred_addErrback(careful, clean_up, NULL);
    TorcResult_wait(result, careful);
    ck_assert_int_eq(TorcReactor_callLater(running, 0, end_early, arg, NULL), 0);
}

START_TEST(the_shutdown_waits_until_the_deferred_has_its_result) /* TASK-8 */
{
    ck_assert_int_eq(react(leave_careful, NULL), 0);
    ck_assert_str_eq(notes, "clean:NULL ");
    ck_assert_ptr_null(reason);
}
END_TEST

static TorcDeferred *stubborn;

static void wait_stubbornly(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_wait(result, stubborn = TorcDeferred_new(NULL, NULL));
    TorcDeferred_addErrback(stubborn, wait_step, TorcReactor_deferLater(seen, 1000, NULL, NULL));
    /* Only now: two signals between two looks of the loop are one. */
    ck_assert_int_eq(TorcReactor_callLater(seen, 0, end_early, (void *)1, NULL), 0);
}

static void leave_stubborn(TorcReactor *running, TorcResult *result, void *arg)
{
    seen = running;
    TorcDeferred *careful = cancellable();
    TorcDeferred_addErrback(careful, wait_stubbornly, NULL);
    TorcResult_wait(result, careful);
    ck_assert_int_eq(TorcReactor_callLater(running, 0, end_early, arg, NULL), 0);
}

START_TEST(a_second_signal_does_not_wait_for_it)
{
    ck_assert_int_eq(react(leave_stubborn, (void *)1), -ECANCELED);
    TorcDeferred_callback(stubborn, NULL, NULL); /* its one firing */
    ck_assert_int_eq(TorcReason_kind(reason), TORC_OPERATION_CANCELLED);
}
END_TEST

START_TEST(what_keeps_the_reactor_from_running_is_the_result)
{
    const TorcReactorOptions *options = TORC_REACTOR_OPTIONS(.backend = "no such thing");
    reason = (TorcReason *)&reason;
    ck_assert_int_eq(torc_react(leave_nothing, NULL, options, &reason), -EINVAL);
    ck_assert_ptr_null(reason);
    ck_assert_int_eq(torc_react(NULL, NULL, NULL, NULL), -EINVAL);
    reason = (TorcReason *)&reason;
    ck_assert_int_eq(torc_react(NULL, NULL, NULL, &reason), -EINVAL);
    ck_assert_ptr_null(reason);
}
END_TEST

static void react_inside(TorcReactor *running, TorcResult *result, void *arg)
{
    (void)running;
    (void)result;
    TorcReason *inner = NULL;
    *(int *)arg = torc_react(leave_nothing, named("inner"), NULL, &inner);
    ck_assert_ptr_null(inner);
}

START_TEST(a_reactor_that_cannot_have_the_signals_does_not_run)
{
    int inner = 0;
    ck_assert_int_eq(react(react_inside, &inner), 0);
    ck_assert_int_eq(inner, -EBUSY);
    ck_assert_str_eq(notes, "");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(every_failing_allocation_is_reported)
{
    int r = -ENOMEM;
    for (long k = 0; r != 0; k++) {
        ck_assert_int_lt(k, 200);
        notes[0] = '\0';
        FailingMemory_start(k);
        r = torc_react(leave_nothing, named("x"), NULL, NULL);
        ck_assert(r == 0 || r == -ENOMEM);
        ck_assert_str_eq(notes, r == 0 ? "main:x " : "");
        ck_assert_int_eq(FailingMemory_live(), 0);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("react");
    tcase_add_test(tcase, a_function_that_leaves_nothing_is_all_there_is);
    tcase_add_test(tcase, it_runs_until_the_deferred_fires);
    tcase_add_test(tcase, a_failure_is_the_result);
    tcase_add_test(tcase, a_failure_without_a_code_is_ECANCELED);
    tcase_add_test(tcase, a_failure_that_nobody_takes_is_logged);
    tcase_add_loop_test(tcase, stop_a_signal_and_crash_cancel_the_deferred, 0, 6);
    tcase_add_test(tcase, the_shutdown_waits_until_the_deferred_has_its_result);
    tcase_add_test(tcase, a_second_signal_does_not_wait_for_it);
    tcase_add_test(tcase, what_keeps_the_reactor_from_running_is_the_result);
    tcase_add_test(tcase, a_reactor_that_cannot_have_the_signals_does_not_run);
    tcase_add_test(tcase, every_failing_allocation_is_reported);
    return run_deferreds_with("react", tcase, begin_react, tear_down);
}
