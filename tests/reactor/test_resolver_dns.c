/* The DNS client against a small name server in the same process: answers, refusals, silence. Every
 * test runs on real sockets and in a simulation. */
#include "resolver_dns_fixture.h"

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

START_TEST(localhost_is_this_host_and_nobody_is_asked) /* RFC 6761 §6.3 */
{
    static const char *const names[] = {"localhost", "LocalHost.", "printer.localhost",
                                        "a.b.LOCALHOST"};
    begin_dns(_i);
    for (size_t i = 0; i < 4; i++) {
        const char *addresses = look_up(names[i]);
        ck_assert(strcmp(addresses, "[::1]:79 127.0.0.1:79") == 0 ||
                  (!simulated && strcmp(addresses, "127.0.0.1:79 [::1]:79") == 0));
    }
    ck_assert_str_eq(look_up_with("localhost", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV4)),
                     "127.0.0.1:79");
    ck_assert_str_eq(look_up_with("localhost", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV6)),
                     "[::1]:79");
    ck_assert_int_eq(server.udp_questions, 0);
    end_dns();
}
END_TEST

START_TEST(names_like_localhost_are_asked_for)
{
    static const char *const names[] = {"none.mylocalhost", "none.localhost.test", "none"};
    begin_dns(_i);
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_nonnull(strstr(look_up(names[i]), "there is no such name"));
        ck_assert_int_eq(server.udp_questions, 2 * (i + 1));
    }
    end_dns();
}
END_TEST

START_TEST(localhost_without_IPv6_is_IPv4_first)
{
    begin_dns(true);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_CONNECT, .nth = 1, .times = 1,
                                         .error = EADDRNOTAVAIL));
    ck_assert_str_eq(look_up("localhost"), "127.0.0.1:79 [::1]:79");
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

START_TEST(each_look_up_has_a_port_of_its_own) /* RFC 5452 §9.2, BUG-20 */
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

START_TEST(what_cannot_be_a_name_is_asked_of_nobody) /* BUG-21 */
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

START_TEST(an_answer_to_another_question_is_no_answer) /* RFC 5452 §9.1, BUG-20 */
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
        localhost_is_this_host_and_nobody_is_asked,
        names_like_localhost_are_asked_for,
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
        hosts_and_cache_stand_in_front,
    };
    const TTest *const once[] = {
        the_tries_take_two_four_and_eight_seconds,
        a_try_takes_thirty_seconds_at_most,
        what_cannot_be_reached_comes_last,
        localhost_without_IPv6_is_IPv4_first,
        bad_options_are_refused,
        servers_are_written_in_five_ways,
        without_servers_the_systems_are_taken,
        it_serves_its_own_reactor_alone,
    };
    for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
        tcase_add_loop_test(both, twice[i], 0, 2);
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        tcase_add_test(single, once[i]);
    suite_add_tcase(suite, both);
    suite_add_tcase(suite, single);
    return run_suite(suite);
}
