/* What the tests of deferreds share: steps that write down what they see, values that know whether
 * they were freed, and the count of failures that nobody handled.
 *
 *     TorcDeferred_addBoth(deferred, note, named("a"));
 *     TorcDeferred_callback(deferred, value(7), free_value);
 *     ck_assert_str_eq(notes, "a:7 ");
 *
 * After every test each value must have been freed exactly once, and all memory returned. */
#ifndef TORC_TESTS_DEFERRED_FIXTURE_H
#define TORC_TESTS_DEFERRED_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"

/* ---- values -------------------------------------------------------------------------------- */

typedef struct Value {
    int number;
    int freed;
} Value;

static Value values[64];
static size_t value_count;

static inline void *value(int number)
{
    ck_assert_uint_lt(value_count, sizeof(values) / sizeof(values[0]));
    Value *made = &values[value_count++];
    *made = (Value){number, 0};
    return made;
}

static inline void free_value(void *arg)
{
    Value *freed = arg;
    ck_assert_int_eq(freed->freed++, 0);
}

static inline int freed_values(void)
{
    int freed = 0;
    for (size_t i = 0; i < value_count; i++)
        freed += values[i].freed;
    return freed;
}

/* ---- steps --------------------------------------------------------------------------------- */

static char notes[512];

/* A step's argument. */
static inline void *named(const char *name)
{
    return (void *)(uintptr_t)name;
}

static inline void write_note(const char *what, const char *seen)
{
    size_t length = strlen(notes);
    int added = snprintf(notes + length, sizeof(notes) - length, "%s:%s ", what, seen);
    ck_assert(added >= 0 && (size_t)added < sizeof(notes) - length);
}

/* A value's number, "NULL", or the failure's kind. */
static inline const char *seen_in(const TorcResult *result)
{
    static char number[16];
    if (result->reason)
        return TorcReason_kindName(TorcReason_kind(result->reason));
    if (!result->value)
        return "NULL";
    (void)snprintf(number, sizeof(number), "%d", ((Value *)result->value)->number);
    return number;
}

/* Writes "arg:seen " and leaves the result as it is. */
static inline void note(TorcResult *result, void *arg)
{
    ck_assert_ptr_null(result->deferred);
    write_note(arg, seen_in(result));
}

static inline void set_step(TorcResult *result, void *arg)
{
    TorcResult_set(result, arg, free_value);
}

static inline void fail_step(TorcResult *result, void *arg)
{
    TorcResult_fail(result, TORC_OPERATION_FAILED, -EIO, "%s", (const char *)arg);
}

static inline void handle_step(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_clear(result);
}

/* Waits for the deferred `arg`. */
static inline void wait_step(TorcResult *result, void *arg)
{
    TorcResult_wait(result, arg);
}

static inline TorcReason *failed(void)
{
    return TorcReason_static(TORC_OPERATION_FAILED);
}

/* ---- makers -------------------------------------------------------------------------------- */

static int cancellations;

static inline void count_cancel(TorcDeferred *deferred, void *arg)
{
    (void)deferred;
    (void)arg;
    cancellations++;
}

static inline void fire_in_cancel(TorcDeferred *deferred, void *arg)
{
    cancellations++;
    ck_assert_int_eq(TorcDeferred_callback(deferred, arg, free_value), 0);
}

/* One that can be cancelled, with its maker's part being over then. */
static inline TorcDeferred *cancellable(void)
{
    return TorcDeferred_new(count_cancel, NULL);
}

/* ---- the log ------------------------------------------------------------------------------- */

static int unhandled;
static char unhandled_text[256];

static inline void count_unhandled(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    if (strcmp(event->name, "deferred.unhandled") != 0)
        return;
    unhandled++;
    TorcLogEvent_format(event, unhandled_text, sizeof(unhandled_text));
}

/* ---- around every test --------------------------------------------------------------------- */

static inline void set_up(void)
{
    value_count = 0;
    notes[0] = unhandled_text[0] = '\0';
    cancellations = unhandled = 0;
    torc_setLogObserver(count_unhandled, NULL, TORC_LOG_ERROR);
    FailingMemory_start(-1);
}

static inline void tear_down(void)
{
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    torc_setLogObserver(NULL, NULL, TORC_LOG_ERROR);
    for (size_t i = 0; i < value_count; i++)
        ck_assert_msg(values[i].freed == 1, "value %d was freed %d times", values[i].number,
                      values[i].freed);
}

static inline int run_deferreds_with(const char *name, TCase *tcase, SFun before, SFun after)
{
    tcase_add_checked_fixture(tcase, before, after);
    tcase_set_timeout(tcase, 30);
    return run_case(name, tcase);
}

static inline int run_deferreds(const char *name, TCase *tcase)
{
    return run_deferreds_with(name, tcase, set_up, tear_down);
}

#endif
