/* Protocol: what happens on one connection. (Twisted: Protocol, IProtocol, IHalfCloseableProtocol.)
 *
 * A subclass is a class table whose slots it fills in, and, when it has state of its own, a struct
 * that begins with its parent:
 *
 *     typedef struct Counter {
 *         TorcProtocol base;
 *         uint64_t bytes;
 *     } Counter;
 *
 *     static const TorcProtocolClass counter_class = {
 *         TORC_PROTOCOL_CLASS("counter", Counter),
 *         .dataReceived = counter_dataReceived,
 *         .connectionLost = counter_connectionLost,
 *     };
 *
 * An override that adds to what the parent does calls the parent's slot (Twisted:
 * LineReceiver.connectionLost(self, reason)), naming the table it stands in itself:
 *
 *     static const TorcProtocolClass counter_class;
 *
 *     static void counter_connectionLost(TorcProtocol *self, const TorcReason *reason)
 *     {
 *         report(((Counter *)self)->bytes);
 *         TorcProtocol_super(self, &counter_class)->connectionLost(self, reason);
 *     }
 *
 * In C++, which has no nested designated initialisers, a table is filled in by the init
 * function of its type:
 *
 *     static TorcProtocolClass counter_class;
 *     TorcProtocolClass_init(&counter_class, "counter", sizeof(Counter), nullptr);
 *     counter_class.dataReceived = counter_dataReceived;
 *
 * An instance is made by the factory for each connection, zeroed; the transport owns it and frees
 * it at the end of the turn in which connectionLost has returned. A slot left NULL is inherited.
 *
 * Life: connectionMade, dataReceived any number of times, connectionLost exactly once, nothing
 * after it. An instance whose connection never came about gets destroy alone. */
#ifndef TORC_PROTOCOLS_PROTOCOL_H
#define TORC_PROTOCOLS_PROTOCOL_H

#include "../reactor/api.h"
#include "../reactor/call.h"
#include "../reactor/reason.h"

TORC_BEGIN_DECLS

typedef struct TorcProtocolClass TorcProtocolClass;
typedef struct TorcTransport TorcTransport;
typedef struct TorcFactory TorcFactory;

struct TorcProtocol {
    const TorcProtocolClass *cls; /* the resolved table: every inherited slot filled in */
    TorcTransport *transport;     /* from connectionMade until connectionLost has returned */
    TorcFactory *factory;         /* lives at least as long as the protocol */
};

/* From inside every slot everything of self->transport may be called. */
struct TorcProtocolClass {
    /* Set by TORC_PROTOCOL_CLASS and its kin. */
    size_t class_size;
    size_t instance_size;
    const char *name; /* for logs and dumps: "echo" */
    const TorcProtocolClass *parent;

    /* The connection is there; writing may begin. */
    void (*connectionMade)(TorcProtocol *self);

    /* Bytes arrived: at least one, cut anywhere; valid during the call. */
    void (*dataReceived)(TorcProtocol *self, const void *data, size_t length);

    /* The connection is gone; the last call but destroy. Both addresses can still be asked for, a
     * write answers -EPIPE. The reason is valid during the call. */
    void (*connectionLost)(TorcProtocol *self, const TorcReason *reason);

    /* The peer will send no more (TCP: FIN), and all it sent was delivered. A class that has this
     * slot decides itself what follows: it may go on writing, and must end with loseConnection. For
     * a class without it the connection is closed when what was written has been delivered. */
    void (*readConnectionLost)(TorcProtocol *self);

    /* The write side is closed, as loseWriteConnection asked for; not called when it could not be. */
    void (*writeConnectionLost)(TorcProtocol *self);

    /* More than the high mark of output waits: write no more for now. Called once, at the end of a
     * turn. See TorcTransport_setWriteMarks. */
    void (*pauseProducing)(TorcProtocol *self);

    /* The output has fallen to the low mark: go on. Follows each pauseProducing, unless the
     * connection ends first. */
    void (*resumeProducing)(TorcProtocol *self);

    /* Frees what the instance holds, not the instance. Not inherited but chained: the class's own,
     * then its parent's, and so on. The transport is NULL here. */
    void (*destroy)(TorcProtocol *self);

    /* A file descriptor came over a UNIX socket (TorcTransport_sendFileDescriptor), close-on-exec;
     * it is the protocol's, which must close it. The bytes that it came with follow in
     * dataReceived, also when this pauses reading, unless this ends the connection. For a class
     * without this slot descriptors are closed, and "unix.descriptors-dropped" is logged. (Twisted:
     * IFileDescriptorReceiver.) */
    void (*fileDescriptorReceived)(TorcProtocol *self, int fd);

    void (*reserved[7])(void);
};

/* First line of a class table: name for logs, and the instance's type. */
#define TORC_PROTOCOL_CLASS(name_, InstanceType)                                                   \
    TORC_PROTOCOL_SUBCLASS(name_, InstanceType, &torc_protocol_class)

/* The same for a class whose parent is another table. */
#define TORC_PROTOCOL_SUBCLASS(name_, InstanceType, parent_)                                       \
    .class_size = sizeof(TorcProtocolClass), .instance_size = sizeof(InstanceType),                \
    .name = (name_), .parent = (parent_)

/* The root: connectionMade, dataReceived and connectionLost do nothing. */
TORC_API extern const TorcProtocolClass torc_protocol_class;

/* True when the protocol's class is `cls` (the table as written) or inherits from it. */
TORC_API bool TorcProtocol_isInstance(const TorcProtocol *protocol, const TorcProtocolClass *cls);

/* The table above `cls` among the protocol's classes, resolved: its connectionMade, dataReceived
 * and connectionLost are there, another slot may be NULL. `cls` is the table the calling override
 * was written in; self->cls would be wrong, it is a subclass's table where there is one. For slots
 * of other tables than TorcProtocolClass cast the result to the parent's type. Never NULL; when the
 * protocol is no instance of `cls`, the root. */
TORC_API const TorcProtocolClass *TorcProtocol_super(const TorcProtocol *protocol,
                                                     const TorcProtocolClass *cls);

/* Fills in what TORC_PROTOCOL_SUBCLASS does, for C++ and bindings, and leaves every slot NULL.
 * parent NULL: the root. Table and name must stay; set the slots before the first use. */
TORC_API void TorcProtocolClass_init(TorcProtocolClass *cls, const char *name, size_t instance_size,
                                     const TorcProtocolClass *parent);

TORC_END_DECLS

#endif
