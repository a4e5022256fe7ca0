/* What another process has used: processor time, to the nanosecond, and memory, from /proc. */
#ifndef TORC_BENCH_USAGE_H
#define TORC_BENCH_USAGE_H

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "samples.h"

/* The kernel brings the figure of a running thread up to date at the next tick only; see settled. */
static inline uint64_t usage_threadTime(const char *pid, const char *thread)
{
    char path[320]; /* d_name has 255 bytes at most */
    uint64_t ns = 0;
    snprintf(path, sizeof(path), "/proc/%.20s/task/%s/schedstat", pid, thread);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0; /* it has ended meanwhile */
    if (fscanf(file, "%" SCNu64, &ns) != 1)
        fail("load: cannot read %s", path);
    fclose(file);
    return ns;
}

/* Nanoseconds of all threads. */
static inline uint64_t usage_time(const char *pid)
{
    char path[64];
    uint64_t ns = 0;
    snprintf(path, sizeof(path), "/proc/%s/task", pid);
    DIR *threads = opendir(path);
    if (!threads)
        fail("load: the server %s is gone", pid);
    for (struct dirent *entry; (entry = readdir(threads));)
        if (entry->d_name[0] != '.')
            ns += usage_threadTime(pid, entry->d_name);
    closedir(threads);
    return ns;
}

/* Waits until the server has done everything that was asked of it, and sleeps: only then its time
 * is exact. Gives up after a second, for a server that never sleeps. */
static inline uint64_t usage_settledTime(const char *pid)
{
    uint64_t before = usage_time(pid);
    for (int i = 0; i < 200; i++) {
        usleep(5000);
        uint64_t now = usage_time(pid);
        if (now == before)
            return now;
        before = now;
    }
    return before;
}

/* Bytes of memory that are this process's alone. */
static inline uint64_t usage_privateBytes(const char *pid)
{
    char path[64];
    char line[256];
    uint64_t kib = 0;
    uint64_t part;
    snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        fail("load: cannot open %s: %s", path, strerror(errno));
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Private_Clean: %" SCNu64, &part) == 1 ||
            sscanf(line, "Private_Dirty: %" SCNu64, &part) == 1)
            kib += part;
    fclose(file);
    return kib * 1024;
}

#endif
