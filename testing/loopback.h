/* Loopback: two protocols run against each other, without a network.
 * (Twisted: twisted.protocols.loopback.loopbackAsync and its pump policies.)
 *
 *     TorcLoopback *loop =
 *         TorcLoopback_new(server_factory, client_factory,
 *                          TORC_LOOPBACK_OPTIONS(.policy = TORC_LOOPBACK_BYTEWISE));
 *     ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
 *     ck_assert_str_eq(TorcStringTransport_value(TorcLoopback_client(loop)), "ann\r\n");
 *     TorcLoopback_free(loop);
 *
 * Each side has a string transport. In a turn what either side had written when it began is brought
 * to the other, server first, and behind its bytes its FIN, or its RST after an abortConnection;
 * what a side writes thereupon is brought in the next turn. A side that has paused reading gets its
 * bytes when it resumes. What is sent to one that has closed is dropped.
 *
 * Thread and misuse as with the string transport. */
#ifndef TORC_TESTING_LOOPBACK_H
#define TORC_TESTING_LOOPBACK_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "sim.h"
#include "string_transport.h"

TORC_BEGIN_DECLS

typedef struct TorcLoopback TorcLoopback;

/* How the bytes of a turn are brought over. */
typedef enum TorcLoopbackPolicy {
    TORC_LOOPBACK_IDENTITY = 0, /* one write is one dataReceived */
    TORC_LOOPBACK_COALESCING,   /* all of a turn is one dataReceived */
    TORC_LOOPBACK_BYTEWISE      /* each byte is one dataReceived */
} TorcLoopbackPolicy;

/* How a run ended. */
typedef enum TorcLoopbackEnd {
    TORC_LOOPBACK_CLOSED = 1, /* both sides have lost their connection */
    TORC_LOOPBACK_IDLE,       /* nothing moves: each waits for the other, or for time to pass */
    TORC_LOOPBACK_LIMIT,      /* the turns are used up: two protocols that never come to an end */
    TORC_LOOPBACK_OVERFLOW    /* a side has written too much: each answer calls for a longer one */
} TorcLoopbackEnd;

typedef struct TorcLoopbackOptions {
    size_t size; /* sizeof(TorcLoopbackOptions), set by TORC_LOOPBACK_OPTIONS */
    TorcLoopbackPolicy policy;
    /* Most turns of one run. 0: 10000. */
    unsigned turns;
    /* For protocols that use timers or the reactor otherwise: both get its reactor, and each turn
     * begins with TorcSim_advance(sim, 0). Borrowed. NULL: no reactor. */
    TorcSim *sim;
    /* Most bytes that one side may write, in all runs together: all are kept in memory, also what
     * TorcStringTransport_clear has forgotten. 0: 64 MiB. */
    size_t bytes;
    void *reserved[3];
} TorcLoopbackOptions;

#define TORC_LOOPBACK_OPTIONS(...)                                                                 \
    (&(TorcLoopbackOptions){.size = sizeof(TorcLoopbackOptions), __VA_ARGS__})

/* Fills in the size and defaults, for C++ and bindings. */
TORC_API void TorcLoopbackOptions_init(TorcLoopbackOptions *options);

/* Connects a protocol of the one factory to one of the other: the server's connectionMade runs,
 * then the client's. The server is at 127.0.0.1:1, the client at 127.0.0.1:2. The factories may be
 * the same. options may be NULL. NULL and errno: EINVAL; or what TorcStringTransport_connect
 * answers, positive. */
TORC_API TorcLoopback *TorcLoopback_new(TorcFactory *server, TorcFactory *client,
                                        const TorcLoopbackOptions *options);

/* Frees it with both protocols; those still connected are lost with TORC_CONNECTION_SHUTDOWN. NULL
 * is fine. */
TORC_API void TorcLoopback_free(TorcLoopback *loop);

/* Turns until both are lost, nothing moves, or a limit is reached. Can be called again, after the
 * test has done something to either side or let time pass (TorcSim_advance). The call of a protocol
 * that passes the limit of bytes is the last: after that nothing is brought over any more. */
TORC_API TorcLoopbackEnd TorcLoopback_run(TorcLoopback *loop);

/* "closed", "idle", "limit", "overflow", for messages; static. */
TORC_API const char *TorcLoopbackEnd_name(TorcLoopbackEnd end);

/* Either side: its value is all that it has written, its reason is how it ended. Not to be freed,
 * and bytes are not to be delivered to it by hand; its output may be held. */
TORC_API TorcStringTransport *TorcLoopback_server(TorcLoopback *loop);
TORC_API TorcStringTransport *TorcLoopback_client(TorcLoopback *loop);

TORC_END_DECLS

#endif
