/* callInThread, over a pool that does what the test says. */
#include <check.h>

#include <torc/reactor/threads.h>

#include "../support/failing_memory.h"
#include "../support/fake_reactor.h"
#include "../support/run_tests.h"
#include "protocols/protocol.h"

static FakeReactor fake;
static TorcReactor *reactor = &fake.reactor;
static int ran, destroyed;

static void count_run(void *arg)
{
    ck_assert_ptr_eq(arg, &fake);
    ck_assert_int_eq(destroyed, 0);
    ran++;
}

static void count_destroy(void *arg)
{
    ck_assert_ptr_eq(arg, &fake);
    destroyed++;
}

static void set_up(void)
{
    FakeReactor_init(&fake);
    ran = destroyed = 0;
    FailingMemory_start(-1);
}

static void tear_down(void)
{
    FakeReactor_done(&fake);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
}

START_TEST(a_job_runs_on_the_pool_and_is_destroyed_and_freed_there)
{
    const TorcCall *call = TORC_CALL(count_run, &fake, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_callInThreadWith(reactor, call), 0);
    ck_assert_int_eq(ran, 0);
    fake.job->run(fake.job);
    ck_assert_int_eq(ran, 1);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(a_dropped_job_is_destroyed_and_freed_without_running)
{
    const TorcCall *call = TORC_CALL(count_run, &fake, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_callInThreadWith(reactor, call), 0);
    fake.job->drop(fake.job);
    ck_assert_int_eq(ran, 0);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(the_short_form_has_nothing_to_destroy)
{
    ck_assert_int_eq(TorcReactor_callInThread(reactor, count_run, &fake), 0);
    fake.job->run(fake.job);
    ck_assert_int_eq(ran, 1);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, count_run, &fake), 0);
    fake.job->drop(fake.job);
    ck_assert_int_eq(ran, 1);
    ck_assert_int_eq(destroyed, 0);
}
END_TEST

START_TEST(without_a_thread_the_job_fails_and_is_destroyed)
{
    fake.submit_result = -EAGAIN;
    const TorcCall *call = TORC_CALL(count_run, &fake, .destroy = count_destroy);
    ck_assert_int_eq(TorcReactor_callInThreadWith(reactor, call), -EAGAIN);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, count_run, &fake), -EAGAIN);
    ck_assert_int_eq(ran, 0);
}
END_TEST

START_TEST(a_job_that_cannot_be_handed_in_is_destroyed)
{
    TorcProtocol protocol = {0};
    TorcCall call = *TORC_CALL(count_run, &fake, .destroy = count_destroy);
    FailingMemory_start(0);
    ck_assert_int_eq(TorcReactor_callInThreadWith(reactor, &call), -ENOMEM);
    ck_assert_int_eq(destroyed, 1);
    ck_assert_int_eq(TorcReactor_callInThreadWith(NULL, &call), -EINVAL);
    ck_assert_int_eq(destroyed, 2);
    call.protocol = &protocol; /* jobs are not bound: the connection may be gone by then */
    ck_assert_int_eq(TorcReactor_callInThreadWith(reactor, &call), -EINVAL);
    ck_assert_int_eq(destroyed, 3);
    ck_assert_ptr_null(fake.job);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    ck_assert_int_eq(TorcReactor_callInThread(NULL, count_run, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_callInThreadWith(reactor, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_suggestThreadPoolSize(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcReactor_suggestThreadPoolSize(reactor, 0), -EINVAL);
    ck_assert_uint_eq(fake.pool_size, 0);
}
END_TEST

START_TEST(the_suggested_size_reaches_the_pool) /* THR-5 */
{
    ck_assert_int_eq(TorcReactor_suggestThreadPoolSize(reactor, 3), 0);
    ck_assert_uint_eq(fake.pool_size, 3);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("threads");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_job_runs_on_the_pool_and_is_destroyed_and_freed_there);
    tcase_add_test(tcase, a_dropped_job_is_destroyed_and_freed_without_running);
    tcase_add_test(tcase, the_short_form_has_nothing_to_destroy);
    tcase_add_test(tcase, without_a_thread_the_job_fails_and_is_destroyed);
    tcase_add_test(tcase, a_job_that_cannot_be_handed_in_is_destroyed);
    tcase_add_test(tcase, bad_arguments_are_refused);
    tcase_add_test(tcase, the_suggested_size_reaches_the_pool);
    return run_case("threads", tcase);
}
