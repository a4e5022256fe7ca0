/* A client that survives its server's restarts: it says a line every second, as long as somebody is
 * there to hear it, and prints what comes back.
 *
 *     build/torc serve line --listen tcp:8881
 *     build/examples/persistent tcp:127.0.0.1:8881
 *
 * Stop the server, and start it again. Ctrl-C ends the client. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <torc/torc.h>

typedef struct Talk {
    TorcClientService *client;
    unsigned long said;
} Talk;

/* ---- the connection ------------------------------------------------------------------------ */

static void talk_connectionMade(TorcProtocol *self)
{
    (void)self;
    puts("connected");
}

/* What it is told is printed as it is: talk to servers that you know. */
static void talk_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)self;
    (void)length;
    printf("heard: %s\n", line);
}

static void talk_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    printf("lost: %s\n", TorcReason_text(reason));
}

static const TorcLineReceiverClass talk_class = {
    TORC_LINE_RECEIVER_CLASS("talk", TorcLineReceiver),
    .protocol.connectionMade = talk_connectionMade,
    .protocol.connectionLost = talk_connectionLost,
    .delimiter = "\n",
    .lineReceived = talk_lineReceived,
};

/* ---- what it does with it ------------------------------------------------------------------ */

static void say_line(TorcResult *result, void *arg)
{
    (void)result;
    Talk *talk = arg;
    TorcProtocol *protocol = TorcClientService_protocol(talk->client);
    if (protocol)
        TorcTransport_printf(protocol->transport, "line %lu\n", ++talk->said);
}

/* After three attempts in a row; it goes on trying. */
static void say_why(TorcResult *result, void *arg)
{
    (void)arg;
    if (TorcReason_kind(result->reason) != TORC_OPERATION_CANCELLED)
        printf("still trying: %s\n", TorcReason_text(result->reason));
    TorcResult_clear(result);
}

/* ---- the program --------------------------------------------------------------------------- */

/* The application keeps the service. */
static int add(TorcMultiService *application, TorcService *service)
{
    int r = service ? TorcMultiService_addService(application, service) : -ENOMEM;
    TorcService_unref(service);
    return r;
}

static int run(TorcReactor *reactor, TorcMultiService *application, Talk *talk)
{
    int r = add(application, TorcTimerService_new(reactor, 1, say_line, talk));
    if (r == 0)
        r = TorcService_runWith(TorcMultiService_service(application), reactor);
    if (r < 0)
        return r;
    TorcDeferred *connected = TorcClientService_whenConnected(talk->client, 3);
    TorcDeferred_addErrback(connected, say_why, NULL);
    TorcDeferred_detach(connected);
    return TorcReactor_run(reactor);
}

static int stay_connected(TorcReactor *reactor, TorcClientEndpoint *endpoint)
{
    TorcFactory *factory = TorcFactory_forProtocol(&talk_class.protocol);
    TorcMultiService *application = TorcMultiService_new();
    Talk talk = {.client = TorcClientService_new(endpoint, factory, NULL)};
    int r = add(application, TorcClientService_service(talk.client));
    if (r == 0)
        r = run(reactor, application, &talk);
    TorcMultiService_unref(application);
    TorcFactory_unref(factory);
    return r;
}

static int connect_to(TorcReactor *reactor, const char *description)
{
    TorcClientEndpoint *endpoint;
    TorcReason *reason;
    int r = TorcClientEndpoint_fromString(reactor, description, &endpoint, &reason);
    if (r < 0) {
        fprintf(stderr, "persistent: %s\n", TorcReason_text(reason));
        TorcReason_unref(reason);
        return r;
    }
    r = stay_connected(reactor, endpoint);
    TorcClientEndpoint_unref(endpoint);
    if (r < 0)
        fprintf(stderr, "persistent: %s\n", torc_strerror(r));
    return r;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    TorcReactor *reactor = TorcReactor_new(NULL);
    if (!reactor) {
        perror("persistent");
        return EXIT_FAILURE;
    }
    int r = connect_to(reactor, argc > 1 ? argv[1] : "tcp:127.0.0.1:8881");
    TorcReactor_free(reactor);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
