/* LineReceiver over the simulated kernel: lines, those that are too long, ends inside a chunk, and
 * what goes wrong. Modes and re-entrance are test_line_receiver_modes.c's, pauses and the end of the
 * stream test_line_receiver_pause.c's. */
#include "../support/failing_memory.h"
#include "line_receiver_fixture.h"

/* ---- lines --------------------------------------------------------------------------------- */

START_TEST(lines_come_in_order_empty_ones_too) /* LINE-2 */
{
    send_text("one\r\n\r\ntwo\r\nthr");
    ck_assert_str_eq(events, "[one][][two]");
    send_text("ee\r");
    send_text("\nfour\r\n");
    ck_assert_str_eq(events, "[one][][two][three][four]");
}
END_TEST

START_TEST(a_line_of_the_greatest_length_is_delivered) /* LINE-2 */
{
    char line[64 + 3] = {0};

    memset(line, 'x', 64);
    memcpy(line + 64, "\r\n", 2);
    send_text(line);
    ck_assert_uint_eq(events_length, 66);
    ck_assert_int_eq(events[0], '[');
}
END_TEST

START_TEST(an_idle_connection_without_a_partial_line_holds_no_buffer)
{
    send_text("one\r\ntwo");
    ck_assert_ptr_nonnull(probe->base.state.buffer);
    send_text("\r\n");
    ck_assert_ptr_null(probe->base.state.buffer);
}
END_TEST

START_TEST(sendLine_adds_the_delimiter)
{
    on_line = write_back;
    send_text("hello\r\n\r\n");
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello\r\n\r\n");
}
END_TEST

static const TorcLineReceiverClass bars_class = {
    TORC_LINE_RECEIVER_SUBCLASS("bars", Probe, &probe_class),
    .delimiter = "|||",
};

START_TEST(sendLine_adds_the_delimiter_of_the_subclass_outside_of_slots_too)
{
    start_again(&bars_class);
    ck_assert_int_eq(TorcLineReceiver_sendLine(&probe->base, "one", 3), 0);
    ck_assert_int_eq(TorcLineReceiver_sendLine(&probe->base, NULL, 0), 0);
    TorcSim_advance(sim, 0);
    on_line = write_back;
    send_text("t||o|||");
    ck_assert_str_eq(TorcSimPeer_received(peer), "one||||||t||o|||");
}
END_TEST

START_TEST(whole_lines_allocate_nothing)
{
    on_line = write_back;
    send_text("warm up\r\n");
    FailingMemory_start(-1);
    send_text("one\r\ntwo\r\n");
    long allocations = FailingMemory_allocations();
    FailingMemory_stop();
    ck_assert_int_eq(allocations, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "warm up\r\none\r\ntwo\r\n");
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    ck_assert_int_eq(TorcLineReceiver_sendLine(NULL, "x", 1), -EINVAL);
    ck_assert_int_eq(TorcLineReceiver_sendLine(&probe->base, NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcLineReceiver_setLineMode(NULL, "x", 1), -EINVAL);
    ck_assert_int_eq(TorcLineReceiver_setLineMode(&probe->base, NULL, 1), -EINVAL);
    ck_assert_uint_eq(TorcLineReceiver_clearLineBuffer(NULL, NULL), 0);
    TorcLineReceiver_setRawMode(NULL);
    TorcLineReceiver_pauseProducing(NULL);
    TorcLineReceiver_resumeProducing(NULL);
}
END_TEST

START_TEST(an_instance_without_a_transport_answers_with_errors)
{
    TorcFactory *factory = TorcFactory_forProtocol(&probe_class.protocol);
    TorcLineReceiver *self = (TorcLineReceiver *)TorcProtocol_new(&probe_class.protocol, factory);

    ck_assert_int_eq(TorcLineReceiver_sendLine(self, "x", 1), -EPIPE);
    ck_assert_int_eq(TorcLineReceiver_setLineMode(self, "x", 1), -EINVAL);
    TorcLineReceiver_setRawMode(self);
    TorcLineReceiver_pauseProducing(self);
    TorcLineReceiver_resumeProducing(self);
    ck_assert_uint_eq(TorcLineReceiver_clearLineBuffer(self, NULL), 0);
    TorcProtocol_free(&self->base);
    TorcFactory_unref(factory);
}
END_TEST

/* ---- lines that are too long --------------------------------------------------------------- */

START_TEST(an_over_long_line_takes_all_that_is_buffered_and_it_goes_on_after) /* LINE-1 */
{
    char line[80] = {0};

    memset(line, 'x', 70);
    send_text(line);
    ck_assert_int_eq(events[0], '!');
    ck_assert_uint_eq(events_length, 72);
    ck_assert_ptr_null(probe->base.state.buffer);
    start_record();
    send_text("next\r\n");
    ck_assert_str_eq(events, "[next]");
}
END_TEST

START_TEST(later_lines_of_the_chunk_are_part_of_the_report) /* LINE-1 */
{
    char line[80] = {0};

    memset(line, 'x', 65);
    memcpy(line + 65, "\r\nok\r\n", 6);
    send_text(line);
    ck_assert_uint_eq(events_length, 65 + 6 + 2);
    ck_assert_int_eq(events[0], '!');
}
END_TEST

static const TorcLineReceiverClass default_class = {
    TORC_LINE_RECEIVER_CLASS("default", Probe),
    .protocol.connectionMade = probe_connectionMade,
    .protocol.connectionLost = probe_connectionLost,
    .lineReceived = probe_lineReceived,
};

START_TEST(by_default_an_over_long_line_closes_the_connection) /* LINE-1 */
{
    static char line[16384 + 3];

    start_again(&default_class);
    memset(line, 'x', 16384);
    memcpy(line + 16384, "\r\n", 2);
    send_text(line);
    ck_assert_uint_eq(events_length, 16384 + 2);
    start_record();
    line[16384] = 'x';
    send_text(line);
    send_text("\r\nmore\r\n");
    ck_assert_str_eq(events, "");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

START_TEST(by_default_an_over_long_line_is_logged)
{
    static char line[16384 + 2];

    start_again(&default_class);
    torc_setLogObserver(record_event, NULL, TORC_LOG_DEBUG);
    memset(line, 'x', 16385);
    send_text(line);
    send_text("\r\n");
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    ck_assert_str_eq(events, "{line.too-long class=\"default\" maxLength=16384}");
}
END_TEST

START_TEST(a_hundred_megabytes_without_a_delimiter_are_cut_off_early) /* BUG-4 */
{
    static char block[1 << 16];

    start_again(&default_class);
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 1600 && probe; i++) {
        TorcSimPeer_sendBytes(peer, block, sizeof(block));
        TorcSim_advance(sim, 0);
    }
    ck_assert_ptr_null(probe);
    ck_assert_str_eq(events, "");
}
END_TEST

/* ---- ends inside a chunk ------------------------------------------------------------------- */

static void lose_at_stop(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)length;
    if (strcmp(line, "lose") == 0)
        TorcTransport_loseConnection(self->base.transport);
    else if (strcmp(line, "abort") == 0)
        TorcTransport_abortConnection(self->base.transport);
}

START_TEST(after_loseConnection_no_more_lines_come) /* LINE-4 */
{
    on_line = lose_at_stop;
    send_text("one\r\nlose\r\ntwo\r\nthr");
    ck_assert_str_eq(events, "[one][lose]");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

START_TEST(after_abortConnection_no_more_lines_come) /* LINE-4 */
{
    on_line = lose_at_stop;
    send_text("one\r\nabort\r\ntwo\r\n");
    ck_assert_str_eq(events, "[one][abort]");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_ABORTED);
}
END_TEST

START_TEST(after_loseConnection_nothing_is_kept_of_the_input)
{
    TorcProtocol *self = &probe->base.base;

    on_line = lose_at_stop;
    self->cls->dataReceived(self, "lose\r\ntwo\r\nthr", 14);
    ck_assert_str_eq(events, "[lose]");
    ck_assert_ptr_null(probe->base.state.buffer);
}
END_TEST

static void raw_then_lose(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)line;
    (void)length;
    TorcLineReceiver_setRawMode(self);
    TorcTransport_loseConnection(self->base.transport);
}

START_TEST(after_loseConnection_no_raw_data_comes_either)
{
    on_line = raw_then_lose;
    send_text("one\r\nraw");
    ck_assert_str_eq(events, "[one]");
}
END_TEST

/* ---- trouble ------------------------------------------------------------------------------- */

START_TEST(out_of_memory_for_a_partial_line_ends_the_connection)
{
    TorcProtocol *self = &probe->base.base;

    FailingMemory_start(0);
    self->cls->dataReceived(self, "one\r\npartial", 12);
    FailingMemory_stop();
    ck_assert_str_eq(events, "[one]");
    ck_assert_int_eq(lost_kind, 0);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_APPLICATION);
    ck_assert_int_eq(lost_code, -ENOMEM);
}
END_TEST

START_TEST(out_of_memory_in_setLineMode_ends_the_connection)
{
    FailingMemory_start(0);
    ck_assert_int_eq(TorcLineReceiver_setLineMode(&probe->base, "one\r\n", 5), -ENOMEM);
    FailingMemory_stop();
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "");
    ck_assert_int_eq(lost_code, -ENOMEM);
}
END_TEST

static const TorcLineReceiverClass empty_class = {
    TORC_LINE_RECEIVER_SUBCLASS("empty", Probe, &probe_class),
    .delimiter = "",
};

START_TEST(an_empty_delimiter_ends_the_connection_with_a_reason)
{
    start_again(&empty_class);
    send_text("one\r\n");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_APPLICATION);
    ck_assert_int_eq(lost_code, -TORC_ECLASS);
}
END_TEST

int main(void)
{
    const TTest *const streams[] = {
        lines_come_in_order_empty_ones_too,
        a_line_of_the_greatest_length_is_delivered,
        an_idle_connection_without_a_partial_line_holds_no_buffer,
        sendLine_adds_the_delimiter,
        sendLine_adds_the_delimiter_of_the_subclass_outside_of_slots_too,
        by_default_an_over_long_line_closes_the_connection,
        by_default_an_over_long_line_is_logged,
        after_loseConnection_no_more_lines_come,
        after_abortConnection_no_more_lines_come,
        after_loseConnection_no_raw_data_comes_either,
        NULL};
    const TTest *const chunks[] = {
        whole_lines_allocate_nothing,
        bad_arguments_are_refused,
        an_instance_without_a_transport_answers_with_errors,
        an_over_long_line_takes_all_that_is_buffered_and_it_goes_on_after,
        later_lines_of_the_chunk_are_part_of_the_report,
        a_hundred_megabytes_without_a_delimiter_are_cut_off_early,
        after_loseConnection_nothing_is_kept_of_the_input,
        out_of_memory_for_a_partial_line_ends_the_connection,
        out_of_memory_in_setLineMode_ends_the_connection,
        an_empty_delimiter_ends_the_connection_with_a_reason,
        NULL};
    return run_line_tests("line_receiver", streams, chunks);
}
