/* Handles on their way over UNIX sockets, and the collector of those that cannot arrive.
 *
 * A message in a socket's input owns a reference to the handle it carries. It is given up in two
 * steps, doom and bury, because closing one socket drops what is in its input, which may close the
 * next: a chain of any length takes no more of the stack than one. A socket that is sent over itself
 * would hold itself for ever; Linux looks for such circles now and then (net/unix/garbage.c), here
 * they are looked for at once, whenever a handle of a UNIX socket is left with nothing but messages.
 * Invariant: kernel->passed has all that can still arrive. */
#include "sim_handle_internal.h"

/* ---- one message --------------------------------------------------------------------------- */

static void put_on(SimPassed **list, SimPassed *passed)
{
    passed->next = *list;
    passed->link = list;
    if (*list)
        (*list)->link = &passed->next;
    *list = passed;
}

static void take_off(SimPassed *passed)
{
    *passed->link = passed->next;
    if (passed->next)
        passed->next->link = passed->link;
}

SimPassed *torc__simPassed_new(SimSocket *to, SimHandle *handle)
{
    SimPassed *passed = torc__sim_alloc(sizeof(*passed));
    *passed = (SimPassed){.handle = torc__simHandle_ref(handle), .to = to};
    handle->in_flight++;
    put_on(&to->kernel->passed, passed);
    return passed;
}

SimHandle *torc__simPassed_take(SimPassed *passed)
{
    SimHandle *handle = passed->handle;
    handle->in_flight--;
    take_off(passed);
    torc__sim_release(passed);
    return handle;
}

void torc__simPassed_doom(SimPassed *passed)
{
    SimKernel *kernel = passed->to->kernel;
    passed->handle->in_flight--;
    take_off(passed);
    put_on(&kernel->doomed, passed);
}

void torc__simPassed_bury(SimKernel *kernel)
{
    if (kernel->burying)
        return; /* whoever is at it will find what is new */
    kernel->burying = true;
    while (kernel->doomed) {
        SimPassed *passed = kernel->doomed;
        SimHandle *handle = passed->handle;
        take_off(passed);
        torc__sim_release(passed);
        torc__simHandle_unref(handle);
    }
    kernel->burying = false;
}

/* ---- the collector ------------------------------------------------------------------------- */

/* Somebody can receive from the socket: it is a peer's, or has a descriptor, or what leads to it is
 * itself on its way to somebody who can. One that waits to be accepted is its listener's. */
static bool is_reached(const SimSocket *socket)
{
    const SimHandle *handle = torc__simHandle_of(socket->queued_by ? socket->queued_by : socket);
    return !handle || handle->references > handle->in_flight || handle->reached;
}

/* arg: the handles that were found and not yet followed. */
static void reach(SimPassed *passed, void *arg)
{
    SimHandle **found = arg;
    SimHandle *handle = passed->handle;
    if (handle->reached)
        return;
    handle->reached = true;
    handle->next_found = *found;
    *found = handle;
}

static void follow(const SimHandle *handle, SimHandle **found)
{
    const SimSocket *socket = handle->socket;
    if (!socket || !socket->un)
        return;
    torc__simUnix_visitPassed(socket, reach, found);
    for (socket = socket->queue_first; socket; socket = socket->queue_next)
        torc__simUnix_visitPassed(socket, reach, found);
}

/* Each message is looked at once as one that somebody can receive, and once as what leads on. */
static void mark(SimKernel *kernel)
{
    SimHandle *found = NULL;

    for (const SimPassed *passed = kernel->passed; passed; passed = passed->next)
        passed->handle->reached = false;
    for (SimPassed *passed = kernel->passed; passed; passed = passed->next)
        if (is_reached(passed->to))
            reach(passed, &found);
    while (found) {
        const SimHandle *handle = found;
        found = handle->next_found;
        follow(handle, &found);
    }
}

/* What is doomed here holds its handle until it is buried; closing that finds the rest. */
void torc__simPassed_collect(SimKernel *kernel)
{
    mark(kernel);
    const SimPassed *passed = kernel->passed;
    while (passed) {
        if (is_reached(passed->to)) {
            passed = passed->next;
            continue;
        }
        torc__simUnix_doomPassed(passed->to);
        passed = kernel->passed;
    }
    torc__simPassed_bury(kernel);
}
