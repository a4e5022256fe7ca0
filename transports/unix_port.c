/* UNIX ports: how their sockets come about, and what is left of them in the file system. Their life
 * is port.c.
 *
 * Reactor's thread. The port owns its path and its lock file while it listens, and removes a file
 * only when it still is the one it made. Invariant: whoever holds the lock of a path is the only one
 * of those who lock to remove a socket from it; the kernel drops the lock of who dies. (A flock, and
 * not a file with a process number in it as Twisted has: such a number may belong to somebody else
 * by now, or to another container.)
 *
 * The permissions are set between bind and listen. The umask cannot be used, for it is the whole
 * process's; and nothing is lost, for until listen the kernel refuses every connection. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ports_internal.h"
#include "socket_internal.h"
#include "unix.h"
#include "unix_internal.h"

enum { MODE_DEFAULT = 0666, LOCK_FILE_MODE = 0600 };

/* How often a lock file is opened that others remove meanwhile. */
enum { LOCK_TRIES = 16 };

#define LOCK_SUFFIX ".lock"

typedef struct UnixPort {
    TorcPort base;
    int mode; /* negative: as the umask leaves it */
    int backlog;
    bool locks;
    int lock;            /* the lock file's descriptor, while the lock is held; -1 */
    TorcFileStatus file; /* which file the socket is, while it listens */
    unsigned generation; /* the reactor's when it began to listen */
} UnixPort;

static TorcSystem *port_system(const UnixPort *port)
{
    return torc__port_system(&port->base);
}

/* A process that forked owns its files; in the child they are not to be removed. */
static bool is_inherited(const UnixPort *port)
{
    const TorcReactor *reactor = port->base.owner.streams->reactor;
    return reactor->system->forked || reactor->generation != port->generation;
}

static const char *port_path(const UnixPort *port)
{
    return port->base.address.path;
}

static bool same_file(const TorcFileStatus *a, const TorcFileStatus *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* ---- the lock file ------------------------------------------------------------------------- */

typedef struct LockPath {
    char text[sizeof(((TorcAddress *)0)->path) + sizeof(LOCK_SUFFIX)];
} LockPath;

static LockPath lock_path(const UnixPort *port)
{
    LockPath path;
    snprintf(path.text, sizeof(path.text), "%s" LOCK_SUFFIX, port_path(port));
    return path;
}

/* True when the descriptor's file is the one that others find there. */
static bool is_at(TorcSystem *system, int fd, const char *path)
{
    TorcFileStatus open;
    TorcFileStatus found;

    return system->ops->statDescriptor(system, fd, &open) == 0 &&
           system->ops->stat(system, path, &found) == 0 && same_file(&open, &found);
}

/* The locked file's descriptor. -EAGAIN: somebody has the lock; -ESTALE: its former owner removed the
 * file after it was opened here, so this lock would keep nobody away. */
static int open_lock(TorcSystem *system, const char *path)
{
    int fd = system->ops->open(system, path, O_RDWR | O_CREAT | O_NOFOLLOW, LOCK_FILE_MODE);
    if (fd < 0)
        return fd;
    int r = system->ops->lock(system, fd);
    if (r == 0 && !is_at(system, fd, path))
        r = -ESTALE;
    if (r == 0)
        return fd;
    (void)system->ops->close(system, fd);
    return r;
}

static int take_lock(UnixPort *port)
{
    LockPath path = lock_path(port);
    int r = -ESTALE;

    for (int i = 0; i < LOCK_TRIES && r == -ESTALE; i++)
        r = open_lock(port_system(port), path.text);
    if (r == -EAGAIN || r == -ESTALE)
        return -EADDRINUSE;
    if (r < 0)
        return r;
    port->lock = r;
    return 0;
}

/* Removed while it is still held: who opens it from now on makes a new one. */
static void drop_lock(UnixPort *port)
{
    TorcSystem *system = port_system(port);
    LockPath path = lock_path(port);

    if (port->lock < 0)
        return;
    if (!is_inherited(port) && is_at(system, port->lock, path.text))
        (void)system->ops->unlink(system, path.text); /* one that is left does no harm */
    (void)system->ops->close(system, port->lock);
    port->lock = -1;
}

/* ---- the path ------------------------------------------------------------------------------ */

/* True when there is something at the path that never was a server's. */
static bool is_other_file(const UnixPort *port)
{
    TorcSystem *system = port_system(port);
    TorcFileStatus status;

    return system->ops->stat(system, port_path(port), &status) == 0 && !S_ISSOCK(status.mode);
}

/* 0 when nobody listens on the socket at the path; -EADDRINUSE when somebody does, who need not
 * lock. */
static int check_stale(const UnixPort *port)
{
    TorcSystem *system = port_system(port);
    int fd = torc__socket_new(system, &port->base.address);
    if (fd < 0)
        return fd;
    int r = torc__socket_connect(system, fd, &port->base.address);
    (void)system->ops->close(system, fd);
    return r == -ECONNREFUSED || r == -ENOENT ? 0 : -EADDRINUSE;
}

/* Binds; the lock's owner may remove a dead server's socket first. */
static int bind_path(UnixPort *port, int fd)
{
    TorcSystem *system = port_system(port);
    int r = torc__socket_bind(system, fd, &port->base.address);
    if (r != -EADDRINUSE || torc__unix_isAbstract(&port->base.address))
        return r;
    if (is_other_file(port))
        return -EEXIST;
    if (port->lock < 0)
        return r;
    r = check_stale(port);
    if (r == 0)
        r = system->ops->unlink(system, port_path(port));
    if (r < 0 && r != -ENOENT)
        return r;
    return torc__socket_bind(system, fd, &port->base.address);
}

/* Its descriptor keeps the socket's file from being reused, so the same number is the same file. */
static bool path_is_ours(const UnixPort *port)
{
    TorcSystem *system = port_system(port);
    TorcFileStatus found;

    return port->file.inode != 0 && !is_inherited(port) &&
           system->ops->stat(system, port_path(port), &found) == 0 &&
           same_file(&port->file, &found);
}

/* A server that has given up its rights since may be unable to. */
static void unlink_path(const UnixPort *port)
{
    TorcSystem *system = port_system(port);
    const char *path = port_path(port);
    int r = system->ops->unlink(system, path);

    if (r == 0 || r == -ENOENT)
        return;
    const char *text = torc_strerror(r);
    TORC__LOG(port->base.owner.streams->reactor, TORC_LOG_WARNING, "port.path-left",
              TORC_LOG_BYTES("path", path, strlen(path)),
              TORC_LOG_BYTES("problem", text, strlen(text)));
}

static void remove_path(UnixPort *port)
{
    if (path_is_ours(port))
        unlink_path(port);
    port->file = (TorcFileStatus){0};
}

/* Right after bind. What cannot be looked at now could not be told from another file later: it goes
 * at once, while it can only be the one that bind has made. */
static int set_mode(UnixPort *port)
{
    TorcSystem *system = port_system(port);
    int r = system->ops->stat(system, port_path(port), &port->file);

    if (r < 0)
        unlink_path(port);
    else if (port->mode >= 0)
        r = system->ops->chmod(system, port_path(port), (mode_t)port->mode);
    return r;
}

/* ---- as a kind of port --------------------------------------------------------------------- */

static int prepare(UnixPort *port, int fd)
{
    TorcSystem *system = port_system(port);
    bool abstract = torc__unix_isAbstract(&port->base.address);
    int r = bind_path(port, fd);
    if (r < 0)
        return r;
    if (!abstract)
        r = set_mode(port);
    if (r == 0)
        r = system->ops->listen(system, fd, port->backlog);
    if (r < 0 && !abstract)
        remove_path(port);
    return r;
}

static int open_socket(UnixPort *port)
{
    TorcSystem *system = port_system(port);
    int fd = torc__socket_new(system, &port->base.address);
    if (fd < 0)
        return fd;
    int r = prepare(port, fd);
    if (r < 0) {
        (void)system->ops->close(system, fd);
        return r;
    }
    return fd;
}

static int unix_open(TorcPort *base)
{
    UnixPort *port = (UnixPort *)base;
    port->generation = base->owner.streams->reactor->generation;
    int r = port->locks ? take_lock(port) : 0;
    if (r < 0)
        return r;
    int fd = open_socket(port);
    if (fd < 0)
        drop_lock(port);
    return fd;
}

/* The path goes first, while the socket still listens: who connects then is refused cleanly. */
static void unix_close(TorcPort *base)
{
    UnixPort *port = (UnixPort *)base;

    remove_path(port);
    drop_lock(port);
}

static const TorcPortKind unix_kind = {.open = unix_open, .close = unix_close};

/* ---- the public functions ------------------------------------------------------------------ */

void TorcListenUNIXOptions_init(TorcListenUNIXOptions *options)
{
    if (options)
        *options = (TorcListenUNIXOptions){.size = sizeof(TorcListenUNIXOptions)};
}

static int read_options(const TorcListenUNIXOptions *given, TorcListenUNIXOptions *ret_options)
{
    TorcListenUNIXOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(options.backlog >= 0 && options.mode <= 0777);
    if (options.backlog == 0)
        options.backlog = SOMAXCONN;
    if (options.mode == 0)
        options.mode = MODE_DEFAULT;
    *ret_options = options;
    return 0;
}

static TorcPort *unix_port_new(TorcStreams *streams, TorcFactory *factory,
                               const TorcListenUNIXOptions *options, const TorcAddress *address)
{
    UnixPort *port =
        (UnixPort *)torc__port_new(streams, sizeof(UnixPort), &unix_kind, factory, address);
    if (!port)
        return NULL;
    port->base.most = options->maxConnections;
    port->base.refuse_excess = options->refuseExcess;
    port->mode = options->mode;
    port->backlog = options->backlog;
    port->locks = !options->noLockFile && !torc__unix_isAbstract(address);
    port->lock = -1;
    return &port->base;
}

int TorcReactor_listenUNIX(TorcReactor *reactor, const char *address, TorcFactory *factory,
                           const TorcListenUNIXOptions *options, TorcPort **ret_port)
{
    TORC__REQUIRE(reactor && address && factory);
    TorcListenUNIXOptions read;
    TorcAddress name;
    int r = read_options(options, &read);
    if (r == 0)
        r = torc__unix_address(address, &name);
    if (r < 0)
        return r;

    TorcStreams *streams = torc__streams(reactor);
    TorcPort *port = streams ? unix_port_new(streams, factory, &read, &name) : NULL;
    return port ? torc__port_begin(port, ret_port) : -ENOMEM;
}
