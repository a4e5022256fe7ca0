/* The log: from an event to the application's observer, and events as text.
 *
 * Thread: events come from any; the observer is called on the event's own. State: one observer for
 * the process, under a read-write lock: events hold it for reading while the observer runs, so who
 * changes the observer waits for them. (A lock of the C library, not of TorcSystem: it belongs to
 * no reactor, and the same one serves the real and the simulated system.) `least` is read before
 * the lock is, so a silent library pays one load for an event. The rate limit is per reactor and
 * belongs to its thread. */
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "reactor_internal.h"

enum { SILENT = INT_MAX };

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static TorcLogObserver *current_observer; /* under the lock, as is its argument */
static void *current_arg;
static atomic_int least_level = SILENT;

/* An event that the observer itself causes is dropped: it would have no end. */
static _Thread_local bool in_observer;

void torc_setLogObserver(TorcLogObserver *observer, void *arg, TorcLogLevel least)
{
    if (in_observer)
        return; /* it would wait for itself */
    pthread_rwlock_wrlock(&lock);
    current_observer = observer;
    current_arg = arg;
    atomic_store_explicit(&least_level, observer ? (int)least : SILENT, memory_order_relaxed);
    pthread_rwlock_unlock(&lock);
}

static bool is_wanted(TorcLogLevel level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

static void observe(const TorcLogEvent *event)
{
    pthread_rwlock_rdlock(&lock);
    if (current_observer && is_wanted(event->level)) {
        in_observer = true;
        current_observer(event, current_arg);
        in_observer = false;
    }
    pthread_rwlock_unlock(&lock);
}

/* ---- the rate limit ------------------------------------------------------------------------ */

static void start_second(TorcLogLimiter *limiter, int64_t second)
{
    if (limiter->second == second)
        return;
    limiter->second = second;
    for (int i = 0; i < TORC__LOG_NAMES; i++)
        limiter->names[i].count = 0;
}

/* The index of a name's entry, made if need be at the cost of one that was not seen this second,
 * if possible one with nothing to report. -1 when all names were seen in this second. */
static int find_name(TorcLogLimiter *limiter, const char *name)
{
    int victim = -1;
    for (int i = 0; i < TORC__LOG_NAMES; i++) {
        const char *known = limiter->names[i].name;
        if (known && (known == name || strcmp(known, name) == 0))
            return i;
        if (limiter->names[i].count > 0)
            continue;
        if (victim < 0 || limiter->names[i].suppressed < limiter->names[victim].suppressed)
            victim = i;
    }
    if (victim < 0)
        return -1;
    limiter->names[victim].name = name;
    limiter->names[victim].suppressed = 0;
    return victim;
}

/* Counts an event: true when it may pass, with the number of its kind that were suppressed since
 * the last one. A name too many for the table passes: rare events matter more than a bound here. */
static bool pass(TorcReactor *reactor, const char *name, uint64_t *ret_suppressed)
{
    TorcLogLimiter *limiter = &reactor->log_limiter;
    start_second(limiter, torc__now(reactor) / TORC__SECOND);
    int i = find_name(limiter, name);
    if (i < 0)
        return true;
    if (limiter->names[i].count >= TORC__LOG_PER_SECOND) {
        limiter->names[i].suppressed++;
        reactor->counters.suppressedEvents++;
        return false;
    }
    limiter->names[i].count++;
    *ret_suppressed = limiter->names[i].suppressed;
    limiter->names[i].suppressed = 0;
    return true;
}

void torc_log(TorcReactor *reactor, TorcLogLevel level, const char *name,
              const TorcLogField *fields, size_t field_count)
{
    if (!is_wanted(level) || in_observer)
        return;
    if (!name || (!fields && field_count > 0))
        return; /* nobody to tell */
    TorcLogEvent event = {level, name, reactor, 0, field_count, fields};
    if (reactor && !pass(reactor, name, &event.suppressed))
        return;
    observe(&event);
}

/* ---- events as text ------------------------------------------------------------------------ */

/* Counts all that is put and writes what fits. Pieces are put whole or not at all, and after the
 * first that does not fit nothing more is written. */
typedef struct Output {
    char *buffer;
    size_t room; /* without the NUL */
    size_t length;
    bool full;
} Output;

static Output output_to(char *buffer, size_t size)
{
    return (Output){buffer, size > 0 ? size - 1 : 0, 0, !buffer || size == 0};
}

static void put(Output *output, const char *piece, size_t length)
{
    if (length > output->room)
        output->full = true;
    if (!output->full) {
        memcpy(output->buffer, piece, length);
        output->buffer += length;
        output->room -= length;
    }
    output->length += length;
}

static void put_escaped(Output *output, const unsigned char *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        unsigned char c = data[i];
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\')
            put(output, (const char[]){(char)c}, 1);
        else
            put(output, (const char[]){'\\', 'x', digits[c >> 4], digits[c & 15]}, 4);
    }
}

static void put_string(Output *output, const char *text)
{
    put_escaped(output, (const unsigned char *)text, strlen(text));
}

/* " key=number": the number whole or not at all, half of one would be another number. */
static void put_number(Output *output, const char *key, int64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRId64, number);
    put(output, " ", 1);
    put_string(output, key);
    put(output, "=", 1);
    put(output, digits, (size_t)length);
}

static void put_field(Output *output, const TorcLogField *field)
{
    const char *key = field->key ? field->key : "";
    if (!field->text) {
        put_number(output, key, field->number);
        return;
    }
    put(output, " ", 1);
    put_string(output, key);
    put(output, "=\"", 2);
    put_escaped(output, (const unsigned char *)field->text, field->length);
    put(output, "\"", 1);
}

static size_t end(Output *output, size_t size)
{
    if (size > 0 && output->buffer)
        *output->buffer = '\0';
    return output->length;
}

size_t TorcLogEvent_format(const TorcLogEvent *event, char *buffer, size_t size)
{
    Output output = output_to(buffer, size);
    if (!event || !event->name)
        return end(&output, size);
    put_string(&output, event->name);
    for (size_t i = 0; i < event->field_count; i++)
        put_field(&output, &event->fields[i]);
    if (event->suppressed > 0)
        put_number(&output, "suppressed", (int64_t)event->suppressed);
    return end(&output, size);
}

const char *TorcLogLevel_name(TorcLogLevel level)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    size_t i = (size_t)level;
    return i < sizeof(names) / sizeof(names[0]) ? names[i] : "unknown";
}

size_t torc_escape(const void *data, size_t length, char *buffer, size_t size)
{
    Output output = output_to(buffer, size);
    put_escaped(&output, data, data ? length : 0);
    return end(&output, size);
}
