/* The simulation as tests see it: one kernel, and reactors on it. The sim owns everything. */
#include "sim.h"

#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "sim_internal.h"
#include "sim_network_internal.h"
#include "sim_view_internal.h"

static const int64_t default_delay = TORC__SECOND / 1000;

/* A day with ten calls a second, ten times over. */
static const uint64_t default_turns = 10000000;

/* ---- birth and death ----------------------------------------------------------------------- */

/* Kept for the reactors that are made later. */
static int keep_options(TorcSim *sim, const TorcSimOptions *options)
{
    sim->edge = !options->levelTriggered;
    sim->chunk_size = options->chunkSize;
    sim->turns = options->turns > 0 ? options->turns : default_turns;
    int r =
        torc__options_read(&sim->reactor_options, sizeof(sim->reactor_options), options->reactor);
    sim->reactor_options.backend = NULL;
    return r;
}

TorcReactor *torc__sim_newReactor(const TorcSim *sim, SimView *view)
{
    TorcReactorOptions options = sim->reactor_options;
    options.system = &view->system;
    return TorcReactor_new(&options);
}

static void free_world(TorcSim *sim)
{
    sim->view->system.ops->free(&sim->view->system);
    torc__simPeers_free(sim);
    torc__simHosts_free(sim);
    torc__simKernel_free(sim->kernel);
    torc__sim_release(sim->failure);
    torc__sim_release(sim);
}

TorcSim *TorcSim_newWith(const TorcSimOptions *given)
{
    TorcSimOptions options;
    int r = torc__options_read(&options, sizeof(options), given);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    TorcSim *sim = torc__sim_alloc(sizeof(*sim));
    sim->seed = options.seed;
    (void)torc__sim_environmentSeed(&sim->seed);
    sim->kernel = torc__simKernel_new(sim->seed, options.bufferSize);
    r = keep_options(sim, &options);
    sim->view = torc__simView_new(sim->kernel, &sim->kernel->home, sim->edge, sim->chunk_size);
    sim->view->lookup_delay = sim->view->pool.delay = default_delay;
    sim->reactor = r < 0 ? NULL : torc__sim_newReactor(sim, sim->view);
    if (!sim->reactor) {
        int error = r < 0 ? -r : errno;
        free_world(sim);
        errno = error;
        return NULL;
    }
    torc__simHosts_addHome(sim);
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
    torc__simHosts_freeReactors(sim);
    free_world(sim);
}

TorcReactor *TorcSim_reactor(TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_reactor: there is no simulation");
    return sim->reactor;
}

TorcSystem *torc__sim_system(TorcSim *sim)
{
    return &sim->view->system;
}

/* ---- names --------------------------------------------------------------------------------- */

void TorcSim_setAddresses(TorcSim *sim, const char *name, const char *const *addresses,
                          size_t count)
{
    torc__sim_require(sim && name, "TorcSim_setAddresses: there is no simulation or no name");
    torc__sim_require(addresses || count == 0, "TorcSim_setAddresses: there are no addresses");
    torc__simKernel_setAddresses(sim->kernel, name, addresses, count);
}

void TorcSim_setLookupDelay(TorcSim *sim, double seconds)
{
    torc__sim_require(sim, "TorcSim_setLookupDelay: there is no simulation");
    for (TorcSimHost *host = sim->hosts; host; host = host->next)
        if (host->view)
            host->view->lookup_delay = torc__sim_duration(seconds);
}

void TorcSim_setJobDelay(TorcSim *sim, double seconds)
{
    torc__sim_require(sim, "TorcSim_setJobDelay: there is no simulation");
    for (TorcSimHost *host = sim->hosts; host; host = host->next)
        if (host->view)
            host->view->pool.delay = torc__sim_duration(seconds);
}

void TorcSim_blackHole(TorcSim *sim, const char *address)
{
    SimAddress hole;
    torc__sim_require(sim && address, "TorcSim_blackHole: there is no simulation or no address");
    torc__sim_require(torc__simAddress_parse(address, 0, &hole) == 0,
                      "TorcSim_blackHole: the address is no IPv4 or IPv6 literal");
    torc__simKernel_blackHole(sim->kernel, &hole);
}

/* ---- system calls -------------------------------------------------------------------------- */

static bool is_call(TorcSimCall call)
{
    return (unsigned)call < TORC_SIM_CALLS;
}

uint64_t TorcSim_countCalls(TorcSim *sim, TorcSimCall call)
{
    torc__sim_require(sim && is_call(call),
                      "TorcSim_countCalls: there is no simulation or no such call");
    uint64_t count = 0;
    for (const TorcSimHost *host = sim->hosts; host; host = host->next)
        count += TorcSimHost_countCalls(host, call);
    return count;
}

size_t TorcSim_openDescriptors(TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_openDescriptors: there is no simulation");
    size_t open = 0;
    for (const TorcSimHost *host = sim->hosts; host; host = host->next)
        open += TorcSimHost_openDescriptors(host);
    return open;
}
