/* Between TorcAddress and the sockaddr that system calls take. Pure functions. Not installed. */
#ifndef TORC_TRANSPORTS_ADDRESS_INTERNAL_H
#define TORC_TRANSPORTS_ADDRESS_INTERNAL_H

#include <sys/socket.h>

#include "address.h"

/* What the kernel reported, as an address: IPv4 mapped into IPv6 becomes IPv4, an abstract UNIX
 * name begins with '@', and what is no address of ours (or too short for one) has the family
 * TORC_ADDRESS_NONE. `name` may be NULL when length is 0. */
void torc__address_fromSockaddr(const struct sockaddr *name, socklen_t length,
                                TorcAddress *ret_address);

/* Fills in what bind and connect take and returns its length; 0, and nothing is written, for the
 * family TORC_ADDRESS_NONE. */
socklen_t torc__address_toSockaddr(const TorcAddress *address, struct sockaddr_storage *ret_name);

#endif
