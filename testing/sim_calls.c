/* The simulated TorcSystem: descriptors, and the table of calls on them.
 *
 * A view is what one reactor sees of the simulated world. It owns its descriptors and their
 * sockets. Numbers are given out as POSIX does, the lowest free one first, from 3 on. Calls that
 * tests may let fail are counted here, and here alone recv and send are cut to the chunk size; what
 * the chunk size holds back counts as arriving, or finding room, right afterwards, so code that
 * waits for the next edge after a short result gets it. */
#include <string.h>

#include "sim_internal.h"

/* The view's clock begins at 2024-01-01 00:00:00 UTC. */
static const int64_t first_wall_time = INT64_C(1704067200) * TORC__SECOND;

enum { FIRST_DESCRIPTOR = 3, MOST_PIECES = 64 };

static SimView *view_of(TorcSystem *system)
{
    return SIM_CONTAINER(system, SimView, system);
}

/* ---- calls that fail on demand ------------------------------------------------------------- */

int torc__simView_call(SimView *view, TorcSimCall call)
{
    SimRule *rule = &view->rules[call];
    view->counts[call]++;
    if (rule->error == 0)
        return 0;
    if (rule->skip > 0) {
        rule->skip--;
        return 0;
    }
    int error = rule->error;
    if (!rule->forever && --rule->times == 0)
        rule->error = 0;
    return -error;
}

/* ---- descriptors --------------------------------------------------------------------------- */

SimDescriptor *torc__simView_find(SimView *view, int fd)
{
    return fd >= 0 && fd < view->descriptor_limit ? view->descriptors[fd] : NULL;
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

static int lowest_free(SimView *view)
{
    int fd = view->lowest_free;
    while (torc__simView_find(view, fd))
        fd++;
    if (fd >= view->descriptor_limit)
        grow_descriptors(view);
    view->lowest_free = fd + 1;
    return fd;
}

static void socket_news(SimSocket *socket, unsigned events)
{
    torc__simWatch_trigger(socket->owner, events);
}

/* Gives a socket, or NULL for a spare, a number. */
static int open_descriptor(SimView *view, SimSocket *socket)
{
    SimDescriptor *descriptor = torc__sim_alloc(sizeof(*descriptor));
    *descriptor = (SimDescriptor){.view = view, .socket = socket, .fd = lowest_free(view)};
    view->descriptors[descriptor->fd] = descriptor;
    view->open++;
    if (socket) {
        socket->owner = descriptor;
        socket->notify = socket_news;
    }
    return descriptor->fd;
}

static void close_descriptor(SimDescriptor *descriptor)
{
    SimView *view = descriptor->view;
    SimSocket *socket = descriptor->socket;
    view->descriptors[descriptor->fd] = NULL;
    view->open--;
    if (descriptor->fd < view->lowest_free)
        view->lowest_free = descriptor->fd;
    torc__sim_release(descriptor);
    if (socket) {
        socket->notify = NULL;
        torc__simSocket_close(socket);
    }
}

/* The socket behind a number: 0, -EBADF or -ENOTSOCK. */
static int find_socket(TorcSystem *system, int fd, SimSocket **ret_socket)
{
    const SimDescriptor *descriptor = torc__simView_find(view_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (!descriptor->socket)
        return -ENOTSOCK;
    *ret_socket = descriptor->socket;
    return 0;
}

/* The same for a call that is counted and may have to fail. Who is told EAGAIN waits for the next
 * edge, so there is one. */
static int begin_call(TorcSystem *system, int fd, TorcSimCall call, SimSocket **ret_socket)
{
    SimSocket *socket;
    int r = find_socket(system, fd, &socket);
    if (r < 0)
        return r;
    r = torc__simView_call(view_of(system), call);
    if (r < 0) {
        if (r == -EAGAIN)
            torc__simWatch_trigger(socket->owner, SIM_ANYTHING);
        return r;
    }
    *ret_socket = socket;
    return 0;
}

/* ---- the table: time, randomness, waking --------------------------------------------------- */

static int64_t sim_now(TorcSystem *system)
{
    return view_of(system)->kernel->now;
}

static int64_t sim_wallTime(TorcSystem *system)
{
    return torc__sim_later(first_wall_time, view_of(system)->kernel->now);
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
    int r = torc__simView_call(view, TORC_SIM_SOCKET);
    if (r < 0)
        return r;
    if (family != AF_INET && family != AF_INET6)
        return -EAFNOSUPPORT;
    if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM)
        return -EPROTONOSUPPORT;
    return open_descriptor(view, torc__simSocket_new(view->host, family));
}

static int sim_bind(TorcSystem *system, int fd, const struct sockaddr *name, socklen_t length)
{
    SimSocket *socket;
    SimAddress address;
    int r = begin_call(system, fd, TORC_SIM_BIND, &socket);
    if (r < 0)
        return r;
    r = torc__simAddress_fromSockaddr(name, length, socket->family, &address);
    if (r < 0)
        return r;
    if (socket->bound || socket->state != SIM_FRESH)
        return -EINVAL;
    return torc__simSocket_bind(socket, &address);
}

static int sim_listen(TorcSystem *system, int fd, int backlog)
{
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_LISTEN, &socket);
    return r < 0 ? r : torc__simSocket_listen(socket, backlog);
}

static int sim_accept(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length)
{
    SimSocket *listener;
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_ACCEPT, &listener);
    if (r < 0)
        return r;
    r = torc__simSocket_accept(listener, &socket);
    if (r < 0)
        return r;
    if (ret_peer)
        torc__simAddress_toSockaddr(&socket->remote, socket->family, ret_peer, length);
    return open_descriptor(view_of(system), socket);
}

static int sim_connect(TorcSystem *system, int fd, const struct sockaddr *name, socklen_t length)
{
    SimSocket *socket;
    SimAddress address;
    int r = begin_call(system, fd, TORC_SIM_CONNECT, &socket);
    if (r < 0)
        return r;
    r = torc__simAddress_fromSockaddr(name, length, socket->family, &address);
    return r < 0 ? r : torc__simSocket_connect(socket, &address);
}

/* What one call may move, given what it asks for. */
static size_t one_chunk(const SimView *view, size_t size)
{
    return view->chunk_size && size > view->chunk_size ? view->chunk_size : size;
}

static ssize_t sim_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    SimSocket *socket;
    int r = begin_call(system, fd, TORC_SIM_RECV, &socket);
    if (r < 0)
        return r;
    size_t chunk = one_chunk(view_of(system), size);
    ssize_t n = torc__simSocket_recv(socket, buffer, chunk, flags);
    if (chunk < size && n > 0 && torc__simBytes_length(&socket->input) > 0 && !(flags & MSG_PEEK))
        torc__simWatch_trigger(socket->owner, TORC_READABLE);
    return n;
}

/* Sends the pieces, up to the chunk size, until one is cut short. */
static ssize_t send_pieces(SimSocket *socket, const struct iovec *pieces, size_t count,
                           size_t chunk)
{
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = pieces[i].iov_len < chunk - sent ? pieces[i].iov_len : chunk - sent;
        ssize_t n = torc__simSocket_send(socket, pieces[i].iov_base, length);
        if (n < 0)
            return sent > 0 ? (ssize_t)sent : n;
        sent += (size_t)n;
        if ((size_t)n < pieces[i].iov_len)
            break;
    }
    return (ssize_t)sent;
}

static ssize_t sim_sendv(TorcSystem *system, int fd, const struct iovec *pieces, size_t count)
{
    SimSocket *socket;
    size_t whole = 0;
    int r = begin_call(system, fd, TORC_SIM_SEND, &socket);
    if (r < 0)
        return r;
    if (count > MOST_PIECES)
        return -EMSGSIZE;
    for (size_t i = 0; i < count; i++)
        whole += pieces[i].iov_len;
    size_t chunk = one_chunk(view_of(system), whole);
    ssize_t n = send_pieces(socket, pieces, count, chunk);
    if (chunk == whole || n <= 0)
        return n;
    if (torc__simSocket_room(socket) > 0)
        torc__simWatch_trigger(socket->owner, TORC_WRITABLE);
    else
        socket->wants_space = true; /* the cut came first, so the socket does not know */
    return n;
}

static ssize_t sim_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    return sim_sendv(system, fd, &piece, 1);
}

static int sim_shutdown(TorcSystem *system, int fd, int how)
{
    SimSocket *socket;
    int r = find_socket(system, fd, &socket);
    return r < 0 ? r : torc__simSocket_shutdown(socket, how);
}

static int sim_close(TorcSystem *system, int fd)
{
    SimDescriptor *descriptor = torc__simView_find(view_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (descriptor->watch)
        torc__sim_fatal("a descriptor was closed while it is watched: unwatch comes first");
    close_descriptor(descriptor);
    return 0;
}

static int sim_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    SimSocket *socket;
    int r = find_socket(system, fd, &socket);
    if (r < 0)
        return r;
    torc__simAddress_toSockaddr(&socket->local, socket->family, ret_name, length);
    return 0;
}

/* inet_getname: a connection that has ended has no peer any more. */
static int sim_getpeername(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    SimSocket *socket;
    int r = find_socket(system, fd, &socket);
    if (r < 0)
        return r;
    if (socket->state != SIM_CONNECTED)
        return -ENOTCONN;
    torc__simAddress_toSockaddr(&socket->remote, socket->family, ret_name, length);
    return 0;
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
    int r = find_socket(system, fd, &socket);
    return r < 0 ? r : torc__simOptions_set(socket, level, name, value, length);
}

static int sim_openSpare(TorcSystem *system)
{
    return open_descriptor(view_of(system), NULL);
}

/* ---- the table: signals and the rest ------------------------------------------------------- */

static int sim_catchSignals(TorcSystem *system, TorcSignalFunction *function, void *arg)
{
    SimView *view = view_of(system);
    view->signal_function = function;
    view->signal_arg = arg;
    view->signal_count = 0;
    return 0;
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
            close_descriptor(view->descriptors[fd]);
}

static void sim_free(TorcSystem *system)
{
    SimView *view = view_of(system);
    torc__simJobs_end(system);
    while (view->lookups)
        torc__simLookup_cancel(system, view->lookups);
    close_all(view);
    torc__sim_release(view->descriptors);
    torc__sim_release(view->triggered);
    torc__sim_release(view->batch);
    torc__sim_release(view);
}

static const TorcSystemOps sim_ops = {
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
    .shutdown = sim_shutdown,
    .close = sim_close,
    .getsockname = sim_getsockname,
    .getpeername = sim_getpeername,
    .getsockopt = sim_getsockopt,
    .setsockopt = sim_setsockopt,
    .openSpare = sim_openSpare,
    .submit = torc__simJobs_submit,
    .setPoolSize = torc__simJobs_setPoolSize,
    .jobs = torc__simJobs_count,
    .endJobs = torc__simJobs_end,
    .lookup = torc__simLookup_start,
    .cancelLookup = torc__simLookup_cancel,
    .catchSignals = sim_catchSignals,
    .eventBase = sim_eventBase,
};

SimView *torc__simView_new(SimKernel *kernel, SimHost *host, bool edge, size_t chunk_size)
{
    SimView *view = torc__sim_alloc(sizeof(*view));
    view->system = (TorcSystem){.ops = &sim_ops, .backend = "simulation", .edge = edge};
    view->kernel = kernel;
    view->host = host;
    view->chunk_size = chunk_size;
    view->lowest_free = FIRST_DESCRIPTOR;
    view->horizon = INT64_MAX;
    view->pool.most = 10;
    return view;
}
