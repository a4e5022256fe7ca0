/* Taking turns, among things that go on at the same time on one thread. (Twisted:
 * DeferredSemaphore, DeferredLock, DeferredQueue.)
 *
 *     TorcDeferredSemaphore *slots = TorcDeferredSemaphore_new(20);
 *     …
 *     TorcDeferred *done = TorcDeferredSemaphore_run(slots, ask_host, host);
 *
 * asks at most twenty hosts at a time, in the order of the calls. None of these blocks a thread,
 * and all belong to the reactor's. */
#ifndef TORC_REACTOR_DEFERRED_LOCK_H
#define TORC_REACTOR_DEFERRED_LOCK_H

#include "api.h"
#include "deferred.h"

TORC_BEGIN_DECLS

/* ---- semaphore; a lock is one with a single token ------------------------------------------ */

typedef struct TorcDeferredSemaphore TorcDeferredSemaphore;

/* tokens is at least 1. NULL and errno: EINVAL, ENOMEM. */
TORC_API TorcDeferredSemaphore *TorcDeferredSemaphore_new(size_t tokens);

/* Whoever waits gets the failure TORC_OPERATION_CANCELLED. What run() is doing goes on; a token had
 * by acquire() is not given back any more. May be called from inside a step. NULL is fine. */
TORC_API void TorcDeferredSemaphore_free(TorcDeferredSemaphore *semaphore);

/* Fires with NULL when a token is had, first come first served. Cancelling takes one out of the
 * queue; a deferred that has fired stands for a token, to be given back by release(). NULL and
 * errno: EINVAL, ENOMEM. */
TORC_API TorcDeferred *TorcDeferredSemaphore_acquire(TorcDeferredSemaphore *semaphore);

/* Gives a token back: the next in the queue has it before this returns. (From inside a step that
 * release() itself runs: before that one returns, so that any number may wait in constant stack.)
 * 0; -EINVAL when none is out. */
TORC_API int TorcDeferredSemaphore_release(TorcDeferredSemaphore *semaphore);

/* Acquires, calls the function (which begins with the value NULL), waits for what it returns, gives
 * the token back whatever it is, and has its result. Cancelled while it waits for its turn, the
 * function is called with that failure (exactly once in any case, so it may own `arg`).
 * NULL and errno, EINVAL or ENOMEM: likewise. */
TORC_API TorcDeferred *TorcDeferredSemaphore_run(TorcDeferredSemaphore *semaphore,
                                                 TorcDeferredFunction *function, void *arg);

/* Tokens to be had, and how many wait for one. */
TORC_API size_t TorcDeferredSemaphore_tokens(const TorcDeferredSemaphore *semaphore);
TORC_API size_t TorcDeferredSemaphore_waiting(const TorcDeferredSemaphore *semaphore);

/* ---- queue --------------------------------------------------------------------------------- */

typedef struct TorcDeferredQueue TorcDeferredQueue;

/* Values handed from those who have them to those who wait for them. At most `size` values and
 * `backlog` waiting deferreds; SIZE_MAX: no limit. NULL and ENOMEM. */
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
