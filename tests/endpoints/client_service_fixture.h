/* What the tests of the client service share: a service on the virtual clock, the peers that it
 * connects to, an endpoint that does what it is told, and preparations. */
#ifndef TORC_TESTS_CLIENT_SERVICE_FIXTURE_H
#define TORC_TESTS_CLIENT_SERVICE_FIXTURE_H

#include "../support/failing_memory.h"
#include "endpoint_fixture.h"

/* ---- around every test --------------------------------------------------------------------- */

static TorcClientService *client_service;
static TorcService *service;
static char logged[8192];

static inline void keep_log(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    char line[512];
    TorcLogEvent_format(event, line, sizeof(line));
    strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
    strncat(logged, "\n", sizeof(logged) - strlen(logged) - 1);
}

static inline void set_up_service(void)
{
    logged[0] = '\0';
    torc_setLogObserver(keep_log, NULL, TORC_LOG_INFO);
    client_service = NULL;
    service = NULL;
    FailingMemory_start(-1);
    set_up();
}

static inline void drop_service(void)
{
    service = TorcService_unref(service);
    client_service = NULL;
}

static inline void tear_down_service(void)
{
    drop_service();
    tear_down();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    ck_assert_msg(!strstr(logged, "unhandled"), "%s", logged);
    torc_setLogObserver(NULL, NULL, TORC_LOG_WARNING);
}

#define NO_JITTER(...) TORC_CLIENT_SERVICE_OPTIONS(.jitter = -1, __VA_ARGS__)

/* Drops the endpoint: the service has it. */
static inline void make_of(TorcClientEndpoint *endpoint, const TorcClientServiceOptions *options)
{
    ck_assert_ptr_nonnull(endpoint);
    client_service = TorcClientService_new(endpoint, factory, options);
    TorcClientEndpoint_unref(endpoint);
    ck_assert_ptr_nonnull(client_service);
    service = TorcClientService_service(client_service);
}

static inline void make(const TorcClientServiceOptions *options)
{
    make_of(client(TorcSim_reactor(sim), "tcp:127.0.0.1:7:timeout=5"), options);
}

static inline void start(void)
{
    ck_assert_int_eq(TorcService_start(service), 0);
    ck_assert(service->running);
}

/* The same test once more, in a new world. */
static inline void begin_again(void)
{
    tear_down_service();
    set_up_service();
}

/* Allocation k from now on fails, and all that follow if it is to be for ever. */
static inline void fail_allocation(long k, bool for_ever)
{
    failing_memory.fail_at = failing_memory.allocations + k;
    failing_memory.for_ever = for_ever;
}

static inline void advance(double seconds)
{
    ck_assert_int_eq(TorcSim_advance(sim, seconds), 0);
}

static inline TorcSimPeer *accept_one(void)
{
    TorcSimPeer *peer = TorcSim_accept(sim, 7);
    ck_assert_ptr_nonnull(peer);
    return peer;
}

static inline void ck_nobody_connects(void)
{
    ck_assert_ptr_null(TorcSim_accept(sim, 7));
}

static inline void listen_here(void)
{
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", 7), 0);
}

/* Started, and connected to a peer. */
static inline TorcSimPeer *connect_service(const TorcClientServiceOptions *options)
{
    listen_here();
    make(options);
    start();
    advance(0);
    return accept_one();
}

static inline TorcProtocol *current(void)
{
    return TorcClientService_protocol(client_service);
}

static inline void ask(unsigned failures)
{
    connected = TorcClientService_whenConnected(client_service, failures);
    ck_assert_ptr_nonnull(connected);
    ck_assert_int_eq(TorcDeferred_addBoth(connected, note_outcome, NULL), 0);
}

static inline TorcDeferred *stop(void)
{
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcService_stop(service, &done), 0);
    ck_assert_ptr_nonnull(done);
    return done;
}

static inline bool is_over(const TorcDeferred *done)
{
    return TorcDeferred_result(done) != NULL;
}

/* Fired, with the value NULL. Released. */
static inline void ck_over(TorcDeferred *done)
{
    ck_assert(is_over(done));
    ck_assert_ptr_null(TorcDeferred_result(done)->reason);
    ck_assert_ptr_null(TorcDeferred_result(done)->value);
    TorcDeferred_release(done);
}

static inline void ck_log_is(const char *expected)
{
    ck_assert_str_eq(rec.log, expected);
}

/* ---- an endpoint that does what it is told ------------------------------------------------- */

enum { MOST_ATTEMPTS = 64 };

/* It starts no factory, and connects to nothing. */
typedef struct Dummy {
    TorcClientEndpoint base;
    int code; /* to be answered, when negative */
    int count;
    double times[MOST_ATTEMPTS];
    TorcDeferred *attempt; /* of the attempt under way */
    int cancelled;
} Dummy;

static Dummy dummy;

static inline void cancel_attempt(TorcDeferred *attempt, void *arg)
{
    (void)arg;
    ck_assert_ptr_eq(attempt, dummy.attempt);
    dummy.attempt = NULL;
    dummy.cancelled++;
}

static inline int dummy_connect(TorcClientEndpoint *self, TorcFactory *given,
                                TorcDeferred **ret_connected)
{
    (void)self;
    ck_assert_ptr_nonnull(given);
    ck_assert_int_lt(dummy.count, MOST_ATTEMPTS);
    ck_assert_ptr_null(dummy.attempt); /* attempts do not overlap */
    dummy.times[dummy.count++] = TorcSim_seconds(sim);
    if (dummy.code < 0)
        return dummy.code;
    dummy.attempt = TorcDeferred_new(cancel_attempt, NULL);
    if (!dummy.attempt)
        return -ENOMEM;
    *ret_connected = dummy.attempt;
    return 0;
}

static const TorcClientEndpointClass dummy_class = {
    .size = sizeof(TorcClientEndpointClass),
    .name = "dummy",
    .connect = dummy_connect,
};

static inline TorcClientEndpoint *new_dummy(int code)
{
    dummy = (Dummy){.code = code};
    TorcClientEndpoint_init(&dummy.base, &dummy_class, TorcSim_reactor(sim));
    return &dummy.base;
}

static inline void fail_attempt(int code)
{
    TorcDeferred *attempt = dummy.attempt;
    ck_assert_ptr_nonnull(attempt);
    dummy.attempt = NULL;
    ck_assert_int_eq(TorcDeferred_errbackNew(attempt, TORC_CONNECTION_FAILED, code, NULL), 0);
}

static inline double wait_before(int attempt)
{
    ck_assert_int_lt(attempt, dummy.count);
    return dummy.times[attempt] - dummy.times[attempt - 1];
}

/* ---- preparation --------------------------------------------------------------------------- */

typedef struct Preparation {
    int count;
    TorcDeferred *waits; /* made by wait_for_it */
    int cancelled;
    int destroyed; /* values */
    TorcProtocol *protocol;
} Preparation;

static Preparation preparation;

static inline void cancel_preparation(TorcDeferred *deferred, void *arg)
{
    (void)arg;
    ck_assert_ptr_eq(deferred, preparation.waits);
    preparation.waits = NULL;
    preparation.cancelled++;
}

static inline void prepare_slowly(TorcResult *result, TorcProtocol *protocol, void *arg)
{
    ck_assert_ptr_eq(arg, &preparation);
    ck_assert_ptr_null(result->value);
    ck_assert(TorcTransport_connected(protocol->transport));
    preparation.count++;
    preparation.protocol = protocol;
    preparation.waits = TorcDeferred_new(cancel_preparation, NULL);
    TorcResult_wait(result, preparation.waits);
}

static inline void finish_preparation(int code)
{
    TorcDeferred *waits = preparation.waits;
    ck_assert_ptr_nonnull(waits);
    preparation.waits = NULL;
    if (code < 0)
        ck_assert_int_eq(
            TorcDeferred_errbackNew(waits, TORC_CONNECTION_APPLICATION, code, "no such user"), 0);
    else
        ck_assert_int_eq(TorcDeferred_callback(waits, NULL, NULL), 0);
}

static inline void prepare_in_vain(TorcResult *result, TorcProtocol *protocol, void *arg)
{
    (void)protocol;
    (void)arg;
    preparation.count++;
    TorcResult_fail(result, TORC_CONNECTION_APPLICATION, -EACCES, "no such user");
}

static inline void count_value(void *value)
{
    (void)value;
    preparation.destroyed++;
}

static inline void prepare_at_once(TorcResult *result, TorcProtocol *protocol, void *arg)
{
    (void)arg;
    preparation.count++;
    TorcResult_set(result, protocol, count_value);
}

static inline const TorcClientServiceOptions *with_preparation(void (*prepare)(TorcResult *,
                                                                               TorcProtocol *,
                                                                               void *))
{
    static TorcClientServiceOptions options;
    preparation = (Preparation){0};
    options = *NO_JITTER(.prepareConnection = prepare, .arg = &preparation);
    return &options;
}

/* ---- a step ------------------------------------------------------------------------------ */

static int told;

static inline void drop_it(TorcResult *result, void *arg)
{
    (void)arg;
    told++;
    TorcResult_clear(result);
    drop_service();
}

/* A slow peer: it takes nothing, so that a close takes long. */
static inline TorcDeferred *stop_slowly(void)
{
    static const char much[1024 * 1024];
    TorcSimPeer *peer = connect_service(NO_JITTER());
    TorcSimPeer_stopReading(peer);
    TorcTransport_write(rec.transport, much, sizeof(much));
    advance(0);
    TorcDeferred *done = stop();
    advance(1);
    ck_assert(!is_over(done));
    return done;
}

/* Resolves the class tables, which are kept: after this the memory of a test is its own. */
static inline void warm_up(void)
{
    set_up_service();
    connect_service(NULL);
    TorcProtocol_free(TorcProtocol_new(&torc_echo_class, factory));
    drop_service();
    tear_down();
    FailingMemory_stop();
}

static inline TCase *new_service_case(const char *name, const TTest *const *tests)
{
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, warm_up, NULL);
    tcase_add_checked_fixture(tcase, set_up_service, tear_down_service);
    tcase_set_timeout(tcase, 30);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    return tcase;
}

static inline Suite *new_service_suite(const char *name, TCase *tcase)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return suite;
}

#endif
