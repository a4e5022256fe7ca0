/* Calls posted from other threads: a lock-free stack that is taken whole and reversed, so many
 * posters pay one exchange each and one wake per batch. */
#ifndef TORC_REACTOR_CALL_QUEUE_INTERNAL_H
#define TORC_REACTOR_CALL_QUEUE_INTERNAL_H

#include <stdatomic.h>

#include "api.h"
#include "call.h"

typedef struct TorcPostedCall TorcPostedCall;

/* {0} is empty and ready. */
typedef struct TorcCallQueue {
    _Atomic(TorcPostedCall *) newest;
} TorcCallQueue;

/* A call whose posting cannot fail any more: made beforehand, to be given to torc__posted_post once
 * or to torc__free. destroy may be NULL. NULL: out of memory. */
TorcPostedCall *torc__posted_new(TorcFunction *function, void *arg, TorcFunction *destroy);

/* Posts it, as callFromThread does. Any thread. */
void torc__posted_post(TorcReactor *reactor, TorcPostedCall *posted);

/* Makes the calls that were posted when it began, in order. */
void torc__posted_run(TorcReactor *reactor);

/* True when calls wait. Reactor's thread. Relaxed: who posts after this look wakes the wait that
 * follows it. */
static inline bool torc__posted_waiting(const TorcCallQueue *queue)
{
    return atomic_load_explicit(&queue->newest, memory_order_relaxed) != NULL;
}

/* Drops all that wait; destroy functions run. */
void torc__posted_done(TorcCallQueue *queue);

#endif
