/* Descriptors over UNIX sockets, on real ones: in what order they arrive, what a sender may do wrong,
 * and a kernel that refuses. */
#include "../support/failing_memory.h"
#include "unix_descriptors_fixture.h"

/* A library client, recorded in `client`, and a Taker at the other end. */
static void begin_pair(int backend)
{
    begin_test(backend);
    serve_takers();
    ck_assert_int_eq(connect_with(path, NULL), 0);
    turn_until(client.transport && taker);
}

/* ---- sending and receiving ----------------------------------------------------------------- */

START_TEST(a_descriptor_comes_before_the_bytes_that_carry_it) /* UNIX-6, UNIX-7 */
{
    begin_pair(_i);
    offer(client.transport, 1, "take this");
    ck_assert_str_eq(taken_log, "made"); /* nothing before the turn is over */
    turn_until(taken_bytes == 9);
    ck_assert_str_eq(taken_log, "made fd data:9");
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(the_bytes_may_have_been_written_before) /* UNIX-6 */
{
    begin_pair(_i);
    ck_assert_int_eq(write_text(client.transport, "take this"), 0);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    turn_until(taken_bytes == 9);
    ck_assert_str_eq(taken_log, "made fd data:9");
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(several_go_in_order_each_with_a_byte) /* UNIX-6 */
{
    begin_pair(_i);
    offer(client.transport, 5, "12345rest");
    turn_until(taken_bytes == 9);
    ck_assert_str_eq(taken_log, "made fd data:1 fd data:1 fd data:1 fd data:1 fd data:5");
    assert_taken(5);
    end_test();
}
END_TEST

START_TEST(as_many_bytes_as_descriptors_are_enough) /* UNIX-6 */
{
    begin_pair(_i);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
        ck_assert_int_eq(write_text(client.transport, "."), 0);
    }
    turn_until(taken_bytes == 200);
    assert_taken(200);
    ck_assert(taker && client.transport);
    end_test();
}
END_TEST

START_TEST(what_was_sent_is_the_same_open_file)
{
    int ends[2];
    begin_pair(_i);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, ends[1]), 0);
    close(ends[1]);
    ck_assert_int_eq(write_text(client.transport, "x"), 0);
    turn_until(taken_count == 1 && taken_bytes == 1);
    char text[6] = "";
    ck_assert_int_eq(write(taken[0], "hello", 5), 5);
    close_taken();
    ck_assert_int_eq(read(ends[0], text, 5), 5);
    ck_assert_str_eq(text, "hello");
    ck_assert_int_eq(read(ends[0], text, 1), 0); /* no other copy is left */
    close(ends[0]);
    end_test();
}
END_TEST

START_TEST(large_output_does_not_overtake_a_descriptor)
{
    static char bytes[200000];
    begin_pair(_i);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(TorcTransport_write(client.transport, bytes, sizeof(bytes)), 0);
    turn_until(taken_bytes == sizeof(bytes));
    ck_assert_ptr_eq(strstr(taken_log, "made fd data:"), taken_log);
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(loseConnection_sends_what_waits)
{
    begin_pair(_i);
    offer(client.transport, 1, "last");
    TorcTransport_loseConnection(client.transport);
    turn_until(!taker);
    ck_assert_str_eq(taken_log, "made fd data:4 lost:DONE");
    ck_assert_str_eq(client.log, "started made lost:DONE client-lost:DONE");
    end_test();
}
END_TEST

START_TEST(descriptors_go_both_ways)
{
    begin_pair(_i);
    int fd = numbered_file(7);
    on_descriptor = NULL;
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(taker, fd), 0);
    close(fd);
    ck_assert_int_eq(write_text(taker, "!"), 0);
    turn_until(client.received_length == 1); /* its class has no slot: closed; end() counts */
    end_test();
}
END_TEST

/* ---- the overrun rule ---------------------------------------------------------------------- */

START_TEST(more_descriptors_than_bytes_end_the_connection) /* UNIX-6 */
{
    begin_pair(_i);
    offer(client.transport, 3, "12");
    turn_until(!client.transport);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_DESCRIPTOR_OVERRUN);
    ck_assert_str_eq(client.text, "3 file descriptors were to be sent, but only 2 bytes for them "
                                  "to go with");
    turn_until(!taker);
    ck_assert_uint_eq(taken_count, 0);
    end_test();
}
END_TEST

START_TEST(a_descriptor_without_any_byte_ends_the_connection) /* UNIX-6 */
{
    begin_pair(_i);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_str_eq(client.log, "started made lost:DESCRIPTOR_OVERRUN "
                                 "client-lost:DESCRIPTOR_OVERRUN");
    end_test();
}
END_TEST

START_TEST(abortConnection_drops_what_waits)
{
    begin_pair(_i);
    offer(client.transport, 1, "x");
    TorcTransport_abortConnection(client.transport);
    turn_until(!taker);
    ck_assert_uint_eq(taken_count, 0);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_ABORTED);
    end_test();
}
END_TEST

/* ---- a kernel that refuses ----------------------------------------------------------------- */

static int send_error;
static unsigned send_errors;
static unsigned send_calls;

static ssize_t fail_to_send(TorcSystem *system, int fd, const void *data, size_t length, int passed)
{
    send_calls++;
    if (send_errors == 0)
        return real_ops->sendDescriptor(system, fd, data, length, passed);
    send_errors--;
    return -send_error;
}

START_TEST(a_refusal_is_waited_out)
{
    static const int errors[] = {EINTR, ENOBUFS, ENOMEM, ETOOMANYREFS};
    begin_pair(_i / 4);
    ops.sendDescriptor = fail_to_send;
    send_error = errors[_i % 4];
    send_errors = 2;
    send_calls = 0;
    offer(client.transport, 3, "abcdef");
    turn_until(taken_bytes == 6);
    assert_taken(3);
    ck_assert_uint_eq(send_calls, 5); /* it did not spin */
    ck_assert_str_eq(taken_log, "made fd data:1 fd data:1 fd data:4");
    end_test();
}
END_TEST

static ssize_t refuse_the_second(TorcSystem *system, int fd, const void *data, size_t length,
                                 int passed)
{
    return ++send_calls == 2 ? -ENOBUFS
                             : real_ops->sendDescriptor(system, fd, data, length, passed);
}

START_TEST(more_may_be_queued_while_some_wait)
{
    begin_pair(_i);
    ops.sendDescriptor = refuse_the_second;
    send_calls = 0;
    offer(client.transport, 3, "abcde");
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_uint_eq(send_calls, 2); /* the first has left */
    for (int i = 3; i < 5; i++)
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
    ck_assert_int_eq(write_text(client.transport, "f"), 0);
    turn_until(taken_bytes == 6);
    assert_taken(5);
    end_test();
}
END_TEST

START_TEST(a_full_socket_is_waited_for)
{
    static char bytes[4 * 1024 * 1024];
    begin_pair(_i);
    TorcTransport_pauseProducing(taker);
    ck_assert_int_eq(TorcTransport_write(client.transport, bytes, sizeof(bytes)), 0);
    turn_for(0.1);
    ck_assert_uint_gt(TorcTransport_bufferedBytes(client.transport), 0);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    turn_for(0.1);
    ck_assert_uint_eq(taken_count, 0);
    TorcTransport_resumeProducing(taker);
    turn_until(taken_bytes == sizeof(bytes));
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(a_peer_that_is_gone_ends_the_connection_and_nothing_leaks)
{
    begin_pair(_i);
    TorcTransport_abortConnection(taker);
    offer(client.transport, 2, "xyz");
    turn_until(!client.transport);
    ck_assert_int_ne(client.kind, TORC_CONNECTION_DESCRIPTOR_OVERRUN);
    end_test();
}
END_TEST

START_TEST(what_a_peer_said_before_it_went_is_read_and_its_descriptors_are_dropped)
{
    enum { LENGTH = 180000 }; /* more than one turn reads */
    static char bytes[LENGTH];
    begin_test(_i);
    serve();
    int fd = dial();
    turn_until(server.transport);
    ck_assert_int_eq(send(fd, bytes, LENGTH, MSG_DONTWAIT), LENGTH);
    close(fd);
    offer(server.transport, 2, "xyz");
    turn_until(!server.transport);
    ck_assert_uint_eq(server.received_length, LENGTH);
    ck_assert_int_eq(server.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(server.code, -EPIPE);
    end_test();
}
END_TEST

START_TEST(a_send_that_fails_for_good_ends_the_connection)
{
    begin_pair(_i);
    ops.sendDescriptor = fail_to_send;
    send_error = EPERM;
    send_errors = 1;
    offer(client.transport, 2, "xyz");
    turn_until(!client.transport);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(client.code, -EPERM);
    end_test();
}
END_TEST

/* ---- bad calls ----------------------------------------------------------------------------- */

START_TEST(bad_arguments_are_refused_and_change_nothing)
{
    begin_pair(0);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(NULL, 0), -EINVAL);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, -1), -EINVAL);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, 1000000), -EBADF);
    ck_assert_int_eq(write_text(client.transport, "still here"), 0);
    turn_until(taken_bytes == 10);
    TorcTransport_loseConnection(client.transport);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, 0), -EPIPE);
    turn_until(!client.transport);
    end_test();
}
END_TEST

START_TEST(tcp_has_no_such_thing)
{
    TorcAddress address;
    begin_test(0);
    TorcClientFactory *factory = Recording_factory(&server);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 0, &factory->base, NULL, &port), 0);
    TorcFactory_unref(&factory->base);
    TorcPort_getHost(port, &address);
    factory = Recording_factory(&client);
    ck_assert_int_eq(
        TorcReactor_connectTCP(reactor, "127.0.0.1", address.port, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    turn_until(client.transport);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, 0), -EOPNOTSUPP);
    end_test();
}
END_TEST

START_TEST(the_number_of_those_that_wait_is_bounded)
{
    int r = 0;
    int count = 0;
    begin_pair(0);
    int fd = numbered_file(0);
    while (count < 2000 && (r = TorcTransport_sendFileDescriptor(client.transport, fd)) == 0)
        count++;
    close(fd);
    /* the process may run out of descriptors first */
    ck_assert((r == -ENOBUFS && count == 1024) || r == -EMFILE);
    TorcTransport_abortConnection(client.transport);
    turn_until(!client.transport);
    end_test();
}
END_TEST

START_TEST(without_memory_nothing_has_changed)
{
    begin_pair(0);
    int r = -ENOMEM;
    long k = 0;
    int fd = numbered_file(0);
    for (; r < 0; k++) {
        FailingMemory_start(k);
        r = TorcTransport_sendFileDescriptor(client.transport, fd);
        FailingMemory_recover();
        FailingMemory_stop();
        ck_assert(r == 0 || r == -ENOMEM);
        if (r < 0)
            ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0); /* no overrun */
    }
    close(fd);
    ck_assert_int_ge(k, 3);
    ck_assert_int_eq(write_text(client.transport, "x"), 0);
    turn_until(taken_bytes == 1);
    assert_taken(1);
    end_test();
}
END_TEST

RUN_LOOP_TESTS(
    "descriptors over UNIX sockets", {a_descriptor_comes_before_the_bytes_that_carry_it, BACKENDS},
    {the_bytes_may_have_been_written_before, BACKENDS},
    {several_go_in_order_each_with_a_byte, BACKENDS},
    {as_many_bytes_as_descriptors_are_enough, BACKENDS},
    {what_was_sent_is_the_same_open_file, BACKENDS},
    {large_output_does_not_overtake_a_descriptor, BACKENDS},
    {loseConnection_sends_what_waits, BACKENDS}, {descriptors_go_both_ways, BACKENDS},
    {more_descriptors_than_bytes_end_the_connection, BACKENDS},
    {a_descriptor_without_any_byte_ends_the_connection, BACKENDS},
    {abortConnection_drops_what_waits, BACKENDS}, {a_refusal_is_waited_out, 4 * BACKENDS},
    {more_may_be_queued_while_some_wait, BACKENDS}, {a_full_socket_is_waited_for, BACKENDS},
    {a_peer_that_is_gone_ends_the_connection_and_nothing_leaks, BACKENDS},
    {what_a_peer_said_before_it_went_is_read_and_its_descriptors_are_dropped, BACKENDS},
    {a_send_that_fails_for_good_ends_the_connection, BACKENDS},
    {bad_arguments_are_refused_and_change_nothing, 1}, {tcp_has_no_such_thing, 1},
    {the_number_of_those_that_wait_is_bounded, 1}, {without_memory_nothing_has_changed, 1})
