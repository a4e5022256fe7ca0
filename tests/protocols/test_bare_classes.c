/* The bundled classes as they are, with every slot left to them. */
#include <check.h>
#include <errno.h>

#include <torc/torc.h>

#include "../support/run_tests.h"

START_TEST(lines_that_nobody_wants_are_dropped)
{
    TorcStringTransport *wire = TorcStringTransport_forProtocol(&torc_line_receiver_class.protocol);
    TorcStringTransport_deliver(wire, "one\r\ntwo\r\nth");
    ck_assert_uint_eq(TorcStringTransport_length(wire), 0);
    ck_assert(TorcStringTransport_connected(wire));
    TorcStringTransport_free(wire);
}
END_TEST

START_TEST(raw_bytes_that_nobody_wants_are_dropped)
{
    TorcStringTransport *wire = TorcStringTransport_forProtocol(&torc_line_receiver_class.protocol);
    TorcLineReceiver_setRawMode((TorcLineReceiver *)TorcStringTransport_protocol(wire));
    TorcStringTransport_deliver(wire, "one\r\ntwo");
    ck_assert_uint_eq(TorcStringTransport_length(wire), 0);
    ck_assert(TorcStringTransport_connected(wire));
    TorcStringTransport_free(wire);
}
END_TEST

START_TEST(a_string_transport_has_nothing_that_only_sockets_have)
{
    TorcStringTransport *wire = TorcStringTransport_forProtocol(&torc_echo_class);
    TorcTransport *transport = TorcStringTransport_transport(wire);
    TorcCredentials credentials;
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(transport, 0), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getPeerCredentials(transport, &credentials), -EOPNOTSUPP);
    TorcStringTransport_free(wire);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("bare classes");
    tcase_add_test(tests, lines_that_nobody_wants_are_dropped);
    tcase_add_test(tests, raw_bytes_that_nobody_wants_are_dropped);
    tcase_add_test(tests, a_string_transport_has_nothing_that_only_sockets_have);
    return run_case("bare classes", tests);
}
