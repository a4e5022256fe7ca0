/* UNIX stream sockets: listening and connecting on one host. (Twisted: IReactorUNIX.)
 *
 * An address is a path, or an abstract name (Linux): '@' and what follows it, which is no file, has
 * no permissions, and goes with the socket. Either has at most 107 bytes; longer ones are
 * -ENAMETOOLONG. A path that begins with '@' is written "./@…". A relative path is looked up when a
 * port starts and stops, and at each attempt to connect: a program that changes its directory uses
 * absolute ones.
 *
 * The connections are transports like those of TCP, but: the server's getPeer mostly has an empty
 * path, for clients seldom bind; TCP's options are -EOPNOTSUPP; and there is no reset: to the peer,
 * abortConnection looks like a close, or is ECONNRESET if it had sent what was never read. */
#ifndef TORC_TRANSPORTS_UNIX_H
#define TORC_TRANSPORTS_UNIX_H

#include <sys/types.h>

#include "../factories/client_factory.h"
#include "../factories/factory.h"
#include "../reactor/api.h"
#include "connector.h"
#include "port.h"
#include "transport.h"

TORC_BEGIN_DECLS

typedef struct TorcListenUNIXOptions {
    size_t size; /* sizeof(TorcListenUNIXOptions), set by TORC_LISTEN_UNIX_OPTIONS */
    /* Who may connect: needs write permission on the socket file. 1 … 0777 (written in octal); 0:
     * the default of 0666 (everybody who may search the directory); negative: as the umask leaves
     * it. Others cannot slip in before the permissions are set: until then nobody is let in. */
    int mode;
    int backlog; /* as in TorcListenOptions */
    /* true: do not hold a lock (flock) on the file "PATH.lock" while listening. The lock tells a
     * server that runs from one that died: without it an existing path is -EADDRINUSE, with it a
     * dead server's socket is removed. A child process that was forked without exec holds it
     * too. */
    bool noLockFile;
    /* As TorcPort_setMaxConnections and TorcPort_setRefuseExcess. */
    bool refuseExcess;
    unsigned maxConnections;
    void *reserved[4];
} TorcListenUNIXOptions;

#define TORC_LISTEN_UNIX_OPTIONS(...)                                                              \
    (&(TorcListenUNIXOptions){.size = sizeof(TorcListenUNIXOptions), __VA_ARGS__})

TORC_API void TorcListenUNIXOptions_init(TorcListenUNIXOptions *options);

/* Listens on a UNIX address, and gives each connection a protocol from the factory. When the port
 * stops, the path is removed, if it still is this socket, and the lock file is too; a path that
 * cannot be removed is logged ("port.path-left"). The rest is as for TorcReactor_listenTCP; options
 * and ret_port may be NULL. 0, or: -EINVAL (NULL, an empty address, a bad option); -ENAMETOOLONG;
 * -EADDRINUSE (somebody listens there, with or without a lock, or holds the lock, or the socket
 * exists and no lock is wanted); -EEXIST (the path exists and is no socket); -EACCES, -ENOENT,
 * -ENOTDIR, -EROFS, … (the directory, or the lock file); -EMFILE; -ENOMEM; -TORC_ENOTRUNNING. On
 * failure nothing is left behind, and the factory was not started; only a lock file that could not
 * be locked (-ENOLCK, …) stays, for somebody else may have the lock. */
TORC_API int TorcReactor_listenUNIX(TorcReactor *reactor, const char *address, TorcFactory *factory,
                                    const TorcListenUNIXOptions *options, TorcPort **ret_port);

typedef struct TorcConnectUNIXOptions {
    size_t size; /* sizeof(TorcConnectUNIXOptions), set by TORC_CONNECT_UNIX_OPTIONS */
    /* Seconds to wait for room in the server's queue; 0: the default of 30 s; negative: none. */
    double timeout;
    void *reserved[4];
} TorcConnectUNIXOptions;

#define TORC_CONNECT_UNIX_OPTIONS(...)                                                             \
    (&(TorcConnectUNIXOptions){.size = sizeof(TorcConnectUNIXOptions), __VA_ARGS__})

TORC_API void TorcConnectUNIXOptions_init(TorcConnectUNIXOptions *options);

/* Connects to a UNIX address; the outcome comes through the factory, never before this has
 * returned. A full queue (EAGAIN) is tried again, ever more seldom, until the timeout. No such path
 * (ENOENT), nobody listening (ECONNREFUSED) and no permission (EACCES) are failures of the attempt,
 * at once. TorcConnector_getDestination answers the address, and port 0. options and ret_connector
 * may be NULL.
 * 0; -EINVAL (NULL, an empty address, a bad option); -ENAMETOOLONG; -TORC_ENOTRUNNING; -ENOMEM. */
TORC_API int TorcReactor_connectUNIX(TorcReactor *reactor, const char *address,
                                     TorcClientFactory *factory,
                                     const TorcConnectUNIXOptions *options,
                                     TorcConnector **ret_connector);

/* Sends a duplicate of a descriptor (a file, a socket, a pipe) over a UNIX connection; the other
 * end gets it in its fileDescriptorReceived. The duplicate is made here, so the caller may close
 * its own at once (in Twisted it must stay open until it was sent).
 *
 * A descriptor needs a byte of output to go with, and takes the next one that leaves, be it written
 * before or after this call; several go with as many bytes, in the order of the calls. So each is
 * followed by a write of at least a byte, in the same turn at the latest: when output is sent and
 * there are fewer bytes than descriptors, or none, the connection is aborted with the reason
 * TORC_CONNECTION_DESCRIPTOR_OVERRUN.
 * 0; -EINVAL (NULL, negative); -EBADF; -EMFILE; -EPIPE as for write; -EOPNOTSUPP for other
 * transports; -ENOBUFS: 1024 wait already; -ENOMEM. After an error nothing has changed. */
TORC_API int TorcTransport_sendFileDescriptor(TorcTransport *transport, int fd);

/* Closes a descriptor that fileDescriptorReceived was given, by the reactor's system: on the real
 * one this is close(2), in a simulation the number means something to its kernel alone. 0; -EINVAL
 * (NULL, negative); -EBADF. */
TORC_API int TorcReactor_closeDescriptor(TorcReactor *reactor, int fd);

/* Who is at the other end of a UNIX connection, as the kernel noted it when it was made
 * (SO_PEERCRED): the process may be gone by now, or another may have its descriptor. Also in
 * connectionLost. 0; -EINVAL for NULL; -EOPNOTSUPP for other transports; -ENOTCONN: the kernel does
 * not know. */
typedef struct TorcCredentials {
    pid_t pid; /* 0: of another process namespace */
    uid_t uid;
    gid_t gid;
} TorcCredentials;
TORC_API int TorcTransport_getPeerCredentials(TorcTransport *transport,
                                              TorcCredentials *ret_credentials);

TORC_END_DECLS

#endif
