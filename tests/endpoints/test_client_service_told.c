/* The client service: who waits for a connection, and what he may do when he is told. */
#include "client_service_fixture.h"

/* ---- whenConnected ------------------------------------------------------------------------- */

START_TEST(it_fires_at_once_while_there_is_a_connection) /* SVC-5 */
{
    connect_service(NULL);
    ask(1);
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
}
END_TEST

START_TEST(it_fires_with_the_next_connection) /* SVC-5 */
{
    make(NO_JITTER());
    ask(0); /* before the first start */
    advance(100);
    start();
    advance(1);
    ck_assert_uint_eq(outcome.fired, 0);
    listen_here();
    advance(1.5);
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
    ck_log_is("start stop start stop start made fired");
}
END_TEST

START_TEST(it_fails_with_the_nth_failure_from_now) /* SVC-5 */
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER(.factor = 1));
    start();
    advance(1); /* two have failed */
    ask(3);
    advance(2.9);
    ck_assert_uint_eq(outcome.fired, 0);
    dummy.code = -ENETUNREACH;
    advance(0.1);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_int_eq(outcome.code, -ENETUNREACH);
    ck_assert(service->running);
    advance(1);
    ck_assert_int_eq(dummy.count, 6);
}
END_TEST

START_TEST(without_a_number_it_waits_for_ever) /* SVC-5 */
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER(.factor = 1, .initialDelay = 100, .maxDelay = 100));
    start();
    ask(0);
    advance(5000);
    ck_assert_uint_eq(outcome.fired, 0);
}
END_TEST

START_TEST(a_lost_connection_is_not_a_failed_attempt) /* SVC-5 */
{
    TorcSimPeer *peer = connect_service(NO_JITTER());
    TorcTransport_loseConnection(rec.transport);
    ask(1);
    advance(0);
    ck_assert_uint_eq(outcome.fired, 0);
    TorcSimPeer_close(peer);
    advance(1);
    ck_assert_ptr_eq(outcome.protocol, rec.protocol);
}
END_TEST

static void ask_in_connectionLost(Recording *recording)
{
    ck_assert_ptr_null(current());
    recording->on[RECORD_LOST] = NULL;
    ask(0);
    ck_assert_uint_eq(outcome.fired, 0);
}

START_TEST(a_connection_that_is_being_lost_is_none)
{
    TorcSimPeer *peer = connect_service(NO_JITTER());
    rec.on[RECORD_LOST] = ask_in_connectionLost;
    TorcSimPeer_close(peer);
    advance(1);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_log_is("start made lost:DONE stop start made fired");
}
END_TEST

START_TEST(it_is_cancelled_by_the_stop) /* SVC-5 */
{
    make(NULL);
    start();
    ask(0);
    TorcDeferred *done = stop();
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
    ck_over(done);
    let_go();
    ask(0); /* and it is stopped */
    ck_assert_uint_eq(outcome.fired, 2);
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
    let_go();
    start();
    ask(0);
    ck_assert_uint_eq(outcome.fired, 2);
}
END_TEST

START_TEST(it_can_be_called_off)
{
    connected = NULL;
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER());
    ask(0);
    let_go();
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
    TorcDeferred *many[5];
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_nonnull(many[i] = TorcClientService_whenConnected(client_service, 2));
    TorcDeferred_release(many[2]);
    TorcDeferred_release(many[0]);
    TorcDeferred_release(many[4]);
    start();
    advance(1);
    for (int i = 1; i < 5; i += 2) {
        ck_assert_int_eq(TorcReason_code(TorcDeferred_result(many[i])->reason), -EHOSTUNREACH);
        (void)TorcDeferred_addErrback(many[i], note_outcome, NULL);
        TorcDeferred_release(many[i]);
    }
}
END_TEST

START_TEST(it_fails_when_a_service_that_never_ran_goes)
{
    make(NULL);
    ask(0);
    drop_service();
    ck_assert_int_eq(outcome.kind, TORC_OPERATION_CANCELLED);
}
END_TEST

/* ---- whoever is told may do anything ------------------------------------------------------- */

static TorcDeferred *others[3];

static void cancel_others(TorcResult *result, void *arg)
{
    (void)arg;
    told++;
    TorcResult_clear(result);
    for (int i = 0; i < 3; i++)
        TorcDeferred_cancel(others[i]);
}

static void stop_it(TorcResult *result, void *arg)
{
    (void)arg;
    told++;
    TorcResult_clear(result);
    ck_assert_int_eq(TorcService_stop(service, NULL), 0);
}

static void start_it(TorcResult *result, void *arg)
{
    (void)arg;
    told++;
    TorcResult_clear(result);
    start();
}

static void three_ask(TorcDeferredFunction *function)
{
    told = 0;
    for (int i = 0; i < 3; i++) {
        others[i] = TorcClientService_whenConnected(client_service, 1);
        ck_assert_ptr_nonnull(others[i]);
        ck_assert_int_eq(TorcDeferred_addBoth(others[i], function, NULL), 0);
    }
}

static void release_three(void)
{
    for (int i = 0; i < 3; i++)
        others[i] = TorcDeferred_release(others[i]);
}

START_TEST(who_is_told_of_a_failure_may_cancel_the_others)
{
    make_of(new_dummy(-EHOSTUNREACH), NULL);
    start();
    three_ask(cancel_others);
    advance(0);
    ck_assert_int_eq(told, 3);
    release_three();
}
END_TEST

START_TEST(who_is_told_of_a_failure_may_stop_it)
{
    make_of(new_dummy(-EHOSTUNREACH), NULL);
    start();
    three_ask(stop_it);
    advance(100);
    ck_assert_int_eq(told, 3);
    ck_assert_int_eq(dummy.count, 1);
    release_three();
}
END_TEST

START_TEST(who_is_told_of_a_failure_may_drop_it)
{
    make_of(new_dummy(-EHOSTUNREACH), NULL);
    start();
    three_ask(drop_it);
    advance(100);
    ck_assert_int_eq(dummy.count, 1);
    release_three();
    ck_assert_int_eq(told, 3);
}
END_TEST

START_TEST(who_is_told_of_the_connection_may_stop_it)
{
    listen_here();
    make(NULL);
    start();
    three_ask(stop_it);
    advance(0);
    ck_assert_int_eq(told, 3); /* the first with the protocol, the others with its stop */
    ck_log_is("start made lost:DONE stop");
    release_three();
}
END_TEST

START_TEST(who_is_told_of_the_connection_may_drop_it)
{
    listen_here();
    make(NULL);
    start();
    three_ask(drop_it);
    advance(0);
    ck_assert_int_eq(told, 3);
    ck_log_is("start made lost:DONE stop");
    release_three();
}
END_TEST

START_TEST(who_is_told_of_the_stop_may_start_it)
{
    make_of(new_dummy(-EHOSTUNREACH), NO_JITTER());
    start();
    three_ask(start_it);
    ck_assert_int_eq(TorcService_stop(service, NULL), 0);
    ck_assert(service->running);
    advance(0);
    ck_assert_int_eq(dummy.count, 1);
    release_three();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_fires_at_once_while_there_is_a_connection,
        it_fires_with_the_next_connection,
        it_fails_with_the_nth_failure_from_now,
        without_a_number_it_waits_for_ever,
        a_lost_connection_is_not_a_failed_attempt,
        a_connection_that_is_being_lost_is_none,
        it_is_cancelled_by_the_stop,
        it_can_be_called_off,
        it_fails_when_a_service_that_never_ran_goes,
        who_is_told_of_a_failure_may_cancel_the_others,
        who_is_told_of_a_failure_may_stop_it,
        who_is_told_of_a_failure_may_drop_it,
        who_is_told_of_the_connection_may_stop_it,
        who_is_told_of_the_connection_may_drop_it,
        who_is_told_of_the_stop_may_start_it,
        NULL,
    };
    TCase *tcase = new_service_case("client service, told", tests);
    Suite *suite = new_service_suite("client service, told", tcase);
    RUN_ENDPOINT_TESTS(suite);
}
