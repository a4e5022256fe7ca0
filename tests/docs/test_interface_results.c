/* docs/interfaces: delayed calls, deferreds and services: what their handles answer, and when. */
#include <errno.h>
#include <stdio.h>

#include <torc/torc.h>

#include "interface_table.h"

static TorcSim *sim;
static TorcReactor *reactor;

static void begin_play(void)
{
    sim = TorcSim_new(1);
    ck_assert_ptr_nonnull(sim);
    reactor = TorcSim_reactor(sim);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* ---- delayed calls: places ----------------------------------------------------------------- */

static TorcDelayedCall call;
static unsigned made;

static void count(void *arg)
{
    (void)arg;
    made++;
}

static void begin_call(TorcFunction *function, TorcFunction *destroy)
{
    begin_play();
    made = 0;
    TorcCall *told = TORC_CALL(function, NULL, .destroy = destroy);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 10, told, &call), 0);
}

static void end_call(void)
{
    TorcSim_free(sim);
}

static void call_pending(void)
{
    begin_call(count, NULL);
    interface_here();
    end_call();
}

static void in_the_call(void)
{
    begin_call(interface_hereCalled, NULL);
    TorcSim_advance(sim, 11);
    end_call();
}

static void in_destroy_after_the_call(void)
{
    begin_call(count, interface_hereCalled);
    TorcSim_advance(sim, 11);
    end_call();
}

static void call_made(void)
{
    begin_call(count, NULL);
    TorcSim_advance(sim, 11);
    interface_here();
    end_call();
}

static void in_destroy_of_cancel(void)
{
    begin_call(count, interface_hereCalled);
    ck_assert_int_eq(TorcDelayedCall_cancel(call), 0);
    end_call();
}

static void call_cancelled(void)
{
    begin_call(count, NULL);
    ck_assert_int_eq(TorcDelayedCall_cancel(call), 0);
    interface_here();
    end_call();
}

/* Others have had its place since. */
static void call_long_gone(void)
{
    begin_call(count, NULL);
    ck_assert_int_eq(TorcDelayedCall_cancel(call), 0);
    for (int i = 0; i < 3; i++) {
        TorcDelayedCall another;
        ck_assert_int_eq(TorcReactor_callLater(reactor, 1, nothing, NULL, &another), 0);
        ck_assert_int_eq(TorcDelayedCall_cancel(another), 0);
    }
    interface_here();
    end_call();
}

static void call_of_nobody(void)
{
    begin_play();
    call = (TorcDelayedCall){0};
    interface_here();
    end_call();
}

/* ---- delayed calls: calls ------------------------------------------------------------------ */

static const char *call_cancel(void)
{
    return interface_code(TorcDelayedCall_cancel(call));
}

static const char *call_reset(void)
{
    return interface_code(TorcDelayedCall_reset(call, 5));
}

static const char *call_delay(void)
{
    return interface_code(TorcDelayedCall_delay(call, 5));
}

static const char *call_getTime(void)
{
    double seconds;
    return interface_code(TorcDelayedCall_getTime(call, &seconds));
}

static const char *call_active(void)
{
    return interface_truth(TorcDelayedCall_active(call));
}

static const InterfaceRow call_rows[] = {
    {"cancel", call_cancel, NULL},   {"reset", call_reset, NULL},   {"delay", call_delay, NULL},
    {"getTime", call_getTime, NULL}, {"active", call_active, NULL},
};

static const InterfaceColumn call_columns[] = {
    {"pending", {call_pending}},
    {"in the call itself, in its `destroy`, and after",
     {in_the_call, in_destroy_after_the_call, call_made}},
    {"in the `destroy` of `cancel`, and after", {in_destroy_of_cancel, call_cancelled}},
    {"long after", {call_long_gone}},
    {"`{0}`", {call_of_nobody}},
};

START_TEST(what_a_delayed_call_answers_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("delayed-call.md", "delayed call", call_rows, call_columns));
}
END_TEST

/* ---- deferreds: places --------------------------------------------------------------------- */

static TorcDeferred *deferred;
static TorcDeferred *inner;
static char steps[200];

static void note_step(TorcResult *result, void *arg)
{
    size_t length = strlen(steps);
    (void)arg;
    const char *word = result->reason ? TorcReason_kindName(TorcReason_kind(result->reason)) : "ok";
    snprintf(steps + length, sizeof(steps) - length, "%s ", word);
}

static void begin_deferred(void)
{
    begin_play();
    steps[0] = '\0';
    inner = NULL;
    deferred = TorcDeferred_new(NULL, NULL);
    ck_assert_ptr_nonnull(deferred);
}

static void end_deferred(void)
{
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, note_step, NULL), 0);
    interface_came(steps);
    if (inner)
        (void)TorcDeferred_callback(inner, NULL, NULL);
    (void)TorcDeferred_callback(deferred, NULL, NULL);
    TorcDeferred_release(deferred);
    TorcSim_free(sim);
}

static void not_fired(void)
{
    begin_deferred();
    interface_here();
    end_deferred();
}

static void here_in_step(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    interface_here();
}

static void fire(void)
{
    ck_assert_int_eq(TorcDeferred_callback(deferred, NULL, NULL), 0);
}

static void in_a_step(void)
{
    begin_deferred();
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, here_in_step, NULL), 0);
    fire();
    end_deferred();
}

static void wait_for_inner(TorcResult *result, void *arg)
{
    (void)arg;
    inner = TorcDeferred_new(NULL, NULL);
    TorcResult_wait(result, inner);
}

static void while_it_waits(void)
{
    begin_deferred();
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, wait_for_inner, NULL), 0);
    fire();
    interface_here();
    end_deferred();
}

static void while_held_back(void)
{
    begin_deferred();
    TorcDeferred_pause(deferred);
    fire();
    interface_here();
    end_deferred();
}

static void fired(void)
{
    begin_deferred();
    fire();
    interface_here();
    end_deferred();
}

static void cancelled(void)
{
    begin_deferred();
    TorcDeferred_cancel(deferred);
    interface_here();
    end_deferred();
}

/* ---- deferreds: calls ---------------------------------------------------------------------- */

static const char *deferred_callback(void)
{
    return interface_code(TorcDeferred_callback(deferred, NULL, NULL));
}

static const char *deferred_errback(void)
{
    const TorcReason *reason = TorcReason_static(TORC_OPERATION_FAILED);
    return interface_code(TorcDeferred_errback(deferred, reason));
}

/* Whether the step has run when the call returns. */
static const char *deferred_addBoth(void)
{
    size_t before = strlen(steps);
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, note_step, NULL), 0);
    return strlen(steps) > before ? "runs at once" : "runs later";
}

static const char *deferred_addTimeout(void)
{
    return interface_code(TorcDeferred_addTimeout(deferred, reactor, 5));
}

static const char *deferred_cancel(void)
{
    TorcDeferred_cancel(deferred);
    return NULL;
}

static const char *what_came(void)
{
    static char cell[220];
    snprintf(cell, sizeof(cell), "`%.*s`", (int)strcspn(steps, " "), steps);
    return cell;
}

static const char *deferred_called(void)
{
    return interface_truth(TorcDeferred_called(deferred));
}

static const char *deferred_result(void)
{
    return TorcDeferred_result(deferred) ? "it" : "NULL";
}

static const InterfaceRow deferred_rows[] = {
    {"callback", deferred_callback, NULL},  {"errback", deferred_errback, NULL},
    {"addBoth", deferred_addBoth, NULL},    {"addTimeout", deferred_addTimeout, NULL},
    {"cancel", deferred_cancel, what_came}, {"called", deferred_called, NULL},
    {"result", deferred_result, NULL},
};

static const InterfaceColumn deferred_columns[] = {
    {"not fired", {not_fired}},
    {"in one of its steps", {in_a_step}},
    {"waiting for another", {while_it_waits}},
    {"fired, but paused", {while_held_back}},
    {"fired", {fired}},
    {"cancelled, not fired", {cancelled}},
};

START_TEST(what_a_deferred_answers_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("deferred.md", "deferred", deferred_rows, deferred_columns));
}
END_TEST

/* ---- services: places ---------------------------------------------------------------------- */

typedef enum ServiceSlot { NO_SLOT, PRIVILEGED, START, STOP } ServiceSlot;

static TorcService service;
static TorcMultiService *parent;
static ServiceSlot service_slot;
static TorcDeferred *end_of_service; /* what stopService leaves */
static bool ends_later;

static void arrive(ServiceSlot in)
{
    if (in == service_slot)
        interface_here();
}

static int own_privilegedStart(TorcService *self)
{
    (void)self;
    arrive(PRIVILEGED);
    return 0;
}

static int own_start(TorcService *self)
{
    (void)self;
    arrive(START);
    return 0;
}

static void own_stop(TorcService *self, TorcDeferred **ret_done)
{
    (void)self;
    if (ends_later) {
        ends_later = false;
        end_of_service = *ret_done = TorcDeferred_new(NULL, NULL);
    }
    arrive(STOP);
}

static const TorcServiceClass own_class = {
    TORC_SERVICE_CLASS("own"),
    .privilegedStartService = own_privilegedStart,
    .startService = own_start,
    .stopService = own_stop,
};

static void begin_service(ServiceSlot in)
{
    begin_play();
    service_slot = in;
    ends_later = false;
    end_of_service = NULL;
    ck_assert_int_eq(TorcService_init(&service, &own_class), 0);
    parent = TorcMultiService_new();
    ck_assert_ptr_nonnull(parent);
}

static void end_service(void)
{
    if (end_of_service)
        ck_assert_int_eq(TorcDeferred_callback(end_of_service, NULL, NULL), 0);
    if (service.parent)
        ck_assert_int_eq(TorcMultiService_removeService(parent, &service, NULL), 0);
    ck_assert_int_eq(TorcService_stop(&service, NULL), 0);
    TorcService_unref(&service);
    TorcService_unref(TorcMultiService_service(parent));
    TorcSim_free(sim);
}

static void play_service(ServiceSlot in)
{
    begin_service(in);
    ck_assert_int_eq(TorcService_start(&service), 0);
    ck_assert_int_eq(TorcService_stop(&service, NULL), 0);
    end_service();
}

static void service_new(void)
{
    begin_service(NO_SLOT);
    interface_here();
    end_service();
}

static void in_privilegedStartService(void)
{
    play_service(PRIVILEGED);
}

static void in_startService(void)
{
    play_service(START);
}

static void service_running(void)
{
    begin_service(NO_SLOT);
    ck_assert_int_eq(TorcService_start(&service), 0);
    interface_here();
    end_service();
}

static void in_stopService(void)
{
    play_service(STOP);
}

static void service_ending(void)
{
    begin_service(NO_SLOT);
    ck_assert_int_eq(TorcService_start(&service), 0);
    ends_later = true;
    ck_assert_int_eq(TorcService_stop(&service, NULL), 0);
    interface_here();
    end_service();
}

static void service_stopped(void)
{
    begin_service(NO_SLOT);
    ck_assert_int_eq(TorcService_start(&service), 0);
    ck_assert_int_eq(TorcService_stop(&service, NULL), 0);
    interface_here();
    end_service();
}

static void service_of_a_parent(void)
{
    begin_service(NO_SLOT);
    ck_assert_int_eq(TorcMultiService_addService(parent, &service), 0);
    interface_here();
    end_service();
}

/* ---- services: calls ----------------------------------------------------------------------- */

static const char *running_then(int r)
{
    static char cell[100];
    snprintf(cell, sizeof(cell), "%s, %s", interface_code(r),
             service.running ? "runs" : "does not");
    return cell;
}

static const char *service_privilegedStart(void)
{
    return running_then(TorcService_privilegedStart(&service));
}

static const char *service_start(void)
{
    return running_then(TorcService_start(&service));
}

static const char *service_stop(void)
{
    TorcDeferred *done;
    ck_assert_int_eq(TorcService_stop(&service, &done), 0);
    bool over = TorcDeferred_called(done);
    TorcDeferred_detach(done);
    return over ? "`0`, has fired" : "`0`, fires later";
}

static const char *service_setName(void)
{
    return interface_code(TorcService_setName(&service, "ann"));
}

static const char *service_addService(void)
{
    return interface_code(TorcMultiService_addService(parent, &service));
}

static const char *service_removeService(void)
{
    return interface_code(TorcMultiService_removeService(parent, &service, NULL));
}

static const char *service_running_field(void)
{
    return interface_truth(service.running);
}

static const InterfaceRow service_rows[] = {
    {"running", service_running_field, NULL},
    {"privilegedStart", service_privilegedStart, NULL},
    {"start", service_start, NULL},
    {"stop", service_stop, NULL},
    {"setName", service_setName, NULL},
    {"TorcMultiService_addService", service_addService, NULL},
    {"TorcMultiService_removeService", service_removeService, NULL},
};

static const InterfaceColumn service_columns[] = {
    {"new", {service_new}},
    {"`privilegedStartService`", {in_privilegedStartService}},
    {"`startService`", {in_startService}},
    {"running", {service_running}},
    {"`stopService`", {in_stopService}},
    {"its end under way", {service_ending}},
    {"stopped", {service_stopped}},
    {"child of the parent", {service_of_a_parent}},
};

START_TEST(what_a_service_answers_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("service.md", "service", service_rows, service_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: results", what_a_delayed_call_answers_is_on_its_page,
                what_a_deferred_answers_is_on_its_page, what_a_service_answers_is_on_its_page)
