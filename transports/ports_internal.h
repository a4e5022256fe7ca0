/* Ports and connectors: what all kinds have in common, and how a kind joins. Not installed.
 *
 * A kind (TCP, UNIX, an adopted socket) embeds TorcPort or TorcConnector as its first member and
 * fills in a small table: how its socket comes about, and what is left of it in the world. Life,
 * lists and telling the factory are port.c and connector.c; accepting is port_accept.c, the end of a
 * port that has connections port_drain.c. */
#ifndef TORC_TRANSPORTS_PORTS_INTERNAL_H
#define TORC_TRANSPORTS_PORTS_INTERNAL_H

#include "connector.h"
#include "port.h"
#include "stream_internal.h"

/* ---- ports --------------------------------------------------------------------------------- */

typedef struct TorcPortKind {
    /* A socket that listens; >= 0 or a negative code, and then nothing is left behind. The address
     * is there, and may be made more precise. */
    int (*open)(TorcPort *port);
    /* Before the socket is closed: removes what open left besides it. NULL: nothing. */
    void (*close)(TorcPort *port);
} TorcPortKind;

struct TorcPort {
    TorcStreamOwner owner;
    const TorcPortKind *kind;
    TorcPort *previous; /* the list of those that listen */
    TorcPort *next;
    TorcPort *next_stopped;
    struct TorcPortWaiter *waiters; /* only while `stopped` or `draining` */
    TorcAddress address;
    bool listening;
    bool stopped; /* on the list of those to be let go of */
    bool watched;
    bool paused; /* by pauseAccepting */
    bool refuse_excess;
    bool told_full; /* and never half empty since */
    bool draining;
    bool overdue; /* the drain's deadline has passed */
    int fd;
    int spare; /* -1: none could be had */
    unsigned connections;
    unsigned most;             /* connections; 0: no limit */
    TorcPortCounters counters; /* but for what its TorcStreamOwner counts */
    unsigned spurious;         /* wake-ups in a row that brought no connection */
    unsigned spurious_second;
    int64_t back_off;
    TorcDelayedCall back_off_call; /* active: it looks away */
    TorcDelayedCall drain_call;
    TorcWatch watch;
};

/* Somebody who wants to know when the port is let go of, or has been drained. */
typedef struct TorcPortWaiter TorcPortWaiter;
struct TorcPortWaiter {
    TorcPortWaiter *next;
    TorcDeferred *done;
    bool drained;
};

/* A port of `size` bytes, zeroed behind its base, with one reference; NULL: out of memory. Its kind
 * fills in the rest before begin. */
TorcPort *torc__port_new(TorcStreams *streams, size_t size, const TorcPortKind *kind,
                         TorcFactory *factory, const TorcAddress *address);

/* Listens for the first time, and drops the reference of new: the reactor has its own, if it
 * listens. As startListening; ret_port may be NULL. */
int torc__port_begin(TorcPort *port, TorcPort **ret_port);

static inline TorcSystem *torc__port_system(const TorcPort *port)
{
    return port->owner.streams->reactor->system;
}

static inline TorcReactor *torc__port_reactor(const TorcPort *port)
{
    return port->owner.streams->reactor;
}

/* What the log calls the port. */
TorcLogField torc__port_name(const TorcPort *port);

/* Brings the watch in line with what is wanted: 0, or why it cannot be watched. */
int torc__port_watch(TorcPort *port);

/* A connection has ended, or did not come about: there is room for another. */
void torc__port_uncount(TorcPort *port);

/* Its listening socket is closed; the rest of stopListening. */
void torc__port_stop(TorcPort *port);

/* Hands a reference to the end of the turn, when waiters are told. */
void torc__port_letGoLater(TorcPort *port);

/* A deferred that fires then. NULL: out of memory. */
TorcDeferred *torc__port_wait(TorcPort *port, bool drained);

/* Nothing is left of it that could call the application. */
static inline bool torc__port_ended(const TorcPort *port)
{
    return !port->listening && !port->stopped && !port->draining;
}

/* While it drains: ends what is left. */
void torc__port_endConnections(TorcPort *port);
/* While it drains: nothing is left. */
void torc__port_drained(TorcPort *port);

/* Closes all listening ports. */
void torc__ports_stop(TorcStreams *streams);

/* The end of the turn: drops the references to ports that were stopped. */
void torc__ports_letGo(TorcStreams *streams);

/* The one behind it on the reactor's list, NULL behind the last. For the testing kit. */
const TorcPort *torc__port_next(const TorcPort *port);

/* ---- connectors ---------------------------------------------------------------------------- */

typedef struct TorcConnectorKind {
    /* Begins an attempt, which leads to torc__connector_opened or torc__connector_fail, also from
     * inside. */
    void (*start)(TorcConnector *connector);
    /* The attempt is over: ends whatever belongs to it. Also when nothing does. */
    void (*end)(TorcConnector *connector);
    /* Where it connects to, for texts. */
    void (*describe)(const TorcConnector *connector, char *text, size_t size);
} TorcConnectorKind;

struct TorcConnector {
    TorcStreamOwner owner;
    const TorcConnectorKind *kind;
    TorcConnector *previous; /* the list of those that connect or are connected */
    TorcConnector *next;
    TorcConnector *next_due;
    TorcConnectorState state;
    bool linked;
    bool due;      /* on the list for the end of the turn */
    bool starting; /* due to start an attempt */
    bool unwanted; /* disconnect was called while buildProtocol ran */
    uint16_t port; /* what getDestination answers */
    char *host;
    int64_t timeout;  /* TORC__NEVER: none */
    int64_t deadline; /* of the attempt; TORC__NEVER */
    TorcDelayedCall timeout_call;
    TorcReason *failure; /* to be told */
    TorcStream *stream;  /* NULL while buildProtocol runs */
};

/* Long enough for a host of 253 bytes and a port, or a UNIX address, with escapes; longer texts are
 * cut. */
enum { TORC__DESTINATION_SIZE = 280 };

/* The default of the `timeout` options, in seconds. */
enum { TORC__CONNECT_TIMEOUT = 30 };

/* As torc__port_new. timeout in seconds: 0: the default, negative: none; not NaN. */
TorcConnector *torc__connector_new(TorcStreams *streams, size_t size, const TorcConnectorKind *kind,
                                   TorcFactory *factory, const char *host, uint16_t port,
                                   double timeout);

/* As torc__port_begin. */
int torc__connector_begin(TorcConnector *connector, TorcConnector **ret_connector);

/* The attempt is over; the factory is told at the end of the turn. Takes the reference. */
void torc__connector_fail(TorcConnector *connector, TorcReason *reason);

/* The attempt has led to this socket, which nobody watches and which is taken over. From the loop
 * only: it calls the application. */
void torc__connector_opened(TorcConnector *connector, int fd, const TorcAddress *peer);

/* The kind of reason for an error of connect(2). */
TorcReasonKind torc__connector_reasonKind(int code);

static inline TorcReactor *torc__connector_reactor(const TorcConnector *connector)
{
    return connector->owner.streams->reactor;
}

static inline TorcSystem *torc__connector_system(const TorcConnector *connector)
{
    return torc__connector_reactor(connector)->system;
}

/* The end of the turn: starts the attempts that were asked for, and tells factories of those that
 * failed. What becomes due meanwhile stays on the list. */
void torc__connectors_endTurn(TorcStreams *streams);

/* Fails all attempts with the reason SHUTDOWN; the factories are told in the endTurn that
 * follows. */
void torc__connectors_stop(TorcStreams *streams);

/* As torc__port_next. */
const TorcConnector *torc__connector_next(const TorcConnector *connector);

/* Attempts whose outcome has not been told. */
size_t torc__connectors_alive(const TorcStreams *streams);

#endif
