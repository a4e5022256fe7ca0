/* Listening: addresses, factories, accepting, running out of descriptors. */
#include <stdio.h>

#include "tcp_port_fixture.h"

static uint64_t accepts(void)
{
    return TorcSim_countCalls(sim, TORC_SIM_ACCEPT);
}

/* ---- listening ----------------------------------------------------------------------------- */

START_TEST(port_zero_is_told_at_once) /* LISTEN-1 */
{
    begin(EDGE);
    serve(&rec, 0);
    TorcAddress address;
    TorcPort_getHost(port, &address);
    ck_assert_uint_ne(address.port, 0);
    peer = TorcSim_connect(sim, address.port);
    ck_assert_ptr_nonnull(peer);
    settle();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(no_interface_means_every_address_of_both_families) /* LISTEN-4 */
{
    TorcAddress address;
    begin(_i);
    serve(&rec, PORT);
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "127.0.0.1", "127.0.0.1", PORT));
    settle();
    ck_assert_int_eq(rec.peer.family, TORC_ADDRESS_IPV4); /* not ::ffff:127.0.0.1 */
    TorcTransport_getHost(rec.transport, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_IPV4);
    TorcTransport_getPeer(rec.transport, &address);
    ck_assert(TorcAddress_equal(&address, &rec.peer));

    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "::1", "::1", PORT));
    settle();
    ck_assert_int_eq(rec.peer.family, TORC_ADDRESS_IPV6);
    TorcTransport_getPeer(rec.transport, &address);
    ck_assert(TorcAddress_equal(&address, &rec.peer));
    end();
}
END_TEST

START_TEST(an_interface_is_listened_on_alone) /* LISTEN-4 */
{
    begin(EDGE);
    ck_assert_int_eq(listen_with(PORT, TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port), 0);
    ck_assert_str_eq(host_of(port), "127.0.0.1:8881");
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "127.0.0.1", "127.0.0.1", PORT));
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "::1", "::1", PORT));
    ck_assert_int_eq(listen_with(PORT, TORC_LISTEN_OPTIONS(.interface = "::1"), &port), 0);
    ck_assert_str_eq(host_of(port), "[::1]:8881");
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "::1", "::1", PORT));
    end();
}
END_TEST

START_TEST(a_link_local_peer_keeps_its_interface) /* OPT-2 */
{
    TorcAddress address;
    begin(EDGE);
    serve(&rec, PORT);
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "fe80::7%1", "fe80::1%1", PORT));
    settle();
    TorcTransport_getPeer(rec.transport, &address);
    ck_assert_uint_eq(address.scopeId, 1);
    ck_assert(TorcAddress_equal(&address, &rec.peer));
    TorcTransport_getHost(rec.transport, &address);
    ck_assert_uint_eq(address.scopeId, 1);
    end();
}
END_TEST

START_TEST(v6Only_leaves_ipv4_alone)
{
    begin(EDGE);
    ck_assert_int_eq(listen_with(PORT, TORC_LISTEN_OPTIONS(.v6Only = true), NULL), 0);
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "127.0.0.1", "127.0.0.1", PORT));
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "::1", "::1", PORT));
    end();
}
END_TEST

START_TEST(a_host_without_ipv6_is_served_over_ipv4)
{
    begin(EDGE);
    TorcSim_failCall(sim, TORC_SIM_SOCKET, 1, EAFNOSUPPORT, 1);
    serve(&rec, PORT);
    ck_assert_str_eq(host_of(port), "0.0.0.0:8881");
    peer = connect_peer();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    begin(EDGE);
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_listenTCP(NULL, PORT, &factory->base, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, NULL, NULL, NULL), -EINVAL);
    TorcFactory_unref(&factory->base);
    port = NULL;
    ck_assert_int_eq(listen_with(-1, NULL, &port), -EINVAL);
    ck_assert_int_eq(listen_with(65536, NULL, &port), -EINVAL);
    ck_assert_int_eq(listen_with(PORT, TORC_LISTEN_OPTIONS(.backlog = -1), &port), -EINVAL);
    ck_assert_int_eq(listen_with(PORT, &(TorcListenOptions){0}, &port), -EINVAL);
    ck_assert_int_eq(listen_with(PORT, TORC_LISTEN_OPTIONS(.interface = "example.org"), &port),
                     -TORC_ENOTADDRESS);
    ck_assert_int_eq(listen_with(PORT, TORC_LISTEN_OPTIONS(.interface = "127.0.0"), &port),
                     -TORC_ENOTADDRESS);
    ck_assert_ptr_null(port);
    ck_assert_str_eq(rec.factory_log, "");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(an_address_in_use_is_refused_and_leaves_nothing_behind) /* LISTEN-2 */
{
    begin(EDGE);
    serve(&rec, PORT);
    size_t open = TorcSim_openDescriptors(sim);
    ck_assert_int_eq(listen_with(PORT, NULL, NULL), -EADDRINUSE);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open);
    ck_assert_str_eq(rec.factory_log, "start");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    end();
}
END_TEST

START_TEST(every_call_that_fails_is_reported_and_cleaned_up) /* BUG-51 */
{
    static const TorcSimCall calls[] = {TORC_SIM_SOCKET, TORC_SIM_BIND, TORC_SIM_LISTEN};
    static const int errors[] = {EMFILE, EACCES, EADDRINUSE};
    begin(EDGE);
    for (size_t i = 0; i < 3; i++) {
        TorcSim_failCall(sim, calls[i], 1, errors[i], 1);
        ck_assert_int_eq(listen_with(PORT, NULL, NULL), -errors[i]);
        ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    }
    ck_assert_str_eq(rec.factory_log, "");
    ck_assert_int_eq(listen_with(PORT, NULL, NULL), 0);
    end();
}
END_TEST

/* ---- factories ----------------------------------------------------------------------------- */

START_TEST(a_factory_on_two_ports_starts_once_and_stops_with_the_last) /* FAC-1, FAC-2 */
{
    TorcPort *ports[2];
    begin(EDGE);
    TorcClientFactory *factory = Recording_factory(&rec);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT + i, &factory->base, NULL, &ports[i]),
                         0);
    ck_assert_uint_eq(factory->base.numPorts, 2);
    ck_assert_int_eq(TorcPort_stopListening(ports[0], NULL), 0);
    settle();
    ck_assert_str_eq(rec.factory_log, "start");
    ck_assert_int_eq(TorcPort_stopListening(ports[1], NULL), 0);
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(factory->base.numPorts, 0);
    TorcFactory_unref(&factory->base);
    end();
}
END_TEST

START_TEST(buildProtocol_may_refuse_a_connection) /* LISTEN-6 */
{
    begin(_i);
    rec.refuse = true;
    serve(&rec, PORT);
    size_t open = TorcSim_openDescriptors(sim);
    peer = connect_peer();
    ck_assert_uint_eq(rec.counts[RECORD_BUILD], 1);
    ck_assert_str_eq(rec.log, "");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open);
    rec.refuse = false;
    peer = connect_peer();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

static char last_event[256];

static void keep_event(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    TorcLogEvent_format(event, last_event, sizeof(last_event));
}

START_TEST(an_error_of_buildProtocol_closes_that_connection_and_is_logged) /* LISTEN-7, OPT-5 */
{
    torc_setLogObserver(keep_event, NULL, TORC_LOG_WARNING);
    begin(_i);
    rec.build_code = -ENOMEM;
    serve(&rec, PORT);
    peer = connect_peer();
    ck_assert_str_eq(rec.log, "");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_ptr_eq(strstr(last_event, "port.connection-failed port=8881"), last_event);
    rec.build_code = 0;
    peer = connect_peer();
    ck_assert_str_eq(rec.log, "made");
    end();
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
}
END_TEST

/* ---- accepting ----------------------------------------------------------------------------- */

START_TEST(a_burst_of_a_thousand_is_accepted_without_loss) /* LISTEN-5 */
{
    enum { COUNT = 1000 };
    static TorcSimPeer *peers[COUNT];
    begin(_i);
    rec.on[RECORD_DATA] = echo;
    serve(&rec, PORT);
    for (int i = 0; i < COUNT; i++) {
        peers[i] = TorcSim_connect(sim, PORT);
        ck_assert_ptr_nonnull(peers[i]);
        TorcSimPeer_send(peers[i], "x");
    }
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_uint_gt(rec.counts[RECORD_MADE], 10);
    ck_assert_uint_lt(rec.counts[RECORD_MADE], COUNT); /* others have their turn in between */
    rec.log[0] = '\0';
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
        rec.log[0] = '\0';
    }
    ck_assert_uint_eq(rec.counts[RECORD_MADE], COUNT);
    for (int i = 0; i < COUNT; i++)
        ck_assert_str_eq(TorcSimPeer_received(peers[i]), "x");
    for (int i = 0; i < COUNT; i++) {
        TorcSimPeer_close(peers[i]);
        settle();
        rec.log[0] = '\0';
    }
    ck_assert_uint_eq(rec.counts[RECORD_LOST], COUNT);
    end();
}
END_TEST

START_TEST(the_backlog_is_passed_on) /* LISTEN-3 */
{
    begin(EDGE);
    ck_assert_int_eq(listen_with(PORT, TORC_LISTEN_OPTIONS(.backlog = 3), NULL), 0);
    int taken = 0;
    while (TorcSim_connect(sim, PORT))
        taken++;
    ck_assert_int_eq(taken, 4); /* Linux takes one more than asked for */
    end();
}
END_TEST

START_TEST(a_connection_that_went_before_it_was_accepted_concerns_nobody) /* LISTEN-8 */
{
    static const int errors[] = {ECONNABORTED, EPERM, EPROTO, EHOSTUNREACH, ENETDOWN};
    begin(_i);
    serve(&rec, PORT);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, errors[i], 1);
        peer = TorcSim_connect(sim, PORT);
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0); /* in the same batch */
        ck_assert_uint_eq(rec.counts[RECORD_MADE], i + 1);
    }
    end();
}
END_TEST

START_TEST(without_descriptors_the_port_does_not_spin_and_recovers) /* LISTEN-8, LISTEN-9 */
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EIO};
    torc_setLogObserver(keep_event, NULL, TORC_LOG_WARNING);
    begin(_i / 5);
    serve(&rec, PORT);
    uint64_t before = accepts();
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, errors[_i % 5], 0);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, PORT));
    TorcSim_advance(sim, 10);
    ck_assert_uint_ge(accepts() - before, 5);
    ck_assert_uint_le(accepts() - before, 50);
    ck_assert_ptr_eq(strstr(last_event, "port.accept-failed port=8881 errno="), last_event);
    ck_assert_str_eq(rec.log, "");
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, 0, 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "made");
    connect_peer();
    ck_assert_str_eq(rec.log, "made made");
    end();
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
}
END_TEST

START_TEST(without_descriptors_those_who_wait_are_closed_by_means_of_the_spare) /* LISTEN-9 */
{
    TorcSimPeer *peers[3];
    begin(_i);
    serve(&rec, PORT);
    size_t open = TorcSim_openDescriptors(sim);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, EMFILE, 1);
    for (int i = 0; i < 3; i++)
        peers[i] = TorcSim_connect(sim, PORT);
    settle();
    for (int i = 0; i < 3; i++)
        ck_assert(TorcSimPeer_gotEnd(peers[i]));
    ck_assert_str_eq(rec.log, "");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), open);
    TorcSim_advance(sim, 0.1);
    connect_peer();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(a_port_that_looks_away_can_be_stopped)
{
    begin(_i);
    serve(&rec, PORT);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, ENOMEM, 0);
    peer = TorcSim_connect(sim, PORT);
    settle();
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    uint64_t before = accepts();
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(accepts(), before);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

static unsigned events;

static void keep_and_count(const TorcLogEvent *event, void *arg)
{
    events++;
    keep_event(event, arg);
}

/* EINVAL: somebody who shares the socket has shut it. */
START_TEST(a_port_whose_socket_listens_no_more_stops_and_says_so_once) /* LISTEN-8 */
{
    static const int errors[] = {EINVAL, EBADF, ENOTSOCK};
    char expected[80];
    int error = errors[_i % 3];
    events = 0;
    torc_setLogObserver(keep_and_count, NULL, TORC_LOG_WARNING);
    begin(_i / 3);
    serve(&rec, PORT);
    TorcPort_ref(port);
    uint64_t before = accepts();
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, error, 0);
    peer = TorcSim_connect(sim, PORT);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(accepts() - before, 1);
    ck_assert_uint_eq(events, 1);
    snprintf(expected, sizeof(expected), "port.lost port=8881 errno=%d problem=\"%s\"", error,
             strerror(error));
    ck_assert_str_eq(last_event, expected);
    ck_assert(!TorcPort_listening(port));
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert(TorcSimPeer_gotReset(peer)); /* those who wait are told */
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, 0, 0);
    ck_assert_int_eq(TorcPort_startListening(port), 0);
    connect_peer();
    ck_assert_str_eq(rec.log, "made");
    TorcPort_unref(port);
    end();
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
}
END_TEST

START_TEST(connections_of_a_lost_port_stay)
{
    begin(_i);
    serve(&rec, PORT);
    TorcSimPeer *first = connect_peer();
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, EINVAL, 1);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, PORT));
    settle();
    ck_assert_int_eq(write_text("still here"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(first), "still here");
    end();
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

/* No memory for another delayed call: those there are take all the room that was made for them. */
static void use_up_delayed_calls(void)
{
    FailingMemory_startForEver(0);
    while (TorcReactor_callLater(reactor, 3600, nothing, NULL, NULL) == 0)
        continue;
}

START_TEST(a_port_that_can_neither_be_watched_nor_tried_again_is_closed_and_says_so)
{
    torc_setLogObserver(keep_event, NULL, TORC_LOG_WARNING);
    begin(_i);
    serve(&rec, PORT);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, ENOMEM, 1);
    peer = TorcSim_connect(sim, PORT);
    settle(); /* the port looks away */
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOMEM, 0);
    use_up_delayed_calls();
    TorcSim_advance(sim, 1);
    FailingMemory_stop();
    ck_assert_ptr_eq(strstr(last_event, "port.lost port=8881 errno="), last_event);
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_str_eq(rec.log, "");
    ck_assert(TorcSimPeer_gotReset(peer)); /* those who wait are told */
    ck_assert_ptr_null(TorcSim_connect(sim, PORT));
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
}
END_TEST

START_TEST(a_port_that_cannot_be_watched_for_a_while_recovers)
{
    begin(_i);
    serve(&rec, PORT);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, ENOMEM, 1);
    peer = TorcSim_connect(sim, PORT);
    settle();
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOMEM, 3);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

RUN_LOOP_TESTS(
    "TCP ports", {port_zero_is_told_at_once, 1},
    {no_interface_means_every_address_of_both_families, MODES},
    {an_interface_is_listened_on_alone, 1}, {a_link_local_peer_keeps_its_interface, 1},
    {v6Only_leaves_ipv4_alone, 1}, {a_host_without_ipv6_is_served_over_ipv4, 1},
    {bad_arguments_are_refused, 1}, {an_address_in_use_is_refused_and_leaves_nothing_behind, 1},
    {every_call_that_fails_is_reported_and_cleaned_up, 1},
    {a_factory_on_two_ports_starts_once_and_stops_with_the_last, 1},
    {buildProtocol_may_refuse_a_connection, MODES},
    {an_error_of_buildProtocol_closes_that_connection_and_is_logged, MODES},
    {a_burst_of_a_thousand_is_accepted_without_loss, WHOLE_MODES}, {the_backlog_is_passed_on, 1},
    {a_connection_that_went_before_it_was_accepted_concerns_nobody, WHOLE_MODES},
    {without_descriptors_the_port_does_not_spin_and_recovers, 5 * WHOLE_MODES},
    {without_descriptors_those_who_wait_are_closed_by_means_of_the_spare, WHOLE_MODES},
    {a_port_that_looks_away_can_be_stopped, WHOLE_MODES},
    {a_port_whose_socket_listens_no_more_stops_and_says_so_once, 3 * WHOLE_MODES},
    {connections_of_a_lost_port_stay, WHOLE_MODES},
    {a_port_that_can_neither_be_watched_nor_tried_again_is_closed_and_says_so, WHOLE_MODES},
    {a_port_that_cannot_be_watched_for_a_while_recovers, WHOLE_MODES})
