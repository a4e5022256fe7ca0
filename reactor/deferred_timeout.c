/* A time limit on a deferred.
 *
 * Thread: the reactor's. Owner: the record belongs to two, and goes with the later one: the step at
 * the end of what is timed, and the delayed call. The step runs in any case and takes the call
 * back, so the call never sees a deferred that is gone; the call is dropped with its reactor, so
 * the step never sees a reactor that is gone. */
#include "deferred.h"
#include "reactor_internal.h"

typedef struct Timeout {
    TorcDeferred *deferred;
    double seconds;
    TorcDelayedCall call; /* {0} when it is over */
    int owners;
    bool expired;
} Timeout;

static void disown(Timeout *timeout)
{
    if (--timeout->owners == 0)
        torc__free(timeout);
}

static void expire(void *arg)
{
    Timeout *timeout = arg;
    timeout->expired = true;
    TorcDeferred_cancel(timeout->deferred);
}

static void call_is_over(void *arg)
{
    Timeout *timeout = arg;
    timeout->call = (TorcDelayedCall){0};
    disown(timeout);
}

/* Being called off was the time-out's doing: the failure says so. */
static void tell_of_timeout(TorcResult *result, double seconds)
{
    TorcReasonKind kind = TorcReason_kind(result->reason);
    if (kind == TORC_OPERATION_CANCELLED)
        TorcResult_fail(result, TORC_OPERATION_TIMED_OUT, -ETIMEDOUT,
                        "the operation took longer than %g s", seconds);
    else if (kind == TORC_CONNECTION_CANCELLED)
        TorcResult_fail(result, TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                        "no connection was made within %g s", seconds);
}

static void end_timeout(TorcResult *result, void *arg)
{
    Timeout *timeout = arg;
    (void)TorcDelayedCall_cancel(timeout->call); /* it may be what runs, or over */
    if (timeout->expired && result->reason)
        tell_of_timeout(result, timeout->seconds);
    disown(timeout);
}

int TorcDeferred_addTimeout(TorcDeferred *deferred, TorcReactor *reactor, double seconds)
{
    TORC__REQUIRE(deferred && reactor && seconds >= 0);
    Timeout *timeout = torc__zalloc(sizeof(*timeout));
    if (!timeout)
        return -ENOMEM;
    *timeout = (Timeout){.deferred = deferred, .seconds = seconds, .owners = 2};
    int r = TorcReactor_callLaterWith(
        reactor, seconds, TORC_CALL(expire, timeout, .destroy = call_is_over), &timeout->call);
    if (r < 0) {
        disown(timeout);
        return r;
    }
    return TorcDeferred_addBoth(deferred, end_timeout, timeout);
}
