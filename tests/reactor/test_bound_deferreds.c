/* Deferreds that are bound to a protocol: they end before its connectionLost. */
#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static int freed, steps, failures;
static TorcDeferred *deferred;

static void count_freed(void *arg)
{
    ck_assert(TorcReactor_isInIOThread(reactor));
    ck_assert_ptr_eq(arg, &freed);
    freed++;
}

/* A step that uses the connection, as it may. */
static void use(TorcResult *result, void *arg)
{
    Recording *recording = arg;
    ck_assert(recording->protocol && recording->protocol->transport == recording->transport);
    steps++;
    Recording_note(recording,
                   result->reason ? TorcReason_kindName(TorcReason_kind(result->reason)) : "value");
}

static void begin_bound(int mode)
{
    freed = steps = failures = 0;
    begin_connected(mode);
    deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_ptr_nonnull(deferred);
    ck_assert_int_eq(TorcDeferred_bind(deferred, rec.protocol), 0);
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, use, &rec), 0);
}

static void break_connection(void)
{
    TorcTransport_abortConnection(rec.transport);
    settle();
}

static void count_failures(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    failures += strcmp(event->name, "deferred.unhandled") == 0;
}

static void watch_log(void)
{
    torc_setLogObserver(count_failures, NULL, TORC_LOG_ERROR);
}

/* ---- what happens -------------------------------------------------------------------------- */

START_TEST(it_is_cancelled_before_connectionLost)
{
    begin_bound(_i);
    watch_log();
    TorcDeferred_detach(deferred);
    break_connection();
    ck_assert_str_eq(rec.log, "made OPERATION_CANCELLED lost:ABORTED");
    ck_assert_int_eq(TorcDeferred_callback(deferred, &freed, count_freed), 0); /* too late */
    ck_assert_int_eq(freed, 1);
    ck_assert_int_eq(failures, 0); /* nobody asks for it */
    end();
}
END_TEST

START_TEST(a_result_in_time_is_delivered_and_the_end_finds_nothing)
{
    begin_bound(_i);
    TorcDeferred_detach(deferred);
    ck_assert_int_eq(TorcDeferred_callback(deferred, &freed, count_freed), 0);
    ck_assert_int_eq(freed, 1);
    break_connection();
    ck_assert_str_eq(rec.log, "made value lost:ABORTED");
    end();
}
END_TEST

START_TEST(the_receivers_pointer_stays_good)
{
    begin_bound(_i);
    break_connection();
    ck_assert_int_eq(steps, 1);
    ck_assert_ptr_nonnull(TorcDeferred_result(deferred));
    TorcDeferred_release(deferred);
    ck_assert_int_eq(TorcDeferred_callback(deferred, &freed, count_freed), 0);
    ck_assert_int_eq(freed, 1);
    end();
}
END_TEST

START_TEST(a_released_one_leaves_the_list)
{
    begin_bound(_i);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(TorcDeferred_callback(deferred, &freed, count_freed), 0);
    break_connection();
    ck_assert_str_eq(rec.log, "made OPERATION_CANCELLED lost:ABORTED");
    end();
}
END_TEST

static TorcDeferred *inner;

static void wait_for_inner(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_wait(result, inner);
}

START_TEST(what_a_step_waits_for_is_cancelled)
{
    begin_connected(_i);
    steps = 0;
    inner = TorcDeferred_new(NULL, NULL);
    deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(deferred, wait_for_inner, NULL);
    ck_assert_int_eq(TorcDeferred_bind(deferred, rec.protocol), 0);
    TorcDeferred_addBoth(deferred, use, &rec);
    TorcDeferred_detach(deferred);
    TorcDeferred_callback(deferred, NULL, NULL);
    ck_assert_int_eq(steps, 0);
    break_connection();
    ck_assert_str_eq(rec.log, "made OPERATION_CANCELLED lost:ABORTED");
    TorcDeferred_callback(inner, NULL, NULL);
    ck_assert_int_eq(steps, 1);
    end();
}
END_TEST

START_TEST(steps_that_were_held_back_run_before_the_end)
{
    begin_bound(_i);
    TorcDeferred_pause(deferred);
    TorcDeferred_callback(deferred, &freed, count_freed);
    TorcDeferred_detach(deferred);
    ck_assert_int_eq(steps, 0);
    break_connection();
    ck_assert_str_eq(rec.log, "made value lost:ABORTED");
    ck_assert_int_eq(freed, 1);
    end();
}
END_TEST

START_TEST(the_steps_of_before_are_kept)
{
    begin_connected(_i);
    steps = 0;
    deferred = TorcDeferred_new(NULL, NULL);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(TorcDeferred_addBoth(deferred, use, &rec), 0);
    ck_assert_int_eq(TorcDeferred_bind(deferred, rec.protocol), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(TorcDeferred_addBoth(deferred, use, &rec), 0);
    TorcDeferred_detach(deferred);
    break_connection();
    ck_assert_int_eq(steps, 12);
    TorcDeferred_callback(deferred, NULL, NULL);
    end();
}
END_TEST

static void bind_too_late(Recording *recording)
{
    TorcDeferred *late = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_bind(late, recording->protocol), -ENOTCONN);
    TorcDeferred_detach(late);
    TorcDeferred_callback(late, NULL, NULL);
    Recording_note(recording, "late");
}

START_TEST(nothing_can_be_bound_to_a_connection_that_has_ended)
{
    begin_connected(_i);
    rec.on[RECORD_LOST] = bind_too_late;
    break_connection();
    ck_assert_ptr_nonnull(strstr(rec.log, "late"));
    end();
}
END_TEST

static void release_other(TorcResult *result, void *arg)
{
    TorcDeferred **other = arg;
    (void)result;
    steps++;
    *other = TorcDeferred_release(*other);
}

START_TEST(one_that_ends_may_release_the_others)
{
    TorcDeferred *made[3];
    TorcDeferred *left[3];
    begin_connected(_i);
    steps = 0;
    for (int i = 0; i < 3; i++) {
        made[i] = left[i] = TorcDeferred_new(NULL, NULL);
        ck_assert_int_eq(TorcDeferred_bind(made[i], rec.protocol), 0);
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            if (k != i)
                TorcDeferred_addErrback(made[i], release_other, &left[k]);
    break_connection();
    for (int i = 0; i < 3; i++) {
        TorcDeferred_release(left[i]);
        TorcDeferred_callback(made[i], NULL, NULL);
    }
    ck_assert_int_gt(steps, 0);
    end();
}
END_TEST

START_TEST(delayed_calls_and_deferreds_end_together)
{
    TorcDelayedCall call;
    begin_bound(_i);
    TorcDeferred_detach(deferred);
    const TorcCall *bound =
        TORC_CALL(count_freed, &freed, .destroy = count_freed, .protocol = rec.protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1, bound, &call), 0);
    break_connection();
    ck_assert_int_eq(freed, 1);
    ck_assert(!TorcDelayedCall_active(call));
    ck_assert_int_eq(steps, 1);
    TorcDeferred_callback(deferred, NULL, NULL);
    end();
}
END_TEST

/* ---- results of threads -------------------------------------------------------------------- */

static void compute(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_set(result, &freed, count_freed);
}

START_TEST(the_result_of_a_thread_is_freed_on_the_reactors_when_the_connection_is_gone)
{
    freed = steps = 0;
    begin_connected(_i);
    TorcSim_setJobDelay(sim, 1.0);
    ck_assert_int_eq(TorcReactor_deferToThread(reactor, compute, NULL, &deferred), 0);
    ck_assert_int_eq(TorcDeferred_bind(deferred, rec.protocol), 0);
    TorcDeferred_addBoth(deferred, use, &rec);
    TorcDeferred_detach(deferred);
    break_connection();
    ck_assert_str_eq(rec.log, "made OPERATION_CANCELLED lost:ABORTED");
    TorcSim_advance(sim, 10);
    ck_assert_int_eq(freed, 1);
    ck_assert_int_eq(steps, 1);
    end();
}
END_TEST

START_TEST(the_result_of_a_thread_comes_while_the_connection_is_there)
{
    freed = steps = 0;
    begin_connected(_i);
    ck_assert_int_eq(TorcReactor_deferToThread(reactor, compute, NULL, &deferred), 0);
    ck_assert_int_eq(TorcDeferred_bind(deferred, rec.protocol), 0);
    TorcDeferred_addBoth(deferred, use, &rec);
    TorcDeferred_detach(deferred);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made value");
    ck_assert_int_eq(freed, 1);
    end();
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------ */

START_TEST(bad_arguments_change_nothing)
{
    TorcProtocol loose = {0};
    begin_bound(_i);
    ck_assert_int_eq(TorcDeferred_bind(NULL, rec.protocol), -EINVAL);
    ck_assert_int_eq(TorcDeferred_bind(deferred, NULL), -EINVAL);
    ck_assert_int_eq(TorcDeferred_bind(deferred, rec.protocol), -EBUSY);
    TorcDeferred *another = TorcDeferred_new(NULL, NULL);
    ck_assert_int_eq(TorcDeferred_bind(another, &loose), -EINVAL);
    TorcDeferred_detach(another);
    TorcDeferred_callback(another, NULL, NULL);
    TorcDeferred_detach(deferred);
    TorcDeferred_callback(deferred, NULL, NULL);
    ck_assert_str_eq(rec.log, "made value");
    end();
}
END_TEST

START_TEST(without_memory_it_goes_on_unbound)
{
    begin_connected(EDGE);
    steps = 0;
    int refused = 0;
    for (long k = 0; refused == (int)k; k++) {
        deferred = TorcDeferred_new(NULL, NULL);
        TorcDeferred_addBoth(deferred, use, &rec);
        FailingMemory_start(k);
        int r = TorcDeferred_bind(deferred, rec.protocol);
        FailingMemory_stop();
        ck_assert(r == 0 || r == -ENOMEM);
        refused += r == -ENOMEM;
        TorcDeferred_detach(deferred);
        TorcDeferred_callback(deferred, NULL, NULL);
    }
    ck_assert_int_gt(refused, 0);
    ck_assert_int_eq(steps, refused + 1);
    end();
}
END_TEST

RUN_LOOP_TESTS(
    "bound deferreds", {it_is_cancelled_before_connectionLost, MODES},
    {a_result_in_time_is_delivered_and_the_end_finds_nothing, WHOLE_MODES},
    {the_receivers_pointer_stays_good, WHOLE_MODES}, {a_released_one_leaves_the_list, WHOLE_MODES},
    {what_a_step_waits_for_is_cancelled, 1}, {steps_that_were_held_back_run_before_the_end, 1},
    {the_steps_of_before_are_kept, 1},
    {nothing_can_be_bound_to_a_connection_that_has_ended, WHOLE_MODES},
    {one_that_ends_may_release_the_others, 1}, {delayed_calls_and_deferreds_end_together, 1},
    {the_result_of_a_thread_is_freed_on_the_reactors_when_the_connection_is_gone, WHOLE_MODES},
    {the_result_of_a_thread_comes_while_the_connection_is_there, WHOLE_MODES},
    {bad_arguments_change_nothing, 1}, {without_memory_it_goes_on_unbound, 1})
