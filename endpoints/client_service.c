/* A client endpoint that is kept connected while its service runs.
 *
 * Reactor's thread. Each attempt, and the connection that comes of it, has a link of its own
 * (client_link.c), which tells the end of it. The service holds a reference to its link, and the
 * link knows the service as long as it is the service's. Invariant: there is a link in the phases
 * from CONNECTING on and only there; the tick is armed while the service runs, so that the next
 * attempt needs no memory. What calls the application comes last in a function, for the service may
 * be another then: stopped, started, or gone. */
#include "client_service.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "../reactor/deferred_waiters_internal.h"
#include "../reactor/reactor_internal.h"
#include "../reactor/task_internal.h"
#include "../transports/transport.h"
#include "client_link_internal.h"

/* Twisted's, but for the jitter: it adds up to a second, which says little when others are slow. */
static const double initial_delay = 1;
static const double max_delay = 60;
static const double factor_default = 1.5;
static const double jitter_default = 0.5;

typedef enum Phase {
    IDLE,       /* it does not run, or has given up */
    WAITING,    /* for the next attempt */
    CONNECTING, /* the endpoint is at work */
    PREPARING,  /* the connection is there */
    CONNECTED,  /* and ready */
    FAILING,    /* it could not be prepared, and is to end */
    CLOSING     /* the service was stopped: attempt or connection is to end */
} Phase;

struct TorcClientService {
    TorcService base;
    TorcClientEndpoint *endpoint;
    TorcFactory *factory;
    TorcClientServiceOptions options;
    Phase phase;
    unsigned failures; /* in a row */
    TorcClientLink *link;
    TorcTick tick;         /* the next attempt; never due unless WAITING */
    TorcWaiters waiting;   /* for a connection */
    TorcWaiters expired;   /* those who have seen as many failures as they would */
    TorcDeferred *stopped; /* to be fired when the end has come; NULL: nobody waits */
    bool ended;            /* stopped, and not started since */
};

static TorcClientService *client_of(TorcService *self)
{
    return (TorcClientService *)(void *)self;
}

/* ---- log ----------------------------------------------------------------------------------- */

static TorcLogField name_field(const TorcClientService *self)
{
    const char *name = self->base.name ? self->base.name : self->base.cls->name;
    return (TorcLogField)TORC_LOG_BYTES("service", name, strlen(name));
}

static void log_failure(const TorcClientService *self, const TorcReason *reason)
{
    const char *text = TorcReason_text(reason);
    TORC__LOG(self->endpoint->reactor, TORC_LOG_INFO, "client-service.failed", name_field(self),
              TORC_LOG_NUMBER("failures", self->failures),
              TORC_LOG_BYTES("reason", text, strlen(text)));
}

static void log_wait(const TorcClientService *self, double delay)
{
    TORC__LOG(self->endpoint->reactor, TORC_LOG_INFO, "client-service.waiting", name_field(self),
              TORC_LOG_NUMBER("milliseconds", torc__nanoseconds(delay) / 1000000));
}

/* ---- who waits ----------------------------------------------------------------------------- */

static void fail_all(TorcClientService *self, TorcWaiters *waiters, const TorcReason *reason)
{
    TorcDeferred *waiter;

    TorcService_ref(&self->base);
    while ((waiter = torc__waiters_pop(waiters)) != NULL)
        (void)TorcDeferred_errback(waiter, reason);
    TorcService_unref(&self->base);
}

static void tell_failure(TorcClientService *self, const TorcReason *reason)
{
    torc__waiters_expire(&self->waiting, &self->expired);
    fail_all(self, &self->expired, reason);
}

static void tell_connected(TorcClientService *self)
{
    TorcDeferred *waiter;
    TorcProtocol *protocol;

    TorcService_ref(&self->base);
    while ((protocol = TorcClientService_protocol(self)) != NULL &&
           (waiter = torc__waiters_pop(&self->waiting)) != NULL)
        (void)TorcDeferred_callback(waiter, protocol, NULL);
    TorcService_unref(&self->base);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* At least 0, less than 1. */
static double random_fraction(TorcSystem *system)
{
    uint64_t bits;
    system->ops->random(system, &bits, sizeof(bits));
    return (double)(bits >> 11) / (double)(UINT64_C(1) << 53); /* what a double can hold */
}

static double next_delay(const TorcClientService *self)
{
    const TorcClientServiceOptions *options = &self->options;
    double grown = options->initialDelay * pow(options->factor, self->failures - 1.0);
    double delay = fmin(grown, options->maxDelay);

    if (options->jitter > 0)
        delay *= 1 - options->jitter * random_fraction(self->endpoint->reactor->system);
    return delay;
}

static int arm(TorcClientService *self, int64_t delay)
{
    if (!self->tick.armed)
        return torc__tick_start(&self->tick, self->endpoint->reactor, delay);
    torc__tick_reset(&self->tick, delay);
    return 0;
}

static void give_up(TorcClientService *self)
{
    self->phase = IDLE;
    TORC__LOG(self->endpoint->reactor, TORC_LOG_ERROR, "client-service.gave-up", name_field(self),
              TORC_LOG_NUMBER("code", -ENOMEM));
    fail_all(self, &self->waiting, TorcReason_static(TORC_OPERATION_FAILED));
}

static void wait_for(TorcClientService *self, int64_t delay)
{
    self->phase = WAITING;
    if (arm(self, delay) < 0)
        give_up(self);
}

static void wait_for_next(TorcClientService *self)
{
    double delay = next_delay(self);
    log_wait(self, delay);
    wait_for(self, torc__nanoseconds(delay));
}

/* ---- how it went --------------------------------------------------------------------------- */

/* The service has no link any more; NULL when it had none. To be dropped. */
static TorcClientLink *take_link(TorcClientService *self)
{
    TorcClientLink *link = self->link;
    self->link = NULL;
    self->phase = IDLE;
    if (link)
        link->service = NULL;
    return link;
}

static void note_failure(TorcClientService *self, const TorcReason *reason)
{
    if (self->failures < UINT_MAX)
        self->failures++;
    log_failure(self, reason);
}

/* There is no connection. */
static void attempt_failed(TorcClientService *self, const TorcReason *reason)
{
    TorcClientLink *link = take_link(self);

    TorcService_ref(&self->base);
    note_failure(self, reason);
    wait_for_next(self);
    torc__clientLink_drop(link);
    tell_failure(self, reason);
    TorcService_unref(&self->base);
}

static void connection_lost(TorcClientService *self)
{
    torc__clientLink_drop(take_link(self));
    self->failures = 1; /* a new row */
    TORC__LOG(self->endpoint->reactor, TORC_LOG_INFO, "client-service.lost", name_field(self));
    wait_for_next(self);
}

static void failed_connection_over(TorcClientService *self)
{
    torc__clientLink_drop(take_link(self));
    wait_for_next(self);
}

/* Whoever waits for the end may drop the service. */
static void closed(TorcClientService *self)
{
    torc__clientLink_drop(take_link(self));
    if (self->base.running)
        wait_for(self, 0);
    TorcDeferred *stopped = self->stopped;
    self->stopped = NULL;
    if (stopped)
        (void)TorcDeferred_callback(stopped, NULL, NULL);
    TorcService_unref(&self->base); /* see begin_closing */
}

/* Attempt and connection are over, as far as the factory is concerned. */
static void link_over(TorcClientService *self)
{
    switch (self->phase) {
    case IDLE:
    case WAITING:
    case CONNECTING: break; /* its deferred tells */
    case PREPARING: attempt_failed(self, TorcReason_static(TORC_CONNECTION_LOST)); break;
    case CONNECTED: connection_lost(self); break;
    case FAILING: failed_connection_over(self); break;
    case CLOSING: closed(self); break;
    }
}

/* An endpoint that does not start the factory has nothing to end. */
static void end_unstarted(TorcClientLink *link)
{
    if (link->service && link->base.numPorts == 0)
        link_over(link->service);
}

static void preparation_failed(TorcClientLink *link, const TorcReason *reason)
{
    TorcClientService *self = link->service;
    TorcProtocol *protocol = TorcConnectionId_protocol(link->connection);

    TorcService_ref(&self->base);
    self->phase = FAILING;
    note_failure(self, reason);
    if (protocol)
        TorcTransport_failConnection(protocol->transport, reason);
    end_unstarted(link);
    tell_failure(self, reason);
    TorcService_unref(&self->base);
}

static void connection_ready(TorcClientService *self)
{
    self->phase = CONNECTED;
    tell_connected(self);
}

/* ---- attempts ------------------------------------------------------------------------------ */

static void use_preparation(TorcClientLink *link, const TorcResult *result)
{
    if (result->reason)
        preparation_failed(link, result->reason);
    else
        connection_ready(link->service);
}

/* The application may have stopped the service from inside: then its result is dropped. */
static void prepare(TorcClientLink *link, TorcProtocol *protocol)
{
    const TorcClientServiceOptions *options = &link->service->options;
    TorcResult result = {0};

    if (options->prepareConnection)
        options->prepareConnection(&result, protocol, options->arg);
    TorcDeferred *preparation = torc__result_takeDeferred(&result);
    if (!link->service || link->service->phase != PREPARING)
        TorcDeferred_release(preparation);
    else if (preparation)
        torc__clientLink_await(link, preparation, use_preparation);
    else
        use_preparation(link, &result);
    TorcResult_clear(&result);
}

static void use_attempt(TorcClientLink *link, const TorcResult *result)
{
    TorcProtocol *protocol = result->value;

    if (result->reason) {
        attempt_failed(link->service, result->reason);
        return;
    }
    link->connection = TorcTransport_getConnectionId(protocol->transport);
    link->service->phase = PREPARING;
    prepare(link, protocol);
}

/* The factory may stop the service from inside. */
static void begin_attempt(TorcClientService *self)
{
    TorcClientLink *link = torc__clientLink_new(self, self->factory, link_over);
    TorcDeferred *outcome = NULL;

    self->link = link;
    self->phase = CONNECTING;
    int r = link ? TorcClientEndpoint_connect(self->endpoint, &link->base, &outcome) : -ENOMEM;
    if (self->phase != CONNECTING) {
        TorcDeferred_release(outcome);
    } else if (r == 0) {
        torc__clientLink_await(link, outcome, use_attempt);
    } else {
        TorcReason *reason = TorcReason_new(TORC_CONNECTION_FAILED, r, NULL);
        attempt_failed(self, reason);
        TorcReason_unref(reason);
    }
}

/* Armed again first, while there is memory; if there is none, there may be when it is needed. */
static void tick_over(TorcTick *tick, bool due)
{
    TorcClientService *self =
        (TorcClientService *)(void *)((char *)tick - offsetof(TorcClientService, tick));

    if (!due) /* the reactor is freed */
        return;
    TorcService_ref(&self->base);
    (void)arm(self, TORC__NEVER);
    begin_attempt(self);
    TorcService_unref(&self->base);
}

/* ---- as a service -------------------------------------------------------------------------- */

static int client_startService(TorcService *base)
{
    TorcClientService *self = client_of(base);
    bool closing = self->phase == CLOSING;
    int r = arm(self, closing ? TORC__NEVER : 0);
    if (r < 0)
        return r;
    self->failures = 0;
    self->ended = false;
    if (!closing)
        self->phase = WAITING;
    return 0;
}

/* Nobody has the time to wait. */
static void hurry(TorcDeferred *stopped, void *arg)
{
    TorcClientService *self = arg;
    TorcProtocol *protocol = self->link ? TorcConnectionId_protocol(self->link->connection) : NULL;

    (void)stopped;
    self->stopped = NULL;
    if (protocol)
        TorcTransport_abortConnection(protocol->transport);
}

/* The reference is dropped by closed(): whether or not somebody waits, the service stays. */
static void begin_closing(TorcClientService *self)
{
    TorcClientLink *link = self->link;
    TorcProtocol *protocol = TorcConnectionId_protocol(link->connection);

    self->phase = CLOSING;
    TorcService_ref(&self->base);
    TorcFactory_ref(&link->base);
    if (protocol)
        TorcTransport_loseConnection(protocol->transport);
    torc__clientLink_releaseOutcome(link);
    end_unstarted(link);
    TorcFactory_unref(&link->base);
}

static void cancel_waiters(TorcClientService *self)
{
    fail_all(self, &self->waiting, TorcReason_static(TORC_OPERATION_CANCELLED));
}

static void client_stopService(TorcService *base, TorcDeferred **ret_done)
{
    TorcClientService *self = client_of(base);

    self->ended = true;
    torc__tick_stop(&self->tick);
    if (!self->link)
        self->phase = IDLE;
    else if (self->phase != CLOSING)
        begin_closing(self);
    if (self->phase == CLOSING && !self->stopped)
        *ret_done = self->stopped = TorcDeferred_new(hurry, self);
    cancel_waiters(self);
}

static void client_destroy(TorcService *base)
{
    TorcClientService *self = client_of(base);

    assert(!self->link && !self->tick.armed);
    cancel_waiters(self);
    TorcClientEndpoint_unref(self->endpoint);
    TorcFactory_unref(self->factory);
    torc__free(self);
}

static const TorcServiceClass client_class = {
    TORC_SERVICE_CLASS("client"),
    .startService = client_startService,
    .stopService = client_stopService,
    .destroy = client_destroy,
};

/* ---- making one ---------------------------------------------------------------------------- */

void TorcClientServiceOptions_init(TorcClientServiceOptions *options)
{
    if (options)
        *options = (TorcClientServiceOptions){.size = sizeof(TorcClientServiceOptions)};
}

static double or_default(double given, double otherwise)
{
    return given == 0 ? otherwise : given;
}

static int read_options(const TorcClientServiceOptions *given,
                        TorcClientServiceOptions *ret_options)
{
    TorcClientServiceOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    options.initialDelay = or_default(options.initialDelay, initial_delay);
    options.maxDelay = or_default(options.maxDelay, max_delay);
    options.factor = or_default(options.factor, factor_default);
    options.jitter = or_default(options.jitter, jitter_default);
    TORC__REQUIRE(options.initialDelay > 0 && options.maxDelay > 0 && options.factor >= 1);
    TORC__REQUIRE(options.jitter <= 1); /* which is not true of NaN */
    *ret_options = options;
    return 0;
}

TorcClientService *TorcClientService_new(TorcClientEndpoint *endpoint, TorcFactory *factory,
                                         const TorcClientServiceOptions *options)
{
    TorcClientServiceOptions read;
    bool valid = endpoint && factory && read_options(options, &read) == 0;
    TorcClientService *self = valid ? torc__zalloc(sizeof(*self)) : NULL;
    if (!self) {
        errno = valid ? ENOMEM : EINVAL;
        return NULL;
    }
    (void)TorcService_init(&self->base, &client_class);
    self->endpoint = TorcClientEndpoint_ref(endpoint);
    self->factory = TorcFactory_ref(factory);
    self->options = read;
    self->tick.function = tick_over;
    self->tick.what = "next attempt of a client service";
    return self;
}

TorcService *TorcClientService_service(TorcClientService *self)
{
    return self ? &self->base : NULL;
}

TorcClientService *TorcClientService_unref(TorcClientService *self)
{
    TorcService_unref(TorcClientService_service(self));
    return NULL;
}

/* ---- the connection ------------------------------------------------------------------------ */

TorcProtocol *TorcClientService_protocol(const TorcClientService *self)
{
    TorcProtocol *protocol = NULL;
    if (self && self->phase == CONNECTED)
        protocol = TorcConnectionId_protocol(self->link->connection);
    return protocol && !TorcTransport_disconnecting(protocol->transport) ? protocol : NULL;
}

static TorcDeferred *when_connected(TorcClientService *self, unsigned failures)
{
    if (self->ended)
        return TorcDeferred_fail(TorcReason_static(TORC_OPERATION_CANCELLED));
    if (self->phase == IDLE && self->base.running)
        return TorcDeferred_fail(TorcReason_static(TORC_OPERATION_FAILED));
    TorcProtocol *protocol = TorcClientService_protocol(self);
    return protocol ? TorcDeferred_succeed(protocol, NULL)
                    : torc__waiters_addLimited(&self->waiting, failures);
}

TorcDeferred *TorcClientService_whenConnected(TorcClientService *self, unsigned failAfterFailures)
{
    TorcDeferred *connected = self ? when_connected(self, failAfterFailures) : NULL;
    if (!connected)
        errno = self ? ENOMEM : EINVAL;
    return connected;
}
