/* LineReceiver over the simulated kernel: lines and raw data in one stream, and what a slot does to
 * its own input. */
#include <stdlib.h>

#include "line_receiver_fixture.h"

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

    start_again(&switching_class);
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

int main(void)
{
    const TTest *const streams[] = {modes_from_outside_act_in_the_next_turn,
                                    clearLineBuffer_outside_gives_the_partial_line, NULL};
    const TTest *const chunks[] = {the_rest_of_the_chunk_goes_to_raw_mode_in_one_piece,
                                   the_rest_is_one_piece_also_when_the_line_was_cut,
                                   setLineMode_goes_on_with_its_bytes,
                                   setLineMode_takes_a_copy_of_other_bytes,
                                   a_hundred_thousand_mode_switches_in_one_chunk,
                                   bytes_fed_from_inside_a_slot_come_after_the_rest_of_the_chunk,
                                   clearLineBuffer_inside_a_slot_forgets_the_rest,
                                   NULL};
    return run_line_tests("line_receiver: modes", streams, chunks);
}
