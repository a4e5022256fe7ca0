/* Worlds: the same test over every kind of connection and on every backend.
 *
 *     START_TEST(what_was_written_is_delivered_before_the_close)
 *     {
 *         BEGIN_CONNECTED(0);
 *         write_pattern(world.bulk);
 *         TorcTransport_loseConnection(rec.transport);
 *         until(rec.counts[RECORD_LOST]);
 *         …
 *         END();
 *     }
 *     END_TEST
 *     CONTRACT_SUITE("closing", what_was_written_is_delivered_before_the_close)
 *
 * A world has a reactor, a recording protocol `rec` that it gives its connections to, and peers: the
 * other ends, worked by the test by hand. It is a kind of connection on one of libevent's backends,
 * or on the simulated kernel in one of its modes. BEGIN names what a test needs of it; a world that
 * lacks it is left out, by name, on standard output.
 *
 * Nothing sleeps. On real sockets a condition is waited for by turns of the reactor and of the peers
 * within a generous limit; a simulation takes virtual time. END closes what is still open and proves
 * that nothing is left: no descriptor, no file, and nothing TorcSim_checkClean could name. */
#ifndef TORC_TESTS_CONTRACT_WORLD_H
#define TORC_TESTS_CONTRACT_WORLD_H

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/recorder.h"

/* ---- worlds -------------------------------------------------------------------------------- */

/* What a test may need, and not every world has. */
enum {
    REAL = 1 << 0,      /* the operating system's kernel */
    SIMULATED = 1 << 1, /* the simulated one, and virtual time */
    SOCKET = 1 << 2,    /* one descriptor with socket options; not two pipes */
    RESETS = 1 << 3,    /* each end sees that the other reset the connection (TCP: RST) */
    NOTICES = 1 << 4,   /* the end of the peer shows while reading is paused */
    PORT = 1 << 5,      /* its connections are accepted by a port */
    INTERNET = 1 << 6,  /* both ends have an address and a port */
    WHOLE = 1 << 7,     /* bytes are moved many at a time: big inputs take bearable time */
    LOOP = 1 << 8       /* the first with its loop: for what does not depend on the connection */
};

typedef struct World {
    const char *name; /* "tcp4/epoll", "sim-unix/level", … */
    unsigned traits;
    TorcReactor *reactor;
    TorcSim *sim;   /* NULL: a real one */
    TorcPort *port; /* NULL: without PORT */
    size_t full;    /* bytes, more than all buffers between the two ends hold */
    size_t bulk;    /* the same, by more than the default high mark */
    size_t many;    /* bytes worth a long transfer */
} World;

extern World world;

/* What happened to the protocol under test. Hooks and flags are set before BEGIN. */
extern Recording rec;

int worlds_count(void);
const char *world_nameOf(int index);

/* What the world will have; for sweeps that not every world has the time for. */
unsigned world_traitsOf(int index);

/* True: it has begun. False: it lacks one of the traits, and said so. */
bool world_begin(int index, unsigned needs, const char *test);
void world_end(void);

#define BEGIN(needs)                                                                               \
    do                                                                                             \
        if (!world_begin(_i, needs, __func__))                                                     \
            return;                                                                                \
    while (0)

/* With a peer that is connected. */
#define BEGIN_CONNECTED(needs)                                                                     \
    do {                                                                                           \
        BEGIN(needs);                                                                              \
        peer = peer_connect();                                                                     \
    } while (0)

#define END() world_end()

/* The same for a world without connections, and without a last turn. */
void world_endWithoutTurning(void);

/* rec.log without what only clients hear: "started" and "client-lost". */
const char *world_log(void);

/* ---- time ---------------------------------------------------------------------------------- */

/* Does what can be done now. On real sockets that is an estimate: good for showing that something
 * does not happen. */
void settle(void);

/* One turn of everything. */
void world_turn(void);

void pass_time(double seconds);

/* Turns until the condition holds. */
void world_startWaiting(void);
bool world_wait(void);

#define until(condition)                                                                           \
    do {                                                                                           \
        world_startWaiting();                                                                      \
        while (!(condition))                                                                       \
            ck_assert_msg(world_wait(), "%s: in vain: %s; log: %s", world.name, #condition,        \
                          rec.log);                                                                \
    } while (0)

/* ---- peers --------------------------------------------------------------------------------- */

typedef struct Peer Peer;

extern Peer *peer; /* of BEGIN_CONNECTED */

/* A new connection; returns after connectionMade. */
Peer *peer_connect(void);

/* The same, without waiting for anything. */
Peer *peer_open(void);

enum { PEERS = 10100 /* most that a world has */ };

/* Closes and forgets all. */
void peers_end(void);

/* What RLIMIT_NOFILE must be for so many more descriptors to fit. */
unsigned world_limitForDescriptors(unsigned room);

/* Sends; what the kernel does not take follows by itself. */
void peer_send(Peer *self, const void *data, size_t length);
void peer_say(Peer *self, const char *text);

/* FIN, behind what was sent. */
void peer_shutdown(Peer *self);

/* Closes both ways, at once. */
void peer_close(Peer *self);

/* A reset, at once; without RESETS a close, which shows as a loss where the peer has bytes unread or
 * is written to. */
void peer_reset(Peer *self);

/* A peer reads by itself unless stopped. */
void peer_stopReading(Peer *self);
void peer_startReading(Peer *self);

/* One that was stopped reads a piece: what the kernel holds, or half a megabyte of it. */
void peer_takeSome(Peer *self);

/* What it has received since the beginning or the last clear. */
const uint8_t *peer_received(Peer *self);
size_t peer_receivedLength(Peer *self);
void peer_clear(Peer *self);

/* What the protocol under test did, once all before it was read. */
bool peer_gotEnd(Peer *self);
bool peer_gotReset(Peer *self);

/* ---- bytes --------------------------------------------------------------------------------- */

/* By which every place is known: no two of 251 neighbours are alike. */
static inline uint8_t pattern_at(size_t i)
{
    return (uint8_t)(i % 251);
}

uint8_t *new_pattern(size_t length);
int write_pattern(size_t length);
int write_text(const char *text);
void assert_pattern(const void *data, size_t length);
void assert_peer_has_pattern(Peer *self, size_t length);
void assert_peer_has(Peer *self, const char *text);

/* ---- hooks --------------------------------------------------------------------------------- */

void lose(Recording *recording);
void lose_write(Recording *recording);
void abort_now(Recording *recording);
void pause_reading(Recording *recording);
void echo(Recording *recording);

/* ---- the program --------------------------------------------------------------------------- */

/* Runs each test in every world, or in the one that TORC_WORLD names in the environment. */
int run_contract(const char *name, const TTest *const *tests, size_t count);

#define CONTRACT_SUITE(name, ...)                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
        return run_contract(name, tests, sizeof(tests) / sizeof(tests[0]));                        \
    }

#endif
