/* TCP options of a transport: thin names over getsockopt and setsockopt. Reactor's thread. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "../reactor/reactor_internal.h"
#include "transport_internal.h"

static int set_option(TorcTransport *transport, int level, int name, int value)
{
    TORC__REQUIRE(transport);
    return transport->cls->setOption(transport, level, name, value);
}

static int get_option(TorcTransport *transport, int level, int name)
{
    int value = 0;

    TORC__REQUIRE(transport);
    int r = transport->cls->getOption(transport, level, name, &value);
    return r < 0 ? r : value;
}

static int get_flag(TorcTransport *transport, int level, int name)
{
    int r = get_option(transport, level, name);
    return r > 0 ? 1 : r;
}

int TorcTransport_setTcpNoDelay(TorcTransport *transport, bool enabled)
{
    return set_option(transport, IPPROTO_TCP, TCP_NODELAY, enabled);
}

int TorcTransport_getTcpNoDelay(TorcTransport *transport)
{
    return get_flag(transport, IPPROTO_TCP, TCP_NODELAY);
}

int TorcTransport_setTcpKeepAlive(TorcTransport *transport, bool enabled)
{
    return set_option(transport, SOL_SOCKET, SO_KEEPALIVE, enabled);
}

int TorcTransport_getTcpKeepAlive(TorcTransport *transport)
{
    return get_flag(transport, SOL_SOCKET, SO_KEEPALIVE);
}

/* 0 leaves the system's value. */
static int set_unless_zero(TorcTransport *transport, int name, int value)
{
    return value == 0 ? 0 : set_option(transport, IPPROTO_TCP, name, value);
}

int TorcTransport_setTcpKeepAliveTimes(TorcTransport *transport, int idle, int interval, int count)
{
    /* Linux: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT. */
    TORC__REQUIRE(idle >= 0 && idle <= 32767 && interval >= 0 && interval <= 32767);
    TORC__REQUIRE(count >= 0 && count <= 127);

    int r = set_unless_zero(transport, TCP_KEEPIDLE, idle);
    if (r == 0)
        r = set_unless_zero(transport, TCP_KEEPINTVL, interval);
    if (r == 0)
        r = set_unless_zero(transport, TCP_KEEPCNT, count);
    return r < 0 ? r : TorcTransport_setTcpKeepAlive(transport, true);
}

int TorcTransport_setTcpUserTimeout(TorcTransport *transport, double seconds)
{
    TORC__REQUIRE(seconds >= 0 && seconds * 1000.0 < (double)INT_MAX);
    return set_option(transport, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)ceil(seconds * 1000.0));
}

int TorcTransport_setSendBufferSize(TorcTransport *transport, int bytes)
{
    TORC__REQUIRE(bytes > 0);
    return set_option(transport, SOL_SOCKET, SO_SNDBUF, bytes);
}

int TorcTransport_setReceiveBufferSize(TorcTransport *transport, int bytes)
{
    TORC__REQUIRE(bytes > 0);
    return set_option(transport, SOL_SOCKET, SO_RCVBUF, bytes);
}

int TorcTransport_getSendBufferSize(TorcTransport *transport)
{
    return get_option(transport, SOL_SOCKET, SO_SNDBUF);
}

int TorcTransport_getReceiveBufferSize(TorcTransport *transport)
{
    return get_option(transport, SOL_SOCKET, SO_RCVBUF);
}
