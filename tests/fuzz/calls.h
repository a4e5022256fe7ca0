/* What the files of the target "calls" share: a world in which an input calls whatever is
 * public, and the model of it.
 *
 *     fuzz_calls.c         an execution: the settings, the acts one after the other, the end
 *     calls_model.c        protocols and factories that know what may come next
 *     calls_connections.c  acts on connections: writing, closing, producers, files
 *     calls_acts.c         acts on ports, connectors, peers, the reactor, and faults
 *
 * Nothing is expected of a single call. What holds whatever was called:
 *
 *   - connectionMade first, connectionLost once and last, destroy once, no callback inside another,
 *     and none before the call has returned that led to it;
 *   - bytes arrive in order and from the right connection, all of them after an orderly end;
 *   - pauseProducing and resumeProducing take turns, and nothing of a producer is called that has
 *     left or was told to stop;
 *   - each attempt of a connector has one outcome; factories are stopped as often as started;
 *   - destroy and release functions run once;
 *   - after the end nothing is open, nothing is scheduled and nothing is allocated. */
#ifndef TORC_TESTS_FUZZ_CALLS_H
#define TORC_TESTS_FUZZ_CALLS_H

#include <torc/torc.h>

#include "fuzz.h"

enum { CONNECTIONS = 16, PORTS = 4, CONNECTORS = 4, PEERS = 12, TIMERS = 4 };
enum { FIRST_PORT = 7000, OUTSIDE_PORT = 7777, MOST_ACTS = 300, STREAM_SIZE = 96 * 1024 };

/* The last port is a UNIX one. */
enum { UNIX_PORT = PORTS - 1 };

/* A connection of the code under test. */
typedef struct Talk {
    TorcProtocol base;
    int place;       /* in world.talks; -1: there was none left */
    int peer;        /* whom it talks to: a place in world.peers, or -1 */
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

typedef struct Peer {
    TorcSimPeer *sim;
    size_t sent;
    bool shut;    /* sends no more */
    bool unruly;  /* closed, reset, or of a connection that is not known: may miss bytes */
    bool expects; /* its connection was closed in order after `total` bytes */
    size_t total;
} Peer;

typedef struct World {
    FuzzInput input;
    unsigned acts;  /* so far */
    unsigned depth; /* callbacks on the stack */
    size_t most;    /* bytes of one write */
    bool over;      /* no more acts: the end is under way */
    bool has_file;  /* for sendFile */
    TorcSim *sim;
    TorcReactor *reactor;
    TorcClientFactory *factory;
    Talk *talks[CONNECTIONS]; /* made and not lost */
    TorcPort *ports[PORTS];
    TorcConnector *connectors[CONNECTORS];
    Peer peers[PEERS];
    int peer_count;
    TorcDelayedCall timers[TIMERS];
    long protocols; /* not destroyed */
    long made;      /* connectionMade without connectionLost */
    long attempts;  /* without an outcome */
    long factories; /* started and not stopped */
    long armed;     /* destroy and release functions that have still to run */
} World;

extern World world;

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

/* A callback of a connection that is made and not lost. */
void enter_talk(Talk *talk);

extern const TorcClientFactoryClass calls_factory_class;

/* Resolved classes stay in memory: so that they are there before the first execution. */
void resolve_classes(void);

/* A block that the destroy or release function `disarm` frees: a second time is found. */
void *arm(void);
void disarm(void *arg);

/* A scheduled call. */
void called(void *arg);

/* What the peers must have received when all is over. */
void check_peers(void);

/* ---- acts ---------------------------------------------------------------------------------- */

/* One act, as the input says; none when it is used up or the end is under way. */
void act(void);

void act_write(void);
void act_write_sequence(void);
void act_write_owned(void);
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

#endif
