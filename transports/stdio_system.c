/* The I/O layer below a stream on standard input and output: it has the table of a system, through
 * which the stream reads one descriptor and writes another as if they were one socket.
 *
 * Reactor's thread. The layer owns both descriptors, which are duplicates, and their watches; it lies
 * in the owner of its stream, which outlives the stream. It offers readiness by level whatever the
 * reactor's system has, because an edge tells less of a pipe, a terminal or a file than of a socket:
 * there is no TORC_CLOSED, nor a way to look at the input without reading it. What cannot be waited
 * for (epoll answers EPERM for files and some devices) counts as always ready: a delayed call of no
 * delay says so once a turn, as long as the stream wants to know. Invariant: a side has a watch or an
 * active call exactly while it is wanted and open. */
#include "stdio_internal.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

/* Until an always ready side that refuses all the same is tried again. */
static const int64_t retry_delay = TORC__SECOND / 100;

static TorcStdioSystem *stdio_of(TorcSystem *system)
{
    return (TorcStdioSystem *)system;
}

static TorcSystem *below(const TorcStdioSystem *system)
{
    return system->reactor->system;
}

/* ---- readiness ----------------------------------------------------------------------------- */

static void tell(const TorcStdioSystem *system, unsigned ready)
{
    system->function(system->input.fd, (short)ready, system->arg);
}

static void side_ready(int fd, short ready, void *arg)
{
    const TorcStdioSide *side = arg;

    (void)fd;
    (void)ready;
    tell(side->system, side->interest);
}

/* Whatever the stream is about, it then asks for something, and gets the code as the answer. */
static void fail(TorcStdioSystem *system, int code)
{
    system->failure = code;
    tell(system, TORC_READABLE | TORC_WRITABLE);
}

static int call_soon(TorcStdioSide *side);

/* The next call is there first, for the stream may take its interest back. */
static void always_ready(void *arg)
{
    TorcStdioSide *side = arg;
    int r = call_soon(side);

    if (r < 0)
        fail(side->system, r);
    else
        tell(side->system, side->interest);
}

static int call_soon(TorcStdioSide *side)
{
    int64_t delay = side->refused ? retry_delay : 0;
    return torc__ownCallLater(side->system->reactor, delay, "readiness of a file", always_ready,
                              side, &side->call);
}

static int start(TorcStdioSide *side)
{
    TorcSystem *system = below(side->system);

    if (!side->pollable)
        return call_soon(side);
    int r = system->ops->watch(system, &side->watch, side->fd, side->interest, side_ready, side);
    if (r != -EPERM)
        return r;
    side->pollable = false;
    return call_soon(side);
}

static void stop(TorcStdioSide *side)
{
    TorcSystem *system = below(side->system);

    side->wanted = false;
    (void)TorcDelayedCall_cancel(side->call);
    system->ops->unwatch(system, &side->watch);
}

static int want(TorcStdioSide *side, unsigned interest)
{
    bool wanted = interest & side->interest;

    if (wanted == side->wanted || side->fd < 0)
        return 0;
    if (!wanted) {
        stop(side);
        return 0;
    }
    int r = start(side);
    side->wanted = r == 0;
    return r;
}

static void stdio_unwatch(TorcSystem *base, TorcWatch *watch)
{
    (void)watch;
    stop(&stdio_of(base)->input);
    stop(&stdio_of(base)->output);
}

/* What fails leaves no watch, as with a descriptor's. */
static int stdio_rewatch(TorcSystem *base, TorcWatch *watch, unsigned interest)
{
    TorcStdioSystem *system = stdio_of(base);
    int r = want(&system->input, interest);

    if (r == 0)
        r = want(&system->output, interest);
    if (r < 0)
        stdio_unwatch(base, watch);
    return r;
}

static int stdio_watch(TorcSystem *base, TorcWatch *watch, int fd, unsigned interest,
                       TorcWatchFunction *function, void *arg)
{
    TorcStdioSystem *system = stdio_of(base);

    (void)fd;
    system->function = function;
    system->arg = arg;
    return stdio_rewatch(base, watch, interest);
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* MSG_PEEK is for those who pause by edges. */
static ssize_t stdio_recv(TorcSystem *base, int fd, void *buffer, size_t size, int flags)
{
    TorcStdioSystem *system = stdio_of(base);
    TorcSystem *under = below(system);

    (void)fd;
    if (system->failure)
        return system->failure;
    if (flags & MSG_PEEK)
        return -EOPNOTSUPP;
    ssize_t n = under->ops->read(under, system->input.fd, buffer, size);
    system->input.refused = n == -EAGAIN;
    return n;
}

static bool passes(ssize_t code)
{
    return code == -EAGAIN || code == -ENOBUFS || code == -ENOMEM;
}

/* After a failure the stream reads what a socket's peer has said last. Here input and output belong
 * to different programs, and the input may be endless: it finds the failure there as well. */
static ssize_t stdio_send(TorcSystem *base, int fd, const void *data, size_t length)
{
    TorcStdioSystem *system = stdio_of(base);
    TorcSystem *under = below(system);

    (void)fd;
    if (system->failure == -ENOMEM)
        return -EIO; /* a stream takes ENOMEM for the kernel's, and tries again */
    if (system->failure)
        return system->failure;
    ssize_t n = under->ops->write(under, system->output.fd, data, length);
    system->output.refused = n == -EAGAIN;
    if (n < 0 && !passes(n))
        system->failure = (int)n;
    return n;
}

/* The seam has no writev. A turn's small writes are one piece already, so pieces are few. */
static ssize_t stdio_sendv(TorcSystem *base, int fd, const struct iovec *pieces, size_t count)
{
    ssize_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        ssize_t n = stdio_send(base, fd, pieces[i].iov_base, pieces[i].iov_len);
        if (n < 0)
            return sum > 0 ? sum : n; /* the next call says it again */
        sum += n;
        if ((size_t)n < pieces[i].iov_len)
            break;
    }
    return sum;
}

/* ---- what sockets have besides ------------------------------------------------------------- */

static int stdio_getsockopt(TorcSystem *base, int fd, int level, int name, void *ret_value,
                            socklen_t *length)
{
    (void)fd;
    if (level != SOL_SOCKET || name != SO_ERROR || *length < sizeof(int))
        return -EOPNOTSUPP;
    *(int *)ret_value = -stdio_of(base)->failure;
    *length = sizeof(int);
    return 0;
}

static int stdio_setsockopt(TorcSystem *base, int fd, int level, int name, const void *value,
                            socklen_t length)
{
    (void)base;
    (void)fd;
    (void)level;
    (void)name;
    (void)value;
    (void)length;
    return -EOPNOTSUPP;
}

static int stdio_name(TorcSystem *base, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    (void)base;
    (void)fd;
    (void)ret_name;
    (void)length;
    return -ENOTSOCK;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void close_side(TorcStdioSide *side)
{
    TorcSystem *system = below(side->system);

    if (side->fd < 0)
        return;
    stop(side);
    if (side->was_blocking)
        (void)system->ops->setBlocking(system, side->fd, true);
    (void)system->ops->close(system, side->fd); /* nothing left to tell */
    side->fd = -1;
}

/* A stream shuts its write side only. */
static int stdio_shutdown(TorcSystem *base, int fd, int how)
{
    (void)fd;
    (void)how;
    assert(how == SHUT_WR);
    close_side(&stdio_of(base)->output);
    return 0;
}

/* The input last: of an open file that both share it was the first to be made non-blocking, so it
 * knows what that was before. */
void torc__stdioSystem_close(TorcStdioSystem *system)
{
    close_side(&system->output);
    close_side(&system->input);
}

static int stdio_close(TorcSystem *base, int fd)
{
    (void)fd;
    torc__stdioSystem_close(stdio_of(base));
    return 0;
}

static const TorcSystemOps stdio_ops = {
    .watch = stdio_watch,
    .rewatch = stdio_rewatch,
    .unwatch = stdio_unwatch,
    .recv = stdio_recv,
    .send = stdio_send,
    .sendv = stdio_sendv,
    .shutdown = stdio_shutdown,
    .close = stdio_close,
    .getsockname = stdio_name,
    .getpeername = stdio_name,
    .getsockopt = stdio_getsockopt,
    .setsockopt = stdio_setsockopt,
};

/* ---- the beginning ------------------------------------------------------------------------- */

/* libevent logs a warning for what epoll refuses, so it is not asked about files. */
static bool is_file(TorcSystem *system, int fd)
{
    TorcFileStatus status;
    return system->ops->statDescriptor(system, fd, &status) == 0 && S_ISREG(status.mode);
}

static int open_side(TorcStdioSide *side, int given)
{
    TorcSystem *system = below(side->system);
    int fd = given < 0 ? -EBADF : system->ops->duplicate(system, given);
    int r = fd < 0 ? fd : system->ops->setBlocking(system, fd, false);

    if (r < 0) {
        if (fd >= 0)
            (void)system->ops->close(system, fd);
        return r;
    }
    side->fd = fd;
    side->was_blocking = r > 0;
    side->pollable = !is_file(system, fd);
    return 0;
}

int torc__stdioSystem_open(TorcStdioSystem *system, TorcReactor *reactor, int input, int output)
{
    *system = (TorcStdioSystem){
        .base = {.ops = &stdio_ops, .backend = reactor->system->backend, .edge = false},
        .reactor = reactor,
        .input = {.system = system, .fd = -1, .interest = TORC_READABLE},
        .output = {.system = system, .fd = -1, .interest = TORC_WRITABLE},
    };
    int r = open_side(&system->input, input);
    if (r == 0)
        r = open_side(&system->output, output);
    if (r < 0)
        torc__stdioSystem_close(system);
    return r;
}
