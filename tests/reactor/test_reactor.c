/* The loop: the order of a turn, run and stop, startup and shutdown, restarting. */
#include <math.h>

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

static void on_event(TorcPhase phase, TorcSystemEvent event, TorcFunction *function,
                     const void *arg)
{
    int r = TorcReactor_addSystemEventTrigger(reactor, phase, event, function, loose(arg), NULL);
    ck_assert_int_eq(r, 0);
}

static void add_trigger(TorcPhase phase, TorcSystemEvent event, const char *word)
{
    on_event(phase, event, note, word);
}

static void when_running(TorcFunction *function, const void *arg)
{
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, function, loose(arg)), 0);
}

static void call_later(double delay, TorcFunction *function, const void *arg)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, delay, function, loose(arg), NULL), 0);
}

static void post(TorcFunction *function, const void *arg)
{
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, function, loose(arg)), 0);
}

static void iterate_once(void)
{
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
}

/* ---- one turn ------------------------------------------------------------------------------ */

START_TEST(a_turn_runs_posted_calls_then_delayed_ones_then_readiness) /* LOOP-1 */
{
    begin_connected(_i);
    Recording_clear(&rec);
    TorcSimPeer_send(peer, "hello");
    call_later(0, note, "timer");
    post(note, "posted");
    iterate_once();
    ck_assert_str_eq(rec.log, "posted timer data:5");
    end();
}
END_TEST

static void write_from_timer(void *arg)
{
    ck_assert_int_eq(write_text(arg), 0);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 0);
}

START_TEST(what_a_turn_wrote_has_left_at_its_end) /* LOOP-1 */
{
    begin_connected(_i);
    call_later(0, write_from_timer, "bye");
    iterate_once();
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    end();
}
END_TEST

static void post_note(void *word)
{
    note(loose("first"));
    post(note, word);
}

START_TEST(a_call_posted_by_a_posted_call_waits_for_the_next_turn) /* LOOP-2 */
{
    begin(EDGE);
    post(post_note, "second");
    iterate_once();
    ck_assert_str_eq(rec.log, "first");
    iterate_once();
    ck_assert_str_eq(rec.log, "first second");
    end();
}
END_TEST

static void post_until_zero(void *counter)
{
    if (--*(int *)counter == 0)
        stop_reactor(NULL);
    else
        post(post_until_zero, counter);
}

START_TEST(the_loop_does_not_sleep_while_posted_calls_wait) /* LOOP-2 */
{
    int counter = 5;
    begin(EDGE);
    call_later(100, count_up, &counter);
    post(post_until_zero, &counter);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(counter, 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 0);
    end();
}
END_TEST

static void reschedule_at_once(void *counter)
{
    count_up(counter);
    call_later(0, reschedule_at_once, counter);
}

/* BUG-17 */
START_TEST(a_delayed_call_that_repeats_with_no_delay_does_not_starve_connections) /* LOOP-3 */
{
    int turns = 0;
    begin_connected(_i);
    Recording_clear(&rec);
    call_later(0, reschedule_at_once, &turns);
    TorcSimPeer_send(peer, "hello");
    iterate_once();
    ck_assert_int_eq(turns, 1);
    ck_assert_str_eq(rec.log, "data:5");
    iterate_once();
    ck_assert_int_eq(turns, 2);
    end();
}
END_TEST

static void fail_connection(void *arg)
{
    (void)arg;
    TorcTransport_failConnection(rec.transport, TorcReason_static(TORC_CONNECTION_APPLICATION));
}

START_TEST(a_delayed_call_that_fails_its_connection_ends_no_other_call) /* TIME-10 */
{
    int made = 0;
    begin_connected(_i);
    call_later(1, fail_connection, NULL);
    call_later(1, count_up, &made);
    call_later(2, count_up, &made);
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    ck_assert_int_eq(made, 2);
    end();
}
END_TEST

START_TEST(a_delay_beyond_all_numbers_is_accepted_and_never_comes) /* LOOP-4 */
{
    int made = 0;
    begin(EDGE);
    call_later(ldexp(1, 128) + 1, count_up, &made);
    call_later(1e9, stop_reactor, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(made, 0);
    end();
}
END_TEST

START_TEST(iterate_works_before_run_and_does_not_set_running) /* LOOP-14 */
{
    begin(_i);
    serve(&rec, PORT);
    peer = TorcSim_connect(sim, PORT);
    call_later(0, note, "timer");
    iterate_once();
    ck_assert_str_eq(rec.log, "timer made");
    ck_assert(!TorcReactor_running(reactor));
    end();
}
END_TEST

START_TEST(iterate_waits_no_longer_than_asked) /* LOOP-14 */
{
    begin(EDGE);
    call_later(10, note, "timer");
    iterate_once();
    ck_assert_double_eq(TorcReactor_seconds(reactor), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 3.5), 0);
    ck_assert_double_eq(TorcReactor_seconds(reactor), 3.5);
    ck_assert_int_eq(TorcReactor_iterate(reactor, HUGE_VAL), 0);
    ck_assert_double_eq(TorcReactor_seconds(reactor), 10);
    iterate_once();
    ck_assert_str_eq(rec.log, "timer");
    end();
}
END_TEST

START_TEST(iterate_refuses_bad_delays)
{
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_iterate(NULL, 0), -EINVAL);
    ck_assert_int_eq(TorcReactor_iterate(reactor, -0.5), -EINVAL);
    ck_assert_int_eq(TorcReactor_iterate(reactor, (double)NAN), -EINVAL);
    end();
}
END_TEST

START_TEST(an_idle_reactor_does_not_turn)
{
    begin_connected(_i);
    uint64_t waits = TorcSim_countCalls(sim, TORC_SIM_WAIT);
    stop_after(1000);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    /* One wait until the stop, and those of the shutdown. */
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WAIT) - waits, 5);
    end();
}
END_TEST

START_TEST(an_error_of_the_wait_ends_the_loop)
{
    begin(EDGE);
    call_later(1, count_up, &(int){0});
    TorcSim_failCall(sim, TORC_SIM_WAIT, 1, EBADF, 1);
    ck_assert_int_eq(TorcSim_run(sim), -EBADF);
    ck_assert(!TorcReactor_running(reactor));
    end();
}
END_TEST

/* ---- nesting ------------------------------------------------------------------------------- */

static void nest(void *arg)
{
    ck_assert_int_eq(TorcReactor_run(reactor), -EDEADLK);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), -EDEADLK);
    note(arg);
}

static void nest_in_hook(Recording *recording)
{
    (void)recording;
    nest(loose("nested"));
}

START_TEST(run_and_iterate_are_refused_inside_every_kind_of_callback) /* RUN-2 */
{
    begin(EDGE);
    for (int i = 0; i < RECORD_FACTORY_DESTROY; i++)
        if (i != RECORD_START && i != RECORD_STOP && i != RECORD_DESTROY)
            rec.on[i] = nest_in_hook;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_send(peer, "x");
    post(nest, "posted");
    call_later(0, nest, "timer");
    when_running(nest, "when-running");
    for (TorcPhase phase = TORC_PHASE_BEFORE; phase <= TORC_PHASE_AFTER; phase++)
        for (TorcSystemEvent e = TORC_EVENT_STARTUP; e <= TORC_EVENT_SHUTDOWN; e++)
            on_event(phase, e, nest, "trigger");
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "nested made nested trigger trigger trigger when-running posted "
                              "timer data:1 nested trigger lost:DONE nested trigger trigger");
    end();
}
END_TEST

/* ---- stop and crash ------------------------------------------------------------------------ */

static void stop_twice(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
    ck_assert_int_eq(TorcReactor_stop(reactor), -TORC_ENOTRUNNING);
}

START_TEST(stop_is_refused_when_not_running_or_stopping) /* RUN-1 */
{
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_stop(NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_stop(reactor), -TORC_ENOTRUNNING);
    call_later(1, stop_twice, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(TorcReactor_stop(reactor), -TORC_ENOTRUNNING);
    ck_assert_int_eq(TorcReactor_crash(reactor), -TORC_ENOTRUNNING);
    end();
}
END_TEST

static void stop_and_note(void *word)
{
    stop_reactor(NULL);
    note(word);
}

START_TEST(the_shutdown_event_never_runs_inside_stop) /* RUN-7 */
{
    begin(EDGE);
    add_trigger(TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, "shutdown");
    call_later(0, stop_and_note, "stopped");
    call_later(0, note, "another");
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "stopped another shutdown");
    end();
}
END_TEST

static void add_all_triggers(void)
{
    add_trigger(TORC_PHASE_AFTER, TORC_EVENT_STARTUP, "startup-after");
    add_trigger(TORC_PHASE_BEFORE, TORC_EVENT_STARTUP, "startup-before");
    add_trigger(TORC_PHASE_DURING, TORC_EVENT_STARTUP, "startup-during");
    add_trigger(TORC_PHASE_DURING, TORC_EVENT_SHUTDOWN, "shutdown-during");
    add_trigger(TORC_PHASE_AFTER, TORC_EVENT_SHUTDOWN, "shutdown-after");
    add_trigger(TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, "shutdown-before");
    when_running(note, "when-running");
}

START_TEST(the_phases_of_a_run_come_in_order) /* RUN-5, RUN-8 */
{
    begin_connected(_i);
    Recording_clear(&rec);
    add_all_triggers();
    call_later(1, stop_and_note, "stop");
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "startup-before startup-during startup-after when-running stop "
                              "shutdown-before lost:DONE shutdown-during shutdown-after");
    end();
}
END_TEST

START_TEST(a_stop_during_startup_gives_a_full_startup_and_then_the_shutdown) /* RUN-3 */
{
    begin(EDGE);
    on_event(TORC_PHASE_BEFORE, TORC_EVENT_STARTUP, stop_and_note, "stop");
    add_all_triggers();
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "stop startup-before startup-during startup-after when-running "
                              "shutdown-before shutdown-during shutdown-after");
    end();
}
END_TEST

static bool seen_running[4];

static void see_running(void *index)
{
    seen_running[(uintptr_t)index] = TorcReactor_running(reactor);
}

START_TEST(running_is_true_from_during_startup_to_the_end) /* RUN-5 */
{
    begin(EDGE);
    const struct {
        TorcPhase phase;
        TorcSystemEvent event;
    } places[] = {{TORC_PHASE_BEFORE, TORC_EVENT_STARTUP},
                  {TORC_PHASE_DURING, TORC_EVENT_STARTUP},
                  {TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN},
                  {TORC_PHASE_AFTER, TORC_EVENT_SHUTDOWN}};
    for (uintptr_t i = 0; i < 4; i++)
        on_event(places[i].phase, places[i].event, see_running, (void *)i);
    ck_assert(!TorcReactor_running(reactor));
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert(!seen_running[0] && seen_running[1] && seen_running[2] && seen_running[3]);
    ck_assert(!TorcReactor_running(reactor));
    end();
}
END_TEST

static void ask(void *word)
{
    when_running(note, word);
    note(loose("asked"));
}

START_TEST(call_when_running_keeps_order_and_is_never_made_at_once) /* RUN-6 */
{
    begin(EDGE);
    ask(loose("a"));
    ask(loose("b"));
    call_later(0, ask, "c");
    stop_after(1);
    ck_assert_str_eq(rec.log, "asked asked");
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "asked asked a b asked c");
    end();
}
END_TEST

static void crash_reactor(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_crash(reactor), 0);
}

START_TEST(crash_leaves_the_loop_without_shutdown_and_run_goes_on) /* RUN-2, RUN-4 */
{
    begin_connected(_i);
    Recording_clear(&rec);
    add_trigger(TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, "shutdown");
    call_later(1, crash_reactor, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert(!TorcReactor_running(reactor));
    ck_assert_str_eq(rec.log, "");
    ck_assert(TorcTransport_connected(rec.transport));

    TorcSimPeer_send(peer, "still there");
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "data:11 shutdown lost:DONE");
    end();
}
END_TEST

START_TEST(a_crash_during_startup_skips_the_loop)
{
    begin(EDGE);
    when_running(crash_reactor, NULL);
    add_trigger(TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, "shutdown");
    call_later(0, note, "timer");
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "");
    end();
}
END_TEST

START_TEST(a_reactor_runs_again_after_stop) /* RUN-2, RUN-10 */
{
    begin(_i);
    for (int round = 0; round < 3; round++) {
        Recording_clear(&rec);
        serve(&rec, PORT);
        add_all_triggers();
        peer = TorcSim_connect(sim, PORT);
        TorcSimPeer_send(peer, "hello");
        stop_after(1);
        ck_assert_int_eq(TorcSim_run(sim), 0);
        ck_assert_str_eq(rec.log, "startup-before startup-during startup-after when-running made "
                                  "data:5 shutdown-before lost:DONE shutdown-during "
                                  "shutdown-after");
        ck_assert(TorcSimPeer_gotEnd(peer));
    }
    end();
}
END_TEST

START_TEST(calls_that_were_not_due_wait_for_the_next_run)
{
    begin(EDGE);
    call_later(3, note, "late");
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    post(note, "posted-between");
    stop_after(5);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "posted-between late");
    ck_assert_double_eq(TorcSim_seconds(sim), 6);
    end();
}
END_TEST

/* ---- calls from elsewhere ------------------------------------------------------------------ */

START_TEST(calls_posted_before_run_are_made_in_order_by_it)
{
    begin(EDGE);
    post(note, "a");
    post(note, "b");
    ck_assert_str_eq(rec.log, "");
    when_running(note, "running");
    stop_after(0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "running a b");
    end();
}
END_TEST

static void post_from_timer(void *word)
{
    post(note, word);
    note(loose("posting"));
}

START_TEST(a_call_posted_by_a_delayed_call_is_made_in_the_next_turn)
{
    begin(EDGE);
    call_later(1, post_from_timer, "posted");
    stop_after(100);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "posting posted");
    ck_assert_double_eq(TorcSim_seconds(sim), 1);
    end();
}
END_TEST

static void post_stop(void *arg)
{
    post(stop_reactor, arg);
}

START_TEST(run_waits_for_thread_jobs_and_makes_the_calls_they_post)
{
    begin(EDGE);
    TorcSim_setJobDelay(sim, 3);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, post_from_timer, loose("answer")), 0);
    call_later(1, post_stop, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 3);
    ck_assert_str_eq(rec.log, "posting answer");
    end();
}
END_TEST

/* ---- options and odds ---------------------------------------------------------------------- */

START_TEST(bad_options_are_refused)
{
    ck_assert_ptr_null(TorcReactor_new(TORC_REACTOR_OPTIONS(.gracePeriod = (double)NAN)));
    ck_assert_int_eq(errno, EINVAL);
    TorcReactorOptions no_size = {0};
    ck_assert_ptr_null(TorcReactor_new(&no_size));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(null_is_answered_not_followed)
{
    ck_assert_int_eq(TorcReactor_run(NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_crash(NULL), -EINVAL);
    ck_assert(!TorcReactor_running(NULL));
    ck_assert_double_eq(TorcReactor_seconds(NULL), 0);
    ck_assert_str_eq(TorcReactor_backend(NULL), "none");
    ck_assert_ptr_null(TorcReactor_getEventBase(NULL));
    TorcReactorOptions_init(NULL);
}
END_TEST

START_TEST(a_simulated_reactor_says_so)
{
    begin(EDGE);
    ck_assert_str_eq(TorcReactor_backend(reactor), "simulation");
    ck_assert_ptr_null(TorcReactor_getEventBase(reactor));
    TorcSim_advance(sim, 2.5);
    ck_assert_double_eq(TorcReactor_seconds(reactor), 2.5);
    end();
}
END_TEST

RUN_LOOP_TESTS("reactor", {a_turn_runs_posted_calls_then_delayed_ones_then_readiness, WHOLE_MODES},
               {what_a_turn_wrote_has_left_at_its_end, WHOLE_MODES},
               {a_call_posted_by_a_posted_call_waits_for_the_next_turn, 1},
               {the_loop_does_not_sleep_while_posted_calls_wait, 1},
               {a_delayed_call_that_repeats_with_no_delay_does_not_starve_connections, WHOLE_MODES},
               {a_delayed_call_that_fails_its_connection_ends_no_other_call, WHOLE_MODES},
               {a_delay_beyond_all_numbers_is_accepted_and_never_comes, 1},
               {iterate_works_before_run_and_does_not_set_running, WHOLE_MODES},
               {iterate_waits_no_longer_than_asked, 1}, {iterate_refuses_bad_delays, 1},
               {an_idle_reactor_does_not_turn, MODES}, {an_error_of_the_wait_ends_the_loop, 1},
               {run_and_iterate_are_refused_inside_every_kind_of_callback, 1},
               {stop_is_refused_when_not_running_or_stopping, 1},
               {the_shutdown_event_never_runs_inside_stop, 1},
               {the_phases_of_a_run_come_in_order, MODES},
               {a_stop_during_startup_gives_a_full_startup_and_then_the_shutdown, 1},
               {running_is_true_from_during_startup_to_the_end, 1},
               {call_when_running_keeps_order_and_is_never_made_at_once, 1},
               {crash_leaves_the_loop_without_shutdown_and_run_goes_on, MODES},
               {a_crash_during_startup_skips_the_loop, 1}, {a_reactor_runs_again_after_stop, MODES},
               {calls_that_were_not_due_wait_for_the_next_run, 1},
               {calls_posted_before_run_are_made_in_order_by_it, 1},
               {a_call_posted_by_a_delayed_call_is_made_in_the_next_turn, 1},
               {run_waits_for_thread_jobs_and_makes_the_calls_they_post, 1},
               {bad_options_are_refused, 1}, {null_is_answered_not_followed, 1},
               {a_simulated_reactor_says_so, 1})
