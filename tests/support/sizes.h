/* How much a test does: less of it where each access is checked, by a sanitizer or by memcheck. That
 * makes a program ten to fifty times slower, and finds in a tenth of the bytes what it finds in all.
 * What runs the tests so says it in TORC_SANITIZER. */
#ifndef TORC_TESTS_SIZES_H
#define TORC_TESTS_SIZES_H

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t less_if_checked(uint64_t amount, unsigned divisor)
{
    return getenv("TORC_SANITIZER") ? amount / divisor : amount;
}

#endif
