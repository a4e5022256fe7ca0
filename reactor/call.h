/* What is to be called, for everything that is scheduled: delayed calls, calls from other threads,
 * thread jobs, system event triggers, signal handlers.
 *
 * Each scheduling function has a short form (function, argument) and one long form, named …With,
 * that takes a TorcCall:
 *
 *     TorcReactor_callLater(reactor, 30.0, give_up, game, NULL);
 *     TorcReactor_callLaterWith(reactor, 30.0, TORC_CALL(give_up, game, .destroy = game_unref),
 *                               NULL);
 */
#ifndef TORC_REACTOR_CALL_H
#define TORC_REACTOR_CALL_H

#include "api.h"

TORC_BEGIN_DECLS

typedef struct TorcReactor TorcReactor;
typedef struct TorcProtocol TorcProtocol;

typedef void TorcFunction(void *arg);

typedef struct TorcCall {
    size_t size; /* sizeof(TorcCall), set by TORC_CALL */
    TorcFunction *function;
    void *arg;
    /* Runs exactly once with `arg`, on the reactor's thread unless the scheduling function says
     * otherwise: after the function has run, or when the call is cancelled or dropped. It also runs
     * when scheduling fails, so `arg` may be forgotten as soon as it has been handed over. NULL:
     * nothing to free. */
    TorcFunction *destroy;
    /* The call is cancelled before this protocol's connectionLost runs. NULL: not bound. Only where
     * the scheduling function says that it may be set; -EINVAL elsewhere. */
    TorcProtocol *protocol;
    void *reserved[2];
} TorcCall;

/* TORC_CALL(function, arg), and after these whatever else is to be set:
 * .destroy = …, .protocol = … */
#define TORC_CALL(function_, ...)                                                                  \
    (&(TorcCall){.size = sizeof(TorcCall), .function = (function_), .arg = __VA_ARGS__})

/* Fills in the size and nothing else, for C++ and bindings. */
TORC_API void TorcCall_init(TorcCall *call);

TORC_END_DECLS

#endif
