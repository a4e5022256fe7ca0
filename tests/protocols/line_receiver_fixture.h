/* What the tests of LineReceiver share: one that writes down what it is told and does what the test
 * says, on a simulated kernel, with one peer.
 *
 *     on_line = write_back;
 *     send_text("one\r\ntw");
 *     ck_assert_str_eq(events, "[one]");
 *
 * Lines are [so], raw data {so}, and what was too long !so!. */
#ifndef TORC_TESTS_LINE_RECEIVER_FIXTURE_H
#define TORC_TESTS_LINE_RECEIVER_FIXTURE_H

#include "line_record.h"

/* ---- the receiver under test: writes down what it is told, and does what the test says ------ */

typedef struct Probe {
    TorcLineReceiver base;
} Probe;

static Probe *probe; /* the connection's; NULL when it is gone */
static void (*on_line)(TorcLineReceiver *self, const char *line, size_t length);
static void (*on_raw)(TorcLineReceiver *self, const char *data, size_t length);
static void (*on_exceeded)(TorcLineReceiver *self);
static TorcReasonKind lost_kind; /* 0: not lost */
static int lost_code;

static inline void probe_connectionMade(TorcProtocol *self)
{
    probe = (Probe *)self;
}

static inline void probe_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    lost_kind = TorcReason_kind(reason);
    lost_code = TorcReason_code(reason);
    probe = NULL;
}

static inline void probe_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    ck_assert_int_eq(line[length], '\0');
    record('[', line, length, ']');
    if (on_line)
        on_line(self, line, length);
}

static inline void probe_rawDataReceived(TorcLineReceiver *self, const void *data, size_t length)
{
    record('{', data, length, '}');
    if (on_raw)
        on_raw(self, data, length);
}

static inline void probe_lineLengthExceeded(TorcLineReceiver *self, const void *data, size_t length)
{
    record('!', data, length, '!');
    if (on_exceeded)
        on_exceeded(self);
}

static const TorcLineReceiverClass probe_class = {
    TORC_LINE_RECEIVER_CLASS("probe", Probe),
    .protocol.connectionMade = probe_connectionMade,
    .protocol.connectionLost = probe_connectionLost,
    .maxLength = 64,
    .lineReceived = probe_lineReceived,
    .rawDataReceived = probe_rawDataReceived,
    .lineLengthExceeded = probe_lineLengthExceeded,
};

/* ---- the simulation ------------------------------------------------------------------------ */

static inline void start_class(const TorcLineReceiverClass *cls, size_t chunk_size)
{
    on_line = NULL;
    on_raw = NULL;
    on_exceeded = NULL;
    lost_kind = 0;
    lost_code = 0;
    serve_class(&cls->protocol, chunk_size);
    ck_assert_ptr_nonnull(probe);
}

static inline void setup(void)
{
    start_class(&probe_class, 0);
}

static inline void setup_byte_by_byte(void)
{
    start_class(&probe_class, 1);
}

/* In the middle of a test, with another class. */
static inline void start_again(const TorcLineReceiverClass *cls)
{
    TorcSim_free(sim);
    start_class(cls, 0);
}

static inline void teardown(void)
{
    end_clean(sim);
    ck_assert_ptr_null(probe);
}

/* ---- hooks --------------------------------------------------------------------------------- */

static inline void write_back(TorcLineReceiver *self, const char *line, size_t length)
{
    ck_assert_int_eq(TorcLineReceiver_sendLine(self, line, length), 0);
}

/* ---- the program --------------------------------------------------------------------------- */

/* Lists end with NULL. */
static inline void add_tests(Suite *suite, const char *name, SFun set_up, double seconds,
                             const TTest *const *tests)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, teardown);
    tcase_set_timeout(tcase, seconds);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
}

/* What main returns. Streams do not depend on how the bytes are cut: they run twice, the second time
 * with single bytes. Chunks do. */
static inline int run_line_tests(const char *name, const TTest *const *streams,
                                 const TTest *const *chunks)
{
    Suite *suite = suite_create(name);
    add_tests(suite, "streams", setup, 4, streams);
    add_tests(suite, "byte by byte", setup_byte_by_byte, 30, streams);
    add_tests(suite, "chunks", setup, 30, chunks);
    return run_suite(suite);
}

#endif
