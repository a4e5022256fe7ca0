/* The hand that moves time: turns the reactors until they have nothing to do, again and again.
 *
 * Time passes only inside these functions; a reactor's wait never goes beyond its view's horizon,
 * which is where they are heading to. Home's reactor is the one that is turned here; from inside its
 * waits it turns the others (sim_hosts.c). */
#include "../reactor/reactor_internal.h"
#include "sim_internal.h"
#include "sim_network_internal.h"
#include "sim_view_internal.h"

/* What is later than this does not count as under way. */
static const int64_t soon = TORC__SECOND;

/* ---- turning ------------------------------------------------------------------------------- */

/* What is asked while time passes: is it enough? NULL: never. */
typedef struct Goal {
    TorcSimPredicate *reached;
    void *arg;
} Goal;

static bool is_reached(const Goal *goal)
{
    return goal->reached && goal->reached(goal->arg);
}

/* One turn that waits until `time` at most; true when the goal is reached then. */
static bool turn(TorcSim *sim, int64_t time, const Goal *goal)
{
    torc__simHost_turn(sim->hosts, time);
    return is_reached(goal);
}

/* At least one turn. */
static bool settle(TorcSim *sim, const Goal *goal)
{
    do
        if (turn(sim, INT64_MIN, goal))
            return true;
    while (!torc__simHosts_settled(sim));
    return false;
}

/* When the next thing happens, `limit` if nothing does before. */
static int64_t next_step(const TorcSim *sim, int64_t limit)
{
    int64_t event = torc__simKernel_next(sim->kernel);
    int64_t call = torc__simHosts_next(sim);
    int64_t next = event < call ? event : call;
    return next < limit ? next : limit;
}

static int64_t time_after(const TorcSim *sim, double seconds)
{
    int64_t time = torc__sim_later(sim->kernel->now, torc__sim_duration(seconds));
    return time < INT64_MAX ? time : INT64_MAX - 1; /* INT64_MAX is a time that does not come */
}

/* ---- advance ------------------------------------------------------------------------------- */

int TorcSim_advance(TorcSim *sim, double seconds)
{
    torc__sim_require(sim, "TorcSim_advance: there is no simulation");
    TORC__REQUIRE(seconds >= 0); /* NaN is not */
    static const Goal none = {NULL, NULL};
    int64_t target = time_after(sim, seconds);
    settle(sim, &none);
    while (sim->kernel->now < target) {
        torc__simHost_turn(sim->hosts, target);
        settle(sim, &none);
    }
    return 0;
}

bool TorcSim_runUntil(TorcSim *sim, TorcSimPredicate *predicate, void *arg, double limit)
{
    torc__sim_require(sim && predicate, "TorcSim_runUntil: there is no simulation or no predicate");
    Goal goal = {predicate, arg};
    int64_t end = time_after(sim, limit);
    if (is_reached(&goal))
        return true;
    bool reached = settle(sim, &goal);
    while (!reached && sim->kernel->now < end)
        reached = turn(sim, next_step(sim, end), &goal) || settle(sim, &goal);
    return reached;
}

bool TorcSim_runUntilIdle(TorcSim *sim, double limit)
{
    torc__sim_require(sim, "TorcSim_runUntilIdle: there is no simulation");
    static const Goal none = {NULL, NULL};
    int64_t end = time_after(sim, limit);
    settle(sim, &none);
    for (;;) {
        int64_t later = torc__sim_later(sim->kernel->now, soon);
        if (sim->kernel->event_count == 0 && torc__simHosts_next(sim) > later)
            return true;
        if (sim->kernel->now >= end)
            return false;
        torc__simHost_turn(sim->hosts, next_step(sim, end));
        settle(sim, &none);
    }
}

int TorcSim_spend(TorcSim *sim, double seconds)
{
    torc__sim_require(sim, "TorcSim_spend: there is no simulation");
    TORC__REQUIRE(seconds >= 0);
    TorcSystem *system = &sim->view->system;
    int64_t before = sim->kernel->now;
    sim->kernel->now = time_after(sim, seconds);
    system->spent = torc__sim_later(system->spent, sim->kernel->now - before);
    return 0;
}

/* ---- the clocks ---------------------------------------------------------------------------- */

double TorcSim_seconds(TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_seconds: there is no simulation");
    return torc__sim_seconds(sim->kernel->now);
}

int TorcSim_setWallTime(TorcSim *sim, double seconds)
{
    TORC__REQUIRE(sim && seconds >= 0);
    int64_t time = torc__nanoseconds(seconds);
    TORC__REQUIRE(time < INT64_MAX);
    sim->kernel->wall = time - sim->kernel->now;
    return 0;
}

double TorcSim_wallTime(TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_wallTime: there is no simulation");
    return torc__sim_seconds(sim->view->system.ops->wallTime(&sim->view->system));
}

/* ---- running ------------------------------------------------------------------------------- */

int TorcSim_run(TorcSim *sim)
{
    TORC__REQUIRE(sim);
    return TorcSimHost_run(sim->hosts);
}

void TorcSim_raise(TorcSim *sim, int signo)
{
    torc__sim_require(sim, "TorcSim_raise: there is no simulation");
    TorcSimHost_raise(sim->hosts, signo);
}

void TorcSim_setWakeOrder(TorcSim *sim, TorcSimOrder order)
{
    torc__sim_require(sim, "TorcSim_setWakeOrder: there is no simulation");
    sim->kernel->shuffled = order == TORC_SIM_ORDER_RANDOM;
}
