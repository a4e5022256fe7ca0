/* Protocol: the root class, and the birth and death of instances.
 *
 * Runs on the reactor's thread. An instance is owned by its transport, or by whoever made it until
 * a transport has taken it; it holds a reference to its factory from birth to death. */
#include "protocol.h"

#include <assert.h>
#include <errno.h>

#include "../factories/factory.h"
#include "../reactor/memory_internal.h"
#include "class_internal.h"

/* Subclasses embed both: a change of size breaks every program built against this soname. New slots
 * take reserved ones. */
static_assert(sizeof(TorcProtocol) == 3 * sizeof(void *), "part of the ABI, and of the memory "
                                                          "budget of an idle connection");
static_assert(sizeof(TorcProtocolClass) == 20 * sizeof(void *), "part of the ABI");

/* What class.c takes for granted. */
static_assert(offsetof(TorcProtocolClass, parent) == offsetof(TorcClassHeader, parent) &&
                  offsetof(TorcProtocolClass, name) == offsetof(TorcClassHeader, name),
              "every table begins with TorcClassHeader");

static void protocol_connectionMade(TorcProtocol *self)
{
    (void)self;
}

static void protocol_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    (void)length;
}

static void protocol_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
}

const TorcProtocolClass torc_protocol_class = {
    .class_size = sizeof(TorcProtocolClass),
    .instance_size = sizeof(TorcProtocol),
    .name = "protocol",
    .connectionMade = protocol_connectionMade,
    .dataReceived = protocol_dataReceived,
    .connectionLost = protocol_connectionLost,
};

int torc__protocolClass_resolve(const TorcProtocolClass *cls, const TorcProtocolClass **ret_cls)
{
    static const TorcClassKind kind = {
        .root = &torc_protocol_class,
        .destroy_offset = offsetof(TorcProtocolClass, destroy),
    };
    const void *resolved;
    int r = torc__class_resolve(&kind, cls, &resolved);

    if (r == 0)
        *ret_cls = resolved;
    return r;
}

int torc__protocol_make(const TorcProtocolClass *cls, TorcFactory *factory,
                        TorcProtocol **ret_protocol)
{
    TorcProtocol *protocol = torc__zalloc(cls->instance_size);
    if (!protocol)
        return -ENOMEM;

    protocol->cls = cls;
    protocol->factory = TorcFactory_ref(factory);
    *ret_protocol = protocol;
    return 0;
}

void torc__protocol_free(TorcProtocol *protocol)
{
    if (!protocol)
        return;
    TorcFactory *factory = protocol->factory;

    protocol->transport = NULL;
    for (const TorcProtocolClass *cls = protocol->cls; cls; cls = cls->parent)
        if (cls->destroy)
            cls->destroy(protocol);
    torc__free(protocol);
    TorcFactory_unref(factory);
}

TorcProtocol *TorcProtocol_new(const TorcProtocolClass *cls, TorcFactory *factory)
{
    TorcProtocol *protocol = NULL;
    int r = factory ? torc__protocolClass_resolve(cls, &cls) : -EINVAL;

    if (r == 0)
        r = torc__protocol_make(cls, factory, &protocol);
    if (r < 0)
        errno = torc__class_errno(r);
    return protocol;
}

void TorcProtocol_free(TorcProtocol *protocol)
{
    torc__protocol_free(protocol);
}

bool TorcProtocol_isInstance(const TorcProtocol *protocol, const TorcProtocolClass *cls)
{
    if (!protocol || !cls)
        return false;
    return torc__class_find(protocol->cls, cls);
}

const TorcProtocolClass *TorcProtocol_super(const TorcProtocol *protocol,
                                            const TorcProtocolClass *cls)
{
    return protocol ? torc__class_super(protocol->cls, cls) : &torc_protocol_class;
}

void TorcProtocolClass_init(TorcProtocolClass *cls, const char *name, size_t instance_size,
                            const TorcProtocolClass *parent)
{
    torc__class_init(cls, &torc_protocol_class, name, instance_size, parent);
}
