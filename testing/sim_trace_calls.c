/* The table of system calls with the trace in between.
 *
 * Every function does what its namesake in torc__sim_ops does and writes a line about it; nothing
 * else is here. The line is begun before the call, so that what the call brings about stands below
 * it. */
#include <string.h>

#include "sim_trace_internal.h"
#include "sim_view_internal.h"

static SimTrace *trace_of(TorcSystem *system)
{
    return SIM_CONTAINER(system, SimView, system)->kernel->trace;
}

/* The bytes of an address that the caller gave, or got. */
typedef struct AddressBytes {
    unsigned char bytes[SIM_LINE_BYTES];
    size_t length; /* 0: it cannot be read */
} AddressBytes;

static AddressBytes read_address(const struct sockaddr *name, socklen_t length)
{
    AddressBytes result = {.length = 0};
    SimAddress address;
    if (!name || length < sizeof(name->sa_family))
        return result;
    if (name->sa_family == AF_UNIX) {
        result.length = torc__simTrace_putName(result.bytes, name, length);
    } else if (torc__simAddress_fromSockaddr(name, length, name->sa_family, &address) == 0) {
        torc__simTrace_putAddress(result.bytes, &address);
        result.length = SIM_LINE_ADDRESS;
    }
    return result;
}

static void end_number(SimTrace *trace, uint64_t line, int64_t result)
{
    torc__simTrace_end(trace, line, result, NULL, 0);
}

/* With the bytes that were moved. */
static void end_bytes(SimTrace *trace, uint64_t line, ssize_t result, const void *bytes)
{
    torc__simTrace_end(trace, line, result, bytes, result > 0 ? (size_t)result : 0);
}

static void end_address(SimTrace *trace, uint64_t line, int64_t result, const AddressBytes *address)
{
    torc__simTrace_end(trace, line, result, address->bytes, address->length);
}

/* ---- sockets ------------------------------------------------------------------------------- */

static int traced_socket(TorcSystem *system, int family, int type)
{
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_SOCKET, -1, family, type);
    int r = torc__sim_ops.socket(system, family, type);
    end_number(trace_of(system), line, r);
    return r;
}

static int traced_bind(TorcSystem *system, int fd, const struct sockaddr *name, socklen_t length)
{
    AddressBytes address = read_address(name, length);
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_BIND, fd, 0, 0);
    int r = torc__sim_ops.bind(system, fd, name, length);
    end_address(trace_of(system), line, r, &address);
    return r;
}

static int traced_listen(TorcSystem *system, int fd, int backlog)
{
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_LISTEN, fd, backlog, 0);
    int r = torc__sim_ops.listen(system, fd, backlog);
    end_number(trace_of(system), line, r);
    return r;
}

static int traced_accept(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length)
{
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_ACCEPT, fd, 0, 0);
    int r = torc__sim_ops.accept(system, fd, ret_peer, length);
    AddressBytes address = read_address(r >= 0 ? ret_peer : NULL, length ? *length : 0);
    end_address(trace_of(system), line, r, &address);
    return r;
}

static int traced_connect(TorcSystem *system, int fd, const struct sockaddr *name, socklen_t length)
{
    AddressBytes address = read_address(name, length);
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_CONNECT, fd, 0, 0);
    int r = torc__sim_ops.connect(system, fd, name, length);
    end_address(trace_of(system), line, r, &address);
    return r;
}

static ssize_t traced_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_RECV, fd, (int64_t)size, flags);
    ssize_t n = torc__sim_ops.recv(system, fd, buffer, size, flags);
    end_bytes(trace, line, n, buffer);
    return n;
}

static ssize_t traced_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_SEND, fd, (int64_t)length, 0);
    ssize_t n = torc__sim_ops.send(system, fd, data, length);
    end_bytes(trace, line, n, data);
    return n;
}

/* The first bytes of those sent; the hash learns the others from whoever gets them. */
static size_t first_bytes(const struct iovec *pieces, size_t count, size_t sent,
                          unsigned char *ret_bytes)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < SIM_LINE_BYTES && used < sent; i++) {
        size_t length = pieces[i].iov_len;
        if (length > SIM_LINE_BYTES - used)
            length = SIM_LINE_BYTES - used;
        if (length > sent - used)
            length = sent - used;
        if (length > 0)
            memcpy(ret_bytes + used, pieces[i].iov_base, length);
        used += length;
    }
    return used;
}

static ssize_t traced_sendv(TorcSystem *system, int fd, const struct iovec *pieces, size_t count)
{
    SimTrace *trace = trace_of(system);
    unsigned char bytes[SIM_LINE_BYTES];
    size_t whole = 0;
    for (size_t i = 0; i < count; i++)
        whole += pieces[i].iov_len;
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_SEND, fd, (int64_t)whole, 0);
    ssize_t n = torc__sim_ops.sendv(system, fd, pieces, count);
    size_t shown = first_bytes(pieces, count, n > 0 ? (size_t)n : 0, bytes);
    torc__simTrace_end(trace, line, n, bytes, shown);
    return n;
}

static ssize_t traced_recvfrom(TorcSystem *system, int fd, void *buffer, size_t size, int flags,
                               struct sockaddr *ret_from, socklen_t *length)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_RECVFROM, fd, (int64_t)size, flags);
    ssize_t n = torc__sim_ops.recvfrom(system, fd, buffer, size, flags, ret_from, length);
    size_t there = n > 0 ? (size_t)n : 0; /* more than were stored, with MSG_TRUNC */
    torc__simTrace_end(trace, line, n, buffer, there < size ? there : size);
    return n;
}

static ssize_t traced_sendto(TorcSystem *system, int fd, const void *data, size_t size,
                             const struct sockaddr *address, socklen_t length)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_SENDTO, fd, (int64_t)size, 0);
    ssize_t n = torc__sim_ops.sendto(system, fd, data, size, address, length);
    end_bytes(trace, line, n, data);
    return n;
}

static ssize_t traced_sendDescriptor(TorcSystem *system, int fd, const void *data, size_t length,
                                     int passed)
{
    SimTrace *trace = trace_of(system);
    uint64_t line =
        torc__simTrace_begin(trace, SIM_LINE_SEND_DESCRIPTOR, fd, (int64_t)length, passed);
    ssize_t n = torc__sim_ops.sendDescriptor(system, fd, data, length, passed);
    end_bytes(trace, line, n, data);
    return n;
}

static ssize_t traced_recvDescriptors(TorcSystem *system, int fd, void *buffer, size_t size,
                                      int *ret_descriptors, size_t *count, bool *ret_cut)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_RECV_DESCRIPTORS, fd, (int64_t)size, 0);
    ssize_t n =
        torc__sim_ops.recvDescriptors(system, fd, buffer, size, ret_descriptors, count, ret_cut);
    end_bytes(trace, line, n, buffer);
    return n;
}

static int traced_shutdown(TorcSystem *system, int fd, int how)
{
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_SHUTDOWN, fd, how, 0);
    int r = torc__sim_ops.shutdown(system, fd, how);
    end_number(trace_of(system), line, r);
    return r;
}

static int traced_close(TorcSystem *system, int fd)
{
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_CLOSE, fd, 0, 0);
    int r = torc__sim_ops.close(system, fd);
    end_number(trace_of(system), line, r);
    return r;
}

static int traced_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name,
                              socklen_t *length)
{
    int r = torc__sim_ops.getsockname(system, fd, ret_name, length);
    AddressBytes address = read_address(r < 0 ? NULL : ret_name, *length);
    torc__simTrace_add(trace_of(system), SIM_LINE_GETSOCKNAME, fd, 0, 0, r, address.bytes,
                       address.length);
    return r;
}

static int traced_getpeername(TorcSystem *system, int fd, struct sockaddr *ret_name,
                              socklen_t *length)
{
    int r = torc__sim_ops.getpeername(system, fd, ret_name, length);
    AddressBytes address = read_address(r < 0 ? NULL : ret_name, *length);
    torc__simTrace_add(trace_of(system), SIM_LINE_GETPEERNAME, fd, 0, 0, r, address.bytes,
                       address.length);
    return r;
}

/* ---- pipes --------------------------------------------------------------------------------- */

static int traced_pipe(TorcSystem *system, int ret_ends[2])
{
    int r = torc__sim_ops.pipe(system, ret_ends);
    torc__simTrace_add(trace_of(system), SIM_LINE_PIPE, -1, 0, 0, r < 0 ? r : ret_ends[0], NULL, 0);
    return r;
}

static ssize_t traced_read(TorcSystem *system, int fd, void *buffer, size_t size)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_READ, fd, (int64_t)size, 0);
    ssize_t n = torc__sim_ops.read(system, fd, buffer, size);
    end_bytes(trace, line, n, buffer);
    return n;
}

static ssize_t traced_write(TorcSystem *system, int fd, const void *data, size_t length)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_WRITE, fd, (int64_t)length, 0);
    ssize_t n = torc__sim_ops.write(system, fd, data, length);
    end_bytes(trace, line, n, data);
    return n;
}

/* ---- files and descriptors ----------------------------------------------------------------- */

/* A line about a path. */
static void trace_path(TorcSystem *system, SimLineKind kind, const char *path, int64_t a, int r)
{
    torc__simTrace_add(trace_of(system), kind, -1, a, 0, r, path, strlen(path));
}

static int traced_open(TorcSystem *system, const char *path, int flags, mode_t mode)
{
    int r = torc__sim_ops.open(system, path, flags, mode);
    trace_path(system, SIM_LINE_OPEN, path, 0, r);
    return r;
}

static int traced_unlink(TorcSystem *system, const char *path)
{
    int r = torc__sim_ops.unlink(system, path);
    trace_path(system, SIM_LINE_UNLINK, path, 0, r);
    return r;
}

static int traced_chmod(TorcSystem *system, const char *path, mode_t mode)
{
    int r = torc__sim_ops.chmod(system, path, mode);
    trace_path(system, SIM_LINE_CHMOD, path, mode, r);
    return r;
}

static int traced_stat(TorcSystem *system, const char *path, TorcFileStatus *ret_status)
{
    int r = torc__sim_ops.stat(system, path, ret_status);
    trace_path(system, SIM_LINE_STAT, path, 0, r);
    return r;
}

static int traced_statDescriptor(TorcSystem *system, int fd, TorcFileStatus *ret_status)
{
    int r = torc__sim_ops.statDescriptor(system, fd, ret_status);
    torc__simTrace_add(trace_of(system), SIM_LINE_STAT_DESCRIPTOR, fd, 0, 0, r, NULL, 0);
    return r;
}

static int traced_lock(TorcSystem *system, int fd)
{
    int r = torc__sim_ops.lock(system, fd);
    torc__simTrace_add(trace_of(system), SIM_LINE_LOCK, fd, 0, 0, r, NULL, 0);
    return r;
}

static ssize_t traced_pread(TorcSystem *system, int fd, void *buffer, size_t size, uint64_t offset)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_PREAD, fd, (int64_t)size, 0);
    ssize_t n = torc__sim_ops.pread(system, fd, buffer, size, offset);
    end_bytes(trace, line, n, buffer);
    return n;
}

static ssize_t traced_sendfile(TorcSystem *system, int out, int in, uint64_t offset, size_t length)
{
    SimTrace *trace = trace_of(system);
    uint64_t line = torc__simTrace_begin(trace, SIM_LINE_SENDFILE, out, (int64_t)length, 0);
    ssize_t n = torc__sim_ops.sendfile(system, out, in, offset, length);
    torc__simTrace_end(trace, line, n, NULL, 0);
    return n;
}

static int traced_duplicate(TorcSystem *system, int fd)
{
    int r = torc__sim_ops.duplicate(system, fd);
    torc__simTrace_add(trace_of(system), SIM_LINE_DUPLICATE, fd, 0, 0, r, NULL, 0);
    return r;
}

static int traced_setBlocking(TorcSystem *system, int fd, bool blocking)
{
    int r = torc__sim_ops.setBlocking(system, fd, blocking);
    torc__simTrace_add(trace_of(system), SIM_LINE_SET_BLOCKING, fd, blocking, 0, r, NULL, 0);
    return r;
}

/* ---- options ------------------------------------------------------------------------------- */

/* A line about an option; an int value in little-endian order, as the line has it. */
static void trace_option(TorcSystem *system, SimLineKind kind, int fd, int level, int name, int r,
                         const void *value, socklen_t length)
{
    int number = 0;
    unsigned char bytes[4];
    bool is_int = r == 0 && value && length >= sizeof(number);
    if (is_int)
        memcpy(&number, value, sizeof(number));
    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)((unsigned)number >> (8 * i));
    torc__simTrace_add(trace_of(system), kind, fd, level, name, r, bytes,
                       is_int ? sizeof(bytes) : 0);
}

static int traced_getsockopt(TorcSystem *system, int fd, int level, int name, void *ret_value,
                             socklen_t *length)
{
    int r = torc__sim_ops.getsockopt(system, fd, level, name, ret_value, length);
    trace_option(system, SIM_LINE_GETSOCKOPT, fd, level, name, r, ret_value, *length);
    return r;
}

static int traced_setsockopt(TorcSystem *system, int fd, int level, int name, const void *value,
                             socklen_t length)
{
    int r = torc__sim_ops.setsockopt(system, fd, level, name, value, length);
    trace_option(system, SIM_LINE_SETSOCKOPT, fd, level, name, r, value, length);
    return r;
}

/* ---- readiness and the rest ---------------------------------------------------------------- */

static int traced_wait(TorcSystem *system, int64_t deadline)
{
    int r = torc__sim_ops.wait(system, deadline);
    if (r < 0)
        torc__simTrace_add(trace_of(system), SIM_LINE_WAIT, -1, 0, 0, r, NULL, 0);
    return r;
}

static int traced_watch(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                        TorcWatchFunction *function, void *arg)
{
    int r = torc__sim_ops.watch(system, watch, fd, interest, function, arg);
    torc__simTrace_add(trace_of(system), SIM_LINE_WATCH, fd, interest, 0, r, NULL, 0);
    return r;
}

static int traced_rewatch(TorcSystem *system, TorcWatch *watch, unsigned interest)
{
    int fd = torc__simWatch_descriptor(watch);
    int r = torc__sim_ops.rewatch(system, watch, interest);
    torc__simTrace_add(trace_of(system), SIM_LINE_REWATCH, fd, interest, 0, r, NULL, 0);
    return r;
}

static void traced_unwatch(TorcSystem *system, TorcWatch *watch)
{
    int fd = torc__simWatch_descriptor(watch);
    torc__sim_ops.unwatch(system, watch);
    if (fd >= 0)
        torc__simTrace_add(trace_of(system), SIM_LINE_UNWATCH, fd, 0, 0, 0, NULL, 0);
}

static int traced_openSpare(TorcSystem *system)
{
    int r = torc__sim_ops.openSpare(system);
    torc__simTrace_add(trace_of(system), SIM_LINE_OPEN_SPARE, -1, 0, 0, r, NULL, 0);
    return r;
}

static int traced_submit(TorcSystem *system, TorcJob *job)
{
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_SUBMIT, -1, 0, 0);
    int r = torc__sim_ops.submit(system, job);
    end_number(trace_of(system), line, r);
    return r;
}

static int traced_lookup(TorcSystem *system, const char *host, uint16_t port,
                         TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup)
{
    uint64_t line = torc__simTrace_begin(trace_of(system), SIM_LINE_LOOKUP, -1, port, 0);
    int r = torc__sim_ops.lookup(system, host, port, function, arg, ret_lookup);
    torc__simTrace_end(trace_of(system), line, r, host, strlen(host));
    return r;
}

static void traced_cancelLookup(TorcSystem *system, TorcLookup *lookup)
{
    torc__sim_ops.cancelLookup(system, lookup);
    torc__simTrace_add(trace_of(system), SIM_LINE_CANCEL_LOOKUP, -1, 0, 0, 0, NULL, 0);
}

/* ---- what has no line ---------------------------------------------------------------------- */

static void plain_free(TorcSystem *system)
{
    torc__sim_ops.free(system);
}

static int64_t plain_now(TorcSystem *system)
{
    return SIM_CONTAINER(system, SimView, system)->kernel->now;
}

static int64_t plain_wallTime(TorcSystem *system)
{
    return torc__sim_ops.wallTime(system);
}

static void plain_random(TorcSystem *system, void *buffer, size_t length)
{
    torc__sim_ops.random(system, buffer, length);
}

static void plain_wake(TorcSystem *system)
{
    torc__sim_ops.wake(system);
}

static int plain_catchSignal(TorcSystem *system, int signo, bool only_default,
                             TorcSignalFunction *function, void *arg)
{
    return torc__sim_ops.catchSignal(system, signo, only_default, function, arg);
}

static void plain_releaseSignal(TorcSystem *system, int signo, bool send_again)
{
    torc__sim_ops.releaseSignal(system, signo, send_again);
}

static void *plain_eventBase(TorcSystem *system)
{
    return torc__sim_ops.eventBase(system);
}

const TorcSystemOps torc__sim_tracedOps = {
    .free = plain_free,
    .now = plain_now,
    .wallTime = plain_wallTime,
    .random = plain_random,
    .wait = traced_wait,
    .wake = plain_wake,
    .watch = traced_watch,
    .rewatch = traced_rewatch,
    .unwatch = traced_unwatch,
    .socket = traced_socket,
    .bind = traced_bind,
    .listen = traced_listen,
    .accept = traced_accept,
    .connect = traced_connect,
    .recv = traced_recv,
    .send = traced_send,
    .sendv = traced_sendv,
    .recvfrom = traced_recvfrom,
    .sendto = traced_sendto,
    .sendDescriptor = traced_sendDescriptor,
    .recvDescriptors = traced_recvDescriptors,
    .shutdown = traced_shutdown,
    .close = traced_close,
    .getsockname = traced_getsockname,
    .getpeername = traced_getpeername,
    .getsockopt = traced_getsockopt,
    .setsockopt = traced_setsockopt,
    .pipe = traced_pipe,
    .read = traced_read,
    .write = traced_write,
    .duplicate = traced_duplicate,
    .setBlocking = traced_setBlocking,
    .open = traced_open,
    .unlink = traced_unlink,
    .chmod = traced_chmod,
    .stat = traced_stat,
    .statDescriptor = traced_statDescriptor,
    .lock = traced_lock,
    .pread = traced_pread,
    .sendfile = traced_sendfile,
    .openSpare = traced_openSpare,
    .submit = traced_submit,
    .setPoolSize = torc__simJobs_setPoolSize,
    .jobs = torc__simJobs_count,
    .poolState = torc__simJobs_state,
    .endJobs = torc__simJobs_end,
    .lookup = traced_lookup,
    .cancelLookup = traced_cancelLookup,
    .servicePort = torc__sim_servicePort,
    .catchSignal = plain_catchSignal,
    .releaseSignal = plain_releaseSignal,
    .eventBase = plain_eventBase,
};
