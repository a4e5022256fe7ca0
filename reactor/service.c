/* Services: starting, stopping, and running with a reactor.
 *
 * Thread: the reactor's. Owner: whoever holds a reference; each slot on the stack and each end
 * under way holds one. Invariant: `running` and `privileged` say what was asked for last, and are
 * set before the slot is called that makes it so: whatever a slot does to its own service or those
 * around it finds them right. There are waiters only while an end is under way. */
#include "service.h"

#include <assert.h>
#include <string.h>

#include "deferred_waiters_internal.h"
#include "reactor_internal.h"
#include "service_internal.h"
#include "system_events.h"

static_assert(sizeof(void *) != 8 || sizeof(TorcService) == 80, "part of the ABI");
static_assert(sizeof(void *) != 8 || sizeof(TorcServiceClass) == 80, "part of the ABI");

/* ---- life ---------------------------------------------------------------------------------- */

int TorcService_init(TorcService *service, const TorcServiceClass *cls)
{
    TORC__REQUIRE(service && cls);
    if (cls->size != sizeof(TorcServiceClass))
        return -TORC_ECLASS;
    *service = (TorcService){.cls = cls, .references = 1};
    return 0;
}

TorcService *TorcService_ref(TorcService *service)
{
    if (service)
        service->references++;
    return service;
}

/* The slot may pass the instance around: the reference back keeps that from destroying it again. */
static void destroy(TorcService *service)
{
    assert(!service->parent && service->ends == 0 && !service->waiters);
    service->references++;
    torc__free(service->name);
    service->name = NULL;
    if (service->cls->destroy)
        service->cls->destroy(service);
}

TorcService *TorcService_unref(TorcService *service)
{
    if (!service)
        return NULL;
    assert(service->references > 0);
    if (service->references == 1 && torc__service_active(service))
        (void)TorcService_stop(service, NULL);
    if (--service->references == 0)
        destroy(service);
    return NULL;
}

int TorcService_setName(TorcService *service, const char *name)
{
    TORC__REQUIRE(service);
    if (service->parent)
        return -EBUSY;
    char *copy = name ? torc__strdup(name) : NULL;
    if (name && !copy)
        return -ENOMEM;
    torc__free(service->name);
    service->name = copy;
    return 0;
}

void torc__service_log(const TorcService *service, const char *event, int code, const char *text)
{
    const char *name = service->name ? service->name : service->cls->name;
    if (!name)
        name = "";
    TORC__LOG(NULL, TORC_LOG_ERROR, event, TORC_LOG_BYTES("service", name, strlen(name)),
              TORC_LOG_NUMBER("code", code), TORC_LOG_BYTES("reason", text, strlen(text)));
}

/* ---- ends ---------------------------------------------------------------------------------- */

/* Those who come while the others are told wait for another end. */
static void tell_waiters(TorcService *service)
{
    TorcWaiters *waiters = service->waiters;
    TorcDeferred *waiting;

    service->waiters = NULL;
    while (waiters && (waiting = torc__waiters_pop(waiters)) != NULL)
        (void)TorcDeferred_callback(waiting, NULL, NULL);
    torc__free(waiters);
}

static void end_came(TorcService *service)
{
    if (--service->ends == 0)
        tell_waiters(service);
    TorcService_unref(service);
}

static void ended(TorcResult *result, void *arg)
{
    if (!result->reason)
        TorcResult_clear(result);
    end_came(arg);
}

static void ended_or_failed(TorcResult *result, void *arg)
{
    const TorcReason *reason = result->reason;
    if (reason)
        torc__service_log(arg, "service.stop-failed", TorcReason_code(reason),
                          TorcReason_text(reason));
    TorcResult_clear(result);
    end_came(arg);
}

/* Adds the step that keeps the service until then. A deferred to which it cannot be added, out of
 * memory, is called off: nobody would know when it is over. */
static int await_end(TorcService *service, TorcDeferred *done, TorcDeferredFunction *step)
{
    service->ends++;
    TorcService_ref(service);
    int r = TorcDeferred_addBoth(done, step, service);
    if (r < 0)
        TorcDeferred_release(done);
    return r;
}

void torc__service_ending(TorcService *service, TorcDeferred *done)
{
    if (done && await_end(service, done, ended_or_failed) == 0)
        TorcDeferred_detach(done);
}

static int end(TorcService *service, TorcDeferredFunction *step, TorcDeferred **ret_done)
{
    const TorcServiceClass *cls = service->cls;
    bool begun = service->running || cls->privilegedStartService;
    TorcDeferred *done = NULL;

    service->running = service->privileged = false;
    TorcService_ref(service);
    if (begun && cls->stopService)
        cls->stopService(service, &done);
    int r = done ? await_end(service, done, step) : 0;
    if (r == 0)
        *ret_done = done;
    TorcService_unref(service);
    return r;
}

static void stop_unwatched(TorcService *service)
{
    TorcDeferred *done = NULL;

    if (torc__service_active(service))
        (void)end(service, ended_or_failed, &done); /* out of memory it was stopped, and logged */
    TorcDeferred_detach(done);
}

/* A deferred for the end that is under way. */
static int wait_for_end(TorcService *service, TorcDeferred **ret_done)
{
    if (!service->waiters)
        service->waiters = torc__zalloc(sizeof(*service->waiters));
    TorcDeferred *done = service->waiters ? torc__waiters_add(service->waiters) : NULL;
    if (!done)
        return -ENOMEM;
    *ret_done = done;
    return 0;
}

/* *ret_done is NULL when there is nothing to wait for. */
static int stop(TorcService *service, TorcDeferredFunction *step, TorcDeferred **ret_done)
{
    *ret_done = NULL;
    TorcService_ref(service);
    int r = torc__service_active(service) ? end(service, step, ret_done) : 0;
    if (r == 0 && !*ret_done && service->ends > 0)
        r = wait_for_end(service, ret_done);
    TorcService_unref(service);
    return r;
}

int torc__service_stop(TorcService *service, TorcDeferred **ret_done)
{
    int r = stop(service, ended_or_failed, ret_done);
    if (*ret_done && TorcDeferred_result(*ret_done))
        *ret_done = TorcDeferred_release(*ret_done);
    return r;
}

int TorcService_stop(TorcService *service, TorcDeferred **ret_done)
{
    TORC__REQUIRE(service);
    if (!ret_done) {
        stop_unwatched(service);
        return 0;
    }
    TorcDeferred *done;
    int r = stop(service, ended, &done);
    if (r == 0 && !done)
        done = TorcDeferred_succeed(NULL, NULL);
    if (!done)
        return -ENOMEM;
    *ret_done = done;
    return 0;
}

/* ---- starts -------------------------------------------------------------------------------- */

/* What a slot says that was stopped from inside itself does not matter. */
static int call_start(TorcService *service, int (*slot)(TorcService *self), bool *wanted)
{
    *wanted = true;
    int r = slot ? slot(service) : 0;
    service->error = r < 0 && *wanted ? r : 0;
    return service->error;
}

static int start_privileged(TorcService *service)
{
    if (torc__service_active(service))
        return 0;
    int r = call_start(service, service->cls->privilegedStartService, &service->privileged);
    if (r < 0)
        service->privileged = false;
    return r;
}

static int start(TorcService *service)
{
    int r = call_start(service, service->cls->startService, &service->running);
    if (r == 0)
        return 0;
    service->running = false;
    stop_unwatched(service); /* the privileged half */
    return r;
}

int TorcService_privilegedStart(TorcService *service)
{
    TORC__REQUIRE(service);
    TorcService_ref(service);
    int r = start_privileged(service);
    TorcService_unref(service);
    return r;
}

int TorcService_start(TorcService *service)
{
    TORC__REQUIRE(service);
    TorcService_ref(service);
    int r = start_privileged(service);
    if (service->privileged && !service->running)
        r = start(service);
    TorcService_unref(service);
    return r;
}

/* ---- running with a reactor ---------------------------------------------------------------- */

/* Belongs to the call that starts and to the trigger that stops; the service is the trigger's. */
typedef struct Run {
    TorcService *service;
    TorcReactor *reactor;
    unsigned users;
    bool over;
} Run;

static void disown_run(void *arg)
{
    Run *run = arg;
    if (--run->users == 0)
        torc__free(run);
}

static void start_run(void *arg)
{
    const Run *run = arg;
    if (run->over)
        return;
    int r = TorcService_start(run->service);
    if (r == 0)
        return;
    torc__service_log(run->service, "service.start-failed", r, torc_strerror(r));
    (void)TorcReactor_stop(run->reactor); /* or it stops already */
}

static void stop_run(void *arg)
{
    Run *run = arg;
    TorcDeferred *done;

    run->over = true;
    int r = torc__service_stop(run->service, &done);
    if (done)
        r = TorcReactor_holdShutdown(run->reactor, done);
    if (r < 0)
        torc__service_log(run->service, "service.stop-failed", r, torc_strerror(r));
}

/* The trigger has run, or will never. */
static void end_run(void *arg)
{
    Run *run = arg;
    if (!run->over)
        stop_unwatched(run->service);
    run->over = true;
    TorcService_unref(run->service);
    disown_run(run);
}

int TorcService_runWith(TorcService *service, TorcReactor *reactor)
{
    TORC__REQUIRE(service && reactor);
    if (torc__reactor_stopping(reactor))
        return -TORC_ENOTRUNNING;
    Run *run = torc__malloc(sizeof(*run));
    if (!run)
        return -ENOMEM;
    *run = (Run){TorcService_ref(service), reactor, 2, true};

    uint64_t trigger;
    int r = TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_BEFORE, TORC_EVENT_SHUTDOWN,
                                                  TORC_CALL(stop_run, run, .destroy = end_run),
                                                  &trigger);
    if (r < 0) {
        disown_run(run);
        return r;
    }
    r = TorcReactor_callWhenRunningWith(reactor, TORC_CALL(start_run, run, .destroy = disown_run));
    if (r < 0) {
        (void)TorcReactor_removeSystemEventTrigger(reactor, trigger); /* it is there */
        return r;
    }
    run->over = false;
    return 0;
}
