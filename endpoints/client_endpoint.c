/* Client endpoints of all kinds: counting, and the call through the class table.
 *
 * Reactor's thread. An endpoint belongs to whoever holds references; the last to go destroys it. */
#include <assert.h>
#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "endpoint.h"

/* Embedded by programs' own, so part of the ABI; new slots and fields take reserved ones. */
static_assert(sizeof(TorcClientEndpoint) == 5 * sizeof(void *), "part of the ABI");
static_assert(sizeof(TorcClientEndpointClass) == 8 * sizeof(void *), "part of the ABI");

static bool is_usable(const TorcClientEndpoint *endpoint)
{
    return endpoint && endpoint->cls && endpoint->cls->size == sizeof(TorcClientEndpointClass) &&
           endpoint->cls->connect;
}

void TorcClientEndpoint_init(TorcClientEndpoint *endpoint, const TorcClientEndpointClass *cls,
                             TorcReactor *reactor)
{
    if (endpoint)
        *endpoint = (TorcClientEndpoint){.cls = cls, .reactor = reactor, .references = 1};
}

int TorcClientEndpoint_connect(TorcClientEndpoint *endpoint, TorcFactory *factory,
                               TorcDeferred **ret_connected)
{
    TorcDeferred *connected = NULL;
    TORC__REQUIRE(is_usable(endpoint) && factory);
    int r = endpoint->cls->connect(endpoint, factory, &connected);
    if (r < 0)
        return r;
    if (ret_connected)
        *ret_connected = connected;
    else
        TorcDeferred_detach(connected);
    return 0;
}

TorcClientEndpoint *TorcClientEndpoint_ref(TorcClientEndpoint *endpoint)
{
    if (endpoint)
        endpoint->references++;
    return endpoint;
}

TorcClientEndpoint *TorcClientEndpoint_unref(TorcClientEndpoint *endpoint)
{
    if (!endpoint)
        return NULL;
    assert(endpoint->references > 0);
    if (--endpoint->references == 0 && endpoint->cls && endpoint->cls->destroy)
        endpoint->cls->destroy(endpoint);
    return NULL;
}
