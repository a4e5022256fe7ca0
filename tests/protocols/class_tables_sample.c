/* What users write. Compiled with -Wextra -Werror by gcc and clang: overriding a slot must not warn
 * (-Woverride-init, -Winitializer-overrides), whatever table it is in. */
#include <torc/torc.h>

typedef struct Chatter {
    TorcLineReceiver base;
    char nick[32];
} Chatter;

static void data(TorcProtocol *self, const void *bytes, size_t length)
{
    TorcTransport_write(self->transport, bytes, length);
}

static void event(TorcProtocol *self)
{
    TorcTransport_loseConnection(self->transport);
}

static void lost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
}

static void line(TorcLineReceiver *self, const char *text, size_t length)
{
    TorcLineReceiver_sendLine(self, text, length);
}

static void bytes_of_line(TorcLineReceiver *self, const void *bytes, size_t length)
{
    TorcLineReceiver_sendLine(self, bytes, length);
}

static void only_line(TorcLineOnlyReceiver *self, const char *text, size_t length)
{
    TorcLineOnlyReceiver_sendLine(self, text, length);
}

static void only_bytes(TorcLineOnlyReceiver *self, const void *bytes, size_t length)
{
    TorcLineOnlyReceiver_sendLine(self, bytes, length);
}

static int build(TorcFactory *self, const TorcAddress *peer, TorcProtocol **ret_protocol)
{
    (void)peer;
    *ret_protocol = TorcProtocol_new(self->protocol, self);
    return 0;
}

static void factory_event(TorcFactory *self)
{
    (void)self;
}

static void connecting(TorcClientFactory *self, TorcConnector *connector)
{
    (void)self;
    (void)connector;
}

static void connection_ended(TorcClientFactory *self, TorcConnector *connector,
                             const TorcReason *reason)
{
    connecting(self, connector);
    (void)reason;
}

extern const TorcProtocolClass sample_echo_class;
const TorcProtocolClass sample_echo_class = {
    TORC_PROTOCOL_CLASS("echo", TorcProtocol),
    .connectionMade = event,
    .dataReceived = data,
    .connectionLost = lost,
    .readConnectionLost = event,
    .writeConnectionLost = event,
    .pauseProducing = event,
    .resumeProducing = event,
    .destroy = event,
};

static const TorcProtocolClass child_class;

static void child_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    TorcProtocol_super(self, &child_class)->connectionLost(self, reason);
}

static const TorcProtocolClass child_class = {
    TORC_PROTOCOL_SUBCLASS("child", TorcProtocol, &sample_echo_class),
    .dataReceived = data,
    .connectionLost = child_connectionLost,
};

extern const TorcProtocolClass sample_grandchild_class;
const TorcProtocolClass sample_grandchild_class = {
    TORC_PROTOCOL_SUBCLASS("grandchild", TorcProtocol, &child_class),
};

extern const TorcLineReceiverClass sample_chatter_class;
const TorcLineReceiverClass sample_chatter_class = {
    TORC_LINE_RECEIVER_CLASS("chat", Chatter),
    .protocol.connectionMade = event,
    .protocol.connectionLost = lost,
    .protocol.readConnectionLost = event,
    .delimiter = "\n",
    .delimiterLength = 1,
    .maxLength = 512,
    .lineReceived = line,
    .rawDataReceived = bytes_of_line,
    .lineLengthExceeded = bytes_of_line,
};

extern const TorcLineReceiverClass sample_quiet_class;
const TorcLineReceiverClass sample_quiet_class = {
    TORC_LINE_RECEIVER_SUBCLASS("quiet", Chatter, &sample_chatter_class),
    .lineReceived = line,
};

extern const TorcLineOnlyReceiverClass sample_lines_class;
const TorcLineOnlyReceiverClass sample_lines_class = {
    TORC_LINE_ONLY_RECEIVER_CLASS("lines", TorcLineOnlyReceiver),
    .protocol.destroy = event,
    .delimiter = "\n",
    .maxLength = 512,
    .lineReceived = only_line,
    .lineLengthExceeded = only_bytes,
};

extern const TorcFactoryClass sample_room_class;
const TorcFactoryClass sample_room_class = {
    TORC_FACTORY_CLASS("room", TorcFactory),
    .protocol = &sample_chatter_class.protocol,
    .startFactory = factory_event,
    .stopFactory = factory_event,
    .buildProtocol = build,
    .destroy = factory_event,
};

extern const TorcClientFactoryClass sample_client_class;
const TorcClientFactoryClass sample_client_class = {
    TORC_CLIENT_FACTORY_CLASS("client", TorcClientFactory),
    .factory.protocol = &torc_echo_class,
    .factory.buildProtocol = build,
    .startedConnecting = connecting,
    .clientConnectionFailed = connection_ended,
    .clientConnectionLost = connection_ended,
};
