/* Connectors: stopping an attempt, connecting again, and the shutdown. */
#include "connector_fixture.h"

/* ---- stopping ------------------------------------------------------------------------------ */

static void stop_connecting(Recording *recording)
{
    ck_assert_int_eq(TorcConnector_stopConnecting(recording->connector), 0);
    ck_assert_int_eq(TorcConnector_stopConnecting(recording->connector), -TORC_ENOTCONNECTING);
}

static void expect_cancelled(const char *log)
{
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, log);
    ck_assert_int_eq(rec.code, 0);
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}

START_TEST(an_attempt_can_be_stopped_before_it_starts) /* CONN-8 */
{
    begin(_i);
    connect_to(FAR);
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_str_eq(rec.log, "");
    expect_cancelled("failed:CANCELLED");
}
END_TEST

START_TEST(an_attempt_can_be_stopped_inside_startedConnecting) /* CONN-8 */
{
    begin(_i);
    rec.on[RECORD_STARTED] = stop_connecting;
    connect_to(FAR);
    expect_cancelled("started failed:CANCELLED");
}
END_TEST

START_TEST(an_attempt_can_be_stopped_during_the_lookup) /* CONN-8 */
{
    begin(_i);
    TorcSim_setLookupDelay(sim, 5);
    connect_to("localhost");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "started");
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_str_eq(rec.log, "started");
    expect_cancelled("started failed:CANCELLED");
}
END_TEST

START_TEST(an_attempt_can_be_stopped_while_it_connects) /* CONN-8, CONN-9 */
{
    begin(_i / 2);
    TorcSim_blackHole(sim, FAR);
    connect_to(FAR);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
    if (_i % 2)
        TorcConnector_disconnect(connector);
    else
        ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_str_eq(rec.log, "started");
    expect_cancelled("started failed:CANCELLED");
}
END_TEST

START_TEST(stopping_is_refused_when_there_is_no_attempt) /* CONN-8 */
{
    begin_client(_i);
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), -TORC_ENOTCONNECTING);
    TorcConnector_ref(connector);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), -TORC_ENOTCONNECTING);
    TorcConnector_disconnect(connector); /* nothing */
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    TorcConnector_unref(connector);
    end();
}
END_TEST

static void disconnect(Recording *recording)
{
    (void)recording;
    TorcConnector_disconnect(connector);
}

START_TEST(disconnect_closes_a_connection_in_order) /* CONN-9 */
{
    begin_client(_i);
    ck_assert_int_eq(write_text("bye"), 0);
    TorcConnector_disconnect(connector);
    ck_assert_str_eq(rec.log, "started made");
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    end();
}
END_TEST

START_TEST(disconnect_works_inside_buildProtocol_and_connectionMade)
{
    begin(_i / 2);
    rec.on[_i % 2 ? RECORD_BUILD : RECORD_MADE] = disconnect;
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    end();
}
END_TEST

START_TEST(disconnect_inside_connectionLost_does_nothing)
{
    begin_client(_i);
    rec.on[RECORD_LOST] = rec.on[RECORD_CLIENT_LOST] = disconnect;
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    end();
}
END_TEST

/* ---- again --------------------------------------------------------------------------------- */

static void connect_again(Recording *recording)
{
    ck_assert_int_eq(TorcConnector_connect(recording->connector), 0);
    ck_assert_int_eq(TorcConnector_connect(recording->connector), -EISCONN);
}

START_TEST(connect_is_refused_unless_disconnected) /* CONN-9 */
{
    begin(_i);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    connect_to(FAR);
    ck_assert_int_eq(TorcConnector_connect(connector), -EISCONN);
    settle();
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_int_eq(TorcConnector_connect(connector), -EISCONN);
    ck_assert_str_eq(rec.log, "started made");
    end();
}
END_TEST

START_TEST(connecting_again_after_a_loss_does_not_stop_the_factory) /* CONN-7 */
{
    begin_client(_i);
    rec.on[RECORD_CLIENT_LOST] = connect_again;
    for (int i = 0; i < 3; i++) {
        Recording_clear(&rec);
        TorcSimPeer_shutdown(peer);
        settle();
        ck_assert_str_eq(rec.log, "lost:DONE client-lost:DONE started made");
        peer = TorcSim_accept(sim, PORT);
        ck_assert_ptr_nonnull(peer);
    }
    ck_assert_str_eq(rec.factory_log, "");
    rec.on[RECORD_CLIENT_LOST] = NULL;
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.factory_log, "stop");
    end();
}
END_TEST

static void crash(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_crash(reactor), 0);
}

static void note_timer(void *arg)
{
    Recording_note(arg, "timer");
}

START_TEST(connecting_again_after_a_loss_does_not_wait_for_other_news)
{
    begin_client(_i);
    rec.on[RECORD_CLIENT_LOST] = connect_again;
    ck_assert_int_eq(TorcReactor_callLater(reactor, 50, note_timer, &rec, NULL), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 60, crash, NULL, NULL), 0);
    TorcSimPeer_shutdown(peer);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE started made timer");
    rec.on[RECORD_CLIENT_LOST] = NULL;
    end();
}
END_TEST

static void connect_elsewhere(Recording *recording)
{
    (void)recording;
    connect_to("127.0.0.1");
}

START_TEST(an_attempt_begun_in_connectionLost_does_not_wait_for_other_news)
{
    begin_connected(_i);
    rec.on[RECORD_LOST] = connect_elsewhere;
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 50, note_timer, &rec, NULL), 0);
    stop_after(60);
    TorcSimPeer_shutdown(peer);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "made lost:DONE started failed:REFUSED timer");
    end();
}
END_TEST

START_TEST(connecting_again_after_a_failure_does_not_stop_the_factory) /* CONN-6 */
{
    begin(_i);
    rec.on[RECORD_FAILED] = connect_again;
    rec.log_factory = true;
    connect_to(FAR);
    for (int i = 0; i < 20; i++) /* it would go on for ever */
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_ptr_eq(strstr(rec.log, "start started failed:REFUSED started failed:REFUSED"),
                     rec.log);
    ck_assert_ptr_null(strstr(rec.log, "stop"));
    rec.on[RECORD_FAILED] = NULL;
    Recording_clear(&rec);
    settle();
    ck_assert_ptr_nonnull(strstr(rec.log, "failed:REFUSED stop"));
    end();
}
END_TEST

static void connect_and_stop(Recording *recording)
{
    recording->on[RECORD_FAILED] = NULL;
    ck_assert_int_eq(TorcConnector_connect(recording->connector), 0);
    ck_assert_int_eq(TorcConnector_stopConnecting(recording->connector), 0);
}

START_TEST(connecting_again_may_be_stopped_at_once)
{
    begin(_i);
    rec.on[RECORD_FAILED] = connect_and_stop;
    connect_to("127.0.0.1");
    settle();
    ck_assert_str_eq(rec.log, "started failed:REFUSED failed:CANCELLED");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(a_held_connector_connects_again_later)
{
    begin_client(_i);
    TorcConnector_ref(connector);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_DISCONNECTED);
    ck_assert_str_eq(rec.factory_log, "start stop");
    Recording_clear(&rec);
    ck_assert_int_eq(TorcConnector_connect(connector), 0);
    TorcConnector_unref(connector); /* the reactor has its own reference now */
    settle();
    ck_assert_str_eq(rec.log, "started made");
    ck_assert_str_eq(rec.factory_log, "start");
    end();
}
END_TEST

START_TEST(a_held_connector_outlives_the_reactor)
{
    begin_client(EDGE);
    TorcConnector_ref(connector);
    TorcSim_free(sim);
    ck_assert_int_eq(TorcConnector_state(connector), TORC_CONNECTOR_DISCONNECTED);
    ck_assert_str_eq(TorcConnector_getDestination(connector, NULL), FAR);
    ck_assert_int_eq(TorcConnector_connect(connector), -TORC_ENOTRUNNING);
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 0);
    ck_assert_ptr_null(TorcConnector_unref(connector));
    Recording_done(&rec);
}
END_TEST

START_TEST(two_connectors_of_one_factory_start_it_once) /* FAC-2 */
{
    begin(_i);
    TorcClientFactory *factory = Recording_factory(&rec);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(TorcReactor_connectTCP(reactor, FAR, PORT + i, factory, NULL, NULL), 0);
    ck_assert_uint_eq(factory->base.numPorts, 2);
    TorcFactory_unref(&factory->base);
    settle();
    ck_assert_str_eq(rec.log, "started started failed:REFUSED failed:REFUSED");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

/* ---- shutdown ------------------------------------------------------------------------------ */

static void connect_in_vain(Recording *recording)
{
    ck_assert_int_eq(TorcConnector_connect(recording->connector), -TORC_ENOTRUNNING);
}

START_TEST(the_shutdown_fails_attempts) /* CONN-13 */
{
    begin(_i / 3);
    rec.on[RECORD_FAILED] = connect_in_vain;
    TorcSim_blackHole(sim, FAR);
    TorcSim_setLookupDelay(sim, 100);
    connect_to(_i % 3 == 0 ? "slow.example" : FAR);
    stop_after(_i % 3 == 2 ? 0 : 1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), _i % 3 == 2 ? 0 : 1);
    ck_assert_str_eq(rec.log, "started failed:SHUTDOWN");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(the_shutdown_closes_connections_and_they_cannot_come_back)
{
    begin_client(_i);
    rec.on[RECORD_CLIENT_LOST] = connect_in_vain;
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "started made lost:DONE client-lost:DONE");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

RUN_LOOP_TESTS("connectors again", {an_attempt_can_be_stopped_before_it_starts, WHOLE_MODES},
               {an_attempt_can_be_stopped_inside_startedConnecting, WHOLE_MODES},
               {an_attempt_can_be_stopped_during_the_lookup, WHOLE_MODES},
               {an_attempt_can_be_stopped_while_it_connects, 2 * WHOLE_MODES},
               {stopping_is_refused_when_there_is_no_attempt, WHOLE_MODES},
               {disconnect_closes_a_connection_in_order, MODES},
               {disconnect_works_inside_buildProtocol_and_connectionMade, 2 * MODES},
               {disconnect_inside_connectionLost_does_nothing, WHOLE_MODES},
               {connect_is_refused_unless_disconnected, WHOLE_MODES},
               {connecting_again_after_a_loss_does_not_stop_the_factory, MODES},
               {connecting_again_after_a_loss_does_not_wait_for_other_news, MODES},
               {an_attempt_begun_in_connectionLost_does_not_wait_for_other_news, MODES},
               {connecting_again_after_a_failure_does_not_stop_the_factory, WHOLE_MODES},
               {connecting_again_may_be_stopped_at_once, WHOLE_MODES},
               {a_held_connector_connects_again_later, WHOLE_MODES},
               {a_held_connector_outlives_the_reactor, 1},
               {two_connectors_of_one_factory_start_it_once, WHOLE_MODES},
               {the_shutdown_fails_attempts, 3 * WHOLE_MODES},
               {the_shutdown_closes_connections_and_they_cannot_come_back, MODES})
