/* The dump: everything a reactor holds, as lines of text for people.
 *
 * Thread: the reactor's, also inside a callback: it looks and changes nothing. The reactor's own
 * things are told here, those of a higher floor by its part. Delayed calls are told by time, which
 * takes a copy of the heap; without memory for it they come in the heap's order. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reactor_internal.h"

/* Enough for two addresses and the longest names worth telling whole. */
enum { LINE_SIZE = 600 };

/* ---- lines --------------------------------------------------------------------------------- */

void torc__dump_print(const TorcDump *dump, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *c = line; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    dump->line(line, dump->arg);
}

const char *torc__dump_seconds(int64_t nanoseconds, char text[TORC__SECONDS_TEXT_SIZE])
{
    const int64_t century = INT64_C(100) * 365 * 24 * 3600 * TORC__SECOND;

    if (nanoseconds > century)
        return "never";
    (void)snprintf(text, TORC__SECONDS_TEXT_SIZE, "%.3f", (double)nanoseconds / TORC__SECOND);
    return text;
}

/* ---- delayed calls ------------------------------------------------------------------------- */

static int by_deadline(const void *a, const void *b)
{
    const TorcTimerEntry *left = a;
    const TorcTimerEntry *right = b;

    if (left->deadline != right->deadline)
        return left->deadline < right->deadline ? -1 : 1;
    return (int32_t)(left->sequence - right->sequence) < 0 ? -1 : 1;
}

static int64_t time_left(const TorcTimerEntry *entry, int64_t now)
{
    if (entry->deadline == TORC__NEVER)
        return TORC__NEVER;
    return entry->deadline > now ? entry->deadline - now : 0;
}

enum { CALL_TEXT_SIZE = TORC__FUNCTION_TEXT_SIZE + 64 };

/* Whose call it is. */
static const char *call_text(const TorcTimerView *call, char text[CALL_TEXT_SIZE])
{
    char function[TORC__FUNCTION_TEXT_SIZE];
    const char *what = call->what ? call->what : "";

    if (call->own)
        (void)snprintf(text, CALL_TEXT_SIZE, "library: %s", what);
    else if (call->function == 0)
        (void)snprintf(text, CALL_TEXT_SIZE, "%s", what);
    else
        (void)snprintf(text, CALL_TEXT_SIZE, "%s%sfunction %s", what, *what ? ", " : "",
                       torc__function_text(call->function, function));
    return text;
}

static void dump_call(const TorcDump *dump, const TorcTimerEntry *entry, const char *indent)
{
    char seconds[TORC__SECONDS_TEXT_SIZE], text[CALL_TEXT_SIZE];
    TorcTimerView call = torc__timers_view(&dump->reactor->timers, entry->timer);

    torc__dump_print(dump, "%sdelayed call: due in %s s, %s%s", indent,
                     torc__dump_seconds(time_left(entry, dump->now), seconds),
                     call_text(&call, text), call.bound ? ", bound to a connection" : "");
}

/* A line function that breaks its rule may add or cancel calls: this goes no further than the copy or,
 * without one, than the heap does by then. */
static int dump_delayed_calls(const TorcDump *dump)
{
    const TorcTimerHeap *heap = &dump->reactor->timers.heap;
    const uint32_t count = heap->count;
    size_t size = count * sizeof(TorcTimerEntry);
    TorcTimerEntry *sorted = count > 0 ? torc__malloc(size) : NULL;

    if (sorted) {
        memcpy(sorted, heap->entries, size);
        qsort(sorted, count, sizeof(*sorted), by_deadline);
    }
    for (uint32_t i = 0; i < count && (sorted || i < heap->count); i++)
        dump_call(dump, sorted ? &sorted[i] : &heap->entries[i], "");
    int r = count > 0 && !sorted ? -ENOMEM : 0;
    torc__free(sorted);
    return r;
}

void torc__dump_boundCalls(const TorcDump *dump, const TorcBoundCalls *bound)
{
    const TorcTimers *timers = &dump->reactor->timers;

    for (uint32_t next = bound->first; next != 0;) {
        dump_call(dump, torc__timerHeap_find(&timers->heap, next - 1), "    ");
        next = torc__timers_view(timers, next - 1).next;
    }
}

/* ---- what else the reactor itself has ------------------------------------------------------ */

static void dump_reactor(const TorcDump *dump)
{
    static const char *const states[] = {[TORC__STOPPED] = "stopped",
                                         [TORC__STARTING] = "starting",
                                         [TORC__RUNNING] = "running",
                                         [TORC__BEFORE_SHUTDOWN] = "about to shut down",
                                         [TORC__STOPPING] = "shutting down"};
    const TorcReactor *reactor = dump->reactor;

    torc__dump_print(dump, "reactor: %s, backend %s, %" PRIu64 " turns", states[reactor->state],
                     reactor->system->backend, reactor->counters.turns);
}

static void dump_threads(const TorcDump *dump)
{
    TorcSystem *system = dump->reactor->system;
    TorcPoolState pool;

    if (!system->ops->poolState)
        return;
    system->ops->poolState(system, &pool);
    torc__dump_print(dump, "threads: %u of at most %u, %zu jobs running, %zu waiting", pool.threads,
                     pool.most, pool.running, pool.waiting);
}

static void dump_scheduled(const TorcDump *dump)
{
    TorcReactor *reactor = dump->reactor;

    if (torc__posted_waiting(&reactor->posted))
        torc__dump_print(dump, "calls from threads: some wait");
    for (int list = 0; list < TORC__TRIGGER_LISTS; list++)
        torc__triggers_dump(dump, &reactor->triggers, list);
    torc__signals_dump(dump);
}

/* ---- counters ------------------------------------------------------------------------------ */

static void dump_counter(const TorcDump *dump, const char *name, uint64_t value)
{
    if (value > 0)
        torc__dump_print(dump, "counter: %s %" PRIu64, name, value);
}

static void dump_kinds(const TorcDump *dump, const uint64_t *kinds)
{
    for (int kind = 0; kind < TORC_COUNTED_KINDS; kind++)
        if (kinds[kind] > 0)
            torc__dump_print(dump, "counter: connectionsClosed %s %" PRIu64,
                             TorcReason_kindName((TorcReasonKind)kind), kinds[kind]);
}

static void dump_counters(const TorcDump *dump)
{
    TorcReactorCounters counters = {.size = sizeof(counters)};

    (void)TorcReactor_getCounters(dump->reactor, &counters); /* cannot fail */
#define COUNTER(name) dump_counter(dump, #name, counters.name)
    COUNTER(slowCallbacks);
    COUNTER(parkedDescriptors);
    COUNTER(suppressedEvents);
    COUNTER(connectionsAccepted);
    COUNTER(connectionsRefused);
    COUNTER(acceptErrors);
    COUNTER(connectionsMade);
    COUNTER(connectionsOpen);
    COUNTER(attempts);
    COUNTER(attemptsFailed);
    COUNTER(bytesReceived);
    COUNTER(bytesSent);
    COUNTER(writesAfterClose);
    COUNTER(datagramsDropped);
#undef COUNTER
    dump_kinds(dump, counters.connectionsClosed);
}

int TorcReactor_dump(TorcReactor *reactor, TorcDumpFunction *line, void *arg)
{
    TORC__REQUIRE(reactor && line);
    TORC__ON_THREAD_OF(reactor);
    TorcDump dump = {.reactor = reactor, .line = line, .arg = arg, .now = torc__now(reactor)};

    dump_reactor(&dump);
    for (const TorcReactorPart *part = reactor->parts; part; part = part->next)
        if (part->dump)
            part->dump(part, &dump);
    int r = dump_delayed_calls(&dump);
    dump_threads(&dump);
    dump_scheduled(&dump);
    dump_counters(&dump);
    return r;
}
