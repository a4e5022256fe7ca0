/* Calls from other threads: callFromThread, and the reactor's side of it.
 *
 * Thread: any posts, the reactor's takes. Owner: a posted call belongs to the queue until it has
 * been taken. Posting is one compare-and-exchange on a stack; taking is one exchange that empties
 * it, so that a node is never popped alone and cannot come back under a poster's eyes (no ABA). Who
 * posts to an empty stack wakes the loop; who finds calls there knows that the wake-up of the first
 * is still ahead of the taking: N posts make one wake per batch. */
#include "reactor_internal.h"
#include "threads.h"

struct TorcPostedCall {
    TorcPostedCall *next; /* the one posted before; after taking: the one posted after */
    TorcKeptCall call;
};

/* True when the queue was empty. */
static bool push(TorcCallQueue *queue, TorcPostedCall *posted)
{
    TorcPostedCall *newest = atomic_load_explicit(&queue->newest, memory_order_relaxed);
    do
        posted->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&queue->newest, &newest, posted,
                                                  memory_order_release, memory_order_relaxed));
    return newest == NULL;
}

/* Empties the queue: what was in it, oldest first. */
static TorcPostedCall *take_all(TorcCallQueue *queue)
{
    TorcPostedCall *newest = atomic_exchange_explicit(&queue->newest, NULL, memory_order_acquire);
    TorcPostedCall *oldest = NULL;
    while (newest) {
        TorcPostedCall *before = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = before;
    }
    return oldest;
}

/* Takes the first of a list that take_all gave. */
static TorcKeptCall shift(TorcPostedCall **list)
{
    TorcPostedCall *first = *list;
    TorcKeptCall call = first->call;
    *list = first->next;
    torc__free(first);
    return call;
}

void torc__posted_run(TorcReactor *reactor)
{
    TorcPostedCall *batch = take_all(&reactor->posted);
    while (batch) {
        TorcKeptCall call = shift(&batch);
        torc__call_runObserved(reactor, &call, "call from thread");
    }
}

void torc__posted_done(TorcCallQueue *queue)
{
    TorcPostedCall *batch;
    while ((batch = take_all(queue))) { /* destroy functions may post again */
        while (batch) {
            TorcKeptCall call = shift(&batch);
            torc__call_destroy(&call);
        }
    }
}

TorcPostedCall *torc__posted_new(TorcFunction *function, void *arg, TorcFunction *destroy)
{
    TorcPostedCall *posted = torc__malloc(sizeof(*posted));
    if (posted)
        posted->call = (TorcKeptCall){function, arg, destroy};
    return posted;
}

void torc__posted_post(TorcReactor *reactor, TorcPostedCall *posted)
{
    if (push(&reactor->posted, posted))
        reactor->system->ops->wake(reactor->system);
}

static int post(TorcReactor *reactor, TorcKeptCall call)
{
    TorcPostedCall *posted = torc__posted_new(call.function, call.arg, call.destroy);
    if (!posted) {
        torc__call_destroy(&call);
        return -ENOMEM;
    }
    torc__posted_post(reactor, posted);
    return 0;
}

int TorcReactor_callFromThread(TorcReactor *reactor, TorcFunction *function, void *arg)
{
    TORC__REQUIRE(reactor && function);
    return post(reactor, (TorcKeptCall){function, arg, NULL});
}

int TorcReactor_callFromThreadWith(TorcReactor *reactor, const TorcCall *call)
{
    int r = reactor ? torc__call_check(call, false) : -EINVAL;
    if (r < 0)
        return torc__call_refuse(call, r);
    return post(reactor, (TorcKeptCall){call->function, call->arg, call->destroy});
}
