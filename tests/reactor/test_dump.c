/* The dump: everything a reactor holds appears in it, from inside callbacks too, and what came from
 * outside cannot forge a line. */
#include <signal.h>
#include <stdio.h>

#include "reactor/reactor_internal.h"

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

/* All lines, each with a newline. */
static char text[20000];
static unsigned lines;

static void keep_line(const char *line, void *arg)
{
    ck_assert_ptr_eq(arg, text);
    for (const char *c = line; *c; c++)
        ck_assert(*c >= ' ' && *c <= '~');
    ck_assert_uint_lt(strlen(text) + strlen(line) + 2, sizeof(text));
    strcat(text, line);
    strcat(text, "\n");
    lines++;
}

static void dump(void)
{
    text[0] = '\0';
    lines = 0;
    ck_assert_int_eq(TorcReactor_dump(reactor, keep_line, text), 0);
}

#define ASSERT_IN_DUMP(part)                                                                       \
    do {                                                                                           \
        if (!strstr(text, (part)))                                                                 \
            ck_abort_msg("\"%s\" is not in\n%s", (part), text);                                    \
    } while (0)

static void nothing(void *arg)
{
    (void)arg;
}

/* That somewhere from here on there is such a line, that `nothing` is called, and what follows. */
static void assert_calls_nothing(const char *where, const char *line, const char *end)
{
    char expected[256], function[TORC__FUNCTION_TEXT_SIZE];
    (void)snprintf(expected, sizeof(expected), "%s function %s%s", line,
                   torc__function_text((uintptr_t)nothing, function), end);
    ck_assert_ptr_nonnull(where);
    if (!strstr(where, expected))
        ck_abort_msg("\"%s\" is not in\n%s", expected, where);
}

static void do_nothing(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
}

static bool one_step(TorcResult *result, void *arg)
{
    do_nothing(result, arg);
    return false;
}

/* ---- transports ---------------------------------------------------------------------------- */

START_TEST(ports_are_listed_with_their_factory_and_their_connections)
{
    begin_connected(EDGE);
    dump();
    ASSERT_IN_DUMP("port: [::]:8881, factory \"recorder-factory\", 1 connections\n");
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 1), 0);
    dump();
    ASSERT_IN_DUMP("1 connections of at most 1, full\n");
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    dump();
    ASSERT_IN_DUMP(", paused\n");
    end();
}
END_TEST

START_TEST(a_port_that_looks_away_is_told)
{
    begin_connected(EDGE);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, ENOMEM, 1);
    ck_assert_ptr_nonnull(TorcSim_connect(sim, PORT));
    settle();
    dump();
    ASSERT_IN_DUMP("port: [::]:8881, factory \"recorder-factory\", 1 connections, looking away\n");
    end();
}
END_TEST

START_TEST(connections_are_listed_with_peer_host_age_and_what_waits)
{
    begin_connected(EDGE);
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(200000), 0);
    TorcSim_advance(sim, 12.5);
    char waiting[64];
    (void)snprintf(waiting, sizeof(waiting), " 12.500 s old, %zu bytes wait, blocked",
                   TorcTransport_bufferedBytes(rec.transport));
    dump();
    ASSERT_IN_DUMP("connection 1: protocol \"recorder\", peer 127.0.0.1:");
    ASSERT_IN_DUMP(", host 127.0.0.1:8881, descriptor ");
    ASSERT_IN_DUMP(waiting);
    end();
}
END_TEST

START_TEST(the_state_of_a_connection_is_told)
{
    begin_connected(EDGE);
    TorcTransport_pauseProducing(rec.transport);
    dump();
    ASSERT_IN_DUMP("0 bytes wait, paused\n");
    TorcTransport_loseConnection(rec.transport);
    dump();
    ASSERT_IN_DUMP(", paused, closing\n");
    settle();
    dump();
    ASSERT_IN_DUMP("connection 1: over, waits for the peer's end\n");
    end();
}
END_TEST

START_TEST(connections_are_numbered_in_the_order_of_their_beginning)
{
    begin_connected(EDGE);
    TorcSimPeer_close(peer);
    settle();
    connect_peer();
    dump();
    ck_assert_ptr_null(strstr(text, "connection 1:"));
    ASSERT_IN_DUMP("connection 2:");
    end();
}
END_TEST

START_TEST(connectors_are_listed_with_their_state)
{
    Recording client = {.build_code = 0};
    begin(EDGE);
    serve(&rec, PORT);
    TorcClientFactory *factory = Recording_factory(&client);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "localhost", PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    dump();
    ASSERT_IN_DUMP("connector: localhost port 8881, factory \"recorder-factory\", connecting\n");
    TorcSim_advance(sim, 1);
    dump();
    ASSERT_IN_DUMP("factory \"recorder-factory\", connected\n");
    end();
    Recording_done(&client);
}
END_TEST

START_TEST(names_from_outside_cannot_forge_a_line) /* BUG-22 */
{
    TorcClientFactory *factory = Recording_factory(&rec);
    begin(EDGE);
    int r = TorcReactor_listenUNIX(reactor, "/tmp/a\nport: \x1b[2J\xff", &factory->base,
                                   TORC_LISTEN_UNIX_OPTIONS(.noLockFile = true), NULL);
    ck_assert_int_eq(r, 0);
    TorcFactory_unref(&factory->base);
    dump();
    ASSERT_IN_DUMP("port: unix:/tmp/a\\x0aport: \\x1b[2J\\xff, factory");
    end();
}
END_TEST

/* ---- what is scheduled --------------------------------------------------------------------- */

START_TEST(delayed_calls_are_listed_by_time_and_with_their_function)
{
    char due[32];
    begin(EDGE);
    static const double delays[] = {3, 1.5, 7, 0.25};
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(TorcReactor_callLater(reactor, delays[i], nothing, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 1e300, nothing, NULL, NULL), 0);
    dump();
    const char *at = text;
    static const char *const times[] = {"0.250", "1.500", "3.000", "7.000", "never"};
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(due, sizeof(due), "delayed call: due in %s s,", times[i]);
        assert_calls_nothing(at, due, "\n");
        at = strstr(at, due);
    }
    end();
}
END_TEST

/* What an application asked the library to call is told by way of what it will be called. */
START_TEST(calls_of_tasks_are_listed_with_the_function_they_lead_to)
{
    char expected[128], function[TORC__FUNCTION_TEXT_SIZE];
    begin(EDGE);
    TorcLoopingCall *loop = TorcLoopingCall_new(reactor, do_nothing, NULL);
    ck_assert_int_eq(TorcLoopingCall_start(loop, 5, false, NULL), 0);
    TorcDeferred *later = TorcReactor_deferLater(reactor, 6, do_nothing, NULL);
    TorcDeferred *empty = TorcReactor_deferLater(reactor, 7, NULL, NULL);
    TorcCooperator *cooperator = TorcCooperator_new(reactor);
    ck_assert_int_eq(TorcCooperator_cooperate(cooperator, one_step, NULL, NULL, NULL), 0);
    dump();
    (void)torc__function_text((uintptr_t)do_nothing, function);
    (void)snprintf(expected, sizeof(expected), "due in 5.000 s, looping call, function %s\n",
                   function);
    ASSERT_IN_DUMP(expected);
    (void)snprintf(expected, sizeof(expected), "due in 6.000 s, deferLater, function %s\n",
                   function);
    ASSERT_IN_DUMP(expected);
    ASSERT_IN_DUMP("delayed call: due in 7.000 s, deferLater\n");
    ASSERT_IN_DUMP("delayed call: due in 0.000 s, slice of a cooperator\n");
    TorcCooperator_free(cooperator);
    TorcLoopingCall_free(loop);
    TorcDeferred_detach(later);
    TorcDeferred_detach(empty);
    end();
}
END_TEST

START_TEST(calls_of_the_library_are_told_from_those_of_the_application)
{
    begin_connected(EDGE);
    ck_assert_int_eq(TorcTransport_setIdleTimeout(rec.transport, 60), 0);
    dump();
    ASSERT_IN_DUMP("delayed call: due in 60.000 s, library: idle timeout\n");
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(300000), 0);
    TorcTransport_loseConnection(rec.transport);
    settle();
    dump();
    ASSERT_IN_DUMP("delayed call: due in 30.000 s, library: close timeout\n");
    end();
}
END_TEST

static void count_destroyed(void *arg)
{
    ++*(int *)arg;
}

START_TEST(what_is_scheduled_where_a_call_of_the_library_was_is_the_application_s)
{
    int destroyed = 0;
    begin(EDGE);
    ck_assert_int_eq(torc__ownCallLater(reactor, 0, "test", nothing, NULL, NULL), 0);
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(
        TorcReactor_callLaterWith(reactor, 1,
                                  TORC_CALL(nothing, &destroyed, .destroy = count_destroyed), NULL),
        0);
    dump();
    assert_calls_nothing(text, "delayed call: due in 1.000 s,", "\n");
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(destroyed, 1);
    end();
}
END_TEST

START_TEST(bound_calls_are_listed_with_their_connection)
{
    begin_connected(EDGE);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(
            TorcReactor_callLaterWith(reactor, 1 + i,
                                      TORC_CALL(nothing, NULL, .protocol = rec.protocol,
                                                .destroy = i == 1 ? nothing : NULL),
                                      NULL),
            0);
    dump();
    const char *connection = strstr(text, "connection 1:");
    assert_calls_nothing(connection, "\n    delayed call: due in 1.000 s,", "");
    assert_calls_nothing(connection, "\n    delayed call: due in 2.000 s,", "");
    assert_calls_nothing(connection, "\n    delayed call: due in 3.000 s,", "");
    assert_calls_nothing(text, "\ndelayed call: due in 2.000 s,", ", bound to a connection\n");
    end();
}
END_TEST

START_TEST(triggers_signals_threads_and_posted_calls_are_listed)
{
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_BEFORE,
                                                       TORC_EVENT_SHUTDOWN, nothing, NULL, NULL),
                     0);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGHUP, nothing, NULL), 0);
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, nothing, NULL), 0);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(TorcReactor_callInThread(reactor, nothing, NULL), 0);
    dump();
    ASSERT_IN_DUMP("reactor: stopped, backend simulation, ");
    assert_calls_nothing(text, "trigger before shutdown:", "\n");
    assert_calls_nothing(text, "signal handler: SIGHUP,", "\n");
    ASSERT_IN_DUMP("threads: 10 of at most 10, 10 jobs running, 2 waiting\n");
    ASSERT_IN_DUMP("calls from threads: some wait\n");
    end();
}
END_TEST

START_TEST(signals_without_a_common_name_are_told_by_their_number)
{
    char handler[64];
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR1, nothing, NULL), 0);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGRTMIN + 1, nothing, NULL), 0);
    dump();
    (void)snprintf(handler, sizeof(handler), "signal handler: signal %d,", SIGRTMIN + 1);
    assert_calls_nothing(text, handler, "\n");
    assert_calls_nothing(text, "signal handler: SIGUSR1,", "\n");
    end();
}
END_TEST

START_TEST(counters_come_at_the_end)
{
    begin_connected(EDGE);
    TorcSimPeer_send(peer, "hello");
    TorcSimPeer_close(peer);
    settle();
    dump();
    ASSERT_IN_DUMP("counter: connectionsAccepted 1\n");
    ASSERT_IN_DUMP("counter: bytesReceived 5\n");
    ASSERT_IN_DUMP("counter: connectionsClosed DONE 1\n");
    ck_assert_ptr_null(strstr(text, "slowCallbacks"));
    end();
}
END_TEST

/* ---- from where ---------------------------------------------------------------------------- */

static void dump_here(Recording *recording)
{
    (void)recording;
    dump();
    ck_assert_uint_ge(lines, 3);
}

START_TEST(it_may_be_called_from_every_callback)
{
    begin(_i);
    rec.half_closeable = true;
    for (int event = 0; event < RECORD_EVENTS; event++)
        rec.on[event] = dump_here;
    rec.on[RECORD_FACTORY_DESTROY] = NULL; /* the reactor is gone by then */
    rec.on[RECORD_STOP] = NULL;
    rec.on[RECORD_DESTROY] = NULL;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer_send(peer, "hello");
    settle();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(300000), 0);
    settle();
    TorcSimPeer_startReading(peer);
    TorcSimPeer_shutdown(peer);
    settle();
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 5);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    end();
}
END_TEST

START_TEST(without_memory_only_the_order_of_delayed_calls_is_lost)
{
    begin(EDGE);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(TorcReactor_callLater(reactor, 5 - i, nothing, NULL, NULL), 0);
    FailingMemory_startForEver(0);
    text[0] = '\0';
    int r = TorcReactor_dump(reactor, keep_line, text);
    FailingMemory_stop();
    ck_assert_int_eq(r, -ENOMEM);
    ASSERT_IN_DUMP("due in 1.000 s");
    ASSERT_IN_DUMP("due in 5.000 s");
    end();
}
END_TEST

static TorcDelayedCall scheduled[8];
static unsigned told;

static bool tells_call(const char *line)
{
    bool is_call = strstr(line, "delayed call: ") == line;
    told += is_call;
    return is_call;
}

static void schedule_more(const char *line, void *arg)
{
    (void)arg;
    for (int i = tells_call(line) ? 50 : 0; i > 0; i--)
        (void)TorcReactor_callLater(reactor, 100, nothing, NULL, NULL);
}

static void cancel_all(const char *line, void *arg)
{
    (void)arg;
    for (size_t i = tells_call(line) ? 8 : 0; i > 0; i--)
        (void)TorcDelayedCall_cancel(scheduled[i - 1]);
}

/* Neither may, by the rule of TorcDumpFunction. */
START_TEST(a_line_function_that_changes_the_calls_ends_too)
{
    TorcDumpFunction *line = _i & 1 ? cancel_all : schedule_more;
    bool without_memory = _i & 2;
    begin(EDGE);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(TorcReactor_callLater(reactor, i, nothing, NULL, &scheduled[i]), 0);
    told = 0;
    if (without_memory)
        FailingMemory_start(0);
    int r = TorcReactor_dump(reactor, line, NULL);
    FailingMemory_stop();
    ck_assert_int_eq(r, without_memory ? -ENOMEM : 0);
    ck_assert_uint_eq(told, without_memory && line == cancel_all ? 1 : 8);
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    begin(EDGE);
    ck_assert_int_eq(TorcReactor_dump(NULL, keep_line, NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_dump(reactor, NULL, NULL), -EINVAL);
    end();
}
END_TEST

START_TEST(the_real_pool_is_told)
{
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.threadPoolSize = 3));
    ck_assert_ptr_nonnull(reactor);
    dump();
    ASSERT_IN_DUMP("threads: 0 of at most 3, 0 jobs running, 0 waiting\n");
    TorcReactor_free(reactor);
}
END_TEST

RUN_LOOP_TESTS("dump", {ports_are_listed_with_their_factory_and_their_connections, 1},
               {a_port_that_looks_away_is_told, 1},
               {connections_are_listed_with_peer_host_age_and_what_waits, 1},
               {the_state_of_a_connection_is_told, 1},
               {connections_are_numbered_in_the_order_of_their_beginning, 1},
               {connectors_are_listed_with_their_state, 1},
               {names_from_outside_cannot_forge_a_line, 1},
               {delayed_calls_are_listed_by_time_and_with_their_function, 1},
               {calls_of_tasks_are_listed_with_the_function_they_lead_to, 1},
               {calls_of_the_library_are_told_from_those_of_the_application, 1},
               {what_is_scheduled_where_a_call_of_the_library_was_is_the_application_s, 1},
               {bound_calls_are_listed_with_their_connection, 1},
               {triggers_signals_threads_and_posted_calls_are_listed, 1},
               {signals_without_a_common_name_are_told_by_their_number, 1},
               {a_line_function_that_changes_the_calls_ends_too, 4}, {counters_come_at_the_end, 1},
               {it_may_be_called_from_every_callback, WHOLE_MODES},
               {without_memory_only_the_order_of_delayed_calls_is_lost, 1},
               {bad_arguments_are_refused, 1}, {the_real_pool_is_told, 1})
