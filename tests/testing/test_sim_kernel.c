/* The simulated world's clock: what happens when, and in which order. */
#include "sim_fixture.h"

typedef struct Noted {
    SimEvent event;
    int number;
    int64_t again; /* the delay after which it is scheduled once more; -1: not */
} Noted;

static SimKernel *kernel;
static int fired[2000];
static int fired_count;

static void note(SimEvent *event)
{
    Noted *noted = SIM_CONTAINER(event, Noted, event);
    fired[fired_count++] = noted->number;
    if (noted->again >= 0)
        torc__simKernel_schedule(kernel, event, noted->again);
}

static Noted numbered(int number)
{
    return (Noted){.event = {.fire = note}, .number = number, .again = -1};
}

static void advance_to(int64_t time)
{
    kernel->now = time;
    torc__simKernel_runDue(kernel);
}

static void begin_kernel(void)
{
    kernel = torc__simKernel_new(1, 0);
    fired_count = 0;
}

static void end_kernel(void)
{
    torc__simKernel_free(kernel);
}

START_TEST(equal_times_are_first_come_first_served)
{
    Noted events[100];
    for (int i = 0; i < 100; i++) {
        events[i] = numbered(i);
        torc__simKernel_schedule(kernel, &events[i].event, 5);
    }
    advance_to(4);
    ck_assert_int_eq(fired_count, 0);
    advance_to(5);
    ck_assert_int_eq(fired_count, 100);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(fired[i], i);
}
END_TEST

START_TEST(the_next_event_is_known)
{
    Noted late = numbered(1);
    Noted early = numbered(2);
    ck_assert_int_eq(torc__simKernel_next(kernel), INT64_MAX);
    torc__simKernel_schedule(kernel, &late.event, 7);
    torc__simKernel_schedule(kernel, &early.event, 3);
    ck_assert_int_eq(torc__simKernel_next(kernel), 3);
    torc__simKernel_cancel(kernel, &early.event);
    torc__simKernel_cancel(kernel, &early.event);
    ck_assert_int_eq(torc__simKernel_next(kernel), 7);
    advance_to(7);
    ck_assert_int_eq(fired_count, 1);
    ck_assert_int_eq(torc__simKernel_next(kernel), INT64_MAX);
}
END_TEST

START_TEST(what_an_event_schedules_for_now_waits_for_the_next_look)
{
    Noted noted = numbered(1);
    noted.again = 0;
    torc__simKernel_schedule(kernel, &noted.event, 0);
    advance_to(0);
    ck_assert_int_eq(fired_count, 1);
    noted.again = -1;
    advance_to(0);
    ck_assert_int_eq(fired_count, 2);
}
END_TEST

START_TEST(far_times_saturate)
{
    Noted noted = numbered(1);
    advance_to(1000);
    torc__simKernel_schedule(kernel, &noted.event, INT64_MAX);
    ck_assert_int_eq(torc__simKernel_next(kernel), INT64_MAX);
    torc__simKernel_cancel(kernel, &noted.event);
}
END_TEST

/* Against a model without a heap: the earliest by (time, number) that was not cancelled. */
START_TEST(any_schedule_with_cancellations_fires_in_order)
{
    enum { EVENTS = 1000, LAST = 50 };
    static Noted events[EVENTS];
    static int64_t times[EVENTS]; /* -1: cancelled */
    for (int i = 0; i < EVENTS; i++) {
        events[i] = numbered(i);
        times[i] = (int64_t)(torc__simKernel_random(kernel) % (LAST + 1));
        torc__simKernel_schedule(kernel, &events[i].event, times[i]);
        int victim = (int)(torc__simKernel_random(kernel) % (uint64_t)(2 * EVENTS));
        if (victim <= i) {
            torc__simKernel_cancel(kernel, &events[victim].event);
            times[victim] = -1;
        }
    }
    for (int64_t now = 0; now <= LAST; now++)
        advance_to(now);
    int expected = 0;
    for (int64_t now = 0; now <= LAST; now++)
        for (int i = 0; i < EVENTS; i++)
            if (times[i] == now)
                ck_assert_int_eq(fired[expected++], i);
    ck_assert_int_eq(fired_count, expected);
    ck_assert_int_lt(expected, EVENTS);
}
END_TEST

/* The values that the authors' reference code gives for this seed. */
START_TEST(the_generator_is_splitmix64)
{
    SimKernel *seeded = torc__simKernel_new(1234567, 0);
    ck_assert_uint_eq(torc__simKernel_random(seeded), UINT64_C(6457827717110365317));
    ck_assert_uint_eq(torc__simKernel_random(seeded), UINT64_C(3203168211198807973));
    ck_assert_uint_eq(torc__simKernel_random(seeded), UINT64_C(9817491932198370423));
    torc__simKernel_free(seeded);
}
END_TEST

RUN_TESTS("sim_kernel", begin_kernel, end_kernel, equal_times_are_first_come_first_served,
          the_next_event_is_known, what_an_event_schedules_for_now_waits_for_the_next_look,
          far_times_saturate, any_schedule_with_cancellations_fires_in_order,
          the_generator_is_splitmix64)
