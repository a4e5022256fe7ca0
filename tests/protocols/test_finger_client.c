/* The finger client on the simulated kernel, against peers worked by hand and against the server. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "clean_end.h"

static TorcSim *sim;
static TorcReactor *reactor;

/* What came of the deferreds: the last of them, and how many. */
static struct {
    int calls;
    int code; /* 0: a whole answer, or a cut one */
    TorcReasonKind kind;
    char text[4096];
    size_t length;
    bool truncated;
} told;

static void note_reply(const TorcFingerReply *reply)
{
    ck_assert_uint_lt(reply->length, sizeof(told.text));
    ck_assert_int_eq(reply->text[reply->length], '\0');
    told.code = reply->reason ? TorcReason_code(reply->reason) : 0;
    told.kind = reply->reason ? TorcReason_kind(reply->reason) : TORC_CONNECTION_DONE;
    memcpy(told.text, reply->text, reply->length + 1);
    told.length = reply->length;
    told.truncated = reply->truncated;
}

static void note(TorcResult *result, void *arg)
{
    ck_assert_ptr_eq(arg, &told);
    told.calls++;
    told.text[0] = '\0';
    if (result->reason) {
        told.code = TorcReason_code(result->reason);
        told.kind = TorcReason_kind(result->reason);
    } else {
        ck_assert_ptr_nonnull(result->value);
        note_reply(result->value);
    }
    TorcResult_clear(result);
}

/* Asks, and lets the outcome be noted. */
static int finger(TorcReactor *of, const char *target, const TorcFingerClientOptions *options)
{
    TorcDeferred *reply = NULL;
    int r = TorcReactor_finger(of, target, options, &reply);
    if (r == 0) {
        ck_assert_int_eq(TorcDeferred_addBoth(reply, note, &told), 0);
        TorcDeferred_detach(reply);
    } else {
        ck_assert_ptr_null(reply);
    }
    return r;
}

static void set_up(void)
{
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    memset(&told, 0, sizeof(told));
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 79), 0);
}

static void tear_down(void)
{
    end_clean(sim);
}

/* Asks, and gives the server's end of the connection. */
static TorcSimPeer *ask(const char *target, const TorcFingerClientOptions *options)
{
    ck_assert_int_eq(finger(reactor, target, options), 0);
    ck_assert_int_eq(told.calls, 0);
    TorcSim_advance(sim, 0.1);
    TorcSimPeer *peer = TorcSim_accept(sim, 79);
    ck_assert_ptr_nonnull(peer);
    return peer;
}

/* ---- asking ---------------------------------------------------------------------------------- */

START_TEST(a_query_is_sent_and_the_answer_collected_until_the_server_closes)
{
    TorcSimPeer *peer = ask("ann@127.0.0.1", NULL);
    ck_assert_str_eq(TorcSimPeer_received(peer), "ann\r\n");
    ck_assert(!TorcSimPeer_gotEnd(peer)); /* some servers take a half-close for the end */
    TorcSimPeer_send(peer, "Login: ann\r\n");
    TorcSim_advance(sim, 1.0);
    ck_assert_int_eq(told.calls, 0);
    TorcSimPeer_sendBytes(peer, "raw \033\0\377\r\n", 9);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.code, 0);
    ck_assert_int_eq(told.kind, TORC_CONNECTION_DONE);
    ck_assert(!told.truncated);
    ck_assert_uint_eq(told.length, 21);
    ck_assert_mem_eq(told.text, "Login: ann\r\nraw \033\0\377\r\n", 21);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
    TorcSim_advance(sim, 100.0);
    ck_assert_int_eq(told.calls, 1);
}
END_TEST

START_TEST(verbose_asks_with_slash_w)
{
    TorcSimPeer *peer = ask("ann@127.0.0.1", TORC_FINGER_CLIENT_OPTIONS(.verbose = true));
    ck_assert_str_eq(TorcSimPeer_received(peer), "/W ann\r\n");
}
END_TEST

START_TEST(no_user_asks_for_the_list)
{
    ck_assert_str_eq(TorcSimPeer_received(ask("@127.0.0.1", NULL)), "\r\n");
    ck_assert_str_eq(
        TorcSimPeer_received(ask("@127.0.0.1", TORC_FINGER_CLIENT_OPTIONS(.verbose = true))),
        "/W\r\n");
}
END_TEST

START_TEST(the_last_host_is_asked_to_ask_the_others)
{
    TorcSimPeer *peer = ask("ann@h1@h2@127.0.0.1", NULL);
    ck_assert_str_eq(TorcSimPeer_received(peer), "ann@h1@h2\r\n");
}
END_TEST

START_TEST(an_empty_answer_is_an_answer)
{
    TorcSimPeer_close(ask("ann@127.0.0.1", NULL));
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.code, 0);
    ck_assert_str_eq(told.text, "");
}
END_TEST

START_TEST(names_are_resolved_and_ports_used)
{
    static const char *const addresses[] = {"2001:db8::5"};
    TorcSim_setAddresses(sim, "example.org", addresses, 1);
    ck_assert_int_eq(TorcSim_listen(sim, "2001:db8::5", 7979), 0);
    ck_assert_int_eq(finger(reactor, "ann@example.org:7979", NULL), 0);
    TorcSim_advance(sim, 1.0);
    ck_assert_ptr_nonnull(TorcSim_accept(sim, 7979));
    ck_assert_int_eq(finger(reactor, "ann@[2001:db8::5]:7979", NULL), 0);
    TorcSim_advance(sim, 1.0);
    ck_assert_ptr_nonnull(TorcSim_accept(sim, 7979));
}
END_TEST

/* ---- failing --------------------------------------------------------------------------------- */

static void check_failure(const char *target, int code, TorcReasonKind kind)
{
    ck_assert_int_eq(finger(reactor, target, NULL), 0);
    ck_assert_int_eq(told.calls, 0);
    TorcSim_advance(sim, 31.0);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.code, code);
    ck_assert_int_eq(told.kind, kind);
    ck_assert_str_eq(told.text, "");
}

START_TEST(nobody_listening_is_told)
{
    check_failure("ann@127.0.0.1:7979", -ECONNREFUSED, TORC_CONNECTION_REFUSED);
}
END_TEST

START_TEST(an_unknown_host_is_told)
{
    check_failure("ann@nowhere.invalid", -TORC_ELOOKUP, TORC_CONNECTION_DNS_LOOKUP);
}
END_TEST

START_TEST(an_attempt_without_answer_times_out)
{
    TorcSim_blackHole(sim, "192.0.2.1");
    check_failure("ann@192.0.2.1", -ETIMEDOUT, TORC_CONNECTION_TIMED_OUT);
}
END_TEST

START_TEST(a_reset_is_told_with_what_came)
{
    TorcSimPeer *peer = ask("ann@127.0.0.1", NULL);
    TorcSimPeer_send(peer, "half");
    TorcSim_advance(sim, 0.1);
    TorcSimPeer_reset(peer);
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.code, -ECONNRESET);
    ck_assert_str_eq(told.text, "half");
}
END_TEST

START_TEST(the_timeout_is_for_the_whole_answer)
{
    TorcSimPeer *peer = ask("ann@127.0.0.1", TORC_FINGER_CLIENT_OPTIONS(.timeout = 10.0));
    for (int i = 0; i < 9; i++) {
        TorcSimPeer_send(peer, "."); /* trickling does not prolong it */
        TorcSim_advance(sim, 1.0);
    }
    ck_assert_int_eq(told.calls, 0);
    TorcSim_advance(sim, 1.0);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.code, -ETIMEDOUT);
    ck_assert_int_eq(told.kind, TORC_CONNECTION_TIMED_OUT);
    ck_assert_str_eq(told.text, ".........");
    ck_assert(TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(the_timeout_can_be_off)
{
    TorcSimPeer *peer = ask("ann@127.0.0.1", TORC_FINGER_CLIENT_OPTIONS(.timeout = -1.0));
    TorcSim_advance(sim, 1e6);
    ck_assert_int_eq(told.calls, 0);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(told.code, 0);
}
END_TEST

START_TEST(an_answer_beyond_the_limit_is_cut) /* BUG-4 */
{
    TorcSimPeer *peer = ask("ann@127.0.0.1", TORC_FINGER_CLIENT_OPTIONS(.limit = 10));
    TorcSimPeer_send(peer, "0123456");
    TorcSim_advance(sim, 0.1);
    TorcSimPeer_send(peer, "789abc");
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.code, 0);
    ck_assert(told.truncated);
    ck_assert_str_eq(told.text, "0123456789");
}
END_TEST

START_TEST(an_answer_as_long_as_the_limit_is_whole)
{
    TorcSimPeer *peer = ask("ann@127.0.0.1", TORC_FINGER_CLIENT_OPTIONS(.limit = 10));
    TorcSimPeer_send(peer, "0123456789");
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(told.calls, 1);
    ck_assert(!told.truncated);
    ck_assert_str_eq(told.text, "0123456789");
}
END_TEST

static void stop(void *arg)
{
    ck_assert_int_eq(TorcReactor_stop(arg), 0);
}

START_TEST(a_stopping_reactor_tells_of_requests_under_way)
{
    TorcSim_blackHole(sim, "192.0.2.1");
    ck_assert_int_eq(finger(reactor, "ann@192.0.2.1", NULL), 0);
    ck_assert_int_eq(finger(reactor, "ann@127.0.0.1", NULL), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1.0, stop, reactor, NULL), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(told.calls, 2);
}
END_TEST

START_TEST(a_freed_reactor_tells_of_requests_under_way)
{
    TorcSim *other = TorcSim_new(2);
    TorcSim_blackHole(other, "192.0.2.1");
    ck_assert_int_eq(finger(TorcSim_reactor(other), "ann@192.0.2.1", NULL), 0);
    TorcSim_free(other);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.kind, TORC_CONNECTION_SHUTDOWN);
}
END_TEST

/* ---- calling it off -------------------------------------------------------------------------- */

START_TEST(a_cancelled_attempt_is_given_up)
{
    TorcDeferred *reply;
    TorcSim_blackHole(sim, "192.0.2.1");
    ck_assert_int_eq(TorcReactor_finger(reactor, "ann@192.0.2.1", NULL, &reply), 0);
    TorcDeferred_addBoth(reply, note, &told);
    TorcSim_advance(sim, 1.0);
    TorcDeferred_cancel(reply);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.kind, TORC_OPERATION_CANCELLED);
    TorcDeferred_release(reply);
    TorcSim_advance(sim, 0.1);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
}
END_TEST

START_TEST(a_released_request_ends_its_connection)
{
    TorcDeferred *reply;
    ck_assert_int_eq(TorcReactor_finger(reactor, "ann@127.0.0.1", NULL, &reply), 0);
    TorcSim_advance(sim, 0.1);
    TorcSimPeer *peer = TorcSim_accept(sim, 79);
    TorcSimPeer_send(peer, "half");
    TorcSim_advance(sim, 0.1);
    TorcDeferred_release(reply);
    TorcSim_advance(sim, 0.1);
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
}
END_TEST

/* ---- the boundary ---------------------------------------------------------------------------- */

START_TEST(bad_arguments_are_refused) /* BUG-27 */
{
    char query[600];
    static const char *const bad[] = {
        "",
        "ann",
        "ann@",
        "ann@127.0.0.1:0",
        "ann@127.0.0.1:99999",
        "/w ann@h",
        "a\nb@h",
        "a\r\nb@h",
        "\033@127.0.0.1",
        "ann@@h",
        "ann\n@h",
        "ann\r@127.0.0.1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(finger(reactor, bad[i], NULL) == -EINVAL, "%s", bad[i]);
    memset(query, 'a', sizeof(query));
    memcpy(query + sizeof(query) - 11, "@127.0.0.1", 11);
    ck_assert_int_eq(finger(reactor, query, NULL), -EINVAL);
    ck_assert_int_eq(finger(NULL, "ann@h", NULL), -EINVAL);
    ck_assert_int_eq(finger(reactor, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_finger(reactor, "ann@h", NULL, NULL), -EINVAL);
    ck_assert_int_eq(finger(reactor, "ann@h", TORC_FINGER_CLIENT_OPTIONS(.timeout = NAN)), -EINVAL);
    ck_assert_int_eq(finger(reactor, "ann@h", &(TorcFingerClientOptions){.limit = 1}), -EINVAL);
    TorcSim_advance(sim, 100.0);
    ck_assert_int_eq(told.calls, 0);
}
END_TEST

START_TEST(the_longest_query_is_sent_whole)
{
    char target[600];
    memset(target, 'a', 512);
    strcpy(target + 512, "@127.0.0.1");
    TorcSimPeer *peer = ask(target, NULL);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 514);
    ck_assert_int_eq(finger(reactor, target, TORC_FINGER_CLIENT_OPTIONS(.verbose = true)), -EINVAL);
}
END_TEST

START_TEST(initialised_options_are_the_defaults)
{
    TorcFingerClientOptions options;
    memset(&options, 0x5a, sizeof(options));
    TorcFingerClientOptions_init(&options);
    TorcSimPeer *peer = ask("ann@127.0.0.1", &options);
    ck_assert_str_eq(TorcSimPeer_received(peer), "ann\r\n");
    TorcSim_advance(sim, 29.8);
    ck_assert_int_eq(told.calls, 0);
    TorcSim_advance(sim, 0.2);
    ck_assert_int_eq(told.code, -ETIMEDOUT);
}
END_TEST

START_TEST(a_request_without_memory_fails_or_is_told_once)
{
    bool enough = false;
    TorcSimPeer_close(ask("ann@127.0.0.1", NULL)); /* what is made at first use is there */
    TorcSim_advance(sim, 0.1);
    for (long k = 0; !enough; k++) {
        memset(&told, 0, sizeof(told));
        FailingMemory_start(k);
        int r = finger(reactor, "ann@127.0.0.1", NULL);
        TorcSim_advance(sim, 0.1);
        TorcSimPeer *peer = TorcSim_accept(sim, 79);
        if (peer) {
            TorcSimPeer_send(peer, "here");
            TorcSimPeer_close(peer);
        }
        TorcSim_advance(sim, 100.0);
        enough = FailingMemory_allocations() <= k;
        FailingMemory_stop();
        ck_assert_msg(r == 0 ? told.calls == 1 : told.calls == 0, "%ld: %d, %d", k, r, told.calls);
        ck_assert(r == 0 || r == -ENOMEM);
        ck_assert(told.code < 0 || r < 0 || strcmp(told.text, "here") == 0);
        ck_assert(!enough || (r == 0 && told.code == 0));
    }
}
END_TEST

/* ---- together -------------------------------------------------------------------------------- */

static int answered;

static void check_bob(TorcResult *result, void *arg)
{
    const TorcFingerReply *reply = result->value;
    (void)arg;
    ck_assert_ptr_nonnull(reply);
    ck_assert_ptr_null(reply->reason);
    ck_assert_str_eq(reply->text, "Login: bob                      Name: Bob\r\nNo Plan.\r\n");
    answered++;
}

START_TEST(many_requests_run_at_once_against_the_server)
{
    TorcFingerTable *table = TorcFingerTable_new();
    ck_assert_int_eq(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "bob", .name = "Bob")),
                     0);
    TorcFingerFactory *factory =
        TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = &table->base));
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 7979, &factory->base,
                                           TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), NULL),
                     0);
    TorcFactory_unref(&factory->base);
    TorcFingerDirectory_unref(&table->base);

    answered = 0;
    for (int i = 0; i < 100; i++) {
        TorcDeferred *reply;
        ck_assert_int_eq(TorcReactor_finger(reactor, "bob@127.0.0.1:7979", NULL, &reply), 0);
        TorcDeferred_addBoth(reply, check_bob, NULL);
        TorcDeferred_detach(reply);
    }
    ck_assert_int_eq(answered, 0);
    TorcSim_advance(sim, 20.0);
    ck_assert_int_eq(answered, 100);
}
END_TEST

static void ask_again(TorcResult *result, void *arg)
{
    TorcDeferred *reply;
    (void)arg;
    ck_assert_int_eq(TorcReason_code(result->reason), -ECONNREFUSED);
    TorcResult_clear(result);
    if (++answered < 3 && TorcReactor_finger(reactor, "@127.0.0.1:1", NULL, &reply) == 0) {
        TorcDeferred_addBoth(reply, ask_again, NULL);
        TorcResult_wait(result, reply);
    }
}

START_TEST(a_step_may_ask_again)
{
    TorcDeferred *reply;
    answered = 0;
    ck_assert_int_eq(TorcReactor_finger(reactor, "@127.0.0.1:1", NULL, &reply), 0);
    TorcDeferred_addBoth(reply, ask_again, NULL);
    TorcDeferred_detach(reply);
    TorcSim_advance(sim, 10.0);
    ck_assert_int_eq(answered, 3);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_query_is_sent_and_the_answer_collected_until_the_server_closes);
    tcase_add_test(tests, verbose_asks_with_slash_w);
    tcase_add_test(tests, no_user_asks_for_the_list);
    tcase_add_test(tests, the_last_host_is_asked_to_ask_the_others);
    tcase_add_test(tests, an_empty_answer_is_an_answer);
    tcase_add_test(tests, names_are_resolved_and_ports_used);
    tcase_add_test(tests, nobody_listening_is_told);
    tcase_add_test(tests, an_unknown_host_is_told);
    tcase_add_test(tests, an_attempt_without_answer_times_out);
    tcase_add_test(tests, a_reset_is_told_with_what_came);
    tcase_add_test(tests, the_timeout_is_for_the_whole_answer);
    tcase_add_test(tests, the_timeout_can_be_off);
    tcase_add_test(tests, an_answer_beyond_the_limit_is_cut);
    tcase_add_test(tests, an_answer_as_long_as_the_limit_is_whole);
    tcase_add_test(tests, a_stopping_reactor_tells_of_requests_under_way);
    tcase_add_test(tests, a_freed_reactor_tells_of_requests_under_way);
    tcase_add_test(tests, a_cancelled_attempt_is_given_up);
    tcase_add_test(tests, a_released_request_ends_its_connection);
    tcase_add_test(tests, bad_arguments_are_refused);
    tcase_add_test(tests, the_longest_query_is_sent_whole);
    tcase_add_test(tests, initialised_options_are_the_defaults);
    tcase_add_test(tests, a_request_without_memory_fails_or_is_told_once);
    tcase_add_test(tests, many_requests_run_at_once_against_the_server);
    tcase_add_test(tests, a_step_may_ask_again);
    return run_case("finger client", tests);
}
