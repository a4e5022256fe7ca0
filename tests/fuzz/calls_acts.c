/* Acts on ports, connectors, peers and the reactor, and faults; and the table of all acts, whose
 * order is that of the bytes in the corpus: new ones come last. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "calls.h"

/* ---- ports --------------------------------------------------------------------------------- */

static const char unix_address[] = "@fuzz";

static void new_port(int i)
{
    TorcPort **port = &world.ports[i];
    int r =
        i == UNIX_PORT
            ? TorcReactor_listenUNIX(world.reactor, unix_address, &world.factory->base, NULL, port)
            : TorcReactor_listenTCP(world.reactor, FIRST_PORT + i, &world.factory->base,
                                    TORC_LISTEN_OPTIONS(.backlog = i), port);
    if (r == 0)
        TorcPort_ref(*port);
}

static void drain(TorcPort *port)
{
    TorcDeferred *done = NULL;
    (void)TorcPort_drain(port, some_seconds() - 0.01, below(2) ? &done : NULL);
    TorcDeferred_detach(done);
}

static void change_port(TorcPort *port)
{
    switch (below(8)) {
    case 0: FUZZ_CHECK(TorcPort_stopListening(port, NULL) == 0); break;
    case 1: (void)TorcPort_startListening(port); break;
    case 2: FUZZ_CHECK(TorcPort_pauseAccepting(port) == 0); break;
    case 3: FUZZ_CHECK(TorcPort_resumeAccepting(port) == 0); break;
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
        change_port(world.ports[i]);
    else
        new_port(i);
}

/* The reactor keeps one that is still in use. */
static void act_forget_port(void)
{
    int i = (int)below(PORTS);
    world.ports[i] = TorcPort_unref(world.ports[i]);
}

/* ---- connectors ---------------------------------------------------------------------------- */

static void new_connector(TorcConnector **connector)
{
    static const char *const hosts[] = {"127.0.0.1",     "192.0.2.9",       "198.51.100.1",
                                        "known.example", "unknown.example", "::1"};
    const char *host = hosts[below(sizeof(hosts) / sizeof(hosts[0]))];
    unsigned place = below(PORTS + 1);
    int port = place == PORTS ? OUTSIDE_PORT : FIRST_PORT + (int)place;
    int r =
        place == UNIX_PORT
            ? TorcReactor_connectUNIX(world.reactor, unix_address, world.factory, NULL, connector)
            : TorcReactor_connectTCP(world.reactor, host, port, world.factory,
                                     TORC_CONNECT_OPTIONS(.timeout = some_seconds()), connector);
    if (r < 0)
        return;
    TorcConnector_ref(*connector);
    world.attempts++;
}

static void act_connector(void)
{
    TorcConnector **connector = &world.connectors[below(CONNECTORS)];
    if (!*connector) {
        new_connector(connector);
        return;
    }
    switch (below(4)) {
    case 0: TorcConnector_disconnect(*connector); break;
    case 1: (void)TorcConnector_stopConnecting(*connector); break;
    case 2: *connector = TorcConnector_unref(*connector); break;
    default:
        if (TorcConnector_connect(*connector) == 0)
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

static void act_new_peer(void)
{
    char from[32];
    unsigned what = below(PORTS + 1);
    if (world.peer_count == PEERS)
        return;
    snprintf(from, sizeof(from), "10.0.0.%d", world.peer_count);
    if (what == PORTS)
        add_peer(TorcSim_accept(world.sim, OUTSIDE_PORT), true);
    else if (what == UNIX_PORT)
        add_peer(TorcSim_connectUNIX(world.sim, unix_address), true);
    else
        add_peer(TorcSim_connectFrom(world.sim, from, "127.0.0.1", FIRST_PORT + (int)what), false);
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
    TorcCall *call = TORC_CALL(called, arm(), .destroy = disarm);
    uint64_t trigger;
    switch (below(5)) {
    case 0: (void)TorcReactor_callFromThreadWith(reactor, call); break;
    case 1: (void)TorcReactor_callWhenRunningWith(reactor, call); break;
    case 2:
        call->function = in_thread;
        (void)TorcReactor_callInThreadWith(reactor, call);
        break;
    case 3:
        (void)TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_BEFORE + below(3),
                                                    TORC_EVENT_SHUTDOWN, call, &trigger);
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
    switch (below(4)) {
    case 0: (void)TorcDelayedCall_cancel(timer); break;
    case 1: (void)TorcDelayedCall_reset(timer, some_seconds()); break;
    case 2: (void)TorcDelayedCall_delay(timer, some_seconds() - 1); break;
    default: (void)TorcDelayedCall_getTime(timer, &seconds); break;
    }
}

/* What must be refused from inside a callback, and what ends a run. */
static void act_reactor(void)
{
    switch (below(6)) {
    case 0: (void)TorcReactor_stop(world.reactor); break;
    case 1: (void)TorcReactor_crash(world.reactor); break;
    case 2: TorcSim_raise(world.sim, below(2) ? SIGINT : SIGTERM); break;
    case 3:
        FUZZ_CHECK(world.depth == 0 || TorcReactor_iterate(world.reactor, 0) == -EDEADLK);
        break;
    case 4: FUZZ_CHECK(world.depth == 0 || TorcReactor_run(world.reactor) == -EDEADLK); break;
    default: (void)TorcReactor_suggestThreadPoolSize(world.reactor, below(5)); break;
    }
}

static void act_advance(void)
{
    if (world.depth == 0)
        FUZZ_CHECK(TorcSim_advance(world.sim, some_seconds()) == 0);
}

static void end_run(void *arg)
{
    (void)arg;
    enter();
    leave();
    (void)TorcReactor_stop(world.reactor);
}

/* A whole run, which ends when its time is over if not before. */
static void act_run(void)
{
    if (world.depth == 0 &&
        TorcReactor_callLater(world.reactor, some_seconds(), end_run, NULL, NULL) == 0)
        (void)TorcSim_run(world.sim);
}

/* ---- faults -------------------------------------------------------------------------------- */

typedef struct Fault {
    TorcSimCall call;
    int error;
} Fault;

/* What Linux may say to each. */
static const Fault faults[] = {
    {TORC_SIM_SOCKET, EMFILE},
    {TORC_SIM_SOCKET, ENOBUFS},
    {TORC_SIM_BIND, EADDRINUSE},
    {TORC_SIM_LISTEN, EADDRINUSE},
    {TORC_SIM_ACCEPT, EAGAIN},
    {TORC_SIM_ACCEPT, ECONNABORTED},
    {TORC_SIM_ACCEPT, EMFILE},
    {TORC_SIM_ACCEPT, ENOBUFS},
    {TORC_SIM_CONNECT, EINTR},
    {TORC_SIM_CONNECT, ENETUNREACH},
    {TORC_SIM_CONNECT, EADDRNOTAVAIL},
    {TORC_SIM_RECV, EINTR},
    {TORC_SIM_RECV, EAGAIN},
    {TORC_SIM_RECV, ECONNRESET},
    {TORC_SIM_RECV, ETIMEDOUT},
    {TORC_SIM_SEND, EINTR},
    {TORC_SIM_SEND, EAGAIN},
    {TORC_SIM_SEND, EPIPE},
    {TORC_SIM_SEND, ENOBUFS},
    {TORC_SIM_SEND, ECONNRESET},
    {TORC_SIM_SHUTDOWN, ENOTCONN},
    {TORC_SIM_CLOSE, EIO},
    {TORC_SIM_SETSOCKOPT, ENOPROTOOPT},
    {TORC_SIM_WATCH, ENOMEM},
    {TORC_SIM_LOOKUP, TORC_ELOOKUP},
    {TORC_SIM_LOOKUP, ENOMEM},
    {TORC_SIM_SUBMIT, EAGAIN},
    {TORC_SIM_OPEN_SPARE, EMFILE},
    {TORC_SIM_OPEN, EMFILE},
    {TORC_SIM_READ_FILE, EIO},
    {TORC_SIM_DUPLICATE, EMFILE},
};

static void act_fault(void)
{
    const Fault *fault = &faults[below(sizeof(faults) / sizeof(faults[0]))];
    unsigned nth = 1 + below(4);
    TorcSim_failCall(world.sim, fault->call, nth, fault->error, 1 + below(3));
}

static void act_fail_allocation(void)
{
    fuzz_failAllocation((long)below(24));
}

/* ---- all of them --------------------------------------------------------------------------- */

static void (*const acts[])(void) = {
    act_advance,
    act_port,
    act_new_peer,
    act_peer_send,
    act_write,
    act_connector,
    act_close,
    act_reading,
    act_peer_reading,
    act_peer_end,
    act_write_owned,
    act_produce,
    act_write_sequence,
    act_call,
    act_timer,
    act_bound_call,
    act_fault,
    act_fail_allocation,
    act_run,
    act_reactor,
    act_forget_port,
    act_settings,
    act_look,
    act_send_file,
    act_send_descriptor,
};

void act(void)
{
    if (world.over || world.input.left == 0 || world.acts == MOST_ACTS)
        return;
    world.acts++;
    acts[below(sizeof(acts) / sizeof(acts[0]))]();
}
