/* TCP endpoints: a port to listen on, and a host to connect to address by address.
 *
 * Reactor's thread. An endpoint owns copies of the texts in its options. (The clients "tcp:" and
 * "tcp6:" are hostname_endpoint.c's.) */
#include <errno.h>
#include <limits.h>

#include "../reactor/reactor_internal.h"
#include "client_attempt_internal.h"
#include "endpoint.h"
#include "endpoint_types_internal.h"

/* Into *text, which stays NULL for NULL. False: out of memory. */
static bool copy_text(const char *given, char **text)
{
    *text = given ? torc__strdup(given) : NULL;
    return !given || *text;
}

/* Whether it may stand where a local address is asked for: a literal, or nothing. */
static bool is_local_address(const char *text)
{
    TorcAddress address;
    return !text || !*text || TorcAddress_parse(text, 0, &address) == 0;
}

/* ---- servers ------------------------------------------------------------------------------- */

typedef struct TcpServer {
    TorcServerEndpoint base;
    int port;
    char *interface;
    TorcListenOptions options;
} TcpServer;

static int server_listen(TorcServerEndpoint *self, TorcFactory *factory, TorcPort **ret_port)
{
    TcpServer *server = (TcpServer *)self;
    return TorcReactor_listenTCP(self->reactor, server->port, factory, &server->options, ret_port);
}

static void server_destroy(TorcServerEndpoint *self)
{
    torc__free(((TcpServer *)self)->interface);
    torc__free(self);
}

static const TorcServerEndpointClass server_class = {
    .size = sizeof(TorcServerEndpointClass),
    .name = "tcp",
    .listen = server_listen,
    .destroy = server_destroy,
};

TorcServerEndpoint *TorcTCPServerEndpoint_new(TorcReactor *reactor, int port,
                                              const TorcListenOptions *options)
{
    TorcListenOptions read;
    if (!reactor || port < 0 || port > UINT16_MAX ||
        torc__options_read(&read, sizeof(read), options) < 0 || !is_local_address(read.interface)) {
        errno = EINVAL;
        return NULL;
    }
    TcpServer *server = torc__zalloc(sizeof(*server));
    if (!server || !copy_text(read.interface, &server->interface)) {
        torc__free(server);
        errno = ENOMEM;
        return NULL;
    }
    TorcServerEndpoint_init(&server->base, &server_class, reactor);
    server->port = port;
    server->options = read;
    server->options.interface = server->interface;
    return &server->base;
}

/* ---- clients ------------------------------------------------------------------------------- */

typedef struct TcpClient {
    TorcClientEndpoint base;
    int port;
    char *host;
    char *bind_address;
    TorcConnectOptions options;
} TcpClient;

static int client_connect(TorcClientEndpoint *self, TorcFactory *factory,
                          TorcDeferred **ret_connected)
{
    TcpClient *client = (TcpClient *)self;
    TorcAttempt *attempt = torc__attempt_new(factory);
    if (!attempt)
        return -ENOMEM;
    int r = TorcReactor_connectTCP(self->reactor, client->host, client->port, &attempt->base,
                                   &client->options, &attempt->connector);
    return torc__attempt_begun(attempt, r, ret_connected);
}

static void client_destroy(TorcClientEndpoint *self)
{
    TcpClient *client = (TcpClient *)self;
    torc__free(client->host);
    torc__free(client->bind_address);
    torc__free(client);
}

static const TorcClientEndpointClass client_class = {
    .size = sizeof(TorcClientEndpointClass),
    .name = "tcp",
    .connect = client_connect,
    .destroy = client_destroy,
};

TorcClientEndpoint *TorcTCPClientEndpoint_new(TorcReactor *reactor, const char *host, int port,
                                              const TorcConnectOptions *options)
{
    TorcConnectOptions read;
    if (!reactor || !host || !*host || port < 1 || port > UINT16_MAX ||
        torc__options_read(&read, sizeof(read), options) < 0 ||
        !is_local_address(read.bindAddress)) {
        errno = EINVAL;
        return NULL;
    }
    TcpClient *client = torc__zalloc(sizeof(*client));
    if (!client || !copy_text(host, &client->host) ||
        !copy_text(read.bindAddress, &client->bind_address)) {
        if (client)
            client_destroy(&client->base);
        errno = ENOMEM;
        return NULL;
    }
    TorcClientEndpoint_init(&client->base, &client_class, reactor);
    client->port = port;
    client->options = read;
    client->options.bindAddress = client->bind_address;
    return &client->base;
}

/* ---- from text ----------------------------------------------------------------------------- */

enum { PORT, INTERFACE, BACKLOG, REUSE_PORT, MAX_CONNECTIONS, REFUSE_EXCESS, PARAMETERS };

static const TorcEndpointParameter parameters[PARAMETERS] = {
    [PORT] = {.name = "port", .required = true},
    [INTERFACE] = {.name = "interface"},
    [BACKLOG] = {.name = "backlog"},
    [REUSE_PORT] = {.name = "reusePort", .keyword_only = true},
    [MAX_CONNECTIONS] = {TORC__ENDPOINT_MAX_CONNECTIONS},
    [REFUSE_EXCESS] = {TORC__ENDPOINT_REFUSE_EXCESS},
};

/* `options` holds what the type has by default. */
static int make_server(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                       TorcListenOptions *options, void **ret_endpoint,
                       TorcEndpointProblem *ret_problem)
{
    int port = 0;
    int r = torc__endpoint_readPort(arguments[PORT], reactor, 0, &port, ret_problem);
    if (r == 0)
        r = torc__endpoint_readAddress(arguments[INTERFACE], options->v6Only, &options->interface,
                                       ret_problem);
    if (r == 0)
        r = torc__endpoint_readNumber(arguments[BACKLOG], "the backlog", 1, INT_MAX,
                                      &options->backlog, ret_problem);
    if (r == 0)
        r = torc__endpoint_readFlag(arguments[REUSE_PORT], &options->reusePort, ret_problem);
    if (r == 0)
        r = torc__endpoint_readLimits(arguments[MAX_CONNECTIONS], arguments[REFUSE_EXCESS],
                                      &options->maxConnections, &options->refuseExcess,
                                      ret_problem);
    if (r < 0)
        return r;
    return torc__endpoint_made(TorcTCPServerEndpoint_new(reactor, port, options), ret_endpoint);
}

static int tcp_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                    void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    TorcListenOptions options;
    TorcListenOptions_init(&options);
    return make_server(reactor, arguments, &options, ret_endpoint, ret_problem);
}

static int tcp6_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                     void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    return make_server(reactor, arguments, TORC_LISTEN_OPTIONS(.v6Only = true, .interface = "::"),
                       ret_endpoint, ret_problem);
}

const TorcEndpointType torc__endpoint_tcpServer = {"tcp", tcp_make, PARAMETERS, parameters};
const TorcEndpointType torc__endpoint_tcp6Server = {"tcp6", tcp6_make, PARAMETERS, parameters};
