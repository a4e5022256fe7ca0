/* What LineReceiver and LineOnlyReceiver have in common: their settings, which lie in the same
 * place of both class tables, the loop that delivers, and writing a line.
 *
 * Runs on the reactor's thread. The instance owns its buffer, which is NULL unless input waits, and
 * which is on torc__line_deliver's stack while a delivery is under way (BUSY).
 *
 * That loop never recurses: what slots ask for in between (a pause, raw mode, other bytes) is noted
 * in the flags and the buffer, and the loop goes on from there. */
#include "line_common_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "../transports/transport.h"
#include "class_internal.h"
#include "line_only_receiver.h"

/* ---- settings ------------------------------------------------------------------------------ */

/* Of either kind of table, behind TorcProtocolClass. */
typedef struct LineSettings {
    const char *delimiter;
    size_t delimiter_length;
    size_t max_length;
} LineSettings;

enum { SETTINGS_OFFSET = sizeof(TorcProtocolClass) };

#define SETTING_IS_AT(Class, member, field)                                                        \
    (offsetof(Class, member) == SETTINGS_OFFSET + offsetof(LineSettings, field))
#define SETTINGS_ARE_IN(Class)                                                                     \
    (SETTING_IS_AT(Class, delimiter, delimiter) &&                                                 \
     SETTING_IS_AT(Class, delimiterLength, delimiter_length) &&                                    \
     SETTING_IS_AT(Class, maxLength, max_length))
static_assert(SETTINGS_ARE_IN(TorcLineReceiverClass), "LineSettings is a part of it");
static_assert(SETTINGS_ARE_IN(TorcLineOnlyReceiverClass), "LineSettings is a part of it");

static LineSettings settings_of(const void *table)
{
    LineSettings settings;

    memcpy(&settings, (const char *)table + SETTINGS_OFFSET, sizeof(settings));
    return settings;
}

/* The delimiter's length is not inherited by itself: a class that sets a delimiter and leaves the
 * length 0 means strlen, whatever its parent's delimiter is. */
static TORC__COLD size_t look_up_length(const TorcProtocolClass *cls)
{
    LineSettings named = settings_of(torc__class_definer(cls, SETTINGS_OFFSET));

    return named.delimiter_length ? named.delimiter_length : strlen(named.delimiter);
}

/* To look the delimiter's length up takes as long as to cut a line. One that is too large for its
 * place is looked up each time; so is 0, which is refused anyway. */
static size_t delimiter_length(const TorcProtocolClass *cls, TorcLineState *state)
{
    if (state->delimiterLength > 0)
        return state->delimiterLength;
    size_t length = look_up_length(cls);
    if (length <= UINT32_MAX)
        state->delimiterLength = (uint32_t)length;
    return length;
}

TorcLineRules torc__line_rules(const TorcProtocolClass *cls, TorcLineState *state)
{
    LineSettings settings = settings_of(cls);

    return (TorcLineRules){
        .delimiter = settings.delimiter,
        .delimiter_length = delimiter_length(cls, state),
        .max_length = settings.max_length,
    };
}

/* ---- delivery ------------------------------------------------------------------------------ */

void torc__line_fail(TorcProtocol *protocol, int code)
{
    TorcReason *reason = TorcReason_new(
        TORC_CONNECTION_APPLICATION, code, "%s: cannot cut the input into lines: %s",
        protocol->cls->name, code == -TORC_ECLASS ? "the delimiter is empty" : torc_strerror(code));

    TorcTransport_failConnection(protocol->transport, reason);
    TorcReason_unref(reason);
}

void torc__line_tooLong(TorcProtocol *protocol, TorcLineState *state)
{
    const char *name = protocol->cls->name;

    TORC__LOG(TorcTransport_getReactor(protocol->transport), TORC_LOG_INFO, "line.too-long",
              TORC_LOG_BYTES("class", name, strlen(name)),
              TORC_LOG_NUMBER("maxLength", torc__line_rules(protocol->cls, state).max_length));
    TorcTransport_loseConnection(protocol->transport);
}

/* One call of a slot. Positive: there may be more; 0: nothing is complete; or a negative code. */
static int deliver_one(TorcProtocol *protocol, TorcLineState *state, const TorcLineKind *kind,
                       const TorcLineRules *rules, char *scratch)
{
    bool raw = state->flags & TORC__LINE_RAW;
    const char *data = NULL;
    size_t length = 0;

    int r = raw ? torc__lineBuffer_takeAll(state->buffer, &data, &length)
                : torc__lineBuffer_next(state->buffer, rules, scratch, &data, &length);
    if (r > 0)
        kind->tell(protocol, raw ? TORC__LINE_RAW_DATA : r, data, length);
    torc__lineBuffer_release(state->buffer);
    return r;
}

static int deliver_all(TorcProtocol *protocol, TorcLineState *state, const TorcLineKind *kind)
{
    TorcLineRules rules = torc__line_rules(protocol->cls, state);
    char scratch[TORC__LINE_SCRATCH];
    int r = rules.delimiter_length > 0 ? 1 : -TORC_ECLASS;

    rules.resume = kind->resume;
    while (r > 0) {
        if ((state->flags & TORC__LINE_PAUSED) || TorcTransport_disconnecting(protocol->transport))
            return 0;
        r = deliver_one(protocol, state, kind, &rules, scratch);
    }
    return r;
}

/* What is left is kept, unless nothing more will be delivered. */
static int end_delivery(TorcProtocol *protocol, TorcLineState *state, int r)
{
    TorcLineBuffer *buffer = state->buffer;

    state->flags &= ~(uint32_t)(TORC__LINE_BUSY | TORC__LINE_SKIPPING);
    if (buffer->skipping)
        state->flags |= TORC__LINE_SKIPPING;
    if (r < 0 || TorcTransport_disconnecting(protocol->transport))
        torc__lineBuffer_forget(buffer);
    int closed = torc__lineBuffer_close(buffer, &state->buffer);
    if (r == 0)
        r = closed;
    if (r < 0)
        torc__line_fail(protocol, r);
    return r;
}

int torc__line_deliver(TorcProtocol *protocol, TorcLineState *state, const TorcLineKind *kind,
                       const void *chunk, size_t length)
{
    TorcLineBuffer buffer;

    torc__lineBuffer_open(&buffer, state->buffer, chunk, length);
    buffer.skipping = state->flags & TORC__LINE_SKIPPING;
    /* Until end_delivery. */
    // cppcheck-suppress autoVariables
    state->buffer = &buffer;
    state->flags |= TORC__LINE_BUSY;
    return end_delivery(protocol, state, deliver_all(protocol, state, kind));
}

/* A slot feeds its own receiver: the bytes come next. */
static void feed(TorcProtocol *protocol, TorcLineBuffer *buffer, const void *data, size_t length)
{
    int r = torc__lineBuffer_add(buffer, data, length);
    if (r < 0)
        torc__line_fail(protocol, r);
}

void torc__line_received(TorcProtocol *protocol, TorcLineState *state, const TorcLineKind *kind,
                         const void *data, size_t length)
{
    if (state->flags & TORC__LINE_BUSY)
        feed(protocol, state->buffer, data, length);
    else
        (void)torc__line_deliver(protocol, state, kind, data, length); /* a failure ended it all */
}

/* ---- writing ------------------------------------------------------------------------------- */

int torc__line_send(TorcProtocol *protocol, TorcLineState *state, const void *line, size_t length)
{
    if (!line && length > 0)
        return -EINVAL;
    if (!protocol->transport)
        return -EPIPE;
    TorcLineRules rules = torc__line_rules(protocol->cls, state);
    TorcBytes pieces[] = {{line, length}, {rules.delimiter, rules.delimiter_length}};
    return TorcTransport_writeSequence(protocol->transport, pieces, 2);
}
