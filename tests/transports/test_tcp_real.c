/* A few conversations over real sockets, on each of libevent's backends: what the simulation
 * cannot vouch for. Everything binds port 0 on the loopback interface. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <torc/torc.h>

#include "../support/loopback_client.h"
#include "../support/recorder.h"
#include "../support/run_tests.h"

static const char *const backends[] = {"epoll", "poll", "select"};
enum { BACKENDS = 3 };

static TorcReactor *reactor;
static Recording server;
static uint16_t number;

static void begin(int backend)
{
    server = (Recording){0}; /* tests that do not fork find it used */
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = backends[backend]));
    ck_assert_ptr_nonnull(reactor);
    ck_assert_str_eq(TorcReactor_backend(reactor), backends[backend]);
}

static void serve(const char *interface)
{
    TorcPort *port;
    TorcAddress address;
    TorcClientFactory *factory = Recording_factory(&server);
    int r = TorcReactor_listenTCP(reactor, 0, &factory->base,
                                  TORC_LISTEN_OPTIONS(.interface = interface), &port);
    ck_assert_int_eq(r, 0);
    TorcFactory_unref(&factory->base);
    TorcPort_getHost(port, &address);
    number = address.port;
}

static void end(void)
{
    TorcReactor_free(reactor);
    Recording_done(&server);
}

/* Turns until the condition holds; a test that waits in vain runs into its time limit. */
#define turn_until(condition)                                                                      \
    do                                                                                             \
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);                                    \
    while (!(condition))

static void turn_for(double seconds)
{
    double until = TorcReactor_seconds(reactor) + seconds;
    while (TorcReactor_seconds(reactor) < until)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.02), 0);
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void reset(int fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd);
}

/* All that comes until the end or an error: 0 or -errno. */
static int read_all(int fd, char *buffer, size_t size, size_t *ret_length)
{
    size_t length = 0;
    ssize_t n;
    while ((n = recv(fd, buffer + length, size - 1 - length, 0)) > 0)
        length += (size_t)n;
    buffer[length] = '\0';
    *ret_length = length;
    return n < 0 ? -errno : 0;
}

static void echo(Recording *recording)
{
    size_t from = recording->received_length - recording->chunk;
    (void)TorcTransport_write(recording->transport, recording->received + from, recording->chunk);
}

static void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

static void stop(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

/* ---- conversations ------------------------------------------------------------------------- */

START_TEST(a_client_that_sends_and_shuts_its_side_gets_its_whole_echo) /* CLOSE-7, BUG-9 */
{
    char buffer[64];
    size_t length;
    begin(_i);
    server.on[RECORD_DATA] = echo;
    serve(NULL);
    int fd = dial_number(number);
    say(fd, "hello");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    turn_until(server.counts[RECORD_DESTROY] == 1);
    ck_assert_int_eq(read_all(fd, buffer, sizeof(buffer), &length), 0);
    ck_assert_str_eq(buffer, "hello");
    ck_assert_str_eq(server.log, "made data:5 lost:DONE");
    close(fd);
    end();
}
END_TEST

static void write_megabytes(Recording *recording)
{
    enum { SIZE = 8 << 20 };
    uint8_t *bytes = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i % 251);
    ck_assert_int_eq(TorcTransport_writeOwned(recording->transport, bytes, SIZE, free, bytes), 0);
    lose(recording);
}

static void stop_when_lost(Recording *recording)
{
    stop(recording);
}

START_TEST(torc_talks_to_itself_in_bulk) /* WR-11 */
{
    begin(_i);
    Recording client = {.on[RECORD_CLIENT_LOST] = stop_when_lost};
    server.on[RECORD_MADE] = write_megabytes;
    serve("127.0.0.1");
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "127.0.0.1", number, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_str_eq(client.log, "started made data:8388608 lost:DONE client-lost:DONE");
    for (size_t i = 0; i < client.received_length; i++)
        if (client.received[i] != i % 251)
            ck_abort_msg("byte %zu is wrong", i);
    end();
    Recording_done(&client);
}
END_TEST

START_TEST(a_name_is_resolved_and_both_families_are_served)
{
    begin(_i);
    Recording client = {.on[RECORD_MADE] = lose,
                        .on[RECORD_CLIENT_LOST] = stop_when_lost,
                        .on[RECORD_FAILED] = stop_when_lost};
    serve(NULL);
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "localhost", number, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_str_eq(client.log, "started made lost:DONE client-lost:DONE");
    end();
    Recording_done(&client);
}
END_TEST

/* An attempt on 127.0.0.2, where nobody listens at the number that is taken on 127.0.0.1. */
static void expect_refused(const TorcConnectOptions *options)
{
    Recording client = {.on[RECORD_FAILED] = stop_when_lost, .on[RECORD_MADE] = stop_when_lost};
    TorcClientFactory *factory = Recording_factory(&client);
    int r = TorcReactor_connectTCP(reactor, "127.0.0.2", number, factory, options, NULL);
    ck_assert_int_eq(r, 0);
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_str_eq(client.log, "started failed:REFUSED");
    end();
    Recording_done(&client);
}

START_TEST(a_refused_connection_says_so)
{
    begin(_i);
    serve("127.0.0.1");
    expect_refused(NULL);
}
END_TEST

/* A client port equal to the destination connects to itself (RFC 9293 §3.5). */
START_TEST(a_connection_to_itself_is_refused) /* CONN-16 */
{
    begin(_i);
    serve("127.0.0.1");
    expect_refused(TORC_CONNECT_OPTIONS(.bindAddress = "127.0.0.2", .bindPort = number));
}
END_TEST

/* ---- resets -------------------------------------------------------------------------------- */

START_TEST(a_reset_is_noticed) /* CLOSE-9 */
{
    begin(_i);
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    reset(fd);
    turn_until(server.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(server.log, "made lost:LOST");
    ck_assert_int_eq(server.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(a_reset_that_comes_with_data_is_noticed)
{
    begin(_i);
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    say(fd, "hello");
    reset(fd);
    turn_until(server.counts[RECORD_LOST] == 1);
    ck_assert_int_eq(server.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(a_reset_after_the_fin_is_noticed_where_there_are_edges)
{
    begin(0);
    server.half_closeable = true;
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    turn_until(server.counts[RECORD_EOF] == 1);
    reset(fd);
    turn_until(server.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(server.log, "made eof lost:LOST");
    end();
}
END_TEST

START_TEST(the_end_reaches_a_paused_connection_where_there_are_edges) /* PROD-13 */
{
    begin(0);
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    TorcTransport_pauseProducing(server.transport);
    if (_i == 0)
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    if (_i == 2)
        say(fd, "unread");
    if (_i > 0)
        reset(fd);
    turn_until(server.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(server.log, _i == 0 ? "made lost:DONE" : "made lost:LOST");
    if (_i == 0)
        close(fd);
    end();
}
END_TEST

/* ---- closing ------------------------------------------------------------------------------- */

static void answer_and_lose(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, "too much", 8), 0);
    lose(recording);
}

START_TEST(a_client_that_still_sends_gets_the_answer_and_no_reset) /* BUG-10 */
{
    static char block[65536];
    char buffer[64];
    size_t length;
    begin(_i);
    server.on[RECORD_DATA] = answer_and_lose;
    serve(NULL);
    int fd = dial_number(number);
    say(fd, "POST");
    turn_until(server.counts[RECORD_LOST] == 1);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(send(fd, block, sizeof(block), MSG_NOSIGNAL), sizeof(block));
        turn_for(0.002);
    }
    ck_assert_int_eq(read_all(fd, buffer, sizeof(buffer), &length), 0);
    ck_assert_str_eq(buffer, "too much");
    close(fd);
    end();
}
END_TEST

START_TEST(abortConnection_resets)
{
    char buffer[8];
    size_t length;
    begin(_i);
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    TorcTransport_abortConnection(server.transport);
    turn_until(server.counts[RECORD_DESTROY] == 1);
    ck_assert_int_eq(read_all(fd, buffer, sizeof(buffer), &length), -ECONNRESET);
    close(fd);
    end();
}
END_TEST

START_TEST(failConnection_resets_when_output_is_dropped_and_else_closes)
{
    char buffer[8];
    size_t length;
    bool drops = _i % 2;
    begin(_i / 2);
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    if (drops)
        ck_assert_int_eq(TorcTransport_write(server.transport, "x", 1), 0);
    TorcTransport_failConnection(server.transport, NULL);
    turn_until(server.counts[RECORD_DESTROY] == 1);
    ck_assert_int_eq(read_all(fd, buffer, sizeof(buffer), &length), drops ? -ECONNRESET : 0);
    ck_assert_uint_eq(length, 0);
    close(fd);
    end();
}
END_TEST

/* ---- not spinning -------------------------------------------------------------------------- */

static double processor_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Turns for a while and counts the turns, of which an idle loop needs few. */
static int count_turns(double seconds)
{
    double until = TorcReactor_seconds(reactor) + seconds;
    int turns = 0;
    double left;
    while ((left = until - TorcReactor_seconds(reactor)) > 0) {
        ck_assert_int_eq(TorcReactor_iterate(reactor, left), 0);
        turns++;
    }
    return turns;
}

/* More than the kernel takes, whatever it thinks of the connection (tcp_wmem and tcp_rmem). */
static char everything[32 << 20];

static void write_everything(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, everything, sizeof(everything)), 0);
}

START_TEST(neither_full_nor_drained_buffers_turn_the_loop)
{
    static char buffer[65536];
    begin(_i);
    server.on[RECORD_MADE] = write_everything;
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_PAUSE] == 1);
    turn_for(0.05);
    ck_assert_int_lt(count_turns(0.1), 10); /* full */

    size_t length = 0;
    while (length < sizeof(everything)) {
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        length += n > 0 ? (size_t)n : 0;
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    }
    turn_until(TorcTransport_bufferedBytes(server.transport) == 0);
    turn_for(0.05);
    ck_assert_int_lt(count_turns(0.1), 10); /* drained */
    close(fd);
    end();
}
END_TEST

START_TEST(a_half_closed_or_paused_connection_does_not_turn_the_loop)
{
    begin(_i % BACKENDS);
    server.half_closeable = true;
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    if (_i < BACKENDS) {
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        turn_until(server.counts[RECORD_EOF] == 1);
    } else {
        TorcTransport_pauseProducing(server.transport);
        say(fd, "unread");
    }
    turn_for(0.02);
    double used = processor_seconds();
    ck_assert_int_lt(count_turns(0.1), 10);
    ck_assert_double_lt(processor_seconds() - used, 0.09);
    close(fd);
    end();
}
END_TEST

START_TEST(running_out_of_descriptors_does_not_spin_and_recovers) /* LISTEN-9, BUG-1 */
{
    enum { CLIENTS = 8 };
    int fds[CLIENTS];
    struct rlimit before;
    begin(_i);
    serve(NULL);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial_number(number);
    int lowest = dup(0);
    close(lowest);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit tight = {.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    ck_assert_int_lt(count_turns(0.3), 40);
    ck_assert_uint_eq(server.counts[RECORD_MADE], 0);
    for (int i = 0; i < CLIENTS; i++) { /* closed, not left in silence */
        char byte;
        ck_assert_int_eq(recv(fds[i], &byte, 1, MSG_DONTWAIT), 0);
        close(fds[i]);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    close(fd);
    end();
}
END_TEST

/* ---- signals, bursts ----------------------------------------------------------------------- */

static void nothing(int signo)
{
    (void)signo;
}

static void stop_by_timer(void *arg)
{
    stop(arg);
}

START_TEST(a_foreign_signal_does_not_end_the_loop) /* LOOP-15 */
{
    struct sigaction action = {.sa_handler = nothing}; /* without SA_RESTART */
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    const struct itimerval often = {{0, 2000}, {0, 2000}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    begin(_i);
    double before = TorcReactor_seconds(reactor);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.05, stop_by_timer, NULL, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    int r = TorcReactor_run(reactor);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    ck_assert_int_eq(r, 0);
    ck_assert_double_ge(TorcReactor_seconds(reactor) - before, 0.05);
    end();
}
END_TEST

static void raise_term(void *arg)
{
    (void)arg;
    raise(SIGTERM);
}

START_TEST(a_signal_to_end_stops_the_loop_in_order) /* RUN-14 */
{
    begin(_i);
    serve(NULL);
    int fd = dial_number(number);
    turn_until(server.counts[RECORD_MADE] == 1);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.01, raise_term, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_str_eq(server.log, "made lost:DONE");
    close(fd);
    end();
}
END_TEST

START_TEST(a_burst_of_connections_is_served_without_loss)
{
    enum { CLIENTS = 200 };
    int fds[CLIENTS];
    char buffer[64];
    size_t length;
    begin(_i);
    server.on[RECORD_DATA] = echo;
    serve(NULL);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial_number(number);
        say(fds[i], "hello");
        ck_assert_int_eq(shutdown(fds[i], SHUT_WR), 0);
    }
    while (server.counts[RECORD_DESTROY] < CLIENTS) {
        server.log[0] = '\0';
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(read_all(fds[i], buffer, sizeof(buffer), &length), 0);
        ck_assert_str_eq(buffer, "hello");
        close(fds[i]);
    }
    end();
}
END_TEST

int main(void)
{
    const struct {
        const TTest *test;
        int times;
    } tests[] = {
        {a_client_that_sends_and_shuts_its_side_gets_its_whole_echo, BACKENDS},
        {torc_talks_to_itself_in_bulk, BACKENDS},
        {a_name_is_resolved_and_both_families_are_served, BACKENDS},
        {a_refused_connection_says_so, BACKENDS},
        {a_connection_to_itself_is_refused, BACKENDS},
        {a_reset_is_noticed, BACKENDS},
        {a_reset_that_comes_with_data_is_noticed, BACKENDS},
        {a_reset_after_the_fin_is_noticed_where_there_are_edges, 1},
        {the_end_reaches_a_paused_connection_where_there_are_edges, 3},
        {a_client_that_still_sends_gets_the_answer_and_no_reset, BACKENDS},
        {abortConnection_resets, BACKENDS},
        {failConnection_resets_when_output_is_dropped_and_else_closes, 2 * BACKENDS},
        {neither_full_nor_drained_buffers_turn_the_loop, BACKENDS},
        {a_half_closed_or_paused_connection_does_not_turn_the_loop, 2 * BACKENDS},
        {running_out_of_descriptors_does_not_spin_and_recovers, BACKENDS},
        {a_foreign_signal_does_not_end_the_loop, BACKENDS},
        {a_signal_to_end_stops_the_loop_in_order, BACKENDS},
        {a_burst_of_connections_is_served_without_loss, BACKENDS},
    };
    TCase *tcase = tcase_create("TCP on real sockets");
    tcase_set_timeout(tcase, 20);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].times);
    return run_case("TCP on real sockets", tcase);
}
