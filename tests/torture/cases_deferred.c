/* Cases of deferreds: chains, lists, locks and queues, timeouts, bound ones. */
#include "torture.h"

static unsigned steps;

static void add_one(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    steps++;
}

/* Every step of addBoth runs, also that which could not be added. */
static void chain(void)
{
    enum { MANY = 8 };
    steps = 0;
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    TRY(deferred);
    for (int i = 0; i < MANY; i++)
        (void)WORKED(TorcDeferred_addBoth(deferred, add_one, NULL) == 0);
    CHECK(TorcDeferred_callback(deferred, NULL, NULL) == 0);
    TorcDeferred_release(deferred);
    CHECK(steps == MANY);
}

static void wait_for_later(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_wait(result, TorcReactor_deferLater(world.reactor, 0.001, add_one, NULL));
}

static void nested(void)
{
    steps = 0;
    TorcDeferred *deferred = TorcDeferred_succeed(NULL, NULL);
    TRY(deferred);
    for (int i = 0; i < 4; i++)
        (void)WORKED(TorcDeferred_addCallback(deferred, wait_for_later, NULL) == 0);
    TRY(succeeded(outcome_of(deferred)));
    TRY(steps == 4);
}

static TorcDeferred *later(int milliseconds)
{
    return TorcReactor_deferLater(world.reactor, 0.001 * milliseconds, NULL, NULL);
}

/* All three take what cannot be made as a failure. */
static void lists(void)
{
    TorcDeferred *first[] = {later(1), later(2), later(3)};
    const Outcome *all = outcome_of(torc_gatherResults(first, 3));
    TorcDeferred *second[] = {later(2), later(1)};
    const Outcome *either = outcome_of(torc_race(second, 2));
    TorcDeferred *third[] = {later(1), NULL, later(2)};
    const Outcome *each = outcome_of(torc_deferredList(third, 3, 0));
    TRY(succeeded(all));
    TRY(succeeded(either));
    TRY(succeeded(each));
}

static void work(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_wait(result, later(1));
}

static bool take_turns(TorcDeferredSemaphore *semaphore)
{
    const Outcome *done[5];
    bool all = true;
    for (int i = 0; i < 5; i++)
        done[i] = outcome_of(TorcDeferredSemaphore_run(semaphore, work, NULL));
    for (int i = 0; i < 5; i++) {
        all &= succeeded(done[i]);
    }
    MUST_COME(TorcDeferredSemaphore_tokens(semaphore) == 2);
    return all;
}

/* The tokens are all back, whatever has failed. */
static void semaphore(void)
{
    TorcDeferredSemaphore *made = TorcDeferredSemaphore_new(2);
    TRY(made);
    bool went = take_turns(made);
    TorcDeferredSemaphore_free(made);
    TRY(went);
}

static bool pass_through(TorcDeferredQueue *queue)
{
    const Outcome *got[6];
    for (int i = 0; i < 3; i++)
        got[i] = outcome_of(TorcDeferredQueue_get(queue));
    bool all = true;
    for (int i = 0; i < 6; i++)
        all &= TorcDeferredQueue_put(queue, NULL, NULL) == 0;
    for (int i = 3; i < 6; i++)
        got[i] = outcome_of(TorcDeferredQueue_get(queue));
    for (int i = 0; i < 6; i++)
        all &= got[i]->fired == 1 && !got[i]->failed;
    return all;
}

static void queue(void)
{
    TorcDeferredQueue *made = TorcDeferredQueue_new(10, 10);
    TRY(made);
    bool went = pass_through(made);
    TorcDeferredQueue_free(made);
    TRY(went);
}

static void timeout(void)
{
    TorcDeferred *deferred = later(10000);
    TRY(deferred);
    bool timed = TorcDeferred_addTimeout(deferred, world.reactor, 0.002) == 0;
    if (!timed)
        TorcDeferred_cancel(deferred);
    const Outcome *outcome = outcome_of(deferred);
    TRY(timed);
    TRY(ended(outcome) && outcome->failed);
}

static void bind_later(Party *party)
{
    TorcDeferred *deferred = later(10000);
    if (!WORKED(deferred))
        return;
    if (!WORKED(TorcDeferred_bind(deferred, party->protocol) == 0))
        TorcDeferred_cancel(deferred);
    party->on_data = NULL;
    (void)outcome_of(deferred);
}

/* It is over before connectionLost. */
static void bound(void)
{
    TRY(connect_both(bind_later, say_hello));
    TRY(until(server.received == HELLO));
    TRY(lose_both());
}

static void blocks(void *arg)
{
    TorcResult result = {0};
    (void)TorcReactor_blockingCallFromThread(world.reactor, add_one, NULL, &result);
    TorcResult_clear(&result);
    (void)arg;
}

static void blocking_call(void)
{
    steps = 0;
    TRY(TorcReactor_callInThread(world.reactor, blocks, NULL) == 0);
    TRY(until(steps == 1));
}

const TortureCase deferred_cases[] = {
    {"chain", chain, ON_SIM},
    {"nested", nested, ON_ALL},
    {"lists", lists, ON_ALL},
    {"semaphore", semaphore, ON_ALL},
    {"queue", queue, ON_SIM},
    {"deferred-timeout", timeout, ON_ALL},
    {"bound", bound, ON_ALL},
    {"blocking-call", blocking_call, ON_REAL},
    {0},
};
