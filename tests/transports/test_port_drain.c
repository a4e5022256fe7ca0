/* Draining: a port stops, its connections end by themselves or at the deadline, and a deferred tells
 * when all are gone. */
#include <math.h>

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static int told;

static void count_told(TorcResult *result, void *arg)
{
    TorcPort *drained = arg;
    ck_assert_ptr_null(result->reason);
    ck_assert_ptr_null(result->value);
    ck_assert(!TorcPort_draining(drained) && !TorcPort_listening(drained));
    ck_assert_uint_eq(TorcPort_connections(drained), 0);
    told++;
}

static void drain(double seconds)
{
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcPort_drain(port, seconds, &done), 0);
    ck_assert_ptr_nonnull(done);
    TorcDeferred_addBoth(done, count_told, port);
    TorcDeferred_detach(done);
}

static void begin_draining(int mode, double seconds)
{
    told = 0;
    begin_connected(mode);
    drain(seconds);
}

/* ---- in order ------------------------------------------------------------------------------ */

START_TEST(connections_go_on_and_the_deferred_fires_when_the_last_has_ended) /* LISTEN-14 */
{
    told = 0;
    begin(_i);
    serve(&rec, PORT);
    TorcSimPeer *first = connect_peer();
    TorcSimPeer *second = connect_peer();
    rec.on[RECORD_DATA] = echo;
    drain(60);
    ck_assert(TorcPort_draining(port) && !TorcPort_listening(port));
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_ptr_null(TorcSim_connect(sim, PORT));

    TorcSimPeer_send(second, "one more");
    TorcSim_advance(sim, 30);
    ck_assert_str_eq(TorcSimPeer_received(second), "one more");
    ck_assert_uint_eq(TorcPort_connections(port), 2);
    TorcSimPeer_close(first);
    TorcSim_advance(sim, 10);
    ck_assert_uint_eq(TorcPort_connections(port), 1);
    ck_assert_int_eq(told, 0);
    TorcSimPeer_close(second);
    settle();
    ck_assert_int_eq(told, 1);
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1); /* the port is gone */
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(rec.log, "made made data:8 lost:DONE lost:DONE");
    end();
}
END_TEST

START_TEST(without_connections_it_fires_at_the_end_of_the_turn)
{
    told = 0;
    begin(_i);
    serve(&rec, PORT);
    drain(60);
    ck_assert_int_eq(told, 0);
    ck_assert(!TorcPort_listening(port));
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_int_eq(told, 1);
    TorcSim_advance(sim, 100);
    ck_assert_int_eq(told, 1);
    end();
}
END_TEST

START_TEST(without_a_deadline_it_takes_as_long_as_it_takes)
{
    begin_draining(_i, -1);
    TorcSim_advance(sim, 1e6);
    ck_assert_str_eq(rec.log, "made");
    TorcSimPeer_close(peer);
    settle();
    ck_assert_int_eq(told, 1);
    end();
}
END_TEST

static void lose_when_factory_stops(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

START_TEST(stopFactory_is_where_protocols_are_told)
{
    told = 0;
    rec.on[RECORD_STOP] = lose_when_factory_stops;
    begin_connected(_i);
    ck_assert_int_eq(write_text("bye"), 0);
    drain(60);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "bye");
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_int_eq(told, 1);
    end();
}
END_TEST

START_TEST(nobody_needs_to_ask_for_the_deferred)
{
    begin_connected(_i);
    ck_assert_int_eq(TorcPort_drain(port, 1, NULL), 0);
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    end();
}
END_TEST

/* ---- the deadline -------------------------------------------------------------------------- */

static char last_event[128];

static void keep_event(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    TorcLogEvent_format(event, last_event, sizeof(last_event));
}

START_TEST(at_the_deadline_the_rest_is_aborted_and_it_is_logged)
{
    begin_draining(_i, 30);
    torc_setLogObserver(keep_event, NULL, TORC_LOG_WARNING);
    TorcSim_advance(sim, 29.9);
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(told, 0);
    TorcSim_advance(sim, 0.2);
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    ck_assert_int_eq(rec.code, -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(rec.text, "the server ends"));
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert_int_eq(told, 1);
    ck_assert_str_eq(last_event, "port.drain-timed-out port=8881 connections=1");
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    end();
}
END_TEST

START_TEST(no_time_at_all_aborts_now)
{
    begin_draining(_i, 0);
    ck_assert_str_eq(rec.log, "made"); /* nothing before the call has returned */
    settle();
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    ck_assert_int_eq(told, 1);
    end();
}
END_TEST

START_TEST(only_the_connections_of_that_port_end)
{
    TorcPort *other;
    told = 0;
    begin(_i);
    serve(&rec, PORT + 1);
    other = port;
    serve(&rec, PORT);
    TorcSimPeer *elsewhere = TorcSim_connect(sim, PORT + 1);
    peer = connect_peer();
    drain(1);
    TorcSim_advance(sim, 2);
    ck_assert_int_eq(told, 1);
    ck_assert(TorcSimPeer_gotReset(peer));
    ck_assert(!TorcSimPeer_gotReset(elsewhere) && !TorcSimPeer_gotEnd(elsewhere));
    ck_assert_uint_eq(TorcPort_connections(other), 1);
    end();
}
END_TEST

START_TEST(one_that_is_closing_in_order_at_the_deadline_keeps_its_end)
{
    begin_draining(EDGE, 1);
    TorcSim_advance(sim, 0.9);
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_int_eq(told, 1);
    TorcSim_advance(sim, 1); /* it lingers, and the deadline has nothing to end */
    ck_assert(!TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

START_TEST(a_new_deadline_replaces_the_old_one)
{
    begin_draining(_i, 10);
    drain(100);
    TorcSim_advance(sim, 50);
    ck_assert_str_eq(rec.log, "made");
    drain(1);
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    ck_assert_int_eq(told, 3); /* all who asked */
    end();
}
END_TEST

/* ---- with the other calls ------------------------------------------------------------------ */

START_TEST(a_stopped_port_with_connections_can_be_drained)
{
    told = 0;
    begin_connected(_i);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    settle();
    drain(1); /* its connection holds it */
    TorcSim_advance(sim, 2);
    ck_assert_int_eq(told, 1);
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(stopListening_of_a_draining_port_tells_of_the_socket_alone)
{
    TorcDeferred *stopped;
    begin_draining(EDGE, 10);
    settle();
    ck_assert_int_eq(TorcPort_stopListening(port, &stopped), 0);
    ck_assert(TorcDeferred_called(stopped));
    TorcDeferred_release(stopped);
    ck_assert_int_eq(told, 0);
    TorcSim_advance(sim, 11);
    ck_assert_int_eq(told, 1);
    end();
}
END_TEST

START_TEST(who_waits_for_the_socket_is_told_before_the_connections_have_ended)
{
    TorcDeferred *stopped;
    told = 0;
    begin_connected(_i);
    ck_assert_int_eq(TorcPort_stopListening(port, &stopped), 0);
    drain(10);
    settle();
    ck_assert(TorcDeferred_called(stopped));
    ck_assert_int_eq(told, 0);
    TorcDeferred_release(stopped);
    TorcSimPeer_close(peer);
    settle();
    ck_assert_int_eq(told, 1);
    end();
}
END_TEST

START_TEST(a_port_listens_again_only_after_its_drain)
{
    begin_draining(_i, 10);
    TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_startListening(port), -EBUSY);
    TorcSim_advance(sim, 11);
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(TorcPort_startListening(port), 0);
    peer = connect_peer();
    drain(10);
    TorcSimPeer_close(peer);
    settle();
    ck_assert_int_eq(told, 2);
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN made lost:DONE");
    TorcPort_unref(port);
    end();
}
END_TEST

START_TEST(a_drained_port_that_is_held_has_fired)
{
    begin_draining(EDGE, 0);
    TorcPort_ref(port);
    settle();
    drain(10);
    ck_assert_int_eq(told, 2);
    TorcPort_unref(port);
    end();
}
END_TEST

START_TEST(a_cancelled_deferred_changes_nothing_but_its_result)
{
    TorcDeferred *done;
    begin_connected(_i);
    ck_assert_int_eq(TorcPort_drain(port, 10, &done), 0);
    TorcDeferred_release(done);
    TorcSim_advance(sim, 9);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcPort_draining(port));
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    end();
}
END_TEST

/* ---- from inside callbacks ----------------------------------------------------------------- */

static void drain_now(Recording *recording)
{
    (void)recording;
    drain(0);
}

static void drain_soon(Recording *recording)
{
    (void)recording;
    drain(5);
}

START_TEST(a_port_may_be_drained_inside_its_own_callbacks)
{
    static const RecordedEvent when[] = {RECORD_BUILD, RECORD_MADE, RECORD_DATA, RECORD_LOST};
    RecordedEvent event = when[_i / 2 % 4];
    told = 0;
    begin(_i / 8);
    rec.on[event] = _i % 2 ? drain_soon : drain_now;
    serve(&rec, PORT);
    peer = TorcSim_connect(sim, PORT);
    TorcSimPeer_send(peer, "x");
    if (event == RECORD_LOST)
        TorcSimPeer_close(peer);
    settle();
    ck_assert_ptr_null(TorcSim_connect(sim, PORT));
    TorcSim_advance(sim, 10);
    ck_assert_int_eq(told, 1);
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 1);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.kind,
                     event == RECORD_LOST ? TORC_CONNECTION_DONE : TORC_CONNECTION_SHUTDOWN);
    end();
}
END_TEST

static void start_again(TorcResult *result, void *arg)
{
    (void)result;
    told++;
    ck_assert_int_eq(TorcPort_startListening(arg), 0);
}

START_TEST(who_waits_may_start_the_port_again)
{
    TorcDeferred *done;
    told = 0;
    begin_connected(_i);
    ck_assert_int_eq(TorcPort_drain(port, 1, &done), 0);
    TorcDeferred_addBoth(done, start_again, port);
    TorcDeferred_detach(done);
    TorcSim_advance(sim, 2);
    ck_assert_int_eq(told, 1);
    connect_peer();
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN made");
    ck_assert_str_eq(rec.factory_log, "start stop start");
    end();
}
END_TEST

/* ---- the reactor's end --------------------------------------------------------------------- */

static void hold_for_drain(void *arg)
{
    TorcDeferred *done;
    (void)arg;
    ck_assert_int_eq(TorcPort_drain(port, 20, &done), 0);
    ck_assert_int_eq(TorcReactor_holdShutdown(reactor, done), 0);
}

static void close_peer(void *arg)
{
    (void)arg;
    TorcSimPeer_close(peer);
}

START_TEST(a_drain_holds_the_shutdown_until_the_last_connection_has_ended)
{
    begin_connected(_i);
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_BEFORE,
                                                       TORC_EVENT_SHUTDOWN, hold_for_drain, NULL,
                                                       NULL),
                     0);
    stop_after(1);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 10, close_peer, NULL, NULL), 0);
    double before = TorcReactor_seconds(reactor);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_double_eq_tol(TorcReactor_seconds(reactor) - before, 10, 0.1);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

START_TEST(a_reactor_that_stops_ends_a_drain)
{
    begin_draining(_i, 1000);
    stop_after(1);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_int_eq(told, 1);
    end();
}
END_TEST

START_TEST(free_ends_a_drain)
{
    begin_draining(_i, 1000);
    end();
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_SHUTDOWN);
}
END_TEST

/* ---- bad calls ----------------------------------------------------------------------------- */

START_TEST(bad_arguments_are_refused_and_change_nothing)
{
    TorcDeferred *done = NULL;
    begin_connected(EDGE);
    ck_assert_int_eq(TorcPort_drain(NULL, 1, &done), -EINVAL);
    ck_assert_int_eq(TorcPort_drain(port, NAN, &done), -EINVAL);
    ck_assert_ptr_null(done);
    ck_assert(!TorcPort_draining(NULL));
    ck_assert(TorcPort_listening(port) && !TorcPort_draining(port));
    ck_assert_int_eq(TorcPort_drain(port, INFINITY, NULL), 0);
    TorcSim_advance(sim, 1e6);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

/* Once with memory to be had for the timers, and once when they have it already. */
START_TEST(without_memory_nothing_has_changed)
{
    begin_connected(EDGE);
    if (_i == 1) {
        ck_assert_int_eq(TorcReactor_callLater(reactor, 1, nothing, NULL, NULL), 0);
        TorcSim_advance(sim, 2);
    }
    int r = -ENOMEM;
    long k = 0;
    for (; r < 0; k++) {
        TorcDeferred *done = (TorcDeferred *)&told;
        FailingMemory_start(k);
        r = TorcPort_drain(port, 10, &done);
        FailingMemory_stop();
        if (r == 0) {
            TorcDeferred_release(done);
            break;
        }
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_ptr_eq(done, &told);
        ck_assert(TorcPort_listening(port) && !TorcPort_draining(port));
        TorcSim_advance(sim, 20); /* no deadline is left */
        ck_assert_str_eq(rec.log, "made");
    }
    ck_assert_int_ge(k, 2);
    FailingMemory_startForEver(0); /* no reason can be made */
    TorcSim_advance(sim, 20);
    FailingMemory_stop();
    ck_assert_str_eq(rec.log, "made lost:SHUTDOWN");
    end();
}
END_TEST

RUN_LOOP_TESTS("draining ports",
               {connections_go_on_and_the_deferred_fires_when_the_last_has_ended, MODES},
               {without_connections_it_fires_at_the_end_of_the_turn, WHOLE_MODES},
               {without_a_deadline_it_takes_as_long_as_it_takes, WHOLE_MODES},
               {stopFactory_is_where_protocols_are_told, MODES},
               {nobody_needs_to_ask_for_the_deferred, WHOLE_MODES},
               {at_the_deadline_the_rest_is_aborted_and_it_is_logged, MODES},
               {no_time_at_all_aborts_now, WHOLE_MODES},
               {only_the_connections_of_that_port_end, WHOLE_MODES},
               {one_that_is_closing_in_order_at_the_deadline_keeps_its_end, 1},
               {a_new_deadline_replaces_the_old_one, WHOLE_MODES},
               {a_stopped_port_with_connections_can_be_drained, WHOLE_MODES},
               {stopListening_of_a_draining_port_tells_of_the_socket_alone, 1},
               {who_waits_for_the_socket_is_told_before_the_connections_have_ended, WHOLE_MODES},
               {a_port_listens_again_only_after_its_drain, WHOLE_MODES},
               {a_drained_port_that_is_held_has_fired, 1},
               {a_cancelled_deferred_changes_nothing_but_its_result, WHOLE_MODES},
               {a_port_may_be_drained_inside_its_own_callbacks, 8 * WHOLE_MODES},
               {who_waits_may_start_the_port_again, WHOLE_MODES},
               {a_drain_holds_the_shutdown_until_the_last_connection_has_ended, WHOLE_MODES},
               {a_reactor_that_stops_ends_a_drain, WHOLE_MODES}, {free_ends_a_drain, WHOLE_MODES},
               {bad_arguments_are_refused_and_change_nothing, 1},
               {without_memory_nothing_has_changed, 2})
