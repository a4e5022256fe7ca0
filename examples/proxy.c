/* A proxy: who connects to it talks to another server, no faster than either side reads.
 *
 *     build/torc serve echo --listen tcp:8881
 *     build/examples/proxy tcp:127.0.0.1:8881
 *     echo hello | nc -N 127.0.0.1 8883
 *
 * A second argument is where it listens: build/examples/proxy tcp:127.0.0.1:8881 unix:/tmp/proxy
 */
#include <stdio.h>
#include <stdlib.h>
#include <torc/torc.h>

typedef struct Proxy {
    TorcFactory base;
    TorcClientEndpoint *server;
    TorcFactory *talkers; /* protocols for the connections to it */
} Proxy;

typedef struct Client {
    TorcProtocol base;
    TorcDeferred *connecting; /* to the server; NULL: it is there, or will not be */
} Client;

static void client_connected(TorcResult *result, void *arg)
{
    Client *client = arg;
    TorcTransport *transport = client->base.transport;
    TorcProtocol *server = result->value;
    client->connecting = TorcDeferred_detach(client->connecting);
    if (result->reason) {
        if (TorcReason_kind(result->reason) != TORC_CONNECTION_CANCELLED)
            fprintf(stderr, "proxy: no server: %s\n", TorcReason_text(result->reason));
        TorcTransport_abortConnection(transport);
    } else if (torc_joinTransports(transport, server->transport, NULL) < 0) {
        TorcTransport_abortConnection(server->transport);
        TorcTransport_abortConnection(transport);
    }
    TorcResult_clear(result);
}

/* What the client says meanwhile waits in the kernel. */
static void client_connectionMade(TorcProtocol *self)
{
    Client *client = (Client *)self;
    Proxy *proxy = (Proxy *)self->factory;
    TorcTransport_pauseProducing(self->transport);
    int r = TorcClientEndpoint_connect(proxy->server, proxy->talkers, &client->connecting);
    if (r == 0)
        r = TorcDeferred_addBoth(client->connecting, client_connected, client);
    if (r < 0)
        TorcTransport_abortConnection(self->transport);
}

/* One who sends nothing more waits for answers all the same. */
static void client_readConnectionLost(TorcProtocol *self)
{
    (void)self;
}

static void client_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)reason;
    TorcDeferred_cancel(((Client *)self)->connecting);
}

static const TorcProtocolClass client_class = {
    TORC_PROTOCOL_CLASS("proxy", Client),
    .connectionMade = client_connectionMade,
    .readConnectionLost = client_readConnectionLost,
    .connectionLost = client_connectionLost,
};

static const TorcFactoryClass proxy_class = {
    TORC_FACTORY_CLASS("proxy", Proxy),
    .protocol = &client_class,
};

static void show_port(TorcPort *port)
{
    TorcAddress address;
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcPort_getHost(port, &address);
    printf("a proxy on %s\n", TorcAddress_format(&address, text, sizeof(text)));
    fflush(stdout);
}

static int serve(TorcReactor *reactor, Proxy *proxy, const char *server, const char *where)
{
    TorcServerEndpoint *endpoint = NULL;
    TorcPort *port;
    int r = TorcClientEndpoint_fromString(reactor, server, &proxy->server, NULL);
    if (r == 0)
        r = TorcServerEndpoint_fromString(reactor, where, &endpoint, NULL);
    if (r == 0)
        r = TorcServerEndpoint_listen(endpoint, &proxy->base, &port);
    if (r == 0) {
        show_port(port);
        r = TorcReactor_run(reactor);
    }
    TorcServerEndpoint_unref(endpoint);
    TorcClientEndpoint_unref(proxy->server);
    return r;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: proxy SERVER [LISTEN]\n");
        return EXIT_FAILURE;
    }
    TorcReactor *reactor = TorcReactor_new(NULL);
    Proxy *proxy = (Proxy *)TorcFactory_new(&proxy_class);
    proxy->talkers = TorcFactory_forProtocol(&torc_protocol_class);

    int r = serve(reactor, proxy, argv[1], argc > 2 ? argv[2] : "tcp:8883:interface=127.0.0.1");
    if (r < 0)
        fprintf(stderr, "proxy: %s\n", torc_strerror(r));
    TorcFactory_unref(proxy->talkers);
    TorcFactory_unref(&proxy->base);
    TorcReactor_free(reactor);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
