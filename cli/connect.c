/* torc connect: joins standard input and output to one connection.
 *
 * Bytes of standard input are lent to the transport, which gives each piece back when the kernel
 * has it; so as much is read ahead as there are pieces. What the peer sends goes to the output's
 * queue, and while that is long the transport is paused. Everything here runs on the reactor's
 * thread; stdio_pump.c has the other two.
 *
 * The end: the connection is lost, and then all that came from it is written. */
#include <errno.h>
#include <stdio.h>

#include "cli.h"
#include "stdio_pump.h"

static const char command[] = "torc connect";

static const char help_text[] =
    "Usage: torc connect [OPTION...] ENDPOINT\n"
    "\n"
    "Joins standard input and output to a connection, in the manner of nc. At the end of\n"
    "standard input the write side of the connection is closed; torc ends when the peer has\n"
    "closed its side and all it sent is written.\n"
    "\n"
    "  tcp:HOST:PORT[:timeout=SECONDS][:bindAddress=ADDRESS]    all addresses of a host\n"
    "  tcp6:HOST:PORT...                                        IPv6 alone\n"
    "  unix:PATH[:timeout=SECONDS]                              a socket file, or @NAME\n"
    "  fd:N                                                     an inherited connection\n"
    "\n"
    "A ':' inside a value is written '\\:', as in 'tcp:\\:\\:1:8881'.\n"
    "\n"
    "Options:\n"
    "  -r, --reactor NAME       event loop: epoll, poll or select\n"
    "  -q, --quiet              errors only\n"
    "  -v, --verbose            log more; twice: everything\n"
    "  -h, --help               print this help\n"
    "  -V, --version            print the version\n"
    "\n"
    "Example: printf 'hello\\r\\n' | torc connect tcp:127.0.0.1:8881\n";

typedef struct Join {
    TorcFactory base;
    TorcReactor *reactor;
    const char *description;
    TorcTransport *transport; /* while there is a connection */
    bool output_finished;
    bool failed;
} Join;

static Join *join_of(TorcProtocol *self)
{
    return (Join *)self->factory;
}

static void end(Join *join)
{
    (void)TorcReactor_stop(join->reactor); /* it may be stopping already, by a signal */
}

/* The connection cannot serve any more; its loss leads to the end. */
static void give_up(Join *join)
{
    join->failed = true;
    if (join->transport)
        TorcTransport_abortConnection(join->transport);
}

/* ---- standard input and output ------------------------------------------------------------- */

static void input_received(void *arg, const void *data, ptrdiff_t length, InputChunk *chunk)
{
    Join *join = arg;
    if (length < 0) {
        cli_error("cannot read standard input: %s", torc_strerror((int)length));
        give_up(join);
    } else if (!join->transport) {
        if (chunk)
            input_release(chunk);
    } else if (length == 0) {
        (void)TorcTransport_loseWriteConnection(join->transport); /* fails only when closing */
    } else {
        (void)TorcTransport_writeOwned(join->transport, data, (size_t)length, input_release, chunk);
    }
}

static void output_drained(void *arg)
{
    Join *join = arg;
    if (join->transport)
        TorcTransport_resumeProducing(join->transport);
}

static void output_finished(void *arg, int result)
{
    Join *join = arg;
    join->output_finished = true;
    if (result < 0) {
        cli_error("cannot write to standard output: %s", torc_strerror(result));
        give_up(join);
    }
    if (!join->transport)
        end(join);
}

/* ---- the connection ------------------------------------------------------------------------ */

static void join_connectionMade(TorcProtocol *self)
{
    Join *join = join_of(self);
    const OutputFunctions functions = {output_drained, output_finished, join};
    join->transport = self->transport;
    int r = output_start(join->reactor, &functions);
    if (r == 0)
        r = input_start(join->reactor, input_received, join);
    if (r < 0) {
        cli_error("cannot start a thread: %s", torc_strerror(r));
        give_up(join);
    }
}

static void join_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    int r = output_write(data, length);
    if (r > 0)
        TorcTransport_pauseProducing(self->transport);
    if (r < 0) {
        cli_error("standard output: %s", torc_strerror(r));
        give_up(join_of(self));
    }
}

static void join_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Join *join = join_of(self);
    bool in_order = TorcReason_kind(reason) == TORC_CONNECTION_DONE || cli_interrupted(reason);
    join->transport = NULL;
    if (!join->failed && !in_order) {
        join->failed = true;
        cli_connectionError(join->description, reason);
    }
    if (join->output_finished)
        end(join);
    else
        output_end();
}

static const TorcProtocolClass join_class = {
    TORC_PROTOCOL_CLASS("connect", TorcProtocol),
    .connectionMade = join_connectionMade,
    .dataReceived = join_dataReceived,
    .connectionLost = join_connectionLost,
};

static const TorcFactoryClass join_factory_class = {
    TORC_FACTORY_CLASS("connect", Join),
    .protocol = &join_class,
};

static void connect_failed(TorcResult *result, void *arg)
{
    Join *join = arg;
    if (!cli_interrupted(result->reason)) {
        join->failed = true;
        cli_error("%s", TorcReason_text(result->reason)); /* it names what was tried */
    }
    TorcResult_clear(result);
    end(join);
}

/* ---- the command --------------------------------------------------------------------------- */

static int start(TorcReactor *reactor, const char *description, Join *join)
{
    TorcClientEndpoint *endpoint;
    int code = cli_readClientEndpoint(command, reactor, description,
                                      "standard input and output cannot be joined to themselves",
                                      &endpoint);
    if (code != CLI_OK)
        return code;
    TorcDeferred *connected;
    int r = TorcClientEndpoint_connect(endpoint, &join->base, &connected);
    TorcClientEndpoint_unref(endpoint);
    if (r < 0)
        return cli_error("cannot connect to %s: %s", description, cli_advice(r));
    (void)TorcDeferred_addErrback(connected, connect_failed, join); /* the first step always fits */
    TorcDeferred_detach(connected);
    return CLI_OK;
}

static int run(TorcReactor *reactor, const char *description)
{
    Join *join = (Join *)TorcFactory_new(&join_factory_class);
    if (!join)
        return cli_error("cannot connect to %s: %s", description, torc_strerror(-errno));
    join->reactor = reactor;
    join->description = description;

    int code = start(reactor, description, join);
    if (code == CLI_OK) {
        int r = TorcReactor_run(reactor);
        if (r < 0)
            code = cli_error("the event loop failed: %s", torc_strerror(r));
        else if (join->failed)
            code = CLI_FAILED;
    }
    input_stop();
    output_stop();
    TorcFactory_unref(&join->base);
    return code;
}

int cli_connect(int argc, char **argv)
{
    static const struct option options[] = {
        {"reactor", required_argument, NULL, 'r'}, {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},       {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
    };
    const char *backend = NULL;
    int verbosity = 0;
    int code = CLI_OK;
    int option;
    while (code == CLI_OK && (option = getopt_long(argc, argv, ":r:qvhV", options, NULL)) != -1) {
        switch (option) {
        case 'r': code = cli_readBackend(command, optarg, &backend); break;
        case 'q': verbosity = -1; break;
        case 'v': verbosity++; break;
        case 'h': return cli_print(help_text);
        case 'V': return cli_printVersion();
        default: code = cli_optionError(command, option, argv); break;
        }
    }
    if (code != CLI_OK)
        return code;
    if (argc - optind != 1)
        return cli_usageError(command, "%s",
                              argc == optind ? "an endpoint is missing, such as tcp:HOST:PORT"
                                             : "there must be one endpoint");
    cli_startLog(verbosity);
    TorcReactor *reactor = cli_newReactor(backend);
    if (!reactor)
        return CLI_FAILED;
    code = run(reactor, argv[optind]);
    TorcReactor_free(reactor);
    return code;
}
