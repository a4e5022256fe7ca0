/* Memory: the one table all of the library allocates through (memory_internal.h).
 *
 * Thread: any; the table changes only while nothing is allocated, so it needs no lock. A size of 0
 * is asked for as 1, so that NULL always means "no memory". */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory_internal.h"

#if !defined(NDEBUG) && defined(__GLIBC__) && !defined(TORC__ADDRESS_SANITIZER)
#include <malloc.h>
#define FILLS_FREED 1
#else
#define FILLS_FREED 0
#endif

static const TorcMemory c_library = {malloc, realloc, free};
static TorcMemory table = {malloc, realloc, free};

void torc__setMemory(const TorcMemory *memory)
{
    table = memory ? *memory : c_library;
}

/* libevent allocates through here too, and tells by errno alone why a wait has failed. */
static void *noted(void *memory)
{
    if (!memory)
        errno = ENOMEM;
    return memory;
}

void *torc__malloc(size_t size)
{
    return noted(table.allocate(size ? size : 1));
}

void *torc__zalloc(size_t size)
{
    void *zeroed = torc__malloc(size);
    return zeroed ? memset(zeroed, 0, size) : NULL;
}

void *torc__realloc(void *old, size_t size)
{
    return noted(table.reallocate(old, size ? size : 1));
}

/* Who uses what was freed must not find it as it was: not where assertions are on. AddressSanitizer
 * does it better. */
#if FILLS_FREED
static void fill_freed(void *memory)
{
    if (memory && table.release == free)
        memset(memory, TORC__POISON, malloc_usable_size(memory));
}
#else
static void fill_freed(void *memory)
{
    (void)memory;
}
#endif

void torc__free(void *memory)
{
    fill_freed(memory);
    table.release(memory);
}

char *torc__strdup(const char *text)
{
    assert(text);
    size_t size = strlen(text) + 1;
    char *copy = torc__malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}
