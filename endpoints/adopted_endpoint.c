/* Endpoints of sockets that the process has inherited: "fd:", "systemd:", and a program's own
 * sockets.
 *
 * Reactor's thread. Ports and connections get a duplicate of the descriptor (transports/adopt.h).
 * The one that a description names belongs to nobody else, so it is closed once the duplicate is
 * there: left open it would keep the connection, or the port, from ever ending. Not so standard
 * streams: whoever opens a file next would get their numbers. */
#include <errno.h>
#include <limits.h>

#include "../reactor/reactor_internal.h"
#include "../transports/adopt.h"
#include "../transports/adopt_internal.h"
#include "client_attempt_internal.h"
#include "endpoint.h"
#include "endpoint_types_internal.h"
#include "systemd_sockets_internal.h"

enum { LAST_STANDARD_STREAM = 2 };

static void close_inherited(TorcReactor *reactor, int fd)
{
    if (fd > LAST_STANDARD_STREAM)
        (void)reactor->system->ops->close(reactor->system, fd); /* nothing was written to it */
}

/* ---- servers ------------------------------------------------------------------------------- */

typedef struct AdoptedServer {
    TorcServerEndpoint base;
    int fd;
    bool inherited; /* to be closed */
    bool used;
    bool refuse_excess;
    unsigned max_connections; /* 0: no limit */
} AdoptedServer;

static int server_listen(TorcServerEndpoint *self, TorcFactory *factory, TorcPort **ret_port)
{
    AdoptedServer *server = (AdoptedServer *)self;
    if (server->used)
        return -EALREADY;
    int r = TorcReactor_adoptStreamPort(self->reactor, server->fd, factory, ret_port);
    if (r < 0)
        return r;
    server->used = true;
    if (server->inherited)
        close_inherited(self->reactor, server->fd);
    (void)TorcPort_setMaxConnections(*ret_port, server->max_connections); /* the port is there */
    (void)TorcPort_setRefuseExcess(*ret_port, server->refuse_excess);
    return 0;
}

static void server_destroy(TorcServerEndpoint *self)
{
    torc__free(self);
}

static const TorcServerEndpointClass server_class = {
    .size = sizeof(TorcServerEndpointClass),
    .name = "adopted",
    .listen = server_listen,
    .destroy = server_destroy,
};

static TorcServerEndpoint *server_new(TorcReactor *reactor, int fd, bool inherited)
{
    AdoptedServer *server = torc__zalloc(sizeof(*server));
    if (!server) {
        errno = ENOMEM;
        return NULL;
    }
    TorcServerEndpoint_init(&server->base, &server_class, reactor);
    server->fd = fd;
    server->inherited = inherited;
    return &server->base;
}

TorcServerEndpoint *TorcAdoptedStreamServerEndpoint_new(TorcReactor *reactor, int fd)
{
    if (reactor && fd >= 0)
        return server_new(reactor, fd, false);
    errno = EINVAL;
    return NULL;
}

/* ---- clients ------------------------------------------------------------------------------- */

typedef struct AdoptedClient {
    TorcClientEndpoint base;
    int fd;
    bool inherited; /* to be closed */
    bool used;
} AdoptedClient;

static int client_connect(TorcClientEndpoint *self, TorcFactory *factory,
                          TorcDeferred **ret_connected)
{
    AdoptedClient *client = (AdoptedClient *)self;
    if (client->used)
        return -EALREADY;
    TorcAttempt *attempt = torc__attempt_new(factory);
    if (!attempt)
        return -ENOMEM;
    int r = torc__adoptStreamConnection(self->reactor, client->fd, &attempt->base.base,
                                        torc__attempt_made);
    if (r == 0) {
        client->used = true;
        if (client->inherited)
            close_inherited(self->reactor, client->fd);
    }
    return torc__attempt_begun(attempt, r, ret_connected);
}

static void client_destroy(TorcClientEndpoint *self)
{
    torc__free(self);
}

static const TorcClientEndpointClass client_class = {
    .size = sizeof(TorcClientEndpointClass),
    .name = "adopted",
    .connect = client_connect,
    .destroy = client_destroy,
};

static TorcClientEndpoint *client_new(TorcReactor *reactor, int fd, bool inherited)
{
    AdoptedClient *client = torc__zalloc(sizeof(*client));
    if (!client) {
        errno = ENOMEM;
        return NULL;
    }
    TorcClientEndpoint_init(&client->base, &client_class, reactor);
    client->fd = fd;
    client->inherited = inherited;
    return &client->base;
}

TorcClientEndpoint *TorcAdoptedStreamClientEndpoint_new(TorcReactor *reactor, int fd)
{
    if (reactor && fd >= 0)
        return client_new(reactor, fd, false);
    errno = EINVAL;
    return NULL;
}

/* ---- from text ----------------------------------------------------------------------------- */

/* The socket that the process has inherited as `fd`. */
static int make_server(TorcReactor *reactor, int fd, const TorcEndpointField *max_connections,
                       const TorcEndpointField *refuse_excess, void **ret_endpoint,
                       TorcEndpointProblem *ret_problem)
{
    unsigned most = 0;
    bool refuse = false;
    int r = torc__endpoint_readLimits(max_connections, refuse_excess, &most, &refuse, ret_problem);
    if (r < 0)
        return r;
    AdoptedServer *server = (AdoptedServer *)server_new(reactor, fd, true);
    if (server) {
        server->max_connections = most;
        server->refuse_excess = refuse;
    }
    return torc__endpoint_made(server, ret_endpoint);
}

static int read_descriptor(const TorcEndpointField *number, int *ret_fd,
                           TorcEndpointProblem *ret_problem)
{
    return torc__endpoint_readNumber(number, "the descriptor", 0, INT_MAX, ret_fd, ret_problem);
}

enum { NUMBER, FD_MAX_CONNECTIONS, FD_REFUSE_EXCESS, FD_PARAMETERS };

static const TorcEndpointParameter fd_parameters[FD_PARAMETERS] = {
    [NUMBER] = {.name = "number", .required = true},
    [FD_MAX_CONNECTIONS] = {TORC__ENDPOINT_MAX_CONNECTIONS},
    [FD_REFUSE_EXCESS] = {TORC__ENDPOINT_REFUSE_EXCESS},
};

static int fdServer_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                         void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    int fd = -1;
    int r = read_descriptor(arguments[NUMBER], &fd, ret_problem);
    return r < 0 ? r
                 : make_server(reactor, fd, arguments[FD_MAX_CONNECTIONS],
                               arguments[FD_REFUSE_EXCESS], ret_endpoint, ret_problem);
}

const TorcEndpointType torc__endpoint_fdServer = {"fd", fdServer_make, FD_PARAMETERS,
                                                  fd_parameters};

enum { FD_CLIENT_PARAMETERS = NUMBER + 1 };

static int fdClient_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                         void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    int fd = -1;
    int r = read_descriptor(arguments[NUMBER], &fd, ret_problem);
    return r < 0 ? r : torc__endpoint_made(client_new(reactor, fd, true), ret_endpoint);
}

const TorcEndpointType torc__endpoint_fdClient = {"fd", fdClient_make, FD_CLIENT_PARAMETERS,
                                                  fd_parameters};

enum { NAME, INDEX, SYSTEMD_MAX_CONNECTIONS, SYSTEMD_REFUSE_EXCESS, SYSTEMD_PARAMETERS };

static const TorcEndpointParameter systemd_parameters[SYSTEMD_PARAMETERS] = {
    [NAME] = {.name = "name", .keyword_only = true},
    [INDEX] = {.name = "index", .keyword_only = true},
    [SYSTEMD_MAX_CONNECTIONS] = {TORC__ENDPOINT_MAX_CONNECTIONS},
    [SYSTEMD_REFUSE_EXCESS] = {TORC__ENDPOINT_REFUSE_EXCESS},
};

static int systemd_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                        void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    TorcSystemdSockets sockets = torc__systemd_read();
    int fd = -1;
    if (!arguments[NAME] == !arguments[INDEX])
        return torc__endpoint_fail(ret_problem, 0, "systemd needs a name or an index%s",
                                   arguments[NAME] ? ", not both" : "");
    int r = torc__systemd_find(&sockets, arguments[NAME], arguments[INDEX], &fd, ret_problem);
    return r < 0 ? r
                 : make_server(reactor, fd, arguments[SYSTEMD_MAX_CONNECTIONS],
                               arguments[SYSTEMD_REFUSE_EXCESS], ret_endpoint, ret_problem);
}

const TorcEndpointType torc__endpoint_systemdServer = {"systemd", systemd_make, SYSTEMD_PARAMETERS,
                                                       systemd_parameters};
