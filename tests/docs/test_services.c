/* The code of docs/services.md, run in a simulation. Every block of C on that page stands in this
 * file (howto_test.sh sees to that). */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <torc/torc.h>

static int sent, reports;

/* ---- a service of one's own ---------------------------------------------------------------- */

/* Letters that wait to be sent, one a second. */
typedef struct Outbox {
    TorcService base;
    TorcReactor *reactor;
    TorcLoopingCall *sending;
    TorcDeferred *empty; /* who stopped it waits for the last letter; else NULL */
    int letters;
} Outbox;

static void send_one(TorcResult *result, void *arg)
{
    (void)result;
    Outbox *outbox = arg;
    if (outbox->letters > 0) {
        outbox->letters--;
        sent++;
    }
    if (outbox->letters > 0 || !outbox->empty)
        return;
    TorcDeferred *empty = outbox->empty;
    outbox->empty = NULL;
    TorcLoopingCall_stop(outbox->sending);
    TorcDeferred_callback(empty, NULL, NULL); /* last: the outbox may be gone with it */
}

static int outbox_startService(TorcService *self)
{
    Outbox *outbox = (Outbox *)self;
    return TorcLoopingCall_start(outbox->sending, 1.0, true, NULL);
}

static void stop_waiting(TorcDeferred *empty, void *arg)
{
    (void)empty;
    Outbox *outbox = arg;
    outbox->empty = NULL;
    TorcLoopingCall_stop(outbox->sending);
}

static void outbox_stopService(TorcService *self, TorcDeferred **ret_done)
{
    Outbox *outbox = (Outbox *)self;
    if (outbox->letters > 0)
        outbox->empty = TorcDeferred_new(stop_waiting, outbox);
    if (!outbox->empty) {
        TorcLoopingCall_stop(outbox->sending);
        return;
    }
    TorcDeferred_addTimeout(outbox->empty, outbox->reactor, 30.0);
    *ret_done = outbox->empty;
}

static void outbox_destroy(TorcService *self)
{
    Outbox *outbox = (Outbox *)self;
    TorcLoopingCall_free(outbox->sending);
    free(outbox);
}

static const TorcServiceClass outbox_class = {
    TORC_SERVICE_CLASS("outbox"),
    .startService = outbox_startService,
    .stopService = outbox_stopService,
    .destroy = outbox_destroy,
};

static TorcService *Outbox_new(TorcReactor *reactor, int letters)
{
    Outbox *outbox = calloc(1, sizeof(*outbox));
    if (!outbox)
        return NULL;
    TorcService_init(&outbox->base, &outbox_class);
    outbox->reactor = reactor;
    outbox->letters = letters;
    outbox->sending = TorcLoopingCall_new(reactor, send_one, outbox);
    return outbox->sending ? &outbox->base : TorcService_unref(&outbox->base);
}

/* ---- a program of several ------------------------------------------------------------------ */

static void report(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    reports++;
}

/* The application keeps the service. */
static int add(TorcMultiService *application, TorcService *service)
{
    int r = service ? TorcMultiService_addService(application, service) : -ENOMEM;
    TorcService_unref(service);
    return r;
}

static TorcService *new_application(TorcReactor *reactor, int letters)
{
    TorcMultiService *application = TorcMultiService_new();
    int r = add(application, Outbox_new(reactor, letters));
    if (r == 0)
        r = add(application, TorcTimerService_new(reactor, 60.0, report, NULL));
    if (r == 0)
        return TorcMultiService_service(application);
    TorcMultiService_unref(application);
    errno = -r;
    return NULL;
}

static int run(TorcReactor *reactor, TorcService *application)
{
    int r = TorcService_runWith(application, reactor);
    if (r == 0)
        r = TorcReactor_run(reactor);
    return r < 0 ? r : application->error; /* what kept it from starting */
}

/* ---- and that it works --------------------------------------------------------------------- */

static TorcSim *sim;

static void raise_signal(void *arg)
{
    (void)arg;
    TorcSim_raise(sim, SIGTERM);
}

static void stop_after(double seconds)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    ck_assert_int_eq(TorcReactor_callLater(reactor, seconds, raise_signal, NULL, NULL), 0);
}

static void run_with(int letters, int expected)
{
    TorcService *application = new_application(TorcSim_reactor(sim), letters);
    ck_assert_ptr_nonnull(application);
    ck_assert_int_eq(run(TorcSim_reactor(sim), application), expected);
    TorcService_unref(application);
}

static void begin(void)
{
    sim = TorcSim_new(1);
    sent = reports = 0;
}

static void end(void)
{
    TorcSim_free(sim);
}

START_TEST(the_last_letters_leave_before_the_program_ends) /* SVC-3 */
{
    stop_after(1.5);
    run_with(5, 0);
    ck_assert_int_eq(sent, 5);
    ck_assert_int_eq(reports, 1);
    ck_assert_double_eq(TorcSim_seconds(sim), 4);
}
END_TEST

START_TEST(too_many_letters_are_not_waited_for)
{
    stop_after(0.5);
    run_with(100, 0);
    ck_assert_int_eq(sent, 31);
    ck_assert_double_eq(TorcSim_seconds(sim), 30.5);
}
END_TEST

START_TEST(a_second_signal_does_not_wait)
{
    stop_after(0.5);
    stop_after(1.5);
    run_with(5, 0);
    ck_assert_int_eq(sent, 2);
    ck_assert_double_eq(TorcSim_seconds(sim), 1.5);
}
END_TEST

static int out_of_luck(TorcService *self)
{
    (void)self;
    return -EADDRINUSE;
}

START_TEST(main_learns_why_it_could_not_start)
{
    static const TorcServiceClass unlucky = {TORC_SERVICE_CLASS("unlucky"),
                                             .startService = out_of_luck};
    TorcService service;
    ck_assert_int_eq(TorcService_init(&service, &unlucky), 0);
    TorcMultiService *application = TorcMultiService_new();
    ck_assert_int_eq(TorcMultiService_addService(application, &service), 0);
    ck_assert_int_eq(run(TorcSim_reactor(sim), TorcMultiService_service(application)), -EADDRINUSE);
    TorcMultiService_unref(application);
    TorcService_unref(&service);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("services");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, the_last_letters_leave_before_the_program_ends);
    tcase_add_test(tcase, too_many_letters_are_not_waited_for);
    tcase_add_test(tcase, a_second_signal_does_not_wait);
    tcase_add_test(tcase, main_learns_why_it_could_not_start);
    Suite *suite = suite_create("services");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
