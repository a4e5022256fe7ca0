/* The files of simulated hosts: names, contents, permissions.
 *
 * One thread, the test's. A file is counted (sim_files_internal.h says by whom) and freed with its
 * last reference. A host has few files, so its names are a list that is searched from its
 * beginning. */
#include "sim_files.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sim_files_internal.h"
#include "sim_internal.h"

/* fs_struct of a process that was told nothing else. */
enum { UMASK = 022, FILE_DEVICE = 1, NEW_FILE = 0666, ALL_PERMISSIONS = 07777 };

/* ---- names --------------------------------------------------------------------------------- */

SimFile *torc__simFile_find(const SimHost *host, const char *path)
{
    SimFile *file = host->files;
    while (file && strcmp(file->path, path) != 0)
        file = file->next;
    return file;
}

SimFile *torc__simFile_new(SimHost *host, const char *path, mode_t mode,
                           const SimCredentials *owner)
{
    assert(!torc__simFile_find(host, path));
    size_t length = strlen(path);
    SimFile *file = torc__sim_alloc(sizeof(*file) + length + 1);
    *file = (SimFile){.host = host,
                      .references = 1,
                      .mode = mode & ~(mode_t)UMASK,
                      .uid = owner->uid,
                      .gid = owner->gid,
                      .inode = ++host->kernel->inodes_made};
    memcpy(file->path, path, length);
    SimFile **link = &host->files;
    while (*link)
        link = &(*link)->next;
    *link = file;
    return file;
}

void torc__simFile_unref(SimFile *file)
{
    if (--file->references > 0)
        return;
    torc__sim_release(file->data);
    torc__sim_release(file);
}

void torc__simFile_unlink(SimFile *file)
{
    SimFile **link = &file->host->files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    torc__simFile_unref(file);
}

void torc__simFiles_free(SimHost *host)
{
    while (host->files) {
        assert(host->files->references == 1);
        torc__simFile_unlink(host->files);
    }
}

/* generic_permission: the first that fits decides, even if another would allow more. */
bool torc__simFile_permits(const SimFile *file, const SimCredentials *process, unsigned what)
{
    enum { OWNER = 6, GROUP = 3, OTHERS = 0 };
    int shift = process->uid == file->uid ? OWNER : process->gid == file->gid ? GROUP : OTHERS;
    return process->uid == 0 || ((file->mode >> shift) & what) == what;
}

void torc__simFile_stat(const SimFile *file, TorcFileStatus *ret_status)
{
    *ret_status = (TorcFileStatus){.mode = file->mode,
                                   .device = FILE_DEVICE,
                                   .inode = file->inode,
                                   .size = (int64_t)file->size};
}

/* ---- contents ------------------------------------------------------------------------------ */

/* The capacity is doubled, so that a byte is moved twice on average. */
static void reserve(SimFile *file, size_t size)
{
    size_t capacity = file->capacity ? file->capacity : 64;
    while (capacity <= size)
        capacity *= 2;
    if (capacity == file->capacity)
        return;
    file->data = torc__sim_realloc(file->data, capacity);
    file->capacity = capacity;
}

size_t torc__simFile_read(const SimFile *file, size_t offset, void *buffer, size_t size)
{
    size_t there = offset < file->size ? file->size - offset : 0;
    size_t count = size < there ? size : there;
    if (count > 0)
        memcpy(buffer, file->data + offset, count);
    return count;
}

void torc__simFile_write(SimFile *file, size_t offset, const void *data, size_t length)
{
    if (length == 0)
        return;
    size_t end = offset + length;
    size_t size = end > file->size ? end : file->size;
    reserve(file, size);
    if (offset > file->size)
        memset(file->data + file->size, 0, offset - file->size);
    memcpy(file->data + offset, data, length);
    file->size = size;
    file->data[size] = '\0';
}

void torc__simFile_empty(SimFile *file)
{
    file->size = 0;
    if (file->data)
        file->data[0] = '\0';
}

/* ---- the public face ----------------------------------------------------------------------- */

/* A regular file of home: 0, -ENOENT or -ENXIO. */
static int find_regular(TorcSim *sim, const char *path, SimFile **ret_file)
{
    SimFile *file = torc__simFile_find(&sim->kernel->home, path);
    if (!file)
        return -ENOENT;
    if (!S_ISREG(file->mode))
        return -ENXIO;
    *ret_file = file;
    return 0;
}

int TorcSim_writeFile(TorcSim *sim, const char *path, const void *data, size_t length)
{
    torc__sim_require(sim && (data || length == 0),
                      "TorcSim_writeFile: there is no simulation or no data");
    if (!path || !*path)
        return -EINVAL;
    SimFile *file;
    SimKernel *kernel = sim->kernel;
    int r = find_regular(sim, path, &file);
    if (r == -ENXIO)
        return r;
    if (r == -ENOENT)
        file = torc__simFile_new(&kernel->home, path, S_IFREG | NEW_FILE, &kernel->process);
    torc__simFile_empty(file);
    torc__simFile_write(file, 0, data, length);
    return 0;
}

const char *TorcSim_readFile(TorcSim *sim, const char *path, size_t *ret_length)
{
    torc__sim_require(sim && path, "TorcSim_readFile: there is no simulation or no path");
    SimFile *file;
    int r = find_regular(sim, path, &file);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    if (ret_length)
        *ret_length = file->size;
    return file->data ? (const char *)file->data : "";
}

int TorcSim_fileMode(TorcSim *sim, const char *path)
{
    torc__sim_require(sim && path, "TorcSim_fileMode: there is no simulation or no path");
    const SimFile *file = torc__simFile_find(&sim->kernel->home, path);
    return file ? (int)file->mode : -ENOENT;
}

int TorcSim_setFileMode(TorcSim *sim, const char *path, mode_t permissions)
{
    torc__sim_require(sim && path, "TorcSim_setFileMode: there is no simulation or no path");
    SimFile *file = torc__simFile_find(&sim->kernel->home, path);
    if (permissions > ALL_PERMISSIONS)
        return -EINVAL;
    if (!file)
        return -ENOENT;
    file->mode = (file->mode & S_IFMT) | permissions;
    return 0;
}

int TorcSim_removeFile(TorcSim *sim, const char *path)
{
    torc__sim_require(sim && path, "TorcSim_removeFile: there is no simulation or no path");
    SimFile *file = torc__simFile_find(&sim->kernel->home, path);
    if (!file)
        return -ENOENT;
    torc__simFile_unlink(file);
    return 0;
}
