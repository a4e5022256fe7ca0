/* Stream sockets in terms of TorcAddress. Any thread that owns the system; nothing is kept. */
#include "socket_internal.h"

#include "address_internal.h"

static int family_of(const TorcAddress *address)
{
    switch (address->family) {
    case TORC_ADDRESS_IPV4: return AF_INET;
    case TORC_ADDRESS_IPV6: return AF_INET6;
    case TORC_ADDRESS_UNIX: return AF_UNIX;
    case TORC_ADDRESS_NONE: break;
    }
    return AF_UNSPEC;
}

int torc__socket_new(TorcSystem *system, const TorcAddress *address)
{
    return system->ops->socket(system, family_of(address), SOCK_STREAM);
}

int torc__socket_bind(TorcSystem *system, int fd, const TorcAddress *address)
{
    struct sockaddr_storage name;
    socklen_t length = torc__address_toSockaddr(address, &name);
    return system->ops->bind(system, fd, (struct sockaddr *)&name, length);
}

int torc__socket_connect(TorcSystem *system, int fd, const TorcAddress *address)
{
    struct sockaddr_storage name;
    socklen_t length = torc__address_toSockaddr(address, &name);
    return system->ops->connect(system, fd, (struct sockaddr *)&name, length);
}

int torc__socket_set(TorcSystem *system, int fd, int level, int name, int value)
{
    return system->ops->setsockopt(system, fd, level, name, &value, sizeof(value));
}

int torc__socket_get(TorcSystem *system, int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof(value);
    int r = system->ops->getsockopt(system, fd, level, name, &value, &length);
    return r < 0 ? r : value;
}

typedef int NameFunction(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length);

static void ask_name(TorcSystem *system, int fd, NameFunction *function, TorcAddress *ret_address)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);

    *ret_address = (TorcAddress){0};
    if (function(system, fd, (struct sockaddr *)&name, &length) == 0)
        torc__address_fromSockaddr((struct sockaddr *)&name, length, ret_address);
}

void torc__socket_name(TorcSystem *system, int fd, TorcAddress *ret_address)
{
    ask_name(system, fd, system->ops->getsockname, ret_address);
}

void torc__socket_peer(TorcSystem *system, int fd, TorcAddress *ret_address)
{
    ask_name(system, fd, system->ops->getpeername, ret_address);
}
