/* Pipes of the simulated world, as Linux has them (fs/pipe.c).
 *
 * A pipe is a bounded queue of bytes with two ends, each of which belongs to a descriptor; it is
 * freed with the second. Up to PIPE_BUF bytes are written whole or not at all, and there is room as
 * long as so many would fit. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sim_socket_internal.h"

enum { CAPACITY = 64 * 1024 };

struct SimPipe {
    SimKernel *kernel;
    uint64_t inode;
    SimBytes bytes;
    SimPipeEnd ends[2]; /* [0] is read from */
};

static void tell(SimPipeEnd *end)
{
    if (end->notify)
        end->notify(end, SIM_ANYTHING);
}

SimPipeEnd *torc__simPipe_new(SimKernel *kernel)
{
    SimPipe *pipe = torc__sim_alloc(sizeof(*pipe));
    pipe->kernel = kernel;
    pipe->inode = ++kernel->inodes_made;
    for (int i = 0; i < 2; i++)
        pipe->ends[i] = (SimPipeEnd){.pipe = pipe, .open = true};
    return pipe->ends;
}

void torc__simPipe_close(SimPipeEnd *end)
{
    SimPipe *pipe = end->pipe;
    SimPipeEnd *other = end == &pipe->ends[0] ? &pipe->ends[1] : &pipe->ends[0];
    *end = (SimPipeEnd){.pipe = pipe, .open = false};
    pipe->kernel->activity++;
    if (other->open) {
        tell(other);
        return;
    }
    torc__simBytes_done(&pipe->bytes);
    torc__sim_release(pipe);
}

static size_t room(const SimPipe *pipe)
{
    return CAPACITY - torc__simBytes_length(&pipe->bytes);
}

ssize_t torc__simPipe_read(SimPipeEnd *end, void *buffer, size_t size)
{
    SimPipe *pipe = end->pipe;
    size_t count = torc__simBytes_length(&pipe->bytes);
    bool was_full = room(pipe) < PIPE_BUF;
    if (size == 0)
        return 0;
    if (count == 0)
        return pipe->ends[1].open ? -EAGAIN : 0;
    if (count > size)
        count = size;
    memcpy(buffer, pipe->bytes.data + pipe->bytes.begin, count);
    torc__simBytes_drop(&pipe->bytes, count);
    pipe->kernel->activity++;
    if (was_full && room(pipe) >= PIPE_BUF)
        tell(&pipe->ends[1]);
    return (ssize_t)count;
}

ssize_t torc__simPipe_write(SimPipeEnd *end, const void *data, size_t length)
{
    SimPipe *pipe = end->pipe;
    size_t count = length < room(pipe) ? length : room(pipe);
    if (length == 0)
        return 0;
    if (!pipe->ends[0].open)
        return -EPIPE;
    bool refused = count == 0 || (count < length && length <= PIPE_BUF);
    if (!refused) {
        torc__simBytes_append(&pipe->bytes, data, count);
        pipe->kernel->activity++;
    }
    tell(&pipe->ends[0]); /* pipe_write wakes a reader that polls even when it has no room */
    return refused ? -EAGAIN : (ssize_t)count;
}

size_t torc__simPipe_unread(const SimPipeEnd *end)
{
    return torc__simBytes_length(&end->pipe->bytes);
}

size_t torc__simPipe_room(const SimPipeEnd *end)
{
    return room(end->pipe);
}

/* pipe_poll, seen through libevent: that the other end is closed is readable and writable. */
unsigned torc__simPipe_readiness(SimPipeEnd *end)
{
    SimPipe *pipe = end->pipe;
    if (!pipe->ends[0].open || !pipe->ends[1].open)
        return TORC_READABLE | TORC_WRITABLE;
    if (end == &pipe->ends[0])
        return torc__simBytes_length(&pipe->bytes) > 0 ? TORC_READABLE : 0;
    return room(pipe) >= PIPE_BUF ? TORC_WRITABLE : 0;
}

uint64_t torc__simPipe_inode(const SimPipeEnd *end)
{
    return end->pipe->inode;
}
