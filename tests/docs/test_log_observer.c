/* The code on docs/interfaces/log.md, compiled and run; and what may be called from an observer. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <torc/torc.h>

#include "interface_table.h"

/* ---- the page's code ----------------------------------------------------------------------- */

/* 2026-11-21T18:45:02Z warning port.accept-failed port=8881 code=-24 … */
static void log_to_stderr(const TorcLogEvent *event, void *arg)
{
    FILE *file = arg;
    char line[512];
    char when[sizeof("2026-11-21T18:45:02Z")];
    struct tm utc;
    time_t now = time(NULL);

    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    TorcLogEvent_format(event, line, sizeof(line));
    fprintf(file, "%s %s %s\n", when, TorcLogLevel_name(event->level), line);
}

static void log_login(TorcReactor *reactor, const char *user, size_t length)
{
    const TorcLogField fields[] = {TORC_LOG_BYTES("user", user, length)};
    torc_log(reactor, TORC_LOG_INFO, "shop.login", fields, 1);
}

/* What the observer wrote, without the time. */
static const char *logged(FILE *file)
{
    static char line[600];
    rewind(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
    ck_assert_uint_gt(strlen(line), 21);
    ck_assert_int_eq(line[10], 'T');
    return line + 21;
}

START_TEST(events_are_written_as_lines)
{
    FILE *file = tmpfile();
    torc_setLogObserver(log_to_stderr, file, TORC_LOG_INFO);
    log_login(NULL, "ann\r\nroot", 9);
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    ck_assert_str_eq(logged(file), "info shop.login user=\"ann\\x0d\\x0aroot\"\n");
    fclose(file);
}
END_TEST

START_TEST(the_one_line_that_sets_it)
{
    torc_setLogObserver(log_to_stderr, stderr, TORC_LOG_WARNING);
    log_login(NULL, "ann", 3); /* below the level */
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
}
END_TEST

/* ---- from where ---------------------------------------------------------------------------- */

static unsigned others; /* events that the second observer has seen */
static unsigned inner;

static void observe(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    if (strcmp(event->name, "test.inner") == 0)
        inner++;
    else
        interface_here();
}

static void observe_too(const TorcLogEvent *event, void *arg)
{
    (void)event;
    (void)arg;
    others++;
}

static void begin_play(void)
{
    others = inner = 0;
    torc_setLogObserver(observe, NULL, TORC_LOG_DEBUG);
}

static void end_play(void)
{
    unsigned before = others;
    torc_log(NULL, TORC_LOG_INFO, "test.inner", NULL, 0);
    interface_came(others > before ? "changed" : "as it was");
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
}

static void in_an_observer(void)
{
    begin_play();
    torc_log(NULL, TORC_LOG_INFO, "test.outer", NULL, 0);
    end_play();
}

static void on_this_thread(void)
{
    begin_play();
    interface_here();
    end_play();
}

static void *other_thread(void *arg)
{
    (void)arg;
    interface_here();
    return NULL;
}

static void on_another_thread(void)
{
    pthread_t thread;
    begin_play();
    ck_assert_int_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    end_play();
}

static const char *call_setLogObserver(void)
{
    torc_setLogObserver(observe_too, NULL, TORC_LOG_DEBUG);
    return NULL;
}

static const char *yes(void)
{
    return "yes";
}

static const char *call_log(void)
{
    unsigned before = inner;
    torc_log(NULL, TORC_LOG_INFO, "test.inner", NULL, 0);
    return inner > before ? "is observed" : "is dropped";
}

static const char *call_escape(void)
{
    char text[10];
    return torc_escape("x", 1, text, sizeof(text)) == 1 ? "yes" : "–";
}

static const InterfaceRow log_rows[] = {
    {"torc_setLogObserver", call_setLogObserver, yes},
    {"torc_log", call_log, NULL},
    {"torc_escape, …", call_escape, NULL},
};

static const InterfaceColumn log_columns[] = {
    {"anywhere, on any thread", {on_this_thread, on_another_thread}},
    {"inside the observer", {in_an_observer}},
};

START_TEST(what_an_observer_may_call_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("log.md", "log", log_rows, log_columns));
}
END_TEST

INTERFACE_SUITE("log page", events_are_written_as_lines, the_one_line_that_sets_it,
                what_an_observer_may_call_is_on_its_page)
