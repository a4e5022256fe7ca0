/* Peers: the far ends of connections, worked by the test by hand.
 *
 * A peer is a program that never blocks: it takes what arrives at once (unless told to stop), and
 * keeps what it could not send until there is room. Its socket is an ordinary one of the simulated
 * kernel, whose news come through peer_news, from inside whatever the code under test did. The sim
 * owns all peers until it is freed; a peer owns its socket until it closes it. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "../transports/address_internal.h"
#include "sim_internal.h"
#include "sim_socket_internal.h"
#include "sim_trace_internal.h"

struct TorcSimPeer {
    TorcSimPeer *next;
    TorcSim *sim;
    int number;        /* in the trace, from 1 */
    SimSocket *socket; /* NULL: closed */
    SimBytes output;   /* sent by the test, not yet taken by the kernel */
    SimBytes received; /* with room for a NUL behind it */
    bool reading;
    bool shut;    /* FIN follows the output */
    bool closing; /* and then the socket is closed */
    bool got_end;
    bool got_reset;
    bool busy; /* in peer_news: it is not entered again */
};

struct SimPeerPort {
    SimPeerPort *next;
    SimSocket *socket;
};

/* ---- the trace ----------------------------------------------------------------------------- */

static void trace_bytes(const TorcSimPeer *peer, SimLineKind kind, const void *data, size_t length)
{
    torc__simTrace_add(peer->sim->kernel->trace, kind, peer->number, 0, 0, 0, data, length);
}

static void trace(const TorcSimPeer *peer, SimLineKind kind)
{
    trace_bytes(peer, kind, NULL, 0);
}

static void trace_addresses(const TorcSimPeer *peer, SimLineKind kind, const SimAddress *from,
                            const SimAddress *to)
{
    unsigned char bytes[2 * SIM_LINE_ADDRESS];
    torc__simTrace_putAddress(bytes, from);
    torc__simTrace_putAddress(bytes + SIM_LINE_ADDRESS, to);
    trace_bytes(peer, kind, bytes, sizeof(bytes));
}

/* Of the two names of a UNIX connection the listener's alone. */
static void trace_name(const TorcSimPeer *peer, SimLineKind kind,
                       int (*ask)(const SimSocket *, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);
    unsigned char bytes[SIM_LINE_BYTES];
    if (ask(peer->socket, (struct sockaddr *)&name, &length) == 0)
        trace_bytes(peer, kind, bytes,
                    torc__simTrace_putName(bytes, (struct sockaddr *)&name, length));
}

/* ---- working the socket -------------------------------------------------------------------- */

/* The socket that the peer lets go of, NULL if it has none. */
static SimSocket *leave_socket(TorcSimPeer *peer)
{
    SimSocket *socket = peer->socket;
    if (!socket)
        return NULL;
    peer->socket = NULL;
    socket->notify = NULL;
    torc__simBytes_done(&peer->output);
    return socket;
}

static void close_socket(TorcSimPeer *peer)
{
    SimSocket *socket = leave_socket(peer);
    if (socket)
        socket->protocol->close(socket);
}

static void abort_socket(TorcSimPeer *peer)
{
    SimSocket *socket = leave_socket(peer);
    if (socket)
        socket->protocol->abort(socket);
}

static void note_end(TorcSimPeer *peer)
{
    if (peer->got_end || !peer->socket->eof)
        return;
    peer->got_end = true;
    trace(peer, SIM_LINE_PEER_END);
}

static void note_reset(TorcSimPeer *peer)
{
    if (peer->got_reset || !peer->socket->was_reset)
        return;
    peer->got_reset = true;
    trace(peer, SIM_LINE_PEER_RESET);
}

/* Takes what has arrived. */
static void take_input(TorcSimPeer *peer)
{
    unsigned char buffer[16 * 1024];
    for (;;) {
        SimSocket *socket = peer->socket;
        ssize_t n = socket->protocol->recv(socket, buffer, sizeof(buffer), 0, NULL);
        if (n == 0)
            note_end(peer);
        if (n <= 0)
            return;
        torc__simBytes_append(&peer->received, buffer, (size_t)n);
        trace_bytes(peer, SIM_LINE_PEER_RECEIVES, buffer, (size_t)n);
    }
}

/* Sends what fits, then FIN if it is its turn. */
static void feed(TorcSimPeer *peer)
{
    size_t left;
    while ((left = torc__simBytes_length(&peer->output)) > 0) {
        SimSocket *socket = peer->socket;
        const unsigned char *data = peer->output.data + peer->output.begin;
        ssize_t n = socket->protocol->send(socket, data, left, NULL);
        if (n == -EAGAIN)
            return;
        /* After a loss there is nobody to send to. */
        torc__simBytes_drop(&peer->output, n < 0 ? left : (size_t)n);
    }
    if (peer->closing)
        close_socket(peer);
    else if (peer->shut)
        (void)peer->socket->protocol->shutdown(peer->socket, SHUT_WR); /* ENOTCONN: it is lost */
}

/* A program that has closed its socket takes no more: the kernel answers input with RST. */
static void peer_news(SimSocket *socket, unsigned events)
{
    TorcSimPeer *peer = socket->owner;
    (void)events;
    note_reset(peer);
    if (peer->busy)
        return;
    peer->busy = true;
    if (peer->closing && torc__simBytes_length(&socket->input) > 0)
        abort_socket(peer);
    if (peer->socket && peer->reading)
        take_input(peer);
    if (peer->socket)
        feed(peer);
    peer->busy = false;
}

static TorcSimPeer *new_peer(TorcSim *sim, SimSocket *socket, bool accepted)
{
    TorcSimPeer *peer = torc__sim_alloc(sizeof(*peer));
    *peer = (TorcSimPeer){.next = sim->peers,
                          .sim = sim,
                          .number = sim->peers ? sim->peers->number + 1 : 1,
                          .socket = socket,
                          .reading = true};
    sim->peers = peer;
    SimLineKind kind = accepted ? SIM_LINE_PEER_ACCEPTS : SIM_LINE_PEER_CONNECTS;
    if (socket->family == AF_UNIX)
        trace_name(peer, kind,
                   accepted ? socket->protocol->getsockname : socket->protocol->getpeername);
    else if (accepted)
        trace_addresses(peer, kind, &socket->remote, &socket->local);
    else
        trace_addresses(peer, kind, &socket->local, &socket->remote);
    socket->owner = peer;
    socket->notify = peer_news;
    peer_news(socket, SIM_ANYTHING); /* what came before it was accepted */
    return peer;
}

static void free_peer(TorcSimPeer *peer)
{
    close_socket(peer);
    torc__simBytes_done(&peer->received);
    torc__sim_release(peer);
}

void torc__simPeers_free(TorcSim *sim)
{
    while (sim->peers) {
        TorcSimPeer *peer = sim->peers;
        sim->peers = peer->next;
        free_peer(peer);
    }
    while (sim->peer_ports) {
        SimPeerPort *port = sim->peer_ports;
        sim->peer_ports = port->next;
        port->socket->protocol->close(port->socket);
        torc__sim_release(port);
    }
}

/* ---- connecting and accepting -------------------------------------------------------------- */

static int parse(TorcSim *sim, const char *host, int port, SimAddress *ret_address)
{
    if (!host || port < 0 || port > UINT16_MAX)
        return -EINVAL;
    return torc__simKernel_address(sim->kernel, host, (uint16_t)port, ret_address);
}

static int family_of(const SimAddress *address)
{
    return torc__simAddress_isIPv4(address) ? AF_INET : AF_INET6;
}

static int connect_peer(TorcSim *sim, const char *from, const char *to, int port,
                        TorcSimPeer **ret_peer)
{
    SimAddress local;
    SimAddress remote;
    int r = parse(sim, from, 0, &local);
    if (r == 0)
        r = parse(sim, to, port, &remote);
    if (r < 0)
        return r;
    if (family_of(&local) != family_of(&remote))
        return -EAFNOSUPPORT;
    SimSocket *socket =
        torc__simSocket_new(torc__simHost_of(sim->kernel, &local), family_of(&local));
    socket->remote = remote;
    r = torc__simSocket_bind(socket, &local);
    if (r == 0)
        r = torc__simPorts_chooseLocal(socket);
    if (r == 0)
        r = torc__simSocket_establish(socket);
    if (r < 0) {
        torc__simSocket_close(socket);
        return r == -EAGAIN ? -ECONNREFUSED : r;
    }
    *ret_peer = new_peer(sim, socket, false);
    return 0;
}

TorcSimPeer *TorcSim_connectFrom(TorcSim *sim, const char *from, const char *to, int port)
{
    TorcSimPeer *peer = NULL;
    int r = sim ? connect_peer(sim, from, to, port, &peer) : -EINVAL;
    if (r < 0)
        errno = -r;
    return peer;
}

/* A port that is listened on at ::1 alone is reached from there. */
TorcSimPeer *TorcSim_connect(TorcSim *sim, int port)
{
    TorcSimPeer *peer = TorcSim_connectFrom(sim, "127.0.0.1", "127.0.0.1", port);
    if (!peer && errno == ECONNREFUSED)
        peer = TorcSim_connectFrom(sim, "::1", "::1", port);
    return peer;
}

static void add_peer_port(TorcSim *sim, SimSocket *socket)
{
    SimPeerPort *entry = torc__sim_alloc(sizeof(*entry));
    entry->socket = socket;
    SimPeerPort **link = &sim->peer_ports;
    while (*link)
        link = &(*link)->next;
    *link = entry;
}

int TorcSim_listen(TorcSim *sim, const char *address, int port)
{
    SimAddress local;
    int r = sim && port > 0 ? parse(sim, address, port, &local) : -EINVAL;
    if (r < 0)
        return r;
    SimSocket *socket =
        torc__simSocket_new(torc__simHost_of(sim->kernel, &local), family_of(&local));
    r = torc__simSocket_bind(socket, &local);
    if (r == 0)
        r = torc__simSocket_listen(socket, INT32_MAX);
    if (r < 0) {
        torc__simSocket_close(socket);
        return r;
    }
    add_peer_port(sim, socket);
    return 0;
}

TorcSimPeer *TorcSim_accept(TorcSim *sim, int port)
{
    torc__sim_require(sim, "TorcSim_accept: there is no simulation");
    SimSocket *first = NULL;
    for (SimPeerPort *entry = sim->peer_ports; entry; entry = entry->next) {
        SimSocket *listener = entry->socket;
        if (listener->local.port == port && !listener->un && listener->queue_first &&
            (!first || listener->queue_first->number < first->queue_first->number))
            first = listener;
    }
    SimSocket *socket;
    if (!first || torc__simSocket_accept(first, &socket) < 0)
        return NULL;
    return new_peer(sim, socket, true);
}

/* ---- UNIX addresses ------------------------------------------------------------------------ */

/* As bind and connect take it. */
typedef struct UnixName {
    struct sockaddr_storage name;
    socklen_t length;
} UnixName;

static int parse_unix(const char *text, UnixName *ret_name)
{
    TorcAddress address = {.family = TORC_ADDRESS_UNIX};
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length >= sizeof(address.path))
        return -EINVAL;
    memcpy(address.path, text, length);
    ret_name->length = torc__address_toSockaddr(&address, &ret_name->name);
    return 0;
}

static SimSocket *new_unix(TorcSim *sim)
{
    return torc__simUnix_new(&sim->kernel->home, &sim->kernel->peers);
}

TorcSimPeer *TorcSim_connectUNIX(TorcSim *sim, const char *address)
{
    UnixName to;
    torc__sim_require(sim, "TorcSim_connectUNIX: there is no simulation");
    int r = parse_unix(address, &to);
    SimSocket *socket = r < 0 ? NULL : new_unix(sim);
    if (r == 0)
        r = socket->protocol->connect(socket, (struct sockaddr *)&to.name, to.length);
    if (r == 0)
        return new_peer(sim, socket, false);
    if (socket)
        socket->protocol->close(socket);
    errno = -r;
    return NULL;
}

int TorcSim_listenUNIX(TorcSim *sim, const char *address)
{
    UnixName at;
    torc__sim_require(sim, "TorcSim_listenUNIX: there is no simulation");
    int r = parse_unix(address, &at);
    if (r < 0)
        return r;
    SimSocket *socket = new_unix(sim);
    r = socket->protocol->bind(socket, (struct sockaddr *)&at.name, at.length);
    if (r == 0)
        r = socket->protocol->listen(socket, INT32_MAX);
    if (r == 0)
        add_peer_port(sim, socket);
    else
        socket->protocol->close(socket);
    return r;
}

TorcSimPeer *TorcSim_acceptUNIX(TorcSim *sim, const char *address)
{
    UnixName at;
    SimSocket *socket;
    torc__sim_require(sim && parse_unix(address, &at) == 0,
                      "TorcSim_acceptUNIX: there is no simulation or no address");
    const SimPeerPort *entry = sim->peer_ports;
    while (entry && !torc__simUnix_hasName(entry->socket, (struct sockaddr *)&at.name, at.length))
        entry = entry->next;
    if (!entry || torc__simSocket_accept(entry->socket, &socket) < 0)
        return NULL;
    return new_peer(sim, socket, true);
}

void TorcSim_setPeerCredentials(TorcSim *sim, pid_t pid, uid_t uid, gid_t gid)
{
    torc__sim_require(sim, "TorcSim_setPeerCredentials: there is no simulation");
    sim->kernel->peers = (SimCredentials){.pid = pid, .uid = uid, .gid = gid};
}

/* ---- what a peer does ---------------------------------------------------------------------- */

void TorcSimPeer_send(TorcSimPeer *peer, const char *text)
{
    torc__sim_require(text, "TorcSimPeer_send: there is no text");
    TorcSimPeer_sendBytes(peer, text, strlen(text));
}

void TorcSimPeer_sendBytes(TorcSimPeer *peer, const void *data, size_t length)
{
    torc__sim_require(peer, "TorcSimPeer_send: there is no peer; did it fail to connect?");
    torc__sim_require(data || length == 0, "TorcSimPeer_sendBytes: there are no bytes");
    torc__sim_require(!peer->shut, "TorcSimPeer_send: the peer has shut its side or closed");
    if (!peer->socket)
        return; /* it has sent RST: what is sent then is lost */
    trace_bytes(peer, SIM_LINE_PEER_SENDS, data, length);
    torc__simBytes_append(&peer->output, data, length);
    peer_news(peer->socket, SIM_ANYTHING);
}

const char *TorcSimPeer_received(TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_received: there is no peer; did it fail to connect?");
    torc__simBytes_append(&peer->received, "", 1);
    peer->received.end--;
    return (const char *)peer->received.data + peer->received.begin;
}

size_t TorcSimPeer_receivedLength(TorcSimPeer *peer)
{
    torc__sim_require(peer,
                      "TorcSimPeer_receivedLength: there is no peer; did it fail to connect?");
    return torc__simBytes_length(&peer->received);
}

TorcSim *torc__simPeer_sim(const TorcSimPeer *peer)
{
    return peer->sim;
}

void torc__simPeer_take(TorcSimPeer *peer, size_t length)
{
    torc__simBytes_drop(&peer->received, length);
}

void TorcSimPeer_clear(TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_clear: there is no peer; did it fail to connect?");
    torc__simBytes_drop(&peer->received, torc__simBytes_length(&peer->received));
}

void TorcSimPeer_stopReading(TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_stopReading: there is no peer; did it fail to connect?");
    trace(peer, SIM_LINE_PEER_STOPS);
    peer->reading = false;
}

void TorcSimPeer_startReading(TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_startReading: there is no peer; did it fail to connect?");
    trace(peer, SIM_LINE_PEER_STARTS);
    peer->reading = true;
    if (peer->socket)
        peer_news(peer->socket, SIM_ANYTHING);
}

void TorcSimPeer_shutdown(TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_shutdown: there is no peer; did it fail to connect?");
    trace(peer, SIM_LINE_PEER_SHUTS);
    peer->shut = true;
    if (peer->socket)
        peer_news(peer->socket, SIM_ANYTHING);
}

void TorcSimPeer_close(TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_close: there is no peer; did it fail to connect?");
    trace(peer, SIM_LINE_PEER_CLOSES);
    peer->shut = peer->closing = true;
    peer->reading = false;
    if (peer->socket)
        peer_news(peer->socket, SIM_ANYTHING);
}

void TorcSimPeer_reset(TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_reset: there is no peer; did it fail to connect?");
    trace(peer, SIM_LINE_PEER_RESETS);
    abort_socket(peer);
}

bool TorcSimPeer_gotEnd(const TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_gotEnd: there is no peer; did it fail to connect?");
    return peer->got_end;
}

bool TorcSimPeer_gotReset(const TorcSimPeer *peer)
{
    torc__sim_require(peer, "TorcSimPeer_gotReset: there is no peer; did it fail to connect?");
    return peer->got_reset;
}
