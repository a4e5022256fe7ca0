/* deferToThread and callMultipleInThread: with real threads where they are the subject, in a
 * simulation where they are not. THR-7, THR-8, THR-10, THR-11. */
#include "thread_results_fixture.h"

static void stop_step(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    (void)TorcReactor_stop(reactor);
}

static void work_and_wait(TorcResult *result, void *arg)
{
    sem_post(&entered);
    await(&gate);
    work(result, arg);
}

static void work_and_fail(TorcResult *result, void *arg)
{
    TorcResult_fail(result, TORC_OPERATION_FAILED, -EIO, "%s", (const char *)arg);
}

static void defer_noting(TorcDeferredFunction *function, void *arg)
{
    TorcDeferred *done = defer(function, arg);
    TorcDeferred_addBoth(done, note_here, named("done"));
    TorcDeferred_addErrback(done, handle_step, NULL);
    TorcDeferred_detach(done);
}

/* ---- deferToThread ------------------------------------------------------------------------- */

START_TEST(the_result_comes_back_on_the_reactors_thread) /* THR-8 */
{
    TorcDeferred *done = defer(work, value(7));
    TorcDeferred_addBoth(done, note_here, named("done"));
    TorcDeferred_addBoth(done, stop_step, NULL);
    run();
    ck_assert_str_eq(notes, "done:7 ");
    TorcDeferred_release(done);
    ck_assert(pthread_equal(freed_on, loop_thread));
}
END_TEST

START_TEST(a_failure_comes_back_too) /* THR-8, THR-6 */
{
    TorcDeferred *done = defer(work_and_fail, named("no such table"));
    TorcDeferred_addBoth(done, note_here, named("done"));
    TorcDeferred_addBoth(done, stop_step, NULL);
    run();
    const TorcReason *reason = TorcDeferred_result(done)->reason;
    ck_assert_str_eq(TorcReason_text(reason), "no such table");
    ck_assert_int_eq(TorcReason_code(reason), -EIO);
    TorcDeferred_addErrback(done, handle_step, NULL);
    TorcDeferred_release(done);
}
END_TEST

START_TEST(a_failure_that_nobody_takes_is_logged) /* THR-6 */
{
    ck_assert_int_eq(
        TorcReactor_deferToThread(reactor, work_and_fail, named("no such table"), NULL), 0);
    TorcReactor_callWhenRunning(reactor, stop_reactor, NULL);
    run();
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

static void leave_deferred(TorcResult *result, void *arg)
{
    TorcResult_wait(result, arg);
}

START_TEST(a_deferred_is_refused_and_released_on_the_reactors_thread)
{
    defer_noting(leave_deferred, cancellable());
    TorcReactor_callWhenRunning(reactor, stop_reactor, NULL);
    run();
    ck_assert_str_eq(notes, "done:OPERATION_FAILED ");
    ck_assert_int_eq(cancellations, 1);
}
END_TEST

START_TEST(many_results_come_back_once_each)
{
    enum { MANY = 60 };
    for (int i = 0; i < MANY; i++)
        TorcDeferred_detach(defer(work, value(i)));
    TorcReactor_callWhenRunning(reactor, stop_reactor, NULL);
    run();
    ck_assert_int_eq(ran, MANY);
    ck_assert_int_eq(freed_values(), MANY);
}
END_TEST

static void cancel_and_open(void *arg)
{
    await(&entered);
    TorcDeferred_release(arg);
    sem_post(&gate);
    (void)TorcReactor_stop(reactor);
}

START_TEST(cancelled_it_fails_at_once_and_the_late_result_is_freed)
{
    TorcDeferred *done = defer(work_and_wait, value(1));
    TorcDeferred_addBoth(done, note_here, named("done"));
    TorcReactor_callWhenRunning(reactor, cancel_and_open, done);
    run();
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED ");
    ck_assert_int_eq(ran, 1);
    ck_assert(pthread_equal(freed_on, loop_thread));
}
END_TEST

START_TEST(stop_waits_for_jobs_and_delivers_their_results) /* THR-7 */
{
    TorcReactor_suggestThreadPoolSize(reactor, 1);
    defer_noting(work, value(1));
    defer_noting(work, value(2));
    defer_noting(work, value(3));
    TorcReactor_callWhenRunning(reactor, stop_reactor, NULL);
    run();
    ck_assert_str_eq(notes, "done:1 done:2 done:3 ");
}
END_TEST

static void defer_two(void)
{
    TorcReactor_suggestThreadPoolSize(reactor, 1);
    defer_noting(work_and_wait, value(1));
    defer_dropped();
}

START_TEST(a_second_signal_drops_waiting_jobs_and_each_deferred_fires_once) /* THR-7 */
{
    defer_two();
    call_later(0, interrupt_twice, NULL);
    run();
    ck_assert_str_eq(notes, "dropped:OPERATION_CANCELLED ");
    ck_assert_int_eq(ran, 1);
    TorcReactor_callWhenRunning(reactor, stop_reactor, NULL);
    run(); /* the answer of the one that ran was posted */
    ck_assert_str_eq(notes, "dropped:OPERATION_CANCELLED done:1 ");
}
END_TEST

START_TEST(free_drops_jobs_and_answers_and_each_deferred_fires_once) /* THR-7 */
{
    defer_two();
    TorcReactor_free(reactor);
    reactor = NULL;
    ck_assert_str_eq(notes, "dropped:OPERATION_CANCELLED done:OPERATION_CANCELLED ");
    ck_assert_int_eq(ran, 1);
}
END_TEST

/* ---- whose thread -------------------------------------------------------------------------- */

static int in_io[3];

static void ask_in_pool(void *arg)
{
    (void)arg;
    in_io[1] = TorcReactor_isInIOThread(reactor);
    TorcReactor_callFromThread(reactor, stop_reactor, NULL);
}

static void ask_in_loop(void *arg)
{
    (void)arg;
    in_io[0] = TorcReactor_isInIOThread(reactor);
}

static void *run_on_thread(void *arg)
{
    (void)arg;
    loop_thread = pthread_self();
    run();
    return NULL;
}

START_TEST(threads_know_whether_they_are_the_reactors) /* THR-10 */
{
    ck_assert(TorcReactor_isInIOThread(reactor)); /* who made it, as long as nobody runs it */
    ck_assert(!TorcReactor_isInIOThread(NULL));
    in_io[0] = in_io[1] = 7;
    TorcReactor_callWhenRunning(reactor, ask_in_loop, NULL);
    TorcReactor_callInThread(reactor, ask_in_pool, NULL);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_on_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(in_io[0], 1);
    ck_assert_int_eq(in_io[1], 0);
    ck_assert(!TorcReactor_isInIOThread(reactor));
}
END_TEST

static void write_last_letter(void *arg)
{
    write_letter(arg);
    stop_reactor(NULL);
}

static void arm(void *arg)
{
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    call_later(0, write_last_letter, arg);
}

static void *post_arm(void *arg)
{
    TorcReactor_callFromThread(reactor, arm, arg);
    return NULL;
}

START_TEST(a_thread_that_wants_a_delayed_call_posts_it) /* TIME-13 */
{
    pthread_t thread;
    order[0] = '\0';
    ck_assert_int_eq(pthread_create(&thread, NULL, post_arm, named("t")), 0);
    run();
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(order, "t");
}
END_TEST

/* ---- callMultipleInThread ------------------------------------------------------------------ */

static pthread_t letter_thread;
static atomic_int destroyed;

static void write_letter_there(void *arg)
{
    if (order[0] && !pthread_equal(pthread_self(), letter_thread))
        abort();
    letter_thread = pthread_self();
    write_letter(arg);
}

static void count_destroy(void *arg)
{
    (void)arg;
    destroyed++;
}

START_TEST(several_functions_run_in_order_on_one_thread) /* THR-8, THR-11 */
{
    order[0] = '\0';
    destroyed = 0;
    const TorcCall calls[] = {*TORC_CALL(write_letter_there, named("a")),
                              *TORC_CALL(write_letter_there, named("b"), .destroy = count_destroy),
                              *TORC_CALL(write_letter_there, named("c"))};
    ck_assert_int_eq(TorcReactor_callMultipleInThread(reactor, calls, 3), 0);
    TorcReactor_callWhenRunning(reactor, stop_reactor, NULL);
    run();
    ck_assert_str_eq(order, "abc");
    ck_assert_int_eq(destroyed, 1);
    ck_assert(!pthread_equal(letter_thread, loop_thread));
}
END_TEST

/* ---- in a simulation, with memory that is counted ------------------------------------------ */

START_TEST(several_functions_are_taken_or_none)
{
    TorcProtocol protocol = {0};
    TorcCall calls[] = {*TORC_CALL(write_letter, named("a"), .destroy = count_destroy),
                        *TORC_CALL(write_letter, named("b"), .destroy = count_destroy)};
    destroyed = 0;
    order[0] = '\0';
    fail_from(0);
    ck_assert_int_eq(TorcReactor_callMultipleInThread(reactor, calls, 2), -ENOMEM);
    FailingMemory_recover();
    ck_assert_int_eq(destroyed, 2);
    ck_assert_int_eq(TorcReactor_callMultipleInThread(NULL, calls, 2), -EINVAL);
    ck_assert_int_eq(destroyed, 4);
    ck_assert_int_eq(TorcReactor_callMultipleInThread(reactor, NULL, 2), -EINVAL);
    ck_assert_int_eq(TorcReactor_callMultipleInThread(reactor, calls, 0), -EINVAL);
    calls[1].protocol = &protocol;
    ck_assert_int_eq(TorcReactor_callMultipleInThread(reactor, calls, 2), -EINVAL);
    ck_assert_int_eq(destroyed, 6);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(order, "");
}
END_TEST

static void set_value(TorcResult *result, void *arg)
{
    TorcResult_set(result, arg, free_value);
}

START_TEST(a_simulated_job_gives_its_result_in_virtual_time) /* THR-8 */
{
    TorcDeferred *done = defer(set_value, value(4));
    note_done(done);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "done:4 ");
    TorcDeferred_release(done);
}
END_TEST

START_TEST(without_memory_nothing_is_handed_in)
{
    int r = -ENOMEM;
    for (long k = 0; r == -ENOMEM; k++) {
        fail_from(k);
        r = TorcReactor_deferToThread(reactor, note, named("job"), NULL);
        FailingMemory_recover();
    }
    ck_assert_int_eq(r, 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(notes, "job:NULL ");
}
END_TEST

START_TEST(a_job_that_the_pool_refuses_leaves_nothing_behind)
{
    TorcDeferred *done = (TorcDeferred *)&values;
    TorcSim_failCall(sim, TORC_SIM_SUBMIT, 1, EAGAIN, 1);
    ck_assert_int_eq(TorcReactor_deferToThread(reactor, note, named("job"), &done), -EAGAIN);
    ck_assert_ptr_eq(done, &values);
    ck_assert_int_eq(TorcReactor_deferToThread(NULL, note, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_deferToThread(reactor, NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_blockingCallFromThread(NULL, note, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_blockingCallFromThread(reactor, NULL, NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(a_simulated_reactor_that_goes_cancels_what_waits)
{
    TorcReactor_suggestThreadPoolSize(reactor, 1);
    defer_noting(set_value, value(1)); /* a worker has it: it is finished, and not delivered */
    defer_noting(set_value, NULL);     /* dropped */
    end_reactor();
    ck_assert_str_eq(notes, "done:OPERATION_CANCELLED done:OPERATION_CANCELLED ");
}
END_TEST

static TCase *real_case(void)
{
    TCase *tcase = tcase_create("threads");
    tcase_add_checked_fixture(tcase, begin_real, end_real);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, the_result_comes_back_on_the_reactors_thread);
    tcase_add_test(tcase, a_failure_comes_back_too);
    tcase_add_test(tcase, a_failure_that_nobody_takes_is_logged);
    tcase_add_test(tcase, a_deferred_is_refused_and_released_on_the_reactors_thread);
    tcase_add_test(tcase, many_results_come_back_once_each);
    tcase_add_test(tcase, cancelled_it_fails_at_once_and_the_late_result_is_freed);
    tcase_add_test(tcase, stop_waits_for_jobs_and_delivers_their_results);
    tcase_add_test(tcase, a_second_signal_drops_waiting_jobs_and_each_deferred_fires_once);
    tcase_add_test(tcase, free_drops_jobs_and_answers_and_each_deferred_fires_once);
    tcase_add_test(tcase, threads_know_whether_they_are_the_reactors);
    tcase_add_test(tcase, a_thread_that_wants_a_delayed_call_posts_it);
    tcase_add_test(tcase, several_functions_run_in_order_on_one_thread);
    return tcase;
}

static TCase *simulated_case(void)
{
    TCase *tcase = tcase_create("simulated");
    tcase_add_checked_fixture(tcase, begin_simulated, end);
    tcase_add_test(tcase, several_functions_are_taken_or_none);
    tcase_add_test(tcase, a_simulated_job_gives_its_result_in_virtual_time);
    tcase_add_test(tcase, without_memory_nothing_is_handed_in);
    tcase_add_test(tcase, a_job_that_the_pool_refuses_leaves_nothing_behind);
    tcase_add_test(tcase, a_simulated_reactor_that_goes_cancels_what_waits);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("results from threads");
    suite_add_tcase(suite, real_case());
    suite_add_tcase(suite, simulated_case());
    return run_suite(suite);
}
