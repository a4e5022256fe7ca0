/* Streams as transports: names, options, settings, and the class table.
 *
 * Reactor's thread. What a stream does (reading, writing, closing) is in its other files; here is
 * what can be asked of it and told it. Nothing calls the application. */
#include <errno.h>
#include <string.h>

#include "socket_internal.h"
#include "stream_internal.h"
#include "unix.h"

/* UNIX names are long and seldom asked for, so they are not kept: the socket knows its peer's as long
 * as it is open, which it is in connectionLost, also when the peer has closed. */
static void unix_peer(const TorcStream *stream, TorcAddress *ret_address)
{
    torc__socket_peer(torc__stream_system(stream), stream->fd, ret_address);
    ret_address->family = TORC_ADDRESS_UNIX;
}

static void stream_getPeer(TorcTransport *self, TorcAddress *ret_address)
{
    TorcStream *stream = (TorcStream *)self;
    if (stream->flags & TORC__PEER_UNIX) {
        unix_peer(stream, ret_address);
        return;
    }
    TorcAddress address = {.family = (TorcAddressFamily)stream->peer_family,
                           .port = stream->peer_port};

    memcpy(address.ip, stream->peer_ip, sizeof(address.ip));
    if (stream->extras)
        address.scopeId = stream->extras->peer_scope;
    *ret_address = address;
}

/* Asked of the socket, which is still open in connectionLost. */
static void stream_getHost(TorcTransport *self, TorcAddress *ret_address)
{
    const TorcStream *stream = (const TorcStream *)self;

    torc__socket_name(torc__stream_system(stream), stream->fd, ret_address);
}

static bool stream_disconnecting(const TorcTransport *self)
{
    return ((const TorcStream *)self)->flags & (TORC__DISCONNECTING | TORC__LOST);
}

static bool stream_connected(const TorcTransport *self)
{
    return (((const TorcStream *)self)->flags & (TORC__MADE | TORC__TELLING)) == TORC__MADE;
}

static TorcReactor *stream_getReactor(const TorcTransport *self)
{
    return ((const TorcStream *)self)->owner->streams->reactor;
}

static TorcConnectionId stream_getConnectionId(const TorcTransport *self)
{
    const TorcStream *stream = (const TorcStream *)self;

    return (TorcConnectionId){stream_getReactor(self), (uintptr_t)stream, stream->generation};
}

static TorcProtocol *stream_findProtocol(const TorcTransport *slot, uint64_t generation)
{
    const TorcStream *stream = (const TorcStream *)slot;

    if (stream->generation != generation || !stream_connected(slot))
        return NULL;
    return stream->base.protocol;
}

static int stream_getHandle(const TorcTransport *self)
{
    return ((const TorcStream *)self)->fd;
}

/* Of UNIX sockets the kernel takes SO_KEEPALIVE, and makes nothing of it. */
static bool lacks_option(const TorcStream *stream, int level, int name)
{
    return (stream->flags & TORC__PEER_UNIX) && (level != SOL_SOCKET || name == SO_KEEPALIVE);
}

static int stream_getOption(TorcTransport *self, int level, int name, int *ret_value)
{
    TorcStream *stream = (TorcStream *)self;
    TorcSystem *system = torc__stream_system(stream);
    socklen_t length = sizeof(*ret_value);

    if (lacks_option(stream, level, name))
        return -EOPNOTSUPP;
    return system->ops->getsockopt(system, stream->fd, level, name, ret_value, &length);
}

static int stream_setOption(TorcTransport *self, int level, int name, int value)
{
    TorcStream *stream = (TorcStream *)self;
    TorcSystem *system = torc__stream_system(stream);

    if (lacks_option(stream, level, name))
        return -EOPNOTSUPP;
    return system->ops->setsockopt(system, stream->fd, level, name, &value, sizeof(value));
}

/* Of a socket without a peer the kernel says that it is nobody's. */
static int stream_getPeerCredentials(TorcTransport *self, TorcCredentials *ret_credentials)
{
    const TorcStream *stream = (const TorcStream *)self;
    TorcSystem *system = torc__stream_system(stream);
    struct ucred peer;
    socklen_t length = sizeof(peer);

    if (!(stream->flags & TORC__PEER_UNIX))
        return -EOPNOTSUPP;
    int r = system->ops->getsockopt(system, stream->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    if (r < 0)
        return r;
    if (peer.uid == (uid_t)-1)
        return -ENOTCONN;
    *ret_credentials = (TorcCredentials){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
    return 0;
}

static int stream_set(TorcTransport *self, TorcTransportSetting setting, int64_t value)
{
    TorcStream *stream = (TorcStream *)self;
    TorcStreamExtras *extras = torc__stream_extras(stream);
    if (!extras)
        return -ENOMEM;
    switch (setting) {
    case TORC__HIGH_MARK: extras->high_mark = (size_t)value; break;
    case TORC__LOW_MARK: extras->low_mark = (size_t)value; break;
    case TORC__BUFFER_LIMIT: extras->buffer_limit = (size_t)value; return 0;
    case TORC__CLOSE_TIMEOUT:
        extras->close_timeout = value;
        torc__stream_closeTimerAnew(stream);
        return 0;
    case TORC__IDLE_TIMEOUT: return torc__stream_setIdleTimeout(stream, value);
    }
    torc__stream_list(stream); /* it may be beyond a mark now */
    return 0;
}

static TorcBoundCalls *stream_boundCalls(TorcTransport *self)
{
    TorcStream *stream = (TorcStream *)self;
    TorcStreamExtras *extras = stream->flags & TORC__TELLING ? NULL : torc__stream_extras(stream);

    return extras ? &extras->bound : NULL;
}

const TorcTransportClass torc__stream_class = {
    .name = "stream",
    .write = torc__stream_write,
    .writeSequence = torc__stream_writeSequence,
    .writeOwned = torc__stream_writeOwned,
    .bufferedBytes = torc__stream_bufferedBytes,
    .loseConnection = torc__stream_loseConnection,
    .loseWriteConnection = torc__stream_loseWriteConnection,
    .abortConnection = torc__stream_abortConnection,
    .failConnection = torc__stream_failConnection,
    .pauseProducing = torc__stream_pauseProducing,
    .resumeProducing = torc__stream_resumeProducing,
    .disconnecting = stream_disconnecting,
    .connected = stream_connected,
    .getHost = stream_getHost,
    .getPeer = stream_getPeer,
    .getReactor = stream_getReactor,
    .getConnectionId = stream_getConnectionId,
    .findProtocol = stream_findProtocol,
    .getHandle = stream_getHandle,
    .set = stream_set,
    .getOption = stream_getOption,
    .setOption = stream_setOption,
    .getPeerCredentials = stream_getPeerCredentials,
    .sendFileDescriptor = torc__stream_sendFileDescriptor,
    .registerProducer = torc__stream_registerProducer,
    .unregisterProducer = torc__stream_unregisterProducer,
    .getFlow = torc__stream_getFlow,
    .sendFile = torc__stream_sendFile,
    .boundCalls = stream_boundCalls,
};
