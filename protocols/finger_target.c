/* Finger targets: from "ann@host:7979" to a query, a host and a port. Pure; any thread. */
#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "finger_client.h"

/* 1 … 65535, in digits only. */
static int parse_port(const char *text, uint16_t *ret_port)
{
    unsigned port = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -EINVAL;
    for (size_t i = 0; i < digits; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    if (port == 0 || port > UINT16_MAX)
        return -EINVAL;
    *ret_port = (uint16_t)port;
    return 0;
}

static int take_host(const char *text, size_t length, TorcFingerTarget *target)
{
    if (length == 0 || length >= sizeof(target->host))
        return -EINVAL;
    memcpy(target->host, text, length);
    target->host[length] = '\0';
    return strpbrk(target->host, "[] \t\r\n") ? -EINVAL : 0;
}

/* Behind the host: nothing, so that the default stays, or a colon and a port. */
static int take_port(const char *text, TorcFingerTarget *target)
{
    if (text[0] == '\0')
        return 0;
    return text[0] == ':' ? parse_port(text + 1, &target->port) : -EINVAL;
}

/* "[::1]:79" */
static int take_bracketed(const char *text, TorcFingerTarget *target)
{
    TorcAddress address;
    const char *end = strchr(text, ']');
    if (!end || take_host(text + 1, (size_t)(end - text - 1), target) < 0 ||
        TorcAddress_parse(target->host, 0, &address) < 0 || address.family != TORC_ADDRESS_IPV6)
        return -EINVAL;
    return take_port(end + 1, target);
}

static int take_place(const char *text, TorcFingerTarget *target)
{
    TorcAddress address;
    const char *colon = strchr(text, ':');

    if (text[0] == '[')
        return take_bracketed(text, target);
    if (colon && strchr(colon + 1, ':')) {
        /* Several colons: an IPv6 address, and no port. */
        return TorcAddress_parse(text, 0, &address) < 0 ? -EINVAL
                                                        : take_host(text, strlen(text), target);
    }
    size_t length = strcspn(text, ":");
    int r = take_host(text, length, target);
    return r < 0 ? r : take_port(text + length, target);
}

static int take_query(const char *text, size_t length, TorcFingerTarget *target)
{
    if (length > TORC_FINGER_QUERY_MAX)
        return -EINVAL;
    memcpy(target->query, text, length); /* the rest is zero */
    return 0;
}

int torc_finger_parseTarget(const char *target, TorcFingerTarget *ret_target)
{
    TorcFingerTarget parsed = {.port = TORC_FINGER_PORT};
    TORC__REQUIRE(target && ret_target);
    const char *at = strrchr(target, '@');
    if (!at)
        return -EINVAL;
    int r = take_query(target, (size_t)(at - target), &parsed);
    if (r == 0)
        r = take_place(at + 1, &parsed);
    if (r == 0)
        *ret_target = parsed;
    return r;
}
