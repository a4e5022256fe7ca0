/* The finger directory of the system's own users: passwd, utmpx, ~/.plan and ~/.project.
 *
 * It publishes who has an account here, so it is a choice to be made on purpose (RFC 1288 §3.2).
 *
 *     query      tells
 *     (empty)    who is logged in: login, full name, terminal, since when
 *     ann        login, full name, where and since when logged in, ~/.project (its first line),
 *                ~/.plan
 *     /W ann     also the home directory, the shell, and the office and office phone of passwd's
 *                comment field
 *
 * A name finds the user with exactly that login; if there is none, all whose full name holds it as
 * whole words in any case, unless the query is exact. Never told: passwords, the home phone, from
 * where somebody is logged in.
 *
 * A user who does not want to be found creates ~/.nofinger: the server then behaves as if there
 * were no such user, in lists too. (The server must be able to search the home directory to see the
 * file.)
 *
 * Files are read only if they are regular files and no symbolic links, up to 64 KiB. A server that
 * runs as root tells only what anybody could read: the file must be readable, and the home
 * directory searchable, by others.
 *
 * Everything is looked up on the reactor's thread pool. A look-up that hangs, in a name service or
 * a network's file system, cannot be broken off: its client gets an apology when it times out, but
 * its thread is lost to the pool until the system answers. passwd and utmpx are walked under a lock
 * of the library's: an application that calls getpwent or getutxent itself on other threads must
 * not use this directory. */
#ifndef TORC_PROTOCOLS_FINGER_SYSTEM_DIRECTORY_H
#define TORC_PROTOCOLS_FINGER_SYSTEM_DIRECTORY_H

#include "../reactor/api.h"
#include "finger_directory.h"

TORC_BEGIN_DECLS

typedef struct TorcFingerSystemOptions {
    size_t size; /* sizeof(TorcFingerSystemOptions), set by TORC_FINGER_SYSTEM_OPTIONS */
    /* Users with a lower number do not exist for finger: 1000 leaves out root and the accounts of
     * services on most systems. 0: everybody is told of. */
    uint32_t lowestUid;
    /* true: nothing is read from home directories but ~/.nofinger. */
    bool noFiles;
    /* Seconds that a look-up may take (home directories may be on a network); then the server
     * apologises to the client. 0: the default of 30 s; negative: no limit. */
    double timeout;
    /* Most look-ups that may be under way, those included that wait for a thread of the pool and
     * those that have timed out but still hold one; beyond it clients are asked to try again later
     * at once. 0: the default of 64. */
    unsigned mostLookups;
    void *reserved[4];
} TorcFingerSystemOptions;

#define TORC_FINGER_SYSTEM_OPTIONS(...)                                                            \
    (&(TorcFingerSystemOptions){.size = sizeof(TorcFingerSystemOptions), __VA_ARGS__})

/* Fills in the size and defaults, for C++ and bindings. */
TORC_API void TorcFingerSystemOptions_init(TorcFingerSystemOptions *options);

/* The directory, with one reference that is the caller's. options may be NULL. NULL and errno:
 * ENOMEM, EINVAL. */
TORC_API TorcFingerDirectory *TorcFingerSystemDirectory_new(const TorcFingerSystemOptions *options);

TORC_END_DECLS

#endif
