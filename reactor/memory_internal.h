/* Memory, the only way the library asks for it: tests replace the functions to make allocation k
 * fail. Process-wide, because factories and class tables live outside any reactor. */
#ifndef TORC_REACTOR_MEMORY_INTERNAL_H
#define TORC_REACTOR_MEMORY_INTERNAL_H

#include "api.h"

typedef struct TorcMemory {
    void *(*allocate)(size_t size);              /* not zeroed; NULL: no memory */
    void *(*reallocate)(void *old, size_t size); /* old may be NULL */
    void (*release)(void *memory);               /* NULL is fine */
} TorcMemory;

/* NULL restores the C library's. Only while nothing is allocated through the old ones. */
void torc__setMemory(const TorcMemory *memory);

void *torc__malloc(size_t size);
void *torc__zalloc(size_t size); /* zeroed */
void *torc__realloc(void *old, size_t size);
void torc__free(void *memory);
char *torc__strdup(const char *text);

#endif
