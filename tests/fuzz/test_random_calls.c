/* Sequences of calls from a bounded number of seeds; ./dev calls goes on for as long as you like. */
#include <check.h>

#include "../support/run_tests.h"
#include "../support/sizes.h"
#include "calls_seeds.h"

enum { SEQUENCES = 3000 };

START_TEST(whatever_is_called_the_contracts_hold) /* BUG-5, BUG-8 */
{
    CallsCounts counts;
    uint64_t sequences = less_if_checked(SEQUENCES, 10);
    CallsPlan plan = {.first = 1, .count = sequences, .jobs = 1};
    ck_assert(calls_playSeeds(&plan, &counts));
    ck_assert_uint_eq(counts.sequences, sequences);
}
END_TEST

/* Sequences in which nothing happens find nothing. */
START_TEST(everything_that_is_to_be_tested_happens)
{
    enum { COUNT = 100 };
    CallsCounts counts;
    CallsPlan plan = {.first = 1, .count = COUNT, .jobs = 2};
    ck_assert(calls_playSeeds(&plan, &counts));
    ck_assert_uint_eq(counts.sequences, COUNT);
    ck_assert_uint_ge(counts.acts, 100 * COUNT);
    ck_assert_uint_ge(counts.callbacks, 80 * COUNT);
    ck_assert_uint_ge(counts.connections, 3 * COUNT);
    ck_assert_uint_ge(counts.in_order, COUNT);
    ck_assert_uint_ge(counts.bytes, 5000 * COUNT);
    ck_assert_uint_ge(counts.pauses, COUNT / 20);
    ck_assert_uint_ge(counts.faults, 8 * COUNT);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("seeds");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, whatever_is_called_the_contracts_hold);
    tcase_add_test(tcase, everything_that_is_to_be_tested_happens);
    return run_case("random calls", tcase);
}
