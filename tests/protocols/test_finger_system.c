/* The finger directory of the system's users: what is told of them, and which files, over invented
 * accounts and real home directories on the simulated kernel. */
#include "finger_system_fixture.h"

/* ---- what is told ---------------------------------------------------------------------------- */

#define ANN "Login: ann                      Name: Ann Smith\r\n"

#define ANN_ON                                                                                     \
    "On since 1971-01-01 00:00 +0000 on pts/0\r\n"                                                 \
    "On since 1971-01-01 00:00 +0000 on pts/1\r\n"

START_TEST(a_user_is_told_of_with_plan_and_project)
{
    put("ann", ".plan", "Rest.\nThen work.");
    put("ann", ".project", "Strands\nand what comes after\n");
    listen_with(NULL);
    check_answer("ann\r\n", ANN ANN_ON "Project: Strands\r\nPlan:\r\nRest.\r\nThen work.\r\n");
}
END_TEST

START_TEST(an_ampersand_is_the_login_capitalised)
{
    listen_with(NULL);
    check_answer("bob\r\n", BOB);
    check_answer("jones\r\n", BOB);
}
END_TEST

START_TEST(slash_w_tells_home_shell_and_office_but_never_secrets) /* BUG-25 */
{
    char expected[1024];
    listen_with(NULL);
    snprintf(expected, sizeof(expected),
             ANN
             "Directory: %-20s Shell: /bin/sh\r\nOffice: B 12\r\nOffice phone: 555-0001\r\n" ANN_ON
             "No Plan.\r\n",
             invented.homes[0]);
    check_answer("/W ann\r\n", expected);
    ck_assert(!answer_holds("/W ann\r\n", "SECRET"));
    ck_assert(!answer_holds("/W ann\r\n", "555-9999"));
    ck_assert(!answer_holds("ann\r\n", invented.homes[0]));
    ck_assert(!answer_holds("ann\r\n", "/bin/sh"));
}
END_TEST

START_TEST(an_empty_query_lists_who_is_logged_in)
{
    add_session("gone", "pts/9"); /* no such account any more */
    listen_with(NULL);
    check_answer(
        "\r\n",
        "Login            Name                     Terminal     Since\r\n"
        "ann              Ann Smith                pts/0        1971-01-01 00:00 +0000\r\n"
        "ann              Ann Smith                pts/1        1971-01-01 00:00 +0000\r\n");
    invented.session_count = 0;
    check_answer("\r\n", "No one is logged in.\r\n");
}
END_TEST

START_TEST(full_names_find_all_who_have_them)
{
    listen_with(NULL);
    ck_assert(answer_holds("smith\r\n", "Login: ann "));
    ck_assert(answer_holds("smith\r\n", "Login: daemon "));
    ck_assert(!answer_holds("smith\r\n", "Login: bob "));
    /* Nobody is found by a phone. */
    check_answer("9999\r\n", "9999: no such user\r\n");
    check_answer("555-0001\r\n", "555-0001: no such user\r\n");
}
END_TEST

START_TEST(exact_queries_do_not_search)
{
    listen_on(TorcSim_reactor(sim), torc__fingerSystemDirectory_new(NULL, &invented_host), true,
              PORT, NULL);
    check_answer("smith\r\n", "smith: no such user\r\n");
    check_answer("bob\r\n", BOB);
}
END_TEST

START_TEST(users_below_the_lowest_number_do_not_exist)
{
    add_session("daemon", "tty1");
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.lowestUid = 1000));
    check_answer("daemon\r\n", "daemon: no such user\r\n");
    check_answer("system\r\n", "system: no such user\r\n");
    ck_assert(!answer_holds("\r\n", "daemon"));
    ck_assert(answer_holds("\r\n", "ann"));
}
END_TEST

START_TEST(a_user_with_nofinger_does_not_exist)
{
    put("ann", ".nofinger", "");
    put("ann", ".plan", "private");
    listen_with(NULL);
    check_answer("ann\r\n", "ann: no such user\r\n");
    ck_assert(!answer_holds("smith\r\n", "ann"));
    check_answer("\r\n", "No one is logged in.\r\n");
}
END_TEST

START_TEST(nofinger_counts_in_a_closed_home_too)
{
    put("ann", ".nofinger", "");
    ck_assert_int_eq(chmod(invented.homes[0], 0700), 0);
    listen_with(NULL);
    check_answer("ann\r\n", "ann: no such user\r\n");
}
END_TEST

START_TEST(forwarding_is_refused)
{
    TorcFingerFactory *factory;
    TorcFingerDirectory *directory = torc__fingerSystemDirectory_new(NULL, &invented_host);
    factory =
        TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = directory, .allowForwarding = true));
    TorcFingerDirectory_unref(directory);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, &factory->base, NULL, NULL),
                     0);
    TorcFactory_unref(&factory->base);
    check_answer("ann@host\r\n", "Finger forwarding service denied\r\n");
}
END_TEST

START_TEST(a_very_ambiguous_name_is_bounded)
{
    char logins[40][8];
    for (int i = 0; i < 40; i++) {
        snprintf(logins[i], sizeof(logins[i]), "x%d", i);
        add_user(logins[i], 2000, "Xenia Many");
    }
    listen_with(NULL);
    ck_assert(answer_holds("xenia\r\n", "Login: x31 "));
    ck_assert(!answer_holds("xenia\r\n", "Login: x32 "));
    ck_assert(answer_holds("xenia\r\n", "There are more of that name"));
}
END_TEST

/* ---- files ----------------------------------------------------------------------------------- */

START_TEST(a_privileged_server_tells_only_files_that_anybody_may_read)
{
    put("ann", ".plan", "private");
    ck_assert_int_eq(chmod(path_of("ann", ".plan"), 0640), 0);
    listen_with(NULL);
    ck_assert(!answer_holds("ann\r\n", "private"));
    ck_assert_int_eq(chmod(path_of("ann", ".plan"), 0604), 0);
    ck_assert(answer_holds("ann\r\n", "private"));
}
END_TEST

START_TEST(a_privileged_server_tells_nothing_of_a_closed_home)
{
    put("ann", ".plan", "private");
    ck_assert_int_eq(chmod(invented.homes[0], 0750), 0);
    listen_with(NULL);
    ck_assert(!answer_holds("ann\r\n", "private"));
    ck_assert_int_eq(chmod(invented.homes[0], 0711), 0);
    ck_assert(answer_holds("ann\r\n", "private"));
}
END_TEST

START_TEST(an_unprivileged_server_tells_what_it_may_read)
{
    put("ann", ".plan", "for the group");
    ck_assert_int_eq(chmod(path_of("ann", ".plan"), 0640), 0);
    invented.privileged = false;
    listen_with(NULL);
    ck_assert(answer_holds("ann\r\n", "for the group"));
}
END_TEST

START_TEST(symbolic_links_are_not_followed) /* BUG-24 */
{
    put("bob", "secret", "of bob's");
    ck_assert_int_eq(symlink("../bob/secret", path_of("ann", ".plan")), 0);
    invented.privileged = false;
    listen_with(NULL);
    check_answer("ann\r\n", ANN ANN_ON "No Plan.\r\n");
}
END_TEST

START_TEST(a_fifo_or_a_directory_is_neither_waited_for_nor_told) /* BUG-24 */
{
    ck_assert_int_eq(mkfifo(path_of("ann", ".plan"), 0644), 0);
    ck_assert_int_eq(mkdir(path_of("ann", ".project"), 0755), 0);
    listen_with(NULL);
    check_answer("ann\r\n", ANN ANN_ON "No Plan.\r\n");
    int fifo = open(path_of("ann", ".plan"), O_RDWR);
    ck_assert_int_eq(write(fifo, "there", 5), 5);
    check_answer("ann\r\n", ANN ANN_ON "No Plan.\r\n");
    ck_assert_int_eq(close(fifo), 0);
}
END_TEST

START_TEST(files_are_read_up_to_64_kib)
{
    static char big[200000];
    memset(big, 'x', sizeof(big));
    put_file("ann", ".plan", big, sizeof(big));
    put_file("ann", ".project", big, sizeof(big));
    listen_with(NULL);
    TorcSimPeer *peer = ask("ann\r\n");
    TorcSim_advance(sim, 10.0);
    size_t length = TorcSimPeer_receivedLength(peer);
    ck_assert_uint_ge(length, 2 * 65536);
    ck_assert_uint_le(length, 2 * 65536 + 300);
}
END_TEST

START_TEST(what_users_write_is_filtered)
{
    static const char plan[] = "\033[31mred\0\r\n\tJ\303\274rgen\rx";
    put_file("ann", ".plan", plan, sizeof(plan) - 1);
    listen_with(NULL);
    check_answer("ann\r\n", ANN ANN_ON "Plan:\r\n?[31mred?\r\n\tJ?rgenx\r\n");
}
END_TEST

START_TEST(files_can_be_switched_off)
{
    put("ann", ".plan", "private");
    put("bob", ".nofinger", "");
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.noFiles = true));
    ck_assert(!answer_holds("ann\r\n", "private"));
    check_answer("bob\r\n", "bob: no such user\r\n");
}
END_TEST

START_TEST(odd_home_directories_do_no_harm) /* BUG-24 */
{
    static char *const odd[] = {(char *)"", (char *)"relative", (char *)"/nonexistent",
                                (char *)"/dev/null"};
    listen_with(NULL);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        invented.users[0].pw_dir = odd[i];
        check_answer("ann\r\n", ANN ANN_ON "No Plan.\r\n");
    }
}
END_TEST

START_TEST(a_missing_comment_is_an_empty_name)
{
    invented.users[0].pw_gecos = NULL;
    listen_with(NULL);
    check_answer("ann\r\n", "Login: ann                      Name: \r\n" ANN_ON "No Plan.\r\n");
}
END_TEST

/* ---- all of them ----------------------------------------------------------------------------- */

static void add_told(Suite *suite)
{
    TCase *tests = add_case(suite, "what is told");
    tcase_add_test(tests, a_user_is_told_of_with_plan_and_project);
    tcase_add_test(tests, an_ampersand_is_the_login_capitalised);
    tcase_add_test(tests, slash_w_tells_home_shell_and_office_but_never_secrets);
    tcase_add_test(tests, an_empty_query_lists_who_is_logged_in);
    tcase_add_test(tests, full_names_find_all_who_have_them);
    tcase_add_test(tests, exact_queries_do_not_search);
    tcase_add_test(tests, users_below_the_lowest_number_do_not_exist);
    tcase_add_test(tests, a_user_with_nofinger_does_not_exist);
    tcase_add_test(tests, nofinger_counts_in_a_closed_home_too);
    tcase_add_test(tests, forwarding_is_refused);
    tcase_add_test(tests, a_very_ambiguous_name_is_bounded);
}

static void add_files(Suite *suite)
{
    TCase *tests = add_case(suite, "files");
    tcase_add_test(tests, a_privileged_server_tells_only_files_that_anybody_may_read);
    tcase_add_test(tests, a_privileged_server_tells_nothing_of_a_closed_home);
    tcase_add_test(tests, an_unprivileged_server_tells_what_it_may_read);
    tcase_add_test(tests, symbolic_links_are_not_followed);
    tcase_add_test(tests, a_fifo_or_a_directory_is_neither_waited_for_nor_told);
    tcase_add_test(tests, files_are_read_up_to_64_kib);
    tcase_add_test(tests, what_users_write_is_filtered);
    tcase_add_test(tests, files_can_be_switched_off);
    tcase_add_test(tests, odd_home_directories_do_no_harm);
    tcase_add_test(tests, a_missing_comment_is_an_empty_name);
}

int main(void)
{
    Suite *suite = suite_create("finger system directory");
    TCase *real = tcase_create("all real");
    add_told(suite);
    add_files(suite);
    suite_add_tcase(suite, real);
    tcase_set_timeout(real, 30);
    return run_suite(suite);
}
