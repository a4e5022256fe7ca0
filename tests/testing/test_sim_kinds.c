/* Datagram sockets and pipes of the simulated kernel, as far as the differential test cannot see them:
 * what a simulation alone has, and that every kind of descriptor meets it. */
#include <limits.h>

#include "sim_fixture.h"

static int open_datagram(const char *literal, uint16_t port)
{
    int fd = ops->socket(sys, AF_INET, SOCK_DGRAM);
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(bind_to(fd, literal, port), 0);
    return fd;
}

static ssize_t send_to(int fd, const char *text, const char *literal, uint16_t port)
{
    Name name = name_of(literal, port);
    return ops->sendto(sys, fd, text, strlen(text), &name.any, name_length(&name));
}

static unsigned told;

static void note(int fd, short ready, void *arg)
{
    (void)fd;
    (void)arg;
    told |= (unsigned)ready & (TORC_READABLE | TORC_WRITABLE);
}

/* ---- datagrams ----------------------------------------------------------------------------- */

START_TEST(a_datagram_that_finds_the_buffer_full_is_lost)
{
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 8));
    int a = open_datagram("127.0.0.1", 5300);
    int b = open_datagram("127.0.0.1", 5301);
    ck_assert_int_eq(send_to(b, "12345", "127.0.0.1", 5300), 5);
    ck_assert_int_eq(send_to(b, "lost", "127.0.0.1", 5300), 4);
    ck_assert_int_eq(send_to(b, "678", "127.0.0.1", 5300), 3);
    ck_assert_receives(a, "12345");
    ck_assert_receives(a, "678");
    ck_assert_int_eq(recv_result(a), -EAGAIN);
}
END_TEST

START_TEST(a_black_hole_swallows_datagrams_without_a_word)
{
    int a = open_datagram("0.0.0.0", 5300);
    TorcSim_blackHole(sim, "127.0.0.9");
    ck_assert_int_eq(connect_to(a, "127.0.0.9", 5301), 0);
    ck_assert_int_eq(send_text(a, "x"), 1);
    ck_assert_int_eq(get_int(a, SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(connect_to(a, "127.0.0.8", 5301), 0);
    ck_assert_int_eq(send_text(a, "x"), 1);
    ck_assert_int_eq(get_int(a, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
}
END_TEST

START_TEST(reuseport_datagram_sockets_share_what_arrives)
{
    int fds[2];
    int counts[2] = {0};
    for (int i = 0; i < 2; i++) {
        fds[i] = ops->socket(sys, AF_INET, SOCK_DGRAM);
        ck_assert_int_eq(set_int(fds[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        ck_assert_int_eq(bind_to(fds[i], "127.0.0.1", 5300), 0);
    }
    int sender = open_datagram("127.0.0.1", 0);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(send_to(sender, "x", "127.0.0.1", 5300), 1);
    for (int i = 0; i < 2; i++)
        while (recv_result(fds[i]) == 1)
            counts[i]++;
    ck_assert_int_eq(counts[0] + counts[1], 64);
    ck_assert_int_gt(counts[0], 8);
    ck_assert_int_gt(counts[1], 8);
}
END_TEST

START_TEST(the_chunk_size_does_not_cut_datagrams)
{
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 1));
    int a = open_datagram("127.0.0.1", 5300);
    ck_assert_int_eq(send_to(a, "whole", "127.0.0.1", 5300), 5);
    ck_assert_receives(a, "whole");
}
END_TEST

START_TEST(unread_datagrams_end_with_their_socket)
{
    int a = open_datagram("127.0.0.1", 5300);
    ck_assert_int_eq(send_to(a, "x", "127.0.0.1", 5300), 1);
    ck_assert_int_eq(ops->close(sys, a), 0);
    ck_assert_int_eq(recv_result(open_datagram("127.0.0.1", 5300)), -EAGAIN);
}
END_TEST

/* ---- pipes --------------------------------------------------------------------------------- */

START_TEST(the_chunk_size_cuts_reads_of_a_pipe_and_the_rest_is_an_edge)
{
    int ends[2];
    char bytes[10];
    TorcWatch watch = {0};
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 2));
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    ck_assert_int_eq(ops->watch(sys, &watch, ends[0], TORC_READABLE | TORC_EDGE, note, NULL), 0);
    ck_assert_int_eq(ops->write(sys, ends[1], "abc", 3), 3);
    look_around();
    told = 0;
    ck_assert_int_eq(ops->read(sys, ends[0], bytes, sizeof(bytes)), 2);
    look_around();
    ck_assert_uint_eq(told, TORC_READABLE);
    ops->unwatch(sys, &watch);
}
END_TEST

START_TEST(a_small_write_to_a_pipe_is_whole_whatever_the_chunk_size)
{
    static const char block[PIPE_BUF + 1];
    int ends[2];
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 2));
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    ck_assert_int_eq(ops->write(sys, ends[1], block, PIPE_BUF), PIPE_BUF);
    ck_assert_int_eq(ops->write(sys, ends[1], block, PIPE_BUF + 1), 2);
}
END_TEST

START_TEST(faults_strike_pipes_and_datagrams_too)
{
    int ends[2];
    char byte;
    int a = open_datagram("127.0.0.1", 5300);
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    ck_assert_int_eq(ops->write(sys, ends[1], "x", 1), 1);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EIO, 2);
    ck_assert_int_eq(ops->read(sys, ends[0], &byte, 1), -EIO);
    ck_assert_int_eq(recv_result(a), -EIO);
    ck_assert_int_eq(ops->read(sys, ends[0], &byte, 1), 1);
    TorcSim_failCall(sim, TORC_SIM_SOCKET, 1, EMFILE, 1);
    ck_assert_int_eq(ops->pipe(sys, ends), -EMFILE);
}
END_TEST

START_TEST(both_ends_of_a_pipe_are_descriptors)
{
    int ends[2];
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    ck_assert_int_eq(ends[1], ends[0] + 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 2);
    ck_assert_int_eq(ops->close(sys, ends[1]), 0);
    ck_assert_int_eq(ops->close(sys, ends[0]), 0);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

RUN_SUITE("sim_kinds", a_datagram_that_finds_the_buffer_full_is_lost,
          a_black_hole_swallows_datagrams_without_a_word,
          reuseport_datagram_sockets_share_what_arrives, the_chunk_size_does_not_cut_datagrams,
          unread_datagrams_end_with_their_socket,
          the_chunk_size_cuts_reads_of_a_pipe_and_the_rest_is_an_edge,
          a_small_write_to_a_pipe_is_whole_whatever_the_chunk_size,
          faults_strike_pipes_and_datagrams_too, both_ends_of_a_pipe_are_descriptors)
