/* Line echo over the simulated kernel. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/protocols/line_echo.h>
#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "clean_end.h"

enum { PORT = 8881 };

static TorcSim *sim;
static TorcSimPeer *peer;

static void start_chunked(size_t chunk_size)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_line_echo_class.protocol);

    sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = chunk_size));
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    peer = TorcSim_connect(sim, PORT);
}

static void setup(void)
{
    start_chunked(0);
}

static void teardown(void)
{
    end_clean(sim);
}

static void send_text(const char *text)
{
    TorcSimPeer_send(peer, text);
    TorcSim_advance(sim, 0);
}

START_TEST(gives_back_lf_and_crlf_as_they_came)
{
    send_text("one\ntwo\r\n\nrest");
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\ntwo\r\n\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\ntwo\r\n\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

START_TEST(closes_at_an_over_long_line)
{
    static char line[16384 + 2];

    memset(line, 'x', 16384 + 1);
    send_text("one\n");
    send_text(line);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
}
END_TEST

/* Sends the lines while reading nothing, then reads all: they come back whole. */
static void check_slow_reader(size_t lines)
{
    size_t size = lines * 32;
    char *text = malloc(size + 1);
    char *at = text;

    for (size_t i = 0; i < lines; i++)
        at += sprintf(at, "line number %zu of many\n", i);
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_send(peer, text);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), (size_t)(at - text));
    ck_assert_mem_eq(TorcSimPeer_received(peer), text, (size_t)(at - text));
    ck_assert(TorcSimPeer_gotEnd(peer));
    free(text);
}

START_TEST(serves_a_client_that_writes_all_before_it_reads)
{
    check_slow_reader(100000);
}
END_TEST

START_TEST(holds_little_for_a_client_that_does_not_read) /* BUG-3 */
{
    static char line[1025];
    long most = 0;

    memset(line, 'x', 1023);
    line[1023] = '\n';
    TorcSimPeer_stopReading(peer);
    send_text(line);
    FailingMemory_start(-1);
    for (int i = 0; i < 5000; i++) {
        TorcSimPeer_send(peer, line);
        if (i % 50 == 0) {
            TorcSim_advance(sim, 0.01);
            if (FailingMemory_live() > most)
                most = FailingMemory_live();
        }
    }
    FailingMemory_stop();
    ck_assert_int_lt(most, 100); /* chunks of 16 KiB or so; 5 MB would be hundreds */
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 5001 * 1024);
}
END_TEST

START_TEST(works_byte_by_byte)
{
    TorcSim_free(sim);
    start_chunked(1);
    check_slow_reader(300);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("line echo");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, gives_back_lf_and_crlf_as_they_came);
    tcase_add_test(tests, closes_at_an_over_long_line);
    tcase_add_test(tests, serves_a_client_that_writes_all_before_it_reads);
    tcase_add_test(tests, holds_little_for_a_client_that_does_not_read);
    tcase_add_test(tests, works_byte_by_byte);
    return run_case("line_echo", tests);
}
