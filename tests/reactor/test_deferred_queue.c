/* Queues of values and of those who wait for one. DEF-12. */
#include "deferred_fixture.h"

#include <stdint.h>

static TorcDeferredQueue *queue;

static void begin(void)
{
    set_up();
    queue = TorcDeferredQueue_new(2, 2);
}

static void end(void)
{
    TorcDeferredQueue_free(queue);
    tear_down();
}

static int put(int number)
{
    return TorcDeferredQueue_put(queue, value(number), free_value);
}

static TorcDeferred *get(const char *name)
{
    TorcDeferred *deferred = TorcDeferredQueue_get(queue);
    ck_assert_ptr_nonnull(deferred);
    TorcDeferred_addBoth(deferred, note, named(name));
    return deferred;
}

START_TEST(values_are_kept_in_order) /* DEF-12 */
{
    ck_assert_int_eq(put(1), 0);
    ck_assert_int_eq(put(2), 0);
    ck_assert_uint_eq(TorcDeferredQueue_pending(queue), 2);
    TorcDeferred *a = get("a"), *b = get("b");
    ck_assert_str_eq(notes, "a:1 b:2 ");
    ck_assert_uint_eq(TorcDeferredQueue_pending(queue), 0);
    ck_assert_int_eq(freed_values(), 0);
    TorcDeferred_release(a);
    TorcDeferred_release(b);
    ck_assert_int_eq(put(3), 0);
}
END_TEST

START_TEST(a_value_goes_to_who_has_waited_longest) /* DEF-12 */
{
    TorcDeferred *a = get("a"), *b = get("b");
    put(1);
    ck_assert_str_eq(notes, "a:1 ");
    put(2);
    ck_assert_str_eq(notes, "a:1 b:2 ");
    TorcDeferred_release(a);
    TorcDeferred_release(b);
}
END_TEST

START_TEST(more_values_than_it_holds_are_refused_and_freed) /* DEF-12 */
{
    put(1);
    put(2);
    ck_assert_int_eq(put(3), -ENOBUFS);
    ck_assert_int_eq(values[2].freed, 1);
    ck_assert_uint_eq(TorcDeferredQueue_pending(queue), 2);
}
END_TEST

START_TEST(more_who_wait_than_the_backlog_are_refused) /* DEF-12 */
{
    TorcDeferred *a = get("a"), *b = get("b");
    errno = 0;
    ck_assert_ptr_null(TorcDeferredQueue_get(queue));
    ck_assert_int_eq(errno, ENOBUFS);
    TorcDeferred_release(a);
    TorcDeferred *c = get("c");
    put(1);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED b:1 ");
    TorcDeferred_release(b);
    TorcDeferred_release(c);
}
END_TEST

START_TEST(without_limits_it_holds_what_comes)
{
    TorcDeferredQueue_free(queue);
    queue = TorcDeferredQueue_new(SIZE_MAX, SIZE_MAX);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(TorcDeferredQueue_put(queue, queue, NULL), 0);
    ck_assert_uint_eq(TorcDeferredQueue_pending(queue), 1000);
}
END_TEST

START_TEST(a_queue_of_no_size_hands_over_and_keeps_nothing)
{
    TorcDeferredQueue_free(queue);
    queue = TorcDeferredQueue_new(0, 1);
    ck_assert_int_eq(put(1), -ENOBUFS);
    TorcDeferred *a = get("a");
    ck_assert_int_eq(put(2), 0);
    ck_assert_str_eq(notes, "a:2 ");
    TorcDeferred_release(a);
}
END_TEST

static void put_two_more(TorcResult *result, void *arg)
{
    note(result, arg);
    ck_assert_int_eq(put(2), 0);
    ck_assert_int_eq(put(3), 0);
    note(result, named("end"));
}

START_TEST(what_a_step_puts_is_handed_on_after_it)
{
    TorcDeferred *a = TorcDeferredQueue_get(queue);
    TorcDeferred_addBoth(a, put_two_more, named("a"));
    TorcDeferred *b = get("b");
    put(1);
    ck_assert_str_eq(notes, "a:1 end:1 b:2 ");
    ck_assert_uint_eq(TorcDeferredQueue_pending(queue), 1);
    TorcDeferred_release(a);
    TorcDeferred_release(b);
}
END_TEST

enum { MANY = 100000 };
static int left;

/* A worker that finds more work: takes the next, and puts one more. */
static void work_on(TorcResult *result, void *arg)
{
    if (result->reason) {
        TorcResult_clear(result);
        return;
    }
    if (--left == 0)
        return;
    TorcDeferred *next = TorcDeferredQueue_get(queue);
    TorcDeferred_addBoth(next, work_on, arg);
    TorcDeferred_detach(next);
    ck_assert_int_eq(TorcDeferredQueue_put(queue, NULL, NULL), 0);
}

START_TEST(a_worker_that_finds_more_work_takes_constant_stack)
{
    TorcDeferred *first = TorcDeferredQueue_get(queue);
    TorcDeferred_addBoth(first, work_on, NULL);
    TorcDeferred_detach(first);
    left = MANY;
    TorcDeferredQueue_put(queue, NULL, NULL);
    ck_assert_int_eq(left, 0);
}
END_TEST

static void put_and_get_again(TorcResult *result, void *arg)
{
    TorcDeferred **again = arg;
    note(result, named("a"));
    TorcResult_clear(result);
    put(2);
    *again = get("again");
}

START_TEST(who_waits_is_served_before_who_comes_again)
{
    TorcDeferred *again = NULL;
    TorcDeferred *a = TorcDeferredQueue_get(queue);
    TorcDeferred_addBoth(a, put_and_get_again, &again);
    TorcDeferred *b = get("b");
    put(1);
    ck_assert_str_eq(notes, "a:1 b:2 ");
    put(3);
    ck_assert_str_eq(notes, "a:1 b:2 again:3 ");
    TorcDeferred_release(a);
    TorcDeferred_release(b);
    TorcDeferred_release(again);
}
END_TEST

/* ---- freeing ------------------------------------------------------------------------------- */

START_TEST(free_frees_the_values)
{
    put(1);
    put(2);
    TorcDeferredQueue_free(queue);
    queue = NULL;
    ck_assert_int_eq(freed_values(), 2);
    TorcDeferredQueue_free(NULL);
}
END_TEST

static void put_and_get(TorcResult *result, void *arg)
{
    note(result, arg);
    TorcResult_clear(result);
    ck_assert_int_eq(put(1), -EINVAL);
    TorcDeferred *again = get("again");
    ck_assert(TorcDeferred_called(again));
    TorcDeferred_addErrback(again, handle_step, NULL);
    TorcDeferred_release(again);
}

START_TEST(free_cancels_all_who_wait)
{
    TorcDeferred *a = TorcDeferredQueue_get(queue);
    TorcDeferred_addErrback(a, put_and_get, named("a"));
    TorcDeferredQueue_free(queue);
    queue = NULL;
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED again:OPERATION_CANCELLED ");
    TorcDeferred_release(a);
}
END_TEST

static void free_in_step(TorcResult *result, void *arg)
{
    note(result, arg);
    put(2);
    put(3);
    TorcDeferredQueue_free(queue);
    queue = NULL;
}

START_TEST(it_may_be_freed_by_the_step_that_it_runs)
{
    TorcDeferred *a = TorcDeferredQueue_get(queue);
    TorcDeferred_addBoth(a, free_in_step, named("a"));
    TorcDeferred *b = get("b");
    put(1);
    ck_assert_str_eq(notes, "a:1 b:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(b, handle_step, NULL);
    TorcDeferred_release(a);
    TorcDeferred_release(b);
}
END_TEST

/* ---- arguments and memory ------------------------------------------------------------------ */

START_TEST(bad_arguments_are_refused)
{
    ck_assert_int_eq(TorcDeferredQueue_put(NULL, value(1), free_value), -EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcDeferredQueue_get(NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_uint_eq(TorcDeferredQueue_pending(NULL), 0);
}
END_TEST

START_TEST(without_memory_nothing_is_lost)
{
    errno = 0;
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_ptr_null(TorcDeferredQueue_new(1, 1));
    ck_assert_int_eq(errno, ENOMEM);
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_int_eq(put(1), -ENOMEM);
    ck_assert_int_eq(values[0].freed, 1);
    ck_assert_int_eq(put(2), 0);
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_ptr_null(TorcDeferredQueue_get(queue));
    TorcDeferred *a = get("a");
    ck_assert_str_eq(notes, "a:2 ");
    TorcDeferred_release(a);
    for (long k = 0; k < 2; k++) {
        failing_memory.fail_at = failing_memory.allocations + k;
        ck_assert_ptr_null(TorcDeferredQueue_get(queue));
    }
    ck_assert_int_eq(put(3), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("queue");
    tcase_add_test(tcase, values_are_kept_in_order);
    tcase_add_test(tcase, a_value_goes_to_who_has_waited_longest);
    tcase_add_test(tcase, more_values_than_it_holds_are_refused_and_freed);
    tcase_add_test(tcase, more_who_wait_than_the_backlog_are_refused);
    tcase_add_test(tcase, without_limits_it_holds_what_comes);
    tcase_add_test(tcase, a_queue_of_no_size_hands_over_and_keeps_nothing);
    tcase_add_test(tcase, what_a_step_puts_is_handed_on_after_it);
    tcase_add_test(tcase, a_worker_that_finds_more_work_takes_constant_stack);
    tcase_add_test(tcase, who_waits_is_served_before_who_comes_again);
    tcase_add_test(tcase, free_frees_the_values);
    tcase_add_test(tcase, free_cancels_all_who_wait);
    tcase_add_test(tcase, it_may_be_freed_by_the_step_that_it_runs);
    tcase_add_test(tcase, bad_arguments_are_refused);
    tcase_add_test(tcase, without_memory_nothing_is_lost);
    return run_deferreds_with("queues of deferreds", tcase, begin, end);
}
