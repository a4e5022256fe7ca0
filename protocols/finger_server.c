/* The finger server: one query, one answer, the end (RFC 1288).
 *
 * Reactor's thread. The factory holds the directory and the policy; the protocol's whole state is
 * what it inherits, its time-out, and whether it was asked. Invariant: a connection is answered
 * once: from the first query, over-long line, time-out or early end on `asked` is set, and nothing
 * else that arrives has an effect. While an answer is awaited nothing is read, so that memory stays
 * bounded; the answer (finger_answer.c) closes the connection. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "finger_internal.h"
#include "line_only_receiver.h"

enum { DEFAULT_QUERY_SECONDS = 30, DEFAULT_ANSWER_LIMIT = 1 << 20 };

/* TorcFingerFactory.flags, beside those of the filter. */
enum { REFUSE_LIST = 1 << 8, EXACT_NAMES = 1 << 9, ALLOW_FORWARDING = 1 << 10 };

typedef struct Server {
    TorcLineOnlyReceiver base;
    TorcDelayedCall timeout;
    bool asked;
} Server;

static TorcFingerFactory *factory_of(const Server *self)
{
    return (TorcFingerFactory *)self->base.base.factory;
}

/* ---- answering ------------------------------------------------------------------------------- */

static TorcFingerAnswer *answer_new(Server *self)
{
    TorcTransport *transport = self->base.base.transport;
    const TorcFingerFactory *factory = factory_of(self);
    unsigned flags = TORC_FINGER_CRLF | (factory->flags & TORC_FINGER_UTF8);

    TorcFingerAnswer *answer = torc__fingerAnswer_new(transport, factory->answer_limit, flags);
    if (!answer) {
        TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, -ENOMEM, NULL);
        TorcTransport_failConnection(transport, reason);
        TorcReason_unref(reason);
    }
    return answer;
}

static void log_query(const Server *self, const char *line, size_t length)
{
    TorcTransport *transport = self->base.base.transport;
    TorcAddress peer;
    char text[TORC_ADDRESS_TEXT_SIZE];

    length -= length > 0 && line[length - 1] == '\r';
    TorcTransport_getPeer(transport, &peer);
    TorcAddress_format(&peer, text, sizeof(text));
    TORC__LOG(TorcTransport_getReactor(transport), TORC_LOG_INFO, "finger.query",
              TORC_LOG_BYTES("peer", text, strlen(text)), TORC_LOG_BYTES("query", line, length));
}

/* What is answered without the directory; NULL: it has to be asked. */
static const char *refusal(const TorcFingerFactory *factory, const TorcFingerQuery *query)
{
    if (query->hosts[0] != '\0')
        return factory->flags & ALLOW_FORWARDING ? NULL : TORC__FINGER_NO_FORWARDING;
    if (query->user[0] == '\0' && factory->flags & REFUSE_LIST)
        return "Finger online user list denied"; /* RFC 1288 §2.5.1 */
    return NULL;
}

static const char *complaint(int code)
{
    if (code == -EMSGSIZE)
        return "Query too long: at most 512 bytes are read";
    return code == -EILSEQ ? "Bad query: it holds bytes that are not text"
                           : "Bad query: expected [/W] [user], and a carriage return and line feed";
}

static void look_up(Server *self, const TorcFingerQuery *query, TorcFingerAnswer *answer)
{
    TorcFingerDirectory *directory = factory_of(self)->directory;
    TorcTransport *transport = self->base.base.transport;

    int r = directory->cls->lookup(directory, query, answer);
    /* The client gets its apology when the answer's last reference goes. -EPIPE comes from an
     * answer whose client is gone: nobody's failure. */
    if (r < 0 && r != -EPIPE)
        TORC__LOG(TorcTransport_getReactor(transport), TORC_LOG_WARNING, "finger.lookup-failed",
                  TORC_LOG_NUMBER("code", r));
}

static void answer_query(Server *self, const char *line, size_t length, TorcFingerAnswer *answer)
{
    const TorcFingerFactory *factory = factory_of(self);
    TorcFingerQuery query;

    int r = torc_finger_parseQuery(line, length, &query);
    const char *refused = r < 0 ? complaint(r) : refusal(factory, &query);
    if (refused) {
        (void)TorcFingerAnswer_fail(answer, refused);
        return;
    }
    query.exact = factory->flags & EXACT_NAMES;
    look_up(self, &query, answer);
}

/* From here on nothing that arrives counts. False: it did not count before either. */
static bool begin_answer(Server *self)
{
    if (self->asked)
        return false;
    self->asked = true;
    (void)TorcDelayedCall_cancel(self->timeout); /* there may be none */
    return true;
}

static void refuse(Server *self, const char *line)
{
    TorcFingerAnswer *answer = begin_answer(self) ? answer_new(self) : NULL;
    if (answer)
        (void)TorcFingerAnswer_fail(answer, line);
    TorcFingerAnswer_unref(answer);
}

/* ---- the protocol ---------------------------------------------------------------------------- */

static void server_timedOut(void *arg)
{
    Server *self = arg;
    self->asked = true;
    TorcTransport_loseConnection(self->base.base.transport);
}

static void server_connectionMade(TorcProtocol *base)
{
    Server *self = (Server *)base;
    TorcReactor *reactor = TorcTransport_getReactor(base->transport);
    double seconds = factory_of(self)->query_timeout;

    if (seconds < 0)
        return;
    int r = TorcReactor_callLaterWith(
        reactor, seconds, TORC_CALL(server_timedOut, self, .protocol = base), &self->timeout);
    if (r < 0)
        server_timedOut(self); /* no connection without its time-out */
}

static void server_lineReceived(TorcLineOnlyReceiver *base, const char *line, size_t length)
{
    Server *self = (Server *)base;
    TorcTransport *transport = base->base.transport;

    if (!begin_answer(self))
        return;
    log_query(self, line, length);
    TorcFingerAnswer *answer = answer_new(self);
    if (!answer)
        return;
    answer_query(self, line, length, answer);
    TorcFingerAnswer_unref(answer);
    if (!TorcTransport_disconnecting(transport))
        TorcTransport_pauseProducing(transport);
}

static void server_lineLengthExceeded(TorcLineOnlyReceiver *base, const void *data, size_t length)
{
    (void)data;
    (void)length;
    refuse((Server *)base, complaint(-EMSGSIZE));
}

/* The client will say no more, but it listens: a query that is there is answered, maybe later. */
static void server_readConnectionLost(TorcProtocol *base)
{
    refuse((Server *)base, complaint(-EBADMSG));
}

/* One byte more than a query may have, for its CR: the parser counts without it. */
static const TorcLineOnlyReceiverClass server_class = {
    TORC_LINE_ONLY_RECEIVER_CLASS("finger", Server),
    .protocol.connectionMade = server_connectionMade,
    .protocol.readConnectionLost = server_readConnectionLost,
    .delimiter = "\n",
    .maxLength = TORC_FINGER_QUERY_MAX + 1,
    .lineReceived = server_lineReceived,
    .lineLengthExceeded = server_lineLengthExceeded,
};

/* ---- the factory ----------------------------------------------------------------------------- */

static void factory_destroy(TorcFactory *self)
{
    TorcFingerDirectory_unref(((TorcFingerFactory *)self)->directory);
}

static_assert(sizeof(void *) != 8 || sizeof(TorcFingerFactory) == sizeof(TorcFactory) + 64,
              "part of the ABI");

static const TorcFactoryClass factory_class = {
    TORC_FACTORY_CLASS("finger", TorcFingerFactory),
    .protocol = &server_class.protocol,
    .destroy = factory_destroy,
};

void TorcFingerOptions_init(TorcFingerOptions *options)
{
    if (options)
        *options = (TorcFingerOptions){.size = sizeof(TorcFingerOptions)};
}

static int read_options(const TorcFingerOptions *given, TorcFingerOptions *ret_options)
{
    TorcFingerOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.queryTimeout));
    if (options.queryTimeout == 0)
        options.queryTimeout = DEFAULT_QUERY_SECONDS;
    if (options.answerLimit == 0)
        options.answerLimit = DEFAULT_ANSWER_LIMIT;
    *ret_options = options;
    return 0;
}

static void factory_init(TorcFingerFactory *factory, const TorcFingerOptions *options)
{
    factory->query_timeout = options->queryTimeout;
    factory->answer_limit = options->answerLimit;
    factory->flags =
        (options->refuseList ? REFUSE_LIST : 0) | (options->exactNames ? EXACT_NAMES : 0) |
        (options->allowForwarding ? ALLOW_FORWARDING : 0) | (options->utf8 ? TORC_FINGER_UTF8 : 0);
}

TorcFingerFactory *TorcFingerFactory_new(const TorcFingerOptions *options)
{
    TorcFingerOptions read;
    int r = read_options(options, &read);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    TorcFingerFactory *factory = (TorcFingerFactory *)TorcFactory_new(&factory_class);
    if (!factory)
        return NULL;
    factory_init(factory, &read);
    factory->directory = read.directory ? TorcFingerDirectory_ref(read.directory)
                                        : TorcFingerDirectory_new(&torc_finger_directory_class);
    if (!factory->directory) {
        TorcFactory_unref(&factory->base);
        errno = ENOMEM;
        return NULL;
    }
    return factory;
}
