/* Stream sockets of the simulated world, as Linux has TCP.
 *
 * A connection is two sockets that point at each other; what one sends is in the other's bounded
 * input buffer at once. A socket belongs to a descriptor, to a peer, or to the accept queue of a
 * listener. When one end is closed the other's `other` becomes NULL: what it then sends is answered
 * by RST, as the kernel does for a connection that nobody holds any more.
 *
 * Owners are told of news by `notify`, always as the last thing a function does with the socket, as
 * they may call back. Where POSIX leaves a choice, net/ipv4/tcp.c and tcp_input.c of Linux decide;
 * the names of their functions are given in the comments. */
#include <netinet/in.h>
#include <string.h>

#include "sim_internal.h"

enum {
    MOST_BACKLOG = 4096, /* net.core.somaxconn */
    /* SYNs without an answer before connect fails with ETIMEDOUT, 1 + 2 + … + 64 = 127 s after the
     * first: net.ipv4.tcp_syn_retries is 6. */
    MOST_ATTEMPTS = 7
};

static void tell(SimSocket *socket, unsigned events)
{
    if (socket->notify)
        socket->notify(socket, events);
}

static void attempt_due(SimEvent *event);

SimSocket *torc__simSocket_new(SimHost *host, int family)
{
    SimSocket *socket = torc__sim_alloc(sizeof(*socket));
    socket->kernel = host->kernel;
    socket->host = host;
    socket->family = family;
    socket->local = torc__simAddress_wildcard(family);
    socket->remote = torc__simAddress_wildcard(family);
    socket->attempt.fire = attempt_due;
    socket->number = host->kernel->sockets_made++;
    torc__simOptions_init(socket);
    return socket;
}

static void free_socket(SimSocket *socket)
{
    torc__simKernel_cancel(socket->kernel, &socket->attempt);
    torc__simPorts_remove(socket);
    torc__simBytes_done(&socket->input);
    torc__sim_release(socket);
}

int torc__simSocket_takeError(SimSocket *socket)
{
    int error = socket->error;
    socket->error = 0;
    return error;
}

/* ---- FIN and RST --------------------------------------------------------------------------- */

/* Both sides have sent FIN: nothing can happen any more (tcp_time_wait, tcp_done). */
static void end_if_complete(SimSocket *socket)
{
    if (socket->state == SIM_CONNECTED && socket->eof && socket->fin_sent)
        socket->state = SIM_ENDED;
}

/* tcp_fin */
static void receive_fin(SimSocket *socket)
{
    socket->eof = true;
    socket->shut |= SIM_SHUT_READ;
    end_if_complete(socket);
    tell(socket, SIM_ANYTHING);
}

static void send_fin(SimSocket *socket)
{
    if (socket->fin_sent)
        return;
    socket->kernel->activity++;
    socket->fin_sent = true;
    socket->shut |= SIM_SHUT_WRITE;
    end_if_complete(socket);
    if (socket->other)
        receive_fin(socket->other);
}

/* The state after RST, whoever sent it. What was received stays readable. */
static void cut(SimSocket *socket)
{
    socket->kernel->activity++;
    socket->state = SIM_ENDED;
    socket->shut = SIM_SHUT_BOTH;
    socket->other = NULL;
}

/* tcp_reset: behind a FIN the reading side has its end already, and only writing finds the error,
 * which is then EPIPE. */
static void receive_reset(SimSocket *socket)
{
    bool open = socket->state == SIM_CONNECTED;
    cut(socket);
    if (!open)
        return;
    socket->error = socket->eof ? EPIPE : ECONNRESET;
    socket->was_reset = true;
    tell(socket, SIM_ANYTHING);
}

static void send_reset(SimSocket *socket)
{
    SimSocket *other = socket->other;
    cut(socket);
    if (other)
        receive_reset(other);
}

int torc__simSocket_shutdown(SimSocket *socket, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (socket->state != SIM_CONNECTED)
        return -ENOTCONN;
    if (how != SHUT_WR)
        socket->shut |= SIM_SHUT_READ;
    if (how != SHUT_RD)
        send_fin(socket);
    tell(socket, SIM_ANYTHING);
    return 0;
}

/* ---- closing ------------------------------------------------------------------------------- */

static void abort_queue(SimSocket *listener)
{
    SimSocket *waiting;
    while (torc__simSocket_accept(listener, &waiting) == 0)
        torc__simSocket_abort(waiting);
}

void torc__simSocket_abort(SimSocket *socket)
{
    if (socket->state == SIM_CONNECTED)
        send_reset(socket);
    else if (socket->other)
        socket->other->other = NULL; /* both have sent FIN */
    free_socket(socket);
}

/* tcp_close: unread input means that the sender must learn that not all arrived (RFC 2525 §2.17);
 * SO_LINGER with 0 seconds asks for RST. */
void torc__simSocket_close(SimSocket *socket)
{
    bool unread = torc__simBytes_length(&socket->input) > 0;
    bool hard = socket->linger && socket->linger_seconds == 0;
    if (socket->state == SIM_LISTENING) {
        torc__simPorts_removeListener(socket);
        abort_queue(socket);
    }
    if (socket->state == SIM_CONNECTED && !unread && !hard) {
        SimSocket *other = socket->other;
        send_fin(socket);
        /* Being told of the FIN, the other end may have been closed or may have sent RST. */
        if (other && socket->other == other)
            other->other = NULL;
        socket->state = SIM_ENDED;
        socket->other = NULL;
    }
    torc__simSocket_abort(socket);
}

/* ---- listening ----------------------------------------------------------------------------- */

int torc__simSocket_listen(SimSocket *socket, int backlog)
{
    if (socket->state != SIM_FRESH && socket->state != SIM_LISTENING)
        return -EINVAL;
    socket->backlog = backlog < 0 || backlog > MOST_BACKLOG ? MOST_BACKLOG : (unsigned)backlog;
    if (socket->state == SIM_LISTENING)
        return 0;
    if (!socket->bound) {
        SimAddress any = socket->local;
        int r = torc__simSocket_bind(socket, &any);
        if (r < 0)
            return r;
    }
    /* Two sockets with SO_REUSEADDR may be bound to one address, but only one may listen. */
    if (torc__simPorts_taken(socket))
        return -EADDRINUSE;
    socket->state = SIM_LISTENING;
    torc__simPorts_addListener(socket);
    return 0;
}

int torc__simSocket_accept(SimSocket *listener, SimSocket **ret_socket)
{
    if (listener->state != SIM_LISTENING)
        return -EINVAL;
    SimSocket *socket = listener->queue_first;
    if (!socket)
        return -EAGAIN;
    listener->queue_first = socket->queue_next;
    if (!listener->queue_first)
        listener->queue_last = NULL;
    listener->queued--;
    listener->kernel->activity++;
    *ret_socket = socket;
    return 0;
}

/* A connection as the listener's side has it, with the options of the listener. */
static void enqueue_connection(SimSocket *listener, SimSocket *client)
{
    SimSocket *socket = torc__simSocket_new(listener->host, listener->family);
    memcpy(socket->options, listener->options, sizeof(socket->options));
    socket->linger = listener->linger;
    socket->linger_seconds = listener->linger_seconds;
    socket->state = client->state = SIM_CONNECTED;
    socket->established = client->established = true;
    socket->connect_told = true;
    socket->remote = client->local;
    socket->other = client;
    client->other = socket;
    torc__simPorts_add(socket, &client->remote);
    if (listener->queue_last)
        listener->queue_last->queue_next = socket;
    else
        listener->queue_first = socket;
    listener->queue_last = socket;
    listener->queued++;
    listener->kernel->activity++;
    tell(listener, TORC_READABLE);
}

/* ---- connecting ---------------------------------------------------------------------------- */

/* The queue holds one more than the backlog (sk_acceptq_is_full); Linux does not answer a SYN that
 * finds it full. */
int torc__simSocket_establish(SimSocket *socket)
{
    if (torc__simKernel_isBlackHole(socket->kernel, &socket->remote))
        return -EAGAIN;
    SimSocket *listener = torc__simPorts_route(socket);
    if (!listener)
        return -ECONNREFUSED;
    if (listener->queued > listener->backlog)
        return -EAGAIN;
    enqueue_connection(listener, socket);
    return 0;
}

static void fail_attempt(SimSocket *socket, int error)
{
    cut(socket);
    socket->error = error;
    tell(socket, SIM_ANYTHING);
}

static void attempt_due(SimEvent *event)
{
    SimSocket *socket = SIM_CONTAINER(event, SimSocket, attempt);
    int r = socket->attempts < MOST_ATTEMPTS ? torc__simSocket_establish(socket) : -ETIMEDOUT;
    if (r == -EAGAIN)
        torc__simKernel_schedule(socket->kernel, event, TORC__SECOND << socket->attempts++);
    else if (r < 0)
        fail_attempt(socket, -r);
    else
        tell(socket, SIM_ANYTHING);
}

/* inet_stream_connect, for a socket on which connect was called before. */
static int connect_again(SimSocket *socket)
{
    if (socket->state == SIM_CONNECTING)
        return -EALREADY;
    if (socket->state == SIM_LISTENING || socket->connect_told)
        return -EISCONN;
    socket->connect_told = socket->established;
    if (socket->state == SIM_CONNECTED)
        return 0;
    int error = torc__simSocket_takeError(socket);
    if (!socket->established) {
        socket->state = SIM_FRESH;
        socket->shut = 0;
        socket->attempts = 0;
    }
    return error ? -error : -ECONNABORTED;
}

int torc__simSocket_connect(SimSocket *socket, const SimAddress *address)
{
    if (socket->state != SIM_FRESH)
        return connect_again(socket);
    socket->remote = *address;
    int r = torc__simPorts_chooseLocal(socket);
    if (r < 0)
        return r;
    socket->state = SIM_CONNECTING;
    torc__simKernel_schedule(socket->kernel, &socket->attempt, 0);
    return -EINPROGRESS;
}

/* ---- bytes --------------------------------------------------------------------------------- */

size_t torc__simSocket_room(const SimSocket *socket)
{
    /* Nobody is there: the first bytes still find room, and are answered by RST. */
    if (!socket->other)
        return socket->kernel->buffer_size;
    return socket->kernel->buffer_size - torc__simBytes_length(&socket->other->input);
}

/* tcp_recvmsg: what is there comes first, then the end, then the error, once, and then the end
 * again. */
ssize_t torc__simSocket_recv(SimSocket *socket, void *buffer, size_t size, int flags)
{
    if (socket->state == SIM_FRESH || socket->state == SIM_LISTENING)
        return -ENOTCONN;
    size_t count = torc__simBytes_length(&socket->input);
    if (count > size)
        count = size;
    if (count == 0) {
        if (size == 0 || socket->eof)
            return 0;
        if (socket->error)
            return -torc__simSocket_takeError(socket);
        return socket->shut & SIM_SHUT_READ ? 0 : -EAGAIN;
    }
    memcpy(buffer, socket->input.data + socket->input.begin, count);
    if (flags & MSG_PEEK)
        return (ssize_t)count;
    torc__simBytes_drop(&socket->input, count);
    socket->kernel->activity++;
    if (socket->other && socket->other->wants_space) {
        socket->other->wants_space = false;
        tell(socket->other, TORC_WRITABLE);
    }
    return (ssize_t)count;
}

/* What a send cannot even begin with, or 0 (tcp_sendmsg, sk_stream_wait_connect). */
static int refuse_send(SimSocket *socket)
{
    if (socket->state == SIM_CONNECTING)
        return -EAGAIN;
    if (socket->state == SIM_CONNECTED && !socket->error && !(socket->shut & SIM_SHUT_WRITE))
        return 0;
    int error = torc__simSocket_takeError(socket);
    return error ? -error : -EPIPE;
}

/* Bytes for an end that was closed, or that has shut both directions, are answered by RST. */
static bool is_deaf(const SimSocket *other)
{
    return !other || other->shut == SIM_SHUT_BOTH;
}

ssize_t torc__simSocket_send(SimSocket *socket, const void *data, size_t length)
{
    int r = refuse_send(socket);
    if (r < 0 || length == 0)
        return r;
    size_t room = torc__simSocket_room(socket);
    size_t count = length < room ? length : room;
    SimSocket *other = socket->other;
    socket->wants_space = count < length;
    if (count == 0)
        return -EAGAIN;
    if (is_deaf(other)) {
        if (other)
            receive_reset(other);
        receive_reset(socket);
        return (ssize_t)count;
    }
    torc__simBytes_append(&other->input, data, count);
    socket->kernel->activity++;
    tell(other, TORC_READABLE);
    return (ssize_t)count;
}

/* tcp_poll, seen through libevent: an error, or both directions shut without an end from the other
 * side, is readable and writable. */
unsigned torc__simSocket_readiness(SimSocket *socket)
{
    if (socket->state == SIM_LISTENING)
        return socket->queue_first ? TORC_READABLE : 0;
    if (socket->state == SIM_CONNECTING)
        return 0;
    if (socket->state == SIM_FRESH || socket->error)
        return TORC_READABLE | TORC_WRITABLE;
    unsigned ready = 0;
    if (torc__simBytes_length(&socket->input) > 0)
        ready |= TORC_READABLE;
    if (socket->shut & SIM_SHUT_READ)
        ready |= TORC_READABLE | TORC_CLOSED;
    if (socket->shut & SIM_SHUT_WRITE || torc__simSocket_room(socket) > 0)
        ready |= TORC_WRITABLE;
    else
        socket->wants_space = true;
    return ready;
}
