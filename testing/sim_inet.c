/* What IPv4 and IPv6 sockets are called: bind, getsockname and getpeername for streams and
 * datagrams alike. The names in the comments are those of Linux's functions (net/ipv4/af_inet.c).
 * */
#include <errno.h>
#include <netinet/in.h>

#include "sim_socket_internal.h"

/* __inet_bind and __inet6_bind, which also makes a socket with an IPv6 address take IPv6 alone. */
static int bind_to(SimSocket *socket, const SimAddress *address)
{
    bool chose_address = !torc__simAddress_isWildcard(address);
    torc__simPorts_remove(socket);
    int r = torc__simSocket_bind(socket, address);
    if (r < 0)
        return r;
    socket->chose_port = address->port != 0;
    socket->chose_address = chose_address;
    if (chose_address && !torc__simAddress_isIPv4(address))
        torc__simOptions_setV6Only(socket);
    return 0;
}

int torc__simInet_bind(SimSocket *socket, const struct sockaddr *name, socklen_t length)
{
    SimAddress address;
    int r = torc__simAddress_fromSockaddr(name, length, socket->family, &address);
    if (r < 0)
        return r;
    bool idle = socket->state == SIM_FRESH || socket->state == SIM_ENDED;
    bool mapped = socket->family == AF_INET6 && torc__simAddress_isIPv4(&address);
    if (!idle || (socket->bound && !socket->released))
        return -EINVAL;
    if (mapped && torc__simOptions_value(socket, IPPROTO_IPV6, IPV6_V6ONLY))
        return -EINVAL;
    return bind_to(socket, &address);
}

int torc__simInet_getsockname(const SimSocket *socket, struct sockaddr *ret_name, socklen_t *length)
{
    torc__simAddress_toSockaddr(&socket->local, socket->family, ret_name, length);
    return 0;
}

/* inet_getname: a connection that has ended has no peer any more, and port 0 is nobody's. */
int torc__simInet_getpeername(const SimSocket *socket, struct sockaddr *ret_name, socklen_t *length)
{
    if (socket->state != SIM_CONNECTED || socket->remote.port == 0)
        return -ENOTCONN;
    torc__simAddress_toSockaddr(&socket->remote, socket->family, ret_name, length);
    return 0;
}
