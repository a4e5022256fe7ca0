/* Reasons made by functions that take a format themselves. */
#ifndef TORC_REACTOR_REASON_INTERNAL_H
#define TORC_REACTOR_REASON_INTERNAL_H

#include <stdarg.h>

#include "reason.h"

/* TorcReason_new with its arguments in a list. */
TorcReason *torc__reason_newv(TorcReasonKind kind, int code, const char *format, va_list arguments)
    TORC_PRINTF(3, 0);

#endif
