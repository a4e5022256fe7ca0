/* What the tests of delayed calls share: a reactor whose time passes by hand, and calls that note
 * their number. */
#ifndef TORC_TESTS_TIMERS_FIXTURE_H
#define TORC_TESTS_TIMERS_FIXTURE_H

#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include <torc/reactor/delayed_call.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "numbered_calls.h"
#include "protocols/protocol.h"
#include "transports/transport_internal.h"

/* For loops that run very often: check's own assertions each write to a pipe. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("not so: %s", #condition);                                                \
    } while (0)

static inline TorcDelayedCall later(double delay, TorcFunction *function, int n)
{
    TorcDelayedCall call;
    CHECK(TorcReactor_callLater(reactor, delay, function, number(n), &call) == 0);
    return call;
}

static inline void advance(double seconds)
{
    FakeReactor_advance(&fake, (int64_t)(seconds * 1e9));
}

static inline void check_ran(int count, const int *numbers)
{
    ck_assert_int_eq(ran_count, count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(ran[i], numbers[i]);
}

#define CHECK_RAN(...) check_ran(sizeof((int[]){__VA_ARGS__}) / sizeof(int), (int[]){__VA_ARGS__})

static inline void check_answers(TorcDelayedCall call, int answer)
{
    double due = 77.0;
    ck_assert_int_eq(TorcDelayedCall_cancel(call), answer);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 1.0), answer);
    ck_assert_int_eq(TorcDelayedCall_delay(call, 1.0), answer);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, &due), answer);
    ck_assert(due == 77.0);
    ck_assert(!TorcDelayedCall_active(call));
}

static inline TCase *make_case(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 50);
    tcase_add_checked_fixture(tcase, begin_numbers, end_numbers);
    return tcase;
}

#endif
