/* Standard input and output on simulated pipes and files, in virtual time: whole conversations however
 * they are cut, calls that fail, and memory that runs out. `far` holds the other ends of the two pipes. */
#include <fcntl.h>

#include <torc/testing/sim_files.h>

#include "reactor/reactor_internal.h" /* first: the test's reactor would shadow its parameters */

#include "../support/failing_memory.h"
#include "../support/stream_test.h"

enum { READ_END, WRITE_END };
static TorcSystem *kernel;
static int far[2];
static uint8_t output[400000];
static size_t output_length;

static void make_pipes(int ret_near[2])
{
    int in[2];
    int out[2];
    kernel = reactor->system;
    ck_assert_int_eq(kernel->ops->pipe(kernel, in), 0);
    ck_assert_int_eq(kernel->ops->pipe(kernel, out), 0);
    ret_near[0] = in[READ_END];
    ret_near[1] = out[WRITE_END];
    far[READ_END] = out[READ_END];
    far[WRITE_END] = in[WRITE_END];
    output_length = 0;
}

static void close_far(int end)
{
    if (far[end] >= 0)
        (void)kernel->ops->close(kernel, far[end]);
    far[end] = -1;
}

static int try_standardIO(int in, int out)
{
    TorcClientFactory *factory = Recording_tryFactory(&rec);
    int r = factory ? TorcReactor_standardIO(reactor, in, out, &factory->base) : -ENOMEM;
    if (factory)
        TorcFactory_unref(&factory->base);
    ck_assert(r == 0 || rec.counts[RECORD_START] == 0);
    return r;
}

/* The connection has the near ends for itself; it may have failed. */
static int open_connection(void)
{
    int near[2];
    make_pipes(near);
    int r = try_standardIO(near[0], near[1]);
    (void)kernel->ops->close(kernel, near[0]);
    (void)kernel->ops->close(kernel, near[1]);
    return r;
}

static void begin_piped(int mode)
{
    begin(mode);
    ck_assert_int_eq(open_connection(), 0);
    settle();
}

static void end_piped(void)
{
    close_far(READ_END);
    close_far(WRITE_END);
    end();
}

/* What fits. */
static size_t say_bytes(const void *data, size_t length)
{
    size_t said = 0;
    ssize_t n;
    while (said < length &&
           (n = kernel->ops->write(kernel, far[WRITE_END], (const uint8_t *)data + said,
                                   length - said)) > 0)
        said += (size_t)n;
    return said;
}

static void say(const char *text)
{
    ck_assert_uint_eq(say_bytes(text, strlen(text)), strlen(text));
}

/* True at the end. */
static bool hear(void)
{
    ssize_t n;
    while ((n = kernel->ops->read(kernel, far[READ_END], output + output_length,
                                  sizeof(output) - output_length)) > 0)
        output_length += (size_t)n;
    return n == 0;
}

static void assert_heard(const char *text)
{
    hear();
    ck_assert_uint_eq(output_length, strlen(text));
    ck_assert_int_eq(memcmp(output, text, strlen(text)), 0);
}

/* ---- conversations ------------------------------------------------------------------------- */

START_TEST(a_conversation_of_questions_and_answers)
{
    begin_piped(_i);
    rec.on[RECORD_DATA] = echo;
    say("hello ");
    settle();
    assert_heard("hello ");
    TorcSim_advance(sim, 3600);
    say("again");
    settle();
    assert_heard("hello again");
    close_far(WRITE_END);
    settle();
    ck_assert_str_eq(rec.log, "made data:11 lost:DONE");
    ck_assert(hear());
    end_piped();
}
END_TEST

/* Both pipes are full most of the time. */
START_TEST(much_goes_through_in_order)
{
    enum { LENGTH = 300000 };
    uint8_t *bytes = new_pattern(LENGTH);
    size_t said = 0;
    begin_piped(_i);
    rec.on[RECORD_DATA] = echo;
    for (int i = 0; i < 1000 && output_length < LENGTH; i++) {
        said += say_bytes(bytes + said, LENGTH - said);
        settle();
        hear();
    }
    ck_assert_uint_eq(output_length, LENGTH);
    assert_pattern(output, LENGTH);
    free(bytes);
    end_piped();
}
END_TEST

START_TEST(output_that_nobody_takes_is_given_up_after_the_close_timeout)
{
    begin_piped(_i);
    ck_assert_int_eq(write_pattern(100000), 0);
    lose(&rec);
    TorcSim_advance(sim, 29.9);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    TorcSim_advance(sim, 0.2);
    ck_assert_str_eq(rec.log, "made lost:TIMED_OUT");
    end_piped();
}
END_TEST

START_TEST(a_paused_connection_takes_nothing_from_the_pipe)
{
    begin_piped(_i);
    pause_reading(&rec);
    say("hello");
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made");
    TorcTransport_resumeProducing(rec.transport);
    settle();
    ck_assert_str_eq(Recording_received(&rec), "hello");
    end_piped();
}
END_TEST

START_TEST(half_a_connection_goes_on)
{
    rec.half_closeable = true;
    begin_piped(_i);
    close_far(WRITE_END);
    settle();
    ck_assert_int_eq(write_text("late"), 0);
    settle();
    assert_heard("late");
    lose_write(&rec);
    settle();
    ck_assert(hear());
    lose(&rec);
    settle();
    ck_assert_str_eq(rec.log, "made eof write-shut lost:DONE");
    end_piped();
}
END_TEST

START_TEST(who_has_no_reader_is_lost_with_unread_input)
{
    begin_piped(_i);
    rec.on[RECORD_DATA] = echo;
    close_far(READ_END);
    say("hello");
    settle();
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(rec.code, -EPIPE);
    end_piped();
}
END_TEST

/* ---- the reactor's end --------------------------------------------------------------------- */

START_TEST(a_stop_waits_for_the_output_no_longer_than_the_grace_period)
{
    begin_piped(_i);
    ck_assert_int_eq(write_pattern(100000), 0);
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_SHUTDOWN);
    ck_assert(TorcSim_seconds(sim) >= 6 && TorcSim_seconds(sim) < 6.1);
    end_piped();
}
END_TEST

START_TEST(a_stop_with_nothing_to_write_is_immediate)
{
    begin_piped(_i);
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(TorcSim_seconds(sim) < 1.1);
    end_piped();
}
END_TEST

/* ---- what fails ---------------------------------------------------------------------------- */

START_TEST(a_watch_that_cannot_be_had_loses_the_connection)
{
    begin(_i);
    ck_assert_int_eq(open_connection(), 0);
    TorcSim_failCall(sim, TORC_SIM_WATCH, 1, ENOSPC, 1);
    settle();
    ck_assert_str_eq(rec.log, "made lost:LOST");
    ck_assert_int_eq(rec.code, -ENOSPC);
    end_piped();
}
END_TEST

START_TEST(a_read_error_loses_the_connection)
{
    begin_piped(_i);
    say("hello");
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EIO, 1);
    settle();
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(rec.code, -EIO);
    end_piped();
}
END_TEST

START_TEST(a_kernel_without_memory_is_asked_again)
{
    begin_piped(_i);
    TorcSim_failCall(sim, TORC_SIM_SEND, 1, ENOMEM, 2);
    ck_assert_int_eq(write_text("hello"), 0);
    TorcSim_advance(sim, 1);
    assert_heard("hello");
    ck_assert_str_eq(rec.log, "made");
    end_piped();
}
END_TEST

/* ---- files --------------------------------------------------------------------------------- */

/* From one file to another, without pipes. */
static int open_files(size_t length)
{
    uint8_t *bytes = new_pattern(length);
    kernel = reactor->system;
    far[READ_END] = far[WRITE_END] = -1;
    ck_assert_int_eq(TorcSim_writeFile(sim, "/in", bytes, length), 0);
    ck_assert_int_eq(TorcSim_writeFile(sim, "/out", "", 0), 0);
    free(bytes);
    int in = kernel->ops->open(kernel, "/in", O_RDONLY, 0);
    int out = kernel->ops->open(kernel, "/out", O_WRONLY, 0);
    int r = try_standardIO(in, out);
    (void)kernel->ops->close(kernel, in);
    (void)kernel->ops->close(kernel, out);
    return r;
}

static void begin_with_files(int mode, size_t length)
{
    begin(mode);
    rec.on[RECORD_DATA] = echo;
    ck_assert_int_eq(open_files(length), 0);
}

/* How much of the pattern has come out. */
static size_t written(void)
{
    size_t length = 0;
    const char *text = TorcSim_readFile(sim, "/out", &length);
    ck_assert_ptr_nonnull(text);
    assert_pattern(text, length);
    return length;
}

START_TEST(a_file_is_copied) /* LOOP-13 */
{
    begin_with_files(_i, 200000);
    settle();
    ck_assert_str_eq(rec.log, "made data:200000 lost:DONE");
    ck_assert_uint_eq(written(), 200000);
    ck_assert(TorcSim_seconds(sim) == 0);
    end_piped();
}
END_TEST

START_TEST(a_file_that_has_nothing_yet_is_asked_again_after_a_while)
{
    begin_with_files(_i, 1000);
    TorcSim_failCall(sim, TORC_SIM_READ_FILE, 1, EAGAIN, 0);
    TorcSim_advance(sim, 1);
    ck_assert_uint_ge(TorcSim_countCalls(sim, TORC_SIM_READ_FILE), 90);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_READ_FILE), 110);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_failCall(sim, TORC_SIM_READ_FILE, 1, 0, 0);
    TorcSim_advance(sim, 0.02);
    ck_assert_str_eq(rec.log, "made data:1000 lost:DONE");
    end_piped();
}
END_TEST

START_TEST(a_file_that_has_no_room_yet_is_asked_again_after_a_while)
{
    begin_with_files(_i, 1000);
    TorcSim_failCall(sim, TORC_SIM_WRITE_FILE, 1, EAGAIN, 0);
    TorcSim_advance(sim, 1);
    ck_assert_uint_ge(TorcSim_countCalls(sim, TORC_SIM_WRITE_FILE), 90);
    ck_assert_uint_le(TorcSim_countCalls(sim, TORC_SIM_WRITE_FILE), 110);
    ck_assert_str_eq(rec.log, "made data:1000");
    TorcSim_failCall(sim, TORC_SIM_WRITE_FILE, 1, 0, 0);
    TorcSim_advance(sim, 0.02);
    ck_assert_str_eq(rec.log, "made data:1000 lost:DONE");
    ck_assert_uint_eq(written(), 1000);
    end_piped();
}
END_TEST

START_TEST(a_disk_that_gets_full_loses_the_connection)
{
    begin_with_files(_i, 200000);
    TorcSim_failCall(sim, TORC_SIM_WRITE_FILE, 3, ENOSPC, 0);
    settle();
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(rec.code, -ENOSPC);
    ck_assert_uint_lt(written(), 200000);
    end_piped();
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

static void try_to_echo(Recording *recording)
{
    size_t from = recording->received_length - recording->chunk;
    (void)TorcTransport_write(recording->transport, recording->received + from, recording->chunk);
}

/* Fills both pipes, empties them, and ends. */
static void talk(void)
{
    uint8_t *bytes = new_pattern(100000);
    rec.on[RECORD_DATA] = try_to_echo;
    bool opened = open_connection() == 0;
    size_t said = 0;
    for (int i = 0; i < 10; i++) {
        said += say_bytes(bytes + said, 100000 - said);
        settle();
        if (i > 3)
            hear();
    }
    if (rec.transport)
        TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], rec.counts[RECORD_LOST]);
    close_far(READ_END);
    close_far(WRITE_END);
    assert_pattern(output, output_length);
    ck_assert(rec.kind != TORC_CONNECTION_DONE || !opened || output_length == 100000);
    free(bytes);
}

static void copy(void)
{
    rec.on[RECORD_DATA] = try_to_echo;
    bool opened = open_files(100000) == 0;
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_MADE], rec.counts[RECORD_LOST]);
    ck_assert(rec.kind != TORC_CONNECTION_DONE || !opened || written() == 100000);
}

/* False when there were not so many allocations. */
static bool fail_allocation(int mode, long k, void (*converse)(void))
{
    rec = (Recording){0};
    FailingMemory_start(k);
    sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 1, .levelTriggered = mode == LEVEL));
    if (sim) {
        reactor = TorcSim_reactor(sim);
        converse();
        TorcSim_free(sim);
    }
    bool failed = FailingMemory_allocations() > k;
    FailingMemory_stop();
    Recording_done(&rec);
    return failed;
}

static void fail_each_allocation(int mode, void (*converse)(void))
{
    long k = 0;
    ck_assert(!fail_allocation(mode, 1000000, converse)); /* resolves class tables, which stay */
    while (fail_allocation(mode, k, converse)) {
        ck_assert_int_eq(FailingMemory_live(), 0);
        k++;
    }
    ck_assert_int_gt(k, 10);
}

START_TEST(pipes_survive_every_failed_allocation)
{
    fail_each_allocation(_i, talk);
}
END_TEST

START_TEST(files_survive_every_failed_allocation)
{
    fail_each_allocation(_i, copy);
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

/* From now on no delayed call can be had that takes memory. */
static void use_up_delayed_calls(void)
{
    FailingMemory_startForEver(0);
    while (TorcReactor_callLater(reactor, 1000, nothing, NULL, NULL) == 0)
        ;
}

START_TEST(a_file_for_which_no_call_can_be_had_loses_the_connection)
{
    FailingMemory_start(-1);
    begin_with_files(_i / 2, 300000);
    TorcSim_failCall(sim, TORC_SIM_WRITE_FILE, 1, EAGAIN, 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    if (_i % 2) /* then it waits for the output alone */
        lose(&rec);
    use_up_delayed_calls();
    TorcSim_advance(sim, 0.1);
    FailingMemory_recover();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_LOST);
    end_piped();
    FailingMemory_stop();
}
END_TEST

RUN_LOOP_TESTS("stdio in a simulation", {a_conversation_of_questions_and_answers, MODES},
               {much_goes_through_in_order, WHOLE_MODES},
               {output_that_nobody_takes_is_given_up_after_the_close_timeout, MODES},
               {a_paused_connection_takes_nothing_from_the_pipe, MODES},
               {half_a_connection_goes_on, MODES},
               {who_has_no_reader_is_lost_with_unread_input, MODES},
               {a_stop_waits_for_the_output_no_longer_than_the_grace_period, MODES},
               {a_stop_with_nothing_to_write_is_immediate, MODES},
               {a_watch_that_cannot_be_had_loses_the_connection, MODES},
               {a_read_error_loses_the_connection, MODES},
               {a_kernel_without_memory_is_asked_again, MODES}, {a_file_is_copied, MODES},
               {a_file_that_has_nothing_yet_is_asked_again_after_a_while, MODES},
               {a_file_that_has_no_room_yet_is_asked_again_after_a_while, MODES},
               {a_disk_that_gets_full_loses_the_connection, WHOLE_MODES},
               {pipes_survive_every_failed_allocation, WHOLE_MODES},
               {files_survive_every_failed_allocation, WHOLE_MODES},
               {a_file_for_which_no_call_can_be_had_loses_the_connection, 2 * WHOLE_MODES})
