/* Services by themselves: starting in two halves, stopping, ends that take time, references. */
#include "service_fixture.h"

/* ---- starting ------------------------------------------------------------------------------ */

START_TEST(a_start_does_both_halves_once) /* SVC-2, SVC-4 */
{
    Part *a = new_part("a");
    start(a);
    start(a);
    ck_assert_int_eq(TorcService_privilegedStart(&a->base), 0);
    ck_notes("a! a+ ");
    drop(a);
    ck_notes("a- a~ ");
}
END_TEST

START_TEST(the_privileged_half_may_come_long_before) /* SVC-2 */
{
    Part *a = new_part("a");
    ck_assert_int_eq(TorcService_privilegedStart(&a->base), 0);
    ck_assert_int_eq(TorcService_privilegedStart(&a->base), 0);
    ck_notes("a! ");
    ck_assert(!a->base.running);
    start(a);
    ck_notes("a+ ");
    drop(a);
}
END_TEST

START_TEST(what_was_only_started_with_privileges_is_stopped)
{
    Part *a = new_part("a");
    ck_assert_int_eq(TorcService_privilegedStart(&a->base), 0);
    ck_over(stop(&a->base));
    ck_over(stop(&a->base));
    ck_notes("a! a- ");
    drop(a);
}
END_TEST

START_TEST(a_failing_privileged_half_is_the_end_of_it)
{
    Part *a = new_part("a");
    a->privileged_result = -EACCES;
    ck_assert_int_eq(TorcService_start(&a->base), -EACCES);
    ck_assert(!a->base.running && !a->base.privileged);
    ck_assert_int_eq(a->base.error, -EACCES);
    ck_notes("a! ");
    drop(a);
    ck_notes("a~ ");
}
END_TEST

START_TEST(a_failing_start_ends_the_privileged_half)
{
    Part *a = new_part("a");
    a->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(&a->base), -EIO);
    ck_assert(!a->base.running && !a->base.privileged);
    ck_notes("a! a+ a- ");
    drop(a);
    ck_notes("a~ ");
}
END_TEST

START_TEST(a_failing_start_without_a_privileged_half_is_not_stopped)
{
    Part *a = new_plain("a");
    a->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(&a->base), -EIO);
    ck_assert(!a->base.running && !a->base.privileged);
    ck_notes("a+ ");
    drop(a);
    ck_notes("a~ ");
}
END_TEST

START_TEST(error_tells_of_the_last_start)
{
    Part *a = new_part("a");
    a->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(&a->base), -EIO);
    ck_assert_int_eq(a->base.error, -EIO);
    a->start_result = 7; /* any positive result is success */
    start(a);
    ck_assert_int_eq(a->base.error, 0);
    drop(a);
}
END_TEST

START_TEST(slots_may_be_left_out)
{
    static const TorcServiceClass nothing = {TORC_SERVICE_CLASS("nothing")};
    TorcService service;
    ck_assert_int_eq(TorcService_init(&service, &nothing), 0);
    ck_assert_int_eq(TorcService_start(&service), 0);
    ck_assert(service.running);
    ck_over(stop(&service));
    ck_assert(!service.running);
    ck_assert_ptr_null(TorcService_unref(&service));
}
END_TEST

/* ---- stopping ------------------------------------------------------------------------------ */

START_TEST(what_does_not_run_is_not_stopped)
{
    Part *a = new_part("a");
    ck_over(stop(&a->base));
    ck_assert_int_eq(TorcService_stop(&a->base, NULL), 0);
    start(a);
    ck_over(stop(&a->base));
    ck_over(stop(&a->base));
    ck_notes("a! a+ a- ");
    drop(a);
}
END_TEST

START_TEST(it_can_be_started_again)
{
    Part *a = new_part("a");
    start(a);
    ck_over(stop(&a->base));
    start(a);
    ck_notes("a! a+ a- a! a+ ");
    drop(a);
}
END_TEST

START_TEST(a_stop_fires_when_the_end_has_come_and_drops_the_value)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    TorcDeferred *done = stop(&a->base);
    ck_assert(!a->base.running);
    ck_not_over(done);
    end_part(a);
    ck_over(done);
    drop(a);
    ck_notes("a+ a- a. a~ ");
}
END_TEST

START_TEST(a_failing_end_is_told_to_who_asked)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    TorcDeferred *done = stop(&a->base);
    fail_part(a);
    const TorcResult *result = TorcDeferred_result(done);
    ck_assert_ptr_nonnull(result);
    ck_assert_int_eq(TorcReason_code(result->reason), -EIO);
    ck_assert_str_eq(logged, "");
    TorcDeferred_release(done); /* nobody has handled it */
    ck_logged("deferred.unhandled");
    drop(a);
}
END_TEST

START_TEST(a_failing_end_that_nobody_asked_for_is_logged_with_the_name)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    ck_assert_int_eq(TorcService_stop(&a->base, NULL), 0);
    fail_part(a);
    ck_logged("service.stop-failed service=\"plain\" code=-5 reason=\"stuck\"");
    ck_assert_int_eq(TorcService_setName(&a->base, "left"), 0);
    start(a);
    ck_assert_int_eq(TorcService_stop(&a->base, NULL), 0);
    fail_part(a);
    ck_logged("service.stop-failed service=\"left\" code=-5 reason=\"stuck\"");
    ck_assert_ptr_null(strstr(logged, "unhandled"));
    drop(a);
}
END_TEST

START_TEST(a_later_stop_waits_for_the_end_under_way)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    TorcDeferred *first = stop(&a->base), *second = stop(&a->base), *third = stop(&a->base);
    ck_not_over(second);
    TorcDeferred_release(second); /* calls off nothing but itself */
    ck_not_over(third);
    ck_assert_int_eq(a->cancelled, 0);
    end_part(a);
    ck_over(first);
    ck_over(third);
    drop(a);
    ck_notes("a+ a- a. a~ ");
}
END_TEST

START_TEST(cancelling_a_stop_cancels_the_end)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    TorcDeferred *first = stop(&a->base), *second = stop(&a->base);
    TorcDeferred_release(first);
    ck_assert_int_eq(a->cancelled, 1);
    ck_over(second);
    ck_assert_str_eq(logged, "");
    drop(a);
}
END_TEST

START_TEST(started_again_while_it_ends_its_next_stop_waits_for_both)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    TorcDeferred *first = stop(&a->base);
    TorcDeferred *end = a->end;
    start(a);
    a->slow = false; /* nothing to wait for but the former end */
    TorcDeferred *second = stop(&a->base);
    ck_not_over(second);
    a->end = end;
    end_part(a);
    ck_over(first);
    ck_over(second);
    drop(a);
    ck_notes("a+ a- a+ a- a. a~ ");
}
END_TEST

START_TEST(who_stops_it_while_two_ends_are_under_way_waits_for_both)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    TorcDeferred *first = stop(&a->base);
    TorcDeferred *end = a->end;
    start(a);
    TorcDeferred *second = stop(&a->base), *third = stop(&a->base);
    end_part(a);
    ck_over(second);
    ck_not_over(third);
    a->end = end;
    end_part(a);
    ck_over(first);
    ck_over(third);
    drop(a);
}
END_TEST

static Part *stopped_again;
static TorcDeferred *last_stop;

static void start_and_stop_again(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    start(stopped_again);
    last_stop = stop(&stopped_again->base);
}

START_TEST(a_waiter_that_starts_and_stops_it_anew_waits_for_the_new_end)
{
    Part *a = stopped_again = new_plain("a");
    a->slow = true;
    start(a);
    TorcDeferred *first = stop(&a->base), *second = stop(&a->base), *third = stop(&a->base);
    TorcDeferred_addCallback(second, start_and_stop_again, NULL);
    end_part(a);
    ck_over(first);
    ck_over(second);
    ck_over(third); /* asked for the former end */
    ck_not_over(last_stop);
    end_part(a);
    ck_over(last_stop);
    drop(a);
}
END_TEST

/* ---- references ---------------------------------------------------------------------------- */

START_TEST(the_last_reference_stops_it_first)
{
    Part *a = new_plain("a");
    start(a);
    TorcService_unref(TorcService_ref(&a->base));
    ck_notes("a+ ");
    drop(a);
    ck_notes("a- a~ ");
}
END_TEST

START_TEST(it_stays_until_its_end_has_come)
{
    Part *a = new_plain("a");
    a->slow = true;
    start(a);
    drop(a);
    ck_notes("a+ a- ");
    end_part(a);
    ck_notes("a. a~ ");
}
END_TEST

START_TEST(without_a_canceller_it_stays_until_its_maker_fires)
{
    Part *a = new_plain("a");
    a->slow = a->deaf = true;
    start(a);
    TorcDeferred *done = stop(&a->base);
    TorcDeferred_release(done);
    ck_notes("a+ a- ");
    end_part(a); /* what comes is dropped */
    ck_notes("a. ");
    drop(a);
}
END_TEST

static void drop_last(Part *part)
{
    drop(part);
}

START_TEST(its_last_reference_may_go_inside_its_start)
{
    Part *a = new_part("a");
    a->on_start = drop_last;
    ck_assert_int_eq(TorcService_start(&a->base), 0);
    ck_notes("a! a+ a- a~ ");
    Part *b = new_part("b");
    b->on_privileged = drop_last;
    b->privileged_result = -EACCES;
    ck_assert_int_eq(TorcService_start(&b->base), -EACCES);
    ck_notes("b! b~ ");
}
END_TEST

START_TEST(its_last_reference_may_go_inside_its_stop)
{
    Part *a = new_plain("a");
    a->on_stop = drop_last;
    start(a);
    ck_over(stop(&a->base));
    ck_notes("a+ a- a~ ");
    Part *b = new_plain("b");
    b->on_stop = drop_last;
    b->slow = true;
    start(b);
    TorcDeferred *done = stop(&b->base);
    ck_notes("b+ b- ");
    end_part(b);
    ck_over(done);
    ck_notes("b. b~ ");
}
END_TEST

/* ---- slots that call back ------------------------------------------------------------------ */

static void stop_itself(Part *part)
{
    part->on_privileged = part->on_start = NULL;
    ck_assert_int_eq(TorcService_stop(&part->base, NULL), 0);
}

START_TEST(stopped_inside_its_start_its_result_does_not_matter)
{
    Part *a = new_part("a");
    a->on_start = stop_itself;
    a->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(&a->base), 0);
    ck_assert(!a->base.running && !a->base.privileged);
    ck_assert_int_eq(a->base.error, 0);
    ck_notes("a! a+ a- ");
    drop(a);
}
END_TEST

START_TEST(stopped_inside_its_privileged_half_it_does_not_start)
{
    Part *a = new_part("a");
    a->on_privileged = stop_itself;
    ck_assert_int_eq(TorcService_start(&a->base), 0);
    ck_assert(!a->base.running && !a->base.privileged);
    ck_notes("a! a- ");
    drop(a);
}
END_TEST

static void start_itself(Part *part)
{
    part->on_privileged = part->on_stop = NULL;
    ck_assert_int_eq(TorcService_start(&part->base), 0);
}

START_TEST(started_inside_its_privileged_half_it_starts_once)
{
    Part *a = new_part("a");
    a->on_privileged = start_itself;
    start(a);
    ck_notes("a! a+ ");
    drop(a);
}
END_TEST

START_TEST(started_inside_its_stop_it_runs)
{
    Part *a = new_part("a");
    a->on_stop = start_itself;
    start(a);
    ck_over(stop(&a->base));
    ck_assert(a->base.running);
    ck_notes("a! a+ a- a! a+ ");
    drop(a);
    ck_notes("a- a~ ");
}
END_TEST

/* ---- names and arguments ------------------------------------------------------------------- */

START_TEST(a_name_is_copied_replaced_and_taken_away)
{
    char name[] = "left";
    Part *a = new_part("a");
    ck_assert_ptr_null(a->base.name);
    ck_assert_int_eq(TorcService_setName(&a->base, name), 0);
    name[0] = 'x';
    ck_assert_str_eq(a->base.name, "left");
    ck_assert_int_eq(TorcService_setName(&a->base, "right"), 0);
    ck_assert_str_eq(a->base.name, "right");
    FailingMemory_recover();
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_int_eq(TorcService_setName(&a->base, "middle"), -ENOMEM);
    ck_assert_str_eq(a->base.name, "right");
    ck_assert_int_eq(TorcService_setName(&a->base, NULL), 0);
    ck_assert_ptr_null(a->base.name);
    drop(a);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    static const TorcServiceClass other_size = {.size = sizeof(TorcServiceClass) - 1};
    TorcService service;
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcService_init(NULL, &part_class), -EINVAL);
    ck_assert_int_eq(TorcService_init(&service, NULL), -EINVAL);
    ck_assert_int_eq(TorcService_init(&service, &other_size), -TORC_ECLASS);
    ck_assert_int_eq(TorcService_setName(NULL, "a"), -EINVAL);
    ck_assert_int_eq(TorcService_start(NULL), -EINVAL);
    ck_assert_int_eq(TorcService_privilegedStart(NULL), -EINVAL);
    ck_assert_int_eq(TorcService_stop(NULL, &done), -EINVAL);
    ck_assert_ptr_null(done);
    ck_assert_ptr_null(TorcService_ref(NULL));
    ck_assert_ptr_null(TorcService_unref(NULL));
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

START_TEST(out_of_memory_it_is_stopped_all_the_same)
{
    Part *a = new_plain("a");
    start(a);
    TorcDeferred *done = NULL;
    failing_memory.fail_at = failing_memory.allocations;
    ck_assert_int_eq(TorcService_stop(&a->base, &done), -ENOMEM);
    ck_assert_ptr_null(done);
    ck_assert(!a->base.running);
    ck_notes("a+ a- ");
    drop(a);
}
END_TEST

START_TEST(out_of_memory_a_later_stop_does_not_wait)
{
    for (int k = 0; k < 2; k++) { /* the list of waiters, its entry; the deferred is the third */
        Part *a = new_plain("a");
        TorcDeferred *later = NULL;
        a->slow = true;
        start(a);
        TorcDeferred *done = stop(&a->base);
        failing_memory.fail_at = failing_memory.allocations + k;
        ck_assert_int_eq(TorcService_stop(&a->base, &later), -ENOMEM);
        ck_assert_ptr_null(later);
        end_part(a);
        ck_over(done);
        drop(a);
    }
}
END_TEST

static void do_nothing(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
}

/* The room for steps is used up, so the one that would keep the service must be allocated. */
static void fill_end(Part *part)
{
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(TorcDeferred_addCallback(part->end, do_nothing, NULL), 0);
    failing_memory.fail_at = failing_memory.allocations;
}

START_TEST(out_of_memory_an_end_that_cannot_be_awaited_is_called_off)
{
    Part *a = new_plain("a");
    TorcDeferred *done = NULL;
    a->slow = true;
    a->on_stop = fill_end;
    start(a);
    ck_assert_int_eq(TorcService_stop(&a->base, &done), -ENOMEM);
    ck_assert_ptr_null(done);
    ck_assert_int_eq(a->cancelled, 1);
    start(a);
    drop(a);
    ck_notes("a+ a- a+ a- a~ ");
    ck_logged("service.stop-failed");
}
END_TEST

RUN_SERVICE_TESTS(
    "service", a_start_does_both_halves_once, the_privileged_half_may_come_long_before,
    what_was_only_started_with_privileges_is_stopped, a_failing_privileged_half_is_the_end_of_it,
    a_failing_start_ends_the_privileged_half,
    a_failing_start_without_a_privileged_half_is_not_stopped, error_tells_of_the_last_start,
    slots_may_be_left_out, what_does_not_run_is_not_stopped, it_can_be_started_again,
    a_stop_fires_when_the_end_has_come_and_drops_the_value, a_failing_end_is_told_to_who_asked,
    a_failing_end_that_nobody_asked_for_is_logged_with_the_name,
    a_later_stop_waits_for_the_end_under_way, cancelling_a_stop_cancels_the_end,
    started_again_while_it_ends_its_next_stop_waits_for_both,
    who_stops_it_while_two_ends_are_under_way_waits_for_both,
    a_waiter_that_starts_and_stops_it_anew_waits_for_the_new_end, the_last_reference_stops_it_first,
    it_stays_until_its_end_has_come, without_a_canceller_it_stays_until_its_maker_fires,
    its_last_reference_may_go_inside_its_start, its_last_reference_may_go_inside_its_stop,
    stopped_inside_its_start_its_result_does_not_matter,
    stopped_inside_its_privileged_half_it_does_not_start,
    started_inside_its_privileged_half_it_starts_once, started_inside_its_stop_it_runs,
    a_name_is_copied_replaced_and_taken_away, bad_arguments_are_refused,
    out_of_memory_it_is_stopped_all_the_same, out_of_memory_a_later_stop_does_not_wait,
    out_of_memory_an_end_that_cannot_be_awaited_is_called_off)
