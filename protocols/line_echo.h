/* Line echo: sends back every line when it is complete. What `torc serve line` serves.
 *
 * A line ends with LF, which is sent back with it; a CR before it counts as part of the line, so
 * that clients which end lines with LF and with CRLF both get back what they sent, byte for byte.
 * Lines may be TORC_LINE_MAX_LENGTH bytes long; a longer one closes the connection, and a last one
 * without LF is not sent back.
 *
 * Clients that write long before they read, and those that half-close, are served as by echo. */
#ifndef TORC_PROTOCOLS_LINE_ECHO_H
#define TORC_PROTOCOLS_LINE_ECHO_H

#include "line_receiver.h"

TORC_BEGIN_DECLS

TORC_API extern const TorcLineReceiverClass torc_line_echo_class;

TORC_END_DECLS

#endif
