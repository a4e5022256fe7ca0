/* The bundled protocols behave the same however their input is cut: whole, byte by byte, in two at
 * every position, and in three at every pair of positions. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/run_tests.h"
#include "clean_end.h"

/* ---- what was observed --------------------------------------------------------------------- */

static char events[8192];

static void forget(void *arg)
{
    (void)arg;
    events[0] = '\0';
}

static const char *observed(TorcProtocol *protocol, void *arg)
{
    (void)protocol;
    (void)arg;
    return events;
}

/* Length and escaped bytes, so that a NUL is seen, too. */
static void note(const char *what, const void *data, size_t length)
{
    char text[2048];
    size_t at = strlen(events);

    torc_escape(data, length, text, sizeof(text));
    int n = snprintf(events + at, sizeof(events) - at, "%s %zu:%s\n", what, length, text);
    ck_assert_int_lt(n, (int)(sizeof(events) - at));
}

/* Checks the transcript with and without a FIN behind it, and what a whole one leads to. */
static void check_bytes(TorcFactory *factory, const void *data, size_t length, const char *expected)
{
    char report[TORC_FRAGMENTATION_REPORT_SIZE];
    TorcFragmentationOptions *options =
        TORC_FRAGMENTATION_OPTIONS(.begin = forget, .observed = observed);

    for (int fin = 0; fin < 2; fin++) {
        options->endOfStream = fin;
        int r = torc_fragmentation_check(factory, data, length, options, report, sizeof(report));
        ck_assert_msg(r == 0, "%s", report);
        ck_assert_str_eq(events, expected);
    }
}

static void check_class(const TorcProtocolClass *cls, const char *text, const char *expected)
{
    TorcFactory *factory = TorcFactory_forProtocol(cls);

    check_bytes(factory, text, strlen(text), expected);
    TorcFactory_unref(factory);
}

/* ---- LineReceiver -------------------------------------------------------------------------- */

/* Lines; "RAW n" is followed by n bytes that are no lines; "QUIT" ends. */
typedef struct Client {
    TorcLineReceiver base;
    char raw[64];
    size_t raw_length;
    size_t raw_left;
} Client;

static void client_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    Client *client = (Client *)self;

    note("line", line, length);
    if (strncmp(line, "RAW ", 4) == 0) {
        client->raw_left = strtoul(line + 4, NULL, 10);
        client->raw_length = 0;
        TorcLineReceiver_setRawMode(self);
    } else if (strcmp(line, "QUIT") == 0) {
        ck_assert_int_eq(TorcLineReceiver_sendLine(self, "BYE", 3), 0);
        TorcTransport_loseConnection(self->base.transport);
    }
}

static void client_rawDataReceived(TorcLineReceiver *self, const void *data, size_t length)
{
    Client *client = (Client *)self;
    size_t taken = length < client->raw_left ? length : client->raw_left;

    memcpy(client->raw + client->raw_length, data, taken);
    client->raw_length += taken;
    client->raw_left -= taken;
    if (client->raw_left > 0)
        return;
    note("raw", client->raw, client->raw_length);
    ck_assert_int_eq(TorcLineReceiver_setLineMode(self, (const char *)data + taken, length - taken),
                     0);
}

static void client_lineLengthExceeded(TorcLineReceiver *self, const void *data, size_t length)
{
    (void)data; /* as much as has come: depends on the cuts */
    (void)length;
    note("too long", "", 0);
    TorcTransport_loseConnection(self->base.transport);
}

static void client_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    const void *rest;
    size_t length = TorcLineReceiver_clearLineBuffer((TorcLineReceiver *)self, &rest);

    note(TorcReason_kindName(TorcReason_kind(reason)), length > 0 ? rest : "", length);
}

static const TorcLineReceiverClass client_class = {
    TORC_LINE_RECEIVER_CLASS("client", Client),
    .protocol.connectionLost = client_connectionLost,
    .maxLength = 16,
    .lineReceived = client_lineReceived,
    .rawDataReceived = client_rawDataReceived,
    .lineLengthExceeded = client_lineLengthExceeded,
};

static void check_lines(const char *text, const char *expected)
{
    check_class(&client_class.protocol, text, expected);
}

START_TEST(lines_and_what_is_left)
{
    check_lines("one\r\n\r\nthr\ree\nfour\r\r\nrest",
                "line 3:one\nline 0:\nline 12:thr\\x0dee\\x0afour\\x0d\nDONE 4:rest\n");
}
END_TEST

START_TEST(a_delimiter_cut_at_the_end)
{
    check_lines("one\r\ntwo\r", "line 3:one\nDONE 4:two\\x0d\n");
}
END_TEST

START_TEST(raw_bytes_between_lines)
{
    check_lines("RAW 7\r\nab\r\ncd\neRAW 1\r\n\r\nlast\r\n",
                "line 5:RAW 7\nraw 7:ab\\x0d\\x0acd\\x0a\nline 6:eRAW 1\nline 0:\nline 4:last\n"
                "DONE 0:\n");
}
END_TEST

START_TEST(raw_bytes_twice)
{
    check_lines("RAW 3\r\n\r\nxRAW 2\r\nRAW 1\r\n!!", "line 5:RAW 3\nraw 3:\\x0d\\x0ax\n"
                                                      "line 5:RAW 2\nraw 2:RA\nline 3:W 1\n"
                                                      "DONE 2:!!\n");
}
END_TEST

START_TEST(nothing_after_loseConnection)
{
    check_lines("one\r\nQUIT\r\nlate\r\nlater", "line 3:one\nline 4:QUIT\nDONE 0:\n");
}
END_TEST

START_TEST(a_line_of_the_greatest_length)
{
    check_lines("0123456789abcdef\r\n0123456789abcdef\r\n",
                "line 16:0123456789abcdef\nline 16:0123456789abcdef\nDONE 0:\n");
}
END_TEST

START_TEST(a_line_too_long_by_one)
{
    check_lines("one\r\n0123456789abcdefg\r\ntwo\r\n", "line 3:one\ntoo long 0:\nDONE 0:\n");
}
END_TEST

START_TEST(a_line_without_end)
{
    check_lines("0123456789abcdefghijklmnopqrstuvwxyz", "too long 0:\nDONE 0:\n");
}
END_TEST

START_TEST(lines_that_hold_any_byte)
{
    TorcFactory *factory = TorcFactory_forProtocol(&client_class.protocol);

    check_bytes(factory, "a\0b\r\n\0\xff\r\n\0", 10,
                "line 3:a\\x00b\nline 2:\\x00\\xff\nDONE 1:\\x00\n");
    TorcFactory_unref(factory);
}
END_TEST

static const TorcLineReceiverClass long_delimiter_class = {
    TORC_LINE_RECEIVER_SUBCLASS("long-delimiter", Client, &client_class),
    .delimiter = "aab",
};

START_TEST(a_delimiter_that_begins_anew_inside_itself)
{
    check_class(&long_delimiter_class.protocol, "xaaabyaabaaabaa",
                "line 2:xa\nline 1:y\nline 1:a\nDONE 2:aa\n");
}
END_TEST

/* ---- LineOnlyReceiver ---------------------------------------------------------------------- */

static void only_lineReceived(TorcLineOnlyReceiver *self, const char *line, size_t length)
{
    note("line", line, length);
    if (strcmp(line, "QUIT") == 0)
        TorcTransport_loseConnection(self->base.transport);
}

static void only_lineLengthExceeded(TorcLineOnlyReceiver *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    (void)length;
    note("too long", "", 0);
}

static const TorcLineOnlyReceiverClass only_class = {
    TORC_LINE_ONLY_RECEIVER_CLASS("only", TorcLineOnlyReceiver),
    .maxLength = 8,
    .lineReceived = only_lineReceived,
    .lineLengthExceeded = only_lineLengthExceeded,
};

START_TEST(mere_lines)
{
    check_class(&only_class.protocol, "one\r\n\r\nthr\ree\nx\r\nrest\r",
                "line 3:one\nline 0:\nline 8:thr\\x0dee\\x0ax\n");
}
END_TEST

START_TEST(mere_lines_until_the_end)
{
    check_class(&only_class.protocol, "one\r\nQUIT\r\nlate\r\n", "line 3:one\nline 4:QUIT\n");
}
END_TEST

START_TEST(the_rest_of_a_line_too_long_is_dropped)
{
    check_class(&only_class.protocol, "12345678\r\n123456789\r\n123456789abcdef\r\r\ntwo\r\n",
                "line 8:12345678\ntoo long 0:\ntoo long 0:\nline 3:two\n");
}
END_TEST

/* ---- echo ---------------------------------------------------------------------------------- */

START_TEST(an_echo_is_the_same)
{
    check_class(&torc_echo_class, "hello\r\n\n\rworld", "");
}
END_TEST

START_TEST(a_line_echo_is_the_same)
{
    check_class(&torc_line_echo_class.protocol, "one\ntwo\r\n\n\r\n\rthree", "");
}
END_TEST

/* ---- the finger server --------------------------------------------------------------------- */

static TorcSim *sim;
static TorcFactory *finger;

static void start_finger(void)
{
    TorcFingerTable *table = TorcFingerTable_new();

    ck_assert_int_eq(
        TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "ann", .name = "Ann Smith",
                                                     .plan = "Out until Monday.\n")),
        0);
    finger = &TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = &table->base))->base;
    TorcFingerDirectory_unref(&table->base);
    sim = TorcSim_new(1);
}

static void stop_finger(void)
{
    TorcFactory_unref(finger);
    end_clean(sim);
}

/* The answer that a query gets when it comes whole. */
static void check_answer_begins(const char *query, size_t length, const char *begin)
{
    TorcStringTransport *wire = TorcStringTransport_new();

    TorcStringTransport_setReactor(wire, TorcSim_reactor(sim));
    ck_assert_int_eq(TorcStringTransport_connect(wire, finger), 0);
    TorcStringTransport_deliverBytes(wire, query, length);
    if (!TorcStringTransport_disconnecting(wire))
        TorcStringTransport_deliverEnd(wire);
    ck_assert_msg(strncmp(TorcStringTransport_value(wire), begin, strlen(begin)) == 0, "%s",
                  TorcStringTransport_value(wire));
    TorcStringTransport_free(wire);
}

static void check_query_bytes(const char *query, size_t length, const char *begin)
{
    char report[TORC_FRAGMENTATION_REPORT_SIZE];
    TorcFragmentationOptions *options = TORC_FRAGMENTATION_OPTIONS(.sim = sim, .endOfStream = true);

    check_answer_begins(query, length, begin);
    int r = torc_fragmentation_check(finger, query, length, options, report, sizeof(report));
    ck_assert_msg(r == 0, "%s", report);
}

static void check_query(const char *query, const char *begin)
{
    check_query_bytes(query, strlen(query), begin);
}

START_TEST(queries_for_a_user)
{
    check_query("ann\r\n", "Login: ann ");
    check_query("ann\n", "Login: ann ");
    check_query("/W ann\r\n", "Login: ann ");
    check_query("  Ann Smith \r\n", "Login: ann ");
    check_query("ann\r\nbob\r\n", "Login: ann ");
}
END_TEST

START_TEST(queries_for_all)
{
    check_query("\r\n", "Login");
    check_query("/W\r\n", "Login");
}
END_TEST

START_TEST(queries_that_are_refused)
{
    check_query("ann@host\r\n", "Finger forwarding service denied\r\n");
    check_query("/x ann\r\n", "Bad query: ");
    check_query("an\rn\r\n", "Bad query: ");
    check_query("ann", "Bad query: ");
    check_query("", "Bad query: ");
    check_query_bytes("a\0nn\r\n", 6, "Bad query: ");
    check_query("\xc3\xa4nn\xff\r\n", "Bad query: ");
}
END_TEST

/* Too long for every pair of cuts. */
START_TEST(queries_at_the_limit)
{
    char query[600];

    memset(query, 'a', sizeof(query));
    memcpy(query + 512, "\r\n", 2);
    check_query_bytes(query, 514, "aaa");
    memset(query, 'a', sizeof(query));
    memcpy(query + 513, "\r\n", 2);
    check_query_bytes(query, 515, "Query too long: ");
    memset(query, 'a', sizeof(query));
    check_query_bytes(query, 600, "Query too long: ");
}
END_TEST

/* ---- all of them --------------------------------------------------------------------------- */

static void add_case(Suite *suite, const char *name, SFun up, SFun down, const TTest *const *tests)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, up, down);
    tcase_set_timeout(tcase, 60);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    const TTest *const lines[] = {
        lines_and_what_is_left,
        a_delimiter_cut_at_the_end,
        raw_bytes_between_lines,
        raw_bytes_twice,
        nothing_after_loseConnection,
        a_line_of_the_greatest_length,
        a_line_too_long_by_one,
        a_line_without_end,
        lines_that_hold_any_byte,
        a_delimiter_that_begins_anew_inside_itself,
        mere_lines,
        mere_lines_until_the_end,
        the_rest_of_a_line_too_long_is_dropped,
        an_echo_is_the_same,
        a_line_echo_is_the_same,
        NULL,
    };
    const TTest *const queries[] = {
        queries_for_a_user, queries_for_all, queries_that_are_refused, queries_at_the_limit, NULL,
    };
    Suite *suite = suite_create("fragmentation");

    add_case(suite, "lines", NULL, NULL, lines);
    add_case(suite, "finger", start_finger, stop_finger, queries);
    return run_suite(suite);
}
