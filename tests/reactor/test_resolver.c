/* Resolving through the reactor: literals, the system's resolver, deadlines, cancelling, families,
 * and resolvers of the program's own. */
#include "resolver_fixture.h"

/* ---- literals ------------------------------------------------------------------------------ */

START_TEST(literals_are_looked_up_nowhere) /* EP-12 */
{
    ck_assert_str_eq(resolve("127.0.0.1"), "127.0.0.1:79");
    ck_assert_str_eq(resolve("::1"), "[::1]:79");
    ck_assert_str_eq(resolve("2001:0DB8::1"), "[2001:db8::1]:79");
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_LOOKUP), 0);
}
END_TEST

START_TEST(literals_are_looked_up_nowhere_with_another_resolver_either)
{
    static Scripted own; /* until the reactor is freed */
    Scripted_init(&own);
    install(&own.base);
    ck_assert_str_eq(resolve("127.0.0.1"), "127.0.0.1:79");
    ck_assert_int_eq(own.asked, 0);
}
END_TEST

START_TEST(a_literal_is_given_in_the_next_turn)
{
    Outcome outcome = {0};
    start("127.0.0.1", &outcome);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_double_eq(outcome.when, 0);
}
END_TEST

START_TEST(a_literal_of_another_family_is_a_failure) /* EP-13: addressTypes */
{
    Outcome outcome = {0};
    TorcDeferred_detach(
        ask_with("::1", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV4), &outcome));
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_DNS_LOOKUP);
    ck_assert_str_eq(outcome.text, "cannot resolve \"::1\": it has no IPv4 address");
}
END_TEST

START_TEST(a_literal_may_be_cancelled_before_it_is_given)
{
    Outcome outcome = {0};
    TorcDeferred *deferred = ask("127.0.0.1", &outcome);
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
    TorcDeferred_release(deferred);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(outcome.calls, 1);
}
END_TEST

/* ---- the system's resolver ----------------------------------------------------------------- */

START_TEST(a_name_has_its_addresses_in_order_with_the_port) /* EP-13 */
{
    ck_assert_str_eq(resolve("two.example"), "[2001:db8::2]:79 192.0.2.2:79");
    ck_assert_str_eq(resolve("TWO.Example."), "[2001:db8::2]:79 192.0.2.2:79");
}
END_TEST

START_TEST(only_the_family_that_was_asked_for_is_given) /* EP-13: addressTypes */
{
    Outcome six = {0}, four = {0}, none = {0};
    TorcDeferred_detach(
        ask_with("two.example", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV6), &six));
    TorcDeferred_detach(
        ask_with("two.example", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV4), &four));
    TorcDeferred_detach(
        ask_with("one.example", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV6), &none));
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(six.addresses, "[2001:db8::2]:79");
    ck_assert_str_eq(four.addresses, "192.0.2.2:79");
    ck_assert_str_eq(none.text, "cannot resolve \"one.example\": it has no IPv6 address");
    ck_assert_int_eq(none.code, -TORC_ELOOKUP);
}
END_TEST

START_TEST(an_unknown_name_is_a_failure_that_names_it) /* EP-8 */
{
    Outcome outcome = {0};
    start("no\"such\x01.example", &outcome);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_DNS_LOOKUP);
    ck_assert_int_eq(outcome.code, -TORC_ELOOKUP);
    ck_assert_ptr_eq(strstr(outcome.text, "cannot resolve \"no\\x22such\\x01.example\": "),
                     outcome.text);
}
END_TEST

START_TEST(a_look_up_is_cancelled_at_the_system) /* EP-12, EP-13: Twisted cannot */
{
    Outcome outcome = {0};
    TorcSim_setLookupDelay(sim, 5);
    TorcDeferred *deferred = ask("one.example", &outcome);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(outcome.calls, 0);
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
    ck_assert_uint_eq(TorcSim_checkClean(sim, NULL, 0), 0);
    TorcDeferred_release(deferred);
    TorcSim_advance(sim, 10);
    ck_assert_int_eq(outcome.calls, 1);
}
END_TEST

START_TEST(a_look_up_that_ended_cannot_be_cancelled)
{
    Outcome outcome = {0};
    TorcDeferred *deferred = ask("one.example", &outcome);
    TorcSim_advance(sim, 1);
    TorcDeferred_cancel(deferred);
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_str_eq(outcome.addresses, "192.0.2.1:79");
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(a_look_up_that_the_system_does_not_take_is_a_failure)
{
    Outcome outcome = {0};
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_LOOKUP, .error = EAGAIN));
    start("one.example", &outcome);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_DNS_LOOKUP);
    ck_assert_int_eq(outcome.code, -EAGAIN);
}
END_TEST

/* ---- the deadline -------------------------------------------------------------------------- */

START_TEST(a_look_up_ends_after_sixty_seconds) /* EP-12, BUG-20 */
{
    Outcome outcome = {0};
    TorcSim_setLookupDelay(sim, 1000);
    start("one.example", &outcome);
    TorcSim_advance(sim, 59.999);
    ck_assert_int_eq(outcome.calls, 0);
    TorcSim_advance(sim, 0.001);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_TIMED_OUT);
    ck_assert_int_eq(outcome.code, -ETIMEDOUT);
    ck_assert_str_eq(outcome.text, "cannot resolve \"one.example\" within 60 s");
}
END_TEST

START_TEST(the_deadline_is_the_callers)
{
    Outcome soon = {0}, never = {0};
    TorcSim_setLookupDelay(sim, 1000);
    TorcDeferred_detach(ask_with("one.example", TORC_RESOLVE_OPTIONS(.timeout = 0.5), &soon));
    TorcDeferred_detach(ask_with("one.example", TORC_RESOLVE_OPTIONS(.timeout = -1), &never));
    TorcSim_advance(sim, 0.5);
    ck_assert_str_eq(soon.text, "cannot resolve \"one.example\" within 0.5 s");
    TorcSim_advance(sim, 999.4);
    ck_assert_int_eq(never.calls, 0);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(never.addresses, "192.0.2.1:79");
}
END_TEST

START_TEST(an_answer_in_time_ends_the_deadline)
{
    ck_assert_str_eq(resolve("one.example"), "192.0.2.1:79");
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
}
END_TEST

/* ---- many ---------------------------------------------------------------------------------- */

enum { MANY = 10000 };

START_TEST(ten_thousand_names_are_resolved_at_once_and_each_fires_once)
{
    static Outcome outcomes[MANY];
    memset(outcomes, 0, sizeof(outcomes));
    for (int i = 0; i < MANY; i++)
        start(i % 2 ? "one.example" : "none.example", &outcomes[i]);
    TorcSim_advance(sim, 59);
    for (int i = 0; i < MANY; i++)
        if (outcomes[i].calls != 1 ||
            outcomes[i].kind != (i % 2 ? 0 : (int)TORC_CONNECTION_DNS_LOOKUP))
            ck_abort_msg("look-up %d: %d calls, kind %d", i, outcomes[i].calls, outcomes[i].kind);
}
END_TEST

START_TEST(ten_thousand_names_that_nobody_answers_end_at_the_deadline)
{
    static Outcome outcomes[MANY];
    memset(outcomes, 0, sizeof(outcomes));
    TorcSim_setLookupDelay(sim, 1e6);
    for (int i = 0; i < MANY; i++)
        start("one.example", &outcomes[i]);
    TorcSim_advance(sim, 60);
    for (int i = 0; i < MANY; i++)
        if (outcomes[i].calls != 1 || outcomes[i].kind != (int)TORC_OPERATION_TIMED_OUT)
            ck_abort_msg("look-up %d: %d calls, kind %d", i, outcomes[i].calls, outcomes[i].kind);
}
END_TEST

/* ---- bad calls ----------------------------------------------------------------------------- */

START_TEST(what_cannot_be_a_name_is_refused) /* BUG-21 */
{
    char host[255];
    TorcDeferred *untouched = (TorcDeferred *)&host;
    TorcDeferred *deferred = untouched;
    memset(host, 'a', sizeof(host));
    host[254] = '\0';
    ck_assert_int_eq(TorcReactor_resolve(NULL, "a", 79, NULL, &deferred), -EINVAL);
    ck_assert_int_eq(TorcReactor_resolve(reactor, NULL, 79, NULL, &deferred), -EINVAL);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "", 79, NULL, &deferred), -EINVAL);
    ck_assert_int_eq(TorcReactor_resolve(reactor, host, 79, NULL, &deferred), -EINVAL);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", 79, NULL, NULL), -EINVAL);
    ck_assert_ptr_eq(deferred, untouched);
}
END_TEST

/* A code in the place of a port, say of TorcReactor_portOfService. */
START_TEST(what_cannot_be_a_port_is_refused)
{
    TorcDeferred *untouched = (TorcDeferred *)&reactor;
    TorcDeferred *deferred = untouched;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "::1", -TORC_ESERVICE, NULL, &deferred), -EINVAL);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "::1", -1, NULL, &deferred), -EINVAL);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "::1", 65536, NULL, &deferred), -EINVAL);
    ck_assert_ptr_eq(deferred, untouched);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "::1", 65535, NULL, &deferred), 0);
    TorcDeferred_release(deferred);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "::1", 0, NULL, &deferred), 0);
    TorcDeferred_release(deferred);
}
END_TEST

START_TEST(bad_options_are_refused)
{
    TorcDeferred *deferred;
    TorcResolveOptions options;
    TorcResolveOptions_init(&options);
    options.timeout = NAN;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", 79, &options, &deferred), -EINVAL);
    TorcResolveOptions_init(&options);
    options.family = TORC_ADDRESS_UNIX;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", 79, &options, &deferred), -EINVAL);
    options = (TorcResolveOptions){0};
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", 79, &options, &deferred), -EINVAL);
    TorcResolveOptions_init(NULL);
}
END_TEST

START_TEST(the_longest_name_is_looked_up)
{
    Outcome outcome = {0};
    char host[254];
    memset(host, 'a', sizeof(host));
    host[253] = '\0';
    start(host, &outcome);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(outcome.code, -TORC_ELOOKUP);
}
END_TEST

/* ---- the reactor's end --------------------------------------------------------------------- */

static void stop(void *arg)
{
    (void)arg;
    TorcReactor_stop(reactor);
}

static int refused;

static void resolve_again(void *arg)
{
    TorcDeferred *deferred;
    (void)arg;
    refused = TorcReactor_resolve(reactor, "one.example", 79, NULL, &deferred);
}

START_TEST(look_ups_end_when_the_reactor_stops)
{
    Outcome first = {.then = resolve_again}, second = {0};
    TorcSim_setLookupDelay(sim, 1000);
    start("one.example", &first);
    start("two.example", &second);
    TorcReactor_callLater(reactor, 1, stop, NULL, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(first.calls, 1);
    ck_assert_int_eq(first.kind, TORC_CONNECTION_SHUTDOWN);
    ck_assert_str_eq(second.text, "cannot resolve \"two.example\": the reactor was stopped");
    ck_assert_int_eq(refused, -TORC_ENOTRUNNING);
}
END_TEST

START_TEST(look_ups_end_when_the_reactor_is_freed)
{
    Outcome outcome = {0};
    TorcSim_setLookupDelay(sim, 1000);
    start("one.example", &outcome);
    TorcSim_free(sim);
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_SHUTDOWN);
    begin();
}
END_TEST

START_TEST(a_paused_answer_may_outlive_the_reactor)
{
    Outcome outcome = {0};
    TorcDeferred *deferred = NULL;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "one.example", 79, NULL, &deferred), 0);
    TorcDeferred_pause(deferred);
    ck_assert_int_eq(TorcDeferred_addBoth(deferred, note, &outcome), 0);
    TorcSim_advance(sim, 1);
    TorcSim_free(sim);
    begin();
    TorcDeferred_unpause(deferred);
    ck_assert_int_eq(outcome.calls, 1);
    TorcDeferred_release(deferred);
}
END_TEST

/* ---- resolvers of the program's own -------------------------------------------------------- */

START_TEST(an_installed_resolver_is_asked)
{
    Outcome outcome = {0};
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    TorcDeferred_detach(
        ask_with("Any.Name", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV4), &outcome));
    ck_assert_int_eq(own.asked, 1);
    ck_assert_str_eq(own.host, "Any.Name");
    ck_assert_uint_eq(own.port, 79);
    ck_assert_int_eq(own.family, TORC_ADDRESS_IPV4);
    Scripted_answer(&own, scripted_list(79));
    ck_assert_str_eq(outcome.addresses, "192.0.2.9:79");
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_LOOKUP), 0);
}
END_TEST

START_TEST(an_answer_that_is_there_at_once_waits_for_the_next_turn)
{
    Outcome outcome = {0};
    static Scripted own;
    Scripted_init(&own);
    own.at_once = true;
    install(&own.base);
    start("any.name", &outcome);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(outcome.addresses, "[2001:db8::9]:79 192.0.2.9:79");
}
END_TEST

START_TEST(an_answer_that_is_there_at_once_may_be_given_up)
{
    Outcome outcome = {0};
    static Scripted own;
    Scripted_init(&own);
    own.at_once = true;
    install(&own.base);
    TorcDeferred_release(ask("any.name", &outcome));
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
}
END_TEST

START_TEST(installing_returns_the_one_before) /* EP-14 */
{
    Scripted a, b;
    TorcResolver *previous = &a.base;
    Scripted_init(&a);
    Scripted_init(&b);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, &a.base, &previous), 0);
    ck_assert_ptr_null(previous);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, &b.base, &previous), 0);
    ck_assert_ptr_eq(previous, &a.base);
    TorcResolver_unref(previous);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, NULL, &previous), 0);
    ck_assert_ptr_eq(previous, &b.base);
    ck_assert_ptr_null(TorcResolver_unref(previous));
    ck_assert_int_eq(a.destroyed + b.destroyed, 0);
    TorcResolver_unref(&a.base);
    TorcResolver_unref(&b.base);
    ck_assert_int_eq(a.destroyed, 1);
    ck_assert_int_eq(b.destroyed, 1);
    ck_assert_str_eq(resolve("one.example"), "192.0.2.1:79");
}
END_TEST

START_TEST(the_reactor_lets_go_of_its_resolver_when_it_is_freed)
{
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    ck_assert_int_eq(own.destroyed, 0);
    TorcSim_free(sim);
    ck_assert_int_eq(own.destroyed, 1);
    begin();
}
END_TEST

START_TEST(a_look_up_keeps_the_resolver_it_began_with) /* EP-14 */
{
    Outcome outcome = {0};
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    start("any.name", &outcome);
    install(TorcHostsResolver_new("", 0, NULL));
    ck_assert_int_eq(own.destroyed, 0);
    Scripted_answer(&own, scripted_list(79));
    ck_assert_int_eq(outcome.calls, 1);
    ck_assert_int_eq(own.destroyed, 1);
}
END_TEST

START_TEST(a_resolver_is_cancelled_by_the_deadline_and_by_the_receiver)
{
    Outcome outcome = {0};
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    TorcDeferred_detach(ask_with("a", TORC_RESOLVE_OPTIONS(.timeout = 1), &outcome));
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(own.cancelled, 1);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_TIMED_OUT);
    TorcDeferred_release(ask("a", &outcome));
    ck_assert_int_eq(own.cancelled, 2);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
}
END_TEST

START_TEST(a_name_that_resolves_to_nothing_is_a_failure) /* EP-8, EP-13 */
{
    Outcome outcome = {0};
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    start("empty", &outcome);
    Scripted_answer(&own, TorcAddressList_new(NULL, 0));
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_DNS_LOOKUP);
    ck_assert_str_eq(outcome.text, "cannot resolve \"empty\": the name has no address");
    start("nothing", &outcome);
    Scripted_answer(&own, NULL);
    ck_assert_str_eq(outcome.text, "cannot resolve \"nothing\": the name has no address");
}
END_TEST

START_TEST(a_failure_of_another_kind_becomes_one_of_resolving)
{
    Outcome outcome = {0};
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    start("a", &outcome);
    Scripted_fail(&own, TORC_OPERATION_FAILED, -EIO);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_DNS_LOOKUP);
    ck_assert_int_eq(outcome.code, -EIO);
    ck_assert_str_eq(outcome.text, "cannot resolve \"a\": as the script says");
    start("a", &outcome);
    Scripted_fail(&own, TORC_CONNECTION_DNS_LOOKUP, -TORC_ELOOKUP);
    ck_assert_str_eq(outcome.text, "as the script says");
}
END_TEST

START_TEST(a_resolvers_code_is_handed_on)
{
    TorcDeferred *deferred;
    static Scripted own;
    Scripted_init(&own);
    own.refuse = -ENOMEM;
    install(&own.base);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", 79, NULL, &deferred), -ENOMEM);
}
END_TEST

START_TEST(a_resolver_never_sees_a_name_that_is_none)
{
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    ck_assert_str_eq(resolve("a b"), "cannot resolve \"a b\": Invalid argument");
    ck_assert_str_eq(resolve("b\xc3\xbc"
                             "cher"),
                     "cannot resolve \"b\\xc3\\xbccher\": Invalid argument");
    ck_assert_int_eq(own.asked, 0);
}
END_TEST

START_TEST(a_resolver_without_a_good_class_is_refused)
{
    static const TorcResolverClass no_slot = {.size = sizeof(TorcResolverClass)};
    static const TorcResolverClass small = {.size = 8, .resolve = scripted_resolve};
    TorcResolver own;
    TorcResolver_init(NULL, &no_slot);
    TorcResolver_init(&own, NULL);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, &own, NULL), -EINVAL);
    TorcResolver_init(&own, &no_slot);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, &own, NULL), -EINVAL);
    TorcResolver_init(&own, &small);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, &own, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_installResolver(NULL, NULL, NULL), -EINVAL);
    ck_assert_uint_eq(own.references, 1);
    ck_assert_ptr_null(TorcResolver_ref(NULL));
    ck_assert_ptr_null(TorcResolver_unref(NULL));
}
END_TEST

/* ---- connectTCP ---------------------------------------------------------------------------- */

static char lost[512];

static void failed(TorcClientFactory *self, TorcConnector *connector, const TorcReason *reason)
{
    (void)self;
    (void)connector;
    snprintf(lost, sizeof(lost), "%s: %s", TorcReason_kindName(TorcReason_kind(reason)),
             TorcReason_text(reason));
}

static const TorcClientFactoryClass client_class = {
    TORC_CLIENT_FACTORY_CLASS("client", TorcClientFactory),
    .clientConnectionFailed = failed,
};

static void connect_to(const char *host, TorcConnector **ret_connector)
{
    TorcClientFactory *factory = (TorcClientFactory *)TorcFactory_new(&client_class.factory);
    *lost = '\0';
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, host, 79, factory, NULL, ret_connector), 0);
    TorcFactory_unref(&factory->base);
    TorcSim_advance(sim, 0);
}

START_TEST(connectTCP_asks_the_installed_resolver)
{
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    connect_to("any.name", NULL);
    ck_assert_str_eq(own.host, "any.name");
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.9", 79), 0);
    Scripted_answer(&own, scripted_list(79));
    TorcSim_advance(sim, 1);
    TorcSimPeer *peer = TorcSim_accept(sim, 79);
    ck_assert_ptr_nonnull(peer);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 1);
}
END_TEST

START_TEST(connectTCP_tells_what_the_resolver_said)
{
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    connect_to("any.name", NULL);
    Scripted_fail(&own, TORC_CONNECTION_DNS_LOOKUP, -TORC_ELOOKUP);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(lost, "DNS_LOOKUP: as the script says");
}
END_TEST

START_TEST(stopConnecting_gives_up_the_look_up)
{
    TorcConnector *connector;
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    connect_to("any.name", &connector);
    ck_assert_int_eq(TorcConnector_stopConnecting(connector), 0);
    ck_assert_int_eq(own.cancelled, 1);
    TorcSim_advance(sim, 0);
    ck_assert_ptr_eq(strstr(lost, "CANCELLED"), lost);
}
END_TEST

START_TEST(connectTCP_with_a_cancelled_look_up_fails_as_resolving_does)
{
    static Scripted own;
    Scripted_init(&own);
    install(&own.base);
    connect_to("any.name", NULL);
    Scripted_fail(&own, TORC_OPERATION_CANCELLED, 0);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(lost, "DNS_LOOKUP: cannot resolve \"any.name\": the host name could not be "
                           "resolved");
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

/* One look-up with allocation k failing: it cannot be begun, or ends once, and leaves nothing. */
static bool try_without_memory(const char *host, long k)
{
    Outcome outcome = {0};
    TorcDeferred *deferred = NULL;
    FailingMemory_start(-1);
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    TorcSim_setAddresses(sim, "one.example", (const char *const[]){"192.0.2.1"}, 1);
    static Scripted own;
    Scripted_init(&own);
    own.at_once = true;
    if (strcmp(host, "own") == 0)
        install(&own.base);
    long before = FailingMemory_allocations();
    failing_memory.fail_at = before + k;
    int r = TorcReactor_resolve(reactor, host, 79, NULL, &deferred);
    if (r == 0) {
        TorcDeferred_addBoth(deferred, note, &outcome);
        TorcSim_advance(sim, 1);
        ck_assert_int_eq(outcome.calls, 1);
        TorcDeferred_release(deferred);
    } else {
        ck_assert_int_eq(r, -ENOMEM);
    }
    bool failed_once = FailingMemory_allocations() > before + k;
    FailingMemory_recover();
    ck_assert_uint_eq(TorcSim_checkClean(sim, NULL, 0), 0);
    TorcSim_free(sim);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    return failed_once;
}

START_TEST(each_allocation_may_fail)
{
    static const char *const hosts[] = {"one.example", "127.0.0.1", "own", "none.example"};
    end();
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        long k = 0;
        while (try_without_memory(hosts[i], k))
            k++;
        ck_assert_int_gt(k, 2);
    }
    begin();
}
END_TEST

/* ---- address lists ------------------------------------------------------------------------- */

START_TEST(an_address_list_is_a_copy)
{
    TorcAddress address = {0};
    ck_assert_int_eq(TorcAddress_parse("192.0.2.1", 79, &address), 0);
    TorcAddressList *list = TorcAddressList_new(&address, 1);
    address.port = 80;
    ck_assert_uint_eq(list->count, 1);
    ck_assert_uint_eq(list->addresses[0].port, 79);
    ck_assert_double_eq(list->lifetime, INFINITY);
    TorcAddressList_free(list);
    TorcAddressList_free(NULL);
    errno = 0;
    ck_assert_ptr_null(TorcAddressList_new(&address, SIZE_MAX));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_null(TorcAddressList_new(NULL, 1));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

RUN_TESTS("resolving", literals_are_looked_up_nowhere,
          literals_are_looked_up_nowhere_with_another_resolver_either,
          a_literal_is_given_in_the_next_turn, a_literal_of_another_family_is_a_failure,
          a_literal_may_be_cancelled_before_it_is_given,
          a_name_has_its_addresses_in_order_with_the_port,
          only_the_family_that_was_asked_for_is_given, an_unknown_name_is_a_failure_that_names_it,
          a_look_up_is_cancelled_at_the_system, a_look_up_that_ended_cannot_be_cancelled,
          a_look_up_that_the_system_does_not_take_is_a_failure, a_look_up_ends_after_sixty_seconds,
          the_deadline_is_the_callers, an_answer_in_time_ends_the_deadline,
          ten_thousand_names_are_resolved_at_once_and_each_fires_once,
          ten_thousand_names_that_nobody_answers_end_at_the_deadline,
          what_cannot_be_a_name_is_refused, what_cannot_be_a_port_is_refused,
          bad_options_are_refused, the_longest_name_is_looked_up,
          look_ups_end_when_the_reactor_stops, look_ups_end_when_the_reactor_is_freed,
          a_paused_answer_may_outlive_the_reactor, an_installed_resolver_is_asked,
          an_answer_that_is_there_at_once_waits_for_the_next_turn,
          an_answer_that_is_there_at_once_may_be_given_up, installing_returns_the_one_before,
          the_reactor_lets_go_of_its_resolver_when_it_is_freed,
          a_look_up_keeps_the_resolver_it_began_with,
          a_resolver_is_cancelled_by_the_deadline_and_by_the_receiver,
          a_name_that_resolves_to_nothing_is_a_failure,
          a_failure_of_another_kind_becomes_one_of_resolving, a_resolvers_code_is_handed_on,
          a_resolver_never_sees_a_name_that_is_none, a_resolver_without_a_good_class_is_refused,
          connectTCP_asks_the_installed_resolver, connectTCP_tells_what_the_resolver_said,
          stopConnecting_gives_up_the_look_up,
          connectTCP_with_a_cancelled_look_up_fails_as_resolving_does, each_allocation_may_fail,
          an_address_list_is_a_copy)
