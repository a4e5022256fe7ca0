/* The attackers: thousands of peers in one epoll loop that shares nothing with Torc, and so none of
 * its mistakes. What a kind of attacker does is a row of the table at the end.
 *
 * A process of its own, so that its work does not delay what the healthy clients measure. Peers come
 * from many addresses of the loopback network, else the ports of one would run out. One that was
 * thrown out comes back after a while: the attack lasts, whatever the server does. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile.h"

enum { BLOCK = 16384, EVENTS = 512, LINE = 64 };

/* What the kernel lets wait for a connection grows with its segments. Those of the loopback device
 * are 64 KiB long; with them thousands of peers who do not read would take gigabytes, which on a
 * real network they cannot. */
enum { ETHERNET_SEGMENT = 1460, SEND_BUFFER = 8192 };

static const double arrival = 0.0005;   /* seconds from one to the next: 2,000 come in a second */
static const double return_after = 0.2; /* seconds outside */
static const double tick = 0.010;

typedef struct Peer {
    int fd; /* -1: outside */
    bool connecting;
    double due; /* outside: to come; inside: the next tick of the kind */
} Peer;

/* The functions answer whether the connection is to go on. */
struct Attack {
    const char *name;
    const char *what;
    bool (*opened)(Peer *peer); /* NULL: nothing happens */
    bool (*readable)(Peer *peer);
    bool (*writable)(Peer *peer);
    bool (*ticked)(Peer *peer);
    double period;      /* of ticked, seconds */
    int receive_buffer; /* bytes; 0: the system's */
    bool resets;        /* leaves with RST */
    bool holds;         /* does not leave at all */
    long memory;        /* kB for each connection; see attack_memory */
};

typedef struct Attacker {
    const Attack *attack;
    int port;
    int epoll;
    int count;
    Peer *peers;
} Attacker;

static char lines[BLOCK];   /* of LINE bytes each */
static char no_line[BLOCK]; /* without a delimiter */
static Tally *tally;

/* ---- what peers do ------------------------------------------------------------------------- */

static bool send_bytes(const Peer *peer, const void *data, size_t length)
{
    ssize_t n = send(peer->fd, data, length, MSG_NOSIGNAL);
    if (n > 0)
        atomic_fetch_add_explicit(&tally->sent, n, memory_order_relaxed);
    return n >= 0 || errno == EAGAIN;
}

static bool send_lines(Peer *peer)
{
    return send_bytes(peer, lines, sizeof(lines));
}

static bool send_one_line(Peer *peer)
{
    return send_bytes(peer, lines, LINE);
}

static bool send_no_line(Peer *peer)
{
    return send_bytes(peer, no_line, sizeof(no_line));
}

static bool send_a_byte(Peer *peer)
{
    return send_bytes(peer, no_line, 1);
}

static bool discard(Peer *peer)
{
    static char bytes[BLOCK * 4];
    ssize_t n = recv(peer->fd, bytes, sizeof(bytes), 0);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool sip(Peer *peer)
{
    char byte;
    ssize_t n = recv(peer->fd, &byte, 1, 0);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool leave(Peer *peer)
{
    (void)peer;
    return false;
}

static bool say_goodbye(Peer *peer)
{
    return send_one_line(peer) && shutdown(peer->fd, SHUT_WR) == 0;
}

/* A reset behind a FIN: the server reads all of it, and its answer is what fails (EPIPE). */
static bool slam(Peer *peer)
{
    (void)say_goodbye(peer);
    return false;
}

/* From now on no packet reaches this socket: the server's bytes are never acknowledged, as if the
 * cable had been cut, and it is told of nothing. */
static bool vanish(Peer *peer)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &drop};
    return setsockopt(peer->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 &&
           send_one_line(peer);
}

/* ---- coming and going ---------------------------------------------------------------------- */

static void reset_at_close(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void go(const Attacker *attacker, Peer *peer)
{
    if (attacker->attack->resets)
        reset_at_close(peer->fd);
    close(peer->fd);
    if (!peer->connecting)
        atomic_fetch_sub(&tally->open, 1);
    peer->fd = -1;
    peer->connecting = false;
    peer->due = now() + return_after;
}

static bool set_option(int fd, int level, int option, int value)
{
    return value == 0 || setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static bool bind_to_own_address(int fd, ptrdiff_t index)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    name.sin_addr.s_addr = htonl(0x7f010000u + (uint32_t)index); /* 127.1.0.0 and up */
    return set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) &&
           bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
}

static bool begin_to_connect(const Attacker *attacker, Peer *peer)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    struct epoll_event interest = {.events = EPOLLOUT, .data.ptr = peer};
    server.sin_port = htons((uint16_t)attacker->port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return set_option(peer->fd, IPPROTO_TCP, TCP_MAXSEG, ETHERNET_SEGMENT) &&
           set_option(peer->fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER) &&
           set_option(peer->fd, SOL_SOCKET, SO_RCVBUF, attacker->attack->receive_buffer) &&
           bind_to_own_address(peer->fd, peer - attacker->peers) &&
           (connect(peer->fd, (struct sockaddr *)&server, sizeof(server)) == 0 ||
            errno == EINPROGRESS) &&
           epoll_ctl(attacker->epoll, EPOLL_CTL_ADD, peer->fd, &interest) == 0;
}

static void come(const Attacker *attacker, Peer *peer)
{
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    peer->connecting = true;
    if (peer->fd < 0)
        peer->due = now() + return_after;
    else if (!begin_to_connect(attacker, peer))
        go(attacker, peer);
}

static bool is_connected(int fd)
{
    int error = 0;
    socklen_t length = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

/* The first tick comes at a time of its own for each peer. */
static bool begin(const Attacker *attacker, Peer *peer)
{
    const Attack *attack = attacker->attack;
    struct epoll_event interest = {.events = EPOLLRDHUP, .data.ptr = peer};
    if (!is_connected(peer->fd))
        return false;
    peer->connecting = false;
    peer->due = now() + attack->period * (double)(random() % 1000) / 1000;
    atomic_fetch_add(&tally->opened, 1);
    atomic_fetch_add(&tally->open, 1);
    interest.events |= attack->readable ? EPOLLIN : 0u;
    interest.events |= attack->writable ? EPOLLOUT : 0u;
    if (epoll_ctl(attacker->epoll, EPOLL_CTL_MOD, peer->fd, &interest) < 0)
        return false;
    return !attack->opened || attack->opened(peer);
}

static bool handle(const Attacker *attacker, Peer *peer, uint32_t events)
{
    const Attack *attack = attacker->attack;
    if (peer->connecting)
        return begin(attacker, peer);
    if (events & EPOLLIN)
        return attack->readable(peer) && (!(events & EPOLLOUT) || attack->writable(peer));
    if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        return false;
    return attack->writable(peer);
}

static void serve_time(const Attacker *attacker)
{
    const Attack *attack = attacker->attack;
    double time = now();
    for (int i = 0; i < attacker->count; i++) {
        Peer *peer = &attacker->peers[i];
        if (peer->connecting || peer->due > time)
            continue;
        peer->due = time + attack->period;
        if (peer->fd < 0)
            come(attacker, peer);
        else if (attack->ticked && !attack->ticked(peer))
            go(attacker, peer);
    }
}

static void serve_events(const Attacker *attacker)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(attacker->epoll, events, EVENTS, (int)(tick * 1e3));
    for (int i = 0; i < n; i++)
        if (!handle(attacker, events[i].data.ptr, events[i].events))
            go(attacker, events[i].data.ptr);
}

static void leave_all(const Attacker *attacker)
{
    for (int i = 0; i < attacker->count && !attacker->attack->holds; i++)
        if (attacker->peers[i].fd >= 0)
            go(attacker, &attacker->peers[i]);
}

static void wait_for(int stage)
{
    while (atomic_load(&tally->stage) < stage)
        usleep(2000);
}

_Noreturn void attack_run(const Attack *attack, int port, int peers, Tally *shared)
{
    Attacker attacker = {.attack = attack, .port = port, .count = peers};
    tally = shared;
    attacker.epoll = epoll_create1(EPOLL_CLOEXEC);
    attacker.peers = calloc((size_t)peers, sizeof(Peer));
    if (attacker.epoll < 0 || !attacker.peers)
        _exit(EXIT_FAILURE);
    memset(no_line, 'x', sizeof(no_line));
    memset(lines, 'y', sizeof(lines));
    for (size_t i = LINE - 1; i < sizeof(lines); i += LINE)
        lines[i] = '\n';

    wait_for(STAGE_ATTACKING);
    for (int i = 0; i < peers; i++)
        attacker.peers[i] = (Peer){.fd = -1, .due = now() + arrival * i};
    while (atomic_load(&tally->stage) == STAGE_ATTACKING) {
        serve_time(&attacker);
        serve_events(&attacker);
    }
    leave_all(&attacker);
    for (;;)
        pause(); /* until it is killed */
}

/* ---- the kinds ----------------------------------------------------------------------------- */

/* Memory: a connection alone costs less than 4 kB. Where its output is not taken, reading stops at
 * 64 KiB of it, after the read that passed this mark; one read takes up to 256 KiB, and of what
 * came with it a line server may have to keep the rest. */
static const Attack attacks[] = {
    {.name = "silent", .what = "connects and never speaks", .memory = 4},
    {.name = "drip",
     .what = "sends a byte a second",
     .readable = discard,
     .ticked = send_a_byte,
     .period = 1,
     .memory = 8},
    {.name = "deaf",
     .what = "sends without end and never reads",
     .writable = send_lines,
     .receive_buffer = 4096,
     .resets = true,
     .memory = 400},
    {.name = "sip",
     .what = "sends without end and reads a byte at a time",
     .writable = send_lines,
     .ticked = sip,
     .period = 0.1,
     .receive_buffer = 4096,
     .memory = 400},
    {.name = "endless",
     .what = "sends requests without waiting for answers; 4,000 fill a gigabit link",
     .readable = discard,
     .ticked = send_lines,
     .period = 0.5,
     .memory = 64},
    {.name = "greedy",
     .what = "sends requests as fast as the system lets it, and reads",
     .readable = discard,
     .writable = send_lines,
     .memory = 400},
    {.name = "shapeless",
     .what = "sends as fast as the system lets it, and never a delimiter",
     .readable = discard,
     .writable = send_no_line,
     .memory = 400},
    {.name = "reset",
     .what = "sends, and resets in the middle of the answer",
     .opened = send_lines,
     .readable = leave,
     .resets = true,
     .memory = 64},
    {.name = "slam",
     .what = "sends a line and a FIN, and resets before the answer",
     .opened = slam,
     .resets = true,
     .memory = 8},
    {.name = "vanish",
     .what = "sends, and is gone without a packet",
     .opened = vanish,
     .holds = true,
     .memory = 8},
    {.name = "flood", .what = "connects and closes", .opened = leave, .memory = 8},
    {.name = "flood-reset",
     .what = "connects and resets",
     .opened = leave,
     .resets = true,
     .memory = 8},
    {.name = "fin",
     .what = "sends a line and a FIN, and reads to the end",
     .opened = say_goodbye,
     .readable = discard,
     .memory = 8},
};

const Attack *attack_find(const char *name)
{
    for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
        if (strcmp(attacks[i].name, name) == 0)
            return &attacks[i];
    return NULL;
}

void attack_list(void)
{
    for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
        printf("%-12s %s\n", attacks[i].name, attacks[i].what);
}

long attack_memory(const Attack *attack)
{
    return attack->memory;
}
