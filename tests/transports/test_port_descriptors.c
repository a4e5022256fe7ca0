/* Ports on real sockets at their limits: of descriptors, of what the kernel has, of connections. What
 * must not happen is that they spin, and what must is that they recover by themselves. */
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "../support/loopback_client.h"
#include "unix_fixture.h"

static int port_number;

static void echo(Recording *recording)
{
    size_t from = recording->received_length - recording->chunk;
    int r = TorcTransport_write(recording->transport, recording->received + from, recording->chunk);
    ck_assert_int_eq(r, 0);
}

static void listen_tcp(const TorcListenOptions *options)
{
    TorcAddress address;
    TorcClientFactory *factory = Recording_factory(&server);
    server.on[RECORD_DATA] = echo;
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 0, &factory->base, options, &port), 0);
    TorcFactory_unref(&factory->base);
    TorcPort_getHost(port, &address);
    port_number = address.port;
}

/* ---- the clients, which are another process ------------------------------------------------ */

enum { CLIENTS = 150 };

static pid_t clients;
static int control; /* commands to it, and an answer to each */

static int connect_tcp(void)
{
    struct sockaddr_in name = loopback_name((uint16_t)port_number);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Whoever is cut off comes again at once, until the next command. */
static void press(int commands)
{
    struct pollfd all[CLIENTS + 1];
    for (int i = 0; i < CLIENTS; i++)
        all[i] = (struct pollfd){.fd = connect_tcp(), .events = POLLIN};
    all[CLIENTS] = (struct pollfd){.fd = commands, .events = POLLIN};
    while (poll(all, CLIENTS + 1, -1) > 0 && all[CLIENTS].revents == 0)
        for (int i = 0; i < CLIENTS; i++)
            if (all[i].fd < 0 || all[i].revents) {
                close(all[i].fd);
                all[i].fd = connect_tcp();
            }
    for (int i = 0; i < CLIENTS; i++)
        close(all[i].fd);
}

/* True when a client gets back what it says. */
static bool ask(void)
{
    char answer[2] = "";
    int fd = connect_tcp();
    bool served = fd >= 0 && write(fd, "hi", 2) == 2 && recv(fd, answer, 2, MSG_WAITALL) == 2;
    close(fd);
    return served && memcmp(answer, "hi", 2) == 0;
}

static void play_clients(int commands)
{
    char command;
    while (read(commands, &command, 1) == 1) {
        if (command == 'p')
            press(commands);
        char answer = command == 'a' ? (ask() ? 'y' : 'n') : 'k';
        if (command != 'p' && write(commands, &answer, 1) != 1)
            break;
    }
    _exit(0);
}

static void start_clients(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    clients = fork();
    ck_assert_int_ge(clients, 0);
    if (clients == 0) {
        close(ends[0]);
        play_clients(ends[1]);
    }
    close(ends[1]);
    control = ends[0];
}

static void command(char what)
{
    ck_assert_int_eq(write(control, &what, 1), 1);
}

/* Turns until the clients have answered. */
static char answer(void)
{
    char text = 0;
    turn_until(recv(control, &text, 1, MSG_DONTWAIT) == 1);
    return text;
}

static void end_clients(void)
{
    close(control);
    ck_assert_int_eq(waitpid(clients, NULL, 0), clients);
}

/* ---- what it costs ------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct timespec used;
    ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Most descriptors that the process may have: those it has and `more`. Returns the former limit. */
static rlim_t allow_descriptors(int more)
{
    struct rlimit limit;
    int next = dup(control);
    ck_assert_int_ge(next, 0);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)(next + more);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void restore_descriptors(rlim_t before)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = before;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ---- descriptors --------------------------------------------------------------------------- */

static int no_spare(TorcSystem *system)
{
    (void)system;
    return -EMFILE;
}

/* The first may still be refused together with those who waited before them and went. */
static void assert_serves_again(void)
{
    enum { TRIES = 20 };
    for (int i = 0; i < TRIES; i++) {
        command('a');
        if (answer() == 'y')
            return;
    }
    ck_abort_msg("nobody is served");
}

/* Under pressure of clients that come again and again. */
static void check_descriptor_limit(int backend, bool spare)
{
    enum { ROOM = 10 };
    begin(backend);
    if (!spare)
        ops.openSpare = no_spare;
    listen_tcp(NULL);
    start_clients();
    rlim_t before = allow_descriptors(ROOM);
    command('p');
    turn_until(server.counts[RECORD_MADE] == ROOM);

    double cpu = cpu_seconds();
    turn_for(1);
    cpu = cpu_seconds() - cpu;
    ck_assert_msg(cpu < 0.05, "%.3f s of CPU in one second", cpu);
    ck_assert_uint_eq(TorcPort_connections(port), ROOM);

    command('k'); /* they go, and with that descriptors come back */
    ck_assert_int_eq(answer(), 'k');
    assert_serves_again();
    restore_descriptors(before);
    end_clients();
    turn_until(TorcPort_connections(port) == 0);
    end();
}

START_TEST(at_the_descriptor_limit_it_does_not_spin_and_recovers_by_itself) /* LISTEN-9, BUG-1 */
{
    check_descriptor_limit(_i, true);
}
END_TEST

START_TEST(so_it_is_without_a_spare_descriptor) /* LISTEN-9, BUG-1 */
{
    check_descriptor_limit(_i, false);
}
END_TEST

START_TEST(those_beyond_the_descriptor_limit_see_a_close)
{
    begin(_i);
    listen_tcp(NULL);
    start_clients();
    rlim_t before = allow_descriptors(0); /* not one more */
    command('a');
    ck_assert_int_eq(answer(), 'n');
    ck_assert_str_eq(server.log, "");
    restore_descriptors(before);
    command('a');
    ck_assert_int_eq(answer(), 'y');
    end_clients();
    turn_until(TorcPort_connections(port) == 0);
    end();
}
END_TEST

/* ---- other failures of accept -------------------------------------------------------------- */

static unsigned accept_calls;
static int accept_error;
static unsigned accept_errors; /* still to come */

static int fail_accept(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length)
{
    accept_calls++;
    if (accept_errors == 0)
        return real_ops->accept(system, fd, ret_peer, length);
    accept_errors--;
    return -accept_error;
}

static void begin_failing(int backend, int error, unsigned times)
{
    begin(backend);
    accept_calls = 0;
    accept_error = error;
    accept_errors = times;
    ops.accept = fail_accept;
    listen_tcp(NULL);
    start_clients();
}

START_TEST(without_buffers_it_looks_away_and_recovers_by_itself) /* LISTEN-8 */
{
    static const int errors[] = {ENOBUFS, ENOMEM, ENFILE};
    begin_failing(_i / 3, errors[_i % 3], 4);
    ops.openSpare = no_spare; /* what accepts through it is not counted here */
    command('a');
    ck_assert_int_eq(answer(), 'y');
    ck_assert_uint_le(accept_calls, 4 + 64 + 2);
    end_clients();
    turn_until(TorcPort_connections(port) == 0);
    end();
}
END_TEST

START_TEST(one_that_was_aborted_while_it_waited_does_not_hold_up_the_next) /* LISTEN-8 */
{
    begin_failing(_i, ECONNABORTED, 3);
    command('a');
    double before = TorcReactor_seconds(reactor);
    turn_until(server.counts[RECORD_MADE] == 1);
    ck_assert_uint_ge(accept_calls, 4);
    ck_assert_uint_le(accept_calls, 5); /* in one batch */
    ck_assert_int_eq(answer(), 'y');
    ck_assert_double_lt(TorcReactor_seconds(reactor) - before, 5);
    end_clients();
    turn_until(TorcPort_connections(port) == 0);
    end();
}
END_TEST

/* ---- the port's own limit ------------------------------------------------------------------ */

START_TEST(a_full_port_with_clients_waiting_does_not_spin) /* LISTEN-14 */
{
    begin(_i);
    listen_tcp(TORC_LISTEN_OPTIONS(.maxConnections = 3));
    start_clients();
    command('p');
    turn_until(TorcPort_connections(port) == 3);
    double cpu = cpu_seconds();
    turn_for(0.5);
    cpu = cpu_seconds() - cpu;
    ck_assert_msg(cpu < 0.025, "%.3f s of CPU in half a second", cpu);
    ck_assert_uint_eq(server.counts[RECORD_MADE], 3);
    command('k');
    ck_assert_int_eq(answer(), 'k');
    command('a');
    ck_assert_int_eq(answer(), 'y'); /* behind those who waited and went */
    end_clients();
    turn_until(TorcPort_connections(port) == 0);
    end();
}
END_TEST

START_TEST(a_refusing_port_serves_up_to_its_limit)
{
    begin(_i);
    listen_tcp(TORC_LISTEN_OPTIONS(.maxConnections = 1, .refuseExcess = true));
    start_clients();
    int first = connect_tcp();
    turn_until(TorcPort_connections(port) == 1);
    command('a');
    ck_assert_int_eq(answer(), 'n');
    close(first);
    turn_until(TorcPort_connections(port) == 0);
    command('a');
    ck_assert_int_eq(answer(), 'y');
    end_clients();
    turn_until(TorcPort_connections(port) == 0);
    end();
}
END_TEST

START_TEST(a_paused_port_with_clients_waiting_does_not_spin) /* LISTEN-14 */
{
    begin(_i);
    listen_tcp(NULL);
    start_clients();
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    command('a');
    double cpu = cpu_seconds();
    turn_for(0.3);
    cpu = cpu_seconds() - cpu;
    ck_assert_msg(cpu < 0.02, "%.3f s of CPU", cpu);
    ck_assert_str_eq(server.log, "");
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    ck_assert_int_eq(answer(), 'y');
    end_clients();
    turn_until(TorcPort_connections(port) == 0);
    end();
}
END_TEST

/* ---- draining ------------------------------------------------------------------------------ */

START_TEST(a_draining_port_refuses_newcomers_and_serves_those_it_has) /* LISTEN-14 */
{
    char text[2] = "";
    TorcDeferred *done;
    begin(_i);
    listen_tcp(NULL);
    int fd = connect_tcp();
    turn_until(TorcPort_connections(port) == 1);
    ck_assert_int_eq(TorcPort_drain(port, 30, &done), 0);
    ck_assert_int_eq(connect_tcp(), -1);
    ck_assert_int_eq(write(fd, "hi", 2), 2);
    turn_until(recv(fd, text, 2, MSG_DONTWAIT) == 2);
    ck_assert(!TorcDeferred_called(done));
    close(fd);
    turn_until(TorcDeferred_called(done));
    TorcDeferred_release(done);
    end();
}
END_TEST

START_TEST(at_the_deadline_of_a_drain_the_rest_is_reset)
{
    char byte;
    begin(_i);
    listen_tcp(NULL);
    int fd = connect_tcp();
    turn_until(TorcPort_connections(port) == 1);
    ck_assert_int_eq(TorcPort_drain(port, 0.05, NULL), 0);
    turn_until(server.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(server.log, "made lost:SHUTDOWN");
    ck_assert_int_eq(recv(fd, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    close(fd);
    end();
}
END_TEST

RUN_LOOP_TESTS("ports at their limits",
               {at_the_descriptor_limit_it_does_not_spin_and_recovers_by_itself, BACKENDS},
               {so_it_is_without_a_spare_descriptor, BACKENDS},
               {those_beyond_the_descriptor_limit_see_a_close, BACKENDS},
               {without_buffers_it_looks_away_and_recovers_by_itself, 3 * BACKENDS},
               {one_that_was_aborted_while_it_waited_does_not_hold_up_the_next, BACKENDS},
               {a_full_port_with_clients_waiting_does_not_spin, BACKENDS},
               {a_refusing_port_serves_up_to_its_limit, BACKENDS},
               {a_paused_port_with_clients_waiting_does_not_spin, BACKENDS},
               {a_draining_port_refuses_newcomers_and_serves_those_it_has, BACKENDS},
               {at_the_deadline_of_a_drain_the_rest_is_reset, BACKENDS})
