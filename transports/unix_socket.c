/* UNIX sockets: addresses as users write them, and who is at the other end. Reactor's thread. */
#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "transport_internal.h"
#include "unix.h"
#include "unix_internal.h"

/* sun_path has 108 bytes (unix(7)), of which a path needs one for the NUL to be understood by all. */
enum { ADDRESS_MAX_LENGTH = 107 };

int torc__unix_address(const char *text, TorcAddress *ret_address)
{
    size_t length = strlen(text);
    TorcAddress address = {.family = TORC_ADDRESS_UNIX};

    if (length == 0 || strcmp(text, "@") == 0)
        return -EINVAL; /* the kernel would choose a name */
    if (length > ADDRESS_MAX_LENGTH)
        return -ENAMETOOLONG;
    memcpy(address.path, text, length);
    *ret_address = address;
    return 0;
}

int TorcTransport_sendFileDescriptor(TorcTransport *transport, int fd)
{
    TORC__REQUIRE(transport && fd >= 0);
    if (!transport->cls->sendFileDescriptor)
        return -EOPNOTSUPP;
    return transport->cls->sendFileDescriptor(transport, fd);
}

int TorcReactor_closeDescriptor(TorcReactor *reactor, int fd)
{
    TORC__REQUIRE(reactor && fd >= 0);
    return reactor->system->ops->close(reactor->system, fd);
}

int TorcTransport_getPeerCredentials(TorcTransport *transport, TorcCredentials *ret_credentials)
{
    TORC__REQUIRE(transport && ret_credentials);
    if (!transport->cls->getPeerCredentials)
        return -EOPNOTSUPP;
    return transport->cls->getPeerCredentials(transport, ret_credentials);
}
