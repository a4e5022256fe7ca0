/* Why a connection, an attempt to connect, a look-up or another operation ended.
 *
 * A reason is immutable and counted; it belongs to the reactor thread. The common ones are static,
 * so a reason is there even when memory is not. A callback's reason is valid during the call: take
 * a reference to keep it. */
#ifndef TORC_REACTOR_REASON_H
#define TORC_REACTOR_REASON_H

#include "api.h"

TORC_BEGIN_DECLS

typedef struct TorcReason TorcReason;

typedef enum TorcReasonKind {
    TORC_CONNECTION_DONE = 1,  /* closed in order by either side */
    TORC_CONNECTION_LOST,      /* broken: reset, timed out, unreachable; the code says which */
    TORC_CONNECTION_ABORTED,   /* by abortConnection */
    TORC_CONNECTION_REFUSED,   /* nobody listens there (ECONNREFUSED) */
    TORC_CONNECTION_TIMED_OUT, /* an attempt took longer than its timeout, or a peer took nothing
                                   for the close timeout */
    TORC_CONNECTION_FAILED, /* an attempt failed otherwise: unreachable, bindAddress in use, … */
    TORC_CONNECTION_CANCELLED,          /* by stopConnecting or disconnect */
    TORC_CONNECTION_DNS_LOOKUP,         /* the host name could not be resolved */
    TORC_CONNECTION_NO_PROTOCOL,        /* buildProtocol refused or failed */
    TORC_CONNECTION_OVERFLOW,           /* more output waited than the buffer limit allows */
    TORC_CONNECTION_SHUTDOWN,           /* the reactor stopped, or the port was drained */
    TORC_CONNECTION_TLS,                /* handshake, certificate or record error */
    TORC_CONNECTION_APPLICATION,        /* the application's own, given to failConnection */
    TORC_CONNECTION_DESCRIPTOR_OVERRUN, /* sendFileDescriptor without a byte to go with it */
    /* Of deferreds whose operation is no connection. */
    TORC_OPERATION_CANCELLED, /* called off */
    TORC_OPERATION_TIMED_OUT, /* took longer than TorcDeferred_addTimeout gave it */
    TORC_OPERATION_FAILED     /* otherwise; the code says how */
} TorcReasonKind;

/* A new reason with one reference, owned by the caller. `code` is 0, -errno or one of -TORC_E…;
 * `format` makes the text, one line a person can act on (NULL: the kind's own text followed by the
 * code's). Falls back to a static reason of the kind when out of memory, which has no code unless a
 * function promises one; NULL never. */
TORC_API TorcReason *TorcReason_new(TorcReasonKind kind, int code, const char *format, ...)
    TORC_PRINTF(3, 4);

/* The static reason of a kind; needs no unref (unref is harmless). */
TORC_API TorcReason *TorcReason_static(TorcReasonKind kind);

/* ref returns its argument; unref takes NULL and returns NULL. */
TORC_API TorcReason *TorcReason_ref(const TorcReason *reason);
TORC_API TorcReason *TorcReason_unref(TorcReason *reason);

/* ---- what it says: for NULL as the static reason of TORC_CONNECTION_LOST ------------------- */

TORC_API TorcReasonKind TorcReason_kind(const TorcReason *reason);

/* 0, or the negative code behind the reason (-ECONNRESET, -TORC_ELOOKUP, …). */
TORC_API int TorcReason_code(const TorcReason *reason);

/* One line of text without a final full stop, valid as long as the reason. Bytes that came from a
 * peer are escaped in it. */
TORC_API const char *TorcReason_text(const TorcReason *reason);

/* "DONE", "LOST", …, "OPERATION_FAILED" for logs; static. */
TORC_API const char *TorcReason_kindName(TorcReasonKind kind);

TORC_END_DECLS

#endif
