/* The queues in which deferreds wait for a connection.
 *
 * Thread: the reactor's. Owner: the service whose members they are. Invariant: a waiter is in one of
 * the two queues exactly as long as its deferred has neither fired nor been cancelled, so that steps
 * of those that fire may cancel any other. */
#include "connection_waiters_internal.h"

#include "../reactor/reactor_internal.h"

struct TorcConnectionWaiter {
    TorcConnectionWaiter *next;
    TorcConnectionWaiter *previous;
    TorcConnectionQueue *queue;
    TorcDeferred *deferred;
    unsigned failures; /* still to be seen; 0: any number */
};

static void append(TorcConnectionQueue *queue, TorcConnectionWaiter *waiter)
{
    waiter->queue = queue;
    waiter->next = NULL;
    waiter->previous = queue->last;
    *(queue->last ? &queue->last->next : &queue->first) = waiter;
    queue->last = waiter;
}

static void take_out(TorcConnectionWaiter *waiter)
{
    TorcConnectionQueue *queue = waiter->queue;
    *(waiter->previous ? &waiter->previous->next : &queue->first) = waiter->next;
    *(waiter->next ? &waiter->next->previous : &queue->last) = waiter->previous;
}

static void cancel_waiter(TorcDeferred *deferred, void *arg)
{
    (void)deferred;
    take_out(arg);
    torc__free(arg);
}

static TorcDeferred *pop(TorcConnectionQueue *queue)
{
    TorcConnectionWaiter *waiter = queue->first;
    if (!waiter)
        return NULL;
    TorcDeferred *deferred = waiter->deferred;
    take_out(waiter);
    torc__free(waiter);
    return deferred;
}

TorcDeferred *torc__connectionWaiters_add(TorcConnectionWaiters *waiters, unsigned failures)
{
    TorcConnectionWaiter *waiter = torc__malloc(sizeof(*waiter));
    TorcDeferred *deferred = waiter ? TorcDeferred_new(cancel_waiter, waiter) : NULL;
    if (!deferred) {
        torc__free(waiter);
        return NULL;
    }
    waiter->deferred = deferred;
    waiter->failures = failures;
    append(&waiters->waiting, waiter);
    return deferred;
}

void torc__connectionWaiters_fail(TorcConnectionWaiters *waiters)
{
    TorcConnectionWaiter *next;
    for (TorcConnectionWaiter *waiter = waiters->waiting.first; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->failures == 0 || --waiter->failures > 0)
            continue;
        take_out(waiter);
        append(&waiters->tired, waiter);
    }
}

TorcDeferred *torc__connectionWaiters_popTired(TorcConnectionWaiters *waiters)
{
    return pop(&waiters->tired);
}

TorcDeferred *torc__connectionWaiters_pop(TorcConnectionWaiters *waiters)
{
    return pop(&waiters->waiting);
}
