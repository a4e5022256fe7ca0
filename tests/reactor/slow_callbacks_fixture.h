/* What the tests of slow callbacks share: what was reported last, and how many were. */
#ifndef TORC_TESTS_SLOW_CALLBACKS_FIXTURE_H
#define TORC_TESTS_SLOW_CALLBACKS_FIXTURE_H

#include <check.h>
#include <string.h>

#include "reactor/reactor_internal.h"

/* What was logged under the name that this is about. */
static unsigned reports;
static char last_report[256];

static inline void keep_report(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    if (strcmp(event->name, "reactor.slow-callback") != 0)
        return;
    ck_assert_int_eq(event->level, TORC_LOG_WARNING);
    reports++;
    (void)TorcLogEvent_format(event, last_report, sizeof(last_report));
}

static inline void watch_log(void)
{
    reports = 0;
    last_report[0] = '\0';
    torc_setLogObserver(keep_report, NULL, TORC_LOG_DEBUG);
}

static inline uint64_t slow_callbacks(TorcReactor *of)
{
    TorcReactorCounters counters = {.size = sizeof(counters)};
    ck_assert_int_eq(TorcReactor_getCounters(of, &counters), 0);
    return counters.slowCallbacks;
}

#endif
