/* The finger server, its answers, and the table of users, on the simulated kernel. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "clean_end.h"

enum { PORT = 79 };

static const char forwarding_denied[] = "Finger forwarding service denied\r\n";
static const char unavailable[] = "Finger information is not available now, try again later\r\n";

static TorcSim *sim;

static void listen_with(const TorcFingerOptions *options)
{
    TorcFingerFactory *factory = TorcFingerFactory_new(options);
    ck_assert_ptr_nonnull(factory);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, &factory->base, NULL, NULL),
                     0);
    TorcFactory_unref(&factory->base);
}

static void set_up(void)
{
    sim = TorcSim_new(1);
}

static void tear_down(void)
{
    end_clean(sim);
}

static TorcSimPeer *connect_peer(void)
{
    TorcSimPeer *peer = TorcSim_connect(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    return peer;
}

static TorcSimPeer *ask_bytes(const void *query, size_t length)
{
    TorcSimPeer *peer = connect_peer();
    TorcSimPeer_sendBytes(peer, query, length);
    TorcSim_advance(sim, 0.1);
    return peer;
}

/* A query and what the server answers before it closes in order. */
static void check_answer(const char *query, const char *expected)
{
    TorcSimPeer *peer = ask_bytes(query, strlen(query));
    ck_assert_str_eq(TorcSimPeer_received(peer), expected);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}

static void check_starts(const char *query, size_t length, const char *start)
{
    TorcSimPeer *peer = ask_bytes(query, length);
    ck_assert_msg(strncmp(TorcSimPeer_received(peer), start, strlen(start)) == 0, "%s",
                  TorcSimPeer_received(peer));
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}

/* ---- the table ------------------------------------------------------------------------------- */

static const char ann[] = "Login: ann                      Name: Ann Smith\r\n"
                          "Project: Strands\r\n"
                          "Plan:\r\n"
                          "Out until Monday.\r\n";
static const char bob[] = "Login: bob                      Name: Bob Smith\r\n"
                          "No Plan.\r\n";

static TorcFingerTable *staff_new(void)
{
    TorcFingerTable *table = TorcFingerTable_new();
    ck_assert_ptr_nonnull(table);
    /* Not in order, and one twice. */
    ck_assert_int_eq(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "bob", .name = "Old")),
                     0);
    ck_assert_int_eq(
        TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "smith", .name = "Carol Jones")), 0);
    ck_assert_int_eq(TorcFingerTable_add(
                         table, TORC_FINGER_ENTRY(.login = "ann", .name = "Ann Smith",
                                                  .project = "Strands", .plan = "Out until Monday.",
                                                  .details = "Room: 12\nTelephone: none\n")),
                     0);
    ck_assert_int_eq(
        TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "bob", .name = "Bob Smith")), 0);
    return table;
}

static void listen_with_staff(void)
{
    TorcFingerTable *table = staff_new();
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base));
    TorcFingerDirectory_unref(&table->base);
}

START_TEST(the_default_tells_nothing_about_the_host)
{
    listen_with(NULL);
    check_answer("\r\n", "No users.\r\n");
    check_answer("root\r\n", "root: no such user\r\n");
    check_answer("/W root\r\n", "root: no such user\r\n");
}
END_TEST

START_TEST(a_user_is_told_of) /* LINE-21 */
{
    listen_with_staff();
    check_answer("ann\r\n", ann);
    check_answer("nobody\r\n", "nobody: no such user\r\n");
}
END_TEST

START_TEST(slash_w_tells_more)
{
    listen_with_staff();
    check_answer("/W ann\r\n", "Login: ann                      Name: Ann Smith\r\n"
                               "Room: 12\r\n"
                               "Telephone: none\r\n"
                               "Project: Strands\r\n"
                               "Plan:\r\n"
                               "Out until Monday.\r\n");
}
END_TEST

START_TEST(an_empty_query_lists_the_table)
{
    static const char list[] = "Login            Name\r\n"
                               "ann              Ann Smith\r\n"
                               "bob              Bob Smith\r\n"
                               "smith            Carol Jones\r\n";
    listen_with_staff();
    check_answer("\r\n", list);
    check_answer("/W\r\n", list);
    check_answer("/W \r\n", list);
}
END_TEST

START_TEST(a_mere_line_feed_ends_a_query)
{
    listen_with_staff();
    check_answer("ann\n", ann);
    check_answer("\n", "Login            Name\r\n"
                       "ann              Ann Smith\r\n"
                       "bob              Bob Smith\r\n"
                       "smith            Carol Jones\r\n");
}
END_TEST

START_TEST(a_login_comes_before_full_names)
{
    listen_with_staff();
    check_answer("smith\r\n", "Login: smith                    Name: Carol Jones\r\n"
                              "No Plan.\r\n");
}
END_TEST

START_TEST(an_ambiguous_name_tells_of_all) /* RFC 1288 §2.5.3 */
{
    char both[512];
    snprintf(both, sizeof(both), "%s\r\n%s", ann, bob);
    TorcFingerTable *table = staff_new();
    ck_assert_int_eq(TorcFingerTable_remove(table, "smith"), 0);
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base));
    TorcFingerDirectory_unref(&table->base);
    check_answer("SMITH\r\n", both);
    check_answer("Bob Smith\r\n", bob);
}
END_TEST

START_TEST(full_names_can_be_switched_off)
{
    TorcFingerTable *table = staff_new();
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base, .exactNames = true));
    TorcFingerDirectory_unref(&table->base);
    check_answer("jones\r\n", "jones: no such user\r\n");
    check_answer("ANN\r\n", "ANN: no such user\r\n");
    check_answer("ann\r\n", ann);
}
END_TEST

START_TEST(the_list_can_be_refused)
{
    TorcFingerTable *table = staff_new();
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base, .refuseList = true));
    TorcFingerDirectory_unref(&table->base);
    check_answer("\r\n", "Finger online user list denied\r\n");
    check_answer("/W\r\n", "Finger online user list denied\r\n");
    check_answer("ann\r\n", ann);
}
END_TEST

START_TEST(a_very_ambiguous_name_is_bounded)
{
    TorcFingerTable *table = TorcFingerTable_new();
    char login[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(login, sizeof(login), "user%d", i);
        ck_assert_int_eq(
            TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = login, .name = "Ann Smith")), 0);
    }
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base));
    TorcFingerDirectory_unref(&table->base);
    TorcSimPeer *peer = ask_bytes("smith\r\n", 7);
    const char *answer = TorcSimPeer_received(peer);
    int told = 0;
    for (const char *at = answer; (at = strstr(at, "Login: ")); at++)
        told++;
    ck_assert_int_eq(told, 32);
    ck_assert_ptr_nonnull(strstr(answer, "There are more of that name"));
}
END_TEST

START_TEST(a_table_may_change_while_it_serves)
{
    TorcFingerTable *table = staff_new();
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base));
    ck_assert_int_eq(TorcFingerTable_remove(table, "ann"), 0);
    ck_assert_int_eq(TorcFingerTable_remove(table, "ann"), -ENOENT);
    check_answer("ann\r\n", "ann: no such user\r\n");
    ck_assert_int_eq(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "ann", .name = "New")),
                     0);
    TorcFingerDirectory_unref(&table->base);
    check_answer("ann\r\n", "Login: ann                      Name: New\r\nNo Plan.\r\n");
}
END_TEST

START_TEST(a_table_refuses_what_no_query_can_ask_for)
{
    TorcFingerTable *table = TorcFingerTable_new();
    static const char *const bad[] = {"", "a b", "a@b", "/W", "a\n", "a\t"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = bad[i])), -EINVAL);
    ck_assert_int_eq(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.name = "nobody")), -EINVAL);
    ck_assert_int_eq(
        TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "a", .name = "two\nlines")), -EINVAL);
    ck_assert_int_eq(TorcFingerTable_add(table, NULL), -EINVAL);
    ck_assert_int_eq(TorcFingerTable_add(NULL, TORC_FINGER_ENTRY(.login = "a")), -EINVAL);
    ck_assert_int_eq(TorcFingerTable_add(table, &(TorcFingerEntry){.login = "a"}), -EINVAL);
    ck_assert_int_eq(TorcFingerTable_remove(NULL, "a"), -EINVAL);
    ck_assert_int_eq(TorcFingerTable_remove(table, NULL), -EINVAL);
    ck_assert_uint_eq(table->count, 0);
    TorcFingerDirectory_unref(&table->base);
}
END_TEST

START_TEST(a_table_without_memory_stays_as_it_was)
{
    TorcFingerTable *table = staff_new();
    for (long k = 0; k < 2; k++) {
        TorcFingerTable *one = k == 0 ? table : TorcFingerTable_new();
        size_t count = one->count;
        FailingMemory_start(k); /* the record, then the growing table */
        int r = TorcFingerTable_add(one, TORC_FINGER_ENTRY(.login = "zoe"));
        long live = FailingMemory_live();
        FailingMemory_stop();
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_int_eq(live, 0);
        ck_assert_uint_eq(one->count, count);
        TorcFingerDirectory_unref(&one->base);
    }
}
END_TEST

/* ---- refusing -------------------------------------------------------------------------------- */

START_TEST(forwarding_is_refused) /* LINE-21, RFC 1288 §3.2.1 */
{
    listen_with_staff();
    check_answer("ann@host\r\n", forwarding_denied);
    check_answer("ann@h1@h2\r\n", forwarding_denied);
    check_answer("@host\r\n", forwarding_denied);
    check_answer("/W ann@host\r\n", forwarding_denied);
}
END_TEST

START_TEST(the_bundled_directories_refuse_forwarding_themselves)
{
    TorcFingerTable *table = staff_new();
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base, .allowForwarding = true));
    TorcFingerDirectory_unref(&table->base);
    check_answer("ann@host\r\n", forwarding_denied);
}
END_TEST

START_TEST(garbage_is_answered_and_the_connection_closed)
{
    char garbage[300];
    listen_with_staff();
    check_starts("/w ann\r\n", 8, "Bad query: ");
    check_starts("ann@\r\n", 6, "Bad query: ");
    check_starts("\033[2J\r\n", 6, "Bad query: ");
    check_starts("\0\0\0\n", 4, "Bad query: ");
    srand(7);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof(garbage); i++)
            garbage[i] = (char)(rand() % 256);
        garbage[0] = '\1';
        garbage[sizeof(garbage) - 1] = '\n';
        check_starts(garbage, sizeof(garbage), "Bad query: ");
    }
}
END_TEST

START_TEST(queries_of_more_than_512_bytes_are_refused)
{
    char query[600];
    listen_with_staff();
    memset(query, 'a', sizeof(query));
    memcpy(query + 512, "\r\n", 2);
    check_starts(query, 514, "aaaaaaaa");
    memset(query, 'a', sizeof(query));
    memcpy(query + 513, "\n", 1);
    check_starts(query, 514, "Query too long: ");
    memcpy(query + 513, "\r\n", 2);
    check_starts(query, 515, "Query too long: ");
}
END_TEST

START_TEST(a_query_without_end_is_refused_as_soon_as_it_is_too_long)
{
    static char query[1 << 20];
    listen_with_staff();
    memset(query, 'a', sizeof(query));
    TorcSimPeer *peer = ask_bytes(query, 514);
    ck_assert_ptr_nonnull(strstr(TorcSimPeer_received(peer), "Query too long: "));
    ck_assert(TorcSimPeer_gotEnd(peer));

    peer = connect_peer();
    TorcSimPeer_sendBytes(peer, query, sizeof(query));
    TorcSim_advance(sim, 60.0);
    ck_assert_ptr_nonnull(strstr(TorcSimPeer_received(peer), "Query too long: "));
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_query_that_does_not_come_times_out)
{
    listen_with_staff();
    TorcSimPeer *peer = connect_peer();
    TorcSimPeer_send(peer, "an");
    TorcSim_advance(sim, 29.0);
    TorcSimPeer_send(peer, "n");
    TorcSim_advance(sim, 0.9);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    TorcSim_advance(sim, 0.2);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_str_eq(TorcSimPeer_received(peer), "");
}
END_TEST

START_TEST(the_query_timeout_can_be_set)
{
    listen_with(TORC_FINGER_OPTIONS(.queryTimeout = 2.0));
    TorcSimPeer *peer = connect_peer();
    TorcSim_advance(sim, 2.1);
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(the_query_timeout_can_be_off)
{
    listen_with(TORC_FINGER_OPTIONS(.queryTimeout = -1.0));
    TorcSimPeer *peer = connect_peer();
    TorcSim_advance(sim, 1e6);
    ck_assert(!TorcSimPeer_gotEnd(peer));
    TorcSimPeer_send(peer, "ann\r\n");
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), "ann: no such user\r\n");
}
END_TEST

/* ---- how bytes come -------------------------------------------------------------------------- */

START_TEST(a_query_may_come_byte_by_byte)
{
    static const char query[] = "/W bob\r\n";
    listen_with_staff();
    TorcSimPeer *peer = connect_peer();
    for (const char *at = query; *at; at++) {
        ck_assert_str_eq(TorcSimPeer_received(peer), "");
        TorcSimPeer_sendBytes(peer, at, 1);
        TorcSim_advance(sim, 0.1);
    }
    ck_assert_str_eq(TorcSimPeer_received(peer), bob);
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_half_closing_client_gets_its_whole_answer) /* CLOSE-7, decided otherwise */
{
    listen_with_staff();
    TorcSimPeer *peer = connect_peer();
    TorcSimPeer_send(peer, "ann\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(TorcSimPeer_received(peer), ann);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(a_client_that_half_closes_inside_its_query_is_told)
{
    listen_with_staff();
    TorcSimPeer *peer = connect_peer();
    TorcSimPeer_send(peer, "ann");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(strncmp(TorcSimPeer_received(peer), "Bad query: ", 11), 0);
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(only_the_first_query_counts)
{
    listen_with_staff();
    check_answer("bob\r\nann\r\nann@host\r\n\r\n", bob);
}
END_TEST

START_TEST(ten_thousand_queries_in_one_packet_are_one)
{
    static char flood[50000];
    listen_with_staff();
    for (size_t i = 0; i < sizeof(flood); i += 5)
        memcpy(flood + i, "bob\r\n", 5);
    TorcSimPeer *peer = connect_peer();
    TorcSimPeer_sendBytes(peer, flood, sizeof(flood));
    TorcSim_advance(sim, 60.0);
    ck_assert_str_eq(TorcSimPeer_received(peer), bob);
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

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

START_TEST(a_late_answer_reaches_a_half_closed_client)
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

START_TEST(an_answer_never_reaches_another_client)
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

/* ---- out of memory --------------------------------------------------------------------------- */

START_TEST(a_factory_without_memory_leaves_nothing_behind)
{
    TorcFactory_unref(&TorcFingerFactory_new(NULL)->base); /* classes are resolved once for all */
    bool done = false;
    for (long k = 0; !done; k++) {
        FailingMemory_start(k);
        errno = 0;
        TorcFingerFactory *factory = TorcFingerFactory_new(NULL);
        done = factory != NULL;
        ck_assert(done || errno == ENOMEM);
        TorcFactory_unref(factory ? &factory->base : NULL);
        long live = FailingMemory_live();
        FailingMemory_stop();
        ck_assert_int_eq(live, 0);
    }
}
END_TEST

START_TEST(a_connection_without_memory_ends_and_the_next_is_served)
{
    listen_with_staff();
    check_answer("ann\r\n", ann); /* what is made at first use is there */
    bool enough = false;
    for (long k = 0; !enough; k++) {
        TorcSimPeer *peer = connect_peer();
        TorcSimPeer_send(peer, "ann\r\n");
        FailingMemory_start(k);
        TorcSim_advance(sim, 100.0);
        enough = FailingMemory_allocations() <= k;
        FailingMemory_stop();
        bool whole = strcmp(TorcSimPeer_received(peer), ann) == 0;
        bool sorry = strcmp(TorcSimPeer_received(peer), unavailable) == 0;
        bool none = TorcSimPeer_received(peer)[0] == '\0';
        ck_assert(whole || !enough);
        ck_assert_msg(whole || sorry || none, "%ld: %s", k, TorcSimPeer_received(peer));
        ck_assert_msg(TorcSimPeer_gotEnd(peer) || TorcSimPeer_gotReset(peer), "%ld", k);
        check_answer("ann\r\n", ann);
    }
}
END_TEST

/* ---- weather --------------------------------------------------------------------------------- */

START_TEST(single_bytes_and_small_buffers_change_nothing)
{
    static const bool levels[] = {false, true};
    for (int i = 0; i < 2; i++) {
        TorcSim_free(sim);
        sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 3, .chunkSize = 1, .bufferSize = 16,
                                               .levelTriggered = levels[i]));
        listen_with_staff();
        TorcSimPeer *peer = connect_peer();
        TorcSimPeer_send(peer, "ann\r\n");
        TorcSimPeer_shutdown(peer);
        TorcSim_advance(sim, 20.0);
        ck_assert_str_eq(TorcSimPeer_received(peer), ann);
        ck_assert(TorcSimPeer_gotEnd(peer));
        ck_assert(!TorcSimPeer_gotReset(peer));
    }
}
END_TEST

START_TEST(no_descriptor_and_no_delayed_call_stays)
{
    listen_with_staff();
    size_t before = TorcSim_openDescriptors(sim);
    for (int i = 0; i < 20; i++)
        check_answer("ann\r\n", ann);
    TorcSim_advance(sim, 60.0); /* closed sockets have lingered long enough */
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 0);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), before);
}
END_TEST

/* ---- all of them ----------------------------------------------------------------------------- */

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    return tests;
}

static void add_table(Suite *suite)
{
    TCase *tests = add_case(suite, "table");
    tcase_add_test(tests, the_default_tells_nothing_about_the_host);
    tcase_add_test(tests, a_user_is_told_of);
    tcase_add_test(tests, slash_w_tells_more);
    tcase_add_test(tests, an_empty_query_lists_the_table);
    tcase_add_test(tests, a_mere_line_feed_ends_a_query);
    tcase_add_test(tests, a_login_comes_before_full_names);
    tcase_add_test(tests, an_ambiguous_name_tells_of_all);
    tcase_add_test(tests, full_names_can_be_switched_off);
    tcase_add_test(tests, the_list_can_be_refused);
    tcase_add_test(tests, a_very_ambiguous_name_is_bounded);
    tcase_add_test(tests, a_table_may_change_while_it_serves);
    tcase_add_test(tests, a_table_refuses_what_no_query_can_ask_for);
    tcase_add_test(tests, a_table_without_memory_stays_as_it_was);
}

static void add_refusing(Suite *suite)
{
    TCase *tests = add_case(suite, "refusing");
    tcase_add_test(tests, forwarding_is_refused);
    tcase_add_test(tests, the_bundled_directories_refuse_forwarding_themselves);
    tcase_add_test(tests, garbage_is_answered_and_the_connection_closed);
    tcase_add_test(tests, queries_of_more_than_512_bytes_are_refused);
    tcase_add_test(tests, a_query_without_end_is_refused_as_soon_as_it_is_too_long);
    tcase_add_test(tests, a_query_that_does_not_come_times_out);
    tcase_add_test(tests, the_query_timeout_can_be_set);
    tcase_add_test(tests, the_query_timeout_can_be_off);
}

static void add_bytes(Suite *suite)
{
    TCase *tests = add_case(suite, "how bytes come");
    tcase_add_test(tests, a_query_may_come_byte_by_byte);
    tcase_add_test(tests, a_half_closing_client_gets_its_whole_answer);
    tcase_add_test(tests, a_client_that_half_closes_inside_its_query_is_told);
    tcase_add_test(tests, only_the_first_query_counts);
    tcase_add_test(tests, ten_thousand_queries_in_one_packet_are_one);
    tcase_add_test(tests, single_bytes_and_small_buffers_change_nothing);
    tcase_add_test(tests, no_descriptor_and_no_delayed_call_stays);
}

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
    tcase_add_test(tests, a_factory_without_memory_leaves_nothing_behind);
    tcase_add_test(tests, a_connection_without_memory_ends_and_the_next_is_served);
}

int main(void)
{
    Suite *suite = suite_create("finger server");
    add_table(suite);
    add_refusing(suite);
    add_bytes(suite);
    add_answers(suite);
    add_boundary(suite);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
