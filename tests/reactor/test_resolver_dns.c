/* The DNS client against a small name server in the same process: every test runs on real sockets
 * and in a simulation. */
#include <ares.h>
#include <sys/resource.h>

#include "resolver_fixture.h"
#include "tests/support/name_server.h"

static NameServer server;
static TorcResolver *dns;
static bool simulated;

static void start_client(const TorcDNSOptions *given)
{
    char servers[64];
    TorcDNSOptions options;
    TorcDNSOptions_init(&options);
    if (given)
        options = *given;
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", server.port);
    if (!options.servers)
        options.servers = servers;
    dns = TorcDNSResolver_new(reactor, &options);
    ck_assert_ptr_nonnull(dns);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, dns, NULL), 0);
    TorcResolver_unref(dns);
}

/* Where the test is about silence: real time is not to be waited for long. */
static const TorcDNSOptions *hasty(void)
{
    static TorcDNSOptions options;
    TorcDNSOptions_init(&options);
    options.timeout = simulated ? 2 : 0.2;
    options.tries = 2;
    return &options;
}

static void begin_world(bool in_simulation)
{
    simulated = in_simulation;
    sim = simulated ? TorcSim_new(1) : NULL;
    reactor = simulated ? TorcSim_reactor(sim) : TorcReactor_new(NULL);
    NameServer_start(&server, reactor);
}

/* Where it is not, nobody is to be in a hurry: the machine may be slow. */
static void begin_dns(int in_simulation)
{
    begin_world(in_simulation);
    start_client(TORC_DNS_OPTIONS(.timeout = 20, .tries = 2));
}

static void begin_hasty(int in_simulation)
{
    begin_world(in_simulation);
    start_client(hasty());
}

/* No socket, no timer, no look-up is left. */
static void end_dns(void)
{
    NameServer_stop(&server);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
    if (!simulated) {
        TorcReactor_free(reactor);
        return;
    }
    char report[1000];
    ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
    TorcSim_free(sim);
}

static bool has_outcome(void *arg)
{
    return ((Outcome *)arg)->calls > 0;
}

static void await(Outcome *outcome)
{
    if (simulated)
        ck_assert(TorcSim_runUntil(sim, has_outcome, outcome, 100));
    while (outcome->calls == 0)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);
    ck_assert_int_eq(outcome->calls, 1);
}

/* A step further, without an outcome. */
static void go_on(double seconds)
{
    if (simulated) {
        TorcSim_advance(sim, seconds);
        return;
    }
    double end = TorcReactor_seconds(reactor) + seconds;
    do
        TorcReactor_iterate(reactor, 0.01);
    while (TorcReactor_seconds(reactor) < end);
}

static const char *look_up_with(const char *host, const TorcResolveOptions *options)
{
    static Outcome outcome;
    outcome = (Outcome){0};
    TorcDeferred_detach(ask_with(host, options, &outcome));
    await(&outcome);
    return outcome.kind ? outcome.text : outcome.addresses;
}

static const char *look_up(const char *host)
{
    return look_up_with(host, NULL);
}

/* The failure's text with the port left out, which is another each time. */
static const char *problem_of(const char *host)
{
    static char text[1024];
    snprintf(text, sizeof(text), "%s", look_up(host));
    char *last = strstr(text, ", last at 127.0.0.1:");
    if (last)
        strcpy(last, ")");
    return text;
}

/* ---- answers ------------------------------------------------------------------------------- */

START_TEST(a_name_has_its_addresses)
{
    begin_dns(_i);
    ck_assert_str_eq(look_up("one.test"), "192.0.2.1:79");
    ck_assert_str_eq(look_up("six.test"), "[2001:db8::6]:79");
    ck_assert_str_eq(server.last_name, "six.test");
    end_dns();
}
END_TEST

START_TEST(both_families_are_asked_for_at_once)
{
    begin_dns(_i);
    const char *addresses = look_up("both.test");
    /* Which comes first depends on whether this machine has a route for IPv6. */
    ck_assert(strcmp(addresses, "[2001:db8::2]:79 192.0.2.2:79") == 0 ||
              (!simulated && strcmp(addresses, "192.0.2.2:79 [2001:db8::2]:79") == 0));
    ck_assert_int_eq(server.udp_questions, 2);
    end_dns();
}
END_TEST

START_TEST(what_cannot_be_reached_comes_last) /* RFC 6724 §5, rule 1 */
{
    begin_dns(true);
    /* The first one is to the name server. */
    TorcSim_addFault(
        sim, TORC_SIM_FAULT(.call = TORC_SIM_CONNECT, .nth = 2, .times = 1, .error = ENETUNREACH));
    ck_assert_str_eq(look_up("both.test"), "192.0.2.2:79 [2001:db8::2]:79");
    TorcSim_stopFaults(sim);
    /* Neither can: then there is no reason to change their order. */
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_CONNECT, .nth = 2, .error = ENETUNREACH));
    ck_assert_str_eq(look_up("both.test"), "[2001:db8::2]:79 192.0.2.2:79");
    TorcSim_stopFaults(sim);
    end_dns();
}
END_TEST

START_TEST(only_the_family_that_is_wanted_is_asked_for)
{
    begin_dns(_i);
    ck_assert_str_eq(look_up_with("both.test", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV4)),
                     "192.0.2.2:79");
    ck_assert_int_eq(server.aaaa_questions, 0);
    ck_assert_str_eq(look_up_with("both.test", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV6)),
                     "[2001:db8::2]:79");
    ck_assert_int_eq(server.a_questions, 1);
    end_dns();
}
END_TEST

START_TEST(an_alias_is_followed_and_the_shortest_lifetime_counts)
{
    Outcome outcome = {0};
    begin_dns(_i);
    start("alias.test", &outcome);
    await(&outcome);
    ck_assert_str_eq(outcome.addresses, "192.0.2.1:79");
    ck_assert_double_eq(outcome.lifetime, 10);
    start("both.test", &outcome);
    await(&outcome);
    ck_assert_double_eq(outcome.lifetime, 20);
    end_dns();
}
END_TEST

START_TEST(each_look_up_has_a_port_of_its_own) /* RFC 5452 §9.2 */
{
    begin_dns(_i);
    int changes = 0;
    uint16_t port = 0;
    for (int i = 0; i < 8; i++) {
        look_up("one.test");
        changes += server.last_port != port;
        port = server.last_port;
    }
    ck_assert_int_gt(changes, 1);
    end_dns();
}
END_TEST

START_TEST(a_long_answer_comes_over_TCP)
{
    begin_dns(_i);
    const char *addresses = look_up("big.test");
    ck_assert_ptr_eq(strstr(addresses, "10.0.0.0:79 10.0.0.1:79 "), addresses);
    ck_assert_int_gt(server.tcp_questions, 0);
    end_dns();
}
END_TEST

static size_t address_count;

static void count_addresses(TorcResult *result, void *arg)
{
    ck_assert_ptr_null(result->reason);
    address_count = ((TorcAddressList *)result->value)->count;
    ((Outcome *)arg)->calls++;
}

START_TEST(no_more_addresses_are_kept_than_anybody_tries)
{
    Outcome outcome = {0};
    TorcDeferred *deferred;
    begin_dns(_i);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "huge.test", 79, NULL, &deferred), 0);
    TorcDeferred_addBoth(deferred, count_addresses, &outcome);
    TorcDeferred_detach(deferred);
    await(&outcome);
    ck_assert_uint_eq(address_count, 256);
    end_dns();
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------ */

START_TEST(a_name_that_does_not_exist_is_asked_for_once)
{
    begin_dns(_i);
    ck_assert_str_eq(look_up("none.test"), "cannot resolve \"none.test\": there is no such name");
    ck_assert_int_eq(server.udp_questions, 2);
    end_dns();
}
END_TEST

START_TEST(a_name_that_resolves_to_nothing_is_a_failure) /* EP-8 */
{
    begin_dns(_i);
    ck_assert_str_eq(look_up("empty.test"),
                     "cannot resolve \"empty.test\": the name has no IPv4 or IPv6 address");
    ck_assert_str_eq(look_up_with("one.test", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV6)),
                     "cannot resolve \"one.test\": the name has no IPv6 address");
    ck_assert_str_eq(look_up_with("six.test", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV4)),
                     "cannot resolve \"six.test\": the name has no IPv4 address");
    end_dns();
}
END_TEST

START_TEST(a_server_that_fails_is_asked_again_and_then_named)
{
    begin_dns(_i);
    ck_assert_str_eq(
        problem_of("servfail.test"),
        "cannot resolve \"servfail.test\": the name server failed or refused to answer "
        "(asked 2 times)");
    ck_assert_str_eq(problem_of("refused.test"),
                     "cannot resolve \"refused.test\": the name server failed or refused to answer "
                     "(asked 2 times)");
    end_dns();
}
END_TEST

START_TEST(what_cannot_be_a_name_is_asked_of_nobody)
{
    begin_dns(_i);
    ck_assert_str_eq(look_up("a..test"), "cannot resolve \"a..test\": it cannot be a host name");
    ck_assert_int_eq(server.udp_questions, 0);
    end_dns();
}
END_TEST

/* ---- silence and noise --------------------------------------------------------------------- */

START_TEST(a_server_that_does_not_answer_is_asked_again)
{
    begin_hasty(_i);
    ck_assert_str_eq(problem_of("silent.test"),
                     "cannot resolve \"silent.test\": the name server did not answer "
                     "(asked 2 times)");
    ck_assert_int_eq(server.udp_questions, 4);
    end_dns();
}
END_TEST

START_TEST(an_answer_to_the_second_try_is_as_good)
{
    begin_hasty(_i);
    ck_assert_str_eq(look_up("later.test"), "192.0.2.1:79");
    end_dns();
}
END_TEST

START_TEST(one_family_is_enough_when_the_other_is_not_answered) /* RFC 4074 §4.1 */
{
    begin_hasty(_i);
    ck_assert_str_eq(look_up("halfdeaf.test"), "192.0.2.1:79");
    ck_assert_int_eq(server.udp_questions, 2);
    end_dns();
}
END_TEST

START_TEST(garbage_is_no_answer)
{
    begin_hasty(_i);
    ck_assert_str_eq(problem_of("garbage.test"),
                     "cannot resolve \"garbage.test\": the name server did not answer "
                     "(asked 2 times)");
    end_dns();
}
END_TEST

START_TEST(an_answer_to_another_question_is_no_answer) /* RFC 5452 §9.1 */
{
    begin_dns(_i);
    ck_assert_str_eq(look_up("forged.test"), "192.0.2.1:79");
    end_dns();
}
END_TEST

START_TEST(an_answer_cut_in_a_record_is_a_failure)
{
    begin_dns(_i);
    const char *text = problem_of("broken.test");
    ck_assert_ptr_eq(strstr(text, "cannot resolve \"broken.test\": "), text);
    end_dns();
}
END_TEST

START_TEST(the_tries_take_two_four_and_eight_seconds)
{
    begin_world(true);
    start_client(NULL);
    double before = TorcSim_seconds(sim);
    ck_assert_str_eq(problem_of("silent.test"),
                     "cannot resolve \"silent.test\": the name server did not answer "
                     "(asked 3 times)");
    ck_assert_double_eq_tol(TorcSim_seconds(sim) - before, 14, 0.01);
    end_dns();
}
END_TEST

START_TEST(a_try_takes_thirty_seconds_at_most)
{
    begin_world(true);
    start_client(TORC_DNS_OPTIONS(.timeout = 20, .tries = 3));
    Outcome outcome = {0};
    TorcDeferred_detach(ask_with("silent.test", TORC_RESOLVE_OPTIONS(.timeout = -1), &outcome));
    TorcSim_advance(sim, 79.9);
    ck_assert_int_eq(outcome.calls, 0);
    TorcSim_advance(sim, 0.2);
    ck_assert_int_eq(outcome.calls, 1);
    end_dns();
}
END_TEST

/* ---- several servers ----------------------------------------------------------------------- */

START_TEST(the_next_server_is_asked_at_once_when_nobody_is_there)
{
    char servers[100];
    begin_world(_i);
    /* Nobody has port 1: an ICMP message says so, or the route does. */
    snprintf(servers, sizeof(servers), "127.0.0.1:1,127.0.0.1:%u", server.port);
    start_client(TORC_DNS_OPTIONS(.servers = servers, .timeout = 1000, .tries = 1));
    ck_assert_str_eq(look_up("one.test"), "192.0.2.1:79");
    end_dns();
}
END_TEST

START_TEST(nobody_to_be_reached_is_a_failure_at_once)
{
    begin_world(_i);
    start_client(TORC_DNS_OPTIONS(.servers = "127.0.0.1:1", .timeout = 1000));
    ck_assert_str_eq(problem_of("one.test"),
                     "cannot resolve \"one.test\": the name server cannot be reached "
                     "(asked 3 times)");
    end_dns();
}
END_TEST

/* ---- cancelling ---------------------------------------------------------------------------- */

START_TEST(a_look_up_may_be_cancelled_at_each_stage)
{
    begin_hasty(_i);
    for (int stage = 0; stage < 4; stage++) {
        Outcome outcome = {0};
        TorcDeferred *deferred = ask(stage < 3 ? "silent.test" : "one.test", &outcome);
        if (stage == 1)
            go_on(0);
        if (stage == 2)
            go_on(hasty()->timeout * 1.5); /* the second try */
        if (stage == 3)
            await(&outcome);
        TorcDeferred_cancel(deferred);
        ck_assert_int_eq(outcome.calls, 1);
        ck_assert_int_eq(outcome.kind, stage < 3 ? (int)TORC_OPERATION_CANCELLED : 0);
        TorcDeferred_release(deferred);
        ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
    }
    ck_assert_str_eq(look_up("one.test"), "192.0.2.1:79");
    end_dns();
}
END_TEST

START_TEST(a_TCP_exchange_may_be_cancelled)
{
    begin_dns(_i);
    for (int turns = 0; turns < 12; turns++) {
        Outcome outcome = {0};
        TorcDeferred *deferred = ask("big.test", &outcome);
        for (int i = 0; i < turns; i++)
            TorcReactor_iterate(reactor, 0);
        TorcDeferred_release(deferred);
        ck_assert_int_eq(outcome.calls, 1);
    }
    go_on(0.01);
    end_dns();
}
END_TEST

START_TEST(the_reactor_is_freed_in_the_middle)
{
    Outcome outcomes[100] = {0};
    begin_world(_i);
    start_client(TORC_DNS_OPTIONS(.timeout = 1000));
    for (int i = 0; i < 100; i++)
        start("silent.test", &outcomes[i]);
    go_on(0);
    NameServer_stop(&server);
    if (simulated)
        TorcSim_free(sim);
    else
        TorcReactor_free(reactor);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(outcomes[i].calls, 1);
        ck_assert_int_eq(outcomes[i].kind, TORC_CONNECTION_SHUTDOWN);
    }
}
END_TEST

/* ---- many ---------------------------------------------------------------------------------- */

enum { MANY = 10000 };

static int finished;

static void count_finished(void *arg)
{
    (void)arg;
    finished++;
}

static bool all_finished(void *arg)
{
    return finished == *(int *)arg;
}

static void await_all(int count)
{
    if (simulated)
        ck_assert(TorcSim_runUntil(sim, all_finished, &count, 1000));
    while (finished < count)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);
}

/* The deadline is off: a slow machine under a checker needs its time. */
static void start_many(Outcome *outcomes, int count)
{
    finished = 0;
    for (int i = 0; i < count; i++) {
        outcomes[i] = (Outcome){.then = count_finished};
        TorcDeferred_detach(
            ask_with("one.test", TORC_RESOLVE_OPTIONS(.timeout = -1, .family = TORC_ADDRESS_IPV4),
                     &outcomes[i]));
    }
}

START_TEST(ten_thousand_names_are_resolved_at_once_with_few_sockets)
{
    static Outcome outcomes[MANY];
    begin_world(true);
    start_client(NULL);
    start_many(outcomes, MANY);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 2 + 64);
    await_all(MANY);
    for (int i = 0; i < MANY; i++)
        if (outcomes[i].calls != 1 || outcomes[i].kind != 0)
            ck_abort_msg("look-up %d: %d calls, %s", i, outcomes[i].calls, outcomes[i].text);
    end_dns();
}
END_TEST

START_TEST(many_names_on_real_sockets)
{
    static Outcome outcomes[1000];
    begin_world(false);
    start_client(TORC_DNS_OPTIONS(.tries = 10));
    start_many(outcomes, 1000);
    await_all(1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_str_eq(outcomes[i].addresses, "192.0.2.1:79");
    end_dns();
}
END_TEST

START_TEST(ten_thousand_failures_at_once_take_no_stack)
{
    static Outcome outcomes[MANY];
    struct rlimit before, small = {1 << 20, RLIM_INFINITY};
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &before), 0);
    small.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &small), 0);
    begin_world(true);
    start_client(NULL);
    start_many(outcomes, MANY);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_SOCKET, .error = EMFILE));
    await_all(MANY); /* when the first has its answer, those in line fail one after the other */
    TorcSim_stopFaults(sim);
    int found = 0;
    for (int i = 0; i < MANY; i++) {
        if (outcomes[i].calls != 1)
            ck_abort_msg("look-up %d: %d calls", i, outcomes[i].calls);
        found += outcomes[i].kind == 0;
    }
    ck_assert_int_eq(found, 64);
    ck_assert_ptr_nonnull(strstr(outcomes[MANY - 1].text, "no descriptor is left"));
    end_dns();
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &before), 0);
}
END_TEST

static void ask_again(void *arg)
{
    Outcome *outcome = arg;
    if (finished++ < 100)
        start("a..test", outcome);
}

START_TEST(a_name_may_be_asked_for_from_inside_an_answer)
{
    Outcome outcome = {.then = ask_again, .arg = &outcome};
    begin_dns(_i);
    finished = 0;
    start("a..test", &outcome);
    await_all(101);
    end_dns();
}
END_TEST

static TorcDeferred *others[3];

static void cancel_others(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        others[i] = TorcDeferred_release(others[i]);
    TorcReactor_installResolver(reactor, NULL, NULL);
}

START_TEST(an_answer_may_cancel_the_others_and_drop_the_resolver)
{
    Outcome first = {.then = cancel_others}, rest[3] = {0};
    begin_dns(_i);
    start("one.test", &first);
    for (int i = 0; i < 3; i++)
        others[i] = ask("silent.test", &rest[i]);
    await(&first);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(rest[i].kind, TORC_OPERATION_CANCELLED);
    end_dns();
}
END_TEST

/* ---- out of memory ------------------------------------------------------------------------- */

static bool try_without_memory(const char *host, long k)
{
    Outcome outcome = {0};
    FailingMemory_start(-1);
    begin_dns(1);
    long before = FailingMemory_allocations();
    failing_memory.fail_at = before + k;
    TorcDeferred *deferred = NULL;
    int r = TorcReactor_resolve(reactor, host, 79, NULL, &deferred);
    if (r == 0) {
        TorcDeferred_addBoth(deferred, note, &outcome);
        await(&outcome);
        TorcDeferred_release(deferred);
    }
    ck_assert(r == 0 || r == -ENOMEM);
    bool failed = FailingMemory_allocations() > before + k;
    FailingMemory_recover();
    end_dns();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    return failed;
}

/* c-ares allocates for itself; in this program from the memory that fails. */
START_TEST(each_allocation_may_fail)
{
    static const char *const hosts[] = {"both.test", "cut.test", "none.test"};
    ck_assert_int_eq(ares_library_init_mem(ARES_LIB_INIT_ALL, FailingMemory_allocate,
                                           FailingMemory_release, FailingMemory_reallocate),
                     0);
    long k = 0;
    while (try_without_memory(hosts[_i], k))
        k++;
    ck_assert_int_gt(k, 20);
    ares_library_cleanup();
}
END_TEST

/* ---- options ------------------------------------------------------------------------------- */

START_TEST(bad_options_are_refused)
{
    static const char *const bad[] = {
        "",       ",",           "192.0.2.1,",      "192.0.2.1:0",    "192.0.2.1:65536",
        "1.2.3",  "example.org", "[2001:db8::1",    "[192.0.2.1]",    "[::1]53",
        "[::1]:", ":53",         "192.0.2.1 ",      "fe80::1%lo",     "192.0.2.1:+5",
        "[]:53",  "192.0.2.1:",  "192.0.2.1:53:53", "192.0.2.1,,::1", "192.0.2.1:99999999999999"};
    begin_world(true);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        ck_assert_msg(!TorcDNSResolver_new(reactor, TORC_DNS_OPTIONS(.servers = bad[i])), "%s",
                      bad[i]);
        ck_assert_int_eq(errno, EINVAL);
    }
    ck_assert_ptr_null(TorcDNSResolver_new(reactor, TORC_DNS_OPTIONS(.timeout = -1)));
    ck_assert_ptr_null(TorcDNSResolver_new(reactor, TORC_DNS_OPTIONS(.timeout = NAN)));
    ck_assert_ptr_null(TorcDNSResolver_new(reactor, TORC_DNS_OPTIONS(.tries = -1)));
    ck_assert_ptr_null(TorcDNSResolver_new(reactor, TORC_DNS_OPTIONS(.tries = 101)));
    ck_assert_ptr_null(TorcDNSResolver_new(reactor, &(TorcDNSOptions){0}));
    ck_assert_ptr_null(TorcDNSResolver_new(NULL, NULL));
    TorcDNSOptions_init(NULL);
    end_dns();
}
END_TEST

START_TEST(servers_are_written_in_five_ways)
{
    begin_world(true);
    TorcResolver *resolver = TorcDNSResolver_new(
        reactor, TORC_DNS_OPTIONS(.servers = "192.0.2.1,192.0.2.1:5353,2001:db8::1,[2001:db8::1],"
                                             "[2001:db8::1]:65535"));
    ck_assert_ptr_nonnull(resolver);
    TorcResolver_unref(resolver);
    end_dns();
}
END_TEST

START_TEST(without_servers_the_systems_are_taken)
{
    begin_world(true);
    TorcResolver *resolver = TorcDNSResolver_new(reactor, NULL);
    ck_assert_ptr_nonnull(resolver);
    TorcResolver_unref(resolver);
    end_dns();
}
END_TEST

START_TEST(it_serves_its_own_reactor_alone)
{
    TorcDeferred *deferred;
    begin_world(true);
    TorcReactor *other = TorcReactor_new(NULL);
    start_client(NULL);
    ck_assert_int_eq(TorcReactor_installResolver(other, dns, NULL), 0);
    ck_assert_int_eq(TorcReactor_resolve(other, "one.test", 79, NULL, &deferred), -EINVAL);
    TorcReactor_free(other);
    end_dns();
}
END_TEST

/* ---- the other resolvers in front of it ---------------------------------------------------- */

START_TEST(hosts_and_cache_stand_in_front)
{
    static const char text[] = "192.0.2.77 my.test\n";
    begin_dns(_i);
    TorcResolver *cache = TorcCachingResolver_new(dns, NULL);
    TorcResolver *hosts = TorcHostsResolver_new(text, strlen(text), cache);
    TorcResolver_unref(cache);
    install(hosts);
    ck_assert_str_eq(look_up("my.test"), "192.0.2.77:79");
    ck_assert_int_eq(server.udp_questions, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(look_up("ONE.test"), "192.0.2.1:79");
    ck_assert_int_eq(server.udp_questions, 2);
    end_dns();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("DNS");
    TCase *both = tcase_create("on real sockets and simulated ones");
    TCase *single = tcase_create("in one world");
    tcase_set_timeout(both, 30);
    tcase_set_timeout(single, 60);

    const TTest *const twice[] = {
        a_name_has_its_addresses,
        both_families_are_asked_for_at_once,
        only_the_family_that_is_wanted_is_asked_for,
        an_alias_is_followed_and_the_shortest_lifetime_counts,
        each_look_up_has_a_port_of_its_own,
        a_long_answer_comes_over_TCP,
        no_more_addresses_are_kept_than_anybody_tries,
        a_name_that_does_not_exist_is_asked_for_once,
        a_name_that_resolves_to_nothing_is_a_failure,
        a_server_that_fails_is_asked_again_and_then_named,
        what_cannot_be_a_name_is_asked_of_nobody,
        a_server_that_does_not_answer_is_asked_again,
        an_answer_to_the_second_try_is_as_good,
        one_family_is_enough_when_the_other_is_not_answered,
        garbage_is_no_answer,
        an_answer_to_another_question_is_no_answer,
        an_answer_cut_in_a_record_is_a_failure,
        the_next_server_is_asked_at_once_when_nobody_is_there,
        nobody_to_be_reached_is_a_failure_at_once,
        a_look_up_may_be_cancelled_at_each_stage,
        a_TCP_exchange_may_be_cancelled,
        the_reactor_is_freed_in_the_middle,
        a_name_may_be_asked_for_from_inside_an_answer,
        an_answer_may_cancel_the_others_and_drop_the_resolver,
        hosts_and_cache_stand_in_front,
    };
    const TTest *const once[] = {
        the_tries_take_two_four_and_eight_seconds,
        a_try_takes_thirty_seconds_at_most,
        ten_thousand_names_are_resolved_at_once_with_few_sockets,
        many_names_on_real_sockets,
        ten_thousand_failures_at_once_take_no_stack,
        what_cannot_be_reached_comes_last,
        bad_options_are_refused,
        servers_are_written_in_five_ways,
        without_servers_the_systems_are_taken,
        it_serves_its_own_reactor_alone,
    };
    for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
        tcase_add_loop_test(both, twice[i], 0, 2);
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        tcase_add_test(single, once[i]);
    tcase_add_loop_test(single, each_allocation_may_fail, 0, 3);
    suite_add_tcase(suite, both);
    suite_add_tcase(suite, single);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
