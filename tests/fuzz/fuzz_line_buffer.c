/* The line cutter by itself, with any delimiter and any longest line, against a model of ten lines.
 *
 * The input: the longest line, what happens to one that is too long, the delimiter, the cuts, which
 * allocation fails, and the bytes. The model looks at all the bytes at once. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "protocols/line_buffer_internal.h"
#include "reactor/memory_internal.h"

enum { MOST_DELIMITER = 8, MOST_PIECES = 8 };

typedef struct Cutting {
    TorcLineRules rules;
    char delimiter[MOST_DELIMITER];
    size_t pieces[MOST_PIECES];
    size_t piece_count;
} Cutting;

/* What the model has not yet cut. */
typedef struct Model {
    const TorcLineRules *rules;
    const uint8_t *at;
    size_t left;
    bool dropped; /* all there was, with a line that was too long: so it is over */
} Model;

/* ---- the model ------------------------------------------------------------------------------ */

/* Of the next line: its length, and whether its delimiter is there. */
static bool model_line(const Model *model, size_t *ret_length)
{
    const TorcLineRules *rules = model->rules;
    const uint8_t *end =
        model->left > 0 ? memmem(model->at, model->left, rules->delimiter, rules->delimiter_length)
                        : NULL;
    *ret_length = end ? (size_t)(end - model->at) : model->left;
    return end != NULL;
}

static void model_take(Model *model, size_t length)
{
    size_t whole = length + model->rules->delimiter_length;
    size_t taken = whole < model->left ? whole : model->left;
    model->at += taken;
    model->left -= taken;
}

/* The line is the next that is not too long. */
static void model_ready(Model *model, const char *line, size_t length)
{
    size_t expected;
    FUZZ_CHECK(model_line(model, &expected));
    FUZZ_CHECK(expected == length && length <= model->rules->max_length);
    FUZZ_CHECK(memcmp(line, model->at, length) == 0 && line[length] == '\0');
    model_take(model, length);
}

/* What is reported is there, and the line is too long indeed. The beginning of its delimiter may
 * have been taken for a part of it. */
static void model_too_long(Model *model, const char *data, size_t length)
{
    size_t expected;
    bool ended = model_line(model, &expected);
    FUZZ_CHECK(expected > model->rules->max_length);
    FUZZ_CHECK(length <= model->left && memcmp(data, model->at, length) == 0);
    if (!model->rules->resume) {
        model->dropped = true;
        return;
    }
    FUZZ_CHECK(length > model->rules->max_length);
    FUZZ_CHECK(length < expected + model->rules->delimiter_length);
    model_take(model, ended ? expected : model->left);
}

/* Nothing that could have been told is left. */
static void model_end(const Model *model)
{
    size_t length;
    const TorcLineRules *rules = model->rules;
    if (model->dropped)
        return;
    FUZZ_CHECK(!model_line(model, &length));
    FUZZ_CHECK(length < rules->max_length + rules->delimiter_length || length == 0);
}

/* ---- the cutter ----------------------------------------------------------------------------- */

/* What its owner keeps of a cutter between two chunks. */
typedef struct Kept {
    TorcLineBuffer *buffer;
    bool skipping;
} Kept;

/* 0, or what went wrong. */
static int cut_chunk(const TorcLineRules *rules, Kept *kept, const uint8_t *chunk, size_t length,
                     Model *model)
{
    TorcLineBuffer buffer;
    char scratch[TORC__LINE_SCRATCH];
    const char *line;
    size_t line_length;
    int event;

    torc__lineBuffer_open(&buffer, kept->buffer, chunk, length);
    buffer.skipping = kept->skipping;
    while ((event = torc__lineBuffer_next(&buffer, rules, scratch, &line, &line_length)) > 0) {
        if (event == TORC__LINE_READY)
            model_ready(model, line, line_length);
        else
            model_too_long(model, line, line_length);
        torc__lineBuffer_release(&buffer);
        if (model->dropped)
            torc__lineBuffer_forget(&buffer);
    }
    kept->skipping = buffer.skipping;
    int r = torc__lineBuffer_close(&buffer, &kept->buffer);
    return event < 0 ? event : r;
}

/* A block is at most twice as large as what it holds, which is at most a line and its delimiter;
 * besides there are its head and the rounding up of sizes. */
static void check_kept(const TorcLineRules *rules, size_t before)
{
    enum { HEADS = 256 };
    size_t used = fuzz_memory() - before;
    size_t most = 2 * (rules->max_length + rules->delimiter_length) + HEADS;
    FUZZ_CHECK_THAT(used <= most, "%zu bytes are kept, at most %zu are needed", used, most);
}

/* failing: the allocation that fails; then what is kept may lie in a larger block. */
static void cut(const TorcLineRules *rules, const FuzzInput *input, const size_t *pieces,
                size_t count, long failing)
{
    Model model = {.rules = rules, .at = input->at, .left = input->left};
    Kept kept = {NULL, false};
    size_t before = fuzz_memory();
    int r = 0;

    fuzz_failAllocation(failing);
    for (size_t at = 0, i = 0; r == 0 && !model.dropped && at < input->left; i++) {
        size_t left = input->left - at;
        size_t length = pieces[i % count] < left ? pieces[i % count] : left;
        uint8_t *chunk = malloc(length); /* so that a pointer kept into it is found */
        FUZZ_CHECK(chunk);
        memcpy(chunk, input->at + at, length);
        r = cut_chunk(rules, &kept, chunk, length, &model);
        free(chunk);
        if (failing < 0)
            check_kept(rules, before);
        at += length;
    }
    fuzz_failAllocation(-1);
    if (r == 0)
        model_end(&model);
    torc__lineBuffer_done(kept.buffer);
    FUZZ_CHECK(fuzz_memory() == before);
}

/* ---- an execution --------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    return 0;
}

static void read_cutting(FuzzInput *input, Cutting *cutting)
{
    unsigned settings = fuzz_byte(input);
    cutting->rules.resume = settings % 2 == 1;
    cutting->rules.delimiter_length = 1 + settings / 2 % MOST_DELIMITER;
    cutting->rules.max_length = 1 + fuzz_below(input, settings >= 128 ? 3000 : 40);
    for (size_t i = 0; i < cutting->rules.delimiter_length; i++)
        cutting->delimiter[i] = (char)fuzz_byte(input);
    cutting->rules.delimiter = cutting->delimiter;
    cutting->piece_count = 1 + fuzz_below(input, MOST_PIECES);
    for (size_t i = 0; i < cutting->piece_count; i++)
        cutting->pieces[i] = 1 + (size_t)fuzz_byte(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t one = 1;
    FuzzInput input = {data, size};
    Cutting cutting;

    read_cutting(&input, &cutting);
    long failing = (long)fuzz_byte(&input) - 1;
    cut(&cutting.rules, &input, &input.left, 1, -1);
    cut(&cutting.rules, &input, &one, 1, -1);
    cut(&cutting.rules, &input, cutting.pieces, cutting.piece_count, failing);
    return 0;
}
