/* Cases of the reactor: time, threads, signals, its run, look-ups. */
#include <errno.h>
#include <signal.h>

#include "torture.h"

static unsigned called;
static unsigned destroyed;

static void call(void *arg)
{
    (void)arg;
    called++;
}

static void destroy(void *arg)
{
    (void)arg;
    destroyed++;
}

static void forget_calls(void)
{
    called = destroyed = 0;
}

/* ---- time ---------------------------------------------------------------------------------- */

static void delayed_calls(void)
{
    enum { MANY = 150 };
    static TorcDelayedCall calls[MANY];
    forget_calls();
    for (int i = 0; i < MANY; i++)
        TRY(TorcReactor_callLater(world.reactor, 0.001 * (i % 7), call, NULL, &calls[i]) == 0);
    for (int i = 0; i < MANY; i += 3)
        TRY(TorcDelayedCall_cancel(calls[i]) == 0);
    for (int i = 1; i < MANY; i += 3)
        TRY(TorcDelayedCall_reset(calls[i], 0.002) == 0);
    TRY(until(called == 2 * MANY / 3));
}

/* Also of a call that could not be scheduled `destroy` runs, and once. */
static void destroyed_calls(void)
{
    enum { MANY = 20 };
    forget_calls();
    int scheduled = 0;
    for (int i = 0; i < MANY; i++)
        scheduled +=
            TorcReactor_callLaterWith(world.reactor, 0.001,
                                      TORC_CALL(call, NULL, .destroy = destroy), NULL) == 0;
    CHECK(destroyed == (unsigned)(MANY - scheduled));
    bool all = until(destroyed == MANY);
    CHECK(!world.sim || all);
    TRY(scheduled == MANY && called == MANY);
}

static unsigned ticks;

static void tick(TorcResult *result, void *arg)
{
    (void)result;
    TorcLoopingCall *const *loop = arg;
    if (++ticks == 5)
        (void)TorcLoopingCall_stop(*loop);
}

static void looping_call(void)
{
    static TorcLoopingCall *loop;
    TorcDeferred *done = NULL;
    ticks = 0;
    loop = TorcLoopingCall_new(world.reactor, tick, &loop);
    TRY(loop);
    bool went = TorcLoopingCall_start(loop, 0.001, true, &done) == 0 && succeeded(outcome_of(done));
    TorcLoopingCall_free(loop);
    TRY(went && ticks == 5);
}

static bool step(TorcResult *result, void *arg)
{
    unsigned *left = arg;
    if (*left == 3)
        TorcResult_wait(result, TorcReactor_deferLater(world.reactor, 0.001, NULL, NULL));
    return --*left > 0;
}

static bool cooperate(TorcCooperator *cooperator)
{
    static unsigned left[3];
    const Outcome *last = NULL;
    for (int i = 0; i < 3; i++) {
        TorcDeferred *done = NULL;
        left[i] = 6;
        if (TorcCooperator_cooperate(cooperator, step, &left[i], NULL, &done) < 0)
            return false;
        last = outcome_of(done);
    }
    return succeeded(last);
}

static void cooperator(void)
{
    TorcCooperator *made = TorcCooperator_new(world.reactor);
    TRY(made);
    bool went = cooperate(made);
    TorcCooperator_free(made);
    TRY(went);
}

/* ---- threads ------------------------------------------------------------------------------- */

static void job(void *arg)
{
    (void)TorcReactor_callFromThread(world.reactor, call, arg);
}

static void call_in_thread(void)
{
    enum { MANY = 6 };
    forget_calls();
    for (int i = 0; i < MANY; i++)
        TRY(told(TorcReactor_callInThread(world.reactor, job, NULL)) == 0);
    TRY(until(called == MANY));
}

static void compute(TorcResult *result, void *arg)
{
    TorcResult_set(result, arg, NULL);
}

static void defer_to_thread(void)
{
    const Outcome *outcomes[4];
    for (int i = 0; i < 4; i++) {
        TorcDeferred *done = NULL;
        TRY(told(TorcReactor_deferToThread(world.reactor, compute, &called, &done)) == 0);
        outcomes[i] = outcome_of(done);
    }
    for (int i = 0; i < 4; i++)
        TRY(succeeded(outcomes[i]) && outcomes[i]->value == &called);
}

static void call_from_thread(void)
{
    enum { MANY = 200 };
    forget_calls();
    for (int i = 0; i < MANY; i++)
        TRY(TorcReactor_callFromThreadWith(world.reactor,
                                           TORC_CALL(call, NULL, .destroy = destroy)) == 0);
    TRY(until(destroyed == MANY));
    TRY(called == MANY);
}

/* ---- the run ------------------------------------------------------------------------------- */

static void stop(void *arg)
{
    (void)arg;
    (void)TorcReactor_stop(world.reactor);
}

static int run(void)
{
    return world.sim ? TorcSim_run(world.sim) : TorcReactor_run(world.reactor);
}

static void stop_when_answered(Party *party)
{
    (void)party;
    stop(NULL);
}

/* Whoever cannot arrange for the end does not begin. */
static void run_and_stop(void)
{
    forget_calls();
    TRY(TorcReactor_callWhenRunning(world.reactor, call, NULL) == 0);
    TorcDelayedCall last;
    TRY(TorcReactor_callLater(world.reactor, world.sim ? 10 : 0.5, stop, NULL, &last) == 0);
    TRY(listen_as(&server, echo_back));
    client.on_data = stop_when_answered;
    client.on_lost = stop_when_answered;
    TRY(connect_to(&server, &client, say_hello));
    TRY(told(run()) == 0);
    (void)TorcDelayedCall_cancel(last);
    TRY(called == 1);
    TRY(client.lost == 1);
}

static void hold(void *arg)
{
    (void)arg;
    TorcDeferred *deferred = TorcReactor_deferLater(world.reactor, 0.01, NULL, NULL);
    if (deferred && TorcReactor_holdShutdown(world.reactor, deferred) == 0)
        called++;
}

static bool at_shutdown(TorcPhase phase, TorcFunction *function, uint64_t *ret_id)
{
    return TorcReactor_addSystemEventTrigger(world.reactor, phase, TORC_EVENT_SHUTDOWN, function,
                                             NULL, ret_id) == 0;
}

static void triggers(void)
{
    uint64_t id;
    forget_calls();
    TRY(at_shutdown(TORC_PHASE_BEFORE, call, &id));
    TRY(TorcReactor_removeSystemEventTrigger(world.reactor, id) == 0);
    TRY(at_shutdown(TORC_PHASE_BEFORE, hold, NULL));
    for (int i = 0; i < 5; i++)
        TRY(at_shutdown(TORC_PHASE_AFTER, call, NULL));
    TRY(TorcReactor_callLater(world.reactor, 0.01, stop, NULL, NULL) == 0);
    TRY(run() == 0);
    TRY(called == 6);
}

static void signal_handler(void)
{
    forget_calls();
    TRY(TorcReactor_addSignalHandler(world.reactor, SIGUSR1, call, NULL) == 0);
    if (world.sim)
        TorcSim_raise(world.sim, SIGUSR1);
    else
        raise(SIGUSR1);
    bool came = until(called == 1);
    TRY(TorcReactor_removeSignalHandler(world.reactor, SIGUSR1) == 0);
    TRY(came);
}

static void react_main(TorcReactor *reactor, TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_wait(result, TorcReactor_deferLater(reactor, 0.001, NULL, NULL));
}

static void react(void)
{
    TorcReason *reason = NULL;
    int r = torc_react(react_main, NULL, TORC_REACTOR_OPTIONS(.noSignalHandlers = true), &reason);
    TorcReason_unref(reason);
    TRY(r == 0);
}

/* ---- look-ups ------------------------------------------------------------------------------ */

static bool resolve(const char *host)
{
    TorcDeferred *addresses = NULL;
    int r = TorcReactor_resolve(world.reactor, host, 80, TORC_RESOLVE_OPTIONS(.timeout = 5),
                                &addresses);
    return told(r) == 0 && succeeded(outcome_of(addresses));
}

static void resolve_names(void)
{
    TRY(resolve("127.0.0.1"));
    TRY(resolve(world.sim ? "example.org" : "localhost"));
}

/* Installs it and drops the reference. */
static bool install(TorcResolver *resolver)
{
    bool installed = resolver && TorcReactor_installResolver(world.reactor, resolver, NULL) == 0;
    TorcResolver_unref(resolver);
    return installed;
}

static void resolve_by_hosts(void)
{
    static const char hosts[] = "127.0.0.1 here\n127.0.0.2 there here\n::1 six # comment\n";
    TRY(install(TorcHostsResolver_new(hosts, sizeof(hosts) - 1, NULL)));
    TRY(resolve("here"));
    TRY(resolve("six"));
}

static void resolve_by_cache(void)
{
    const char *name = world.sim ? "example.org" : "localhost";
    TRY(install(TorcCachingResolver_new(NULL, TORC_CACHE_OPTIONS(.names = 2))));
    TRY(resolve(name));
    TRY(resolve(name));
}

/* Nobody answers: what is tried is the way there and back. */
static void resolve_by_dns(void)
{
    TorcDeferred *addresses = NULL;
    TorcResolver *resolver = TorcDNSResolver_new(
        world.reactor, TORC_DNS_OPTIONS(.servers = "127.0.0.1:9", .timeout = 0.01, .tries = 1));
    if (!resolver && errno == EOPNOTSUPP)
        return; /* built without */
    TRY(install(resolver));
    TRY(TorcReactor_resolve(world.reactor, "example.org", 80, NULL, &addresses) == 0);
    TRY(ended(outcome_of(addresses)));
}

const TortureCase loop_cases[] = {
    {"timers", delayed_calls, ON_ALL},
    {"destroyed", destroyed_calls, ON_ALL},
    {"looping-call", looping_call, ON_ALL},
    {"cooperator", cooperator, ON_ALL},
    {"in-thread", call_in_thread, ON_ALL | CALLS},
    {"to-thread", defer_to_thread, ON_ALL | CALLS},
    {"from-thread", call_from_thread, ON_ALL},
    {"run", run_and_stop, ON_ALL | CALLS},
    {"triggers", triggers, ON_ALL},
    {"signal", signal_handler, ON_ALL},
    {"react", react, ON_REAL},
    {"resolve", resolve_names, ON_ALL | CALLS},
    {"hosts", resolve_by_hosts, ON_ALL},
    {"cache", resolve_by_cache, ON_ALL},
    {"dns", resolve_by_dns, ON_ALL},
    {0},
};
