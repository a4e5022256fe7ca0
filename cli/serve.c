/* torc serve: one protocol on any number of endpoints, all in one loop.
 *
 * All descriptions are read before the first is listened on, and all are listened on before the
 * loop runs: the command either serves everything it was asked to, or nothing. The addresses are
 * printed once the loop runs, for only then SIGINT and SIGTERM end it in order; whoever waits for
 * the lines may send a signal next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "services.h"

static const char command[] = "torc serve";

static const char help_text[] =
    "Usage: torc serve echo|line|finger [OPTION...]\n"
    "\n"
    "  echo     sends back every byte (RFC 862)           tcp:8881 by default\n"
    "  line     sends back every line                     tcp:8881 by default\n"
    "  finger   tells about users (RFC 1288)              tcp:79 by default\n"
    "\n"
    "Options:\n"
    "  -l, --listen ENDPOINT    where to listen; may be given several times\n"
    "  -b, --buffer-limit SIZE  most bytes waiting for one slow client, such as 512K or 16M\n"
    "                           (the default), or \"off\"; for finger the longest answer,\n"
    "                           1M by default\n"
    "  -r, --reactor NAME       event loop: epoll, poll or select\n"
    "  -q, --quiet              errors only; addresses are not printed\n"
    "  -v, --verbose            log more; twice: everything\n"
    "  -h, --help               print this help\n"
    "  -V, --version            print the version\n"
    "\n"
    "For finger:\n"
    "  -u, --user 'LOGIN:FULL NAME[:PLAN FILE]'\n"
    "                           somebody to tell about; may be given several times\n"
    "      --system             tell about the users of this system\n"
    "\n"
    "Endpoints:\n"
    "  tcp:PORT[:interface=ADDRESS][:backlog=N][:reusePort=yes]    IPv4 and IPv6\n"
    "  tcp6:PORT...                                                IPv6 alone\n"
    "Port 0 is any free one. A ':' inside a value is written '\\:', as in\n"
    "'tcp:8881:interface=\\:\\:1'. Each address is printed as \"listening on ...\".\n";

typedef struct Serve {
    Service service;
    const char *backend;
    bool quiet;
    int verbosity;
    TorcReactor *reactor;
    int code; /* the exit code so far */
    size_t count;
    const char **descriptions;
    TorcServerEndpoint **endpoints;
    TorcPort **ports;
} Serve;

/* ---- listening ----------------------------------------------------------------------------- */

static int read_endpoints(Serve *serve)
{
    for (size_t i = 0; i < serve->count; i++) {
        TorcReason *reason;
        int r = TorcServerEndpoint_fromString(serve->reactor, serve->descriptions[i],
                                              &serve->endpoints[i], &reason);
        if (r < 0) {
            int code = r == -TORC_EENDPOINT ? cli_usageError(command, "%s", TorcReason_text(reason))
                                            : cli_error("%s", TorcReason_text(reason));
            TorcReason_unref(reason);
            return code;
        }
    }
    return CLI_OK;
}

static int listen_all(Serve *serve, TorcFactory *factory)
{
    for (size_t i = 0; i < serve->count; i++) {
        int r = TorcServerEndpoint_listen(serve->endpoints[i], factory, &serve->ports[i]);
        if (r < 0)
            return cli_error("cannot listen on %s: %s", serve->descriptions[i], cli_advice(r));
    }
    return CLI_OK;
}

static void print_addresses(void *arg)
{
    Serve *serve = arg;
    for (size_t i = 0; i < serve->count && serve->code == CLI_OK; i++) {
        char text[TORC_ADDRESS_TEXT_SIZE];
        char line[TORC_ADDRESS_TEXT_SIZE + 32];
        TorcAddress address;
        TorcPort_getHost(serve->ports[i], &address);
        TorcAddress_format(&address, text, sizeof(text));
        snprintf(line, sizeof(line), "listening on %s\n", text);
        serve->code = cli_print(line);
    }
    if (serve->code != CLI_OK)
        (void)TorcReactor_stop(serve->reactor);
}

static int run(Serve *serve)
{
    int r = 0;
    if (!serve->quiet)
        r = TorcReactor_callWhenRunning(serve->reactor, print_addresses, serve);
    if (r == 0)
        r = TorcReactor_run(serve->reactor);
    return r < 0 ? cli_error("the event loop failed: %s", torc_strerror(r)) : serve->code;
}

static int serve_all(Serve *serve)
{
    int code = read_endpoints(serve);
    if (code != CLI_OK)
        return code;
    TorcFactory *factory = service_newFactory(&serve->service);
    if (!factory)
        return cli_error("cannot serve %s: %s", service_name(&serve->service),
                         torc_strerror(-errno));
    code = listen_all(serve, factory);
    if (code == CLI_OK)
        code = run(serve);
    TorcFactory_unref(factory);
    return code;
}

static int serve_on_reactor(Serve *serve)
{
    serve->reactor = cli_newReactor(serve->backend);
    if (!serve->reactor)
        return CLI_FAILED;
    int code = serve_all(serve);
    for (size_t i = 0; i < serve->count; i++)
        TorcServerEndpoint_free(serve->endpoints[i]);
    TorcReactor_free(serve->reactor);
    return code;
}

/* ---- options ------------------------------------------------------------------------------- */

/* Bytes, with K, M or G for powers of 1024, or "off". */
static int read_size(const char *argument, size_t *ret_size)
{
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    unsigned long long size = strtoull(argument, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (strcmp(argument, "off") == 0) {
        *ret_size = SERVICE_NO_LIMIT;
        return CLI_OK;
    }
    if (*argument < '0' || *argument > '9' || end[unit ? 1 : 0] || errno == ERANGE ||
        size > SERVICE_NO_LIMIT >> shift || size << shift < SERVICE_LEAST_LIMIT)
        return cli_usageError(command,
                              "the buffer limit must be at least 512K, such as 16M, or \"off\", "
                              "not \"%s\"",
                              argument);
    *ret_size = (size_t)(size << shift);
    return CLI_OK;
}

enum { OPTION_SYSTEM = 256 };

static int read_option(Serve *serve, int option, char **argv)
{
    switch (option) {
    case 'l': serve->descriptions[serve->count++] = optarg; return CLI_OK;
    case 'b': return read_size(optarg, &serve->service.buffer_limit);
    case 'r': return cli_readBackend(command, optarg, &serve->backend);
    case 'q':
        serve->quiet = true;
        serve->verbosity = -1;
        return CLI_OK;
    case 'v': serve->verbosity++; return CLI_OK;
    case 'u': return service_addUser(&serve->service, command, optarg);
    case OPTION_SYSTEM: serve->service.system_users = true; return CLI_OK;
    default: return cli_optionError(command, option, argv);
    }
}

static int read_options(int argc, char **argv, Serve *serve, bool *ret_done)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"buffer-limit", required_argument, NULL, 'b'},
        {"reactor", required_argument, NULL, 'r'},
        {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},
        {"user", required_argument, NULL, 'u'},
        {"system", no_argument, NULL, OPTION_SYSTEM},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int code = CLI_OK;
    int option;
    while (code == CLI_OK &&
           (option = getopt_long(argc, argv, ":l:b:r:qvu:hV", options, NULL)) != -1) {
        *ret_done = option == 'h' || option == 'V';
        if (*ret_done)
            return option == 'h' ? cli_print(help_text) : cli_printVersion();
        code = read_option(serve, option, argv);
    }
    return code;
}

static int read_arguments(int argc, char **argv, Serve *serve, bool *ret_done)
{
    int code = read_options(argc, argv, serve, ret_done);
    if (code != CLI_OK || *ret_done)
        return code;
    if (argc - optind != 1)
        return cli_usageError(command, "%s",
                              argc == optind ? "say what to serve: echo, line or finger"
                                             : "one thing at a time can be served");
    code = service_choose(&serve->service, command, argv[optind]);
    if (code == CLI_OK && serve->count == 0)
        serve->descriptions[serve->count++] = service_defaultEndpoint(&serve->service);
    return code;
}

/* As many of everything as there are arguments is enough. */
static bool allocate(Serve *serve, size_t count)
{
    serve->descriptions = calloc(count, sizeof(*serve->descriptions));
    serve->endpoints = calloc(count, sizeof(*serve->endpoints));
    serve->ports = calloc(count, sizeof(*serve->ports));
    return serve->descriptions && serve->endpoints && serve->ports;
}

int cli_serve(int argc, char **argv)
{
    Serve serve = {.code = CLI_OK};
    bool done = false;
    int code = CLI_FAILED;
    if (allocate(&serve, (size_t)argc + 1))
        code = read_arguments(argc, argv, &serve, &done);
    else
        cli_error("cannot start: %s", torc_strerror(-ENOMEM));
    if (code == CLI_OK && !done) {
        cli_startLog(serve.verbosity);
        code = serve_on_reactor(&serve);
    }
    service_done(&serve.service);
    free(serve.descriptions);
    free(serve.endpoints);
    free(serve.ports);
    return code;
}
