/* Jobs, look-ups and signals on the simulated system. */
#include <signal.h>

#include "sim_fixture.h"

#define MILLISECOND (TORC__SECOND / 1000)

/* ---- jobs ---------------------------------------------------------------------------------- */

typedef struct Noted {
    TorcJob job;
    int runs;
    int drops;
    int64_t when;
    int order;
    bool wakes;
    struct Noted *next; /* handed in by run */
} Noted;

static int order_of_all;

static void note_run(TorcJob *job)
{
    Noted *noted = SIM_CONTAINER(job, Noted, job);
    noted->runs++;
    noted->when = ops->now(sys);
    noted->order = ++order_of_all;
    if (noted->wakes)
        ops->wake(sys);
    if (noted->next)
        ck_assert_int_eq(ops->submit(sys, &noted->next->job), 0);
}

static void note_drop(TorcJob *job)
{
    SIM_CONTAINER(job, Noted, job)->drops++;
}

static Noted fresh(void)
{
    return (Noted){.job = {.run = note_run, .drop = note_drop}};
}

START_TEST(a_job_runs_after_its_delay_from_inside_wait)
{
    Noted noted = fresh();
    ck_assert_int_eq(ops->submit(sys, &noted.job), 0);
    ck_assert_uint_eq(ops->jobs(sys, false), 1);
    look_around();
    ck_assert_int_eq(noted.runs, 0);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(noted.runs, 1);
    ck_assert_int_eq(noted.when, MILLISECOND);
    ck_assert_uint_eq(ops->jobs(sys, false), 0);
    ck_assert_int_eq(ops->now(sys), TORC__SECOND);
}
END_TEST

START_TEST(a_job_that_wakes_the_reactor_ends_the_wait)
{
    Noted noted = fresh();
    noted.wakes = true;
    TorcSim_setJobDelay(sim, 2.5);
    ck_assert_int_eq(ops->submit(sys, &noted.job), 0);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), 0);
    ck_assert_int_eq(ops->now(sys), 2500 * MILLISECOND);
}
END_TEST

START_TEST(jobs_beyond_the_pool_wait_in_order)
{
    Noted noted[5];
    order_of_all = 0;
    ops->setPoolSize(sys, 2);
    for (int i = 0; i < 5; i++) {
        noted[i] = fresh();
        ck_assert_int_eq(ops->submit(sys, &noted[i].job), 0);
    }
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(noted[i].when, (i / 2 + 1) * MILLISECOND);
        ck_assert_int_eq(noted[i].order, i + 1);
    }
}
END_TEST

START_TEST(a_larger_pool_takes_waiting_jobs_at_once)
{
    Noted first = fresh();
    Noted second = fresh();
    ops->setPoolSize(sys, 1);
    ops->submit(sys, &first.job);
    ops->submit(sys, &second.job);
    ops->setPoolSize(sys, 2);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(second.when, MILLISECOND);
}
END_TEST

START_TEST(a_job_may_hand_in_another)
{
    Noted first = fresh();
    Noted second = fresh();
    first.next = &second;
    ops->setPoolSize(sys, 1);
    ops->submit(sys, &first.job);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(second.when, 2 * MILLISECOND);
}
END_TEST

START_TEST(the_reactor_is_woken_when_the_last_job_is_done)
{
    Noted first = fresh();
    Noted second = fresh();
    ops->setPoolSize(sys, 1);
    ops->submit(sys, &first.job);
    ops->submit(sys, &second.job);
    ck_assert_uint_eq(ops->jobs(sys, true), 2);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), 0);
    ck_assert_int_eq(second.runs, 1);
    Noted third = fresh();
    ops->submit(sys, &third.job);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), -EDEADLK); /* and only once */
    ck_assert_int_eq(third.runs, 1);
}
END_TEST

START_TEST(ending_drops_waiting_jobs_and_finishes_running_ones)
{
    Noted running = fresh();
    Noted waiting = fresh();
    ops->setPoolSize(sys, 1);
    ops->submit(sys, &running.job);
    ops->submit(sys, &waiting.job);
    ops->endJobs(sys);
    ck_assert_int_eq(running.runs, 1);
    ck_assert_int_eq(running.drops, 0);
    ck_assert_int_eq(waiting.runs, 0);
    ck_assert_int_eq(waiting.drops, 1);
    ck_assert_uint_eq(ops->jobs(sys, false), 0);

    Noted later = fresh();
    ops->submit(sys, &later.job);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(later.runs, 1);
}
END_TEST

/* ---- look-ups ------------------------------------------------------------------------------ */

typedef struct Answer {
    int calls;
    int code;
    size_t count;
    char problem[64];
    char text[256]; /* the addresses, a blank behind each */
} Answer;

static void note_answer(void *arg, const TorcLookupResult *result)
{
    Answer *answer = arg;
    answer->calls++;
    answer->code = result->code;
    answer->count = result->count;
    snprintf(answer->problem, sizeof(answer->problem), "%s",
             result->problem ? result->problem : "");
    for (size_t i = 0; i < result->count; i++) {
        char one[TORC_ADDRESS_TEXT_SIZE];
        TorcAddress_format(&result->addresses[i], one, sizeof(one));
        size_t used = strlen(answer->text);
        snprintf(answer->text + used, sizeof(answer->text) - used, "%s ", one);
    }
}

static Answer resolve(const char *host)
{
    Answer answer = {0};
    TorcLookup *lookup;
    ck_assert_int_eq(ops->lookup(sys, host, 79, note_answer, &answer, &lookup), 0);
    ck_assert_int_eq(answer.calls, 0);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), 0);
    ck_assert_int_eq(answer.calls, 1);
    return answer;
}

START_TEST(a_known_name_resolves_to_its_addresses_in_order)
{
    static const char *const addresses[] = {"2001:db8::5", "192.0.2.5"};
    TorcSim_setAddresses(sim, "www.example.net", addresses, 2);
    Answer answer = resolve("www.example.net");
    ck_assert_int_eq(answer.code, 0);
    ck_assert_str_eq(answer.text, "[2001:db8::5]:79 192.0.2.5:79 ");
    ck_assert_str_eq(resolve("WWW.Example.NET.").text, answer.text);
}
END_TEST

START_TEST(localhost_is_known)
{
    ck_assert_str_eq(resolve("localhost").text, "[::1]:79 127.0.0.1:79 ");
}
END_TEST

START_TEST(literals_resolve_to_themselves)
{
    ck_assert_str_eq(resolve("203.0.113.7").text, "203.0.113.7:79 ");
    ck_assert_str_eq(resolve("2001:db8::1").text, "[2001:db8::1]:79 ");
}
END_TEST

START_TEST(an_unknown_name_fails_with_the_resolvers_words)
{
    Answer answer = resolve("nowhere.example");
    ck_assert_int_eq(answer.code, -TORC_ELOOKUP);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert_str_eq(answer.problem, "Name or service not known");
    ck_assert_int_eq(resolve("").code, -TORC_ELOOKUP);
}
END_TEST

START_TEST(a_name_can_be_replaced_and_removed)
{
    static const char *const first[] = {"192.0.2.1"};
    static const char *const second[] = {"192.0.2.2"};
    TorcSim_setAddresses(sim, "a.example", first, 1);
    TorcSim_setAddresses(sim, "a.example", second, 1);
    ck_assert_str_eq(resolve("a.example").text, "192.0.2.2:79 ");
    TorcSim_setAddresses(sim, "a.example", NULL, 0);
    ck_assert_int_eq(resolve("a.example").code, -TORC_ELOOKUP);
}
END_TEST

START_TEST(look_ups_take_the_delay_that_was_set)
{
    resolve("localhost");
    ck_assert_int_eq(ops->now(sys), MILLISECOND);
    TorcSim_setLookupDelay(sim, 5);
    resolve("localhost");
    ck_assert_int_eq(ops->now(sys), 5001 * MILLISECOND);
}
END_TEST

START_TEST(a_cancelled_look_up_is_silent)
{
    Answer answer = {0};
    TorcLookup *lookup;
    ck_assert_int_eq(ops->lookup(sys, "localhost", 79, note_answer, &answer, &lookup), 0);
    ops->cancelLookup(sys, lookup);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), -EDEADLK);
    ck_assert_int_eq(answer.calls, 0);
}
END_TEST

START_TEST(a_look_up_and_a_job_under_way_are_freed_with_the_system)
{
    static Answer answer;
    TorcLookup *lookup;
    Noted noted = fresh();
    ck_assert_int_eq(ops->lookup(sys, "localhost", 79, note_answer, &answer, &lookup), 0);
    ops->submit(sys, &noted.job);
    begin_again(NULL);
    ck_assert_int_eq(answer.calls, 0);
    ck_assert_int_eq(noted.runs + noted.drops, 1);
}
END_TEST

/* ---- signals ------------------------------------------------------------------------------- */

static int signals[4];
static int signal_count;

static void note_signal(void *arg, int signo)
{
    ck_assert_ptr_eq(arg, signals);
    signals[signal_count++] = signo;
}

START_TEST(a_caught_signal_is_delivered_by_the_next_wait)
{
    signal_count = 0;
    ck_assert_int_eq(ops->catchSignal(sys, SIGTERM, true, note_signal, signals), 0);
    ck_assert_int_eq(ops->catchSignal(sys, SIGINT, true, note_signal, signals), 0);
    TorcSim_raise(sim, SIGTERM);
    TorcSim_raise(sim, SIGINT);
    ck_assert_int_eq(signal_count, 0);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), 0);
    ck_assert_int_eq(signal_count, 2);
    ck_assert_int_eq(signals[0], SIGTERM);
    ck_assert_int_eq(signals[1], SIGINT);
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), -EDEADLK);
}
END_TEST

START_TEST(signals_that_nobody_catches_are_ignored)
{
    signal_count = 0;
    TorcSim_raise(sim, SIGTERM);
    ck_assert_int_eq(ops->catchSignal(sys, SIGTERM, true, note_signal, signals), 0);
    ops->releaseSignal(sys, SIGTERM, true);
    TorcSim_raise(sim, SIGTERM);
    look_around();
    ck_assert_int_eq(signal_count, 0);
}
END_TEST

RUN_SUITE("sim_jobs", a_job_runs_after_its_delay_from_inside_wait,
          a_job_that_wakes_the_reactor_ends_the_wait, jobs_beyond_the_pool_wait_in_order,
          a_larger_pool_takes_waiting_jobs_at_once, a_job_may_hand_in_another,
          the_reactor_is_woken_when_the_last_job_is_done,
          ending_drops_waiting_jobs_and_finishes_running_ones,
          a_known_name_resolves_to_its_addresses_in_order, localhost_is_known,
          literals_resolve_to_themselves, an_unknown_name_fails_with_the_resolvers_words,
          a_name_can_be_replaced_and_removed, look_ups_take_the_delay_that_was_set,
          a_cancelled_look_up_is_silent, a_look_up_and_a_job_under_way_are_freed_with_the_system,
          a_caught_signal_is_delivered_by_the_next_wait, signals_that_nobody_catches_are_ignored)
