/* The finger query's parser and the client's target parser: pure functions over bytes. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/protocols/finger.h>

#include "../support/run_tests.h"
#include "protocols/finger_internal.h"

/* ---- queries --------------------------------------------------------------------------------- */

typedef struct Example {
    const char *line;
    int code;
    bool verbose;
    const char *user;
    const char *hosts;
} Example;

/* LINE-21; RFC 1288 §2.3. */
static const Example examples[] = {
    {"", 0, false, "", ""},
    {"ann", 0, false, "ann", ""},
    {"/W", 0, true, "", ""},
    {"/W ", 0, true, "", ""},
    {"/W ann", 0, true, "ann", ""},
    {"/W    ann", 0, true, "ann", ""},
    {"ann@host", 0, false, "ann", "host"},
    {"ann@h1@h2", 0, false, "ann", "h1@h2"},
    {"@host", 0, false, "", "host"},
    {"/W @host", 0, true, "", "host"},
    {"/W ann@h1@h2", 0, true, "ann", "h1@h2"},
    /* Liberties. */
    {"   ", 0, false, "", ""},
    {"  ann  ", 0, false, "ann", ""},
    {"  /W  ann  ", 0, true, "ann", ""},
    {"Ann Smith", 0, false, "Ann Smith", ""},
    {"ann/W", 0, false, "ann/W", ""},
    {"ann /W", 0, false, "ann /W", ""},
    {"J\303\274rgen", 0, false, "J\303\274rgen", ""},
    {"%n%s%x", 0, false, "%n%s%x", ""},
    {"../../etc/passwd", 0, false, "../../etc/passwd", ""},
    /* /W is that token only. */
    {"/w ann", -EBADMSG, false, "", ""},
    {"/Wann", -EBADMSG, false, "", ""},
    {"/W@host", -EBADMSG, false, "", ""},
    {"/X ann", -EBADMSG, false, "", ""},
    {"/", -EBADMSG, false, "", ""},
    {"/W /W ann", -EBADMSG, false, "", ""},
    {"/W /etc/passwd", -EBADMSG, false, "", ""},
    {"/W/W", -EBADMSG, false, "", ""},
    /* Each '@' has a host. */
    {"@", -EBADMSG, false, "", ""},
    {"ann@", -EBADMSG, false, "", ""},
    {"ann@@host", -EBADMSG, false, "", ""},
    {"ann@host@", -EBADMSG, false, "", ""},
    {"ann@ho st", -EBADMSG, false, "", ""},
    {"ann@ host", -EBADMSG, false, "", ""},
    /* Not text. */
    {"ann\tsmith", -EILSEQ, false, "", ""},
    {"\033[31mann", -EILSEQ, false, "", ""},
    {"ann\177", -EILSEQ, false, "", ""},
    {"ann\rsmith", -EILSEQ, false, "", ""},
    {"ann\nsmith", -EILSEQ, false, "", ""},
    {"\377\376\375", -EILSEQ, false, "", ""},
    {"\302\233 a control character in UTF-8", -EILSEQ, false, "", ""},
    {"J\303", -EILSEQ, false, "", ""},
    {"\300\257 over-long", -EILSEQ, false, "", ""},
};

/* The line stands alone in a block of its own, so that ASan sees any byte read too many. */
static int parse(const char *line, size_t length, TorcFingerQuery *ret_query)
{
    char *copy = malloc(length + (length == 0));
    memcpy(copy, line, length);
    int r = torc_finger_parseQuery(copy, length, ret_query);
    free(copy);
    return r;
}

static void check_example(const Example *example, const char *end)
{
    char line[64];
    TorcFingerQuery query;

    snprintf(line, sizeof(line), "%s%s", example->line, end);
    memset(&query, 0x5a, sizeof(query));
    int r = parse(line, strlen(line), &query);
    ck_assert_msg(r == example->code, "\"%s\": %d", example->line, r);
    if (r < 0)
        return;
    ck_assert_int_eq(query.verbose, example->verbose);
    ck_assert_int_eq(query.exact, false);
    ck_assert_str_eq(query.user, example->user);
    ck_assert_str_eq(query.hosts, example->hosts);
}

START_TEST(queries_are_parsed_as_the_grammar_says) /* LINE-21 */
{
    check_example(&examples[_i], "");
}
END_TEST

START_TEST(crlf_and_lf_end_a_query)
{
    check_example(&examples[_i], "\r\n");
    check_example(&examples[_i], "\n");
}
END_TEST

START_TEST(only_one_line_end_belongs_to_the_line)
{
    TorcFingerQuery query;
    ck_assert_int_eq(parse("ann\r\r\n", 6, &query), -EILSEQ);
    ck_assert_int_eq(parse("ann\n\n", 5, &query), -EILSEQ);
    ck_assert_int_eq(parse("ann\n\r", 5, &query), -EILSEQ);
}
END_TEST

START_TEST(a_nul_byte_is_not_text)
{
    TorcFingerQuery query;
    ck_assert_int_eq(parse("ann\0smith", 9, &query), -EILSEQ);
    ck_assert_int_eq(parse("\0", 1, &query), -EILSEQ);
}
END_TEST

START_TEST(every_byte_alone_is_judged)
{
    TorcFingerQuery query;
    for (int byte = 0; byte < 256; byte++) {
        char line = (char)byte;
        int r = parse(&line, 1, &query);
        if (byte == '\r' || byte == '\n' || byte == ' ')
            ck_assert_int_eq(r, 0);
        else if (byte < ' ' || byte >= 0x7f)
            ck_assert_int_eq(r, -EILSEQ);
        else
            ck_assert_int_eq(r, byte == '/' || byte == '@' ? -EBADMSG : 0);
    }
}
END_TEST

START_TEST(a_failed_parse_leaves_the_result_alone)
{
    TorcFingerQuery query = {.user = "before"};
    ck_assert_int_eq(parse("bob@", 4, &query), -EBADMSG);
    ck_assert_str_eq(query.user, "before");
}
END_TEST

START_TEST(queries_of_512_bytes_are_the_longest)
{
    char line[TORC_FINGER_QUERY_MAX + 3];
    TorcFingerQuery query;

    memset(line, 'a', sizeof(line));
    ck_assert_int_eq(parse(line, TORC_FINGER_QUERY_MAX, &query), 0);
    ck_assert_uint_eq(strlen(query.user), TORC_FINGER_QUERY_MAX);
    ck_assert_int_eq(parse(line, TORC_FINGER_QUERY_MAX + 1, &query), -EMSGSIZE);
    memcpy(line + TORC_FINGER_QUERY_MAX, "\r\n", 2);
    ck_assert_int_eq(parse(line, TORC_FINGER_QUERY_MAX + 2, &query), 0);
}
END_TEST

START_TEST(a_line_full_of_hosts_fits)
{
    char line[TORC_FINGER_QUERY_MAX];
    TorcFingerQuery query;

    for (size_t i = 0; i < sizeof(line); i++)
        line[i] = i % 2 ? 'h' : '@';
    ck_assert_int_eq(parse(line, sizeof(line), &query), 0);
    ck_assert_str_eq(query.user, "");
    ck_assert_uint_eq(strlen(query.hosts), sizeof(line) - 1);
}
END_TEST

START_TEST(null_is_refused)
{
    TorcFingerQuery query;
    ck_assert_int_eq(torc_finger_parseQuery(NULL, 1, &query), -EINVAL);
    ck_assert_int_eq(torc_finger_parseQuery("", 0, NULL), -EINVAL);
    ck_assert_int_eq(torc_finger_parseQuery(NULL, 0, &query), 0);
    ck_assert_str_eq(query.user, "");
}
END_TEST

/* ---- targets --------------------------------------------------------------------------------- */

static const struct {
    const char *target;
    int code;
    const char *query;
    const char *host;
    int port;
} targets[] = {
    {"ann@host", 0, "ann", "host", 79},
    {"@host", 0, "", "host", 79},
    {"ann@h1@h2", 0, "ann@h1", "h2", 79},
    {"ann@host:7979", 0, "ann", "host", 7979},
    {"@127.0.0.1:1", 0, "", "127.0.0.1", 1},
    {"ann@[::1]", 0, "ann", "::1", 79},
    {"ann@[::1]:65535", 0, "ann", "::1", 65535},
    {"ann@::1", 0, "ann", "::1", 79},
    {"ann@h1:7@[2001:db8::5]:8", 0, "ann@h1:7", "2001:db8::5", 8},
    {"", -EINVAL, NULL, NULL, 0},
    {"ann", -EINVAL, NULL, NULL, 0},
    {"ann@", -EINVAL, NULL, NULL, 0},
    {"ann@:79", -EINVAL, NULL, NULL, 0},
    {"ann@host:", -EINVAL, NULL, NULL, 0},
    {"ann@host:0", -EINVAL, NULL, NULL, 0},
    {"ann@host:65536", -EINVAL, NULL, NULL, 0},
    {"ann@host:4294967375", -EINVAL, NULL, NULL, 0},
    {"ann@host:79x", -EINVAL, NULL, NULL, 0},
    {"ann@host:+79", -EINVAL, NULL, NULL, 0},
    {"ann@host:finger", -EINVAL, NULL, NULL, 0},
    {"ann@ho st", -EINVAL, NULL, NULL, 0},
    {"ann@[::1", -EINVAL, NULL, NULL, 0},
    {"ann@[::1]79", -EINVAL, NULL, NULL, 0},
    {"ann@[]", -EINVAL, NULL, NULL, 0},
    {"ann@[host]", -EINVAL, NULL, NULL, 0},
    {"ann@[127.0.0.1]", -EINVAL, NULL, NULL, 0},
    {"ann@host]", -EINVAL, NULL, NULL, 0},
    {"ann@1:2:3", -EINVAL, NULL, NULL, 0},
};

START_TEST(targets_name_query_host_and_port)
{
    TorcFingerTarget target = {.query = "as before", .host = "as before", .port = 7};
    int r = torc_finger_parseTarget(targets[_i].target, &target);

    ck_assert_msg(r == targets[_i].code, "\"%s\": %d", targets[_i].target, r);
    ck_assert_str_eq(target.query, r < 0 ? "as before" : targets[_i].query);
    ck_assert_str_eq(target.host, r < 0 ? "as before" : targets[_i].host);
    if (r < 0) {
        ck_assert_int_eq(target.port, 7);
        return;
    }
    ck_assert_int_eq(target.port, targets[_i].port);
}
END_TEST

START_TEST(an_endless_host_is_refused)
{
    char text[1000];
    TorcFingerTarget target;

    memset(text, 'h', sizeof(text));
    text[0] = '@';
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(torc_finger_parseTarget(text, &target), -EINVAL);
    text[256] = '\0';
    ck_assert_int_eq(torc_finger_parseTarget(text, &target), 0);
    ck_assert_uint_eq(strlen(target.host), 255);
}
END_TEST

START_TEST(a_query_in_a_target_has_at_most_512_bytes)
{
    char text[600];
    TorcFingerTarget target;

    memset(text, 'a', sizeof(text));
    memcpy(text + 513, "@host", 6);
    ck_assert_int_eq(torc_finger_parseTarget(text, &target), -EINVAL);
    ck_assert_int_eq(torc_finger_parseTarget(text + 1, &target), 0);
    ck_assert_uint_eq(strlen(target.query), 512);
    ck_assert_str_eq(target.host, "host");
}
END_TEST

START_TEST(a_target_must_be_there)
{
    TorcFingerTarget target;
    ck_assert_int_eq(torc_finger_parseTarget(NULL, &target), -EINVAL);
    ck_assert_int_eq(torc_finger_parseTarget("ann@host", NULL), -EINVAL);
}
END_TEST

int main(void)
{
    enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };
    enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };
    Suite *suite = suite_create("finger query");
    TCase *queries = tcase_create("queries");
    TCase *places = tcase_create("targets");
    suite_add_tcase(suite, queries);
    suite_add_tcase(suite, places);
    tcase_add_loop_test(queries, queries_are_parsed_as_the_grammar_says, 0, EXAMPLES);
    tcase_add_loop_test(queries, crlf_and_lf_end_a_query, 0, EXAMPLES);
    tcase_add_test(queries, only_one_line_end_belongs_to_the_line);
    tcase_add_test(queries, a_nul_byte_is_not_text);
    tcase_add_test(queries, every_byte_alone_is_judged);
    tcase_add_test(queries, a_failed_parse_leaves_the_result_alone);
    tcase_add_test(queries, queries_of_512_bytes_are_the_longest);
    tcase_add_test(queries, a_line_full_of_hosts_fits);
    tcase_add_test(queries, null_is_refused);
    tcase_add_loop_test(places, targets_name_query_host_and_port, 0, TARGETS);
    tcase_add_test(places, an_endless_host_is_refused);
    tcase_add_test(places, a_query_in_a_target_has_at_most_512_bytes);
    tcase_add_test(places, a_target_must_be_there);
    return run_suite(suite);
}
