/* Jobs for the reactor's pool of threads: callInThread, callMultipleInThread; and whose thread is
 * whose.
 *
 * Thread: jobs are handed in on the reactor's thread, run on a pool thread, and dropped, if they
 * are, on the reactor's. Owner: the system's pool owns a job from submit until it calls run or
 * drop; exactly one of the two is called and frees it. */
#include <string.h>

#include "reactor_internal.h"
#include "threads.h"

typedef struct ThreadJob {
    TorcJob job; /* first: the pool knows the job by it */
    size_t count;
    TorcKeptCall calls[];
} ThreadJob;

static void run_job(TorcJob *job)
{
    ThreadJob *self = (ThreadJob *)job;
    for (size_t i = 0; i < self->count; i++)
        torc__call_run(&self->calls[i]);
    torc__free(self);
}

static void drop_job(TorcJob *job)
{
    ThreadJob *self = (ThreadJob *)job;
    for (size_t i = 0; i < self->count; i++)
        torc__call_destroy(&self->calls[i]);
    torc__free(self);
}

/* Without its calls. NULL: out of memory. */
static ThreadJob *new_job(size_t count)
{
    if (count > (SIZE_MAX - sizeof(ThreadJob)) / sizeof(TorcKeptCall))
        return NULL;
    ThreadJob *self = torc__malloc(sizeof(*self) + count * sizeof(TorcKeptCall));
    if (!self)
        return NULL;
    self->job = (TorcJob){.run = run_job, .drop = drop_job};
    self->count = count;
    return self;
}

static int submit(TorcReactor *reactor, ThreadJob *self)
{
    int r = reactor->system->ops->submit(reactor->system, &self->job);
    if (r < 0)
        drop_job(&self->job);
    return r < 0 ? r : 0;
}

static int submit_call(TorcReactor *reactor, TorcKeptCall call)
{
    ThreadJob *self = new_job(1);
    if (!self) {
        torc__call_destroy(&call);
        return -ENOMEM;
    }
    self->calls[0] = call;
    return submit(reactor, self);
}

int TorcReactor_callInThread(TorcReactor *reactor, TorcFunction *function, void *arg)
{
    TORC__REQUIRE(reactor && function);
    TORC__ON_THREAD_OF(reactor);
    return submit_call(reactor, (TorcKeptCall){function, arg, NULL});
}

int TorcReactor_callInThreadWith(TorcReactor *reactor, const TorcCall *call)
{
    int r = reactor ? torc__call_check(call, false) : -EINVAL;
    if (r < 0)
        return torc__call_refuse(call, r);
    TORC__ON_THREAD_OF(reactor);
    return submit_call(reactor, (TorcKeptCall){call->function, call->arg, call->destroy});
}

static int check_all(const TorcCall *calls, size_t count)
{
    int r = calls && count > 0 ? 0 : -EINVAL;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = torc__call_check(&calls[i], false);
    return r;
}

static int refuse_all(const TorcCall *calls, size_t count, int r)
{
    for (size_t i = 0; calls && i < count; i++)
        (void)torc__call_refuse(&calls[i], r);
    return r;
}

int TorcReactor_callMultipleInThread(TorcReactor *reactor, const TorcCall *calls, size_t count)
{
    TORC__ON_THREAD_OF(reactor);
    int r = reactor ? check_all(calls, count) : -EINVAL;
    ThreadJob *self = r == 0 ? new_job(count) : NULL;
    if (!self)
        return refuse_all(calls, count, r < 0 ? r : -ENOMEM);
    for (size_t i = 0; i < count; i++)
        self->calls[i] = (TorcKeptCall){calls[i].function, calls[i].arg, calls[i].destroy};
    return submit(reactor, self);
}

int TorcReactor_suggestThreadPoolSize(TorcReactor *reactor, unsigned size)
{
    TORC__REQUIRE(reactor && size >= 1);
    TORC__ON_THREAD_OF(reactor);
    reactor->system->ops->setPoolSize(reactor->system, size);
    return 0;
}

const void *torc__thisThread(void)
{
    static _Thread_local char here; /* an address that no other thread has */
    return &here;
}

#ifndef NDEBUG
/* Before and after a run whoever comes may have been given the reactor, so only one that runs can be
 * at the wrong thread's hands. Not the reactor's limit for the event: it is the other thread's. */
void torc__reactor_checkThread(const TorcReactor *reactor, const char *function)
{
    bool wrong = reactor && !TorcReactor_isInIOThread(reactor) &&
                 (reactor->in_turn || reactor->state != TORC__STOPPED);
    if (wrong)
        TORC__LOG(NULL, TORC_LOG_ERROR, "reactor.wrong-thread",
                  TORC_LOG_BYTES("function", function, strlen(function)));
    assert(!wrong);
}
#endif

bool TorcReactor_isInIOThread(const TorcReactor *reactor)
{
    return reactor &&
           atomic_load_explicit(&reactor->thread, memory_order_relaxed) == torc__thisThread();
}
