/* callFromThread. */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>

#include <torc/reactor/threads.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "numbered_calls.h"
#include "protocols/protocol.h"

START_TEST(calls_run_in_the_order_of_posting) /* THR-1 */
{
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(TorcReactor_callFromThread(reactor, run_number, number(i)), 0);
    ck_assert_int_eq(ran_count, 0); /* never while posting, also on the reactor's own thread */
    ck_assert(torc__posted_waiting(&reactor->posted));
    torc__posted_run(reactor);
    ck_assert_int_eq(ran_count, 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(ran[i], i);
    ck_assert(!torc__posted_waiting(&reactor->posted));
}
END_TEST

START_TEST(a_batch_of_posts_wakes_the_loop_once) /* THR-2 */
{
    for (int batch = 1; batch <= 3; batch++) {
        for (int i = 0; i < 10; i++) {
            TorcReactor_callFromThread(reactor, run_number, number(i));
            ck_assert_int_eq(atomic_load(&fake.wakes), batch); /* by the first */
        }
        torc__posted_run(reactor);
    }
}
END_TEST

static void post_again(void *arg)
{
    run_number(arg);
    TorcReactor_callFromThread(reactor, run_number, number(100 + (int)(intptr_t)arg));
}

START_TEST(calls_posted_by_a_posted_call_run_in_the_next_batch) /* LOOP-2 */
{
    TorcReactor_callFromThread(reactor, post_again, number(1));
    TorcReactor_callFromThread(reactor, post_again, number(2));
    torc__posted_run(reactor);
    ck_assert_int_eq(ran_count, 2);
    ck_assert(torc__posted_waiting(&reactor->posted)); /* so the loop does not sleep first */
    torc__posted_run(reactor);
    ck_assert_int_eq(ran_count, 4);
    ck_assert_int_eq(ran[2], 101);
    ck_assert_int_eq(ran[3], 102);
}
END_TEST

static void check_not_destroyed(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(destroyed, 0);
}

START_TEST(destroy_runs_once_after_the_function)
{
    const TorcCall *call = TORC_CALL(check_not_destroyed, NULL, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, call), 0);
    ck_assert_int_eq(destroyed, 0);
    torc__posted_run(reactor);
    ck_assert_int_eq(ran_count, 1);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(dropped_calls_are_destroyed_and_not_run)
{
    FailingMemory_start(-1);
    for (int i = 0; i < 5; i++)
        TorcReactor_callFromThreadWith(reactor,
                                       TORC_CALL(run_number, NULL, .destroy = count_destroy));
    torc__posted_done(&reactor->posted);
    ck_assert_int_eq(ran_count, 0);
    ck_assert_int_eq(destroyed, 5);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

static void post_from_destroy(void *arg)
{
    (void)arg;
    destroyed++;
    TorcReactor_callFromThreadWith(reactor, TORC_CALL(run_number, NULL, .destroy = count_destroy));
}

START_TEST(what_a_dropped_call_posts_is_dropped_too)
{
    FailingMemory_start(-1);
    TorcReactor_callFromThreadWith(reactor,
                                   TORC_CALL(run_number, NULL, .destroy = post_from_destroy));
    torc__posted_done(&reactor->posted);
    ck_assert_int_eq(destroyed, 2);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(a_post_that_fails_is_destroyed_at_once)
{
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy);
    FailingMemory_start(0);
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, &call), -ENOMEM);
    ck_assert_int_eq(destroyed, 1);
    FailingMemory_start(0);
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, run_number, NULL), -ENOMEM);
    FailingMemory_stop();

    ck_assert_int_eq(TorcReactor_callFromThreadWith(NULL, &call), -EINVAL);
    ck_assert_int_eq(destroyed, 2);
    call.function = NULL;
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, &call), -EINVAL);
    ck_assert_int_eq(destroyed, 3);
    TorcProtocol protocol = {0};
    call.function = run_number;
    call.protocol = &protocol;
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, &call), -EINVAL);
    ck_assert_int_eq(destroyed, 4);
    ck_assert(!torc__posted_waiting(&reactor->posted));
    ck_assert_int_eq(atomic_load(&fake.wakes), 0);
}
END_TEST

START_TEST(a_call_can_be_filled_in_without_the_macro)
{
    TorcCall call;
    memset(&call, 0xff, sizeof(call));
    TorcCall_init(&call);
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, &call), -EINVAL); /* no function */
    call.function = run_number;
    call.arg = number(7);
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, &call), 0);
    torc__posted_run(reactor);
    ck_assert_int_eq(ran_count, 1);
    ck_assert_int_eq(ran[0], 7);
    TorcCall_init(NULL);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    ck_assert_int_eq(TorcReactor_callFromThread(NULL, run_number, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, NULL), -EINVAL);
    TorcCall sizeless = {.function = run_number};
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, &sizeless), -EINVAL);
}
END_TEST

/* ---- many threads -------------------------------------------------------------------------- */

enum { POSTERS = 4, POSTS = 25000 };

typedef struct Poster {
    pthread_t thread;
    int index;
    int next; /* the number that must come next; the reactor's thread only */
} Poster;

typedef struct Post {
    Poster *poster;
    int number;
} Post;

static Poster posters[POSTERS];
static Post posts[POSTERS][POSTS];
static sem_t woken;
static int received;

static void wake_up(void *arg)
{
    (void)arg;
    sem_post(&woken);
}

static void receive(void *arg)
{
    Post *post = arg;
    ck_assert_int_eq(post->number, post->poster->next);
    post->poster->next++;
    received++;
}

static void *post_all(void *arg)
{
    Poster *poster = arg;
    for (int i = 0; i < POSTS; i++) {
        posts[poster->index][i] = (Post){poster, i};
        TorcReactor_callFromThread(reactor, receive, &posts[poster->index][i]);
    }
    return NULL;
}

/* The receiver sleeps as the loop does: only when nothing waits, and until it is woken. A lost
 * wake-up would hang it. */
/* BUG-52 */
START_TEST(posts_of_many_threads_all_arrive_in_order_and_none_sleeps_unnoticed) /* THR-1, THR-2 */
{
    sem_init(&woken, 0, 0);
    fake.on_wake = wake_up;
    for (int i = 0; i < POSTERS; i++) {
        posters[i].index = i;
        ck_assert_int_eq(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    int batches = 0;
    while (received < POSTERS * POSTS) {
        if (!torc__posted_waiting(&reactor->posted))
            sem_wait(&woken);
        torc__posted_run(reactor);
        batches++;
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    ck_assert(!torc__posted_waiting(&reactor->posted));
    ck_assert_int_le(atomic_load(&fake.wakes), batches);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("call_queue");
    tcase_set_timeout(tcase, 50);
    tcase_add_checked_fixture(tcase, begin_numbers, end_numbers);
    tcase_add_test(tcase, calls_run_in_the_order_of_posting);
    tcase_add_test(tcase, a_batch_of_posts_wakes_the_loop_once);
    tcase_add_test(tcase, calls_posted_by_a_posted_call_run_in_the_next_batch);
    tcase_add_test(tcase, destroy_runs_once_after_the_function);
    tcase_add_test(tcase, dropped_calls_are_destroyed_and_not_run);
    tcase_add_test(tcase, what_a_dropped_call_posts_is_dropped_too);
    tcase_add_test(tcase, a_post_that_fails_is_destroyed_at_once);
    tcase_add_test(tcase, a_call_can_be_filled_in_without_the_macro);
    tcase_add_test(tcase, bad_arguments_are_refused);
    tcase_add_test(tcase, posts_of_many_threads_all_arrive_in_order_and_none_sleeps_unnoticed);
    return run_case("call_queue", tcase);
}
