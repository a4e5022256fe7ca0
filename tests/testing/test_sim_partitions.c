/* Partitions, which hold everything back, and hosts that crash. */
#include "network_fixture.h"

/* ---- partitions ---------------------------------------------------------------------------- */

START_TEST(a_partition_holds_back_and_a_healed_network_delivers)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    TorcSim_partition(sim, client, server);
    say("held ");
    advance(60);
    say("back");
    advance(3600);
    ck_assert_uint_eq(answered, 0);
    ck_assert_int_eq(losses, 0);
    TorcSim_heal(sim, client, server);
    advance(0.099);
    ck_assert_uint_eq(answered, 0);
    advance(0.001);
    ck_assert_str_eq(answer, "held back");
}
END_TEST

START_TEST(a_partition_works_without_latency)
{
    connect_talker();
    TorcSim_partition(sim, server, client);
    say("held");
    advance(60);
    ck_assert_uint_eq(answered, 0);
    TorcSim_heal(sim, client, server);
    advance(0);
    ck_assert_str_eq(answer, "held");
}
END_TEST

START_TEST(a_partition_stops_what_is_on_its_way)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    say("caught");
    advance(0.07); /* on the way back */
    TorcSim_partition(sim, client, server);
    advance(60);
    ck_assert_uint_eq(answered, 0);
    TorcSim_heal(sim, client, server);
    advance(0.05);
    ck_assert_str_eq(answer, "caught");
}
END_TEST

START_TEST(a_partition_concerns_its_two_hosts_alone)
{
    TorcSimHost *third = TorcSim_addHost(sim, "third", NULL);
    TorcSim_partition(sim, client, server);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    talk(third, "server", ECHO_PORT);
    advance(1);
    ck_assert_int_eq(mades, 1);
}
END_TEST

START_TEST(fin_and_rst_are_held_back_too)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *closed = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    TorcSimPeer *reset = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    advance(1);
    size_t open = TorcSimHost_openDescriptors(server);
    TorcSim_partition(sim, client, server);
    TorcSimPeer_close(closed);
    TorcSimPeer_reset(reset);
    advance(60);
    ck_assert_uint_eq(TorcSimHost_openDescriptors(server), open);
    TorcSim_heal(sim, client, server);
    advance(10);
    ck_assert_uint_eq(TorcSimHost_openDescriptors(server), open - 2);
}
END_TEST

START_TEST(connecting_across_a_partition_times_out)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSim_setLookupDelay(sim, 0);
    TorcSim_partition(sim, client, server);
    talk(client, "server", ECHO_PORT);
    advance(29.9);
    ck_assert_int_eq(failures, 0);
    advance(0.1);
    ck_assert_int_eq(failures, 1);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_TIMED_OUT);
}
END_TEST

START_TEST(an_attempt_gets_through_with_the_next_syn_after_a_partition)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSim_setLookupDelay(sim, 0);
    set_links(client, server, TORC_SIM_LINK(.latency = 0.25));
    TorcSim_partition(sim, client, server);
    talk(client, "server", ECHO_PORT);
    advance(2);
    TorcSim_heal(sim, client, server);
    advance(10);
    ck_assert_int_eq(mades, 1);
    ck_assert_time(made_at, 3.5); /* SYNs leave at 0, 1, 3 s */
}
END_TEST

START_TEST(an_answer_that_a_partition_swallows_is_asked_for_again)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSim_setLookupDelay(sim, 0);
    set_links(client, server, TORC_SIM_LINK(.latency = 0.25));
    talk(client, "server", ECHO_PORT);
    advance(0.3);
    TorcSim_partition(sim, client, server);
    advance(0.3);
    TorcSim_heal(sim, client, server);
    advance(10);
    ck_assert_time(made_at, 1.5);
}
END_TEST

START_TEST(a_peer_cannot_connect_across_a_partition)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSim_partition(sim, NULL, server);
    errno = 0;
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "203.0.113.1", "server", ECHO_PORT));
    ck_assert_int_eq(errno, ECONNREFUSED);
}
END_TEST

/* However short the partition was. */
START_TEST(what_was_held_shares_the_bandwidth_when_it_is_sent_again)
{
    static const double durations[] = {60, 0.01};
    double began;
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.bandwidth = 1e6)), 0);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    for (int i = 0; i < 2; i++) {
        advance(1);
        TorcSimPeer_clear(peer);
        TorcSim_partition(sim, client, server);
        send_megabyte(peer);
        advance(durations[i]);
        TorcSim_heal(sim, client, server);
        began = TorcSim_seconds(sim);
        ck_assert(TorcSim_runUntil(sim, megabyte_arrived, peer, 10));
        ck_assert_time(TorcSim_seconds(sim) - began, 1);
    }
}
END_TEST

static int open_datagram(TorcSimHost *host)
{
    TorcSystem *system = TorcSimHost_reactor(host)->system;
    int fd = system->ops->socket(system, AF_INET, SOCK_DGRAM);
    ck_assert_int_gt(fd, 0);
    return fd;
}

START_TEST(datagrams_find_their_host_and_a_partition_loses_them)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    const struct sockaddr *name = (const struct sockaddr *)&to;
    TorcSystem *here = TorcSimHost_reactor(client)->system;
    TorcSystem *there = TorcSimHost_reactor(server)->system;
    int sender = open_datagram(client);
    int receiver = open_datagram(server);
    int stranger = open_datagram(TorcSim_home(sim));
    char byte;
    ck_assert_int_eq(there->ops->bind(there, receiver, name, sizeof(to)), 0);
    TorcSystem *home = TorcSim_reactor(sim)->system;
    ck_assert_int_eq(home->ops->bind(home, stranger, name, sizeof(to)), 0);
    memcpy(&to.sin_addr, "\012\0\0\002", 4); /* the server's 10.0.0.2 */
    ck_assert_int_eq(here->ops->sendto(here, sender, "a", 1, name, sizeof(to)), 1);
    ck_assert_int_eq(there->ops->recv(there, receiver, &byte, 1, 0), 1);
    ck_assert_int_eq(home->ops->recv(home, stranger, &byte, 1, 0), -EAGAIN);
    TorcSim_partition(sim, client, server);
    ck_assert_int_eq(here->ops->sendto(here, sender, "b", 1, name, sizeof(to)), 1);
    TorcSim_heal(sim, client, server);
    ck_assert_int_eq(there->ops->recv(there, receiver, &byte, 1, 0), -EAGAIN);
}
END_TEST

/* ---- crashes ------------------------------------------------------------------------------- */

START_TEST(what_a_partition_holds_of_a_crashed_host_never_arrives)
{
    connect_talker();
    ck_assert_int_eq(TorcSim_listen(sim, "client", 80), 0);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "server", "client", 80);
    TorcSimPeer *end = TorcSim_accept(sim, 80);
    TorcSim_partition(sim, client, server);
    TorcSimPeer_send(peer, "held");
    TorcSimHost_crash(server);
    TorcSim_heal(sim, client, server);
    TorcSimHost_restart(server);
    advance(60);
    ck_assert_str_eq(TorcSimPeer_received(end), "");
    ck_assert(!TorcSimPeer_gotEnd(end) && !TorcSimPeer_gotReset(end));
}
END_TEST

START_TEST(what_a_crashed_host_had_sent_still_arrives)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    say("last");
    advance(0.06); /* the answer is on its way */
    TorcSimHost_crash(server);
    advance(0.04);
    ck_assert_str_eq(answer, "last");
}
END_TEST

START_TEST(a_crash_tells_nobody)
{
    connect_talker();
    TorcSimHost_crash(server);
    say("anybody?");
    advance(24 * 3600);
    ck_assert_int_eq(losses, 0);
    ck_assert_uint_eq(answered, 0);
    ck_assert_uint_eq(TorcSimHost_openDescriptors(server), 0);
    errno = 0;
    ck_assert_ptr_null(TorcSimHost_reactor(server));
    ck_assert_int_eq(errno, EHOSTDOWN);
    ck_assert_int_eq(TorcSimHost_run(server), -EHOSTDOWN);
}
END_TEST

START_TEST(what_was_sent_to_a_crashed_host_is_answered_by_a_reset_after_its_restart)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    TorcSimHost_crash(server);
    say("anybody?");
    advance(60);
    TorcSimHost_restart(server);
    advance(0.049);
    ck_assert_int_eq(losses, 0);
    advance(0.001);
    ck_assert_int_eq(losses, 1);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_LOST);
}
END_TEST

START_TEST(bytes_that_were_on_their_way_to_a_crashed_host_count_as_sent)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    say("anybody?");
    advance(0.02);
    TorcSimHost_crash(server);
    advance(60);
    ck_assert_int_eq(losses, 0);
    TorcSimHost_restart(server);
    advance(1);
    ck_assert_int_eq(losses, 1);
}
END_TEST

START_TEST(who_sends_after_the_restart_only_gets_a_reset_then)
{
    connect_talker();
    TorcSimHost_crash(server);
    TorcSimHost_restart(server);
    advance(60);
    ck_assert_int_eq(losses, 0);
    say("anybody?");
    advance(0);
    ck_assert_int_eq(losses, 1);
}
END_TEST

START_TEST(a_restarted_host_serves_again)
{
    connect_talker();
    TorcSimHost_crash(server);
    TorcSimHost_crash(server); /* it is down already */
    TorcSimHost_restart(server);
    TorcSimHost_restart(server);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    talk(client, "server", ECHO_PORT);
    advance(1);
    say("back again");
    advance(0);
    ck_assert_str_eq(answer, "back again");
}
END_TEST

START_TEST(connecting_to_a_crashed_host_times_out)
{
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimHost_crash(server);
    talk(client, "server", ECHO_PORT);
    advance(29);
    ck_assert_int_eq(failures, 0);
    advance(2);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_TIMED_OUT);
}
END_TEST

START_TEST(nothing_leaves_a_host_while_it_crashes)
{
    connect_talker();
    ck_assert_int_eq(TorcSim_listen(sim, "home", 80), 0);
    talk(client, "home", 80);
    advance(1);
    TorcSimPeer *peer = TorcSim_accept(sim, 80);
    ck_assert_ptr_nonnull(peer);
    TorcSimHost_crash(client); /* frees the talkers, with their connectionLost */
    ck_assert_int_eq(losses, 2);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_SHUTDOWN);
    advance(60);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}
END_TEST

/* ---- the program --------------------------------------------------------------------------- */

RUN_SUITE("sim_partitions", a_partition_holds_back_and_a_healed_network_delivers,
          a_partition_works_without_latency, a_partition_stops_what_is_on_its_way,
          a_partition_concerns_its_two_hosts_alone, fin_and_rst_are_held_back_too,
          connecting_across_a_partition_times_out,
          an_attempt_gets_through_with_the_next_syn_after_a_partition,
          an_answer_that_a_partition_swallows_is_asked_for_again,
          a_peer_cannot_connect_across_a_partition,
          what_was_held_shares_the_bandwidth_when_it_is_sent_again,
          datagrams_find_their_host_and_a_partition_loses_them,
          what_a_partition_holds_of_a_crashed_host_never_arrives,
          what_a_crashed_host_had_sent_still_arrives, a_crash_tells_nobody,
          what_was_sent_to_a_crashed_host_is_answered_by_a_reset_after_its_restart,
          bytes_that_were_on_their_way_to_a_crashed_host_count_as_sent,
          who_sends_after_the_restart_only_gets_a_reset_then, a_restarted_host_serves_again,
          connecting_to_a_crashed_host_times_out, nothing_leaves_a_host_while_it_crashes)
