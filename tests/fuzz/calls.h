/* Sequences of public calls: a world in which the bytes of an input call whatever is public, from
 * inside every slot and from outside, and the model of it.
 *
 *     fuzz_calls.c         an execution: the settings, the acts one after the other, the end
 *     calls_model.c        protocols and factories that know what may come next
 *     calls_acts.c         acts on ports, connectors, peers and the reactor
 *     calls_connections.c  acts on connections: writing, closing, producers, files
 *     calls_faults.c       system calls and allocations that fail
 *     calls_seeds.c        executions whose bytes are drawn from seeds (./dev calls)
 *
 * Whoever supplies the bytes, an execution is the same: libFuzzer, a file (replay.c), or a seed.
 *
 * Nothing is expected of a single call. What holds whatever was called:
 *
 *   - connectionMade first, connectionLost once and last, destroy once, no callback inside another,
 *     and none before the call has returned that led to it;
 *   - bytes arrive in order and from the right connection, all of them after an orderly end; a file
 *     arrives whole, or its sender is told;
 *   - pauseProducing and resumeProducing take turns, and nothing of a producer is called that has
 *     left or was told to stop;
 *   - each attempt of a connector has one outcome; factories are stopped as often as started;
 *   - destroy and release functions run once;
 *   - a pointer that is good until its documented end is good until then: half of the connectors are
 *     used without a reference;
 *   - no spin: the simulation ends the process when turns bring nothing about;
 *   - when faults are over, each port that listens serves again, and the reactor runs and stops;
 *   - after the end nothing is open, nothing is scheduled and nothing is allocated. */
#ifndef TORC_TESTS_FUZZ_CALLS_H
#define TORC_TESTS_FUZZ_CALLS_H

#include <torc/torc.h>

#include "fuzz.h"

enum { CONNECTIONS = 24, PORTS = 4, CONNECTORS = 6, PEERS = 24, TIMERS = 8, TRIGGERS = 4 };
enum { FIRST_PORT = 7000, OUTSIDE_PORT = 7777, MOST_ACTS = 300 };

/* More than the high mark of an output buffer, 64 KiB, may be written at a time. */
enum { LARGEST_WRITE = 70000, STREAM_SIZE = 128 * 1024 };

/* The last port is a UNIX one. */
enum { UNIX_PORT = PORTS - 1 };

typedef struct Peer {
    TorcSimPeer *sim;
    size_t sent;
    bool shut;    /* sends no more */
    bool unruly;  /* closed, reset, or of a connection that is not known: may miss bytes */
    bool expects; /* its connection was closed in order after `total` bytes */
    size_t total;
} Peer;

/* A connection of the code under test. */
typedef struct Talk {
    TorcProtocol base;
    int place;       /* in world.talks; -1: there was none left */
    Peer *peer;      /* whom it talks to; NULL: none of them */
    size_t received; /* bytes, so far */
    size_t written;  /* bytes that were taken */
    bool made;
    bool lost;
    bool ended; /* readConnectionLost was called */
    bool above_mark;
    bool sending; /* a file, so nothing else may be written */
    bool produces;
    bool streams;
    bool told_to_pause;
} Talk;

typedef struct Client {
    TorcConnector *connector;
    bool held; /* by a reference; else the pointer is good until the outcome was told */
} Client;

typedef struct World {
    FuzzInput input;
    unsigned acts;     /* so far */
    unsigned depth;    /* callbacks on the stack */
    unsigned destroys; /* destroy functions on the stack */
    size_t most;       /* bytes of one write */
    bool over;         /* no more acts: the end is under way */
    bool has_file;     /* for sendFile */
    /* Of the calls for which the simulation has no rules one in so many fails; 0: none. */
    unsigned fault_rate;
    uint64_t chance; /* where those chances come from */
    TorcSim *sim;
    TorcReactor *reactor;
    TorcClientFactory *factory; /* NULL: there was no memory for it */
    Talk *talks[CONNECTIONS];   /* made and not lost */
    TorcPort *ports[PORTS];
    bool paused[PORTS]; /* by pauseAccepting */
    Client clients[CONNECTORS];
    Peer peers[PEERS];
    int peer_count;
    TorcDelayedCall timers[TIMERS];
    uint64_t triggers[TRIGGERS];
    long protocols; /* not destroyed */
    long made;      /* connectionMade without connectionLost */
    long attempts;  /* without an outcome */
    long factories; /* started and not stopped */
    long armed;     /* destroy and release functions that have still to run */
    long builds;    /* calls of buildProtocol */
} World;

extern World world;

/* What executions have done so far, to show that they did it. */
typedef struct CallsCounts {
    uint64_t sequences;
    uint64_t acts;
    uint64_t callbacks;
    uint64_t connections;
    uint64_t in_order; /* of those */
    uint64_t bytes;    /* that arrived, on either side */
    uint64_t pauses;   /* of protocols and producers */
    uint64_t faults;
} CallsCounts;

extern CallsCounts calls_counts;

/* Who is told each line of the trace from the next execution on, acts among them; NULL, the default:
 * nobody, and there is no trace. */
extern TorcSimLineFunction *calls_follower;

/* The bytes of every stream: each place is known by its byte. */
extern char stream[STREAM_SIZE];
bool is_stream(const void *data, size_t length, size_t from);

/* ---- reading the input: a byte each -------------------------------------------------------- */

static inline unsigned below(unsigned limit)
{
    return fuzz_below(&world.input, limit);
}

double some_seconds(void);
size_t some_length(void);

/* ---- calls_model.c ------------------------------------------------------------------------- */

/* Around every callback; leave makes the acts that the input wants there. */
void enter(void);
void leave(void);

/* Nothing is on the stack: time may pass. */
static inline bool is_outside(void)
{
    return world.depth == 0 && world.destroys == 0;
}

/* A callback of a connection that is made and not lost. */
void enter_talk(Talk *talk);

extern const TorcClientFactoryClass calls_factory_class;

/* Resolved classes stay in memory: so that they are there before the first execution. */
void resolve_classes(void);

/* A block that a destroy or release function frees: a second time is found. */
void *arm(void);

/* The release function of bytes. */
void disarm(void *arg);

/* The destroy function of a call, which may call whatever it likes. */
void disarm_and_act(void *arg);

/* A scheduled call. */
void called(void *arg);

/* What the peers must have received when all is over. */
void check_peers(void);

/* ---- calls_acts.c -------------------------------------------------------------------------- */

/* One act, as the input says; none when it is used up or the end is under way. */
void act(void);

/* That the table of acts is what it says it is. Once, before the first. */
void check_acts(void);

void open_port(int i);

/* Once faults are over: each port that listens gets a new connection to its factory. */
void check_ports(void);

/* ---- calls_connections.c ------------------------------------------------------------------- */

void act_write(void);
void act_write_sequence(void);
void act_write_owned(void);
void act_printf(void);
void act_close(void);
void act_reading(void);
void act_settings(void);
void act_look(void);
void act_produce(void);
void act_send_file(void);
void act_send_descriptor(void);
void act_bound_call(void);

/* Producers are a promise to go on: at the end it is withdrawn. */
void release_producers(void);

/* ---- calls_faults.c ------------------------------------------------------------------------ */

/* Before there is anything else, for the first allocations may fail. */
void begin_memory(void);

/* The simulation is there: some of its calls fail now and then, if the input says so. */
void begin_faults(void);
void end_faults(void);

void act_fault(void);
void act_any_fault(void);
void act_chances(void);
void act_fail_allocation(void);

#endif
