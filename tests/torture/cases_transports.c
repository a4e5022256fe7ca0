/* Cases of ports, connectors and the stream transport. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "torture.h"

enum { BULK = 300 * 1000, PIECE = 20 * 1000 };

static char block[BULK];

/* ---- listening and connecting -------------------------------------------------------------- */

static void begin_and_end(void)
{
    turn();
}

static void listen_and_stop(void)
{
    TorcDeferred *done = NULL;
    TRY(listen_as(&server, NULL));
    turn();
    TRY(TorcPort_stopListening(server.port, &done) == 0);
    TRY(succeeded(outcome_of(done)));
    TRY(told(TorcPort_startListening(server.port)) == 0);
}

static void echo(void)
{
    TRY(connect_both(echo_back, say_hello));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void echo_many_times(void)
{
    TRY(connect_both(echo_back, say_hello));
    for (size_t i = 1; i < 20; i++) {
        TRY(until(client.received == i * HELLO));
        TRY(write_text(&client, "hello"));
    }
    TRY(lose_both());
}

static void many_connections(void)
{
    enum { MANY = 12 };
    TRY(listen_as(&server, echo_back));
    for (int i = 0; i < MANY; i++)
        TRY(connect_to(&server, &client, say_hello));
    TRY(until(client.received == (size_t)MANY * HELLO));
    TRY(TorcPort_connections(server.port) == MANY);
}

static void connect_refused(void)
{
    TRY(listen_as(&server, NULL));
    int port = port_of(&server);
    TRY(TorcPort_stopListening(server.port, NULL) == 0);
    TRY(party_factory(&client));
    TRY(TorcReactor_connectTCP(world.reactor, "127.0.0.1", port, party_factory(&client), NULL,
                               NULL) == 0);
    TRY(until(client.failed == 1));
    TRY(client.code == -ECONNREFUSED);
}

static void connect_by_name(void)
{
    const char *name = world.sim ? "example.org" : "localhost";
    TRY(listen_as(&server, echo_back));
    client.on_made = say_hello;
    TRY(party_factory(&client));
    TRY(TorcReactor_connectTCP(world.reactor, name, port_of(&server), party_factory(&client), NULL,
                               NULL) == 0);
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void connect_from_address(void)
{
    TRY(listen_as(&server, echo_back));
    client.on_made = say_hello;
    TRY(party_factory(&client));
    TRY(TorcReactor_connectTCP(world.reactor, "127.0.0.1", port_of(&server), party_factory(&client),
                               TORC_CONNECT_OPTIONS(.bindAddress = "127.0.0.1", .timeout = 3),
                               NULL) == 0);
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void connect_and_cancel(void)
{
    TorcConnector *connector = NULL;
    TRY(listen_as(&server, NULL));
    TRY(party_factory(&client));
    TRY(TorcReactor_connectTCP(world.reactor, "127.0.0.1", port_of(&server), party_factory(&client),
                               NULL, &connector) == 0);
    TRY(TorcConnector_stopConnecting(connector) == 0);
    TRY(until(client.failed == 1));
}

static void connect_timed_out(void)
{
    TorcSim_blackHole(world.sim, "192.0.2.1");
    TRY(party_factory(&client));
    TRY(TorcReactor_connectTCP(world.reactor, "192.0.2.1", 79, party_factory(&client),
                               TORC_CONNECT_OPTIONS(.timeout = 2), NULL) == 0);
    TRY(until(client.failed == 1));
    TRY(client.kind == TORC_CONNECTION_TIMED_OUT);
}

static void dual_stack_port(void)
{
    TorcPort *port = NULL;
    server.on_data = echo_back;
    TRY(party_base(&server));
    TRY(told(TorcReactor_listenTCP(world.reactor, 0, party_base(&server), NULL, &port)) == 0);
    server.port = TorcPort_ref(port);
    TRY(connect_to(&server, &client, say_hello));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void port_with_limit(void)
{
    TRY(listen_as(&server, echo_back));
    TRY(TorcPort_setMaxConnections(server.port, 2) == 0);
    for (int i = 0; i < 4; i++)
        TRY(connect_to(&server, &client, say_hello));
    TRY(until(server.made == 2 && client.made == 4));
    TorcTransport_loseConnection(server.transport);
    TRY(until(server.made == 3));
    TRY(TorcPort_setMaxConnections(server.port, 0) == 0);
    TRY(until(server.made == 4));
}

static void drain(void)
{
    TorcDeferred *done = NULL;
    TRY(connect_both(echo_back, say_hello));
    TRY(TorcPort_drain(server.port, 0.05, &done) == 0);
    TRY(succeeded(outcome_of(done)));
    TRY(server.lost == 1);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_bulk(Party *party)
{
    (void)WORKED(TorcTransport_write(party->transport, block, BULK) == 0);
}

static void bulk(void)
{
    TRY(connect_both(echo_back, write_bulk));
    TRY(until(client.received == BULK));
    TRY(lose_both());
}

static void write_pieces(Party *party)
{
    const TorcBytes pieces[] = {{block, PIECE}, {block, 1}, {block, PIECE}};
    (void)WORKED(TorcTransport_writeSequence(party->transport, pieces, 3) == 0);
    (void)WORKED(TorcTransport_printf(party->transport, "%*d", PIECE - 1, 7) == 0);
}

static void sequences(void)
{
    TRY(connect_both(echo_back, write_pieces));
    TRY(until(client.received == (size_t)3 * PIECE));
    TRY(lose_both());
}

static unsigned released;

static void release(void *arg)
{
    (void)arg;
    released++;
}

static void write_owned(Party *party)
{
    for (int i = 0; i < 3; i++)
        (void)WORKED(TorcTransport_writeOwned(party->transport, block, PIECE, release, NULL) == 0);
}

/* Each block is released once, whatever comes of it. */
static void owned_blocks(void)
{
    released = 0;
    if (!connect_both(echo_back, write_owned) || !until(client.received == (size_t)3 * PIECE))
        CHECK(faults_struck());
    if (client.transport)
        TorcTransport_abortConnection(client.transport);
    bool over = until(party_over(&client));
    CHECK(!over || released == 3 * client.made);
    TRY(over && released == 3);
}

/* More than the kernel takes. */
static int blocks_of_backlog(void)
{
    return world.sim ? 1 : 20;
}

static void slow_reader(void)
{
    TRY(connect_both(NULL, NULL));
    TorcTransport_pauseProducing(server.transport);
    TRY(TorcTransport_setWriteMarks(client.transport, 1000, 100) == 0);
    for (int i = 0; i < blocks_of_backlog(); i++)
        TRY(client.transport && TorcTransport_write(client.transport, block, BULK) == 0);
    TRY(until(client.paused == 1));
    TRY(server.transport);
    TorcTransport_resumeProducing(server.transport);
    TRY(until(client.resumed == 1));
    TRY(lose_both());
}

static void overflow(void)
{
    TRY(connect_both(NULL, NULL));
    TorcTransport_pauseProducing(server.transport);
    TRY(TorcTransport_setBufferLimit(client.transport, BULK) == 0);
    for (int i = 0; i < 60 && client.transport; i++) {
        (void)TorcTransport_write(client.transport, block, BULK);
        turn();
    }
    TRY(until(client.lost == 1));
}

/* ---- producers ----------------------------------------------------------------------------- */

static struct {
    TorcTransport *transport;
    unsigned left;
    unsigned stopped;
    bool paused;
} producer;

static void produce(void *arg)
{
    (void)arg;
    producer.paused = false;
    if (producer.left > 0 && TorcTransport_write(producer.transport, block, PIECE) == 0)
        producer.left--;
    else
        TorcTransport_unregisterProducer(producer.transport);
}

static void pause_producer(void *arg)
{
    (void)arg;
    producer.paused = true;
}

static void stop_producer(void *arg)
{
    (void)arg;
    producer.stopped++;
}

static const TorcProducerClass producer_class = {.size = sizeof(TorcProducerClass),
                                                 .pauseProducing = pause_producer,
                                                 .resumeProducing = produce,
                                                 .stopProducing = stop_producer};

static bool register_producer(bool streaming)
{
    memset(&producer, 0, sizeof(producer));
    producer.transport = client.transport;
    producer.left = 10;
    return TorcTransport_registerProducer(client.transport, &producer_class, NULL, streaming) == 0;
}

static void pull_producer(void)
{
    TRY(connect_both(NULL, NULL));
    TRY(register_producer(false));
    TorcTransport_loseConnection(client.transport); /* which waits for it */
    TRY(until(party_over(&server)));
    TRY(server.received == (size_t)10 * PIECE);
}

static void push_producer(void)
{
    TRY(connect_both(NULL, NULL));
    TRY(register_producer(true));
    while (producer.left > 0 && client.transport) {
        if (!producer.paused)
            produce(NULL);
        turn();
        TRY(producer.left == 0 || until(!producer.paused || !client.transport));
    }
    if (client.transport)
        TorcTransport_unregisterProducer(client.transport);
    TRY(lose_both());
    TRY(server.received == (size_t)10 * PIECE);
}

/* ---- files --------------------------------------------------------------------------------- */

static const char *file_path(void)
{
    static char path[64];
    strcpy(path, world.directory);
    return strcat(path, "/file");
}

/* On a simulation it is the simulated system's. */
static int open_file(void)
{
    if (world.sim)
        return -1;
    faults_pause();
    int fd = open(file_path(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, block, BULK) == BULK && unlink(file_path()) == 0);
    faults_resume();
    return fd;
}

static void send_file(void)
{
    TorcDeferred *done = NULL;
    int fd = open_file();
    int r = -1;
    if (connect_both(NULL, NULL))
        r = told(TorcTransport_sendFile(client.transport, fd, 0, UINT64_MAX, &done));
    faults_pause();
    (void)close(fd);
    faults_resume();
    TRY(r == 0);
    TRY(succeeded(outcome_of(done)));
    TRY(lose_both());
    TRY(server.received == BULK);
}

/* ---- ending -------------------------------------------------------------------------------- */

static void half_close(void)
{
    server.half_closeable = client.half_closeable = true;
    TRY(connect_both(echo_back, say_hello));
    TRY(until(client.received == HELLO));
    TRY(TorcTransport_loseWriteConnection(client.transport) == 0);
    TRY(until(party_over(&client) && party_over(&server)));
    TRY(server.ended == 1);
}

static void abort_it(void)
{
    TRY(connect_both(NULL, write_bulk));
    TorcTransport_abortConnection(client.transport);
    TRY(until(party_over(&client) && party_over(&server)));
    TRY(client.kind == TORC_CONNECTION_ABORTED);
}

static void fail_it(void)
{
    TRY(connect_both(NULL, say_hello));
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, -EPROTO, "line %d", 7);
    TorcTransport_failConnection(client.transport, reason);
    TorcReason_unref(reason);
    TRY(until(party_over(&client) && party_over(&server)));
    TRY(client.kind == TORC_CONNECTION_APPLICATION);
}

static void close_timeout(void)
{
    TRY(connect_both(NULL, NULL));
    TorcTransport_pauseProducing(server.transport);
    TRY(TorcTransport_setCloseTimeout(client.transport, 0.01) == 0);
    for (int i = 0; i < blocks_of_backlog(); i++)
        TRY(TorcTransport_write(client.transport, block, BULK) == 0);
    TorcTransport_loseConnection(client.transport);
    TRY(until(client.lost == 1));
}

static void pause_and_resume(void)
{
    TRY(connect_both(echo_back, NULL));
    TorcTransport_pauseProducing(server.transport);
    TRY(write_text(&client, "hello"));
    turn();
    TRY(server.transport);
    TorcTransport_resumeProducing(server.transport);
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

/* ---- two transports joined ----------------------------------------------------------------- */

static Party inner; /* the client's other connection, of a third party */

static bool join_both(void)
{
    TorcDeferred *done = NULL;
    if (!connect_both(NULL, NULL) || !connect_to(&server, &inner, NULL) ||
        !until(inner.made == 1 && server.made == 2) || !inner.transport || !client.transport ||
        torc_joinTransports(client.transport, inner.transport, &done) < 0)
        return false;
    party_abort(&server);
    return succeeded(outcome_of(done));
}

static void proxy(void)
{
    inner = (Party){0};
    bool joined = join_both();
    party_abort(&inner);
    MUST_COME(party_over(&inner));
    if (inner.factory)
        TorcFactory_unref(&inner.factory->base);
    TRY(joined);
}

/* ---- options ------------------------------------------------------------------------------- */

static void options(void)
{
    TorcAddress address;
    TRY(connect_both(echo_back, NULL));
    TRY(told(TorcTransport_setTcpKeepAliveTimes(client.transport, 10, 10, 3)) == 0);
    TRY(told(TorcTransport_setTcpUserTimeout(client.transport, 10)) == 0);
    TorcTransport_getHost(client.transport, &address);
    TorcTransport_getPeer(server.transport, &address);
    TRY(lose_both());
}

const TortureCase transport_cases[] = {
    {"reactor", begin_and_end, ON_ALL},
    {"listen", listen_and_stop, ON_ALL | CALLS},
    {"echo", echo, ON_ALL | CALLS},
    {"echo-again", echo_many_times, ON_ALL | CALLS},
    {"many", many_connections, ON_ALL},
    {"refused", connect_refused, ON_ALL | CALLS},
    {"name", connect_by_name, ON_ALL | CALLS},
    {"bind-address", connect_from_address, ON_ALL | CALLS},
    {"cancel", connect_and_cancel, ON_ALL},
    {"timeout", connect_timed_out, ON_SIM},
    {"dual-stack", dual_stack_port, ON_ALL | CALLS},
    {"limit", port_with_limit, ON_ALL | CALLS},
    {"drain", drain, ON_ALL | CALLS},
    {"bulk", bulk, ON_ALL | CALLS},
    {"sequence", sequences, ON_ALL | CALLS},
    {"owned", owned_blocks, ON_ALL},
    {"slow-reader", slow_reader, ON_ALL | CALLS},
    {"overflow", overflow, ON_ALL},
    {"pull", pull_producer, ON_ALL | CALLS},
    {"push", push_producer, ON_ALL | CALLS},
    {"send-file", send_file, ON_REAL | CALLS},
    {"half-close", half_close, ON_ALL | CALLS},
    {"abort", abort_it, ON_ALL | CALLS},
    {"fail", fail_it, ON_ALL},
    {"close-timeout", close_timeout, ON_ALL},
    {"pause", pause_and_resume, ON_ALL | CALLS},
    {"proxy", proxy, ON_ALL | CALLS},
    {"options", options, ON_ALL | CALLS},
    {0},
};
