/* The simulated network: several hosts and reactors in one virtual time. */
#include "network_fixture.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- hosts --------------------------------------------------------------------------------- */

START_TEST(a_host_is_reached_by_its_name)
{
    connect_talker();
    say("hello");
    advance(0);
    ck_assert_str_eq(answer, "hello");
    TorcAddress address;
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcTransport_getPeer(talker, &address);
    ck_assert_str_eq(TorcAddress_host(&address, text, sizeof(text)), "10.0.0.2");
    TorcTransport_getHost(talker, &address);
    ck_assert_str_eq(TorcAddress_host(&address, text, sizeof(text)), "10.0.0.3");
}
END_TEST

START_TEST(home_is_a_host_like_others)
{
    ck_assert_str_eq(TorcSimHost_name(TorcSim_home(sim)), "home");
    ck_assert_ptr_eq(TorcSimHost_reactor(TorcSim_home(sim)), TorcSim_reactor(sim));
    listen_with(TorcSim_home(sim), ECHO_PORT, &torc_echo_class);
    talk(client, "home", ECHO_PORT);
    advance(1);
    say("there?");
    advance(0);
    ck_assert_str_eq(answer, "there?");
}
END_TEST

START_TEST(home_reaches_the_others)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    talk(TorcSim_home(sim), "server", ECHO_PORT);
    advance(1);
    say("there?");
    advance(0);
    ck_assert_str_eq(answer, "there?");
}
END_TEST

START_TEST(two_hosts_listen_on_the_same_port)
{
    listen_with(server, ECHO_PORT, &greeter_class);
    listen_with(client, ECHO_PORT, &greeter_class);
    talk(client, "server", ECHO_PORT);
    advance(1);
    ck_assert_str_eq(answer, "this is 10.0.0.2");
    answer[0] = '\0';
    talk(server, "client", ECHO_PORT);
    advance(1);
    ck_assert_str_eq(answer, "this is 10.0.0.3");
}
END_TEST

START_TEST(loopback_stays_on_the_machine)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    talk(client, "127.0.0.1", ECHO_PORT);
    advance(1);
    ck_assert_int_eq(failures, 1);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_REFUSED);
    talk(server, "localhost", ECHO_PORT);
    advance(1);
    ck_assert_int_eq(mades, 1);
}
END_TEST

START_TEST(a_host_may_have_several_addresses)
{
    TorcSimHost *both = TorcSim_addHost(sim, "both", "192.0.2.5");
    ck_assert_int_eq(TorcSimHost_addAddress(both, "2001:db8::5"), 0);
    ck_assert_int_eq(TorcSimHost_addAddress(both, "192.0.2.5"), -EEXIST);
    listen_with(both, ECHO_PORT, &torc_echo_class);
    TorcSimHost *six = TorcSim_addHost(sim, "six", "2001:db8::6");
    talk(six, "both", ECHO_PORT); /* it has no IPv4, the first address is of no use */
    advance(1);
    ck_assert_int_eq(mades, 1);
    say("six");
    advance(0);
    ck_assert_str_eq(answer, "six");
}
END_TEST

START_TEST(a_host_listens_on_its_own_addresses_alone)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcReactor *reactor = TorcSimHost_reactor(server);
    const TorcListenOptions *own = TORC_LISTEN_OPTIONS(.interface = "10.0.0.2");
    const TorcListenOptions *other = TORC_LISTEN_OPTIONS(.interface = "10.0.0.3");
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, ECHO_PORT, factory, own, NULL), 0);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, ECHO_PORT, factory, other, NULL),
                     -EADDRNOTAVAIL);
    TorcFactory_unref(factory);
    talk(client, "server", ECHO_PORT);
    advance(1);
    ck_assert_int_eq(mades, 1);
}
END_TEST

START_TEST(names_and_addresses_are_given_once)
{
    errno = 0;
    ck_assert_ptr_null(TorcSim_addHost(sim, "Server", NULL));
    ck_assert_int_eq(errno, EEXIST);
    ck_assert_ptr_null(TorcSim_addHost(sim, "third", "10.0.0.2"));
    ck_assert_int_eq(errno, EEXIST);
    static const char *const bad[] = {"nonsense", "127.0.0.1", "0.0.0.0", "::1", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        ck_assert_ptr_null(TorcSim_addHost(sim, "third", bad[i]));
        ck_assert_int_eq(errno, EINVAL);
    }
    ck_assert_ptr_null(TorcSim_addHost(sim, "", NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_nonnull(TorcSim_addHost(sim, "third", NULL));
}
END_TEST

START_TEST(a_peer_is_on_the_host_whose_address_it_has)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    TorcSimPeer *near = TorcSim_connectFrom(sim, "203.0.113.1", "server", ECHO_PORT);
    TorcSimPeer *far = TorcSim_connectFrom(sim, "client", "10.0.0.2", ECHO_PORT);
    TorcSimPeer_send(near, "near");
    TorcSimPeer_send(far, "far");
    advance(0.099);
    ck_assert_str_eq(TorcSimPeer_received(near), "near");
    ck_assert_str_eq(TorcSimPeer_received(far), "");
    advance(0.001);
    ck_assert_str_eq(TorcSimPeer_received(far), "far");
}
END_TEST

/* A real reactor, and the reactor of another host, answer EBADF. (poll takes any number.) */
START_TEST(a_descriptor_is_of_no_use_elsewhere)
{
    static TorcWatch watch;
    TorcSystem *real;
    char byte = 'a';
    connect_talker();
    int fd = TorcTransport_getHandle(talker);
    ck_assert_int_eq(torc__system_new_real("epoll", 1, &real), 0);
    TorcSystem *systems[] = {real, TorcSimHost_reactor(server)->system,
                             TorcSim_reactor(sim)->system};
    for (size_t i = 0; i < 3; i++) {
        const TorcSystemOps *ops = systems[i]->ops;
        unsigned interest = TORC_READABLE | (systems[i]->edge ? TORC_EDGE : 0);
        ck_assert_int_eq(ops->watch(systems[i], &watch, fd, interest, NULL, NULL), -EBADF);
        ck_assert_int_eq(ops->recv(systems[i], fd, &byte, 1, 0), -EBADF);
        ck_assert_int_eq(ops->send(systems[i], fd, &byte, 1), -EBADF);
        ck_assert_int_eq(ops->close(systems[i], fd), -EBADF);
    }
    real->ops->free(real);
}
END_TEST

/* The other way round: what the operating system has opened is unknown to a simulation. */
START_TEST(a_descriptor_of_the_operating_system_is_of_no_use_in_a_simulation)
{
    static TorcWatch watch;
    int fds[2];
    char byte = 'a';
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    TorcSystem *system = TorcSim_reactor(sim)->system;
    const TorcSystemOps *ops = system->ops;
    ck_assert_int_eq(ops->watch(system, &watch, fds[0], TORC_READABLE, NULL, NULL), -EBADF);
    ck_assert_int_eq(ops->recv(system, fds[0], &byte, 1, 0), -EBADF);
    ck_assert_int_eq(ops->send(system, fds[0], &byte, 1), -EBADF);
    ck_assert_int_eq(ops->close(system, fds[0]), -EBADF);
    ck_assert_int_eq(close(fds[0]), 0);
    ck_assert_int_eq(close(fds[1]), 0);
}
END_TEST

START_TEST(a_peer_listens_on_a_host)
{
    ck_assert_int_eq(TorcSim_listen(sim, "server", 80), 0);
    talk(client, "server", 80);
    advance(1);
    TorcSimPeer *peer = TorcSim_accept(sim, 80);
    ck_assert_ptr_nonnull(peer);
    TorcSimPeer_send(peer, "welcome");
    advance(0);
    ck_assert_str_eq(answer, "welcome");
}
END_TEST

/* ---- several reactors ---------------------------------------------------------------------- */

/* A proxy for one connection: what comes in on either side goes out on the other. */
static TorcTransport *inward;
static TorcTransport *outward;
static TorcSimHost *proxy;

static void relay_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    TorcTransport *to = self->transport == inward ? outward : inward;
    if (to)
        TorcTransport_write(to, data, length);
}

static void relay_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)reason;
    TorcTransport **own = self->transport == inward ? &inward : &outward;
    *own = NULL;
    if (inward || outward)
        TorcTransport_loseConnection(inward ? inward : outward);
}

static void outward_connectionMade(TorcProtocol *self)
{
    outward = self->transport;
    TorcTransport_resumeProducing(inward);
}

static const TorcProtocolClass outward_class = {
    TORC_PROTOCOL_CLASS("outward", TorcProtocol),
    .connectionMade = outward_connectionMade,
    .dataReceived = relay_dataReceived,
    .connectionLost = relay_connectionLost,
};

static void inward_connectionMade(TorcProtocol *self)
{
    inward = self->transport;
    TorcTransport_pauseProducing(inward);
    TorcClientFactory *factory = TorcClientFactory_forProtocol(&outward_class);
    TorcReactor *reactor = TorcTransport_getReactor(inward);
    ck_assert_ptr_eq(reactor, TorcSimHost_reactor(proxy));
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "server", ECHO_PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
}

static const TorcProtocolClass inward_class = {
    TORC_PROTOCOL_CLASS("inward", TorcProtocol),
    .connectionMade = inward_connectionMade,
    .dataReceived = relay_dataReceived,
    .connectionLost = relay_connectionLost,
};

static void start_chain(void)
{
    inward = outward = NULL;
    proxy = TorcSim_addHost(sim, "proxy", NULL);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    listen_with(proxy, PROXY_PORT, &inward_class);
    talk(client, "proxy", PROXY_PORT);
}

START_TEST(three_reactors_in_a_chain_share_one_time)
{
    start_chain();
    set_links(client, proxy, TORC_SIM_LINK(.latency = 0.010));
    set_links(proxy, server, TORC_SIM_LINK(.latency = 0.025));
    advance(10);
    say("through the chain");
    advance(0.069);
    ck_assert_uint_eq(answered, 0);
    advance(10);
    ck_assert_str_eq(answer, "through the chain");
    ck_assert_time(answered_at, 10.070);
    TorcTransport_loseConnection(talker);
    advance(10);
    ck_assert_int_eq(losses, 1);
    ck_assert_ptr_null(inward);
    ck_assert_ptr_null(outward);
}
END_TEST

START_TEST(three_reactors_in_a_chain_may_take_no_time_at_all)
{
    start_chain();
    advance(1);
    say("at once");
    advance(0);
    ck_assert_str_eq(answer, "at once");
    ck_assert_time(answered_at, 1);
}
END_TEST

static double called_at[3];

static void note_time(void *arg)
{
    TorcReactor *reactor = TorcSimHost_reactor(arg);
    size_t i = arg == server ? 0 : arg == client ? 1 : 2;
    ck_assert_time(TorcReactor_seconds(reactor), TorcSim_seconds(sim));
    called_at[i] = TorcSim_seconds(sim);
}

START_TEST(each_reactor_s_calls_come_at_their_time)
{
    TorcReactor_callLater(TorcSimHost_reactor(server), 3.5, note_time, server, NULL);
    TorcReactor_callLater(TorcSimHost_reactor(client), 1.25, note_time, client, NULL);
    TorcReactor_callLater(TorcSim_reactor(sim), 2, note_time, TorcSim_home(sim), NULL);
    advance(3.4);
    ck_assert_time(called_at[1], 1.25);
    ck_assert_time(called_at[2], 2);
    ck_assert_time(called_at[0], 0);
    advance(0.1);
    ck_assert_time(called_at[0], 3.5);
}
END_TEST

static size_t answered_by_then;

static void note_answered(void *arg)
{
    (void)arg;
    answered_by_then = answered;
}

/* Whichever reactor it is, and however many have a call at this moment. */
START_TEST(what_arrives_comes_before_a_call_of_the_same_moment)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    TorcReactor_callLater(TorcSim_reactor(sim), 0.1, note_time, TorcSim_home(sim), NULL);
    TorcReactor_callLater(TorcSimHost_reactor(server), 0.1, note_time, server, NULL);
    TorcReactor_callLater(TorcSimHost_reactor(client), 0.1, note_answered, NULL, NULL);
    say("race");
    advance(0.1);
    ck_assert_uint_eq(answered_by_then, 4);
}
END_TEST

static void tell_home(void *arg)
{
    note_time(arg);
}

static void call_home(void *arg)
{
    (void)arg;
    TorcReactor_callFromThread(TorcSim_reactor(sim), tell_home, TorcSim_home(sim));
}

START_TEST(reactors_call_each_other_as_threads_do)
{
    called_at[2] = -1;
    TorcReactor_callLater(TorcSimHost_reactor(client), 1, call_home, NULL, NULL);
    advance(1);
    ck_assert_time(called_at[2], 1);
}
END_TEST

/* The answer to one reactor's look-up may come while another waits. */
START_TEST(a_look_up_is_answered_on_the_reactor_that_asked)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSim_setLookupDelay(sim, 0.5);
    talk(client, "server", ECHO_PORT);
    TorcReactor_callLater(TorcSim_reactor(sim), 0.5, note_time, TorcSim_home(sim), NULL);
    advance(1);
    ck_assert_int_eq(mades, 1);
    ck_assert_time(made_at, 0.5);
}
END_TEST

/* What a test does by hand is dealt with at the end of a turn, so each reactor has one. */
START_TEST(what_is_done_by_hand_takes_effect_on_any_host)
{
    TorcPort *port;
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcReactor *reactor = TorcSimHost_reactor(server);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, ECHO_PORT, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
    talk(client, "server", ECHO_PORT);
    advance(1);
    TorcPort_stopListening(port, NULL);
    TorcTransport_abortConnection(talker);
    advance(0);
    ck_assert_int_eq(losses, 1);
    ck_assert_uint_eq(TorcSimHost_openDescriptors(server), 0);
    ck_assert_uint_eq(TorcSimHost_openDescriptors(client), 0);
}
END_TEST

/* ---- running ------------------------------------------------------------------------------- */

static void raise_for(void *arg)
{
    TorcSimHost_raise(arg, SIGTERM);
}

START_TEST(a_signal_stops_the_reactor_of_its_host_alone)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    talk(client, "server", ECHO_PORT);
    TorcReactor *home = TorcSim_reactor(sim);
    TorcReactor_callLater(home, 2, raise_for, client, NULL);
    TorcReactor_callLater(home, 5, raise_for, server, NULL);
    ck_assert_int_eq(TorcSimHost_run(server), 0);
    ck_assert_time(TorcSim_seconds(sim), 5);
    ck_assert_int_eq(mades, 1);
    advance(1);
    ck_assert_int_eq(losses, 1); /* the server's end is the client's loss, */
    ck_assert_int_eq(failures, 0);
    talk(client, "server", ECHO_PORT); /* and the client goes on */
    advance(1);
    ck_assert_int_eq(failures, 1);
}
END_TEST

static void stop(void *arg)
{
    ck_assert_int_eq(TorcReactor_stop(arg), 0);
}

START_TEST(the_others_are_turned_while_home_runs)
{
    connect_talker();
    say("while it runs");
    TorcReactor_callLater(TorcSim_reactor(sim), 1, stop, TorcSim_reactor(sim), NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(answer, "while it runs");
}
END_TEST

START_TEST(a_world_in_which_nothing_can_happen_does_not_run)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    ck_assert_int_eq(TorcSim_run(sim), -EDEADLK);
    ck_assert_int_eq(TorcSimHost_run(server), -EDEADLK);
}
END_TEST

/* ---- ends ---------------------------------------------------------------------------------- */

/* Whatever is under way: nothing leaks, nothing is touched after it was freed. */
START_TEST(a_simulation_may_end_at_any_moment)
{
    for (int moment = 0; moment < 40; moment++) {
        if (moment > 0)
            begin();
        TorcSim_setLookupDelay(sim, 0.01);
        set_links(client, server, TORC_SIM_LINK(.latency = 0.05, .jitter = 0.01, .bandwidth = 1e6));
        listen_with(server, ECHO_PORT, &torc_echo_class);
        talk(client, "server", ECHO_PORT);
        TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
        send_megabyte(peer);
        advance(moment / 100.0);
        if (moment % 3 == 0)
            TorcSimPeer_close(peer);
        if (moment % 4 == 0)
            TorcSim_partition(sim, client, server);
        if (moment % 5 == 0)
            TorcSimHost_crash(server);
        if (moment < 39)
            end();
    }
}
END_TEST

/* ---- misuse -------------------------------------------------------------------------------- */

START_TEST(home_cannot_crash)
{
    TorcSimHost_crash(TorcSim_home(sim));
}
END_TEST

static void crash(void *arg)
{
    TorcSimHost_crash(arg);
}

START_TEST(a_crash_from_inside_is_fatal)
{
    TorcReactor_callLater(TorcSimHost_reactor(server), 1, crash, server, NULL);
    advance(1);
}
END_TEST

static void advance_inside(void *arg)
{
    (void)arg;
    TorcSim_advance(sim, 1);
}

START_TEST(advance_from_inside_another_host_is_fatal)
{
    TorcReactor_callLater(TorcSimHost_reactor(server), 1, advance_inside, NULL, NULL);
    advance(1);
}
END_TEST

START_TEST(a_host_of_another_simulation_is_fatal)
{
    TorcSim *other = TorcSim_new(1);
    TorcSim_partition(other, client, server);
}
END_TEST

/* ---- the program --------------------------------------------------------------------------- */

int main(void)
{
    const TTest *const tests[] = {
        a_host_is_reached_by_its_name,
        home_is_a_host_like_others,
        home_reaches_the_others,
        two_hosts_listen_on_the_same_port,
        loopback_stays_on_the_machine,
        a_host_may_have_several_addresses,
        a_host_listens_on_its_own_addresses_alone,
        names_and_addresses_are_given_once,
        a_peer_is_on_the_host_whose_address_it_has,
        a_descriptor_is_of_no_use_elsewhere,
        a_descriptor_of_the_operating_system_is_of_no_use_in_a_simulation,
        a_peer_listens_on_a_host,
        three_reactors_in_a_chain_share_one_time,
        three_reactors_in_a_chain_may_take_no_time_at_all,
        each_reactor_s_calls_come_at_their_time,
        what_arrives_comes_before_a_call_of_the_same_moment,
        reactors_call_each_other_as_threads_do,
        a_look_up_is_answered_on_the_reactor_that_asked,
        what_is_done_by_hand_takes_effect_on_any_host,
        a_signal_stops_the_reactor_of_its_host_alone,
        the_others_are_turned_while_home_runs,
        a_world_in_which_nothing_can_happen_does_not_run,
        a_simulation_may_end_at_any_moment,
        NULL,
    };
    const TTest *const fatal[] = {
        home_cannot_crash,
        a_crash_from_inside_is_fatal,
        advance_from_inside_another_host_is_fatal,
        a_host_of_another_simulation_is_fatal,
        NULL,
    };
    return run_suite(&(TestSuite){"sim_network", begin, end, tests, fatal});
}
