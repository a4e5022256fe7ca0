/* The simulation as tests see it: one kernel, one reactor on it, and the hand that moves time.
 *
 * The sim owns everything. Time passes only inside advance and run; the reactor's wait never goes
 * beyond the view's horizon, which is where advance is heading to. */
#include "sim.h"

#include <string.h>

#include "sim_internal.h"

static const double default_delay = 0.001;

static void require(bool condition, const char *message)
{
    if (!condition)
        torc__sim_fatal(message);
}

/* ---- birth and death ----------------------------------------------------------------------- */

/* A program built against an older header gives shorter options; what they lack is 0. */
static int read_options(const TorcSimOptions *given, TorcSimOptions *ret_options)
{
    TorcSimOptions options = {.size = sizeof(options)};
    if (given) {
        TORC__REQUIRE(given->size >= offsetof(TorcSimOptions, bufferSize));
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    }
    *ret_options = options;
    return 0;
}

static TorcReactor *new_reactor(const TorcReactorOptions *given, TorcSystem *system)
{
    TorcReactorOptions options;
    TorcReactorOptions_init(&options);
    if (given) {
        size_t size = given->size < sizeof(options) ? given->size : sizeof(options);
        memcpy(&options, given, size);
    }
    options.backend = NULL;
    options.system = system;
    return TorcReactor_new(&options);
}

static void free_world(TorcSim *sim)
{
    sim->view->system.ops->free(&sim->view->system);
    torc__simPeers_free(sim);
    torc__simKernel_free(sim->kernel);
    torc__sim_release(sim);
}

TorcSim *TorcSim_newWith(const TorcSimOptions *given)
{
    TorcSimOptions options;
    int r = read_options(given, &options);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    TorcSim *sim = torc__sim_alloc(sizeof(*sim));
    sim->kernel = torc__simKernel_new(options.seed, options.bufferSize);
    sim->view = torc__simView_new(sim->kernel, &sim->kernel->home, !options.levelTriggered,
                                  options.chunkSize);
    TorcSim_setLookupDelay(sim, default_delay);
    TorcSim_setJobDelay(sim, default_delay);
    sim->reactor = new_reactor(options.reactor, &sim->view->system);
    if (!sim->reactor) {
        int error = errno;
        free_world(sim);
        errno = error;
        return NULL;
    }
    return sim;
}

TorcSim *TorcSim_new(uint64_t seed)
{
    return TorcSim_newWith(TORC_SIM_OPTIONS(.seed = seed));
}

void TorcSim_free(TorcSim *sim)
{
    if (!sim)
        return;
    TorcReactor_free(sim->reactor);
    free_world(sim);
}

TorcReactor *TorcSim_reactor(TorcSim *sim)
{
    require(sim, "TorcSim_reactor: there is no simulation");
    return sim->reactor;
}

TorcSystem *torc__sim_system(TorcSim *sim)
{
    return &sim->view->system;
}

/* ---- time ---------------------------------------------------------------------------------- */

static void turn(TorcSim *sim, double delay)
{
    uint64_t waits = sim->view->counts[TORC_SIM_WAIT];
    int r = TorcReactor_iterate(sim->reactor, delay);
    /* An error that a test has ordered for wait is the reactor's affair; any other is a misuse. */
    if (r < 0 && sim->view->counts[TORC_SIM_WAIT] == waits)
        torc__sim_fatal(r == -EDEADLK ? "TorcSim_advance was called while the reactor runs"
                                      : "TorcSim_advance: the reactor does not turn");
}

static bool settled(TorcSim *sim)
{
    return torc__reactor_idle(sim->reactor) &&
           torc__simKernel_next(sim->kernel) > sim->kernel->now &&
           !torc__simView_pending(sim->view);
}

/* At least one turn: what the test wrote or closed by hand is dealt with at the end of one. */
static void settle(TorcSim *sim)
{
    do
        turn(sim, 0);
    while (!settled(sim));
}

void TorcSim_advance(TorcSim *sim, double seconds)
{
    require(sim, "TorcSim_advance: there is no simulation");
    SimView *view = sim->view;
    int64_t target = torc__sim_later(sim->kernel->now, torc__sim_duration(seconds));
    if (target == INT64_MAX)
        target--; /* INT64_MAX is a time that does not come */
    view->horizon = target;
    settle(sim);
    while (sim->kernel->now < target) {
        /* Rounding must not make it too little: the horizon is what ends the wait. */
        turn(sim, torc__sim_seconds(target - sim->kernel->now) + 1.0);
        settle(sim);
    }
    view->horizon = INT64_MAX;
}

double TorcSim_seconds(TorcSim *sim)
{
    require(sim, "TorcSim_seconds: there is no simulation");
    return torc__sim_seconds(sim->kernel->now);
}

int TorcSim_run(TorcSim *sim)
{
    TORC__REQUIRE(sim);
    return TorcReactor_run(sim->reactor);
}

void TorcSim_raise(TorcSim *sim, int signo)
{
    require(sim, "TorcSim_raise: there is no simulation");
    SimView *view = sim->view;
    if (view->signal_function && view->signal_count < SIM_SIGNALS)
        view->signals[view->signal_count++] = signo;
}

/* ---- names --------------------------------------------------------------------------------- */

void TorcSim_setHost(TorcSim *sim, const char *name, const char *const *addresses, size_t count)
{
    require(sim && name, "TorcSim_setHost: there is no simulation or no name");
    require(addresses || count == 0, "TorcSim_setHost: there are no addresses");
    torc__simKernel_setHost(sim->kernel, name, addresses, count);
}

void TorcSim_setLookupDelay(TorcSim *sim, double seconds)
{
    require(sim, "TorcSim_setLookupDelay: there is no simulation");
    sim->view->lookup_delay = torc__sim_duration(seconds);
}

void TorcSim_setJobDelay(TorcSim *sim, double seconds)
{
    require(sim, "TorcSim_setJobDelay: there is no simulation");
    sim->view->pool.delay = torc__sim_duration(seconds);
}

void TorcSim_blackHole(TorcSim *sim, const char *address)
{
    SimAddress hole;
    require(sim && address, "TorcSim_blackHole: there is no simulation or no address");
    require(torc__simAddress_parse(address, 0, &hole) == 0,
            "TorcSim_blackHole: the address is no IPv4 or IPv6 literal");
    torc__simKernel_blackHole(sim->kernel, &hole);
}

/* ---- system calls -------------------------------------------------------------------------- */

static bool is_call(TorcSimCall call)
{
    return (unsigned)call < TORC_SIM_CALLS;
}

void TorcSim_failCall(TorcSim *sim, TorcSimCall call, unsigned nth, int error, unsigned times)
{
    require(sim && is_call(call), "TorcSim_failCall: there is no simulation or no such call");
    require(error >= 0, "TorcSim_failCall: the error is an errno value, positive");
    sim->view->rules[call] = (SimRule){
        .skip = nth > 0 ? nth - 1 : 0, .times = times, .forever = times == 0, .error = error};
}

uint64_t TorcSim_countCalls(TorcSim *sim, TorcSimCall call)
{
    require(sim && is_call(call), "TorcSim_countCalls: there is no simulation or no such call");
    return sim->view->counts[call];
}

size_t TorcSim_openDescriptors(TorcSim *sim)
{
    require(sim, "TorcSim_openDescriptors: there is no simulation");
    return sim->view->open;
}
