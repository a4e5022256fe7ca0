/* Attacks a server with thousands of hostile peers, and measures what its healthy clients and the
 * system notice of it.
 *
 *     hostile [OPTION...] PORT PID ATTACK        the server listens on 127.0.0.1:PORT
 *     hostile --list                             what attacks there are
 *     hostile --header                           what the columns of the row are
 *
 *     --server echo|line|finger    what it serves; echo unless given
 *     --name NAME                  of the run in the table and the ledger; else the attack's
 *     --peers N                    attackers at a time
 *     --control SECONDS            how long to measure before the attack
 *     --seconds SECONDS            how long to attack
 *     --p99 MILLISECONDS           most that 99 % of the healthy requests may take
 *     --processor PERCENT          most processor time of the server in the last second
 *     --freeze SECONDS             the server is stopped (SIGSTOP) for so long in the middle
 *     --starved                    the server lacks something: healthy clients may be turned away,
 *                                  but after the attack all is well by itself
 *     --ledger FILE                adds a line of JSON to it
 *
 * Two processes: this one has the healthy clients and looks at the server, its child attacks. The
 * same clients are measured before the attack, on the same machine in the same seconds: the figures
 * of this control run say how much of a latency is the machine's own. After the attack descriptors
 * and memory must come back to where they were. Prints a row, and the reasons if it failed.
 *
 * Status 0: all is well. 1: it is not. 77: clients waited, but so they did before
 * (hostile_verdict.c). */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../support/ledger.h"
#include "hostile.h"

/* Statuses beside those of the C library; meson knows 77 as "skipped". */
enum { WRONG_USAGE = 2, TOO_BUSY_TO_TELL = 77 };

/* hostile_test.sh knows how many peers that makes, too. */
enum { DESCRIPTORS = 20000, PEERS_MOST = DESCRIPTORS - 100 };

/* What a server takes beyond what its connections cost: buffers of the reactor, and pages of the
 * allocator that are in use in part. */
static const long memory_slack = 6 * 1024;

static const double look_period = 0.1;
static const double warm_up = 0.1;

/* The longest way back: idle timeout, close timeout and lingering, one after the other. */
static const double patience = 15;

typedef struct Run {
    const Attack *attack;
    const char *server;
    const char *name;
    int port;
    pid_t pid;
    int peers;
    double control;
    double seconds;
    double p99;
    double processor;
    double freeze;
    bool starved;
    const char *ledger;

    Tally *tally;
    Clients *clients;
    pid_t attacker;
    bool gone; /* the server */
    Figures before, most, after;
    Latencies quiet, beside;
    long open_most;
    double busy;      /* percent of a processor, in the last second of the attack */
    double recovered; /* seconds after the attack */
    char excuse[96];  /* why it is not judged: the machine was too busy; "": it is */
    char reasons[256];
} Run;

static void blame(Run *run, const char *reason)
{
    size_t length = strlen(run->reasons);
    (void)snprintf(run->reasons + length, sizeof(run->reasons) - length, "%s%s",
                   length > 0 ? ", " : "", reason);
}

/* ---- looking at the server ----------------------------------------------------------------- */

static long larger(long a, long b)
{
    return a > b ? a : b;
}

static void look(Run *run)
{
    if (!server_look(run->pid, &run->after)) {
        run->gone = true;
        return;
    }
    run->most.memory = larger(run->most.memory, run->after.memory_most);
    run->most.descriptors = larger(run->most.descriptors, run->after.descriptors);
    run->open_most = larger(run->open_most, atomic_load(&run->tally->open));
}

/* The clients go about their business, and the server is looked at from time to time. */
static void watch(Run *run, double seconds)
{
    double end = now() + seconds;
    for (double left = seconds; left > 0 && !run->gone; left = end - now()) {
        clients_run(run->clients, left < look_period ? left : look_period);
        look(run);
    }
}

/* ---- the parts of a run -------------------------------------------------------------------- */

static void start_attacker(Run *run)
{
    pid_t parent = getpid();
    run->attacker = fork();
    if (run->attacker != 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    attack_run(run->attack, run->port, run->peers, run->tally);
}

static void measure_quiet(Run *run)
{
    watch(run, warm_up);
    (void)clients_take(run->clients);
    watch(run, run->control);
    run->before = run->after;
    run->before.descriptors = run->most.descriptors; /* with the newcomers */
    run->quiet = clients_take(run->clients);
}

/* What those who came meanwhile waited is not the server's fault. */
static void freeze(Run *run)
{
    struct timespec time = {.tv_sec = (time_t)run->freeze};
    time.tv_nsec = (long)((run->freeze - (double)time.tv_sec) * 1e9);
    watch(run, run->seconds);
    (void)kill(run->pid, SIGSTOP);
    (void)nanosleep(&time, NULL);
    (void)kill(run->pid, SIGCONT);
    watch(run, run->freeze);
    if (clients_lost(run->clients) > 0)
        blame(run, "frozen, it lost healthy clients");
    (void)clients_take(run->clients);
}

static void measure_beside(Run *run)
{
    atomic_store(&run->tally->stage, STAGE_ATTACKING);
    if (run->freeze > 0)
        freeze(run);
    double last = run->seconds < 1 ? run->seconds : 1;
    watch(run, run->seconds - last);
    double processor = run->after.processor;
    double time = now();
    watch(run, last);
    run->busy = (run->after.processor - processor) / (now() - time) * 100;
    if (clients_lost(run->clients) > 0 && !run->starved)
        blame(run, "it lost healthy clients");
    if (clients_refused(run->clients) > 0 && !run->starved)
        blame(run, "it turned newcomers away");
    run->beside = clients_take(run->clients);
}

/* Until nothing of the attack is left and newcomers are served. */
static void measure_recovery(Run *run)
{
    double began = now();
    atomic_store(&run->tally->stage, STAGE_OVER);
    do
        watch(run, look_period / 4);
    while (
        !run->gone && now() - began < patience &&
        (run->after.descriptors > run->before.descriptors || clients_welcomed(run->clients) == 0));
    run->recovered = now() - began;
    if (run->gone)
        return;
    if (run->after.descriptors > run->before.descriptors)
        blame(run, "descriptors are left");
    if (clients_welcomed(run->clients) == 0)
        blame(run, "it serves nobody any more");
}

/* A sanitizer's shadow and quarantine are several times what a program uses. */
static void judge(Run *run)
{
    long allowed = attack_memory(run->attack) * run->open_most + memory_slack;
    if (run->gone)
        blame(run, "the server is gone");
    if (run->beside.answers == 0)
        blame(run, "no healthy client was answered");
    if (atomic_load(&run->tally->opened) == 0)
        blame(run, "no attacker came in");
    Verdict verdict = verdict_of(run->quiet.p99, run->beside.p99, run->p99);
    if (verdict == TOO_SLOW) {
        char waited[64];
        (void)snprintf(waited, sizeof(waited), "healthy clients waited more than %g ms", run->p99);
        blame(run, waited);
    }
    if (verdict == NOT_JUDGED)
        (void)snprintf(run->excuse, sizeof(run->excuse),
                       "not judged: more than %g ms, but clients waited before the attack, too",
                       run->p99);
    if (run->busy > run->processor)
        blame(run, "it was busy with nothing");
    if (!*ledger_sanitizer() && run->most.memory - run->before.memory_most > allowed)
        blame(run, "it took too much memory");
}

static void attack(Run *run)
{
    start_attacker(run);
    run->clients = clients_new(run->port, strcmp(run->server, "finger") == 0);
    if (run->attacker < 0 || !run->clients) {
        perror("hostile");
        exit(EXIT_FAILURE);
    }
    measure_quiet(run);
    if (!run->gone)
        measure_beside(run);
    if (!run->gone)
        measure_recovery(run);
    judge(run);
    (void)kill(run->attacker, SIGKILL);
    (void)waitpid(run->attacker, NULL, 0);
}

/* ---- what came of it ----------------------------------------------------------------------- */

static void print_header(void)
{
    puts("                              connec-   control, ms       beside it, ms          CPU  "
         "       memory, kB          descrip- back\n"
         "server  attack        peers    tions     p50     p99     p50     p99    most       %   "
         "before     most    after   tors     s");
}

static const char *outcome(const Run *run)
{
    if (*run->reasons)
        return run->reasons;
    return *run->excuse ? run->excuse : "ok";
}

static int status(const Run *run)
{
    if (*run->reasons)
        return EXIT_FAILURE;
    return *run->excuse ? TOO_BUSY_TO_TELL : EXIT_SUCCESS;
}

static void print_row(const Run *run)
{
    printf(
        "%-7s %-12s %6d %8ld %7.1f %7.1f %7.1f %7.1f %7.1f %6.0f %8ld %8ld %8ld %6ld %5.1f  %s\n",
        run->server, run->name, run->peers, atomic_load(&run->tally->opened), run->quiet.middle,
        run->quiet.p99, run->beside.middle, run->beside.p99, run->beside.most, run->busy,
        run->before.memory, run->most.memory, run->after.memory, run->most.descriptors,
        run->recovered, outcome(run));
}

static void write_ledger(const Run *run)
{
    ledger_write(
        run->ledger,
        "{\"tool\":\"hostile\",\"when\":%lld,\"server\":\"%s\",\"attack\":\"%s\",\"peers\":%d,"
        "\"connections\":%ld,\"seconds\":%.1f,\"answers\":%ld,"
        "\"control_p50_ms\":%.2f,\"control_p99_ms\":%.2f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
        "\"most_ms\":%.2f,\"cpu_percent\":%.1f,\"memory_kb\":%ld,\"memory_most_kb\":%ld,"
        "\"memory_after_kb\":%ld,\"descriptors_most\":%ld,\"recovery_s\":%.2f,\"failed\":%d,"
        "\"unjudged\":%d,\"sanitizer\":\"%s\"}\n",
        (long long)time(NULL), run->server, run->name, run->peers, atomic_load(&run->tally->opened),
        run->seconds, run->beside.answers, run->quiet.middle, run->quiet.p99, run->beside.middle,
        run->beside.p99, run->beside.most, run->busy, run->before.memory, run->most.memory,
        run->after.memory, run->most.descriptors, run->recovered, *run->reasons ? 1 : 0,
        *run->excuse ? 1 : 0, ledger_sanitizer());
}

/* ---- the command line ---------------------------------------------------------------------- */

static _Noreturn void usage(void)
{
    fputs("usage: hostile [OPTION...] PORT PID ATTACK\n       hostile --list\n", stderr);
    exit(WRONG_USAGE);
}

static void read_option(Run *run, int option)
{
    switch (option) {
    case 's': run->server = optarg; break;
    case 'n': run->name = optarg; break;
    case 'p': run->peers = atoi(optarg); break;
    case 'c': run->control = atof(optarg); break;
    case 't': run->seconds = atof(optarg); break;
    case '9': run->p99 = atof(optarg); break;
    case 'u': run->processor = atof(optarg); break;
    case 'f': run->freeze = atof(optarg); break;
    case 'h': run->starved = true; break;
    case 'j': run->ledger = optarg; break;
    case 'l': attack_list(); exit(EXIT_SUCCESS);
    case 'e': print_header(); exit(EXIT_SUCCESS);
    default: usage();
    }
}

static void read_arguments(Run *run, int argc, char **argv)
{
    static const struct option options[] = {
        {"server", required_argument, NULL, 's'},
        {"name", required_argument, NULL, 'n'},
        {"peers", required_argument, NULL, 'p'},
        {"control", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 't'},
        {"p99", required_argument, NULL, '9'},
        {"processor", required_argument, NULL, 'u'},
        {"freeze", required_argument, NULL, 'f'},
        {"starved", no_argument, NULL, 'h'},
        {"ledger", required_argument, NULL, 'j'},
        {"list", no_argument, NULL, 'l'},
        {"header", no_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        read_option(run, option);
    if (argc - optind != 3 || run->peers < 1 || run->peers > PEERS_MOST || !(run->seconds > 0) ||
        !(run->control > 0))
        usage();
    run->port = atoi(argv[optind]);
    run->pid = atoi(argv[optind + 1]);
    run->attack = attack_find(argv[optind + 2]);
    if (!run->attack || run->pid <= 1 || run->port <= 0)
        usage();
    run->name = run->name ? run->name : argv[optind + 2];
}

/* As many descriptors as are allowed, within reason. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    Run run = {
        .server = "echo", .peers = 100, .control = 1, .seconds = 1, .p99 = 100, .processor = 1e3};
    read_arguments(&run, argc, argv);
    allow_descriptors();
    run.tally =
        mmap(NULL, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run.tally == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    attack(&run);
    print_row(&run);
    write_ledger(&run);
    clients_free(run.clients);
    return status(&run);
}
