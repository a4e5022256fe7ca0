/* The server as the system sees it: /proc and its processor clock. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "hostile.h"

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A process that has ended and waits for its parent has no memory any more. */
static bool look_at_memory(pid_t pid, Figures *figures)
{
    char path[64];
    char line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    figures->memory = figures->memory_most = -1;
    while (fgets(line, sizeof(line), file)) {
        (void)sscanf(line, "VmRSS: %ld", &figures->memory);
        (void)sscanf(line, "VmHWM: %ld", &figures->memory_most);
    }
    fclose(file);
    return figures->memory >= 0;
}

static long count_entries(const char *path)
{
    DIR *directory = opendir(path);
    long count = -2; /* . and .. */
    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count;
}

/* Linux 6.2 and later tell the number without thousands of names. */
static long count_descriptors(pid_t pid)
{
    char path[64];
    struct stat found;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    if (stat(path, &found) == 0 && found.st_size > 0)
        return (long)found.st_size;
    return count_entries(path);
}

bool server_look(pid_t pid, Figures *ret_figures)
{
    Figures figures;
    clockid_t clock;
    struct timespec time;
    if (!look_at_memory(pid, &figures) || clock_getcpuclockid(pid, &clock) != 0 ||
        clock_gettime(clock, &time) < 0)
        return false;
    figures.descriptors = count_descriptors(pid);
    figures.processor = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
    *ret_figures = figures;
    return true;
}
