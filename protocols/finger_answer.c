/* The answer to one finger query: a counted object between a directory and a connection.
 *
 * Reactor's thread. Whoever answers later holds references; the connection is known by its id only,
 * so an answer may outlive it, and everything then answers -EPIPE. Invariant: an answer is finished
 * once, by the directory or, when its last reference goes, by itself; finishing closes the
 * connection. The text goes straight into the transport's buffer, at most `left` more bytes of
 * it. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "finger_internal.h"

struct TorcFingerAnswer {
    TorcConnectionId connection;
    size_t left;
    unsigned references;
    unsigned flags; /* of the filter */
    bool finished;
    bool line_open; /* the last line has no end yet */
    bool cut;       /* there was more than the limit */
};

static const char cut_line[] = "The answer was longer and is cut off here.\n";

/* ---- life ------------------------------------------------------------------------------------ */

TorcFingerAnswer *torc__fingerAnswer_new(TorcTransport *transport, size_t limit, unsigned flags)
{
    TorcFingerAnswer *answer = torc__zalloc(sizeof(*answer));
    if (!answer)
        return NULL;
    answer->connection = TorcTransport_getConnectionId(transport);
    answer->left = limit;
    answer->references = 1;
    answer->flags = flags;
    return answer;
}

TorcFingerAnswer *TorcFingerAnswer_ref(TorcFingerAnswer *answer)
{
    if (answer)
        answer->references++;
    return answer;
}

TorcFingerAnswer *TorcFingerAnswer_unref(TorcFingerAnswer *answer)
{
    if (!answer || --answer->references > 0)
        return NULL;
    (void)TorcFingerAnswer_fail(answer, NULL); /* -EPIPE when all is well: it was finished */
    torc__free(answer);
    return NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Where to write; NULL when it is finished or nobody is there any more. */
static TorcTransport *transport_of(const TorcFingerAnswer *answer)
{
    if (answer->finished)
        return NULL;
    TorcProtocol *protocol = TorcConnectionId_protocol(answer->connection);
    TorcTransport *transport = protocol ? protocol->transport : NULL;
    return transport && !TorcTransport_disconnecting(transport) ? transport : NULL;
}

/* Part of the answer is lost: better no answer than one that seems whole. */
static int give_up(TorcFingerAnswer *answer, TorcTransport *transport, int code)
{
    answer->finished = true;
    TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, code, NULL);
    TorcTransport_failConnection(transport, reason);
    TorcReason_unref(reason);
    return code;
}

static int send_filtered(TorcFingerAnswer *answer, TorcTransport *transport, const char *text,
                         size_t length)
{
    size_t size = torc_finger_filter(text, length, answer->flags, NULL, 0) + 1;
    char *filtered = torc__malloc(size);
    if (!filtered)
        return give_up(answer, transport, -ENOMEM);
    torc_finger_filter(text, length, answer->flags, filtered, size);
    answer->line_open = text[length - 1] != '\n';
    /* A write that fails has aborted the connection: nothing can follow it. */
    return TorcTransport_writeOwned(transport, filtered, size - 1, torc__free, filtered);
}

/* The text up to the limit, preferably up to the end of a line. */
static size_t fitting(const char *text, size_t limit)
{
    const char *end = limit > 0 ? memrchr(text, '\n', limit) : NULL;
    return end ? (size_t)(end + 1 - text) : limit;
}

int TorcFingerAnswer_write(TorcFingerAnswer *answer, const void *text, size_t length)
{
    TORC__REQUIRE(answer && (text || length == 0));
    TorcTransport *transport = transport_of(answer);
    if (!transport)
        return -EPIPE;
    if (answer->cut)
        return -EFBIG;
    if (length > answer->left) {
        answer->cut = true;
        length = fitting(text, answer->left);
    }
    answer->left -= length;
    int r = length > 0 ? send_filtered(answer, transport, text, length) : 0;
    return r == 0 && answer->cut ? -EFBIG : r;
}

int TorcFingerAnswer_printf(TorcFingerAnswer *answer, const char *format, ...)
{
    TORC__REQUIRE(answer && format);
    TorcTransport *transport = transport_of(answer);
    if (!transport)
        return -EPIPE;

    TorcFingerText text = {0};
    va_list arguments;
    va_start(arguments, format);
    torc__fingerText_vprintf(&text, format, arguments);
    va_end(arguments);
    int r = text.failed ? give_up(answer, transport, -ENOMEM)
                        : TorcFingerAnswer_write(answer, text.data, text.length);
    torc__fingerText_done(&text);
    return r;
}

/* ---- the end --------------------------------------------------------------------------------- */

int TorcFingerAnswer_finish(TorcFingerAnswer *answer)
{
    TORC__REQUIRE(answer);
    TorcTransport *transport = transport_of(answer);
    if (!transport)
        return -EPIPE;

    int r = answer->line_open ? send_filtered(answer, transport, "\n", 1) : 0;
    if (r == 0 && answer->cut)
        r = send_filtered(answer, transport, cut_line, sizeof(cut_line) - 1);
    if (r < 0)
        return r;
    answer->finished = true;
    TorcTransport_loseConnection(transport);
    return 0;
}

int TorcFingerAnswer_fail(TorcFingerAnswer *answer, const char *line)
{
    TORC__REQUIRE(answer);
    if (!line)
        line = "Finger information is not available now, try again later";
    int r = TorcFingerAnswer_write(answer, line, strlen(line));
    return r < 0 && r != -EFBIG ? r : TorcFingerAnswer_finish(answer);
}

int torc__fingerAnswer_complete(TorcFingerAnswer *answer, TorcFingerText *text)
{
    int r = text->failed ? TorcFingerAnswer_fail(answer, NULL)
                         : TorcFingerAnswer_write(answer, text->data, text->length);
    if (!text->failed && (r == 0 || r == -EFBIG))
        r = TorcFingerAnswer_finish(answer);
    torc__fingerText_done(text);
    return r;
}

/* ---- about it -------------------------------------------------------------------------------- */

bool TorcFingerAnswer_active(const TorcFingerAnswer *answer)
{
    return answer && transport_of(answer);
}

TorcReactor *TorcFingerAnswer_getReactor(const TorcFingerAnswer *answer)
{
    return answer ? answer->connection.reactor : NULL;
}
