/* Descriptions of client endpoints: what the good ones connect to, and how the bad ones are
 * explained. */
#include "client_endpoint_fixture.h"

/* ---- good descriptions --------------------------------------------------------------------- */

static const struct {
    const char *description, *peer;
} examples[] = {
    {"tcp:127.0.0.1:8881", "127.0.0.1:8881"},
    {"tcp:host=127.0.0.1:port=8881", "127.0.0.1:8881"},
    {"tcp:8881:host=127.0.0.1", "127.0.0.1:8881"},
    {"timeout=2.5:tcp:127.0.0.1:8881", "127.0.0.1:8881"},
    {"Tcp:127.0.0.1:8881:bindAddress=127.0.0.1", "127.0.0.1:8881"},
    {"tcp:127.0.0.1:8881:bindAddress=", "127.0.0.1:8881"},
    {"tcp:127.0.0.1:8881:attemptDelay=0.5", "127.0.0.1:8881"},
    {"tcp:\\:\\:1:8881", "[::1]:8881"},
    {"tcp6:\\:\\:1:8881", "[::1]:8881"},
};

START_TEST(endpoint_connects_as_described)
{
    listen_at("127.0.0.1");
    listen_at("::1");
    connect_by(examples[_i].description);
    TorcSim_advance(sim, 0);
    ck_peer_is(examples[_i].peer);
    ck_assert_ptr_nonnull(TorcSim_accept(sim, PORT));
}
END_TEST

START_TEST(port_may_be_the_name_of_a_service)
{
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 80), 0);
    connect_by(_i == 0 ? "tcp:127.0.0.1:http" : "tcp:http:host=127.0.0.1");
    TorcSim_advance(sim, 0);
    ck_peer_is("127.0.0.1:80");
    ck_assert_ptr_nonnull(TorcSim_accept(sim, 80));
}
END_TEST

static const char *const silent[] = {"tcp:192.0.2.1:79:timeout=0.5", "tcp:192.0.2.1:79"};

START_TEST(timeout_is_the_described_one_or_thirty_seconds)
{
    double seconds = _i == 0 ? 0.5 : 30;
    TorcSim_blackHole(sim, "192.0.2.1");
    connect_by(silent[_i]);
    TorcSim_advance(sim, seconds - 0.001);
    ck_assert_uint_eq(outcome.fired, 0);
    TorcSim_advance(sim, 0.002);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_TIMED_OUT);
}
END_TEST

/* ---- bad descriptions ---------------------------------------------------------------------- */

static const struct {
    const char *description, *text;
} mistakes[] = {
    {"", "endpoint \"\": it is empty; it must begin with a type, as in \"tcp:8881\""},
    {"udp:h:80",
     "endpoint \"udp:h:80\", column 1: unknown type \"udp\" (known: tcp, tcp6, unix, fd, stdio)"},
    {"tcp", "endpoint \"tcp\": tcp needs a host"},
    {"tcp:h", "endpoint \"tcp:h\": tcp needs a port"},
    {"tcp:port=80", "endpoint \"tcp:port=80\": tcp needs a host"},
    {"tcp::80", "endpoint \"tcp::80\", column 5: the host is empty"},
    {"tcp:h:0", "endpoint \"tcp:h:0\", column 7: the port must be a number from 1 to 65535, not "
                "\"0\""},
    {"tcp:h:65536", "endpoint \"tcp:h:65536\", column 7: the port must be a number from 1 to "
                    "65535, not \"65536\""},
    {"tcp:h:htpt",
     "endpoint \"tcp:h:htpt\", column 7: the port must be a number from 1 to 65535 or "
     "a service that this host knows, not \"htpt\""},
    {"tcp:::1:80", "endpoint \"tcp:::1:80\", column 7: one argument too many: \"1\" (a ':' inside "
                   "a value is written \"\\:\")"},
    {"tcp:h:80:5", "endpoint \"tcp:h:80:5\", column 10: one argument too many: \"5\" (a ':' inside "
                   "a value is written \"\\:\")"},
    {"tcp:h:80:bindAddress=x", "endpoint \"tcp:h:80:bindAddress=x\", column 22: \"x\" is no IPv4 "
                               "or IPv6 address such as \"127.0.0.1\" or \"\\:\\:1\""},
    {"tcp:h:80:host=i", "endpoint \"tcp:h:80:host=i\", column 7: one argument too many: \"80\" (a "
                        "':' inside a value is written \"\\:\")"},
    {"tcp:h:80:backlog=5", "endpoint \"tcp:h:80:backlog=5\", column 10: unknown keyword "
                           "\"backlog\" (known: host, port, timeout, bindAddress, attemptDelay)"},
    {"tcp6:h:80:bindAddress=127.0.0.1", "endpoint \"tcp6:h:80:bindAddress=127.0.0.1\", column 23: "
                                        "\"127.0.0.1\" is no IPv6 address such as \"\\:\\:1\""},
    {"tcp:h:80:attemptDelay=-1", "endpoint \"tcp:h:80:attemptDelay=-1\", column 23: the "
                                 "attemptDelay must be seconds above 0, such as 30 or 0.5, not "
                                 "\"-1\""},
    {"unix", "endpoint \"unix\": unix needs a path"},
    {"unix:", "endpoint \"unix:\", column 6: the path is empty"},
    {"unix:@", "endpoint \"unix:@\", column 6: the path is empty"},
    {"unix:/x:timeout=0", "endpoint \"unix:/x:timeout=0\", column 17: the timeout must be seconds "
                          "above 0, such as 30 or 0.5, not \"0\""},
    {"unix:/x:mode=660",
     "endpoint \"unix:/x:mode=660\", column 9: unknown keyword \"mode\" (known: "
     "path, timeout)"},
    {"fd", "endpoint \"fd\": fd needs a number"},
    {"fd:x",
     "endpoint \"fd:x\", column 4: the descriptor must be a number from 0 to 2147483647, not "
     "\"x\""},
    {"fd:-1", "endpoint \"fd:-1\", column 4: the descriptor must be a number from 0 to 2147483647, "
              "not \"-1\""},
    {"systemd:index=0", "endpoint \"systemd:index=0\", column 1: unknown type \"systemd\" (known: "
                        "tcp, tcp6, unix, fd, stdio)"},
};

START_TEST(bad_description_is_explained)
{
    TorcClientEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    ck_assert_int_eq(TorcClientEndpoint_fromString(TorcSim_reactor(sim), mistakes[_i].description,
                                                   &endpoint, &reason),
                     -TORC_EENDPOINT);
    ck_assert_ptr_null(endpoint);
    ck_assert_str_eq(TorcReason_text(reason), mistakes[_i].text);
    TorcReason_unref(reason);
}
END_TEST

static const char *const bad_timeouts[] = {
    "",    "0",   "0.0",  "-1",   "+1",         "1e3", "nan",          "inf",
    "1s",  "1,5", "1..5", "1.",   ".5",         " 1",  "1.0000000001", "10000000000",
    "0x1", ".",   "1.5x", "1.-5", "0.00000000",
};

START_TEST(bad_timeout_is_refused)
{
    char description[64];
    TorcClientEndpoint *endpoint;
    snprintf(description, sizeof(description), "tcp:h:80:timeout=%s", bad_timeouts[_i]);
    ck_assert_int_eq(
        TorcClientEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, NULL),
        -TORC_EENDPOINT);
}
END_TEST

/* Names longer than DNS allows, and paths longer than the kernel does. */
START_TEST(too_long_is_said_with_both_lengths)
{
    static const struct {
        const char *type, *part;
        int length;
    } long_ones[] = {
        {"tcp", "column 5: a host has at most 253 bytes, not 254", 254},
        {"unix", "column 6: the path of a socket has at most 107 bytes, not 108", 108},
    };
    char description[400];
    TorcClientEndpoint *endpoint;
    TorcReason *reason;
    snprintf(description, sizeof(description), "%s:%0*d%s", long_ones[_i].type,
             long_ones[_i].length, 7, _i == 0 ? ":80" : "");
    ck_assert_int_eq(
        TorcClientEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, &reason),
        -TORC_EENDPOINT);
    ck_assert_msg(strstr(TorcReason_text(reason), long_ones[_i].part), "%s",
                  TorcReason_text(reason));
    TorcReason_unref(reason);
}
END_TEST

START_TEST(reason_is_NULL_when_nothing_is_wrong)
{
    TorcClientEndpoint *endpoint = NULL;
    TorcReason *reason = (TorcReason *)&endpoint;
    ck_assert_int_eq(
        TorcClientEndpoint_fromString(TorcSim_reactor(sim), "tcp:h:1", &endpoint, &reason), 0);
    ck_assert_ptr_null(reason);
    TorcClientEndpoint_unref(endpoint);
}
END_TEST

RUN_CLIENT_TESTS("client_descriptions", {endpoint_connects_as_described, COUNT(examples)},
                 {port_may_be_the_name_of_a_service, 2},
                 {timeout_is_the_described_one_or_thirty_seconds, COUNT(silent)},
                 {bad_description_is_explained, COUNT(mistakes)},
                 {bad_timeout_is_refused, COUNT(bad_timeouts)},
                 {too_long_is_said_with_both_lengths, 2}, {reason_is_NULL_when_nothing_is_wrong, 1})
