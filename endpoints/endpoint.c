/* Endpoints of all kinds, servers' and clients': counting, and the call through the class table.
 *
 * Reactor's thread. An endpoint belongs to whoever holds references; the last to go destroys it. */
#include "endpoint.h"

#include <assert.h>
#include <errno.h>

#include "../reactor/reactor_internal.h"

/* Embedded by programs' own, so part of the ABI; new slots and fields take reserved ones. */
static_assert(sizeof(TorcServerEndpoint) == 5 * sizeof(void *), "part of the ABI");
static_assert(sizeof(TorcServerEndpointClass) == 8 * sizeof(void *), "part of the ABI");
static_assert(sizeof(TorcClientEndpoint) == 5 * sizeof(void *), "part of the ABI");
static_assert(sizeof(TorcClientEndpointClass) == 8 * sizeof(void *), "part of the ABI");

/* True when it was the last one. */
static bool drop_reference(unsigned *references)
{
    assert(*references > 0);
    return --*references == 0;
}

/* ---- servers ------------------------------------------------------------------------------- */

void TorcServerEndpoint_init(TorcServerEndpoint *endpoint, const TorcServerEndpointClass *cls,
                             TorcReactor *reactor)
{
    if (endpoint)
        *endpoint = (TorcServerEndpoint){.cls = cls, .reactor = reactor, .references = 1};
}

static bool can_listen(const TorcServerEndpoint *endpoint)
{
    const TorcServerEndpointClass *cls = endpoint ? endpoint->cls : NULL;
    return cls && cls->size == sizeof(*cls) && cls->listen;
}

int TorcServerEndpoint_listen(TorcServerEndpoint *endpoint, TorcFactory *factory,
                              TorcPort **ret_port)
{
    TorcPort *port = NULL;
    TORC__REQUIRE(can_listen(endpoint) && factory);
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
    if (endpoint && drop_reference(&endpoint->references) && endpoint->cls &&
        endpoint->cls->destroy)
        endpoint->cls->destroy(endpoint);
    return NULL;
}

/* ---- clients ------------------------------------------------------------------------------- */

void TorcClientEndpoint_init(TorcClientEndpoint *endpoint, const TorcClientEndpointClass *cls,
                             TorcReactor *reactor)
{
    if (endpoint)
        *endpoint = (TorcClientEndpoint){.cls = cls, .reactor = reactor, .references = 1};
}

static bool can_connect(const TorcClientEndpoint *endpoint)
{
    const TorcClientEndpointClass *cls = endpoint ? endpoint->cls : NULL;
    return cls && cls->size == sizeof(*cls) && cls->connect;
}

int TorcClientEndpoint_connect(TorcClientEndpoint *endpoint, TorcFactory *factory,
                               TorcDeferred **ret_connected)
{
    TorcDeferred *connected = NULL;
    TORC__REQUIRE(can_connect(endpoint) && factory);
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
    if (endpoint && drop_reference(&endpoint->references) && endpoint->cls &&
        endpoint->cls->destroy)
        endpoint->cls->destroy(endpoint);
    return NULL;
}
