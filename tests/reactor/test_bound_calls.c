/* Delayed calls as owners see them: destroy functions, calls bound to a connection, and memory. */
#include "timers_fixture.h"

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

int main(void)
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
    return run_case("bound calls", tcase);
}
