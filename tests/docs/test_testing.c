/* The code of docs/testing.md: the tests of the example chat server, from the smallest up. Every
 * block of C on that page stands in this file (howto_test.sh sees to that). */
#define CHAT_NO_MAIN
#include "examples/chat.c"

#include <check.h>
#include <errno.h>
#include <string.h>

/* ---- one protocol on a string transport ---------------------------------------------------- */

START_TEST(somebody_says_who_she_is)
{
    TorcFactory *room = TorcFactory_new(&room_class);
    TorcStringTransport *wire = TorcStringTransport_new();
    TorcStringTransport_connect(wire, room);
    ck_assert_written(wire, "Who are you? NICK name\r\n");

    TorcStringTransport_clear(wire);
    TorcStringTransport_deliver(wire, "NICK ann\r\n");
    ck_assert_written(wire, "WELCOME ann\r\n");

    TorcStringTransport_free(wire);
    TorcFactory_unref(room);
}
END_TEST

START_TEST(who_has_no_name_is_not_heard)
{
    TorcStringTransport *wire = TorcStringTransport_new();
    TorcFactory *room = TorcFactory_new(&room_class);
    TorcStringTransport_connect(wire, room);
    TorcStringTransport_clear(wire);
    TorcStringTransport_deliver(wire, "hello?\r\n");
    ck_assert_written(wire, "");
    TorcStringTransport_free(wire);
    TorcFactory_unref(room);
}
END_TEST

/* ---- one with a timer ---------------------------------------------------------------------- */

static void close_the_door(void *arg)
{
    TorcProtocol *doorman = arg;
    TorcTransport_loseConnection(doorman->transport);
}

static void doorman_connectionMade(TorcProtocol *self)
{
    TorcReactor *reactor = TorcTransport_getReactor(self->transport);
    TorcCall *call = TORC_CALL(close_the_door, self, .protocol = self);
    TorcReactor_callLaterWith(reactor, 30.0, call, NULL);
}

static const TorcProtocolClass doorman_class = {
    TORC_PROTOCOL_CLASS("doorman", TorcProtocol),
    .connectionMade = doorman_connectionMade,
};

START_TEST(the_door_is_closed_after_half_a_minute)
{
    TorcSim *sim = TorcSim_new(1);
    TorcFactory *factory = TorcFactory_forProtocol(&doorman_class);
    TorcStringTransport *wire = TorcStringTransport_new();
    TorcStringTransport_setReactor(wire, TorcSim_reactor(sim)); /* before it is connected */
    TorcStringTransport_connect(wire, factory);

    TorcSim_advance(sim, 29.0);
    ck_assert(!TorcStringTransport_disconnecting(wire));
    TorcSim_advance(sim, 1.0);
    ck_assert(TorcStringTransport_disconnecting(wire));

    TorcStringTransport_free(wire); /* before its reactor */
    TorcFactory_unref(factory);
    TorcSim_free(sim);
}
END_TEST

/* ---- cuts ---------------------------------------------------------------------------------- */

START_TEST(it_does_not_matter_how_the_input_is_cut)
{
    TorcFactory *room = TorcFactory_new(&room_class);
    ck_assert_cuts_do_not_matter(room, "NICK ann\r\nhello\r\nNICK eve\nbye\r\n", NULL);
    TorcFactory_unref(room);
}
END_TEST

/* ---- the server in a simulation ------------------------------------------------------------ */

static void chat_server_start(TorcReactor *reactor, int port)
{
    TorcFactory *room = TorcFactory_new(&room_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, port, room, NULL, NULL), 0);
    TorcFactory_unref(room);
}

/* Somebody who has come in. */
static TorcSimPeer *introduce(TorcSimPeer *peer, const char *nick)
{
    char text[100];
    ck_assert(TorcSimPeer_expect(peer, "Who are you? NICK name\r\n", 1.0));
    snprintf(text, sizeof(text), "NICK %s\r\n", nick);
    TorcSimPeer_send(peer, text);
    snprintf(text, sizeof(text), "WELCOME %s\r\n", nick);
    ck_assert(TorcSimPeer_expect(peer, text, 1.0));
    return peer;
}

static TorcSimPeer *enter(TorcSim *sim, const char *nick)
{
    return introduce(TorcSim_connect(sim, 8882), nick);
}

START_TEST(everybody_reads_what_anybody_writes)
{
    TorcSim *sim = TorcSim_new(1);
    chat_server_start(TorcSim_reactor(sim), 8882);
    TorcSimPeer *ann = enter(sim, "ann");
    TorcSimPeer *bob = enter(sim, "bob");

    TorcSimPeer_send(ann, "hello\r\n");
    TorcSim_advance(sim, 0);
    ck_assert_received(ann, "ann: hello\r\n");
    ck_assert_received(bob, "ann: hello\r\n");

    TorcSim_free(sim);
}
END_TEST

/* ---- time ---------------------------------------------------------------------------------- */

START_TEST(nobody_is_disturbed_for_a_day)
{
    TorcSim *sim = TorcSim_new(1);
    chat_server_start(TorcSim_reactor(sim), 8882);
    TorcSimPeer *ann = enter(sim, "ann");
    ck_assert(TorcSimPeer_expectSilence(ann, 24 * 3600.0));
    TorcSimPeer_send(ann, "still here\r\n");
    ck_assert(TorcSimPeer_expect(ann, "ann: still here\r\n", 1.0));
    TorcSim_free(sim);
}
END_TEST

/* ---- peers that misbehave ------------------------------------------------------------------ */

START_TEST(who_does_not_read_is_dropped_and_the_others_are_told)
{
    TorcSim *sim = TorcSim_new(1);
    chat_server_start(TorcSim_reactor(sim), 8882);
    TorcSimPeer *ann = enter(sim, "ann");
    TorcSimPeer *bob = enter(sim, "bob");
    TorcSimPeer_stopReading(bob);
    for (int i = 0; i < 50000; i++)
        TorcSimPeer_send(ann, "a line that bob does not read\r\n");
    ck_assert(TorcSimPeer_expectText(ann, "bob: ", 10.0));
    ck_assert(TorcSimPeer_gotReset(bob));
    TorcSim_free(sim);
}
END_TEST

/* ---- faults by rule ------------------------------------------------------------------------ */

START_TEST(the_server_survives_having_no_descriptors)
{
    TorcSim *sim = TorcSim_new(1);
    chat_server_start(TorcSim_reactor(sim), 8882);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_ACCEPT, .times = 5, .error = EMFILE));
    TorcSimPeer *ann = TorcSim_connect(sim, 8882);
    ck_assert(TorcSimPeer_expectEnd(ann, 60.0));
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_NO_DESCRIPTORS), 5);
    enter(sim, "bob");
    TorcSim_free(sim);
}
END_TEST

/* ---- faults by seed, and nothing left behind ----------------------------------------------- */

static void stop(void *reactor)
{
    TorcReactor_stop(reactor);
}

static bool conversation(TorcSim *sim, void *arg)
{
    (void)arg;
    char report[1000];
    chat_server_start(TorcSim_reactor(sim), 8882);
    TorcSim_setFaults(
        sim, TORC_SIM_FAULTS(.shortIO = 2000, .again = 500, .interrupt = 500, .delay = 500));
    TorcSimPeer *ann = TorcSim_connect(sim, 8882);
    TorcSimPeer_send(ann, "NICK ann\r\nhello\r\n");
    TORC_SIM_CHECK(sim, TorcSimPeer_expectText(ann, "WELCOME ann\r\nann: hello\r\n", 60.0));

    TorcSim_stopFaults(sim);
    TorcSimPeer_close(ann);
    TorcReactor_callLater(TorcSim_reactor(sim), 1.0, stop, TorcSim_reactor(sim), NULL);
    TORC_SIM_CHECK(sim, TorcSim_run(sim) == 0);
    if (TorcSim_checkClean(sim, report, sizeof(report)) > 0)
        return TorcSim_fail(sim, "left behind:\n%s", report);
    return true;
}

static void print_line(const char *line, void *arg)
{
    fprintf(arg, "%s\n", line);
}

START_TEST(the_trace_goes_where_the_test_likes)
{
    char text[2000];
    FILE *file = fmemopen(text, sizeof(text), "w");
    TorcSim *sim = TorcSim_new(1);
    TorcSim_setTraceSize(sim, 100000);
    TorcSim_followTrace(sim, print_line, file);
    TorcSim_note(sim, "here we are");
    TorcSim_free(sim);
    fclose(file);
    ck_assert_ptr_nonnull(strstr(text, "note: \"here we are\"\n"));
}
END_TEST

START_TEST(a_conversation_survives_whatever_happens_to_it)
{
    ck_assert(torc_sim_runSeeds(1, 200, conversation, NULL));
}
END_TEST

/* ---- two protocols against each other ------------------------------------------------------ */

typedef struct Greeter {
    TorcLineReceiver base;
} Greeter;

static int greeter_welcomes;

static void greeter_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)length;
    if (strncmp(line, "WELCOME", 7) != 0) {
        TorcLineReceiver_sendLine(self, "NICK ann", 8);
        return;
    }
    greeter_welcomes++;
    TorcTransport_loseConnection(self->base.transport);
}

static const TorcLineReceiverClass greeter_class = {
    TORC_LINE_RECEIVER_CLASS("greeter", Greeter),
    .lineReceived = greeter_lineReceived,
};

START_TEST(a_client_and_the_server_understand_each_other)
{
    TorcFactory *room = TorcFactory_new(&room_class);
    TorcFactory *client = TorcFactory_forProtocol(&greeter_class.protocol);
    TorcLoopback *loop =
        TorcLoopback_new(room, client, TORC_LOOPBACK_OPTIONS(.policy = TORC_LOOPBACK_BYTEWISE));
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
    ck_assert_written(TorcLoopback_client(loop), "NICK ann\r\n");
    TorcLoopback_free(loop);
    TorcFactory_unref(client);
    TorcFactory_unref(room);
}
END_TEST

/* ---- several hosts ------------------------------------------------------------------------- */

typedef struct World {
    TorcSim *sim;
    TorcSimHost *server;
    TorcSimHost *laptop;
} World;

static World build_world(void)
{
    TorcSim *sim = TorcSim_new(1);
    World world = {sim, TorcSim_addHost(sim, "server", NULL), TorcSim_addHost(sim, "laptop", NULL)};
    TorcSim_setLink(sim, world.laptop, world.server, TORC_SIM_LINK(.latency = 0.05));
    TorcSim_setLink(sim, world.server, world.laptop,
                    TORC_SIM_LINK(.latency = 0.05, .jitter = 0.01, .bandwidth = 10000));
    chat_server_start(TorcSimHost_reactor(world.server), 8882);
    return world;
}

START_TEST(a_program_on_another_machine_is_served)
{
    World world = build_world();
    TorcReactor *laptop = TorcSimHost_reactor(world.laptop);
    greeter_welcomes = 0;
    TorcClientFactory *client = TorcClientFactory_forProtocol(&greeter_class.protocol);
    ck_assert_int_eq(TorcReactor_connectTCP(laptop, "server", 8882, client, NULL, NULL), 0);
    TorcFactory_unref(&client->base);

    ck_assert(TorcSim_runUntilIdle(world.sim, 10.0));
    ck_assert_int_eq(greeter_welcomes, 1);
    ck_assert_double_gt(TorcSim_seconds(world.sim), 0.25); /* five trips of 0.05 s at least */
    TorcSim_free(world.sim);
}
END_TEST

START_TEST(who_was_cut_off_reads_afterwards_what_was_said)
{
    World world = build_world();
    TorcSimPeer *ann = TorcSim_connectFrom(world.sim, "laptop", "server", 8882);
    TorcSimPeer *bob = TorcSim_connectFrom(world.sim, "home", "server", 8882);
    introduce(ann, "ann");
    introduce(bob, "bob");

    TorcSim_partition(world.sim, world.laptop, world.server);
    TorcSimPeer_send(bob, "anybody there?\r\n");
    ck_assert(TorcSimPeer_expect(bob, "bob: anybody there?\r\n", 1.0));
    ck_assert(TorcSimPeer_expectSilence(ann, 60.0));

    TorcSim_heal(world.sim, world.laptop, world.server);
    ck_assert(TorcSimPeer_expect(ann, "bob: anybody there?\r\n", 1.0));
    TorcSim_free(world.sim);
}
END_TEST

START_TEST(a_server_that_was_restarted_knows_nobody)
{
    World world = build_world();
    TorcSimPeer *ann = TorcSim_connectFrom(world.sim, "laptop", "server", 8882);
    introduce(ann, "ann");

    TorcSimHost_crash(world.server);
    TorcSimPeer_send(ann, "hello?\r\n");
    ck_assert(TorcSimPeer_expectSilence(ann, 60.0));

    TorcSimHost_restart(world.server);
    chat_server_start(TorcSimHost_reactor(world.server), 8882);
    ck_assert(TorcSimPeer_expectReset(ann, 1.0));
    introduce(TorcSim_connectFrom(world.sim, "laptop", "server", 8882), "ann");
    TorcSim_free(world.sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docs/testing.md");
    TCase *tcase = tcase_create("chat");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, somebody_says_who_she_is);
    tcase_add_test(tcase, who_has_no_name_is_not_heard);
    tcase_add_test(tcase, the_door_is_closed_after_half_a_minute);
    tcase_add_test(tcase, it_does_not_matter_how_the_input_is_cut);
    tcase_add_test(tcase, everybody_reads_what_anybody_writes);
    tcase_add_test(tcase, nobody_is_disturbed_for_a_day);
    tcase_add_test(tcase, who_does_not_read_is_dropped_and_the_others_are_told);
    tcase_add_test(tcase, the_server_survives_having_no_descriptors);
    tcase_add_test(tcase, the_trace_goes_where_the_test_likes);
    tcase_add_test(tcase, a_conversation_survives_whatever_happens_to_it);
    tcase_add_test(tcase, a_client_and_the_server_understand_each_other);
    tcase_add_test(tcase, a_program_on_another_machine_is_served);
    tcase_add_test(tcase, who_was_cut_off_reads_afterwards_what_was_said);
    tcase_add_test(tcase, a_server_that_was_restarted_knows_nobody);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
