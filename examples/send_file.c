/* A server of one file: whoever connects gets it, as fast as he reads.
 *
 *     build/examples/send_file README.md
 *     nc 127.0.0.1 8884 | cmp - README.md
 *
 * A second argument is where it listens: build/examples/send_file README.md tcp:8000
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <torc/torc.h>
#include <unistd.h>

typedef struct FileServer {
    TorcFactory base;
    int fd;
} FileServer;

/* Who lacks bytes must not take what he has for everything. */
static void page_sent(TorcResult *result, void *arg)
{
    TorcProtocol *page = arg;
    if (result->reason) {
        fprintf(stderr, "send_file: %s\n", TorcReason_text(result->reason));
        TorcTransport_abortConnection(page->transport);
    } else {
        TorcTransport_loseConnection(page->transport);
    }
    TorcResult_clear(result);
}

static void page_connectionMade(TorcProtocol *self)
{
    int fd = ((FileServer *)self->factory)->fd;
    TorcDeferred *done;
    if (TorcTransport_sendFile(self->transport, fd, 0, UINT64_MAX, &done) < 0) {
        TorcTransport_abortConnection(self->transport);
        return;
    }
    TorcDeferred_addBoth(done, page_sent, self);
    TorcDeferred_detach(done);
}

/* A client that has said all it has to say still wants the file. */
static void page_readConnectionLost(TorcProtocol *self)
{
    (void)self;
}

static const TorcProtocolClass page_class = {
    TORC_PROTOCOL_CLASS("page", TorcProtocol),
    .connectionMade = page_connectionMade,
    .readConnectionLost = page_readConnectionLost,
};

static const TorcFactoryClass file_server_class = {
    TORC_FACTORY_CLASS("file server", FileServer),
    .protocol = &page_class,
};

static int serve(TorcReactor *reactor, FileServer *server, const char *where)
{
    TorcServerEndpoint *endpoint;
    TorcPort *port;
    int r = TorcServerEndpoint_fromString(reactor, where, &endpoint, NULL);
    if (r < 0)
        return r;
    r = TorcServerEndpoint_listen(endpoint, &server->base, &port);
    TorcServerEndpoint_unref(endpoint);
    if (r < 0)
        return r;
    TorcAddress address;
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcPort_getHost(port, &address);
    printf("a file on %s\n", TorcAddress_format(&address, text, sizeof(text)));
    fflush(stdout);
    return TorcReactor_run(reactor);
}

int main(int argc, char **argv)
{
    int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        fprintf(stderr, "usage: send_file FILE [LISTEN]: %s\n",
                argc > 1 ? strerror(errno) : "no file");
        return EXIT_FAILURE;
    }
    TorcReactor *reactor = TorcReactor_new(NULL);
    FileServer *server = (FileServer *)TorcFactory_new(&file_server_class);
    server->fd = fd;

    int r = serve(reactor, server, argc > 2 ? argv[2] : "tcp:8884:interface=127.0.0.1");
    if (r < 0)
        fprintf(stderr, "send_file: %s\n", torc_strerror(r));
    TorcFactory_unref(&server->base);
    TorcReactor_free(reactor);
    close(fd);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
