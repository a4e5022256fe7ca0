/* The DNS client against a small name server in the same process: many look-ups at once, look-ups
 * that are cancelled, and no memory. */
#include "resolver_dns_fixture.h"

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

/* ---- cancelling ---------------------------------------------------------------------------- */

START_TEST(a_look_up_may_be_cancelled_at_each_stage) /* BUG-20 */
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
    static const char *const hosts[] = {"both.test", "cut.test", "none.test", "localhost"};
    ck_assert_int_eq(ares_library_init_mem(ARES_LIB_INIT_ALL, FailingMemory_allocate,
                                           FailingMemory_release, FailingMemory_reallocate),
                     0);
    long k = 0;
    while (try_without_memory(hosts[_i], k))
        k++;
    ck_assert_int_gt(k, strcmp(hosts[_i], "localhost") == 0 ? 2 : 20);
    ares_library_cleanup();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("DNS under load");
    TCase *both = tcase_create("on real sockets and simulated ones");
    TCase *single = tcase_create("in one world");
    tcase_set_timeout(both, 30);
    tcase_set_timeout(single, 60);

    const TTest *const twice[] = {
        a_look_up_may_be_cancelled_at_each_stage,
        a_TCP_exchange_may_be_cancelled,
        the_reactor_is_freed_in_the_middle,
        a_name_may_be_asked_for_from_inside_an_answer,
        an_answer_may_cancel_the_others_and_drop_the_resolver,
    };
    const TTest *const once[] = {
        ten_thousand_names_are_resolved_at_once_with_few_sockets,
        many_names_on_real_sockets,
        ten_thousand_failures_at_once_take_no_stack,
    };
    for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
        tcase_add_loop_test(both, twice[i], 0, 2);
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        tcase_add_test(single, once[i]);
    tcase_add_loop_test(single, each_allocation_may_fail, 0, 4);
    suite_add_tcase(suite, both);
    suite_add_tcase(suite, single);
    return run_suite(suite);
}
