/* What the parts of the library share of a reactor. Not installed. */
#ifndef TORC_REACTOR_REACTOR_INTERNAL_H
#define TORC_REACTOR_REACTOR_INTERNAL_H

#include <assert.h>
#include <errno.h>

#include "blocking_call_internal.h"
#include "bound_internal.h"
#include "call.h"
#include "call_queue_internal.h"
#include "errors.h"
#include "log.h"
#include "memory_internal.h"
#include "observation_internal.h"
#include "reactor.h"
#include "system_internal.h"
#include "timers_internal.h"
#include "triggers_internal.h"

/* Nanoseconds; TORC__NEVER is a time that does not come. */
#define TORC__SECOND INT64_C(1000000000)
#define TORC__NEVER INT64_MAX

/* Seconds to nanoseconds: huge values saturate to TORC__NEVER, and only 0 is 0. seconds >= 0, not
 * NaN. */
int64_t torc__nanoseconds(double seconds);

/* What a message does not pass through in the steady state: kept out of line, so that its callers
 * need not save registers for it (the budget of instructions per echo is tight). */
#define TORC__COLD __attribute__((noinline, cold))

/* Checks at the public boundary. */
#define TORC__REQUIRE(condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return -EINVAL;                                                                        \
    } while (0)

/* Behind it, in debug builds: the reactor, if it runs, runs on this thread. Otherwise the event
 * "reactor.wrong-thread" is logged with the name of the function, and the assertion fails. NULL is
 * fine. */
#ifdef NDEBUG
#define TORC__ON_THREAD_OF(reactor) ((void)0)
#else
#define TORC__ON_THREAD_OF(reactor) torc__reactor_checkThread((reactor), __func__)
void torc__reactor_checkThread(const TorcReactor *reactor, const char *function);
#endif

/* Reads options into a struct of `size` bytes that begins with its size. given may be NULL; options
 * of a program built against an older header are shorter, and what they lack is 0. 0 or -EINVAL. */
int torc__options_read(void *ret_options, size_t size, const void *given);

/* What a higher floor keeps in a reactor: its work at the end of each turn, and its share of the
 * shutdown. The functions must be set, but for the last two. */
typedef struct TorcReactorPart TorcReactorPart;
struct TorcReactorPart {
    TorcReactorPart *next; /* the reactor's */
    /* The end of a turn. True: work is left, so the next wait must not block. */
    bool (*endTurn)(TorcReactorPart *part);
    /* The shutdown has begun: close ports, give up attempts, lose connections in order. */
    void (*disconnect)(TorcReactorPart *part);
    /* Things that still have to end before the shutdown may go on. */
    size_t (*alive)(TorcReactorPart *part);
    /* The grace period is over, or the reactor is freed: end the rest without waiting, with the
     * reason SHUTDOWN; the callbacks come in the endTurn that follows. */
    void (*abort)(TorcReactorPart *part);
    /* Nothing is alive: frees the part. */
    void (*free)(TorcReactorPart *part);
    /* NULL: nothing to tell. Adds to what is counted, and its lines to a dump. */
    void (*count)(const TorcReactorPart *part, TorcReactorCounters *counters);
    void (*dump)(const TorcReactorPart *part, const TorcDump *dump);
};

typedef enum TorcReactorState {
    TORC__STOPPED,  /* not in run() */
    TORC__STARTING, /* run(): the startup event is being fired */
    TORC__RUNNING,
    TORC__BEFORE_SHUTDOWN, /* the shutdown's before phase lasts: everything is still alive */
    TORC__STOPPING         /* what is alive is being ended */
} TorcReactorState;

/* Per reactor: how often each event was logged in the present second. */
enum { TORC__LOG_NAMES = 16, TORC__LOG_PER_SECOND = 10 };
typedef struct TorcLogLimiter {
    int64_t second;
    struct {
        const char *name;
        unsigned count;
        uint64_t suppressed;
    } names[TORC__LOG_NAMES];
} TorcLogLimiter;

/* Who resolves names, and the look-ups under way (resolver.c). */
typedef struct TorcNames {
    TorcReactorPart part;
    bool added;                    /* the part, to the reactor's */
    struct TorcResolver *resolver; /* a reference; NULL: the system's */
    struct TorcResolving *first;
} TorcNames;

struct TorcReactor {
    TorcSystem *system;
    TorcReactorPart *parts;
    struct TorcFollower *followers; /* told when it is freed (task_internal.h) */
    struct TorcStreams *streams;    /* transports/: created at first use, one of the parts */
    TorcTimers timers;
    TorcCallQueue posted;
    TorcTriggers triggers;
    struct TorcHold *holds; /* what keeps the shutdown's before phase open */
    struct TorcSignalHandler *signal_handlers;
    TorcBlockedCalls blocked;
    _Atomic(const void *) thread; /* torc__thisThread() of the one it belongs to */
    TorcNames names;
    TorcLogLimiter log_limiter;
    TorcSlowCallbacks slow;
    TorcReactorCounters counters; /* but for what the parts count */
    TorcReactorState state;
    bool owns_system;
    bool in_turn;      /* a callback of this reactor may be on the stack */
    bool stop_wanted;  /* stop() was called */
    bool crash_wanted; /* crash() was called */
    bool hurry;        /* a second signal, or crash(): do not wait for the grace period */
    bool work_left;    /* a part asked for another turn at once */
    bool no_signals;
    bool stop_signals;   /* SIGINT and SIGTERM stop it, where no handler takes their place */
    bool stop_signalled; /* one did */
    unsigned generation; /* how often it has become a child's own */
    int64_t grace;       /* nanoseconds */
};

static inline int64_t torc__now(TorcReactor *reactor)
{
    return reactor->system->ops->now(reactor->system);
}

/* Tells the followers (task_internal.h) that the reactor is being freed. */
void torc__followers_done(TorcReactor *reactor);

/* Adds a part; it is freed with the reactor. */
void torc__reactor_addPart(TorcReactor *reactor, TorcReactorPart *part);

/* What tells threads apart: the same for every call from one thread. */
const void *torc__thisThread(void);

/* The calling thread is the reactor's from now on. */
static inline void torc__reactor_enter(TorcReactor *reactor)
{
    atomic_store_explicit(&reactor->thread, torc__thisThread(), memory_order_relaxed);
}

/* SIGINT and SIGTERM are to stop the reactor, unless it leaves signals alone: 0 or a negative code.
 * And no longer: what has come but was not seen has its former effect, if it is the first. */
int torc__signals_begin(TorcReactor *reactor);
void torc__signals_end(TorcReactor *reactor);
/* Adds them to a dump. */
void torc__signals_dump(const TorcDump *dump);
/* Removes the application's handlers; destroy functions run. */
void torc__signals_done(TorcReactor *reactor);

/* Releases whatever holds the shutdown's before phase open. */
void torc__holds_release(TorcReactor *reactor);

/* True from the end of the shutdown's before phase until run() returns: nothing new may begin. */
static inline bool torc__reactor_stopping(const TorcReactor *reactor)
{
    return reactor->state == TORC__STOPPING;
}

/* True when a turn would find nothing to do but wait: no posted calls, no delayed call due, no work
 * left at the end of the turn. The simulation asks it. */
bool torc__reactor_idle(TorcReactor *reactor);

/* ---- helpers for TorcCall ------------------------------------------------------------------ */

/* A call as kept: without the size. */
typedef struct TorcKeptCall {
    TorcFunction *function;
    void *arg;
    TorcFunction *destroy;
} TorcKeptCall;

/* Checks a long-form call at the boundary: 0 or -EINVAL. Unless `may_bind`, a protocol is refused.
 * Does not run destroy. */
int torc__call_check(const TorcCall *call, bool may_bind);

static inline void torc__call_destroy(const TorcKeptCall *call)
{
    if (call->destroy)
        call->destroy(call->arg);
}

/* A long-form call that cannot be scheduled: its destroy function runs, as far as the call can be
 * read at all. Returns r. */
static inline int torc__call_refuse(const TorcCall *call, int r)
{
    if (call && call->size >= sizeof(TorcCall) && call->destroy)
        call->destroy(call->arg);
    return r;
}

static inline void torc__call_run(const TorcKeptCall *call)
{
    call->function(call->arg);
    torc__call_destroy(call);
}

/* ---- callbacks that hold the loop ---------------------------------------------------------- */

/* A call of the application began at `begun` and has returned: true when it may have been slow. */
static inline bool torc__slow_maybe(const TorcReactor *reactor, TorcTicks begun)
{
    return (TorcTicks)(torc__ticks(reactor->system) - begun) >= reactor->slow.limit;
}

/* Makes a call, which the report would name so. */
#define TORC__OBSERVE(reactor, class_name, slot_name, call)                                        \
    do {                                                                                           \
        TorcTicks torc__begun = torc__ticks((reactor)->system);                                    \
        call;                                                                                      \
        if (torc__slow_maybe((reactor), torc__begun))                                              \
            torc__slowCallback_slot((reactor), torc__begun, (class_name), (slot_name));            \
    } while (0)

/* cls->slot with the arguments that follow, where cls has a name. */
#define TORC__CALL_SLOT(reactor, cls, slot, ...)                                                   \
    TORC__OBSERVE((reactor), (cls)->name, #slot, (cls)->slot(__VA_ARGS__))

/* The same for what is no slot: a call of that kind, to that function of the application. */
#define TORC__OBSERVE_CALL(reactor, kind, function, call)                                          \
    do {                                                                                           \
        TorcTicks torc__begun = torc__ticks((reactor)->system);                                    \
        call;                                                                                      \
        if (torc__slow_maybe((reactor), torc__begun))                                              \
            torc__slowCallback_call((reactor), torc__begun, (kind), (uintptr_t)(function));        \
    } while (0)

/* As torc__call_run, on the loop; the kind is for the report. */
static inline void torc__call_runObserved(TorcReactor *reactor, const TorcKeptCall *call,
                                          const char *kind)
{
    TORC__OBSERVE_CALL(reactor, kind, call->function, torc__call_run(call));
}

/* ---- log ----------------------------------------------------------------------------------- */

/* torc_log with the fields written in place:
 *     TORC__LOG(reactor, TORC_LOG_WARNING, "port.accept-failed", TORC_LOG_NUMBER("errno", e)); */
#define TORC__LOG(reactor, level, name, ...)                                                       \
    torc_log((reactor), (level), (name), (const TorcLogField[]){__VA_ARGS__},                      \
             sizeof((const TorcLogField[]){__VA_ARGS__}) / sizeof(TorcLogField))

#endif
