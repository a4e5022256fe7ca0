/* The string transport: a protocol that pauses reading, a peer that does not read, and producers. */
#include "string_transport_fixture.h"

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

int main(void)
{
    Suite *suite = suite_create("string transport: flow");
    SRunner *runner = srunner_create(suite);

    ADD_CASE(suite, "unconnected", set_up, tear_down,
             the_buffer_limit_of_the_factory_is_where_it_begins);
    ADD_CASE(suite, "connected", set_up_connected, tear_down,
             paused_input_waits_for_a_turn_after_resume, an_empty_delivery_is_none,
             marks_are_told_once_each, the_default_mark_is_64_KiB,
             a_closing_connection_passes_no_mark, a_peer_that_reads_passes_no_mark,
             the_buffer_limit_aborts, the_buffer_limit_counts_what_waits);
    ADD_CASE(suite, "half-closeable", set_up_half_closeable, tear_down,
             a_fin_behind_unread_input_waits,
             a_fin_with_nothing_unread_is_told_to_a_paused_protocol);
    ADD_CASE(suite, "producers", set_up_connected, tear_down, who_produces_can_be_seen,
             a_push_producer_is_told_of_the_marks, a_pull_producer_is_asked_when_all_has_left,
             closing_waits_for_a_producer, a_producer_is_stopped_before_connectionLost);
    return run_and_free(runner) ? 0 : 1;
}
