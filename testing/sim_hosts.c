/* Hosts as tests see them: machines with a name, each with a view and a reactor, in one time.
 *
 * A reactor is turned by TorcReactor_iterate from inside the wait of the one that advance or run
 * works (the first on the stack). Such a turn does not block, with one exception: the clock moves
 * only when every reactor that has a delayed call at the next moment is waiting, so that on each of
 * them what arrives at that moment comes before the call, as it does for a reactor that is alone.
 * The sim owns its hosts, a host its view and reactor; home's belong to the sim itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "sim_internal.h"
#include "sim_network.h"
#include "sim_network_internal.h"
#include "sim_seeds.h"
#include "sim_view_internal.h"

/* Of what is still there when a run is given up. */
enum { REPORT_SIZE = 2000 };

/* ---- turning ------------------------------------------------------------------------------- */

void torc__simHost_turn(TorcSimHost *host, int64_t time)
{
    SimView *view = host->view;
    int64_t now = host->sim->kernel->now;
    uint64_t waits = view->counts[TORC_SIM_WAIT];
    /* Rounding must not make it too little: the horizon is what ends the wait. */
    double delay = time > now ? torc__sim_seconds(time - now) + 1.0 : 0.0;
    view->horizon = time;
    int r = TorcReactor_iterate(host->reactor, delay);
    view->horizon = INT64_MAX;
    /* An error that a test has ordered for wait is the reactor's affair; any other is a misuse. */
    if (r < 0 && view->counts[TORC_SIM_WAIT] == waits)
        torc__sim_fatal(r == -EDEADLK ? "TorcSim_advance was called while the reactor runs"
                                      : "TorcSim_advance: the reactor does not turn");
}

/* False for those that are further down the stack. */
static bool can_turn(const TorcSimHost *host)
{
    return host->reactor && !host->reactor->in_turn && host->reactor->state == TORC__STOPPED;
}

static bool is_settled(const TorcSimHost *host)
{
    return torc__reactor_idle(host->reactor) && !torc__simView_pending(host->view);
}

static void turn_inside(TorcSimHost *host, int64_t time)
{
    host->sim->turning++;
    torc__simHost_turn(host, time);
    host->sim->turning--;
}

bool torc__simHosts_turnOthers(TorcSim *sim, const SimView *waiting)
{
    bool any = false;
    for (TorcSimHost *host = sim->hosts; host && sim->turning == 0; host = host->next) {
        if (host->view == waiting || !can_turn(host) || is_settled(host))
            continue;
        turn_inside(host, INT64_MIN);
        any = true;
    }
    return any;
}

bool torc__simHosts_settled(const TorcSim *sim)
{
    bool settled = torc__simKernel_next(sim->kernel) > sim->kernel->now;
    for (const TorcSimHost *host = sim->hosts; host && settled; host = host->next)
        settled = !can_turn(host) || is_settled(host);
    return settled;
}

int64_t torc__simHosts_next(const TorcSim *sim)
{
    int64_t next = INT64_MAX;
    for (const TorcSimHost *host = sim->hosts; host; host = host->next) {
        int64_t call = can_turn(host) ? torc__timers_earliest(&host->reactor->timers) : INT64_MAX;
        if (call < next)
            next = call;
    }
    return next;
}

void torc__simHosts_pass(TorcSim *sim, int64_t time)
{
    TorcSimHost *host = sim->hosts;
    while (host && !(can_turn(host) && torc__timers_earliest(&host->reactor->timers) <= time))
        host = host->next;
    if (host)
        turn_inside(host, time);
    else if (time > sim->kernel->now)
        sim->kernel->now = time;
}

/* ---- hosts --------------------------------------------------------------------------------- */

static TorcSimHost *add_host(TorcSim *sim, const char *name, SimHost *machine)
{
    size_t length = strlen(name);
    TorcSimHost *host = torc__sim_alloc(sizeof(*host) + length + 1);
    *host = (TorcSimHost){.sim = sim, .machine = machine};
    memcpy(host->name, name, length);
    TorcSimHost **link = &sim->hosts;
    while (*link)
        link = &(*link)->next;
    *link = host;
    return host;
}

void torc__simHosts_addHome(TorcSim *sim)
{
    TorcSimHost *home = add_host(sim, "home", &sim->kernel->home);
    home->view = sim->view;
    home->reactor = sim->reactor;
    torc__simKernel_addAddress(sim->kernel, "home", "10.0.0.1");
    torc__simKernel_addAddress(sim->kernel, "home", "fd00::1");
}

/* Long enough for 10.255.255.255. */
enum { PRIVATE_ADDRESS = 16 };

/* 0, or why no machine can be given this address. */
static int check_address(SimKernel *kernel, const char *literal, SimAddress *ret_address)
{
    SimAddress address;
    if (!literal || torc__simAddress_parse(literal, 0, &address) < 0 ||
        torc__simAddress_isLoopback(&address) || torc__simAddress_isWildcard(&address))
        return -EINVAL;
    if (torc__simHost_find(kernel, &address))
        return -EEXIST;
    *ret_address = address;
    return 0;
}

/* The machine gets the address, and its name resolves to it. */
static int give_address(TorcSimHost *host, const char *literal)
{
    SimKernel *kernel = host->sim->kernel;
    SimAddress address;
    int r = check_address(kernel, literal, &address);
    if (r < 0)
        return r;
    torc__simHost_addAddress(host->machine, &address);
    torc__simKernel_addAddress(kernel, host->name, literal);
    return 0;
}

/* The next of 10.0.0.2, 10.0.0.3, … that nobody has. */
static void find_address(SimKernel *kernel, char ret_literal[PRIVATE_ADDRESS])
{
    SimAddress address;
    unsigned number = 2;
    do {
        snprintf(ret_literal, PRIVATE_ADDRESS, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
                 number & 255);
        number++;
    } while (check_address(kernel, ret_literal, &address) < 0);
}

static int check_host(SimKernel *kernel, const char *name, const char *literal)
{
    SimAddress address;
    if (!name || !name[0])
        return -EINVAL;
    int r = check_address(kernel, literal, &address);
    return r == 0 && torc__simKernel_knows(kernel, name) ? -EEXIST : r;
}

TorcSimHost *TorcSim_addHost(TorcSim *sim, const char *name, const char *literal)
{
    torc__sim_require(sim, "TorcSim_addHost: there is no simulation");
    char any[PRIVATE_ADDRESS];
    if (!literal) {
        find_address(sim->kernel, any);
        literal = any;
    }
    int r = check_host(sim->kernel, name, literal);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    TorcSimHost *host = add_host(sim, name, torc__simKernel_addHost(sim->kernel));
    (void)give_address(host, literal); /* it was checked */
    return host;
}

int TorcSimHost_addAddress(TorcSimHost *host, const char *literal)
{
    torc__sim_require(host, "TorcSimHost_addAddress: there is no host");
    return give_address(host, literal);
}

TorcSimHost *TorcSim_home(TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_home: there is no simulation");
    return sim->hosts;
}

const char *TorcSimHost_name(const TorcSimHost *host)
{
    torc__sim_require(host, "TorcSimHost_name: there is no host");
    return host->name;
}

/* ---- reactors ------------------------------------------------------------------------------ */

/* Delays are those of home. */
static SimView *new_view(TorcSimHost *host)
{
    TorcSim *sim = host->sim;
    SimView *view = torc__simView_new(sim->kernel, host->machine, sim->edge, sim->chunk_size);
    view->lookup_delay = sim->view->lookup_delay;
    view->pool.delay = sim->view->pool.delay;
    return view;
}

/* From now on waiting has to think of others. */
static void join_world(TorcSimHost *host)
{
    host->view->sim = host->sim;
    host->sim->view->sim = host->sim;
}

static void free_view(TorcSimHost *host)
{
    for (int call = 0; call < TORC_SIM_CALLS; call++)
        host->counts[call] += host->view->counts[call];
    TorcSystem *system = &host->view->system;
    system->ops->free(system);
    host->view = NULL;
}

static int make_reactor(TorcSimHost *host)
{
    if (host->machine->down)
        return -EHOSTDOWN;
    host->view = new_view(host);
    host->reactor = torc__sim_newReactor(host->sim, host->view);
    if (!host->reactor) {
        int r = -errno;
        free_view(host);
        return r;
    }
    join_world(host);
    return 0;
}

TorcReactor *TorcSimHost_reactor(TorcSimHost *host)
{
    torc__sim_require(host, "TorcSimHost_reactor: there is no host");
    int r = host->reactor ? 0 : make_reactor(host);
    if (r < 0)
        errno = -r;
    return host->reactor;
}

int torc__simHost_giveUp(TorcSimHost *host)
{
    char report[REPORT_SIZE];
    host->view->turns_left = UINT64_MAX;
    (void)torc__sim_report(host->sim, report, sizeof(report));
    (void)TorcSim_fail(
        host->sim, "awaited the end of the run of %s within %" PRIu64 " turns; still there:\n%s",
        host->name, host->sim->turns, report);
    return -ETIMEDOUT;
}

int torc__simHost_starve(TorcSimHost *host)
{
    char report[REPORT_SIZE];
    size_t left = torc__sim_report(host->sim, report, sizeof(report));
    (void)TorcSim_fail(host->sim,
                       "awaited the end of the run of %s, but nothing can ever happen any more; "
                       "still there:%s%s",
                       host->name, left > 0 ? "\n" : " nothing", report);
    return -EDEADLK;
}

int TorcSimHost_run(TorcSimHost *host)
{
    TORC__REQUIRE(host);
    if (!TorcSimHost_reactor(host))
        return -errno;
    SimView *view = host->view;
    view->runs = host;
    view->turns_left = host->sim->turns;
    int r = TorcReactor_run(host->reactor);
    view->turns_left = UINT64_MAX;
    view->runs = NULL;
    return r;
}

void TorcSimHost_raise(TorcSimHost *host, int signo)
{
    torc__sim_require(host, "TorcSimHost_raise: there is no host");
    torc__sim_require(signo > 0 && signo < SIM_SIGNALS,
                      "TorcSimHost_raise: there is no such signal");
    SimView *view = host->view;
    if (!view || !view->handlers[signo].function)
        return;
    for (unsigned i = 0; i < view->signal_count; i++)
        if (view->signals[i] == signo)
            return; /* it pends already */
    view->signals[view->signal_count++] = signo;
}

uint64_t TorcSimHost_countCalls(const TorcSimHost *host, TorcSimCall call)
{
    torc__sim_require(host && (unsigned)call < TORC_SIM_CALLS,
                      "TorcSimHost_countCalls: there is no host or no such call");
    return host->counts[call] + (host->view ? host->view->counts[call] : 0);
}

size_t TorcSimHost_openDescriptors(const TorcSimHost *host)
{
    torc__sim_require(host, "TorcSimHost_openDescriptors: there is no host");
    return host->view ? host->view->open : 0;
}

/* ---- ends ---------------------------------------------------------------------------------- */

static void free_reactor(TorcSimHost *host)
{
    TorcReactor *reactor = host->reactor;
    TorcReactor_free(reactor);
    host->reactor = NULL;
}

void TorcSimHost_crash(TorcSimHost *host)
{
    torc__sim_require(host, "TorcSimHost_crash: there is no host");
    torc__sim_require(host != host->sim->hosts, "TorcSimHost_crash: home cannot crash");
    torc__sim_require(!host->reactor || can_turn(host),
                      "TorcSimHost_crash was called from a callback of that host");
    if (host->machine->down)
        return;
    torc__simLinks_crash(host->machine);
    if (host->reactor) {
        free_reactor(host);
        free_view(host);
    }
}

void TorcSimHost_restart(TorcSimHost *host)
{
    torc__sim_require(host, "TorcSimHost_restart: there is no host");
    if (host->machine->down)
        torc__simLinks_restart(host->machine);
}

void torc__simHosts_freeReactors(TorcSim *sim)
{
    for (TorcSimHost *host = sim->hosts->next; host; host = host->next)
        if (host->reactor)
            free_reactor(host);
    for (TorcSimHost *host = sim->hosts->next; host; host = host->next)
        if (host->view)
            free_view(host);
}

void torc__simHosts_free(TorcSim *sim)
{
    while (sim->hosts) {
        TorcSimHost *host = sim->hosts;
        sim->hosts = host->next;
        torc__sim_release(host);
    }
}

/* ---- links --------------------------------------------------------------------------------- */

static SimHost *machine_of(TorcSim *sim, const TorcSimHost *host)
{
    torc__sim_require(!host || host->sim == sim, "the host belongs to another simulation");
    return host ? host->machine : &sim->kernel->abroad;
}

static int read_link(const TorcSimLink *given, TorcSimLink *ret_link)
{
    TorcSimLink link = {.size = sizeof(link)};
    if (given) {
        TORC__REQUIRE(given->size >= offsetof(TorcSimLink, jitter));
        memcpy(&link, given, given->size < sizeof(link) ? given->size : sizeof(link));
    }
    TORC__REQUIRE(link.latency >= 0 && link.jitter >= 0);
    TORC__REQUIRE(link.bandwidth == 0 || link.bandwidth >= 1);
    *ret_link = link;
    return 0;
}

/* A double may be larger than any integer; one terabyte a second is as good as no limit. */
static uint64_t bytes_per_second(double bandwidth)
{
    return bandwidth < 1e12 ? (uint64_t)(bandwidth + 0.5) : 0;
}

int TorcSim_setLink(TorcSim *sim, TorcSimHost *from, TorcSimHost *to, const TorcSimLink *given)
{
    TorcSimLink read;
    TORC__REQUIRE(sim);
    int r = read_link(given, &read);
    if (r < 0)
        return r;
    SimLink *link = torc__simLink_get(machine_of(sim, from), machine_of(sim, to));
    link->latency = torc__sim_duration(read.latency);
    link->jitter = torc__sim_duration(read.jitter);
    link->bandwidth = bytes_per_second(read.bandwidth);
    return 0;
}

void TorcSim_partition(TorcSim *sim, TorcSimHost *a, TorcSimHost *b)
{
    torc__sim_require(sim, "TorcSim_partition: there is no simulation");
    torc__simLinks_cut(machine_of(sim, a), machine_of(sim, b), true);
}

void TorcSim_heal(TorcSim *sim, TorcSimHost *a, TorcSimHost *b)
{
    torc__sim_require(sim, "TorcSim_heal: there is no simulation");
    torc__simLinks_cut(machine_of(sim, a), machine_of(sim, b), false);
}
