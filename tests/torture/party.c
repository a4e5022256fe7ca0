/* Parties: protocols that count what happens to them, and check that it happens in order.
 *
 * The reactor's thread. A protocol finds its party through its factory, which the party keeps until
 * the end of the world. What a party does may fail like everything else: it then leaves its
 * connection alone, and the case sees that nothing comes. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "torture.h"

typedef struct PartyFactory {
    TorcClientFactory base;
    Party *party;
} PartyFactory;

/* In its party's list while it has a connection. */
typedef struct Talker Talker;
struct Talker {
    TorcProtocol base;
    Party *party;
    Talker *next;
    Talker **link;
    bool made;
    bool lost;
};

Party server;
Party client;

/* ---- protocols ----------------------------------------------------------------------------- */

static Party *alive(TorcProtocol *self)
{
    const Talker *talker = (const Talker *)self;
    CHECK(talker->made && !talker->lost);
    CHECK(self->transport);
    return talker->party;
}

static void link_talker(Talker *talker)
{
    talker->link = &talker->party->connections;
    talker->next = *talker->link;
    *talker->link = talker;
    if (talker->next)
        talker->next->link = &talker->next;
}

static void unlink_talker(Talker *talker)
{
    *talker->link = talker->next;
    if (talker->next)
        talker->next->link = talker->link;
}

static void talker_connectionMade(TorcProtocol *self)
{
    Talker *talker = (Talker *)self;
    Party *party = talker->party;
    CHECK(!talker->made && !talker->lost);
    talker->made = true;
    link_talker(talker);
    party->made++;
    party->protocol = self;
    party->transport = self->transport;
    if (party->on_made)
        party->on_made(party);
}

static void talker_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Party *party = alive(self);
    CHECK(length > 0 && !TorcTransport_disconnecting(self->transport));
    party->protocol = self;
    party->transport = self->transport;
    party->received += length;
    party->chunk = length;
    party->data = data;
    if (party->on_data)
        party->on_data(party);
    party->data = NULL;
}

static void talker_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Party *party = alive(self);
    ((Talker *)self)->lost = true;
    unlink_talker((Talker *)self);
    party->lost++;
    party->code = told(TorcReason_code(reason));
    party->kind = TorcReason_kind(reason);
    if (party->on_lost)
        party->on_lost(party);
    if (party->protocol == self)
        party->protocol = NULL;
    if (party->transport == self->transport)
        party->transport = NULL;
}

static void talker_readConnectionLost(TorcProtocol *self)
{
    alive(self)->ended++;
    (void)TorcTransport_loseWriteConnection(self->transport);
}

static void talker_writeConnectionLost(TorcProtocol *self)
{
    (void)alive(self);
    TorcTransport_loseConnection(self->transport);
}

static void talker_pauseProducing(TorcProtocol *self)
{
    alive(self)->paused++;
}

static void talker_resumeProducing(TorcProtocol *self)
{
    alive(self)->resumed++;
}

static void talker_fileDescriptorReceived(TorcProtocol *self, int fd)
{
    alive(self)->descriptors++;
    (void)close(fd);
}

static void talker_destroy(TorcProtocol *self)
{
    const Talker *talker = (const Talker *)self;
    CHECK(talker->made == talker->lost && !self->transport);
    talker->party->destroyed++;
}

static const TorcProtocolClass talker_class = {
    TORC_PROTOCOL_CLASS("talker", Talker),
    .connectionMade = talker_connectionMade,
    .dataReceived = talker_dataReceived,
    .connectionLost = talker_connectionLost,
    .pauseProducing = talker_pauseProducing,
    .resumeProducing = talker_resumeProducing,
    .fileDescriptorReceived = talker_fileDescriptorReceived,
    .destroy = talker_destroy,
};

static const TorcProtocolClass half_closeable_class = {
    TORC_PROTOCOL_SUBCLASS("half-closeable-talker", Talker, &talker_class),
    .readConnectionLost = talker_readConnectionLost,
    .writeConnectionLost = talker_writeConnectionLost,
};

/* ---- factories ----------------------------------------------------------------------------- */

static int party_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                               TorcProtocol **ret_protocol)
{
    (void)peer;
    Party *party = ((PartyFactory *)self)->party;
    TorcProtocol *protocol =
        TorcProtocol_new(party->half_closeable ? &half_closeable_class : &talker_class, self);
    if (!protocol)
        return -errno;
    ((Talker *)protocol)->party = party;
    party->built++;
    *ret_protocol = protocol;
    return 0;
}

static void party_startedConnecting(TorcClientFactory *self, TorcConnector *connector)
{
    ((PartyFactory *)self)->party->connector = connector;
}

static void attempt_over(TorcClientFactory *self, const TorcReason *reason)
{
    Party *party = ((PartyFactory *)self)->party;
    party->code = told(TorcReason_code(reason));
    party->kind = TorcReason_kind(reason);
    party->connector = NULL;
}

static void party_clientConnectionFailed(TorcClientFactory *self, TorcConnector *connector,
                                         const TorcReason *reason)
{
    (void)connector;
    ((PartyFactory *)self)->party->failed++;
    attempt_over(self, reason);
}

static void party_clientConnectionLost(TorcClientFactory *self, TorcConnector *connector,
                                       const TorcReason *reason)
{
    (void)connector;
    attempt_over(self, reason);
}

static const TorcClientFactoryClass party_factory_class = {
    TORC_CLIENT_FACTORY_CLASS("party", PartyFactory),
    .factory.buildProtocol = party_buildProtocol,
    .startedConnecting = party_startedConnecting,
    .clientConnectionFailed = party_clientConnectionFailed,
    .clientConnectionLost = party_clientConnectionLost,
};

TorcClientFactory *party_factory(Party *party)
{
    if (!party->factory) {
        party->factory = TorcClientFactory_new(&party_factory_class);
        if (party->factory)
            ((PartyFactory *)party->factory)->party = party;
    }
    return party->factory;
}

TorcFactory *party_base(Party *party)
{
    return party_factory(party) ? &party->factory->base : NULL;
}

bool party_over(const Party *party)
{
    return party->made == party->lost;
}

void party_abort(Party *party)
{
    for (Talker *talker = party->connections; talker; talker = talker->next)
        TorcTransport_abortConnection(talker->base.transport);
}

/* ---- what they do -------------------------------------------------------------------------- */

void echo_back(Party *party)
{
    (void)WORKED(TorcTransport_write(party->transport, party->data, party->chunk) == 0);
}

void say_hello(Party *party)
{
    (void)write_text(party, "hello");
}

bool write_text(Party *party, const char *text)
{
    return party->transport &&
           WORKED(TorcTransport_write(party->transport, text, strlen(text)) == 0);
}

bool listen_as(Party *party, PartyFunction *on_data)
{
    TorcPort *port = NULL;
    party->on_data = on_data;
    if (!party_factory(party))
        return false;
    int r = TorcReactor_listenTCP(world.reactor, 0, party_base(party),
                                  TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port);
    if (told(r) == 0)
        party->port = TorcPort_ref(port);
    return r == 0;
}

int port_of(const Party *listening)
{
    TorcAddress address;
    TorcPort_getHost(listening->port, &address);
    return address.port;
}

bool connect_to(const Party *listening, Party *party, PartyFunction *on_made)
{
    party->on_made = on_made;
    return party_factory(party) &&
           TorcReactor_connectTCP(world.reactor, "127.0.0.1", port_of(listening),
                                  party_factory(party), NULL, NULL) == 0;
}

bool connect_both(PartyFunction *server_data, PartyFunction *client_made)
{
    return WORKED(listen_as(&server, server_data)) &&
           WORKED(connect_to(&server, &client, client_made)) &&
           WORKED(until((server.made && client.made) || client.failed)) && server.transport &&
           client.transport;
}

bool lose_both(void)
{
    if (client.transport)
        TorcTransport_loseConnection(client.transport);
    return until(party_over(&client) && party_over(&server));
}

/* ---- deferreds ----------------------------------------------------------------------------- */

static void note_outcome(TorcResult *result, void *arg)
{
    Outcome *outcome = arg;
    outcome->fired++;
    CHECK(outcome->fired == 1);
    outcome->failed = result->reason != NULL;
    outcome->code = result->reason ? told(TorcReason_code(result->reason)) : 0;
    outcome->value = result->reason ? NULL : result->value;
    TorcResult_clear(result);
}

/* Of a world; a case has a few. */
enum { MOST_OUTCOMES = 64 };
static Outcome outcomes[MOST_OUTCOMES];
static unsigned outcome_count;

void outcomes_clear(void)
{
    outcome_count = 0;
}

const Outcome *outcome_of(TorcDeferred *deferred)
{
    CHECK(outcome_count < MOST_OUTCOMES);
    Outcome *outcome = &outcomes[outcome_count++];
    *outcome = (Outcome){0};
    if (!deferred) {
        *outcome = (Outcome){.fired = 1, .failed = true, .code = -ENOMEM};
        return outcome;
    }
    (void)TorcDeferred_addBoth(deferred, note_outcome, outcome);
    TorcDeferred_detach(deferred);
    return outcome;
}

bool ended(const Outcome *outcome)
{
    return until(outcome->fired == 1);
}

bool succeeded(const Outcome *outcome)
{
    return ended(outcome) && !outcome->failed;
}
