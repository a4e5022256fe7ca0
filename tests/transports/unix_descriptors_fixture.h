/* What the tests of descriptors over real UNIX sockets share: servers that take descriptors, and
 * descriptors that can be told apart. */
#ifndef TORC_TESTS_UNIX_DESCRIPTORS_FIXTURE_H
#define TORC_TESTS_UNIX_DESCRIPTORS_FIXTURE_H

#include "descriptor_taker.h"
#include "unix_fixture.h"

/* ---- taking -------------------------------------------------------------------------------- */

static inline void begin_test(int backend)
{
    begin_taking();
    begin(backend);
}

/* Closes them; none is passed on to programs that are started. */
static inline void close_taken(void)
{
    for (size_t i = 0; i < taken_count; i++) {
        ck_assert_int_eq(fcntl(taken[i], F_GETFD), FD_CLOEXEC);
        ck_assert_int_eq(close(taken[i]), 0);
    }
    taken_count = 0;
}

static inline void serve_takers(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&taker_class);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, path, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
}

static inline void end_test(void)
{
    close_taken();
    end();
}

/* ---- descriptors that can be told apart ---------------------------------------------------- */

/* A file that holds the number. */
static inline int numbered_file(int number)
{
    char name[] = "/tmp/torc-fd-XXXXXX";
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(pwrite(fd, &number, sizeof(number), 0), sizeof(number));
    return fd;
}

static inline int number_of(int fd)
{
    int number = -1;
    ck_assert_int_eq(pread(fd, &number, sizeof(number), 0), sizeof(number));
    return number;
}

static inline int send_numbered(TorcTransport *transport, int number)
{
    int fd = numbered_file(number);
    int r = TorcTransport_sendFileDescriptor(transport, fd);
    close(fd); /* at once: it was duplicated */
    return r;
}

static inline void assert_taken(size_t count)
{
    ck_assert_uint_eq(taken_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(number_of(taken[i]), (int)i);
}

static inline int write_text(TorcTransport *transport, const char *text)
{
    return TorcTransport_write(transport, text, strlen(text));
}

/* Sends so many, numbered from 0, and then these bytes. */
static inline void offer(TorcTransport *transport, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(send_numbered(transport, i), 0);
    ck_assert_int_eq(write_text(transport, text), 0);
}

#endif
