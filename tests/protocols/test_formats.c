/* Bytes from outside that look like a format of printf are text: in answers, in reasons, in the log
 * and in what endpoints say. */
#include "finger_fixture.h"

#define FORMATS "%n%s%s%s%1000000x%*d%%"

static char logged[400];

static void keep(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    if (strcmp(event->name, "formats") == 0)
        (void)TorcLogEvent_format(event, logged, sizeof(logged));
}

START_TEST(an_answer_repeats_them) /* BUG-23 */
{
    listen_with(NULL);
    check_answer(FORMATS "\r\n", FORMATS ": no such user\r\n");
}
END_TEST

START_TEST(a_reason_repeats_them) /* BUG-23 */
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_LOST, -ECONNRESET, "%s", FORMATS);
    ck_assert_str_eq(TorcReason_text(reason), FORMATS);
    TorcReason_unref(reason);
}
END_TEST

START_TEST(the_log_repeats_them) /* BUG-23 */
{
    TorcLogField field = TORC_LOG_BYTES("query", FORMATS, strlen(FORMATS));
    torc_setLogObserver(keep, NULL, TORC_LOG_DEBUG);
    torc_log(NULL, TORC_LOG_INFO, "formats", &field, 1);
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    ck_assert_str_eq(logged, "formats query=\"" FORMATS "\"");
}
END_TEST

START_TEST(what_is_wrong_with_an_endpoint_repeats_them) /* BUG-23 */
{
    TorcServerEndpoint *endpoint;
    TorcReason *reason;
    ck_assert_int_eq(
        TorcServerEndpoint_fromString(TorcSim_reactor(sim), FORMATS ":1", &endpoint, &reason),
        -TORC_EENDPOINT);
    ck_assert_ptr_nonnull(strstr(TorcReason_text(reason), FORMATS));
    TorcReason_unref(reason);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats");
    TCase *tests = add_case(suite, "formats");
    tcase_add_test(tests, an_answer_repeats_them);
    tcase_add_test(tests, a_reason_repeats_them);
    tcase_add_test(tests, the_log_repeats_them);
    tcase_add_test(tests, what_is_wrong_with_an_endpoint_repeats_them);
    return run_suite(suite);
}
