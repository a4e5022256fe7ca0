/* LineReceiver over the simulated kernel: pauses, also in the middle of a chunk, and the end of the
 * stream, also of one that is paused. */
#include "line_receiver_fixture.h"

/* ---- pausing ------------------------------------------------------------------------------- */

static void pause_at_pause(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)length;
    if (strcmp(line, "pause") == 0)
        TorcLineReceiver_pauseProducing(self);
}

START_TEST(a_pause_holds_between_two_lines_of_a_chunk) /* LINE-6 */
{
    on_line = pause_at_pause;
    send_text("one\r\npause\r\ntwo\r\nthr");
    send_text("ee\r\n");
    TorcSim_advance(sim, 60);
    ck_assert_str_eq(events, "[one][pause]");
    TorcLineReceiver_resumeProducing(&probe->base);
    ck_assert_str_eq(events, "[one][pause]");
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one][pause][two][three]");
}
END_TEST

START_TEST(a_pause_stops_reading_too) /* LINE-6 */
{
    TorcLineReceiver_pauseProducing(&probe->base);
    TorcSim_advance(sim, 0);
    uint64_t reads = TorcSim_countCalls(sim, TORC_SIM_RECV);
    send_text("one\r\n");
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_RECV), reads);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one]");
}
END_TEST

static void pause_and_resume(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)line;
    (void)length;
    TorcLineReceiver_pauseProducing(self);
    TorcLineReceiver_resumeProducing(self);
    record('(', "", 0, ')');
}

START_TEST(pause_and_resume_inside_a_slot_deliver_nothing_twice) /* LINE-6 */
{
    on_line = pause_and_resume;
    send_text("one\r\ntwo\r\nthree\r\n");
    ck_assert_str_eq(events, "[one]()[two]()[three]()");
}
END_TEST

START_TEST(a_pause_after_resume_wins)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\n");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcLineReceiver_pauseProducing(&probe->base);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(events, "[pause]");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(events, "[pause][one]");
}
END_TEST

START_TEST(resuming_twice_schedules_one_delivery)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\n");
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 0);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcLineReceiver_resumeProducing(&probe->base);
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(TorcSim_reactor(sim), NULL, 0), 1);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[pause][one]");
}
END_TEST

static void pause_raw(TorcLineReceiver *self, const char *data, size_t length)
{
    (void)data;
    (void)length;
    TorcLineReceiver_pauseProducing(self);
}

START_TEST(a_pause_holds_raw_data_too)
{
    TorcLineReceiver_setRawMode(&probe->base);
    on_raw = pause_raw;
    send_text("one");
    send_text("two");
    ck_assert_str_eq(events, "{one}");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "{one}{two}");
}
END_TEST

START_TEST(what_waits_in_a_paused_receiver_goes_with_the_connection)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\ntwo\r\n");
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcTransport_abortConnection(probe->base.base.transport);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(events, "[pause]");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_ABORTED);
}
END_TEST

/* ---- the end of the stream ----------------------------------------------------------------- */

START_TEST(after_fin_the_connection_is_closed_and_output_delivered_first)
{
    on_line = write_back;
    TorcSimPeer_send(peer, "one\r\ntwo\r\nrest");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one][two]");
    ck_assert_str_eq(TorcSimPeer_received(peer), "one\r\ntwo\r\n");
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

START_TEST(a_paused_receiver_delivers_after_fin_when_it_resumes_and_then_closes)
{
    on_line = pause_at_pause;
    send_text("pause\r\none\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 60);
    ck_assert_str_eq(events, "[pause]");
    ck_assert_int_eq(lost_kind, 0);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[pause][one]");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

START_TEST(a_paused_receiver_with_nothing_buffered_answers_after_fin)
{
    on_line = pause_at_pause;
    send_text("pause\r\n");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 60);
    ck_assert_int_eq(lost_kind, 0); /* the answer is still being computed */
    ck_assert_int_eq(TorcLineReceiver_sendLine(&probe->base, "answer", 6), 0);
    TorcLineReceiver_resumeProducing(&probe->base);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(TorcSimPeer_received(peer), "answer\r\n");
    ck_assert_int_eq(lost_kind, TORC_CONNECTION_DONE);
}
END_TEST

static char partial[16];

static void partial_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    const void *data;
    size_t length = TorcLineReceiver_clearLineBuffer((TorcLineReceiver *)self, &data);

    memcpy(partial, data, length);
    probe_connectionLost(self, reason);
}

static const TorcLineReceiverClass partial_class = {
    TORC_LINE_RECEIVER_SUBCLASS("partial", Probe, &probe_class),
    .protocol.connectionLost = partial_connectionLost,
};

START_TEST(a_last_line_without_delimiter_can_be_had_in_connectionLost)
{
    start_again(&partial_class);
    TorcSimPeer_send(peer, "one\r\nrest");
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 0);
    ck_assert_str_eq(events, "[one]");
    ck_assert_str_eq(partial, "rest");
}
END_TEST

int main(void)
{
    const TTest *const streams[] = {
        a_pause_holds_between_two_lines_of_a_chunk,
        a_pause_stops_reading_too,
        pause_and_resume_inside_a_slot_deliver_nothing_twice,
        a_pause_after_resume_wins,
        what_waits_in_a_paused_receiver_goes_with_the_connection,
        after_fin_the_connection_is_closed_and_output_delivered_first,
        a_paused_receiver_delivers_after_fin_when_it_resumes_and_then_closes,
        a_paused_receiver_with_nothing_buffered_answers_after_fin,
        a_last_line_without_delimiter_can_be_had_in_connectionLost,
        NULL};
    const TTest *const chunks[] = {resuming_twice_schedules_one_delivery,
                                   a_pause_holds_raw_data_too, NULL};
    return run_line_tests("line_receiver: pauses", streams, chunks);
}
