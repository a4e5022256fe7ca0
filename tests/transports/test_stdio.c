/* Standard input and output on real pipes, on each of libevent's backends: reading, writing, the ways
 * to end, back-pressure. */
#include "stdio_fixture.h"

/* ---- in order ------------------------------------------------------------------------------ */

START_TEST(what_is_read_is_received_and_what_is_written_comes_out) /* PROC-12 */
{
    begin(_i);
    rec.on[RECORD_DATA] = echo;
    connect_pipes();
    say("hello");
    turn_until(rec.counts[RECORD_DATA] == 1);
    ck_assert_str_eq(heard(), "hello");
    say("again");
    turn_until(rec.counts[RECORD_DATA] == 2);
    ck_assert_str_eq(heard(), "again");
    close_end(&theirs[INPUT]);
    turn_until(rec.counts[RECORD_DESTROY] == 1);
    ck_assert_str_eq(rec.log, "made data:10 lost:DONE");
    ck_assert(at_end(theirs[OUTPUT]));
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

START_TEST(nothing_is_called_before_the_next_turn)
{
    begin(_i);
    make_pipes();
    say("hello");
    ck_assert_int_eq(open_connection(), 0);
    ck_assert_uint_eq(rec.counts[RECORD_BUILD], 0);
    ck_assert_str_eq(rec.factory_log, "start");
    turn();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 1);
    end();
}
END_TEST

START_TEST(the_end_of_input_waits_for_the_output) /* PROC-12 */
{
    begin(_i);
    rec.on[RECORD_DATA] = write_megabyte;
    connect_pipes();
    say("x");
    close_end(&theirs[INPUT]);
    turn_for(0.05);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    take_megabyte();
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made data:1 pause lost:DONE");
    ck_assert(at_end(theirs[OUTPUT]));
    end();
}
END_TEST

START_TEST(a_half_closeable_protocol_goes_on_writing_after_the_end_of_input) /* PROC-12 */
{
    begin(_i);
    rec.half_closeable = true;
    connect_pipes();
    close_end(&theirs[INPUT]);
    turn_until(rec.counts[RECORD_EOF] == 1);
    turn_for(0.05);
    ck_assert_int_eq(write_text("late"), 0);
    turn();
    ck_assert_str_eq(heard(), "late");
    lose(&rec);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made eof lost:DONE");
    end();
}
END_TEST

START_TEST(losing_the_write_connection_closes_the_output_alone) /* PROC-12 */
{
    begin(_i);
    rec.half_closeable = true;
    connect_pipes();
    ck_assert_int_eq(write_text("bye"), 0);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    turn_until(rec.counts[RECORD_WRITE_SHUT] == 1);
    ck_assert_str_eq(heard(), "bye");
    ck_assert(at_end(theirs[OUTPUT]));
    say("hello");
    turn_until(rec.counts[RECORD_DATA] == 1);
    ck_assert_int_eq(write_text("more"), -EPIPE);
    lose(&rec);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made write-shut data:5 lost:DONE");
    end();
}
END_TEST

START_TEST(losing_the_connection_delivers_the_output_first)
{
    begin(_i);
    connect_pipes();
    write_megabyte(&rec);
    lose(&rec);
    take_megabyte();
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    end();
}
END_TEST

/* It lies in the pipe before the end of the turn in which the connection ends. */
static void lose_and_say_more(Recording *recording)
{
    lose(recording);
    say("rest");
}

/* Half-closed or not: who lingers would discard it. */
START_TEST(input_that_was_not_read_is_left_to_others)
{
    char rest[8] = "";
    begin(_i);
    rec.half_closeable = true;
    rec.on[RECORD_DATA] = lose_and_say_more;
    make_pipes();
    ck_assert_int_eq(open_connection(), 0);
    turn();
    if (_i >= BACKENDS) {
        ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
        turn();
    }
    say("first");
    turn_until(rec.counts[RECORD_DESTROY] == 1);
    ck_assert_int_eq(read(ours[INPUT], rest, sizeof(rest)), 4);
    ck_assert_str_eq(rest, "rest");
    ck_assert_uint_eq(rec.received_length, 5);
    end();
}
END_TEST

START_TEST(many_pieces_come_out_in_their_order)
{
    static const char big[5000] = {'b'};
    char text[8192];
    begin(_i);
    connect_pipes();
    ck_assert_int_eq(write_text("one"), 0);
    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, big, sizeof(big), NULL, NULL), 0);
    ck_assert_int_eq(write_text("two"), 0);
    ck_assert_int_eq(TorcTransport_writeOwned(rec.transport, "three", 5, NULL, NULL), 0);
    turn();
    ck_assert_int_eq(read(theirs[OUTPUT], text, sizeof(text)), 3 + 5000 + 3 + 5);
    ck_assert_int_eq(memcmp(text, "oneb", 4), 0);
    ck_assert_int_eq(memcmp(text + 5003, "twothree", 8), 0);
    end();
}
END_TEST

/* ---- out of order -------------------------------------------------------------------------- */

START_TEST(a_reader_that_is_gone_loses_the_connection) /* PROC-12 */
{
    begin(_i);
    rec.half_closeable = true;
    connect_pipes();
    close_end(&theirs[OUTPUT]);
    turn_for(0.05);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    ck_assert_int_eq(write_text("hello"), 0);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -EPIPE);
    end();
}
END_TEST

START_TEST(a_reader_that_goes_while_output_waits_loses_the_connection)
{
    begin(_i);
    connect_pipes();
    write_megabyte(&rec);
    turn();
    close_end(&theirs[OUTPUT]);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(rec.code, -EPIPE);
    end();
}
END_TEST

/* As in "yes | upper | head": to read on to the end would take for ever. */
START_TEST(endless_input_does_not_keep_a_connection_whose_reader_is_gone)
{
    begin(_i);
    rec.on[RECORD_DATA] = write_hello;
    make_pipes();
    close_end(&ours[INPUT]);
    ours[INPUT] = open("/dev/zero", O_RDONLY);
    close_end(&theirs[OUTPUT]);
    ck_assert_int_eq(open_connection(), 0);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_int_eq(rec.code, -EPIPE);
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 1);
    end();
}
END_TEST

START_TEST(aborting_drops_what_waits)
{
    begin(_i);
    connect_pipes();
    write_megabyte(&rec);
    turn();
    TorcTransport_abortConnection(rec.transport);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made pause lost:ABORTED");
    size_t taken = 0;
    for (size_t n = 1; n > 0; taken += n)
        n = take_pattern(taken);
    ck_assert_uint_lt(taken, MEGABYTE);
    ck_assert(at_end(theirs[OUTPUT]));
    end();
}
END_TEST

START_TEST(a_protocol_that_fails_has_its_own_reason)
{
    begin(_i);
    connect_pipes();
    TorcTransport_failConnection(rec.transport, NULL);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made lost:APPLICATION");
    end();
}
END_TEST

START_TEST(a_factory_that_has_no_protocol_ends_it)
{
    begin(_i);
    rec.refuse = _i < BACKENDS;
    rec.build_code = rec.refuse ? 0 : -EPERM;
    make_pipes();
    ck_assert_int_eq(open_connection(), 0);
    close_end(&ours[OUTPUT]);
    turn_until(rec.counts[RECORD_BUILD] == 1);
    turn();
    ck_assert(at_end(theirs[OUTPUT]));
    ck_assert_str_eq(rec.log, "");
    ck_assert_str_eq(rec.factory_log, "start stop");
    end();
}
END_TEST

/* ---- back-pressure and pausing ------------------------------------------------------------- */

START_TEST(a_full_pipe_pauses_the_protocol)
{
    begin(_i);
    connect_pipes();
    write_megabyte(&rec);
    turn_for(0.05);
    ck_assert_str_eq(rec.log, "made pause");
    ck_assert_uint_gt(TorcTransport_bufferedBytes(rec.transport), MEGABYTE / 2);
    take_megabyte();
    turn_until(rec.counts[RECORD_RESUME] == 1);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    say("on");
    turn_until(rec.counts[RECORD_DATA] == 1);
    ck_assert_str_eq(rec.log, "made pause resume data:2");
    end();
}
END_TEST

START_TEST(a_paused_connection_reads_nothing)
{
    begin(_i);
    rec.on[RECORD_DATA] = pause_reading;
    connect_pipes();
    say("one");
    turn_until(rec.counts[RECORD_DATA] == 1);
    say("two");
    close_end(&theirs[INPUT]);
    turn_for(0.05);
    ck_assert_str_eq(rec.log, "made data:3");
    TorcTransport_resumeProducing(rec.transport);
    turn_until(rec.counts[RECORD_DATA] == 2);
    TorcTransport_resumeProducing(rec.transport);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made data:6 lost:DONE");
    end();
}
END_TEST

START_TEST(a_connection_with_nothing_to_do_lets_the_loop_sleep)
{
    begin(_i);
    rec.half_closeable = true;
    connect_pipes();
    ck_assert(turn_waits());
    write_megabyte(&rec);
    turn();
    turn();
    ck_assert(turn_waits()); /* the pipe is full */
    close_end(&theirs[INPUT]);
    turn_until(rec.counts[RECORD_EOF] == 1);
    ck_assert(turn_waits());
    take_megabyte();
    turn();
    ck_assert(turn_waits());
    end();
}
END_TEST

/* ---- the reactor's end --------------------------------------------------------------------- */

static void stop(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

START_TEST(a_reactor_that_stops_closes_the_connection)
{
    begin(_i);
    rec.on[RECORD_MADE] = write_hello;
    connect_pipes();
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, stop, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert_str_eq(heard(), "hello");
    end();
}
END_TEST

static int late_result;
static void open_late(Recording *recording)
{
    (void)recording;
    ours[INPUT] = ours[OUTPUT] = 0;
    late_result = open_connection();
    ours[INPUT] = ours[OUTPUT] = -1;
}

START_TEST(a_reactor_that_stops_takes_no_new_one)
{
    begin(_i);
    rec.on[RECORD_LOST] = open_late;
    connect_pipes();
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, stop, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_int_eq(late_result, -TORC_ENOTRUNNING);
    end();
}
END_TEST

START_TEST(a_reactor_that_is_freed_first_begins_nothing)
{
    begin(_i);
    make_pipes();
    ck_assert_int_eq(open_connection(), 0);
    free_reactor();
    ck_assert_str_eq(rec.log, "");
    ck_assert_str_eq(rec.factory_log, "start stop");
    ck_assert(is_blocking(ours[INPUT]));
    end();
}
END_TEST

RUN_LOOP_TESTS("stdio", {what_is_read_is_received_and_what_is_written_comes_out, BACKENDS},
               {nothing_is_called_before_the_next_turn, BACKENDS},
               {the_end_of_input_waits_for_the_output, BACKENDS},
               {a_half_closeable_protocol_goes_on_writing_after_the_end_of_input, BACKENDS},
               {losing_the_write_connection_closes_the_output_alone, BACKENDS},
               {losing_the_connection_delivers_the_output_first, BACKENDS},
               {input_that_was_not_read_is_left_to_others, 2 * BACKENDS},
               {many_pieces_come_out_in_their_order, BACKENDS},
               {a_reader_that_is_gone_loses_the_connection, BACKENDS},
               {a_reader_that_goes_while_output_waits_loses_the_connection, BACKENDS},
               {endless_input_does_not_keep_a_connection_whose_reader_is_gone, BACKENDS},
               {aborting_drops_what_waits, BACKENDS},
               {a_protocol_that_fails_has_its_own_reason, BACKENDS},
               {a_factory_that_has_no_protocol_ends_it, 2 * BACKENDS},
               {a_full_pipe_pauses_the_protocol, BACKENDS},
               {a_paused_connection_reads_nothing, BACKENDS},
               {a_connection_with_nothing_to_do_lets_the_loop_sleep, BACKENDS},
               {a_reactor_that_stops_closes_the_connection, BACKENDS},
               {a_reactor_that_stops_takes_no_new_one, BACKENDS},
               {a_reactor_that_is_freed_first_begins_nothing, BACKENDS})
