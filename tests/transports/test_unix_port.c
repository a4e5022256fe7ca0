/* UNIX ports on real sockets: permissions, lock files, dead servers' sockets, abstract names, and
 * what is left behind. */
#include <sys/file.h>

#include "../support/failing_memory.h"
#include "unix_fixture.h"

/* ---- serving ------------------------------------------------------------------------------- */

START_TEST(a_client_is_served)
{
    begin(_i);
    serve();
    assert_serves(path);
    ck_assert_int_eq(server.peer.family, TORC_ADDRESS_UNIX);
    ck_assert_str_eq(server.peer.path, "");
    end();
}
END_TEST

START_TEST(the_port_tells_its_address)
{
    begin(0);
    serve();
    TorcAddress address;
    TorcPort_getHost(port, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_UNIX);
    ck_assert_str_eq(address.path, path);
    end();
}
END_TEST

static void check_server_addresses(Recording *recording)
{
    assert_addresses(recording->transport, path, "");
}

START_TEST(a_servers_connection_knows_both_addresses_also_when_lost) /* UNIX-5 */
{
    begin(_i);
    server.on[RECORD_MADE] = server.on[RECORD_LOST] = check_server_addresses;
    serve();
    assert_serves(path);
    end();
}
END_TEST

static void send_much(Recording *recording)
{
    size_t length = 4 * 1024 * 1024;
    char *bytes = malloc(length);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i % 251);
    ck_assert_int_eq(TorcTransport_write(recording->transport, bytes, length), 0);
    TorcTransport_loseConnection(recording->transport);
    free(bytes);
}

static int no_peer(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    (void)system;
    (void)fd;
    (void)ret_name;
    (void)length;
    return -ENOTCONN;
}

START_TEST(a_peer_whose_name_cannot_be_had_is_unnamed)
{
    begin(0);
    ops.getpeername = no_peer;
    server.on[RECORD_MADE] = check_server_addresses;
    serve();
    assert_serves(path);
    end();
}
END_TEST

START_TEST(much_output_arrives_whole)
{
    begin(_i);
    server.on[RECORD_MADE] = send_much;
    serve();
    ck_assert_int_eq(connect_with(path, NULL), 0);
    turn_until(client.counts[RECORD_CLIENT_LOST] == 1);
    ck_assert_uint_eq(client.received_length, 4 * 1024 * 1024);
    for (size_t i = 0; i < client.received_length; i++)
        if (client.received[i] != i % 251)
            ck_abort_msg("byte %zu is wrong", i);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_DONE);
    end();
}
END_TEST

/* ---- permissions --------------------------------------------------------------------------- */

static mode_t mode_with(int mode)
{
    struct stat status;
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.mode = mode)), 0);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    return status.st_mode & 07777;
}

START_TEST(the_mode_does_not_depend_on_the_umask) /* UNIX-2 */
{
    begin(0);
    mode_t before = umask(077);
    ck_assert_uint_eq(mode_with(0), 0666);
    ck_assert_uint_eq(mode_with(0640), 0640);
    ck_assert_uint_eq(mode_with(0777), 0777);
    umask(before);
    end();
}
END_TEST

START_TEST(a_negative_mode_leaves_it_to_the_umask)
{
    begin(0);
    mode_t before = umask(027);
    ck_assert_uint_eq(mode_with(-1), 0750);
    umask(before);
    end();
}
END_TEST

static int mode_at_listen;

static int look_and_listen(TorcSystem *system, int fd, int backlog)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    mode_at_listen = status.st_mode & 0777;
    return real_ops->listen(system, fd, backlog);
}

START_TEST(nobody_can_connect_before_the_mode_is_set)
{
    begin(0);
    ops.listen = look_and_listen;
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.mode = 0600)), 0);
    ck_assert_int_eq(mode_at_listen, 0600);
    end();
}
END_TEST

/* ---- the end ------------------------------------------------------------------------------- */

START_TEST(path_and_lock_go_with_the_port) /* UNIX-2 */
{
    begin(0);
    serve();
    ck_assert(exists(path) && exists(lock_file()));
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert(!exists(path) && !exists(lock_file()));
    ck_assert_str_eq(server.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(a_path_removed_behind_its_back_is_tolerated) /* UNIX-2 */
{
    begin(0);
    serve();
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(unlink(lock_file()), 0);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    end();
}
END_TEST

START_TEST(files_that_others_put_in_its_place_stay)
{
    begin(0);
    serve();
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(unlink(lock_file()), 0);
    leave_stale(path);
    write_file(lock_file(), "");
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(unlink(lock_file()), 0);
    end();
}
END_TEST

START_TEST(connections_outlive_the_port)
{
    begin(_i);
    serve();
    int fd = dial();
    turn_until(server.transport);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(write(fd, "still", 5), 5);
    turn_until(server.received_length == 5);
    close(fd);
    turn_until(!server.transport);
    end();
}
END_TEST

START_TEST(a_stopped_port_listens_again) /* LISTEN-11 */
{
    begin(_i);
    serve();
    TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcPort_startListening(port), 0);
    ck_assert_int_eq(TorcPort_startListening(port), -EALREADY);
    assert_serves(path);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert(!exists(path));
    TorcPort_unref(port);
    end();
}
END_TEST

static char logged[256];

static void note_event(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    snprintf(logged, sizeof(logged), "%s", event->name);
}

START_TEST(a_path_that_cannot_be_removed_is_logged)
{
    begin(0);
    torc_setLogObserver(note_event, NULL, TORC_LOG_WARNING);
    serve();
    protect_directory();
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    unprotect_directory();
    ck_assert_str_eq(logged, "port.path-left");
    torc_setLogObserver(NULL, NULL, TORC_LOG_WARNING);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(unlink(lock_file()), 0);
    end();
}
END_TEST

/* ---- dead and living servers --------------------------------------------------------------- */

START_TEST(a_dead_servers_socket_is_replaced) /* UNIX-1, BUG-46 */
{
    begin(_i);
    leave_stale(path);
    write_file(lock_file(), "");
    serve();
    assert_serves(path);
    end();
}
END_TEST

START_TEST(without_a_lock_file_an_existing_path_is_in_use) /* UNIX-1, BUG-46 */
{
    begin(0);
    leave_stale(path);
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.noLockFile = true)), -EADDRINUSE);
    ck_assert(exists(path) && !exists(lock_file()));
    ck_assert_int_eq(unlink(path), 0);
    end();
}
END_TEST

START_TEST(without_a_lock_file_there_is_none)
{
    begin(0);
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.noLockFile = true)), 0);
    ck_assert(!exists(lock_file()));
    assert_serves(path);
    end();
}
END_TEST

START_TEST(two_servers_cannot_have_one_path) /* UNIX-1 */
{
    begin(0);
    serve();
    TorcPort *first = port;
    ck_assert_int_eq(listen_with(path, NULL), -EADDRINUSE);
    ck_assert_ptr_eq(port, first);
    ck_assert(exists(lock_file()));
    assert_serves(path);
    end();
}
END_TEST

START_TEST(a_held_lock_keeps_the_path_though_nothing_is_there) /* UNIX-1 */
{
    begin(0);
    int fd = open(lock_file(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(listen_with(path, NULL), -EADDRINUSE);
    ck_assert(!exists(path) && exists(lock_file()));
    close(fd);
    serve();
    end();
}
END_TEST

START_TEST(a_server_that_does_not_lock_keeps_its_path)
{
    begin(0);
    int fd = bound_socket(path);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(listen_with(path, NULL), -EADDRINUSE);
    ck_assert(!exists(lock_file()));
    close(dial()); /* the path still leads to it */
    close(fd);
    serve(); /* it is dead now */
    end();
}
END_TEST

START_TEST(what_is_no_socket_stays) /* UNIX-1, BUG-46 */
{
    begin(0);
    write_file(path, "precious");
    ck_assert_int_eq(listen_with(path, NULL), -EEXIST);
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.noLockFile = true)), -EEXIST);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, 8);
    ck_assert(!exists(lock_file()));
    ck_assert_int_eq(unlink(path), 0);
    end();
}
END_TEST

START_TEST(a_symbolic_link_is_not_followed)
{
    begin(0);
    char target[80];
    snprintf(target, sizeof(target), "%s/target", directory);
    leave_stale(target);
    ck_assert_int_eq(symlink(target, path), 0);
    ck_assert_int_eq(listen_with(path, NULL), -EEXIST);
    ck_assert(exists(target));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink(target, lock_file()), 0);
    ck_assert_int_eq(listen_with(path, NULL), -ELOOP);
    ck_assert_int_eq(unlink(lock_file()), 0);
    ck_assert_int_eq(unlink(target), 0);
    end();
}
END_TEST

/* Its owner ends just after it was opened here: the lock is on a file that is no longer there. */
static int lock_what_was_removed(TorcSystem *system, int fd)
{
    ops.lock = real_ops->lock;
    ck_assert_int_eq(unlink(lock_file()), 0);
    return real_ops->lock(system, fd);
}

START_TEST(a_lock_file_that_was_removed_meanwhile_is_made_anew)
{
    begin(0);
    ops.lock = lock_what_was_removed;
    serve();
    ck_assert(exists(lock_file()));
    ck_assert_int_eq(listen_with(path, NULL), -EADDRINUSE);
    end();
}
END_TEST

static int lock_calls;

static int remove_every_time(TorcSystem *system, int fd)
{
    lock_calls++;
    ck_assert_int_eq(unlink(lock_file()), 0);
    return real_ops->lock(system, fd);
}

START_TEST(trying_for_the_lock_has_an_end)
{
    begin(0);
    lock_calls = 0;
    ops.lock = remove_every_time;
    ck_assert_int_eq(listen_with(path, NULL), -EADDRINUSE);
    ck_assert_int_gt(lock_calls, 1);
    end();
}
END_TEST

/* ---- abstract names ------------------------------------------------------------------------ */

START_TEST(an_abstract_name_is_no_file) /* UNIX-3 */
{
    begin(_i);
    char name[64];
    char lock[80];
    snprintf(name, sizeof(name), "@torc-test-%d", (int)getpid());
    snprintf(lock, sizeof(lock), "%s.lock", name);
    ck_assert_int_eq(listen_with(name, TORC_LISTEN_UNIX_OPTIONS(.mode = 0600)), 0);
    ck_assert_int_eq(connect_with(name, NULL), 0);
    turn_until(server.transport);
    TorcAddress address;
    TorcTransport_getPeer(client.transport, &address);
    ck_assert_str_eq(address.path, name);
    ck_assert_int_eq(listen_with(name, NULL), -EADDRINUSE);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(listen_with(name, NULL), 0);
    ck_assert(!exists(name) && !exists(lock));
    end();
}
END_TEST

START_TEST(a_path_may_begin_with_an_at_sign)
{
    begin(0);
    char before[256];
    ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
    ck_assert_int_eq(chdir(directory), 0);
    ck_assert_int_eq(listen_with("./@x", NULL), 0);
    ck_assert(exists("@x"));
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(chdir(before), 0);
    end();
}
END_TEST

/* ---- bad input ----------------------------------------------------------------------------- */

static const char *path_of_length(size_t length)
{
    static char text[128];
    memset(text, 'x', sizeof(text));
    memcpy(text, directory, strlen(directory));
    text[strlen(directory)] = '/';
    text[length] = '\0';
    return text;
}

START_TEST(the_longest_path_is_107_bytes) /* UNIX-3, BUG-46 */
{
    begin(0);
    ck_assert_int_eq(listen_with(path_of_length(107), NULL), 0);
    assert_serves(path_of_length(107));
    ck_assert_int_eq(listen_with(path_of_length(108), NULL), -ENAMETOOLONG);
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    begin(0);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenUNIX(NULL, path, factory, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, NULL, factory, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, path, NULL, NULL, NULL), -EINVAL);
    TorcFactory_unref(factory);
    ck_assert_int_eq(listen_with("", NULL), -EINVAL);
    ck_assert_int_eq(listen_with("@", NULL), -EINVAL);
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.mode = 01000)), -EINVAL);
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.backlog = -1)), -EINVAL);
    ck_assert_int_eq(listen_with(path, &(TorcListenUNIXOptions){0}), -EINVAL);
    end();
}
END_TEST

START_TEST(init_fills_in_defaults)
{
    TorcListenUNIXOptions options;
    memset(&options, 0xff, sizeof(options));
    TorcListenUNIXOptions_init(&options);
    TorcListenUNIXOptions_init(NULL);
    ck_assert_uint_eq(options.size, sizeof(options));
    begin(0);
    ck_assert_int_eq(listen_with(path, &options), 0);
    ck_assert_uint_eq(TorcPort_maxConnections(port), 0);
    end();
}
END_TEST

START_TEST(a_directory_that_is_not_fit_is_told)
{
    begin(0);
    char wrong[80];
    snprintf(wrong, sizeof(wrong), "%s/none/socket", directory);
    ck_assert_int_eq(listen_with(wrong, NULL), -ENOENT);
    ck_assert_int_eq(listen_with(wrong, TORC_LISTEN_UNIX_OPTIONS(.noLockFile = true)), -ENOENT);
    ck_assert_int_eq(listen_with("/dev/null/socket", NULL), -ENOTDIR);
    protect_directory();
    ck_assert_int_eq(listen_with(path, NULL), -EACCES);
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.noLockFile = true)), -EACCES);
    unprotect_directory();
    ck_assert_str_eq(server.factory_log, ""); /* UNIX-4, where Twisted has started it */
    end();
}
END_TEST

/* ---- failures on the way ------------------------------------------------------------------- */

static int fail_listen(TorcSystem *system, int fd, int backlog)
{
    (void)system;
    (void)fd;
    (void)backlog;
    return -ENOBUFS;
}

static int fail_chmod(TorcSystem *system, const char *file, mode_t mode)
{
    (void)system;
    (void)file;
    (void)mode;
    return -EIO;
}

/* Of the socket's file; that of the lock can be looked at. */
static int fail_stat(TorcSystem *system, const char *file, TorcFileStatus *ret_status)
{
    return strcmp(file, path) == 0 ? -EACCES : real_ops->stat(system, file, ret_status);
}

static int fail_lock(TorcSystem *system, int fd)
{
    (void)system;
    (void)fd;
    return -ENOLCK;
}

static int fail_socket(TorcSystem *system, int family, int type)
{
    (void)system;
    (void)family;
    (void)type;
    return -EMFILE;
}

static int fail_watch(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                      TorcWatchFunction *function, void *arg)
{
    (void)system;
    (void)watch;
    (void)fd;
    (void)interest;
    (void)function;
    (void)arg;
    return -ENOSPC;
}

/* Listening fails with this code, and nothing is left. */
static void assert_fails(int code)
{
    ck_assert_int_eq(listen_with(path, NULL), code);
    ck_assert(!exists(path) && !exists(lock_file()));
    ck_assert_str_eq(server.factory_log, "");
    ops = *real_ops;
}

START_TEST(a_failure_leaves_nothing_behind) /* UNIX-4, BUG-51 */
{
    begin(0);
    ops.listen = fail_listen;
    assert_fails(-ENOBUFS);
    ops.chmod = fail_chmod;
    assert_fails(-EIO);
    ops.stat = fail_stat;
    assert_fails(-EACCES);
    ops.socket = fail_socket;
    assert_fails(-EMFILE);
    ops.watch = fail_watch;
    assert_fails(-ENOSPC);
    end();
}
END_TEST

/* It may be somebody else's. */
START_TEST(a_lock_file_that_cannot_be_locked_stays)
{
    begin(0);
    ops.lock = fail_lock;
    ck_assert_int_eq(listen_with(path, NULL), -ENOLCK);
    ck_assert(!exists(path) && exists(lock_file()));
    ck_assert_int_eq(unlink(lock_file()), 0);
    end();
}
END_TEST

/* Listens while allocation k fails; negative: none does. */
static int listen_without(long k)
{
    begin(0);
    TorcClientFactory *factory = Recording_factory(&server);
    if (k >= 0)
        failing_memory.fail_at = FailingMemory_allocations() + k;
    int r = TorcReactor_listenUNIX(reactor, path, &factory->base, NULL, &port);
    FailingMemory_recover();
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(exists(path), r == 0);
    ck_assert_int_eq(exists(lock_file()), r == 0);
    end();
    return r;
}

START_TEST(no_memory_leaves_nothing_behind)
{
    FailingMemory_start(-1);
    ck_assert_int_eq(listen_without(-1), 0);
    long kept = FailingMemory_live(); /* class tables stay resolved */
    long k = 0;
    for (int r = -1; r != 0; k++) {
        r = listen_without(k);
        ck_assert(r == 0 || r == -ENOMEM);
        ck_assert_int_eq(FailingMemory_live(), kept);
    }
    ck_assert_int_gt(k, 1);
    FailingMemory_stop();
}
END_TEST

static void stop_reactor(void *arg)
{
    ck_assert_int_eq(TorcReactor_stop(arg), 0);
}

START_TEST(a_reactor_that_stops_removes_the_path)
{
    begin(_i);
    serve();
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, stop_reactor, reactor, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert(!exists(path) && !exists(lock_file()));
    end();
}
END_TEST

RUN_LOOP_TESTS(
    "UNIX ports", {a_client_is_served, BACKENDS}, {the_port_tells_its_address, 1},
    {a_servers_connection_knows_both_addresses_also_when_lost, BACKENDS},
    {a_peer_whose_name_cannot_be_had_is_unnamed, 1}, {much_output_arrives_whole, BACKENDS},
    {the_mode_does_not_depend_on_the_umask, 1}, {a_negative_mode_leaves_it_to_the_umask, 1},
    {nobody_can_connect_before_the_mode_is_set, 1}, {path_and_lock_go_with_the_port, 1},
    {a_path_removed_behind_its_back_is_tolerated, 1}, {files_that_others_put_in_its_place_stay, 1},
    {connections_outlive_the_port, BACKENDS}, {a_stopped_port_listens_again, BACKENDS},
    {a_path_that_cannot_be_removed_is_logged, 1}, {a_dead_servers_socket_is_replaced, BACKENDS},
    {without_a_lock_file_an_existing_path_is_in_use, 1}, {without_a_lock_file_there_is_none, 1},
    {two_servers_cannot_have_one_path, 1}, {a_held_lock_keeps_the_path_though_nothing_is_there, 1},
    {a_server_that_does_not_lock_keeps_its_path, 1}, {what_is_no_socket_stays, 1},
    {a_symbolic_link_is_not_followed, 1}, {a_lock_file_that_was_removed_meanwhile_is_made_anew, 1},
    {trying_for_the_lock_has_an_end, 1}, {an_abstract_name_is_no_file, BACKENDS},
    {a_path_may_begin_with_an_at_sign, 1}, {the_longest_path_is_107_bytes, 1},
    {bad_arguments_are_refused, 1}, {init_fills_in_defaults, 1},
    {a_directory_that_is_not_fit_is_told, 1}, {a_failure_leaves_nothing_behind, 1},
    {a_lock_file_that_cannot_be_locked_stays, 1}, {no_memory_leaves_nothing_behind, 1},
    {a_reactor_that_stops_removes_the_path, BACKENDS})
