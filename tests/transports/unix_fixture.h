/* What the tests of UNIX sockets and adopted ones share: a reactor on the real system, a directory
 * of its own, a recording server and client, and the proof that no file or descriptor is left.
 *
 * The system's table is a copy, in which a test may replace a function. */
#ifndef TORC_TESTS_UNIX_FIXTURE_H
#define TORC_TESTS_UNIX_FIXTURE_H

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <torc/torc.h>

#include "reactor/reactor_internal.h"
#include "tests/support/recorder.h"
#include "tests/support/run_tests.h"

static const char *const backends[] = {"epoll", "poll", "select"};
enum { BACKENDS = 3 };

static TorcReactor *reactor;
static TorcSystemOps ops; /* the reactor's table */
static const TorcSystemOps *real_ops;
static Recording server;
static Recording client;
static TorcPort *port;
static TorcConnector *connector;
static char directory[32];
static char path[64]; /* in the directory; nothing is there at first */
static int descriptors_before;

static inline int count_descriptors(void)
{
    DIR *open_ones = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(open_ones);
    int count = 0;
    while (readdir(open_ones))
        count++;
    closedir(open_ones);
    return count;
}

static inline void begin(int backend)
{
    server = client = (Recording){0}; /* tests that do not fork find them used */
    port = NULL;
    connector = NULL;
    descriptors_before = count_descriptors();
    snprintf(directory, sizeof(directory), "/tmp/torc-unix-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);
    reactor =
        TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = backends[backend], .gracePeriod = 0.1));
    ck_assert_ptr_nonnull(reactor);
    real_ops = reactor->system->ops;
    ops = *real_ops;
    reactor->system->ops = &ops;
}

/* The library must have removed its files. */
static inline void end(void)
{
    TorcReactor_free(reactor);
    ck_assert_int_eq(rmdir(directory), 0);
    ck_assert_int_eq(count_descriptors(), descriptors_before);
    Recording_done(&server);
    Recording_done(&client);
}

static inline int listen_with(const char *address, const TorcListenUNIXOptions *options)
{
    TorcClientFactory *factory = Recording_factory(&server);
    int r = TorcReactor_listenUNIX(reactor, address, &factory->base, options, &port);
    TorcFactory_unref(&factory->base);
    return r;
}

static inline void serve(void)
{
    ck_assert_int_eq(listen_with(path, NULL), 0);
}

static inline int connect_with(const char *address, const TorcConnectUNIXOptions *options)
{
    TorcClientFactory *factory = Recording_factory(&client);
    int r = TorcReactor_connectUNIX(reactor, address, factory, options, &connector);
    TorcFactory_unref(&factory->base);
    return r;
}

/* Turns until the condition holds; a test that waits in vain runs into its time limit. */
#define turn_until(condition)                                                                      \
    do                                                                                             \
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);                                    \
    while (!(condition))

static inline void turn_for(double seconds)
{
    double until = TorcReactor_seconds(reactor) + seconds;
    while (TorcReactor_seconds(reactor) < until)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.02), 0);
}

static inline bool exists(const char *file)
{
    struct stat status;
    return lstat(file, &status) == 0;
}

static inline const char *lock_file(void)
{
    static char file[80];
    snprintf(file, sizeof(file), "%s.lock", path);
    return file;
}

/* ---- other programs, played by plain system calls ------------------------------------------ */

static inline socklen_t name_of(const char *file, struct sockaddr_un *name)
{
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(file), sizeof(name->sun_path));
    strcpy(name->sun_path, file);
    return sizeof(*name);
}

/* A socket bound to the path. */
static inline int bound_socket(const char *file)
{
    struct sockaddr_un name;
    socklen_t length = name_of(file, &name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, length), 0);
    return fd;
}

/* A socket file that its server has left behind. */
static inline void leave_stale(const char *file)
{
    close(bound_socket(file));
}

/* A blocking client; -1 and errno when it is refused. */
static inline int try_dial(const char *file)
{
    struct sockaddr_un name;
    socklen_t length = name_of(file, &name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    if (connect(fd, (struct sockaddr *)&name, length) == 0)
        return fd;
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static inline int dial(void)
{
    int fd = try_dial(path);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static inline void write_file(const char *file, const char *text)
{
    FILE *stream = fopen(file, "w");
    ck_assert_ptr_nonnull(stream);
    fputs(text, stream);
    fclose(stream);
}

/* A client that says hello is served, and leaves. */
static inline void assert_serves(const char *file)
{
    Recording_clear(&server);
    int fd = try_dial(file);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "hello", 5), 5);
    turn_until(server.received_length == 5);
    close(fd);
    turn_until(!server.transport);
    ck_assert_str_eq(server.log, "made data:5 lost:DONE");
}

/* ---- privileges ---------------------------------------------------------------------------- */

enum { NOBODY = 65534 };

/* From now on the process cannot change the directory, whoever runs the tests. */
static inline void protect_directory(void)
{
    ck_assert_int_eq(chmod(directory, 0555), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(NOBODY), 0);
}

static inline void unprotect_directory(void)
{
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(directory, 0755), 0);
}

/* The paths of a UNIX connection's ends. */
static inline void assert_addresses(TorcTransport *transport, const char *host, const char *of_peer)
{
    TorcAddress address;
    TorcTransport_getHost(transport, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_UNIX);
    ck_assert_str_eq(address.path, host);
    TorcTransport_getPeer(transport, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_UNIX);
    ck_assert_str_eq(address.path, of_peer);
}

#endif
