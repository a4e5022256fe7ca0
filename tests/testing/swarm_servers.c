/* The servers of the swarm, and the watch on their protocols.
 *
 * The production factories are made to make instances of a subclass, whose slots report to the swarm
 * and then do what the class does. So every bundled protocol is watched, also one whose class is
 * private, and none knows of it. There is one run at a time. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/class_internal.h"
#include "swarm_internal.h"

enum { PER_NET = 250 };

static Swarm *swarm; /* of the run under way */

/* ---- addresses ------------------------------------------------------------------------------- */

void swarm_formatAddress(unsigned i, char text[SWARM_ADDRESS_SIZE])
{
    snprintf(text, SWARM_ADDRESS_SIZE, "127.1.%u.%u", i / PER_NET, i % PER_NET + 1);
}

static Client *client_of(const TorcProtocol *self)
{
    TorcAddress address;
    TorcTransport_getPeer(self->transport, &address);
    unsigned i = address.ip[2] * PER_NET + address.ip[3] - 1U;
    assert(i < SWARM_CLIENTS);
    return &swarm->clients[i];
}

/* ---- the watch ------------------------------------------------------------------------------- */

static int number_of(const Client *client)
{
    return (int)(client - swarm->clients);
}

/* The class that is watched. */
static const TorcProtocolClass *production(const TorcProtocol *self)
{
    return self->cls->parent;
}

static void check_alive(const TorcProtocol *self, const char *what)
{
    Client *client = client_of(self);
    if (client->made != 1 || client->lost != 0)
        TorcSim_fail(swarm->sim, "client %d: %s after %u connectionMade and %u connectionLost",
                     number_of(client), what, client->made, client->lost);
}

static void check_buffer(const TorcProtocol *self)
{
    size_t waiting = TorcTransport_bufferedBytes(self->transport);
    if (waiting > self->factory->bufferLimit)
        TorcSim_fail(swarm->sim, "client %d: %zu bytes of output wait, more than the limit",
                     number_of(client_of(self)), waiting);
}

static void watched_connectionMade(TorcProtocol *self)
{
    Client *client = client_of(self);
    client->made++;
    check_alive(self, "connectionMade");
    TorcTransport_setWriteMarks(self->transport, SWARM_HIGH_MARK, SWARM_LOW_MARK);
    production(self)->connectionMade(self);
}

static void watched_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    check_alive(self, "dataReceived");
    production(self)->dataReceived(self, data, length);
    check_buffer(self);
}

static void watched_pauseProducing(TorcProtocol *self)
{
    check_alive(self, "pauseProducing");
    swarm->plan->counts.paused++;
    production(self)->pauseProducing(self);
}

static void watched_resumeProducing(TorcProtocol *self)
{
    check_alive(self, "resumeProducing");
    production(self)->resumeProducing(self);
    check_buffer(self);
}

static void watched_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Client *client = client_of(self);
    check_alive(self, "connectionLost");
    client->lost++;
    client->reason = TorcReason_kind(reason);
    production(self)->connectionLost(self, reason);
}

/* A class of the same size may stand for each of the bundled ones. */
typedef union AnyClass {
    TorcProtocolClass protocol;
    TorcLineReceiverClass line;
    TorcLineOnlyReceiverClass line_only;
} AnyClass;

/* Makes the factory make instances of a watched subclass of its class. */
static void watch(TorcFactory *factory, AnyClass *table)
{
    const TorcProtocolClass *cls = factory->protocol;
    assert(cls->class_size <= sizeof(*table));
    memset(table, 0, sizeof(*table));
    table->protocol = (TorcProtocolClass){
        .class_size = cls->class_size,
        .instance_size = cls->instance_size,
        .name = cls->name,
        .parent = cls,
        .connectionMade = watched_connectionMade,
        .dataReceived = watched_dataReceived,
        .pauseProducing = cls->pauseProducing ? watched_pauseProducing : NULL,
        .resumeProducing = cls->resumeProducing ? watched_resumeProducing : NULL,
        .connectionLost = watched_connectionLost,
    };
    int r = torc__protocolClass_resolve(&table->protocol, &factory->protocol);
    assert(r == 0);
    (void)r;
}

/* ---- the servers ----------------------------------------------------------------------------- */

TorcFingerDirectory *swarm_directory(void)
{
    static char plan[20 << 10]; /* does not fit into the buffers on its way */
    TorcFingerTable *table = TorcFingerTable_new();
    for (size_t i = 0; i + 1 < sizeof(plan); i++)
        plan[i] = (char)(i % 61 == 60 ? '\n' : 'a' + (i * i + i / 61) % 26);
    TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "ann", .name = "Ann Smith", .plan = plan,
                                                 .details = "room 12\n"));
    TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "bob", .name = "Bob Smith"));
    return &table->base;
}

static TorcFactory *finger_factory(void)
{
    TorcFingerDirectory *directory = swarm_directory();
    TorcFingerFactory *factory = TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = directory));
    TorcFingerDirectory_unref(directory);
    return &factory->base;
}

static TorcFactory *production_factory(const SwarmBug *bug, Service service)
{
    if (service == FINGER)
        return finger_factory();
    if (service == LINE)
        return TorcFactory_forProtocol(&torc_line_echo_class.protocol);
    return TorcFactory_forProtocol(bug && bug->echo ? bug->echo : &torc_echo_class);
}

static TorcFactory *watched_factory(Service service)
{
    static AnyClass tables[SERVICES];
    const SwarmBug *bug = swarm->plan->bug;
    TorcFactory *factory = production_factory(bug, service);
    watch(factory, &tables[service]);
    TorcFactory_setBufferLimit(factory,
                               service == FINGER ? SWARM_ANSWER_LIMIT : SWARM_BUFFER_LIMIT);
    return service == ECHO && bug && bug->wrap ? bug->wrap(factory) : factory;
}

bool swarm_serve(Swarm *begun)
{
    swarm = begun;
    for (Service service = ECHO; service < SERVICES; service++) {
        TorcFactory *factory = watched_factory(service);
        int r = TorcReactor_listenTCP(TorcSim_reactor(swarm->sim), SWARM_PORT + (int)service,
                                      factory, NULL, NULL);
        TorcFactory_unref(factory);
        TORC_SIM_CHECK(swarm->sim, r == 0);
    }
    return true;
}
