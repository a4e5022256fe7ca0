/* Endpoints from text: which types there are. A new type is a line of a table, and in the file of
 * its endpoint a list of parameters and a function that reads them.
 *
 * Reactor's thread. */
#include "endpoint.h"
#include "endpoint_types_internal.h"

static const TorcEndpointType *const server_types[] = {
    &torc__endpoint_tcpServer,     /* tcp: */
    &torc__endpoint_tcp6Server,    /* tcp6: */
    &torc__endpoint_unixServer,    /* unix: */
    &torc__endpoint_fdServer,      /* fd: */
    &torc__endpoint_systemdServer, /* systemd: */
    &torc__endpoint_stdioServer,   /* stdio: */
};

static const TorcEndpointType *const client_types[] = {
    &torc__endpoint_tcpClient,   /* tcp: */
    &torc__endpoint_tcp6Client,  /* tcp6: */
    &torc__endpoint_unixClient,  /* unix: */
    &torc__endpoint_fdClient,    /* fd: */
    &torc__endpoint_stdioClient, /* stdio: */
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

int TorcServerEndpoint_fromString(TorcReactor *reactor, const char *description,
                                  TorcServerEndpoint **ret_endpoint, TorcReason **ret_reason)
{
    void *endpoint;
    if (!ret_endpoint)
        return torc__endpoint_failed(-EINVAL, ret_reason);
    int r = torc__endpoint_fromString(server_types, COUNT(server_types), reactor, description,
                                      &endpoint, ret_reason);
    if (r == 0)
        *ret_endpoint = endpoint;
    return r;
}

int TorcClientEndpoint_fromString(TorcReactor *reactor, const char *description,
                                  TorcClientEndpoint **ret_endpoint, TorcReason **ret_reason)
{
    void *endpoint;
    if (!ret_endpoint)
        return torc__endpoint_failed(-EINVAL, ret_reason);
    int r = torc__endpoint_fromString(client_types, COUNT(client_types), reactor, description,
                                      &endpoint, ret_reason);
    if (r == 0)
        *ret_endpoint = endpoint;
    return r;
}
