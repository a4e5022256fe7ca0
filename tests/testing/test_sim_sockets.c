/* Stream sockets of the simulated kernel, through the TorcSystem table: they do what Linux does. */
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

/* ---- listening and connecting -------------------------------------------------------------- */

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

/* ---- bytes --------------------------------------------------------------------------------- */

START_TEST(bytes_arrive_in_order_both_ways)
{
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(recv_result(fds[1]), -EAGAIN);
    ck_assert_int_eq(send_text(fds[0], "one "), 4);
    ck_assert_int_eq(send_text(fds[0], "two"), 3);
    ck_assert_int_eq(send_text(fds[1], "three"), 5);
    ck_assert_receives(fds[1], "one two");
    ck_assert_receives(fds[0], "three");
    ck_assert_int_eq(recv_result(fds[1]), -EAGAIN);
}
END_TEST

START_TEST(a_peek_leaves_the_bytes_where_they_are)
{
    int fds[2];
    char buffer[3];
    connect_pair(fds);
    send_text(fds[0], "abcdef");
    ck_assert_int_eq(ops->recv(sys, fds[1], buffer, 3, MSG_PEEK), 3);
    ck_assert_mem_eq(buffer, "abc", 3);
    ck_assert_int_eq(ops->recv(sys, fds[1], buffer, 3, 0), 3);
    ck_assert_mem_eq(buffer, "abc", 3);
    ck_assert_receives(fds[1], "def");
}
END_TEST

START_TEST(a_full_buffer_takes_a_part_and_then_nothing)
{
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 10));
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(send_text(fds[0], "123456"), 6);
    ck_assert_int_eq(send_text(fds[0], "789abc"), 4);
    ck_assert_int_eq(send_text(fds[0], "abc"), -EAGAIN);
    ck_assert_receives(fds[1], "123456789a");
    ck_assert_int_eq(send_text(fds[0], "bc"), 2);
    ck_assert_receives(fds[1], "bc");
}
END_TEST

START_TEST(a_buffer_is_64_KiB_unless_said_otherwise)
{
    int fds[2];
    connect_pair(fds);
    ck_assert_uint_eq(fill(fds[0]), 64 * 1024);
    ck_assert_uint_eq(fill(fds[1]), 64 * 1024);
}
END_TEST

START_TEST(gathered_pieces_arrive_as_one_and_are_cut_where_room_ends)
{
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 8));
    char letters[] = "abcdefghij";
    struct iovec pieces[] = {{letters, 3}, {letters, 0}, {letters + 3, 4}, {letters + 7, 3}};
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(ops->sendv(sys, fds[0], pieces, 4), 8);
    ck_assert_int_eq(ops->sendv(sys, fds[0], pieces, 4), -EAGAIN);
    ck_assert_receives(fds[1], "abcdefgh");
}
END_TEST

START_TEST(a_chunk_size_caps_every_call)
{
    begin_again(TORC_SIM_OPTIONS(.chunkSize = 3));
    char letters[] = "abcd";
    struct iovec pieces[] = {{letters, 2}, {letters + 2, 2}};
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(send_text(fds[0], "12345"), 3);
    ck_assert_int_eq(ops->sendv(sys, fds[0], pieces, 2), 3);
    ck_assert_receives(fds[1], "123");
    ck_assert_receives(fds[1], "abc");
    ck_assert_int_eq(recv_result(fds[1]), -EAGAIN);
}
END_TEST

START_TEST(megabytes_pass_unharmed_through_a_small_buffer)
{
    enum { WHOLE = 1 << 20 };
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 777));
    unsigned char *sent = malloc(WHOLE);
    unsigned char *received = malloc(WHOLE);
    size_t out = 0;
    size_t in = 0;
    int fds[2];
    connect_pair(fds);
    ops->random(sys, sent, WHOLE);
    while (in < WHOLE) {
        ssize_t n = ops->send(sys, fds[0], sent + out, WHOLE - out);
        out += n > 0 ? (size_t)n : 0;
        n = ops->recv(sys, fds[1], received + in, in % 1000 + 1, 0);
        in += n > 0 ? (size_t)n : 0;
    }
    ck_assert_mem_eq(sent, received, WHOLE);
    free(sent);
    free(received);
}
END_TEST

/* ---- FIN ----------------------------------------------------------------------------------- */

START_TEST(the_end_comes_after_what_was_sent_before_it)
{
    int fds[2];
    connect_pair(fds);
    send_text(fds[0], "last words");
    ck_assert_int_eq(ops->shutdown(sys, fds[0], SHUT_WR), 0);
    ck_assert_int_eq(send_text(fds[0], "x"), -EPIPE);
    ck_assert_receives(fds[1], "last words");
    ck_assert_int_eq(recv_result(fds[1]), 0);
    ck_assert_int_eq(recv_result(fds[1]), 0);
    ck_assert_int_eq(send_text(fds[1], "answer"), 6);
    ck_assert_receives(fds[0], "answer");
}
END_TEST

START_TEST(a_close_with_nothing_unread_is_an_orderly_end)
{
    int fds[2];
    connect_pair(fds);
    send_text(fds[0], "bye");
    ck_assert_int_eq(ops->close(sys, fds[0]), 0);
    ck_assert_receives(fds[1], "bye");
    ck_assert_int_eq(recv_result(fds[1]), 0);
    ck_assert_int_eq(get_int(fds[1], SOL_SOCKET, SO_ERROR), 0);
}
END_TEST

START_TEST(an_end_from_both_sides_ends_the_connection)
{
    int fds[2];
    Name name;
    socklen_t length = sizeof(name);
    connect_pair(fds);
    send_text(fds[0], "unread");
    ck_assert_int_eq(ops->getpeername(sys, fds[1], &name.any, &length), 0);
    ck_assert_int_eq(ops->shutdown(sys, fds[0], SHUT_WR), 0);
    ck_assert_int_eq(ops->shutdown(sys, fds[1], SHUT_WR), 0);
    length = sizeof(name);
    ck_assert_int_eq(ops->getpeername(sys, fds[1], &name.any, &length), -ENOTCONN);
    ck_assert_int_eq(ops->shutdown(sys, fds[1], SHUT_RD), -ENOTCONN);
    ck_assert_receives(fds[1], "unread");
    ck_assert_int_eq(recv_result(fds[1]), 0);
    ck_assert_int_eq(ops->close(sys, fds[1]), 0);
    ck_assert_int_eq(recv_result(fds[0]), 0);
    ck_assert_int_eq(get_int(fds[0], SOL_SOCKET, SO_ERROR), 0);
}
END_TEST

START_TEST(a_shut_reading_side_delivers_what_is_there_and_then_the_end)
{
    int fds[2];
    connect_pair(fds);
    send_text(fds[0], "before");
    ck_assert_int_eq(ops->shutdown(sys, fds[1], SHUT_RD), 0);
    ck_assert_receives(fds[1], "before");
    ck_assert_int_eq(recv_result(fds[1]), 0);
}
END_TEST

START_TEST(a_nonsensical_shutdown_is_refused)
{
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(ops->shutdown(sys, fds[0], 7), -EINVAL);
}
END_TEST

/* ---- RST ----------------------------------------------------------------------------------- */

START_TEST(after_a_reset_unread_data_comes_first_then_the_error_once_then_the_end)
{
    int fds[2];
    connect_pair(fds);
    send_text(fds[0], "unread");
    close_hard(fds[0]);
    ck_assert_receives(fds[1], "unread");
    ck_assert_int_eq(recv_result(fds[1]), -ECONNRESET);
    ck_assert_int_eq(recv_result(fds[1]), 0);
    ck_assert_int_eq(send_text(fds[1], "x"), -EPIPE);
}
END_TEST

START_TEST(after_a_reset_send_finds_the_error_once_and_then_a_broken_pipe)
{
    int fds[2];
    connect_pair(fds);
    close_hard(fds[0]);
    ck_assert_int_eq(send_text(fds[1], "x"), -ECONNRESET);
    ck_assert_int_eq(send_text(fds[1], "x"), -EPIPE);
    ck_assert_int_eq(recv_result(fds[1]), 0);
}
END_TEST

START_TEST(the_pending_error_is_returned_and_cleared_by_SO_ERROR)
{
    int fds[2];
    connect_pair(fds);
    close_hard(fds[0]);
    ck_assert_int_eq(get_int(fds[1], SOL_SOCKET, SO_ERROR), ECONNRESET);
    ck_assert_int_eq(get_int(fds[1], SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(recv_result(fds[1]), 0);
}
END_TEST

START_TEST(what_is_sent_to_a_closed_end_is_taken_once_and_answered_by_a_reset)
{
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(ops->close(sys, fds[0]), 0);
    ck_assert_int_eq(send_text(fds[1], "into the void"), 13);
    /* Behind FIN the error is EPIPE (tcp_reset in CLOSE_WAIT), and reading knows its end. */
    ck_assert_int_eq(recv_result(fds[1]), 0);
    ck_assert_int_eq(get_int(fds[1], SOL_SOCKET, SO_ERROR), EPIPE);
    ck_assert_int_eq(send_text(fds[1], "x"), -EPIPE);
}
END_TEST

START_TEST(closing_with_unread_input_resets_the_sender)
{
    int fds[2];
    connect_pair(fds);
    send_text(fds[1], "never read");
    send_text(fds[0], "reply");
    ck_assert_int_eq(ops->close(sys, fds[0]), 0);
    ck_assert_receives(fds[1], "reply");
    ck_assert_int_eq(recv_result(fds[1]), -ECONNRESET);
}
END_TEST

START_TEST(input_for_an_end_shut_both_ways_is_answered_by_a_reset)
{
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(ops->shutdown(sys, fds[0], SHUT_RDWR), 0);
    ck_assert_int_eq(send_text(fds[1], "x"), 1);
    ck_assert_int_eq(send_text(fds[1], "x"), -EPIPE);
    ck_assert_int_eq(send_text(fds[0], "x"), -ECONNRESET);
}
END_TEST

START_TEST(a_connection_reset_before_it_is_accepted_is_accepted_all_the_same)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    TorcSimPeer_send(peer, "gone");
    TorcSimPeer_reset(peer);
    int fd = accept_from(listener);
    ck_assert_int_gt(fd, 2);
    ck_assert_receives(fd, "gone");
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
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
          a_name_of_the_wrong_family_or_too_short_is_refused, a_connection_is_made_in_the_next_wait,
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
          a_local_address_can_be_chosen_before_connecting, bytes_arrive_in_order_both_ways,
          a_peek_leaves_the_bytes_where_they_are, a_full_buffer_takes_a_part_and_then_nothing,
          a_buffer_is_64_KiB_unless_said_otherwise,
          gathered_pieces_arrive_as_one_and_are_cut_where_room_ends, a_chunk_size_caps_every_call,
          megabytes_pass_unharmed_through_a_small_buffer,
          the_end_comes_after_what_was_sent_before_it,
          a_close_with_nothing_unread_is_an_orderly_end, an_end_from_both_sides_ends_the_connection,
          a_shut_reading_side_delivers_what_is_there_and_then_the_end,
          a_nonsensical_shutdown_is_refused,
          after_a_reset_unread_data_comes_first_then_the_error_once_then_the_end,
          after_a_reset_send_finds_the_error_once_and_then_a_broken_pipe,
          the_pending_error_is_returned_and_cleared_by_SO_ERROR,
          what_is_sent_to_a_closed_end_is_taken_once_and_answered_by_a_reset,
          closing_with_unread_input_resets_the_sender,
          input_for_an_end_shut_both_ways_is_answered_by_a_reset,
          a_connection_reset_before_it_is_accepted_is_accepted_all_the_same,
          options_are_stored_and_inherited_by_accepted_connections,
          buffer_sizes_are_doubled_and_limited, impossible_options_and_values_are_refused,
          linger_is_stored_as_given, the_nth_call_fails_as_often_as_asked,
          a_rule_without_an_end_lasts_until_it_is_removed, a_failed_call_changes_nothing)
