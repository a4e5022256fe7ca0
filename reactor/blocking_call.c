/* Calls on the reactor's thread that another thread waits for: blockingCallFromThread.
 *
 * Thread: a call is made by the thread that waits, and from then on is worked on by the reactor's.
 * Owner: it is counted, by the thread that waits, by the posted call that begins it and by the step
 * that ends it. Invariant: a call is on its reactor's list from before it is posted until it has
 * ended, and ends exactly once: with a result, or because the reactor can no longer answer. The lock
 * guards the list; everything else is the reactor's thread's until the gate is opened. */
#include <stdatomic.h>

#include "gate_internal.h"
#include "reactor_internal.h"
#include "task_internal.h"
#include "threads.h"

struct TorcBlockedCall {
    TorcBlockedCall *next;
    TorcBlockedCall *previous;
    atomic_uint references;
    TorcReactor *reactor;
    TorcDeferredFunction *function;
    void *arg;
    TorcDeferred *deferred; /* runs the function and what it waits for */
    TorcGate *gate;
    bool begun;
    bool closing;
    bool ended; /* the reactor may be gone */
    int code;
    TorcResult result;
};

static void unref(TorcBlockedCall *call)
{
    if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) > 1)
        return;
    torc__gate_free(call->gate);
    torc__free(call);
}

static void ref(TorcBlockedCall *call)
{
    atomic_fetch_add_explicit(&call->references, 1, memory_order_relaxed);
}

/* ---- the list ------------------------------------------------------------------------------ */

int torc__blockedCalls_init(TorcBlockedCalls *blocked)
{
    *blocked = (TorcBlockedCalls){.first = NULL};
    return -pthread_mutex_init(&blocked->lock, NULL);
}

void torc__blockedCalls_done(TorcBlockedCalls *blocked)
{
    assert(!blocked->first);
    (void)pthread_mutex_destroy(&blocked->lock);
}

static void link_call(TorcBlockedCalls *blocked, TorcBlockedCall *call)
{
    call->next = blocked->first;
    if (call->next)
        call->next->previous = call;
    blocked->first = call;
}

static void unlink_call(TorcBlockedCalls *blocked, TorcBlockedCall *call)
{
    pthread_mutex_lock(&blocked->lock);
    if (call->previous)
        call->previous->next = call->next;
    else
        blocked->first = call->next;
    if (call->next)
        call->next->previous = call->previous;
    pthread_mutex_unlock(&blocked->lock);
}

/* ---- the reactor's side -------------------------------------------------------------------- */

static void end_call(TorcBlockedCall *call, int code)
{
    assert(!call->ended);
    unlink_call(&call->reactor->blocked, call);
    call->ended = true;
    call->code = code;
    torc__gate_open(call->gate);
}

/* Reasons are counted without a lock: what goes to another thread must have no other holder. */
static void take_result(TorcBlockedCall *call, TorcResult *result)
{
    TorcReason *reason = result->reason;
    call->result = *result;
    *result = (TorcResult){0};
    if (!reason)
        return;
    call->result.reason = TorcReason_new(TorcReason_kind(reason), TorcReason_code(reason), "%s",
                                         TorcReason_text(reason));
    TorcReason_unref(reason);
}

static void finish(TorcResult *result, void *arg)
{
    TorcBlockedCall *call = arg;
    if (!call->ended && !call->closing) {
        take_result(call, result);
        TorcDeferred_detach(call->deferred);
        end_call(call, 0);
    }
    unref(call);
}

static void begin(void *arg)
{
    TorcBlockedCall *call = arg;
    if (call->ended)
        return;
    call->begun = true;
    ref(call);
    /* A deferred has room for two steps. */
    (void)TorcDeferred_addCallback(call->deferred, call->function, call->arg);
    (void)TorcDeferred_addBoth(call->deferred, finish, call);
    (void)TorcDeferred_callback(call->deferred, NULL, NULL);
}

static void forget(void *arg)
{
    TorcBlockedCall *call = arg;
    if (!call->begun) {
        torc__deferred_discard(call->deferred);
        if (!call->ended)
            end_call(call, -ECANCELED);
    }
    unref(call);
}

/* The thread sleeps on until the function's deferred has been cancelled: its canceller may use what
 * lies on that thread's stack. */
static void cancel_call(TorcBlockedCall *call)
{
    call->closing = true;
    if (call->begun) {
        ref(call);
        TorcDeferred_release(call->deferred);
        end_call(call, -ECANCELED);
        unref(call);
    } else {
        end_call(call, -ECANCELED);
    }
}

static void set_closed(TorcReactor *reactor, bool closed)
{
    pthread_mutex_lock(&reactor->blocked.lock);
    reactor->blocked.closed = closed;
    pthread_mutex_unlock(&reactor->blocked.lock);
}

/* Once it is closed only this thread changes the list. */
void torc__blockedCalls_close(TorcReactor *reactor)
{
    set_closed(reactor, true);
    while (reactor->blocked.first)
        cancel_call(reactor->blocked.first);
}

void torc__blockedCalls_open(TorcReactor *reactor)
{
    set_closed(reactor, false);
}

/* Nothing of a gate is touched: it may hang on a thread that is not here. That thread's reference
 * keeps the call for ever. */
static void forget_call(TorcBlockedCall *call)
{
    call->closing = call->ended = true;
    if (call->begun)
        TorcDeferred_release(call->deferred);
}

void torc__blockedCalls_forget(TorcReactor *reactor)
{
    TorcBlockedCall *call = reactor->blocked.first;
    (void)torc__blockedCalls_init(&reactor->blocked);
    while (call) {
        TorcBlockedCall *next = call->next;
        forget_call(call);
        call = next;
    }
}

/* ---- the waiting side ---------------------------------------------------------------------- */

static TorcBlockedCall *new_call(TorcReactor *reactor, TorcDeferredFunction *function, void *arg)
{
    TorcBlockedCall *call = torc__zalloc(sizeof(*call));
    TorcGate *gate = call ? torc__gate_new() : NULL;
    TorcDeferred *deferred = gate ? TorcDeferred_new(NULL, NULL) : NULL;
    if (!deferred) {
        torc__gate_free(gate);
        torc__free(call);
        return NULL;
    }
    call->reactor = reactor;
    call->function = function;
    call->arg = arg;
    call->gate = gate;
    call->deferred = deferred;
    atomic_init(&call->references, 1);
    return call;
}

/* Under the lock until it is posted, so that the reactor is still there: who closes waits. */
static int post(TorcBlockedCall *call)
{
    TorcBlockedCalls *blocked = &call->reactor->blocked;
    TorcPostedCall *posted = torc__posted_new(begin, call, forget);
    if (!posted)
        return -ENOMEM;
    pthread_mutex_lock(&blocked->lock);
    bool closed = blocked->closed;
    if (!closed) {
        link_call(blocked, call);
        ref(call);
        torc__posted_post(call->reactor, posted);
    }
    pthread_mutex_unlock(&blocked->lock);
    if (closed)
        torc__free(posted);
    return closed ? -ECANCELED : 0;
}

static int wait_for(TorcBlockedCall *call, TorcResult *ret_result)
{
    torc__gate_wait(call->gate);
    int r = call->code;
    if (r == 0 && ret_result)
        *ret_result = call->result;
    else
        TorcResult_clear(&call->result);
    return r;
}

int TorcReactor_blockingCallFromThread(TorcReactor *reactor, TorcDeferredFunction *function,
                                       void *arg, TorcResult *ret_result)
{
    TORC__REQUIRE(reactor && function);
    if (TorcReactor_isInIOThread(reactor))
        return -EDEADLK;
    TorcBlockedCall *call = new_call(reactor, function, arg);
    if (!call)
        return -ENOMEM;
    int r = post(call);
    if (r == 0)
        r = wait_for(call, ret_result);
    else
        torc__deferred_discard(call->deferred);
    unref(call);
    return r;
}
