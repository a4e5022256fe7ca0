/* Server endpoints of all kinds: counting, and the call through the class table.
 *
 * Reactor's thread. An endpoint belongs to whoever holds references; the last to go destroys it. */
#include <assert.h>
#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "endpoint.h"

/* Embedded by programs' own, so part of the ABI; new slots and fields take reserved ones. */
static_assert(sizeof(TorcServerEndpoint) == 5 * sizeof(void *), "part of the ABI");
static_assert(sizeof(TorcServerEndpointClass) == 8 * sizeof(void *), "part of the ABI");

static bool is_usable(const TorcServerEndpoint *endpoint)
{
    return endpoint && endpoint->cls && endpoint->cls->size == sizeof(TorcServerEndpointClass) &&
           endpoint->cls->listen;
}

void TorcServerEndpoint_init(TorcServerEndpoint *endpoint, const TorcServerEndpointClass *cls,
                             TorcReactor *reactor)
{
    if (endpoint)
        *endpoint = (TorcServerEndpoint){.cls = cls, .reactor = reactor, .references = 1};
}

int TorcServerEndpoint_listen(TorcServerEndpoint *endpoint, TorcFactory *factory,
                              TorcPort **ret_port)
{
    TorcPort *port = NULL;
    TORC__REQUIRE(is_usable(endpoint) && factory);
    int r = endpoint->cls->listen(endpoint, factory, &port);
    if (r < 0)
        return r;
    if (ret_port)
        *ret_port = port;
    return 0;
}

TorcServerEndpoint *TorcServerEndpoint_ref(TorcServerEndpoint *endpoint)
{
    if (endpoint)
        endpoint->references++;
    return endpoint;
}

TorcServerEndpoint *TorcServerEndpoint_unref(TorcServerEndpoint *endpoint)
{
    if (!endpoint)
        return NULL;
    assert(endpoint->references > 0);
    if (--endpoint->references == 0 && endpoint->cls && endpoint->cls->destroy)
        endpoint->cls->destroy(endpoint);
    return NULL;
}
