/* Client endpoints: what comes of an attempt and who is told, on a simulated kernel; cancelling;
 * connectProtocol; a program's own; bad arguments. Descriptions are test_client_descriptions.c's, the
 * race of addresses is test_connect_race.c's, UNIX and inherited sockets are test_real_endpoints.c's. */
#include "client_endpoint_fixture.h"
#include "tests/support/failing_memory.h"

/* ---- connecting ---------------------------------------------------------------------------- */

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
    connect_to_listener(_i);
    TorcSimPeer_send(TorcSim_accept(sim, PORT), "hello");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired data:5");
}
END_TEST

/* EP-1: nothing of it is told synchronously. */
START_TEST(refusal_fails_the_deferred)
{
    connect_either(_i);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_REFUSED);
    ck_assert_int_eq(outcome.code, -ECONNREFUSED);
    ck_assert_str_eq(outcome.text, "cannot connect to 127.0.0.1:8881: Connection refused");
}
END_TEST

/* EP-2 */
START_TEST(factory_that_refuses_fails_the_deferred)
{
    rec.refuse = true;
    connect_to_listener(_i);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_NO_PROTOCOL);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

/* EP-2 */
START_TEST(factory_that_fails_gives_its_code)
{
    rec.build_code = -EPERM;
    connect_to_listener(_i);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_NO_PROTOCOL);
    ck_assert_int_eq(outcome.code, -EPERM);
}
END_TEST

/* EP-5: there is no wrapping protocol, so all slots are the protocol's own. */
START_TEST(half_close_reaches_the_protocol)
{
    rec.half_closeable = true;
    connect_to_listener(_i);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    TorcSim_advance(sim, 0);
    TorcSimPeer_shutdown(TorcSim_accept(sim, PORT));
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired write-shut eof");
}
END_TEST

START_TEST(buffer_limit_of_the_factory_holds)
{
    TorcFactory_setBufferLimit(factory, 100000);
    connect_to_listener(_i);
    write_much_unread();
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(rec.log, "start made fired lost:OVERFLOW stop");
}
END_TEST

START_TEST(timeouts_of_the_factory_hold)
{
    ck_assert_int_eq(TorcFactory_setIdleTimeout(factory, 60), 0);
    ck_assert_int_eq(TorcFactory_setCloseTimeout(factory, 2), 0);
    connect_to_listener(_i % KINDS);
    if (_i < KINDS) {
        TorcSim_advance(sim, 60);
    } else {
        write_much_unread();
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
    connect_to_listener(_i);
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
    rec.on[RECORD_BUILD] = cancel_it;
    connect_to_listener(_i);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

START_TEST(cancelled_in_connectionMade_the_connection_is_lost)
{
    rec.on[RECORD_MADE] = cancel_it;
    connect_to_listener(_i);
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
    rec.on[RECORD_MADE] = lose_it;
    connect_to_listener(_i);
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
    listen_at("127.0.0.1");
    TorcFactory_setBufferLimit(factory, 100000);
    ck_assert_int_eq(connect_protocol(either(_i), new_protocol()), 0);
    TorcSim_advance(sim, 0);
    write_much_unread();
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

/* ---- bad arguments ------------------------------------------------------------------------- */

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

START_TEST(standard_streams_can_be_told_from_other_endpoints)
{
    static const char *const others[] = {"tcp:h:1", "unix:/x", "fd:3"};
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcClientEndpoint *endpoints[] = {client(reactor, "stdio:"),
                                       TorcStandardIOClientEndpoint_new(reactor)};
    for (int i = 0; i < COUNT(endpoints); i++) {
        ck_assert(TorcStandardIOClientEndpoint_isInstance(endpoints[i]));
        TorcClientEndpoint_unref(endpoints[i]);
    }
    for (int i = 0; i < COUNT(others); i++) {
        TorcClientEndpoint *other = client(reactor, others[i]);
        ck_assert(!TorcStandardIOClientEndpoint_isInstance(other));
        TorcClientEndpoint_unref(other);
    }
    ck_assert(!TorcStandardIOClientEndpoint_isInstance(NULL));
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

RUN_CLIENT_TESTS(
    "client_endpoint", {host_name_is_resolved, 1},
    {deferred_fires_with_the_protocol_after_connectionMade, KINDS},
    {data_that_is_there_comes_after_the_deferred, KINDS}, {refusal_fails_the_deferred, KINDS},
    {factory_that_refuses_fails_the_deferred, KINDS}, {factory_that_fails_gives_its_code, KINDS},
    {half_close_reaches_the_protocol, KINDS}, {buffer_limit_of_the_factory_holds, KINDS},
    {timeouts_of_the_factory_hold, 2 * KINDS}, {failure_nobody_wants_to_know_of_is_logged, KINDS},
    {error_that_is_found_at_once_is_returned, 1}, {nothing_begins_while_the_reactor_stops, KINDS},
    {cancelled_attempt_is_given_up, 2}, {cancelling_after_success_does_nothing, KINDS},
    {cancelled_by_the_factory_no_connection_is_made, KINDS},
    {cancelled_in_connectionMade_the_connection_is_lost, KINDS},
    {connection_that_is_lost_in_connectionMade_is_told_of_first, KINDS},
    {protocol_that_is_there_is_connected, KINDS},
    {protocol_brings_the_buffer_limit_of_its_factory, KINDS},
    {protocol_is_freed_when_there_is_no_connection, KINDS},
    {connectProtocol_takes_nothing_that_is_connected, 1},
    {own_endpoint_is_called_through_its_class, 1},
    {own_endpoint_whose_class_does_not_fit_is_refused, 3},
    {each_allocation_may_fail, COUNT(spoken)}, {null_arguments_are_refused, 1},
    {constructors_check_their_arguments, 1}, {standard_streams_can_be_told_from_other_endpoints, 1},
    {addresses_that_are_none_are_refused_at_once, 1})
