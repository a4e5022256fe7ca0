/* Deferreds that wait for a connection, some of them no longer than a number of failures. Not
 * installed. */
#ifndef TORC_ENDPOINTS_CONNECTION_WAITERS_INTERNAL_H
#define TORC_ENDPOINTS_CONNECTION_WAITERS_INTERNAL_H

#include "../reactor/deferred.h"

typedef struct TorcConnectionWaiter TorcConnectionWaiter;

typedef struct TorcConnectionQueue {
    TorcConnectionWaiter *first;
    TorcConnectionWaiter *last;
} TorcConnectionQueue;

/* {0} is empty. Must stay where it is while somebody waits. */
typedef struct TorcConnectionWaiters {
    TorcConnectionQueue waiting;
    TorcConnectionQueue tired; /* have seen as many failures as they would */
} TorcConnectionWaiters;

/* Somebody comes last, who would see so many failures (0: any number); cancelling the deferred takes
 * it out again. NULL: out of memory. */
TorcDeferred *torc__connectionWaiters_add(TorcConnectionWaiters *waiters, unsigned failures);

/* One more failure: calls nobody. O(n). */
void torc__connectionWaiters_fail(TorcConnectionWaiters *waiters);

/* Takes out whoever has waited longest, of those who are tired or of all others, to be fired by the
 * caller. NULL when there is none. */
TorcDeferred *torc__connectionWaiters_popTired(TorcConnectionWaiters *waiters);
TorcDeferred *torc__connectionWaiters_pop(TorcConnectionWaiters *waiters);

#endif
