/* What the tests of services made of services share: a tree that records in which order its
 * children were called, and the proof that nothing of it is left. */
#ifndef TORC_TESTS_MULTI_SERVICE_FIXTURE_H
#define TORC_TESTS_MULTI_SERVICE_FIXTURE_H

#include "service_fixture.h"

static TorcMultiService *tree;
static TorcService *top; /* it, as a service */
static TorcDeferred *all_over;

static inline void set_up_tree(void)
{
    set_up();
    tree = TorcMultiService_new();
    top = TorcMultiService_service(tree);
    all_over = NULL;
}

/* The tree's own reference goes, unless the test was about that. */
static inline void tear_down_tree(void)
{
    TorcService_unref(top);
    tear_down();
}

static inline int add_to(TorcMultiService *parent, TorcService *child)
{
    int r = TorcMultiService_addService(parent, child);
    TorcService_unref(child);
    return r;
}

/* A child that belongs to the tree alone. */
static inline Part *grow(const char *tag)
{
    Part *part = new_plain(tag);
    ck_assert_int_eq(add_to(tree, &part->base), 0);
    return part;
}

static inline TorcMultiService *grow_branch(void)
{
    TorcMultiService *branch = TorcMultiService_new();
    ck_assert_int_eq(add_to(tree, TorcMultiService_service(branch)), 0);
    return branch;
}

static inline void start_tree(void)
{
    ck_assert_int_eq(TorcService_start(top), 0);
    ck_assert(top->running);
}

static inline void remove_part(Part *part)
{
    ck_assert_int_eq(TorcMultiService_removeService(part->base.parent, &part->base, NULL), 0);
}

#endif
