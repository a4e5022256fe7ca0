/* Client endpoints: descriptions of where to connect to, and the table of their types.
 *
 * An endpoint is read once and used on the reactor's thread. It owns the fields of its description,
 * and with them the texts in its settings. A new type is a row of the table, a list of parameters
 * and a function that reads them. */
#include <errno.h>

#include "../transports/tcp.h"
#include "endpoint.h"
#include "endpoint_parser_internal.h"

struct TorcClientEndpoint {
    TorcEndpointBase base;
    int (*connect)(TorcClientEndpoint *endpoint, TorcClientFactory *factory,
                   TorcConnector **ret_connector);
    const char *host;
    int port;
    TorcConnectOptions options;
};

/* ---- tcp ----------------------------------------------------------------------------------- */

enum { TCP_HOST, TCP_PORT, TCP_TIMEOUT, TCP_BIND_ADDRESS, TCP_PARAMETERS };

static const TorcEndpointParameter tcp_parameters[TCP_PARAMETERS] = {
    [TCP_HOST] = {.name = "host", .required = true},
    [TCP_PORT] = {.name = "port", .required = true},
    [TCP_TIMEOUT] = {.name = "timeout", .keyword_only = true},
    [TCP_BIND_ADDRESS] = {.name = "bindAddress", .keyword_only = true},
};

static int tcp_connect(TorcClientEndpoint *endpoint, TorcClientFactory *factory,
                       TorcConnector **ret_connector)
{
    return TorcReactor_connectTCP(endpoint->base.reactor, endpoint->host, endpoint->port, factory,
                                  &endpoint->options, ret_connector);
}

static int read_host(const TorcEndpointField *field, const char **ret_host,
                     TorcEndpointProblem *ret_problem)
{
    if (!*field->value)
        return torc__endpoint_fail(ret_problem, field->value_column, "the host is empty");
    *ret_host = field->value;
    return 0;
}

static int tcp_read(void *as_endpoint, const TorcEndpointField *const *arguments,
                    TorcEndpointProblem *ret_problem)
{
    TorcClientEndpoint *endpoint = as_endpoint;
    endpoint->connect = tcp_connect;
    TorcConnectOptions_init(&endpoint->options);
    int r = read_host(arguments[TCP_HOST], &endpoint->host, ret_problem);
    if (r == 0)
        r = torc__endpoint_readNumber(arguments[TCP_PORT], "the port", 1, 65535, &endpoint->port,
                                      ret_problem);
    if (r == 0)
        r = torc__endpoint_readSeconds(arguments[TCP_TIMEOUT], &endpoint->options.timeout,
                                       ret_problem);
    if (r == 0)
        r = torc__endpoint_readAddress(arguments[TCP_BIND_ADDRESS], false,
                                       &endpoint->options.bindAddress, ret_problem);
    return r;
}

/* ---- all types ----------------------------------------------------------------------------- */

static const TorcEndpointType client_types[] = {
    {"tcp", tcp_read, TCP_PARAMETERS, tcp_parameters},
};

static const TorcEndpointKind client_kind = {
    .size = sizeof(TorcClientEndpoint),
    .types = client_types,
    .type_count = sizeof(client_types) / sizeof(*client_types),
};

int TorcClientEndpoint_fromString(TorcReactor *reactor, const char *description,
                                  TorcClientEndpoint **ret_endpoint, TorcReason **ret_reason)
{
    if (!ret_endpoint)
        return torc__endpoint_failed(-EINVAL, ret_reason);
    TorcEndpointBase *endpoint;
    int r = torc__endpoint_new(&client_kind, reactor, description, &endpoint, ret_reason);
    if (r == 0)
        *ret_endpoint = (TorcClientEndpoint *)endpoint;
    return r;
}

int TorcClientEndpoint_connect(TorcClientEndpoint *endpoint, TorcClientFactory *factory,
                               TorcConnector **ret_connector)
{
    if (!endpoint || !factory)
        return -EINVAL;
    return endpoint->connect(endpoint, factory, ret_connector);
}

void TorcClientEndpoint_free(TorcClientEndpoint *endpoint)
{
    torc__endpoint_free(endpoint ? &endpoint->base : NULL);
}
