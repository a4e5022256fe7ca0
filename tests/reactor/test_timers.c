/* Delayed calls: the heap, the handles, the rounds. The loop around them is tested in
 * test_reactor.c; here time passes by hand. */
#include "timers_fixture.h"

/* ---- order and time ------------------------------------------------------------------------ */

START_TEST(calls_are_made_in_the_order_of_their_times) /* TIME-2 */
{
    later(3.0, run_number, 3);
    later(1.0, run_number, 1);
    later(2.0, run_number, 2);
    advance(10.0);
    CHECK_RAN(1, 2, 3);
}
END_TEST

START_TEST(equal_due_times_run_in_order_of_scheduling) /* TIME-2, BUG-15 */
{
    for (int i = 0; i < 100; i++)
        later(1.0, run_number, i);
    advance(1.0);
    ck_assert_int_eq(ran_count, 100);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(ran[i], i);
}
END_TEST

START_TEST(the_order_survives_the_wrapping_of_the_sequence)
{
    reactor->timers.next_sequence = UINT32_MAX - 3;
    for (int i = 0; i < 8; i++)
        later(1.0, run_number, i);
    advance(1.0);
    CHECK_RAN(0, 1, 2, 3, 4, 5, 6, 7);
}
END_TEST

START_TEST(a_call_is_never_early) /* BUG-15 */
{
    later(1.0, run_number, 1);
    FakeReactor_advance(&fake, TORC__SECOND - 1);
    ck_assert_int_eq(ran_count, 0);
    FakeReactor_advance(&fake, 1);
    ck_assert_int_eq(ran_count, 1);
}
END_TEST

START_TEST(the_earliest_deadline_is_known)
{
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    later(2.0, run_number, 2);
    TorcDelayedCall first = later(1.0, run_number, 1);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + TORC__SECOND);
    TorcDelayedCall_cancel(first);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + 2 * TORC__SECOND);
}
END_TEST

START_TEST(delays_too_long_to_represent_never_come_due) /* LOOP-4, BUG-15 */
{
    static const double delays[] = {1e300, 9.3e9, INFINITY, DBL_MAX};
    for (int i = 0; i < 4; i++) {
        TorcDelayedCall call = later(delays[i], run_number, i);
        double due;
        ck_assert_int_eq(TorcDelayedCall_getTime(call, &due), 0);
        ck_assert(isinf(due));
    }
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    fake.now = TORC__NEVER - 1;
    advance(0.0);
    ck_assert_int_eq(ran_count, 0);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 4);
}
END_TEST

static TorcDelayedCall again;

static void call_again_at_once(void *arg)
{
    run_number(arg);
    again = later(0.0, call_again_at_once, (int)(intptr_t)arg);
}

START_TEST(a_zero_delay_made_by_a_delayed_call_waits_for_the_next_round) /* LOOP-3 */
{
    later(0.0, call_again_at_once, 1);
    later(0.0, run_number, 2);
    advance(0.0);
    CHECK_RAN(1, 2);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
    advance(0.0);
    CHECK_RAN(1, 2, 1);
}
END_TEST

static TorcDelayedCall other;

static void reset_other(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_reset(other, 0.0), 0);
}

static void bring_other_forward(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_delay(other, -1e9), 0);
}

static void postpone_other(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_delay(other, 5.0), 0);
}

static void cancel_other(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_cancel(other), 0);
}

START_TEST(a_call_rescheduled_by_a_due_call_waits_for_the_next_round) /* TIME-12 */
{
    static TorcFunction *const reschedule[] = {reset_other, bring_other_forward};
    for (int i = 0; i < 2; i++) {
        ran_count = 0;
        later(1.0, reschedule[i], 1);
        other = later(1.0, run_number, 2);
        later(1.0, run_number, 3);
        advance(1.0);
        CHECK_RAN(1, 3);
        advance(0.0);
        CHECK_RAN(1, 3, 2);
    }
}
END_TEST

START_TEST(a_due_call_may_postpone_or_cancel_the_next) /* TIME-12 */
{
    later(1.0, postpone_other, 1);
    other = later(1.0, run_number, 2);
    advance(1.0);
    CHECK_RAN(1);
    advance(5.0);
    CHECK_RAN(1, 2);

    later(1.0, cancel_other, 3);
    other = later(1.0, run_number, 4);
    advance(10.0);
    CHECK_RAN(1, 2, 3);
}
END_TEST

/* ---- handles ------------------------------------------------------------------------------- */

START_TEST(cancel_takes_the_call_back)
{
    TorcDelayedCall call = later(1.0, run_number, 1);
    ck_assert(TorcDelayedCall_active(call));
    ck_assert_int_eq(TorcDelayedCall_cancel(call), 0);
    ck_assert(!TorcDelayedCall_active(call));
    advance(2.0);
    ck_assert_int_eq(ran_count, 0);
}
END_TEST

START_TEST(a_call_that_was_made_or_cancelled_says_so) /* TIME-4 */
{
    TorcDelayedCall made = later(1.0, run_number, 1);
    TorcDelayedCall cancelled = later(1.0, run_number, 2);
    TorcDelayedCall_cancel(cancelled);
    advance(1.0);
    check_answers(made, -TORC_EALREADYCALLED);
    check_answers(cancelled, -TORC_EALREADYCANCELLED);
}
END_TEST

START_TEST(an_inert_handle_is_stale)
{
    later(1.0, run_number, 1);
    check_answers((TorcDelayedCall){0}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, 0}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, UINT64_MAX}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, (uint64_t)UINT32_MAX << 32 | 1}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, (uint64_t)UINT32_MAX << 32 | 2}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, 2}, -TORC_ESTALE); /* a slot not used so far */
}
END_TEST

START_TEST(an_ended_call_is_remembered_until_its_place_is_used_twice) /* BUG-15 */
{
    TorcDelayedCall made = later(0.0, run_number, 1);
    advance(0.0);
    TorcDelayedCall cancelled = later(0.0, run_number, 2); /* in the same place */
    check_answers(made, -TORC_EALREADYCALLED);
    TorcDelayedCall_cancel(cancelled);
    TorcDelayedCall active = later(0.0, run_number, 3);
    check_answers(made, -TORC_ESTALE);
    check_answers(cancelled, -TORC_EALREADYCANCELLED);
    ck_assert(TorcDelayedCall_active(active));
}
END_TEST

static void ask_about_itself(void *arg)
{
    run_number(arg);
    check_answers(other, -TORC_EALREADYCALLED);
    for (int i = 0; i < 3; i++) /* its place is not given away under its feet */
        TorcDelayedCall_cancel(later(0.0, run_number, 9));
    check_answers(other, -TORC_EALREADYCALLED);
}

START_TEST(a_call_counts_as_made_while_its_function_runs) /* TIME-5 */
{
    other = later(0.0, ask_about_itself, 1);
    advance(0.0);
    CHECK_RAN(1);
}
END_TEST

static void ask_while_destroyed(void *arg)
{
    count_destroy(arg);
    check_answers(other, -TORC_EALREADYCANCELLED);
    for (int i = 0; i < 3; i++)
        TorcDelayedCall_cancel(later(0.0, run_number, 9));
    check_answers(other, -TORC_EALREADYCANCELLED);
}

START_TEST(a_call_counts_as_cancelled_while_its_destroy_function_runs)
{
    const TorcCall *call = TORC_CALL(run_number, NULL, .destroy = ask_while_destroyed);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, call, &other), 0);
    ck_assert_int_eq(TorcDelayedCall_cancel(other), 0);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(reset_counts_from_now_earlier_or_later) /* TIME-6 */
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 1.0), 0);
    advance(1.0);
    ck_assert_int_eq(ran_count, 1);
    call = later(1.0, run_number, 2);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 10.0), 0);
    advance(9.0);
    ck_assert_int_eq(ran_count, 1);
    advance(1.0);
    ck_assert_int_eq(ran_count, 2);
}
END_TEST

START_TEST(a_reset_call_comes_after_those_scheduled_before)
{
    TorcDelayedCall first = later(1.0, run_number, 1);
    later(1.0, run_number, 2);
    TorcDelayedCall_reset(first, 1.0);
    advance(1.0);
    CHECK_RAN(2, 1);
}
END_TEST

START_TEST(delay_counts_from_the_due_time_forward_and_back) /* TIME-6 */
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    advance(2.0);
    ck_assert_int_eq(TorcDelayedCall_delay(call, 1.0), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + 9 * TORC__SECOND);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -3.0), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + 6 * TORC__SECOND);
    advance(6.0);
    ck_assert_int_eq(ran_count, 1);
}
END_TEST

START_TEST(delay_brings_forward_to_now_at_most)
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -1e6), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -INFINITY), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -DBL_MAX), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
}
END_TEST

START_TEST(delay_into_never_stays_there)
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_delay(call, INFINITY), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -10.0), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 1.0), 0);
    advance(1.0);
    ck_assert_int_eq(ran_count, 1);
}
END_TEST

START_TEST(get_time_is_absolute_and_moves_with_delay) /* TIME-7 */
{
    double due, delayed;
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, &due), 0);
    ck_assert(due == TorcReactor_seconds(reactor) + 10.0);
    TorcDelayedCall_delay(call, 1.0);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, &delayed), 0);
    ck_assert(delayed == due + 1.0);
}
END_TEST

START_TEST(active_calls_are_listed_and_counted) /* TIME-8 */
{
    TorcDelayedCall calls[5], listed[8];
    for (int i = 0; i < 5; i++)
        calls[i] = later(i, run_number, i);
    TorcDelayedCall_cancel(calls[2]);
    advance(0.0); /* makes the first */
    memset(listed, 0, sizeof(listed));
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, listed, 8), 3);
    for (int i = 0; i < 5; i++) {
        bool found = false;
        for (int j = 0; j < 3; j++)
            found |= listed[j].id == calls[i].id && listed[j].reactor == reactor;
        ck_assert_int_eq(found, i != 0 && i != 2);
    }
    ck_assert_uint_eq(listed[3].id, 0);
}
END_TEST

START_TEST(listing_writes_no_more_than_there_is_room_for)
{
    TorcDelayedCall listed[2] = {{0}, {NULL, 77}};
    for (int i = 0; i < 3; i++)
        later(1.0, run_number, i);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, listed, 1), 3);
    ck_assert(TorcDelayedCall_active(listed[0]));
    ck_assert_uint_eq(listed[1].id, 77);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 3);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(NULL, NULL, 0), 0);
}
END_TEST

START_TEST(bad_arguments_are_refused) /* TIME-1, BUG-15 */
{
    static const double bad[] = {-1.0, -1e-9, -INFINITY, NAN};
    TorcDelayedCall call = {NULL, 77};
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(TorcReactor_callLater(reactor, bad[i], run_number, NULL, &call), -EINVAL);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1.0, NULL, NULL, &call), -EINVAL);
    ck_assert_int_eq(TorcReactor_callLater(NULL, 1.0, run_number, NULL, &call), -EINVAL);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, NULL, &call), -EINVAL);
    ck_assert_uint_eq(call.id, 77);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);

    call = later(1.0, run_number, 1);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(TorcDelayedCall_reset(call, bad[i]), -EINVAL);
    ck_assert_int_eq(TorcDelayedCall_delay(call, NAN), -EINVAL);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, NULL), -EINVAL);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

static TCase *order_case(void)
{
    TCase *tcase = make_case("order and time");
    tcase_add_test(tcase, calls_are_made_in_the_order_of_their_times);
    tcase_add_test(tcase, equal_due_times_run_in_order_of_scheduling);
    tcase_add_test(tcase, the_order_survives_the_wrapping_of_the_sequence);
    tcase_add_test(tcase, a_call_is_never_early);
    tcase_add_test(tcase, the_earliest_deadline_is_known);
    tcase_add_test(tcase, delays_too_long_to_represent_never_come_due);
    tcase_add_test(tcase, a_zero_delay_made_by_a_delayed_call_waits_for_the_next_round);
    tcase_add_test(tcase, a_call_rescheduled_by_a_due_call_waits_for_the_next_round);
    tcase_add_test(tcase, a_due_call_may_postpone_or_cancel_the_next);
    return tcase;
}

static TCase *handle_case(void)
{
    TCase *tcase = make_case("handles");
    tcase_add_test(tcase, cancel_takes_the_call_back);
    tcase_add_test(tcase, a_call_that_was_made_or_cancelled_says_so);
    tcase_add_test(tcase, an_inert_handle_is_stale);
    tcase_add_test(tcase, an_ended_call_is_remembered_until_its_place_is_used_twice);
    tcase_add_test(tcase, a_call_counts_as_made_while_its_function_runs);
    tcase_add_test(tcase, a_call_counts_as_cancelled_while_its_destroy_function_runs);
    tcase_add_test(tcase, reset_counts_from_now_earlier_or_later);
    tcase_add_test(tcase, a_reset_call_comes_after_those_scheduled_before);
    tcase_add_test(tcase, delay_counts_from_the_due_time_forward_and_back);
    tcase_add_test(tcase, delay_brings_forward_to_now_at_most);
    tcase_add_test(tcase, delay_into_never_stays_there);
    tcase_add_test(tcase, get_time_is_absolute_and_moves_with_delay);
    tcase_add_test(tcase, active_calls_are_listed_and_counted);
    tcase_add_test(tcase, listing_writes_no_more_than_there_is_room_for);
    tcase_add_test(tcase, bad_arguments_are_refused);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("timers");
    suite_add_tcase(suite, order_case());
    suite_add_tcase(suite, handle_case());
    return run_suite(suite);
}
