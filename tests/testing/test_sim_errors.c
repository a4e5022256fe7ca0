/* Which errors a scripted kernel answers with: each by rule, and each by chance, at every call that
 * it can happen to. */
#include "sim_fixture.h"

#include <math.h>

#include <torc/reactor/errors.h>
#include <torc/testing/sim_faults.h>

/* ---- by rule ------------------------------------------------------------------------------- */

typedef struct ByRule {
    TorcSimCall call;
    int error;
    TorcSimFaultKind kind; /* what it counts as */
} ByRule;

static const ByRule by_rule[] = {
    {TORC_SIM_RECV, EAGAIN, TORC_SIM_AGAIN},
    {TORC_SIM_RECV, EINTR, TORC_SIM_INTERRUPT},
    {TORC_SIM_RECV, ECONNRESET, TORC_SIM_OTHER_ERROR},
    {TORC_SIM_RECV, ETIMEDOUT, TORC_SIM_OTHER_ERROR},
    {TORC_SIM_RECV, ENOMEM, TORC_SIM_NO_MEMORY},
    {TORC_SIM_SEND, EAGAIN, TORC_SIM_AGAIN},
    {TORC_SIM_SEND, EINTR, TORC_SIM_INTERRUPT},
    {TORC_SIM_SEND, ECONNRESET, TORC_SIM_OTHER_ERROR},
    {TORC_SIM_SEND, EPIPE, TORC_SIM_OTHER_ERROR},
    {TORC_SIM_SEND, ENOBUFS, TORC_SIM_NO_BUFFERS},
    {TORC_SIM_ACCEPT, EAGAIN, TORC_SIM_AGAIN},
    {TORC_SIM_ACCEPT, ECONNABORTED, TORC_SIM_OTHER_ERROR},
    {TORC_SIM_ACCEPT, EMFILE, TORC_SIM_NO_DESCRIPTORS},
    {TORC_SIM_ACCEPT, ENFILE, TORC_SIM_NO_DESCRIPTORS},
    {TORC_SIM_ACCEPT, ENOBUFS, TORC_SIM_NO_BUFFERS},
    {TORC_SIM_SOCKET, EMFILE, TORC_SIM_NO_DESCRIPTORS},
    {TORC_SIM_SOCKET, ENOBUFS, TORC_SIM_NO_BUFFERS},
    {TORC_SIM_OPEN_SPARE, EMFILE, TORC_SIM_NO_DESCRIPTORS},
};

enum { RULES = sizeof(by_rule) / sizeof(by_rule[0]) };

static long call_once(TorcSimCall call, int listener, int connected)
{
    switch (call) {
    case TORC_SIM_RECV: return recv_result(connected);
    case TORC_SIM_SEND: return send_text(connected, "x");
    case TORC_SIM_ACCEPT: return accept_from(listener);
    case TORC_SIM_SOCKET: return ops->socket(sys, AF_INET, SOCK_STREAM);
    default: return ops->openSpare(sys);
    }
}

START_TEST(each_error_by_rule_comes_once_and_the_next_call_succeeds)
{
    for (size_t i = 0; i < RULES; i++) {
        const ByRule *rule = &by_rule[i];
        TorcSimPeer *peer;
        begin_again(TORC_SIM_OPTIONS(.seed = 1));
        int listener = listen_on("127.0.0.1", 8881, 5);
        ck_assert_ptr_nonnull(TorcSim_connect(sim, 8881));
        int connected = connect_peer_to(&peer);
        TorcSimPeer_send(peer, "y");
        TorcSim_addFault(sim, TORC_SIM_FAULT(.call = rule->call, .times = 1, .error = rule->error));
        ck_assert_int_eq(call_once(rule->call, listener, connected), -rule->error);
        ck_assert_int_gt(call_once(rule->call, listener, connected), 0);
        ck_assert_uint_eq(TorcSim_countFaults(sim, rule->kind), 1);
        ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), 1);
    }
}
END_TEST

/* ---- by chance ----------------------------------------------------------------------------- */

enum { CERTAIN = 10000, DRAWS = 64 };

static void no_watch(int fd, short ready, void *arg)
{
    (void)fd;
    (void)ready;
    (void)arg;
}

static int try_socket(void)
{
    return ops->socket(sys, AF_INET, SOCK_STREAM);
}

/* Nothing is there to be accepted: what comes is the fault's. */
static int listener;

static int try_accept(void)
{
    return accept_from(listener);
}

static int connected;

static int try_recv(void)
{
    return (int)recv_result(connected);
}

static int try_send(void)
{
    return (int)send_text(connected, "x");
}

static int try_connect(void)
{
    static int fresh = -1;
    fresh = open_socket(AF_INET);
    int r = connect_to(fresh, "127.0.0.1", 8881);
    ck_assert_int_eq(ops->close(sys, fresh), 0);
    return r;
}

static int try_setsockopt(void)
{
    return set_int(connected, SOL_SOCKET, SO_KEEPALIVE, 1);
}

static int try_watch(void)
{
    static TorcWatch watch;
    memset(&watch, 0, sizeof(watch));
    return ops->watch(sys, &watch, connected, TORC_READABLE, no_watch, NULL);
}

static int try_submit(void)
{
    return ops->submit(sys, NULL);
}

static int try_spare(void)
{
    return ops->openSpare(sys);
}

typedef struct ByChance {
    TorcSimFaults faults;
    int (*call)(void);
    int errors[4]; /* one of these each time, and each of them sooner or later */
} ByChance;

#define CHANCE(...)                                                                                \
    {                                                                                              \
        .size = sizeof(TorcSimFaults), __VA_ARGS__                                                 \
    }

static const ByChance by_chance[] = {
    {CHANCE(.again = CERTAIN), try_recv, {EAGAIN}},
    {CHANCE(.interrupt = CERTAIN), try_recv, {EINTR}},
    {CHANCE(.again = CERTAIN), try_send, {EAGAIN}},
    {CHANCE(.interrupt = CERTAIN), try_send, {EINTR}},
    {CHANCE(.noBuffers = CERTAIN), try_send, {ENOBUFS, ENOMEM}},
    {CHANCE(.again = CERTAIN), try_accept, {EAGAIN}},
    {CHANCE(.noDescriptors = CERTAIN), try_accept, {EMFILE, ENFILE}},
    {CHANCE(.noBuffers = CERTAIN), try_accept, {ENOBUFS, ENOMEM}},
    {CHANCE(.noDescriptors = CERTAIN), try_socket, {EMFILE, ENFILE}},
    {CHANCE(.noBuffers = CERTAIN), try_socket, {ENOBUFS, ENOMEM}},
    {CHANCE(.noDescriptors = CERTAIN), try_spare, {EMFILE, ENFILE}},
    {CHANCE(.interrupt = CERTAIN), try_connect, {EINTR}},
    {CHANCE(.unreachable = CERTAIN), try_connect, {ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL}},
    {CHANCE(.noMemory = CERTAIN), try_watch, {ENOMEM}},
    {CHANCE(.noThread = CERTAIN), try_submit, {EAGAIN}},
};

enum { CHANCES = sizeof(by_chance) / sizeof(by_chance[0]) };

static size_t place_of(const int errors[4], int error)
{
    size_t i = 0;
    while (i < 4 && errors[i] != error)
        i++;
    return i;
}

static void check_chance(const ByChance *chance)
{
    unsigned seen[4] = {0};
    TorcSim_setFaults(sim, &chance->faults);
    for (int i = 0; i < DRAWS; i++) {
        size_t place = place_of(chance->errors, -chance->call());
        ck_assert_uint_lt(place, 4);
        seen[place]++;
    }
    for (size_t i = 0; i < 4; i++)
        ck_assert(chance->errors[i] == 0 || seen[i] > 0);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), DRAWS);
}

START_TEST(each_error_by_chance_comes_as_often_as_it_is_certain)
{
    for (size_t i = 0; i < CHANCES; i++) {
        TorcSimPeer *peer;
        begin_again(TORC_SIM_OPTIONS(.seed = i + 1));
        connected = connect_peer_to(&peer);
        listener = listen_on("127.0.0.1", 8881, 5);
        TorcSimPeer_send(peer, "y");
        check_chance(&by_chance[i]);
    }
}
END_TEST

START_TEST(setsockopt_does_not_fail_by_chance)
{
    TorcSimPeer *peer;
    connected = connect_peer_to(&peer);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.noMemory = CERTAIN));
    ck_assert_int_eq(try_setsockopt(), 0);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), 0);
}
END_TEST

START_TEST(a_reset_by_chance_is_ECONNRESET_to_recv_and_send_and_EPIPE_from_then_on)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.reset = CERTAIN));
    ck_assert_int_eq(recv_result(fd), -ECONNRESET);
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
    ck_assert(TorcSimPeer_gotReset(peer));
    fd = connect_peer_to(&peer);
    ck_assert_int_eq(send_text(fd, "x"), -ECONNRESET);
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
    ck_assert(TorcSimPeer_gotReset(peer));
}
END_TEST

/* tcp_reset of Linux: in CLOSE_WAIT the error is EPIPE. */
START_TEST(a_reset_by_chance_behind_the_peers_end_is_EPIPE_at_once)
{
    TorcSimPeer *peer;
    int fd = connect_peer_to(&peer);
    TorcSimPeer_shutdown(peer);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.reset = CERTAIN));
    ck_assert_int_eq(send_text(fd, "x"), -EPIPE);
}
END_TEST

static int answer_code;

static void note_answer(void *arg, const TorcLookupResult *result)
{
    (void)arg;
    answer_code = result->code;
}

START_TEST(a_name_is_unknown_by_chance)
{
    TorcLookup *lookup;
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.noName = CERTAIN));
    ck_assert_int_eq(ops->lookup(sys, "localhost", 1, note_answer, NULL, &lookup), 0);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(answer_code, -TORC_ELOOKUP);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_NO_NAME), 1);
}
END_TEST

START_TEST(a_delay_by_chance_is_over_after_the_longest_at_most)
{
    double shortest = INFINITY;
    double longest = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        TorcSimPeer *peer;
        begin_again(TORC_SIM_OPTIONS(.seed = seed));
        int fd = connect_peer_to(&peer);
        TorcSimPeer_send(peer, "y");
        TorcSim_setFaults(sim, TORC_SIM_FAULTS(.delay = CERTAIN, .longestDelay = 0.5));
        ck_assert_int_eq(recv_result(fd), -EAGAIN);
        ck_assert(TorcSim_runUntilIdle(sim, 0.5));
        ck_assert_int_eq(recv_result(fd), 1);
        shortest = fmin(shortest, TorcSim_seconds(sim));
        longest = fmax(longest, TorcSim_seconds(sim));
    }
    ck_assert_double_lt(shortest, 0.1);
    ck_assert_double_gt(longest, 0.4);
}
END_TEST

RUN_SUITE("sim_errors", each_error_by_rule_comes_once_and_the_next_call_succeeds,
          each_error_by_chance_comes_as_often_as_it_is_certain, setsockopt_does_not_fail_by_chance,
          a_reset_by_chance_is_ECONNRESET_to_recv_and_send_and_EPIPE_from_then_on,
          a_reset_by_chance_behind_the_peers_end_is_EPIPE_at_once, a_name_is_unknown_by_chance,
          a_delay_by_chance_is_over_after_the_longest_at_most)
