/* Descriptors that wake the loop for nothing: they are reported, left alone for a while, and tried
 * again, whatever they are. Everything else goes on meanwhile. */
#include <unistd.h>

#include "transports/stream_internal.h"

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static unsigned reports;
static char last_report[256];

static void keep_report(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    if (strcmp(event->name, "descriptor.parked") != 0)
        return;
    reports++;
    (void)TorcLogEvent_format(event, last_report, sizeof(last_report));
}

static void begin_parking(int mode)
{
    reports = 0;
    last_report[0] = '\0';
    torc_setLogObserver(keep_report, NULL, TORC_LOG_DEBUG);
    begin_connected(mode);
}

/* From now on calls of the kind answer EAGAIN, and the descriptor is reported ready again each
 * time; `times` 0: for ever. */
static unsigned spin(TorcSimCall call, unsigned times)
{
    return TorcSim_addFault(sim, TORC_SIM_FAULT(.call = call, .times = times, .error = EAGAIN));
}

static uint64_t parked(void)
{
    TorcReactorCounters counters = {.size = sizeof(counters)};
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &counters), 0);
    return counters.parkedDescriptors;
}

static bool last_report_says(const char *text)
{
    return strstr(last_report, text) != NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

START_TEST(a_stream_that_is_readable_for_ever_is_reported_and_parked)
{
    begin_parking(_i);
    uint64_t before = TorcSim_countCalls(sim, TORC_SIM_RECV);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    uint64_t calls = TorcSim_countCalls(sim, TORC_SIM_RECV) - before;
    ck_assert_uint_ge(calls, 1000);
    ck_assert_uint_le(calls, 1002);
    ck_assert_uint_eq(reports, 1);
    ck_assert_uint_eq(parked(), 1);
    ck_assert(last_report_says("descriptor.parked class=\"recorder\" descriptor="));
    ck_assert(last_report_says(" events=\"readable\" milliseconds=10"));
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(after_the_pause_the_bytes_are_delivered)
{
    begin_parking(_i);
    unsigned fault = spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert(TorcSim_removeFault(sim, fault));
    TorcSim_advance(sim, 0.009);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 0.002);
    ck_assert_str_eq(rec.log, "made data:5");
    TorcSimPeer_send(peer, "more");
    settle();
    ck_assert_str_eq(Recording_received(&rec), "hellomore");
    end();
}
END_TEST

START_TEST(as_long_as_it_goes_on_the_pauses_grow_to_a_second)
{
    begin_parking(_i);
    uint64_t before = TorcSim_countCalls(sim, TORC_SIM_RECV);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    TorcSim_advance(sim, 10);
    ck_assert(last_report_says("milliseconds=1000"));
    ck_assert_uint_ge(parked(), 15); /* 10 ms, 20, … 640, then a second each */
    ck_assert_uint_le(parked(), 17);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_RECV) - before, 17 * 1002);
    end();
}
END_TEST

START_TEST(who_behaves_for_a_while_begins_with_the_shortest_pause_again)
{
    begin_parking(_i);
    unsigned fault = spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    TorcSim_advance(sim, 1);
    ck_assert(TorcSim_removeFault(sim, fault));
    TorcSim_advance(sim, 20);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert(last_report_says("milliseconds=10"));
    ck_assert(!last_report_says("milliseconds=100"));
    end();
}
END_TEST

START_TEST(a_byte_now_and_then_is_enough)
{
    begin_parking(_i);
    for (int i = 0; i < 5; i++) {
        spin(TORC_SIM_RECV, 990);
        TorcSimPeer_send(peer, "x");
        settle();
    }
    ck_assert_uint_eq(reports, 0);
    ck_assert_str_eq(rec.log, "made data:5");
    end();
}
END_TEST

START_TEST(the_others_are_served_meanwhile)
{
    begin_parking(_i);
    TorcSimPeer_send(peer, "hello");
    spin(TORC_SIM_RECV, 1010);
    settle();
    ck_assert_uint_eq(reports, 1);
    TorcSimPeer *other = connect_peer();
    TorcSimPeer_send(other, "others");
    settle();
    ck_assert_str_eq(Recording_received(&rec), "others");
    end();
}
END_TEST

START_TEST(a_parked_stream_still_writes)
{
    begin_parking(_i);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_uint_eq(reports, 1);
    ck_assert_int_eq(write_text("answer"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer");
    end();
}
END_TEST

START_TEST(a_parked_stream_can_be_closed)
{
    begin_parking(_i);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 5);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

START_TEST(a_parked_stream_can_be_aborted)
{
    begin_parking(_i);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    TorcTransport_abortConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(pausing_and_resuming_do_not_wake_a_parked_stream)
{
    begin_parking(_i);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    settle();
    uint64_t before = TorcSim_countCalls(sim, TORC_SIM_WATCH);
    TorcTransport_pauseProducing(rec.transport);
    TorcTransport_resumeProducing(rec.transport);
    settle();
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_WATCH), before);
    end();
}
END_TEST

START_TEST(input_while_reading_is_paused_parks_nobody)
{
    begin_parking(_i);
    TorcTransport_pauseProducing(rec.transport);
    for (int i = 0; i < 3000; i++) {
        TorcSimPeer_send(peer, "x");
        settle();
    }
    ck_assert_uint_eq(reports, 0);
    TorcTransport_resumeProducing(rec.transport);
    settle();
    ck_assert_uint_eq(rec.received_length, 3000);
    end();
}
END_TEST

/* Without memory nobody can be parked; the loop goes on and serves whom it can. */
START_TEST(without_memory_it_goes_on_as_before)
{
    begin_parking(_i);
    spin(TORC_SIM_RECV, 0);
    TorcSimPeer_send(peer, "hello");
    FailingMemory_startForEver(0);
    for (int i = 0; i < 5000; i++)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    FailingMemory_stop();
    ck_assert_uint_eq(reports, 0);
    ck_assert_uint_eq(parked(), 0);
    settle();
    ck_assert_uint_eq(reports, 1);
    end();
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------- */

START_TEST(a_stream_that_is_writable_for_ever_is_reported_and_parked)
{
    begin_parking(_i);
    unsigned fault = spin(TORC_SIM_SEND, 0);
    ck_assert_int_eq(write_text("hello"), 0);
    settle();
    ck_assert_uint_eq(reports, 1);
    ck_assert(last_report_says("class=\"recorder\""));
    ck_assert(last_report_says("events=\"writable\" milliseconds=10"));
    ck_assert(TorcSim_removeFault(sim, fault));
    TorcSim_advance(sim, 0.011);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    end();
}
END_TEST

START_TEST(a_byte_written_now_and_then_is_enough)
{
    begin_parking(_i);
    for (int i = 0; i < 5; i++) {
        spin(TORC_SIM_SEND, 990);
        ck_assert_int_eq(write_text("x"), 0);
        settle();
    }
    ck_assert_uint_eq(reports, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "xxxxx");
    end();
}
END_TEST

START_TEST(a_parked_writer_that_closes_has_its_close_timeout)
{
    begin_parking(_i);
    spin(TORC_SIM_SEND, 0);
    ck_assert_int_eq(write_text("hello"), 0);
    settle();
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 31);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    end();
}
END_TEST

/* ---- wake-ups that the simulated kernel does not invent ------------------------------------ */

static void wake(TorcStream *stream, int ready)
{
    for (int i = 0; i < 1005; i++)
        torc__stream_ready(stream->fd, (short)ready, stream);
}

START_TEST(a_stream_that_is_readable_behind_its_end_is_parked)
{
    rec.half_closeable = true;
    begin_parking(_i);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made eof");
    wake((TorcStream *)rec.transport, TORC_READABLE);
    ck_assert_uint_eq(reports, 1);
    ck_assert(last_report_says("class=\"half-closeable-recorder\""));
    ck_assert(last_report_says("events=\"readable\""));
    ck_assert_int_eq(write_text("still"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "still");
    end();
}
END_TEST

START_TEST(a_stream_that_is_writable_with_nothing_to_write_is_parked)
{
    begin_parking(_i);
    wake((TorcStream *)rec.transport, TORC_WRITABLE | TORC_EDGE);
    ck_assert_uint_eq(reports, 1);
    ck_assert(last_report_says("events=\"writable\""));
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 0.011);
    ck_assert_str_eq(rec.log, "made data:5");
    end();
}
END_TEST

START_TEST(a_socket_that_lingers_is_parked_too)
{
    begin_parking(_i);
    TorcStream *stream = (TorcStream *)rec.transport;
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    wake(stream, TORC_READABLE);
    ck_assert_uint_eq(reports, 1);
    ck_assert(last_report_says("class=\"recorder-factory\""));
    TorcSim_advance(sim, 3);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 2); /* the port and its spare */
    end();
}
END_TEST

/* ---- ports --------------------------------------------------------------------------------- */

START_TEST(a_port_that_is_readable_for_ever_is_reported_and_parked)
{
    begin_parking(_i);
    unsigned fault = spin(TORC_SIM_ACCEPT, 0);
    TorcSimPeer *other = TorcSim_connect(sim, PORT);
    ck_assert_ptr_nonnull(other);
    settle();
    ck_assert_uint_eq(reports, 1);
    ck_assert(last_report_says("class=\"recorder-factory\""));
    ck_assert(last_report_says("events=\"readable\" milliseconds=10"));
    ck_assert(!TorcPort_accepting(port));
    ck_assert(TorcSim_removeFault(sim, fault));
    TorcSim_advance(sim, 0.011);
    ck_assert_str_eq(rec.log, "made made");
    ck_assert(TorcPort_accepting(port));
    end();
}
END_TEST

/* ---- the real system ----------------------------------------------------------------------- */

/* poll reports the bytes that wait for as long as nobody takes them. */
static unsigned refusals;

static ssize_t take_nothing(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    (void)system, (void)fd, (void)buffer, (void)size, (void)flags;
    refusals++;
    return -EAGAIN;
}

static void turn_for(double seconds)
{
    double end = TorcReactor_seconds(reactor) + seconds;
    while (TorcReactor_seconds(reactor) < end)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);
}

START_TEST(on_real_sockets_the_processor_is_not_eaten)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = "poll", .noSignalHandlers = true));
    TorcSystem *system = reactor->system;
    const TorcSystemOps *real = system->ops;
    TorcSystemOps faulty = *real;
    faulty.recv = take_nothing;
    faulty.recvDescriptors = NULL;
    system->ops = &faulty;
    reports = 0;
    torc_setLogObserver(keep_report, NULL, TORC_LOG_DEBUG);
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_adoptStreamConnection(reactor, ends[0], &factory->base), 0);
    TorcFactory_unref(&factory->base);
    ck_assert_int_eq(write(ends[1], "hello", 5), 5);
    turn_for(0.3);
    ck_assert_uint_ge(reports, 1);
    ck_assert(last_report_says("class=\"recorder\""));
    ck_assert_uint_le(refusals, 6 * 1002); /* pauses of 10, 20, 40, 80 and 160 ms */
    system->ops = real;
    turn_for(0.7);
    ck_assert_str_eq(rec.log, "made data:5");
    TorcReactor_free(reactor);
    close(ends[0]);
    close(ends[1]);
    Recording_done(&rec);
}
END_TEST

/* ---- counting ------------------------------------------------------------------------------ */

START_TEST(only_wake_ups_of_one_second_count)
{
    unsigned count = 0;
    unsigned second = 0;
    for (int64_t now = 0; now < 100 * TORC__SECOND; now += TORC__SECOND / 900)
        ck_assert(!torc__spurious_count(&count, &second, now));
    for (int i = 1; i < 1000; i++)
        ck_assert(!torc__spurious_count(&count, &second, 200 * TORC__SECOND));
    ck_assert(torc__spurious_count(&count, &second, 200 * TORC__SECOND));
}
END_TEST

RUN_LOOP_TESTS("parking", {a_stream_that_is_readable_for_ever_is_reported_and_parked, WHOLE_MODES},
               {after_the_pause_the_bytes_are_delivered, WHOLE_MODES},
               {as_long_as_it_goes_on_the_pauses_grow_to_a_second, WHOLE_MODES},
               {who_behaves_for_a_while_begins_with_the_shortest_pause_again, WHOLE_MODES},
               {a_byte_now_and_then_is_enough, WHOLE_MODES},
               {the_others_are_served_meanwhile, WHOLE_MODES},
               {a_parked_stream_still_writes, WHOLE_MODES},
               {a_parked_stream_can_be_closed, WHOLE_MODES},
               {a_parked_stream_can_be_aborted, WHOLE_MODES},
               {pausing_and_resuming_do_not_wake_a_parked_stream, WHOLE_MODES},
               {input_while_reading_is_paused_parks_nobody, WHOLE_MODES},
               {without_memory_it_goes_on_as_before, WHOLE_MODES},
               {a_stream_that_is_writable_for_ever_is_reported_and_parked, WHOLE_MODES},
               {a_byte_written_now_and_then_is_enough, WHOLE_MODES},
               {a_parked_writer_that_closes_has_its_close_timeout, WHOLE_MODES},
               {a_stream_that_is_readable_behind_its_end_is_parked, WHOLE_MODES},
               {a_stream_that_is_writable_with_nothing_to_write_is_parked, WHOLE_MODES},
               {a_socket_that_lingers_is_parked_too, WHOLE_MODES},
               {a_port_that_is_readable_for_ever_is_reported_and_parked, WHOLE_MODES},
               {on_real_sockets_the_processor_is_not_eaten, 1},
               {only_wake_ups_of_one_second_count, 1})
