/* The code of docs/loop.md: answers of threads, signals, a server of several processes. Every block
 * of C on that page stands in this file (howto_test.sh sees to that). */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <torc/torc.h>

/* ---- coming back with a connection's id ---------------------------------------------------- */

typedef struct Lookup {
    TorcReactor *reactor;
    TorcConnectionId id;
    char text[32];
} Lookup;

static void slow_query(Lookup *lookup)
{
    snprintf(lookup->text, sizeof(lookup->text), "found\r\n");
}

static void answer(void *arg) /* on the reactor's thread */
{
    Lookup *lookup = arg;
    TorcProtocol *protocol = TorcConnectionId_protocol(lookup->id);
    if (protocol)
        TorcTransport_write(protocol->transport, lookup->text, strlen(lookup->text));
    free(lookup);
}

static void work(void *arg) /* on a thread of the pool */
{
    Lookup *lookup = arg;
    slow_query(lookup);
    TorcReactor_callFromThread(lookup->reactor, answer, lookup);
}

static void ask_by_id(TorcProtocol *self, const void *data, size_t length)
{
    Lookup *lookup = calloc(1, sizeof(*lookup));
    (void)data;
    (void)length;
    ck_assert_ptr_nonnull(lookup);
    lookup->reactor = TorcTransport_getReactor(self->transport);
    lookup->id = TorcTransport_getConnectionId(self->transport);
    ck_assert_int_eq(TorcReactor_callInThread(lookup->reactor, work, lookup), 0);
}

static const TorcProtocolClass by_id_class = {
    TORC_PROTOCOL_CLASS("by-id", TorcProtocol),
    .dataReceived = ask_by_id,
};

/* ---- coming back with a deferred ----------------------------------------------------------- */

static void query(TorcResult *result, void *arg) /* on a thread of the pool */
{
    (void)arg;
    TorcResult_set(result, strdup("found\r\n"), free);
}

static void reply(TorcResult *result, void *arg)
{
    TorcProtocol *self = arg; /* still connected, or this would not be called */
    const char *text = result->reason ? TorcReason_text(result->reason) : result->value;
    TorcTransport_write(self->transport, text, strlen(text));
}

static void database_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    TorcReactor *reactor = TorcTransport_getReactor(self->transport);
    TorcDeferred *found;
    (void)data;
    (void)length;
    int r = TorcReactor_deferToThread(reactor, query, NULL, &found);
    if (r == 0) {
        r = TorcDeferred_bind(found, self);
        if (r == 0)
            TorcDeferred_addCallback(found, reply, self);
        TorcDeferred_detach(found);
    }
    if (r < 0)
        TorcTransport_abortConnection(self->transport);
}

static const TorcProtocolClass database_class = {
    TORC_PROTOCOL_CLASS("database", TorcProtocol),
    .dataReceived = database_dataReceived,
};

static TorcSimPeer *ask(TorcSim *sim, const TorcProtocolClass *cls)
{
    TorcFactory *factory = TorcFactory_forProtocol(cls);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), 8881, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    TorcSimPeer_send(peer, "where\r\n");
    return peer;
}

START_TEST(the_answer_of_a_thread_reaches_the_connection)
{
    TorcSim *sim = TorcSim_new(1);
    TorcSimPeer *peer = ask(sim, _i ? &database_class : &by_id_class);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "found\r\n");
    TorcSim_free(sim);
}
END_TEST

START_TEST(the_answer_for_a_connection_that_has_gone_is_dropped)
{
    TorcSim *sim = TorcSim_new(1);
    TorcSim_setJobDelay(sim, 5);
    TorcSimPeer *peer = ask(sim, _i ? &database_class : &by_id_class);
    TorcSim_advance(sim, 1);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 10);
    TorcSim_free(sim);
}
END_TEST

/* ---- signals ------------------------------------------------------------------------------- */

typedef struct Settings {
    int loaded;
} Settings;

static void load(Settings *settings)
{
    settings->loaded++;
}

static void reload(void *arg)
{
    Settings *settings = arg;
    load(settings); /* may allocate, log, write to connections */
}

static int reload_on_hangup(TorcReactor *reactor, Settings *settings)
{
    return TorcReactor_addSignalHandler(reactor, SIGHUP, reload, settings);
}

START_TEST(a_hangup_reloads)
{
    Settings settings = {0};
    TorcSim *sim = TorcSim_new(1);
    ck_assert_int_eq(reload_on_hangup(TorcSim_reactor(sim), &settings), 0);
    for (int i = 1; i <= 2; i++) {
        TorcSim_raise(sim, SIGHUP);
        TorcSim_advance(sim, 0);
        ck_assert_int_eq(settings.loaded, i);
    }
    TorcSim_free(sim);
}
END_TEST

/* ---- several processes --------------------------------------------------------------------- */

enum { WORKERS = 3 };

/* Each process accepts from the same port. */
static int run_worker(TorcReactor *reactor)
{
    int r = TorcReactor_reinitAfterFork(reactor);
    if (r == 0)
        r = TorcReactor_run(reactor);
    TorcReactor_free(reactor);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void start_workers(TorcReactor *reactor, pid_t pids[WORKERS])
{
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(run_worker(reactor));
    }
}

static void say_hello(TorcProtocol *self)
{
    TorcTransport_write(self->transport, "hello\r\n", 7);
    TorcTransport_loseConnection(self->transport);
}

static const TorcProtocolClass hello_class = {
    TORC_PROTOCOL_CLASS("hello", TorcProtocol),
    .connectionMade = say_hello,
};

static void check_hello(uint16_t number)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(number)};
    const struct timeval limit = {.tv_sec = 20};
    char text[16] = "";
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    ck_assert_int_eq(recv(fd, text, sizeof(text) - 1, MSG_WAITALL), 7);
    ck_assert_str_eq(text, "hello\r\n");
    close(fd);
}

static int ready[2]; /* a pipe: each worker writes a byte when it runs */

static void tell_ready(void *arg)
{
    (void)arg;
    ck_assert_int_eq(write(ready[1], "r", 1), 1);
}

/* A signal that comes before a worker's reactor catches it would have its default effect. */
static void wait_for_workers(void)
{
    char byte;
    for (int i = 0; i < WORKERS; i++)
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
}

START_TEST(workers_share_a_port)
{
    pid_t pids[WORKERS];
    TorcPort *port;
    TorcAddress address;
    TorcReactor *reactor = TorcReactor_new(NULL);
    TorcFactory *factory = TorcFactory_forProtocol(&hello_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 0, factory,
                                           TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port),
                     0);
    TorcFactory_unref(factory);
    TorcPort_getHost(port, &address);
    ck_assert_int_eq(pipe(ready), 0);
    TorcReactor_callWhenRunning(reactor, tell_ready, NULL);
    start_workers(reactor, pids);
    wait_for_workers();
    for (int i = 0; i < 20; i++)
        check_hello(address.port);
    for (int i = 0; i < WORKERS; i++) {
        int status;
        ck_assert_int_eq(kill(pids[i], SIGTERM), 0);
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    }
    TorcReactor_free(reactor);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the loop");
    TCase *tcase = tcase_create("the loop");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, the_answer_of_a_thread_reaches_the_connection, 0, 2);
    tcase_add_loop_test(tcase, the_answer_for_a_connection_that_has_gone_is_dropped, 0, 2);
    tcase_add_test(tcase, a_hangup_reloads);
    tcase_add_test(tcase, workers_share_a_port);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
