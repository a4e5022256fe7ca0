/* Producers: registering them with any kind of transport, and a transport as one.
 *
 * Reactor's thread. The transport keeps who is registered and calls him (stream_producer.c); who he
 * is and how long he lives is his own business. Nothing is owned here. */
#include "producer.h"

#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "producer_internal.h"
#include "transport_internal.h"

int torc__transport_register(TorcTransport *transport, const TorcProducing *producing)
{
    if (!transport->cls->registerProducer)
        return -EOPNOTSUPP;
    return transport->cls->registerProducer(transport, producing);
}

void torc__transport_leave(TorcTransport *transport)
{
    TorcProducing left;
    (void)transport->cls->unregisterProducer(transport, &left);
}

int TorcTransport_registerProducer(TorcTransport *transport, const TorcProducerClass *cls,
                                   void *producer, bool streaming)
{
    TORC__REQUIRE(transport && cls && cls->size == sizeof(TorcProducerClass));
    TORC__REQUIRE(cls->resumeProducing && (cls->pauseProducing || !streaming));
    const TorcProducing producing = {.cls = cls, .producer = producer, .streaming = streaming};
    return torc__transport_register(transport, &producing);
}

/* A joint is not an application's to take apart: its connections are ended instead. */
static bool has_producer(TorcTransport *transport)
{
    if (!transport || !transport->cls->registerProducer)
        return false;
    TorcFlow flow;
    transport->cls->getFlow(transport, &flow);
    return flow.produced && !flow.joined;
}

void TorcTransport_unregisterProducer(TorcTransport *transport)
{
    TorcProducing left;

    if (!has_producer(transport) || !transport->cls->unregisterProducer(transport, &left))
        return;
    if (left.ended)
        left.ended(left.producer, TorcReason_static(TORC_OPERATION_CANCELLED));
}

/* ---- a transport as a producer ------------------------------------------------------------- */

static void transport_pause(void *producer)
{
    TorcTransport_pauseProducing(producer);
}

static void transport_resume(void *producer)
{
    TorcTransport_resumeProducing(producer);
}

static void transport_stop(void *producer)
{
    TorcTransport_loseConnection(producer);
}

const TorcProducerClass torc_transport_producer = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = transport_pause,
    .resumeProducing = transport_resume,
    .stopProducing = transport_stop,
};
