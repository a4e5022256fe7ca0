/* A client of the operating system's own on 127.0.0.1, for tests with real sockets. */
#ifndef TORC_TESTS_LOOPBACK_CLIENT_H
#define TORC_TESTS_LOOPBACK_CLIENT_H

#include <check.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "transports/port.h"

static inline struct sockaddr_in loopback_name(uint16_t number)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(number)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

static inline int dial_name(const struct sockaddr_in *name)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)name, sizeof(*name)), 0);
    return fd;
}

/* A blocking socket, connected to that port number. */
static inline int dial_number(uint16_t number)
{
    struct sockaddr_in name = loopback_name(number);
    return dial_name(&name);
}

static inline int dial_port(const TorcPort *port)
{
    TorcAddress address;
    TorcPort_getHost(port, &address);
    return dial_number(address.port);
}

#endif
