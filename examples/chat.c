/* A chat server: everybody reads what anybody writes.
 *
 *     build/examples/chat tcp:8882
 *     nc 127.0.0.1 8882          in two other terminals; type NICK ann, then what you like */
#include <stdio.h>
#include <stdlib.h>
#include <torc/torc.h>

typedef struct Chatter {
    TorcLineReceiver base;
    struct Chatter *next;
    char nick[32];
} Chatter;

typedef struct Room {
    TorcFactory base;
    Chatter *first;
} Room;

static void tell_all(Room *room, const char *nick, const char *text)
{
    for (Chatter *chatter = room->first; chatter; chatter = chatter->next)
        TorcTransport_printf(chatter->base.base.transport, "%s: %s\r\n", nick, text);
}

static void chatter_connectionMade(TorcProtocol *self)
{
    Room *room = (Room *)self->factory;
    Chatter *chatter = (Chatter *)self;
    TorcTransport_setBufferLimit(self->transport, 1 << 20); /* drops who reads no more */
    chatter->next = room->first;
    room->first = chatter;
    TorcTransport_printf(self->transport, "Who are you? NICK name\r\n");
}

static void chatter_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Room *room = (Room *)self->factory;
    Chatter *chatter = (Chatter *)self;
    Chatter **link = &room->first;
    while (*link != chatter)
        link = &(*link)->next;
    *link = chatter->next;
    if (chatter->nick[0])
        tell_all(room, chatter->nick, TorcReason_text(reason));
}

static void chatter_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    Chatter *chatter = (Chatter *)self;
    char text[1024];
    bool cr = length > 0 && line[length - 1] == '\r';
    snprintf(text, sizeof(text), "%.*s", (int)(length - cr), line);
    if (sscanf(text, "NICK %31s", chatter->nick) == 1)
        TorcTransport_printf(self->base.transport, "WELCOME %s\r\n", chatter->nick);
    else if (chatter->nick[0])
        tell_all((Room *)self->base.factory, chatter->nick, text);
}

static const TorcLineReceiverClass chatter_class = {
    TORC_LINE_RECEIVER_CLASS("chat", Chatter),
    .protocol.connectionMade = chatter_connectionMade,
    .protocol.connectionLost = chatter_connectionLost,
    .delimiter = "\n", /* nc's; telnet's CR LF is met in lineReceived */
    .lineReceived = chatter_lineReceived,
};

static const TorcFactoryClass room_class = {
    TORC_FACTORY_CLASS("room", Room),
    .protocol = &chatter_class.protocol,
};

#ifndef CHAT_NO_MAIN
int main(int argc, char **argv)
{
    const char *where = argc > 1 ? argv[1] : "tcp:8882:interface=127.0.0.1";
    TorcReactor *reactor = TorcReactor_new(NULL);
    TorcFactory *room = TorcFactory_new(&room_class);
    TorcServerEndpoint *endpoint = NULL;
    TorcPort *port;
    int r = TorcServerEndpoint_fromString(reactor, where, &endpoint, NULL);
    if (r == 0)
        r = TorcServerEndpoint_listen(endpoint, room, &port);
    if (r == 0) {
        TorcAddress address;
        char text[TORC_ADDRESS_TEXT_SIZE];
        TorcPort_getHost(port, &address);
        printf("chatting on %s\n", TorcAddress_format(&address, text, sizeof(text)));
        fflush(stdout);
        r = TorcReactor_run(reactor);
    }
    if (r < 0)
        fprintf(stderr, "chat: %s: %s\n", where, torc_strerror(r));
    TorcServerEndpoint_unref(endpoint);
    TorcFactory_unref(room);
    TorcReactor_free(reactor);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
#endif
