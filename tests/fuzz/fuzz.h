/* What the fuzz targets share: their entry, the bytes they are given, and how they say what is
 * wrong.
 *
 * A target is one file with LLVMFuzzerTestOneInput. It is linked twice: with libFuzzer, which
 * looks for inputs (./dev fuzz), and with replay.c, which runs the inputs that are kept in the
 * tree as an ordinary test. An input begins with the bytes that choose settings, then come the
 * cuts (fuzz_cuts.h) where there are any, and then what is parsed: so a seed can be written by
 * hand.
 *
 * What an execution sees is decided by its input alone: no clock, no environment, no addresses. */
#ifndef TORC_TESTS_FUZZ_H
#define TORC_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One execution; 0. Everything that is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What executions share is made here; called once before the first. 0. A target without one has
 * that of fuzz.c, which does nothing. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- the input ----------------------------------------------------------------------------- */

/* What has not been read of it. */
typedef struct FuzzInput {
    const uint8_t *at;
    size_t left;
} FuzzInput;

/* The next byte; 0 when there is none. */
static inline uint8_t fuzz_byte(FuzzInput *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* A number below the limit, which is at least 1: one byte, or two for limits beyond 256. */
static inline unsigned fuzz_below(FuzzInput *input, unsigned limit)
{
    unsigned number = fuzz_byte(input);
    if (limit > 256)
        number = number << 8 | fuzz_byte(input);
    return number % limit;
}

/* The bytes up to the next one of this value, which is skipped, or all that are left, as a string
 * that is to be freed: in memory of its own, so that reading behind its end is found. */
char *fuzz_takeText(FuzzInput *input, uint8_t stop);

/* ---- checks -------------------------------------------------------------------------------- */

/* Ends the process with a message. */
_Noreturn void fuzz_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define FUZZ_CHECK(condition_)                                                                     \
    ((condition_) ? (void)0 : fuzz_fail(__FILE__, __LINE__, "%s", #condition_))
#define FUZZ_CHECK_THAT(condition_, ...)                                                           \
    ((condition_) ? (void)0 : fuzz_fail(__FILE__, __LINE__, __VA_ARGS__))

/* ---- memory -------------------------------------------------------------------------------- */

/* From now on the library's memory is counted, so that each execution can be held to what it may
 * use. To be called in LLVMFuzzerInitialize, before the library has allocated anything. */
void fuzz_countMemory(void);

/* Bytes allocated now, and the most there have been since the last fuzz_resetPeak. */
size_t fuzz_memory(void);
size_t fuzz_memoryPeak(void);
void fuzz_resetPeak(void);

/* The allocation with this number from now on fails, 0 being the next; negative: none does. */
void fuzz_failAllocation(long number);

/* That one, and all that follow. */
void fuzz_failAllocationsFrom(long number);

#endif
