/* Between the reactor's thread and others. (Twisted: IReactorThreads.) */
#ifndef TORC_REACTOR_THREADS_H
#define TORC_REACTOR_THREADS_H

#include "api.h"
#include "call.h"

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
 * returning. (After a second signal waiting jobs are dropped, and a third has its effect as if there
 * were no reactor.)
 * A job gets no pointer to a protocol (the connection may be gone when it is done): give it a
 * TorcConnectionId and come back with callFromThread.
 * In the long form `destroy` runs on the pool thread, right after the function, or on the reactor's
 * thread when the job is dropped.
 * Reactor's thread only. 0; -EINVAL; -ENOMEM; -EAGAIN when not even one thread could be started. */
TORC_API int TorcReactor_callInThread(TorcReactor *reactor, TorcFunction *function, void *arg);
TORC_API int TorcReactor_callInThreadWith(TorcReactor *reactor, const TorcCall *call);

/* Sets the most threads of the pool, at least 1. More: waiting jobs get threads at once. Fewer:
 * threads leave as they become free. 0 or -EINVAL. */
TORC_API int TorcReactor_suggestThreadPoolSize(TorcReactor *reactor, unsigned size);

TORC_END_DECLS

#endif
