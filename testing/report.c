/* Reports of the kit. Pure functions over the caller's buffer; any thread. A text that does not fit
 * is cut at its end, never in the middle of an escape. */
#include "report_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes shown on either side of the focus. */
enum { SHOWN_BEFORE = 120, SHOWN_AFTER = 360 };

enum { ESCAPE_SIZE = 5 };

static void add(SimReport *report, const char *text, size_t length)
{
    if (report->size - report->length <= length) {
        report->size = report->length + 1; /* full: what follows would not belong to it */
        return;
    }
    memcpy(report->buffer + report->length, text, length);
    report->length += length;
    report->buffer[report->length] = '\0';
}

void torc__report_begin(SimReport *report, char *buffer, size_t size)
{
    static char nothing[1];

    *report = size > 0 ? (SimReport){buffer, size, 0} : (SimReport){nothing, 1, 0};
    report->buffer[0] = '\0';
}

void torc__report_printf(SimReport *report, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length > 0)
        add(report, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

static int escape(unsigned char byte, char escaped[static ESCAPE_SIZE])
{
    static const char special[] = "\r\n\t\"\\";
    static const char letters[] = "rnt\"\\";
    const char *found = byte ? strchr(special, byte) : NULL;

    if (found)
        return snprintf(escaped, ESCAPE_SIZE, "\\%c", letters[found - special]);
    return snprintf(escaped, ESCAPE_SIZE, byte >= ' ' && byte <= '~' ? "%c" : "\\x%02x", byte);
}

void torc__report_quote(SimReport *report, const void *data, size_t length, size_t focus)
{
    const unsigned char *bytes = data;
    size_t begin = focus > SHOWN_BEFORE ? focus - SHOWN_BEFORE : 0;
    size_t end = focus < length && length - focus > SHOWN_AFTER ? focus + SHOWN_AFTER : length;

    add(report, begin > 0 ? "...\"" : "\"", begin > 0 ? 4 : 1);
    for (size_t i = begin; i < end; i++) {
        char escaped[ESCAPE_SIZE];
        int size = escape(bytes[i], escaped);
        add(report, escaped, (size_t)size);
    }
    add(report, end < length ? "\"..." : "\"", end < length ? 4 : 1);
}

size_t torc__report_difference(const void *a, size_t a_length, const void *b, size_t b_length)
{
    const unsigned char *first = a;
    const unsigned char *second = b;
    size_t shorter = a_length < b_length ? a_length : b_length;
    size_t i = 0;

    while (i < shorter && first[i] == second[i])
        i++;
    return i;
}
