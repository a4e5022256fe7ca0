/* A queue of values, and of those who wait for one.
 *
 * Thread: the reactor's. Owner: whoever made it; freed from inside a step that serve() runs, it goes
 * when serve() returns. Invariant: outside of serve() there are not both values and waiters. Only
 * one serve() is on the stack, so that a step may put the next value in constant stack. */
#include "deferred_queue.h"

#include "deferred_waiters_internal.h"
#include "reactor_internal.h"

typedef struct Item {
    struct Item *next;
    void *value;
    TorcFunction *destroy;
} Item;

struct TorcDeferredQueue {
    TorcWaiters waiters;
    Item *first;
    Item **last;
    size_t pending;
    size_t size;
    size_t backlog;
    bool serving;
    bool closed; /* freed: nothing comes or goes any more */
};

TorcDeferredQueue *TorcDeferredQueue_new(size_t size, size_t backlog)
{
    TorcDeferredQueue *queue = torc__zalloc(sizeof(*queue));
    if (!queue) {
        errno = ENOMEM;
        return NULL;
    }
    queue->last = &queue->first;
    queue->size = size;
    queue->backlog = backlog;
    return queue;
}

/* ---- values -------------------------------------------------------------------------------- */

static int append(TorcDeferredQueue *queue, void *value, TorcFunction *destroy)
{
    Item *item = torc__malloc(sizeof(*item));
    if (!item)
        return -ENOMEM;
    *item = (Item){NULL, value, destroy};
    *queue->last = item;
    queue->last = &item->next;
    queue->pending++;
    return 0;
}

static Item take_first(TorcDeferredQueue *queue)
{
    Item *first = queue->first;
    Item item = *first;
    queue->first = first->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->pending--;
    torc__free(first);
    return item;
}

static void fire_with_first(TorcDeferredQueue *queue, TorcDeferred *deferred)
{
    Item item = take_first(queue);
    (void)TorcDeferred_callback(deferred, item.value, item.destroy);
}

static void serve(TorcDeferredQueue *queue)
{
    if (queue->serving)
        return;
    queue->serving = true;
    while (queue->pending > 0 && queue->waiters.count > 0)
        fire_with_first(queue, torc__waiters_pop(&queue->waiters));
    queue->serving = false;
    if (queue->closed)
        torc__free(queue);
}

void TorcDeferredQueue_free(TorcDeferredQueue *queue)
{
    if (!queue)
        return;
    bool serving = queue->serving;
    queue->closed = queue->serving = true;
    torc__waiters_cancel(&queue->waiters);
    while (queue->pending > 0) {
        Item item = take_first(queue);
        if (item.destroy)
            item.destroy(item.value);
    }
    if (!serving)
        torc__free(queue);
}

/* ---- coming and going ---------------------------------------------------------------------- */

/* So many of one kind, of which each is about to meet one of the others: may no more come? */
static bool full(size_t count, size_t others, size_t limit)
{
    return count >= others && count - others >= limit;
}

static int accept_value(TorcDeferredQueue *queue, void *value, TorcFunction *destroy)
{
    TORC__REQUIRE(queue && !queue->closed);
    if (full(queue->pending, queue->waiters.count, queue->size))
        return -ENOBUFS;
    return append(queue, value, destroy);
}

int TorcDeferredQueue_put(TorcDeferredQueue *queue, void *value, TorcFunction *destroy)
{
    int r = accept_value(queue, value, destroy);
    if (r < 0) {
        if (destroy)
            destroy(value);
        return r;
    }
    serve(queue);
    return 0;
}

static TorcDeferred *get_refused(int error)
{
    errno = error;
    return NULL;
}

TorcDeferred *TorcDeferredQueue_get(TorcDeferredQueue *queue)
{
    if (!queue)
        return get_refused(EINVAL);
    if (queue->closed) /* by a step that its end runs */
        return TorcDeferred_fail(TorcReason_static(TORC_OPERATION_CANCELLED));
    if (queue->pending > 0 && queue->waiters.count == 0) {
        TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
        if (deferred)
            fire_with_first(queue, deferred);
        return deferred;
    }
    if (full(queue->waiters.count, queue->pending, queue->backlog))
        return get_refused(ENOBUFS);
    return torc__waiters_add(&queue->waiters);
}

size_t TorcDeferredQueue_pending(const TorcDeferredQueue *queue)
{
    return queue ? queue->pending : 0;
}
