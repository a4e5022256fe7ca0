/* What the tests of connectors share besides stream_test.h: an attempt to connect, recorded by rec,
 * to a peer on another machine. */
#ifndef TORC_TESTS_CONNECTOR_FIXTURE_H
#define TORC_TESTS_CONNECTOR_FIXTURE_H

#include "../support/stream_test.h"

#define FAR "192.0.2.1"

static TorcConnector *connector;

static inline int connect_with(const char *host, int number, const TorcConnectOptions *options)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    int r = TorcReactor_connectTCP(reactor, host, number, factory, options, &connector);
    TorcFactory_unref(&factory->base);
    return r;
}

static inline void connect_to(const char *host)
{
    ck_assert_int_eq(connect_with(host, PORT, NULL), 0);
}

/* A peer listens at FAR, and the code under test has connected to it. */
static inline void begin_client(int mode)
{
    begin(mode);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    peer = TorcSim_accept(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    ck_assert_str_eq(rec.log, "started made");
}

#endif
