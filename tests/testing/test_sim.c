/* The simulation with its reactor: what a user of the kit writes, over the production reactor and
 * transports, by edge and by level, and with one byte per call. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <torc/factories/client_factory.h>
#include <torc/factories/factory.h>
#include <torc/protocols/echo.h>
#include <torc/reactor/delayed_call.h>
#include <torc/reactor/errors.h>
#include <torc/reactor/reactor.h>
#include <torc/reactor/threads.h>
#include <torc/testing/sim.h>
#include <torc/testing/sim_seeds.h>
#include <torc/transports/tcp.h>
#include <torc/transports/transport.h>

static TorcSim *sim;
static TorcReactor *reactor;

/* What the callbacks below have seen since the simulation began. */
static int calls;
static double called_at;
static int failures;
static TorcReasonKind failure_kind;
static int losses;
static size_t answered;

static void begin_with(const TorcSimOptions *options)
{
    sim = TorcSim_newWith(options);
    ck_assert_ptr_nonnull(sim);
    reactor = TorcSim_reactor(sim);
    calls = failures = losses = 0;
    answered = 0;
}

static void begin(void)
{
    begin_with(TORC_SIM_OPTIONS(.seed = 1));
}

static void end(void)
{
    TorcSim_free(sim);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void note_call(void *arg)
{
    (void)arg;
    calls++;
    called_at = TorcReactor_seconds(reactor);
}

static void every_minute(void *arg)
{
    note_call(arg);
    TorcReactor_callLater(reactor, 60, every_minute, arg, NULL);
}

START_TEST(a_day_of_timers_passes_in_no_time) /* TASK-7 */
{
    TorcReactor_callLater(reactor, 60, every_minute, NULL, NULL);
    TorcSim_advance(sim, 24 * 60 * 60.0);
    ck_assert_int_eq(calls, 24 * 60);
    ck_assert_double_eq(called_at, 24 * 60 * 60.0);
    ck_assert_double_eq(TorcSim_seconds(sim), 24 * 60 * 60.0);
}
END_TEST

START_TEST(advance_stops_at_its_time_and_not_at_the_next_event)
{
    TorcReactor_callLater(reactor, 10, note_call, NULL, NULL);
    TorcSim_advance(sim, 9.5);
    ck_assert_int_eq(calls, 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 9.5);
    TorcSim_advance(sim, 0.5);
    ck_assert_int_eq(calls, 1);
    ck_assert_double_eq(called_at, 10);
}
END_TEST

/* Whatever the rounding: the same number of seconds is the same time. */
START_TEST(a_call_is_made_by_an_advance_of_its_own_delay)
{
    for (int i = 1; i <= 1000; i++) {
        calls = 0;
        TorcReactor_callLater(reactor, i / 1000.0, note_call, NULL, NULL);
        TorcSim_advance(sim, i / 1000.0);
        ck_assert_int_eq(calls, 1);
    }
}
END_TEST

static void call_again(void *arg)
{
    int *left = arg;
    if (--*left > 0)
        TorcReactor_callLater(reactor, 0, call_again, left, NULL);
}

START_TEST(advance_by_nothing_does_all_that_can_be_done_now) /* TASK-7 */
{
    int left = 100;
    TorcReactor_callLater(reactor, 0, call_again, &left, NULL);
    TorcSim_advance(sim, 0);
    ck_assert_int_eq(left, 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 0);
}
END_TEST

START_TEST(advance_survives_a_wait_that_fails)
{
    TorcReactor_callLater(reactor, 1, note_call, NULL, NULL);
    TorcSim_failCall(sim, TORC_SIM_WAIT, 1, ENOMEM, 5);
    TorcSim_advance(sim, 2);
    ck_assert_int_eq(calls, 1);
    ck_assert_double_eq(TorcSim_seconds(sim), 2);
}
END_TEST

START_TEST(centuries_can_pass)
{
    TorcSim_advance(sim, 1e300);
    ck_assert_double_gt(TorcSim_seconds(sim), 9e9);
}
END_TEST

/* ---- running ------------------------------------------------------------------------------- */

static void stop(void *arg)
{
    note_call(arg);
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

START_TEST(run_jumps_from_event_to_event_until_stopped)
{
    TorcReactor_callLater(reactor, 3600, stop, NULL, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(called_at, 3600);
}
END_TEST

/* What is said on stderr from now on. */
static FILE *catch_stderr(void)
{
    FILE *caught = tmpfile();
    ck_assert_ptr_nonnull(caught);
    fflush(stderr);
    ck_assert_int_ge(dup2(fileno(caught), STDERR_FILENO), 0);
    return caught;
}

static const char *text_of(FILE *caught)
{
    static char text[20000];
    fflush(stderr);
    rewind(caught);
    text[fread(text, 1, sizeof(text) - 1, caught)] = '\0';
    fclose(caught);
    return text;
}

START_TEST(a_run_in_which_nothing_can_ever_happen_says_what_is_still_there_and_fails)
{
    TorcReactor_callLater(reactor, INFINITY, stop, NULL, NULL);
    FILE *caught = catch_stderr();
    ck_assert_int_eq(TorcSim_run(sim), -EDEADLK);
    const char *text = text_of(caught);
    ck_assert_ptr_nonnull(strstr(text, "awaited the end of the run of home, but nothing can ever "
                                       "happen any more; still there:\n"
                                       "delayed call that never comes\n"));
    ck_assert_ptr_nonnull(strstr(text, "the end of the trace:\n"));
    ck_assert_ptr_nonnull(strstr(TorcSim_failure(sim), "the run of home"));
}
END_TEST

static void run_again(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcSim_run(sim), -EDEADLK);
    stop(NULL);
}

START_TEST(a_run_inside_a_run_is_refused_and_is_no_failure_of_the_first)
{
    TorcReactor_callLater(reactor, 1, run_again, NULL, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_ptr_null(TorcSim_failure(sim));
}
END_TEST

static void tick(void *arg)
{
    (void)arg;
    TorcReactor_callLater(reactor, 1, tick, NULL, NULL);
}

START_TEST(a_run_that_never_stops_says_what_is_still_there_and_fails)
{
    end();
    begin_with(TORC_SIM_OPTIONS(.seed = 5, .turns = 60));
    FILE *caught = catch_stderr();
    tick(NULL);
    ck_assert_int_eq(TorcSim_run(sim), -ETIMEDOUT);
    ck_assert_double_eq_tol(TorcSim_seconds(sim), 60, 1);
    const char *text = text_of(caught);
    ck_assert_ptr_nonnull(strstr(text, "awaited the end of the run of home within 60 turns; still "
                                       "there:\ndelayed call in 1.000000000 s\n"));
    ck_assert_ptr_nonnull(strstr(text, "the end of the trace:\n"));
    ck_assert_ptr_nonnull(strstr(text, "TORC_SIM_SEED=5\n"));
    TorcReactor_callLater(reactor, 30, stop, NULL, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0); /* the next run has all its turns again */
}
END_TEST

static void raise_signal(void *arg)
{
    TorcSim_raise(sim, *(int *)arg);
}

START_TEST(a_signal_stops_the_run)
{
    int signo = SIGTERM;
    TorcReactor_callLater(reactor, 5, raise_signal, &signo, NULL);
    TorcReactor_callLater(reactor, 1000, note_call, NULL, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(calls, 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 5);
}
END_TEST

static void finish_on_reactor(void *arg)
{
    ck_assert_str_eq(arg, "job");
    stop(arg);
}

static void job(void *arg)
{
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, finish_on_reactor, arg), 0);
}

START_TEST(thread_jobs_take_virtual_time_and_come_back)
{
    static char name[] = "job";
    TorcSim_setJobDelay(sim, 7);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, job, name), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(called_at, 7);
}
END_TEST

/* ---- echo ---------------------------------------------------------------------------------- */

static void serve_echo(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 7, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
}

/* Each way the kernel can behave. */
static const TorcSimOptions ways[] = {
    {.size = sizeof(TorcSimOptions)},
    {.size = sizeof(TorcSimOptions), .levelTriggered = true},
    {.size = sizeof(TorcSimOptions), .chunkSize = 1},
    {.size = sizeof(TorcSimOptions), .chunkSize = 1, .levelTriggered = true},
    {.size = sizeof(TorcSimOptions), .chunkSize = 7, .bufferSize = 100},
    {.size = sizeof(TorcSimOptions), .bufferSize = 1},
    {.size = sizeof(TorcSimOptions), .bufferSize = 1, .levelTriggered = true},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

START_TEST(echo_answers_a_client_that_half_closes_at_once)
{
    begin_with(&ways[_i]);
    serve_echo();
    TorcSimPeer *peer = TorcSim_connect(sim, 7);
    TorcSimPeer_send(peer, "hello, ");
    TorcSimPeer_send(peer, "world");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello, world");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(echo_gives_back_every_byte_of_a_client_that_reads_late)
{
    enum { WHOLE = 300000 };
    begin_with(&ways[_i]);
    serve_echo();
    char *sent = malloc(WHOLE);
    for (size_t i = 0; i < WHOLE; i++)
        sent[i] = (char)(i * 7 + i / 251);
    TorcSimPeer *peer = TorcSim_connect(sim, 7);
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_sendBytes(peer, sent, WHOLE);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 0);
    ck_assert(!TorcSimPeer_gotReset(peer));
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), WHOLE);
    ck_assert_mem_eq(TorcSimPeer_received(peer), sent, WHOLE);
    ck_assert(TorcSimPeer_gotEnd(peer));
    free(sent);
    end();
}
END_TEST

START_TEST(echo_serves_a_thousand_clients_and_leaves_no_descriptor)
{
    begin_with(&ways[_i]);
    size_t before = TorcSim_openDescriptors(sim);
    serve_echo();
    size_t listening = TorcSim_openDescriptors(sim);
    TorcSimPeer *peers[1000];
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "client %d", i);
        peers[i] = TorcSim_connect(sim, 7);
        ck_assert_ptr_nonnull(peers[i]);
        TorcSimPeer_send(peers[i], text);
    }
    TorcSim_advance(sim, 1);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "client %d", i);
        ck_assert_str_eq(TorcSimPeer_received(peers[i]), text);
        switch (i % 3) {
        case 0: TorcSimPeer_close(peers[i]); break;
        case 1: TorcSimPeer_reset(peers[i]); break;
        default: TorcSimPeer_shutdown(peers[i]); break;
        }
    }
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), listening + 1000);
    TorcSim_advance(sim, 60);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), listening);
    ck_assert_uint_ge(listening, before);
    end();
}
END_TEST

START_TEST(a_server_without_descriptors_lets_clients_wait_and_go_on)
{
    begin();
    serve_echo();
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, ENFILE, 3);
    TorcSimPeer *peer = TorcSim_connect(sim, 7);
    TorcSim_advance(sim, 60);
    TorcSimPeer *later = TorcSim_connect(sim, 7);
    TorcSimPeer_send(later, "still there?");
    TorcSim_advance(sim, 60);
    ck_assert_str_eq(TorcSimPeer_received(later), "still there?");
    (void)peer;
    end();
}
END_TEST

/* ---- a client ------------------------------------------------------------------------------ */

typedef struct Greeter {
    TorcProtocol base;
} Greeter;

static void greeter_connectionMade(TorcProtocol *self)
{
    TorcTransport_write(self->transport, "hello", 5);
}

static void greeter_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    answered += length;
}

static void greeter_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
    losses++;
}

static void greeter_failed(TorcClientFactory *self, TorcConnector *connector,
                           const TorcReason *reason)
{
    (void)self;
    (void)connector;
    failures++;
    failure_kind = TorcReason_kind(reason);
}

static const TorcProtocolClass greeter_class = {
    TORC_PROTOCOL_CLASS("greeter", Greeter),
    .connectionMade = greeter_connectionMade,
    .dataReceived = greeter_dataReceived,
    .connectionLost = greeter_connectionLost,
};

static const TorcClientFactoryClass greeters_class = {
    TORC_CLIENT_FACTORY_CLASS("greeters", TorcClientFactory),
    .factory.protocol = &greeter_class,
    .clientConnectionFailed = greeter_failed,
};

static void greet(const char *host)
{
    TorcClientFactory *factory = TorcClientFactory_new(&greeters_class);
    ck_assert_ptr_nonnull(factory);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, host, 79, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
}

START_TEST(a_client_reaches_a_peer_by_name)
{
    static const char *const addresses[] = {"2001:db8::7", "192.0.2.7"};
    begin_with(&ways[_i]);
    TorcSim_setAddresses(sim, "greet.example", addresses, 2);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.7", 79), 0); /* only the second answers */
    greet("greet.example");
    TorcSim_advance(sim, 1);
    TorcSimPeer *peer = TorcSim_accept(sim, 79);
    ck_assert_ptr_nonnull(peer);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(losses, 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
    end();
}
END_TEST

START_TEST(a_client_is_told_that_nobody_listens)
{
    greet("192.0.2.7");
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(failures, 1);
    ck_assert_int_eq(failure_kind, TORC_CONNECTION_REFUSED);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

START_TEST(a_client_is_told_that_there_is_no_such_name)
{
    greet("nowhere.example");
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(failures, 1);
    ck_assert_int_eq(failure_kind, TORC_CONNECTION_DNS_LOOKUP);
}
END_TEST

START_TEST(a_client_gives_up_after_its_timeout)
{
    TorcSim_blackHole(sim, "192.0.2.7");
    greet("192.0.2.7");
    TorcSim_advance(sim, 29.9);
    ck_assert_int_eq(failures, 0);
    TorcSim_advance(sim, 0.2);
    ck_assert_int_eq(failures, 1);
    ck_assert_int_eq(failure_kind, TORC_CONNECTION_TIMED_OUT);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}
END_TEST

START_TEST(the_code_under_test_can_talk_to_itself)
{
    begin_with(&ways[_i]);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 79, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    greet("localhost");
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(failures, 0);
    ck_assert_int_eq(losses, 0);
    TorcSim_free(sim);
    ck_assert_int_eq(losses, 1);
}
END_TEST

START_TEST(a_whole_conversation_takes_no_time)
{
    begin_with(&ways[_i]);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 79, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    greet("127.0.0.1");
    TorcSim_advance(sim, 0);
    ck_assert_uint_eq(answered, 5);
    ck_assert_double_eq(TorcSim_seconds(sim), 0);
    end();
}
END_TEST

/* ---- the simulation itself ----------------------------------------------------------------- */

START_TEST(a_run_can_be_repeated_call_for_call)
{
    uint64_t counts[2][TORC_SIM_CALLS];
    for (int round = 0; round < 2; round++) {
        begin_with(TORC_SIM_OPTIONS(.seed = 42, .bufferSize = 50, .chunkSize = 9));
        serve_echo();
        for (int i = 0; i < 20; i++)
            TorcSimPeer_send(TorcSim_connect(sim, 7), "a text of some length, sent by everybody");
        TorcSim_advance(sim, 5);
        for (int call = 0; call < TORC_SIM_CALLS; call++)
            counts[round][call] = TorcSim_countCalls(sim, (TorcSimCall)call);
        end();
    }
    ck_assert_mem_eq(counts[0], counts[1], sizeof(counts[0]));
    ck_assert_uint_ge(counts[0][TORC_SIM_RECV], 20 * 5);
}
END_TEST

START_TEST(bad_options_are_refused)
{
    errno = 0;
    ck_assert_ptr_null(TorcSim_newWith(&(TorcSimOptions){.size = 1}));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    TorcReactorOptions options = {.size = 1};
    ck_assert_ptr_null(TorcSim_newWith(TORC_SIM_OPTIONS(.reactor = &options)));
    ck_assert_int_eq(errno, EINVAL);
    TorcSim_free(NULL);
}
END_TEST

START_TEST(options_for_the_reactor_are_passed_on)
{
    int signo = SIGTERM;
    begin_with(TORC_SIM_OPTIONS(.reactor = TORC_REACTOR_OPTIONS(.noSignalHandlers = true,
                                                                .backend = "ignored")));
    ck_assert_str_eq(TorcReactor_backend(reactor), "simulation");
    TorcReactor_callLater(reactor, 1, raise_signal, &signo, NULL);
    TorcReactor_callLater(reactor, 2, stop, NULL, NULL);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_double_eq(TorcSim_seconds(sim), 2);
    end();
}
END_TEST

/* ---- misuse -------------------------------------------------------------------------------- */

static void silence(void)
{
    if (!freopen("/dev/null", "w", stderr))
        ck_abort_msg("no /dev/null");
    begin();
}

static void advance_from_inside(void *arg)
{
    (void)arg;
    TorcSim_advance(sim, 1);
}

START_TEST(advance_from_inside_a_callback_is_fatal)
{
    TorcReactor_callLater(reactor, 0, advance_from_inside, NULL, NULL);
    TorcSim_advance(sim, 1);
}
END_TEST

static void for_ever(void *arg)
{
    TorcReactor_callLater(reactor, 0, for_ever, arg, NULL);
}

START_TEST(a_loop_that_spins_is_fatal)
{
    TorcReactor_callLater(reactor, 0, for_ever, NULL, NULL);
    TorcSim_advance(sim, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim");
    SRunner *runner = srunner_create(suite);

    TCase *plain = tcase_create("simulation");
    tcase_add_checked_fixture(plain, begin, end);
    tcase_add_test(plain, a_day_of_timers_passes_in_no_time);
    tcase_add_test(plain, advance_stops_at_its_time_and_not_at_the_next_event);
    tcase_add_test(plain, a_call_is_made_by_an_advance_of_its_own_delay);
    tcase_add_test(plain, advance_by_nothing_does_all_that_can_be_done_now);
    tcase_add_test(plain, advance_survives_a_wait_that_fails);
    tcase_add_test(plain, centuries_can_pass);
    tcase_add_test(plain, run_jumps_from_event_to_event_until_stopped);
    tcase_add_test(plain,
                   a_run_in_which_nothing_can_ever_happen_says_what_is_still_there_and_fails);
    tcase_add_test(plain, a_run_inside_a_run_is_refused_and_is_no_failure_of_the_first);
    tcase_add_test(plain, a_run_that_never_stops_says_what_is_still_there_and_fails);
    tcase_add_test(plain, a_signal_stops_the_run);
    tcase_add_test(plain, thread_jobs_take_virtual_time_and_come_back);
    tcase_add_test(plain, a_client_is_told_that_nobody_listens);
    tcase_add_test(plain, a_client_is_told_that_there_is_no_such_name);
    tcase_add_test(plain, a_client_gives_up_after_its_timeout);
    suite_add_tcase(suite, plain);

    /* These make a simulation of their own. */
    TCase *own = tcase_create("ways");
    tcase_set_timeout(own, 30);
    tcase_add_loop_test(own, echo_answers_a_client_that_half_closes_at_once, 0, WAYS);
    tcase_add_loop_test(own, echo_gives_back_every_byte_of_a_client_that_reads_late, 0, WAYS);
    tcase_add_loop_test(own, echo_serves_a_thousand_clients_and_leaves_no_descriptor, 0, WAYS);
    tcase_add_loop_test(own, a_client_reaches_a_peer_by_name, 0, WAYS);
    tcase_add_loop_test(own, a_whole_conversation_takes_no_time, 0, WAYS);
    tcase_add_loop_test(own, the_code_under_test_can_talk_to_itself, 0, WAYS);
    tcase_add_test(own, a_server_without_descriptors_lets_clients_wait_and_go_on);
    tcase_add_test(own, a_run_can_be_repeated_call_for_call);
    tcase_add_test(own, bad_options_are_refused);
    tcase_add_test(own, options_for_the_reactor_are_passed_on);
    suite_add_tcase(suite, own);

    /* They end by abort, which only a forked test survives. */
    TCase *misuse = tcase_create("misuse");
    tcase_set_timeout(misuse, 30);
    tcase_add_checked_fixture(misuse, silence, end);
    if (srunner_fork_status(runner) == CK_FORK) {
        tcase_add_test_raise_signal(misuse, advance_from_inside_a_callback_is_fatal, SIGABRT);
        tcase_add_test_raise_signal(misuse, a_loop_that_spins_is_fatal, SIGABRT);
    }
    suite_add_tcase(suite, misuse);

    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
