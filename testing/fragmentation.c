/* The parser harness: the same bytes in all possible pieces.
 *
 * One thread. Each run has a string transport of its own, which owns the instance; what it leads to
 * is kept as an outcome, of which there are two at a time: that of the whole, and the one that is
 * compared with it. Nothing survives the call. */
#include "fragmentation.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "report_internal.h"
#include "string_transport_internal.h"

enum { PAIR_LIMIT_DEFAULT = 64, STATE_SIZE = 256 };

/* How the transcript is cut: before `first` and before `second`; length: not cut there. */
typedef struct Cut {
    size_t first;
    size_t second;
    bool bytewise;
} Cut;

typedef struct Outcome {
    SimBytes observed;
    SimBytes written;
    char state[STATE_SIZE];
} Outcome;

typedef struct Harness {
    TorcFactory *factory;
    const unsigned char *data;
    size_t length;
    TorcFragmentationOptions options;
    SimReport report;
    Outcome whole;
    Outcome *current; /* of the run that is being made */
} Harness;

static void outcome_done(Outcome *outcome)
{
    torc__simBytes_done(&outcome->observed);
    torc__simBytes_done(&outcome->written);
}

/* ---- one run ------------------------------------------------------------------------------- */

static void look(TorcProtocol *protocol, void *arg)
{
    const Harness *harness = arg;
    const TorcFragmentationOptions *options = &harness->options;
    const char *text = options->observed ? options->observed(protocol, options->arg) : NULL;

    if (text)
        torc__simBytes_append(&harness->current->observed, text, strlen(text));
}

/* Until nothing is left to do at this moment. Each slot but dataReceived comes once at most, so this
 * ends; a protocol that spins by delayed calls is stopped by the simulation. */
static void settle(const Harness *harness, TorcStringTransport *wire)
{
    do {
        if (harness->options.sim)
            TorcSim_advance(harness->options.sim, 0);
    } while (TorcStringTransport_turn(wire));
}

static void feed_piece(const Harness *harness, TorcStringTransport *wire, size_t from, size_t to)
{
    if (from == to)
        return;
    TorcStringTransport_deliverBytes(wire, harness->data + from, to - from);
    settle(harness, wire);
}

static void feed(const Harness *harness, TorcStringTransport *wire, const Cut *cut)
{
    settle(harness, wire);
    for (size_t i = 0; cut->bytewise && i < harness->length; i++)
        feed_piece(harness, wire, i, i + 1);
    if (cut->bytewise)
        return;
    feed_piece(harness, wire, 0, cut->first);
    feed_piece(harness, wire, cut->first, cut->second);
    feed_piece(harness, wire, cut->second, harness->length);
}

static void feed_end(const Harness *harness, TorcStringTransport *wire)
{
    const TorcFragmentationOptions *options = &harness->options;

    if (options->endOfStream)
        TorcStringTransport_deliverEnd(wire);
    settle(harness, wire);
    if (options->sim && options->seconds > 0)
        TorcSim_advance(options->sim, options->seconds);
    settle(harness, wire);
}

static void describe_state(const TorcStringTransport *wire, char *state)
{
    SimReport text;

    torc__report_begin(&text, state, STATE_SIZE);
    if (wire->lost)
        torc__report_printf(&text, "closed, %s (code %d)",
                            TorcReason_kindName(TorcReason_kind(wire->reason)),
                            TorcReason_code(wire->reason));
    else
        torc__report_printf(&text, "open%s%s", wire->write_closing ? ", half-closed" : "",
                            wire->paused ? ", reading paused" : "");
    if (wire->refused > 0)
        torc__report_printf(&text, ", writes refused");
}

/* Lost at the end in any case: what an instance does with the rest of its input then counts, too. */
static void conclude(Harness *harness, TorcStringTransport *wire)
{
    Outcome *outcome = harness->current;

    describe_state(wire, outcome->state);
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_DONE));
    torc__simBytes_append(&outcome->written, wire->written.data,
                          torc__simBytes_length(&wire->written));
}

static int run(Harness *harness, const Cut *cut, Outcome *ret_outcome)
{
    const TorcFragmentationOptions *options = &harness->options;
    TorcStringTransport *wire = TorcStringTransport_new();

    if (options->begin)
        options->begin(options->arg);
    if (options->sim)
        TorcStringTransport_setReactor(wire, TorcSim_reactor(options->sim));
    *ret_outcome = (Outcome){.state = ""};
    harness->current = ret_outcome;
    wire->last_look = look;
    wire->last_look_arg = harness;
    int r = TorcStringTransport_connect(wire, harness->factory);
    if (r == 0) {
        feed(harness, wire, cut);
        feed_end(harness, wire);
        conclude(harness, wire);
    }
    TorcStringTransport_free(wire);
    return r;
}

/* ---- comparing ----------------------------------------------------------------------------- */

static bool same_bytes(const SimBytes *a, const SimBytes *b)
{
    size_t length = torc__simBytes_length(a);

    return length == torc__simBytes_length(b) &&
           (length == 0 || memcmp(a->data + a->begin, b->data + b->begin, length) == 0);
}

static bool same(const Outcome *a, const Outcome *b)
{
    return same_bytes(&a->observed, &b->observed) && same_bytes(&a->written, &b->written) &&
           strcmp(a->state, b->state) == 0;
}

static void report_piece(Harness *harness, const char *before, size_t from, size_t to, size_t focus)
{
    if (from == to)
        return;
    torc__report_printf(&harness->report, "%s", before);
    torc__report_quote(&harness->report, harness->data + from, to - from, focus);
}

static void report_cut(Harness *harness, const Cut *cut)
{
    size_t middle = cut->second - cut->first;
    SimReport *report = &harness->report;

    if (cut->bytewise)
        torc__report_printf(report, "fed byte by byte");
    else if (cut->second == harness->length)
        torc__report_printf(report, "cut after byte %zu", cut->first);
    else
        torc__report_printf(report, "cut after bytes %zu and %zu", cut->first, cut->second);
    torc__report_printf(report, " of %zu, it does not behave as when fed whole\n", harness->length);
    report_piece(harness, "  input: ", 0, cut->first, cut->first);
    report_piece(harness, " + ", cut->first, cut->second,
                 cut->second < harness->length ? middle : 0);
    report_piece(harness, " + ", cut->second, harness->length, 0);
    torc__report_printf(report, "\n");
}

/* Both texts around the place where they begin to differ. */
static void report_texts(SimReport *report, const char *what, const SimBytes *whole,
                         const SimBytes *cut)
{
    const unsigned char *a = whole->data + whole->begin;
    const unsigned char *b = cut->data + cut->begin;
    size_t a_length = torc__simBytes_length(whole);
    size_t b_length = torc__simBytes_length(cut);
    size_t focus = torc__report_difference(a, a_length, b, b_length);

    if (same_bytes(whole, cut))
        torc__report_printf(report, "  %s, the same:", what);
    else
        torc__report_printf(report, "  %s, different from byte %zu on:", what, focus);
    torc__report_printf(report, "\n    whole: ");
    torc__report_quote(report, a, a_length, focus);
    torc__report_printf(report, "\n    cut:   ");
    torc__report_quote(report, b, b_length, focus);
    torc__report_printf(report, "\n");
}

static int report_difference(Harness *harness, const Cut *cut, const Outcome *outcome)
{
    const Outcome *whole = &harness->whole;
    SimReport *report = &harness->report;

    report_cut(harness, cut);
    if (harness->options.observed)
        report_texts(report, "observed", &whole->observed, &outcome->observed);
    report_texts(report, "written", &whole->written, &outcome->written);
    torc__report_printf(report, "  connection:\n    whole: %s\n    cut:   %s\n", whole->state,
                        outcome->state);
    return -EBADMSG;
}

static int compare(Harness *harness, const Cut *cut)
{
    Outcome outcome;
    int r = run(harness, cut, &outcome);

    if (r == 0 && !same(&harness->whole, &outcome))
        r = report_difference(harness, cut, &outcome);
    outcome_done(&outcome);
    return r;
}

/* ---- all runs ------------------------------------------------------------------------------ */

static int compare_cuts(Harness *harness)
{
    int r = 0;

    for (size_t i = 1; r == 0 && i < harness->length; i++)
        r = compare(harness, &(Cut){.first = i, .second = harness->length});
    return r;
}

static int compare_pairs(Harness *harness)
{
    int r = 0;

    for (size_t i = 1; r == 0 && i < harness->length; i++)
        for (size_t j = i + 1; r == 0 && j < harness->length; j++)
            r = compare(harness, &(Cut){.first = i, .second = j});
    return r;
}

static int compare_all(Harness *harness)
{
    size_t length = harness->length;
    int r = run(harness, &(Cut){.first = length, .second = length}, &harness->whole);

    if (r == 0)
        r = compare_cuts(harness);
    if (r == 0)
        r = compare(harness, &(Cut){.bytewise = true});
    if (r == 0 && length <= harness->options.pairLimit)
        r = compare_pairs(harness);
    return r;
}

/* ---- the public functions ------------------------------------------------------------------ */

void TorcFragmentationOptions_init(TorcFragmentationOptions *options)
{
    if (options)
        *options = (TorcFragmentationOptions){.size = sizeof(*options)};
}

static int read_options(const TorcFragmentationOptions *given,
                        TorcFragmentationOptions *ret_options)
{
    int r = torc__options_read(ret_options, sizeof(*ret_options), given);

    if (r < 0 || !isfinite(ret_options->seconds) || ret_options->seconds < 0)
        return -EINVAL;
    if (ret_options->pairLimit == 0)
        ret_options->pairLimit = PAIR_LIMIT_DEFAULT;
    return 0;
}

static int check(Harness *harness, const TorcFragmentationOptions *given)
{
    TORC__REQUIRE(harness->factory && (harness->data || harness->length == 0));
    int r = read_options(given, &harness->options);
    if (r == 0)
        r = compare_all(harness);
    outcome_done(&harness->whole);
    return r;
}

static int refuse(int error, SimReport *report)
{
    torc__report_printf(report, "no run was made: %s", torc_strerror(error));
    return error;
}

int torc_fragmentation_check(TorcFactory *factory, const void *data, size_t length,
                             const TorcFragmentationOptions *options, char *report, size_t size)
{
    TORC__REQUIRE(report || size == 0);
    Harness harness = {.factory = factory, .data = data, .length = length};

    torc__report_begin(&harness.report, report, size);
    int r = check(&harness, options);
    if (r < 0 && harness.report.length == 0)
        return refuse(r, &harness.report);
    return r;
}

int torc_fragmentation_checkProtocol(const TorcProtocolClass *cls, const void *data, size_t length,
                                     const TorcFragmentationOptions *options, char *report,
                                     size_t size)
{
    TORC__REQUIRE(report || size == 0);
    SimReport refusal;

    torc__report_begin(&refusal, report, size);
    TorcFactory *factory = cls ? TorcFactory_forProtocol(cls) : NULL;
    if (!factory)
        return refuse(cls ? -errno : -EINVAL, &refusal);
    int r = torc_fragmentation_check(factory, data, length, options, report, size);
    TorcFactory_unref(factory);
    return r;
}
