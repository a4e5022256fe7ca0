/* Ports of several reactors, on the real system: workers that share a number, a server that takes a
 * socket over from another one, and descriptors of more than a thousand. */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <torc/torc.h>

#include "reactor/reactor_internal.h"
#include "tests/support/loopback_client.h"
#include "tests/support/run_tests.h"

enum { WORKERS = 4, CLIENTS = 400, WAITING = 20 };

static const char *const backends[] = {"epoll", "poll", "select"};
enum { BACKENDS = 3, WITHOUT_SELECT = 2 };

static TorcReactor *begin(int backend)
{
    TorcReactor *reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = backends[backend]));
    ck_assert_ptr_nonnull(reactor);
    return reactor;
}

static uint64_t accepted(TorcReactor *reactor)
{
    TorcReactorCounters counters = {.size = sizeof(counters)};
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &counters), 0);
    return counters.connectionsAccepted;
}

static void assert_echoes(TorcReactor *reactor, int fd)
{
    char byte = 0;
    ck_assert_int_eq(send(fd, "e", 1, MSG_NOSIGNAL), 1);
    while (recv(fd, &byte, 1, MSG_DONTWAIT) < 0)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);
    ck_assert_int_eq(byte, 'e');
}

/* ---- workers ------------------------------------------------------------------------------- */

static TorcSystemOps ops; /* of all workers */
static const TorcSystemOps *below;
static unsigned accepts;

static int counted_accept(TorcSystem *system, int fd, struct sockaddr *name, socklen_t *length)
{
    accepts++;
    return below->accept(system, fd, name, length);
}

static TorcReactor *start_worker(int backend, uint16_t *number)
{
    TorcReactor *worker = begin(backend);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcPort *port;
    TorcAddress address;
    below = worker->system->ops;
    ops = *below;
    ops.accept = counted_accept;
    worker->system->ops = &ops;
    ck_assert_int_eq(TorcReactor_listenTCP(
                         worker, *number, factory,
                         TORC_LISTEN_OPTIONS(.interface = "127.0.0.1", .reusePort = true), &port),
                     0);
    TorcFactory_unref(factory);
    TorcPort_getHost(port, &address);
    *number = address.port;
    return worker;
}

START_TEST(one_worker_wakes_for_a_connection_and_each_gets_its_share) /* BUG-18 */
{
    TorcReactor *workers[WORKERS];
    int clients[CLIENTS];
    uint16_t number = 0;
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_worker(_i, &number);
    accepts = 0;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = dial_number(number);
        for (int k = 0; k < WORKERS; k++)
            ck_assert_int_eq(TorcReactor_iterate(workers[k], 0), 0);
    }

    uint64_t total = 0;
    for (int i = 0; i < WORKERS; i++) {
        uint64_t share = accepted(workers[i]);
        ck_assert_uint_ge(share, CLIENTS / WORKERS / 2);
        ck_assert_uint_le(share, CLIENTS / WORKERS * 2);
        total += share;
    }
    ck_assert_uint_eq(total, CLIENTS);
    /* Whoever accepts looks once more whether there is another; nobody else looks at all. */
    ck_assert_uint_le(accepts, 2 * CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    for (int i = 0; i < WORKERS; i++)
        TorcReactor_free(workers[i]);
}
END_TEST

/* ---- a successor --------------------------------------------------------------------------- */

static TorcPort *adopt(TorcReactor *reactor, int fd)
{
    TorcPort *port;
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_adoptStreamPort(reactor, fd, factory, &port), 0);
    TorcFactory_unref(factory);
    return port;
}

static int listening_socket(uint16_t *ret_number)
{
    struct sockaddr_in name = loopback_name(0);
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, length), 0);
    ck_assert_int_eq(listen(fd, WAITING), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    *ret_number = ntohs(name.sin_port);
    return fd;
}

START_TEST(who_waits_at_a_socket_that_is_handed_on_is_served_by_the_successor) /* BUG-19 */
{
    TorcReactor *old = begin(_i);
    TorcReactor *successor = begin(_i);
    int clients[WAITING];
    uint16_t number;
    int fd = listening_socket(&number);
    TorcPort *port = adopt(old, fd);
    int served = dial_number(number);
    assert_echoes(old, served);
    for (int i = 0; i < WAITING; i++)
        clients[i] = dial_number(number);

    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    (void)adopt(successor, fd);
    close(fd);
    for (int i = 0; i < WAITING; i++) {
        assert_echoes(successor, clients[i]);
        close(clients[i]);
    }
    assert_echoes(old, served);
    close(served);
    TorcReactor_free(old);
    TorcReactor_free(successor);
}
END_TEST

/* ---- many descriptors ---------------------------------------------------------------------- */

enum { BEYOND_SELECT = 1100 };

static bool allow_descriptors(rlim_t wanted)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted;
    return wanted <= limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Takes all numbers up to the one, so that those that follow are larger. */
static void use_numbers(int up_to)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd < up_to);
    ck_assert_int_ge(fd, 0);
}

START_TEST(descriptors_beyond_those_of_select_are_served) /* BUG-44 */
{
    if (!allow_descriptors(BEYOND_SELECT + 100))
        return;
    TorcReactor *reactor = begin(_i);
    uint16_t number;
    use_numbers(BEYOND_SELECT);
    int fd = listening_socket(&number);
    ck_assert_int_gt(fd, BEYOND_SELECT);
    (void)adopt(reactor, fd);
    int client = dial_number(number);
    assert_echoes(reactor, client);
    close(client);
    close(fd);
    TorcReactor_free(reactor);
}
END_TEST

RUN_LOOP_TESTS("shared ports",
               {one_worker_wakes_for_a_connection_and_each_gets_its_share, BACKENDS},
               {who_waits_at_a_socket_that_is_handed_on_is_served_by_the_successor, BACKENDS},
               {descriptors_beyond_those_of_select_are_served, WITHOUT_SELECT})
