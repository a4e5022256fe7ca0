/* Adopted sockets, real ones: TCP and UNIX, listening and connected, and what cannot be adopted. */
#include <arpa/inet.h>

#include "../support/failing_memory.h"
#include "../support/loopback_client.h"
#include "unix_fixture.h"

static int adopt_port(int fd)
{
    TorcClientFactory *factory = Recording_factory(&server);
    int r = TorcReactor_adoptStreamPort(reactor, fd, &factory->base, &port);
    TorcFactory_unref(&factory->base);
    return r;
}

static int adopt_connection(int fd)
{
    TorcClientFactory *factory = Recording_factory(&server);
    int r = TorcReactor_adoptStreamConnection(reactor, fd, &factory->base);
    TorcFactory_unref(&factory->base);
    return r;
}

static int listening_socket(void)
{
    int fd = bound_socket(path);
    ck_assert_int_eq(listen(fd, 5), 0);
    return fd;
}

static int bound_tcp_socket(struct sockaddr_in *ret_name)
{
    socklen_t length = sizeof(*ret_name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *ret_name = loopback_name(0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)ret_name, length), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret_name, &length), 0);
    return fd;
}

static void end_with_path(void)
{
    ck_assert_int_eq(unlink(path), 0);
    end();
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* ---- ports --------------------------------------------------------------------------------- */

START_TEST(an_adopted_port_serves_after_the_caller_has_closed_its_own) /* FD-1 */
{
    begin(_i);
    int fd = listening_socket();
    ck_assert_int_eq(adopt_port(fd), 0);
    ck_assert(is_open(fd));
    close(fd);
    TorcAddress address;
    TorcPort_getHost(port, &address);
    ck_assert_str_eq(address.path, path);
    assert_serves(path);
    ck_assert_uint_eq(server.counts[RECORD_START], 1);
    end_with_path();
}
END_TEST

START_TEST(others_with_the_socket_go_on) /* FD-2 */
{
    begin(_i);
    int fd = listening_socket();
    ck_assert_int_eq(adopt_port(fd), 0);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert(exists(path));
    int other = dial();
    int accepted = accept(fd, NULL, NULL);
    ck_assert_int_ge(accepted, 0);
    close(accepted);
    close(other);
    close(fd);
    end_with_path();
}
END_TEST

START_TEST(an_adopted_port_listens_once)
{
    begin(0);
    int fd = listening_socket();
    ck_assert_int_eq(adopt_port(fd), 0);
    TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_startListening(port), -EALREADY);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcPort_startListening(port), -EOPNOTSUPP);
    TorcPort_unref(port);
    close(fd);
    end_with_path();
}
END_TEST

START_TEST(a_tcp_port_can_be_adopted)
{
    begin(_i);
    struct sockaddr_in name;
    int fd = bound_tcp_socket(&name);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(adopt_port(fd), 0);
    close(fd);
    TorcAddress address;
    TorcPort_getHost(port, &address);
    ck_assert_uint_eq(address.port, ntohs(name.sin_port));

    int other = dial_name(&name);
    turn_until(server.transport);
    ck_assert_int_eq(server.peer.family, TORC_ADDRESS_IPV4);
    close(other);
    turn_until(!server.transport);
    end();
}
END_TEST

/* ---- connections --------------------------------------------------------------------------- */

START_TEST(an_adopted_connection_begins_in_the_next_turn) /* FD-3 */
{
    begin(_i);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(adopt_connection(ends[0]), 0);
    ck_assert_str_eq(server.log, "");
    close(ends[0]);
    ck_assert_int_eq(write(ends[1], "hello", 5), 5);
    turn_until(server.received_length == 5);
    ck_assert_int_eq(server.peer.family, TORC_ADDRESS_UNIX);
    ck_assert_int_eq(TorcTransport_write(server.transport, "answer", 6), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    char answer[16];
    ck_assert_int_eq(read(ends[1], answer, sizeof(answer)), 6);
    close(ends[1]);
    turn_until(!server.transport);
    ck_assert_str_eq(server.log, "made data:5 lost:DONE");
    ck_assert_str_eq(server.factory_log, ""); /* neither started nor stopped */
    end();
}
END_TEST

START_TEST(a_tcp_connection_can_be_adopted) /* FD-3 */
{
    begin(_i);
    struct sockaddr_in name;
    int listener = bound_tcp_socket(&name);
    ck_assert_int_eq(listen(listener, 5), 0);
    int fd = dial_name(&name);
    ck_assert_int_eq(adopt_connection(fd), 0);
    turn_until(server.transport);
    ck_assert_uint_eq(server.peer.port, ntohs(name.sin_port));
    close(fd);
    TorcTransport_abortConnection(server.transport);
    turn_until(!server.transport);
    close(listener);
    end();
}
END_TEST

START_TEST(a_refused_protocol_closes_it) /* FD-3 */
{
    begin(_i);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    server.refuse = true;
    ck_assert_int_eq(adopt_connection(ends[0]), 0);
    close(ends[0]);
    char byte;
    turn_until(server.counts[RECORD_BUILD] == 1);
    ck_assert_int_eq(read(ends[1], &byte, 1), 0);
    close(ends[1]);
    end();
}
END_TEST

static char logged[64];

static void note_event(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    snprintf(logged, sizeof(logged), "%s", event->name);
}

START_TEST(a_failed_protocol_closes_it_and_is_logged)
{
    begin(0);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    torc_setLogObserver(note_event, NULL, TORC_LOG_WARNING);
    server.build_code = -EPERM;
    ck_assert_int_eq(adopt_connection(ends[0]), 0);
    close(ends[0]);
    turn_until(server.counts[RECORD_BUILD] == 1);
    ck_assert_str_eq(logged, "adopt.connection-failed");
    torc_setLogObserver(NULL, NULL, TORC_LOG_WARNING);
    close(ends[1]);
    end();
}
END_TEST

START_TEST(a_reactor_that_is_freed_before_closes_it)
{
    begin(_i);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(adopt_connection(ends[0]), 0);
    close(ends[0]);
    close(ends[1]);
    end();
    ck_assert_str_eq(server.log, "");
}
END_TEST

/* The first connection keeps the shutdown waiting, so that the second's turn comes while it lasts. */
static int second_end;

static void stop_and_adopt(Recording *recording)
{
    if (recording->counts[RECORD_MADE] > 1)
        return;
    static char much[4 * 1024 * 1024];
    ck_assert_int_eq(TorcTransport_write(recording->transport, much, sizeof(much)), 0);
    ck_assert_int_eq(adopt_connection(second_end), 0);
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

START_TEST(nothing_begins_while_the_reactor_stops)
{
    begin(_i);
    int first[2];
    int second[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, first), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second), 0);
    second_end = second[0];
    server.on[RECORD_MADE] = stop_and_adopt;
    ck_assert_int_eq(adopt_connection(first[0]), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_uint_eq(server.counts[RECORD_BUILD], 1);
    for (int i = 0; i < 2; i++) {
        close(first[i]);
        close(second[i]);
    }
    end();
}
END_TEST

/* ---- what cannot be adopted ---------------------------------------------------------------- */

static void assert_refused(int fd, int port_code, int connection_code)
{
    ck_assert_int_eq(adopt_port(fd), port_code);
    ck_assert_int_eq(adopt_connection(fd), connection_code);
    ck_assert_str_eq(server.factory_log, "");
}

START_TEST(what_is_no_stream_socket_is_refused) /* FD-1 */
{
    begin(0);
    int ends[2];
    assert_refused(-1, -EBADF, -EBADF);
    assert_refused(1000, -EBADF, -EBADF);
    ck_assert_int_eq(pipe(ends), 0);
    assert_refused(ends[0], -ENOTSOCK, -ENOTSOCK);
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    assert_refused(ends[0], -EPROTOTYPE, -EPROTOTYPE);
    close(ends[0]);
    close(ends[1]);
    end();
}
END_TEST

START_TEST(a_socket_in_the_wrong_state_is_refused)
{
    begin(0);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(adopt_port(ends[0]), -EINVAL);
    close(ends[0]);
    close(ends[1]);
    int fd = bound_socket(path);
    assert_refused(fd, -EINVAL, -ENOTCONN);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(adopt_connection(fd), -ENOTCONN);
    close(fd);
    end_with_path();
}
END_TEST

static int foreign_name(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    (void)system;
    (void)fd;
    ret_name->sa_family = AF_VSOCK;
    *length = 16;
    return 0;
}

START_TEST(an_unknown_family_is_refused) /* FD-1 */
{
    begin(0);
    int fd = listening_socket();
    ops.getsockname = foreign_name;
    assert_refused(fd, -EAFNOSUPPORT, -EAFNOSUPPORT);
    close(fd);
    end_with_path();
}
END_TEST

static int no_duplicate(TorcSystem *system, int fd)
{
    (void)system;
    (void)fd;
    return -EMFILE;
}

static int no_change(TorcSystem *system, int fd, bool blocking)
{
    (void)system;
    (void)fd;
    (void)blocking;
    return -EIO;
}

START_TEST(no_descriptor_leaves_nothing_behind)
{
    begin(0);
    int ends[2];
    int fd = listening_socket();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ops.duplicate = no_duplicate;
    ck_assert_int_eq(adopt_port(fd), -EMFILE);
    ck_assert_int_eq(adopt_connection(ends[0]), -EMFILE);
    ops.duplicate = real_ops->duplicate;
    ops.setBlocking = no_change;
    ck_assert_int_eq(adopt_port(fd), -EIO);
    ck_assert_int_eq(adopt_connection(ends[0]), -EIO);
    ck_assert_str_eq(server.factory_log, "");
    close(ends[0]);
    close(ends[1]);
    close(fd);
    end_with_path();
}
END_TEST

START_TEST(null_is_refused)
{
    begin(0);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_adoptStreamPort(NULL, 0, factory, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_adoptStreamPort(reactor, 0, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_adoptStreamConnection(NULL, 0, factory), -EINVAL);
    ck_assert_int_eq(TorcReactor_adoptStreamConnection(reactor, 0, NULL), -EINVAL);
    TorcFactory_unref(factory);
    end();
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

/* Adopts both kinds while allocation k fails. True: none was left to fail. */
static bool adopt_without(long k)
{
    begin(0);
    int ends[2];
    int fd = listening_socket();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    TorcClientFactory *factory = Recording_factory(&server);
    long before = FailingMemory_allocations();
    failing_memory.fail_at = k < 0 ? -1 : before + k;
    int first = TorcReactor_adoptStreamPort(reactor, fd, &factory->base, &port);
    int second = TorcReactor_adoptStreamConnection(reactor, ends[0], &factory->base);
    turn_for(k < 0 ? 0.1 : 0.001); /* until all there is has been used once, on any machine */
    bool done = FailingMemory_allocations() <= before + k;
    FailingMemory_recover();
    TorcFactory_unref(&factory->base);
    ck_assert(first == 0 || first == -ENOMEM);
    ck_assert(second == 0 || second == -ENOMEM);
    close(ends[0]);
    close(ends[1]);
    close(fd);
    end_with_path();
    return done;
}

START_TEST(no_memory_leaves_nothing_behind)
{
    FailingMemory_start(-1);
    (void)adopt_without(-1);
    long kept = FailingMemory_live(); /* class tables stay resolved */
    long k = 0;
    for (bool done = false; !done; k++) {
        done = adopt_without(k);
        ck_assert_int_eq(FailingMemory_live(), kept);
    }
    ck_assert_int_gt(k, 5);
    FailingMemory_stop();
}
END_TEST

RUN_LOOP_TESTS("adopted sockets",
               {an_adopted_port_serves_after_the_caller_has_closed_its_own, BACKENDS},
               {others_with_the_socket_go_on, BACKENDS}, {an_adopted_port_listens_once, 1},
               {a_tcp_port_can_be_adopted, BACKENDS},
               {an_adopted_connection_begins_in_the_next_turn, BACKENDS},
               {a_tcp_connection_can_be_adopted, BACKENDS},
               {a_refused_protocol_closes_it, BACKENDS},
               {a_failed_protocol_closes_it_and_is_logged, 1},
               {a_reactor_that_is_freed_before_closes_it, BACKENDS},
               {nothing_begins_while_the_reactor_stops, BACKENDS},
               {what_is_no_stream_socket_is_refused, 1},
               {a_socket_in_the_wrong_state_is_refused, 1}, {an_unknown_family_is_refused, 1},
               {no_descriptor_leaves_nothing_behind, 1}, {null_is_refused, 1},
               {no_memory_leaves_nothing_behind, 1})
