/* The finger server with directories of one's own: when they answer, what becomes of the answer, what
 * is logged, and how their classes are checked. */
#include "finger_fixture.h"

/* ---- directories of one's own ---------------------------------------------------------------- */

/* Keeps each answer until the test completes it. */
typedef struct Later {
    TorcFingerDirectory base;
    TorcFingerAnswer *answer;
    TorcFingerQuery query;
    int result;
    int lookups;
} Later;

static int later_lookup(TorcFingerDirectory *self, const TorcFingerQuery *query,
                        TorcFingerAnswer *answer)
{
    Later *later = (Later *)self;
    later->query = *query;
    later->lookups++;
    if (later->result == 0)
        later->answer = TorcFingerAnswer_ref(answer);
    return later->result;
}

static int destroyed;

static void later_destroy(TorcFingerDirectory *self)
{
    ck_assert_ptr_null(((Later *)self)->answer);
    destroyed++;
}

static const TorcFingerDirectoryClass later_class = {
    TORC_FINGER_DIRECTORY_CLASS("later", Later),
    .lookup = later_lookup,
    .destroy = later_destroy,
};

/* The server keeps it alive as long as it listens. */
static Later *listen_later(bool utf8, size_t limit)
{
    Later *later = (Later *)TorcFingerDirectory_new(&later_class);
    ck_assert_ptr_nonnull(later);
    listen_with(TORC_FINGER_OPTIONS(.directory = &later->base, .allowForwarding = true,
                                    .utf8 = utf8, .answerLimit = limit));
    TorcFingerDirectory_unref(&later->base);
    return later;
}

static TorcSimPeer *ask_later(const char *query)
{
    return ask_bytes(query, strlen(query));
}

START_TEST(an_answer_may_come_later)
{
    Later *later = listen_later(false, 0);
    TorcSimPeer *peer = ask_later("/W ann@h1@h2\r\n");
    ck_assert_str_eq(later->query.user, "ann");
    ck_assert_str_eq(later->query.hosts, "h1@h2");
    ck_assert(later->query.verbose);
    TorcSim_advance(sim, 100.0); /* the query's time-out is over with the query */
    ck_assert(!TorcSimPeer_gotEnd(peer));
    ck_assert(TorcFingerAnswer_active(later->answer));
    ck_assert_ptr_eq(TorcFingerAnswer_getReactor(later->answer), TorcSim_reactor(sim));

    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, "one\n", 4), 0);
    TorcSim_advance(sim, 1.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\r\n");
    ck_assert_int_eq(TorcFingerAnswer_printf(later->answer, "%s-%d", "two", 2), 0);
    ck_assert_int_eq(TorcFingerAnswer_finish(later->answer), 0);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\r\ntwo-2\r\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
    later->answer = TorcFingerAnswer_unref(later->answer);
}
END_TEST

START_TEST(a_second_query_is_not_looked_up_while_the_first_is)
{
    Later *later = listen_later(false, 0);
    TorcSimPeer *peer = ask_later("ann\r\nbob\r\n");
    TorcSimPeer_send(peer, "carol\r\n");
    TorcSim_advance(sim, 1.0);
    ck_assert_int_eq(later->lookups, 1);
    ck_assert_str_eq(later->query.user, "ann");
    later->answer = TorcFingerAnswer_unref(later->answer);
}
END_TEST

START_TEST(an_answer_is_finished_once)
{
    Later *later = listen_later(false, 0);
    TorcSimPeer *peer = ask_later("ann\r\n");
    ck_assert_int_eq(TorcFingerAnswer_finish(later->answer), 0);
    ck_assert(!TorcFingerAnswer_active(later->answer));
    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, "x", 1), -EPIPE);
    ck_assert_int_eq(TorcFingerAnswer_printf(later->answer, "x"), -EPIPE);
    ck_assert_int_eq(TorcFingerAnswer_finish(later->answer), -EPIPE);
    ck_assert_int_eq(TorcFingerAnswer_fail(later->answer, NULL), -EPIPE);
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_late_answer_reaches_a_half_closed_client) /* BUG-9 */
{
    Later *later = listen_later(false, 0);
    TorcSimPeer *peer = connect_peer();
    TorcSimPeer_send(peer, "ann\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
    ck_assert(!TorcSimPeer_gotEnd(peer));
    ck_assert_int_eq(TorcFingerAnswer_fail(later->answer, "she left"), 0);
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "she left\r\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(an_answer_outlives_its_client)
{
    Later *later = listen_later(false, 0);
    TorcSimPeer *peer = ask_later("ann\r\n");
    TorcSimPeer_reset(peer);
    TorcSim_advance(sim, 0.1);
    ck_assert(!TorcFingerAnswer_active(later->answer));
    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, "x", 1), -EPIPE);
    ck_assert_int_eq(TorcFingerAnswer_finish(later->answer), -EPIPE);
    later->answer = TorcFingerAnswer_unref(later->answer);
}
END_TEST

START_TEST(an_answer_never_reaches_another_client) /* BUG-45 */
{
    Later *later = listen_later(false, 0);
    TorcSimPeer_reset(ask_later("ann\r\n"));
    TorcSim_advance(sim, 0.1);
    TorcFingerAnswer *old = later->answer;
    TorcSimPeer *other = ask_later("bob\r\n"); /* the connection's memory is used again */
    ck_assert_int_eq(TorcFingerAnswer_fail(old, "for ann"), -EPIPE);
    TorcFingerAnswer_unref(old);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(other), "");
    later->answer = TorcFingerAnswer_unref(later->answer);
}
END_TEST

START_TEST(an_answer_nobody_gives_fails)
{
    Later *later = listen_later(false, 0);
    TorcSimPeer *peer = ask_later("ann\r\n");
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), unavailable);
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_lookup_that_fails_is_apologised_for)
{
    Later *later = listen_later(false, 0);
    later->result = -EIO;
    check_answer("ann\r\n", unavailable);
}
END_TEST

static void stop(void *reactor)
{
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

START_TEST(an_answer_may_outlive_the_reactor_s_connections)
{
    Later *later = listen_later(false, 0);
    (void)ask_later("ann\r\n");
    TorcFingerAnswer *answer = later->answer;
    later->answer = NULL;
    destroyed = 0;
    TorcReactor *reactor = TorcSim_reactor(sim);
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, stop, reactor), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(TorcFingerAnswer_finish(answer), -EPIPE);
    TorcFingerAnswer_unref(answer);
}
END_TEST

START_TEST(what_a_directory_tells_is_filtered) /* RFC 1288 §3.3 */
{
    Later *later = listen_later(false, 0);
    TorcSimPeer *peer = ask_later("ann\r\n");
    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, "\033[2J\0J\303\274rgen\rX\n", 15), 0);
    ck_assert_int_eq(TorcFingerAnswer_finish(later->answer), 0);
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "?[2J?J?rgenX\r\n");
}
END_TEST

START_TEST(utf8_passes_where_it_is_allowed)
{
    Later *later = listen_later(true, 0);
    TorcSimPeer *peer = ask_later("ann\r\n");
    ck_assert_int_eq(TorcFingerAnswer_fail(later->answer, "\033J\303\274rgen"), 0);
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "?J\303\274rgen\r\n");
}
END_TEST

START_TEST(an_answer_is_cut_at_its_limit)
{
    Later *later = listen_later(false, 12);
    TorcSimPeer *peer = ask_later("ann\r\n");
    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, "one\n", 4), 0);
    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, "two\nthree\n", 10), -EFBIG);
    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, "x", 1), -EFBIG);
    ck_assert_int_eq(TorcFingerAnswer_finish(later->answer), 0);
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer),
                     "one\r\ntwo\r\nThe answer was longer and is cut off here.\r\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_big_answer_reaches_a_slow_reader_whole)
{
    static char text[700001];
    Later *later = listen_later(false, 0);
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = i % 70 == 69 ? '\n' : 'x';
    TorcSimPeer *peer = ask_later("ann\r\n");
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(TorcFingerAnswer_write(later->answer, text, sizeof(text) - 1), 0);
    ck_assert_int_eq(TorcFingerAnswer_finish(later->answer), 0);
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 10.0);
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 10.0);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 700000 + 10000);
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(nothing_is_read_while_an_answer_is_awaited)
{
    static char flood[1 << 20];
    Later *later = listen_later(false, 0);
    memset(flood, 'x', sizeof(flood));
    TorcSimPeer *peer = ask_later("ann\r\n");
    uint64_t reads = TorcSim_countCalls(sim, TORC_SIM_RECV);
    TorcSimPeer_sendBytes(peer, flood, sizeof(flood));
    TorcSim_advance(sim, 10.0);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_RECV) - reads, 1);
    ck_assert_int_eq(TorcFingerAnswer_fail(later->answer, "here"), 0);
    later->answer = TorcFingerAnswer_unref(later->answer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "here\r\n");
}
END_TEST

/* ---- the log --------------------------------------------------------------------------------- */

static char logged[1024];

static void note_event(const TorcLogEvent *event, void *arg)
{
    ck_assert_ptr_eq(arg, &logged);
    if (strncmp(event->name, "finger.", 7) != 0)
        return;
    size_t length = strlen(logged);
    length += TorcLogEvent_format(event, logged + length, sizeof(logged) - length);
    snprintf(logged + length, sizeof(logged) - length, "|");
}

START_TEST(queries_and_failed_lookups_are_logged) /* RFC 1288 §3.2.7 */
{
    Later *later = listen_later(false, 0);
    logged[0] = '\0';
    torc_setLogObserver(note_event, &logged, TORC_LOG_DEBUG);
    later->result = -EIO;
    check_answer("/W ann\r\n", unavailable);
    check_starts("\033x\n", 3, "Bad query: ");
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    ck_assert_ptr_nonnull(strstr(logged, "finger.query peer=\"127.0.0.1:"));
    ck_assert_ptr_nonnull(strstr(logged, "query=\"/W ann\"|finger.lookup-failed code=-5|"));
    ck_assert_ptr_nonnull(strstr(logged, "query=\"\\x1bx\"|"));
}
END_TEST

/* ---- classes --------------------------------------------------------------------------------- */

static int child_destroyed;

static void child_destroy(TorcFingerDirectory *self)
{
    (void)self;
    child_destroyed++;
}

START_TEST(a_directory_class_inherits_and_chains_destroy)
{
    static const TorcFingerDirectoryClass child_class = {
        TORC_FINGER_DIRECTORY_SUBCLASS("child", Later, &later_class),
        .destroy = child_destroy,
    };
    destroyed = child_destroyed = 0;
    TorcFingerDirectory *child = TorcFingerDirectory_new(&child_class);
    ck_assert_ptr_nonnull(child);
    ck_assert(child->cls->lookup == later_lookup);
    ck_assert_ptr_eq(TorcFingerDirectory_ref(child), child);
    ck_assert_ptr_null(TorcFingerDirectory_unref(child));
    ck_assert_int_eq(destroyed + child_destroyed, 0);
    ck_assert_ptr_null(TorcFingerDirectory_unref(child));
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(child_destroyed, 1);
}
END_TEST

START_TEST(a_class_that_does_not_fit_is_refused)
{
    static const TorcFingerDirectoryClass small_class = {
        .class_size = sizeof(TorcFingerDirectoryClass),
        .instance_size = 8,
        .name = "small",
        .parent = &torc_finger_directory_class,
    };
    errno = 0;
    ck_assert_ptr_null(TorcFingerDirectory_new(&small_class));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcFingerDirectory_new(NULL));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(bad_options_are_refused)
{
    errno = 0;
    ck_assert_ptr_null(TorcFingerFactory_new(TORC_FINGER_OPTIONS(.queryTimeout = NAN)));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcFingerFactory_new(&(TorcFingerOptions){.refuseList = true}));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    ck_assert_int_eq(TorcFingerAnswer_write(NULL, "x", 1), -EINVAL);
    ck_assert_int_eq(TorcFingerAnswer_printf(NULL, "x"), -EINVAL);
    ck_assert_int_eq(TorcFingerAnswer_finish(NULL), -EINVAL);
    ck_assert_int_eq(TorcFingerAnswer_fail(NULL, NULL), -EINVAL);
    ck_assert(!TorcFingerAnswer_active(NULL));
    ck_assert_ptr_null(TorcFingerAnswer_getReactor(NULL));
    ck_assert_ptr_null(TorcFingerAnswer_ref(NULL));
    ck_assert_ptr_null(TorcFingerAnswer_unref(NULL));
    ck_assert_ptr_null(TorcFingerDirectory_ref(NULL));
    ck_assert_ptr_null(TorcFingerDirectory_unref(NULL));
}
END_TEST

START_TEST(initialised_options_are_the_defaults)
{
    TorcFingerOptions options;
    memset(&options, 0x5a, sizeof(options));
    TorcFingerOptions_init(&options);
    listen_with(&options);
    check_answer("root\r\n", "root: no such user\r\n");
}
END_TEST

/* ---- all of them ----------------------------------------------------------------------------- */

static void add_answers(Suite *suite)
{
    TCase *tests = add_case(suite, "answers");
    tcase_add_test(tests, an_answer_may_come_later);
    tcase_add_test(tests, a_second_query_is_not_looked_up_while_the_first_is);
    tcase_add_test(tests, an_answer_is_finished_once);
    tcase_add_test(tests, a_late_answer_reaches_a_half_closed_client);
    tcase_add_test(tests, an_answer_outlives_its_client);
    tcase_add_test(tests, an_answer_never_reaches_another_client);
    tcase_add_test(tests, an_answer_nobody_gives_fails);
    tcase_add_test(tests, a_lookup_that_fails_is_apologised_for);
    tcase_add_test(tests, an_answer_may_outlive_the_reactor_s_connections);
    tcase_add_test(tests, what_a_directory_tells_is_filtered);
    tcase_add_test(tests, utf8_passes_where_it_is_allowed);
    tcase_add_test(tests, an_answer_is_cut_at_its_limit);
    tcase_add_test(tests, a_big_answer_reaches_a_slow_reader_whole);
    tcase_add_test(tests, nothing_is_read_while_an_answer_is_awaited);
    tcase_add_test(tests, queries_and_failed_lookups_are_logged);
}

static void add_boundary(Suite *suite)
{
    TCase *tests = add_case(suite, "boundary");
    tcase_add_test(tests, a_directory_class_inherits_and_chains_destroy);
    tcase_add_test(tests, a_class_that_does_not_fit_is_refused);
    tcase_add_test(tests, bad_options_are_refused);
    tcase_add_test(tests, null_arguments_are_refused);
    tcase_add_test(tests, initialised_options_are_the_defaults);
}

int main(void)
{
    Suite *suite = suite_create("finger answers");
    add_answers(suite);
    add_boundary(suite);
    return run_suite(suite);
}
