/* Semaphores, and so locks, for things that go on at the same time on one thread.
 *
 * Thread: the reactor's. Owner: whoever made it, and each run() that has not ended, which gives its
 * token back also when the semaphore was freed meanwhile. Invariant: outside of serve() nobody waits
 * while there is a token. Only one serve() is on the stack, so that any number of functions that end
 * at once run in constant stack. */
#include "deferred_semaphore.h"

#include "deferred_internal.h"
#include "deferred_waiters_internal.h"
#include "reactor_internal.h"

struct TorcDeferredSemaphore {
    TorcWaiters waiters;
    size_t tokens; /* to be had */
    size_t limit;
    size_t users; /* the one who made it, runs, functions on the stack */
    bool serving;
    bool closed; /* freed: nobody gets a token any more */
};

TorcDeferredSemaphore *TorcDeferredSemaphore_new(size_t tokens)
{
    TorcDeferredSemaphore *semaphore = tokens > 0 ? torc__zalloc(sizeof(*semaphore)) : NULL;
    if (!semaphore) {
        errno = tokens > 0 ? ENOMEM : EINVAL;
        return NULL;
    }
    semaphore->tokens = semaphore->limit = tokens;
    semaphore->users = 1;
    return semaphore;
}

static void disown(TorcDeferredSemaphore *semaphore)
{
    if (--semaphore->users == 0)
        torc__free(semaphore);
}

void TorcDeferredSemaphore_free(TorcDeferredSemaphore *semaphore)
{
    if (!semaphore)
        return;
    semaphore->closed = true;
    torc__waiters_cancel(&semaphore->waiters);
    disown(semaphore);
}

static void serve(TorcDeferredSemaphore *semaphore)
{
    if (semaphore->serving)
        return;
    semaphore->serving = true;
    semaphore->users++;
    while (semaphore->tokens > 0 && semaphore->waiters.count > 0 && !semaphore->closed) {
        semaphore->tokens--;
        (void)TorcDeferred_callback(torc__waiters_pop(&semaphore->waiters), NULL, NULL);
    }
    semaphore->serving = false;
    disown(semaphore);
}

/* While a serve() is on the stack there may be a token that somebody in the queue is about to get. */
TorcDeferred *TorcDeferredSemaphore_acquire(TorcDeferredSemaphore *semaphore)
{
    if (!semaphore) {
        errno = EINVAL;
        return NULL;
    }
    if (semaphore->closed) /* by a step that its end runs */
        return TorcDeferred_fail(TorcReason_static(TORC_OPERATION_CANCELLED));
    if (semaphore->tokens == 0 || semaphore->waiters.count > 0)
        return torc__waiters_add(&semaphore->waiters);
    TorcDeferred *deferred = TorcDeferred_succeed(NULL, NULL);
    if (deferred)
        semaphore->tokens--;
    return deferred;
}

int TorcDeferredSemaphore_release(TorcDeferredSemaphore *semaphore)
{
    TORC__REQUIRE(semaphore && semaphore->tokens < semaphore->limit);
    semaphore->tokens++;
    serve(semaphore);
    return 0;
}

/* ---- run ----------------------------------------------------------------------------------- */

typedef struct Run {
    TorcDeferredSemaphore *semaphore;
    TorcDeferredFunction *function;
    void *arg;
    bool has_token;
} Run;

static void begin_run(TorcResult *result, void *arg)
{
    Run *run = arg;
    run->has_token = !result->reason;
    run->function(result, run->arg);
}

static void end_run(TorcResult *result, void *arg)
{
    Run *run = arg;

    (void)result;
    if (run->has_token)
        (void)TorcDeferredSemaphore_release(run->semaphore);
    disown(run->semaphore);
    torc__free(run);
}

static TorcDeferred *refuse_run(TorcDeferredFunction *function, void *arg, int error)
{
    if (function)
        torc__deferred_refuse(function, arg, -error);
    errno = error;
    return NULL;
}

TorcDeferred *TorcDeferredSemaphore_run(TorcDeferredSemaphore *semaphore,
                                        TorcDeferredFunction *function, void *arg)
{
    if (!semaphore || !function)
        return refuse_run(function, arg, EINVAL);
    Run *run = torc__malloc(sizeof(*run));
    TorcDeferred *deferred = run ? TorcDeferredSemaphore_acquire(semaphore) : NULL;
    if (!deferred) {
        torc__free(run);
        return refuse_run(function, arg, ENOMEM);
    }
    *run = (Run){semaphore, function, arg, false};
    semaphore->users++;
    /* A new deferred has room for two steps. */
    (void)TorcDeferred_addBoth(deferred, begin_run, run);
    (void)TorcDeferred_addBoth(deferred, end_run, run);
    return deferred;
}

/* ---- looking at it ------------------------------------------------------------------------- */

size_t TorcDeferredSemaphore_tokens(const TorcDeferredSemaphore *semaphore)
{
    return semaphore ? semaphore->tokens : 0;
}

size_t TorcDeferredSemaphore_waiting(const TorcDeferredSemaphore *semaphore)
{
    return semaphore ? semaphore->waiters.count : 0;
}
