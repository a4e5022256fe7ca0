/* docs/interfaces/port.md and connector.md: what may be called from where, and what it answers. */
#include <stdio.h>

#include "../support/stream_test.h"
#include "interface_table.h"

static RecordedEvent slot; /* the place is in this one */

static void arrive(RecordedEvent in)
{
    if (in == slot)
        interface_here();
}

#define HOOK(name, event)                                                                          \
    static void name(Recording *recording)                                                         \
    {                                                                                              \
        (void)recording;                                                                           \
        arrive(event);                                                                             \
    }
HOOK(in_build, RECORD_BUILD)
HOOK(in_made, RECORD_MADE)
HOOK(in_data, RECORD_DATA)
HOOK(in_lost, RECORD_LOST)
HOOK(in_start, RECORD_START)
HOOK(in_stop, RECORD_STOP)
HOOK(in_started, RECORD_STARTED)
HOOK(in_failed, RECORD_FAILED)
HOOK(in_client_lost, RECORD_CLIENT_LOST)

static void begin_play(RecordedEvent place)
{
    slot = place;
    rec = (Recording){.log_factory = true};
    rec.on[RECORD_BUILD] = in_build;
    rec.on[RECORD_MADE] = in_made;
    rec.on[RECORD_DATA] = in_data;
    rec.on[RECORD_LOST] = in_lost;
    rec.on[RECORD_START] = in_start;
    rec.on[RECORD_STOP] = in_stop;
    rec.on[RECORD_STARTED] = in_started;
    rec.on[RECORD_FAILED] = in_failed;
    rec.on[RECORD_CLIENT_LOST] = in_client_lost;
    begin(EDGE);
}

/* ---- ports: places ------------------------------------------------------------------------- */

/* The reference is for the places after its end. */
static void begin_port(RecordedEvent place)
{
    begin_play(place);
    serve(&rec, PORT);
    TorcPort_ref(port);
}

/* What is still open ends with the reactor. */
static void end_port(void)
{
    settle();
    interface_came(rec.log);
    port = TorcPort_unref(port);
    end();
}

static void play_port(RecordedEvent place)
{
    begin_port(place);
    peer = connect_peer();
    TorcSimPeer_send(peer, "hello");
    settle();
    TorcSimPeer_close(peer);
    settle();
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    end_port();
}

static void port_between_turns(void)
{
    begin_port(RECORD_EVENTS);
    interface_here();
    end_port();
}

static void port_in_a_delayed_call(void)
{
    begin_port(RECORD_EVENTS);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, interface_hereCalled, NULL, NULL), 0);
    end_port();
}

/* Without a connection: its number is in the table. */
static void port_in_buildProtocol(void)
{
    play_port(RECORD_BUILD);
}

static void port_in_dataReceived(void)
{
    play_port(RECORD_DATA);
}

static void port_in_connectionLost(void)
{
    play_port(RECORD_LOST);
}

static void port_in_stopFactory(void)
{
    play_port(RECORD_STOP);
}

static void port_in_the_turn_of_stopListening(void)
{
    begin_port(RECORD_EVENTS);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    interface_here();
    end_port();
}

static void port_stopped(void)
{
    begin_port(RECORD_EVENTS);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    settle();
    interface_here();
    end_port();
}

static void port_draining(void)
{
    begin_port(RECORD_EVENTS);
    peer = connect_peer();
    ck_assert_int_eq(TorcPort_drain(port, 10, NULL), 0);
    settle();
    interface_here();
    end_port();
}

static void port_while_the_reactor_stops(void)
{
    begin_port(RECORD_LOST);
    peer = connect_peer();
    stop_after(0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    end_port();
}

/* ---- ports: calls -------------------------------------------------------------------------- */

static const char *call_getHost(void)
{
    TorcAddress address;
    TorcPort_getHost(port, &address);
    return address.port == PORT ? "it" : "none";
}

static const char *call_listening(void)
{
    return interface_truth(TorcPort_listening(port));
}

static const char *call_accepting(void)
{
    return interface_truth(TorcPort_accepting(port));
}

static const char *call_draining(void)
{
    return interface_truth(TorcPort_draining(port));
}

static const char *call_startListening(void)
{
    return interface_code(TorcPort_startListening(port));
}

static TorcDeferred *done;

static const char *call_stopListening(void)
{
    int r = TorcPort_stopListening(port, &done);
    bool fired = TorcDeferred_called(done);
    done = TorcDeferred_detach(done);
    ck_assert_int_eq(r, 0);
    return fired ? "`0`, has fired" : "`0`";
}

static const char *call_drain(void)
{
    return interface_code(TorcPort_drain(port, 0, NULL));
}

static const char *call_setMaxConnections(void)
{
    int r = TorcPort_setMaxConnections(port, 10);
    ck_assert_int_eq(TorcPort_setRefuseExcess(port, true), r);
    return interface_code(r);
}

static const char *call_pauseAccepting(void)
{
    int r = TorcPort_pauseAccepting(port);
    ck_assert_int_eq(TorcPort_resumeAccepting(port), r);
    return interface_code(r);
}

static const InterfaceRow port_rows[] = {
    {"listening", call_listening, NULL},
    {"accepting", call_accepting, NULL},
    {"draining", call_draining, NULL},
    {"getHost", call_getHost, NULL},
    {"startListening", call_startListening, NULL},
    {"stopListening", call_stopListening, NULL},
    {"drain", call_drain, NULL},
    {"setMaxConnections, setRefuseExcess", call_setMaxConnections, NULL},
    {"pauseAccepting, resumeAccepting", call_pauseAccepting, NULL},
};

static const InterfaceColumn port_columns[] = {
    {"listening",
     {port_between_turns, port_in_a_delayed_call, port_in_buildProtocol, port_in_dataReceived,
      port_in_connectionLost}},
    {"`stopFactory`, and the turn of `stopListening`",
     {port_in_stopFactory, port_in_the_turn_of_stopListening}},
    {"later, with a reference", {port_stopped}},
    {"draining", {port_draining}},
    {"the reactor stops", {port_while_the_reactor_stops}},
};

START_TEST(what_a_port_answers_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("port.md", "port", port_rows, port_columns));
}
END_TEST

/* ---- connectors: places -------------------------------------------------------------------- */

static TorcConnector *connector;

static void begin_connector(RecordedEvent place, const char *host)
{
    begin_play(place);
    TorcSim_blackHole(sim, "192.0.2.1");
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, host, PORT, factory, NULL, &connector), 0);
    TorcConnector_ref(connector);
    TorcFactory_unref(&factory->base);
}

static void end_connector(void)
{
    settle();
    interface_came(rec.log);
    connector = TorcConnector_unref(connector);
    end();
}

static Recording served;

static void serve_connector(void)
{
    served = (Recording){0};
    serve(&served, PORT);
}

static void end_served(void)
{
    end_connector();
    Recording_done(&served);
}

/* Connected, until the server resets it. */
static void play_connected(RecordedEvent place)
{
    begin_connector(place, "127.0.0.1");
    serve_connector();
    settle();
    TorcTransport_abortConnection(served.transport);
    end_served();
}

static void in_the_turn_of_connectTCP(void)
{
    begin_connector(RECORD_EVENTS, "192.0.2.1");
    interface_here();
    end_connector();
}

static void in_startedConnecting(void)
{
    begin_connector(RECORD_STARTED, "192.0.2.1");
    end_connector();
}

static void while_connecting(void)
{
    begin_connector(RECORD_EVENTS, "192.0.2.1");
    settle();
    interface_here();
    end_connector();
}

static void after_stopConnecting(void)
{
    begin_connector(RECORD_EVENTS, "192.0.2.1");
    settle();
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    interface_here();
    end_connector();
}

static void connector_in_buildProtocol(void)
{
    play_connected(RECORD_BUILD);
}

static void connector_in_connectionMade(void)
{
    play_connected(RECORD_MADE);
}

static void while_connected(void)
{
    begin_connector(RECORD_EVENTS, "127.0.0.1");
    serve_connector();
    settle();
    interface_here();
    end_served();
}

static void connector_in_connectionLost(void)
{
    play_connected(RECORD_LOST);
}

static void in_clientConnectionLost(void)
{
    play_connected(RECORD_CLIENT_LOST);
}

/* Nobody listens. */
static void in_clientConnectionFailed(void)
{
    begin_connector(RECORD_FAILED, "127.0.0.1");
    end_connector();
}

static void connector_in_stopFactory(void)
{
    begin_connector(RECORD_STOP, "127.0.0.1");
    end_connector();
}

static void connector_ended(void)
{
    begin_connector(RECORD_EVENTS, "127.0.0.1");
    settle();
    interface_here();
    end_connector();
}

static void connector_while_the_reactor_stops(void)
{
    begin_connector(RECORD_FAILED, "192.0.2.1");
    stop_after(0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    end_connector();
}

/* ---- connectors: calls --------------------------------------------------------------------- */

static const char *call_state(void)
{
    static const char *const states[] = {"`DISCONNECTED`", "`CONNECTING`", "`CONNECTED`"};
    return states[TorcConnector_state(connector)];
}

static const char *call_connect(void)
{
    return interface_code(TorcConnector_connect(connector));
}

static const char *call_stopConnecting(void)
{
    return interface_code(TorcConnector_stopConnecting(connector));
}

static const char *call_disconnect(void)
{
    TorcConnector_disconnect(connector);
    return NULL;
}

static const char *what_ended(void)
{
    static char cell[64];
    snprintf(cell, sizeof(cell), "`%s`", TorcReason_kindName(rec.kind));
    return cell;
}

static const InterfaceRow connector_rows[] = {
    {"state", call_state, NULL},
    {"connect", call_connect, NULL},
    {"stopConnecting", call_stopConnecting, NULL},
    {"disconnect", call_disconnect, what_ended},
};

static const InterfaceColumn connector_columns[] = {
    {"connecting", {in_the_turn_of_connectTCP, in_startedConnecting, while_connecting}},
    {"after `stopConnecting`", {after_stopConnecting}},
    {"`buildProtocol`, connected",
     {connector_in_buildProtocol, connector_in_connectionMade, while_connected}},
    {"`connectionLost`", {connector_in_connectionLost}},
    {"`clientConnectionFailed`, `clientConnectionLost`",
     {in_clientConnectionFailed, in_clientConnectionLost}},
    {"`stopFactory`, and later with a reference", {connector_in_stopFactory, connector_ended}},
    {"the reactor stops", {connector_while_the_reactor_stops}},
};

START_TEST(what_a_connector_answers_is_on_its_page)
{
    interface_check(
        INTERFACE_TABLE("connector.md", "connector", connector_rows, connector_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: ports", what_a_port_answers_is_on_its_page,
                what_a_connector_answers_is_on_its_page)
