/* Queues: values handed from those who have them to those who wait for them. (Twisted:
 * DeferredQueue.) No thread is blocked; it is the reactor's. */
#ifndef TORC_REACTOR_DEFERRED_QUEUE_H
#define TORC_REACTOR_DEFERRED_QUEUE_H

#include "api.h"
#include "deferred.h"

TORC_BEGIN_DECLS

typedef struct TorcDeferredQueue TorcDeferredQueue;

/* At most `size` values and `backlog` waiting deferreds; SIZE_MAX: no limit. NULL and ENOMEM. */
TORC_API TorcDeferredQueue *TorcDeferredQueue_new(size_t size, size_t backlog);

/* Values in it are freed, who waits gets TORC_OPERATION_CANCELLED. May be called from inside a
 * step. NULL is fine. */
TORC_API void TorcDeferredQueue_free(TorcDeferredQueue *queue);

/* Gives a value to the one who has waited longest, or keeps it. Takes it over in any case. (From
 * inside a step that put() itself runs: it is handed on after that step.)
 * 0; -ENOBUFS when `size` values are there; -EINVAL; -ENOMEM. */
TORC_API int TorcDeferredQueue_put(TorcDeferredQueue *queue, void *value, TorcFunction *destroy);

/* Fires with the next value; cancelling takes it out of those who wait. NULL and errno: ENOBUFS
 * when `backlog` wait already, EINVAL, ENOMEM. */
TORC_API TorcDeferred *TorcDeferredQueue_get(TorcDeferredQueue *queue);

/* How many values are there. */
TORC_API size_t TorcDeferredQueue_pending(const TorcDeferredQueue *queue);

TORC_END_DECLS

#endif
