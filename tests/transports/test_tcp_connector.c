/* Connecting: the attempt and its outcomes, names and addresses, options. */
#include <math.h>

#include "connector_fixture.h"

/* ---- success ------------------------------------------------------------------------------- */

START_TEST(a_connection_is_made_used_and_lost) /* CONN-4, CONN-7, CLOSE-17 */
{
    begin_client(_i);
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_CONNECTED);
    TorcSimPeer_send(peer, "hello");
    ck_assert_int_eq(write_text("hi"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "hi");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made data:5 lost:DONE client-lost:DONE");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    end();
}
END_TEST

START_TEST(nothing_is_called_before_connectTCP_has_returned) /* CONN-1, CONN-2, BUG-6 */
{
    begin(_i);
    connect_to("127.0.0.1");
    ck_assert_str_eq(rec.log, "");
    ck_assert_str_eq(rec.factory_log, "start");
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_CONNECTING);
    settle();
    ck_assert_str_eq(rec.log, "started failed:REFUSED");
    end();
}
END_TEST

START_TEST(bytes_that_wait_when_the_connection_is_made_are_delivered)
{
    begin(_i);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    /* The attempt is on its way; the peer accepts, speaks and closes before we look. */
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    peer = TorcSim_accept(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made data:5 lost:DONE client-lost:DONE");
    end();
}
END_TEST

static const TorcReason *reason_of_protocol;

static void keep_reason(Recording *recording)
{
    reason_of_protocol = recording->reason;
}

static void compare_reason(Recording *recording)
{
    ck_assert_ptr_eq(recording->reason, reason_of_protocol);
    ck_assert_int_eq(TorcConnector_state(recording->connector), TORC_CONNECTOR_DISCONNECTED);
}

START_TEST(protocol_and_factory_get_the_same_reason) /* CONN-7 */
{
    begin_client(_i);
    rec.on[RECORD_LOST] = keep_reason;
    rec.on[RECORD_CLIENT_LOST] = compare_reason;
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:LOST client-lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(the_peer_is_the_address_that_answered) /* CONN-4 */
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    static const char *const names[] = {FAR, "2001:db8::1"};
    static const char *const texts[] = {FAR ":8881", "[2001:db8::1]:8881"};
    begin(EDGE);
    ck_assert_int_eq(TorcSim_listen(sim, names[_i], PORT), 0);
    connect_to(names[_i]);
    settle();
    ck_assert_str_eq(TorcAddress_format(&rec.peer, text, sizeof(text)), texts[_i]);
    TorcTransport_getPeer(rec.transport, &address);
    ck_assert(TorcAddress_equal(&address, &rec.peer));
    end();
}
END_TEST

START_TEST(the_destination_is_told_as_it_was_given) /* CONN-14 */
{
    uint16_t number = 0;
    begin(EDGE);
    connect_to("nowhere.example");
    ck_assert_str_eq(TorcConnector_getDestination(connector, &number), "nowhere.example");
    ck_assert_uint_eq(number, PORT);
    ck_assert_str_eq(TorcConnector_getDestination(connector, NULL), "nowhere.example");
    end();
}
END_TEST

/* ---- failure ------------------------------------------------------------------------------- */

static void expect_no_descriptor(Recording *recording)
{
    (void)recording;
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}

START_TEST(a_refused_attempt_fails_with_a_text_that_names_the_address) /* CONN-6, CONN-15 */
{
    begin(_i);
    rec.on[RECORD_FAILED] = expect_no_descriptor;
    connect_to("127.0.0.1");
    settle();
    ck_assert_str_eq(rec.log, "started failed:REFUSED");
    ck_assert_int_eq(rec.code, -ECONNREFUSED);
    ck_assert_ptr_nonnull(strstr(rec.text, "127.0.0.1:8881"));
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(calls_that_fail_at_once_fail_the_attempt_later) /* CONN-1, CONN-10 */
{
    static const TorcSimCall calls[] = {TORC_SIM_SOCKET, TORC_SIM_BIND, TORC_SIM_CONNECT};
    static const int errors[] = {EMFILE, EADDRINUSE, ENETUNREACH};
    for (size_t i = 0; i < 3; i++) {
        rec = (Recording){0};
        begin(EDGE);
        TorcSim_failCall(sim, calls[i], 1, errors[i], 1);
        ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.bindAddress = "127.0.0.1")),
                         0);
        ck_assert_str_eq(rec.log, "");
        settle();
        ck_assert_str_eq(rec.log, "started failed:FAILED");
        ck_assert_int_eq(rec.code, -errors[i]);
        ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
        end();
    }
}
END_TEST

START_TEST(an_attempt_without_answer_ends_after_exactly_thirty_seconds) /* CONN-3 */
{
    begin(_i);
    TorcSim_blackHole(sim, FAR);
    connect_to(FAR);
    settle();
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    ck_assert_int_eq(rec.code, -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(rec.text, FAR));
    ck_assert_ptr_nonnull(strstr(rec.text, "30 s"));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(the_timeout_can_be_set)
{
    begin(_i);
    TorcSim_blackHole(sim, FAR);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.timeout = 0.5)), 0);
    TorcSim_advance(sim, 0.499);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    end();
}
END_TEST

START_TEST(without_a_timeout_the_systems_own_ends_it)
{
    begin(_i);
    TorcSim_blackHole(sim, FAR);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.timeout = -1)), 0);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    ck_assert_int_eq(rec.code, -ETIMEDOUT);
    end();
}
END_TEST

START_TEST(the_timeout_covers_the_lookup_too) /* CONN-3 */
{
    static const char *const addresses[] = {FAR};
    begin(EDGE);
    TorcSim_setAddresses(sim, "slow.example", addresses, 1);
    TorcSim_setLookupDelay(sim, _i == 0 ? 20 : 100);
    TorcSim_blackHole(sim, FAR);
    connect_to("slow.example");
    TorcSim_advance(sim, 29.999);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    TorcSim_advance(sim, 200);
    ck_assert_str_eq(rec.log, "started failed:TIMED_OUT");
    end();
}
END_TEST

START_TEST(a_timeout_does_not_outlive_the_attempt)
{
    begin_client(_i);
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "started made");
    end();
}
END_TEST

/* ---- names --------------------------------------------------------------------------------- */

START_TEST(an_unknown_name_fails_with_a_text_that_names_it) /* CONN-12 */
{
    begin(_i);
    connect_to("no\nsuch.example");
    settle();
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 0.001);
    ck_assert_str_eq(rec.log, "started failed:DNS_LOOKUP");
    ck_assert_int_eq(rec.code, -TORC_ELOOKUP);
    ck_assert_ptr_eq(strstr(rec.text, "cannot resolve \"no\\x0asuch.example\": "), rec.text);
    end();
}
END_TEST

START_TEST(the_addresses_of_a_name_are_tried_in_order) /* CONN-12 */
{
    static const char *const addresses[] = {"192.0.2.2", "2001:db8::2", FAR, "192.0.2.4"};
    begin(_i);
    TorcSim_setAddresses(sim, "many.example", addresses, 4);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.4", PORT), 0);
    connect_to("many.example");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_uint_eq(rec.peer.ip[3], 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_CONNECT), 3);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
    end();
}
END_TEST

/* Three addresses share the 30 seconds: 10 for the first, then half of the 20 that are left. */
START_TEST(an_address_that_does_not_answer_leaves_time_for_the_others)
{
    static const char *const addresses[] = {"192.0.2.2", "192.0.2.3", FAR};
    begin(_i);
    TorcSim_blackHole(sim, "192.0.2.2");
    TorcSim_blackHole(sim, "192.0.2.3");
    TorcSim_setAddresses(sim, "many.example", addresses, 3);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to("many.example");
    TorcSim_advance(sim, 19.5);
    ck_assert_str_eq(rec.log, "started");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
    end();
}
END_TEST

START_TEST(when_no_address_answers_the_reason_is_that_of_the_last)
{
    static const char *const addresses[] = {"192.0.2.2", "192.0.2.3"};
    begin(_i);
    TorcSim_setAddresses(sim, "many.example", addresses, 2);
    connect_to("many.example");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started failed:REFUSED");
    ck_assert_ptr_nonnull(strstr(rec.text, "192.0.2.3:8881, the last of 2 addresses"));
    end();
}
END_TEST

/* ---- protocols ----------------------------------------------------------------------------- */

START_TEST(a_factory_that_wants_no_protocol_gets_the_loss) /* CONN-5 */
{
    begin(_i);
    rec.refuse = true;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started client-lost:NO_PROTOCOL");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert(TorcSimPeer_gotEnd(TorcSim_accept(sim, PORT)));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(an_error_of_buildProtocol_fails_the_attempt) /* CONN-5 */
{
    begin(_i);
    rec.build_code = -EBADMSG;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started failed:NO_PROTOCOL");
    ck_assert_int_eq(rec.code, -EBADMSG);
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

static void fail_now(Recording *recording)
{
    TorcTransport_failConnection(recording->transport, NULL);
}

START_TEST(a_connectionMade_that_fails_ends_the_connection_with_its_reason) /* CONN-5 */
{
    begin(_i);
    rec.on[RECORD_MADE] = fail_now;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:APPLICATION client-lost:APPLICATION");
    end();
}
END_TEST

/* ---- options and arguments ----------------------------------------------------------------- */

START_TEST(bindAddress_is_where_it_connects_from)
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    begin(EDGE);
    serve(&rec, PORT);
    Recording client = {0};
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectTCP(
                         reactor, "127.0.0.1", PORT, factory,
                         TORC_CONNECT_OPTIONS(.bindAddress = "127.0.0.2", .bindPort = 4711), NULL),
                     0);
    TorcFactory_unref(&factory->base);
    settle();
    ck_assert_str_eq(TorcAddress_format(&rec.peer, text, sizeof(text)), "127.0.0.2:4711");
    TorcTransport_getHost(client.transport, &address);
    ck_assert_str_eq(TorcAddress_format(&address, text, sizeof(text)), "127.0.0.2:4711");
    end();
    Recording_done(&client);
}
END_TEST

START_TEST(nagle_is_off_unless_asked_for)
{
    begin(EDGE);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.nagle = _i == 1)), 0);
    settle();
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(rec.transport), _i == 0);
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    char host[255];
    memset(host, 'a', sizeof(host));
    host[254] = '\0';
    begin(EDGE);
    TorcClientFactory *factory = Recording_factory(&rec);
    connector = NULL;
    ck_assert_int_eq(TorcReactor_connectTCP(NULL, FAR, PORT, factory, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, FAR, PORT, NULL, NULL, NULL), -EINVAL);
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(connect_with(NULL, PORT, NULL), -EINVAL);
    ck_assert_int_eq(connect_with("", PORT, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(host, PORT, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, 0, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, 65536, NULL), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, PORT, &(TorcConnectOptions){0}), -EINVAL);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.timeout = (double)NAN)),
                     -EINVAL);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.bindAddress = "localhost")),
                     -TORC_ENOTADDRESS);
    ck_assert_int_eq(connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.bindPort = 4711)), -EINVAL);
    ck_assert_int_eq(
        connect_with(FAR, PORT, TORC_CONNECT_OPTIONS(.bindAddress = "", .bindPort = 4711)),
        -EINVAL);
    ck_assert_ptr_null(connector);
    settle();
    ck_assert_str_eq(rec.log, "");
    ck_assert_str_eq(rec.factory_log, "");
    end();
}
END_TEST

START_TEST(the_longest_name_is_looked_up)
{
    char host[254];
    memset(host, 'a', sizeof(host));
    host[253] = '\0';
    begin(EDGE);
    connect_to(host);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started failed:DNS_LOOKUP");
    end();
}
END_TEST

START_TEST(null_is_answered_not_followed)
{
    ck_assert_int_eq(TorcConnector_connect(NULL), -EINVAL);
    ck_assert_int_eq(TorcConnector_stopConnecting(NULL), -EINVAL);
    ck_assert_int_eq(TorcConnector_state(NULL), TORC_CONNECTOR_DISCONNECTED);
    ck_assert_ptr_null(TorcConnector_getDestination(NULL, NULL));
    TorcConnector_disconnect(NULL);
    ck_assert_ptr_null(TorcConnector_ref(NULL));
    ck_assert_ptr_null(TorcConnector_unref(NULL));
    TorcConnectOptions_init(NULL);
    TorcConnectOptions options;
    memset(&options, 0xff, sizeof(options));
    TorcConnectOptions_init(&options);
    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_double_eq(options.timeout, 0);
}
END_TEST

RUN_LOOP_TESTS("TCP connectors", {a_connection_is_made_used_and_lost, MODES},
               {nothing_is_called_before_connectTCP_has_returned, MODES},
               {bytes_that_wait_when_the_connection_is_made_are_delivered, MODES},
               {protocol_and_factory_get_the_same_reason, MODES},
               {the_peer_is_the_address_that_answered, 2},
               {the_destination_is_told_as_it_was_given, 1},
               {a_refused_attempt_fails_with_a_text_that_names_the_address, MODES},
               {calls_that_fail_at_once_fail_the_attempt_later, 1},
               {an_attempt_without_answer_ends_after_exactly_thirty_seconds, WHOLE_MODES},
               {the_timeout_can_be_set, WHOLE_MODES},
               {without_a_timeout_the_systems_own_ends_it, WHOLE_MODES},
               {the_timeout_covers_the_lookup_too, 2},
               {a_timeout_does_not_outlive_the_attempt, WHOLE_MODES},
               {an_unknown_name_fails_with_a_text_that_names_it, WHOLE_MODES},
               {the_addresses_of_a_name_are_tried_in_order, WHOLE_MODES},
               {an_address_that_does_not_answer_leaves_time_for_the_others, WHOLE_MODES},
               {when_no_address_answers_the_reason_is_that_of_the_last, WHOLE_MODES},
               {a_factory_that_wants_no_protocol_gets_the_loss, WHOLE_MODES},
               {an_error_of_buildProtocol_fails_the_attempt, WHOLE_MODES},
               {a_connectionMade_that_fails_ends_the_connection_with_its_reason, WHOLE_MODES},
               {bindAddress_is_where_it_connects_from, 1}, {nagle_is_off_unless_asked_for, 2},
               {bad_arguments_are_refused, 1}, {the_longest_name_is_looked_up, 1},
               {null_is_answered_not_followed, 1})
