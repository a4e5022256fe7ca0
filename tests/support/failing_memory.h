/* Memory that can be made to fail, and that counts: for tests that try every allocation failure.
 *
 *     for (long k = 0; !done; k++) {
 *         FailingMemory_start(k);              allocation number k (from 0) fails
 *         done = the_thing_under_test() == 0;  …so it fails cleanly, until k is beyond the last
 *         ck_assert_int_eq(FailingMemory_live(), 0);
 *     }
 *     FailingMemory_stop();
 *
 * One thread at a time. */
#ifndef TORC_TESTS_FAILING_MEMORY_H
#define TORC_TESTS_FAILING_MEMORY_H

#include <check.h>
#include <stdlib.h>

#include "reactor/memory_internal.h"

static struct {
    long allocations; /* asked for since start, growing a block included */
    long fail_at;
    bool for_ever; /* and all that follow, too */
    long live;     /* blocks allocated since start and not released */
} failing_memory;

static inline bool FailingMemory_fails(void)
{
    long number = failing_memory.allocations++;
    return number == failing_memory.fail_at ||
           (failing_memory.for_ever && number > failing_memory.fail_at);
}

static inline void *FailingMemory_allocate(size_t size)
{
    void *memory = FailingMemory_fails() ? NULL : malloc(size);
    failing_memory.live += memory != NULL;
    return memory;
}

static inline void *FailingMemory_reallocate(void *old, size_t size)
{
    void *memory = FailingMemory_fails() ? NULL : realloc(old, size);
    failing_memory.live += memory && !old;
    return memory;
}

static inline void FailingMemory_release(void *memory)
{
    failing_memory.live -= memory != NULL;
    free(memory);
}

/* Allocation number `fail_at` from now on fails; negative: none does. */
static inline void FailingMemory_start(long fail_at)
{
    static const TorcMemory functions = {FailingMemory_allocate, FailingMemory_reallocate,
                                         FailingMemory_release};
    failing_memory.allocations = 0;
    failing_memory.live = 0;
    failing_memory.fail_at = fail_at;
    failing_memory.for_ever = false;
    torc__setMemory(&functions);
}

/* The same, but all allocations after it fail as well, until FailingMemory_recover. */
static inline void FailingMemory_startForEver(long fail_at)
{
    FailingMemory_start(fail_at);
    failing_memory.for_ever = true;
}

/* No allocation fails any more; counting goes on. */
static inline void FailingMemory_recover(void)
{
    failing_memory.fail_at = -1;
    failing_memory.for_ever = false;
}

static inline void FailingMemory_stop(void)
{
    torc__setMemory(NULL);
}

static inline long FailingMemory_allocations(void)
{
    return failing_memory.allocations;
}

static inline long FailingMemory_live(void)
{
    return failing_memory.live;
}

/* Calls `attempt` with the number of the allocation that it lets fail, from 0 until it says that
 * there was none such. Each must leave behind what an attempt without failure (-1) leaves: class
 * tables stay resolved. Returns how many it took. */
static inline long FailingMemory_tryAll(bool (*attempt)(long k))
{
    FailingMemory_start(-1);
    (void)attempt(-1);
    long kept = FailingMemory_live();
    long k = 0;
    for (bool done = false; !done; k++) {
        done = attempt(k);
        ck_assert_int_eq(FailingMemory_live(), kept);
    }
    FailingMemory_stop();
    return k;
}

#endif
