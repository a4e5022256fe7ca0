/* A filter: copies its input to its output in capitals, line by line.
 *
 *     build/examples/upper                           and type; Ctrl-D ends it
 *     printf 'hello\nworld\n' | build/examples/upper
 *     yes | build/examples/upper | head -n 3         ends when head does
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <torc/torc.h>
#include <unistd.h>

static bool good; /* the input has come to its end, and all of the output has left */

static void upper_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    char text[TORC_LINE_MAX_LENGTH];
    for (size_t i = 0; i < length; i++)
        text[i] = (char)toupper((unsigned char)line[i]);
    TorcLineReceiver_sendLine(self, text, length);
}

/* Who reads the output is slower than who writes the input. */
static void upper_pauseProducing(TorcProtocol *self)
{
    TorcLineReceiver_pauseProducing((TorcLineReceiver *)self);
}

static void upper_resumeProducing(TorcProtocol *self)
{
    TorcLineReceiver_resumeProducing((TorcLineReceiver *)self);
}

static void upper_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    good = TorcReason_kind(reason) == TORC_CONNECTION_DONE;
    if (!good && TorcReason_code(reason) != -EPIPE) /* that head has had enough is no news */
        fprintf(stderr, "upper: %s\n", TorcReason_text(reason));
    TorcReactor_stop(TorcTransport_getReactor(self->transport));
}

static const TorcLineReceiverClass upper_class = {
    TORC_LINE_RECEIVER_CLASS("upper", TorcLineReceiver),
    .protocol.connectionLost = upper_connectionLost,
    .protocol.pauseProducing = upper_pauseProducing,
    .protocol.resumeProducing = upper_resumeProducing,
    .delimiter = "\n",
    .lineReceived = upper_lineReceived,
};

int main(void)
{
    TorcReactor *reactor = TorcReactor_new(NULL);
    TorcFactory *factory = TorcFactory_forProtocol(&upper_class.protocol);

    int r = TorcReactor_standardIO(reactor, STDIN_FILENO, STDOUT_FILENO, factory);
    if (r < 0)
        fprintf(stderr, "upper: cannot use input and output: %s\n", torc_strerror(r));
    else
        r = TorcReactor_run(reactor);
    TorcFactory_unref(factory);
    TorcReactor_free(reactor);
    return r == 0 && good ? EXIT_SUCCESS : EXIT_FAILURE;
}
