/* holdShutdown: the shutdown's before phase waits, in virtual time. */
#include "task_fixture.h"

#include <signal.h>

static TorcDeferred *holding[2];
static int r_hold;

static void hold(void *arg)
{
    r_hold = TorcReactor_holdShutdown(reactor, arg);
}

static void before(TorcFunction *function, void *arg)
{
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_BEFORE,
                                                       TORC_EVENT_SHUTDOWN, function, arg, NULL),
                     0);
}

static void write_word(void *arg)
{
    write_note(arg, "");
}

static void word_in(TorcPhase phase, const char *word)
{
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, phase, TORC_EVENT_SHUTDOWN,
                                                       write_word, named(word), NULL),
                     0);
}

static void fire(void *arg)
{
    TorcDeferred_callback(arg, value(1), free_value);
}

static void fire_failure(void *arg)
{
    TorcDeferred_errback(arg, failed());
}

static void begin_hold(void)
{
    TorcFactory_unref(
        TorcFactory_forProtocol(&torc_echo_class)); /* classes are resolved for good */
    begin();
    r_hold = 1;
    holding[0] = TorcDeferred_new(NULL, NULL);
    holding[1] = TorcDeferred_new(NULL, NULL);
    call_later(1, stop_reactor, NULL);
}

static void end_hold(void)
{
    end();
}

/* The deferreds that a test does not use. */
static void drop(int first)
{
    for (int i = first; i < 2; i++) {
        TorcDeferred_callback(holding[i], NULL, NULL);
        TorcDeferred_release(holding[i]);
    }
}

static void run_until(double seconds)
{
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), seconds);
    ck_assert(!TorcReactor_running(reactor));
}

START_TEST(the_phase_lasts_until_the_deferred_has_fired) /* RUN-8 */
{
    drop(1);
    before(hold, holding[0]);
    word_in(TORC_PHASE_BEFORE, "before");
    word_in(TORC_PHASE_DURING, "during");
    call_later(5, write_word, named("alive"));
    call_later(8, fire, holding[0]);
    run_until(8);
    ck_assert_int_eq(r_hold, 0);
    ck_assert_str_eq(notes, "before: alive: during: ");
}
END_TEST

START_TEST(all_that_hold_it_must_have_fired) /* RUN-8 */
{
    before(hold, holding[0]);
    before(hold, holding[1]);
    call_later(8, fire, holding[0]);
    call_later(3, fire, holding[1]);
    run_until(8);
}
END_TEST

START_TEST(a_failure_counts_as_fired_and_is_logged) /* RUN-8 */
{
    drop(1);
    before(hold, holding[0]);
    call_later(2, fire_failure, holding[0]);
    run_until(2);
    ck_assert_int_eq(unhandled, 1);
}
END_TEST

START_TEST(one_that_has_fired_holds_nothing)
{
    drop(1);
    before(hold, holding[0]);
    fire(holding[0]);
    run_until(1);
    ck_assert_int_eq(r_hold, 0);
}
END_TEST

START_TEST(what_the_deferred_waits_for_holds_too)
{
    TorcDeferred_addCallback(holding[0], wait_step, holding[1]);
    before(hold, holding[0]);
    call_later(2, fire, holding[0]);
    call_later(3, fire, holding[1]);
    run_until(3);
}
END_TEST

/* Everything is alive: ports listen, new ones may be opened. */
static void serve_and_connect(void *arg)
{
    (void)arg;
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 8881, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    ck_assert_ptr_nonnull(peer);
    TorcSimPeer_send(peer, "still here");
    ck_assert(TorcReactor_running(reactor));
    ck_assert_int_eq(TorcReactor_stop(reactor), -TORC_ENOTRUNNING);
    call_later(1, fire, holding[0]);
}

START_TEST(everything_is_alive_meanwhile) /* RUN-12 */
{
    drop(1);
    before(hold, holding[0]);
    call_later(3, serve_and_connect, NULL);
    run_until(4);
}
END_TEST

static void check_time(void *arg)
{
    ck_assert_double_eq(TorcSim_seconds(sim), 2); /* the loop did not sleep first */
    write_word(arg);
}

static void add_word(void *arg)
{
    before(check_time, arg);
}

static void hold_more(void *arg)
{
    before(hold, arg);
}

START_TEST(triggers_added_meanwhile_belong_to_the_phase) /* RUN-10 */
{
    before(hold, holding[0]);
    call_later(2, add_word, named("added"));
    call_later(3, write_word, named("later"));
    call_later(4, hold_more, holding[1]);
    call_later(5, fire, holding[0]);
    call_later(6, fire, holding[1]);
    run_until(6);
    ck_assert_str_eq(notes, "added: later: ");
}
END_TEST

START_TEST(a_second_signal_releases_it) /* RUN-16 */
{
    drop(0);
    before(hold, cancellable());
    call_later(7, raise_signal, (void *)(intptr_t)SIGTERM);
    word_in(TORC_PHASE_DURING, "during");
    run_until(7);
    ck_assert_int_eq(cancellations, 1);
    ck_assert_int_eq(unhandled, 0);
    ck_assert_str_eq(notes, "during: ");
}
END_TEST

static void crash(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_crash(reactor), 0);
}

START_TEST(crash_releases_it)
{
    drop(0);
    before(hold, cancellable());
    call_later(7, crash, NULL);
    run_until(7);
    ck_assert_int_eq(cancellations, 1);
}
END_TEST

START_TEST(what_goes_on_after_the_release_may_outlive_the_reactor)
{
    TorcDeferred *stubborn = TorcDeferred_new(NULL, NULL);
    TorcDeferred *more = cancellable();
    drop(1);
    TorcDeferred_addErrback(more, wait_step, holding[0]);
    TorcDeferred_addErrback(holding[0], wait_step, stubborn);
    before(hold, more);
    call_later(7, crash, NULL);
    run_until(7);
    end_reactor();
    TorcDeferred_errback(holding[0], failed());
    TorcDeferred_callback(stubborn, NULL, NULL);
}
END_TEST

START_TEST(an_error_of_the_loop_releases_it)
{
    drop(0);
    before(hold, cancellable());
    ck_assert_int_ne(TorcSim_run(sim), 0); /* nothing can ever happen any more */
    ck_assert_int_eq(cancellations, 1);
}
END_TEST

START_TEST(outside_of_the_phase_it_is_refused_and_the_deferred_released)
{
    drop(0);
    ck_assert_int_eq(TorcReactor_holdShutdown(reactor, cancellable()), -EINVAL);
    ck_assert_int_eq(TorcReactor_holdShutdown(NULL, cancellable()), -EINVAL);
    ck_assert_int_eq(TorcReactor_holdShutdown(reactor, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_DURING,
                                                       TORC_EVENT_SHUTDOWN, hold, cancellable(),
                                                       NULL),
                     0);
    run_until(1);
    ck_assert_int_eq(r_hold, -EINVAL);
    ck_assert_int_eq(cancellations, 3);
}
END_TEST

static void hold_without_memory(void *arg)
{
    for (long k = 0; k < 2; k++) {
        TorcDeferred *deferred = cancellable();
        TorcDeferred_addBoth(deferred, note, named("a"));
        TorcDeferred_addBoth(deferred, note, named("b")); /* a third step needs memory */
        fail_from(k);
        ck_assert_int_eq(TorcReactor_holdShutdown(reactor, deferred), -ENOMEM);
        FailingMemory_recover();
    }
    hold(arg);
}

START_TEST(without_memory_the_deferred_is_released)
{
    drop(1);
    before(hold_without_memory, holding[0]);
    call_later(4, fire, holding[0]);
    run_until(4);
    ck_assert_int_eq(cancellations, 2);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("hold shutdown");
    tcase_add_test(tcase, the_phase_lasts_until_the_deferred_has_fired);
    tcase_add_test(tcase, all_that_hold_it_must_have_fired);
    tcase_add_test(tcase, a_failure_counts_as_fired_and_is_logged);
    tcase_add_test(tcase, one_that_has_fired_holds_nothing);
    tcase_add_test(tcase, what_the_deferred_waits_for_holds_too);
    tcase_add_test(tcase, everything_is_alive_meanwhile);
    tcase_add_test(tcase, triggers_added_meanwhile_belong_to_the_phase);
    tcase_add_test(tcase, a_second_signal_releases_it);
    tcase_add_test(tcase, crash_releases_it);
    tcase_add_test(tcase, what_goes_on_after_the_release_may_outlive_the_reactor);
    tcase_add_test(tcase, an_error_of_the_loop_releases_it);
    tcase_add_test(tcase, outside_of_the_phase_it_is_refused_and_the_deferred_released);
    tcase_add_test(tcase, without_memory_the_deferred_is_released);
    return run_deferreds_with("hold shutdown", tcase, begin_hold, end_hold);
}
