/* System event triggers, and callWhenRunning.
 *
 * Thread: the reactor's. Owner: a trigger belongs to its list until it is taken out to be run,
 * removed or dropped. Invariant: it is out of its list before its function or its destroy function
 * is called, so both may add and remove triggers, those of the phase being run included. */

#include "reactor_internal.h"

struct TorcTrigger {
    TorcTrigger *next;
    uint64_t id;
    TorcKeptCall call;
};

const char *torc__triggerList_name(int list)
{
    static const char *const names[TORC__TRIGGER_LISTS] = {
        [TORC__STARTUP_BEFORE] = "trigger before startup",
        [TORC__STARTUP_DURING] = "trigger during startup",
        [TORC__STARTUP_AFTER] = "trigger after startup",
        [TORC__WHEN_RUNNING] = "call when running",
        [TORC__SHUTDOWN_BEFORE] = "trigger before shutdown",
        [TORC__SHUTDOWN_DURING] = "trigger during shutdown",
        [TORC__SHUTDOWN_AFTER] = "trigger after shutdown",
    };
    return names[list];
}

/* The list of a phase, or -EINVAL. */
static int list_of(TorcSystemEvent event, TorcPhase phase)
{
    TORC__REQUIRE(event == TORC_EVENT_STARTUP || event == TORC_EVENT_SHUTDOWN);
    TORC__REQUIRE(phase >= TORC_PHASE_BEFORE && phase <= TORC_PHASE_AFTER);
    int first = event == TORC_EVENT_STARTUP ? TORC__STARTUP_BEFORE : TORC__SHUTDOWN_BEFORE;
    return first + (int)phase - TORC_PHASE_BEFORE;
}

static int append(TorcTriggers *triggers, int list, TorcKeptCall call, uint64_t *ret_id)
{
    TorcTrigger *trigger = torc__malloc(sizeof(*trigger));
    if (!trigger) {
        torc__call_destroy(&call);
        return -ENOMEM;
    }
    *trigger = (TorcTrigger){NULL, ++triggers->last_id, call};
    TorcTrigger *last = triggers->lists[list].last;
    *(last ? &last->next : &triggers->lists[list].first) = trigger;
    triggers->lists[list].last = trigger;
    if (ret_id)
        *ret_id = trigger->id;
    return 0;
}

/* Takes out the trigger after `previous`, which is NULL for the first. */
static TorcKeptCall take(TorcTriggers *triggers, int list, TorcTrigger *previous)
{
    TorcTrigger **link = previous ? &previous->next : &triggers->lists[list].first;
    TorcTrigger *trigger = *link;
    TorcKeptCall call = trigger->call;
    *link = trigger->next;
    if (!trigger->next)
        triggers->lists[list].last = previous;
    torc__free(trigger);
    return call;
}

static void run_list(TorcReactor *reactor, int list)
{
    TorcTriggers *triggers = &reactor->triggers;
    while (triggers->lists[list].first) {
        TorcKeptCall call = take(triggers, list, NULL);
        torc__call_runObserved(reactor, &call, torc__triggerList_name(list));
    }
}

void torc__triggers_fire(TorcReactor *reactor, TorcSystemEvent event, TorcPhase phase)
{
    int list = list_of(event, phase);
    assert(list >= 0);
    run_list(reactor, list);
}

void torc__triggers_fireWhenRunning(TorcReactor *reactor)
{
    run_list(reactor, TORC__WHEN_RUNNING);
}

void torc__triggers_dump(const TorcDump *dump, const TorcTriggers *triggers, int list)
{
    char text[TORC__FUNCTION_TEXT_SIZE];

    for (const TorcTrigger *trigger = triggers->lists[list].first; trigger; trigger = trigger->next)
        torc__dump_print(dump, "%s: function %s", torc__triggerList_name(list),
                         torc__function_text((uintptr_t)trigger->call.function, text));
}

void torc__triggers_done(TorcTriggers *triggers)
{
    for (int list = 0; list < TORC__TRIGGER_LISTS; list++) {
        while (triggers->lists[list].first) {
            TorcKeptCall call = take(triggers, list, NULL);
            torc__call_destroy(&call);
        }
    }
}

static int add_trigger(TorcReactor *reactor, int list, TorcKeptCall call, uint64_t *ret_id)
{
    /* What joins an open phase is run at the end of this turn, which must not sleep first. */
    if (list == TORC__SHUTDOWN_BEFORE && reactor->state == TORC__BEFORE_SHUTDOWN)
        reactor->work_left = true;
    return append(&reactor->triggers, list, call, ret_id);
}

int TorcReactor_addSystemEventTrigger(TorcReactor *reactor, TorcPhase phase, TorcSystemEvent event,
                                      TorcFunction *function, void *arg, uint64_t *ret_id)
{
    TORC__REQUIRE(reactor && function);
    TORC__ON_THREAD_OF(reactor);
    int list = list_of(event, phase);
    if (list < 0)
        return list;
    return add_trigger(reactor, list, (TorcKeptCall){function, arg, NULL}, ret_id);
}

int TorcReactor_addSystemEventTriggerWith(TorcReactor *reactor, TorcPhase phase,
                                          TorcSystemEvent event, const TorcCall *call,
                                          uint64_t *ret_id)
{
    int list = list_of(event, phase);
    int r = reactor && list >= 0 ? torc__call_check(call, false) : -EINVAL;
    if (r < 0)
        return torc__call_refuse(call, r);
    TorcKeptCall kept = {call->function, call->arg, call->destroy};
    return add_trigger(reactor, list, kept, ret_id);
}

/* Linear in the number of triggers: there are few, and removal is rare. */
int TorcReactor_removeSystemEventTrigger(TorcReactor *reactor, uint64_t id)
{
    TORC__REQUIRE(reactor);
    TORC__ON_THREAD_OF(reactor);
    TorcTriggers *triggers = &reactor->triggers;
    for (int list = 0; list < TORC__TRIGGER_LISTS; list++) {
        TorcTrigger *previous = NULL;
        TorcTrigger *trigger = triggers->lists[list].first;
        while (trigger && trigger->id != id) {
            previous = trigger;
            trigger = trigger->next;
        }
        if (trigger) {
            TorcKeptCall call = take(triggers, list, previous);
            torc__call_destroy(&call);
            return 0;
        }
    }
    return -TORC_ESTALE;
}

/* A running reactor makes the call in its next turn, not at once: no callback runs before the call
 * that caused it has returned. */
static int call_when_running(TorcReactor *reactor, TorcKeptCall call)
{
    if (TorcReactor_running(reactor))
        return torc__callLater(reactor, 0, call.function, call.arg, call.destroy, NULL, NULL);
    return append(&reactor->triggers, TORC__WHEN_RUNNING, call, NULL);
}

int TorcReactor_callWhenRunning(TorcReactor *reactor, TorcFunction *function, void *arg)
{
    TORC__REQUIRE(reactor && function);
    TORC__ON_THREAD_OF(reactor);
    return call_when_running(reactor, (TorcKeptCall){function, arg, NULL});
}

int TorcReactor_callWhenRunningWith(TorcReactor *reactor, const TorcCall *call)
{
    TORC__ON_THREAD_OF(reactor);
    int r = reactor ? torc__call_check(call, false) : -EINVAL;
    if (r < 0)
        return torc__call_refuse(call, r);
    return call_when_running(reactor, (TorcKeptCall){call->function, call->arg, call->destroy});
}
