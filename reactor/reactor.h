/* The reactor: one event loop. (Twisted: IReactorCore.)
 *
 * Any number of reactors may live in a process, each used by the thread that runs it; create one,
 * start listening or connecting, and run it:
 *
 *     TorcReactor *reactor = TorcReactor_new(NULL);
 *     …
 *     int r = TorcReactor_run(reactor);
 *     TorcReactor_free(reactor);
 *
 * Thread: unless said otherwise everything here belongs to the thread that runs the reactor, or to
 * the one that created it as long as none does.
 *
 * One turn of the loop: calls posted by callFromThread (those posted when the turn began), delayed
 * calls that are due (likewise), then waiting for readiness and handling it, then the end of the
 * turn: what was written leaves, connections with more input go on, connectionLost is delivered,
 * and what died is freed. docs/loop.md shows it as a picture. */
#ifndef TORC_REACTOR_REACTOR_H
#define TORC_REACTOR_REACTOR_H

#include "api.h"
#include "call.h"

TORC_BEGIN_DECLS

typedef struct TorcSystem TorcSystem;

typedef struct TorcReactorOptions {
    size_t size; /* sizeof(TorcReactorOptions), set by TORC_REACTOR_OPTIONS */
    /* libevent's backend: "epoll", "poll", "select" (or what libevent offers on the platform).
     * NULL: the best there is. Unknown or unavailable: TorcReactor_new fails with EINVAL. */
    const char *backend;
    /* true: run() leaves SIGINT and SIGTERM alone. By default they stop the loop. */
    bool noSignalHandlers;
    /* Seconds that connections have to finish in order after stop(); the rest is aborted. 0: the
     * default of 5 s; negative: none at all. Fractions are fine. */
    double gracePeriod;
    /* Most threads of the pool behind callInThread. 0: the default of 10. */
    unsigned threadPoolSize;
    /* Where the outside world is; NULL: the operating system. The testing kit gives a simulated
     * one. The reactor borrows it: it must outlive the reactor. */
    TorcSystem *system;
    void *reserved[4];
} TorcReactorOptions;

#define TORC_REACTOR_OPTIONS(...)                                                                  \
    (&(TorcReactorOptions){.size = sizeof(TorcReactorOptions), __VA_ARGS__})

/* Fills in the size and defaults, for C++ and bindings. */
TORC_API void TorcReactorOptions_init(TorcReactorOptions *options);

/* A new reactor, owned by the caller. options may be NULL. NULL and errno on failure: ENOMEM,
 * EMFILE, EINVAL (bad option or backend). SIGPIPE is set to be ignored if it has its default
 * action, so that no write can kill the process. */
TORC_API TorcReactor *TorcReactor_new(const TorcReactorOptions *options);

/* Frees a reactor that is not running, with everything in it: ports are closed, connections are
 * aborted (their connectionLost runs, reason SHUTDOWN), delayed and posted calls are dropped (their
 * destroy functions run). Handles to it are invalid afterwards. NULL is fine. Must not be called
 * from a callback of this reactor: it then does nothing but log "reactor.freed-while-running". */
TORC_API void TorcReactor_free(TorcReactor *reactor);

/* Runs the loop until stop() or crash(). First fires the system event "startup", at the end the
 * event "shutdown". May be called again afterwards, any number of times.
 *
 * Returns 0 after stop() and after crash(); -EDEADLK from inside a callback of this reactor; -EBUSY
 * when another reactor of the process owns the signals (use noSignalHandlers in all but one); or
 * the error that ended the loop. */
TORC_API int TorcReactor_run(TorcReactor *reactor);

/* Asks the loop to shut down: the event "shutdown" is fired at the next turn; ports are closed,
 * connections get loseConnection and the grace period to finish, and run() returns. Also ends a
 * startup that is under way, after it. 0, or -TORC_ENOTRUNNING when not running or when a stop was
 * asked for already. Other threads use callFromThread. */
TORC_API int TorcReactor_stop(TorcReactor *reactor);

/* Leaves the loop at the end of this turn without firing "shutdown": ports and connections stay as
 * they are, and run() may be called again to go on. 0 or -TORC_ENOTRUNNING. */
TORC_API int TorcReactor_crash(TorcReactor *reactor);

/* One turn, waiting at most `delay` seconds for something to happen (0: not at all). Works without
 * run() and then does not set `running`; the startup event is not fired. 0; -EDEADLK from inside a
 * callback; -EINVAL when delay is negative or NaN; or the error of the wait. */
TORC_API int TorcReactor_iterate(TorcReactor *reactor, double delay);

/* After fork a child has copies of its parent's reactors, which share sockets and the kernel's
 * event set with them. Whatever would reach the parent that way is refused in the child: run,
 * iterate, listening, connecting, reading and writing answer -TORC_EFORKED. A child may leave a
 * copy alone (most do, and end by _exit or exec), free it (its callbacks run; nothing leaves the
 * process, and no file is removed), or make it its own by this function, in order to run it:
 *
 *     TorcReactor_listenTCP(reactor, 8881, factory, NULL, NULL);
 *     if (fork() == 0) {
 *         TorcReactor_reinitAfterFork(reactor);
 *         TorcReactor_run(reactor);               parent and children accept from the same port
 *         …
 *
 * Ports go on listening, delayed and posted calls, triggers and signal handlers are there as they
 * were; the pool is empty, and its jobs that had not begun were dropped. UNIX ports leave their
 * path to the parent. Connections belong to one process: fork before there are any. If a callback
 * forks, run() returns in the child with -TORC_EFORKED, without a shutdown, once the callback has.
 *
 * 0, also when there was nothing to do; -EDEADLK from inside a callback; -EBUSY: there are
 * connections, attempts to connect or look-ups, or other threads were at work for the reactor when
 * the process forked; -EMFILE and the like: it may be tried again; -ENOMEM: not again. */
TORC_API int TorcReactor_reinitAfterFork(TorcReactor *reactor);

/* True from the "during" phase of startup until the loop has ended. */
TORC_API bool TorcReactor_running(const TorcReactor *reactor);

/* Calls the function when the reactor runs: at the end of startup, in the order of the calls; in
 * the next turn if it runs already (never before this returns). 0, -EINVAL or -ENOMEM. */
TORC_API int TorcReactor_callWhenRunning(TorcReactor *reactor, TorcFunction *function, void *arg);
TORC_API int TorcReactor_callWhenRunningWith(TorcReactor *reactor, const TorcCall *call);

/* The reactor's monotonic clock in seconds; its zero is arbitrary. In a simulation it is the
 * virtual clock. */
TORC_API double TorcReactor_seconds(const TorcReactor *reactor);

/* The name of the backend in use: "epoll", "poll", …; "simulation" in the testing kit. */
TORC_API const char *TorcReactor_backend(const TorcReactor *reactor);

/* libevent's base (a struct event_base *) for programs that share the loop with code written for
 * libevent: add events to it before or while the reactor runs. NULL on a simulated system.
 * The process's first TorcReactor_new sets libevent's memory functions, to the C library's, and its
 * log and fatal callbacks: a program must not give libevent memory functions of its own. */
TORC_API void *TorcReactor_getEventBase(TorcReactor *reactor);

TORC_END_DECLS

#endif
