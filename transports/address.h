/* Where a connection ends: IPv4, IPv6 and UNIX addresses as plain values.
 * (Twisted: IPv4Address, IPv6Address, UNIXAddress.) */
#ifndef TORC_TRANSPORTS_ADDRESS_H
#define TORC_TRANSPORTS_ADDRESS_H

#include "../reactor/api.h"

TORC_BEGIN_DECLS

typedef enum TorcAddressFamily {
    TORC_ADDRESS_NONE = 0, /* not known; also the family of {0} */
    TORC_ADDRESS_IPV4,
    TORC_ADDRESS_IPV6,
    TORC_ADDRESS_UNIX
} TorcAddressFamily;

/* Longest text that TorcAddress_host and TorcAddress_format write, with the NUL. */
#define TORC_ADDRESS_TEXT_SIZE 160

typedef struct TorcAddress {
    TorcAddressFamily family;
    uint16_t port;    /* host byte order; 0 for UNIX */
    uint32_t scopeId; /* IPv6 link-local: the interface's index; else 0 */
    /* IPv4: 4 bytes in network order; IPv6: 16. */
    uint8_t ip[16];
    /* UNIX: the path, NUL-terminated; empty when the socket has no name; an abstract name starts
     * with '@' in place of the NUL byte. */
    char path[109];
} TorcAddress;

/* Reads an IPv4 or IPv6 literal ("127.0.0.1", "::1", "fe80::1%eth0"); no name is looked up.
 * 0, -TORC_ENOTADDRESS, or -EINVAL for NULL. */
TORC_API int TorcAddress_parse(const char *host, uint16_t port, TorcAddress *ret_address);

/* Writes the host alone ("127.0.0.1", "fe80::1%2", a path), always NUL-terminated, cut to fit. IPv6
 * is written as RFC 5952 asks. Returns buffer. */
TORC_API const char *TorcAddress_host(const TorcAddress *address, char *buffer, size_t size);

/* Host and port: "127.0.0.1:79", "[::1]:79", "unix:/run/x", "none". Returns buffer. */
TORC_API const char *TorcAddress_format(const TorcAddress *address, char *buffer, size_t size);

/* Same family, host, port and scope. */
TORC_API bool TorcAddress_equal(const TorcAddress *a, const TorcAddress *b);

TORC_END_DECLS

#endif
