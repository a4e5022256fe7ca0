/* A server endpoint that listens while its service runs.
 *
 * Reactor's thread. The service holds references to endpoint, factory and port; the reactor closes
 * the port when it stops, without a word to the service. Invariant: `port` is the one of the last
 * start, or NULL. */
#include "server_service.h"

#include <errno.h>

#include "../reactor/reactor_internal.h"

struct TorcServerService {
    TorcService base;
    TorcServerEndpoint *endpoint;
    TorcFactory *factory;
    TorcPort *port;
};

static TorcServerService *server_of(TorcService *self)
{
    return (TorcServerService *)(void *)self;
}

static int server_privilegedStartService(TorcService *self)
{
    TorcServerService *server = server_of(self);
    TorcPort *port;
    int r = TorcServerEndpoint_listen(server->endpoint, server->factory, &port);

    if (r < 0 || !port)
        return r;
    if (self->privileged) /* startFactory may have stopped the service */
        server->port = TorcPort_ref(port);
    else
        (void)TorcPort_stopListening(port, NULL);
    return 0;
}

/* The port is closed also when there is no memory to wait for the end of the turn. */
static void server_stopService(TorcService *self, TorcDeferred **ret_done)
{
    TorcServerService *server = server_of(self);
    TorcPort *port = server->port;

    server->port = NULL;
    if (port && TorcPort_stopListening(port, ret_done) < 0)
        (void)TorcPort_stopListening(port, NULL);
    TorcPort_unref(port);
}

static void server_destroy(TorcService *self)
{
    TorcServerService *server = server_of(self);
    assert(!server->port);
    TorcServerEndpoint_unref(server->endpoint);
    TorcFactory_unref(server->factory);
    torc__free(server);
}

static const TorcServiceClass server_class = {
    TORC_SERVICE_CLASS("server"),
    .privilegedStartService = server_privilegedStartService,
    .stopService = server_stopService,
    .destroy = server_destroy,
};

TorcServerService *TorcServerService_new(TorcServerEndpoint *endpoint, TorcFactory *factory)
{
    bool valid = endpoint && factory;
    TorcServerService *server = valid ? torc__zalloc(sizeof(*server)) : NULL;
    if (!server) {
        errno = valid ? ENOMEM : EINVAL;
        return NULL;
    }
    (void)TorcService_init(&server->base, &server_class);
    server->endpoint = TorcServerEndpoint_ref(endpoint);
    server->factory = TorcFactory_ref(factory);
    return server;
}

TorcService *TorcServerService_service(TorcServerService *self)
{
    return self ? &self->base : NULL;
}

TorcServerService *TorcServerService_unref(TorcServerService *self)
{
    TorcService_unref(TorcServerService_service(self));
    return NULL;
}

TorcPort *TorcServerService_port(const TorcServerService *self)
{
    return self && self->port && TorcPort_listening(self->port) ? self->port : NULL;
}
