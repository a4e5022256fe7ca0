/* The files of simulated hosts, and the calls on them. Not installed.
 *
 * A host has one table of names. A file lives as long as it has a name there, is open, or has a
 * socket bound to it. */
#ifndef TORC_TESTING_SIM_FILES_INTERNAL_H
#define TORC_TESTING_SIM_FILES_INTERNAL_H

#include <sys/stat.h>

#include "sim_view_internal.h"

/* What one open has made; its descriptors share it (sim_file_calls.c). */
typedef struct SimOpenFile SimOpenFile;

struct SimFile {
    SimFile *next; /* of those of the host that have a name */
    SimHost *host;
    unsigned references; /* its name, those who have it open, its socket */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    uint64_t inode;
    unsigned char *data; /* with a NUL behind it; NULL: empty */
    size_t size;
    size_t capacity;
    SimSocket *socket;       /* bound here; NULL: none is any more */
    const SimOpenFile *lock; /* who has it; NULL: nobody */
    char path[];
};

/* Permissions, as the bits of one digit of a mode. */
enum { SIM_MAY_READ = 4, SIM_MAY_WRITE = 2 };

/* ---- files (sim_files.c) ------------------------------------------------------------------- */

SimFile *torc__simFile_find(const SimHost *host, const char *path);

/* The name must be free. The mode is a type and what umask (022) leaves of the permissions. */
SimFile *torc__simFile_new(SimHost *host, const char *path, mode_t mode,
                           const SimCredentials *owner);

/* Takes its name away. */
void torc__simFile_unlink(SimFile *file);
void torc__simFile_unref(SimFile *file);

bool torc__simFile_permits(const SimFile *file, const SimCredentials *process, unsigned what);

/* Bytes from and to a place in it; what a write skips becomes zero. */
size_t torc__simFile_read(const SimFile *file, size_t offset, void *buffer, size_t size);
void torc__simFile_write(SimFile *file, size_t offset, const void *data, size_t length);
void torc__simFile_empty(SimFile *file);
void torc__simFile_stat(const SimFile *file, TorcFileStatus *ret_status);

/* Nothing may be open any more. */
void torc__simFiles_free(SimHost *host);

/* ---- calls on files and descriptors (sim_file_calls.c) ------------------------------------- */

int torc__simFiles_open(TorcSystem *system, const char *path, int flags, mode_t mode);
int torc__simFiles_unlink(TorcSystem *system, const char *path);
int torc__simFiles_chmod(TorcSystem *system, const char *path, mode_t mode);
int torc__simFiles_stat(TorcSystem *system, const char *path, TorcFileStatus *ret_status);
int torc__simFiles_statDescriptor(TorcSystem *system, int fd, TorcFileStatus *ret_status);
int torc__simFiles_lock(TorcSystem *system, int fd);
/* Bytes from a place of the file that a descriptor stands for, which is one; its own place stays. */
ssize_t torc__simFiles_readAt(const SimDescriptor *descriptor, uint64_t offset, void *buffer,
                              size_t size);
int torc__simFiles_duplicate(TorcSystem *system, int fd);
int torc__simFiles_setBlocking(TorcSystem *system, int fd, bool blocking);

#endif
