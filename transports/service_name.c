/* Services: from a name to a port. Reactor's thread; nothing is kept. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "tcp.h"

static int type_of(const char *protocol)
{
    if (strcmp(protocol, "tcp") == 0)
        return SOCK_STREAM;
    return strcmp(protocol, "udp") == 0 ? SOCK_DGRAM : -EINVAL;
}

/* Names may begin with digits ("3com-tsmux"), so only digits alone are a number. */
static bool is_number(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

static int read_number(const char *text)
{
    unsigned long number = strtoul(text, NULL, 10); /* saturates */
    return number <= UINT16_MAX ? (int)number : -EINVAL;
}

int TorcReactor_portOfService(TorcReactor *reactor, const char *service, const char *protocol)
{
    TORC__REQUIRE(reactor && service && *service && protocol);
    int type = type_of(protocol);
    if (type < 0)
        return type;
    return is_number(service) ? read_number(service)
                              : reactor->system->ops->servicePort(reactor->system, service, type);
}
