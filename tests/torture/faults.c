/* Counting calls, and failing the one that was asked for.
 *
 * Any thread: pool threads allocate too, so the counters are atomic; which of two threads comes
 * first is theirs to decide. The rule changes only between two runs, on the one thread there is.
 *
 * New memory is filled with a pattern, so that nobody relies on finding zeros, and so is what is freed,
 * where the C library can tell how much it is: who uses it must not find it as it was. */
#include "faults.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifdef TORC_TESTS_CARES
#include <ares.h>
#endif

#include "reactor/memory_internal.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { BURST = 4, PATTERN = 0xa5 };

const char *const fault_class_names[FAULT_CLASSES] = {
    [FAULT_MEMORY] = "memory",
    [FAULT_DESCRIPTOR] = "descriptor",
    [FAULT_THREAD] = "thread",
    [FAULT_ACCEPT] = "accept",
    [FAULT_SOCKET] = "socket",
    [FAULT_BIND] = "bind",
    [FAULT_LISTEN] = "listen",
    [FAULT_CONNECT] = "connect",
    [FAULT_RECV] = "recv",
    [FAULT_SEND] = "send",
    [FAULT_SENDFILE] = "sendfile",
    [FAULT_PREAD] = "pread",
    [FAULT_READ] = "read",
    [FAULT_WRITE] = "write",
    [FAULT_SEND_DESCRIPTOR] = "send-descriptor",
    [FAULT_RECV_DESCRIPTORS] = "recv-descriptors",
    [FAULT_SHUTDOWN] = "shutdown",
    [FAULT_CLOSE] = "close",
    [FAULT_SETSOCKOPT] = "setsockopt",
    [FAULT_GETSOCKOPT] = "getsockopt",
    [FAULT_GETSOCKNAME] = "getsockname",
    [FAULT_WATCH] = "watch",
    [FAULT_WAIT] = "wait",
    [FAULT_SUBMIT] = "submit",
    [FAULT_LOOKUP] = "lookup",
    [FAULT_OPEN] = "open",
    [FAULT_OPEN_SPARE] = "open-spare",
    [FAULT_DUPLICATE] = "duplicate",
    [FAULT_UNLINK] = "unlink",
    [FAULT_CHMOD] = "chmod",
    [FAULT_STAT] = "stat",
    [FAULT_LOCK] = "lock",
};
const char *const fault_mode_names[FAULT_MODES] = {"once", "burst", "others", "ever"};

static struct {
    _Atomic bool armed;
    _Atomic FaultClass cls;
    _Atomic long first;
    _Atomic long last;
    _Atomic long step;
} rule;

static _Atomic long counts[FAULT_CLASSES];
static _Atomic long live_blocks;
static _Atomic bool struck;
static _Thread_local int paused;

/* ---- the rule ------------------------------------------------------------------------------ */

void faults_arm(FaultClass cls, long number, FaultMode mode)
{
    static const long more[FAULT_MODES] = {
        [FAULT_BURST] = BURST - 1, [FAULT_OTHERS] = 1L << 40, [FAULT_EVER] = 1L << 40};
    for (int i = 0; i < FAULT_CLASSES; i++)
        counts[i] = 0;
    struck = false;
    rule.cls = cls;
    rule.first = number;
    rule.last = number + more[mode];
    rule.step = mode == FAULT_OTHERS ? 2 : 1;
    rule.armed = number > 0;
}

bool faults_disarm(void)
{
    rule.armed = false;
    return struck;
}

bool faults_struck(void)
{
    return struck;
}

void faults_pause(void)
{
    paused++;
}

void faults_resume(void)
{
    paused--;
}

bool faults_strike(FaultClass cls)
{
    if (paused)
        return false;
    long number = ++counts[cls];
    bool strikes = rule.armed && rule.cls == cls && number >= rule.first && number <= rule.last &&
                   (number - rule.first) % rule.step == 0;
    if (strikes)
        struck = true;
    return strikes;
}

long faults_counted(FaultClass cls)
{
    return counts[cls];
}

long faults_liveBlocks(void)
{
    return live_blocks;
}

/* ---- memory -------------------------------------------------------------------------------- */

static bool refuse_memory(void)
{
    if (!faults_strike(FAULT_MEMORY))
        return false;
    errno = ENOMEM;
    return true;
}

static void *allocate(size_t size)
{
    void *memory = refuse_memory() ? NULL : malloc(size);
    if (!memory)
        return NULL;
    live_blocks++;
    return memset(memory, PATTERN, size);
}

static void *reallocate(void *old, size_t size)
{
    if (!old)
        return allocate(size);
    return refuse_memory() ? NULL : realloc(old, size);
}

#if defined(__GLIBC__) && !defined(TORC__ADDRESS_SANITIZER)
static void fill_freed(void *memory)
{
    memset(memory, TORC__POISON, malloc_usable_size(memory));
}
#else
static void fill_freed(void *memory)
{
    (void)memory;
}
#endif

static void release(void *memory)
{
    live_blocks -= memory != NULL;
    if (memory)
        fill_freed(memory);
    free(memory);
}

/* c-ares counts its users: who comes first says where its memory comes from. */
void faults_install(void)
{
    static const TorcMemory functions = {allocate, reallocate, release};
    torc__setMemory(&functions);
#ifdef TORC_TESTS_CARES
    (void)ares_library_init_mem(ARES_LIB_INIT_ALL, allocate, release, reallocate);
#endif
}
