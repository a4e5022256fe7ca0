/* Sequences of calls from seeds for as long as you like.
 *
 *     calls [--seeds COUNT | SECONDS] [--first SEED] [--jobs N] [--trace]
 *           [--save FOLDER] [--ledger FILE]
 *
 * Ends with what the sequences did, so that it shows when they do nothing. The ledger gets a line like
 * those that tools/fuzz.sh writes for its targets; "sanitizer" tells it from them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../support/ledger.h"
#include "../support/read_number.h"
#include "calls_seeds.h"

typedef struct Options {
    CallsPlan plan;
    const char *ledger;
} Options;

static int usage(void)
{
    fputs("usage: calls [--seeds COUNT | SECONDS] [--first SEED] [--jobs N] [--trace]\n"
          "             [--save FOLDER] [--ledger FILE]\n",
          stderr);
    return 2;
}

static bool read_option(Options *options, const char *name, const char *value)
{
    uint64_t number;
    if (strcmp(name, "--ledger") == 0)
        options->ledger = value;
    else if (strcmp(name, "--save") == 0)
        options->plan.save = value;
    else if (strcmp(name, "--first") == 0)
        return read_number(value, 0, UINT64_MAX, &options->plan.first);
    else if (strcmp(name, "--seeds") == 0)
        return read_number(value, 0, UINT64_MAX, &options->plan.count) && options->plan.count > 0;
    else if (strcmp(name, "--jobs") == 0 && read_number(value, 0, CALLS_MOST_JOBS, &number))
        return (options->plan.jobs = (unsigned)number) > 0;
    else
        return false;
    return true;
}

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > CALLS_MOST_JOBS ? CALLS_MOST_JOBS : (unsigned)count;
}

static bool read_options(int argc, char **argv, Options *ret_options)
{
    Options options = {
        .plan = {.seconds = 60, .first = (uint64_t)time(NULL) << 20, .jobs = processors()}};
    for (int i = 1; i < argc; i++) {
        uint64_t seconds;
        if (strcmp(argv[i], "--trace") == 0) {
            options.plan.trace = true;
        } else if (argv[i][0] == '-') {
            if (!argv[i + 1] || !read_option(&options, argv[i], argv[i + 1]))
                return false;
            i++;
        } else if (read_number(argv[i], 0, UINT32_MAX, &seconds) && seconds > 0)
            options.plan.seconds = (double)seconds;
        else
            return false;
    }
    *ret_options = options;
    return true;
}

/* Of all children that have ended: a shell that became this program has had others. */
static double children_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The rate counts the processor's time, for the machine may have more to do. */
static void print_counts(const CallsCounts *counts, double seconds, double busy)
{
    double each = counts->sequences > 0 ? (double)counts->sequences : 1;
    printf("calls: %" PRIu64 " sequences in %.1f s, %.0f a second of processor time\n",
           counts->sequences, seconds, busy > 0 ? (double)counts->sequences / busy : 0);
    printf("calls: on average %.0f acts, %.0f callbacks, %.1f connections (%.1f ended in order), "
           "%.0f bytes, %.1f pauses, %.1f faults\n",
           (double)counts->acts / each, (double)counts->callbacks / each,
           (double)counts->connections / each, (double)counts->in_order / each,
           (double)counts->bytes / each, (double)counts->pauses / each,
           (double)counts->faults / each);
}

static void write_ledger(const Options *options, const CallsCounts *counts, double seconds,
                         bool passed)
{
    ledger_write(options->ledger,
                 "{\"tool\":\"fuzz\",\"target\":\"calls\",\"from\":\"seeds\",\"sanitizer\":\"%s\","
                 "\"when\":%lld,\"executions\":%" PRIu64 ",\"seconds\":%.0f,\"features\":0,"
                 "\"crashes\":%d,\"seed\":%" PRIu64 "}\n",
                 ledger_sanitizer(), (long long)time(NULL), counts->sequences, seconds, !passed,
                 options->plan.first);
}

int main(int argc, char **argv)
{
    Options options;
    CallsCounts counts;
    if (!read_options(argc, argv, &options))
        return usage();
    Ledger ledger = ledger_begin("fuzz", options.plan.first);
    double busy_before = children_seconds();
    printf("calls: from seed %" PRIu64 "\n", options.plan.first);
    bool passed = calls_playSeeds(&options.plan, &counts);
    double seconds = ledger_seconds(&ledger);
    print_counts(&counts, seconds, children_seconds() - busy_before);
    write_ledger(&options, &counts, seconds, passed);
    puts(passed ? "calls: nothing found" : "calls: FAILED");
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
