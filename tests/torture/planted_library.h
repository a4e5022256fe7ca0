/* What the tests of test_planted.c test. */
#ifndef TORC_TESTS_PLANTED_LIBRARY_H
#define TORC_TESTS_PLANTED_LIBRARY_H

#include <stdbool.h>

bool planted_sound(void); /* false: there is no memory, which it says */
void planted_unchecked(void);
void planted_leak(void);
void planted_spin(void);

#endif
