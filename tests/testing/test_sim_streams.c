/* What stream sockets of the simulated kernel carry, through the TorcSystem table: bytes, FIN and
 * RST, as with Linux. */
#include "sim_fixture.h"

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

RUN_SUITE("sim_streams", bytes_arrive_in_order_both_ways, a_peek_leaves_the_bytes_where_they_are,
          a_full_buffer_takes_a_part_and_then_nothing, a_buffer_is_64_KiB_unless_said_otherwise,
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
          a_connection_reset_before_it_is_accepted_is_accepted_all_the_same)
