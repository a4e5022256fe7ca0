/* A function on a pool thread, and its result in a deferred: deferToThread.
 *
 * Thread: made on the reactor's thread, run on a pool thread, and answered or dropped on the
 * reactor's. Owner: the pool until run or drop; the posted answer after run. The answer is made
 * beforehand, so that a result cannot be lost for want of memory. Invariant: `done` is fired exactly
 * once, on the reactor's thread; it is NULL afterwards. */
#include "reactor_internal.h"
#include "task_internal.h"
#include "threads.h"

typedef struct ThreadCall {
    TorcJob job; /* first: the pool knows the job by it */
    TorcReactor *reactor;
    TorcDeferredFunction *function;
    void *arg;
    TorcPostedCall *answer;
    TorcDeferred *done;
    TorcResult result;
} ThreadCall;

/* ---- the answer ---------------------------------------------------------------------------- */

static void fire(ThreadCall *call)
{
    TorcDeferred *done = call->done;
    TorcResult result = call->result;

    call->done = NULL;
    call->result = (TorcResult){0};
    if (result.reason)
        (void)TorcDeferred_errback(done, result.reason);
    else
        (void)TorcDeferred_callback(done, result.value, result.destroy);
    TorcReason_unref(result.reason);
}

/* Deferreds belong to this thread: only here can one be made away with. */
static void answer(void *arg)
{
    ThreadCall *call = arg;
    if (call->result.deferred)
        TorcResult_fail(&call->result, TORC_OPERATION_FAILED, -EINVAL,
                        "a function on a pool thread returned a deferred");
    fire(call);
}

/* Without an answer the reactor ended before. */
static void forget(void *arg)
{
    ThreadCall *call = arg;
    if (call->done) {
        TorcResult_failWith(&call->result, TorcReason_static(TORC_OPERATION_CANCELLED));
        fire(call);
    }
    torc__free(call);
}

/* ---- the job ------------------------------------------------------------------------------- */

/* Once posted it is the reactor's thread's. */
static void run_job(TorcJob *job)
{
    ThreadCall *call = (ThreadCall *)job;
    call->function(&call->result, call->arg);
    torc__posted_post(call->reactor, call->answer);
}

static void drop_job(TorcJob *job)
{
    ThreadCall *call = (ThreadCall *)job;
    torc__free(call->answer);
    forget(call);
}

static ThreadCall *new_call(TorcReactor *reactor, TorcDeferredFunction *function, void *arg)
{
    ThreadCall *call = torc__zalloc(sizeof(*call));
    TorcPostedCall *posted = call ? torc__posted_new(answer, call, forget) : NULL;
    TorcDeferred *done = posted ? TorcDeferred_new(NULL, NULL) : NULL;
    if (!done) {
        torc__free(posted);
        torc__free(call);
        return NULL;
    }
    call->job = (TorcJob){.run = run_job, .drop = drop_job};
    call->reactor = reactor;
    call->function = function;
    call->arg = arg;
    call->answer = posted;
    call->done = done;
    return call;
}

static void discard(ThreadCall *call)
{
    torc__deferred_discard(call->done);
    torc__free(call->answer);
    torc__free(call);
}

int TorcReactor_deferToThread(TorcReactor *reactor, TorcDeferredFunction *function, void *arg,
                              TorcDeferred **ret_done)
{
    TORC__REQUIRE(reactor && function);
    ThreadCall *call = new_call(reactor, function, arg);
    if (!call)
        return -ENOMEM;
    TorcDeferred *done = call->done; /* the call may be over before submit returns */
    int r = reactor->system->ops->submit(reactor->system, &call->job);
    if (r < 0) {
        discard(call);
        return r;
    }
    if (ret_done)
        *ret_done = done;
    else
        TorcDeferred_detach(done);
    return 0;
}
