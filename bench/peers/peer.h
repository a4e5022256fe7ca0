/* What the peers written in C share: the arguments, the socket they listen on, and the line in which
 * they tell where that is.
 *
 *     PEER echo|line tcp|unix:PATH [OPTION]
 *
 * echo sends back what comes, line sends back each line by a write of its own. A peer listens on a
 * free port of 127.0.0.1, or at the path, prints the port, or the path, and serves until it is
 * killed. Nagle's algorithm is switched off on the listening socket, from which Linux hands it on to
 * the accepted ones. A peer ends when something goes wrong that the benchmark does not provoke. */
#ifndef TORC_BENCH_PEER_H
#define TORC_BENCH_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PEER_MAX_LINE = 16384 };

typedef struct PeerArguments {
    bool lines;
    const char *path;   /* NULL: TCP */
    const char *option; /* NULL: none */
} PeerArguments;

__attribute__((noreturn)) static inline void peer_fail(const char *what)
{
    fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static inline PeerArguments peer_arguments(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s echo|line tcp|unix:PATH [OPTION]\n", argv[0]);
        exit(2);
    }
    bool local = strncmp(argv[2], "unix:", 5) == 0;
    return (PeerArguments){.lines = strcmp(argv[1], "line") == 0,
                           .path = local ? argv[2] + 5 : NULL,
                           .option = argv[3]};
}

/* Soft limits on descriptors are low for programs that use select; none does here. */
static inline void peer_raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline void peer_tell_port(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        peer_fail("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static inline int peer_listen_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, SOMAXCONN) < 0)
        peer_fail("cannot listen");
    return fd;
}

static inline int peer_listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, SOMAXCONN) < 0)
        peer_fail("cannot listen");
    return fd;
}

/* The socket that listens; where is told. */
static inline int peer_listen(const PeerArguments *arguments)
{
    peer_raise_limit();
    if (!arguments->path) {
        int fd = peer_listen_tcp();
        peer_tell_port(fd);
        return fd;
    }
    int fd = peer_listen_unix(arguments->path);
    puts(arguments->path);
    fflush(stdout);
    return fd;
}

#endif
