/* Sequences of public calls, from inside every slot and from outside, on the simulation, with system
 * calls and allocations that fail: calls.h says what must hold whatever is called.
 *
 * The input: the settings of the world, and then acts, each a byte and what it reads itself
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
    static const size_t chunks[] = {0, 0, 1, 7, 1000};
    static const size_t buffers[] = {0, 4096, 4096, 100};
    static const double graces[] = {0, -1, 0.001, 60};
    unsigned seed = below(256);
    size_t chunk = chunks[below(5)];
    size_t buffer = buffers[below(4)];
    bool level = below(2);
    double grace = graces[below(4)];

    /* Bytes that leave one by one are not many, or an execution takes seconds. */
    world.most = chunk == 1 || buffer == 100 ? 600 : chunk == 7 ? 5000 : LARGEST_WRITE;
    return TorcSim_newWith(TORC_SIM_OPTIONS(.seed = seed, .chunkSize = chunk, .bufferSize = buffer,
                                            .levelTriggered = level,
                                            .reactor = TORC_REACTOR_OPTIONS(.gracePeriod = grace)));
}

static void set_trace(void)
{
    if (calls_follower)
        TorcSim_followTrace(world.sim, calls_follower, NULL);
    else
        TorcSim_setTraceSize(world.sim, 0);
}

/* Who is there to be connected to. */
static void build_network(void)
{
    static const char *const known[] = {"192.0.2.9", "127.0.0.1"};
    static const char *const hole[] = {"198.51.100.1", "127.0.0.1"};
    FUZZ_CHECK(TorcSim_listen(world.sim, "192.0.2.9", OUTSIDE_PORT) == 0);
    TorcSim_blackHole(world.sim, "198.51.100.1");
    TorcSim_setAddresses(world.sim, "known.example", known, 2);
    TorcSim_setAddresses(world.sim, "hole.example", hole, 2);
}

/* False: there was no memory for it, as the input wants it. */
static bool begin_world(const uint8_t *data, size_t size)
{
    world = (World){.input = {data, size}};
    begin_memory();
    world.sim = new_sim();
    if (!world.sim) {
        fuzz_failAllocation(-1);
        return false;
    }
    world.reactor = TorcSim_reactor(world.sim);
    set_trace();
    if (below(2))
        TorcSim_setWakeOrder(world.sim, TORC_SIM_ORDER_RANDOM);
    begin_faults();
    plant(world.sim);
    world.factory = TorcClientFactory_new(&calls_factory_class);
    build_network();
    unsigned open = below(256);
    for (int i = 0; i < PORTS; i++)
        if (open >> 2 * i & 3)
            open_port(i);
    return true;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Seconds by which calls may have been put off, each time by the most that some_seconds knows. */
enum { LATEST = 40 * MOST_ACTS };

static void stop(void *arg)
{
    (void)arg;
    (void)TorcReactor_stop(world.reactor);
}

/* Nothing fails any more, and nobody begins anything new. */
static void end_acts(void)
{
    world.over = true;
    end_faults();
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

typedef enum Ending {
    END_AT_ONCE,
    END_BY_RUN,
    END_SERVING /* ports first, then by a run */
} Ending;

static Ending some_ending(void)
{
    static const Ending endings[] = {END_AT_ONCE, END_BY_RUN, END_SERVING, END_SERVING};
    return endings[below(4)];
}

static void let_go_of_all(void)
{
    for (int i = 0; i < PORTS; i++)
        TorcPort_unref(world.ports[i]);
    for (int i = 0; i < CONNECTORS; i++)
        if (world.clients[i].held)
            TorcConnector_unref(world.clients[i].connector);
    if (world.factory)
        TorcFactory_unref(&world.factory->base);
}

static void end_world(Ending ending)
{
    end_acts();
    if (ending == END_SERVING)
        check_ports();
    if (ending != END_AT_ONCE)
        end_by_run();
    let_go_of_all();
    TorcSim_free(world.sim);
    FUZZ_CHECK(world.made == 0 && world.attempts == 0 && world.factories == 0);
    FUZZ_CHECK(world.protocols == 0);
    FUZZ_CHECK_THAT(world.armed == 0, "%ld destroy or release functions did not run", world.armed);
}

/* ---- an execution -------------------------------------------------------------------------- */

static void play(const uint8_t *data, size_t size)
{
    if (!begin_world(data, size))
        return;
    Ending ending = some_ending();
    while (world.input.left > 0 && world.acts < MOST_ACTS)
        act();
    end_world(ending);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < STREAM_SIZE; i++)
        stream[i] = (char)('!' + i % 89);
    fuzz_countMemory();
    resolve_classes();
    check_acts();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = fuzz_memory();
    play(data, size);
    calls_counts.sequences++;
    FUZZ_CHECK_THAT(fuzz_memory() <= before, "%zu bytes were allocated before, %zu after", before,
                    fuzz_memory());
    return 0;
}
