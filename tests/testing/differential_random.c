/* Random scripts: two connections, and calls on them in any order.
 *
 * They keep away from the deliberate simplifications: buffers are filled at the beginning only, and
 * drained at once. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "differential.h"

enum { STEPS = 30, MOST_CALLS = 3 };

/* A call, with '#' for one of the four ends. */
static const char *const calls[] = {
    "send # abc",      "send # x",    "sendv # ab cd", "sendmany # 2000", "recv # 2",
    "recvmany # 9000", "peek # 10",   "recv # 100",    "shutdown # w",    "shutdown # w",
    "shutdown # r",    "abort #",     "shutdown # rw", "close #",         "error #",
    "watch # r",       "watch # rwc", "rewatch # rw",  "rewatch # rc",    "rewatch # w",
    "rewatch # rwc",   "unwatch #",   "name #",        "peer #",          "linger # 0",
    "linger # -1",     "recv # 0",    "send # -",      "accept # x",      "listen # 1",
    "recv # 100",      "send # hi",   "watch # rwc",   "watch # r",       "watch # rw",
};

typedef struct Random {
    uint64_t state;
} Random;

/* SplitMix64, as in the simulation. */
static uint64_t draw(Random *random, uint64_t limit)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

static char letter(Random *random)
{
    return "abcd"[draw(random, 4)];
}

static void write_fill(FILE *script, Random *random)
{
    static const char *const pairs[] = {"ab", "ba", "cd", "dc"};
    const char *pair = pairs[draw(random, 4)];
    fprintf(script, "fill %c\ndrain %c %c\n", pair[0], pair[1], pair[0]);
}

static void write_call(FILE *script, const char *call, char end)
{
    for (; *call; call++)
        fputc(*call == '#' ? end : *call, script);
}

static void write_step(FILE *script, Random *random)
{
    uint64_t count = 1 + draw(random, MOST_CALLS);
    for (uint64_t i = 0; i < count; i++) {
        write_call(script, calls[draw(random, sizeof(calls) / sizeof(calls[0]))], letter(random));
        fputs("; ", script);
    }
    fputs("\n", script);
}

char *differential_random(uint64_t seed)
{
    char *text = NULL;
    size_t length;
    Random random = {.state = seed};
    FILE *script = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(script);
    fputs("pair a b; pair c d\n", script);
    if (draw(&random, 4) == 0)
        write_fill(script, &random);
    for (int i = 0; i < STEPS; i++)
        write_step(script, &random);
    fclose(script);
    return text;
}
