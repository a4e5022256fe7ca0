/* Torc, through its public interface. */
#include <torc/torc.h>

#include "../samples.h"
#include "inside.h"

static TorcReactor *reactor;
static TorcDelayedCall *timers;
static TorcFactory *server;
static TorcClientFactory *client;
static int port;

static void check(int r, const char *what)
{
    if (r < 0)
        fail("inside: torc: %s: %s", what, torc_strerror(r));
}

static void torc_open(uint32_t count)
{
    reactor = TorcReactor_new(NULL);
    timers = calloc(count + 1, sizeof(*timers));
    if (!reactor || !timers)
        fail("inside: out of memory");
}

static void torc_close(void)
{
    if (server)
        TorcFactory_unref(server);
    if (client)
        TorcFactory_unref(&client->base);
    server = NULL;
    client = NULL;
    TorcReactor_free(reactor);
    free(timers);
}

static void call_first(void *arg)
{
    void (**first)(void) = arg;
    (*first)();
}

static void torc_run(void (*first)(void))
{
    check(TorcReactor_callWhenRunning(reactor, call_first, &first), "callWhenRunning");
    check(TorcReactor_run(reactor), "run");
}

static void torc_stop(void)
{
    check(TorcReactor_stop(reactor), "stop");
}

/* ---- timers ---------------------------------------------------------------------------------- */

static void fired(void *arg)
{
    (void)arg;
    inside_happened();
}

static void torc_timer_start(uint32_t timer, uint32_t microseconds)
{
    check(TorcReactor_callLater(reactor, microseconds / 1e6, fired, NULL, &timers[timer]),
          "callLater");
}

static void torc_timer_cancel(uint32_t timer)
{
    check(TorcDelayedCall_cancel(timers[timer]), "cancel");
}

static void torc_idle_reset(uint32_t timer, uint32_t microseconds)
{
    check(TorcDelayedCall_reset(timers[timer], microseconds / 1e6), "reset");
}

/* ---- calls and connections ------------------------------------------------------------------- */

static void torc_post(void)
{
    check(TorcReactor_callFromThread(reactor, fired, NULL), "callFromThread");
}

static void client_connectionMade(TorcProtocol *self)
{
    TorcTransport_loseConnection(self->transport);
}

static void server_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
    inside_happened();
}

static const TorcProtocolClass client_class = {
    TORC_PROTOCOL_CLASS("inside-client", TorcProtocol),
    .connectionMade = client_connectionMade,
};

static const TorcProtocolClass server_class = {
    TORC_PROTOCOL_CLASS("inside-server", TorcProtocol),
    .connectionLost = server_connectionLost,
};

static void torc_listen(void)
{
    TorcListenOptions *options = TORC_LISTEN_OPTIONS(.interface = "127.0.0.1");
    TorcPort *listening;
    TorcAddress address;
    server = TorcFactory_forProtocol(&server_class);
    client = TorcClientFactory_forProtocol(&client_class);
    if (!server || !client)
        fail("inside: out of memory");
    check(TorcReactor_listenTCP(reactor, 0, server, options, &listening), "listenTCP");
    TorcPort_getHost(listening, &address);
    port = address.port;
}

static void torc_connect(void)
{
    check(TorcReactor_connectTCP(reactor, "127.0.0.1", port, client, NULL, NULL), "connectTCP");
}

const Contender inside_torc = {
    .name = "torc",
    .open = torc_open,
    .close = torc_close,
    .run = torc_run,
    .stop = torc_stop,
    .timer_start = torc_timer_start,
    .timer_cancel = torc_timer_cancel,
    .idle_start = torc_timer_start,
    .idle_reset = torc_idle_reset,
    .post = torc_post,
    .listen = torc_listen,
    .connect = torc_connect,
};
