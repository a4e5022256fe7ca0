/* Descriptors passed over UNIX sockets of the simulated kernel, as far as the differential test
 * cannot see them: faults, peers, circles, the trace, the report. */
#include <fcntl.h>
#include <sys/resource.h>

#include <torc/testing/sim_faults.h>
#include <torc/testing/sim_files.h>
#include <torc/testing/sim_hygiene.h>
#include <torc/testing/sim_trace.h>

#include "sim_unix_fixture.h"

static char report[1000];

/* "text" with a descriptor along; the result of the call. */
static ssize_t pass(int fd, const char *text, int passed)
{
    return ops->sendDescriptor(sys, fd, text, strlen(text), passed);
}

typedef struct Taken {
    ssize_t n;
    char text[1000];
    int fd; /* -1: none */
    bool cut;
} Taken;

static Taken take_with_room(int fd, size_t room)
{
    Taken taken = {.fd = -1};
    size_t count = room;
    taken.n = ops->recvDescriptors(sys, fd, taken.text, sizeof(taken.text) - 1, &taken.fd, &count,
                                   &taken.cut);
    ck_assert(taken.n < 0 || count == (taken.fd >= 0));
    return taken;
}

static Taken take(int fd)
{
    return take_with_room(fd, 1);
}

static void close_fd(int fd)
{
    ck_assert_int_eq(ops->close(sys, fd), 0);
}

static const char *check_report(void)
{
    (void)TorcSim_checkClean(sim, report, sizeof(report));
    return report;
}

/* Nothing is left, in the report, among the descriptors or among the sockets of the world. */
static void assert_all_gone(void)
{
    ck_assert_str_eq(check_report(), "");
    ck_assert_ptr_null(sim->kernel->passed);
    ck_assert_ptr_null(sim->kernel->doomed);
    ck_assert_ptr_null(sim->kernel->home.abstracts);
}

/* ---- the same open file -------------------------------------------------------------------- */

START_TEST(closing_one_number_leaves_the_other)
{
    int fds[2], ends[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    ck_assert_int_eq(pass(fds[0], "x", ends[1]), 1);
    Taken taken = take(fds[1]);
    ck_assert_int_gt(taken.fd, 2);
    close_fd(ends[1]);
    ck_assert_int_eq(ops->write(sys, taken.fd, "hi", 2), 2);
    close_fd(taken.fd);
    char text[3] = "";
    ck_assert_int_eq(ops->read(sys, ends[0], text, 2), 2);
    ck_assert_str_eq(text, "hi");
    ck_assert_int_eq(ops->read(sys, ends[0], text, 2), 0); /* no writer is left */
}
END_TEST

START_TEST(what_is_under_way_is_no_open_descriptor)
{
    int fds[2], ends[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    size_t before = TorcSim_openDescriptors(sim);
    pass(fds[0], "x", ends[1]);
    close_fd(ends[1]);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), before - 1);
    ck_assert_int_gt(take(fds[1]).fd, 2);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), before);
}
END_TEST

START_TEST(chunks_of_one_byte_bring_it_with_the_first)
{
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 1));
    int fds[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(pass(fds[0], "abc", fds[0]), 1);
    ck_assert_int_eq(send_text(fds[0], "bc"), 1);
    Taken first = take(fds[1]);
    Taken second = take(fds[1]);
    ck_assert_str_eq(first.text, "a");
    ck_assert_int_gt(first.fd, 2);
    ck_assert_str_eq(second.text, "b");
    ck_assert(second.fd < 0 && !second.cut);
}
END_TEST

START_TEST(a_full_buffer_takes_no_descriptor)
{
    int fds[2];
    connect_unix_pair(fds);
    (void)fill(fds[0]);
    ck_assert_int_eq(pass(fds[0], "x", fds[0]), -EAGAIN);
    ck_assert_ptr_null(sim->kernel->passed);
}
END_TEST

/* Larger than what one piece of the kernel's holds. */
START_TEST(a_descriptor_stands_before_many_bytes)
{
    static char bytes[60000];
    int fds[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(ops->sendDescriptor(sys, fds[0], bytes, sizeof(bytes), fds[0]), sizeof(bytes));
    ck_assert_int_gt(take(fds[1]).fd, 2);
    size_t left = sizeof(bytes);
    for (ssize_t n; (n = ops->recv(sys, fds[1], bytes, sizeof(bytes), 0)) > 0;)
        left -= (size_t)n;
    ck_assert_uint_eq(left, sizeof(report) - 1); /* what take read */
}
END_TEST

/* ---- faults -------------------------------------------------------------------------------- */

START_TEST(without_a_number_for_it_it_is_lost_and_said_to_be_cut)
{
    int fds[2], ends[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    TorcSim_failCall(sim, TORC_SIM_TAKE_DESCRIPTOR, 1, EMFILE, 1);
    pass(fds[0], "one", ends[1]);
    pass(fds[0], "two", ends[1]);
    Taken first = take(fds[1]);
    ck_assert_str_eq(first.text, "one");
    ck_assert(first.fd < 0 && first.cut);
    Taken second = take(fds[1]);
    ck_assert_str_eq(second.text, "two");
    ck_assert(second.fd > 2 && !second.cut);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_NO_DESCRIPTORS), 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_TAKE_DESCRIPTOR), 2);
}
END_TEST

START_TEST(numbers_run_out_by_chance_too)
{
    int fds[2];
    connect_unix_pair(fds);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.noDescriptors = 10000));
    pass(fds[0], "one", fds[0]);
    ck_assert(take(fds[1]).cut);
}
END_TEST

START_TEST(a_send_that_fails_sends_neither)
{
    int fds[2];
    connect_unix_pair(fds);
    TorcSim_failCall(sim, TORC_SIM_SEND_DESCRIPTOR, 1, ETOOMANYREFS, 1);
    ck_assert_int_eq(pass(fds[0], "x", fds[0]), -ETOOMANYREFS);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, ENOBUFS, 1);
    ck_assert_int_eq(pass(fds[0], "x", fds[0]), -ENOBUFS);
    ck_assert_int_eq(take(fds[1]).n, -EAGAIN);
    ck_assert_int_eq(pass(fds[0], "x", fds[0]), 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_SEND), 3);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_SEND_DESCRIPTOR), 2);
}
END_TEST

START_TEST(a_short_send_takes_it_along_all_the_same)
{
    int fds[2];
    connect_unix_pair(fds);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_SEND, .times = 1, .limit = 2));
    ck_assert_int_eq(pass(fds[0], "hello", fds[0]), 2);
    Taken taken = take(fds[1]);
    ck_assert_str_eq(taken.text, "he");
    ck_assert_int_gt(taken.fd, 2);
}
END_TEST

START_TEST(a_delayed_recv_brings_it_later)
{
    int fds[2];
    connect_unix_pair(fds);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .times = 1, .delay = 1));
    pass(fds[0], "x", fds[0]);
    ck_assert_int_eq(take(fds[1]).n, -EAGAIN);
    TorcSim_advance(sim, 1);
    ck_assert_int_gt(take(fds[1]).fd, 2);
}
END_TEST

/* ---- peers --------------------------------------------------------------------------------- */

START_TEST(a_peer_gets_the_bytes_and_drops_the_descriptor)
{
    TorcSimPeer *peer;
    int ends[2];
    int fd = connect_peer_unix(&peer);
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    pass(fd, "with", ends[1]);
    close_fd(ends[1]);
    ck_assert_str_eq(TorcSimPeer_received(peer), "with");
    char byte;
    ck_assert_int_eq(ops->read(sys, ends[0], &byte, 1), 0);
}
END_TEST

START_TEST(a_peer_that_does_not_read_keeps_it_under_way)
{
    TorcSimPeer *peer;
    int ends[2];
    int fd = connect_peer_unix(&peer);
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    pass(fd, "with", ends[1]);
    pass(fd, "with", fd);
    close_fd(ends[0]);
    close_fd(ends[1]);
    close_fd(fd);
    ck_assert_str_eq(check_report(), "descriptor under way: socket, connected\n"
                                     "descriptor under way: pipe, writing end\n");
    ck_assert(!TorcSimPeer_gotEnd(peer)); /* the socket is still open */
    TorcSimPeer_close(peer);
    TorcSim_removeFile(sim, "/run/server");
    assert_all_gone();
}
END_TEST

/* ---- circles ------------------------------------------------------------------------------- */

START_TEST(a_socket_sent_to_itself_goes_with_its_last_descriptor)
{
    int fds[2];
    connect_unix_pair(fds);
    pass(fds[0], "self", fds[1]);
    close_fd(fds[1]);
    ck_assert_ptr_null(sim->kernel->passed);
    ck_assert_int_eq(take(fds[0]).n, -ECONNRESET); /* it was closed with input unread */
    close_fd(fds[0]);
    assert_all_gone();
}
END_TEST

START_TEST(two_sockets_on_their_way_to_each_other_go_together)
{
    int fds[2];
    connect_unix_pair(fds);
    pass(fds[0], "x", fds[0]);
    pass(fds[1], "x", fds[1]);
    close_fd(fds[0]);
    ck_assert_str_eq(check_report(), "descriptor 1000005: socket, connected\n"
                                     "descriptor under way: socket, connected\n"
                                     "descriptor under way: socket, connected\n");
    close_fd(fds[1]);
    assert_all_gone();
}
END_TEST

START_TEST(one_that_can_still_be_received_stays_with_all_it_leads_to)
{
    int a[2], b[2];
    connect_unix_pair(a);
    connect_unix_pair(b);
    pass(b[0], "self", b[1]);  /* into its own input */
    pass(a[0], "other", b[1]); /* and to somebody who reads */
    close_fd(b[1]);
    Taken again = take(a[1]);
    ck_assert_int_gt(again.fd, 2);
    Taken itself = take(again.fd);
    ck_assert_str_eq(itself.text, "self");
    close_fd(again.fd);
    ck_assert_int_eq(send_text(b[0], "x"), 1); /* the last number is itself's */
    close_fd(itself.fd);
    ck_assert_int_eq(send_text(b[0], "x"), -EPIPE);
}
END_TEST

START_TEST(a_circle_goes_when_the_message_that_led_to_it_is_dropped)
{
    int a[2], b[2];
    connect_unix_pair(a);
    connect_unix_pair(b);
    pass(b[0], "self", b[1]);
    pass(a[0], "other", b[1]);
    close_fd(b[1]);
    ck_assert_receives(a[1], "other"); /* no room for it */
    ck_assert_ptr_null(sim->kernel->passed);
    ck_assert_int_eq(send_text(b[0], "x"), -EPIPE);
}
END_TEST

/* Each is on its way to the next: the collector must not look at all of them once for each. */
START_TEST(a_long_chain_is_built_and_goes_quickly)
{
    enum { LENGTH = 2000 };
    int next[2], fds[2];
    connect_unix_pair(next);
    int last = next[1];
    for (int i = 0; i < LENGTH; i++) {
        connect_unix_pair(fds);
        pass(next[0], "x", fds[1]);
        close_fd(next[0]);
        close_fd(fds[1]);
        next[0] = fds[0];
    }
    ck_assert_ptr_nonnull(sim->kernel->passed);
    close_fd(last);
    ck_assert_int_eq(send_text(next[0], "x"), -EPIPE);
    close_fd(next[0]);
    assert_all_gone();
}
END_TEST

START_TEST(a_listener_sent_over_a_connection_that_waits_at_it_goes_with_it)
{
    int listener = listen_unix("/run/l");
    int fd = open_socket(AF_UNIX);
    ck_assert_int_eq(connect_unix(fd, "/run/l"), 0);
    pass(fd, "you", listener);
    close_fd(listener);
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
    close_fd(fd);
    TorcSim_removeFile(sim, "/run/l");
    assert_all_gone();
}
END_TEST

START_TEST(a_listener_with_a_descriptor_keeps_what_waits_at_it)
{
    int listener = listen_unix("/run/l");
    int fd = open_socket(AF_UNIX);
    ck_assert_int_eq(connect_unix(fd, "/run/l"), 0);
    pass(fd, "me", fd);
    close_fd(fd);
    int accepted = accept_from(listener);
    Taken taken = take(accepted);
    ck_assert_str_eq(taken.text, "me");
    ck_assert_int_eq(send_text(taken.fd, "x"), 1);
}
END_TEST

/* Each is in the input of the next: one call for each would need more than this stack. */
START_TEST(a_long_chain_goes_at_once)
{
    enum { LENGTH = 5000, STACK = 256 * 1024 };
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &before), 0);
    int first[2], last[2];
    connect_unix_pair(first);
    for (int i = 0; i < LENGTH; i++) {
        connect_unix_pair(last);
        ck_assert_int_eq(pass(last[0], "x", first[1]), 1);
        close_fd(first[0]);
        close_fd(first[1]);
        first[0] = last[0];
        first[1] = last[1];
    }
    const struct rlimit little = {.rlim_cur = STACK, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &little), 0);
    close_fd(last[0]);
    close_fd(last[1]);
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &before), 0);
    ck_assert_ptr_null(sim->kernel->passed);
}
END_TEST

/* ---- the trace ----------------------------------------------------------------------------- */

START_TEST(the_trace_shows_what_becomes_of_each)
{
    int fds[2];
    connect_unix_pair(fds);
    TorcSim_setTraceSize(sim, 100);
    TorcSim_failCall(sim, TORC_SIM_TAKE_DESCRIPTOR, 2, EMFILE, 1);
    for (int i = 0; i < 3; i++)
        pass(fds[0], "take", fds[0]);
    (void)take(fds[1]);
    (void)take(fds[1]);
    (void)recv_result(fds[1]);
    ck_assert_str_eq(TorcSim_trace(sim),
                     "0.000000000 sendDescriptor(1000004, 4, 1000004) = 4 \"take\"\n"
                     "0.000000000 sendDescriptor(1000004, 4, 1000004) = 4 \"take\"\n"
                     "0.000000000 sendDescriptor(1000004, 4, 1000004) = 4 \"take\"\n"
                     "0.000000000 recvDescriptors(1000005, 999) = 4 \"take\"\n"
                     "0.000000000 takeDescriptor(1000005) = 1000003\n"
                     "0.000000000 recvDescriptors(1000005, 999) = 4 \"take\"\n"
                     "0.000000000 fault: takeDescriptor(1000005) EMFILE is made to fail\n"
                     "0.000000000 takeDescriptor(1000005) = EMFILE\n"
                     "0.000000000 recv(1000005, 4095) = 4 \"take\"\n"
                     "0.000000000 dropDescriptor(1000005) = 0\n");
}
END_TEST

RUN_SUITE("sim_passed", closing_one_number_leaves_the_other,
          what_is_under_way_is_no_open_descriptor, chunks_of_one_byte_bring_it_with_the_first,
          a_full_buffer_takes_no_descriptor, a_descriptor_stands_before_many_bytes,
          without_a_number_for_it_it_is_lost_and_said_to_be_cut, numbers_run_out_by_chance_too,
          a_send_that_fails_sends_neither, a_short_send_takes_it_along_all_the_same,
          a_delayed_recv_brings_it_later, a_peer_gets_the_bytes_and_drops_the_descriptor,
          a_peer_that_does_not_read_keeps_it_under_way,
          a_socket_sent_to_itself_goes_with_its_last_descriptor,
          two_sockets_on_their_way_to_each_other_go_together,
          one_that_can_still_be_received_stays_with_all_it_leads_to,
          a_circle_goes_when_the_message_that_led_to_it_is_dropped,
          a_long_chain_is_built_and_goes_quickly,
          a_listener_sent_over_a_connection_that_waits_at_it_goes_with_it,
          a_listener_with_a_descriptor_keeps_what_waits_at_it, a_long_chain_goes_at_once,
          the_trace_shows_what_becomes_of_each)
