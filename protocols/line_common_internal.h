/* What LineReceiver and LineOnlyReceiver have in common besides the cutter. Not installed. */
#ifndef TORC_PROTOCOLS_LINE_COMMON_INTERNAL_H
#define TORC_PROTOCOLS_LINE_COMMON_INTERNAL_H

#include "line_buffer_internal.h"
#include "protocol.h"

/* What the resolved class of a line receiver of either kind says about its lines; `resume` is
 * false. */
TorcLineRules torc__line_rules(const TorcProtocolClass *cls);

/* 0, or -TORC_ECLASS for a class whose delimiter is empty. */
int torc__line_checkRules(const TorcLineRules *rules);

/* A slot feeds its own receiver while a delivery from `buffer` is under way: the bytes come next. */
void torc__line_feed(TorcProtocol *protocol, TorcLineBuffer *buffer, const void *data,
                     size_t length);

/* Ends a delivery that ended with `r`, 0 or a negative code: what is left goes to *ret_kept, unless
 * nothing more will be delivered. Returns r or what keeping it failed with; the connection is then
 * ended. */
int torc__line_close(TorcProtocol *protocol, TorcLineBuffer *buffer, int r,
                     TorcLineBuffer **ret_kept);

/* Ends the connection because its input cannot be kept; code: -ENOMEM, -TORC_ECLASS. */
void torc__line_fail(TorcProtocol *protocol, int code);

/* Writes a line and the delimiter. As TorcTransport_write; -EPIPE without a transport. */
int torc__line_send(TorcProtocol *protocol, const void *line, size_t length);

#endif
