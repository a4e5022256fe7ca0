/* The parser harness with the cuts that the caller says: three runs, and the same differences found. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include <torc/torc.h>

#include "test_suite.h"

static char report[TORC_FRAGMENTATION_REPORT_SIZE];
static size_t lengths[20]; /* of what dataReceived got, in all runs */
static unsigned calls;
static unsigned instances;

static void set_up(void)
{
    calls = instances = 0;
    memset(report, 'x', sizeof(report));
}

static void note_instance(TorcProtocol *self)
{
    (void)self;
    instances++;
}

static void note_length(TorcProtocol *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    ck_assert_uint_lt(calls, sizeof(lengths) / sizeof(lengths[0]));
    lengths[calls++] = length;
}

static const TorcProtocolClass noting_class = {
    TORC_PROTOCOL_CLASS("noting", TorcProtocol),
    .connectionMade = note_instance,
    .dataReceived = note_length,
};

/* Answers each piece, however long it is: so it depends on the cuts. */
static void answer_piece(TorcProtocol *self, const void *data, size_t length)
{
    (void)data;
    if (length == 3)
        TorcTransport_write(self->transport, "three", 5);
}

static const TorcProtocolClass counting_class = {
    TORC_PROTOCOL_CLASS("counting", TorcProtocol),
    .dataReceived = answer_piece,
};

static int check_pieces(const TorcProtocolClass *cls, const char *text, const size_t *pieces,
                        size_t count)
{
    return torc_fragmentation_checkProtocol(
        cls, text, strlen(text), TORC_FRAGMENTATION_OPTIONS(.pieces = pieces, .pieceCount = count),
        report, sizeof(report));
}

START_TEST(pieces_are_whole_then_bytes_then_as_told_over_and_over)
{
    static const size_t pieces[] = {2, 1};
    static const size_t expected[] = {6, 1, 1, 1, 1, 1, 1, 2, 1, 2, 1};
    ck_assert_int_eq(check_pieces(&noting_class, "123456", pieces, 2), 0);
    ck_assert_str_eq(report, "");
    ck_assert_uint_eq(instances, 3);
    ck_assert_uint_eq(calls, 11);
    ck_assert_mem_eq(lengths, expected, sizeof(expected));
}
END_TEST

START_TEST(the_last_piece_is_what_is_left)
{
    static const size_t pieces[] = {100};
    ck_assert_int_eq(check_pieces(&noting_class, "12", pieces, 1), 0);
    ck_assert_uint_eq(calls, 4);
    ck_assert_uint_eq(lengths[3], 2);
}
END_TEST

START_TEST(a_difference_is_reported_with_its_pieces)
{
    static const size_t pieces[] = {3, 4};
    ck_assert_int_eq(check_pieces(&counting_class, "1234567", pieces, 2), -EBADMSG);
    ck_assert_str_eq(report,
                     "cut into pieces of 3, 4 bytes and so on of 7, it does not behave as when fed "
                     "whole\n"
                     "  input: \"1234567\"\n"
                     "  written, different from byte 0 on:\n"
                     "    whole: \"\"\n"
                     "    cut:   \"three\"\n"
                     "  connection:\n"
                     "    whole: open\n"
                     "    cut:   open\n");
}
END_TEST

START_TEST(without_bytes_there_is_nothing_to_cut)
{
    static const size_t pieces[] = {1};
    ck_assert_int_eq(check_pieces(&noting_class, "", pieces, 1), 0);
    ck_assert_uint_eq(instances, 3);
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(pieces_without_a_length_are_refused)
{
    static const size_t pieces[] = {1, 0};
    ck_assert_int_eq(check_pieces(&noting_class, "12", pieces, 2), -EINVAL);
    ck_assert_int_eq(check_pieces(&noting_class, "12", pieces, 0), -EINVAL);
    ck_assert_int_eq(check_pieces(&noting_class, "12", NULL, 1), -EINVAL);
    ck_assert_uint_eq(instances, 0);
}
END_TEST

RUN_TESTS("fragmentation pieces", set_up, NULL,
          pieces_are_whole_then_bytes_then_as_told_over_and_over, the_last_piece_is_what_is_left,
          a_difference_is_reported_with_its_pieces, without_bytes_there_is_nothing_to_cut,
          pieces_without_a_length_are_refused)
