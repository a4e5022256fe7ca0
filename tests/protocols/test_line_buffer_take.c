/* The line cutter, without any connection: taking all that it holds, and putting back. */
#include "line_buffer_fixture.h"

/* ---- tests: taking all, putting back, adding ----------------------------------------------- */

static void expect_all(TorcLineBuffer *buffer, const char *expected)
{
    const char *data = "";
    size_t length = 0;

    ck_assert_int_eq(torc__lineBuffer_takeAll(buffer, &data, &length), expected[0] != '\0');
    ck_assert_uint_eq(length, strlen(expected));
    ck_assert_mem_eq(data, expected, length);
}

static void close_empty(TorcLineBuffer *buffer)
{
    TorcLineBuffer *kept;

    ck_assert_int_eq(torc__lineBuffer_close(buffer, &kept), 0);
    ck_assert_ptr_null(kept);
}

START_TEST(takeAll_gives_what_is_held_and_the_chunk_in_one_piece)
{
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    bool skipping = false;

    ck_assert(feed(&kept, &skipping, &crlf, "par", 3));
    torc__lineBuffer_open(&buffer, kept, "tial", 4);
    expect_all(&buffer, "partial");
    expect_all(&buffer, "");
    close_empty(&buffer);
}
END_TEST

START_TEST(the_tail_of_what_was_taken_is_put_back_without_a_copy)
{
    TorcLineBuffer buffer;
    const char *data;
    size_t length;

    FailingMemory_start(0);
    torc__lineBuffer_open(&buffer, NULL, "one two three", 13);
    ck_assert_int_eq(torc__lineBuffer_takeAll(&buffer, &data, &length), 1);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, data + 8, 5), 0);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, data + 4, 4), 0);
    torc__lineBuffer_release(&buffer);
    expect_all(&buffer, "two three");
    torc__lineBuffer_release(&buffer);
    close_empty(&buffer);
    ck_assert_int_eq(FailingMemory_allocations(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(the_tail_of_what_was_held_is_put_back_without_a_copy)
{
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    const char *data;
    size_t length;
    bool skipping = false;

    ck_assert(feed(&kept, &skipping, &crlf, "one two", 7));
    FailingMemory_start(0);
    torc__lineBuffer_open(&buffer, kept, NULL, 0);
    ck_assert_int_eq(torc__lineBuffer_takeAll(&buffer, &data, &length), 1);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, data + 4, 3), 0);
    ck_assert_int_eq(FailingMemory_allocations(), 0);
    FailingMemory_stop();
    torc__lineBuffer_release(&buffer);
    expect_all(&buffer, "two");
    torc__lineBuffer_release(&buffer);
    close_empty(&buffer);
}
END_TEST

START_TEST(lines_are_found_in_what_was_put_back)
{
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    const char *data;
    size_t length;
    bool skipping = false;

    start_record();
    torc__lineBuffer_open(&buffer, NULL, "raw one\r\ntwo\r\n", 14);
    ck_assert_int_eq(torc__lineBuffer_close(&buffer, &kept), 0);
    ck_assert(feed(&kept, &skipping, &crlf, "", 0));
    ck_assert_str_eq(events, "[raw one][two]");

    torc__lineBuffer_open(&buffer, NULL, "raw one\r\ntwo\r\n", 14);
    ck_assert_int_eq(torc__lineBuffer_close(&buffer, &kept), 0);
    torc__lineBuffer_open(&buffer, kept, NULL, 0);
    ck_assert_int_eq(torc__lineBuffer_takeAll(&buffer, &data, &length), 1);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, data + 4, 10), 0);
    torc__lineBuffer_release(&buffer);
    start_record();
    ck_assert(run(&buffer, &crlf));
    ck_assert_str_eq(events, "[one][two]");
    close_empty(&buffer);
}
END_TEST

START_TEST(other_bytes_are_put_in_front_as_a_copy)
{
    TorcLineBuffer buffer;
    char extra[] = "ab";

    torc__lineBuffer_open(&buffer, NULL, "rest", 4);
    ck_assert_int_eq(torc__lineBuffer_add(&buffer, " end", 4), 0);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, extra, 2), 0);
    memset(extra, 'x', 2);
    expect_all(&buffer, "abrest end");
    torc__lineBuffer_release(&buffer);
    close_empty(&buffer);
}
END_TEST

START_TEST(bytes_put_back_come_before_bytes_added_meanwhile)
{
    TorcLineBuffer buffer;
    const char *data;
    size_t length;

    torc__lineBuffer_open(&buffer, NULL, "raw line", 8);
    ck_assert_int_eq(torc__lineBuffer_takeAll(&buffer, &data, &length), 1);
    ck_assert_int_eq(torc__lineBuffer_add(&buffer, " added", 6), 0);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, data + 4, 4), 0);
    ck_assert_mem_eq(data, "raw line", 8);
    torc__lineBuffer_release(&buffer);
    expect_all(&buffer, "line added");
    torc__lineBuffer_release(&buffer);
    close_empty(&buffer);
}
END_TEST

START_TEST(what_was_given_out_stays_until_release)
{
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    char scratch[TORC__LINE_SCRATCH];
    char more[1000];
    const char *line, *all;
    size_t length, all_length;
    bool skipping = false;

    memset(more, 'm', sizeof(more));
    ck_assert(feed(&kept, &skipping, &crlf, "held li", 7));
    torc__lineBuffer_open(&buffer, kept, "ne\r\nrest", 8);
    ck_assert_int_eq(torc__lineBuffer_next(&buffer, &crlf, scratch, &line, &length),
                     TORC__LINE_READY);
    for (int i = 0; i < 10; i++) /* makes the block too small, several times */
        ck_assert_int_eq(torc__lineBuffer_add(&buffer, more, sizeof(more)), 0);
    ck_assert_int_eq(torc__lineBuffer_takeAll(&buffer, &all, &all_length), 1);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, "front", 5), 0);
    ck_assert_str_eq(line, "held line");
    ck_assert_uint_eq(all_length, 4 + 10 * sizeof(more));
    ck_assert_mem_eq(all, "restmmmm", 8);
    torc__lineBuffer_release(&buffer);
    expect_all(&buffer, "front");
    torc__lineBuffer_release(&buffer);
    close_empty(&buffer);
}
END_TEST

START_TEST(what_is_left_of_a_chunk_is_cut_later)
{
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    bool skipping = false;

    start_record();
    torc__lineBuffer_open(&buffer, NULL, "one\r\ntwo\r\nthr", 13); /* nobody asks for a line */
    ck_assert_int_eq(torc__lineBuffer_close(&buffer, &kept), 0);
    ck_assert(feed(&kept, &skipping, &crlf, "ee\r\n", 4));
    ck_assert_str_eq(events, "[one][two][three]");
    ck_assert_ptr_null(kept);
}
END_TEST

START_TEST(what_is_parked_stays_until_the_next_use_ends)
{
    TorcLineBuffer *kept = NULL;
    TorcLineBuffer buffer;
    const char *data;
    size_t length;
    bool skipping = false;

    ck_assert(feed(&kept, &skipping, &crlf, "partial", 7));
    torc__lineBuffer_open(&buffer, kept, NULL, 0);
    ck_assert_int_eq(torc__lineBuffer_takeAll(&buffer, &data, &length), 1);
    kept = torc__lineBuffer_park(&buffer);
    ck_assert_mem_eq(data, "partial", 7);

    /* Its own bytes may be an argument of the next use. */
    torc__lineBuffer_open(&buffer, kept, NULL, 0);
    ck_assert_int_eq(torc__lineBuffer_unread(&buffer, data + 3, 4), 0);
    ck_assert_int_eq(torc__lineBuffer_close(&buffer, &kept), 0);
    torc__lineBuffer_open(&buffer, kept, NULL, 0);
    expect_all(&buffer, "tial");
    torc__lineBuffer_done(torc__lineBuffer_park(&buffer));
}
END_TEST

int main(void)
{
    TCase *pieces = tcase_create("pieces");
    tcase_add_test(pieces, takeAll_gives_what_is_held_and_the_chunk_in_one_piece);
    tcase_add_test(pieces, the_tail_of_what_was_taken_is_put_back_without_a_copy);
    tcase_add_test(pieces, the_tail_of_what_was_held_is_put_back_without_a_copy);
    tcase_add_test(pieces, lines_are_found_in_what_was_put_back);
    tcase_add_test(pieces, other_bytes_are_put_in_front_as_a_copy);
    tcase_add_test(pieces, bytes_put_back_come_before_bytes_added_meanwhile);
    tcase_add_test(pieces, what_was_given_out_stays_until_release);
    tcase_add_test(pieces, what_is_left_of_a_chunk_is_cut_later);
    tcase_add_test(pieces, what_is_parked_stays_until_the_next_use_ends);
    return run_case("line buffer, pieces", pieces);
}
