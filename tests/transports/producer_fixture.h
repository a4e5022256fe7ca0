/* What the tests of producers share: one that writes down what it is told, between the words of its
 * protocol, and does what a hook says.
 *
 *     produce(&producer, true);
 *     …
 *     ck_assert_str_eq(rec.log, "made P-pause P-resume P-stop lost:DONE"); */
#ifndef TORC_TESTS_PRODUCER_FIXTURE_H
#define TORC_TESTS_PRODUCER_FIXTURE_H

#include "../support/stream_test.h"

typedef enum ProducerCall { P_PAUSE, P_RESUME, P_STOP, P_CALLS } ProducerCall;

typedef struct Producer Producer;
struct Producer {
    Recording *recording; /* where its words go */
    void (*on[P_CALLS])(Producer *producer);
    unsigned counts[P_CALLS];
    bool gone;   /* unregistered, or told to stop: nothing of it may be called */
    size_t left; /* bytes to write, for hooks */
    size_t piece;
};

static Producer producer;

/* None of its calls comes inside another. */
static int producer_depth;

static void producer_called(void *arg, ProducerCall call, const char *word)
{
    Producer *self = arg;
    ck_assert_int_eq(producer_depth, 0);
    ck_assert_msg(!self->gone, "%s after the end; log: %s", word, self->recording->log);
    ck_assert_ptr_nonnull(self->recording->transport);
    Recording_note(self->recording, word);
    self->counts[call]++;
    producer_depth++;
    self->gone = call == P_STOP;
    if (self->on[call])
        self->on[call](self);
    producer_depth--;
}

static void producer_pauseProducing(void *arg)
{
    producer_called(arg, P_PAUSE, "P-pause");
}

static void producer_resumeProducing(void *arg)
{
    producer_called(arg, P_RESUME, "P-resume");
}

static void producer_stopProducing(void *arg)
{
    producer_called(arg, P_STOP, "P-stop");
}

static const TorcProducerClass producer_class = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = producer_pauseProducing,
    .resumeProducing = producer_resumeProducing,
    .stopProducing = producer_stopProducing,
};

static inline int produce(Producer *self, bool streaming)
{
    self->recording = self->recording ? self->recording : &rec;
    self->gone = false;
    return TorcTransport_registerProducer(self->recording->transport, &producer_class, self,
                                          streaming);
}

static inline void leave(Producer *self)
{
    self->gone = true;
    TorcTransport_unregisterProducer(self->recording->transport);
}

/* A server on PORT with small buffers and a peer that does not read. */
static inline void begin_unread(int mode)
{
    rec = (Recording){0}; /* tests that do not fork find it used */
    producer = (Producer){.recording = &rec};
    begin_connected_with(mode, TORC_SIM_OPTIONS(.bufferSize = 1000));
    TorcSimPeer_stopReading(peer);
}

/* The peer takes what the kernel holds, once. */
static inline void peer_takes_some(void)
{
    TorcSimPeer_startReading(peer);
    TorcSimPeer_stopReading(peer);
    settle();
}

static inline void peer_takes_all(void)
{
    TorcSimPeer_startReading(peer);
    settle();
}

/* For hooks: the next piece of `left` bytes of the pattern, or the end. */
static inline void write_piece(Producer *self)
{
    size_t length = self->left < self->piece ? self->left : self->piece;
    if (length == 0) {
        leave(self);
        return;
    }
    self->left -= length;
    ck_assert_int_eq(write_pattern(length), 0);
}

static inline void leave_now(Producer *self)
{
    leave(self);
}

#endif
