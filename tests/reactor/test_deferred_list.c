/* Several deferreds at once: list, gather, race. DEF-10, DEF-11. */
#include "deferred_fixture.h"

enum { THREE = 3 };

static TorcDeferred *asked[THREE];

static void ask(TorcCanceller *canceller)
{
    for (int i = 0; i < THREE; i++)
        asked[i] = TorcDeferred_new(canceller, NULL);
}

static void answer(int i, int number)
{
    ck_assert_int_eq(TorcDeferred_callback(asked[i], value(number), free_value), 0);
}

static void refuse(int i, const char *text)
{
    ck_assert_int_eq(TorcDeferred_errbackNew(asked[i], TORC_OPERATION_FAILED, -10 - i, "%s", text),
                     0);
}

/* Writes "arg:seen " for each result of a list, or for the failure. */
static void note_list(TorcResult *result, void *arg)
{
    const TorcResultList *list = result->value;
    if (result->reason)
        note(result, arg);
    for (size_t i = 0; !result->reason && i < list->count; i++)
        write_note(arg, seen_in(&list->results[i]));
    if (!result->reason && list->count == 0)
        write_note(arg, "empty");
}

static void note_first(TorcResult *result, void *arg)
{
    const TorcIndexedResult *first = result->value;
    char index[16];
    if (result->reason) {
        write_note(arg, TorcReason_text(result->reason));
        return;
    }
    (void)snprintf(index, sizeof(index), "%zu", first->index);
    write_note(index, seen_in(&first->result));
}

/* ---- all of them --------------------------------------------------------------------------- */

START_TEST(a_list_fires_when_all_have_in_their_order) /* DEF-10 */
{
    ask(NULL);
    TorcDeferred *list = torc_deferredList(asked, THREE, 0);
    TorcDeferred_addBoth(list, note_list, named("l"));
    answer(2, 3);
    refuse(0, "no");
    ck_assert_str_eq(notes, "");
    answer(1, 2);
    ck_assert_str_eq(notes, "l:OPERATION_FAILED l:2 l:3 ");
    ck_assert_int_eq(freed_values(), 0);
    TorcDeferred_release(list);
    ck_assert_int_eq(freed_values(), 2);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(a_list_of_fired_ones_has_fired) /* DEF-10 */
{
    TorcDeferred *fired[] = {TorcDeferred_succeed(value(1), free_value),
                             TorcDeferred_fail(failed()), NULL};
    TorcDeferred *list = torc_deferredList(fired, 3, 0);
    TorcDeferred_addBoth(list, note_list, named("l"));
    ck_assert_str_eq(notes, "l:1 l:OPERATION_FAILED l:OPERATION_FAILED ");
    const TorcResultList *results = TorcDeferred_result(list)->value;
    ck_assert_int_eq(TorcReason_code(results->results[2].reason), -ENOMEM);
    TorcDeferred_release(list);
}
END_TEST

START_TEST(an_empty_list_has_fired) /* DEF-10 */
{
    TorcDeferred *list = torc_deferredList(NULL, 0, 0);
    TorcDeferred *gathered = torc_gatherResults(NULL, 0);
    TorcDeferred_addBoth(list, note_list, named("l"));
    TorcDeferred_addBoth(gathered, note_list, named("g"));
    ck_assert_str_eq(notes, "l:empty g:empty ");
    TorcDeferred_release(list);
    TorcDeferred_release(gathered);
}
END_TEST

static void take_second(TorcResult *result, void *arg)
{
    TorcResultList *list = result->value;
    void **taken = arg;
    *taken = TorcResult_take(&list->results[1]);
}

START_TEST(a_value_may_be_taken_out_of_a_list)
{
    void *taken = NULL;
    ask(NULL);
    TorcDeferred *list = torc_deferredList(asked, THREE, 0);
    TorcDeferred_addCallback(list, take_second, &taken);
    for (int i = 0; i < THREE; i++)
        answer(i, i);
    TorcDeferred_release(list);
    ck_assert_ptr_eq(taken, &values[1]);
    ck_assert_int_eq(values[1].freed, 0);
    free_value(taken);
}
END_TEST

START_TEST(cancelling_a_list_cancels_all_and_gives_what_there_is) /* DEF-10 */
{
    ask(count_cancel);
    TorcDeferred *list = torc_deferredList(asked, THREE, 0);
    TorcDeferred_addBoth(list, note_list, named("l"));
    answer(1, 2);
    TorcDeferred_cancel(list);
    ck_assert_int_eq(cancellations, 2);
    ck_assert_str_eq(notes, "l:OPERATION_CANCELLED l:2 l:OPERATION_CANCELLED ");
    TorcDeferred_release(list);
}
END_TEST

START_TEST(a_cancelled_list_does_not_wait_for_one_that_takes_its_time)
{
    TorcDeferred *cleanup = TorcDeferred_new(NULL, NULL);
    ask(count_cancel);
    TorcDeferred_addErrback(asked[0], wait_step, cleanup);
    TorcDeferred *list = torc_deferredList(asked, THREE, 0);
    TorcDeferred_addBoth(list, note_list, named("l"));
    TorcDeferred_release(list);
    ck_assert_str_eq(notes, "l:OPERATION_CANCELLED ");
    TorcDeferred_callback(cleanup, value(1), free_value);
    ck_assert_int_eq(freed_values(), 1);
}
END_TEST

START_TEST(a_released_list_releases_all)
{
    ask(count_cancel);
    TorcDeferred_release(torc_deferredList(asked, THREE, 0));
    ck_assert_int_eq(cancellations, 3);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

/* ---- flags --------------------------------------------------------------------------------- */

START_TEST(a_list_may_fire_on_the_first_value) /* DEF-10 */
{
    ask(count_cancel);
    TorcDeferred *list = torc_deferredList(asked, THREE, TORC_LIST_FIRE_ON_ONE_CALLBACK);
    TorcDeferred_addBoth(list, note_first, named("f"));
    refuse(0, "no");
    ck_assert_str_eq(notes, "");
    answer(2, 3);
    ck_assert_str_eq(notes, "2:3 ");
    ck_assert_int_eq(cancellations, 0);
    TorcDeferred_release(list);
    answer(1, 2);
    ck_assert_int_eq(values[1].freed, 1);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(without_any_value_it_fails_with_all_reasons) /* DEF-10, unlike Twisted */
{
    ask(NULL);
    TorcDeferred *list = torc_deferredList(asked, THREE, TORC_LIST_FIRE_ON_ONE_CALLBACK);
    TorcDeferred_addErrback(list, note_first, named("f"));
    refuse(0, "one");
    refuse(2, "three");
    refuse(1, "two");
    ck_assert_str_eq(notes, "f:one; two; three ");
    ck_assert_int_eq(TorcReason_code(TorcDeferred_result(list)->reason), -11);
    TorcDeferred_addErrback(list, handle_step, NULL);
    TorcDeferred_release(list);
}
END_TEST

START_TEST(gathering_fails_with_the_first_failure) /* DEF-10 */
{
    ask(count_cancel);
    TorcDeferred *all = torc_gatherResults(asked, THREE);
    TorcDeferred_addErrback(all, note_first, named("g"));
    answer(0, 1);
    refuse(1, "two");
    ck_assert_str_eq(notes, "g:two ");
    ck_assert_int_eq(values[0].freed, 1);
    ck_assert_int_eq(cancellations, 0);
    TorcDeferred_addErrback(all, handle_step, NULL);
    TorcDeferred_release(all);
    refuse(2, "three");
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(gathering_gives_all_values) /* DEF-10 */
{
    ask(NULL);
    TorcDeferred *all = torc_gatherResults(asked, THREE);
    TorcDeferred_addBoth(all, note_list, named("g"));
    for (int i = 0; i < THREE; i++)
        answer(i, i + 1);
    ck_assert_str_eq(notes, "g:1 g:2 g:3 ");
    TorcDeferred_release(all);
}
END_TEST

START_TEST(cancelling_what_gathers_cancels_all)
{
    ask(count_cancel);
    TorcDeferred *all = torc_gatherResults(asked, THREE);
    TorcDeferred_addErrback(all, note, named("g"));
    TorcDeferred_release(all);
    ck_assert_int_eq(cancellations, 3);
    ck_assert_str_eq(notes, "g:OPERATION_CANCELLED ");
}
END_TEST

/* ---- race ---------------------------------------------------------------------------------- */

START_TEST(the_first_that_succeeds_wins_and_the_others_are_cancelled) /* DEF-11 */
{
    ask(count_cancel);
    TorcDeferred *race = torc_race(asked, THREE);
    TorcDeferred_addBoth(race, note_first, named("r"));
    refuse(1, "no");
    answer(2, 3);
    ck_assert_str_eq(notes, "2:3 ");
    ck_assert_int_eq(cancellations, 1);
    TorcDeferred_release(race);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(one_that_won_before_the_race_began_wins)
{
    ask(count_cancel);
    answer(1, 2);
    TorcDeferred *race = torc_race(asked, THREE);
    TorcDeferred_addBoth(race, note_first, named("r"));
    ck_assert_str_eq(notes, "1:2 ");
    ck_assert_int_eq(cancellations, 2);
    TorcDeferred_release(race);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

static void note_cancel(TorcDeferred *deferred, void *arg)
{
    count_cancel(deferred, arg);
    write_note("cancel", "");
}

START_TEST(the_others_are_cancelled_before_the_winner_is_told)
{
    ask(note_cancel);
    TorcDeferred *race = torc_race(asked, THREE);
    TorcDeferred_addBoth(race, note_first, named("r"));
    answer(0, 1);
    ck_assert_str_eq(notes, "cancel: cancel: 0:1 ");
    TorcDeferred_release(race);
}
END_TEST

START_TEST(a_race_that_all_lose_tells_why) /* DEF-11 */
{
    ask(NULL);
    TorcDeferred *race = torc_race(asked, THREE);
    TorcDeferred_addErrback(race, note_first, named("r"));
    for (int i = 0; i < THREE; i++)
        refuse(i, "no");
    ck_assert_str_eq(notes, "r:no; no; no ");
    ck_assert_int_eq(TorcReason_code(TorcDeferred_result(race)->reason), -12);
    TorcDeferred_addErrback(race, handle_step, NULL);
    TorcDeferred_release(race);
}
END_TEST

START_TEST(a_race_is_lost_without_memory_for_the_text_too)
{
    ask(NULL);
    TorcDeferred *race = torc_race(asked, THREE);
    refuse(0, "no");
    refuse(1, "no");
    failing_memory.fail_at = failing_memory.allocations + 1; /* after the reason of the last one */
    failing_memory.for_ever = true;
    refuse(2, "no");
    FailingMemory_recover();
    ck_assert_int_eq(TorcReason_kind(TorcDeferred_result(race)->reason), TORC_OPERATION_FAILED);
    TorcDeferred_addErrback(race, handle_step, NULL);
    TorcDeferred_release(race);
}
END_TEST

START_TEST(cancelling_a_race_cancels_all_and_is_a_cancellation) /* DEF-11 */
{
    ask(count_cancel);
    TorcDeferred *race = torc_race(asked, THREE);
    TorcDeferred_addErrback(race, note, named("r"));
    refuse(0, "no");
    TorcDeferred_cancel(race);
    ck_assert_int_eq(cancellations, 2);
    ck_assert_str_eq(notes, "r:OPERATION_CANCELLED ");
    TorcDeferred_release(race);
}
END_TEST

START_TEST(a_race_of_none_waits_until_it_is_cancelled) /* DEF-11 */
{
    TorcDeferred *race = torc_race(NULL, 0);
    TorcDeferred *list = torc_deferredList(NULL, 0, TORC_LIST_FIRE_ON_ONE_CALLBACK);
    TorcDeferred_addErrback(race, note, named("r"));
    ck_assert(!TorcDeferred_called(race) && !TorcDeferred_called(list));
    TorcDeferred_release(race);
    TorcDeferred_release(list);
    ck_assert_str_eq(notes, "r:OPERATION_CANCELLED ");
}
END_TEST

static void release_combined(TorcResult *result, void *arg)
{
    TorcDeferred **combined = arg;
    note_first(result, named("r"));
    *combined = TorcDeferred_release(*combined);
}

START_TEST(a_combination_may_be_released_by_its_own_step)
{
    ask(count_cancel);
    TorcDeferred *race = torc_race(asked, THREE);
    TorcDeferred_addBoth(race, release_combined, &race);
    answer(1, 2);
    ck_assert_str_eq(notes, "1:2 ");
    ck_assert_int_eq(freed_values(), 1);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

/* ---- arguments and memory ------------------------------------------------------------------ */

START_TEST(bad_arguments_are_refused_and_the_deferreds_released)
{
    ask(count_cancel);
    errno = 0;
    ck_assert_ptr_null(torc_deferredList(asked, THREE, 1U << 2));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(cancellations, 3);
    errno = 0;
    ck_assert_ptr_null(torc_gatherResults(NULL, 1));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

typedef TorcDeferred *Combine(TorcDeferred *const *deferreds, size_t count);

/* Whatever allocation fails, each of them is cancelled once and nothing is left. */
static void combine_without_memory(Combine *combine)
{
    for (long k = 0; k < 6; k++) {
        ask(count_cancel);
        for (int i = 0; i < THREE; i++) { /* so that the next step needs memory */
            TorcDeferred_addErrback(asked[i], note, named("a"));
            TorcDeferred_addErrback(asked[i], note, named("b"));
        }
        cancellations = 0;
        notes[0] = '\0';
        failing_memory.fail_at = failing_memory.allocations + k;
        errno = 0;
        TorcDeferred *combined = combine(asked, THREE);
        ck_assert_int_eq(combined == NULL, k < 2);
        ck_assert(combined || errno == ENOMEM);
        FailingMemory_recover();
        if (combined)
            TorcDeferred_addErrback(combined, handle_step, NULL);
        TorcDeferred_release(combined);
        ck_assert_int_eq(cancellations, THREE);
        ck_assert_int_eq(FailingMemory_live(), 0);
    }
}

static TorcDeferred *plain_list(TorcDeferred *const *deferreds, size_t count)
{
    return torc_deferredList(deferreds, count, 0);
}

START_TEST(without_memory_the_deferreds_are_released)
{
    combine_without_memory(plain_list);
    combine_without_memory(torc_race);
    ck_assert_int_eq(unhandled, 0);
}
END_TEST

START_TEST(one_that_cannot_be_asked_has_failed)
{
    ask(count_cancel);
    for (int i = 0; i < 2; i++)
        TorcDeferred_addErrback(asked[0], handle_step, NULL);
    failing_memory.fail_at = failing_memory.allocations + 2; /* the third: room for a step */
    TorcDeferred *list = torc_deferredList(asked, THREE, 0);
    TorcDeferred_addBoth(list, note_list, named("l"));
    ck_assert_int_eq(cancellations, 1);
    answer(1, 1);
    answer(2, 2);
    ck_assert_str_eq(notes, "l:OPERATION_FAILED l:1 l:2 ");
    const TorcResultList *results = TorcDeferred_result(list)->value;
    ck_assert_int_eq(TorcReason_code(results->results[0].reason), -ENOMEM);
    TorcDeferred_release(list);
}
END_TEST

START_TEST(a_combination_costs_one_allocation_besides_its_deferred)
{
    ask(NULL);
    long before = FailingMemory_allocations();
    TorcDeferred *list = torc_deferredList(asked, THREE, 0);
    for (int i = 0; i < THREE; i++)
        answer(i, i);
    ck_assert_int_eq(FailingMemory_allocations(), before + 2);
    TorcDeferred_release(list);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("list");
    tcase_add_test(tcase, a_list_fires_when_all_have_in_their_order);
    tcase_add_test(tcase, a_list_of_fired_ones_has_fired);
    tcase_add_test(tcase, an_empty_list_has_fired);
    tcase_add_test(tcase, a_value_may_be_taken_out_of_a_list);
    tcase_add_test(tcase, cancelling_a_list_cancels_all_and_gives_what_there_is);
    tcase_add_test(tcase, a_cancelled_list_does_not_wait_for_one_that_takes_its_time);
    tcase_add_test(tcase, a_released_list_releases_all);
    tcase_add_test(tcase, a_list_may_fire_on_the_first_value);
    tcase_add_test(tcase, without_any_value_it_fails_with_all_reasons);
    tcase_add_test(tcase, gathering_fails_with_the_first_failure);
    tcase_add_test(tcase, gathering_gives_all_values);
    tcase_add_test(tcase, cancelling_what_gathers_cancels_all);
    tcase_add_test(tcase, the_first_that_succeeds_wins_and_the_others_are_cancelled);
    tcase_add_test(tcase, one_that_won_before_the_race_began_wins);
    tcase_add_test(tcase, the_others_are_cancelled_before_the_winner_is_told);
    tcase_add_test(tcase, a_race_that_all_lose_tells_why);
    tcase_add_test(tcase, a_race_is_lost_without_memory_for_the_text_too);
    tcase_add_test(tcase, cancelling_a_race_cancels_all_and_is_a_cancellation);
    tcase_add_test(tcase, a_race_of_none_waits_until_it_is_cancelled);
    tcase_add_test(tcase, a_combination_may_be_released_by_its_own_step);
    tcase_add_test(tcase, bad_arguments_are_refused_and_the_deferreds_released);
    tcase_add_test(tcase, without_memory_the_deferreds_are_released);
    tcase_add_test(tcase, one_that_cannot_be_asked_has_failed);
    tcase_add_test(tcase, a_combination_costs_one_allocation_besides_its_deferred);
    return run_deferreds("several deferreds", tcase);
}
