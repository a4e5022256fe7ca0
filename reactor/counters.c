/* Counters: what the reactor and its parts have counted, put together when somebody asks.
 *
 * Thread: the reactor's. Each thing is counted where it happens, by an addition to a field that is
 * at hand, and by another if a port counts it too; nothing here runs unless it is asked for. */
#include <string.h>

#include "reactor_internal.h"

int torc__counters_copy(void *ret_counters, const void *counters, size_t size)
{
    size_t wanted;

    memcpy(&wanted, ret_counters, sizeof(wanted));
    TORC__REQUIRE(wanted >= sizeof(wanted));
    size_t known = wanted < size ? wanted : size;
    memcpy((char *)ret_counters + sizeof(size_t), (const char *)counters + sizeof(size_t),
           known - sizeof(size_t));
    memset((char *)ret_counters + known, 0, wanted - known); /* of a newer header than ours */
    return 0;
}

int TorcReactor_getCounters(const TorcReactor *reactor, TorcReactorCounters *ret_counters)
{
    TORC__REQUIRE(reactor && ret_counters);
    TORC__ON_THREAD_OF(reactor);
    TorcReactorCounters counters = reactor->counters;
    for (const TorcReactorPart *part = reactor->parts; part; part = part->next)
        if (part->count)
            part->count(part, &counters);
    return torc__counters_copy(ret_counters, &counters, sizeof(counters));
}
