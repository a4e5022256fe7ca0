/* LineOnlyReceiver, with every kind of delimiter, and lines that are too long for it: they are
 * reported and passed over, and the ones behind them arrive.
 *
 * The input: which class, whether FIN follows, the cuts, and the bytes of the connection. A line
 * that begins with W is sent back, one that begins with Q closes. */
#include <string.h>

#include "fuzz_cuts.h"
#include "line_kinds.h"

static void client_lineReceived(TorcLineOnlyReceiver *self, const char *line, size_t length)
{
    FUZZ_CHECK(line[length] == '\0');
    fuzz_note("line", line, length);
    if (length > 0 && line[0] == 'W')
        FUZZ_CHECK(TorcLineOnlyReceiver_sendLine(self, line, length) == 0);
    if (length > 0 && line[0] == 'Q')
        TorcTransport_loseConnection(self->base.transport);
}

/* How much of it has come depends on the cuts: it is only read, so that a sanitizer sees that it is
 * there. */
static void client_lineLengthExceeded(TorcLineOnlyReceiver *self, const void *data, size_t length)
{
    (void)self;
    FUZZ_CHECK(length > 0 && memchr(data, ((const char *)data)[length - 1], length));
    fuzz_note("too long", "", 0);
}

static const TorcLineOnlyReceiverClass client_class = {
    TORC_LINE_ONLY_RECEIVER_CLASS("client", TorcLineOnlyReceiver),
    .lineReceived = client_lineReceived,
    .lineLengthExceeded = client_lineLengthExceeded,
};

#define LINES(delimiter_, length_, most_)                                                          \
    {                                                                                              \
        TORC_LINE_ONLY_RECEIVER_SUBCLASS("lines", TorcLineOnlyReceiver, &client_class),            \
            .delimiter = (delimiter_), .delimiterLength = (length_), .maxLength = (most_)          \
    }

static const TorcLineOnlyReceiverClass classes[] = {FUZZ_LINES(LINES)};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };
static TorcFactory *factories[CLASSES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    for (int i = 0; i < CLASSES; i++)
        factories[i] = fuzz_lineFactory(&classes[i].protocol);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_checkOneOf(factories, CLASSES, data, size, NULL);
    return 0;
}
