/* What the test programs of the kit have for a main: a list of tests, and perhaps a second one of
 * those that must end by abort.
 *
 *     RUN_TESTS("loopback", set_up, tear_down, identity_makes_one_dataReceived_of_a_write,
 *               coalescing_makes_one_dataReceived_of_a_turn)
 *
 * Lists end with NULL; set_up and tear_down may be NULL. */
#ifndef TORC_TESTS_TEST_SUITE_H
#define TORC_TESTS_TEST_SUITE_H

#include <check.h>
#include <signal.h>
#include <stdio.h>

typedef struct TestSuite {
    const char *name;
    SFun set_up;
    SFun tear_down;
    const TTest *const *tests;
    const TTest *const *fatal; /* NULL: none; left out without fork (CK_FORK=no) */
} TestSuite;

static inline TCase *plain_case(const char *name, SFun set_up, SFun tear_down,
                                const TTest *const *tests)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    return tcase;
}

/* What is said before an abort is of no interest here. */
static inline void silence(void)
{
    if (!freopen("/dev/null", "w", stderr))
        ck_abort_msg("no /dev/null");
}

static inline TCase *fatal_case(SFun set_up, SFun tear_down, const TTest *const *tests)
{
    TCase *tcase = tcase_create("misuse");
    tcase_add_checked_fixture(tcase, silence, NULL);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (; *tests; tests++)
        tcase_add_test_raise_signal(tcase, *tests, SIGABRT);
    return tcase;
}

/* True when all passed. */
static inline bool run_and_free(SRunner *runner)
{
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0;
}

/* What main returns. */
static inline int run_suite(const TestSuite *what)
{
    Suite *suite = suite_create(what->name);
    SRunner *runner = srunner_create(suite);
    suite_add_tcase(suite, plain_case(what->name, what->set_up, what->tear_down, what->tests));
    if (what->fatal && srunner_fork_status(runner) == CK_FORK)
        suite_add_tcase(suite, fatal_case(what->set_up, what->tear_down, what->fatal));
    return run_and_free(runner) ? 0 : 1;
}

#define RUN_TESTS(name, set_up, tear_down, ...)                                                    \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__, NULL};                                          \
        return run_suite(&(TestSuite){name, set_up, tear_down, tests, NULL});                      \
    }

#endif
