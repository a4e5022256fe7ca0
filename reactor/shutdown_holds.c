/* What keeps the shutdown's before phase open: holdShutdown.
 *
 * Thread: the reactor's. Owner: a hold is the receiver of its deferred, and is freed by the step that
 * it added to it, which runs in any case. Invariant: a hold is on its reactor's list until the step
 * runs or the phase has ended; afterwards it knows no reactor. */
#include "deferred.h"
#include "reactor_internal.h"
#include "system_events.h"

typedef struct TorcHold {
    struct TorcHold *next;
    TorcReactor *reactor;   /* NULL: the phase has ended without it */
    TorcDeferred *deferred; /* NULL: the step could not be added */
} TorcHold;

static void unlink_hold(TorcHold *hold)
{
    TorcHold **link = &hold->reactor->holds;
    while (*link != hold)
        link = &(*link)->next;
    *link = hold->next;
}

static void end_hold(TorcResult *result, void *arg)
{
    TorcHold *hold = arg;
    (void)result; /* stays: a failure is logged */
    if (hold->reactor) {
        unlink_hold(hold);
        hold->reactor->work_left = true; /* the turn under way must not sleep first */
    }
    TorcDeferred_detach(hold->deferred);
    torc__free(hold);
}

static int hold_until(TorcReactor *reactor, TorcDeferred *deferred)
{
    TorcHold *hold = torc__malloc(sizeof(*hold));
    if (!hold)
        return -ENOMEM;
    *hold = (TorcHold){.next = reactor->holds, .reactor = reactor};
    reactor->holds = hold;
    int r = TorcDeferred_addBoth(deferred, end_hold, hold);
    if (r == 0)
        hold->deferred = deferred;
    return r;
}

int TorcReactor_holdShutdown(TorcReactor *reactor, TorcDeferred *deferred)
{
    int r = 0;
    if (!reactor || !deferred || reactor->state != TORC__BEFORE_SHUTDOWN)
        r = -EINVAL;
    else if (TorcDeferred_result(deferred))
        TorcDeferred_detach(deferred);
    else
        r = hold_until(reactor, deferred);
    if (r < 0)
        TorcDeferred_release(deferred);
    return r;
}

void torc__holds_release(TorcReactor *reactor)
{
    while (reactor->holds) {
        TorcHold *hold = reactor->holds;
        reactor->holds = hold->next;
        hold->reactor = NULL;
        TorcDeferred_release(hold->deferred); /* mostly runs the step, which frees the hold */
    }
}
