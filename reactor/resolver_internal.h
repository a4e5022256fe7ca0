/* What resolvers share. Not installed. */
#ifndef TORC_REACTOR_RESOLVER_INTERNAL_H
#define TORC_REACTOR_RESOLVER_INTERNAL_H

#include <string.h>

#include "resolver.h"

enum {
    TORC__HOST_LENGTH =
        253, /* most characters of a name; RFC 1035 §2.3.4 less the dots around it */
    /* Nobody tries more than these before giving up; a hostile name server may send thousands. */
    TORC__HOST_ADDRESSES = 256
};

/* The slot, NULL being the system's resolver. */
int torc__resolver_resolve(TorcResolver *resolver, TorcReactor *reactor, const char *host,
                           uint16_t port, TorcAddressFamily family, TorcDeferred **ret_addresses);

/* True for NULL and for what has a class that can be used. */
bool torc__resolver_isUsable(const TorcResolver *resolver);

/* The resolver behind NULL: getaddrinfo of the reactor's system (resolver_system.c). */
int torc__resolver_resolveBySystem(TorcReactor *reactor, const char *host, uint16_t port,
                                   TorcDeferred **ret_addresses);

/* The failure that says: cannot resolve "host": problem. problem may be NULL: the code's own text. */
TorcReason *torc__resolver_reason(const char *host, int code, const char *problem);

/* A list with room for `count` addresses, and none yet; NULL and ENOMEM. */
TorcAddressList *torc__addressList_withRoom(size_t count);

/* Fires the deferred with the list, which it takes over; NULL: for lack of memory there is none. */
void torc__resolver_fire(TorcDeferred *deferred, const char *host, TorcAddressList *addresses);

/* ---- names as keys ------------------------------------------------------------------------- */

/* The name without its case and without a dot at the end (RFC 4343, RFC 1034 §3.1), NUL-terminated;
 * false when it is empty, too long or no host name. */
bool torc__resolver_key(const char *name, size_t length, char ret_key[TORC__HOST_LENGTH + 1]);

/* FNV-1a. Whoever can choose the names can make them collide; tables of names are bounded. */
static inline uint32_t torc__resolver_hash(const char *key)
{
    uint32_t hash = 2166136261u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash;
}

/* ---- hosts(5) ------------------------------------------------------------------------------ */

/* Reads a text in the format of hosts(5), a name at a time. A pure function over bytes. */
typedef struct TorcHostsCursor {
    const char *at;
    const char *end;
    size_t line; /* of what was read last, from 1 */
    /* The rest of a line whose address was read. */
    const char *names;
    const char *names_end;
    TorcAddress address;
} TorcHostsCursor;

typedef struct TorcHostsName {
    const char *name; /* in the text, not NUL-terminated */
    size_t length;
    const TorcAddress *address; /* of port 0; valid until the next call */
} TorcHostsName;

/* 1: here is a name. 0: that was all. -TORC_ENOTADDRESS: a line does not begin with an address;
 * -EINVAL: it has no name, or one that is none; the next call goes on behind the line. */
int torc__hosts_next(TorcHostsCursor *cursor, TorcHostsName *ret_name);

#endif
