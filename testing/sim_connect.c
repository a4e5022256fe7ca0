/* Connection attempts: the handshake as the side that connects sees it.
 *
 * An attempt is one event that is, in turn, the sending of a SYN, its arrival, and the arrival of
 * the answer; on a link that takes no time all three are one. A SYN or an answer that does not come
 * through is repeated as Linux does. The connection exists from the moment the answer arrives; the
 * listener has it when the last packet of the handshake arrives there (sim_transit.c: SIM_ACK). */
#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "sim_network_internal.h"

/* SYNs without an answer before connect fails with ETIMEDOUT, 1 + 2 + … + 64 = 127 s after the
 * first: net.ipv4.tcp_syn_retries is 6. */
enum { MOST_ATTEMPTS = 7 };

/* ---- the listener's side ------------------------------------------------------------------- */

/* A connection as the listener's side has it, with the options of the listener. */
static SimSocket *join(SimSocket *listener, SimSocket *client)
{
    SimSocket *socket = torc__simSocket_new(listener->host, listener->family);
    memcpy(socket->options, listener->options, sizeof(socket->options));
    socket->shut = listener->shut; /* it may have been shut before it listened */
    socket->linger = listener->linger;
    socket->linger_seconds = listener->linger_seconds;
    socket->state = client->state = SIM_CONNECTED;
    socket->connect_answer = -EISCONN;
    socket->remote = client->local;
    socket->other = client;
    client->other = socket;
    socket->far = client->host;
    client->far = socket->host;
    torc__simPorts_add(socket, &client->remote);
    client->kernel->activity++;
    return socket;
}

/* What a SYN that has arrived is answered: 0 with the listener, -ECONNREFUSED, or -EAGAIN when it
 * is not answered. The queue holds one more than the backlog (sk_acceptq_is_full); Linux does not
 * answer a SYN that finds it full. */
static int answer_to(SimSocket *client, SimSocket **ret_listener)
{
    if (torc__simKernel_isBlackHole(client->kernel, &client->remote))
        return -EAGAIN;
    SimSocket *listener = torc__simPorts_route(client);
    if (!listener)
        return -ECONNREFUSED;
    if (listener->queued > listener->backlog)
        return -EAGAIN;
    *ret_listener = listener;
    return 0;
}

int torc__simSocket_establish(SimSocket *socket)
{
    SimSocket *listener;
    if (socket->kernel->linked &&
        !torc__simLink_passes(socket->host, torc__simPorts_target(socket)))
        return -EAGAIN;
    int r = answer_to(socket, &listener);
    if (r == 0)
        torc__simSocket_enqueue(listener, join(listener, socket));
    return r;
}

/* ---- the attempt --------------------------------------------------------------------------- */

static void next_phase(SimSocket *socket, SimAttempt phase, int64_t time)
{
    socket->phase = phase;
    torc__simKernel_schedule(socket->kernel, &socket->attempt, time - socket->kernel->now);
}

/* No answer has come, or will come: the next SYN leaves when the time of the last one is over. */
static void try_again(SimSocket *socket)
{
    int64_t time = torc__sim_later(socket->attempted_at, TORC__SECOND << socket->attempts++);
    if (time < socket->kernel->now)
        time = socket->kernel->now;
    next_phase(socket, SIM_SEND_SYN, time);
}

static void fail(SimSocket *socket, int error)
{
    torc__simSocket_cut(socket);
    socket->error = error;
    torc__simSocket_tell(socket, SIM_ANYTHING);
}

static void succeed(SimSocket *client, SimSocket *listener)
{
    SimSocket *socket = join(listener, client);
    if (torc__simSocket_isFar(client))
        torc__simTransit_put(socket, SIM_ACK);
    else
        torc__simSocket_enqueue(listener, socket);
    torc__simSocket_tell(client, SIM_ANYTHING);
}

/* While the answer was on its way the listener may have gone. */
static void answer_arrives(SimSocket *socket)
{
    SimHost *target = torc__simPorts_target(socket);
    SimSocket *listener = torc__simPorts_route(socket);
    if (target->down || !torc__simLink_passes(target, socket->host))
        try_again(socket);
    else if (socket->answer < 0 || !listener)
        fail(socket, ECONNREFUSED);
    else
        succeed(socket, listener);
}

static void syn_arrives(SimSocket *socket)
{
    SimKernel *kernel = socket->kernel;
    SimHost *target = torc__simPorts_target(socket);
    SimSocket *listener = NULL;
    int r = answer_to(socket, &listener);
    if (r == -EAGAIN || !torc__simLink_passes(socket->host, target)) {
        try_again(socket);
        return;
    }
    int64_t time = torc__simLink_arrival(target, socket->host, 0);
    socket->answer = r;
    if (time > kernel->now)
        next_phase(socket, SIM_ANSWER_ARRIVES, time);
    else if (r < 0)
        fail(socket, -r);
    else
        succeed(socket, listener);
}

static void send_syn(SimSocket *socket)
{
    SimKernel *kernel = socket->kernel;
    socket->attempted_at = kernel->now;
    if (socket->attempts >= MOST_ATTEMPTS) {
        fail(socket, ETIMEDOUT);
        return;
    }
    int64_t time = torc__simLink_arrival(socket->host, torc__simPorts_target(socket), 0);
    if (time > kernel->now)
        next_phase(socket, SIM_SYN_ARRIVES, time);
    else
        syn_arrives(socket);
}

void torc__simSocket_attempt(SimEvent *event)
{
    SimSocket *socket = SIM_CONTAINER(event, SimSocket, attempt);
    switch (socket->phase) {
    case SIM_SEND_SYN: send_syn(socket); break;
    case SIM_SYN_ARRIVES: syn_arrives(socket); break;
    case SIM_ANSWER_ARRIVES: answer_arrives(socket); break;
    }
}

/* ---- connect ------------------------------------------------------------------------------- */

/* __inet_stream_connect, for a socket on which connect was called before. What it is told of the end
 * of makes it as new. */
static int connect_again(SimSocket *socket)
{
    if (socket->state == SIM_CONNECTING)
        return -EALREADY;
    if (socket->state == SIM_LISTENING)
        return -EISCONN;
    if (socket->connect_answer < 0)
        return socket->connect_answer;
    if (socket->state == SIM_CONNECTED) {
        socket->connect_answer = -EISCONN;
        return 0;
    }
    int error = torc__simSocket_takeError(socket);
    torc__simSocket_disconnect(socket);
    torc__simSocket_tell(socket, SIM_ANYTHING);
    return error ? -error : -ECONNABORTED;
}

/* What is on its way already does not look at the address. */
int torc__simSocket_connect(SimSocket *socket, const struct sockaddr *name, socklen_t length)
{
    SimAddress address;
    if (socket->state != SIM_FRESH)
        return connect_again(socket);
    int r = torc__simAddress_fromSockaddr(name, length, socket->family, &address);
    if (r < 0)
        return r;
    socket->remote = address;
    r = torc__simPorts_chooseLocal(socket);
    if (r < 0)
        return r;
    socket->state = SIM_CONNECTING;
    torc__simKernel_schedule(socket->kernel, &socket->attempt, 0);
    return -EINPROGRESS;
}
