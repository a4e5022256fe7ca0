/* The real system's loop: how long it waits, and what wakes it, on every backend. */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "tests/support/failing_memory.h"
#include "tests/support/real_system.h"

/* ---- the timer ----------------------------------------------------------------------------- */

/* How many waits it takes to reach the deadline. */
static int waits_until(int64_t deadline)
{
    int waits = 0;
    while (now() < deadline) {
        ck_assert_int_eq(wait_until(deadline), 0);
        waits++;
    }
    return waits;
}

START_TEST(wait_ends_at_the_deadline_never_early_and_hardly_late)
{
    open_variant(_i);
    int64_t least_late = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t deadline = now() + 7 * MILLISECOND;
        int waits = waits_until(deadline);
        int64_t late = now() - deadline;
        if (late < least_late)
            least_late = late;
        /* The timerfd is never early; libevent's timer may need a second attempt. */
        ck_assert_int_le(waits, _i < 3 ? 1 : 3);
    }
    /* libevent alone would be late by up to 8 ms; a loaded machine may spoil most attempts. */
    ck_assert_int_lt(least_late, 5 * MILLISECOND);
    close_system();
}
END_TEST

static unsigned timer_sets(void)
{
    return torc__real(sys)->timer_sets;
}

static void wait_and_be_woken(int64_t deadline)
{
    sys->ops->wake(sys);
    ck_assert_int_eq(wait_until(deadline), 0);
}

START_TEST(timer_is_set_only_for_an_earlier_deadline)
{
    open_variant(_i);
    int64_t start = now();
    wait_and_be_woken(INT64_MAX);
    ck_assert_uint_eq(timer_sets(), 0);
    wait_and_be_woken(start + 60000 * MILLISECOND);
    ck_assert_uint_eq(timer_sets(), 1);
    wait_and_be_woken(start + 60000 * MILLISECOND);
    wait_and_be_woken(start + 90000 * MILLISECOND);
    wait_and_be_woken(INT64_MAX);
    wait_and_be_woken(start + 60000 * MILLISECOND);
    ck_assert_uint_eq(timer_sets(), 1);
    wait_and_be_woken(start + 30000 * MILLISECOND);
    ck_assert_uint_eq(timer_sets(), 2);
    close_system();
}
END_TEST

START_TEST(timer_is_not_set_when_the_wait_does_not_block)
{
    open_variant(_i);
    int64_t start = now();
    ck_assert_int_eq(wait_until(0), 0);
    ck_assert_int_eq(wait_until(INT64_MIN), 0);
    ck_assert_int_eq(wait_until(start), 0);
    ck_assert_uint_eq(timer_sets(), 0);
    ck_assert_int_lt(now() - start, 1000 * MILLISECOND);
    close_system();
}
END_TEST

START_TEST(an_expired_timer_ends_one_wait_and_no_more)
{
    open_variant(_i);
    /* Set for soon, then not waited for: the stale expiry may cost one return, not a spin. */
    wait_and_be_woken(now() + 5 * MILLISECOND);
    sleep_for(10 * MILLISECOND);
    int waits = waits_until(now() + 30 * MILLISECOND);
    ck_assert_int_le(waits, _i < 3 ? 2 : 4);
    close_system();
}
END_TEST

static void *wake_later(void *arg)
{
    (void)arg;
    sleep_for(20 * MILLISECOND);
    sys->ops->wake(sys);
    return NULL;
}

START_TEST(an_expired_timer_leaves_an_endless_wait_alone)
{
    open_variant(_i);
    waits_until(now() + 5 * MILLISECOND);
    int64_t start = now();
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_later, NULL), 0);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_ge(now() - start, 20 * MILLISECOND);
    pthread_join(thread, NULL);
    close_system();
}
END_TEST

START_TEST(a_deadline_beyond_any_clock_is_waited_for)
{
    open_variant(_i);
    wait_and_be_woken(INT64_MAX - 1);
    sys->ops->wake(sys);
    ck_assert_int_eq(wait_until(INT64_MAX - 2), 0);
    close_system();
}
END_TEST

/* ---- wake ---------------------------------------------------------------------------------- */

START_TEST(wake_before_the_wait_ends_it_at_once)
{
    open_variant(_i);
    for (int i = 0; i < 3; i++) {
        sys->ops->wake(sys);
        ck_assert_int_eq(wait_until(INT64_MAX), 0);
    }
    close_system();
}
END_TEST

START_TEST(many_wakes_neither_block_nor_outlast_the_wait) /* THR-2 */
{
    open_variant(_i);
    errno = EILSEQ;
    for (int i = 0; i < 20000; i++) /* a pipe holds 8192 of them */
        sys->ops->wake(sys);
    ck_assert_int_eq(errno, EILSEQ);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    int waits = 0;
    for (int64_t deadline = now() + 20 * MILLISECOND; now() < deadline; waits++)
        ck_assert_int_eq(wait_until(deadline), 0);
    ck_assert_int_le(waits, _i < 3 ? 1 : 140); /* a pipe is emptied 64 wakes at a time */
    close_system();
}
END_TEST

START_TEST(wake_from_another_thread_ends_an_endless_wait)
{
    open_variant(_i);
    int64_t start = now();
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_later, NULL), 0);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_ge(now() - start, 20 * MILLISECOND); /* and nothing else did */
    pthread_join(thread, NULL);
    close_system();
}
END_TEST

static volatile sig_atomic_t alarms;

static void wake_from_handler(int signo)
{
    (void)signo;
    if (++alarms == 2)
        sys->ops->wake(sys);
}

/* BUG-39 */
START_TEST(wake_from_a_signal_handler_ends_the_wait_and_the_signal_alone_does_not) /* LOOP-15 */
{
    open_variant(_i);
    alarms = 0;
    struct sigaction action = {.sa_handler = wake_from_handler}, previous;
    sigaction(SIGALRM, &action, &previous);
    struct itimerval interval = {{0, 10000}, {0, 10000}}, none = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &interval, NULL);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    setitimer(ITIMER_REAL, &none, NULL);
    ck_assert_int_ge(alarms, 2);
    sigaction(SIGALRM, &previous, NULL);
    close_system();
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

/* select copies its sets, for which it allocates in its first wait and after they have grown. */
START_TEST(a_wait_without_memory_says_so_and_the_next_goes_on)
{
    open_variant(_i);
    sys->ops->wake(sys);
    errno = EBADF; /* of another call, long ago */
    FailingMemory_startForEver(0);
    int r = wait_until(INT64_MAX);
    FailingMemory_stop();
    ck_assert_int_eq(r, strcmp(sys->backend, "select") == 0 ? -ENOMEM : 0);
    sys->ops->wake(sys);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    close_system();
}
END_TEST

/* ---- coming and going ---------------------------------------------------------------------- */

static Suite *suite(void)
{
    Suite *s = suite_create("waiting of the real system");

    TCase *timer = tcase_create("timer");
    tcase_add_loop_test(timer, wait_ends_at_the_deadline_never_early_and_hardly_late, 0, VARIANTS);
    tcase_add_loop_test(timer, timer_is_set_only_for_an_earlier_deadline, 0, VARIANTS);
    tcase_add_loop_test(timer, timer_is_not_set_when_the_wait_does_not_block, 0, VARIANTS);
    tcase_add_loop_test(timer, an_expired_timer_ends_one_wait_and_no_more, 0, VARIANTS);
    tcase_add_loop_test(timer, an_expired_timer_leaves_an_endless_wait_alone, 0, VARIANTS);
    tcase_add_loop_test(timer, a_deadline_beyond_any_clock_is_waited_for, 0, VARIANTS);
    suite_add_tcase(s, timer);

    TCase *wake = tcase_create("wake");
    tcase_add_loop_test(wake, wake_before_the_wait_ends_it_at_once, 0, VARIANTS);
    tcase_add_loop_test(wake, many_wakes_neither_block_nor_outlast_the_wait, 0, VARIANTS);
    tcase_add_loop_test(wake, wake_from_another_thread_ends_an_endless_wait, 0, VARIANTS);
    tcase_add_loop_test(
        wake, wake_from_a_signal_handler_ends_the_wait_and_the_signal_alone_does_not, 0, VARIANTS);
    suite_add_tcase(s, wake);

    TCase *memory = tcase_create("memory");
    tcase_add_loop_test(memory, a_wait_without_memory_says_so_and_the_next_goes_on, 0, VARIANTS);
    suite_add_tcase(s, memory);

    return s;
}

RUN_SUITE(suite)
