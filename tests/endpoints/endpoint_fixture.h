/* What the tests of client endpoints share: a simulation, a recording factory, and the outcome that
 * the deferred of one attempt told. */
#ifndef TORC_TESTS_ENDPOINT_FIXTURE_H
#define TORC_TESTS_ENDPOINT_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "tests/support/recorder.h"

enum { OUTCOME_TEXT_SIZE = 32768 };

/* What came of the deferred. {0}: nothing yet. */
typedef struct Outcome {
    unsigned fired;
    double seconds; /* when */
    TorcProtocol *protocol;
    TorcReasonKind kind; /* of a failure, else 0 */
    int code;
    char text[OUTCOME_TEXT_SIZE];
} Outcome;

static TorcSim *sim;
static Recording rec;
static TorcFactory *factory;
static TorcDeferred *connected; /* ours until let_go */
static Outcome outcome;

static inline void set_up(void)
{
    sim = TorcSim_new(1);
    TorcSim_setLookupDelay(sim, 0);
    rec = (Recording){.log_factory = true};
    outcome = (Outcome){0};
    connected = NULL;
    factory = &Recording_factory(&rec)->base;
}

static inline void let_go(void)
{
    connected = TorcDeferred_release(connected);
}

static inline void tear_down(void)
{
    let_go();
    TorcFactory_unref(factory);
    TorcSim_free(sim);
    sim = NULL;
    Recording_done(&rec);
}

/* Failures are handled by it: they become the value NULL. */
static inline void note_outcome(TorcResult *result, void *arg)
{
    (void)arg;
    outcome.fired++;
    outcome.seconds = sim ? TorcSim_seconds(sim) : 0;
    outcome.protocol = result->value;
    if (result->reason) {
        outcome.kind = TorcReason_kind(result->reason);
        outcome.code = TorcReason_code(result->reason);
        snprintf(outcome.text, sizeof(outcome.text), "%s", TorcReason_text(result->reason));
    }
    Recording_note(&rec, result->reason ? "failed" : "fired");
    TorcResult_clear(result);
}

/* Drops the endpoint at once: an attempt does not need it. */
static inline int try_connect(TorcClientEndpoint *endpoint)
{
    ck_assert_ptr_nonnull(endpoint);
    int r = TorcClientEndpoint_connect(endpoint, factory, &connected);
    TorcClientEndpoint_unref(endpoint);
    if (r == 0)
        ck_assert_int_eq(TorcDeferred_addBoth(connected, note_outcome, NULL), 0);
    ck_assert_uint_eq(outcome.fired, 0);
    return r;
}

static inline TorcClientEndpoint *client(TorcReactor *reactor, const char *description)
{
    TorcClientEndpoint *endpoint = NULL;
    TorcReason *reason = NULL;
    int r = TorcClientEndpoint_fromString(reactor, description, &endpoint, &reason);
    ck_assert_msg(r == 0, "%s", r < 0 ? TorcReason_text(reason) : "");
    ck_assert_ptr_null(reason);
    return endpoint;
}

static inline void connect_by(const char *description)
{
    ck_assert_int_eq(try_connect(client(TorcSim_reactor(sim), description)), 0);
}

static inline void ck_peer_is(const char *expected)
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    ck_assert_msg(outcome.protocol, "no connection: %s", outcome.text);
    TorcTransport_getPeer(outcome.protocol->transport, &address);
    ck_assert_str_eq(TorcAddress_format(&address, text, sizeof(text)), expected);
}

static inline void ck_clean(void)
{
    char report[2000];
    ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
}

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

#define RUN_ENDPOINT_TESTS(suite)                                                                  \
    do {                                                                                           \
        SRunner *runner_ = srunner_create(suite);                                                  \
        srunner_run_all(runner_, CK_NORMAL);                                                       \
        int failed_ = srunner_ntests_failed(runner_);                                              \
        srunner_free(runner_);                                                                     \
        return failed_ ? EXIT_FAILURE : EXIT_SUCCESS;                                              \
    } while (0)

#endif
