/* Semaphores: taking turns, among things that go on at the same time on one thread. (Twisted:
 * DeferredSemaphore, and DeferredLock, which is one with a single token.)
 *
 *     TorcDeferredSemaphore *slots = TorcDeferredSemaphore_new(20);
 *     …
 *     TorcDeferred *done = TorcDeferredSemaphore_run(slots, ask_host, host);
 *
 * asks at most twenty hosts at a time, in the order of the calls. No thread is blocked; it is the
 * reactor's. */
#ifndef TORC_REACTOR_DEFERRED_SEMAPHORE_H
#define TORC_REACTOR_DEFERRED_SEMAPHORE_H

#include "api.h"
#include "deferred.h"

TORC_BEGIN_DECLS

typedef struct TorcDeferredSemaphore TorcDeferredSemaphore;

/* tokens is at least 1; with 1 it is a lock. NULL and errno: EINVAL, ENOMEM. */
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

TORC_END_DECLS

#endif
