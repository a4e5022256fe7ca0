/* One run of the torture: the case with a fault, a fresh echo on the same reactor, the case without
 * one, and then nothing may be left.
 *
 * A process of its own, with one thread besides those of the reactor's pool. Whatever is wrong ends
 * it; what there is to say goes to the report, which its parent sees too. */
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of a call that always fails, in one run: more is a loop that spins. */
enum { MOST_ATTEMPTS = 100 * 1000 };

/* A run takes some thousandths of a second; with a sanitizer on a busy machine it takes more. Another
 * limit may be in the environment. */
enum { TIME_LIMIT = 40 };

static Report *said;

/* ---- what may go wrong --------------------------------------------------------------------- */

void torture_fail(const char *file, int line, const char *format, ...)
{
    va_list values;
    int used = snprintf(said->message, MESSAGE_SIZE, "%s:%d: ", file, line);
    va_start(values, format);
    vsnprintf(said->message + used, MESSAGE_SIZE - (size_t)used, format, values);
    va_end(values);
    _exit(1);
}

static bool strict;  /* the fault that strikes is to change nothing */
static bool gave_up; /* something did not work */

bool faults_excuse(void)
{
    return faults_struck() && !strict;
}

bool torture_worked(bool worked, const char *file, int line, const char *what)
{
    gave_up |= !worked;
    if (!worked && !faults_excuse())
        torture_fail(file, line, "%s this does not hold: %s",
                     faults_struck() ? "that has to go on, and" : "without a fault", what);
    return worked;
}

/* Whether somebody was told the error that the fault answered with, and has to be. */
static int expected_code;
static bool must_tell;
static bool was_told;

bool faults_settled(void)
{
    return faults_excuse() && (was_told || !must_tell);
}

int told(int code)
{
    was_told |= code != 0 && code == expected_code;
    return code;
}

/* ---- service afterwards -------------------------------------------------------------------- */

/* The reactor that met the fault works as any other. */
static void serve_fresh_echo(void)
{
    static Party fresh_server;
    static Party fresh_client;
    fresh_server = fresh_client = (Party){0};
    CHECK(listen_as(&fresh_server, echo_back));
    CHECK(connect_to(&fresh_server, &fresh_client, say_hello));
    CHECK(until(fresh_client.received == HELLO));
    TorcTransport_loseConnection(fresh_client.transport);
    CHECK(until(fresh_client.lost == 1 && fresh_server.lost == 1));
    CHECK(TorcPort_stopListening(fresh_server.port, NULL) == 0);
    TorcPort_unref(fresh_server.port);
    TorcFactory_unref(&fresh_server.factory->base);
    TorcFactory_unref(&fresh_client.factory->base);
}

/* And so does a port that could not accept for a while, unless it had to give up and says so. */
static void accept_again(void)
{
    static Party late_client;
    TorcAddress address = {0};
    if (server.port)
        TorcPort_getHost(server.port, &address);
    if (!world.sim || !address.port || !TorcPort_listening(server.port))
        return;
    server.on_data = echo_back;
    CHECK(connect_to(&server, &late_client, say_hello));
    CHECK(until(late_client.made == 1));
    TorcTransport_abortConnection(late_client.transport);
    CHECK(until(late_client.lost == 1));
    TorcFactory_unref(&late_client.factory->base);
}

/* ---- the conversation ---------------------------------------------------------------------- */

static void go_on_without_faults(void)
{
    faults_arm(FAULT_MEMORY, 0, FAULT_ONCE);
    strict = must_tell = false;
}

/* What the errno table asks for, where the error came once. */
static void check_row(const Plan *plan)
{
    if (must_tell && gave_up && !wait_for(was_told, true))
        torture_fail(__FILE__, __LINE__,
                     "nobody was told; client: %u made, %u lost (%d), %u failed; server: %u made, "
                     "%u lost (%d)",
                     client.made, client.lost, client.code, client.failed, server.made, server.lost,
                     server.code);
    if (plan->row)
        CHECK(faults_counted(plan->cls) < MOST_ATTEMPTS);
}

static void prepare(const Plan *plan)
{
    world_setCalls(plan->calls);
    faulty_setRow(plan->row);
    if (plan->row) {
        expected_code = -plan->row->error;
        strict = plan->row->expected == UNHURT && plan->mode != FAULT_EVER;
        must_tell = plan->row->expected == TOLD && plan->mode == FAULT_ONCE;
    }
    faults_arm(plan->cls, plan->number, plan->mode);
}

static void play_faulty(const Plan *plan)
{
    prepare(plan);
    bool began = world_begin(plan->world);
    if (began)
        plan->test->run();
    for (int cls = 0; cls < FAULT_CLASSES; cls++)
        said->counts[cls] = faults_counted((FaultClass)cls);
    if (began && faults_struck())
        check_row(plan);
    said->struck = world.broken = faults_disarm();
    world.may_leave_files = world.broken && (plan->cls == FAULT_STAT || plan->cls == FAULT_LOCK ||
                                             plan->cls == FAULT_UNLINK);
    go_on_without_faults();
    if (began) {
        serve_fresh_echo();
        if (world.broken)
            accept_again();
    }
    world_end();
}

static void play_sound(const Plan *plan)
{
    CHECK(world_begin(plan->world));
    plan->test->run();
    serve_fresh_echo();
    world_end();
}

/* ---- what is left -------------------------------------------------------------------------- */

static int count_descriptors(void)
{
    DIR *open_ones = opendir("/proc/self/fd");
    CHECK(open_ones);
    int count = 0;
    while (readdir(open_ones))
        count++;
    closedir(open_ones);
    return count;
}

/* Of a sanitizer, where there is one. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void check_left(const Plan *plan, int descriptors)
{
    said->live = faults_liveBlocks();
    if (plan->number > 0 && said->live != plan->live)
        torture_fail(__FILE__, __LINE__, "%ld blocks of memory are left, %ld without a fault",
                     said->live, plan->live);
    if (count_descriptors() != descriptors)
        torture_fail(__FILE__, __LINE__, "%d descriptors are left, there were %d",
                     count_descriptors(), descriptors);
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
        torture_fail(__FILE__, __LINE__, "the leak sanitizer found something");
}

unsigned run_timeLimit(void)
{
    const char *other = getenv("TORC_TORTURE_LIMIT");
    return other ? (unsigned)strtoul(other, NULL, 10) : TIME_LIMIT;
}

_Noreturn void run_play(const Plan *plan, Report *report)
{
    said = report;
    alarm(run_timeLimit());
    int descriptors = count_descriptors();
    faults_install();
    play_faulty(plan);
    play_sound(plan);
    check_left(plan, descriptors);
    _exit(0);
}
