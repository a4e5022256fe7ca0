/* Load for the budget tests: a plain blocking client, so that nothing of the library is measured by
 * itself.
 *
 *     load pingpong PORT MESSAGES    64-byte messages over one connection, one at a time
 *     load lines PORT LINES          lines of 32 bytes over one connection, 32 at a time
 *     load blocks PORT BLOCKS        blocks of 64 KiB over one connection, 16 under way at a time
 *     load crowd PORT ROUNDS PID     64-byte messages over 400 connections at the same time: the server
 *                                    stands still until all are sent; prints how many
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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 64, LINE_SIZE = 32, LINES_AT_ONCE = 32, TIMEOUT_SECONDS = 20 };

enum { LARGEST = LINE_SIZE * LINES_AT_ONCE };

enum { CROWD = 400 };

enum { BLOCK_SIZE = 64 * 1024, BLOCKS_AT_ONCE = 16 };

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

static void send_whole(int fd, const char *message, size_t length)
{
    if (send(fd, message, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail("send");
}

static void expect(int fd, const char *message, size_t length)
{
    char answer[LARGEST];

    for (size_t have = 0; have < length;) {
        ssize_t n = recv(fd, answer + have, length - have, 0);
        if (n <= 0)
            fail(n == 0 ? "the server closed the connection" : "recv");
        have += (size_t)n;
    }
    if (memcmp(answer, message, length) != 0)
        fail("the answer is not what was sent");
}

static void echo(int fd, const char *message, size_t length)
{
    send_whole(fd, message, length);
    expect(fd, message, length);
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

static void lines(int port, int count)
{
    char parcel[LARGEST];
    int fd = open_connection(port);

    for (int i = 0; i < LARGEST; i++)
        parcel[i] = (char)(i % LINE_SIZE == LINE_SIZE - 1 ? '\n' : 'a' + i % 26);
    for (int sent = 0; sent < count; sent += LINES_AT_ONCE)
        echo(fd, parcel, sizeof(parcel));
    close(fd);
}

/* Up to the end of a block, and no more than may be under way. Returns how much went. */
static size_t send_blocks(int fd, const char *block, size_t at, size_t end)
{
    size_t length = BLOCK_SIZE - at % BLOCK_SIZE;
    ssize_t n = send(fd, block + at % BLOCK_SIZE, length < end - at ? length : end - at,
                     MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN)
        fail("send");
    return n < 0 ? 0 : (size_t)n;
}

static size_t compare_blocks(int fd, const char *block, size_t at)
{
    static char answer[BLOCK_SIZE];
    ssize_t n = recv(fd, answer, BLOCK_SIZE - at % BLOCK_SIZE, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        fail(n == 0 ? "the server closed the connection" : "recv");
    if (memcmp(answer, block + at % BLOCK_SIZE, (size_t)n) != 0)
        fail("the answer is not what was sent");
    return (size_t)n;
}

static void blocks(int port, int count)
{
    static char block[BLOCK_SIZE];
    size_t end = (size_t)count * BLOCK_SIZE;
    size_t sent = 0;
    size_t compared = 0;
    int fd = open_connection(port);

    for (size_t i = 0; i < BLOCK_SIZE; i++)
        block[i] = (char)(i * i >> 7);
    while (compared < end) {
        size_t limit = compared + (size_t)BLOCKS_AT_ONCE * BLOCK_SIZE;
        limit = limit < end ? limit : end;
        struct pollfd news = {.fd = fd, .events = sent < limit ? POLLIN | POLLOUT : POLLIN};
        if (poll(&news, 1, TIMEOUT_SECONDS * 1000) <= 0)
            fail("no answer");
        if (sent < limit)
            sent += send_blocks(fd, block, sent, limit);
        compared += compare_blocks(fd, block, compared);
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

/* What it is sent while it stands still, it finds all at once. */
static void crowd_round(const int *fds, pid_t server)
{
    static const char message[MESSAGE_SIZE] = "crowd";

    if (kill(server, SIGSTOP) < 0)
        fail("kill");
    for (int i = 0; i < CROWD; i++)
        send_whole(fds[i], message, sizeof(message));
    if (kill(server, SIGCONT) < 0)
        fail("kill");
    for (int i = 0; i < CROWD; i++)
        expect(fds[i], message, sizeof(message));
}

static void crowd(int port, int rounds, pid_t server)
{
    int *fds = allocate(CROWD);

    for (int i = 0; i < CROWD; i++) {
        fds[i] = open_connection(port);
        echo(fds[i], "x", 1);
    }
    for (int i = 0; i < rounds; i++)
        crowd_round(fds, server);
    printf("%d\n", rounds * CROWD);
    for (int i = 0; i < CROWD; i++)
        close(fds[i]);
    free(fds);
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
    int port = argc >= 4 ? atoi(argv[2]) : 0;
    int count = argc >= 4 ? atoi(argv[3]) : 0;
    pid_t server = argc == 5 ? atoi(argv[4]) : 0;

    if (argc > 5 || port <= 0 || count <= 0 || (server > 0) != (strcmp(argv[1], "crowd") == 0)) {
        fprintf(stderr, "usage: load pingpong|lines|blocks|idle|burst PORT COUNT\n"
                        "       load crowd PORT COUNT PID\n");
        return 2;
    }
    if (strcmp(argv[1], "pingpong") == 0)
        pingpong(port, count);
    else if (strcmp(argv[1], "lines") == 0)
        lines(port, count);
    else if (strcmp(argv[1], "blocks") == 0)
        blocks(port, count);
    else if (strcmp(argv[1], "crowd") == 0)
        crowd(port, count, server);
    else if (strcmp(argv[1], "idle") == 0)
        idle(port, count);
    else
        burst(port, count);
    return EXIT_SUCCESS;
}
