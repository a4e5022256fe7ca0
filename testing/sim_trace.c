/* The trace of a simulated world: a ring of lines and a hash of all there ever were.
 *
 * Owned by the kernel, written from wherever something happens. Lines are kept as numbers and bytes;
 * sim_trace_text.c turns them into text, sim_trace_calls.c writes those of system calls. Invariant:
 * nothing that goes in depends on an address in memory, on the machine's byte order or on how the
 * compiler lays out a struct, so that the same seed makes the same trace everywhere. */
#include "sim_internal.h"
#include "../transports/address_internal.h"
#include "sim_trace_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_LINES = 1000 };

SimTrace *torc__simTrace_new(SimKernel *kernel)
{
    SimTrace *trace = torc__sim_alloc(sizeof(*trace));
    *trace = (SimTrace){.kernel = kernel, .on = true, .size = DEFAULT_LINES};
    return trace;
}

void torc__simTrace_free(SimTrace *trace)
{
    torc__sim_release(trace->lines);
    torc__sim_release(trace->text);
    torc__sim_release(trace);
}

/* ---- the hash ------------------------------------------------------------------------------ */

/* One round of a multiplicative hash (the constant is the golden ratio's), with the high half folded
 * back; it need not withstand an attacker. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

/* Little-endian on every machine; written out, for then compilers make one load of it. */
static uint64_t load(const unsigned char *b)
{
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

/* Two lanes, so that one multiplication need not wait for the other. */
static uint64_t mix_bytes(uint64_t hash, const unsigned char *bytes, size_t length)
{
    uint64_t other = length;
    for (; length >= 16; bytes += 16, length -= 16) {
        hash = mix(hash, load(bytes));
        other = mix(other, load(bytes + 8));
    }
    unsigned char rest[16] = {0};
    if (length > 0)
        memcpy(rest, bytes, length);
    return mix(mix(hash, load(rest)), mix(other, load(rest + 8)));
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The place of a line, NULL when it is not kept any more. */
static SimLine *line_at(const SimTrace *trace, uint64_t number)
{
    if (number < trace->first || trace->count - number > trace->size)
        return NULL;
    return &trace->lines[number % trace->size];
}

uint64_t torc__simTrace_begin(SimTrace *trace, SimLineKind kind, int subject, int64_t a, int64_t b)
{
    if (!trace->on)
        return 0;
    if (!trace->lines)
        trace->lines = torc__sim_alloc(trace->size * sizeof(*trace->lines));
    int64_t now = trace->kernel->now;
    uint64_t what = (uint64_t)(uint32_t)subject << 32 | (uint32_t)kind;
    trace->hash = mix(mix(mix(mix(trace->hash, (uint64_t)now), what), (uint64_t)a), (uint64_t)b);
    uint64_t number = trace->count++;
    SimLine *line = &trace->lines[number % trace->size];
    line->time = now;
    line->kind = kind;
    line->subject = subject;
    line->a = a;
    line->b = b;
    line->result = 0;
    line->length = 0;
    return number;
}

static void tell_follower(SimTrace *trace, const SimLine *line)
{
    char text[SIM_LINE_TEXT];
    if (!line)
        return; /* pushed out by what it brought about */
    torc__simLine_format(line, text);
    trace->follow(text, trace->follow_arg);
}

void torc__simTrace_end(SimTrace *trace, uint64_t number, int64_t result, const void *bytes,
                        size_t length)
{
    if (!trace->on)
        return;
    trace->hash = mix(trace->hash, (uint64_t)result);
    if (length > 0)
        trace->hash = mix_bytes(trace->hash, bytes, length);
    SimLine *line = line_at(trace, number);
    if (line) {
        line->result = result;
        line->length = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
        if (length > 0)
            memcpy(line->bytes, bytes, length < SIM_LINE_BYTES ? length : SIM_LINE_BYTES);
    }
    if (trace->follow)
        tell_follower(trace, line);
}

void torc__simTrace_add(SimTrace *trace, SimLineKind kind, int subject, int64_t a, int64_t b,
                        int64_t result, const void *bytes, size_t length)
{
    uint64_t number = torc__simTrace_begin(trace, kind, subject, a, b);
    torc__simTrace_end(trace, number, result, bytes, length);
}

void torc__simTrace_text(SimTrace *trace, SimLineKind kind, int subject, const char *text)
{
    torc__simTrace_add(trace, kind, subject, 0, 0, 0, text, strlen(text));
}

void torc__simTrace_putAddress(unsigned char *ret_bytes, const SimAddress *address)
{
    unsigned char *bytes = ret_bytes + 1;
    ret_bytes[0] = SIM_LINE_IP;
    memcpy(bytes, address->ip, sizeof(address->ip));
    for (int i = 0; i < 4; i++)
        bytes[16 + i] = (unsigned char)(address->scope >> (8 * i));
    bytes[20] = (unsigned char)address->port;
    bytes[21] = (unsigned char)(address->port >> 8);
}

size_t torc__simTrace_putName(unsigned char *ret_bytes, const struct sockaddr *name,
                              socklen_t length)
{
    TorcAddress address;
    torc__address_fromSockaddr(name, length, &address);
    size_t size = strnlen(address.path, SIM_LINE_BYTES - 1); /* counted, so no NUL */
    ret_bytes[0] = SIM_LINE_UNIX;
    memcpy(ret_bytes + 1, address.path, size);
    return size + 1;
}

/* ---- the public face ----------------------------------------------------------------------- */

static SimTrace *trace_of(const TorcSim *sim, const char *message)
{
    torc__sim_require(sim, message);
    return sim->kernel->trace;
}

void TorcSim_setTraceSize(TorcSim *sim, size_t lines)
{
    SimTrace *trace = trace_of(sim, "TorcSim_setTraceSize: there is no simulation");
    torc__sim_release(trace->lines);
    trace->lines = NULL;
    trace->size = lines;
    trace->first = trace->count;
    trace->on = lines > 0;
}

/* The oldest line that is kept. */
static uint64_t oldest(const SimTrace *trace)
{
    uint64_t kept = trace->count - trace->first;
    return kept > trace->size ? trace->count - trace->size : trace->first;
}

const char *TorcSim_trace(TorcSim *sim)
{
    SimTrace *trace = trace_of(sim, "TorcSim_trace: there is no simulation");
    char text[SIM_LINE_TEXT];
    SimBytes all = {0};
    for (uint64_t number = oldest(trace); number < trace->count; number++) {
        torc__simLine_format(line_at(trace, number), text);
        torc__simBytes_append(&all, text, strlen(text));
        torc__simBytes_append(&all, "\n", 1);
    }
    torc__simBytes_append(&all, "", 1);
    torc__sim_release(trace->text);
    trace->text = (char *)all.data; /* nothing was taken from the front */
    return trace->text;
}

static void write_from(const SimTrace *trace, uint64_t number, TorcSimLineFunction *function,
                       void *arg)
{
    char text[SIM_LINE_TEXT];
    for (; number < trace->count; number++) {
        torc__simLine_format(line_at(trace, number), text);
        function(text, arg);
    }
}

void TorcSim_writeTrace(TorcSim *sim, TorcSimLineFunction *function, void *arg)
{
    const SimTrace *trace = trace_of(sim, "TorcSim_writeTrace: there is no simulation");
    torc__sim_require(function, "TorcSim_writeTrace: there is no function");
    write_from(trace, oldest(trace), function, arg);
}

static void say_line(const char *line, void *arg)
{
    (void)arg;
    torc__sim_say("    ");
    torc__sim_say(line);
    torc__sim_say("\n");
}

void torc__simTrace_sayEnd(SimTrace *trace, size_t lines)
{
    uint64_t first = oldest(trace);
    if (trace->count - first > lines)
        first = trace->count - lines;
    write_from(trace, first, say_line, NULL);
}

void TorcSim_followTrace(TorcSim *sim, TorcSimLineFunction *function, void *arg)
{
    SimTrace *trace = trace_of(sim, "TorcSim_followTrace: there is no simulation");
    trace->follow = function;
    trace->follow_arg = arg;
}

uint64_t TorcSim_traceHash(const TorcSim *sim)
{
    return trace_of(sim, "TorcSim_traceHash: there is no simulation")->hash;
}

void TorcSim_note(TorcSim *sim, const char *format, ...)
{
    SimTrace *trace = trace_of(sim, "TorcSim_note: there is no simulation");
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0)
        torc__sim_fatal("TorcSim_note: the format cannot be converted");
    torc__simTrace_text(trace, SIM_LINE_NOTE, 0, text);
}
