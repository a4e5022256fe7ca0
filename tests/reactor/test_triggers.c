/* System event triggers and callWhenRunning, fired by hand. */
#include <check.h>

#include <torc/reactor/system_events.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "numbered_calls.h"
#include "protocols/protocol.h"

static uint64_t add(TorcPhase phase, TorcSystemEvent event, TorcFunction *function, int n)
{
    uint64_t id = 0;
    int r = TorcReactor_addSystemEventTrigger(reactor, phase, event, function, number(n), &id);
    ck_assert_int_eq(r, 0);
    ck_assert_uint_ne(id, 0);
    return id;
}

static void fire_all(TorcSystemEvent event)
{
    for (int phase = TORC_PHASE_BEFORE; phase <= TORC_PHASE_AFTER; phase++)
        torc__triggers_fire(reactor, event, (TorcPhase)phase);
}

static void set_up(void)
{
    begin_numbers();
    FailingMemory_start(-1);
}

static void tear_down(void)
{
    end_numbers();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}

START_TEST(phases_run_in_order_and_triggers_in_the_order_of_adding) /* RUN-8 */
{
    add(TORC_PHASE_AFTER, TORC_EVENT_STARTUP, run_number, 5);
    add(TORC_PHASE_BEFORE, TORC_EVENT_STARTUP, run_number, 1);
    add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, run_number, 3);
    add(TORC_PHASE_BEFORE, TORC_EVENT_STARTUP, run_number, 2);
    add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, run_number, 4);
    fire_all(TORC_EVENT_STARTUP);
    ck_assert_int_eq(ran_count, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ran[i], i + 1);
}
END_TEST

START_TEST(events_are_kept_apart)
{
    add(TORC_PHASE_AFTER, TORC_EVENT_STARTUP, run_number, 1);
    add(TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, run_number, 2);
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, run_number, number(3)), 0);
    fire_all(TORC_EVENT_SHUTDOWN);
    ck_assert_int_eq(ran_count, 1);
    ck_assert_int_eq(ran[0], 2);
    fire_all(TORC_EVENT_STARTUP);
    ck_assert_int_eq(ran_count, 2);
    ck_assert_int_eq(ran[1], 1);
}
END_TEST

START_TEST(a_trigger_runs_once) /* RUN-10 */
{
    uint64_t id = add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, run_number, 1);
    fire_all(TORC_EVENT_STARTUP);
    fire_all(TORC_EVENT_STARTUP);
    ck_assert_int_eq(ran_count, 1);
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, id), -TORC_ESTALE);
}
END_TEST

START_TEST(removal_takes_out_that_trigger_alone) /* RUN-11 */
{
    uint64_t ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = add(TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, run_number, i);
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, ids[1]), 0);
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, ids[3]), 0); /* the last */
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, ids[0]), 0); /* the first */
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, ids[1]), -TORC_ESTALE);
    add(TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN, run_number, 4);
    fire_all(TORC_EVENT_SHUTDOWN);
    ck_assert_int_eq(ran_count, 2);
    ck_assert_int_eq(ran[0], 2);
    ck_assert_int_eq(ran[1], 4);
}
END_TEST

START_TEST(removal_of_what_never_was_is_stale)
{
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, 0), -TORC_ESTALE);
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, 12345), -TORC_ESTALE);
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(NULL, 1), -EINVAL);
}
END_TEST

START_TEST(removal_and_dropping_run_destroy)
{
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy);
    uint64_t id;
    for (int phase = TORC_PHASE_BEFORE; phase <= TORC_PHASE_AFTER; phase++)
        ck_assert_int_eq(TorcReactor_addSystemEventTriggerWith(reactor, (TorcPhase)phase,
                                                               TORC_EVENT_SHUTDOWN, &call, &id),
                         0);
    ck_assert_int_eq(TorcReactor_callWhenRunningWith(reactor, &call), 0);
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, id), 0);
    ck_assert_int_eq(destroyed, 1);
    torc__triggers_done(&reactor->triggers);
    ck_assert_int_eq(destroyed, 4);
    ck_assert_int_eq(ran_count, 0);
}
END_TEST

START_TEST(destroy_follows_the_function)
{
    TorcCall call = *TORC_CALL(run_number, number(1), .destroy = count_destroy);
    TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_DURING, TORC_EVENT_STARTUP, &call,
                                          NULL);
    fire_all(TORC_EVENT_STARTUP);
    ck_assert_int_eq(ran_count, 1);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

static void add_to_same_phase(void *arg)
{
    run_number(arg);
    add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, run_number, 100 + (int)(intptr_t)arg);
}

START_TEST(a_trigger_added_to_the_phase_being_run_runs_in_it) /* RUN-10 */
{
    add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, add_to_same_phase, 1);
    add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, add_to_same_phase, 2);
    torc__triggers_fire(reactor, TORC_EVENT_STARTUP, TORC_PHASE_DURING);
    ck_assert_int_eq(ran_count, 4);
    ck_assert_int_eq(ran[1], 2);
    ck_assert_int_eq(ran[2], 101);
    ck_assert_int_eq(ran[3], 102);
}
END_TEST

static uint64_t self_id, next_id;
static int self_removed, next_removed;

static void remove_self_and_next(void *arg)
{
    run_number(arg);
    self_removed = TorcReactor_removeSystemEventTrigger(reactor, self_id);
    next_removed = TorcReactor_removeSystemEventTrigger(reactor, next_id);
}

START_TEST(a_trigger_may_remove_itself_and_others_while_it_runs)
{
    self_id = add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, remove_self_and_next, 1);
    next_id = add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, run_number, 2);
    add(TORC_PHASE_DURING, TORC_EVENT_STARTUP, run_number, 3);
    fire_all(TORC_EVENT_STARTUP);
    ck_assert_int_eq(self_removed, -TORC_ESTALE);
    ck_assert_int_eq(next_removed, 0);
    ck_assert_int_eq(ran_count, 2);
    ck_assert_int_eq(ran[1], 3);
}
END_TEST

START_TEST(call_when_running_keeps_the_order_until_startup_ends) /* RUN-6 */
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, run_number, number(i)), 0);
    ck_assert_int_eq(ran_count, 0);
    torc__triggers_fireWhenRunning(reactor);
    ck_assert_int_eq(ran_count, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ran[i], i);
}
END_TEST

START_TEST(call_when_running_of_a_running_reactor_comes_in_the_next_turn) /* RUN-6 */
{
    reactor->state = TORC__RUNNING;
    TorcCall call = *TORC_CALL(run_number, number(2), .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, run_number, number(1)), 0);
    ck_assert_int_eq(TorcReactor_callWhenRunningWith(reactor, &call), 0);
    ck_assert_int_eq(ran_count, 0);
    FakeReactor_advance(&fake, 0);
    ck_assert_int_eq(ran_count, 2);
    ck_assert_int_eq(ran[0], 1);
    ck_assert_int_eq(ran[1], 2);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

static void call_when_running_again(void *arg)
{
    run_number(arg);
    TorcReactor_callWhenRunning(reactor, run_number, number(2));
}

START_TEST(a_call_when_running_made_by_another_waits_for_the_next_turn)
{
    TorcReactor_callWhenRunning(reactor, call_when_running_again, number(1));
    reactor->state = TORC__RUNNING;
    torc__triggers_fireWhenRunning(reactor);
    ck_assert_int_eq(ran_count, 1);
    FakeReactor_advance(&fake, 0);
    ck_assert_int_eq(ran_count, 2);
}
END_TEST

START_TEST(bad_arguments_are_refused_and_destroyed) /* RUN-11 */
{
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy);
    static const struct {
        int phase, event;
    } bad[] = {{0, TORC_EVENT_STARTUP},
               {TORC_PHASE_AFTER + 1, TORC_EVENT_SHUTDOWN},
               {TORC_PHASE_DURING, 0},
               {TORC_PHASE_DURING, TORC_EVENT_SHUTDOWN + 1}};
    for (int i = 0; i < 4; i++) {
        TorcPhase phase = (TorcPhase)bad[i].phase;
        TorcSystemEvent event = (TorcSystemEvent)bad[i].event;
        uint64_t id = 77;
        ck_assert_int_eq(
            TorcReactor_addSystemEventTrigger(reactor, phase, event, run_number, NULL, &id),
            -EINVAL);
        ck_assert_int_eq(TorcReactor_addSystemEventTriggerWith(reactor, phase, event, &call, &id),
                         -EINVAL);
        ck_assert_uint_eq(id, 77);
        ck_assert_int_eq(destroyed, i + 1);
    }
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_DURING,
                                                       TORC_EVENT_STARTUP, NULL, NULL, NULL),
                     -EINVAL);
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_callWhenRunning(NULL, run_number, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_callWhenRunningWith(reactor, NULL), -EINVAL);
    ck_assert_int_eq(destroyed, 4);
}
END_TEST

START_TEST(triggers_are_not_bound_to_protocols)
{
    TorcProtocol protocol = {0};
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy, .protocol = &protocol);
    ck_assert_int_eq(TorcReactor_callWhenRunningWith(reactor, &call), -EINVAL);
    ck_assert_int_eq(TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_DURING,
                                                           TORC_EVENT_STARTUP, &call, NULL),
                     -EINVAL);
    ck_assert_int_eq(destroyed, 2);
}
END_TEST

START_TEST(out_of_memory_destroys_and_adds_nothing)
{
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy);
    FailingMemory_start(0);
    ck_assert_int_eq(TorcReactor_callWhenRunningWith(reactor, &call), -ENOMEM);
    FailingMemory_start(0);
    ck_assert_int_eq(TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_DURING,
                                                           TORC_EVENT_STARTUP, &call, NULL),
                     -ENOMEM);
    ck_assert_int_eq(destroyed, 2);
    fire_all(TORC_EVENT_STARTUP);
    torc__triggers_fireWhenRunning(reactor);
    ck_assert_int_eq(ran_count, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("triggers");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, phases_run_in_order_and_triggers_in_the_order_of_adding);
    tcase_add_test(tcase, events_are_kept_apart);
    tcase_add_test(tcase, a_trigger_runs_once);
    tcase_add_test(tcase, removal_takes_out_that_trigger_alone);
    tcase_add_test(tcase, removal_of_what_never_was_is_stale);
    tcase_add_test(tcase, removal_and_dropping_run_destroy);
    tcase_add_test(tcase, destroy_follows_the_function);
    tcase_add_test(tcase, a_trigger_added_to_the_phase_being_run_runs_in_it);
    tcase_add_test(tcase, a_trigger_may_remove_itself_and_others_while_it_runs);
    tcase_add_test(tcase, call_when_running_keeps_the_order_until_startup_ends);
    tcase_add_test(tcase, call_when_running_of_a_running_reactor_comes_in_the_next_turn);
    tcase_add_test(tcase, a_call_when_running_made_by_another_waits_for_the_next_turn);
    tcase_add_test(tcase, bad_arguments_are_refused_and_destroyed);
    tcase_add_test(tcase, triggers_are_not_bound_to_protocols);
    tcase_add_test(tcase, out_of_memory_destroys_and_adds_nothing);
    return run_case("triggers", tcase);
}
