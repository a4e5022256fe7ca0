/* System events: what is to be done when the reactor starts and stops.
 * (Twisted: addSystemEventTrigger.)
 *
 * run() fires "startup" when it begins and "shutdown" after stop(). An event has three phases:
 * before, during, after; within a phase triggers run in the order in which they were added. Each
 * trigger runs once: the next run() needs it added anew.
 *
 *     startup   before    running is still false
 *               during    the reactor runs; signal handlers are installed
 *               after     then what callWhenRunning gave
 *     shutdown  before    everything is still alive; may be held open
 *               during    ports are closed; connections have finished or were aborted
 *               after     the last act; then the thread pool finishes and run() returns
 */
#ifndef TORC_REACTOR_SYSTEM_EVENTS_H
#define TORC_REACTOR_SYSTEM_EVENTS_H

#include "api.h"
#include "call.h"
#include "deferred.h"

TORC_BEGIN_DECLS

typedef enum TorcSystemEvent { TORC_EVENT_STARTUP = 1, TORC_EVENT_SHUTDOWN } TorcSystemEvent;

typedef enum TorcPhase { TORC_PHASE_BEFORE = 1, TORC_PHASE_DURING, TORC_PHASE_AFTER } TorcPhase;

/* Adds a trigger. ret_id, which may be NULL, receives a handle for removal (never 0). A trigger
 * added to a phase that is being run is run in it. 0, -EINVAL (phase, event, no function) or
 * -ENOMEM. */
TORC_API int TorcReactor_addSystemEventTrigger(TorcReactor *reactor, TorcPhase phase,
                                               TorcSystemEvent event, TorcFunction *function,
                                               void *arg, uint64_t *ret_id);
TORC_API int TorcReactor_addSystemEventTriggerWith(TorcReactor *reactor, TorcPhase phase,
                                                   TorcSystemEvent event, const TorcCall *call,
                                                   uint64_t *ret_id);

/* Removes a trigger that has not run; its destroy function runs. 0, or -TORC_ESTALE when there is
 * none of that id (it has run, was removed, or never was). */
TORC_API int TorcReactor_removeSystemEventTrigger(TorcReactor *reactor, uint64_t id);

/* From inside shutdown's "before" phase: keeps the phase open until the deferred has its result,
 * whatever it is (a failure is logged). The loop goes on meanwhile, with everything alive: it still
 * accepts and connects, and triggers added to the phase are run in it. The phase ends when all that
 * holds it has its result; only a second signal, crash() and an error of the loop end it earlier
 * and release what is not finished, which cancels it. TorcDeferred_addTimeout sets a limit.
 * Takes the deferred over in any case.
 * 0; -EINVAL outside of that phase, or for NULL; -ENOMEM: the deferred is then released. (In
 * Twisted the trigger returns the deferred.) */
TORC_API int TorcReactor_holdShutdown(TorcReactor *reactor, TorcDeferred *deferred);

TORC_END_DECLS

#endif
