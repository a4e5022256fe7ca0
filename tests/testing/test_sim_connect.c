/* Listening, connecting and accepting on the simulated kernel, through the TorcSystem table: they do
 * what Linux does. */
#include "sim_fixture.h"

START_TEST(a_connection_is_made_in_the_next_wait)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINPROGRESS);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EALREADY);
    ck_assert_int_eq(accept_from(listener), -EAGAIN);
    ck_assert_int_eq(send_text(fd, "x"), -EAGAIN);
    ck_assert_int_eq(recv_result(fd), -EAGAIN);
    look_around();
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), 0);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EISCONN);

    Name peer;
    socklen_t length = sizeof(peer);
    int accepted = ops->accept(sys, listener, &peer.any, &length);
    ck_assert_int_gt(accepted, 2);
    ck_assert_int_eq(peer.in.sin_family, AF_INET);
    ck_assert_uint_eq(ntohl(peer.in.sin_addr.s_addr), INADDR_LOOPBACK);
    ck_assert_uint_eq(ntohs(peer.in.sin_port), port_of(fd));
    ck_assert_int_eq(accept_from(listener), -EAGAIN);
}
END_TEST

START_TEST(nobody_listens_and_the_connection_is_refused)
{
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINPROGRESS);
    look_around();
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(recv_result(fd), 0);
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
}
END_TEST

START_TEST(a_refused_socket_can_try_again)
{
    int fd = open_socket(AF_INET);
    connect_to(fd, "127.0.0.1", 8881);
    look_around();
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -ECONNREFUSED);
    int listener = listen_on("127.0.0.1", 8881, 5);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINPROGRESS);
    look_around();
    int accepted = accept_from(listener);
    ck_assert_int_eq(send_text(fd, "again"), 5);
    ck_assert_receives(accepted, "again");
}
END_TEST

START_TEST(a_socket_that_is_neither_listening_nor_connected_says_so)
{
    int fd = open_socket(AF_INET);
    Name name;
    socklen_t length = sizeof(name);
    ck_assert_int_eq(recv_result(fd), -ENOTCONN);
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
    ck_assert_int_eq(ops->shutdown(sys, fd, SHUT_WR), -ENOTCONN);
    ck_assert_int_eq(ops->getpeername(sys, fd, &name.any, &length), -ENOTCONN);
    ck_assert_int_eq(accept_from(fd), -EINVAL);
}
END_TEST

START_TEST(an_unbound_socket_listens_on_an_ephemeral_port)
{
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(ops->listen(sys, fd, 1), 0);
    ck_assert_uint_eq(port_of(fd), 32768);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 1), -EISCONN);
}
END_TEST

START_TEST(the_queue_holds_one_more_than_the_backlog)
{
    listen_on("127.0.0.1", 8881, 2);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(TorcSim_connect(sim, 8881));
    errno = 0;
    ck_assert_ptr_null(TorcSim_connect(sim, 8881));
    ck_assert_int_eq(errno, ECONNREFUSED);
}
END_TEST

START_TEST(connections_are_accepted_in_the_order_of_their_making)
{
    int listener = listen_on("127.0.0.1", 8881, 10);
    for (int i = 0; i < 5; i++)
        TorcSimPeer_send(TorcSim_connect(sim, 8881), (char[]){(char)('a' + i), '\0'});
    for (int i = 0; i < 5; i++)
        ck_assert_receives(accept_from(listener), ((char[]){(char)('a' + i), '\0'}));
}
END_TEST

START_TEST(an_attempt_at_a_full_queue_succeeds_once_there_is_room)
{
    int listener = listen_on("127.0.0.1", 8881, 0);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 8881));
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINPROGRESS);
    look_around();
    ck_assert_int_gt(accept_from(listener), 2);
    ck_assert_int_eq(accept_from(listener), -EAGAIN);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0); /* the SYN is sent again after a second */
    ck_assert_int_gt(accept_from(listener), 2);
}
END_TEST

START_TEST(an_attempt_without_an_answer_times_out_after_127_seconds)
{
    TorcSim_blackHole(sim, "192.0.2.1");
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fd, "192.0.2.1", 80), -EINPROGRESS);
    ck_assert_int_eq(ops->wait(sys, 127 * TORC__SECOND - 1), 0);
    ck_assert_int_eq(connect_to(fd, "192.0.2.1", 80), -EALREADY);
    ck_assert_int_eq(ops->wait(sys, 127 * TORC__SECOND), 0);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
}
END_TEST

START_TEST(closing_during_an_attempt_ends_it)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINPROGRESS);
    ck_assert_int_eq(ops->close(sys, fd), 0);
    look_around();
    ck_assert_int_eq(accept_from(listener), -EAGAIN);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), -EDEADLK);
}
END_TEST

START_TEST(closing_a_listener_resets_what_was_not_accepted)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    TorcSimPeer *waiting = TorcSim_connect(sim, 8881);
    TorcSimPeer *accepted = TorcSim_connect(sim, 8881);
    ck_assert_int_gt(accept_from(listener), 2); /* the first */
    ck_assert_int_eq(ops->close(sys, listener), 0);
    ck_assert(!TorcSimPeer_gotReset(waiting));
    ck_assert(TorcSimPeer_gotReset(accepted));
    ck_assert_ptr_null(TorcSim_connect(sim, 8881));
}
END_TEST

START_TEST(a_dual_stack_socket_shows_ipv4_peers_as_mapped_addresses)
{
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 203, 0, 113, 9};
    int listener = listen_on("::", 8881, 5);
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "203.0.113.9", "192.0.2.7", 8881));
    Name peer;
    Name host;
    socklen_t length = sizeof(peer);
    int fd = ops->accept(sys, listener, &peer.any, &length);
    ck_assert_int_eq(peer.in6.sin6_family, AF_INET6);
    ck_assert_mem_eq(&peer.in6.sin6_addr, mapped, 16);
    length = sizeof(host);
    ck_assert_int_eq(ops->getsockname(sys, fd, &host.any, &length), 0);
    ck_assert_uint_eq(host.in6.sin6_addr.s6_addr[15], 7);
    ck_assert_uint_eq(ntohs(host.in6.sin6_port), 8881);
}
END_TEST

START_TEST(a_v6only_socket_takes_no_ipv4)
{
    int fd = open_socket(AF_INET6);
    ck_assert_int_eq(set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    ck_assert_int_eq(bind_to(fd, "::", 8881), 0);
    ck_assert_int_eq(ops->listen(sys, fd, 5), 0);
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "127.0.0.1", "127.0.0.1", 8881));
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "::1", "::1", 8881));
}
END_TEST

START_TEST(the_exact_address_is_preferred_to_the_wildcard)
{
    for (int round = 0; round < 2; round++) {
        uint16_t port = (uint16_t)(8881 + round);
        int fds[2]; /* the exact one is the first, then the second */
        for (int i = 0; i < 2; i++) {
            fds[i] = open_socket(AF_INET);
            ck_assert_int_eq(set_int(fds[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
            ck_assert_int_eq(bind_to(fds[i], i == round ? "127.0.0.1" : "0.0.0.0", port), 0);
            ck_assert_int_eq(ops->listen(sys, fds[i], 20), 0);
        }
        for (int i = 0; i < 10; i++) {
            ck_assert_ptr_nonnull(TorcSim_connect(sim, port));
            ck_assert_int_gt(accept_from(fds[round]), 2);
        }
        ck_assert_int_eq(accept_from(fds[!round]), -EAGAIN);
    }
}
END_TEST

START_TEST(the_wildcard_as_destination_is_loopback)
{
    int listener = listen_on("::", 8881, 5);
    int fd = open_socket(AF_INET6);
    ck_assert_int_eq(connect_to(fd, "::", 8881), -EINPROGRESS);
    look_around();
    ck_assert_int_gt(accept_from(listener), 2);
    Name peer;
    socklen_t length = sizeof(peer);
    ck_assert_int_eq(ops->getpeername(sys, fd, &peer.any, &length), 0);
    ck_assert_mem_eq(&peer.in6.sin6_addr, &in6addr_loopback, 16);
}
END_TEST

START_TEST(a_wildcard_listener_does_not_answer_for_other_machines)
{
    listen_on("0.0.0.0", 80, 5);
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fd, "192.0.2.1", 80), -EINPROGRESS);
    look_around();
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
}
END_TEST

START_TEST(a_local_address_can_be_chosen_before_connecting)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(bind_to(fd, "127.0.0.9", 4000), 0);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINPROGRESS);
    look_around();
    Name peer;
    socklen_t length = sizeof(peer);
    ck_assert_int_gt(ops->accept(sys, listener, &peer.any, &length), 2);
    ck_assert_uint_eq(ntohl(peer.in.sin_addr.s_addr), 0x7f000009);
    ck_assert_uint_eq(ntohs(peer.in.sin_port), 4000);
}
END_TEST

RUN_SUITE("sim_connect", a_connection_is_made_in_the_next_wait,
          nobody_listens_and_the_connection_is_refused, a_refused_socket_can_try_again,
          a_socket_that_is_neither_listening_nor_connected_says_so,
          an_unbound_socket_listens_on_an_ephemeral_port, the_queue_holds_one_more_than_the_backlog,
          connections_are_accepted_in_the_order_of_their_making,
          an_attempt_at_a_full_queue_succeeds_once_there_is_room,
          an_attempt_without_an_answer_times_out_after_127_seconds,
          closing_during_an_attempt_ends_it, closing_a_listener_resets_what_was_not_accepted,
          a_dual_stack_socket_shows_ipv4_peers_as_mapped_addresses, a_v6only_socket_takes_no_ipv4,
          the_exact_address_is_preferred_to_the_wildcard, the_wildcard_as_destination_is_loopback,
          a_wildcard_listener_does_not_answer_for_other_machines,
          a_local_address_can_be_chosen_before_connecting)
