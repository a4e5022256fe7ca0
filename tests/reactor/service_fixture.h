/* What the tests of services share: parts, which are services that write down what happens to them
 * and do what the test says from inside their slots.
 *
 *     Part *a = new_part("a");
 *     TorcService_start(&a->base);
 *     ck_assert_str_eq(notes, "a! a+ ");
 *
 * a! privilegedStartService, a+ startService, a- stopService, a. the end of a slow stop, a~
 * destroy. After every test each part must be gone, and all memory returned. */
#ifndef TORC_TESTS_SERVICE_FIXTURE_H
#define TORC_TESTS_SERVICE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"

typedef struct Part Part;
typedef void PartHook(Part *part);

struct Part {
    TorcService base;
    char tag;
    int privileged_result;
    int start_result;
    bool slow;         /* stopService leaves a deferred to wait for: `end` */
    bool deaf;         /* without a canceller */
    TorcDeferred *end; /* to be fired by end_part */
    int cancelled;     /* times that `end` was */
    PartHook *on_privileged;
    PartHook *on_start;
    PartHook *on_stop;
};

static char notes[1024];
static char logged[2048];
static int parts_alive;

/* ---- what happened ------------------------------------------------------------------------- */

static inline void note_part(const Part *part, char what)
{
    size_t length = strlen(notes);
    int added = snprintf(notes + length, sizeof(notes) - length, "%c%c ", part->tag, what);
    ck_assert(added == 3 && (size_t)added < sizeof(notes) - length);
}

static inline void ck_notes(const char *expected)
{
    ck_assert_str_eq(notes, expected);
    notes[0] = '\0';
}

static inline void keep_log(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    char line[512];
    TorcLogEvent_format(event, line, sizeof(line));
    strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
    strncat(logged, "\n", sizeof(logged) - strlen(logged) - 1);
}

static inline void ck_logged(const char *part_of_it)
{
    ck_assert_msg(strstr(logged, part_of_it) != NULL, "'%s' is not in the log: %s", part_of_it,
                  logged);
}

/* ---- parts --------------------------------------------------------------------------------- */

static inline Part *part_of(TorcService *self)
{
    return (Part *)(void *)self;
}

static inline int part_privilegedStartService(TorcService *self)
{
    Part *part = part_of(self);
    note_part(part, '!');
    int r = part->privileged_result;
    if (part->on_privileged)
        part->on_privileged(part);
    return r;
}

static inline int part_startService(TorcService *self)
{
    Part *part = part_of(self);
    ck_assert(self->running);
    note_part(part, '+');
    int r = part->start_result;
    if (part->on_start)
        part->on_start(part);
    return r;
}

static inline void cancel_end(TorcDeferred *deferred, void *arg)
{
    Part *part = arg;
    ck_assert_ptr_eq(part->end, deferred);
    part->end = NULL;
    part->cancelled++;
}

static inline void part_stopService(TorcService *self, TorcDeferred **ret_done)
{
    Part *part = part_of(self);
    ck_assert(!self->running && !self->privileged);
    note_part(part, '-');
    if (part->slow)
        *ret_done = part->end = TorcDeferred_new(part->deaf ? NULL : cancel_end, part);
    if (part->on_stop)
        part->on_stop(part);
}

static inline void part_destroy(TorcService *self)
{
    ck_assert(!self->running && !self->parent);
    note_part(part_of(self), '~');
    parts_alive--;
    free(self);
}

static const TorcServiceClass part_class = {
    TORC_SERVICE_CLASS("part"),        .privilegedStartService = part_privilegedStartService,
    .startService = part_startService, .stopService = part_stopService,
    .destroy = part_destroy,
};

/* The same without anything to do before startService. */
static const TorcServiceClass plain_class = {
    TORC_SERVICE_CLASS("plain"),
    .startService = part_startService,
    .stopService = part_stopService,
    .destroy = part_destroy,
};

static inline Part *new_part_of(const TorcServiceClass *cls, const char *tag)
{
    Part *part = calloc(1, sizeof(*part));
    ck_assert_ptr_nonnull(part);
    ck_assert_int_eq(TorcService_init(&part->base, cls), 0);
    part->tag = *tag;
    parts_alive++;
    return part;
}

static inline Part *new_part(const char *tag)
{
    return new_part_of(&part_class, tag);
}

/* Without a privileged half, which makes shorter notes. */
static inline Part *new_plain(const char *tag)
{
    return new_part_of(&plain_class, tag);
}

/* The end of a slow part's stop has come. */
static inline void end_part(Part *part)
{
    TorcDeferred *end = part->end;
    ck_assert_ptr_nonnull(end);
    note_part(part, '.');
    part->end = NULL;
    ck_assert_int_eq(TorcDeferred_callback(end, part, NULL), 0);
}

static inline void fail_part(Part *part)
{
    TorcDeferred *end = part->end;
    ck_assert_ptr_nonnull(end);
    part->end = NULL;
    ck_assert_int_eq(TorcDeferred_errbackNew(end, TORC_OPERATION_FAILED, -EIO, "stuck"), 0);
}

static inline void drop(Part *part)
{
    TorcService_unref(&part->base);
}

static inline void start(Part *part)
{
    ck_assert_int_eq(TorcService_start(&part->base), 0);
    ck_assert(part->base.running);
}

static inline TorcDeferred *stop(TorcService *service)
{
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcService_stop(service, &done), 0);
    ck_assert_ptr_nonnull(done);
    return done;
}

/* Fired, without a failure; the value is NULL. Released. */
static inline void ck_over(TorcDeferred *done)
{
    const TorcResult *result = TorcDeferred_result(done);
    ck_assert_ptr_nonnull(result);
    ck_assert_ptr_null(result->reason);
    ck_assert_ptr_null(result->value);
    TorcDeferred_release(done);
}

static inline void ck_not_over(const TorcDeferred *done)
{
    ck_assert(!TorcDeferred_called(done));
}

/* ---- around every test --------------------------------------------------------------------- */

static inline void set_up(void)
{
    notes[0] = logged[0] = '\0';
    parts_alive = 0;
    torc_setLogObserver(keep_log, NULL, TORC_LOG_WARNING);
    FailingMemory_start(-1);
}

static inline void tear_down(void)
{
    ck_assert_int_eq(parts_alive, 0);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    torc_setLogObserver(NULL, NULL, TORC_LOG_WARNING);
}

static inline int run_services_with(const char *name, const TTest *const *tests, SFun before,
                                    SFun after)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, before, after);
    tcase_set_timeout(tcase, 30);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    return run_case(name, tcase);
}

#define RUN_SERVICE_TESTS(name, ...)                                                               \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__, NULL};                                          \
        return run_services_with(name, tests, set_up, tear_down);                                  \
    }

#endif
