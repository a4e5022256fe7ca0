/* TCP options of a transport: what is set is what the socket has; bad values are refused. */
#include <limits.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "../support/stream_test.h"
#include "transports/transport_internal.h"

static int option(int level, int name)
{
    int value = -1;
    ck_assert_int_eq(rec.transport->cls->getOption(rec.transport, level, name, &value), 0);
    return value;
}

START_TEST(no_delay_is_on_and_can_be_turned_off) /* OPT-1 */
{
    begin_connected(EDGE);
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(rec.transport), 1);
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(rec.transport, false), 0);
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(rec.transport), 0);
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(rec.transport, true), 0);
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(rec.transport), 1);
    end();
}
END_TEST

START_TEST(a_port_with_nagle_leaves_it_on)
{
    begin(EDGE);
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, &factory->base,
                                           TORC_LISTEN_OPTIONS(.nagle = true), NULL),
                     0);
    TorcFactory_unref(&factory->base);
    peer = connect_peer();
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(rec.transport), 0);
    end();
}
END_TEST

START_TEST(keep_alive_is_off_and_can_be_turned_on) /* OPT-1 */
{
    begin_connected(EDGE);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), 0);
    ck_assert_int_eq(TorcTransport_setTcpKeepAlive(rec.transport, true), 0);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), 1);
    ck_assert_int_eq(TorcTransport_setTcpKeepAlive(rec.transport, false), 0);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), 0);
    end();
}
END_TEST

START_TEST(options_are_per_connection) /* OPT-1 */
{
    Recording second = {0};
    begin(EDGE);
    rec.next = &second;
    serve(&rec, PORT);
    connect_peer();
    connect_peer();
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(rec.transport, false), 0);
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(second.transport), 1);
    end();
    Recording_done(&second);
}
END_TEST

START_TEST(keep_alive_times_turn_it_on) /* BUG-43 */
{
    begin_connected(EDGE);
    int interval = option(IPPROTO_TCP, TCP_KEEPINTVL);
    ck_assert_int_eq(TorcTransport_setTcpKeepAliveTimes(rec.transport, 60, 0, 5), 0);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), 1);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPINTVL), interval);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPCNT), 5);
    ck_assert_int_eq(TorcTransport_setTcpKeepAliveTimes(rec.transport, 32767, 32767, 127), 0);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPINTVL), 32767);
    end();
}
END_TEST

START_TEST(bad_keep_alive_times_change_nothing)
{
    static const int bad[][3] = {{-1, 0, 0},    {0, -1, 0},    {0, 0, -1},
                                 {32768, 0, 0}, {0, 32768, 0}, {0, 0, 128}};
    begin_connected(EDGE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(
            TorcTransport_setTcpKeepAliveTimes(rec.transport, bad[i][0], bad[i][1], bad[i][2]),
            -EINVAL);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), 0);
    end();
}
END_TEST

START_TEST(the_user_timeout_is_in_milliseconds_rounded_up) /* BUG-43 */
{
    begin_connected(EDGE);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(rec.transport, 2.5), 0);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 2500);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(rec.transport, 0.0001), 0);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 1);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(rec.transport, 0), 0);
    ck_assert_int_eq(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(rec.transport, (double)NAN), -EINVAL);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(rec.transport, -1), -EINVAL);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(rec.transport, 3e6), -EINVAL);
    end();
}
END_TEST

START_TEST(buffer_sizes_are_set_and_told)
{
    begin_connected(EDGE);
    ck_assert_int_eq(TorcTransport_setSendBufferSize(rec.transport, 50000), 0);
    ck_assert_int_eq(TorcTransport_getSendBufferSize(rec.transport), 100000);
    ck_assert_int_eq(TorcTransport_setReceiveBufferSize(rec.transport, 60000), 0);
    ck_assert_int_eq(TorcTransport_getReceiveBufferSize(rec.transport), 120000);
    ck_assert_int_eq(TorcTransport_setSendBufferSize(rec.transport, 0), -EINVAL);
    ck_assert_int_eq(TorcTransport_setReceiveBufferSize(rec.transport, -1), -EINVAL);
    end();
}
END_TEST

START_TEST(the_handle_is_the_descriptor) /* OPT-4 */
{
    begin_connected(EDGE);
    ck_assert_int_gt(TorcTransport_getHandle(rec.transport), 2);
    ck_assert_int_eq(TorcTransport_getHandle(NULL), -ENOTCONN);
    end();
}
END_TEST

static void set_in_connectionLost(Recording *recording)
{
    ck_assert_int_ge(TorcTransport_getHandle(recording->transport), 0);
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(recording->transport, false), 0);
    ck_assert_int_eq(TorcTransport_setWriteMarks(recording->transport, 2, 1), 0);
    ck_assert_int_eq(TorcTransport_setCloseTimeout(recording->transport, 1), 0);
}

START_TEST(options_can_be_set_until_connectionLost_has_returned)
{
    begin_connected(_i);
    rec.on[RECORD_LOST] = set_in_connectionLost;
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

START_TEST(null_is_answered_not_followed)
{
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(NULL, true), -EINVAL);
    ck_assert_int_eq(TorcTransport_getTcpNoDelay(NULL), -EINVAL);
    ck_assert_int_eq(TorcTransport_setTcpKeepAlive(NULL, true), -EINVAL);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(NULL), -EINVAL);
    ck_assert_int_eq(TorcTransport_setTcpKeepAliveTimes(NULL, 0, 0, 0), -EINVAL);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcTransport_setSendBufferSize(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcTransport_getReceiveBufferSize(NULL), -EINVAL);
    ck_assert(!TorcTransport_connected(NULL));
    ck_assert(!TorcTransport_disconnecting(NULL));
    ck_assert_ptr_null(TorcTransport_getReactor(NULL));
    ck_assert_uint_eq(TorcTransport_getConnectionId(NULL).generation, 0);
    TorcAddress address = {.port = 7};
    TorcTransport_getHost(NULL, &address);
    ck_assert_uint_eq(address.port, 0);
    TorcTransport_getPeer(NULL, NULL);
}
END_TEST

RUN_LOOP_TESTS("TCP options", {no_delay_is_on_and_can_be_turned_off, 1},
               {a_port_with_nagle_leaves_it_on, 1}, {keep_alive_is_off_and_can_be_turned_on, 1},
               {options_are_per_connection, 1}, {keep_alive_times_turn_it_on, 1},
               {bad_keep_alive_times_change_nothing, 1},
               {the_user_timeout_is_in_milliseconds_rounded_up, 1},
               {buffer_sizes_are_set_and_told, 1}, {the_handle_is_the_descriptor, 1},
               {options_can_be_set_until_connectionLost_has_returned, MODES},
               {null_is_answered_not_followed, 1})
