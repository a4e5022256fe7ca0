/* A connection that is ready for both at once: it reads before it writes. */
#include "transports/stream_internal.h"

#include "../support/stream_test.h"

/* Output waits, and the kernel is said to report input and room in one go. */
static void begin_blocked(int mode)
{
    begin_with(mode, TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 4096));
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    TorcSimPeer_send(peer, "now");
}

static uint64_t sends(void)
{
    return TorcSim_countCalls(sim, TORC_SIM_SEND);
}

static uint64_t sends_before;

static void count_sends(Recording *recording)
{
    (void)recording;
    ck_assert_uint_eq(sends(), sends_before);
}

static void report_both(void)
{
    sends_before = sends();
    torc__stream_ready(TorcTransport_getHandle(rec.transport), TORC_READABLE | TORC_WRITABLE,
                       rec.transport);
}

START_TEST(it_reads_before_it_writes) /* LOOP-5 */
{
    begin_blocked(_i);
    rec.on[RECORD_DATA] = count_sends;
    report_both();
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 1);
    settle();
    ck_assert_uint_gt(sends(), sends_before);
    end();
}
END_TEST

static void abort_at_data(Recording *recording)
{
    count_sends(recording);
    TorcTransport_abortConnection(recording->transport);
}

START_TEST(it_does_not_write_when_reading_has_ended_it) /* LOOP-5 */
{
    begin_blocked(_i);
    rec.on[RECORD_DATA] = abort_at_data;
    report_both();
    settle();
    ck_assert_uint_eq(sends(), sends_before);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    end();
}
END_TEST

RUN_LOOP_TESTS("readiness", {it_reads_before_it_writes, WHOLE_MODES},
               {it_does_not_write_when_reading_has_ended_it, WHOLE_MODES})
