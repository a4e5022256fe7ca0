/* Client endpoints: descriptions of where to connect to, used on a simulated kernel. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

static TorcSim *sim;

/* What a connection's factory is told. */
typedef struct Witness {
    TorcClientFactory base;
    TorcReasonKind failed;
} Witness;

static void witness_failed(TorcClientFactory *self, TorcConnector *connector,
                           const TorcReason *reason)
{
    (void)connector;
    ((Witness *)self)->failed = TorcReason_kind(reason);
}

static const TorcClientFactoryClass witness_class = {
    TORC_CLIENT_FACTORY_CLASS("witness", Witness),
    .factory.protocol = &torc_echo_class,
    .clientConnectionFailed = witness_failed,
};

static Witness *witness;

static void set_up(void)
{
    sim = TorcSim_new(1);
    witness = (Witness *)TorcClientFactory_new(&witness_class);
}

static void tear_down(void)
{
    TorcFactory_unref(&witness->base.base);
    TorcSim_free(sim);
}

static TorcClientEndpoint *endpoint_of(const char *description)
{
    TorcClientEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    int r = TorcClientEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, &reason);
    ck_assert_msg(r == 0, "%s", r < 0 ? TorcReason_text(reason) : "");
    ck_assert_ptr_null(reason);
    return endpoint;
}

static TorcConnector *connecting(const char *description)
{
    TorcClientEndpoint *endpoint = endpoint_of(description);
    TorcConnector *connector = NULL;
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, &witness->base, &connector), 0);
    TorcClientEndpoint_free(endpoint);
    return connector;
}

/* ---- connecting ---------------------------------------------------------------------------- */

static const struct {
    const char *description, *host;
} examples[] = {
    {"tcp:127.0.0.1:8881", "127.0.0.1"},
    {"tcp:host=127.0.0.1:port=8881", "127.0.0.1"},
    {"tcp:8881:host=127.0.0.1", "127.0.0.1"},
    {"timeout=2.5:tcp:127.0.0.1:8881", "127.0.0.1"},
    {"Tcp:127.0.0.1:8881:bindAddress=127.0.0.1", "127.0.0.1"},
    {"tcp:127.0.0.1:8881:bindAddress=", "127.0.0.1"},
    {"tcp:\\:\\:1:8881", "::1"},
};

START_TEST(endpoint_connects_as_described)
{
    uint16_t port = 0;
    ck_assert_int_eq(TorcSim_listen(sim, examples[_i].host, 8881), 0);
    TorcConnector *connector = connecting(examples[_i].description);
    ck_assert_str_eq(TorcConnector_getDestination(connector, &port), examples[_i].host);
    ck_assert_uint_eq(port, 8881);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_CONNECTED);
    ck_assert_ptr_nonnull(TorcSim_accept(sim, 8881));
}
END_TEST

START_TEST(host_name_is_resolved)
{
    const char *const addresses[] = {"127.0.0.7"};
    TorcSim_setHost(sim, "torc.example", addresses, 1);
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.7", 79), 0);
    connecting("tcp:torc.example:79");
    TorcSim_advance(sim, 1);
    ck_assert_ptr_nonnull(TorcSim_accept(sim, 79));
}
END_TEST

START_TEST(timeout_is_the_described_one)
{
    TorcSim_blackHole(sim, "192.0.2.1");
    connecting("tcp:192.0.2.1:79:timeout=0.5");
    TorcSim_advance(sim, 0.499);
    ck_assert_int_eq(witness->failed, 0);
    TorcSim_advance(sim, 0.002);
    ck_assert_int_eq(witness->failed, TORC_CONNECTION_TIMED_OUT);
}
END_TEST

START_TEST(timeout_is_thirty_seconds_by_default)
{
    TorcSim_blackHole(sim, "192.0.2.1");
    connecting("tcp:192.0.2.1:79");
    TorcSim_advance(sim, 29.999);
    ck_assert_int_eq(witness->failed, 0);
    TorcSim_advance(sim, 0.002);
    ck_assert_int_eq(witness->failed, TORC_CONNECTION_TIMED_OUT);
}
END_TEST

/* ---- bad descriptions ---------------------------------------------------------------------- */

static const struct {
    const char *description, *text;
} mistakes[] = {
    {"", "endpoint \"\": it is empty; it must begin with a type, as in \"tcp:8881\""},
    {"tcp6:h:80", "endpoint \"tcp6:h:80\", column 1: unknown type \"tcp6\" (known: tcp)"},
    {"tcp", "endpoint \"tcp\": tcp needs a host"},
    {"tcp:h", "endpoint \"tcp:h\": tcp needs a port"},
    {"tcp:port=80", "endpoint \"tcp:port=80\": tcp needs a host"},
    {"tcp::80", "endpoint \"tcp::80\", column 5: the host is empty"},
    {"tcp:h:0", "endpoint \"tcp:h:0\", column 7: the port must be a number from 1 to 65535, not "
                "\"0\""},
    {"tcp:h:65536", "endpoint \"tcp:h:65536\", column 7: the port must be a number from 1 to "
                    "65535, not \"65536\""},
    {"tcp:h:http", "endpoint \"tcp:h:http\", column 7: the port must be a number from 1 to 65535, "
                   "not \"http\""},
    {"tcp:::1:80", "endpoint \"tcp:::1:80\", column 7: one argument too many: \"1\" (a ':' inside "
                   "a value is written \"\\:\")"},
    {"tcp:h:80:5", "endpoint \"tcp:h:80:5\", column 10: one argument too many: \"5\" (a ':' inside "
                   "a value is written \"\\:\")"},
    {"tcp:h:80:bindAddress=x", "endpoint \"tcp:h:80:bindAddress=x\", column 22: \"x\" is no IPv4 "
                               "or IPv6 address such as \"127.0.0.1\" or \"\\:\\:1\""},
    {"tcp:h:80:host=i", "endpoint \"tcp:h:80:host=i\", column 7: one argument too many: \"80\" (a "
                        "':' inside a value is written \"\\:\")"},
    {"tcp:h:80:backlog=5", "endpoint \"tcp:h:80:backlog=5\", column 10: unknown keyword "
                           "\"backlog\" (known: host, port, timeout, bindAddress)"},
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

START_TEST(null_arguments_are_refused)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcClientEndpoint *endpoint;
    TorcReason *reason = NULL;
    ck_assert_int_eq(TorcClientEndpoint_fromString(NULL, "tcp:h:1", &endpoint, &reason), -EINVAL);
    ck_assert_int_eq(TorcReason_code(reason), -EINVAL);
    TorcReason_unref(reason);
    ck_assert_int_eq(TorcClientEndpoint_fromString(reactor, NULL, &endpoint, NULL), -EINVAL);
    ck_assert_int_eq(TorcClientEndpoint_fromString(reactor, "tcp:h:1", NULL, NULL), -EINVAL);

    endpoint = endpoint_of("tcp:h:1");
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcClientEndpoint_connect(NULL, &witness->base, NULL), -EINVAL);
    TorcClientEndpoint_free(endpoint);
    TorcClientEndpoint_free(NULL);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
    Suite *suite = suite_create("client_endpoint");
    TCase *tc = tcase_create("client_endpoint");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, endpoint_connects_as_described, 0, COUNT(examples));
    tcase_add_test(tc, host_name_is_resolved);
    tcase_add_test(tc, timeout_is_the_described_one);
    tcase_add_test(tc, timeout_is_thirty_seconds_by_default);
    tcase_add_loop_test(tc, bad_description_is_explained, 0, COUNT(mistakes));
    tcase_add_loop_test(tc, bad_timeout_is_refused, 0, COUNT(bad_timeouts));
    tcase_add_test(tc, null_arguments_are_refused);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
