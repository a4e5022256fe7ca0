/* Where a function is, as text: the file it is in and the address there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <dlfcn.h>
#include <errno.h>
#endif

#include "reactor/reactor_internal.h"

#include "../support/run_tests.h"

static const char *text_of(uintptr_t function)
{
    static char text[TORC__FUNCTION_TEXT_SIZE];
    return torc__function_text(function, text);
}

static void somewhere(void)
{
}

#ifdef __linux__

/* The number behind the last +. */
static uintptr_t offset_in(const char *text)
{
    const char *plus = strrchr(text, '+');
    ck_assert_msg(plus != NULL, "%s", text);
    return (uintptr_t)strtoull(plus + 1, NULL, 16);
}

START_TEST(a_function_is_told_by_its_file_and_its_address_there)
{
    extern const char __executable_start[]; /* where the program was loaded, or was to be */
    uintptr_t function = (uintptr_t)somewhere;
    const char *text = text_of(function);
    size_t length = strlen(program_invocation_short_name);
#ifdef __pie__
    ck_assert_uint_eq(offset_in(text), function - (uintptr_t)__executable_start);
#else
    (void)__executable_start;
    ck_assert_uint_eq(offset_in(text), function);
#endif
    ck_assert_int_eq(strncmp(text, program_invocation_short_name, length), 0);
    ck_assert_int_eq(text[length], '+');
}
END_TEST

START_TEST(a_function_of_a_library_is_told_by_the_library)
{
    Dl_info info;
    uintptr_t function = (uintptr_t)dlsym(RTLD_DEFAULT, "event_get_version");
    ck_assert_int_ne(dladdr((void *)function, &info), 0);
    const char *text = text_of(function);
    ck_assert_int_eq(strncmp(text, "libevent", strlen("libevent")), 0);
    ck_assert_uint_eq(offset_in(text), function - (uintptr_t)info.dli_fbase);
}
END_TEST

static void add_tests_of_the_system(TCase *tcase)
{
    tcase_add_test(tcase, a_function_is_told_by_its_file_and_its_address_there);
    tcase_add_test(tcase, a_function_of_a_library_is_told_by_the_library);
}

#else

START_TEST(a_function_is_told_by_its_address)
{
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "0x%" PRIxPTR, (uintptr_t)somewhere);
    ck_assert_str_eq(text_of((uintptr_t)somewhere), expected);
}
END_TEST

static void add_tests_of_the_system(TCase *tcase)
{
    tcase_add_test(tcase, a_function_is_told_by_its_address);
}

#endif

START_TEST(an_address_of_no_file_is_told_as_it_is)
{
    int local = 0;
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "0x%" PRIxPTR, (uintptr_t)&local);
    ck_assert_str_eq(text_of((uintptr_t)&local), expected);
    ck_assert_str_eq(text_of(0x10), "0x10");
    (void)snprintf(expected, sizeof(expected), "0x%" PRIxPTR, UINTPTR_MAX);
    ck_assert_str_eq(text_of(UINTPTR_MAX), expected);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("function text");
    add_tests_of_the_system(tcase);
    tcase_add_test(tcase, an_address_of_no_file_is_told_as_it_is);
    return run_case("function text", tcase);
}
