/* Load for the budget tests: a plain blocking client, so that nothing of the library is measured by
 * itself.
 *
 *     load pingpong PORT MESSAGES    64-byte messages over one connection, one at a time
 *     load idle PORT CONNECTIONS     opens so many, echoes a byte on each, prints "ready", waits
 *                                    for the end of its standard input
 *     load burst PORT CONNECTIONS    opens so many at once without waiting, then echoes on each
 *
 * Exits with 1 and a message when an answer is missing or wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 64, TIMEOUT_SECONDS = 20 };

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
    int on = 1;

    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static struct sockaddr_in server_address(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int open_connection(int port)
{
    struct sockaddr_in address = server_address(port);
    int fd = open_socket();
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("connect");
    return fd;
}

static void echo(int fd, const char *message, size_t length)
{
    char answer[MESSAGE_SIZE];

    if (send(fd, message, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail("send");
    for (size_t have = 0; have < length;) {
        ssize_t n = recv(fd, answer + have, length - have, 0);
        if (n <= 0)
            fail(n == 0 ? "the server closed the connection" : "recv");
        have += (size_t)n;
    }
    if (memcmp(answer, message, length) != 0)
        fail("the answer is not what was sent");
}

static void pingpong(int port, int messages)
{
    char message[MESSAGE_SIZE];
    int fd = open_connection(port);

    memset(message, 'x', sizeof(message));
    for (int i = 0; i < messages; i++) {
        memcpy(message, &i, sizeof(i));
        echo(fd, message, sizeof(message));
    }
    close(fd);
}

static int *allocate(int count)
{
    int *fds = calloc((size_t)count, sizeof(int));
    if (!fds)
        fail("calloc");
    return fds;
}

static void idle(int port, int count)
{
    int *fds = allocate(count);
    char byte;

    for (int i = 0; i < count; i++) {
        fds[i] = open_connection(port);
        echo(fds[i], "x", 1);
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    free(fds);
}

static void burst(int port, int count)
{
    struct sockaddr_in address = server_address(port);
    int *fds = allocate(count);

    for (int i = 0; i < count; i++) {
        fds[i] = open_socket();
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
        if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0 &&
            errno != EINPROGRESS)
            fail("connect");
    }
    for (int i = 0; i < count; i++) {
        fcntl(fds[i], F_SETFL, 0);
        /* Blocks until the connection is there. */
        if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EISCONN)
            fail("connect");
        echo(fds[i], "burst", 5);
    }
    for (int i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
}

int main(int argc, char **argv)
{
    int port = argc == 4 ? atoi(argv[2]) : 0;
    int count = argc == 4 ? atoi(argv[3]) : 0;

    if (port <= 0 || count <= 0) {
        fprintf(stderr, "usage: load pingpong|idle|burst PORT COUNT\n");
        return 2;
    }
    if (strcmp(argv[1], "pingpong") == 0)
        pingpong(port, count);
    else if (strcmp(argv[1], "idle") == 0)
        idle(port, count);
    else
        burst(port, count);
    return EXIT_SUCCESS;
}
