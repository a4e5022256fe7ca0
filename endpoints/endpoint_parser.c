/* Cuts an endpoint description into fields.
 *
 * Pure functions over bytes, for any thread. The result is one block: the fields, then their texts.
 * Every field of the description ends at an unquoted ':' or at the end, so there is one field more
 * than there are such colons, and unquoted texts are never longer than the description: the size of
 * the block is known before the first byte is read. */
#include "endpoint_parser_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../reactor/errors.h"
#include "../reactor/memory_internal.h"

/* The bytes of the description being read, and where the next unquoted one is written. */
typedef struct Cursor {
    const char *begin;
    const char *next;
    const char *end;
    char *text;
} Cursor;

int torc__endpoint_fail(TorcEndpointProblem *problem, size_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    problem->column = column;
    return -TORC_EENDPOINT;
}

static size_t column_of(const Cursor *cursor)
{
    return (size_t)(cursor->next - cursor->begin) + 1;
}

static int skip_backslash(Cursor *cursor, TorcEndpointProblem *problem)
{
    if (cursor->next + 1 == cursor->end)
        return torc__endpoint_fail(problem, column_of(cursor),
                                   "the backslash at the end quotes nothing; to mean a backslash "
                                   "write \"\\\\\"");
    cursor->next++;
    return 0;
}

/* Copies up to an unquoted stop character, which is not consumed, or to the end. */
static int take_text(Cursor *cursor, const char *stops, const char **ret_text,
                     TorcEndpointProblem *problem)
{
    const char *text = cursor->text;
    while (cursor->next < cursor->end && !strchr(stops, *cursor->next)) {
        int r = *cursor->next == '\\' ? skip_backslash(cursor, problem) : 0;
        if (r < 0)
            return r;
        *cursor->text++ = *cursor->next++;
    }
    *cursor->text++ = '\0';
    *ret_text = text;
    return 0;
}

static int take_field(Cursor *cursor, TorcEndpointField *field, TorcEndpointProblem *problem)
{
    *field = (TorcEndpointField){.column = column_of(cursor), .value_column = column_of(cursor)};
    int r = take_text(cursor, ":=", &field->value, problem);
    if (r < 0 || cursor->next == cursor->end || *cursor->next == ':')
        return r;
    cursor->next++;
    field->keyword = field->value;
    field->value_column = column_of(cursor);
    return take_text(cursor, ":", &field->value, problem);
}

/* Moves the type out of the row of arguments. */
static int take_type(TorcEndpointFields *fields, TorcEndpointProblem *problem)
{
    TorcEndpointField *all = fields->fields;
    size_t i = 0;
    while (i < fields->count && all[i].keyword)
        i++;
    if (i == fields->count || !*all[i].value)
        return torc__endpoint_fail(problem, i < fields->count ? all[i].column : 0,
                                   "it must begin with a type and a colon, as in \"tcp:\"");
    TorcEndpointField type = all[i];
    memmove(all + i, all + i + 1, (fields->count - i - 1) * sizeof(*all));
    all[--fields->count] = type;
    fields->type = &all[fields->count];
    return 0;
}

static int take_fields(Cursor *cursor, TorcEndpointFields *fields, TorcEndpointProblem *problem)
{
    for (;;) {
        int r = take_field(cursor, &fields->fields[fields->count], problem);
        if (r < 0)
            return r;
        fields->count++;
        if (cursor->next == cursor->end)
            return take_type(fields, problem);
        cursor->next++; /* the colon */
    }
}

/* No more than this many: quoted colons are counted too. */
static size_t most_fields(const char *description, size_t length)
{
    size_t count = 1;
    for (size_t i = 0; i < length; i++)
        count += description[i] == ':';
    return count;
}

/* Texts, one NUL for each field's value and one for its keyword. */
static TorcEndpointFields *new_fields(size_t field_count, size_t length, char **ret_text)
{
    size_t row = sizeof(TorcEndpointFields) + field_count * sizeof(TorcEndpointField);
    TorcEndpointFields *fields = torc__zalloc(row + length + 2 * field_count);
    if (fields)
        *ret_text = (char *)fields + row;
    return fields;
}

int torc__endpoint_parse(const char *description, size_t length, TorcEndpointFields **ret_fields,
                         TorcEndpointProblem *ret_problem)
{
    const char *nul = length > 0 ? memchr(description, '\0', length) : NULL;
    if (nul)
        return torc__endpoint_fail(ret_problem, (size_t)(nul - description) + 1,
                                   "a NUL byte cannot be part of it");
    if (length == 0)
        return torc__endpoint_fail(ret_problem, 0,
                                   "it is empty; it must begin with a type, as in \"tcp:8881\"");

    Cursor cursor = {description, description, description + length, NULL};
    TorcEndpointFields *fields = new_fields(most_fields(description, length), length, &cursor.text);
    if (!fields)
        return -ENOMEM;
    int r = take_fields(&cursor, fields, ret_problem);
    if (r < 0) {
        torc__free(fields);
        return r;
    }
    *ret_fields = fields;
    return 0;
}
