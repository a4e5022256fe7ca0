/* The code on docs/connections.md about ports at their limits and about descriptors, compiled and
 * run. */
#include "reactor/reactor_internal.h"

#include "../support/stream_test.h"

#include <stdio.h>
#include <unistd.h>

/* ---- limits -------------------------------------------------------------------------------- */

typedef struct Server {
    TorcReactor *reactor;
    TorcPort *port;
} Server;

static int start(Server *server, TorcFactory *factory)
{
    return TorcReactor_listenTCP(server->reactor, 8881, factory,
                                 TORC_LISTEN_OPTIONS(.maxConnections = 1000), &server->port);
}

static Server begin_server(void)
{
    Server server = {0};
    begin(EDGE);
    server.reactor = reactor;
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(start(&server, &factory->base), 0);
    TorcFactory_unref(&factory->base);
    return server;
}

START_TEST(a_server_with_a_limit)
{
    Server server = begin_server();
    ck_assert_int_eq(TorcPort_setMaxConnections(server.port, 1), 0);
    connect_peer();
    connect_peer();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

/* ---- pausing ------------------------------------------------------------------------------- */

static void database_went_away(Server *server)
{
    TorcPort_pauseAccepting(server->port);
}

static void database_came_back(Server *server)
{
    TorcPort_resumeAccepting(server->port);
}

START_TEST(a_server_that_pauses)
{
    Server server = begin_server();
    database_went_away(&server);
    connect_peer();
    ck_assert_str_eq(rec.log, "");
    database_came_back(&server);
    settle();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

/* ---- draining ------------------------------------------------------------------------------ */

static void let_them_finish(void *arg)
{
    Server *server = arg;
    TorcDeferred *done;
    if (TorcPort_drain(server->port, 30.0, &done) == 0)
        TorcReactor_holdShutdown(server->reactor, done);
}

static int stop_gracefully(Server *server)
{
    return TorcReactor_addSystemEventTrigger(server->reactor, TORC_PHASE_BEFORE,
                                             TORC_EVENT_SHUTDOWN, let_them_finish, server, NULL);
}

static void close_peer(void *arg)
{
    TorcSimPeer_close(arg);
}

START_TEST(a_server_that_stops_gracefully)
{
    Server server = begin_server();
    ck_assert_int_eq(stop_gracefully(&server), 0);
    peer = connect_peer();
    stop_after(1);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 20, close_peer, peer, NULL), 0);
    double before = TorcReactor_seconds(reactor);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_double_eq_tol(TorcReactor_seconds(reactor) - before, 20, 0.1);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

/* ---- descriptors --------------------------------------------------------------------------- */

static void hand_over(TorcTransport *worker, int fd, const char *path)
{
    if (TorcTransport_sendFileDescriptor(worker, fd) == 0)
        TorcTransport_printf(worker, "%s\r\n", path);
}

typedef struct Worker {
    TorcLineReceiver base;
    int file; /* -1: none has come */
} Worker;

static void worker_connectionMade(TorcProtocol *self)
{
    ((Worker *)self)->file = -1;
}

static void worker_fileDescriptorReceived(TorcProtocol *self, int fd)
{
    Worker *worker = (Worker *)self;
    if (worker->file >= 0)
        close(worker->file);
    worker->file = fd;
}

static char last_line[64];
static char last_bytes[64];

static void work_on(Worker *worker, const char *line)
{
    ssize_t n = pread(worker->file, last_bytes, sizeof(last_bytes) - 1, 0);
    ck_assert_int_ge(n, 0);
    snprintf(last_line, sizeof(last_line), "%s", line);
}

static void worker_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    Worker *worker = (Worker *)self;
    (void)length;
    if (worker->file >= 0)
        work_on(worker, line);
}

static void worker_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Worker *worker = (Worker *)self;
    (void)reason;
    if (worker->file >= 0)
        close(worker->file);
}

static const TorcLineReceiverClass worker_class = {
    TORC_LINE_RECEIVER_CLASS("worker", Worker),
    .protocol.connectionMade = worker_connectionMade,
    .protocol.fileDescriptorReceived = worker_fileDescriptorReceived,
    .protocol.connectionLost = worker_connectionLost,
    .lineReceived = worker_lineReceived,
};

START_TEST(a_worker_gets_a_file)
{
    char path[64];
    reactor = TorcReactor_new(NULL);
    snprintf(path, sizeof(path), "@torc-docs-%d", (int)getpid());
    TorcFactory *workers = TorcFactory_forProtocol(&worker_class.protocol);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, path, workers, NULL, NULL), 0);
    TorcFactory_unref(workers);
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_connectUNIX(reactor, path, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    while (!rec.transport)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 1), 0);

    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    fputs("contents", file);
    fflush(file);
    hand_over(rec.transport, fileno(file), "/the/name");
    fclose(file); /* the duplicate is on its way */
    while (last_line[0] == '\0')
        ck_assert_int_eq(TorcReactor_iterate(reactor, 1), 0);
    ck_assert_str_eq(last_line, "/the/name");
    ck_assert_str_eq(last_bytes, "contents");
    TorcReactor_free(reactor);
    Recording_done(&rec);
}
END_TEST

RUN_LOOP_TESTS("limits on docs/connections.md", {a_server_with_a_limit, 1},
               {a_server_that_pauses, 1}, {a_server_that_stops_gracefully, 1},
               {a_worker_gets_a_file, 1})
