/* Deferred: a result that is not there yet. (Twisted: Deferred.)
 *
 * Whoever starts something that ends later makes a deferred, keeps the pointer to fire it, and
 * hands it out. Whoever receives it says what is to be done with the result:
 *
 *     static void show(TorcResult *result, void *arg)
 *     {
 *         if (result->reason)
 *             fprintf(stderr, "no answer: %s\n", TorcReason_text(result->reason));
 *         else
 *             puts(result->value);
 *     }
 *
 *     TorcDeferred *answer;
 *     if (ask(server, "how are you", &answer) == 0) {
 *         TorcDeferred_addTimeout(answer, reactor, 10.0);
 *         TorcDeferred_addBoth(answer, show, NULL);
 *         TorcDeferred_detach(answer);
 *     }
 *
 * (detach lets it go on by itself. A program that may want to call it off keeps the pointer, and
 * says TorcDeferred_release when it is done with it.)
 *
 * A chain of steps. Each step is a function that edits one TorcResult in place: it leaves it alone,
 * puts another value there, turns it into a failure or a failure into a value, or puts a deferred
 * there to wait for. A callback is passed by while the result is a failure, an errback while it is
 * not; addBoth makes a step that sees everything. Steps run in order, each exactly once or never,
 * as soon as there is a result: inside callback() or errback(), inside add… when it has fired
 * already. They are an exception to the rule that nothing of the application runs before the call
 * that caused it has returned. Chains of any length take constant stack.
 *
 * Whose it is. The maker's pointer is for firing it once, and is good until then; if there is a
 * canceller and it is called, that was the end of the maker's part: whether the canceller fires it
 * or not, the maker does not touch it afterwards. Without a canceller the maker fires it in any
 * case, and what comes after a cancel is dropped. The receiver's pointer is good until it gives the
 * deferred away: by returning it from a step (TorcResult_wait), by combining it with others
 * (deferred_list.h), by TorcDeferred_detach, or by TorcDeferred_release.
 *
 * Results have owners too. A value comes with the function that frees it; that runs exactly once
 * when the value is replaced or the deferred is gone, unless TorcResult_take took it out. A failure
 * that is still there when the deferred goes is logged as "deferred.unhandled".
 *
 * Thread: the reactor's. A deferred costs 128 bytes with room for two steps; the third makes one
 * allocation more. */
#ifndef TORC_REACTOR_DEFERRED_H
#define TORC_REACTOR_DEFERRED_H

#include "api.h"
#include "call.h"
#include "reason.h"

TORC_BEGIN_DECLS

typedef struct TorcDeferred TorcDeferred;

/* ---- a result ------------------------------------------------------------------------------ */

/* What a step sees: a failure if `reason` is set, else a value, which may be NULL. Read the fields;
 * to change them use the functions below, which free what was there. */
typedef struct TorcResult {
    void *value;
    TorcFunction *destroy;  /* frees the value; NULL: nothing to free */
    TorcReason *reason;     /* of a failure, else NULL */
    TorcDeferred *deferred; /* what the step wants to wait for, else NULL */
} TorcResult;

/* The result becomes a value. Takes ownership of it: `destroy`, which may be NULL, will free it.
 * The old value may be set again: then nothing is freed, and destroy is the new one. */
TORC_API void TorcResult_set(TorcResult *result, void *value, TorcFunction *destroy);

/* Takes the value out: it belongs to the caller, and the result becomes the value NULL. NULL for a
 * failure, which stays. */
TORC_API void *TorcResult_take(TorcResult *result);

/* The result becomes a failure: as TorcReason_new, or with a given reason, of which a reference is
 * taken. */
TORC_API void TorcResult_fail(TorcResult *result, TorcReasonKind kind, int code, const char *format,
                              ...) TORC_PRINTF(4, 5);
TORC_API void TorcResult_failWith(TorcResult *result, const TorcReason *reason);

/* The result becomes what the deferred gives; the chain waits for it. Takes ownership of the
 * deferred, which must not be waited for by another (the result is then a failure with -EBUSY) nor
 * be the one whose step this is, or wait for that one (-EDEADLK). NULL: a failure with -ENOMEM, so
 * that a constructor's result may be handed on unchecked. */
TORC_API void TorcResult_wait(TorcResult *result, TorcDeferred *deferred);

/* Frees what is there: the value NULL is left. */
TORC_API void TorcResult_clear(TorcResult *result);

/* ---- making and firing --------------------------------------------------------------------- */

/* Called by cancel: stop what is under way. It may fire the deferred; otherwise that is done for
 * it, with TORC_OPERATION_CANCELLED. The maker's part is over when it returns. */
typedef void TorcCanceller(TorcDeferred *deferred, void *arg);

/* A deferred without a result. canceller may be NULL. NULL and ENOMEM. */
TORC_API TorcDeferred *TorcDeferred_new(TorcCanceller *canceller, void *arg);

/* Deferreds that have fired already. The value belongs to the deferred (and is freed when there is
 * no memory for one); of the reason a reference is taken. NULL and ENOMEM. */
TORC_API TorcDeferred *TorcDeferred_succeed(void *value, TorcFunction *destroy);
TORC_API TorcDeferred *TorcDeferred_fail(const TorcReason *reason);

/* Fires it with a value, which is taken over in any case, or with a failure, of which a reference
 * is taken (NULL: the static one of TORC_OPERATION_FAILED). The steps run before this returns, and
 * it may be freed by then.
 * 0; -TORC_EALREADYCALLED when it has fired before (nothing changes; the value is freed); -EINVAL
 * (NULL). 0 also when it was cancelled and the result is dropped. */
TORC_API int TorcDeferred_callback(TorcDeferred *deferred, void *value, TorcFunction *destroy);
TORC_API int TorcDeferred_errback(TorcDeferred *deferred, const TorcReason *reason);

/* errback with a reason made on the spot, as by TorcReason_new. */
TORC_API int TorcDeferred_errbackNew(TorcDeferred *deferred, TorcReasonKind kind, int code,
                                     const char *format, ...) TORC_PRINTF(4, 5);

/* True when callback or errback was called, or cancel did it. */
TORC_API bool TorcDeferred_called(const TorcDeferred *deferred);

/* ---- steps --------------------------------------------------------------------------------- */

typedef void TorcDeferredFunction(TorcResult *result, void *arg);

/* Adds a step: for values, for failures, or one function for each (either may be NULL). The step
 * never runs if the result is not its kind, so `arg` must belong to somebody else.
 * 0; -EINVAL; -ENOMEM: the step is not there. */
TORC_API int TorcDeferred_addCallback(TorcDeferred *deferred, TorcDeferredFunction *callback,
                                      void *arg);
TORC_API int TorcDeferred_addErrback(TorcDeferred *deferred, TorcDeferredFunction *errback,
                                     void *arg);
TORC_API int TorcDeferred_addCallbacks(TorcDeferred *deferred, TorcDeferredFunction *callback,
                                       TorcDeferredFunction *errback, void *arg);

/* Adds a step that is called exactly once, whatever happens: with the result, with the failure of a
 * cancel or a release, and when the step cannot be added (-ENOMEM, -EINVAL for a NULL deferred) at
 * once with that failure. So it may own `arg`. */
TORC_API int TorcDeferred_addBoth(TorcDeferred *deferred, TorcDeferredFunction *function,
                                  void *arg);

/* When the result comes here, fires `other` with it and goes on with the value NULL. Cancelling one
 * does not cancel the other, so `other` must have been made without a canceller. As addBoth:
 * `other` is fired in any case (but for -EINVAL: NULL, or the same). Its steps run inside this
 * step: where many follow one another, let them wait instead (TorcResult_wait), which takes no
 * stack. */
TORC_API int TorcDeferred_chainDeferred(TorcDeferred *deferred, TorcDeferred *other);

/* Cancels it unless it has its result within `seconds`. The failure is then
 * TORC_OPERATION_TIMED_OUT, or TORC_CONNECTION_TIMED_OUT for an attempt to connect, unless the
 * canceller gave another than TORC_OPERATION_CANCELLED or TORC_CONNECTION_CANCELLED. Steps added
 * before belong to what is timed, steps added afterwards do not. 0; -EINVAL (negative, NaN);
 * -ENOMEM. */
TORC_API int TorcDeferred_addTimeout(TorcDeferred *deferred, TorcReactor *reactor, double seconds);

/* ---- stopping ------------------------------------------------------------------------------ */

/* Calls it off. Not fired: the canceller is called, and the steps run with its failure or with
 * TORC_OPERATION_CANCELLED. Waiting for another deferred: that one is cancelled. Otherwise nothing
 * happens: also when it has fired, or was cancelled before. NULL is fine. The receiver's pointer
 * stays good. */
TORC_API void TorcDeferred_cancel(TorcDeferred *deferred);

/* Ties it to a protocol: if it still exists when the protocol's connection ends, it is stopped
 * before connectionLost is called, as if by release: pauses end, it is cancelled if it has no
 * result, and a failure that comes of this is not logged. So steps may use the protocol without
 * asking whether it is there, and what comes too late, such as the answer of a thread, is freed.
 * The receiver's pointer stays good, and its part may be given away before or after. (An errback
 * that recovers by waiting for something new at that moment is on its own.)
 * 0; -EINVAL (NULL, a protocol without a transport); -ENOTCONN (its connectionLost is being
 * called); -EBUSY (it is bound already); -ENOMEM. On failure nothing has changed. */
TORC_API int TorcDeferred_bind(TorcDeferred *deferred, TorcProtocol *protocol);

/* Holds the steps back; a result that comes meanwhile waits. They nest: each pause needs its
 * unpause, which runs the steps before it returns. unpause without pause does nothing. */
TORC_API void TorcDeferred_pause(TorcDeferred *deferred);
TORC_API void TorcDeferred_unpause(TorcDeferred *deferred);

/* The receiver lets it go on by itself: when it has its result the steps run, and then it is gone.
 * Nobody can cancel it any more. NULL is fine; returns NULL. */
TORC_API TorcDeferred *TorcDeferred_detach(TorcDeferred *deferred);

/* The receiver is done with it: pauses end, it is cancelled if there is no result yet, and then it
 * is detached. A failure that comes of this cancelling is not logged. May be called from inside a
 * step. NULL is fine; returns NULL. */
TORC_API TorcDeferred *TorcDeferred_release(TorcDeferred *deferred);

/* The result, when it is final until another step is added: it has fired, no step is running or
 * held back, and it waits for nothing. NULL otherwise. Valid until anything is done with it. */
TORC_API const TorcResult *TorcDeferred_result(const TorcDeferred *deferred);

TORC_END_DECLS

#endif
