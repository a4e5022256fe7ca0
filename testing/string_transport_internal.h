/* The string transport's inside, for the rest of the kit: pumps look at what was written without
 * taking it from the test, and the parser harness has a last look at the protocol. Not installed. */
#ifndef TORC_TESTING_STRING_TRANSPORT_INTERNAL_H
#define TORC_TESTING_STRING_TRANSPORT_INTERNAL_H

#include "../transports/transport_internal.h"
#include "sim_memory_internal.h"
#include "string_transport.h"

struct TorcStringTransport {
    TorcTransport base;
    TorcStringTransport *next; /* of this thread's */
    uint64_t generation;       /* no two have the same */
    TorcReactor *reactor;      /* NULL: none */
    TorcAddress host;
    TorcAddress peer;

    /* All that was written but not dropped, since the beginning; positions in it stay what they
     * are. */
    SimBytes written;
    size_t *write_ends; /* where each write ends in it */
    size_t write_count;
    size_t write_capacity;
    size_t taken;        /* bytes of it that the peer has */
    size_t shown_bytes;  /* where the value begins */
    size_t shown_writes; /* and the first write of it */
    size_t refused;

    SimBytes input; /* arrived, but reading is paused */
    TorcReason *reason;
    TorcBoundCalls bound;
    size_t high_mark;
    size_t low_mark;
    size_t buffer_limit; /* 0: none */
    uint64_t calls;      /* slots called so far */
    TorcProducing producing;

    bool busy;       /* a slot is being called by the kit */
    bool holding;    /* the peer takes nothing */
    bool peer_ended; /* FIN is behind the input */

    bool made;
    bool disconnecting;
    bool lost;    /* over: connectionLost is due, or was called */
    bool telling; /* it has been called */
    bool aborted;
    bool paused;
    bool read_eof;
    bool above_mark;
    bool write_closing;
    bool write_shut;      /* the peer would see FIN */
    bool write_shut_news; /* writeConnectionLost is due */
    bool pull_due;        /* a pull producer is asked when nothing waits */
    bool producer_paused;

    /* Called when connectionLost has returned, before the instance is freed. NULL: nobody. */
    void (*last_look)(TorcProtocol *protocol, void *arg);
    void *last_look_arg;
};

/* What it answers as a transport (string_transport_class.c). */
extern const TorcTransportClass torc__stringTransport_class;

/* It is over; connectionLost comes at the end of the turn. Takes the reference to the reason. */
void torc__stringTransport_end(TorcStringTransport *wire, TorcReason *reason);

/* Makes it known to TorcConnectionId_protocol on this thread, until remove. */
void torc__stringTransport_add(TorcStringTransport *wire);
void torc__stringTransport_remove(TorcStringTransport *wire);

static inline bool torc__stringTransport_produced(const TorcStringTransport *wire)
{
    return wire->producing.cls != NULL;
}

/* Who gets what arrives, instead of the protocol; NULL: nobody. */
static inline const TorcReceiver *torc__stringTransport_receiver(const TorcStringTransport *wire)
{
    return torc__stringTransport_produced(wire) ? wire->producing.receiver : NULL;
}

/* Closing waits for its producer. */
static inline bool torc__stringTransport_heldOpen(const TorcStringTransport *wire)
{
    return torc__stringTransport_produced(wire) && !wire->producing.receiver;
}

/* Bytes written that the peer does not have. */
static inline size_t torc__stringTransport_waiting(const TorcStringTransport *wire)
{
    return torc__simBytes_length(&wire->written) - wire->taken;
}

#endif
