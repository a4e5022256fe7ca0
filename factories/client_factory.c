/* ClientFactory: its root class, whose hooks do nothing, and its constructors.
 *
 * Runs on the reactor's thread; references are counted by factory.c. */
#include "client_factory.h"

#include <assert.h>
#include <errno.h>

#include "../protocols/class_internal.h"

/* As in factory.c: embedded by subclasses, part of the ABI. */
static_assert(sizeof(TorcClientFactory) == sizeof(TorcFactory), "part of the ABI");
static_assert(sizeof(TorcClientFactoryClass) == sizeof(TorcFactoryClass) + 11 * sizeof(void *),
              "part of the ABI");

static void client_startedConnecting(TorcClientFactory *self, TorcConnector *connector)
{
    (void)self;
    (void)connector;
}

static void client_connectionEnded(TorcClientFactory *self, TorcConnector *connector,
                                   const TorcReason *reason)
{
    (void)self;
    (void)connector;
    (void)reason;
}

static void client_connectionMade(TorcClientFactory *self, TorcConnector *connector,
                                  TorcProtocol *protocol)
{
    (void)self;
    (void)connector;
    (void)protocol;
}

const TorcClientFactoryClass torc_client_factory_class = {
    .factory.class_size = sizeof(TorcClientFactoryClass),
    .factory.instance_size = sizeof(TorcClientFactory),
    .factory.name = "client-factory",
    .factory.parent = &torc_factory_class,
    .startedConnecting = client_startedConnecting,
    .clientConnectionFailed = client_connectionEnded,
    .clientConnectionLost = client_connectionEnded,
    .clientConnectionMade = client_connectionMade,
};

/* The struct type of the argument says client factory; its chain of parents must too, or the hooks
 * would be missing. */
static bool is_client(const TorcFactory *factory)
{
    return torc__class_find(factory->cls, &torc_client_factory_class);
}

TorcClientFactory *TorcClientFactory_new(const TorcClientFactoryClass *cls)
{
    TorcFactory *factory = TorcFactory_new(cls ? &cls->factory : NULL);

    if (factory && !is_client(factory)) {
        TorcFactory_unref(factory);
        errno = EINVAL;
        return NULL;
    }
    return (TorcClientFactory *)factory;
}

TorcClientFactory *TorcClientFactory_forProtocol(const TorcProtocolClass *protocol)
{
    int r = torc__protocolClass_resolve(protocol, &protocol);
    if (r < 0) {
        errno = torc__class_errno(r);
        return NULL;
    }

    TorcFactory *factory = TorcFactory_new(&torc_client_factory_class.factory);
    if (factory)
        factory->protocol = protocol;
    return (TorcClientFactory *)factory;
}

void TorcClientFactoryClass_init(TorcClientFactoryClass *cls, const char *name,
                                 size_t instance_size, const TorcClientFactoryClass *parent)
{
    torc__class_init(cls, &torc_client_factory_class, name, instance_size, parent);
}
