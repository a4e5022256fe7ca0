/* Plays sequences from seeds in worker processes: worker i of n plays every n-th seed.
 *
 * What a worker has done so far lies in memory that it shares with its parent, which alone prints: so
 * a sequence may end its process in any way, and its seed is known. It is then played once more, and
 * its trace kept there, too. */
#include "calls_seeds.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Most sequences take a tenth of a millisecond; under valgrind, a fifth of a second. */
enum { LONGEST_SEQUENCE = 60 };

enum { LEAST_BYTES = 16, MOST_BYTES = 1024 };
enum { TRACE_LINES = 60, TRACE_WIDTH = 200 };

typedef struct Worker {
    pid_t pid;
    _Atomic uint64_t seed; /* of the sequence that it plays */
    CallsCounts counts;
} Worker;

typedef struct Shared {
    Worker workers[CALLS_MOST_JOBS];
    atomic_bool stopped;
    uint64_t traced;                      /* lines, so far */
    char trace[TRACE_LINES][TRACE_WIDTH]; /* the latest, at their number modulo TRACE_LINES */
} Shared;

static Shared *shared;

/* ---- one sequence -------------------------------------------------------------------------- */

/* SplitMix64, as the simulation's: any seed is good, also one that follows another. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The bytes of a seed, in a block of exactly their size, which is to be freed. */
static uint8_t *draw_input(uint64_t seed, size_t *ret_size)
{
    uint64_t state = seed;
    size_t size = LEAST_BYTES + (size_t)(next_random(&state) % (MOST_BYTES - LEAST_BYTES));
    uint8_t *bytes = malloc(size);
    FUZZ_CHECK(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(next_random(&state) >> 32);
    *ret_size = size;
    return bytes;
}

static void play_seed(uint64_t seed)
{
    size_t size;
    uint8_t *bytes = draw_input(seed, &size);
    alarm(LONGEST_SEQUENCE);
    (void)LLVMFuzzerTestOneInput(bytes, size);
    alarm(0);
    free(bytes);
}

/* ---- workers ------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void print_line(const char *line, void *arg)
{
    (void)arg;
    puts(line);
}

static void work(const CallsPlan *plan, unsigned number, double end)
{
    Worker *worker = &shared->workers[number];
    calls_follower = plan->trace ? print_line : NULL;
    for (uint64_t i = number; plan->count > 0 ? i < plan->count : now() < end; i += plan->jobs) {
        if (atomic_load(&shared->stopped))
            return;
        atomic_store(&worker->seed, plan->first + i);
        play_seed(plan->first + i);
        worker->counts = calls_counts;
    }
}

/* The child ends by exit, so that leaks are looked for. */
static pid_t start(void)
{
    fflush(NULL);
    pid_t pid = fork();
    FUZZ_CHECK_THAT(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        setvbuf(stdout, NULL, _IOLBF, 0); /* what is said last is wanted most */
        calls_counts = (CallsCounts){0};
        (void)LLVMFuzzerInitialize(NULL, NULL);
    }
    return pid;
}

static void start_workers(const CallsPlan *plan)
{
    double end = now() + plan->seconds;
    for (unsigned i = 0; i < plan->jobs; i++) {
        pid_t pid = start();
        if (pid == 0) {
            work(plan, i, end);
            exit(EXIT_SUCCESS);
        }
        shared->workers[i].pid = pid; /* not by the child, for it is shared */
    }
}

/* -1: whichever ends first. */
static pid_t wait_for(pid_t pid, int *ret_status)
{
    pid_t ended;
    do
        ended = waitpid(pid, ret_status, 0);
    while (ended < 0 && errno == EINTR);
    FUZZ_CHECK_THAT(ended > 0, "waitpid: %s", strerror(errno));
    return ended;
}

static const Worker *worker_of(pid_t pid)
{
    const Worker *worker = shared->workers;
    while (worker->pid != pid)
        worker++;
    return worker;
}

/* When one has failed the others end after the sequence that they are at. NULL: none has. */
static const Worker *wait_for_workers(const CallsPlan *plan, int *ret_status)
{
    const Worker *failed = NULL;
    for (unsigned left = plan->jobs; left > 0; left--) {
        int status;
        pid_t pid = wait_for(-1, &status);
        if (status == 0 || atomic_exchange(&shared->stopped, true))
            continue;
        failed = worker_of(pid);
        *ret_status = status;
    }
    return failed;
}

static CallsCounts add_counts(unsigned jobs)
{
    CallsCounts sum = {0};
    for (unsigned i = 0; i < jobs; i++) {
        const CallsCounts *counts = &shared->workers[i].counts;
        sum.sequences += counts->sequences;
        sum.acts += counts->acts;
        sum.callbacks += counts->callbacks;
        sum.connections += counts->connections;
        sum.in_order += counts->in_order;
        sum.bytes += counts->bytes;
        sum.pauses += counts->pauses;
        sum.faults += counts->faults;
    }
    return sum;
}

/* ---- what failed --------------------------------------------------------------------------- */

static void keep_line(const char *line, void *arg)
{
    (void)arg;
    snprintf(shared->trace[shared->traced++ % TRACE_LINES], TRACE_WIDTH, "%s", line);
}

static void print_trace(void)
{
    uint64_t first = shared->traced > TRACE_LINES ? shared->traced - TRACE_LINES : 0;
    for (uint64_t i = first; i < shared->traced; i++)
        fprintf(stderr, "    %s\n", shared->trace[i % TRACE_LINES]);
}

static void play_with_trace(uint64_t seed)
{
    pid_t pid = start();
    if (pid == 0) {
        calls_follower = keep_line;
        play_seed(seed);
        exit(EXIT_SUCCESS);
    }
    int status;
    (void)wait_for(pid, &status);
    fprintf(stderr, "\nThe end of its trace:\n\n");
    print_trace();
    if (status == 0)
        fputs("\nAlone it does not fail: something before it matters, or chance.\n", stderr);
}

static void save_input(const char *folder, uint64_t seed)
{
    char path[4096];
    size_t size;
    snprintf(path, sizeof(path), "%s/seed-%" PRIu64, folder, seed);
    uint8_t *bytes = draw_input(seed, &size);
    FILE *file = fopen(path, "wb");
    if (file && fwrite(bytes, 1, size, file) == size)
        fprintf(stderr, "Its bytes: %s\n", path);
    else
        perror(path);
    if (file)
        fclose(file);
    free(bytes);
}

/* A worker that leaks is found at its end, when it has played all of its seeds. */
static void explain(const CallsPlan *plan, uint64_t seed, int status)
{
    fprintf(stderr, "\ncalls: the sequence of seed %" PRIu64 " failed", seed);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        fprintf(stderr, ": it did not end within %d seconds", LONGEST_SEQUENCE);
    else if (WIFSIGNALED(status))
        fprintf(stderr, ": %s", strsignal(WTERMSIG(status)));
    fputs("\nOnce more:\n\n", stderr);
    play_with_trace(seed);
    if (plan->save)
        save_input(plan->save, seed);
    const char *sanitizer = getenv("TORC_SANITIZER"); /* ./dev sets it */
    fprintf(stderr, "Again: ./dev calls --seeds 1 --first %" PRIu64 "%s%s\n", seed,
            sanitizer ? " --sanitize " : "", sanitizer ? sanitizer : "");
}

/* ---- all of them --------------------------------------------------------------------------- */

bool calls_playSeeds(const CallsPlan *plan, CallsCounts *ret_counts)
{
    int status = 0;
    FUZZ_CHECK(plan->jobs >= 1 && plan->jobs <= CALLS_MOST_JOBS);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FUZZ_CHECK_THAT(shared != MAP_FAILED, "mmap: %s", strerror(errno));
    start_workers(plan);
    const Worker *failed = wait_for_workers(plan, &status);
    if (failed)
        explain(plan, atomic_load(&failed->seed), status);
    *ret_counts = add_counts(plan->jobs);
    munmap(shared, sizeof(*shared));
    return !failed;
}
