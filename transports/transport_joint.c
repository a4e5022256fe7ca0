/* Two transports joined: what the one receives the other writes.
 *
 * Reactor's thread. Each side is registered with its transport as the producer of what that one
 * writes and the receiver of what it reads, so there is nothing in between: bytes go from the reactor's
 * receive buffer to the other's output. The joint belongs to its two connections: it is freed when
 * the second one's connectionLost has returned. Invariant: a side's transport is there until its
 * connection is lost, and both are registered as long as both are there. */
#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "producer_internal.h"
#include "transport_internal.h"

typedef struct JointSide JointSide;
struct JointSide {
    JointSide *other;
    TorcTransport *transport; /* NULL: its connection is lost */
    bool paused;              /* its output is above the mark, so the other does not read */
    bool ended;               /* its peer sends no more */
};

typedef struct Joint {
    JointSide sides[2];
    TorcDeferred *done;  /* NULL: nobody asked */
    unsigned references; /* connections whose connectionLost has not returned */
} Joint;

static Joint *joint_of(JointSide *side)
{
    return (Joint *)(side < side->other ? side : side->other);
}

/* ---- back-pressure ------------------------------------------------------------------------- */

static void joint_pause(void *producer)
{
    JointSide *side = producer;

    side->paused = true;
    TorcTransport_pauseProducing(side->other->transport);
}

static void joint_resume(void *producer)
{
    JointSide *side = producer;

    side->paused = false;
    TorcTransport_resumeProducing(side->other->transport);
}

/* One that is about to be told to pause its other waits for that; it comes before the turn is over.
 * In any other case waiting would be for nobody. */
static bool joint_wantsMore(void *producer)
{
    const JointSide *to = ((JointSide *)producer)->other;

    if (to->paused || TorcTransport_disconnecting(to->transport) || !to->transport)
        return true;
    TorcFlow flow;
    to->transport->cls->getFlow(to->transport, &flow);
    return TorcTransport_bufferedBytes(to->transport) <= flow.high_mark;
}

/* ---- passing on ---------------------------------------------------------------------------- */

/* What the other cannot take any more is lost, as with a broken pipe; why, its own end tells. */
static void joint_dataReceived(void *producer, const void *data, size_t length)
{
    const JointSide *to = ((JointSide *)producer)->other;

    if (to->transport)
        (void)TorcTransport_write(to->transport, data, length);
}

/* FIN for FIN; when both have come there is nothing left but to deliver the rest. */
static void joint_readConnectionLost(void *producer)
{
    JointSide *side = producer;
    JointSide *to = side->other;

    side->ended = true;
    if (!to->ended) {
        if (to->transport)
            (void)TorcTransport_loseWriteConnection(to->transport);
        return;
    }
    TorcTransport_loseConnection(side->transport);
    TorcTransport_loseConnection(to->transport);
}

static void joint_ended(void *producer, const TorcReason *reason)
{
    JointSide *side = producer;

    (void)reason; /* its protocol is told */
    side->transport = NULL;
    TorcTransport_loseConnection(side->other->transport);
}

static void joint_gone(void *producer)
{
    Joint *joint = joint_of(producer);
    if (--joint->references > 0)
        return;
    TorcDeferred *done = joint->done;
    torc__free(joint);
    if (done)
        (void)TorcDeferred_callback(done, NULL, NULL);
}

static const TorcProducerClass joint_producer = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = joint_pause,
    .resumeProducing = joint_resume,
};

static const TorcReceiver joint_receiver = {
    .dataReceived = joint_dataReceived,
    .readConnectionLost = joint_readConnectionLost,
    .wantsMore = joint_wantsMore,
    .gone = joint_gone,
};

/* ---- joining ------------------------------------------------------------------------------- */

static int check(TorcTransport *transport)
{
    if (!transport->cls->registerProducer)
        return -EOPNOTSUPP;
    TorcFlow flow;
    transport->cls->getFlow(transport, &flow);
    if (flow.produced)
        return -EBUSY;
    /* The empty write tells whether it is closed for writing. */
    if (!TorcTransport_connected(transport) || TorcTransport_disconnecting(transport) ||
        TorcTransport_write(transport, NULL, 0) < 0)
        return -ENOTCONN;
    return 0;
}

static int attach(JointSide *side)
{
    const TorcProducing producing = {.cls = &joint_producer,
                                     .producer = side,
                                     .ended = joint_ended,
                                     .receiver = &joint_receiver,
                                     .streaming = true};
    return torc__transport_register(side->transport, &producing);
}

static int attach_both(Joint *joint, TorcDeferred **ret_done)
{
    int r = attach(&joint->sides[0]);
    if (r < 0)
        return r;
    r = attach(&joint->sides[1]);
    if (r == 0 && ret_done && !(joint->done = TorcDeferred_new(NULL, NULL))) {
        torc__transport_leave(joint->sides[1].transport);
        r = -ENOMEM;
    }
    if (r < 0)
        torc__transport_leave(joint->sides[0].transport);
    return r;
}

/* A FIN that came before is passed on, too. */
static void start(JointSide *side)
{
    TorcFlow flow;

    TorcTransport_resumeProducing(side->transport);
    side->transport->cls->getFlow(side->transport, &flow);
    if (flow.read_ended)
        joint_readConnectionLost(side);
}

int torc_joinTransports(TorcTransport *a, TorcTransport *b, TorcDeferred **ret_done)
{
    TORC__REQUIRE(a && b && a != b && TorcTransport_getReactor(a) == TorcTransport_getReactor(b));
    int r = check(a);
    if (r == 0)
        r = check(b);
    if (r < 0)
        return r;
    Joint *joint = torc__zalloc(sizeof(Joint));
    if (!joint)
        return -ENOMEM;
    joint->sides[0] = (JointSide){.other = &joint->sides[1], .transport = a};
    joint->sides[1] = (JointSide){.other = &joint->sides[0], .transport = b};
    joint->references = 2;
    r = attach_both(joint, ret_done);
    if (r < 0) {
        torc__free(joint);
        return r;
    }
    if (ret_done)
        *ret_done = joint->done;
    start(&joint->sides[0]);
    start(&joint->sides[1]);
    return 0;
}
