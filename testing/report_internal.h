/* Reports of the kit: text cut to the caller's buffer, with bytes quoted so that a person can read
 * them and see where two of them differ. Not installed. */
#ifndef TORC_TESTING_REPORT_INTERNAL_H
#define TORC_TESTING_REPORT_INTERNAL_H

#include "../reactor/api.h"

typedef struct SimReport {
    char *buffer;
    size_t size;
    size_t length; /* without the NUL that is always there, unless size is 0 */
} SimReport;

/* An empty text. The buffer may be NULL when size is 0. */
void torc__report_begin(SimReport *report, char *buffer, size_t size);

void torc__report_printf(SimReport *report, const char *format, ...) TORC_PRINTF(2, 3);

/* "bytes", as in C: printable ASCII, \r \n \t \" \\, the rest as \xNN. Of many bytes those around
 * `focus`, with ... for the others. */
void torc__report_quote(SimReport *report, const void *data, size_t length, size_t focus);

/* Where two differ first; the shorter length when one begins with the other. */
size_t torc__report_difference(const void *a, size_t a_length, const void *b, size_t b_length);

#endif
