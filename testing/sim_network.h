/* The simulated network: several machines, each with a reactor of its own, in one virtual time.
 *
 *     TorcSimHost *server = TorcSim_addHost(sim, "server", NULL);
 *     TorcSimHost *client = TorcSim_addHost(sim, "client", NULL);
 *     chat_server_start(TorcSimHost_reactor(server), 8881);
 *     chat_client_start(TorcSimHost_reactor(client), "server", 8881);
 *     TorcSim_setLink(sim, client, server, TORC_SIM_LINK(.latency = 0.05));
 *     TorcSim_setLink(sim, server, client, TORC_SIM_LINK(.latency = 0.05));
 *     TorcSim_advance(sim, 1.0);
 *     TorcSim_partition(sim, client, server);
 *     TorcSim_advance(sim, 60.0);
 *     TorcSim_heal(sim, client, server);
 *
 * TorcSim_advance and its kin turn all reactors: each whenever it has something to do, in the order
 * in which the hosts were made, home first. The clock stands still while one has, and then jumps to
 * the next event or delayed call of any of them. A reactor belongs to its host as a process does to
 * a machine, so code on one must not call into another's but by TorcReactor_callFromThread.
 *
 * What the network does:
 *   - Between two hosts without a link everything arrives at the moment it is sent.
 *   - Streams are reliable: bytes are late, never lost, doubled or out of order.
 *   - connect takes a round trip, and the listener has the connection half a round trip later. A
 *     peer of the test (TorcSim_connectFrom) does not wait for that: its handshake takes no time.
 *   - What has not arrived counts as in the sender's buffer (TorcSimOptions.bufferSize), so that
 *     much is under way at most; room comes back when bytes arrive, as if acknowledgements took no
 *     time. Bytes that the receiver's buffer has no room for wait.
 *   - Datagrams take no time, whatever the link; a partition loses them.
 *   - A system gives up a connection that stays silent after a quarter of an hour or more; this one
 *     never does. Time-outs are the affair of the code under test. */
#ifndef TORC_TESTING_SIM_NETWORK_H
#define TORC_TESTING_SIM_NETWORK_H

#include "sim.h"

TORC_BEGIN_DECLS

typedef struct TorcSimHost TorcSimHost;

/* ---- hosts --------------------------------------------------------------------------------- */

/* A new machine; the sim owns it. Its name resolves to its address (see TorcSim_setAddresses for more
 * names), which is an IPv4 or IPv6 literal that nobody else has, or NULL: the next of 10.0.0.2,
 * 10.0.0.3, …. Ports, and 127.0.0.1 and ::1, are each machine's own. NULL and errno: EINVAL (no
 * name, no such literal), EEXIST (the name or the address is taken). */
TORC_API TorcSimHost *TorcSim_addHost(TorcSim *sim, const char *name, const char *address);

/* The machine of TorcSim_reactor, "home": 10.0.0.1 and fd00::1. Peers at 127.0.0.1 are there too,
 * and it answers for every address that belongs to nobody. */
TORC_API TorcSimHost *TorcSim_home(TorcSim *sim);

/* One more address: 0, -EINVAL or -EEXIST. The name resolves to it too, last. */
TORC_API int TorcSimHost_addAddress(TorcSimHost *host, const char *address);

TORC_API const char *TorcSimHost_name(const TorcSimHost *host);

/* The host's reactor, made at the first call with the options the simulation was made with; the sim
 * frees it. Time-outs of look-ups and jobs are those of the simulation (TorcSim_setLookupDelay).
 * NULL with errno: EHOSTDOWN after a crash, and what TorcReactor_new may say. */
TORC_API TorcReactor *TorcSimHost_reactor(TorcSimHost *host);

/* TorcReactor_run for this host's reactor, as its program's main calls it. The other hosts'
 * reactors are turned meanwhile, and until its shutdown is complete. -EDEADLK when nothing can ever
 * happen any more; -ETIMEDOUT (see TorcSim_run); -EHOSTDOWN. */
TORC_API int TorcSimHost_run(TorcSimHost *host);

/* As if this host's process got the signal, as TorcSim_raise. Without a handler of its own SIGINT
 * and SIGTERM reach it only while its reactor runs (TorcSimHost_run). */
TORC_API void TorcSimHost_raise(TorcSimHost *host, int signo);

/* Calls of a kind that were made on this host so far, before a crash too. */
TORC_API uint64_t TorcSimHost_countCalls(const TorcSimHost *host, TorcSimCall call);

/* Descriptors open now, without those of peers. */
TORC_API size_t TorcSimHost_openDescriptors(const TorcSimHost *host);

/* Power failure: the machine is gone and nobody is told. What it had sent still arrives; what is
 * sent to it gets no answer, and connecting to it times out. Its reactor is freed by
 * TorcReactor_free, so that its program can free its memory: connectionLost is called with the
 * reason SHUTDOWN, and nothing done there reaches the network. Peers on it fall silent too. Not
 * home, and not from inside one of its own callbacks. */
TORC_API void TorcSimHost_crash(TorcSimHost *host);

/* The machine is up again, with nothing running: TorcSimHost_reactor gives a new reactor. Who has
 * sent something to one of the old connections, or does so from now on, gets RST. */
TORC_API void TorcSimHost_restart(TorcSimHost *host);

/* ---- links --------------------------------------------------------------------------------- */

typedef struct TorcSimLink {
    size_t size; /* sizeof(TorcSimLink), set by TORC_SIM_LINK */
    /* Seconds from the moment a byte has left until it arrives. */
    double latency;
    /* Up to so many seconds more, drawn from the seed for each piece that is sent. What is behind a
     * late piece of the same connection waits for it. */
    double jitter;
    /* Bytes per second, shared by all connections in this direction; 0: no limit. Less than one
     * byte per second is refused. */
    double bandwidth;
    void *reserved[4];
} TorcSimLink;

#define TORC_SIM_LINK(...) (&(TorcSimLink){.size = sizeof(TorcSimLink), __VA_ARGS__})

/* How what `from` sends to `to` travels from now on; the other direction is set by itself. `from`
 * and `to` may be the same host. A host that is NULL is the rest of the world: peers at addresses
 * that belong to no host. A link that is NULL: as fast as thought, as it is in the beginning. 0, or
 * -EINVAL (negative or NaN). */
TORC_API int TorcSim_setLink(TorcSim *sim, TorcSimHost *from, TorcSimHost *to,
                             const TorcSimLink *link);

/* Nothing passes between the two, in either direction, and nobody is told: bytes, FIN and RST are
 * held back, and attempts to connect get no answer. NULL is the rest of the world. */
TORC_API void TorcSim_partition(TorcSim *sim, TorcSimHost *a, TorcSimHost *b);

/* Ends it: what was held leaves now, in order. An attempt to connect gets through with its next
 * SYN: they are sent 1, 3, 7, 15, … seconds after the first. */
TORC_API void TorcSim_heal(TorcSim *sim, TorcSimHost *a, TorcSimHost *b);

TORC_END_DECLS

#endif
