/* What the tests of resolvers share: one simulation, and look-ups whose outcome is written down. */
#ifndef TORC_TESTS_RESOLVER_FIXTURE_H
#define TORC_TESTS_RESOLVER_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "reactor/reactor_internal.h"
#include "tests/support/failing_memory.h"
#include "tests/support/run_tests.h"

typedef struct Outcome {
    int calls;
    int kind; /* 0: a value */
    int code;
    char text[1024];
    char addresses[1024]; /* "127.0.0.1:79 [::1]:79" */
    double lifetime;
    double when;
    TorcFunction *then; /* in the step */
    void *arg;
} Outcome;

static TorcSim *sim;
static TorcReactor *reactor;

static inline void write_addresses(const TorcAddressList *list, Outcome *outcome)
{
    size_t length = 0;
    for (size_t i = 0; i < list->count && length < sizeof(outcome->addresses); i++) {
        char text[TORC_ADDRESS_TEXT_SIZE];
        TorcAddress_format(&list->addresses[i], text, sizeof(text));
        length += (size_t)snprintf(outcome->addresses + length, sizeof(outcome->addresses) - length,
                                   i > 0 ? " %s" : "%s", text);
    }
    outcome->lifetime = list->lifetime;
}

/* A step that swallows failures, so that nothing is logged. */
static inline void note(TorcResult *result, void *arg)
{
    Outcome *outcome = arg;
    outcome->calls++;
    outcome->when = TorcReactor_seconds(reactor);
    outcome->kind = result->reason ? (int)TorcReason_kind(result->reason) : 0;
    outcome->code = result->reason ? TorcReason_code(result->reason) : 0;
    if (result->reason)
        snprintf(outcome->text, sizeof(outcome->text), "%s", TorcReason_text(result->reason));
    else
        write_addresses(result->value, outcome);
    TorcResult_clear(result);
    if (outcome->then)
        outcome->then(outcome->arg);
}

/* Begins a look-up; the deferred is the caller's. */
static inline TorcDeferred *ask_with(const char *host, const TorcResolveOptions *options,
                                     Outcome *outcome)
{
    TorcDeferred *deferred = NULL;
    *outcome = (Outcome){.then = outcome->then, .arg = outcome->arg};
    ck_assert_int_eq(TorcReactor_resolve(reactor, host, 79, options, &deferred), 0);
    ck_assert_ptr_nonnull(deferred);
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, note, outcome), 0);
    ck_assert_int_eq(outcome->calls, 0); /* never before resolve has returned */
    return deferred;
}

static inline TorcDeferred *ask(const char *host, Outcome *outcome)
{
    return ask_with(host, NULL, outcome);
}

/* Begins one and lets it go on by itself. */
static inline void start(const char *host, Outcome *outcome)
{
    TorcDeferred_detach(ask(host, outcome));
}

/* A whole look-up, of at most a minute. */
static inline const char *resolve(const char *host)
{
    static Outcome outcome;
    outcome = (Outcome){0};
    start(host, &outcome);
    for (int i = 0; i < 600 && outcome.calls == 0; i++)
        TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(outcome.calls, 1);
    return outcome.kind ? outcome.text : outcome.addresses;
}

static inline void install(TorcResolver *resolver)
{
    ck_assert_ptr_nonnull(resolver);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, resolver, NULL), 0);
    TorcResolver_unref(resolver);
}

static inline void begin(void)
{
    static const char *const one[] = {"192.0.2.1"};
    static const char *const two[] = {"2001:db8::2", "192.0.2.2"};
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    TorcSim_setAddresses(sim, "one.example", one, 1);
    TorcSim_setAddresses(sim, "two.example", two, 2);
}

/* Nothing is left behind: no look-up, no timer, no descriptor. */
static inline void end(void)
{
    char report[1000];
    ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
    TorcSim_free(sim);
}

/* ---- a resolver that answers when it is told to -------------------------------------------- */

typedef struct Scripted {
    TorcResolver base;
    int asked;
    int cancelled;
    int destroyed;
    char host[256];
    uint16_t port;
    TorcAddressFamily family;
    TorcDeferred *pending; /* the last one */
    bool at_once;          /* answers from inside resolve */
    int refuse;            /* what resolve returns */
} Scripted;

static inline TorcAddressList *scripted_list(uint16_t port)
{
    TorcAddress addresses[2] = {0};
    ck_assert_int_eq(TorcAddress_parse("2001:db8::9", port, &addresses[0]), 0);
    ck_assert_int_eq(TorcAddress_parse("192.0.2.9", port, &addresses[1]), 0);
    return TorcAddressList_new(addresses, 2);
}

static inline void scripted_cancel(TorcDeferred *deferred, void *arg)
{
    Scripted *self = arg;
    self->cancelled++;
    if (self->pending == deferred)
        self->pending = NULL;
}

static inline int scripted_resolve(TorcResolver *base, TorcReactor *r, const char *host,
                                   uint16_t port, TorcAddressFamily family,
                                   TorcDeferred **ret_addresses)
{
    Scripted *self = (Scripted *)base;
    self->asked++;
    ck_assert_ptr_eq(r, reactor);
    snprintf(self->host, sizeof(self->host), "%s", host);
    self->port = port;
    self->family = family;
    if (self->refuse)
        return self->refuse;
    TorcDeferred *deferred = TorcDeferred_new(scripted_cancel, self);
    if (!deferred)
        return -ENOMEM;
    self->pending = deferred;
    *ret_addresses = deferred;
    if (self->at_once) {
        TorcAddressList *list = scripted_list(port);
        self->pending = NULL;
        if (list)
            TorcDeferred_callback(deferred, list, TorcAddressList_free);
        else
            TorcDeferred_errbackNew(deferred, TORC_CONNECTION_DNS_LOOKUP, -ENOMEM, NULL);
    }
    return 0;
}

static inline void scripted_destroy(TorcResolver *base)
{
    ((Scripted *)base)->destroyed++;
}

static const TorcResolverClass scripted_class = {
    .size = sizeof(TorcResolverClass),
    .name = "scripted",
    .resolve = scripted_resolve,
    .destroy = scripted_destroy,
};

static inline void Scripted_init(Scripted *self)
{
    *self = (Scripted){0};
    TorcResolver_init(&self->base, &scripted_class);
}

static inline void Scripted_answer(Scripted *self, TorcAddressList *list)
{
    TorcDeferred *deferred = self->pending;
    ck_assert_ptr_nonnull(deferred);
    self->pending = NULL;
    ck_assert_int_eq(TorcDeferred_callback(deferred, list, TorcAddressList_free), 0);
}

static inline void Scripted_fail(Scripted *self, TorcReasonKind kind, int code)
{
    TorcDeferred *deferred = self->pending;
    ck_assert_ptr_nonnull(deferred);
    self->pending = NULL;
    ck_assert_int_eq(TorcDeferred_errbackNew(deferred, kind, code, "as the script says"), 0);
}

static TorcDeferred *others[3];

/* For the `then` of an outcome: what else waits is cancelled, and the resolver goes. */
static inline void cancel_others(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        others[i] = TorcDeferred_release(others[i]);
    TorcReactor_installResolver(reactor, NULL, NULL);
}

static inline int run_resolver_tests(const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 30);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    return run_case(name, tcase);
}

#define RUN_TESTS(name, ...)                                                                       \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
        return run_resolver_tests(name, tests, sizeof(tests) / sizeof(tests[0]));                  \
    }

#endif
