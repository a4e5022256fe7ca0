/* An echo server in full (RFC 862).
 *
 *     build/examples/echo
 *     nc 127.0.0.1 8881          in another terminal; Ctrl-C ends either
 */
#include <stdio.h>
#include <stdlib.h>
#include <torc/torc.h>

static void echo_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    TorcTransport_write(self->transport, data, length);
}

static const TorcProtocolClass echo_class = {
    TORC_PROTOCOL_CLASS("echo", TorcProtocol),
    .dataReceived = echo_dataReceived,
};

int main(void)
{
    TorcReactor *reactor = TorcReactor_new(NULL);
    TorcFactory *factory = TorcFactory_forProtocol(&echo_class);

    int r = TorcReactor_listenTCP(reactor, 8881, factory, NULL, NULL);
    if (r < 0)
        fprintf(stderr, "echo: cannot listen on port 8881: %s\n", torc_strerror(r));
    else
        r = TorcReactor_run(reactor);
    TorcFactory_unref(factory);
    TorcReactor_free(reactor);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
