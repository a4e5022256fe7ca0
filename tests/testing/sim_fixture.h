/* What the tests of the simulation share: calls on its TorcSystem without the ceremony.
 *
 * The fixture is one simulation whose table is called directly; its reactor exists and is idle. */
#ifndef TORC_TESTS_SIM_FIXTURE_H
#define TORC_TESTS_SIM_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/reactor_internal.h"
#include "testing/sim_internal.h"
#include "test_suite.h"

static TorcSim *sim;
static TorcSystem *sys;
static const TorcSystemOps *ops;

static inline void begin_with(const TorcSimOptions *options)
{
    sim = TorcSim_newWith(options);
    ck_assert_ptr_nonnull(sim);
    sys = torc__sim_system(sim);
    ops = sys->ops;
}

static inline void begin(void)
{
    begin_with(TORC_SIM_OPTIONS(.seed = 1));
}

static inline void end(void)
{
    TorcSim_free(sim);
    sim = NULL;
}

/* Another simulation in the middle of a test. */
static inline void begin_again(const TorcSimOptions *options)
{
    end();
    begin_with(options);
}

/* ---- addresses ----------------------------------------------------------------------------- */

typedef union Name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage storage;
} Name;

/* "127.0.0.1" or "::1" with a port, for a socket of that family. */
static inline Name name_of(const char *literal, uint16_t port)
{
    Name name = {0};
    TorcAddress address;
    ck_assert_int_eq(TorcAddress_parse(literal, port, &address), 0);
    if (address.family == TORC_ADDRESS_IPV4) {
        name.in.sin_family = AF_INET;
        name.in.sin_port = htons(port);
        memcpy(&name.in.sin_addr, address.ip, 4);
    } else {
        name.in6.sin6_family = AF_INET6;
        name.in6.sin6_port = htons(port);
        memcpy(&name.in6.sin6_addr, address.ip, 16);
    }
    return name;
}

static inline socklen_t name_length(const Name *name)
{
    return name->any.sa_family == AF_INET ? sizeof(name->in) : sizeof(name->in6);
}

static inline uint16_t port_of(int fd)
{
    Name name;
    socklen_t length = sizeof(name);
    ck_assert_int_eq(ops->getsockname(sys, fd, &name.any, &length), 0);
    ck_assert_uint_eq(length, name_length(&name));
    return ntohs(name.any.sa_family == AF_INET ? name.in.sin_port : name.in6.sin6_port);
}

/* ---- sockets ------------------------------------------------------------------------------- */

static inline int set_int(int fd, int level, int name, int value)
{
    return ops->setsockopt(sys, fd, level, name, &value, sizeof(value));
}

static inline int get_int(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof(value);
    ck_assert_int_eq(ops->getsockopt(sys, fd, level, name, &value, &length), 0);
    ck_assert_uint_eq(length, sizeof(value));
    return value;
}

static inline int open_socket(int family)
{
    int fd = ops->socket(sys, family, SOCK_STREAM);
    ck_assert_int_gt(fd, 2);
    return fd;
}

static inline int bind_to(int fd, const char *literal, uint16_t port)
{
    Name name = name_of(literal, port);
    return ops->bind(sys, fd, &name.any, name_length(&name));
}

static inline int listen_on(const char *literal, uint16_t port, int backlog)
{
    int fd = open_socket(strchr(literal, ':') ? AF_INET6 : AF_INET);
    ck_assert_int_eq(bind_to(fd, literal, port), 0);
    ck_assert_int_eq(ops->listen(sys, fd, backlog), 0);
    return fd;
}

static inline int connect_to(int fd, const char *literal, uint16_t port)
{
    Name name = name_of(literal, port);
    return ops->connect(sys, fd, &name.any, name_length(&name));
}

static inline int accept_from(int listener)
{
    return ops->accept(sys, listener, NULL, NULL);
}

/* Does what is due now, without time passing. */
static inline void look_around(void)
{
    ck_assert_int_eq(ops->wait(sys, INT64_MIN), 0);
}

/* A connection between two descriptors: fds[0] connected, fds[1] was accepted. */
static inline void connect_pair(int fds[2])
{
    int listener = listen_on("127.0.0.1", 0, 5);
    fds[0] = open_socket(AF_INET);
    ck_assert_int_eq(connect_to(fds[0], "127.0.0.1", port_of(listener)), -EINPROGRESS);
    look_around();
    ck_assert_int_eq(get_int(fds[0], SOL_SOCKET, SO_ERROR), 0);
    fds[1] = accept_from(listener);
    ck_assert_int_gt(fds[1], 2);
    ck_assert_int_eq(ops->close(sys, listener), 0);
}

/* A connection between a peer and a descriptor, which is returned. */
static inline int connect_peer_to(TorcSimPeer **ret_peer)
{
    int listener = listen_on("127.0.0.1", 0, 5);
    *ret_peer = TorcSim_connect(sim, port_of(listener));
    ck_assert_ptr_nonnull(*ret_peer);
    int fd = accept_from(listener);
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(ops->close(sys, listener), 0);
    return fd;
}

static inline ssize_t send_text(int fd, const char *text)
{
    return ops->send(sys, fd, text, strlen(text));
}

/* What one recv gives, as a string; "" with *ret_n <= 0. */
static inline const char *recv_text(int fd, ssize_t *ret_n)
{
    static char buffer[4096];
    *ret_n = ops->recv(sys, fd, buffer, sizeof(buffer) - 1, 0);
    buffer[*ret_n > 0 ? *ret_n : 0] = '\0';
    return buffer;
}

static inline ssize_t recv_result(int fd)
{
    ssize_t n;
    recv_text(fd, &n);
    return n;
}

#define ck_assert_receives(fd, text)                                                               \
    do {                                                                                           \
        ssize_t received_;                                                                         \
        ck_assert_str_eq(recv_text(fd, &received_), text);                                         \
    } while (0)

static inline void close_hard(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    ck_assert_int_eq(ops->setsockopt(sys, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    ck_assert_int_eq(ops->close(sys, fd), 0);
}

/* Sends until the other side's buffer is full; the number of bytes. */
static inline size_t fill(int fd)
{
    static const char block[1000];
    size_t sent = 0;
    ssize_t n;
    while ((n = ops->send(sys, fd, block, sizeof(block))) > 0)
        sent += (size_t)n;
    ck_assert_int_eq(n, -EAGAIN);
    return sent;
}

/* ---- the program --------------------------------------------------------------------------- */

#define RUN_SUITE(name, ...) RUN_TESTS(name, begin, end, __VA_ARGS__)

#endif
