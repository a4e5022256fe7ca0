/* Every call of a transport, each knowing what it may answer at this moment.
 *
 * The test's thread, mostly inside a callback. `sweep` is the book that is kept: a call updates it
 * from its answer, so that the next one, and the end, know what to expect. */
#include "sweep_calls.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <torc/testing/sim_files.h>

#include "testing/sim_internal.h"

enum { TEXT_SIZE = 4 << 20, SOME = 700 };

Sweep sweep;
void (*sweep_producerCalled)(SweepProducerCall call);

static uint8_t text[TEXT_SIZE];

/* Printable, for printf; never FILE_BYTE. */
void sweep_begin(void)
{
    if (!text[0])
        for (size_t i = 0; i < TEXT_SIZE; i++)
            text[i] = (uint8_t)('!' + i % 89);
    sweep = (Sweep){0};
}

static TorcTransport *transport(void)
{
    return rec.transport;
}

/* ---- what may be answered ------------------------------------------------------------------ */

static bool closed_for_writing(void)
{
    return sweep.ended || (sweep.closing && !sweep.producing);
}

/* A write that passes the buffer limit ends the connection. */
static void check_written(int r, size_t length)
{
    if (closed_for_writing()) {
        ck_assert_msg(r == -EPIPE, "a write answers %d; log: %s", r, rec.log);
        return;
    }
    ck_assert_msg(r == 0 || r == -ENOBUFS, "a write answers %d; log: %s", r, rec.log);
    if (r == 0)
        sweep.written += length;
    else
        sweep.ended = true;
}

static const uint8_t *next_text(size_t length)
{
    ck_assert_uint_le(sweep.written + length, TEXT_SIZE);
    return text + sweep.written;
}

int sweep_write(size_t length)
{
    int r = TorcTransport_write(transport(), next_text(length), length);
    check_written(r, length);
    return r;
}

size_t sweep_checkText(const uint8_t *received, size_t length, size_t *ret_file_bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        if (received[i] == FILE_BYTE)
            continue;
        if (received[i] != text[count])
            ck_abort_msg("%s: byte %zu is wrong; log: %s", world.name, i, rec.log);
        count++;
    }
    *ret_file_bytes = length - count;
    return count;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void call_write(void)
{
    (void)sweep_write(SOME);
}

static void call_write_much(void)
{
    (void)sweep_write(world.full / 4);
}

static void call_write_nothing(void)
{
    size_t before = TorcTransport_bufferedBytes(transport());
    (void)TorcTransport_write(transport(), NULL, 0);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(transport()), before);
}

static void call_writeSequence(void)
{
    const uint8_t *bytes = next_text(SOME);
    TorcBytes pieces[] = {{bytes, 1}, {NULL, 0}, {bytes + 1, SOME - 1}};
    check_written(TorcTransport_writeSequence(transport(), pieces, 3), SOME);
}

static void disarm(void *arg)
{
    free(arg);
    sweep.armed--;
}

/* A block of its own, so that a second release is found. */
static void *arm(void)
{
    sweep.armed++;
    return malloc(1);
}

static void call_writeOwned(void)
{
    int r = TorcTransport_writeOwned(transport(), next_text(20 * SOME), 20 * SOME, disarm, arm());
    check_written(r, 20 * SOME);
}

static void call_printf(void)
{
    check_written(TorcTransport_printf(transport(), "%.*s", 80, (const char *)next_text(80)), 80);
}

static void call_setWriteMarks(void)
{
    ck_assert_int_eq(TorcTransport_setWriteMarks(transport(), 20, 10), 0);
    ck_assert_int_eq(TorcTransport_setWriteMarks(transport(), 1, 2), -EINVAL);
}

static void call_setBufferLimit(void)
{
    ck_assert_int_eq(TorcTransport_setBufferLimit(transport(), SOME), 0);
}

/* ---- ending -------------------------------------------------------------------------------- */

static void call_loseConnection(void)
{
    TorcTransport_loseConnection(transport());
    sweep.closing = true;
}

static void call_loseWriteConnection(void)
{
    bool closing = sweep.ended || TorcTransport_disconnecting(transport());
    int r = TorcTransport_loseWriteConnection(transport());
    ck_assert_int_eq(r, closing ? -EPIPE : 0);
    sweep.closing = true;
}

static void call_abortConnection(void)
{
    TorcTransport_abortConnection(transport());
    sweep.closing = sweep.ended = true;
}

static void call_failConnection(void)
{
    TorcTransport_failConnection(transport(), NULL);
    sweep.closing = sweep.ended = true;
}

static void call_setCloseTimeout(void)
{
    ck_assert_int_eq(TorcTransport_setCloseTimeout(transport(), 60), 0);
}

/* Long enough never to come. */
static void call_setIdleTimeout(void)
{
    ck_assert_int_eq(TorcTransport_setIdleTimeout(transport(), 3600), 0);
}

/* ---- reading and asking -------------------------------------------------------------------- */

static void call_pauseProducing(void)
{
    TorcTransport_pauseProducing(transport());
}

static void call_resumeProducing(void)
{
    TorcTransport_resumeProducing(transport());
}

static void call_addresses(void)
{
    TorcAddress host;
    TorcAddress remote;
    TorcTransport_getHost(transport(), &host);
    TorcTransport_getPeer(transport(), &remote);
    ck_assert(!(world.traits & INTERNET) || (host.port > 0 && remote.port > 0));
}

static void call_questions(void)
{
    TorcConnectionId id = TorcTransport_getConnectionId(transport());
    ck_assert_ptr_eq(TorcTransport_getReactor(transport()), world.reactor);
    TorcProtocol *named = TorcConnectionId_protocol(id);
    ck_assert(named == rec.protocol || (sweep.ended && !named));
    ck_assert(TorcTransport_getHandle(transport()) >= 0 || sweep.ended);
    (void)TorcTransport_bufferedBytes(transport());
    ck_assert(sweep.ended || TorcTransport_connected(transport()));
}

/* What a kind of transport does not have is -EOPNOTSUPP; what else they answer is the kernel's. */
static void call_options(void)
{
    (void)TorcTransport_setTcpNoDelay(transport(), true);
    (void)TorcTransport_getTcpNoDelay(transport());
    (void)TorcTransport_setTcpKeepAlive(transport(), true);
    (void)TorcTransport_getTcpKeepAlive(transport());
    (void)TorcTransport_setTcpKeepAliveTimes(transport(), 60, 10, 3);
    (void)TorcTransport_setTcpUserTimeout(transport(), 60);
    (void)TorcTransport_setReceiveBufferSize(transport(), 1 << 16);
    (void)TorcTransport_getSendBufferSize(transport());
    (void)TorcTransport_getReceiveBufferSize(transport());
}

/* ---- producers ----------------------------------------------------------------------------- */

static void producer_pause(void *arg)
{
    (void)arg;
    ck_assert(sweep.producing && sweep.streaming && !sweep.paused);
    sweep.paused = true;
    sweep_producerCalled(SWEEP_PAUSE);
}

static void producer_resume(void *arg)
{
    (void)arg;
    ck_assert(sweep.producing && sweep.paused == sweep.streaming);
    sweep.paused = false;
    sweep.asked += !sweep.streaming;
    sweep_producerCalled(sweep.streaming ? SWEEP_RESUME : SWEEP_PULL);
}

static void producer_stop(void *arg)
{
    (void)arg;
    ck_assert(sweep.producing && rec.transport);
    sweep.producing = sweep.paused = false;
    sweep.ended = true;
    sweep.stops++;
    sweep_producerCalled(SWEEP_STOP);
}

static const TorcProducerClass producer_class = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = producer_pause,
    .resumeProducing = producer_resume,
    .stopProducing = producer_stop,
};

void sweep_register(bool streaming)
{
    int r = TorcTransport_registerProducer(transport(), &producer_class, &sweep, streaming);
    if (sweep.producing)
        ck_assert(r == -EBUSY || r == -EPIPE);
    else if (sweep.ended || sweep.closing)
        ck_assert_int_eq(r, -EPIPE);
    else
        ck_assert_int_eq(r, 0);
    if (r < 0)
        return;
    sweep.producing = true;
    sweep.streaming = streaming;
    sweep.paused = false;
    sweep.asked = 0;
}

void sweep_unregister(void)
{
    TorcTransport_unregisterProducer(transport());
    sweep.producing = sweep.paused = false;
}

static void call_register_push(void)
{
    sweep_register(true);
}

static void call_register_pull(void)
{
    sweep_register(false);
}

/* ---- files and descriptors ----------------------------------------------------------------- */

static int open_file(void)
{
    static char bytes[FILE_SIZE];
    memset(bytes, FILE_BYTE, sizeof(bytes));
    if (world.sim) {
        TorcSystem *system = torc__sim_system(world.sim);
        ck_assert_int_eq(TorcSim_writeFile(world.sim, "/file", bytes, sizeof(bytes)), 0);
        return system->ops->open(system, "/file", O_RDONLY, 0);
    }
    int fd = memfd_create("contract", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
    return fd;
}

static void close_file(int fd)
{
    TorcSystem *system = world.sim ? torc__sim_system(world.sim) : NULL;
    if (system)
        (void)system->ops->close(system, fd);
    else
        close(fd);
}

static void file_sent(TorcResult *result, void *arg)
{
    (void)arg;
    sweep.files--;
    if (result->value)
        sweep.file_bytes += *(uint64_t *)result->value;
    sweep.producing = false; /* one that was stopped has unregistered before */
    TorcResult_clear(result);
}

static void call_sendFile(void)
{
    TorcDeferred *done = NULL;
    int fd = open_file();
    int r = TorcTransport_sendFile(transport(), fd, 0, UINT64_MAX, &done);
    close_file(fd);
    if (sweep.producing)
        ck_assert(r == -EBUSY || r == -EPIPE);
    else
        ck_assert_int_eq(r, sweep.ended || sweep.closing ? -EPIPE : 0);
    if (r < 0)
        return;
    sweep.files++;
    sweep.producing = true;
    sweep.streaming = false;
    ck_assert_int_eq(TorcDeferred_addBoth(done, file_sent, NULL), 0);
    TorcDeferred_detach(done);
}

/* It goes with the byte that follows. */
static void call_sendFileDescriptor(void)
{
    int fd = world.sim ? 0 : open_file();
    int r = TorcTransport_sendFileDescriptor(transport(), fd);
    if (!world.sim)
        close_file(fd);
    if (r == 0)
        (void)sweep_write(1);
    else
        ck_assert(r == -EOPNOTSUPP || r == -EPIPE || (r == -EBADF && world.sim));
}

/* ---- others -------------------------------------------------------------------------------- */

static void bound_call(void *arg)
{
    (void)arg;
    ck_assert(rec.transport && rec.counts[RECORD_LOST] == 0);
}

static void call_callLater(void)
{
    TorcCall *call = TORC_CALL(bound_call, arm(), .destroy = disarm, .protocol = rec.protocol);
    int r = TorcReactor_callLaterWith(world.reactor, 0, call, NULL);
    ck_assert(r == 0 || r == -ENOTCONN);
}

static void call_joinTransports(void)
{
    ck_assert_int_eq(torc_joinTransports(transport(), transport(), NULL), -EINVAL);
}

static void call_iterate(void)
{
    ck_assert_int_eq(TorcReactor_iterate(world.reactor, 0), -EDEADLK);
    ck_assert_int_eq(TorcReactor_run(world.reactor), -EDEADLK);
}

static const struct {
    const char *name;
    void (*make)(void);
} calls[] = {
    {"write", call_write},
    {"write-much", call_write_much},
    {"write-nothing", call_write_nothing},
    {"writeSequence", call_writeSequence},
    {"writeOwned", call_writeOwned},
    {"printf", call_printf},
    {"setWriteMarks", call_setWriteMarks},
    {"setBufferLimit", call_setBufferLimit},
    {"loseConnection", call_loseConnection},
    {"loseWriteConnection", call_loseWriteConnection},
    {"abortConnection", call_abortConnection},
    {"failConnection", call_failConnection},
    {"setCloseTimeout", call_setCloseTimeout},
    {"setIdleTimeout", call_setIdleTimeout},
    {"pauseProducing", call_pauseProducing},
    {"resumeProducing", call_resumeProducing},
    {"getHost", call_addresses},
    {"questions", call_questions},
    {"options", call_options},
    {"register-push", call_register_push},
    {"register-pull", call_register_pull},
    {"unregisterProducer", sweep_unregister},
    {"sendFile", call_sendFile},
    {"sendFileDescriptor", call_sendFileDescriptor},
    {"callLater", call_callLater},
    {"iterate", call_iterate},
    {"joinTransports", call_joinTransports},
};
static_assert(sizeof(calls) / sizeof(calls[0]) == SWEEP_CALLS, "all are counted");

const char *sweep_nameOf(int call)
{
    return calls[call].name;
}

void sweep_make(int call)
{
    char word[64];
    snprintf(word, sizeof(word), "[%s]", calls[call].name);
    Recording_note(&rec, word);
    calls[call].make();
}
