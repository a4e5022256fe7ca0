/* Marks in the sequence of connections: see stream_ages_internal.h.
 *
 * Reactor's thread; owned by its TorcStreams. Invariant: marks are in the order of their times and
 * of their numbers (which may wrap: compared as a difference, they serve the last 2^31 connections),
 * and the oldest is never dropped, so that every number finds one. */
#include "stream_ages_internal.h"

#include <assert.h>

static const int64_t least_gap = 1000000000; /* nanoseconds */

/* Two marks become one when less than this part of their age lies between. What was merged before is
 * merged again only when it is twice as old, so in the end a mark stands for no more than twice
 * that part. */
enum { PARTS_OF_AGE = 24 };

/* What began at the newer of two marks may count as begun at the older. */
static bool may_merge(int64_t older, int64_t newer, int64_t now)
{
    return newer - older <= (now - newer) / PARTS_OF_AGE;
}

static void thin_out(TorcAges *ages, int64_t now)
{
    unsigned kept = 0;

    for (unsigned i = 1; i < ages->count; i++)
        if (!may_merge(ages->marks[kept].time, ages->marks[i].time, now))
            ages->marks[++kept] = ages->marks[i];
    ages->count = kept + 1;
}

void torc__ages_note(TorcAges *ages, uint32_t number, int64_t now)
{
    if (ages->count > 0 && now - ages->marks[ages->count - 1].time < least_gap)
        return;
    if (ages->count == TORC__AGE_MARKS)
        thin_out(ages, now);
    if (ages->count == TORC__AGE_MARKS)
        return; /* centuries */
    ages->marks[ages->count].time = now;
    ages->marks[ages->count++].number = number;
}

int64_t torc__ages_of(const TorcAges *ages, uint32_t number, int64_t now)
{
    assert(ages->count > 0);
    unsigned i = ages->count - 1;
    while (i > 0 && (int32_t)(number - ages->marks[i].number) < 0)
        i--;
    return now - ages->marks[i].time;
}
