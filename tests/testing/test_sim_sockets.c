/* Stream sockets of the simulated kernel, through the TorcSystem table: descriptors, addresses,
 * options, and calls that fail on demand. They do what Linux does; connecting is test_sim_connect.c's,
 * what connections carry test_sim_streams.c's. */
#include "sim_fixture.h"

/* ---- opening and binding ------------------------------------------------------------------- */

START_TEST(the_lowest_free_descriptor_above_a_million_and_two_is_given)
{
    ck_assert_int_eq(open_socket(AF_INET), 1000003);
    ck_assert_int_eq(open_socket(AF_INET6), 1000004);
    ck_assert_int_eq(ops->openSpare(sys), 1000005);
    ck_assert_int_eq(ops->close(sys, 1000004), 0);
    ck_assert_int_eq(ops->close(sys, 1000003), 0);
    ck_assert_int_eq(open_socket(AF_INET), 1000003);
    ck_assert_int_eq(open_socket(AF_INET), 1000004);
    ck_assert_int_eq(open_socket(AF_INET), 1000006);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 4);
}
END_TEST

START_TEST(unknown_families_types_and_descriptors_are_refused)
{
    char byte;
    ck_assert_int_eq(ops->socket(sys, AF_PACKET, SOCK_STREAM), -EAFNOSUPPORT);
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_SEQPACKET), -ESOCKTNOSUPPORT);
    ck_assert_int_eq(ops->close(sys, 99), -EBADF);
    ck_assert_int_eq(ops->close(sys, -1), -EBADF);
    ck_assert_int_eq(ops->recv(sys, 3, &byte, 1, 0), -EBADF);
    int spare = ops->openSpare(sys);
    ck_assert_int_eq(ops->send(sys, spare, "x", 1), -ENOTSOCK);
}
END_TEST

START_TEST(port_zero_gives_ephemeral_ports_in_order)
{
    int first = listen_on("127.0.0.1", 0, 1);
    int second = listen_on("::", 0, 1);
    ck_assert_uint_eq(port_of(first), 32768);
    ck_assert_uint_eq(port_of(second), 32769);
}
END_TEST

START_TEST(ephemeral_ports_skip_those_in_use)
{
    listen_on("127.0.0.1", 32769, 1);
    ck_assert_uint_eq(port_of(listen_on("127.0.0.1", 0, 1)), 32768);
    ck_assert_uint_eq(port_of(listen_on("127.0.0.1", 0, 1)), 32770);
}
END_TEST

START_TEST(an_address_in_use_is_refused)
{
    int listener = listen_on("127.0.0.1", 8881, 1);
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    ck_assert_int_eq(bind_to(fd, "127.0.0.1", 8881), -EADDRINUSE);
    ck_assert_int_eq(bind_to(fd, "0.0.0.0", 8881), -EADDRINUSE);
    ck_assert_int_eq(bind_to(fd, "127.0.0.2", 8881), 0);
    ck_assert_int_eq(bind_to(fd, "127.0.0.2", 8882), -EINVAL);
    ck_assert_int_eq(ops->close(sys, listener), 0);
    listen_on("127.0.0.1", 8881, 1);
}
END_TEST

START_TEST(a_dual_stack_wildcard_and_an_ipv4_one_exclude_each_other_unless_v6only)
{
    int fd = open_socket(AF_INET6);
    listen_on("0.0.0.0", 8881, 1);
    ck_assert_int_eq(bind_to(fd, "::", 8881), -EADDRINUSE);
    ck_assert_int_eq(set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    ck_assert_int_eq(bind_to(fd, "::", 8881), 0);
}
END_TEST

START_TEST(only_one_of_two_reuseaddr_sockets_may_listen)
{
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = open_socket(AF_INET);
        ck_assert_int_eq(set_int(fds[i], SOL_SOCKET, SO_REUSEADDR, 1), 0);
        ck_assert_int_eq(bind_to(fds[i], "127.0.0.1", 8881), 0);
    }
    ck_assert_int_eq(ops->listen(sys, fds[0], 1), 0);
    ck_assert_int_eq(ops->listen(sys, fds[1], 1), -EADDRINUSE);
}
END_TEST

START_TEST(reuseport_listeners_share_what_arrives)
{
    int fds[2];
    int accepted[2] = {0};
    for (int i = 0; i < 2; i++) {
        fds[i] = open_socket(AF_INET);
        ck_assert_int_eq(set_int(fds[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        ck_assert_int_eq(bind_to(fds[i], "127.0.0.1", 8881), 0);
        ck_assert_int_eq(ops->listen(sys, fds[i], 100), 0);
    }
    for (int i = 0; i < 64; i++)
        ck_assert_ptr_nonnull(TorcSim_connect(sim, 8881));
    for (int i = 0; i < 2; i++)
        while (accept_from(fds[i]) > 0)
            accepted[i]++;
    ck_assert_int_eq(accepted[0] + accepted[1], 64);
    ck_assert_int_gt(accepted[0], 8);
    ck_assert_int_gt(accepted[1], 8);
}
END_TEST

START_TEST(connections_hold_the_port_of_a_closed_listener_unless_reuseaddr)
{
    for (int reuse = 0; reuse < 2; reuse++) {
        uint16_t port = (uint16_t)(8881 + reuse);
        int first = open_socket(AF_INET);
        int second = open_socket(AF_INET);
        ck_assert_int_eq(set_int(first, SOL_SOCKET, SO_REUSEADDR, reuse), 0);
        ck_assert_int_eq(set_int(second, SOL_SOCKET, SO_REUSEADDR, reuse), 0);
        ck_assert_int_eq(bind_to(first, "127.0.0.1", port), 0);
        ck_assert_int_eq(ops->listen(sys, first, 1), 0);
        ck_assert_ptr_nonnull(TorcSim_connect(sim, port));
        ck_assert_int_gt(accept_from(first), 2);
        ck_assert_int_eq(ops->close(sys, first), 0);
        ck_assert_int_eq(bind_to(second, "127.0.0.1", port), reuse ? 0 : -EADDRINUSE);
    }
}
END_TEST

START_TEST(names_are_cut_to_the_given_length_which_then_tells_the_whole)
{
    int fd = listen_on("127.0.0.1", 8881, 1);
    struct sockaddr_in in;
    memset(&in, 0xee, sizeof(in));
    socklen_t length = 2;
    ck_assert_int_eq(ops->getsockname(sys, fd, (struct sockaddr *)&in, &length), 0);
    ck_assert_uint_eq(length, sizeof(in));
    ck_assert_int_eq(in.sin_family, AF_INET);
    ck_assert_uint_eq(in.sin_port, 0xeeee);
}
END_TEST

START_TEST(a_name_of_the_wrong_family_or_too_short_is_refused)
{
    int fd = open_socket(AF_INET);
    Name name = name_of("::1", 80);
    ck_assert_int_eq(ops->bind(sys, fd, &name.any, sizeof(name.in6)), -EAFNOSUPPORT);
    ck_assert_int_eq(ops->connect(sys, fd, &name.any, sizeof(name.in6)), -EAFNOSUPPORT);
    name = name_of("127.0.0.1", 80);
    ck_assert_int_eq(ops->bind(sys, fd, &name.any, 4), -EINVAL);
}
END_TEST

/* ---- options ------------------------------------------------------------------------------- */

START_TEST(options_are_stored_and_inherited_by_accepted_connections)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    ck_assert_int_eq(get_int(listener, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_eq(set_int(listener, IPPROTO_TCP, TCP_NODELAY, 7), 0);
    ck_assert_int_eq(set_int(listener, IPPROTO_TCP, TCP_KEEPIDLE, 30), 0);
    TorcSim_connect(sim, 8881);
    int fd = accept_from(listener);
    ck_assert_int_eq(get_int(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    ck_assert_int_eq(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    ck_assert_int_eq(get_int(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
}
END_TEST

START_TEST(buffer_sizes_are_doubled_and_limited)
{
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(set_int(fd, SOL_SOCKET, SO_SNDBUF, 10000), 0);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_SNDBUF), 20000);
    ck_assert_int_eq(set_int(fd, SOL_SOCKET, SO_RCVBUF, 0), 0);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_RCVBUF), 2304);
    ck_assert_int_eq(set_int(fd, SOL_SOCKET, SO_RCVBUF, 1 << 30), 0);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_RCVBUF), 425984);
}
END_TEST

START_TEST(impossible_options_and_values_are_refused)
{
    int fd = open_socket(AF_INET);
    int six = open_socket(AF_INET6);
    char small;
    ck_assert_int_eq(set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 128), -EINVAL);
    ck_assert_int_eq(set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 0), -EINVAL);
    ck_assert_int_eq(set_int(fd, IPPROTO_TCP, 9999, 1), -ENOPROTOOPT);
    ck_assert_int_eq(set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), -ENOPROTOOPT);
    ck_assert_int_eq(ops->setsockopt(sys, fd, SOL_SOCKET, SO_KEEPALIVE, &small, 1), -EINVAL);
    ck_assert_int_eq(bind_to(six, "::1", 8881), 0);
    ck_assert_int_eq(set_int(six, IPPROTO_IPV6, IPV6_V6ONLY, 1), -EINVAL);
}
END_TEST

START_TEST(linger_is_stored_as_given)
{
    int fd = open_socket(AF_INET);
    struct linger linger = {.l_onoff = 1, .l_linger = 5};
    socklen_t length = sizeof(linger);
    ck_assert_int_eq(ops->setsockopt(sys, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    memset(&linger, 0, sizeof(linger));
    ck_assert_int_eq(ops->getsockopt(sys, fd, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
    ck_assert_int_eq(linger.l_onoff, 1);
    ck_assert_int_eq(linger.l_linger, 5);
}
END_TEST

/* ---- calls that fail on demand ------------------------------------------------------------- */

START_TEST(the_nth_call_fails_as_often_as_asked)
{
    TorcSim_failCall(sim, TORC_SIM_SOCKET, 2, EMFILE, 2);
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_STREAM), 1000003);
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_STREAM), -EMFILE);
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_STREAM), -EMFILE);
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_STREAM), 1000004);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_SOCKET), 4);
}
END_TEST

START_TEST(a_rule_without_an_end_lasts_until_it_is_removed)
{
    int fds[2];
    connect_pair(fds);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EHOSTUNREACH, 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(send_text(fds[0], "x"), -EHOSTUNREACH);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, 0, 0);
    ck_assert_int_eq(send_text(fds[0], "x"), 1);
}
END_TEST

START_TEST(a_failed_call_changes_nothing)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    TorcSim_connect(sim, 8881);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, EMFILE, 1);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, ECONNRESET, 1);
    TorcSim_failCall(sim, TORC_SIM_BIND, 1, EACCES, 1);
    TorcSim_failCall(sim, TORC_SIM_LISTEN, 1, EADDRINUSE, 1);
    TorcSim_failCall(sim, TORC_SIM_CONNECT, 1, ENETUNREACH, 1);
    ck_assert_int_eq(accept_from(listener), -EMFILE);
    ck_assert_int_gt(accept_from(listener), 2);

    int fd = open_socket(AF_INET);
    ck_assert_int_eq(bind_to(fd, "127.0.0.1", 79), -EACCES);
    ck_assert_int_eq(bind_to(fd, "127.0.0.1", 79), 0);
    ck_assert_int_eq(ops->listen(sys, fd, 1), -EADDRINUSE);
    ck_assert_int_eq(ops->listen(sys, fd, 1), 0);

    int client = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(client, "127.0.0.1", 79), -ENETUNREACH);
    ck_assert_int_eq(connect_to(client, "127.0.0.1", 79), -EINPROGRESS);
    look_around();
    ck_assert_int_eq(recv_result(client), -ECONNRESET);
    ck_assert_int_eq(recv_result(client), -EAGAIN);
}
END_TEST

RUN_SUITE("sim_sockets", the_lowest_free_descriptor_above_a_million_and_two_is_given,
          unknown_families_types_and_descriptors_are_refused,
          port_zero_gives_ephemeral_ports_in_order, ephemeral_ports_skip_those_in_use,
          an_address_in_use_is_refused,
          a_dual_stack_wildcard_and_an_ipv4_one_exclude_each_other_unless_v6only,
          only_one_of_two_reuseaddr_sockets_may_listen, reuseport_listeners_share_what_arrives,
          connections_hold_the_port_of_a_closed_listener_unless_reuseaddr,
          names_are_cut_to_the_given_length_which_then_tells_the_whole,
          a_name_of_the_wrong_family_or_too_short_is_refused,
          options_are_stored_and_inherited_by_accepted_connections,
          buffer_sizes_are_doubled_and_limited, impossible_options_and_values_are_refused,
          linger_is_stored_as_given, the_nth_call_fails_as_often_as_asked,
          a_rule_without_an_end_lasts_until_it_is_removed, a_failed_call_changes_nothing)
