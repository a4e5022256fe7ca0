/* The real system's thread pool: runs jobs that would block the loop.
 *
 * The pool grows by one thread when a job finds none idle, up to its size; jobs beyond that wait in
 * order of arrival. A job belongs to the pool from submit until its run or drop has been called,
 * and nothing is touched of it after that. The reactor's thread submits, resizes and ends; the lock
 * guards everything that it shares with pool threads.
 *
 * Invariants: a thread waits only when no job does, so a job that is accepted while one is idle is
 * taken at once; unless the pool is ending, waiting jobs mean that there is at least one thread.
 * Every thread is joined, at the latest by endJobs, so none outlives the system. */
#include "system_real_internal.h"

#include <assert.h>
#include <errno.h>

#include "memory_internal.h"

struct TorcRealThread {
    TorcRealThread *next;
    TorcRealSystem *system;
    pthread_t thread;
    bool left; /* nothing but its return is missing; under the lock */
};

/* ---- threads as such ----------------------------------------------------------------------- */

/* Application signals are for the application's threads: here they would interrupt jobs that know
 * nothing of them. Those that report a fault of the thread itself stay, for crash handlers. */
static void fill_with_application_signals(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(set, faults[i]);
}

int torc__real_startThread(pthread_t *ret_thread, bool detached, void *(*start)(void *), void *arg)
{
    pthread_attr_t attributes;
    int r = pthread_attr_init(&attributes);
    if (r != 0)
        return -r;
    if (detached)
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t blocked, previous;
    fill_with_application_signals(&blocked);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &previous);
    r = torc__real_calls.createThread(ret_thread, &attributes, start, arg);
    (void)pthread_sigmask(SIG_SETMASK, &previous, NULL);
    (void)pthread_attr_destroy(&attributes);
    return -r;
}

#ifdef __linux__
void torc__real_nameThread(const char *name)
{
    (void)pthread_setname_np(pthread_self(), name); /* for top -H and debuggers only */
}
#else
void torc__real_nameThread(const char *name)
{
    (void)name;
}
#endif

/* ---- a pool thread ------------------------------------------------------------------------- */

static TorcJob *pop(TorcRealPool *pool)
{
    TorcJob *job = pool->first;
    if (!job)
        return NULL;
    pool->first = job->next;
    if (!pool->first)
        pool->end = &pool->first;
    pool->waiting--;
    return job;
}

/* The next job, waited for; NULL: the thread is to leave. */
static TorcJob *next_job(TorcRealPool *pool)
{
    for (;;) {
        if (pool->ending || pool->threads > pool->most)
            return NULL;
        TorcJob *job = pop(pool);
        if (job) {
            pool->running++;
            return job;
        }
        pthread_cond_wait(&pool->work, &pool->lock);
    }
}

static void note_end_of_job(TorcRealSystem *system)
{
    TorcRealPool *pool = &system->pool;
    pool->running--;
    if (!pool->wake_when_done || pool->running + pool->waiting > 0)
        return;
    pool->wake_when_done = false;
    torc__real_wake(&system->base);
}

static void *work(void *arg)
{
    TorcRealThread *self = arg;
    TorcRealPool *pool = &self->system->pool;
    TorcJob *job;
    torc__real_nameThread("torc-pool");
    pthread_mutex_lock(&pool->lock);
    while ((job = next_job(pool)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
        note_end_of_job(self->system);
    }
    pool->threads--;
    self->left = true;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- growing and shrinking ----------------------------------------------------------------- */

static int add_thread(TorcRealSystem *system)
{
    TorcRealPool *pool = &system->pool;
    TorcRealThread *record = torc__zalloc(sizeof *record);
    if (!record)
        return -ENOMEM;
    record->system = system;
    int r = torc__real_startThread(&record->thread, false, work, record);
    if (r < 0) {
        torc__free(record);
        return r;
    }
    record->next = pool->records;
    pool->records = record;
    pool->threads++;
    return 0;
}

/* Sees to it that `jobs` waiting ones find a thread as far as the size allows. A thread that cannot
 * be started is done without, as the ones there are will come to the job. */
static void grow(TorcRealSystem *system, size_t jobs)
{
    TorcRealPool *pool = &system->pool;
    while (jobs > pool->threads - pool->running && pool->threads < pool->most)
        if (add_thread(system) < 0)
            return;
}

static void join_all(TorcRealThread *records)
{
    while (records) {
        TorcRealThread *record = records;
        records = record->next;
        (void)pthread_join(record->thread, NULL);
        torc__free(record);
    }
}

static TorcRealThread *take_left(TorcRealPool *pool)
{
    TorcRealThread *taken = NULL;
    TorcRealThread **link = &pool->records;
    while (*link) {
        TorcRealThread *record = *link;
        if (!record->left) {
            link = &record->next;
            continue;
        }
        *link = record->next;
        record->next = taken;
        taken = record;
    }
    return taken;
}

/* Those that have left are on their last instructions, so this does not wait. */
static void unlock_and_join_left(TorcRealPool *pool)
{
    TorcRealThread *left = take_left(pool);
    pthread_mutex_unlock(&pool->lock);
    join_all(left);
}

/* ---- the reactor's side -------------------------------------------------------------------- */

int torc__real_startPool(TorcRealPool *pool, unsigned most)
{
    int r = pthread_mutex_init(&pool->lock, NULL);
    if (r != 0)
        return -r;
    r = pthread_cond_init(&pool->work, NULL);
    if (r != 0) {
        pthread_mutex_destroy(&pool->lock);
        return -r;
    }
    pool->end = &pool->first;
    pool->most = most;
    return 0;
}

void torc__real_freePool(TorcRealPool *pool)
{
    assert(!pool->records && !pool->first);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
}

static void push(TorcRealPool *pool, TorcJob *job)
{
    job->next = NULL;
    *pool->end = job;
    pool->end = &job->next;
    pool->waiting++;
    pthread_cond_signal(&pool->work);
}

int torc__real_submit(TorcSystem *system, TorcJob *job)
{
    TorcRealPool *pool = &torc__real(system)->pool;
    pthread_mutex_lock(&pool->lock);
    bool taken = false;
    if (!pool->ending) {
        grow(torc__real(system), pool->waiting + 1);
        taken = pool->threads > 0;
    }
    if (taken)
        push(pool, job);
    unlock_and_join_left(pool);
    return taken ? 0 : -EAGAIN;
}

void torc__real_setPoolSize(TorcSystem *system, unsigned most)
{
    TorcRealPool *pool = &torc__real(system)->pool;
    assert(most > 0);
    pthread_mutex_lock(&pool->lock);
    pool->most = most;
    grow(torc__real(system), pool->waiting);
    pthread_cond_broadcast(&pool->work); /* idle threads look whether they are too many */
    unlock_and_join_left(pool);
}

size_t torc__real_jobs(TorcSystem *system, bool wake_when_done)
{
    TorcRealPool *pool = &torc__real(system)->pool;
    pthread_mutex_lock(&pool->lock);
    size_t jobs = pool->waiting + pool->running;
    if (wake_when_done && jobs > 0)
        pool->wake_when_done = true;
    pthread_mutex_unlock(&pool->lock);
    return jobs;
}

void torc__real_poolState(TorcSystem *system, TorcPoolState *ret_state)
{
    TorcRealPool *pool = &torc__real(system)->pool;
    pthread_mutex_lock(&pool->lock);
    *ret_state = (TorcPoolState){.most = pool->most,
                                 .threads = pool->threads,
                                 .running = pool->running,
                                 .waiting = pool->waiting};
    pthread_mutex_unlock(&pool->lock);
}

/* The lock is not held during drop, which may be the application's code and may try to submit. */
static void drop_waiting(TorcRealPool *pool)
{
    TorcJob *job;
    while ((job = pop(pool)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        job->drop(job);
        pthread_mutex_lock(&pool->lock);
    }
}

/* The threads of the parent that wait for the condition are not here and never leave it: it begins
 * anew, without an end. */
void torc__real_forgetThreads(TorcRealPool *pool)
{
    (void)pthread_cond_init(&pool->work, NULL);
    pool->lost += pool->running;
    pool->running = 0;
    pool->threads = 0;
    pool->ending = pool->wake_when_done = false;
    pthread_mutex_unlock(&pool->lock);
}

void torc__real_dropJobs(TorcSystem *system)
{
    TorcRealPool *pool = &torc__real(system)->pool;
    assert(pool->threads == 0);
    while (pool->records) {
        TorcRealThread *record = pool->records;
        pool->records = record->next;
        torc__free(record);
    }
    pthread_mutex_lock(&pool->lock);
    drop_waiting(pool);
    pthread_mutex_unlock(&pool->lock);
}

void torc__real_endJobs(TorcSystem *system)
{
    TorcRealPool *pool = &torc__real(system)->pool;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work);
    drop_waiting(pool);
    TorcRealThread *all = pool->records;
    pool->records = NULL;
    pthread_mutex_unlock(&pool->lock);

    join_all(all);

    pthread_mutex_lock(&pool->lock);
    pool->ending = false;
    pool->wake_when_done = false;
    pthread_mutex_unlock(&pool->lock);
}
