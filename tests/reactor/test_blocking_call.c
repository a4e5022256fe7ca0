/* blockingCallFromThread, from real threads and once from a simulated job. THR-7, THR-9. */
#include "thread_results_fixture.h"

/* ---- blockingCallFromThread ---------------------------------------------------------------- */

static void make_value(TorcResult *result, void *arg)
{
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    ck_assert_ptr_null(result->value);
    ran++;
    TorcResult_set(result, arg, free_here);
}

static void make_failure(TorcResult *result, void *arg)
{
    TorcResult_failWith(result, arg);
}

static void make_later(TorcResult *result, void *arg)
{
    TorcDeferred *later = TorcReactor_deferLater(reactor, 0.001, NULL, NULL);
    TorcDeferred_addCallback(later, make_value, arg);
    TorcResult_wait(result, later);
}

static TorcDeferred *endless;

static void make_endless(TorcResult *result, void *arg)
{
    (void)arg;
    endless = cancellable();
    TorcResult_wait(result, endless);
    sem_post(&entered);
}

typedef struct Blocking {
    TorcDeferredFunction *function;
    void *arg;
    bool drops_result;
    bool goes_on; /* the reactor is not stopped afterwards */
} Blocking;

static void block(void *arg)
{
    const Blocking *blocking = arg;
    r_blocking = TorcReactor_blockingCallFromThread(reactor, blocking->function, blocking->arg,
                                                    blocking->drops_result ? NULL : &brought);
    if (!blocking->goes_on)
        TorcReactor_callFromThread(reactor, stop_reactor, NULL);
}

static void block_in_pool(Blocking *blocking)
{
    ck_assert_int_eq(TorcReactor_callInThread(reactor, block, blocking), 0);
}

START_TEST(a_thread_gets_the_result) /* THR-9 */
{
    block_in_pool(&(Blocking){.function = make_value, .arg = value(5)});
    run();
    ck_assert_int_eq(r_blocking, 0);
    ck_assert_int_eq(((Value *)brought.value)->number, 5);
    ck_assert_int_eq(freed_values(), 0);
}
END_TEST

START_TEST(a_thread_waits_for_a_deferred) /* THR-9 */
{
    block_in_pool(&(Blocking){.function = make_later, .arg = value(5)});
    run();
    ck_assert_int_eq(r_blocking, 0);
    ck_assert_int_eq(((Value *)brought.value)->number, 5);
}
END_TEST

START_TEST(a_failure_is_a_result_of_its_own) /* THR-9 */
{
    TorcReason *shared = TorcReason_new(TORC_OPERATION_FAILED, -EIO, "the disk is gone");
    block_in_pool(&(Blocking){.function = make_failure, .arg = shared});
    run();
    ck_assert_int_eq(r_blocking, 0);
    ck_assert_ptr_ne(brought.reason, shared); /* counted without a lock */
    ck_assert_int_eq(TorcReason_code(brought.reason), -EIO);
    ck_assert_str_eq(TorcReason_text(brought.reason), "the disk is gone");
    ck_assert_int_eq(unhandled, 0);
    TorcReason_unref(shared);
}
END_TEST

START_TEST(a_result_that_nobody_wants_is_freed_on_the_calling_thread)
{
    block_in_pool(&(Blocking){.function = make_value, .arg = value(5), .drops_result = true});
    run();
    ck_assert_int_eq(r_blocking, 0);
    ck_assert_int_eq(freed_values(), 1);
    ck_assert(!pthread_equal(freed_on, loop_thread));
}
END_TEST

static void write_letter_result(TorcResult *result, void *arg)
{
    (void)result;
    write_letter(arg);
}

static void post_and_block(void *arg)
{
    (void)arg;
    TorcReactor_callFromThread(reactor, write_letter, named("a"));
    TorcReactor_callFromThread(reactor, write_letter, named("b"));
    TorcReactor_blockingCallFromThread(reactor, write_letter_result, named("c"), NULL);
    TorcReactor_callFromThread(reactor, write_letter, named("d"));
    TorcReactor_callFromThread(reactor, stop_reactor, NULL);
}

START_TEST(it_keeps_its_place_among_posted_calls) /* THR-1, THR-9 */
{
    order[0] = '\0';
    TorcReactor_callInThread(reactor, post_and_block, NULL);
    run();
    ck_assert_str_eq(order, "abcd");
}
END_TEST

static int r_inside;

static void block_inside(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    r_inside = TorcReactor_blockingCallFromThread(reactor, make_value, NULL, NULL);
}

START_TEST(on_the_reactors_own_thread_it_is_refused) /* THR-9 */
{
    ck_assert_int_eq(TorcReactor_blockingCallFromThread(reactor, make_value, NULL, NULL), -EDEADLK);
    block_in_pool(&(Blocking){.function = block_inside});
    run();
    ck_assert_int_eq(r_blocking, 0);
    ck_assert_int_eq(r_inside, -EDEADLK);
    ck_assert_int_eq(ran, 0);
}
END_TEST

/* A call that will never have a result has begun. */
static void interrupt_when_begun(void *arg)
{
    if (endless)
        interrupt_twice(NULL);
    else
        call_later(0, interrupt_when_begun, arg);
}

START_TEST(a_thread_that_still_waits_when_the_pool_is_joined_is_sent_home) /* THR-7, BUG-52 */
{
    endless = NULL;
    block_in_pool(&(Blocking){.function = make_endless, .goes_on = true});
    call_later(0, interrupt_when_begun, NULL);
    run();
    ck_assert_int_eq(r_blocking, -ECANCELED);
    ck_assert_int_eq(cancellations, 1);

    /* The next run takes calls again. */
    block_in_pool(&(Blocking){.function = make_value, .arg = value(1)});
    run();
    ck_assert_int_eq(r_blocking, 0);
}
END_TEST

static void wait_and_block(void *arg)
{
    sem_post(&entered);
    await(&gate);
    block(arg);
}

START_TEST(one_that_comes_while_the_pool_is_joined_is_sent_home) /* THR-7 */
{
    Blocking blocking = {.function = make_value, .goes_on = true};
    TorcReactor_suggestThreadPoolSize(reactor, 1);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, wait_and_block, &blocking), 0);
    defer_dropped();
    call_later(0, interrupt_twice, NULL);
    run();
    ck_assert_int_eq(r_blocking, -ECANCELED);
    ck_assert_int_eq(ran, 0);
}
END_TEST

/* A thread of the application's own. */
static void *block_on_thread(void *arg)
{
    block(arg);
    return NULL;
}

START_TEST(free_sends_waiting_threads_home)
{
    pthread_t thread;
    Blocking blocking = {.function = _i ? make_endless : make_value, .goes_on = true};
    ck_assert_int_eq(pthread_create(&thread, NULL, block_on_thread, &blocking), 0);
    while (!torc__posted_waiting(&reactor->posted))
        sched_yield();
    if (_i) /* it begins */
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    TorcReactor_free(reactor);
    reactor = NULL;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(r_blocking, -ECANCELED);
    ck_assert_int_eq(cancellations, _i);
    ck_assert_int_eq(ran, 0);
}
END_TEST

START_TEST(it_waits_for_the_next_run)
{
    pthread_t thread;
    Blocking blocking = {.function = make_value, .arg = value(3)};
    ck_assert_int_eq(pthread_create(&thread, NULL, block_on_thread, &blocking), 0);
    run();
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(r_blocking, 0);
}
END_TEST

static void count_call(TorcResult *result, void *arg)
{
    (void)result;
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    ++*(int *)arg;
}

static void *call_often(void *arg)
{
    for (int i = 0; i < 500; i++)
        if (TorcReactor_blockingCallFromThread(reactor, count_call, arg, NULL) != 0)
            abort();
    if (++ran == 4)
        TorcReactor_callFromThread(reactor, stop_reactor, NULL);
    return NULL;
}

START_TEST(many_threads_may_wait_at_a_time)
{
    pthread_t threads[4];
    int count = 0;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, &count), 0);
    run();
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(count, 4 * 500);
}
END_TEST

/* ---- in a simulation, with memory that is counted ------------------------------------------ */

START_TEST(a_simulated_job_cannot_wait_for_its_own_thread) /* THR-9 */
{
    r_inside = 0;
    TorcDeferred_detach(defer(block_inside, NULL));
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(r_inside, -EDEADLK);
}
END_TEST

static TCase *real_case(void)
{
    TCase *tcase = tcase_create("threads");
    tcase_add_checked_fixture(tcase, begin_real, end_real);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_thread_gets_the_result);
    tcase_add_test(tcase, a_thread_waits_for_a_deferred);
    tcase_add_test(tcase, a_failure_is_a_result_of_its_own);
    tcase_add_test(tcase, a_result_that_nobody_wants_is_freed_on_the_calling_thread);
    tcase_add_test(tcase, it_keeps_its_place_among_posted_calls);
    tcase_add_test(tcase, on_the_reactors_own_thread_it_is_refused);
    tcase_add_test(tcase, a_thread_that_still_waits_when_the_pool_is_joined_is_sent_home);
    tcase_add_test(tcase, one_that_comes_while_the_pool_is_joined_is_sent_home);
    tcase_add_loop_test(tcase, free_sends_waiting_threads_home, 0, 2);
    tcase_add_test(tcase, it_waits_for_the_next_run);
    tcase_add_test(tcase, many_threads_may_wait_at_a_time);
    return tcase;
}

static TCase *simulated_case(void)
{
    TCase *tcase = tcase_create("simulated");
    tcase_add_checked_fixture(tcase, begin_simulated, end);
    tcase_add_test(tcase, a_simulated_job_cannot_wait_for_its_own_thread);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("blocking calls");
    suite_add_tcase(suite, real_case());
    suite_add_tcase(suite, simulated_case());
    return run_suite(suite);
}
