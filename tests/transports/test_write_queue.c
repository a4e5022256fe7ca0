/* The write queue by itself: what goes in comes out in order, once, whatever is copied or owned and
 * wherever it is cut. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "transports/write_queue_internal.h"

static TorcWritePool pool;
static TorcWriteQueue *queue;

static void end(void)
{
    torc__writeQueue_drop(&pool, &queue);
    ck_assert_ptr_null(queue);
    torc__writePool_done(&pool);
}

static void add(const char *text)
{
    ck_assert_int_eq(torc__writeQueue_add(&pool, &queue, text, strlen(text)), 0);
}

static void count_up(void *counter)
{
    ++*(int *)counter;
}

static void add_owned(const char *text, int *released)
{
    int r = torc__writeQueue_addOwned(&queue, text, strlen(text), count_up, released);
    ck_assert_int_eq(r, 0);
}

/* What one send would be offered, joined. */
static const char *offered(void)
{
    static char text[256];
    struct iovec pieces[TORC__GATHER];
    size_t bytes;
    size_t count = torc__writeQueue_gather(queue, pieces, &bytes);
    size_t length = 0;

    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_lt(length + pieces[i].iov_len, sizeof(text));
        memcpy(text + length, pieces[i].iov_base, pieces[i].iov_len);
        length += pieces[i].iov_len;
    }
    ck_assert_uint_eq(length, bytes);
    text[length] = '\0';
    return text;
}

START_TEST(small_writes_share_one_piece)
{
    struct iovec pieces[TORC__GATHER];
    size_t bytes;
    add("one ");
    add("two ");
    add("three");
    ck_assert_uint_eq(torc__writeQueue_gather(queue, pieces, &bytes), 1);
    ck_assert_str_eq(offered(), "one two three");
    ck_assert_uint_eq(torc__writeQueue_bytes(queue), 13);
    end();
}
END_TEST

START_TEST(copied_and_owned_bytes_keep_their_order)
{
    int released = 0;
    add("a");
    add_owned("b", &released);
    add("c");
    add("d");
    add_owned("e", &released);
    add_owned("f", &released);
    add("g");
    ck_assert_str_eq(offered(), "abcdefg");
    end();
    ck_assert_int_eq(released, 3);
}
END_TEST

START_TEST(consuming_stops_anywhere)
{
    static const char whole[] = "abcdefghij";
    for (size_t cut = 0; cut <= 10; cut++) {
        int released = 0;
        add("ab");
        add_owned("cde", &released);
        add("fg");
        add_owned("hij", &released);
        torc__writeQueue_consume(&pool, &queue, cut);
        if (cut < 10) {
            ck_assert_str_eq(offered(), whole + cut);
            ck_assert_uint_eq(torc__writeQueue_bytes(queue), 10 - cut);
            ck_assert_int_eq(released, cut >= 5);
        } else {
            ck_assert_ptr_null(queue);
        }
        end();
        ck_assert_int_eq(released, 2);
    }
}
END_TEST

START_TEST(owned_bytes_are_released_when_their_last_byte_has_left)
{
    int released = 0;
    add_owned("abc", &released);
    torc__writeQueue_consume(&pool, &queue, 2);
    ck_assert_int_eq(released, 0);
    torc__writeQueue_consume(&pool, &queue, 1);
    ck_assert_int_eq(released, 1);
    ck_assert_ptr_null(queue);
    end();
}
END_TEST

START_TEST(owned_bytes_are_not_copied)
{
    static const char text[] = "static";
    struct iovec pieces[TORC__GATHER];
    size_t bytes;
    ck_assert_int_eq(torc__writeQueue_addOwned(&queue, text, 6, NULL, NULL), 0);
    ck_assert_uint_eq(torc__writeQueue_gather(queue, pieces, &bytes), 1);
    ck_assert_ptr_eq(pieces[0].iov_base, text);
    end();
}
END_TEST

START_TEST(no_more_pieces_are_gathered_than_one_send_takes)
{
    struct iovec pieces[TORC__GATHER];
    size_t bytes;
    int released = 0;
    for (int i = 0; i < TORC__GATHER + 10; i++)
        add_owned("x", &released);
    ck_assert_uint_eq(torc__writeQueue_gather(queue, pieces, &bytes), TORC__GATHER);
    ck_assert_uint_eq(bytes, TORC__GATHER);
    torc__writeQueue_consume(&pool, &queue, bytes);
    ck_assert_uint_eq(torc__writeQueue_gather(queue, pieces, &bytes), 10);
    end();
    ck_assert_int_eq(released, TORC__GATHER + 10);
}
END_TEST

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i % 251);
}

/* Takes `length` bytes off the front and checks that they are those of the pattern from `at` on. */
static void take_pattern(size_t at, size_t length)
{
    size_t left = length;
    while (left > 0) {
        struct iovec pieces[TORC__GATHER];
        size_t bytes;
        torc__writeQueue_gather(queue, pieces, &bytes);
        const uint8_t *data = pieces[0].iov_base;
        size_t count = pieces[0].iov_len < left ? pieces[0].iov_len : left;
        for (size_t i = 0; i < count; i++)
            if (data[i] != byte_at(at + i))
                ck_abort_msg("byte %zu is wrong", at + i);
        torc__writeQueue_consume(&pool, &queue, count);
        at += count;
        left -= count;
    }
}

START_TEST(any_mixture_of_sizes_comes_out_as_it_went_in) /* WR-2, WR-11, BUG-7, BUG-45 */
{
    static uint8_t pattern[200000 + 251];
    static const size_t sizes[] = {1, 7, 100, 4000, 16300, 16384, 16385, 40000, 3, 100000, 5};
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = byte_at(i);

    size_t in = 0;
    size_t out = 0;
    for (int round = 0; round < 200; round++) {
        size_t length = sizes[(size_t)round % 11];
        const uint8_t *data = pattern + in % 251;
        int r = round % 3 == 2 ? torc__writeQueue_addOwned(&queue, data, length, NULL, NULL)
                               : torc__writeQueue_add(&pool, &queue, data, length);
        ck_assert_int_eq(r, 0);
        in += length;
        size_t count = sizes[(size_t)round * 7 % 11];
        if (count > in - out)
            count = in - out;
        take_pattern(out, count);
        out += count;
        ck_assert_uint_eq(torc__writeQueue_bytes(queue), in - out);
    }
    take_pattern(out, in - out);
    end();
}
END_TEST

START_TEST(the_steady_state_allocates_nothing)
{
    add("warm");
    torc__writeQueue_drop(&pool, &queue);
    FailingMemory_start(0); /* the next allocation fails */
    for (int i = 0; i < 1000; i++) {
        add("message");
        torc__writeQueue_consume(&pool, &queue, 7);
    }
    ck_assert_int_eq(FailingMemory_allocations(), 0);
    FailingMemory_stop();
    end();
}
END_TEST

/* Each connection that answers in a turn has a chunk until the end of it. */
static void turn_of_answers(TorcWriteQueue **queues, int connections)
{
    for (int i = 0; i < connections; i++)
        ck_assert_int_eq(torc__writeQueue_add(&pool, &queues[i], "answer", 6), 0);
    for (int i = 0; i < connections; i++)
        torc__writeQueue_consume(&pool, &queues[i], 6);
}

START_TEST(many_connections_that_answer_in_each_turn_allocate_nothing_either)
{
    static TorcWriteQueue *queues[1000];
    turn_of_answers(queues, 1000);
    FailingMemory_start(0);
    turn_of_answers(queues, 1000);
    ck_assert_int_eq(FailingMemory_allocations(), 0);
    FailingMemory_stop();
    end();
}
END_TEST

START_TEST(the_pool_keeps_a_bounded_number_of_chunks)
{
    enum { MANY = 2 * TORC__CHUNKS_KEPT };
    static TorcWriteQueue *queues[MANY];
    turn_of_answers(queues, MANY);
    ck_assert_uint_eq(pool.free_chunk_count, TORC__CHUNKS_KEPT);
    end();
}
END_TEST

START_TEST(pieces_are_appended_in_their_order_empty_ones_too)
{
    const TorcBytes pieces[] = {{"b", 1}, {NULL, 0}, {"cd", 2}, {"e", 1}};
    size_t length = 0;
    add("a");
    ck_assert(torc__writeQueue_stage(queue, pieces, 4, &length));
    ck_assert_uint_eq(length, 4);
    torc__writeQueue_commit(queue, length);
    add("f");
    ck_assert_str_eq(offered(), "abcdef");
    ck_assert_uint_eq(torc__writeQueue_bytes(queue), 6);
    end();
}
END_TEST

START_TEST(pieces_that_do_not_all_fit_leave_the_queue_as_it_was)
{
    static char large[TORC__CHUNK_ROOM];
    const TorcBytes pieces[] = {{"b", 1}, {large, sizeof(large) - 1}};
    size_t length = 0;
    add("a");
    ck_assert(!torc__writeQueue_stage(queue, pieces, 2, &length));
    ck_assert_uint_eq(length, 0);
    add("c");
    ck_assert_str_eq(offered(), "ac");
    ck_assert(torc__writeQueue_stage(queue, &(TorcBytes){large, sizeof(large) - 2}, 1, &length));
    end();
}
END_TEST

START_TEST(copied_bytes_begin_where_anything_may_begin)
{
    add("a");
    ck_assert_uint_eq((uintptr_t)queue->data % _Alignof(max_align_t), 0);
    end();
}
END_TEST

/* A queue with content, on which the operation is tried with each allocation failing in turn. */
static void try_without_memory(int (*operation)(int *released))
{
    static char large[40000];
    for (int before = 0; before < 3; before++) {
        for (long k = 0;; k++) {
            int released = 0;
            if (before > 0)
                ck_assert_int_eq(
                    torc__writeQueue_add(&pool, &queue, large, before == 1 ? 3 : 16000), 0);
            size_t bytes = torc__writeQueue_bytes(queue);
            FailingMemory_start(k);
            int r = operation(&released);
            FailingMemory_stop();
            if (r == 0) {
                end();
                ck_assert_int_gt(k, 0);
                break;
            }
            ck_assert_int_eq(r, -ENOMEM);
            ck_assert_uint_eq(torc__writeQueue_bytes(queue), bytes);
            end();
            ck_assert_int_le(released, 1);
        }
    }
}

static int add_a_lot(int *released)
{
    static char large[40000];
    *released = 1;
    return torc__writeQueue_add(&pool, &queue, large, sizeof(large));
}

static int add_owned_byte(int *released)
{
    int r = torc__writeQueue_addOwned(&queue, "x", 1, count_up, released);
    if (r < 0)
        ck_assert_int_eq(*released, 1);
    return r;
}

START_TEST(without_memory_nothing_is_added_and_owned_bytes_are_released)
{
    try_without_memory(add_a_lot);
    try_without_memory(add_owned_byte);
}
END_TEST

START_TEST(a_size_that_would_wrap_is_refused) /* BUG-35 */
{
    ck_assert_int_eq(torc__writeQueue_add(&pool, &queue, "x", SIZE_MAX), -ENOMEM);
    ck_assert_ptr_null(queue);
    end();
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("write queue");
    tcase_add_test(tcase, small_writes_share_one_piece);
    tcase_add_test(tcase, copied_and_owned_bytes_keep_their_order);
    tcase_add_test(tcase, consuming_stops_anywhere);
    tcase_add_test(tcase, owned_bytes_are_released_when_their_last_byte_has_left);
    tcase_add_test(tcase, owned_bytes_are_not_copied);
    tcase_add_test(tcase, no_more_pieces_are_gathered_than_one_send_takes);
    tcase_add_test(tcase, any_mixture_of_sizes_comes_out_as_it_went_in);
    tcase_add_test(tcase, the_steady_state_allocates_nothing);
    tcase_add_test(tcase, many_connections_that_answer_in_each_turn_allocate_nothing_either);
    tcase_add_test(tcase, the_pool_keeps_a_bounded_number_of_chunks);
    tcase_add_test(tcase, pieces_are_appended_in_their_order_empty_ones_too);
    tcase_add_test(tcase, pieces_that_do_not_all_fit_leave_the_queue_as_it_was);
    tcase_add_test(tcase, copied_bytes_begin_where_anything_may_begin);
    tcase_add_test(tcase, without_memory_nothing_is_added_and_owned_bytes_are_released);
    tcase_add_test(tcase, a_size_that_would_wrap_is_refused);
    return run_case("write queue", tcase);
}
