/* The simulated TorcSystem: descriptors, and the table of calls on them.
 *
 * A view is what one reactor sees of the simulated world. It owns its descriptors and their
 * sockets. Numbers are given out as POSIX does, the lowest free one first, from 3 on. Calls that
 * tests may let fail are counted here and put before sim_faults.c, and here alone recv and send are
 * cut short, by it or to the chunk size; what that holds back counts as arriving, or finding room,
 * right afterwards, so code that waits for the next edge after a short result gets it. */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "sim_faults_internal.h"
#include "sim_files_internal.h"
#include "sim_trace_internal.h"

/* A real system allows 1,048,576 descriptors unless told otherwise (fs.nr_open), and few processes
 * have so many: what is taken for a real one by mistake is answered by EBADF. */
enum { DESCRIPTORS_OF_A_HOST = 1000000, FIRST_DESCRIPTOR = 3, MOST_PIECES = 64 };

static SimView *view_of(TorcSystem *system)
{
    return SIM_CONTAINER(system, SimView, system);
}

/* ---- calls that fail on demand ------------------------------------------------------------- */

static void trace_fault(SimView *view, TorcSimCall call, int fd, const SimVerdict *verdict)
{
    static const char *const texts[TORC_SIM_FAULT_KINDS] = {
        [TORC_SIM_SHORT_IO] = "is cut short",
        [TORC_SIM_DELAY] = "is delayed, ns:",
        [TORC_SIM_RESET] = "finds a reset",
    };
    const char *text = texts[verdict->kind] ? texts[verdict->kind] : "is made to fail";
    torc__simTrace_add(view->kernel->trace, SIM_LINE_FAULT, fd, call, verdict->delay,
                       -verdict->error, text, strlen(text));
}

/* Counts the call and says what is to go wrong with it. */
static SimVerdict judge(SimView *view, TorcSimCall call, int fd, uint16_t port)
{
    view->counts[call]++;
    if (!view->kernel->faults->armed[call])
        return (SimVerdict){0};
    SimVerdict verdict = torc__simFaults_judge(view, call, port);
    if (verdict.kind != TORC_SIM_ANY_FAULT)
        trace_fault(view, call, fd, &verdict);
    return verdict;
}

int torc__simView_call(SimView *view, TorcSimCall call, int64_t *ret_delay)
{
    SimVerdict verdict = judge(view, call, -1, 0);
    if (ret_delay)
        *ret_delay = verdict.delay;
    return -verdict.error;
}

/* ---- descriptors --------------------------------------------------------------------------- */

/* The descriptor of a socket: 0, -EBADF or -ENOTSOCK. */
static int find_descriptor(TorcSystem *system, int fd, SimDescriptor **ret_descriptor)
{
    SimDescriptor *descriptor = torc__simView_find(view_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (!descriptor->socket)
        return -ENOTSOCK;
    *ret_descriptor = descriptor;
    return 0;
}

static int find_socket(TorcSystem *system, int fd, SimSocket **ret_socket)
{
    SimDescriptor *descriptor;
    int r = find_descriptor(system, fd, &descriptor);
    if (r == 0)
        *ret_socket = descriptor->socket;
    return r;
}

static uint16_t port_of(const SimDescriptor *descriptor)
{
    return descriptor->socket ? descriptor->socket->local.port : 0;
}

static bool is_stream(const SimDescriptor *descriptor)
{
    return descriptor->socket && descriptor->socket->protocol->type == SOCK_STREAM;
}

/* Who is told EAGAIN waits for the next edge, so there is one. */
static int invent_error(SimDescriptor *descriptor, int error)
{
    if (error == EAGAIN)
        torc__simWatch_trigger(descriptor, SIM_ANYTHING);
    return -error;
}

/* The socket of a call that is counted and may have to fail. What else is to happen to the call is
 * in the verdict. */
static int judge_call(TorcSystem *system, int fd, TorcSimCall call, SimSocket **ret_socket,
                      SimVerdict *ret_verdict)
{
    SimDescriptor *descriptor;
    int r = find_descriptor(system, fd, &descriptor);
    if (r < 0)
        return r;
    *ret_socket = descriptor->socket;
    *ret_verdict = judge(view_of(system), call, fd, descriptor->socket->local.port);
    return invent_error(descriptor, ret_verdict->error);
}

static int begin_call(TorcSystem *system, int fd, TorcSimCall call, SimSocket **ret_socket)
{
    SimVerdict verdict;
    return judge_call(system, fd, call, ret_socket, &verdict);
}

/* The same for what moves bytes, which a delay can hold back: whoever looks is told that there is
 * nothing (no room), until the delay is over; then the call is let through. */
static int judge_transfer(SimDescriptor *descriptor, TorcSimCall call, SimVerdict *ret_verdict)
{
    SimView *view = descriptor->view;
    unsigned direction = call == TORC_SIM_SEND ? TORC_WRITABLE : TORC_READABLE;
    if ((descriptor->held | descriptor->exempt) & direction) {
        view->counts[call]++;
        *ret_verdict = (SimVerdict){0};
        descriptor->exempt &= ~direction;
        return descriptor->held & direction ? -EAGAIN : 0;
    }
    *ret_verdict = judge(view, call, descriptor->fd, port_of(descriptor));
    if (ret_verdict->kind == TORC_SIM_RESET && is_stream(descriptor))
        descriptor->socket->protocol->sever(descriptor->socket);
    if (ret_verdict->kind != TORC_SIM_DELAY)
        return invent_error(descriptor, ret_verdict->error);
    torc__simHold_start(descriptor, direction, ret_verdict->delay);
    return -EAGAIN;
}

/* The same for accept, recv and send. */
static int begin_transfer(TorcSystem *system, int fd, TorcSimCall call, SimDescriptor **ret_one,
                          SimVerdict *ret_verdict)
{
    int r = find_descriptor(system, fd, ret_one);
    return r < 0 ? r : judge_transfer(*ret_one, call, ret_verdict);
}

/* ---- the table: time, randomness, waking --------------------------------------------------- */

static int64_t sim_now(TorcSystem *system)
{
    return view_of(system)->kernel->now;
}

static int64_t sim_wallTime(TorcSystem *system)
{
    const SimKernel *kernel = view_of(system)->kernel;
    /* Set back late in a long run, the beginning may have been before 1970. */
    return kernel->wall < 0 ? kernel->wall + kernel->now
                            : torc__sim_later(kernel->wall, kernel->now);
}

static void sim_random(TorcSystem *system, void *buffer, size_t length)
{
    unsigned char *next = buffer;
    while (length > 0) {
        uint64_t bits = torc__simKernel_random(view_of(system)->kernel);
        size_t count = length < sizeof(bits) ? length : sizeof(bits);
        for (size_t i = 0; i < count; i++)
            *next++ = (unsigned char)(bits >> (8 * i)); /* the same on every machine */
        length -= count;
    }
}

static void sim_wake(TorcSystem *system)
{
    atomic_store(&view_of(system)->woken, true);
}

/* ---- the table: sockets -------------------------------------------------------------------- */

static int sim_socket(TorcSystem *system, int family, int type)
{
    SimView *view = view_of(system);
    int r = torc__simView_call(view, TORC_SIM_SOCKET, NULL);
    if (r < 0)
        return r;
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return -EAFNOSUPPORT;
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (type != SOCK_STREAM && (type != SOCK_DGRAM || family == AF_UNIX))
        return -ESOCKTNOSUPPORT;
    SimSocket *socket = family == AF_UNIX ? torc__simUnix_new(view->host, &view->kernel->process)
                        : type == SOCK_STREAM ? torc__simSocket_new(view->host, family)
                                              : torc__simDatagram_new(view->host, family);
    return torc__simDescriptor_open(view, &torc__sim_socketKind, socket);
}

static int sim_bind(TorcSystem *system, int fd, const struct sockaddr *name, socklen_t length)
{
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_BIND, &socket);
    return r < 0 ? r : socket->protocol->bind(socket, name, length);
}

static int sim_listen(TorcSystem *system, int fd, int backlog)
{
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_LISTEN, &socket);
    return r < 0 ? r : socket->protocol->listen(socket, backlog);
}

static int sim_accept(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length)
{
    SimDescriptor *listener;
    SimVerdict verdict;
    SimSocket *socket;
    int r = begin_transfer(system, fd, TORC_SIM_ACCEPT, &listener, &verdict);
    if (r < 0)
        return r;
    r = listener->socket->protocol->accept(listener->socket, &socket);
    if (r < 0)
        return r;
    if (ret_peer && socket->protocol->getpeername(socket, ret_peer, length) < 0)
        torc__simAddress_toSockaddr(&socket->remote, socket->family, ret_peer, length);
    return torc__simDescriptor_open(view_of(system), &torc__sim_socketKind, socket);
}

static void postpone(SimSocket *socket, int64_t delay)
{
    int64_t left = socket->attempt.time - socket->kernel->now;
    torc__simKernel_cancel(socket->kernel, &socket->attempt);
    torc__simKernel_schedule(socket->kernel, &socket->attempt, torc__sim_later(left, delay));
}

/* Interrupted, it goes on all the same. */
static int sim_connect(TorcSystem *system, int fd, const struct sockaddr *name, socklen_t length)
{
    SimSocket *socket;
    SimVerdict verdict = {0};
    int failure = judge_call(system, fd, TORC_SIM_CONNECT, &socket, &verdict);
    if (failure < 0 && verdict.error != EINTR)
        return failure;
    int r = socket->protocol->connect(socket, name, length);
    if (r == -EINPROGRESS && verdict.delay > 0)
        postpone(socket, verdict.delay);
    return r == -EINPROGRESS && failure < 0 ? failure : r;
}

/* What one call may move of the `size` bytes it asks for, when `there` could be moved. */
static size_t one_chunk(const SimView *view, size_t size, size_t there, const SimVerdict *verdict)
{
    size_t chunk = size;
    if (view->chunk_size && chunk > view->chunk_size)
        chunk = view->chunk_size;
    if (verdict->limit && chunk > verdict->limit)
        chunk = verdict->limit;
    if (verdict->kind == TORC_SIM_SHORT_IO && !verdict->limit) {
        size_t most = chunk < there ? chunk : there;
        if (most > 1)
            chunk = (size_t)(1 + verdict->part % (most - 1));
    }
    return chunk;
}

static ssize_t recv_stream(const SimDescriptor *descriptor, void *buffer, size_t size, int flags,
                           const SimVerdict *verdict)
{
    SimSocket *socket = descriptor->socket;
    size_t there = torc__simBytes_length(&socket->input);
    size_t chunk = one_chunk(descriptor->view, size, there, verdict);
    ssize_t n = socket->protocol->recv(socket, buffer, chunk, flags, NULL);
    if (chunk < size && n > 0 && torc__simBytes_length(&socket->input) > 0 && !(flags & MSG_PEEK))
        torc__simSocket_tell(socket, TORC_READABLE);
    return n;
}

/* Datagrams are never cut by the chunk size or a fault. */
static ssize_t sim_recvfrom(TorcSystem *system, int fd, void *buffer, size_t size, int flags,
                            struct sockaddr *ret_from, socklen_t *length)
{
    SimDescriptor *descriptor;
    SimVerdict verdict;
    SimAddress from;
    int r = begin_transfer(system, fd, TORC_SIM_RECV, &descriptor, &verdict);
    if (r < 0)
        return r;
    bool stream = is_stream(descriptor);
    SimSocket *socket = descriptor->socket;
    ssize_t n = stream ? recv_stream(descriptor, buffer, size, flags, &verdict)
                       : socket->protocol->recv(socket, buffer, size, flags, &from);
    if (n >= 0 && ret_from && stream)
        *length = 0;
    else if (n >= 0 && ret_from)
        torc__simAddress_toSockaddr(&from, socket->family, ret_from, length);
    return n;
}

static ssize_t sim_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    return sim_recvfrom(system, fd, buffer, size, flags, NULL, NULL);
}

static ssize_t send_stream(const SimDescriptor *descriptor, const void *data, size_t length,
                           const SimVerdict *verdict)
{
    SimSocket *socket = descriptor->socket;
    const SimProtocol *protocol = socket->protocol;
    size_t chunk = one_chunk(descriptor->view, length, protocol->room(socket), verdict);
    ssize_t n = protocol->send(socket, data, chunk, NULL);
    if (chunk == length || n <= 0)
        return n;
    if (protocol->room(socket) > 0)
        torc__simSocket_tell(socket, TORC_WRITABLE);
    else
        socket->wants_space = true; /* the cut came first, so the socket does not know */
    return n;
}

static ssize_t sim_sendto(TorcSystem *system, int fd, const void *data, size_t size,
                          const struct sockaddr *name, socklen_t length)
{
    SimDescriptor *descriptor;
    SimVerdict verdict;
    SimAddress address;
    int r = begin_transfer(system, fd, TORC_SIM_SEND, &descriptor, &verdict);
    if (r < 0)
        return r;
    SimSocket *socket = descriptor->socket;
    if (name && socket->family == AF_UNIX) /* unix_stream_sendmsg; TCP does not look at it */
        return socket->state == SIM_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (is_stream(descriptor))
        return send_stream(descriptor, data, size, &verdict);
    if (!name)
        return socket->protocol->send(socket, data, size, NULL);
    r = torc__simAddress_fromSockaddr(name, length, socket->family, &address);
    return r < 0 ? r : socket->protocol->send(socket, data, size, &address);
}

static ssize_t sim_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    return sim_sendto(system, fd, data, length, NULL, 0);
}

/* All pieces leave at once: whoever gets the first bytes has the others, too. */
static ssize_t sim_sendv(TorcSystem *system, int fd, const struct iovec *pieces, size_t count)
{
    SimBytes *whole = &view_of(system)->gathered;
    if (count > MOST_PIECES)
        return -EMSGSIZE;
    torc__simBytes_drop(whole, torc__simBytes_length(whole));
    for (size_t i = 0; i < count; i++)
        torc__simBytes_append(whole, pieces[i].iov_base, pieces[i].iov_len);
    return sim_sendto(system, fd, whole->data, torc__simBytes_length(whole), NULL, 0);
}

static int sim_shutdown(TorcSystem *system, int fd, int how)
{
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_SHUTDOWN, &socket);
    return r < 0 ? r : socket->protocol->shutdown(socket, how);
}

static int sim_close(TorcSystem *system, int fd)
{
    SimDescriptor *descriptor = torc__simView_find(view_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (descriptor->watch)
        torc__sim_fatal("a descriptor was closed while it is watched: unwatch comes first");
    int r = torc__simView_call(view_of(system), TORC_SIM_CLOSE, NULL);
    torc__simDescriptor_close(descriptor);
    return r;
}

static int sim_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    SimSocket *socket;
    int r = find_socket(system, fd, &socket);
    return r < 0 ? r : socket->protocol->getsockname(socket, ret_name, length);
}

static int sim_getpeername(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    SimSocket *socket;
    int r = find_socket(system, fd, &socket);
    return r < 0 ? r : socket->protocol->getpeername(socket, ret_name, length);
}

static int sim_getsockopt(TorcSystem *system, int fd, int level, int name, void *ret_value,
                          socklen_t *length)
{
    SimSocket *socket;
    int r = find_socket(system, fd, &socket);
    return r < 0 ? r : torc__simOptions_get(socket, level, name, ret_value, length);
}

static int sim_setsockopt(TorcSystem *system, int fd, int level, int name, const void *value,
                          socklen_t length)
{
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_SETSOCKOPT, &socket);
    return r < 0 ? r : torc__simOptions_set(socket, level, name, value, length);
}

/* ---- the table: pipes and spares ----------------------------------------------------------- */

static int sim_pipe(TorcSystem *system, int ret_ends[2])
{
    SimView *view = view_of(system);
    int r = torc__simView_call(view, TORC_SIM_SOCKET, NULL);
    if (r < 0)
        return r;
    SimPipeEnd *ends = torc__simPipe_new(view->kernel);
    ret_ends[0] = torc__simDescriptor_open(view, &torc__sim_pipeReader, &ends[0]);
    ret_ends[1] = torc__simDescriptor_open(view, &torc__sim_pipeWriter, &ends[1]);
    return 0;
}

/* A file is never late and never out of room; what a rule says can go wrong with it. */
static ssize_t move_file_bytes(const SimDescriptor *descriptor, TorcSimCall call, void *buffer,
                               const void *data, size_t size)
{
    SimVerdict verdict = judge(descriptor->view, call, descriptor->fd, 0);
    if (verdict.error)
        return -verdict.error;
    if (verdict.limit && size > verdict.limit)
        size = verdict.limit;
    return buffer ? descriptor->kind->read(descriptor->object, buffer, size)
                  : descriptor->kind->write(descriptor->object, data, size);
}

static ssize_t sim_read(TorcSystem *system, int fd, void *buffer, size_t size)
{
    SimVerdict verdict;
    SimDescriptor *descriptor = torc__simView_find(view_of(system), fd);
    if (descriptor && descriptor->kind == &torc__sim_fileKind)
        return move_file_bytes(descriptor, TORC_SIM_READ_FILE, buffer, NULL, size);
    int r = descriptor ? judge_transfer(descriptor, TORC_SIM_RECV, &verdict) : -EBADF;
    if (r < 0)
        return r;
    size_t chunk = one_chunk(view_of(system), size, size, &verdict);
    ssize_t n = descriptor->kind->read(descriptor->object, buffer, chunk);
    if (chunk < size && n > 0)
        torc__simWatch_trigger(descriptor, TORC_READABLE);
    return n;
}

static ssize_t sim_pread(TorcSystem *system, int fd, void *buffer, size_t size, uint64_t offset)
{
    const SimDescriptor *descriptor = torc__simView_find(view_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (descriptor->kind != &torc__sim_fileKind)
        return -ESPIPE;
    SimVerdict verdict = judge(descriptor->view, TORC_SIM_READ_FILE, fd, 0);
    if (verdict.error)
        return -verdict.error;
    size_t most = verdict.limit && size > verdict.limit ? verdict.limit : size;
    return torc__simFiles_readAt(descriptor, offset, buffer, most);
}

/* What splice(2) moves at once, through a pipe inside the kernel. */
enum { SENDFILE_PIECE = 64 * 1024 };

/* Reads first (do_splice_direct): the end of a file shows also when there is no room. */
static ssize_t sim_sendfile(TorcSystem *system, int out, int in, uint64_t offset, size_t length)
{
    SimSocket *socket;
    size_t size = length < SENDFILE_PIECE ? length : SENDFILE_PIECE;
    int r = find_socket(system, out, &socket);
    if (r < 0)
        return r == -ENOTSOCK ? -EINVAL : r;
    void *piece = torc__sim_alloc(SENDFILE_PIECE);
    ssize_t n = sim_pread(system, in, piece, size, offset);
    ssize_t sent = n > 0 ? -EINTR : n;
    while (sent == -EINTR)
        sent = sim_send(system, out, piece, (size_t)n);
    torc__sim_release(piece);
    return sent;
}

/* What must be written whole is not cut. */
static ssize_t sim_write(TorcSystem *system, int fd, const void *data, size_t length)
{
    SimVerdict verdict;
    SimDescriptor *descriptor = torc__simView_find(view_of(system), fd);
    if (descriptor && descriptor->kind == &torc__sim_fileKind)
        return move_file_bytes(descriptor, TORC_SIM_WRITE_FILE, NULL, data, length);
    int r = descriptor ? judge_transfer(descriptor, TORC_SIM_SEND, &verdict) : -EBADF;
    if (r < 0)
        return r;
    size_t chunk =
        length > PIPE_BUF ? one_chunk(view_of(system), length, length, &verdict) : length;
    ssize_t n = descriptor->kind->write(descriptor->object, data, chunk);
    if (chunk < length && n > 0)
        torc__simWatch_trigger(descriptor, TORC_WRITABLE);
    return n;
}

static int sim_openSpare(TorcSystem *system)
{
    int r = torc__simView_call(view_of(system), TORC_SIM_OPEN_SPARE, NULL);
    return r < 0 ? r : torc__simDescriptor_open(view_of(system), &torc__sim_spare, NULL);
}

/* ---- the table: signals and the rest ------------------------------------------------------- */

/* Every signal has its default action here, and nobody else has any. */
static int sim_catchSignal(TorcSystem *system, int signo, bool only_default,
                           TorcSignalFunction *function, void *arg)
{
    (void)only_default;
    if (signo <= 0 || signo >= SIM_SIGNALS)
        return -EINVAL;
    view_of(system)->handlers[signo] = (SimSignalHandler){function, arg};
    return 0;
}

/* Sent again, it would reach nobody: what nobody catches is ignored. */
static void sim_releaseSignal(TorcSystem *system, int signo, bool send_again)
{
    SimView *view = view_of(system);
    unsigned kept = 0;
    (void)send_again;
    view->handlers[signo] = (SimSignalHandler){0};
    for (unsigned i = 0; i < view->signal_count; i++)
        if (view->signals[i] != signo)
            view->signals[kept++] = view->signals[i];
    view->signal_count = kept;
}

static void *sim_eventBase(TorcSystem *system)
{
    (void)system;
    return NULL;
}

/* Who watched is gone, perhaps without a word: nobody must be told that sockets close. */
static void close_all(SimView *view)
{
    for (int fd = 0; fd < view->descriptor_limit; fd++)
        if (view->descriptors[fd])
            view->descriptors[fd]->watch = NULL;
    for (int fd = 0; fd < view->descriptor_limit; fd++)
        if (view->descriptors[fd])
            torc__simDescriptor_close(view->descriptors[fd]);
}

static void sim_free(TorcSystem *system)
{
    SimView *view = view_of(system);
    torc__simJobs_end(system);
    while (view->lookups || view->answered)
        torc__simLookup_cancel(system, view->lookups ? view->lookups : view->answered);
    close_all(view);
    torc__sim_release(view->descriptors);
    torc__sim_release(view->triggered);
    torc__sim_release(view->batch);
    torc__simBytes_done(&view->gathered);
    torc__sim_release(view);
}

const TorcSystemOps torc__sim_ops = {
    .free = sim_free,
    .now = sim_now,
    .wallTime = sim_wallTime,
    .random = sim_random,
    .wait = torc__simView_wait,
    .wake = sim_wake,
    .watch = torc__simWatch_start,
    .rewatch = torc__simWatch_change,
    .unwatch = torc__simWatch_stop,
    .socket = sim_socket,
    .bind = sim_bind,
    .listen = sim_listen,
    .accept = sim_accept,
    .connect = sim_connect,
    .recv = sim_recv,
    .send = sim_send,
    .sendv = sim_sendv,
    .recvfrom = sim_recvfrom,
    .sendto = sim_sendto,
    .shutdown = sim_shutdown,
    .close = sim_close,
    .getsockname = sim_getsockname,
    .getpeername = sim_getpeername,
    .getsockopt = sim_getsockopt,
    .setsockopt = sim_setsockopt,
    .pipe = sim_pipe,
    .read = sim_read,
    .write = sim_write,
    .duplicate = torc__simFiles_duplicate,
    .setBlocking = torc__simFiles_setBlocking,
    .open = torc__simFiles_open,
    .unlink = torc__simFiles_unlink,
    .chmod = torc__simFiles_chmod,
    .stat = torc__simFiles_stat,
    .statDescriptor = torc__simFiles_statDescriptor,
    .lock = torc__simFiles_lock,
    .pread = sim_pread,
    .sendfile = sim_sendfile,
    .openSpare = sim_openSpare,
    .submit = torc__simJobs_submit,
    .setPoolSize = torc__simJobs_setPoolSize,
    .jobs = torc__simJobs_count,
    .endJobs = torc__simJobs_end,
    .lookup = torc__simLookup_start,
    .cancelLookup = torc__simLookup_cancel,
    .servicePort = torc__sim_servicePort,
    .catchSignal = sim_catchSignal,
    .releaseSignal = sim_releaseSignal,
    .eventBase = sim_eventBase,
};

SimView *torc__simView_new(SimKernel *kernel, SimHost *host, bool edge, size_t chunk_size)
{
    SimView *view = torc__sim_alloc(sizeof(*view));
    view->system = (TorcSystem){.ops = &torc__sim_tracedOps, .backend = "simulation", .edge = edge};
    view->kernel = kernel;
    view->host = host;
    view->chunk_size = chunk_size;
    view->descriptor_base = host->number * DESCRIPTORS_OF_A_HOST;
    view->lowest_free = FIRST_DESCRIPTOR;
    view->horizon = INT64_MAX;
    view->turns_left = UINT64_MAX;
    view->pool.most = 10;
    return view;
}
