/* Standard input and output as endpoints: one connection, as a server or as a client.
 *
 * Reactor's thread. The transport works on duplicates; the process keeps its own. */
#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "../transports/adopt_internal.h"
#include "client_attempt_internal.h"
#include "endpoint.h"
#include "endpoint_types_internal.h"

enum { STANDARD_INPUT = 0, STANDARD_OUTPUT = 1 };

/* ---- servers ------------------------------------------------------------------------------- */

typedef struct StdioServer {
    TorcServerEndpoint base;
    bool used;
} StdioServer;

static int server_listen(TorcServerEndpoint *self, TorcFactory *factory, TorcPort **ret_port)
{
    StdioServer *server = (StdioServer *)self;
    if (server->used)
        return -EALREADY;
    int r = TorcReactor_standardIO(self->reactor, STANDARD_INPUT, STANDARD_OUTPUT, factory);
    if (r < 0)
        return r;
    server->used = true;
    *ret_port = NULL; /* there is none */
    return 0;
}

static void server_destroy(TorcServerEndpoint *self)
{
    torc__free(self);
}

static const TorcServerEndpointClass server_class = {
    .size = sizeof(TorcServerEndpointClass),
    .name = "stdio",
    .listen = server_listen,
    .destroy = server_destroy,
};

TorcServerEndpoint *TorcStandardIOServerEndpoint_new(TorcReactor *reactor)
{
    if (!reactor) {
        errno = EINVAL;
        return NULL;
    }
    StdioServer *server = torc__zalloc(sizeof(*server));
    if (!server) {
        errno = ENOMEM;
        return NULL;
    }
    TorcServerEndpoint_init(&server->base, &server_class, reactor);
    return &server->base;
}

/* ---- clients ------------------------------------------------------------------------------- */

typedef struct StdioClient {
    TorcClientEndpoint base;
    bool used;
} StdioClient;

static int client_connect(TorcClientEndpoint *self, TorcFactory *factory,
                          TorcDeferred **ret_connected)
{
    StdioClient *client = (StdioClient *)self;
    if (client->used)
        return -EALREADY;
    TorcAttempt *attempt = torc__attempt_new(factory);
    if (!attempt)
        return -ENOMEM;
    int r = torc__standardIO(self->reactor, STANDARD_INPUT, STANDARD_OUTPUT, &attempt->base.base,
                             torc__attempt_made);
    client->used = r == 0;
    return torc__attempt_begun(attempt, r, ret_connected);
}

static void client_destroy(TorcClientEndpoint *self)
{
    torc__free(self);
}

static const TorcClientEndpointClass client_class = {
    .size = sizeof(TorcClientEndpointClass),
    .name = "stdio",
    .connect = client_connect,
    .destroy = client_destroy,
};

TorcClientEndpoint *TorcStandardIOClientEndpoint_new(TorcReactor *reactor)
{
    if (!reactor) {
        errno = EINVAL;
        return NULL;
    }
    StdioClient *client = torc__zalloc(sizeof(*client));
    if (!client) {
        errno = ENOMEM;
        return NULL;
    }
    TorcClientEndpoint_init(&client->base, &client_class, reactor);
    return &client->base;
}

bool TorcStandardIOClientEndpoint_isInstance(const TorcClientEndpoint *endpoint)
{
    return endpoint && endpoint->cls == &client_class;
}

/* ---- from text: no arguments --------------------------------------------------------------- */

static int server_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                       void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    (void)arguments;
    (void)ret_problem;
    return torc__endpoint_made(TorcStandardIOServerEndpoint_new(reactor), ret_endpoint);
}

static int client_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                       void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    (void)arguments;
    (void)ret_problem;
    return torc__endpoint_made(TorcStandardIOClientEndpoint_new(reactor), ret_endpoint);
}

const TorcEndpointType torc__endpoint_stdioServer = {"stdio", server_make, 0, NULL};
const TorcEndpointType torc__endpoint_stdioClient = {"stdio", client_make, 0, NULL};
