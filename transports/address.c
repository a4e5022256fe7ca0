/* Addresses as values: reading literals, writing text, and the way to and from struct sockaddr.
 *
 * Pure functions over their arguments, for any thread; nothing is allocated and no name is resolved
 * but that of a network interface in a scope ("%eth0", RFC 4007 section 11). What a function writes
 * depends on the family alone: the bytes of other families are neither read nor compared. */
#include "address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "../reactor/errors.h"
#include "address_internal.h"

enum { IPV4_LENGTH = 4, IPV6_LENGTH = 16 };

/* The longest literal: 45 characters of address, '%', and an interface's name. */
enum { LITERAL_SIZE = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE };

static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) < sizeof(((TorcAddress *)0)->path),
              "a path that fills sun_path has no NUL there and needs one here");
static_assert(sizeof("unix:") + sizeof(((TorcAddress *)0)->path) <= TORC_ADDRESS_TEXT_SIZE,
              "the longest text is that of a UNIX address");

/* ---- reading literals ---------------------------------------------------------------------- */

/* Decimal digits only, up to 32 bits: strtoul would take signs and spaces. */
static bool parse_index(const char *text, uint32_t *ret_index)
{
    uint64_t index = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        index = index * 10 + (uint64_t)(*text - '0');
        if (index > UINT32_MAX)
            return false;
    }
    *ret_index = (uint32_t)index;
    return true;
}

/* A scope says which link is meant, so only addresses that are unique per link may have one. */
static bool is_scoped(const struct in6_addr *ip)
{
    return IN6_IS_ADDR_LINKLOCAL(ip) || IN6_IS_ADDR_MC_LINKLOCAL(ip) ||
           IN6_IS_ADDR_MC_NODELOCAL(ip);
}

/* "eth0" or "2". */
static bool parse_scope(const char *scope, uint32_t *ret_index)
{
    if (parse_index(scope, ret_index))
        return true;
    *ret_index = if_nametoindex(scope);
    return *ret_index != 0;
}

static bool parse_ipv4(const char *host, TorcAddress *address)
{
    address->family = TORC_ADDRESS_IPV4;
    return inet_pton(AF_INET, host, address->ip) == 1;
}

static bool parse_ipv6(const char *host, TorcAddress *address)
{
    char literal[LITERAL_SIZE];
    size_t length = strcspn(host, "%");
    if (length >= sizeof(literal))
        return false;
    memcpy(literal, host, length);
    literal[length] = '\0';

    struct in6_addr ip;
    if (inet_pton(AF_INET6, literal, &ip) != 1)
        return false;
    address->family = TORC_ADDRESS_IPV6;
    memcpy(address->ip, &ip, IPV6_LENGTH);
    if (!host[length])
        return true;
    return is_scoped(&ip) && parse_scope(host + length + 1, &address->scopeId);
}

int TorcAddress_parse(const char *host, uint16_t port, TorcAddress *ret_address)
{
    if (!host || !ret_address)
        return -EINVAL;
    TorcAddress address = {.port = port};
    if (!parse_ipv4(host, &address) && !parse_ipv6(host, &address))
        return -TORC_ENOTADDRESS;
    *ret_address = address;
    return 0;
}

/* ---- writing text -------------------------------------------------------------------------- */

/* inet_ntop writes IPv6 as RFC 5952 asks: lower case, no leading zeros, the longest run of zero
 * fields shortened. */
static void write_ipv6(const TorcAddress *address, char literal[LITERAL_SIZE])
{
    inet_ntop(AF_INET6, address->ip, literal, INET6_ADDRSTRLEN);
    if (address->scopeId) {
        size_t length = strlen(literal);
        snprintf(literal + length, LITERAL_SIZE - length, "%%%u", (unsigned)address->scopeId);
    }
}

const char *TorcAddress_host(const TorcAddress *address, char *buffer, size_t size)
{
    char literal[LITERAL_SIZE];
    const char *host = "none";
    if (!buffer || size == 0)
        return buffer;
    switch (address ? address->family : TORC_ADDRESS_NONE) {
    case TORC_ADDRESS_IPV4: host = inet_ntop(AF_INET, address->ip, literal, LITERAL_SIZE); break;
    case TORC_ADDRESS_IPV6:
        write_ipv6(address, literal);
        host = literal;
        break;
    case TORC_ADDRESS_UNIX: host = address->path; break;
    case TORC_ADDRESS_NONE: break;
    }
    snprintf(buffer, size, "%s", host);
    return buffer;
}

const char *TorcAddress_format(const TorcAddress *address, char *buffer, size_t size)
{
    char host[TORC_ADDRESS_TEXT_SIZE];
    if (!buffer || size == 0)
        return buffer;
    TorcAddress_host(address, host, sizeof(host));
    switch (address ? address->family : TORC_ADDRESS_NONE) {
    case TORC_ADDRESS_IPV4: snprintf(buffer, size, "%s:%u", host, address->port); break;
    case TORC_ADDRESS_IPV6: snprintf(buffer, size, "[%s]:%u", host, address->port); break;
    case TORC_ADDRESS_UNIX: snprintf(buffer, size, "unix:%s", host); break;
    case TORC_ADDRESS_NONE: snprintf(buffer, size, "%s", host); break;
    }
    return buffer;
}

/* ---- comparing ----------------------------------------------------------------------------- */

bool TorcAddress_equal(const TorcAddress *a, const TorcAddress *b)
{
    if (!a || !b || a->family != b->family)
        return false;
    switch (a->family) {
    case TORC_ADDRESS_IPV4: return a->port == b->port && memcmp(a->ip, b->ip, IPV4_LENGTH) == 0;
    case TORC_ADDRESS_IPV6:
        return a->port == b->port && a->scopeId == b->scopeId &&
               memcmp(a->ip, b->ip, IPV6_LENGTH) == 0;
    case TORC_ADDRESS_UNIX: return strcmp(a->path, b->path) == 0;
    case TORC_ADDRESS_NONE: break;
    }
    return true;
}

/* ---- struct sockaddr ----------------------------------------------------------------------- */

static void from_ipv4(const struct sockaddr_in *name, TorcAddress *address)
{
    address->family = TORC_ADDRESS_IPV4;
    address->port = ntohs(name->sin_port);
    memcpy(address->ip, &name->sin_addr, IPV4_LENGTH);
}

/* A dual-stack socket reports IPv4 peers as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2). */
static void from_ipv6(const struct sockaddr_in6 *name, TorcAddress *address)
{
    address->port = ntohs(name->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&name->sin6_addr)) {
        address->family = TORC_ADDRESS_IPV4;
        memcpy(address->ip, name->sin6_addr.s6_addr + IPV6_LENGTH - IPV4_LENGTH, IPV4_LENGTH);
        return;
    }
    address->family = TORC_ADDRESS_IPV6;
    address->scopeId = is_scoped(&name->sin6_addr) ? name->sin6_scope_id : 0;
    memcpy(address->ip, &name->sin6_addr, IPV6_LENGTH);
}

/* The kernel counts the name and need not terminate it. An abstract name is kept up to its second
 * NUL byte: what lies behind cannot be written as text. */
static void from_unix(const struct sockaddr_un *name, size_t length, TorcAddress *address)
{
    size_t path_length = length - offsetof(struct sockaddr_un, sun_path);
    address->family = TORC_ADDRESS_UNIX;
    if (path_length == 0)
        return;
    if (path_length > sizeof(name->sun_path))
        path_length = sizeof(name->sun_path);
    memcpy(address->path, name->sun_path, path_length);
    if (!name->sun_path[0] && path_length > 1)
        address->path[0] = '@';
}

void torc__address_fromSockaddr(const struct sockaddr *name, socklen_t length,
                                TorcAddress *ret_address)
{
    TorcAddress address = {.family = TORC_ADDRESS_NONE};
    /* A copy, for the caller's buffer need not be aligned for any but struct sockaddr. */
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un path;
    } copy = {0};
    size_t size = length < sizeof(copy) ? length : sizeof(copy);
    if (name && size > 0)
        memcpy(&copy, name, size);
    if (size < sizeof(copy.any.sa_family))
        copy.any.sa_family = AF_UNSPEC;

    if (copy.any.sa_family == AF_INET && size >= sizeof(copy.ipv4))
        from_ipv4(&copy.ipv4, &address);
    else if (copy.any.sa_family == AF_INET6 && size >= sizeof(copy.ipv6))
        from_ipv6(&copy.ipv6, &address);
    else if (copy.any.sa_family == AF_UNIX)
        from_unix(&copy.path, size, &address);
    *ret_address = address;
}

static socklen_t to_ipv4(const TorcAddress *address, struct sockaddr_in *name)
{
    name->sin_family = AF_INET;
    name->sin_port = htons(address->port);
    memcpy(&name->sin_addr, address->ip, IPV4_LENGTH);
    return sizeof(*name);
}

static socklen_t to_ipv6(const TorcAddress *address, struct sockaddr_in6 *name)
{
    name->sin6_family = AF_INET6;
    name->sin6_port = htons(address->port);
    name->sin6_scope_id = address->scopeId;
    memcpy(&name->sin6_addr, address->ip, IPV6_LENGTH);
    return sizeof(*name);
}

/* An abstract name is all the bytes the length counts, so it must not count a NUL at the end; a
 * path may fill sun_path, which then has none (unix(7)). */
static socklen_t to_unix(const TorcAddress *address, struct sockaddr_un *name)
{
    size_t length = strnlen(address->path, sizeof(name->sun_path));
    bool abstract = address->path[0] == '@';
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, address->path, length);
    if (abstract)
        name->sun_path[0] = '\0';
    else if (length > 0 && length < sizeof(name->sun_path))
        length++;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

socklen_t torc__address_toSockaddr(const TorcAddress *address, struct sockaddr_storage *ret_name)
{
    if (address->family == TORC_ADDRESS_NONE)
        return 0;
    memset(ret_name, 0, sizeof(*ret_name));
    switch (address->family) {
    case TORC_ADDRESS_IPV4: return to_ipv4(address, (struct sockaddr_in *)ret_name);
    case TORC_ADDRESS_IPV6: return to_ipv6(address, (struct sockaddr_in6 *)ret_name);
    case TORC_ADDRESS_UNIX: return to_unix(address, (struct sockaddr_un *)ret_name);
    case TORC_ADDRESS_NONE: break;
    }
    return 0;
}
