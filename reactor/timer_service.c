/* A looping call as a service.
 *
 * Thread: the reactor's. Owner: each start makes a loop of its own; its end, loop_over, comes
 * exactly once and frees it. Invariant: `looping` is true from the start of a loop until loop_over,
 * and no other is started meanwhile, so calls never overlap. The service outlives its loop: while
 * it runs because its last unref stops it, and while the loop comes to its end because somebody
 * waits for `stopped`, or because who gave up waiting left a reference. */
#include <string.h>

#include "reactor_internal.h"
#include "service_internal.h"
#include "task.h"

typedef struct Timer {
    TorcService base;
    TorcReactor *reactor;
    double interval;
    TorcDeferredFunction *function;
    void *arg;
    TorcLoopingCall *loop; /* NULL: none, or it was given up and comes to its end by itself */
    TorcDeferred *stopped; /* to be fired by loop_over; NULL: nobody waits */
    bool looping;
    bool again; /* started while the last loop came to its end */
} Timer;

static Timer *timer_of(TorcService *self)
{
    return (Timer *)(void *)self;
}

static int begin(Timer *timer);

static void log_failure(const Timer *timer, int code, const char *text)
{
    torc__service_log(&timer->base, "timer-service.failed", code, text);
}

static void begin_again(Timer *timer)
{
    timer->again = false;
    int r = begin(timer);
    if (r < 0)
        log_failure(timer, r, torc_strerror(r));
}

/* Nobody failed when the reactor was freed. */
static bool is_failure(const Timer *timer, const TorcReason *reason)
{
    return reason && !(torc__reactor_stopping(timer->reactor) &&
                       TorcReason_kind(reason) == TORC_OPERATION_CANCELLED);
}

static void loop_over(TorcResult *result, void *arg)
{
    Timer *timer = arg;
    TorcDeferred *stopped = timer->stopped;
    bool given_up = !timer->loop;

    TorcLoopingCall_free(timer->loop);
    timer->loop = NULL;
    timer->stopped = NULL;
    timer->looping = false;
    if (is_failure(timer, result->reason))
        log_failure(timer, TorcReason_code(result->reason), TorcReason_text(result->reason));
    TorcResult_clear(result);
    if (timer->again)
        begin_again(timer);
    if (stopped)
        (void)TorcDeferred_callback(stopped, NULL, NULL); /* the timer may be gone with this */
    if (given_up)
        TorcService_unref(&timer->base);
}

static int begin(Timer *timer)
{
    TorcLoopingCall *loop = TorcLoopingCall_new(timer->reactor, timer->function, timer->arg);
    TorcDeferred *done;

    if (!loop)
        return -ENOMEM;
    int r = TorcLoopingCall_start(loop, timer->interval, true, &done);
    if (r < 0) {
        TorcLoopingCall_free(loop);
        return r;
    }
    timer->loop = loop;
    timer->looping = true;
    (void)TorcDeferred_addBoth(done, loop_over, timer); /* there is room in a new one */
    TorcDeferred_detach(done);
    return 0;
}

static int timer_startService(TorcService *self)
{
    Timer *timer = timer_of(self);
    timer->again = timer->looping;
    return timer->looping ? 0 : begin(timer);
}

/* Nobody waits for the end any more: what the function waits for is called off. The function itself
 * may be on the stack, then loop_over comes when it has returned. */
static void give_up(TorcDeferred *stopped, void *arg)
{
    Timer *timer = arg;
    TorcLoopingCall *loop = timer->loop;

    (void)stopped;
    timer->stopped = NULL;
    timer->loop = NULL;
    TorcService_ref(&timer->base);
    TorcLoopingCall_free(loop);
}

static void timer_stopService(TorcService *self, TorcDeferred **ret_done)
{
    Timer *timer = timer_of(self);

    timer->again = false;
    if (!timer->loop || timer->stopped)
        return;
    (void)TorcLoopingCall_stop(timer->loop);
    if (!timer->looping)
        return;
    *ret_done = timer->stopped = TorcDeferred_new(give_up, timer);
    if (!timer->stopped)
        give_up(NULL, timer);
}

static void timer_destroy(TorcService *self)
{
    assert(!timer_of(self)->looping);
    torc__free(self);
}

static const TorcServiceClass timer_class = {
    TORC_SERVICE_CLASS("timer"),
    .startService = timer_startService,
    .stopService = timer_stopService,
    .destroy = timer_destroy,
};

TorcService *TorcTimerService_new(TorcReactor *reactor, double interval,
                                  TorcDeferredFunction *function, void *arg)
{
    bool valid = reactor && function && interval >= 0;
    Timer *timer = valid ? torc__zalloc(sizeof(*timer)) : NULL;
    if (!timer) {
        errno = valid ? ENOMEM : EINVAL;
        return NULL;
    }
    (void)TorcService_init(&timer->base, &timer_class);
    timer->reactor = reactor;
    timer->interval = interval;
    timer->function = function;
    timer->arg = arg;
    return &timer->base;
}
