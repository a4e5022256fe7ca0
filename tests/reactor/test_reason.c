/* Reasons. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <torc/reactor/errors.h>
#include <torc/reactor/reason.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"

enum { FIRST_KIND = TORC_CONNECTION_DONE, LAST_KIND = TORC_OPERATION_FAILED };

START_TEST(every_kind_has_a_static_reason_with_a_line_of_text)
{
    for (int kind = FIRST_KIND; kind <= LAST_KIND; kind++) {
        TorcReason *reason = TorcReason_static((TorcReasonKind)kind);
        ck_assert_int_eq(TorcReason_kind(reason), kind);
        ck_assert_int_eq(TorcReason_code(reason), 0);
        const char *text = TorcReason_text(reason);
        ck_assert_uint_gt(strlen(text), 10);
        ck_assert_ptr_null(strchr(text, '\n'));
        ck_assert_int_ne(text[strlen(text) - 1], '.');
    }
}
END_TEST

START_TEST(kinds_have_names)
{
    ck_assert_str_eq(TorcReason_kindName(TORC_CONNECTION_DONE), "DONE");
    ck_assert_str_eq(TorcReason_kindName(TORC_CONNECTION_LOST), "LOST");
    ck_assert_str_eq(TorcReason_kindName(TORC_CONNECTION_DNS_LOOKUP), "DNS_LOOKUP");
    ck_assert_str_eq(TorcReason_kindName(TORC_CONNECTION_APPLICATION), "APPLICATION");
    for (int kind = FIRST_KIND; kind <= LAST_KIND; kind++)
        ck_assert_str_ne(TorcReason_kindName((TorcReasonKind)kind), "UNKNOWN");
    ck_assert_str_eq(TorcReason_kindName((TorcReasonKind)0), "UNKNOWN");
    ck_assert_str_eq(TorcReason_kindName((TorcReasonKind)(LAST_KIND + 1)), "UNKNOWN");
}
END_TEST

START_TEST(a_format_makes_the_text)
{
    FailingMemory_start(-1);
    TorcReason *reason =
        TorcReason_new(TORC_CONNECTION_APPLICATION, -EPROTO, "line %d is too long", 7);
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_APPLICATION);
    ck_assert_int_eq(TorcReason_code(reason), -EPROTO);
    ck_assert_str_eq(TorcReason_text(reason), "line 7 is too long");
    ck_assert_ptr_null(TorcReason_unref(reason));
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(without_a_format_kind_and_code_explain_themselves)
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_LOST, -ECONNRESET, NULL);
    char expected[256];
    snprintf(expected, sizeof(expected), "%s: %s",
             TorcReason_text(TorcReason_static(TORC_CONNECTION_LOST)), strerror(ECONNRESET));
    ck_assert_str_eq(TorcReason_text(reason), expected);
    TorcReason_unref(reason);
}
END_TEST

START_TEST(a_code_given_positive_is_kept_negative)
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_DNS_LOOKUP, TORC_ELOOKUP, NULL);
    ck_assert_int_eq(TorcReason_code(reason), -TORC_ELOOKUP);
    TorcReason_unref(reason);
}
END_TEST

START_TEST(without_code_and_format_it_is_the_static_reason)
{
    FailingMemory_start(-1);
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_DONE, 0, NULL);
    ck_assert_ptr_eq(reason, TorcReason_static(TORC_CONNECTION_DONE));
    ck_assert_int_eq(FailingMemory_allocations(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(the_text_is_one_line_whatever_was_formatted) /* BUG-22 */
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_TLS, 0, "a\r\nb\x1b[2J\x7f.");
    ck_assert_str_eq(TorcReason_text(reason), "a  b [2J .");
    TorcReason_unref(reason);
}
END_TEST

START_TEST(a_long_text_is_kept_whole)
{
    char word[10000];
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_FAILED, 0, "<%s>", word);
    ck_assert_uint_eq(strlen(TorcReason_text(reason)), sizeof(word) - 1 + 2);
    TorcReason_unref(reason);
}
END_TEST

START_TEST(a_reference_keeps_it)
{
    FailingMemory_start(-1);
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_LOST, -EPIPE, "%s", "kept");
    TorcReason *kept = TorcReason_ref(reason);
    ck_assert_ptr_eq(kept, reason);
    TorcReason_unref(reason);
    ck_assert_str_eq(TorcReason_text(kept), "kept");
    ck_assert_int_eq(FailingMemory_live(), 1);
    TorcReason_unref(kept);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(static_reasons_are_not_counted)
{
    TorcReason *reason = TorcReason_static(TORC_CONNECTION_ABORTED);
    ck_assert_ptr_eq(TorcReason_ref(reason), reason);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_null(TorcReason_unref(reason));
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_ABORTED);
}
END_TEST

START_TEST(null_may_be_referenced_and_released)
{
    ck_assert_ptr_null(TorcReason_ref(NULL));
    ck_assert_ptr_null(TorcReason_unref(NULL));
}
END_TEST

START_TEST(null_says_what_the_static_reason_of_a_loss_says)
{
    const TorcReason *lost = TorcReason_static(TORC_CONNECTION_LOST);
    ck_assert_int_eq(TorcReason_kind(NULL), TORC_CONNECTION_LOST);
    ck_assert_int_eq(TorcReason_code(NULL), 0);
    ck_assert_str_eq(TorcReason_text(NULL), TorcReason_text(lost));
}
END_TEST

START_TEST(out_of_memory_gives_the_static_reason_of_the_kind)
{
    FailingMemory_start(0);
    ck_assert_ptr_eq(TorcReason_new(TORC_CONNECTION_LOST, -ECONNRESET, NULL),
                     TorcReason_static(TORC_CONNECTION_LOST));
    FailingMemory_start(0);
    ck_assert_ptr_eq(TorcReason_new(TORC_CONNECTION_TLS, 0, "bad record %d", 3),
                     TorcReason_static(TORC_CONNECTION_TLS));
    FailingMemory_stop();
}
END_TEST

START_TEST(a_kind_that_does_not_exist_becomes_lost)
{
    ck_assert_int_eq(TorcReason_kind(TorcReason_static((TorcReasonKind)0)), TORC_CONNECTION_LOST);
    ck_assert_int_eq(TorcReason_kind(TorcReason_static((TorcReasonKind)99)), TORC_CONNECTION_LOST);
    TorcReason *reason = TorcReason_new((TorcReasonKind)-1, -EIO, NULL);
    ck_assert_int_eq(TorcReason_kind(reason), TORC_CONNECTION_LOST);
    TorcReason_unref(reason);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("reason");
    tcase_add_test(tcase, every_kind_has_a_static_reason_with_a_line_of_text);
    tcase_add_test(tcase, kinds_have_names);
    tcase_add_test(tcase, a_format_makes_the_text);
    tcase_add_test(tcase, without_a_format_kind_and_code_explain_themselves);
    tcase_add_test(tcase, a_code_given_positive_is_kept_negative);
    tcase_add_test(tcase, without_code_and_format_it_is_the_static_reason);
    tcase_add_test(tcase, the_text_is_one_line_whatever_was_formatted);
    tcase_add_test(tcase, a_long_text_is_kept_whole);
    tcase_add_test(tcase, a_reference_keeps_it);
    tcase_add_test(tcase, static_reasons_are_not_counted);
    tcase_add_test(tcase, null_may_be_referenced_and_released);
    tcase_add_test(tcase, null_says_what_the_static_reason_of_a_loss_says);
    tcase_add_test(tcase, out_of_memory_gives_the_static_reason_of_the_kind);
    tcase_add_test(tcase, a_kind_that_does_not_exist_becomes_lost);
    return run_case("reason", tcase);
}
