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
#include "sim_faults_internal.h"
#include "sim_internal.h"
#include "sim_network_internal.h"
#include "string_transport_internal.h"

enum { PAIR_LIMIT_DEFAULT = 64, STATE_SIZE = 256 };

/* How the transcript is cut: before `first` and before `second`; length: not cut there. Or, when
 * there are `pieces`, into pieces of these lengths, over and over. */
typedef struct Cut {
    size_t first;
    size_t second;
    const size_t *pieces;
    size_t piece_count;
} Cut;

static const size_t one_byte = 1;

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

/* A turn of the simulation would do nothing: nothing is due, posted or ready, no connection has
 * anything to flush, because there is none, and no fault is meant for the turn itself. Such turns,
 * one for each piece, would be a fifth of a fuzzer's time. */
static bool is_at_rest(const TorcSim *sim)
{
    return !sim->reactor->parts && !sim->hosts->next && torc__simHosts_settled(sim) &&
           !sim->kernel->faults->armed[TORC_SIM_WAIT];
}

/* Until nothing is left to do at this moment. Each slot but dataReceived comes once at most, so this
 * ends; a protocol that spins by delayed calls is stopped by the simulation. */
static void settle(const Harness *harness, TorcStringTransport *wire)
{
    TorcSim *sim = harness->options.sim;

    do {
        if (sim && !is_at_rest(sim))
            TorcSim_advance(sim, 0);
    } while (TorcStringTransport_turn(wire));
}

static void feed_piece(const Harness *harness, TorcStringTransport *wire, size_t from, size_t to)
{
    if (from == to)
        return;
    TorcStringTransport_deliverBytes(wire, harness->data + from, to - from);
    settle(harness, wire);
}

static void feed_pieces(const Harness *harness, TorcStringTransport *wire, const Cut *cut)
{
    size_t at = 0;

    for (size_t i = 0; at < harness->length; i++) {
        size_t length = cut->pieces[i % cut->piece_count];
        size_t left = harness->length - at;
        size_t to = at + (length < left ? length : left);
        feed_piece(harness, wire, at, to);
        at = to;
    }
}

static void feed(const Harness *harness, TorcStringTransport *wire, const Cut *cut)
{
    settle(harness, wire);
    if (cut->pieces) {
        feed_pieces(harness, wire, cut);
        return;
    }
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
    if (options->sim)
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

static void report_pieces(SimReport *report, const Cut *cut)
{
    torc__report_printf(report, "cut into pieces of");
    for (size_t i = 0; i < cut->piece_count; i++)
        torc__report_printf(report, "%s %zu", i > 0 ? "," : "", cut->pieces[i]);
    torc__report_printf(report, " bytes and so on");
}

static void report_how(Harness *harness, const Cut *cut)
{
    SimReport *report = &harness->report;

    if (cut->pieces == &one_byte)
        torc__report_printf(report, "fed byte by byte");
    else if (cut->pieces)
        report_pieces(report, cut);
    else if (cut->second == harness->length)
        torc__report_printf(report, "cut after byte %zu", cut->first);
    else
        torc__report_printf(report, "cut after bytes %zu and %zu", cut->first, cut->second);
    torc__report_printf(report, " of %zu, it does not behave as when fed whole\n", harness->length);
}

static void report_cut(Harness *harness, const Cut *cut)
{
    size_t first = cut->pieces ? harness->length : cut->first;
    size_t second = cut->pieces ? harness->length : cut->second;
    size_t middle = second - first;

    report_how(harness, cut);
    report_piece(harness, "  input: ", 0, first, first);
    report_piece(harness, " + ", first, second, second < harness->length ? middle : 0);
    report_piece(harness, " + ", second, harness->length, 0);
    torc__report_printf(&harness->report, "\n");
}

/* Where they are; "" when there are none, and no memory for them. */
static const void *bytes_of(const SimBytes *bytes)
{
    return bytes->data ? bytes->data + bytes->begin : (const void *)"";
}

/* Both texts around the place where they begin to differ. */
static void report_texts(SimReport *report, const char *what, const SimBytes *whole,
                         const SimBytes *cut)
{
    const unsigned char *a = bytes_of(whole);
    const unsigned char *b = bytes_of(cut);
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

static int compare_pieces(Harness *harness, const size_t *pieces, size_t count)
{
    return compare(harness, &(Cut){.pieces = pieces, .piece_count = count});
}

static int compare_all(Harness *harness)
{
    const TorcFragmentationOptions *options = &harness->options;
    size_t length = harness->length;
    int r = run(harness, &(Cut){.first = length, .second = length}, &harness->whole);

    if (r == 0 && !options->pieces)
        r = compare_cuts(harness);
    if (r == 0)
        r = compare_pieces(harness, &one_byte, 1);
    if (r == 0 && options->pieces)
        return compare_pieces(harness, options->pieces, options->pieceCount);
    if (r == 0 && length <= options->pairLimit)
        r = compare_pairs(harness);
    return r;
}

/* ---- the public functions ------------------------------------------------------------------ */

void TorcFragmentationOptions_init(TorcFragmentationOptions *options)
{
    if (options)
        *options = (TorcFragmentationOptions){.size = sizeof(*options)};
}

/* None at all, or some of which none is empty. */
static bool are_pieces(const size_t *pieces, size_t count)
{
    for (size_t i = 0; pieces && i < count; i++)
        if (pieces[i] == 0)
            return false;
    return (pieces != NULL) == (count > 0);
}

static int read_options(const TorcFragmentationOptions *given,
                        TorcFragmentationOptions *ret_options)
{
    int r = torc__options_read(ret_options, sizeof(*ret_options), given);

    if (r < 0 || !isfinite(ret_options->seconds) || ret_options->seconds < 0 ||
        !are_pieces(ret_options->pieces, ret_options->pieceCount))
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
