/* Peers: what a test can do by hand at the far end of a connection. */
#include "sim_fixture.h"

START_TEST(a_peer_receives_at_once)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    send_text(fd, "hello, ");
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello, ");
    send_text(fd, "peer");
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello, peer");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 11);
    TorcSimPeer_clear(peer);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    send_text(fd, "again");
    ck_assert_str_eq(TorcSimPeer_received(peer), "again");
}
END_TEST

START_TEST(received_bytes_may_be_any)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    ck_assert_int_eq(ops->send(sys, fd, "a\0b", 3), 3);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 3);
    ck_assert_mem_eq(TorcSimPeer_received(peer), "a\0b", 4);
}
END_TEST

START_TEST(a_peer_sends_at_once)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "one ");
    TorcSimPeer_sendBytes(peer, "two!", 3);
    TorcSimPeer_sendBytes(peer, NULL, 0);
    ck_assert_receives(fd, "one two");
}
END_TEST

START_TEST(what_finds_no_room_follows_by_itself)
{
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 4));
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "12345");
    TorcSimPeer_send(peer, "67890");
    TorcSimPeer_shutdown(peer);
    ck_assert_receives(fd, "1234");
    ck_assert_receives(fd, "5678");
    ck_assert_receives(fd, "90");
    ck_assert_int_eq(recv_result(fd), 0);
}
END_TEST

START_TEST(a_peer_that_does_not_read_lets_the_buffer_fill)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_stopReading(peer);
    ck_assert_uint_eq(fill(fd), 64 * 1024);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 0);
    TorcSimPeer_startReading(peer);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 64 * 1024);
    ck_assert_int_eq(send_text(fd, "x"), 1);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 64 * 1024 + 1);
}
END_TEST

START_TEST(a_peer_that_reads_never_fills_the_buffer)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    static char block[100000];
    ck_assert_int_eq(ops->send(sys, fd, block, sizeof(block)), 64 * 1024);
    ck_assert_int_eq(ops->send(sys, fd, block, sizeof(block)), 64 * 1024);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 128 * 1024);
}
END_TEST

START_TEST(the_other_sides_end_is_seen_behind_its_bytes)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_stopReading(peer);
    send_text(fd, "bye");
    ck_assert_int_eq(ops->shutdown(sys, fd, SHUT_WR), 0);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    TorcSimPeer_startReading(peer);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    TorcSimPeer_send(peer, "still here");
    ck_assert_receives(fd, "still here");
}
END_TEST

START_TEST(the_other_sides_reset_is_seen_also_when_not_reading)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_stopReading(peer);
    close_hard(fd);
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert(!TorcSimPeer_gotEnd(peer));
    TorcSimPeer_send(peer, "into the void"); /* lost without a word */
}
END_TEST

START_TEST(a_half_closed_peer_goes_on_reading)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "question");
    TorcSimPeer_shutdown(peer);
    TorcSimPeer_shutdown(peer);
    ck_assert_receives(fd, "question");
    ck_assert_int_eq(recv_result(fd), 0);
    send_text(fd, "answer");
    ck_assert_int_eq(ops->close(sys, fd), 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer");
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_closed_peer_answers_later_input_with_a_reset)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "bye");
    TorcSimPeer_close(peer);
    TorcSimPeer_close(peer);
    ck_assert_receives(fd, "bye");
    ck_assert_int_eq(recv_result(fd), 0);
    ck_assert_int_eq(send_text(fd, "too late"), 8);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), EPIPE);
}
END_TEST

START_TEST(a_peer_that_closes_with_unread_input_resets)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_stopReading(peer);
    send_text(fd, "unread");
    TorcSimPeer_close(peer);
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
}
END_TEST

START_TEST(a_closing_peer_still_delivers_what_it_sent)
{
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 4));
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "12345678");
    TorcSimPeer_close(peer);
    ck_assert_receives(fd, "1234");
    ck_assert_receives(fd, "5678");
    ck_assert_int_eq(recv_result(fd), 0);
}
END_TEST

START_TEST(input_for_a_closing_peer_resets_and_loses_what_it_had_to_send)
{
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 4));
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "12345678");
    TorcSimPeer_close(peer);
    send_text(fd, "x");
    ck_assert_receives(fd, "1234");
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
}
END_TEST

START_TEST(a_reset_leaves_readable_what_had_arrived)
{
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 4));
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "12345678");
    TorcSimPeer_reset(peer);
    TorcSimPeer_reset(peer);
    ck_assert_receives(fd, "1234");
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
    ck_assert_int_eq(recv_result(fd), 0);
}
END_TEST

/* ---- connecting ---------------------------------------------------------------------------- */

START_TEST(peers_reach_every_kind_of_local_listener)
{
    listen_on("0.0.0.0", 1, 5);
    listen_on("::", 2, 5);
    listen_on("127.0.0.1", 3, 5);
    listen_on("::1", 4, 5);
    listen_on("192.0.2.9", 5, 5);
    for (int port = 1; port <= 4; port++)
        ck_assert_ptr_nonnull(TorcSim_connect(sim, port));
    ck_assert_ptr_null(TorcSim_connect(sim, 5));
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "203.0.113.1", "192.0.2.9", 5));
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "203.0.113.1", "192.0.2.8", 5));
    ck_assert_ptr_nonnull(TorcSim_connectFrom(sim, "2001:db8::1", "2001:db8::2", 2));
}
END_TEST

START_TEST(impossible_addresses_are_refused)
{
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "nonsense", "127.0.0.1", 1));
    ck_assert_int_eq(errno, TORC_ENOTADDRESS);
    ck_assert_ptr_null(TorcSim_connectFrom(sim, "::1", "127.0.0.1", 1));
    ck_assert_int_eq(errno, EAFNOSUPPORT);
    ck_assert_ptr_null(TorcSim_connect(sim, 65536));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(TorcSim_listen(sim, "nonsense", 1), -TORC_ENOTADDRESS);
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 0), -EINVAL);
}
END_TEST

START_TEST(connections_to_a_peers_port_are_accepted_by_hand)
{
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.1", 79), 0);
    ck_assert_ptr_null(TorcSim_accept(sim, 79));
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fd, "192.0.2.1", 79), -EINPROGRESS);
    ck_assert_ptr_null(TorcSim_accept(sim, 79));
    look_around();
    send_text(fd, "early");
    TorcSimPeer *peer = TorcSim_accept(sim, 79);
    ck_assert_ptr_nonnull(peer);
    ck_assert_str_eq(TorcSimPeer_received(peer), "early");
    TorcSimPeer_send(peer, "welcome");
    ck_assert_receives(fd, "welcome");
    ck_assert_ptr_null(TorcSim_accept(sim, 79));
}
END_TEST

START_TEST(several_addresses_of_one_port_are_accepted_in_order)
{
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.1", 79), 0);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.2", 79), 0);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.2", 79), -EADDRINUSE);
    static const char *const targets[] = {"192.0.2.2", "192.0.2.1", "192.0.2.2"};
    for (int i = 0; i < 3; i++) {
        int fd = open_socket(AF_INET);
        connect_to(fd, targets[i], 79);
        look_around();
        send_text(fd, (char[]){(char)('a' + i), '\0'});
    }
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(TorcSimPeer_received(TorcSim_accept(sim, 79)),
                         ((char[]){(char)('a' + i), '\0'}));
}
END_TEST

START_TEST(a_peers_port_at_home_takes_the_number)
{
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 79), 0);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.1", 80), 0);
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(bind_to(fd, "0.0.0.0", 79), -EADDRINUSE);
    ck_assert_int_eq(bind_to(fd, "0.0.0.0", 80), 0);
}
END_TEST

START_TEST(peers_are_not_counted_among_descriptors)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
    ck_assert_int_eq(ops->close(sys, fd), 0);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

/* ---- misuse -------------------------------------------------------------------------------- */

START_TEST(sending_after_a_shutdown_is_fatal)
{
    TorcSimPeer *peer;
    connect_peer_to(&peer);
    TorcSimPeer_shutdown(peer);
    TorcSimPeer_send(peer, "x");
}
END_TEST

START_TEST(a_peer_that_is_not_there_is_fatal)
{
    TorcSimPeer_send(TorcSim_connect(sim, 8881), "x");
}
END_TEST

START_TEST(closing_a_watched_descriptor_is_fatal)
{
    static TorcWatch watch;
    int fd = listen_on("127.0.0.1", 0, 1);
    ops->watch(sys, &watch, fd, TORC_READABLE, NULL, NULL);
    ops->close(sys, fd);
}
END_TEST

START_TEST(a_negative_duration_is_fatal)
{
    TorcSim_setJobDelay(sim, -1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_peer_receives_at_once,
        received_bytes_may_be_any,
        a_peer_sends_at_once,
        what_finds_no_room_follows_by_itself,
        a_peer_that_does_not_read_lets_the_buffer_fill,
        a_peer_that_reads_never_fills_the_buffer,
        the_other_sides_end_is_seen_behind_its_bytes,
        the_other_sides_reset_is_seen_also_when_not_reading,
        a_half_closed_peer_goes_on_reading,
        a_closed_peer_answers_later_input_with_a_reset,
        a_peer_that_closes_with_unread_input_resets,
        a_closing_peer_still_delivers_what_it_sent,
        input_for_a_closing_peer_resets_and_loses_what_it_had_to_send,
        a_reset_leaves_readable_what_had_arrived,
        peers_reach_every_kind_of_local_listener,
        impossible_addresses_are_refused,
        connections_to_a_peers_port_are_accepted_by_hand,
        several_addresses_of_one_port_are_accepted_in_order,
        a_peers_port_at_home_takes_the_number,
        peers_are_not_counted_among_descriptors,
        NULL,
    };
    const TTest *const fatal[] = {
        sending_after_a_shutdown_is_fatal,
        a_peer_that_is_not_there_is_fatal,
        closing_a_watched_descriptor_is_fatal,
        a_negative_duration_is_fatal,
        NULL,
    };
    return run_suite(&(TestSuite){"sim_peer", begin, end, tests, fatal});
}
