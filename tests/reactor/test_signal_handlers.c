/* addSignalHandler: in the simulation, where signals come at a virtual time, and with real ones. */
#include <pthread.h>
#include <signal.h>

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

enum { SIMULATED, REAL, PLACES };

static int told, destroyed;
static TorcReactor *other;

/* The test runner has handlers of its own, which a reactor would leave alone. */
static void begin_in(int place, const TorcReactorOptions *options)
{
    told = destroyed = 0;
    if (place == SIMULATED) {
        begin_with(EDGE, TORC_SIM_OPTIONS(.seed = 1, .reactor = options));
        return;
    }
    sim = NULL;
    if (signal(SIGINT, SIG_DFL) == SIG_IGN)
        (void)signal(SIGINT, SIG_IGN); /* a test's own wish */
    reactor = TorcReactor_new(options);
    ck_assert_ptr_nonnull(reactor);
}

static void end_in(void)
{
    if (sim)
        TorcSim_free(sim);
    else
        TorcReactor_free(reactor);
    sim = NULL;
}

static void send_signal(int signo)
{
    if (sim)
        TorcSim_raise(sim, signo);
    else
        ck_assert_int_eq(raise(signo), 0);
}

static void send_later(void *signo)
{
    send_signal((int)(intptr_t)signo);
}

static void send_after(double seconds, int signo)
{
    int r = TorcReactor_callLater(reactor, seconds, send_later, (void *)(intptr_t)signo, NULL);
    ck_assert_int_eq(r, 0);
}

static void run(void)
{
    ck_assert_int_eq(sim ? TorcSim_run(sim) : TorcReactor_run(reactor), 0);
}

static void look_around(void)
{
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
}

static bool action_is_default(int signo)
{
    struct sigaction present;
    ck_assert_int_eq(sigaction(signo, NULL, &present), 0);
    return present.sa_handler == SIG_DFL;
}

static void tell(void *arg)
{
    (void)arg;
    ck_assert(TorcReactor_isInIOThread(reactor));
    told++;
}

static void tell_and_stop(void *arg)
{
    tell(arg);
    (void)TorcReactor_stop(reactor);
}

static void count_destroy(void *arg)
{
    ck_assert_ptr_eq(arg, &destroyed);
    destroyed++;
}

static void add(int signo, TorcFunction *function)
{
    const TorcCall *call = TORC_CALL(function, &destroyed, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_addSignalHandlerWith(reactor, signo, call), 0);
}

/* ---- what is told, and when ---------------------------------------------------------------- */

START_TEST(a_signal_is_told_by_the_loop_and_not_at_once) /* RUN-15, BUG-39 */
{
    begin_in(_i, NULL);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGHUP, tell_and_stop, NULL), 0);
    send_after(0.01, SIGHUP);
    run();
    ck_assert_int_eq(told, 1);
    send_signal(SIGHUP);
    ck_assert_int_eq(told, 1);
    look_around();
    ck_assert_int_eq(told, 2);
    end_in();
}
END_TEST

START_TEST(a_handler_works_before_and_between_runs)
{
    begin_in(_i, NULL);
    add(SIGUSR1, tell_and_stop);
    for (int i = 1; i <= 3; i++) {
        send_signal(SIGUSR1);
        ck_assert_int_eq(told, i - 1);
        run();
        ck_assert_int_eq(told, i);
    }
    ck_assert_int_eq(destroyed, 0);
    end_in();
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(many_arrivals_within_a_turn_are_told_once)
{
    begin_in(_i, NULL);
    add(SIGUSR1, tell);
    for (int i = 0; i < 100; i++)
        send_signal(SIGUSR1);
    look_around();
    look_around();
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

static int order[4], ordered;

static void note_one(void *arg)
{
    (void)arg;
    order[ordered++] = 1;
}

static void note_two(void *arg)
{
    (void)arg;
    order[ordered++] = 2;
}

START_TEST(different_signals_have_different_handlers)
{
    begin_in(_i, NULL);
    ordered = 0;
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR1, note_one, NULL), 0);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR2, note_two, NULL), 0);
    send_signal(SIGUSR1);
    send_signal(SIGUSR2);
    look_around();
    ck_assert_int_eq(ordered, 2);
    ck_assert_int_eq(order[0], 1);
    ck_assert_int_eq(order[1], 2);
    end_in();
}
END_TEST

START_TEST(a_handler_needs_no_signals_that_stop)
{
    begin_in(_i, TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    add(SIGUSR1, tell_and_stop);
    send_after(0.01, SIGUSR1);
    run();
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

/* ---- removing ------------------------------------------------------------------------------ */

START_TEST(a_removed_handler_is_told_nothing_and_its_argument_destroyed)
{
    begin_in(_i, NULL);
    add(SIGWINCH, tell); /* which is ignored by default */
    send_signal(SIGWINCH);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGWINCH), 0);
    ck_assert_int_eq(destroyed, 1);
    send_signal(SIGWINCH);
    look_around();
    ck_assert_int_eq(told, 0);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGWINCH), -TORC_ESTALE);
    add(SIGWINCH, tell); /* what had arrived was forgotten */
    look_around();
    ck_assert_int_eq(told, 0);
    end_in();
    ck_assert_int_eq(destroyed, 2);
}
END_TEST

static void remove_itself(void *arg)
{
    tell(arg);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGUSR1), 0);
    ck_assert_int_eq(destroyed, 0); /* the argument is still in use */
}

START_TEST(a_handler_may_remove_itself)
{
    begin_in(_i, NULL);
    add(SIGUSR1, remove_itself);
    send_signal(SIGUSR1);
    look_around();
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(destroyed, 1);
    end_in();
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

static void replace_itself(void *arg)
{
    remove_itself(arg);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR1, tell, NULL), 0);
}

START_TEST(a_handler_may_put_another_in_its_place)
{
    begin_in(_i, NULL);
    add(SIGUSR1, replace_itself);
    for (int i = 1; i <= 2; i++) {
        send_signal(SIGUSR1);
        look_around();
        ck_assert_int_eq(told, i);
    }
    ck_assert_int_eq(destroyed, 1);
    end_in();
}
END_TEST

static void remove_other(void *arg)
{
    tell(arg);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGUSR2), 0);
}

START_TEST(a_handler_that_another_has_removed_is_not_told_of_what_had_arrived)
{
    begin_in(_i, NULL);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR1, remove_other, NULL), 0);
    add(SIGUSR2, tell);
    send_signal(SIGUSR1);
    send_signal(SIGUSR2);
    look_around();
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

static void add_again(void *arg)
{
    count_destroy(arg);
    if (destroyed < 5)
        (void)TorcReactor_addSignalHandlerWith(reactor, SIGUSR1,
                                               TORC_CALL(tell, &destroyed, .destroy = add_again));
}

START_TEST(a_destroy_function_may_add_a_handler_while_the_reactor_is_freed)
{
    begin_in(_i, NULL);
    const TorcCall *call = TORC_CALL(tell, &destroyed, .destroy = add_again);
    ck_assert_int_eq(TorcReactor_addSignalHandlerWith(reactor, SIGUSR1, call), 0);
    end_in();
    ck_assert_int_eq(destroyed, 5);
    ck_assert(action_is_default(SIGUSR1));
}
END_TEST

/* ---- SIGINT and SIGTERM -------------------------------------------------------------------- */

static int sent;

/* What comes next begins only here: two signals between two looks of the loop are one. */
static void tell_and_send_another(void *arg)
{
    tell(arg);
    if (told == 1)
        send_after(0, sent);
    else
        stop_after(0);
}

START_TEST(a_handler_takes_the_place_of_stopping)
{
    static const int signos[] = {SIGINT, SIGTERM};
    sent = signos[_i / PLACES];
    begin_in(_i % PLACES, NULL);
    add(sent, tell_and_send_another);
    send_after(0.01, sent);
    run();
    ck_assert_int_eq(told, 2);
    end_in();
}
END_TEST

START_TEST(the_other_signal_stops_still)
{
    begin_in(_i, NULL);
    add(SIGINT, tell);
    send_after(0.01, SIGINT);
    send_after(0.02, SIGTERM);
    run();
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

static void tell_and_drop_handler(void *arg)
{
    tell(arg);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGTERM), 0);
    send_after(0, SIGTERM);
}

START_TEST(without_its_handler_the_signal_stops_the_run_again)
{
    begin_in(_i, NULL);
    add(SIGTERM, tell_and_drop_handler);
    send_after(0.01, SIGTERM);
    run();
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

static void take_over(void *arg)
{
    (void)arg;
    add(SIGINT, tell);
}

START_TEST(a_handler_that_is_added_during_the_run_takes_the_place_too)
{
    begin_in(_i, NULL);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.01, take_over, NULL, NULL), 0);
    send_after(0.02, SIGINT);
    stop_after(0.03);
    run();
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

/* As a program does that asks before it goes. */
static void stop_or_crash(void *arg)
{
    tell(arg);
    if (TorcReactor_stop(reactor) < 0)
        ck_assert_int_eq(TorcReactor_crash(reactor), 0);
}

START_TEST(a_handler_can_end_the_grace_period) /* RUN-16 */
{
    begin_with(EDGE, TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 4096));
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    Recording_clear(&rec);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGINT, stop_or_crash, NULL), 0);
    send_after(1, SIGINT);
    send_after(2, SIGINT);
    run();
    ck_assert_double_eq(TorcSim_seconds(sim), 2);
    ck_assert_str_eq(rec.log, "lost:SHUTDOWN");
    end();
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------ */

START_TEST(signals_that_no_loop_can_wait_for_are_refused)
{
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
                                  SIGTRAP, SIGSYS,  SIGABRT, 0,      -1,     1000};
    begin_in(_i, NULL);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const TorcCall *call = TORC_CALL(tell, &destroyed, .destroy = count_destroy);
        int r = TorcReactor_addSignalHandlerWith(reactor, refused[i], call);
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_int_eq(destroyed, (int)i + 1);
        ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, refused[i]), -TORC_ESTALE);
    }
    end_in();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    begin_in(_i, NULL);
    TorcCall bound = *TORC_CALL(tell, &destroyed, .destroy = count_destroy);
    TorcProtocol protocol = {0};
    bound.protocol = &protocol;
    ck_assert_int_eq(TorcReactor_addSignalHandler(NULL, SIGHUP, tell, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGHUP, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_addSignalHandlerWith(reactor, SIGHUP, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_addSignalHandlerWith(reactor, SIGHUP, &bound), -EINVAL);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(NULL, SIGHUP), -EINVAL);
    end_in();
}
END_TEST

START_TEST(a_signal_has_one_handler)
{
    begin_in(_i, NULL);
    add(SIGHUP, tell);
    const TorcCall *call = TORC_CALL(tell, &destroyed, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_addSignalHandlerWith(reactor, SIGHUP, call), -EBUSY);
    ck_assert_int_eq(destroyed, 1);
    send_signal(SIGHUP);
    look_around();
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

START_TEST(without_memory_nothing_is_caught)
{
    begin_in(REAL, NULL);
    FailingMemory_start(0);
    const TorcCall *call = TORC_CALL(tell, &destroyed, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_addSignalHandlerWith(reactor, SIGUSR2, call), -ENOMEM);
    FailingMemory_stop();
    ck_assert_int_eq(destroyed, 1);
    ck_assert(action_is_default(SIGUSR2));
    end_in();
}
END_TEST

/* ---- the process's signals ----------------------------------------------------------------- */

START_TEST(a_signal_belongs_to_one_reactor_at_a_time)
{
    begin_in(REAL, NULL);
    other = TorcReactor_new(NULL);
    add(SIGUSR2, tell);
    ck_assert_int_eq(TorcReactor_addSignalHandler(other, SIGUSR2, tell, NULL), -EBUSY);
    ck_assert_int_eq(TorcReactor_addSignalHandler(other, SIGUSR1, tell, NULL), 0);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGUSR2), 0);
    ck_assert_int_eq(TorcReactor_addSignalHandler(other, SIGUSR2, tell, NULL), 0);
    TorcReactor_free(other);
    ck_assert(action_is_default(SIGUSR2));
    ck_assert(action_is_default(SIGUSR1));
    end_in();
}
END_TEST

START_TEST(a_reactor_whose_signals_another_has_does_not_run)
{
    begin_in(REAL, NULL);
    other = TorcReactor_new(NULL);
    add(SIGTERM, tell);
    ck_assert_int_eq(TorcReactor_run(other), -EBUSY);
    ck_assert(action_is_default(SIGINT)); /* the first of the two was given back */
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGTERM), 0);
    TorcReactor_free(other);
    end_in();
}
END_TEST

static void check_other(void *arg)
{
    int *code = arg;
    *code = TorcReactor_addSignalHandler(other, SIGINT, tell, NULL);
    (void)TorcReactor_stop(reactor);
}

START_TEST(the_signals_that_stop_a_running_reactor_are_its_own)
{
    int code = 0;
    begin_in(REAL, NULL);
    other = TorcReactor_new(NULL);
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, check_other, &code), 0);
    run();
    ck_assert_int_eq(code, -EBUSY);
    TorcReactor_free(other);
    end_in();
}
END_TEST

static int own_calls;

static void own_handler(int signo)
{
    (void)signo;
    own_calls++;
}

START_TEST(the_former_action_is_restored)
{
    struct sigaction action = {.sa_handler = own_handler};
    ck_assert_int_eq(sigaction(SIGHUP, &action, NULL), 0);
    begin_in(REAL, NULL);
    add(SIGHUP, tell);
    send_signal(SIGHUP);
    look_around();
    ck_assert_int_eq(own_calls, 0);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGHUP), 0);
    send_signal(SIGHUP);
    ck_assert_int_eq(own_calls, 1);
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

static void drop_and_look(void *arg)
{
    struct sigaction present;
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGINT), 0);
    ck_assert_int_eq(sigaction(SIGINT, NULL, &present), 0);
    *(bool *)arg = present.sa_handler == SIG_IGN;
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

START_TEST(an_ignored_SIGINT_is_ignored_again_without_its_handler) /* RUN-13 */
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    bool ignored = false;
    ck_assert_int_eq(sigaction(SIGINT, &action, NULL), 0);
    begin_in(REAL, NULL);
    add(SIGINT, tell);
    send_after(0.01, SIGINT);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.02, drop_and_look, &ignored, NULL), 0);
    run();
    ck_assert_int_eq(told, 1);
    ck_assert(ignored);
    end_in();
}
END_TEST

static void *send_from_thread(void *arg)
{
    (void)arg;
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    nanosleep(&moment, NULL);
    pthread_kill(pthread_self(), SIGUSR1); /* so the handler runs on this thread */
    return NULL;
}

START_TEST(a_signal_on_another_thread_wakes_the_loop_and_is_told_on_its_own) /* RUN-15 */
{
    pthread_t thread;
    begin_in(REAL, NULL);
    add(SIGUSR1, tell_and_stop);
    ck_assert_int_eq(pthread_create(&thread, NULL, send_from_thread, NULL), 0);
    run();
    pthread_join(thread, NULL);
    ck_assert_int_eq(told, 1);
    end_in();
}
END_TEST

RUN_LOOP_TESTS(
    "signal handlers", {a_signal_is_told_by_the_loop_and_not_at_once, PLACES},
    {a_handler_works_before_and_between_runs, PLACES},
    {many_arrivals_within_a_turn_are_told_once, PLACES},
    {different_signals_have_different_handlers, PLACES},
    {a_handler_needs_no_signals_that_stop, PLACES},
    {a_removed_handler_is_told_nothing_and_its_argument_destroyed, PLACES},
    {a_handler_may_remove_itself, PLACES}, {a_handler_may_put_another_in_its_place, PLACES},
    {a_handler_that_another_has_removed_is_not_told_of_what_had_arrived, PLACES},
    {a_destroy_function_may_add_a_handler_while_the_reactor_is_freed, PLACES},
    {a_handler_takes_the_place_of_stopping, 2 * PLACES}, {the_other_signal_stops_still, PLACES},
    {without_its_handler_the_signal_stops_the_run_again, PLACES},
    {a_handler_that_is_added_during_the_run_takes_the_place_too, PLACES},
    {a_handler_can_end_the_grace_period, 1},
    {signals_that_no_loop_can_wait_for_are_refused, PLACES}, {bad_arguments_are_refused, PLACES},
    {a_signal_has_one_handler, PLACES}, {without_memory_nothing_is_caught, 1},
    {a_signal_belongs_to_one_reactor_at_a_time, 1},
    {a_reactor_whose_signals_another_has_does_not_run, 1},
    {the_signals_that_stop_a_running_reactor_are_its_own, 1}, {the_former_action_is_restored, 1},
    {an_ignored_SIGINT_is_ignored_again_without_its_handler, 1},
    {a_signal_on_another_thread_wakes_the_loop_and_is_told_on_its_own, 1})
