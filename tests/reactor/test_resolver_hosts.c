/* The format of hosts(5), and the resolver over it. */
#include "reactor/resolver_internal.h"
#include "resolver_fixture.h"

/* ---- the format ---------------------------------------------------------------------------- */

static const char sample[] = "# a comment\n"
                             "127.0.0.1\tlocalhost  localhost.localdomain # the loopback\n"
                             "\n"
                             "   ::1 ip6-localhost\r\n"
                             "192.0.2.1 A.Example a\n"
                             "2001:db8::1 a.example\n"
                             "not-an-address b.example\n"
                             "192.0.2.2\n"
                             "192.0.2.3 c.example bad\x01name\n"
                             "192.0.2.4#no.name\n"
                             "192.0.2.5 last.example";

/* All that is read, a line each: "1 127.0.0.1 localhost", "7 -10007". */
static const char *read_text(const char *text, size_t length)
{
    static char report[4096];
    TorcHostsCursor cursor = {.at = text, .end = text + length};
    TorcHostsName name;
    size_t used = 0;
    int r;
    report[0] = '\0';
    while ((r = torc__hosts_next(&cursor, &name)) != 0) {
        char host[TORC_ADDRESS_TEXT_SIZE];
        ck_assert_uint_lt(used, sizeof(report) - 300);
        if (r < 0) {
            used += (size_t)sprintf(report + used, "%zu %d\n", cursor.line, r);
            continue;
        }
        ck_assert(name.name >= text && name.name + name.length <= text + length);
        TorcAddress_host(name.address, host, sizeof(host));
        used += (size_t)sprintf(report + used, "%zu %s %.*s\n", cursor.line, host, (int)name.length,
                                name.name);
    }
    ck_assert_int_eq(torc__hosts_next(&cursor, &name), 0); /* stays at the end */
    return report;
}

START_TEST(the_format_is_read_line_by_line)
{
    ck_assert_str_eq(read_text(sample, strlen(sample)), "2 127.0.0.1 localhost\n"
                                                        "2 127.0.0.1 localhost.localdomain\n"
                                                        "4 ::1 ip6-localhost\n"
                                                        "5 192.0.2.1 A.Example\n"
                                                        "5 192.0.2.1 a\n"
                                                        "6 2001:db8::1 a.example\n"
                                                        "7 -10007\n"
                                                        "8 -22\n"
                                                        "9 -22\n"
                                                        "10 -22\n"
                                                        "11 192.0.2.5 last.example\n");
}
END_TEST

START_TEST(a_text_cut_anywhere_gives_its_whole_lines)
{
    char whole[4096];
    snprintf(whole, sizeof(whole), "%s", read_text(sample, strlen(sample)));
    for (size_t cut = 0; cut < strlen(sample); cut++) {
        /* In memory that ends where the text does, so that a checker sees a byte too many. */
        char *copy = malloc(cut ? cut : 1);
        memcpy(copy, sample, cut);
        const char *newline = cut > 0 ? memrchr(copy, '\n', cut) : NULL;
        size_t lines = newline ? (size_t)(newline - copy) + 1 : 0;
        char expected[4096];
        snprintf(expected, sizeof(expected), "%s", read_text(copy, lines));
        const char *report = read_text(copy, cut);
        ck_assert_msg(strncmp(report, expected, strlen(expected)) == 0, "cut at %zu", cut);
        ck_assert_msg(strncmp(whole, expected, strlen(expected)) == 0, "cut at %zu", cut);
        free(copy);
    }
}
END_TEST

START_TEST(garbage_is_read_to_its_end)
{
    unsigned state = 1;
    char garbage[64];
    for (int round = 0; round < 20000; round++) {
        static const char bytes[] = "1.0:af#% \t\r\n\0\xff\x80xy";
        size_t length = (size_t)round % sizeof(garbage);
        for (size_t i = 0; i < length; i++) {
            state = state * 1103515245u + 12345u;
            garbage[i] = bytes[(state >> 16) % (sizeof(bytes) - 1)];
        }
        TorcHostsCursor cursor = {.at = garbage, .end = garbage + length};
        TorcHostsName name;
        int r, steps = 0;
        while ((r = torc__hosts_next(&cursor, &name)) != 0 && steps++ < 100)
            if (r > 0 && (name.length == 0 || name.name + name.length > garbage + length))
                ck_abort_msg("round %d", round);
        if (r != 0)
            ck_abort_msg("round %d does not end", round);
    }
}
END_TEST

START_TEST(zero_bytes_are_part_of_no_name)
{
    static const char text[] = "192.0.2.1 a\0b\n192.0.2.\0001 c\n192.0.2.2 d\n";
    ck_assert_str_eq(read_text(text, sizeof(text) - 1), "1 -22\n2 -10007\n3 192.0.2.2 d\n");
}
END_TEST

START_TEST(a_name_may_have_253_characters)
{
    char text[400];
    memset(text, 'a', sizeof(text));
    memcpy(text, "192.0.2.1 ", 10);
    ck_assert_ptr_eq(strstr(read_text(text, 10 + 253), "1 192.0.2.1 aaa"), read_text(text, 263));
    ck_assert_str_eq(read_text(text, 10 + 254), "1 -22\n");
    text[10 + 253] = '.'; /* a dot at the end does not count */
    ck_assert_ptr_eq(strstr(read_text(text, 10 + 254), "1 192.0.2.1 aaa"), read_text(text, 264));
}
END_TEST

/* ---- the resolver -------------------------------------------------------------------------- */

static void install_text(const char *text, TorcResolver *next)
{
    install(TorcHostsResolver_new(text, strlen(text), next));
}

START_TEST(names_are_found_without_case_and_final_dot)
{
    install_text(sample, NULL);
    ck_assert_str_eq(resolve("LOCALHOST"), "127.0.0.1:79");
    ck_assert_str_eq(resolve("localhost."), "127.0.0.1:79");
    ck_assert_str_eq(resolve("last.example"), "192.0.2.5:79");
}
END_TEST

START_TEST(a_name_of_several_lines_has_all_their_addresses_once)
{
    install_text("192.0.2.1 a\n2001:db8::1 b a\n192.0.2.1 A.\nfe80::1%7 a\n", NULL);
    ck_assert_str_eq(resolve("a"), "192.0.2.1:79 [2001:db8::1]:79 [fe80::1%7]:79");
    ck_assert_str_eq(resolve("b"), "[2001:db8::1]:79");
}
END_TEST

START_TEST(other_names_are_asked_of_the_next)
{
    static Scripted next; /* outlives the test: the reactor holds it */
    Scripted_init(&next);
    next.at_once = true;
    install_text(sample, &next.base);
    ck_assert_str_eq(resolve("Else.where"), "[2001:db8::9]:79 192.0.2.9:79");
    ck_assert_str_eq(next.host, "Else.where");
    ck_assert_str_eq(resolve("c.example"), "[2001:db8::9]:79 192.0.2.9:79"); /* a bad line */
    ck_assert_int_eq(next.asked, 2);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, NULL, NULL), 0);
    ck_assert_int_eq(next.destroyed, 0);
    TorcResolver_unref(&next.base);
    ck_assert_int_eq(next.destroyed, 1);
}
END_TEST

START_TEST(without_a_next_the_system_is_asked)
{
    install_text(sample, NULL);
    ck_assert_str_eq(resolve("one.example"), "192.0.2.1:79");
}
END_TEST

START_TEST(a_name_that_is_there_is_not_asked_for_elsewhere)
{
    Outcome outcome = {0};
    static Scripted next; /* outlives the test: the reactor holds it */
    Scripted_init(&next);
    install_text(sample, &next.base);
    TorcDeferred_detach(
        ask_with("localhost", TORC_RESOLVE_OPTIONS(.family = TORC_ADDRESS_IPV6), &outcome));
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(outcome.text, "cannot resolve \"localhost\": it has no IPv6 address");
    ck_assert_int_eq(next.asked, 0);
    TorcReactor_installResolver(reactor, NULL, NULL);
    TorcResolver_unref(&next.base);
}
END_TEST

START_TEST(an_empty_text_knows_nothing)
{
    install(TorcHostsResolver_new(NULL, 0, NULL));
    ck_assert_str_eq(resolve("one.example"), "192.0.2.1:79");
    install_text("# nothing\n\n", NULL);
    ck_assert_str_eq(resolve("one.example"), "192.0.2.1:79");
}
END_TEST

START_TEST(a_hundred_thousand_names_are_found_at_once)
{
    enum { NAMES = 100000 };
    char *text = malloc(NAMES * 40);
    size_t length = 0;
    for (unsigned i = 0; i < NAMES; i++)
        length += (size_t)sprintf(text + length, "10.%u.%u.%u host%u.example\n", i >> 16,
                                  i >> 8 & 255, i & 255, i);
    install(TorcHostsResolver_new(text, length, NULL));
    free(text);
    ck_assert_str_eq(resolve("host0.example"), "10.0.0.0:79");
    ck_assert_str_eq(resolve("host65537.example"), "10.1.0.1:79");
    ck_assert_str_eq(resolve("host99999.example"), "10.1.134.159:79");
    static Outcome outcomes[NAMES / 10];
    for (unsigned i = 0; i < NAMES / 10; i++) {
        char host[40];
        sprintf(host, "host%u.example", i * 10);
        start(host, &outcomes[i]);
    }
    TorcSim_advance(sim, 0);
    for (unsigned i = 0; i < NAMES / 10; i++)
        if (outcomes[i].calls != 1 || outcomes[i].kind != 0)
            ck_abort_msg("host%u was not found", i * 10);
}
END_TEST

START_TEST(no_more_addresses_are_given_than_anybody_tries)
{
    char *text = malloc(300 * 20);
    size_t length = 0;
    for (unsigned i = 0; i < 300; i++)
        length += (size_t)sprintf(text + length, "10.0.%u.%u a\n", i >> 8, i & 255);
    install(TorcHostsResolver_new(text, length, NULL));
    free(text);
    TorcDeferred *deferred;
    ck_assert_int_eq(TorcReactor_resolve(reactor, "a", 79, NULL, &deferred), 0);
    TorcSim_advance(sim, 0);
    const TorcResult *result = TorcDeferred_result(deferred);
    ck_assert_ptr_nonnull(result);
    ck_assert_uint_eq(((TorcAddressList *)result->value)->count, 256);
    TorcDeferred_release(deferred);
}
END_TEST

/* ---- the log ------------------------------------------------------------------------------- */

static char logged[1024];

static void keep_event(const TorcLogEvent *event, void *arg)
{
    char line[256];
    (void)arg;
    TorcLogEvent_format(event, line, sizeof(line));
    strncat(logged, line, sizeof(logged) - strlen(logged) - 2);
    strcat(logged, "\n");
}

START_TEST(bad_lines_are_logged_once_each)
{
    torc_setLogObserver(keep_event, NULL, TORC_LOG_WARNING);
    install_text("x y\n192.0.2.1 a\n192.0.2.1\n", NULL);
    torc_setLogObserver(NULL, NULL, TORC_LOG_WARNING);
    ck_assert_str_eq(logged, "resolver.hosts-line line=1 problem=\"not an IPv4 or IPv6 address\"\n"
                             "resolver.hosts-line line=3 problem=\"no host name\"\n");
}
END_TEST

/* ---- bad calls, no memory ------------------------------------------------------------------ */

START_TEST(bad_calls_are_refused)
{
    TorcResolver bad;
    TorcResolver_init(&bad, NULL);
    errno = 0;
    ck_assert_ptr_null(TorcHostsResolver_new(NULL, 1, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(TorcHostsResolver_new("", 0, &bad));
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    TorcResolver *hosts = NULL;
    for (long k = 0; !hosts; k++) {
        errno = 0;
        FailingMemory_start(k);
        hosts = TorcHostsResolver_new(sample, strlen(sample), NULL);
        if (!hosts) {
            ck_assert_int_eq(errno, ENOMEM);
            ck_assert_int_eq(FailingMemory_live(), 0);
        }
        FailingMemory_recover();
    }
    ck_assert_int_gt(FailingMemory_allocations(), 3);
    TorcResolver_unref(hosts);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

RUN_TESTS("hosts", the_format_is_read_line_by_line, a_text_cut_anywhere_gives_its_whole_lines,
          garbage_is_read_to_its_end, zero_bytes_are_part_of_no_name,
          a_name_may_have_253_characters, names_are_found_without_case_and_final_dot,
          a_name_of_several_lines_has_all_their_addresses_once, other_names_are_asked_of_the_next,
          without_a_next_the_system_is_asked, a_name_that_is_there_is_not_asked_for_elsewhere,
          an_empty_text_knows_nothing, a_hundred_thousand_names_are_found_at_once,
          no_more_addresses_are_given_than_anybody_tries, bad_lines_are_logged_once_each,
          bad_calls_are_refused, each_allocation_may_fail)
