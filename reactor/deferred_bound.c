/* Deferreds that end with a connection: TorcDeferred_bind.
 *
 * Thread: the reactor's. Owner: a bound deferred is on its connection's list, by what lies in the
 * room of its first steps, which are elsewhere then; so binding needs no record that could outlive
 * it. It leaves the list when it is freed or its connection ends. */
#include "deferred_internal.h"
#include "reactor_internal.h"

static void connection_ends(TorcBound *bound)
{
    TorcDeferred *deferred =
        (TorcDeferred *)(void *)((char *)bound - offsetof(TorcDeferred, bound));
    deferred->flags &= (uint8_t)~TORC__DEFERRED_BOUND;
    torc__deferred_stop(deferred);
}

int TorcDeferred_bind(TorcDeferred *deferred, TorcProtocol *protocol)
{
    TORC__REQUIRE(deferred && protocol);
    if (deferred->flags & TORC__DEFERRED_BOUND)
        return -EBUSY;
    TorcBoundCalls *list;
    int r = torc__bound_listOf(protocol, &list);
    if (r == 0)
        r = torc__deferred_moveSteps(deferred);
    if (r < 0)
        return r;
    deferred->flags |= TORC__DEFERRED_BOUND;
    deferred->bound.cancel = connection_ends;
    torc__bound_add(list, &deferred->bound);
    return 0;
}
