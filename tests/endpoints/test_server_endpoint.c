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
    TorcReason *reason = (TorcReason *)&endpoint; /* success sets NULL */
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
    TorcServerEndpoint_unref(endpoint);
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
    {"tcp:http:interface=127.0.0.1", "127.0.0.1:80"},
    {"tcp6:port=finger", "[::]:79"},
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

static const struct {
    const char *description;
    unsigned most;
    bool refuses;
} limits[] = {
    {"tcp:8881:interface=127.0.0.1", 0, false},
    {"tcp:8881:interface=127.0.0.1:refuseExcess=no", 0, false},
    {"tcp:8881:interface=127.0.0.1:maxConnections=2", 2, false},
    {"tcp:maxConnections=2:8881:interface=127.0.0.1:refuseExcess=no", 2, false},
    {"tcp:8881:127.0.0.1:5:refuseExcess=yes:maxConnections=2", 2, true},
    {"tcp6:8881:interface=\\:\\:1:maxConnections=2:refuseExcess=yes", 2, true},
    {"unix:/run/limited:maxConnections=2", 2, false},
    {"unix:/run/limited:mode=600:maxConnections=2:refuseExcess=yes", 2, true},
};

static TorcSimPeer *connect_to(const char *address)
{
    if (strncmp(address, "unix:", 5) == 0)
        return TorcSim_connectUNIX(sim, address + 5);
    return strncmp(address, "[::1]", 5) == 0 ? TorcSim_connectFrom(sim, "::1", "::1", 8881)
                                             : TorcSim_connect(sim, 8881);
}

/* LISTEN-14 */
START_TEST(connections_are_limited_as_described)
{
    TorcServerEndpoint *endpoint = endpoint_of(limits[_i].description);
    char address[TORC_ADDRESS_TEXT_SIZE];
    TorcPort *port = NULL;
    TorcAddress host;
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, &port), 0);
    TorcServerEndpoint_unref(endpoint);
    TorcPort_getHost(port, &host);
    TorcAddress_format(&host, address, sizeof(address));
    ck_assert_uint_eq(TorcPort_maxConnections(port), limits[_i].most);
    TorcSimPeer *third = NULL;
    for (int i = 0; i < 3; i++) {
        third = connect_to(address);
        ck_assert_ptr_nonnull(third);
    }
    TorcSim_advance(sim, 0);
    ck_assert_uint_eq(TorcPort_connections(port), limits[_i].most ? limits[_i].most : 3);
    ck_assert_int_eq(TorcSimPeer_gotEnd(third), limits[_i].refuses);
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
    TorcServerEndpoint_unref(endpoint);
}
END_TEST

/* ---- bad descriptions ---------------------------------------------------------------------- */

static const struct {
    const char *description, *text;
} mistakes[] = {
    {"", "endpoint \"\": it is empty; it must begin with a type, as in \"tcp:8881\""},
    {"unix", "endpoint \"unix\": unix needs a path"},
    {"unix:", "endpoint \"unix:\", column 6: the path is empty"},
    {"unix:/x:mode=888", "endpoint \"unix:/x:mode=888\", column 14: the mode must be octal digits "
                         "from 1 to 777, such as 660, not \"888\""},
    {"unix:/x:0", "endpoint \"unix:/x:0\", column 9: the mode must be octal digits from 1 to 777, "
                  "such as 660, not \"0\""},
    {"unix:/x:mode=", "endpoint \"unix:/x:mode=\", column 14: the mode must be octal digits from 1 "
                      "to 777, such as 660, not \"\""},
    {"unix:/x:mode=1000",
     "endpoint \"unix:/x:mode=1000\", column 14: the mode must be octal digits "
     "from 1 to 777, such as 660, not \"1000\""},
    {"unix:/x:mode=37777777777777777777660",
     "endpoint \"unix:/x:mode=37777777777777777777660\", column 14: the mode must be octal digits "
     "from 1 to 777, such as 660, not \"37777777777777777777660\""},
    {"unix:/x:lockfile=1",
     "endpoint \"unix:/x:lockfile=1\", column 18: lockfile must be \"yes\" or "
     "\"no\", not \"1\""},
    {"unix:/x:backlog=0", "endpoint \"unix:/x:backlog=0\", column 17: the backlog must be a number "
                          "from 1 to 2147483647, not \"0\""},
    {"stdio:0", "endpoint \"stdio:0\", column 7: this type takes no arguments"},
    {"stdio:fd=0", "endpoint \"stdio:fd=0\", column 7: this type takes no arguments"},
    {"stdio::", "endpoint \"stdio::\", column 7: this type takes no arguments"},
    {"fd:", "endpoint \"fd:\", column 4: the descriptor must be a number from 0 to 2147483647, not "
            "\"\""},
    {"fd:3x", "endpoint \"fd:3x\", column 4: the descriptor must be a number from 0 to 2147483647, "
              "not \"3x\""},
    {":80", "endpoint \":80\", column 1: it must begin with a type and a colon, as in \"tcp:\""},
    {"80",
     "endpoint \"80\", column 1: unknown type \"80\" (known: tcp, tcp6, unix, fd, systemd, stdio)"},
    {"ssl:443",
     "endpoint \"ssl:443\", column 1: unknown type \"ssl\" (known: tcp, tcp6, unix, fd, systemd, stdio)"},
    {"tcp:80\\", "endpoint \"tcp:80\\\", column 7: the backslash at the end quotes nothing; to "
                 "mean a backslash write \"\\\\\""},
    {"tcp", "endpoint \"tcp\": tcp needs a port"},
    {"tcp:", "endpoint \"tcp:\", column 5: the port must be a number from 0 to 65535, not \"\""},
    {"tcp:65536", "endpoint \"tcp:65536\", column 5: the port must be a number from 0 to 65535, "
                  "not \"65536\""},
    {"tcp:port=-1",
     "endpoint \"tcp:port=-1\", column 10: the port must be a number from 0 to 65535 or "
     "a service that this host knows, not \"-1\""},
    {"tcp: 80", "endpoint \"tcp: 80\", column 5: the port must be a number from 0 to 65535 or "
                "a service that this host knows, not \" 80\""},
    {"tcp:80x", "endpoint \"tcp:80x\", column 5: the port must be a number from 0 to 65535 or "
                "a service that this host knows, not \"80x\""},
    {"tcp:99999999999999999999", "endpoint \"tcp:99999999999999999999\", column 5: the port must "
                                 "be a number from 0 to 65535, not \"99999999999999999999\""},
    {"tcp:80:interface=localhost", "endpoint \"tcp:80:interface=localhost\", column 18: "
                                   "\"localhost\" is no IPv4 or IPv6 address such as "
                                   "\"127.0.0.1\" or \"\\:\\:1\""},
    {"tcp6:80:interface=127.0.0.1", "endpoint \"tcp6:80:interface=127.0.0.1\", column 19: "
                                    "\"127.0.0.1\" is no IPv6 address such as \"\\:\\:1\""},
    {"tcp:80:interface=::1", "endpoint \"tcp:80:interface=::1\", column 19: \"\" is here for "
                             "\"interface\", which is given by keyword too (a ':' inside a value "
                             "is written \"\\:\")"},
    {"tcp:80:::1", "endpoint \"tcp:80:::1\", column 10: one argument too many: \"1\" (a ':' "
                   "inside a value is written \"\\:\")"},
    {"tcp:80:backlog=0", "endpoint \"tcp:80:backlog=0\", column 16: the backlog must be a number "
                         "from 1 to 2147483647, not \"0\""},
    {"tcp:80:reusePort=1", "endpoint \"tcp:80:reusePort=1\", column 18: reusePort must be \"yes\" "
                           "or \"no\", not \"1\""},
    {"tcp:80:colour=red", "endpoint \"tcp:80:colour=red\", column 8: unknown keyword \"colour\" "
                          "(known: port, interface, backlog, reusePort, maxConnections, "
                          "refuseExcess)"},
    {"tcp:80:maxConnections=0", "endpoint \"tcp:80:maxConnections=0\", column 23: maxConnections "
                                "must be a number from 1 to 2147483647, not \"0\""},
    {"tcp6:80:maxConnections=many",
     "endpoint \"tcp6:80:maxConnections=many\", column 24: maxConnections must be a number from 1 "
     "to 2147483647, not \"many\""},
    {"unix:/x:maxConnections=4294967296",
     "endpoint \"unix:/x:maxConnections=4294967296\", column 24: maxConnections must be a number "
     "from 1 to 2147483647, not \"4294967296\""},
    {"unix:/x:refuseExcess=", "endpoint \"unix:/x:refuseExcess=\", column 22: refuseExcess must be "
                              "\"yes\" or \"no\", not \"\""},
    {"tcp:80:refuseExcess=yes",
     "endpoint \"tcp:80:refuseExcess=yes\", column 8: refuseExcess needs maxConnections"},
    {"unix:/x:refuseExcess=yes:mode=600",
     "endpoint \"unix:/x:refuseExcess=yes:mode=600\", column 9: "
     "refuseExcess needs maxConnections"},
    {"fd:3:maxConnections=-1",
     "endpoint \"fd:3:maxConnections=-1\", column 21: maxConnections must "
     "be a number from 1 to 2147483647, not \"-1\""},
    {"fd:3:refuseExcess=true",
     "endpoint \"fd:3:refuseExcess=true\", column 19: refuseExcess must be "
     "\"yes\" or \"no\", not \"true\""},
    {"fd:3:5",
     "endpoint \"fd:3:5\", column 6: one argument too many: \"5\" (a ':' inside a value is "
     "written \"\\:\")"},
    {"stdio:maxConnections=1",
     "endpoint \"stdio:maxConnections=1\", column 7: this type takes no arguments"},
    {"tcp:80:backlog=1:backlog=2", "endpoint \"tcp:80:backlog=1:backlog=2\", column 18: "
                                   "\"backlog\" is given a second time"},
    {"t\x1b[31m\xff:\n", "endpoint \"t?[31m?:?\", column 1: unknown type \"t?[31m?\" (known: tcp, "
                         "tcp6, unix, fd, systemd, stdio)"},
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

/* EP-10: what the environment does not have is no endpoint. */
START_TEST(systemd_without_sockets_is_explained)
{
    static const struct {
        const char *description, *text;
    } bad[] = {
        {"systemd:index=0", "endpoint \"systemd:index=0\": no sockets were passed to this program "
                            "(LISTEN_PID is not set)"},
        {"systemd:name=web",
         "endpoint \"systemd:name=web\": no sockets were passed to this program "
         "(LISTEN_PID is not set)"},
        {"systemd:", "endpoint \"systemd:\": systemd needs a name or an index"},
        {"systemd", "endpoint \"systemd\": systemd needs a name or an index"},
        {"systemd:name=a:index=0",
         "endpoint \"systemd:name=a:index=0\": systemd needs a name or an index, not both"},
    };
    TorcServerEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    unsetenv("LISTEN_PID");
    ck_assert_int_eq(TorcServerEndpoint_fromString(TorcSim_reactor(sim), bad[_i].description,
                                                   &endpoint, &reason),
                     -TORC_EENDPOINT);
    ck_assert_str_eq(TorcReason_text(reason), bad[_i].text);
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
    ck_assert_ptr_eq(TorcServerEndpoint_ref(endpoint), endpoint);
    ck_assert_ptr_null(TorcServerEndpoint_unref(endpoint));
    ck_assert_ptr_null(TorcServerEndpoint_unref(endpoint));
    ck_assert_ptr_null(TorcServerEndpoint_unref(NULL));
    ck_assert_ptr_null(TorcServerEndpoint_ref(NULL));
}
END_TEST

START_TEST(constructors_check_their_arguments)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    const TorcListenOptions *wrong = &(TorcListenOptions){.size = 1};
    const TorcListenUNIXOptions *wrong_unix = &(TorcListenUNIXOptions){.size = 1};
    errno = 0;
    ck_assert_ptr_null(TorcTCPServerEndpoint_new(NULL, 1, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcTCPServerEndpoint_new(reactor, -1, NULL));
    ck_assert_ptr_null(TorcTCPServerEndpoint_new(reactor, 65536, NULL));
    ck_assert_ptr_null(TorcTCPServerEndpoint_new(reactor, 1, wrong));
    ck_assert_ptr_null(TorcUNIXServerEndpoint_new(NULL, "/x", NULL));
    ck_assert_ptr_null(TorcUNIXServerEndpoint_new(reactor, NULL, NULL));
    ck_assert_ptr_null(TorcStandardIOServerEndpoint_new(NULL));
    ck_assert_ptr_null(TorcUNIXServerEndpoint_new(reactor, "/x", wrong_unix));
    ck_assert_ptr_null(TorcAdoptedStreamServerEndpoint_new(NULL, 3));
    ck_assert_ptr_null(TorcAdoptedStreamServerEndpoint_new(reactor, -1));
}
END_TEST

START_TEST(interface_that_is_no_address_is_refused_at_once)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    errno = 0;
    ck_assert_ptr_null(
        TorcTCPServerEndpoint_new(reactor, 8881, TORC_LISTEN_OPTIONS(.interface = "here")));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(path_that_no_socket_can_have_is_refused_at_once)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    char path[109];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    errno = 0;
    ck_assert_ptr_null(TorcUNIXServerEndpoint_new(reactor, path, NULL));
    ck_assert_int_eq(errno, ENAMETOOLONG);
    ck_assert_ptr_null(TorcUNIXServerEndpoint_new(reactor, "", NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcUNIXServerEndpoint_new(reactor, "@", NULL));
    TorcServerEndpoint *longest = TorcUNIXServerEndpoint_new(reactor, path + 1, NULL);
    ck_assert_ptr_nonnull(longest);
    TorcServerEndpoint_unref(longest);
}
END_TEST

START_TEST(port_is_left_alone_when_listening_fails)
{
    TorcServerEndpoint *endpoint = endpoint_of("tcp:8881:interface=127.0.0.1");
    TorcPort *port = (TorcPort *)endpoint;
    listening_on("tcp:8881:interface=127.0.0.1");
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, &port), -EADDRINUSE);
    ck_assert_ptr_eq(port, endpoint);
    TorcServerEndpoint_unref(endpoint);
}
END_TEST

/* Texts in options are copied. */
START_TEST(options_need_not_outlive_the_call)
{
    char interface[] = "127.0.0.1";
    TorcServerEndpoint *endpoint = TorcTCPServerEndpoint_new(
        TorcSim_reactor(sim), 8881, TORC_LISTEN_OPTIONS(.interface = interface));
    TorcPort *port;
    TorcAddress address;
    memset(interface, 'x', sizeof(interface) - 1);
    ck_assert_int_eq(TorcServerEndpoint_listen(endpoint, factory, &port), 0);
    TorcPort_getHost(port, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_IPV4);
    TorcServerEndpoint_unref(endpoint);
}
END_TEST

/* ---- a program's own ----------------------------------------------------------------------- */

static unsigned own_destroyed;

static int own_listen(TorcServerEndpoint *self, TorcFactory *given, TorcPort **ret_port)
{
    ck_assert_ptr_eq(given, factory);
    ck_assert_ptr_nonnull(ret_port);
    return self->references == 1 ? 0 : -EBUSY;
}

static void own_destroy(TorcServerEndpoint *self)
{
    (void)self;
    own_destroyed++;
}

START_TEST(own_endpoint_is_called_through_its_class)
{
    static const TorcServerEndpointClass own_class = {
        .size = sizeof(own_class), .name = "own", .listen = own_listen, .destroy = own_destroy};
    static const TorcServerEndpointClass too_short = {.size = 8, .listen = own_listen};
    TorcServerEndpoint own;
    TorcPort *port = (TorcPort *)&own;
    own_destroyed = 0;
    TorcServerEndpoint_init(&own, &own_class, TorcSim_reactor(sim));
    ck_assert_int_eq(TorcServerEndpoint_listen(&own, factory, &port), 0);
    ck_assert_ptr_null(port); /* one that has no port, as "stdio:" */
    TorcServerEndpoint_ref(&own);
    ck_assert_int_eq(TorcServerEndpoint_listen(&own, factory, NULL), -EBUSY);
    TorcServerEndpoint_unref(&own);
    ck_assert_uint_eq(own_destroyed, 0);
    TorcServerEndpoint_unref(&own);
    ck_assert_uint_eq(own_destroyed, 1);

    TorcServerEndpoint_init(&own, &too_short, TorcSim_reactor(sim));
    ck_assert_int_eq(TorcServerEndpoint_listen(&own, factory, NULL), -EINVAL);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

static const char *const each[] = {"tcp:8881:interface=127.0.0.1", "tcp6:8881", "unix:/x", "fd:3"};

START_TEST(each_allocation_may_fail)
{
    TorcServerEndpoint *endpoint = NULL;
    int r = -ENOMEM;
    for (long k = 0; r < 0; k++) {
        TorcReason *reason = NULL;
        FailingMemory_start(k);
        r = TorcServerEndpoint_fromString(TorcSim_reactor(sim), each[_i], &endpoint, &reason);
        ck_assert(r == 0 || (r == -ENOMEM && reason));
        TorcReason_unref(reason);
        ck_assert(r == 0 || FailingMemory_live() == 0);
    }
    ck_assert_int_ge(FailingMemory_allocations(), 2); /* the endpoint and its fields */
    TorcServerEndpoint_unref(endpoint);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(reason_of_a_mistake_is_there_without_memory)
{
    TorcServerEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    FailingMemory_start(1); /* the reason comes behind the fields */
    ck_assert_int_eq(
        TorcServerEndpoint_fromString(TorcSim_reactor(sim), "tcp:x", &endpoint, &reason),
        -TORC_EENDPOINT);
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_FAILED);
    ck_assert_int_eq(TorcReason_code(reason), -TORC_EENDPOINT);
    TorcReason_unref(reason);
    FailingMemory_stop();
}
END_TEST

START_TEST(every_reason_has_the_code_returned_also_without_memory)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcServerEndpoint *server = NULL;
    TorcClientEndpoint *client = NULL;
    TorcReason *reason = NULL;
    FailingMemory_startForEver(0);
    ck_assert_int_eq(TorcServerEndpoint_fromString(reactor, "tcp:80", &server, &reason), -ENOMEM);
    ck_assert_int_eq(TorcReason_code(reason), -ENOMEM);
    ck_assert_int_eq(TorcServerEndpoint_fromString(reactor, NULL, &server, &reason), -EINVAL);
    ck_assert_int_eq(TorcReason_code(reason), -EINVAL);
    ck_assert_int_eq(TorcClientEndpoint_fromString(reactor, "tcp:a:80", NULL, &reason), -EINVAL);
    ck_assert_int_eq(TorcReason_code(reason), -EINVAL);
    ck_assert_int_eq(TorcClientEndpoint_fromString(reactor, "tcp:a:80", &client, &reason), -ENOMEM);
    ck_assert_int_eq(TorcReason_code(reason), -ENOMEM);
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_FAILED);
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
    tcase_add_loop_test(tc, connections_are_limited_as_described, 0, COUNT(limits));
    tcase_add_loop_test(tc, bad_description_is_explained, 0, COUNT(mistakes));
    tcase_add_loop_test(tc, systemd_without_sockets_is_explained, 0, 5);
    tcase_add_test(tc, constructors_check_their_arguments);
    tcase_add_test(tc, interface_that_is_no_address_is_refused_at_once);
    tcase_add_test(tc, path_that_no_socket_can_have_is_refused_at_once);
    tcase_add_test(tc, port_is_left_alone_when_listening_fails);
    tcase_add_test(tc, options_need_not_outlive_the_call);
    tcase_add_test(tc, own_endpoint_is_called_through_its_class);
    tcase_add_test(tc, long_description_is_cut_in_the_reason);
    tcase_add_test(tc, reason_need_not_be_asked_for);
    tcase_add_test(tc, null_arguments_are_refused);
    tcase_add_loop_test(tc, each_allocation_may_fail, 0, COUNT(each));
    tcase_add_test(tc, reason_of_a_mistake_is_there_without_memory);
    tcase_add_test(tc, every_reason_has_the_code_returned_also_without_memory);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
