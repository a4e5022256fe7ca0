/* The budget of pending delayed calls: a million of them, at most 64 bytes each, everything counted
 * that the reactor asks for. Ends with status 0 when it is kept. */
#include <stdio.h>
#include <stdlib.h>

#include <torc/torc.h>

#include "reactor/memory_internal.h"

enum { CALLS = 1000000, BUDGET = 64 };

/* In front of each block: its size. */
typedef union Header {
    size_t size;
    max_align_t aligned;
} Header;

static size_t live;

static void *keep(Header *header, size_t size)
{
    if (!header)
        return NULL;
    header->size = size;
    live += size;
    return header + 1;
}

static void *allocate(size_t size)
{
    return keep(malloc(sizeof(Header) + size), size);
}

static void *reallocate(void *old, size_t size)
{
    Header *header = old ? (Header *)old - 1 : NULL;
    live -= header ? header->size : 0;
    return keep(realloc(header, sizeof(Header) + size), size);
}

static void release(void *memory)
{
    if (!memory)
        return;
    Header *header = (Header *)memory - 1;
    live -= header->size;
    free(header);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Bytes of each of a million calls; negative: they could not be made. */
static double measure(TorcReactor *reactor)
{
    size_t before = live;
    for (int i = 0; i < CALLS; i++)
        if (TorcReactor_callLater(reactor, 1000.0 + i % 977, nothing, NULL, NULL) < 0)
            return -1;
    return (double)(live - before) / CALLS;
}

int main(void)
{
    static const TorcMemory counting = {allocate, reallocate, release};
    torc__setMemory(&counting);
    TorcReactor *reactor = TorcReactor_new(NULL);
    if (!reactor)
        return EXIT_FAILURE;
    double bytes = measure(reactor);
    printf("%.1f bytes per pending call of a million (budget: %d)\n", bytes, BUDGET);
    TorcReactor_free(reactor);
    if (live > 0)
        printf("%zu bytes are left\n", live);
    return bytes > 0 && bytes <= BUDGET && live == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
