/* The real system's descriptors and files, as far as sockets and tables need them: thin wrappers
 * that turn errno into a negative result.
 *
 * Any thread may call them; they keep nothing. They block for as long as the file system takes, which
 * is why the library asks for paths only when something is opened or closed. What holds afterwards:
 * every descriptor handed out is non-blocking, close-on-exec and above 2; EINTR is dealt with here. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system_real_internal.h"

static int answer(int r)
{
    return r < 0 ? -errno : r;
}

/* ---- descriptors --------------------------------------------------------------------------- */

int torc__real_duplicate(TorcSystem *system, int fd)
{
    (void)system;
    return answer(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

int torc__real_setBlocking(TorcSystem *system, int fd, bool blocking)
{
    (void)system;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    bool was_blocking = !(flags & O_NONBLOCK);
    int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    if (was_blocking != blocking && fcntl(fd, F_SETFL, wanted) < 0)
        return -errno;
    return was_blocking;
}

/* ---- files --------------------------------------------------------------------------------- */

int torc__real_open(TorcSystem *system, const char *path, int flags, mode_t mode)
{
    (void)system;
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, mode);
    while (fd < 0 && errno == EINTR);
    return torc__real_moveUp(fd);
}

int torc__real_unlink(TorcSystem *system, const char *path)
{
    (void)system;
    return answer(unlink(path));
}

int torc__real_chmod(TorcSystem *system, const char *path, mode_t mode)
{
    (void)system;
    return answer(chmod(path, mode));
}

static void fill_status(const struct stat *from, TorcFileStatus *ret_status)
{
    *ret_status = (TorcFileStatus){.mode = from->st_mode,
                                   .device = (uint64_t)from->st_dev,
                                   .inode = (uint64_t)from->st_ino,
                                   .size = (int64_t)from->st_size};
}

int torc__real_stat(TorcSystem *system, const char *path, TorcFileStatus *ret_status)
{
    (void)system;
    struct stat status;
    if (lstat(path, &status) < 0)
        return -errno;
    fill_status(&status, ret_status);
    return 0;
}

int torc__real_statDescriptor(TorcSystem *system, int fd, TorcFileStatus *ret_status)
{
    (void)system;
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    fill_status(&status, ret_status);
    return 0;
}

/* Where EWOULDBLOCK is not EAGAIN, it is said as EAGAIN. */
int torc__real_lock(TorcSystem *system, int fd)
{
    (void)system;
    int r;
    do
        r = answer(flock(fd, LOCK_EX | LOCK_NB));
    while (r == -EINTR);
    return r == -EWOULDBLOCK ? -EAGAIN : r;
}

ssize_t torc__real_pread(TorcSystem *system, int fd, void *buffer, size_t size, uint64_t offset)
{
    (void)system;
    ssize_t n;
    do
        n = pread(fd, buffer, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* SIGPIPE is ignored in the whole process (torc__real_ignoreSigpipe). */
ssize_t torc__real_sendfile(TorcSystem *system, int out, int in, uint64_t offset, size_t length)
{
    (void)system;
    off_t place = (off_t)offset;
    ssize_t n;
    do
        n = sendfile(out, in, &place, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}
