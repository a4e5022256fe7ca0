/* Texts of finger: UTF-8, the filter that makes them safe, and the buffer they are composed in.
 *
 * Pure but for the buffer's memory, which belongs to whoever has the buffer; any thread. Invariant:
 * what leaves the filter holds no control character but tab, and CR LF or LF as asked for. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "finger_internal.h"

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

/* Length of the character that a first byte announces; 0: none does begin so. */
static size_t announced(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

size_t torc__utf8_decode(const void *data, size_t length, uint32_t *ret_point)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = data;

    size_t size = length > 0 ? announced(bytes[0]) : 0;
    if (size == 0 || size > length)
        return 0;
    uint32_t point = bytes[0] & first_bits[size];
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    /* Over-long forms, surrogates, and what is beyond Unicode (RFC 3629 §3). */
    if (point < least[size] || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
        return 0;
    *ret_point = point;
    return size;
}

/* ---- the filter ------------------------------------------------------------------------------ */

/* Where snprintf-like output goes. */
typedef struct Sink {
    char *buffer;
    size_t size;
    size_t length; /* of the whole */
} Sink;

/* Writes a piece whole or not at all, so that nothing is cut inside a character; once one did not
 * fit, nothing follows. */
static void put(Sink *sink, const char *piece, size_t length)
{
    if (sink->length + length < sink->size)
        memcpy(sink->buffer + sink->length, piece, length);
    else if (sink->length < sink->size) {
        sink->buffer[sink->length] = '\0';
        sink->size = 0;
    }
    sink->length += length;
}

static bool passes(uint32_t point, unsigned flags)
{
    if (point < 0x80)
        return point == '\t' || (point >= ' ' && point < 0x7f);
    return (flags & TORC_FINGER_UTF8) && point >= 0xa0;
}

size_t torc_finger_filter(const void *data, size_t length, unsigned flags, char *buffer,
                          size_t size)
{
    const char *at = data;
    const char *end = data ? at + length : at;
    const char *line_end = flags & TORC_FINGER_CRLF ? "\r\n" : "\n";
    Sink sink = {buffer, buffer ? size : 0, 0};

    while (at != end) {
        uint32_t point = 0;
        size_t taken = torc__utf8_decode(at, (size_t)(end - at), &point);
        if (taken == 1 && point == '\n')
            put(&sink, line_end, strlen(line_end));
        else if (taken > 0 && passes(point, flags))
            put(&sink, at, taken);
        else if (taken != 1 || point != '\r')
            put(&sink, "?", 1);
        at += taken > 0 ? taken : 1;
    }
    if (sink.length < sink.size)
        buffer[sink.length] = '\0';
    return sink.length;
}

/* ---- the buffer ------------------------------------------------------------------------------ */

void torc__fingerText_done(TorcFingerText *text)
{
    torc__free(text->data);
    *text = (TorcFingerText){0};
}

/* Makes room for `length` bytes and a NUL; capacity doubles, so composing stays linear. */
static bool reserve(TorcFingerText *text, size_t length)
{
    if (text->failed)
        return false;
    size_t needed = text->length + length + 1;
    if (needed <= text->capacity)
        return true;
    size_t capacity = text->capacity < 256 ? 256 : text->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    char *data = torc__realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void torc__fingerText_add(TorcFingerText *text, const void *data, size_t length)
{
    if (length == 0 || !reserve(text, length))
        return;
    memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void torc__fingerText_vprintf(TorcFingerText *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        text->failed = true;
    else if (length > 0 && reserve(text, (size_t)length)) {
        (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void torc__fingerText_printf(TorcFingerText *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    torc__fingerText_vprintf(text, format, arguments);
    va_end(arguments);
}
