/* Real sockets as the kernel has them, on each backend: their flags, their addresses, and what becomes
 * of a connection whose descriptor somebody else has closed. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <torc/torc.h>

#include "../support/recorder.h"
#include "../support/run_tests.h"

static const char *const backends[] = {"epoll", "poll", "select"};
enum { BACKENDS = 3, DESCRIPTORS = 256 };

static TorcReactor *reactor;
static Recording server;
static Recording client;
static TorcAddress listening; /* where the server is */

static void begin(int backend)
{
    server = client = (Recording){0};
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = backends[backend]));
    ck_assert_ptr_nonnull(reactor);
}

static void end(void)
{
    TorcReactor_free(reactor);
    Recording_done(&server);
    Recording_done(&client);
}

static int listen_on(const char *interface)
{
    TorcPort *port;
    TorcClientFactory *factory = Recording_factory(&server);
    int r = TorcReactor_listenTCP(reactor, 0, &factory->base,
                                  TORC_LISTEN_OPTIONS(.interface = interface), &port);
    TorcFactory_unref(&factory->base);
    if (r == 0)
        TorcPort_getHost(port, &listening);
    return r;
}

#define turn_until(condition)                                                                      \
    do                                                                                             \
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);                                    \
    while (!(condition))

static void connect_to(const char *host)
{
    TorcClientFactory *factory = Recording_factory(&client);
    int r = TorcReactor_connectTCP(reactor, host, listening.port, factory, NULL, NULL);
    ck_assert_int_eq(r, 0);
    TorcFactory_unref(&factory->base);
    turn_until(server.counts[RECORD_MADE] == 1 && client.counts[RECORD_MADE] == 1);
}

static void begin_connected(int backend)
{
    begin(backend);
    ck_assert_int_eq(listen_on("127.0.0.1"), 0);
    connect_to("127.0.0.1");
}

/* ---- flags --------------------------------------------------------------------------------- */

typedef struct Descriptors {
    bool open[DESCRIPTORS];
} Descriptors;

static Descriptors look_around(void)
{
    Descriptors seen = {{false}};
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        seen.open[fd] = fcntl(fd, F_GETFD) >= 0;
    return seen;
}

static bool is_socket(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

static unsigned check_flags(const Descriptors *before)
{
    unsigned sockets = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (before->open[fd] || flags < 0)
            continue;
        ck_assert_msg(flags & FD_CLOEXEC, "descriptor %d outlives exec", fd);
        if (!is_socket(fd))
            continue;
        ck_assert_msg(fcntl(fd, F_GETFL) & O_NONBLOCK, "socket %d blocks", fd);
        sockets++;
    }
    return sockets;
}

static void listen_and_connect_on_a_path(const char *path)
{
    TorcClientFactory *factory = Recording_factory(&server);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, path, &factory->base, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectUNIX(reactor, path, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    turn_until(server.counts[RECORD_MADE] == 2 && client.counts[RECORD_MADE] == 2);
}

START_TEST(all_descriptors_are_close_on_exec_and_all_sockets_non_blocking) /* OPT-3, BUG-41 */
{
    char directory[] = "/tmp/torc-test-XXXXXX";
    char path[sizeof(directory) + 8];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);

    Descriptors before = look_around();
    begin_connected(_i);
    listen_and_connect_on_a_path(path);
    /* Two that listen, and both ends of two connections. */
    ck_assert_uint_ge(check_flags(&before), 6);
    end();
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(an_adopted_socket_is_made_so_too) /* OPT-3 */
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    Descriptors before = look_around();
    begin(_i);
    TorcClientFactory *factory = Recording_factory(&server);
    ck_assert_int_eq(TorcReactor_adoptStreamConnection(reactor, ends[0], &factory->base), 0);
    TorcFactory_unref(&factory->base);
    turn_until(server.counts[RECORD_MADE] == 1);
    ck_assert_uint_ge(check_flags(&before), 1);
    end();
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* ---- addresses ----------------------------------------------------------------------------- */

static void assert_addresses_match(void)
{
    TorcAddress host;
    TorcAddress peer;
    TorcTransport_getHost(server.transport, &host);
    TorcTransport_getPeer(client.transport, &peer);
    ck_assert(TorcAddress_equal(&host, &listening));
    ck_assert(TorcAddress_equal(&peer, &listening));
    TorcTransport_getPeer(server.transport, &peer);
    TorcTransport_getHost(client.transport, &host);
    ck_assert(TorcAddress_equal(&host, &peer));
    ck_assert(TorcAddress_equal(&server.peer, &peer));
    ck_assert_uint_ne(host.port, listening.port);
}

START_TEST(both_ends_agree_on_their_addresses) /* OPT-2 */
{
    const char *literal = _i == 0 ? "127.0.0.1" : "::1";
    begin(0);
    int r = listen_on(literal);
    if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) { /* a host without IPv6 */
        end();
        return;
    }
    ck_assert_int_eq(r, 0);
    connect_to(literal);
    assert_addresses_match();
    end();
}
END_TEST

/* The host's first link-local address with its interface, "fe80::…%eth0"; false: it has none. */
static bool find_link_local(char *literal, size_t size, unsigned *ret_interface)
{
    struct ifaddrs *all;
    bool found = false;
    ck_assert_int_eq(getifaddrs(&all), 0);
    for (struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET6)
            continue;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)one->ifa_addr;
        TorcAddress address = {.family = TORC_ADDRESS_IPV6};
        memcpy(address.ip, &in6->sin6_addr, sizeof(address.ip));
        address.scopeId = if_nametoindex(one->ifa_name);
        found = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
        *ret_interface = address.scopeId;
        TorcAddress_host(&address, literal, size);
    }
    freeifaddrs(all);
    return found;
}

START_TEST(a_link_local_address_keeps_its_interface) /* OPT-2 */
{
    char literal[TORC_ADDRESS_TEXT_SIZE];
    unsigned interface;
    if (!find_link_local(literal, sizeof(literal), &interface))
        return;
    begin(0);
    ck_assert_int_eq(listen_on(literal), 0);
    connect_to(literal);
    ck_assert_uint_eq(listening.scopeId, interface);
    assert_addresses_match();
    end();
}
END_TEST

/* ---- a descriptor closed behind the reactor's back ------------------------------------------ */

/* Closes it, and puts nothing in its place. */
static void close_behind_its_back(TorcTransport *transport)
{
    ck_assert_int_eq(close(TorcTransport_getHandle(transport)), 0);
}

static unsigned turns_of(double seconds)
{
    unsigned turns = 0;
    for (double until = TorcReactor_seconds(reactor) + seconds;
         TorcReactor_seconds(reactor) < until; turns++)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.05), 0);
    return turns;
}

enum { TELL_BY_DESCRIPTOR = 2 }; /* backends that say which one is bad, or do not mind */

START_TEST(a_closed_descriptor_is_a_lost_connection_and_nothing_spins) /* LOOP-16 */
{
    begin_connected(_i);
    close_behind_its_back(server.transport);
    ck_assert_uint_le(turns_of(0.2), 20);
    if (server.counts[RECORD_LOST] == 0)
        ck_assert_int_eq(TorcTransport_write(server.transport, "x", 1), 0);
    turn_until(server.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(server.log, "made lost:LOST");
    ck_assert_int_eq(server.code, -EBADF);
    turn_until(client.counts[RECORD_LOST] == 1);
    end();
}
END_TEST

START_TEST(select_which_cannot_tell_whose_it_is_ends_the_loop) /* LOOP-16 */
{
    begin_connected(2);
    close_behind_its_back(server.transport);
    ck_assert_int_eq(TorcReactor_run(reactor), -EBADF);
    ck_assert_str_eq(server.log, "made lost:LOST");
    ck_assert_int_eq(server.code, -EBADF);
    end();
    ck_assert_uint_eq(client.counts[RECORD_LOST], 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("real descriptors");
    tcase_set_timeout(tcase, 20);
    tcase_add_loop_test(tcase, all_descriptors_are_close_on_exec_and_all_sockets_non_blocking, 0,
                        BACKENDS);
    tcase_add_loop_test(tcase, an_adopted_socket_is_made_so_too, 0, BACKENDS);
    tcase_add_loop_test(tcase, both_ends_agree_on_their_addresses, 0, 2);
    tcase_add_test(tcase, a_link_local_address_keeps_its_interface);
    tcase_add_loop_test(tcase, a_closed_descriptor_is_a_lost_connection_and_nothing_spins, 0,
                        TELL_BY_DESCRIPTOR);
    tcase_add_test(tcase, select_which_cannot_tell_whose_it_is_ends_the_loop);
    return run_case("real descriptors", tcase);
}
