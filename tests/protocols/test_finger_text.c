/* Finger's filter, its text buffer, UTF-8 and the matching of full names: pure functions. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <torc/protocols/finger.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "protocols/finger_internal.h"

/* ---- the filter ------------------------------------------------------------------------------ */

static void check_filter(const char *text, size_t length, unsigned flags, const char *expected)
{
    char buffer[256];
    char *copy = malloc(length + 1);

    memcpy(copy, text, length);
    size_t r = torc_finger_filter(copy, length, flags, buffer, sizeof(buffer));
    free(copy);
    ck_assert_str_eq(buffer, expected);
    ck_assert_uint_eq(r, strlen(expected));
}

static void check_filter_text(const char *text, unsigned flags, const char *expected)
{
    check_filter(text, strlen(text), flags, expected);
}

START_TEST(printable_ascii_and_tabs_pass)
{
    check_filter_text("a ~\tb", 0, "a ~\tb");
    check_filter_text("", 0, "");
    check_filter("", 0, 0, "");
}
END_TEST

START_TEST(line_ends_become_what_is_asked_for)
{
    check_filter_text("a\nb\r\nc\n", TORC_FINGER_CRLF, "a\r\nb\r\nc\r\n");
    check_filter_text("a\nb\r\nc\n", 0, "a\nb\nc\n");
}
END_TEST

START_TEST(a_carriage_return_elsewhere_is_dropped) /* it would hide what stands before it */
{
    check_filter_text("evil\rgood", TORC_FINGER_CRLF, "evilgood");
    check_filter_text("a\r\r\nb\r", TORC_FINGER_CRLF, "a\r\nb");
}
END_TEST

START_TEST(control_characters_are_replaced)
{
    check_filter("\033]0;title\007\0x\177", 13, 0, "?]0;title??x?");
}
END_TEST

START_TEST(every_control_character_is_filtered) /* BUG-22 */
{
    for (int byte = 0; byte < 256; byte++) {
        char in = (char)byte;
        char out[8];
        size_t length =
            torc_finger_filter(&in, 1, TORC_FINGER_CRLF | TORC_FINGER_UTF8, out, sizeof(out));
        bool passes = byte == '\t' || (byte >= ' ' && byte < 0x7f);
        if (passes)
            ck_assert(length == 1 && out[0] == in);
        else if (byte == '\n')
            ck_assert_str_eq(out, "\r\n");
        else
            ck_assert_str_eq(out, byte == '\r' ? "" : "?");
    }
}
END_TEST

START_TEST(a_utf8_character_becomes_one_mark_unless_it_may_pass)
{
    check_filter_text("J\303\274rgen \342\202\254", 0, "J?rgen ?");
    check_filter_text("J\303\274rgen \342\202\254 \360\237\230\200", TORC_FINGER_UTF8,
                      "J\303\274rgen \342\202\254 \360\237\230\200");
}
END_TEST

START_TEST(what_is_not_utf8_never_passes)
{
    check_filter_text("J\374rgen", TORC_FINGER_UTF8, "J?rgen");
    check_filter_text("\300\257", TORC_FINGER_UTF8, "??");           /* over-long */
    check_filter_text("\355\240\200", TORC_FINGER_UTF8, "???");      /* surrogate */
    check_filter_text("\364\220\200\200", TORC_FINGER_UTF8, "????"); /* beyond Unicode */
    check_filter_text("\342\202", TORC_FINGER_UTF8, "??");           /* cut */
    check_filter_text("\302\233m", TORC_FINGER_UTF8, "?m");          /* CSI, a C1 control */
}
END_TEST

START_TEST(a_small_buffer_is_never_overrun_and_cut_at_a_character)
{
    static const char text[] = "a\nJ\303\274";
    static const char whole[] = "a\r\nJ\303\274";
    char out[16];

    for (size_t size = 0; size <= sizeof(whole); size++) {
        memset(out, 'x', sizeof(out));
        ck_assert_uint_eq(torc_finger_filter(text, sizeof(text) - 1,
                                             TORC_FINGER_CRLF | TORC_FINGER_UTF8, out, size),
                          sizeof(whole) - 1);
        ck_assert_int_eq(out[size], 'x');
        if (size == 0)
            continue;
        size_t length = strlen(out);
        ck_assert(length < size && memcmp(out, whole, length) == 0);
        ck_assert(length != 2 && length != 5); /* neither between CR and LF nor inside the ue */
    }
    ck_assert_uint_eq(torc_finger_filter(text, sizeof(text) - 1, 0, NULL, 0), 4);
}
END_TEST

/* ---- names ----------------------------------------------------------------------------------- */

START_TEST(full_names_match_by_whole_words_in_any_case)
{
    static const char name[] = "Ann-Marie van Smith";
    ck_assert(torc__finger_nameMatches(name, "smith"));
    ck_assert(torc__finger_nameMatches(name, "ANN"));
    ck_assert(torc__finger_nameMatches(name, "marie"));
    ck_assert(torc__finger_nameMatches(name, "ann-marie"));
    ck_assert(torc__finger_nameMatches(name, "Van Smith"));
    ck_assert(torc__finger_nameMatches(name, "ann-marie van smith"));
    ck_assert(!torc__finger_nameMatches(name, "smi"));
    ck_assert(!torc__finger_nameMatches(name, "mith"));
    ck_assert(!torc__finger_nameMatches(name, "a"));
    ck_assert(!torc__finger_nameMatches(name, "ann smith"));
    ck_assert(!torc__finger_nameMatches(name, "smith jones"));
    ck_assert(!torc__finger_nameMatches(name, ""));
    ck_assert(!torc__finger_nameMatches("", "ann"));
}
END_TEST

START_TEST(a_word_does_not_end_inside_a_utf8_character)
{
    ck_assert(torc__finger_nameMatches("J\303\274rgen Klein", "j\303\274rgen"));
    ck_assert(!torc__finger_nameMatches("J\303\274rgen Klein", "j"));
    ck_assert(!torc__finger_nameMatches("J\303\274rgen Klein", "rgen"));
}
END_TEST

/* ---- the buffer ------------------------------------------------------------------------------ */

START_TEST(texts_grow)
{
    TorcFingerText text = {0};
    for (int i = 0; i < 1000; i++)
        torc__fingerText_printf(&text, "%03d\n", i);
    ck_assert_uint_eq(text.length, 4000);
    ck_assert_uint_eq(strlen(text.data), 4000);
    ck_assert_mem_eq(text.data + 3996, "999\n", 4);
    ck_assert(!text.failed);
    torc__fingerText_done(&text);
}
END_TEST

START_TEST(a_text_without_memory_fails_and_stays)
{
    TorcFingerText text = {0};
    char piece[300] = {0};

    torc__fingerText_add(&text, "kept", 4);
    FailingMemory_start(0);
    torc__fingerText_add(&text, piece, sizeof(piece));
    FailingMemory_stop();
    ck_assert(text.failed);
    torc__fingerText_add(&text, "x", 1);
    ck_assert_str_eq(text.data, "kept");
    torc__fingerText_done(&text);
    ck_assert(!text.failed && !text.data);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, printable_ascii_and_tabs_pass);
    tcase_add_test(tests, line_ends_become_what_is_asked_for);
    tcase_add_test(tests, a_carriage_return_elsewhere_is_dropped);
    tcase_add_test(tests, control_characters_are_replaced);
    tcase_add_test(tests, every_control_character_is_filtered);
    tcase_add_test(tests, a_utf8_character_becomes_one_mark_unless_it_may_pass);
    tcase_add_test(tests, what_is_not_utf8_never_passes);
    tcase_add_test(tests, a_small_buffer_is_never_overrun_and_cut_at_a_character);
    tcase_add_test(tests, full_names_match_by_whole_words_in_any_case);
    tcase_add_test(tests, a_word_does_not_end_inside_a_utf8_character);
    tcase_add_test(tests, texts_grow);
    tcase_add_test(tests, a_text_without_memory_fails_and_stays);
    return run_case("finger text", tests);
}
