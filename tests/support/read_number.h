/* Numbers of the command lines of test programs. */
#ifndef TORC_TESTS_READ_NUMBER_H
#define TORC_TESTS_READ_NUMBER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* The whole text, which may be NULL, as a number up to most; base as for strtoull. False: it is
 * none. */
static inline bool read_number(const char *text, int base, uint64_t most, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text ? text : "", &end, base);
    if (!text || *text < '0' || *text > '9' || *end || errno || number > most)
        return false;
    *ret_number = number;
    return true;
}

#endif
