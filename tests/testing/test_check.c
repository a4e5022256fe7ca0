/* Assertions for tests: what they accept, and what they say otherwise. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "test_suite.h"

enum { PORT = 8881 };

static char message[TORC_CHECK_MESSAGE_SIZE];
static TorcSim *sim;
static TorcSimPeer *peer;
static TorcStringTransport *wire;

/* Echoes; ends at "end", resets at "reset". */
static void server_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    if (length == 3 && memcmp(data, "end", 3) == 0)
        TorcTransport_loseConnection(self->transport);
    else if (length == 5 && memcmp(data, "reset", 5) == 0)
        TorcTransport_abortConnection(self->transport);
    else
        (void)TorcTransport_write(self->transport, data, length);
}

static const TorcProtocolClass server_class = {
    TORC_PROTOCOL_CLASS("server", TorcProtocol),
    .dataReceived = server_dataReceived,
};

static void say(const char *text)
{
    TorcSimPeer_send(peer, text);
    TorcSim_advance(sim, 0);
}

static void set_up(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&server_class);

    sim = TorcSim_new(1);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    peer = TorcSim_connect(sim, PORT);
    wire = TorcStringTransport_forProtocol(&server_class);
    memset(message, 'x', sizeof(message));
}

static void tear_down(void)
{
    TorcStringTransport_free(wire);
    TorcSim_free(sim);
}

START_TEST(what_was_received_is_compared)
{
    ck_assert_received(peer, "");
    say("hello\r\n");
    ck_assert_received(peer, "hello\r\n");
    ck_assert_received_bytes(peer, "hello\r\n", 7);
    ck_assert(torc_check_received(peer, "hello\r\n", 7, message, sizeof(message)));
    ck_assert_str_eq(message, "");
    ck_assert(!torc_check_received(peer, "hello\n", 6, message, sizeof(message)));
    ck_assert_str_eq(message, "has received other bytes than expected, from byte 5 on\n"
                              "  received: \"hello\\r\\n\"\n"
                              "  expected: \"hello\\n\"");
}
END_TEST

START_TEST(a_missing_rest_is_a_difference_either_way)
{
    say("hello");
    ck_assert(!torc_check_received(peer, "hello!", 6, message, sizeof(message)));
    ck_assert_ptr_nonnull(strstr(message, "from byte 5 on"));
    ck_assert(!torc_check_received(peer, "hell", 4, message, sizeof(message)));
    ck_assert_ptr_nonnull(strstr(message, "from byte 4 on"));
    ck_assert(!torc_check_received(peer, "", 0, NULL, 0));
}
END_TEST

START_TEST(bytes_are_escaped)
{
    TorcSimPeer_sendBytes(peer, "\0\"\\\t\xff~\x7f", 7);
    TorcSim_advance(sim, 0);
    ck_assert(!torc_check_received(peer, NULL, 0, message, sizeof(message)));
    ck_assert_ptr_nonnull(strstr(message, "received: \"\\x00\\\"\\\\\\t\\xff~\\x7f\"\n"));
}
END_TEST

START_TEST(long_texts_are_shown_around_the_difference)
{
    char text[1001];

    memset(text, 'a', 1000);
    text[1000] = '\0';
    say(text);
    text[500] = 'b';
    ck_assert(!torc_check_received(peer, text, 1000, message, sizeof(message)));
    ck_assert_ptr_nonnull(strstr(message, "from byte 500 on\n  received: ...\"aaa"));
    ck_assert_ptr_nonnull(strstr(message, "aaa\"...\n  expected: ...\"aaa"));
    ck_assert_ptr_nonnull(strstr(message, "aba"));
    ck_assert_uint_lt(strlen(message), 1100);
}
END_TEST

START_TEST(a_small_message_is_cut_between_escapes)
{
    char small[80];

    say("\r\n\r\n\r\n\r\n\r\n");
    ck_assert(!torc_check_received(peer, "", 0, small, sizeof(small)));
    ck_assert_uint_lt(strlen(small), sizeof(small));
    ck_assert(small[strlen(small) - 1] != '\\');
}
END_TEST

START_TEST(an_end_in_order_is_no_reset)
{
    say("text");
    ck_assert(!torc_check_ended(peer, message, sizeof(message)));
    ck_assert_str_eq(message, "the connection is still open; received so far: \"text\"");
    ck_assert(!torc_check_reset(peer, message, sizeof(message)));
    ck_assert_str_eq(message, "the connection is still open; received so far: \"text\"");
    say("end");
    ck_assert_ended(peer);
    ck_assert(!torc_check_reset(peer, message, sizeof(message)));
    ck_assert_str_eq(message,
                     "the connection was ended in order, not reset; received so far: \"text\"");
}
END_TEST

START_TEST(a_reset_is_no_end_in_order)
{
    say("reset");
    ck_assert_reset(peer);
    ck_assert(!torc_check_ended(peer, message, sizeof(message)));
    ck_assert_str_eq(message,
                     "the connection was reset, not ended in order; received so far: \"\"");
}
END_TEST

START_TEST(what_is_left_behind_is_named)
{
    say("end");
    TorcSimPeer_close(peer);
    ck_assert(!torc_check_clean(sim, message, sizeof(message)));
    ck_assert_str_eq(message, "left behind:\n"
                              "port [::]:8881 of factory \"factory\", protocol \"server\"\n"
                              "descriptor 1000003: socket, listening\n"
                              "descriptor 1000004: spare\n");
    ck_assert(!torc_check_clean(sim, NULL, 0));
    TorcSim_free(sim);
    sim = TorcSim_new(1);
    ck_assert(torc_check_clean(sim, message, sizeof(message)));
    ck_assert_str_eq(message, "");
    ck_assert_clean(sim);
}
END_TEST

START_TEST(what_was_written_is_compared)
{
    ck_assert_written(wire, "");
    TorcStringTransport_deliver(wire, "hello");
    ck_assert_written(wire, "hello");
    ck_assert_written_bytes(wire, "hello", 5);
    ck_assert(!torc_check_written(wire, "help", 4, message, sizeof(message)));
    ck_assert_str_eq(message, "has written other bytes than expected, from byte 3 on\n"
                              "  written: \"hello\"\n"
                              "  expected: \"help\"");
}
END_TEST

START_TEST(cuts_that_do_not_matter_are_accepted)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);

    ck_assert_cuts_do_not_matter(factory, "hello", NULL);
    ck_assert_cuts_do_not_matter(factory, "hello", TORC_FRAGMENTATION_OPTIONS(.pairLimit = 1));
    TorcFactory_unref(factory);
}
END_TEST

/* ---- assertions that fail ------------------------------------------------------------------ */

START_TEST(other_bytes_received_fail)
{
    ck_assert_received(peer, "hello");
}
END_TEST

START_TEST(an_open_connection_fails_as_ended)
{
    ck_assert_ended(peer);
}
END_TEST

START_TEST(an_open_connection_fails_as_reset)
{
    ck_assert_reset(peer);
}
END_TEST

START_TEST(other_bytes_written_fail)
{
    ck_assert_written(wire, "hello");
}
END_TEST

START_TEST(cuts_that_matter_fail)
{
    TorcFactory *factory = TorcFactory_forProtocol(&server_class);

    ck_assert_cuts_do_not_matter(factory, "end", NULL);
}
END_TEST

/* Runs them where they fail on purpose, and looks at what check was told. */
static const char *const said[] = {
    "peer: has received other bytes than expected, from byte 0 on",
    "peer: the connection is still open; received so far: \"\"",
    "peer: the connection is still open; received so far: \"\"",
    "wire: has written other bytes than expected, from byte 0 on",
    "factory: cut after byte 1 of 3, it does not behave as when fed whole",
};

static SRunner *failing_runner(void)
{
    Suite *suite = suite_create("failing");
    TCase *tcase = tcase_create("failing");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, other_bytes_received_fail);
    tcase_add_test(tcase, an_open_connection_fails_as_ended);
    tcase_add_test(tcase, an_open_connection_fails_as_reset);
    tcase_add_test(tcase, other_bytes_written_fail);
    tcase_add_test(tcase, cuts_that_matter_fail);
    suite_add_tcase(suite, tcase);
    return srunner_create(suite);
}

/* Not a test of check's own: it runs a suite inside, which a test must not. */
static int wrong_messages(void)
{
    enum { COUNT = sizeof(said) / sizeof(said[0]) };
    SRunner *runner = failing_runner();
    int wrong = 0;

    if (srunner_fork_status(runner) != CK_FORK) {
        srunner_free(runner);
        return 0; /* without fork a failure leaks what the test has made */
    }
    srunner_run_all(runner, CK_SILENT);
    TestResult **results = srunner_failures(runner);
    int failures = srunner_ntests_failed(runner);
    for (int i = 0; i < failures && i < COUNT; i++)
        if (strncmp(tr_msg(results[i]), said[i], strlen(said[i])) != 0) {
            printf("failure %d says: %s\n", i, tr_msg(results[i]));
            wrong++;
        }
    free(results);
    srunner_free(runner);
    return wrong + abs(failures - COUNT);
}

int main(void)
{
    const TTest *const tests[] = {
        what_was_received_is_compared,
        a_missing_rest_is_a_difference_either_way,
        bytes_are_escaped,
        long_texts_are_shown_around_the_difference,
        a_small_message_is_cut_between_escapes,
        an_end_in_order_is_no_reset,
        a_reset_is_no_end_in_order,
        what_is_left_behind_is_named,
        what_was_written_is_compared,
        cuts_that_do_not_matter_are_accepted,
        NULL,
    };
    int failed = run_suite(&(TestSuite){"check", set_up, tear_down, tests, NULL});
    return failed || wrong_messages() != 0;
}
