/* Producers as transports keep them. Not installed.
 *
 * Beside the producers of applications there are the library's own: a sender of files, and the two
 * sides of a joint, each of which is at once the producer of its transport and the receiver of what
 * that transport reads. */
#ifndef TORC_TRANSPORTS_PRODUCER_INTERNAL_H
#define TORC_TRANSPORTS_PRODUCER_INTERNAL_H

#include "producer.h"

/* Who gets what a transport reads, in the place of its protocol. All are set. `producer` is what was
 * registered. */
typedef struct TorcReceiver {
    void (*dataReceived)(void *producer, const void *data, size_t length);
    /* Before the protocol's slot; the connection is not closed for want of that slot. */
    void (*readConnectionLost)(void *producer);
    /* Whether it takes more input than one read in a turn. */
    bool (*wantsMore)(void *producer);
    /* The protocol's connectionLost has returned; the last call. */
    void (*gone)(void *producer);
} TorcReceiver;

/* {0}: nobody. */
typedef struct TorcProducing {
    const TorcProducerClass *cls;
    void *producer;
    /* Instead of stopProducing: the connection is gone for that reason, or somebody else has
     * unregistered it (TORC_OPERATION_CANCELLED). NULL: an application's producer. */
    void (*ended)(void *producer, const TorcReason *reason);
    /* NULL: the protocol. loseConnection does not wait for a producer with a receiver: it stops both
     * from reading, so they would wait for each other. */
    const TorcReceiver *receiver;
    bool streaming;
} TorcProducing;

/* What those who register know of a transport. */
typedef struct TorcFlow {
    bool produced; /* there is a producer */
    bool joined;   /* it is a receiver as well */
    bool read_ended;
    size_t high_mark;
    size_t buffer_limit; /* 0: none */
} TorcFlow;

/* Registers as TorcTransport_registerProducer does, but checks nothing. */
int torc__transport_register(TorcTransport *transport, const TorcProducing *producing);

/* The producer's own leaving: `ended` is not called. */
void torc__transport_leave(TorcTransport *transport);

/* The connection is gone: tells a producer that was just taken out. */
static inline void torc__producing_end(const TorcProducing *producing, const TorcReason *reason)
{
    if (producing->ended)
        producing->ended(producing->producer, reason);
    else if (producing->cls->stopProducing)
        producing->cls->stopProducing(producing->producer);
}

#endif
