/* Sends the lines of a file to a server that is to send them back, and checks each answer.
 *
 *     build/torc serve line --listen tcp:8881
 *     build/examples/line_check tcp:127.0.0.1:8881 README.md
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <torc/torc.h>

typedef struct Check {
    TorcFactory base;
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
        check->good = !ferror(check->file);
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

static void check_ended(Check *check, const TorcReason *reason)
{
    printf("%ld lines checked; %s\n", check->checked, TorcReason_text(reason));
    TorcReactor_stop(check->reactor);
}

static void check_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    check_ended((Check *)self->factory, reason);
}

static void connect_failed(TorcResult *result, void *arg)
{
    check_ended(arg, result->reason);
    TorcResult_clear(result);
}

static const TorcLineReceiverClass check_class = {
    TORC_LINE_RECEIVER_CLASS("line_check", TorcLineReceiver),
    .protocol.connectionMade = check_connectionMade,
    .protocol.connectionLost = check_connectionLost,
    .delimiter = "\n",
    .lineReceived = check_lineReceived,
};

static const TorcFactoryClass check_factory_class = {
    TORC_FACTORY_CLASS("line_check", Check),
    .protocol = &check_class.protocol,
};

/* 0; or a negative code, after saying what is wrong. */
static int begin_check(Check *check, const char *description)
{
    TorcClientEndpoint *endpoint;
    TorcReason *reason;
    int r = TorcClientEndpoint_fromString(check->reactor, description, &endpoint, &reason);
    if (r < 0) {
        fprintf(stderr, "line_check: %s\n", TorcReason_text(reason));
        TorcReason_unref(reason);
        return r;
    }
    TorcDeferred *connected = NULL;
    r = TorcClientEndpoint_connect(endpoint, &check->base, &connected);
    if (r == 0)
        r = TorcDeferred_addErrback(connected, connect_failed, check);
    if (r < 0)
        fprintf(stderr, "line_check: cannot connect: %s\n", torc_strerror(r));
    TorcDeferred_detach(connected);
    TorcClientEndpoint_unref(endpoint);
    return r;
}

/* True when every line of the file came back. */
static bool check_file(FILE *file, const char *description)
{
    TorcReactor *reactor = TorcReactor_new(NULL);
    Check *check = (Check *)TorcFactory_new(&check_factory_class);
    bool good = false;
    if (reactor && check) {
        check->reactor = reactor;
        check->file = file;
        good = begin_check(check, description) == 0 && TorcReactor_run(reactor) == 0 && check->good;
        free(check->line);
    } else {
        fprintf(stderr, "line_check: cannot start: %s\n", strerror(errno));
    }
    TorcFactory_unref((TorcFactory *)check);
    TorcReactor_free(reactor);
    return good;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: line_check ENDPOINT FILE\n");
        return 2;
    }
    FILE *file = fopen(argv[2], "r");
    if (!file) {
        fprintf(stderr, "line_check: cannot read %s: %s\n", argv[2], strerror(errno));
        return EXIT_FAILURE;
    }
    bool good = check_file(file, argv[1]);
    fclose(file);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
