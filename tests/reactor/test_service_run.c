/* Services that run with a reactor, on the virtual clock. */
#include <signal.h>

#include "service_fixture.h"

static TorcSim *sim;
static TorcReactor *reactor;
static Part *part;

static void begin(void)
{
    TorcFactory_unref(
        TorcFactory_forProtocol(&torc_echo_class)); /* the table is resolved for ever */
    set_up();
    sim = TorcSim_new(1);
    ck_assert_ptr_nonnull(sim);
    reactor = TorcSim_reactor(sim);
    part = new_plain("a");
}

static void end(void)
{
    TorcSim_free(sim);
    tear_down();
}

/* The reactor has the only reference. */
static void run_with(void)
{
    ck_assert_int_eq(TorcService_runWith(&part->base, reactor), 0);
    drop(part);
}

static void later(double delay, TorcFunction *function)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, delay, function, NULL, NULL), 0);
}

static void stop_reactor(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

static void crash_reactor(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_crash(reactor), 0);
}

static void raise_signal(void *arg)
{
    (void)arg;
    TorcSim_raise(sim, SIGTERM);
}

static void end_of_part(void *arg)
{
    (void)arg;
    end_part(part);
}

static void end_other(void *other)
{
    end_part(other);
}

static void failure_of_part(void *arg)
{
    (void)arg;
    fail_part(part);
}

static void run_late(void *arg)
{
    (void)arg;
    run_with();
}

static void check_it_runs(void *arg)
{
    (void)arg;
    ck_assert(part->base.running);
    ck_notes("a+ ");
}

static void run_until(double seconds)
{
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq_tol(TorcSim_seconds(sim), seconds, 1e-6);
}

START_TEST(it_starts_when_the_reactor_runs_and_stops_with_it) /* SVC-3 */
{
    run_with();
    ck_notes("");
    later(1, check_it_runs);
    later(2, stop_reactor);
    run_until(2);
    ck_notes("a- a~ ");
}
END_TEST

static void check_ports_are_open(Part *stopped)
{
    (void)stopped;
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 2); /* the port and its spare */
}

START_TEST(it_stops_while_everything_is_still_alive) /* SVC-3 */
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 8881, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    part->on_stop = check_ports_are_open;
    run_with();
    later(1, stop_reactor);
    run_until(1);
}
END_TEST

START_TEST(the_shutdown_waits_for_its_end) /* SVC-3 */
{
    part->slow = true;
    run_with();
    later(1, stop_reactor);
    later(61, end_of_part); /* longer than the grace period, which is for connections */
    run_until(61);
    ck_notes("a+ a- a. a~ ");
}
END_TEST

START_TEST(the_shutdown_waits_for_an_end_that_came_under_way_before)
{
    part->slow = true;
    TorcService_ref(&part->base);
    run_with();
    TorcSim_advance(sim, 0);
    later(9, end_of_part);
    later(1, stop_reactor);
    ck_assert_int_eq(TorcService_start(&part->base), 0);
    ck_assert_int_eq(TorcService_stop(&part->base, NULL), 0);
    part->slow = false; /* the start of run has nothing to wait for */
    run_until(9);
    ck_notes("a+ a- a+ a- a. ");
    drop(part);
}
END_TEST

START_TEST(a_second_signal_does_not_wait) /* SVC-3 */
{
    part->slow = true;
    TorcService_ref(&part->base);
    run_with();
    later(1, raise_signal);
    later(3, raise_signal);
    later(60, end_of_part);
    run_until(3);
    ck_assert_int_eq(part->cancelled, 1);
    ck_notes("a+ a- ");
    drop(part);
}
END_TEST

START_TEST(a_failing_end_is_logged_and_holds_up_nobody)
{
    part->slow = true;
    run_with();
    later(1, stop_reactor);
    later(2, failure_of_part);
    run_until(2);
    ck_logged("service.stop-failed service=\"plain\" code=-5");
}
END_TEST

START_TEST(one_that_cannot_start_stops_the_reactor)
{
    part->start_result = -EADDRINUSE;
    TorcService_ref(&part->base);
    run_with();
    run_until(0);
    ck_assert_int_eq(part->base.error, -EADDRINUSE);
    ck_logged("service.start-failed service=\"plain\" code=-98");
    ck_notes("a+ ");
    drop(part);
}
END_TEST

START_TEST(a_tree_runs_too)
{
    TorcMultiService *tree = TorcMultiService_new();
    TorcService *top = TorcMultiService_service(tree);
    Part *b = new_plain("b");
    ck_assert_int_eq(TorcMultiService_addService(tree, &part->base), 0);
    ck_assert_int_eq(TorcMultiService_addService(tree, &b->base), 0);
    drop(part);
    drop(b);
    part->slow = true;
    ck_assert_int_eq(TorcService_runWith(top, reactor), 0);
    TorcService_unref(top);
    later(1, stop_reactor);
    later(4, end_of_part);
    run_until(4);
    ck_notes("a+ b+ b- a- a. b~ a~ ");
}
END_TEST

START_TEST(with_a_running_reactor_it_starts_in_the_next_turn)
{
    TorcService_ref(&part->base);
    later(1, crash_reactor);
    run_until(1);
    later(1, run_late);
    later(2, check_it_runs);
    later(3, stop_reactor);
    run_until(1 + 3);
    ck_notes("a- ");
    drop(part);
}
END_TEST

START_TEST(it_holds_for_one_run)
{
    TorcService_ref(&part->base);
    run_with();
    later(1, stop_reactor);
    run_until(1);
    ck_notes("a+ a- ");
    later(1, stop_reactor);
    run_until(2);
    ck_notes("");
    drop(part);
}
END_TEST

START_TEST(after_a_crash_it_runs_on_and_stops_with_the_next_shutdown)
{
    TorcService_ref(&part->base);
    run_with();
    later(1, crash_reactor);
    run_until(1);
    ck_notes("a+ ");
    ck_assert(part->base.running);
    later(1, stop_reactor);
    run_until(2);
    ck_notes("a- ");
    drop(part);
}
END_TEST

START_TEST(when_the_reactor_is_freed_it_is_let_go)
{
    run_with();
    TorcSim_free(sim);
    ck_notes("a~ ");
    sim = TorcSim_new(1);
}
END_TEST

START_TEST(when_the_reactor_is_freed_after_a_crash_it_is_stopped)
{
    TorcService_ref(&part->base);
    run_with();
    later(1, crash_reactor);
    run_until(1);
    TorcSim_free(sim);
    ck_notes("a+ a- ");
    ck_assert(!part->base.running);
    drop(part);
    sim = TorcSim_new(1);
}
END_TEST

START_TEST(added_while_the_shutdown_is_held_up_it_does_not_start)
{
    Part *slow = new_plain("b");
    slow->slow = true;
    ck_assert_int_eq(TorcService_runWith(&slow->base, reactor), 0);
    drop(slow);
    later(1, stop_reactor);
    later(2, run_late);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 3, end_other, slow, NULL), 0);
    run_until(3);
    ck_notes("b+ b- a~ b. b~ ");
}
END_TEST

static void try_to_run(void *arg)
{
    *(int *)arg = TorcService_runWith(&part->base, reactor);
}

START_TEST(a_reactor_that_shuts_down_takes_none)
{
    int r = 1;
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_DURING,
                                                       TORC_EVENT_SHUTDOWN, try_to_run, &r, NULL),
                     0);
    later(1, stop_reactor);
    run_until(1);
    ck_assert_int_eq(r, -TORC_ENOTRUNNING);
    ck_assert_int_eq(TorcService_runWith(NULL, reactor), -EINVAL);
    ck_assert_int_eq(TorcService_runWith(&part->base, NULL), -EINVAL);
    drop(part);
}
END_TEST

START_TEST(stopped_before_its_turn_it_does_not_start)
{
    later(1, crash_reactor);
    run_until(1);
    later(1, stop_reactor);
    later(1, run_late);
    run_until(2);
    ck_notes("a~ ");
}
END_TEST

START_TEST(out_of_memory_nothing_is_left)
{
    int r = -ENOMEM;
    for (long k = 0; r == -ENOMEM; k++) {
        failing_memory.fail_at = failing_memory.allocations + k;
        r = TorcService_runWith(&part->base, reactor);
        ck_assert(r == 0 || r == -ENOMEM);
        ck_assert_uint_eq(part->base.references, r == 0 ? 2 : 1);
        ck_assert(r == 0 || k < 3);
    }
    FailingMemory_recover();
    drop(part);
    later(1, stop_reactor);
    run_until(1);
    ck_notes("a+ a- a~ ");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {it_starts_when_the_reactor_runs_and_stops_with_it,
                                  it_stops_while_everything_is_still_alive,
                                  the_shutdown_waits_for_its_end,
                                  the_shutdown_waits_for_an_end_that_came_under_way_before,
                                  a_second_signal_does_not_wait,
                                  a_failing_end_is_logged_and_holds_up_nobody,
                                  one_that_cannot_start_stops_the_reactor,
                                  a_tree_runs_too,
                                  with_a_running_reactor_it_starts_in_the_next_turn,
                                  it_holds_for_one_run,
                                  after_a_crash_it_runs_on_and_stops_with_the_next_shutdown,
                                  when_the_reactor_is_freed_it_is_let_go,
                                  when_the_reactor_is_freed_after_a_crash_it_is_stopped,
                                  added_while_the_shutdown_is_held_up_it_does_not_start,
                                  a_reactor_that_shuts_down_takes_none,
                                  stopped_before_its_turn_it_does_not_start,
                                  out_of_memory_nothing_is_left,
                                  NULL};
    return run_services_with("service run", tests, begin, end);
}
