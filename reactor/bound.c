/* What is bound to a protocol: its lists.
 *
 * Thread: the reactor's. Owner: whatever is bound owns itself; the lists are the connection's.
 * Invariant: it leaves its list when it is over, and at the latest before connectionLost. */
#include "bound_internal.h"

#include "../protocols/protocol.h"
#include "reactor_internal.h"

int torc__bound_listOf(const TorcProtocol *protocol, TorcBoundCalls **ret_bound)
{
    TORC__REQUIRE(protocol->transport);
    return torc__transport_boundCalls(protocol->transport, ret_bound);
}

void torc__bound_add(TorcBoundCalls *bound, TorcBound *one)
{
    one->next = bound->others;
    one->link = &bound->others;
    if (one->next)
        one->next->link = &one->next;
    bound->others = one;
}

void torc__bound_remove(TorcBound *one)
{
    *one->link = one->next;
    if (one->next)
        one->next->link = one->link;
}

void torc__bound_cancelAll(TorcReactor *reactor, TorcBoundCalls *bound)
{
    torc__timers_cancelBound(reactor, bound);
    while (bound->others) {
        TorcBound *one = bound->others;
        torc__bound_remove(one);
        one->cancel(one);
    }
}
