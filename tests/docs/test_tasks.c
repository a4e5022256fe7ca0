/* The code of docs/tasks.md: a weather station. Every block of C on that page stands in this file
 * (howto_test.sh sees to that). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

static char said[200];

/* ---- again and again ----------------------------------------------------------------------- */

typedef struct Station {
    TorcReactor *reactor;
    TorcLoopingCall *loop;
    unsigned reports, missed, attempts;
    double seconds; /* that a report takes */
    unsigned refused;
} Station;

static TorcDeferred *send_report(Station *station)
{
    return TorcReactor_deferLater(station->reactor, station->seconds, NULL, NULL);
}

static void report(TorcResult *result, void *arg)
{
    Station *station = arg;
    station->missed += (unsigned)TorcLoopingCall_count(station->loop) - 1;
    station->reports++;
    TorcResult_wait(result, send_report(station)); /* the next tick waits for it */
}

static void station_failed(TorcResult *result, void *arg)
{
    (void)arg;
    snprintf(said, sizeof(said), "no more reports: %s", TorcReason_text(result->reason));
    TorcResult_clear(result);
}

static int station_start(Station *station)
{
    TorcDeferred *over;
    station->loop = TorcLoopingCall_new(station->reactor, report, station);
    if (!station->loop)
        return -errno;
    int r = TorcLoopingCall_start(station->loop, 5.0, true, &over);
    if (r < 0)
        return r; /* station_done frees it */
    TorcDeferred_addErrback(over, station_failed, station);
    TorcDeferred_detach(over);
    return 0;
}

static void station_done(Station *station)
{
    TorcLoopingCall_free(station->loop); /* stops it; a report under way is cancelled */
}

/* ---- once, later --------------------------------------------------------------------------- */

static void attempt(TorcResult *result, void *arg)
{
    Station *station = arg;
    if (result->reason)
        return; /* cancelled before its time */
    if (station->attempts++ < station->refused)
        TorcResult_fail(result, TORC_OPERATION_FAILED, -EAGAIN, "the station is busy");
}

static void once_more(TorcResult *result, void *arg)
{
    Station *station = arg;
    if (TorcReason_kind(result->reason) != TORC_OPERATION_CANCELLED)
        TorcResult_wait(result, TorcReactor_deferLater(station->reactor, 2.0, attempt, station));
}

static TorcDeferred *try_twice(Station *station)
{
    TorcDeferred *done = TorcReactor_deferLater(station->reactor, 0, attempt, station);
    TorcDeferred_addErrback(done, once_more, station);
    return done;
}

/* ---- long work in slices ------------------------------------------------------------------- */

typedef struct Average {
    const double *degrees;
    size_t count, at;
    double sum;
} Average;

/* A step: small enough that nobody notices, large enough that calling it costs nothing. */
static bool add_some(TorcResult *result, void *arg)
{
    Average *average = arg;
    (void)result;
    for (int i = 0; i < 1000 && average->at < average->count; i++)
        average->sum += average->degrees[average->at++];
    return average->at < average->count;
}

static void show_average(TorcResult *result, void *arg)
{
    Average *average = arg;
    if (result->reason)
        snprintf(said, sizeof(said), "no average: %s", TorcReason_text(result->reason));
    else
        snprintf(said, sizeof(said), "average: %.1f", average->sum / (double)average->count);
    TorcResult_clear(result);
}

static int begin_average(TorcCooperator *cooperator, Average *average)
{
    TorcDeferred *done;
    int r = TorcCooperator_cooperate(cooperator, add_some, average, NULL, &done);
    if (r < 0)
        return r;
    TorcDeferred_addBoth(done, show_average, average);
    TorcDeferred_detach(done);
    return 0;
}

/* ---- on a thread --------------------------------------------------------------------------- */

static long slow_count(const char *archive)
{
    return archive[0] == '/' ? 365 : -1;
}

static void count_days(TorcResult *result, void *archive) /* on a thread of the pool */
{
    long found = slow_count(archive);
    long *days = found < 0 ? NULL : malloc(sizeof(*days));
    if (found < 0) {
        TorcResult_fail(result, TORC_OPERATION_FAILED, -ENOENT, "there is no archive");
    } else if (!days) {
        TorcResult_fail(result, TORC_OPERATION_FAILED, -ENOMEM, NULL);
    } else {
        *days = found;
        TorcResult_set(result, days, free);
    }
}

static void show_days(TorcResult *result, void *arg) /* on the reactor's thread */
{
    (void)arg;
    if (result->reason)
        snprintf(said, sizeof(said), "unknown: %s", TorcReason_text(result->reason));
    else
        snprintf(said, sizeof(said), "%ld days", *(const long *)result->value);
    TorcResult_clear(result);
}

static int ask_archive(TorcReactor *reactor, char *archive)
{
    TorcDeferred *days;
    int r = TorcReactor_deferToThread(reactor, count_days, archive, &days);
    if (r < 0)
        return r;
    TorcDeferred_addBoth(days, show_days, NULL);
    TorcDeferred_detach(days);
    return 0;
}

/* ---- a program that does one thing --------------------------------------------------------- */

static void report_once(TorcReactor *reactor, TorcResult *result, void *arg)
{
    Station *station = arg;
    station->reactor = reactor;
    TorcDeferred *sent = send_report(station);
    TorcDeferred_addTimeout(sent, reactor, 1.0);
    TorcResult_wait(result, sent);
}

static int report_main(Station *station)
{
    TorcReason *reason = NULL;
    int r = torc_react(report_once, station, NULL, &reason);
    if (r < 0)
        fprintf(stderr, "report: %s\n", reason ? TorcReason_text(reason) : torc_strerror(r));
    TorcReason_unref(reason);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- do they do what the page says? -------------------------------------------------------- */

static TorcSim *sim;
static TorcReactor *reactor;

static void set_up(void)
{
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    said[0] = '\0';
}

static void tear_down(void)
{
    TorcSim_free(sim);
}

START_TEST(a_station_reports_every_five_seconds)
{
    Station station = {.reactor = reactor, .seconds = 1};
    ck_assert_int_eq(station_start(&station), 0);
    ck_assert_uint_eq(station.reports, 0);
    TorcSim_advance(sim, 0.1);
    ck_assert_uint_eq(station.reports, 1);
    TorcSim_advance(sim, 60);
    ck_assert_uint_eq(station.reports, 13);
    ck_assert_uint_eq(station.missed, 0);
    station_done(&station);
    TorcSim_advance(sim, 60);
    ck_assert_uint_eq(station.reports, 13);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_slow_report_makes_ticks_be_missed)
{
    Station station = {.reactor = reactor, .seconds = 12};
    ck_assert_int_eq(station_start(&station), 0);
    TorcSim_advance(sim, 31);
    ck_assert_uint_eq(station.reports, 3); /* at 0, 15 and 30 s */
    ck_assert_uint_eq(station.missed, 4);
    station_done(&station);
}
END_TEST

START_TEST(a_failure_ends_the_loop)
{
    Station station = {.reactor = reactor, .seconds = -1}; /* not possible */
    ck_assert_int_eq(station_start(&station), 0);
    TorcSim_advance(sim, 60);
    ck_assert_uint_eq(station.reports, 1);
    ck_assert(strncmp(said, "no more reports: ", 17) == 0);
    ck_assert(!TorcLoopingCall_running(station.loop));
    station_done(&station);
}
END_TEST

static void show_end(TorcResult *result, void *arg)
{
    (void)arg;
    snprintf(said, sizeof(said), "%s", result->reason ? TorcReason_text(result->reason) : "done");
    TorcResult_clear(result);
}

static void begin_attempts(Station *station)
{
    TorcDeferred *done = try_twice(station);
    TorcDeferred_addBoth(done, show_end, NULL);
    TorcDeferred_detach(done);
}

START_TEST(a_second_attempt_comes_two_seconds_later)
{
    Station station = {.reactor = reactor, .refused = 1};
    begin_attempts(&station);
    TorcSim_advance(sim, 1.9);
    ck_assert_uint_eq(station.attempts, 1);
    ck_assert_str_eq(said, "");
    TorcSim_advance(sim, 0.2);
    ck_assert_uint_eq(station.attempts, 2);
    ck_assert_str_eq(said, "done");
}
END_TEST

START_TEST(the_second_attempt_is_the_last)
{
    Station station = {.reactor = reactor, .refused = 2};
    begin_attempts(&station);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(station.attempts, 2);
    ck_assert_str_eq(said, "the station is busy");
}
END_TEST

START_TEST(a_cancelled_attempt_is_not_repeated)
{
    Station station = {.reactor = reactor, .refused = (unsigned)_i};
    TorcDeferred *done = try_twice(&station);
    TorcDeferred_addBoth(done, show_end, NULL);
    if (_i > 0) /* before the first, before the second */
        TorcSim_advance(sim, 1);
    TorcDeferred_release(done);
    ck_assert_str_eq(said, "the operation was cancelled");
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(station.attempts, (unsigned)_i);
}
END_TEST

START_TEST(an_average_is_made_in_slices)
{
    enum { COUNT = 250 * 1000 };
    double *degrees = calloc(COUNT, sizeof(*degrees));
    Average average = {.degrees = degrees, .count = COUNT};
    TorcCooperator *cooperator = TorcCooperator_new(reactor);
    for (size_t i = 0; i < COUNT; i++)
        degrees[i] = i % 2 == 0 ? 20 : 22;
    ck_assert_int_eq(begin_average(cooperator, &average), 0);
    ck_assert_uint_eq(average.at, 0);
    TorcReactor_iterate(reactor, 0);
    ck_assert_uint_gt(average.at, 0);
    ck_assert_uint_lt(average.at, COUNT); /* the loop has had its turn */
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(said, "average: 21.0");
    TorcCooperator_free(cooperator);
    free(degrees);
}
END_TEST

START_TEST(freeing_the_cooperator_ends_its_tasks)
{
    double degrees = 20;
    Average average = {.degrees = &degrees, .count = 1};
    TorcCooperator *cooperator = TorcCooperator_new(reactor);
    ck_assert_int_eq(begin_average(cooperator, &average), 0);
    TorcCooperator_free(cooperator);
    ck_assert_str_eq(said, "no average: the operation was cancelled");
}
END_TEST

START_TEST(the_archive_is_counted_on_a_thread)
{
    char archive[] = "/archive", none[] = "none";
    ck_assert_int_eq(ask_archive(reactor, archive), 0);
    ck_assert_str_eq(said, "");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(said, "365 days");
    ck_assert_int_eq(ask_archive(reactor, none), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(said, "unknown: there is no archive");
}
END_TEST

START_TEST(a_program_ends_with_its_report)
{
    Station station = {.seconds = 0.001};
    ck_assert_int_eq(report_main(&station), EXIT_SUCCESS);
    station.seconds = -1;
    ck_assert_int_eq(report_main(&station), EXIT_FAILURE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docs_tasks");
    TCase *tc = tcase_create("docs_tasks");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_station_reports_every_five_seconds);
    tcase_add_test(tc, a_slow_report_makes_ticks_be_missed);
    tcase_add_test(tc, a_failure_ends_the_loop);
    tcase_add_test(tc, a_second_attempt_comes_two_seconds_later);
    tcase_add_test(tc, the_second_attempt_is_the_last);
    tcase_add_loop_test(tc, a_cancelled_attempt_is_not_repeated, 0, 2);
    tcase_add_test(tc, an_average_is_made_in_slices);
    tcase_add_test(tc, freeing_the_cooperator_ends_its_tasks);
    tcase_add_test(tc, the_archive_is_counted_on_a_thread);
    tcase_add_test(tc, a_program_ends_with_its_report);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
