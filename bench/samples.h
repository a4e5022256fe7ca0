/* What the programs of bench/ share: their measure of time, and the line in which they tell a figure.
 *
 * A program measures and prints samples, one a line, with tabs between: what was measured, in which
 * way, the unit, the value. The same name again is the next sample of it. bench/run.py makes medians
 * and tables of them, so no program computes any. Time is the processor's, user and system, of the
 * calling thread: what else the machine has to do then counts little. */
#ifndef TORC_BENCH_SAMPLES_H
#define TORC_BENCH_SAMPLES_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline void print_sample(const char *name, const char *way, const char *unit, double value)
{
    printf("%s\t%s\t%s\t%.9g\n", name, way, unit, value);
    fflush(stdout);
}

/* A figure for work that was not done right is worth nothing. */
__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* A number on the command line, at least 1. */
static inline uint64_t read_count(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number == 0 || number > INT32_MAX)
        fail("not a number from 1 to %d: %s", INT32_MAX, text);
    return number;
}

/* So many per cent of the usual size of a measurement, at least 1. */
static inline uint64_t part_of(uint64_t usual, uint64_t percent)
{
    uint64_t part = usual * percent / 100;
    return part > 0 ? part : 1;
}

#endif
