/* torc_strerror. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <torc/reactor/errors.h>

#include "../support/run_tests.h"

START_TEST(zero_is_success)
{
    ck_assert_str_eq(torc_strerror(0), "success");
}
END_TEST

START_TEST(own_codes_have_their_texts_negative_and_positive)
{
#define CHECK_TEXT(name, value, text)                                                              \
    ck_assert_int_eq(name, value);                                                                 \
    ck_assert_str_eq(torc_strerror(name), text);                                                   \
    ck_assert_str_eq(torc_strerror(-name), text);
    TORC_ERROR_MAP(CHECK_TEXT)
#undef CHECK_TEXT
}
END_TEST

START_TEST(errno_codes_have_the_texts_of_the_c_library)
{
    static const int codes[] = {EPERM, EINVAL, ECONNRESET, ECONNREFUSED, EMFILE, ENOMEM};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        ck_assert_str_eq(torc_strerror(-codes[i]), strerror(codes[i]));
        ck_assert_str_eq(torc_strerror(codes[i]), strerror(codes[i]));
    }
}
END_TEST

START_TEST(unknown_codes_are_named_by_their_number)
{
    ck_assert_ptr_nonnull(strstr(torc_strerror(-9999), "9999"));
    ck_assert_ptr_nonnull(strstr(torc_strerror(10999), "10999"));
    ck_assert_ptr_nonnull(torc_strerror(INT32_MIN));
    ck_assert_ptr_nonnull(torc_strerror(INT32_MAX));
}
END_TEST

static void *overwrite_buffer(void *arg)
{
    (void)arg;
    (void)torc_strerror(-8888);
    return NULL;
}

START_TEST(a_text_survives_calls_of_other_threads)
{
    const char *text = torc_strerror(-9999);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, overwrite_buffer, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_ptr_nonnull(strstr(text, "9999"));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("errors");
    tcase_add_test(tcase, zero_is_success);
    tcase_add_test(tcase, own_codes_have_their_texts_negative_and_positive);
    tcase_add_test(tcase, errno_codes_have_the_texts_of_the_c_library);
    tcase_add_test(tcase, unknown_codes_are_named_by_their_number);
    tcase_add_test(tcase, a_text_survives_calls_of_other_threads);
    return run_case("errors", tcase);
}
