/* react: a reactor for the time that one deferred takes.
 *
 * Thread: the caller's, which becomes the reactor's. Owner: the record belongs to the call of
 * torc_react; if the deferred goes on after the reactor has ended, to its last step. Invariant: `work`
 * is fired once, and its last step runs once, whatever becomes of the reactor. */
#include "reactor_internal.h"
#include "task_internal.h"

typedef struct React {
    TorcReactor *reactor; /* NULL: it has ended */
    TorcReactFunction *function;
    void *arg;
    TorcDeferred *work; /* runs the function and what it waits for; NULL: given away, or over */
    bool begun;
    bool finished;
    bool log_failure;
    int code;
    TorcReason *reason;
} React;

static void call_function(TorcResult *result, void *arg)
{
    React *react = arg;
    react->function(react->reactor, result, react->arg);
}

static void keep_failure(React *react, TorcResult *result)
{
    int code = TorcReason_code(result->reason);
    react->code = code < 0 ? code : -ECANCELED;
    if (react->log_failure)
        return;
    react->reason = TorcReason_ref(result->reason);
    TorcResult_clear(result);
}

static void finish(TorcResult *result, void *arg)
{
    React *react = arg;
    if (!react->reactor) { /* nobody waits any more */
        torc__free(react);
        return;
    }
    react->finished = true;
    if (result->reason)
        keep_failure(react, result);
    (void)TorcReactor_stop(react->reactor); /* it may stop already */
}

static void begin(void *arg)
{
    React *react = arg;
    react->begun = true;
    (void)TorcDeferred_callback(react->work, NULL, NULL);
}

static void cancel(void *arg)
{
    React *react = arg;
    TorcDeferred *work = react->work;
    if (react->finished)
        return;
    react->work = NULL;
    TorcDeferred_cancel(work);
    (void)TorcReactor_holdShutdown(react->reactor, work);
}

/* What has not begun gets its one firing, so that it can go. */
static void release_work(React *react)
{
    TorcDeferred *work = react->work;
    react->work = NULL;
    TorcDeferred_release(work);
    if (!react->begun)
        (void)TorcDeferred_callback(work, NULL, NULL);
}

static React *new_react(TorcReactFunction *function, void *arg)
{
    React *react = torc__zalloc(sizeof(*react));
    TorcDeferred *work = react ? TorcDeferred_new(NULL, NULL) : NULL;
    if (!work) {
        torc__free(react);
        return NULL;
    }
    react->function = function;
    react->arg = arg;
    react->work = work;
    /* A deferred has room for two steps. */
    (void)TorcDeferred_addCallback(work, call_function, react);
    (void)TorcDeferred_addBoth(work, finish, react);
    return react;
}

static int run(React *react)
{
    TorcReactor *reactor = react->reactor;
    int r = TorcReactor_callWhenRunning(reactor, begin, react);
    if (r == 0)
        r = TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN,
                                              cancel, react, NULL);
    return r < 0 ? r : TorcReactor_run(reactor);
}

/* Hands out what became of it. What is not over even now frees the record when it is. */
static int outcome(React *react, int r, TorcReason **ret_reason)
{
    if (r == 0)
        r = react->finished ? react->code : -ECANCELED;
    else
        react->reason = TorcReason_unref(react->reason);
    if (ret_reason)
        *ret_reason = react->reason;
    react->reactor = NULL;
    if (react->finished)
        torc__free(react);
    return r;
}

int torc_react(TorcReactFunction *function, void *arg, const TorcReactorOptions *options,
               TorcReason **ret_reason)
{
    if (ret_reason)
        *ret_reason = NULL;
    TORC__REQUIRE(function);
    TorcReactor *reactor = TorcReactor_new(options);
    if (!reactor)
        return -errno;
    React *react = new_react(function, arg);
    if (!react) {
        TorcReactor_free(reactor);
        return -ENOMEM;
    }
    react->reactor = reactor;
    react->log_failure = !ret_reason;
    int r = run(react);
    if (react->work)
        release_work(react);
    TorcReactor_free(reactor);
    return outcome(react, r, ret_reason);
}
