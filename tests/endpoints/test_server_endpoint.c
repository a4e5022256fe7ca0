/* Server endpoints: descriptions of where to listen, used on a simulated kernel. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "tests/support/failing_memory.h"

static TorcSim *sim;
static TorcFactory *factory;

static void set_up(void)
{
    sim = TorcSim_new(1);
    factory = TorcFactory_forProtocol(&torc_echo_class);
}

static void tear_down(void)
{
    TorcFactory_unref(factory);
    TorcSim_free(sim);
}

static TorcServerEndpoint *endpoint_of(const char *description)
{
    TorcServerEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    int r = TorcServerEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, &reason);
    ck_assert_msg(r == 0, "%s", r < 0 ? TorcReason_text(reason) : "");
    ck_assert_ptr_null(reason);
    return endpoint;
}

/* Listens as described and tells the address. */
static const char *listening_on(const char *description)
{
    static char text[TORC_ADDRESS_TEXT_SIZE];
    TorcServerEndpoint *endpoint = endpoint_of(description);
    TorcPort *port = NULL;
    TorcAddress address;
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, &port), 0);
    TorcServerEndpoint_free(endpoint);
    TorcPort_getHost(port, &address);
    return TorcAddress_format(&address, text, sizeof(text));
}

/* ---- listening ----------------------------------------------------------------------------- */

static const struct {
    const char *description, *address;
} examples[] = {
    {"tcp:8881:interface=127.0.0.1", "127.0.0.1:8881"},
    {"tcp:8881:127.0.0.1:5", "127.0.0.1:8881"},
    {"tcp:8881:interface=\\:\\:1:backlog=128", "[::1]:8881"},
    {"interface=127.0.0.1:tcp:port=8881", "127.0.0.1:8881"},
    {"TCP:8881:interface=127.0.0.1", "127.0.0.1:8881"},
    {"tcp6:8881", "[::]:8881"},
    {"tcp6:8881:interface=", "[::]:8881"},
    {"tcp6:8881:interface=\\:\\:1", "[::1]:8881"},
    {"tcp:65535:interface=127.0.0.1", "127.0.0.1:65535"},
    {"tcp:08881:interface=127.0.0.1:reusePort=yes", "127.0.0.1:8881"},
};

START_TEST(endpoint_listens_as_described)
{
    ck_assert_str_eq(listening_on(examples[_i].description), examples[_i].address);
}
END_TEST

START_TEST(port_zero_is_chosen_by_the_system)
{
    const char *address = listening_on("tcp:0:interface=127.0.0.1");
    ck_assert(strncmp(address, "127.0.0.1:", 10) == 0);
    ck_assert_int_gt(atoi(address + 10), 0);
}
END_TEST

START_TEST(no_interface_takes_ipv4_and_ipv6)
{
    listening_on("tcp:8881");
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "127.0.0.1", "127.0.0.1", 8881));
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "::1", "::1", 8881));
}
END_TEST

START_TEST(tcp6_does_not_take_ipv4)
{
    listening_on("tcp6:8881");
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "127.0.0.1", "127.0.0.1", 8881));
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "::1", "::1", 8881));
}
END_TEST

START_TEST(connections_reach_the_factory)
{
    listening_on("tcp:8881");
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    TorcSimPeer_send(peer, "hello");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
}
END_TEST

START_TEST(endpoint_can_be_used_again)
{
    TorcServerEndpoint *endpoint = endpoint_of("tcp:8881:interface=127.0.0.1");
    TorcPort *port = NULL;
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, &port), 0);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, NULL), -EADDRINUSE);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, NULL), 0);
    TorcServerEndpoint_free(endpoint);
}
END_TEST

/* ---- bad descriptions ---------------------------------------------------------------------- */

static const struct {
    const char *description, *text;
} mistakes[] = {
    {"", "endpoint \"\": it is empty; it must begin with a type, as in \"tcp:8881\""},
    {":80", "endpoint \":80\", column 1: it must begin with a type and a colon, as in \"tcp:\""},
    {"80", "endpoint \"80\", column 1: unknown type \"80\" (known: tcp, tcp6)"},
    {"ssl:443", "endpoint \"ssl:443\", column 1: unknown type \"ssl\" (known: tcp, tcp6)"},
    {"tcp:80\\", "endpoint \"tcp:80\\\", column 7: the backslash at the end quotes nothing; to "
                 "mean a backslash write \"\\\\\""},
    {"tcp", "endpoint \"tcp\": tcp needs a port"},
    {"tcp:", "endpoint \"tcp:\", column 5: the port must be a number from 0 to 65535, not \"\""},
    {"tcp:65536", "endpoint \"tcp:65536\", column 5: the port must be a number from 0 to 65535, "
                  "not \"65536\""},
    {"tcp:port=-1", "endpoint \"tcp:port=-1\", column 10: the port must be a number from 0 to "
                    "65535, not \"-1\""},
    {"tcp: 80", "endpoint \"tcp: 80\", column 5: the port must be a number from 0 to 65535, not "
                "\" 80\""},
    {"tcp:80x", "endpoint \"tcp:80x\", column 5: the port must be a number from 0 to 65535, not "
                "\"80x\""},
    {"tcp:99999999999999999999", "endpoint \"tcp:99999999999999999999\", column 5: the port must "
                                 "be a number from 0 to 65535, not \"99999999999999999999\""},
    {"tcp:80:interface=localhost", "endpoint \"tcp:80:interface=localhost\", column 18: "
                                   "\"localhost\" is no IPv4 or IPv6 address such as "
                                   "\"127.0.0.1\" or \"\\:\\:1\""},
    {"tcp6:80:interface=127.0.0.1", "endpoint \"tcp6:80:interface=127.0.0.1\", column 19: "
                                    "\"127.0.0.1\" is no IPv6 address such as \"\\:\\:1\""},
    {"tcp:80:interface=::1", "endpoint \"tcp:80:interface=::1\", column 19: \"\" is here for "
                             "\"interface\", which is given by keyword too"},
    {"tcp:80:::1", "endpoint \"tcp:80:::1\", column 10: one argument too many: \"1\" (a ':' "
                   "inside a value is written \"\\:\")"},
    {"tcp:80:backlog=0", "endpoint \"tcp:80:backlog=0\", column 16: the backlog must be a number "
                         "from 1 to 2147483647, not \"0\""},
    {"tcp:80:reusePort=1", "endpoint \"tcp:80:reusePort=1\", column 18: reusePort must be \"yes\" "
                           "or \"no\", not \"1\""},
    {"tcp:80:colour=red", "endpoint \"tcp:80:colour=red\", column 8: unknown keyword \"colour\" "
                          "(known: port, interface, backlog, reusePort)"},
    {"tcp:80:backlog=1:backlog=2", "endpoint \"tcp:80:backlog=1:backlog=2\", column 18: "
                                   "\"backlog\" is given a second time"},
    {"t\x1b[31m\xff:\n", "endpoint \"t?[31m?:?\", column 1: unknown type \"t?[31m?\" (known: tcp, "
                         "tcp6)"},
};

START_TEST(bad_description_is_explained)
{
    TorcServerEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    ck_assert_int_eq(TorcServerEndpoint_fromString(TorcSim_reactor(sim), mistakes[_i].description,
                                                   &endpoint, &reason),
                     -TORC_EENDPOINT);
    ck_assert_ptr_null(endpoint);
    ck_assert_str_eq(TorcReason_text(reason), mistakes[_i].text);
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_FAILED);
    ck_assert_int_eq(TorcReason_code(reason), -TORC_EENDPOINT);
    TorcReason_unref(reason);
}
END_TEST

START_TEST(long_description_is_cut_in_the_reason)
{
    TorcServerEndpoint *endpoint;
    TorcReason *reason;
    char description[100001];
    memset(description, 'x', sizeof(description) - 1);
    description[sizeof(description) - 1] = '\0';
    ck_assert_int_eq(
        TorcServerEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, &reason),
        -TORC_EENDPOINT);
    ck_assert_ptr_nonnull(strstr(TorcReason_text(reason), "xxx...\", column 1: unknown type"));
    TorcReason_unref(reason);
}
END_TEST

START_TEST(reason_need_not_be_asked_for)
{
    TorcServerEndpoint *endpoint;
    ck_assert_int_eq(TorcServerEndpoint_fromString(TorcSim_reactor(sim), "x", &endpoint, NULL),
                     -TORC_EENDPOINT);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcServerEndpoint *endpoint;
    TorcReason *reason = NULL;
    ck_assert_int_eq(TorcServerEndpoint_fromString(NULL, "tcp:1", &endpoint, &reason), -EINVAL);
    ck_assert_int_eq(TorcReason_code(reason), -EINVAL);
    TorcReason_unref(reason);
    ck_assert_int_eq(TorcServerEndpoint_fromString(reactor, NULL, &endpoint, NULL), -EINVAL);
    ck_assert_int_eq(TorcServerEndpoint_fromString(reactor, "tcp:1", NULL, NULL), -EINVAL);

    endpoint = endpoint_of("tcp:8881");
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcServerEndpoint_listen(NULL, factory, NULL), -EINVAL);
    TorcServerEndpoint_free(endpoint);
    TorcServerEndpoint_free(NULL);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

START_TEST(each_allocation_may_fail)
{
    TorcServerEndpoint *endpoint = NULL;
    int r = -ENOMEM;
    for (long k = 0; r < 0; k++) {
        TorcReason *reason = NULL;
        FailingMemory_start(k);
        r = TorcServerEndpoint_fromString(TorcSim_reactor(sim), "tcp:8881", &endpoint, &reason);
        ck_assert(r == 0 || (r == -ENOMEM && reason));
        TorcReason_unref(reason);
        ck_assert(r == 0 || FailingMemory_live() == 0);
    }
    ck_assert_int_ge(FailingMemory_allocations(), 2); /* the endpoint and its fields */
    TorcServerEndpoint_free(endpoint);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(reason_of_a_mistake_is_there_without_memory)
{
    TorcServerEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    FailingMemory_start(2); /* the reason is the third thing */
    ck_assert_int_eq(
        TorcServerEndpoint_fromString(TorcSim_reactor(sim), "tcp:x", &endpoint, &reason),
        -TORC_EENDPOINT);
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_FAILED);
    TorcReason_unref(reason);
    FailingMemory_stop();
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
    Suite *suite = suite_create("server_endpoint");
    TCase *tc = tcase_create("server_endpoint");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, endpoint_listens_as_described, 0, COUNT(examples));
    tcase_add_test(tc, port_zero_is_chosen_by_the_system);
    tcase_add_test(tc, no_interface_takes_ipv4_and_ipv6);
    tcase_add_test(tc, tcp6_does_not_take_ipv4);
    tcase_add_test(tc, connections_reach_the_factory);
    tcase_add_test(tc, endpoint_can_be_used_again);
    tcase_add_loop_test(tc, bad_description_is_explained, 0, COUNT(mistakes));
    tcase_add_test(tc, long_description_is_cut_in_the_reason);
    tcase_add_test(tc, reason_need_not_be_asked_for);
    tcase_add_test(tc, null_arguments_are_refused);
    tcase_add_test(tc, each_allocation_may_fail);
    tcase_add_test(tc, reason_of_a_mistake_is_there_without_memory);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
