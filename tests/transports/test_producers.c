/* What holds for every producer: registering, leaving, the end, and everything that it may call from
 * inside its calls. How push and pull producers are told to go on is in files of their own. */
#include "../support/failing_memory.h"
#include "producer_fixture.h"

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

RUN_LOOP_TESTS("producers", {what_cannot_be_a_producer_is_refused, 1},
               {a_second_producer_is_refused_and_the_first_stays, WHOLE_MODES},
               {a_connection_that_closes_takes_no_producer, WHOLE_MODES},
               {a_producer_that_cannot_be_kept_changes_nothing, WHOLE_MODES},
               {it_is_told_of_the_end_once_before_the_protocol, MODES},
               {leaving_when_the_connection_is_gone_does_nothing, MODES},
               {everything_may_be_called_from_inside_its_calls, 4},
               {a_transport_pauses_resumes_and_closes_as_a_producer, WHOLE_MODES})
