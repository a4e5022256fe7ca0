/* LineOnlyReceiver over the simulated kernel. */
#include "../support/failing_memory.h"
#include "line_record.h"

static TorcLineOnlyReceiver *probe; /* the connection's; NULL when it is gone */
static int lost_code;

static void probe_connectionMade(TorcProtocol *self)
{
    probe = (TorcLineOnlyReceiver *)self;
}

static void probe_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    lost_code = TorcReason_code(reason);
    probe = NULL;
}

/* A line is sent back, but for two that are commands. */
static void probe_lineReceived(TorcLineOnlyReceiver *self, const char *line, size_t length)
{
    ck_assert_int_eq(line[length], '\0');
    record('[', line, length, ']');
    if (strcmp(line, "lose") == 0)
        TorcTransport_loseConnection(self->base.transport);
    else if (strcmp(line, "feed") == 0)
        self->base.cls->dataReceived(&self->base, "fed\r\n", 5);
    else
        ck_assert_int_eq(TorcLineOnlyReceiver_sendLine(self, line, length), 0);
}

static void probe_lineLengthExceeded(TorcLineOnlyReceiver *self, const void *data, size_t length)
{
    (void)self;
    record('!', data, length, '!');
}

static const TorcLineOnlyReceiverClass probe_class = {
    TORC_LINE_ONLY_RECEIVER_CLASS("probe", TorcLineOnlyReceiver),
    .protocol.connectionMade = probe_connectionMade,
    .protocol.connectionLost = probe_connectionLost,
    .maxLength = 8,
    .lineReceived = probe_lineReceived,
    .lineLengthExceeded = probe_lineLengthExceeded,
};

/* With the root's lineLengthExceeded. */
static const TorcLineOnlyReceiverClass strict_class = {
    TORC_LINE_ONLY_RECEIVER_CLASS("strict", TorcLineOnlyReceiver),
    .protocol.connectionMade = probe_connectionMade,
    .protocol.connectionLost = probe_connectionLost,
    .lineReceived = probe_lineReceived,
};

/* With a delimiter of which no first byte can be kept. */
static const TorcLineOnlyReceiverClass lf_class = {
    TORC_LINE_ONLY_RECEIVER_SUBCLASS("lf", TorcLineOnlyReceiver, &probe_class),
    .delimiter = "\n",
};

static void start(const TorcLineOnlyReceiverClass *cls, size_t chunk_size)
{
    lost_code = 0;
    serve_class(&cls->protocol, chunk_size);
    ck_assert_ptr_nonnull(probe);
}

static void setup(void)
{
    start(&probe_class, 0);
}

static void setup_byte_by_byte(void)
{
    start(&probe_class, 1);
}

static void teardown(void)
{
    end_clean(sim);
    ck_assert_ptr_null(probe);
}

START_TEST(lines_come_in_order_and_go_back) /* LINE-2 */
{
    send_text("one\r\n\r\n12345678\r\ntw");
    send_text("o\r");
    send_text("\n");
    ck_assert_str_eq(events, "[one][][12345678][two]");
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\r\n\r\n12345678\r\ntwo\r\n");
    ck_assert_ptr_null(probe->state.buffer);
}
END_TEST

START_TEST(after_loseConnection_no_more_lines_come) /* LINE-9 */
{
    send_text("one\r\nlose\r\ntwo\r\n");
    ck_assert_str_eq(events, "[one][lose]");
    ck_assert_ptr_null(probe);
}
END_TEST

START_TEST(an_over_long_line_is_reported_once_and_dropped) /* LINE-9, decided otherwise */
{
    send_text("123456789");
    ck_assert_str_eq(events, "!123456789!");
    send_text("more of it, and more\r");
    send_text("still");
    ck_assert_str_eq(events, "!123456789!");
    send_text("\r\nnext\r\n");
    ck_assert_str_eq(events, "!123456789![next]");
    ck_assert_ptr_null(probe->state.buffer);
}
END_TEST

START_TEST(an_over_long_line_that_is_being_dropped_holds_no_buffer) /* BUG-4 */
{
    TorcSim_free(sim);
    start(&lf_class, 0);
    send_text("123456789");
    ck_assert_ptr_null(probe->state.buffer);
    send_text("more of it");
    send_text("\nnext\n");
    ck_assert_str_eq(events, "!123456789![next]");
}
END_TEST

START_TEST(a_whole_over_long_line_takes_no_other_with_it) /* LINE-9 */
{
    send_text("one\r\n123456789\r\ntwo\r\n");
    ck_assert_str_eq(events, "[one]!123456789![two]");
}
END_TEST

START_TEST(by_default_an_over_long_line_closes_the_connection)
{
    static char line[16384 + 2];

    TorcSim_free(sim);
    start(&strict_class, 0);
    memset(line, 'x', 16385);
    send_text(line);
    send_text("more\r\nlines\r\n");
    ck_assert_str_eq(events, "");
    ck_assert_ptr_null(probe);
}
END_TEST

START_TEST(by_default_an_over_long_line_is_logged)
{
    static char line[16384 + 2];

    TorcSim_free(sim);
    start(&strict_class, 0);
    torc_setLogObserver(record_event, NULL, TORC_LOG_DEBUG);
    memset(line, 'x', 16385);
    send_text(line);
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    ck_assert_str_eq(events, "{line.too-long class=\"strict\" maxLength=16384}");
}
END_TEST

START_TEST(bytes_fed_from_inside_a_slot_come_after_the_rest_of_the_chunk)
{
    send_text("feed\r\none\r\n");
    ck_assert_str_eq(events, "[feed][one][fed]");
}
END_TEST

START_TEST(after_fin_the_connection_is_closed_and_output_delivered_first)
{
    TorcSimPeer_send(peer, "one\r\nrest");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one]");
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\r\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_int_eq(lost_code, 0);
}
END_TEST

START_TEST(out_of_memory_for_a_partial_line_ends_the_connection)
{
    FailingMemory_start(0);
    probe->base.cls->dataReceived(&probe->base, "partial", 7);
    FailingMemory_stop();
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(lost_code, -ENOMEM);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    TorcLineOnlyReceiver unconnected = {.base.cls = probe->base.cls};

    ck_assert_int_eq(TorcLineOnlyReceiver_sendLine(NULL, "x", 1), -EINVAL);
    ck_assert_int_eq(TorcLineOnlyReceiver_sendLine(probe, NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcLineOnlyReceiver_sendLine(&unconnected, "x", 1), -EPIPE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("line_only_receiver");
    TCase *tests = tcase_create("line only receiver");
    TCase *byte_by_byte = tcase_create("byte by byte");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_checked_fixture(byte_by_byte, setup_byte_by_byte, teardown);
    tcase_add_test(tests, lines_come_in_order_and_go_back);
    tcase_add_test(tests, after_loseConnection_no_more_lines_come);
    tcase_add_test(tests, an_over_long_line_is_reported_once_and_dropped);
    tcase_add_test(tests, an_over_long_line_that_is_being_dropped_holds_no_buffer);
    tcase_add_test(tests, a_whole_over_long_line_takes_no_other_with_it);
    tcase_add_test(tests, by_default_an_over_long_line_closes_the_connection);
    tcase_add_test(tests, by_default_an_over_long_line_is_logged);
    tcase_add_test(tests, bytes_fed_from_inside_a_slot_come_after_the_rest_of_the_chunk);
    tcase_add_test(tests, after_fin_the_connection_is_closed_and_output_delivered_first);
    tcase_add_test(tests, out_of_memory_for_a_partial_line_ends_the_connection);
    tcase_add_test(tests, bad_arguments_are_refused);
    tcase_add_test(byte_by_byte, lines_come_in_order_and_go_back);
    tcase_add_test(byte_by_byte, after_loseConnection_no_more_lines_come);
    tcase_add_test(byte_by_byte, an_over_long_line_is_reported_once_and_dropped);
    tcase_add_test(byte_by_byte, a_whole_over_long_line_takes_no_other_with_it);
    tcase_add_test(byte_by_byte, after_fin_the_connection_is_closed_and_output_delivered_first);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, byte_by_byte);

    return run_suite(suite);
}
