/* Thread jobs and name look-ups, at virtual times and without threads.
 *
 * The pool has as many workers as the reactor asked for. A worker takes the job delay for each job
 * and calls it, on the reactor's thread from inside wait, when that time is over; jobs beyond the
 * workers wait in order. The view owns what is under way. */
#include <string.h>

#include "../reactor/errors.h"
#include "sim_view_internal.h"

/* A job that a worker has taken. */
struct SimPoolJob {
    SimPoolJob *next;
    SimEvent done;
    SimView *view;
    TorcJob *job;
};

struct TorcLookup {
    TorcLookup *next;
    SimEvent done;
    bool unknown; /* a fault: the name is not found, whatever there is */
    SimView *view;
    TorcLookupFunction *function;
    void *arg;
    uint16_t port;
    char host[];
};

/* ---- jobs ---------------------------------------------------------------------------------- */

static void job_done(SimEvent *event);

static void take_job(SimView *view)
{
    SimPool *pool = &view->pool;
    TorcJob *job = pool->waiting_first;
    pool->waiting_first = job->next;
    if (!job->next)
        pool->waiting_last = NULL;
    pool->waiting--;
    pool->busy++;

    SimPoolJob *taken = torc__sim_alloc(sizeof(*taken));
    *taken = (SimPoolJob){.done = {.fire = job_done, .name = "job"}, .view = view, .job = job};
    SimPoolJob **link = &pool->running;
    while (*link)
        link = &(*link)->next;
    *link = taken;
    torc__simKernel_schedule(view->kernel, &taken->done,
                             torc__sim_later(pool->delay, pool->delayed));
    pool->delayed = 0;
}

static void employ(SimView *view)
{
    while (view->pool.waiting > 0 && view->pool.busy < view->pool.most)
        take_job(view);
}

static void run_job(SimPoolJob *taken)
{
    SimView *view = taken->view;
    SimPoolJob **link = &view->pool.running;
    while (*link != taken)
        link = &(*link)->next;
    *link = taken->next;
    TorcJob *job = taken->job;
    torc__simKernel_cancel(view->kernel, &taken->done);
    torc__sim_release(taken);
    job->run(job);
    view->pool.busy--;
}

static void job_done(SimEvent *event)
{
    SimPoolJob *taken = SIM_CONTAINER(event, SimPoolJob, done);
    SimView *view = taken->view;
    run_job(taken);
    employ(view);
    if (view->pool.wake_when_done && view->pool.busy == 0) {
        view->pool.wake_when_done = false;
        view->system.ops->wake(&view->system);
    }
}

int torc__simJobs_submit(TorcSystem *system, TorcJob *job)
{
    SimView *view = torc__simView_of(system);
    SimPool *pool = &view->pool;
    int64_t delay;
    int r = torc__simView_call(view, TORC_SIM_SUBMIT, &delay);
    if (r < 0)
        return r;
    pool->delayed = torc__sim_later(pool->delayed, delay);
    job->next = NULL;
    if (pool->waiting_last)
        pool->waiting_last->next = job;
    else
        pool->waiting_first = job;
    pool->waiting_last = job;
    pool->waiting++;
    employ(view);
    return 0;
}

void torc__simJobs_setPoolSize(TorcSystem *system, unsigned most)
{
    SimView *view = torc__simView_of(system);
    view->pool.most = most > 0 ? most : 1;
    employ(view);
}

size_t torc__simJobs_count(TorcSystem *system, bool wake_when_done)
{
    SimPool *pool = &torc__simView_of(system)->pool;
    size_t count = pool->waiting + pool->busy;
    pool->wake_when_done = wake_when_done && count > 0;
    return count;
}

/* What workers have taken is finished without waiting for its time: a real pool is joined here,
 * while the reactor's thread stands still. */
void torc__simJobs_state(TorcSystem *system, TorcPoolState *ret_state)
{
    const SimPool *pool = &torc__simView_of(system)->pool;
    *ret_state = (TorcPoolState){
        .most = pool->most, .threads = pool->busy, .running = pool->busy, .waiting = pool->waiting};
}

void torc__simJobs_end(TorcSystem *system)
{
    SimView *view = torc__simView_of(system);
    SimPool *pool = &view->pool;
    pool->wake_when_done = false;
    while (pool->waiting_first) {
        TorcJob *job = pool->waiting_first;
        pool->waiting_first = job->next;
        pool->waiting--;
        job->drop(job);
    }
    pool->waiting_last = NULL;
    while (pool->running)
        run_job(pool->running);
}

/* ---- look-ups ------------------------------------------------------------------------------ */

static void unlink_from(TorcLookup **list, const TorcLookup *lookup)
{
    while (*list && *list != lookup)
        list = &(*list)->next;
    if (*list)
        *list = lookup->next;
}

/* Another reactor's wait may have brought this about: the answer is kept for the one that asked. */
static void lookup_done(SimEvent *event)
{
    TorcLookup *lookup = SIM_CONTAINER(event, TorcLookup, done);
    TorcLookup **link = &lookup->view->answered;
    unlink_from(&lookup->view->lookups, lookup);
    while (*link)
        link = &(*link)->next;
    *link = lookup;
    lookup->next = NULL;
}

static void deliver_answer(TorcLookup *lookup)
{
    SimView *view = lookup->view;
    size_t count;
    TorcAddress *addresses =
        torc__simKernel_resolve(view->kernel, lookup->host, lookup->port, &count);
    TorcLookupResult result = {.count = count, .addresses = addresses};
    if (count == 0 || lookup->unknown) {
        result.count = 0;
        result.code = -TORC_ELOOKUP;
        result.problem = "Name or service not known";
    }
    view->answered = lookup->next;
    view->happened = true;
    lookup->function(lookup->arg, &result);
    torc__sim_release(addresses);
    torc__sim_release(lookup);
}

void torc__simLookups_deliver(SimView *view)
{
    while (view->answered)
        deliver_answer(view->answered);
}

int torc__simLookup_start(TorcSystem *system, const char *host, uint16_t port,
                          TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup)
{
    SimView *view = torc__simView_of(system);
    size_t length = strlen(host);
    int64_t delay;
    int r = torc__simView_call(view, TORC_SIM_LOOKUP, &delay);
    if (r < 0 && r != -TORC_ELOOKUP)
        return r;
    TorcLookup *lookup = torc__sim_alloc(sizeof(*lookup) + length + 1);
    *lookup = (TorcLookup){.next = view->lookups,
                           .done = {.fire = lookup_done, .name = "answer to a look-up"},
                           .unknown = r < 0,
                           .view = view,
                           .function = function,
                           .arg = arg,
                           .port = port};
    memcpy(lookup->host, host, length);
    view->lookups = lookup;
    torc__simKernel_schedule(view->kernel, &lookup->done,
                             torc__sim_later(view->lookup_delay, delay));
    *ret_lookup = lookup;
    return 0;
}

const char *torc__simLookup_host(const TorcLookup *lookup)
{
    return lookup->host;
}

const TorcLookup *torc__simLookup_next(const TorcLookup *lookup)
{
    return lookup->next;
}

void torc__simLookup_cancel(TorcSystem *system, TorcLookup *lookup)
{
    SimView *view = torc__simView_of(system);
    torc__simKernel_cancel(view->kernel, &lookup->done);
    unlink_from(&view->lookups, lookup);
    unlink_from(&view->answered, lookup);
    torc__sim_release(lookup);
}
