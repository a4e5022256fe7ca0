/* Running out of memory: whole conversations in which each allocation fails once. Whatever the
 * library then gives up, it must say so, go on, and leave nothing behind. */
#include "../support/failing_memory.h"
#include "../support/stream_test.h"

#define FAR "192.0.2.1"

static Recording client;

static void answer(Recording *recording)
{
    (void)TorcTransport_write(recording->transport, "answer", 6);
}

static void write_a_lot(Recording *recording)
{
    (void)recording;
    (void)write_pattern(100000);
}

static void note_nothing(void *arg)
{
    (void)arg;
}

static void try_to_serve(void)
{
    rec.on[RECORD_DATA] = answer;
    TorcClientFactory *factory = Recording_tryFactory(&rec);
    if (factory)
        (void)TorcReactor_listenTCP(reactor, PORT, &factory->base, NULL, NULL);
    if (factory)
        TorcFactory_unref(&factory->base);
}

static void try_to_connect(const char *host)
{
    client.on[RECORD_MADE] = answer;
    TorcClientFactory *factory = Recording_tryFactory(&client);
    if (factory)
        (void)TorcReactor_connectTCP(reactor, host, PORT, factory, NULL, NULL);
    if (factory)
        TorcFactory_unref(&factory->base);
}

/* A server that answers, with all that allocates: extras, a bound call, more output than fits. */
static void talk_to_server(void)
{
    try_to_serve();
    peer = TorcSim_connect(sim, PORT);
    if (!peer)
        return;
    TorcSimPeer_send(peer, "hello");
    settle();
    if (!rec.transport)
        return;
    (void)TorcTransport_setWriteMarks(rec.transport, 1000, 0);
    (void)TorcReactor_callLaterWith(reactor, 1,
                                    TORC_CALL(note_nothing, NULL, .protocol = rec.protocol), NULL);
    TorcSimPeer_stopReading(peer);
    int written = write_pattern(100000);
    if (written == 0)
        written = TorcTransport_printf(rec.transport, "%2000d", 1);
    if (written == 0)
        written = TorcTransport_writeOwned(rec.transport, "static", 6, NULL, NULL);
    settle();
    /* A write that fails has lost its bytes, so the connection cannot go on. */
    ck_assert(written == 0 || !rec.transport);
    if (rec.transport)
        TorcTransport_loseConnection(rec.transport);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    if (written == 0 && rec.kind == TORC_CONNECTION_DONE)
        ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 6 + 100000 + 2000 + 6);
}

static void talk_as_client(void)
{
    static const char *const addresses[] = {"192.0.2.7", FAR};
    TorcSim_setAddresses(sim, "far.example", addresses, 2);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    try_to_connect("far.example");
    TorcSim_advance(sim, 1);
    peer = TorcSim_accept(sim, PORT);
    if (!peer)
        return;
    if (client.transport)
        TorcSimPeer_send(peer, "hello");
    TorcSimPeer_shutdown(peer);
    settle();
}

/* The peer does not read, so the connection ends with the grace period. */
static void run_to_the_end(void)
{
    if (TorcReactor_callLater(reactor, 1, stop_reactor, NULL, NULL) < 0)
        return;
    try_to_serve();
    peer = TorcSim_connect(sim, PORT);
    if (peer)
        TorcSimPeer_stopReading(peer);
    rec.on[RECORD_MADE] = write_a_lot;
    (void)TorcSim_run(sim); /* an error of the wait, out of memory, ends it too */
    ck_assert(!TorcReactor_running(reactor));
    ck_assert_uint_eq(rec.counts[RECORD_MADE], rec.counts[RECORD_LOST]);
}

static void linger(void)
{
    try_to_serve();
    rec.on[RECORD_MADE] = lose;
    peer = TorcSim_connect(sim, PORT);
    settle();
    if (peer)
        TorcSimPeer_send(peer, "more");
    TorcSim_advance(sim, 10);
    if (rec.counts[RECORD_MADE] > 0)
        ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    /* Lingering is bounded also when there was no memory for its timer. */
    ck_assert_uint_le(TorcSim_openDescriptors(sim), 2);
}

/* One conversation in which allocation `k` fails; false when there were not so many. */
static bool converse(int mode, long k, void (*conversation)(void))
{
    TorcSimOptions *options = TORC_SIM_OPTIONS(.seed = 1, .bufferSize = 4096);
    rec = (Recording){0};
    client = (Recording){0};
    options->levelTriggered = mode == LEVEL;
    FailingMemory_start(k);
    sim = TorcSim_newWith(options);
    if (sim) {
        reactor = TorcSim_reactor(sim);
        conversation();
        TorcSim_free(sim);
    } else {
        ck_assert_int_eq(errno, ENOMEM);
    }
    bool failed = FailingMemory_allocations() > k;
    FailingMemory_stop();
    Recording_done(&rec);
    Recording_done(&client);
    return failed;
}

static void try_every_failure(int mode, void (*conversation)(void))
{
    /* The first one also resolves class tables, which stay. */
    ck_assert(!converse(mode, 1000000, conversation));
    long k = 0;
    while (converse(mode, k, conversation)) {
        ck_assert_int_eq(FailingMemory_live(), 0);
        k++;
    }
    ck_assert_int_eq(FailingMemory_live(), 0);
    ck_assert_int_gt(k, 10);
}

START_TEST(a_server_survives_every_failed_allocation) /* BUG-51 */
{
    try_every_failure(_i, talk_to_server);
}
END_TEST

START_TEST(a_client_survives_every_failed_allocation)
{
    try_every_failure(_i, talk_as_client);
}
END_TEST

START_TEST(lingering_survives_every_failed_allocation)
{
    try_every_failure(_i, linger);
}
END_TEST

START_TEST(the_shutdown_survives_every_failed_allocation)
{
    try_every_failure(_i, run_to_the_end);
}
END_TEST

/* ---- texts too long for the stack ---------------------------------------------------------- */

static int print_without_memory(void)
{
    FailingMemory_startForEver(0);
    int r = TorcTransport_printf(rec.transport, "%2000d", 1);
    FailingMemory_recover();
    return r;
}

START_TEST(a_text_that_cannot_be_formatted_resets_the_connection)
{
    FailingMemory_start(-1);
    begin_connected(_i);
    ck_assert_int_eq(write_text("half"), 0);
    ck_assert_int_eq(print_without_memory(), -ENOMEM);
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
    FailingMemory_stop();
}
END_TEST

static void lose_one_side_or_both(int both)
{
    if (both)
        TorcTransport_loseConnection(rec.transport);
    else
        ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
}

START_TEST(a_text_for_a_connection_that_closes_does_not_cut_it_off)
{
    FailingMemory_start(-1);
    begin_connected(_i / 2);
    ck_assert_int_eq(write_text("bye"), 0);
    lose_one_side_or_both(_i % 2);
    ck_assert_int_eq(print_without_memory(), -EPIPE);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
    FailingMemory_stop();
}
END_TEST

RUN_LOOP_TESTS("streams without memory", {a_server_survives_every_failed_allocation, WHOLE_MODES},
               {a_client_survives_every_failed_allocation, WHOLE_MODES},
               {lingering_survives_every_failed_allocation, WHOLE_MODES},
               {the_shutdown_survives_every_failed_allocation, WHOLE_MODES},
               {a_text_that_cannot_be_formatted_resets_the_connection, MODES},
               {a_text_for_a_connection_that_closes_does_not_cut_it_off, 2 * MODES})
