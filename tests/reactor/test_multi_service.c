/* Services made of services: order, failures, and children that come and go at any moment. */
#include "service_fixture.h"

static TorcMultiService *tree;
static TorcService *top; /* it, as a service */
static TorcDeferred *all_over;

static void set_up_tree(void)
{
    set_up();
    tree = TorcMultiService_new();
    top = TorcMultiService_service(tree);
    all_over = NULL;
}

/* The tree's own reference goes, unless the test was about that. */
static void tear_down_tree(void)
{
    TorcService_unref(top);
    tear_down();
}

static int add_to(TorcMultiService *parent, TorcService *child)
{
    int r = TorcMultiService_addService(parent, child);
    TorcService_unref(child);
    return r;
}

/* A child that belongs to the tree alone. */
static Part *grow(const char *tag)
{
    Part *part = new_plain(tag);
    ck_assert_int_eq(add_to(tree, &part->base), 0);
    return part;
}

static TorcMultiService *grow_branch(void)
{
    TorcMultiService *branch = TorcMultiService_new();
    ck_assert_int_eq(add_to(tree, TorcMultiService_service(branch)), 0);
    return branch;
}

static void start_tree(void)
{
    ck_assert_int_eq(TorcService_start(top), 0);
    ck_assert(top->running);
}

static void remove_part(Part *part)
{
    ck_assert_int_eq(TorcMultiService_removeService(part->base.parent, &part->base, NULL), 0);
}

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
                                  one_added_to_a_running_parent_is_started,
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
                                  a_running_tree_is_stopped_and_stays_until_its_end,
                                  children_of_others_outlive_the_tree,
                                  a_child_that_runs_by_itself_is_stopped_with_its_last_reference,
                                  one_added_to_a_tree_that_is_being_freed_goes_with_it,
                                  out_of_memory_an_end_under_way_is_missed_and_that_is_said,
                                  each_allocation_may_fail,
                                  NULL};
    return run_services_with("multi service", tests, set_up_tree, tear_down_tree);
}
