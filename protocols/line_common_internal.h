/* What LineReceiver and LineOnlyReceiver have in common besides the cutter: their settings, the
 * loop that delivers, the ends of it, and writing a line. Not installed. */
#ifndef TORC_PROTOCOLS_LINE_COMMON_INTERNAL_H
#define TORC_PROTOCOLS_LINE_COMMON_INTERNAL_H

#include "line_buffer_internal.h"
#include "line_receiver.h"

/* Of TorcLineState; the other bits are the receiver's. */
enum {
    TORC__LINE_BUSY = 1 << 0,     /* a delivery is on the stack */
    TORC__LINE_SKIPPING = 1 << 1, /* in the rest of a line that was too long */
    TORC__LINE_PAUSED = 1 << 2,   /* nothing is delivered */
    TORC__LINE_RAW = 1 << 3,      /* no lines are cut */
    TORC__LINE_OWN = 1 << 4       /* the first of the receiver's own */
};

/* A receiver of either kind. */
typedef struct TorcLineKind {
    bool resume; /* see TorcLineRules */
    /* Calls the slot for what was cut: one of the cutter's events; in raw mode another. */
    void (*tell)(TorcProtocol *protocol, int event, const char *data, size_t length);
} TorcLineKind;

enum { TORC__LINE_RAW_DATA = TORC__LINE_TOO_LONG + 1 };

/* What the resolved class of a line receiver of either kind says about its lines; `resume` is
 * false. The state, {0} at first, remembers what had to be looked up, for this class only. */
TorcLineRules torc__line_rules(const TorcProtocolClass *cls, TorcLineState *state);

/* dataReceived. */
void torc__line_received(TorcProtocol *protocol, TorcLineState *state, const TorcLineKind *kind,
                         const void *data, size_t length);

/* Delivers what is kept and then the chunk, until that is all or somebody asked to stop, and keeps
 * the rest. Not while BUSY. 0, or a negative code: the connection is then ended. */
int torc__line_deliver(TorcProtocol *protocol, TorcLineState *state, const TorcLineKind *kind,
                       const void *chunk, size_t length);

/* Ends the connection because its input cannot be kept; code: -ENOMEM, -TORC_ECLASS. */
void torc__line_fail(TorcProtocol *protocol, int code);

/* lineLengthExceeded, as the roots have it: says so in the log and closes the connection. */
void torc__line_tooLong(TorcProtocol *protocol, TorcLineState *state);

/* Writes a line and the delimiter. As TorcTransport_write; -EPIPE without a transport. */
int torc__line_send(TorcProtocol *protocol, TorcLineState *state, const void *line, size_t length);

#endif
