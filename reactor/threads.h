/* Between the reactor's thread and others. (Twisted: IReactorThreads, twisted.internet.threads.) */
#ifndef TORC_REACTOR_THREADS_H
#define TORC_REACTOR_THREADS_H

#include "api.h"
#include "call.h"
#include "deferred.h"

TORC_BEGIN_DECLS

/* Makes the call on the reactor's thread, in the order of posting (per posting thread, and overall
 * as far as there is an order), never before this returns, and wakes the loop. Calls posted while
 * the reactor does not run wait for its next run; TorcReactor_free drops them.
 * The reactor may be freed only after every thread's last call of this has returned.
 * Any thread.
 * 0, -EINVAL or -ENOMEM. In the long form `destroy` runs on the reactor's thread, except when
 * posting fails: then here. */
TORC_API int TorcReactor_callFromThread(TorcReactor *reactor, TorcFunction *function, void *arg);
TORC_API int TorcReactor_callFromThreadWith(TorcReactor *reactor, const TorcCall *call);

/* Runs the function on a thread of the reactor's pool. The pool starts empty and grows by one
 * thread whenever a job finds none idle, up to its size; jobs beyond that wait in order. Work
 * handed in before run() starts at once. At the end of run() waiting jobs are still done, the calls
 * they post are made, and run() returns when all have finished: a job that never ends keeps it from
 * returning. (After a second signal waiting jobs are dropped, and a third has its effect as if
 * there were no reactor.)
 * A job gets no pointer to a protocol (the connection may be gone when it is done): give it a
 * TorcConnectionId and come back with callFromThread.
 * In the long form `destroy` runs on the pool thread, right after the function, or on the reactor's
 * thread when the job is dropped.
 * Reactor's thread only. 0; -EINVAL; -ENOMEM; -EAGAIN when not even one thread could be started. */
TORC_API int TorcReactor_callInThread(TorcReactor *reactor, TorcFunction *function, void *arg);
TORC_API int TorcReactor_callInThreadWith(TorcReactor *reactor, const TorcCall *call);

/* Runs several functions one after the other on one thread of the pool: one job. At least one; the
 * array itself is only read. All of them or none: when it fails, all destroy functions run.
 * Otherwise as callInThreadWith. (Twisted: callMultipleInThread.) */
TORC_API int TorcReactor_callMultipleInThread(TorcReactor *reactor, const TorcCall *calls,
                                              size_t count);

/* Runs the function on a thread of the pool, and fires the deferred with what it leaves in its
 * result, on the reactor's thread. The result begins as the value NULL. The function may make a
 * failure with TorcResult_fail; it has no business with deferreds, and one in the result is a
 * failure with -EINVAL. Cancelled, the function goes on or is still begun, and its result is freed
 * on the reactor's thread. A second signal and TorcReactor_free may drop the job, and what was not
 * delivered by then: the deferred fails with TORC_OPERATION_CANCELLED.
 * The function is called at most once and `arg` belongs to the caller, who has the deferred to know
 * when it is over (cancelling tells that too early: let it fire).
 * Reactor's thread only. 0; -EINVAL; -ENOMEM; -EAGAIN when not even one thread could be started.
 * ret_done may be NULL: a failure is then logged ("deferred.unhandled"). */
TORC_API int TorcReactor_deferToThread(TorcReactor *reactor, TorcDeferredFunction *function,
                                       void *arg, TorcDeferred **ret_done);

/* For pool threads and any other but the reactor's: makes the call there, in its turn among those
 * of callFromThread, waits until it has a result (the function may leave a deferred in it), and
 * brings that back. *ret_result, which may be NULL, is the caller's, to be emptied by
 * TorcResult_clear; its value's destroy function then runs on this thread. `arg` is used on the
 * reactor's thread while the caller waits.
 * 0 with the result, be it a value or a failure; -EINVAL; -EDEADLK on the reactor's own thread,
 * which cannot wait for itself (nor can a job in a simulation: everything is one thread there);
 * -ENOMEM; -ECANCELED when there will be no result: the reactor is being freed, or a second signal
 * ends the
 * run while jobs are still at work. What the function left to wait for is then cancelled. */
TORC_API int TorcReactor_blockingCallFromThread(TorcReactor *reactor,
                                                TorcDeferredFunction *function, void *arg,
                                                TorcResult *ret_result);

/* True on the thread that the reactor belongs to: the one that is in run() or iterate(), or was
 * last, or created it when none was yet. Any thread. (Twisted: isInIOThread.) */
TORC_API bool TorcReactor_isInIOThread(const TorcReactor *reactor);

/* Sets the most threads of the pool, at least 1. More: waiting jobs get threads at once. Fewer:
 * threads leave as they become free. 0 or -EINVAL. */
TORC_API int TorcReactor_suggestThreadPoolSize(TorcReactor *reactor, unsigned size);

TORC_END_DECLS

#endif
