/* Client endpoints: what comes of an attempt and who is told, on a simulated kernel; descriptions,
 * good and bad; connectProtocol. The race of addresses is test_connect_race.c's, UNIX and inherited
 * sockets are test_real_endpoints.c's. */
#include "endpoint_fixture.h"

#include "tests/support/failing_memory.h"

enum { PORT = 8881 };

static void listen_at(const char *address)
{
    ck_assert_int_eq(TorcSim_listen(sim, address, PORT), 0);
}

static TorcClientEndpoint *tcp_client(const char *host)
{
    return TorcTCPClientEndpoint_new(TorcSim_reactor(sim), host, PORT, NULL);
}

/* The two kinds whose code differs: a connector of its own, and the race. */
static TorcClientEndpoint *either(int kind)
{
    return kind == 0 ? tcp_client("127.0.0.1") : client(TorcSim_reactor(sim), "tcp:127.0.0.1:8881");
}

enum { KINDS = 2 };

/* ---- connecting ---------------------------------------------------------------------------- */

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

START_TEST(host_name_is_resolved)
{
    const char *const addresses[] = {"127.0.0.7"};
    TorcSim_setAddresses(sim, "torc.example", addresses, 1);
    listen_at("127.0.0.7");
    ck_assert_int_eq(try_connect(tcp_client("torc.example")), 0);
    TorcSim_advance(sim, 1);
    ck_peer_is("127.0.0.7:8881");
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

/* ---- who is told of what ------------------------------------------------------------------- */

/* EP-2, EP-4: no startedConnecting, no clientConnectionLost, but start and stop. */
START_TEST(deferred_fires_with_the_protocol_after_connectionMade)
{
    listen_at("127.0.0.1");
    ck_assert_int_eq(try_connect(either(_i)), 0);
    ck_assert_str_eq(rec.log, "start");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired");
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    ck_assert_ptr_eq(outcome.protocol->factory, factory);

    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired lost:DONE stop");
    ck_assert_uint_eq(outcome.fired, 1);
}
END_TEST

/* EP-2 */
START_TEST(data_that_is_there_comes_after_the_deferred)
{
    listen_at("127.0.0.1");
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    TorcSimPeer_send(TorcSim_accept(sim, PORT), "hello");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired data:5");
}
END_TEST

/* EP-1: nothing of it is told synchronously. */
START_TEST(refusal_fails_the_deferred)
{
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_REFUSED);
    ck_assert_int_eq(outcome.code, -ECONNREFUSED);
    ck_assert_str_eq(outcome.text, "cannot connect to 127.0.0.1:8881: Connection refused");
}
END_TEST

/* EP-2 */
START_TEST(factory_that_refuses_fails_the_deferred)
{
    listen_at("127.0.0.1");
    rec.refuse = true;
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_NO_PROTOCOL);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

/* EP-2 */
START_TEST(factory_that_fails_gives_its_code)
{
    listen_at("127.0.0.1");
    rec.build_code = -EPERM;
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_NO_PROTOCOL);
    ck_assert_int_eq(outcome.code, -EPERM);
}
END_TEST

/* EP-5: there is no wrapping protocol, so all slots are the protocol's own. */
START_TEST(half_close_reaches_the_protocol)
{
    listen_at("127.0.0.1");
    rec.half_closeable = true;
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    TorcSim_advance(sim, 0);
    TorcSimPeer_shutdown(TorcSim_accept(sim, PORT));
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired write-shut eof");
}
END_TEST

START_TEST(buffer_limit_of_the_factory_holds)
{
    listen_at("127.0.0.1");
    TorcFactory_setBufferLimit(factory, 100000);
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    TorcSimPeer_stopReading(TorcSim_accept(sim, PORT));
    char *bytes = calloc(1, 300000);
    ck_assert_ptr_nonnull(bytes);
    TorcTransport_write(rec.transport, bytes, 300000);
    free(bytes);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired lost:OVERFLOW stop");
}
END_TEST

START_TEST(timeouts_of_the_factory_hold)
{
    listen_at("127.0.0.1");
    ck_assert_int_eq(TorcFactory_setIdleTimeout(factory, 60), 0);
    ck_assert_int_eq(TorcFactory_setCloseTimeout(factory, 2), 0);
    ck_assert_int_eq(try_connect(either(_i % KINDS)), 0);
    TorcSim_advance(sim, 0);
    if (_i < KINDS) {
        TorcSim_advance(sim, 60);
    } else {
        static const char much[300000];
        TorcSimPeer_stopReading(TorcSim_accept(sim, PORT));
        TorcTransport_write(rec.transport, much, sizeof(much));
        TorcTransport_loseConnection(rec.transport);
        TorcSim_advance(sim, 2);
    }
    ck_assert_str_eq(rec.log, "start made fired lost:TIMED_OUT stop");
}
END_TEST

static unsigned unhandled;

static void count_unhandled(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    unhandled += strcmp(event->name, "deferred.unhandled") == 0;
}

START_TEST(failure_nobody_wants_to_know_of_is_logged)
{
    TorcClientEndpoint *endpoint = either(_i);
    unhandled = 0;
    torc_setLogObserver(count_unhandled, NULL, TORC_LOG_DEBUG);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, factory, NULL), 0);
    TorcClientEndpoint_unref(endpoint);
    TorcSim_advance(sim, 0);
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    ck_assert_uint_eq(unhandled, 1);
}
END_TEST

START_TEST(error_that_is_found_at_once_is_returned)
{
    const TorcConnectOptions *options = TORC_CONNECT_OPTIONS(.bindPort = 79); /* of what? */
    ck_assert_int_eq(
        try_connect(TorcTCPClientEndpoint_new(TorcSim_reactor(sim), "127.0.0.1", 1, options)),
        -EINVAL);
    ck_assert_str_eq(rec.log, "");
    ck_assert_ptr_null(connected);
}
END_TEST

static TorcClientEndpoint *endpoint_for_later;
static int later_result;

static void connect_while_stopping(Recording *recording)
{
    (void)recording;
    later_result = TorcClientEndpoint_connect(endpoint_for_later, factory, NULL);
}

static void stop_reactor(Recording *recording)
{
    (void)recording;
    TorcReactor_stop(TorcSim_reactor(sim));
}

START_TEST(nothing_begins_while_the_reactor_stops)
{
    listen_at("127.0.0.1");
    endpoint_for_later = either(_i);
    rec.on[RECORD_MADE] = stop_reactor;
    rec.on[RECORD_LOST] = connect_while_stopping;
    ck_assert_int_eq(try_connect(either(_i)), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(later_result, -TORC_ENOTRUNNING);
    ck_assert_str_eq(rec.log, "start made fired lost:DONE stop");
    TorcClientEndpoint_unref(endpoint_for_later);
}
END_TEST

/* ---- cancelling ---------------------------------------------------------------------------- */

/* EP-3, for the times before anything and in the middle of it. */
START_TEST(cancelled_attempt_is_given_up)
{
    TorcSim_blackHole(sim, "192.0.2.1");
    ck_assert_int_eq(try_connect(tcp_client("192.0.2.1")), 0);
    if (_i > 0)
        TorcSim_advance(sim, _i);
    TorcDeferred_cancel(connected);
    ck_assert_str_eq(rec.log, "start failed");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
    TorcSim_advance(sim, 200);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_clean();
}
END_TEST

/* EP-3 */
START_TEST(cancelling_after_success_does_nothing)
{
    listen_at("127.0.0.1");
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    TorcDeferred_cancel(connected);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "start made fired");
}
END_TEST

static void cancel_it(Recording *recording)
{
    (void)recording;
    TorcDeferred_cancel(connected);
}

START_TEST(cancelled_by_the_factory_no_connection_is_made)
{
    listen_at("127.0.0.1");
    rec.on[RECORD_BUILD] = cancel_it;
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

START_TEST(cancelled_in_connectionMade_the_connection_is_lost)
{
    listen_at("127.0.0.1");
    rec.on[RECORD_MADE] = cancel_it;
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made failed lost:DONE stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
}
END_TEST

static void lose_it(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

START_TEST(connection_that_is_lost_in_connectionMade_is_told_of_first)
{
    listen_at("127.0.0.1");
    rec.on[RECORD_MADE] = lose_it;
    ck_assert_int_eq(try_connect(either(_i)), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired lost:DONE stop");
}
END_TEST

/* ---- connectProtocol ----------------------------------------------------------------------- */

static TorcProtocol *new_protocol(void)
{
    TorcProtocol *protocol = NULL;
    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &(TorcAddress){0}, &protocol), 0);
    return protocol;
}

static int connect_protocol(TorcClientEndpoint *endpoint, TorcProtocol *protocol)
{
    int r = torc_connectProtocol(endpoint, protocol, &connected);
    TorcClientEndpoint_unref(endpoint);
    if (r == 0)
        ck_assert_int_eq(TorcDeferred_addBoth(connected, note_outcome, NULL), 0);
    return r;
}

START_TEST(protocol_that_is_there_is_connected)
{
    TorcProtocol *protocol = new_protocol();
    listen_at("127.0.0.1");
    ck_assert_int_eq(connect_protocol(either(_i), protocol), 0);
    TorcSim_advance(sim, 0);
    ck_assert_ptr_eq(outcome.protocol, protocol);
    ck_assert_str_eq(rec.log, "made fired");
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 0);
    ck_assert_uint_eq(rec.live, 0);
}
END_TEST

START_TEST(protocol_brings_the_buffer_limit_of_its_factory)
{
    char *bytes = calloc(1, 300000);
    ck_assert_ptr_nonnull(bytes);
    listen_at("127.0.0.1");
    TorcFactory_setBufferLimit(factory, 100000);
    ck_assert_int_eq(connect_protocol(either(_i), new_protocol()), 0);
    TorcSim_advance(sim, 0);
    TorcSimPeer_stopReading(TorcSim_accept(sim, PORT));
    TorcTransport_write(rec.transport, bytes, 300000);
    free(bytes);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "made fired lost:OVERFLOW");
}
END_TEST

START_TEST(protocol_is_freed_when_there_is_no_connection)
{
    ck_assert_int_eq(connect_protocol(either(_i), new_protocol()), 0);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_REFUSED);
    ck_assert_uint_eq(rec.live, 0);

    ck_assert_int_eq(torc_connectProtocol(NULL, new_protocol(), NULL), -EINVAL);
    ck_assert_uint_eq(rec.live, 0);
}
END_TEST

START_TEST(connectProtocol_takes_nothing_that_is_connected)
{
    TorcClientEndpoint *endpoint = either(0);
    listen_at("127.0.0.1");
    ck_assert_int_eq(torc_connectProtocol(endpoint, NULL, NULL), -EINVAL);
    ck_assert_int_eq(connect_protocol(TorcClientEndpoint_ref(endpoint), new_protocol()), 0);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(torc_connectProtocol(endpoint, outcome.protocol, NULL), -EINVAL);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "made fired");
    TorcClientEndpoint_unref(endpoint);
}
END_TEST

/* ---- a program's own ----------------------------------------------------------------------- */

typedef struct Own {
    TorcClientEndpoint base;
    TorcDeferred *made;
    unsigned destroyed;
} Own;

static int own_connect(TorcClientEndpoint *self, TorcFactory *given, TorcDeferred **ret_connected)
{
    ck_assert_ptr_eq(given, factory);
    *ret_connected = ((Own *)self)->made = TorcDeferred_new(NULL, NULL);
    return 0;
}

static void own_destroy(TorcClientEndpoint *self)
{
    ((Own *)self)->destroyed++;
}

START_TEST(own_endpoint_is_called_through_its_class)
{
    static const TorcClientEndpointClass own_class = {
        .size = sizeof(own_class), .name = "own", .connect = own_connect, .destroy = own_destroy};
    Own own = {.destroyed = 0};
    TorcClientEndpoint_init(&own.base, &own_class, TorcSim_reactor(sim));
    ck_assert_int_eq(TorcClientEndpoint_connect(&own.base, factory, NULL), 0);
    TorcDeferred_callback(own.made, NULL, NULL); /* given away: nothing is left of it */
    TorcClientEndpoint_ref(&own.base);
    TorcClientEndpoint_unref(&own.base);
    ck_assert_uint_eq(own.destroyed, 0);
    TorcClientEndpoint_unref(&own.base);
    ck_assert_uint_eq(own.destroyed, 1);
}
END_TEST

START_TEST(own_endpoint_whose_class_does_not_fit_is_refused)
{
    static const TorcClientEndpointClass too_short = {.size = 8, .connect = own_connect};
    static const TorcClientEndpointClass nothing_to_call = {.size = sizeof(nothing_to_call)};
    const TorcClientEndpointClass *const wrong[] = {NULL, &too_short, &nothing_to_call};
    Own own = {.destroyed = 0};
    TorcClientEndpoint_init(&own.base, wrong[_i], TorcSim_reactor(sim));
    ck_assert_int_eq(TorcClientEndpoint_connect(&own.base, factory, NULL), -EINVAL);
    TorcClientEndpoint_unref(&own.base);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

/* From the description to the end of a connection; true when nothing had failed. */
static bool converse(const char *description)
{
    TorcClientEndpoint *endpoint = NULL;
    outcome = (Outcome){0};
    int r = TorcClientEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, NULL);
    ck_assert(r == 0 || r == -ENOMEM);
    if (r < 0)
        return false;
    r = TorcClientEndpoint_connect(endpoint, factory, &connected);
    TorcClientEndpoint_unref(endpoint);
    ck_assert(r == 0 || r == -ENOMEM);
    if (r < 0)
        return false;
    ck_assert_int_eq(TorcDeferred_addBoth(connected, note_outcome, NULL), 0);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(outcome.fired, 1);
    if (outcome.protocol)
        TorcTransport_abortConnection(outcome.protocol->transport);
    TorcSim_advance(sim, 1);
    let_go();
    return outcome.kind == 0;
}

static const char *const spoken[] = {"tcp:127.0.0.1:8881",
                                     "tcp:torc.example:8881:bindAddress=127.0.0.1"};

START_TEST(each_allocation_may_fail)
{
    const char *const addresses[] = {"127.0.0.2", "127.0.0.1"}; /* the first refuses */
    bool good = false;
    TorcSim_setAddresses(sim, "torc.example", addresses, 2);
    listen_at("127.0.0.1");
    (void)converse(spoken[_i]); /* what is made once, such as the reactor's buffers */
    for (long k = 0; !good; k++) {
        rec.log[0] = rec.factory_log[0] = '\0';
        FailingMemory_start(k);
        good = converse(spoken[_i]);
        good = good && FailingMemory_allocations() <= k;
        ck_assert_int_eq(FailingMemory_live(), 0);
        FailingMemory_stop();
        ck_assert_int_lt(k, 1000);
    }
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
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

START_TEST(null_arguments_are_refused)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcClientEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    ck_assert_int_eq(TorcClientEndpoint_fromString(NULL, "tcp:h:1", &endpoint, &reason), -EINVAL);
    ck_assert_int_eq(TorcReason_code(reason), -EINVAL);
    TorcReason_unref(reason);
    ck_assert_int_eq(TorcClientEndpoint_fromString(reactor, NULL, &endpoint, NULL), -EINVAL);
    ck_assert_int_eq(TorcClientEndpoint_fromString(reactor, "tcp:h:1", NULL, NULL), -EINVAL);

    endpoint = client(reactor, "tcp:h:1");
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcClientEndpoint_connect(NULL, factory, NULL), -EINVAL);
    ck_assert_ptr_eq(TorcClientEndpoint_ref(endpoint), endpoint);
    ck_assert_ptr_null(TorcClientEndpoint_unref(endpoint));
    ck_assert_ptr_null(TorcClientEndpoint_unref(endpoint));
    ck_assert_ptr_null(TorcClientEndpoint_unref(NULL));
    ck_assert_ptr_null(TorcClientEndpoint_ref(NULL));
}
END_TEST

START_TEST(constructors_check_their_arguments)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    const TorcConnectOptions *wrong = &(TorcConnectOptions){.size = 1};
    const TorcConnectUNIXOptions *wrong_unix = &(TorcConnectUNIXOptions){.size = 1};
    errno = 0;
    ck_assert_ptr_null(TorcTCPClientEndpoint_new(NULL, "h", 1, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcTCPClientEndpoint_new(reactor, NULL, 1, NULL));
    ck_assert_ptr_null(TorcTCPClientEndpoint_new(reactor, "", 1, NULL));
    ck_assert_ptr_null(TorcTCPClientEndpoint_new(reactor, "h", 0, NULL));
    ck_assert_ptr_null(TorcTCPClientEndpoint_new(reactor, "h", 65536, NULL));
    ck_assert_ptr_null(TorcTCPClientEndpoint_new(reactor, "h", 1, wrong));
    ck_assert_ptr_null(TorcUNIXClientEndpoint_new(NULL, "/x", NULL));
    ck_assert_ptr_null(TorcUNIXClientEndpoint_new(reactor, NULL, NULL));
    ck_assert_ptr_null(TorcUNIXClientEndpoint_new(reactor, "/x", wrong_unix));
    ck_assert_ptr_null(TorcAdoptedStreamClientEndpoint_new(NULL, 3));
    ck_assert_ptr_null(TorcAdoptedStreamClientEndpoint_new(reactor, -1));
    ck_assert_ptr_null(TorcStandardIOClientEndpoint_new(NULL));
}
END_TEST

START_TEST(addresses_that_are_none_are_refused_at_once)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    char path[109];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    errno = 0;
    ck_assert_ptr_null(
        TorcTCPClientEndpoint_new(reactor, "h", 1, TORC_CONNECT_OPTIONS(.bindAddress = "here")));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcUNIXClientEndpoint_new(reactor, path, NULL));
    ck_assert_int_eq(errno, ENAMETOOLONG);
    ck_assert_ptr_null(TorcUNIXClientEndpoint_new(reactor, "", NULL));
    ck_assert_int_eq(errno, EINVAL);
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

int main(void)
{
    Suite *suite = suite_create("client_endpoint");
    TCase *tc = tcase_create("client_endpoint");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, endpoint_connects_as_described, 0, COUNT(examples));
    tcase_add_loop_test(tc, port_may_be_the_name_of_a_service, 0, 2);
    tcase_add_test(tc, host_name_is_resolved);
    tcase_add_loop_test(tc, timeout_is_the_described_one_or_thirty_seconds, 0, COUNT(silent));
    tcase_add_loop_test(tc, deferred_fires_with_the_protocol_after_connectionMade, 0, KINDS);
    tcase_add_loop_test(tc, data_that_is_there_comes_after_the_deferred, 0, KINDS);
    tcase_add_loop_test(tc, refusal_fails_the_deferred, 0, KINDS);
    tcase_add_loop_test(tc, factory_that_refuses_fails_the_deferred, 0, KINDS);
    tcase_add_loop_test(tc, factory_that_fails_gives_its_code, 0, KINDS);
    tcase_add_loop_test(tc, half_close_reaches_the_protocol, 0, KINDS);
    tcase_add_loop_test(tc, buffer_limit_of_the_factory_holds, 0, KINDS);
    tcase_add_loop_test(tc, timeouts_of_the_factory_hold, 0, 2 * KINDS);
    tcase_add_loop_test(tc, failure_nobody_wants_to_know_of_is_logged, 0, KINDS);
    tcase_add_test(tc, error_that_is_found_at_once_is_returned);
    tcase_add_loop_test(tc, nothing_begins_while_the_reactor_stops, 0, KINDS);
    tcase_add_loop_test(tc, cancelled_attempt_is_given_up, 0, 2);
    tcase_add_loop_test(tc, cancelling_after_success_does_nothing, 0, KINDS);
    tcase_add_loop_test(tc, cancelled_by_the_factory_no_connection_is_made, 0, KINDS);
    tcase_add_loop_test(tc, cancelled_in_connectionMade_the_connection_is_lost, 0, KINDS);
    tcase_add_loop_test(tc, connection_that_is_lost_in_connectionMade_is_told_of_first, 0, KINDS);
    tcase_add_loop_test(tc, protocol_that_is_there_is_connected, 0, KINDS);
    tcase_add_loop_test(tc, protocol_brings_the_buffer_limit_of_its_factory, 0, KINDS);
    tcase_add_loop_test(tc, protocol_is_freed_when_there_is_no_connection, 0, KINDS);
    tcase_add_test(tc, connectProtocol_takes_nothing_that_is_connected);
    tcase_add_test(tc, own_endpoint_is_called_through_its_class);
    tcase_add_loop_test(tc, own_endpoint_whose_class_does_not_fit_is_refused, 0, 3);
    tcase_add_loop_test(tc, each_allocation_may_fail, 0, COUNT(spoken));
    tcase_add_loop_test(tc, bad_description_is_explained, 0, COUNT(mistakes));
    tcase_add_loop_test(tc, bad_timeout_is_refused, 0, COUNT(bad_timeouts));
    tcase_add_loop_test(tc, too_long_is_said_with_both_lengths, 0, 2);
    tcase_add_test(tc, null_arguments_are_refused);
    tcase_add_test(tc, constructors_check_their_arguments);
    tcase_add_test(tc, addresses_that_are_none_are_refused_at_once);
    tcase_add_test(tc, reason_is_NULL_when_nothing_is_wrong);
    RUN_ENDPOINT_TESTS(suite);
}
