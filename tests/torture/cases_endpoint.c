/* Cases of endpoints and services. */
#include <stdio.h>
#include <string.h>

#include "torture.h"

/* ---- endpoints by their descriptions ------------------------------------------------------- */

static bool listen_at(const char *description)
{
    TorcServerEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    TorcPort *port = NULL;
    server.on_data = echo_back;
    if (!party_base(&server))
        return false;
    int r = TorcServerEndpoint_fromString(world.reactor, description, &endpoint, &reason);
    TorcReason_unref(reason);
    if (r < 0)
        return false;
    r = TorcServerEndpoint_listen(endpoint, party_base(&server), &port);
    TorcServerEndpoint_unref(endpoint);
    if (r == 0)
        server.port = TorcPort_ref(port);
    return r == 0;
}

static const Outcome *connect_at(const char *description)
{
    TorcClientEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    TorcDeferred *connected = NULL;
    client.on_made = say_hello;
    if (!party_base(&client))
        return outcome_of(NULL);
    int r = TorcClientEndpoint_fromString(world.reactor, description, &endpoint, &reason);
    TorcReason_unref(reason);
    if (r == 0) {
        (void)TorcClientEndpoint_connect(endpoint, party_base(&client), &connected);
        TorcClientEndpoint_unref(endpoint);
    }
    return outcome_of(connected);
}

static void talk(const char *listening, const char *connecting)
{
    TRY(listen_at(listening));
    TRY(succeeded(connect_at(connecting)));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void tcp_endpoints(void)
{
    char description[100];
    TRY(listen_at("tcp:0:interface=127.0.0.1:backlog=10"));
    snprintf(description, sizeof(description), "tcp:%s:%d:timeout=3",
             world.sim ? "example.org" : "localhost", port_of(&server));
    TRY(succeeded(connect_at(description)));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void unix_endpoints(void)
{
    char listening[100];
    char connecting[100];
    snprintf(listening, sizeof(listening), "unix:%s:mode=600", world.address[0]);
    snprintf(connecting, sizeof(connecting), "unix:%s:timeout=3", world.address[0]);
    talk(listening, connecting);
}

/* Descriptions that are wrong say so. */
static void wrong_descriptions(void)
{
    static const char *const wrong[] = {
        "tcp", "tcp:port", "tcp:1:2:3:4", "wire:1", "unix:x:mode=8", "tcp:1:backlog=no", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        TorcServerEndpoint *endpoint = NULL;
        TorcReason *reason = NULL;
        CHECK(TorcServerEndpoint_fromString(world.reactor, wrong[i], &endpoint, &reason) < 0);
        CHECK(!endpoint);
        TorcReason_unref(reason);
    }
}

/* The first address does not answer, the second refuses, the third is the right one. */
static void race(void)
{
    static const char *const addresses[] = {"192.0.2.1", "127.0.0.9", "127.0.0.1"};
    TorcDeferred *connected = NULL;
    TorcSim_setAddresses(world.sim, "many.example.org", addresses, 3);
    TorcSim_blackHole(world.sim, "192.0.2.1");
    TRY(listen_as(&server, echo_back));
    client.on_made = say_hello;
    TRY(party_base(&client));
    TorcClientEndpoint *endpoint =
        TorcHostnameEndpoint_new(world.reactor, "many.example.org", port_of(&server), NULL);
    TRY(endpoint);
    int r = TorcClientEndpoint_connect(endpoint, party_base(&client), &connected);
    TorcClientEndpoint_unref(endpoint);
    TRY(r == 0);
    TRY(succeeded(outcome_of(connected)));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void cancelled_race(void)
{
    TorcDeferred *connected = NULL;
    TRY(listen_as(&server, echo_back));
    TRY(party_base(&client));
    TorcClientEndpoint *endpoint = TorcHostnameEndpoint_new(
        world.reactor, world.sim ? "example.org" : "localhost", port_of(&server), NULL);
    TRY(endpoint);
    int r = TorcClientEndpoint_connect(endpoint, party_base(&client), &connected);
    TorcClientEndpoint_unref(endpoint);
    TRY(r == 0);
    TorcDeferred_cancel(connected);
    TRY(ended(outcome_of(connected)));
}

static TorcProtocol *new_protocol(void)
{
    TorcProtocol *protocol = NULL;
    if (party_base(&client))
        (void)TorcFactory_buildProtocol(party_base(&client), &(TorcAddress){0}, &protocol);
    return protocol;
}

static void connect_protocol(void)
{
    TorcDeferred *connected = NULL;
    TRY(listen_as(&server, echo_back));
    client.on_made = say_hello;
    TorcClientEndpoint *endpoint =
        TorcTCPClientEndpoint_new(world.reactor, "127.0.0.1", port_of(&server), NULL);
    TRY(endpoint);
    TorcProtocol *protocol = new_protocol();
    int r = protocol ? torc_connectProtocol(endpoint, protocol, &connected) : -1;
    TorcClientEndpoint_unref(endpoint);
    TRY(r == 0);
    TRY(succeeded(outcome_of(connected)));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

/* ---- services ------------------------------------------------------------------------------ */

static const Outcome *stop_service(TorcService *service)
{
    TorcDeferred *stopped = NULL;
    (void)TorcService_stop(service, &stopped);
    return outcome_of(stopped);
}

static bool stay_connected(TorcClientService *service)
{
    if (TorcService_start(TorcClientService_service(service)) < 0 ||
        !succeeded(outcome_of(TorcClientService_whenConnected(service, 3))))
        return false;
    party_abort(&server);
    bool again = until(client.made == 2) &&
                 succeeded(outcome_of(TorcClientService_whenConnected(service, 3)));
    return succeeded(stop_service(TorcClientService_service(service))) && again;
}

static void client_service(void)
{
    TRY(listen_as(&server, echo_back));
    TRY(party_base(&client));
    TorcClientEndpoint *endpoint =
        TorcTCPClientEndpoint_new(world.reactor, "127.0.0.1", port_of(&server), NULL);
    TRY(endpoint);
    TorcClientService *service = TorcClientService_new(
        endpoint, party_base(&client), TORC_CLIENT_SERVICE_OPTIONS(.initialDelay = 0.002));
    TorcClientEndpoint_unref(endpoint);
    TRY(service);
    bool went = stay_connected(service);
    (void)TorcService_stop(TorcClientService_service(service), NULL);
    TorcService_unref(TorcClientService_service(service));
    TRY(went);
}

static void every_tick(TorcResult *result, void *arg)
{
    (void)result;
    ++*(unsigned *)arg;
}

static unsigned ticks;

/* Takes the reference over. */
static bool add(TorcMultiService *parent, TorcService *child)
{
    int r = child ? TorcMultiService_addService(parent, child) : -1;
    TorcService_unref(child);
    return r == 0;
}

static TorcService *new_server_service(void)
{
    server.on_data = echo_back;
    TorcServerEndpoint *endpoint = TorcTCPServerEndpoint_new(world.reactor, 0, NULL);
    TorcServerService *service = endpoint && party_base(&server)
                                     ? TorcServerService_new(endpoint, party_base(&server))
                                     : NULL;
    TorcServerEndpoint_unref(endpoint);
    return TorcServerService_service(service);
}

static void many_services(void)
{
    ticks = 0;
    TorcMultiService *parent = TorcMultiService_new();
    TRY(parent);
    TorcService *service = TorcMultiService_service(parent);
    bool went = add(parent, new_server_service()) &&
                add(parent, TorcTimerService_new(world.reactor, 0.001, every_tick, &ticks)) &&
                TorcService_setName(service, "all") == 0 &&
                TorcService_privilegedStart(service) == 0 && TorcService_start(service) == 0 &&
                until(ticks >= 3) && succeeded(stop_service(service));
    (void)TorcService_stop(service, NULL);
    TorcService_unref(service);
    TRY(went);
}

const TortureCase endpoint_cases[] = {
    {"tcp-endpoint", tcp_endpoints, ON_ALL},
    {"unix-endpoint", unix_endpoints, ON_ALL},
    {"wrong-endpoint", wrong_descriptions, ON_SIM},
    {"race", race, ON_SIM},
    {"race-cancelled", cancelled_race, ON_ALL},
    {"connect-protocol", connect_protocol, ON_ALL},
    {"client-service", client_service, ON_ALL},
    {"services", many_services, ON_ALL},
    {0},
};
