/* What the tests of simulated UNIX sockets share: names, listeners, pairs. */
#ifndef TORC_TESTS_SIM_UNIX_FIXTURE_H
#define TORC_TESTS_SIM_UNIX_FIXTURE_H

#include <sys/un.h>

#include "sim_fixture.h"

static inline Name unix_name(const char *path)
{
    Name name = {.any.sa_family = AF_UNIX};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    strcpy(un.sun_path, path);
    memcpy(&name, &un, sizeof(un));
    return name;
}

static inline int bind_unix(int fd, const char *path)
{
    Name name = unix_name(path);
    return ops->bind(sys, fd, &name.any, sizeof(struct sockaddr_un));
}

static inline int connect_unix(int fd, const char *path)
{
    Name name = unix_name(path);
    return ops->connect(sys, fd, &name.any, sizeof(struct sockaddr_un));
}

static inline int listen_unix(const char *path)
{
    int fd = open_socket(AF_UNIX);
    ck_assert_int_eq(bind_unix(fd, path), 0);
    ck_assert_int_eq(ops->listen(sys, fd, 5), 0);
    return fd;
}

/* A connection between a peer and a descriptor, which is returned. */
static inline int connect_peer_unix(TorcSimPeer **ret_peer)
{
    int listener = listen_unix("/run/server");
    ck_assert_int_eq(ops->chmod(sys, "/run/server", 0666), 0);
    *ret_peer = TorcSim_connectUNIX(sim, "/run/server");
    ck_assert_ptr_nonnull(*ret_peer);
    int fd = accept_from(listener);
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(ops->close(sys, listener), 0);
    return fd;
}

static inline void connect_unix_pair(int fds[2])
{
    int listener = listen_unix("/run/pair");
    fds[0] = open_socket(AF_UNIX);
    ck_assert_int_eq(connect_unix(fds[0], "/run/pair"), 0);
    fds[1] = accept_from(listener);
    ck_assert_int_gt(fds[1], 2);
    ck_assert_int_eq(ops->close(sys, listener), 0);
    ck_assert_int_eq(ops->unlink(sys, "/run/pair"), 0);
}

#endif
