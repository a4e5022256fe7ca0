/* Adopted sockets: ports and connections of descriptors made elsewhere.
 *
 * Reactor's thread. The caller's descriptor is duplicated; the duplicate is the port's or the
 * connection's, and closing it leaves the socket to whoever else has it. */
#include <errno.h>
#include <string.h>

#include "adopt.h"
#include "adopt_internal.h"
#include "ports_internal.h"
#include "socket_internal.h"

/* 0 and the socket's own name, when it is a stream socket of a family we know. */
static int check_socket(TorcSystem *system, int fd, TorcAddress *ret_name)
{
    int type = fd < 0 ? -EBADF : torc__socket_get(system, fd, SOL_SOCKET, SO_TYPE);
    if (type < 0)
        return type;
    if (type != SOCK_STREAM)
        return -EPROTOTYPE;
    TorcAddress name;
    torc__socket_name(system, fd, &name);
    if (name.family == TORC_ADDRESS_NONE)
        return -EAFNOSUPPORT;
    *ret_name = name;
    return 0;
}

static int duplicate_socket(TorcSystem *system, int fd)
{
    int copy = system->ops->duplicate(system, fd);
    int r = copy < 0 ? copy : system->ops->setBlocking(system, copy, false);

    if (r >= 0)
        return copy;
    if (copy >= 0)
        (void)system->ops->close(system, copy);
    return r;
}

/* ---- ports --------------------------------------------------------------------------------- */

typedef struct AdoptedPort {
    TorcPort base;
    int given; /* the caller's descriptor, before it is duplicated; -1 */
} AdoptedPort;

static int adopted_open(TorcPort *base)
{
    AdoptedPort *port = (AdoptedPort *)base;
    int given = port->given;

    port->given = -1; /* the caller may close it from now on */
    return given < 0 ? -EOPNOTSUPP : duplicate_socket(torc__port_system(base), given);
}

static const TorcPortKind adopted_kind = {.open = adopted_open};

static int check_listening(TorcSystem *system, int fd, TorcAddress *ret_name)
{
    TorcAddress name;
    int r = check_socket(system, fd, &name);
    if (r < 0)
        return r;
    r = torc__socket_get(system, fd, SOL_SOCKET, SO_ACCEPTCONN);
    if (r < 0)
        return r;
    TORC__REQUIRE(r != 0);
    *ret_name = name;
    return 0;
}

int TorcReactor_adoptStreamPort(TorcReactor *reactor, int fd, TorcFactory *factory,
                                TorcPort **ret_port)
{
    TORC__REQUIRE(reactor && factory);
    TorcAddress name;
    int r = check_listening(reactor->system, fd, &name);
    if (r < 0)
        return r;

    TorcStreams *streams = torc__streams(reactor);
    TorcPort *port =
        streams ? torc__port_new(streams, sizeof(AdoptedPort), &adopted_kind, factory, &name)
                : NULL;
    if (!port)
        return -ENOMEM;
    ((AdoptedPort *)port)->given = fd;
    return torc__port_begin(port, ret_port);
}

/* ---- connections --------------------------------------------------------------------------- */

/* What an adopted connection came from, counted like a port. */
typedef struct Adopted {
    TorcStreamOwner owner;
    TorcAdoptedFunction *connected; /* NULL: nobody wants to know */
    bool started;                   /* the factory, by us */
    int fd;                         /* before the connection begins; -1 */
} Adopted;

static void adopted_made(TorcStreamOwner *owner, TorcStream *stream)
{
    (void)owner;
    (void)stream;
}

static void adopted_connected(TorcStreamOwner *owner, TorcStream *stream)
{
    Adopted *adopted = (Adopted *)owner;

    if (adopted->connected)
        adopted->connected(owner->factory, stream->base.protocol);
}

static void stop_factory(Adopted *adopted)
{
    if (!adopted->started)
        return;
    adopted->started = false;
    TorcFactory_doStop(adopted->owner.factory);
}

static void adopted_lost(TorcStreamOwner *owner, const TorcReason *reason)
{
    (void)reason;
    stop_factory((Adopted *)owner);
}

static void adopted_free(TorcStreamOwner *owner)
{
    Adopted *adopted = (Adopted *)owner;

    if (adopted->fd >= 0)
        (void)owner->system->ops->close(owner->system, adopted->fd);
    stop_factory(adopted);
    TorcFactory_unref(owner->factory);
    torc__free(adopted);
}

static void adopted_unref(void *arg)
{
    torc__streamOwner_unref(arg);
}

static void log_failure(TorcReactor *reactor, int code)
{
    const char *text = torc_strerror(code);
    TORC__LOG(reactor, TORC_LOG_WARNING, "adopt.connection-failed",
              TORC_LOG_BYTES("problem", text, strlen(text)));
}

/* While the reactor stops nothing begins; the socket is closed with its owner. */
static void adopted_begin(void *arg)
{
    Adopted *adopted = arg;
    TorcReactor *reactor = adopted->owner.streams->reactor;
    int fd = adopted->fd;
    TorcAddress peer;

    if (torc__reactor_stopping(reactor))
        return;
    torc__socket_peer(adopted->owner.system, fd, &peer);
    if (peer.family == TORC_ADDRESS_NONE) /* reset meanwhile: its family shows that it had one */
        torc__socket_name(adopted->owner.system, fd, &peer);
    adopted->fd = -1;
    int r = torc__stream_open(&adopted->owner, fd, &peer);
    if (r < 0 && r != -TORC_EREFUSED)
        log_failure(reactor, r);
}

static Adopted *adopted_new(TorcStreams *streams, int fd, TorcFactory *factory,
                            TorcAdoptedFunction *connected)
{
    Adopted *adopted = torc__zalloc(sizeof(Adopted));
    if (!adopted)
        return NULL;
    adopted->owner = (TorcStreamOwner){.made = adopted_made,
                                       .connected = adopted_connected,
                                       .lost = adopted_lost,
                                       .free = adopted_free};
    torc__streamOwner_begin(&adopted->owner, streams, factory);
    adopted->connected = connected;
    adopted->fd = fd;
    return adopted;
}

static int check_connected(TorcSystem *system, int fd)
{
    TorcAddress name;
    int r = check_socket(system, fd, &name);
    if (r < 0)
        return r;
    torc__socket_peer(system, fd, &name);
    return name.family == TORC_ADDRESS_NONE ? -ENOTCONN : 0;
}

/* Takes the descriptor over in any case. The call owns the reference. */
static int begin_later(TorcStreams *streams, int fd, TorcFactory *factory,
                       TorcAdoptedFunction *connected)
{
    Adopted *adopted = adopted_new(streams, fd, factory, connected);
    if (!adopted) {
        (void)streams->reactor->system->ops->close(streams->reactor->system, fd);
        return -ENOMEM;
    }
    int r = torc__callLater(streams->reactor, 0, adopted_begin, adopted, adopted_unref, NULL, NULL);
    if (r < 0)
        return r;
    adopted->started = connected;
    if (connected)
        TorcFactory_doStart(factory);
    return 0;
}

int torc__adoptStreamConnection(TorcReactor *reactor, int fd, TorcFactory *factory,
                                TorcAdoptedFunction *connected)
{
    TORC__REQUIRE(reactor && factory);
    if (torc__reactor_stopping(reactor))
        return -TORC_ENOTRUNNING;
    int r = check_connected(reactor->system, fd);
    if (r < 0)
        return r;
    TorcStreams *streams = torc__streams(reactor);
    if (!streams)
        return -ENOMEM;
    r = duplicate_socket(reactor->system, fd);
    return r < 0 ? r : begin_later(streams, r, factory, connected);
}

int TorcReactor_adoptStreamConnection(TorcReactor *reactor, int fd, TorcFactory *factory)
{
    return torc__adoptStreamConnection(reactor, fd, factory, NULL);
}
