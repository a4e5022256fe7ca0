/* The finger directory of the system's users: its look-ups on threads, their time, their failures, and
 * once over everything real. */
#include "finger_system_fixture.h"

/* ---- time, threads, failure ------------------------------------------------------------------ */

#define SORRY "Finger information is not available now, try again later\r\n"

START_TEST(a_slow_look_up_times_out_with_an_apology)
{
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0));
    TorcSimPeer *peer = ask("ann\r\n");
    TorcSim_advance(sim, 4.0);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    TorcSim_advance(sim, 1.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), SORRY);
    ck_assert(TorcSimPeer_gotEnd(peer));
    TorcSim_advance(sim, 2000.0); /* the text comes, and finds nobody */
    ck_assert_str_eq(TorcSimPeer_received(peer), SORRY);
}
END_TEST

START_TEST(too_many_look_ups_are_asked_to_come_again_at_once)
{
    TorcSimPeer *waiting[3];
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0, .mostLookups = 3));
    for (int i = 0; i < 3; i++)
        waiting[i] = ask("bob\r\n");
    check_answer("bob\r\n", SORRY);
    for (int i = 0; i < 3; i++)
        ck_assert(!TorcSimPeer_gotEnd(waiting[i]));
    check_answer("x@y\r\n", "Finger forwarding service denied\r\n");
}
END_TEST

START_TEST(look_ups_that_hang_count_until_they_are_done)
{
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0, .mostLookups = 2));
    TorcSimPeer_reset(ask("ann\r\n"));
    TorcSimPeer *late = ask("ann\r\n");
    TorcSim_advance(sim, 900.0);
    ck_assert_str_eq(TorcSimPeer_received(late), SORRY);
    TorcSim_setJobDelay(sim, 0.001);
    check_answer("bob\r\n", SORRY); /* at once: the threads are still held */
    TorcSim_advance(sim, 200.0);
    for (int i = 0; i < 5; i++)
        check_answer("bob\r\n", BOB);
}
END_TEST

START_TEST(by_default_64_look_ups_may_be_under_way)
{
    TorcSim_setJobDelay(sim, 1000.0);
    listen_with(NULL);
    for (int i = 0; i < 64; i++)
        ck_assert(!TorcSimPeer_gotEnd(ask("bob\r\n")));
    check_answer("bob\r\n", SORRY);
}
END_TEST

START_TEST(a_directory_without_memory_is_told)
{
    bool made = false;
    TorcFingerDirectory_unref(torc__fingerSystemDirectory_new(NULL, &invented_host));
    for (long k = 0; !made; k++) {
        FailingMemory_start(k);
        errno = 0;
        TorcFingerDirectory *directory = torc__fingerSystemDirectory_new(NULL, &invented_host);
        made = directory;
        ck_assert(made || errno == ENOMEM);
        TorcFingerDirectory_unref(directory);
        ck_assert_int_eq(FailingMemory_live(), 0);
        FailingMemory_stop();
    }
}
END_TEST

START_TEST(the_time_out_can_be_off)
{
    TorcSim_setJobDelay(sim, 1e5);
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = -1.0));
    TorcSimPeer *peer = ask("bob\r\n");
    TorcSim_advance(sim, 1.1e5);
    ck_assert_str_eq(TorcSimPeer_received(peer), BOB);
}
END_TEST

START_TEST(a_half_closed_client_gets_what_is_found_later)
{
    TorcSim_setJobDelay(sim, 10.0);
    listen_with(NULL);
    TorcSimPeer *peer = TorcSim_connect(sim, PORT);
    TorcSimPeer_send(peer, "bob\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 11.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), BOB);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(a_client_that_leaves_does_no_harm)
{
    TorcSim_setJobDelay(sim, 10.0);
    listen_with(NULL);
    TorcSimPeer_reset(ask("ann\r\n"));
    TorcSim_advance(sim, 100.0);
    check_answer("/x\r\n", "Bad query: expected [/W] [user], and a carriage return and line feed"
                           "\r\n");
}
END_TEST

START_TEST(a_reactor_that_is_freed_during_a_look_up_leaks_nothing)
{
    TorcSim_setJobDelay(sim, 10.0);
    listen_with(NULL);
    (void)ask("ann\r\n");
    TorcSim_free(sim); /* the sanitizer looks for leaks */
    sim = TorcSim_new(1);
}
END_TEST

START_TEST(an_answered_look_up_leaves_no_delayed_call)
{
    listen_with(NULL);
    TorcSimPeer *peer = ask("bob\r\n");
    ck_assert_str_eq(TorcSimPeer_received(peer), BOB);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 15.0); /* the closed socket has lingered long enough */
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 0);
}
END_TEST

START_TEST(an_account_that_cannot_be_read_is_apologised_for)
{
    listen_with(NULL);
    invented.account_code = -EIO;
    check_answer("ann\r\n", SORRY);
    invented.account_code = 0;
    check_answer("bob\r\n", BOB);
}
END_TEST

START_TEST(a_look_up_without_memory_is_apologised_for_and_leaks_nothing)
{
    bool enough = false;
    put("ann", ".plan", "rest\n");
    listen_with(TORC_FINGER_SYSTEM_OPTIONS(.timeout = 5.0));
    ck_assert(answer_holds("smith\r\n", "rest")); /* what is made at first use is there */
    for (long k = 0; !enough; k++) {
        TorcSimPeer *peer = TorcSim_connect(sim, PORT);
        TorcSimPeer_send(peer, "smith\r\n");
        FailingMemory_start(k);
        TorcSim_advance(sim, 100.0);
        enough = FailingMemory_allocations() <= k;
        FailingMemory_stop();
        const char *text = TorcSimPeer_received(peer);
        /* The invented search may have broken off, and then told of fewer. */
        ck_assert_msg(text[0] == '\0' || strcmp(text, SORRY) == 0 || strstr(text, "Login: ") ||
                          strstr(text, "no such user"),
                      "%ld: %s", k, text);
        ck_assert_msg(TorcSimPeer_gotEnd(peer) || TorcSimPeer_gotReset(peer), "%ld", k);
        ck_assert(!enough || strstr(text, "Login: daemon"));
    }
}
END_TEST

START_TEST(bad_options_are_refused)
{
    errno = 0;
    ck_assert_ptr_null(TorcFingerSystemDirectory_new(TORC_FINGER_SYSTEM_OPTIONS(.timeout = NAN)));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcFingerSystemDirectory_new(&(TorcFingerSystemOptions){.noFiles = true}));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(initialised_options_are_the_defaults)
{
    TorcFingerSystemOptions options;
    memset(&options, 0x5a, sizeof(options));
    TorcFingerSystemOptions_init(&options);
    listen_with(&options);
    check_answer("bob\r\n", BOB);
}
END_TEST

/* ---- all real -------------------------------------------------------------------------------- */

typedef struct Real {
    TorcReactor *reactor;
    int left;
    int found;
} Real;

static void check_root(TorcResult *result, void *arg)
{
    Real *real = arg;
    const TorcFingerReply *reply = result->value;
    ck_assert_ptr_nonnull(reply);
    ck_assert_ptr_null(reply->reason);
    real->found += strncmp(reply->text, "Login: root ", 12) == 0;
    if (--real->left == 0)
        TorcReactor_stop(real->reactor);
}

static void give_up(void *arg)
{
    (void)arg;
    ck_abort_msg("no answer within 20 s");
}

START_TEST(the_real_system_is_asked_on_threads)
{
    Real real = {.reactor = TorcReactor_new(NULL), .left = 20};
    TorcPort *port;
    TorcAddress address;
    TorcDeferred *reply;
    char target[32];

    ck_assert_ptr_nonnull(real.reactor);
    listen_on(real.reactor, TorcFingerSystemDirectory_new(NULL), false, 0, &port);
    TorcPort_getHost(port, &address);
    for (int i = 0; i < 20; i++) {
        snprintf(target, sizeof(target), "root@127.0.0.1:%d", address.port);
        ck_assert_int_eq(TorcReactor_finger(real.reactor, target,
                                            TORC_FINGER_CLIENT_OPTIONS(.verbose = i % 2), &reply),
                         0);
        TorcDeferred_addBoth(reply, check_root, &real);
        TorcDeferred_detach(reply);
    }
    ck_assert_int_eq(TorcReactor_callLater(real.reactor, 20.0, give_up, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(real.reactor), 0);
    ck_assert_int_eq(real.found, 20);
    TorcReactor_free(real.reactor);
}
END_TEST

START_TEST(real_accounts_are_found_by_login_and_name)
{
    TorcFingerAccount account;
    TorcFingerAccount found[4];
    const TorcFingerHost *host = &torc__finger_host;

    ck_assert_int_eq(host->account(host, "root", &account), 0);
    ck_assert_str_eq(account.login, "root");
    ck_assert_uint_eq(account.uid, 0);
    int count = account.name[0] ? host->search(host, account.name, 0, found, 4) : 0;
    ck_assert_int_ge(count, account.name[0] ? 1 : 0);
    while (count > 0)
        torc__fingerAccount_done(&found[--count]);
    torc__fingerAccount_done(&account);
    ck_assert_int_eq(host->account(host, "no-such-user-here", &account), -ENOENT);
    ck_assert_int_eq(host->search(host, "no such name here", 0, found, 4), 0);
    ck_assert_int_eq(host->search(host, "root", UINT32_MAX, found, 4), 0);
}
END_TEST

START_TEST(real_sessions_can_be_read)
{
    TorcFingerSession sessions[4];
    int count = torc__finger_host.sessions(&torc__finger_host, sessions, 4);
    ck_assert_int_ge(count, 0);
    for (int i = 0; i < count; i++)
        ck_assert_int_ne(sessions[i].login[0], '\0');
}
END_TEST

/* ---- all of them ----------------------------------------------------------------------------- */

static void add_failure(Suite *suite)
{
    TCase *tests = add_case(suite, "time, threads, failure");
    tcase_add_test(tests, a_slow_look_up_times_out_with_an_apology);
    tcase_add_test(tests, too_many_look_ups_are_asked_to_come_again_at_once);
    tcase_add_test(tests, look_ups_that_hang_count_until_they_are_done);
    tcase_add_test(tests, by_default_64_look_ups_may_be_under_way);
    tcase_add_test(tests, a_directory_without_memory_is_told);
    tcase_add_test(tests, the_time_out_can_be_off);
    tcase_add_test(tests, a_half_closed_client_gets_what_is_found_later);
    tcase_add_test(tests, a_client_that_leaves_does_no_harm);
    tcase_add_test(tests, a_reactor_that_is_freed_during_a_look_up_leaks_nothing);
    tcase_add_test(tests, an_answered_look_up_leaves_no_delayed_call);
    tcase_add_test(tests, an_account_that_cannot_be_read_is_apologised_for);
    tcase_add_test(tests, a_look_up_without_memory_is_apologised_for_and_leaks_nothing);
    tcase_add_test(tests, bad_options_are_refused);
    tcase_add_test(tests, initialised_options_are_the_defaults);
}

int main(void)
{
    Suite *suite = suite_create("look-ups of the finger system directory");
    TCase *real = tcase_create("all real");
    add_failure(suite);
    suite_add_tcase(suite, real);
    tcase_set_timeout(real, 30);
    tcase_add_test(real, the_real_system_is_asked_on_threads);
    tcase_add_test(real, real_accounts_are_found_by_login_and_name);
    tcase_add_test(real, real_sessions_can_be_read);
    return run_suite(suite);
}
