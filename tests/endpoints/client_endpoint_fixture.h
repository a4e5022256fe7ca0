/* What the tests of client endpoints share beyond the fixture of all endpoints: listeners to connect
 * to, and the two kinds of endpoint whose code differs. */
#ifndef TORC_TESTS_CLIENT_ENDPOINT_FIXTURE_H
#define TORC_TESTS_CLIENT_ENDPOINT_FIXTURE_H

#include "endpoint_fixture.h"
#include "tests/support/run_tests.h"

enum { PORT = 8881 };

static inline void listen_at(const char *address)
{
    ck_assert_int_eq(TorcSim_listen(sim, address, PORT), 0);
}

static inline TorcClientEndpoint *tcp_client(const char *host)
{
    return TorcTCPClientEndpoint_new(TorcSim_reactor(sim), host, PORT, NULL);
}

/* The two kinds whose code differs: a connector of its own, and the race. */
static inline TorcClientEndpoint *either(int kind)
{
    return kind == 0 ? tcp_client("127.0.0.1") : client(TorcSim_reactor(sim), "tcp:127.0.0.1:8881");
}

enum { KINDS = 2 };

/* Does all that can be done now for an endpoint of this kind. */
static inline void connect_either(int kind)
{
    ck_assert_int_eq(try_connect(either(kind)), 0);
    TorcSim_advance(sim, 0);
}

/* The same, with somebody to connect to. */
static inline void connect_to_listener(int kind)
{
    listen_at("127.0.0.1");
    connect_either(kind);
}

/* Writes more than there is room for at a peer that does not read. */
static inline void write_much_unread(void)
{
    static const char much[300000];
    TorcSimPeer_stopReading(TorcSim_accept(sim, PORT));
    (void)TorcTransport_write(rec.transport, much, sizeof(much));
}

/* ---- the program --------------------------------------------------------------------------- */

#define RUN_CLIENT_TESTS(name, ...)                                                                \
    int main(void)                                                                                 \
    {                                                                                              \
        const LoopTest tests_[] = {__VA_ARGS__};                                                   \
        TCase *tcase_ = tcase_create(name);                                                        \
        tcase_add_checked_fixture(tcase_, set_up, tear_down);                                      \
        for (int i = 0; i < COUNT(tests_); i++)                                                    \
            tcase_add_loop_test(tcase_, tests_[i].test, 0, tests_[i].times);                       \
        return run_case(name, tcase_);                                                             \
    }

#endif
