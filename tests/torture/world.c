/* The worlds: the simulated kernel and real sockets, by edges and by levels.
 *
 * One thread. On the simulated kernel the calls that can fail are replaced in its table; on the real
 * system so are those whose errors are tried, while those that make descriptors and threads are
 * caught below it (faults_calls.c). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testing/sim_hygiene.h"
#include "testing/sim_internal.h"
#include "faulty_system.h"
#include "scratch.h"
#include "torture.h"

typedef struct WorldKind {
    const char *name;
    const char *backend; /* NULL: simulated */
    bool level;          /* simulated: readiness by level */
} WorldKind;

static const WorldKind kinds[] = {
    {"sim", NULL, false},    {"sim-level", NULL, true},   {"epoll", "epoll", false},
    {"poll", "poll", false}, {"select", "select", false},
};
enum { WORLDS = sizeof(kinds) / sizeof(kinds[0]) };

World world;

int worlds_count(void)
{
    return WORLDS;
}

const char *world_nameOf(int index)
{
    return kinds[index].name;
}

unsigned world_kindOf(int index)
{
    return kinds[index].backend ? ON_REAL : ON_SIM;
}

/* ---- beginning ----------------------------------------------------------------------------- */

static void begin_sim(const WorldKind *kind)
{
    static const char *const hosts[] = {"127.0.0.1"};
    world.sim = TorcSim_newWith(
        TORC_SIM_OPTIONS(.seed = 1, .levelTriggered = kind->level, .bufferSize = 8192));
    if (!world.sim)
        return;
    faulty_system(torc__sim_system(world.sim), world.sim);
    TorcSim_setAddresses(world.sim, "example.org", hosts, 1);
    world.reactor = TorcSim_reactor(world.sim);
    world.address[0] = "/run/torture";
    world.address[1] = "@torture";
}

/* Errors of single calls are answered between the reactor and its system; without them the system is
 * the one that every program has. */
static bool with_calls;

void world_setCalls(bool with)
{
    with_calls = with;
}

static TorcReactor *new_faulty_reactor(const WorldKind *kind)
{
    if (torc__system_new_real(kind->backend, 4, &world.system) < 0)
        return NULL;
    faulty_system(world.system, NULL);
    return TorcReactor_new(TORC_REACTOR_OPTIONS(.system = world.system));
}

/* A directory of its own for each process, so that runs beside each other do not meet. */
static void begin_real(const WorldKind *kind)
{
    static char path[64];
    static char abstract[64];
    faults_pause();
    snprintf(world.directory, sizeof(world.directory), "%s/XXXXXX", scratch_path());
    CHECK(mkdtemp(world.directory));
    snprintf(path, sizeof(path), "%s/socket", world.directory);
    snprintf(abstract, sizeof(abstract), "@%s", world.directory);
    faults_resume();
    world.address[0] = path;
    world.address[1] = abstract;
    world.reactor = with_calls ? new_faulty_reactor(kind)
                               : TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = kind->backend));
}

bool world_begin(int index)
{
    const WorldKind *kind = &kinds[index];
    world = (World){.name = kind->name};
    server = client = (Party){0};
    outcomes_clear();
    if (kind->backend)
        begin_real(kind);
    else
        begin_sim(kind);
    return WORKED(world.reactor != NULL);
}

/* ---- ending -------------------------------------------------------------------------------- */

static void end_party(Party *party)
{
    if (party->port)
        (void)TorcPort_stopListening(party->port, NULL);
    party->port = TorcPort_unref(party->port);
}

/* What the case has left to itself comes to its end, or is aborted by freeing the reactor: then
 * connectionLost has run all the same. */
static void check_party(Party *party)
{
    CHECK(party->made == party->lost);
    CHECK(party->built == party->destroyed);
    if (party->factory)
        TorcFactory_unref(&party->factory->base);
    *party = (Party){0};
}

static void check_clean(void)
{
    char report[2000];
    party_abort(&client);
    party_abort(&server);
    TorcSim_advance(world.sim, 2.1); /* as long as a closed socket may linger */
    if (TorcSim_checkClean(world.sim, report, sizeof(report)) > 0)
        torture_fail(__FILE__, __LINE__, "left behind: %s", report);
}

/* A port that could not see its files leaves them; they are in nobody's way. */
static void remove_directory(void)
{
    char path[80];
    if (world.may_leave_files) {
        (void)unlink(world.address[0]);
        snprintf(path, sizeof(path), "%s.lock", world.address[0]);
        (void)unlink(path);
    }
    if (rmdir(world.directory) < 0)
        torture_fail(__FILE__, __LINE__, "%s: %s", world.directory, strerror(errno));
}

void world_end(void)
{
    end_party(&server);
    end_party(&client);
    if (world.sim && !world.broken)
        check_clean();
    if (world.sim)
        TorcSim_free(world.sim);
    else
        TorcReactor_free(world.reactor);
    if (world.system)
        world.system->ops->free(world.system);
    check_party(&server);
    check_party(&client);
    if (*world.directory)
        remove_directory();
    world = (World){0};
}

/* ---- time ---------------------------------------------------------------------------------- */

/* Seconds: in virtual time longer than any timeout; in real time longer than a busy machine takes,
 * and where nothing need come, as long as something that comes takes mostly. */
enum { VIRTUAL_PATIENCE = 100, REAL_PATIENCE = 10 };
static const double impatience = 0.02;

static double wait_end;
static bool waits_little; /* wait_end was chosen with regard to a fault */

void turn(void)
{
    if (world.sim) {
        (void)told(TorcSim_advance(world.sim, 0.01));
        return;
    }
    int r = TorcReactor_iterate(world.reactor, 0.002);
    (void)WORKED(told(r) == 0);
}

void pass_time(double seconds)
{
    double end = TorcReactor_seconds(world.reactor) + seconds;
    while (TorcReactor_seconds(world.reactor) < end)
        turn();
}

static double from_now(double seconds)
{
    return TorcReactor_seconds(world.reactor) + seconds;
}

void wait_start(bool must_come)
{
    waits_little = !must_come && faults_settled();
    double real = waits_little ? impatience : REAL_PATIENCE;
    wait_end = from_now(world.sim ? VIRTUAL_PATIENCE : real);
    waits_little |= must_come;
}

bool wait_turn(void)
{
    if (!world.sim && !waits_little && faults_settled()) {
        waits_little = true;
        wait_end = from_now(impatience);
    }
    if (TorcReactor_seconds(world.reactor) > wait_end)
        return false;
    if (world.sim && faults_excuse())
        TorcSim_advance(world.sim, 0.5);
    else
        turn();
    return true;
}
