/* Resolvers: from host names to addresses. (Twisted: IHostnameResolver, installNameResolver.)
 *
 * A reactor resolves names with the system's getaddrinfo, on threads of its own, until another
 * resolver is installed; everything that takes a host name then uses that one. Resolvers stack:
 * most have a `next` that is asked for what they do not know.
 *
 *     TorcResolver *hosts = TorcHostsResolver_new(text, strlen(text), NULL);
 *     TorcResolver *cache = TorcCachingResolver_new(hosts, NULL);
 *     TorcReactor_installResolver(reactor, cache, NULL);
 *     TorcResolver_unref(cache);
 *     TorcResolver_unref(hosts);
 *
 * A program's own embeds TorcResolver as its first member and fills in a class table with the one
 * slot `resolve`. Thread: the reactor's. */
#ifndef TORC_REACTOR_RESOLVER_H
#define TORC_REACTOR_RESOLVER_H

#include "../transports/address.h"
#include "api.h"
#include "deferred.h"
#include "reactor.h"

TORC_BEGIN_DECLS

/* What a look-up gives: at least one address, in the order in which they are to be tried. One block
 * of memory, which belongs to the deferred whose value it is. */
typedef struct TorcAddressList {
    size_t count;
    double lifetime;        /* seconds for which the answer may be kept; infinity: nobody said */
    TorcAddress *addresses; /* right behind this */
} TorcAddressList;

/* A copy of `count` addresses, with a lifetime of infinity; to be freed by TorcAddressList_free.
 * NULL and errno: EINVAL, ENOMEM. */
TORC_API TorcAddressList *TorcAddressList_new(const TorcAddress *addresses, size_t count);
TORC_API void TorcAddressList_free(void *list);

/* ---- resolving ----------------------------------------------------------------------------- */

typedef struct TorcResolveOptions {
    size_t size;              /* sizeof(TorcResolveOptions), set by TORC_RESOLVE_OPTIONS */
    TorcAddressFamily family; /* only addresses of this family; NONE: IPv6 and IPv4 */
    /* Seconds; then the look-up is cancelled and fails with TORC_OPERATION_TIMED_OUT. 0: the
     * default of 60 s; negative: none. */
    double timeout;
    void *reserved[4];
} TorcResolveOptions;

#define TORC_RESOLVE_OPTIONS(...)                                                                  \
    (&(TorcResolveOptions){.size = sizeof(TorcResolveOptions), __VA_ARGS__})

TORC_API void TorcResolveOptions_init(TorcResolveOptions *options);

/* Resolves a name, or reads an IPv4 or IPv6 literal, which is looked up nowhere. The addresses
 * carry `port`, 0 … 65535. The deferred fires with a TorcAddressList, or fails with
 * TORC_CONNECTION_DNS_LOOKUP: also when there are addresses but none of the family, and for a name
 * with bytes that no host name has (a name beyond ASCII must be given as DNS has it, "xn--…"). None
 * of its steps runs before this has returned. Cancelling it gives up the look-up. When the reactor
 * stops or is freed, look-ups end with TORC_CONNECTION_SHUTDOWN. options may be NULL.
 * 0; -EINVAL (NULL, an empty host or one beyond 253 bytes, a port out of range, a bad option);
 * -ENOMEM; -TORC_ENOTRUNNING (the reactor is stopping). */
TORC_API int TorcReactor_resolve(TorcReactor *reactor, const char *host, int port,
                                 const TorcResolveOptions *options, TorcDeferred **ret_addresses);

/* ---- resolvers ----------------------------------------------------------------------------- */

typedef struct TorcResolver TorcResolver;
typedef struct TorcResolverClass TorcResolverClass;

struct TorcResolver {
    const TorcResolverClass *cls;
    unsigned references;
    void *reserved[2];
};

struct TorcResolverClass {
    size_t size; /* sizeof(TorcResolverClass) */
    const char *name;

    /* Resolves a name that is no literal: 1 to 253 printable ASCII characters without a space;
     * valid during the call. The deferred, which the caller owns, fires with a TorcAddressList that
     * is freed by TorcAddressList_free, or fails with TORC_CONNECTION_DNS_LOOKUP; it may have fired
     * already. Addresses of another family than asked for do no harm. The deadline is the caller's,
     * who cancels, and who keeps a reference to the resolver until the deferred has its result. 0
     * or a negative code. */
    int (*resolve)(TorcResolver *self, TorcReactor *reactor, const char *host, uint16_t port,
                   TorcAddressFamily family, TorcDeferred **ret_addresses);

    /* The last reference is gone: frees the instance. NULL: there is nothing to free. */
    void (*destroy)(TorcResolver *self);

    void (*reserved[4])(void);
};

/* For a program's own: sets the class and one reference. NULL does nothing. */
TORC_API void TorcResolver_init(TorcResolver *resolver, const TorcResolverClass *cls);

/* ref returns its argument; unref takes NULL and returns NULL. */
TORC_API TorcResolver *TorcResolver_ref(TorcResolver *resolver);
TORC_API TorcResolver *TorcResolver_unref(TorcResolver *resolver);

/* From now on the reactor uses this one, NULL: the system's. A reference is taken. ret_previous,
 * which may be NULL, receives the one before with its reference (NULL if it was the system's).
 * Look-ups under way end as they began. The reactor lets go of its resolver when it is freed. 0 or
 * -EINVAL (NULL, a class without `resolve` or of a wrong size). */
TORC_API int TorcReactor_installResolver(TorcReactor *reactor, TorcResolver *resolver,
                                         TorcResolver **ret_previous);

/* Names from a text in the format of hosts(5): an address, then its names; '#' begins a comment.
 * Names are compared without case, and a dot at the end does not matter; a name in several lines
 * has all their addresses, in order. Lines that are not valid are passed by and logged
 * ("resolver.hosts-line"). Names that are not in the text are asked of `next`, of which a reference
 * is taken (NULL: the system's). The text is not needed any more afterwards. NULL and errno:
 * EINVAL, ENOMEM. */
TORC_API TorcResolver *TorcHostsResolver_new(const char *text, size_t length, TorcResolver *next);

typedef struct TorcCacheOptions {
    size_t size; /* sizeof(TorcCacheOptions), set by TORC_CACHE_OPTIONS */
    /* Seconds an answer is kept at most, also when it may be kept for longer (TorcAddressList);
     * 0: the default of 60 s. */
    double lifetime;
    /* Seconds a failure is kept; 0: the default of 1 s; negative: not at all. */
    double failureLifetime;
    size_t names; /* most names kept, the longest unused goes first; 0: the default of 1,000 */
    void *reserved[4];
} TorcCacheOptions;

#define TORC_CACHE_OPTIONS(...) (&(TorcCacheOptions){.size = sizeof(TorcCacheOptions), __VA_ARGS__})

TORC_API void TorcCacheOptions_init(TorcCacheOptions *options);

/* Remembers what `next` (NULL: the system's) answered. The same name asked for again while a
 * look-up is under way waits for that one; the look-up is given up when the last who waits has
 * cancelled. It serves one reactor. NULL and errno: EINVAL, ENOMEM. */
TORC_API TorcResolver *TorcCachingResolver_new(TorcResolver *next, const TorcCacheOptions *options);

typedef struct TorcDNSOptions {
    size_t size; /* sizeof(TorcDNSOptions), set by TORC_DNS_OPTIONS */
    /* "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", separated by commas; names are then taken
     * as they are. NULL: what /etc/resolv.conf says, search domains included; it is read once. */
    const char *servers;
    /* Seconds for the first try at each server, twice as many for the second, and so on up to 30;
     * 0: the default of 2 s. A server that refuses or fails is left for the next at once. */
    double timeout;
    int tries; /* at each server, at most 100; 0: the default of 3 */
    void *reserved[4];
} TorcDNSOptions;

#define TORC_DNS_OPTIONS(...) (&(TorcDNSOptions){.size = sizeof(TorcDNSOptions), __VA_ARGS__})

TORC_API void TorcDNSOptions_init(TorcDNSOptions *options);

/* Asks name servers itself, over UDP and, for long answers, TCP, without threads: A and AAAA
 * records (RFC 1035, RFC 3596). It does not read /etc/hosts: put a TorcHostsResolver in front for
 * that. "localhost" and what ends in ".localhost" is ::1 and 127.0.0.1, whatever servers say
 * (RFC 6761 §6.3). IPv6 addresses come first, unless this host cannot reach them and can reach the
 * IPv4 ones. Up to 64 look-ups are under way at a time, more wait their turn. It serves this reactor
 * alone (-EINVAL otherwise). NULL and errno: EINVAL, ENOMEM, ENOTSUP when the library was built
 * without c-ares. */
TORC_API TorcResolver *TorcDNSResolver_new(TorcReactor *reactor, const TorcDNSOptions *options);

TORC_END_DECLS

#endif
