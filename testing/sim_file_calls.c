/* The simulated TorcSystem's calls on files and on descriptors of any kind.
 *
 * What one open makes is a SimOpenFile, which its descriptors share: the place where it reads and
 * writes, what it may do, and the lock. Each call that a test may let fail is counted first
 * (torc__simView_call). The names in the comments are those of Linux's functions that decide. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "sim_files_internal.h"

struct SimOpenFile {
    SimFile *file;
    size_t offset;
    int flags; /* O_ACCMODE, O_APPEND */
};

enum { PERMISSIONS = 07777 };

/* ---- open files ---------------------------------------------------------------------------- */

/* The lock goes with the last descriptor (flock(2)). */
static void file_close(void *object)
{
    SimOpenFile *open = object;
    if (open->file->lock == open)
        open->file->lock = NULL;
    torc__simFile_unref(open->file);
    torc__sim_release(open);
}

static void file_stat(const void *object, TorcFileStatus *ret_status)
{
    const SimOpenFile *open = object;
    torc__simFile_stat(open->file, ret_status);
}

static size_t file_unread(const void *object)
{
    const SimOpenFile *open = object;
    return open->offset < open->file->size ? open->file->size - open->offset : 0;
}

static size_t file_room(const void *object)
{
    (void)object;
    return SIZE_MAX;
}

static ssize_t file_read(void *object, void *buffer, size_t size)
{
    SimOpenFile *open = object;
    if ((open->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    size_t count = torc__simFile_read(open->file, open->offset, buffer, size);
    open->offset += count;
    open->file->host->kernel->activity += count > 0;
    return (ssize_t)count;
}

static ssize_t file_write(void *object, const void *data, size_t length)
{
    SimOpenFile *open = object;
    if ((open->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (open->file->host->down)
        return -EIO;
    if (open->flags & O_APPEND && length > 0)
        open->offset = open->file->size;
    torc__simFile_write(open->file, open->offset, data, length);
    open->offset += length;
    open->file->host->kernel->activity++;
    return (ssize_t)length;
}

const SimKind torc__sim_fileKind = {
    .name = "file",
    .close = file_close,
    .stat = file_stat,
    .unread = file_unread,
    .room = file_room,
    .read = file_read,
    .write = file_write,
};

/* ---- open ---------------------------------------------------------------------------------- */

/* What the flags ask for (build_open_flags): O_TRUNC writes, whatever else they say. */
static unsigned wanted(int flags)
{
    unsigned what = (flags & O_ACCMODE) == O_WRONLY ? 0 : SIM_MAY_READ;
    if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
        what |= SIM_MAY_WRITE;
    return what;
}

/* getname: a path that cannot be one. */
static int check_path(const char *path)
{
    if (!*path)
        return -ENOENT;
    return strlen(path) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int open_existing(SimFile *file, const SimCredentials *process, int flags)
{
    if (flags & O_CREAT && flags & O_EXCL)
        return -EEXIST;
    if (!torc__simFile_permits(file, process, wanted(flags)))
        return -EACCES;
    if (S_ISSOCK(file->mode))
        return -ENXIO;
    if (flags & O_TRUNC && file->host->down)
        return -EIO;
    if (flags & O_TRUNC)
        torc__simFile_empty(file);
    return 0;
}

/* Its mode is for the next who opens it: whoever creates a file may do as he asked. */
static int create(SimView *view, const char *path, int flags, mode_t mode, SimFile **ret_file)
{
    if (!(flags & O_CREAT))
        return -ENOENT;
    if (view->host->down)
        return -EIO;
    *ret_file =
        torc__simFile_new(view->host, path, S_IFREG | (mode & PERMISSIONS), &view->kernel->process);
    return 0;
}

static int open_descriptor(SimView *view, SimFile *file, int flags)
{
    SimOpenFile *open = torc__sim_alloc(sizeof(*open));
    *open = (SimOpenFile){.file = file, .flags = flags & (O_ACCMODE | O_APPEND)};
    file->references++;
    return torc__simDescriptor_open(view, &torc__sim_fileKind, open);
}

int torc__simFiles_open(TorcSystem *system, const char *path, int flags, mode_t mode)
{
    SimView *view = torc__simView_of(system);
    int r = torc__simView_call(view, TORC_SIM_OPEN, NULL);
    if (r == 0)
        r = check_path(path);
    if (r < 0)
        return r;
    SimFile *file = torc__simFile_find(view->host, path);
    r = file ? open_existing(file, &view->kernel->process, flags)
             : create(view, path, flags, mode, &file);
    return r < 0 ? r : open_descriptor(view, file, flags);
}

/* ---- paths --------------------------------------------------------------------------------- */

/* The file of a call that is counted and may have to fail. `changes`: it is about to be changed. */
static int begin(TorcSystem *system, TorcSimCall call, const char *path, bool changes,
                 SimFile **ret_file)
{
    SimView *view = torc__simView_of(system);
    int r = torc__simView_call(view, call, NULL);
    if (r == 0)
        r = check_path(path);
    if (r < 0)
        return r;
    if (changes && view->host->down)
        return -EIO;
    SimFile *file = torc__simFile_find(view->host, path);
    if (!file)
        return -ENOENT;
    *ret_file = file;
    return 0;
}

int torc__simFiles_unlink(TorcSystem *system, const char *path)
{
    SimFile *file;
    int r = begin(system, TORC_SIM_UNLINK, path, true, &file);
    if (r == 0)
        torc__simFile_unlink(file);
    return r;
}

int torc__simFiles_chmod(TorcSystem *system, const char *path, mode_t mode)
{
    SimFile *file;
    int r = begin(system, TORC_SIM_CHMOD, path, true, &file);
    if (r < 0)
        return r;
    const SimCredentials *process = &torc__simView_of(system)->kernel->process;
    if (process->uid != 0 && process->uid != file->uid)
        return -EPERM;
    file->mode = (file->mode & S_IFMT) | (mode & PERMISSIONS);
    return 0;
}

int torc__simFiles_stat(TorcSystem *system, const char *path, TorcFileStatus *ret_status)
{
    SimFile *file;
    int r = begin(system, TORC_SIM_STAT, path, false, &file);
    if (r == 0)
        torc__simFile_stat(file, ret_status);
    return r;
}

/* ---- descriptors --------------------------------------------------------------------------- */

int torc__simFiles_statDescriptor(TorcSystem *system, int fd, TorcFileStatus *ret_status)
{
    const SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    int r = torc__simView_call(torc__simView_of(system), TORC_SIM_STAT, NULL);
    if (r == 0)
        descriptor->handle->kind->stat(descriptor->handle->object, ret_status);
    return r;
}

ssize_t torc__simFiles_readAt(const SimDescriptor *descriptor, uint64_t offset, void *buffer,
                              size_t size)
{
    const SimOpenFile *open = descriptor->handle->object;
    if ((open->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (offset > INT64_MAX)
        return -EINVAL;
    return (ssize_t)torc__simFile_read(open->file, (size_t)offset, buffer, size);
}

/* Who opens a file twice locks himself out. */
int torc__simFiles_lock(TorcSystem *system, int fd)
{
    const SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    int r = torc__simView_call(torc__simView_of(system), TORC_SIM_LOCK, NULL);
    if (r < 0 || descriptor->handle->kind != &torc__sim_fileKind)
        return r;
    const SimOpenFile *open = descriptor->handle->object;
    if (open->file->lock && open->file->lock != open)
        return -EAGAIN;
    open->file->lock = open;
    return 0;
}

int torc__simFiles_duplicate(TorcSystem *system, int fd)
{
    SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    int r = torc__simView_call(torc__simView_of(system), TORC_SIM_DUPLICATE, NULL);
    return r < 0 ? r : torc__simDescriptor_add(torc__simView_of(system), descriptor->handle);
}

/* No call ever blocks here: it is remembered, for who sets it back. */
int torc__simFiles_setBlocking(TorcSystem *system, int fd, bool blocking)
{
    const SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    bool was_blocking = descriptor->handle->blocking;
    descriptor->handle->blocking = blocking;
    return was_blocking;
}
