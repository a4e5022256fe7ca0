/* Whether waiting clients are the server's fault or the machine's (hostile_verdict.c). */
#include <check.h>

#include "../support/run_tests.h"
#include "hostile.h"

START_TEST(who_waits_only_beside_the_attack_waits_for_the_server)
{
    ck_assert_int_eq(verdict_of(1.3, 172, 100), TOO_SLOW);
    ck_assert_int_eq(verdict_of(6.2, 100.1, 100), TOO_SLOW);
    ck_assert_int_eq(verdict_of(6.2, 2001, 2000), TOO_SLOW);
    ck_assert_int_eq(verdict_of(0, 101, 100), TOO_SLOW); /* nobody was answered before */
}
END_TEST

START_TEST(who_waited_in_proportion_before_the_attack_does_not_tell)
{
    ck_assert_int_eq(verdict_of(11, 109, 100), NOT_JUDGED);
    ck_assert_int_eq(verdict_of(20, 200, 100), NOT_JUDGED);
    ck_assert_int_eq(verdict_of(150, 172, 100), NOT_JUDGED);
    ck_assert_int_eq(verdict_of(40, 2500, 2000), NOT_JUDGED);
}
END_TEST

START_TEST(who_waited_a_little_before_the_attack_waits_for_the_server_all_the_same)
{
    ck_assert_int_eq(verdict_of(10, 100.1, 100), TOO_SLOW);
    ck_assert_int_eq(verdict_of(11, 172, 100), TOO_SLOW);
    ck_assert_int_eq(verdict_of(11, 30000, 100), TOO_SLOW);
    ck_assert_int_eq(verdict_of(20, 201, 100), TOO_SLOW);
}
END_TEST

START_TEST(who_is_quick_beside_the_attack_is_quick_enough_on_any_machine)
{
    ck_assert_int_eq(verdict_of(1.3, 99, 100), QUICK_ENOUGH);
    ck_assert_int_eq(verdict_of(1.3, 100, 100), QUICK_ENOUGH);
    ck_assert_int_eq(verdict_of(150, 99, 100), QUICK_ENOUGH);
}
END_TEST

START_TEST(who_was_over_the_limit_before_the_attack_tells_little)
{
    ck_assert_int_eq(verdict_of(1.3, 8.4, 1), NOT_JUDGED);
    ck_assert_int_eq(verdict_of(1.3, 13, 1), NOT_JUDGED);
    ck_assert_int_eq(verdict_of(1.3, 13.1, 1), TOO_SLOW);
    ck_assert_int_eq(verdict_of(0.9, 8.4, 1), TOO_SLOW); /* kept it */
    ck_assert_int_eq(verdict_of(1.3, 0.9, 1), QUICK_ENOUGH);
    ck_assert_int_eq(verdict_of(150, 1500, 100), NOT_JUDGED);
    ck_assert_int_eq(verdict_of(150, 1501, 100), TOO_SLOW);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("verdict");
    tcase_add_test(tcase, who_waits_only_beside_the_attack_waits_for_the_server);
    tcase_add_test(tcase, who_waited_in_proportion_before_the_attack_does_not_tell);
    tcase_add_test(tcase, who_waited_a_little_before_the_attack_waits_for_the_server_all_the_same);
    tcase_add_test(tcase, who_is_quick_beside_the_attack_is_quick_enough_on_any_machine);
    tcase_add_test(tcase, who_was_over_the_limit_before_the_attack_tells_little);
    return run_case("hostile verdict", tcase);
}
