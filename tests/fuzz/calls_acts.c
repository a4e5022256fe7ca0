/* Acts on ports, connectors, peers and the reactor; and the table of all acts, which says how often
 * each is made. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "calls.h"

/* ---- ports --------------------------------------------------------------------------------- */

static const char unix_address[] = "@fuzz";

static int listen_tcp(int i, TorcPort **ret_port)
{
    static const int backlogs[] = {0, 1, 2, 64};
    TorcListenOptions *options = TORC_LISTEN_OPTIONS(.backlog = backlogs[below(4)],
                                                     .interface = below(2) ? "0.0.0.0" : NULL);
    return TorcReactor_listenTCP(world.reactor, FIRST_PORT + i, &world.factory->base, options,
                                 ret_port);
}

void open_port(int i)
{
    TorcPort **port = &world.ports[i];
    if (!world.factory)
        return;
    int r = i == UNIX_PORT ? TorcReactor_listenUNIX(world.reactor, unix_address,
                                                    &world.factory->base, NULL, port)
                           : listen_tcp(i, port);
    if (r == 0)
        TorcPort_ref(*port);
}

static void drain(TorcPort *port)
{
    TorcDeferred *done = NULL;
    (void)TorcPort_drain(port, some_seconds() - 0.01, below(2) ? &done : NULL);
    TorcDeferred_detach(done);
}

static void set_paused(int i, bool paused)
{
    int (*change)(TorcPort * port) = paused ? TorcPort_pauseAccepting : TorcPort_resumeAccepting;
    FUZZ_CHECK(change(world.ports[i]) == 0);
    world.paused[i] = paused;
}

static void change_port(int i)
{
    TorcPort *port = world.ports[i];
    switch (below(8)) {
    case 0: FUZZ_CHECK(TorcPort_stopListening(port, NULL) == 0); break;
    case 1: (void)TorcPort_startListening(port); break;
    case 2: set_paused(i, true); break;
    case 3: set_paused(i, false); break;
    case 4: FUZZ_CHECK(TorcPort_setMaxConnections(port, below(4)) == 0); break;
    case 5: FUZZ_CHECK(TorcPort_setRefuseExcess(port, below(2)) == 0); break;
    case 6: drain(port); break;
    default: FUZZ_CHECK(!TorcPort_accepting(port) || TorcPort_listening(port)); break;
    }
}

static void act_port(void)
{
    int i = (int)below(PORTS);
    if (world.ports[i])
        change_port(i);
    else
        open_port(i);
}

/* The reactor keeps one that is still in use. */
static void act_forget_port(void)
{
    int i = (int)below(PORTS);
    world.ports[i] = TorcPort_unref(world.ports[i]);
    world.paused[i] = false;
}

static TorcSimPeer *connect_to(int i)
{
    return i == UNIX_PORT ? TorcSim_connectUNIX(world.sim, unix_address)
                          : TorcSim_connect(world.sim, FIRST_PORT + i);
}

/* After those who have waited for it. What keeps it from accepting on purpose is taken away, and
 * nothing else is done, for that might wake a port that has gone deaf. */
static void check_port(int i)
{
    if (world.paused[i])
        set_paused(i, false);
    if (TorcPort_maxConnections(world.ports[i]) > 0)
        FUZZ_CHECK(TorcPort_setMaxConnections(world.ports[i], 0) == 0);
    FUZZ_CHECK(TorcSim_advance(world.sim, 0) == 0);
    long builds = world.builds;
    TorcSimPeer *peer = connect_to(i);
    FUZZ_CHECK_THAT(peer != NULL, "port %d listens, but refuses", i);
    FUZZ_CHECK(TorcSim_advance(world.sim, 0) == 0);
    FUZZ_CHECK_THAT(world.builds == builds + 1, "port %d listens, but does not serve", i);
    TorcSimPeer_close(peer);
}

/* After a second, which is the longest that accepting pauses when descriptors run out. */
void check_ports(void)
{
    FUZZ_CHECK(TorcSim_advance(world.sim, 1.01) == 0);
    for (int i = 0; i < PORTS; i++)
        if (world.ports[i] && TorcPort_listening(world.ports[i]))
            check_port(i);
}

/* ---- connectors ---------------------------------------------------------------------------- */

static int connect_tcp(int port, TorcConnector **ret_connector)
{
    static const char *const hosts[] = {"127.0.0.1",     "192.0.2.9",       "198.51.100.1", "::1",
                                        "known.example", "unknown.example", "hole.example"};
    const char *host = hosts[below(sizeof(hosts) / sizeof(hosts[0]))];
    double timeout = some_seconds();
    const char *from = below(5) == 0 ? "0.0.0.0" : NULL;
    return TorcReactor_connectTCP(world.reactor, host, port, world.factory,
                                  TORC_CONNECT_OPTIONS(.timeout = timeout, .bindAddress = from),
                                  ret_connector);
}

static void new_client(Client *client)
{
    unsigned place = below(PORTS + 4);
    int port = place < PORTS ? FIRST_PORT + (int)place : OUTSIDE_PORT;
    bool held = below(2);
    if (!world.factory)
        return;
    int r = place == UNIX_PORT ? TorcReactor_connectUNIX(world.reactor, unix_address, world.factory,
                                                         NULL, &client->connector)
                               : connect_tcp(port, &client->connector);
    if (r < 0)
        return;
    client->held = held;
    if (held)
        TorcConnector_ref(client->connector);
    world.attempts++;
}

static void let_go(Client *client)
{
    if (client->held)
        client->connector = TorcConnector_unref(client->connector);
    else
        (void)TorcConnector_unref(TorcConnector_ref(client->connector));
}

static void act_client(void)
{
    Client *client = &world.clients[below(CONNECTORS)];
    if (!client->connector) {
        new_client(client);
        return;
    }
    switch (below(4)) {
    case 0: TorcConnector_disconnect(client->connector); break;
    case 1: (void)TorcConnector_stopConnecting(client->connector); break;
    case 2: let_go(client); break;
    default:
        if (TorcConnector_connect(client->connector) == 0)
            world.attempts++;
        break;
    }
}

/* ---- peers --------------------------------------------------------------------------------- */

static void add_peer(TorcSimPeer *made, bool unruly)
{
    if (made)
        world.peers[world.peer_count++] = (Peer){.sim = made, .unruly = unruly};
}

/* From there on the next port that listens, or the one that is named. */
static int some_port(unsigned from)
{
    for (unsigned i = 0; i < PORTS; i++) {
        unsigned place = (from + i) % PORTS;
        if (world.ports[place] && TorcPort_listening(world.ports[place]))
            return (int)place;
    }
    return (int)from;
}

static void act_new_peer(void)
{
    char from[32];
    unsigned what = below(PORTS + 1);
    if (world.peer_count == PEERS)
        return;
    snprintf(from, sizeof(from), "10.0.0.%d", world.peer_count);
    if (what == PORTS) {
        add_peer(TorcSim_accept(world.sim, OUTSIDE_PORT), true);
        return;
    }
    int port = some_port(what);
    if (port == UNIX_PORT)
        add_peer(TorcSim_connectUNIX(world.sim, unix_address), true);
    else
        add_peer(TorcSim_connectFrom(world.sim, from, "127.0.0.1", FIRST_PORT + port), false);
}

static Peer *some_peer(void)
{
    unsigned i = below(PEERS);
    return world.peer_count > 0 ? &world.peers[i % (unsigned)world.peer_count] : NULL;
}

static void act_peer_send(void)
{
    Peer *peer = some_peer();
    size_t length = some_length();
    if (!peer || peer->shut || peer->sent + length > STREAM_SIZE)
        return;
    TorcSimPeer_sendBytes(peer->sim, stream + peer->sent, length);
    peer->sent += length;
}

static void act_peer_reading(void)
{
    Peer *peer = some_peer();
    if (peer)
        (below(2) ? TorcSimPeer_startReading : TorcSimPeer_stopReading)(peer->sim);
}

static void act_peer_end(void)
{
    Peer *peer = some_peer();
    unsigned how = below(4);
    if (!peer || peer->shut)
        return;
    peer->shut = true;
    peer->unruly |= how > 1;
    if (how <= 1)
        TorcSimPeer_shutdown(peer->sim);
    else if (how == 2)
        TorcSimPeer_close(peer->sim);
    else
        TorcSimPeer_reset(peer->sim);
}

/* ---- the reactor --------------------------------------------------------------------------- */

static void in_thread(void *arg)
{
    (void)arg;
}

static void act_call(void)
{
    TorcReactor *reactor = world.reactor;
    TorcCall *call = TORC_CALL(called, arm(), .destroy = disarm_and_act);
    switch (below(5)) {
    case 0: (void)TorcReactor_callFromThreadWith(reactor, call); break;
    case 1: (void)TorcReactor_callWhenRunningWith(reactor, call); break;
    case 2:
        call->function = in_thread;
        (void)TorcReactor_callInThreadWith(reactor, call);
        break;
    case 3:
        (void)TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_BEFORE + below(3),
                                                    TORC_EVENT_STARTUP + below(2), call,
                                                    &world.triggers[below(TRIGGERS)]);
        break;
    default:
        (void)TorcReactor_callLaterWith(reactor, some_seconds(), call,
                                        &world.timers[below(TIMERS)]);
        break;
    }
}

static void act_timer(void)
{
    TorcDelayedCall timer = world.timers[below(TIMERS)];
    double seconds;
    switch (below(5)) {
    case 0: (void)TorcDelayedCall_cancel(timer); break;
    case 1: (void)TorcDelayedCall_reset(timer, some_seconds()); break;
    case 2: (void)TorcDelayedCall_delay(timer, some_seconds() - 1); break;
    case 3: (void)TorcDelayedCall_getTime(timer, &seconds); break;
    default:
        (void)TorcReactor_removeSystemEventTrigger(world.reactor, world.triggers[below(TRIGGERS)]);
        break;
    }
}

/* Freeing does nothing from inside a callback. */
static void call_what_is_refused(unsigned what)
{
    if (world.depth == 0)
        return;
    if (what == 0)
        FUZZ_CHECK(TorcReactor_iterate(world.reactor, 0) == -EDEADLK);
    else if (what == 1)
        FUZZ_CHECK(TorcReactor_run(world.reactor) == -EDEADLK);
    else
        TorcReactor_free(world.reactor);
}

static void act_reactor(void)
{
    switch (below(5)) {
    case 0: (void)TorcReactor_stop(world.reactor); break;
    case 1: (void)TorcReactor_crash(world.reactor); break;
    case 2: TorcSim_raise(world.sim, below(2) ? SIGINT : SIGTERM); break;
    case 3: call_what_is_refused(below(3)); break;
    default: (void)TorcReactor_suggestThreadPoolSize(world.reactor, below(5)); break;
    }
}

static void act_advance(void)
{
    if (is_outside())
        FUZZ_CHECK(TorcSim_advance(world.sim, some_seconds()) == 0);
}

static void tick(void *arg);

/* False: the run is to end. */
static bool tick_again(void)
{
    return !world.over && world.input.left > 0 && below(4) > 0 &&
           TorcReactor_callLater(world.reactor, some_seconds() / 8, tick, NULL, NULL) == 0;
}

static void tick(void *arg)
{
    (void)arg;
    enter();
    act();
    leave();
    if (!tick_again())
        (void)TorcReactor_stop(world.reactor);
}

/* A whole run: acts from inside, until the input says that it ends if nothing else ended it. */
static void act_run(void)
{
    if (is_outside() && TorcReactor_callLater(world.reactor, some_seconds(), tick, NULL, NULL) == 0)
        (void)TorcSim_run(world.sim);
}

/* ---- all of them --------------------------------------------------------------------------- */

typedef struct Act {
    void (*make)(void);
    const char *name;
    unsigned weight; /* how often it is made, beside the others */
} Act;

/* The sum of the weights. */
enum { ACTS_WEIGHT = 123 };

/* The most frequent come first, for that is how they are looked for. In the order of the corpus: to
 * change it is to begin a new one. */
static const Act acts[] = {
    {act_advance, "advance", 20},
    {act_peer_send, "peer sends", 11},
    {act_new_peer, "new peer", 9},
    {act_write, "write", 8},
    {act_client, "client", 6},
    {act_port, "port", 4},
    {act_close, "close", 4},
    {act_reading, "reading", 4},
    {act_peer_reading, "peer reads", 5},
    {act_peer_end, "peer ends", 4},
    {act_call, "call", 4},
    {act_timer, "timer", 4},
    {act_produce, "produce", 5},
    {act_write_owned, "writeOwned", 3},
    {act_write_sequence, "writeSequence", 3},
    {act_bound_call, "bound call", 3},
    {act_run, "run", 3},
    {act_settings, "settings", 3},
    {act_send_file, "sendFile", 3},
    {act_fault, "fault", 3},
    {act_printf, "printf", 2},
    {act_look, "look", 2},
    {act_reactor, "reactor", 2},
    {act_any_fault, "any fault", 2},
    {act_fail_allocation, "allocation", 2},
    {act_send_descriptor, "sendFileDescriptor", 2},
    {act_forget_port, "forget port", 1},
    {act_chances, "chances", 1},
};

void check_acts(void)
{
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        sum += acts[i].weight;
    FUZZ_CHECK(sum == ACTS_WEIGHT);
}

static const Act *some_act(void)
{
    const Act *act = acts;
    for (unsigned at = below(ACTS_WEIGHT); at >= act->weight; act++)
        at -= act->weight;
    return act;
}

void act(void)
{
    if (world.over || world.input.left == 0 || world.acts == MOST_ACTS)
        return;
    world.acts++;
    calls_counts.acts++;
    const Act *chosen = some_act();
    if (calls_follower)
        TorcSim_note(world.sim, "act %u: %s%s", world.acts, chosen->name,
                     is_outside() ? "" : ", from inside");
    chosen->make();
}
