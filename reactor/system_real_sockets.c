/* The real system's sockets and pipes: thin wrappers that turn errno into a negative result.
 *
 * Any thread may call them; they keep nothing. What holds afterwards: every descriptor handed out is
 * non-blocking, close-on-exec and above 2; no call raises SIGPIPE; EINTR is dealt with here, except
 * for connect, where it means that the attempt goes on in the background (POSIX). */
#include "system_real_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* torc__real_ignoreSigpipe covers the rest */
#endif

/* The least IOV_MAX that POSIX systems in use have is 1024; the seam promises 64. */
enum { MOST_PIECES = 64 };

static int answer(int r)
{
    return r < 0 ? -errno : r;
}

int torc__real_moveUp(int fd)
{
    if (fd > 2 || fd < 0)
        return answer(fd);
    int up = answer(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    (void)close(fd);
    return up;
}

int torc__real_socket(TorcSystem *system, int family, int type)
{
    (void)system;
    return torc__real_moveUp(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int torc__real_bind(TorcSystem *system, int fd, const struct sockaddr *address, socklen_t length)
{
    (void)system;
    return answer(bind(fd, address, length));
}

int torc__real_listen(TorcSystem *system, int fd, int backlog)
{
    (void)system;
    return answer(listen(fd, backlog));
}

int torc__real_accept(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length)
{
    (void)system;
    int peer;
    do
        peer = accept4(fd, ret_peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (peer < 0 && errno == EINTR);
    return torc__real_moveUp(peer);
}

int torc__real_connect(TorcSystem *system, int fd, const struct sockaddr *address, socklen_t length)
{
    (void)system;
    return answer(connect(fd, address, length));
}

ssize_t torc__real_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    (void)system;
    ssize_t n = recv(fd, buffer, size, flags);
    return n < 0 ? -errno : n;
}

ssize_t torc__real_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    (void)system;
    ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

ssize_t torc__real_sendv(TorcSystem *system, int fd, const struct iovec *pieces, size_t count)
{
    (void)system;
    assert(count <= MOST_PIECES);
    /* sendmsg and not writev, which has no MSG_NOSIGNAL. */
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

ssize_t torc__real_recvfrom(TorcSystem *system, int fd, void *buffer, size_t size, int flags,
                            struct sockaddr *ret_from, socklen_t *length)
{
    (void)system;
    ssize_t n;
    do
        n = recvfrom(fd, buffer, size, flags, ret_from, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t torc__real_sendto(TorcSystem *system, int fd, const void *data, size_t size,
                          const struct sockaddr *address, socklen_t length)
{
    (void)system;
    ssize_t n;
    do
        n = sendto(fd, data, size, MSG_NOSIGNAL, address, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int torc__real_shutdown(TorcSystem *system, int fd, int how)
{
    (void)system;
    return answer(shutdown(fd, how));
}

int torc__real_close(TorcSystem *system, int fd)
{
    (void)system;
    int r = answer(close(fd));
    /* The descriptor is gone all the same; a second close might hit somebody else's. */
    return r == -EINTR ? 0 : r;
}

int torc__real_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    (void)system;
    return answer(getsockname(fd, ret_name, length));
}

int torc__real_getpeername(TorcSystem *system, int fd, struct sockaddr *ret_name, socklen_t *length)
{
    (void)system;
    return answer(getpeername(fd, ret_name, length));
}

int torc__real_getsockopt(TorcSystem *system, int fd, int level, int name, void *ret_value,
                          socklen_t *length)
{
    (void)system;
    return answer(getsockopt(fd, level, name, ret_value, length));
}

int torc__real_setsockopt(TorcSystem *system, int fd, int level, int name, const void *value,
                          socklen_t length)
{
    (void)system;
    return answer(setsockopt(fd, level, name, value, length));
}

/* ---- descriptors passed along -------------------------------------------------------------- */

/* Most that Linux passes in one message (SCM_MAX_FD). */
enum { MOST_PASSED = 253 };

ssize_t torc__real_sendDescriptor(TorcSystem *system, int fd, const void *data, size_t length,
                                  int passed)
{
    (void)system;
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(sizeof(passed))];
    } control = {0};
    struct iovec piece = {(void *)data, length};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(passed));
    memcpy(CMSG_DATA(header), &passed, sizeof(passed));
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

/* Those of one control message. True when one was lost because it had to be moved up. */
static bool take_passed(const struct cmsghdr *header, int *ret_descriptors, size_t *count)
{
    size_t passed = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    bool lost = false;
    for (size_t i = 0; i < passed; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
        fd = torc__real_moveUp(fd);
        if (fd >= 0)
            ret_descriptors[(*count)++] = fd;
        else
            lost = true;
    }
    return lost;
}

/* The room is told as CMSG_LEN and not CMSG_SPACE has it, or the kernel would fill the padding with
 * a descriptor more. */
ssize_t torc__real_recvDescriptors(TorcSystem *system, int fd, void *buffer, size_t size,
                                   int *ret_descriptors, size_t *count, bool *ret_cut)
{
    (void)system;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST_PASSED * sizeof(int))];
    } control;
    size_t room = *count < MOST_PASSED ? *count : MOST_PASSED;
    struct iovec piece = {buffer, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = room ? control.bytes : NULL,
                             .msg_controllen = room ? CMSG_LEN(room * sizeof(int)) : 0};
    ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -errno;
    bool cut = message.msg_flags & MSG_CTRUNC;
    *count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            cut |= take_passed(header, ret_descriptors, count);
    *ret_cut = cut;
    return n;
}

/* ---- pipes --------------------------------------------------------------------------------- */

int torc__real_pipe(TorcSystem *system, int ret_ends[2])
{
    (void)system;
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return -errno;
    ends[0] = torc__real_moveUp(ends[0]);
    ends[1] = torc__real_moveUp(ends[1]);
    int r = ends[0] < 0 ? ends[0] : ends[1];
    for (int i = 0; i < 2 && r < 0; i++)
        if (ends[i] >= 0)
            (void)close(ends[i]);
    if (r < 0)
        return r;
    ret_ends[0] = ends[0];
    ret_ends[1] = ends[1];
    return 0;
}

ssize_t torc__real_read(TorcSystem *system, int fd, void *buffer, size_t size)
{
    (void)system;
    ssize_t n;
    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* SIGPIPE is ignored in the whole process (torc__real_ignoreSigpipe). */
ssize_t torc__real_write(TorcSystem *system, int fd, const void *data, size_t length)
{
    (void)system;
    ssize_t n;
    do
        n = write(fd, data, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* ---- the spare ----------------------------------------------------------------------------- */

int torc__real_openSpare(TorcSystem *system)
{
    /* A socket: it needs no file system (chroot), and unlike a duplicate it takes a place in the
     * kernel's own table, so closing it helps against ENFILE as well as EMFILE. */
    return torc__real_socket(system, AF_UNIX, SOCK_STREAM);
}
