/* Acts on connections. Each reads from the input which connection it is for; where there is none it
 * does nothing. What may be answered is checked, what happens then the model sees. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <torc/testing/sim_files.h>

#include "calls.h"
#include "testing/sim_internal.h"

double some_seconds(void)
{
    static const double values[] = {0, 0.0001, 0.001, 0.01, 0.5, 2, 7, 40};
    return values[below(sizeof(values) / sizeof(values[0]))];
}

/* Mostly a few: what takes a chunk of the pool, a block of its own, or several sends is beside. */
size_t some_length(void)
{
    static const size_t lengths[] = {1,   2,   5,   17, 50,   100,   200,   300,
                                     511, 512, 513, 0,  4096, 20000, 40000, LARGEST_WRITE};
    size_t length = lengths[below(sizeof(lengths) / sizeof(lengths[0]))];
    return length < world.most ? length : world.most;
}

/* The next that there is, from the place that the input says. */
static Talk *some_talk(void)
{
    unsigned from = below(CONNECTIONS);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (world.talks[(from + i) % CONNECTIONS])
            return world.talks[(from + i) % CONNECTIONS];
    return NULL;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Who may write so much more, and where that begins in the stream; NULL: nobody. */
static Talk *some_writer(size_t *ret_length, const char **ret_data)
{
    Talk *talk = some_talk();
    *ret_length = some_length();
    if (!talk || talk->sending || talk->written + *ret_length > STREAM_SIZE)
        return NULL;
    *ret_data = stream + talk->written;
    return talk;
}

static void note_written(Talk *talk, size_t length, int r)
{
    FUZZ_CHECK(r == 0 || r == -EPIPE || r == -ENOMEM || r == -ENOBUFS);
    talk->written += r == 0 ? length : 0;
}

static void write_some(Talk *talk, const char *data, size_t length)
{
    note_written(talk, length, TorcTransport_write(talk->base.transport, data, length));
}

void act_write(void)
{
    size_t length;
    const char *data;
    Talk *talk = some_writer(&length, &data);
    if (talk)
        write_some(talk, data, length);
}

void act_write_sequence(void)
{
    size_t length;
    const char *data;
    Talk *talk = some_writer(&length, &data);
    if (!talk)
        return;
    TorcBytes pieces[] = {
        {data, length / 3}, {data + length / 3, 0}, {data + length / 3, length - length / 3}};
    note_written(talk, length, TorcTransport_writeSequence(talk->base.transport, pieces, 3));
}

void act_write_owned(void)
{
    size_t length;
    const char *data;
    Talk *talk = some_writer(&length, &data);
    if (talk)
        note_written(talk, length,
                     TorcTransport_writeOwned(talk->base.transport, data, length, disarm, arm()));
}

void act_printf(void)
{
    size_t length;
    const char *data;
    Talk *talk = some_writer(&length, &data);
    if (talk)
        note_written(talk, length,
                     TorcTransport_printf(talk->base.transport, "%.*s", (int)length, data));
}

/* ---- producers and files ------------------------------------------------------------------- */

static void produce_no_more(Talk *talk)
{
    talk->produces = talk->told_to_pause = false;
    TorcTransport_unregisterProducer(talk->base.transport);
}

static void producer_pause(void *arg)
{
    Talk *talk = arg;
    enter_talk(talk);
    FUZZ_CHECK(talk->produces && talk->streams && !talk->told_to_pause);
    talk->told_to_pause = true;
    calls_counts.pauses++;
    leave();
}

static void producer_resume(void *arg)
{
    Talk *talk = arg;
    size_t length = talk->written + 100 <= STREAM_SIZE && 100 < world.most ? 100 : 0;
    enter_talk(talk);
    FUZZ_CHECK(talk->produces && talk->told_to_pause == talk->streams);
    talk->told_to_pause = false;
    if (world.over || length == 0 || fuzz_byte(&world.input) % 4 == 0)
        produce_no_more(talk);
    else
        write_some(talk, stream + talk->written, length);
    leave();
}

static void producer_stop(void *arg)
{
    Talk *talk = arg;
    enter_talk(talk);
    FUZZ_CHECK(talk->produces);
    talk->produces = false;
    leave();
}

static const TorcProducerClass producer_class = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = producer_pause,
    .resumeProducing = producer_resume,
    .stopProducing = producer_stop,
};

void act_produce(void)
{
    Talk *talk = some_talk();
    bool streams = below(2) == 0;
    if (!talk)
        return;
    if (talk->produces) {
        produce_no_more(talk);
        return;
    }
    int r = TorcTransport_registerProducer(talk->base.transport, &producer_class, talk, streams);
    FUZZ_CHECK(r == 0 || r == -EPIPE || r == -ENOMEM || (r == -EBUSY && talk->sending));
    if (r < 0)
        return;
    talk->produces = true;
    talk->streams = streams;
    talk->told_to_pause = false;
}

void release_producers(void)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (world.talks[i] && world.talks[i]->produces)
            produce_no_more(world.talks[i]);
}

/* A connection of whose bytes some are missing cannot go on. */
static void file_sent(TorcResult *result, void *arg)
{
    Talk *talk = arg;
    talk->sending = false;
    if (result->reason)
        TorcTransport_abortConnection(talk->base.transport);
    else
        talk->written += (size_t) * (uint64_t *)result->value;
    TorcResult_clear(result);
}

/* Made when it is first needed: copying it would cost each execution a tenth of its time. */
static int open_stream_file(TorcSystem *system)
{
    if (!world.has_file)
        (void)TorcSim_writeFile(world.sim, "/stream", stream, STREAM_SIZE);
    world.has_file = true;
    return system->ops->open(system, "/stream", O_RDONLY, 0);
}

void act_send_file(void)
{
    TorcSystem *system = torc__sim_system(world.sim);
    Talk *talk = some_talk();
    size_t length = 2 * some_length();
    TorcDeferred *done;
    if (!talk)
        return;
    int fd = open_stream_file(system);
    int r = TorcTransport_sendFile(talk->base.transport, fd, talk->written, length, &done);
    if (fd >= 0)
        (void)system->ops->close(system, fd);
    if (r < 0)
        return;
    talk->sending = true;
    (void)TorcDeferred_addBoth(done, file_sent, talk);
    TorcDeferred_detach(done);
}

/* A descriptor of the simulation's own; whoever gets it closes it, or nobody takes it. */
void act_send_descriptor(void)
{
    TorcSystem *system = torc__sim_system(world.sim);
    Talk *talk = some_talk();
    if (!talk)
        return;
    int fd = system->ops->open(system, "/anything", O_RDWR | O_CREAT, 0600);
    (void)TorcTransport_sendFileDescriptor(talk->base.transport, fd);
    if (fd >= 0)
        (void)system->ops->close(system, fd);
}

/* ---- closing, pausing, looking ------------------------------------------------------------- */

static void fail_connection(TorcTransport *transport)
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, -EPROTO, "as the input says");
    TorcTransport_failConnection(transport, below(2) ? reason : NULL);
    TorcReason_unref(reason);
}

void act_close(void)
{
    Talk *talk = some_talk();
    unsigned how = below(6);
    if (!talk)
        return;
    TorcTransport *transport = talk->base.transport;
    switch (how) {
    case 0: TorcTransport_abortConnection(transport); break;
    case 1: fail_connection(transport); break;
    case 2:
    case 3: (void)TorcTransport_loseWriteConnection(transport); break;
    default: TorcTransport_loseConnection(transport); break;
    }
}

void act_reading(void)
{
    Talk *talk = some_talk();
    unsigned what = below(3);
    if (talk && what == 0)
        TorcTransport_pauseProducing(talk->base.transport);
    else if (talk)
        TorcTransport_resumeProducing(talk->base.transport);
}

void act_settings(void)
{
    Talk *talk = some_talk();
    unsigned what = below(10);
    if (!talk)
        return;
    TorcTransport *transport = talk->base.transport;
    switch (what) {
    case 0: (void)TorcTransport_setWriteMarks(transport, below(3) * 1000, 0); break;
    case 1: (void)TorcTransport_setWriteMarks(transport, 500 + below(90000), below(500)); break;
    case 2: (void)TorcTransport_setBufferLimit(transport, below(3) * 60000); break;
    case 3: (void)TorcTransport_setCloseTimeout(transport, some_seconds() - 0.01); break;
    case 4: (void)TorcTransport_setTcpNoDelay(transport, below(2)); break;
    case 5: (void)TorcTransport_setTcpKeepAliveTimes(transport, 1, 2, 3); break;
    case 6: (void)TorcTransport_setTcpUserTimeout(transport, some_seconds()); break;
    case 7: (void)TorcTransport_setIdleTimeout(transport, some_seconds()); break;
    case 8: (void)TorcTransport_getReceiveBufferSize(transport); break;
    default: (void)TorcTransport_setSendBufferSize(transport, (int)below(60000)); break;
    }
}

void act_look(void)
{
    TorcAddress address;
    Talk *talk = some_talk();
    if (!talk)
        return;
    TorcTransport *transport = talk->base.transport;
    TorcTransport_getHost(transport, &address);
    TorcTransport_getPeer(transport, &address);
    TorcProtocol *protocol = TorcConnectionId_protocol(TorcTransport_getConnectionId(transport));
    FUZZ_CHECK(protocol == (TorcTransport_connected(transport) ? &talk->base : NULL));
    FUZZ_CHECK(TorcTransport_getHandle(transport) >= 0);
    FUZZ_CHECK(talk->sending || TorcTransport_bufferedBytes(transport) <= talk->written);
}

void act_bound_call(void)
{
    Talk *talk = some_talk();
    double seconds = some_seconds();
    if (!talk)
        return;
    TorcCall *call = TORC_CALL(called, arm(), .destroy = disarm_and_act, .protocol = &talk->base);
    (void)TorcReactor_callLaterWith(world.reactor, seconds, call, &world.timers[below(TIMERS)]);
}
