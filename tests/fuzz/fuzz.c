/* Messages and memory of the fuzz targets. One thread: targets that use worker threads do so in the
 * simulation, where they are jobs of the same thread. */
#include "fuzz.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/memory_internal.h"

/* For targets that share nothing. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

char *fuzz_takeText(FuzzInput *input, uint8_t stop)
{
    const uint8_t *end = input->left > 0 ? memchr(input->at, stop, input->left) : NULL;
    size_t length = end ? (size_t)(end - input->at) : input->left;
    char *text = malloc(length + 1);
    FUZZ_CHECK(text);
    if (length > 0)
        memcpy(text, input->at, length);
    text[length] = '\0';
    input->at += length + (end != NULL);
    input->left -= length + (end != NULL);
    return text;
}

void fuzz_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

/* ---- memory -------------------------------------------------------------------------------- */

static struct {
    size_t now;
    size_t peak;
    long until_failure; /* negative: never */
    bool for_ever;      /* it is not the only one */
} memory = {.until_failure = -1};

static bool fails(void)
{
    if (memory.until_failure == 0 && memory.for_ever)
        return true;
    return memory.until_failure >= 0 && memory.until_failure-- == 0;
}

static void *counted(void *block)
{
    memory.now += malloc_usable_size(block);
    if (memory.now > memory.peak)
        memory.peak = memory.now;
    return block;
}

static void *allocate(size_t size)
{
    return fails() ? NULL : counted(malloc(size));
}

static void *reallocate(void *old, size_t size)
{
    size_t before = malloc_usable_size(old);
    void *block = fails() ? NULL : realloc(old, size);
    if (!block)
        return NULL;
    memory.now -= before;
    return counted(block);
}

static void release(void *block)
{
    memory.now -= malloc_usable_size(block);
    free(block);
}

void fuzz_countMemory(void)
{
    static const TorcMemory functions = {allocate, reallocate, release};
    torc__setMemory(&functions);
}

size_t fuzz_memory(void)
{
    return memory.now;
}

size_t fuzz_memoryPeak(void)
{
    return memory.peak;
}

void fuzz_resetPeak(void)
{
    memory.peak = memory.now;
}

void fuzz_failAllocation(long number)
{
    memory.until_failure = number;
    memory.for_ever = false;
}

void fuzz_failAllocationsFrom(long number)
{
    memory.until_failure = number;
    memory.for_ever = true;
}
