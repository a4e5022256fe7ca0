/* The line cutter: bytes in, lines out. Pure: it knows no connection and calls nobody. Not
 * installed.
 *
 * Its input is what it holds (copied bytes, in a block) followed by a borrowed chunk, the argument
 * of dataReceived. Lines are cut where they lie; copied is only what outlives the chunk. What it
 * hands out stays valid, whatever else is done to it, until release or close: so slots may call
 * back into their receiver.
 *
 * Between two chunks it is kept in its own block, and a buffer that holds nothing is a NULL
 * pointer: an idle connection costs no memory, a partial line one allocation.
 *
 *     TorcLineBuffer buffer;
 *     torc__lineBuffer_open(&buffer, kept, chunk, length);
 *     while ((event = torc__lineBuffer_next(&buffer, &rules, scratch, &line, &length)) > 0) {
 *         …
 *         torc__lineBuffer_release(&buffer);
 *     }
 *     r = torc__lineBuffer_close(&buffer, &kept);
 *
 * Time is linear in the bytes, however they are cut (times the delimiter's length in the worst
 * case). A block is at most twice as large as what it holds; for a partial line it never exceeds
 * the longest line and its delimiter. */
#ifndef TORC_PROTOCOLS_LINE_BUFFER_INTERNAL_H
#define TORC_PROTOCOLS_LINE_BUFFER_INTERNAL_H

#include <string.h>

#include "../reactor/api.h"

typedef struct TorcLineRules {
    const char *delimiter;
    size_t delimiter_length; /* at least 1 */
    size_t max_length;       /* of a line without its delimiter */
    /* What a line that is too long takes with it. false: everything there is. It is too long when
     * its delimiter shows it, or when max_length and the delimiter's length have come without one.
     * true: only itself, up to its delimiter; it is too long as soon as that is certain. */
    bool resume;
} TorcLineRules;

enum { TORC__LINE_NONE, TORC__LINE_READY, TORC__LINE_TOO_LONG };

/* Lines shorter than this are delivered from the caller's stack. */
enum { TORC__LINE_SCRATCH = 1024 };

typedef struct TorcLineBlock TorcLineBlock;
typedef struct TorcLineBuffer TorcLineBuffer;

/* Lives on the stack of whoever opened it. The fields are line_buffer.c's but for `skipping`, which
 * the owner carries from close to open. */
struct TorcLineBuffer {
    TorcLineBlock *block; /* the held bytes are [start, end) in it; NULL: none are */
    size_t start;
    size_t end;
    size_t scanned; /* no delimiter ends in [start, scanned) */
    const char *chunk;
    size_t chunk_length;
    const char *lent; /* what takeAll gave out last */
    size_t lent_length;
    TorcLineBlock *lent_block; /* where it lies; NULL: in the chunk */
    TorcLineBlock *retired;    /* replaced, but something in them is given out */
    bool skipping;             /* in the rest of a line that was too long */
};

/* Goes on with what was kept (NULL: nothing), followed by the chunk. */
void torc__lineBuffer_open(TorcLineBuffer *buffer, const TorcLineBuffer *kept, const void *chunk,
                           size_t length);

/* Ends the use: copies what is left of the chunk, and keeps what is held, or frees everything when
 * that is nothing. 0, or -ENOMEM: then all is freed. *ret_kept is set either way. */
int torc__lineBuffer_close(TorcLineBuffer *buffer, TorcLineBuffer **ret_kept);

/* Ends the use after takeAll: what that gave out stays valid until the next use is ended, or done.
 * There must be no chunk. */
TorcLineBuffer *torc__lineBuffer_park(TorcLineBuffer *buffer);

/* Frees what was kept; NULL is fine. */
void torc__lineBuffer_done(const TorcLineBuffer *kept);

/* Where the first delimiter ends that ends behind `from`; 0: there is none. */
static inline size_t torc__line_findEnd(const TorcLineRules *rules, const char *bytes,
                                        size_t length, size_t from)
{
    const char *delimiter = rules->delimiter;
    size_t size = rules->delimiter_length;

    while (from < length) {
        const char *found = memchr(bytes + from, delimiter[size - 1], length - from);
        if (!found)
            return 0;
        from = (size_t)(found - bytes) + 1;
        /* One byte and two, which nearly all delimiters have, need no call. */
        if (from >= size && bytes[from - size] == delimiter[0] &&
            (size <= 2 || memcmp(bytes + from - size, delimiter, size - 1) == 0))
            return from;
    }
    return 0;
}

/* The lines that are not cut in line; of one that could be, `end` is where it ends in the chunk. */
int torc__lineBuffer_nextUnusual(TorcLineBuffer *buffer, const TorcLineRules *rules, size_t end,
                                 char *scratch, const char **ret_data, size_t *ret_length);

/* The next line, without its delimiter, with a NUL behind it; or what a line that is too long gives
 * to report, without a NUL. One of the events, or -ENOMEM. Not to be called before release.
 *
 * In line is the usual one, which is short and lies in the chunk: cutting it costs less than to pass
 * all this on. */
static inline int torc__lineBuffer_next(TorcLineBuffer *buffer, const TorcLineRules *rules,
                                        char scratch[static TORC__LINE_SCRATCH],
                                        const char **ret_data, size_t *ret_length)
{
    size_t end = 0;

    if (!buffer->skipping && buffer->end == buffer->start)
        end = torc__line_findEnd(rules, buffer->chunk, buffer->chunk_length, 0);
    size_t length = end - rules->delimiter_length;
    if (end == 0 || length > rules->max_length || length >= TORC__LINE_SCRATCH)
        return torc__lineBuffer_nextUnusual(buffer, rules, end, scratch, ret_data, ret_length);
    memcpy(scratch, buffer->chunk, length);
    scratch[length] = '\0';
    buffer->chunk += end;
    buffer->chunk_length -= end;
    *ret_data = scratch;
    *ret_length = length;
    return TORC__LINE_READY;
}

/* Everything, in one piece. 1; 0 when there is nothing; -ENOMEM: nothing was taken. */
int torc__lineBuffer_takeAll(TorcLineBuffer *buffer, const char **ret_data, size_t *ret_length);

/* What was given out is no longer used. In line, because lines that were cut in the chunk, as nearly
 * all are, leave nothing to let go of. */
void torc__lineBuffer_releaseAll(TorcLineBuffer *buffer);
static inline void torc__lineBuffer_release(TorcLineBuffer *buffer)
{
    if (buffer->retired || buffer->lent || buffer->end > 0)
        torc__lineBuffer_releaseAll(buffer);
}

/* Drops all input. */
void torc__lineBuffer_forget(TorcLineBuffer *buffer);

/* Puts bytes in front of the input. The tail of what takeAll gave out costs nothing; other bytes
 * are copied. 0 or -ENOMEM. */
int torc__lineBuffer_unread(TorcLineBuffer *buffer, const void *data, size_t length);

/* Puts a copy of the bytes behind the input. 0 or -ENOMEM. */
int torc__lineBuffer_add(TorcLineBuffer *buffer, const void *data, size_t length);

static inline size_t torc__lineBuffer_length(const TorcLineBuffer *buffer)
{
    return buffer->end - buffer->start + buffer->chunk_length;
}

#endif
