/* Self-observation behind observation.h: the watch over callbacks, and how a part of the library adds
 * to counters and dumps. Not installed.
 *
 * A callback is measured by two readings of the processor's cycle counter: one instruction each,
 * where the system's clock takes forty. So every callback of every turn can be measured within the
 * budget of instructions per message, and nothing is stored unless one was slow. */
#ifndef TORC_REACTOR_OBSERVATION_INTERNAL_H
#define TORC_REACTOR_OBSERVATION_INTERNAL_H

#include "api.h"
#include "bound_internal.h"
#include "call.h"
#include "observation.h"
#include "reason.h"
#include "system_internal.h"

/* ---- ticks --------------------------------------------------------------------------------- */

/* Their length is found out by comparison with the clock (slow_callbacks.c). */
#if defined(__x86_64__) || defined(__i386__)
/* 1024 cycles: a third of a microsecond at 3 GHz, and 32 bits of them last for 24 minutes. */
typedef uint32_t TorcTicks;
static inline TorcTicks torc__ticks(TorcSystem *system)
{
    uint32_t ticks;
    (void)system;
    __asm__ volatile("rdtsc\n\tshrdl $10, %%edx, %%eax" : "=a"(ticks) : : "edx", "cc");
    return ticks;
}
#elif defined(__aarch64__)
typedef uint64_t TorcTicks;
static inline TorcTicks torc__ticks(TorcSystem *system)
{
    uint64_t ticks;
    (void)system;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
typedef uint64_t TorcTicks;
static inline TorcTicks torc__ticks(TorcSystem *system)
{
    return (uint64_t)system->ops->now(system);
}
#endif

/* ---- callbacks that hold the loop ---------------------------------------------------------- */

typedef struct TorcCharge {
    TorcTicks begun;
    TorcTicks ticks;
} TorcCharge;

enum { TORC__CHARGES = 8 };

typedef struct TorcSlowCallbacks {
    TorcTicks limit;   /* from here on a callback is looked at more closely */
    int64_t threshold; /* nanoseconds; TORC__NEVER: off */
    double tick;       /* nanoseconds; 0: not known yet */
    /* What was reported in this turn, and may have been inside a callback that has not returned. */
    TorcCharge charges[TORC__CHARGES];
    unsigned charge_count;
    uint64_t charge_turn;
} TorcSlowCallbacks;

void torc__slowCallbacks_init(TorcReactor *reactor);

/* A callback that began at `begun` has reached the limit: reports it if it was slow. Either a slot of
 * an object of that class, or a call of that kind. */
void torc__slowCallback_slot(TorcReactor *reactor, TorcTicks begun, const char *class_name,
                             const char *slot);
void torc__slowCallback_call(TorcReactor *reactor, TorcTicks begun, const char *kind,
                             uintptr_t function);

/* ---- functions ----------------------------------------------------------------------------- */

/* "chat+0x1f2c0": the program or library that a function of the application is in, without its folder
 * (cut at 64 bytes), and the function's address in that file, which is what addr2line asks for
 * wherever the file was loaded. "0x5566d0a3f2c0" where that cannot be known. Allocates nothing. */
enum { TORC__FUNCTION_TEXT_SIZE = 64 + 1 + 2 + 16 + 1 };
const char *torc__function_text(uintptr_t function, char text[TORC__FUNCTION_TEXT_SIZE]);

/* ---- counters ------------------------------------------------------------------------------ */

/* One more of those that ended for this reason. */
static inline void torc__count_ended(uint64_t kinds[TORC_COUNTED_KINDS], const TorcReason *reason)
{
    unsigned kind = (unsigned)TorcReason_kind(reason);
    kinds[kind < TORC_COUNTED_KINDS ? kind : 0]++;
}

/* Copies counters, which begin with their size, as far as the caller's have room: 0 or -EINVAL. */
int torc__counters_copy(void *ret_counters, const void *counters, size_t size);

/* ---- dumps --------------------------------------------------------------------------------- */

typedef struct TorcDump TorcDump;
struct TorcDump {
    TorcReactor *reactor;
    TorcDumpFunction *line;
    void *arg;
    int64_t now;
};

/* One line; a longer one is cut. Bytes that do not belong into it become question marks: what came
 * from outside is better escaped before. */
void torc__dump_print(const TorcDump *dump, const char *format, ...) TORC_PRINTF(2, 3);

/* "12.345": seconds from nanoseconds, of any sign; TORC__NEVER and more than a century: "never". */
enum { TORC__SECONDS_TEXT_SIZE = 32 };
const char *torc__dump_seconds(int64_t nanoseconds, char text[TORC__SECONDS_TEXT_SIZE]);

/* The delayed calls that are bound by the list, each indented. */
void torc__dump_boundCalls(const TorcDump *dump, const TorcBoundCalls *bound);

#endif
