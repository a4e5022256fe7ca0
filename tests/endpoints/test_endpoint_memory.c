/* Endpoints of the standard streams, and of a protocol that is there already, without memory. */
#include "../support/failing_memory.h"
#include "../support/run_tests.h"

#include <errno.h>

#include <torc/torc.h>

static TorcSim *sim;

static void set_up(void)
{
    sim = TorcSim_new(1);
}

static void tear_down(void)
{
    FailingMemory_stop();
    TorcSim_free(sim);
}

START_TEST(a_server_without_memory_is_not_there)
{
    FailingMemory_start(0);
    errno = 0;
    ck_assert_ptr_null(TorcStandardIOServerEndpoint_new(TorcSim_reactor(sim)));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

START_TEST(a_client_without_memory_is_not_there)
{
    FailingMemory_start(0);
    errno = 0;
    ck_assert_ptr_null(TorcStandardIOClientEndpoint_new(TorcSim_reactor(sim)));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(FailingMemory_live(), 0);
}
END_TEST

START_TEST(an_attempt_without_memory_leaves_the_streams_for_another)
{
    TorcClientEndpoint *endpoint = TorcStandardIOClientEndpoint_new(TorcSim_reactor(sim));
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcDeferred *connected = NULL;
    FailingMemory_start(0);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, factory, &connected), -ENOMEM);
    ck_assert_ptr_null(connected);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_recover();
    TorcFactory_unref(factory);
    TorcClientEndpoint_unref(endpoint);
}
END_TEST

START_TEST(a_protocol_that_cannot_be_connected_is_freed)
{
    TorcClientEndpoint *endpoint =
        TorcTCPClientEndpoint_new(TorcSim_reactor(sim), "127.0.0.1", 8881, NULL);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcProtocol *protocol = NULL;
    TorcDeferred *connected = NULL;
    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &(TorcAddress){0}, &protocol), 0);
    TorcFactory_unref(factory); /* the protocol's is the last reference */
    FailingMemory_start(0);
    ck_assert_int_eq(torc_connectProtocol(endpoint, protocol, &connected), -ENOMEM);
    ck_assert_ptr_null(connected);
    FailingMemory_stop();
    TorcClientEndpoint_unref(endpoint);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("endpoints without memory");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_server_without_memory_is_not_there);
    tcase_add_test(tests, a_client_without_memory_is_not_there);
    tcase_add_test(tests, an_attempt_without_memory_leaves_the_streams_for_another);
    tcase_add_test(tests, a_protocol_that_cannot_be_connected_is_freed);
    return run_case("endpoints without memory", tests);
}
