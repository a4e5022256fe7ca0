/* The string transport: how it is connected, what it shows of a protocol's writes, and what it does
 * not put up with. Closing, flow control, and what is bound to its connection have files of their
 * own. */
#include "string_transport_fixture.h"

/* ---- connecting ---------------------------------------------------------------------------- */

START_TEST(connecting_makes_the_connection)
{
    ck_assert(!TorcStringTransport_connected(wire));
    ck_assert_ptr_null(TorcStringTransport_protocol(wire));
    connect_recorder();
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcStringTransport_connected(wire));
    ck_assert(!TorcStringTransport_disconnecting(wire));
    ck_assert_ptr_eq(TorcStringTransport_protocol(wire), rec.protocol);
    ck_assert_ptr_eq(TorcStringTransport_transport(wire), rec.transport);
    ck_assert_ptr_null(TorcStringTransport_reason(wire));
}
END_TEST

START_TEST(a_refused_connection_leaves_it_unconnected)
{
    TorcClientFactory *factory = Recording_factory(&rec);

    rec.refuse = true;
    ck_assert_int_eq(TorcStringTransport_connect(wire, &factory->base), -TORC_EREFUSED);
    rec.refuse = false;
    rec.build_code = -EACCES;
    ck_assert_int_eq(TorcStringTransport_connect(wire, &factory->base), -EACCES);
    ck_assert_int_eq(TorcStringTransport_connect(wire, NULL), -EINVAL);
    ck_assert_ptr_null(TorcStringTransport_protocol(wire));
    TorcFactory_unref(&factory->base);
}
END_TEST

START_TEST(for_a_class_it_is_one_line)
{
    TorcStringTransport *echo = TorcStringTransport_forProtocol(&torc_echo_class);

    TorcStringTransport_deliver(echo, "hello");
    ck_assert_str_eq(TorcStringTransport_value(echo), "hello");
    TorcStringTransport_free(echo);
}
END_TEST

START_TEST(a_class_that_does_not_fit_is_refused)
{
    static const TorcProtocolClass bad = {.class_size = 1};

    errno = 0;
    ck_assert_ptr_null(TorcStringTransport_forProtocol(&bad));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(an_instance_can_be_connected_by_itself)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcProtocol *protocol = TorcProtocol_new(&torc_echo_class, factory);

    TorcFactory_unref(factory);
    TorcStringTransport_connectProtocol(wire, protocol);
    TorcStringTransport_deliver(wire, "hello");
    ck_assert_str_eq(TorcStringTransport_value(wire), "hello");
}
END_TEST

START_TEST(addresses_are_what_was_set)
{
    TorcAddress host;
    TorcAddress peer;
    TorcAddress seen;

    ck_assert_int_eq(TorcAddress_parse("::1", 79, &host), 0);
    ck_assert_int_eq(TorcAddress_parse("10.0.0.9", 4711, &peer), 0);
    TorcStringTransport_setHost(wire, &host);
    TorcStringTransport_setPeer(wire, &peer);
    connect_recorder();
    ck_assert(TorcAddress_equal(&rec.peer, &peer)); /* given to buildProtocol */
    TorcTransport_getHost(rec.transport, &seen);
    ck_assert(TorcAddress_equal(&seen, &host));
    TorcTransport_getPeer(rec.transport, &seen);
    ck_assert(TorcAddress_equal(&seen, &peer));
}
END_TEST

START_TEST(unset_addresses_differ)
{
    TorcAddress host;
    TorcAddress peer;
    char text[TORC_ADDRESS_TEXT_SIZE];

    TorcTransport_getHost(TorcStringTransport_transport(wire), &host);
    TorcTransport_getPeer(TorcStringTransport_transport(wire), &peer);
    ck_assert_str_eq(TorcAddress_format(&host, text, sizeof(text)), "192.168.1.1:54321");
    ck_assert_str_eq(TorcAddress_format(&peer, text, sizeof(text)), "192.168.1.2:12345");
}
END_TEST

START_TEST(there_is_no_socket_below)
{
    ck_assert_int_eq(TorcTransport_getHandle(rec.transport), -ENOTCONN);
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(rec.transport, true), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), -EOPNOTSUPP);
    ck_assert_ptr_null(TorcTransport_getReactor(rec.transport));
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------- */

START_TEST(writes_are_collected_and_can_be_told_apart)
{
    TorcBytes pieces[] = {{"two", 3}, {NULL, 0}, {"three", 5}};

    ck_assert_str_eq(TorcStringTransport_value(wire), "");
    ck_assert_int_eq(write_text("one"), 0);
    ck_assert_int_eq(write_text(""), 0);
    ck_assert_int_eq(TorcTransport_writeSequence(rec.transport, pieces, 3), 0);
    ck_assert_int_eq(TorcTransport_printf(rec.transport, "%d", 4), 0);
    ck_assert_str_eq(TorcStringTransport_value(wire), "onetwothree4");
    ck_assert_uint_eq(TorcStringTransport_length(wire), 12);
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 3);
    assert_write(0, "one");
    assert_write(1, "twothree");
    assert_write(2, "4");
    ck_assert_ptr_null(TorcStringTransport_writeAt(wire, 3).data);
}
END_TEST

START_TEST(bytes_are_counted_not_terminated)
{
    ck_assert_int_eq(TorcTransport_write(rec.transport, "a\0b", 3), 0);
    ck_assert_uint_eq(TorcStringTransport_length(wire), 3);
    ck_assert_mem_eq(TorcStringTransport_value(wire), "a\0b\0", 4);
}
END_TEST

START_TEST(clear_begins_anew)
{
    ck_assert_int_eq(write_text("one"), 0);
    TorcStringTransport_clear(wire);
    ck_assert_str_eq(TorcStringTransport_value(wire), "");
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 0);
    ck_assert_int_eq(write_text("two"), 0);
    ck_assert_str_eq(TorcStringTransport_value(wire), "two");
    ck_assert_uint_eq(TorcStringTransport_writeCount(wire), 1);
    assert_write(0, "two");
}
END_TEST

static void count_up(void *arg)
{
    ++*(int *)arg;
}

START_TEST(owned_bytes_are_released_once_also_when_refused)
{
    int released = 0;

    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, "one", 3, count_up, &released), 0);
    ck_assert_int_eq(released, 1);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, "two", 3, count_up, &released),
                     -EPIPE);
    ck_assert_int_eq(released, 2);
    ck_assert_str_eq(TorcStringTransport_value(wire), "one");
}
END_TEST

/* ---- misuse -------------------------------------------------------------------------------- */

static void turn_inside(Recording *recording)
{
    (void)recording;
    TorcStringTransport_turn(wire);
}

START_TEST(a_turn_inside_a_slot_is_fatal)
{
    rec.on[RECORD_DATA] = turn_inside;
    connect_recorder();
    TorcStringTransport_deliver(wire, "x");
}
END_TEST

START_TEST(input_before_connecting_is_fatal)
{
    TorcStringTransport_deliver(wire, "x");
}
END_TEST

START_TEST(connecting_twice_is_fatal)
{
    connect_recorder();
    connect_recorder();
}
END_TEST

START_TEST(input_behind_the_fin_is_fatal)
{
    connect_recorder();
    TorcStringTransport_deliverEnd(wire);
    TorcStringTransport_deliver(wire, "x");
}
END_TEST

START_TEST(no_string_transport_is_fatal)
{
    TorcStringTransport_turn(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("string transport");
    SRunner *runner = srunner_create(suite);

    ADD_CASE(suite, "connecting", set_up, tear_down, connecting_makes_the_connection,
             a_refused_connection_leaves_it_unconnected, for_a_class_it_is_one_line,
             a_class_that_does_not_fit_is_refused, an_instance_can_be_connected_by_itself,
             addresses_are_what_was_set, unset_addresses_differ);
    ADD_CASE(suite, "connected", set_up_connected, tear_down, there_is_no_socket_below,
             writes_are_collected_and_can_be_told_apart, bytes_are_counted_not_terminated,
             clear_begins_anew, owned_bytes_are_released_once_also_when_refused);
    ADD_FATAL(suite, runner, a_turn_inside_a_slot_is_fatal, input_before_connecting_is_fatal,
              connecting_twice_is_fatal, input_behind_the_fin_is_fatal,
              no_string_transport_is_fatal);
    return run_and_free(runner) ? 0 : 1;
}
