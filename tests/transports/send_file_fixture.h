/* What the tests of sending files share: a simulation in which the kernel can do it or not, files of a
 * pattern, and how a sending ended. */
#ifndef TORC_TESTS_SEND_FILE_FIXTURE_H
#define TORC_TESTS_SEND_FILE_FIXTURE_H

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <torc/testing/sim_files.h>

#include "reactor/reactor_internal.h"
#include "reactor/system_real_internal.h"

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static TorcSystemOps ops; /* the reactor's table, in which a test may replace a function */
static TorcDeferred *done;
static struct {
    unsigned times;
    uint64_t bytes; /* UINT64_MAX: it failed */
    TorcReasonKind kind;
    int code;
} sent;

static inline void note_sent(TorcResult *result, void *arg)
{
    (void)arg;
    sent.times++;
    sent.bytes = result->reason ? UINT64_MAX : *(uint64_t *)result->value;
    sent.kind = TorcReason_kind(result->reason);
    sent.code = TorcReason_code(result->reason);
    TorcResult_clear(result);
}

/* Odd ways do it by hand. */
static inline void begin_way(int way, TorcSimOptions *options)
{
    rec = (Recording){0};
    memset(&sent, 0, sizeof(sent));
    done = NULL;
    begin_with(way / 2, options);
    ops = *reactor->system->ops;
    reactor->system->ops = &ops;
    if (way % 2)
        ops.sendfile = NULL;
    serve(&rec, PORT);
    peer = connect_peer();
}

static inline void begin_small(int way)
{
    begin_way(way, TORC_SIM_OPTIONS(.bufferSize = 1000));
}

static inline int open_pattern(const char *name, size_t length)
{
    uint8_t *bytes = new_pattern(length);
    TorcSim_writeFile(sim, name, bytes, length);
    free(bytes);
    int fd = ops.open(reactor->system, name, O_RDONLY, 0);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static inline void close_file(int fd)
{
    ck_assert_int_eq(ops.close(reactor->system, fd), 0);
}

static inline int send_part(int fd, uint64_t offset, uint64_t length)
{
    int r = TorcTransport_sendFile(rec.transport, fd, offset, length, &done);
    if (r == 0)
        ck_assert_int_eq(TorcDeferred_addBoth(done, note_sent, NULL), 0);
    return r;
}

static inline void send_whole(int fd)
{
    ck_assert_int_eq(send_part(fd, 0, UINT64_MAX), 0);
    done = TorcDeferred_detach(done);
}

static inline void assert_sent(uint64_t bytes)
{
    ck_assert_uint_eq(sent.times, 1);
    ck_assert_uint_eq(sent.bytes, bytes);
}

static inline void assert_failed(TorcReasonKind kind, int code)
{
    ck_assert_uint_eq(sent.times, 1);
    ck_assert_uint_eq(sent.bytes, UINT64_MAX);
    ck_assert_int_eq(sent.kind, kind);
    ck_assert_int_eq(sent.code, code);
}

#endif
