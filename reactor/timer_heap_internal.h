/* A 4-ary heap of deadlines, and where in it each timer is. Pure: it knows nothing of calls.
 *
 * Four children a node: half the depth of a binary heap, and the four lie in one cache line. Timers
 * are numbered from 0; the heap keeps the place of each, so that removing or moving one costs
 * O(log n) and no search. */
#ifndef TORC_REACTOR_TIMER_HEAP_INTERNAL_H
#define TORC_REACTOR_TIMER_HEAP_INTERNAL_H

#include "api.h"

/* Earlier deadlines first; among equal ones the lower sequence (compared so that wrapping does no
 * harm as long as fewer than 2^31 numbers lie between). */
typedef struct TorcTimerEntry {
    int64_t deadline;
    uint32_t sequence;
    uint32_t timer;
} TorcTimerEntry;

typedef struct TorcTimerHeap {
    TorcTimerEntry *entries;
    uint32_t *places; /* by timer: its index in entries */
    uint32_t count;
    uint32_t capacity; /* of both arrays */
} TorcTimerHeap;

/* Makes room for timers numbered below `capacity`, so that adding one cannot fail. 0 or -ENOMEM. */
int torc__timerHeap_reserve(TorcTimerHeap *heap, uint32_t capacity);

void torc__timerHeap_done(TorcTimerHeap *heap);

/* The timer must not be in the heap yet. */
void torc__timerHeap_add(TorcTimerHeap *heap, TorcTimerEntry entry);

/* These two: it must be. */
void torc__timerHeap_move(TorcTimerHeap *heap, TorcTimerEntry entry);
void torc__timerHeap_remove(TorcTimerHeap *heap, uint32_t timer);

/* The entry of a timer that is in the heap. */
static inline const TorcTimerEntry *torc__timerHeap_find(const TorcTimerHeap *heap, uint32_t timer)
{
    return &heap->entries[heap->places[timer]];
}

#endif
