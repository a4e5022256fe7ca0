/* The parser harness: it finds protocols that depend on how their input is cut, and only those. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "test_suite.h"

static char report[TORC_FRAGMENTATION_REPORT_SIZE];
static unsigned instances; /* made by the factories below */
static unsigned begins;

static void set_up(void)
{
    instances = begins = 0;
    memset(report, 'x', sizeof(report));
}

static int check_with(const TorcProtocolClass *cls, const char *text,
                      const TorcFragmentationOptions *options)
{
    TorcFactory *factory = TorcFactory_forProtocol(cls);
    ck_assert_ptr_nonnull(factory);
    int r = torc_fragmentation_check(factory, text, strlen(text), options, report, sizeof(report));
    TorcFactory_unref(factory);
    return r;
}

static void assert_found(const TorcProtocolClass *cls, const char *text,
                         const TorcFragmentationOptions *options, const char *expected)
{
    ck_assert_int_eq(check_with(cls, text, options), -EBADMSG);
    ck_assert_str_eq(report, expected);
}

/* ---- one that is right --------------------------------------------------------------------- */

static void count_instance(TorcProtocol *self)
{
    (void)self;
    instances++;
}

static const TorcProtocolClass counted_class = {
    TORC_PROTOCOL_SUBCLASS("counted", TorcProtocol, &torc_echo_class),
    .connectionMade = count_instance,
};

START_TEST(a_stateless_protocol_passes_at_every_cut_and_pair)
{
    ck_assert_int_eq(check_with(&counted_class, "12345678", NULL), 0);
    ck_assert_str_eq(report, "");
    ck_assert_uint_eq(instances, 1 + 7 + 1 + 7 * 6 / 2); /* whole, cuts, bytewise, pairs */
}
END_TEST

START_TEST(pairs_are_for_short_transcripts)
{
    ck_assert_int_eq(
        check_with(&counted_class, "12345678", TORC_FRAGMENTATION_OPTIONS(.pairLimit = 7)), 0);
    ck_assert_uint_eq(instances, 1 + 7 + 1);
}
END_TEST

START_TEST(the_pair_limit_is_64_bytes)
{
    char text[66];

    memset(text, 'x', sizeof(text));
    text[65] = '\0';
    ck_assert_int_eq(check_with(&counted_class, text, NULL), 0);
    ck_assert_uint_eq(instances, 1 + 64 + 1);
    instances = 0;
    ck_assert_int_eq(check_with(&counted_class, text + 1, NULL), 0);
    ck_assert_uint_eq(instances, 1 + 63 + 1 + 63 * 62 / 2);
}
END_TEST

START_TEST(an_empty_transcript_is_a_transcript)
{
    ck_assert_int_eq(
        check_with(&counted_class, "", TORC_FRAGMENTATION_OPTIONS(.endOfStream = true)), 0);
}
END_TEST

/* ---- planted bugs -------------------------------------------------------------------------- */

/* Takes what comes with one read for a whole message. */
static void hasty_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    (void)TorcTransport_printf(self->transport, "<%.*s>", (int)length, (const char *)data);
}

static const TorcProtocolClass hasty_class = {
    TORC_PROTOCOL_CLASS("hasty", TorcProtocol),
    .dataReceived = hasty_dataReceived,
};

START_TEST(other_output_is_found)
{
    assert_found(&hasty_class, "a\r\nb", NULL,
                 "cut after byte 1 of 4, it does not behave as when fed whole\n"
                 "  input: \"a\" + \"\\r\\nb\"\n"
                 "  written, different from byte 2 on:\n"
                 "    whole: \"<a\\r\\nb>\"\n"
                 "    cut:   \"<a><\\r\\nb>\"\n"
                 "  connection:\n"
                 "    whole: open\n"
                 "    cut:   open\n");
}
END_TEST

/* Ends when it sees CR LF, unless they come apart. */
static void blind_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    if (memmem(data, length, "\r\n", 2))
        TorcTransport_loseConnection(self->transport);
}

static const TorcProtocolClass blind_class = {
    TORC_PROTOCOL_CLASS("blind", TorcProtocol),
    .dataReceived = blind_dataReceived,
};

START_TEST(another_way_of_closing_is_found)
{
    assert_found(&blind_class, "ab\r\n", NULL,
                 "cut after byte 3 of 4, it does not behave as when fed whole\n"
                 "  input: \"ab\\r\" + \"\\n\"\n"
                 "  written, the same:\n"
                 "    whole: \"\"\n"
                 "    cut:   \"\"\n"
                 "  connection:\n"
                 "    whole: closed, DONE (code 0)\n"
                 "    cut:   open\n");
}
END_TEST

/* Keeps the last piece only: right with two pieces, wrong with three. */
typedef struct Forgetful {
    TorcProtocol base;
    unsigned pieces;
} Forgetful;

static void forgetful_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Forgetful *forgetful = (Forgetful *)self;

    if (++forgetful->pieces != 3)
        (void)TorcTransport_write(self->transport, data, length);
}

static const TorcProtocolClass forgetful_class = {
    TORC_PROTOCOL_CLASS("forgetful", Forgetful),
    .dataReceived = forgetful_dataReceived,
};

START_TEST(what_only_bytewise_feeding_shows_is_found)
{
    ck_assert_int_eq(check_with(&forgetful_class, "abcd", NULL), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(report, "fed byte by byte of 4"));
    ck_assert_ptr_nonnull(strstr(report, "    whole: \"abcd\"\n    cut:   \"abd\"\n"));
}
END_TEST

/* Wrong if the second of exactly three pieces is "bc". */
typedef struct Picky {
    TorcProtocol base;
    unsigned pieces;
    bool bad;
} Picky;

static void picky_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Picky *picky = (Picky *)self;

    picky->bad |= picky->pieces++ == 1 && length == 2 && memcmp(data, "bc", 2) == 0;
    if (picky->bad)
        TorcTransport_abortConnection(self->transport);
}

static const TorcProtocolClass picky_class = {
    TORC_PROTOCOL_CLASS("picky", Picky),
    .dataReceived = picky_dataReceived,
};

START_TEST(what_only_a_pair_of_cuts_shows_is_found)
{
    assert_found(&picky_class, "abcd", NULL,
                 "cut after bytes 1 and 3 of 4, it does not behave as when fed whole\n"
                 "  input: \"a\" + \"bc\" + \"d\"\n"
                 "  written, the same:\n"
                 "    whole: \"\"\n"
                 "    cut:   \"\"\n"
                 "  connection:\n"
                 "    whole: open\n"
                 "    cut:   closed, ABORTED (code 0)\n");
}
END_TEST

START_TEST(without_pairs_it_is_not)
{
    ck_assert_int_eq(check_with(&picky_class, "abcd", TORC_FRAGMENTATION_OPTIONS(.pairLimit = 3)),
                     0);
}
END_TEST

/* ---- what was observed --------------------------------------------------------------------- */

static char events[256];

static void forget(void *arg)
{
    ck_assert_str_eq(arg, "arg");
    begins++;
    events[0] = '\0';
}

static const char *observed(TorcProtocol *protocol, void *arg)
{
    ck_assert_str_eq(arg, "arg");
    ck_assert_ptr_nonnull(protocol);
    return events;
}

static void note(const char *word)
{
    size_t length = strlen(events);
    snprintf(events + length, sizeof(events) - length, "%s", word);
}

static void noting_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    char word[32];
    snprintf(word, sizeof(word), "%zu,", length);
    note(word);
}

static void noting_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
    note("lost");
}

static const TorcProtocolClass noting_class = {
    TORC_PROTOCOL_CLASS("noting", TorcProtocol),
    .dataReceived = noting_dataReceived,
    .connectionLost = noting_connectionLost,
};

START_TEST(other_events_are_found)
{
    assert_found(
        &noting_class, "abc",
        TORC_FRAGMENTATION_OPTIONS(.begin = forget, .observed = observed, .arg = (void *)"arg"),
        "cut after byte 1 of 3, it does not behave as when fed whole\n"
        "  input: \"a\" + \"bc\"\n"
        "  observed, different from byte 0 on:\n"
        "    whole: \"3,lost\"\n"
        "    cut:   \"1,2,lost\"\n"
        "  written, the same:\n"
        "    whole: \"\"\n"
        "    cut:   \"\"\n"
        "  connection:\n"
        "    whole: open\n"
        "    cut:   open\n");
    ck_assert_uint_eq(begins, 2);
}
END_TEST

static void noting_readConnectionLost(TorcProtocol *self)
{
    note("eof,");
    TorcTransport_loseConnection(self->transport);
}

static const TorcProtocolClass ending_class = {
    TORC_PROTOCOL_CLASS("ending", TorcProtocol),
    .readConnectionLost = noting_readConnectionLost,
    .connectionLost = noting_connectionLost,
};

static bool saw_eof;

static const char *observe_eof(TorcProtocol *protocol, void *arg)
{
    saw_eof = strcmp(events, "eof,lost") == 0;
    return observed(protocol, arg);
}

START_TEST(fin_comes_behind_the_last_byte_when_asked_for)
{
    TorcFragmentationOptions options;

    TorcFragmentationOptions_init(&options);
    options.begin = forget;
    options.observed = observe_eof;
    options.arg = (void *)"arg";
    ck_assert_int_eq(check_with(&ending_class, "abc", &options), 0);
    ck_assert(!saw_eof);
    options.endOfStream = true;
    ck_assert_int_eq(check_with(&ending_class, "abc", &options), 0);
    ck_assert(saw_eof);
}
END_TEST

/* ---- with a reactor ------------------------------------------------------------------------ */

static void answer(void *arg)
{
    TorcProtocol *self = arg;
    (void)TorcTransport_write(self->transport, "later", 5);
    instances++;
}

static void slow_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    if (memchr(data, '\n', length))
        ck_assert_int_eq(TorcReactor_callLaterWith(TorcTransport_getReactor(self->transport), 5,
                                                   TORC_CALL(answer, self, .protocol = self), NULL),
                         0);
}

static const TorcProtocolClass slow_class = {
    TORC_PROTOCOL_CLASS("slow", TorcProtocol),
    .dataReceived = slow_dataReceived,
};

START_TEST(virtual_time_passes_at_the_end)
{
    TorcSim *sim = TorcSim_new(1);

    ck_assert_int_eq(check_with(&slow_class, "ab\n", TORC_FRAGMENTATION_OPTIONS(.sim = sim)), 0);
    ck_assert_uint_eq(instances, 0);
    ck_assert_int_eq(
        check_with(&slow_class, "ab\n", TORC_FRAGMENTATION_OPTIONS(.sim = sim, .seconds = 6)), 0);
    ck_assert_uint_eq(instances, 5);
    TorcSim_free(sim);
}
END_TEST

/* ---- trouble ------------------------------------------------------------------------------- */

START_TEST(a_longer_text_is_shown_around_the_difference)
{
    char text[2000];

    memset(text, 'x', sizeof(text));
    text[1999] = '\0';
    ck_assert_int_eq(check_with(&hasty_class, text, NULL), -EBADMSG);
    ck_assert_uint_lt(strlen(report), 3000);
    ck_assert_ptr_nonnull(strstr(report, "written, different from byte 2 on:\n    whole: \"<xxx"));
    ck_assert_ptr_nonnull(strstr(report, "xxx\"...\n    cut:   \"<x><x"));
}
END_TEST

START_TEST(a_report_is_cut_to_its_buffer)
{
    TorcFactory *factory = TorcFactory_forProtocol(&hasty_class);
    char small[12];

    ck_assert_int_eq(torc_fragmentation_check(factory, "ab", 2, NULL, small, sizeof(small)),
                     -EBADMSG);
    ck_assert_str_eq(small, "");
    ck_assert_int_eq(torc_fragmentation_check(factory, "ab", 2, NULL, NULL, 0), -EBADMSG);
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(a_class_does_for_a_factory)
{
    ck_assert_int_eq(
        torc_fragmentation_checkProtocol(&counted_class, "abc", 3, NULL, report, sizeof(report)),
        0);
    ck_assert_str_eq(report, "");
    ck_assert_uint_eq(instances, 1 + 2 + 1 + 2 * 1 / 2); /* whole, cuts, bytewise, pairs */
    ck_assert_cuts_do_not_matter_to(&counted_class, "abc", NULL);
}
END_TEST

START_TEST(bad_arguments_are_refused_with_a_report)
{
    TorcFactory *factory = TorcFactory_forProtocol(&counted_class);
    TorcFragmentationOptions *negative = TORC_FRAGMENTATION_OPTIONS(.seconds = -1);

    ck_assert_int_eq(torc_fragmentation_check(NULL, "a", 1, NULL, report, sizeof(report)), -EINVAL);
    ck_assert_str_eq(report, "no run was made: Invalid argument");
    ck_assert_int_eq(torc_fragmentation_check(factory, NULL, 1, NULL, NULL, 0), -EINVAL);
    ck_assert_int_eq(torc_fragmentation_check(factory, "a", 1, negative, NULL, 0), -EINVAL);
    ck_assert_int_eq(torc_fragmentation_check(factory, "a", 1, NULL, NULL, 1), -EINVAL);
    ck_assert_int_eq(torc_fragmentation_checkProtocol(NULL, "a", 1, NULL, report, sizeof(report)),
                     -EINVAL);
    ck_assert_str_eq(report, "no run was made: Invalid argument");
    ck_assert_int_eq(torc_fragmentation_checkProtocol(&counted_class, "a", 1, NULL, NULL, 1),
                     -EINVAL);
    ck_assert_uint_eq(instances, 0);
    TorcFactory_unref(factory);
}
END_TEST

static int refuse(TorcFactory *self, const TorcAddress *peer, TorcProtocol **ret_protocol)
{
    (void)self;
    (void)peer;
    (void)ret_protocol;
    return -EACCES;
}

static const TorcFactoryClass refusing_class = {
    TORC_FACTORY_CLASS("refusing", TorcFactory),
    .buildProtocol = refuse,
};

START_TEST(a_factory_that_fails_is_reported)
{
    TorcFactory *factory = TorcFactory_new(&refusing_class);

    ck_assert_int_eq(torc_fragmentation_check(factory, "a", 1, NULL, report, sizeof(report)),
                     -EACCES);
    ck_assert_str_eq(report, "no run was made: Permission denied");
    TorcFactory_unref(factory);
}
END_TEST

RUN_TESTS("fragmentation harness", set_up, NULL, a_stateless_protocol_passes_at_every_cut_and_pair,
          pairs_are_for_short_transcripts, the_pair_limit_is_64_bytes,
          an_empty_transcript_is_a_transcript, other_output_is_found,
          another_way_of_closing_is_found, what_only_bytewise_feeding_shows_is_found,
          what_only_a_pair_of_cuts_shows_is_found, without_pairs_it_is_not, other_events_are_found,
          fin_comes_behind_the_last_byte_when_asked_for, virtual_time_passes_at_the_end,
          a_longer_text_is_shown_around_the_difference, a_report_is_cut_to_its_buffer,
          a_class_does_for_a_factory, bad_arguments_are_refused_with_a_report,
          a_factory_that_fails_is_reported)
