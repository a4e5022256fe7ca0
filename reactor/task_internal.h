/* What the tasks share: a delayed call that knows whether it was made or dropped, and the handling of
 * a deferred that a function of the application left in its result. */
#ifndef TORC_REACTOR_TASK_INTERNAL_H
#define TORC_REACTOR_TASK_INTERNAL_H

#include "delayed_call.h"
#include "task.h"

/* A delayed call embedded in its owner. The function is called once per start, unless it is stopped
 * before: with `due` when its time has come, without when the reactor is freed first. It may start
 * the tick again, and free the owner. Dumps and reports tell what the call is and, if there is one,
 * which function of the application it leads to. */
typedef struct TorcTick TorcTick;
struct TorcTick {
    void (*function)(TorcTick *tick, bool due);
    const char *what; /* "looping call"; static */
    uintptr_t callee; /* 0: none */
    TorcDelayedCall call;
    bool armed;
    bool due;
};

/* The tick must not be armed. 0 or -ENOMEM. */
int torc__tick_start(TorcTick *tick, TorcReactor *reactor, int64_t delay);

/* The tick must be armed: its time is `delay` from now. */
void torc__tick_reset(TorcTick *tick, int64_t delay);

/* Nothing happens if it is not armed. */
void torc__tick_stop(TorcTick *tick);

/* The tick whose delayed call that is; NULL when it is another's. */
const TorcTick *torc__tick_of(TorcFunction *function, void *arg);

/* Those who need the reactor, but have no delayed call under way: they are told when it is freed. */
typedef struct TorcFollower TorcFollower;
struct TorcFollower {
    TorcFollower *previous;
    TorcFollower *next;
    TorcReactor *reactor;                    /* NULL: follows none */
    void (*reactorGone)(TorcFollower *self); /* follows no more by then */
};

void torc__follow(TorcReactor *reactor, TorcFollower *follower);

/* Nothing happens if it follows none. */
void torc__unfollow(TorcFollower *follower);

/* Takes out what a function wants to be waited for; NULL when there is nothing. A deferred that
 * somebody else has already becomes the failure -EBUSY, as in a step of a deferred. */
TorcDeferred *torc__result_takeDeferred(TorcResult *result);

/* Makes away with a deferred that was never handed out, and has not fired. */
void torc__deferred_discard(TorcDeferred *deferred);

#endif
