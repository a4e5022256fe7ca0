/* How old connections are: marks against a list of what really was. */
#include <check.h>
#include <stdlib.h>

#include "../support/run_tests.h"
#include "transports/stream_ages_internal.h"

#define SECOND INT64_C(1000000000)

static TorcAges ages; /* zero at the beginning of each test: each is a process of its own */
static int64_t now;
static uint32_t last_number;

static void connection_after(int64_t nanoseconds)
{
    now += nanoseconds;
    torc__ages_note(&ages, ++last_number, now);
}

/* Never younger than it is, and older by no more than promised. */
static void check_age(uint32_t number, int64_t began)
{
    int64_t age = now - began;
    int64_t error = torc__ages_of(&ages, number, now) - age;
    int64_t bound = SECOND + age / 8;
    if (error < 0 || error > bound)
        ck_abort_msg("number %u: %lld ns too old, of %lld", number, (long long)error,
                     (long long)age);
}

START_TEST(the_age_grows_with_time)
{
    connection_after(5 * SECOND);
    ck_assert_int_eq(torc__ages_of(&ages, 1, now), 0);
    ck_assert_int_eq(torc__ages_of(&ages, 1, now + 7), 7);
    ck_assert_int_eq(torc__ages_of(&ages, 1, now + 3600 * SECOND), 3600 * SECOND);
}
END_TEST

START_TEST(those_of_one_second_share_a_mark)
{
    for (int i = 0; i < 100000; i++)
        connection_after(SECOND / 1000);
    ck_assert_uint_le(ages.count, 100);
    ck_assert_int_lt(torc__ages_of(&ages, last_number, now), SECOND);
}
END_TEST

/* Years of connections, in steps of very different lengths. */
START_TEST(ages_are_right_to_an_eighth_over_years)
{
    enum { CONNECTIONS = 16000 };
    int64_t *began = calloc(CONNECTIONS + 1, sizeof(*began));
    int64_t steps[] = {SECOND / 10, SECOND, 61 * SECOND, 3600 * SECOND, 86400 * SECOND};
    srand((unsigned)_i);
    for (uint32_t i = 1; i <= CONNECTIONS; i++) {
        connection_after(steps[(size_t)rand() % (i % 100 == 0 ? 5 : 2)] * (1 + rand() % 3));
        began[i] = now;
        if (i % 1000 == 0)
            for (uint32_t number = 1; number <= i; number++)
                check_age(number, began[number]);
    }
    ck_assert_uint_le(ages.count, TORC__AGE_MARKS);
    free(began);
}
END_TEST

START_TEST(numbers_may_wrap)
{
    last_number = UINT32_MAX - 2;
    for (int i = 0; i < 6; i++)
        connection_after(10 * SECOND);
    ck_assert_int_eq(torc__ages_of(&ages, UINT32_MAX, now), 40 * SECOND);
    ck_assert_int_eq(torc__ages_of(&ages, 0, now), 30 * SECOND);
    ck_assert_int_eq(torc__ages_of(&ages, 3, now), 0);
}
END_TEST

RUN_LOOP_TESTS("ages of connections", {the_age_grows_with_time, 1},
               {those_of_one_second_share_a_mark, 1}, {ages_are_right_to_an_eighth_over_years, 5},
               {numbers_may_wrap, 1})
