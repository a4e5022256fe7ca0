/* LineReceiver over the simulated kernel: modes, pauses, re-entrance, the end of the stream. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "clean_end.h"

enum { PORT = 8881 };

/* ---- the receiver under test: writes down what it is told, and does what the test says ------ */

typedef struct Probe {
    TorcLineReceiver base;
} Probe;

static char events[1 << 16];
static size_t events_length;
static Probe *probe; /* the connection's; NULL when it is gone */
static void (*on_line)(TorcLineReceiver *self, const char *line, size_t length);
static void (*on_raw)(TorcLineReceiver *self, const char *data, size_t length);
static void (*on_exceeded)(TorcLineReceiver *self);
static TorcReasonKind lost_kind; /* 0: not lost */
static int lost_code;

static void record(char open, const void *data, size_t length, char close)
{
    ck_assert_uint_lt(events_length + length + 3, sizeof(events));
    events[events_length++] = open;
    memcpy(events + events_length, data, length);
    events_length += length;
    events[events_length++] = close;
    events[events_length] = '\0';
}

static void probe_connectionMade(TorcProtocol *self)
{
    probe = (Probe *)self;
}

static void probe_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    lost_kind = TorcReason_kind(reason);
    lost_code = TorcReason_code(reason);
    probe = NULL;
}

static void probe_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    ck_assert_int_eq(line[length], '\0');
    record('[', line, length, ']');
    if (on_line)
        on_line(self, line, length);
}

static void probe_rawDataReceived(TorcLineReceiver *self, const void *data, size_t length)
{
    record('{', data, length, '}');
    if (on_raw)
        on_raw(self, data, length);
}

static void probe_lineLengthExceeded(TorcLineReceiver *self, const void *data, size_t length)
{
    record('!', data, length, '!');
    if (on_exceeded)
        on_exceeded(self);
}

static const TorcLineReceiverClass probe_class = {
    TORC_LINE_RECEIVER_CLASS("probe", Probe),
    .protocol.connectionMade = probe_connectionMade,
    .protocol.connectionLost = probe_connectionLost,
    .maxLength = 64,
    .lineReceived = probe_lineReceived,
    .rawDataReceived = probe_rawDataReceived,
    .lineLengthExceeded = probe_lineLengthExceeded,
};

/* ---- the simulation ------------------------------------------------------------------------ */

static TorcSim *sim;
static TorcSimPeer *peer;

static void start_record(void)
{
    events_length = 0;
    events[0] = '\0';
}

static void start_class(const TorcLineReceiverClass *cls, size_t chunk_size)
{
    TorcFactory *factory = TorcFactory_forProtocol(&cls->protocol);

    on_line = NULL;
    on_raw = NULL;
    on_exceeded = NULL;
    lost_kind = 0;
    lost_code = 0;
    start_record();
    sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = chunk_size));
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    peer = TorcSim_connect(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    TorcSim_advance(sim, 0);
    ck_assert_ptr_nonnull(probe);
}

static void setup(void)
{
    start_class(&probe_class, 0);
}

static void setup_byte_by_byte(void)
{
    start_class(&probe_class, 1);
}

static void teardown(void)
{
    end_clean(sim);
    ck_assert_ptr_null(probe);
}

static void send_text(const char *text)
{
    TorcSimPeer_send(peer, text);
    TorcSim_advance(sim, 0);
}

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

static void write_back(TorcLineReceiver *self, const char *line, size_t length)
{
    ck_assert_int_eq(TorcLineReceiver_sendLine(self, line, length), 0);
}

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
    TorcSim_free(sim);
    start_class(&bars_class, 0);
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

    TorcSim_free(sim);
    start_class(&default_class, 0);
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

START_TEST(a_hundred_megabytes_without_a_delimiter_are_cut_off_early) /* BUG-4 */
{
    static char block[1 << 16];

    TorcSim_free(sim);
    start_class(&default_class, 0);
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

/* ---- raw mode ------------------------------------------------------------------------------ */

static void to_raw(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)length;
    if (strcmp(line, "raw") == 0)
        TorcLineReceiver_setRawMode(self);
}

/* Raw data is what comes before a semicolon; then lines again. */
static void to_lines(TorcLineReceiver *self, const char *data, size_t length)
{
    const char *end = memchr(data, ';', length);

    if (end)
        ck_assert_int_eq(
            TorcLineReceiver_setLineMode(self, end + 1, length - (size_t)(end + 1 - data)), 0);
}

START_TEST(the_rest_of_the_chunk_goes_to_raw_mode_in_one_piece) /* LINE-5 */
{
    on_line = to_raw;
    send_text("one\r\nraw\r\ntwo\r\nthree\r\n");
    ck_assert_str_eq(events, "[one][raw]{two\r\nthree\r\n}");
    send_text("more\r\n");
    ck_assert_str_eq(events, "[one][raw]{two\r\nthree\r\n}{more\r\n}");
}
END_TEST

START_TEST(the_rest_is_one_piece_also_when_the_line_was_cut)
{
    on_line = to_raw;
    send_text("ra");
    send_text("w\r\ntwo\r\nthree");
    ck_assert_str_eq(events, "[raw]{two\r\nthree}");
}
END_TEST

START_TEST(setLineMode_goes_on_with_its_bytes) /* LINE-5 */
{
    on_line = to_raw;
    on_raw = to_lines;
    send_text("raw\r\nbytes;one\r\ntw");
    ck_assert_str_eq(events, "[raw]{bytes;one\r\ntw}[one]");
    send_text("o\r\n");
    ck_assert_str_eq(events, "[raw]{bytes;one\r\ntw}[one][two]");
}
END_TEST

static void other_bytes(TorcLineReceiver *self, const char *data, size_t length)
{
    char extra[] = "made\r\nup";

    (void)data;
    (void)length;
    ck_assert_int_eq(TorcLineReceiver_setLineMode(self, extra, strlen(extra)), 0);
    memset(extra, '?', sizeof(extra));
}

START_TEST(setLineMode_takes_a_copy_of_other_bytes)
{
    on_line = to_raw;
    on_raw = other_bytes;
    send_text("raw\r\nbytes");
    send_text("!\r\n");
    ck_assert_str_eq(events, "[raw]{bytes}[made][up!]");
}
END_TEST

START_TEST(modes_from_outside_act_in_the_next_turn) /* LINE-5 */
{
    send_text("part");
    TorcLineReceiver_setRawMode(&probe->base);
    ck_assert_str_eq(events, "");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "{part}");

    ck_assert_int_eq(TorcLineReceiver_setLineMode(&probe->base, "one\r\ntw", 7), 0);
    ck_assert_str_eq(events, "{part}");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "{part}[one]");
    send_text("o\r\n");
    ck_assert_str_eq(events, "{part}[one][two]");
}
END_TEST

/* "L\r\n" switches to raw, "R" back. */
static size_t switches;

static void count_and_raw(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)line;
    (void)length;
    switches++;
    start_record();
    TorcLineReceiver_setRawMode(self);
}

static void count_and_lines(TorcLineReceiver *self, const char *data, size_t length)
{
    switches++;
    start_record();
    ck_assert_int_eq(data[0], 'R');
    (void)TorcLineReceiver_setLineMode(self, data + 1, length - 1);
}

/* Like the probe's, without a record: the raw pieces of this test are long. */
static void quiet_rawDataReceived(TorcLineReceiver *self, const void *data, size_t length)
{
    on_raw(self, data, length);
}

static const TorcLineReceiverClass switching_class = {
    TORC_LINE_RECEIVER_SUBCLASS("switching", Probe, &probe_class),
    .rawDataReceived = quiet_rawDataReceived,
};

START_TEST(a_hundred_thousand_mode_switches_in_one_chunk) /* LINE-3, BUG-6 */
{
    /* Neither recursion nor a copy of the rest at each switch: 20 GB would be copied. */
    enum { PAIRS = 50000 };
    char *chunk = malloc(4 * PAIRS);

    TorcSim_free(sim);
    start_class(&switching_class, 0);
    switches = 0;
    on_line = count_and_raw;
    on_raw = count_and_lines;
    for (int i = 0; i < PAIRS; i++)
        memcpy(chunk + 4 * i, "L\r\nR", 4);
    probe->base.base.cls->dataReceived(&probe->base.base, chunk, 4 * PAIRS);
    ck_assert_uint_eq(switches, 2 * PAIRS);
    ck_assert_ptr_null(probe->base.state.buffer);
    free(chunk);
}
END_TEST

/* ---- re-entrance --------------------------------------------------------------------------- */

static void feed_itself(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)length;
    if (strcmp(line, "feed") == 0) {
        self->base.cls->dataReceived(&self->base, "fed\r\npar", 8);
        record('(', "", 0, ')');
    }
    ck_assert_str_ne(line, "");
}

START_TEST(bytes_fed_from_inside_a_slot_come_after_the_rest_of_the_chunk) /* LINE-3 */
{
    on_line = feed_itself;
    send_text("feed\r\nrest\r\n");
    ck_assert_str_eq(events, "[feed]()[rest][fed]");
    send_text("tial\r\n");
    ck_assert_str_eq(events, "[feed]()[rest][fed][partial]");
}
END_TEST

static const void *cleared;
static char cleared_copy[64];

static void clear_at_clear(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)length;
    if (strcmp(line, "clear") != 0)
        return;
    size_t n = TorcLineReceiver_clearLineBuffer(self, &cleared);
    self->base.cls->dataReceived(&self->base, "fed\r\n", 5); /* may not touch what was cleared */
    memcpy(cleared_copy, cleared, n);
    ck_assert_str_eq(line, "clear");
}

START_TEST(clearLineBuffer_inside_a_slot_forgets_the_rest) /* LINE-7 */
{
    on_line = clear_at_clear;
    send_text("cle");
    send_text("ar\r\ntwo\r\nthree");
    ck_assert_str_eq(cleared_copy, "two\r\nthree");
    ck_assert_str_eq(events, "[clear][fed]");
    ck_assert_ptr_null(probe->base.state.buffer);
}
END_TEST

START_TEST(clearLineBuffer_outside_gives_the_partial_line) /* LINE-7 */
{
    const void *data;

    send_text("one\r\npartial");
    ck_assert_uint_eq(TorcLineReceiver_clearLineBuffer(&probe->base, &data), 7);
    ck_assert_mem_eq(data, "partial", 7);
    /* What was given out may be given back. */
    ck_assert_int_eq(TorcLineReceiver_setLineMode(&probe->base, (const char *)data + 4, 3), 0);
    send_text(" two\r\n");
    ck_assert_str_eq(events, "[one][ial two]");
    ck_assert_uint_eq(TorcLineReceiver_clearLineBuffer(&probe->base, &data), 0);
    ck_assert_ptr_null(data);
}
END_TEST

/* ---- pausing ------------------------------------------------------------------------------- */

static void pause_at_pause(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)length;
    if (strcmp(line, "pause") == 0)
        TorcLineReceiver_pauseProducing(self);
}

START_TEST(a_pause_holds_between_two_lines_of_a_chunk) /* LINE-6 */
{
    on_line = pause_at_pause;
    send_text("one\r\npause\r\ntwo\r\nthr");
    send_text("ee\r\n");
    TorcSim_advance(sim, 60);
    ck_assert_str_eq(events, "[one][pause]");
    TorcLineReceiver_resumeProducing(&probe->base);
    ck_assert_str_eq(events, "[one][pause]");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one][pause][two][three]");
}
END_TEST

START_TEST(a_pause_stops_reading_too) /* LINE-6 */
{
    TorcLineReceiver_pauseProducing(&probe->base);
    TorcSim_advance(sim, 0);
    uint64_t reads = TorcSim_countCalls(sim, TORC_SIM_RECV);
    send_text("one\r\n");
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_RECV), reads);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one]");
}
END_TEST

static void pause_and_resume(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)line;
    (void)length;
    TorcLineReceiver_pauseProducing(self);
    TorcLineReceiver_resumeProducing(self);
    record('(', "", 0, ')');
}

START_TEST(pause_and_resume_inside_a_slot_deliver_nothing_twice) /* LINE-6 */
{
    on_line = pause_and_resume;
    send_text("one\r\ntwo\r\nthree\r\n");
    ck_assert_str_eq(events, "[one]()[two]()[three]()");
}
END_TEST

START_TEST(a_pause_after_resume_wins)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\n");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcLineReceiver_pauseProducing(&probe->base);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(events, "[pause]");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(events, "[pause][one]");
}
END_TEST

START_TEST(resuming_twice_schedules_one_delivery)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\n");
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 0);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcLineReceiver_resumeProducing(&probe->base);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 1);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[pause][one]");
}
END_TEST

static void pause_raw(TorcLineReceiver *self, const char *data, size_t length)
{
    (void)data;
    (void)length;
    TorcLineReceiver_pauseProducing(self);
}

START_TEST(a_pause_holds_raw_data_too)
{
    TorcLineReceiver_setRawMode(&probe->base);
    on_raw = pause_raw;
    send_text("one");
    send_text("two");
    ck_assert_str_eq(events, "{one}");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "{one}{two}");
}
END_TEST

START_TEST(what_waits_in_a_paused_receiver_goes_with_the_connection)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\ntwo\r\n");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcTransport_abortConnection(probe->base.base.transport);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(events, "[pause]");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_ABORTED);
}
END_TEST

/* ---- the end of the stream ----------------------------------------------------------------- */

START_TEST(after_fin_the_connection_is_closed_and_output_delivered_first)
{
    on_line = write_back;
    TorcSimPeer_send(peer, "one\r\ntwo\r\nrest");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one][two]");
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\r\ntwo\r\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

START_TEST(a_paused_receiver_delivers_after_fin_when_it_resumes_and_then_closes)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 60);
    ck_assert_str_eq(events, "[pause]");
    ck_assert_int_eq(lost_kind, 0);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[pause][one]");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

START_TEST(a_paused_receiver_with_nothing_buffered_answers_after_fin)
{
    on_line = pause_at_pause;
    send_text("pause\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 60);
    ck_assert_int_eq(lost_kind, 0); /* the answer is still being computed */
    ck_assert_int_eq(TorcLineReceiver_sendLine(&probe->base, "answer", 6), 0);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer\r\n");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

static char partial[16];

static void partial_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    const void *data;
    size_t length = TorcLineReceiver_clearLineBuffer((TorcLineReceiver *)self, &data);

    memcpy(partial, data, length);
    probe_connectionLost(self, reason);
}

static const TorcLineReceiverClass partial_class = {
    TORC_LINE_RECEIVER_SUBCLASS("partial", Probe, &probe_class),
    .protocol.connectionLost = partial_connectionLost,
};

START_TEST(a_last_line_without_delimiter_can_be_had_in_connectionLost)
{
    TorcSim_free(sim);
    start_class(&partial_class, 0);
    TorcSimPeer_send(peer, "one\r\nrest");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one]");
    ck_assert_str_eq(partial, "rest");
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
    TorcSim_free(sim);
    start_class(&empty_class, 0);
    send_text("one\r\n");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_APPLICATION);
    ck_assert_int_eq(lost_code, -TORC_ECLASS);
}
END_TEST

/* ---- the suite ----------------------------------------------------------------------------- */

static void add_stream_tests(TCase *tests)
{
    tcase_add_test(tests, lines_come_in_order_empty_ones_too);
    tcase_add_test(tests, a_line_of_the_greatest_length_is_delivered);
    tcase_add_test(tests, an_idle_connection_without_a_partial_line_holds_no_buffer);
    tcase_add_test(tests, sendLine_adds_the_delimiter);
    tcase_add_test(tests, sendLine_adds_the_delimiter_of_the_subclass_outside_of_slots_too);
    tcase_add_test(tests, by_default_an_over_long_line_closes_the_connection);
    tcase_add_test(tests, after_loseConnection_no_more_lines_come);
    tcase_add_test(tests, after_abortConnection_no_more_lines_come);
    tcase_add_test(tests, after_loseConnection_no_raw_data_comes_either);
    tcase_add_test(tests, modes_from_outside_act_in_the_next_turn);
    tcase_add_test(tests, clearLineBuffer_outside_gives_the_partial_line);
    tcase_add_test(tests, a_pause_holds_between_two_lines_of_a_chunk);
    tcase_add_test(tests, a_pause_stops_reading_too);
    tcase_add_test(tests, pause_and_resume_inside_a_slot_deliver_nothing_twice);
    tcase_add_test(tests, a_pause_after_resume_wins);
    tcase_add_test(tests, what_waits_in_a_paused_receiver_goes_with_the_connection);
    tcase_add_test(tests, after_fin_the_connection_is_closed_and_output_delivered_first);
    tcase_add_test(tests, a_paused_receiver_delivers_after_fin_when_it_resumes_and_then_closes);
    tcase_add_test(tests, a_paused_receiver_with_nothing_buffered_answers_after_fin);
    tcase_add_test(tests, a_last_line_without_delimiter_can_be_had_in_connectionLost);
}

int main(void)
{
    Suite *suite = suite_create("line_receiver");
    TCase *streams = tcase_create("streams");
    TCase *byte_by_byte = tcase_create("byte by byte");
    TCase *chunks = tcase_create("chunks");

    tcase_add_checked_fixture(streams, setup, teardown);
    tcase_add_checked_fixture(byte_by_byte, setup_byte_by_byte, teardown);
    tcase_add_checked_fixture(chunks, setup, teardown);
    tcase_set_timeout(byte_by_byte, 30);
    tcase_set_timeout(chunks, 30);
    add_stream_tests(streams);
    add_stream_tests(byte_by_byte);
    tcase_add_test(chunks, whole_lines_allocate_nothing);
    tcase_add_test(chunks, bad_arguments_are_refused);
    tcase_add_test(chunks, an_instance_without_a_transport_answers_with_errors);
    tcase_add_test(chunks, an_over_long_line_takes_all_that_is_buffered_and_it_goes_on_after);
    tcase_add_test(chunks, later_lines_of_the_chunk_are_part_of_the_report);
    tcase_add_test(chunks, a_hundred_megabytes_without_a_delimiter_are_cut_off_early);
    tcase_add_test(chunks, after_loseConnection_nothing_is_kept_of_the_input);
    tcase_add_test(chunks, the_rest_of_the_chunk_goes_to_raw_mode_in_one_piece);
    tcase_add_test(chunks, the_rest_is_one_piece_also_when_the_line_was_cut);
    tcase_add_test(chunks, setLineMode_goes_on_with_its_bytes);
    tcase_add_test(chunks, setLineMode_takes_a_copy_of_other_bytes);
    tcase_add_test(chunks, a_hundred_thousand_mode_switches_in_one_chunk);
    tcase_add_test(chunks, bytes_fed_from_inside_a_slot_come_after_the_rest_of_the_chunk);
    tcase_add_test(chunks, clearLineBuffer_inside_a_slot_forgets_the_rest);
    tcase_add_test(chunks, resuming_twice_schedules_one_delivery);
    tcase_add_test(chunks, a_pause_holds_raw_data_too);
    tcase_add_test(chunks, out_of_memory_for_a_partial_line_ends_the_connection);
    tcase_add_test(chunks, out_of_memory_in_setLineMode_ends_the_connection);
    tcase_add_test(chunks, an_empty_delimiter_ends_the_connection_with_a_reason);
    suite_add_tcase(suite, streams);
    suite_add_tcase(suite, byte_by_byte);
    suite_add_tcase(suite, chunks);

    return run_suite(suite);
}
