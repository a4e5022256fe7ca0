/* Factory: the root class, counting of references and of ports, and buildProtocol.
 *
 * Runs on the reactor's thread. Everyone who uses a factory holds a reference: its maker, ports,
 * connectors, and the protocols it made; the last to go frees it. */
#include "factory.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

#include "../protocols/class_internal.h"
#include "../reactor/memory_internal.h"

/* Subclasses embed both: a change of size breaks every program built against this soname. New slots
 * and fields take reserved ones. */
static_assert(sizeof(TorcFactory) == 4 * sizeof(void *) + 2 * sizeof(unsigned) + 2 * sizeof(double),
              "part of the ABI");
static_assert(sizeof(TorcFactoryClass) == 17 * sizeof(void *), "part of the ABI");

/* What class.c takes for granted. */
static_assert(offsetof(TorcFactoryClass, parent) == offsetof(TorcClassHeader, parent) &&
                  offsetof(TorcFactoryClass, name) == offsetof(TorcClassHeader, name),
              "every table begins with TorcClassHeader");

/* ---- the root ------------------------------------------------------------------------------ */

static void factory_startFactory(TorcFactory *self)
{
    (void)self;
}

static void factory_stopFactory(TorcFactory *self)
{
    (void)self;
}

static int factory_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                 TorcProtocol **ret_protocol)
{
    (void)peer;
    /* A program may have put the table there that it wrote. */
    int r = torc__protocolClass_resolve(self->protocol, &self->protocol);
    return r < 0 ? r : torc__protocol_make(self->protocol, self, ret_protocol);
}

const TorcFactoryClass torc_factory_class = {
    .class_size = sizeof(TorcFactoryClass),
    .instance_size = sizeof(TorcFactory),
    .name = "factory",
    .startFactory = factory_startFactory,
    .stopFactory = factory_stopFactory,
    .buildProtocol = factory_buildProtocol,
};

/* ---- birth and death ----------------------------------------------------------------------- */

static int resolve(const TorcFactoryClass *cls, const TorcFactoryClass **ret_cls)
{
    static const TorcClassKind kind = {
        .root = &torc_factory_class,
        .destroy_offset = offsetof(TorcFactoryClass, destroy),
    };
    const void *resolved;
    int r = torc__class_resolve(&kind, cls, &resolved);

    if (r == 0)
        *ret_cls = resolved;
    return r;
}

static int factory_make(const TorcFactoryClass *cls, TorcFactory **ret_factory)
{
    const TorcProtocolClass *protocol = NULL;
    int r = resolve(cls, &cls);

    if (r == 0 && cls->protocol)
        r = torc__protocolClass_resolve(cls->protocol, &protocol);
    if (r < 0)
        return r;

    TorcFactory *factory = torc__zalloc(cls->instance_size);
    if (!factory)
        return -ENOMEM;
    factory->cls = cls;
    factory->protocol = protocol;
    factory->references = 1;
    *ret_factory = factory;
    return 0;
}

TorcFactory *TorcFactory_new(const TorcFactoryClass *cls)
{
    TorcFactory *factory = NULL;
    int r = factory_make(cls, &factory);

    if (r < 0)
        errno = torc__class_errno(r);
    return factory;
}

TorcFactory *TorcFactory_forProtocol(const TorcProtocolClass *protocol)
{
    int r = torc__protocolClass_resolve(protocol, &protocol);
    if (r < 0) {
        errno = torc__class_errno(r);
        return NULL;
    }

    TorcFactory *factory = TorcFactory_new(&torc_factory_class);
    if (factory)
        factory->protocol = protocol;
    return factory;
}

static void factory_free(TorcFactory *factory)
{
    for (const TorcFactoryClass *cls = factory->cls; cls; cls = cls->parent)
        if (cls->destroy)
            cls->destroy(factory);
    torc__free(factory);
}

TorcFactory *TorcFactory_ref(TorcFactory *factory)
{
    if (factory)
        factory->references++;
    return factory;
}

TorcFactory *TorcFactory_unref(TorcFactory *factory)
{
    if (!factory)
        return NULL;
    assert(factory->references > 0);
    if (--factory->references == 0)
        factory_free(factory);
    return NULL;
}

/* ---- classes ------------------------------------------------------------------------------- */

const TorcFactoryClass *TorcFactory_super(const TorcFactory *factory, const TorcFactoryClass *cls)
{
    return factory ? torc__class_super(factory->cls, cls) : &torc_factory_class;
}

void TorcFactoryClass_init(TorcFactoryClass *cls, const char *name, size_t instance_size,
                           const TorcFactoryClass *parent)
{
    torc__class_init(cls, &torc_factory_class, name, instance_size, parent);
}

/* ---- use ----------------------------------------------------------------------------------- */

/* A protocol can serve one connection only, and only one made by TorcProtocol_new can be freed. */
static bool may_serve(const TorcProtocol *protocol)
{
    return !protocol || (protocol->cls && protocol->factory && !protocol->transport);
}

int TorcFactory_buildProtocol(TorcFactory *factory, const TorcAddress *peer,
                              TorcProtocol **ret_protocol)
{
    TorcProtocol *protocol = NULL;

    if (!factory || !ret_protocol)
        return -EINVAL;
    int r = factory->cls->buildProtocol(factory, peer, &protocol);
    if (r < 0)
        return r;
    if (!may_serve(protocol))
        return -EINVAL;
    *ret_protocol = protocol;
    return 0;
}

void TorcFactory_doStart(TorcFactory *factory)
{
    if (factory && factory->numPorts++ == 0)
        factory->cls->startFactory(factory);
}

void TorcFactory_doStop(TorcFactory *factory)
{
    if (factory && factory->numPorts > 0 && --factory->numPorts == 0)
        factory->cls->stopFactory(factory);
}

int TorcFactory_setBufferLimit(TorcFactory *factory, size_t bytes)
{
    if (!factory)
        return -EINVAL;
    factory->bufferLimit = bytes;
    return 0;
}

int TorcFactory_setIdleTimeout(TorcFactory *factory, double seconds)
{
    if (!factory || !(seconds >= 0)) /* NaN too */
        return -EINVAL;
    factory->idleTimeout = seconds;
    return 0;
}

int TorcFactory_setCloseTimeout(TorcFactory *factory, double seconds)
{
    if (!factory || isnan(seconds))
        return -EINVAL;
    factory->closeTimeout = seconds;
    return 0;
}

void TorcFactory_copyLimits(TorcFactory *factory, const TorcFactory *from)
{
    if (!factory || !from)
        return;
    factory->bufferLimit = from->bufferLimit;
    factory->idleTimeout = from->idleTimeout;
    factory->closeTimeout = from->closeTimeout;
}
