/* The finger client's conversation on connections that endpoints make: over a UNIX socket, called
 * off, cut, timed out in virtual time, and out of memory. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "clean_end.h"

static const char address[] = "/run/finger.sock";

static TorcSim *sim;
static TorcReactor *reactor;
static TorcDeferred *asked; /* ours */

/* What came of `asked`. */
static struct {
    int calls;
    TorcReasonKind kind; /* of a failure, or of what cut the answer short; else 0 */
    int code;
    bool failed;
    bool truncated;
    char text[256];
} told;

static void set_up(void)
{
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    memset(&told, 0, sizeof(told));
    asked = NULL;
    ck_assert_int_eq(TorcSim_listenUNIX(sim, address), 0);
}

static void tear_down(void)
{
    asked = TorcDeferred_release(asked);
    end_clean(sim);
}

static void note(TorcResult *result, void *arg)
{
    const TorcFingerReply *reply = result->value;
    const TorcReason *reason = reply ? reply->reason : result->reason;
    (void)arg;
    told.calls++;
    told.failed = result->reason != NULL;
    ck_assert(told.failed || reply);
    told.kind = reason ? TorcReason_kind(reason) : 0;
    told.code = reason ? TorcReason_code(reason) : 0;
    told.truncated = reply && reply->truncated;
    if (reply) {
        ck_assert_uint_lt(reply->length, sizeof(told.text));
        memcpy(told.text, reply->text, reply->length + 1);
    }
    TorcResult_clear(result);
}

/* Connects over the UNIX socket by a factory, which is dropped; the deferred has no step yet. */
static void connect_unix(TorcFactory *factory)
{
    TorcClientEndpoint *endpoint = TorcUNIXClientEndpoint_new(reactor, address, NULL);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, factory, &asked), 0);
    TorcClientEndpoint_unref(endpoint);
    TorcFactory_unref(factory);
}

/* As a program does it. */
static int ask(const char *description, const char *query, const TorcFingerClientOptions *options)
{
    TorcClientEndpoint *endpoint = NULL;
    int r = TorcClientEndpoint_fromString(reactor, description, &endpoint, NULL);
    TorcFactory *question = TorcFingerClientFactory_new(reactor, query, options);
    if (r == 0)
        r = question ? TorcClientEndpoint_connect(endpoint, question, &asked) : -errno;
    TorcFactory_unref(question);
    TorcClientEndpoint_unref(endpoint);
    if (r < 0)
        return r;
    ck_assert_int_eq(TorcDeferred_addCallback(asked, torc_finger_awaitReply, NULL), 0);
    return TorcDeferred_addBoth(asked, note, NULL);
}

/* The same for a question, whose answer is noted. */
static void connect_question(TorcFactory *question)
{
    connect_unix(question);
    ck_assert_int_eq(TorcDeferred_addCallback(asked, torc_finger_awaitReply, NULL), 0);
    ck_assert_int_eq(TorcDeferred_addBoth(asked, note, NULL), 0);
}

/* The server says this and leaves. */
static void answer(TorcSimPeer *peer, const char *text)
{
    TorcSimPeer_send(peer, text);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 0);
}

/* Asks over the UNIX socket, and gives the server's end. */
static TorcSimPeer *ask_unix(const TorcFingerClientOptions *options)
{
    ck_assert_int_eq(ask("unix:/run/finger.sock", "ann", options), 0);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(told.calls, 0);
    TorcSimPeer *peer = TorcSim_acceptUNIX(sim, address);
    ck_assert_ptr_nonnull(peer);
    ck_assert_str_eq(TorcSimPeer_received(peer),
                     options && options->verbose ? "/W ann\r\n" : "ann\r\n");
    return peer;
}

/* One failure was told, of this kind. */
static void ck_failed(TorcReasonKind kind)
{
    ck_assert_int_eq(told.calls, 1);
    ck_assert(told.failed);
    ck_assert_int_eq(told.kind, kind);
}

static void ck_nothing_left(void)
{
    char report[1000];
    asked = TorcDeferred_release(asked);
    ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
}

/* ---- answers --------------------------------------------------------------------------------- */

START_TEST(an_answer_comes_over_a_unix_socket)
{
    TorcSimPeer *peer = ask_unix(TORC_FINGER_CLIENT_OPTIONS(.verbose = true));
    TorcSimPeer_send(peer, "Login: ");
    TorcSim_advance(sim, 1.0);
    TorcSimPeer_send(peer, "ann\r\n");
    ck_assert_int_eq(told.calls, 0);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.kind, 0);
    ck_assert_str_eq(told.text, "Login: ann\r\n");
    ck_nothing_left();
}
END_TEST

static void take_reply(TorcResult *result, void *arg)
{
    *(TorcFingerReply **)arg = TorcResult_take(result);
}

START_TEST(a_reply_that_was_taken_is_the_takers)
{
    TorcFingerReply *reply = NULL;
    connect_unix(TorcFingerClientFactory_new(reactor, "ann", NULL));
    TorcDeferred_addCallback(asked, torc_finger_awaitReply, NULL);
    TorcDeferred_addCallback(asked, take_reply, &reply);
    TorcSim_advance(sim, 0);
    TorcSimPeer *peer = TorcSim_acceptUNIX(sim, address);
    TorcSimPeer_send(peer, "here");
    TorcSim_advance(sim, 0);
    TorcSimPeer_reset(peer);
    TorcSim_advance(sim, 0);
    ck_nothing_left();
    ck_assert_ptr_nonnull(reply);
    ck_assert_str_eq(reply->text, "here");
    ck_assert_int_eq(TorcReason_kind(reply->reason), TORC_CONNECTION_LOST);
    TorcFingerReply_free(reply);
    TorcFingerReply_free(NULL);
}
END_TEST

START_TEST(an_answer_beyond_the_limit_is_cut_and_is_no_failure)
{
    TorcSimPeer *peer = ask_unix(TORC_FINGER_CLIENT_OPTIONS(.limit = 4));
    TorcSimPeer_send(peer, "12345");
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(told.calls, 1);
    ck_assert_int_eq(told.kind, 0);
    ck_assert(told.truncated);
    ck_assert_str_eq(told.text, "1234");
}
END_TEST

START_TEST(one_question_may_go_to_several_servers)
{
    TorcFactory *question = TorcFingerClientFactory_new(reactor, "ann", NULL);
    TorcClientEndpoint *endpoint = TorcUNIXClientEndpoint_new(reactor, address, NULL);
    for (int i = 0; i < 3; i++) {
        TorcDeferred *reply;
        ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, question, &reply), 0);
        TorcDeferred_addCallback(reply, torc_finger_awaitReply, NULL);
        TorcDeferred_addBoth(reply, note, NULL);
        TorcDeferred_detach(reply);
    }
    TorcFactory_unref(question);
    TorcClientEndpoint_unref(endpoint);
    TorcSim_advance(sim, 0);
    for (int i = 0; i < 3; i++) {
        static const char *const answers[] = {"one", "two", "three"};
        answer(TorcSim_acceptUNIX(sim, address), answers[i]);
        ck_assert_int_eq(told.calls, i + 1);
        ck_assert_str_eq(told.text, answers[i]);
    }
}
END_TEST

START_TEST(an_answer_nobody_waits_for_is_dropped)
{
    TorcClientEndpoint *endpoint = TorcUNIXClientEndpoint_new(reactor, address, NULL);
    TorcFactory *question = TorcFingerClientFactory_new(reactor, "ann", NULL);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, question, NULL), 0);
    TorcClientEndpoint_unref(endpoint);
    TorcFactory_unref(question);
    TorcSim_advance(sim, 0);
    answer(TorcSim_acceptUNIX(sim, address), "here");
    ck_nothing_left();
}
END_TEST

/* ---- failures -------------------------------------------------------------------------------- */

START_TEST(an_endpoint_that_cannot_connect_passes_its_failure_on)
{
    ck_assert_int_eq(ask("unix:/run/none.sock", "ann", NULL), 0);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(told.calls, 1);
    ck_assert(told.failed);
    ck_assert_int_eq(told.code, -ENOENT);
    ck_nothing_left();
}
END_TEST

START_TEST(a_connection_that_breaks_before_anything_came_is_a_failure)
{
    TorcSimPeer_reset(ask_unix(NULL));
    TorcSim_advance(sim, 0);
    ck_failed(TORC_CONNECTION_LOST);
    ck_nothing_left();
}
END_TEST

/* A question that may take so long is asked four seconds after it was made. */
static void ask_late(double timeout)
{
    TorcFactory *question =
        TorcFingerClientFactory_new(reactor, "ann", TORC_FINGER_CLIENT_OPTIONS(.timeout = timeout));
    TorcSim_advance(sim, 4.0);
    connect_question(question);
}

START_TEST(the_time_runs_from_the_making_of_the_question)
{
    ask_late(10.0);
    TorcSim_advance(sim, 5.9);
    ck_assert_int_eq(told.calls, 0);
    TorcSim_advance(sim, 0.1);
    ck_failed(TORC_CONNECTION_TIMED_OUT);
    ck_nothing_left();
}
END_TEST

START_TEST(a_connection_after_the_time_ends_at_once)
{
    ask_late(1.0);
    TorcSim_advance(sim, 0.01);
    ck_failed(TORC_CONNECTION_TIMED_OUT);
}
END_TEST

START_TEST(what_came_before_the_time_was_over_is_an_answer)
{
    TorcSimPeer *peer = ask_unix(TORC_FINGER_CLIENT_OPTIONS(.timeout = 2.0));
    TorcSimPeer_send(peer, "half");
    TorcSim_advance(sim, 2.0);
    ck_assert_int_eq(told.calls, 1);
    ck_assert(!told.failed);
    ck_assert_int_eq(told.kind, TORC_CONNECTION_TIMED_OUT);
    ck_assert_int_eq(told.code, -ETIMEDOUT);
    ck_assert_str_eq(told.text, "half");
    ck_nothing_left();
}
END_TEST

/* ---- calling it off -------------------------------------------------------------------------- */

START_TEST(cancelling_before_there_is_a_connection_gives_up_the_attempt)
{
    TorcSim_blackHole(sim, "192.0.2.1");
    ck_assert_int_eq(ask("tcp:192.0.2.1:79", "ann", NULL), 0);
    TorcSim_advance(sim, 1.0);
    TorcDeferred_cancel(asked);
    ck_failed(TORC_CONNECTION_CANCELLED);
    ck_nothing_left();
}
END_TEST

START_TEST(cancelling_in_the_middle_of_the_answer_aborts_the_connection)
{
    TorcSimPeer *peer = ask_unix(NULL);
    TorcSimPeer_send(peer, "half");
    TorcSim_advance(sim, 0);
    TorcDeferred_cancel(asked);
    ck_failed(TORC_OPERATION_CANCELLED);
    TorcSim_advance(sim, 0);
    ck_assert(TorcSimPeer_gotEnd(peer) || TorcSimPeer_gotReset(peer));
    TorcDeferred_cancel(asked);
    ck_assert_int_eq(told.calls, 1);
    ck_nothing_left();
}
END_TEST

START_TEST(a_timeout_on_the_deferred_covers_the_answer)
{
    connect_unix(TorcFingerClientFactory_new(reactor, "ann", NULL));
    TorcDeferred_addCallback(asked, torc_finger_awaitReply, NULL);
    ck_assert_int_eq(TorcDeferred_addTimeout(asked, reactor, 3.0), 0);
    TorcDeferred_addBoth(asked, note, NULL);
    TorcSim_advance(sim, 2.9);
    ck_assert_int_eq(told.calls, 0);
    TorcSim_advance(sim, 0.1);
    ck_failed(TORC_OPERATION_TIMED_OUT);
    ck_nothing_left();
}
END_TEST

/* ---- the boundary ---------------------------------------------------------------------------- */

START_TEST(awaiting_what_is_no_finger_connection_fails)
{
    asked = TorcDeferred_succeed(NULL, NULL);
    TorcDeferred_addCallback(asked, torc_finger_awaitReply, NULL);
    TorcDeferred_addBoth(asked, note, NULL);
    ck_assert_int_eq(told.code, -EINVAL);
    TorcDeferred_release(asked);

    connect_unix(TorcFactory_forProtocol(&torc_echo_class));
    TorcDeferred_addBoth(asked, torc_finger_awaitReply, NULL);
    TorcDeferred_addBoth(asked, note, NULL);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(told.calls, 2);
    ck_assert_int_eq(told.code, -EINVAL);
}
END_TEST

static void await_twice(TorcResult *result, void *arg)
{
    TorcResult again = *result;
    torc_finger_awaitReply(result, arg);
    torc_finger_awaitReply(&again, arg);
    ck_assert_int_eq(TorcReason_code(again.reason), -EALREADY);
    TorcResult_clear(&again);
}

START_TEST(an_answer_goes_to_one_who_waits)
{
    connect_unix(TorcFingerClientFactory_new(reactor, "ann", NULL));
    TorcDeferred_addCallback(asked, await_twice, NULL);
    TorcDeferred_addBoth(asked, note, NULL);
    TorcSim_advance(sim, 0);
    TorcSimPeer_close(TorcSim_acceptUNIX(sim, address));
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(told.calls, 1);
    ck_assert(!told.failed);
}
END_TEST

static void ck_refused(TorcReactor *of, const char *query, const TorcFingerClientOptions *options)
{
    errno = 0;
    ck_assert_ptr_null(TorcFingerClientFactory_new(of, query, options));
    ck_assert_int_eq(errno, EINVAL);
}

START_TEST(bad_questions_are_refused) /* BUG-27 */
{
    char query[TORC_FINGER_QUERY_MAX + 2];
    memset(query, 'a', sizeof(query));
    query[sizeof(query) - 1] = '\0';
    ck_refused(NULL, "ann", NULL);
    ck_refused(reactor, NULL, NULL);
    ck_refused(reactor, "ann\r\nbob", NULL);
    ck_refused(reactor, "ann@", NULL);
    ck_refused(reactor, query, NULL);
    ck_refused(reactor, query + 1, TORC_FINGER_CLIENT_OPTIONS(.verbose = true));
    ck_refused(reactor, "ann", TORC_FINGER_CLIENT_OPTIONS(.timeout = NAN));
    ck_refused(reactor, "ann", &(TorcFingerClientOptions){.limit = 1});
}
END_TEST

START_TEST(a_question_without_memory_fails_or_is_told_once)
{
    bool enough = false;
    TorcSimPeer_close(ask_unix(NULL)); /* what is made at first use is there */
    TorcSim_advance(sim, 0);
    ck_nothing_left();
    for (long k = 0; !enough; k++) {
        memset(&told, 0, sizeof(told));
        FailingMemory_start(k);
        int r = ask("unix:/run/finger.sock", "ann", NULL);
        TorcSim_advance(sim, 0);
        TorcSimPeer *peer = TorcSim_acceptUNIX(sim, address);
        if (peer) {
            TorcSimPeer_send(peer, "here");
            TorcSimPeer_close(peer);
        }
        TorcSim_advance(sim, 100.0);
        enough = FailingMemory_allocations() <= k;
        FailingMemory_stop();
        ck_assert(r == 0 || r == -ENOMEM);
        ck_assert_msg(told.calls == (r == 0), "%ld: %d, %d", k, r, told.calls);
        ck_assert(r < 0 || told.failed || told.kind || strcmp(told.text, "here") == 0);
        ck_assert(!enough || (r == 0 && !told.failed && !told.kind));
        ck_nothing_left();
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_answer_comes_over_a_unix_socket);
    tcase_add_test(tests, a_reply_that_was_taken_is_the_takers);
    tcase_add_test(tests, an_answer_beyond_the_limit_is_cut_and_is_no_failure);
    tcase_add_test(tests, one_question_may_go_to_several_servers);
    tcase_add_test(tests, an_answer_nobody_waits_for_is_dropped);
    tcase_add_test(tests, an_endpoint_that_cannot_connect_passes_its_failure_on);
    tcase_add_test(tests, a_connection_that_breaks_before_anything_came_is_a_failure);
    tcase_add_test(tests, the_time_runs_from_the_making_of_the_question);
    tcase_add_test(tests, a_connection_after_the_time_ends_at_once);
    tcase_add_test(tests, what_came_before_the_time_was_over_is_an_answer);
    tcase_add_test(tests, cancelling_before_there_is_a_connection_gives_up_the_attempt);
    tcase_add_test(tests, cancelling_in_the_middle_of_the_answer_aborts_the_connection);
    tcase_add_test(tests, a_timeout_on_the_deferred_covers_the_answer);
    tcase_add_test(tests, awaiting_what_is_no_finger_connection_fails);
    tcase_add_test(tests, an_answer_goes_to_one_who_waits);
    tcase_add_test(tests, bad_questions_are_refused);
    tcase_add_test(tests, a_question_without_memory_fails_or_is_told_once);
    return run_case("finger by endpoints", tests);
}
