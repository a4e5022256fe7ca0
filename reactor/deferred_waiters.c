/* The queue in which deferreds wait for their turn: doubly linked, so that leaving it costs the same
 * wherever one stands.
 *
 * Thread: the reactor's. Owner: the semaphore or queue whose member it is. Invariant: a waiter is in
 * the queue exactly as long as its deferred has neither fired nor been cancelled. */
#include "deferred_waiters_internal.h"
#include "reactor_internal.h"

struct TorcWaiter {
    TorcWaiter *next;
    TorcWaiter *previous;
    TorcWaiters *waiters;
    TorcDeferred *deferred;
};

static void leave(TorcWaiter *waiter)
{
    TorcWaiters *waiters = waiter->waiters;

    *(waiter->previous ? &waiter->previous->next : &waiters->first) = waiter->next;
    *(waiter->next ? &waiter->next->previous : &waiters->last) = waiter->previous;
    waiters->count--;
    torc__free(waiter);
}

static void cancel_waiter(TorcDeferred *deferred, void *arg)
{
    (void)deferred;
    leave(arg);
}

TorcDeferred *torc__waiters_add(TorcWaiters *waiters)
{
    TorcWaiter *waiter = torc__malloc(sizeof(*waiter));
    TorcDeferred *deferred = waiter ? TorcDeferred_new(cancel_waiter, waiter) : NULL;
    if (!deferred) {
        torc__free(waiter);
        errno = ENOMEM;
        return NULL;
    }
    *waiter = (TorcWaiter){NULL, waiters->last, waiters, deferred};
    *(waiters->last ? &waiters->last->next : &waiters->first) = waiter;
    waiters->last = waiter;
    waiters->count++;
    return deferred;
}

TorcDeferred *torc__waiters_pop(TorcWaiters *waiters)
{
    if (!waiters->first)
        return NULL;
    TorcDeferred *deferred = waiters->first->deferred;
    leave(waiters->first);
    return deferred;
}

void torc__waiters_cancel(TorcWaiters *waiters)
{
    TorcDeferred *deferred;
    while ((deferred = torc__waiters_pop(waiters)) != NULL)
        (void)TorcDeferred_errback(deferred, TorcReason_static(TORC_OPERATION_CANCELLED));
}
