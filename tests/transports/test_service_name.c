/* Ports by the names of services. */
#include <arpa/inet.h>
#include <netdb.h>

#include "../support/stream_test.h"

START_TEST(a_service_is_known_by_its_name) /* CONN-11 */
{
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "http", "tcp"), 80);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "finger", "tcp"), 79);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "domain", "udp"), 53);
    end();
}
END_TEST

START_TEST(digits_stand_for_themselves)
{
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "0", "tcp"), 0);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "08881", "tcp"), 8881);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "65535", "udp"), 65535);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "65536", "tcp"), -EINVAL);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "99999999999999999999999", "tcp"), -EINVAL);
    end();
}
END_TEST

START_TEST(an_unknown_service_is_an_error_of_its_own) /* CONN-11 */
{
    static const char *const unknown[] = {"no-such-service", "80a", "-1", "http ", " 80", "HTTP"};
    begin(EDGE);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        ck_assert_int_eq(TorcReactor_portOfService(reactor, unknown[i], "tcp"), -TORC_ESERVICE);
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_portOfService(NULL, "http", "tcp"), -EINVAL);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, NULL, "tcp"), -EINVAL);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "", "tcp"), -EINVAL);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "http", NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_portOfService(reactor, "http", "sctp"), -EINVAL);
    end();
}
END_TEST

START_TEST(a_client_connects_by_the_name_of_a_service) /* CONN-11 */
{
    begin(EDGE);
    serve(&rec, 79);
    Recording client = {0};
    TorcClientFactory *factory = Recording_factory(&client);
    int finger = TorcReactor_portOfService(reactor, "finger", "tcp");
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "localhost", finger, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(client.log, "started made");
    end();
    Recording_done(&client);
}
END_TEST

/* ---- the host's own list ------------------------------------------------------------------- */

static int known(const char *name, const char *protocol)
{
    const struct servent *found = getservbyname(name, protocol);
    return found ? ntohs((uint16_t)found->s_port) : -TORC_ESERVICE;
}

START_TEST(on_a_real_system_it_is_the_hosts_list_that_counts)
{
    TorcReactor *real = TorcReactor_new(NULL);
    ck_assert_ptr_nonnull(real);
    ck_assert_int_eq(TorcReactor_portOfService(real, "http", "tcp"), known("http", "tcp"));
    ck_assert_int_eq(TorcReactor_portOfService(real, "domain", "udp"), known("domain", "udp"));
    ck_assert_int_eq(TorcReactor_portOfService(real, "no-such-service", "tcp"), -TORC_ESERVICE);
    TorcReactor_free(real);
}
END_TEST

RUN_LOOP_TESTS("names of services", {a_service_is_known_by_its_name, 1},
               {digits_stand_for_themselves, 1}, {an_unknown_service_is_an_error_of_its_own, 1},
               {bad_arguments_are_refused, 1}, {a_client_connects_by_the_name_of_a_service, 1},
               {on_a_real_system_it_is_the_hosts_list_that_counts, 1})
