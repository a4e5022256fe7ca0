/* deferLater, in virtual time. TASK-8. */
#include "task_fixture.h"

#include <math.h>

START_TEST(it_fires_after_the_delay) /* TASK-8 */
{
    TorcDeferred *later = TorcReactor_deferLater(reactor, 5, note, named("first"));
    note_done(later);
    TorcSim_advance(sim, 4.9);
    ck_assert_str_eq(notes, "");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(notes, "first:NULL done:NULL ");
    TorcDeferred_release(later);
}
END_TEST

static void leave_value(TorcResult *result, void *arg)
{
    TorcResult_set(result, arg, free_value);
}

START_TEST(the_functions_result_is_what_it_gives) /* TASK-8 */
{
    TorcDeferred *later = TorcReactor_deferLater(reactor, 5, leave_value, value(7));
    note_done(later);
    TorcSim_advance(sim, 5);
    ck_assert_str_eq(notes, "done:7 ");
    TorcDeferred_release(later);
}
END_TEST

START_TEST(a_delay_of_zero_is_the_next_turn)
{
    TorcDeferred *later = TorcReactor_deferLater(reactor, 0, NULL, NULL);
    ck_assert(!TorcDeferred_called(later));
    note_done(later);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(notes, "done:NULL ");
    TorcDeferred_release(later);
}
END_TEST

START_TEST(cancelling_takes_the_timer_back) /* TASK-8 */
{
    TorcDeferred *later = TorcReactor_deferLater(reactor, 5, note, named("first"));
    TorcDeferred_cancel(later);
    ck_assert_uint_eq(timers(), 0);
    ck_assert_str_eq(notes, "first:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(later, handle_step, NULL);
    TorcDeferred_release(later);
}
END_TEST

START_TEST(it_may_be_left_alone)
{
    TorcDeferred_detach(TorcReactor_deferLater(reactor, 5, note, named("first")));
    TorcSim_advance(sim, 5);
    ck_assert_str_eq(notes, "first:NULL ");
}
END_TEST

START_TEST(when_the_reactor_goes_first_it_is_cancelled)
{
    TorcDeferred *later = TorcReactor_deferLater(reactor, 5, note, named("first"));
    end_reactor();
    ck_assert_str_eq(notes, "first:OPERATION_CANCELLED ");
    TorcDeferred_addErrback(later, handle_step, NULL);
    TorcDeferred_release(later);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    static const double bad[] = {-1, -HUGE_VAL, NAN};
    for (int i = 0; i < 3; i++) {
        errno = 0;
        ck_assert_ptr_null(TorcReactor_deferLater(reactor, bad[i], note, named("first")));
        ck_assert_int_eq(errno, EINVAL);
    }
    ck_assert_ptr_null(TorcReactor_deferLater(NULL, 1, note, named("first")));
    ck_assert_str_eq(notes, "");
}
END_TEST

static int told;
static TorcReasonKind expected;

static void count_told(TorcResult *result, void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReason_kind(result->reason), expected);
    told++;
}

START_TEST(without_memory_the_function_is_told)
{
    TorcDeferred *later = NULL;
    expected = TORC_OPERATION_FAILED;
    for (long k = 0; !later; k++) {
        told = 0;
        fail_from(k);
        errno = 0;
        later = TorcReactor_deferLater(reactor, 1, count_told, NULL);
        FailingMemory_recover();
        ck_assert_int_eq(told, later ? 0 : 1);
        ck_assert(later || errno == ENOMEM);
    }
    expected = TORC_OPERATION_CANCELLED; /* the last one was made */
    TorcDeferred_release(later);
    ck_assert_int_eq(told, 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("deferLater");
    tcase_add_test(tcase, it_fires_after_the_delay);
    tcase_add_test(tcase, the_functions_result_is_what_it_gives);
    tcase_add_test(tcase, a_delay_of_zero_is_the_next_turn);
    tcase_add_test(tcase, cancelling_takes_the_timer_back);
    tcase_add_test(tcase, it_may_be_left_alone);
    tcase_add_test(tcase, when_the_reactor_goes_first_it_is_cancelled);
    tcase_add_test(tcase, bad_arguments_are_refused);
    tcase_add_test(tcase, without_memory_the_function_is_told);
    return run_deferreds_with("deferLater", tcase, begin, end);
}
