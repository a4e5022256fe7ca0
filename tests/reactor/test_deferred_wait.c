/* Deferreds that wait for one another, pauses, and long chains in constant stack. */
#include "deferred_fixture.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- waiting ------------------------------------------------------------------------------- */

START_TEST(a_step_that_returns_a_deferred_makes_the_chain_wait) /* DEF-4 */
{
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred *outer = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    TorcDeferred_callback(outer, value(1), free_value);
    ck_assert_int_eq(values[0].freed, 1);
    ck_assert_str_eq(notes, "");
    ck_assert_ptr_null(TorcDeferred_result(outer));
    TorcDeferred_addBoth(outer, note, named("later"));
    ck_assert_str_eq(notes, "");
    TorcDeferred_callback(inner, value(2), free_value);
    ck_assert_str_eq(notes, "outer:2 later:2 ");
    ck_assert_int_eq(FailingMemory_live(), 1); /* the inner one is gone */
    TorcDeferred_release(outer);
}
END_TEST

START_TEST(the_failure_of_what_is_waited_for_is_the_waiting_ones) /* DEF-4 */
{
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    TorcDeferred_errback(inner, failed());
    ck_assert_str_eq(notes, "outer:OPERATION_FAILED ");
    ck_assert_int_eq(unhandled, 0);
    TorcDeferred_release(outer);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

START_TEST(an_already_fired_one_gives_its_result_at_once) /* DEF-4 */
{
    TorcDeferred *outer = TorcDeferred_succeed(value(1), free_value);
    TorcDeferred_addCallback(outer, wait_step, TorcDeferred_succeed(value(2), free_value));
    TorcDeferred_addBoth(outer, note, named("a"));
    TorcDeferred_addBoth(outer, wait_step, TorcDeferred_fail(failed()));
    TorcDeferred_addBoth(outer, note, named("b"));
    TorcDeferred_addErrback(outer, wait_step, TorcDeferred_succeed(value(3), free_value));
    TorcDeferred_addBoth(outer, note, named("c"));
    ck_assert_str_eq(notes, "a:2 b:OPERATION_FAILED c:3 ");
    TorcDeferred_release(outer);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

static void wait_and_fire(TorcResult *result, void *arg)
{
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcResult_wait(result, inner);
    TorcDeferred_callback(inner, arg, free_value);
}

START_TEST(one_that_fires_before_its_step_returns_is_not_missed)
{
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(outer, wait_and_fire, value(1));
    TorcDeferred_addBoth(outer, note, named("a"));
    ck_assert_str_eq(notes, "a:1 ");
    TorcDeferred_release(outer);
}
END_TEST

START_TEST(the_steps_of_both_run_in_order) /* DEF-4 */
{
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addBoth(inner, note, named("inner"));
    TorcDeferred_addCallback(inner, set_step, value(2));
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    TorcDeferred_callback(inner, value(1), free_value);
    ck_assert_str_eq(notes, "inner:1 outer:2 ");
    TorcDeferred_release(outer);
}
END_TEST

START_TEST(a_detached_one_may_wait)
{
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred *outer = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    TorcDeferred_detach(outer);
    TorcDeferred_callback(outer, NULL, NULL);
    TorcDeferred_callback(inner, value(1), free_value);
    ck_assert_str_eq(notes, "outer:1 ");
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

/* ---- what cannot be waited for ------------------------------------------------------------- */

START_TEST(one_that_returns_itself_fails) /* DEF-5 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addCallback(deferred, wait_step, deferred);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_callback(deferred, value(1), free_value);
    ck_assert_str_eq(notes, "a:OPERATION_FAILED ");
    ck_assert_ptr_nonnull(strstr(unhandled_text, "waits for that step"));
    ck_assert_int_eq(unhandled, 1); /* it was given away, and so it is gone */
}
END_TEST

static void note_code(TorcResult *result, void *arg)
{
    (void)arg;
    int *code = arg;
    *code = TorcReason_code(result->reason);
    TorcResult_clear(result);
}

START_TEST(a_circle_of_two_fails_instead_of_waiting_for_ever) /* DEF-5 */
{
    int code = 0;
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(inner, wait_step, outer);
    TorcDeferred_addBoth(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note_code, &code);
    TorcDeferred_callback(inner, NULL, NULL);
    ck_assert_int_eq(code, -EDEADLK);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

START_TEST(a_circle_of_many_fails_too)
{
    int code = 0;
    TorcDeferred *chain[10];
    for (int i = 0; i < 10; i++)
        chain[i] = TorcDeferred_new(NULL, NULL);
    for (int i = 0; i < 10; i++)
        TorcDeferred_addCallback(chain[i], wait_step, chain[(i + 1) % 10]);
    TorcDeferred_addErrback(chain[0], note_code, &code);
    for (int i = 0; i < 10; i++)
        TorcDeferred_callback(chain[i], NULL, NULL);
    ck_assert_int_eq(code, -EDEADLK);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

START_TEST(one_given_away_twice_fails_where_it_came_late)
{
    int code = 0;
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred *first = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred *second = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(first, wait_step, inner);
    TorcDeferred_addCallback(second, wait_step, inner);
    TorcDeferred_addErrback(second, note_code, &code);
    ck_assert_int_eq(code, -EBUSY);
    TorcDeferred_addBoth(first, note, named("first"));
    TorcDeferred_callback(inner, value(1), free_value);
    ck_assert_str_eq(notes, "first:1 ");
    TorcDeferred_release(first);
    TorcDeferred_release(second);
}
END_TEST

START_TEST(one_that_was_detached_is_not_waited_for)
{
    int code = 0;
    TorcDeferred *inner = TorcDeferred_new(NULL, NULL);
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_detach(inner);
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addErrback(outer, note_code, &code);
    ck_assert_int_eq(code, -EBUSY);
    TorcDeferred_callback(inner, value(1), free_value);
    TorcDeferred_release(outer);
}
END_TEST

static TorcDeferred *running;

static void let_another_wait(TorcResult *result, void *arg)
{
    TorcDeferred *other = arg;
    note(result, named("running"));
    TorcDeferred_addCallback(other, wait_step, running);
    TorcDeferred_addBoth(other, note, named("other"));
}

START_TEST(one_whose_step_is_running_can_be_waited_for)
{
    TorcDeferred *other = TorcDeferred_succeed(NULL, NULL);
    running = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(running, let_another_wait, other);
    TorcDeferred_addBoth(running, note, named("still"));
    TorcDeferred_callback(running, value(1), free_value);
    ck_assert_str_eq(notes, "running:1 still:1 other:1 ");
    TorcDeferred_release(other);
}
END_TEST

START_TEST(waiting_for_nothing_is_a_failure)
{
    TorcDeferred *outer = TorcDeferred_succeed(value(1), free_value);
    int code = 0;
    TorcDeferred_addCallback(outer, wait_step, NULL);
    TorcDeferred_addErrback(outer, note_code, &code);
    ck_assert_int_eq(code, -ENOMEM);
    TorcDeferred_release(outer);
}
END_TEST

/* ---- pauses -------------------------------------------------------------------------------- */

START_TEST(pauses_nest_and_results_wait_for_their_end) /* DEF-7 */
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_pause(deferred);
    TorcDeferred_pause(deferred);
    TorcDeferred_callback(deferred, value(1), free_value);
    TorcDeferred_unpause(deferred);
    ck_assert_str_eq(notes, "");
    ck_assert(TorcDeferred_called(deferred));
    ck_assert_ptr_null(TorcDeferred_result(deferred));
    TorcDeferred_unpause(deferred);
    ck_assert_str_eq(notes, "a:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(unpause_without_pause_does_nothing)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TorcDeferred_unpause(deferred);
    TorcDeferred_pause(deferred);
    TorcDeferred_callback(deferred, value(1), free_value);
    TorcDeferred_addBoth(deferred, note, named("a"));
    ck_assert_str_eq(notes, "");
    TorcDeferred_unpause(deferred);
    TorcDeferred_unpause(deferred);
    ck_assert_str_eq(notes, "a:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

static void pause_own(TorcResult *result, void *arg)
{
    note(result, named("pause"));
    TorcDeferred_pause(arg);
}

static void pause_and_unpause_own(TorcResult *result, void *arg)
{
    pause_own(result, arg);
    TorcDeferred_unpause(arg);
    note(result, named("unpaused"));
}

START_TEST(a_step_may_pause_its_own_deferred)
{
    TorcDeferred *deferred = TorcDeferred_succeed(value(1), free_value);
    TorcDeferred_addBoth(deferred, pause_and_unpause_own, deferred);
    TorcDeferred_addBoth(deferred, pause_own, deferred);
    TorcDeferred_addBoth(deferred, note, named("a"));
    ck_assert_str_eq(notes, "pause:1 unpaused:1 pause:1 ");
    TorcDeferred_unpause(deferred);
    ck_assert_str_eq(notes, "pause:1 unpaused:1 pause:1 a:1 ");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(releasing_a_paused_one_ends_its_pauses)
{
    TorcDeferred *deferred = TorcDeferred_succeed(value(1), free_value);
    TorcDeferred_pause(deferred);
    TorcDeferred_pause(deferred);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_release(deferred);
    ck_assert_str_eq(notes, "a:1 ");
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

START_TEST(a_failure_found_when_a_pause_ends_is_logged)
{
    TorcDeferred *deferred = TorcDeferred_fail(failed());
    TorcDeferred_pause(deferred);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

START_TEST(releasing_a_paused_unfired_one_cancels_it)
{
    TorcDeferred *deferred = cancellable();
    TorcDeferred_pause(deferred);
    TorcDeferred_addBoth(deferred, note, named("a"));
    TorcDeferred_release(deferred);
    ck_assert_str_eq(notes, "a:OPERATION_CANCELLED ");
}
END_TEST

START_TEST(a_paused_one_is_waited_for_until_it_goes_on)
{
    TorcDeferred *inner = TorcDeferred_succeed(value(1), free_value);
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_pause(inner);
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    ck_assert_str_eq(notes, "");
    TorcDeferred_unpause(inner);
    ck_assert_str_eq(notes, "outer:1 ");
    TorcDeferred_release(outer);
}
END_TEST

START_TEST(releasing_a_chain_ends_all_its_pauses)
{
    TorcDeferred *inner = TorcDeferred_succeed(value(1), free_value);
    TorcDeferred *outer = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_pause(inner);
    TorcDeferred_addCallback(outer, wait_step, inner);
    TorcDeferred_addBoth(outer, note, named("outer"));
    TorcDeferred_pause(outer);
    TorcDeferred_release(outer);
    ck_assert_str_eq(notes, "outer:1 ");
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

/* ---- long chains --------------------------------------------------------------------------- */

enum { LONG = 100000 };

/* Sanitizers take more of the stack. */
static size_t small_stack(void)
{
    size_t size = getenv("TORC_SANITIZER") ? 256 * 1024 : 64 * 1024;
    return size < (size_t)PTHREAD_STACK_MIN ? (size_t)PTHREAD_STACK_MIN : size;
}

/* Runs it on a stack that holds a few hundred frames, not a hundred thousand. */
static void run_in_small_stack(void *(*function)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, small_stack()), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, function, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

static TorcDeferred *chain[LONG];

static void make_chain(TorcCanceller *canceller)
{
    for (int i = 0; i < LONG; i++)
        chain[i] = TorcDeferred_new(canceller, NULL);
    for (int i = 0; i + 1 < LONG; i++)
        TorcDeferred_addCallback(chain[i], wait_step, chain[i + 1]);
    TorcDeferred_addBoth(chain[0], note, named("all"));
}

static void *from_the_outer_end(void *arg)
{
    make_chain(NULL);
    for (int i = 0; i + 1 < LONG; i++)
        TorcDeferred_callback(chain[i], NULL, NULL);
    TorcDeferred_callback(chain[LONG - 1], value(1), free_value);
    TorcDeferred_release(chain[0]);
    return arg;
}

static void *from_the_inner_end(void *arg)
{
    make_chain(NULL);
    for (int i = LONG - 2; i >= 0; i--)
        TorcDeferred_callback(chain[i], NULL, NULL);
    TorcDeferred_callback(chain[LONG - 1], value(1), free_value);
    TorcDeferred_release(chain[0]);
    return arg;
}

static void *already_fired(void *arg)
{
    make_chain(NULL);
    TorcDeferred_callback(chain[LONG - 1], value(1), free_value);
    for (int i = LONG - 2; i >= 0; i--)
        TorcDeferred_callback(chain[i], NULL, NULL);
    TorcDeferred_release(chain[0]);
    return arg;
}

START_TEST(a_chain_built_from_the_outer_end_takes_constant_stack) /* DEF-4 */
{
    run_in_small_stack(from_the_outer_end);
    ck_assert_str_eq(notes, "all:1 ");
}
END_TEST

START_TEST(a_chain_built_from_the_inner_end_takes_constant_stack) /* DEF-4, BUG-6 */
{
    run_in_small_stack(from_the_inner_end);
    ck_assert_str_eq(notes, "all:1 ");
}
END_TEST

START_TEST(a_chain_of_fired_ones_takes_constant_stack) /* DEF-4 */
{
    run_in_small_stack(already_fired);
    ck_assert_str_eq(notes, "all:1 ");
}
END_TEST

/* Every second wait is begun first, then the rest: chains of growing length are joined. */
static void *in_pieces(void *arg)
{
    make_chain(NULL);
    for (int step = 2; step / 2 < LONG; step *= 2)
        for (int i = step / 2 - 1; i + 1 < LONG; i += step)
            TorcDeferred_callback(chain[i], NULL, NULL);
    TorcDeferred_callback(chain[LONG - 1], value(1), free_value);
    TorcDeferred_release(chain[0]);
    return arg;
}

START_TEST(a_chain_built_in_pieces_takes_constant_stack_and_little_time) /* DEF-4 */
{
    run_in_small_stack(in_pieces);
    ck_assert_str_eq(notes, "all:1 ");
}
END_TEST

static void *released_whole(void *arg)
{
    make_chain(count_cancel);
    for (int i = 0; i + 1 < LONG; i++)
        TorcDeferred_callback(chain[i], NULL, NULL);
    TorcDeferred_release(chain[0]);
    return arg;
}

START_TEST(a_long_chain_is_cancelled_and_released_in_constant_stack)
{
    run_in_small_stack(released_whole);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_str_eq(notes, "all:OPERATION_CANCELLED ");
}
END_TEST

static void *returning_fired_ones(void *arg)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    for (int i = 0; i < LONG; i++)
        TorcDeferred_addCallback(deferred, wait_step, TorcDeferred_succeed(NULL, NULL));
    TorcDeferred_addBoth(deferred, note, named("all"));
    TorcDeferred_callback(deferred, NULL, NULL);
    TorcDeferred_release(deferred);
    return arg;
}

START_TEST(many_steps_that_return_fired_ones_take_constant_stack) /* DEF-4 */
{
    run_in_small_stack(returning_fired_ones);
    ck_assert_str_eq(notes, "all:NULL ");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("wait");
    tcase_add_test(tcase, a_step_that_returns_a_deferred_makes_the_chain_wait);
    tcase_add_test(tcase, the_failure_of_what_is_waited_for_is_the_waiting_ones);
    tcase_add_test(tcase, an_already_fired_one_gives_its_result_at_once);
    tcase_add_test(tcase, one_that_fires_before_its_step_returns_is_not_missed);
    tcase_add_test(tcase, the_steps_of_both_run_in_order);
    tcase_add_test(tcase, a_detached_one_may_wait);
    tcase_add_test(tcase, one_that_returns_itself_fails);
    tcase_add_test(tcase, a_circle_of_two_fails_instead_of_waiting_for_ever);
    tcase_add_test(tcase, a_circle_of_many_fails_too);
    tcase_add_test(tcase, one_given_away_twice_fails_where_it_came_late);
    tcase_add_test(tcase, one_that_was_detached_is_not_waited_for);
    tcase_add_test(tcase, one_whose_step_is_running_can_be_waited_for);
    tcase_add_test(tcase, waiting_for_nothing_is_a_failure);
    tcase_add_test(tcase, pauses_nest_and_results_wait_for_their_end);
    tcase_add_test(tcase, unpause_without_pause_does_nothing);
    tcase_add_test(tcase, a_step_may_pause_its_own_deferred);
    tcase_add_test(tcase, releasing_a_paused_one_ends_its_pauses);
    tcase_add_test(tcase, a_failure_found_when_a_pause_ends_is_logged);
    tcase_add_test(tcase, releasing_a_paused_unfired_one_cancels_it);
    tcase_add_test(tcase, a_paused_one_is_waited_for_until_it_goes_on);
    tcase_add_test(tcase, releasing_a_chain_ends_all_its_pauses);
    tcase_add_test(tcase, a_chain_built_from_the_outer_end_takes_constant_stack);
    tcase_add_test(tcase, a_chain_built_from_the_inner_end_takes_constant_stack);
    tcase_add_test(tcase, a_chain_of_fired_ones_takes_constant_stack);
    tcase_add_test(tcase, a_chain_built_in_pieces_takes_constant_stack_and_little_time);
    tcase_add_test(tcase, a_long_chain_is_cancelled_and_released_in_constant_stack);
    tcase_add_test(tcase, many_steps_that_return_fired_ones_take_constant_stack);
    return run_deferreds("deferreds that wait", tcase);
}
