/* Links between hosts: how long what is sent takes, how much gets through, and whether at all.
 *
 * A link is one direction between two hosts and belongs to the host it leaves; one that was never
 * set carries everything at once. All connections of a direction share its bandwidth, first come,
 * first served: a link remembers when the last byte it was given will have left. What is on its way
 * is kept by the socket it goes to (sim_transit.c). */
#include <assert.h>

#include "../reactor/reactor_internal.h"
#include "sim_network_internal.h"

SimLink *torc__simLink_find(const SimHost *from, const SimHost *to)
{
    SimLink *link = from->links;
    while (link && link->to != to)
        link = link->next;
    return link;
}

SimLink *torc__simLink_get(SimHost *from, SimHost *to)
{
    from->kernel->linked = true;
    SimLink *link = torc__simLink_find(from, to);
    if (link)
        return link;
    link = torc__sim_alloc(sizeof(*link));
    link->to = to;
    SimLink **last = &from->links;
    while (*last)
        last = &(*last)->next;
    *last = link;
    return link;
}

void torc__simLinks_free(SimHost *host)
{
    while (host->links) {
        SimLink *link = host->links;
        host->links = link->next;
        torc__sim_release(link);
    }
}

/* ---- time ---------------------------------------------------------------------------------- */

/* Nanoseconds that so many bytes take, rounded up. They fit into a socket's buffer. */
static int64_t sending_time(uint64_t bandwidth, size_t length)
{
    uint64_t second = (uint64_t)TORC__SECOND;
    assert(length < INT64_MAX / second);
    return bandwidth > 0 ? (int64_t)((length * second + bandwidth - 1) / bandwidth) : 0;
}

static int64_t draw_jitter(SimKernel *kernel, int64_t most)
{
    return most > 0 ? (int64_t)(torc__simKernel_random(kernel) % ((uint64_t)most + 1)) : 0;
}

int64_t torc__simLink_arrival(const SimHost *from, const SimHost *to, size_t length)
{
    SimKernel *kernel = from->kernel;
    SimLink *link = torc__simLink_find(from, to);
    if (!link)
        return kernel->now;
    if (link->free_at < kernel->now)
        link->free_at = kernel->now;
    link->free_at = torc__sim_later(link->free_at, sending_time(link->bandwidth, length));
    int64_t delay = torc__sim_later(link->latency, draw_jitter(kernel, link->jitter));
    return torc__sim_later(link->free_at, delay);
}

bool torc__simLink_passes(const SimHost *from, const SimHost *to)
{
    const SimLink *link = torc__simLink_find(from, to);
    return !to->down && !(link && link->cut);
}

/* ---- partitions ---------------------------------------------------------------------------- */

static void repeat_from(SimSocket *socket, void *from)
{
    if (socket->far == from)
        torc__simTransit_repeat(socket);
}

/* What was to be sent meanwhile has not been: the link is free when it begins to carry again. */
static void cut_link(SimHost *from, SimHost *to, bool cut)
{
    SimLink *link = torc__simLink_get(from, to);
    link->cut = cut;
    link->free_at = from->kernel->now;
}

void torc__simLinks_cut(SimHost *a, SimHost *b, bool cut)
{
    cut_link(a, b, cut);
    cut_link(b, a, cut);
    if (cut)
        return;
    torc__simHost_eachSocket(b, repeat_from, a);
    if (a != b)
        torc__simHost_eachSocket(a, repeat_from, b);
}

/* ---- crashes ------------------------------------------------------------------------------- */

/* What the machine had sent is in the network and still arrives, unless a partition is holding it:
 * nobody sends it again. */
static void forget_socket(SimSocket *socket, void *arg)
{
    SimSocket *other = socket->other;
    (void)arg;
    if (other) {
        other->unanswered += torc__simTransit_length(socket);
        other->other = NULL;
        if (!torc__simLink_passes(socket->host, other->host))
            torc__simTransit_drop(other);
    }
    torc__simTransit_drop(socket);
    torc__simKernel_cancel(socket->kernel, &socket->attempt);
    if (socket->state != SIM_FRESH && socket->state != SIM_LISTENING)
        torc__simSocket_cut(socket);
}

void torc__simLinks_crash(SimHost *host)
{
    host->kernel->linked = true;
    host->down = true;
    torc__simHost_eachSocket(host, forget_socket, NULL);
}

static void answer_by_reset(SimSocket *socket, void *host)
{
    if (socket->far == host && !socket->other && socket->unanswered > 0) {
        socket->unanswered = 0;
        torc__simTransit_put(socket, SIM_RST);
    }
}

void torc__simLinks_restart(SimHost *host)
{
    SimKernel *kernel = host->kernel;
    host->down = false;
    torc__simHost_eachSocket(&kernel->home, answer_by_reset, host);
    torc__simHost_eachSocket(&kernel->abroad, answer_by_reset, host);
    for (SimHost *other = kernel->hosts; other; other = other->next)
        torc__simHost_eachSocket(other, answer_by_reset, host);
}
