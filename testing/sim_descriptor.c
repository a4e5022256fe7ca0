/* Descriptors, and what they can stand for: a socket, either end of a pipe, a file, or nothing.
 *
 * A view owns its descriptors, a descriptor, together with its duplicates, its object. Here and nowhere else the two meet: how an
 * object is told who owns it, what it is ready for, how it is read, written and closed. Numbers are
 * given out as POSIX does, the lowest free one first, but from 1,000,003 on, and on the next host
 * from 2,000,003: no system call and no other reactor can mistake one for its own. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "sim_faults_internal.h"

/* Each descriptor of an open file has a watch of its own. */
static void tell_all(SimDescriptor *first, unsigned events)
{
    SimDescriptor *descriptor = first;
    do {
        torc__simWatch_trigger(descriptor, events);
        descriptor = descriptor->twin;
    } while (descriptor != first);
}

/* What is no file of a file system is on a device of its own. */
enum { NO_DEVICE = 2, ALL_MAY = 0777, OWNER_MAY = 0600 };

/* ---- sockets ------------------------------------------------------------------------------- */

static void socket_news(SimSocket *socket, unsigned events)
{
    tell_all(socket->owner, events);
}

static void socket_attach(void *object, SimDescriptor *descriptor)
{
    SimSocket *socket = object;
    socket->owner = descriptor;
    socket->notify = descriptor ? socket_news : NULL;
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

static ssize_t socket_read(void *object, void *buffer, size_t size)
{
    SimSocket *socket = object;
    return socket->protocol->recv(socket, buffer, size, 0, NULL);
}

static ssize_t socket_write(void *object, const void *data, size_t length)
{
    SimSocket *socket = object;
    return socket->protocol->send(socket, data, length, NULL);
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
    .read = socket_read,
    .write = socket_write,
};

/* ---- pipes --------------------------------------------------------------------------------- */

static void pipe_news(SimPipeEnd *end, unsigned events)
{
    tell_all(end->owner, events);
}

static void pipe_attach(void *object, SimDescriptor *descriptor)
{
    SimPipeEnd *end = object;
    end->owner = descriptor;
    end->notify = descriptor ? pipe_news : NULL;
}

static void pipe_close(void *object)
{
    torc__simPipe_close(object);
}

static unsigned pipe_readiness(void *object)
{
    return torc__simPipe_readiness(object);
}

static ssize_t pipe_read(void *object, void *buffer, size_t size)
{
    return torc__simPipe_read(object, buffer, size);
}

static ssize_t pipe_write(void *object, const void *data, size_t length)
{
    return torc__simPipe_write(object, data, length);
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
    .read = pipe_read,
    .write = no_write,
};

const SimKind torc__sim_pipeWriter = {
    .name = "pipe, writing end",
    .attach = pipe_attach,
    .close = pipe_close,
    .readiness = pipe_readiness,
    .stat = pipe_stat,
    .read = no_read,
    .write = pipe_write,
};

/* ---- spares -------------------------------------------------------------------------------- */

static void spare_attach(void *object, SimDescriptor *descriptor)
{
    (void)object;
    (void)descriptor;
}

static void spare_close(void *object)
{
    (void)object;
}

/* A socket that was never bound, as openSpare really opens. */
static void spare_stat(const void *object, TorcFileStatus *ret_status)
{
    (void)object;
    *ret_status = (TorcFileStatus){.mode = S_IFSOCK | ALL_MAY, .device = NO_DEVICE};
}

const SimKind torc__sim_spare = {
    .name = "spare",
    .attach = spare_attach,
    .close = spare_close,
    .readiness = NULL, /* it cannot be watched */
    .stat = spare_stat,
    .read = no_read,
    .write = no_write,
};

/* ---- the table of a view ------------------------------------------------------------------- */

SimDescriptor *torc__simView_find(SimView *view, int fd)
{
    if (fd < view->descriptor_base || fd - view->descriptor_base >= view->descriptor_limit)
        return NULL;
    return view->descriptors[fd - view->descriptor_base];
}

static void grow_descriptors(SimView *view)
{
    int limit = view->descriptor_limit ? view->descriptor_limit * 2 : 64;
    size_t size = sizeof(view->descriptors[0]);
    view->descriptors = torc__sim_realloc(view->descriptors, (size_t)limit * size);
    memset(view->descriptors + view->descriptor_limit, 0,
           (size_t)(limit - view->descriptor_limit) * size);
    view->descriptor_limit = limit;
}

/* The index of the lowest free number. */
static int lowest_free(SimView *view)
{
    int index = view->lowest_free;
    while (index < view->descriptor_limit && view->descriptors[index])
        index++;
    if (index >= view->descriptor_limit)
        grow_descriptors(view);
    view->lowest_free = index + 1;
    return index;
}

static SimDescriptor *new_descriptor(SimView *view, const SimKind *kind, void *object)
{
    SimDescriptor *descriptor = torc__sim_alloc(sizeof(*descriptor));
    int index = lowest_free(view);
    *descriptor = (SimDescriptor){
        .view = view, .kind = kind, .object = object, .fd = view->descriptor_base + index};
    if (kind == &torc__sim_socketKind)
        descriptor->socket = object;
    descriptor->twin = descriptor;
    view->descriptors[index] = descriptor;
    view->open++;
    return descriptor;
}

int torc__simDescriptor_open(SimView *view, const SimKind *kind, void *object)
{
    SimDescriptor *descriptor = new_descriptor(view, kind, object);
    kind->attach(object, descriptor);
    return descriptor->fd;
}

int torc__simDescriptor_duplicate(SimDescriptor *descriptor)
{
    SimDescriptor *twin = new_descriptor(descriptor->view, descriptor->kind, descriptor->object);
    twin->blocking = descriptor->blocking;
    twin->twin = descriptor->twin;
    descriptor->twin = twin;
    return twin->fd;
}

/* Returns one of those that are left, NULL when there are none. */
static SimDescriptor *leave_ring(SimDescriptor *descriptor)
{
    SimDescriptor *before = descriptor->twin;
    while (before->twin != descriptor)
        before = before->twin;
    before->twin = descriptor->twin;
    return before == descriptor ? NULL : before;
}

void torc__simDescriptor_close(SimDescriptor *descriptor)
{
    SimView *view = descriptor->view;
    const SimKind *kind = descriptor->kind;
    void *object = descriptor->object;
    torc__simHold_drop(descriptor);
    int index = descriptor->fd - view->descriptor_base;
    view->descriptors[index] = NULL;
    view->open--;
    if (index < view->lowest_free)
        view->lowest_free = index;
    SimDescriptor *left = leave_ring(descriptor);
    torc__sim_release(descriptor);
    kind->attach(object, left);
    if (!left)
        kind->close(object);
}
