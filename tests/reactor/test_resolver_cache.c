/* The cache: how long, how many, and who waits for whom. */
#include "resolver_fixture.h"

static Scripted next;

static void install_cache(const TorcCacheOptions *options)
{
    Scripted_init(&next);
    install(TorcCachingResolver_new(&next.base, options));
}

/* Asks and is answered by the script, if it comes to that. */
static const char *get(const char *host)
{
    static Outcome outcome;
    outcome = (Outcome){0};
    start(host, &outcome);
    if (next.pending)
        Scripted_answer(&next, scripted_list(79));
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(outcome.calls, 1);
    return outcome.kind ? outcome.text : outcome.addresses;
}

static const char both[] = "[2001:db8::9]:79 192.0.2.9:79";

/* ---- how long ------------------------------------------------------------------------------ */

START_TEST(an_answer_is_kept_for_a_minute)
{
    install_cache(NULL);
    ck_assert_str_eq(get("a"), both);
    TorcSim_advance(sim, 59.9);
    ck_assert_str_eq(get("a"), both);
    ck_assert_int_eq(next.asked, 1);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(get("a"), both);
    ck_assert_int_eq(next.asked, 2);
}
END_TEST

START_TEST(an_answer_that_may_be_kept_for_less_is_kept_for_less)
{
    Outcome outcome = {0};
    install_cache(NULL);
    start("a", &outcome);
    TorcAddressList *list = scripted_list(79);
    list->lifetime = 5;
    Scripted_answer(&next, list);
    TorcSim_advance(sim, 4.9);
    get("a");
    ck_assert_int_eq(next.asked, 1);
    TorcSim_advance(sim, 0.1);
    get("a");
    ck_assert_int_eq(next.asked, 2);
}
END_TEST

START_TEST(an_answer_that_may_be_kept_for_longer_is_not)
{
    Outcome outcome = {0};
    install_cache(TORC_CACHE_OPTIONS(.lifetime = 10));
    start("a", &outcome);
    TorcAddressList *list = scripted_list(79);
    list->lifetime = 86400;
    Scripted_answer(&next, list);
    TorcSim_advance(sim, 10);
    get("a");
    ck_assert_int_eq(next.asked, 2);
}
END_TEST

static void answer_with_lifetime(double lifetime)
{
    Outcome outcome = {0};
    start("a", &outcome);
    TorcAddressList *list = scripted_list(79);
    list->lifetime = lifetime;
    Scripted_answer(&next, list);
    ck_assert_str_eq(outcome.addresses, both);
}

START_TEST(an_answer_not_to_be_kept_is_not_kept) /* RFC 1035 §3.2.1: a TTL of zero */
{
    install_cache(NULL);
    answer_with_lifetime(0);
    answer_with_lifetime(-1);
    answer_with_lifetime(NAN);
    answer_with_lifetime(1);
    ck_assert_int_eq(next.asked, 4);
    get("a");
    ck_assert_int_eq(next.asked, 4);
}
END_TEST

START_TEST(an_answer_may_be_kept_for_ever)
{
    install_cache(TORC_CACHE_OPTIONS(.lifetime = 1e300));
    get("a");
    TorcSim_advance(sim, 1e8);
    get("a");
    ck_assert_int_eq(next.asked, 1);
}
END_TEST

START_TEST(a_failure_is_kept_for_a_second)
{
    Outcome outcome = {0};
    install_cache(NULL);
    start("a", &outcome);
    Scripted_fail(&next, TORC_CONNECTION_DNS_LOOKUP, -TORC_ELOOKUP);
    TorcSim_advance(sim, 0.9);
    ck_assert_str_eq(get("a"), "as the script says");
    ck_assert_int_eq(next.asked, 1);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(get("a"), both);
    ck_assert_int_eq(next.asked, 2);
}
END_TEST

START_TEST(failures_need_not_be_kept)
{
    Outcome outcome = {0};
    install_cache(TORC_CACHE_OPTIONS(.failureLifetime = -1));
    start("a", &outcome);
    Scripted_fail(&next, TORC_CONNECTION_DNS_LOOKUP, -TORC_ELOOKUP);
    ck_assert_str_eq(get("a"), both);
}
END_TEST

START_TEST(what_says_nothing_about_the_name_is_not_kept)
{
    static const TorcReasonKind kinds[] = {TORC_OPERATION_CANCELLED, TORC_CONNECTION_SHUTDOWN,
                                           TORC_OPERATION_TIMED_OUT, TORC_CONNECTION_DNS_LOOKUP};
    install_cache(NULL);
    for (int i = 0; i < 4; i++) {
        Outcome outcome = {0};
        start("a", &outcome);
        Scripted_fail(&next, kinds[i], -ENOMEM);
        ck_assert_int_eq(outcome.calls, 1);
    }
    ck_assert_int_eq(next.asked, 4);
}
END_TEST

START_TEST(nothing_is_kept_as_a_failure)
{
    Outcome outcome = {0};
    install_cache(NULL);
    start("a", &outcome);
    Scripted_answer(&next, NULL);
    ck_assert_str_eq(outcome.text, "cannot resolve \"a\": the name has no address");
    ck_assert_str_eq(get("a"), "cannot resolve \"a\": the name has no address");
    ck_assert_int_eq(next.asked, 1);
}
END_TEST

/* ---- what is the same name ----------------------------------------------------------------- */

START_TEST(case_and_a_final_dot_make_no_other_name)
{
    install_cache(NULL);
    get("Some.Example");
    get("sOME.eXAMPLE.");
    ck_assert_int_eq(next.asked, 1);
    get("some.example.org");
    ck_assert_int_eq(next.asked, 2);
}
END_TEST

START_TEST(families_are_kept_apart)
{
    Outcome outcome = {0};
    install_cache(NULL);
    get("a");
    TorcDeferred_detach(ask_with("a", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV4), &outcome));
    ck_assert_int_eq(next.asked, 2);
    ck_assert_int_eq(next.family, TORC_ADDRESS_IPV4);
    Scripted_answer(&next, scripted_list(79));
    ck_assert_str_eq(outcome.addresses, "192.0.2.9:79");
}
END_TEST

static void note_port(TorcResult *result, void *arg)
{
    *(uint16_t *)arg = ((TorcAddressList *)result->value)->addresses[0].port;
}

static void ask_for_port(uint16_t port, uint16_t *ret_seen)
{
    TorcDeferred *deferred;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", port, NULL, &deferred), 0);
    TorcDeferred_addCallback(deferred, note_port, ret_seen);
    TorcDeferred_detach(deferred);
}

START_TEST(each_gets_the_port_that_was_asked_for)
{
    uint16_t first = 0, second = 0, third = 0;
    install_cache(NULL);
    ask_for_port(80, &first);
    ask_for_port(443, &second);
    Scripted_answer(&next, scripted_list(80));
    ask_for_port(25, &third);
    TorcSim_advance(sim, 0);
    ck_assert_uint_eq(first, 80);
    ck_assert_uint_eq(second, 443);
    ck_assert_uint_eq(third, 25);
}
END_TEST

/* ---- how many ------------------------------------------------------------------------------ */

START_TEST(the_longest_unused_goes_first)
{
    install_cache(TORC_CACHE_OPTIONS(.names = 3));
    get("a");
    get("b");
    get("c");
    get("a"); /* used */
    get("d"); /* b goes */
    ck_assert_int_eq(next.asked, 4);
    get("a");
    get("c");
    get("d");
    ck_assert_int_eq(next.asked, 4);
    get("b");
    ck_assert_int_eq(next.asked, 5);
    get("c");
    ck_assert_int_eq(next.asked, 5);
    get("a"); /* was the longest unused */
    ck_assert_int_eq(next.asked, 6);
}
END_TEST

START_TEST(memory_is_bounded_however_many_names_there_are)
{
    end();
    FailingMemory_start(-1);
    begin();
    install_cache(TORC_CACHE_OPTIONS(.names = 10));
    char host[40];
    for (int i = 0; i < 2000; i++) {
        sprintf(host, "host%d.example", i);
        get(host);
    }
    long before = FailingMemory_live();
    for (int i = 2000; i < 4000; i++) {
        sprintf(host, "host%d.example", i);
        get(host);
    }
    ck_assert_int_eq(FailingMemory_live(), before);
    ck_assert_int_eq(next.asked, 4000);
    end();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    begin();
}
END_TEST

START_TEST(ten_thousand_names_at_once)
{
    enum { MANY = 10000 };
    static Outcome outcomes[MANY];
    install(TorcCachingResolver_new(NULL, NULL));
    for (int i = 0; i < MANY; i++) {
        char host[40];
        sprintf(host, "host%d.example", i % 5000);
        start(host, &outcomes[i]);
    }
    TorcSim_advance(sim, 1);
    for (int i = 0; i < MANY; i++)
        if (outcomes[i].calls != 1)
            ck_abort_msg("look-up %d: %d calls", i, outcomes[i].calls);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_LOOKUP), 5000);
}
END_TEST

/* ---- waiting for one another --------------------------------------------------------------- */

START_TEST(a_name_that_is_being_asked_for_is_not_asked_for_again)
{
    Outcome outcomes[3] = {0};
    install_cache(NULL);
    for (int i = 0; i < 3; i++)
        start("a", &outcomes[i]);
    ck_assert_int_eq(next.asked, 1);
    Scripted_answer(&next, scripted_list(79));
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(outcomes[i].addresses, both);
}
END_TEST

START_TEST(who_cancels_leaves_the_others_alone)
{
    for (int who = 0; who < 3; who++) {
        Outcome outcomes[3] = {0};
        TorcDeferred *asked[3];
        install_cache(NULL);
        for (int i = 0; i < 3; i++)
            asked[i] = ask("a", &outcomes[i]);
        TorcDeferred_cancel(asked[who]);
        ck_assert_int_eq(outcomes[who].kind, TORC_OPERATION_CANCELLED);
        ck_assert_int_eq(next.cancelled, 0);
        Outcome late = {0};
        start("a", &late);
        Scripted_answer(&next, scripted_list(79));
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(outcomes[i].calls, 1);
            ck_assert_int_eq(outcomes[i].kind, i == who ? (int)TORC_OPERATION_CANCELLED : 0);
            TorcDeferred_release(asked[i]);
        }
        ck_assert_str_eq(late.addresses, both);
    }
}
END_TEST

START_TEST(the_last_who_cancels_gives_up_the_look_up)
{
    Outcome first = {0}, second = {0};
    install_cache(NULL);
    TorcDeferred *a = ask("a", &first);
    TorcDeferred *b = ask("a", &second);
    TorcDeferred_release(a);
    ck_assert_int_eq(next.cancelled, 0);
    TorcDeferred_release(b);
    ck_assert_int_eq(next.cancelled, 1);
    ck_assert_str_eq(get("a"), both);
    ck_assert_int_eq(next.asked, 2);
}
END_TEST

START_TEST(a_deadline_is_that_of_who_set_it)
{
    Outcome soon = {0}, late = {0};
    install_cache(NULL);
    TorcDeferred_detach(ask_with("a", TORC_RESOLVE_OPTIONS(.timeout = 1), &soon));
    TorcDeferred_detach(ask_with("a", TORC_RESOLVE_OPTIONS(.timeout = 5), &late));
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(soon.kind, TORC_OPERATION_TIMED_OUT);
    ck_assert_int_eq(late.calls, 0);
    Scripted_answer(&next, scripted_list(79));
    ck_assert_str_eq(late.addresses, both);
}
END_TEST

START_TEST(who_is_told_may_cancel_the_others_and_drop_the_cache)
{
    Outcome first = {.then = cancel_others}, rest[3] = {0};
    install_cache(NULL);
    start("a", &first);
    for (int i = 0; i < 3; i++)
        others[i] = ask("a", &rest[i]);
    TorcResolver_unref(&next.base);
    Scripted_answer(&next, scripted_list(79));
    ck_assert_int_eq(first.kind, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rest[i].calls, 1);
        ck_assert_int_eq(rest[i].kind, TORC_OPERATION_CANCELLED);
    }
    ck_assert_int_eq(next.destroyed, 1);
}
END_TEST

static Outcome again;

static void ask_others(void *arg)
{
    (void)arg;
    start("a", &again);
    Outcome other = {0};
    TorcDeferred_release(ask("b", &other));
}

START_TEST(who_is_told_may_ask_again)
{
    Outcome first = {.then = ask_others}, second = {0};
    install_cache(TORC_CACHE_OPTIONS(.names = 1));
    start("a", &first);
    start("a", &second);
    Scripted_answer(&next, scripted_list(79));
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(second.addresses, both);
    ck_assert_str_eq(again.addresses, both); /* from the cache */
    ck_assert_int_eq(next.asked, 2);
}
END_TEST

START_TEST(a_failure_is_told_to_all_who_wait)
{
    Outcome outcomes[3] = {0};
    install_cache(NULL);
    for (int i = 0; i < 3; i++)
        start("a", &outcomes[i]);
    Scripted_fail(&next, TORC_CONNECTION_DNS_LOOKUP, -TORC_ELOOKUP);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(outcomes[i].text, "as the script says");
}
END_TEST

START_TEST(a_next_that_answers_at_once_is_remembered)
{
    install_cache(NULL);
    next.at_once = true;
    ck_assert_str_eq(get("a"), both);
    ck_assert_str_eq(get("a"), both);
    ck_assert_int_eq(next.asked, 1);
}
END_TEST

START_TEST(a_next_that_refuses_leaves_nothing)
{
    TorcDeferred *deferred;
    install_cache(NULL);
    next.refuse = -EIO;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", 79, NULL, &deferred), -EIO);
    next.refuse = 0;
    ck_assert_str_eq(get("a"), both);
}
END_TEST

START_TEST(the_reactor_is_freed_while_many_wait)
{
    Outcome outcomes[3] = {0};
    install_cache(NULL);
    for (int i = 0; i < 3; i++)
        start("a", &outcomes[i]);
    TorcResolver_unref(&next.base);
    TorcSim_free(sim);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(outcomes[i].kind, TORC_CONNECTION_SHUTDOWN);
    ck_assert_int_eq(next.cancelled, 1);
    ck_assert_int_eq(next.destroyed, 1);
    begin();
}
END_TEST

/* ---- bad calls, no memory ------------------------------------------------------------------ */

START_TEST(bad_calls_are_refused)
{
    TorcResolver bad;
    TorcCacheOptions options;
    TorcResolver_init(&bad, NULL);
    TorcCacheOptions_init(NULL);
    TorcCacheOptions_init(&options);
    ck_assert_uint_eq(options.size, sizeof(options));
    errno = 0;
    ck_assert_ptr_null(TorcCachingResolver_new(&bad, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcCachingResolver_new(NULL, TORC_CACHE_OPTIONS(.lifetime = -1)));
    ck_assert_ptr_null(TorcCachingResolver_new(NULL, TORC_CACHE_OPTIONS(.lifetime = NAN)));
    ck_assert_ptr_null(TorcCachingResolver_new(NULL, TORC_CACHE_OPTIONS(.failureLifetime = NAN)));
    ck_assert_ptr_null(TorcCachingResolver_new(NULL, &(TorcCacheOptions){0}));
}
END_TEST

/* Two look-ups of one name at once, then a third; the cache's `next` answers late or at once. */
static bool try_without_memory(bool at_once, long k)
{
    Outcome outcomes[3] = {0};
    FailingMemory_start(-1);
    begin();
    long before = FailingMemory_allocations();
    failing_memory.fail_at = before + k;
    Scripted_init(&next);
    next.at_once = at_once;
    TorcResolver *cache = TorcCachingResolver_new(&next.base, NULL);
    TorcReactor_installResolver(reactor, cache, NULL);
    TorcResolver_unref(cache);
    for (int i = 0; i < 3; i++) {
        TorcDeferred *deferred;
        int r = TorcReactor_resolve(reactor,
                                    i < 2   ? "a"
                                    : cache ? "A"
                                            : "one.example",
                                    79, NULL, &deferred);
        ck_assert(r == 0 || r == -ENOMEM);
        outcomes[i].calls = r < 0 ? 1 : 0;
        if (r == 0) {
            TorcDeferred_addBoth(deferred, note, &outcomes[i]);
            TorcDeferred_detach(deferred);
        }
        if (i != 1 || !next.pending)
            continue;
        TorcDeferred *pending = next.pending;
        TorcAddressList *list = scripted_list(79);
        next.pending = NULL;
        TorcDeferred_callback(pending, list, TorcAddressList_free);
    }
    if (next.pending)
        TorcDeferred_callback(next.pending, NULL, NULL);
    TorcSim_advance(sim, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(outcomes[i].calls, 1);
    bool failed = FailingMemory_allocations() > before + k;
    FailingMemory_recover();
    end();
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    return failed;
}

START_TEST(each_allocation_may_fail)
{
    end();
    for (int at_once = 0; at_once < 2; at_once++) {
        long k = 0;
        while (try_without_memory(at_once, k))
            k++;
        ck_assert_int_gt(k, 10);
    }
    begin();
}
END_TEST

RUN_TESTS("cache", an_answer_is_kept_for_a_minute,
          an_answer_that_may_be_kept_for_less_is_kept_for_less,
          an_answer_that_may_be_kept_for_longer_is_not, an_answer_not_to_be_kept_is_not_kept,
          an_answer_may_be_kept_for_ever, a_failure_is_kept_for_a_second, failures_need_not_be_kept,
          what_says_nothing_about_the_name_is_not_kept, nothing_is_kept_as_a_failure,
          case_and_a_final_dot_make_no_other_name, families_are_kept_apart,
          each_gets_the_port_that_was_asked_for, the_longest_unused_goes_first,
          memory_is_bounded_however_many_names_there_are, ten_thousand_names_at_once,
          a_name_that_is_being_asked_for_is_not_asked_for_again,
          who_cancels_leaves_the_others_alone, the_last_who_cancels_gives_up_the_look_up,
          a_deadline_is_that_of_who_set_it, who_is_told_may_cancel_the_others_and_drop_the_cache,
          who_is_told_may_ask_again, a_failure_is_told_to_all_who_wait,
          a_next_that_answers_at_once_is_remembered, a_next_that_refuses_leaves_nothing,
          the_reactor_is_freed_while_many_wait, bad_calls_are_refused, each_allocation_may_fail)
