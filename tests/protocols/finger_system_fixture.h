/* What the tests of the finger directory of the system's users share: an invented host with homes in
 * a directory of its own, and a client that asks. */
#ifndef TORC_TESTS_FINGER_SYSTEM_FIXTURE_H
#define TORC_TESTS_FINGER_SYSTEM_FIXTURE_H

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
#include "../support/run_tests.h"
#include "clean_end.h"
#include "finger_ask.h"
#include "protocols/finger_host_internal.h"

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

static inline bool invented_privileged(void)
{
    return invented.privileged;
}

static inline int invented_account(const TorcFingerHost *host, const char *login,
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

static inline int invented_search(const TorcFingerHost *host, const char *name, uint32_t lowest_uid,
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

static inline int invented_sessions(const TorcFingerHost *host, TorcFingerSession *ret_sessions,
                                    int most)
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

static inline void add_user(const char *login, uint32_t uid, const char *comment)
{
    int i = invented.count++;
    int length = snprintf(invented.homes[i], sizeof(invented.homes[i]), "%s/%s", root, login);
    ck_assert_int_lt(length, (int)sizeof(invented.homes[i]));
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

static inline void add_session(const char *login, const char *line)
{
    TorcFingerSession *session = &invented.sessions[invented.session_count++];
    *session = (TorcFingerSession){.since = 86400 * 365};
    strcpy(session->login, login);
    strcpy(session->line, line);
}

static inline const char *path_of(const char *login, const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s/%s", root, login, name);
    return path;
}

static inline void put_file(const char *login, const char *name, const char *text, size_t length)
{
    FILE *file = fopen(path_of(login, name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path_of(login, name), 0644), 0);
}

static inline void put(const char *login, const char *name, const char *text)
{
    put_file(login, name, text, strlen(text));
}

/* ---- fixture --------------------------------------------------------------------------------- */

static inline void set_up(void)
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

static inline void remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    char below[512];
    while (directory && (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int length = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        ck_assert_int_lt(length, (int)sizeof(below));
        if (unlink(below) < 0)
            remove_tree(below);
    }
    if (directory)
        closedir(directory);
    (void)rmdir(path);
}

static inline void tear_down(void)
{
    end_clean(sim);
    remove_tree(root);
}

static inline void listen_on(TorcReactor *reactor, TorcFingerDirectory *directory, bool exact,
                             int port, TorcPort **ret_port)
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

static inline void listen_with(const TorcFingerSystemOptions *options)
{
    listen_on(TorcSim_reactor(sim), torc__fingerSystemDirectory_new(options, &invented_host), false,
              PORT, NULL);
}

static inline bool answer_holds(const char *query, const char *text)
{
    TorcSimPeer *peer = ask(query);
    ck_assert(TorcSimPeer_gotEnd(peer));
    return strstr(TorcSimPeer_received(peer), text) != NULL;
}

#define BOB                                                                                        \
    "Login: bob                      Name: Bob Jones\r\n"                                          \
    "Not logged in.\r\n"                                                                           \
    "No Plan.\r\n"

static inline TCase *add_case(Suite *suite, const char *name)
{
    return add_case_with(suite, name, set_up, tear_down);
}

#endif
