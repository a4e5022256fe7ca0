/* System calls that go wrong: by rule, by chance, and what is left when faults stop. */
#include <fcntl.h>

#include "sim_unix_fixture.h"

#include <torc/protocols/echo.h>
#include <torc/reactor/errors.h>
#include <torc/reactor/threads.h>
#include <torc/testing/sim_expect.h>
#include <torc/testing/sim_faults.h>
#include <torc/testing/sim_trace.h>
#include <torc/transports/tcp.h>

static int told; /* calls of note_ready */
static short told_ready;

static void note_ready(int fd, short ready, void *arg)
{
    (void)fd;
    (void)arg;
    told++;
    told_ready = (short)(ready & ~TORC_EDGE);
}

static void watch(TorcWatch *watch, int fd, unsigned interest)
{
    memset(watch, 0, sizeof(*watch));
    ck_assert_int_eq(ops->watch(sys, watch, fd, interest, note_ready, NULL), 0);
    told = 0;
}

/* Lets virtual time pass without the reactor. */
static void pass(int64_t nanoseconds)
{
    int64_t until = ops->now(sys) + nanoseconds;
    while (ops->now(sys) < until)
        ck_assert_int_eq(ops->wait(sys, until), 0);
}

static void serve_echo(int port)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), port, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
}

/* ---- rules --------------------------------------------------------------------------------- */

START_TEST(the_third_recv_on_a_port_returns_one_byte)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .port = port_of(fd), .nth = 3,
                                         .times = 1, .limit = 1));
    for (int i = 1; i <= 4; i++) {
        TorcSimPeer_send(peer, "abc");
        ck_assert_int_eq(recv_result(fd), i == 3 ? 1 : i == 4 ? 5 : 3);
    }
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_SHORT_IO), 1);
}
END_TEST

START_TEST(a_rule_for_another_port_does_not_strike_and_does_not_count)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    unsigned rule = TorcSim_addFault(
        sim, TORC_SIM_FAULT(.call = TORC_SIM_SEND, .port = port_of(fd) + 1, .error = EPIPE));
    ck_assert_int_eq(send_text(fd, "x"), 1);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), 0);
    ck_assert(TorcSim_removeFault(sim, rule));
    ck_assert(!TorcSim_removeFault(sim, rule));
}
END_TEST

START_TEST(a_rule_for_another_host_does_not_strike)
{
    TorcSimHost *far = TorcSim_addHost(sim, "far", NULL);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcReactor *reactor = TorcSimHost_reactor(far);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_SOCKET, .host = far, .error = EMFILE));
    ck_assert_int_gt(ops->socket(sys, AF_INET, SOCK_STREAM), 2);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 8881, factory, NULL, NULL), -EMFILE);
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(several_rules_strike_one_after_the_other)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    unsigned first = TorcSim_addFault(
        sim, TORC_SIM_FAULT(.call = TORC_SIM_SEND, .nth = 2, .times = 1, .error = ENOBUFS));
    TorcSim_addFault(sim,
                     TORC_SIM_FAULT(.call = TORC_SIM_SEND, .nth = 2, .times = 1, .error = ENOMEM));
    ck_assert_int_eq(send_text(fd, "x"), 1);
    ck_assert_int_eq(send_text(fd, "x"), -ENOBUFS);
    ck_assert_int_eq(send_text(fd, "x"), -ENOMEM);
    ck_assert_int_eq(send_text(fd, "x"), 1);
    ck_assert(!TorcSim_removeFault(sim, first)); /* used up */
}
END_TEST

START_TEST(the_short_form_replaces_its_own_rule_only)
{
    TorcSim_addFault(
        sim, TORC_SIM_FAULT(.call = TORC_SIM_SOCKET, .nth = 2, .times = 1, .error = ENFILE));
    TorcSim_failCall(sim, TORC_SIM_SOCKET, 1, EMFILE, 0);
    TorcSim_failCall(sim, TORC_SIM_SOCKET, 1, ENOMEM, 1);
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_STREAM), -ENOMEM);
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_STREAM), -ENFILE);
    ck_assert_int_gt(ops->socket(sys, AF_INET, SOCK_STREAM), 2);
}
END_TEST

/* Its other rules have struck already. */
static void pass_a_descriptor_in_vain(void)
{
    char byte;
    int taken;
    size_t count = 1;
    bool cut = false;
    int fds[2];
    connect_unix_pair(fds);
    ck_assert_int_eq(ops->sendDescriptor(sys, fds[0], "x", 1, fds[0]), -EIO);
    ck_assert_int_eq(ops->sendDescriptor(sys, fds[0], "x", 1, fds[0]), 1);
    ck_assert_int_eq(ops->recvDescriptors(sys, fds[1], &byte, 1, &taken, &count, &cut), 1);
    ck_assert(cut && count == 0);
    ck_assert_int_eq(ops->close(sys, fds[0]), 0);
    ck_assert_int_eq(ops->close(sys, fds[1]), 0);
}

START_TEST(every_kind_of_call_can_fail)
{
    TorcWatch one = {0};
    TorcLookup *lookup;
    TorcFileStatus status;
    int fd = open_socket(AF_INET);
    int file = ops->open(sys, "/f", O_RDWR | O_CREAT, 0600);
    for (int call = 0; call < TORC_SIM_CALLS; call++)
        TorcSim_addFault(sim, TORC_SIM_FAULT(.call = (TorcSimCall)call, .times = 1, .error = EIO));
    ck_assert_int_eq(ops->socket(sys, AF_INET, SOCK_STREAM), -EIO);
    ck_assert_int_eq(bind_to(fd, "127.0.0.1", 79), -EIO);
    ck_assert_int_eq(ops->listen(sys, fd, 1), -EIO);
    ck_assert_int_eq(accept_from(fd), -EIO);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 79), -EIO);
    ck_assert_int_eq(recv_result(fd), -EIO);
    ck_assert_int_eq(send_text(fd, "x"), -EIO);
    ck_assert_int_eq(ops->wait(sys, 0), -EIO);
    ck_assert_int_eq(ops->shutdown(sys, fd, SHUT_WR), -EIO);
    ck_assert_int_eq(set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1), -EIO);
    ck_assert_int_eq(ops->watch(sys, &one, fd, TORC_READABLE, note_ready, NULL), -EIO);
    ck_assert_int_eq(ops->lookup(sys, "localhost", 1, NULL, NULL, &lookup), -EIO);
    ck_assert_int_eq(ops->submit(sys, NULL), -EIO);
    ck_assert_int_eq(ops->openSpare(sys), -EIO);
    ck_assert_int_eq(ops->open(sys, "/f", O_RDONLY, 0), -EIO);
    ck_assert_int_eq(ops->read(sys, file, &status, 1), -EIO);
    ck_assert_int_eq(ops->write(sys, file, "x", 1), -EIO);
    ck_assert_int_eq(ops->unlink(sys, "/f"), -EIO);
    ck_assert_int_eq(ops->chmod(sys, "/f", 0), -EIO);
    ck_assert_int_eq(ops->stat(sys, "/f", &status), -EIO);
    ck_assert_int_eq(ops->lock(sys, file), -EIO);
    ck_assert_int_eq(ops->duplicate(sys, fd), -EIO);
    ck_assert_int_eq(ops->close(sys, fd), -EIO);
    pass_a_descriptor_in_vain();
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_OTHER_ERROR), TORC_SIM_CALLS);
    ck_assert_int_eq(ops->close(sys, file), 0);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0); /* closed all the same */
}
END_TEST

START_TEST(an_interrupted_accept_is_repeated_below_the_code_under_test)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 8881));
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_ACCEPT, .error = EINTR));
    ck_assert_int_gt(accept_from(listener), 2);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_INTERRUPT), 1);
}
END_TEST

START_TEST(an_interrupted_connect_goes_on_in_the_background)
{
    listen_on("127.0.0.1", 8881, 5);
    int fd = open_socket(AF_INET);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_CONNECT, .times = 1, .error = EINTR));
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINTR);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EALREADY);
    look_around();
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(send_text(fd, "x"), 1);
}
END_TEST

START_TEST(an_interrupted_wait_is_over)
{
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_WAIT, .times = 1, .error = EINTR));
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(ops->now(sys), 0);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(ops->now(sys), TORC__SECOND);
}
END_TEST

START_TEST(an_invented_EAGAIN_is_followed_by_a_fresh_edge)
{
    TorcSimPeer *peer;
    TorcWatch one;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "x");
    watch(&one, fd, TORC_READABLE | TORC_EDGE);
    look_around();
    ck_assert_int_eq(told, 1);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .times = 1, .error = EAGAIN));
    ck_assert_int_eq(recv_result(fd), -EAGAIN);
    look_around();
    ck_assert_int_eq(told, 2);
    ck_assert_int_eq(recv_result(fd), 1);
    ops->unwatch(sys, &one);
}
END_TEST

/* ---- resets -------------------------------------------------------------------------------- */

START_TEST(an_injected_reset_is_seen_at_both_ends)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "abc");
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .times = 1, .reset = true));
    ck_assert_receives(fd, "abc"); /* it had arrived before */
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_RESET), 1);
}
END_TEST

START_TEST(a_reset_of_what_is_not_connected_does_nothing)
{
    int fd = open_socket(AF_INET);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .reset = true));
    ck_assert_int_eq(recv_result(fd), -ENOTCONN);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_RESET), 0);
}
END_TEST

/* ---- delays -------------------------------------------------------------------------------- */

static void add_delay(TorcSimCall call)
{
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = call, .times = 1, .delay = 2.0));
}

static void check_delayed_recv(unsigned edge)
{
    TorcSimPeer *peer;
    TorcWatch one;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "abc");
    watch(&one, fd, TORC_READABLE | edge);
    look_around();
    ck_assert_int_eq(told, 1);
    add_delay(TORC_SIM_RECV);
    ck_assert_int_eq(recv_result(fd), -EAGAIN);
    TorcSimPeer_send(peer, "def");
    TorcSimPeer_shutdown(peer);
    pass(2 * TORC__SECOND - 1);
    ck_assert_int_eq(told, 1); /* neither the bytes nor the end */
    ck_assert_int_eq(recv_result(fd), -EAGAIN);
    pass(1);
    look_around();
    ck_assert_int_ge(told, 2);
    ck_assert_receives(fd, "abcdef");
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_DELAY), 1);
    ops->unwatch(sys, &one);
}

START_TEST(a_delayed_recv_finds_nothing_and_then_gets_an_edge)
{
    check_delayed_recv(TORC_EDGE | TORC_CLOSED);
}
END_TEST

START_TEST(by_level_a_delayed_recv_is_not_readable_until_it_is_over)
{
    check_delayed_recv(0);
}
END_TEST

START_TEST(a_delay_of_one_direction_leaves_the_other_alone)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "abc");
    add_delay(TORC_SIM_SEND);
    ck_assert_int_eq(send_text(fd, "x"), -EAGAIN);
    ck_assert_receives(fd, "abc");
    pass(2 * TORC__SECOND);
    ck_assert_int_eq(send_text(fd, "x"), 1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "x");
}
END_TEST

START_TEST(every_call_can_be_delayed_and_succeeds_all_the_same)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_SEND, .delay = 1.0));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(send_text(fd, "x"), -EAGAIN);
        pass(TORC__SECOND);
        ck_assert_int_eq(send_text(fd, "x"), 1);
    }
}
END_TEST

START_TEST(a_descriptor_can_be_closed_during_a_delay)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    add_delay(TORC_SIM_RECV);
    add_delay(TORC_SIM_SEND);
    ck_assert_int_eq(recv_result(fd), -EAGAIN);
    ck_assert_int_eq(send_text(fd, "x"), -EAGAIN);
    ck_assert_int_eq(ops->close(sys, fd), 0);
    pass(3 * TORC__SECOND);
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_delayed_accept_keeps_the_connection_waiting)
{
    int listener = listen_on("127.0.0.1", 8881, 5);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 8881));
    add_delay(TORC_SIM_ACCEPT);
    ck_assert_int_eq(accept_from(listener), -EAGAIN);
    pass(2 * TORC__SECOND);
    ck_assert_int_gt(accept_from(listener), 2);
}
END_TEST

START_TEST(a_delayed_connect_takes_so_much_longer)
{
    TorcWatch one;
    listen_on("127.0.0.1", 8881, 5);
    int fd = open_socket(AF_INET);
    add_delay(TORC_SIM_CONNECT);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 8881), -EINPROGRESS);
    watch(&one, fd, TORC_WRITABLE);
    pass(2 * TORC__SECOND - 1);
    ck_assert_int_eq(told, 0);
    pass(1);
    look_around();
    ck_assert_int_ge(told, 1);
    ops->unwatch(sys, &one);
}
END_TEST

static TorcLookupResult answer;
static double answered_at;

static void note_answer(void *arg, const TorcLookupResult *result)
{
    (void)arg;
    answer = *result;
    answered_at = TorcSim_seconds(sim);
}

START_TEST(a_look_up_can_be_delayed_and_can_find_nothing)
{
    TorcLookup *lookup;
    add_delay(TORC_SIM_LOOKUP);
    TorcSim_addFault(
        sim, TORC_SIM_FAULT(.call = TORC_SIM_LOOKUP, .nth = 2, .times = 1, .error = TORC_ELOOKUP));
    ck_assert_int_eq(ops->lookup(sys, "localhost", 1, note_answer, NULL, &lookup), 0);
    pass(3 * TORC__SECOND);
    ck_assert_int_eq(answer.code, 0);
    ck_assert_double_eq(answered_at, 2.001);
    ck_assert_int_eq(ops->lookup(sys, "localhost", 1, note_answer, NULL, &lookup), 0);
    pass(TORC__SECOND);
    ck_assert_int_eq(answer.code, -TORC_ELOOKUP);
    ck_assert_uint_eq(answer.count, 0);
}
END_TEST

static void note_time(void *arg)
{
    *(double *)arg = TorcSim_seconds(sim);
}

START_TEST(a_delayed_job_takes_so_much_longer)
{
    double done_at = 0;
    add_delay(TORC_SIM_SUBMIT);
    ck_assert_int_eq(TorcReactor_callInThread(TorcSim_reactor(sim), note_time, &done_at), 0);
    TorcSim_advance(sim, 3);
    ck_assert_double_eq(done_at, 2.001);
}
END_TEST

/* ---- chances ------------------------------------------------------------------------------- */

/* One conversation with an echo server; what the peer got back is left in it. */
static TorcSimPeer *talk(const char *text, int times)
{
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    ck_assert_ptr_nonnull(peer);
    for (int i = 0; i < times; i++) {
        TorcSimPeer_send(peer, text);
        TorcSim_advance(sim, 0.01);
    }
    return peer;
}

START_TEST(short_EAGAIN_and_EINTR_lose_no_byte)
{
    char wanted[2001] = "";
    serve_echo(8881);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 3000, .again = 2000, .interrupt = 2000,
                                           .delay = 500, .longestDelay = 0.005));
    TorcSimPeer *peer = talk("0123456789", 200);
    TorcSim_stopFaults(sim);
    TorcSim_advance(sim, 0);
    for (int i = 0; i < 200; i++)
        memcpy(wanted + 10 * i, "0123456789", 10);
    ck_assert_str_eq(TorcSimPeer_received(peer), wanted);
    for (TorcSimFaultKind kind = TORC_SIM_SHORT_IO; kind <= TORC_SIM_DELAY; kind++)
        ck_assert_uint_gt(TorcSim_countFaults(sim, kind), 0);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_RESET), 0);
}
END_TEST

START_TEST(a_certain_short_transfer_moves_at_least_one_byte_and_not_all)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 10000));
    for (int i = 0; i < 200; i++) {
        TorcSimPeer_send(peer, "0123456789");
        ssize_t n = recv_result(fd);
        ck_assert_int_ge(n, 1);
        ck_assert_int_le(n, 9);
        TorcSim_setFaults(sim, NULL);
        ck_assert_int_eq(recv_result(fd), 10 - n);
        TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 10000));
        n = send_text(fd, "0123456789");
        ck_assert_int_ge(n, 1);
        ck_assert_int_le(n, 9);
    }
    ck_assert_int_eq(send_text(fd, "x"), 1); /* a single byte cannot be cut */
}
END_TEST

START_TEST(what_had_nothing_to_cut_was_not_cut)
{
    TorcSimPeer *peer;
    int ends[2];
    int fd = connect_peer_to(&peer);
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 10000));
    ck_assert_int_eq(recv_result(fd), -EAGAIN);
    TorcSimPeer_send(peer, "x");
    ck_assert_int_eq(recv_result(fd), 1);
    ck_assert_int_eq(send_text(fd, "x"), 1);
    ck_assert_int_eq(ops->write(sys, ends[1], "whole", 5), 5); /* PIPE_BUF */
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), 0);
    ck_assert_ptr_null(strstr(TorcSim_trace(sim), "fault"));
    char text[5];
    ck_assert_int_lt(ops->read(sys, ends[0], text, 5), 5);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_SHORT_IO), 1);
}
END_TEST

START_TEST(a_limit_that_is_not_reached_does_not_count)
{
    TorcSimPeer *peer;
    char text[8];
    int fd = connect_peer_to(&peer);
    int file = ops->open(sys, "/f", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(ops->write(sys, file, "abcd", 4), 4);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .limit = 4));
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_READ_FILE, .limit = 4));
    TorcSimPeer_send(peer, "abcd");
    ck_assert_int_eq(recv_result(fd), 4);
    ck_assert_int_eq(ops->pread(sys, file, text, sizeof(text), 0), 4);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), 0);
    TorcSimPeer_send(peer, "abcde");
    ck_assert_int_eq(recv_result(fd), 4);
    ck_assert_int_eq(ops->write(sys, file, "e", 1), 1);
    ck_assert_int_eq(ops->pread(sys, file, text, sizeof(text), 0), 4);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_SHORT_IO), 2);
}
END_TEST

START_TEST(chances_strike_about_as_often_as_they_should)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.again = 1000, .interrupt = 100));
    for (int i = 0; i < 20000; i++)
        (void)recv_result(fd);
    ck_assert_uint_ge(TorcSim_countFaults(sim, TORC_SIM_AGAIN), 1800);
    ck_assert_uint_le(TorcSim_countFaults(sim, TORC_SIM_AGAIN), 2200);
    ck_assert_uint_ge(TorcSim_countFaults(sim, TORC_SIM_INTERRUPT), 130);
    ck_assert_uint_le(TorcSim_countFaults(sim, TORC_SIM_INTERRUPT), 270);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT),
                      TorcSim_countFaults(sim, TORC_SIM_AGAIN) +
                          TorcSim_countFaults(sim, TORC_SIM_INTERRUPT));
}
END_TEST

START_TEST(without_chances_nothing_is_drawn)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    uint64_t before = sim->kernel->random;
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .nth = 50, .error = EINTR));
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.noName = 10000));
    for (int i = 0; i < 60; i++)
        (void)recv_result(fd);
    ck_assert_uint_eq(sim->kernel->random, before);
}
END_TEST

START_TEST(a_server_survives_resets_and_lack_of_everything_and_serves_on)
{
    serve_echo(8881);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.reset = 500, .noDescriptors = 2000, .noBuffers = 1000,
                                           .noMemory = 500, .again = 500));
    for (int i = 0; i < 50; i++)
        (void)talk("hello", 5);
    ck_assert_uint_gt(TorcSim_countFaults(sim, TORC_SIM_RESET), 0);
    ck_assert_uint_gt(TorcSim_countFaults(sim, TORC_SIM_NO_DESCRIPTORS), 0);
    ck_assert_uint_gt(TorcSim_countFaults(sim, TORC_SIM_NO_BUFFERS), 0);
    ck_assert_uint_gt(TorcSim_countFaults(sim, TORC_SIM_NO_MEMORY), 0);
    TorcSim_stopFaults(sim);
    uint64_t before = TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT);
    TorcSim_advance(sim, 5);
    ck_assert(TorcSimPeer_expect(talk("still there?", 1), "still there?", 1));
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), before);
}
END_TEST

START_TEST(stopping_ends_delays_however_long)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_send(peer, "abc");
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .delay = 1e9));
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, EPIPE, 0);
    ck_assert_int_eq(recv_result(fd), -EAGAIN);
    TorcSim_stopFaults(sim);
    ck_assert_receives(fd, "abc");
    ck_assert_int_eq(send_text(fd, "x"), 1);
}
END_TEST

/* ---- misuse -------------------------------------------------------------------------------- */

START_TEST(a_fault_without_an_effect_is_fatal)
{
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV));
}
END_TEST

START_TEST(a_fault_with_two_effects_is_fatal)
{
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_RECV, .limit = 1, .error = EINTR));
}
END_TEST

START_TEST(a_limit_for_what_moves_no_bytes_is_fatal)
{
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_BIND, .limit = 1));
}
END_TEST

START_TEST(a_delay_for_what_cannot_wait_is_fatal)
{
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_BIND, .delay = 1));
}
END_TEST

START_TEST(chances_beyond_certainty_are_fatal)
{
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.again = 6000, .shortIO = 4001));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_third_recv_on_a_port_returns_one_byte,
        a_rule_for_another_port_does_not_strike_and_does_not_count,
        a_rule_for_another_host_does_not_strike,
        several_rules_strike_one_after_the_other,
        the_short_form_replaces_its_own_rule_only,
        every_kind_of_call_can_fail,
        an_interrupted_accept_is_repeated_below_the_code_under_test,
        an_interrupted_connect_goes_on_in_the_background,
        an_interrupted_wait_is_over,
        an_invented_EAGAIN_is_followed_by_a_fresh_edge,
        an_injected_reset_is_seen_at_both_ends,
        a_reset_of_what_is_not_connected_does_nothing,
        a_delayed_recv_finds_nothing_and_then_gets_an_edge,
        by_level_a_delayed_recv_is_not_readable_until_it_is_over,
        a_delay_of_one_direction_leaves_the_other_alone,
        every_call_can_be_delayed_and_succeeds_all_the_same,
        a_descriptor_can_be_closed_during_a_delay,
        a_delayed_accept_keeps_the_connection_waiting,
        a_delayed_connect_takes_so_much_longer,
        a_look_up_can_be_delayed_and_can_find_nothing,
        a_delayed_job_takes_so_much_longer,
        short_EAGAIN_and_EINTR_lose_no_byte,
        a_certain_short_transfer_moves_at_least_one_byte_and_not_all,
        what_had_nothing_to_cut_was_not_cut,
        a_limit_that_is_not_reached_does_not_count,
        chances_strike_about_as_often_as_they_should,
        without_chances_nothing_is_drawn,
        a_server_survives_resets_and_lack_of_everything_and_serves_on,
        stopping_ends_delays_however_long,
        NULL,
    };
    const TTest *const fatal[] = {
        a_fault_without_an_effect_is_fatal,       a_fault_with_two_effects_is_fatal,
        a_limit_for_what_moves_no_bytes_is_fatal, a_delay_for_what_cannot_wait_is_fatal,
        chances_beyond_certainty_are_fatal,       NULL,
    };
    return run_suite(&(TestSuite){"sim_faults", begin, end, tests, fatal});
}
