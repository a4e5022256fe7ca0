/* Cases of the bundled protocols. */
#include <stdio.h>

#include "torture.h"

/* ---- lines --------------------------------------------------------------------------------- */

static bool listen_with(const TorcProtocolClass *cls)
{
    TorcPort *port = NULL;
    TorcFactory *factory = TorcFactory_forProtocol(cls);
    if (!factory)
        return false;
    int r = TorcReactor_listenTCP(world.reactor, 0, factory,
                                  TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port);
    TorcFactory_unref(factory);
    if (r == 0)
        server.port = TorcPort_ref(port);
    return r == 0;
}

/* In pieces, so that the protocol must keep what it has. */
static void exchange(const char *const *pieces, size_t expected)
{
    TRY(connect_to(&server, &client, NULL));
    TRY(until(client.made == 1));
    for (; *pieces; pieces++) {
        TRY(write_text(&client, *pieces));
        turn();
    }
    TRY(until(client.received == expected));
    party_abort(&client);
    TRY(until(client.lost == 1));
}

static void bundled_echo(void)
{
    static const char *const pieces[] = {"one", "two", "three", NULL};
    TRY(listen_with(&torc_echo_class));
    exchange(pieces, 11);
}

static void line_echo(void)
{
    static const char *const pieces[] = {"one\r\ntw", "o\r", "\nthr", "ee\r\n", "fo\r\n", NULL};
    TRY(listen_with(&torc_line_echo_class.protocol));
    exchange(pieces, 5 + 5 + 7 + 4);
}

typedef struct Shouter {
    TorcLineOnlyReceiver base;
} Shouter;

static void shouter_lineReceived(TorcLineOnlyReceiver *self, const char *line, size_t length)
{
    (void)TorcLineOnlyReceiver_sendLine(self, line, length);
}

static const TorcLineOnlyReceiverClass shouter_class = {
    TORC_LINE_ONLY_RECEIVER_CLASS("shouter", Shouter),
    .lineReceived = shouter_lineReceived,
};

static void line_only(void)
{
    static const char *const pieces[] = {"a line", " in two\r\nand ", "another\r\n", NULL};
    TRY(listen_with(&shouter_class.protocol));
    exchange(pieces, 15 + 13);
}

/* ---- finger -------------------------------------------------------------------------------- */

static TorcFingerTable *new_table(void)
{
    TorcFingerTable *table = TorcFingerTable_new();
    if (!table)
        return NULL;
    if (TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "ann", .name = "Ann Smith",
                                                     .plan = "Out until Monday.\n")) == 0 &&
        TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "bob", .name = "Bob")) == 0)
        return table;
    TorcFingerDirectory_unref(&table->base);
    return NULL;
}

/* Takes the directory over. */
static bool serve_finger(TorcFingerDirectory *directory)
{
    TorcPort *port = NULL;
    TorcFingerFactory *factory =
        directory ? TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = directory)) : NULL;
    TorcFingerDirectory_unref(directory);
    if (!factory)
        return false;
    int r = TorcReactor_listenTCP(world.reactor, 0, &factory->base,
                                  TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port);
    TorcFactory_unref(&factory->base);
    if (r == 0)
        server.port = TorcPort_ref(port);
    return r == 0;
}

static bool ask(const char *user)
{
    char target[100];
    TorcDeferred *reply = NULL;
    snprintf(target, sizeof(target), "%s@127.0.0.1:%d", user, port_of(&server));
    return TorcReactor_finger(world.reactor, target, TORC_FINGER_CLIENT_OPTIONS(.timeout = 3),
                              &reply) == 0 &&
           succeeded(outcome_of(reply));
}

static void finger(void)
{
    TorcFingerTable *table = new_table();
    TRY(table);
    TRY(serve_finger(&table->base));
    TRY(ask("ann"));
    TRY(ask("")); /* the list */
    TRY(ask("nobody"));
}

static void finger_users(void)
{
    TRY(serve_finger(TorcFingerSystemDirectory_new(TORC_FINGER_SYSTEM_OPTIONS(.noFiles = true))));
    TRY(ask("root"));
}

static void finger_by_endpoint(void)
{
    TorcDeferred *reply = NULL;
    TorcFingerTable *table = new_table();
    TRY(table);
    TRY(serve_finger(&table->base));
    TorcClientEndpoint *endpoint =
        TorcTCPClientEndpoint_new(world.reactor, "127.0.0.1", port_of(&server), NULL);
    TRY(endpoint);
    TorcFactory *question = TorcFingerClientFactory_new(world.reactor, "ann", NULL);
    int r = question ? TorcClientEndpoint_connect(endpoint, question, &reply) : -1;
    TorcFactory_unref(question);
    TorcClientEndpoint_unref(endpoint);
    TRY(r == 0);
    (void)WORKED(TorcDeferred_addCallback(reply, torc_finger_awaitReply, NULL) == 0);
    TRY(succeeded(outcome_of(reply)));
}

const TortureCase protocol_cases[] = {
    {"bundled-echo", bundled_echo, ON_ALL},
    {"line-echo", line_echo, ON_ALL},
    {"line-only", line_only, ON_ALL},
    {"finger", finger, ON_ALL},
    {"finger-users", finger_users, ON_REAL},
    {"finger-endpoint", finger_by_endpoint, ON_ALL},
    {0},
};
