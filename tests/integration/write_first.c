/* A client of an echo server that writes long before it reads.
 *
 *     write_first PORT BYTES
 *
 * It writes until nothing has gone out for a while (the server no longer reads, since nobody takes
 * its answers), and only then reads and writes on, half-closes, and checks that every byte came
 * back and nothing else. Prints how much went out before the first read. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STALLED_MS = 500, BLOCK = 65536 };

/* A pattern that shows lost, doubled and exchanged blocks: it repeats only after 2^32 bytes. */
static unsigned char byte_at(uint64_t offset)
{
    uint32_t word = (uint32_t)(offset / 4) * 2654435761u;
    return (unsigned char)(word >> (offset % 4 * 8));
}

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static int connect_to(int port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
        fail("connect");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        fail("fcntl");
    return fd;
}

static uint64_t write_some(int fd, uint64_t written, uint64_t total)
{
    unsigned char block[BLOCK];
    size_t length = total - written < BLOCK ? (size_t)(total - written) : BLOCK;
    for (size_t i = 0; i < length; i++)
        block[i] = byte_at(written + i);
    ssize_t n = send(fd, block, length, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        fail("send");
    if (n > 0 && written + (uint64_t)n == total && shutdown(fd, SHUT_WR) < 0)
        fail("shutdown");
    return written + (n > 0 ? (uint64_t)n : 0);
}

/* False at the end of the connection. */
static bool read_some(int fd, uint64_t *got)
{
    unsigned char block[BLOCK];
    ssize_t n = recv(fd, block, sizeof(block), 0);
    if (n < 0 && errno != EAGAIN)
        fail("recv");
    for (ssize_t i = 0; i < n; i++)
        if (block[i] != byte_at((*got)++)) {
            fprintf(stderr, "byte %llu is not what was sent\n", (unsigned long long)*got - 1);
            exit(EXIT_FAILURE);
        }
    return n != 0;
}

static short wait_for(int fd, short events, int milliseconds)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int r = poll(&poll_fd, 1, milliseconds);
    if (r < 0)
        fail("poll");
    return r > 0 ? poll_fd.revents : 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: write_first PORT BYTES\n");
        return 2;
    }
    int fd = connect_to(atoi(argv[1]));
    uint64_t total = strtoull(argv[2], NULL, 10);
    uint64_t written = 0;
    uint64_t got = 0;

    while (written < total && wait_for(fd, POLLOUT, STALLED_MS))
        written = write_some(fd, written, total);
    printf("%llu bytes went out before the first read\n", (unsigned long long)written);

    for (bool open = true; open;) {
        short ready = wait_for(fd, written < total ? POLLIN | POLLOUT : POLLIN, -1);
        if (ready & POLLOUT && written < total)
            written = write_some(fd, written, total);
        if (ready & (POLLIN | POLLHUP | POLLERR))
            open = read_some(fd, &got);
    }
    close(fd);
    if (got != total)
        fprintf(stderr, "%llu of %llu bytes came back\n", (unsigned long long)got,
                (unsigned long long)total);
    return got == total ? EXIT_SUCCESS : EXIT_FAILURE;
}
