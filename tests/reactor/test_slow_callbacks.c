/* Callbacks that hold the loop: which are reported, and under what name. In the simulation, where
 * they take the time that the test says (test_slow_callbacks_real.c has those that do not). */
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "reactor/reactor_internal.h"

#include "../support/stream_test.h"
#include "slow_callbacks_fixture.h"

static void begin_watched(void)
{
    begin(EDGE);
    watch_log();
}

static void spend(double seconds)
{
    ck_assert_int_eq(TorcSim_spend(sim, seconds), 0);
}

/* ---- connections --------------------------------------------------------------------------- */

static void be_slow(Recording *recording)
{
    (void)recording;
    spend(0.25);
}

static void close_and_be_slow(Recording *recording)
{
    lose(recording);
    spend(0.25);
}

/* A connection on which everything happens once, with one slow callback. */
static void live_with_slow(RecordedEvent event, bool half_closeable)
{
    begin_watched();
    rec.half_closeable = half_closeable;
    rec.on[event] = event == RECORD_EOF ? close_and_be_slow : be_slow;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_send(peer, "hello");
    settle();
    TorcSimPeer_shutdown(peer);
    settle();
    TorcSimPeer_close(peer);
    settle();
}

static const struct {
    RecordedEvent event;
    bool half_closeable;
    const char *report;
} slots[] = {
    {RECORD_BUILD, false, "class=\"recorder-factory\" slot=\"buildProtocol\""},
    {RECORD_MADE, false, "class=\"recorder\" slot=\"connectionMade\""},
    {RECORD_DATA, false, "class=\"recorder\" slot=\"dataReceived\""},
    {RECORD_EOF, true, "class=\"half-closeable-recorder\" slot=\"readConnectionLost\""},
    {RECORD_LOST, false, "class=\"recorder\" slot=\"connectionLost\""},
};
enum { SLOTS = sizeof slots / sizeof slots[0] };

START_TEST(a_slow_slot_is_reported_with_its_class_its_name_and_its_time) /* BUG-17 */
{
    char expected[256];
    live_with_slow(slots[_i].event, slots[_i].half_closeable);
    (void)snprintf(expected, sizeof(expected), "reactor.slow-callback %s milliseconds=250",
                   slots[_i].report);
    ck_assert_str_eq(last_report, expected);
    ck_assert_uint_eq(reports, 1);
    ck_assert_uint_eq(slow_callbacks(reactor), 1);
    end();
}
END_TEST

START_TEST(a_slow_pause_is_reported)
{
    begin_watched();
    rec.on[RECORD_PAUSE] = be_slow;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(1000000), 0);
    settle();
    ck_assert_str_eq(last_report, "reactor.slow-callback class=\"recorder\" "
                                  "slot=\"pauseProducing\" milliseconds=250");
    end();
}
END_TEST

START_TEST(a_slow_client_factory_is_reported)
{
    static const RecordedEvent events[] = {RECORD_STARTED, RECORD_FAILED};
    static const char *const names[] = {"startedConnecting", "clientConnectionFailed"};
    Recording client = {.on = {[RECORD_STARTED] = NULL}};
    char expected[256];
    begin_watched();
    client.on[events[_i]] = be_slow;
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "127.0.0.1", PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    TorcSim_advance(sim, 1);
    (void)snprintf(expected, sizeof(expected),
                   "reactor.slow-callback class=\"recorder-factory\" slot=\"%s\" milliseconds=250",
                   names[_i]);
    ck_assert_str_eq(last_report, expected);
    end();
    Recording_done(&client);
}
END_TEST

/* ---- the threshold ------------------------------------------------------------------------- */

static double spent_by_call;

static void slow_call(void *arg)
{
    (void)arg;
    spend(spent_by_call);
}

static void make_slow_call(double seconds)
{
    spent_by_call = seconds;
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1, slow_call, NULL, NULL), 0);
    TorcSim_advance(sim, 2);
}

START_TEST(a_tenth_of_a_second_is_slow_and_less_is_not)
{
    begin_watched();
    make_slow_call(0.099999);
    ck_assert_uint_eq(reports, 0);
    make_slow_call(0.1);
    ck_assert_uint_eq(reports, 1);
    end();
}
END_TEST

START_TEST(the_threshold_can_be_set)
{
    begin_watched();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, 2), 0);
    make_slow_call(1.999);
    ck_assert_uint_eq(reports, 0);
    make_slow_call(2);
    ck_assert_uint_eq(reports, 1);
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, 1e-9), 0);
    make_slow_call(1e-6);
    ck_assert_uint_eq(reports, 2);
    end();
}
END_TEST

START_TEST(infinity_switches_the_reports_off)
{
    begin_watched();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, INFINITY), 0);
    make_slow_call(1e6);
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, 601), 0);
    make_slow_call(1e6);
    ck_assert_uint_eq(reports, 0);
    ck_assert_uint_eq(slow_callbacks(reactor), 0);
    end();
}
END_TEST

START_TEST(what_was_slow_while_they_were_off_is_charged_to_nobody)
{
    begin_watched();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, INFINITY), 0);
    make_slow_call(5);
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, 0.1), 0);
    make_slow_call(0);
    ck_assert_uint_eq(reports, 0);
    end();
}
END_TEST

START_TEST(a_threshold_that_is_none_is_refused)
{
    begin_watched();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, 0), -EINVAL);
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, -1), -EINVAL);
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, NAN), -EINVAL);
    make_slow_call(0.1);
    ck_assert_uint_eq(reports, 1);
    end();
}
END_TEST

START_TEST(waiting_is_not_slow)
{
    begin_watched();
    serve(&rec, PORT);
    peer = connect_peer();
    for (int i = 0; i < 5; i++) {
        TorcSimPeer_send(peer, "hello");
        TorcSim_advance(sim, 3600);
    }
    ck_assert_uint_eq(reports, 0);
    end();
}
END_TEST

static void be_quick(void *arg)
{
    (void)arg;
}

START_TEST(only_the_slow_one_of_many_is_reported)
{
    begin_watched();
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(TorcReactor_callLater(reactor, 1, be_quick, NULL, NULL), 0);
    make_slow_call(0.2);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(reports, 1);
    ck_assert_ptr_nonnull(strstr(last_report, "milliseconds=200"));
    end();
}
END_TEST

START_TEST(those_that_the_log_suppresses_are_counted)
{
    begin_watched();
    ck_assert_int_eq(TorcReactor_setSlowCallbackDuration(reactor, 0.001), 0);
    spent_by_call = 0.001;
    for (int i = 0; i < 15; i++)
        ck_assert_int_eq(TorcReactor_callLater(reactor, 1, slow_call, NULL, NULL), 0);
    TorcSim_advance(sim, 2);
    ck_assert_uint_eq(reports, 10);
    ck_assert_uint_eq(slow_callbacks(reactor), 15);
    TorcReactorCounters counters = {.size = sizeof(counters)};
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &counters), 0);
    ck_assert_uint_eq(counters.suppressedEvents, 5);
    end();
}
END_TEST

/* ---- calls --------------------------------------------------------------------------------- */

static void ask_for_delayed_call(void)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, slow_call, NULL, NULL), 0);
}

static void ask_for_posted_call(void)
{
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, slow_call, NULL), 0);
}

static void ask_for_trigger(void)
{
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_DURING,
                                                       TORC_EVENT_STARTUP, slow_call, NULL, NULL),
                     0);
}

static void ask_when_running(void)
{
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, slow_call, NULL), 0);
}

static void ask_for_signal(void)
{
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR1, slow_call, NULL), 0);
    TorcSim_raise(sim, SIGUSR1);
}

static bool slow_step(TorcResult *result, void *arg)
{
    (void)result;
    slow_call(arg);
    return false;
}

static void slow_function(TorcResult *result, void *arg)
{
    (void)result;
    slow_call(arg);
}

static TorcCooperator *cooperator;

static void ask_for_step(void)
{
    cooperator = TorcCooperator_new(reactor);
    ck_assert_int_eq(TorcCooperator_cooperate(cooperator, slow_step, NULL, NULL, NULL), 0);
}

static TorcLoopingCall *loop;

static void ask_for_looping_call(void)
{
    loop = TorcLoopingCall_new(reactor, slow_function, NULL);
    ck_assert_int_eq(TorcLoopingCall_start(loop, 100, true, NULL), 0);
}

static void ask_for_deferred(void)
{
    TorcDeferred *later = TorcReactor_deferLater(reactor, 0, slow_function, NULL);
    ck_assert_ptr_nonnull(later);
    TorcDeferred_detach(later);
}

#define IS(function) ((uintptr_t)(function))

static const struct {
    void (*ask)(void);
    const char *kind;
    uintptr_t function;
} calls[] = {
    {ask_for_delayed_call, "delayed call", IS(slow_call)},
    {ask_for_posted_call, "call from thread", IS(slow_call)},
    {ask_for_trigger, "trigger during startup", IS(slow_call)},
    {ask_when_running, "call when running", IS(slow_call)},
    {ask_for_signal, "signal handler", IS(slow_call)},
    {ask_for_step, "step", IS(slow_step)},
    {ask_for_looping_call, "looping call", IS(slow_function)},
    {ask_for_deferred, "deferLater", IS(slow_function)},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

START_TEST(a_slow_call_is_reported_with_its_kind_and_the_function)
{
    char expected[256], function[TORC__FUNCTION_TEXT_SIZE];
    begin_watched();
    spent_by_call = 0.3;
    calls[_i].ask();
    stop_after(2);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    (void)snprintf(expected, sizeof(expected),
                   "reactor.slow-callback call=\"%s\" function=\"%s\" milliseconds=300",
                   calls[_i].kind, torc__function_text(calls[_i].function, function));
    ck_assert_str_eq(last_report, expected);
    ck_assert_uint_eq(reports, 1);
    TorcCooperator_free(cooperator);
    TorcLoopingCall_free(loop);
    end();
}
END_TEST

static void slow_with_result(TorcResult *result, void *arg)
{
    TorcResult_clear(result);
    slow_call(arg);
}

START_TEST(who_is_slow_in_a_call_of_the_library_is_told_what_the_call_was_for)
{
    TorcDeferred *found;
    begin_watched();
    spent_by_call = 0.3;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "127.0.0.1", 1, NULL, &found), 0);
    ck_assert_int_eq(TorcDeferred_addBoth(found, slow_with_result, NULL), 0);
    TorcSim_advance(sim, 1);
    ck_assert_ptr_nonnull(strstr(last_report, "call=\"answer of a look-up\""));
    TorcDeferred_release(found);
    end();
}
END_TEST

/* ---- virtual time -------------------------------------------------------------------------- */

START_TEST(spent_time_makes_others_late)
{
    begin_watched();
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1.5, stop_reactor, NULL, NULL), 0);
    spent_by_call = 2;
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1, slow_call, NULL, NULL), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq_tol(TorcSim_seconds(sim), 3, 1e-9);
    ck_assert_int_eq(TorcSim_spend(sim, -1), -EINVAL);
    ck_assert_int_eq(TorcSim_spend(sim, NAN), -EINVAL);
    end();
}
END_TEST

RUN_LOOP_TESTS("slow callbacks",
               {a_slow_slot_is_reported_with_its_class_its_name_and_its_time, SLOTS},
               {a_slow_pause_is_reported, 1}, {a_slow_client_factory_is_reported, 2},
               {a_tenth_of_a_second_is_slow_and_less_is_not, 1}, {the_threshold_can_be_set, 1},
               {infinity_switches_the_reports_off, 1},
               {what_was_slow_while_they_were_off_is_charged_to_nobody, 1},
               {a_threshold_that_is_none_is_refused, 1}, {waiting_is_not_slow, 1},
               {only_the_slow_one_of_many_is_reported, 1},
               {those_that_the_log_suppresses_are_counted, 1},
               {a_slow_call_is_reported_with_its_kind_and_the_function, CALLS},
               {who_is_slow_in_a_call_of_the_library_is_told_what_the_call_was_for, 1},
               {spent_time_makes_others_late, 1})
