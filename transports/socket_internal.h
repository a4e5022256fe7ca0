/* Sockets in terms of TorcAddress, for ports, connectors and streams. Not installed. */
#ifndef TORC_TRANSPORTS_SOCKET_INTERNAL_H
#define TORC_TRANSPORTS_SOCKET_INTERNAL_H

#include "../reactor/system_internal.h"
#include "address.h"

/* A stream socket of the address's family; >= 0 or a negative code. */
int torc__socket_new(TorcSystem *system, const TorcAddress *address);

int torc__socket_bind(TorcSystem *system, int fd, const TorcAddress *address);

/* As connect(2). */
int torc__socket_connect(TorcSystem *system, int fd, const TorcAddress *address);

/* An option that is an int: set, or asked for (the value, or a negative code). */
int torc__socket_set(TorcSystem *system, int fd, int level, int name, int value);
int torc__socket_get(TorcSystem *system, int fd, int level, int name);

/* The socket's own name, or its peer's; family NONE when there is none to be had. */
void torc__socket_name(TorcSystem *system, int fd, TorcAddress *ret_address);
void torc__socket_peer(TorcSystem *system, int fd, TorcAddress *ret_address);

#endif
