/* The recording factory and its protocols. See the header.
 *
 * The reactor's thread. A protocol holds a pointer to its recording, which the test owns. */
#include "recorder.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Recorder {
    TorcProtocol base;
    Recording *recording;
    bool made;
    bool lost;
} Recorder;

typedef struct RecorderFactory {
    TorcClientFactory base;
    Recording *home;      /* keeps what concerns the factory itself */
    Recording *recording; /* of the next connection */
    Recording *latest;    /* of the last one built */
} RecorderFactory;

/* Callbacks never nest: none runs before the call that caused it has returned. */
static int depth;

/* ---- the log ------------------------------------------------------------------------------- */

static void append_word(char *log, const char *word)
{
    size_t length = strlen(log);
    ck_assert_msg(length + strlen(word) + 2 < RECORD_LOG_SIZE, "the log overflows: %s", log);
    snprintf(log + length, RECORD_LOG_SIZE - length, "%s%s", length ? " " : "", word);
}

void Recording_note(Recording *recording, const char *word)
{
    append_word(recording->log, word);
}

/* "data:12" at the end of the log becomes the sum. */
static void note_data(Recording *recording, size_t length)
{
    char *last = strrchr(recording->log, ' ');
    last = last ? last + 1 : recording->log;
    size_t before = 0;
    if (strncmp(last, "data:", 5) == 0) {
        before = strtoul(last + 5, NULL, 10);
        *(last > recording->log ? last - 1 : last) = '\0';
    }
    char word[64];
    snprintf(word, sizeof(word), "data:%zu", before + length);
    Recording_note(recording, word);
}

static void note_reason(Recording *recording, const char *what, const TorcReason *reason)
{
    char word[64];
    snprintf(word, sizeof(word), "%s:%s", what, TorcReason_kindName(TorcReason_kind(reason)));
    Recording_note(recording, word);
    recording->reason = reason;
    recording->kind = TorcReason_kind(reason);
    recording->code = TorcReason_code(reason);
    snprintf(recording->text, sizeof(recording->text), "%s", TorcReason_text(reason));
}

static void count(Recording *recording, RecordedEvent event)
{
    recording->counts[event]++;
    if (recording->on[event])
        recording->on[event](recording);
}

/* The same for what the loop calls. */
static void enter(Recording *recording, RecordedEvent event)
{
    ck_assert_msg(depth == 0, "a callback inside a callback; log: %s", recording->log);
    depth++;
    count(recording, event);
    depth--;
}

/* ---- protocols ----------------------------------------------------------------------------- */

static Recording *live_recording(TorcProtocol *self)
{
    Recorder *recorder = (Recorder *)self;
    ck_assert_msg(recorder->made && !recorder->lost,
                  "a callback before connectionMade or after "
                  "connectionLost; log: %s",
                  recorder->recording->log);
    ck_assert_ptr_nonnull(self->transport);
    recorder->recording->protocol = self;
    recorder->recording->transport = self->transport;
    return recorder->recording;
}

static void recorder_connectionMade(TorcProtocol *self)
{
    Recorder *recorder = (Recorder *)self;
    Recording *recording = recorder->recording;

    ck_assert(!recorder->made && !recorder->lost);
    ck_assert(TorcTransport_connected(self->transport));
    recorder->made = true;
    recording->protocol = self;
    recording->transport = self->transport;
    Recording_note(recording, "made");
    enter(recording, RECORD_MADE);
}

static void keep(Recording *recording, const void *data, size_t length)
{
    size_t total = recording->received_length + length;
    recording->received = realloc(recording->received, total + 1);
    ck_assert_ptr_nonnull(recording->received);
    memcpy(recording->received + recording->received_length, data, length);
    recording->received[total] = '\0';
    recording->received_length = total;
}

static void recorder_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Recording *recording = live_recording(self);

    ck_assert_uint_gt(length, 0);
    ck_assert(!TorcTransport_disconnecting(self->transport));
    recording->chunk = length;
    keep(recording, data, length);
    note_data(recording, length);
    enter(recording, RECORD_DATA);
}

static void recorder_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Recording *recording = live_recording(self);

    ck_assert(!TorcTransport_connected(self->transport));
    ((Recorder *)self)->lost = true;
    note_reason(recording, "lost", reason);
    enter(recording, RECORD_LOST);
    if (recording->protocol == self) {
        recording->protocol = NULL;
        recording->transport = NULL;
    }
}

static void recorder_readConnectionLost(TorcProtocol *self)
{
    Recording *recording = live_recording(self);
    Recording_note(recording, "eof");
    enter(recording, RECORD_EOF);
}

static void recorder_writeConnectionLost(TorcProtocol *self)
{
    Recording *recording = live_recording(self);
    Recording_note(recording, "write-shut");
    enter(recording, RECORD_WRITE_SHUT);
}

static void recorder_pauseProducing(TorcProtocol *self)
{
    Recording *recording = live_recording(self);
    Recording_note(recording, "pause");
    enter(recording, RECORD_PAUSE);
}

static void recorder_resumeProducing(TorcProtocol *self)
{
    Recording *recording = live_recording(self);
    Recording_note(recording, "resume");
    enter(recording, RECORD_RESUME);
}

static void recorder_destroy(TorcProtocol *self)
{
    Recorder *recorder = (Recorder *)self;

    ck_assert_msg(recorder->made == recorder->lost, "freed without connectionLost");
    ck_assert_ptr_null(self->transport);
    recorder->recording->live--;
    count(recorder->recording, RECORD_DESTROY);
}

static const TorcProtocolClass recorder_class = {
    TORC_PROTOCOL_CLASS("recorder", Recorder),
    .connectionMade = recorder_connectionMade,
    .dataReceived = recorder_dataReceived,
    .connectionLost = recorder_connectionLost,
    .pauseProducing = recorder_pauseProducing,
    .resumeProducing = recorder_resumeProducing,
    .destroy = recorder_destroy,
};

static const TorcProtocolClass half_closeable_class = {
    TORC_PROTOCOL_SUBCLASS("half-closeable-recorder", Recorder, &recorder_class),
    .readConnectionLost = recorder_readConnectionLost,
    .writeConnectionLost = recorder_writeConnectionLost,
};

/* ---- the factory --------------------------------------------------------------------------- */

static int recorder_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                  TorcProtocol **ret_protocol)
{
    RecorderFactory *factory = (RecorderFactory *)self;
    Recording *recording = factory->recording;

    recording->peer = *peer;
    factory->latest = recording;
    if (recording->next)
        factory->recording = recording->next;
    enter(recording, RECORD_BUILD);
    if (recording->build_code < 0)
        return recording->build_code;
    *ret_protocol = NULL;
    if (recording->refuse)
        return 0;
    TorcProtocol *protocol =
        TorcProtocol_new(recording->half_closeable ? &half_closeable_class : &recorder_class, self);
    if (!protocol)
        return -ENOMEM;
    ((Recorder *)protocol)->recording = recording;
    recording->live++;
    *ret_protocol = protocol;
    return 0;
}

static void recorder_startedConnecting(TorcClientFactory *self, TorcConnector *connector)
{
    Recording *recording = ((RecorderFactory *)self)->recording;
    recording->connector = connector;
    Recording_note(recording, "started");
    enter(recording, RECORD_STARTED);
}

static void recorder_clientConnectionFailed(TorcClientFactory *self, TorcConnector *connector,
                                            const TorcReason *reason)
{
    Recording *recording = ((RecorderFactory *)self)->recording;
    recording->connector = connector;
    note_reason(recording, "failed", reason);
    enter(recording, RECORD_FAILED);
}

static void recorder_clientConnectionLost(TorcClientFactory *self, TorcConnector *connector,
                                          const TorcReason *reason)
{
    Recording *recording = ((RecorderFactory *)self)->latest;
    recording->connector = connector;
    note_reason(recording, "client-lost", reason);
    enter(recording, RECORD_CLIENT_LOST);
}

/* These two and destroy may run inside another call: they are the named exceptions. */
static void note_factory(TorcFactory *self, const char *word, RecordedEvent event)
{
    RecorderFactory *factory = (RecorderFactory *)self;
    append_word(factory->home->factory_log, word);
    if (factory->home->log_factory)
        Recording_note(factory->home, word);
    count(factory->home, event);
}

static void recorder_startFactory(TorcFactory *self)
{
    note_factory(self, "start", RECORD_START);
}

static void recorder_stopFactory(TorcFactory *self)
{
    note_factory(self, "stop", RECORD_STOP);
}

static void recorder_factoryDestroy(TorcFactory *self)
{
    ck_assert_uint_eq(self->numPorts, 0);
    count(((RecorderFactory *)self)->home, RECORD_FACTORY_DESTROY);
}

static const TorcClientFactoryClass recorder_factory_class = {
    TORC_CLIENT_FACTORY_CLASS("recorder-factory", RecorderFactory),
    .factory.buildProtocol = recorder_buildProtocol,
    .factory.startFactory = recorder_startFactory,
    .factory.stopFactory = recorder_stopFactory,
    .factory.destroy = recorder_factoryDestroy,
    .startedConnecting = recorder_startedConnecting,
    .clientConnectionFailed = recorder_clientConnectionFailed,
    .clientConnectionLost = recorder_clientConnectionLost,
};

TorcClientFactory *Recording_tryFactory(Recording *recording)
{
    RecorderFactory *factory = (RecorderFactory *)TorcClientFactory_new(&recorder_factory_class);
    if (!factory)
        return NULL;
    factory->home = factory->recording = factory->latest = recording;
    recording->factories++;
    return &factory->base;
}

TorcClientFactory *Recording_factory(Recording *recording)
{
    TorcClientFactory *factory = Recording_tryFactory(recording);
    ck_assert_ptr_nonnull(factory);
    return factory;
}

/* ---- about a recording --------------------------------------------------------------------- */

const char *Recording_received(const Recording *recording)
{
    return recording->received ? (const char *)recording->received : "";
}

void Recording_clear(Recording *recording)
{
    recording->log[0] = recording->factory_log[0] = '\0';
    free(recording->received);
    recording->received = NULL;
    recording->received_length = 0;
}

void Recording_done(Recording *recording)
{
    const unsigned *counts = recording->counts;
    ck_assert_uint_eq(recording->live, 0);
    ck_assert_uint_eq(counts[RECORD_MADE], counts[RECORD_LOST]);
    ck_assert_uint_eq(counts[RECORD_START], counts[RECORD_STOP]);
    ck_assert_uint_eq(recording->factories, counts[RECORD_FACTORY_DESTROY]);
    Recording_clear(recording);
}
