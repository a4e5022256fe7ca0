/* The queue in which deferreds wait for their turn: doubly linked, so that leaving it costs the
 * same wherever one stands.
 *
 * Thread: the reactor's. Owner: the semaphore, queue or service whose member it is. Invariant: a
 * waiter is in one queue exactly as long as its deferred has neither fired nor been cancelled, so
 * that steps of those that fire may cancel any other. */
#include "deferred_waiters_internal.h"
#include "reactor_internal.h"

struct TorcWaiter {
    TorcWaiter *next;
    TorcWaiter *previous;
    TorcWaiters *waiters;
    TorcDeferred *deferred;
    unsigned failures; /* of what it waits for, still to be seen; 0: any number */
};

static void append(TorcWaiters *waiters, TorcWaiter *waiter)
{
    waiter->waiters = waiters;
    waiter->next = NULL;
    waiter->previous = waiters->last;
    *(waiters->last ? &waiters->last->next : &waiters->first) = waiter;
    waiters->last = waiter;
    waiters->count++;
}

static void take_out(TorcWaiter *waiter)
{
    TorcWaiters *waiters = waiter->waiters;

    *(waiter->previous ? &waiter->previous->next : &waiters->first) = waiter->next;
    *(waiter->next ? &waiter->next->previous : &waiters->last) = waiter->previous;
    waiters->count--;
}

static void leave(TorcWaiter *waiter)
{
    take_out(waiter);
    torc__free(waiter);
}

static void cancel_waiter(TorcDeferred *deferred, void *arg)
{
    (void)deferred;
    leave(arg);
}

TorcDeferred *torc__waiters_addLimited(TorcWaiters *waiters, unsigned failures)
{
    TorcWaiter *waiter = torc__malloc(sizeof(*waiter));
    TorcDeferred *deferred = waiter ? TorcDeferred_new(cancel_waiter, waiter) : NULL;
    if (!deferred) {
        torc__free(waiter);
        errno = ENOMEM;
        return NULL;
    }
    waiter->deferred = deferred;
    waiter->failures = failures;
    append(waiters, waiter);
    return deferred;
}

TorcDeferred *torc__waiters_add(TorcWaiters *waiters)
{
    return torc__waiters_addLimited(waiters, 0);
}

TorcDeferred *torc__waiters_pop(TorcWaiters *waiters)
{
    if (!waiters->first)
        return NULL;
    TorcDeferred *deferred = waiters->first->deferred;
    leave(waiters->first);
    return deferred;
}

void torc__waiters_expire(TorcWaiters *waiters, TorcWaiters *expired)
{
    TorcWaiter *next;
    for (TorcWaiter *waiter = waiters->first; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->failures == 0 || --waiter->failures > 0)
            continue;
        take_out(waiter);
        append(expired, waiter);
    }
}

void torc__waiters_cancel(TorcWaiters *waiters)
{
    TorcDeferred *deferred;
    while ((deferred = torc__waiters_pop(waiters)) != NULL)
        (void)TorcDeferred_errback(deferred, TorcReason_static(TORC_OPERATION_CANCELLED));
}
