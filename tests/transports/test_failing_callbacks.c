/* A callback that cannot go on: its connection ends with its reason, and nothing else does. */
#include "../support/stream_test.h"

static Recording second;
static TorcSimPeer *other;

/* `rec` is to have trouble at `event`; `second` is the connection beside it. */
static void begin_two(int mode, RecordedEvent event, RecordingHook *trouble)
{
    second = (Recording){0};
    begin_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    rec = (Recording){.half_closeable = true, .next = &second};
    rec.on[event] = trouble;
    serve(&rec, PORT);
    peer = connect_peer();
    other = connect_peer();
}

static void end_two(void)
{
    TorcSimPeer_send(other, "still here");
    settle();
    ck_assert_str_eq(second.log, "made data:10");
    end();
    Recording_done(&second);
}

static void give_up(Recording *recording)
{
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, -EBADMSG, "no %s", "verb");
    ck_assert_ptr_nonnull(reason);
    TorcTransport_failConnection(recording->transport, reason);
    TorcReason_unref(reason);
}

static void assert_failed(void)
{
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_APPLICATION);
    ck_assert_int_eq(rec.code, -EBADMSG);
    ck_assert_str_eq(rec.text, "no verb");
}

/* ---- one callback after the other ---------------------------------------------------------- */

START_TEST(connectionMade_may_fail_and_the_port_goes_on) /* LISTEN-7, LOOP-9 */
{
    begin_two(_i, RECORD_MADE, give_up);
    TorcSimPeer_send(peer, "never read");
    settle();
    assert_failed();
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    ck_assert(TorcSimPeer_gotEnd(peer) || TorcSimPeer_gotReset(peer));
    end_two();
}
END_TEST

START_TEST(dataReceived_may_fail) /* LOOP-9 */
{
    begin_two(_i, RECORD_DATA, give_up);
    TorcSimPeer_send(peer, "x");
    settle();
    assert_failed();
    end_two();
}
END_TEST

START_TEST(readConnectionLost_may_fail) /* LOOP-9, CLOSE-13 */
{
    begin_two(_i, RECORD_EOF, give_up);
    TorcSimPeer_shutdown(peer);
    settle();
    assert_failed();
    ck_assert_str_eq(rec.log, "made eof lost:APPLICATION");
    end_two();
}
END_TEST

START_TEST(writeConnectionLost_may_fail) /* LOOP-9, CLOSE-13 */
{
    begin_two(_i, RECORD_WRITE_SHUT, give_up);
    lose_write(&rec);
    settle();
    assert_failed();
    ck_assert_str_eq(rec.log, "made write-shut lost:APPLICATION");
    end_two();
}
END_TEST

/* Above the high mark, and below the low one again. */
static void pass_both_marks(void)
{
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    TorcSimPeer_startReading(peer);
    settle();
}

START_TEST(pauseProducing_may_fail) /* LOOP-9 */
{
    begin_two(_i, RECORD_PAUSE, give_up);
    pass_both_marks();
    assert_failed();
    ck_assert_str_eq(rec.log, "made pause lost:APPLICATION");
    ck_assert(TorcSimPeer_gotReset(peer)); /* what waited was dropped */
    end_two();
}
END_TEST

START_TEST(resumeProducing_may_fail) /* LOOP-9 */
{
    begin_two(_i, RECORD_RESUME, give_up);
    pass_both_marks();
    assert_failed();
    ck_assert_str_eq(rec.log, "made pause resume lost:APPLICATION");
    end_two();
}
END_TEST

/* ---- connectionLost ------------------------------------------------------------------------ */

static void give_up_and_stop_listening(Recording *recording)
{
    give_up(recording);
    ck_assert_int_eq(TorcPort_stopListening(port, NULL), 0);
}

START_TEST(whatever_connectionLost_does_the_others_hear_of_their_own_ends) /* CLOSE-19 */
{
    begin_two(_i, RECORD_LOST, give_up_and_stop_listening);
    TorcSimPeer_shutdown(other);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 10);                    /* the socket lingers for a while */
    ck_assert_str_eq(rec.log, "made lost:DONE"); /* it had its reason already */
    ck_assert_str_eq(second.log, "made lost:DONE");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert_uint_eq(rec.counts[RECORD_FACTORY_DESTROY], 1);
    end();
    Recording_done(&second);
}
END_TEST

/* ---- more than one end --------------------------------------------------------------------- */

static void abort_and_give_up(Recording *recording)
{
    abort_now(recording);
    give_up(recording);
    lose(recording);
}

START_TEST(the_first_end_that_is_one_gives_the_reason) /* CLOSE-15, CLOSE-16 */
{
    begin_two(_i, RECORD_DATA, abort_and_give_up);
    TorcSimPeer_send(peer, "x");
    settle();
    ck_assert_str_eq(rec.log, "made data:1 lost:ABORTED");
    end_two();
}
END_TEST

RUN_LOOP_TESTS("failing callbacks", {connectionMade_may_fail_and_the_port_goes_on, MODES},
               {dataReceived_may_fail, MODES}, {readConnectionLost_may_fail, MODES},
               {writeConnectionLost_may_fail, MODES}, {pauseProducing_may_fail, WHOLE_MODES},
               {resumeProducing_may_fail, WHOLE_MODES},
               {whatever_connectionLost_does_the_others_hear_of_their_own_ends, MODES},
               {the_first_end_that_is_one_gives_the_reason, MODES})
