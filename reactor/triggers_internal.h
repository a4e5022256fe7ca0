/* System event triggers and callWhenRunning: lists of calls by event and phase. */
#ifndef TORC_REACTOR_TRIGGERS_INTERNAL_H
#define TORC_REACTOR_TRIGGERS_INTERNAL_H

#include "api.h"
#include "call.h"
#include "system_events.h"

typedef struct TorcTrigger TorcTrigger;

/* The seven lists, in the order in which they run. */
enum {
    TORC__STARTUP_BEFORE,
    TORC__STARTUP_DURING,
    TORC__STARTUP_AFTER,
    TORC__WHEN_RUNNING,
    TORC__SHUTDOWN_BEFORE,
    TORC__SHUTDOWN_DURING,
    TORC__SHUTDOWN_AFTER,
    TORC__TRIGGER_LISTS
};

/* {0} is empty and ready. */
typedef struct TorcTriggers {
    struct {
        TorcTrigger *first;
        TorcTrigger *last;
    } lists[TORC__TRIGGER_LISTS];
    uint64_t last_id;
} TorcTriggers;

/* Runs and removes the triggers of one phase in order, those added meanwhile included. */
void torc__triggers_fire(TorcReactor *reactor, TorcSystemEvent event, TorcPhase phase);

/* Runs and removes what callWhenRunning gave. */
void torc__triggers_fireWhenRunning(TorcReactor *reactor);

/* "trigger before startup" and so on, for people. */
const char *torc__triggerList_name(int list);

/* Adds those of a list to a dump. */
struct TorcDump;
void torc__triggers_dump(const struct TorcDump *dump, const TorcTriggers *triggers, int list);

/* Drops all; destroy functions run. */
void torc__triggers_done(TorcTriggers *triggers);

#endif
