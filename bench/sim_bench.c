/* How fast the testing kit is: echoed messages, and complete runs of the swarm, per second of
 * processor time.
 *
 *     sim_bench ROUNDS PERCENT
 *
 * Everything a test would do counts: the peers, the simulated kernel, the reactor and transports,
 * the echo protocol as it is served, and looking at each byte that comes back. PERCENT is the size
 * of the measurement, 100 for figures worth reading. */
#include <inttypes.h>
#include <string.h>

#include "samples.h"
#include "tests/testing/swarm.h"

enum { PORT = 7, CONNECTIONS = 50, MESSAGE = 64 };

/* Per round, so that each takes some 0.2 s. */
enum { USUAL_TURNS = 20000, USUAL_RUNS = 60 };

/* ---- echo ------------------------------------------------------------------------------------ */

typedef struct Echo {
    TorcSim *sim;
    TorcSimPeer *peers[CONNECTIONS];
} Echo;

static void echo_begin(Echo *echo, bool traced)
{
    echo->sim = TorcSim_new(1);
    if (!traced)
        TorcSim_setTraceSize(echo->sim, 0);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    int r = TorcReactor_listenTCP(TorcSim_reactor(echo->sim), PORT, factory, NULL, NULL);
    TorcFactory_unref(factory);
    if (r < 0)
        fail("echo: cannot listen: %s", torc_strerror(r));
    for (int i = 0; i < CONNECTIONS; i++) {
        echo->peers[i] = TorcSim_connect(echo->sim, PORT);
        if (!echo->peers[i])
            fail("echo: connection %d: not accepted", i);
    }
    TorcSim_advance(echo->sim, 0); /* the connections are made */
}

/* No two are the same, so the reply to another one shows. */
static void make_message(char message[MESSAGE], uint64_t turn, int connection)
{
    memset(message, 'a' + connection % 26, MESSAGE);
    memcpy(message, &turn, sizeof(turn));
    memcpy(message + sizeof(turn), &connection, sizeof(connection));
}

static void check_reply(TorcSimPeer *peer, uint64_t turn, int connection)
{
    char message[MESSAGE];
    make_message(message, turn, connection);
    if (TorcSimPeer_receivedLength(peer) != MESSAGE ||
        memcmp(TorcSimPeer_received(peer), message, MESSAGE) != 0)
        fail("echo: connection %d: the reply to message %" PRIu64 " is wrong", connection, turn);
    TorcSimPeer_clear(peer);
}

static void echo_turn(Echo *echo, uint64_t turn)
{
    char message[MESSAGE];
    for (int i = 0; i < CONNECTIONS; i++) {
        make_message(message, turn, i);
        TorcSimPeer_sendBytes(echo->peers[i], message, MESSAGE);
    }
    TorcSim_advance(echo->sim, 0);
    for (int i = 0; i < CONNECTIONS; i++)
        check_reply(echo->peers[i], turn, i);
}

static void measure_echo(uint64_t turns, bool traced)
{
    Echo echo;
    echo_begin(&echo, traced);
    double begin = processor_seconds();
    for (uint64_t turn = 0; turn < turns; turn++)
        echo_turn(&echo, turn);
    double seconds = processor_seconds() - begin;
    TorcSim_free(echo.sim);
    print_sample("echo, 50 connections, 64 bytes", traced ? "with a trace" : "without a trace",
                 "messages/s", (double)(turns * CONNECTIONS) / seconds);
}

/* ---- the swarm ------------------------------------------------------------------------------- */

static void run_swarm(uint64_t seed, SwarmPlan *plan)
{
    if (!swarm_runUntraced(seed, plan))
        fail("swarm: something was found; TORC_SIM_SEED=%" PRIu64 " ./dev swarm shows it", seed);
}

/* The same seeds in each round, since some runs are longer than others. */
static void measure_swarm(uint64_t runs)
{
    SwarmPlan plan = {.bug = NULL};
    double begin = processor_seconds();
    for (uint64_t seed = 1; seed <= runs; seed++)
        run_swarm(seed, &plan);
    double seconds = processor_seconds() - begin;
    if (plan.counts.faults == 0)
        fail("swarm: there were no faults");
    print_sample("fault runs, 100 connections", "without a trace", "runs/s",
                 (double)runs / seconds);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("usage: sim_bench ROUNDS PERCENT");
    uint64_t rounds = read_count(argv[1]);
    uint64_t percent = read_count(argv[2]);
    unsetenv("TORC_SIM_SEED"); /* would make all runs the same one */
    SwarmPlan warm_up = {.bug = NULL};
    run_swarm(1, &warm_up); /* makes the content that all runs share */
    for (uint64_t round = 0; round < rounds; round++) {
        measure_echo(part_of(USUAL_TURNS, percent), false);
        measure_echo(part_of(USUAL_TURNS, percent), true);
        measure_swarm(part_of(USUAL_RUNS, percent));
    }
    return EXIT_SUCCESS;
}
