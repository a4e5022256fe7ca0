/* Ports that hold back: a limit of connections, pausing, and both together with running out of
 * descriptors. */
#include "../support/failing_memory.h"
#include "../support/stream_test.h"

static char last_event[128];
static unsigned events;

static void keep_event(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    events++;
    TorcLogEvent_format(event, last_event, sizeof(last_event));
}

static void serve_with(const TorcListenOptions *options)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, &factory->base, options, &port), 0);
    TorcFactory_unref(&factory->base);
}

static void begin_limited(int mode, unsigned most)
{
    begin(mode);
    serve_with(TORC_LISTEN_OPTIONS(.maxConnections = most));
}

static void begin_refusing(int mode, unsigned most)
{
    begin(mode);
    serve_with(TORC_LISTEN_OPTIONS(.maxConnections = most, .refuseExcess = true));
}

static uint64_t accepts(void)
{
    return TorcSim_countCalls(sim, TORC_SIM_ACCEPT);
}

/* ---- the limit ----------------------------------------------------------------------------- */

START_TEST(at_the_limit_those_who_come_wait_and_are_served_when_one_leaves) /* LISTEN-14 */
{
    begin_limited(_i, 2);
    TorcSimPeer *first = connect_peer();
    connect_peer();
    TorcSimPeer *third = connect_peer();
    TorcSimPeer_send(third, "hello");
    settle();
    ck_assert_str_eq(rec.log, "made made");
    ck_assert_uint_eq(TorcPort_connections(port), 2);
    ck_assert(!TorcPort_accepting(port));
    ck_assert(!TorcSimPeer_gotEnd(third) && !TorcSimPeer_gotReset(third));

    TorcSimPeer_close(first);
    settle();
    ck_assert_str_eq(rec.log, "made made lost:DONE made data:5");
    ck_assert_uint_eq(TorcPort_connections(port), 2);
    end();
}
END_TEST

START_TEST(at_the_limit_nothing_is_asked_of_the_kernel)
{
    begin_limited(_i, 1);
    connect_peer();
    connect_peer();
    uint64_t before = accepts();
    uint64_t watches = TorcSim_countCalls(sim, TORC_SIM_WATCH);
    TorcSim_advance(sim, 3600);
    ck_assert_uint_eq(accepts(), before);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_WATCH), watches);
    end();
}
END_TEST

START_TEST(a_burst_fills_the_port_to_the_limit_exactly)
{
    TorcSimPeer *peers[20];
    begin_limited(_i, 7);
    for (int i = 0; i < 20; i++)
        ck_assert_ptr_nonnull(peers[i] = TorcSim_connect(sim, PORT));
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 7);
    for (int i = 0; i < 20; i++) {
        TorcSimPeer_close(peers[i]);
        settle();
    }
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 20);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 20);
    ck_assert_uint_eq(TorcPort_connections(port), 0);
    end();
}
END_TEST

static void look_at_count(Recording *recording)
{
    *(unsigned *)recording->arg = TorcPort_connections(port);
}

START_TEST(the_count_includes_the_one_being_built_and_the_one_being_lost)
{
    unsigned seen = 99;
    begin(_i);
    serve(&rec, PORT);
    rec.arg = &seen;
    rec.on[RECORD_BUILD] = look_at_count;
    peer = connect_peer();
    ck_assert_uint_eq(seen, 1);
    rec.on[RECORD_LOST] = look_at_count;
    seen = 99;
    TorcSimPeer_close(peer);
    settle();
    ck_assert_uint_eq(seen, 1);
    ck_assert_uint_eq(TorcPort_connections(port), 0);
    end();
}
END_TEST

START_TEST(what_buildProtocol_refuses_or_fails_does_not_count)
{
    begin_limited(_i, 1);
    rec.refuse = true;
    connect_peer();
    rec.refuse = false;
    rec.build_code = -EACCES;
    connect_peer();
    ck_assert_uint_eq(TorcPort_connections(port), 0);
    rec.build_code = 0;
    connect_peer();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_uint_eq(TorcPort_connections(port), 1);
    end();
}
END_TEST

/* The end of the first brings back no watch, and then the second cannot be accepted. */
START_TEST(two_reasons_to_look_away_are_one_and_go_with_the_port)
{
    begin_limited(_i, 1);
    rec.refuse = true;
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOMEM, 1);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 2, ENOMEM, 1);
    connect_peer();
    ck_assert_uint_eq(accepts(), 2);
    TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    settle();
    ck_assert_msg(torc_check_clean(sim, last_event, sizeof(last_event)), "%s", last_event);
    TorcPort_unref(port);
    end();
}
END_TEST

START_TEST(reaching_the_limit_is_logged)
{
    events = 0;
    torc_setLogObserver(keep_event, NULL, TORC_LOG_WARNING);
    begin_limited(EDGE, 2);
    connect_peer();
    ck_assert_uint_eq(events, 0);
    connect_peer();
    ck_assert_uint_eq(events, 1);
    ck_assert_str_eq(last_event, "port.full port=8881 connections=2");
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 4), 0);
    peer = connect_peer();
    TorcSimPeer *fourth = connect_peer();
    ck_assert_uint_eq(events, 1); /* it comes and goes about the limit */
    TorcSimPeer_close(peer);
    TorcSimPeer_close(fourth);
    settle();
    connect_peer();
    connect_peer();
    ck_assert_uint_eq(events, 2); /* there was room for half */
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    end();
}
END_TEST

START_TEST(a_raised_limit_lets_in_those_who_wait)
{
    begin_limited(_i, 1);
    for (int i = 0; i < 4; i++)
        connect_peer();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 1);
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 3), 0);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 3);
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 0), 0);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 4);
    ck_assert(TorcPort_accepting(port));
    end();
}
END_TEST

START_TEST(a_lowered_limit_closes_nothing)
{
    TorcSimPeer *peers[3];
    begin(_i);
    serve(&rec, PORT);
    for (int i = 0; i < 3; i++)
        peers[i] = connect_peer();
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 2), 0);
    connect_peer();
    ck_assert_str_eq(rec.log, "made made made");
    TorcSimPeer_close(peers[0]);
    settle();
    ck_assert_str_eq(rec.log, "made made made lost:DONE"); /* two are left: still full */
    TorcSimPeer_close(peers[1]);
    settle();
    ck_assert_str_eq(rec.log, "made made made lost:DONE lost:DONE made");
    end();
}
END_TEST

static void limit_to_one(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 1), 0);
}

START_TEST(a_limit_set_inside_a_callback_holds_at_once)
{
    begin(_i / 2);
    rec.on[_i % 2 ? RECORD_BUILD : RECORD_MADE] = limit_to_one;
    serve(&rec, PORT);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(TorcSim_connect(sim, PORT));
    settle();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

/* ---- refusing ------------------------------------------------------------------------------ */

START_TEST(beyond_the_limit_a_refusing_port_closes_at_once) /* LISTEN-14 */
{
    begin_refusing(_i, 1);
    peer = connect_peer();
    TorcSimPeer *second = connect_peer();
    ck_assert(TorcSimPeer_gotEnd(second) || TorcSimPeer_gotReset(second));
    ck_assert_uint_eq(rec.counts[RECORD_BUILD], 1);
    ck_assert_uint_eq(TorcPort_connections(port), 1);
    ck_assert(!TorcPort_accepting(port));

    TorcSimPeer_close(peer);
    settle();
    ck_assert(TorcPort_accepting(port));
    TorcSimPeer *third = connect_peer();
    ck_assert(!TorcSimPeer_gotEnd(third) && !TorcSimPeer_gotReset(third));
    ck_assert_str_eq(rec.log, "made lost:DONE made");
    end();
}
END_TEST

START_TEST(a_burst_beyond_the_limit_is_refused_whole)
{
    TorcSimPeer *peers[200];
    unsigned refused = 0;
    begin_refusing(_i, 5);
    for (int i = 0; i < 200; i++)
        ck_assert_ptr_nonnull(peers[i] = TorcSim_connect(sim, PORT));
    settle();
    for (int i = 0; i < 200; i++)
        refused += TorcSimPeer_gotEnd(peers[i]) || TorcSimPeer_gotReset(peers[i]);
    ck_assert_uint_eq(refused, 195);
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 5);
    end();
}
END_TEST

START_TEST(those_who_wait_are_refused_when_the_port_begins_to)
{
    begin_limited(_i, 1);
    connect_peer();
    TorcSimPeer *second = connect_peer();
    ck_assert(!TorcSimPeer_gotEnd(second));
    ck_assert_int_eq(TorcPort_setRefuseExcess(port, true), 0);
    settle();
    ck_assert(TorcSimPeer_gotEnd(second) || TorcSimPeer_gotReset(second));
    ck_assert_int_eq(TorcPort_setRefuseExcess(port, false), 0);
    TorcSimPeer *third = connect_peer();
    ck_assert(!TorcSimPeer_gotEnd(third) && !TorcSimPeer_gotReset(third));
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

/* ---- pausing ------------------------------------------------------------------------------- */

START_TEST(a_paused_port_lets_those_who_come_wait) /* LISTEN-14 */
{
    begin(_i);
    serve(&rec, PORT);
    ck_assert(TorcPort_accepting(port));
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0); /* they do not nest */
    ck_assert(!TorcPort_accepting(port) && TorcPort_listening(port));
    peer = connect_peer();
    TorcSimPeer_send(peer, "hi");
    uint64_t before = accepts();
    TorcSim_advance(sim, 60);
    ck_assert_uint_eq(accepts(), before);
    ck_assert_str_eq(rec.log, "");
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    ck_assert_str_eq(rec.log, ""); /* nothing before the call has returned */
    settle();
    ck_assert_str_eq(rec.log, "made data:2");
    end();
}
END_TEST

START_TEST(connections_go_on_while_accepting_is_paused)
{
    begin_connected(_i);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    TorcSimPeer_send(peer, "still here");
    settle();
    ck_assert_str_eq(rec.log, "made data:10");
    end();
}
END_TEST

static void pause_port(Recording *recording)
{
    (void)recording;
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
}

START_TEST(a_pause_inside_a_callback_ends_the_batch)
{
    begin(_i / 2);
    rec.on[_i % 2 ? RECORD_BUILD : RECORD_MADE] = pause_port;
    serve(&rec, PORT);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(TorcSim_connect(sim, PORT));
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    settle();
    ck_assert_str_eq(rec.log, "made made");
    end();
}
END_TEST

START_TEST(a_pause_holds_over_stop_and_start)
{
    begin(EDGE);
    serve(&rec, PORT);
    TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    settle();
    ck_assert_int_eq(TorcPort_startListening(port), 0);
    connect_peer();
    ck_assert_str_eq(rec.log, "");
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    TorcPort_unref(port);
    end();
}
END_TEST

START_TEST(a_resume_does_not_pass_the_limit)
{
    begin_limited(_i, 1);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    peer = connect_peer();
    connect_peer();
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 1);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    TorcSimPeer_close(peer);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 1); /* there is room, but it is paused */
    end();
}
END_TEST

/* ---- together with what goes wrong --------------------------------------------------------- */

START_TEST(a_resume_does_not_cut_short_the_wait_for_descriptors)
{
    begin(_i);
    serve(&rec, PORT);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, ENOBUFS, 1); /* LISTEN-8 */
    peer = connect_peer();
    ck_assert(!TorcPort_accepting(port));
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    uint64_t before = accepts();
    settle();
    ck_assert_uint_eq(accepts(), before);
    TorcSim_advance(sim, 0.1);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(a_paused_port_stays_so_when_the_wait_for_descriptors_is_over)
{
    begin(_i);
    serve(&rec, PORT);
    TorcSim_failCall(sim, TORC_SIM_ACCEPT, 1, ENOMEM, 1); /* LISTEN-8 */
    peer = connect_peer();
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "");
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(a_port_that_cannot_be_watched_when_it_resumes_tries_again)
{
    begin(_i);
    serve(&rec, PORT);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    peer = connect_peer();
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOMEM, 2);
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    ck_assert(!TorcPort_accepting(port));
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(a_port_that_cannot_be_watched_when_there_is_room_again_tries_again)
{
    begin_limited(_i, 1);
    peer = connect_peer();
    connect_peer();
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOSPC, 2);
    TorcSimPeer_close(peer);
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(rec.log, "made lost:DONE made");
    end();
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

START_TEST(a_port_that_can_neither_be_watched_nor_tried_again_is_closed)
{
    torc_setLogObserver(keep_event, NULL, TORC_LOG_ERROR);
    begin(_i);
    serve(&rec, PORT);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOMEM, 0);
    FailingMemory_startForEver(0);
    while (TorcReactor_callLater(reactor, 3600, nothing, NULL, NULL) == 0)
        continue;
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    ck_assert(!TorcPort_listening(port));
    FailingMemory_stop();
    ck_assert_ptr_eq(strstr(last_event, "port.lost port=8881 errno="), last_event);
    ck_assert_str_eq(rec.factory_log, "start stop");
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    end();
}
END_TEST

/* ---- the rest ------------------------------------------------------------------------------ */

START_TEST(connections_of_a_stopped_port_still_count)
{
    begin_connected(_i);
    TorcPort_ref(port);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
    settle();
    ck_assert_uint_eq(TorcPort_connections(port), 1);
    ck_assert(!TorcPort_accepting(port));
    TorcSimPeer_close(peer);
    settle();
    ck_assert_uint_eq(TorcPort_connections(port), 0);
    TorcPort_unref(port);
    end();
}
END_TEST

START_TEST(a_port_that_outlives_its_reactor_still_answers)
{
    begin_connected(EDGE);
    TorcPort_ref(port);
    TorcSim_free(sim);
    ck_assert_uint_eq(TorcPort_connections(port), 0);
    ck_assert_int_eq(TorcPort_setMaxConnections(port, 1), 0);
    ck_assert_int_eq(TorcPort_setRefuseExcess(port, true), 0);
    ck_assert_int_eq(TorcPort_pauseAccepting(port), 0);
    ck_assert_int_eq(TorcPort_resumeAccepting(port), 0);
    ck_assert(!TorcPort_accepting(port));
    TorcPort_unref(port);
    Recording_done(&rec);
}
END_TEST

START_TEST(null_is_answered_not_followed)
{
    ck_assert_uint_eq(TorcPort_connections(NULL), 0);
    ck_assert_int_eq(TorcPort_setMaxConnections(NULL, 1), -EINVAL);
    ck_assert_int_eq(TorcPort_setRefuseExcess(NULL, true), -EINVAL);
    ck_assert_int_eq(TorcPort_pauseAccepting(NULL), -EINVAL);
    ck_assert_int_eq(TorcPort_resumeAccepting(NULL), -EINVAL);
    ck_assert(!TorcPort_accepting(NULL));
}
END_TEST

RUN_LOOP_TESTS(
    "port limits", {at_the_limit_those_who_come_wait_and_are_served_when_one_leaves, MODES},
    {at_the_limit_nothing_is_asked_of_the_kernel, WHOLE_MODES},
    {a_burst_fills_the_port_to_the_limit_exactly, WHOLE_MODES},
    {the_count_includes_the_one_being_built_and_the_one_being_lost, WHOLE_MODES},
    {what_buildProtocol_refuses_or_fails_does_not_count, WHOLE_MODES},
    {two_reasons_to_look_away_are_one_and_go_with_the_port, WHOLE_MODES},
    {reaching_the_limit_is_logged, 1}, {a_raised_limit_lets_in_those_who_wait, WHOLE_MODES},
    {a_lowered_limit_closes_nothing, WHOLE_MODES},
    {a_limit_set_inside_a_callback_holds_at_once, 2 * WHOLE_MODES},
    {beyond_the_limit_a_refusing_port_closes_at_once, MODES},
    {a_burst_beyond_the_limit_is_refused_whole, WHOLE_MODES},
    {those_who_wait_are_refused_when_the_port_begins_to, WHOLE_MODES},
    {a_paused_port_lets_those_who_come_wait, MODES},
    {connections_go_on_while_accepting_is_paused, MODES},
    {a_pause_inside_a_callback_ends_the_batch, 2 * WHOLE_MODES},
    {a_pause_holds_over_stop_and_start, 1}, {a_resume_does_not_pass_the_limit, WHOLE_MODES},
    {a_resume_does_not_cut_short_the_wait_for_descriptors, WHOLE_MODES},
    {a_paused_port_stays_so_when_the_wait_for_descriptors_is_over, WHOLE_MODES},
    {a_port_that_cannot_be_watched_when_it_resumes_tries_again, WHOLE_MODES},
    {a_port_that_cannot_be_watched_when_there_is_room_again_tries_again, WHOLE_MODES},
    {a_port_that_can_neither_be_watched_nor_tried_again_is_closed, WHOLE_MODES},
    {connections_of_a_stopped_port_still_count, WHOLE_MODES},
    {a_port_that_outlives_its_reactor_still_answers, 1}, {null_is_answered_not_followed, 1})
