/* The code of docs/observation.md, and that it does what the page says. */
#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/run_tests.h"

/* ---- the page's code ----------------------------------------------------------------------- */

static void report_traffic(void *arg)
{
    TorcReactor *reactor = arg;
    TorcReactorCounters counters = {.size = sizeof(counters)};

    if (TorcReactor_getCounters(reactor, &counters) == 0)
        printf("%" PRIu64 " connections, %" PRIu64 " bytes in, %" PRIu64 " out, %" PRIu64
               " broken\n",
               counters.connectionsOpen, counters.bytesReceived, counters.bytesSent,
               counters.connectionsClosed[TORC_CONNECTION_LOST]);
}

static void print_line(const char *line, void *arg)
{
    fprintf(arg, "%s\n", line);
}

static void dump(void *arg)
{
    (void)TorcReactor_dump(arg, print_line, stderr);
}

static int dump_on_signal(TorcReactor *reactor)
{
    return TorcReactor_addSignalHandler(reactor, SIGUSR1, dump, reactor);
}

/* ---- that it works ------------------------------------------------------------------------- */

START_TEST(the_threshold_can_be_set)
{
    TorcReactor *reactor = TorcReactor_new(NULL);
    int r = TorcReactor_setSlowCallbackDuration(reactor, 0.02);
    ck_assert_int_eq(r, 0);
    TorcReactor_free(reactor);
}
END_TEST

/* What the page says of a function: program+0x1234, or an address. Up to the end of the line. */
static bool tells_function(const char *line)
{
    size_t length = strcspn(line, "\n");
    return memchr(line, '+', length) || (length > 2 && strncmp(line, "0x", 2) == 0);
}

static void stop(void *arg)
{
    (void)TorcReactor_stop(arg);
}

static void raise_and_stop(void *arg)
{
    ck_assert_int_eq(raise(SIGUSR1), 0);
    report_traffic(arg);
    ck_assert_int_eq(TorcReactor_callLater(arg, 0.001, stop, arg, NULL), 0);
}

START_TEST(the_signal_dumps)
{
    static const char handler_line[] = "signal handler: SIGUSR1, function ";
    static char text[2000]; /* stderr is flushed to the end */
    TorcReactor *reactor = TorcReactor_new(NULL);
    ck_assert_int_eq(dump_on_signal(reactor), 0);
    fflush(stderr);
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* each test is a process */
    setvbuf(stderr, text, _IOFBF, sizeof(text));
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, raise_and_stop, reactor, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_ptr_nonnull(strstr(text, "reactor: running, backend "));
    const char *handler = strstr(text, handler_line);
    ck_assert_ptr_nonnull(handler);
    ck_assert_msg(tells_function(handler + strlen(handler_line)), "%s", handler);
    ck_assert_ptr_nonnull(strstr(text, "signals: SIGINT and SIGTERM stop the reactor\n"));
    TorcReactor_free(reactor);
}
END_TEST

RUN_LOOP_TESTS("observation", {the_threshold_can_be_set, 1}, {the_signal_dumps, 1})
