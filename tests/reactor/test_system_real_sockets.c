/* The real system's sockets: what the seam promises beyond POSIX (flags, places above 2, no
 * SIGPIPE, EINTR dealt with), on loopback connections. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/support/real_system.h"

typedef union Address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage room;
} Address;

static socklen_t loopback(int family, Address *address)
{
    memset(address, 0, sizeof *address);
    address->any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof address->in;
    }
    address->in6.sin6_addr = in6addr_loopback;
    return sizeof address->in6;
}

static void await(int fd, short events)
{
    struct pollfd item = {.fd = fd, .events = events};
    ck_assert_int_eq(poll(&item, 1, 5000), 1);
}

static void check_flags(int fd)
{
    ck_assert_int_gt(fd, 2);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

typedef struct Connection {
    int listener;
    int client;
    int server;
} Connection;

static void start_listening(int family, Connection *c, Address *address, socklen_t *length)
{
    *length = loopback(family, address);
    c->listener = sys->ops->socket(sys, family, SOCK_STREAM);
    check_flags(c->listener);
    ck_assert_int_eq(sys->ops->bind(sys, c->listener, &address->any, *length), 0);
    ck_assert_int_eq(sys->ops->listen(sys, c->listener, 5), 0);
    ck_assert_int_eq(sys->ops->getsockname(sys, c->listener, &address->any, length), 0);
}

static void open_connection(int family, Connection *c)
{
    Address address, peer, own;
    socklen_t length;
    start_listening(family, c, &address, &length);
    c->client = sys->ops->socket(sys, family, SOCK_STREAM);
    int r = sys->ops->connect(sys, c->client, &address.any, length);
    ck_assert(r == 0 || r == -EINPROGRESS);
    await(c->listener, POLLIN);
    length = sizeof peer;
    c->server = sys->ops->accept(sys, c->listener, &peer.any, &length);
    check_flags(c->server);
    length = sizeof own;
    ck_assert_int_eq(sys->ops->getsockname(sys, c->client, &own.any, &length), 0);
    ck_assert_int_eq(memcmp(&own, &peer, length), 0);
    length = sizeof own;
    ck_assert_int_eq(sys->ops->getpeername(sys, c->client, &own.any, &length), 0);
    ck_assert_int_eq(memcmp(&own, &address, length), 0);
}

static void close_connection(Connection *c)
{
    ck_assert_int_eq(sys->ops->close(sys, c->listener), 0);
    ck_assert_int_eq(sys->ops->close(sys, c->client), 0);
    ck_assert_int_eq(sys->ops->close(sys, c->server), 0);
}

static const int families[] = {AF_INET, AF_INET6};

START_TEST(a_connection_carries_bytes_both_ways_and_its_end)
{
    open_system();
    Connection c;
    char buffer[16];
    open_connection(families[_i], &c);
    ck_assert_int_eq(sys->ops->recv(sys, c.server, buffer, sizeof buffer, 0), -EAGAIN);
    char text[] = "one,two";
    const struct iovec pieces[] = {{text, 4}, {text, 0}, {text + 4, 3}};
    ck_assert_int_eq(sys->ops->sendv(sys, c.client, pieces, 3), 7);
    await(c.server, POLLIN);
    ck_assert_int_eq(sys->ops->recv(sys, c.server, buffer, sizeof buffer, MSG_PEEK), 7);
    ck_assert_int_eq(sys->ops->recv(sys, c.server, buffer, sizeof buffer, 0), 7);
    ck_assert_int_eq(memcmp(buffer, "one,two", 7), 0);
    ck_assert_int_eq(sys->ops->send(sys, c.server, "three", 5), 5);
    ck_assert_int_eq(sys->ops->shutdown(sys, c.server, SHUT_WR), 0);
    await(c.client, POLLRDHUP);
    ck_assert_int_eq(sys->ops->recv(sys, c.client, buffer, sizeof buffer, 0), 5);
    ck_assert_int_eq(sys->ops->recv(sys, c.client, buffer, sizeof buffer, 0), 0);
    close_connection(&c);
    close_system();
}
END_TEST

START_TEST(sendv_takes_64_pieces)
{
    open_system();
    int ends[2];
    make_pair(ends);
    char text[] = "ab";
    struct iovec pieces[64];
    for (int i = 0; i < 64; i++)
        pieces[i] = (struct iovec){text, 2};
    ck_assert_int_eq(sys->ops->sendv(sys, ends[0], pieces, 64), 128);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(a_full_socket_takes_a_part_and_then_answers_EAGAIN)
{
    open_system();
    Connection c;
    open_connection(AF_INET, &c);
    static char block[16 * 1024 * 1024];
    ssize_t first = sys->ops->send(sys, c.client, block, sizeof block);
    ck_assert_int_gt(first, 0);
    ck_assert_int_lt(first, (ssize_t)sizeof block);
    ssize_t r = first;
    while (r > 0)
        r = sys->ops->send(sys, c.client, block, sizeof block);
    ck_assert_int_eq(r, -EAGAIN);
    close_connection(&c);
    close_system();
}
END_TEST

START_TEST(a_refused_connection_says_so)
{
    open_system();
    Connection c;
    Address address;
    socklen_t length;
    start_listening(AF_INET, &c, &address, &length);
    ck_assert_int_eq(sys->ops->close(sys, c.listener), 0);
    c.client = sys->ops->socket(sys, AF_INET, SOCK_STREAM);
    int r = sys->ops->connect(sys, c.client, &address.any, length);
    if (r == -EINPROGRESS) {
        await(c.client, POLLOUT);
        int error = 0;
        length = sizeof error;
        ck_assert_int_eq(sys->ops->getsockopt(sys, c.client, SOL_SOCKET, SO_ERROR, &error, &length),
                         0);
        r = -error;
    }
    ck_assert_int_eq(r, -ECONNREFUSED);
    ck_assert_int_eq(sys->ops->close(sys, c.client), 0);
    close_system();
}
END_TEST

START_TEST(options_can_be_set_and_read)
{
    open_system();
    int fd = sys->ops->socket(sys, AF_INET, SOCK_STREAM);
    int value = 1;
    socklen_t length = sizeof value;
    ck_assert_int_eq(sys->ops->setsockopt(sys, fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value),
                     0);
    value = 0;
    ck_assert_int_eq(sys->ops->getsockopt(sys, fd, SOL_SOCKET, SO_KEEPALIVE, &value, &length), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(sys->ops->close(sys, fd), 0);
    close_system();
}
END_TEST

START_TEST(errors_are_negative_errno)
{
    open_system();
    Address address;
    socklen_t length = loopback(AF_INET, &address);
    ck_assert_int_eq(sys->ops->socket(sys, -1, SOCK_STREAM), -EAFNOSUPPORT);
    ck_assert_int_eq(sys->ops->bind(sys, -1, &address.any, length), -EBADF);
    ck_assert_int_eq(sys->ops->listen(sys, -1, 1), -EBADF);
    ck_assert_int_eq(sys->ops->accept(sys, -1, NULL, NULL), -EBADF);
    ck_assert_int_eq(sys->ops->connect(sys, -1, &address.any, length), -EBADF);
    ck_assert_int_eq(sys->ops->recv(sys, -1, &address, 1, 0), -EBADF);
    ck_assert_int_eq(sys->ops->send(sys, -1, &address, 1), -EBADF);
    ck_assert_int_eq(sys->ops->sendv(sys, -1, NULL, 0), -EBADF);
    ck_assert_int_eq(sys->ops->shutdown(sys, -1, SHUT_WR), -EBADF);
    ck_assert_int_eq(sys->ops->close(sys, -1), -EBADF);
    ck_assert_int_eq(sys->ops->getsockname(sys, -1, &address.any, &length), -EBADF);
    ck_assert_int_eq(sys->ops->getpeername(sys, -1, &address.any, &length), -EBADF);
    ck_assert_int_eq(sys->ops->setsockopt(sys, -1, 0, 0, &address, 4), -EBADF);
    ck_assert_int_eq(sys->ops->getsockopt(sys, -1, 0, 0, &address, &length), -EBADF);
    close_system();
}
END_TEST

/* ---- SIGPIPE (BUG-38) ------------------------------------------------------------------------ */

static void set_sigpipe(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGPIPE, &action, NULL);
}

static void (*sigpipe_handler(void))(int)
{
    struct sigaction present;
    sigaction(SIGPIPE, NULL, &present);
    return present.sa_handler;
}

START_TEST(send_and_sendv_never_raise_SIGPIPE) /* BUG-38 */
{
    open_system();
    set_sigpipe(SIG_DFL); /* it would end the test */
    int ends[2];
    make_pair(ends);
    close(ends[1]);
    char byte = 0;
    const struct iovec piece = {&byte, 1};
    ck_assert_int_eq(sys->ops->send(sys, ends[0], "x", 1), -EPIPE);
    ck_assert_int_eq(sys->ops->sendv(sys, ends[0], &piece, 1), -EPIPE);
    close(ends[0]);
    close_system();
}
END_TEST

static void own_handler(int signo)
{
    (void)signo;
}

START_TEST(SIGPIPE_is_ignored_unless_the_application_handles_it) /* BUG-38 */
{
    set_sigpipe(SIG_DFL);
    open_system();
    ck_assert(sigpipe_handler() == SIG_IGN);
    close_system();
    set_sigpipe(own_handler);
    open_system();
    ck_assert(sigpipe_handler() == own_handler);
    close_system();
    set_sigpipe(SIG_DFL);
}
END_TEST

/* ---- EINTR --------------------------------------------------------------------------------- */

typedef struct Interrupter {
    pthread_t target;
    int fd;
} Interrupter;

static void *interrupt_then_write(void *arg)
{
    Interrupter *self = arg;
    for (int i = 0; i < 5; i++) {
        sleep_for(5 * MILLISECOND);
        pthread_kill(self->target, SIGUSR1);
    }
    sleep_for(5 * MILLISECOND);
    ck_assert_int_eq(write(self->fd, "x", 1), 1);
    return NULL;
}

START_TEST(recv_tells_of_a_signal_and_its_caller_goes_on)
{
    open_system();
    struct sigaction action = {.sa_handler = own_handler}; /* without SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0); /* they block */
    Interrupter interrupter = {pthread_self(), ends[1]};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_then_write, &interrupter), 0);
    char byte;
    ck_assert_int_eq(sys->ops->recv(sys, ends[0], &byte, 1, 0), -EINTR);
    ck_assert_int_eq(torc__recv(sys, ends[0], &byte, 1, 0), 1);
    pthread_join(thread, NULL);
    close_pair(ends);
    close_system();
}
END_TEST

/* ---- places in the table of descriptors ---------------------------------------------------- */

START_TEST(new_descriptors_are_moved_above_the_standard_streams)
{
    open_system();
    Connection c;
    Address address;
    socklen_t length;
    start_listening(AF_INET, &c, &address, &length);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(client, &address.any, length), 0);
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 10);
    close(0);
    int fds[] = {sys->ops->accept(sys, c.listener, NULL, NULL),
                 sys->ops->socket(sys, AF_INET, SOCK_STREAM), sys->ops->openSpare(sys)};
    bool free_again = fcntl(0, F_GETFD) < 0;
    dup2(kept, 0);
    close(kept);
    ck_assert(free_again);
    for (int i = 0; i < 3; i++) {
        check_flags(fds[i]);
        close(fds[i]);
    }
    close(client);
    close(c.listener);
    close_system();
}
END_TEST

START_TEST(closing_the_spare_makes_room_for_one)
{
    open_system();
    int spare = sys->ops->openSpare(sys);
    check_flags(spare);
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    int lowest = dup(0);
    close(lowest);
    none.rlim_cur = (rlim_t)lowest;
    setrlimit(RLIMIT_NOFILE, &none);
    int full = sys->ops->socket(sys, AF_INET, SOCK_STREAM);
    ck_assert_int_eq(sys->ops->close(sys, spare), 0);
    int fd = sys->ops->socket(sys, AF_INET, SOCK_STREAM);
    setrlimit(RLIMIT_NOFILE, &old);
    ck_assert_int_eq(full, -EMFILE);
    ck_assert_int_eq(fd, spare);
    ck_assert_int_eq(sys->ops->close(sys, fd), 0);
    close_system();
}
END_TEST

START_TEST(datagrams_carry_their_sender)
{
    Address address;
    Address from;
    char byte;
    open_system();
    socklen_t length = loopback(AF_INET, &address);
    int a = sys->ops->socket(sys, AF_INET, SOCK_DGRAM);
    int b = sys->ops->socket(sys, AF_INET, SOCK_DGRAM);
    check_flags(a);
    ck_assert_int_eq(sys->ops->bind(sys, a, &address.any, length), 0);
    ck_assert_int_eq(sys->ops->getsockname(sys, a, &address.any, &length), 0);
    ck_assert_int_eq(sys->ops->recvfrom(sys, a, &byte, 1, 0, NULL, NULL), -EAGAIN);
    ck_assert_int_eq(sys->ops->sendto(sys, b, "xyz", 3, &address.any, length), 3);
    await(a, POLLIN);
    socklen_t from_length = sizeof(from);
    ck_assert_int_eq(sys->ops->recvfrom(sys, a, &byte, 1, MSG_TRUNC, &from.any, &from_length), 3);
    ck_assert_int_eq(byte, 'x');
    ck_assert_int_eq(sys->ops->getsockname(sys, b, &address.any, &length), 0);
    ck_assert_uint_eq(from.in.sin_port, address.in.sin_port);
    ck_assert_int_eq(sys->ops->close(sys, a), 0);
    ck_assert_int_eq(sys->ops->close(sys, b), 0);
    close_system();
}
END_TEST

START_TEST(a_pipe_carries_bytes_its_end_and_EPIPE)
{
    int ends[2];
    char bytes[4];
    open_system();
    ck_assert_int_eq(sys->ops->pipe(sys, ends), 0);
    check_flags(ends[0]);
    check_flags(ends[1]);
    ck_assert_int_eq(sys->ops->read(sys, ends[0], bytes, 4), -EAGAIN);
    ck_assert_int_eq(sys->ops->write(sys, ends[1], "abc", 3), 3);
    ck_assert_int_eq(sys->ops->read(sys, ends[0], bytes, 4), 3);
    ck_assert_mem_eq(bytes, "abc", 3);
    ck_assert_int_eq(sys->ops->close(sys, ends[1]), 0);
    ck_assert_int_eq(sys->ops->read(sys, ends[0], bytes, 4), 0);
    ck_assert_int_eq(sys->ops->close(sys, ends[0]), 0);
    ck_assert_int_eq(sys->ops->pipe(sys, ends), 0);
    ck_assert_int_eq(sys->ops->close(sys, ends[0]), 0);
    ck_assert_int_eq(sys->ops->write(sys, ends[1], "x", 1), -EPIPE);
    ck_assert_int_eq(sys->ops->close(sys, ends[1]), 0);
    close_system();
}
END_TEST

START_TEST(a_pipe_of_which_one_end_finds_no_descriptor_leaves_none)
{
    struct rlimit old;
    struct rlimit none;
    int ends[2] = {-7, -7};
    open_system();
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    int lowest = dup(1);
    close(lowest);
    none.rlim_cur = (rlim_t)lowest + 1;
    setrlimit(RLIMIT_NOFILE, &none);
    int r = sys->ops->pipe(sys, ends);
    setrlimit(RLIMIT_NOFILE, &old);
    ck_assert_int_eq(r, -EMFILE);
    ck_assert_int_eq(ends[0], -7);
    ck_assert_int_eq(ends[1], -7);
    close_system();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("real sockets");
    TCase *t = tcase_create("sockets");
    /* Machines without IPv6 run the first family only. */
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    Address address;
    socklen_t length = loopback(AF_INET6, &address);
    bool has_ipv6 = probe >= 0 && bind(probe, &address.any, length) == 0;
    close(probe);
    tcase_add_loop_test(t, a_connection_carries_bytes_both_ways_and_its_end, 0, has_ipv6 ? 2 : 1);
    tcase_add_test(t, sendv_takes_64_pieces);
    tcase_add_test(t, a_full_socket_takes_a_part_and_then_answers_EAGAIN);
    tcase_add_test(t, a_refused_connection_says_so);
    tcase_add_test(t, options_can_be_set_and_read);
    tcase_add_test(t, errors_are_negative_errno);
    tcase_add_test(t, send_and_sendv_never_raise_SIGPIPE);
    tcase_add_test(t, SIGPIPE_is_ignored_unless_the_application_handles_it);
    tcase_add_test(t, recv_tells_of_a_signal_and_its_caller_goes_on);
    tcase_add_test(t, new_descriptors_are_moved_above_the_standard_streams);
    tcase_add_test(t, closing_the_spare_makes_room_for_one);
    tcase_add_test(t, datagrams_carry_their_sender);
    tcase_add_test(t, a_pipe_carries_bytes_its_end_and_EPIPE);
    tcase_add_test(t, a_pipe_of_which_one_end_finds_no_descriptor_leaves_none);
    suite_add_tcase(s, t);
    return s;
}

RUN_SUITE(suite)
