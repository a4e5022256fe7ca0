/* Handles, and what they can be for: a socket, either end of a pipe, a file (sim_file_calls.c), or
 * nothing.
 *
 * Here and nowhere else objects and descriptors meet: how an object is told who is to hear of news,
 * what it is ready for, how it is read, written and closed. A handle is counted; the object is
 * closed with its last reference, and never before. */
#include <errno.h>
#include <sys/stat.h>

#include "sim_view_internal.h"

/* Each descriptor has a watch of its own. */
static void tell_all(const SimHandle *handle, unsigned events)
{
    for (SimDescriptor *one = handle->descriptors; one; one = one->next)
        torc__simWatch_trigger(one, events);
}

/* What is no file of a file system is on a device of its own. */
enum { NO_DEVICE = 2, ALL_MAY = 0777, OWNER_MAY = 0600 };

/* ---- sockets ------------------------------------------------------------------------------- */

static void socket_news(SimSocket *socket, unsigned events)
{
    tell_all(socket->owner, events);
}

static void socket_attach(void *object, SimHandle *handle)
{
    SimSocket *socket = object;
    socket->owner = handle;
    socket->notify = handle ? socket_news : NULL;
}

static void socket_close(void *object)
{
    SimSocket *socket = object;
    socket->protocol->close(socket);
}

static unsigned socket_readiness(void *object)
{
    SimSocket *socket = object;
    return socket->protocol->readiness(socket);
}

static void socket_stat(const void *object, TorcFileStatus *ret_status)
{
    const SimSocket *socket = object;
    *ret_status =
        (TorcFileStatus){.mode = S_IFSOCK | ALL_MAY, .device = NO_DEVICE, .inode = socket->inode};
}

const SimKind torc__sim_socketKind = {
    .name = "socket",
    .attach = socket_attach,
    .close = socket_close,
    .readiness = socket_readiness,
    .stat = socket_stat,
};

/* ---- pipes --------------------------------------------------------------------------------- */

static void pipe_news(SimPipeEnd *end, unsigned events)
{
    tell_all(end->owner, events);
}

static void pipe_attach(void *object, SimHandle *handle)
{
    SimPipeEnd *end = object;
    end->owner = handle;
    end->notify = handle ? pipe_news : NULL;
}

static void pipe_close(void *object)
{
    torc__simPipe_close(object);
}

static unsigned pipe_readiness(void *object)
{
    return torc__simPipe_readiness(object);
}

static size_t pipe_unread(const void *object)
{
    return torc__simPipe_unread(object);
}

static size_t pipe_room(const void *object)
{
    return torc__simPipe_room(object);
}

static ssize_t pipe_read(void *object, void *buffer, size_t size)
{
    return torc__simPipe_read(object, buffer, size);
}

static ssize_t pipe_write(void *object, const void *data, size_t length)
{
    return torc__simPipe_write(object, data, length);
}

static size_t nothing(const void *object)
{
    (void)object;
    return 0;
}

static ssize_t no_read(void *object, void *buffer, size_t size)
{
    (void)object;
    (void)buffer;
    (void)size;
    return -EBADF;
}

static ssize_t no_write(void *object, const void *data, size_t length)
{
    (void)object;
    (void)data;
    (void)length;
    return -EBADF;
}

static void pipe_stat(const void *object, TorcFileStatus *ret_status)
{
    *ret_status = (TorcFileStatus){
        .mode = S_IFIFO | OWNER_MAY, .device = NO_DEVICE, .inode = torc__simPipe_inode(object)};
}

const SimKind torc__sim_pipeReader = {
    .name = "pipe, reading end",
    .attach = pipe_attach,
    .close = pipe_close,
    .readiness = pipe_readiness,
    .stat = pipe_stat,
    .unread = pipe_unread,
    .room = nothing,
    .read = pipe_read,
    .write = no_write,
};

const SimKind torc__sim_pipeWriter = {
    .name = "pipe, writing end",
    .attach = pipe_attach,
    .close = pipe_close,
    .readiness = pipe_readiness,
    .stat = pipe_stat,
    .unread = nothing,
    .room = pipe_room,
    .read = no_read,
    .write = pipe_write,
};

/* ---- spares -------------------------------------------------------------------------------- */

/* A socket that was never bound, as openSpare really opens. */
static void spare_stat(const void *object, TorcFileStatus *ret_status)
{
    (void)object;
    *ret_status = (TorcFileStatus){.mode = S_IFSOCK | ALL_MAY, .device = NO_DEVICE};
}

const SimKind torc__sim_spare = {
    .name = "spare",
    .stat = spare_stat,
    .unread = nothing,
    .room = nothing,
    .read = no_read,
    .write = no_write,
};

/* ---- references ---------------------------------------------------------------------------- */

SimHandle *torc__simHandle_new(const SimKind *kind, void *object)
{
    SimHandle *handle = torc__sim_alloc(sizeof(*handle));
    *handle = (SimHandle){.kind = kind, .object = object, .references = 1};
    if (kind == &torc__sim_socketKind)
        handle->socket = object;
    if (kind->attach)
        kind->attach(object, handle);
    return handle;
}

SimHandle *torc__simHandle_ref(SimHandle *handle)
{
    handle->references++;
    return handle;
}

/* A UNIX socket that nobody but messages leads to may be in one that only it could receive. */
static bool may_be_garbage(const SimHandle *handle)
{
    return handle->references == handle->in_flight && handle->socket && handle->socket->un;
}

void torc__simHandle_unref(SimHandle *handle)
{
    const SimKind *kind = handle->kind;
    void *object = handle->object;
    if (--handle->references > 0) {
        if (may_be_garbage(handle))
            torc__simPassed_collect(handle->socket->kernel);
        return;
    }
    torc__sim_release(handle);
    if (kind->attach)
        kind->attach(object, NULL);
    if (kind->close)
        kind->close(object);
}

const SimHandle *torc__simHandle_of(const SimSocket *socket)
{
    return socket->notify == socket_news ? socket->owner : NULL;
}
