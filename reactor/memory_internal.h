/* Memory, the only way the library asks for it: tests replace the functions to make allocation k
 * fail. Process-wide, because factories and class tables live outside any reactor. */
#ifndef TORC_REACTOR_MEMORY_INTERNAL_H
#define TORC_REACTOR_MEMORY_INTERNAL_H

#include <string.h>

#include "api.h"

typedef struct TorcMemory {
    void *(*allocate)(size_t size);              /* not zeroed; NULL: no memory */
    void *(*reallocate)(void *old, size_t size); /* old may be NULL */
    void (*release)(void *memory);               /* NULL is fine */
} TorcMemory;

/* NULL restores the C library's. Only while nothing is allocated through the old ones. */
void torc__setMemory(const TorcMemory *memory);

/* NULL: no memory, and errno is ENOMEM. */
void *torc__malloc(size_t size);
void *torc__zalloc(size_t size); /* zeroed */
void *torc__realloc(void *old, size_t size);
void torc__free(void *memory);
char *torc__strdup(const char *text);

/* Memory that is kept for later use and must not be touched until it is unpoisoned, which leaves any
 * bytes in it. AddressSanitizer stops who touches it; other builds with assertions fill it with
 * TORC__POISON, as torc__free does where the C library can tell how much there is; release builds
 * leave it alone. Addresses and sizes are multiples of 8. */
enum { TORC__POISON = 0xdf };
#if defined(__SANITIZE_ADDRESS__)
#define TORC__ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TORC__ADDRESS_SANITIZER 1
#endif
#endif
#ifdef TORC__ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define torc__poison(memory, size) ASAN_POISON_MEMORY_REGION((memory), (size))
#define torc__unpoison(memory, size) ASAN_UNPOISON_MEMORY_REGION((memory), (size))
#else
#ifdef NDEBUG
#define torc__poison(memory, size) ((void)(memory), (void)(size))
#else
#define torc__poison(memory, size) ((void)memset((memory), TORC__POISON, (size)))
#endif
#define torc__unpoison(memory, size) ((void)(memory), (void)(size))
#endif

#endif
