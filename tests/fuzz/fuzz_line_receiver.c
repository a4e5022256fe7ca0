/* LineReceiver, with every kind of delimiter, short and long lines, raw bytes between them,
 * pauses, bytes put back, and closing in the middle.
 *
 * The input: which class, whether FIN follows, the cuts, and the bytes of the connection. What
 * the receiver does is said by the lines themselves, by their first byte, so that it does not
 * depend on how they were cut:
 *
 *     R, then c     the next c % 16 bytes are raw
 *     P             pauses, and resumes in a call that is due at once
 *     B             pauses and resumes
 *     E             puts "x", a delimiter and "y" in front of what comes
 *     W             sends the line back
 *     Q             says goodbye and closes
 *
 * FUZZ_PLANTED is for a build that must fail: its receiver forgets a chunk of one carriage
 * return. */
#include <string.h>

#include "fuzz_cuts.h"
#include "line_kinds.h"

enum { MOST_RAW = 16 };

typedef struct Client {
    TorcLineReceiver base;
    char raw[MOST_RAW];
    size_t raw_length;
    size_t raw_left;
} Client;

static TorcSim *sim;

static void resume(void *arg)
{
    TorcLineReceiver_resumeProducing(arg);
}

static void begin_raw(Client *client, const char *line, size_t length)
{
    client->raw_left = length > 1 ? (unsigned char)line[1] % MOST_RAW : 0;
    client->raw_length = 0;
    if (client->raw_left > 0)
        TorcLineReceiver_setRawMode(&client->base);
}

static void pause_for_a_turn(TorcLineReceiver *self)
{
    TorcLineReceiver_pauseProducing(self);
    FUZZ_CHECK(TorcReactor_callLaterWith(TorcSim_reactor(sim), 0,
                                         TORC_CALL(resume, self, .protocol = &self->base),
                                         NULL) == 0);
}

static void put_back(TorcLineReceiver *self)
{
    const TorcLineReceiverClass *cls = (const TorcLineReceiverClass *)self->base.cls;
    char extra[40] = "x";
    size_t length = cls->delimiterLength > 0 ? cls->delimiterLength : strlen(cls->delimiter);
    memcpy(extra + 1, cls->delimiter, length);
    extra[length + 1] = 'y';
    FUZZ_CHECK(TorcLineReceiver_setLineMode(self, extra, length + 2) == 0);
}

static void client_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    FUZZ_CHECK(line[length] == '\0');
    fuzz_note("line", line, length);
    switch (length > 0 ? line[0] : '\0') {
    case 'R': begin_raw((Client *)self, line, length); break;
    case 'P': pause_for_a_turn(self); break;
    case 'B':
        TorcLineReceiver_pauseProducing(self);
        TorcLineReceiver_resumeProducing(self);
        break;
    case 'E': put_back(self); break;
    case 'W': FUZZ_CHECK(TorcLineReceiver_sendLine(self, line, length) == 0); break;
    case 'Q':
        FUZZ_CHECK(TorcLineReceiver_sendLine(self, "BYE", 3) == 0);
        TorcTransport_loseConnection(self->base.transport);
        break;
    default: break;
    }
}

static void client_rawDataReceived(TorcLineReceiver *self, const void *data, size_t length)
{
    Client *client = (Client *)self;
    size_t taken = length < client->raw_left ? length : client->raw_left;

    FUZZ_CHECK(length > 0);
    memcpy(client->raw + client->raw_length, data, taken);
    client->raw_length += taken;
    client->raw_left -= taken;
    if (client->raw_left > 0)
        return;
    fuzz_note("raw", client->raw, client->raw_length);
    FUZZ_CHECK(TorcLineReceiver_setLineMode(self, (const char *)data + taken, length - taken) == 0);
}

/* How much of the line has come depends on the cuts: it is only read, so that a sanitizer sees that
 * it is there. */
static void client_lineLengthExceeded(TorcLineReceiver *self, const void *data, size_t length)
{
    FUZZ_CHECK(length > 0 && memchr(data, ((const char *)data)[length - 1], length));
    fuzz_note("too long", "", 0);
    TorcTransport_loseConnection(self->base.transport);
}

static void client_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    const void *rest;
    size_t length = TorcLineReceiver_clearLineBuffer((TorcLineReceiver *)self, &rest);
    fuzz_note(TorcReason_kindName(TorcReason_kind(reason)), length > 0 ? rest : "", length);
}

#ifdef FUZZ_PLANTED
static void client_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    if (length != 1 || *(const char *)data != '\r')
        torc_line_receiver_class.protocol.dataReceived(self, data, length);
}
#endif

static const TorcLineReceiverClass client_class = {
    TORC_LINE_RECEIVER_CLASS("client", Client),
#ifdef FUZZ_PLANTED
    .protocol.dataReceived = client_dataReceived,
#endif
    .protocol.connectionLost = client_connectionLost,
    .lineReceived = client_lineReceived,
    .rawDataReceived = client_rawDataReceived,
    .lineLengthExceeded = client_lineLengthExceeded,
};

#define LINES(delimiter_, length_, most_)                                                          \
    {                                                                                              \
        TORC_LINE_RECEIVER_SUBCLASS("lines", Client, &client_class),                               \
            .delimiter = (delimiter_), .delimiterLength = (length_), .maxLength = (most_)          \
    }

static const TorcLineReceiverClass classes[] = {FUZZ_LINES(LINES)};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };
static TorcFactory *factories[CLASSES];

static void do_nothing(void *arg)
{
    (void)arg;
}

/* What stays in memory is there before the first execution: resolved classes, and room for
 * calls. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    sim = TorcSim_new(1);
    TorcSim_setTraceSize(sim, 0);
    FUZZ_CHECK(TorcReactor_callLater(TorcSim_reactor(sim), 0, do_nothing, NULL, NULL) == 0);
    FUZZ_CHECK(TorcSim_advance(sim, 0) == 0);
    for (int i = 0; i < CLASSES; i++)
        factories[i] = fuzz_lineFactory(&classes[i].protocol);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_checkOneOf(factories, CLASSES, data, size, sim);
    return 0;
}
