/* The calls of the C library that give a process another descriptor, or another thread, replaced in
 * the whole program by ones that can be refused (faults.h).
 *
 * Any thread. A refused call does what Linux does when a process has no descriptors left: EMFILE,
 * but recvmsg takes its bytes and drops the descriptors that came with them (unix(7)); and EAGAIN
 * from pthread_create. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "faults.h"

/* Declares `next`, the function that this one replaces. */
#define NEXT(name, ...)                                                                            \
    static int (*next)(__VA_ARGS__);                                                               \
    if (!next)                                                                                     \
    *(void **)&next = dlsym(RTLD_NEXT, name)

static bool no_descriptors(void)
{
    if (!faults_strike(FAULT_DESCRIPTOR))
        return false;
    errno = EMFILE;
    return true;
}

int socket(int family, int type, int protocol)
{
    NEXT("socket", int, int, int);
    return no_descriptors() ? -1 : next(family, type, protocol);
}

int socketpair(int family, int type, int protocol, int ends[2])
{
    NEXT("socketpair", int, int, int, int *);
    return no_descriptors() ? -1 : next(family, type, protocol, ends);
}

/* In glibc the address is a union of pointers to every kind of them. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
int accept4(int fd, struct sockaddr *name, socklen_t *length, int flags)
{
    NEXT("accept4", int, struct sockaddr *, socklen_t *, int);
    return no_descriptors() ? -1 : next(fd, name, length, flags);
}
#pragma GCC diagnostic pop

int eventfd(unsigned count, int flags)
{
    NEXT("eventfd", unsigned, int);
    return no_descriptors() ? -1 : next(count, flags);
}

int timerfd_create(clockid_t clock, int flags)
{
    NEXT("timerfd_create", clockid_t, int);
    return no_descriptors() ? -1 : next(clock, flags);
}

int epoll_create(int size)
{
    NEXT("epoll_create", int);
    return no_descriptors() ? -1 : next(size);
}

int epoll_create1(int flags)
{
    NEXT("epoll_create1", int);
    return no_descriptors() ? -1 : next(flags);
}

int pipe2(int ends[2], int flags)
{
    NEXT("pipe2", int *, int);
    return no_descriptors() ? -1 : next(ends, flags);
}

int dup(int fd)
{
    NEXT("dup", int);
    return no_descriptors() ? -1 : next(fd);
}

int open(const char *path, int flags, ...)
{
    NEXT("open", const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return no_descriptors() ? -1 : next(path, flags, mode);
}

/* Of its commands those that take a number or nothing; a pointer passes as a long does. */
int fcntl(int fd, int command, ...)
{
    NEXT("fcntl", int, int, ...);
    va_list rest;
    va_start(rest, command);
    long value = va_arg(rest, long);
    va_end(rest);
    if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && no_descriptors())
        return -1;
    return next(fd, command, value);
}

/* ---- descriptors passed along -------------------------------------------------------------- */

static void close_passed(const struct cmsghdr *header)
{
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
        (void)close(fd);
    }
}

static bool has_descriptors(struct msghdr *message)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    return header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    static ssize_t (*next)(int, struct msghdr *, int);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "recvmsg");
    ssize_t n = next(fd, message, flags);
    if (n >= 0 && has_descriptors(message) && faults_strike(FAULT_DESCRIPTOR)) {
        close_passed(CMSG_FIRSTHDR(message));
        message->msg_controllen = 0;
        message->msg_flags |= MSG_CTRUNC;
    }
    return n;
}

/* ---- threads ------------------------------------------------------------------------------- */

int pthread_create(pthread_t *ret_thread, const pthread_attr_t *attributes,
                   void *(*function)(void *), void *arg)
{
    NEXT("pthread_create", pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (faults_strike(FAULT_THREAD))
        return EAGAIN;
    return next(ret_thread, attributes, function, arg);
}
