/* The end of a test program: runs the tests and says by its status whether all passed.
 *
 *     RUN_LOOP_TESTS("stream writing", {empty_writes_do_nothing, MODES},
 *                    {bad_arguments_are_refused, 1})
 */
#ifndef TORC_TESTS_RUN_TESTS_H
#define TORC_TESTS_RUN_TESTS_H

#include <check.h>

/* Runs a suite and frees it; the result is what main returns. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

/* A suite of one case. */
static inline int run_case(const char *name, TCase *tcase)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}

/* A test that runs several times, with _i from 0 on: once in each mode, on each backend. */
typedef struct LoopTest {
    const TTest *test;
    int times;
} LoopTest;

static inline int run_loop_tests(const char *name, const LoopTest *tests, size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 30);
    for (size_t i = 0; i < count; i++)
        tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].times);
    return run_case(name, tcase);
}

#define RUN_LOOP_TESTS(name, ...)                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        const LoopTest tests[] = {__VA_ARGS__};                                                    \
        return run_loop_tests(name, tests, sizeof(tests) / sizeof(tests[0]));                      \
    }

#endif
