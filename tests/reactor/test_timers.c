/* Delayed calls: the heap, the handles, the rounds. The loop around them is tested in
 * test_reactor.c; here time passes by hand. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include <torc/reactor/delayed_call.h>

#include "../support/failing_memory.h"
#include "../support/fake_reactor.h"
#include "protocols/protocol.h"
#include "transports/transport_internal.h"

static FakeReactor fake;
static TorcReactor *reactor = &fake.reactor;

static int ran[1024];
static int ran_count;
static int destroyed;

static void run_number(void *arg)
{
    ran[ran_count++] = (int)(intptr_t)arg;
}

static void count_destroy(void *arg)
{
    (void)arg;
    destroyed++;
}

static void *number(int n)
{
    return (void *)(intptr_t)n;
}

/* For loops that run very often: check's own assertions each write to a pipe. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("not so: %s", #condition);                                                \
    } while (0)

static TorcDelayedCall later(double delay, TorcFunction *function, int n)
{
    TorcDelayedCall call;
    CHECK(TorcReactor_callLater(reactor, delay, function, number(n), &call) == 0);
    return call;
}

static void advance(double seconds)
{
    FakeReactor_advance(&fake, (int64_t)(seconds * 1e9));
}

static void check_ran(int count, const int *numbers)
{
    ck_assert_int_eq(ran_count, count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(ran[i], numbers[i]);
}
#define CHECK_RAN(...) check_ran(sizeof((int[]){__VA_ARGS__}) / sizeof(int), (int[]){__VA_ARGS__})

static void set_up(void)
{
    FakeReactor_init(&fake);
    ran_count = destroyed = 0;
}

static void tear_down(void)
{
    FakeReactor_done(&fake);
}

/* ---- order and time ------------------------------------------------------------------------ */

START_TEST(calls_are_made_in_the_order_of_their_times) /* TIME-2 */
{
    later(3.0, run_number, 3);
    later(1.0, run_number, 1);
    later(2.0, run_number, 2);
    advance(10.0);
    CHECK_RAN(1, 2, 3);
}
END_TEST

START_TEST(equal_due_times_run_in_order_of_scheduling) /* TIME-2 */
{
    for (int i = 0; i < 100; i++)
        later(1.0, run_number, i);
    advance(1.0);
    ck_assert_int_eq(ran_count, 100);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(ran[i], i);
}
END_TEST

START_TEST(the_order_survives_the_wrapping_of_the_sequence)
{
    reactor->timers.next_sequence = UINT32_MAX - 3;
    for (int i = 0; i < 8; i++)
        later(1.0, run_number, i);
    advance(1.0);
    CHECK_RAN(0, 1, 2, 3, 4, 5, 6, 7);
}
END_TEST

START_TEST(a_call_is_never_early)
{
    later(1.0, run_number, 1);
    FakeReactor_advance(&fake, TORC__SECOND - 1);
    ck_assert_int_eq(ran_count, 0);
    FakeReactor_advance(&fake, 1);
    ck_assert_int_eq(ran_count, 1);
}
END_TEST

START_TEST(the_earliest_deadline_is_known)
{
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    later(2.0, run_number, 2);
    TorcDelayedCall first = later(1.0, run_number, 1);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + TORC__SECOND);
    TorcDelayedCall_cancel(first);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + 2 * TORC__SECOND);
}
END_TEST

START_TEST(delays_too_long_to_represent_never_come_due) /* LOOP-4 */
{
    static const double delays[] = {1e300, 9.3e9, INFINITY, DBL_MAX};
    for (int i = 0; i < 4; i++) {
        TorcDelayedCall call = later(delays[i], run_number, i);
        double due;
        ck_assert_int_eq(TorcDelayedCall_getTime(call, &due), 0);
        ck_assert(isinf(due));
    }
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    fake.now = TORC__NEVER - 1;
    advance(0.0);
    ck_assert_int_eq(ran_count, 0);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 4);
}
END_TEST

static TorcDelayedCall again;

static void call_again_at_once(void *arg)
{
    run_number(arg);
    again = later(0.0, call_again_at_once, (int)(intptr_t)arg);
}

START_TEST(a_zero_delay_made_by_a_delayed_call_waits_for_the_next_round) /* LOOP-3 */
{
    later(0.0, call_again_at_once, 1);
    later(0.0, run_number, 2);
    advance(0.0);
    CHECK_RAN(1, 2);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
    advance(0.0);
    CHECK_RAN(1, 2, 1);
}
END_TEST

static TorcDelayedCall other;

static void reset_other(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_reset(other, 0.0), 0);
}

static void bring_other_forward(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_delay(other, -1e9), 0);
}

static void postpone_other(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_delay(other, 5.0), 0);
}

static void cancel_other(void *arg)
{
    run_number(arg);
    ck_assert_int_eq(TorcDelayedCall_cancel(other), 0);
}

START_TEST(a_call_rescheduled_by_a_due_call_waits_for_the_next_round) /* TIME-12 */
{
    static TorcFunction *const reschedule[] = {reset_other, bring_other_forward};
    for (int i = 0; i < 2; i++) {
        ran_count = 0;
        later(1.0, reschedule[i], 1);
        other = later(1.0, run_number, 2);
        later(1.0, run_number, 3);
        advance(1.0);
        CHECK_RAN(1, 3);
        advance(0.0);
        CHECK_RAN(1, 3, 2);
    }
}
END_TEST

START_TEST(a_due_call_may_postpone_or_cancel_the_next) /* TIME-12 */
{
    later(1.0, postpone_other, 1);
    other = later(1.0, run_number, 2);
    advance(1.0);
    CHECK_RAN(1);
    advance(5.0);
    CHECK_RAN(1, 2);

    later(1.0, cancel_other, 3);
    other = later(1.0, run_number, 4);
    advance(10.0);
    CHECK_RAN(1, 2, 3);
}
END_TEST

/* ---- handles ------------------------------------------------------------------------------- */

START_TEST(cancel_takes_the_call_back)
{
    TorcDelayedCall call = later(1.0, run_number, 1);
    ck_assert(TorcDelayedCall_active(call));
    ck_assert_int_eq(TorcDelayedCall_cancel(call), 0);
    ck_assert(!TorcDelayedCall_active(call));
    advance(2.0);
    ck_assert_int_eq(ran_count, 0);
}
END_TEST

static void check_answers(TorcDelayedCall call, int answer)
{
    double due = 77.0;
    ck_assert_int_eq(TorcDelayedCall_cancel(call), answer);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 1.0), answer);
    ck_assert_int_eq(TorcDelayedCall_delay(call, 1.0), answer);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, &due), answer);
    ck_assert(due == 77.0);
    ck_assert(!TorcDelayedCall_active(call));
}

START_TEST(a_call_that_was_made_or_cancelled_says_so) /* TIME-4 */
{
    TorcDelayedCall made = later(1.0, run_number, 1);
    TorcDelayedCall cancelled = later(1.0, run_number, 2);
    TorcDelayedCall_cancel(cancelled);
    advance(1.0);
    check_answers(made, -TORC_EALREADYCALLED);
    check_answers(cancelled, -TORC_EALREADYCANCELLED);
}
END_TEST

START_TEST(an_inert_handle_is_stale)
{
    later(1.0, run_number, 1);
    check_answers((TorcDelayedCall){0}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, 0}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, UINT64_MAX}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, (uint64_t)UINT32_MAX << 32 | 1}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, (uint64_t)UINT32_MAX << 32 | 2}, -TORC_ESTALE);
    check_answers((TorcDelayedCall){reactor, 2}, -TORC_ESTALE); /* a slot not used so far */
}
END_TEST

START_TEST(an_ended_call_is_remembered_until_its_place_is_used_twice)
{
    TorcDelayedCall made = later(0.0, run_number, 1);
    advance(0.0);
    TorcDelayedCall cancelled = later(0.0, run_number, 2); /* in the same place */
    check_answers(made, -TORC_EALREADYCALLED);
    TorcDelayedCall_cancel(cancelled);
    TorcDelayedCall active = later(0.0, run_number, 3);
    check_answers(made, -TORC_ESTALE);
    check_answers(cancelled, -TORC_EALREADYCANCELLED);
    ck_assert(TorcDelayedCall_active(active));
}
END_TEST

static void ask_about_itself(void *arg)
{
    run_number(arg);
    check_answers(other, -TORC_EALREADYCALLED);
    for (int i = 0; i < 3; i++) /* its place is not given away under its feet */
        TorcDelayedCall_cancel(later(0.0, run_number, 9));
    check_answers(other, -TORC_EALREADYCALLED);
}

START_TEST(a_call_counts_as_made_while_its_function_runs) /* TIME-5 */
{
    other = later(0.0, ask_about_itself, 1);
    advance(0.0);
    CHECK_RAN(1);
}
END_TEST

static void ask_while_destroyed(void *arg)
{
    count_destroy(arg);
    check_answers(other, -TORC_EALREADYCANCELLED);
    for (int i = 0; i < 3; i++)
        TorcDelayedCall_cancel(later(0.0, run_number, 9));
    check_answers(other, -TORC_EALREADYCANCELLED);
}

START_TEST(a_call_counts_as_cancelled_while_its_destroy_function_runs)
{
    const TorcCall *call = TORC_CALL(run_number, NULL, .destroy = ask_while_destroyed);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, call, &other), 0);
    ck_assert_int_eq(TorcDelayedCall_cancel(other), 0);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(reset_counts_from_now_earlier_or_later) /* TIME-6 */
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 1.0), 0);
    advance(1.0);
    ck_assert_int_eq(ran_count, 1);
    call = later(1.0, run_number, 2);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 10.0), 0);
    advance(9.0);
    ck_assert_int_eq(ran_count, 1);
    advance(1.0);
    ck_assert_int_eq(ran_count, 2);
}
END_TEST

START_TEST(a_reset_call_comes_after_those_scheduled_before)
{
    TorcDelayedCall first = later(1.0, run_number, 1);
    later(1.0, run_number, 2);
    TorcDelayedCall_reset(first, 1.0);
    advance(1.0);
    CHECK_RAN(2, 1);
}
END_TEST

START_TEST(delay_counts_from_the_due_time_forward_and_back) /* TIME-6 */
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    advance(2.0);
    ck_assert_int_eq(TorcDelayedCall_delay(call, 1.0), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + 9 * TORC__SECOND);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -3.0), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now + 6 * TORC__SECOND);
    advance(6.0);
    ck_assert_int_eq(ran_count, 1);
}
END_TEST

START_TEST(delay_brings_forward_to_now_at_most)
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -1e6), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -INFINITY), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -DBL_MAX), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), fake.now);
}
END_TEST

START_TEST(delay_into_never_stays_there)
{
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_delay(call, INFINITY), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    ck_assert_int_eq(TorcDelayedCall_delay(call, -10.0), 0);
    ck_assert_int_eq(torc__timers_earliest(&reactor->timers), TORC__NEVER);
    ck_assert_int_eq(TorcDelayedCall_reset(call, 1.0), 0);
    advance(1.0);
    ck_assert_int_eq(ran_count, 1);
}
END_TEST

START_TEST(get_time_is_absolute_and_moves_with_delay) /* TIME-7 */
{
    double due, delayed;
    TorcDelayedCall call = later(10.0, run_number, 1);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, &due), 0);
    ck_assert(due == TorcReactor_seconds(reactor) + 10.0);
    TorcDelayedCall_delay(call, 1.0);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, &delayed), 0);
    ck_assert(delayed == due + 1.0);
}
END_TEST

START_TEST(active_calls_are_listed_and_counted) /* TIME-8 */
{
    TorcDelayedCall calls[5], listed[8];
    for (int i = 0; i < 5; i++)
        calls[i] = later(i, run_number, i);
    TorcDelayedCall_cancel(calls[2]);
    advance(0.0); /* makes the first */
    memset(listed, 0, sizeof(listed));
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, listed, 8), 3);
    for (int i = 0; i < 5; i++) {
        bool found = false;
        for (int j = 0; j < 3; j++)
            found |= listed[j].id == calls[i].id && listed[j].reactor == reactor;
        ck_assert_int_eq(found, i != 0 && i != 2);
    }
    ck_assert_uint_eq(listed[3].id, 0);
}
END_TEST

START_TEST(listing_writes_no_more_than_there_is_room_for)
{
    TorcDelayedCall listed[2] = {{0}, {NULL, 77}};
    for (int i = 0; i < 3; i++)
        later(1.0, run_number, i);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, listed, 1), 3);
    ck_assert(TorcDelayedCall_active(listed[0]));
    ck_assert_uint_eq(listed[1].id, 77);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 3);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(NULL, NULL, 0), 0);
}
END_TEST

START_TEST(bad_arguments_are_refused) /* TIME-1 */
{
    static const double bad[] = {-1.0, -1e-9, -INFINITY, NAN};
    TorcDelayedCall call = {NULL, 77};
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(TorcReactor_callLater(reactor, bad[i], run_number, NULL, &call), -EINVAL);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1.0, NULL, NULL, &call), -EINVAL);
    ck_assert_int_eq(TorcReactor_callLater(NULL, 1.0, run_number, NULL, &call), -EINVAL);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, NULL, &call), -EINVAL);
    ck_assert_uint_eq(call.id, 77);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);

    call = later(1.0, run_number, 1);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(TorcDelayedCall_reset(call, bad[i]), -EINVAL);
    ck_assert_int_eq(TorcDelayedCall_delay(call, NAN), -EINVAL);
    ck_assert_int_eq(TorcDelayedCall_getTime(call, NULL), -EINVAL);
}
END_TEST

/* ---- destroy ------------------------------------------------------------------------------- */

static TorcDelayedCall later_with_destroy(double delay, TorcFunction *destroy)
{
    TorcDelayedCall call;
    const TorcCall *what = TORC_CALL(run_number, NULL, .destroy = destroy);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, delay, what, &call), 0);
    return call;
}

START_TEST(destroy_runs_once_when_made_cancelled_or_dropped) /* TIME-11 */
{
    later_with_destroy(1.0, count_destroy);
    advance(1.0);
    ck_assert_int_eq(ran_count, 1);
    ck_assert_int_eq(destroyed, 1);

    TorcDelayedCall_cancel(later_with_destroy(1.0, count_destroy));
    ck_assert_int_eq(destroyed, 2);

    later_with_destroy(1.0, count_destroy);
    later_with_destroy(1e300, count_destroy);
    torc__timers_done(&reactor->timers);
    ck_assert_int_eq(destroyed, 4);
    ck_assert_int_eq(ran_count, 1);
}
END_TEST

static void schedule_from_destroy(void *arg)
{
    count_destroy(arg);
    later_with_destroy(1.0, count_destroy);
}

START_TEST(what_a_dropped_call_schedules_is_dropped_too)
{
    FailingMemory_start(-1);
    later_with_destroy(1.0, schedule_from_destroy);
    torc__timers_done(&reactor->timers);
    ck_assert_int_eq(destroyed, 2);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(a_call_that_cannot_be_scheduled_is_destroyed)
{
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_callLaterWith(NULL, 1.0, &call, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, NAN, &call, NULL), -EINVAL);
    call.function = NULL;
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, &call, NULL), -EINVAL);
    ck_assert_int_eq(destroyed, 3);
}
END_TEST

/* ---- bound calls --------------------------------------------------------------------------- */

typedef struct FakeTransport {
    TorcTransport base;
    TorcBoundCalls bound;
    bool connected;
    bool no_memory;
} FakeTransport;

static bool fake_connected(const TorcTransport *self)
{
    return ((const FakeTransport *)self)->connected;
}

static TorcBoundCalls *fake_boundCalls(TorcTransport *self)
{
    FakeTransport *transport = (FakeTransport *)self;
    return transport->no_memory ? NULL : &transport->bound;
}

static const TorcTransportClass fake_transport_class = {
    .name = "fake",
    .connected = fake_connected,
    .boundCalls = fake_boundCalls,
};

#define FAKE_TRANSPORT                                                                             \
    {                                                                                              \
        .base.cls = &fake_transport_class, .connected = true                                       \
    }

START_TEST(bound_calls_are_cancelled_with_their_connection_and_no_others)
{
    FakeTransport mine = FAKE_TRANSPORT, theirs = FAKE_TRANSPORT;
    TorcProtocol protocol = {.transport = &mine.base}, foreign = {.transport = &theirs.base};
    TorcCall call =
        *TORC_CALL(run_number, number(1), .destroy = count_destroy, .protocol = &protocol);
    TorcDelayedCall calls[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(TorcReactor_callLaterWith(reactor, i, &call, &calls[i]), 0);
    call.protocol = &foreign;
    call.arg = number(2);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 9.0, &call, NULL), 0);
    later(9.0, run_number, 3);

    advance(0.0);                     /* the first leaves the list by being made */
    TorcDelayedCall_cancel(calls[2]); /* and one in the middle by being cancelled */
    ck_assert_int_eq(destroyed, 2);
    torc__timers_cancelBound(reactor, &mine.bound);
    ck_assert_int_eq(destroyed, 4);
    ck_assert_uint_eq(mine.bound.first, 0);
    for (int i = 0; i < 4; i++)
        check_answers(calls[i], i == 0 ? -TORC_EALREADYCALLED : -TORC_EALREADYCANCELLED);
    advance(9.0);
    CHECK_RAN(1, 2, 3);
    ck_assert_uint_eq(theirs.bound.first, 0);
}
END_TEST

START_TEST(cancelling_an_empty_list_does_nothing)
{
    TorcBoundCalls bound = {0};
    later(1.0, run_number, 1);
    torc__timers_cancelBound(reactor, &bound);
    advance(1.0);
    CHECK_RAN(1);
}
END_TEST

START_TEST(a_rescheduled_call_stays_bound)
{
    FakeTransport transport = FAKE_TRANSPORT;
    TorcProtocol protocol = {.transport = &transport.base};
    TorcDelayedCall call;
    TorcReactor_callLaterWith(reactor, 1.0, TORC_CALL(run_number, NULL, .protocol = &protocol),
                              &call);
    TorcDelayedCall_reset(call, 5.0);
    TorcDelayedCall_delay(call, 5.0);
    torc__timers_cancelBound(reactor, &transport.bound);
    check_answers(call, -TORC_EALREADYCANCELLED);
}
END_TEST

START_TEST(binding_needs_a_live_connection)
{
    FakeTransport transport = FAKE_TRANSPORT;
    TorcProtocol protocol = {0};
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy, .protocol = &protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, &call, NULL), -EINVAL);
    ck_assert_int_eq(destroyed, 1);
    protocol.transport = &transport.base;
    transport.no_memory = true;
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, &call, NULL), -ENOMEM);
    ck_assert_int_eq(destroyed, 2);
    transport.connected = false;
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, &call, NULL), -ENOTCONN);
    ck_assert_int_eq(destroyed, 3);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

START_TEST(every_allocation_failure_leaves_things_as_they_were)
{
    enum { CALLS = 600 }; /* ten blocks: the table of blocks and the heap grow on the way */
    bool complete = false;
    for (long k = 0; !complete; k++) {
        ck_assert_int_lt(k, 100);
        FakeReactor_init(&fake);
        FailingMemory_start(k);
        destroyed = ran_count = 0;
        int failures = 0;
        for (int i = 0; i < CALLS; i++) {
            TorcDelayedCall handle = {NULL, 77};
            TorcCall call = *TORC_CALL(run_number, number(i), .destroy = count_destroy);
            int r = TorcReactor_callLaterWith(reactor, 1.0, &call, &handle);
            ck_assert(r == 0 || (r == -ENOMEM && handle.id == 77));
            failures += r != 0;
            ck_assert_int_eq(destroyed, failures);
        }
        complete = failures == 0;
        ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), CALLS - failures);
        advance(1.0);
        ck_assert_int_eq(ran_count, CALLS - failures);
        ck_assert_int_eq(destroyed, CALLS);
        FakeReactor_done(&fake);
        ck_assert_int_eq(FailingMemory_live(), 0);
    }
    FailingMemory_stop();
}
END_TEST

START_TEST(a_bound_call_with_a_destroy_function_needs_room_for_both_or_is_not_there)
{
    FakeTransport transport = FAKE_TRANSPORT;
    TorcProtocol protocol = {.transport = &transport.base};
    TorcCall call = *TORC_CALL(run_number, NULL, .destroy = count_destroy, .protocol = &protocol);
    FailingMemory_start(-1);
    for (int i = 0; i < 63; i++) /* one slot of the block is left */
        later(1e6, run_number, i);
    FailingMemory_startForEver(0);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, &call, NULL), -ENOMEM);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_uint_eq(transport.bound.first, 0);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 63);
    TorcDelayedCall_cancel(later(1e6, run_number, 63)); /* there is still room for one */
    FailingMemory_stop();
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1.0, &call, NULL), 0);
    torc__timers_cancelBound(reactor, &transport.bound);
    ck_assert_int_eq(destroyed, 2);
}
END_TEST

START_TEST(arming_firing_and_cancelling_allocate_nothing_in_the_steady_state) /* TIME-9 */
{
    FakeTransport transport = FAKE_TRANSPORT;
    TorcProtocol protocol = {.transport = &transport.base};
    TorcCall bound = *TORC_CALL(run_number, NULL, .destroy = count_destroy, .protocol = &protocol);
    FailingMemory_start(-1);
    for (int i = 0; i < 64; i++)
        later(1e6, run_number, i);
    TorcDelayedCall_cancel(later(1.0, run_number, 0));
    long before = FailingMemory_allocations();
    for (int i = 0; i < 100000; i++) {
        ran_count = 0;
        TorcDelayedCall call = later(30.0, run_number, i);
        TorcDelayedCall_reset(call, 60.0);
        TorcDelayedCall_cancel(call);
        later(0.0, run_number, i);
        advance(0.0);
        CHECK(ran_count == 1);
        CHECK(TorcReactor_callLaterWith(reactor, 1.0, &bound, NULL) == 0);
        torc__timers_cancelBound(reactor, &transport.bound);
        CHECK(destroyed == i + 1);
    }
    ck_assert_int_eq(FailingMemory_allocations(), before);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 64);
    FakeReactor_done(&fake);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}
END_TEST

static TCase *make_case(const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 50);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    return tcase;
}

static TCase *order_case(void)
{
    TCase *tcase = make_case("order and time");
    tcase_add_test(tcase, calls_are_made_in_the_order_of_their_times);
    tcase_add_test(tcase, equal_due_times_run_in_order_of_scheduling);
    tcase_add_test(tcase, the_order_survives_the_wrapping_of_the_sequence);
    tcase_add_test(tcase, a_call_is_never_early);
    tcase_add_test(tcase, the_earliest_deadline_is_known);
    tcase_add_test(tcase, delays_too_long_to_represent_never_come_due);
    tcase_add_test(tcase, a_zero_delay_made_by_a_delayed_call_waits_for_the_next_round);
    tcase_add_test(tcase, a_call_rescheduled_by_a_due_call_waits_for_the_next_round);
    tcase_add_test(tcase, a_due_call_may_postpone_or_cancel_the_next);
    return tcase;
}

static TCase *handle_case(void)
{
    TCase *tcase = make_case("handles");
    tcase_add_test(tcase, cancel_takes_the_call_back);
    tcase_add_test(tcase, a_call_that_was_made_or_cancelled_says_so);
    tcase_add_test(tcase, an_inert_handle_is_stale);
    tcase_add_test(tcase, an_ended_call_is_remembered_until_its_place_is_used_twice);
    tcase_add_test(tcase, a_call_counts_as_made_while_its_function_runs);
    tcase_add_test(tcase, a_call_counts_as_cancelled_while_its_destroy_function_runs);
    tcase_add_test(tcase, reset_counts_from_now_earlier_or_later);
    tcase_add_test(tcase, a_reset_call_comes_after_those_scheduled_before);
    tcase_add_test(tcase, delay_counts_from_the_due_time_forward_and_back);
    tcase_add_test(tcase, delay_brings_forward_to_now_at_most);
    tcase_add_test(tcase, delay_into_never_stays_there);
    tcase_add_test(tcase, get_time_is_absolute_and_moves_with_delay);
    tcase_add_test(tcase, active_calls_are_listed_and_counted);
    tcase_add_test(tcase, listing_writes_no_more_than_there_is_room_for);
    tcase_add_test(tcase, bad_arguments_are_refused);
    return tcase;
}

static TCase *ownership_case(void)
{
    TCase *tcase = make_case("ownership");
    tcase_add_test(tcase, destroy_runs_once_when_made_cancelled_or_dropped);
    tcase_add_test(tcase, what_a_dropped_call_schedules_is_dropped_too);
    tcase_add_test(tcase, a_call_that_cannot_be_scheduled_is_destroyed);
    tcase_add_test(tcase, bound_calls_are_cancelled_with_their_connection_and_no_others);
    tcase_add_test(tcase, cancelling_an_empty_list_does_nothing);
    tcase_add_test(tcase, a_rescheduled_call_stays_bound);
    tcase_add_test(tcase, binding_needs_a_live_connection);
    tcase_add_test(tcase, every_allocation_failure_leaves_things_as_they_were);
    tcase_add_test(tcase, a_bound_call_with_a_destroy_function_needs_room_for_both_or_is_not_there);
    tcase_add_test(tcase, arming_firing_and_cancelling_allocate_nothing_in_the_steady_state);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("timers");
    suite_add_tcase(suite, order_case());
    suite_add_tcase(suite, handle_case());
    suite_add_tcase(suite, ownership_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
