/* The finger client: one factory, one connection, one answer per request (RFC 1288).
 *
 * Reactor's thread. A request is a client factory that its connector and its time-out hold
 * references to; the protocol keeps nothing but its way to it. Invariant: a request whose
 * connectTCP succeeded ends in exactly one of clientConnectionFailed and clientConnectionLost, and
 * there the user's function is called; the time-out and the limit only bring that end about. */
#include "finger_client.h"

#include <math.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "../transports/tcp.h"
#include "finger_internal.h"

enum { DEFAULT_SECONDS = 30, DEFAULT_LIMIT = 1 << 20 };

typedef struct Request {
    TorcClientFactory base;
    TorcFingerClientFunction *done;
    void *arg;
    double seconds; /* negative: no limit */
    size_t limit;
    TorcDelayedCall timeout;
    TorcConnector *connector; /* until the request has ended */
    TorcTransport *transport; /* while connected */
    TorcReason *failure;      /* ours, which is truer than what the connection will say */
    bool truncated;
    TorcFingerText answer;
    size_t query_length; /* with its CR LF */
    char query[TORC_FINGER_QUERY_MAX + 2];
} Request;

/* ---- the end --------------------------------------------------------------------------------- */

/* For reasons that come without a code. */
static int code_of_kind(TorcReasonKind kind)
{
    switch (kind) {
    case TORC_CONNECTION_DONE: return 0;
    case TORC_CONNECTION_LOST: return -ECONNRESET;
    case TORC_CONNECTION_REFUSED: return -ECONNREFUSED;
    case TORC_CONNECTION_TIMED_OUT: return -ETIMEDOUT;
    case TORC_CONNECTION_DNS_LOOKUP: return -TORC_ELOOKUP;
    case TORC_CONNECTION_CANCELLED: return -ECANCELED;
    case TORC_CONNECTION_SHUTDOWN: return -TORC_ENOTRUNNING;
    default: return -ECONNABORTED;
    }
}

static int code_of(const TorcReason *reason)
{
    TorcReasonKind kind = TorcReason_kind(reason);
    int code = TorcReason_code(reason);
    return code < 0 && kind != TORC_CONNECTION_DONE ? code : code_of_kind(kind);
}

static void finish(Request *request, const TorcReason *reason)
{
    if (request->failure)
        reason = request->failure;
    request->connector = NULL;
    (void)TorcDelayedCall_cancel(request->timeout); /* there may be none, or it was made */
    request->done(
        &(TorcFingerResult){
            .code = code_of(reason),
            .reason = reason,
            .text = request->answer.length > 0 ? request->answer.data : "",
            .length = request->answer.length,
            .truncated = request->truncated,
        },
        request->arg);
}

/* Takes the reference to the reason. */
static void give_up(Request *request, TorcReason *failure)
{
    TorcReason_unref(request->failure);
    request->failure = failure;
    if (request->transport)
        TorcTransport_abortConnection(request->transport);
    else if (request->connector)
        TorcConnector_disconnect(request->connector);
}

static void request_timedOut(void *arg)
{
    Request *request = arg;
    give_up(request, TorcReason_new(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                                    "no complete answer within %g s", request->seconds));
}

static void request_unref(void *arg)
{
    Request *request = arg;
    TorcFactory_unref(&request->base.base);
}

/* ---- the connection -------------------------------------------------------------------------- */

static Request *request_of(const TorcProtocol *protocol)
{
    return (Request *)protocol->factory;
}

static void client_connectionMade(TorcProtocol *self)
{
    Request *request = request_of(self);
    request->transport = self->transport;
    /* A failure ends the connection, and its reason says why. */
    (void)TorcTransport_write(self->transport, request->query, request->query_length);
}

static void client_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Request *request = request_of(self);
    size_t room = request->limit - request->answer.length;

    torc__fingerText_add(&request->answer, data, length < room ? length : room);
    if (request->answer.failed)
        give_up(request, TorcReason_new(TORC_CONNECTION_APPLICATION, -ENOMEM, NULL));
    else if (length > room) {
        request->truncated = true;
        TorcTransport_loseConnection(self->transport);
    }
}

static void client_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)reason; /* the factory is told next */
    request_of(self)->transport = NULL;
}

static const TorcProtocolClass client_class = {
    TORC_PROTOCOL_CLASS("finger-client", TorcProtocol),
    .connectionMade = client_connectionMade,
    .dataReceived = client_dataReceived,
    .connectionLost = client_connectionLost,
};

static void request_ended(TorcClientFactory *self, TorcConnector *connector,
                          const TorcReason *reason)
{
    (void)connector;
    finish((Request *)self, reason);
}

static void request_destroy(TorcFactory *self)
{
    Request *request = (Request *)self;
    TorcReason_unref(request->failure);
    torc__fingerText_done(&request->answer);
}

static const TorcClientFactoryClass request_class = {
    TORC_CLIENT_FACTORY_CLASS("finger-client", Request),
    .factory.protocol = &client_class,
    .factory.destroy = request_destroy,
    .clientConnectionFailed = request_ended,
    .clientConnectionLost = request_ended,
};

/* ---- the request ----------------------------------------------------------------------------- */

void TorcFingerClientOptions_init(TorcFingerClientOptions *options)
{
    if (options)
        *options = (TorcFingerClientOptions){.size = sizeof(TorcFingerClientOptions)};
}

static int read_options(const TorcFingerClientOptions *given, TorcFingerClientOptions *ret_options)
{
    TorcFingerClientOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.timeout));
    if (options.timeout == 0)
        options.timeout = DEFAULT_SECONDS;
    if (options.limit == 0)
        options.limit = DEFAULT_LIMIT;
    *ret_options = options;
    return 0;
}

/* "[/W ]query" CR LF; checked as a server would, so that no second line is smuggled in. */
static int set_query(Request *request, const char *query, size_t length, bool verbose)
{
    const char *prefix = !verbose ? "" : length > 0 ? "/W " : "/W";
    size_t prefix_length = strlen(prefix);
    TorcFingerQuery parsed;

    TORC__REQUIRE(prefix_length + length <= TORC_FINGER_QUERY_MAX);
    memcpy(request->query, prefix, prefix_length);
    memcpy(request->query + prefix_length, query, length);
    memcpy(request->query + prefix_length + length, "\r\n", 2);
    request->query_length = prefix_length + length + 2;
    TORC__REQUIRE(torc_finger_parseQuery(request->query, request->query_length, &parsed) == 0);
    return 0;
}

/* The time-out covers connecting too, so that connectTCP needs none of its own. */
static int start(Request *request, TorcReactor *reactor, const TorcFingerTarget *target)
{
    int r = 0;
    if (request->seconds >= 0) {
        TorcFactory_ref(&request->base.base);
        r = TorcReactor_callLaterWith(
            reactor, request->seconds,
            TORC_CALL(request_timedOut, request, .destroy = request_unref), &request->timeout);
    }
    if (r == 0)
        r = TorcReactor_connectTCP(reactor, target->host, target->port, &request->base,
                                   TORC_CONNECT_OPTIONS(.timeout = -1.0), &request->connector);
    if (r < 0)
        (void)TorcDelayedCall_cancel(request->timeout); /* there may be none */
    return r;
}

int TorcReactor_finger(TorcReactor *reactor, const char *target,
                       const TorcFingerClientOptions *options, TorcFingerClientFunction *done,
                       void *arg)
{
    TORC__REQUIRE(reactor && target && done);
    TorcFingerClientOptions read;
    TorcFingerTarget place;
    int r = read_options(options, &read);
    if (r == 0)
        r = torc__fingerTarget_parse(target, &place);
    if (r < 0)
        return r;

    Request *request = (Request *)TorcClientFactory_new(&request_class);
    if (!request)
        return -ENOMEM;
    request->done = done;
    request->arg = arg;
    request->seconds = read.timeout;
    request->limit = read.limit;
    r = set_query(request, place.query, place.query_length, read.verbose);
    if (r == 0)
        r = start(request, reactor, &place);
    TorcFactory_unref(&request->base.base);
    return r;
}
