/* Runs a script on both systems and reports a difference, with the smallest part of the script that
 * still makes one. */
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "differential.h"

/* A difference counts when it is there with each of these, in nanoseconds, between the steps. */
static const int64_t settle_times[] = {0, 1000000, 5000000};

typedef struct Logs {
    char *real;
    char *simulated;
} Logs;

static void free_logs(Logs *logs)
{
    free(logs->real);
    free(logs->simulated);
    *logs = (Logs){0};
}

static bool same(const Logs *logs)
{
    return strcmp(logs->real, logs->simulated) == 0;
}

/* True when they differ in spite of all patience; the logs are then the caller's. */
static bool differ(const char *script, bool edge, Logs *ret_logs)
{
    Logs logs = {.simulated = differential_run(script, true, edge, 0)};
    for (size_t i = 0; i < sizeof(settle_times) / sizeof(settle_times[0]); i++) {
        free(logs.real);
        logs.real = differential_run(script, false, edge, settle_times[i]);
        if (same(&logs)) {
            free_logs(&logs);
            return false;
        }
    }
    *ret_logs = logs;
    return true;
}

/* ---- the smallest part --------------------------------------------------------------------- */

/* The script without what is between two places in it. */
static char *without(const char *script, const char *begin, const char *end)
{
    char *shorter = malloc(strlen(script) + 1);
    ck_assert_ptr_nonnull(shorter);
    memcpy(shorter, script, (size_t)(begin - script));
    strcpy(shorter + (begin - script), end);
    return shorter;
}

static const char *line_end(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

static bool differ_at_once(const char *script, bool edge)
{
    Logs logs = {.real = differential_run(script, false, edge, 0),
                 .simulated = differential_run(script, true, edge, 0)};
    bool differs = !same(&logs);
    free_logs(&logs);
    return differs;
}

/* Leaves out each line, or each call, that is not needed for a difference, the last first; one
 * pass. */
static bool drop_needless(char **script, bool edge, const char *separators)
{
    bool dropped = false;
    for (size_t end = strlen(*script); end > 0;) {
        size_t at = end - 1;
        while (at > 0 && !strchr(separators, (*script)[at - 1]))
            at--;
        bool last = (*script)[end - 1] == '\n' && strchr(separators, ';');
        char *shorter = without(*script, *script + at, *script + end - last);
        if (at < end - last && differ_at_once(shorter, edge)) {
            free(*script);
            *script = shorter;
            dropped = true;
        } else {
            free(shorter);
        }
        end = at;
    }
    return dropped;
}

static char *smallest_part(const char *script, bool edge)
{
    char *part = strdup(script);
    ck_assert_ptr_nonnull(part);
    while (drop_needless(&part, edge, "\n") || drop_needless(&part, edge, ";\n"))
        ;
    return part;
}

/* ---- the report ---------------------------------------------------------------------------- */

/* Each line of a log, marked where the other has another one. */
static void print_log(const char *title, const char *log, const char *other)
{
    fprintf(stderr, "%s\n", title);
    while (*log) {
        const char *end = line_end(log);
        const char *other_end = line_end(other);
        size_t length = (size_t)(end - log);
        bool equal = length == (size_t)(other_end - other) && memcmp(log, other, length) == 0;
        fprintf(stderr, "%c %.*s", equal ? ' ' : '!', (int)length, log);
        log = end;
        other = other_end;
    }
}

static void report(const char *script, bool edge, const Logs *logs)
{
    fprintf(stderr, "\n--- the systems differ, by %s\n%s\n", edge ? "edge" : "level", script);
    print_log("--- real", logs->real, logs->simulated);
    print_log("--- simulated", logs->simulated, logs->real);
}

bool differential_agree(const char *script, bool edge)
{
    Logs logs;
    if (!differ(script, edge, &logs))
        return true;
    char *part = smallest_part(script, edge);
    Logs part_logs;
    if (differ(part, edge, &part_logs)) {
        free_logs(&logs);
        logs = part_logs;
    }
    fprintf(stderr, "\n--- the whole script\n%s\n", script);
    report(part, edge, &logs);
    free_logs(&logs);
    free(part);
    return false;
}

bool differential_has_ipv6(void)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}
