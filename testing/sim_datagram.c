/* Datagram sockets of the simulated world, as Linux has UDP.
 *
 * What is sent is in the receiver's queue at once, whole, or is lost without a word: when nobody has
 * the port, or when the queue holds as many bytes as a buffer. A connected socket takes from its
 * remote address only, and learns that nobody has the port there. Sending never blocks.
 *
 * A datagram belongs to the queue it is in; the names in the comments are those of functions of
 * Linux (net/ipv4/udp.c and those it calls) that decide. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "sim_network_internal.h"

/* What an IP packet has room for: 65,535 less the headers, of which IPv6 does not count its own. */
enum { MOST_IPV4 = 65535 - 20 - 8, MOST_IPV6 = 65535 - 8 };

struct SimDatagram {
    SimDatagram *next;
    SimAddress from;
    size_t length;
    unsigned char data[];
};

static void tell(SimSocket *socket, unsigned events)
{
    if (socket->notify)
        socket->notify(socket, events);
}

/* ---- naming -------------------------------------------------------------------------------- */

/* inet_autobind: before anything else is looked at, a socket without a port gets one. */
static int have_port(SimSocket *socket)
{
    SimAddress any = socket->local;
    int r = socket->bound ? 0 : torc__simSocket_bind(socket, &any);
    return r == -EADDRINUSE ? -EAGAIN : r;
}

/* The local address that a datagram to `to` leaves from. Binding to it is left to connect. */
static int choose_source(SimSocket *socket, SimAddress *to, SimAddress *ret_from)
{
    SimAddress local = socket->local;
    SimAddress remote = socket->remote;
    socket->remote = *to;
    int r = torc__simPorts_chooseLocal(socket);
    *to = socket->remote;
    *ret_from = socket->local;
    socket->local = local;
    socket->remote = remote;
    return r;
}

/* __ip4_datagram_connect; may be repeated. */
static int connect_datagram(SimSocket *socket, const struct sockaddr *name, socklen_t length)
{
    SimAddress to;
    SimAddress from;
    int r = torc__simAddress_fromSockaddr(name, length, socket->family, &to);
    if (r == 0)
        r = have_port(socket);
    if (r == 0)
        r = choose_source(socket, &to, &from);
    if (r < 0)
        return r;
    socket->local = from;
    socket->remote = to;
    socket->state = SIM_CONNECTED;
    return 0;
}

/* inet_shutdown: it says that there is no connection, but shuts what is to be shut. */
static int shutdown_datagram(SimSocket *socket, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (how != SHUT_WR)
        socket->shut |= SIM_SHUT_READ;
    if (how != SHUT_RD)
        socket->shut |= SIM_SHUT_WRITE;
    tell(socket, SIM_ANYTHING);
    return socket->state == SIM_CONNECTED ? 0 : -ENOTCONN;
}

/* ---- sending ------------------------------------------------------------------------------- */

/* icmp_socket_deliver: only a connected socket is told (RFC 1122 §4.1.3.3). */
static void report_nobody(SimSocket *sender, const SimAddress *to)
{
    bool any_port = sender->remote.port == 0; /* it is connected to an address alone */
    if (sender->state != SIM_CONNECTED || (!any_port && sender->remote.port != to->port) ||
        !torc__simAddress_sameIp(&sender->remote, to))
        return;
    sender->error = ECONNREFUSED;
    tell(sender, SIM_ANYTHING);
}

/* __udp_queue_rcv_skb */
static void enqueue(SimSocket *receiver, const SimAddress *from, const void *data, size_t length)
{
    if (receiver->datagram_bytes + length > receiver->kernel->buffer_size)
        return;
    SimDatagram *datagram = torc__sim_alloc(sizeof(*datagram) + length);
    datagram->from = *from;
    datagram->length = length;
    if (length > 0)
        memcpy(datagram->data, data, length);
    if (receiver->datagram_last)
        receiver->datagram_last->next = datagram;
    else
        receiver->datagram_first = datagram;
    receiver->datagram_last = datagram;
    receiver->datagram_bytes += length;
    tell(receiver, TORC_READABLE);
}

static void deliver(SimSocket *sender, const SimAddress *from, const SimAddress *to,
                    const void *data, size_t length)
{
    if (torc__simKernel_isBlackHole(sender->kernel, to) ||
        !torc__simLink_passes(sender->host, torc__simHost_for(sender->host, to)))
        return;
    SimSocket *receiver = torc__simPorts_routeDatagram(sender, from, to);
    if (receiver)
        enqueue(receiver, from, data, length);
    else
        report_nobody(sender, to);
}

/* The address it goes to: what is given comes before what connect said (udp_sendmsg). */
static int choose_target(const SimSocket *socket, const SimAddress *given, SimAddress *ret_to)
{
    if (given && given->port == 0)
        return -EINVAL;
    if (!given && socket->state != SIM_CONNECTED)
        return -EDESTADDRREQ;
    *ret_to = given ? *given : socket->remote;
    return 0;
}

static int refuse_send(SimSocket *socket)
{
    int error = torc__simSocket_takeError(socket);
    if (error)
        return -error;
    return socket->shut & SIM_SHUT_WRITE ? -EPIPE : 0;
}

static ssize_t send_datagram(SimSocket *socket, const void *data, size_t length,
                             const SimAddress *address)
{
    SimAddress to = {0};
    SimAddress from = {0};
    int r = have_port(socket);
    if (r == 0 && socket->family == AF_INET && length > UINT16_MAX)
        r = -EMSGSIZE; /* udp_sendmsg asks this first, __ip_append_data the rest later */
    if (r == 0)
        r = choose_target(socket, address, &to);
    if (r == 0)
        r = choose_source(socket, &to, &from);
    if (r == 0 && length > (torc__simAddress_isIPv4(&to) ? MOST_IPV4 : MOST_IPV6))
        r = -EMSGSIZE;
    if (r == 0)
        r = refuse_send(socket);
    if (r < 0)
        return r;
    socket->kernel->activity++;
    deliver(socket, &from, &to, data, length);
    tell(socket, TORC_WRITABLE); /* sock_wfree: the packet has left */
    return (ssize_t)length;
}

/* ---- receiving ----------------------------------------------------------------------------- */

static void drop_first(SimSocket *socket)
{
    SimDatagram *datagram = socket->datagram_first;
    socket->datagram_first = datagram->next;
    if (!datagram->next)
        socket->datagram_last = NULL;
    socket->datagram_bytes -= datagram->length;
    torc__sim_release(datagram);
}

/* udp_recvmsg: a pending error comes before what is there, and shutting makes no end. */
static ssize_t recv_datagram(SimSocket *socket, void *buffer, size_t size, int flags,
                             SimAddress *ret_from)
{
    if (socket->error)
        return -torc__simSocket_takeError(socket);
    const SimDatagram *datagram = socket->datagram_first;
    if (!datagram)
        return -EAGAIN;
    size_t whole = datagram->length;
    size_t count = whole < size ? whole : size;
    if (count > 0)
        memcpy(buffer, datagram->data, count);
    if (ret_from)
        *ret_from = datagram->from;
    if (!(flags & MSG_PEEK)) {
        drop_first(socket);
        socket->kernel->activity++;
    }
    return (ssize_t)(flags & MSG_TRUNC ? whole : count);
}

static void close_datagram(SimSocket *socket)
{
    while (socket->datagram_first)
        drop_first(socket);
    torc__simSocket_free(socket);
}

/* datagram_poll, seen through libevent. */
static unsigned readiness(SimSocket *socket)
{
    if (socket->error)
        return TORC_READABLE | TORC_WRITABLE;
    unsigned ready = TORC_WRITABLE;
    if (socket->datagram_first)
        ready |= TORC_READABLE;
    if (socket->shut & SIM_SHUT_READ)
        ready |= TORC_READABLE | TORC_CLOSED;
    return ready;
}

/* ---- the protocol -------------------------------------------------------------------------- */

static int no_listen(SimSocket *socket, int backlog)
{
    (void)socket;
    (void)backlog;
    return -EOPNOTSUPP;
}

static int no_accept(SimSocket *socket, SimSocket **ret_socket)
{
    (void)socket;
    (void)ret_socket;
    return -EOPNOTSUPP;
}

static const SimProtocol datagram_protocol = {
    .type = SOCK_DGRAM,
    .number = IPPROTO_UDP,
    .bind = torc__simInet_bind,
    .listen = no_listen,
    .accept = no_accept,
    .connect = connect_datagram,
    .getsockname = torc__simInet_getsockname,
    .getpeername = torc__simInet_getpeername,
    .recv = recv_datagram,
    .send = send_datagram,
    .shutdown = shutdown_datagram,
    .close = close_datagram,
    .readiness = readiness,
};

SimSocket *torc__simDatagram_new(SimHost *host, int family)
{
    SimSocket *socket = torc__simSocket_new(host, family);
    socket->protocol = &datagram_protocol;
    return socket;
}
