/* Listening ends and begins again: stopping, its deferred, starting anew, and who holds the port. */
#include "tcp_port_fixture.h"

/* ---- stopping and starting ----------------------------------------------------------------- */

START_TEST(stopListening_frees_the_address_and_leaves_connections_alone) /* LISTEN-10 */
{
    begin_connected(_i);
    TorcPort *held = TorcPort_ref(port);
    ck_assert(TorcPort_listening(held));
    ck_assert_int_eq(TorcPort_stopListening(held, NULL), 0);
    ck_assert(!TorcPort_listening(held));
    ck_assert_str_eq(host_of(held), "[::]:8881");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_ptr_null(TorcSim_connect(sim, PORT));
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_str_eq(rec.log, "made data:5");

    serve(&rec, PORT); /* the number is free at once */
    connect_peer();
    ck_assert_str_eq(rec.log, "made data:5 made");
    TorcPort_unref(held);
    end();
}
END_TEST

START_TEST(stopListening_twice_succeeds) /* LISTEN-10 */
{
    begin(EDGE);
    serve(&rec, PORT);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0); /* good until the end of the turn */
    settle();
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    end();
}
END_TEST

static int told;

static void count_told(TorcResult *result, void *arg)
{
    ck_assert_ptr_null(result->reason);
    ck_assert_ptr_null(result->value);
    ck_assert(!TorcPort_listening(arg)); /* the port is still there */
    told++;
}

static void stop_telling(TorcPort *which)
{
    TorcDeferred *done = NULL;
    ck_assert_int_eq(TorcPort_stopListening(which, &done), 0);
    TorcDeferred_addBoth(done, count_told, which);
    TorcDeferred_detach(done);
}

START_TEST(stopListening_tells_when_the_port_is_let_go_of) /* LISTEN-10 */
{
    told = 0;
    begin(_i);
    serve(&rec, PORT);
    stop_telling(port);
    stop_telling(port); /* twice */
    ck_assert_int_eq(told, 0);
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 0);
    settle();
    ck_assert_int_eq(told, 2);
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    end();
    ck_assert_int_eq(told, 2);
}
END_TEST

START_TEST(stopListening_of_a_port_that_was_let_go_of_has_fired)
{
    told = 0;
    begin(EDGE);
    serve(&rec, PORT);
    TorcPort *held = TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_stopListening(held, NULL), 0);
    settle();
    stop_telling(held);
    ck_assert_int_eq(told, 1);
    TorcPort_unref(held);
    end();
}
END_TEST

START_TEST(free_tells_who_waits_for_a_port)
{
    told = 0;
    begin(EDGE);
    serve(&rec, PORT);
    stop_telling(port);
    end();
    ck_assert_int_eq(told, 1);
}
END_TEST

static void start_again(TorcResult *result, void *arg)
{
    (void)result;
    if (told++ > 0)
        return;
    ck_assert_int_eq(TorcPort_startListening(arg), 0);
    TorcDeferred *done;
    ck_assert_int_eq(TorcPort_stopListening(arg, &done), 0);
    TorcDeferred_addBoth(done, start_again, arg);
    TorcDeferred_detach(done);
}

START_TEST(a_port_may_be_started_and_stopped_by_who_waits_for_it)
{
    told = 0;
    begin(_i);
    serve(&rec, PORT);
    TorcDeferred *done;
    ck_assert_int_eq(TorcPort_stopListening(port, &done), 0);
    TorcDeferred_addBoth(done, start_again, port);
    TorcDeferred_release(done); /* cancelled: its step runs now */
    ck_assert_int_eq(told, 1);
    settle();
    ck_assert_int_eq(told, 2);
    ck_assert_str_eq(rec.factory_log, "start stop start stop");
    end();
}
END_TEST

static void answer_peer(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
    ck_assert_int_eq(write_text("closed"), 0);
}

START_TEST(what_is_written_when_a_port_is_let_go_of_leaves_in_that_turn)
{
    begin_connected(_i);
    TorcDeferred *done;
    ck_assert_int_eq(TorcPort_stopListening(port, &done), 0);
    TorcDeferred_addBoth(done, answer_peer, NULL);
    TorcDeferred_detach(done);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "closed");
    end();
}
END_TEST

START_TEST(stopListening_without_memory_for_a_deferred_changes_nothing)
{
    begin(EDGE);
    serve(&rec, PORT);
    for (long k = 0; k < 2; k++) {
        TorcDeferred *done = (TorcDeferred *)&told;
        FailingMemory_start(k);
        ck_assert_int_eq(TorcPort_stopListening(port, &done), -ENOMEM);
        FailingMemory_stop();
        ck_assert_ptr_eq(done, &told);
        ck_assert(TorcPort_listening(port));
    }
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    settle();
    end();
}
END_TEST

static void stop_port(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
}

START_TEST(a_port_may_be_stopped_inside_its_own_callbacks) /* BUG-5 */
{
    begin(_i / 2);
    rec.on[_i % 2 ? RECORD_MADE : RECORD_BUILD] = stop_port;
    serve(&rec, PORT);
    peer = TorcSim_connect(sim, PORT);
    TorcSimPeer *waiting = TorcSim_connect(sim, PORT);
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcSimPeer_gotReset(waiting));
    TorcSimPeer_send(peer, "x");
    settle();
    ck_assert_str_eq(rec.log, "made data:1");
    end();
}
END_TEST

static void restart_port(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcPort_startListening(port), 0);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    ck_assert_int_eq(TorcPort_startListening(port), 0);
}

START_TEST(a_port_may_be_restarted_inside_its_own_callbacks)
{
    begin(_i);
    rec.on[RECORD_MADE] = restart_port;
    serve(&rec, PORT);
    peer = connect_peer();
    ck_assert(TorcPort_listening(port));
    rec.on[RECORD_MADE] = NULL;
    connect_peer();
    ck_assert_str_eq(rec.log, "made made");
    ck_assert_str_eq(rec.factory_log, "start stop start stop start");
    end();
}
END_TEST

START_TEST(a_stopped_port_listens_again_on_the_same_number) /* LISTEN-11 */
{
    begin(EDGE);
    serve(&rec, 0);
    TorcPort *held = TorcPort_ref(port);
    TorcAddress before;
    TorcAddress after;
    TorcPort_getHost(held, &before);
    ck_assert_int_eq(TorcPort_startListening(held), -EALREADY);
    ck_assert_int_eq(TorcPort_stopListening(held, NULL), 0);
    settle();
    ck_assert_int_eq(TorcPort_startListening(held), 0);
    TorcPort_getHost(held, &after);
    ck_assert(TorcAddress_equal(&before, &after));
    ck_assert_ptr_nonnull(TorcSim_connect(sim, after.port));
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_str_eq(rec.factory_log, "start stop start");
    ck_assert_ptr_null(TorcPort_unref(held));
    end();
}
END_TEST

static Recording successor;

static void stop_again_and_let_another_listen(Recording *recording)
{
    recording->on[RECORD_STOP] = NULL;
    ck_assert(!TorcPort_listening(port));
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    serve(&successor, PORT);
}

START_TEST(a_port_is_closed_before_stopFactory_runs) /* LISTEN-12 */
{
    successor = (Recording){0};
    begin(_i);
    rec.on[RECORD_STOP] = stop_again_and_let_another_listen;
    serve(&rec, PORT);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    peer = connect_peer();
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    ck_assert_str_eq(rec.log, "");
    ck_assert_str_eq(successor.log, "made");
    end();
    Recording_done(&successor);
}
END_TEST

START_TEST(starting_again_reports_an_address_in_use)
{
    begin(EDGE);
    serve(&rec, PORT);
    TorcPort *held = TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_stopListening(held, NULL), 0);
    settle();
    serve(&rec, PORT);
    ck_assert_int_eq(TorcPort_startListening(held), -EADDRINUSE);
    ck_assert(!TorcPort_listening(held));
    TorcPort_unref(held);
    end();
}
END_TEST

START_TEST(a_held_port_outlives_the_reactor)
{
    begin(EDGE);
    serve(&rec, PORT);
    TorcPort *held = TorcPort_ref(port);
    TorcSim_free(sim);
    ck_assert(!TorcPort_listening(held));
    ck_assert_str_eq(host_of(held), "[::]:8881");
    ck_assert_int_eq(TorcPort_startListening(held), -TORC_ENOTRUNNING);
    ck_assert_int_eq(TorcPort_stopListening(held, NULL), 0);
    ck_assert_int_eq(TorcPort_drain(held, 1, NULL), 0);
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 0);
    TorcPort_unref(held);
    Recording_done(&rec);
}
END_TEST

START_TEST(null_is_answered_not_followed)
{
    TorcAddress address = {.port = 7};
    ck_assert_int_eq(TorcPort_stopListening(NULL, NULL), -EINVAL);
    ck_assert_int_eq(TorcPort_startListening(NULL), -EINVAL);
    ck_assert(!TorcPort_listening(NULL));
    TorcPort_getHost(NULL, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_NONE);
    TorcPort_getHost(NULL, NULL);
    ck_assert_ptr_null(TorcPort_ref(NULL));
    ck_assert_ptr_null(TorcPort_unref(NULL));
    TorcListenOptions_init(NULL);
}
END_TEST

START_TEST(init_fills_in_defaults)
{
    TorcListenOptions options;
    memset(&options, 0xff, sizeof(options));
    TorcListenOptions_init(&options);
    ck_assert_uint_eq(options.size, sizeof(options));
    begin(EDGE);
    ck_assert_int_eq(listen_with(PORT, &options, NULL), 0);
    end();
}
END_TEST

RUN_LOOP_TESTS("stopping of TCP ports",
               {stopListening_frees_the_address_and_leaves_connections_alone, MODES},
               {stopListening_twice_succeeds, 1},
               {stopListening_tells_when_the_port_is_let_go_of, WHOLE_MODES},
               {stopListening_of_a_port_that_was_let_go_of_has_fired, 1},
               {free_tells_who_waits_for_a_port, 1},
               {a_port_may_be_started_and_stopped_by_who_waits_for_it, WHOLE_MODES},
               {what_is_written_when_a_port_is_let_go_of_leaves_in_that_turn, WHOLE_MODES},
               {stopListening_without_memory_for_a_deferred_changes_nothing, 1},
               {a_port_may_be_stopped_inside_its_own_callbacks, 2 * WHOLE_MODES},
               {a_port_may_be_restarted_inside_its_own_callbacks, WHOLE_MODES},
               {a_stopped_port_listens_again_on_the_same_number, 1},
               {a_port_is_closed_before_stopFactory_runs, MODES},
               {starting_again_reports_an_address_in_use, 1}, {a_held_port_outlives_the_reactor, 1},
               {null_is_answered_not_followed, 1}, {init_fills_in_defaults, 1})
