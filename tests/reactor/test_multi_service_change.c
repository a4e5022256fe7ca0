/* Services made of services: children that come and go at any moment. */
#include "multi_service_fixture.h"

/* ---- adding -------------------------------------------------------------------------------- */

START_TEST(one_added_to_a_running_parent_is_started) /* SVC-1 */
{
    start_tree();
    Part *a = new_part("a");
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    ck_notes("a! a+ ");
    ck_assert(a->base.parent == tree);
}
END_TEST

START_TEST(one_added_between_the_halves_gets_its_privileged_one)
{
    ck_assert_int_eq(TorcService_privilegedStart(top), 0);
    Part *a = new_part("a");
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    ck_notes("a! ");
    start_tree();
    ck_notes("a+ ");
}
END_TEST

START_TEST(one_whose_start_fails_is_not_added)
{
    start_tree();
    Part *a = new_part("a");
    a->start_result = -EIO;
    ck_assert_int_eq(TorcMultiService_addService(tree, &a->base), -EIO);
    ck_assert_ptr_null(a->base.parent);
    ck_assert_uint_eq(TorcMultiService_count(tree), 0);
    ck_assert(top->running);
    drop(a);
    ck_notes("a! a+ a- a~ ");
}
END_TEST

START_TEST(one_that_has_a_parent_is_refused) /* SVC-1 */
{
    TorcMultiService *branch = grow_branch();
    Part *a = grow("a");
    ck_assert_int_eq(TorcMultiService_addService(branch, &a->base), -EBUSY);
    ck_assert_int_eq(TorcMultiService_addService(tree, &a->base), -EBUSY);
    ck_assert_int_eq(TorcService_setName(&a->base, "late"), -EBUSY);
    ck_assert(a->base.parent == tree);
    ck_assert_uint_eq(TorcMultiService_count(tree), 2);
}
END_TEST

START_TEST(no_service_is_above_itself)
{
    TorcMultiService *branch = grow_branch();
    ck_assert_int_eq(TorcMultiService_addService(tree, top), -ELOOP);
    ck_assert_int_eq(TorcMultiService_addService(branch, top), -ELOOP);
    ck_assert_uint_eq(TorcMultiService_count(branch), 0);
}
END_TEST

START_TEST(names_are_unique_among_sisters) /* SVC-1 */
{
    Part *a = new_plain("a"), *b = new_plain("b");
    TorcMultiService *branch = grow_branch();
    ck_assert_int_eq(TorcService_setName(&a->base, "web"), 0);
    ck_assert_int_eq(TorcService_setName(&b->base, "web"), 0);
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    ck_assert_int_eq(TorcMultiService_addService(tree, &b->base), -EEXIST);
    ck_assert_ptr_null(b->base.parent);
    ck_assert_int_eq(add_to(branch, &b->base), 0);
    ck_assert_ptr_eq(TorcMultiService_getServiceNamed(tree, "web"), &a->base);
    ck_assert_ptr_eq(TorcMultiService_getServiceNamed(branch, "web"), &b->base);
    ck_assert_ptr_null(TorcMultiService_getServiceNamed(tree, "we"));
    remove_part(a);
    ck_assert_ptr_null(TorcMultiService_getServiceNamed(tree, "web"));
}
END_TEST

/* ---- removing ------------------------------------------------------------------------------ */

START_TEST(one_removed_is_stopped_and_its_end_awaited) /* SVC-1 */
{
    Part *a = grow("a");
    TorcDeferred *done;
    a->slow = true;
    start_tree();
    ck_assert_int_eq(TorcMultiService_removeService(tree, &a->base, &done), 0);
    ck_assert_uint_eq(TorcMultiService_count(tree), 0);
    ck_notes("a+ a- ");
    ck_not_over(done);
    end_part(a);
    ck_over(done);
    ck_notes("a. a~ ");
}
END_TEST

START_TEST(a_child_is_moved_by_who_holds_a_reference) /* SVC-1 */
{
    TorcMultiService *branch = grow_branch();
    Part *a = grow("a");
    grow("b");
    start_tree();
    TorcService_ref(&a->base);
    remove_part(a);
    ck_assert_int_eq(add_to(branch, &a->base), 0);
    ck_assert(a->base.parent == branch);
    ck_assert_ptr_null(a->base.next);
    ck_assert_ptr_null(a->base.previous);
    ck_notes("a+ b+ a- a+ ");
}
END_TEST

START_TEST(the_list_stays_right_whoever_goes)
{
    Part *a = grow("a"), *b = grow("b"), *c = grow("c"), *d = grow("d");
    remove_part(b);
    remove_part(d);
    Part *e = grow("e");
    remove_part(a);
    ck_assert_uint_eq(TorcMultiService_count(tree), 2);
    ck_assert_ptr_eq(TorcMultiService_first(tree), &c->base);
    ck_assert_ptr_eq(c->base.next, &e->base);
    ck_assert_ptr_eq(e->base.previous, &c->base);
    notes[0] = '\0';
    start_tree();
    ck_over(stop(top));
    ck_notes("c+ e+ e- c- ");
}
END_TEST

START_TEST(removing_a_stranger_is_refused)
{
    Part *a = new_plain("a");
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcMultiService_removeService(tree, &a->base, &done), -ENOENT);
    ck_assert_int_eq(TorcMultiService_removeService(NULL, &a->base, &done), -EINVAL);
    ck_assert_int_eq(TorcMultiService_removeService(tree, NULL, &done), -EINVAL);
    ck_assert_int_eq(TorcMultiService_addService(NULL, &a->base), -EINVAL);
    ck_assert_int_eq(TorcMultiService_addService(tree, NULL), -EINVAL);
    ck_assert_ptr_null(done);
    ck_assert_ptr_null(TorcMultiService_service(NULL));
    ck_assert_ptr_null(TorcMultiService_first(NULL));
    ck_assert_ptr_null(TorcMultiService_getServiceNamed(NULL, "a"));
    ck_assert_ptr_null(TorcMultiService_getServiceNamed(tree, NULL));
    ck_assert_uint_eq(TorcMultiService_count(NULL), 0);
    drop(a);
}
END_TEST

/* ---- from inside the slots of children ----------------------------------------------------- */

START_TEST(a_child_removes_itself_while_the_tree_starts)
{
    grow("a");
    grow("b")->on_start = remove_part;
    grow("c");
    start_tree();
    ck_notes("a+ b+ b- b~ c+ ");
    ck_assert_uint_eq(TorcMultiService_count(tree), 2);
}
END_TEST

START_TEST(a_child_removes_itself_while_the_tree_stops)
{
    grow("a");
    grow("b")->on_stop = remove_part;
    grow("c");
    start_tree();
    ck_over(stop(top));
    ck_notes("a+ b+ c+ c- b- b~ a- ");
}
END_TEST

static Part *other;

static void remove_other(Part *part)
{
    (void)part;
    remove_part(other);
}

START_TEST(a_child_removes_the_next_while_the_tree_starts)
{
    grow("a")->on_start = remove_other;
    other = grow("b");
    grow("c");
    start_tree();
    ck_notes("a+ b~ c+ ");
}
END_TEST

START_TEST(a_child_removes_the_next_while_the_tree_stops)
{
    grow("a");
    other = grow("b");
    grow("c")->on_stop = remove_other;
    start_tree();
    ck_over(stop(top));
    ck_notes("a+ b+ c+ c- b- b~ a- ");
}
END_TEST

static void remove_itself_and_other(Part *part)
{
    remove_part(part);
    remove_part(other);
}

START_TEST(a_child_removes_itself_and_the_next)
{
    grow("a")->on_start = remove_itself_and_other;
    other = grow("b");
    grow("c");
    start_tree();
    ck_notes("a+ a- b~ a~ c+ ");
    other = grow("d");
    grow("e")->on_stop = remove_itself_and_other;
    ck_over(stop(top));
    ck_notes("d+ e+ e- d- d~ e~ c- ");
}
END_TEST

static void add_another(Part *part)
{
    part->on_start = part->on_stop = NULL;
    grow("z");
}

START_TEST(one_added_while_the_tree_starts_is_started_at_once)
{
    grow("a")->on_start = add_another;
    grow("b");
    start_tree();
    ck_over(stop(top));
    ck_notes("a+ z+ b+ z- b- a- ");
}
END_TEST

START_TEST(one_added_by_the_last_child_is_started_once)
{
    grow("a")->on_start = add_another;
    start_tree();
    ck_notes("a+ z+ ");
}
END_TEST

START_TEST(one_added_before_a_failure_is_stopped_too)
{
    grow("a")->on_start = add_another;
    grow("b")->start_result = -EIO;
    ck_assert_int_eq(TorcService_start(top), -EIO);
    ck_notes("a+ z+ b+ z- a- ");
}
END_TEST

START_TEST(one_added_while_the_tree_stops_waits_for_the_next_start)
{
    grow("a");
    grow("b")->on_stop = add_another;
    start_tree();
    ck_over(stop(top));
    ck_notes("a+ b+ b- a- ");
    start_tree();
    ck_notes("a+ b+ z+ ");
}
END_TEST

static void add_one_with_privileges(Part *part)
{
    part->on_stop = NULL;
    ck_assert_int_eq(add_to(tree, &new_part("z")->base), 0);
}

START_TEST(one_added_while_a_failure_is_undone_is_not_started)
{
    Part *a = new_part("a"), *b = new_part("b");
    a->on_stop = add_one_with_privileges;
    b->privileged_result = -EACCES;
    ck_assert_int_eq(add_to(tree, &a->base), 0);
    ck_assert_int_eq(add_to(tree, &b->base), 0);
    ck_assert_int_eq(TorcService_start(top), -EACCES);
    ck_notes("a! b! a- ");
    b->privileged_result = 0;
    start_tree();
    ck_notes("a! b! z! a+ b+ z+ ");
}
END_TEST

static void stop_tree(Part *part)
{
    part->on_start = NULL;
    all_over = stop(top);
}

START_TEST(stopped_by_a_child_while_it_starts_the_tree_goes_no_further)
{
    grow("a");
    Part *b = grow("b");
    b->on_start = stop_tree;
    b->start_result = -EIO; /* does not matter any more */
    grow("c");
    ck_assert_int_eq(TorcService_start(top), 0);
    ck_assert(!top->running && !top->privileged);
    ck_notes("a+ b+ b- a- ");
    ck_over(all_over);
}
END_TEST

static void start_top(Part *part)
{
    part->on_stop = NULL;
    start_tree();
}

START_TEST(started_by_a_child_while_it_stops_the_tree_runs)
{
    grow("a");
    grow("b")->on_stop = start_top;
    grow("c");
    start_tree();
    ck_over(stop(top));
    ck_assert(top->running);
    ck_notes("a+ b+ c+ c- b- b+ c+ ");
    ck_over(stop(top));
    ck_notes("c- b- a- ");
}
END_TEST

static void remove_parent(Part *part)
{
    TorcService *parent = TorcMultiService_service(part->base.parent);
    ck_assert_int_eq(TorcMultiService_removeService(parent->parent, parent, NULL), 0);
}

START_TEST(a_child_removes_its_parent_while_that_starts)
{
    TorcMultiService *branch = grow_branch();
    Part *a = new_plain("a");
    a->on_start = remove_parent;
    ck_assert_int_eq(add_to(branch, &a->base), 0);
    ck_assert_int_eq(add_to(branch, &new_plain("b")->base), 0);
    grow("c");
    start_tree();
    ck_notes("a+ a- b~ a~ c+ ");
    ck_assert_uint_eq(TorcMultiService_count(tree), 1);
}
END_TEST

START_TEST(a_child_removes_its_parent_while_that_stops)
{
    TorcMultiService *branch = grow_branch();
    Part *b = new_plain("b");
    ck_assert_int_eq(add_to(branch, &new_plain("a")->base), 0);
    ck_assert_int_eq(add_to(branch, &b->base), 0);
    b->on_stop = remove_parent;
    grow("c");
    start_tree();
    ck_over(stop(top));
    ck_notes("a+ b+ c+ c- b- a- b~ a~ ");
}
END_TEST

static void drop_tree(Part *part)
{
    part->on_start = part->on_stop = NULL;
    top = TorcService_unref(top);
}

START_TEST(the_last_reference_of_the_tree_goes_while_it_starts)
{
    grow("a");
    grow("b")->on_start = drop_tree;
    grow("c");
    ck_assert_int_eq(TorcService_start(top), 0);
    ck_notes("a+ b+ c+ c- b- a- c~ b~ a~ ");
}
END_TEST

START_TEST(the_last_reference_of_the_tree_goes_while_it_stops)
{
    grow("a");
    grow("b")->on_stop = drop_tree;
    start_tree();
    ck_over(stop(top));
    ck_notes("a+ b+ b- a- b~ a~ ");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {one_added_to_a_running_parent_is_started,
                                  one_added_between_the_halves_gets_its_privileged_one,
                                  one_whose_start_fails_is_not_added,
                                  one_that_has_a_parent_is_refused,
                                  no_service_is_above_itself,
                                  names_are_unique_among_sisters,
                                  one_removed_is_stopped_and_its_end_awaited,
                                  a_child_is_moved_by_who_holds_a_reference,
                                  the_list_stays_right_whoever_goes,
                                  removing_a_stranger_is_refused,
                                  a_child_removes_itself_while_the_tree_starts,
                                  a_child_removes_itself_while_the_tree_stops,
                                  a_child_removes_the_next_while_the_tree_starts,
                                  a_child_removes_the_next_while_the_tree_stops,
                                  a_child_removes_itself_and_the_next,
                                  one_added_while_the_tree_starts_is_started_at_once,
                                  one_added_by_the_last_child_is_started_once,
                                  one_added_before_a_failure_is_stopped_too,
                                  one_added_while_the_tree_stops_waits_for_the_next_start,
                                  one_added_while_a_failure_is_undone_is_not_started,
                                  stopped_by_a_child_while_it_starts_the_tree_goes_no_further,
                                  started_by_a_child_while_it_stops_the_tree_runs,
                                  a_child_removes_its_parent_while_that_starts,
                                  a_child_removes_its_parent_while_that_stops,
                                  the_last_reference_of_the_tree_goes_while_it_starts,
                                  the_last_reference_of_the_tree_goes_while_it_stops,
                                  NULL};
    return run_services_with("children of services", tests, set_up_tree, tear_down_tree);
}
