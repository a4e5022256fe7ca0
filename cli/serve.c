/* torc serve: one protocol on any number of endpoints, all in one loop: a service for each, and one
 * that is made of them.
 *
 * All descriptions are read before the first is listened on, and all are listened on before the
 * loop runs: the command either serves everything it was asked to, or nothing. The addresses are
 * printed once the loop runs, for only then SIGINT and SIGTERM end it in order; whoever waits for
 * the lines may send a signal next. Not so when a connection has standard output for itself.
 *
 * The command ends when nothing is served any more: by a signal, or, with "stdio:" alone, when that
 * one connection is over. */
#include <errno.h>
#include <limits.h>
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
    "  -m, --max-connections N  most connections at a time on each endpoint; those who come\n"
    "                           beyond them wait until one ends\n"
    "      --refuse-excess      close those beyond --max-connections at once instead\n"
    "  -i, --idle-timeout SECONDS\n"
    "                           end a connection on which no byte came or went for so long;\n"
    "                           \"off\" by default\n"
    "  -c, --close-timeout SECONDS\n"
    "                           end a connection that is to be closed when the client takes\n"
    "                           no byte for so long; 30 by default, or \"off\"; not while\n"
    "                           the grace period runs\n"
    "  -g, --grace SECONDS      when told to stop, give connections so long to end by\n"
    "                           themselves; a second signal ends the wait\n"
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
    "  unix:PATH[:mode=660][:backlog=N][:lockfile=no]              a socket file\n"
    "  unix:@NAME                                                  an abstract name\n"
    "  fd:N                                                        an inherited socket\n"
    "  systemd:name=NAME, systemd:index=N                          one passed by systemd\n"
    "  stdio:                                                      one client, here\n"
    "All but stdio: take maxConnections=N and refuseExcess=yes too, each for itself.\n"
    "Port 0 is any free one. A ':' inside a value is written '\\:', as in\n"
    "'tcp:8881:interface=\\:\\:1'. Each address is printed as \"listening on ...\".\n"
    "SIGUSR1 has everything that the server holds listed on standard error.\n";

typedef struct Serve {
    Service service;
    const char *backend;
    bool quiet;
    int verbosity;
    unsigned max_connections; /* 0: no limit */
    bool refuse_excess;
    double idle_timeout;  /* seconds; 0: none */
    double close_timeout; /* seconds; 0: the default; negative: none */
    double grace;         /* seconds; 0: none */
    TorcReactor *reactor;
    int code; /* the exit code so far */
    size_t count;
    const char **descriptions;
    TorcServerService **servers; /* one for each, the application's */
} Serve;

/* ---- the end ------------------------------------------------------------------------------- */

/* Stands between the ports and the service's factory. */
typedef struct Served {
    TorcFactory base;
    TorcFactory *inner;
    TorcReactor *reactor;
} Served;

static void served_startFactory(TorcFactory *self)
{
    TorcFactory_doStart(((Served *)self)->inner);
}

static void served_stopFactory(TorcFactory *self)
{
    Served *served = (Served *)self;
    TorcFactory_doStop(served->inner);
    (void)TorcReactor_stop(served->reactor); /* it may be stopping already, by a signal */
}

static int served_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                TorcProtocol **ret_protocol)
{
    return TorcFactory_buildProtocol(((Served *)self)->inner, peer, ret_protocol);
}

static void served_destroy(TorcFactory *self)
{
    TorcFactory_unref(((Served *)self)->inner);
}

static const TorcFactoryClass served_class = {
    TORC_FACTORY_CLASS("serve", Served), .startFactory = served_startFactory,
    .stopFactory = served_stopFactory,   .buildProtocol = served_buildProtocol,
    .destroy = served_destroy,
};

/* Takes over the reference to the factory, also when it fails. */
static TorcFactory *new_served(TorcFactory *inner, const Serve *serve)
{
    Served *served = inner ? (Served *)TorcFactory_new(&served_class) : NULL;
    if (!served) {
        TorcFactory_unref(inner);
        return NULL;
    }
    served->inner = inner;
    served->reactor = serve->reactor;
    TorcFactory_copyLimits(&served->base, inner);
    (void)TorcFactory_setIdleTimeout(&served->base, serve->idle_timeout); /* both were checked */
    (void)TorcFactory_setCloseTimeout(&served->base, serve->close_timeout);
    return &served->base;
}

/* ---- listening ----------------------------------------------------------------------------- */

static int read_endpoint(const Serve *serve, const char *description,
                         TorcServerEndpoint **ret_endpoint)
{
    TorcReason *reason;
    int r = TorcServerEndpoint_fromString(serve->reactor, description, ret_endpoint, &reason);
    if (r == 0)
        return CLI_OK;
    return cli_endpointError(command, r, reason);
}

/* NULL: out of memory. */
static TorcServerService *add_server(TorcMultiService *application, TorcServerEndpoint *endpoint,
                                     TorcFactory *factory)
{
    TorcServerService *server = TorcServerService_new(endpoint, factory);
    if (!server)
        return NULL;
    TorcService *service = TorcServerService_service(server);
    int r = TorcMultiService_addService(application, service);
    TorcService_unref(service); /* the application has it */
    return r < 0 ? NULL : server;
}

static int add_servers(Serve *serve, TorcMultiService *application, TorcFactory *factory)
{
    for (size_t i = 0; i < serve->count; i++) {
        TorcServerEndpoint *endpoint;
        int code = read_endpoint(serve, serve->descriptions[i], &endpoint);
        if (code != CLI_OK)
            return code;
        serve->servers[i] = add_server(application, endpoint, factory);
        TorcServerEndpoint_unref(endpoint);
        if (!serve->servers[i])
            return cli_error("cannot start: %s", torc_strerror(-ENOMEM));
    }
    return CLI_OK;
}

static int listen_all(const Serve *serve, TorcService *application)
{
    int r = TorcService_privilegedStart(application);
    for (size_t i = 0; i < serve->count && r < 0; i++)
        if (TorcServerService_service(serve->servers[i])->error < 0)
            return cli_error("cannot listen on %s: %s", serve->descriptions[i], cli_advice(r));
    return r < 0 ? cli_error("cannot start: %s", torc_strerror(r)) : CLI_OK;
}

/* An endpoint with a limit of its own keeps it, and what it does beyond. ("stdio:" has no port.) */
static void set_limits(const Serve *serve)
{
    for (size_t i = 0; i < serve->count; i++) {
        TorcPort *port = TorcServerService_port(serve->servers[i]);
        if (!port || TorcPort_maxConnections(port) > 0)
            continue;
        (void)TorcPort_setMaxConnections(port, serve->max_connections);
        if (serve->refuse_excess)
            (void)TorcPort_setRefuseExcess(port, true);
    }
}

/* Before shutdown, and before the services stop. */
static void drain_ports(void *arg)
{
    const Serve *serve = arg;
    for (size_t i = 0; i < serve->count; i++) {
        TorcPort *port = TorcServerService_port(serve->servers[i]);
        TorcDeferred *drained;
        if (port && TorcPort_drain(port, serve->grace, &drained) == 0)
            (void)TorcReactor_holdShutdown(serve->reactor, drained); /* or the end comes earlier */
    }
}

static int drain_at_the_end(Serve *serve)
{
    if (serve->grace <= 0)
        return 0;
    return TorcReactor_addSystemEventTrigger(serve->reactor, TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN,
                                             drain_ports, serve, NULL);
}

static void print_addresses(void *arg)
{
    Serve *serve = arg;
    for (size_t i = 0; i < serve->count && serve->code == CLI_OK; i++) {
        char text[TORC_ADDRESS_TEXT_SIZE];
        char line[TORC_ADDRESS_TEXT_SIZE + 32];
        TorcAddress address;
        TorcPort_getHost(TorcServerService_port(serve->servers[i]), &address);
        TorcAddress_format(&address, text, sizeof(text));
        snprintf(line, sizeof(line), "listening on %s\n", text);
        serve->code = cli_print(line);
    }
    if (serve->code != CLI_OK)
        (void)TorcReactor_stop(serve->reactor);
}

static bool uses_standard_output(const Serve *serve)
{
    for (size_t i = 0; i < serve->count; i++)
        if (!TorcServerService_port(serve->servers[i]))
            return true;
    return false;
}

static int run(Serve *serve, TorcService *application)
{
    int r = drain_at_the_end(serve);
    if (r == 0)
        r = TorcService_runWith(application, serve->reactor);
    if (r == 0 && !serve->quiet && !uses_standard_output(serve))
        r = TorcReactor_callWhenRunning(serve->reactor, print_addresses, serve);
    if (r == 0)
        r = cli_dumpOnSignal(serve->reactor);
    if (r == 0)
        r = TorcReactor_run(serve->reactor);
    return r < 0 ? cli_error("the event loop failed: %s", torc_strerror(r)) : serve->code;
}

static int serve_all(Serve *serve, TorcMultiService *application, TorcFactory *factory)
{
    int code = add_servers(serve, application, factory);
    if (code == CLI_OK)
        code = listen_all(serve, TorcMultiService_service(application));
    if (code == CLI_OK)
        set_limits(serve);
    if (code == CLI_OK)
        code = run(serve, TorcMultiService_service(application));
    return code;
}

static int serve_on_reactor(Serve *serve)
{
    serve->reactor = cli_newReactor(serve->backend);
    if (!serve->reactor)
        return CLI_FAILED;
    TorcFactory *factory = new_served(service_newFactory(&serve->service), serve);
    TorcMultiService *application = factory ? TorcMultiService_new() : NULL;
    int code = application ? serve_all(serve, application, factory)
                           : cli_error("cannot serve %s: %s", service_name(&serve->service),
                                       torc_strerror(-errno));
    TorcMultiService_unref(application);
    TorcFactory_unref(factory);
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

static int read_count(const char *argument, unsigned *ret_count)
{
    char *end;
    unsigned long count = strtoul(argument, &end, 10); /* saturates */
    if (*argument < '0' || *argument > '9' || *end || count < 1 || count > INT_MAX)
        return cli_usageError(command, "the number of connections must be 1 or more, not \"%s\"",
                              argument);
    *ret_count = (unsigned)count;
    return CLI_OK;
}

/* Seconds, or "off", for which `off` is left. */
static int read_timeout(const char *what, const char *argument, double off, double *ret_seconds)
{
    if (strcmp(argument, "off") != 0)
        return cli_readSeconds(command, what, argument, ret_seconds);
    *ret_seconds = off;
    return CLI_OK;
}

enum { OPTION_SYSTEM = 256, OPTION_REFUSE };

static int read_option(Serve *serve, int option, char **argv)
{
    switch (option) {
    case 'l': serve->descriptions[serve->count++] = optarg; return CLI_OK;
    case 'b': return read_size(optarg, &serve->service.buffer_limit);
    case 'm': return read_count(optarg, &serve->max_connections);
    case OPTION_REFUSE: serve->refuse_excess = true; return CLI_OK;
    case 'i': return read_timeout("the idle timeout", optarg, 0, &serve->idle_timeout);
    case 'c': return read_timeout("the close timeout", optarg, -1, &serve->close_timeout);
    case 'g': return cli_readSeconds(command, "the grace period", optarg, &serve->grace);
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
        {"max-connections", required_argument, NULL, 'm'},
        {"refuse-excess", no_argument, NULL, OPTION_REFUSE},
        {"idle-timeout", required_argument, NULL, 'i'},
        {"close-timeout", required_argument, NULL, 'c'},
        {"grace", required_argument, NULL, 'g'},
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
           (option = getopt_long(argc, argv, ":l:b:m:i:c:g:r:qvu:hV", options, NULL)) != -1) {
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
    if (serve->refuse_excess && serve->max_connections == 0)
        return cli_usageError(command, "--refuse-excess needs --max-connections");
    code = service_choose(&serve->service, command, argv[optind]);
    if (code == CLI_OK && serve->count == 0)
        serve->descriptions[serve->count++] = service_defaultEndpoint(&serve->service);
    return code;
}

/* As many of everything as there are arguments is enough. */
static bool allocate(Serve *serve, size_t count)
{
    serve->descriptions = calloc(count, sizeof(*serve->descriptions));
    serve->servers = calloc(count, sizeof(TorcServerService *));
    return serve->descriptions && serve->servers;
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
    free(serve.servers);
    return code;
}
