/* What the tests of descriptors over UNIX sockets share: a protocol that takes descriptors, and
 * descriptors that can be told apart. */
#ifndef TORC_TESTS_UNIX_DESCRIPTORS_FIXTURE_H
#define TORC_TESTS_UNIX_DESCRIPTORS_FIXTURE_H

#include "../support/failing_memory.h"
#include "unix_fixture.h"

/* ---- a protocol that takes descriptors ----------------------------------------------------- */

enum { TAKEN_MOST = 512 };

/* Shared by all Takers: a log of "made fd data:N lost:KIND", and what came. */
static char taken_log[4096];
static int taken[TAKEN_MOST];
static size_t taken_count;
static size_t taken_bytes;
static TorcTransport *taker;
static void (*on_descriptor)(TorcProtocol *self);

static inline void note(const char *word)
{
    size_t length = strlen(taken_log);
    snprintf(taken_log + length, sizeof(taken_log) - length, "%s%s", length ? " " : "", word);
}

static inline void taker_connectionMade(TorcProtocol *self)
{
    taker = self->transport;
    note("made");
}

static inline void taker_fileDescriptorReceived(TorcProtocol *self, int fd)
{
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_uint_lt(taken_count, TAKEN_MOST);
    taken[taken_count++] = fd;
    note("fd");
    if (on_descriptor)
        on_descriptor(self);
}

static inline void taker_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    char word[32];
    (void)self;
    (void)data;
    taken_bytes += length;
    snprintf(word, sizeof(word), "data:%zu", length);
    note(word);
}

static inline void taker_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    char word[48];
    (void)self;
    snprintf(word, sizeof(word), "lost:%s", TorcReason_kindName(TorcReason_kind(reason)));
    note(word);
    taker = NULL;
}

static const TorcProtocolClass taker_class = {
    TORC_PROTOCOL_CLASS("taker", TorcProtocol),
    .connectionMade = taker_connectionMade,
    .dataReceived = taker_dataReceived,
    .connectionLost = taker_connectionLost,
    .fileDescriptorReceived = taker_fileDescriptorReceived,
};

static inline void begin_test(int backend)
{
    taken_log[0] = '\0';
    taken_count = taken_bytes = 0;
    taker = NULL;
    on_descriptor = NULL;
    begin(backend);
}

static inline void close_taken(void)
{
    for (size_t i = 0; i < taken_count; i++)
        ck_assert_int_eq(close(taken[i]), 0);
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

#endif
