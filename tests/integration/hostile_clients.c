/* Healthy clients, and how long they wait.
 *
 * Each has a timetable. A request is measured from the moment it was due, not from the one at which
 * it could be sent, so that one long wait counts for all the requests that it held up (Tene,
 * "coordinated omission"). Some keep their connection, the others are newcomers: they connect anew
 * for each request, and their waiting includes the accept queue. Newcomers do not wait for each
 * other, so there are many of them, each of whom comes seldom. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile.h"

enum { STAYING = 8, NEWCOMERS = 32, CLIENTS = STAYING + NEWCOMERS, REQUEST = 64 };
enum { SAMPLES_MOST = 1 << 20 };

static const double staying_period = 0.020;
static const double newcomer_period = 0.800;

typedef struct Client {
    int fd; /* -1: not connected */
    bool stays;
    bool connecting;
    bool waiting; /* for an answer */
    double due;   /* of the request that waits or comes next */
    double period;
    size_t got;
    unsigned number; /* of the request; makes each a different one */
} Client;

struct Clients {
    int epoll;
    int port;
    bool finger;
    Client all[CLIENTS];
    long lost;
    long refused;
    long welcomed;
    size_t count;
    double samples[SAMPLES_MOST]; /* seconds */
};

static void sample(Clients *clients, double seconds)
{
    if (clients->count < SAMPLES_MOST)
        clients->samples[clients->count++] = seconds;
}

static void disconnect(Client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->connecting = client->waiting = false;
}

static void failed(Clients *clients, Client *client)
{
    if (client->stays)
        clients->lost++;
    else
        clients->refused++;
    disconnect(client);
    client->due = now() + client->period;
}

static void answered(Clients *clients, Client *client)
{
    sample(clients, now() - client->due);
    client->waiting = false;
    client->due += client->period;
    if (client->stays)
        return;
    clients->welcomed++;
    disconnect(client);
}

static size_t write_request(const Clients *clients, const Client *client, char *request)
{
    if (clients->finger)
        return (size_t)snprintf(request, REQUEST + 1, "ann\r\n");
    return (size_t)snprintf(request, REQUEST + 1, "%0*u\n", REQUEST - 1, client->number);
}

/* An empty connection takes so little at once. */
static void send_request(Clients *clients, Client *client)
{
    char request[REQUEST + 1];
    client->number++;
    client->got = 0;
    client->waiting = true;
    size_t length = write_request(clients, client, request);
    if (send(client->fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
        failed(clients, client);
}

static void connect_client(Clients *clients, Client *client)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)clients->port)};
    struct epoll_event interest = {.events = EPOLLOUT, .data.ptr = client};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    client->connecting = true;
    if (client->fd < 0 || epoll_ctl(clients->epoll, EPOLL_CTL_ADD, client->fd, &interest) < 0 ||
        (connect(client->fd, (struct sockaddr *)&name, sizeof(name)) < 0 && errno != EINPROGRESS))
        failed(clients, client);
}

static void connected(Clients *clients, Client *client)
{
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = client};
    int one = 1;
    int error = 0;
    socklen_t length = sizeof(error);
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        epoll_ctl(clients->epoll, EPOLL_CTL_MOD, client->fd, &interest) < 0) {
        failed(clients, client);
        return;
    }
    client->connecting = false;
    send_request(clients, client);
}

/* A finger server's answer ends with the connection, an echo is as long as the request. */
static void take_answer(Clients *clients, Client *client)
{
    char answer[4096];
    char request[REQUEST + 1];
    ssize_t n = recv(client->fd, answer, sizeof(answer), 0);
    size_t length = write_request(clients, client, request);
    if (n < 0 && errno == EAGAIN)
        return;
    bool ends = n == 0 && clients->finger && client->got > 0;
    bool right =
        n > 0 && (clients->finger || (client->waiting && client->got + (size_t)n <= length &&
                                      memcmp(answer, request + client->got, (size_t)n) == 0));
    client->got += n > 0 ? (size_t)n : 0;
    if (!ends && !right)
        failed(clients, client);
    else if (ends || (!clients->finger && client->got == length))
        answered(clients, client);
}

static void begin_what_is_due(Clients *clients)
{
    double time = now();
    for (size_t i = 0; i < CLIENTS; i++) {
        Client *client = &clients->all[i];
        if (client->waiting || client->connecting || client->due > time)
            continue;
        if (client->fd < 0)
            connect_client(clients, client);
        else
            send_request(clients, client);
    }
}

static int milliseconds_to_wait(const Clients *clients, double end)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (!clients->all[i].waiting && !clients->all[i].connecting && clients->all[i].due < end)
            end = clients->all[i].due;
    double left = (end - now()) * 1e3;
    return left > 0 ? (int)left + 1 : 0;
}

void clients_run(Clients *clients, double seconds)
{
    double end = now() + seconds;
    struct epoll_event events[CLIENTS];
    do {
        begin_what_is_due(clients);
        int n = epoll_wait(clients->epoll, events, CLIENTS, milliseconds_to_wait(clients, end));
        for (int i = 0; i < n; i++) {
            Client *client = events[i].data.ptr;
            if (client->connecting)
                connected(clients, client);
            else
                take_answer(clients, client);
        }
    } while (now() < end);
}

Clients *clients_new(int port, bool finger)
{
    Clients *clients = calloc(1, sizeof(*clients));
    if (!clients)
        return NULL;
    clients->epoll = epoll_create1(EPOLL_CLOEXEC);
    clients->port = port;
    clients->finger = finger;
    if (clients->epoll < 0) {
        free(clients);
        return NULL;
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        Client *client = &clients->all[i];
        client->fd = -1;
        client->stays = !finger && i < STAYING;
        client->period = client->stays ? staying_period : newcomer_period;
        client->due = now() + client->period * (double)i / CLIENTS;
    }
    return clients;
}

void clients_free(Clients *clients)
{
    for (size_t i = 0; i < CLIENTS; i++)
        disconnect(&clients->all[i]);
    close(clients->epoll);
    free(clients);
}

/* ---- what was measured --------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double milliseconds_at(const Clients *clients, double part)
{
    if (clients->count == 0)
        return 0;
    return clients->samples[(size_t)((double)(clients->count - 1) * part)] * 1e3;
}

/* Whoever waits counts, and from now on its request is due anew. */
static void count_those_who_wait(Clients *clients)
{
    double time = now();
    for (size_t i = 0; i < CLIENTS; i++) {
        Client *client = &clients->all[i];
        if (client->due >= time)
            continue;
        sample(clients, time - client->due);
        client->due = time;
    }
}

Latencies clients_take(Clients *clients)
{
    Latencies found = {.answers = (long)clients->count};
    count_those_who_wait(clients);
    qsort(clients->samples, clients->count, sizeof(double), ascending);
    found.middle = milliseconds_at(clients, 0.5);
    found.p99 = milliseconds_at(clients, 0.99);
    found.most = milliseconds_at(clients, 1);
    clients->count = 0;
    clients->lost = clients->refused = clients->welcomed = 0;
    return found;
}

long clients_lost(const Clients *clients)
{
    return clients->lost;
}

long clients_refused(const Clients *clients)
{
    return clients->refused;
}

long clients_welcomed(const Clients *clients)
{
    return clients->welcomed;
}
