/* The simulated system's calls that move bytes, and descriptors with them.
 *
 * Here alone transfers are cut short, by a fault or to the chunk size; what that holds back counts
 * as arriving, or finding room, right afterwards, so code that waits for the next edge after a short
 * result gets it. Datagrams are never cut. */
#include <errno.h>
#include <limits.h>

#include "sim_call_internal.h"
#include "sim_files_internal.h"
#include "sim_trace_internal.h"

enum { MOST_PIECES = 64 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool is_stream(const SimSocket *socket)
{
    return socket->protocol->type == SOCK_STREAM;
}

/* ---- recv ---------------------------------------------------------------------------------- */

static ssize_t recv_stream(const SimCall *call, void *buffer, size_t size, int flags,
                           SimHandle **ret_passed)
{
    SimSocket *socket = call->socket;
    const SimProtocol *protocol = socket->protocol;
    size_t chunk = torc__simCall_limit(call, size, protocol->unread(socket));
    ssize_t n = socket->un ? torc__simUnix_recv(socket, buffer, chunk, flags, ret_passed)
                           : protocol->recv(socket, buffer, chunk, flags, NULL);
    if (chunk < size && n > 0 && protocol->unread(socket) > 0 && !(flags & MSG_PEEK))
        torc__simSocket_tell(socket, TORC_READABLE);
    return n;
}

/* There is no room for what came along (scm_destroy). */
static void drop_passed(const SimCall *call, SimHandle *passed)
{
    const SimDescriptor *descriptor = call->descriptor;
    torc__simTrace_add(descriptor->view->kernel->trace, SIM_LINE_DROP_DESCRIPTOR, descriptor->fd, 0,
                       0, 0, NULL, 0);
    torc__simHandle_unref(passed);
}

/* What came along gets a number (scm_detach_fds): the number, or the negative error. */
static int take_passed(const SimCall *call, SimHandle *passed)
{
    SimDescriptor *descriptor = call->descriptor;
    SimView *view = descriptor->view;
    int r = torc__simCall_judgeAlso(call, TORC_SIM_TAKE_DESCRIPTOR);
    if (r == 0)
        r = torc__simDescriptor_add(view, passed);
    torc__simTrace_add(view->kernel->trace, SIM_LINE_TAKE_DESCRIPTOR, descriptor->fd, 0, 0, r, NULL,
                       0);
    torc__simHandle_unref(passed);
    return r;
}

ssize_t torc__simTransfer_recvfrom(TorcSystem *system, int fd, void *buffer, size_t size, int flags,
                                   struct sockaddr *ret_from, socklen_t *length)
{
    SimCall call;
    SimAddress from;
    SimHandle *passed = NULL;
    int r = torc__simCall_beginTransfer(system, fd, TORC_SIM_RECV, &call);
    if (r < 0)
        return r;
    bool stream = is_stream(call.socket);
    ssize_t n = stream ? recv_stream(&call, buffer, size, flags, &passed)
                       : call.socket->protocol->recv(call.socket, buffer, size, flags, &from);
    if (n >= 0 && ret_from && stream)
        *length = 0;
    else if (n >= 0 && ret_from)
        torc__simAddress_toSockaddr(&from, call.socket->family, ret_from, length);
    if (passed)
        drop_passed(&call, passed);
    return n;
}

ssize_t torc__simTransfer_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    return torc__simTransfer_recvfrom(system, fd, buffer, size, flags, NULL, NULL);
}

/* One at most is passed with a piece here, as sendDescriptor sends one. */
ssize_t torc__simTransfer_recvDescriptors(TorcSystem *system, int fd, void *buffer, size_t size,
                                          int *ret_descriptors, size_t *count, bool *ret_cut)
{
    SimCall call;
    SimHandle *passed = NULL;
    int taken = -1;
    int r = torc__simCall_beginTransfer(system, fd, TORC_SIM_RECV, &call);
    if (r < 0)
        return r;
    ssize_t n = is_stream(call.socket)
                    ? recv_stream(&call, buffer, size, 0, &passed)
                    : call.socket->protocol->recv(call.socket, buffer, size, 0, NULL);
    if (n < 0)
        return n;
    if (passed && *count > 0)
        taken = take_passed(&call, passed);
    else if (passed)
        drop_passed(&call, passed);
    if (taken >= 0)
        ret_descriptors[0] = taken;
    *count = taken >= 0;
    *ret_cut = passed && taken < 0;
    return n;
}

/* ---- send ---------------------------------------------------------------------------------- */

/* What a send of `length` bytes comes to. */
typedef struct Offer {
    size_t length; /* that the socket is given */
    bool cut;      /* more would have found room */
} Offer;

/* One byte more than there is room for tells the socket that there is more: nobody has to make a
 * copy of the rest. */
static Offer make_offer(const SimCall *call, size_t length)
{
    size_t room = call->socket->protocol->room(call->socket);
    size_t chunk = torc__simCall_limit(call, length, room);
    return (Offer){.length = chunk > room ? room + 1 : chunk, .cut = chunk < length};
}

/* What is passed along goes with the first byte; TCP does not look at it (__sock_cmsg_send). */
static ssize_t send_offer(const SimCall *call, Offer offer, const void *data, SimHandle *passed)
{
    SimSocket *socket = call->socket;
    const SimProtocol *protocol = socket->protocol;
    ssize_t n = socket->un ? torc__simUnix_send(socket, data, offer.length, passed)
                           : protocol->send(socket, data, offer.length, NULL);
    if (!offer.cut || n <= 0)
        return n;
    if (protocol->room(socket) > 0)
        torc__simSocket_tell(socket, TORC_WRITABLE);
    else
        socket->wants_space = true; /* the cut came first, so the socket does not know */
    return n;
}

static ssize_t send_stream(const SimCall *call, const void *data, size_t length, SimHandle *passed)
{
    return send_offer(call, make_offer(call, length), data, passed);
}

ssize_t torc__simTransfer_sendto(TorcSystem *system, int fd, const void *data, size_t size,
                                 const struct sockaddr *name, socklen_t length)
{
    SimCall call;
    SimAddress address;
    int r = torc__simCall_beginTransfer(system, fd, TORC_SIM_SEND, &call);
    if (r < 0)
        return r;
    SimSocket *socket = call.socket;
    if (name && socket->family == AF_UNIX) /* unix_stream_sendmsg; TCP does not look at it */
        return socket->state == SIM_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (is_stream(socket))
        return send_stream(&call, data, size, NULL);
    if (!name)
        return socket->protocol->send(socket, data, size, NULL);
    r = torc__simAddress_fromSockaddr(name, length, socket->family, &address);
    return r < 0 ? r : socket->protocol->send(socket, data, size, &address);
}

ssize_t torc__simTransfer_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    return torc__simTransfer_sendto(system, fd, data, length, NULL, 0);
}

static size_t length_of(const struct iovec *pieces, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += pieces[i].iov_len;
    return length;
}

/* The first `length` bytes of the pieces, in one place; valid until the next time. */
static const void *gather(SimView *view, const struct iovec *pieces, size_t length)
{
    SimBytes *gathered = &view->gathered;
    torc__simBytes_drop(gathered, torc__simBytes_length(gathered));
    for (; length > 0; pieces++) {
        size_t part = smaller(pieces->iov_len, length);
        torc__simBytes_append(gathered, pieces->iov_base, part);
        length -= part;
    }
    return gathered->data;
}

/* All pieces leave at once: whoever gets the first bytes has the others, too. What finds no room is
 * not gathered, or a long queue that leaves byte by byte would cost its length squared. */
ssize_t torc__simTransfer_sendv(TorcSystem *system, int fd, const struct iovec *pieces,
                                size_t count)
{
    SimCall call;
    SimView *view = torc__simView_of(system);
    size_t length = length_of(pieces, count);
    if (count > MOST_PIECES)
        return -EMSGSIZE;
    int r = torc__simCall_beginTransfer(system, fd, TORC_SIM_SEND, &call);
    if (r < 0)
        return r;
    if (!is_stream(call.socket))
        return call.socket->protocol->send(call.socket, gather(view, pieces, length), length, NULL);
    Offer offer = make_offer(&call, length);
    return send_offer(&call, offer, gather(view, pieces, offer.length), NULL);
}

ssize_t torc__simTransfer_sendDescriptor(TorcSystem *system, int fd, const void *data,
                                         size_t length, int passed)
{
    SimCall call;
    int r = torc__simCall_beginTransfer(system, fd, TORC_SIM_SEND, &call);
    if (r < 0)
        return r;
    const SimDescriptor *along = torc__simView_find(torc__simView_of(system), passed);
    if (!along) /* __scm_send, before the socket itself is looked at */
        return -EBADF;
    r = torc__simCall_judgeAlso(&call, TORC_SIM_SEND_DESCRIPTOR);
    if (r < 0)
        return r;
    return is_stream(call.socket) ? send_stream(&call, data, length, along->handle)
                                  : call.socket->protocol->send(call.socket, data, length, NULL);
}

/* ---- read and write ------------------------------------------------------------------------ */

/* Of a file or a pipe. */
static ssize_t read_object(SimDescriptor *descriptor, void *buffer, size_t size)
{
    SimCall call;
    const SimKind *kind = descriptor->handle->kind;
    void *object = descriptor->handle->object;
    TorcSimCall what = kind == &torc__sim_fileKind ? TORC_SIM_READ_FILE : TORC_SIM_RECV;
    int r = torc__simCall_judgeTransfer(descriptor, what, &call);
    if (r < 0)
        return r;
    size_t chunk = torc__simCall_limit(&call, size, kind->unread(object));
    ssize_t n = kind->read(object, buffer, chunk);
    if (chunk < size && n > 0)
        torc__simWatch_trigger(descriptor, TORC_READABLE);
    return n;
}

ssize_t torc__simTransfer_read(TorcSystem *system, int fd, void *buffer, size_t size)
{
    SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (descriptor->handle->socket)
        return torc__simTransfer_recv(system, fd, buffer, size, 0);
    return read_object(descriptor, buffer, size);
}

/* What a pipe must take whole is not cut. */
static ssize_t write_object(SimDescriptor *descriptor, const void *data, size_t length)
{
    SimCall call;
    const SimKind *kind = descriptor->handle->kind;
    void *object = descriptor->handle->object;
    bool file = kind == &torc__sim_fileKind;
    int r =
        torc__simCall_judgeTransfer(descriptor, file ? TORC_SIM_WRITE_FILE : TORC_SIM_SEND, &call);
    if (r < 0)
        return r;
    size_t chunk = length;
    if (file || length > PIPE_BUF)
        chunk = torc__simCall_limit(&call, length, kind->room(object));
    ssize_t n = kind->write(object, data, chunk);
    if (chunk < length && n > 0)
        torc__simWatch_trigger(descriptor, TORC_WRITABLE);
    return n;
}

ssize_t torc__simTransfer_write(TorcSystem *system, int fd, const void *data, size_t length)
{
    SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (descriptor->handle->socket)
        return torc__simTransfer_send(system, fd, data, length);
    return write_object(descriptor, data, length);
}

/* Asks for `size` bytes, and fetches no more than `most` of what that gives. */
static ssize_t read_file(TorcSystem *system, int fd, void *buffer, size_t size, size_t most,
                         uint64_t offset)
{
    SimCall call;
    TorcFileStatus status;
    SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    const SimHandle *handle = descriptor->handle;
    if (handle->kind != &torc__sim_fileKind)
        return -ESPIPE;
    int r = torc__simCall_judgeTransfer(descriptor, TORC_SIM_READ_FILE, &call);
    if (r < 0)
        return r;
    handle->kind->stat(handle->object, &status);
    uint64_t end = (uint64_t)status.size;
    size_t there = offset < end ? (size_t)(end - offset) : 0;
    return torc__simFiles_readAt(descriptor, offset, buffer,
                                 smaller(torc__simCall_limit(&call, size, there), most));
}

ssize_t torc__simTransfer_pread(TorcSystem *system, int fd, void *buffer, size_t size,
                                uint64_t offset)
{
    return read_file(system, fd, buffer, size, size, offset);
}

/* What splice(2) moves at once, through a pipe inside the kernel. */
enum { SENDFILE_PIECE = 64 * 1024 };

/* What a send to the socket can make use of: as in make_offer one byte more than it takes. */
static size_t useful(const SimDescriptor *to)
{
    const SimSocket *socket = to->handle->socket;
    size_t chunk = to->view->chunk_size > 0 ? to->view->chunk_size : SENDFILE_PIECE;
    if (!is_stream(socket))
        return SENDFILE_PIECE;
    return smaller(smaller(chunk, socket->protocol->room(socket)), SENDFILE_PIECE - 1) + 1;
}

/* Reads first (do_splice_direct): the end of a file shows also when there is no room. */
ssize_t torc__simTransfer_sendfile(TorcSystem *system, int out, int in, uint64_t offset,
                                   size_t length)
{
    size_t size = smaller(length, SENDFILE_PIECE);
    const SimDescriptor *to = torc__simView_find(torc__simView_of(system), out);
    if (!to || !to->handle->socket)
        return to ? -EINVAL : -EBADF;
    size_t most = useful(to);
    void *piece = torc__sim_alloc(most);
    ssize_t n = read_file(system, in, piece, size, most, offset);
    ssize_t sent = n > 0 ? -EINTR : n;
    while (sent == -EINTR)
        sent = torc__simTransfer_send(system, out, piece, (size_t)n);
    torc__sim_release(piece);
    return sent;
}
