/* What the tests of the DNS client share: a name server and a client of it, on real sockets or in a
 * simulation. */
#ifndef TORC_TESTS_RESOLVER_DNS_FIXTURE_H
#define TORC_TESTS_RESOLVER_DNS_FIXTURE_H

#include <ares.h>
#include <sys/resource.h>

#include "resolver_fixture.h"
#include "tests/support/name_server.h"

static NameServer server;
static TorcResolver *dns;
static bool simulated;

static inline void start_client(const TorcDNSOptions *given)
{
    char servers[64];
    TorcDNSOptions options;
    TorcDNSOptions_init(&options);
    if (given)
        options = *given;
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", server.port);
    if (!options.servers)
        options.servers = servers;
    dns = TorcDNSResolver_new(reactor, &options);
    ck_assert_ptr_nonnull(dns);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, dns, NULL), 0);
    TorcResolver_unref(dns);
}

/* Where the test is about silence: real time is not to be waited for long. */
static inline const TorcDNSOptions *hasty(void)
{
    static TorcDNSOptions options;
    TorcDNSOptions_init(&options);
    options.timeout = simulated ? 2 : 0.2;
    options.tries = 2;
    return &options;
}

static inline void begin_world(bool in_simulation)
{
    simulated = in_simulation;
    sim = simulated ? TorcSim_new(1) : NULL;
    reactor = simulated ? TorcSim_reactor(sim) : TorcReactor_new(NULL);
    NameServer_start(&server, reactor);
}

/* Where it is not, nobody is to be in a hurry: the machine may be slow. */
static inline void begin_dns(int in_simulation)
{
    begin_world(in_simulation);
    start_client(TORC_DNS_OPTIONS(.timeout = 20, .tries = 2));
}

static inline void begin_hasty(int in_simulation)
{
    begin_world(in_simulation);
    start_client(hasty());
}

/* No socket, no timer, no look-up is left. */
static inline void end_dns(void)
{
    NameServer_stop(&server);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
    if (!simulated) {
        TorcReactor_free(reactor);
        return;
    }
    char report[1000];
    ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
    TorcSim_free(sim);
}

static inline bool has_outcome(void *arg)
{
    return ((Outcome *)arg)->calls > 0;
}

static inline void await(Outcome *outcome)
{
    if (simulated)
        ck_assert(TorcSim_runUntil(sim, has_outcome, outcome, 100));
    while (outcome->calls == 0)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);
    ck_assert_int_eq(outcome->calls, 1);
}

static inline const char *look_up_with(const char *host, const TorcResolveOptions *options)
{
    static Outcome outcome;
    outcome = (Outcome){0};
    TorcDeferred_detach(ask_with(host, options, &outcome));
    await(&outcome);
    return outcome.kind ? outcome.text : outcome.addresses;
}

static inline const char *look_up(const char *host)
{
    return look_up_with(host, NULL);
}

#endif
