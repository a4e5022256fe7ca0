/* TCP ports: listening, accepting in bounded batches, and living without descriptors.
 *
 * Reactor's thread. The reactor holds a reference while the port listens, until the end of the turn
 * in which it stopped; each of its connections holds another. Running out of descriptors must not
 * spin: the listening socket stays readable, so the port uses its spare descriptor to refuse those
 * who wait (they see a close instead of silence) and then looks away for a while. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "address_internal.h"
#include "ports_internal.h"
#include "tcp.h"
#include "tcp_socket_internal.h"

/* One readiness serves so many connections before others have their turn. */
enum { ACCEPT_BATCH = 64 };

static const int64_t pause_shortest = TORC__SECOND / 100;
static const int64_t pause_longest = TORC__SECOND;

struct TorcPort {
    TorcStreamOwner owner;
    TorcPort *previous; /* the list of those that listen */
    TorcPort *next;
    TorcPort *next_stopped;
    TorcAddress address;
    int backlog;
    bool any_family; /* no interface was given: both IPv6 and IPv4 */
    bool v6_only;
    bool reuse_port;
    bool nagle;
    bool listening;
    bool stopped; /* on the list of those to be let go of */
    int fd;
    int spare; /* -1: none could be had */
    int64_t pause;
    TorcDelayedCall pause_call;
    TorcWatch watch;
};

static TorcReactor *port_reactor(const TorcPort *port)
{
    return port->owner.streams->reactor;
}

static TorcSystem *port_system(const TorcPort *port)
{
    return port_reactor(port)->system;
}

static void close_fd(TorcPort *port, int *fd)
{
    if (*fd >= 0)
        (void)port_system(port)->ops->close(port_system(port), *fd);
    *fd = -1;
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void port_ready(int fd, short ready, void *arg);

static int watch_port(TorcPort *port)
{
    TorcSystem *system = port_system(port);
    return system->ops->watch(system, &port->watch, port->fd, TORC_READABLE, port_ready, port);
}

static bool pause_accepting(TorcPort *port);

/* A port that can be neither watched nor tried again later would be deaf for ever: it is closed
 * instead, so that clients see it and the log says it. */
static void accept_again(void *arg)
{
    TorcPort *port = arg;
    TorcSystem *system = port_system(port);

    if (port->spare < 0)
        port->spare = system->ops->openSpare(system); /* somebody else had it */
    if (watch_port(port) == 0 || pause_accepting(port))
        return;
    TORC__LOG(port_reactor(port), TORC_LOG_ERROR, "port.lost",
              TORC_LOG_NUMBER("port", port->address.port));
    (void)TorcPort_stopListening(port);
}

/* Accepting goes on after a time that doubles while nothing gets better. False when not even a
 * timer can be had; then the watch stays as it is. */
static bool pause_accepting(TorcPort *port)
{
    TorcSystem *system = port_system(port);

    port->pause = port->pause ? port->pause * 2 : pause_shortest;
    if (port->pause > pause_longest)
        port->pause = pause_longest;
    if (torc__callLater(port_reactor(port), port->pause, accept_again, port, NULL, NULL,
                        &port->pause_call) < 0)
        return false;
    system->ops->unwatch(system, &port->watch);
    return true;
}

/* Refuses those who wait by means of the spare descriptor. */
static void shed(TorcPort *port)
{
    TorcSystem *system = port_system(port);

    if (port->spare < 0)
        return;
    close_fd(port, &port->spare);
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = system->ops->accept(system, port->fd, NULL, NULL);
        if (fd < 0)
            break;
        (void)system->ops->close(system, fd);
    }
    port->spare = system->ops->openSpare(system);
}

static void log_accept_failure(TorcPort *port, int code)
{
    const char *text = torc_strerror(code);
    TORC__LOG(port_reactor(port), TORC_LOG_WARNING, "port.accept-failed",
              TORC_LOG_NUMBER("port", port->address.port), TORC_LOG_NUMBER("errno", -code),
              TORC_LOG_BYTES("problem", text, strlen(text)));
}

/* True: go on with the batch. Linux passes errors of the connection that was waiting through
 * accept; they concern nobody else (accept(2)). */
static bool accept_failed(TorcPort *port, int code)
{
    switch (code) {
    case -EAGAIN: return false;
    case -ECONNABORTED:
    case -EPERM:
    case -EPROTO:
    case -ENOPROTOOPT:
    case -ENETDOWN:
    case -ENETUNREACH:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case -ENONET:
    case -EOPNOTSUPP:
    case -ETIMEDOUT: return true;
    case -EMFILE:
    case -ENFILE: shed(port); break;
    default: break;
    }
    log_accept_failure(port, code);
    (void)pause_accepting(port); /* without a timer it is tried again at once */
    return false;
}

static void accepted(TorcPort *port, int fd, const struct sockaddr *name, socklen_t length)
{
    TorcAddress peer;
    torc__address_fromSockaddr(name, length, &peer);
    port->pause = 0;
    int r = torc__stream_open(&port->owner, fd, &peer);
    if (r < 0 && r != -TORC_EREFUSED) {
        const char *text = torc_strerror(r);
        TORC__LOG(port_reactor(port), TORC_LOG_WARNING, "port.connection-failed",
                  TORC_LOG_NUMBER("port", port->address.port),
                  TORC_LOG_BYTES("problem", text, strlen(text)));
    }
}

/* A callback may stop the port; the reactor's reference then lasts until the end of the turn. */
static void port_ready(int fd, short ready, void *arg)
{
    TorcPort *port = arg;
    TorcSystem *system = port_system(port);
    bool more = true;

    (void)fd;
    (void)ready;
    for (int i = 0; i < ACCEPT_BATCH && more && port->listening; i++) {
        struct sockaddr_storage name;
        socklen_t length = sizeof(name);
        int r = system->ops->accept(system, port->fd, (struct sockaddr *)&name, &length);
        if (r >= 0)
            accepted(port, r, (struct sockaddr *)&name, length);
        else
            more = accept_failed(port, r);
    }
}

/* ---- listening ----------------------------------------------------------------------------- */

/* Accepted sockets inherit TCP_NODELAY from the listening one, so it costs nothing per
 * connection (Linux and the BSDs). */
static int prepare(TorcPort *port, TorcSystem *system)
{
    int r = torc__socket_set(system, port->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && port->reuse_port)
        r = torc__socket_set(system, port->fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0 && port->address.family == TORC_ADDRESS_IPV6)
        r = torc__socket_set(system, port->fd, IPPROTO_IPV6, IPV6_V6ONLY, port->v6_only);
    if (r == 0 && !port->nagle)
        r = torc__socket_set(system, port->fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (r == 0)
        r = torc__socket_bind(system, port->fd, &port->address);
    if (r == 0)
        r = system->ops->listen(system, port->fd, port->backlog);
    return r;
}

static int open_socket(TorcPort *port)
{
    TorcSystem *system = port_system(port);
    int r = port->fd = torc__tcp_socket(system, &port->address);

    if (r >= 0)
        r = prepare(port, system);
    if (r == 0)
        r = watch_port(port);
    if (r < 0)
        close_fd(port, &port->fd);
    return r < 0 ? r : 0;
}

/* A host without IPv6 still has all of its IPv4 addresses. */
static int open_any_family(TorcPort *port)
{
    int r = open_socket(port);
    if (r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL)
        return r;
    uint16_t number = port->address.port;
    port->address = (TorcAddress){.family = TORC_ADDRESS_IPV4, .port = number};
    return open_socket(port);
}

/* getsockname shows a mapped wildcard as IPv6, which it is; only the number is news. */
static void learn_number(TorcPort *port)
{
    TorcAddress name;
    torc__socket_name(port_system(port), port->fd, &name);
    if (name.port != 0)
        port->address.port = name.port;
}

static void link_port(TorcPort *port)
{
    TorcStreams *streams = port->owner.streams;

    port->previous = NULL;
    port->next = streams->ports;
    if (port->next)
        port->next->previous = port;
    streams->ports = port;
}

static void unlink_port(TorcPort *port)
{
    if (port->previous)
        port->previous->next = port->next;
    else
        port->owner.streams->ports = port->next;
    if (port->next)
        port->next->previous = port->previous;
}

int TorcPort_startListening(TorcPort *port)
{
    TORC__REQUIRE(port);
    if (port->listening)
        return -EALREADY;
    if (torc__reactor_stopping(port_reactor(port)))
        return -TORC_ENOTRUNNING;
    int r = port->any_family ? open_any_family(port) : open_socket(port);
    if (r < 0)
        return r;
    learn_number(port);
    port->spare = port_system(port)->ops->openSpare(port_system(port)); /* or do without */
    port->listening = true;
    port->pause = 0;
    port->owner.references++;
    link_port(port);
    TorcFactory_doStart(port->owner.factory);
    return 0;
}

static void let_go_later(TorcPort *port)
{
    TorcStreams *streams = port->owner.streams;

    if (port->stopped) {
        torc__streamOwner_unref(&port->owner); /* stopped twice in one turn */
        return;
    }
    port->stopped = true;
    port->next_stopped = streams->stopped_ports;
    streams->stopped_ports = port;
    streams->reactor->work_left = true;
}

int TorcPort_stopListening(TorcPort *port)
{
    TORC__REQUIRE(port);
    if (!port->listening)
        return 0;
    TorcSystem *system = port_system(port);

    port->listening = false;
    (void)TorcDelayedCall_cancel(port->pause_call);
    system->ops->unwatch(system, &port->watch);
    close_fd(port, &port->fd);
    close_fd(port, &port->spare);
    unlink_port(port);
    let_go_later(port);
    TorcFactory_doStop(port->owner.factory);
    return 0;
}

void torc__ports_stop(TorcStreams *streams)
{
    while (streams->ports)
        (void)TorcPort_stopListening(streams->ports);
}

void torc__ports_letGo(TorcStreams *streams)
{
    while (streams->stopped_ports) {
        TorcPort *port = streams->stopped_ports;
        streams->stopped_ports = port->next_stopped;
        port->stopped = false;
        torc__streamOwner_unref(&port->owner);
    }
}

const TorcPort *torc__port_next(const TorcPort *port)
{
    return port->next;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void port_made(TorcStreamOwner *owner, TorcStream *stream)
{
    (void)owner;
    (void)stream;
}

static void port_lost(TorcStreamOwner *owner, const TorcReason *reason)
{
    (void)owner;
    (void)reason;
}

static void port_free(TorcStreamOwner *owner)
{
    TorcFactory_unref(owner->factory);
    torc__free(owner);
}

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

static TorcPort *port_new(TorcStreams *streams, TorcFactory *factory,
                          const TorcListenOptions *options, const TorcAddress *address)
{
    TorcPort *port = torc__zalloc(sizeof(TorcPort));
    if (!port)
        return NULL;
    port->owner = (TorcStreamOwner){.streams = streams,
                                    .factory = TorcFactory_ref(factory),
                                    .references = 1,
                                    .made = port_made,
                                    .lost = port_lost,
                                    .free = port_free};
    port->address = *address;
    port->any_family = !options->v6Only && !(options->interface && *options->interface);
    port->backlog = options->backlog;
    port->v6_only = options->v6Only;
    port->reuse_port = options->reusePort;
    port->nagle = options->nagle;
    port->fd = port->spare = -1;
    return port;
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
    TorcPort *port = streams ? port_new(streams, factory, &read, &address) : NULL;
    if (!port)
        return -ENOMEM;
    r = TorcPort_startListening(port);
    torc__streamOwner_unref(&port->owner); /* the reactor has its own, if it listens */
    if (r == 0 && ret_port)
        *ret_port = port;
    return r;
}

void TorcPort_getHost(const TorcPort *port, TorcAddress *ret_address)
{
    if (ret_address)
        *ret_address = port ? port->address : (TorcAddress){0};
}

bool TorcPort_listening(const TorcPort *port)
{
    return port && port->listening;
}

TorcPort *TorcPort_ref(TorcPort *port)
{
    if (port)
        port->owner.references++;
    return port;
}

TorcPort *TorcPort_unref(TorcPort *port)
{
    if (port)
        torc__streamOwner_unref(&port->owner);
    return NULL;
}
