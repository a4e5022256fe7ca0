/* Addresses: literals, what the kernel reports, and the names of UNIX sockets. What was read is
 * what is written, both ways.
 *
 * The input: which of them, a port, how much room there is for the text, and the literal, the
 * sockaddr or the name. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <torc/torc.h>

#include "fuzz.h"
#include "transports/address_internal.h"
#include "transports/unix_internal.h"

/* Cut to fit, and always a string. */
static void check_cut(const TorcAddress *address, const char *whole, size_t size)
{
    char *part = malloc(size + 1);
    FUZZ_CHECK(part);
    part[size] = 'x';
    FUZZ_CHECK(TorcAddress_format(address, part, size) == part && part[size] == 'x');
    FUZZ_CHECK(size == 0 || (strlen(part) < size && strncmp(part, whole, strlen(part)) == 0));
    free(part);
}

/* To a sockaddr and back; an IPv4 address in an IPv6 one is an IPv4 address from then on. An
 * abstract name that begins with a zero byte has no text ("@" is none) and is not sent to the
 * kernel. */
static void check_sockaddr(const TorcAddress *address)
{
    if (strcmp(address->path, "@") == 0)
        return;
    struct sockaddr_storage name;
    TorcAddress again;
    socklen_t length = torc__address_toSockaddr(address, &name);
    FUZZ_CHECK((length == 0) == (address->family == TORC_ADDRESS_NONE));
    FUZZ_CHECK(length <= sizeof(name));
    torc__address_fromSockaddr(length > 0 ? (struct sockaddr *)&name : NULL, length, &again);
    if (again.family != address->family) {
        FUZZ_CHECK(address->family == TORC_ADDRESS_IPV6 && again.family == TORC_ADDRESS_IPV4);
        FUZZ_CHECK(memcmp(address->ip, "\0\0\0\0\0\0\0\0\0\0\377\377", 12) == 0);
        FUZZ_CHECK(memcmp(address->ip + 12, again.ip, 4) == 0);
    } else {
        FUZZ_CHECK(TorcAddress_equal(address, &again));
    }
}

/* IP addresses are read again as they are written. */
static void check_text(const TorcAddress *address, size_t size)
{
    char host[TORC_ADDRESS_TEXT_SIZE];
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress again;
    TorcAddress_host(address, host, sizeof(host));
    TorcAddress_format(address, text, sizeof(text));
    FUZZ_CHECK(strstr(text, host));
    check_cut(address, text, size);
    if (address->family == TORC_ADDRESS_IPV4 || address->family == TORC_ADDRESS_IPV6) {
        FUZZ_CHECK(TorcAddress_parse(host, address->port, &again) == 0);
        FUZZ_CHECK(TorcAddress_equal(address, &again));
    }
}

static void check_address(const TorcAddress *address, size_t size)
{
    FUZZ_CHECK(TorcAddress_equal(address, address));
    FUZZ_CHECK(strnlen(address->path, sizeof(address->path)) < sizeof(address->path));
    check_sockaddr(address);
    check_text(address, size);
}

/* A scope that is a number is that number, and no other that it wraps around to. */
static void check_scope(const TorcAddress *address, const char *text)
{
    const char *scope = strchr(text, '%');
    if (scope && scope[1] && scope[1 + strspn(scope + 1, "0123456789")] == '\0')
        FUZZ_CHECK(strtoull(scope + 1, NULL, 10) == address->scopeId);
}

static void fuzz_literal(const char *text, uint16_t port, size_t size)
{
    TorcAddress address;
    struct in6_addr ip;
    int r = TorcAddress_parse(text, port, &address);
    FUZZ_CHECK(r == 0 || r == -TORC_ENOTADDRESS);
    /* Whatever the C library reads is one, too; besides there are scopes. */
    bool known = inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1;
    FUZZ_CHECK(strchr(text, '%') || known == (r == 0));
    if (r < 0)
        return;
    FUZZ_CHECK(address.port == port);
    check_scope(&address, text);
    FUZZ_CHECK(address.family == TORC_ADDRESS_IPV4 || address.family == TORC_ADDRESS_IPV6);
    check_address(&address, size);
}

static void fuzz_sockaddr(const FuzzInput *input, size_t size)
{
    TorcAddress address;
    torc__address_fromSockaddr((const struct sockaddr *)(const void *)input->at,
                               (socklen_t)input->left, &address);
    check_address(&address, size);
}

static void fuzz_unix(const char *text, size_t size)
{
    TorcAddress address;
    int r = torc__unix_address(text, &address);
    FUZZ_CHECK(r == 0 || r == -EINVAL || r == -ENAMETOOLONG);
    FUZZ_CHECK((r == -ENAMETOOLONG) == (strlen(text) > 107));
    if (r < 0)
        return;
    FUZZ_CHECK(strcmp(address.path, text) == 0);
    FUZZ_CHECK(torc__unix_isAbstract(&address) == (text[0] == '@'));
    check_address(&address, size);
}

/* Families that an input can hit: a number of two bytes would take it long to guess. */
static void read_family(const FuzzInput *input, uint8_t *copy, unsigned choice)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC};
    memcpy(copy, input->at, input->left);
    if (input->left >= sizeof(sa_family_t) && choice < 4)
        memcpy(copy, &families[choice], sizeof(sa_family_t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    unsigned which = fuzz_byte(&input);
    size_t room = fuzz_byte(&input);
    uint16_t port = (uint16_t)(fuzz_byte(&input) << 8 | fuzz_byte(&input));

    if (which % 3 == 2 && input.left > 0) {
        uint8_t *copy = malloc(input.left);
        FUZZ_CHECK(copy);
        read_family(&input, copy, which / 3 % 5);
        fuzz_sockaddr(&(FuzzInput){copy, input.left}, room);
        free(copy);
        return 0;
    }
    char *text = fuzz_takeText(&input, '\0');
    if (which % 3 == 0)
        fuzz_literal(text, port, room);
    else
        fuzz_unix(text, room);
    free(text);
    return 0;
}
