/* Echo: sends back every byte as it arrives. (RFC 862.)
 *
 * A client that writes long before it reads is slowed down, not cut off: while more than the high
 * mark of output waits, nothing is read. A client that half-closes gets its whole echo before the
 * connection ends. */
#ifndef TORC_PROTOCOLS_ECHO_H
#define TORC_PROTOCOLS_ECHO_H

#include "protocol.h"

TORC_BEGIN_DECLS

TORC_API extern const TorcProtocolClass torc_echo_class;

TORC_END_DECLS

#endif
