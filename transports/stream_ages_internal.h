/* When connections began, at no cost for each: marks in the sequence of their numbers.
 *
 * Connections are numbered as they are made. A mark says which number was the next at what time, so
 * the age of a connection is that of the last mark not behind it. There is a mark for every second
 * in which one was made; the older they are the fewer are kept, so that an age is right to within a
 * second or an eighth of it, and a few hundred marks are enough for years. Pure: no clock of its
 * own. */
#ifndef TORC_TRANSPORTS_STREAM_AGES_INTERNAL_H
#define TORC_TRANSPORTS_STREAM_AGES_INTERNAL_H

#include "../reactor/api.h"

/* 24 for each time that the age grows by a factor of e: 420 for ten years. */
enum { TORC__AGE_MARKS = 512 };

/* {0} is empty and ready. */
typedef struct TorcAges {
    unsigned count;
    struct {
        int64_t time; /* nanoseconds */
        uint32_t number;
    } marks[TORC__AGE_MARKS]; /* oldest first */
} TorcAges;

/* A connection with this number, the one behind the last, begins now. */
void torc__ages_note(TorcAges *ages, uint32_t number, int64_t now);

/* Nanoseconds since the connection began; it was noted. */
int64_t torc__ages_of(const TorcAges *ages, uint32_t number, int64_t now);

#endif
