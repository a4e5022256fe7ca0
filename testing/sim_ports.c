/* Addresses and ports of the simulated hosts: who has which, and whom an attempt reaches.
 *
 * A host finds a socket by its local port in a table of chains; listening sockets are in a short
 * list as well, for a busy port's chain also holds every connection that it accepted. Bind
 * conflicts follow Linux (socket(7): SO_REUSEADDR, SO_REUSEPORT). Sockets are only linked here,
 * never owned. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "sim_socket_internal.h"

/* 32768 … 60999, as Linux has them (net.ipv4.ip_local_port_range). */
enum { FIRST_EPHEMERAL = 32768, EPHEMERALS = 60999 - FIRST_EPHEMERAL + 1 };

static const uint8_t ipv4_prefix[12] = {[10] = 0xff, [11] = 0xff};

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

static bool same_end(const SimAddress *a, const SimAddress *b)
{
    return a->port == b->port && torc__simAddress_sameIp(a, b);
}

SimAddress torc__simAddress_wildcard(int family)
{
    SimAddress address = {0};
    if (family == AF_INET)
        set_ipv4(&address, "\0\0\0");
    return address;
}

void torc__simAddress_setWildcard(SimAddress *address, int family)
{
    uint16_t port = address->port;
    *address = torc__simAddress_wildcard(family);
    address->port = port;
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

/* ---- hosts --------------------------------------------------------------------------------- */

/* Descriptors tell hosts apart (sim_descriptor.c), and an int holds no more. */
enum { MOST_HOSTS = 2000 };

SimHost *torc__simKernel_addHost(SimKernel *kernel)
{
    SimHost *host = torc__sim_alloc(sizeof(*host));
    host->kernel = kernel;
    host->number = kernel->home.number + 1;
    SimHost **link = &kernel->hosts;
    for (; *link; link = &(*link)->next)
        host->number++;
    if (host->number > MOST_HOSTS)
        torc__sim_fatal("TorcSim_addHost: a simulation has at most 2000 hosts");
    *link = host;
    return host;
}

void torc__simHost_addAddress(SimHost *host, const SimAddress *address)
{
    size_t size = (host->address_count + 1) * sizeof(*host->addresses);
    host->addresses = torc__sim_realloc(host->addresses, size);
    host->addresses[host->address_count++] = *address;
}

static bool has_address(const SimHost *host, const SimAddress *address)
{
    for (size_t i = 0; i < host->address_count; i++)
        if (torc__simAddress_sameIp(&host->addresses[i], address))
            return true;
    return false;
}

SimHost *torc__simHost_find(SimKernel *kernel, const SimAddress *address)
{
    if (has_address(&kernel->home, address))
        return &kernel->home;
    SimHost *host = kernel->hosts;
    while (host && !has_address(host, address))
        host = host->next;
    return host;
}

SimHost *torc__simHost_of(SimKernel *kernel, const SimAddress *address)
{
    if (torc__simAddress_isLoopback(address) || torc__simAddress_isWildcard(address))
        return &kernel->home;
    SimHost *host = torc__simHost_find(kernel, address);
    return host ? host : &kernel->abroad;
}

void torc__simHost_eachSocket(SimHost *host, void (*function)(SimSocket *socket, void *arg),
                              void *arg)
{
    for (size_t i = 0; i < sizeof(host->ports) / sizeof(host->ports[0]); i++) {
        SimSocket *next;
        for (SimSocket *socket = host->ports[i]; socket; socket = next) {
            next = socket->port_next;
            function(socket, arg);
        }
    }
}

/* True for home and abroad, which answer to addresses that nobody has. */
static bool is_lenient(const SimHost *host)
{
    return host == &host->kernel->home || host == &host->kernel->abroad;
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
    return other != socket && !other->released && other->protocol == socket->protocol &&
           other->local.port == socket->local.port && overlap(socket, other) &&
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
    socket->released = false;
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
    socket->bound = socket->released = false;
}

static bool port_in_use(SimHost *host, const SimProtocol *protocol, uint16_t port)
{
    const SimSocket *socket = *chain_of(host, port);
    while (socket &&
           (socket->local.port != port || socket->protocol != protocol || socket->released))
        socket = socket->port_next;
    return socket;
}

/* The next free port, in order and round again; 0 when there is none. */
static uint16_t ephemeral_port(SimHost *host, const SimProtocol *protocol)
{
    for (unsigned i = 0; i < EPHEMERALS; i++) {
        uint16_t port = (uint16_t)(FIRST_EPHEMERAL + host->ephemerals++ % EPHEMERALS);
        if (!port_in_use(host, protocol, port))
            return port;
    }
    return 0;
}

static bool may_bind(const SimHost *host, const SimAddress *address)
{
    return is_lenient(host) || has_address(host, address) || torc__simAddress_isLoopback(address) ||
           torc__simAddress_isWildcard(address);
}

int torc__simSocket_bind(SimSocket *socket, const SimAddress *address)
{
    SimAddress before = socket->local;
    if (!may_bind(socket->host, address))
        return -EADDRNOTAVAIL;
    socket->local = *address;
    if (address->port == 0)
        socket->local.port = ephemeral_port(socket->host, socket->protocol);
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

/* The address that packets to `to` leave from: 0 or -ENETUNREACH. Who is abroad and has none uses
 * home's. */
static int source_for(const SimHost *host, const SimAddress *to, SimAddress *ret_from)
{
    const SimKernel *kernel = host->kernel;
    bool ipv4 = torc__simAddress_isIPv4(to);
    const SimHost *owner = host == &kernel->abroad ? &kernel->home : host;
    size_t i = 0;
    if (torc__simAddress_isLoopback(to) && host != &kernel->abroad) {
        (void)torc__simAddress_parse(ipv4 ? "127.0.0.1" : "::1", 0, ret_from);
    } else {
        while (i < owner->address_count && torc__simAddress_isIPv4(&owner->addresses[i]) != ipv4)
            i++;
        if (i == owner->address_count)
            return -ENETUNREACH;
        *ret_from = owner->addresses[i];
    }
    ret_from->scope = to->scope;
    return 0;
}

/* True when there is a stream between the two already, or an attempt at one (__inet_check_established):
 * sockets that share a port cannot have it twice. */
static bool is_connected(SimHost *host, const SimProtocol *protocol, const SimAddress *from,
                         const SimAddress *to)
{
    const SimSocket *other = protocol->type == SOCK_STREAM ? *chain_of(host, from->port) : NULL;
    while (other && (other->protocol != protocol || other->released ||
                     (other->state != SIM_CONNECTING && other->state != SIM_CONNECTED) ||
                     !same_end(&other->local, from) || !same_end(&other->remote, to)))
        other = other->port_next;
    return other;
}

/* Whoever is bound to an IPv4 address reaches himself there (ip_route_output_key_hash_rcu), others
 * the loopback interface. */
static void resolve_wildcard(const SimSocket *socket, SimAddress *to)
{
    uint16_t port = to->port;
    bool ipv4 = torc__simAddress_isIPv4(to);
    if (ipv4 && !torc__simAddress_isWildcard(&socket->local))
        *to = socket->local;
    else
        (void)torc__simAddress_parse(ipv4 ? "127.0.0.1" : "::1", 0, to);
    to->port = port;
}

int torc__simPorts_chooseLocal(SimSocket *socket)
{
    SimAddress *to = &socket->remote;
    bool ipv4 = torc__simAddress_isIPv4(to);
    if (torc__simAddress_isWildcard(to))
        resolve_wildcard(socket, to);
    if (ipv4 && socket->family == AF_INET6 &&
        torc__simOptions_value(socket, IPPROTO_IPV6, IPV6_V6ONLY))
        return -ENETUNREACH;
    SimAddress from = socket->local;
    if (torc__simAddress_isWildcard(&from) && source_for(socket->host, to, &from) < 0)
        return -ENETUNREACH;
    from.port = socket->bound ? socket->local.port : 0;
    if (socket->bound && is_connected(socket->host, socket->protocol, &from, to))
        return -EADDRNOTAVAIL;
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

SimHost *torc__simHost_for(SimHost *from, const SimAddress *to)
{
    SimKernel *kernel = from->kernel;
    if (torc__simAddress_isLoopback(to))
        return is_lenient(from) ? &kernel->home : from;
    SimHost *owner = torc__simHost_find(kernel, to);
    if (owner)
        return owner;
    return from == &kernel->abroad ? &kernel->home : &kernel->abroad;
}

static bool anyone_takes(const SimHost *host, const SimAddress *address, bool foreign)
{
    const SimSocket *socket = host->listeners;
    while (socket && !takes(socket, address, foreign))
        socket = socket->listener_next;
    return socket;
}

SimHost *torc__simPorts_target(const SimSocket *client)
{
    SimKernel *kernel = client->kernel;
    const SimAddress *to = &client->remote;
    SimHost *host = torc__simHost_for(client->host, to);
    if (host != &kernel->abroad || anyone_takes(host, to, false))
        return host;
    return anyone_takes(&kernel->home, to, true) ? &kernel->home : host;
}

SimSocket *torc__simPorts_route(const SimSocket *client)
{
    SimHost *host = torc__simPorts_target(client);
    bool foreign =
        host == &host->kernel->home && torc__simHost_for(client->host, &client->remote) != host;
    return find_listener(host, &client->remote, foreign);
}

SimSocket *torc__simPorts_listenerOf(const SimSocket *socket)
{
    return find_listener(socket->host, &socket->local, false);
}

/* ---- datagrams ----------------------------------------------------------------------------- */

/* How well a socket fits a datagram (compute_score of udp.c); 0: not at all. */
static unsigned fitness(const SimSocket *socket, const SimSocket *sender, const SimAddress *from,
                        const SimAddress *to, bool foreign)
{
    bool connected = socket->state == SIM_CONNECTED;
    if (socket->protocol != sender->protocol || !takes(socket, to, foreign))
        return 0;
    if (connected && !torc__simAddress_sameIp(&socket->remote, from))
        return 0;
    if (connected && socket->remote.port != 0 && socket->remote.port != from->port)
        return 0;
    return 1 + torc__simAddress_sameIp(&socket->local, to) + 2 * connected;
}

/* Among several that fit as well the seed decides with SO_REUSEPORT, else the last that was bound
 * has it. */
static SimSocket *find_receiver(SimHost *host, const SimSocket *sender, const SimAddress *from,
                                const SimAddress *to, bool foreign)
{
    SimSocket *found = NULL;
    unsigned best = 0;
    uint64_t equals = 0;
    for (SimSocket *socket = *chain_of(host, to->port); socket; socket = socket->port_next) {
        unsigned fit = fitness(socket, sender, from, to, foreign);
        if (fit == 0 || fit < best)
            continue;
        bool share = fit == best && both_have(socket, found, SO_REUSEPORT);
        equals = fit > best ? 1 : equals + share;
        if (fit > best || (share && torc__simKernel_random(host->kernel) % equals == 0))
            found = socket;
        best = fit;
    }
    return found;
}

SimSocket *torc__simPorts_routeDatagram(const SimSocket *sender, const SimAddress *from,
                                        const SimAddress *to)
{
    SimKernel *kernel = sender->kernel;
    SimHost *host = torc__simHost_for(sender->host, to);
    SimSocket *receiver = find_receiver(host, sender, from, to, false);
    if (!receiver && host == &kernel->abroad)
        receiver = find_receiver(&kernel->home, sender, from, to, true);
    return receiver;
}
