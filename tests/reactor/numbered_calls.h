/* Calls that note their number, on a reactor without a loop: for tests of what holds calls. */
#ifndef TORC_TESTS_NUMBERED_CALLS_H
#define TORC_TESTS_NUMBERED_CALLS_H

#include "../support/fake_reactor.h"

static FakeReactor fake;
static TorcReactor *reactor = &fake.reactor;

/* What has run: the numbers given as arguments, in order. */
static int ran[1024];
static int ran_count;
static int destroyed;

static inline void run_number(void *arg)
{
    ran[ran_count++] = (int)(intptr_t)arg;
}

static inline void count_destroy(void *arg)
{
    (void)arg;
    destroyed++;
}

static inline void *number(int n)
{
    return (void *)(intptr_t)n;
}

static inline void begin_numbers(void)
{
    FakeReactor_init(&fake);
    ran_count = destroyed = 0;
}

static inline void end_numbers(void)
{
    FakeReactor_done(&fake);
}

#endif
