/* A deferred's result: a value with its owner, a failure, or something to wait for.
 *
 * Thread: the reactor's, or the one that alone knows the result (a thread job's). Owner: whatever
 * holds the struct. Invariant: at most one of value, reason and deferred is set. */
#include <stdarg.h>

#include "deferred.h"
#include "reactor_internal.h"
#include "reason_internal.h"

/* Emptied before anything is called: destroy may look at the result. */
void TorcResult_clear(TorcResult *result)
{
    if (!result)
        return;
    TorcResult old = *result;
    *result = (TorcResult){0};
    TorcReason_unref(old.reason);
    TorcDeferred_release(old.deferred);
    if (old.destroy)
        old.destroy(old.value);
}

void TorcResult_set(TorcResult *result, void *value, TorcFunction *destroy)
{
    if (!result) {
        if (destroy)
            destroy(value);
        return;
    }
    if (value && value == result->value) /* the same, with another destroy */
        result->destroy = NULL;
    TorcResult_clear(result);
    result->value = value;
    result->destroy = destroy;
}

void *TorcResult_take(TorcResult *result)
{
    if (!result || result->reason)
        return NULL;
    void *value = result->value;
    result->value = NULL;
    result->destroy = NULL;
    return value;
}

/* The new reason may be the old one. */
void TorcResult_failWith(TorcResult *result, const TorcReason *reason)
{
    if (!result)
        return;
    TorcReason *kept = reason ? TorcReason_ref(reason) : TorcReason_static(TORC_OPERATION_FAILED);
    TorcResult_clear(result);
    result->reason = kept;
}

void TorcResult_fail(TorcResult *result, TorcReasonKind kind, int code, const char *format, ...)
{
    if (!result)
        return;
    va_list arguments;
    va_start(arguments, format); /* may speak of the old value */
    TorcReason *reason = torc__reason_newv(kind, code, format, arguments);
    va_end(arguments);
    TorcResult_clear(result);
    result->reason = reason;
}

void TorcResult_wait(TorcResult *result, TorcDeferred *deferred)
{
    if (!result) {
        TorcDeferred_release(deferred);
        return;
    }
    if (!deferred) {
        TorcResult_fail(result, TORC_OPERATION_FAILED, -ENOMEM, NULL);
        return;
    }
    if (result->deferred == deferred)
        return;
    TorcResult_clear(result);
    result->deferred = deferred;
}
