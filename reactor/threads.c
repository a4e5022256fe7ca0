/* Jobs for the reactor's pool of threads: callInThread.
 *
 * Thread: jobs are handed in on the reactor's thread, run on a pool thread, and dropped, if they
 * are, on the reactor's. Owner: the system's pool owns a job from submit until it calls run or
 * drop; exactly one of the two is called and frees it. */
#include "reactor_internal.h"
#include "threads.h"

typedef struct ThreadJob {
    TorcJob job; /* first: the pool knows the job by it */
    TorcKeptCall call;
} ThreadJob;

static void run_job(TorcJob *job)
{
    ThreadJob *self = (ThreadJob *)job;
    torc__call_run(&self->call);
    torc__free(self);
}

static void drop_job(TorcJob *job)
{
    ThreadJob *self = (ThreadJob *)job;
    torc__call_destroy(&self->call);
    torc__free(self);
}

static int submit(TorcReactor *reactor, TorcKeptCall call)
{
    ThreadJob *self = torc__zalloc(sizeof(*self));
    if (!self) {
        torc__call_destroy(&call);
        return -ENOMEM;
    }
    self->job.run = run_job;
    self->job.drop = drop_job;
    self->call = call;
    int r = reactor->system->ops->submit(reactor->system, &self->job);
    if (r < 0)
        drop_job(&self->job);
    return r < 0 ? r : 0;
}

int TorcReactor_callInThread(TorcReactor *reactor, TorcFunction *function, void *arg)
{
    TORC__REQUIRE(reactor && function);
    return submit(reactor, (TorcKeptCall){function, arg, NULL});
}

int TorcReactor_callInThreadWith(TorcReactor *reactor, const TorcCall *call)
{
    int r = reactor ? torc__call_check(call, false) : -EINVAL;
    if (r < 0)
        return torc__call_refuse(call, r);
    return submit(reactor, (TorcKeptCall){call->function, call->arg, call->destroy});
}

int TorcReactor_suggestThreadPoolSize(TorcReactor *reactor, unsigned size)
{
    TORC__REQUIRE(reactor && size >= 1);
    reactor->system->ops->setPoolSize(reactor->system, size);
    return 0;
}
