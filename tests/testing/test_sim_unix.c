/* UNIX sockets of the simulated kernel, as far as the differential test cannot see them: peers of
 * the test, credentials, faults, the trace, and crashes. */
#include <sys/stat.h>

#include <torc/testing/sim_expect.h>
#include <torc/testing/sim_faults.h>
#include <torc/testing/sim_files.h>
#include <torc/testing/sim_hygiene.h>
#include <torc/testing/sim_network.h>
#include <torc/testing/sim_trace.h>

#include "sim_unix_fixture.h"
#include "testing/sim_network_internal.h"
#include "testing/sim_view_internal.h"

typedef struct Credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
} Credentials;

static Credentials peer_of(int fd)
{
    Credentials who = {0};
    socklen_t length = sizeof(who);
    ck_assert_int_eq(ops->getsockopt(sys, fd, SOL_SOCKET, SO_PEERCRED, &who, &length), 0);
    return who;
}

/* ---- peers --------------------------------------------------------------------------------- */

START_TEST(a_peer_talks_over_a_unix_socket)
{
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    TorcSimPeer_send(peer, "question");
    ck_assert_receives(fd, "question");
    ck_assert_int_eq(send_text(fd, "answer"), 6);
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer");
    TorcSimPeer_shutdown(peer);
    ck_assert_int_eq(recv_result(fd), 0);
    ck_assert_int_eq(send_text(fd, "more"), 4);
    ck_assert_int_eq(ops->close(sys, fd), 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "answermore");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(a_peer_sees_a_half_close)
{
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    ck_assert_int_eq(send_text(fd, "last"), 4);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    ck_assert_int_eq(ops->shutdown(sys, fd, SHUT_WR), 0);
    ck_assert(TorcSimPeer_gotEnd(peer));
    TorcSimPeer_send(peer, "answer");
    ck_assert_receives(fd, "answer");
}
END_TEST

START_TEST(what_a_peer_sends_waits_for_room)
{
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 4));
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    TorcSimPeer_send(peer, "abcdefghij");
    TorcSimPeer_close(peer);
    ck_assert_receives(fd, "abcd");
    ck_assert_receives(fd, "efgh");
    ck_assert_receives(fd, "ij");
    ck_assert_int_eq(recv_result(fd), 0);
}
END_TEST

START_TEST(a_peer_that_does_not_read_fills_the_buffer)
{
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    TorcSimPeer_stopReading(peer);
    size_t sent = fill(fd);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 0);
    TorcSimPeer_startReading(peer);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), sent);
    ck_assert_int_eq(send_text(fd, "x"), 1);
}
END_TEST

START_TEST(a_reset_by_a_peer_is_a_close_with_input_unread)
{
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    TorcSimPeer_send(peer, "last");
    TorcSimPeer_reset(peer);
    ck_assert_receives(fd, "last");
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
    ck_assert_int_eq(recv_result(fd), 0);
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
}
END_TEST

START_TEST(a_peer_is_reset_by_who_closes_with_input_unread)
{
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    TorcSimPeer_send(peer, "unread");
    ck_assert_int_eq(send_text(fd, "last"), 4);
    ck_assert_int_eq(ops->close(sys, fd), 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "last");
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert(!TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_peer_listens_on_a_path_and_on_an_abstract_name)
{
    static const char *const names[] = {"/run/peer", "@peer"};
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_null(TorcSim_acceptUNIX(sim, names[i]));
        ck_assert_int_eq(TorcSim_listenUNIX(sim, names[i]), 0);
        ck_assert_int_eq(TorcSim_listenUNIX(sim, names[i]), -EADDRINUSE);
        ck_assert_ptr_null(TorcSim_acceptUNIX(sim, names[i]));
    }
    int fd = open_socket(AF_UNIX);
    ck_assert_int_eq(connect_unix(fd, "/run/peer"), 0);
    ck_assert_ptr_null(TorcSim_acceptUNIX(sim, "@peer"));
    TorcSimPeer *peer = TorcSim_acceptUNIX(sim, "/run/peer");
    ck_assert_ptr_nonnull(peer);
    TorcSimPeer_send(peer, "hello");
    ck_assert_receives(fd, "hello");
    ck_assert_ptr_nonnull(TorcSim_connectUNIX(sim, "@peer"));
    ck_assert_ptr_nonnull(TorcSim_acceptUNIX(sim, "@peer"));
    ck_assert_ptr_null(TorcSim_accept(sim, 0)); /* which is no port of a UNIX socket */
}
END_TEST

START_TEST(a_connection_to_a_path_is_awaited)
{
    int fd = open_socket(AF_UNIX);
    ck_assert_int_eq(TorcSim_listenUNIX(sim, "/run/peer"), 0);
    ck_assert_int_eq(connect_unix(fd, "/run/peer"), 0);
    ck_assert_ptr_nonnull(TorcSim_expectConnectionUNIX(sim, "/run/peer", 1));
    silence();
    ck_assert_ptr_null(TorcSim_expectConnectionUNIX(sim, "/run/peer", 1));
    ck_assert_double_eq(TorcSim_seconds(sim), 1.0);
}
END_TEST

START_TEST(a_peer_is_told_why_it_cannot_connect)
{
    char long_name[200];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    ck_assert_ptr_null(TorcSim_connectUNIX(sim, "/run/none"));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_ptr_null(TorcSim_connectUNIX(sim, "@none"));
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert_ptr_null(TorcSim_connectUNIX(sim, ""));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcSim_connectUNIX(sim, long_name));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(TorcSim_listenUNIX(sim, long_name), -EINVAL);
    int fd = listen_unix("/run/server");
    ck_assert_int_eq(ops->listen(sys, fd, 0), 0);
    ck_assert_ptr_nonnull(TorcSim_connectUNIX(sim, "/run/server"));
    ck_assert_ptr_null(TorcSim_connectUNIX(sim, "/run/server"));
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(ops->close(sys, fd), 0);
    ck_assert_ptr_null(TorcSim_connectUNIX(sim, "/run/server"));
    ck_assert_int_eq(errno, ECONNREFUSED);
}
END_TEST

START_TEST(the_longest_path_fills_the_whole_name)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(TorcSim_listenUNIX(sim, path), 0);
    ck_assert_int_eq(TorcSim_fileMode(sim, path), S_IFSOCK | 0755);
    ck_assert_ptr_nonnull(TorcSim_connectUNIX(sim, path));
}
END_TEST

/* ---- credentials --------------------------------------------------------------------------- */

START_TEST(each_end_is_told_who_the_other_is)
{
    TorcSim_setPeerCredentials(sim, 77, 1234, 55);
    TorcSimPeer *peer;
    Credentials who = peer_of(connect_peer_unix(&peer));
    ck_assert_int_eq(who.pid, 77);
    ck_assert_uint_eq(who.uid, 1234);
    ck_assert_uint_eq(who.gid, 55);
    int fds[2];
    connect_unix_pair(fds);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(peer_of(fds[i]).uid, 1000);
}
END_TEST

START_TEST(who_may_connect_depends_on_the_mode_of_the_path)
{
    static const struct {
        uid_t uid;
        gid_t gid;
        mode_t mode;
        bool may;
    } cases[] = {
        {1000, 1000, 0600, true},  {1000, 1000, 0177, false}, {1001, 1000, 0620, true},
        {1001, 1000, 0602, false}, {1001, 1001, 0602, true},  {1001, 1001, 0660, false},
        {0, 0, 0, true},
    };
    (void)listen_unix("/run/server");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TorcSim_setPeerCredentials(sim, 5, cases[i].uid, cases[i].gid);
        ck_assert_int_eq(TorcSim_setFileMode(sim, "/run/server", cases[i].mode), 0);
        errno = 0;
        TorcSimPeer *peer = TorcSim_connectUNIX(sim, "/run/server");
        ck_assert_msg((peer != NULL) == cases[i].may, "case %zu", i);
        ck_assert_int_eq(errno, cases[i].may ? 0 : EACCES);
    }
}
END_TEST

/* ---- faults and pieces --------------------------------------------------------------------- */

START_TEST(a_chunk_size_cuts_what_one_call_moves)
{
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 2));
    int fds[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(send_text(fds[0], "abc"), 2);
    ck_assert_int_eq(send_text(fds[0], "c"), 1);
    ck_assert_receives(fds[1], "ab");
    ck_assert_receives(fds[1], "c");
}
END_TEST

static unsigned told;

static void note(int fd, short ready, void *arg)
{
    (void)fd;
    (void)arg;
    told |= (unsigned)ready & (TORC_READABLE | TORC_WRITABLE | TORC_CLOSED);
}

static unsigned told_since(void)
{
    told = 0;
    look_around();
    return told;
}

START_TEST(what_a_chunk_size_holds_back_is_an_edge)
{
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 2));
    TorcWatch watch = {0};
    int fds[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(send_text(fds[0], "ab"), 2);
    ck_assert_int_eq(send_text(fds[0], "cd"), 2);
    ck_assert_int_eq(
        ops->watch(sys, &watch, fds[1], TORC_READABLE | TORC_WRITABLE | TORC_EDGE, note, NULL), 0);
    ck_assert_uint_eq(told_since(), TORC_READABLE | TORC_WRITABLE);
    ck_assert_uint_eq(told_since(), 0);
    ck_assert_receives(fds[1], "ab");
    ck_assert_uint_eq(told_since() & TORC_READABLE, TORC_READABLE);
    ck_assert_int_eq(send_text(fds[1], "xyz"), 2);
    ck_assert_uint_eq(told_since() & TORC_WRITABLE, TORC_WRITABLE);
    ops->unwatch(sys, &watch);
}
END_TEST

START_TEST(a_duplicate_has_a_watch_of_its_own)
{
    TorcWatch watches[2] = {{{0}}};
    int fds[2];
    connect_unix_pair(fds);
    int twin = ops->duplicate(sys, fds[1]);
    ck_assert_int_gt(twin, 2);
    ck_assert_int_eq(ops->watch(sys, &watches[0], fds[1], TORC_READABLE | TORC_EDGE, note, NULL),
                     0);
    ck_assert_int_eq(ops->watch(sys, &watches[1], twin, TORC_READABLE | TORC_EDGE, note, NULL), 0);
    ck_assert_int_eq(send_text(fds[0], "x"), 1);
    ck_assert_uint_eq(told_since(), TORC_READABLE);
    ops->unwatch(sys, &watches[0]);
    ck_assert_int_eq(ops->close(sys, fds[1]), 0);
    ck_assert_int_eq(send_text(fds[0], "y"), 1);
    ck_assert_uint_eq(told_since(), TORC_READABLE);
    ck_assert_receives(twin, "xy");
    ops->unwatch(sys, &watches[1]);
}
END_TEST

START_TEST(a_reset_by_rule_is_seen_at_both_ends)
{
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .times = 1, .reset = true));
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_RESET), 1);
}
END_TEST

START_TEST(calls_on_unix_sockets_fail_by_rule)
{
    int listener = listen_unix("/run/server");
    int fd = open_socket(AF_UNIX);
    TorcSim_failCall(sim, TORC_SIM_CONNECT, 1, EAGAIN, 1);
    ck_assert_int_eq(connect_unix(fd, "/run/server"), -EAGAIN);
    ck_assert_int_eq(connect_unix(fd, "/run/server"), 0);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, EMFILE, 1);
    ck_assert_int_eq(accept_from(listener), -EMFILE);
    ck_assert_int_gt(accept_from(listener), 2);
    TorcSim_failCall(sim, TORC_SIM_DUPLICATE, 1, EMFILE, 1);
    ck_assert_int_eq(ops->duplicate(sys, fd), -EMFILE);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_DUPLICATE), 1);
    TorcSim_failCall(sim, TORC_SIM_BIND, 1, EROFS, 1);
    ck_assert_int_eq(bind_unix(fd, "/run/other"), -EROFS);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/run/other"), -ENOENT);
}
END_TEST

START_TEST(kinds_that_are_not_there_are_refused)
{
    ck_assert_int_eq(ops->socket(sys, AF_UNIX, SOCK_DGRAM), -ESOCKTNOSUPPORT);
    int fd = open_socket(AF_UNIX);
    Name name = unix_name("");
    ck_assert_int_eq(ops->bind(sys, fd, &name.any, sizeof(sa_family_t)), -EINVAL);
}
END_TEST

/* ---- the rest ------------------------------------------------------------------------------ */

START_TEST(the_trace_tells_unix_names)
{
    TorcSimPeer *peer;
    TorcSim_setTraceSize(sim, 100);
    (void)connect_peer_unix(&peer);
    int fd = open_socket(AF_UNIX);
    Name name = unix_name("");
    memcpy((char *)&name + offsetof(struct sockaddr_un, sun_path) + 1, "abc", 3);
    ck_assert_int_eq(ops->bind(sys, fd, &name.any, offsetof(struct sockaddr_un, sun_path) + 4), 0);
    const char *trace = TorcSim_trace(sim);
    ck_assert_ptr_nonnull(strstr(trace, "socket(AF_UNIX) = 1000003"));
    ck_assert_ptr_nonnull(strstr(trace, "bind(1000003, unix:\"/run/server\") = 0"));
    ck_assert_ptr_nonnull(strstr(trace, "peer 1 connects unix:\"/run/server\""));
    ck_assert_ptr_nonnull(strstr(trace, "accept(1000003) = 1000004"));
    ck_assert_ptr_nonnull(strstr(trace, "unix:\"@abc\") = 0"));
}
END_TEST

START_TEST(what_is_left_open_is_reported)
{
    char report[500];
    TorcSimPeer *peer;
    int fd = connect_peer_unix(&peer);
    ck_assert_uint_eq(TorcSim_checkClean(sim, report, sizeof(report)), 1);
    ck_assert_str_eq(report, "descriptor 1000004: socket, connected\n");
    ck_assert_int_eq(ops->close(sys, fd), 0);
    ck_assert_uint_eq(TorcSim_checkClean(sim, report, sizeof(report)), 0);
}
END_TEST

/* The calls of the fixture are made on this host from now on. */
static void work_on(TorcSimHost *host)
{
    ck_assert_ptr_nonnull(TorcSimHost_reactor(host));
    sys = &host->view->system;
    ops = sys->ops;
}

START_TEST(each_host_has_names_of_its_own)
{
    (void)listen_unix("/run/server");
    work_on(TorcSim_addHost(sim, "other", NULL));
    int fd = open_socket(AF_UNIX);
    ck_assert_int_eq(connect_unix(fd, "/run/server"), -ENOENT);
    (void)listen_unix("/run/server");
    ck_assert_int_eq(connect_unix(fd, "/run/server"), 0);
}
END_TEST

START_TEST(a_crash_leaves_a_path_behind_on_which_nobody_listens)
{
    TorcSimHost *host = TorcSim_addHost(sim, "other", NULL);
    work_on(host);
    (void)listen_unix("/run/server");
    TorcSimHost_crash(host);
    TorcSimHost_restart(host);
    work_on(host);
    int fd = open_socket(AF_UNIX);
    ck_assert_int_eq(connect_unix(fd, "/run/server"), -ECONNREFUSED);
    ck_assert_int_eq(bind_unix(fd, "/run/server"), -EADDRINUSE);
    ck_assert_int_eq(ops->unlink(sys, "/run/server"), 0);
    ck_assert_int_eq(bind_unix(fd, "/run/server"), 0);
}
END_TEST

START_TEST(what_waits_in_a_queue_is_freed_with_the_simulation)
{
    (void)listen_unix("/run/server");
    for (int i = 0; i < 3; i++)
        TorcSimPeer_send(TorcSim_connectUNIX(sim, "/run/server"), "unread");
    ck_assert_int_eq(TorcSim_listenUNIX(sim, "@peer"), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(TorcSim_connectUNIX(sim, "@peer"));
}
END_TEST

RUN_SUITE("sim_unix", a_peer_talks_over_a_unix_socket, a_peer_sees_a_half_close,
          what_a_peer_sends_waits_for_room, a_peer_that_does_not_read_fills_the_buffer,
          a_reset_by_a_peer_is_a_close_with_input_unread,
          a_peer_is_reset_by_who_closes_with_input_unread,
          a_peer_listens_on_a_path_and_on_an_abstract_name, a_connection_to_a_path_is_awaited,
          a_peer_is_told_why_it_cannot_connect, the_longest_path_fills_the_whole_name,
          each_end_is_told_who_the_other_is, who_may_connect_depends_on_the_mode_of_the_path,
          a_chunk_size_cuts_what_one_call_moves, what_a_chunk_size_holds_back_is_an_edge,
          a_duplicate_has_a_watch_of_its_own, a_reset_by_rule_is_seen_at_both_ends,
          calls_on_unix_sockets_fail_by_rule, kinds_that_are_not_there_are_refused,
          the_trace_tells_unix_names, what_is_left_open_is_reported, each_host_has_names_of_its_own,
          a_crash_leaves_a_path_behind_on_which_nobody_listens,
          what_waits_in_a_queue_is_freed_with_the_simulation)
