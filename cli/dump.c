/* SIGUSR1: what a running command holds, on standard error, for whoever operates it. The loop makes
 * the call, so it may look at everything; each line is one write, like all that the command says. */
#include <signal.h>
#include <stdio.h>

#include "cli.h"

static void print_line(const char *line, void *arg)
{
    (void)arg;
    (void)fprintf(stderr, "torc: %s\n", line);
}

static void dump(void *arg)
{
    (void)TorcReactor_dump(arg, print_line, NULL); /* without memory it is only less orderly */
}

int cli_dumpOnSignal(TorcReactor *reactor)
{
    return TorcReactor_addSignalHandler(reactor, SIGUSR1, dump, reactor);
}
