/* A test program of whose tests the torture must find three, and must accept the others
 * (tests_test.sh). Without faults all pass. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "planted_library.h"
#include "reactor/memory_internal.h"
#include "tests/support/run_tests.h"
#include "torc/testing/sim.h"

START_TEST(unchecked)
{
    planted_unchecked();
}
END_TEST

START_TEST(leaks)
{
    planted_leak();
}
END_TEST

START_TEST(spins)
{
    planted_spin();
}
END_TEST

START_TEST(fails_by_an_assertion)
{
    ck_assert(planted_sound());
}
END_TEST

START_TEST(looks_at_nothing)
{
    volatile char *text = torc__malloc(64);
    *text = ' ';
    torc__free((void *)text);
}
END_TEST

START_TEST(waits_in_vain)
{
    if (!planted_sound())
        for (;;)
            pause();
}
END_TEST

START_TEST(lets_the_kit_give_up)
{
    TorcSim *sim = planted_sound() ? TorcSim_new(1) : NULL;
    ck_assert_ptr_nonnull(TorcSim_reactor(sim));
    TorcSim_free(sim);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        unchecked,
        leaks,
        spins,
        fails_by_an_assertion,
        looks_at_nothing,
        waits_in_vain,
        lets_the_kit_give_up,
    };
    TCase *tcase = tcase_create("planted");
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    return run_case("planted", tcase);
}
