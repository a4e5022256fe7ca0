/* Addresses and ports of the simulated hosts: who is bound where, and whom an attempt reaches.
 *
 * A host finds a socket by its local port in a table of chains; listening sockets are in a short
 * list as well, for a busy port's chain also holds every connection that it accepted. Bind
 * conflicts follow Linux (socket(7): SO_REUSEADDR, SO_REUSEPORT). Sockets are only linked here,
 * never owned. */
#include <netinet/in.h>
#include <string.h>

#include "sim_internal.h"

/* 32768 … 60999, as Linux has them (net.ipv4.ip_local_port_range). */
enum { FIRST_EPHEMERAL = 32768, EPHEMERALS = 60999 - FIRST_EPHEMERAL + 1 };

static const uint8_t ipv4_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* Where the code under test connects to the outside from: private ranges (RFC 1918,
 * RFC 4193), for the documentation ranges belong to the tests. */
static const uint8_t outward_ipv4[4] = {10, 0, 0, 1};
static const uint8_t outward_ipv6[16] = {[0] = 0xfd, [15] = 1};

/* ---- addresses ----------------------------------------------------------------------------- */

static void set_ipv4(SimAddress *address, const void *ip)
{
    memcpy(address->ip, ipv4_prefix, sizeof(ipv4_prefix));
    memcpy(address->ip + sizeof(ipv4_prefix), ip, 4);
}

int torc__simAddress_parse(const char *host, uint16_t port, SimAddress *ret_address)
{
    TorcAddress parsed;
    int r = TorcAddress_parse(host, port, &parsed);
    if (r < 0)
        return r;
    SimAddress address = {.port = port, .scope = parsed.scopeId};
    if (parsed.family == TORC_ADDRESS_IPV4)
        set_ipv4(&address, parsed.ip);
    else
        memcpy(address.ip, parsed.ip, sizeof(address.ip));
    *ret_address = address;
    return 0;
}

int torc__simAddress_fromSockaddr(const struct sockaddr *name, socklen_t length, int family,
                                  SimAddress *ret_address)
{
    SimAddress address = {0};
    size_t whole = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (!name || length < whole)
        return -EINVAL;
    if (name->sa_family != family)
        return -EAFNOSUPPORT;
    if (family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, name, sizeof(in));
        set_ipv4(&address, &in.sin_addr);
        address.port = ntohs(in.sin_port);
    } else {
        struct sockaddr_in6 in6;
        memcpy(&in6, name, sizeof(in6));
        memcpy(address.ip, &in6.sin6_addr, sizeof(address.ip));
        address.port = ntohs(in6.sin6_port);
        address.scope = in6.sin6_scope_id;
    }
    *ret_address = address;
    return 0;
}

void torc__simAddress_toSockaddr(const SimAddress *address, int family, struct sockaddr *ret_name,
                                 socklen_t *length)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons(address->port),
                               .sin6_scope_id = address->scope};
    memcpy(&in.sin_addr, address->ip + sizeof(ipv4_prefix), 4);
    memcpy(&in6.sin6_addr, address->ip, sizeof(address->ip));
    const void *name = family == AF_INET ? (const void *)&in : (const void *)&in6;
    socklen_t whole = family == AF_INET ? sizeof(in) : sizeof(in6);
    memcpy(ret_name, name, *length < whole ? *length : whole);
    *length = whole;
}

bool torc__simAddress_isIPv4(const SimAddress *address)
{
    return memcmp(address->ip, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

bool torc__simAddress_sameIp(const SimAddress *a, const SimAddress *b)
{
    return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

SimAddress torc__simAddress_wildcard(int family)
{
    SimAddress address = {0};
    if (family == AF_INET)
        set_ipv4(&address, "\0\0\0");
    return address;
}

bool torc__simAddress_isWildcard(const SimAddress *address)
{
    SimAddress ipv4 = torc__simAddress_wildcard(AF_INET);
    SimAddress ipv6 = torc__simAddress_wildcard(AF_INET6);
    return torc__simAddress_sameIp(address, &ipv4) || torc__simAddress_sameIp(address, &ipv6);
}

bool torc__simAddress_isLoopback(const SimAddress *address)
{
    static const SimAddress ipv6 = {.ip = {[15] = 1}};
    if (torc__simAddress_isIPv4(address))
        return address->ip[sizeof(ipv4_prefix)] == 127;
    return torc__simAddress_sameIp(address, &ipv6);
}

/* ---- binding ------------------------------------------------------------------------------- */

/* True when a socket bound to a wildcard takes connections to the address. */
static bool wildcard_covers(const SimSocket *socket, const SimAddress *address)
{
    if (!torc__simAddress_isWildcard(&socket->local))
        return false;
    if (torc__simAddress_isIPv4(&socket->local))
        return torc__simAddress_isIPv4(address);
    return !torc__simAddress_isIPv4(address) ||
           !torc__simOptions_value(socket, IPPROTO_IPV6, IPV6_V6ONLY);
}

static bool overlap(const SimSocket *a, const SimSocket *b)
{
    return torc__simAddress_sameIp(&a->local, &b->local) || wildcard_covers(a, &b->local) ||
           wildcard_covers(b, &a->local);
}

static bool both_have(const SimSocket *a, const SimSocket *b, int name)
{
    return torc__simOptions_value(a, SOL_SOCKET, name) &&
           torc__simOptions_value(b, SOL_SOCKET, name);
}

/* True when `socket` may not be where `other` is already. */
static bool conflict(const SimSocket *socket, const SimSocket *other)
{
    return other != socket && other->local.port == socket->local.port && overlap(socket, other) &&
           !(both_have(socket, other, SO_REUSEADDR) && other->state != SIM_LISTENING) &&
           !both_have(socket, other, SO_REUSEPORT);
}

static SimSocket **chain_of(SimHost *host, uint16_t port)
{
    return &host->ports[port % (sizeof(host->ports) / sizeof(host->ports[0]))];
}

bool torc__simPorts_taken(const SimSocket *socket)
{
    const SimSocket *other = *chain_of(socket->host, socket->local.port);
    while (other && !conflict(socket, other))
        other = other->port_next;
    return other;
}

void torc__simPorts_add(SimSocket *socket, const SimAddress *address)
{
    socket->local = *address;
    SimSocket **chain = chain_of(socket->host, address->port);
    socket->port_next = *chain;
    socket->port_previous = NULL;
    if (*chain)
        (*chain)->port_previous = socket;
    *chain = socket;
    socket->bound = true;
}

void torc__simPorts_remove(SimSocket *socket)
{
    if (!socket->bound)
        return;
    if (socket->port_next)
        socket->port_next->port_previous = socket->port_previous;
    if (socket->port_previous)
        socket->port_previous->port_next = socket->port_next;
    else
        *chain_of(socket->host, socket->local.port) = socket->port_next;
    socket->bound = false;
}

static bool port_in_use(SimHost *host, uint16_t port)
{
    const SimSocket *socket = *chain_of(host, port);
    while (socket && socket->local.port != port)
        socket = socket->port_next;
    return socket;
}

/* The next free port, in order and round again; 0 when there is none. */
static uint16_t ephemeral_port(SimHost *host)
{
    for (unsigned i = 0; i < EPHEMERALS; i++) {
        uint16_t port = (uint16_t)(FIRST_EPHEMERAL + host->ephemerals++ % EPHEMERALS);
        if (!port_in_use(host, port))
            return port;
    }
    return 0;
}

int torc__simSocket_bind(SimSocket *socket, const SimAddress *address)
{
    SimAddress before = socket->local;
    socket->local = *address;
    if (address->port == 0)
        socket->local.port = ephemeral_port(socket->host);
    if (socket->local.port == 0 || torc__simPorts_taken(socket)) {
        socket->local = before;
        return -EADDRINUSE;
    }
    SimAddress chosen = socket->local;
    torc__simPorts_add(socket, &chosen);
    return 0;
}

void torc__simPorts_addListener(SimSocket *socket)
{
    SimSocket **link = &socket->host->listeners;
    while (*link)
        link = &(*link)->listener_next;
    socket->listener_next = NULL;
    *link = socket;
}

void torc__simPorts_removeListener(SimSocket *socket)
{
    SimSocket **link = &socket->host->listeners;
    while (*link != socket)
        link = &(*link)->listener_next;
    *link = socket->listener_next;
}

/* ---- reaching ------------------------------------------------------------------------------ */

/* The address that packets to `to` leave from. */
static SimAddress source_for(const SimHost *host, const SimAddress *to)
{
    SimAddress from = {.scope = to->scope};
    bool ipv4 = torc__simAddress_isIPv4(to);
    if (torc__simAddress_isLoopback(to) && host == &host->kernel->home) {
        from.ip[15] = 1;
        if (ipv4)
            set_ipv4(&from, "\177\0\0\1");
    } else if (ipv4) {
        set_ipv4(&from, outward_ipv4);
    } else {
        memcpy(from.ip, outward_ipv6, sizeof(from.ip));
    }
    return from;
}

int torc__simPorts_chooseLocal(SimSocket *socket)
{
    SimAddress *to = &socket->remote;
    bool ipv4 = torc__simAddress_isIPv4(to);
    if (torc__simAddress_isWildcard(to)) {
        uint16_t port = to->port;
        torc__simAddress_parse(ipv4 ? "127.0.0.1" : "::1", port, to);
    }
    if (ipv4 && socket->family == AF_INET6 &&
        torc__simOptions_value(socket, IPPROTO_IPV6, IPV6_V6ONLY))
        return -ENETUNREACH;
    bool any_ip = torc__simAddress_isWildcard(&socket->local);
    SimAddress from = any_ip ? source_for(socket->host, to) : socket->local;
    from.port = socket->local.port;
    if (socket->bound) {
        socket->local = from;
        return 0;
    }
    int r = torc__simSocket_bind(socket, &from);
    return r == -EADDRINUSE ? -EADDRNOTAVAIL : r;
}

/* True when a listening socket takes a connection to the address. `foreign`: the address is the
 * host's own only if something is bound to it. */
static bool takes(const SimSocket *listener, const SimAddress *address, bool foreign)
{
    if (listener->local.port != address->port)
        return false;
    if (torc__simAddress_sameIp(&listener->local, address))
        return true;
    return !foreign && wildcard_covers(listener, address);
}

/* Among several that fit as well (SO_REUSEPORT) the seed decides; one bound to the very address
 * comes before one bound to the wildcard. */
static SimSocket *find_listener(SimHost *host, const SimAddress *address, bool foreign)
{
    SimSocket *found = NULL;
    bool found_exact = false;
    uint64_t equals = 0;
    for (SimSocket *socket = host->listeners; socket; socket = socket->listener_next) {
        bool exact = torc__simAddress_sameIp(&socket->local, address);
        if (!takes(socket, address, foreign) || (found_exact && !exact))
            continue;
        equals = exact == found_exact ? equals + 1 : 1;
        found_exact = exact;
        if (equals == 1 || torc__simKernel_random(host->kernel) % equals == 0)
            found = socket;
    }
    return found;
}

SimSocket *torc__simPorts_route(const SimSocket *client)
{
    SimKernel *kernel = client->kernel;
    const SimAddress *to = &client->remote;
    if (client->host != &kernel->home || torc__simAddress_isLoopback(to))
        return find_listener(&kernel->home, to, false);
    SimSocket *outside = find_listener(&kernel->abroad, to, false);
    return outside ? outside : find_listener(&kernel->home, to, true);
}
