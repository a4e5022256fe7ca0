/* What UNIX ports and connectors share. Not installed. */
#ifndef TORC_TRANSPORTS_UNIX_INTERNAL_H
#define TORC_TRANSPORTS_UNIX_INTERNAL_H

#include "address.h"

/* Reads a path or an abstract name as unix.h has it. 0, -EINVAL, -ENAMETOOLONG. */
int torc__unix_address(const char *text, TorcAddress *ret_address);

static inline bool torc__unix_isAbstract(const TorcAddress *address)
{
    return address->path[0] == '@';
}

#endif
