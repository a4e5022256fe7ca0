/* The code on docs/connections.md, compiled and run. */
#include "reactor/reactor_internal.h"

#include "../support/stream_test.h"

#include <torc/testing/sim_files.h>

/* ---- a pull producer ----------------------------------------------------------------------- */

typedef struct Counter {
    TorcTransport *transport;
    unsigned next;
    unsigned last;
} Counter;

static void counter_resume(void *producer)
{
    Counter *counter = producer;
    if (counter->next <= counter->last)
        TorcTransport_printf(counter->transport, "%u\r\n", counter->next++);
    else
        TorcTransport_unregisterProducer(counter->transport);
}

static const TorcProducerClass counter_producer = {
    .size = sizeof(TorcProducerClass),
    .resumeProducing = counter_resume,
};

static void count_to(Counter *counter, TorcTransport *transport, unsigned last)
{
    *counter = (Counter){.transport = transport, .next = 1, .last = last};
    TorcTransport_registerProducer(transport, &counter_producer, counter, false);
    TorcTransport_loseConnection(transport); /* when it has counted to the end */
}

START_TEST(a_pull_producer_counts)
{
    Counter counter;
    begin_connected(EDGE);
    count_to(&counter, rec.transport, 3);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "1\r\n2\r\n3\r\n");
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

/* ---- a push producer ----------------------------------------------------------------------- */

typedef struct Ticker {
    TorcTransport *transport;
    TorcDelayedCall next;
} Ticker;

static void tick(void *arg)
{
    Ticker *ticker = arg;
    TorcReactor *loop = TorcTransport_getReactor(ticker->transport);
    TorcTransport_write(ticker->transport, "tick\r\n", 6);
    TorcReactor_callLater(loop, 0.1, tick, ticker, &ticker->next);
}

static void ticker_pause(void *producer)
{
    TorcDelayedCall_cancel(((Ticker *)producer)->next);
}

static const TorcProducerClass ticker_producer = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = ticker_pause,
    .resumeProducing = tick,
    .stopProducing = ticker_pause,
};

START_TEST(a_push_producer_ticks_while_somebody_reads)
{
    Ticker ticker;
    begin_connected_with(EDGE, TORC_SIM_OPTIONS(.bufferSize = 60));
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 60, 0), 0);
    TorcSimPeer_stopReading(peer);
    ticker = (Ticker){.transport = rec.transport};
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &ticker_producer, &ticker, true),
                     0);
    tick(&ticker);
    TorcSim_advance(sim, 60);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 66);
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 1);
    ck_assert_uint_ge(TorcSimPeer_receivedLength(peer), 180);
    TorcTransport_abortConnection(rec.transport);
    settle();
    ck_assert(!TorcDelayedCall_active(ticker.next));
    end();
}
END_TEST

/* ---- a file -------------------------------------------------------------------------------- */

static void file_sent(TorcResult *result, void *arg)
{
    TorcTransport *transport = arg;
    if (result->reason)
        TorcTransport_abortConnection(transport); /* the peer lacks bytes */
    else
        TorcTransport_loseConnection(transport);
    TorcResult_clear(result);
}

static int send_all(TorcTransport *transport, int fd)
{
    TorcDeferred *done;
    int r = TorcTransport_sendFile(transport, fd, 0, UINT64_MAX, &done);
    if (r == 0) {
        TorcDeferred_addBoth(done, file_sent, transport);
        TorcDeferred_detach(done);
    }
    return r;
}

START_TEST(a_file_is_sent)
{
    begin_connected(EDGE);
    TorcSim_writeFile(sim, "/motd", "welcome\r\n", 9);
    TorcSystem *system = reactor->system;
    int fd = system->ops->open(system, "/motd", 0, 0);
    ck_assert_int_eq(send_all(rec.transport, fd), 0);
    ck_assert_int_eq(system->ops->close(system, fd), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "welcome\r\n");
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

RUN_LOOP_TESTS("connections page", {a_pull_producer_counts, 1},
               {a_push_producer_ticks_while_somebody_reads, 1}, {a_file_is_sent, 1})
