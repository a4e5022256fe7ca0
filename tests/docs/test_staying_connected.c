/* The code of "Servers" and "Staying connected" in docs/services.md, run in a simulation. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

static TorcSim *sim;
static int subscriptions, complaints;
static char news[64];

/* ---- a client that logs in ------------------------------------------------------------------ */

typedef struct Feed {
    TorcLineReceiver base;
    TorcDeferred *logged_in; /* until the server has answered; else NULL */
} Feed;

static void give_up(TorcDeferred *logged_in, void *arg)
{
    (void)logged_in;
    Feed *feed = arg;
    feed->logged_in = NULL;
}

static void log_in(TorcResult *result, TorcProtocol *protocol, void *arg)
{
    Feed *feed = (Feed *)protocol;
    const char *user = arg;
    TorcTransport_printf(protocol->transport, "LOGIN %s\r\n", user);
    feed->logged_in = TorcDeferred_new(give_up, feed);
    TorcDeferred_addTimeout(feed->logged_in, TorcTransport_getReactor(protocol->transport), 10.0);
    TorcResult_wait(result, feed->logged_in);
}

static void take_answer(Feed *feed, const char *line)
{
    TorcDeferred *logged_in = feed->logged_in;
    feed->logged_in = NULL;
    if (strcmp(line, "WELCOME") == 0)
        TorcDeferred_callback(logged_in, NULL, NULL);
    else
        TorcDeferred_errbackNew(logged_in, TORC_CONNECTION_APPLICATION, -EACCES,
                                "the server would not have us: %s", line);
}

static void feed_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    Feed *feed = (Feed *)self;
    if (feed->logged_in)
        take_answer(feed, line);
    else
        snprintf(news, sizeof(news), "%.*s", (int)length, line);
}

static const TorcLineReceiverClass feed_class = {
    TORC_LINE_RECEIVER_CLASS("feed", Feed),
    .lineReceived = feed_lineReceived,
};

static TorcClientService *new_feed(TorcClientEndpoint *endpoint, TorcFactory *factory, char *user)
{
    return TorcClientService_new(
        endpoint, factory,
        TORC_CLIENT_SERVICE_OPTIONS(.maxDelay = 30.0, .prepareConnection = log_in, .arg = user));
}

/* ---- what is done with it ------------------------------------------------------------------- */

static void subscribe(TorcResult *result, void *arg)
{
    (void)arg;
    TorcProtocol *protocol = result->value;
    TorcTransport_printf(protocol->transport, "SUBSCRIBE\r\n");
    subscriptions++;
}

static void complain(TorcResult *result, void *arg)
{
    (void)arg;
    complaints++;
    TorcResult_clear(result);
}

static void begin_feed(TorcClientService *feed)
{
    TorcDeferred *connected = TorcClientService_whenConnected(feed, 3);
    TorcDeferred_addCallbacks(connected, subscribe, complain, NULL);
    TorcDeferred_detach(connected);
}

static void stay_alive(TorcResult *result, void *arg)
{
    (void)result;
    TorcClientService *feed = arg;
    TorcProtocol *protocol = TorcClientService_protocol(feed);
    if (protocol)
        TorcTransport_printf(protocol->transport, "PING\r\n");
}

/* ---- a server ------------------------------------------------------------------------------ */

static TorcServerService *new_server(TorcReactor *reactor, TorcFactory *factory)
{
    TorcServerEndpoint *endpoint;
    int r = TorcServerEndpoint_fromString(reactor, "tcp:8881", &endpoint, NULL);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    TorcServerService *server = TorcServerService_new(endpoint, factory);
    TorcServerEndpoint_unref(endpoint);
    return server;
}

/* ---- and that it works --------------------------------------------------------------------- */

static TorcClientService *feed;
static TorcService *beats;

static void begin(void)
{
    sim = TorcSim_new(1);
    subscriptions = complaints = 0;
    news[0] = '\0';
    static char user[] = "ann";
    TorcClientEndpoint *endpoint;
    ck_assert_int_eq(TorcClientEndpoint_fromString(TorcSim_reactor(sim),
                                                   "tcp:192.0.2.1:7:timeout=5", &endpoint, NULL),
                     0);
    TorcFactory *factory = TorcFactory_forProtocol(&feed_class.protocol);
    feed = new_feed(endpoint, factory, user);
    ck_assert_ptr_nonnull(feed);
    TorcClientEndpoint_unref(endpoint);
    TorcFactory_unref(factory);
    beats = TorcTimerService_new(TorcSim_reactor(sim), 20.0, stay_alive, feed);
    ck_assert_int_eq(TorcService_start(TorcClientService_service(feed)), 0);
    ck_assert_int_eq(TorcService_start(beats), 0);
    begin_feed(feed);
}

static void end(void)
{
    TorcService_unref(beats);
    ck_assert_ptr_null(TorcClientService_unref(feed));
    TorcSim_free(sim);
}

static TorcSimPeer *next_login(const char *answer)
{
    TorcSimPeer *peer = TorcSim_accept(sim, 7);
    ck_assert_ptr_nonnull(peer);
    ck_assert_str_eq(TorcSimPeer_received(peer), "LOGIN ann\r\n");
    ck_assert_ptr_null(TorcClientService_protocol(feed));
    TorcSimPeer_send(peer, answer);
    TorcSimPeer_clear(peer);
    TorcSim_advance(sim, 0);
    return peer;
}

START_TEST(it_subscribes_when_it_has_logged_in)
{
    TorcSim_listen(sim, "192.0.2.1", 7);
    TorcSim_advance(sim, 0);
    TorcSimPeer *peer = next_login("WELCOME\r\nnews\r\n");
    ck_assert_int_eq(subscriptions, 1);
    ck_assert_str_eq(news, "news");
    TorcSim_advance(sim, 20);
    ck_assert_str_eq(TorcSimPeer_received(peer), "SUBSCRIBE\r\nPING\r\n");
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 1);
    next_login("WELCOME\r\n");
    ck_assert_ptr_nonnull(TorcClientService_protocol(feed));
}
END_TEST

START_TEST(three_refusals_are_a_complaint)
{
    TorcSim_listen(sim, "192.0.2.1", 7);
    TorcSim_advance(sim, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(complaints, 0);
        next_login("NO\r\n");
        TorcSim_advance(sim, 2.25);
    }
    ck_assert_int_eq(complaints, 1);
    next_login("WELCOME\r\n");
    ck_assert_ptr_nonnull(TorcClientService_protocol(feed));
}
END_TEST

START_TEST(a_server_that_does_not_answer_the_login_is_given_up)
{
    TorcSim_listen(sim, "192.0.2.1", 7);
    TorcSim_advance(sim, 0);
    TorcSimPeer *peer = next_login("");
    TorcSim_advance(sim, 10);
    ck_assert(TorcSimPeer_gotEnd(peer) || TorcSimPeer_gotReset(peer));
    TorcSim_advance(sim, 1);
    next_login("WELCOME\r\n");
    ck_assert_int_eq(subscriptions, 1);
}
END_TEST

START_TEST(a_server_listens_while_it_runs)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcServerService *server = new_server(TorcSim_reactor(sim), factory);
    ck_assert_int_eq(TorcService_start(TorcServerService_service(server)), 0);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, 8881));
    ck_assert_ptr_null(TorcServerService_unref(server));
    ck_assert_ptr_null(TorcSim_connect(sim, 8881));
    TorcFactory_unref(factory);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("staying connected");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, it_subscribes_when_it_has_logged_in);
    tcase_add_test(tcase, three_refusals_are_a_complaint);
    tcase_add_test(tcase, a_server_that_does_not_answer_the_login_is_given_up);
    tcase_add_test(tcase, a_server_listens_while_it_runs);
    Suite *suite = suite_create("staying connected");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
