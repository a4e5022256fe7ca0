/* UNIX sockets on the simulated kernel: both ends are the library's, in each mode of readiness, and
 * time is virtual. */
#include <sys/stat.h>
#include <sys/un.h>

#include "reactor/reactor_internal.h" /* before a variable of the fixture has its name */

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

#define SOCKET "/run/chat"
#define LOCK SOCKET ".lock"

static Recording client;
static TorcConnector *connector;

static int listen_at(const char *address)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    int r = TorcReactor_listenUNIX(reactor, address, &factory->base, NULL, &port);
    TorcFactory_unref(&factory->base);
    return r;
}

static void connect_at(const char *address, double timeout)
{
    TorcClientFactory *factory = Recording_factory(&client);
    int r = TorcReactor_connectUNIX(reactor, address, factory,
                                    TORC_CONNECT_UNIX_OPTIONS(.timeout = timeout), &connector);
    ck_assert_int_eq(r, 0);
    TorcFactory_unref(&factory->base);
}

static void begin_pair(int mode)
{
    begin(mode);
    ck_assert_int_eq(listen_at(SOCKET), 0);
    connect_at(SOCKET, 0);
    settle();
}

static void end_pair(void)
{
    end();
    Recording_done(&client);
}

START_TEST(a_conversation)
{
    rec.on[RECORD_DATA] = echo;
    begin_pair(_i);
    ck_assert_int_eq(TorcTransport_write(client.transport, "hello", 5), 0);
    settle();
    ck_assert_str_eq(Recording_received(&client), "hello");
    TorcTransport_loseConnection(client.transport);
    settle();
    ck_assert_str_eq(rec.log, "made data:5 lost:DONE");
    ck_assert_str_eq(client.log, "started made data:5 lost:DONE client-lost:DONE");
    end_pair();
}
END_TEST

/* More than both sockets hold; the last byte arrives though the sender has asked for the end. */
START_TEST(much_output_arrives_whole)
{
    begin_pair(_i);
    size_t length = _i >= EDGE_BYTEWISE ? 3000 : 3 * 1024 * 1024;
    ck_assert_int_eq(write_pattern(length), 0);
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_uint_eq(client.received_length, length);
    assert_pattern(client.received, length);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_DONE);
    end_pair();
}
END_TEST

START_TEST(half_a_close_leaves_the_other_half)
{
    rec.half_closeable = true;
    begin_pair(_i);
    ck_assert_int_eq(TorcTransport_write(client.transport, "ask", 3), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(client.transport), 0);
    settle();
    ck_assert_str_eq(rec.log, "made data:3 eof");
    ck_assert_int_eq(write_text("answer"), 0);
    lose(&rec);
    settle();
    ck_assert_str_eq(Recording_received(&client), "answer");
    end_pair();
}
END_TEST

START_TEST(who_is_paused_hears_that_the_peer_has_gone)
{
    rec.on[RECORD_MADE] = pause_reading;
    begin_pair(_i);
    TorcTransport_abortConnection(client.transport);
    settle();
    ck_assert_str_eq(rec.log, _i == EDGE ? "made lost:DONE" : "made");
    if (rec.transport)
        TorcTransport_resumeProducing(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end_pair();
}
END_TEST

/* ---- files --------------------------------------------------------------------------------- */

START_TEST(files_come_and_go_with_the_port)
{
    begin(EDGE);
    ck_assert_int_eq(listen_at(SOCKET), 0);
    ck_assert_int_eq(TorcSim_fileMode(sim, SOCKET), S_IFSOCK | 0666);
    ck_assert_int_eq(TorcSim_fileMode(sim, LOCK), S_IFREG | 0600);
    ck_assert_int_eq(listen_at(SOCKET), -EADDRINUSE);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcSim_fileMode(sim, SOCKET), -ENOENT);
    ck_assert_int_eq(TorcSim_fileMode(sim, LOCK), -ENOENT);
    end();
}
END_TEST

/* A socket bound to the path by other code of the process. */
static int bound_socket(void)
{
    TorcSystem *system = reactor->system;
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = SOCKET};
    int fd = system->ops->socket(system, AF_UNIX, SOCK_STREAM);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(system->ops->bind(system, fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

static void close_socket(int fd)
{
    ck_assert_int_eq(reactor->system->ops->close(reactor->system, fd), 0);
}

START_TEST(a_dead_servers_socket_is_replaced) /* UNIX-1 */
{
    begin(EDGE);
    close_socket(bound_socket());
    ck_assert_int_eq(TorcSim_writeFile(sim, LOCK, "", 0), 0);
    ck_assert_int_eq(listen_at(SOCKET), 0);
    connect_at(SOCKET, 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    end_pair();
}
END_TEST

/* ---- a full queue, in virtual time --------------------------------------------------------- */

static int full_server;
static int queued;

static void begin_full(void)
{
    TorcSystem *system = reactor->system;
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = SOCKET};
    full_server = bound_socket();
    ck_assert_int_eq(system->ops->listen(system, full_server, 0), 0);
    queued = system->ops->socket(system, AF_UNIX, SOCK_STREAM);
    ck_assert_int_eq(system->ops->connect(system, queued, (struct sockaddr *)&name, sizeof(name)),
                     0);
}

static void end_full(void)
{
    close_socket(queued);
    close_socket(full_server);
    ck_assert_int_eq(TorcSim_removeFile(sim, SOCKET), 0);
    end_pair();
}

START_TEST(patience_lasts_for_the_default_of_30_seconds) /* CONN-3 */
{
    begin(EDGE);
    begin_full();
    connect_at(SOCKET, 0);
    TorcSim_advance(sim, 29.9);
    ck_assert_str_eq(client.log, "started");
    TorcSim_advance(sim, 0.2);
    ck_assert_str_eq(client.log, "started failed:TIMED_OUT");
    ck_assert_str_eq(client.text, "cannot connect to unix:" SOCKET " within 30 s");
    end_full();
}
END_TEST

START_TEST(without_a_timeout_it_lasts_until_there_is_room)
{
    begin(EDGE);
    begin_full();
    connect_at(SOCKET, -1);
    TorcSim_advance(sim, 3600);
    ck_assert_str_eq(client.log, "started");
    int fd = reactor->system->ops->accept(reactor->system, full_server, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    TorcSim_advance(sim, 0.3);
    ck_assert_str_eq(client.log, "started made");
    close_socket(fd);
    TorcTransport_abortConnection(client.transport);
    settle();
    end_full();
}
END_TEST

static void connect_again(Recording *recording)
{
    if (recording->counts[RECORD_FAILED] == 1)
        ck_assert_int_eq(TorcConnector_connect(recording->connector), 0);
}

START_TEST(another_attempt_begins_with_the_shortest_delay)
{
    begin(EDGE);
    begin_full();
    client.on[RECORD_FAILED] = connect_again;
    connect_at(SOCKET, 10);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(client.log, "started failed:TIMED_OUT started");
    int fd = reactor->system->ops->accept(reactor->system, full_server, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    TorcSim_advance(sim, 0.01);
    ck_assert_str_eq(client.log, "started failed:TIMED_OUT started made");
    close_socket(fd);
    TorcTransport_abortConnection(client.transport);
    settle();
    end_full();
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

/* A whole conversation in which allocation k fails. True: none was left to fail. */
static bool talk_without(long k)
{
    begin(EDGE);
    rec.on[RECORD_DATA] = lose;
    TorcClientFactory *serving = Recording_factory(&rec);
    TorcClientFactory *asking = Recording_factory(&client);
    long before = FailingMemory_allocations();
    failing_memory.fail_at = k < 0 ? -1 : before + k;
    int r = TorcReactor_listenUNIX(reactor, SOCKET, &serving->base, NULL, NULL);
    ck_assert(r == 0 || r == -ENOMEM);
    int s = TorcReactor_connectUNIX(reactor, SOCKET, asking, NULL, NULL);
    ck_assert(s == 0 || s == -ENOMEM);
    TorcSim_advance(sim, 1);
    if (client.transport)
        (void)TorcTransport_write(client.transport, "hello", 5);
    TorcSim_advance(sim, 1);
    bool done = FailingMemory_allocations() <= before + k;
    FailingMemory_recover();
    TorcFactory_unref(&serving->base);
    TorcFactory_unref(&asking->base);
    end_pair();
    ck_assert_uint_eq(client.counts[RECORD_FAILED] + client.counts[RECORD_CLIENT_LOST], s == 0);
    rec = client = (Recording){0};
    return done;
}

START_TEST(no_memory_leaves_nothing_behind)
{
    ck_assert_int_gt(FailingMemory_tryAll(talk_without), 10);
}
END_TEST

RUN_LOOP_TESTS("UNIX sockets, simulated", {a_conversation, MODES},
               {much_output_arrives_whole, MODES}, {half_a_close_leaves_the_other_half, MODES},
               {who_is_paused_hears_that_the_peer_has_gone, WHOLE_MODES},
               {files_come_and_go_with_the_port, 1}, {a_dead_servers_socket_is_replaced, 1},
               {patience_lasts_for_the_default_of_30_seconds, 1},
               {without_a_timeout_it_lasts_until_there_is_room, 1},
               {another_attempt_begins_with_the_shortest_delay, 1},
               {no_memory_leaves_nothing_behind, 1})
