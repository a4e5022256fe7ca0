/* TCP ports: how their sockets come about. Their life is port.c. Reactor's thread. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "ports_internal.h"
#include "socket_internal.h"
#include "tcp.h"

typedef struct TcpPort {
    TorcPort base;
    int backlog;
    bool any_family; /* no interface was given: both IPv6 and IPv4 */
    bool v6_only;
    bool reuse_port;
    bool nagle;
} TcpPort;

/* Accepted sockets inherit TCP_NODELAY from the listening one, so it costs nothing per
 * connection (Linux and the BSDs). */
static int prepare(const TcpPort *port, TorcSystem *system, int fd)
{
    int r = torc__socket_set(system, fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && port->reuse_port)
        r = torc__socket_set(system, fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0 && port->base.address.family == TORC_ADDRESS_IPV6)
        r = torc__socket_set(system, fd, IPPROTO_IPV6, IPV6_V6ONLY, port->v6_only);
    if (r == 0 && !port->nagle)
        r = torc__socket_set(system, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (r == 0)
        r = torc__socket_bind(system, fd, &port->base.address);
    if (r == 0)
        r = system->ops->listen(system, fd, port->backlog);
    return r;
}

static int open_socket(TcpPort *port)
{
    TorcSystem *system = torc__port_system(&port->base);
    int fd = torc__socket_new(system, &port->base.address);
    if (fd < 0)
        return fd;
    int r = prepare(port, system, fd);
    if (r < 0) {
        (void)system->ops->close(system, fd);
        return r;
    }
    return fd;
}

/* A host without IPv6 still has all of its IPv4 addresses. */
static int open_any_family(TcpPort *port)
{
    TorcAddress *address = &port->base.address;
    int r = open_socket(port);
    if (r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL)
        return r;
    *address = (TorcAddress){.family = TORC_ADDRESS_IPV4, .port = address->port};
    return open_socket(port);
}

/* getsockname shows a mapped wildcard as IPv6, which it is; only the number is news. */
static void learn_number(TorcPort *port, int fd)
{
    TorcAddress name;
    torc__socket_name(torc__port_system(port), fd, &name);
    if (name.port != 0)
        port->address.port = name.port;
}

static int tcp_open(TorcPort *base)
{
    TcpPort *port = (TcpPort *)base;
    int fd = port->any_family ? open_any_family(port) : open_socket(port);

    if (fd >= 0)
        learn_number(base, fd);
    return fd;
}

static const TorcPortKind tcp_kind = {.open = tcp_open};

void TorcListenOptions_init(TorcListenOptions *options)
{
    if (options)
        *options = (TorcListenOptions){.size = sizeof(TorcListenOptions)};
}

static int read_options(const TorcListenOptions *given, TorcListenOptions *ret_options)
{
    TorcListenOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(options.backlog >= 0);
    if (options.backlog == 0)
        options.backlog = SOMAXCONN;
    *ret_options = options;
    return 0;
}

static int port_address(const TorcListenOptions *options, uint16_t number, TorcAddress *ret_address)
{
    const char *interface = options->interface;

    return TorcAddress_parse(interface && *interface ? interface : "::", number, ret_address);
}

static TorcPort *tcp_port_new(TorcStreams *streams, TorcFactory *factory,
                              const TorcListenOptions *options, const TorcAddress *address)
{
    TcpPort *port =
        (TcpPort *)torc__port_new(streams, sizeof(TcpPort), &tcp_kind, factory, address);
    if (!port)
        return NULL;
    port->base.most = options->maxConnections;
    port->base.refuse_excess = options->refuseExcess;
    port->any_family = !options->v6Only && !(options->interface && *options->interface);
    port->backlog = options->backlog;
    port->v6_only = options->v6Only;
    port->reuse_port = options->reusePort;
    port->nagle = options->nagle;
    return &port->base;
}

int TorcReactor_listenTCP(TorcReactor *reactor, int port_number, TorcFactory *factory,
                          const TorcListenOptions *options, TorcPort **ret_port)
{
    TORC__REQUIRE(reactor && factory && port_number >= 0 && port_number <= UINT16_MAX);
    TorcListenOptions read;
    TorcAddress address;
    int r = read_options(options, &read);
    if (r == 0)
        r = port_address(&read, (uint16_t)port_number, &address);
    if (r < 0)
        return r;

    TorcStreams *streams = torc__streams(reactor);
    TorcPort *port = streams ? tcp_port_new(streams, factory, &read, &address) : NULL;
    return port ? torc__port_begin(port, ret_port) : -ENOMEM;
}
