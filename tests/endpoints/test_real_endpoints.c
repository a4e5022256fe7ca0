/* Endpoints that are no hosts and ports, on the real system: "unix:", "fd:", "systemd:" and "stdio:" of
 * servers, "unix:", "fd:" and "stdio:" of clients. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "endpoint_fixture.h"

/* Far more than any of it takes, also under valgrind; only a failure waits for so long. */
enum { PATIENCE = 3 };

static TorcReactor *reactor;
static TorcFactory *echo;
static char directory[] = "/tmp/torc-endpoints-XXXXXX";
static char path[64];

static void set_up_real(void)
{
    strcpy(directory, "/tmp/torc-endpoints-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);
    rec = (Recording){.log_factory = true};
    outcome = (Outcome){0};
    connected = NULL;
    reactor = TorcReactor_new(NULL);
    ck_assert_ptr_nonnull(reactor);
    factory = &Recording_factory(&rec)->base;
    echo = TorcFactory_forProtocol(&torc_echo_class);
}

static void tear_down_real(void)
{
    let_go();
    TorcFactory_unref(factory);
    TorcFactory_unref(echo);
    TorcReactor_free(reactor);
    Recording_done(&rec);
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0); /* nothing else was left in it */
}

static TorcServerEndpoint *server(const char *format, ...) TORC_PRINTF(1, 2);
static TorcServerEndpoint *server(const char *format, ...)
{
    char description[200];
    TorcServerEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(description, sizeof(description), format, arguments);
    va_end(arguments);
    int r = TorcServerEndpoint_fromString(reactor, description, &endpoint, &reason);
    ck_assert_msg(r == 0, "%s", r < 0 ? TorcReason_text(reason) : "");
    return endpoint;
}

static TorcPort *listening(TorcServerEndpoint *endpoint)
{
    TorcPort *port = NULL;
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, echo, &port), 0);
    TorcServerEndpoint_unref(endpoint);
    return port;
}

static void turn_until(const char *log)
{
    double end = TorcReactor_seconds(reactor) + PATIENCE;
    while (strcmp(rec.log, log) != 0 && TorcReactor_seconds(reactor) < end)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.05), 0);
    ck_assert_str_eq(rec.log, log);
}

/* Connects, says hello to echo, and ends. */
static void converse(const char *description)
{
    ck_assert_int_eq(try_connect(client(reactor, description)), 0);
    turn_until("start made fired");
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    TorcTransport_write(rec.transport, "hello", 5);
    turn_until("start made fired data:5");
    TorcTransport_loseConnection(rec.transport);
    turn_until("start made fired data:5 lost:DONE stop");
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* A socket that listens on `path`, as a parent process would have made it. */
static int listening_socket(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    ck_assert_int_ge(fd, 3);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    return fd;
}

static const char *client_description(void)
{
    static char description[80];
    snprintf(description, sizeof(description), "unix:%s", path);
    return description;
}

/* ---- unix ---------------------------------------------------------------------------------- */

START_TEST(unix_path_is_listened_on_and_connected_to)
{
    struct stat status;
    TorcAddress address;
    TorcPort *port = listening(server("unix:%s:mode=600", path));
    TorcPort_getHost(port, &address);
    ck_assert_str_eq(address.path, path);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    converse(client_description());
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(stat(path, &status), -1);
}
END_TEST

static const struct {
    const char *arguments;
    mode_t mode;
} modes[] = {{"", 0666}, {":mode=660", 0660}, {":640", 0640}, {":lockfile=no:mode=777", 0777}};

START_TEST(unix_mode_is_the_described_one)
{
    struct stat status;
    mode_t mask = umask(0077); /* does not matter */
    listening(server("unix:%s%s", path, modes[_i].arguments));
    umask(mask);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, modes[_i].mode);
}
END_TEST

START_TEST(unix_lock_file_tells_the_dead_from_the_living)
{
    TorcServerEndpoint *locking = server("unix:%s", path);
    TorcServerEndpoint *not_locking = server("unix:%s:lockfile=no", path);
    close(listening_socket()); /* a dead server's file */
    ck_assert_int_eq(TorcServerEndpoint_listen(not_locking, echo, NULL), -EADDRINUSE);
    ck_assert_int_eq(TorcServerEndpoint_listen(locking, echo, NULL), 0);
    ck_assert_int_eq(TorcServerEndpoint_listen(locking, echo, NULL), -EADDRINUSE);
    TorcServerEndpoint_unref(locking);
    TorcServerEndpoint_unref(not_locking);
}
END_TEST

START_TEST(unix_name_in_the_abstract_name_space)
{
    char description[80];
    snprintf(description, sizeof(description), "unix:@torc-endpoints-%ld", (long)getpid());
    listening(server("%s", description));
    converse(description);
}
END_TEST

/* The path is a value like any other. */
START_TEST(unix_path_with_a_colon_is_quoted)
{
    char quoted[80];
    char description[100];
    snprintf(path, sizeof(path), "%s/a:b=c", directory);
    torc_quoteStringArgument(path, quoted, sizeof(quoted));
    snprintf(description, sizeof(description), "unix:%s", quoted);
    listening(server("%s", description));
    ck_assert_int_eq(access(path, F_OK), 0);
    converse(description);
}
END_TEST

START_TEST(unix_path_that_is_not_there_fails)
{
    ck_assert_int_eq(try_connect(client(reactor, client_description())), 0);
    turn_until("start failed stop");
    ck_assert_int_eq(outcome.code, -ENOENT);
}
END_TEST

START_TEST(unix_attempt_is_cancelled)
{
    listening(server("unix:%s", path));
    ck_assert_int_eq(try_connect(client(reactor, client_description())), 0);
    TorcDeferred_cancel(connected);
    turn_until("start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
}
END_TEST

START_TEST(unix_endpoints_copy_their_addresses)
{
    char given[64];
    snprintf(given, sizeof(given), "%s", path);
    TorcServerEndpoint *listener = TorcUNIXServerEndpoint_new(
        reactor, given, TORC_LISTEN_UNIX_OPTIONS(.mode = 0600, .noLockFile = true));
    TorcClientEndpoint *caller = TorcUNIXClientEndpoint_new(reactor, given, NULL);
    memset(given, 0, sizeof(given));
    listening(listener);
    ck_assert_int_eq(try_connect(caller), 0);
    turn_until("start made fired");
}
END_TEST

/* ---- inherited ports ----------------------------------------------------------------------- */

/* EP-9 */
START_TEST(adopted_socket_is_good_once_and_stays_the_callers)
{
    int fd = listening_socket();
    TorcServerEndpoint *endpoint = TorcAdoptedStreamServerEndpoint_new(reactor, fd);
    TorcPort *port;
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, echo, &port), 0);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, echo, NULL), -EALREADY);
    TorcServerEndpoint_unref(endpoint);
    converse(client_description());
    TorcPort_stopListening(port, NULL);
    ck_assert(is_open(fd));
    close(fd);
}
END_TEST

START_TEST(adopted_socket_that_failed_may_be_tried_again)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    TorcServerEndpoint *endpoint = TorcAdoptedStreamServerEndpoint_new(reactor, fd);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, echo, NULL), -EINVAL);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, echo, NULL), 0);
    TorcServerEndpoint_unref(endpoint);
    close(fd);
}
END_TEST

START_TEST(fd_is_listened_on_and_taken_over)
{
    int fd = listening_socket();
    TorcPort *port = listening(server("fd:%d", fd));
    ck_assert(!is_open(fd));
    converse(client_description());

    /* Nobody else has it: connecting is refused at once. */
    TorcPort_stopListening(port, NULL);
    Recording_clear(&rec);
    let_go();
    outcome = (Outcome){0};
    ck_assert_int_eq(try_connect(client(reactor, client_description())), 0);
    turn_until("start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_REFUSED);
}
END_TEST

START_TEST(fd_that_is_no_listening_socket_is_left_alone)
{
    int fds[3] = {open("/dev/null", O_RDONLY), socket(AF_INET, SOCK_DGRAM, 0), 4000};
    static const int codes[3] = {-ENOTSOCK, -EPROTOTYPE, -EBADF};
    TorcServerEndpoint *endpoint = server("fd:%d", fds[_i]);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, echo, NULL), codes[_i]);
    TorcServerEndpoint_unref(endpoint);
    ck_assert_int_eq(is_open(fds[_i]), _i < 2);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* As if the descriptor were the last of many that were passed, for lower ones are the test's. Of all
 * the names but the last there is none. */
static void pass_socket(int fd, const char *name)
{
    char pid[24];
    char count[24];
    char names[1100];
    int others = fd - 3;
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    snprintf(count, sizeof(count), "%d", others + 1);
    ck_assert_int_lt(others, 1000);
    memset(names, ':', (size_t)others);
    snprintf(names + others, sizeof(names) - (size_t)others, "%s", name);
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

/* EP-10 */
START_TEST(systemd_socket_is_listened_on)
{
    int fd = listening_socket();
    pass_socket(fd, "web");
    TorcServerEndpoint *endpoint =
        _i == 0 ? server("systemd:name=web") : server("SystemD:index=%d", fd - 3);
    ck_assert_ptr_nonnull(getenv("LISTEN_FDS")); /* others may ask too */
    listening(endpoint);
    ck_assert(!is_open(fd));
    converse(client_description());
}
END_TEST

/* Connected to `path`, and closed from there at once. */
static void assert_refused(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char byte;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    double end = TorcReactor_seconds(reactor) + PATIENCE;
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    ssize_t n;
    while ((n = recv(fd, &byte, 1, 0)) < 0 && TorcReactor_seconds(reactor) < end)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.05), 0);
    ck_assert_int_eq(n, 0);
    close(fd);
}

START_TEST(inherited_ports_are_limited_as_described)
{
    static const struct {
        bool systemd;
        const char *arguments;
        unsigned most;
        bool refuses;
    } limits[] = {
        {false, "", 0, false},
        {false, ":maxConnections=1", 1, false},
        {false, ":refuseExcess=yes:maxConnections=1", 1, true},
        {true, ":maxConnections=7:refuseExcess=no", 7, false},
        {true, ":maxConnections=1:refuseExcess=yes", 1, true},
    };
    int fd = listening_socket();
    pass_socket(fd, "web");
    TorcPort *port =
        listening(limits[_i].systemd ? server("systemd:name=web%s", limits[_i].arguments)
                                     : server("fd:%d%s", fd, limits[_i].arguments));
    ck_assert_uint_eq(TorcPort_maxConnections(port), limits[_i].most);
    if (!limits[_i].refuses)
        return;
    ck_assert_int_eq(try_connect(client(reactor, client_description())), 0);
    turn_until("start made fired");
    assert_refused();
    ck_assert_uint_eq(TorcPort_connections(port), 1);
}
END_TEST

/* ---- inherited connections ----------------------------------------------------------------- */

static int pair[2]; /* the first is what is inherited */

static TorcClientEndpoint *inherited(void)
{
    char description[20];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    snprintf(description, sizeof(description), "fd:%d", pair[0]);
    return client(reactor, description);
}

/* EP-2, EP-4 */
START_TEST(inherited_connection_is_told_of_like_any_other)
{
    char bytes[8];
    TorcClientEndpoint *endpoint = inherited();
    ck_assert_int_eq(try_connect(TorcClientEndpoint_ref(endpoint)), 0);
    ck_assert(!is_open(pair[0]));
    ck_assert_str_eq(rec.log, "start");
    turn_until("start made fired");
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    TorcTransport_write(rec.transport, "hello", 5);
    TorcTransport_loseConnection(rec.transport);
    turn_until("start made fired lost:DONE stop");
    ck_assert_int_eq(read(pair[1], bytes, sizeof(bytes)), 5);
    ck_assert_int_eq(read(pair[1], bytes, sizeof(bytes)), 0); /* the end reaches the peer */
    close(pair[1]);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, factory, NULL), -EALREADY);
    TorcClientEndpoint_unref(endpoint);
}
END_TEST

START_TEST(inherited_connection_is_cancelled_and_closed)
{
    char byte;
    ck_assert_int_eq(try_connect(inherited()), 0);
    TorcDeferred_cancel(connected);
    turn_until("start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
    ck_assert_uint_eq(rec.counts[RECORD_BUILD], 0);
    ck_assert_int_eq(read(pair[1], &byte, 1), 0);
    close(pair[1]);
}
END_TEST

static void cancel_it(Recording *recording)
{
    (void)recording;
    TorcDeferred_cancel(connected);
}

START_TEST(inherited_connection_cancelled_in_connectionMade_is_lost)
{
    rec.on[RECORD_MADE] = cancel_it;
    ck_assert_int_eq(try_connect(inherited()), 0);
    turn_until("start made failed lost:DONE stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
    close(pair[1]);
}
END_TEST

START_TEST(inherited_connection_that_the_factory_refuses_fails)
{
    rec.refuse = _i == 0;
    rec.build_code = _i == 0 ? 0 : -EPERM;
    ck_assert_int_eq(try_connect(inherited()), 0);
    turn_until("start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_NO_PROTOCOL);
    ck_assert_int_eq(outcome.code, rec.build_code);
    close(pair[1]);
}
END_TEST

START_TEST(inherited_connection_of_a_reactor_that_is_freed_fails)
{
    ck_assert_int_eq(try_connect(inherited()), 0);
    TorcReactor_free(reactor);
    reactor = NULL;
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_SHUTDOWN);
    ck_assert_str_eq(rec.log, "start failed stop");
    close(pair[1]);
}
END_TEST

START_TEST(descriptor_that_is_no_connection_is_returned_at_once)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char description[20];
    snprintf(description, sizeof(description), "fd:%d", fd);
    ck_assert_int_eq(try_connect(client(reactor, description)), -ENOTCONN);
    ck_assert(is_open(fd));
    ck_assert_str_eq(rec.log, "");
    close(fd);
}
END_TEST

START_TEST(adopted_connection_is_good_once_and_stays_the_callers)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    TorcClientEndpoint *endpoint = TorcAdoptedStreamClientEndpoint_new(reactor, pair[0]);
    ck_assert_int_eq(try_connect(TorcClientEndpoint_ref(endpoint)), 0);
    turn_until("start made fired");
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, factory, NULL), -EALREADY);
    TorcClientEndpoint_unref(endpoint);
    TorcTransport_loseConnection(rec.transport);
    turn_until("start made fired lost:DONE stop");
    ck_assert(is_open(pair[0]));
    close(pair[0]);
    close(pair[1]);
}
END_TEST

/* ---- standard input and output ------------------------------------------------------------- */

static int saved[2];

/* Both become one end of a pair, of which the second is the test's. */
static void replace_standard_streams(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (int fd = 0; fd < 2; fd++) {
        saved[fd] = dup(fd);
        ck_assert_int_eq(dup2(pair[0], fd), fd);
    }
    close(pair[0]);
}

static void restore_standard_streams(void)
{
    for (int fd = 0; fd < 2; fd++) {
        dup2(saved[fd], fd);
        close(saved[fd]);
    }
    close(pair[1]);
}

/* EP-11 */
START_TEST(standard_streams_are_served_once)
{
    TorcServerEndpoint *endpoint =
        _i == 0 ? server("stdio:") : TorcStandardIOServerEndpoint_new(reactor);
    TorcPort *port = (TorcPort *)endpoint;
    replace_standard_streams();
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, &port), 0);
    ck_assert_ptr_null(port);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, NULL), -EALREADY);
    TorcServerEndpoint_unref(endpoint);
    ck_assert_int_eq(write(pair[1], "hello", 5), 5);
    turn_until("start made data:5");
    TorcTransport_loseConnection(rec.transport);
    turn_until("start made data:5 lost:DONE stop");
    restore_standard_streams();
}
END_TEST

START_TEST(standard_streams_are_connected_to_once)
{
    TorcClientEndpoint *endpoint =
        _i == 0 ? client(reactor, "stdio:") : TorcStandardIOClientEndpoint_new(reactor);
    replace_standard_streams();
    ck_assert_int_eq(try_connect(TorcClientEndpoint_ref(endpoint)), 0);
    ck_assert_str_eq(rec.log, "start");
    turn_until("start made fired");
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, factory, NULL), -EALREADY);
    TorcClientEndpoint_unref(endpoint);
    TorcTransport_loseConnection(rec.transport);
    turn_until("start made fired lost:DONE stop");
    restore_standard_streams();
}
END_TEST

START_TEST(standard_streams_whose_attempt_is_cancelled)
{
    replace_standard_streams();
    ck_assert_int_eq(try_connect(client(reactor, "stdio")), 0);
    TorcDeferred_cancel(connected);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
    turn_until("start failed stop");
    restore_standard_streams();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("real_endpoints");
    TCase *tc = tcase_create("real_endpoints");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up_real, tear_down_real);
    tcase_add_test(tc, unix_path_is_listened_on_and_connected_to);
    tcase_add_loop_test(tc, unix_mode_is_the_described_one, 0, COUNT(modes));
    tcase_add_test(tc, unix_lock_file_tells_the_dead_from_the_living);
    tcase_add_test(tc, unix_name_in_the_abstract_name_space);
    tcase_add_test(tc, unix_path_with_a_colon_is_quoted);
    tcase_add_test(tc, unix_path_that_is_not_there_fails);
    tcase_add_test(tc, unix_attempt_is_cancelled);
    tcase_add_test(tc, unix_endpoints_copy_their_addresses);
    tcase_add_test(tc, adopted_socket_is_good_once_and_stays_the_callers);
    tcase_add_test(tc, adopted_socket_that_failed_may_be_tried_again);
    tcase_add_test(tc, fd_is_listened_on_and_taken_over);
    tcase_add_loop_test(tc, fd_that_is_no_listening_socket_is_left_alone, 0, 3);
    tcase_add_loop_test(tc, systemd_socket_is_listened_on, 0, 2);
    tcase_add_loop_test(tc, inherited_ports_are_limited_as_described, 0, 5);
    tcase_add_test(tc, inherited_connection_is_told_of_like_any_other);
    tcase_add_test(tc, inherited_connection_is_cancelled_and_closed);
    tcase_add_test(tc, inherited_connection_cancelled_in_connectionMade_is_lost);
    tcase_add_loop_test(tc, inherited_connection_that_the_factory_refuses_fails, 0, 2);
    tcase_add_test(tc, inherited_connection_of_a_reactor_that_is_freed_fails);
    tcase_add_test(tc, descriptor_that_is_no_connection_is_returned_at_once);
    tcase_add_test(tc, adopted_connection_is_good_once_and_stays_the_callers);

    tcase_add_loop_test(tc, standard_streams_are_served_once, 0, 2); /* as text, as object */
    tcase_add_loop_test(tc, standard_streams_are_connected_to_once, 0, 2);
    tcase_add_test(tc, standard_streams_whose_attempt_is_cancelled);
    RUN_ENDPOINT_TESTS(suite);
}
