/* Socket options of simulated sockets: which exist, what they may be set to, what they answer.
 *
 * One table; values are stored per socket, and an accepted connection inherits its listener's, as
 * on Linux. Only SO_LINGER, SO_REUSEADDR, SO_REUSEPORT and IPV6_V6ONLY change what the socket does;
 * buffer sizes are remembered, the buffers keep the size that the simulation was made with. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "sim_socket_internal.h"

typedef enum Kind {
    FLAG,   /* any int; kept as 0 or 1 */
    NUMBER, /* least … most, else EINVAL */
    BUFFER  /* least … most without a complaint, kept doubled (socket(7)) */
} Kind;

typedef struct Option {
    const char *text;
    int level;
    int name;
    Kind kind;
    int initial;
    int least;
    int most;
} Option;

/* Limits and defaults are those of Linux: net.core.wmem_max, tcp(7), ip(7), ipv6(7). */
enum { MOST_BUFFER = 212992, MOST_SECONDS = 32767, HALF_INT = INT32_MAX };

#define OPTION(level, name) #name, level, name

static const Option options[] = {
    {OPTION(SOL_SOCKET, SO_REUSEADDR), FLAG, 0, 0, 1},
    {OPTION(SOL_SOCKET, SO_REUSEPORT), FLAG, 0, 0, 1},
    {OPTION(SOL_SOCKET, SO_KEEPALIVE), FLAG, 0, 0, 1},
    {OPTION(SOL_SOCKET, SO_BROADCAST), FLAG, 0, 0, 1},
    {OPTION(SOL_SOCKET, SO_OOBINLINE), FLAG, 0, 0, 1},
    {OPTION(SOL_SOCKET, SO_DONTROUTE), FLAG, 0, 0, 1},
    {OPTION(SOL_SOCKET, SO_SNDBUF), BUFFER, 16384, 2304, MOST_BUFFER},
    {OPTION(SOL_SOCKET, SO_RCVBUF), BUFFER, 131072, 1152, MOST_BUFFER},
    {OPTION(IPPROTO_TCP, TCP_NODELAY), FLAG, 0, 0, 1},
    {OPTION(IPPROTO_TCP, TCP_CORK), FLAG, 0, 0, 1},
    {OPTION(IPPROTO_TCP, TCP_QUICKACK), FLAG, 1, 0, 1},
    {OPTION(IPPROTO_TCP, TCP_KEEPIDLE), NUMBER, 7200, 1, MOST_SECONDS},
    {OPTION(IPPROTO_TCP, TCP_KEEPINTVL), NUMBER, 75, 1, MOST_SECONDS},
    {OPTION(IPPROTO_TCP, TCP_KEEPCNT), NUMBER, 9, 1, 127},
    {OPTION(IPPROTO_TCP, TCP_SYNCNT), NUMBER, 6, 1, 127},
    {OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT), NUMBER, 0, 0, HALF_INT},
    {OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT), NUMBER, 0, 0, HALF_INT},
    {OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT), NUMBER, 0, 0, HALF_INT},
    {OPTION(IPPROTO_IP, IP_TOS), NUMBER, 0, 0, 255},
    {OPTION(IPPROTO_IP, IP_TTL), NUMBER, 64, 1, 255},
    {OPTION(IPPROTO_IPV6, IPV6_V6ONLY), FLAG, 0, 0, 1},
    {OPTION(IPPROTO_IPV6, IPV6_TCLASS), NUMBER, 0, 0, 255},
    {OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS), NUMBER, 64, 0, 255},
};

enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };
static_assert((int)OPTION_COUNT <= (int)SIM_OPTION_COUNT,
              "a socket must have a place for each option");

static bool has_level(const SimSocket *socket, int level)
{
    if (level == IPPROTO_IPV6)
        return socket->family == AF_INET6;
    return level != IPPROTO_TCP || socket->protocol->type == SOCK_STREAM;
}

/* Its place in the table, -ENOPROTOOPT when a socket of this family has no such option. A UNIX
 * socket has none but those of SOL_SOCKET, and says so in other words (unix_setsockopt). */
static int find_option(const SimSocket *socket, int level, int name)
{
    if (socket->family == AF_UNIX && level != SOL_SOCKET)
        return -EOPNOTSUPP;
    if (!has_level(socket, level))
        return -ENOPROTOOPT;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (options[i].level == level && options[i].name == name)
            return i;
    return -ENOPROTOOPT;
}

void torc__simOptions_init(SimSocket *socket)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        socket->options[i] = options[i].initial;
    if (socket->family != AF_UNIX)
        return;
    socket->options[find_option(socket, SOL_SOCKET, SO_SNDBUF)] = MOST_BUFFER;
    socket->options[find_option(socket, SOL_SOCKET, SO_RCVBUF)] = MOST_BUFFER;
}

int torc__simOptions_value(const SimSocket *socket, int level, int name)
{
    int i = find_option(socket, level, name);
    return i < 0 ? 0 : socket->options[i];
}

/* The options that are no numbers of the socket's own. */
static const struct {
    const char *text;
    int level;
    int name;
} others[] = {
    {OPTION(SOL_SOCKET, SO_LINGER)},     {OPTION(SOL_SOCKET, SO_PEERCRED)},
    {OPTION(SOL_SOCKET, SO_ERROR)},      {OPTION(SOL_SOCKET, SO_TYPE)},
    {OPTION(SOL_SOCKET, SO_DOMAIN)},     {OPTION(SOL_SOCKET, SO_PROTOCOL)},
    {OPTION(SOL_SOCKET, SO_ACCEPTCONN)},
};

const char *torc__simOptions_name(int level, int name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].level == level && options[i].name == name)
            return options[i].text;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (others[i].level == level && others[i].name == name)
            return others[i].text;
    return NULL;
}

void torc__simOptions_setV6Only(SimSocket *socket)
{
    socket->options[find_option(socket, IPPROTO_IPV6, IPV6_V6ONLY)] = 1;
}

/* ---- getting ------------------------------------------------------------------------------- */

static int answer(const void *value, socklen_t size, void *ret_value, socklen_t *length)
{
    if (*length > size)
        *length = size;
    memcpy(ret_value, value, *length);
    return 0;
}

/* Options that tell something about the socket. True: ret_value is set. */
static bool get_status(SimSocket *socket, int name, int *ret_value)
{
    switch (name) {
    case SO_ERROR: *ret_value = torc__simSocket_takeError(socket); return true;
    case SO_TYPE: *ret_value = socket->protocol->type; return true;
    case SO_DOMAIN: *ret_value = socket->family; return true;
    case SO_PROTOCOL: *ret_value = socket->protocol->number; return true;
    case SO_ACCEPTCONN: *ret_value = socket->state == SIM_LISTENING; return true;
    default: return false;
    }
}

/* struct ucred, which is no part of POSIX. */
static int get_credentials(const SimSocket *socket, void *ret_value, socklen_t *length)
{
    const SimCredentials peer = torc__simUnix_peerCredentials(socket);
    return answer(&peer, sizeof(peer), ret_value, length);
}

int torc__simOptions_get(SimSocket *socket, int level, int name, void *ret_value, socklen_t *length)
{
    int value;
    if (level == SOL_SOCKET && get_status(socket, name, &value))
        return answer(&value, sizeof(value), ret_value, length);
    if (level == SOL_SOCKET && name == SO_LINGER) {
        struct linger linger = {.l_onoff = socket->linger, .l_linger = socket->linger_seconds};
        return answer(&linger, sizeof(linger), ret_value, length);
    }
    if (level == SOL_SOCKET && name == SO_PEERCRED)
        return get_credentials(socket, ret_value, length);
    int i = find_option(socket, level, name);
    if (i < 0) /* do_ip_getsockopt has its own word for it */
        return has_level(socket, level) || socket->family != AF_INET ? i : -EOPNOTSUPP;
    return answer(&socket->options[i], sizeof(socket->options[i]), ret_value, length);
}

/* ---- setting ------------------------------------------------------------------------------- */

static int set_linger(SimSocket *socket, const void *value, socklen_t length)
{
    struct linger linger;
    if (length < sizeof(linger))
        return -EINVAL;
    memcpy(&linger, value, sizeof(linger));
    socket->linger = linger.l_onoff != 0;
    socket->linger_seconds = linger.l_linger;
    return 0;
}

/* What becomes of the value, or -EINVAL; no option is negative. */
static int adjust(const Option *option, int value)
{
    switch (option->kind) {
    case FLAG: return value != 0;
    case BUFFER:
        /* Linux compares as unsigned: a negative size is a huge one. */
        if (value < 0 || value > option->most)
            value = option->most;
        return 2 * (value < option->least ? option->least : value);
    case NUMBER: break;
    }
    return value < option->least || value > option->most ? -EINVAL : value;
}

/* The bits for congestion are the stream's own (__ip_sock_set_tos). */
enum { ECN_BITS = 3 };

static bool has_ecn(int level, int name)
{
    return (level == IPPROTO_IP && name == IP_TOS) ||
           (level == IPPROTO_IPV6 && name == IPV6_TCLASS);
}

int torc__simOptions_set(SimSocket *socket, int level, int name, const void *value,
                         socklen_t length)
{
    if (level == SOL_SOCKET && name == SO_LINGER)
        return set_linger(socket, value, length);
    int i = find_option(socket, level, name);
    if (i < 0)
        return i;
    int number;
    if (length < sizeof(number))
        return -EINVAL;
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && socket->bound && !socket->released)
        return -EINVAL;
    memcpy(&number, value, sizeof(number));
    if (level == SOL_SOCKET && name == SO_REUSEPORT && number && socket->family == AF_UNIX)
        return -EOPNOTSUPP;
    int r = adjust(&options[i], number);
    if (r < 0)
        return r;
    if (socket->protocol->type == SOCK_STREAM && has_ecn(level, name))
        r &= ~ECN_BITS;
    socket->options[i] = r;
    return 0;
}
