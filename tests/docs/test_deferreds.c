/* The code of docs/deferreds.md: thermometers that take their time. Every block of C on that page
 * stands in this file (howto_test.sh sees to that). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

/* ---- making one ---------------------------------------------------------------------------- */

typedef struct Measurement {
    TorcDeferred *done;
    TorcDelayedCall answer;
    double degrees;
} Measurement;

static int stopped;

static void thermometer_answers(void *arg)
{
    Measurement *measurement = arg;
    double *degrees = malloc(sizeof(*degrees));

    if (degrees) {
        *degrees = measurement->degrees;
        TorcDeferred_callback(measurement->done, degrees, free);
    } else {
        TorcDeferred_errbackNew(measurement->done, TORC_OPERATION_FAILED, -ENOMEM, NULL);
    }
    free(measurement);
}

static void stop_measuring(TorcDeferred *done, void *arg)
{
    Measurement *measurement = arg;

    (void)done; /* fails with TORC_OPERATION_CANCELLED when this returns */
    stopped++;
    TorcDelayedCall_cancel(measurement->answer);
    free(measurement);
}

static TorcDeferred *measure(TorcReactor *reactor, double seconds, double degrees)
{
    Measurement *measurement = calloc(1, sizeof(*measurement));
    if (!measurement)
        return NULL;
    measurement->degrees = degrees;
    TorcDeferred *done = measurement->done = TorcDeferred_new(stop_measuring, measurement);
    if (!done) {
        free(measurement);
        return NULL;
    }
    int r = TorcReactor_callLater(reactor, seconds, thermometer_answers, measurement,
                                  &measurement->answer);
    if (r < 0) {
        TorcDeferred_errbackNew(done, TORC_OPERATION_FAILED, r, "the thermometer cannot be asked");
        free(measurement);
    }
    return done;
}

/* ---- steps --------------------------------------------------------------------------------- */

static char shown[200];

static void show(TorcResult *result, void *arg)
{
    const char *room = arg;

    if (result->reason)
        snprintf(shown, sizeof(shown), "%s: %s", room, TorcReason_text(result->reason));
    else
        snprintf(shown, sizeof(shown), "%s: %.1f", room, *(double *)result->value);
    TorcResult_clear(result);
}

static void to_fahrenheit(TorcResult *result, void *arg)
{
    double *degrees = result->value;

    (void)arg;
    *degrees = *degrees * 9 / 5 + 32;
}

static void check_range(TorcResult *result, void *arg)
{
    double degrees = *(double *)result->value;

    (void)arg;
    if (degrees < -60 || degrees > 60)
        TorcResult_fail(result, TORC_OPERATION_FAILED, -ERANGE,
                        "%.1f degrees: the thermometer is broken", degrees);
}

static double last_known = 18.5;

static void use_last_known(TorcResult *result, void *arg)
{
    (void)arg;
    if (TorcReason_kind(result->reason) != TORC_OPERATION_CANCELLED)
        TorcResult_set(result, &last_known, NULL);
}

static char kitchen[] = "kitchen";
static char attic[] = "attic";

static void show_kitchen(TorcReactor *reactor)
{
    TorcDeferred *reading = measure(reactor, 2.0, 21.0);

    TorcDeferred_addCallback(reading, check_range, NULL);
    TorcDeferred_addErrback(reading, use_last_known, NULL);
    TorcDeferred_addCallback(reading, to_fahrenheit, NULL);
    TorcDeferred_addBoth(reading, show, kitchen);
    TorcDeferred_detach(reading);
}

/* ---- waiting for another ------------------------------------------------------------------- */

static void measure_again(TorcResult *result, void *reactor)
{
    TorcResult_wait(result, measure(reactor, 1.0, 20.0));
}

static void show_attic(TorcReactor *reactor)
{
    TorcDeferred *reading = measure(reactor, 2.0, 451.0);

    TorcDeferred_addCallback(reading, check_range, NULL);
    TorcDeferred_addErrback(reading, measure_again, reactor);
    TorcDeferred_addBoth(reading, show, attic);
    TorcDeferred_detach(reading);
}

/* ---- calling it off ------------------------------------------------------------------------ */

typedef struct Panel {
    TorcReactor *reactor;
    TorcDeferred *reading; /* NULL: none is under way */
} Panel;

static void panel_show(TorcResult *result, void *arg)
{
    Panel *panel = arg;

    panel->reading = TorcDeferred_release(panel->reading);
    show(result, kitchen);
}

static void panel_refresh(Panel *panel)
{
    if (panel->reading)
        return;
    panel->reading = measure(panel->reactor, 60.0, 21.0);
    TorcDeferred_addTimeout(panel->reading, panel->reactor, 10.0);
    TorcDeferred_addBoth(panel->reading, panel_show, panel);
}

static void panel_close(Panel *panel)
{
    TorcDeferred_release(panel->reading);
}

/* ---- several at once ----------------------------------------------------------------------- */

static void show_average(TorcResult *result, void *arg)
{
    const TorcResultList *readings = result->value;
    double sum = 0;

    (void)arg;
    if (result->reason) {
        show(result, kitchen);
        return;
    }
    for (size_t i = 0; i < readings->count; i++)
        sum += *(double *)readings->results[i].value;
    snprintf(shown, sizeof(shown), "average: %.1f", sum / (double)readings->count);
}

static void show_house(TorcReactor *reactor)
{
    TorcDeferred *readings[] = {
        measure(reactor, 1.0, 19.0),
        measure(reactor, 3.0, 20.0),
        measure(reactor, 2.0, 24.0),
    };
    TorcDeferred *all = torc_gatherResults(readings, 3);

    TorcDeferred_addBoth(all, show_average, NULL);
    TorcDeferred_detach(all);
}

static void show_fastest(TorcResult *result, void *arg)
{
    const TorcIndexedResult *first = result->value;

    (void)arg;
    if (result->reason)
        show(result, attic);
    else
        snprintf(shown, sizeof(shown), "thermometer %zu: %.1f", first->index,
                 *(double *)first->result.value);
}

static void ask_the_fastest(TorcReactor *reactor)
{
    TorcDeferred *readings[] = {measure(reactor, 5.0, 19.0), measure(reactor, 1.0, 20.0)};
    TorcDeferred *first = torc_race(readings, 2);

    TorcDeferred_addTimeout(first, reactor, 30.0);
    TorcDeferred_addBoth(first, show_fastest, NULL);
    TorcDeferred_detach(first);
}

static void measure_in_turn(TorcResult *result, void *reactor)
{
    if (!result->reason)
        TorcResult_wait(result, measure(reactor, 1.0, 20.0));
}

static void ask_one_at_a_time(TorcReactor *reactor, TorcDeferredSemaphore *bus)
{
    for (int i = 0; i < 10; i++) {
        TorcDeferred *reading = TorcDeferredSemaphore_run(bus, measure_in_turn, reactor);
        TorcDeferred_addBoth(reading, show, attic);
        TorcDeferred_detach(reading);
    }
}

/* ---- do they do what the page says? -------------------------------------------------------- */

static TorcSim *sim;
static TorcReactor *reactor;

static void set_up(void)
{
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    shown[0] = '\0';
    stopped = 0;
}

static void tear_down(void)
{
    TorcSim_free(sim);
}

START_TEST(a_reading_goes_through_its_steps)
{
    show_kitchen(reactor);
    TorcSim_advance(sim, 1.9);
    ck_assert_str_eq(shown, "");
    TorcSim_advance(sim, 0.2);
    ck_assert_str_eq(shown, "kitchen: 69.8");
}
END_TEST

START_TEST(a_step_waits_for_another_measurement)
{
    show_attic(reactor);
    TorcSim_advance(sim, 2.5);
    ck_assert_str_eq(shown, "");
    TorcSim_advance(sim, 1.0);
    ck_assert_str_eq(shown, "attic: 20.0");
}
END_TEST

START_TEST(a_panel_gives_up_after_ten_seconds)
{
    Panel panel = {reactor, NULL};
    panel_refresh(&panel);
    panel_refresh(&panel);
    TorcSim_advance(sim, 11.0);
    ck_assert_str_eq(shown, "kitchen: the operation took longer than 10 s");
    ck_assert_int_eq(stopped, 1);
    ck_assert_ptr_null(panel.reading);
}
END_TEST

START_TEST(a_panel_that_is_closed_calls_its_reading_off)
{
    Panel panel = {reactor, NULL};
    panel_refresh(&panel);
    panel_close(&panel);
    ck_assert_str_eq(shown, "kitchen: the operation was cancelled");
    ck_assert_int_eq(stopped, 1);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
}
END_TEST

START_TEST(a_house_has_an_average)
{
    show_house(reactor);
    TorcSim_advance(sim, 2.5);
    ck_assert_str_eq(shown, "");
    TorcSim_advance(sim, 1.0);
    ck_assert_str_eq(shown, "average: 21.0");
}
END_TEST

START_TEST(the_fastest_thermometer_wins)
{
    ask_the_fastest(reactor);
    TorcSim_advance(sim, 1.5);
    ck_assert_str_eq(shown, "thermometer 1: 20.0");
    ck_assert_int_eq(stopped, 1);
}
END_TEST

START_TEST(on_one_bus_they_are_asked_in_turn)
{
    TorcDeferredSemaphore *bus = TorcDeferredSemaphore_new(1);
    ask_one_at_a_time(reactor, bus);
    for (size_t left = 9; left > 0; left--) {
        ck_assert_uint_eq(TorcDeferredSemaphore_waiting(bus), left);
        TorcSim_advance(sim, 1.0);
    }
    TorcSim_advance(sim, 1.0);
    ck_assert_uint_eq(TorcDeferredSemaphore_tokens(bus), 1);
    TorcDeferredSemaphore_free(bus);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docs/deferreds.md");
    TCase *tcase = tcase_create("thermometers");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_reading_goes_through_its_steps);
    tcase_add_test(tcase, a_step_waits_for_another_measurement);
    tcase_add_test(tcase, a_panel_gives_up_after_ten_seconds);
    tcase_add_test(tcase, a_panel_that_is_closed_calls_its_reading_off);
    tcase_add_test(tcase, a_house_has_an_average);
    tcase_add_test(tcase, the_fastest_thermometer_wins);
    tcase_add_test(tcase, on_one_bus_they_are_asked_in_turn);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
