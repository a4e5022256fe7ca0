/* The line cutter, without any connection: bytes in, lines out. */
#include "line_buffer_fixture.h"

/* ---- feeding ------------------------------------------------------------------------------- */

/* Feeds the stream in pieces of at most `piece` bytes, the first of `first` bytes. */
static void cut(const TorcLineRules *rules, const char *stream, size_t length, size_t first,
                size_t piece)
{
    TorcLineBuffer *kept = NULL;
    bool skipping = false;
    size_t at = 0;
    bool more = true;

    start_record();
    while (more && at < length) {
        size_t n = at == 0 && first > 0 ? first : piece;
        if (n > length - at)
            n = length - at;
        more = feed(&kept, &skipping, rules, stream + at, n);
        at += n;
    }
    torc__lineBuffer_done(kept);
}

/* ---- a cutter so simple that it must be right ---------------------------------------------- */

static bool begins_with(const char *bytes, size_t length, const TorcLineRules *rules)
{
    return length >= rules->delimiter_length &&
           memcmp(bytes, rules->delimiter, rules->delimiter_length) == 0;
}

/* The bytes at the end that can no longer be part of the line but begin a delimiter. */
static size_t model_begun(const TorcLineRules *rules, const char *bytes, size_t length)
{
    for (size_t n = rules->delimiter_length - 1; n > 0; n--)
        if (n <= length && memcmp(bytes + length - n, rules->delimiter, n) == 0)
            return n;
    return 0;
}

static bool model_partial_too_long(const TorcLineRules *rules, const char *bytes, size_t length)
{
    if (!rules->resume)
        return length >= rules->max_length + rules->delimiter_length;
    /* At some earlier byte it may have been certain already. */
    for (size_t n = 1; n <= length; n++)
        if (n - model_begun(rules, bytes, n) > rules->max_length)
            return true;
    return false;
}

static void model(const TorcLineRules *rules, const char *stream, size_t length)
{
    size_t start = 0;

    start_record();
    for (size_t at = 0; at < length;) {
        if (!begins_with(stream + at, length - at, rules)) {
            at++;
            continue;
        }
        if (at - start > rules->max_length) {
            record("!", 1);
            if (!rules->resume)
                return;
        } else {
            record_line(stream + start, at - start);
        }
        at += rules->delimiter_length;
        start = at;
    }
    if (model_partial_too_long(rules, stream + start, length - start))
        record("!", 1);
}

/* Whole, byte by byte, in pieces of two to seven, and cut in two at every position. */
static void check_all_cuts(const TorcLineRules *rules, const char *stream, size_t length)
{
    static char expected[sizeof(events)];

    model(rules, stream, length);
    memcpy(expected, events, events_length + 1);
    for (size_t piece = 1; piece <= 7; piece++) {
        cut(rules, stream, length, 0, piece);
        REQUIRE(strcmp(events, expected) == 0);
    }
    for (size_t first = 1; first <= length; first++) {
        cut(rules, stream, length, first, length);
        REQUIRE(strcmp(events, expected) == 0);
    }
}

static void check_both_policies(TorcLineRules rules, const char *stream, size_t length)
{
    rules.resume = false;
    check_all_cuts(&rules, stream, length);
    rules.resume = true;
    check_all_cuts(&rules, stream, length);
}

/* ---- tests: cutting ------------------------------------------------------------------------ */

START_TEST(however_a_stream_is_cut_the_events_are_the_same) /* LINE-2 */
{
    static const char *const streams[] = {
        "",
        "\r\n",
        "one\r\n",
        "one\r\ntwo\r\n\r\nthree",
        "\r\r\n\n\r\n\r",
        "sixteen bytes 16\r\nseventeen bytes !\r\nafter\r\n",
        "a line far longer than sixteen bytes\r\nafter\r\n\r\n",
        "no end in sight, and never will there be one",
        "exactly sixteen!\r\rx\r\nafter\r\n",
    };

    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
        check_both_policies(crlf, streams[i], strlen(streams[i]));
}
END_TEST

START_TEST(any_delimiter_is_found_however_it_is_cut)
{
    /* Delimiters that begin again inside themselves are the hard ones. */
    static const char *const delimiters[] = {"\n", "aa", "ab", "aab", "abab", "abaaba", "aaaaaaab"};
    uint32_t state = 1;

    for (size_t d = 0; d < sizeof(delimiters) / sizeof(delimiters[0]); d++)
        for (int round = 0; round < 40; round++) {
            char stream[64];
            for (size_t i = 0; i < sizeof(stream); i++) {
                state = state * 1664525 + 1013904223;
                stream[i] = "aaabb\nc"[(state >> 16) % 7];
            }
            TorcLineRules rules = {delimiters[d], strlen(delimiters[d]), (size_t)round % 9, false};
            check_both_policies(rules, stream, sizeof(stream));
        }
}
END_TEST

START_TEST(a_delimiter_and_a_line_may_hold_nul_bytes)
{
    TorcLineRules rules = {.delimiter = "\0;", .delimiter_length = 2, .max_length = 8};

    cut(&rules, "a\0b\0;c\0;", 8, 0, 1);
    ck_assert_uint_eq(events_length, 8);
    ck_assert_mem_eq(events, "[a\0b][c]", 8);
}
END_TEST

START_TEST(with_a_limit_of_3_abcd_waits_and_abcde_is_too_long) /* LINE-1 */
{
    TorcLineRules rules = crlf;
    rules.max_length = 3;

    cut(&rules, "abcd", 4, 0, 4);
    ck_assert_str_eq(events, "");
    cut(&rules, "abcde", 5, 0, 5);
    ck_assert_str_eq(events, "!");
    cut(&rules, "abc\r\n", 5, 0, 5);
    ck_assert_str_eq(events, "[abc]");
}
END_TEST

START_TEST(with_resume_a_line_is_too_long_as_soon_as_that_is_certain) /* LINE-9 */
{
    TorcLineRules rules = crlf;
    rules.max_length = 3;
    rules.resume = true;

    cut(&rules, "abcd", 4, 0, 4);
    ck_assert_str_eq(events, "!");
    cut(&rules, "abc\r", 4, 0, 4);
    ck_assert_str_eq(events, "");
}
END_TEST

START_TEST(no_limit_is_possible)
{
    TorcLineRules rules = crlf;
    rules.max_length = SIZE_MAX;

    cut(&rules, "a line of more than sixteen bytes\r\n", 35, 0, 3);
    ck_assert_str_eq(events, "[a line of more than sixteen bytes]");
}
END_TEST

/* Opens on the text and expects an over-long line that reports `expected`. */
static void expect_report(TorcLineBuffer *buffer, const TorcLineRules *rules, const char *expected)
{
    char scratch[TORC__LINE_SCRATCH];
    const char *data;
    size_t length;

    ck_assert_int_eq(torc__lineBuffer_next(buffer, rules, scratch, &data, &length),
                     TORC__LINE_TOO_LONG);
    ck_assert_uint_eq(length, strlen(expected));
    ck_assert_mem_eq(data, expected, length);
    torc__lineBuffer_release(buffer);
}

START_TEST(an_over_long_line_takes_everything_with_it) /* LINE-1 */
{
    TorcLineRules rules = crlf;
    rules.max_length = 3;
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    bool skipping = false;

    ck_assert(feed(&kept, &skipping, &rules, "ab", 2));
    torc__lineBuffer_open(&buffer, kept, "cd\r\nef\r\ng", 9);
    expect_report(&buffer, &rules, "abcd\r\nef\r\ng");
    ck_assert_int_eq(torc__lineBuffer_close(&buffer, &kept), 0);
    ck_assert_ptr_null(kept);
}
END_TEST

START_TEST(with_resume_it_takes_only_itself)
{
    TorcLineRules rules = crlf;
    rules.max_length = 3;
    rules.resume = true;
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    bool skipping = false;

    ck_assert(feed(&kept, &skipping, &rules, "ab", 2));
    torc__lineBuffer_open(&buffer, kept, "cd\r\nef\r\n", 8);
    expect_report(&buffer, &rules, "abcd");
    start_record();
    ck_assert(run(&buffer, &rules));
    ck_assert_str_eq(events, "[ef]");
    ck_assert_int_eq(torc__lineBuffer_close(&buffer, &kept), 0);
    ck_assert_ptr_null(kept);
}
END_TEST

/* ---- tests: cost --------------------------------------------------------------------------- */

START_TEST(a_long_line_byte_by_byte_takes_linear_time) /* LINE-8; else the time limit strikes */
{
    const size_t length = 2000000;
    TorcLineRules rules = {.delimiter = "\r\n", .delimiter_length = 2, .max_length = SIZE_MAX};
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;

    for (size_t i = 0; i < length; i++) {
        torc__lineBuffer_open(&buffer, kept, "x", 1);
        REQUIRE(run(&buffer, &rules));
        REQUIRE(torc__lineBuffer_close(&buffer, &kept) == 0);
    }
    ck_assert_uint_eq(torc__lineBuffer_length(kept), length);
    torc__lineBuffer_done(kept);
}
END_TEST

START_TEST(many_lines_in_one_chunk_take_linear_time) /* LINE-8 */
{
    const size_t lines = 2000000;
    TorcLineRules rules = crlf;
    char *chunk = malloc(2 * lines);
    TorcLineBuffer buffer;
    TorcLineBuffer *kept;
    char scratch[TORC__LINE_SCRATCH];
    const char *line;
    size_t length, count = 0;

    for (size_t i = 0; i < lines; i++)
        memcpy(chunk + 2 * i, "\r\n", 2);
    torc__lineBuffer_open(&buffer, NULL, chunk, 2 * lines);
    while (torc__lineBuffer_next(&buffer, &rules, scratch, &line, &length) == TORC__LINE_READY) {
        torc__lineBuffer_release(&buffer);
        count++;
    }
    ck_assert_uint_eq(count, lines);
    ck_assert_int_eq(torc__lineBuffer_close(&buffer, &kept), 0);
    ck_assert_ptr_null(kept);
    free(chunk);
}
END_TEST

START_TEST(whole_lines_allocate_nothing)
{
    TorcLineBuffer *kept = NULL;
    bool skipping = false;

    start_record();
    FailingMemory_start(-1);
    for (int i = 0; i < 10; i++)
        ck_assert(feed(&kept, &skipping, &crlf, "one\r\ntwo\r\n", 10));
    ck_assert_int_eq(FailingMemory_allocations(), 0);
    FailingMemory_stop();
    ck_assert_ptr_null(kept);
}
END_TEST

START_TEST(nothing_is_kept_but_a_partial_line)
{
    TorcLineBuffer *kept = NULL;
    bool skipping = false;

    start_record();
    FailingMemory_start(-1);
    ck_assert(feed(&kept, &skipping, &crlf, "one\r\ntw", 7));
    ck_assert_ptr_nonnull(kept);
    ck_assert_int_eq(FailingMemory_live(), 1);
    ck_assert(feed(&kept, &skipping, &crlf, "o\r\n", 3));
    ck_assert_ptr_null(kept);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    ck_assert_str_eq(events, "[one][two]");
}
END_TEST

START_TEST(long_lines_of_a_chunk_share_one_allocation)
{
    char stream[3 * 2000];
    TorcLineRules rules = crlf;
    TorcLineBuffer *kept = NULL;
    bool skipping = false;

    rules.max_length = 4000;
    memset(stream, 'x', sizeof(stream));
    for (size_t i = 1; i <= 3; i++)
        memcpy(stream + i * 2000 - 2, "\r\n", 2);
    start_record();
    FailingMemory_start(-1);
    ck_assert(feed(&kept, &skipping, &rules, stream, sizeof(stream)));
    ck_assert_int_eq(FailingMemory_allocations(), 1);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    ck_assert_uint_eq(events_length, sizeof(stream)); /* brackets for delimiters */
}
END_TEST

static size_t largest_allocation;

static void *measuring_malloc(size_t size)
{
    if (size > largest_allocation)
        largest_allocation = size;
    return malloc(size);
}

START_TEST(a_partial_line_never_takes_more_than_the_longest_line) /* BUG-4 */
{
    static const TorcMemory measuring = {measuring_malloc, realloc, free};
    TorcLineRules rules = crlf;
    TorcLineBuffer *kept = NULL;
    bool skipping = false;

    rules.max_length = 10000;
    largest_allocation = 0;
    torc__setMemory(&measuring);
    for (size_t i = 0; i < rules.max_length; i++)
        REQUIRE(feed(&kept, &skipping, &rules, "x", 1));
    torc__lineBuffer_done(kept);
    torc__setMemory(NULL);
    ck_assert_uint_ge(largest_allocation, 10000);
    ck_assert_uint_le(largest_allocation, 10002 + 256); /* and the block's own fields */
}
END_TEST

START_TEST(the_rest_of_an_over_long_line_is_not_kept)
{
    TorcLineRules rules = crlf;
    TorcLineBuffer *kept = NULL;
    bool skipping = false;
    char chunk[5000];

    rules.resume = true;
    memset(chunk, 'x', sizeof(chunk));
    start_record();
    for (int i = 0; i < 100; i++) {
        ck_assert(feed(&kept, &skipping, &rules, chunk, sizeof(chunk)));
        ck_assert(!kept || torc__lineBuffer_length(kept) <= 1);
    }
    ck_assert(feed(&kept, &skipping, &rules, "\r\nnext\r\n", 8));
    ck_assert_str_eq(events, "![next]");
    ck_assert_ptr_null(kept);
}
END_TEST

/* ---- tests: out of memory ------------------------------------------------------------------ */

/* Something of everything; 0 when no allocation failed. */
static int use_all(void)
{
    char scratch[TORC__LINE_SCRATCH];
    char text[1500];
    TorcLineRules rules = crlf;
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    const char *data;
    size_t length;
    int r;

    rules.max_length = 2000;
    memset(text, 'x', sizeof(text));
    memcpy(text + sizeof(text) - 2, "\r\n", 2);
    torc__lineBuffer_open(&buffer, NULL, text, sizeof(text));
    r = torc__lineBuffer_next(&buffer, &rules, scratch, &data, &length);
    if (r >= 0)
        r = torc__lineBuffer_add(&buffer, text, sizeof(text));
    if (r >= 0)
        r = torc__lineBuffer_unread(&buffer, "front", 5);
    if (r >= 0)
        r = torc__lineBuffer_takeAll(&buffer, &data, &length);
    if (r >= 0)
        r = torc__lineBuffer_add(&buffer, "partial", 7);
    if (r < 0)
        torc__lineBuffer_forget(&buffer);
    int closed = torc__lineBuffer_close(&buffer, &kept);
    if (r >= 0 && closed == 0) {
        torc__lineBuffer_open(&buffer, kept, text, sizeof(text));
        closed = torc__lineBuffer_close(&buffer, &kept);
    }
    torc__lineBuffer_done(kept);
    return r < 0 ? r : closed;
}

START_TEST(out_of_memory_is_an_error_and_leaks_nothing)
{
    int r = -ENOMEM;
    int failures = -1;

    for (long k = 0; r < 0; k++, failures++) {
        ck_assert_int_eq(r, -ENOMEM);
        FailingMemory_start(k);
        r = use_all();
        ck_assert_int_eq(FailingMemory_live(), 0);
    }
    FailingMemory_stop();
    ck_assert_int_ge(failures, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("line_buffer");
    TCase *cutting = tcase_create("cutting");
    TCase *cost = tcase_create("cost");
    TCase *memory = tcase_create("memory");

    tcase_set_timeout(cutting, 30);
    tcase_set_timeout(cost, 30);
    tcase_add_test(cutting, however_a_stream_is_cut_the_events_are_the_same);
    tcase_add_test(cutting, any_delimiter_is_found_however_it_is_cut);
    tcase_add_test(cutting, a_delimiter_and_a_line_may_hold_nul_bytes);
    tcase_add_test(cutting, with_a_limit_of_3_abcd_waits_and_abcde_is_too_long);
    tcase_add_test(cutting, with_resume_a_line_is_too_long_as_soon_as_that_is_certain);
    tcase_add_test(cutting, no_limit_is_possible);
    tcase_add_test(cutting, an_over_long_line_takes_everything_with_it);
    tcase_add_test(cutting, with_resume_it_takes_only_itself);
    tcase_add_test(cost, a_long_line_byte_by_byte_takes_linear_time);
    tcase_add_test(cost, many_lines_in_one_chunk_take_linear_time);
    tcase_add_test(cost, whole_lines_allocate_nothing);
    tcase_add_test(cost, nothing_is_kept_but_a_partial_line);
    tcase_add_test(cost, long_lines_of_a_chunk_share_one_allocation);
    tcase_add_test(cost, a_partial_line_never_takes_more_than_the_longest_line);
    tcase_add_test(cost, the_rest_of_an_over_long_line_is_not_kept);
    tcase_add_test(memory, out_of_memory_is_an_error_and_leaks_nothing);
    suite_add_tcase(suite, cutting);
    suite_add_tcase(suite, cost);
    suite_add_tcase(suite, memory);

    return run_suite(suite);
}
