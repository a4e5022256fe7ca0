/* The code of docs/endpoints.md: an echo server and its clients. Every block of C on that page stands
 * in this file (howto_test.sh sees to that). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

static TorcSim *sim;

/* ---- listening ----------------------------------------------------------------------------- */

static int serve(TorcReactor *reactor, TorcFactory *factory, const char *description)
{
    TorcServerEndpoint *endpoint;
    TorcReason *reason;
    int r = TorcServerEndpoint_fromString(reactor, description, &endpoint, &reason);
    if (r < 0) {
        fprintf(stderr, "%s\n", TorcReason_text(reason));
        TorcReason_unref(reason);
        return r;
    }
    r = TorcServerEndpoint_listen(endpoint, factory, NULL);
    TorcServerEndpoint_unref(endpoint);
    return r;
}

/* ---- connecting ---------------------------------------------------------------------------- */

static char said[200];

static void greet(TorcResult *result, void *arg)
{
    TorcProtocol *protocol = result->value;
    (void)arg;
    TorcTransport_printf(protocol->transport, "hello\r\n");
}

static void explain(TorcResult *result, void *arg)
{
    (void)arg;
    snprintf(said, sizeof(said), "no connection: %s", TorcReason_text(result->reason));
    TorcResult_clear(result); /* dealt with */
}

static int call(TorcClientEndpoint *endpoint, TorcFactory *factory)
{
    TorcDeferred *connected;
    int r = TorcClientEndpoint_connect(endpoint, factory, &connected);
    if (r < 0)
        return r;
    r = TorcDeferred_addCallbacks(connected, greet, explain, NULL);
    TorcDeferred_detach(connected);
    return r;
}

/* ---- one of your own ----------------------------------------------------------------------- */

/* Tries one server, and when that fails the other. */
typedef struct Fallback {
    TorcClientEndpoint base;
    TorcClientEndpoint *first;
    TorcClientEndpoint *second;
} Fallback;

typedef struct Attempt {
    Fallback *fallback;
    TorcFactory *factory;
} Attempt;

static void try_second(TorcResult *result, void *arg)
{
    Attempt *attempt = arg;
    TorcDeferred *connected;
    if (result->reason && TorcReason_kind(result->reason) != TORC_CONNECTION_CANCELLED &&
        TorcClientEndpoint_connect(attempt->fallback->second, attempt->factory, &connected) == 0)
        TorcResult_wait(result, connected);
    TorcClientEndpoint_unref(&attempt->fallback->base);
    TorcFactory_unref(attempt->factory);
    free(attempt);
}

static int fallback_connect(TorcClientEndpoint *self, TorcFactory *factory,
                            TorcDeferred **ret_connected)
{
    Fallback *fallback = (Fallback *)self;
    Attempt *attempt = malloc(sizeof(*attempt));
    if (!attempt)
        return -ENOMEM;
    int r = TorcClientEndpoint_connect(fallback->first, factory, ret_connected);
    if (r < 0) {
        free(attempt);
        return r;
    }
    *attempt = (Attempt){fallback, TorcFactory_ref(factory)};
    TorcClientEndpoint_ref(self);
    TorcDeferred_addBoth(*ret_connected, try_second, attempt); /* called in any case */
    return 0;
}

static void fallback_destroy(TorcClientEndpoint *self)
{
    Fallback *fallback = (Fallback *)self;
    TorcClientEndpoint_unref(fallback->first);
    TorcClientEndpoint_unref(fallback->second);
    free(fallback);
}

static const TorcClientEndpointClass fallback_class = {
    .size = sizeof(TorcClientEndpointClass),
    .name = "fallback",
    .connect = fallback_connect,
    .destroy = fallback_destroy,
};

static TorcClientEndpoint *new_fallback(TorcClientEndpoint *first, TorcClientEndpoint *second)
{
    Fallback *fallback = calloc(1, sizeof(*fallback));
    if (!fallback)
        return NULL;
    TorcClientEndpoint_init(&fallback->base, &fallback_class, first->reactor);
    fallback->first = TorcClientEndpoint_ref(first);
    fallback->second = TorcClientEndpoint_ref(second);
    return &fallback->base;
}

/* ---- the page, tried ----------------------------------------------------------------------- */

static TorcFactory *echo;

static void set_up(void)
{
    sim = TorcSim_new(1);
    echo = TorcFactory_forProtocol(&torc_echo_class);
    said[0] = '\0';
}

static void tear_down(void)
{
    TorcFactory_unref(echo);
    TorcSim_free(sim);
}

static TorcClientEndpoint *client(const char *description)
{
    TorcClientEndpoint *endpoint = NULL;
    ck_assert_int_eq(
        TorcClientEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, NULL), 0);
    return endpoint;
}

START_TEST(served_by_a_description)
{
    ck_assert_int_eq(serve(TorcSim_reactor(sim), echo, "tcp:8881:interface=127.0.0.1"), 0);
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    TorcSimPeer_send(peer, "hello");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
}
END_TEST

START_TEST(connected_or_told_why_not)
{
    TorcClientEndpoint *endpoint = client("tcp:127.0.0.1:79");
    ck_assert_int_eq(call(endpoint, echo), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(said, "no connection: cannot connect to 127.0.0.1:79: Connection refused");

    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 79), 0);
    ck_assert_int_eq(call(endpoint, echo), 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(TorcSim_accept(sim, 79)), "hello\r\n");
    TorcClientEndpoint_unref(endpoint);
}
END_TEST

START_TEST(own_endpoint_falls_back)
{
    TorcClientEndpoint *first = client("tcp:127.0.0.1:79");
    TorcClientEndpoint *second = client("tcp:127.0.0.1:80");
    TorcClientEndpoint *endpoint = new_fallback(first, second);
    TorcClientEndpoint_unref(first);
    TorcClientEndpoint_unref(second);
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 80), 0);
    ck_assert_int_eq(call(endpoint, echo), 0);
    TorcClientEndpoint_unref(endpoint);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(TorcSim_accept(sim, 80)), "hello\r\n");
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(own_endpoint_is_cancelled_like_any_other)
{
    TorcClientEndpoint *first = client("tcp:192.0.2.1:79");
    TorcClientEndpoint *endpoint = new_fallback(first, first);
    TorcDeferred *connected;
    TorcClientEndpoint_unref(first);
    TorcSim_blackHole(sim, "192.0.2.1");
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, echo, &connected), 0);
    TorcClientEndpoint_unref(endpoint);
    ck_assert_int_eq(TorcDeferred_addErrback(connected, explain, NULL), 0);
    TorcSim_advance(sim, 1);
    TorcDeferred_release(connected);
    ck_assert_str_eq(said, "no connection: the attempt to connect was cancelled");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docs_endpoints");
    TCase *tc = tcase_create("docs_endpoints");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, served_by_a_description);
    tcase_add_test(tc, connected_or_told_why_not);
    tcase_add_test(tc, own_endpoint_falls_back);
    tcase_add_test(tc, own_endpoint_is_cancelled_like_any_other);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
