/* The real system's thread pool: growth, order, resizing, and its end. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/memory_internal.h"
#include "tests/support/real_system.h"

enum { MOST_JOBS = 64 };

typedef struct Job {
    TorcJob base; /* first */
    int number;
    pthread_t thread;
    int runs;
    int drops;
    bool waits; /* for the gate */
    int opens;  /* the gate so often, when dropped */
} Job;

static Job jobs[MOST_JOBS];
static sem_t started, gate, done;
static atomic_int running, most_running;
static int order[MOST_JOBS];
static atomic_int order_count;

static void run(TorcJob *base)
{
    Job *job = (Job *)base;
    int now_running = ++running;
    int most = most_running;
    while (most < now_running && !atomic_compare_exchange_weak(&most_running, &most, now_running))
        ;
    job->runs++;
    job->thread = pthread_self();
    order[order_count++] = job->number;
    sem_post(&started);
    if (job->waits)
        sem_wait(&gate);
    running--;
    sem_post(&done);
}

static void drop(TorcJob *base)
{
    Job *job = (Job *)base;
    job->drops++;
    job->thread = pthread_self();
    for (int i = 0; i < job->opens; i++)
        sem_post(&gate);
}

static int submit(int number, bool waits)
{
    jobs[number] = (Job){.base = {.run = run, .drop = drop}, .number = number, .waits = waits};
    return sys->ops->submit(sys, &jobs[number].base);
}

static void submit_many(int first, int count, bool waits)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(submit(first + i, waits), 0);
}

static size_t pending(void)
{
    return sys->ops->jobs(sys, false);
}

static unsigned threads(void)
{
    TorcRealPool *pool = &torc__real(sys)->pool;
    pthread_mutex_lock(&pool->lock);
    unsigned count = pool->threads;
    pthread_mutex_unlock(&pool->lock);
    return count;
}

/* What follows from a job's end after `done` was posted happens a moment later. */
static void await_idle(void)
{
    while (pending() > 0)
        sleep_for(MILLISECOND / 10);
}

static void begin(void)
{
    sem_init(&started, 0, 0);
    sem_init(&gate, 0, 0);
    sem_init(&done, 0, 0);
    running = most_running = order_count = 0;
    memset(jobs, 0, sizeof jobs);
    open_system(); /* four threads */
}

static void end(void)
{
    close_system();
    sem_destroy(&started);
    sem_destroy(&gate);
    sem_destroy(&done);
}

START_TEST(a_job_runs_on_another_thread_and_the_pool_starts_empty) /* THR-3 */
{
    ck_assert_uint_eq(threads(), 0);
    submit_many(0, 1, false);
    await_posts(&done, 1);
    ck_assert_int_eq(jobs[0].runs, 1);
    ck_assert(!pthread_equal(jobs[0].thread, pthread_self()));
    ck_assert_uint_eq(threads(), 1);
}
END_TEST

START_TEST(an_idle_thread_takes_the_next_job) /* THR-4 */
{
    for (int i = 0; i < 20; i++) {
        submit_many(i, 1, false);
        await_posts(&done, 1);
        await_idle();
    }
    ck_assert_uint_eq(threads(), 1);
}
END_TEST

START_TEST(the_pool_grows_with_the_jobs_up_to_its_size) /* THR-4 */
{
    for (int i = 1; i <= 4; i++) {
        submit_many(i, 1, true);
        ck_assert_uint_eq(threads(), (unsigned)i);
    }
    await_posts(&started, 4);
    submit_many(5, 6, true);
    ck_assert_uint_eq(threads(), 4);
    ck_assert_uint_eq(pending(), 10);
    post(&gate, 10);
    await_posts(&done, 10);
    ck_assert_int_eq(most_running, 4);
}
END_TEST

START_TEST(jobs_run_in_the_order_of_arrival) /* THR-4 */
{
    sys->ops->setPoolSize(sys, 1);
    submit_many(0, MOST_JOBS, false);
    await_posts(&done, MOST_JOBS);
    for (int i = 0; i < MOST_JOBS; i++)
        ck_assert_int_eq(order[i], i);
}
END_TEST

START_TEST(a_larger_size_gives_waiting_jobs_threads_at_once) /* THR-5 */
{
    sys->ops->setPoolSize(sys, 1);
    submit_many(0, 4, true);
    await_posts(&started, 1);
    ck_assert_uint_eq(threads(), 1);
    sys->ops->setPoolSize(sys, 3);
    await_posts(&started, 2);
    ck_assert_uint_eq(threads(), 3);
    post(&gate, 4);
    await_posts(&done, 4);
}
END_TEST

static void await_threads(unsigned count)
{
    while (threads() != count)
        sleep_for(MILLISECOND / 10);
}

START_TEST(a_smaller_size_retires_threads_as_they_become_free) /* THR-5 */
{
    submit_many(0, 4, true);
    await_posts(&started, 4);
    sys->ops->setPoolSize(sys, 2);
    ck_assert_uint_eq(threads(), 4);
    post(&gate, 4);
    await_posts(&done, 4);
    await_threads(2);
    sys->ops->setPoolSize(sys, 1); /* an idle one leaves too */
    await_threads(1);
    most_running = 0;
    submit_many(4, 3, false);
    await_posts(&done, 3);
    ck_assert_int_eq(most_running, 1);
}
END_TEST

START_TEST(resizing_back_and_forth_loses_no_job)
{
    for (int i = 0; i < 600; i++) {
        if (i % MOST_JOBS == 0) {
            await_idle();
            order_count = 0;
        }
        submit_many(i % MOST_JOBS, 1, false);
        sys->ops->setPoolSize(sys, 1 + (unsigned)i % 4);
    }
    await_posts(&done, 600);
}
END_TEST

START_TEST(jobs_counts_those_waiting_and_running)
{
    ck_assert_uint_eq(pending(), 0);
    submit_many(0, 6, true);
    await_posts(&started, 4);
    ck_assert_uint_eq(pending(), 6);
    post(&gate, 6);
    await_posts(&done, 6);
    await_idle();
}
END_TEST

START_TEST(the_last_job_wakes_the_reactor_when_asked)
{
    submit_many(0, 6, true);
    ck_assert_uint_eq(sys->ops->jobs(sys, true), 6);
    post(&gate, 6);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_uint_eq(pending(), 0);
    /* Once only, and not unless asked. */
    submit_many(6, 1, false);
    await_posts(&done, 7);
    await_idle();
    int64_t deadline = now() + 20 * MILLISECOND;
    ck_assert_int_eq(wait_until(deadline), 0);
    ck_assert_int_ge(now(), deadline);
}
END_TEST

START_TEST(asking_with_no_job_does_not_wake)
{
    ck_assert_uint_eq(sys->ops->jobs(sys, true), 0);
    submit_many(0, 1, false);
    await_posts(&done, 1);
    await_idle();
    int64_t deadline = now() + 20 * MILLISECOND;
    ck_assert_int_eq(wait_until(deadline), 0);
    ck_assert_int_ge(now(), deadline);
}
END_TEST

START_TEST(endJobs_drops_waiting_jobs_here_and_waits_for_running_ones)
{
    submit_many(0, 10, true);
    await_posts(&started, 4);
    jobs[9].opens = 4; /* the running ones can end only after the last was dropped */
    sys->ops->endJobs(sys);
    ck_assert_int_eq(running, 0);
    ck_assert_uint_eq(pending(), 0);
    ck_assert_uint_eq(threads(), 0);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(jobs[i].runs, i < 4);
        ck_assert_int_eq(jobs[i].drops, i >= 4);
        if (i >= 4)
            ck_assert(pthread_equal(jobs[i].thread, pthread_self()));
    }
}
END_TEST

START_TEST(the_pool_works_again_after_endJobs)
{
    sys->ops->endJobs(sys);
    submit_many(0, 3, false);
    sys->ops->endJobs(sys);
    submit_many(3, 3, false);
    sem_destroy(&done);
    sem_init(&done, 0, 0);
    await_idle();
    for (int i = 3; i < 6; i++)
        ck_assert_int_eq(jobs[i].runs, 1);
}
END_TEST

static int refused;

static void drop_and_submit(TorcJob *base)
{
    drop(base);
    refused = submit(40, false);
}

START_TEST(a_job_submitted_while_others_are_dropped_is_refused)
{
    sys->ops->setPoolSize(sys, 1);
    submit_many(0, 1, true);
    await_posts(&started, 1);
    jobs[1] = (Job){.base = {.run = run, .drop = drop_and_submit}, .number = 1, .opens = 1};
    ck_assert_int_eq(sys->ops->submit(sys, &jobs[1].base), 0);
    refused = 1;
    sys->ops->endJobs(sys);
    ck_assert_int_eq(jobs[1].drops, 1);
    ck_assert_int_eq(refused, -EAGAIN);
    ck_assert_int_eq(jobs[40].runs, 0);
}
END_TEST

START_TEST(freeing_the_system_ends_the_pool)
{
    submit_many(0, 8, false);
    /* The fixture frees it; leak checkers and the count of descriptors do the rest. */
}
END_TEST

static void run_and_free(TorcJob *base)
{
    free(base);
    sem_post(&done);
}

static void drop_and_free(TorcJob *base)
{
    free(base);
}

START_TEST(a_job_may_free_itself)
{
    for (int i = 0; i < 100; i++) {
        TorcJob *job = malloc(sizeof *job);
        *job = (TorcJob){.run = run_and_free, .drop = drop_and_free};
        ck_assert_int_eq(sys->ops->submit(sys, job), 0);
        if (i == 10)
            await_posts(&done, 10);
    }
    sys->ops->endJobs(sys);
}
END_TEST

/* ---- surroundings of a job ----------------------------------------------------------------- */

static char name_seen[16];
static int blocked_seen[6];
static const int signals_tried[6] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGSEGV};

static void look_around(TorcJob *base)
{
    (void)base;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int i = 0; i < 6; i++)
        blocked_seen[i] = sigismember(&mask, signals_tried[i]);
    pthread_getname_np(pthread_self(), name_seen, sizeof name_seen);
    sem_post(&done);
}

START_TEST(pool_threads_have_a_name_and_leave_signals_to_others)
{
    TorcJob job = {.run = look_around};
    sigset_t before, after;
    sigemptyset(&before);
    sigemptyset(&after);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    ck_assert_int_eq(sys->ops->submit(sys, &job), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    await_posts(&done, 1);
    ck_assert_str_eq(name_seen, "torc-pool");
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(blocked_seen[i], 1);
    ck_assert_int_eq(blocked_seen[5], 0); /* a crash is the thread's own */
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(sigismember(&after, signals_tried[i]),
                         sigismember(&before, signals_tried[i]));
}
END_TEST

/* ---- no thread to be had (RELIABILITY A3, pthread_create) ---------------------------------- */

static int threads_left;

static int create_a_few(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                        void *arg)
{
    if (threads_left-- <= 0)
        return EAGAIN;
    return pthread_create(thread, attributes, start, arg);
}

START_TEST(without_any_thread_submit_is_refused)
{
    torc__real_calls.createThread = create_a_few;
    threads_left = 0;
    ck_assert_int_eq(submit(0, false), -EAGAIN);
    ck_assert_int_eq(jobs[0].drops, 0);
    ck_assert_uint_eq(pending(), 0);
    threads_left = 1;
    ck_assert_int_eq(submit(0, false), 0);
    await_posts(&done, 1);
    torc__real_calls.createThread = pthread_create;
}
END_TEST

START_TEST(with_fewer_threads_than_wanted_the_pool_works)
{
    torc__real_calls.createThread = create_a_few;
    threads_left = 2;
    submit_many(0, 10, true);
    await_posts(&started, 2);
    ck_assert_uint_eq(threads(), 2);
    post(&gate, 10);
    await_posts(&done, 10);
    torc__real_calls.createThread = pthread_create;
}
END_TEST

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void *no_memory_again(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

START_TEST(without_memory_for_a_thread_submit_is_refused)
{
    const TorcMemory memory = {no_memory, no_memory_again, free};
    torc__setMemory(&memory);
    int r = submit(0, false);
    torc__setMemory(NULL);
    ck_assert_int_eq(r, -EAGAIN);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("thread pool");
    TCase *t = tcase_create("pool");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_job_runs_on_another_thread_and_the_pool_starts_empty);
    tcase_add_test(t, an_idle_thread_takes_the_next_job);
    tcase_add_test(t, the_pool_grows_with_the_jobs_up_to_its_size);
    tcase_add_test(t, jobs_run_in_the_order_of_arrival);
    tcase_add_test(t, a_larger_size_gives_waiting_jobs_threads_at_once);
    tcase_add_test(t, a_smaller_size_retires_threads_as_they_become_free);
    tcase_add_test(t, resizing_back_and_forth_loses_no_job);
    tcase_add_test(t, jobs_counts_those_waiting_and_running);
    tcase_add_test(t, the_last_job_wakes_the_reactor_when_asked);
    tcase_add_test(t, asking_with_no_job_does_not_wake);
    tcase_add_test(t, endJobs_drops_waiting_jobs_here_and_waits_for_running_ones);
    tcase_add_test(t, the_pool_works_again_after_endJobs);
    tcase_add_test(t, a_job_submitted_while_others_are_dropped_is_refused);
    tcase_add_test(t, freeing_the_system_ends_the_pool);
    tcase_add_test(t, a_job_may_free_itself);
    tcase_add_test(t, pool_threads_have_a_name_and_leave_signals_to_others);
    tcase_add_test(t, without_any_thread_submit_is_refused);
    tcase_add_test(t, with_fewer_threads_than_wanted_the_pool_works);
    tcase_add_test(t, without_memory_for_a_thread_submit_is_refused);
    suite_add_tcase(s, t);
    return s;
}

RUN_SUITE(suite)
