/* What the tests of TCP ports share. */
#ifndef TORC_TESTS_TCP_PORT_FIXTURE_H
#define TORC_TESTS_TCP_PORT_FIXTURE_H

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static inline int listen_with(int number, const TorcListenOptions *options, TorcPort **ret_port)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    int r = TorcReactor_listenTCP(reactor, number, &factory->base, options, ret_port);
    TorcFactory_unref(&factory->base);
    return r;
}

static inline const char *host_of(const TorcPort *of)
{
    static char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    TorcPort_getHost(of, &address);
    return TorcAddress_format(&address, text, sizeof(text));
}

#endif
