/* The kit's own memory, queues of bytes, and its last words. Not installed.
 *
 * Memory comes straight from the C library: tests that make allocation k of the code under test
 * fail, or count its allocations, must not meet the kit's own. */
#ifndef TORC_TESTING_SIM_MEMORY_INTERNAL_H
#define TORC_TESTING_SIM_MEMORY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/* Says on stderr what the test did wrong, or that memory ran out, and aborts. */
_Noreturn void torc__sim_fatal(const char *message);

/* What a test must keep to: says what it did wrong, and aborts, unless the condition holds. */
static inline void torc__sim_require(bool condition, const char *message)
{
    if (!condition)
        torc__sim_fatal(message);
}

/* Says it on stderr. */
void torc__sim_say(const char *text);

/* Zeroed memory; never NULL. */
void *torc__sim_alloc(size_t size);
void *torc__sim_realloc(void *old, size_t size);
void torc__sim_release(void *memory);

/* A queue of bytes; {0} is empty. */
typedef struct SimBytes {
    unsigned char *data;
    size_t begin;
    size_t end;
    size_t capacity;
} SimBytes;

static inline size_t torc__simBytes_length(const SimBytes *bytes)
{
    return bytes->end - bytes->begin;
}

void torc__simBytes_append(SimBytes *bytes, const void *data, size_t length);
void torc__simBytes_drop(SimBytes *bytes, size_t length);
void torc__simBytes_done(SimBytes *bytes);

#endif
