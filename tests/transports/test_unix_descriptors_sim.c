/* Descriptors over UNIX sockets of the simulated kernel: the library sends, the library receives, in
 * each mode of readiness and under faults. What real sockets do is in test_unix_descriptors.c. */
#include <fcntl.h>

#include "reactor/reactor_internal.h" /* before a variable of the fixture has its name */

#include <torc/testing/sim_faults.h>
#include <torc/testing/sim_hygiene.h>
#include <torc/testing/sim_seeds.h>

#include "../support/stream_test.h"
#include "descriptor_taker.h"
#include "transports/address_internal.h"

#define SOCKET "/run/chat"

static bool taken_in_order; /* the bytes are a pattern */
static Recording client;

static void pattern_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    (void)self;
    for (size_t i = 0; i < length; i++)
        taken_in_order &= bytes[i] == pattern_at(taken_bytes++);
}

static const TorcProtocolClass pattern_class = {
    TORC_PROTOCOL_SUBCLASS("pattern", TorcProtocol, &taker_class),
    .dataReceived = pattern_dataReceived,
};

static void connect_client(void)
{
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectUNIX(reactor, SOCKET, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
}

/* A client, and a server that takes descriptors, on the simulation there is. */
static void connect_pair(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&pattern_class);
    begin_taking();
    taken_in_order = true;
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, SOCKET, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
    connect_client();
    settle();
    ck_assert(taker && client.transport);
}

static void begin_pair(int mode)
{
    begin(mode);
    connect_pair();
}

static const TorcSystemOps *ops(void)
{
    return reactor->system->ops;
}

static void close_fd(int fd)
{
    ck_assert_int_eq(TorcReactor_closeDescriptor(reactor, fd), 0);
    ck_assert_int_eq(TorcReactor_closeDescriptor(reactor, fd), -EBADF);
    ck_assert_int_eq(TorcReactor_closeDescriptor(reactor, -1), -EINVAL);
    ck_assert_int_eq(TorcReactor_closeDescriptor(NULL, fd), -EINVAL);
}

static void close_taken(void)
{
    while (taken_count > 0)
        close_fd(taken[--taken_count]);
}

/* Both connections and the port are closed, and no descriptor is left or under way. */
static void assert_clean(void)
{
    char report[1000];
    close_taken();
    if (client.transport)
        TorcTransport_abortConnection(client.transport);
    TorcPort_stopListening(port, NULL);
    settle();
    ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
}

static void end_pair(void)
{
    assert_clean();
    end();
    Recording_done(&client);
    client = (Recording){0};
}

/* ---- files that can be told apart ---------------------------------------------------------- */

static int numbered_file(int number)
{
    char byte = (char)number;
    ck_assert_int_eq(TorcSim_writeFile(sim, "/n", &byte, 1), 0);
    int fd = ops()->open(reactor->system, "/n", O_RDONLY, 0);
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(TorcSim_removeFile(sim, "/n"), 0);
    return fd;
}

static int number_of(int fd)
{
    char byte = -1;
    ck_assert_int_eq(ops()->pread(reactor->system, fd, &byte, 1, 0), 1);
    return byte;
}

static void send_numbered(int number)
{
    int fd = numbered_file(number);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, fd), 0);
    close_fd(fd); /* at once: it was duplicated */
}

static void send_pattern(size_t from, size_t length)
{
    uint8_t *bytes = new_pattern(from + length);
    ck_assert_int_eq(TorcTransport_write(client.transport, bytes + from, length), 0);
    free(bytes);
}

static bool took(size_t count)
{
    bool right = taken_count == count && taken_in_order;
    for (size_t i = 0; i < count && right; i++)
        right = number_of(taken[i]) == (int)i;
    return right;
}

/* ---- sending and receiving ----------------------------------------------------------------- */

START_TEST(a_descriptor_comes_before_the_bytes_that_carry_it) /* UNIX-6, UNIX-7 */
{
    begin_pair(_i);
    send_pattern(0, 5);
    settle();
    send_numbered(0);
    send_pattern(5, 9);
    settle();
    ck_assert(took(1));
    ck_assert_uint_eq(taken_at[0], 5);
    ck_assert_uint_eq(taken_bytes, 14);
    end_pair();
}
END_TEST

START_TEST(several_go_in_order_each_with_a_byte) /* UNIX-6 */
{
    begin_pair(_i);
    for (int i = 0; i < 5; i++)
        send_numbered(i);
    send_pattern(0, 9);
    settle();
    ck_assert(took(5));
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(taken_at[i], i);
    ck_assert_uint_eq(taken_bytes, 9);
    end_pair();
}
END_TEST

START_TEST(one_waits_until_the_peer_reads)
{
    begin_pair(_i);
    TorcTransport_pauseProducing(taker);
    send_pattern(0, 100000);
    settle();
    send_numbered(0);
    settle();
    ck_assert_uint_eq(taken_count, 0);
    TorcTransport_resumeProducing(taker);
    settle();
    ck_assert(took(1));
    ck_assert_uint_eq(taken_bytes, 100000);
    end_pair();
}
END_TEST

START_TEST(more_descriptors_than_bytes_end_the_connection) /* UNIX-6 */
{
    begin_pair(_i);
    send_numbered(0);
    settle();
    ck_assert_int_eq(client.kind, TORC_CONNECTION_DESCRIPTOR_OVERRUN);
    ck_assert_uint_eq(taken_count, 0);
    end_pair();
}
END_TEST

START_TEST(what_is_under_way_goes_with_the_connection)
{
    begin_pair(_i);
    TorcTransport_pauseProducing(taker);
    send_numbered(0);
    send_pattern(0, 1);
    settle();
    TorcTransport_abortConnection(taker);
    settle();
    ck_assert_uint_eq(taken_count, 0);
    end_pair();
}
END_TEST

/* A connection is handed to somebody else, who adopts it. */
START_TEST(a_connection_can_be_handed_on)
{
    begin_pair(_i);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.1", 79), 0);
    int fd = ops()->socket(reactor->system, AF_INET, SOCK_STREAM);
    TorcAddress address;
    struct sockaddr_storage name;
    ck_assert_int_eq(TorcAddress_parse("192.0.2.1", 79, &address), 0);
    socklen_t length = torc__address_toSockaddr(&address, &name);
    (void)ops()->connect(reactor->system, fd, (struct sockaddr *)&name, length);
    settle();
    TorcSimPeer *caller = TorcSim_accept(sim, 79);
    ck_assert_ptr_nonnull(caller);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, fd), 0);
    send_pattern(0, 1);
    close_fd(fd);
    settle();
    ck_assert_uint_eq(taken_count, 1);
    rec.on[RECORD_DATA] = echo;
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_adoptStreamConnection(reactor, taken[0], &factory->base), 0);
    TorcFactory_unref(&factory->base);
    close_taken();
    TorcSimPeer_send(caller, "hello");
    settle();
    ck_assert_str_eq(TorcSimPeer_received(caller), "hello");
    TorcSimPeer_close(caller);
    settle();
    end_pair();
}
END_TEST

/* ---- faults -------------------------------------------------------------------------------- */

START_TEST(too_many_under_way_are_waited_out)
{
    begin_pair(_i);
    TorcSim_failCall(sim, TORC_SIM_SEND_DESCRIPTOR, 1, ETOOMANYREFS, 2);
    for (int i = 0; i < 3; i++)
        send_numbered(i);
    send_pattern(0, 6);
    TorcSim_advance(sim, 10);
    ck_assert(took(3));
    ck_assert_uint_eq(taken_bytes, 6);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_SEND_DESCRIPTOR), 5); /* it did not spin */
    end_pair();
}
END_TEST

/* By level the watch has to change when the last byte has left. */
START_TEST(a_watch_that_cannot_change_behind_the_last_one_ends_the_connection) /* BUG-8 */
{
    begin_pair(LEVEL);
    TorcTransport_pauseProducing(taker);
    send_pattern(0, 100000);
    settle();
    send_numbered(0);
    TorcSim_failCall(sim, TORC_SIM_WATCH, 2, ENOMEM, 1); /* the first is for the taker to read on */
    TorcTransport_resumeProducing(taker);
    settle();
    ck_assert_int_eq(client.kind, TORC_CONNECTION_LOST);
    ck_assert(took(1));
    ck_assert_uint_eq(taken_bytes, 100000);
    end_pair();
}
END_TEST

START_TEST(one_that_gets_no_number_is_lost_and_the_bytes_come) /* UNIX-7 */
{
    begin_pair(_i);
    TorcSim_failCall(sim, TORC_SIM_TAKE_DESCRIPTOR, 2, EMFILE, 1);
    for (int i = 0; i < 3; i++)
        send_numbered(i);
    send_pattern(0, 6);
    settle();
    ck_assert_uint_eq(taken_count, 2);
    ck_assert_int_eq(number_of(taken[1]), 2);
    ck_assert(taken_in_order);
    ck_assert_uint_eq(taken_bytes, 6);
    end_pair();
}
END_TEST

START_TEST(a_class_without_the_slot_gets_the_bytes) /* UNIX-7 */
{
    begin(_i);
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, SOCKET, &factory->base, NULL, &port), 0);
    TorcFactory_unref(&factory->base);
    connect_client();
    settle();
    send_numbered(0);
    ck_assert_int_eq(TorcTransport_write(client.transport, "bytes", 5), 0);
    settle();
    ck_assert_str_eq(Recording_received(&rec), "bytes");
    end_pair();
}
END_TEST

static bool pass_many_under_faults(TorcSim *made, void *arg)
{
    enum { COUNT = 30, LENGTH = 40000 };
    (void)arg;
    sim = made;
    reactor = TorcSim_reactor(sim);
    connect_pair();
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 3000, .again = 1000, .interrupt = 1000,
                                           .delay = 500, .noBuffers = 500));
    for (int i = 0; i < COUNT; i++) {
        send_numbered(i);
        send_pattern((size_t)i * LENGTH, LENGTH);
        TorcSim_advance(sim, 0.01);
    }
    TorcSim_stopFaults(sim);
    TorcSim_advance(sim, 10);
    TORC_SIM_CHECK(sim, taken_bytes == (size_t)COUNT * LENGTH);
    TORC_SIM_CHECK(sim, took(COUNT));
    for (size_t i = 0; i < COUNT; i++)
        TORC_SIM_CHECK(sim, taken_at[i] <= i * LENGTH);
    assert_clean();
    Recording_done(&client);
    client = (Recording){0};
    return true;
}

START_TEST(none_is_lost_or_late_under_faults) /* UNIX-6 */
{
    ck_assert(torc_sim_runSeeds(1, 20, pass_many_under_faults, NULL));
}
END_TEST

RUN_LOOP_TESTS("descriptors over UNIX sockets, simulated",
               {a_descriptor_comes_before_the_bytes_that_carry_it, MODES},
               {several_go_in_order_each_with_a_byte, MODES},
               {one_waits_until_the_peer_reads, WHOLE_MODES},
               {more_descriptors_than_bytes_end_the_connection, MODES},
               {what_is_under_way_goes_with_the_connection, MODES},
               {a_connection_can_be_handed_on, MODES}, {too_many_under_way_are_waited_out, MODES},
               {a_watch_that_cannot_change_behind_the_last_one_ends_the_connection, 1},
               {one_that_gets_no_number_is_lost_and_the_bytes_come, MODES},
               {a_class_without_the_slot_gets_the_bytes, MODES},
               {none_is_lost_or_late_under_faults, 1})
