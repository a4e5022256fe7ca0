/* The loop: turns, run and stop, the shutdown, and the reactor's own life.
 *
 * Everything runs on the reactor's thread. The reactor owns its system (unless one was lent), its
 * delayed and posted calls, its triggers and the parts that higher floors add. Invariant: whenever
 * the loop calls the application in_turn is set, or the state is not STOPPED, so run(), iterate()
 * and free() can refuse to nest. */
#include "reactor.h"

#include <math.h>
#include <string.h>

#include "reactor_internal.h"

enum { DEFAULT_POOL_SIZE = 10, DEFAULT_GRACE_SECONDS = 5 };

/* ---- small helpers ------------------------------------------------------------------------- */

int64_t torc__nanoseconds(double seconds)
{
    double nanoseconds = seconds * (double)TORC__SECOND;
    /* The largest double below 2^63. */
    if (nanoseconds >= 9223372036854774784.0)
        return TORC__NEVER;
    if (nanoseconds > 0 && nanoseconds < 1)
        return 1; /* 0 may mean "none" */
    return (int64_t)(nanoseconds + 0.5);
}

int torc__options_read(void *ret_options, size_t size, const void *given)
{
    size_t given_size = 0;
    if (given) {
        memcpy(&given_size, given, sizeof(given_size));
        TORC__REQUIRE(given_size >= sizeof(given_size));
    }
    memset(ret_options, 0, size);
    if (given)
        memcpy(ret_options, given, given_size < size ? given_size : size);
    memcpy(ret_options, &size, sizeof(size));
    return 0;
}

void TorcCall_init(TorcCall *call)
{
    if (call)
        *call = (TorcCall){.size = sizeof(TorcCall)};
}

int torc__call_check(const TorcCall *call, bool may_bind)
{
    if (!call || call->size < sizeof(TorcCall) || !call->function)
        return -EINVAL;
    return call->protocol && !may_bind ? -EINVAL : 0;
}

void torc__reactor_addPart(TorcReactor *reactor, TorcReactorPart *part)
{
    part->next = reactor->parts;
    reactor->parts = part;
}

static size_t parts_alive(TorcReactor *reactor)
{
    size_t alive = 0;
    for (TorcReactorPart *part = reactor->parts; part; part = part->next)
        alive += part->alive(part);
    return alive;
}

static bool parts_endTurn(TorcReactor *reactor)
{
    bool work_left = false;
    for (TorcReactorPart *part = reactor->parts; part; part = part->next)
        work_left |= part->endTurn(part);
    return work_left;
}

static void parts_disconnect(TorcReactor *reactor)
{
    for (TorcReactorPart *part = reactor->parts; part; part = part->next)
        part->disconnect(part);
}

static void parts_abort(TorcReactor *reactor)
{
    for (TorcReactorPart *part = reactor->parts; part; part = part->next)
        part->abort(part);
}

/* ---- a turn -------------------------------------------------------------------------------- */

static bool work_waits(TorcReactor *reactor)
{
    return reactor->work_left || torc__posted_waiting(&reactor->posted);
}

/* Makes the delayed calls that are due; returns the next deadline. The clock is read only when there
 * is a delayed call at all. */
static TORC__COLD int64_t run_timers(TorcReactor *reactor)
{
    int64_t now = torc__now(reactor);

    if (torc__timers_earliest(&reactor->timers) <= now)
        torc__timers_runDue(&reactor->timers, now);
    return torc__timers_earliest(&reactor->timers);
}

/* One turn that waits no longer than until `limit`. */
static int turn(TorcReactor *reactor, int64_t limit)
{
    TorcSystem *system = reactor->system;

    if (system->forked) /* by a callback of the turn before */
        return -TORC_EFORKED;
    reactor->in_turn = true;
    reactor->counters.turns++;
    if (torc__posted_waiting(&reactor->posted))
        torc__posted_run(reactor);
    int64_t deadline = torc__timers_earliest(&reactor->timers);
    if (deadline != TORC__NEVER)
        deadline = run_timers(reactor);
    if (limit < deadline)
        deadline = limit;
    if (work_waits(reactor))
        deadline = INT64_MIN;
    int r = system->ops->wait(system, deadline);
    reactor->work_left = parts_endTurn(reactor);
    reactor->in_turn = false;
    return r < 0 ? r : 0;
}

bool torc__reactor_idle(TorcReactor *reactor)
{
    if (work_waits(reactor))
        return false;
    int64_t earliest = torc__timers_earliest(&reactor->timers);
    return earliest == TORC__NEVER || earliest > torc__now(reactor);
}

/* ---- startup and shutdown ------------------------------------------------------------------ */

static void fire(TorcReactor *reactor, TorcSystemEvent event, TorcPhase phase)
{
    reactor->in_turn = true;
    torc__triggers_fire(reactor, event, phase);
    reactor->in_turn = false;
}

static void start(TorcReactor *reactor)
{
    reactor->state = TORC__STARTING;
    fire(reactor, TORC_EVENT_STARTUP, TORC_PHASE_BEFORE);
    reactor->state = TORC__RUNNING;
    fire(reactor, TORC_EVENT_STARTUP, TORC_PHASE_DURING);
    fire(reactor, TORC_EVENT_STARTUP, TORC_PHASE_AFTER);
    reactor->in_turn = true;
    torc__triggers_fireWhenRunning(reactor);
    reactor->in_turn = false;
}

/* Turns until nothing is alive or `deadline` has passed. */
static int turn_until_gone(TorcReactor *reactor, int64_t deadline)
{
    while (parts_alive(reactor) > 0 && !reactor->hurry && torc__now(reactor) < deadline) {
        int r = turn(reactor, deadline);
        if (r < 0)
            return r;
    }
    return 0;
}

/* An end of turn without the turn. */
static void end_turn(TorcReactor *reactor)
{
    reactor->in_turn = true;
    (void)parts_endTurn(reactor);
    reactor->in_turn = false;
}

/* Lets connections finish for the grace period and aborts the rest; their last callbacks have run
 * when this returns. What those start anew is aborted too, for a few rounds: a factory that
 * reconnects from clientConnectionLost is refused by then, so this ends. */
static int disconnect_all(TorcReactor *reactor)
{
    int64_t now = torc__now(reactor);
    int64_t deadline = reactor->grace > TORC__NEVER - now ? TORC__NEVER : now + reactor->grace;

    parts_disconnect(reactor);
    int r = turn_until_gone(reactor, deadline);
    for (int round = 0; round < 8 && parts_alive(reactor) > 0; round++) {
        parts_abort(reactor);
        end_turn(reactor);
    }
    end_turn(reactor); /* lets go of what was only closed, such as ports */
    return r;
}

/* Thread jobs are finished while the loop still turns, so that a job that waits for a posted call
 * is answered. The last one's post may come when no job is left: hence a turn more. Joining cannot
 * be hurried, so signals have their former effect by then: a job that never ends must not make a
 * process that Ctrl-C does not end. */
static int finish_jobs(TorcReactor *reactor)
{
    TorcSystem *system = reactor->system;
    int r = 0;

    while (r == 0 && !reactor->hurry && system->ops->jobs(system, true) > 0)
        r = turn(reactor, TORC__NEVER);
    if (r == 0 && torc__posted_waiting(&reactor->posted))
        r = turn(reactor, INT64_MIN);
    torc__signals_end(reactor);
    bool cut_short = system->ops->jobs(system, false) > 0;
    if (cut_short) /* a thread that waits for this one cannot be joined */
        torc__blockedCalls_close(reactor);
    system->ops->endJobs(system);
    if (cut_short)
        torc__blockedCalls_open(reactor);
    return r;
}

/* The phase in which everything is still alive. While it is held open the loop turns; triggers that
 * are added meanwhile belong to it. */
static int before_shutdown(TorcReactor *reactor)
{
    int r = 0;

    reactor->state = TORC__BEFORE_SHUTDOWN;
    fire(reactor, TORC_EVENT_SHUTDOWN, TORC_PHASE_BEFORE);
    while (r == 0 && reactor->holds && !reactor->hurry) {
        r = turn(reactor, TORC__NEVER);
        fire(reactor, TORC_EVENT_SHUTDOWN, TORC_PHASE_BEFORE);
    }
    reactor->state = TORC__STOPPING;
    reactor->in_turn = true;
    torc__holds_release(reactor);
    reactor->in_turn = false;
    return r;
}

static int first_error(int a, int b)
{
    return a < 0 ? a : b;
}

static int shut_down(TorcReactor *reactor)
{
    int r = before_shutdown(reactor);
    r = first_error(r, disconnect_all(reactor));
    fire(reactor, TORC_EVENT_SHUTDOWN, TORC_PHASE_DURING);
    fire(reactor, TORC_EVENT_SHUTDOWN, TORC_PHASE_AFTER);
    return first_error(r, finish_jobs(reactor));
}

/* The loop may not be nested, and not be turned by a child that fork made. */
static int may_enter(const TorcReactor *reactor)
{
    TORC__ON_THREAD_OF(reactor);
    if (reactor->in_turn || reactor->state != TORC__STOPPED)
        return -EDEADLK;
    return reactor->system->forked ? -TORC_EFORKED : 0;
}

int TorcReactor_run(TorcReactor *reactor)
{
    TORC__REQUIRE(reactor);
    int r = may_enter(reactor);
    if (r < 0)
        return r;
    torc__reactor_enter(reactor);
    r = torc__signals_begin(reactor);
    if (r < 0)
        return r;

    reactor->stop_wanted = reactor->crash_wanted = reactor->hurry = false;
    start(reactor);
    while (r == 0 && !reactor->stop_wanted && !reactor->crash_wanted)
        r = turn(reactor, TORC__NEVER);
    if (!reactor->crash_wanted && !reactor->system->forked)
        r = first_error(r, shut_down(reactor));
    reactor->state = TORC__STOPPED;
    torc__signals_end(reactor); /* after a crash; else it was done */
    return r;
}

int TorcReactor_stop(TorcReactor *reactor)
{
    TORC__REQUIRE(reactor);
    TORC__ON_THREAD_OF(reactor);
    if (reactor->state == TORC__STOPPED || reactor->stop_wanted)
        return -TORC_ENOTRUNNING;
    reactor->stop_wanted = true;
    reactor->work_left = true; /* the turn under way must not sleep first */
    return 0;
}

int TorcReactor_crash(TorcReactor *reactor)
{
    TORC__REQUIRE(reactor);
    TORC__ON_THREAD_OF(reactor);
    if (reactor->state == TORC__STOPPED)
        return -TORC_ENOTRUNNING;
    reactor->crash_wanted = true;
    reactor->hurry = true;
    reactor->work_left = true;
    return 0;
}

int TorcReactor_iterate(TorcReactor *reactor, double delay)
{
    TORC__REQUIRE(reactor && delay >= 0);
    int r = may_enter(reactor);
    if (r < 0)
        return r;
    torc__reactor_enter(reactor);
    int64_t limit = torc__nanoseconds(delay);
    int64_t now = torc__now(reactor);
    return turn(reactor, limit > TORC__NEVER - now ? TORC__NEVER : now + limit);
}

/* What belongs to one process only must be gone, or it would have to be taken from one of them. */
static bool can_be_childs(TorcReactor *reactor)
{
    return parts_alive(reactor) == 0 && !reactor->names.first && !reactor->blocked.first;
}

int TorcReactor_reinitAfterFork(TorcReactor *reactor)
{
    TORC__REQUIRE(reactor);
    TorcSystem *system = reactor->system;
    if (reactor->in_turn || reactor->state != TORC__STOPPED)
        return -EDEADLK;
    if (!system->forked)
        return 0;
    if (!can_be_childs(reactor))
        return -EBUSY;
    int r = system->ops->afterFork(system);
    if (r < 0)
        return r;
    torc__blockedCalls_forget(reactor);
    reactor->generation++;
    torc__reactor_enter(reactor);
    return 0;
}

/* ---- what it is ---------------------------------------------------------------------------- */

bool TorcReactor_running(const TorcReactor *reactor)
{
    return reactor && reactor->state >= TORC__RUNNING;
}

double TorcReactor_seconds(const TorcReactor *reactor)
{
    if (!reactor)
        return 0.0;
    return (double)reactor->system->ops->now(reactor->system) / (double)TORC__SECOND;
}

const char *TorcReactor_backend(const TorcReactor *reactor)
{
    return reactor ? reactor->system->backend : "none";
}

void *TorcReactor_getEventBase(TorcReactor *reactor)
{
    return reactor ? reactor->system->ops->eventBase(reactor->system) : NULL;
}

/* ---- birth and death ----------------------------------------------------------------------- */

void TorcReactorOptions_init(TorcReactorOptions *options)
{
    if (options)
        *options = (TorcReactorOptions){.size = sizeof(TorcReactorOptions)};
}

static int read_options(const TorcReactorOptions *given, TorcReactorOptions *ret_options)
{
    TorcReactorOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.gracePeriod));
    if (options.gracePeriod == 0)
        options.gracePeriod = DEFAULT_GRACE_SECONDS;
    else if (options.gracePeriod < 0)
        options.gracePeriod = 0;
    if (options.threadPoolSize == 0)
        options.threadPoolSize = DEFAULT_POOL_SIZE;
    *ret_options = options;
    return 0;
}

static int open_system(TorcReactor *reactor, const TorcReactorOptions *options)
{
    if (options->system) {
        reactor->system = options->system;
        reactor->system->ops->setPoolSize(reactor->system, options->threadPoolSize);
        return 0;
    }
    reactor->owns_system = true;
    return torc__system_new_real(options->backend, options->threadPoolSize, &reactor->system);
}

static int reactor_init(TorcReactor *reactor, const TorcReactorOptions *options)
{
    int r = torc__blockedCalls_init(&reactor->blocked);
    if (r < 0)
        return r;
    r = open_system(reactor, options);
    if (r < 0) {
        torc__blockedCalls_done(&reactor->blocked);
        return r;
    }
    reactor->grace = torc__nanoseconds(options->gracePeriod);
    reactor->no_signals = options->noSignalHandlers;
    torc__slowCallbacks_init(reactor);
    torc__reactor_enter(reactor);
    return 0;
}

TorcReactor *TorcReactor_new(const TorcReactorOptions *options)
{
    TorcReactorOptions read;
    int r = read_options(options, &read);
    TorcReactor *reactor = r < 0 ? NULL : torc__zalloc(sizeof(TorcReactor));
    if (r == 0)
        r = reactor ? reactor_init(reactor, &read) : -ENOMEM;
    if (r == 0)
        return reactor;
    torc__free(reactor);
    errno = -r;
    return NULL;
}

static void parts_free(TorcReactor *reactor)
{
    while (reactor->parts) {
        TorcReactorPart *part = reactor->parts;
        reactor->parts = part->next;
        part->free(part);
    }
    reactor->streams = NULL;
}

static bool calls_left(TorcReactor *reactor)
{
    TorcSystem *system = reactor->system;
    bool left = torc__posted_waiting(&reactor->posted) || system->ops->jobs(system, false) > 0 ||
                reactor->signal_handlers;

    for (int list = 0; list < TORC__TRIGGER_LISTS; list++)
        left |= reactor->triggers.lists[list].first != NULL;
    return left || reactor->timers.block_count > 0;
}

/* Drops everything that is scheduled. Destroy functions may schedule again, any kind of call. */
static void drop_calls(TorcReactor *reactor)
{
    TorcSystem *system = reactor->system;

    do {
        system->ops->endJobs(system);
        torc__signals_done(reactor);
        torc__timers_done(&reactor->timers);
        torc__triggers_done(&reactor->triggers);
        torc__posted_done(&reactor->posted);
    } while (calls_left(reactor));
    system->ops->endJobs(system); /* threads that the last round started are idle by now */
}

void TorcReactor_free(TorcReactor *reactor)
{
    TORC__ON_THREAD_OF(reactor);
    if (!reactor)
        return;
    if (reactor->in_turn || reactor->state != TORC__STOPPED) {
        torc_log(reactor, TORC_LOG_ERROR, "reactor.freed-while-running", NULL, 0);
        return;
    }
    TorcSystem *system = reactor->system;
    reactor->state = TORC__STOPPING; /* the last callbacks can start nothing new */
    reactor->grace = 0;
    reactor->hurry = true;
    (void)disconnect_all(reactor);
    if (system->forked)
        torc__blockedCalls_forget(reactor);
    torc__blockedCalls_close(reactor);
    torc__followers_done(reactor);
    drop_calls(reactor);
    parts_free(reactor);
    if (reactor->owns_system)
        system->ops->free(system);
    torc__blockedCalls_done(&reactor->blocked);
    torc__free(reactor);
}
