/* The simulated TorcSystem: the table of calls, and those that move no bytes.
 *
 * A view is what one reactor sees of the simulated world; it owns its descriptors, watches, jobs and
 * look-ups, and lives as long as its reactor. Calls that tests may let fail are counted first
 * (sim_judge.c). Those that move bytes are in sim_transfer.c, those on files and on descriptors of
 * any kind in sim_file_calls.c. */
#include <errno.h>
#include <stdatomic.h>

#include "sim_call_internal.h"
#include "sim_files_internal.h"
#include "sim_trace_internal.h"

/* A real system allows 1,048,576 descriptors unless told otherwise (fs.nr_open), and few processes
 * have so many: what is taken for a real one by mistake is answered by EBADF. */
enum { DESCRIPTORS_OF_A_HOST = 1000000, FIRST_DESCRIPTOR = 3 };

/* ---- descriptors --------------------------------------------------------------------------- */

static int find_socket(TorcSystem *system, int fd, SimSocket **ret_socket)
{
    const SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (!descriptor->handle->socket)
        return -ENOTSOCK;
    *ret_socket = descriptor->handle->socket;
    return 0;
}

/* The same for a call that is counted and may have to fail. */
static int begin_call(TorcSystem *system, int fd, TorcSimCall what, SimSocket **ret_socket)
{
    SimCall call;
    int r = torc__simCall_begin(system, fd, what, &call);
    if (r < 0)
        return r;
    *ret_socket = call.socket;
    return 0;
}

/* ---- the table: time, randomness, waking --------------------------------------------------- */

static int64_t sim_now(TorcSystem *system)
{
    return torc__simView_of(system)->kernel->now;
}

static int64_t sim_wallTime(TorcSystem *system)
{
    const SimKernel *kernel = torc__simView_of(system)->kernel;
    /* Set back late in a long run, the beginning may have been before 1970. */
    return kernel->wall < 0 ? kernel->wall + kernel->now
                            : torc__sim_later(kernel->wall, kernel->now);
}

static void sim_random(TorcSystem *system, void *buffer, size_t length)
{
    unsigned char *next = buffer;
    while (length > 0) {
        uint64_t bits = torc__simKernel_random(torc__simView_of(system)->kernel);
        size_t count = length < sizeof(bits) ? length : sizeof(bits);
        for (size_t i = 0; i < count; i++)
            *next++ = (unsigned char)(bits >> (8 * i)); /* the same on every machine */
        length -= count;
    }
}

static void sim_wake(TorcSystem *system)
{
    atomic_store(&torc__simView_of(system)->woken, true);
}

/* ---- the table: sockets -------------------------------------------------------------------- */

static int sim_socket(TorcSystem *system, int family, int type)
{
    SimView *view = torc__simView_of(system);
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
    SimCall call;
    SimSocket *socket;
    int r = torc__simCall_beginTransfer(system, fd, TORC_SIM_ACCEPT, &call);
    if (r < 0)
        return r;
    r = call.socket->protocol->accept(call.socket, &socket);
    if (r < 0)
        return r;
    if (ret_peer && socket->protocol->getpeername(socket, ret_peer, length) < 0)
        torc__simAddress_toSockaddr(&socket->remote, socket->family, ret_peer, length);
    return torc__simDescriptor_open(torc__simView_of(system), &torc__sim_socketKind, socket);
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
    SimCall call = {.what = TORC_SIM_CONNECT};
    int failure = torc__simCall_begin(system, fd, TORC_SIM_CONNECT, &call);
    if (failure < 0 && call.verdict.error != EINTR)
        return failure;
    SimSocket *socket = call.socket;
    int r = socket->protocol->connect(socket, name, length);
    if (r == -EINPROGRESS && call.verdict.delay > 0) {
        torc__simCall_strike(&call);
        postpone(socket, call.verdict.delay);
    }
    return r == -EINPROGRESS && failure < 0 ? failure : r;
}

static int sim_shutdown(TorcSystem *system, int fd, int how)
{
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_SHUTDOWN, &socket);
    return r < 0 ? r : socket->protocol->shutdown(socket, how);
}

static int sim_close(TorcSystem *system, int fd)
{
    SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (descriptor->watch)
        torc__sim_fatal("a descriptor was closed while it is watched: unwatch comes first");
    int r = torc__simView_call(torc__simView_of(system), TORC_SIM_CLOSE, NULL);
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
    SimView *view = torc__simView_of(system);
    int r = torc__simView_call(view, TORC_SIM_SOCKET, NULL);
    if (r < 0)
        return r;
    SimPipeEnd *ends = torc__simPipe_new(view->kernel);
    ret_ends[0] = torc__simDescriptor_open(view, &torc__sim_pipeReader, &ends[0]);
    ret_ends[1] = torc__simDescriptor_open(view, &torc__sim_pipeWriter, &ends[1]);
    return 0;
}

static int sim_openSpare(TorcSystem *system)
{
    int r = torc__simView_call(torc__simView_of(system), TORC_SIM_OPEN_SPARE, NULL);
    return r < 0 ? r : torc__simDescriptor_open(torc__simView_of(system), &torc__sim_spare, NULL);
}

/* ---- the table: signals and the rest ------------------------------------------------------- */

/* Every signal has its default action here, and nobody else has any. */
static int sim_catchSignal(TorcSystem *system, int signo, bool only_default,
                           TorcSignalFunction *function, void *arg)
{
    (void)only_default;
    if (signo <= 0 || signo >= SIM_SIGNALS)
        return -EINVAL;
    torc__simView_of(system)->handlers[signo] = (SimSignalHandler){function, arg};
    return 0;
}

/* Sent again, it would reach nobody: what nobody catches is ignored. */
static void sim_releaseSignal(TorcSystem *system, int signo, bool send_again)
{
    SimView *view = torc__simView_of(system);
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
    SimView *view = torc__simView_of(system);
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
    .recv = torc__simTransfer_recv,
    .send = torc__simTransfer_send,
    .sendv = torc__simTransfer_sendv,
    .recvfrom = torc__simTransfer_recvfrom,
    .sendto = torc__simTransfer_sendto,
    .sendDescriptor = torc__simTransfer_sendDescriptor,
    .recvDescriptors = torc__simTransfer_recvDescriptors,
    .shutdown = sim_shutdown,
    .close = sim_close,
    .getsockname = sim_getsockname,
    .getpeername = sim_getpeername,
    .getsockopt = sim_getsockopt,
    .setsockopt = sim_setsockopt,
    .pipe = sim_pipe,
    .read = torc__simTransfer_read,
    .write = torc__simTransfer_write,
    .duplicate = torc__simFiles_duplicate,
    .setBlocking = torc__simFiles_setBlocking,
    .open = torc__simFiles_open,
    .unlink = torc__simFiles_unlink,
    .chmod = torc__simFiles_chmod,
    .stat = torc__simFiles_stat,
    .statDescriptor = torc__simFiles_statDescriptor,
    .lock = torc__simFiles_lock,
    .pread = torc__simTransfer_pread,
    .sendfile = torc__simTransfer_sendfile,
    .openSpare = sim_openSpare,
    .submit = torc__simJobs_submit,
    .setPoolSize = torc__simJobs_setPoolSize,
    .jobs = torc__simJobs_count,
    .poolState = torc__simJobs_state,
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
    view->system = (TorcSystem){
        .ops = &torc__sim_tracedOps, .backend = "simulation", .edge = edge, .virtual_time = true};
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
