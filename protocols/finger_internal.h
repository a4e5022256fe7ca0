/* What the parts of finger share. Not installed. */
#ifndef TORC_PROTOCOLS_FINGER_INTERNAL_H
#define TORC_PROTOCOLS_FINGER_INTERNAL_H

#include <stdarg.h>

#include "../reactor/memory_internal.h"
#include "../transports/transport.h"
#include "finger.h"
#include "finger_client.h"

/* RFC 1288 §2.3 and §3.2.1. */
#define TORC__FINGER_NO_FORWARDING "Finger forwarding service denied"

/* ---- finger_text.c: texts ------------------------------------------------------------------ */

/* The length of the well-formed UTF-8 character that data begins with (RFC 3629), and its code
 * point; 0 when it begins with none. */
size_t torc__utf8_decode(const void *data, size_t length, uint32_t *ret_point);

/* A text that grows. {0} is empty. After an allocation has failed it stays as it is, and `failed`
 * tells; so a text is composed without a check after each piece. Any thread. */
typedef struct TorcFingerText {
    char *data; /* NUL-terminated once something was added */
    size_t length;
    size_t capacity;
    bool failed;
} TorcFingerText;

void torc__fingerText_done(TorcFingerText *text);
void torc__fingerText_add(TorcFingerText *text, const void *data, size_t length);
void torc__fingerText_printf(TorcFingerText *text, const char *format, ...) TORC_PRINTF(2, 3);
void torc__fingerText_vprintf(TorcFingerText *text, const char *format, va_list arguments)
    TORC_PRINTF(2, 0);

/* ---- finger_person.c: what is told of somebody ---------------------------------------------- */

/* All may be NULL but login. */
typedef struct TorcFingerPerson {
    const char *login;
    const char *name;
    TorcBytes details; /* whole lines */
    TorcBytes project;
    TorcBytes plan;
} TorcFingerPerson;

/* Writes a person in full: login, name, details, project, plan. */
void torc__fingerPerson_write(TorcFingerText *text, const TorcFingerPerson *person);

/* True when the full name holds `wanted` as whole words, in any (ASCII) case. */
bool torc__finger_nameMatches(const char *name, const char *wanted);

/* Of an ambiguous name so many are told, and that there are more. */
enum { TORC__FINGER_MATCHES = 32 };
void torc__finger_writeMore(TorcFingerText *text);

/* Nobody is known at all, or nobody of that name. */
void torc__finger_writeNobody(TorcFingerText *text);
void torc__finger_writeUnknown(TorcFingerText *text, const char *user);

/* ---- finger_answer.c ------------------------------------------------------------------------ */

/* An answer to the client at the other end of the connection, with one reference. `flags` as of
 * torc_finger_filter, with TORC_FINGER_CRLF. NULL when out of memory. */
TorcFingerAnswer *torc__fingerAnswer_new(TorcTransport *transport, size_t limit, unsigned flags);

/* Completes the answer with the text, which is emptied: written and finished, or failed when the
 * text is not whole. Result as TorcFingerAnswer_finish. */
int torc__fingerAnswer_complete(TorcFingerAnswer *answer, TorcFingerText *text);

/* ---- finger_client.c ------------------------------------------------------------------------ */

/* Checks options and fills in defaults: 0 or -EINVAL. */
int torc__fingerClientOptions_read(const TorcFingerClientOptions *given,
                                   TorcFingerClientOptions *ret_options);

#endif
