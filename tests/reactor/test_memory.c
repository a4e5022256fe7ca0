/* The memory table. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"

START_TEST(zalloc_gives_zeroes)
{
    unsigned char *memory = torc__malloc(64);
    memset(memory, 0xff, 64);
    torc__free(memory);
    memory = torc__zalloc(64);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(memory[i], 0);
    torc__free(memory);
}
END_TEST

START_TEST(a_size_of_zero_is_no_failure)
{
    void *a = torc__malloc(0);
    void *b = torc__zalloc(0);
    void *c = torc__realloc(torc__malloc(8), 0);
    ck_assert(a && b && c);
    torc__free(a);
    torc__free(b);
    torc__free(c);
}
END_TEST

START_TEST(realloc_keeps_what_was_there)
{
    char *text = torc__strdup("torc");
    text = torc__realloc(text, 4096);
    ck_assert_str_eq(text, "torc");
    torc__free(text);
    text = torc__realloc(NULL, 8);
    ck_assert_ptr_nonnull(text);
    torc__free(text);
}
END_TEST

START_TEST(everything_goes_through_the_table)
{
    FailingMemory_start(-1);
    void *blocks[] = {torc__malloc(1), torc__zalloc(1), torc__realloc(NULL, 1), torc__strdup("")};
    ck_assert_int_eq(FailingMemory_allocations(), 4);
    ck_assert_int_eq(FailingMemory_live(), 4);
    for (int i = 0; i < 4; i++)
        torc__free(blocks[i]);
    torc__free(NULL);
    ck_assert_int_eq(FailingMemory_live(), 0);

    FailingMemory_stop();
    torc__free(torc__malloc(1));
    ck_assert_int_eq(FailingMemory_allocations(), 4);
}
END_TEST

START_TEST(a_failure_is_null_everywhere)
{
    FailingMemory_start(0);
    errno = 0;
    ck_assert_ptr_null(torc__malloc(1));
    ck_assert_int_eq(errno, ENOMEM);
    FailingMemory_start(0);
    ck_assert_ptr_null(torc__zalloc(1));
    FailingMemory_start(0);
    errno = 0;
    ck_assert_ptr_null(torc__realloc(NULL, 1));
    ck_assert_int_eq(errno, ENOMEM);
    FailingMemory_start(0);
    ck_assert_ptr_null(torc__strdup("torc"));
    FailingMemory_stop();
}
END_TEST

START_TEST(a_failed_realloc_leaves_the_old_block)
{
    FailingMemory_start(1);
    char *text = torc__strdup("torc");
    ck_assert_ptr_null(torc__realloc(text, 4096));
    ck_assert_str_eq(text, "torc");
    torc__free(text);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("memory");
    tcase_add_test(tcase, zalloc_gives_zeroes);
    tcase_add_test(tcase, a_size_of_zero_is_no_failure);
    tcase_add_test(tcase, realloc_keeps_what_was_there);
    tcase_add_test(tcase, everything_goes_through_the_table);
    tcase_add_test(tcase, a_failure_is_null_everywhere);
    tcase_add_test(tcase, a_failed_realloc_leaves_the_old_block);
    return run_case("memory", tcase);
}
