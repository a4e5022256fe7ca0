/* The application's signal handlers. (Twisted leaves them to Python's signal module; asyncio:
 * add_signal_handler.)
 *
 *     static void reopen_logs(void *arg) …        on the reactor's thread, between other callbacks
 *
 *     int r = TorcReactor_addSignalHandler(reactor, SIGHUP, reopen_logs, logs);
 *
 * The function may do whatever other callbacks may, for no code has been interrupted: the signal
 * itself only wakes the loop. But a system call that blocks in a callback meanwhile, such as usleep,
 * may end early with EINTR (signal(7)), as in any program that catches signals. A thread that sleeps
 * in a job is not interrupted.
 *
 * Signals are the process's: one reactor at a time has a given signal, and a reactor has one
 * handler for it. A handler stays until it is removed or the reactor is freed; then the action that
 * was there before is restored, unless the program has put another one over it. It is there before,
 * between and after runs too: a signal that arrives then is told by the next turn. Signals that
 * come faster than the loop turns are told once, as POSIX lets a pending signal be merged with the
 * next; who sent it is not passed on.
 *
 * SIGINT and SIGTERM stop a reactor that runs (unless noSignalHandlers is set). A handler for one
 * of them takes the place of that: it is called each time, and stops the reactor or does not. What
 * it cannot have twice from TorcReactor_stop, the end of the grace period, TorcReactor_crash gives
 * it.
 *
 * Thread: the reactor's. */
#ifndef TORC_REACTOR_SIGNALS_H
#define TORC_REACTOR_SIGNALS_H

#include "api.h"
#include "call.h"

TORC_BEGIN_DECLS

/* Calls the function whenever the signal has arrived, in a turn of the loop. Any signal that can be
 * caught and may be waited for; -EINVAL for the others: SIGKILL and SIGSTOP, those of a fault of
 * the program (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT), and numbers that are
 * none. In the long form `destroy` runs when the handler is removed (if it does so itself, after it
 * has returned) or the reactor is freed.
 * 0; -EINVAL; -EBUSY when the signal has a handler already, this reactor's or another's (or stops
 * another that runs); -ENOMEM; -TORC_EFORKED. */
TORC_API int TorcReactor_addSignalHandler(TorcReactor *reactor, int signo, TorcFunction *function,
                                          void *arg);
TORC_API int TorcReactor_addSignalHandlerWith(TorcReactor *reactor, int signo,
                                              const TorcCall *call);

/* Restores what was there before. A signal that has arrived but was not told is forgotten. SIGINT
 * and SIGTERM stop the reactor again if it runs. 0; -EINVAL (no reactor); -TORC_ESTALE when the
 * signal has no handler here. */
TORC_API int TorcReactor_removeSignalHandler(TorcReactor *reactor, int signo);

TORC_END_DECLS

#endif
