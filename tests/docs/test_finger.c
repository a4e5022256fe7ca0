/* The code of docs/finger.md. Every block of C on that page stands in this file (howto_test.sh sees to
 * that). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

static TorcSim *sim;
static char shown[200];

static void show(TorcResult *result, void *arg)
{
    const TorcFingerReply *reply = result->value;

    (void)arg;
    if (result->reason)
        snprintf(shown, sizeof(shown), "no answer: %s", TorcReason_text(result->reason));
    else
        torc_finger_filter(reply->text, reply->length, 0, shown, sizeof(shown));
    TorcResult_clear(result);
}

static int ask(TorcReactor *reactor, TorcClientEndpoint *endpoint, TorcDeferred **ret_reply)
{
    TorcFactory *question = TorcFingerClientFactory_new(reactor, "ann", NULL);
    TorcDeferred *reply;

    if (!question)
        return -errno;
    int r = TorcClientEndpoint_connect(endpoint, question, &reply);
    TorcFactory_unref(question);
    if (r < 0)
        return r;
    TorcDeferred_addCallback(reply, torc_finger_awaitReply, NULL);
    *ret_reply = reply;
    return 0;
}

static void set_up(void)
{
    sim = TorcSim_new(1);
    shown[0] = '\0';
}

static void tear_down(void)
{
    TorcSim_free(sim);
}

START_TEST(the_question_asks_by_an_endpoint)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcClientEndpoint *endpoint = TorcUNIXClientEndpoint_new(reactor, "/run/finger.sock", NULL);
    TorcDeferred *reply = NULL;
    ck_assert_int_eq(TorcSim_listenUNIX(sim, "/run/finger.sock"), 0);
    ck_assert_int_eq(ask(reactor, endpoint, &reply), 0);
    TorcClientEndpoint_unref(endpoint);
    TorcDeferred_addBoth(reply, show, NULL);
    TorcDeferred_detach(reply);
    TorcSim_advance(sim, 0);
    TorcSimPeer *peer = TorcSim_acceptUNIX(sim, "/run/finger.sock");
    TorcSimPeer_send(peer, "Login: \033ann\r\n");
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(shown, "Login: ?ann\n");
}
END_TEST

START_TEST(one_call_asks_by_tcp)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcDeferred *reply = NULL;
    int r;
    TorcSim_blackHole(sim, "192.0.2.1");
    r = TorcReactor_finger(reactor, "ann@192.0.2.1", TORC_FINGER_CLIENT_OPTIONS(.timeout = 10),
                           &reply);
    ck_assert_int_eq(r, 0);
    TorcDeferred_addBoth(reply, show, NULL);
    TorcDeferred_detach(reply);
    TorcSim_advance(sim, 9.9);
    ck_assert_str_eq(shown, "");
    TorcSim_advance(sim, 0.1);
    ck_assert_msg(strncmp(shown, "no answer: ", 11) == 0, "%s", shown);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("finger how-to");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, the_question_asks_by_an_endpoint);
    tcase_add_test(tests, one_call_asks_by_tcp);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
