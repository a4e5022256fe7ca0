/* Links: what latency, jitter and bandwidth do to connections and to every byte on them. */
#include "network_fixture.h"

/* ---- latency ------------------------------------------------------------------------------- */

START_TEST(an_echo_over_50_ms_takes_100_ms)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    say("ping");
    advance(0.0999);
    ck_assert_uint_eq(answered, 0);
    advance(1);
    ck_assert_str_eq(answer, "ping");
    ck_assert_time(answered_at, 10.1);
}
END_TEST

START_TEST(the_two_directions_are_set_by_themselves)
{
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.latency = 0.25)), 0);
    connect_talker();
    say("ping");
    advance(1);
    ck_assert_time(answered_at, 10.25);
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, NULL), 0);
    say("pong");
    advance(1);
    ck_assert_time(answered_at, 11);
}
END_TEST

START_TEST(connecting_takes_a_round_trip_and_accepting_half_a_one_more)
{
    TorcSim_setLookupDelay(sim, 0);
    set_links(client, server, TORC_SIM_LINK(.latency = 0.1));
    listen_with(server, ECHO_PORT, &greeter_class);
    talk(client, "server", ECHO_PORT);
    advance(1);
    ck_assert_time(made_at, 0.2);
    ck_assert_time(answered_at, 0.4); /* SYN, SYN and ACK, ACK, greeting */
    ck_assert_str_eq(answer, "this is 10.0.0.2");
}
END_TEST

START_TEST(a_refusal_takes_a_round_trip)
{
    TorcSim_setLookupDelay(sim, 0);
    set_links(client, server, TORC_SIM_LINK(.latency = 0.1));
    talk(client, "server", ECHO_PORT);
    advance(1);
    ck_assert_int_eq(failures, 1);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_REFUSED);
    ck_assert_time(lost_at, 0.2);
}
END_TEST

START_TEST(who_begins_to_listen_after_the_refusal_has_left_is_too_late)
{
    TorcSim_setLookupDelay(sim, 0);
    set_links(client, server, TORC_SIM_LINK(.latency = 0.1));
    talk(client, "server", ECHO_PORT);
    advance(0.15);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    advance(1);
    ck_assert_int_eq(mades, 0);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_REFUSED);
}
END_TEST

START_TEST(a_link_from_home_to_home_is_for_its_peers)
{
    TorcSimHost *home = TorcSim_home(sim);
    ck_assert_int_eq(TorcSim_setLink(sim, home, home, TORC_SIM_LINK(.latency = 0.5)), 0);
    listen_with(home, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peer = TorcSim_connect(sim, ECHO_PORT);
    TorcSimPeer_send(peer, "slow");
    advance(0.9);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    advance(0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "slow");
}
END_TEST

START_TEST(a_link_of_the_rest_of_the_world_is_for_all_who_are_no_host)
{
    ck_assert_int_eq(TorcSim_setLink(sim, NULL, server, TORC_SIM_LINK(.latency = 0.5)), 0);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "203.0.113.1", "server", ECHO_PORT);
    TorcSimPeer_send(peer, "abroad");
    advance(0.4);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    advance(0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "abroad");
}
END_TEST

START_TEST(the_end_arrives_behind_the_bytes)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    TorcSimPeer_send(peer, "last words");
    TorcSimPeer_shutdown(peer);
    advance(0.099);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    advance(0.001);
    ck_assert_str_eq(TorcSimPeer_received(peer), "last words");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(a_reset_takes_its_time)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    ck_assert_int_eq(TorcSim_listen(sim, "server", 80), 0);
    talk(client, "server", 80);
    advance(10);
    TorcSimPeer *peer = TorcSim_accept(sim, 80);
    TorcSimPeer_reset(peer);
    advance(0.049);
    ck_assert_int_eq(losses, 0);
    advance(0.001);
    ck_assert_int_eq(losses, 1);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_LOST);
}
END_TEST

/* Once by a reset, because the server closes while bytes are on their way to it. */
START_TEST(bytes_that_meet_a_closed_socket_are_answered_by_a_reset)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    ck_assert_int_eq(TorcSim_listen(sim, "server", 80), 0);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", 80);
    TorcSimPeer *other = TorcSim_accept(sim, 80);
    TorcSimPeer_send(peer, "too late");
    advance(0.02);
    TorcSimPeer_close(other);
    advance(0.05);
    ck_assert(TorcSimPeer_gotEnd(peer)); /* the FIN, */
    ck_assert(!TorcSimPeer_gotReset(peer));
    advance(0.029);
    ck_assert(!TorcSimPeer_gotReset(peer));
    advance(0.001); /* and what the bytes got */
    ck_assert(TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(bytes_sent_after_the_other_end_closed_are_answered_after_a_round_trip)
{
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    ck_assert_int_eq(TorcSim_listen(sim, "server", 80), 0);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", 80);
    TorcSimPeer_close(TorcSim_accept(sim, 80));
    advance(1);
    ck_assert(TorcSimPeer_gotEnd(peer));
    TorcSimPeer_send(peer, "anybody there?");
    advance(0.099);
    ck_assert(!TorcSimPeer_gotReset(peer));
    advance(0.001);
    ck_assert(TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(a_connection_whose_listener_has_gone_meanwhile_is_reset)
{
    TorcSim_setLookupDelay(sim, 0);
    set_links(client, server, TORC_SIM_LINK(.latency = 0.1));
    TorcPort *port;
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcReactor *reactor = TorcSimHost_reactor(server);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, ECHO_PORT, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
    talk(client, "server", ECHO_PORT);
    advance(0.25); /* the client is connected, the server does not know */
    ck_assert_int_eq(mades, 1);
    TorcPort_stopListening(port, NULL);
    advance(0.05);
    ck_assert_int_eq(losses, 0);
    advance(0.2);
    ck_assert_int_eq(losses, 1);
    ck_assert_int_eq(reason_kind, TORC_CONNECTION_LOST);
    ck_assert_uint_eq(TorcSimHost_openDescriptors(server), 0);
    ck_assert_uint_eq(TorcSimHost_openDescriptors(client), 0);
}
END_TEST

/* ---- every byte, whatever the network ------------------------------------------------------ */

static const TorcSimLink networks[] = {
    {.size = sizeof(TorcSimLink), .latency = 0.05},
    {.size = sizeof(TorcSimLink), .latency = 0.05, .jitter = 0.2},
    {.size = sizeof(TorcSimLink), .bandwidth = 1e6},
    {.size = sizeof(TorcSimLink), .latency = 0.003, .jitter = 0.001, .bandwidth = 333333},
};
enum { NETWORKS = sizeof(networks) / sizeof(networks[0]) };

static void fill_pattern(char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 7 + i / 251);
}

/* With and without a peer that is slow to read; the link changes in the middle. */
static void check_every_byte(const TorcSimLink *network, const TorcSimOptions *options, bool pause)
{
    enum { WHOLE = 300000 };
    static char sent[WHOLE];
    end();
    begin_with(options);
    set_links(client, server, network);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    fill_pattern(sent, WHOLE);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    TorcSimPeer_sendBytes(peer, sent, WHOLE);
    TorcSimPeer_shutdown(peer);
    advance(0.1);
    if (pause) {
        TorcSimPeer_stopReading(peer);
        advance(10);
        TorcSimPeer_startReading(peer);
    }
    set_links(client, server, NULL);
    ck_assert(TorcSim_runUntilIdle(sim, 1000));
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), WHOLE);
    ck_assert_mem_eq(TorcSimPeer_received(peer), sent, WHOLE);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}

START_TEST(every_byte_arrives_in_order)
{
    for (int i = 0; i < 2 * NETWORKS; i++) {
        const TorcSimLink *network = &networks[i / 2];
        bool pause = i % 2;
        check_every_byte(network, TORC_SIM_OPTIONS(.seed = 1), pause);
        check_every_byte(network, TORC_SIM_OPTIONS(.levelTriggered = true), pause);
        check_every_byte(network, TORC_SIM_OPTIONS(.bufferSize = 5000), pause);
        check_every_byte(network, TORC_SIM_OPTIONS(.chunkSize = 1000), pause);
    }
}
END_TEST

START_TEST(what_is_on_its_way_is_bounded_by_the_buffers)
{
    end();
    begin_with(TORC_SIM_OPTIONS(.bufferSize = 1000));
    set_links(client, server, TORC_SIM_LINK(.latency = 1));
    ck_assert_int_eq(TorcSim_listen(sim, "server", 80), 0);
    talk(client, "server", 80);
    advance(10);
    TorcSimPeer *peer = TorcSim_accept(sim, 80);
    TorcSimPeer_stopReading(peer);
    char bytes[5000] = {0};
    ck_assert_int_eq(TorcTransport_write(talker, bytes, sizeof(bytes)), 0);
    advance(0.5);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(talker), 4000); /* one buffer is under way, */
    advance(100);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(talker), 3000); /* and one waits to be read */
    TorcSimPeer_startReading(peer);
    advance(100);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 5000);
}
END_TEST

START_TEST(bytes_arrive_also_where_nobody_reads_them)
{
    end();
    begin_with(TORC_SIM_OPTIONS(.bufferSize = 5000));
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.bandwidth = 1000)), 0);
    ck_assert_int_eq(TorcSim_listen(sim, "server", 80), 0);
    talk(client, "server", 80);
    advance(10);
    TorcSimPeer *peer = TorcSim_accept(sim, 80);
    TorcSimPeer_stopReading(peer);
    char bytes[6000] = {0};
    ck_assert_int_eq(TorcTransport_write(talker, bytes, sizeof(bytes)), 0);
    advance(100);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(talker), 0);
    TorcSimPeer_startReading(peer);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 5000); /* they were there */
}
END_TEST

static SimSocket *victim;

static void abort_victim(SimSocket *socket, unsigned events)
{
    (void)socket;
    (void)events;
    SimSocket *one = victim;
    victim = NULL;
    if (one)
        torc__simSocket_abort(one);
}

/* Who is told may do anything, here by the kernel's own functions. */
START_TEST(a_sender_that_is_told_of_room_may_end_the_receiver)
{
    SimSocket *listener = torc__simSocket_new(server->machine, AF_INET);
    SimSocket *sender = torc__simSocket_new(client->machine, AF_INET);
    SimAddress address;
    struct sockaddr_in name;
    socklen_t length = sizeof(name);
    char bytes[1000] = {0};
    set_links(client, server, TORC_SIM_LINK(.latency = 1));
    ck_assert_int_eq(torc__simAddress_parse("10.0.0.2", 80, &address), 0);
    ck_assert_int_eq(torc__simSocket_bind(listener, &address), 0);
    ck_assert_int_eq(torc__simSocket_listen(listener, 1), 0);
    torc__simAddress_toSockaddr(&address, AF_INET, (struct sockaddr *)&name, &length);
    ck_assert_int_eq(torc__simSocket_connect(sender, (struct sockaddr *)&name, length),
                     -EINPROGRESS);
    advance(10);
    ck_assert_int_eq(torc__simSocket_accept(listener, &victim), 0);
    while (torc__simSocket_send(sender, bytes, sizeof(bytes)) > 0)
        continue;
    sender->notify = abort_victim;
    advance(1);
    ck_assert_ptr_null(victim);
    ck_assert(!sender->was_reset);
    advance(1);
    ck_assert(sender->was_reset);
    torc__simSocket_close(sender);
    torc__simSocket_close(listener);
}
END_TEST

/* ---- bandwidth ----------------------------------------------------------------------------- */

START_TEST(a_megabyte_at_a_megabyte_per_second_takes_a_second)
{
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.bandwidth = 1e6)), 0);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    send_megabyte(peer);
    ck_assert(TorcSim_runUntil(sim, megabyte_arrived, peer, 10));
    ck_assert_time(TorcSim_seconds(sim), 1);
}
END_TEST

START_TEST(latency_comes_on_top_of_bandwidth)
{
    const TorcSimLink *link = TORC_SIM_LINK(.bandwidth = 1e6, .latency = 0.02);
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, link), 0);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    send_megabyte(peer);
    ck_assert(TorcSim_runUntil(sim, megabyte_arrived, peer, 10));
    ck_assert_time(TorcSim_seconds(sim), 1.02);
}
END_TEST

START_TEST(connections_share_the_bandwidth_of_a_link)
{
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.bandwidth = 1e6)), 0);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peers[2];
    for (int i = 0; i < 2; i++)
        peers[i] = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    for (int i = 0; i < 2; i++)
        send_megabyte(peers[i]);
    advance(1);
    ck_assert_uint_lt(TorcSimPeer_receivedLength(peers[0]), 600000);
    ck_assert_uint_gt(TorcSimPeer_receivedLength(peers[1]), 400000);
    advance(0.999);
    ck_assert(!megabyte_arrived(peers[0]) || !megabyte_arrived(peers[1]));
    advance(0.001);
    ck_assert(megabyte_arrived(peers[0]) && megabyte_arrived(peers[1]));
}
END_TEST

START_TEST(impossible_links_are_refused)
{
    ck_assert_int_eq(TorcSim_setLink(NULL, client, server, NULL), -EINVAL);
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, &(TorcSimLink){.size = 1}), -EINVAL);
    static const double bad[] = {-1, NAN, -INFINITY};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const TorcSimLink *links[] = {TORC_SIM_LINK(.latency = bad[i]),
                                      TORC_SIM_LINK(.jitter = bad[i]),
                                      TORC_SIM_LINK(.bandwidth = bad[i])};
        for (int k = 0; k < 3; k++)
            ck_assert_int_eq(TorcSim_setLink(sim, client, server, links[k]), -EINVAL);
    }
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.bandwidth = 0.5)),
                     -EINVAL);
    const TorcSimLink *wide = TORC_SIM_LINK(.bandwidth = INFINITY);
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, wide), 0);
    connect_talker();
    say("fine");
    advance(0);
    ck_assert_str_eq(answer, "fine");
}
END_TEST

/* ---- the seed ------------------------------------------------------------------------------ */

/* The order in which ten clients are answered by a server across a network with jitter. */
static void note_order(TorcSimOrder order, uint64_t seed, double jitter, int ret_order[10])
{
    end();
    begin_with(TORC_SIM_OPTIONS(.seed = seed));
    TorcSim_setWakeOrder(sim, order);
    ck_assert_int_eq(TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.jitter = jitter)), 0);
    ck_assert_int_eq(TorcSim_setLink(sim, server, client, TORC_SIM_LINK(.bandwidth = 1000)), 0);
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcSimPeer *peers[10];
    for (int i = 0; i < 10; i++)
        peers[i] = TorcSim_connectFrom(sim, "client", "server", ECHO_PORT);
    advance(1);
    for (int i = 0; i < 10; i++)
        TorcSimPeer_send(peers[i], "x");
    for (int i = 0; i < 10; i++)
        ret_order[i] = -1;
    for (int step = 0, next = 0; step < 5000 && next < 10; step++) {
        advance(0.0005);
        for (int i = 0; i < 10; i++) {
            if (TorcSimPeer_receivedLength(peers[i]) == 0)
                continue;
            TorcSimPeer_clear(peers[i]);
            ret_order[next++] = i;
        }
    }
    ck_assert_int_ge(ret_order[9], 0);
}

static bool same_order(const int a[10], const int b[10])
{
    return memcmp(a, b, 10 * sizeof(a[0])) == 0;
}

START_TEST(without_jitter_the_order_is_that_of_descriptors_whatever_the_seed)
{
    static const int in_order[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    int order[10];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        note_order(TORC_SIM_ORDER_DESCRIPTOR, seed, 0, order);
        ck_assert(same_order(order, in_order));
    }
}
END_TEST

START_TEST(the_same_seed_gives_the_same_run_and_another_one_another)
{
    static const struct {
        TorcSimOrder order;
        double jitter;
    } ways[] = {{TORC_SIM_ORDER_RANDOM, 0}, {TORC_SIM_ORDER_DESCRIPTOR, 1}};
    for (size_t i = 0; i < 2; i++) {
        int first[10];
        int again[10];
        int other[10];
        note_order(ways[i].order, 42, ways[i].jitter, first);
        note_order(ways[i].order, 42, ways[i].jitter, again);
        note_order(ways[i].order, 43, ways[i].jitter, other);
        ck_assert(same_order(first, again));
        ck_assert(!same_order(first, other));
    }
}
END_TEST

/* ---- the program --------------------------------------------------------------------------- */

RUN_SUITE("sim_links", an_echo_over_50_ms_takes_100_ms, the_two_directions_are_set_by_themselves,
          connecting_takes_a_round_trip_and_accepting_half_a_one_more, a_refusal_takes_a_round_trip,
          who_begins_to_listen_after_the_refusal_has_left_is_too_late,
          a_link_from_home_to_home_is_for_its_peers,
          a_link_of_the_rest_of_the_world_is_for_all_who_are_no_host,
          the_end_arrives_behind_the_bytes, a_reset_takes_its_time,
          bytes_that_meet_a_closed_socket_are_answered_by_a_reset,
          bytes_sent_after_the_other_end_closed_are_answered_after_a_round_trip,
          a_connection_whose_listener_has_gone_meanwhile_is_reset, every_byte_arrives_in_order,
          what_is_on_its_way_is_bounded_by_the_buffers, bytes_arrive_also_where_nobody_reads_them,
          a_sender_that_is_told_of_room_may_end_the_receiver,
          a_megabyte_at_a_megabyte_per_second_takes_a_second, latency_comes_on_top_of_bandwidth,
          connections_share_the_bandwidth_of_a_link, impossible_links_are_refused,
          without_jitter_the_order_is_that_of_descriptors_whatever_the_seed,
          the_same_seed_gives_the_same_run_and_another_one_another)
