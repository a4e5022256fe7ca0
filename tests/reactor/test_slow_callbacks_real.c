/* Callbacks that hold the loop on the real system, where they sleep; and which part of the time belongs
 * to callbacks inside others. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "reactor/task.h"

#include "../support/run_tests.h"
#include "slow_callbacks_fixture.h"

static TorcReactor *real;

static double real_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_for(void *arg)
{
    long milliseconds = (long)(intptr_t)arg;
    struct timespec time = {.tv_nsec = milliseconds * 1000000};
    (void)nanosleep(&time, NULL);
}

/* In a turn of the reactor, which then took so many seconds. */
static double sleep_in_reactor(long milliseconds)
{
    double begun = real_seconds();
    ck_assert_int_eq(
        TorcReactor_callLater(real, 0, sleep_for, (void *)(intptr_t)milliseconds, NULL), 0);
    ck_assert_int_eq(TorcReactor_iterate(real, 0), 0);
    return real_seconds() - begun;
}

/* The first is the one that finds out how long a tick is; its own time must be right as well. */
START_TEST(the_time_is_that_of_the_clock)
{
    int64_t milliseconds;
    real = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    watch_log();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(real, 0.03), 0);
    for (unsigned i = 1; i <= 3; i++) {
        double turn = sleep_in_reactor(40);
        ck_assert_uint_eq(reports, i);
        const char *number = strstr(last_report, "milliseconds=");
        ck_assert_ptr_nonnull(number);
        milliseconds = atol(number + strlen("milliseconds="));
        ck_assert_int_ge(milliseconds, 39);
        ck_assert_int_le(milliseconds, (int64_t)(turn * 1000) + 5); /* a tick may be a little off */
    }
    TorcReactor_free(real);
}
END_TEST

static bool sleeping_step(TorcResult *result, void *arg)
{
    (void)result;
    sleep_for(arg);
    return false;
}

static void look_for_step(const TorcLogEvent *event, void *arg)
{
    char line[256];
    bool *found = arg;
    (void)TorcLogEvent_format(event, line, sizeof(line));
    *found |= strstr(line, "reactor.slow-callback call=\"step\"") != NULL;
}

/* Whoever else is slow on a busy machine is told as well. */
START_TEST(a_slow_step_is_told)
{
    bool found = false;
    real = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    torc_setLogObserver(look_for_step, &found, TORC_LOG_DEBUG);
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(real, 0.02), 0);
    TorcCooperator *tasks = TorcCooperator_new(real);
    void *time = (void *)(intptr_t)40;
    ck_assert_int_eq(TorcCooperator_cooperate(tasks, sleeping_step, time, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_iterate(real, 0), 0);
    ck_assert(found);
    TorcCooperator_free(tasks);
    TorcReactor_free(real);
}
END_TEST

START_TEST(quick_callbacks_and_waits_are_not_reported)
{
    real = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    watch_log();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(real, 10), 0);
    (void)sleep_in_reactor(20);
    (void)sleep_in_reactor(20);
    ck_assert_int_eq(TorcReactor_iterate(real, 0.02), 0);
    ck_assert_uint_eq(reports, 0);
    TorcReactor_free(real);
}
END_TEST

START_TEST(who_seems_to_end_before_it_began_is_not_reported)
{
    real = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    watch_log();
    torc__slowCallback_slot(real, torc__ticks(real->system) + 100000, "moved", "elsewhere");
    ck_assert_uint_eq(reports, 0);
    TorcReactor_free(real);
}
END_TEST

/* ---- callbacks inside callbacks ------------------------------------------------------------ */

/* They began when the test says, and end now: from 10 seconds on they are slow, which no machine is so
 * busy as to add. */
static void begin_returning(void)
{
    real = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    watch_log();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(real, 10), 0);
    torc__slowCallback_slot(real, torc__ticks(real->system), "first", "finds out what a tick is");
    ck_assert_double_gt(real->slow.tick, 0);
}

static void return_after(double seconds, const char *kind)
{
    TorcTicks ticks = (TorcTicks)(seconds * 1e9 / real->slow.tick);
    torc__slowCallback_call(real, torc__ticks(real->system) - ticks, kind, (uintptr_t)sleep_for);
}

static void assert_told(unsigned count, const char *kind, double seconds)
{
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "call=\"%s\"", kind);
    ck_assert_uint_eq(reports, count);
    ck_assert_msg(strstr(last_report, expected) != NULL, "%s", last_report);
    const char *number = strstr(last_report, "milliseconds=");
    ck_assert_ptr_nonnull(number);
    ck_assert_double_eq_tol(atof(number + strlen("milliseconds=")) / 1000, seconds, 4);
}

START_TEST(who_began_later_is_told_as_well)
{
    begin_returning();
    return_after(45, "earlier");
    assert_told(1, "earlier", 45);
    return_after(25, "later");
    assert_told(2, "later", 25);
    TorcReactor_free(real);
}
END_TEST

START_TEST(what_a_step_is_told_for_is_not_told_of_its_slice)
{
    begin_returning();
    return_after(45, "step");
    return_after(50, "slice");
    assert_told(1, "step", 45);
    TorcReactor_free(real);
}
END_TEST

/* More than are remembered one by one, too. */
static const unsigned numbers_of_steps[] = {2, 8, 9, 12};
enum { NUMBERS_OF_STEPS = sizeof numbers_of_steps / sizeof numbers_of_steps[0] };

START_TEST(what_all_steps_are_told_for_is_not_told_of_their_slice)
{
    double sum = 0;
    begin_returning();
    for (unsigned i = 0; i < numbers_of_steps[_i]; i++) {
        double step = 26 - i;
        return_after(step, "step");
        sum += step;
    }
    return_after(sum + 5, "slice");
    ck_assert_uint_eq(slow_callbacks(real), numbers_of_steps[_i]);
    TorcReactor_free(real);
}
END_TEST

START_TEST(the_rest_of_the_time_of_a_slice_has_an_owner_as_well)
{
    begin_returning();
    return_after(25, "step");
    return_after(20, "step");
    return_after(25 + 20 + 15, "slice");
    assert_told(3, "slice", 15);
    TorcReactor_free(real);
}
END_TEST

START_TEST(what_a_step_is_told_for_is_told_of_nobody_around_it)
{
    begin_returning();
    return_after(25, "step");
    return_after(30, "slice");
    return_after(30.5, "call");
    assert_told(1, "step", 25);
    return_after(60, "loop");
    assert_told(2, "loop", 60 - 25);
    return_after(65, "whole");
    assert_told(2, "loop", 60 - 25);
    TorcReactor_free(real);
}
END_TEST

/* Ticks of turns that are far apart cannot be compared. */
START_TEST(what_was_told_in_another_turn_is_not_inside)
{
    begin_returning();
    return_after(25, "call");
    ck_assert_int_eq(TorcReactor_iterate(real, 0), 0);
    return_after(45, "call");
    assert_told(2, "call", 45);
    TorcReactor_free(real);
}
END_TEST

RUN_LOOP_TESTS("slow callbacks on the real system", {a_slow_step_is_told, 1},
               {the_time_is_that_of_the_clock, 1},
               {who_seems_to_end_before_it_began_is_not_reported, 1},
               {quick_callbacks_and_waits_are_not_reported, 1},
               {who_began_later_is_told_as_well, 1},
               {what_a_step_is_told_for_is_not_told_of_its_slice, 1},
               {what_all_steps_are_told_for_is_not_told_of_their_slice, NUMBERS_OF_STEPS},
               {the_rest_of_the_time_of_a_slice_has_an_owner_as_well, 1},
               {what_a_step_is_told_for_is_told_of_nobody_around_it, 1},
               {what_was_told_in_another_turn_is_not_inside, 1})
