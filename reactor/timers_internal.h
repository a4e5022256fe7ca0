/* Delayed calls: a 4-ary heap of deadlines over type-stable slots with generations. */
#ifndef TORC_REACTOR_TIMERS_INTERNAL_H
#define TORC_REACTOR_TIMERS_INTERNAL_H

#include "api.h"
#include "bound_internal.h"
#include "call.h"
#include "delayed_call.h"
#include "timer_heap_internal.h"

/* {0} is empty and ready. */
typedef struct TorcTimers {
    TorcTimerHeap heap;            /* of the active calls, by slot number */
    struct TorcTimerSlot **blocks; /* slots never move */
    uint32_t block_count;
    uint32_t block_capacity;
    uint32_t free_slot; /* number + 1; 0: none */
    uint32_t next_sequence;
    uint32_t round; /* counts runDue */
} TorcTimers;

/* What dumps and reports tell of a call that is in the heap. */
typedef struct TorcTimerView {
    const char *what;   /* "idle timeout", "looping call"; NULL: a delayed call, no more */
    uintptr_t function; /* that is called in the end; 0: none that anybody would know */
    bool own;           /* the library's */
    bool bound;
    uint32_t next; /* in its bound list: number + 1; 0: none */
} TorcTimerView;
TorcTimerView torc__timers_view(const TorcTimers *timers, uint32_t number);

/* Frees all memory; every call still there is dropped (its destroy function runs). */
void torc__timers_done(TorcTimers *timers);

/* The earliest deadline in nanoseconds, INT64_MAX when there is none. */
static inline int64_t torc__timers_earliest(const TorcTimers *timers)
{
    return timers->heap.count > 0 ? timers->heap.entries[0].deadline : INT64_MAX;
}

/* Makes the calls that are due at `now`, in order, but none that was scheduled or rescheduled after
 * this began. `now` was read from the reactor's clock. */
void torc__timers_runDue(TorcTimers *timers, int64_t now);

/* callLater with a list to be bound to; bound may be NULL. As TorcReactor_callLaterWith, with the
 * delay in nanoseconds. */
int torc__callLater(TorcReactor *reactor, int64_t delay, TorcFunction *function, void *arg,
                    TorcFunction *destroy, TorcBoundCalls *bound, TorcDelayedCall *ret_call);

/* The same for the library's own calls: `purpose` says what for ("idle timeout") in dumps and reports,
 * and is static. */
int torc__ownCallLater(TorcReactor *reactor, int64_t delay, const char *purpose,
                       TorcFunction *function, void *arg, TorcDelayedCall *ret_call);

/* TorcDelayedCall_reset with the delay in nanoseconds, not negative. */
int torc__delayedCall_reset(TorcDelayedCall call, int64_t delay);

/* Cancels all delayed calls of the list. */
void torc__timers_cancelBound(TorcReactor *reactor, TorcBoundCalls *bound);

#endif
