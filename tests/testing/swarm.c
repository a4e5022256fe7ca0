/* One run of the swarm: clients, faults, and what must be true at the end.
 *
 * Virtual time goes in rounds; in each, every client does something or nothing. The choices are the
 * run's own, by a generator begun with the seed of the simulation, whose own one decides the faults. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "swarm_internal.h"

enum { ROUNDS = 12, POOL = 64 << 10, LONGEST = 40 << 10, QUERIES = 5 };
static const double ROUND_SECONDS = 0.05;
static const double SETTLE_SECONDS = 60;

/* ---- choices --------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do, also 0 and its neighbours. */
static uint64_t next_choice(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(Swarm *swarm, size_t limit)
{
    return (size_t)((next_choice(&swarm->choices) >> 32) * limit >> 32);
}

static bool one_in(Swarm *swarm, size_t n)
{
    return below(swarm, n) == 0;
}

/* ---- content --------------------------------------------------------------------------------- */

/* What clients send is a stretch of these, each from its own place, so that a byte that is lost,
 * doubled or another client's shows at the next one. The same in all runs. */
static char echo_pool[POOL + LONGEST];
static char line_pool[POOL + LONGEST];
static const char *const queries[QUERIES] = {"ann\r\n", "/W ann\r\n", "\r\n", "nobody\r\n",
                                             "ann@host\r\n"};
static char *answers[QUERIES];

/* What a finger server that nothing disturbs answers. */
static char *finger_answer(const char *query)
{
    TorcFingerDirectory *directory = swarm_directory();
    TorcFingerFactory *factory = TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = directory));
    TorcStringTransport *wire = TorcStringTransport_new();
    TorcSim *sim = TorcSim_new(1);
    TorcStringTransport_setReactor(wire, TorcSim_reactor(sim));
    TorcStringTransport_connect(wire, &factory->base);
    TorcStringTransport_deliver(wire, query);
    char *answer = strdup(TorcStringTransport_value(wire));
    TorcStringTransport_free(wire);
    TorcFactory_unref(&factory->base);
    TorcFingerDirectory_unref(directory);
    TorcSim_free(sim);
    return answer;
}

static void make_content(void)
{
    uint64_t state = 1;
    if (answers[0])
        return;
    for (size_t i = 0; i < sizeof(echo_pool); i++) {
        echo_pool[i] = (char)next_choice(&state);
        line_pool[i] =
            next_choice(&state) % 50 == 0 ? '\n' : (char)('!' + (uint8_t)echo_pool[i] % 90);
    }
    for (int i = 0; i < QUERIES; i++)
        answers[i] = finger_answer(queries[i]);
}

/* Most are short; some are longer than all the buffers together. */
static void choose_content(Swarm *swarm, Client *client)
{
    size_t length = one_in(swarm, 12) ? below(swarm, LONGEST) : below(swarm, 400);
    if (client->service == FINGER) {
        client->content = queries[below(swarm, QUERIES)];
        client->goal = strlen(client->content);
        if (client->ending != HALF_CLOSES)
            client->goal = 1 + below(swarm, client->goal);
    } else {
        client->content = (client->service == ECHO ? echo_pool : line_pool) + below(swarm, POOL);
        client->goal = 1 + length;
    }
}

/* Everything that must come back when it ends in order. */
static const char *expected(const Client *client, size_t *ret_length)
{
    *ret_length = client->sent;
    if (client->service == LINE) /* a last line without its end is no line */
        while (*ret_length > 0 && client->content[*ret_length - 1] != '\n')
            --*ret_length;
    if (client->service != FINGER)
        return client->content;
    int i = 0;
    while (queries[i] != client->content)
        i++;
    *ret_length = strlen(answers[i]);
    return answers[i];
}

/* ---- what clients do ------------------------------------------------------------------------- */

static Ending choose_ending(Swarm *swarm)
{
    size_t n = below(swarm, 10);
    return n < 7 ? HALF_CLOSES : n == 7 ? CLOSES : n == 8 ? RESETS : FALLS_SILENT;
}

static void client_begin(Swarm *swarm, unsigned i)
{
    Client *client = &swarm->clients[i];
    char from[SWARM_ADDRESS_SIZE];
    swarm_formatAddress(i, from);
    client->service = (Service)below(swarm, SERVICES);
    client->ending = choose_ending(swarm);
    client->reads = true;
    choose_content(swarm, client);
    client->peer =
        TorcSim_connectFrom(swarm->sim, from, "127.0.0.1", SWARM_PORT + (int)client->service);
}

static void client_send(Swarm *swarm, Client *client)
{
    size_t left = client->goal - client->sent;
    size_t piece = 1 + below(swarm, one_in(swarm, 3) ? left : left < 100 ? left : 100);
    TorcSimPeer_sendBytes(client->peer, client->content + client->sent, piece);
    client->sent += piece;
}

static void client_end(Client *client)
{
    client->ended = true;
    if (client->ending == HALF_CLOSES)
        TorcSimPeer_shutdown(client->peer);
    else if (client->ending == CLOSES)
        TorcSimPeer_close(client->peer);
    else if (client->ending == RESETS)
        TorcSimPeer_reset(client->peer);
    else
        TorcSimPeer_stopReading(client->peer);
}

static void client_setReading(Client *client, bool reads)
{
    if (client->reads != reads)
        (reads ? TorcSimPeer_startReading : TorcSimPeer_stopReading)(client->peer);
    client->reads = reads;
}

static bool still_there(const Client *client)
{
    return client->peer && !(client->ended && client->ending != HALF_CLOSES);
}

static void client_act(Swarm *swarm, Client *client)
{
    size_t choice = below(swarm, 10);
    if (!still_there(client))
        return;
    if (choice == 0)
        client_setReading(client, !client->reads);
    else if (choice < 7 && client->sent < client->goal)
        client_send(swarm, client);
    else if (choice < 9 && client->sent == client->goal && !client->ended)
        client_end(client);
}

/* No more dawdling. */
static void client_finish(Client *client)
{
    if (!still_there(client))
        return;
    client_setReading(client, true);
    if (client->sent < client->goal)
        TorcSimPeer_sendBytes(client->peer, client->content + client->sent,
                              client->goal - client->sent);
    client->sent = client->goal;
    if (!client->ended)
        client_end(client);
}

/* ---- what must be true ----------------------------------------------------------------------- */

/* It waits for the server to close, or the server has still to notice that it is gone. */
static bool waits(const Client *client)
{
    if (!client->peer || client->ending == FALLS_SILENT)
        return false;
    if (client->ending == HALF_CLOSES && !TorcSimPeer_gotEnd(client->peer) &&
        !TorcSimPeer_gotReset(client->peer))
        return true;
    return client->made != client->lost;
}

static bool all_finished(void *arg)
{
    const Swarm *swarm = arg;
    for (unsigned i = 0; i < SWARM_CLIENTS; i++)
        if (waits(&swarm->clients[i]))
            return false;
    return true;
}

static bool check_finished(Swarm *swarm)
{
    for (unsigned i = 0; i < SWARM_CLIENTS; i++)
        if (waits(&swarm->clients[i]))
            return TorcSim_fail(swarm->sim, "client %u: not finished %.0f s after the last fault",
                                i, SETTLE_SECONDS);
    return true;
}

static size_t first_difference(const char *a, const char *b, size_t length)
{
    size_t i = 0;
    while (i < length && a[i] == b[i])
        i++;
    return i;
}

static bool ended_in_order(const Client *client)
{
    return client->ending == HALF_CLOSES && !TorcSimPeer_gotReset(client->peer);
}

static bool check_bytes(Swarm *swarm, unsigned i)
{
    static const char *const names[SERVICES] = {"echo", "line", "finger"};
    Client *client = &swarm->clients[i];
    size_t all;
    const char *wanted = expected(client, &all);
    const char *received = TorcSimPeer_received(client->peer);
    size_t length = TorcSimPeer_receivedLength(client->peer);
    bool in_order = ended_in_order(client);
    swarm->plan->counts.bytes += length;
    *(in_order ? &swarm->plan->counts.complete : &swarm->plan->counts.broken) += 1;
    size_t same = first_difference(received, wanted, length < all ? length : all);
    if (same < length)
        return TorcSim_fail(swarm->sim,
                            "client %u: %s: byte %zu of the %zu received is not what "
                            "was to come",
                            i, names[client->service], same, length);
    if (in_order && length < all)
        return TorcSim_fail(swarm->sim, "client %u: %s: ended in order, but %zu of %zu bytes came",
                            i, names[client->service], length, all);
    return true;
}

static bool check_life(Swarm *swarm, unsigned i)
{
    const Client *client = &swarm->clients[i];
    if (client->made != client->lost)
        return TorcSim_fail(swarm->sim, "client %u: %u connectionMade, %u connectionLost", i,
                            client->made, client->lost);
    if (ended_in_order(client) && client->reason != TORC_CONNECTION_DONE)
        return TorcSim_fail(swarm->sim, "client %u: ended in order, but connectionLost said %s", i,
                            TorcReason_kindName(client->reason));
    if (client->reason == TORC_CONNECTION_OVERFLOW)
        return TorcSim_fail(swarm->sim, "client %u: cut off instead of slowed down", i);
    return true;
}

static bool check_clients(Swarm *swarm)
{
    for (unsigned i = 0; i < SWARM_CLIENTS; i++) {
        if (!swarm->clients[i].peer)
            continue;
        swarm->plan->counts.connections += swarm->clients[i].made;
        if (!check_life(swarm, i) || !check_bytes(swarm, i))
            return false;
    }
    return true;
}

static bool check_clean(TorcSim *sim)
{
    char report[2000];
    size_t left = TorcSim_checkClean(sim, report, sizeof(report));
    return left == 0 || TorcSim_fail(sim, "%zu things are left:\n%s", left, report);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void set_faults(Swarm *swarm)
{
    TorcSim_setFaults(swarm->sim,
                      TORC_SIM_FAULTS(.shortIO = 1000, .again = 500, .interrupt = 300, .delay = 200,
                                      .reset = 20, .noDescriptors = 200, .noBuffers = 50,
                                      .noMemory = 20, .longestDelay = 0.5));
}

static void talk(Swarm *swarm)
{
    for (unsigned round = 0; round < ROUNDS && !TorcSim_failure(swarm->sim); round++) {
        unsigned first = round * SWARM_CLIENTS / ROUNDS;
        for (unsigned i = first; i < (round + 1) * SWARM_CLIENTS / ROUNDS; i++)
            client_begin(swarm, i);
        for (unsigned i = 0; i < SWARM_CLIENTS; i++)
            client_act(swarm, &swarm->clients[i]);
        TorcSim_advance(swarm->sim, ROUND_SECONDS);
    }
}

static bool settle(Swarm *swarm)
{
    TorcSim_stopFaults(swarm->sim);
    for (unsigned i = 0; i < SWARM_CLIENTS; i++)
        client_finish(&swarm->clients[i]);
    return TorcSim_runUntil(swarm->sim, all_finished, swarm, SETTLE_SECONDS) ||
           check_finished(swarm);
}

static void stop_reactor(void *reactor)
{
    TorcReactor_stop(reactor);
}

/* Those who have fallen silent are cut off when the grace period is over. */
static bool stop(Swarm *swarm)
{
    TorcReactor *reactor = TorcSim_reactor(swarm->sim);
    TORC_SIM_CHECK(swarm->sim, TorcReactor_callLater(reactor, 0, stop_reactor, reactor, NULL) == 0);
    TORC_SIM_CHECK(swarm->sim, TorcSim_run(swarm->sim) == 0);
    return true;
}

static bool run(Swarm *swarm)
{
    if (!swarm_serve(swarm))
        return false;
    if (one_in(swarm, 2))
        TorcSim_setWakeOrder(swarm->sim, TORC_SIM_ORDER_RANDOM);
    set_faults(swarm);
    talk(swarm);
    swarm->plan->counts.faults += TorcSim_countFaults(swarm->sim, TORC_SIM_ANY_FAULT);
    swarm->plan->counts.runs++;
    return !TorcSim_failure(swarm->sim) && settle(swarm) && stop(swarm) && check_clients(swarm) &&
           check_clean(swarm->sim);
}

bool swarm_run(TorcSim *sim, void *plan)
{
    static Swarm swarm; /* outlives the protocols, which the simulation frees */
    make_content();
    swarm = (Swarm){.sim = sim, .plan = plan, .choices = TorcSim_seed(sim)};
    if (swarm.plan->bug && swarm.plan->bug->begin)
        swarm.plan->bug->begin(sim);
    return run(&swarm) && !TorcSim_failure(sim);
}

bool swarm_runUntraced(uint64_t seed, SwarmPlan *plan)
{
    TorcSim *sim = TorcSim_newWith(SWARM_SIM_OPTIONS(.seed = seed));
    TorcSim_setTraceSize(sim, 0);
    bool passed = swarm_run(sim, plan);
    TorcSim_free(sim);
    return passed;
}
