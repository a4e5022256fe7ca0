/* A factory and protocols that write down what happens to them, for ports and connectors alike.
 *
 *     Recording recording = {0};
 *     TorcClientFactory *factory = Recording_factory(&recording);
 *     …listen or connect…
 *     ck_assert_str_eq(recording.log, "made data:5 lost:DONE");
 *
 * The log holds one word per call; data that comes in a row is one word with the sum, so that it
 * does not depend on how the bytes were cut. Every recorder asserts by itself what holds for every
 * connection: connectionMade first, connectionLost once and last, no callback inside another. The
 * recording must outlive the reactor; free it by Recording_done, which checks that all that was
 * made was freed. */
#ifndef TORC_TESTS_RECORDER_H
#define TORC_TESTS_RECORDER_H

#include <torc/torc.h>

typedef enum RecordedEvent {
    RECORD_BUILD, /* only counted, not in the log */
    RECORD_MADE,
    RECORD_DATA,
    RECORD_LOST,
    RECORD_EOF,        /* readConnectionLost; logged as "eof" */
    RECORD_WRITE_SHUT, /* writeConnectionLost; "write-shut" */
    RECORD_PAUSE,
    RECORD_RESUME,
    RECORD_DESTROY, /* of a protocol; only counted */
    RECORD_STARTED,
    RECORD_FAILED,
    RECORD_CLIENT_LOST,
    RECORD_START, /* of the factory; in factory_log */
    RECORD_STOP,
    RECORD_FACTORY_DESTROY, /* only counted */
    RECORD_EVENTS
} RecordedEvent;

enum { RECORD_LOG_SIZE = 4096, RECORD_TEXT_SIZE = 256 };

typedef struct Recording Recording;
typedef void RecordingHook(Recording *recording);

/* {0} is ready. */
struct Recording {
    /* What the test sets. */
    bool half_closeable; /* its protocols have readConnectionLost and writeConnectionLost */
    bool log_factory;    /* "start" and "stop" appear in `log` as well */
    bool refuse;         /* buildProtocol answers 0 and NULL */
    int build_code;      /* buildProtocol answers this negative code */
    Recording *next;     /* who records the connection after this one; NULL: this one */
    RecordingHook *on[RECORD_EVENTS]; /* called at the end of the call recorded */
    void *arg;                        /* for hooks */

    /* What happened. */
    char log[RECORD_LOG_SIZE];
    char factory_log[RECORD_LOG_SIZE];
    unsigned counts[RECORD_EVENTS];
    unsigned factories; /* made by Recording_factory */
    unsigned live;      /* protocols not yet destroyed */
    uint8_t *received;  /* NUL-terminated; NULL: nothing yet */
    size_t received_length;
    size_t chunk;        /* bytes of the last dataReceived */
    TorcReasonKind kind; /* of the last reason */
    int code;
    char text[RECORD_TEXT_SIZE];
    const TorcReason *reason; /* only to be compared, or during the hook */
    TorcProtocol *protocol;   /* the one last called; NULL after its connectionLost */
    TorcTransport *transport; /* likewise, but still there in the hook of connectionLost */
    TorcConnector *connector; /* of the latest client event */
    TorcAddress peer;         /* as given to buildProtocol */
};

/* A factory that records here; one reference, the caller's. The second may fail: NULL. */
TorcClientFactory *Recording_factory(Recording *recording);
TorcClientFactory *Recording_tryFactory(Recording *recording);

/* The received bytes as a string, "" when there are none. */
const char *Recording_received(const Recording *recording);

/* Empties log and received bytes; counts stay. */
void Recording_clear(Recording *recording);

/* Checks that every protocol and factory is gone, and that each connection that began also ended. */
void Recording_done(Recording *recording);

/* Appends a word to the log, for hooks and scheduled calls. */
void Recording_note(Recording *recording, const char *word);

#endif
