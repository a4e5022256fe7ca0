/* Bugs on purpose, to see that the harness finds such: a parser of netstrings ("5:hello,") that,
 * as it is told when it is compiled,
 *
 *     FUZZ_PLANTED_OVERFLOW   reads a comma behind the last byte, where nothing may be
 *     FUZZ_PLANTED_LEAK       forgets the copy of a string that does not end in a comma
 *
 * It is part of no library. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static volatile unsigned strings; /* that were found: what nobody looks at is not read */

/* The length in front of the colon, which is skipped; SIZE_MAX when there is none. */
static size_t read_length(FuzzInput *input)
{
    size_t length = 0;
    while (input->left > 0 && *input->at >= '0' && *input->at <= '9' && length < 1000)
        length = length * 10 + fuzz_byte(input) - '0';
    return fuzz_byte(input) == ':' ? length : SIZE_MAX;
}

static size_t room_for(size_t length)
{
#ifdef FUZZ_PLANTED_OVERFLOW
    return length;
#else
    return length + 1;
#endif
}

/* 1: here is a string, and here its comma; 0: it is none. */
static int read_string(const FuzzInput *input, size_t length)
{
    if (length == SIZE_MAX || input->left < room_for(length))
        return 0;
    char *copy = malloc(length + 1);
    FUZZ_CHECK(copy);
    memcpy(copy, input->at, length);
    copy[length] = '\0';
    int r = input->at[length] == ',';
#ifdef FUZZ_PLANTED_LEAK
    if (r == 0)
        return 0;
#endif
    free(copy);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    size_t length = read_length(&input);
    strings += (unsigned)read_string(&input, length);
    return 0;
}
