/* The line cutter. Pure: bytes in, lines out; its owner is the receiver that opened it.
 *
 * Invariants. The input is the held bytes followed by the chunk. No byte of the chunk is ever
 * written. A byte of a block that was given out is not moved, overwritten or freed before release:
 * a block that is too small is replaced and retired, never reallocated, and appending writes behind
 * `end` only. Lines are ended by a NUL where their delimiter was, in memory of our own.
 *
 * Delimiters are looked for by their last byte, so that one which is cut in two is found by looking
 * back over bytes that were scanned already: each byte is scanned once. */
#include "line_buffer_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "../reactor/memory_internal.h"

/* A block is made for at least this many bytes. */
enum { LEAST_CAPACITY = 64 };

struct TorcLineBlock {
    TorcLineBuffer home; /* the buffer, between close and open */
    TorcLineBlock *next; /* in the list of retired blocks */
    size_t capacity;
    char bytes[];
};

static size_t held(const TorcLineBuffer *buffer)
{
    return buffer->end - buffer->start;
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void retire(TorcLineBuffer *buffer)
{
    if (!buffer->block)
        return;
    buffer->block->next = buffer->retired;
    buffer->retired = buffer->block;
    buffer->block = NULL;
    buffer->start = buffer->end = buffer->scanned = 0;
}

/* Moves the held bytes into a new block, behind `room` free ones. */
static int replace_block(TorcLineBuffer *buffer, size_t capacity, size_t room)
{
    size_t length = held(buffer);
    size_t scanned = buffer->scanned - buffer->start;
    TorcLineBlock *block = torc__malloc(sizeof(TorcLineBlock) + capacity);
    if (!block)
        return -ENOMEM;

    block->capacity = capacity;
    if (buffer->block)
        memcpy(block->bytes + room, buffer->block->bytes + buffer->start, length);
    retire(buffer);
    buffer->block = block;
    buffer->start = room;
    buffer->end = room + length;
    buffer->scanned = room + scanned;
    return 0;
}

/* Doubles, so that growing byte by byte is linear; but not beyond `limit`, the most that a partial
 * line can need, unless more is needed at once. */
static int reserve(TorcLineBuffer *buffer, size_t extra, size_t limit)
{
    size_t length = held(buffer);

    if (buffer->block && extra <= buffer->block->capacity - buffer->end)
        return 0;
    if (extra > SIZE_MAX / 4 || length > SIZE_MAX / 4)
        return -ENOMEM;
    size_t need = length + extra;
    size_t capacity = need + length;
    if (need <= limit && capacity > limit)
        capacity = limit;
    return replace_block(buffer, capacity < LEAST_CAPACITY ? LEAST_CAPACITY : capacity, 0);
}

static int append(TorcLineBuffer *buffer, const void *data, size_t length, size_t limit)
{
    if (length == 0)
        return 0;
    int r = reserve(buffer, length, limit);
    if (r < 0)
        return r;
    memcpy(buffer->block->bytes + buffer->end, data, length);
    buffer->end += length;
    return 0;
}

static void skip_chunk(TorcLineBuffer *buffer, size_t length)
{
    buffer->chunk += length;
    buffer->chunk_length -= length;
}

static void skip_held(TorcLineBuffer *buffer, size_t length)
{
    buffer->start += length;
    if (buffer->scanned < buffer->start)
        buffer->scanned = buffer->start;
}

/* Takes the first `length` bytes of the chunk into the block. */
static int absorb(TorcLineBuffer *buffer, size_t length, size_t limit)
{
    int r = append(buffer, buffer->chunk, length, limit);

    if (r == 0 && length > 0)
        skip_chunk(buffer, length);
    return r;
}

static void free_retired(TorcLineBuffer *buffer)
{
    while (buffer->retired) {
        TorcLineBlock *block = buffer->retired;
        buffer->retired = block->next;
        torc__free(block);
    }
}

/* ---- giving out ---------------------------------------------------------------------------- */

int torc__lineBuffer_takeAll(TorcLineBuffer *buffer, const char **ret_data, size_t *ret_length)
{
    if (torc__lineBuffer_length(buffer) == 0)
        return 0;
    if (held(buffer) > 0) {
        int r = absorb(buffer, buffer->chunk_length, 0);
        if (r < 0)
            return r;
        buffer->lent = buffer->block->bytes + buffer->start;
        buffer->lent_length = held(buffer);
        buffer->lent_block = buffer->block;
        skip_held(buffer, held(buffer));
    } else {
        buffer->lent = buffer->chunk;
        buffer->lent_length = buffer->chunk_length;
        buffer->lent_block = NULL;
        skip_chunk(buffer, buffer->chunk_length);
    }
    *ret_data = buffer->lent;
    *ret_length = buffer->lent_length;
    return 1;
}

/* Takes back the last bytes of what takeAll gave out, if nothing has come in between. */
static bool take_back(TorcLineBuffer *buffer, size_t length)
{
    const char *tail = buffer->lent + buffer->lent_length;

    if (buffer->lent_block) {
        if (buffer->block != buffer->lent_block || tail != buffer->block->bytes + buffer->start)
            return false;
        buffer->start -= length;
        buffer->scanned = buffer->start;
    } else {
        if (held(buffer) > 0 || tail != buffer->chunk)
            return false;
        buffer->chunk -= length;
        buffer->chunk_length += length;
    }
    buffer->lent_length -= length;
    return true;
}

int torc__lineBuffer_unread(TorcLineBuffer *buffer, const void *data, size_t length)
{
    if (length == 0)
        return 0;
    if (length <= buffer->lent_length && data == buffer->lent + (buffer->lent_length - length) &&
        take_back(buffer, length))
        return 0;
    if (length > SIZE_MAX / 4 || held(buffer) > SIZE_MAX / 4)
        return -ENOMEM;

    int r = replace_block(buffer, held(buffer) + length, length);
    if (r < 0)
        return r;
    memcpy(buffer->block->bytes, data, length);
    buffer->start = 0;
    buffer->scanned = 0;
    return 0;
}

int torc__lineBuffer_add(TorcLineBuffer *buffer, const void *data, size_t length)
{
    int r = absorb(buffer, buffer->chunk_length, 0);

    return r < 0 ? r : append(buffer, data, length, 0);
}

void torc__lineBuffer_forget(TorcLineBuffer *buffer)
{
    skip_held(buffer, held(buffer));
    buffer->chunk = NULL;
    buffer->chunk_length = 0;
}

void torc__lineBuffer_releaseAll(TorcLineBuffer *buffer)
{
    free_retired(buffer);
    buffer->lent = NULL;
    buffer->lent_length = 0;
    buffer->lent_block = NULL;
    if (held(buffer) == 0)
        buffer->start = buffer->end = buffer->scanned = 0;
}

/* ---- cutting ------------------------------------------------------------------------------- */

/* As torc__line_findEnd in the held bytes, each of which is looked at once. */
static size_t find_held_end(TorcLineBuffer *buffer, const TorcLineRules *rules)
{
    if (held(buffer) == 0)
        return 0;
    const char *bytes = buffer->block->bytes + buffer->start;
    size_t end = torc__line_findEnd(rules, bytes, held(buffer), buffer->scanned - buffer->start);

    buffer->scanned = end > 0 ? buffer->start + end : buffer->end;
    return end;
}

/* max_length and a delimiter: what a line can need at most. No limit is a limit of SIZE_MAX. */
static size_t most_bytes(const TorcLineRules *rules)
{
    size_t most = rules->max_length + rules->delimiter_length;

    return most < rules->max_length ? SIZE_MAX : most;
}

/* How many of the last bytes may be the beginning of a delimiter. */
static size_t begun_delimiter(const TorcLineRules *rules, const char *bytes, size_t length)
{
    size_t begun = rules->delimiter_length - 1;

    if (begun > length)
        begun = length;
    while (begun > 0 && memcmp(bytes + length - begun, rules->delimiter, begun) != 0)
        begun--;
    return begun;
}

static bool partial_too_long(const TorcLineRules *rules, const char *bytes, size_t length)
{
    if (length <= rules->max_length)
        return false;
    if (length >= most_bytes(rules))
        return true;
    return rules->resume && length - begun_delimiter(rules, bytes, length) > rules->max_length;
}

/* No delimiter has come, and none need be waited for. All input is of this line. */
static int report_partial(TorcLineBuffer *buffer, const TorcLineRules *rules, const char **ret_data,
                          size_t *ret_length)
{
    int r = torc__lineBuffer_takeAll(buffer, ret_data, ret_length);
    if (r < 0)
        return r;

    if (rules->resume) {
        /* The next delimiter may have begun already; nothing longer is worth keeping. */
        size_t tail = rules->delimiter_length - 1;
        (void)take_back(buffer, tail < *ret_length ? tail : *ret_length);
        buffer->skipping = true;
    }
    return TORC__LINE_TOO_LONG;
}

/* The held bytes begin with a line and its delimiter, `end` bytes together. */
static int report_held(TorcLineBuffer *buffer, const TorcLineRules *rules, size_t end,
                       const char **ret_data, size_t *ret_length)
{
    size_t length = end - rules->delimiter_length;
    char *line = buffer->block->bytes + buffer->start;

    if (length > rules->max_length && !rules->resume)
        return report_partial(buffer, rules, ret_data, ret_length);
    line[length] = '\0';
    skip_held(buffer, end);
    *ret_data = line;
    *ret_length = length;
    return length > rules->max_length ? TORC__LINE_TOO_LONG : TORC__LINE_READY;
}

/* Of the chunk only what completes the held line is copied, so that the lines behind it can be cut
 * in the chunk. */
static int next_held(TorcLineBuffer *buffer, const TorcLineRules *rules, const char **ret_data,
                     size_t *ret_length)
{
    char last = rules->delimiter[rules->delimiter_length - 1];
    size_t end = find_held_end(buffer, rules);

    while (end == 0 && buffer->chunk_length > 0) {
        const char *found = memchr(buffer->chunk, last, buffer->chunk_length);
        size_t piece = found ? (size_t)(found - buffer->chunk) + 1 : buffer->chunk_length;
        int r = absorb(buffer, piece, most_bytes(rules));
        if (r < 0)
            return r;
        end = find_held_end(buffer, rules);
    }
    if (end > 0)
        return report_held(buffer, rules, end, ret_data, ret_length);
    if (partial_too_long(rules, buffer->block->bytes + buffer->start, held(buffer)))
        return report_partial(buffer, rules, ret_data, ret_length);
    return TORC__LINE_NONE;
}

/* In the chunk lies a line of `end` bytes with its delimiter, too long or too large for scratch; or,
 * if `end` is 0, none that is complete. */
static int next_in_chunk(TorcLineBuffer *buffer, const TorcLineRules *rules, size_t end,
                         const char **ret_data, size_t *ret_length)
{
    int r;

    if (end == 0 && partial_too_long(rules, buffer->chunk, buffer->chunk_length))
        return report_partial(buffer, rules, ret_data, ret_length);
    if (end == 0) {
        r = absorb(buffer, buffer->chunk_length, most_bytes(rules));
        buffer->scanned = buffer->end;
        return r < 0 ? r : TORC__LINE_NONE;
    }
    if (end - rules->delimiter_length > rules->max_length && !rules->resume)
        return report_partial(buffer, rules, ret_data, ret_length);
    r = absorb(buffer, end, most_bytes(rules));
    return r < 0 ? r : report_held(buffer, rules, end, ret_data, ret_length);
}

/* ---- skipping the rest of a line that was too long ----------------------------------------- */

/* Looks for a delimiter that begins in the held bytes, which are too few to be one, and ends in the
 * chunk. 1, 0 or -ENOMEM. */
static int skip_across(TorcLineBuffer *buffer, const TorcLineRules *rules)
{
    size_t tail = rules->delimiter_length - 1;
    size_t before = held(buffer);
    size_t piece = tail < buffer->chunk_length ? tail : buffer->chunk_length;
    int r = append(buffer, buffer->chunk, piece, 0);
    if (r < 0)
        return r;

    size_t end = find_held_end(buffer, rules);
    if (end > 0) {
        skip_chunk(buffer, end - before);
        skip_held(buffer, held(buffer));
        return 1;
    }
    if (piece == buffer->chunk_length) {
        skip_chunk(buffer, piece);
        if (held(buffer) > tail)
            skip_held(buffer, held(buffer) - tail);
    } else {
        skip_held(buffer, held(buffer));
    }
    return 0;
}

/* 1 when the delimiter has been passed, 0 when it is still to come, or -ENOMEM. Keeps only as many
 * bytes as may be the beginning of it. */
static int skip_line(TorcLineBuffer *buffer, const TorcLineRules *rules)
{
    size_t tail = rules->delimiter_length - 1;
    size_t end = find_held_end(buffer, rules);

    if (end > 0) {
        skip_held(buffer, end);
        return 1;
    }
    if (held(buffer) > tail)
        skip_held(buffer, held(buffer) - tail);
    if (held(buffer) > 0 && buffer->chunk_length > 0) {
        int r = skip_across(buffer, rules);
        if (r != 0)
            return r;
    }
    if (buffer->chunk_length == 0)
        return 0;
    end = torc__line_findEnd(rules, buffer->chunk, buffer->chunk_length, 0);
    if (end > 0) {
        skip_chunk(buffer, end);
        return 1;
    }
    if (buffer->chunk_length > tail)
        skip_chunk(buffer, buffer->chunk_length - tail);
    return 0;
}

int torc__lineBuffer_nextUnusual(TorcLineBuffer *buffer, const TorcLineRules *rules, size_t end,
                                 char *scratch, const char **ret_data, size_t *ret_length)
{
    assert(rules->delimiter_length > 0);
    if (buffer->skipping) {
        int r = skip_line(buffer, rules);
        if (r <= 0)
            return r;
        buffer->skipping = false;
        return torc__lineBuffer_next(buffer, rules, scratch, ret_data, ret_length);
    }
    if (held(buffer) > 0)
        return next_held(buffer, rules, ret_data, ret_length);
    if (buffer->chunk_length > 0)
        return next_in_chunk(buffer, rules, end, ret_data, ret_length);
    return TORC__LINE_NONE;
}

/* ---- between chunks ------------------------------------------------------------------------ */

void torc__lineBuffer_open(TorcLineBuffer *buffer, const TorcLineBuffer *kept, const void *chunk,
                           size_t length)
{
    *buffer = kept ? *kept : (TorcLineBuffer){0};
    buffer->chunk = chunk;
    buffer->chunk_length = length;
}

/* What is kept may be kept for long, so not in a block that was made for much more. Without memory
 * for a smaller one it stays where it is. */
static void fit(TorcLineBuffer *buffer)
{
    size_t length = held(buffer);
    size_t capacity = length < LEAST_CAPACITY ? LEAST_CAPACITY : length;

    if (length > 0 && buffer->block->capacity / 2 > capacity)
        (void)replace_block(buffer, capacity, 0);
}

int torc__lineBuffer_close(TorcLineBuffer *buffer, TorcLineBuffer **ret_kept)
{
    int r = absorb(buffer, buffer->chunk_length, 0);

    fit(buffer);
    if (r < 0)
        torc__lineBuffer_forget(buffer);
    torc__lineBuffer_release(buffer);
    buffer->chunk = NULL;
    *ret_kept = NULL;
    if (held(buffer) == 0) {
        torc__free(buffer->block);
        return r;
    }
    buffer->block->home = *buffer;
    *ret_kept = &buffer->block->home;
    return 0;
}

TorcLineBuffer *torc__lineBuffer_park(TorcLineBuffer *buffer)
{
    assert(torc__lineBuffer_length(buffer) == 0);
    retire(buffer);
    if (!buffer->retired)
        return NULL;
    buffer->retired->home = *buffer;
    return &buffer->retired->home;
}

void torc__lineBuffer_done(const TorcLineBuffer *kept)
{
    TorcLineBuffer buffer;

    torc__lineBuffer_open(&buffer, kept, NULL, 0);
    free_retired(&buffer);
    torc__free(buffer.block);
}
