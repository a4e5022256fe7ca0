/* What the tests of cooperators share: one of them, and two tasks that tell their steps. */
#ifndef TORC_TESTS_COOPERATOR_FIXTURE_H
#define TORC_TESTS_COOPERATOR_FIXTURE_H

#include "task_fixture.h"

#include "testing/sim_internal.h"

static TorcCooperator *cooperator;

/* A task that writes its name for each step. */
typedef struct Work {
    const char *name;
    int steps; /* to be made */
    int made;
    TorcDeferred *left; /* by the next step */
    TorcDeferredFunction *action;
    TorcCooperativeTask task;
    TorcDeferred *done;
} Work;

static Work a, b;
static int64_t step_time; /* each step takes so long */

static inline bool step(TorcResult *result, void *arg)
{
    Work *work = arg;
    ck_assert_ptr_null(result->value);
    if (work->steps <= 20) { /* more would not fit */
        write_note(work->name, "");
        notes[strlen(notes) - 2] = '\0'; /* the colon and the blank */
    }
    work->made++;
    sim->kernel->now += step_time;
    TorcDeferred *left = work->left;
    work->left = NULL;
    if (left)
        TorcResult_wait(result, left);
    if (work->action)
        work->action(result, work);
    return work->made < work->steps;
}

static inline void begin_cooperator(void)
{
    begin();
    step_time = 0;
    a = (Work){.name = "a", .steps = 3};
    b = (Work){.name = "b", .steps = 3};
    cooperator = TorcCooperator_new(reactor);
    ck_assert_ptr_nonnull(cooperator);
}

static inline void end_cooperator(void)
{
    TorcCooperator_free(cooperator);
    cooperator = NULL;
    TorcDeferred_release(a.done);
    TorcDeferred_release(b.done);
    end();
}

static inline void cooperate(Work *work)
{
    ck_assert_int_eq(TorcCooperator_cooperate(cooperator, step, work, &work->task, &work->done), 0);
}

/* Notes its end, and forgives a failure. */
static inline void cooperate_noting(Work *work)
{
    cooperate(work);
    note_done(work->done);
    TorcDeferred_addErrback(work->done, handle_step, NULL);
}

#endif
