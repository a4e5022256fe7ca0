/* What is bound to a protocol: cancelled before its connectionLost runs. */
#ifndef TORC_REACTOR_BOUND_INTERNAL_H
#define TORC_REACTOR_BOUND_INTERNAL_H

#include "api.h"
#include "call.h"

/* Anything that is bound but a delayed call: embedded in it. */
typedef struct TorcBound TorcBound;
struct TorcBound {
    TorcBound *next;
    TorcBound **link; /* what points to it */
    /* The connection ends. It has been taken out of the list, and may free itself. */
    void (*cancel)(TorcBound *bound);
};

/* What is bound to one connection; {0} is nothing. It must stay in place until cancelAll. Delayed
 * calls, of which there are many, have a list of their own that costs them nothing. */
typedef struct TorcBoundCalls {
    TorcBound *others;
    uint32_t first; /* of delayed calls: slot number + 1; 0: none */
} TorcBoundCalls;

/* The list for what is to be bound to the protocol. 0; -EINVAL: it has no transport; -ENOTCONN: its
 * connectionLost is being called; -ENOMEM. */
int torc__bound_listOf(const TorcProtocol *protocol, TorcBoundCalls **ret_bound);

void torc__bound_add(TorcBoundCalls *bound, TorcBound *one);
void torc__bound_remove(TorcBound *one);

/* Cancels everything. The connection has seen to it that nothing more can be bound. */
void torc__bound_cancelAll(TorcReactor *reactor, TorcBoundCalls *bound);

/* The list of a connection: 0, -ENOTCONN or -ENOMEM. All this floor knows of a transport; transports/
 * implements it. */
struct TorcTransport;
int torc__transport_boundCalls(struct TorcTransport *transport, TorcBoundCalls **ret_bound);

#endif
