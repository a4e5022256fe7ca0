/* Reasons: why a connection or an attempt ended.
 *
 * Thread: a counted reason belongs to one reactor's thread; the static ones are constant and shared
 * by all. Owner: whoever holds a reference. Invariant: `references` is 0 for static reasons and
 * only for them; ref and unref leave those alone, so there is always a reason to give, also when
 * there is no memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "memory_internal.h"
#include "reason.h"
#include "reason_internal.h"

struct TorcReason {
    unsigned references; /* 0: static */
    TorcReasonKind kind;
    int code;
    const char *text; /* of a counted reason: right behind it */
};

/* X(kind, name, text). The text stands alone, or before ": " and the text of a code. */
#define KIND_MAP(X)                                                                                \
    X(TORC_CONNECTION_DONE, "DONE", "the connection was closed in order")                          \
    X(TORC_CONNECTION_LOST, "LOST", "the connection to the other side was lost")                   \
    X(TORC_CONNECTION_ABORTED, "ABORTED", "the connection was aborted from this side")             \
    X(TORC_CONNECTION_REFUSED, "REFUSED",                                                          \
      "the connection was refused (is the server running, and the port right?)")                   \
    X(TORC_CONNECTION_TIMED_OUT, "TIMED_OUT",                                                      \
      "the connection timed out (the other side did not answer, or took no data)")                 \
    X(TORC_CONNECTION_FAILED, "FAILED", "the connection could not be made")                        \
    X(TORC_CONNECTION_CANCELLED, "CANCELLED", "the attempt to connect was cancelled")              \
    X(TORC_CONNECTION_DNS_LOOKUP, "DNS_LOOKUP",                                                    \
      "looking up the host name failed (is it spelled correctly?)")                                \
    X(TORC_CONNECTION_NO_PROTOCOL, "NO_PROTOCOL",                                                  \
      "the factory gave no protocol for the connection")                                           \
    X(TORC_CONNECTION_OVERFLOW, "OVERFLOW",                                                        \
      "more output waited to be sent than the buffer limit allows")                                \
    X(TORC_CONNECTION_SHUTDOWN, "SHUTDOWN",                                                        \
      "the reactor was stopped while the connection was open")                                     \
    X(TORC_CONNECTION_TLS, "TLS", "TLS failed on the connection")                                  \
    X(TORC_CONNECTION_APPLICATION, "APPLICATION", "the application ended the connection")          \
    X(TORC_CONNECTION_DESCRIPTOR_OVERRUN, "DESCRIPTOR_OVERRUN",                                    \
      "file descriptors were to be sent, but not a byte for each to go with")                      \
    X(TORC_OPERATION_CANCELLED, "OPERATION_CANCELLED", "the operation was cancelled")              \
    X(TORC_OPERATION_TIMED_OUT, "OPERATION_TIMED_OUT",                                             \
      "the operation took longer than it was given")                                               \
    X(TORC_OPERATION_FAILED, "OPERATION_FAILED", "the operation failed")

static const char *const kind_names[] = {
#define KIND_NAME(kind, name, text) [kind] = (name),
    KIND_MAP(KIND_NAME)
#undef KIND_NAME
};

static const TorcReason static_reasons[] = {
#define KIND_REASON(kind, name, text) [kind] = {0, kind, 0, text},
    KIND_MAP(KIND_REASON)
#undef KIND_REASON
};

/* Without memory the code is lost, but for those that a function promises to tell. */
static const TorcReason coded_reasons[] = {
    {0, TORC_CONNECTION_FAILED, -EINVAL, "a connection cannot be made with these arguments"},
    {0, TORC_CONNECTION_FAILED, -ENOMEM, "there is no memory to make the connection"},
    {0, TORC_CONNECTION_FAILED, -TORC_EENDPOINT,
     "the endpoint description is not valid (there is no memory to say why)"},
};

enum { CODED_REASONS = sizeof(coded_reasons) / sizeof(coded_reasons[0]) };
enum { KINDS = sizeof(static_reasons) / sizeof(static_reasons[0]) };

static bool is_kind(TorcReasonKind kind)
{
    return (int)kind > 0 && (int)kind < KINDS;
}

/* Room for a text of `length` bytes and its end. */
static TorcReason *new_reason(TorcReasonKind kind, int code, size_t length, char **ret_text)
{
    TorcReason *reason = torc__malloc(sizeof(*reason) + length + 1);
    if (!reason)
        return NULL;
    char *text = (char *)(reason + 1);
    *reason = (TorcReason){1, kind, code, text};
    *ret_text = text;
    return reason;
}

/* One line is promised. Bytes of peers were escaped by those who know which they are. */
static void flatten(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
    }
}

/* "kind's text: code's text". NULL when out of memory. */
static TorcReason *explained(TorcReasonKind kind, int code)
{
    const char *what = static_reasons[kind].text;
    const char *why = torc_strerror(code);
    size_t size = strlen(what) + strlen(": ") + strlen(why) + 1;
    char *text;
    TorcReason *reason = new_reason(kind, code, size - 1, &text);
    if (reason)
        (void)snprintf(text, size, "%s: %s", what, why);
    return reason;
}

static TorcReason *without_memory(TorcReasonKind kind, int code)
{
    for (int i = 0; i < CODED_REASONS; i++)
        if (coded_reasons[i].kind == kind && coded_reasons[i].code == code)
            return TorcReason_ref(&coded_reasons[i]);
    return TorcReason_static(kind);
}

static TorcReason *formatted(TorcReasonKind kind, int code, const char *format, va_list arguments)
    TORC_PRINTF(3, 0);

/* NULL when out of memory. */
static TorcReason *formatted(TorcReasonKind kind, int code, const char *format, va_list arguments)
{
    va_list counted;
    va_copy(counted, arguments);
    int length = vsnprintf(NULL, 0, format, counted);
    va_end(counted);
    char *text = NULL;
    TorcReason *reason = length >= 0 ? new_reason(kind, code, (size_t)length, &text) : NULL;
    if (!reason)
        return NULL;
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    flatten(text);
    return reason;
}

TorcReason *torc__reason_newv(TorcReasonKind kind, int code, const char *format, va_list arguments)
{
    if (!is_kind(kind))
        kind = TORC_CONNECTION_LOST;
    if (code > 0)
        code = -code;
    if (!format && code == 0)
        return TorcReason_static(kind);
    TorcReason *reason = format ? formatted(kind, code, format, arguments) : explained(kind, code);
    return reason ? reason : without_memory(kind, code);
}

TorcReason *TorcReason_new(TorcReasonKind kind, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    TorcReason *reason = torc__reason_newv(kind, code, format, arguments);
    va_end(arguments);
    return reason;
}

TorcReason *TorcReason_static(TorcReasonKind kind)
{
    return TorcReason_ref(&static_reasons[is_kind(kind) ? kind : TORC_CONNECTION_LOST]);
}

/* The count is no part of the reason's value, hence the const in the interface; the statics, which
 * really are constant, are never written to. */
TorcReason *TorcReason_ref(const TorcReason *reason)
{
    TorcReason *counted = (TorcReason *)(uintptr_t)reason;
    if (counted && counted->references > 0)
        counted->references++;
    return counted;
}

TorcReason *TorcReason_unref(TorcReason *reason)
{
    if (reason && reason->references > 0 && --reason->references == 0)
        torc__free(reason);
    return NULL;
}

static const TorcReason *or_lost(const TorcReason *reason)
{
    return reason ? reason : &static_reasons[TORC_CONNECTION_LOST];
}

TorcReasonKind TorcReason_kind(const TorcReason *reason)
{
    return or_lost(reason)->kind;
}

int TorcReason_code(const TorcReason *reason)
{
    return or_lost(reason)->code;
}

const char *TorcReason_text(const TorcReason *reason)
{
    return or_lost(reason)->text;
}

const char *TorcReason_kindName(TorcReasonKind kind)
{
    return is_kind(kind) ? kind_names[kind] : "UNKNOWN";
}
