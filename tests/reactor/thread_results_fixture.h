/* What the tests of results that pass between threads share: a reactor, values that are counted, and
 * what became of a deferred. */
#ifndef TORC_TESTS_THREAD_RESULTS_FIXTURE_H
#define TORC_TESTS_THREAD_RESULTS_FIXTURE_H

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "reactor/reactor_internal.h"
#include "task_fixture.h"

static sem_t gate, entered;
static pthread_t loop_thread;
static atomic_int ran;
static TorcResult brought; /* by a blocking call */
static int r_blocking;
static pthread_t freed_on;

static inline void begin_real(void)
{
    set_up();
    FailingMemory_stop(); /* it is for one thread */
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    loop_thread = pthread_self();
    ran = 0;
    brought = (TorcResult){0};
    r_blocking = 1;
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.threadPoolSize = 4));
    ck_assert_ptr_nonnull(reactor);
}

static inline void end_real(void)
{
    TorcReactor_free(reactor);
    TorcResult_clear(&brought);
    tear_down();
}

static inline void run(void)
{
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
}

static inline void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        ck_assert_int_eq(errno, EINTR);
}

static inline void free_here(void *arg)
{
    freed_on = pthread_self();
    free_value(arg);
}

/* Functions for pool threads. */
static inline void work(TorcResult *result, void *arg)
{
    ran++;
    if (result->value || result->reason || pthread_equal(pthread_self(), loop_thread))
        abort();
    TorcResult_set(result, arg, free_here);
}

static inline TorcDeferred *defer(TorcDeferredFunction *function, void *arg)
{
    TorcDeferred *done;
    ck_assert_int_eq(TorcReactor_deferToThread(reactor, function, arg, &done), 0);
    return done;
}

static inline void note_here(TorcResult *result, void *arg)
{
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    note(result, arg);
}

static inline void interrupt(void *arg)
{
    (void)arg;
    ck_assert_int_eq(raise(SIGTERM), 0);
}

/* The second signal in a turn of its own: two in one are one. */
static inline void interrupt_twice(void *arg)
{
    interrupt(arg);
    call_later(0, interrupt, NULL);
}

static inline void open_gate(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    sem_post(&gate);
}

/* A job that waits for the only thread, and opens the gate for the one at work when it is dropped. */
static inline void defer_dropped(void)
{
    TorcDeferred *dropped = defer(work, NULL);
    TorcDeferred_addBoth(dropped, note_here, named("dropped"));
    TorcDeferred_addBoth(dropped, open_gate, NULL);
    TorcDeferred_addErrback(dropped, handle_step, NULL);
    TorcDeferred_detach(dropped);
    await(&entered);
}

static char order[8];

static inline void write_letter(void *arg)
{
    strncat(order, arg, 1);
}

static inline void begin_simulated(void)
{
    begin();
    loop_thread = pthread_self();
}

#endif
