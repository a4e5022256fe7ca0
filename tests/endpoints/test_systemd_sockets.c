/* Which descriptor a socket passed by a service manager has: sd_listen_fds(3) as a table. EP-10 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints/systemd_sockets_internal.h"
#include "reactor/errors.h"

static const struct {
    const char *pid, *count, *names;
    const char *name, *index; /* one of them */
    int fd;                   /* 0: a problem */
    size_t column;
    const char *problem;
} cases[] = {
    {"42", "1", "web", "web", NULL, 3, 0, NULL},
    {"42", "1", "web", NULL, "0", 3, 0, NULL},
    {"42", "3", "web:admin:log", "admin", NULL, 4, 0, NULL},
    {"42", "3", "web:admin:log", "log", NULL, 5, 0, NULL},
    {"42", "3", "web:admin:log", NULL, "2", 5, 0, NULL},
    {"42", "2", "web:web", NULL, "1", 4, 0, NULL},
    {"42", "2", ":log", "", NULL, 3, 0, NULL},
    {"42", "2", "web:", "", NULL, 4, 0, NULL},
    {"42", "2", NULL, NULL, "1", 4, 0, NULL},
    {"42", "1", NULL, "unknown", NULL, 3, 0, NULL},

    {NULL, "1", "web", "web", NULL, 0, 0,
     "no sockets were passed to this program (LISTEN_PID is not set)"},
    {"42", NULL, "web", "web", NULL, 0, 0,
     "no sockets were passed to this program (LISTEN_FDS is not set)"},
    {"41", "1", "web", "web", NULL, 0, 0,
     "the sockets were passed to another process (LISTEN_PID is 41, this one is 42)"},
    {"42x", "1", "web", "web", NULL, 0, 0,
     "the sockets were passed to another process (LISTEN_PID is 42x, this one is 42)"},
    {"42", "0", "", NULL, "0", 0, 0, "no sockets were passed (LISTEN_FDS is \"0\")"},
    {"42", "-1", "web", NULL, "0", 0, 0, "no sockets were passed (LISTEN_FDS is \"-1\")"},
    {"42", "99999999999999999999", NULL, NULL, "0", 0, 0,
     "no sockets were passed (LISTEN_FDS is \"99999999999999999999\")"},
    {"42", "2", "web", NULL, "0", 0, 0,
     "LISTEN_FDS (2) and LISTEN_FDNAMES (1 names) do not agree, so no socket is taken"},
    {"42", "1", "web:log", "web", NULL, 0, 0,
     "LISTEN_FDS (1) and LISTEN_FDNAMES (2 names) do not agree, so no socket is taken"},
    {"42", "2", "web:log", "we", NULL, 0, 14,
     "no socket that was passed is named \"we\" (known: web:log)"},
    {"42", "2", "web:log", "webx", NULL, 0, 14,
     "no socket that was passed is named \"webx\" (known: web:log)"},
    {"42", "1", NULL, "web", NULL, 0, 14,
     "no socket that was passed is named \"web\" (known: unknown)"},
    {"42", "3", "web:log:web", "web", NULL, 0, 14,
     "2 sockets are named \"web\": say which by index, counted from 0"},
    {"42", "2", "web:log", NULL, "2", 0, 15, "the index must be a number from 0 to 1, not \"2\""},
    {"42", "2", "web:log", NULL, "-1", 0, 15, "the index must be a number from 0 to 1, not \"-1\""},
};

START_TEST(socket_is_found_or_it_is_said_why_not)
{
    TorcSystemdSockets sockets = {cases[_i].pid, cases[_i].count, cases[_i].names, 42};
    TorcEndpointField name = {.value = cases[_i].name, .value_column = 14};
    TorcEndpointField index = {.value = cases[_i].index, .value_column = 15};
    TorcEndpointProblem problem = {0};
    int fd = 0;
    int r = torc__systemd_find(&sockets, cases[_i].name ? &name : NULL,
                               cases[_i].index ? &index : NULL, &fd, &problem);
    ck_assert_int_eq(r, cases[_i].problem ? -TORC_EENDPOINT : 0);
    ck_assert_int_eq(fd, cases[_i].fd);
    ck_assert_str_eq(problem.text, cases[_i].problem ? cases[_i].problem : "");
    ck_assert_uint_eq(problem.column, cases[_i].column);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("systemd_sockets");
    TCase *tc = tcase_create("systemd_sockets");
    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, socket_is_found_or_it_is_said_why_not, 0,
                        sizeof(cases) / sizeof(*cases));
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
