/* UNIX connectors on real sockets: how attempts go, patience with a full queue, addresses,
 * credentials, and what UNIX transports have not. */
#include "../support/failing_memory.h"
#include "unix_fixture.h"

static void connect_now(void)
{
    ck_assert_int_eq(connect_with(path, NULL), 0);
}

/* Turns until the attempt has failed. */
static void fail_to_connect(void)
{
    connect_now();
    ck_assert_str_eq(client.log, ""); /* never before the call has returned */
    turn_until(client.counts[RECORD_FAILED] == 1);
}

static void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

/* ---- success ------------------------------------------------------------------------------- */

START_TEST(a_client_connects_talks_and_ends)
{
    begin(_i);
    server.on[RECORD_DATA] = lose;
    serve();
    connect_now();
    ck_assert_str_eq(client.log, "");
    turn_until(client.transport);
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_CONNECTED);
    ck_assert_int_eq(TorcTransport_write(client.transport, "hello", 5), 0);
    turn_until(client.counts[RECORD_CLIENT_LOST] == 1);
    ck_assert_str_eq(server.log, "made data:5 lost:DONE");
    ck_assert_str_eq(client.log, "started made lost:DONE client-lost:DONE");
    ck_assert_str_eq(client.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(the_destination_is_the_address_and_no_port) /* CONN-14 */
{
    begin(0);
    connect_now();
    uint16_t number = 1;
    ck_assert_str_eq(TorcConnector_getDestination(connector, &number), path);
    ck_assert_uint_eq(number, 0);
    end();
}
END_TEST

static void check_client_addresses(Recording *recording)
{
    assert_addresses(recording->transport, "", path);
}

START_TEST(a_clients_connection_knows_both_addresses_also_when_lost) /* UNIX-5 */
{
    begin(_i);
    client.on[RECORD_MADE] = client.on[RECORD_LOST] = check_client_addresses;
    server.on[RECORD_MADE] = lose;
    serve();
    connect_now();
    turn_until(client.counts[RECORD_CLIENT_LOST] == 1);
    ck_assert_int_eq(client.peer.family, TORC_ADDRESS_UNIX);
    ck_assert_str_eq(client.peer.path, path);
    end();
}
END_TEST

static TorcCredentials seen;

static void ask_credentials(Recording *recording)
{
    seen = (TorcCredentials){0};
    ck_assert_int_eq(TorcTransport_getPeerCredentials(recording->transport, &seen), 0);
}

START_TEST(the_peers_credentials_are_known_also_when_it_is_gone)
{
    begin(_i);
    server.on[RECORD_MADE] = server.on[RECORD_LOST] = ask_credentials;
    serve();
    int fd = dial();
    turn_until(server.transport);
    ck_assert_int_eq(seen.pid, getpid());
    ck_assert_uint_eq(seen.uid, getuid());
    ck_assert_uint_eq(seen.gid, getgid());
    close(fd);
    turn_until(!server.transport);
    ck_assert_int_eq(seen.pid, getpid());
    end();
}
END_TEST

static void check_options(Recording *recording)
{
    TorcTransport *transport = recording->transport;
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(transport, true), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(transport), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_setTcpKeepAlive(transport, true), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(transport), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_setTcpKeepAliveTimes(transport, 1, 1, 1), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(transport, 1), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_setSendBufferSize(transport, 65536), 0);
    ck_assert_int_ge(TorcTransport_getSendBufferSize(transport), 65536);
}

START_TEST(tcp_options_are_not_supported)
{
    begin(0);
    server.on[RECORD_MADE] = check_options;
    serve();
    int fd = dial();
    turn_until(server.transport);
    close(fd);
    turn_until(!server.transport);
    end();
}
END_TEST

static void check_no_credentials(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_getPeerCredentials(recording->transport, &seen), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getPeerCredentials(recording->transport, NULL), -EINVAL);
    ck_assert_int_eq(TorcTransport_getPeerCredentials(NULL, &seen), -EINVAL);
    TorcTransport_loseConnection(recording->transport);
}

START_TEST(tcp_has_no_credentials)
{
    begin(0);
    server.on[RECORD_MADE] = check_no_credentials;
    TorcClientFactory *factory = Recording_factory(&server);
    TorcAddress address;
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 0, &factory->base,
                                           TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port),
                     0);
    TorcFactory_unref(&factory->base);
    TorcPort_getHost(port, &address);
    factory = Recording_factory(&client);
    ck_assert_int_eq(
        TorcReactor_connectTCP(reactor, "127.0.0.1", address.port, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    turn_until(client.counts[RECORD_CLIENT_LOST] == 1);
    end();
}
END_TEST

START_TEST(abort_ends_it_on_both_sides)
{
    begin(_i);
    serve();
    connect_now();
    turn_until(client.transport && server.transport);
    ck_assert_int_eq(TorcTransport_write(client.transport, "unread", 6), 0);
    TorcTransport_abortConnection(client.transport);
    turn_until(client.counts[RECORD_CLIENT_LOST] == 1 && !server.transport);
    ck_assert_str_eq(client.log, "started made lost:ABORTED client-lost:ABORTED");
    ck_assert_str_eq(server.log, "made lost:DONE");
    end();
}
END_TEST

/* ---- failure ------------------------------------------------------------------------------- */

START_TEST(no_such_path_is_a_failed_attempt) /* UNIX-5 */
{
    begin(_i);
    char text[128];
    snprintf(text, sizeof(text), "cannot connect to unix:%s: %s", path, torc_strerror(-ENOENT));
    fail_to_connect();
    ck_assert_str_eq(client.log, "started failed:FAILED");
    ck_assert_int_eq(client.code, -ENOENT);
    ck_assert_str_eq(client.text, text);
    ck_assert_str_eq(client.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(nobody_listening_is_a_refusal) /* UNIX-5 */
{
    begin(_i);
    leave_stale(path);
    fail_to_connect();
    ck_assert_str_eq(client.log, "started failed:REFUSED");
    ck_assert_int_eq(client.code, -ECONNREFUSED);
    ck_assert_int_eq(unlink(path), 0);
    end();
}
END_TEST

START_TEST(no_permission_is_a_failed_attempt) /* UNIX-5 */
{
    begin(0);
    ck_assert_int_eq(listen_with(path, TORC_LISTEN_UNIX_OPTIONS(.mode = 0400)), 0);
    protect_directory();
    fail_to_connect();
    unprotect_directory();
    ck_assert_int_eq(client.code, -EACCES);
    end();
}
END_TEST

START_TEST(what_is_no_socket_refuses)
{
    begin(0);
    write_file(path, "");
    fail_to_connect();
    ck_assert_int_eq(client.code, -ECONNREFUSED);
    ck_assert_int_eq(unlink(path), 0);
    end();
}
END_TEST

static void connect_again(Recording *recording)
{
    if (recording->counts[RECORD_FAILED] < 3)
        ck_assert_int_eq(TorcConnector_connect(recording->connector), 0);
}

START_TEST(a_factory_may_connect_again) /* CONN-6 */
{
    begin(_i);
    client.on[RECORD_FAILED] = connect_again;
    connect_now();
    turn_until(client.counts[RECORD_FAILED] == 3);
    ck_assert_str_eq(client.factory_log, "start stop");
    end();
}
END_TEST

static int fail_socket(TorcSystem *system, int family, int type)
{
    (void)system;
    (void)family;
    (void)type;
    return -EMFILE;
}

START_TEST(no_descriptor_is_a_failed_attempt)
{
    begin(0);
    ops.socket = fail_socket;
    fail_to_connect();
    ck_assert_int_eq(client.code, -EMFILE);
    end();
}
END_TEST

START_TEST(a_refused_protocol_is_a_lost_connection) /* CONN-5 */
{
    begin(0);
    serve();
    client.refuse = true;
    connect_now();
    turn_until(client.counts[RECORD_CLIENT_LOST] == 1);
    ck_assert_str_eq(client.log, "started client-lost:NO_PROTOCOL");
    turn_until(server.counts[RECORD_LOST] == 1);
    end();
}
END_TEST

/* ---- a full queue -------------------------------------------------------------------------- */

enum { QUEUE = 2 }; /* Linux takes one more than listen was told */

static int full_server;
static int queued[QUEUE];

/* Somebody listens at the path, whose queue is full. */
static void begin_full(int backend)
{
    begin(backend);
    full_server = bound_socket(path);
    ck_assert_int_eq(listen(full_server, QUEUE - 1), 0);
    for (int i = 0; i < QUEUE; i++)
        queued[i] = dial();
}

static void end_full(void)
{
    for (int i = 0; i < QUEUE; i++)
        close(queued[i]);
    close(full_server);
    ck_assert_int_eq(unlink(path), 0);
    end();
}

static void make_room(void)
{
    int fd = accept(full_server, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

START_TEST(a_full_queue_is_tried_again) /* UNIX-5 */
{
    begin_full(_i);
    connect_now();
    turn_for(0.1);
    ck_assert_str_eq(client.log, "started");
    make_room();
    turn_until(client.transport);
    TorcTransport_loseConnection(client.transport);
    turn_until(client.counts[RECORD_CLIENT_LOST] == 1);
    end_full();
}
END_TEST

static int connect_calls;

static int count_connects(TorcSystem *system, int fd, const struct sockaddr *name, socklen_t length)
{
    connect_calls++;
    return real_ops->connect(system, fd, name, length);
}

START_TEST(it_is_tried_ever_more_seldom)
{
    begin_full(0);
    connect_calls = 0;
    ops.connect = count_connects;
    connect_now();
    turn_for(0.3);
    ck_assert_int_ge(connect_calls, 3);
    ck_assert_int_le(connect_calls, 10); /* 1, 2, 4, … ms */
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    turn_until(client.counts[RECORD_FAILED] == 1);
    end_full();
}
END_TEST

START_TEST(patience_ends_with_the_timeout) /* CONN-3 */
{
    begin_full(_i);
    char text[128];
    snprintf(text, sizeof(text), "cannot connect to unix:%s within 0.05 s", path);
    ck_assert_int_eq(connect_with(path, TORC_CONNECT_UNIX_OPTIONS(.timeout = 0.05)), 0);
    turn_until(client.counts[RECORD_FAILED] == 1);
    ck_assert_str_eq(client.log, "started failed:TIMED_OUT");
    ck_assert_int_eq(client.code, -ETIMEDOUT);
    ck_assert_str_eq(client.text, text);
    end_full();
}
END_TEST

START_TEST(an_attempt_that_waits_can_be_stopped) /* CONN-8 */
{
    begin_full(_i);
    connect_now();
    turn_until(client.counts[RECORD_STARTED] == 1);
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_str_eq(client.log, "started");
    turn_until(client.counts[RECORD_FAILED] == 1);
    ck_assert_str_eq(client.log, "started failed:CANCELLED");
    end_full();
}
END_TEST

START_TEST(freeing_the_reactor_ends_an_attempt_that_waits) /* CONN-13 */
{
    begin_full(_i);
    connect_now();
    turn_until(client.counts[RECORD_STARTED] == 1);
    end_full();
    ck_assert_int_eq(client.kind, TORC_CONNECTION_SHUTDOWN);
}
END_TEST

/* ---- interrupted system calls -------------------------------------------------------------- */

static int interrupt_after(TorcSystem *system, int fd, const struct sockaddr *name,
                           socklen_t length)
{
    int r = real_ops->connect(system, fd, name, length);
    return connect_calls++ == 0 && r == 0 ? -EINTR : r;
}

START_TEST(an_interrupted_connect_counts)
{
    begin(0);
    connect_calls = 0;
    ops.connect = interrupt_after;
    serve();
    connect_now();
    turn_until(client.transport && server.transport);
    ck_assert_int_eq(connect_calls, 2);
    end();
}
END_TEST

/* ---- bad input ----------------------------------------------------------------------------- */

START_TEST(bad_arguments_are_refused)
{
    begin(0);
    char longest[109];
    memset(longest, 'x', 108);
    longest[108] = '\0';
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectUNIX(NULL, path, factory, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_connectUNIX(reactor, NULL, factory, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_connectUNIX(reactor, path, NULL, NULL, NULL), -EINVAL);
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(connect_with("", NULL), -EINVAL);
    ck_assert_int_eq(connect_with("@", NULL), -EINVAL);
    ck_assert_int_eq(connect_with(longest, NULL), -ENAMETOOLONG); /* UNIX-3 */
    ck_assert_int_eq(connect_with(path, &(TorcConnectUNIXOptions){0}), -EINVAL);
    ck_assert_int_eq(connect_with(path, TORC_CONNECT_UNIX_OPTIONS(.timeout = 0.0 / 0.0)), -EINVAL);
    ck_assert_str_eq(client.factory_log, "");
    end();
}
END_TEST

START_TEST(init_fills_in_defaults)
{
    TorcConnectUNIXOptions options;
    memset(&options, 0xff, sizeof(options));
    TorcConnectUNIXOptions_init(&options);
    TorcConnectUNIXOptions_init(NULL);
    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_double_eq(options.timeout, 0);
    begin(0);
    ck_assert_int_eq(connect_with(path, &options), 0);
    end();
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

/* A server, and a client that waits for room first; allocation k fails. True: none was left to
 * fail. */
static bool talk_without(long k)
{
    begin(0);
    full_server = bound_socket(path);
    ck_assert_int_eq(listen(full_server, 0), 0);
    int first = dial();
    TorcClientFactory *factory = Recording_factory(&client);
    long before = FailingMemory_allocations();
    failing_memory.fail_at = before + k;
    int r = TorcReactor_connectUNIX(reactor, path, factory, NULL, NULL);
    if (r == 0)
        turn_for(0.005);
    make_room();
    if (r == 0)
        turn_until(client.transport || client.counts[RECORD_FAILED] == 1 ||
                   client.counts[RECORD_CLIENT_LOST] == 1);
    bool done = k >= 0 && FailingMemory_allocations() <= before + k;
    FailingMemory_recover();
    if (client.transport)
        TorcTransport_abortConnection(client.transport);
    TorcFactory_unref(&factory->base);
    ck_assert(r == 0 || r == -ENOMEM);
    close(first);
    close(full_server);
    ck_assert_int_eq(unlink(path), 0);
    end();
    ck_assert_uint_eq(client.counts[RECORD_FAILED] + client.counts[RECORD_CLIENT_LOST], r == 0);
    return done;
}

START_TEST(no_memory_is_a_failed_attempt)
{
    ck_assert_int_gt(FailingMemory_tryAll(talk_without), 5);
}
END_TEST

RUN_LOOP_TESTS("UNIX connectors", {a_client_connects_talks_and_ends, BACKENDS},
               {the_destination_is_the_address_and_no_port, 1},
               {a_clients_connection_knows_both_addresses_also_when_lost, BACKENDS},
               {the_peers_credentials_are_known_also_when_it_is_gone, BACKENDS},
               {tcp_options_are_not_supported, 1}, {tcp_has_no_credentials, 1},
               {abort_ends_it_on_both_sides, BACKENDS},
               {no_such_path_is_a_failed_attempt, BACKENDS},
               {nobody_listening_is_a_refusal, BACKENDS}, {no_permission_is_a_failed_attempt, 1},
               {what_is_no_socket_refuses, 1}, {a_factory_may_connect_again, BACKENDS},
               {no_descriptor_is_a_failed_attempt, 1}, {a_refused_protocol_is_a_lost_connection, 1},
               {a_full_queue_is_tried_again, BACKENDS}, {it_is_tried_ever_more_seldom, 1},
               {patience_ends_with_the_timeout, BACKENDS},
               {an_attempt_that_waits_can_be_stopped, BACKENDS},
               {freeing_the_reactor_ends_an_attempt_that_waits, BACKENDS},
               {an_interrupted_connect_counts, 1}, {bad_arguments_are_refused, 1},
               {init_fills_in_defaults, 1}, {no_memory_is_a_failed_attempt, 1})
