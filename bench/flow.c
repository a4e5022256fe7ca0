/* Connections of the load generator. Level-triggered on epoll, by hand. */
#include "flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "samples.h"

/* The pattern: a prime number of lines, so that parcels of any size come to lie everywhere. */
enum { LINE = 32, PATTERN = LINE * 4093, RECEIVE_BUFFER = 256 * 1024 };

/* Parcels from this size on are sent from a file, which saves the load a copy: so the server is the
 * slower one, and works as it does when it is busy. */
enum { BIG_PARCEL = 64 * 1024 };

/* Ports of one address last for 28,000 connections, and each rests for a second after use. */
enum { SOURCES = 16 };

static char bytes_pattern[PATTERN];
static char lines_pattern[PATTERN];
static char received[RECEIVE_BUFFER];
static int bytes_file;
static int epoll;

static union {
    struct sockaddr any;
    struct sockaddr_in tcp;
    struct sockaddr_un local;
} server;
static socklen_t server_length;

/* xorshift: the same bytes in each run. */
static void fill_patterns(void)
{
    uint64_t state = 0x9E3779B97F4A7C15;
    for (size_t i = 0; i < PATTERN; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes_pattern[i] = (char)(state >> 32);
        lines_pattern[i] = i % LINE == LINE - 1 ? '\n' : (char)('!' + (state >> 32) % 90);
    }
}

static void fill_file(void)
{
    bytes_file = memfd_create("pattern", MFD_CLOEXEC);
    if (bytes_file < 0 || write(bytes_file, bytes_pattern, PATTERN) != PATTERN)
        fail("load: cannot make a file in memory: %s", strerror(errno));
}

void flow_start(int epoll_fd)
{
    epoll = epoll_fd;
    signal(SIGPIPE, SIG_IGN); /* sendfile has no flag for it */
    fill_patterns();
    fill_file();
}

void flow_setServer(const char *where)
{
    if (*where == '/') {
        server.local.sun_family = AF_UNIX;
        snprintf(server.local.sun_path, sizeof(server.local.sun_path), "%s", where);
        server_length = sizeof(server.local);
    } else {
        server.tcp.sin_family = AF_INET;
        server.tcp.sin_port = htons((uint16_t)read_count(where));
        server.tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        server_length = sizeof(server.tcp);
    }
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void bind_source(int fd, unsigned number)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % SOURCES);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0)
        fail("load: cannot bind: %s", strerror(errno));
}

static void watch(Flow *flow, int operation)
{
    struct epoll_event event = {.data.ptr = flow};
    event.events = flow->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (epoll_ctl(epoll, operation, flow->fd, &event) < 0)
        fail("load: epoll_ctl: %s", strerror(errno));
}

static int open_socket(const FlowKind *kind, unsigned number)
{
    int fd = socket(server.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("load: connection %u: %s", number, strerror(errno));
    if (kind->receiveBuffer)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kind->receiveBuffer, sizeof(kind->receiveBuffer));
    if (server.any.sa_family == AF_INET)
        bind_source(fd, number);
    return fd;
}

void flow_connect(Flow *flow, const FlowKind *kind, unsigned number)
{
    uint32_t begin = number * 7919U % (PATTERN / LINE) * LINE;
    *flow = (Flow){.kind = kind, .toCome = kind->parcel, .sendAt = begin, .compareAt = begin};
    flow->fd = open_socket(kind, number);
    if (connect(flow->fd, &server.any, server_length) < 0 && errno != EINPROGRESS)
        fail("load: cannot connect: %s", strerror(errno));
    watch(flow, EPOLL_CTL_ADD);
}

void flow_close(Flow *flow)
{
    close(flow->fd);
    flow->fd = -1;
}

/* ---- sending --------------------------------------------------------------------------------- */

static const char *pattern_of(const Flow *flow)
{
    return flow->kind->lines ? lines_pattern : bytes_pattern;
}

/* Bytes from a place of the pattern to its end, and no more than there are. */
static uint32_t up_to_end(uint32_t at, uint32_t length)
{
    return length < PATTERN - at ? length : PATTERN - at;
}

static ssize_t send_some(const Flow *flow)
{
    uint32_t length = up_to_end(flow->sendAt, flow->toSend);
    off_t at = flow->sendAt;

    if (flow->kind->parcel >= BIG_PARCEL)
        return sendfile(flow->fd, bytes_file, &at, length);
    return send(flow->fd, pattern_of(flow) + flow->sendAt, length, MSG_NOSIGNAL);
}

/* ENOTCONN: the connection is still being made. */
void flow_send(Flow *flow)
{
    ssize_t n = 0;
    while (flow->toSend > 0 && n >= 0) {
        n = send_some(flow);
        if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
            fail("load: cannot send: %s", strerror(errno));
        uint32_t sent = n > 0 ? (uint32_t)n : 0;
        flow->toSend -= sent;
        flow->sendAt = (flow->sendAt + sent) % PATTERN;
    }
    if (flow->blocked != (flow->toSend > 0)) {
        flow->blocked = flow->toSend > 0;
        watch(flow, EPOLL_CTL_MOD);
    }
}

void flow_begin(Flow *flow, int64_t now)
{
    flow->begun[(flow->oldest + flow->underWay) % FLOW_MAX_DEPTH] = now;
    flow->underWay++;
    flow->toSend += flow->kind->parcel;
    if (!flow->blocked)
        flow_send(flow);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void compare(Flow *flow, const char *bytes, uint32_t length)
{
    while (length > 0) {
        uint32_t part = up_to_end(flow->compareAt, length);
        if (memcmp(bytes, pattern_of(flow) + flow->compareAt, part) != 0)
            fail("load: the server sent back other bytes than it got");
        flow->compareAt = (flow->compareAt + part) % PATTERN;
        bytes += part;
        length -= part;
    }
}

static void complete(Flow *flow, FlowDone *done, void *arg)
{
    int64_t began = flow->begun[flow->oldest];
    flow->oldest = (uint16_t)((flow->oldest + 1) % FLOW_MAX_DEPTH);
    flow->underWay--;
    flow->toCome = flow->kind->parcel;
    done(flow, began, arg);
}

void flow_receive(Flow *flow, FlowDone *done, void *arg)
{
    size_t most = flow->kind->read ? flow->kind->read : RECEIVE_BUFFER;
    ssize_t n = recv(flow->fd, received, most, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail("load: the server hung up%s%s", n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
    uint32_t left = (uint32_t)n;
    compare(flow, received, left);
    while (left > 0) {
        if (flow->underWay == 0)
            fail("load: the server sent more bytes than it got");
        uint32_t part = left < flow->toCome ? left : flow->toCome;
        flow->toCome -= part;
        left -= part;
        if (flow->toCome == 0)
            complete(flow, done, arg);
    }
}
