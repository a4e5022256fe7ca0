/* The hygiene check: each kind of thing that a test can leave behind is found and named. */
#include "sim_fixture.h"

#include <signal.h>

#include <torc/factories/client_factory.h>
#include <torc/reactor/delayed_call.h>
#include <torc/protocols/echo.h>
#include <torc/reactor/signals.h>
#include <torc/reactor/system_events.h>
#include <torc/reactor/threads.h>
#include <torc/testing/sim_hygiene.h>
#include <torc/testing/sim_network.h>
#include <torc/transports/tcp.h>

static char report[1000];

static size_t check_report(void)
{
    return TorcSim_checkClean(sim, report, sizeof(report));
}

static TorcPort *serve_echo(void)
{
    TorcPort *port;
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), 8881, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
    return port;
}

static void nothing(void *arg)
{
    (void)arg;
}

static void stop_reactor(void *arg)
{
    TorcReactor_stop(arg);
}

START_TEST(a_simulation_in_which_nothing_was_done_is_clean)
{
    ck_assert_uint_eq(check_report(), 0);
    ck_assert_str_eq(report, "");
}
END_TEST

START_TEST(ports_and_connections_are_named_and_gone_when_they_are_closed)
{
    TorcPort *port = serve_echo();
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    ck_assert_uint_eq(check_report(), 5);
    ck_assert_str_eq(report, "connection \"echo\" with 127.0.0.1:32768, port 8881\n"
                             "port [::]:8881 of factory \"factory\", protocol \"echo\"\n"
                             "descriptor 1000003: socket, listening\n"
                             "descriptor 1000004: spare\n"
                             "descriptor 1000005: socket, connected\n");
    TorcPort_stopListening(port, NULL);
    TorcSimPeer_close(peer);
    ck_assert_uint_eq(check_report(), 0); /* it takes the turn that closing needs */
    ck_assert_str_eq(report, "");
}
END_TEST

START_TEST(a_port_of_a_factory_that_names_no_protocol_is_named_by_its_class)
{
    TorcPort *port;
    TorcFactory *factory = TorcFactory_new(&torc_factory_class);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), 8881, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
    (void)check_report();
    ck_assert_ptr_eq(strstr(report, "port [::]:8881 of factory \"factory\"\n"), report);
    TorcPort_stopListening(port, NULL);
    ck_assert_uint_eq(check_report(), 0);
}
END_TEST

START_TEST(delayed_calls_are_told_in_the_order_of_time)
{
    TorcReactor_callLater(TorcSim_reactor(sim), 60, nothing, NULL, NULL);
    TorcReactor_callLater(TorcSim_reactor(sim), 12.5, nothing, NULL, NULL);
    TorcReactor_callLater(TorcSim_reactor(sim), 30, nothing, NULL, NULL);
    TorcReactor_callLater(TorcSim_reactor(sim), INFINITY, nothing, NULL, NULL);
    TorcSim_advance(sim, 2);
    ck_assert_uint_eq(check_report(), 4);
    ck_assert_str_eq(report, "delayed call in 10.500000000 s\n"
                             "delayed call in 28.000000000 s\n"
                             "delayed call in 58.000000000 s\n"
                             "delayed call that never comes\n");
}
END_TEST

START_TEST(attempts_and_look_ups_are_named)
{
    TorcFactory *factory = TorcFactory_new(&torc_client_factory_class.factory);
    ck_assert_int_eq(TorcReactor_connectTCP(TorcSim_reactor(sim), "irc.example.org", 6667,
                                            (TorcClientFactory *)factory, NULL, NULL),
                     0);
    TorcFactory_unref(factory);
    ck_assert_uint_eq(check_report(), 3);
    ck_assert_str_eq(report, "connector to irc.example.org:6667, connecting\n"
                             "delayed call in 30.000000000 s\n"
                             "look-up of irc.example.org\n");
    TorcSim_advance(sim, 1); /* unknown: the attempt fails */
    ck_assert_uint_eq(check_report(), 0);
}
END_TEST

START_TEST(jobs_are_told_whether_they_run)
{
    TorcReactor_suggestThreadPoolSize(TorcSim_reactor(sim), 1);
    for (int i = 0; i < 2; i++)
        TorcReactor_callInThread(TorcSim_reactor(sim), nothing, NULL);
    ck_assert_uint_eq(check_report(), 2);
    ck_assert_str_eq(report, "job, running\njob, waiting\n");
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(check_report(), 0);
}
END_TEST

START_TEST(descriptors_are_told_by_kind)
{
    int fds[2];
    connect_pair(fds);
    listen_on("127.0.0.1", 8881, 1);
    int connecting = open_socket(AF_INET);
    TorcSim_blackHole(sim, "10.0.0.1");
    ck_assert_int_eq(connect_to(connecting, "10.0.0.1", 80), -EINPROGRESS);
    open_socket(AF_INET);
    ck_assert_uint_eq(check_report(), 5);
    ck_assert_ptr_nonnull(strstr(report, "socket, connected\n"));
    ck_assert_ptr_nonnull(strstr(report, "socket, listening\n"));
    ck_assert_ptr_nonnull(strstr(report, "socket, connecting\n"));
    ck_assert_ptr_nonnull(strstr(report, "socket, unused\n"));
}
END_TEST

/* ---- several hosts ------------------------------------------------------------------------- */

static const TorcClientFactoryClass echoing_client_class = {
    TORC_CLIENT_FACTORY_CLASS("clients", TorcClientFactory),
    .factory.protocol = &torc_echo_class,
};

START_TEST(what_is_left_on_another_host_is_told_with_its_name)
{
    TorcSimHost *far = TorcSim_addHost(sim, "far", NULL);
    TorcReactor_callLater(TorcSimHost_reactor(far), 3, nothing, NULL, NULL);
    TorcReactor_callLater(TorcSim_reactor(sim), 2, nothing, NULL, NULL);
    ck_assert_uint_eq(check_report(), 2);
    ck_assert_str_eq(report, "home: delayed call in 2.000000000 s\n"
                             "far: delayed call in 3.000000000 s\n");
}
END_TEST

/* An echo server on one host, a client on the other, and a connection between them. */
static void connect_hosts(TorcSimHost *server, TorcSimHost *client)
{
    TorcFactory *echo = TorcFactory_forProtocol(&torc_echo_class);
    TorcFactory *factory = TorcFactory_new(&echoing_client_class.factory);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSimHost_reactor(server), 7, echo, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_connectTCP(TorcSimHost_reactor(client), "server", 7,
                                            (TorcClientFactory *)factory, NULL, NULL),
                     0);
    TorcFactory_unref(echo);
    TorcFactory_unref(factory);
    TorcSim_advance(sim, 1);
}

START_TEST(each_host_s_ports_connections_and_descriptors_are_told_under_its_name)
{
    TorcSimHost *server = TorcSim_addHost(sim, "server", NULL);
    TorcSimHost *client = TorcSim_addHost(sim, "client", NULL);
    connect_hosts(server, client);
    ck_assert_uint_eq(check_report(), 8);
    ck_assert_str_eq(report, "server: connection \"echo\" with 10.0.0.3:32768, port 7\n"
                             "server: port [::]:7 of factory \"factory\", protocol \"echo\"\n"
                             "server: descriptor 2000003: socket, listening\n"
                             "server: descriptor 2000004: spare\n"
                             "server: descriptor 2000005: socket, connected\n"
                             "client: connection \"echo\" with 10.0.0.2:7, port 32768\n"
                             "client: connector to server:7, connected\n"
                             "client: descriptor 3000003: socket, connected\n");
}
END_TEST

START_TEST(a_crash_leaves_nothing_of_its_host_and_the_others_are_told)
{
    TorcSimHost *server = TorcSim_addHost(sim, "server", NULL);
    TorcSimHost *client = TorcSim_addHost(sim, "client", NULL);
    (void)TorcSim_addHost(sim, "idle", NULL); /* it never gets a reactor */
    connect_hosts(server, client);
    TorcSimHost_crash(server);
    ck_assert_uint_eq(check_report(), 3);
    ck_assert_ptr_null(strstr(report, "server: "));
    TorcSimHost_restart(server);
    TorcReactor_callLater(TorcSimHost_reactor(server), 5, nothing, NULL, NULL);
    ck_assert_uint_eq(check_report(), 4);
    ck_assert_ptr_nonnull(strstr(report, "server: delayed call in 5.000000000 s\n"));
}
END_TEST

START_TEST(calls_and_descriptors_are_counted_on_all_hosts_and_on_each)
{
    TorcSimHost *server = TorcSim_addHost(sim, "server", NULL);
    TorcSimHost *client = TorcSim_addHost(sim, "client", NULL);
    ck_assert_uint_eq(TorcSimHost_countCalls(server, TORC_SIM_SOCKET), 0);
    open_socket(AF_INET);
    connect_hosts(server, client);
    ck_assert_uint_eq(TorcSimHost_countCalls(TorcSim_home(sim), TORC_SIM_SOCKET), 1);
    ck_assert_uint_eq(TorcSimHost_countCalls(server, TORC_SIM_SOCKET), 1);
    ck_assert_uint_eq(TorcSimHost_countCalls(client, TORC_SIM_SOCKET), 1);
    ck_assert_uint_eq(TorcSimHost_countCalls(client, TORC_SIM_CONNECT), 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_SOCKET), 3);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1 + 3 + 1);
}
END_TEST

START_TEST(a_crash_does_not_take_back_what_was_counted)
{
    TorcSimHost *server = TorcSim_addHost(sim, "server", NULL);
    connect_hosts(server, TorcSim_home(sim));
    uint64_t closed = TorcSim_countCalls(sim, TORC_SIM_CLOSE);
    TorcSimHost_crash(server);
    ck_assert_uint_eq(TorcSimHost_countCalls(server, TORC_SIM_ACCEPT), 2); /* the second: EAGAIN */
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_ACCEPT), 2);
    ck_assert_uint_ge(TorcSim_countCalls(sim, TORC_SIM_CLOSE), closed);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
    TorcSimHost_restart(server);
    connect_hosts(server, TorcSim_home(sim));
    ck_assert_uint_eq(TorcSimHost_countCalls(server, TORC_SIM_ACCEPT), 4);
}
END_TEST

START_TEST(triggers_are_told_by_phase_until_they_have_run)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_AFTER, TORC_EVENT_STARTUP, nothing, NULL,
                                      NULL);
    TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, nothing,
                                      NULL, NULL);
    TorcReactor_callWhenRunning(reactor, stop_reactor, reactor);
    ck_assert_uint_eq(check_report(), 3);
    ck_assert_str_eq(report, "system event trigger, after startup\n"
                             "call when running\n"
                             "system event trigger, before shutdown\n");
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_uint_eq(check_report(), 0);
}
END_TEST

static void look_while_it_runs(void *arg)
{
    /* Not TorcSim_checkClean, which turns the reactor first. */
    ck_assert_uint_eq(torc__sim_report(sim, report, sizeof(report)), 1);
    TorcReactor_stop(arg);
}

START_TEST(signal_handlers_are_told_and_those_that_stop_the_reactor_are_not)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGHUP, nothing, NULL), 0);
    TorcReactor_callLater(reactor, 1, look_while_it_runs, reactor, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(report, "signal handler, signal 1\n");
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGHUP), 0);
    ck_assert_uint_eq(check_report(), 0);
}
END_TEST

START_TEST(a_report_is_cut_to_its_buffer_and_the_count_is_whole)
{
    char small[20];
    for (int i = 0; i < 5; i++)
        open_socket(AF_INET);
    ck_assert_uint_eq(TorcSim_checkClean(sim, small, sizeof(small)), 5);
    ck_assert_uint_lt(strlen(small), sizeof(small));
    ck_assert_uint_eq(TorcSim_checkClean(sim, NULL, 0), 5);
}
END_TEST

RUN_SUITE("sim_hygiene", a_simulation_in_which_nothing_was_done_is_clean,
          ports_and_connections_are_named_and_gone_when_they_are_closed,
          a_port_of_a_factory_that_names_no_protocol_is_named_by_its_class,
          delayed_calls_are_told_in_the_order_of_time, attempts_and_look_ups_are_named,
          jobs_are_told_whether_they_run, descriptors_are_told_by_kind,
          what_is_left_on_another_host_is_told_with_its_name,
          each_host_s_ports_connections_and_descriptors_are_told_under_its_name,
          a_crash_leaves_nothing_of_its_host_and_the_others_are_told,
          calls_and_descriptors_are_counted_on_all_hosts_and_on_each,
          a_crash_does_not_take_back_what_was_counted,
          triggers_are_told_by_phase_until_they_have_run,
          signal_handlers_are_told_and_those_that_stop_the_reactor_are_not,
          a_report_is_cut_to_its_buffer_and_the_count_is_whole)
