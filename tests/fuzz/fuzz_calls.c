/* Random sequences of public calls, from inside every slot and from outside, on the simulation,
 * with system calls and allocations that fail: calls.h says what must hold whatever is called.
 *
 * The input: the settings of the simulation, and then acts, each a byte and what it reads itself
 * (calls_acts.c). Callbacks read from it, too: how many acts they make.
 *
 * FUZZ_PLANTED is for a build that must fail: of what a short write leaves over, the first byte
 * counts as sent. */
#include <string.h>

#include "calls.h"
#include "testing/sim_internal.h"

#ifdef FUZZ_PLANTED
static TorcSystemOps planted_ops;
static ssize_t (*planted_over)(TorcSystem *system, int fd, const void *data, size_t length);

static ssize_t planted_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    ssize_t n = planted_over(system, fd, data, length);
    return n > 0 && (size_t)n < length ? n + 1 : n;
}

static void plant(TorcSim *sim)
{
    TorcSystem *system = torc__sim_system(sim);
    planted_ops = *system->ops;
    planted_over = planted_ops.send;
    planted_ops.send = planted_send;
    system->ops = &planted_ops;
}
#else
static void plant(TorcSim *sim)
{
    (void)sim;
}
#endif

/* ---- the beginning ------------------------------------------------------------------------- */

static TorcSim *new_sim(void)
{
    static const size_t chunks[] = {0, 0, 7, 1000};
    static const size_t buffers[] = {0, 100, 4096};
    static const double graces[] = {0, -1, 0.001};
    size_t chunk = chunks[below(4)];
    size_t buffer = buffers[below(3)];

    world.most = chunk == 7 || buffer == 100 ? 600 : STREAM_SIZE;
    return TorcSim_newWith(
        TORC_SIM_OPTIONS(.seed = 1, .chunkSize = chunk, .bufferSize = buffer,
                         .levelTriggered = below(2),
                         .reactor = TORC_REACTOR_OPTIONS(.gracePeriod = graces[below(3)])));
}

static void begin_world(const uint8_t *data, size_t size)
{
    static const char *const known[] = {"192.0.2.9", "127.0.0.1"};
    world = (World){.input = {data, size}};
    world.sim = new_sim();
    FUZZ_CHECK(world.sim);
    world.reactor = TorcSim_reactor(world.sim);
    TorcSim_setTraceSize(world.sim, 0);
    plant(world.sim);
    world.factory = TorcClientFactory_new(&calls_factory_class);
    FUZZ_CHECK(world.factory && TorcSim_listen(world.sim, "192.0.2.9", OUTSIDE_PORT) == 0);
    TorcSim_blackHole(world.sim, "198.51.100.1");
    TorcSim_setAddresses(world.sim, "known.example", known, 2);
}

/* Seconds by which calls may have been put off, each time by the most that some_seconds knows. */
enum { LATEST = 40 * MOST_ACTS };

/* ---- the end ------------------------------------------------------------------------------- */

static void stop(void *arg)
{
    (void)arg;
    (void)TorcReactor_stop(world.reactor);
}

/* Nothing fails any more, and nobody begins anything new. */
static void end_faults(void)
{
    world.over = true;
    fuzz_failAllocation(-1);
    TorcSim_stopFaults(world.sim);
    release_producers();
}

/* Whatever happened, an orderly run and its end are still possible. */
static void end_by_run(void)
{
    char report[TORC_CHECK_MESSAGE_SIZE];
    FUZZ_CHECK(TorcReactor_callLater(world.reactor, 0.01, stop, NULL, NULL) == 0);
    FUZZ_CHECK(TorcSim_run(world.sim) == 0);
    FUZZ_CHECK(world.made == 0 && world.attempts == 0 && world.factories == 0);
    for (int i = 0; i < world.peer_count; i++)
        TorcSimPeer_startReading(world.peers[i].sim);
    FUZZ_CHECK(TorcSim_advance(world.sim, LATEST) == 0);
    check_peers();
    FUZZ_CHECK_THAT(torc_check_clean(world.sim, report, sizeof(report)), "%s", report);
}

static void end_world(bool by_run)
{
    end_faults();
    if (by_run)
        end_by_run();
    for (int i = 0; i < PORTS; i++)
        TorcPort_unref(world.ports[i]);
    for (int i = 0; i < CONNECTORS; i++)
        TorcConnector_unref(world.connectors[i]);
    TorcFactory_unref(&world.factory->base);
    TorcSim_free(world.sim);
    FUZZ_CHECK(world.made == 0 && world.attempts == 0 && world.factories == 0);
    FUZZ_CHECK(world.protocols == 0);
    FUZZ_CHECK_THAT(world.armed == 0, "%ld destroy or release functions did not run", world.armed);
}

/* ---- an execution -------------------------------------------------------------------------- */

static void play(const uint8_t *data, size_t size)
{
    begin_world(data, size);
    bool by_run = below(4) > 0;
    while (world.input.left > 0 && world.acts < MOST_ACTS)
        act();
    end_world(by_run);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < STREAM_SIZE; i++)
        stream[i] = (char)('!' + i % 89);
    fuzz_countMemory();
    resolve_classes();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = fuzz_memory();
    play(data, size);
    FUZZ_CHECK_THAT(fuzz_memory() <= before, "%zu bytes were allocated before, %zu after", before,
                    fuzz_memory());
    return 0;
}
