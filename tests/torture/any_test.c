/* The torture of any test program made with libcheck: it is linked to this as well, and whenever
 * libcheck forks to run a test, that test is run again and again, each time with another allocation,
 * descriptor or thread missing.
 *
 *     TORC_TORTURE_REPORT=FILE PROGRAM                          counts the calls of each test
 *     TORC_TORTURE_REPORT=FILE TORC_TORTURE_PLAN=FILE PROGRAM   makes those of the plan fail
 *
 * The plan has a line for each run, in the order of the tests: the test's number (1: the first that
 * libcheck forks for), the class of calls, the number of the call in it, and the mode (faults.h).
 * The report gets a line for each, by tools/torture_tests.py, which says what they mean and what is
 * a find. Without the report in the environment the program is as always.
 *
 *     count 3 memory=17 descriptor=4 thread=0 live=2 descriptors=5 ms=9    of those that pass
 *     point 3 memory 17 once leak 0             see outcome_of; status or signal, addresses, output
 *     file /tmp/torc-unix-TnhDeu                that is to be removed
 *
 * Runs are child processes, TORC_TORTURE_JOBS at a time (jobs.h). One that is still there after
 * TORC_TORTURE_LIMIT seconds says where it is and ends. What fails is counted from the fork on, the
 * fixtures' calls included. One thread. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "any_test.h"
#include "faults.h"
#include "jobs.h"
#include "reactor/memory_internal.h"

/* Statuses of runs: libcheck's of a failed assertion, and what the sanitizers are told to use. */
enum { ASSERTION_FAILED = 1, SANITIZER_STATUS = 99 };

/* Bytes of what a run said last: a report of a sanitizer fits. */
enum { OUTPUT_SHOWN = 4000 };

typedef struct Point {
    int test;
    FaultClass cls;
    long number;
    FaultMode mode;
    long live; /* at the end of a run without faults */
    int descriptors;
} Point;

/* What a job shares with its child. */
typedef struct Run {
    const Point *point;
    int output; /* what it says; in memory */
    Told told;
} Run;

static struct {
    pid_t pid;  /* who forks for tests; 0: nobody, this is not a torture */
    int report; /* appended to by whole lines */
    int tests;  /* forked for so far */
    long limit; /* seconds of a run */
    Point *points;
    size_t count;
    size_t next;
} any = {.report = -1};

/* ---- the report ---------------------------------------------------------------------------- */

static _Noreturn void give_up(const char *what)
{
    perror(what);
    _exit(2);
}

static __attribute__((format(printf, 1, 2))) void report(const char *format, ...)
{
    char line[OUTPUT_SHOWN + 600];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    if (write(any.report, line, (size_t)length) != length)
        give_up("torture: report");
}

/* ---- the end of a run ---------------------------------------------------------------------- */

static Told *told; /* of this run */
static int this_test;
static long began; /* in milliseconds */

static long milliseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int count_descriptors(void)
{
    DIR *open_ones = opendir("/proc/self/fd");
    int count = 0;
    while (open_ones && readdir(open_ones))
        count++;
    if (open_ones)
        closedir(open_ones);
    return count;
}

/* A test that has its own functions for memory leaves blocks that are not counted here. */
static bool memory_is_counted(void)
{
    long before = faults_counted(FAULT_MEMORY);
    torc__free(torc__malloc(1));
    return faults_counted(FAULT_MEMORY) > before;
}

/* Of a sanitizer, where there is one. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* Only of tests that have come to their end: libcheck ends a failed one by _exit. */
static void end_run(int status, void *pid)
{
    if (status != 0 || getpid() != (pid_t)(intptr_t)pid)
        return;
    told->struck = faults_disarm();
    told->live = memory_is_counted() ? faults_liveBlocks() : -1;
    told->descriptors = count_descriptors();
    if (__lsan_do_recoverable_leak_check)
        told->sanitizer_leak = __lsan_do_recoverable_leak_check();
}

static void end_count(int status, void *pid)
{
    long memory = faults_counted(FAULT_MEMORY);
    end_run(status, pid);
    if (status == 0 && getpid() == (pid_t)(intptr_t)pid)
        report("count %d memory=%ld descriptor=%ld thread=%ld live=%ld descriptors=%d ms=%ld\n",
               this_test, memory, faults_counted(FAULT_DESCRIPTOR), faults_counted(FAULT_THREAD),
               told->live, told->descriptors, milliseconds() - began);
}

static void at_end(void (*function)(int status, void *pid))
{
    if (on_exit(function, (void *)(intptr_t)getpid()) != 0)
        give_up("torture: on_exit");
}

/* ---- files ---------------------------------------------------------------------------------- */

/* A test that fails leaves what it has in /tmp: whoever reads the report removes it. */
static void note_file(const char *path)
{
    if (any.report >= 0 && path)
        report("file %s\n", path);
}

char *mkdtemp(char *pattern)
{
    static char *(*next)(char *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "mkdtemp");
    char *path = next(pattern);
    note_file(path);
    return path;
}

int mkstemp(char *pattern)
{
    static int (*next)(char *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "mkstemp");
    int fd = next(pattern);
    if (fd >= 0)
        note_file(pattern);
    return fd;
}

/* ---- outcomes ------------------------------------------------------------------------------- */

/* The end of what the run has said, in one line. */
static void read_output(const Run *run, char text[static OUTPUT_SHOWN])
{
    off_t end = lseek(run->output, 0, SEEK_END);
    off_t from = end >= OUTPUT_SHOWN ? end - OUTPUT_SHOWN + 1 : 0;
    ssize_t n = pread(run->output, text, OUTPUT_SHOWN - 1, from);
    text[n > 0 ? n : 0] = '\0';
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = c[1] ? '|' : '\0';
}

/* The test kit ends a test that cannot be simulated, out of memory or not, with such a message
 * (sim_memory_internal.h). */
static bool kit_gave_up(int status, const char *output)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
           strstr(output, "torc simulation: ");
}

static const char *outcome_of_passed(const Run *run)
{
    const Told *of = &run->told;
    if (!of->struck)
        return "unstruck";
    if (of->live > run->point->live && run->point->live >= 0)
        return "leak";
    if (of->descriptors > run->point->descriptors)
        return "descriptors";
    return of->sanitizer_leak ? "leak" : "passed";
}

static const char *outcome_of(const Run *run, int status, const char *output)
{
    if (WIFSIGNALED(status))
        return kit_gave_up(status, output) ? "kit" : run->told.null ? "null" : "crash";
    switch (WEXITSTATUS(status)) {
    case 0: return outcome_of_passed(run);
    case ASSERTION_FAILED: return "failed";
    case HANG_STATUS: return "hang";
    case SANITIZER_STATUS: return "sanitizer";
    default: return "status";
    }
}

/* Where it was, for addr2line; innermost first. */
static void print_frames(const Told *of, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < of->frame_count && used + 20 < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %#lx", (unsigned long)of->frames[i]);
}

static void settle(Job *job, int status)
{
    char output[OUTPUT_SHOWN];
    char frames[400];
    const Run *run = job->shared;
    const Point *point = run->point;
    read_output(run, output);
    print_frames(&run->told, frames, sizeof(frames));
    report("point %d %s %ld %s %s %d%s%s%s\n", point->test, fault_class_names[point->cls],
           point->number, fault_mode_names[point->mode], outcome_of(run, status, output),
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), frames,
           *output ? " | " : "", output);
    (void)kill(-job->pid, SIGKILL); /* libcheck makes a group of each test */
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* In the child, where libcheck goes on to run the test. */
static void begin_run(Run *run)
{
    told = &run->told;
    any.pid = 0;
    if (dup2(run->output, STDOUT_FILENO) < 0 || dup2(run->output, STDERR_FILENO) < 0)
        give_up("torture: dup2");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_catchSignals(told, any.limit);
    at_end(end_run);
    faults_arm(run->point->cls, run->point->number, run->point->mode);
}

/* 0: this is the child. */
static pid_t start(const Point *point, pid_t (*next)(void))
{
    Job *job;
    while (!(job = jobs_idle()))
        (void)jobs_wait(settle);
    Run *run = job->shared;
    *run = (Run){.point = point, .output = run->output};
    if (ftruncate(run->output, 0) < 0 || lseek(run->output, 0, SEEK_SET) < 0)
        give_up("torture: output");
    job->pid = next();
    if (job->pid < 0)
        give_up("torture: fork");
    if (job->pid == 0)
        begin_run(run);
    return job->pid;
}

static pid_t run_points(pid_t (*next)(void))
{
    for (; any.next < any.count && any.points[any.next].test == any.tests; any.next++)
        if (start(&any.points[any.next], next) == 0)
            return 0;
    while (jobs_wait(settle))
        ;
    if (any.next == any.count)
        _exit(0);
    return next();
}

static pid_t count_calls(pid_t (*next)(void))
{
    pid_t pid = next();
    if (pid == 0) {
        any.pid = 0;
        this_test = any.tests;
        began = milliseconds();
        at_end(end_count);
        faults_arm(FAULT_MEMORY, 0, FAULT_ONCE);
    }
    return pid;
}

pid_t fork(void)
{
    static pid_t (*next)(void);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "fork");
    if (!any.pid || getpid() != any.pid)
        return next();
    any.tests++;
    return any.points ? run_points(next) : count_calls(next);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fprintf(stderr, "torture: %s in the plan\n", name);
    _exit(2);
}

/* "3 memory 17 once 2 5": the last two are what a run without faults leaves. */
static bool read_point(FILE *plan, Point *point)
{
    char cls[40];
    char mode[16];
    if (fscanf(plan, "%d %39s %ld %15s %ld %d", &point->test, cls, &point->number, mode,
               &point->live, &point->descriptors) != 6)
        return false;
    point->cls = (FaultClass)find_name(fault_class_names, FAULT_FIRST_CALL, cls);
    point->mode = (FaultMode)find_name(fault_mode_names, FAULT_MODES, mode);
    return true;
}

static void read_plan(const char *path)
{
    Point point;
    size_t size = 0;
    FILE *plan = fopen(path, "re");
    if (!plan)
        give_up(path);
    while (read_point(plan, &point)) {
        if (any.count == size) {
            size = size ? 2 * size : 64;
            any.points = realloc(any.points, size * sizeof(*any.points));
            if (!any.points)
                give_up("torture: plan");
        }
        any.points[any.count++] = point;
    }
    fclose(plan);
}

static void open_jobs(int count)
{
    count = count < 1 ? 1 : count > JOBS_MOST ? JOBS_MOST : count;
    Job *all = jobs_open(count, sizeof(Run));
    if (!all)
        give_up("torture: jobs");
    told = &((Run *)all->shared)->told;
    for (Job *job = all; job < all + count; job++) {
        Run *run = job->shared;
        run->output = memfd_create("output", MFD_CLOEXEC);
        if (run->output < 0)
            give_up("torture: memfd_create");
    }
}

static long number_in(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

/* Descriptors of ours are there in every run, so that counts of them compare. */
__attribute__((constructor)) static void prepare(void)
{
    const char *path = getenv("TORC_TORTURE_REPORT");
    const char *plan = getenv("TORC_TORTURE_PLAN");
    if (!path)
        return;
    any.report = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (any.report < 0)
        give_up(path);
    any.limit = number_in("TORC_TORTURE_LIMIT", 20);
    open_jobs((int)number_in("TORC_TORTURE_JOBS", 4));
    if (plan)
        read_plan(plan);
    faults_install();
    any.pid = getpid();
}
