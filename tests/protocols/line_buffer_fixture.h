/* What the tests of the line cutter share: a record of its events, and ways to feed it. */
#ifndef TORC_TESTS_LINE_BUFFER_FIXTURE_H
#define TORC_TESTS_LINE_BUFFER_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "protocols/line_buffer_internal.h"

static const TorcLineRules crlf = {.delimiter = "\r\n", .delimiter_length = 2, .max_length = 16};

/* check writes to a file at each assertion: in loops over single bytes that would be the test. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

/* ---- a record of events -------------------------------------------------------------------- */

static char events[1 << 16];
static size_t events_length;

static inline void record(const char *data, size_t length)
{
    REQUIRE(events_length + length < sizeof(events));
    memcpy(events + events_length, data, length);
    events_length += length;
    events[events_length] = '\0';
}

static inline void record_line(const char *line, size_t length)
{
    record("[", 1);
    record(line, length);
    record("]", 1);
}

static inline void start_record(void)
{
    events_length = 0;
    events[0] = '\0';
}

/* ---- feeding ------------------------------------------------------------------------------- */

/* True when it went on to the end; false when the first over-long line came and the rules do not
 * resume, for what follows then depends on how the stream was cut. */
static inline bool run(TorcLineBuffer *buffer, const TorcLineRules *rules)
{
    char scratch[TORC__LINE_SCRATCH];
    const char *data = NULL;
    size_t length = 0;
    int event;

    while ((event = torc__lineBuffer_next(buffer, rules, scratch, &data, &length)) > 0) {
        if (event == TORC__LINE_READY) {
            REQUIRE(data[length] == '\0');
            record_line(data, length);
        } else {
            REQUIRE(length > rules->max_length);
            record("!", 1);
            if (!rules->resume)
                return false;
        }
        torc__lineBuffer_release(buffer);
    }
    REQUIRE(event == TORC__LINE_NONE);
    return true;
}

/* The chunk has exactly its size, so that the address sanitizer sees every step beyond it, and must
 * come back as it was. */
static inline bool feed(TorcLineBuffer **kept, bool *skipping, const TorcLineRules *rules,
                        const char *data, size_t length)
{
    TorcLineBuffer buffer;
    char *chunk = malloc(length ? length : 1);

    memcpy(chunk, data, length);
    torc__lineBuffer_open(&buffer, *kept, chunk, length);
    buffer.skipping = *skipping;
    bool more = run(&buffer, rules);
    *skipping = buffer.skipping;
    if (!more)
        torc__lineBuffer_forget(&buffer);
    REQUIRE(torc__lineBuffer_close(&buffer, kept) == 0);
    REQUIRE(memcmp(chunk, data, length) == 0);
    free(chunk);
    return more;
}

#endif
