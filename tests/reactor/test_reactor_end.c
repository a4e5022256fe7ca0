/* The end of a reactor: signals, the grace period, and freeing. */
#include <signal.h>

#include "../support/stream_test.h"

static void note(void *word)
{
    Recording_note(&rec, word);
}

static void count_up(void *counter)
{
    ++*(int *)counter;
}

/* Arguments are mostly words for the log, which are constant. */
static void *loose(const void *arg)
{
    return (void *)(uintptr_t)arg;
}

static void call_later(double delay, TorcFunction *function, const void *arg)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, delay, function, loose(arg), NULL), 0);
}

static void begin_with_reactor(int mode, const TorcReactorOptions *options)
{
    begin_with(mode, TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 4096, .reactor = options));
}

/* ---- signals ------------------------------------------------------------------------------- */

static void raise_signal(void *signo)
{
    TorcSim_raise(sim, (int)(intptr_t)signo);
}

static void raise_after(double seconds, int signo)
{
    call_later(seconds, raise_signal, (void *)(intptr_t)signo);
}

START_TEST(a_signal_stops_a_sleeping_loop_in_order) /* RUN-14, RUN-15 */
{
    begin_connected(EDGE);
    raise_after(2, _i == 0 ? SIGINT : SIGTERM);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 2);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

/* The peer does not read, so the connection cannot finish. */
static void begin_stuck(int mode, const TorcReactorOptions *options)
{
    begin_with_reactor(mode, options);
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    Recording_clear(&rec);
}

START_TEST(a_second_signal_ends_the_wait_at_once) /* RUN-16 */
{
    begin_stuck(_i, NULL);
    raise_after(1, SIGINT);
    raise_after(2, SIGINT);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 2);
    ck_assert_str_eq(rec.log, "lost:SHUTDOWN");
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(a_signal_after_stop_ends_the_wait_at_once) /* RUN-16 */
{
    begin_stuck(_i, NULL);
    stop_after(1);
    raise_after(1.5, SIGTERM);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 1.5);
    ck_assert_str_eq(rec.log, "lost:SHUTDOWN");
    end();
}
END_TEST

START_TEST(a_signal_of_an_earlier_run_does_not_hurry_the_next)
{
    begin_with_reactor(EDGE, NULL);
    raise_after(1, SIGINT);
    raise_after(1, SIGTERM); /* another one, for those that pend are merged */
    ck_assert_int_eq(TorcSim_run(sim), 0);
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(100000), 0);
    raise_after(1, SIGINT);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 1 + 1 + 5);
    end();
}
END_TEST

START_TEST(without_handlers_signals_are_left_alone) /* RUN-13 */
{
    begin_with_reactor(EDGE, TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    raise_after(1, SIGINT);
    stop_after(2);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 2);
    end();
}
END_TEST

/* ---- the grace period ---------------------------------------------------------------------- */

static void run_stuck(int mode, double grace, double expected)
{
    begin_stuck(mode, TORC_REACTOR_OPTIONS(.gracePeriod = grace));
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 1 + expected);
    ck_assert_str_eq(rec.log, "lost:SHUTDOWN");
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert_uint_eq(rec.counts[RECORD_DESTROY], 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}

START_TEST(a_peer_that_never_reads_is_cut_off_after_five_seconds) /* RUN-9 */
{
    run_stuck(_i, 0, 5);
}
END_TEST

START_TEST(the_grace_period_can_be_set)
{
    run_stuck(_i, 2.5, 2.5);
}
END_TEST

START_TEST(a_negative_grace_period_is_none)
{
    run_stuck(_i, -1, 0);
}
END_TEST

static void start_reading(void *arg)
{
    TorcSimPeer_startReading(arg);
}

START_TEST(a_connection_that_finishes_within_the_grace_period_ends_in_order)
{
    begin_stuck(_i, NULL);
    stop_after(1);
    call_later(4, start_reading, peer);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "lost:DONE");
    ck_assert_double_eq(TorcSim_seconds(sim), 4);
    assert_peer_has_pattern(peer, 100000);
    ck_assert(TorcSimPeer_gotEnd(peer));
    end();
}
END_TEST

static void try_to_begin_anew(void *arg)
{
    (void)arg;
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT + 1, &factory->base, NULL, NULL),
                     -TORC_ENOTRUNNING);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "127.0.0.1", PORT, factory, NULL, NULL),
                     -TORC_ENOTRUNNING);
    TorcFactory_unref(&factory->base);
    ck_assert_ptr_null(TorcSim_connect(sim, PORT));
    note(loose("refused"));
}

START_TEST(nothing_new_can_begin_while_the_reactor_shuts_down)
{
    begin_stuck(EDGE, NULL);
    stop_after(1);
    call_later(2, try_to_begin_anew, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "refused lost:SHUTDOWN");
    end();
}
END_TEST

START_TEST(stop_closes_ports_and_stops_factories) /* LISTEN-13, RUN-9 */
{
    begin(_i);
    serve(&rec, PORT);
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

/* ---- freeing ------------------------------------------------------------------------------- */

static void schedule_all(TorcFunction *function, int *destroyed)
{
    TorcCall *call = TORC_CALL(function, destroyed, .destroy = count_up);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1, call, NULL), 0);
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, call), 0);
    ck_assert_int_eq(TorcReactor_callWhenRunningWith(reactor, call), 0);
    ck_assert_int_eq(TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_AFTER,
                                                           TORC_EVENT_SHUTDOWN, call, NULL),
                     0);
}

static void must_not_run(void *arg)
{
    (void)arg;
    ck_abort_msg("a dropped call was made");
}

START_TEST(free_ends_what_is_alive_with_the_reason_shutdown)
{
    begin_connected(_i);
    Recording client = {0};
    Recording trying = {0};
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.1", 80), 0);
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "192.0.2.1", 80, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    settle();
    TorcSim_blackHole(sim, "192.0.2.9");
    factory = Recording_factory(&trying);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "192.0.2.9", 80, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    settle();

    end();
    ck_assert_str_eq(client.text, TorcReason_text(TorcReason_static(TORC_CONNECTION_SHUTDOWN)));
    ck_assert_str_eq(client.log, "started made lost:SHUTDOWN client-lost:SHUTDOWN");
    ck_assert_str_eq(trying.log, "started failed:SHUTDOWN");
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_SHUTDOWN);
    Recording_done(&client);
    Recording_done(&trying);
}
END_TEST

START_TEST(free_runs_the_destroy_functions_of_all_calls)
{
    int destroyed = 0;
    begin(EDGE);
    schedule_all(must_not_run, &destroyed);
    end();
    ck_assert_int_eq(destroyed, 4);
}
END_TEST

typedef struct Scheduler {
    int left;
    int destroyed;
} Scheduler;

/* Whatever is dropped schedules more, of every kind. */
static void schedule_more(void *arg)
{
    Scheduler *scheduler = arg;
    scheduler->destroyed++;
    if (scheduler->left-- <= 0)
        return;
    TorcCall *call = TORC_CALL(must_not_run, scheduler, .destroy = schedule_more);
    (void)TorcReactor_callLaterWith(reactor, 1, call, NULL);
    (void)TorcReactor_callFromThreadWith(reactor, call);
    (void)TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_AFTER, TORC_EVENT_STARTUP, call,
                                                NULL);
}

START_TEST(destroy_functions_may_schedule_while_the_reactor_is_freed)
{
    Scheduler scheduler = {.left = 4};
    begin(EDGE);
    TorcCall *call = TORC_CALL(must_not_run, &scheduler, .destroy = schedule_more);
    ck_assert_int_eq(TorcReactor_callFromThreadWith(reactor, call), 0);
    end();
    ck_assert_int_eq(scheduler.destroyed, 1 + 4 * 3);
}
END_TEST

static void free_reactor(void *arg)
{
    (void)arg;
    TorcReactor_free(reactor);
    note(loose("survived"));
}

static void keep_name(const TorcLogEvent *event, void *arg)
{
    *(const char **)arg = event->name;
}

START_TEST(free_inside_a_callback_does_nothing_but_log) /* BUG-5 */
{
    const char *logged = NULL;
    torc_setLogObserver(keep_name, &logged, TORC_LOG_ERROR);
    begin(EDGE);
    call_later(1, free_reactor, NULL);
    stop_after(2);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "survived");
    ck_assert_str_eq(logged, "reactor.freed-while-running");
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    TorcReactor_free(NULL);
    end();
}
END_TEST

RUN_LOOP_TESTS("the end of a reactor", {a_signal_stops_a_sleeping_loop_in_order, 2},
               {a_second_signal_ends_the_wait_at_once, MODES},
               {a_signal_after_stop_ends_the_wait_at_once, MODES},
               {a_signal_of_an_earlier_run_does_not_hurry_the_next, 1},
               {without_handlers_signals_are_left_alone, 1},
               {a_peer_that_never_reads_is_cut_off_after_five_seconds, MODES},
               {the_grace_period_can_be_set, WHOLE_MODES},
               {a_negative_grace_period_is_none, WHOLE_MODES},
               {a_connection_that_finishes_within_the_grace_period_ends_in_order, MODES},
               {nothing_new_can_begin_while_the_reactor_shuts_down, 1},
               {stop_closes_ports_and_stops_factories, MODES},
               {free_ends_what_is_alive_with_the_reason_shutdown, MODES},
               {free_runs_the_destroy_functions_of_all_calls, 1},
               {destroy_functions_may_schedule_while_the_reactor_is_freed, 1},
               {free_inside_a_callback_does_nothing_but_log, 1})
