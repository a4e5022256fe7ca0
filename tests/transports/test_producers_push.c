/* Push producers: told when to wait and when to go on, waited for when the connection closes. And
 * what holds for every producer: registering, leaving, the end. */
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../support/failing_memory.h"
#include "../support/sizes.h"
#include "producer_fixture.h"
#include "transports/write_queue_internal.h"

/* ---- registering --------------------------------------------------------------------------- */

START_TEST(what_cannot_be_a_producer_is_refused)
{
    begin_unread(_i);
    TorcProducerClass cls = producer_class;
    ck_assert_int_eq(TorcTransport_registerProducer(NULL, &cls, NULL, true), -EINVAL);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, NULL, NULL, true), -EINVAL);
    cls.size--;
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &cls, NULL, true), -EINVAL);
    cls = producer_class;
    cls.pauseProducing = NULL;
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &cls, NULL, true), -EINVAL);
    cls.resumeProducing = NULL;
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &cls, NULL, false), -EINVAL);
    TorcTransport_unregisterProducer(NULL);
    TorcTransport_unregisterProducer(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(a_second_producer_is_refused_and_the_first_stays) /* PROD-1 */
{
    Producer other = {.recording = &rec};
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(produce(&other, true), -EBUSY);
    ck_assert_int_eq(produce(&other, false), -EBUSY);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    ck_assert_uint_eq(producer.counts[P_PAUSE], 1);
    leave(&producer);
    ck_assert_int_eq(produce(&other, true), 0);
    settle();
    ck_assert_str_eq(rec.log, "made P-pause P-pause");
    ck_assert_uint_eq(other.counts[P_PAUSE], 1);
    end();
    ck_assert_uint_eq(producer.counts[P_STOP], 0);
    ck_assert_uint_eq(other.counts[P_STOP], 1);
}
END_TEST

static void cannot_produce(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_registerProducer(recording->transport, &producer_class,
                                                    &producer, recording->arg != NULL),
                     -EPIPE);
}

/* PROD-1, but the answer tells instead of stopProducing. */
START_TEST(a_connection_that_closes_takes_no_producer)
{
    static RecordingHook *const closes[] = {lose, lose_write, abort_now};
    begin_unread(_i);
    for (size_t i = 0; i < 3; i++) {
        producer.gone = true; /* nothing of it may be called */
        closes[i](&rec);
        cannot_produce(&rec);
        rec.on[RECORD_LOST] = cannot_produce;
        settle();
        if (i == 1)
            TorcTransport_abortConnection(rec.transport);
        settle();
        ck_assert_ptr_null(rec.transport);
        rec.on[RECORD_LOST] = NULL;
        peer = connect_peer();
    }
    end();
}
END_TEST

START_TEST(a_producer_that_cannot_be_kept_changes_nothing)
{
    FailingMemory_start(-1);
    begin_unread(_i);
    FailingMemory_startForEver(0);
    int r = produce(&producer, true);
    FailingMemory_recover();
    ck_assert_int_eq(r, -ENOMEM);
    producer.gone = true;
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(produce(&producer, true), 0);
    end();
    FailingMemory_stop();
}
END_TEST

/* ---- marks --------------------------------------------------------------------------------- */

START_TEST(it_is_paused_once_and_resumed_once) /* PROD-3 */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(write_pattern(40000), 0);
        settle();
    }
    ck_assert_str_eq(rec.log, "made P-pause");
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-pause P-resume");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 200000);
    end();
}
END_TEST

START_TEST(the_marks_are_those_of_the_transport) /* PROD-3 */
{
    begin_unread(_i);
    ck_assert_int_eq(TorcTransport_setWriteMarks(rec.transport, 3000, 2000), 0);
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(1000 + 3000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(write_pattern(1), 0);
    ck_assert_str_eq(rec.log, "made"); /* not inside the call */
    settle();
    ck_assert_str_eq(rec.log, "made P-pause");
    peer_takes_some();
    ck_assert_str_eq(rec.log, "made P-pause");
    peer_takes_some();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 1001);
    ck_assert_str_eq(rec.log, "made P-pause P-resume");
    end();
}
END_TEST

START_TEST(one_registered_above_the_mark_is_paused_at_the_end_of_the_turn)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(100000), 0);
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made P-pause");
    end();
}
END_TEST

START_TEST(the_protocol_hears_of_the_marks_again_when_it_has_left)
{
    begin_unread(_i);
    ck_assert_int_eq(write_pattern(100000), 0);
    settle();
    ck_assert_str_eq(rec.log, "made pause");
    ck_assert_int_eq(produce(&producer, true), 0);
    settle();
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made pause P-pause P-resume");
    leave(&producer);
    ck_assert_str_eq(rec.log, "made pause P-pause P-resume");
    settle();
    ck_assert_str_eq(rec.log, "made pause P-pause P-resume resume");
    end();
}
END_TEST

static void write_when_resumed(Producer *self)
{
    if (self->left == 0)
        return;
    self->left--;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(write_pattern(30000), 0);
}

START_TEST(writing_from_inside_resume_may_pass_the_mark_again) /* PROD-4, PROD-5 */
{
    begin_unread(_i);
    producer.left = 3;
    producer.on[P_RESUME] = write_when_resumed;
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(90000), 0);
    settle();
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-pause P-resume P-pause P-resume P-pause P-resume P-pause "
                              "P-resume");
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 4 * 90000);
    end();
}
END_TEST

/* ---- closing ------------------------------------------------------------------------------- */

static void begin_closing(int mode, void (*close)(Recording *recording))
{
    begin_unread(mode);
    TorcSimPeer_startReading(peer);
    ck_assert_int_eq(produce(&producer, true), 0);
    close(&rec);
    settle();
    TorcSim_advance(sim, 3600); /* nothing waits, so the close timeout stands still */
}

START_TEST(loseConnection_waits_for_it) /* PROD-8, PROD-9 */
{
    begin_closing(_i, lose);
    ck_assert_str_eq(rec.log, "made");
    ck_assert(TorcTransport_disconnecting(rec.transport));
    ck_assert_int_eq(write_pattern(50000), 0);
    settle();
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 50000);
    leave(&producer);
    ck_assert_int_eq(write_text("too late"), -EPIPE);
    ck_assert_str_eq(rec.log, "made");
    settle();
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(TorcSimPeer_gotEnd(peer));
    assert_peer_has_pattern(peer, 50000);
    end();
}
END_TEST

START_TEST(loseWriteConnection_waits_for_it) /* CLOSE-10 */
{
    begin_closing(_i, lose_write);
    ck_assert_int_eq(write_text("and so on"), 0);
    settle();
    ck_assert(!TorcSimPeer_gotEnd(peer));
    leave(&producer);
    ck_assert_int_eq(write_text("too late"), -EPIPE);
    settle();
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert_str_eq(TorcSimPeer_received(peer), "and so on");
    end();
}
END_TEST

START_TEST(a_paused_one_is_resumed_while_the_connection_closes) /* PROD-8 */
{
    begin_unread(_i);
    producer.left = 2;
    producer.on[P_RESUME] = write_when_resumed;
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(90000), 0);
    settle();
    TorcTransport_loseConnection(rec.transport);
    settle();
    peer_takes_all();
    ck_assert_uint_eq(producer.counts[P_RESUME], 3);
    leave(&producer);
    settle();
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), 3 * 90000);
    end();
}
END_TEST

START_TEST(a_fin_lets_it_finish) /* CLOSE-7 */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(rec.log, "made");
    ck_assert_int_eq(write_pattern(90000), 0);
    peer_takes_all();
    ck_assert_str_eq(rec.log, "made P-pause P-resume");
    leave(&producer);
    settle();
    ck_assert_str_eq(rec.log, "made P-pause P-resume lost:DONE");
    assert_peer_has_pattern(peer, 90000);
    end();
}
END_TEST

START_TEST(leaving_a_connection_that_does_not_close_changes_nothing) /* PROD-6 */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    leave(&producer);
    settle();
    TorcSimPeer_startReading(peer);
    ck_assert_int_eq(write_text("still here"), 0);
    settle();
    ck_assert_str_eq(TorcSimPeer_received(peer), "still here");
    ck_assert_str_eq(rec.log, "made");
    end();
}
END_TEST

START_TEST(the_close_timeout_counts_while_bytes_wait)
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    ck_assert_int_eq(write_pattern(5000), 0);
    TorcTransport_loseConnection(rec.transport);
    TorcSim_advance(sim, 29);
    peer_takes_some(); /* it begins anew */
    TorcSim_advance(sim, 29);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made P-stop lost:TIMED_OUT");
    ck_assert(TorcSimPeer_gotReset(peer));
    end();
}
END_TEST

/* With edges alone: levels are not watched while nobody reads. */
START_TEST(a_reset_shows_while_the_connection_waits_for_it)
{
    begin_closing(EDGE, lose);
    TorcSimPeer_reset(peer);
    settle();
    ck_assert_str_eq(rec.log, "made P-stop lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    end();
}
END_TEST

START_TEST(the_shutdown_of_the_reactor_waits_for_it_up_to_the_grace_period) /* RUN */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    stop_after(1);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_str_eq(rec.log, "made P-stop lost:SHUTDOWN");
    ck_assert_double_eq_tol(TorcSim_seconds(sim), 6, 0.1);
    end();
}
END_TEST

/* ---- the end ------------------------------------------------------------------------------- */

static void fail_now(Recording *recording)
{
    TorcTransport_failConnection(recording->transport, NULL);
}

static void reset_by_peer(Recording *recording)
{
    (void)recording;
    TorcSimPeer_reset(peer);
}

START_TEST(it_is_told_of_the_end_once_before_the_protocol) /* PROD-7, CLOSE-17 */
{
    static RecordingHook *const ends[] = {abort_now, fail_now, reset_by_peer};
    static const char *const logs[] = {"made P-stop lost:ABORTED", "made P-stop lost:APPLICATION",
                                       "made P-stop lost:LOST"};
    begin_unread(_i);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(produce(&producer, true), 0);
        ends[i](&rec);
        ck_assert_uint_eq(producer.counts[P_STOP], i);
        settle();
        ck_assert_str_eq(rec.log, logs[i]);
        Recording_clear(&rec);
        peer = connect_peer();
    }
    end();
}
END_TEST

static void leave_too_late(Recording *recording)
{
    TorcTransport_unregisterProducer(recording->transport);
}

START_TEST(leaving_when_the_connection_is_gone_does_nothing) /* PROD-6 */
{
    begin_unread(_i);
    ck_assert_int_eq(produce(&producer, true), 0);
    rec.on[RECORD_LOST] = leave_too_late;
    producer.on[P_STOP] = leave_now;
    TorcTransport_abortConnection(rec.transport);
    leave(&producer); /* between the loss and the news */
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");

    peer = connect_peer();
    ck_assert_int_eq(produce(&producer, true), 0);
    TorcTransport_abortConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED made P-stop lost:ABORTED");
    end();
}
END_TEST

/* ---- re-entrancy --------------------------------------------------------------------------- */

static void act_leave(Producer *self)
{
    leave(self);
}

static void act_leave_and_return(Producer *self)
{
    leave(self);
    (void)produce(self, true);
    if (TorcTransport_disconnecting(rec.transport))
        self->gone = true;
}

static void act_register(Producer *self)
{
    static Producer other;
    int r = TorcTransport_registerProducer(rec.transport, &producer_class, &other, true);
    ck_assert(self->gone || r == -EBUSY);
    if (r == 0)
        TorcTransport_unregisterProducer(rec.transport);
}

static void act_write(Producer *self)
{
    if (self->left == 0) /* it would go on for ever */
        return;
    self->left--;
    (void)write_pattern(70000);
}

static void act_lose(Producer *self)
{
    (void)self;
    lose(&rec);
}

static void act_lose_write(Producer *self)
{
    (void)self;
    (void)TorcTransport_loseWriteConnection(rec.transport);
}

static void act_abort(Producer *self)
{
    (void)self;
    abort_now(&rec);
}

static void act_fail(Producer *self)
{
    (void)self;
    fail_now(&rec);
}

static void act_pause(Producer *self)
{
    (void)self;
    TorcTransport_pauseProducing(rec.transport);
}

static void act_marks(Producer *self)
{
    (void)self;
    (void)TorcTransport_setWriteMarks(rec.transport, 10, 5);
}

static void act_close_timeout(Producer *self)
{
    (void)self;
    (void)TorcTransport_setCloseTimeout(rec.transport, 1);
}

static void (*const acts[])(Producer *self) = {act_leave,        act_leave_and_return,
                                               act_register,     act_write,
                                               act_lose,         act_lose_write,
                                               act_abort,        act_fail,
                                               act_pause,        act_marks,
                                               act_close_timeout};
enum { ACTS = sizeof(acts) / sizeof(acts[0]) };

static void (*second_act)(Producer *self);
static void (*first_act)(Producer *self);

static void act_both(Producer *self)
{
    if (self->counts[P_PAUSE] + self->counts[P_RESUME] > 8)
        return; /* there are some that would go on for ever */
    first_act(self);
    second_act(self);
}

/* Whatever is called from inside, the connection ends once, with nothing after it, and nothing is
 * left: the fixture checks that. */
static void try_acts(int mode, int call, bool streaming)
{
    begin_unread(mode);
    producer.on[call] = act_both;
    producer.left = 4;
    ck_assert_int_eq(produce(&producer, streaming), 0);
    ck_assert_int_eq(write_pattern(80000), 0);
    settle();
    peer_takes_all();
    if (rec.transport)
        TorcTransport_abortConnection(rec.transport);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_uint_le(producer.counts[P_STOP], 1);
    end();
}

START_TEST(everything_may_be_called_from_inside_its_calls) /* PROD-4, PROD-5 */
{
    for (int call = 0; call < P_CALLS; call++)
        for (int first = 0; first < ACTS; first++)
            for (int second = 0; second < ACTS; second++) {
                first_act = acts[first];
                second_act = acts[second];
                try_acts(_i % 2, call, _i < 2);
            }
}
END_TEST

/* ---- a transport as a producer ------------------------------------------------------------- */

static Recording source;

START_TEST(a_transport_pauses_resumes_and_closes_as_a_producer) /* PROD-10 */
{
    source = (Recording){0};
    begin_with(_i, TORC_SIM_OPTIONS(.bufferSize = 1000));
    rec.next = &source;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer *other = connect_peer();
    TorcSimPeer_stopReading(peer);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &torc_transport_producer,
                                                    source.transport, true),
                     0);
    ck_assert_int_eq(write_pattern(80000), 0);
    settle();
    TorcSimPeer_send(other, "waits");
    settle();
    ck_assert_str_eq(source.log, "made");
    peer_takes_all();
    ck_assert_str_eq(source.log, "made data:5");
    TorcTransport_abortConnection(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made lost:ABORTED");
    ck_assert_str_eq(source.log, "made data:5 lost:DONE");
    end();
    Recording_done(&source);
}
END_TEST

/* ---- bounds -------------------------------------------------------------------------------- */

enum { BLOCK = 64 * 1024 };
static uint8_t block[BLOCK];
static uint64_t blocks_left;
static bool waiting;

static void produce_block(void *arg);

static void produce_later(void)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, produce_block, NULL, NULL), 0);
}

/* As fast as it may, a block in each turn. */
static void produce_block(void *arg)
{
    (void)arg;
    if (waiting || !rec.transport)
        return;
    if (blocks_left-- == 0) {
        leave(&producer);
        TorcTransport_loseConnection(rec.transport);
        return;
    }
    ck_assert_int_eq(TorcTransport_write(rec.transport, block, BLOCK), 0);
    produce_later();
}

static void wait_until_resumed(Producer *self)
{
    waiting = true;
    self->recording->log[0] = '\0'; /* thousands of words */
}

static void go_on(Producer *self)
{
    (void)self;
    waiting = false;
    produce_later();
}

static void start_producing(uint64_t bytes)
{
    blocks_left = bytes / BLOCK;
    waiting = false;
    producer = (Producer){.recording = &rec};
    producer.on[P_PAUSE] = wait_until_resumed;
    producer.on[P_RESUME] = go_on;
    ck_assert_int_eq(produce(&producer, true), 0);
    produce_later();
}

/* The high mark and one buffer, each in a segment with its header, and the chunk that the pool keeps
 * of an earlier remainder. Reached when nothing of a block that is just at the mark has left. */
enum { HIGH_MARK = 64 * 1024 }; /* the default */
enum { BOUND = HIGH_MARK + BLOCK + 2 * sizeof(TorcSegment) + TORC__CHUNK_SIZE };

START_TEST(a_gigabyte_to_a_slow_reader_takes_the_high_mark_and_one_buffer) /* PROD-3 */
{
    const uint64_t gigabyte = less_if_checked(UINT64_C(1) << 30, 16);
    const double seconds = (double)gigabyte / 1e6;
    uint64_t received = 0;

    count_memory();
    begin_connected_with(EDGE, TORC_SIM_OPTIONS(.bufferSize = 64 * 1024));
    TorcSim_setLink(sim, TorcSim_home(sim), NULL, TORC_SIM_LINK(.bandwidth = 1e6));
    TorcSim_setLink(sim, TorcSim_home(sim), TorcSim_home(sim), TORC_SIM_LINK(.bandwidth = 1e6));
    start_producing(gigabyte);
    size_t before = counted.most = counted.live;
    while (rec.transport) {
        TorcSim_advance(sim, 1);
        received += TorcSimPeer_receivedLength(peer);
        TorcSimPeer_clear(peer);
    }
    ck_assert_uint_eq(received, gigabyte);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    ck_assert_double_ge(TorcSim_seconds(sim), seconds * 0.93);
    ck_assert_double_le(TorcSim_seconds(sim), seconds * 1.03);
    ck_assert_msg(counted.most - before <= BOUND, "%zu bytes", counted.most - before);
    end();
    stop_counting_memory();
}
END_TEST

/* ---- in real time -------------------------------------------------------------------------- */

enum { REAL_BYTES = 64 << 20, REAL_RATE = 16 << 20, READS_PER_SECOND = 200 };

/* Reads a share of the rate, 200 times in a second, until the end. */
static void *read_slowly(void *arg)
{
    int fd = *(int *)arg;
    static uint8_t buffer[REAL_RATE / READS_PER_SECOND];
    struct timespec next;
    uint64_t total = 0;
    ssize_t n = 1;

    clock_gettime(CLOCK_MONOTONIC, &next);
    while (n > 0) {
        n = recv(fd, buffer, sizeof(buffer), MSG_WAITALL);
        total += n > 0 ? (uint64_t)n : 0;
        next.tv_nsec += 1000000000 / READS_PER_SECOND;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    close(fd);
    return (void *)(uintptr_t)total;
}

static int dial(TorcPort *to)
{
    TorcAddress address;
    TorcPort_getHost(to, &address);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(address.port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

START_TEST(in_real_time_it_takes_no_more_either) /* PROD-3 */
{
    pthread_t reader;
    void *received;

    count_memory();
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(0));
    ck_assert_ptr_nonnull(reactor);
    serve(&rec, 0);
    int fd = dial(port);
    while (!rec.transport)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_slowly, &fd), 0);
    start_producing(REAL_BYTES);
    size_t before = counted.most = counted.live;
    while (rec.transport)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_DONE);
    ck_assert_msg(counted.most - before <= BOUND, "%zu bytes", counted.most - before);
    TorcReactor_free(reactor);
    ck_assert_int_eq(pthread_join(reader, &received), 0);
    ck_assert_uint_eq((uintptr_t)received, REAL_BYTES);
    Recording_done(&rec);
    stop_counting_memory();
}
END_TEST

RUN_LOOP_TESTS("push producers", {what_cannot_be_a_producer_is_refused, 1},
               {a_second_producer_is_refused_and_the_first_stays, WHOLE_MODES},
               {a_connection_that_closes_takes_no_producer, WHOLE_MODES},
               {a_producer_that_cannot_be_kept_changes_nothing, WHOLE_MODES},
               {it_is_paused_once_and_resumed_once, MODES},
               {the_marks_are_those_of_the_transport, WHOLE_MODES},
               {one_registered_above_the_mark_is_paused_at_the_end_of_the_turn, WHOLE_MODES},
               {the_protocol_hears_of_the_marks_again_when_it_has_left, MODES},
               {writing_from_inside_resume_may_pass_the_mark_again, MODES},
               {loseConnection_waits_for_it, MODES}, {loseWriteConnection_waits_for_it, MODES},
               {a_paused_one_is_resumed_while_the_connection_closes, MODES},
               {a_fin_lets_it_finish, MODES},
               {leaving_a_connection_that_does_not_close_changes_nothing, MODES},
               {the_close_timeout_counts_while_bytes_wait, MODES},
               {a_reset_shows_while_the_connection_waits_for_it, 1},
               {the_shutdown_of_the_reactor_waits_for_it_up_to_the_grace_period, WHOLE_MODES},
               {it_is_told_of_the_end_once_before_the_protocol, MODES},
               {leaving_when_the_connection_is_gone_does_nothing, MODES},
               {everything_may_be_called_from_inside_its_calls, 4},
               {a_transport_pauses_resumes_and_closes_as_a_producer, WHOLE_MODES},
               {a_gigabyte_to_a_slow_reader_takes_the_high_mark_and_one_buffer, 1},
               {in_real_time_it_takes_no_more_either, 1})
