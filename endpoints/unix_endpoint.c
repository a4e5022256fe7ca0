/* UNIX endpoints: a path or an abstract name to listen on, or to connect to.
 *
 * Reactor's thread. An endpoint owns a copy of its address. */
#include <errno.h>
#include <limits.h>

#include "../reactor/reactor_internal.h"
#include "../transports/unix_internal.h"
#include "client_attempt_internal.h"
#include "endpoint.h"
#include "endpoint_types_internal.h"

/* Sets errno when it is none. */
static bool is_address(const char *text)
{
    TorcAddress address;
    int r = text ? torc__unix_address(text, &address) : -EINVAL;
    if (r < 0)
        errno = -r;
    return r == 0;
}

/* ---- servers ------------------------------------------------------------------------------- */

typedef struct UnixServer {
    TorcServerEndpoint base;
    char *address;
    TorcListenUNIXOptions options;
} UnixServer;

static int server_listen(TorcServerEndpoint *self, TorcFactory *factory, TorcPort **ret_port)
{
    UnixServer *server = (UnixServer *)self;
    return TorcReactor_listenUNIX(self->reactor, server->address, factory, &server->options,
                                  ret_port);
}

static void server_destroy(TorcServerEndpoint *self)
{
    torc__free(((UnixServer *)self)->address);
    torc__free(self);
}

static const TorcServerEndpointClass server_class = {
    .size = sizeof(TorcServerEndpointClass),
    .name = "unix",
    .listen = server_listen,
    .destroy = server_destroy,
};

TorcServerEndpoint *TorcUNIXServerEndpoint_new(TorcReactor *reactor, const char *address,
                                               const TorcListenUNIXOptions *options)
{
    TorcListenUNIXOptions read;
    if (!reactor || torc__options_read(&read, sizeof(read), options) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!is_address(address))
        return NULL;
    UnixServer *server = torc__zalloc(sizeof(*server));
    char *copy = server ? torc__strdup(address) : NULL;
    if (!copy) {
        torc__free(server);
        errno = ENOMEM;
        return NULL;
    }
    TorcServerEndpoint_init(&server->base, &server_class, reactor);
    server->address = copy;
    server->options = read;
    return &server->base;
}

/* ---- clients ------------------------------------------------------------------------------- */

typedef struct UnixClient {
    TorcClientEndpoint base;
    char *address;
    TorcConnectUNIXOptions options;
} UnixClient;

static int client_connect(TorcClientEndpoint *self, TorcFactory *factory,
                          TorcDeferred **ret_connected)
{
    UnixClient *client = (UnixClient *)self;
    TorcAttempt *attempt = torc__attempt_new(factory);
    if (!attempt)
        return -ENOMEM;
    int r = TorcReactor_connectUNIX(self->reactor, client->address, &attempt->base,
                                    &client->options, &attempt->connector);
    return torc__attempt_begun(attempt, r, ret_connected);
}

static void client_destroy(TorcClientEndpoint *self)
{
    torc__free(((UnixClient *)self)->address);
    torc__free(self);
}

static const TorcClientEndpointClass client_class = {
    .size = sizeof(TorcClientEndpointClass),
    .name = "unix",
    .connect = client_connect,
    .destroy = client_destroy,
};

TorcClientEndpoint *TorcUNIXClientEndpoint_new(TorcReactor *reactor, const char *address,
                                               const TorcConnectUNIXOptions *options)
{
    TorcConnectUNIXOptions read;
    if (!reactor || torc__options_read(&read, sizeof(read), options) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!is_address(address))
        return NULL;
    UnixClient *client = torc__zalloc(sizeof(*client));
    char *copy = client ? torc__strdup(address) : NULL;
    if (!copy) {
        torc__free(client);
        errno = ENOMEM;
        return NULL;
    }
    TorcClientEndpoint_init(&client->base, &client_class, reactor);
    client->address = copy;
    client->options = read;
    return &client->base;
}

/* ---- from text ----------------------------------------------------------------------------- */

enum { PATH, MODE, BACKLOG, LOCK_FILE, MAX_CONNECTIONS, REFUSE_EXCESS, SERVER_PARAMETERS };

static const TorcEndpointParameter server_parameters[SERVER_PARAMETERS] = {
    [PATH] = {.name = "path", .required = true},
    [MODE] = {.name = "mode"},
    [BACKLOG] = {.name = "backlog"},
    [LOCK_FILE] = {.name = "lockfile", .keyword_only = true},
    [MAX_CONNECTIONS] = {TORC__ENDPOINT_MAX_CONNECTIONS},
    [REFUSE_EXCESS] = {TORC__ENDPOINT_REFUSE_EXCESS},
};

static int server_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                       void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    TorcListenUNIXOptions options;
    const char *path = NULL;
    bool lock_file = true;
    TorcListenUNIXOptions_init(&options);
    int r = torc__endpoint_readPath(arguments[PATH], &path, ret_problem);
    if (r == 0)
        r = torc__endpoint_readMode(arguments[MODE], &options.mode, ret_problem);
    if (r == 0)
        r = torc__endpoint_readNumber(arguments[BACKLOG], "the backlog", 1, INT_MAX,
                                      &options.backlog, ret_problem);
    if (r == 0)
        r = torc__endpoint_readFlag(arguments[LOCK_FILE], &lock_file, ret_problem);
    if (r == 0)
        r = torc__endpoint_readLimits(arguments[MAX_CONNECTIONS], arguments[REFUSE_EXCESS],
                                      &options.maxConnections, &options.refuseExcess, ret_problem);
    if (r < 0)
        return r;
    options.noLockFile = !lock_file;
    return torc__endpoint_made(TorcUNIXServerEndpoint_new(reactor, path, &options), ret_endpoint);
}

const TorcEndpointType torc__endpoint_unixServer = {"unix", server_make, SERVER_PARAMETERS,
                                                    server_parameters};

enum { CLIENT_PATH, CLIENT_TIMEOUT, CLIENT_PARAMETERS };

static const TorcEndpointParameter client_parameters[CLIENT_PARAMETERS] = {
    [CLIENT_PATH] = {.name = "path", .required = true},
    [CLIENT_TIMEOUT] = {.name = "timeout", .keyword_only = true},
};

static int client_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                       void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    TorcConnectUNIXOptions options;
    const char *path = NULL;
    TorcConnectUNIXOptions_init(&options);
    int r = torc__endpoint_readPath(arguments[CLIENT_PATH], &path, ret_problem);
    if (r == 0)
        r = torc__endpoint_readSeconds(arguments[CLIENT_TIMEOUT], "the timeout", &options.timeout,
                                       ret_problem);
    if (r < 0)
        return r;
    return torc__endpoint_made(TorcUNIXClientEndpoint_new(reactor, path, &options), ret_endpoint);
}

const TorcEndpointType torc__endpoint_unixClient = {"unix", client_make, CLIENT_PARAMETERS,
                                                    client_parameters};
