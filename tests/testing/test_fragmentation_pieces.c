/* The parser harness with the cuts that the caller says: three runs, and the same differences found. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include <torc/torc.h>

#include "test_suite.h"

static char report[TORC_FRAGMENTATION_REPORT_SIZE];
static size_t lengths[20]; /* of what dataReceived got, in all runs */
static unsigned calls;
static unsigned instances;

static void set_up(void)
{
    calls = instances = 0;
    memset(report, 'x', sizeof(report));
}

static void note_instance(TorcProtocol *self)
{
    (void)self;
    instances++;
}

static void note_length(TorcProtocol *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    ck_assert_uint_lt(calls, sizeof(lengths) / sizeof(lengths[0]));
    lengths[calls++] = length;
}

static const TorcProtocolClass noting_class = {
    TORC_PROTOCOL_CLASS("noting", TorcProtocol),
    .connectionMade = note_instance,
    .dataReceived = note_length,
};

/* Answers each piece, however long it is: so it depends on the cuts. */
static void answer_piece(TorcProtocol *self, const void *data, size_t length)
{
    (void)data;
    if (length == 3)
        TorcTransport_write(self->transport, "three", 5);
}

static const TorcProtocolClass counting_class = {
    TORC_PROTOCOL_CLASS("counting", TorcProtocol),
    .dataReceived = answer_piece,
};

static int check_pieces(const TorcProtocolClass *cls, const char *text, const size_t *pieces,
                        size_t count)
{
    return torc_fragmentation_checkProtocol(
        cls, text, strlen(text), TORC_FRAGMENTATION_OPTIONS(.pieces = pieces, .pieceCount = count),
        report, sizeof(report));
}

START_TEST(pieces_are_whole_then_bytes_then_as_told_over_and_over)
{
    static const size_t pieces[] = {2, 1};
    static const size_t expected[] = {6, 1, 1, 1, 1, 1, 1, 2, 1, 2, 1};
    ck_assert_int_eq(check_pieces(&noting_class, "123456", pieces, 2), 0);
    ck_assert_str_eq(report, "");
    ck_assert_uint_eq(instances, 3);
    ck_assert_uint_eq(calls, 11);
    ck_assert_mem_eq(lengths, expected, sizeof(expected));
}
END_TEST

START_TEST(the_last_piece_is_what_is_left)
{
    static const size_t pieces[] = {100};
    ck_assert_int_eq(check_pieces(&noting_class, "12", pieces, 1), 0);
    ck_assert_uint_eq(calls, 4);
    ck_assert_uint_eq(lengths[3], 2);
}
END_TEST

START_TEST(a_difference_is_reported_with_its_pieces)
{
    static const size_t pieces[] = {3, 4};
    ck_assert_int_eq(check_pieces(&counting_class, "1234567", pieces, 2), -EBADMSG);
    ck_assert_str_eq(report,
                     "cut into pieces of 3, 4 bytes and so on of 7, it does not behave as when fed "
                     "whole\n"
                     "  input: \"1234567\"\n"
                     "  written, different from byte 0 on:\n"
                     "    whole: \"\"\n"
                     "    cut:   \"three\"\n"
                     "  connection:\n"
                     "    whole: open\n"
                     "    cut:   open\n");
}
END_TEST

START_TEST(without_bytes_there_is_nothing_to_cut)
{
    static const size_t pieces[] = {1};
    ck_assert_int_eq(check_pieces(&noting_class, "", pieces, 1), 0);
    ck_assert_uint_eq(instances, 3);
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(pieces_without_a_length_are_refused)
{
    static const size_t pieces[] = {1, 0};
    ck_assert_int_eq(check_pieces(&noting_class, "12", pieces, 2), -EINVAL);
    ck_assert_int_eq(check_pieces(&noting_class, "12", pieces, 0), -EINVAL);
    ck_assert_int_eq(check_pieces(&noting_class, "12", NULL, 1), -EINVAL);
    ck_assert_uint_eq(instances, 0);
}
END_TEST

/* ---- with a simulation --------------------------------------------------------------------- */

static TorcSim *sim;
static bool called;

static void note_call(void *arg)
{
    (void)arg;
    called = true;
}

static void call_soon(TorcProtocol *self, const void *data, size_t length)
{
    TorcReactor *reactor = TorcTransport_getReactor(self->transport);
    (void)data;
    ck_assert(called);
    called = false;
    if (length % 2 == 1)
        ck_assert_int_eq(TorcReactor_callLater(reactor, 0, note_call, NULL, NULL), 0);
    else
        ck_assert_int_eq(TorcReactor_callFromThread(reactor, note_call, NULL), 0);
}

static const TorcProtocolClass calling_class = {
    TORC_PROTOCOL_CLASS("calling", TorcProtocol),
    .dataReceived = call_soon,
};

static int check_simulated(const TorcProtocolClass *cls, const char *text)
{
    static const size_t pieces[] = {2, 1};
    return torc_fragmentation_checkProtocol(
        cls, text, strlen(text),
        TORC_FRAGMENTATION_OPTIONS(.sim = sim, .pieces = pieces, .pieceCount = 2), report,
        sizeof(report));
}

START_TEST(what_is_called_soon_comes_before_the_next_piece)
{
    sim = TorcSim_new(1);
    called = true;
    ck_assert_int_eq(check_simulated(&calling_class, "1234567"), 0);
    ck_assert(called);
    TorcSim_free(sim);
}
END_TEST

static TorcTransport *onward; /* a connection in the simulation */

static void keep_transport(TorcProtocol *self)
{
    onward = self->transport;
}

static const TorcProtocolClass onward_class = {
    TORC_PROTOCOL_CLASS("onward", TorcProtocol),
    .connectionMade = keep_transport,
};

static void forward(TorcProtocol *self, const void *data, size_t length)
{
    (void)self;
    ck_assert_uint_eq(TorcTransport_bufferedBytes(onward), 0);
    ck_assert_int_eq(TorcTransport_write(onward, data, length), 0);
    ck_assert_uint_gt(TorcTransport_bufferedBytes(onward), 0);
}

static const TorcProtocolClass forwarding_class = {
    TORC_PROTOCOL_CLASS("forwarding", TorcProtocol),
    .dataReceived = forward,
};

START_TEST(what_is_written_elsewhere_leaves_before_the_next_piece)
{
    sim = TorcSim_new(1);
    TorcFactory *factory = TorcFactory_forProtocol(&onward_class);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), 7000, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    TorcSimPeer *peer = TorcSim_connect(sim, 7000);
    ck_assert_int_eq(TorcSim_advance(sim, 0), 0);
    ck_assert_int_eq(check_simulated(&forwarding_class, "1234567"), 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "123456712345671234567");
    TorcSim_free(sim);
}
END_TEST

RUN_TESTS("fragmentation pieces", set_up, NULL,
          pieces_are_whole_then_bytes_then_as_told_over_and_over, the_last_piece_is_what_is_left,
          a_difference_is_reported_with_its_pieces, without_bytes_there_is_nothing_to_cut,
          pieces_without_a_length_are_refused, what_is_called_soon_comes_before_the_next_piece,
          what_is_written_elsewhere_leaves_before_the_next_piece)
