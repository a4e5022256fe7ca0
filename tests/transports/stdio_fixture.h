/* What the tests of standard input and output on real descriptors share: a reactor on each of
 * libevent's backends, a recording connection, pipes. The descriptors given to it are in `ours`, the
 * other ends in `theirs`; end() closes them all, and checks that no other is left open. */
#ifndef TORC_TESTS_STDIO_FIXTURE_H
#define TORC_TESTS_STDIO_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <torc/torc.h>

#include "../support/recorder.h"
#include "../support/run_tests.h"

static const char *const backends[] = {"epoll", "poll", "select"};
enum { BACKENDS = 3, MEGABYTE = 1 << 20 };

enum { INPUT, OUTPUT };
static int ours[2];
static int theirs[2];
static int before; /* descriptors open */
static TorcReactor *reactor;
static Recording rec;

/* ---- the world around ---------------------------------------------------------------------- */

static inline int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static inline void begin(int backend)
{
    rec = (Recording){0};
    before = count_descriptors();
    reactor = TorcReactor_new(
        TORC_REACTOR_OPTIONS(.backend = backends[backend % BACKENDS], .noSignalHandlers = true));
    ck_assert_ptr_nonnull(reactor);
    for (int i = 0; i < 2; i++)
        ours[i] = theirs[i] = -1;
}

static inline void make_pipes(void)
{
    int in[2];
    int out[2];
    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    ours[INPUT] = in[0];
    theirs[INPUT] = in[1];
    ours[OUTPUT] = out[1];
    theirs[OUTPUT] = out[0];
    ck_assert_int_eq(fcntl(theirs[OUTPUT], F_SETFL, O_NONBLOCK), 0);
}

static inline void close_end(int *fd)
{
    if (*fd >= 0)
        ck_assert_int_eq(close(*fd), 0);
    *fd = -1;
}

static inline int open_connection(void)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    int r = TorcReactor_standardIO(reactor, ours[INPUT], ours[OUTPUT], &factory->base);
    TorcFactory_unref(&factory->base);
    return r;
}

static inline void turn(void)
{
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);
}

#define turn_until(condition)                                                                      \
    do                                                                                             \
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);                                   \
    while (!(condition))

static inline void turn_for(double seconds)
{
    double until = TorcReactor_seconds(reactor) + seconds;
    while (TorcReactor_seconds(reactor) < until)
        turn();
}

/* The connection is there, and has the descriptors for itself. */
static inline void connect_pipes(void)
{
    make_pipes();
    ck_assert_int_eq(open_connection(), 0);
    close_end(&ours[INPUT]);
    close_end(&ours[OUTPUT]);
    turn_until(rec.counts[RECORD_MADE] == 1);
}

static inline void free_reactor(void)
{
    TorcReactor_free(reactor);
    reactor = NULL;
}

static inline void end(void)
{
    free_reactor();
    for (int i = 0; i < 2; i++) {
        close_end(&ours[i]);
        close_end(&theirs[i]);
    }
    ck_assert_int_eq(count_descriptors(), before);
    Recording_done(&rec);
}

static inline void say(const char *text)
{
    ck_assert_int_eq(write(theirs[INPUT], text, strlen(text)), (ssize_t)strlen(text));
}

static inline int write_text(const char *text)
{
    return TorcTransport_write(rec.transport, text, strlen(text));
}

/* What has come out until now. */
static inline const char *heard(void)
{
    static char text[256];
    ssize_t n = read(theirs[OUTPUT], text, sizeof(text) - 1);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static inline bool at_end(int fd)
{
    char byte;
    return read(fd, &byte, 1) == 0;
}

static inline uint8_t *new_pattern(size_t length)
{
    uint8_t *bytes = malloc(length);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i % 251);
    return bytes;
}

static inline void assert_pattern(const uint8_t *bytes, size_t from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != (from + i) % 251)
            ck_abort_msg("byte %zu is wrong", from + i);
}

/* Takes what there is of the output, the bytes from number `from` on of the pattern. */
static inline size_t take_pattern(size_t from)
{
    uint8_t bytes[65536];
    ssize_t n = read(theirs[OUTPUT], bytes, sizeof(bytes));
    if (n <= 0)
        return 0;
    assert_pattern(bytes, from, (size_t)n);
    return (size_t)n;
}

static inline void take_megabyte(void)
{
    size_t taken = 0;
    while (taken < MEGABYTE) {
        taken += take_pattern(taken);
        turn();
    }
    ck_assert_uint_eq(taken, MEGABYTE);
}

/* True when a turn that may wait does. Not the first: the timer may still be set for the one before. */
static inline bool turn_waits(void)
{
    turn();
    double from = TorcReactor_seconds(reactor);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0.05), 0);
    return TorcReactor_seconds(reactor) - from > 0.04;
}

static inline bool is_blocking(int fd)
{
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* ---- hooks --------------------------------------------------------------------------------- */

static inline void echo(Recording *recording)
{
    size_t from = recording->received_length - recording->chunk;
    (void)TorcTransport_write(recording->transport, recording->received + from, recording->chunk);
}

static inline void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

static inline void pause_reading(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
}

static inline void write_megabyte(Recording *recording)
{
    uint8_t *bytes = new_pattern(MEGABYTE);
    ck_assert_int_eq(TorcTransport_writeOwned(recording->transport, bytes, MEGABYTE, free, bytes),
                     0);
}

static inline void write_hello(Recording *recording)
{
    (void)TorcTransport_write(recording->transport, "hello", 5);
}

#endif
