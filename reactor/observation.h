/* Self-observation: what a program in production can be asked, and what it tells by itself.
 *
 * Three things, in every build and at no cost that shows: callbacks that hold the loop for too long
 * are logged with their names; descriptors that keep waking the loop for nothing are logged and
 * left alone for a while; and the reactor can be asked for its counters and for everything it
 * holds. docs/observation.md tells how to use them.
 *
 * Thread: the reactor's. */
#ifndef TORC_REACTOR_OBSERVATION_H
#define TORC_REACTOR_OBSERVATION_H

#include "api.h"

TORC_BEGIN_DECLS

typedef struct TorcReactor TorcReactor;

/* ---- callbacks that hold the loop ---------------------------------------------------------- */

/* While a callback runs nothing else does. One that has taken `seconds` or longer (0.1 to begin
 * with) is reported when it returns, as the event "reactor.slow-callback" of level WARNING, and
 * counted. The event's keys: "class" and "slot" name whose callback it was ("echo",
 * "dataReceived"), or "call" says how it was scheduled ("delayed call", "call from thread", "signal
 * handler", "step" of a cooperator, …) and "function" where it is: "chat+0x62c0", the file and the
 * address in it, as addr2line takes them (the plain address where files cannot be known);
 * "milliseconds" is how long it took. What the library does for a callback inside it (a large write,
 * a look-up in a file) counts as its time, what another callback took that was reported does not.
 * It is the time that passed: on a busy machine a callback that lost the processor is reported, too.
 *
 * seconds > 0; INFINITY: off, as is everything above ten minutes. The time is measured by the
 * processor's own counter, to within a percent. In a simulation it is the virtual time, which
 * passes in a callback only by TorcSim_spend. 0 or -EINVAL. (asyncio: slow_callback_duration.) */
TORC_API int TorcReactor_setSlowCallbackDuration(TorcReactor *reactor, double seconds);

/* ---- counters ------------------------------------------------------------------------------ */

/* Kinds of TorcReason that there is room for. */
#define TORC_COUNTED_KINDS 32

/* Counted since TorcReactor_new, but for what is "now". */
typedef struct TorcReactorCounters {
    size_t size; /* sizeof(TorcReactorCounters): set it before the call */

    uint64_t turns;               /* of the loop, each with one wait */
    uint64_t slowCallbacks;       /* also those whose event was suppressed */
    uint64_t parkedDescriptors;   /* each time one was; see docs/observation.md */
    uint64_t suppressedEvents;    /* of the log, by its limit per second and name */
    uint64_t connectionsAccepted; /* by all ports; see TorcPortCounters */
    uint64_t connectionsRefused;  /* likewise */
    uint64_t acceptErrors;        /* likewise */
    uint64_t connectionsMade;     /* of every origin: connectionMade was called */
    uint64_t connectionsOpen;     /* now: connectionLost has not returned */
    uint64_t attempts;            /* to connect, each connect() of a connector */
    uint64_t attemptsFailed;      /* clientConnectionFailed was called */
    uint64_t bytesReceived;       /* from connections, as they were given to protocols */
    uint64_t bytesSent;           /* that the kernel took */
    uint64_t writesAfterClose;    /* writes that answered -EPIPE */
    uint64_t datagramsDropped;    /* that could not be sent in time */
    /* Connections that have ended, by the kind of their reason: connectionsClosed[kind]. */
    uint64_t connectionsClosed[TORC_COUNTED_KINDS];
} TorcReactorCounters;

/* Fills in what ret_counters->size has room for; a program that was built with an older header gets
 * what that one had. Cheap: it only reads. 0 or -EINVAL. */
TORC_API int TorcReactor_getCounters(const TorcReactor *reactor, TorcReactorCounters *ret_counters);

/* ---- everything ---------------------------------------------------------------------------- */

/* One line of a dump: printable ASCII without a line end. Names and texts that came from outside
 * are escaped. Valid during the call. It must not call back into the reactor. */
typedef void TorcDumpFunction(const char *line, void *arg);

/* Lists what the reactor holds, a line for each: ports (address, factory, connections), connectors,
 * connections (peer, host, class, age, bytes that wait, state), delayed calls by time (with their
 * function, as above, or what the library made them for; those that a bundled protocol or
 * TorcDeferred_addTimeout made count as the application's), posted calls and the pool's jobs,
 * triggers and signal handlers; behind them the counters that are not 0. The text is for people and
 * may change.
 *
 * From inside any callback too. Takes time and memory in proportion to what there is, and asks the
 * kernel for each connection's own address. 0; -EINVAL; -ENOMEM: delayed calls are not in order. */
TORC_API int TorcReactor_dump(TorcReactor *reactor, TorcDumpFunction *line, void *arg);

TORC_END_DECLS

#endif
