/* Factory: makes a protocol for each connection and holds what they share.
 * (Twisted: Factory, ServerFactory.)
 *
 * For most servers TorcFactory_forProtocol is all. A subclass embeds TorcFactory as its first
 * member and fills in a class table, as protocols do:
 *
 *     typedef struct Room {
 *         TorcFactory base;
 *         size_t people;
 *     } Room;
 *
 *     static const TorcFactoryClass room_class = {
 *         TORC_FACTORY_CLASS("room", Room),
 *         .protocol = &chatter_class.protocol,
 *     };
 *
 *     Room *room = (Room *)TorcFactory_new(&room_class);
 *
 * Factories are counted: ports, connectors and the protocols they made hold references, and the
 * caller drops its own with TorcFactory_unref. They belong to the reactor's thread. */
#ifndef TORC_FACTORIES_FACTORY_H
#define TORC_FACTORIES_FACTORY_H

#include "../protocols/protocol.h"
#include "../reactor/api.h"
#include "../transports/address.h"

TORC_BEGIN_DECLS

typedef struct TorcFactoryClass TorcFactoryClass;

struct TorcFactory {
    const TorcFactoryClass *cls;       /* the resolved table */
    const TorcProtocolClass *protocol; /* what the default buildProtocol makes; may be set */
    unsigned references;
    unsigned numPorts; /* ports and connectors that use it now */
    /* What connections begin with: see TorcFactory_setBufferLimit and its sisters. */
    size_t bufferLimit;
    double idleTimeout;
    double closeTimeout;
    void *reserved[1];
};

struct TorcFactoryClass {
    /* Set by TORC_FACTORY_CLASS and its kin. */
    size_t class_size;
    size_t instance_size;
    const char *name;
    const TorcFactoryClass *parent;

    /* The class of protocol that the default buildProtocol makes. */
    const TorcProtocolClass *protocol;

    /* Its first port or connector has begun; runs inside the call that began it. */
    void (*startFactory)(TorcFactory *self);

    /* Its last port or connector has ended. */
    void (*stopFactory)(TorcFactory *self);

    /* Makes the protocol for a connection with `peer`. Returns 0 with a protocol made by
     * TorcProtocol_new; 0 with NULL refuses the connection, which is closed; a negative code
     * fails it (it is closed too, and the code is logged or, for a client, is in the reason).
     * The default makes an instance of `protocol`. */
    int (*buildProtocol)(TorcFactory *self, const TorcAddress *peer, TorcProtocol **ret_protocol);

    /* Frees what the instance holds, not the instance; chained like the protocol's. */
    void (*destroy)(TorcFactory *self);

    void (*reserved[8])(void);
};

#define TORC_FACTORY_CLASS(name_, InstanceType)                                                    \
    TORC_FACTORY_SUBCLASS(name_, InstanceType, &torc_factory_class)
#define TORC_FACTORY_SUBCLASS(name_, InstanceType, parent_)                                        \
    .class_size = sizeof(TorcFactoryClass), .instance_size = sizeof(InstanceType),                 \
    .name = (name_), .parent = (parent_)

TORC_API extern const TorcFactoryClass torc_factory_class;

/* A factory of the given class, zeroed behind its base, with one reference that is the caller's.
 * NULL and errno: ENOMEM, or EINVAL for a class table that does not fit. */
TORC_API TorcFactory *TorcFactory_new(const TorcFactoryClass *cls);

/* A plain factory that makes instances of a protocol class. As TorcFactory_new. */
TORC_API TorcFactory *TorcFactory_forProtocol(const TorcProtocolClass *protocol);

/* As TorcProtocol_super: the table above `cls`, for an override that calls the parent's slot. Its
 * startFactory, stopFactory and buildProtocol are there. */
TORC_API const TorcFactoryClass *TorcFactory_super(const TorcFactory *factory,
                                                   const TorcFactoryClass *cls);

/* As TorcProtocolClass_init. parent NULL: torc_factory_class. */
TORC_API void TorcFactoryClass_init(TorcFactoryClass *cls, const char *name, size_t instance_size,
                                    const TorcFactoryClass *parent);

/* ref returns its argument; unref takes NULL and returns NULL; the last one frees. */
TORC_API TorcFactory *TorcFactory_ref(TorcFactory *factory);
TORC_API TorcFactory *TorcFactory_unref(TorcFactory *factory);

/* What connections made from now on begin with. */

/* Most bytes of output that may wait, see TorcTransport_setBufferLimit. 0, the default: no limit.
 * Costs nothing per connection. 0 or -EINVAL (NULL). */
TORC_API int TorcFactory_setBufferLimit(TorcFactory *factory, size_t bytes);

/* Seconds without a byte in either direction after which the connection is ended, see
 * TorcTransport_setIdleTimeout. 0, the default: none. 0 or -EINVAL (NULL, NaN, negative). */
TORC_API int TorcFactory_setIdleTimeout(TorcFactory *factory, double seconds);

/* Seconds that a peer may take no byte of the last ones, see TorcTransport_setCloseTimeout. 0: the
 * default of 30 s; negative: for ever. Costs nothing per connection. 0 or -EINVAL (NULL, NaN). */
TORC_API int TorcFactory_setCloseTimeout(TorcFactory *factory, double seconds);

/* Takes over all of these from another factory. For a factory that has another make its protocols:
 * its buildProtocol copies them each time, since they may have been changed there. NULL does
 * nothing. */
TORC_API void TorcFactory_copyLimits(TorcFactory *factory, const TorcFactory *from);

/* A zeroed protocol instance of the class, its factory set (a reference is held), for
 * buildProtocol. Without a buildProtocol to return it from, free it by TorcProtocol_free.
 * NULL and errno: ENOMEM, EINVAL. */
TORC_API TorcProtocol *TorcProtocol_new(const TorcProtocolClass *cls, TorcFactory *factory);

/* Frees an instance that was never given to a transport: destroy runs. NULL is fine. */
TORC_API void TorcProtocol_free(TorcProtocol *protocol);

/* Makes a protocol by the factory's buildProtocol: what ports and connectors call, and what
 * forwarding factories and tests may call. Result as of the slot. */
TORC_API int TorcFactory_buildProtocol(TorcFactory *factory, const TorcAddress *peer,
                                       TorcProtocol **ret_protocol);

/* One more, or one fewer, port or connector uses the factory: on the first startFactory runs, on
 * the last stopFactory. A doStop without doStart does nothing. Ports and connectors do this
 * themselves. */
TORC_API void TorcFactory_doStart(TorcFactory *factory);
TORC_API void TorcFactory_doStop(TorcFactory *factory);

TORC_END_DECLS

#endif
