/* Deferreds that wait for their turn, first come first served. Not installed. */
#ifndef TORC_REACTOR_DEFERRED_WAITERS_INTERNAL_H
#define TORC_REACTOR_DEFERRED_WAITERS_INTERNAL_H

#include "deferred.h"

typedef struct TorcWaiter TorcWaiter;

/* {0} is empty. Must stay where it is while somebody waits. */
typedef struct TorcWaiters {
    TorcWaiter *first;
    TorcWaiter *last;
    size_t count;
} TorcWaiters;

/* Somebody comes last; cancelling the deferred takes it out again. NULL and ENOMEM. */
TorcDeferred *torc__waiters_add(TorcWaiters *waiters);

/* The same for somebody who waits no longer than until what is waited for has failed so many times
 * (0: any number). */
TorcDeferred *torc__waiters_addLimited(TorcWaiters *waiters, unsigned failures);

/* It has failed once more: those for whom that was the last time go to the end of the other queue,
 * for good. Calls nobody. O(n). */
void torc__waiters_expire(TorcWaiters *waiters, TorcWaiters *expired);

/* Takes out whoever has waited longest, to be fired by the caller. NULL when nobody waits. */
TorcDeferred *torc__waiters_pop(TorcWaiters *waiters);

/* Everybody fails with TORC_OPERATION_CANCELLED, also who comes meanwhile. */
void torc__waiters_cancel(TorcWaiters *waiters);

#endif
