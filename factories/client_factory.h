/* ClientFactory: a factory that is told how its attempts to connect go. (Twisted: ClientFactory.)
 *
 * For each attempt: startedConnecting, then either buildProtocol, clientConnectionMade and later
 * clientConnectionLost, or clientConnectionFailed. (A buildProtocol that answers NULL is followed
 * by clientConnectionLost alone.) The connector may be told to connect() again from inside the last
 * two; the factory is then not stopped in between. An attempt that is given up before it has begun,
 * in the turn that asked for it, gets clientConnectionFailed alone. */
#ifndef TORC_FACTORIES_CLIENT_FACTORY_H
#define TORC_FACTORIES_CLIENT_FACTORY_H

#include "../reactor/reason.h"
#include "factory.h"

TORC_BEGIN_DECLS

typedef struct TorcClientFactoryClass TorcClientFactoryClass;
typedef struct TorcConnector TorcConnector;

typedef struct TorcClientFactory {
    TorcFactory base;
} TorcClientFactory;

struct TorcClientFactoryClass {
    TorcFactoryClass factory;

    /* An attempt begins (before the host's name is resolved). stopConnecting may be called. */
    void (*startedConnecting)(TorcClientFactory *self, TorcConnector *connector);

    /* The attempt failed, or was stopped. */
    void (*clientConnectionFailed)(TorcClientFactory *self, TorcConnector *connector,
                                   const TorcReason *reason);

    /* The connection is gone; the protocol's connectionLost has returned. */
    void (*clientConnectionLost)(TorcClientFactory *self, TorcConnector *connector,
                                 const TorcReason *reason);

    /* The connection is there: the protocol's connectionMade has returned. Whatever that asked for,
     * also the end of the connection, is still to come. */
    void (*clientConnectionMade)(TorcClientFactory *self, TorcConnector *connector,
                                 TorcProtocol *protocol);

    void (*reserved[7])(void);
};

#define TORC_CLIENT_FACTORY_CLASS(name_, InstanceType)                                             \
    TORC_CLIENT_FACTORY_SUBCLASS(name_, InstanceType, &torc_client_factory_class)
#define TORC_CLIENT_FACTORY_SUBCLASS(name_, InstanceType, parent_)                                 \
    .factory.class_size = sizeof(TorcClientFactoryClass),                                          \
    .factory.instance_size = sizeof(InstanceType), .factory.name = (name_),                        \
    .factory.parent = &(parent_)->factory

TORC_API extern const TorcClientFactoryClass torc_client_factory_class;

/* As TorcFactory_new and TorcFactory_forProtocol. Drop the reference with
 * TorcFactory_unref(&factory->base). */
TORC_API TorcClientFactory *TorcClientFactory_new(const TorcClientFactoryClass *cls);
TORC_API TorcClientFactory *TorcClientFactory_forProtocol(const TorcProtocolClass *protocol);

/* As TorcProtocolClass_init. parent NULL: torc_client_factory_class. */
TORC_API void TorcClientFactoryClass_init(TorcClientFactoryClass *cls, const char *name,
                                          size_t instance_size,
                                          const TorcClientFactoryClass *parent);

TORC_END_DECLS

#endif
