/* A protocol that takes descriptors, for the tests on real and on simulated UNIX sockets. What came is
 * written down for all Takers together. */
#ifndef TORC_TESTS_DESCRIPTOR_TAKER_H
#define TORC_TESTS_DESCRIPTOR_TAKER_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include <torc/torc.h>

enum { TAKEN_MOST = 512 };

static char taken_log[4096]; /* "made fd data:N lost:KIND" */
static int taken[TAKEN_MOST];
static size_t taken_at[TAKEN_MOST]; /* the bytes that had come before it */
static size_t taken_count;
static size_t taken_bytes;
static TorcTransport *taker;
static void (*on_descriptor)(TorcProtocol *self); /* at the end of fileDescriptorReceived */

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
    ck_assert_uint_lt(taken_count, TAKEN_MOST);
    taken[taken_count] = fd;
    taken_at[taken_count++] = taken_bytes;
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

/* Nothing has come yet. */
static inline void begin_taking(void)
{
    taken_log[0] = '\0';
    taken_count = taken_bytes = 0;
    taker = NULL;
    on_descriptor = NULL;
}

#endif
