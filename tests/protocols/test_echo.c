/* Echo (RFC 862) over the simulated kernel. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/run_tests.h"
#include "clean_end.h"

enum { PORT = 8881 };

static TorcSim *sim;
static TorcSimPeer *peer;

static void start(const TorcSimOptions *options)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);

    sim = TorcSim_newWith(options);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    peer = TorcSim_connect(sim, PORT);
}

static void setup(void)
{
    start(TORC_SIM_OPTIONS(.seed = 1));
}

static void setup_byte_by_byte(void)
{
    start(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 1));
}

static void teardown(void)
{
    end_clean(sim);
}

START_TEST(every_byte_comes_back)
{
    static const char bytes[] = "hello\0\xff\r\n";

    TorcSimPeer_sendBytes(peer, bytes, sizeof(bytes));
    TorcSim_advance(sim, 0);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), sizeof(bytes));
    ck_assert_mem_eq(TorcSimPeer_received(peer), bytes, sizeof(bytes));
    ck_assert(!TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(a_client_that_half_closes_at_once_gets_its_whole_echo) /* CLOSE-7, decided otherwise */
{
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}
END_TEST

START_TEST(a_client_that_writes_long_before_it_reads_gets_all_of_it)
{
    const size_t size = 3000000;
    char *bytes = malloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_sendBytes(peer, bytes, size);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), size);
    ck_assert_mem_eq(TorcSimPeer_received(peer), bytes, size);
    ck_assert(TorcSimPeer_gotEnd(peer));
    free(bytes);
}
END_TEST

START_TEST(while_its_output_waits_it_does_not_read)
{
    static char block[1 << 16];

    memset(block, 'x', sizeof(block));
    TorcSimPeer_stopReading(peer);
    for (int i = 0; i < 16; i++) {
        TorcSimPeer_sendBytes(peer, block, sizeof(block));
        TorcSim_advance(sim, 0);
    }
    uint64_t reads = TorcSim_countCalls(sim, TORC_SIM_RECV);
    for (int i = 0; i < 16; i++) {
        TorcSimPeer_sendBytes(peer, block, sizeof(block));
        TorcSim_advance(sim, 0);
    }
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_RECV), reads);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("echo");
    TCase *tests = tcase_create("echo");
    TCase *byte_by_byte = tcase_create("byte by byte");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_checked_fixture(byte_by_byte, setup_byte_by_byte, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, every_byte_comes_back);
    tcase_add_test(tests, a_client_that_half_closes_at_once_gets_its_whole_echo);
    tcase_add_test(tests, a_client_that_writes_long_before_it_reads_gets_all_of_it);
    tcase_add_test(tests, while_its_output_waits_it_does_not_read);
    tcase_add_test(byte_by_byte, every_byte_comes_back);
    tcase_add_test(byte_by_byte, a_client_that_half_closes_at_once_gets_its_whole_echo);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, byte_by_byte);

    return run_suite(suite);
}
