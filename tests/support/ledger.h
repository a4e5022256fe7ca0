/* The ledger: one line per run of a reliability tool, in JSON, for whoever adds the figures up.
 *
 *     {"tool":"torture","when":1700000000,"survived":51234,"runs":51500,"failed":0,"seconds":93.1,
 *      "seed":1700000000,"sanitizer":""}                          (in one line)
 *
 * `survived` counts faults that struck and did no harm; runs in which none struck are not in it. Tools
 * that count something else write lines of their own. */
#ifndef TORC_TESTS_LEDGER_H
#define TORC_TESTS_LEDGER_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct Ledger {
    const char *tool;
    uint64_t seed;
    struct timespec began;
} Ledger;

static inline Ledger ledger_begin(const char *tool, uint64_t seed)
{
    Ledger ledger = {.tool = tool, .seed = seed};
    clock_gettime(CLOCK_MONOTONIC, &ledger.began);
    return ledger;
}

static inline double ledger_seconds(const Ledger *ledger)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - ledger->began.tv_sec) +
           (double)(now.tv_nsec - ledger->began.tv_nsec) / 1e9;
}

/* What ./dev runs this under; "": nothing. */
static inline const char *ledger_sanitizer(void)
{
    const char *sanitizer = getenv("TORC_SANITIZER");
    return sanitizer ? sanitizer : "";
}

/* Appends a line; no path: there is no ledger. */
static inline __attribute__((format(printf, 2, 3))) void ledger_write(const char *path,
                                                                      const char *format, ...)
{
    FILE *file = path ? fopen(path, "ae") : NULL;
    if (file) {
        va_list values;
        va_start(values, format);
        (void)vfprintf(file, format, values);
        va_end(values);
        (void)fclose(file);
    } else if (path)
        perror(path);
}

/* The line of a run that began then. */
static inline void ledger_end(const Ledger *ledger, const char *path, long survived, long runs,
                              long failed)
{
    ledger_write(path,
                 "{\"tool\":\"%s\",\"when\":%lld,\"survived\":%ld,\"runs\":%ld,\"failed\":%ld,"
                 "\"seconds\":%.1f,\"seed\":%llu,\"sanitizer\":\"%s\"}\n",
                 ledger->tool, (long long)time(NULL), survived, runs, failed,
                 ledger_seconds(ledger), (unsigned long long)ledger->seed, ledger_sanitizer());
}

#endif
