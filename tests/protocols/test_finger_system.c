/* The finger directory of the system's users: over invented accounts and real home directories on
 * the simulated kernel, and once over everything real. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "clean_end.h"
#include "protocols/finger_host_internal.h"

enum { PORT = 79 };

static TorcSim *sim;
static char root[128]; /* the home directories are below */

/* ---- an invented host ------------------------------------------------------------------------ */

static struct {
    struct passwd users[48];
    int count;
    char homes[48][192];
    TorcFingerSession sessions[8];
    int session_count;
    int account_code; /* what `account` fails with */
    bool privileged;
} invented;

static bool invented_privileged(void)
{
    return invented.privileged;
}

static int invented_account(const TorcFingerHost *host, const char *login,
                            TorcFingerAccount *ret_account)
{
    (void)host;
    if (invented.account_code < 0)
        return invented.account_code;
    for (int i = 0; i < invented.count; i++)
        if (strcmp(invented.users[i].pw_name, login) == 0)
            return torc__fingerAccount_init(ret_account, &invented.users[i]);
    return -ENOENT;
}

static int invented_search(const TorcFingerHost *host, const char *name, uint32_t lowest_uid,
                           TorcFingerAccount *ret_accounts, int most)
{
    (void)host;
    int count = 0;
    for (int i = 0; i < invented.count && count < most; i++) {
        if (invented.users[i].pw_uid < lowest_uid)
            continue;
        if (torc__fingerAccount_init(&ret_accounts[count], &invented.users[i]) < 0)
            break;
        if (torc__finger_nameMatches(ret_accounts[count].name, name))
            count++;
        else
            torc__fingerAccount_done(&ret_accounts[count]);
    }
    return count;
}

static int invented_sessions(const TorcFingerHost *host, TorcFingerSession *ret_sessions, int most)
{
    (void)host;
    ck_assert_int_ge(most, invented.session_count);
    memcpy(ret_sessions, invented.sessions, sizeof(invented.sessions));
    return invented.session_count;
}

static const TorcFingerHost invented_host = {
    .privileged = invented_privileged,
    .account = invented_account,
    .search = invented_search,
    .sessions = invented_sessions,
};

static void add_user(const char *login, uint32_t uid, const char *comment)
{
    int i = invented.count++;
    snprintf(invented.homes[i], sizeof(invented.homes[i]), "%s/%s", root, login);
    ck_assert_int_eq(mkdir(invented.homes[i], 0755), 0);
    invented.users[i] = (struct passwd){
        .pw_name = (char *)login,
        .pw_passwd = (char *)"SECRET",
        .pw_uid = uid,
        .pw_gecos = (char *)comment,
        .pw_dir = invented.homes[i],
        .pw_shell = (char *)"/bin/sh",
    };
}

static void add_session(const char *login, const char *line)
{
    TorcFingerSession *session = &invented.sessions[invented.session_count++];
    *session = (TorcFingerSession){.since = 86400 * 365};
    strcpy(session->login, login);
    strcpy(session->line, line);
}

static const char *path_of(const char *login, const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s/%s", root, login, name);
    return path;
}

static void put_file(const char *login, const char *name, const char *text, size_t length)
{
    FILE *file = fopen(path_of(login, name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path_of(login, name), 0644), 0);
}

static void put(const char *login, const char *name, const char *text)
{
    put_file(login, name, text, strlen(text));
}

/* ---- fixture --------------------------------------------------------------------------------- */

static void set_up(void)
{
    umask(022);
    setenv("TZ", "UTC0", 1);
    snprintf(root, sizeof(root), "/tmp/torc-finger-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    memset(&invented, 0, sizeof(invented));
    invented.privileged = true;
    add_user("ann", 1000, "Ann Smith,B 12,555-0001,555-9999,more");
    add_user("bob", 1001, "& Jones");
    add_user("daemon", 1, "System Smith");
    add_session("ann", "pts/0");
    add_session("ann", "pts/1");
    sim = TorcSim_new(1);
}

static void remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    char below[512];
    while (directory && (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (unlink(below) < 0)
            remove_tree(below);
    }
    if (directory)
        closedir(directory);
    (void)rmdir(path);
}

static void tear_down(void)
{
    end_clean(sim);
    remove_tree(root);
}

static void listen_on(TorcReactor *reactor, TorcFingerDirectory *directory, bool exact, int port,
                      TorcPort **ret_port)
{
    ck_assert_ptr_nonnull(directory);
    TorcFingerFactory *factory =
        TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = directory, .exactNames = exact));
    TorcFingerDirectory_unref(directory);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, port, &factory->base,
                                           TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), ret_port),
                     0);
    TorcFactory_unref(&factory->base);
}

static void listen_with(const TorcFingerSystemOptions *options)
{
    listen_on(TorcSim_reactor(sim), torc__fingerSystemDirectory_new(options, &invented_host), false,
              PORT, NULL);
}

static TorcSimPeer *ask(const char *query)
{
    TorcSimPeer *peer = TorcSim_connect(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    TorcSimPeer_send(peer, query);
    TorcSim_advance(sim, 0.1);
    return peer;
}

static void check_answer(const char *query, const char *expected)
{
    TorcSimPeer *peer = ask(query);
    ck_assert_str_eq(TorcSimPeer_received(peer), expected);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}

static bool answer_holds(const char *query, const char *text)
{
    TorcSimPeer *peer = ask(query);
    ck_assert(TorcSimPeer_gotEnd(peer));
    return strstr(TorcSimPeer_received(peer), text) != NULL;
}

/* ---- what is told ---------------------------------------------------------------------------- */

#define ANN "Login: ann                      Name: Ann Smith\r\n"
#define ANN_ON                                                                                     \
    "On since 1971-01-01 00:00 +0000 on pts/0\r\n"                                                 \
    "On since 1971-01-01 00:00 +0000 on pts/1\r\n"
#define BOB                                                                                        \
    "Login: bob                      Name: Bob Jones\r\n"                                          \
    "Not logged in.\r\n"                                                                           \
    "No Plan.\r\n"

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

START_TEST(slash_w_tells_home_shell_and_office_but_never_secrets)
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

START_TEST(symbolic_links_are_not_followed)
{
    put("bob", "secret", "of bob's");
    ck_assert_int_eq(symlink("../bob/secret", path_of("ann", ".plan")), 0);
    invented.privileged = false;
    listen_with(NULL);
    check_answer("ann\r\n", ANN ANN_ON "No Plan.\r\n");
}
END_TEST

START_TEST(a_fifo_or_a_directory_is_neither_waited_for_nor_told)
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

START_TEST(odd_home_directories_do_no_harm)
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

/* ---- time, threads, failure ------------------------------------------------------------------ */

#define SORRY "Finger information is not available now, try again later\r\n"

START_TEST(a_slow_look_up_times_out_with_an_apology)
{
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0));
    TorcSimPeer *peer = ask("ann\r\n");
    TorcSim_advance(sim, 4.0);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    TorcSim_advance(sim, 1.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), SORRY);
    ck_assert(TorcSimPeer_gotEnd(peer));
    TorcSim_advance(sim, 2000.0); /* the text comes, and finds nobody */
    ck_assert_str_eq(TorcSimPeer_received(peer), SORRY);
}
END_TEST

START_TEST(too_many_look_ups_are_asked_to_come_again_at_once)
{
    TorcSimPeer *waiting[3];
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0, .mostLookups = 3));
    for (int i = 0; i < 3; i++)
        waiting[i] = ask("bob\r\n");
    check_answer("bob\r\n", SORRY);
    for (int i = 0; i < 3; i++)
        ck_assert(!TorcSimPeer_gotEnd(waiting[i]));
    check_answer("x@y\r\n", "Finger forwarding service denied\r\n");
}
END_TEST

START_TEST(look_ups_that_hang_count_until_they_are_done)
{
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0, .mostLookups = 2));
    TorcSimPeer_reset(ask("ann\r\n"));
    TorcSimPeer *late = ask("ann\r\n");
    TorcSim_advance(sim, 900.0);
    ck_assert_str_eq(TorcSimPeer_received(late), SORRY);
    TorcSim_setJobDelay(sim, 0.001);
    check_answer("bob\r\n", SORRY); /* at once: the threads are still held */
    TorcSim_advance(sim, 200.0);
    for (int i = 0; i < 5; i++)
        check_answer("bob\r\n", BOB);
}
END_TEST

START_TEST(by_default_64_look_ups_may_be_under_way)
{
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(NULL);
    for (int i = 0; i < 64; i++)
        ck_assert(!TorcSimPeer_gotEnd(ask("bob\r\n")));
    check_answer("bob\r\n", SORRY);
}
END_TEST

START_TEST(a_directory_without_memory_is_told)
{
    bool made = false;
    TorcFingerDirectory_unref(torc__fingerSystemDirectory_new(NULL, &invented_host));
    for (long k = 0; !made; k++) {
        FailingMemory_start(k);
        errno = 0;
        TorcFingerDirectory *directory = torc__fingerSystemDirectory_new(NULL, &invented_host);
        made = directory;
        ck_assert(made || errno == ENOMEM);
        TorcFingerDirectory_unref(directory);
        ck_assert_int_eq(FailingMemory_live(), 0);
        FailingMemory_stop();
    }
}
END_TEST

START_TEST(the_time_out_can_be_off)
{
    TorcSim_setJobDelay(sim, 1e5);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = -1.0));
    TorcSimPeer *peer = ask("bob\r\n");
    TorcSim_advance(sim, 1.1e5);
    ck_assert_str_eq(TorcSimPeer_received(peer), BOB);
}
END_TEST

START_TEST(a_half_closed_client_gets_what_is_found_later)
{
    TorcSim_setJobDelay(sim, 10.0);
    listen_with(NULL);
    TorcSimPeer *peer = TorcSim_connect(sim, PORT);
    TorcSimPeer_send(peer, "bob\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 11.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), BOB);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(a_client_that_leaves_does_no_harm)
{
    TorcSim_setJobDelay(sim, 10.0);
    listen_with(NULL);
    TorcSimPeer_reset(ask("ann\r\n"));
    TorcSim_advance(sim, 100.0);
    check_answer("/x\r\n", "Bad query: expected [/W] [user], and a carriage return and line feed"
                           "\r\n");
}
END_TEST

START_TEST(a_reactor_that_is_freed_during_a_look_up_leaks_nothing)
{
    TorcSim_setJobDelay(sim, 10.0);
    listen_with(NULL);
    (void)ask("ann\r\n");
    TorcSim_free(sim); /* the sanitizer looks for leaks */
    sim = TorcSim_new(1);
}
END_TEST

START_TEST(an_answered_look_up_leaves_no_delayed_call)
{
    listen_with(NULL);
    TorcSimPeer *peer = ask("bob\r\n");
    ck_assert_str_eq(TorcSimPeer_received(peer), BOB);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 15.0); /* the closed socket has lingered long enough */
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 0);
}
END_TEST

START_TEST(an_account_that_cannot_be_read_is_apologised_for)
{
    listen_with(NULL);
    invented.account_code = -EIO;
    check_answer("ann\r\n", SORRY);
    invented.account_code = 0;
    check_answer("bob\r\n", BOB);
}
END_TEST

START_TEST(a_look_up_without_memory_is_apologised_for_and_leaks_nothing)
{
    bool enough = false;
    put("ann", ".plan", "rest\n");
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0));
    ck_assert(answer_holds("smith\r\n", "rest")); /* what is made at first use is there */
    for (long k = 0; !enough; k++) {
        TorcSimPeer *peer = TorcSim_connect(sim, PORT);
        TorcSimPeer_send(peer, "smith\r\n");
        FailingMemory_start(k);
        TorcSim_advance(sim, 100.0);
        enough = FailingMemory_allocations() <= k;
        FailingMemory_stop();
        const char *text = TorcSimPeer_received(peer);
        /* The invented search may have broken off, and then told of fewer. */
        ck_assert_msg(text[0] == '\0' || strcmp(text, SORRY) == 0 || strstr(text, "Login: ") ||
                          strstr(text, "no such user"),
                      "%ld: %s", k, text);
        ck_assert_msg(TorcSimPeer_gotEnd(peer) || TorcSimPeer_gotReset(peer), "%ld", k);
        ck_assert(!enough || strstr(text, "Login: daemon"));
    }
}
END_TEST

START_TEST(bad_options_are_refused)
{
    errno = 0;
    ck_assert_ptr_null(TorcFingerSystemDirectory_new(TORC_FINGER_SYSTEM_OPTIONS(.timeout = NAN)));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcFingerSystemDirectory_new(&(TorcFingerSystemOptions){.noFiles = true}));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(initialised_options_are_the_defaults)
{
    TorcFingerSystemOptions options;
    memset(&options, 0x5a, sizeof(options));
    TorcFingerSystemOptions_init(&options);
    listen_with(&options);
    check_answer("bob\r\n", BOB);
}
END_TEST

/* ---- all real -------------------------------------------------------------------------------- */

typedef struct Real {
    TorcReactor *reactor;
    int left;
    int found;
} Real;

static void check_root(TorcResult *result, void *arg)
{
    Real *real = arg;
    const TorcFingerReply *reply = result->value;
    ck_assert_ptr_nonnull(reply);
    ck_assert_ptr_null(reply->reason);
    real->found += strncmp(reply->text, "Login: root ", 12) == 0;
    if (--real->left == 0)
        TorcReactor_stop(real->reactor);
}

static void give_up(void *arg)
{
    (void)arg;
    ck_abort_msg("no answer within 20 s");
}

START_TEST(the_real_system_is_asked_on_threads)
{
    Real real = {.reactor = TorcReactor_new(NULL), .left = 20};
    TorcPort *port;
    TorcAddress address;
    TorcDeferred *reply;
    char target[32];

    ck_assert_ptr_nonnull(real.reactor);
    listen_on(real.reactor, TorcFingerSystemDirectory_new(NULL), false, 0, &port);
    TorcPort_getHost(port, &address);
    for (int i = 0; i < 20; i++) {
        snprintf(target, sizeof(target), "root@127.0.0.1:%d", address.port);
        ck_assert_int_eq(TorcReactor_finger(real.reactor, target,
                                            TORC_FINGER_CLIENT_OPTIONS(.verbose = i % 2), &reply),
                         0);
        TorcDeferred_addBoth(reply, check_root, &real);
        TorcDeferred_detach(reply);
    }
    ck_assert_int_eq(TorcReactor_callLater(real.reactor, 20.0, give_up, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(real.reactor), 0);
    ck_assert_int_eq(real.found, 20);
    TorcReactor_free(real.reactor);
}
END_TEST

START_TEST(real_accounts_are_found_by_login_and_name)
{
    TorcFingerAccount account;
    TorcFingerAccount found[4];
    const TorcFingerHost *host = &torc__finger_host;

    ck_assert_int_eq(host->account(host, "root", &account), 0);
    ck_assert_str_eq(account.login, "root");
    ck_assert_uint_eq(account.uid, 0);
    int count = account.name[0] ? host->search(host, account.name, 0, found, 4) : 0;
    ck_assert_int_ge(count, account.name[0] ? 1 : 0);
    while (count > 0)
        torc__fingerAccount_done(&found[--count]);
    torc__fingerAccount_done(&account);
    ck_assert_int_eq(host->account(host, "no-such-user-here", &account), -ENOENT);
    ck_assert_int_eq(host->search(host, "no such name here", 0, found, 4), 0);
    ck_assert_int_eq(host->search(host, "root", UINT32_MAX, found, 4), 0);
}
END_TEST

START_TEST(real_sessions_can_be_read)
{
    TorcFingerSession sessions[4];
    int count = torc__finger_host.sessions(&torc__finger_host, sessions, 4);
    ck_assert_int_ge(count, 0);
    for (int i = 0; i < count; i++)
        ck_assert_int_ne(sessions[i].login[0], '\0');
}
END_TEST

/* ---- all of them ----------------------------------------------------------------------------- */

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    return tests;
}

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

static void add_failure(Suite *suite)
{
    TCase *tests = add_case(suite, "time, threads, failure");
    tcase_add_test(tests, a_slow_look_up_times_out_with_an_apology);
    tcase_add_test(tests, too_many_look_ups_are_asked_to_come_again_at_once);
    tcase_add_test(tests, look_ups_that_hang_count_until_they_are_done);
    tcase_add_test(tests, by_default_64_look_ups_may_be_under_way);
    tcase_add_test(tests, a_directory_without_memory_is_told);
    tcase_add_test(tests, the_time_out_can_be_off);
    tcase_add_test(tests, a_half_closed_client_gets_what_is_found_later);
    tcase_add_test(tests, a_client_that_leaves_does_no_harm);
    tcase_add_test(tests, a_reactor_that_is_freed_during_a_look_up_leaks_nothing);
    tcase_add_test(tests, an_answered_look_up_leaves_no_delayed_call);
    tcase_add_test(tests, an_account_that_cannot_be_read_is_apologised_for);
    tcase_add_test(tests, a_look_up_without_memory_is_apologised_for_and_leaks_nothing);
    tcase_add_test(tests, bad_options_are_refused);
    tcase_add_test(tests, initialised_options_are_the_defaults);
}

int main(void)
{
    Suite *suite = suite_create("finger system directory");
    TCase *real = tcase_create("all real");
    add_told(suite);
    add_files(suite);
    add_failure(suite);
    suite_add_tcase(suite, real);
    tcase_set_timeout(real, 30);
    tcase_add_test(real, the_real_system_is_asked_on_threads);
    tcase_add_test(real, real_accounts_are_found_by_login_and_name);
    tcase_add_test(real, real_sessions_can_be_read);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
