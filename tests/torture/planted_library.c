/* What stands for the library in the planted test program: each has a mistake that shows when there is
 * no memory, but for the first. */
#include "planted_library.h"

#include <string.h>

#include "reactor/memory_internal.h"

bool planted_sound(void)
{
    void *memory = torc__malloc(64);
    torc__free(memory);
    return memory;
}

void planted_unchecked(void)
{
    char *text = torc__malloc(64);
    memset(text, ' ', 64);
    torc__free(text);
}

void planted_leak(void)
{
    void *first = torc__malloc(64);
    void *second = torc__malloc(64);
    if (second)
        torc__free(first);
    torc__free(second);
}

void planted_spin(void)
{
    void *memory = NULL;
    while (!memory)
        memory = torc__malloc(64);
    torc__free(memory);
}
