/* Server endpoints: descriptions of where to listen, and the table of their types.
 *
 * An endpoint is read once and used on the reactor's thread. It owns the fields of its description,
 * and with them the texts in its settings. A new type is a row of the table, a list of parameters
 * and a function that reads them. */
#include <errno.h>
#include <limits.h>

#include "../transports/tcp.h"
#include "endpoint.h"
#include "endpoint_parser_internal.h"

struct TorcServerEndpoint {
    TorcEndpointBase base;
    int (*listen)(TorcServerEndpoint *endpoint, TorcFactory *factory, TorcPort **ret_port);
    int port;
    TorcListenOptions options;
};

/* ---- tcp and tcp6 -------------------------------------------------------------------------- */

enum { TCP_PORT, TCP_INTERFACE, TCP_BACKLOG, TCP_REUSE_PORT, TCP_PARAMETERS };

static const TorcEndpointParameter tcp_parameters[TCP_PARAMETERS] = {
    [TCP_PORT] = {.name = "port", .required = true},
    [TCP_INTERFACE] = {.name = "interface"},
    [TCP_BACKLOG] = {.name = "backlog"},
    [TCP_REUSE_PORT] = {.name = "reusePort", .keyword_only = true},
};

static int tcp_listen(TorcServerEndpoint *endpoint, TorcFactory *factory, TorcPort **ret_port)
{
    return TorcReactor_listenTCP(endpoint->base.reactor, endpoint->port, factory,
                                 &endpoint->options, ret_port);
}

static int read_tcp(TorcServerEndpoint *endpoint, const TorcEndpointField *const *arguments,
                    TorcEndpointProblem *ret_problem)
{
    TorcListenOptions *options = &endpoint->options;
    endpoint->listen = tcp_listen;
    int r = torc__endpoint_readNumber(arguments[TCP_PORT], "the port", 0, 65535, &endpoint->port,
                                      ret_problem);
    if (r == 0)
        r = torc__endpoint_readAddress(arguments[TCP_INTERFACE], options->v6Only,
                                       &options->interface, ret_problem);
    if (r == 0)
        r = torc__endpoint_readNumber(arguments[TCP_BACKLOG], "the backlog", 1, INT_MAX,
                                      &options->backlog, ret_problem);
    if (r == 0)
        r = torc__endpoint_readFlag(arguments[TCP_REUSE_PORT], &options->reusePort, ret_problem);
    return r;
}

static int tcp_read(void *endpoint, const TorcEndpointField *const *arguments,
                    TorcEndpointProblem *ret_problem)
{
    TorcListenOptions_init(&((TorcServerEndpoint *)endpoint)->options);
    return read_tcp(endpoint, arguments, ret_problem);
}

static int tcp6_read(void *endpoint, const TorcEndpointField *const *arguments,
                     TorcEndpointProblem *ret_problem)
{
    TorcListenOptions *options = &((TorcServerEndpoint *)endpoint)->options;
    TorcListenOptions_init(options);
    options->v6Only = true;
    options->interface = "::";
    return read_tcp(endpoint, arguments, ret_problem);
}

/* ---- all types ----------------------------------------------------------------------------- */

static const TorcEndpointType server_types[] = {
    {"tcp", tcp_read, TCP_PARAMETERS, tcp_parameters},
    {"tcp6", tcp6_read, TCP_PARAMETERS, tcp_parameters},
};

static const TorcEndpointKind server_kind = {
    .size = sizeof(TorcServerEndpoint),
    .types = server_types,
    .type_count = sizeof(server_types) / sizeof(*server_types),
};

int TorcServerEndpoint_fromString(TorcReactor *reactor, const char *description,
                                  TorcServerEndpoint **ret_endpoint, TorcReason **ret_reason)
{
    if (!ret_endpoint)
        return torc__endpoint_failed(-EINVAL, ret_reason);
    TorcEndpointBase *endpoint;
    int r = torc__endpoint_new(&server_kind, reactor, description, &endpoint, ret_reason);
    if (r == 0)
        *ret_endpoint = (TorcServerEndpoint *)endpoint;
    return r;
}

int TorcServerEndpoint_listen(TorcServerEndpoint *endpoint, TorcFactory *factory,
                              TorcPort **ret_port)
{
    if (!endpoint || !factory)
        return -EINVAL;
    return endpoint->listen(endpoint, factory, ret_port);
}

void TorcServerEndpoint_free(TorcServerEndpoint *endpoint)
{
    torc__endpoint_free(endpoint ? &endpoint->base : NULL);
}
