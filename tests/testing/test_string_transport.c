/* The string transport: what it shows of a protocol, and when it calls it. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/recorder.h"
#include "test_suite.h"

static Recording rec;
static TorcStringTransport *wire;

static void connect_recorder(void)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcStringTransport_connect(wire, &factory->base), 0);
    TorcFactory_unref(&factory->base);
}

static void set_up(void)
{
    rec = (Recording){0};
    wire = TorcStringTransport_new();
}

static void set_up_connected(void)
{
    set_up();
    connect_recorder();
}

static void set_up_half_closeable(void)
{
    set_up();
    rec.half_closeable = true;
    connect_recorder();
}

static void tear_down(void)
{
    TorcStringTransport_free(wire);
    Recording_done(&rec);
}

static int write_text(const char *text)
{
    return TorcTransport_write(rec.transport, text, strlen(text));
}

static void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

static void write_and_abort(Recording *recording)
{
    (void)TorcTransport_write(recording->transport, "never", 5);
    TorcTransport_abortConnection(recording->transport);
}

static void pause_reading(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
}

/* ---- connecting ---------------------------------------------------------------------------- */

START_TEST(connecting_makes_the_connection)
{
    ck_assert(!TorcStringTransport_connected(wire));
    ck_assert_ptr_null(TorcStringTransport_protocol(wire));
    connect_recorder();
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcStringTransport_connected(wire));
    ck_assert(!TorcStringTransport_disconnecting(wire));
    ck_assert_ptr_eq(TorcStringTransport_protocol(wire), rec.protocol);
    ck_assert_ptr_eq(TorcStringTransport_transport(wire), rec.transport);
    ck_assert_ptr_null(TorcStringTransport_reason(wire));
}
END_TEST

START_TEST(a_refused_connection_leaves_it_unconnected)
{
    TorcClientFactory *factory = Recording_factory(&rec);

    rec.refuse = true;
    ck_assert_int_eq(TorcStringTransport_connect(wire, &factory->base), -TORC_EREFUSED);
    rec.refuse = false;
    rec.build_code = -EACCES;
    ck_assert_int_eq(TorcStringTransport_connect(wire, &factory->base), -EACCES);
    ck_assert_int_eq(TorcStringTransport_connect(wire, NULL), -EINVAL);
    ck_assert_ptr_null(TorcStringTransport_protocol(wire));
    TorcFactory_unref(&factory->base);
}
END_TEST

START_TEST(for_a_class_it_is_one_line)
{
    TorcStringTransport *echo = TorcStringTransport_forProtocol(&torc_echo_class);

    TorcStringTransport_deliver(echo, "hello");
    ck_assert_str_eq(TorcStringTransport_value(echo), "hello");
    TorcStringTransport_free(echo);
}
END_TEST

START_TEST(a_class_that_does_not_fit_is_refused)
{
    static const TorcProtocolClass bad = {.class_size = 1};

    errno = 0;
    ck_assert_ptr_null(TorcStringTransport_forProtocol(&bad));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(an_instance_can_be_connected_by_itself)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcProtocol *protocol = TorcProtocol_new(&torc_echo_class, factory);

    TorcFactory_unref(factory);
    TorcStringTransport_connectProtocol(wire, protocol);
    TorcStringTransport_deliver(wire, "hello");
    ck_assert_str_eq(TorcStringTransport_value(wire), "hello");
}
END_TEST

START_TEST(addresses_are_what_was_set)
{
    TorcAddress host;
    TorcAddress peer;
    TorcAddress seen;

    ck_assert_int_eq(TorcAddress_parse("::1", 79, &host), 0);
    ck_assert_int_eq(TorcAddress_parse("10.0.0.9", 4711, &peer), 0);
    TorcStringTransport_setHost(wire, &host);
    TorcStringTransport_setPeer(wire, &peer);
    connect_recorder();
    ck_assert(TorcAddress_equal(&rec.peer, &peer)); /* given to buildProtocol */
    TorcTransport_getHost(rec.transport, &seen);
    ck_assert(TorcAddress_equal(&seen, &host));
    TorcTransport_getPeer(rec.transport, &seen);
    ck_assert(TorcAddress_equal(&seen, &peer));
}
END_TEST

START_TEST(unset_addresses_differ)
{
    TorcAddress host;
    TorcAddress peer;
    char text[TORC_ADDRESS_TEXT_SIZE];

    TorcTransport_getHost(TorcStringTransport_transport(wire), &host);
    TorcTransport_getPeer(TorcStringTransport_transport(wire), &peer);
    ck_assert_str_eq(TorcAddress_format(&host, text, sizeof(text)), "192.168.1.1:54321");
    ck_assert_str_eq(TorcAddress_format(&peer, text, sizeof(text)), "192.168.1.2:12345");
}
END_TEST

START_TEST(there_is_no_socket_below)
{
    ck_assert_int_eq(TorcTransport_getHandle(rec.transport), -ENOTCONN);
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(rec.transport, true), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), -EOPNOTSUPP);
    ck_assert_ptr_null(TorcTransport_getReactor(rec.transport));
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------- */

static void assert_write(size_t number, const char *text)
{
    TorcStringWrite write = TorcStringTransport_writeAt(wire, number);

    ck_assert_uint_eq(write.length, strlen(text));
    ck_assert_mem_eq(write.data, text, write.length);
}

START_TEST(writes_are_collected_and_can_be_told_apart)
{
    TorcBytes pieces[] = {{"two", 3}, {NULL, 0}, {"three", 5}};

    ck_assert_str_eq(TorcStringTransport_value(wire), "");
    ck_assert_int_eq(write_text("one"), 0);
    ck_assert_int_eq(write_text(""), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 3), 0);
    ck_assert_int_eq(TorcTransport_printf(rec.transport, "%d", 4), 0);
    ck_assert_str_eq(TorcStringTransport_value(wire), "onetwothree4");
    ck_assert_uint_eq(TorcStringTransport_length(wire), 12);
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 3);
    assert_write(0, "one");
    assert_write(1, "twothree");
    assert_write(2, "4");
    ck_assert_ptr_null(TorcStringTransport_writeAt(wire, 3).data);
}
END_TEST

START_TEST(bytes_are_counted_not_terminated)
{
    ck_assert_int_eq(TorcTransport_write(rec.transport, "a\0b", 3), 0);
    ck_assert_uint_eq(TorcStringTransport_length(wire), 3);
    ck_assert_mem_eq(TorcStringTransport_value(wire), "a\0b\0", 4);
}
END_TEST

START_TEST(clear_begins_anew)
{
    ck_assert_int_eq(write_text("one"), 0);
    TorcStringTransport_clear(wire);
    ck_assert_str_eq(TorcStringTransport_value(wire), "");
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 0);
    ck_assert_int_eq(write_text("two"), 0);
    ck_assert_str_eq(TorcStringTransport_value(wire), "two");
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 1);
    assert_write(0, "two");
}
END_TEST

static void count_up(void *arg)
{
    ++*(int *)arg;
}

START_TEST(owned_bytes_are_released_once_also_when_refused)
{
    int released = 0;

    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, "one", 3, count_up, &released), 0);
    ck_assert_int_eq(released, 1);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, "two", 3, count_up, &released),
                     -EPIPE);
    ck_assert_int_eq(released, 2);
    ck_assert_str_eq(TorcStringTransport_value(wire), "one");
}
END_TEST

/* ---- closing ------------------------------------------------------------------------------- */

START_TEST(loseConnection_is_told_in_the_next_turn)
{
    ck_assert_int_eq(write_text("bye"), 0);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcStringTransport_connected(wire));
    ck_assert(TorcStringTransport_disconnecting(wire));
    ck_assert_ptr_null(TorcStringTransport_reason(wire));
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(!TorcStringTransport_connected(wire));
    ck_assert_ptr_null(TorcStringTransport_protocol(wire));
    ck_assert_uint_eq(rec.live, 0);
    ck_assert_str_eq(TorcStringTransport_value(wire), "bye");
    ck_assert(!TorcStringTransport_aborted(wire));
    ck_assert(!TorcStringTransport_turn(wire));
}
END_TEST

START_TEST(loseConnection_in_a_slot_is_told_in_the_next_turn)
{
    rec.on[RECORD_DATA] = lose;
    TorcStringTransport_deliver(wire, "QUIT");
    ck_assert_str_eq(rec.log, "made data:4");
    TorcStringTransport_deliver(wire, "more");
    ck_assert_str_eq(rec.log, "made data:4 lost:DONE");
}
END_TEST

START_TEST(a_write_after_loseConnection_is_refused_and_counted)
{
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(write_text("late"), -EPIPE);
    ck_assert_int_eq(write_text(""), -EPIPE);
    ck_assert_uint_eq(TorcStringTransport_refusedWrites(wire), 2);
    ck_assert_uint_eq(TorcStringTransport_length(wire), 0);
}
END_TEST

static void write_late(Recording *recording)
{
    ck_assert(!TorcTransport_connected(recording->transport));
    ck_assert_int_eq(TorcTransport_write(recording->transport, "late", 4), -EPIPE);
}

START_TEST(a_write_in_connectionLost_is_refused)
{
    rec.on[RECORD_LOST] = write_late;
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_uint_eq(TorcStringTransport_refusedWrites(wire), 1);
}
END_TEST

START_TEST(an_abort_drops_what_was_written_in_its_turn)
{
    ck_assert_int_eq(write_text("left "), 0);
    TorcStringTransport_turn(wire);
    rec.on[RECORD_DATA] = write_and_abort;
    TorcStringTransport_deliver(wire, "x");
    ck_assert(TorcStringTransport_aborted(wire));
    ck_assert_str_eq(rec.log, "made data:1");
    ck_assert_int_eq(TorcReason_kind(TorcStringTransport_reason(wire)), TORC_CONNECTION_ABORTED);
    ck_assert_str_eq(TorcStringTransport_value(wire), "left ");
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 1);
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made data:1 lost:ABORTED");
}
END_TEST

START_TEST(an_abort_cuts_a_write_where_the_peer_stopped_taking_it)
{
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("abc"), 0);
    ck_assert_int_eq(write_text("def"), 0);
    ck_assert_int_eq(write_text("ghi"), 0);
    ck_assert_uint_eq(TorcStringTransport_takeOutput(wire, 5), 5);
    TorcTransport_abortConnection(rec.transport);
    ck_assert_str_eq(TorcStringTransport_value(wire), "abcde");
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 2);
    assert_write(1, "de");
}
END_TEST

START_TEST(an_abort_after_clear_leaves_nothing)
{
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("abc"), 0);
    TorcStringTransport_clear(wire);
    ck_assert_int_eq(write_text("def"), 0);
    TorcTransport_abortConnection(rec.transport);
    ck_assert_str_eq(TorcStringTransport_value(wire), "");
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 0);
}
END_TEST

START_TEST(the_reason_of_failConnection_is_seen_and_told)
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, -EBADMSG, "no such room");

    TorcTransport_failConnection(rec.transport, reason);
    TorcReason_unref(reason);
    ck_assert_str_eq(TorcReason_text(TorcStringTransport_reason(wire)), "no such room");
    ck_assert_str_eq(rec.log, "made");
    ck_assert(!TorcStringTransport_aborted(wire));
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    ck_assert_str_eq(rec.text, "no such room");
    ck_assert_str_eq(TorcReason_text(TorcStringTransport_reason(wire)), "no such room");
}
END_TEST

START_TEST(the_first_end_is_the_one_that_counts)
{
    TorcTransport_abortConnection(rec.transport);
    TorcTransport_failConnection(rec.transport, NULL);
    TorcTransport_loseConnection(rec.transport);
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
}
END_TEST

START_TEST(losing_it_tells_the_protocol_why)
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_LOST, -ECONNRESET, NULL);

    ck_assert_int_eq(write_text("unsent"), 0);
    TorcStringTransport_turn(wire);
    TorcStringTransport_lose(wire, reason);
    TorcReason_unref(reason);
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    ck_assert_uint_eq(rec.live, 0);
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_DONE));
    TorcStringTransport_deliver(wire, "nobody");
    TorcStringTransport_deliverEnd(wire);
    ck_assert_str_eq(rec.log, "made lost:LOST");
}
END_TEST

START_TEST(freeing_a_connected_one_loses_it_first)
{
    TorcStringTransport_free(wire);
    wire = NULL;
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    ck_assert_uint_eq(rec.live, 0);
}
END_TEST

/* ---- half-closing -------------------------------------------------------------------------- */

START_TEST(a_fin_closes_a_class_without_the_slot_when_its_output_has_left)
{
    TorcStringTransport_deliver(wire, "last");
    TorcStringTransport_deliverEnd(wire);
    ck_assert_str_eq(rec.log, "made data:4");
    ck_assert(TorcStringTransport_disconnecting(wire));
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made data:4 lost:DONE");
}
END_TEST

START_TEST(a_fin_is_left_to_a_class_with_the_slot)
{
    TorcStringTransport_deliverEnd(wire);
    TorcStringTransport_deliverEnd(wire);
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made eof");
    ck_assert_int_eq(write_text("answer"), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made eof lost:DONE");
    ck_assert_str_eq(TorcStringTransport_value(wire), "answer");
}
END_TEST

START_TEST(loseWriteConnection_is_told_when_the_output_has_left)
{
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("last"), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    ck_assert(TorcStringTransport_halfClosed(wire));
    ck_assert(!TorcStringTransport_disconnecting(wire));
    ck_assert_int_eq(write_text("more"), -EPIPE);
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_uint_eq(TorcStringTransport_takeOutput(wire, 100), 4);
    TorcStringTransport_turn(wire);
    TorcStringTransport_turn(wire);
    TorcStringTransport_deliver(wire, "go on");
    ck_assert_str_eq(rec.log, "made write-shut data:5");
}
END_TEST

START_TEST(loseWriteConnection_on_a_closing_connection_is_refused)
{
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), -EPIPE);
    ck_assert(!TorcStringTransport_halfClosed(wire));
}
END_TEST

/* ---- reading ------------------------------------------------------------------------------- */

START_TEST(paused_input_waits_for_a_turn_after_resume)
{
    TorcTransport_pauseProducing(rec.transport);
    ck_assert(TorcStringTransport_paused(wire));
    TorcStringTransport_deliver(wire, "one");
    TorcStringTransport_deliver(wire, "two");
    ck_assert_str_eq(rec.log, "made");
    TorcTransport_resumeProducing(rec.transport);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(!TorcStringTransport_paused(wire));
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert_str_eq(Recording_received(&rec), "onetwo");
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 1);
}
END_TEST

START_TEST(a_fin_behind_unread_input_waits)
{
    rec.on[RECORD_DATA] = pause_reading;
    TorcStringTransport_deliver(wire, "one");
    TorcStringTransport_deliver(wire, "two");
    TorcStringTransport_deliverEnd(wire);
    ck_assert_str_eq(rec.log, "made data:3");
    rec.on[RECORD_DATA] = NULL;
    TorcTransport_resumeProducing(rec.transport);
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made data:6 eof");
}
END_TEST

START_TEST(a_fin_with_nothing_unread_is_told_to_a_paused_protocol)
{
    TorcTransport_pauseProducing(rec.transport);
    TorcStringTransport_deliverEnd(wire);
    ck_assert_str_eq(rec.log, "made eof");
}
END_TEST

START_TEST(after_loseConnection_nothing_is_delivered)
{
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("waits"), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcStringTransport_deliver(wire, "ignored");
    TorcStringTransport_deliverEnd(wire);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcStringTransport_connected(wire));
}
END_TEST

START_TEST(an_empty_delivery_is_none)
{
    TorcStringTransport_deliver(wire, "");
    TorcStringTransport_deliverBytes(wire, NULL, 0);
    ck_assert_str_eq(rec.log, "made");
}
END_TEST

/* ---- a peer that does not read ------------------------------------------------------------- */

START_TEST(marks_are_told_once_each)
{
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 10, 4), 0);
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("0123456789"), 0);
    ck_assert(!TorcStringTransport_turn(wire)); /* at the mark is not above it */
    ck_assert_int_eq(write_text("x"), 0);
    ck_assert_str_eq(rec.log, "made");
    TorcStringTransport_turn(wire);
    ck_assert_int_eq(write_text("y"), 0);
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made pause");
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 12);
    ck_assert_uint_eq(TorcStringTransport_takeOutput(wire, 7), 7);
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_uint_eq(TorcStringTransport_takeOutput(wire, 1), 1);
    ck_assert_str_eq(rec.log, "made pause");
    TorcStringTransport_turn(wire);
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made pause resume");
}
END_TEST

START_TEST(the_default_mark_is_64_KiB)
{
    static const char block[64 * 1024];

    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(TorcTransport_write(rec.transport, block, sizeof(block)), 0);
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_int_eq(write_text("x"), 0);
    ck_assert(TorcStringTransport_turn(wire));
    TorcStringTransport_releaseOutput(wire);
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert_str_eq(rec.log, "made pause resume");
}
END_TEST

START_TEST(a_closing_connection_passes_no_mark)
{
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 1, 0), 0);
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("last"), 0);
    TorcTransport_loseConnection(rec.transport);
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_str_eq(rec.log, "made");
}
END_TEST

START_TEST(a_peer_that_reads_passes_no_mark)
{
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 10, 4), 0);
    ck_assert_int_eq(write_text("more than ten bytes"), 0);
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
}
END_TEST

START_TEST(loseConnection_waits_for_held_output)
{
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("last"), 0);
    TorcTransport_loseConnection(rec.transport);
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_uint_eq(TorcStringTransport_takeOutput(wire, 3), 3);
    ck_assert(!TorcStringTransport_turn(wire));
    TorcStringTransport_releaseOutput(wire);
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(TorcStringTransport_value(wire), "last");
}
END_TEST

START_TEST(the_buffer_limit_aborts)
{
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 10), 0);
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(write_text("0123456789"), 0);
    ck_assert_int_eq(write_text("x"), -ENOBUFS);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcStringTransport_aborted(wire));
    ck_assert_int_eq(write_text("y"), -EPIPE);
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made lost:OVERFLOW");
    ck_assert_uint_eq(TorcStringTransport_length(wire), 0);
}
END_TEST

START_TEST(the_buffer_limit_counts_what_waits)
{
    ck_assert_int_eq(TorcTransport_setBufferLimit(rec.transport, 10), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(write_text("0123456789"), 0);
        TorcStringTransport_turn(wire);
    }
    ck_assert_int_eq(write_text("01234567890"), -ENOBUFS);
}
END_TEST

START_TEST(the_buffer_limit_of_the_factory_is_where_it_begins)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);

    TorcFactory_setBufferLimit(factory, 4);
    ck_assert_int_eq(TorcStringTransport_connect(wire, factory), 0);
    TorcFactory_unref(factory);
    TorcStringTransport_deliver(wire, "hello");
    ck_assert_int_eq(TorcReason_kind(TorcStringTransport_reason(wire)), TORC_CONNECTION_OVERFLOW);
}
END_TEST

/* ---- producers ----------------------------------------------------------------------------- */

static unsigned pieces_left;

static void note_pause(void *producer)
{
    Recording_note(producer, "P-pause");
}

static void note_resume(void *producer)
{
    Recording_note(producer, "P-resume");
}

static void note_stop(void *producer)
{
    Recording_note(producer, "P-stop");
}

static const TorcProducerClass push_producer = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = note_pause,
    .resumeProducing = note_resume,
    .stopProducing = note_stop,
};

static void write_piece(void *producer)
{
    note_resume(producer);
    if (pieces_left-- > 0)
        ck_assert_int_eq(write_text("piece "), 0);
    else
        TorcTransport_unregisterProducer(rec.transport);
}

static const TorcProducerClass pull_producer = {
    .size = sizeof(TorcProducerClass),
    .resumeProducing = write_piece,
    .stopProducing = note_stop,
};

static int produce(const TorcProducerClass *cls, bool streaming)
{
    return TorcTransport_registerProducer(rec.transport, cls, &rec, streaming);
}

START_TEST(who_produces_can_be_seen) /* PROD-1 */
{
    ck_assert(!TorcStringTransport_producing(wire));
    ck_assert_ptr_null(TorcStringTransport_producer(wire));
    ck_assert_int_eq(produce(&push_producer, true), 0);
    ck_assert_int_eq(produce(&push_producer, true), -EBUSY);
    ck_assert(TorcStringTransport_producing(wire));
    ck_assert_ptr_eq(TorcStringTransport_producer(wire), &rec);
    ck_assert(TorcStringTransport_streaming(wire));
    TorcTransport_unregisterProducer(rec.transport);
    ck_assert(!TorcStringTransport_producing(wire));
    ck_assert_int_eq(produce(&pull_producer, false), 0);
    ck_assert(!TorcStringTransport_streaming(wire));
    TorcTransport_unregisterProducer(rec.transport);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(produce(&push_producer, true), -EPIPE);
    ck_assert(!TorcStringTransport_producing(wire));
}
END_TEST

START_TEST(a_push_producer_is_told_of_the_marks) /* PROD-3 */
{
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 4, 1), 0);
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(produce(&push_producer, true), 0);
    ck_assert_int_eq(write_text("hello"), 0);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert_str_eq(rec.log, "made P-pause");
    ck_assert(TorcStringTransport_producerPaused(wire));
    ck_assert(!TorcStringTransport_turn(wire));
    TorcStringTransport_takeOutput(wire, 4);
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert(!TorcStringTransport_producerPaused(wire));
    ck_assert_str_eq(rec.log, "made P-pause P-resume");
}
END_TEST

START_TEST(a_pull_producer_is_asked_when_all_has_left) /* PROD-2, PROD-8 */
{
    pieces_left = 2;
    TorcStringTransport_holdOutput(wire);
    ck_assert_int_eq(produce(&pull_producer, false), 0);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_str_eq(rec.log, "made P-resume");
    TorcTransport_loseConnection(rec.transport);
    TorcStringTransport_releaseOutput(wire);
    while (TorcStringTransport_turn(wire))
        ;
    ck_assert_str_eq(TorcStringTransport_value(wire), "piece piece ");
    ck_assert_str_eq(rec.log, "made P-resume P-resume P-resume lost:DONE");
}
END_TEST

START_TEST(closing_waits_for_a_producer) /* PROD-8, PROD-9 */
{
    ck_assert_int_eq(produce(&push_producer, true), 0);
    TorcStringTransport_deliverEnd(wire);
    ck_assert(!TorcStringTransport_turn(wire));
    ck_assert_int_eq(write_text("the rest"), 0);
    TorcTransport_unregisterProducer(rec.transport);
    ck_assert_int_eq(write_text("too late"), -EPIPE);
    ck_assert(TorcStringTransport_turn(wire));
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(TorcStringTransport_value(wire), "the rest");
}
END_TEST

START_TEST(a_producer_is_stopped_before_connectionLost) /* PROD-7 */
{
    ck_assert_int_eq(produce(&push_producer, true), 0);
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_str_eq(rec.log, "made P-stop lost:LOST");
    ck_assert(!TorcStringTransport_producing(wire));
}
END_TEST

/* ---- the reactor --------------------------------------------------------------------------- */

static TorcSim *sim;

static void set_up_sim(void)
{
    set_up();
    sim = TorcSim_new(1);
    TorcStringTransport_setReactor(wire, TorcSim_reactor(sim));
    connect_recorder();
}

static void tear_down_sim(void)
{
    tear_down();
    TorcSim_free(sim);
}

static void note_call(void *arg)
{
    Recording_note(arg, "called");
}

static void note_destroy(void *arg)
{
    Recording_note(arg, "dropped");
}

static void bind_call(double delay)
{
    const TorcCall *call =
        TORC_CALL(note_call, &rec, .destroy = note_destroy, .protocol = rec.protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(TorcSim_reactor(sim), delay, call, NULL), 0);
}

START_TEST(timers_run_when_the_simulation_is_advanced)
{
    ck_assert_ptr_eq(TorcTransport_getReactor(rec.transport), TorcSim_reactor(sim));
    bind_call(30);
    TorcSim_advance(sim, 29);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made called dropped");
}
END_TEST

START_TEST(bound_calls_are_cancelled_before_connectionLost)
{
    bind_call(30);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_str_eq(rec.log, "made");
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made dropped lost:DONE");
    TorcSim_advance(sim, 60);
    ck_assert_str_eq(rec.log, "made dropped lost:DONE");
}
END_TEST

static void bind_late(Recording *recording)
{
    TorcReactor *reactor = TorcTransport_getReactor(recording->transport);
    const TorcCall *call = TORC_CALL(note_call, recording, .protocol = recording->protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1, call, NULL), -ENOTCONN);
}

START_TEST(in_connectionLost_nothing_can_be_bound_any_more)
{
    rec.on[RECORD_LOST] = bind_late;
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_str_eq(rec.log, "made lost:LOST");
}
END_TEST

START_TEST(a_reactor_freed_first_leaves_nothing_bound)
{
    bind_call(30);
    TorcSim_free(sim);
    sim = NULL;
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_str_eq(rec.log, "made dropped lost:LOST");
}
END_TEST

/* ---- connection ids ------------------------------------------------------------------------ */

static TorcConnectionId id;

static void look_for_itself(Recording *recording)
{
    (void)recording;
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
}

START_TEST(an_id_finds_the_protocol_while_it_is_connected)
{
    id = TorcTransport_getConnectionId(rec.transport);
    ck_assert_ptr_eq(TorcConnectionId_protocol(id), rec.protocol);
    rec.on[RECORD_LOST] = look_for_itself;
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
}
END_TEST

START_TEST(an_id_outlives_its_string_transport)
{
    id = TorcTransport_getConnectionId(rec.transport);
    TorcStringTransport_free(wire);
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
    wire = TorcStringTransport_new();
    connect_recorder();
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
}
END_TEST

START_TEST(ids_tell_string_transports_apart)
{
    TorcStringTransport *other = TorcStringTransport_forProtocol(&torc_echo_class);
    TorcTransport *transport = TorcStringTransport_transport(other);

    id = TorcTransport_getConnectionId(transport);
    ck_assert_ptr_eq(TorcConnectionId_protocol(id), TorcStringTransport_protocol(other));
    ck_assert_ptr_eq(TorcConnectionId_protocol(TorcTransport_getConnectionId(rec.transport)),
                     rec.protocol);
    TorcStringTransport_free(other);
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
    ck_assert_ptr_eq(TorcConnectionId_protocol(TorcTransport_getConnectionId(rec.transport)),
                     rec.protocol);
}
END_TEST

/* ---- misuse -------------------------------------------------------------------------------- */

static void turn_inside(Recording *recording)
{
    (void)recording;
    TorcStringTransport_turn(wire);
}

START_TEST(a_turn_inside_a_slot_is_fatal)
{
    rec.on[RECORD_DATA] = turn_inside;
    connect_recorder();
    TorcStringTransport_deliver(wire, "x");
}
END_TEST

START_TEST(input_before_connecting_is_fatal)
{
    TorcStringTransport_deliver(wire, "x");
}
END_TEST

START_TEST(connecting_twice_is_fatal)
{
    connect_recorder();
    connect_recorder();
}
END_TEST

START_TEST(input_behind_the_fin_is_fatal)
{
    connect_recorder();
    TorcStringTransport_deliverEnd(wire);
    TorcStringTransport_deliver(wire, "x");
}
END_TEST

START_TEST(binding_a_call_without_a_reactor_is_fatal)
{
    sim = TorcSim_new(1);
    connect_recorder();
    bind_call(1);
}
END_TEST

START_TEST(no_string_transport_is_fatal)
{
    TorcStringTransport_turn(NULL);
}
END_TEST

/* ---- the suite ----------------------------------------------------------------------------- */

#define ADD_CASE(suite, name, up, down, ...)                                                       \
    do {                                                                                           \
        const TTest *const tests_[] = {__VA_ARGS__, NULL};                                         \
        suite_add_tcase(suite, plain_case(name, up, down, tests_));                                \
    } while (0)

static void add_misuse(Suite *suite)
{
    const TTest *const fatal[] = {
        a_turn_inside_a_slot_is_fatal,
        input_before_connecting_is_fatal,
        connecting_twice_is_fatal,
        input_behind_the_fin_is_fatal,
        binding_a_call_without_a_reactor_is_fatal,
        no_string_transport_is_fatal,
        NULL,
    };
    suite_add_tcase(suite, fatal_case(set_up, tear_down, fatal));
}

int main(void)
{
    Suite *suite = suite_create("string transport");
    SRunner *runner = srunner_create(suite);

    ADD_CASE(suite, "connecting", set_up, tear_down, connecting_makes_the_connection,
             a_refused_connection_leaves_it_unconnected, for_a_class_it_is_one_line,
             a_class_that_does_not_fit_is_refused, an_instance_can_be_connected_by_itself,
             addresses_are_what_was_set, unset_addresses_differ,
             the_buffer_limit_of_the_factory_is_where_it_begins);
    ADD_CASE(
        suite, "connected", set_up_connected, tear_down, there_is_no_socket_below,
        writes_are_collected_and_can_be_told_apart, bytes_are_counted_not_terminated,
        clear_begins_anew, owned_bytes_are_released_once_also_when_refused,
        loseConnection_is_told_in_the_next_turn, loseConnection_in_a_slot_is_told_in_the_next_turn,
        a_write_after_loseConnection_is_refused_and_counted, a_write_in_connectionLost_is_refused,
        an_abort_drops_what_was_written_in_its_turn,
        an_abort_cuts_a_write_where_the_peer_stopped_taking_it, an_abort_after_clear_leaves_nothing,
        the_reason_of_failConnection_is_seen_and_told, the_first_end_is_the_one_that_counts,
        losing_it_tells_the_protocol_why, freeing_a_connected_one_loses_it_first,
        a_fin_closes_a_class_without_the_slot_when_its_output_has_left,
        loseWriteConnection_on_a_closing_connection_is_refused,
        paused_input_waits_for_a_turn_after_resume, after_loseConnection_nothing_is_delivered,
        an_empty_delivery_is_none, marks_are_told_once_each, the_default_mark_is_64_KiB,
        a_closing_connection_passes_no_mark, a_peer_that_reads_passes_no_mark,
        loseConnection_waits_for_held_output, the_buffer_limit_aborts,
        the_buffer_limit_counts_what_waits, an_id_finds_the_protocol_while_it_is_connected,
        an_id_outlives_its_string_transport, ids_tell_string_transports_apart);
    ADD_CASE(suite, "half-closeable", set_up_half_closeable, tear_down,
             a_fin_is_left_to_a_class_with_the_slot,
             loseWriteConnection_is_told_when_the_output_has_left, a_fin_behind_unread_input_waits,
             a_fin_with_nothing_unread_is_told_to_a_paused_protocol);
    ADD_CASE(suite, "producers", set_up_connected, tear_down, who_produces_can_be_seen,
             a_push_producer_is_told_of_the_marks, a_pull_producer_is_asked_when_all_has_left,
             closing_waits_for_a_producer, a_producer_is_stopped_before_connectionLost);
    ADD_CASE(suite, "on a reactor", set_up_sim, tear_down_sim,
             timers_run_when_the_simulation_is_advanced,
             bound_calls_are_cancelled_before_connectionLost,
             in_connectionLost_nothing_can_be_bound_any_more,
             a_reactor_freed_first_leaves_nothing_bound);
    if (srunner_fork_status(runner) == CK_FORK)
        add_misuse(suite);
    return run_and_free(runner) ? 0 : 1;
}
