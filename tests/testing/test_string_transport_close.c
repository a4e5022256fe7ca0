/* The string transport: how connections on it end, in order, at once, from the other side and by
 * half. */
#include "string_transport_fixture.h"

static void write_and_abort(Recording *recording)
{
    (void)TorcTransport_write(recording->transport, "never", 5);
    TorcTransport_abortConnection(recording->transport);
}

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

int main(void)
{
    Suite *suite = suite_create("string transport: closing");
    SRunner *runner = srunner_create(suite);

    ADD_CASE(
        suite, "connected", set_up_connected, tear_down, loseConnection_is_told_in_the_next_turn,
        loseConnection_in_a_slot_is_told_in_the_next_turn,
        a_write_after_loseConnection_is_refused_and_counted, a_write_in_connectionLost_is_refused,
        an_abort_drops_what_was_written_in_its_turn,
        an_abort_cuts_a_write_where_the_peer_stopped_taking_it, an_abort_after_clear_leaves_nothing,
        the_reason_of_failConnection_is_seen_and_told, the_first_end_is_the_one_that_counts,
        losing_it_tells_the_protocol_why, freeing_a_connected_one_loses_it_first,
        loseConnection_waits_for_held_output, after_loseConnection_nothing_is_delivered,
        a_fin_closes_a_class_without_the_slot_when_its_output_has_left,
        loseWriteConnection_on_a_closing_connection_is_refused);
    ADD_CASE(suite, "half-closeable", set_up_half_closeable, tear_down,
             a_fin_is_left_to_a_class_with_the_slot,
             loseWriteConnection_is_told_when_the_output_has_left);
    return run_and_free(runner) ? 0 : 1;
}
