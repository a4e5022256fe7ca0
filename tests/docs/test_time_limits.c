/* The code on docs/connections.md about time limits, compiled and run. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include <torc/torc.h>

enum { SERVER_PORT = 8881 };

/* ---- the page's code ----------------------------------------------------------------------- */

typedef struct Session {
    TorcLineReceiver base;
    TorcDelayedCall deadline; /* of the next line */
} Session;

static void line_is_late(void *arg)
{
    TorcLineReceiver *receiver = arg;
    TorcLineReceiver_sendLine(receiver, "too slow", 8);
    TorcTransport_loseConnection(receiver->base.transport);
}

/* From now on; for the first time {0} answers that there is no call yet. */
static void session_awaitLine(Session *session)
{
    if (TorcDelayedCall_reset(session->deadline, 30.0) == 0)
        return;
    TorcProtocol *protocol = &session->base.base;
    TorcReactor *reactor = TorcTransport_getReactor(protocol->transport);
    TorcCall *call = TORC_CALL(line_is_late, session, .protocol = protocol);
    if (TorcReactor_callLaterWith(reactor, 30.0, call, &session->deadline) < 0)
        TorcTransport_abortConnection(protocol->transport);
}

static void session_connectionMade(TorcProtocol *self)
{
    session_awaitLine((Session *)self);
}

static void session_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    session_awaitLine((Session *)self);
    TorcLineReceiver_sendLine(self, line, length);
}

static const TorcLineReceiverClass session_class = {
    TORC_LINE_RECEIVER_CLASS("session", Session),
    .protocol.connectionMade = session_connectionMade,
    .lineReceived = session_lineReceived,
};

static int serve(TorcReactor *reactor)
{
    TorcFactory *factory = TorcFactory_forProtocol(&session_class.protocol);
    if (!factory)
        return -ENOMEM;
    TorcFactory_setIdleTimeout(factory, 60.0);
    int r = TorcReactor_listenTCP(reactor, 8881, factory, NULL, NULL);
    TorcFactory_unref(factory);
    return r;
}

/* ---- tests --------------------------------------------------------------------------------- */

static TorcSim *begin_session(TorcSimPeer **ret_peer)
{
    TorcSim *sim = TorcSim_new(1);
    ck_assert_ptr_nonnull(sim);
    ck_assert_int_eq(serve(TorcSim_reactor(sim)), 0);
    *ret_peer = TorcSim_connect(sim, SERVER_PORT);
    TorcSim_advance(sim, 0);
    return sim;
}

START_TEST(who_sends_a_byte_now_and_then_is_cut_off) /* BUG-30 */
{
    TorcSimPeer *peer;
    TorcSim *sim = begin_session(&peer);
    for (int i = 0; i < 3; i++) {
        TorcSim_advance(sim, 9.9);
        TorcSimPeer_send(peer, "x");
        ck_assert(!TorcSimPeer_gotEnd(peer));
    }
    ck_assert(TorcSimPeer_expectText(peer, "too slow\r\n", 1.0));
    ck_assert(TorcSimPeer_expectEnd(peer, 1.0));
    TorcSim_free(sim);
}
END_TEST

START_TEST(who_sends_a_line_now_and_then_stays)
{
    TorcSimPeer *peer;
    TorcSim *sim = begin_session(&peer);
    for (int i = 0; i < 100; i++) {
        TorcSim_advance(sim, 29.0);
        TorcSimPeer_send(peer, "hello\r\n");
        ck_assert(TorcSimPeer_expect(peer, "hello\r\n", 1.0));
    }
    TorcSimPeer_reset(peer);
    TorcSim_advance(sim, 0);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 0);
    TorcSim_free(sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("time limits on docs/connections.md");
    TCase *tcase = tcase_create("time limits");
    tcase_add_test(tcase, who_sends_a_byte_now_and_then_is_cut_off);
    tcase_add_test(tcase, who_sends_a_line_now_and_then_stays);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
