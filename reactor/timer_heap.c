/* The heap under the delayed calls (delayed_call.c): a 4-ary heap in one array.
 *
 * Thread: the reactor's. Owner: TorcTimers, which reserves room before it adds, so nothing but
 * reserve can fail. Invariants: no entry comes before its parent, and places[entries[i].timer] == i
 * for every i below count. */
#include <assert.h>
#include <errno.h>

#include "memory_internal.h"
#include "timer_heap_internal.h"

enum { CHILDREN = 4, FIRST_CAPACITY = 64 };

/* From here on room grows by a quarter instead of doubling: of a million timers that would be 20
 * bytes each for nothing, and growing blocks of this size costs the C library little (it moves
 * pages, not bytes). */
enum { LARGE = 4096 };

static_assert(sizeof(TorcTimerEntry) == 16, "four siblings share a cache line");

static bool comes_before(const TorcTimerEntry *a, const TorcTimerEntry *b)
{
    if (a->deadline != b->deadline)
        return a->deadline < b->deadline;
    return (int32_t)(a->sequence - b->sequence) < 0;
}

static void put(TorcTimerHeap *heap, uint32_t place, TorcTimerEntry entry)
{
    heap->entries[place] = entry;
    heap->places[entry.timer] = place;
}

/* Puts the entry where it belongs on the way from `place` to the root. */
static void sift_up(TorcTimerHeap *heap, uint32_t place, TorcTimerEntry entry)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / CHILDREN;
        if (!comes_before(&entry, &heap->entries[parent]))
            break;
        put(heap, place, heap->entries[parent]);
        place = parent;
    }
    put(heap, place, entry);
}

/* The first of the children of `place`, or `count` when it has none. */
static uint32_t earliest_child(const TorcTimerHeap *heap, uint32_t place)
{
    uint64_t first = (uint64_t)place * CHILDREN + 1;
    if (first >= heap->count)
        return heap->count;
    uint64_t end = first + CHILDREN < heap->count ? first + CHILDREN : heap->count;
    uint32_t best = (uint32_t)first;
    for (uint32_t child = best + 1; child < end; child++) {
        if (comes_before(&heap->entries[child], &heap->entries[best]))
            best = child;
    }
    return best;
}

/* Puts the entry where it belongs below `place`. */
static void sift_down(TorcTimerHeap *heap, uint32_t place, TorcTimerEntry entry)
{
    for (;;) {
        uint32_t child = earliest_child(heap, place);
        if (child == heap->count || !comes_before(&heap->entries[child], &entry))
            break;
        put(heap, place, heap->entries[child]);
        place = child;
    }
    put(heap, place, entry);
}

static void sift(TorcTimerHeap *heap, uint32_t place, TorcTimerEntry entry)
{
    if (place > 0 && comes_before(&entry, &heap->entries[(place - 1) / CHILDREN]))
        sift_up(heap, place, entry);
    else
        sift_down(heap, place, entry);
}

int torc__timerHeap_reserve(TorcTimerHeap *heap, uint32_t capacity)
{
    if (capacity <= heap->capacity)
        return 0;
    uint64_t wanted = heap->capacity ? heap->capacity : FIRST_CAPACITY;
    while (wanted < capacity)
        wanted += wanted < LARGE ? wanted : wanted / 4;
    if (wanted > UINT32_MAX)
        return -ENOMEM;

    TorcTimerEntry *entries = torc__realloc(heap->entries, (size_t)wanted * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    heap->entries = entries;
    uint32_t *places = torc__realloc(heap->places, (size_t)wanted * sizeof(*places));
    if (!places)
        return -ENOMEM; /* the larger array of entries stays: no harm, and the next try finds it */
    heap->places = places;
    heap->capacity = (uint32_t)wanted;
    return 0;
}

void torc__timerHeap_done(TorcTimerHeap *heap)
{
    torc__free(heap->entries);
    torc__free(heap->places);
    *heap = (TorcTimerHeap){0};
}

void torc__timerHeap_add(TorcTimerHeap *heap, TorcTimerEntry entry)
{
    assert(entry.timer < heap->capacity && heap->count < heap->capacity);
    sift_up(heap, heap->count++, entry);
}

void torc__timerHeap_move(TorcTimerHeap *heap, TorcTimerEntry entry)
{
    uint32_t place = heap->places[entry.timer];
    assert(place < heap->count && heap->entries[place].timer == entry.timer);
    sift(heap, place, entry);
}

void torc__timerHeap_remove(TorcTimerHeap *heap, uint32_t timer)
{
    uint32_t place = heap->places[timer];
    assert(place < heap->count && heap->entries[place].timer == timer);
    TorcTimerEntry last = heap->entries[--heap->count];
    if (place < heap->count)
        sift(heap, place, last);
}
