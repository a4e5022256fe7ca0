/* When a client factory hears that its connection is there, on the simulator. */
#include <stdio.h>

#include "connector_fixture.h"

/* A factory that notes the call, and a protocol that may end the connection first. */
typedef struct Notes {
    TorcClientFactory base;
} Notes;

static char notes[256];
static void (*in_made)(TorcTransport *transport); /* NULL: nothing */
static TorcProtocol *made;
static bool refuse;

static void note(const char *word)
{
    size_t length = strlen(notes);
    snprintf(notes + length, sizeof(notes) - length, "%s%s", length > 0 ? " " : "", word);
}

static void talker_connectionMade(TorcProtocol *self)
{
    note("made");
    made = self;
    if (in_made)
        in_made(self->transport);
}

static void talker_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
    note("lost");
}

static const TorcProtocolClass talker_class = {
    TORC_PROTOCOL_CLASS("talker", TorcProtocol),
    .connectionMade = talker_connectionMade,
    .connectionLost = talker_connectionLost,
};

static int notes_buildProtocol(TorcFactory *self, const TorcAddress *from, TorcProtocol **ret)
{
    if (!refuse)
        return torc_factory_class.buildProtocol(self, from, ret);
    *ret = NULL;
    return 0;
}

static void notes_connectionMade(TorcClientFactory *self, TorcConnector *of, TorcProtocol *protocol)
{
    ck_assert_ptr_eq(protocol, made);
    ck_assert_ptr_eq(protocol->factory, &self->base);
    ck_assert_ptr_nonnull(protocol->transport);
    ck_assert_int_eq(TorcConnector_state(of), TORC_CONNECTOR_CONNECTED);
    note("client-made");
}

static void notes_connectionLost(TorcClientFactory *self, TorcConnector *of,
                                 const TorcReason *reason)
{
    (void)self;
    (void)of;
    (void)reason;
    note("client-lost");
}

static const TorcClientFactoryClass notes_class = {
    TORC_CLIENT_FACTORY_CLASS("notes", Notes),    .factory.protocol = &talker_class,
    .factory.buildProtocol = notes_buildProtocol, .clientConnectionMade = notes_connectionMade,
    .clientConnectionLost = notes_connectionLost,
};

static void connect_notes(void)
{
    begin(EDGE);
    ck_assert_int_eq(TorcSim_listen(sim, FAR, PORT), 0);
    TorcClientFactory *factory = TorcClientFactory_new(&notes_class);
    ck_assert_ptr_nonnull(factory);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, FAR, PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    settle();
}

START_TEST(the_factory_hears_of_it_after_the_protocol)
{
    connect_notes();
    ck_assert_str_eq(notes, "made client-made");
    end();
    ck_assert_str_eq(notes, "made client-made lost client-lost");
}
END_TEST

START_TEST(also_when_the_protocol_has_ended_it_at_once)
{
    in_made = TorcTransport_abortConnection;
    connect_notes();
    ck_assert_str_eq(notes, "made client-made lost client-lost");
    end();
}
END_TEST

START_TEST(but_not_of_one_that_was_refused)
{
    refuse = true;
    connect_notes();
    ck_assert_str_eq(notes, "client-lost");
    end();
}
END_TEST

RUN_LOOP_TESTS("connections made", {the_factory_hears_of_it_after_the_protocol, 1},
               {also_when_the_protocol_has_ended_it_at_once, 1},
               {but_not_of_one_that_was_refused, 1})
