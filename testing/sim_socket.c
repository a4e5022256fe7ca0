/* Stream sockets of the simulated world, as Linux has TCP.
 *
 * A connection is two sockets that point at each other; what one sends is in the other's bounded
 * input buffer at once, or after its time on a link (sim_transit.c). A socket belongs to a descriptor, to a peer, or to the accept queue of a
 * listener. When one end is closed the other's `other` becomes NULL: what it then sends is answered
 * by RST, as the kernel does for a connection that nobody holds any more.
 *
 * Owners are told of news by `notify`, always as the last thing a function does with the socket, as
 * they may call back. Where POSIX leaves a choice, net/ipv4/tcp.c and tcp_input.c of Linux decide;
 * the names of their functions are given in the comments. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "sim_network_internal.h"

void torc__simSocket_tell(SimSocket *socket, unsigned events)
{
    if (socket->notify)
        socket->notify(socket, events);
}

SimSocket *torc__simSocket_new(SimHost *host, int family)
{
    SimSocket *socket = torc__sim_alloc(sizeof(*socket));
    socket->kernel = host->kernel;
    socket->host = host;
    socket->family = family;
    socket->protocol = &torc__sim_stream;
    socket->local = torc__simAddress_wildcard(family);
    socket->remote = torc__simAddress_wildcard(family);
    socket->attempt.fire = torc__simSocket_attempt;
    socket->attempt.name = "connection attempt";
    socket->number = host->kernel->sockets_made++;
    socket->inode = ++host->kernel->inodes_made;
    torc__simOptions_init(socket);
    return socket;
}

void torc__simSocket_free(SimSocket *socket)
{
    torc__simKernel_cancel(socket->kernel, &socket->attempt);
    torc__simTransit_drop(socket);
    torc__simPorts_remove(socket);
    if (socket->un)
        torc__simUnix_done(socket);
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

/* tcp_set_state, to TCP_CLOSE: a port that nobody asked for is given back. The socket stays where it
 * can be found by it. */
static void end(SimSocket *socket)
{
    socket->state = SIM_ENDED;
    socket->released = !socket->chose_port;
}

/* Both sides have sent FIN: nothing can happen any more (tcp_time_wait, tcp_done). */
static void end_if_complete(SimSocket *socket)
{
    if (socket->state == SIM_CONNECTED && socket->eof && socket->fin_sent)
        end(socket);
}

/* tcp_fin */
void torc__simSocket_receiveFin(SimSocket *socket)
{
    socket->eof = true;
    socket->shut |= SIM_SHUT_READ;
    end_if_complete(socket);
    torc__simSocket_tell(socket, SIM_ANYTHING);
}

static void send_fin(SimSocket *socket)
{
    if (socket->fin_sent)
        return;
    bool far = torc__simSocket_isFar(socket);
    socket->kernel->activity++;
    socket->fin_sent = true;
    socket->shut |= SIM_SHUT_WRITE;
    end_if_complete(socket);
    if (socket->other && far)
        torc__simTransit_put(socket->other, SIM_FIN);
    else if (socket->other)
        torc__simSocket_receiveFin(socket->other);
}

/* The state after RST, whoever sent it. What was received stays readable. */
void torc__simSocket_cut(SimSocket *socket)
{
    socket->kernel->activity++;
    end(socket);
    socket->shut = SIM_SHUT_BOTH;
    socket->other = NULL;
}

/* tcp_reset: behind a FIN the reading side has its end already, and only writing finds the error,
 * which is then EPIPE. */
void torc__simSocket_receiveReset(SimSocket *socket)
{
    bool open = socket->state == SIM_CONNECTED;
    torc__simSocket_cut(socket);
    if (!open)
        return;
    socket->error = socket->eof ? EPIPE : ECONNRESET;
    socket->was_reset = true;
    torc__simSocket_tell(socket, SIM_ANYTHING);
}

static void send_reset(SimSocket *socket)
{
    SimSocket *other = socket->other;
    bool far = other && torc__simSocket_isFar(socket);
    torc__simSocket_cut(socket);
    if (far) {
        other->other = NULL;
        torc__simTransit_put(other, SIM_RST);
    } else if (other) {
        torc__simSocket_receiveReset(other);
    }
}

void torc__simSocket_break(SimSocket *socket)
{
    SimSocket *other = socket->other;
    if (socket->state != SIM_CONNECTED)
        return;
    if (other)
        torc__simSocket_receiveReset(other);
    torc__simSocket_receiveReset(socket);
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
    torc__simSocket_free(socket);
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
        if (other && socket->other == other) {
            torc__simTransit_refuse(socket);
            other->other = NULL;
        }
        socket->state = SIM_ENDED;
        socket->other = NULL;
    }
    torc__simSocket_abort(socket);
}

/* ---- shutting down ------------------------------------------------------------------------- */

static void forget_connection(SimSocket *socket)
{
    if (socket->other)
        socket->other->other = NULL;
    torc__simTransit_drop(socket);
    torc__simBytes_drop(&socket->input, torc__simBytes_length(&socket->input));
    socket->other = NULL;
    socket->far = NULL;
    socket->fin_sent = socket->eof = socket->was_reset = socket->wants_space = false;
    socket->unanswered = 0;
    socket->attempts = 0;
    socket->phase = SIM_SEND_SYN;
}

/* tcp_disconnect: what bind was not given is lost, too, though getsockname goes on to tell the
 * port. */
void torc__simSocket_disconnect(SimSocket *socket)
{
    if (socket->state == SIM_LISTENING) {
        torc__simPorts_removeListener(socket);
        abort_queue(socket);
    } else if (socket->state == SIM_CONNECTING) {
        torc__simKernel_cancel(socket->kernel, &socket->attempt);
        socket->error = ECONNRESET;
    }
    if (socket->state != SIM_ENDED)
        end(socket);
    forget_connection(socket);
    socket->state = SIM_FRESH;
    socket->shut = 0;
    socket->connect_answer = 0;
    if (socket->released)
        torc__simPorts_remove(socket);
    if (!socket->chose_address)
        torc__simAddress_setWildcard(&socket->local, socket->family);
}

/* SS_CONNECTING is over, whether connect was told how it went or not. */
static void settle_attempt(SimSocket *socket)
{
    if (socket->connect_answer == 0 && socket->state == SIM_CONNECTED)
        socket->connect_answer = -EISCONN;
    else if (socket->connect_answer == 0 && socket->state == SIM_ENDED)
        socket->connect_answer = -EINVAL;
}

/* inet_shutdown: what is not connected is shut too, also for a connection it may have later. */
int torc__simSocket_shutdown(SimSocket *socket, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    SimState state = socket->state;
    settle_attempt(socket);
    if (state == SIM_CONNECTING || (state == SIM_LISTENING && how != SHUT_WR)) {
        torc__simSocket_disconnect(socket);
    } else if (state != SIM_LISTENING) {
        socket->shut |= how == SHUT_RDWR ? SIM_SHUT_BOTH
                        : how == SHUT_RD ? SIM_SHUT_READ
                                         : SIM_SHUT_WRITE;
        if (state == SIM_CONNECTED && how != SHUT_RD)
            send_fin(socket);
    }
    torc__simSocket_tell(socket, SIM_ANYTHING);
    return state == SIM_FRESH || state == SIM_ENDED ? -ENOTCONN : 0;
}

/* ---- listening ----------------------------------------------------------------------------- */

unsigned torc__simSocket_backlog(int backlog)
{
    enum { MOST = 4096 }; /* net.core.somaxconn */
    return backlog < 0 || backlog > MOST ? MOST : (unsigned)backlog;
}

int torc__simSocket_listen(SimSocket *socket, int backlog)
{
    if (socket->state != SIM_FRESH && socket->state != SIM_LISTENING)
        return -EINVAL;
    socket->backlog = torc__simSocket_backlog(backlog);
    if (socket->state == SIM_LISTENING)
        return 0;
    if (!socket->bound) {
        SimAddress any = socket->local;
        any.port = 0;
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
    socket->queued_by = NULL;
    listener->kernel->activity++;
    *ret_socket = socket;
    return 0;
}

void torc__simSocket_enqueue(SimSocket *listener, SimSocket *socket)
{
    if (listener->queue_last)
        listener->queue_last->queue_next = socket;
    else
        listener->queue_first = socket;
    listener->queue_last = socket;
    listener->queued++;
    socket->queued_by = listener;
    listener->kernel->activity++;
    torc__simSocket_tell(listener, TORC_READABLE);
}

/* ---- bytes --------------------------------------------------------------------------------- */

size_t torc__simSocket_unread(const SimSocket *socket)
{
    return torc__simBytes_length(&socket->input);
}

size_t torc__simSocket_room(const SimSocket *socket)
{
    if (torc__simSocket_isFar(socket))
        return torc__simTransit_room(socket);
    /* Nobody is there: the first bytes still find room, and are answered by RST. */
    if (!socket->other)
        return socket->kernel->buffer_size;
    return socket->kernel->buffer_size - torc__simBytes_length(&socket->other->input);
}

bool torc__simSocket_takeInput(SimSocket *socket, void *buffer, size_t count, int flags)
{
    if (count == 0)
        return false;
    memcpy(buffer, socket->input.data + socket->input.begin, count);
    if (flags & MSG_PEEK)
        return false;
    torc__simBytes_drop(&socket->input, count);
    socket->kernel->activity++;
    return true;
}

/* tcp_recvmsg: what is there comes first, then the end, then the error, once, and then the end
 * again. */
ssize_t torc__simSocket_recv(SimSocket *socket, void *buffer, size_t size, int flags)
{
    if (socket->state == SIM_LISTENING)
        return -ENOTCONN;
    size_t count = torc__simSocket_unread(socket);
    if (count == 0) {
        if (socket->eof)
            return 0;
        if (socket->error)
            return -torc__simSocket_takeError(socket);
        if (socket->shut & SIM_SHUT_READ)
            return 0;
        return socket->state == SIM_FRESH ? -ENOTCONN : -EAGAIN;
    }
    if (count > size)
        count = size;
    if (!torc__simSocket_takeInput(socket, buffer, count, flags))
        return (ssize_t)count;
    if (socket->transit)
        torc__simTransit_resume(socket);
    SimSocket *other = socket->other;
    if (other && other->wants_space && torc__simSocket_room(other) > 0) {
        other->wants_space = false;
        torc__simSocket_tell(other, TORC_WRITABLE);
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
    if (torc__simSocket_isFar(socket)) {
        torc__simTransit_send(socket, data, count);
        return (ssize_t)count;
    }
    if (torc__simSocket_isDeaf(other)) {
        if (other)
            torc__simSocket_receiveReset(other);
        torc__simSocket_receiveReset(socket);
        return (ssize_t)count;
    }
    torc__simBytes_append(&other->input, data, count);
    socket->kernel->activity++;
    torc__simSocket_tell(other, TORC_READABLE);
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
    unsigned ready = 0;
    if (socket->state == SIM_FRESH || socket->error)
        ready = TORC_READABLE | TORC_WRITABLE;
    if (socket->error)
        return ready;
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

/* ---- the protocol -------------------------------------------------------------------------- */

static ssize_t recv_from(SimSocket *socket, void *buffer, size_t size, int flags,
                         SimAddress *ret_from)
{
    (void)ret_from; /* a stream names nobody */
    return torc__simSocket_recv(socket, buffer, size, flags);
}

static ssize_t send_to(SimSocket *socket, const void *data, size_t length,
                       const SimAddress *address)
{
    (void)address; /* nor does it ask where to */
    return torc__simSocket_send(socket, data, length);
}

const SimProtocol torc__sim_stream = {
    .type = SOCK_STREAM,
    .number = IPPROTO_TCP,
    .bind = torc__simInet_bind,
    .listen = torc__simSocket_listen,
    .accept = torc__simSocket_accept,
    .connect = torc__simSocket_connect,
    .getsockname = torc__simInet_getsockname,
    .getpeername = torc__simInet_getpeername,
    .recv = recv_from,
    .send = send_to,
    .shutdown = torc__simSocket_shutdown,
    .close = torc__simSocket_close,
    .readiness = torc__simSocket_readiness,
    .unread = torc__simSocket_unread,
    .room = torc__simSocket_room,
    .abort = torc__simSocket_abort,
    .sever = torc__simSocket_break,
};
