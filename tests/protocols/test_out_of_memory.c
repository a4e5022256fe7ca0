/* Whole conversations in which allocation number k fails, for every k: alone, or with all that
 * follow it. Nothing may crash, hang or leak, and when there is memory again the same reactor
 * serves a newcomer. The single calls have tests of their own. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"

enum { ECHO_PORT = 7, LINE_PORT = 8, FINGER_PORT = 79, FRESH_PORT = 9, OUTSIDE_PORT = 7777 };
enum { EDGE, LEVEL, EDGE_IN_PIECES, LEVEL_IN_PIECES, MODES };
enum { BULK = 150 * 1000 }; /* beyond the high mark and the buffer of the kernel */

static TorcSim *sim;
static TorcReactor *reactor;
static long calls_wanted; /* calls, answers and destroy functions that must still come */
static char bulk[BULK];

/* ---- what is scheduled --------------------------------------------------------------------- */

static void nothing(void *arg)
{
    (void)arg;
}

static void settle_call(void *arg)
{
    (void)arg;
    calls_wanted--;
}

static void finger_done(TorcResult *result, void *arg)
{
    const TorcFingerReply *reply = result->value;
    (void)arg;
    ck_assert(reply || result->reason);
    if (reply)
        ck_assert_uint_eq(strlen(reply->text), reply->length);
    TorcResult_clear(result);
    calls_wanted--;
}

static void schedule_calls(void)
{
    TorcCall *call = TORC_CALL(nothing, NULL, .destroy = settle_call);

    calls_wanted += 6;
    (void)TorcReactor_callLaterWith(reactor, 0.5, call, NULL);
    (void)TorcReactor_callFromThreadWith(reactor, call);
    (void)TorcReactor_callWhenRunningWith(reactor, call);
    (void)TorcReactor_callInThreadWith(reactor, call);
    (void)TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_BEFORE, TORC_EVENT_STARTUP,
                                                call, NULL);
    (void)TorcReactor_addSystemEventTriggerWith(reactor, TORC_PHASE_AFTER, TORC_EVENT_SHUTDOWN,
                                                call, NULL);
}

/* ---- servers ------------------------------------------------------------------------------- */

static void serve(int port, TorcFactory *factory)
{
    if (factory)
        (void)TorcReactor_listenTCP(reactor, port, factory, NULL, NULL);
    TorcFactory_unref(factory);
}

static void serve_finger(void)
{
    TorcFingerTable *table = TorcFingerTable_new();
    if (!table)
        return;
    (void)TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "ann", .name = "Ann Smith",
                                                       .plan = "Out.\n", .details = "Room 1\n"));
    (void)TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "bob", .name = "Bob Smith"));
    TorcFingerFactory *factory =
        TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = &table->base));
    TorcFingerDirectory_unref(&table->base);
    serve(FINGER_PORT, factory ? &factory->base : NULL);
}

static void serve_all(void)
{
    serve(ECHO_PORT, TorcFactory_forProtocol(&torc_echo_class));
    serve(LINE_PORT, TorcFactory_forProtocol(&torc_line_echo_class.protocol));
    serve_finger();
}

/* ---- clients ------------------------------------------------------------------------------- */

static void connect_out(const char *host, int port)
{
    TorcClientFactory *factory = TorcClientFactory_forProtocol(&torc_echo_class);
    if (!factory)
        return;
    (void)TorcReactor_connectTCP(reactor, host, port, factory, NULL, NULL);
    TorcFactory_unref(&factory->base);
}

static void ask_finger(const char *target)
{
    TorcDeferred *reply;
    if (TorcReactor_finger(reactor, target, NULL, &reply) < 0)
        return;
    calls_wanted++;
    TorcDeferred_addBoth(reply, finger_done, NULL);
    TorcDeferred_detach(reply);
}

/* Sends in two turns; NULL and a refused connection are part of the game. */
static TorcSimPeer *talk(int port, const char *first, const char *rest)
{
    TorcSimPeer *peer = TorcSim_connect(sim, port);
    if (!peer)
        return NULL;
    TorcSimPeer_send(peer, first);
    TorcSim_advance(sim, 0);
    TorcSimPeer_send(peer, rest);
    TorcSim_advance(sim, 0);
    return peer;
}

static void talk_to_a_slow_reader(void)
{
    TorcSimPeer *peer = TorcSim_connect(sim, ECHO_PORT);
    if (!peer)
        return;
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_sendBytes(peer, bulk, BULK);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 1);
    TorcSimPeer_startReading(peer);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(memcmp(TorcSimPeer_received(peer), bulk, TorcSimPeer_receivedLength(peer)), 0);
}

static void answer_outgoing(void)
{
    TorcSimPeer *peer = TorcSim_accept(sim, OUTSIDE_PORT);
    if (!peer)
        return;
    TorcSimPeer_send(peer, "hello");
    TorcSim_advance(sim, 0);
    TorcSimPeer_close(peer);
}

static void talk_to_all(void)
{
    (void)talk(ECHO_PORT, "hel", "lo");
    (void)talk(LINE_PORT, "one\ntw", "o\nthree\nfour");
    (void)talk(FINGER_PORT, "/W an", "n\r\n");
    (void)talk(FINGER_PORT, "smi", "th\r\n");
    (void)talk(FINGER_PORT, "\r\n", "");
    (void)talk(FINGER_PORT, "ann@elsewhere", "\r\n");
    talk_to_a_slow_reader();
}

static void converse(void)
{
    schedule_calls();
    serve_all();
    connect_out("out.example", OUTSIDE_PORT);
    connect_out("192.0.2.9", OUTSIDE_PORT);
    connect_out("unknown.example", 1);
    ask_finger("ann@home.example");
    ask_finger("nobody@127.0.0.1:1");
    talk_to_all();
    answer_outgoing();
    TorcSim_advance(sim, 40);
}

/* ---- the same once more, with memory ------------------------------------------------------- */

static void stop(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

static void serve_a_newcomer(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_ptr_nonnull(factory);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, FRESH_PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    TorcSimPeer *peer = talk(FRESH_PORT, "once ", "more");
    ck_assert_ptr_nonnull(peer);
    ck_assert_str_eq(TorcSimPeer_received(peer), "once more");
}

static void end_in_order(void)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1, stop, NULL, NULL), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(calls_wanted, 0);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 0);
}

static void begin_sim(int mode)
{
    static const char *const home[] = {"127.0.0.1"};
    static const char *const out[] = {"192.0.2.1", "192.0.2.9"};
    bool level = mode == LEVEL || mode == LEVEL_IN_PIECES;

    calls_wanted = 0;
    sim = TorcSim_newWith(
        TORC_SIM_OPTIONS(.levelTriggered = level, .chunkSize = mode >= EDGE_IN_PIECES ? 999 : 0));
    if (!sim)
        return;
    reactor = TorcSim_reactor(sim);
    TorcSim_setAddresses(sim, "home.example", home, 1);
    TorcSim_setAddresses(sim, "out.example", out, 2);
    ck_assert_int_eq(TorcSim_listen(sim, "192.0.2.9", OUTSIDE_PORT), 0);
}

/* How many allocations it takes as long as they fail as they do. */
static long play(int mode)
{
    begin_sim(mode);
    if (sim)
        converse();
    long allocations = FailingMemory_allocations();
    FailingMemory_recover();
    if (sim) {
        serve_a_newcomer();
        end_in_order();
    }
    TorcSim_free(sim);
    return allocations;
}

/* Class tables are resolved once and stay: not with memory that is counted. */
static void begin(void)
{
    for (size_t i = 0; i < BULK; i++)
        bulk[i] = (char)(i % 251);
    FailingMemory_stop();
    (void)play(EDGE);
}

/* For every k until there are not that many allocations. */
static long play_with_failures(int mode, void (*start)(long fail_at))
{
    long k = 0;
    long allocations;
    do {
        start(k);
        allocations = play(mode);
        ck_assert_msg(FailingMemory_live() == 0, "allocation %ld failed: %ld blocks are left", k,
                      FailingMemory_live());
        FailingMemory_stop();
    } while (k++ < allocations);
    return k;
}

START_TEST(any_allocation_may_fail)
{
    ck_assert_int_gt(play_with_failures(_i, FailingMemory_start), 60);
}
END_TEST

START_TEST(memory_may_run_out_for_good_at_any_allocation)
{
    ck_assert_int_gt(play_with_failures(_i, FailingMemory_startForEver), 60);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("conversations");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_loop_test(tcase, any_allocation_may_fail, 0, MODES);
    tcase_add_loop_test(tcase, memory_may_run_out_for_good_at_any_allocation, 0, MODES);
    return run_case("out of memory", tcase);
}
