/* The torture program: every case, on every world, with every call failing in turn (torture.h).
 *
 *     torture [--sample PERCENT] [--seed N] [--jobs N] [--ledger FILE] [--list] [WHAT...]
 *
 * What there is: "resources", each case with every allocation, descriptor and thread missing in
 * turn; "calls", with every error of the errno table at the first eight calls of its kind; or one
 * case, named echo, echo/epoll, or echo/epoll:memory:17:once and echo/epoll:recv=ECONNRESET:2:once,
 * which are one run. Nothing named: everything.
 *
 * First each case is held without a fault, to count its calls; then call k fails, once, with the
 * next three, with every second one after it, and for ever, for each k. A run is a child process, a
 * few of which go on at a time (jobs.h).
 *
 * Status 0: everything was survived. 1: something was not. 2: wrong arguments. 77: one run was asked
 * for, and its fault did not strike. */
#include "torture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../support/ledger.h"
#include "../support/read_number.h"
#include "jobs.h"
#include "run.h"
#include "scratch.h"

enum { MOST_SHOWN = 20 };

/* Meson knows it as "skipped". */
enum { DID_NOT_STRIKE = 77 };

/* Of each kind; later ones meet nothing new. */
enum { MOST_CALLS = 8 };

/* What a job shares with its child. */
typedef struct Run {
    Plan plan;
    Report report;
    bool passed;
} Run;

static struct {
    long points;   /* faults that struck and were survived */
    long unstruck; /* runs in which the call did not come */
    long runs;
    long failures;
    /* Of everything that was asked for. */
    long all_failures;
    long missed; /* single runs whose fault struck nowhere */
} torture;

/* ---- names --------------------------------------------------------------------------------- */

static void print_plan(FILE *file, const Plan *plan)
{
    fprintf(file, "%s/%s", plan->test->name, world_nameOf(plan->world));
    if (plan->number > 0)
        fprintf(file, ":%s%s%s:%ld:%s", fault_class_names[plan->cls], plan->row ? "=" : "",
                plan->row ? plan->row->name : "", plan->number, fault_mode_names[plan->mode]);
}

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static const ErrnoRow *find_row(int cls, const char *error)
{
    for (const ErrnoRow *row = errno_table; row->name; row++)
        if ((int)row->call == cls && strcmp(row->name, error) == 0)
            return row;
    return NULL;
}

/* "memory", or "recv=ECONNRESET". NULL, or what is wrong. */
static const char *read_class(char *text, Plan *ret_plan)
{
    static const char *const wrong =
        "CALL is memory, descriptor, thread, or one of tests/torture/errno_table.c with one of its "
        "errors, such as recv=ECONNRESET";
    char *error = strchr(text, '=');
    if (error)
        *error++ = '\0';
    int cls = find_name(fault_class_names, FAULT_CLASSES, text);
    if (cls < 0 || (cls >= FAULT_FIRST_CALL) != (error != NULL))
        return wrong;
    ret_plan->cls = (FaultClass)cls;
    ret_plan->row = error ? find_row(cls, error) : NULL;
    ret_plan->calls = error != NULL;
    return error && !ret_plan->row ? wrong : NULL;
}

/* ":memory:17:once"; tools/torture.sh (check_case) looks at the form of it before. NULL, or what is
 * wrong. */
static const char *read_fault(const char *text, Plan *ret_plan)
{
    char cls[40];
    char mode[16];
    int used = 0;
    if (sscanf(text, ":%39[^:]:%ld:%15[^:]%n", cls, &ret_plan->number, mode, &used) != 3 ||
        text[used] || ret_plan->number < 1)
        return "after the case comes :CALL:NUMBER:MODE, such as :memory:17:once";
    int mode_index = find_name(fault_mode_names, FAULT_MODES, mode);
    if (mode_index < 0)
        return "MODE is once, burst, others or ever";
    ret_plan->mode = (FaultMode)mode_index;
    return read_class(cls, ret_plan);
}

/* ---- outcomes ------------------------------------------------------------------------------ */

static void show_failure(const Run *run, int status)
{
    if (torture.failures++ >= MOST_SHOWN)
        return;
    fputs("torture: FAILED ", stdout);
    print_plan(stdout, &run->plan);
    if (*run->report.message)
        printf(": %s", run->report.message);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf(": not over after %u s", run_timeLimit());
    else if (WIFSIGNALED(status))
        printf(": %s", strsignal(WTERMSIG(status)));
    else
        printf(": ended with status %d", WEXITSTATUS(status));
    fputs("\n    to repeat it: ./dev torture ", stdout);
    print_plan(stdout, &run->plan);
    fputs("\n", stdout);
    fflush(stdout);
}

static void settle(Job *job, int status)
{
    Run *run = job->shared;
    run->passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    torture.runs++;
    if (!run->passed)
        show_failure(run, status);
    else if (run->plan.number > 0 && run->report.struck)
        torture.points++;
    else if (run->plan.number > 0)
        torture.unstruck++;
}

/* ---- interruption -------------------------------------------------------------------------- */

static const int endings[] = {SIGHUP, SIGINT, SIGTERM};
enum { ENDINGS = sizeof(endings) / sizeof(endings[0]) };

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

/* What waits is woken: no SA_RESTART. */
static void catch_endings(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    for (size_t i = 0; i < ENDINGS; i++)
        (void)sigaction(endings[i], &action, NULL);
}

/* With the status that a shell gives to who dies of the signal. No run is left that makes files. */
static _Noreturn void end_interrupted(void)
{
    jobs_kill();
    exit(128 + interrupted);
}

/* ---- runs ---------------------------------------------------------------------------------- */

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(2);
}

/* Runs do not outlive their parent, and have no handlers that are not theirs. */
static _Noreturn void play(Run *run)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < ENDINGS; i++)
        (void)signal(endings[i], SIG_DFL);
    run_play(&run->plan, &run->report);
}

/* False: no run is under way. */
static bool wait_for_one(void)
{
    bool ended = jobs_wait(settle);
    if (interrupted)
        end_interrupted();
    return ended;
}

static void wait_for_all(void)
{
    while (wait_for_one())
        ;
}

static Job *start(const Plan *plan)
{
    Job *job;
    while (!(job = jobs_idle()))
        (void)wait_for_one();
    Run *run = job->shared;
    *run = (Run){.plan = *plan};
    fflush(NULL);
    job->pid = fork();
    if (job->pid < 0)
        give_up("torture: fork");
    if (job->pid == 0)
        play(run);
    return job;
}

/* Without a fault; false: it does not even pass then. */
static bool count_calls(Plan *plan, long ret_counts[FAULT_CLASSES])
{
    const Job *job = start(plan);
    const Run *run = job->shared;
    while (job->pid)
        (void)wait_for_one();
    plan->live = run->report.live;
    memcpy(ret_counts, run->report.counts, sizeof(run->report.counts));
    return run->passed;
}

/* ---- all of a case ------------------------------------------------------------------------- */

typedef struct Options {
    unsigned percent;
    uint64_t seed;
    const char *ledger;
} Options;

static Options options = {.percent = 100};

/* The finalizer of splitmix64 (Steele, Lea and Flood, 2014): neighbours come out far apart. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static bool in_sample(const Plan *plan)
{
    uint64_t x = options.seed;
    for (const char *c = plan->test->name; *c; c++)
        x = mix(x ^ (uint64_t)(unsigned char)*c);
    if (plan->row)
        x = mix(x ^ (uint64_t)plan->row->error);
    x = mix(x ^ (uint64_t)plan->world << 16 ^ (uint64_t)plan->cls << 4 ^ (uint64_t)plan->mode);
    return mix(x ^ (uint64_t)plan->number) % 100 < options.percent;
}

static void run_if_in_sample(const Plan *plan)
{
    if (in_sample(plan))
        (void)start(plan);
}

static void miss_resources(Plan plan, const long counts[FAULT_CLASSES])
{
    for (int cls = 0; cls < FAULT_FIRST_CALL; cls++)
        for (int mode = 0; mode < FAULT_MODES; mode++)
            for (plan.number = 1; plan.number <= counts[cls]; plan.number++) {
                plan.cls = (FaultClass)cls;
                plan.mode = (FaultMode)mode;
                run_if_in_sample(&plan);
            }
}

/* For ever comes only what a kernel can answer for ever, and what a program goes on after: one whose
 * wait fails is at its end. */
static bool may_last(const ErrnoRow *row)
{
    return row->call != FAULT_WAIT &&
           (row->expected != UNHURT || row->error == ENOBUFS || row->error == ENOMEM);
}

static void fail_calls(Plan plan, const long counts[FAULT_CLASSES])
{
    for (const ErrnoRow *row = errno_table; row->name; row++)
        for (int mode = 0; mode < FAULT_MODES; mode++)
            for (plan.number = 1; plan.number <= counts[row->call] && plan.number <= MOST_CALLS;
                 plan.number++) {
                plan.cls = row->call;
                plan.row = row;
                plan.mode = (FaultMode)mode;
                if (mode != FAULT_OTHERS && (mode != FAULT_EVER || may_last(row)) &&
                    !(row->sim_only && world_kindOf(plan.world) == ON_REAL))
                    run_if_in_sample(&plan);
            }
}

/* What is to be done with the cases. */
typedef enum Work { RESOURCES = 1, SINGLE_CALLS = 2, ONE_RUN = 4 } Work;

static void torture_one(const TortureCase *test, int index, unsigned work, const Plan *only)
{
    Plan plan = {.test = test, .world = index, .calls = work & SINGLE_CALLS};
    long counts[FAULT_CLASSES];
    if (work & ONE_RUN)
        plan.calls = only->calls;
    if (!count_calls(&plan, counts))
        return;
    if (work & RESOURCES)
        miss_resources(plan, counts);
    if (work & SINGLE_CALLS)
        fail_calls(plan, counts);
    if (work & ONE_RUN) {
        plan.cls = only->cls;
        plan.row = only->row;
        plan.mode = only->mode;
        plan.number = only->number;
        (void)start(&plan);
    }
}

/* ---- all cases ----------------------------------------------------------------------------- */

static const TortureCase *const groups[] = {transport_cases, unix_cases,     loop_cases,
                                            deferred_cases,  endpoint_cases, protocol_cases,
                                            planted_cases};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

static bool runs_on(const TortureCase *test, int index)
{
    return test->worlds & world_kindOf(index);
}

/* "echo", or "echo/epoll"; NULL: every one. What follows a ':' is not looked at. */
static bool is_named(const TortureCase *test, int index, const char *name)
{
    char full[100];
    size_t length = name ? strcspn(name, ":") : 0;
    int used = snprintf(full, sizeof(full), "%s/%s", test->name, world_nameOf(index));
    if (name && !memchr(name, '/', length))
        used = (int)strlen(test->name);
    return !name || ((size_t)used == length && strncmp(full, name, length) == 0);
}

static bool is_case(const char *name)
{
    for (int group = 0; group < GROUPS; group++)
        for (const TortureCase *test = groups[group]; test->name; test++)
            for (int i = 0; i < worlds_count(); i++)
                if (runs_on(test, i) && is_named(test, i, name))
                    return true;
    return false;
}

/* As all planted cases are named. */
static bool is_planted(const char *name)
{
    return strncmp(name, "planted-", strlen("planted-")) == 0;
}

static void torture_cases(const char *name, unsigned work, const Plan *only)
{
    for (int group = 0; group < (name ? GROUPS : GROUPS - 1); group++)
        for (const TortureCase *test = groups[group]; test->name; test++)
            for (int i = 0; i < worlds_count(); i++) {
                if (!runs_on(test, i) || !is_named(test, i, name))
                    continue;
                if (work != SINGLE_CALLS || test->worlds & CALLS)
                    torture_one(test, i, work, only);
            }
    wait_for_all();
}

static void list_cases(void)
{
    for (int group = 0; group < GROUPS - 1; group++)
        for (const TortureCase *test = groups[group]; test->name; test++)
            for (int i = 0; i < worlds_count(); i++)
                if (runs_on(test, i))
                    printf("%s/%s\n", test->name, world_nameOf(i));
}

/* ---- the program --------------------------------------------------------------------------- */

static int usage(void)
{
    fputs("usage: torture [--sample PERCENT] [--seed N] [--jobs N] [--ledger FILE] [--list]\n"
          "               [resources | calls | CASE[/WORLD[:CALL[=ERROR]:NUMBER:MODE]]]...\n",
          stderr);
    return 2;
}

/* The number of arguments that were options; -1: they are wrong. tools/torture.sh has the same ranges,
 * to check them before it builds. */
static int read_options(int argc, char **argv)
{
    uint64_t jobs = 32; /* they mostly wait */
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i += 2) {
        uint64_t number = 0;
        if (strcmp(argv[i], "--ledger") == 0 && argv[i + 1])
            options.ledger = argv[i + 1];
        else if (!read_number(argv[i + 1], 10, UINT64_MAX, &number))
            return -1;
        else if (strcmp(argv[i], "--sample") == 0 && number >= 1 && number <= 100)
            options.percent = (unsigned)number;
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = number;
        else if (strcmp(argv[i], "--jobs") == 0 && number >= 1 && number <= JOBS_MOST)
            jobs = number;
        else
            return -1;
    }
    if (!jobs_open((int)jobs, sizeof(Run)))
        give_up("torture: jobs");
    return i;
}

static void begin_counting(void)
{
    torture.points = torture.unstruck = torture.runs = torture.failures = 0;
}

/* Cases of one kind of work, and what came of them. */
static void torture_all(const char *tool, unsigned work, const char *name)
{
    begin_counting();
    Ledger ledger = ledger_begin(tool, options.seed);
    torture_cases(name, work, NULL);
    long sound = torture.runs - torture.points - torture.unstruck - torture.failures;
    printf("torture: %s: %ld faults survived, %ld not; besides, %ld runs without a fault, to count "
           "calls, and %ld whose fault did not strike; %.1f s, seed %llu, sample %u %%\n",
           tool, torture.points, torture.failures, sound, torture.unstruck, ledger_seconds(&ledger),
           (unsigned long long)options.seed, options.percent);
    fflush(stdout);
    /* A figure is of all cases; a part of them only tells when something was found that nobody
     * planted. */
    bool whole = !name && options.percent == 100;
    bool tells = whole || (torture.failures > 0 && !(name && is_planted(name)));
    ledger_end(&ledger, tells ? options.ledger : NULL, torture.points, torture.runs,
               torture.failures);
    torture.all_failures += torture.failures;
}

/* Without a backend in its name it is a run on each. */
static void torture_single(const char *name)
{
    Plan only = {0};
    (void)read_fault(name + strcspn(name, ":"), &only);
    begin_counting();
    torture_cases(name, ONE_RUN, &only);
    torture.all_failures += torture.failures;
    if (torture.failures > 0)
        puts("torture: not survived");
    else if (torture.points == 0)
        puts("torture: the fault did not strike: there is no such call any more");
    else if (torture.unstruck > 0)
        printf("torture: survived %ld times; %ld times the fault did not strike\n", torture.points,
               torture.unstruck);
    else
        puts("torture: survived");
    torture.missed += torture.failures + torture.points == 0;
}

static void torture_word(const char *word)
{
    bool resources = strcmp(word, "resources") == 0;
    bool calls = strcmp(word, "calls") == 0;
    const char *name = resources || calls ? NULL : word;
    if (strchr(word, ':')) {
        torture_single(word);
        return;
    }
    if (!calls)
        torture_all("resources", RESOURCES, name);
    if (!resources)
        torture_all("calls", SINGLE_CALLS, name);
}

static bool is_word(const char *word)
{
    Plan plan = {0};
    if (strcmp(word, "resources") == 0 || strcmp(word, "calls") == 0)
        return true;
    const char *wrong = "there is no such case; --list shows them";
    if (is_case(word))
        wrong = strchr(word, ':') ? read_fault(strchr(word, ':'), &plan) : NULL;
    if (wrong)
        fprintf(stderr, "torture: %s: %s\n", word, wrong);
    return !wrong;
}

int main(int argc, char **argv)
{
    static const char *const everything[] = {"resources", "calls"};
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_cases();
        return 0;
    }
    options.seed = (uint64_t)time(NULL);
    int first = read_options(argc, argv);
    if (first < 0)
        return usage();
    const char *const *words = first < argc ? (const char *const *)argv + first : everything;
    int count = first < argc ? argc - first : 2;
    for (int i = 0; i < count; i++)
        if (!is_word(words[i]))
            return 2;
    scratch_open();
    catch_endings();
    for (int i = 0; i < count; i++)
        torture_word(words[i]);
    if (torture.all_failures > 0)
        printf("torture: FAILED %ld times\n", torture.all_failures);
    if (torture.all_failures == 0 && torture.missed > 0)
        return DID_NOT_STRIKE;
    return torture.all_failures > 0;
}
