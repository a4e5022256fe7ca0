/* Sends the lines of a file to a server that is to send them back, and checks each answer.
 *
 *     build/torc serve line --listen tcp:8881
 *     build/examples/line_check tcp:127.0.0.1:8881 README.md
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <torc/torc.h>

typedef struct Check {
    TorcClientFactory base;
    TorcReactor *reactor;
    FILE *file;
    char *line; /* the one under way */
    size_t line_size;
    size_t length;
    long checked;
    bool good; /* all lines came back */
} Check;

static void send_next_line(TorcLineReceiver *self, Check *check)
{
    ssize_t length = getline(&check->line, &check->line_size, check->file);
    if (length < 0) {
        check->good = true;
        TorcTransport_loseConnection(self->base.transport);
        return;
    }
    check->length = (size_t)length - (check->line[length - 1] == '\n');
    TorcLineReceiver_sendLine(self, check->line, check->length);
}

static void check_connectionMade(TorcProtocol *self)
{
    send_next_line((TorcLineReceiver *)self, (Check *)self->factory);
}

static void check_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    Check *check = (Check *)self->base.factory;
    if (length != check->length || memcmp(line, check->line, length) != 0) {
        printf("line %ld came back as: %s\n", check->checked + 1, line);
        TorcTransport_abortConnection(self->base.transport);
        return;
    }
    check->checked++;
    send_next_line(self, check);
}

static void check_ended(TorcClientFactory *self, TorcConnector *connector, const TorcReason *reason)
{
    Check *check = (Check *)self;
    (void)connector;
    printf("%ld lines checked; %s\n", check->checked, TorcReason_text(reason));
    TorcReactor_stop(check->reactor);
}

static const TorcLineReceiverClass check_class = {
    TORC_LINE_RECEIVER_CLASS("line_check", TorcLineReceiver),
    .protocol.connectionMade = check_connectionMade,
    .delimiter = "\n",
    .lineReceived = check_lineReceived,
};

static const TorcClientFactoryClass check_factory_class = {
    TORC_CLIENT_FACTORY_CLASS("line_check", Check),
    .factory.protocol = &check_class.protocol,
    .clientConnectionFailed = check_ended,
    .clientConnectionLost = check_ended,
};

int main(int argc, char **argv)
{
    TorcReactor *reactor = TorcReactor_new(NULL);
    Check *check = (Check *)TorcClientFactory_new(&check_factory_class);
    TorcClientEndpoint *endpoint;
    if (argc != 3 || !(check->file = fopen(argv[2], "r")) ||
        TorcClientEndpoint_fromString(reactor, argv[1], &endpoint, NULL) < 0) {
        fprintf(stderr, "usage: line_check tcp:HOST:PORT FILE\n");
        return 2;
    }
    check->reactor = reactor;
    if (TorcClientEndpoint_connect(endpoint, &check->base, NULL) == 0)
        TorcReactor_run(reactor);
    int status = check->good ? EXIT_SUCCESS : EXIT_FAILURE;

    fclose(check->file);
    free(check->line);
    TorcClientEndpoint_free(endpoint);
    TorcFactory_unref(&check->base.base);
    TorcReactor_free(reactor);
    return status;
}
