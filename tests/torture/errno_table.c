/* The errno table: what system calls may answer, and what must come of it.
 *
 * Sources: accept(2), connect(2), send(2), epoll_ctl(2) and the other pages of Linux, and what
 * Twisted does with each. With edges EAGAIN and a short count are promises of the kernel: a new edge
 * follows; only the simulation can make them up and keep them. */
#include <errno.h>
#include <stddef.h>

#include "faulty_system.h"
#include "reactor/errors.h"

#define ROW(call, error, expected)                                                                 \
    {                                                                                              \
        FAULT_##call, error, #error, expected, false                                               \
    }
#define SIM_ROW(call, error, expected)                                                             \
    {                                                                                              \
        FAULT_##call, error, #error, expected, true                                                \
    }
#define ONE_BYTE(call, sim_only)                                                                   \
    {                                                                                              \
        FAULT_##call, 0, "SHORT", UNHURT, sim_only                                                 \
    }

const ErrnoRow errno_table[] = {
    /* Errors of the connection that was waiting come through accept: it is skipped. */
    ROW(ACCEPT, ECONNABORTED, UNHURT),
    ROW(ACCEPT, EPROTO, UNHURT),
    ROW(ACCEPT, ENETDOWN, UNHURT),
    ROW(ACCEPT, ENOPROTOOPT, UNHURT),
    ROW(ACCEPT, EHOSTDOWN, UNHURT),
    ROW(ACCEPT, ENONET, UNHURT),
    ROW(ACCEPT, EHOSTUNREACH, UNHURT),
    ROW(ACCEPT, EOPNOTSUPP, UNHURT),
    ROW(ACCEPT, ENETUNREACH, UNHURT),
    ROW(ACCEPT, ETIMEDOUT, UNHURT),
    ROW(ACCEPT, EPERM, UNHURT),
    SIM_ROW(ACCEPT, EAGAIN, UNHURT),
    SIM_ROW(ACCEPT, EINTR, UNHURT),
    /* Who waits is refused by means of the spare descriptor; the port looks away for a while. */
    ROW(ACCEPT, EMFILE, SURVIVED),
    ROW(ACCEPT, ENFILE, SURVIVED),
    /* It looks away, and nobody is refused. */
    ROW(ACCEPT, ENOBUFS, UNHURT),
    ROW(ACCEPT, ENOMEM, UNHURT),
    /* It is no listening socket any more: the port is closed and says so. */
    ROW(ACCEPT, EBADF, SURVIVED),
    ROW(ACCEPT, EINVAL, SURVIVED),
    ROW(ACCEPT, ENOTSOCK, SURVIVED),

    ROW(SOCKET, EMFILE, TOLD),
    ROW(SOCKET, ENFILE, TOLD),
    ROW(SOCKET, ENOBUFS, TOLD),
    ROW(SOCKET, ENOMEM, TOLD),
    ROW(SOCKET, EACCES, TOLD),
    ROW(SOCKET, EAFNOSUPPORT, TOLD),
    ROW(BIND, EADDRINUSE, TOLD),
    ROW(BIND, EADDRNOTAVAIL, TOLD),
    ROW(BIND, EACCES, TOLD),
    ROW(LISTEN, EADDRINUSE, TOLD),
    ROW(LISTEN, ENOBUFS, TOLD),

    /* An interrupted connect goes on (POSIX). */
    ROW(CONNECT, EINTR, UNHURT),
    ROW(CONNECT, EADDRNOTAVAIL, TOLD),
    ROW(CONNECT, ECONNREFUSED, TOLD),
    ROW(CONNECT, ENETUNREACH, TOLD),
    ROW(CONNECT, EHOSTUNREACH, TOLD),
    ROW(CONNECT, ETIMEDOUT, TOLD),
    ROW(CONNECT, EPERM, TOLD),
    ROW(CONNECT, ECONNRESET, TOLD),
    ROW(CONNECT, EACCES, TOLD),
    /* A UNIX server's queue is full: tried again. TCP: there is no local port left. */
    ROW(CONNECT, EAGAIN, TOLD),
    ROW(GETSOCKOPT, ENOBUFS, TOLD),

    ROW(RECV, EINTR, UNHURT),
    SIM_ROW(RECV, EAGAIN, UNHURT),
    ONE_BYTE(RECV, true),
    ROW(RECV, ECONNRESET, TOLD),
    ROW(RECV, ETIMEDOUT, TOLD),
    ROW(RECV, EPIPE, TOLD),
    ROW(RECV, EHOSTUNREACH, TOLD),
    ROW(RECV, ENETRESET, TOLD),
    ROW(RECV, ENOMEM, TOLD),

    ROW(SEND, EINTR, UNHURT),
    SIM_ROW(SEND, EAGAIN, UNHURT),
    ONE_BYTE(SEND, true),
    /* The socket may count as writable: tried again after a while. */
    ROW(SEND, ENOBUFS, UNHURT),
    ROW(SEND, ENOMEM, UNHURT),
    /* What the peer has said before is read first. */
    ROW(SEND, EPIPE, TOLD),
    ROW(SEND, ECONNRESET, TOLD),
    ROW(SEND, ETIMEDOUT, TOLD),
    ROW(SEND, EHOSTUNREACH, TOLD),

    /* Whatever it says, read and send say it too, or do it instead. */
    ROW(SENDFILE, EINVAL, UNHURT),
    ROW(SENDFILE, ENOSYS, UNHURT),
    ROW(SENDFILE, EIO, UNHURT),
    ROW(SENDFILE, ENOMEM, UNHURT),
    ROW(SENDFILE, EINTR, UNHURT),
    ONE_BYTE(SENDFILE, false),
    ROW(PREAD, EIO, TOLD),
    ROW(READ, EIO, TOLD),
    ROW(WRITE, EPIPE, TOLD),
    ROW(WRITE, ENOSPC, TOLD),

    ROW(SEND_DESCRIPTOR, EINTR, UNHURT),
    ROW(SEND_DESCRIPTOR, ENOBUFS, UNHURT),
    ROW(SEND_DESCRIPTOR, EPIPE, TOLD),
    ROW(SEND_DESCRIPTOR, ETOOMANYREFS, TOLD),
    ROW(RECV_DESCRIPTORS, EINTR, UNHURT),
    ROW(RECV_DESCRIPTORS, ECONNRESET, TOLD),
    ROW(RECV_DESCRIPTORS, ENOMEM, TOLD),

    /* There is nothing left to be shut, and Linux has closed what close fails for. */
    ROW(SHUTDOWN, ENOTCONN, UNHURT),
    ROW(CLOSE, EINTR, UNHURT),
    ROW(CLOSE, EIO, UNHURT),

    ROW(SETSOCKOPT, ENOMEM, TOLD),
    ROW(SETSOCKOPT, ENOPROTOOPT, TOLD),
    ROW(GETSOCKNAME, ENOBUFS, SURVIVED),

    /* max_user_watches, or a descriptor that cannot be watched. */
    ROW(WATCH, ENOMEM, TOLD),
    ROW(WATCH, ENOSPC, TOLD),
    ROW(WATCH, EPERM, TOLD),
    /* A loop that cannot wait ends, and says so. */
    ROW(WAIT, EBADF, TOLD),
    ROW(WAIT, EINVAL, TOLD),

    ROW(SUBMIT, EAGAIN, TOLD),
    ROW(LOOKUP, ENOMEM, TOLD),
    ROW(LOOKUP, EAGAIN, TOLD),

    ROW(OPEN, EMFILE, TOLD),
    ROW(OPEN, EACCES, TOLD),
    ROW(OPEN, ENOENT, TOLD),
    ROW(OPEN, EROFS, TOLD),
    ROW(OPEN, ENOSPC, TOLD),
    ROW(OPEN_SPARE, EMFILE, TOLD),
    ROW(OPEN_SPARE, ENFILE, TOLD),
    ROW(DUPLICATE, EMFILE, TOLD),
    ROW(UNLINK, EACCES, SURVIVED),
    ROW(UNLINK, ENOENT, UNHURT),
    ROW(CHMOD, EPERM, TOLD),
    ROW(CHMOD, EROFS, TOLD),
    ROW(STAT, EACCES, SURVIVED),
    ROW(STAT, ENOENT, SURVIVED),
    ROW(LOCK, ENOLCK, TOLD),
    ROW(LOCK, EINTR, SURVIVED),
    {0},
};
