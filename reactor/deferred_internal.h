/* What deferreds are made of, for those who build on them. */
#ifndef TORC_REACTOR_DEFERRED_INTERNAL_H
#define TORC_REACTOR_DEFERRED_INTERNAL_H

#include <assert.h>

#include "bound_internal.h"
#include "deferred.h"

typedef struct TorcDeferredStep {
    TorcDeferredFunction *callback;
    TorcDeferredFunction *errback;
    void *arg;
} TorcDeferredStep;

enum {
    TORC__DEFERRED_FIRED = 1 << 0,
    TORC__DEFERRED_RUNNING = 1 << 1, /* its steps are on the stack */
    TORC__DEFERRED_GONE = 1 << 2,    /* no receiver: goes when it is finished */
    TORC__DEFERRED_DROP = 1 << 3,    /* cancelled without a canceller: the maker still fires it */
    TORC__DEFERRED_QUIET = 1 << 4,   /* cancelled by its release: nobody asks for its failure */
    TORC__DEFERRED_CANCELLING = 1 << 5, /* its canceller is on the stack */
    TORC__DEFERRED_BOUND = 1 << 6
};

enum { TORC__DEFERRED_STEPS = 2 };

struct TorcDeferred {
    TorcResult result;
    TorcDeferredStep *steps; /* `room`, or allocated; always so if it is bound */
    TorcDeferred *waiter;    /* its result is this one's */
    TorcCanceller *canceller;
    void *canceller_arg;
    uint32_t next; /* the step to run next */
    uint32_t count;
    uint32_t capacity;
    uint16_t pauses;
    uint8_t flags;
    uint8_t holds; /* the memory is needed by a function on the stack */
    union {
        TorcDeferredStep room[TORC__DEFERRED_STEPS];
        TorcBound bound; /* TORC__DEFERRED_BOUND */
    };
};
static_assert(sizeof(void *) != 8 || sizeof(TorcDeferred) == 128, "two cache lines");

/* Sees to it that `room` is not in use: 0 or -ENOMEM. */
int torc__deferred_moveSteps(TorcDeferred *deferred);

/* Pauses end, and it is cancelled if it has no result. A failure that comes of this is not logged.
 * It is there afterwards, if its receiver has not given it away. */
void torc__deferred_stop(TorcDeferred *deferred);

/* Calls a step that cannot be added with a failure of that code. What it makes of it concerns
 * nobody. */
void torc__deferred_refuse(TorcDeferredFunction *function, void *arg, int code);

#endif
