/* What makes bytes of a peer fit for a log: escaping by itself, and events with such bytes in them.
 *
 * The input: how much room there is, a number, and the bytes; an event has the bytes behind each
 * comma as another value. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "fuzz.h"

enum { MOST_FIELDS = 8 };

static bool is_plain(unsigned char byte)
{
    return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
}

/* What the escaped text stands for; its length, or SIZE_MAX for one that nothing is escaped to. */
static size_t unescape(const char *text, uint8_t *bytes)
{
    size_t length = 0;
    for (; *text; text++) {
        char digits[3] = "";
        if (*text == '\\') {
            if (text[1] != 'x' || !isxdigit((unsigned char)text[2]) ||
                !isxdigit((unsigned char)text[3]))
                return SIZE_MAX;
            memcpy(digits, text + 2, 2);
            text += 3;
            bytes[length++] = (uint8_t)strtoul(digits, NULL, 16);
        } else if (is_plain((unsigned char)*text)) {
            bytes[length++] = (uint8_t)*text;
        } else {
            return SIZE_MAX;
        }
    }
    return length;
}

/* Of the escaped text a beginning with whole escapes, as long as there is room. */
static void check_part(const FuzzInput *input, const char *whole, size_t size)
{
    size_t length = strlen(whole);
    char *part = malloc(size + 1);
    uint8_t *bytes = malloc(input->left + 1);
    FUZZ_CHECK(part && bytes);
    part[size] = 'x';
    FUZZ_CHECK(torc_escape(input->at, input->left, part, size) == length && part[size] == 'x');
    if (size > 0) {
        size_t kept = strlen(part);
        FUZZ_CHECK(kept < size && strncmp(part, whole, kept) == 0);
        FUZZ_CHECK(kept == length || kept + 4 >= size);
        FUZZ_CHECK(unescape(part, bytes) != SIZE_MAX);
    }
    free(bytes);
    free(part);
}

static void fuzz_escape(const FuzzInput *input, size_t size)
{
    size_t length = torc_escape(input->at, input->left, NULL, 0);
    FUZZ_CHECK(length >= input->left && length <= 4 * input->left);
    char *text = malloc(length + 1);
    uint8_t *bytes = malloc(input->left + 1);
    FUZZ_CHECK(text && bytes);
    FUZZ_CHECK(torc_escape(input->at, input->left, text, length + 1) == length);
    FUZZ_CHECK(strlen(text) == length && unescape(text, bytes) == input->left);
    FUZZ_CHECK(input->left == 0 || memcmp(bytes, input->at, input->left) == 0);
    check_part(input, text, size);
    free(bytes);
    free(text);
}

static size_t make_fields(FuzzInput *input, int64_t number, TorcLogField *fields)
{
    size_t count = 0;
    fields[count++] = (TorcLogField)TORC_LOG_NUMBER("number", number);
    while (input->left > 0 && count < MOST_FIELDS) {
        const uint8_t *comma = memchr(input->at, ',', input->left);
        size_t length = comma ? (size_t)(comma - input->at) : input->left;
        fields[count++] = (TorcLogField)TORC_LOG_BYTES("text", (const char *)input->at, length);
        input->at += length + (comma != NULL);
        input->left -= length + (comma != NULL);
    }
    return count;
}

/* One line of printable ASCII, whatever is in it. */
static void fuzz_event(FuzzInput input, int64_t number, size_t size)
{
    TorcLogField fields[MOST_FIELDS];
    TorcLogEvent event = {.level = TORC_LOG_INFO,
                          .name = "fuzz.event",
                          .fields = fields,
                          .suppressed = number > 100 ? (uint64_t)number : 0};
    event.field_count = make_fields(&input, number, fields);
    size_t length = TorcLogEvent_format(&event, NULL, 0);
    char *text = malloc(length + 1);
    char *part = malloc(size + 1);
    FUZZ_CHECK(text && part);
    FUZZ_CHECK(TorcLogEvent_format(&event, text, length + 1) == length && strlen(text) == length);
    for (size_t i = 0; i < length; i++)
        FUZZ_CHECK(text[i] >= ' ' && text[i] < 0x7f);
    part[size] = 'x';
    FUZZ_CHECK(TorcLogEvent_format(&event, part, size) == length && part[size] == 'x');
    FUZZ_CHECK(size == 0 || (strlen(part) < size && strncmp(part, text, strlen(part)) == 0));
    free(part);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    size_t room = fuzz_byte(&input);
    int64_t number = (int8_t)fuzz_byte(&input);

    fuzz_escape(&input, room);
    fuzz_event(input, number < 0 ? number * INT64_C(72057594037927936) : number, room);
    return 0;
}
