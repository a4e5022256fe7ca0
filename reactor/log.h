/* The log: what the library has to say that no return value or callback carries.
 *
 * The library never prints. It hands events to one observer per process, which the application
 * sets; there is none at first, so the library is silent. libevent's own messages arrive here too.
 * An event has a level, a fixed name ("port.accept-failed"), and keys with values; values that came
 * from a peer are escaped by TorcLogEvent_format. Of each name at most ten events per second and
 * reactor are handed on; the next one after a gap says how many were suppressed. */
#ifndef TORC_REACTOR_LOG_H
#define TORC_REACTOR_LOG_H

#include "api.h"

TORC_BEGIN_DECLS

typedef struct TorcReactor TorcReactor;

typedef enum TorcLogLevel {
    TORC_LOG_DEBUG,
    TORC_LOG_INFO,
    TORC_LOG_WARNING,
    TORC_LOG_ERROR
} TorcLogLevel;

typedef struct TorcLogField {
    const char *key;
    const char *text; /* NULL: the value is `number` */
    size_t length;    /* bytes of text; may hold any byte */
    int64_t number;
} TorcLogField;

/* Fields for compound literals. */
#define TORC_LOG_NUMBER(key_, number_)                                                             \
    {                                                                                              \
        (key_), NULL, 0, (int64_t)(number_)                                                        \
    }
#define TORC_LOG_BYTES(key_, text_, length_)                                                       \
    {                                                                                              \
        (key_), (text_), (length_), 0                                                              \
    }

typedef struct TorcLogEvent {
    TorcLogLevel level;
    const char *name;     /* static */
    TorcReactor *reactor; /* NULL when it does not come from one reactor */
    uint64_t suppressed;  /* events of this name left out since the last one */
    size_t field_count;
    const TorcLogField *fields; /* valid during the call */
} TorcLogEvent;

/* Called on the thread the event happened on, which may be a pool thread: reactors on several
 * threads call it at the same time. It must not call back into the reactor; events that it logs
 * itself are dropped. */
typedef void TorcLogObserver(const TorcLogEvent *event, void *arg);

/* Sets the observer for events of `least` and above; NULL: silent. Any thread; waits for calls of
 * the previous observer to return, so its `arg` may be freed afterwards. From inside an observer it
 * does nothing. */
TORC_API void torc_setLogObserver(TorcLogObserver *observer, void *arg, TorcLogLevel least);

/* Hands an event to the observer, for applications that log the same way. `name` must last as long
 * as the reactor, which counts by it; `reactor` may be NULL, then nothing is rate-limited. Any
 * thread when reactor is NULL, else the reactor's. */
TORC_API void torc_log(TorcReactor *reactor, TorcLogLevel level, const char *name,
                       const TorcLogField *fields, size_t field_count);

/* Writes `name key=value key="text" …` into buffer, always NUL-terminated, cut to fit, on one line:
 * bytes outside printable ASCII, quotes and backslashes in texts appear as \xNN; suppressed=N comes
 * last when events were left out. Returns the length that the whole would have had, as snprintf
 * does. Any thread. */
TORC_API size_t TorcLogEvent_format(const TorcLogEvent *event, char *buffer, size_t size);

/* "debug", "info", "warning", "error"; static. */
TORC_API const char *TorcLogLevel_name(TorcLogLevel level);

/* Escapes bytes for a log line or a terminal: printable ASCII except quote and backslash stays, the
 * rest becomes \xNN. Writes at most size - 1 characters and a NUL, never half an escape; returns
 * the length that the whole would have had. Any thread. */
TORC_API size_t torc_escape(const void *data, size_t length, char *buffer, size_t size);

TORC_END_DECLS

#endif
