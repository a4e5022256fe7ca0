/* Names for error codes: Torc's own from the map in errors.h, errno's from the C library.
 *
 * Thread: any; the only state is a buffer per thread. */
#include <stdio.h>
#include <string.h>

#include "errors.h"

/* The longest texts of the C libraries in use have about 50 bytes; translations are longer. */
enum { TEXT_SIZE = 256 };

/* strerror_r comes in two kinds: GNU's returns the text, which may or may not be in the buffer;
 * POSIX's returns 0 or an error. _Generic tells them apart without asking which C library it is. */
static const char *text_of_gnu(const char *text, char *buffer, int code)
{
    (void)buffer;
    (void)code;
    return text;
}

static const char *text_of_posix(int r, char *buffer, int code)
{
    if (r != 0)
        (void)snprintf(buffer, TEXT_SIZE, "Unknown error %d", code);
    return buffer;
}

#define TEXT_OF                                                                                    \
    _Generic(strerror_r, int (*)(int, char *, size_t) : text_of_posix, default : text_of_gnu)

static const char *errno_text(int code)
{
    static _Thread_local char buffer[TEXT_SIZE];
    return TEXT_OF(strerror_r(code, buffer, sizeof(buffer)), buffer, code);
}

const char *torc_strerror(int code)
{
    int positive = code < 0 && code != INT32_MIN ? -code : code; /* -INT32_MIN does not exist */
    switch (positive) {
    case 0: return "success";
#define TORC_ERROR_CASE(name, value, text)                                                         \
    case name: return text;
        TORC_ERROR_MAP(TORC_ERROR_CASE)
#undef TORC_ERROR_CASE
    default: return errno_text(positive);
    }
}
