/* The fragmentation oracle: torc_fragmentation_check with the cuts of the input, and the bounds
 * that hold for every protocol. One thread; notes last until the next run begins. */
#include "fuzz_cuts.h"

#include <string.h>

/* Escaped a byte is four. An input of 4 KiB fits, with a word for each of its bytes. */
enum { NOTES_SIZE = 128 * 1024 };

/* What a run may use besides its input: the transport's and the protocol's own. Times the input:
 * a block that has doubled, and the one it is copied from. */
enum { MEMORY_ALLOWED = 64 * 1024, MEMORY_PER_BYTE = 4 };

static char notes[NOTES_SIZE];
static size_t notes_length;

FuzzCuts fuzz_readCuts(FuzzInput *input)
{
    FuzzCuts cuts = {.lengths = {3}, .count = fuzz_byte(input) % (FUZZ_PIECES + 1)};
    for (size_t i = 0; i < cuts.count; i++)
        cuts.lengths[i] = (size_t)fuzz_byte(input) + 1;
    cuts.count += cuts.count == 0;
    return cuts;
}

/* ---- notes --------------------------------------------------------------------------------- */

static void forget(void *arg)
{
    (void)arg;
    notes_length = 0;
    notes[0] = '\0';
}

/* Not by printf or memcpy, which a sanitizer makes slow: notes were a tenth of an execution. */
static void note_text(const char *text)
{
    while (*text && notes_length < NOTES_SIZE - 1)
        notes[notes_length++] = *text++;
    notes[notes_length] = '\0';
}

static void note_number(size_t number)
{
    char digits[3 * sizeof(number) + 1];
    char *at = digits + sizeof(digits) - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    note_text(at);
}

void fuzz_note(const char *what, const void *data, size_t length)
{
    note_text(what);
    note_text(" ");
    note_number(length);
    note_text(":");
    notes_length += torc_escape(data, length, notes + notes_length, NOTES_SIZE - notes_length);
    if (notes_length > NOTES_SIZE - 1)
        notes_length = NOTES_SIZE - 1;
    note_text("\n");
}

static const char *observed(TorcProtocol *protocol, void *arg)
{
    (void)protocol;
    (void)arg;
    return notes;
}

/* ---- the oracle ---------------------------------------------------------------------------- */

static void check_nothing_is_left(TorcSim *sim, size_t memory_before)
{
    char report[TORC_CHECK_MESSAGE_SIZE];
    if (sim)
        FUZZ_CHECK_THAT(torc_check_clean(sim, report, sizeof(report)), "%s", report);
    FUZZ_CHECK_THAT(fuzz_memory() <= memory_before, "%zu bytes were allocated before, %zu after",
                    memory_before, fuzz_memory());
}

void fuzz_checkCuts(TorcFactory *factory, const FuzzInput *input, const FuzzCuts *cuts, bool end,
                    TorcSim *sim)
{
    static char report[TORC_FRAGMENTATION_REPORT_SIZE];
    TorcFragmentationOptions *options =
        TORC_FRAGMENTATION_OPTIONS(.endOfStream = end, .begin = forget, .observed = observed,
                                   .sim = sim, .pieces = cuts->lengths, .pieceCount = cuts->count);
    size_t before = fuzz_memory();

    if (sim) /* turns without end at one moment are taken for a loop that spins */
        FUZZ_CHECK(TorcSim_advance(sim, 0.001) == 0);
    fuzz_resetPeak();
    int r =
        torc_fragmentation_check(factory, input->at, input->left, options, report, sizeof(report));
    FUZZ_CHECK_THAT(r == 0, "%s", report);
    size_t used = fuzz_memoryPeak() - before;
    FUZZ_CHECK_THAT(used <= MEMORY_ALLOWED + MEMORY_PER_BYTE * input->left,
                    "%zu bytes of input took %zu bytes of memory", input->left, used);
    check_nothing_is_left(sim, before);
}

void fuzz_checkOneOf(TorcFactory *const *factories, unsigned count, const uint8_t *data,
                     size_t size, TorcSim *sim)
{
    FuzzInput input = {data, size};
    unsigned settings = fuzz_byte(&input);
    FuzzCuts cuts = fuzz_readCuts(&input);

    fuzz_checkCuts(factories[settings % count], &input, &cuts, settings / count % 2 == 1, sim);
}

TorcFactory *fuzz_lineFactory(const TorcProtocolClass *cls)
{
    TorcFactory *factory = TorcFactory_forProtocol(cls);
    FUZZ_CHECK(torc_fragmentation_check(factory, "QUIT", 4, NULL, NULL, 0) == 0);
    return factory;
}
