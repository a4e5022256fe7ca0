/* What the tasks share: ticks, and deferreds left in results.
 *
 * Thread: the reactor's. Owner: a tick is part of its owner, who stops it before going away.
 * Invariant: a tick that is armed has a delayed call under way, and only then. */
#include "task_internal.h"

#include "deferred_internal.h"
#include "reactor_internal.h"

/* ---- ticks --------------------------------------------------------------------------------- */

static void note_due(void *arg)
{
    TorcTick *tick = arg;
    tick->due = true;
}

/* Everything is done here, in the destroy function: it runs last, so that the owner may go, and in
 * any case, so that the end of the reactor is noticed. */
static void tick_over(void *arg)
{
    TorcTick *tick = arg;
    bool due = tick->due;
    if (!tick->armed) /* stopped, or it could not be started */
        return;
    tick->armed = tick->due = false;
    tick->function(tick, due);
}

int torc__tick_start(TorcTick *tick, TorcReactor *reactor, int64_t delay)
{
    assert(!tick->armed);
    int r = torc__callLater(reactor, delay, note_due, tick, tick_over, NULL, &tick->call);
    tick->armed = r == 0;
    return r;
}

void torc__tick_reset(TorcTick *tick, int64_t delay)
{
    assert(tick->armed);
    (void)torc__delayedCall_reset(tick->call, delay); /* it is active */
}

void torc__tick_stop(TorcTick *tick)
{
    if (!tick->armed)
        return;
    tick->armed = false;
    (void)TorcDelayedCall_cancel(tick->call);
}

const TorcTick *torc__tick_of(TorcFunction *function, void *arg)
{
    return function == note_due ? arg : NULL;
}

/* ---- followers ----------------------------------------------------------------------------- */

void torc__follow(TorcReactor *reactor, TorcFollower *follower)
{
    assert(!follower->reactor);
    follower->reactor = reactor;
    follower->previous = NULL;
    follower->next = reactor->followers;
    if (follower->next)
        follower->next->previous = follower;
    reactor->followers = follower;
}

void torc__unfollow(TorcFollower *follower)
{
    if (!follower->reactor)
        return;
    if (follower->previous)
        follower->previous->next = follower->next;
    else
        follower->reactor->followers = follower->next;
    if (follower->next)
        follower->next->previous = follower->previous;
    follower->reactor = NULL;
}

void torc__followers_done(TorcReactor *reactor)
{
    while (reactor->followers) {
        TorcFollower *follower = reactor->followers;
        torc__unfollow(follower);
        follower->reactorGone(follower);
    }
}

/* ---- deferreds ----------------------------------------------------------------------------- */

TorcDeferred *torc__result_takeDeferred(TorcResult *result)
{
    TorcDeferred *deferred = result->deferred;
    result->deferred = NULL;
    if (!deferred || (!deferred->waiter && !(deferred->flags & TORC__DEFERRED_GONE)))
        return deferred;
    TorcResult_fail(result, TORC_OPERATION_FAILED, -EBUSY,
                    "a function returned a deferred that was given away before");
    return NULL;
}

void torc__deferred_discard(TorcDeferred *deferred)
{
    if (!deferred)
        return;
    (void)TorcDeferred_callback(deferred, NULL, NULL);
    TorcDeferred_release(deferred);
}
