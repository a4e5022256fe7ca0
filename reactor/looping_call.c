/* LoopingCall: a function called every so many seconds.
 *
 * Thread: the reactor's. Owner: the application; what waits for a deferred of the function owns the
 * memory as well, and frees it if it was given up meanwhile. Invariants: `tick` is armed in the state
 * WAITING and only then; `done` has not fired and is there from start until the last call is over,
 * unless it was cancelled.
 *
 * Time is counted in intervals since `origin`: the k-th call is due at origin + k * interval, however
 * late the one before was, so nothing adds up. */
#include "reactor_internal.h"
#include "task_internal.h"

typedef enum LoopState {
    IDLE,
    WAITING, /* for the next tick */
    CALLING, /* the function is on the stack */
    PENDING  /* for the deferred that the function left */
} LoopState;

struct TorcLoopingCall {
    TorcTick tick;         /* first: the tick knows its owner by it */
    TorcFollower follower; /* while PENDING, when there is no tick */
    TorcReactor *reactor;
    TorcDeferredFunction *function;
    void *arg;
    TorcDeferred *done;
    TorcDeferred *pending;
    int64_t interval;
    int64_t origin;
    int64_t last; /* the interval of the last call; one before the first */
    uint64_t count;
    LoopState state;
    bool running;
    bool reset; /* asked for while a call is not over */
    bool freed;
};

/* ---- counting ------------------------------------------------------------------------------ */

static int64_t intervals_until(const TorcLoopingCall *loop, int64_t now)
{
    return loop->interval > 0 ? (now - loop->origin) / loop->interval : loop->last + 1;
}

/* Nanoseconds from `now` to the next call. */
static int64_t time_left(const TorcLoopingCall *loop, int64_t now)
{
    if (loop->interval == 0)
        return 0;
    int64_t passed = now - loop->origin;
    return loop->interval - passed % loop->interval;
}

static void count_from(TorcLoopingCall *loop, int64_t now)
{
    loop->origin = now;
    loop->last = 0;
    loop->reset = false;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* The last call is over. Who waits for `done` may start the loop anew, or free it. */
static void end(TorcLoopingCall *loop, const TorcReason *failure)
{
    TorcDeferred *done = loop->done;

    loop->done = NULL;
    loop->state = IDLE;
    loop->running = false;
    if (loop->freed)
        torc__free(loop);
    if (done && failure)
        (void)TorcDeferred_errback(done, failure);
    else if (done)
        (void)TorcDeferred_callback(done, NULL, NULL);
}

static void end_out_of_memory(TorcLoopingCall *loop)
{
    TorcReason *reason =
        TorcReason_new(TORC_OPERATION_FAILED, -ENOMEM, "no memory for the next call of a loop");
    end(loop, reason);
    TorcReason_unref(reason);
}

/* ---- a call -------------------------------------------------------------------------------- */

static void wait_for_next(TorcLoopingCall *loop)
{
    int64_t now = torc__now(loop->reactor);
    if (loop->reset)
        count_from(loop, now);
    loop->state = WAITING;
    if (torc__tick_start(&loop->tick, loop->reactor, time_left(loop, now)) < 0)
        end_out_of_memory(loop);
}

/* A call is over, and this is its result. */
static void call_over(TorcLoopingCall *loop, TorcResult *result)
{
    TorcReason *failure = result->reason ? TorcReason_ref(result->reason) : NULL;

    TorcResult_clear(result); /* may stop the loop */
    if (failure || !loop->running)
        end(loop, failure);
    else
        wait_for_next(loop);
    TorcReason_unref(failure);
}

/* What is waited for may come still; it then finds a loop that has been stopped. */
static void reactor_gone(TorcFollower *follower)
{
    TorcLoopingCall *loop =
        (TorcLoopingCall *)(void *)((char *)follower - offsetof(TorcLoopingCall, follower));
    TorcDeferred *done = loop->done;

    loop->done = NULL;
    loop->running = false;
    if (done)
        (void)TorcDeferred_errback(done, TorcReason_static(TORC_OPERATION_CANCELLED));
}

static void pending_over(TorcResult *result, void *arg)
{
    TorcLoopingCall *loop = arg;
    TorcDeferred *pending = loop->pending;

    torc__unfollow(&loop->follower);
    if (!pending) { /* the loop was freed, and everybody was told */
        torc__free(loop);
        return;
    }
    loop->pending = NULL;
    TorcDeferred_release(pending);
    loop->state = CALLING;
    call_over(loop, result);
}

static void call_function(TorcLoopingCall *loop)
{
    int64_t now = intervals_until(loop, torc__now(loop->reactor));
    TorcResult result = {0};

    loop->count = (uint64_t)(now - loop->last);
    loop->last = now;
    loop->state = CALLING;
    loop->function(&result, loop->arg);
    TorcDeferred *pending = torc__result_takeDeferred(&result);
    if (!pending) {
        call_over(loop, &result);
    } else if (loop->freed) {
        TorcDeferred_release(pending);
        end(loop, NULL);
    } else {
        loop->pending = pending;
        loop->state = PENDING;
        loop->follower.reactorGone = reactor_gone;
        torc__follow(loop->reactor, &loop->follower);
        (void)TorcDeferred_addBoth(pending, pending_over, loop);
    }
}

static void tick_over(TorcTick *tick, bool due)
{
    TorcLoopingCall *loop = (TorcLoopingCall *)tick;
    if (due)
        call_function(loop);
    else
        end(loop, TorcReason_static(TORC_OPERATION_CANCELLED));
}

/* ---- the application's side ---------------------------------------------------------------- */

TorcLoopingCall *TorcLoopingCall_new(TorcReactor *reactor, TorcDeferredFunction *function,
                                     void *arg)
{
    TorcLoopingCall *loop = reactor && function ? torc__zalloc(sizeof(*loop)) : NULL;
    if (!loop) {
        errno = reactor && function ? ENOMEM : EINVAL;
        return NULL;
    }
    loop->tick =
        (TorcTick){.function = tick_over, .what = "looping call", .callee = (uintptr_t)function};
    loop->reactor = reactor;
    loop->function = function;
    loop->arg = arg;
    return loop;
}

static void stop(TorcLoopingCall *loop)
{
    loop->running = false;
    if (loop->state != WAITING)
        return; /* the end comes with the end of the call */
    torc__tick_stop(&loop->tick);
    end(loop, NULL);
}

/* `done` is over with this, the canceller's caller sees to it. */
static void cancel_done(TorcDeferred *done, void *arg)
{
    TorcLoopingCall *loop = arg;
    (void)done;
    loop->done = NULL;
    stop(loop);
}

/* The step of what it waits for frees the loop: here, unless the chain goes on after a cancel. `done`
 * comes first, as its canceller knows the loop. */
static void give_up_pending(TorcLoopingCall *loop)
{
    TorcDeferred *pending = loop->pending;
    TorcDeferred *done = loop->done;

    torc__unfollow(&loop->follower);
    loop->pending = NULL;
    loop->done = NULL;
    if (done)
        (void)TorcDeferred_callback(done, NULL, NULL);
    TorcDeferred_release(pending);
}

void TorcLoopingCall_free(TorcLoopingCall *loop)
{
    if (!loop || loop->freed)
        return;
    loop->freed = true;
    switch (loop->state) {
    case IDLE: torc__free(loop); break;
    case PENDING: give_up_pending(loop); break;
    case WAITING:
    case CALLING: stop(loop); break;
    }
}

int TorcLoopingCall_start(TorcLoopingCall *loop, double interval, bool now, TorcDeferred **ret_done)
{
    TORC__REQUIRE(loop && interval >= 0);
    if (loop->state != IDLE)
        return -EALREADY;
    TorcDeferred *done = TorcDeferred_new(cancel_done, loop);
    if (!done)
        return -ENOMEM;
    loop->interval = torc__nanoseconds(interval);
    count_from(loop, torc__now(loop->reactor));
    loop->last = now ? -1 : 0;
    int r = torc__tick_start(&loop->tick, loop->reactor, now ? 0 : loop->interval);
    if (r < 0) {
        torc__deferred_discard(done);
        return r;
    }
    loop->state = WAITING;
    loop->running = true;
    loop->done = done;
    if (ret_done)
        *ret_done = done;
    else
        TorcDeferred_detach(done);
    return 0;
}

int TorcLoopingCall_stop(TorcLoopingCall *loop)
{
    TORC__REQUIRE(loop);
    if (!loop->running)
        return -EALREADY;
    stop(loop);
    return 0;
}

int TorcLoopingCall_reset(TorcLoopingCall *loop)
{
    TORC__REQUIRE(loop);
    if (!loop->running)
        return -EALREADY;
    if (loop->state != WAITING) {
        loop->reset = true;
        return 0;
    }
    count_from(loop, torc__now(loop->reactor));
    torc__tick_reset(&loop->tick, loop->interval);
    return 0;
}

bool TorcLoopingCall_running(const TorcLoopingCall *loop)
{
    return loop && loop->running;
}

uint64_t TorcLoopingCall_count(const TorcLoopingCall *loop)
{
    return loop ? loop->count : 0;
}
