/* The finger server and its table of users, on the simulated kernel. */
#include "finger_fixture.h"

static const char forwarding_denied[] = "Finger forwarding service denied\r\n";

/* ---- the table ------------------------------------------------------------------------------- */

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

START_TEST(the_default_tells_nothing_about_the_host) /* BUG-25 */
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

START_TEST(an_entry_may_be_filled_in_by_hand)
{
    TorcFingerTable *table = TorcFingerTable_new();
    TorcFingerEntry entry;
    memset(&entry, 0xff, sizeof(entry));
    TorcFingerEntry_init(&entry);
    TorcFingerEntry_init(NULL);
    entry.login = "ann";
    entry.name = "Ann Smith";
    ck_assert_int_eq(TorcFingerTable_add(table, &entry), 0);
    listen_with(TORC_FINGER_OPTIONS(.directory = &table->base));
    TorcFingerDirectory_unref(&table->base);
    check_answer("ann\r\n", "Login: ann                      Name: Ann Smith\r\nNo Plan.\r\n");
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

START_TEST(forwarding_is_refused) /* LINE-21, RFC 1288 §3.2.1, BUG-25 */
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

START_TEST(queries_of_more_than_512_bytes_are_refused) /* BUG-25 */
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

START_TEST(a_query_without_end_is_refused_as_soon_as_it_is_too_long) /* BUG-4 */
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

START_TEST(a_query_that_does_not_come_times_out) /* BUG-30 */
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
    tcase_add_test(tests, an_entry_may_be_filled_in_by_hand);
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

static void add_boundary(Suite *suite)
{
    TCase *tests = add_case(suite, "boundary");
    tcase_add_test(tests, a_factory_without_memory_leaves_nothing_behind);
    tcase_add_test(tests, a_connection_without_memory_ends_and_the_next_is_served);
}

int main(void)
{
    Suite *suite = suite_create("finger server");
    add_table(suite);
    add_refusing(suite);
    add_bytes(suite);
    add_boundary(suite);
    return run_suite(suite);
}
