/* The types of endpoints, each defined in the file of its endpoint. Not installed. */
#ifndef TORC_ENDPOINTS_ENDPOINT_TYPES_INTERNAL_H
#define TORC_ENDPOINTS_ENDPOINT_TYPES_INTERNAL_H

#include <errno.h>

#include "endpoint_parser_internal.h"

extern const TorcEndpointType torc__endpoint_tcpServer;
extern const TorcEndpointType torc__endpoint_tcp6Server;
extern const TorcEndpointType torc__endpoint_unixServer;
extern const TorcEndpointType torc__endpoint_fdServer;
extern const TorcEndpointType torc__endpoint_systemdServer;
extern const TorcEndpointType torc__endpoint_stdioServer;

extern const TorcEndpointType torc__endpoint_tcpClient;
extern const TorcEndpointType torc__endpoint_tcp6Client;
extern const TorcEndpointType torc__endpoint_unixClient;
extern const TorcEndpointType torc__endpoint_fdClient;
extern const TorcEndpointType torc__endpoint_stdioClient;

/* What a constructor left, as `make` has to answer. */
static inline int torc__endpoint_made(void *endpoint, void **ret_endpoint)
{
    if (!endpoint)
        return -errno;
    *ret_endpoint = endpoint;
    return 0;
}

#endif
