/* Waiting for what must come: no longer than needed, and with a report when it does not. */
#include "sim_fixture.h"

#include <unistd.h>

#include <torc/protocols/line_receiver.h>
#include <torc/reactor/delayed_call.h>
#include <torc/testing/sim_expect.h>
#include <torc/testing/sim_seeds.h>
#include <torc/transports/tcp.h>
#include <torc/transports/transport.h>

/* ---- a server that answers after a second ---------------------------------------------------- */

typedef struct Slow {
    TorcProtocol base;
    char order[16];
} Slow;

static void obey(void *arg)
{
    Slow *self = arg;
    if (strcmp(self->order, "end") == 0)
        TorcTransport_loseConnection(self->base.transport);
    else if (strcmp(self->order, "reset") == 0)
        TorcTransport_abortConnection(self->base.transport);
    else
        TorcTransport_printf(self->base.transport, "you said %s\r\n", self->order);
}

static void slow_dataReceived(TorcProtocol *base, const void *data, size_t length)
{
    Slow *self = (Slow *)base;
    (void)snprintf(self->order, sizeof(self->order), "%.*s", (int)length, (const char *)data);
    TorcCall call = {.size = sizeof(call), .function = obey, .arg = self, .protocol = base};
    TorcReactor_callLaterWith(TorcTransport_getReactor(base->transport), 1.0, &call, NULL);
}

static const TorcProtocolClass slow_class = {
    TORC_PROTOCOL_CLASS("slow", Slow),
    .dataReceived = slow_dataReceived,
};

static TorcSimPeer *connect_and_say(const char *text)
{
    TorcFactory *factory = TorcFactory_forProtocol(&slow_class);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), 8881, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    TorcSimPeer_send(peer, text);
    return peer;
}

/* ---- stderr ---------------------------------------------------------------------------------- */

static FILE *caught;

static void catch_stderr(void)
{
    caught = tmpfile();
    ck_assert_ptr_nonnull(caught);
    fflush(stderr);
    ck_assert_int_ge(dup2(fileno(caught), STDERR_FILENO), 0);
}

static const char *caught_text(void)
{
    static char text[20000];
    fflush(stderr);
    rewind(caught);
    text[fread(text, 1, sizeof(text) - 1, caught)] = '\0';
    return text;
}

#define ck_assert_told(part) ck_assert_ptr_nonnull(strstr(caught_text(), part))

/* ---- what comes ------------------------------------------------------------------------------ */

START_TEST(what_comes_is_taken_off_and_no_time_is_lost)
{
    TorcSimPeer *peer = connect_and_say("hi");
    ck_assert(TorcSimPeer_expect(peer, "you said ", 10));
    ck_assert_double_eq(TorcSim_seconds(sim), 1.0);
    ck_assert(TorcSimPeer_expect(peer, "hi\r\n", 10));
    ck_assert_double_eq(TorcSim_seconds(sim), 1.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    ck_assert_ptr_null(TorcSim_failure(sim));
}
END_TEST

START_TEST(a_text_is_found_in_the_middle_and_what_follows_stays)
{
    TorcSimPeer *peer = connect_and_say("hi");
    ck_assert(TorcSimPeer_expectText(peer, "said", 10));
    ck_assert_str_eq(TorcSimPeer_received(peer), " hi\r\n");
}
END_TEST

START_TEST(the_end_and_a_reset_are_awaited)
{
    ck_assert(TorcSimPeer_expectEnd(connect_and_say("end"), 10));
    begin_again(TORC_SIM_OPTIONS(.seed = 1));
    ck_assert(TorcSimPeer_expectReset(connect_and_say("reset"), 10));
}
END_TEST

START_TEST(silence_lasts_its_whole_time)
{
    TorcSimPeer *peer = connect_and_say("hi");
    ck_assert(TorcSimPeer_expectSilence(peer, 0.9));
    ck_assert_double_eq(TorcSim_seconds(sim), 0.9);
    catch_stderr();
    ck_assert(!TorcSimPeer_expectSilence(peer, 0.9));
    ck_assert_double_eq(TorcSim_seconds(sim), 1.0);
}
END_TEST

START_TEST(a_connection_is_awaited)
{
    int fd = open_socket(AF_INET);
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 79), 0);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 79), -EINPROGRESS);
    ck_assert_ptr_nonnull(TorcSim_expectConnection(sim, 79, 1));
    catch_stderr();
    ck_assert_ptr_null(TorcSim_expectConnection(sim, 79, 1));
    ck_assert_told("awaited a connection to port 79 within 1 s");
}
END_TEST

static bool at_two(void *arg)
{
    return TorcSim_seconds(arg) >= 2.0;
}

static void nothing(void *arg)
{
    (void)arg;
}

START_TEST(a_predicate_is_asked_after_each_thing_that_happens)
{
    for (int i = 1; i <= 5; i++)
        TorcReactor_callLater(TorcSim_reactor(sim), i * 0.8, nothing, NULL, NULL);
    ck_assert(!TorcSim_runUntil(sim, at_two, sim, 1.5));
    ck_assert_double_eq(TorcSim_seconds(sim), 1.5);
    ck_assert(TorcSim_runUntil(sim, at_two, sim, 10));
    ck_assert_double_eq_tol(TorcSim_seconds(sim), 2.4, 1e-9);
}
END_TEST

/* ---- what does not --------------------------------------------------------------------------- */

START_TEST(something_else_fails_at_once_and_is_shown)
{
    TorcSimPeer *peer = connect_and_say("hi");
    catch_stderr();
    ck_assert(!TorcSimPeer_expect(peer, "you said ho\r\n", 10));
    ck_assert_double_eq(TorcSim_seconds(sim), 1.0);
    ck_assert_told("awaited next \"you said ho\\r\\n\" within 10 s");
    ck_assert_told("received \"you said hi\\r\\n\" (13 bytes)");
    ck_assert_told("peer 1 receives 13 \"you said hi\\r\\n\"");
    ck_assert_told("TORC_SIM_SEED=1\n");
    ck_assert_ptr_nonnull(strstr(TorcSim_failure(sim), "awaited next"));
    ck_assert_str_eq(TorcSimPeer_received(peer), "you said hi\r\n");
}
END_TEST

START_TEST(bytes_may_be_zero)
{
    TorcSimPeer *peer = connect_and_say("hi");
    ck_assert(TorcSimPeer_expectBytes(peer, "you", 3, 10));
    ck_assert(TorcSimPeer_expectBytes(peer, "", 0, 10));
    catch_stderr();
    ck_assert(!TorcSimPeer_expectBytes(peer, " \0said", 6, 10));
    ck_assert_told("awaited next \" \\x00said\" within 10 s");
    ck_assert_str_eq(TorcSimPeer_received(peer), " said hi\r\n");
}
END_TEST

START_TEST(nothing_at_all_fails_when_the_time_is_over)
{
    TorcSimPeer *peer = connect_and_say("");
    catch_stderr();
    ck_assert(!TorcSimPeer_expect(peer, "hello", 10));
    ck_assert_double_eq(TorcSim_seconds(sim), 10.0);
    ck_assert_told("received \"\" (0 bytes)");
}
END_TEST

START_TEST(an_end_before_all_came_fails_at_once)
{
    TorcSimPeer *peer = connect_and_say("end");
    catch_stderr();
    ck_assert(!TorcSimPeer_expect(peer, "hello", 10));
    ck_assert_double_eq(TorcSim_seconds(sim), 1.0);
    ck_assert_told("then the end");
}
END_TEST

START_TEST(bytes_before_the_end_that_nobody_expected_fail)
{
    TorcSimPeer *peer = connect_and_say("hi");
    catch_stderr();
    ck_assert(!TorcSimPeer_expectEnd(peer, 10));
    ck_assert_told("awaited the end within 10 s; received \"you said hi\\r\\n\"");
}
END_TEST

START_TEST(of_several_failures_the_first_is_told)
{
    catch_stderr();
    ck_assert(!TorcSim_fail(sim, "first %d", 1));
    ck_assert(!TorcSim_fail(sim, "second"));
    ck_assert_told("seed 1 failed at 0.000000000 s: first 1\n");
    ck_assert_ptr_null(strstr(caught_text(), "second"));
    ck_assert_str_eq(TorcSim_failure(sim), "first 1");
}
END_TEST

static bool is_true(void *arg)
{
    return *(bool *)arg;
}

static void make_true(void *arg)
{
    *(bool *)arg = true;
}

START_TEST(what_a_predicate_asks_for_is_awaited)
{
    bool there = false;
    TorcReactor_callLater(TorcSim_reactor(sim), 2.0, make_true, &there, NULL);
    ck_assert(TorcSim_expectThat(sim, is_true, &there, 5, "it"));
    ck_assert_double_eq(TorcSim_seconds(sim), 2.0);
    ck_assert_ptr_null(TorcSim_failure(sim));
}
END_TEST

START_TEST(what_a_predicate_asks_for_in_vain_is_told_with_what_is_there)
{
    bool there = false;
    TorcReactor_callLater(TorcSim_reactor(sim), 8.0, make_true, &there, NULL);
    catch_stderr();
    ck_assert(!TorcSim_expectThat(sim, is_true, &there, 5, "two users in the room"));
    ck_assert_told(
        "failed at 5.000000000 s: awaited two users in the room within 5 s; still there:\n"
        "delayed call in 3.000000000 s\n");
    ck_assert_told("the end of the trace:\n");
}
END_TEST

START_TEST(where_nothing_is_left_the_report_says_so)
{
    bool there = false;
    catch_stderr();
    ck_assert(!TorcSim_expectThat(sim, is_true, &there, 5, "it"));
    ck_assert_told("awaited it within 5 s; still there: nothing\n");
}
END_TEST

static void tick(void *arg)
{
    TorcReactor_callLater(arg, 0.5, tick, arg, NULL);
}

START_TEST(quiet_is_awaited_and_its_absence_told)
{
    bool there = false;
    TorcReactor_callLater(TorcSim_reactor(sim), 0.5, make_true, &there, NULL);
    ck_assert(TorcSim_expectIdle(sim, 5));
    ck_assert(there);
    tick(TorcSim_reactor(sim));
    catch_stderr();
    ck_assert(!TorcSim_expectIdle(sim, 5));
    ck_assert_told("awaited that all is quiet within 5 s; still there:\ndelayed call in ");
}
END_TEST

RUN_SUITE("sim_expect", what_comes_is_taken_off_and_no_time_is_lost,
          a_text_is_found_in_the_middle_and_what_follows_stays, the_end_and_a_reset_are_awaited,
          silence_lasts_its_whole_time, a_connection_is_awaited,
          a_predicate_is_asked_after_each_thing_that_happens,
          something_else_fails_at_once_and_is_shown, bytes_may_be_zero,
          nothing_at_all_fails_when_the_time_is_over, an_end_before_all_came_fails_at_once,
          bytes_before_the_end_that_nobody_expected_fail, of_several_failures_the_first_is_told,
          what_a_predicate_asks_for_is_awaited,
          what_a_predicate_asks_for_in_vain_is_told_with_what_is_there,
          where_nothing_is_left_the_report_says_so, quiet_is_awaited_and_its_absence_told)
