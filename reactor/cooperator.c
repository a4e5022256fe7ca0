/* Cooperator: long work in small steps, many pieces of it in turn.
 *
 * Thread: the reactor's. Owner: the cooperator owns its tasks until they have ended; a task whose
 * deferred is still to come when it ends is freed by the step that it added there. Invariants: a task
 * is in the queue if and only if it is ready: no pause, no deferred, not on the stack. The tick is
 * armed when tasks are ready, except during a slice. A handle names a slot and the generation of the
 * task in it, so it may outlive the task.
 *
 * A slice lasts 10 ms. On a clock that stands still, as a simulation's does between its events, that
 * would be for ever: there 100 steps count as a slice, and the next one comes 10 ms later, so that
 * endless work lets time go on and neither blocks nor spins. */
#include <limits.h>

#include "reactor_internal.h"
#include "task_internal.h"

enum { SLICE_MILLISECONDS = 10, STEPS_WITHOUT_TIME = 100, FIRST_SLOTS = 4 };

static const int64_t slice_length = SLICE_MILLISECONDS * TORC__SECOND / 1000;

typedef struct CooperativeTask CooperativeTask;
struct CooperativeTask {
    CooperativeTask *previous; /* of all */
    CooperativeTask *next;
    CooperativeTask *queue_previous;
    CooperativeTask *queue_next;
    TorcCooperator *cooperator;
    TorcStepFunction *step;
    void *arg;
    TorcDeferred *done;    /* NULL: cancelled */
    TorcDeferred *pending; /* what a step left to wait for */
    uint32_t slot;         /* by which handles find it */
    unsigned pauses;
    bool queued;
    bool stepping;
    bool stopped; /* from inside its step */
    bool last;    /* its last step is done, and waited for */
};

/* One for each task there is, and as many as there ever were at a time. */
typedef struct TaskSlot {
    CooperativeTask *task; /* NULL: it has ended */
    uint32_t generation;
    uint32_t next_free; /* number + 1; 0: the last */
} TaskSlot;

struct TorcCooperator {
    TorcTick tick; /* first: the tick knows its owner by it */
    TorcFollower follower;
    TorcReactor *reactor; /* NULL: it was freed */
    CooperativeTask *tasks;
    CooperativeTask *queue_first;
    CooperativeTask *queue_last;
    TaskSlot *slots;
    uint32_t slot_count;
    uint32_t free_slot; /* number + 1; 0: none */
    unsigned holds;     /* functions on the stack that need it */
    bool in_slice;
    bool failing; /* no memory for a slice */
    bool freed;
};

static void hold(TorcCooperator *cooperator)
{
    cooperator->holds++;
}

static void unhold(TorcCooperator *cooperator)
{
    if (--cooperator->holds > 0 || !cooperator->freed)
        return;
    torc__free(cooperator->slots);
    torc__free(cooperator);
}

/* ---- handles ------------------------------------------------------------------------------- */

static int add_slots(TorcCooperator *cooperator)
{
    uint32_t count = cooperator->slot_count;
    uint32_t wanted = count > 0 ? 2 * count : FIRST_SLOTS;
    TaskSlot *slots =
        wanted > count ? torc__realloc(cooperator->slots, wanted * sizeof(TaskSlot)) : NULL;
    if (!slots)
        return -ENOMEM;
    for (uint32_t i = count; i < wanted; i++)
        slots[i] = (TaskSlot){.next_free = i + 1 < wanted ? i + 2 : 0};
    cooperator->slots = slots;
    cooperator->slot_count = wanted;
    cooperator->free_slot = count + 1;
    return 0;
}

static int take_slot(CooperativeTask *task)
{
    TorcCooperator *cooperator = task->cooperator;
    if (cooperator->free_slot == 0 && add_slots(cooperator) < 0)
        return -ENOMEM;
    task->slot = cooperator->free_slot - 1;
    TaskSlot *slot = &cooperator->slots[task->slot];
    cooperator->free_slot = slot->next_free;
    slot->task = task;
    return 0;
}

/* Its handles are stale from now on. */
static void leave_slot(CooperativeTask *task)
{
    TorcCooperator *cooperator = task->cooperator;
    TaskSlot *slot = &cooperator->slots[task->slot];
    slot->task = NULL;
    slot->generation++;
    slot->next_free = cooperator->free_slot;
    cooperator->free_slot = task->slot + 1;
}

static TorcCooperativeTask handle_of(const CooperativeTask *task)
{
    uint64_t generation = task->cooperator->slots[task->slot].generation;
    return (TorcCooperativeTask){task->cooperator, generation << 32 | task->slot};
}

/* NULL: it has ended. */
static CooperativeTask *find_task(TorcCooperativeTask handle)
{
    uint32_t number = (uint32_t)handle.id;
    if (!handle.cooperator || number >= handle.cooperator->slot_count)
        return NULL;
    if (handle.cooperator->reactor)
        TORC__ON_THREAD_OF(handle.cooperator->reactor);
    const TaskSlot *slot = &handle.cooperator->slots[number];
    return slot->generation == handle.id >> 32 ? slot->task : NULL;
}

/* ---- the queue ----------------------------------------------------------------------------- */

static void put_last(CooperativeTask *task)
{
    TorcCooperator *cooperator = task->cooperator;
    CooperativeTask *last = cooperator->queue_last;

    task->queued = true;
    task->queue_next = NULL;
    task->queue_previous = last;
    *(last ? &last->queue_next : &cooperator->queue_first) = task;
    cooperator->queue_last = task;
}

static void take_out(CooperativeTask *task)
{
    TorcCooperator *cooperator = task->cooperator;
    CooperativeTask *previous = task->queue_previous;
    CooperativeTask *next = task->queue_next;

    if (!task->queued)
        return;
    task->queued = false;
    *(previous ? &previous->queue_next : &cooperator->queue_first) = next;
    *(next ? &next->queue_previous : &cooperator->queue_last) = previous;
}

/* 0 or -ENOMEM. */
static int see_to_slice(TorcCooperator *cooperator, int64_t delay)
{
    bool comes = cooperator->in_slice || cooperator->failing || cooperator->tick.armed;
    bool over = cooperator->freed || !cooperator->reactor; /* tasks end with the cooperator */
    if (comes || over || !cooperator->queue_first)
        return 0;
    return torc__tick_start(&cooperator->tick, cooperator->reactor, delay);
}

/* ---- all tasks ----------------------------------------------------------------------------- */

static void link_task(CooperativeTask *task)
{
    TorcCooperator *cooperator = task->cooperator;
    task->next = cooperator->tasks;
    if (task->next)
        task->next->previous = task;
    cooperator->tasks = task;
}

static void unlink_task(CooperativeTask *task)
{
    if (task->previous)
        task->previous->next = task->next;
    else
        task->cooperator->tasks = task->next;
    if (task->next)
        task->next->previous = task->previous;
}

/* ---- the end of a task --------------------------------------------------------------------- */

/* The step of what it waits for frees the task: here, unless the chain goes on after a cancel. What
 * waits for `done` may free the cooperator. */
static void end_task(CooperativeTask *task, const TorcReason *failure)
{
    TorcDeferred *done = task->done;
    TorcDeferred *pending = task->pending;

    assert(!task->stepping);
    take_out(task);
    unlink_task(task);
    leave_slot(task);
    task->pending = NULL;
    if (!pending)
        torc__free(task);
    if (done && failure)
        (void)TorcDeferred_errback(done, failure);
    else if (done)
        (void)TorcDeferred_callback(done, NULL, NULL);
    TorcDeferred_release(pending);
}

static void cancel_task(CooperativeTask *task)
{
    if (task->stepping)
        task->stopped = true;
    else
        end_task(task, TorcReason_static(TORC_OPERATION_CANCELLED));
}

static void fail_task(CooperativeTask *task, int code)
{
    TorcReason *reason = TorcReason_new(TORC_OPERATION_FAILED, code, NULL);
    end_task(task, reason);
    TorcReason_unref(reason);
}

/* There is no memory for the next slice: those that wait for one would wait for ever. */
static void fail_queue(TorcCooperator *cooperator)
{
    hold(cooperator);
    cooperator->failing = true;
    while (cooperator->queue_first)
        fail_task(cooperator->queue_first, -ENOMEM);
    cooperator->failing = false;
    unhold(cooperator);
}

/* The task is ready, and its turn comes. */
static void go_on(CooperativeTask *task)
{
    TorcCooperator *cooperator = task->cooperator;
    put_last(task);
    if (see_to_slice(cooperator, 0) < 0)
        fail_queue(cooperator);
}

/* ---- a step -------------------------------------------------------------------------------- */

/* A step is over, or what it left to wait for. */
static void step_over(CooperativeTask *task, TorcResult *result)
{
    TorcReason *failure = result->reason ? TorcReason_ref(result->reason) : NULL;

    task->stepping = true; /* destroy functions may stop the task */
    TorcResult_clear(result);
    task->stepping = false;
    if (task->stopped)
        cancel_task(task);
    else if (failure || task->last)
        end_task(task, failure);
    else if (task->pauses == 0)
        go_on(task);
    TorcReason_unref(failure);
}

static void pending_over(TorcResult *result, void *arg)
{
    CooperativeTask *task = arg;
    TorcDeferred *pending = task->pending;
    TorcCooperator *cooperator = task->cooperator;

    if (!pending) { /* the task has ended without it, and maybe the cooperator */
        torc__free(task);
        return;
    }
    hold(cooperator);
    task->pending = NULL;
    TorcDeferred_release(pending);
    step_over(task, result);
    unhold(cooperator);
}

static void run_step(CooperativeTask *task)
{
    TorcReactor *reactor = task->cooperator->reactor;
    TorcResult result = {0};

    take_out(task);
    task->stepping = true;
    TORC__OBSERVE_CALL(reactor, "step", task->step, task->last = !task->step(&result, task->arg));
    task->stepping = false;
    TorcDeferred *pending = torc__result_takeDeferred(&result);
    if (pending && !task->stopped) {
        task->pending = pending;
        (void)TorcDeferred_addBoth(pending, pending_over, task);
    } else {
        task->stepping = true;
        TorcDeferred_release(pending);
        step_over(task, &result);
    }
}

/* ---- a slice ------------------------------------------------------------------------------- */

/* Nanoseconds until the next slice. */
static int64_t run_slice(TorcCooperator *cooperator)
{
    TorcReactor *reactor = cooperator->reactor;
    int64_t start = torc__now(reactor);
    int64_t now = start;

    for (int steps = 0; cooperator->queue_first; steps++) {
        if (now == start ? steps >= STEPS_WITHOUT_TIME : now - start >= slice_length)
            break;
        run_step(cooperator->queue_first);
        now = torc__now(reactor);
    }
    return now == start ? slice_length : 0;
}

static void slice(TorcTick *tick, bool due)
{
    TorcCooperator *cooperator = (TorcCooperator *)tick;

    if (!due)
        return; /* the reactor goes; the tasks end with the cooperator */
    hold(cooperator);
    cooperator->in_slice = true;
    int64_t delay = run_slice(cooperator);
    cooperator->in_slice = false;
    if (see_to_slice(cooperator, delay) < 0)
        fail_queue(cooperator);
    unhold(cooperator);
}

/* ---- the application's side ---------------------------------------------------------------- */

static void reactor_gone(TorcFollower *follower)
{
    TorcCooperator *cooperator =
        (TorcCooperator *)(void *)((char *)follower - offsetof(TorcCooperator, follower));
    cooperator->reactor = NULL;
}

TorcCooperator *TorcCooperator_new(TorcReactor *reactor)
{
    TorcCooperator *cooperator = reactor ? torc__zalloc(sizeof(*cooperator)) : NULL;
    if (!cooperator) {
        errno = reactor ? ENOMEM : EINVAL;
        return NULL;
    }
    cooperator->tick.function = slice;
    cooperator->tick.what = "slice of a cooperator";
    cooperator->follower.reactorGone = reactor_gone;
    cooperator->reactor = reactor;
    torc__follow(reactor, &cooperator->follower);
    return cooperator;
}

static CooperativeTask *first_to_end(TorcCooperator *cooperator)
{
    CooperativeTask *task = cooperator->tasks;
    while (task && task->stopped)
        task = task->next;
    return task;
}

/* Tasks on the stack are only marked: they end when their step returns. */
void TorcCooperator_free(TorcCooperator *cooperator)
{
    CooperativeTask *task;

    if (!cooperator || cooperator->freed)
        return;
    cooperator->freed = true;
    hold(cooperator);
    torc__unfollow(&cooperator->follower);
    torc__tick_stop(&cooperator->tick);
    while ((task = first_to_end(cooperator)))
        cancel_task(task);
    unhold(cooperator);
}

static void cancel_done(TorcDeferred *done, void *arg)
{
    CooperativeTask *task = arg;
    (void)done;
    task->done = NULL;
    cancel_task(task);
}

static void discard_task(CooperativeTask *task)
{
    torc__deferred_discard(task->done);
    torc__free(task);
}

/* NULL: out of memory. */
static CooperativeTask *new_task(TorcCooperator *cooperator, TorcStepFunction *step, void *arg)
{
    CooperativeTask *task = torc__zalloc(sizeof(*task));
    if (!task)
        return NULL;
    task->cooperator = cooperator;
    task->step = step;
    task->arg = arg;
    task->done = TorcDeferred_new(cancel_done, task);
    if (task->done && take_slot(task) == 0)
        return task;
    discard_task(task);
    return NULL;
}

int TorcCooperator_cooperate(TorcCooperator *cooperator, TorcStepFunction *step, void *arg,
                             TorcCooperativeTask *ret_task, TorcDeferred **ret_done)
{
    TORC__REQUIRE(cooperator && step);
    if (cooperator->freed)
        return -ECANCELED;
    CooperativeTask *task = cooperator->failing ? NULL : new_task(cooperator, step, arg);
    if (!task)
        return -ENOMEM;
    put_last(task);
    if (see_to_slice(cooperator, 0) < 0) {
        take_out(task);
        leave_slot(task);
        discard_task(task);
        return -ENOMEM;
    }
    link_task(task);
    if (ret_task)
        *ret_task = handle_of(task);
    if (ret_done)
        *ret_done = task->done;
    else
        TorcDeferred_detach(task->done);
    return 0;
}

int TorcCooperativeTask_pause(TorcCooperativeTask handle)
{
    CooperativeTask *task = find_task(handle);
    if (!task)
        return -TORC_ESTALE;
    TORC__REQUIRE(task->pauses < UINT_MAX);
    task->pauses++;
    take_out(task);
    return 0;
}

int TorcCooperativeTask_resume(TorcCooperativeTask handle)
{
    CooperativeTask *task = find_task(handle);
    if (!task)
        return -TORC_ESTALE;
    TORC__REQUIRE(task->pauses > 0);
    if (--task->pauses == 0 && !task->stepping && !task->pending)
        go_on(task);
    return 0;
}

int TorcCooperativeTask_stop(TorcCooperativeTask handle)
{
    CooperativeTask *task = find_task(handle);
    if (!task)
        return -TORC_ESTALE;
    cancel_task(task);
    return 0;
}
