/* Tasks: things done again and again, later, or in slices. (Twisted: twisted.internet.task.) */
#ifndef TORC_REACTOR_TASK_H
#define TORC_REACTOR_TASK_H

#include "api.h"
#include "call.h"
#include "deferred.h"
#include "reactor.h"
#include "reason.h"

TORC_BEGIN_DECLS

/* ---- LoopingCall --------------------------------------------------------------------------- */

/* Calls a function every so many seconds. It does not drift: the k-th call is due `interval` times
 * k after the start. It does not overlap: while a deferred that the function left in its result is
 * waited for, or while the loop was busy, ticks are missed; they are counted, not made up for. */
typedef struct TorcLoopingCall TorcLoopingCall;

/* The function begins with the value NULL, as a step of a deferred does; what it leaves as a value
 * is freed, a deferred is waited for, a failure ends the loop. NULL and errno: EINVAL, ENOMEM. */
TORC_API TorcLoopingCall *TorcLoopingCall_new(TorcReactor *reactor, TorcDeferredFunction *function,
                                              void *arg);

/* Stops it and frees it; `done` of start fires as for stop, a deferred that it waits for is
 * released. May be called from inside the function, and before or after the reactor is freed. NULL
 * is fine. */
TORC_API void TorcLoopingCall_free(TorcLoopingCall *loop);

/* Starts. The first call comes in the next turn when `now` is true, else after an interval. An
 * interval of 0 makes one call per turn. ret_done, which may be NULL, receives a deferred that
 * fires with NULL when the loop was stopped, or with the failure that ended it; without it a
 * failure is logged ("deferred.unhandled"). Cancelling it stops the loop. When the reactor is freed
 * first, it fails with TORC_OPERATION_CANCELLED.
 * 0; -EINVAL (interval negative or NaN); -EALREADY when it runs, or was stopped and its last call
 * is not over (as when it is called from inside the function); -ENOMEM. */
TORC_API int TorcLoopingCall_start(TorcLoopingCall *loop, double interval, bool now,
                                   TorcDeferred **ret_done);

/* Stops: `done` fires at once, or when the call that is under way is over, what the function left
 * to wait for included. 0; -EALREADY when it does not run. May be called from inside the
 * function. */
TORC_API int TorcLoopingCall_stop(TorcLoopingCall *loop);

/* Begins to count intervals from now: the next call is one interval away. While a call is under way
 * this is done when it is over. 0; -EALREADY when it does not run. */
TORC_API int TorcLoopingCall_reset(TorcLoopingCall *loop);

TORC_API bool TorcLoopingCall_running(const TorcLoopingCall *loop);

/* For the function: intervals since the last call (or the start), 1 when none was missed and when
 * the interval is 0. (Twisted: withCount.) */
TORC_API uint64_t TorcLoopingCall_count(const TorcLoopingCall *loop);

/* ---- later --------------------------------------------------------------------------------- */

/* A deferred that fires with NULL after `delay` seconds; the function, if there is one, is its
 * first step, and sees the failure when it is cancelled. When the reactor is freed first, that is
 * TORC_OPERATION_CANCELLED, too. NULL and errno: EINVAL (delay negative or NaN), ENOMEM. (The
 * function is called exactly once, except after EINVAL.) */
TORC_API TorcDeferred *TorcReactor_deferLater(TorcReactor *reactor, double delay,
                                              TorcDeferredFunction *function, void *arg);

/* ---- long work in slices ------------------------------------------------------------------- */

/* Many pieces of work take turns, one step at a time, until 10 ms have passed; then the loop has
 * its turn. In a simulation, where steps take no time, a hundred of them count as 10 ms. */
typedef struct TorcCooperator TorcCooperator;

/* A handle, copied freely; it owns nothing. {0} is inert: every function answers -TORC_ESTALE, as
 * it does for a task that has ended. Good until the cooperator is freed. */
typedef struct TorcCooperativeTask {
    TorcCooperator *cooperator;
    uint64_t id;
} TorcCooperativeTask;

/* A step: a small piece of work. False: this was the last. What it leaves in the result, which
 * begins as the value NULL: a deferred pauses this task until it fires, a failure (also of that
 * deferred) ends it. */
typedef bool TorcStepFunction(TorcResult *result, void *arg);

/* NULL and errno: EINVAL, ENOMEM. */
TORC_API TorcCooperator *TorcCooperator_new(TorcReactor *reactor);

/* Ends all tasks: their deferreds fail with TORC_OPERATION_CANCELLED. May be called from inside a
 * step, and before or after the reactor is freed (no step is made after that). NULL is fine. */
TORC_API void TorcCooperator_free(TorcCooperator *cooperator);

/* Adds a task, whose first step comes in the next slice, never before this returns. When it has
 * ended (done, failed or stopped) ret_done fires, with NULL or the failure; cancelling ret_done
 * stops the task. Both outputs may be NULL. (Out of memory for the next slice, tasks that wait for
 * it fail with -ENOMEM.)
 * 0; -EINVAL; -ENOMEM; -ECANCELED while the cooperator is being freed. */
TORC_API int TorcCooperator_cooperate(TorcCooperator *cooperator, TorcStepFunction *step, void *arg,
                                      TorcCooperativeTask *ret_task, TorcDeferred **ret_done);

/* Pauses nest. 0; -TORC_ESTALE; -EINVAL when there is no pause to resume from. */
TORC_API int TorcCooperativeTask_pause(TorcCooperativeTask task);
TORC_API int TorcCooperativeTask_resume(TorcCooperativeTask task);

/* Ends the task: its deferred fails with TORC_OPERATION_CANCELLED, a deferred that it waits for is
 * released. From inside its own step: after it. 0; -TORC_ESTALE. */
TORC_API int TorcCooperativeTask_stop(TorcCooperativeTask task);

/* ---- one call as main ---------------------------------------------------------------------- */

/* `result` begins as the value NULL. */
typedef void TorcReactFunction(TorcReactor *reactor, TorcResult *result, void *arg);

/* Makes a reactor, calls the function when it runs, stops when the deferred that it left in its
 * result fires (or at once if it left none), shuts down in order and frees the reactor. A signal,
 * TorcReactor_stop or crash before that cancels the deferred, which holds the shutdown until it has
 * its result. options, arg and ret_reason may be NULL.
 *
 * Returns 0 for a value, which is freed; for a failure its code, -ECANCELED if it has none; or what
 * kept the reactor from running. *ret_reason is the failure, to be dropped by TorcReason_unref;
 * NULL on success, and for what kept the reactor from running. Without ret_reason a failure is
 * logged ("deferred.unhandled"). */
TORC_API int torc_react(TorcReactFunction *function, void *arg, const TorcReactorOptions *options,
                        TorcReason **ret_reason);

TORC_END_DECLS

#endif
