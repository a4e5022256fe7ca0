/* Any number of reactors in one process: one after the other, and one per thread at the same time;
 * and that one is used on its own thread. Real sockets. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../support/real_system.h"
#include "reactor/reactor_internal.h"
#include <torc/torc.h>

enum { THREADS = 4, BLOCK = 1000, ROUNDS = 50 };

/* ---- an echo server, and a client that wants its bytes back ------------------------------- */

static void echo_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    TorcTransport_write(self->transport, data, length);
}

static const TorcProtocolClass echo_class = {
    TORC_PROTOCOL_CLASS("echo", TorcProtocol),
    .dataReceived = echo_dataReceived,
};

/* One of the threads, with its reactor. */
typedef struct Node {
    pthread_t thread;
    pthread_barrier_t *barrier;
    struct Node *all;
    TorcReactor *reactor;
    int number;
    uint16_t port;
    int served; /* clients of this node that are done; this thread's */
    atomic_int *done;
    int result;
} Node;

typedef struct Client {
    TorcProtocol base;
    size_t received;
    int rounds;
} Client;

typedef struct ClientFactory {
    TorcClientFactory base;
    Node *node;
} ClientFactory;

static Node *node_of(TorcProtocol *self)
{
    return ((ClientFactory *)(void *)self->factory)->node;
}

static void send_block(TorcProtocol *self)
{
    char block[BLOCK];
    memset(block, 'a' + node_of(self)->number, sizeof(block));
    TorcTransport_write(self->transport, block, sizeof(block));
}

static void stop_node(void *arg)
{
    Node *node = arg;
    (void)TorcReactor_stop(node->reactor);
}

/* When the last client of all is done everybody is told, across the threads. */
static void client_is_done(Node *node)
{
    if (++node->served < THREADS || atomic_fetch_add(node->done, 1) + 1 < THREADS)
        return;
    for (int i = 0; i < THREADS; i++)
        node->result |= TorcReactor_callFromThread(node->all[i].reactor, stop_node, &node->all[i]);
}

static void client_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Client *client = (Client *)self;
    Node *node = node_of(self);
    for (size_t i = 0; i < length; i++)
        if (((const char *)data)[i] != 'a' + node->number)
            node->result = -EBADMSG;
    client->received += length;
    if (client->received < BLOCK)
        return;
    client->received = 0;
    if (++client->rounds < ROUNDS) {
        send_block(self);
        return;
    }
    TorcTransport_loseConnection(self->transport);
    client_is_done(node);
}

static const TorcProtocolClass client_class = {
    TORC_PROTOCOL_CLASS("client", Client),
    .connectionMade = send_block,
    .dataReceived = client_dataReceived,
};

static const TorcClientFactoryClass client_factory_class = {
    TORC_CLIENT_FACTORY_CLASS("clients", ClientFactory),
};

static int listen_node(Node *node)
{
    TorcPort *port;
    TorcAddress address;
    TorcFactory *factory = TorcFactory_forProtocol(&echo_class);
    int r = TorcReactor_listenTCP(node->reactor, 0, factory,
                                  TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port);
    TorcFactory_unref(factory);
    if (r < 0)
        return r;
    TorcPort_getHost(port, &address);
    node->port = address.port;
    return 0;
}

/* One client to every node's server, its own included. */
static int connect_node(Node *node)
{
    TorcClientFactory *factory = TorcClientFactory_new(&client_factory_class);
    factory->base.protocol = &client_class;
    ((ClientFactory *)factory)->node = node;
    int r = 0;
    for (int i = 0; i < THREADS; i++)
        r |= TorcReactor_connectTCP(node->reactor, "127.0.0.1", node->all[i].port, factory, NULL,
                                    NULL);
    TorcFactory_unref(&factory->base);
    return r;
}

static void *run_node(void *arg)
{
    Node *node = arg;
    node->reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    node->result = node->reactor ? listen_node(node) : -ENOMEM;
    pthread_barrier_wait(node->barrier);
    node->result |= connect_node(node);
    node->result |= TorcReactor_run(node->reactor);
    pthread_barrier_wait(node->barrier); /* nobody posts to a reactor that is gone */
    TorcReactor_free(node->reactor);
    return NULL;
}

START_TEST(reactors_on_several_threads_serve_one_another)
{
    Node nodes[THREADS] = {0};
    pthread_barrier_t barrier;
    atomic_int done = 0;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        nodes[i] = (Node){.barrier = &barrier, .all = nodes, .number = i, .done = &done};
        ck_assert_int_eq(pthread_create(&nodes[i].thread, NULL, run_node, &nodes[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(nodes[i].thread, NULL);
        ck_assert_int_eq(nodes[i].result, 0);
        ck_assert_int_eq(nodes[i].served, THREADS);
    }
    pthread_barrier_destroy(&barrier);
}
END_TEST

/* ---- one after the other ------------------------------------------------------------------- */

static void stop_reactor(void *arg)
{
    ck_assert_int_eq(TorcReactor_stop(arg), 0);
}

static void run_once(TorcReactor *reactor)
{
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, stop_reactor, reactor), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
}

START_TEST(reactors_come_one_after_the_other_with_the_signals) /* RUN-2 */
{
    int before = count_descriptors();
    for (int i = 0; i < 20; i++) {
        TorcReactor *reactor = TorcReactor_new(NULL);
        ck_assert_ptr_nonnull(reactor);
        run_once(reactor);
        run_once(reactor);
        TorcReactor_free(reactor);
    }
    ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

START_TEST(two_reactors_of_one_thread_take_turns)
{
    TorcReactor *first = TorcReactor_new(NULL), *second = TorcReactor_new(NULL);
    for (int i = 0; i < 3; i++) {
        run_once(first);
        run_once(second);
    }
    TorcReactor_free(first);
    run_once(second);
    TorcReactor_free(second);
}
END_TEST

static void run_inner(void *arg)
{
    TorcReactor *inner = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    run_once(inner);
    TorcReactor_free(inner);
    ck_assert_int_eq(TorcReactor_stop(arg), 0);
}

START_TEST(a_callback_of_one_reactor_may_run_another)
{
    TorcReactor *outer = TorcReactor_new(NULL);
    ck_assert_int_eq(TorcReactor_callWhenRunning(outer, run_inner, outer), 0);
    ck_assert_int_eq(TorcReactor_run(outer), 0);
    TorcReactor_free(outer);
}
END_TEST

static void *run_elsewhere(void *arg)
{
    run_once(arg);
    return NULL;
}

START_TEST(a_reactor_may_move_to_another_thread_between_runs) /* THR-10 */
{
    TorcReactor *reactor = TorcReactor_new(NULL);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        run_once(reactor);
        ck_assert(TorcReactor_isInIOThread(reactor));
        ck_assert_int_eq(pthread_create(&thread, NULL, run_elsewhere, reactor), 0);
        pthread_join(thread, NULL);
        ck_assert(!TorcReactor_isInIOThread(reactor));
    }
    TorcReactor_free(reactor);
}
END_TEST

/* ---- the wrong thread ---------------------------------------------------------------------- */

/* Only debug builds look; and what they look at is a race by then, as a sanitizer would say first. */
#if defined(NDEBUG) || defined(__SANITIZE_THREAD__)
#define LOOKS_AT_THREADS 0
#else
#define LOOKS_AT_THREADS 1
#endif

#if LOOKS_AT_THREADS

static TorcReactor *mine;
static TorcTransport *transport;
static int which;

static void misuse(void *arg)
{
    (void)arg;
    switch (which) {
    case 0: (void)TorcReactor_stop(mine); break;
    case 1: (void)TorcReactor_callLater(mine, 1, stop_reactor, mine, NULL); break;
    case 2: (void)TorcReactor_callInThread(mine, stop_reactor, mine); break;
    case 3: (void)TorcReactor_callWhenRunning(mine, stop_reactor, mine); break;
    case 4: (void)TorcReactor_addSignalHandler(mine, SIGHUP, stop_reactor, mine); break;
    case 5: TorcReactor_free(mine); break;
    default: (void)TorcReactor_run(mine); break;
    }
}

enum { MISUSES = 7 };

/* Not before the loop runs: a job given away earlier could be done by then. */
static void misuse_in_thread(void *arg)
{
    ck_assert_int_eq(TorcReactor_callInThread(mine, misuse, arg), 0);
}

START_TEST(a_call_from_another_thread_is_an_assertion_while_the_reactor_runs)
{
    which = _i;
    mine = TorcReactor_new(NULL);
    ck_assert_int_eq(TorcReactor_callWhenRunning(mine, misuse_in_thread, NULL), 0);
    (void)TorcReactor_callLater(mine, 20, stop_reactor, mine, NULL);
    (void)TorcReactor_run(mine);
}
END_TEST

/* Tells that it was called by a signal of its own, which pool threads do not block. */
static void expect_event(const TorcLogEvent *event, void *arg)
{
    static const char function[] = "TorcReactor_stop";
    (void)arg;
    if (strcmp(event->name, "reactor.wrong-thread") == 0 && event->field_count == 1 &&
        strcmp(event->fields[0].key, "function") == 0 &&
        memcmp(event->fields[0].text, function, sizeof(function) - 1) == 0)
        raise(SIGTRAP);
}

START_TEST(such_a_call_is_logged_with_the_name_of_the_function)
{
    which = 0;
    torc_setLogObserver(expect_event, NULL, TORC_LOG_ERROR);
    mine = TorcReactor_new(NULL);
    ck_assert_int_eq(TorcReactor_callWhenRunning(mine, misuse_in_thread, NULL), 0);
    (void)TorcReactor_callLater(mine, 20, stop_reactor, mine, NULL);
    (void)TorcReactor_run(mine);
}
END_TEST

static void use_transport(void *arg)
{
    (void)arg;
    (void)TorcTransport_write(transport, "x", 1);
}

static void hand_over(TorcProtocol *self)
{
    transport = self->transport;
    ck_assert_int_eq(TorcReactor_callInThread(mine, use_transport, NULL), 0);
}

static const TorcProtocolClass careless_class = {
    TORC_PROTOCOL_CLASS("careless", TorcProtocol),
    .connectionMade = hand_over,
};

START_TEST(a_write_from_another_thread_is_an_assertion)
{
    Node node = {.reactor = mine = TorcReactor_new(NULL)};
    ck_assert_int_eq(listen_node(&node), 0);
    TorcClientFactory *factory = TorcClientFactory_forProtocol(&careless_class);
    ck_assert_int_eq(TorcReactor_connectTCP(mine, "127.0.0.1", node.port, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    (void)TorcReactor_callLater(mine, 20, stop_reactor, mine, NULL);
    (void)TorcReactor_run(mine);
}
END_TEST

#endif

static Suite *suite(void)
{
    Suite *s = suite_create("many reactors");
    TCase *t = tcase_create("reactors");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, reactors_on_several_threads_serve_one_another);
    tcase_add_test(t, reactors_come_one_after_the_other_with_the_signals);
    tcase_add_test(t, two_reactors_of_one_thread_take_turns);
    tcase_add_test(t, a_callback_of_one_reactor_may_run_another);
    tcase_add_test(t, a_reactor_may_move_to_another_thread_between_runs);
#if LOOKS_AT_THREADS
    const char *forks = getenv("CK_FORK");
    if (!forks || strcmp(forks, "no") != 0) {
        tcase_add_loop_test_raise_signal(
            t, a_call_from_another_thread_is_an_assertion_while_the_reactor_runs, SIGABRT, 0,
            MISUSES);
        tcase_add_test_raise_signal(t, such_a_call_is_logged_with_the_name_of_the_function,
                                    SIGTRAP);
        tcase_add_test_raise_signal(t, a_write_from_another_thread_is_an_assertion, SIGABRT);
    }
#endif
    suite_add_tcase(s, t);
    return s;
}

RUN_SUITE(suite)
