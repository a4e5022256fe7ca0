/* Services made of services: order, failures, and how a tree ends. */
#include "multi_service_fixture.h"

/* ---- order --------------------------------------------------------------------------------- */

START_TEST(children_start_in_order_and_stop_in_reverse) /* SVC-1 */
{
    grow("a"), grow("b"), grow("c");
    start_tree();
    ck_notes("a+ b+ c+ ");
    ck_over(stop(top));
    ck_notes("c- b- a- ");
}
END_TEST

START_TEST(privileged_halves_of_all_come_before_any_start) /* SVC-2 */
{
    Part *a = new_part("a"), *b = new_part("b"), *c = new_part("c");
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    ck_assert_int_eq(add_to(grow_branch(), &b->base), 0);
    ck_assert_int_eq(add_to(tree, &c->base), 0);
    ck_assert_int_eq(TorcService_privilegedStart(top), 0);
    ck_notes("a! b! c! ");
    start_tree();
    ck_notes("a+ b+ c+ ");
    ck_over(stop(top));
    ck_notes("c- b- a- ");
}
END_TEST

START_TEST(branches_start_and_stop_where_they_stand)
{
    grow("a");
    TorcMultiService *branch = grow_branch();
    ck_assert_int_eq(add_to(branch, &new_plain("b")->base), 0);
    ck_assert_int_eq(add_to(branch, &new_plain("c")->base), 0);
    grow("d");
    start_tree();
    ck_over(stop(top));
    ck_notes("a+ b+ c+ d+ d- c- b- a- ");
}
END_TEST

START_TEST(an_empty_tree_starts_and_stops)
{
    start_tree();
    ck_over(stop(top));
    ck_assert_uint_eq(TorcMultiService_count(tree), 0);
    ck_assert_ptr_null(TorcMultiService_first(tree));
}
END_TEST

START_TEST(a_child_that_runs_already_is_not_started_twice)
{
    Part *a = grow("a");
    grow("b");
    start(a);
    start_tree();
    ck_notes("a+ b+ ");
}
END_TEST

START_TEST(a_child_that_was_stopped_by_itself_is_not_stopped_twice)
{
    Part *a = grow("a");
    grow("b");
    start_tree();
    ck_assert_int_eq(TorcService_stop(&a->base, NULL), 0);
    ck_over(stop(top));
    ck_notes("a+ b+ a- b- ");
}
END_TEST

/* ---- ends ---------------------------------------------------------------------------------- */

START_TEST(all_stop_at_once_and_the_end_is_that_of_the_last) /* SVC-1, SVC-3 */
{
    Part *a = grow("a"), *b = grow("b");
    grow("c");
    a->slow = b->slow = true;
    start_tree();
    TorcDeferred *done = stop(top);
    ck_notes("a+ b+ c+ c- b- a- ");
    end_part(a);
    ck_not_over(done);
    end_part(b);
    ck_over(done);
}
END_TEST

START_TEST(a_failing_end_is_logged_and_holds_up_nobody) /* SVC-1 */
{
    Part *a = grow("a"), *b = grow("b");
    a->slow = b->slow = true;
    start_tree();
    TorcDeferred *done = stop(top);
    fail_part(b);
    ck_not_over(done);
    end_part(a);
    ck_over(done);
    ck_logged("service.stop-failed service=\"plain\" code=-5 reason=\"stuck\"");
    ck_assert_ptr_null(strstr(logged, "unhandled"));
}
END_TEST

START_TEST(more_ends_than_a_few_are_awaited)
{
    Part *parts[100];
    for (int i = 0; i < 100; i++) {
        parts[i] = grow("p");
        parts[i]->slow = true;
    }
    start_tree();
    notes[0] = '\0';
    TorcDeferred *done = stop(top);
    for (int i = 0; i < 100; i++) {
        ck_not_over(done);
        notes[0] = '\0';
        end_part(parts[i]);
    }
    ck_over(done);
    notes[0] = '\0';
    for (int i = 0; i < 100; i++)
        remove_part(parts[i]);
}
END_TEST

START_TEST(the_end_of_a_child_that_stops_already_is_awaited)
{
    Part *a = grow("a");
    a->slow = true;
    start_tree();
    ck_assert_int_eq(TorcService_stop(&a->base, NULL), 0);
    TorcDeferred *done = stop(top);
    ck_not_over(done);
    end_part(a);
    ck_over(done);
}
END_TEST

START_TEST(cancelling_the_stop_cancels_all_ends)
{
    Part *a = grow("a"), *b = grow("b");
    a->slow = b->slow = true;
    start_tree();
    TorcDeferred_release(stop(top));
    ck_assert_int_eq(a->cancelled, 1);
    ck_assert_int_eq(b->cancelled, 1);
    ck_assert_ptr_null(strstr(logged, "unhandled"));
}
END_TEST

/* ---- failing starts ------------------------------------------------------------------------ */

START_TEST(a_failing_start_stops_those_before_it)
{
    grow("a"), grow("b");
    Part *c = grow("c");
    grow("d");
    c->start_result = -EADDRINUSE;
    ck_assert_int_eq(TorcService_start(top), -EADDRINUSE);
    ck_assert(!top->running && !top->privileged);
    ck_assert_int_eq(top->error, -EADDRINUSE);
    ck_notes("a+ b+ c+ b- a- ");
    c->start_result = 0;
    start_tree();
    ck_notes("a+ b+ c+ d+ ");
}
END_TEST

START_TEST(a_failing_privileged_half_stops_those_before_it)
{
    Part *a = new_part("a"), *b = new_part("b");
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    ck_assert_int_eq(add_to(tree, &b->base), 0);
    b->privileged_result = -EACCES;
    ck_assert_int_eq(TorcService_start(top), -EACCES);
    ck_assert(!top->running && !top->privileged && !a->base.privileged);
    ck_assert_int_eq(top->error, -EACCES);
    ck_notes("a! b! a- ");
    ck_assert_int_eq(TorcService_privilegedStart(top), -EACCES);
    ck_notes("a! b! a- ");
}
END_TEST

START_TEST(a_failing_start_also_stops_what_only_has_its_privileges)
{
    Part *a = new_part("a"), *b = new_part("b"), *c = new_part("c");
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    ck_assert_int_eq(add_to(tree, &b->base), 0);
    ck_assert_int_eq(add_to(tree, &c->base), 0);
    b->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(top), -EIO);
    ck_notes("a! b! c! a+ b+ b- c- a- ");
}
END_TEST

START_TEST(a_failure_deep_in_the_tree_stops_all_of_it)
{
    grow("a");
    TorcMultiService *branch = grow_branch();
    Part *c = new_plain("c");
    ck_assert_int_eq(add_to(branch, &new_plain("b")->base), 0);
    ck_assert_int_eq(add_to(branch, &c->base), 0);
    c->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(top), -EIO);
    ck_notes("a+ b+ c+ b- a- ");
}
END_TEST

static void check_stop_waits_for(Part *part)
{
    TorcDeferred *done = stop(top);
    ck_not_over(done);
    end_part(part);
    ck_over(done);
}

START_TEST(a_stop_after_a_failed_start_waits_for_what_that_stopped)
{
    Part *a = new_part("a");
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    a->slow = true;
    grow("b")->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(top), -EIO);
    check_stop_waits_for(a);
    Part *c = new_part("c");
    c->privileged_result = -EACCES;
    ck_assert_int_eq(add_to(tree, &c->base), 0);
    ck_assert_int_eq(TorcService_start(top), -EACCES);
    check_stop_waits_for(a);
}
END_TEST

/* ---- the end of a tree --------------------------------------------------------------------- */

START_TEST(a_running_tree_is_stopped_and_stays_until_its_end)
{
    Part *a = grow("a");
    grow("b");
    a->slow = true;
    start_tree();
    top = TorcService_unref(top);
    ck_notes("a+ b+ b- a- ");
    end_part(a);
    ck_notes("a. b~ a~ ");
}
END_TEST

START_TEST(children_of_others_outlive_the_tree)
{
    Part *a = grow("a");
    TorcService_ref(&a->base);
    start_tree();
    top = TorcService_unref(top);
    ck_assert_ptr_null(a->base.parent);
    ck_assert_ptr_null(a->base.next);
    ck_notes("a+ a- ");
    drop(a);
}
END_TEST

START_TEST(a_child_that_runs_by_itself_is_stopped_with_its_last_reference)
{
    start(grow("a"));
    top = TorcService_unref(top);
    ck_notes("a+ a- a~ ");
}
END_TEST

static void add_to_dying(Part *part)
{
    Part *late = new_plain("z");
    part->on_stop = NULL;
    ck_assert_int_eq(add_to(tree, &late->base), 0);
}

START_TEST(one_added_to_a_tree_that_is_being_freed_goes_with_it)
{
    Part *a = grow("a");
    a->on_stop = add_to_dying;
    start(a);
    top = TorcService_unref(top);
    ck_notes("a+ a- a~ z~ ");
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

enum { LEAVES = 9 }; /* more than the first array of ends has room for */

static TorcService *new_slow_tree(Part **ret_parts)
{
    TorcMultiService *root = TorcMultiService_new();
    for (int i = 0; root && i < LEAVES; i++) {
        ret_parts[i] = new_plain("p");
        ret_parts[i]->slow = true;
        ck_assert_int_eq(add_to(root, &ret_parts[i]->base), 0);
    }
    return TorcMultiService_service(root);
}

/* All have stopped; how many of them could not make a deferred to wait for. */
static int end_all(Part *const *parts)
{
    int without = 0;
    for (int i = 0; i < LEAVES; i++) {
        ck_assert(!parts[i]->base.running);
        without += !parts[i]->end && parts[i]->cancelled == 0;
        if (parts[i]->end)
            end_part(parts[i]);
    }
    return without;
}

static bool says_no_memory(int r, const TorcDeferred *done)
{
    const TorcResult *result = TorcDeferred_result(done);
    if (r < 0)
        return r == -ENOMEM;
    return result && result->reason && TorcReason_code(result->reason) == -ENOMEM;
}

/* Allocation k fails. Whatever comes of it, all are stopped, and a stop that could not keep an end
 * in mind says so. True when there was no allocation k. */
static bool stop_with_failure(long k)
{
    Part *parts[LEAVES];
    TorcDeferred *done = NULL;

    FailingMemory_start(k);
    TorcService *service = new_slow_tree(parts);
    if (!service)
        return false;
    ck_assert_int_eq(TorcService_start(service), 0);
    int r = TorcService_stop(service, &done);
    int without = end_all(parts);
    bool failed = FailingMemory_allocations() > k;
    ck_assert(says_no_memory(r, done) == (failed && without == 0));
    FailingMemory_recover();
    TorcDeferred_release(done);
    TorcService_unref(service);
    notes[0] = '\0';
    return !failed;
}

START_TEST(out_of_memory_an_end_under_way_is_missed_and_that_is_said)
{
    Part *a = grow("a");
    TorcDeferred *done = NULL;
    a->slow = true;
    start_tree();
    ck_assert_int_eq(TorcService_stop(&a->base, NULL), 0);
    failing_memory.fail_at = failing_memory.allocations;
    int r = TorcService_stop(top, &done);
    ck_assert(says_no_memory(r, done));
    FailingMemory_recover();
    TorcDeferred_release(done);
    end_part(a);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    long k = 0;
    top = TorcService_unref(top);
    while (!stop_with_failure(k)) {
        ck_assert_int_eq(parts_alive, 0);
        ck_assert_int_eq(FailingMemory_live(), 0);
        ck_assert_int_lt(++k, 100);
    }
    ck_assert_int_eq(k, 1 + LEAVES + 2 + 2); /* the tree, its ends, the array twice, a list */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {children_start_in_order_and_stop_in_reverse,
                                  privileged_halves_of_all_come_before_any_start,
                                  branches_start_and_stop_where_they_stand,
                                  an_empty_tree_starts_and_stops,
                                  a_child_that_runs_already_is_not_started_twice,
                                  a_child_that_was_stopped_by_itself_is_not_stopped_twice,
                                  all_stop_at_once_and_the_end_is_that_of_the_last,
                                  a_failing_end_is_logged_and_holds_up_nobody,
                                  more_ends_than_a_few_are_awaited,
                                  the_end_of_a_child_that_stops_already_is_awaited,
                                  cancelling_the_stop_cancels_all_ends,
                                  a_failing_start_stops_those_before_it,
                                  a_failing_privileged_half_stops_those_before_it,
                                  a_failing_start_also_stops_what_only_has_its_privileges,
                                  a_failure_deep_in_the_tree_stops_all_of_it,
                                  a_stop_after_a_failed_start_waits_for_what_that_stopped,
                                  a_running_tree_is_stopped_and_stays_until_its_end,
                                  children_of_others_outlive_the_tree,
                                  a_child_that_runs_by_itself_is_stopped_with_its_last_reference,
                                  one_added_to_a_tree_that_is_being_freed_goes_with_it,
                                  out_of_memory_an_end_under_way_is_missed_and_that_is_said,
                                  each_allocation_may_fail,
                                  NULL};
    return run_services_with("multi service", tests, set_up_tree, tear_down_tree);
}
