/* The simulation's own memory, and how it gives up.
 *
 * It comes from the C library and not from torc__malloc, so that a test which makes the k-th
 * allocation of the code under test fail, or counts its allocations, does not meet the kit's. Out
 * of memory here, and misuse by the test, end the process with a message: there is nobody who
 * could handle them. This is the only place of the kit that prints or aborts. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_memory_internal.h"

enum { SMALLEST_QUEUE = 256 };

void torc__sim_fatal(const char *message)
{
    fprintf(stderr, "torc simulation: %s\n", message);
    abort();
}

void torc__sim_say(const char *text)
{
    fputs(text, stderr);
}

void *torc__sim_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        torc__sim_fatal("out of memory");
    return memory;
}

void *torc__sim_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory)
        torc__sim_fatal("out of memory");
    return memory;
}

void torc__sim_release(void *memory)
{
    free(memory);
}

/* Makes room for `length` bytes at the end. Moving the content to the front is put off until at
 * least as much was taken as is moved, so that a byte is moved once on average. */
static void reserve(SimBytes *bytes, size_t length)
{
    size_t used = torc__simBytes_length(bytes);
    if (bytes->capacity - bytes->end >= length)
        return;
    if (bytes->begin < used || bytes->capacity - used < length) {
        size_t capacity = bytes->capacity ? bytes->capacity : SMALLEST_QUEUE;
        while (capacity - bytes->end < length)
            capacity *= 2;
        bytes->data = torc__sim_realloc(bytes->data, capacity);
        bytes->capacity = capacity;
        return;
    }
    memmove(bytes->data, bytes->data + bytes->begin, used);
    bytes->begin = 0;
    bytes->end = used;
}

void torc__simBytes_append(SimBytes *bytes, const void *data, size_t length)
{
    if (length == 0)
        return;
    reserve(bytes, length);
    memcpy(bytes->data + bytes->end, data, length);
    bytes->end += length;
}

void torc__simBytes_drop(SimBytes *bytes, size_t length)
{
    assert(length <= torc__simBytes_length(bytes));
    bytes->begin += length;
    if (bytes->begin == bytes->end)
        bytes->begin = bytes->end = 0;
}

void torc__simBytes_done(SimBytes *bytes)
{
    free(bytes->data);
    *bytes = (SimBytes){0};
}
