/* Semaphores of deferreds. DEF-12. */
#include "deferred_fixture.h"

static TorcDeferredSemaphore *semaphore;

static void begin(void)
{
    set_up();
    semaphore = TorcDeferredSemaphore_new(1);
}

static void end(void)
{
    TorcDeferredSemaphore_free(semaphore);
    tear_down();
}

static TorcDeferred *acquire(const char *name)
{
    TorcDeferred *deferred = TorcDeferredSemaphore_acquire(semaphore);
    ck_assert_ptr_nonnull(deferred);
    TorcDeferred_addBoth(deferred, note, named(name));
    return deferred;
}

static void release(void)
{
    ck_assert_int_eq(TorcDeferredSemaphore_release(semaphore), 0);
}

/* ---- acquire and release ------------------------------------------------------------------- */

START_TEST(a_token_is_had_at_once_and_then_in_order) /* DEF-12 */
{
    TorcDeferred *a = acquire("a"), *b = acquire("b"), *c = acquire("c");
    ck_assert_str_eq(notes, "a:NULL ");
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 0);
    ck_assert_uint_eq(TorcDeferredSemaphore_waiting(semaphore), 2);
    release();
    ck_assert_str_eq(notes, "a:NULL b:NULL ");
    release();
    ck_assert_str_eq(notes, "a:NULL b:NULL c:NULL ");
    release();
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 1);
    TorcDeferred_release(a);
    TorcDeferred_release(b);
    TorcDeferred_release(c);
}
END_TEST

START_TEST(releasing_what_nobody_has_is_refused) /* DEF-12 */
{
    ck_assert_int_eq(TorcDeferredSemaphore_release(semaphore), -EINVAL);
    ck_assert_int_eq(TorcDeferredSemaphore_release(NULL), -EINVAL);
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 1);
}
END_TEST

START_TEST(cancelling_takes_one_out_of_the_queue) /* DEF-12 */
{
    TorcDeferred *a = acquire("a"), *b = acquire("b"), *c = acquire("c"), *d = acquire("d");
    notes[0] = '\0';
    TorcDeferred_release(c);
    ck_assert_str_eq(notes, "c:OPERATION_CANCELLED ");
    ck_assert_uint_eq(TorcDeferredSemaphore_waiting(semaphore), 2);
    TorcDeferred_release(d); /* the last */
    TorcDeferred *e = acquire("e");
    TorcDeferred_release(b); /* the first */
    notes[0] = '\0';
    release();
    ck_assert_str_eq(notes, "e:NULL ");
    ck_assert_uint_eq(TorcDeferredSemaphore_waiting(semaphore), 0);
    release();
    TorcDeferred_release(a);
    TorcDeferred_release(e);
}
END_TEST

START_TEST(a_fired_one_that_is_cancelled_keeps_its_token)
{
    TorcDeferred *a = acquire("a");
    TorcDeferred_cancel(a);
    TorcDeferred_release(a);
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 0);
}
END_TEST

static void release_and_acquire(TorcResult *result, void *arg)
{
    TorcDeferred **again = arg;
    note(result, named("first"));
    release();
    *again = acquire("again");
}

START_TEST(who_waits_is_served_before_who_comes_again) /* DEF-12 */
{
    TorcDeferred *again = NULL;
    TorcDeferred *a = acquire("a");
    TorcDeferred *b = TorcDeferredSemaphore_acquire(semaphore);
    TorcDeferred_addBoth(b, release_and_acquire, &again);
    TorcDeferred *c = acquire("c");
    release();
    ck_assert_str_eq(notes, "a:NULL first:NULL c:NULL ");
    release();
    ck_assert_str_eq(notes, "a:NULL first:NULL c:NULL again:NULL ");
    TorcDeferred_release(a);
    TorcDeferred_release(b);
    TorcDeferred_release(c);
    TorcDeferred_release(again);
}
END_TEST

/* ---- run ----------------------------------------------------------------------------------- */

static TorcDeferred *work; /* what the function waits for; NULL: nothing */
static int running, most;

static void do_work(TorcResult *result, void *arg)
{
    note(result, arg);
    running++;
    most = running > most ? running : most;
    if (work)
        TorcResult_wait(result, work);
    work = NULL;
}

static void work_done(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    running--;
}

static TorcDeferred *begin_run(const char *name)
{
    TorcDeferred *done = TorcDeferredSemaphore_run(semaphore, do_work, named(name));
    ck_assert_ptr_nonnull(done);
    return done;
}

START_TEST(run_holds_a_token_until_what_the_function_returned_has_fired) /* DEF-12 */
{
    TorcDeferred *job = work = cancellable();
    TorcDeferred *done = begin_run("a");
    TorcDeferred *b = acquire("b");
    ck_assert_str_eq(notes, "a:NULL ");
    TorcDeferred_callback(job, value(1), free_value);
    ck_assert_str_eq(notes, "a:NULL b:NULL ");
    ck_assert_ptr_eq(TorcDeferred_result(done)->value, &values[0]);
    release();
    TorcDeferred_release(done);
    TorcDeferred_release(b);
}
END_TEST

START_TEST(run_gives_the_token_back_after_a_failure) /* DEF-12 */
{
    TorcDeferred *done = TorcDeferredSemaphore_run(semaphore, fail_step, named("no"));
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 1);
    TorcDeferred_addErrback(done, note, named("done"));
    TorcDeferred_addErrback(done, handle_step, NULL);
    ck_assert_str_eq(notes, "done:OPERATION_FAILED ");
    TorcDeferred_release(done);
}
END_TEST

START_TEST(run_cancelled_while_it_works_cancels_the_work)
{
    work = cancellable();
    TorcDeferred *done = begin_run("a");
    TorcDeferred_release(done);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 1);
}
END_TEST

START_TEST(run_cancelled_in_the_queue_calls_the_function_with_the_failure) /* DEF-12 */
{
    TorcDeferred *a = acquire("a");
    TorcDeferred *done = begin_run("b");
    TorcDeferred_release(done);
    ck_assert_str_eq(notes, "a:NULL b:OPERATION_CANCELLED ");
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 0);
    release();
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 1);
    TorcDeferred_release(a);
}
END_TEST

START_TEST(no_more_run_at_a_time_than_there_are_tokens)
{
    TorcDeferredSemaphore_free(semaphore);
    semaphore = TorcDeferredSemaphore_new(3);
    TorcDeferred *done[10], *jobs[10];
    for (int i = 0; i < 10; i++) {
        jobs[i] = NULL;
        done[i] = begin_run("w");
    }
    ck_assert_int_eq(running, 10); /* nothing to wait for: each had its turn */
    running = most = 0;
    for (int i = 0; i < 10; i++) {
        TorcDeferred_release(done[i]);
        jobs[i] = work = cancellable();
        done[i] = begin_run("w");
        TorcDeferred_addBoth(done[i], work_done, NULL);
        if (i >= 3) {
            work = NULL; /* it has not had its turn: it will wait for nothing */
            TorcDeferred_release(jobs[i]);
        }
    }
    ck_assert_int_eq(running, 3);
    ck_assert_uint_eq(TorcDeferredSemaphore_waiting(semaphore), 7);
    for (int i = 0; i < 3; i++)
        TorcDeferred_callback(jobs[i], NULL, NULL);
    ck_assert_int_eq(running, 0);
    ck_assert_int_le(most, 4); /* the next begins inside the last step of the one before */
    for (int i = 0; i < 10; i++)
        TorcDeferred_release(done[i]);
}
END_TEST

static int stack_low;
static const char *stack_base;

static void note_depth(TorcResult *result, void *arg)
{
    (void)result;
    const char here = 0;
    int depth = (int)((const char *)arg - &here);
    stack_low = depth > stack_low ? depth : stack_low;
}

START_TEST(any_number_may_wait_in_constant_stack)
{
    const char base = 0;
    stack_base = &base;
    enum { MANY = 100000 };
    TorcDeferred *a = acquire("a");
    for (int i = 0; i < MANY; i++)
        TorcDeferred_detach(TorcDeferredSemaphore_run(semaphore, note_depth, named(stack_base)));
    release();
    ck_assert_uint_eq(TorcDeferredSemaphore_waiting(semaphore), 0);
    ck_assert_int_lt(stack_low, 64 * 1024);
    TorcDeferred_release(a);
}
END_TEST

/* ---- freeing ------------------------------------------------------------------------------- */

static void acquire_again(TorcResult *result, void *arg)
{
    note(result, arg);
    TorcDeferred *again = TorcDeferredSemaphore_acquire(semaphore);
    ck_assert(TorcDeferred_called(again));
    TorcDeferred_addBoth(again, note, named("again"));
    TorcDeferred_addErrback(again, handle_step, NULL);
    TorcDeferred_release(again);
    TorcResult_clear(result);
}

START_TEST(free_cancels_all_who_wait)
{
    TorcDeferred *a = acquire("a");
    TorcDeferred *b = TorcDeferredSemaphore_acquire(semaphore);
    TorcDeferred_addErrback(b, acquire_again, named("b"));
    TorcDeferredSemaphore_free(semaphore);
    semaphore = NULL;
    ck_assert_str_eq(notes, "a:NULL b:OPERATION_CANCELLED again:OPERATION_CANCELLED ");
    TorcDeferred_release(a);
    TorcDeferred_release(b);
    TorcDeferredSemaphore_free(NULL);
}
END_TEST

START_TEST(what_runs_goes_on_after_free)
{
    TorcDeferred *job = work = cancellable();
    TorcDeferred *done = begin_run("a");
    TorcDeferredSemaphore_free(semaphore);
    semaphore = NULL;
    TorcDeferred_callback(job, value(1), free_value);
    ck_assert_ptr_eq(TorcDeferred_result(done)->value, &values[0]);
    TorcDeferred_release(done);
}
END_TEST

static void free_in_step(TorcResult *result, void *arg)
{
    note(result, arg);
    TorcDeferredSemaphore_free(semaphore);
    semaphore = NULL;
}

START_TEST(it_may_be_freed_by_the_step_that_it_runs)
{
    TorcDeferred *a = acquire("a");
    TorcDeferred *b = TorcDeferredSemaphore_acquire(semaphore);
    TorcDeferred_addBoth(b, free_in_step, named("b"));
    TorcDeferred *c = acquire("c");
    release();
    ck_assert_str_eq(notes, "a:NULL b:NULL c:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(c, handle_step, NULL);
    TorcDeferred_release(a);
    TorcDeferred_release(b);
    TorcDeferred_release(c);
}
END_TEST

/* ---- arguments and memory ------------------------------------------------------------------ */

START_TEST(a_semaphore_needs_a_token) /* DEF-12 */
{
    errno = 0;
    ck_assert_ptr_null(TorcDeferredSemaphore_new(0));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcDeferredSemaphore_acquire(NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(NULL), 0);
    ck_assert_uint_eq(TorcDeferredSemaphore_waiting(NULL), 0);
}
END_TEST

static int run_code;

static void note_run_code(TorcResult *result, void *arg)
{
    (void)arg;
    ck_assert_int_eq(run_code, 1);
    run_code = result->reason ? TorcReason_code(result->reason) : 0;
}

START_TEST(run_calls_its_function_also_when_it_cannot_be_begun)
{
    run_code = 1;
    errno = 0;
    ck_assert_ptr_null(TorcDeferredSemaphore_run(NULL, note_run_code, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(run_code, -EINVAL);
    ck_assert_ptr_null(TorcDeferredSemaphore_run(semaphore, NULL, NULL));
    TorcDeferred *done = NULL;
    for (long k = 0; !done; k++) {
        run_code = 1;
        failing_memory.fail_at = failing_memory.allocations + k;
        long live = FailingMemory_live();
        done = TorcDeferredSemaphore_run(semaphore, note_run_code, NULL);
        FailingMemory_recover();
        ck_assert_int_eq(run_code, done ? 0 : -ENOMEM);
        ck_assert(done || FailingMemory_live() == live);
        ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 1);
    }
    TorcDeferred_release(done);
}
END_TEST

START_TEST(without_memory_nothing_is_acquired_and_nothing_left)
{
    errno = 0;
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_ptr_null(TorcDeferredSemaphore_new(1));
    ck_assert_int_eq(errno, ENOMEM);
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_ptr_null(TorcDeferredSemaphore_acquire(semaphore));
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(semaphore), 1);
    TorcDeferred *a = acquire("a");
    for (long k = 0; k < 2; k++) {
        failing_memory.fail_at = failing_memory.allocations + k;
        ck_assert_ptr_null(TorcDeferredSemaphore_acquire(semaphore));
        ck_assert_uint_eq(TorcDeferredSemaphore_waiting(semaphore), 0);
    }
    TorcDeferred_release(a);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("semaphore");
    tcase_add_test(tcase, a_token_is_had_at_once_and_then_in_order);
    tcase_add_test(tcase, releasing_what_nobody_has_is_refused);
    tcase_add_test(tcase, cancelling_takes_one_out_of_the_queue);
    tcase_add_test(tcase, a_fired_one_that_is_cancelled_keeps_its_token);
    tcase_add_test(tcase, who_waits_is_served_before_who_comes_again);
    tcase_add_test(tcase, run_holds_a_token_until_what_the_function_returned_has_fired);
    tcase_add_test(tcase, run_gives_the_token_back_after_a_failure);
    tcase_add_test(tcase, run_cancelled_while_it_works_cancels_the_work);
    tcase_add_test(tcase, run_cancelled_in_the_queue_calls_the_function_with_the_failure);
    tcase_add_test(tcase, no_more_run_at_a_time_than_there_are_tokens);
    tcase_add_test(tcase, any_number_may_wait_in_constant_stack);
    tcase_add_test(tcase, free_cancels_all_who_wait);
    tcase_add_test(tcase, what_runs_goes_on_after_free);
    tcase_add_test(tcase, it_may_be_freed_by_the_step_that_it_runs);
    tcase_add_test(tcase, a_semaphore_needs_a_token);
    tcase_add_test(tcase, run_calls_its_function_also_when_it_cannot_be_begun);
    tcase_add_test(tcase, without_memory_nothing_is_acquired_and_nothing_left);
    return run_deferreds_with("semaphores of deferreds", tcase, begin, end);
}
