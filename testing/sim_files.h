/* Files of the simulated machine: what the code under test finds there, and what it has left.
 *
 *     TorcSim_writeFile(sim, "/etc/motd", "hello\n", 6);
 *     … the code under test opens it, listens at "/run/chat", …
 *     ck_assert_int_eq(TorcSim_fileMode(sim, "/run/chat"), S_IFSOCK | 0660);
 *
 * A file is there for the program on the same host alone; these functions are about home's. They
 * are few, for what a network program needs: regular files, and sockets (bind of a UNIX address).
 * It is simpler than a real system in these points:
 *   - Every directory exists, and everybody may write there: a path is a name that is compared byte
 *     by byte. There are no links, mounts or devices, and a disk is full or broken only by rule
 *     (sim_faults.h).
 *   - The program under test is process 1000 of user 1000 and group 1000 on each host, with the
 *     umask 022. Permissions are asked for when a file is opened, by chmod (its owner may) and by
 *     connect; user 0 may do all. The bits above 0777 are kept and mean nothing.
 *   - open knows O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC and O_APPEND. A file cannot
 *     be watched.
 *   - lock of what is no file succeeds.
 *   - A crash (TorcSimHost_crash) leaves the host's files as they are: the program that dies with
 *     it can change nothing any more (EIO). */
#ifndef TORC_TESTING_SIM_FILES_H
#define TORC_TESTING_SIM_FILES_H

#include <sys/types.h>

#include "sim.h"

TORC_BEGIN_DECLS

/* The file has this content from now on. If there was none it has the mode 0644 and belongs to the
 * code under test. 0, -EINVAL (no path), or -ENXIO: it is a socket. */
TORC_API int TorcSim_writeFile(TorcSim *sim, const char *path, const void *data, size_t length);

/* Its content, with a NUL behind it; valid until the file changes. ret_length may be NULL. NULL
 * with errno: ENOENT, ENXIO (it is a socket). */
TORC_API const char *TorcSim_readFile(TorcSim *sim, const char *path, size_t *ret_length);

/* Its type and permissions, S_IFREG | 0644, or -ENOENT. */
TORC_API int TorcSim_fileMode(TorcSim *sim, const char *path);

/* 0, -EINVAL (more than 07777) or -ENOENT. */
TORC_API int TorcSim_setFileMode(TorcSim *sim, const char *path, mode_t permissions);

/* Takes the name away; who has it open keeps it. 0 or -ENOENT. */
TORC_API int TorcSim_removeFile(TorcSim *sim, const char *path);

TORC_END_DECLS

#endif
