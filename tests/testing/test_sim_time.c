/* The clocks of a simulation, and how far they are made to run. */
#include "network_fixture.h"

/* ---- the clocks ---------------------------------------------------------------------------- */

START_TEST(time_does_not_go_backwards)
{
    advance(5);
    static const double bad[] = {-1, -1e-9, NAN, -INFINITY};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(TorcSim_advance(sim, bad[i]), -EINVAL);
    ck_assert_time(TorcSim_seconds(sim), 5);
}
END_TEST

static int calls;

static void count_call(void *arg)
{
    (void)arg;
    calls++;
}

START_TEST(the_date_is_set_and_jumps_and_nothing_else_does) /* TIME-3, BUG-42 */
{
    ck_assert_double_eq(TorcSim_wallTime(sim), 1704067200.0); /* 2024-01-01 */
    calls = 0;
    TorcReactor_callLater(TorcSim_reactor(sim), 100, count_call, NULL, NULL);
    advance(60);
    ck_assert_double_eq(TorcSim_wallTime(sim), 1704067260.0);
    ck_assert_int_eq(TorcSim_setWallTime(sim, 2000000000.5), 0);
    advance(1);
    ck_assert_double_eq(TorcSim_wallTime(sim), 2000000001.5);
    ck_assert_time(TorcSim_seconds(sim), 61);
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(TorcSim_setWallTime(sim, 0), 0); /* before the simulation began, so to speak */
    advance(39);
    ck_assert_double_eq(TorcSim_wallTime(sim), 39);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(TorcSim_setWallTime(sim, -1), -EINVAL);
    ck_assert_int_eq(TorcSim_setWallTime(sim, NAN), -EINVAL);
    ck_assert_int_eq(TorcSim_setWallTime(sim, 1e300), -EINVAL);
    ck_assert_double_eq(TorcSim_wallTime(sim), 39);
}
END_TEST

static bool is_answered(void *arg)
{
    return answered >= *(size_t *)arg;
}

START_TEST(run_until_stops_at_the_moment_it_is_true)
{
    size_t enough = 4;
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    say("ping");
    ck_assert(TorcSim_runUntil(sim, is_answered, &enough, 60));
    ck_assert_time(TorcSim_seconds(sim), 10.1);
    ck_assert(TorcSim_runUntil(sim, is_answered, &enough, 60)); /* at once */
    ck_assert_time(TorcSim_seconds(sim), 10.1);
}
END_TEST

START_TEST(run_until_gives_up_at_its_limit)
{
    size_t too_much = 5;
    set_links(client, server, TORC_SIM_LINK(.latency = 0.05));
    connect_talker();
    say("ping");
    ck_assert(!TorcSim_runUntil(sim, is_answered, &too_much, 60));
    ck_assert_time(TorcSim_seconds(sim), 70);
    ck_assert_uint_eq(answered, 4);
}
END_TEST

START_TEST(run_until_idle_waits_for_the_network_and_not_for_timeouts)
{
    calls = 0;
    set_links(client, server, TORC_SIM_LINK(.latency = 3));
    listen_with(server, ECHO_PORT, &torc_echo_class);
    TorcReactor_callLater(TorcSimHost_reactor(server), 3600, count_call, NULL, NULL);
    talk(client, "server", ECHO_PORT);
    ck_assert(TorcSim_runUntilIdle(sim, 60));
    ck_assert_int_eq(mades, 1);
    ck_assert_time(TorcSim_seconds(sim), 9.001); /* a look-up, and one and a half round trips */
    say("ping");
    ck_assert(TorcSim_runUntilIdle(sim, 60));
    ck_assert_time(TorcSim_seconds(sim), 15.001);
    ck_assert_str_eq(answer, "ping");
    ck_assert_int_eq(calls, 0);
}
END_TEST

static void call_again(void *arg)
{
    calls++;
    TorcReactor_callLater(arg, 0.75, call_again, arg, NULL);
}

START_TEST(run_until_idle_waits_for_calls_that_are_near)
{
    calls = 0;
    TorcReactor *reactor = TorcSimHost_reactor(server);
    TorcReactor_callLater(reactor, 1, count_call, NULL, NULL);
    TorcReactor_callLater(reactor, 2.5, count_call, NULL, NULL);
    ck_assert(TorcSim_runUntilIdle(sim, 60));
    ck_assert_int_eq(calls, 1);
    ck_assert_time(TorcSim_seconds(sim), 1);
}
END_TEST

START_TEST(run_until_idle_gives_up_on_what_never_rests)
{
    calls = 0;
    TorcReactor *reactor = TorcSimHost_reactor(server);
    TorcReactor_callLater(reactor, 0.75, call_again, reactor, NULL);
    ck_assert(!TorcSim_runUntilIdle(sim, 10));
    ck_assert_time(TorcSim_seconds(sim), 10);
    ck_assert_int_eq(calls, 13);
}
END_TEST

/* ---- the program --------------------------------------------------------------------------- */

RUN_SUITE("sim_time", time_does_not_go_backwards, the_date_is_set_and_jumps_and_nothing_else_does,
          run_until_stops_at_the_moment_it_is_true, run_until_gives_up_at_its_limit,
          run_until_idle_waits_for_the_network_and_not_for_timeouts,
          run_until_idle_waits_for_calls_that_are_near, run_until_idle_gives_up_on_what_never_rests)
