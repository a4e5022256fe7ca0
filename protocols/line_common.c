/* What LineReceiver and LineOnlyReceiver have in common: their settings, which lie in the same
 * place of both class tables, the end of a delivery, and writing a line. Stateless; runs on the
 * reactor's thread. */
#include "line_common_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "../reactor/errors.h"
#include "../transports/transport.h"
#include "class_internal.h"
#include "line_only_receiver.h"
#include "line_receiver.h"

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
TorcLineRules torc__line_rules(const TorcProtocolClass *cls)
{
    LineSettings named = settings_of(torc__class_definer(cls, SETTINGS_OFFSET));

    return (TorcLineRules){
        .delimiter = named.delimiter,
        .delimiter_length =
            named.delimiter_length ? named.delimiter_length : strlen(named.delimiter),
        .max_length = settings_of(cls).max_length,
    };
}

int torc__line_checkRules(const TorcLineRules *rules)
{
    return rules->delimiter_length > 0 ? 0 : -TORC_ECLASS;
}

void torc__line_fail(TorcProtocol *protocol, int code)
{
    TorcReason *reason = TorcReason_new(
        TORC_CONNECTION_APPLICATION, code, "%s: cannot cut the input into lines: %s",
        protocol->cls->name, code == -TORC_ECLASS ? "the delimiter is empty" : torc_strerror(code));

    TorcTransport_failConnection(protocol->transport, reason);
    TorcReason_unref(reason);
}

void torc__line_feed(TorcProtocol *protocol, TorcLineBuffer *buffer, const void *data,
                     size_t length)
{
    int r = torc__lineBuffer_add(buffer, data, length);
    if (r < 0)
        torc__line_fail(protocol, r);
}

int torc__line_close(TorcProtocol *protocol, TorcLineBuffer *buffer, int r,
                     TorcLineBuffer **ret_kept)
{
    if (r < 0 || TorcTransport_disconnecting(protocol->transport))
        torc__lineBuffer_forget(buffer);
    int closed = torc__lineBuffer_close(buffer, ret_kept);
    if (r == 0)
        r = closed;
    if (r < 0)
        torc__line_fail(protocol, r);
    return r;
}

int torc__line_send(TorcProtocol *protocol, const void *line, size_t length)
{
    if (!protocol || (!line && length > 0))
        return -EINVAL;
    if (!protocol->transport)
        return -EPIPE;
    TorcLineRules rules = torc__line_rules(protocol->cls);
    TorcBytes pieces[] = {{line, length}, {rules.delimiter, rules.delimiter_length}};
    return TorcTransport_writeSequence(protocol->transport, pieces, 2);
}
