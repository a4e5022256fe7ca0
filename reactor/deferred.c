/* Deferreds: firing, chains of steps, waiting for one another, cancelling.
 *
 * Thread: the reactor's. Owner: the maker until it has fired, and the receiver until it has given
 * the deferred away; the memory goes when both are done. Invariant: a deferred that waits has fired,
 * its `result.deferred` is the one it waits for, and that one's `waiter` is this one. Nothing here
 * recurses: a finished deferred passes its result to its waiter in a loop. */
#include "deferred.h"

#include <stdarg.h>
#include <string.h>

#include "deferred_internal.h"
#include "reactor_internal.h"
#include "reason_internal.h"

/* ---- state --------------------------------------------------------------------------------- */

static bool has(const TorcDeferred *deferred, unsigned flag)
{
    return (deferred->flags & flag) != 0;
}

static bool waits(const TorcDeferred *deferred)
{
    return deferred->result.deferred != NULL && !has(deferred, TORC__DEFERRED_RUNNING);
}

/* It has its result, and nothing more will happen to it by itself. */
static bool finished(const TorcDeferred *deferred)
{
    return has(deferred, TORC__DEFERRED_FIRED) && !has(deferred, TORC__DEFERRED_RUNNING) &&
           deferred->next == deferred->count && !deferred->result.deferred && deferred->pauses == 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

TorcDeferred *TorcDeferred_new(TorcCanceller *canceller, void *arg)
{
    TorcDeferred *deferred = torc__zalloc(sizeof(*deferred));
    if (!deferred) {
        errno = ENOMEM;
        return NULL;
    }
    deferred->canceller = canceller;
    deferred->canceller_arg = arg;
    deferred->steps = deferred->room;
    deferred->capacity = TORC__DEFERRED_STEPS;
    return deferred;
}

static void log_unhandled(const TorcReason *reason)
{
    const char *kind = TorcReason_kindName(TorcReason_kind(reason));
    const char *text = TorcReason_text(reason);
    TORC__LOG(NULL, TORC_LOG_ERROR, "deferred.unhandled",
              TORC_LOG_BYTES("kind", kind, strlen(kind)),
              TORC_LOG_NUMBER("code", TorcReason_code(reason)),
              TORC_LOG_BYTES("reason", text, strlen(text)));
}

/* Frees it when neither maker nor receiver nor a function on the stack needs it any more. The
 * result's destroy function may do whatever it likes: it sees a deferred that is held. */
static void settle(TorcDeferred *deferred)
{
    if (!has(deferred, TORC__DEFERRED_GONE) || deferred->holds > 0 || !finished(deferred))
        return;
    deferred->holds++;
    if (deferred->result.reason && !has(deferred, TORC__DEFERRED_QUIET))
        log_unhandled(deferred->result.reason);
    TorcResult_clear(&deferred->result);
    deferred->holds--;
    if (has(deferred, TORC__DEFERRED_BOUND))
        torc__bound_remove(&deferred->bound);
    deferred->flags &= (uint8_t)~TORC__DEFERRED_BOUND;
    if (has(deferred, TORC__DEFERRED_DROP))
        return;
    if (deferred->steps != deferred->room)
        torc__free(deferred->steps);
    torc__free(deferred);
}

static void unhold(TorcDeferred *deferred)
{
    deferred->holds--;
    settle(deferred);
}

/* ---- running steps ------------------------------------------------------------------------- */

/* `from` is finished: its result becomes `to`'s, and it goes. */
static void move_result(TorcDeferred *from, TorcDeferred *to)
{
    to->result = from->result;
    from->result = (TorcResult){0};
    from->waiter = NULL;
    from->flags |= TORC__DEFERRED_GONE;
    settle(from);
}

/* True when `other` waits for `deferred`, directly or through others. Goes up the one chain and down
 * the other at the same time: it costs the shorter of the two, so chains are built in linear time
 * from either end. */
static bool waits_for(const TorcDeferred *other, const TorcDeferred *deferred)
{
    const TorcDeferred *above = deferred->waiter, *below = other;
    while (above && above != other && waits(below)) {
        above = above->waiter;
        below = below->result.deferred;
    }
    return above == other;
}

/* A step of `deferred` left another one to wait for. */
static void begin_wait(TorcDeferred *deferred)
{
    TorcDeferred *other = deferred->result.deferred;

    if (other == deferred || (!other->waiter && waits_for(other, deferred))) {
        other->flags |= TORC__DEFERRED_GONE; /* given away, to itself */
        deferred->result.deferred = NULL;
        TorcResult_fail(&deferred->result, TORC_OPERATION_FAILED, -EDEADLK,
                        "a step returned a deferred that waits for that step");
    } else if (other->waiter || has(other, TORC__DEFERRED_GONE)) {
        deferred->result.deferred = NULL; /* it is somebody else's */
        TorcResult_fail(&deferred->result, TORC_OPERATION_FAILED, -EBUSY,
                        "a step returned a deferred that was given away before");
    } else if (finished(other)) {
        move_result(other, deferred);
    } else {
        other->waiter = deferred;
    }
}

static void run_step(TorcDeferred *deferred)
{
    TorcDeferredStep step = deferred->steps[deferred->next++];
    TorcDeferredFunction *function = deferred->result.reason ? step.errback : step.callback;

    if (deferred->next == deferred->count) /* room for new ones from the start */
        deferred->next = deferred->count = 0;
    if (!function)
        return;
    function(&deferred->result, step.arg);
    if (deferred->result.deferred)
        begin_wait(deferred);
}

static void run_steps(TorcDeferred *deferred)
{
    deferred->flags |= TORC__DEFERRED_RUNNING;
    while (deferred->next < deferred->count && deferred->pauses == 0 && !deferred->result.deferred)
        run_step(deferred);
    deferred->flags &= (uint8_t)~TORC__DEFERRED_RUNNING;
}

/* Runs the steps that can run, then those of who waits for it, and so on. May free it. */
static void run(TorcDeferred *deferred)
{
    while (deferred && has(deferred, TORC__DEFERRED_FIRED) &&
           !has(deferred, TORC__DEFERRED_RUNNING)) {
        run_steps(deferred);
        TorcDeferred *waiter = deferred->waiter;
        if (!waiter || !finished(deferred)) {
            settle(deferred);
            return;
        }
        move_result(deferred, waiter);
        deferred = waiter;
    }
}

/* ---- firing -------------------------------------------------------------------------------- */

/* Takes over what is in the result. */
static int fire(TorcDeferred *deferred, TorcResult *result)
{
    if (!deferred || has(deferred, TORC__DEFERRED_FIRED)) {
        bool dropped = deferred && has(deferred, TORC__DEFERRED_DROP);
        TorcResult_clear(result);
        if (!dropped)
            return deferred ? -TORC_EALREADYCALLED : -EINVAL;
        deferred->flags &= (uint8_t)~TORC__DEFERRED_DROP;
        settle(deferred);
        return 0;
    }
    deferred->flags |= TORC__DEFERRED_FIRED;
    deferred->result = *result;
    run(deferred);
    return 0;
}

int TorcDeferred_callback(TorcDeferred *deferred, void *value, TorcFunction *destroy)
{
    return fire(deferred, &(TorcResult){.value = value, .destroy = destroy});
}

static const TorcReason *or_failed(const TorcReason *reason)
{
    return reason ? reason : TorcReason_static(TORC_OPERATION_FAILED);
}

int TorcDeferred_errback(TorcDeferred *deferred, const TorcReason *reason)
{
    return fire(deferred, &(TorcResult){.reason = TorcReason_ref(or_failed(reason))});
}

int TorcDeferred_errbackNew(TorcDeferred *deferred, TorcReasonKind kind, int code,
                            const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    TorcReason *reason = torc__reason_newv(kind, code, format, arguments);
    va_end(arguments);
    return fire(deferred, &(TorcResult){.reason = reason});
}

TorcDeferred *TorcDeferred_succeed(void *value, TorcFunction *destroy)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    (void)TorcDeferred_callback(deferred, value, destroy); /* also frees the value, without one */
    if (!deferred)
        errno = ENOMEM;
    return deferred;
}

TorcDeferred *TorcDeferred_fail(const TorcReason *reason)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    if (deferred)
        (void)TorcDeferred_errback(deferred, reason);
    return deferred;
}

bool TorcDeferred_called(const TorcDeferred *deferred)
{
    return deferred && has(deferred, TORC__DEFERRED_FIRED);
}

const TorcResult *TorcDeferred_result(const TorcDeferred *deferred)
{
    return deferred && finished(deferred) ? &deferred->result : NULL;
}

/* ---- adding steps -------------------------------------------------------------------------- */

static int grow_steps(TorcDeferred *deferred)
{
    if (deferred->capacity > UINT32_MAX / 2)
        return -ENOMEM;
    bool inside = deferred->steps == deferred->room;
    uint32_t capacity = deferred->capacity * 2;
    TorcDeferredStep *steps =
        torc__realloc(inside ? NULL : deferred->steps, capacity * sizeof(*steps));
    if (!steps)
        return -ENOMEM;
    if (inside)
        memcpy(steps, deferred->room, sizeof(deferred->room));
    deferred->steps = steps;
    deferred->capacity = capacity;
    return 0;
}

int torc__deferred_moveSteps(TorcDeferred *deferred)
{
    return deferred->steps == deferred->room ? grow_steps(deferred) : 0;
}

/* Steps that have run make room when they are half of all or more, so that a step is moved once on
 * average. */
static int reserve_step(TorcDeferred *deferred)
{
    if (deferred->count < deferred->capacity)
        return 0;
    if (deferred->next >= deferred->capacity / 2) {
        deferred->count -= deferred->next;
        memmove(deferred->steps, deferred->steps + deferred->next,
                deferred->count * sizeof(TorcDeferredStep));
        deferred->next = 0;
        return 0;
    }
    return grow_steps(deferred);
}

static int add_step(TorcDeferred *deferred, TorcDeferredStep step)
{
    TORC__REQUIRE(deferred && (step.callback || step.errback));
    int r = reserve_step(deferred);
    if (r < 0)
        return r;
    deferred->steps[deferred->count++] = step;
    run(deferred);
    return 0;
}

int TorcDeferred_addCallback(TorcDeferred *deferred, TorcDeferredFunction *callback, void *arg)
{
    return add_step(deferred, (TorcDeferredStep){callback, NULL, arg});
}

int TorcDeferred_addErrback(TorcDeferred *deferred, TorcDeferredFunction *errback, void *arg)
{
    return add_step(deferred, (TorcDeferredStep){NULL, errback, arg});
}

int TorcDeferred_addCallbacks(TorcDeferred *deferred, TorcDeferredFunction *callback,
                              TorcDeferredFunction *errback, void *arg)
{
    return add_step(deferred, (TorcDeferredStep){callback, errback, arg});
}

void torc__deferred_refuse(TorcDeferredFunction *function, void *arg, int code)
{
    TorcResult result = {0};
    TorcResult_fail(&result, TORC_OPERATION_FAILED, code, NULL);
    function(&result, arg);
    TorcResult_clear(&result);
}

int TorcDeferred_addBoth(TorcDeferred *deferred, TorcDeferredFunction *function, void *arg)
{
    int r = add_step(deferred, (TorcDeferredStep){function, function, arg});
    if (r < 0 && function)
        torc__deferred_refuse(function, arg, r);
    return r;
}

static void fire_other(TorcResult *result, void *arg)
{
    TorcResult moved = *result;
    *result = (TorcResult){0};
    (void)fire(arg, &moved);
}

int TorcDeferred_chainDeferred(TorcDeferred *deferred, TorcDeferred *other)
{
    TORC__REQUIRE(other && other != deferred);
    return TorcDeferred_addBoth(deferred, fire_other, other);
}

/* ---- stopping ------------------------------------------------------------------------------ */

/* What its result will come from. */
static TorcDeferred *innermost(TorcDeferred *deferred)
{
    while (waits(deferred))
        deferred = deferred->result.deferred;
    return deferred;
}

/* Without a canceller the maker does not know, and its one firing is still to come. */
static void cancel_unfired(TorcDeferred *deferred)
{
    TorcCanceller *canceller = deferred->canceller;
    TorcResult cancelled = {.reason = TorcReason_static(TORC_OPERATION_CANCELLED)};

    if (!canceller) {
        deferred->flags |= TORC__DEFERRED_FIRED | TORC__DEFERRED_DROP;
        deferred->result = cancelled;
        run(deferred);
        return;
    }
    deferred->flags |= TORC__DEFERRED_CANCELLING;
    canceller(deferred, deferred->canceller_arg);
    if (!has(deferred, TORC__DEFERRED_FIRED))
        (void)fire(deferred, &cancelled);
}

void TorcDeferred_cancel(TorcDeferred *deferred)
{
    if (!deferred)
        return;
    deferred = innermost(deferred);
    if (has(deferred, TORC__DEFERRED_FIRED | TORC__DEFERRED_CANCELLING))
        return;
    deferred->holds++;
    cancel_unfired(deferred);
    unhold(deferred);
}

void TorcDeferred_pause(TorcDeferred *deferred)
{
    assert(!deferred || deferred->pauses < UINT16_MAX);
    if (deferred)
        deferred->pauses++;
}

void TorcDeferred_unpause(TorcDeferred *deferred)
{
    if (deferred && deferred->pauses > 0 && --deferred->pauses == 0)
        run(deferred);
}

TorcDeferred *TorcDeferred_detach(TorcDeferred *deferred)
{
    if (deferred) {
        deferred->flags |= TORC__DEFERRED_GONE;
        settle(deferred);
    }
    return NULL;
}

/* All that it waits for is its own, so their pauses end too. */
static void end_pauses(TorcDeferred *deferred)
{
    TorcDeferred *last = deferred;
    for (;; last = last->result.deferred) {
        last->pauses = 0;
        if (!waits(last))
            break;
    }
    run(last);
}

void torc__deferred_stop(TorcDeferred *deferred)
{
    deferred->holds++;
    end_pauses(deferred);
    if (!has(innermost(deferred), TORC__DEFERRED_FIRED)) {
        deferred->flags |= TORC__DEFERRED_QUIET;
        TorcDeferred_cancel(deferred);
    }
    unhold(deferred);
}

TorcDeferred *TorcDeferred_release(TorcDeferred *deferred)
{
    if (!deferred)
        return NULL;
    deferred->holds++;
    torc__deferred_stop(deferred);
    deferred->flags |= TORC__DEFERRED_GONE;
    unhold(deferred);
    return NULL;
}
