/* A deferred that fires after a time: deferLater.
 *
 * Thread: the reactor's. Owner: the record of one that has not fired belongs to its tick, and goes
 * when that is over or the deferred is cancelled. */
#include "reactor_internal.h"
#include "task_internal.h"

typedef struct Later {
    TorcTick tick; /* first: the tick knows its owner by it */
    TorcDeferred *deferred;
} Later;

static void time_over(TorcTick *tick, bool due)
{
    Later *later = (Later *)tick;
    TorcDeferred *deferred = later->deferred;
    torc__free(later);
    if (due)
        (void)TorcDeferred_callback(deferred, NULL, NULL);
    else
        (void)TorcDeferred_errback(deferred, TorcReason_static(TORC_OPERATION_CANCELLED));
}

static void cancel_later(TorcDeferred *deferred, void *arg)
{
    Later *later = arg;
    (void)deferred;
    torc__tick_stop(&later->tick);
    torc__free(later);
}

/* NULL: out of memory. */
static TorcDeferred *start(TorcReactor *reactor, int64_t delay, TorcDeferredFunction *function)
{
    Later *later = torc__zalloc(sizeof(*later));
    if (!later)
        return NULL;
    later->tick =
        (TorcTick){.function = time_over, .what = "deferLater", .callee = (uintptr_t)function};
    later->deferred = TorcDeferred_new(cancel_later, later);
    if (later->deferred && torc__tick_start(&later->tick, reactor, delay) == 0)
        return later->deferred;
    torc__deferred_discard(later->deferred);
    torc__free(later);
    return NULL;
}

/* The function is promised a call. */
static void tell_of_failure(TorcDeferredFunction *function, void *arg)
{
    TorcResult result = {0};
    TorcResult_fail(&result, TORC_OPERATION_FAILED, -ENOMEM, NULL);
    function(&result, arg);
    TorcResult_clear(&result);
}

TorcDeferred *TorcReactor_deferLater(TorcReactor *reactor, double delay,
                                     TorcDeferredFunction *function, void *arg)
{
    if (!reactor || !(delay >= 0)) {
        errno = EINVAL;
        return NULL;
    }
    TorcDeferred *deferred = start(reactor, torc__nanoseconds(delay), function);
    if (deferred && function) /* there is room for the first steps */
        (void)TorcDeferred_addBoth(deferred, function, arg);
    else if (function)
        tell_of_failure(function, arg);
    if (!deferred)
        errno = ENOMEM;
    return deferred;
}
